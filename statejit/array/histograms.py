"""Histograms over JAX's arrays, with NumPy's arguments in NumPy's order."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from .indexing import is_known

ArrayLike = Any  # by this name `function` knows where a list is an array


def histogram_bin_edges(
    a: ArrayLike, bins: ArrayLike = 10, range: Any = None, weights: ArrayLike = None
) -> Any:
    """Returns the edges that `histogram` would use.

    Args:
        a: the values, (*shape,).
        bins: how many, the edges, (n + 1,), or the name of a rule, which looks at the values.
        range: the lowest and the highest value.
        weights: not looked at.
    """
    if isinstance(bins, str):
        return jnp.asarray(np.histogram_bin_edges(np.asarray(a), bins, range, weights))
    return jnp.histogram_bin_edges(a, bins, range, weights)


def histogram(
    a: ArrayLike,
    bins: ArrayLike = 10,
    range: Any = None,
    density: bool | None = None,
    weights: ArrayLike = None,
) -> Any:
    """Returns how many values lie in each bin, and the edges of the bins.

    Args:
        a: the values, (*shape,).
        bins: how many, the edges, (n + 1,), or the name of a rule, which looks at the values.
        range: the lowest and the highest value.
        density: whether counts are divided by their sum and the width of the bin.
        weights: what each value counts, (*shape,).
    """
    if isinstance(bins, str):
        bins = histogram_bin_edges(a, bins, range)
    if type(bins) is int and bins < 1:
        raise ValueError("`bins` must be positive, when an integer")
    if range is not None and all(map(is_known, range)) and range[0] > range[1]:
        raise ValueError("max must be larger than min in range parameter.")
    if np.ndim(bins) and is_known(bins) and np.any(np.diff(np.asarray(bins)) < 0):
        raise ValueError("`bins` must increase monotonically, when an array")
    counts, edges = jnp.histogram(a, bins, range, weights=weights, density=density)
    if np.ndim(bins):
        edges = jnp.asarray(bins)  # in their own dtype
    if density:
        return counts, edges
    return counts.astype(int if weights is None else jnp.asarray(weights).dtype), edges


def histogram2d(
    x: ArrayLike,
    y: ArrayLike,
    bins: Any = 10,
    range: Any = None,
    density: bool | None = None,
    weights: ArrayLike = None,
) -> Any:
    """Returns how many points lie in each cell, as floats, and the edges of both axes.

    Args:
        x: coordinates, (n,).
        y: coordinates, (n,).
        bins: as `histogramdd` has them.
        range: the lowest and the highest value of each axis.
        density: whether counts are divided by their sum and the size of the cell.
        weights: what each point counts, (n,).
    """
    counts, *edges = jnp.histogram2d(x, y, bins, range, weights=weights, density=density)
    return (counts.astype(jnp.result_type(counts, 1.0)), *edges)


def histogramdd(
    sample: ArrayLike,
    bins: Any = 10,
    range: Any = None,
    density: bool | None = None,
    weights: ArrayLike = None,
) -> Any:
    """Returns how many points lie in each cell, as floats, and the edges of all axes.

    Args:
        sample: points, (n, d).
        bins: how many, for all axes or for each, or the edges of each.
        range: the lowest and the highest value of each axis.
        density: whether counts are divided by their sum and the size of the cell.
        weights: what each point counts, (n,).
    """
    counts, edges = jnp.histogramdd(sample, bins, range, weights=weights, density=density)
    return counts.astype(jnp.result_type(counts, 1.0)), tuple(edges)


def bincount(
    x: ArrayLike, weights: ArrayLike = None, minlength: int = 0, *, length: int | None = None
) -> Any:
    """Returns how often each integer occurs.

    Args:
        x: integers that are not negative, (n,).
        weights: what each one counts, (n,); the result has floats then.
        minlength: how long the result is at least.
        length: how long it is, where the integers are not known.

    Raises:
        ValueError: if one is negative, and that is known.
        TypeError: if weights are complex.
    """
    if not np.size(x):
        x = jnp.zeros(0, int)  # an empty list
    if weights is not None:
        weights = jnp.asarray(weights)
        if jnp.issubdtype(weights.dtype, jnp.complexfloating):
            raise TypeError(f"weights are to be real, and not {weights.dtype}")
        weights = weights.astype(float)
    if is_known(x) and np.any(np.asarray(x) < 0):
        raise ValueError("'list' argument must have no negative elements")
    return jnp.bincount(x, weights, minlength, length=length)


def digitize(x: ArrayLike, bins: ArrayLike, right: bool = False, **kwargs: Any) -> Any:
    """Returns in which bins values lie.

    Args:
        x: the values, (*shape,).
        bins: the edges, (n,), ascending or descending.
        right: whether the right edge belongs to a bin.
        kwargs: what else `jax.numpy.digitize` takes.

    Raises:
        ValueError: if the edges have no order, and that is known.
    """
    if is_known(bins):
        steps = np.diff(np.asarray(bins))
        if np.any(steps < 0) and np.any(steps > 0):
            raise ValueError("bins must be monotonically increasing or decreasing")
    return jnp.digitize(x, bins, right, **kwargs).astype(int)


HISTOGRAMS = {
    fun.__name__: fun
    for fun in (bincount, digitize, histogram, histogram2d, histogram_bin_edges, histogramdd)
}
"""These functions, by name."""
