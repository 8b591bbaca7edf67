"""Histograms over JAX's arrays, with NumPy's arguments in NumPy's order."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

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
    counts, edges = jnp.histogram(a, bins, range, weights=weights, density=density)
    if np.ndim(bins):
        edges = jnp.asarray(bins)  # in their own dtype
    return counts if density or weights is not None else counts.astype(int), edges


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


HISTOGRAMS = {
    fun.__name__: fun for fun in (histogram, histogram2d, histogram_bin_edges, histogramdd)
}
"""These functions, by name."""
