"""NumPy's errors: where JAX refuses a call that NumPy refuses, too, it is with NumPy's words.

NumPy is asked by trying the same call on arrays of the same shapes and dtypes, after the failure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import jax
import numpy as np

from .._core.cells import Cell
from .._core.numbers import Number
from ..errors import StatejitError

FAILURES = (TypeError, ValueError, IndexError, NotImplementedError, AttributeError)
"""What JAX may raise where NumPy raises something else."""


def complain(fun: Callable[..., Any] | None, args: Any, kwargs: Any, error: Exception) -> NoReturn:
    """Raises NumPy's error for a call that JAX has refused, or JAX's if NumPy has none.

    Args:
        fun: NumPy's function, if there is one.
        args: the arguments.
        kwargs: the keyword arguments.
        error: what JAX raised.
    """
    ours = (StatejitError, jax.errors.JAXTypeError, jax.errors.JAXIndexError)
    if fun is None or isinstance(error, ours):
        raise error
    try:
        like = jax.tree.map(_like, (tuple(args), dict(kwargs)), is_leaf=_is_array)
        with np.errstate(all="ignore"):
            fun(*like[0], **like[1])
    except _Unknown:
        raise error from None
    except FAILURES as numpys:
        raise numpys from None
    raise error


class _Unknown(Exception):
    """Says that NumPy can't be asked: it would call a function of the user's."""


def _is_array(value: Any) -> bool:
    return isinstance(value, (Cell, jax.Array))


def _like(value: Any) -> Any:
    if _is_array(value):
        value = value.value if isinstance(value, Cell) else value
        return np.broadcast_to(np.ones((), value.dtype), value.shape)
    if type(value) is Number:
        return value.value
    if callable(value) and not isinstance(value, (type, np.dtype)):
        raise _Unknown
    return value
