"""Functions of `jax.numpy` with what they lack of NumPy's arguments, over JAX's arrays.

`functions.py` wraps them as it wraps JAX's.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .calculus import typed
from .indexing import is_known
from .operators import check_fitting, in_range, is_whole

ArrayLike = Any  # by this name `function` knows where a list is an array


# Order -----------------------------------------------------------------------------------------


def partition(a: ArrayLike, kth: Any, axis: int | None = -1) -> Any:
    """Returns an array with elements in their place of the sorted one, smaller ones before them.

    Args:
        a: the array, (*shape,).
        kth: the place, or places.
        axis: the axis; None for the flattened array.

    Example:
        >>> import statejit.numpy as snp
        >>> snp.partition([3, 1, 2], (0, 1)).tolist()
        [1, 2, 3]
    """
    return _in_parts(a, kth, axis, jnp.partition, jnp.sort)


def argpartition(a: ArrayLike, kth: Any, axis: int | None = -1) -> Any:
    """Returns the indices with which `partition` would take elements.

    Args:
        a: the array, (*shape,).
        kth: the place, or places.
        axis: the axis; None for the flattened array.
    """
    return _in_parts(a, kth, axis, jnp.argpartition, jnp.argsort).astype(int)


def _in_parts(a: Any, kth: Any, axis: Any, once: Any, often: Any) -> Any:
    a = jnp.asarray(a)
    a, axis = (a.ravel(), -1) if axis is None else (a, axis)
    size = a.shape[normalize_axis_index(axis, a.ndim)]
    places = [operator.index(k) for k in np.ravel(kth).tolist()]
    for place in places:
        if not -size <= place < size:
            raise ValueError(f"kth(={place}) out of bounds ({size})")
    return once(a, places[0], axis) if len(places) == 1 else often(a, axis)


@functools.wraps(jnp.searchsorted)
def searchsorted(*args: Any, **kwargs: Any) -> Any:
    """Returns where values are to be inserted, in the dtype of indices."""
    return jnp.searchsorted(*args, **kwargs).astype(int)


# Indices ---------------------------------------------------------------------------------------


def unravel_index(indices: ArrayLike, shape: Any, order: str = "C") -> Any:
    """Returns the positions by axes of positions in the flattened array.

    Args:
        indices: positions in the flattened array, (*shape,).
        shape: the shape of the array.
        order: 'C' or 'F': which axis goes fastest.

    Raises:
        ValueError: if a position that is known is out of bounds.

    Example:
        >>> import statejit.numpy as snp
        >>> [int(i) for i in snp.unravel_index(1, (2, 3), order="F")]
        [1, 0]
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if is_known(indices):
        np.unravel_index(np.asarray(indices), shape, order=order)  # type: ignore[call-overload]
    turn = -1 if order == "F" else 1
    return jnp.unravel_index(indices, shape[::turn])[::turn]


def ravel_multi_index(
    multi_index: Sequence[ArrayLike], dims: Any, mode: Any = "raise", order: str = "C"
) -> Any:
    """Returns the positions in the flattened array of positions by axes.

    Args:
        multi_index: the positions along each axis, each (*shape,).
        dims: the shape of the array.
        mode: what to do with positions out of bounds, 'raise', 'wrap' or 'clip', for all axes or
            for each; those that only a trace knows are clipped.
        order: 'C' or 'F': which axis goes fastest.
    """
    modes = [mode] * len(dims) if isinstance(mode, str) else list(mode)
    found = []
    for index, n, how in zip(multi_index, dims, modes, strict=True):
        if how == "raise" and is_known(index):
            np.ravel_multi_index((np.asarray(index),), (n,))
        elif how not in ("raise", "wrap", "clip"):
            raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {how!r})")
        found.append(jnp.asarray(index) % n if how == "wrap" else index)
    return jnp.ravel_multi_index(found, dims, mode="clip", order=order)


def choose(
    a: ArrayLike, choices: Sequence[ArrayLike], out: None = None, mode: str = "raise"
) -> Any:
    """Returns an array of elements that are each taken from one of several.

    Args:
        a: which one, (*shape,).
        choices: the arrays, broadcast to (*shape,).
        out: where the result goes.
        mode: what to do where there is no such array: 'raise', 'wrap' or 'clip'; what only a trace
            knows is clipped.
    """
    if mode == "raise" and is_known(a):
        which = np.asarray(a)
        if which.size and not 0 <= which.min() <= which.max() < len(choices):
            raise ValueError("invalid entry in choice array")
    return jnp.choose(a, choices, mode="clip" if mode == "raise" else mode)


def ix_(*args: ArrayLike) -> Any:
    """Returns arrays that together index the product of rows of indices, or of masks.

    Args:
        args: integers, (n,), or booleans, which stand for the places where they hold.

    Example:
        >>> import statejit.numpy as snp
        >>> a = snp.arange(9).reshape(3, 3)
        >>> a[snp.ix_([True, False, True], [2])].tolist()
        [[2], [8]]
    """
    rows = [np.flatnonzero(a) if jnp.asarray(a).dtype == bool else jnp.asarray(a) for a in args]
    return jnp.ix_(*rows)


def mask_indices(n: int, mask_func: Any, k: Any = 0) -> Any:
    """Returns the indices at which a function of a square array leaves something.

    Args:
        n: the length of its sides.
        mask_func: such as `triu`, called with the array and `k`.
        k: its second argument.
    """
    with jax.ensure_compile_time_eval():
        return jnp.mask_indices(n, mask_func, k)


# Numbers ---------------------------------------------------------------------------------------


def clip(a: ArrayLike, min: Any = None, max: Any = None) -> Any:
    """Returns the elements, and a bound where they are beyond it.

    Args:
        a: the array, (*shape,).
        min: the lowest that is left, broadcast to (*shape,).
        max: the highest that is left, broadcast to (*shape,).

    Raises:
        OverflowError: if the dtype can not hold a bound that is a Python integer.
    """
    a = jnp.asarray(a)
    if jnp.issubdtype(a.dtype, jnp.integer):  # a bound below all that there is is none
        limits = jnp.iinfo(a.dtype)
        min = None if is_whole(min) and min < limits.min else min
        max = None if is_whole(max) and max > limits.max else max
    low, high = [in_range("maximum", a, n) if is_whole(n) else _bound(n) for n in (min, max)]
    return jnp.clip(a, low, high)


def _bound(value: Any) -> Any:
    return jnp.asarray(value) if isinstance(value, (list, tuple)) else value


def dot(a: ArrayLike, b: ArrayLike) -> Any:
    """Returns the dot product: over the last axis of one array and the last but one of the other.

    Args:
        a: the array, (*shape, n), or a number.
        b: the array, (*shape, n, m) or (n,), or a number.
    """
    return jnp.dot(typed(a), typed(b))


def reciprocal(x: ArrayLike, /) -> Any:
    """Returns `1 / x`; of integers the whole part, as NumPy has it.

    Args:
        x: the array, (*shape,).
    """
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.integer):
        return jnp.reciprocal(x)
    return jnp.where(abs(x) == 1, x, 0)


def nanargmax(a: ArrayLike, axis: Any = None, out: None = None, keepdims: bool = False) -> Any:
    """Returns where the largest elements are, NaN aside.

    Args:
        a: the array, (*shape,).
        axis: the axis; None for the flattened array.
        out: not used here.
        keepdims: whether the axis stays, with length 1.

    Raises:
        ValueError: if there is nothing but NaN, and that is known.
    """
    return _somewhere(jnp.nanargmax(a, axis, keepdims=keepdims))


def nanargmin(a: ArrayLike, axis: Any = None, out: None = None, keepdims: bool = False) -> Any:
    """Returns where the smallest elements are, NaN aside; else as `nanargmax`.

    Args:
        a: the array, (*shape,).
        axis: the axis; None for the flattened array.
        out: not used here.
        keepdims: whether the axis stays, with length 1.
    """
    return _somewhere(jnp.nanargmin(a, axis, keepdims=keepdims))


def _somewhere(found: Any) -> Any:
    if is_known(found) and np.any(np.asarray(found) < 0):
        raise ValueError("All-NaN slice encountered")
    return found


def einsum(subscripts: Any, /, *operands: Any, dtype: Any = None, **kwargs: Any) -> Any:
    """Returns the sum of products that subscripts name.

    Args:
        subscripts: the subscripts, or the first operand, with its subscripts after it.
        operands: the operands.
        dtype: the dtype in which it is computed.
        kwargs: what else `jax.numpy.einsum` takes.
    """
    if dtype is not None:
        kwargs["preferred_element_type"] = dtype
    path = kwargs.get("optimize")
    if isinstance(path, (list, tuple)) and path[:1] in (["einsum_path"], ("einsum_path",)):
        kwargs["optimize"] = path[1:]
    return jnp.einsum(subscripts, *operands, **kwargs)


def einsum_path(subscripts: Any, /, *operands: Any, optimize: Any = "greedy") -> Any:
    """Returns in which order `einsum` best multiplies, for its `optimize=`, and a text about that.

    Args:
        subscripts: as `einsum` has them.
        operands: the operands.
        optimize: how the order is looked for.
    """
    path, text = jnp.einsum_path(subscripts, *operands, optimize=optimize)
    return ["einsum_path", *path], text


def pad(array: ArrayLike, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """Returns an array with more elements at its edges.

    Args:
        array: the array, (*shape,).
        pad_width: how many before and after, for all axes, for each, or in a dict by axis.
        mode: what they are, as NumPy has it, or a function that changes a row in place or returns
            it, called with the row, its two widths, the axis and `kwargs`.
        kwargs: more about the mode.

    Raises:
        OverflowError: if a signed dtype can not hold a Python integer of `constant_values`.
    """
    dtype = jnp.asarray(array).dtype
    if jnp.issubdtype(dtype, jnp.signedinteger):  # to unsigned ones NumPy cuts, too
        check_fitting(kwargs.get("constant_values"), dtype)
    if isinstance(pad_width, dict):
        widths = [(0, 0)] * np.ndim(array)
        for axis, width in pad_width.items():
            widths[axis] = (width, width) if np.ndim(width) == 0 else tuple(width)
        pad_width = widths
    return jnp.pad(array, pad_width, mode, **kwargs)


def tile(A: ArrayLike, reps: Any) -> Any:  # noqa: N803 - as NumPy has it
    """Returns an array repeated along its axes.

    Args:
        A: the array, (*shape,).
        reps: how often, along the last axis or along each.

    Raises:
        ValueError: if a number is negative.
    """
    if np.any(np.less(reps, 0)):
        raise ValueError("negative dimensions are not allowed")
    return jnp.tile(A, reps)


def kron(a: ArrayLike, b: ArrayLike) -> Any:
    """Returns the Kronecker product: the second array, times each element of the first.

    Args:
        a: the array, (*shape,).
        b: the array, (*other,).
    """
    a, b = typed(a), typed(b)
    if a.dtype == b.dtype == bool:
        return jnp.kron(a.astype("uint8"), b.astype("uint8")).astype(bool)
    return jnp.kron(a, b)


def average(
    a: ArrayLike,
    axis: Any = None,
    weights: ArrayLike = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """Returns the weighted mean.

    Args:
        a: the array, (*shape,).
        axis: the axis, or axes; None for all.
        weights: what each element counts, (*shape,) or (n,) along one axis.
        returned: whether the sum of the weights is returned, too.
        keepdims: whether axes stay, with length 1.

    Raises:
        ZeroDivisionError: if the weights have no sum, and that is known.
    """
    if weights is not None and is_known(weights):
        total = np.sum(np.asarray(weights), axis if np.shape(weights) == np.shape(a) else None)
        if np.any(total == 0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    return jnp.average(a, axis, weights, returned, keepdims)


COMPLETED: dict[str, Callable[..., Any]] = {
    fun.__name__: fun
    for fun in (
        *(partition, argpartition, unravel_index, ravel_multi_index, choose, ix_, mask_indices),
        *(clip, dot, reciprocal, nanargmax, nanargmin, average, einsum, einsum_path),
        *(tile, kron, searchsorted),
    )
}
"""These functions, by name."""
