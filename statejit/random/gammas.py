"""The gamma distribution and what is made of it: beta, chi-square, F, Student's t, Dirichlet.

All of them draw a gamma variable as `g exp(l)`: `g` for a shape of at least 1, and a boost `l` that
is 0 unless the shape is smaller. Quotients of two such variables neither overflow nor cancel, at
shapes of 1e-3 and of 1e9 alike, and gradients reach the shape (through JAX's implicit derivative).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .distribution import Distribution
from .parameters import NON_NEGATIVE, POSITIVE, Parameter
from .programs import hidden


def boosted_gamma(key: Any, shape: Any, dtype: Any, a: Any) -> tuple[Any, Any]:
    """Samples `(g, l)` so that `g exp(l)` has the gamma distribution of shape `a`.

    References:
        G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS
        26 (2000): X(a) = X(a + 1) U^(1/a).
    """
    key, other = jax.random.split(key)
    small = a < 1
    g = jax.random.gamma(key, jnp.where(small, a + 1, a), shape, dtype)
    boost = -jax.random.exponential(other, shape, dtype) / jnp.where(small, a, 1)
    # JAX's sampler is a loop, into which XLA else folds what surrounds it.
    return hidden((g, jnp.where(small, boost, 0)))


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


def _beta(key: Any, shape: Any, dtype: Any, a: Any, b: Any) -> Any:
    first, second = jax.random.split(key)
    x, x_boost = boosted_gamma(first, shape, dtype, a)
    y, y_boost = boosted_gamma(second, shape, dtype, b)
    top = jax.lax.stop_gradient(jnp.maximum(x_boost, y_boost))
    x, y = x * jnp.exp(x_boost - top), y * jnp.exp(y_boost - top)
    return x / (x + y)


def _f(key: Any, shape: Any, dtype: Any, dfnum: Any, dfden: Any) -> Any:
    first, second = jax.random.split(key)
    x, x_boost = boosted_gamma(first, shape, dtype, dfnum / 2)
    y, y_boost = boosted_gamma(second, shape, dtype, dfden / 2)
    return (x / y) * (dfden / dfnum) * jnp.exp(x_boost - y_boost)


def _standard_t(key: Any, shape: Any, dtype: Any, df: Any) -> Any:
    first, second = jax.random.split(key)
    g, boost = boosted_gamma(first, shape, dtype, df / 2)
    normal = jax.random.normal(second, shape, dtype)
    return normal * jnp.sqrt(df / 2 / g) * jnp.exp(-boost / 2)


def dirichlet(key: Any, shape: Any, dtype: Any, alpha: Any) -> Any:
    """Samples probability vectors."""
    full = (*shape, alpha.shape[-1])
    g, boost = boosted_gamma(key, full, dtype, jnp.broadcast_to(alpha, full))
    boost = boost - jax.lax.stop_gradient(boost.max(-1, keepdims=True))
    weights = g * jnp.exp(boost)
    return weights / weights.sum(-1, keepdims=True)


_SOURCE = (
    "G. Marsaglia and W. W. Tsang, ACM TOMS 26 (2000), as in jax.random.gamma; shapes below 1 by "
    "X(a) = X(a + 1) U^(1/a)."
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
