"""Quantiles over JAX's arrays by all of NumPy's methods.

Hyndman, R. J. and Fan, Y. (1996), Sample quantiles in statistical packages, The American
Statistician 50, 361-365: the place of a quantile among n sorted values is
`n * q + alpha + q * (1 - alpha - beta) - 1`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .indexing import is_known
from .lifting import is_numpys, stacked

ArrayLike = Any  # by this name `function` knows where a list is an array

CONTINUOUS = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
"""The alpha and beta of methods."""

PICKING = ("lower", "higher", "nearest", "inverted_cdf", "closest_observation")
"""Methods whose quantiles are some of the values."""

METHODS = (*PICKING, *CONTINUOUS, "linear", "midpoint", "averaged_inverted_cdf")


def _completed(jaxs: Callable[..., Any], percent: bool, skips_nan: bool) -> Callable[..., Any]:
    """Returns a function of JAX with all of NumPy's methods."""

    @functools.wraps(jaxs, ("__module__", "__name__", "__qualname__", "__doc__"))
    def quantile(
        a: ArrayLike,
        q: Any,
        axis: Any = None,
        out: None = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: bool = False,
        *,
        weights: ArrayLike = None,
    ) -> Any:
        a = jnp.asarray(a)
        places = _checked(a, q, percent, method)
        shape = places.shape
        if weights is not None:
            row = jnp.ravel(jnp.asarray(q, float)) if len(shape) > 1 else jnp.asarray(q, float)
            values, weights = (jnp.asarray(v, row.dtype) for v in (a, weights))
            found = jaxs(values, row, axis, method=method, keepdims=keepdims, weights=weights)
            return found.reshape(*shape, *found.shape[row.ndim :]).astype(a.dtype)
        if skips_nan and not a.size:
            return jnp.nanmean(a.astype(float), axis, keepdims=keepdims)
        axes = tuple(range(a.ndim)) if axis is None else normalize_axis_tuple(axis, a.ndim)
        rest = [i for i in range(a.ndim) if i not in axes]
        rows = a.transpose(*axes, *rest).reshape(
            math.prod(a.shape[i] for i in axes), *[a.shape[i] for i in rest]
        )
        if not len(rows):
            raise IndexError("index -1 is out of bounds for axis 0 with size 0")
        places = places.reshape(-1)
        skips = skips_nan and jnp.issubdtype(a.dtype, jnp.inexact)
        if not skips and isinstance(places, np.ndarray):
            places = _places(len(rows), places, method)
        found = _among(rows, places, method, skips)
        kept = [1 if i in axes else n for i, n in enumerate(a.shape)]
        return found.reshape(*shape, *(kept if keepdims else rows.shape[1:]))

    vars(quantile).pop("__wrapped__")  # the signature is our own
    return quantile


def _checked(a: Any, q: Any, percent: bool, method: str) -> Any:
    """Returns quantiles between 0 and 1; where they are known, with as many digits as in NumPy."""
    if jnp.issubdtype(a.dtype, jnp.complexfloating):
        raise TypeError("a must be an array of real numbers")
    if a.dtype == bool and method not in PICKING:
        raise TypeError("booleans have no values in between: use another method, or `astype(int)`")
    if method not in METHODS:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {', '.join(METHODS)}")
    most = 100 if percent else 1
    if isinstance(q, (list, tuple)) and not is_numpys(q):
        q = stacked(q)
    if not is_known(q):
        return jnp.asarray(q, float) / most
    q = np.asarray(q) / most
    if not np.all((q >= 0) & (q <= 1)):
        name = "Percentiles" if percent else "Quantiles"
        raise ValueError(f"{name} must be in the range [0, {most}]")
    return np.asarray(q)


@functools.partial(jax.jit, static_argnums=(2, 3), inline=True)
def _among(rows: Any, places: Any, method: str, skips_nan: bool) -> Any:
    """Returns quantiles along the first axis, (k, *rest).

    Args:
        rows: the values, (n, *rest).
        places: as `_places` has them, or the quantiles, (k,), if it is to be asked here.
        method: the method.
        skips_nan: whether NaN is left out.
    """
    rows = jnp.sort(rows, 0)  # NaN is the largest
    inexact = jnp.issubdtype(rows.dtype, jnp.inexact)
    empty = jnp.isnan(rows)
    n = (~empty).sum(0) if skips_nan else len(rows)
    if not isinstance(places, tuple):
        places = _places(n, _upright(places, rows), method)
    lower, upper, part = (_upright(p, rows) for p in places)
    shape = (len(lower), *rows.shape[1:])
    low, high = (jnp.take_along_axis(rows, jnp.broadcast_to(i, shape), 0) for i in (lower, upper))
    if method not in PICKING:
        low, high = (v if inexact else v.astype(float) for v in (low, high))
        part, step = part.astype(low.dtype), high - low
        low = jnp.where(part < 0.5, low + step * part, high - step * (1 - part))
    if not inexact:
        return low
    return jnp.where(n == 0 if skips_nan else empty.any(0), jnp.nan, low)


def _upright(row: Any, rows: Any) -> Any:
    """Gives a row as many axes as there are to the values, behind its own."""
    return row.reshape(row.shape + (1,) * (rows.ndim - row.ndim))


def _places(n: Any, q: Any, method: str) -> tuple[Any, Any, Any]:
    """Returns between which of n sorted values quantiles lie, and how far on the way.

    Args:
        n: how many values, at least one.
        q: the quantiles: an array of NumPy's, where they are known, or one of JAX's.
        method: one of `METHODS`.
    """
    xp = np if isinstance(q, np.ndarray) else jnp
    if method in CONTINUOUS:
        alpha, beta = CONTINUOUS[method]
        place = n * q + (alpha + q * (1 - alpha - beta)) - 1
    else:
        place = {
            "linear": lambda: q * (n - 1),
            "midpoint": lambda: (xp.floor(q * (n - 1)) + xp.ceil(q * (n - 1))) / 2,
            "lower": lambda: xp.floor(q * (n - 1)),
            "higher": lambda: xp.ceil(q * (n - 1)),
            "nearest": lambda: xp.rint(q * (n - 1)),
            "inverted_cdf": lambda: xp.ceil(q * n) - 1,
            "averaged_inverted_cdf": lambda: q * n - 1,
            "closest_observation": lambda: xp.floor(q * n - 0.5) - (q * n % 2 == 0.5),
        }[method]()
    below = xp.floor(place)
    part = place - below
    if method == "averaged_inverted_cdf":
        part = xp.where(part == 0, 0.5, 1.0)
    last = xp.maximum(n - 1, 0)
    lower, upper = (xp.clip(i, 0, last).astype(int) for i in (below, below + 1))
    return lower, upper, part


def _of_none(jaxs: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a median of JAX that is NaN where there are no values, as in NumPy."""

    @functools.wraps(jaxs)
    def median(
        a: ArrayLike,
        axis: Any = None,
        out: None = None,
        overwrite_input: bool = False,
        keepdims: bool = False,
    ) -> Any:
        a = jnp.asarray(a)
        a = a if jnp.issubdtype(a.dtype, jnp.inexact) else a.astype(float)
        return (jaxs if a.size else jnp.mean)(a, axis, keepdims=keepdims)

    return median


QUANTILES = {
    "quantile": _completed(jnp.quantile, False, False),
    "percentile": _completed(jnp.percentile, True, False),
    "nanquantile": _completed(jnp.nanquantile, False, True),
    "nanpercentile": _completed(jnp.nanpercentile, True, True),
    "median": _of_none(jnp.median),
    "nanmedian": _of_none(jnp.nanmedian),
}
"""These functions, by name."""
