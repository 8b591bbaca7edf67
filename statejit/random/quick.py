"""The shortest way to a draw outside of traces: what a call needs is kept by its arguments.

To check parameters and to find the program takes longer than the draw itself. Whatever is not as
simple goes the general way, which also raises the errors.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import jax
import numpy as np

from .._core.frames import CURRENT
from .draws import Draws, advance
from .programs import Program

NUMBERS = (float, int, bool)
OTHERS = (type(None), np.generic, np.dtype, type, str)

LARGEST = 64
"""How many elements the parameters of a call may have that are kept."""

Same = Callable[[Any, Any], bool]
"""Says of arguments that equal a call's if they are the same; -0.0 is 0.0, (1.0,) is (1,)."""

Method = TypeVar("Method", bound=Callable[..., Any])


class _Preparing(Draws):
    """Takes the place of a generator: it prepares a draw, and does not make it."""

    def __init__(self) -> None:
        pass

    def _run(self, run: Program, key: Any, params: Any) -> Any:
        if key is not None or any(np.size(p) > LARGEST for p in params):
            raise TypeError("not by its arguments alone")
        return run, params


PREPARING = _Preparing()


def quick(method: Method) -> Method:
    """Makes a method that draws once go the short way where its arguments are numbers and names.

    Args:
        method: calls nothing of its generator but `_sample` or `_plain`, whose result it returns.
    """

    @functools.lru_cache(maxsize=1024, typed=True)
    def kept(wide: bool, /, *args: Any, **kwargs: Any) -> tuple[Any, Any, int | None, Same | None]:
        if not _fixed((*args, *kwargs.values())):
            raise TypeError("not by its arguments alone")
        run, params = method(PREPARING, *args, **kwargs)
        with jax.ensure_compile_time_eval():
            ready = [jax.numpy.asarray(p) for p in params]
        return run.of_words, ready, *_same(args, kwargs)

    wide, sign = jax.enable_x64, math.copysign

    @functools.wraps(method)
    def draw(self: Any, *args: Any, **kwargs: Any) -> Any:
        if CURRENT.get() is not None:
            return method(self, *args, **kwargs)
        try:
            found = kept(wide.value, *args, **kwargs) if kwargs else kept(wide.value, *args)
            of_words, params, zero, same = found
        except TypeError:  # also for arguments without a hash
            return method(self, *args, **kwargs)
        if zero is not None and sign(1.0, args[zero]) < 0:
            return method(self, *args, **kwargs)
        if same is not None and not same(args, kwargs):
            return method(self, *args, **kwargs)
        return advance(self.__dict__["key"], of_words, params)

    return cast(Method, draw)


def _fixed(values: tuple[Any, ...]) -> bool:
    """Says whether arguments are numbers and the like, which nobody changes."""
    return _as_they_look(values) and all(
        type(v) in NUMBERS or type(v) is tuple or isinstance(v, OTHERS) for v in values
    )


def _same(args: Any, kwargs: Any) -> tuple[int | None, Same | None]:
    """Returns what tells the arguments of a call from others that equal them.

    Returns:
        The position of a number that is to be 0.0, not -0.0, if that is all; and else what says
        whether arguments are the same, if any others equal them.
    """
    given = (*args, *kwargs.values())
    doubtful = [i for i, v in enumerate(given) if type(v) is tuple or v == 0]
    if not doubtful:
        return None, None
    if len(doubtful) == 1 and doubtful[0] < len(args) and type(given[doubtful[0]]) is not tuple:
        return doubtful[0], None
    return None, lambda args, kwargs: _as_they_look((*args, *kwargs.values()))


def _as_they_look(values: Any) -> bool:
    for value in values:
        if type(value) is tuple:
            for n in value:
                if type(n) is not int:
                    return False
        elif value == 0 and math.copysign(1.0, value) < 0:
            return False
    return True
