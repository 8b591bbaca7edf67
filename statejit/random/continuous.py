"""Continuous distributions that are drawn by inversion, or by a transformation of normal ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .distribution import Distribution
from .gammas import boosted_gamma
from .parameters import NON_NEGATIVE, POSITIVE, Parameter
from .programs import Sampler
from .truncated import not_empty, truncated_normal
from .uniforms import fine_uniform

_LOC = Parameter("loc", "the location", default=0.0)
_SCALE = Parameter("scale", "the scale", NON_NEGATIVE, 1.0)


def located(standard: Sampler) -> Sampler:
    """Makes the sampler of `loc + scale * standard`."""

    def sampler(key: Any, shape: Any, dtype: Any, loc: Any, scale: Any) -> Any:
        return loc + scale * standard(key, shape, dtype)

    return sampler


def _random(key: Any, shape: Any, dtype: Any) -> Any:
    return jax.random.uniform(key, shape, dtype)


def _uniform(key: Any, shape: Any, dtype: Any, low: Any, high: Any) -> Any:
    drawn = low + (high - low) * jax.random.uniform(key, shape, dtype)
    last = jax.lax.stop_gradient(high)
    last = jnp.where(low < high, jnp.nextafter(last, jnp.full_like(last, -jnp.inf)), jnp.inf)
    return jnp.minimum(drawn, last)  # `high` is outside, although rounding may reach it


def _finite_range(low: Any, high: Any) -> None:
    if not np.all(np.isfinite(np.subtract(high, low, dtype=float))):
        raise OverflowError("Range exceeds valid bounds")


def _rising_range(low: Any, high: Any) -> None:
    _finite_range(low, high)
    if np.any(np.less(high, low)):
        raise ValueError("high - low < 0")


def _exponential(key: Any, shape: Any, dtype: Any, scale: Any) -> Any:
    return scale * jax.random.exponential(key, shape, dtype)


def _rayleigh(key: Any, shape: Any, dtype: Any, scale: Any) -> Any:
    return scale * jnp.sqrt(2 * jax.random.exponential(key, shape, dtype))


def _lognormal(key: Any, shape: Any, dtype: Any, mean: Any, sigma: Any) -> Any:
    return jnp.exp(mean + sigma * jax.random.normal(key, shape, dtype))


def _pareto(key: Any, shape: Any, dtype: Any, a: Any) -> Any:
    return jnp.expm1(jax.random.exponential(key, shape, dtype) / a)


def _power(key: Any, shape: Any, dtype: Any, a: Any) -> Any:
    return jnp.exp(jnp.log(fine_uniform(key, shape, dtype)) / a)


def _weibull(key: Any, shape: Any, dtype: Any, a: Any) -> Any:
    drawn = jnp.exp(jnp.log(jax.random.exponential(key, shape, dtype)) / jnp.where(a == 0, 1, a))
    return jnp.where(a == 0, 0, drawn)


def _weibull_min(key: Any, shape: Any, dtype: Any, a: Any, scale: Any) -> Any:
    return scale * _weibull(key, shape, dtype, a)


def generalized_normal(key: Any, shape: Any, dtype: Any, p: Any) -> Any:
    """Samples the density proportional to exp(-|x|^p): the power 1/p of a gamma variable."""
    size, sign = jax.random.split(key)
    p = jnp.minimum(p, 2.0**100)  # infinity is the uniform distribution
    g, boost = boosted_gamma(size, shape, dtype, 1 / p)
    signs = jax.random.rademacher(sign, shape, dtype)
    return signs * jnp.exp((jnp.log(g) + boost) / p)


def _triangular(key: Any, shape: Any, dtype: Any, left: Any, mode: Any, right: Any) -> Any:
    u = jax.random.uniform(key, shape, dtype)
    span = right - left
    rises = u * span < mode - left
    up = jnp.where(rises, u * span * (mode - left), 1)
    down = jnp.where(rises, 1, (1 - u) * span * (right - mode))
    return jnp.where(rises, left + jnp.sqrt(up), right - jnp.sqrt(down))


def _ordered(left: Any, mode: Any, right: Any) -> None:
    for wrong, words in (
        (np.greater(left, mode), "left > mode"),
        (np.greater(mode, right), "mode > right"),
        (np.equal(left, right), "left == right"),
    ):
        if np.any(wrong):
            raise ValueError(words)


# The inverse Gaussian distribution -----------------------------------------------------------


@jax.custom_jvp
def _smaller_root(normal: Any, chosen: Any, mean: Any, scale: Any) -> Any:
    """Returns the sample of Michael, Schucany and Haas for a normal and a uniform variable."""
    w = mean * normal * normal / (2 * scale)
    x = mean / (1 + w + jnp.sqrt(w * (w + 2)))  # the smaller root, without cancellation
    return jnp.where(chosen * (mean + x) <= mean, x, mean * (mean / x))


@_smaller_root.defjvp
def _smaller_root_jvp(primals: Any, tangents: Any) -> Any:
    # The choice between the roots depends on the parameters: the derivative is that of the inverse
    # distribution function, -(∂F/∂mean) / f, and homogeneity gives the one by the scale.
    x = _smaller_root(*primals)
    _, _, mean, scale = primals
    root = jnp.sqrt(scale / x)
    log_density = 0.5 * jnp.log(scale / (2 * math.pi * x**3)) - (
        scale * (x - mean) ** 2 / (2 * mean**2 * x)
    )
    log_tail = jax.scipy.special.log_ndtr(-root * (x / mean + 1))
    by_mean = 2 * scale / mean**2 * jnp.exp(2 * scale / mean + log_tail - log_density)
    by_scale = (x - mean * by_mean) / scale
    return x, by_mean * tangents[2] + by_scale * tangents[3]


def _wald(key: Any, shape: Any, dtype: Any, mean: Any, scale: Any) -> Any:
    first, second = jax.random.split(key)
    normal = jax.random.normal(first, shape, dtype)
    chosen = jax.random.uniform(second, shape, dtype)
    mean, scale = jnp.broadcast_to(mean, shape), jnp.broadcast_to(scale, shape)
    return _smaller_root(normal, chosen, mean, scale)


# Others ---------------------------------------------------------------------------------------


def _double_sided_maxwell(key: Any, shape: Any, dtype: Any, loc: Any, scale: Any) -> Any:
    size, sign = jax.random.split(key)
    signs = jax.random.rademacher(sign, shape, dtype)
    return loc + scale * signs * jax.random.maxwell(size, shape, dtype)


def _own(sampler: Callable[..., Any]) -> Sampler:
    return lambda key, shape, dtype: sampler(key, shape, dtype)


def _uniform_of(density: str, **checks: Any) -> Distribution:
    return Distribution(
        "uniform",
        "a uniform distribution on [low, high)",
        _uniform,
        (
            Parameter("low", "the lower end", default=0.0),
            Parameter("high", "the upper end, which is not reached", default=1.0),
        ),
        density,
        "jax.random.uniform",
        **checks,
    )


EITHER_WAY = _uniform_of("As in NumPy, `high` may be below `low` here.", together=_finite_range)
"""The distribution of `RandomState.uniform`, where that of `Generator` refuses high < low."""

CONTINUOUS = (
    _uniform_of(
        "The density is 1 / (high-low).",
        together=_rising_range,
        allows=lambda low, high: low <= high,
    ),
    Distribution(
        "random",
        "the uniform distribution on [0, 1)",
        _random,
        source="jax.random.uniform",
        tail="out",
    ),
    Distribution(
        "standard_normal",
        "the normal distribution of mean 0 and deviation 1",
        _own(jax.random.normal),
        source="jax.random.normal (inversion)",
        tail="out",
    ),
    Distribution(
        "normal",
        "a normal distribution",
        located(jax.random.normal),
        (
            Parameter("loc", "the mean", default=0.0),
            Parameter("scale", "the standard deviation", NON_NEGATIVE, 1.0),
        ),
        "The density is exp(-(x-loc)² / (2 scale²)) / (√(2π) scale).",
        "jax.random.normal (inversion)",
    ),
    Distribution(
        "lognormal",
        "a distribution whose logarithm is normal",
        _lognormal,
        (
            Parameter("mean", "the mean of the logarithm", default=0.0),
            Parameter("sigma", "the standard deviation of the logarithm", NON_NEGATIVE, 1.0),
        ),
        source="exp of a normal variable",
    ),
    Distribution(
        "truncated_normal",
        "a normal distribution cut off at both ends",
        truncated_normal,
        (
            Parameter("lower", "the lower end"),
            Parameter("upper", "the upper end"),
            Parameter("loc", "the mean of the normal distribution", default=0.0),
            Parameter("scale", "its standard deviation", POSITIVE, 1.0),
        ),
        "Also far in a tail, and differentiable in all parameters.",
        "inversion: of logarithms of probabilities, or of distances from the nearer end",
        together=not_empty,
        allows=lambda lower, upper, loc, scale: lower < upper,
        early=2,
        example="-1.0, 1.0, size=3",
        tail="checked",
    ),
    Distribution(
        "laplace",
        "a Laplace distribution",
        located(jax.random.laplace),
        (_LOC, _SCALE),
        "The density is exp(-|x-loc| / scale) / (2 scale).",
        "jax.random.laplace (inversion)",
    ),
    Distribution(
        "logistic",
        "a logistic distribution",
        located(jax.random.logistic),
        (_LOC, _SCALE),
        "The distribution function is 1 / (1 + exp(-(x-loc)/scale)).",
        "jax.random.logistic (inversion)",
    ),
    Distribution(
        "gumbel",
        "a Gumbel distribution",
        located(jax.random.gumbel),
        (_LOC, _SCALE),
        "The distribution function is exp(-exp(-(x-loc)/scale)).",
        "jax.random.gumbel (inversion)",
    ),
    Distribution(
        "standard_cauchy",
        "the standard Cauchy distribution",
        _own(jax.random.cauchy),
        density="The density is 1 / (π (1 + x²)).",
        source="jax.random.cauchy (inversion)",
    ),
    Distribution(
        "standard_exponential",
        "the exponential distribution of mean 1",
        _own(jax.random.exponential),
        density="The density is exp(-x).",
        source="jax.random.exponential (inversion)",
        tail="method",
    ),
    Distribution(
        "exponential",
        "an exponential distribution",
        _exponential,
        (Parameter("scale", "the mean", NON_NEGATIVE, 1.0),),
        "The density is exp(-x/scale) / scale.",
        "jax.random.exponential (inversion)",
    ),
    Distribution(
        "rayleigh",
        "a Rayleigh distribution",
        _rayleigh,
        (Parameter("scale", "the mode", NON_NEGATIVE, 1.0),),
        "The density is x exp(-x² / (2 scale²)) / scale².",
        "inversion",
    ),
    Distribution(
        "pareto",
        "a Pareto II (Lomax) distribution",
        _pareto,
        (Parameter("a", "the shape", POSITIVE),),
        "The density is a / (1 + x)^(a+1); 1 + x has the classical Pareto distribution.",
        "inversion",
        example="3.0, size=3",
    ),
    Distribution(
        "power",
        "a power distribution on [0, 1]",
        _power,
        (Parameter("a", "the shape", POSITIVE),),
        "The density is a x^(a-1).",
        "inversion",
        example="2.0, size=3",
        tail="checked",
    ),
    Distribution(
        "weibull",
        "a Weibull distribution of scale 1",
        _weibull,
        (Parameter("a", "the shape", NON_NEGATIVE),),
        "The density is a x^(a-1) exp(-x^a).",
        "inversion",
        example="2.0, size=3",
    ),
    Distribution(
        "weibull_min",
        "a Weibull distribution",
        _weibull_min,
        (
            Parameter("a", "the shape", NON_NEGATIVE),
            Parameter("scale", "the scale", NON_NEGATIVE, 1.0),
        ),
        "It is that of scale times a Weibull variable.",
        "inversion",
        example="2.0, size=3",
    ),
    Distribution(
        "triangular",
        "a triangular distribution",
        _triangular,
        (
            Parameter("left", "the lower end"),
            Parameter("mode", "the peak"),
            Parameter("right", "the upper end"),
        ),
        "The density rises linearly from left to mode, and falls to right.",
        "inversion",
        together=_ordered,
        allows=lambda left, mode, right: (left <= mode) & (mode <= right) & (left < right),
        example="0.0, 0.5, 1.0, size=3",
    ),
    Distribution(
        "wald",
        "a Wald (inverse Gaussian) distribution",
        _wald,
        (Parameter("mean", "the mean", POSITIVE), Parameter("scale", "the scale", POSITIVE)),
        "The density is √(scale / (2π x³)) exp(-scale (x-mean)² / (2 mean² x)).",
        "J. R. Michael, W. R. Schucany and R. W. Haas, The American Statistician 30 (1976).",
        example="1.0, 2.0, size=3",
    ),
    Distribution(
        "maxwell",
        "the Maxwell distribution of scale 1",
        _own(jax.random.maxwell),
        density="The density is √(2/π) x² exp(-x²/2).",
        source="jax.random.maxwell",
    ),
    Distribution(
        "double_sided_maxwell",
        "a double-sided Maxwell distribution",
        _double_sided_maxwell,
        (_LOC, _SCALE),
        "It is that of loc + scale times a Maxwell variable with a random sign.",
        "jax.random.double_sided_maxwell",
    ),
    Distribution(
        "generalized_normal",
        "a generalized normal distribution",
        generalized_normal,
        (Parameter("p", "the exponent", POSITIVE),),
        "The density is proportional to exp(-|x|^p).",
        "a power of a gamma variable with a random sign",
        example="2.0, size=3",
    ),
)
