"""Functions of `jax.numpy` with what they lack of NumPy's arguments, over JAX's arrays.

`functions.py` wraps them as it wraps JAX's.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .._core.slots import is_tracer
from .indexing import cast, is_known
from .operators import in_range, is_whole

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
    return _in_parts(a, kth, axis, jnp.argpartition, jnp.argsort)


def _in_parts(a: Any, kth: Any, axis: Any, once: Any, often: Any) -> Any:
    a = jnp.asarray(a)
    a, axis = (a.ravel(), -1) if axis is None else (a, axis)
    size = a.shape[normalize_axis_index(axis, a.ndim)]
    places = [operator.index(k) for k in np.ravel(kth).tolist()]
    for place in places:
        if not -size <= place < size:
            raise ValueError(f"kth(={place}) out of bounds ({size})")
    return once(a, places[0], axis) if len(places) == 1 else often(a, axis)


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
        if how == "wrap":
            index = jnp.asarray(index) % n
        elif how == "clip" or not is_known(index):
            index = jnp.clip(jnp.asarray(index), 0, n - 1)
        found.append(index)
    return jnp.ravel_multi_index(found, dims, order=order)


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
    return jnp.choose(a, choices, mode="clip" if mode == "raise" and not is_known(a) else mode)


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


# Numbers ---------------------------------------------------------------------------------------


def gradient(f: ArrayLike, *varargs: ArrayLike, axis: Any = None, edge_order: int = 1) -> Any:
    """Returns derivatives along axes: central differences inside, one-sided ones at the edges.

    Args:
        f: samples, (*shape,).
        varargs: distances for all axes or for each; or the coordinates along each, (n,).
        axis: the axis, or axes; by default all.
        edge_order: the order of accuracy at the edges, 1 or 2.

    Example:
        >>> import statejit.numpy as snp
        >>> snp.gradient(snp.array([1.0, 4.0, 9.0]), edge_order=2).tolist()
        [2.0, 4.0, 6.0]
    """
    f = jnp.asarray(f)
    f = f if jnp.issubdtype(f.dtype, jnp.inexact) else f.astype(float)
    axes = tuple(range(f.ndim)) if axis is None else normalize_axis_tuple(axis, f.ndim)
    steps = list(varargs) or [1.0]
    steps = steps * len(axes) if len(steps) == 1 and not np.ndim(steps[0]) else steps
    if len(steps) != len(axes):
        raise TypeError("invalid number of arguments")
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    found = []
    for i, step in zip(axes, steps, strict=True):
        if np.ndim(step) and np.shape(step) != (f.shape[i],):
            raise ValueError(
                "when 1d, distances must match the length of the corresponding dimension"
            )
        if f.shape[i] < edge_order + 1:
            raise ValueError(
                "Shape of array too small to calculate a numerical gradient, at least (edge_order "
                "+ 1) elements are required."
            )
        found.append(jnp.moveaxis(_derivative(jnp.moveaxis(f, i, 0), step, edge_order), 0, i))
    return found[0] if len(found) == 1 else tuple(found)


def _derivative(y: Any, step: Any, edge_order: int) -> Any:
    """Returns the derivative along the first axis."""
    if np.ndim(step):
        gaps = jnp.diff(jnp.asarray(step)).astype(y.dtype).reshape(-1, *[1] * (y.ndim - 1))
        d, e = gaps[:-1], gaps[1:]
        inner = (
            -e / (d * (d + e)) * y[:-2] + (e - d) / (d * e) * y[1:-1] + d / (e * (d + e)) * y[2:]
        )
        h = [gaps[0], gaps[1 % len(gaps)], gaps[-2 % len(gaps)], gaps[-1]]
    else:
        inner, h = (y[2:] - y[:-2]) / (2.0 * step), [step] * 4
    if edge_order == 1:
        first, last = (y[1] - y[0]) / h[0], (y[-1] - y[-2]) / h[3]
    else:
        first = _edge(y[0], y[1], y[2], h[0], h[1])
        last = -_edge(y[-1], y[-2], y[-3], h[3], h[2])
    return jnp.concatenate([first[None], inner, last[None]])


def _edge(a: Any, b: Any, c: Any, d: Any, e: Any) -> Any:
    """Returns the derivative at `a` of the parabola through three points that are d, e apart."""
    return -(2 * d + e) / (d * (d + e)) * a + (d + e) / (d * e) * b - d / (e * (d + e)) * c


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
    low, high = [in_range("maximum", a, n) if is_whole(n) else n for n in (min, max)]
    return jnp.clip(a, low, high)


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
    return jnp.einsum(subscripts, *operands, **kwargs)


def pad(array: ArrayLike, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """Returns an array with more elements at its edges.

    Args:
        array: the array, (*shape,).
        pad_width: how many before and after, for all axes, for each, or in a dict by axis.
        mode: what they are, as NumPy has it, or a function.
        kwargs: more about the mode.
    """
    if isinstance(pad_width, dict):
        widths = [(0, 0)] * np.ndim(array)
        for axis, width in pad_width.items():
            widths[axis] = (width, width) if np.ndim(width) == 0 else tuple(width)
        pad_width = widths
    return jnp.pad(array, pad_width, mode, **kwargs)


def matrix_rank(
    A: ArrayLike,  # noqa: N803, NumPy's name
    tol: Any = None,
    hermitian: bool = False,
    *,
    rtol: Any = None,
) -> Any:
    """Returns how many singular values are not zero.

    Args:
        A: matrices, (..., n, m).
        tol: which ones pass for zero, (...); by default as `rtol` says.
        hermitian: not looked at.
        rtol: the same, relative to the largest.
    """
    if tol is None or np.ndim(A) < 2:
        return jnp.linalg.matrix_rank(A, rtol)
    values = jnp.linalg.svd(jnp.asarray(A), compute_uv=False)
    return (values > jnp.asarray(tol)[..., None]).sum(-1)


# Filling ---------------------------------------------------------------------------------------


def full(shape: Any, fill_value: ArrayLike, dtype: Any = None, **kwargs: Any) -> Any:
    """Returns an array of one value.

    Args:
        shape: the shape.
        fill_value: the value, broadcast to (*shape,).
        dtype: the dtype; by default that of the value.
        kwargs: what else `jax.numpy.full` takes.

    Raises:
        OverflowError: if the dtype can not hold a Python integer.
    """
    if dtype is not None:
        fill_value = cast(fill_value, jax.dtypes.canonicalize_dtype(dtype))
    return jnp.full(shape, fill_value, dtype, **kwargs)


def full_like(
    a: ArrayLike, fill_value: ArrayLike, dtype: Any = None, shape: Any = None, **kwargs: Any
) -> Any:
    """Returns an array of one value, with the shape and the dtype of another array.

    Args:
        a: the other array, (*shape,).
        fill_value: the value, broadcast to (*shape,).
        dtype: the dtype, if another one is wanted.
        shape: the shape, if another one is wanted.
        kwargs: what else `jax.numpy.full_like` takes.
    """
    wanted = jnp.asarray(a).dtype if dtype is None else jax.dtypes.canonicalize_dtype(dtype)
    return jnp.full_like(a, cast(fill_value, wanted), dtype, shape, **kwargs)


def insert(arr: ArrayLike, obj: ArrayLike, values: Any, axis: Any = None) -> Any:
    """Returns an array with more elements before some places.

    Args:
        arr: the array, (*shape,).
        obj: the places: an integer, a slice, or integers, (n,).
        values: the elements.
        axis: the axis; None for the flattened array.
    """
    return jnp.insert(arr, obj, cast(values, jnp.asarray(arr).dtype), axis)


def append(arr: ArrayLike, values: ArrayLike, axis: Any = None) -> Any:
    """Returns an array with more elements at its end.

    Args:
        arr: the array, (*shape,).
        values: the elements; numbers have a dtype of their own here.
        axis: the axis; None for both arrays flattened.
    """
    return jnp.append(_typed(arr), _typed(values), axis)


def diff(
    a: ArrayLike, n: int = 1, axis: int = -1, prepend: ArrayLike = None, append: ArrayLike = None
) -> Any:
    """Returns the differences of neighbours along an axis.

    Args:
        a: the array, (*shape,).
        n: how often they are taken.
        axis: the axis.
        prepend: what comes before the first; numbers have a dtype of their own here.
        append: what comes after the last.
    """
    first, last = (None if v is None else _typed(v) for v in (prepend, append))
    return jnp.diff(a, n, axis, first, last)


def _typed(value: Any) -> Any:
    value = jnp.asarray(value)
    return value.astype(value.dtype) if value.weak_type else value


# Creation --------------------------------------------------------------------------------------


def arange(
    start: Any = None, stop: Any = None, step: Any = None, dtype: Any = None, **kw: Any
) -> Any:
    """Returns evenly spaced numbers, up to `stop` and without it.

    Args:
        start: the first one, or, alone, where to stop.
        stop: where to stop.
        step: how far apart.
        dtype: the dtype.
        kw: what else `jax.numpy.arange` takes.
    """
    if start is None and stop is None:
        raise TypeError("arange() requires stop to be specified.")
    if dtype is not None and is_whole(start) and is_whole(stop):
        cast(start, jax.dtypes.canonicalize_dtype(dtype))
    return jnp.arange(0 if start is None else start, stop, step, dtype, **kw)


def fromiter(iter: Any, dtype: Any, count: int = -1) -> Any:
    """Returns an array of the numbers of an iterable, (n,).

    Args:
        iter: the numbers.
        dtype: the dtype.
        count: how many of them; by default all.

    Example:
        >>> import statejit.numpy as snp
        >>> snp.fromiter((x * x for x in range(4)), float).tolist()
        [0.0, 1.0, 4.0, 9.0]
    """
    items = list(iter if count < 0 else itertools.islice(iter, count))
    if len(items) < count:
        raise ValueError("iterator too short")
    if any(map(is_tracer, items)):
        return jnp.stack([jnp.asarray(item, dtype) for item in items])
    return jnp.asarray(np.array(items, jax.dtypes.canonicalize_dtype(dtype)).reshape(len(items)))


COMPLETED: dict[str, Callable[..., Any]] = {
    fun.__name__: fun
    for fun in (
        *(partition, argpartition, unravel_index, ravel_multi_index, choose, ix_, gradient, clip),
        *(pad, einsum, full, full_like, insert, append, diff, arange, fromiter),
    )
}
"""These functions, by name; `matrix_rank` belongs to another namespace."""
