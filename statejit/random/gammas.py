"""The gamma distribution and what is made of it: beta, chi-square, F, Student's t, Dirichlet.

All of them draw a gamma variable as `g exp(l)`: `g` for a shape of at least 1, and a boost `l` that
is 0 unless the shape is smaller. Quotients of two such variables neither overflow nor cancel, at
shapes of 1e-3 and of 1e9 alike, and gradients reach the shape (through its implicit derivative).
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .distribution import Distribution
from .parameters import NON_NEGATIVE, POSITIVE, Parameter


@jax.custom_jvp
def large_gamma(key: Any, a: Any) -> Any:
    """Samples a gamma distribution of a shape `a` of at least 1, one variable for each of them.

    One loop draws for all elements (`jax.random.gamma` has a key and a loop for each: ten times
    slower, and three times longer to compile). The logarithm of the acceptance is its expansion
    without the terms that cancel, which float32 loses at large shapes.

    References:
        G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS
        26 (2000).
    """
    shape, dtype = a.shape, a.dtype
    d = a - 1 / 3
    c = 1 / jnp.sqrt(9 * d)
    above = np.nextafter(np.asarray(-1, dtype), np.asarray(0, dtype))

    def step(state: Any) -> Any:
        key, found, done = state
        key, now = jax.random.split(key)
        first, second = jax.random.uniform(now, (2, *shape), dtype, above, 1)
        t = c * (math.sqrt(2) * jax.lax.erf_inv(first))
        accepted = (t > -1) & (jnp.log(0.5 - 0.5 * second) <= 3 * d * _log1p_rest(t))
        return key, jnp.where(accepted & ~done, t, found), done | accepted

    start = (key, jnp.zeros(shape, dtype), ~(a < jnp.inf))  # of which nothing is accepted
    t = jax.lax.while_loop(lambda state: ~state[2].all(), step, start)[1]
    return d * (1 + t) ** 3


def _log1p_rest(t: Any) -> Any:
    """Returns log(1 + t) - t + t²/2 - t³/3, precisely for small t."""
    series = jnp.zeros_like(t)
    for power in range(11, 3, -1):
        series = series * t + (1 if power % 2 else -1) / power
    far = jnp.log1p(jnp.maximum(t, -0.999999)) - t * (1 - t * (0.5 - t / 3))
    return jnp.where(jnp.abs(t) < 0.15, series * t**4, far)


@large_gamma.defjvp
def _large_gamma_jvp(primals: Any, tangents: Any) -> Any:
    drawn = large_gamma(*primals)
    return drawn, jax.lax.random_gamma_grad(primals[1], drawn) * tangents[1]


def boosted_gamma(key: Any, shape: Any, dtype: Any, a: Any) -> tuple[Any, Any]:
    """Samples `(g, l)` so that `g exp(l)` has the gamma distribution of shape `a`.

    References:
        G. Marsaglia and W. W. Tsang, ACM TOMS 26 (2000), section 6: X(a) = X(a + 1) U^(1/a).
    """
    key, other = jax.random.split(key)
    a = jnp.broadcast_to(a, shape)
    small = a < 1
    g = large_gamma(key, jnp.where(small, a + 1, a))
    boost = -jax.random.exponential(other, shape, dtype) / jnp.where(small, a, 1)
    return g, jnp.where(small, boost, 0)


def standard_gamma(key: Any, shape: Any, dtype: Any, a: Any) -> Any:
    """Samples a gamma distribution of scale 1; 0 for a shape of 0."""
    g, boost = boosted_gamma(key, shape, dtype, a)
    return g * jnp.exp(boost)


def _gamma(key: Any, shape: Any, dtype: Any, a: Any, scale: Any) -> Any:
    return scale * standard_gamma(key, shape, dtype, a)


def _loggamma(key: Any, shape: Any, dtype: Any, a: Any) -> Any:
    g, boost = boosted_gamma(key, shape, dtype, a)
    return jnp.log(g) + boost


def chisquare(key: Any, shape: Any, dtype: Any, df: Any) -> Any:
    """Samples a chi-square distribution."""
    return 2 * standard_gamma(key, shape, dtype, df / 2)


def _two(key: Any, shape: Any, dtype: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Samples `boosted_gamma` for two shapes: x, y and their boosts."""
    both = jnp.stack([jnp.broadcast_to(a, shape), jnp.broadcast_to(b, shape)])
    return boosted_gamma(key, both.shape, dtype, both)


def _beta(key: Any, shape: Any, dtype: Any, a: Any, b: Any) -> Any:
    (x, y), boost = _two(key, shape, dtype, a, b)
    boost = jnp.exp(boost - jax.lax.stop_gradient(boost.max(0)))
    x, y = x * boost[0], y * boost[1]
    return x / (x + y)


def _f(key: Any, shape: Any, dtype: Any, dfnum: Any, dfden: Any) -> Any:
    (x, y), boost = _two(key, shape, dtype, dfnum / 2, dfden / 2)
    return (x / y) * (dfden / dfnum) * jnp.exp(boost[0] - boost[1])


def _standard_t(key: Any, shape: Any, dtype: Any, df: Any) -> Any:
    first, second = jax.random.split(key)
    g, boost = boosted_gamma(first, shape, dtype, df / 2)
    normal = jax.random.normal(second, shape, dtype)
    return normal * jnp.sqrt(df / 2 / g) * jnp.exp(-boost / 2)


def dirichlet(key: Any, shape: Any, dtype: Any, alpha: Any) -> Any:
    """Samples probability vectors; where all of alpha is 0 they are 0, as NumPy's."""
    full = (*shape, alpha.shape[-1])
    g, boost = boosted_gamma(key, full, dtype, jnp.broadcast_to(alpha, full))
    top = jax.lax.stop_gradient(boost.max(-1, keepdims=True, initial=-jnp.inf))
    weights = g * jnp.exp(boost - jnp.where(top == -jnp.inf, 0, top))
    total = weights.sum(-1, keepdims=True)
    return weights / jnp.where(total == 0, 1, total)


_SOURCE = (
    "G. Marsaglia and W. W. Tsang, ACM TOMS 26 (2000); shapes below 1 by X(a) = X(a + 1) U^(1/a)."
)
_A = Parameter("shape", "the shape", NON_NEGATIVE)
_DF = Parameter("df", "the degrees of freedom", POSITIVE)

GAMMAS = (
    Distribution(
        "standard_gamma",
        "a gamma distribution of scale 1",
        standard_gamma,
        (_A,),
        "The density is x^(shape-1) exp(-x) / Γ(shape).",
        _SOURCE,
        tail="out",
        example="2.0, size=3",
    ),
    Distribution(
        "gamma",
        "a gamma distribution",
        _gamma,
        (_A, Parameter("scale", "the scale", NON_NEGATIVE, 1.0)),
        "The density is x^(shape-1) exp(-x/scale) / (Γ(shape) scale^shape).",
        _SOURCE,
        example="2.0, 3.0, size=3",
    ),
    Distribution(
        "loggamma",
        "the logarithm of a gamma distribution of scale 1",
        _loggamma,
        (Parameter("a", "the shape", NON_NEGATIVE),),
        "It does not underflow where a is small.",
        _SOURCE,
        example="0.01, size=3",
    ),
    Distribution(
        "chisquare",
        "a chi-square distribution",
        chisquare,
        (_DF,),
        "It is that of the sum of df squared normal variables.",
        _SOURCE,
        tail="checked",
        example="2.0, size=3",
    ),
    Distribution(
        "beta",
        "a beta distribution",
        _beta,
        (Parameter("a", "alpha", POSITIVE), Parameter("b", "beta", POSITIVE)),
        "The density is x^(a-1) (1-x)^(b-1) / B(a, b).",
        "X / (X + Y) for gamma variables. " + _SOURCE,
        example="2.0, 3.0, size=3",
    ),
    Distribution(
        "f",
        "an F distribution",
        _f,
        (
            Parameter("dfnum", "the degrees of freedom in the numerator", POSITIVE),
            Parameter("dfden", "the degrees of freedom in the denominator", POSITIVE),
        ),
        "It is that of the quotient of two chi-square variables over their degrees of freedom.",
        _SOURCE,
        example="2.0, 3.0, size=3",
    ),
    Distribution(
        "standard_t",
        "Student's t distribution",
        _standard_t,
        (_DF,),
        "It is that of a normal variable over the root of a chi-square variable divided by df.",
        _SOURCE,
        example="2.0, size=3",
    ),
)
