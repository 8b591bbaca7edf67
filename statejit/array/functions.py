"""Wraps `jax.numpy` function by function, from its own namespace, so that arrays stay mutable."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .._core.cells import Cell
from . import indexing
from .array import Array, content, made
from .lifting import packed, taking_arrays, unpacked
from .methods import assigned

UFUNC_METHODS = ("reduce", "accumulate", "reduceat", "outer")

RETURN_FUNCTIONS = frozenset({"vectorize", "frompyfunc"})


def function(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function of `jax.numpy` as one over mutable arrays.

    Args:
        fun: takes and returns `jax.Array`s, also in containers.

    Returns:
        A function with the same name, signature and text; it takes `out=` too.
    """
    call = taking_arrays(fun)
    name = fun.__name__

    @functools.wraps(fun)
    def over_arrays(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and isinstance(args[0], Cell):  # most calls: 0.7 us less
            found = fun(args[0].value)
            return made(found) if isinstance(found, jax.Array) else packed(found, made)
        out = kwargs.pop("out", None) if kwargs else None
        found = call(*args, **kwargs)
        if out is not None:
            return assigned(out, found, name)
        return made(found) if isinstance(found, jax.Array) else packed(found, made)

    return over_arrays


def ufunc(fun: Any) -> Callable[..., Any]:
    """Returns a ufunc of `jax.numpy` with its methods: `add.reduce`, `add.at` ..."""
    over_arrays: Any = function(fun)
    for name in UFUNC_METHODS:
        setattr(over_arrays, name, function(getattr(fun, name)))
    over_arrays.at = _ufunc_at(fun)
    over_arrays.nin, over_arrays.nout, over_arrays.identity = fun.nin, fun.nout, fun.identity
    return over_arrays


def _ufunc_at(fun: Any) -> Callable[..., None]:
    def at(a: Array, indices: Any, *b: Any) -> None:
        """Does the operation in place at some indices, as often as each is given."""
        b = tuple(jnp.asarray(unpacked(v, True)) for v in b)
        where = indexing.checked(indices, a.value.shape)
        new = fun.at(a.value, where, *b, inplace=False)
        a.value = new.astype(a.value.dtype)

    return at


def function_maker(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps `vectorize` and its kin, whose results are functions again."""
    call = taking_arrays(fun)

    @functools.wraps(fun)
    def maker(*args: Any, **kwargs: Any) -> Any:
        return function(call(*args, **kwargs))

    return maker


class Grid:
    """Wraps an object that is indexed to make arrays: `mgrid`, `ogrid`, `r_`, `c_`.

    Args:
        grid: the one of `jax.numpy`.
    """

    def __init__(self, grid: Any) -> None:
        self._grid = grid

    def __getitem__(self, index: Any) -> Any:
        return packed(self._grid[unpacked(index)], made)


def namespace(module: Any) -> dict[str, Any]:
    """Returns the public names of a module of `jax.numpy`, its functions wrapped.

    Args:
        module: `jax.numpy` or one of its submodules.
    """
    found: dict[str, Any] = {}
    for name in dir(module):
        value = getattr(module, name)
        if name.startswith("_") or isinstance(value, types.ModuleType):
            continue
        if name in ("mgrid", "ogrid", "r_", "c_"):
            value = Grid(value)
        elif isinstance(value, jnp.ufunc):
            value = ufunc(value)
        elif name in RETURN_FUNCTIONS:
            value = function_maker(value)
        elif callable(value) and not isinstance(value, type):
            value = function(value)
        found[name] = value
    return found


@functools.wraps(jnp.array)
def array(object: Any, dtype: Any = None, copy: bool = True, **kwargs: Any) -> Any:
    """Returns a new mutable array; `copy=False` keeps one that fits."""
    if not copy:
        return asarray(object, dtype)
    new = content(object, dtype)
    new = new.copy() if new is object else new
    return made(_with_axes(new, **kwargs))


def _with_axes(value: Any, ndmin: int = 0, order: str = "K", **kwargs: Any) -> Any:
    value = value.reshape((1,) * (ndmin - value.ndim) + value.shape)
    return jax.device_put(value, **kwargs) if any(kwargs.values()) else value


@functools.wraps(jnp.asarray)
def asarray(
    a: Any, dtype: Any = None, order: Any = None, *, copy: bool | None = None, **kwargs: Any
) -> Any:
    """Returns the array itself if it is a mutable one that fits, or else a new one."""
    is_ours = isinstance(a, Array) and not a.host
    fits = dtype is None or (is_ours and a.value.dtype == jax.dtypes.canonicalize_dtype(dtype))
    if is_ours and fits and not copy and not any(kwargs.values()):
        return a
    return array(a, dtype, **kwargs)


@functools.wraps(jnp.copy)
def copy(a: Any, order: Any = None) -> Array:
    """Returns a mutable array of its own with the same content."""
    return array(a)


NAMESPACE: dict[str, Any] = namespace(jnp) | {
    "array": array,
    "asanyarray": asarray,
    "asarray": asarray,
    "ascontiguousarray": asarray,
    "copy": copy,
    "ndarray": Array,
}
"""The public names of `jax.numpy`, and some that only make sense where arrays are mutable."""
