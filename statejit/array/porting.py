"""Functions that brainpy.math has besides NumPy's: names of PyTorch, TensorFlow and NumPy 1."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .activations import ACTIVATIONS
from .conversions import CONVERSIONS
from .lifting import unpacked
from .viewing import VIEWING
from .wrapping import function

ArrayLike = Any  # by this name `function` knows where a list is an array

# PyTorch's names -------------------------------------------------------------------------------


def flatten(input: ArrayLike, start_dim: int | None = None, end_dim: int | None = None) -> Any:
    """Returns an array with some neighbouring axes joined to one: a view where NumPy has one.

    Args:
        input: the array, (*shape,).
        start_dim: the first of them; by default 0.
        end_dim: the last of them; by default the last.

    Example:
        >>> import statejit.math as bm
        >>> bm.flatten(bm.zeros((2, 3, 4)), 1).shape
        (2, 12)
    """
    shape = np.shape(input)
    if not shape:
        return VIEWING["reshape"](input, (1,))
    axes = range(len(shape))
    start = axes[0 if start_dim is None else operator.index(start_dim)]
    end = axes[-1 if end_dim is None else operator.index(end_dim)]
    if start > end:
        raise ValueError("start_dim can't come after end_dim")
    joined = int(np.prod(shape[start : end + 1]))
    return VIEWING["reshape"](input, (*shape[:start], joined, *shape[end + 1 :]))


def unflatten(x: ArrayLike, dim: int, sizes: Sequence[int]) -> Any:
    """Returns an array with one axis split into several: a view where NumPy has one.

    Args:
        x: the array, (*shape,).
        dim: the axis.
        sizes: the lengths of the new axes; one may be -1.

    Example:
        >>> import statejit.math as bm
        >>> bm.unflatten(bm.zeros((2, 12)), 1, (3, -1)).shape
        (2, 3, 4)
    """
    shape = np.shape(x)
    dim = range(len(shape))[operator.index(dim)]
    sizes = np.empty(shape[dim], bool).reshape([operator.index(n) for n in sizes]).shape
    return VIEWING["reshape"](x, (*shape[:dim], *sizes, *shape[dim + 1 :]))


def addcmul(x: ArrayLike, tensor1: ArrayLike, tensor2: ArrayLike, *, value: Any = 1) -> Any:
    """Returns `x + value * tensor1 * tensor2`.

    Args:
        x: an array, (*shape,).
        tensor1: another, that broadcasts with it.
        tensor2: another, that broadcasts with it.
        value: a number.
    """
    return x + value * tensor1 * tensor2


def addcdiv(x: ArrayLike, tensor1: ArrayLike, tensor2: ArrayLike, *, value: Any = 1) -> Any:
    """Returns `x + value * (tensor1 / tensor2)`.

    Args:
        x: an array, (*shape,).
        tensor1: another, that broadcasts with it.
        tensor2: another, that broadcasts with it.
        value: a number.
    """
    return x + value * (tensor1 / tensor2)


def clamp_max(input: ArrayLike, max: ArrayLike) -> Any:
    """Returns the elements, and the bound where they are larger.

    Args:
        input: an array, (*shape,).
        max: the bound, which broadcasts with it.
    """
    return jnp.minimum(input, max)


def clamp_min(input: ArrayLike, min: ArrayLike) -> Any:
    """Returns the elements, and the bound where they are smaller.

    Args:
        input: an array, (*shape,).
        min: the bound, which broadcasts with it.
    """
    return jnp.maximum(input, min)


# TensorFlow's names ----------------------------------------------------------------------------


def reduce_logsumexp(input_tensor: ArrayLike, axis: Any = None, keepdims: bool = False) -> Any:
    """Returns `log(sum(exp(x)))` along axes, without overflow.

    Args:
        input_tensor: the array, (*shape,).
        axis: the axes; by default all.
        keepdims: whether they stay, with length 1.
    """
    return jax.nn.logsumexp(input_tensor, axis=axis, keepdims=keepdims)


def reduce_euclidean_norm(input_tensor: ArrayLike, axis: Any = None, keepdims: bool = False) -> Any:
    """Returns `sqrt(sum(abs(x) ** 2))` along axes.

    Args:
        input_tensor: the array, (*shape,).
        axis: the axes; by default all.
        keepdims: whether they stay, with length 1.
    """
    return jnp.linalg.vector_norm(input_tensor, axis=axis, keepdims=keepdims)


def cast(x: ArrayLike, dtype: Any) -> Any:
    """Returns the elements in another dtype.

    Args:
        x: an array, (*shape,).
        dtype: the dtype.
    """
    return jnp.asarray(x).astype(dtype)


# Names that NumPy had before version 2 ---------------------------------------------------------


def asfarray(a: ArrayLike, dtype: Any = float) -> Any:
    """Returns an array of floats.

    Args:
        a: anything array-like.
        dtype: the dtype; one of integers gives the default of floats.
    """
    return jnp.asarray(a, dtype if jnp.issubdtype(dtype, jnp.inexact) else float)


def asscalar(a: ArrayLike) -> Any:
    """Returns the one element of an array as a Python number.

    Args:
        a: the array, of size 1.
    """
    return np.asarray(unpacked(a, True)).item()


def in1d(ar1: ArrayLike, ar2: ArrayLike, assume_unique: bool = False, invert: bool = False) -> Any:
    """Says of each element of the first array, flattened, whether the second has it.

    Args:
        ar1: the elements, (*shape,).
        ar2: what is searched, (*shape2,).
        assume_unique: whether neither has an element twice.
        invert: whether the answers are reversed.
    """
    return jnp.isin(jnp.ravel(ar1), ar2, assume_unique=assume_unique, invert=invert)


def msort(a: ArrayLike) -> Any:
    """Returns an array sorted along its first axis.

    Args:
        a: the array, (n, ...).
    """
    return jnp.sort(a, axis=0)


# Other functions -------------------------------------------------------------------------------


def remove_diag(arr: ArrayLike) -> Any:
    """Returns a matrix without its main diagonal, (n, m - 1); what was right of it moves left.

    Args:
        arr: the matrix, (n, m), no wider than it is high.

    Raises:
        ValueError: if it is no matrix, or a row has no element on the diagonal to give up.

    Example:
        >>> import statejit.math as bm
        >>> bm.remove_diag(bm.arange(9).reshape(3, 3)).tolist()
        [[1, 2], [3, 5], [6, 7]]
    """
    if jnp.ndim(arr) != 2 or arr.shape[0] > arr.shape[1]:
        raise ValueError(f"a matrix with an element on the diagonal in each row, not {arr.shape}")
    columns = jnp.arange(arr.shape[1] - 1)
    rows = jnp.arange(arr.shape[0])[:, None]
    return jnp.take_along_axis(jnp.asarray(arr), columns + (columns >= rows), axis=1)


def clip_by_norm(t: ArrayLike, clip_norm: Any, axis: Any = None) -> Any:
    """Returns an array scaled down so that its Euclidean norm is at most a bound.

    Args:
        t: the array, (*shape,).
        clip_norm: the bound.
        axis: the axes along which norms are taken; by default all.

    Example:
        >>> import statejit.math as bm
        >>> bm.clip_by_norm(bm.array([3.0, 4.0]), 1.0).tolist()
        [0.6000000238418579, 0.800000011920929]
    """
    norm = jnp.linalg.vector_norm(t, axis=axis, keepdims=True)
    return t * (clip_norm / jnp.maximum(norm, clip_norm))


def exprel(x: ArrayLike, threshold: float | None = None) -> Any:
    """Returns `(exp(x) - 1) / x`, and 1 at 0; its derivatives are right there, too.

    Args:
        x: an array, (*shape,).
        threshold: below which distance from 0 a series of six terms is used; by default 0.01,
            where the next term is beyond the precision of float64.

    Example:
        >>> import statejit.math as bm
        >>> bm.exprel(bm.array([0.0, -1e-30])).tolist()
        [1.0, 1.0]
    """
    x = jnp.asarray(x) * 1.0
    small = jnp.abs(x) < (1e-2 if threshold is None else threshold)
    safe = jnp.where(small, 1.0, x)
    series = 1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6))))
    return jnp.where(small, series, jnp.expm1(safe) / safe)


def add_axis(x: ArrayLike, new_position: int) -> Any:
    """Returns a view with one more axis, of length 1.

    Args:
        x: the array, (*shape,).
        new_position: where the axis goes.
    """
    return VIEWING["expand_dims"](x, new_position)


def add_axes(x: ArrayLike, n_axes: int, pos2len: dict[int, int]) -> Any:
    """Returns an array repeated along new axes.

    Args:
        x: the array, (*shape,).
        n_axes: how many axes the result has.
        pos2len: the lengths of the new axes, by where they go.
    """
    shape = list(np.shape(x))
    for position in sorted(pos2len):
        x = VIEWING["expand_dims"](x, position)
        shape.insert(position, pos2len[position])
    if len(shape) != n_axes:
        raise ValueError(f"{n_axes} axes are asked for, and there are {len(shape)}")
    return VIEWING["broadcast_to"](x, tuple(shape)).copy()


def _over_arrays(*funs: Callable[..., Any]) -> dict[str, Any]:
    return {fun.__name__: function(fun) for fun in funs}


PORTED: dict[str, Any] = {
    **_over_arrays(addcmul, addcdiv, clamp_max, clamp_min, reduce_logsumexp),
    **_over_arrays(reduce_euclidean_norm, cast, remove_diag, clip_by_norm, exprel),
    **_over_arrays(*ACTIVATIONS),
    **{f.__name__: f for f in (flatten, unflatten, add_axis, add_axes)},
    **CONVERSIONS,
    **_over_arrays(asfarray, in1d, msort),
    "asscalar": asscalar,
}
"""These functions, by name."""
