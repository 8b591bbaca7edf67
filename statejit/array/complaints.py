"""NumPy's errors: where JAX refuses a call that NumPy refuses, too, it is with NumPy's words.

NumPy is asked by trying the same call on arrays of the same shapes and dtypes, after the failure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import jax
import numpy as np

from .._core.advice import DO
from .._core.cells import Cell
from .._core.numbers import Number, plain
from .._core.slots import is_tracer
from ..errors import StatejitError
from .lifting import stacked

FAILURES = (TypeError, ValueError, IndexError, NotImplementedError, AttributeError)
"""What JAX may raise where NumPy raises something else."""

_SIZE = (
    "the shape of the result would depend on the values: give its length (`size=`, and "
    "`fill_value=` for the rest), or keep the shape with statejit.numpy.where(mask, a, 0)."
)
_SHAPE = (
    "the shape of the result would depend on the values: keep the shape with "
    "statejit.numpy.where(mask, a, 0), or do it outside of the transformed function."
)
_ZEROS = (
    "the length of the result would depend on the values: keep leading zeros with "
    "trim_leading_zeros=False, or do it outside of the transformed function."
)
INSTEAD = {
    **dict.fromkeys(("polymul", "polydiv"), _ZEROS),
    **dict.fromkeys(("compress", "extract", "setdiff1d"), _SIZE),
    **dict.fromkeys(("delete", "trim_zeros", "insert", "histogram", "histogram_bin_edges"), _SHAPE),
}
"""What to do instead of functions whose result has another shape for other values."""

NO_LISTS = "requires ndarray or scalar arguments"
"""What JAX says of a list; most functions say beforehand, by their annotations, what they take."""


def settled(
    call: Callable[..., Any],
    fun: Callable[..., Any] | None,
    args: Any,
    kwargs: Any,
    error: Exception,
) -> Any:
    """Returns what NumPy gives where JAX refuses: it takes lists, and scalars for one element.

    Args:
        call: the function of JAX.
        fun: NumPy's function, if there is one.
        args: the arguments.
        kwargs: the keyword arguments.
        error: what JAX raised; it is raised again, or NumPy's, where NumPy refuses, too.
    """
    try:
        complain(fun, args, kwargs, error)
    except type(error) as still:
        if still is not error or fun is None or not args:
            raise
        if NO_LISTS in str(error):
            return call(
                *[stacked(a) if isinstance(a, (list, tuple)) else a for a in args], **kwargs
            )
        if not _is_scalar(args[0]):
            raise
        first = args[0].value if isinstance(args[0], Cell) else args[0]
        return call(jax.numpy.reshape(first, 1), *args[1:], **kwargs)


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
        advised(error, getattr(fun, "__name__", ""))
        raise error
    try:
        like = jax.tree.map(_like, (tuple(args), dict(kwargs)), is_leaf=_is_array)
        with np.errstate(all="ignore"):
            fun(*like[0], **like[1])
    except _Unknown:
        raise error from None
    except FAILURES as numpys:
        if "read-only" not in str(numpys):  # as what it was given is
            raise numpys from None
    raise error


def advised(error: Exception, name: str) -> None:
    """Notes on JAX's error what to do where the shape of a function's result depends on values.

    Args:
        error: the error.
        name: the name of the function.
    """
    if name in INSTEAD and isinstance(error, jax.errors.JAXTypeError):
        error.add_note(DO + INSTEAD[name])


def refused(shape: Any, dtype: Any, index: Any, new: Any, error: Exception) -> NoReturn:
    """Raises NumPy's error for an assignment that we refuse: it may look at other things first.

    Args:
        shape: the shape of the array.
        dtype: its dtype.
        index: as it was given.
        new: what is assigned, as it was given.
        error: ours.
    """
    index, new = jax.tree.map(_content, (index, new), is_leaf=_is_array)
    if isinstance(error, (jax.errors.JAXTypeError, jax.errors.JAXIndexError)):
        raise error
    try:
        np.zeros(shape, dtype)[index] = new
    except (TypeError, ValueError, IndexError) as numpys:
        raise numpys from None
    raise error


def refused_read(shape: Any, index: Any, error: Exception) -> NoReturn:
    """Raises NumPy's error for an index that JAX refuses.

    Args:
        shape: the shape of the array.
        index: as it was given.
        error: what JAX raised.
    """
    index = jax.tree.map(_content, index, is_leaf=_is_array)
    try:
        np.broadcast_to(np.zeros((), bool), shape)[index]
    except (IndexError, ValueError) as numpys:
        raise numpys from None
    raise error


def _content(value: Any) -> Any:
    """Returns what NumPy can look at; of what only a trace knows, the shape."""
    value = value.value if isinstance(value, Cell) else value
    if is_tracer(value):
        return np.zeros(value.shape, value.dtype)
    return np.asarray(value) if isinstance(value, jax.Array) else plain(value)


def _is_scalar(value: Any) -> bool:
    return _is_array(value) and not value.shape


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
