"""NumPy's functions that change their argument, which JAX can not have."""

from __future__ import annotations

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np

from . import assigning
from .array import Array
from .lifting import unpacked
from .operators import casts_same_kind, is_whole
from .views import SCALAR
from .wrapping import function


def _mutable(array: Any, name: str) -> Array:
    if not isinstance(array, Array) or array.mark() == SCALAR:
        kind = "scalar" if isinstance(array, Array) else type(array).__name__
        raise TypeError(
            f"{name}() changes its first argument, which is a {kind}: it takes a statejit array"
        )
    return array


def copyto(dst: Array, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """Copies values from one array to another, broadcasting.

    Args:
        dst: what is written, (*shape,).
        src: the values, broadcast to (*shape,).
        casting: 'same_kind' refuses floats for an integer array; 'unsafe' casts anything.
        where: which elements are written, broadcast to (*shape,).

    Raises:
        TypeError: if the cast is not allowed.

    Example:
        >>> import statejit.numpy as snp
        >>> a = snp.zeros(3)
        >>> snp.copyto(a, 5.0, where=snp.array([True, False, True]))
        >>> a
        Array([5., 0., 5.], dtype=float32)
    """
    dst = _mutable(dst, "copyto")
    dst._check_writeable()
    old = dst.value
    if is_whole(src) and jnp.issubdtype(old.dtype, jnp.integer):
        src = assigning.cast(src, old.dtype)
    new = jnp.asarray(unpacked(src, True))
    if casting != "unsafe" and not casts_same_kind(new.dtype, old.dtype):
        raise TypeError(
            f"Cannot cast array data from dtype({str(new.dtype)!r}) to "
            f"dtype({str(old.dtype)!r}) according to the rule {casting!r}"
        )
    if where is True:
        dst[...] = new
    else:
        dst._assign(
            jnp.where(
                unpacked(where, True), assigning.stretched(new, old.shape).astype(old.dtype), old
            )
        )


def putmask(a: Array, mask: Any, values: Any) -> None:
    """Sets the elements where a mask holds; `values` is repeated over the whole array.

    Args:
        a: what is written, (*shape,).
        mask: booleans, (*shape,).
        values: the values, (n,).
    """
    a = _mutable(a, "putmask")
    old = a.value
    mask = jnp.asarray(unpacked(mask, True))
    if mask.size != old.size:
        raise ValueError("putmask: mask and data must be the same size")
    values = jnp.resize(assigning.cast(values, old.dtype), old.shape)
    a._assign(jnp.where(mask.reshape(old.shape), values, old))


def place(arr: Array, mask: Any, vals: Any) -> None:
    """Sets the elements where a mask holds to the first values, repeated if there are too few.

    Args:
        arr: what is written, (*shape,).
        mask: booleans, (*shape,).
        vals: the values, (n,).
    """
    arr = _mutable(arr, "place")
    vals = jnp.asarray(assigning.cast(vals, arr.value.dtype))
    arr._assign(jnp.place(arr.value, jnp.asarray(unpacked(mask, True)), vals, inplace=False))


def put(a: Array, ind: Any, v: Any, mode: str = "raise") -> None:
    """Sets elements of the flattened array.

    Args:
        a: what is written, (*shape,).
        ind: indices into the flattened array, (n,).
        v: the values, repeated if there are too few.
        mode: what to do with indices out of bounds: 'raise', 'wrap' or 'clip'.
    """
    _mutable(a, "put").put(ind, v, mode)


def put_along_axis(arr: Array, indices: Any, values: Any, axis: int | None = -1) -> None:
    """Sets the elements that `take_along_axis` would return.

    Args:
        arr: what is written, (*shape,).
        indices: along the axis, (*shape,) but for that axis.
        values: broadcast to the shape of `indices`.
        axis: the axis; None for the flattened array.
    """
    arr, indices = _mutable(arr, "put_along_axis"), unpacked(indices, True)
    if axis is None:
        arr.flat[indices] = values
        return
    if np.ndim(indices) != arr.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    places = list(np.ogrid[tuple(map(slice, arr.shape))])
    places[axis] = indices
    arr[tuple(places)] = values


def fill_diagonal(a: Array, val: Any, wrap: bool = False) -> None:
    """Sets the main diagonal.

    Args:
        a: what is written, (n, m) or (n, ..., n).
        val: the values, repeated if there are too few.
        wrap: whether the diagonal goes on in tall matrices.

    Example:
        >>> import statejit.numpy as snp
        >>> a = snp.zeros((2, 2))
        >>> snp.fill_diagonal(a, 1)
        >>> a.tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    if isinstance(a, Array) and a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    a = _mutable(a, "fill_diagonal")
    val = jnp.asarray(assigning.cast(val, a.value.dtype))
    if wrap and a.ndim == 2 and a.shape[0] > a.shape[1]:
        a.flat[:: a.shape[1] + 1] = val
    else:
        a._assign(jnp.fill_diagonal(a.value, val, inplace=False))


@functools.wraps(jnp.nan_to_num)
def nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """Returns an array with numbers in the place of NaN and infinity, in place if `copy=False`."""
    found = _NAN_TO_NUM(x, nan=nan, posinf=posinf, neginf=neginf)
    if copy:
        return found
    _mutable(x, "nan_to_num")[...] = found
    return x


_NAN_TO_NUM = function(jnp.nan_to_num, np.nan_to_num)


IN_PLACE = {
    fun.__name__: fun
    for fun in (copyto, fill_diagonal, nan_to_num, place, put, put_along_axis, putmask)
}
"""These functions, by name."""
