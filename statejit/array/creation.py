"""Functions of `jax.numpy` that make arrays, or larger ones, with what they lack of NumPy's.

`functions.py` wraps them as it wraps JAX's.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.slots import is_tracer
from .assigning import cast
from .calculus import typed
from .indexing import is_known
from .lifting import symbol_as_array
from .operators import is_whole

ArrayLike = Any  # by this name `function` knows where a list is an array


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
    if dtype is None:
        return jnp.full(shape, symbol_as_array(fill_value), **kwargs)
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


@functools.wraps(jnp.tri)
def tri(N: int, M: Any = None, k: int = 0, dtype: Any = None) -> Any:  # noqa: N803 - NumPy's names
    """Returns ones at and below a diagonal, in NumPy's dtype."""
    return jnp.tri(N, M, k, float if dtype is None else dtype)


def insert(arr: ArrayLike, obj: ArrayLike, values: Any, axis: Any = None) -> Any:
    """Returns an array with more elements before some places.

    Args:
        arr: the array, (*shape,).
        obj: the places: an integer, a slice, or integers, (n,).
        values: the elements.
        axis: the axis; None for the flattened array.

    Raises:
        IndexError: if a place that is known is out of bounds.
    """
    size = np.size(arr) if axis is None else np.shape(arr)[axis]
    if not isinstance(obj, slice) and is_known(obj):
        places = np.asarray(obj)
        if np.any(places < -size) or np.any(places > size):
            raise IndexError(f"index {obj} is out of bounds for axis {axis} with size {size}")
    return jnp.insert(arr, obj, cast(values, jnp.asarray(arr).dtype), axis)


def delete(arr: ArrayLike, obj: ArrayLike, axis: Any = None, **kwargs: Any) -> Any:
    """Returns an array without the elements at some places.

    Args:
        arr: the array, (*shape,).
        obj: the places: an integer, a slice, integers, (n,), or a mask.
        axis: the axis; None for the flattened array.
        kwargs: what else `jax.numpy.delete` takes.
    """
    if not isinstance(obj, slice) and is_known(obj) and not np.size(obj):
        obj = np.zeros(0, int)  # an empty list
    return jnp.delete(arr, obj, axis, **kwargs)


def append(arr: ArrayLike, values: ArrayLike, axis: Any = None) -> Any:
    """Returns an array with more elements at its end.

    Args:
        arr: the array, (*shape,).
        values: the elements; numbers have a dtype of their own here.
        axis: the axis; None for both arrays flattened.
    """
    return jnp.append(typed(arr), typed(values), axis)


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


CREATION = {
    fun.__name__: fun for fun in (full, full_like, tri, insert, delete, append, arange, fromiter)
}
"""These functions, by name."""
