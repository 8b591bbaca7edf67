"""NumPy's functions that return views: on mutable arrays they do so here, too."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from .array import Array, fresh
from .layouts import layout_of
from .lifting import unpacked
from .steps import Pick

Function = Callable[..., Any]


def _array(a: Any) -> Any:
    """Returns the array itself, or a new one of anything array-like."""
    return a if isinstance(a, Array) else Array(a)


def _like(fun: Function) -> Function:
    """Gives a function the signature and the text of the one in `jax.numpy`."""
    return functools.wraps(getattr(jnp, fun.__name__))(fun)


def _plain(value: Any) -> Any:
    value = unpacked(value)
    if isinstance(value, (tuple, list)):
        return tuple(operator.index(n) for n in value)
    return value if value is None else operator.index(value)


@_like
def reshape(
    a: Any,
    shape: Any = None,
    order: str = "C",
    *,
    newshape: Any = None,
    copy: bool | None = None,
    out_sharding: Any = None,
) -> Any:
    found = _array(a).reshape(shape if shape is not None else newshape, order=order, copy=copy)
    return (
        found
        if out_sharding is None
        else fresh(found.value.reshape(found.shape, out_sharding=out_sharding))
    )


@_like
def ravel(a: Any, order: str = "C", *, out_sharding: Any = None) -> Any:
    return reshape(_array(a).ravel(order), (-1,), out_sharding=out_sharding)


@_like
def transpose(a: Any, axes: Any = None) -> Any:
    return _array(a).transpose(axes)


@_like
def permute_dims(a: Any, /, axes: Any) -> Any:
    return _array(a).transpose(axes)


@_like
def matrix_transpose(x: Any, /) -> Any:
    return _array(x).mT


@_like
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    return _array(a).swapaxes(axis1, axis2)


@_like
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    source, destination = _plain(source), _plain(destination)
    return _array(a)._permuted(lambda axes: np.moveaxis(axes, source, destination))


@_like
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    axis, start = _plain(axis), _plain(start)
    return _array(a)._permuted(lambda axes: np.rollaxis(axes, axis, start))


@_like
def squeeze(a: Any, axis: Any = None) -> Any:
    return _array(a).squeeze(axis)


@_like
def expand_dims(a: Any, axis: Any) -> Any:
    a, axis = _array(a), _plain(axis)
    shape = np.expand_dims(layout_of(a.shape, "b"), axis).shape
    given = {n % len(shape) for n in ((axis,) if isinstance(axis, int) else axis)}
    lengths = iter(a.shape)
    entries = [None if i in given else (0, next(lengths), 1) for i in range(len(shape))]
    return a._view(Pick(tuple(entries)))


@_like
def flip(m: Any, axis: Any = None) -> Any:
    m, axis = _array(m), _plain(axis)
    np.flip(layout_of(m.shape, "b"), axis)  # raises as NumPy does
    if not m.ndim:
        return m[()]  # a scalar, as in NumPy
    given = range(m.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    turned = {n % m.ndim for n in given}
    back = slice(None, None, -1)
    return m[(*(back if i in turned else slice(None) for i in range(m.ndim)), ...)]


@_like
def fliplr(m: Any) -> Any:
    np.fliplr(layout_of(_array(m).shape, "b"))
    return flip(m, 1)


@_like
def flipud(m: Any) -> Any:
    np.flipud(layout_of(_array(m).shape, "b"))
    return flip(m, 0)


@_like
def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    m, axes, k = _array(m), _plain(axes), operator.index(k) % 4
    np.rot90(layout_of(m.shape, "b"), k, axes)  # raises as NumPy does
    if k == 0:
        return m[...]
    if k == 2:
        return flip(flip(m, axes[0]), axes[1])
    turned = m.swapaxes(*axes)
    return flip(turned, axes[0]) if k == 1 else flip(turned, axes[1])


def _pieces(cut: Function, ary: Any, indices_or_sections: Any, axis: int) -> list[Any]:
    """Returns views between the places where NumPy's `cut` would cut."""
    ary, axis = _array(ary), operator.index(axis)
    where = _plain(
        unpacked(indices_or_sections, True)
        if isinstance(indices_or_sections, Array)
        else indices_or_sections
    )
    cut(layout_of(ary.shape, "b"), where, axis)  # raises as NumPy does
    axis %= ary.ndim
    found = []
    for piece in cut(np.arange(ary.shape[axis]), where, 0):
        start = int(piece[0]) if piece.size else 0
        found.append(ary[(*[slice(None)] * axis, slice(start, start + piece.size))])
    return found


@_like
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    return _pieces(np.split, ary, indices_or_sections, axis)


@_like
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    return _pieces(np.array_split, ary, indices_or_sections, axis)


@_like
def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    if _array(ary).ndim < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return split(ary, indices_or_sections, 0)


@_like
def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    ary = _array(ary)
    if ary.ndim == 0:
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


@_like
def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    if _array(ary).ndim < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return split(ary, indices_or_sections, 2)


@_like
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    x = _array(x)
    if x.ndim == 0:
        raise ValueError("Input array must be at least 1-d.")
    return tuple(moveaxis(x, axis, 0))


def _at_least(ndim: int, index: Callable[[int], Any], arys: tuple[Any, ...]) -> Any:
    found = [a if a.ndim >= ndim else a[index(a.ndim)] for a in map(_array, arys)]
    return found[0] if len(found) == 1 else tuple(found)


@_like
def atleast_1d(*arys: Any) -> Any:
    return _at_least(1, lambda n: None, arys)


@_like
def atleast_2d(*arys: Any) -> Any:
    return _at_least(2, lambda n: (None,) * (2 - n), arys)


@_like
def atleast_3d(*arys: Any) -> Any:
    places = {0: (None, None, None), 1: (None, ..., None), 2: (..., None)}
    return _at_least(3, places.__getitem__, arys)


@_like
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return _array(a).diagonal(offset, axis1, axis2)


@_like
def diag(v: Any, k: int = 0) -> Any:
    v = _array(v)
    if v.ndim == 2:
        return v.diagonal(k)
    if v.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    return v._new_copy(jnp.diag(v.value, k), None)


@_like
def broadcast_to(array: Any, shape: Any, subok: bool = False, *, out_sharding: Any = None) -> Any:
    found = _array(array)._broadcast(shape)
    return (
        found
        if out_sharding is None
        else fresh(jnp.broadcast_to(found.value, found.shape, out_sharding=out_sharding))
    )


@_like
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    arrays = [_array(a) for a in args]
    shape = np.broadcast_shapes(*[a.shape for a in arrays])
    return tuple(a if a.shape == shape else a._broadcast(shape) for a in arrays)


@_like
def meshgrid(
    *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Any, ...]:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    n = len(xi)
    places = [1 - i if indexing == "xy" and i < 2 <= n else i for i in range(n)]
    rows = [_array(x) for x in xi]
    found = [
        row.reshape(*[-1 if i == j else 1 for j in range(n)])
        for row, i in zip(rows, places, strict=True)
    ]
    if not sparse:
        shape = np.broadcast_shapes(*[a.shape for a in found])
        found = [a._broadcast(shape) for a in found]
    return tuple(a.copy() for a in found) if copy else tuple(found)


@_like
def real(val: Any, /) -> Any:
    return _array(val).real


@_like
def imag(val: Any, /) -> Any:
    return _array(val).imag


VIEWING: dict[str, Function] = {
    fun.__name__: fun
    for fun in (
        *(reshape, ravel, transpose, permute_dims, matrix_transpose, swapaxes, moveaxis, rollaxis),
        *(squeeze, expand_dims, flip, fliplr, flipud, rot90, split, array_split, vsplit, hsplit),
        *(dsplit, unstack, atleast_1d, atleast_2d, atleast_3d, diagonal, diag, broadcast_to),
        *(broadcast_arrays, meshgrid, real, imag),
    )
}
"""These functions, by name."""
