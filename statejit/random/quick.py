"""The shortest way to a draw of numbers outside of traces: what a call needs, by its arguments.

To check parameters and to find the program takes longer than the draw itself. Whatever is not as
simple goes the general way, which also raises the errors.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .programs import Program

NUMBERS = (float, int, bool, np.number, np.bool)
DTYPES = (type(None), type, np.dtype, str)

Same = Callable[[Any, Any], bool]
"""Says of arguments that equal a call's if they are the same; -0.0 is 0.0, (1.0,) is (1,)."""

Kept = tuple[Program, Any, Same | None]


def kept(
    prepared: Callable[..., tuple[Program, Any]], values: Callable[[Any, Any], tuple[Any, ...]]
) -> Callable[..., Kept]:
    """Returns a function that gives, for the arguments of a call, what it needs.

    It is called with whether JAX has 64 bits, and the arguments, and gives the program, its
    parameters, and what tells them from other ones; it raises TypeError where the general way must
    be gone.

    Args:
        prepared: (params, size, dtype, advance, valid) -> the program and its parameters.
        values: (args, kwargs) -> (params, size, dtype, out, key, valid).
    """

    @functools.lru_cache(maxsize=1024, typed=True)
    def found(wide: bool, /, *args: Any, **kwargs: Any) -> Kept:
        params, size, dtype, out, key, valid = values(args, kwargs)
        if out is not None or key is not None or not _fixed(params, size, dtype):
            raise TypeError("not by its arguments alone")
        return *prepared(params, size, dtype, True, valid), _same(args, kwargs)

    return found


def _fixed(params: tuple[Any, ...], size: Any, dtype: Any) -> bool:
    """Says whether arguments are numbers and the like, which nobody changes."""
    return (
        all(isinstance(p, NUMBERS) for p in params)
        and (size is None or type(size) in (int, tuple))
        and isinstance(dtype, DTYPES)
        and _as_they_look((*params, size))
    )


def _same(args: Any, kwargs: Any) -> Same | None:
    """Returns what tells the arguments of a call from others that equal them; None if none do."""
    given = (*args, *kwargs.values())
    doubtful = [i for i, v in enumerate(given) if type(v) is tuple or v == 0]
    if not doubtful:
        return None
    (first, *others), count = doubtful, len(args)
    if others or first >= count or type(given[first]) is tuple:
        return lambda args, kwargs: _as_they_look((*args, *kwargs.values()))
    return lambda args, kwargs: math.copysign(1.0, args[first]) > 0


def _as_they_look(args: Any) -> bool:
    for value in args:
        if type(value) is tuple:
            for n in value:
                if type(n) is not int:
                    return False
        elif value == 0 and math.copysign(1.0, value) < 0:
            return False
    return True
