"""Quantiles over JAX's arrays by all of NumPy's methods.

Hyndman, R. J. and Fan, Y. (1996), Sample quantiles in statistical packages, The American
Statistician 50, 361-365: the place of a quantile among n sorted values is
`n * q + alpha + q * (1 - alpha - beta) - 1`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from numpy.lib.array_utils import normalize_axis_tuple

ArrayLike = Any  # by this name `function` knows where a list is an array

CONTINUOUS = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
"""Methods that JAX has not, with their alpha and beta."""

BY_PLACE = frozenset({*CONTINUOUS, "averaged_inverted_cdf", "closest_observation"})


def _completed(jaxs: Callable[..., Any], percent: bool, skips_nan: bool) -> Callable[..., Any]:
    """Returns a function of JAX with all of NumPy's methods."""

    @functools.wraps(jaxs)
    def quantile(
        a: ArrayLike,
        q: ArrayLike,
        axis: Any = None,
        out: None = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: bool = False,
        *,
        weights: ArrayLike = None,
    ) -> Any:
        if method not in BY_PLACE or weights is not None:
            return jaxs(a, q, axis, method=method, keepdims=keepdims, weights=weights)
        a = jnp.asarray(a)
        a = a if jnp.issubdtype(a.dtype, jnp.inexact) else a.astype(float)
        q = jnp.asarray(q, a.dtype) / (100 if percent else 1)
        axes = tuple(range(a.ndim)) if axis is None else normalize_axis_tuple(axis, a.ndim)
        rest = [i for i in range(a.ndim) if i not in axes]
        rows = a.transpose(*axes, *rest).reshape(-1, *[a.shape[i] for i in rest])
        found = _among(rows, q.reshape(-1), method, skips_nan)
        kept = [1 if i in axes else n for i, n in enumerate(a.shape)]
        return found.reshape(*q.shape, *(kept if keepdims else rows.shape[1:]))

    return quantile


@functools.partial(jax.jit, static_argnums=(2, 3), inline=True)
def _among(rows: Any, q: Any, method: str, skips_nan: bool) -> Any:
    """Returns quantiles along the first axis."""
    rows = jnp.sort(rows, 0)  # NaN is the largest
    q = q.reshape(-1, *[1] * (rows.ndim - 1))
    empty = jnp.isnan(rows)
    n = (~empty).sum(0) if skips_nan else jnp.full(rows.shape[1:], len(rows))
    place, part = _place(n, q, method)
    last = jnp.maximum(n - 1, 0)
    lower = jnp.clip(jnp.floor(place).astype(int), 0, last)
    upper = jnp.clip(jnp.floor(place).astype(int) + 1, 0, last)
    low, high = (jnp.take_along_axis(rows, i, 0) for i in (lower, upper))
    found = low + (high - low) * part.astype(rows.dtype)
    gone = n == 0 if skips_nan else empty.any(0)
    return jnp.where(gone, jnp.nan, found)


def _place(n: Any, q: Any, method: str) -> tuple[Any, Any]:
    """Returns the places of quantiles among n values, and how far on the way to the next."""
    if method == "averaged_inverted_cdf":
        place = n * q - 1
        return place, jnp.where(place == jnp.floor(place), 0.5, 1.0)
    if method == "closest_observation":
        place = n * q - 1.5
        stays = (place == jnp.floor(place)) & (jnp.floor(place) % 2 == 1)
        return place, jnp.where(stays, 0.0, 1.0)
    alpha, beta = CONTINUOUS[method]
    place = n * q + (alpha + q * (1 - alpha - beta)) - 1
    return place, place - jnp.floor(place)


QUANTILES = {
    "quantile": _completed(jnp.quantile, False, False),
    "percentile": _completed(jnp.percentile, True, False),
    "nanquantile": _completed(jnp.nanquantile, False, True),
    "nanpercentile": _completed(jnp.nanpercentile, True, True),
}
"""These functions, by name."""
