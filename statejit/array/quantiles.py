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
import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .indexing import is_known

ArrayLike = Any  # by this name `function` knows where a list is an array

CONTINUOUS = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
"""Methods that JAX has not, with their alpha and beta."""

PICKING = ("lower", "higher", "nearest", "inverted_cdf", "closest_observation")
"""Methods whose quantiles of integers are some of these."""

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
        a = jnp.asarray(a)
        most = 100 if percent else 1
        if is_known(q) and not np.all((np.asarray(q) >= 0) & (np.asarray(q) <= most)):
            name = "Percentiles" if percent else "Quantiles"
            raise ValueError(f"{name} must be in the range [0, {most}]")
        whole = not jnp.issubdtype(a.dtype, jnp.inexact)
        picks = whole and method in PICKING
        if weights is not None or not (picks or method in BY_PLACE):
            q = jnp.asarray(q)
            q = q if jnp.issubdtype(q.dtype, jnp.inexact) else q.astype(float)
            row = q.reshape(-1) if q.ndim > 1 else q
            found = jaxs(a, row, axis, method=method, keepdims=keepdims, weights=weights)
            return found.reshape(*q.shape, *found.shape[row.ndim :])
        q = (np if is_known(q) else jnp).asarray(q, float) / most
        a = a if picks or not whole else a.astype(float)
        axes = tuple(range(a.ndim)) if axis is None else normalize_axis_tuple(axis, a.ndim)
        rest = [i for i in range(a.ndim) if i not in axes]
        rows = a.transpose(*axes, *rest).reshape(-1, *[a.shape[i] for i in rest])
        if picks:
            q = jnp.asarray(_picked(len(rows), q, method))
            found = jnp.sort(rows, 0)[q.reshape(-1)]
        else:
            q = jnp.asarray(q, a.dtype)
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


def _picked(n: int, q: Any, method: str) -> Any:
    """Returns the places of quantiles among n values where each is one of the values.

    Args:
        n: how many values.
        q: the quantiles: an array of NumPy's, where they are known, which has more digits.
        method: one of `PICKING`.
    """
    xp = jnp if isinstance(q, jax.Array) else np
    place = {
        "lower": lambda: xp.floor(q * (n - 1)),
        "higher": lambda: xp.ceil(q * (n - 1)),
        "nearest": lambda: xp.rint(q * (n - 1)),
        "inverted_cdf": lambda: xp.ceil(q * n) - 1,
        "closest_observation": lambda: xp.floor(q * n - 0.5) - (q * n % 2 == 0.5),
    }[method]()
    return xp.clip(place, 0, n - 1).astype(int)


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
