"""Counts by the ratio of uniforms: one sampler for the Poisson, binomial and hypergeometric.

A point is drawn uniformly from a region that contains {(u, v): u² ≤ p(floor(a + v/u)) / p(mode)};
the region is a box known from mean and variance alone. Probabilities are compared through their
logarithms relative to the mode, in Loader's form, and a count is kept as its distance from the
mode; so that nothing is lost in float32 at means of 1e8 either.

References:
    E. Stadlober, "The ratio of uniforms approach for generating discrete random variates", Journal
    of Computational and Applied Mathematics 31 (1990).
    C. Loader, "Fast and accurate computation of binomial probabilities" (2000).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_SLOPE = 2 * math.sqrt(2 / math.e)
_OFFSET = 3 - 2 * math.sqrt(3 / math.e)
_MARGIN = 1 + 2.0**-12
"""The box is exact at a Poisson mean of 1; float32 is not."""

_LOG_FACTORIALS = np.array([math.lgamma(k + 1) for k in range(16)])
_STIRLING = np.array(
    [0.0]
    + [
        math.lgamma(k + 1) - k * math.log(k) + k  # ½ log(2πk) and the error of Stirling's formula
        for k in range(1, 16)
    ]
)


def stirling(k: Any) -> Any:
    """Returns log k! - (k log k - k) for counts given as floats; 0 for none."""
    small = jnp.asarray(_STIRLING, k.dtype)[jnp.clip(k, 0, 15).astype(jnp.int32)]
    n = jnp.maximum(k, 16)
    square = 1 / (n * n)
    series = (1 / 12 - (1 / 360 - (1 / 1260 - square / 1680) * square) * square) / n
    return jnp.where(k < 16, small, 0.5 * jnp.log(2 * math.pi * n) + series)


def deviance(difference: Any, mean: Any) -> Any:
    """Returns k log(k/mean) + mean - k for `k = mean + difference`, precisely for k near mean."""
    k = jnp.maximum(mean + difference, 0)
    v = difference / (mean + k)
    square = v * v
    series = jnp.zeros_like(v)
    for power in range(9, 0, -1):
        series = square * (series + 1 / (2 * power + 1))
    near = difference * v + 2 * k * v * series
    positive = jnp.where(k > 0, k, 1)
    far = jnp.where(k > 0, k * jnp.log(positive / mean), 0) - difference
    return jnp.where(jnp.abs(v) < 0.1, near, far)


def ratio_of_uniforms(
    key: Any,
    shape: Any,
    centre: Any,
    variance: Any,
    log_weight: Callable[[Any], Any],
    low: Any,
    high: Any,
) -> Any:
    """Samples distances from the mode of a log-concave distribution of counts.

    Args:
        key: a JAX key.
        shape: the shape of the sample.
        centre: the mean, less the mode.
        variance: the variance.
        log_weight: distance from the mode, as floats -> log p(mode + distance) - log p(mode).
        low: the least distance, of integers; where it is `high`, nothing is drawn.
        high: the greatest distance.

    Returns:
        The distances, (*shape,), of integers.
    """
    dtype = variance.dtype
    integer = low.dtype
    spread = _MARGIN * (_SLOPE * jnp.sqrt(variance + 0.5) + _OFFSET)
    least, most = low.astype(dtype), high.astype(dtype)

    def step(state: Any) -> Any:
        key, distance, done = state
        key, now = jax.random.split(key)
        u, v = jax.random.uniform(now, (2, *shape), dtype)
        u = 1 - u
        proposed = jnp.floor(centre + 0.5 + spread * (v - 0.5) / u)
        possible = (proposed >= least) & (proposed <= most)
        proposed = jnp.where(possible, proposed, 0)
        accepted = possible & (2 * jnp.log(u) <= log_weight(proposed))
        distance = jnp.where(accepted & ~done, proposed.astype(integer), distance)
        return key, distance, done | accepted

    start = (key, jnp.broadcast_to(low, shape), jnp.broadcast_to(low >= high, shape))
    return jax.lax.while_loop(lambda state: ~state[2].all(), step, start)[1]


def to_count(value: Any, dtype: Any) -> Any:
    """Returns whole floats as integers; what is too large becomes the largest that both have."""
    top = float(jnp.iinfo(dtype).max)
    limit = np.nextafter(np.asarray(top, value.dtype), np.asarray(0, value.dtype))
    return jnp.minimum(value, limit).astype(dtype)
