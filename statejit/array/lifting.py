"""How a function of JAX is given mutable arrays: contents go in, and lists where NumPy has them."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.cells import Cell
from .._core.frames import CURRENT
from .._core.numbers import Number, plain

AS_IS = frozenset({int, float, bool, complex, str, type(None), type, slice})
"""Exact types of arguments that need no look."""

SHAPING = frozenset({"arange", "linspace", "logspace", "geomspace", "tri", "eye", "identity"})
"""Functions whose numbers decide a shape; those that vary from call to call become guards."""

KNOWN = frozenset({int, float, bool, complex})
"""Exact types of numbers that are no symbols."""

MOST_OPERANDS = 8
"""How many operands a ufunc may have."""

Function = Callable[..., Any]


def taking_arrays(fun: Function) -> Function:
    """Returns `fun` with mutable arrays let in, also within lists, tuples and dicts.

    Args:
        fun: a function of `jax.numpy`; its results are returned as they are.
    """
    lists, sequences = _listy(fun), _listy(fun, "Sequence[ArrayLike]")
    name = getattr(fun, "__name__", "")
    shaping = name in SHAPING

    def call(*args: Any, **kwargs: Any) -> Any:
        args = tuple(
            [
                a.value
                if isinstance(a, Cell)
                else a
                if type(a) in AS_IS
                else unpacked(a, i in lists)
                for i, a in enumerate(args)
            ]
        )
        if kwargs:
            kwargs = {k: unpacked(v, k in lists) for k, v in kwargs.items()}
        if sequences:
            args = tuple([_elements(a) if i in sequences else a for i, a in enumerate(args)])
            kwargs = {k: _elements(v) if k in sequences else v for k, v in kwargs.items()}
        if shaping:
            args = tuple([plain(a) for a in args])
            kwargs = {k: plain(v) for k, v in kwargs.items()}
        return fun(*args, **kwargs)

    return call


def unpacked(value: Any, as_array: bool = False) -> Any:
    """Returns an argument with the contents of mutable arrays in their place.

    Args:
        value: the argument.
        as_array: whether a list or tuple is to become an array.
    """
    cls = type(value)
    if cls in AS_IS or isinstance(value, jax.Array):
        return value
    if isinstance(value, Cell):
        return value.value
    if isinstance(value, (list, tuple)):
        children = [unpacked(v) for v in value]
        if as_array:
            return stacked(children)
        if all(a is b for a, b in zip(children, value, strict=True)):
            return value
        return (
            children
            if cls is list
            else (tuple(children) if cls is tuple else tuple.__new__(cls, children))
        )
    if cls is dict:
        return {k: unpacked(v) for k, v in value.items()}
    if cls is types.FunctionType:
        return _callback(value)
    return as_now(value) if isinstance(value, np.ndarray) else value


def as_now(array: np.ndarray) -> np.ndarray:
    """Returns a NumPy array that later changes do not reach: inside a trace JAX makes no copy."""
    return array.copy() if CURRENT.get() is not None and array.flags.writeable else array


def stacked(children: Any) -> Any:
    """Returns nested lists as one array: NumPy's if all in them is known, and JAX's if not."""
    leaves = numbers(children)
    if any(map(_is_symbol, leaves)):
        return jnp.asarray(jax.tree.map(symbol_as_array, children, is_leaf=_is_symbol))
    if not all(map(_is_known, leaves)):
        return jnp.asarray(children)
    found = np.asarray(children)
    dtype = jax.dtypes.canonicalize_dtype(found.dtype) if found.dtype.kind in "biufc" else None
    return found if dtype in (None, found.dtype) else np.array(children, dtype)


def is_numpys(values: Any) -> bool:
    """Says whether all that nested lists hold is known to NumPy: numbers, and its own arrays."""
    return all(map(_is_known, numbers(values)))


def numbers(values: Any) -> list[Any]:
    """Returns what nested lists hold, symbolic numbers among it."""
    return jax.tree.leaves(values, is_leaf=_is_symbol)


def _is_known(value: Any) -> bool:
    return type(value) in KNOWN or isinstance(value, (np.generic, np.ndarray))


def _is_symbol(value: Any) -> bool:
    return type(value) is Number


def symbol_as_array(value: Any) -> Any:
    """Returns a symbolic number as the array that JAX can make another one of."""
    return value.__jax_array__() if type(value) is Number else value


def packed(value: Any, wrap: Callable[[Any], Any]) -> Any:
    """Returns a result with `wrap` applied to each `jax.Array` in it.

    Args:
        value: what a function of JAX has returned.
        wrap: makes a mutable array.
    """
    if isinstance(value, jax.Array):
        return wrap(value)
    cls = type(value)
    if cls in AS_IS:
        return value
    if isinstance(value, tuple):
        return tuple.__new__(cls, [packed(v, wrap) for v in value])
    if cls is list:
        return [packed(v, wrap) for v in value]
    return value


def _callback(fun: Function) -> Function:
    """Returns a user's function as JAX may call it; what it returns may be a mutable array."""

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        return unpacked(fun(*args, **kwargs))

    return call


def _elements(value: Any) -> Any:
    """Returns a sequence of arrays with an array in the place of each nested list."""
    if not isinstance(value, (list, tuple)) or not any(isinstance(v, (list, tuple)) for v in value):
        return value
    return [stacked(v) if isinstance(v, (list, tuple)) else v for v in value]


def _listy(fun: Function, among: str = "") -> frozenset[int | str]:
    """Returns positions and names of the parameters that take an array but, in JAX, no list.

    Args:
        fun: the function.
        among: a text that the annotation must have; without it, what no sequence may stand for.
    """
    try:
        parameters = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        return frozenset()
    found: set[int | str] = set()
    for i, parameter in enumerate(parameters):
        text = parameter.annotation
        text = text if isinstance(text, str) else str(text)
        if among in text if among else _takes_only_arrays(text):
            found |= {i, parameter.name}
            if parameter.kind is parameter.VAR_POSITIONAL:
                found |= set(range(i, i + MOST_OPERANDS))
    return frozenset(found)


def _takes_only_arrays(annotation: str) -> bool:
    annotation = annotation.replace("SupportsShape", "")  # of an array
    others = ("Sequence", "list", "tuple", "Shape", "Dim")
    return ("ArrayLike" in annotation or "numpy.ndarray" in annotation) and not any(
        other in annotation for other in others
    )
