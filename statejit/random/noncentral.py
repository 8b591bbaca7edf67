"""Noncentral distributions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .discrete import poisson
from .distribution import Distribution
from .gammas import chisquare
from .parameters import NON_NEGATIVE, POSITIVE, Parameter


@jax.custom_jvp
def _moved(sample: Any, df: Any, nonc: Any, mixed: Any) -> Any:
    """Returns a sample; where it is `mixed`, its derivative by `nonc` is added.

    A count decides that sample, so that the derivative is that of the inverse distribution
    function, -(∂F/∂nonc) / f, in which ∂F/∂nonc = -f of two more degrees of freedom: a quotient of
    Bessel functions.
    """
    return sample


@_moved.defjvp
def _moved_jvp(primals: Any, tangents: Any) -> Any:
    sample, df, nonc, mixed = primals
    slope = jnp.where(mixed, sample * _bessel_quotient(df / 2 - 1, nonc * sample), 0)
    return sample, tangents[0] + slope * tangents[2]


def _bessel_quotient(order: Any, square: Any) -> Any:
    """Returns I(order + 1, z) / I(order, z) / z for z² = `square` and an order above -1.

    It is Gauss's continued fraction, backwards from an approximation far out.

    References:
        D. E. Amos, "Computation of modified Bessel functions and their ratios", Mathematics of
        Computation 28 (1974).
    """
    last = order + _TERMS
    found = 1 / (last + 0.5 + jnp.sqrt((last + 1.5) ** 2 + square))
    for n in range(_TERMS, 0, -1):
        found = 1 / (2 * (order + n) + square * found)
    return found


_TERMS = 24


def noncentral_chisquare(key: Any, shape: Any, dtype: Any, df: Any, nonc: Any) -> Any:
    """Samples a noncentral chi-square distribution, as NumPy does.

    With more than one degree of freedom one of the squared normal variables is moved; with fewer,
    a Poisson number of degrees of freedom is added, unless that would not fit an integer: then the
    sample of one degree is, as floats go, that of fewer.
    """
    first, second, third = jax.random.split(key, 3)
    df, nonc = jnp.broadcast_to(df, shape), jnp.broadcast_to(nonc, shape)
    counts = jnp.int32 if dtype == jnp.float32 else jax.dtypes.canonicalize_dtype(int)
    moves = (df > 1) | (nonc > jnp.iinfo(counts).max / 4)
    added = 2 * poisson(first, shape, counts, jnp.where(moves, 0, nonc / 2)).astype(dtype)
    fewer = jnp.where(df > 1, df - 1, 1)  # beside so large a number, 1 is as good as none
    central = chisquare(second, shape, dtype, jnp.where(moves, fewer, df + added))
    root = jnp.sqrt(jnp.where(nonc > 0, nonc, 1)) * (nonc > 0)
    normal = jax.random.normal(third, shape, dtype) + root
    return _moved(central + jnp.where(moves, normal * normal, 0), df, nonc, ~moves)


def _noncentral_f(key: Any, shape: Any, dtype: Any, dfnum: Any, dfden: Any, nonc: Any) -> Any:
    first, second = jax.random.split(key)
    above = noncentral_chisquare(first, shape, dtype, dfnum, nonc) / dfnum
    return above / (chisquare(second, shape, dtype, dfden) / dfden)


_NONC = Parameter("nonc", "the noncentrality", NON_NEGATIVE)
_SOURCE = "numpy.random: a moved normal variable where df > 1, else a Poisson mixture."

NONCENTRAL = (
    Distribution(
        "noncentral_chisquare",
        "a noncentral chi-square distribution",
        noncentral_chisquare,
        (Parameter("df", "the degrees of freedom", POSITIVE), _NONC),
        "It is that of the sum of df squared normal variables whose squared means add to nonc.",
        _SOURCE,
        example="3.0, 2.0, size=3",
    ),
    Distribution(
        "noncentral_f",
        "a noncentral F distribution",
        _noncentral_f,
        (
            Parameter("dfnum", "the degrees of freedom in the numerator", POSITIVE),
            Parameter("dfden", "the degrees of freedom in the denominator", POSITIVE),
            _NONC,
        ),
        "It is that of a noncentral chi-square variable over a chi-square one, each over its df.",
        _SOURCE,
        example="3.0, 5.0, 2.0, size=3",
    ),
)
