"""Discrete distributions: counts, and indices of categories."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .distribution import Distribution
from .gammas import standard_gamma
from .parameters import (
    ABOVE_ONE,
    BELOW_ONE,
    NON_NEGATIVE,
    POSITIVE_NOT_NAN,
    POSITIVE_PROBABILITY,
    PROBABILITY,
    RATE,
    Parameter,
    largest_rate,
)
from .rejection import deviance, ratio_of_uniforms, stirling, to_count
from .uniforms import fine_uniform

_BILLION = 10**9


def poisson(key: Any, shape: Any, dtype: Any, lam: Any) -> Any:
    """Samples a Poisson distribution."""
    mean = jax.lax.stop_gradient(jnp.broadcast_to(lam, shape))  # a count has no derivative
    rate = jnp.where(mean > 0, mean, 1)
    mode = jnp.floor(rate).astype(dtype)
    start = mode.astype(rate.dtype)
    at_mode = stirling(start) + deviance(start - rate, rate)

    def log_weight(distance: Any) -> Any:
        k = start + distance
        return at_mode - stirling(k) - deviance(distance + (start - rate), rate)

    low, high = -mode, jnp.iinfo(dtype).max - mode
    high = jnp.where(mean > 0, high, low)
    drawn = ratio_of_uniforms(key, shape, rate - start, rate, log_weight, low, high)
    return jnp.where(mean > 0, mode + drawn, 0)


def binomial(key: Any, shape: Any, dtype: Any, n: Any, p: Any) -> Any:
    """Samples the number of successes in n trials."""
    p = jax.lax.stop_gradient(jnp.broadcast_to(p, shape))
    n = jnp.broadcast_to(n, shape)
    flip = p > 0.5
    few = jnp.where(flip, 1 - p, p)
    varies = (n > 0) & (few > 0)
    trials, few = jnp.where(varies, n, 1), jnp.where(varies, few, 0.5)
    total = trials.astype(p.dtype)
    mean, rest = total * few, total * (1 - few)
    mode = jnp.minimum(jnp.floor((total + 1) * few).astype(dtype), trials)
    start, others = mode.astype(p.dtype), (trials - mode).astype(p.dtype)
    off = start - mean
    at_mode = _split_weight(start, others, off, mean, rest)

    def log_weight(distance: Any) -> Any:
        k, left = start + distance, jnp.maximum(others - distance, 0)
        return _split_weight(k, left, off + distance, mean, rest) - at_mode

    low, high = -mode, jnp.where(varies, trials - mode, -mode)
    drawn = ratio_of_uniforms(key, shape, -off, mean * (1 - few), log_weight, low, high)
    k = jnp.where(varies, mode + drawn, 0)
    return jnp.where(flip, n - k, k)


def _split_weight(k: Any, left: Any, off: Any, mean: Any, rest: Any) -> Any:
    """Returns the part of a binomial log probability that depends on k (left = n - k)."""
    return -(stirling(k) + stirling(left) + deviance(off, mean) + deviance(-off, rest))


def hypergeometric(key: Any, shape: Any, dtype: Any, ngood: Any, nbad: Any, nsample: Any) -> Any:
    """Samples the number of good ones among `nsample` drawn without replacement."""
    good, bad, taken = (jnp.broadcast_to(x, shape) for x in (ngood, nbad, nsample))
    least, most = jnp.maximum(taken - bad, 0), jnp.minimum(taken, good)
    varies = most > least
    good, bad, taken = (jnp.where(varies, x, 1) for x in (good, bad, taken))
    floating = jax.dtypes.canonicalize_dtype(float)
    r, b, t = (x.astype(floating) for x in (good, bad, taken))
    total = r + b
    left = (good + bad - taken).astype(floating)
    mean = t * (r / total)
    means = (mean, r * (left / total), t * (b / total), b * (left / total))
    variance = mean * (b / total) * left / jnp.maximum(total - 1, 1)
    mode = jnp.clip(jnp.floor(mean + 0.5).astype(dtype), least, jnp.maximum(most, least))
    cells = (mode, good - mode, taken - mode, bad - taken + mode)
    starts = tuple(x.astype(floating) for x in cells)
    off = starts[0] - mean

    def weight(distance: Any) -> Any:
        found = jnp.zeros(shape, floating)
        for start, centre, sign in zip(starts, means, (1, -1, -1, 1), strict=True):
            moved = sign * distance
            found -= stirling(jnp.maximum(start + moved, 0))
            found -= deviance(sign * off + moved, centre)
        return found

    at_mode = weight(jnp.zeros(shape, floating))
    low, high = least - mode, jnp.where(varies, most - mode, least - mode)
    drawn = ratio_of_uniforms(key, shape, -off, variance, lambda d: weight(d) - at_mode, low, high)
    return mode + drawn


def _enough(ngood: Any, nbad: Any, nsample: Any) -> None:
    if np.any(np.asarray(ngood) >= _BILLION) or np.any(np.asarray(nbad) >= _BILLION):
        raise ValueError("both ngood and nbad must be less than 1000000000")
    if np.any(np.add(ngood, nbad) < nsample):
        raise ValueError("ngood + nbad < nsample")


def _too_large(n: Any, p: Any) -> Any:
    """Says whether a mean with a gamma distribution is none that a Poisson sample has (NumPy's)."""
    return (1 - p) / p * (n + 10 * n**0.5) > largest_rate()


def _refuse_mean(n: Any, p: Any) -> None:
    with np.errstate(invalid="ignore"):
        large = np.any(_too_large(n, p))
    if large:
        dtype = jax.dtypes.canonicalize_dtype(int)
        raise ValueError(f"n too large or p too small for samples of {np.dtype(dtype)}")


def _negative_binomial(key: Any, shape: Any, dtype: Any, n: Any, p: Any) -> Any:
    first, second = jax.random.split(key)
    rate = standard_gamma(first, shape, p.dtype, n) * ((1 - p) / p)
    top = float(jnp.iinfo(dtype).max)
    most = jnp.asarray(top - 10 * math.sqrt(top), p.dtype)
    drawn = poisson(second, shape, dtype, jnp.minimum(rate, most))
    return jnp.where(rate > most, jnp.iinfo(dtype).max, drawn)


def _geometric(key: Any, shape: Any, dtype: Any, p: Any) -> Any:
    p = jax.lax.stop_gradient(p)
    trials = jnp.ceil(jnp.log(fine_uniform(key, shape, p.dtype)) / jnp.log1p(-p))
    return to_count(jnp.maximum(trials, 1), dtype)


def _zipf(key: Any, shape: Any, dtype: Any, a: Any) -> Any:
    """Samples by rejection from the density that the powers bound, among what fits the dtype."""
    exponent = jax.lax.stop_gradient(jnp.broadcast_to(a - 1, shape))
    top = jnp.asarray(jnp.iinfo(dtype).max, exponent.dtype)
    least = jnp.exp(-exponent * jnp.log(top))
    bound = -jnp.expm1(-exponent * math.log(2))

    def step(state: Any) -> Any:
        key, found, done = state
        key, first, second = jax.random.split(key, 3)
        u = fine_uniform(first, shape, exponent.dtype)
        v = jax.random.uniform(second, shape, exponent.dtype)
        x = jnp.floor(jnp.exp(-jnp.log(u + (1 - u) * least) / exponent))
        fall = -jnp.expm1(-exponent * jnp.log1p(1 / x))
        accepted = (x < top) & (v * x * fall <= bound)
        return key, jnp.where(accepted & ~done, x, found), done | accepted

    start = (key, jnp.ones(shape, exponent.dtype), jnp.broadcast_to(a > 1000, shape))
    found = jax.lax.while_loop(lambda state: ~state[2].all(), step, start)[1]
    return to_count(found, dtype)


def _logseries(key: Any, shape: Any, dtype: Any, p: Any) -> Any:
    p = jax.lax.stop_gradient(p)
    first, second = jax.random.split(key)
    v = fine_uniform(first, shape, p.dtype)
    q = -jnp.expm1(jnp.log1p(-p) * fine_uniform(second, shape, p.dtype))
    large = jnp.floor(1 + jnp.log(v) / jnp.log(q))
    drawn = jnp.where(v <= q * q, large, jnp.where(v <= q, 2, 1))
    return to_count(jnp.where(v >= p, 1, jnp.maximum(drawn, 1)), dtype)


def _bernoulli(key: Any, shape: Any, dtype: Any, p: Any) -> Any:
    return fine_uniform(key, shape, p.dtype) <= p


def _rademacher(key: Any, shape: Any, dtype: Any) -> Any:
    return jax.random.rademacher(key, shape, dtype)


_P = Parameter("p", "the probability of a success", PROBABILITY)
_P_POSITIVE = Parameter("p", "the probability of a success", POSITIVE_PROBABILITY)
_STADLOBER = (
    "E. Stadlober, J. Comput. Appl. Math. 31 (1990), with probabilities as in C. Loader (2000)."
)

DISCRETE = (
    Distribution(
        "bernoulli",
        "True with probability p, else False",
        _bernoulli,
        (Parameter("p", "the probability of True", PROBABILITY, 0.5),),
        dtype=bool,
        source="jax.random.bernoulli",
        tail="checked first",
    ),
    Distribution(
        "rademacher",
        "-1 and 1 with equal probabilities",
        _rademacher,
        dtype=int,
        source="jax.random.rademacher",
    ),
    Distribution(
        "poisson",
        "a Poisson distribution",
        poisson,
        (Parameter("lam", "the mean", RATE, 1.0),),
        "The probabilities are lam^k exp(-lam) / k!.",
        _STADLOBER,
        int,
    ),
    Distribution(
        "binomial",
        "a binomial distribution: the number of successes in n trials",
        binomial,
        (Parameter("n", "the number of trials", NON_NEGATIVE, count=True), _P),
        "The probabilities are C(n, k) p^k (1-p)^(n-k).",
        _STADLOBER,
        int,
        example="10, 0.5, size=3",
        tail="checked",
    ),
    Distribution(
        "hypergeometric",
        "a hypergeometric distribution: the number of good ones among nsample that are taken",
        hypergeometric,
        (
            Parameter("ngood", "the number of good ones", NON_NEGATIVE, count=True),
            Parameter("nbad", "the number of bad ones", NON_NEGATIVE, count=True),
            Parameter(
                "nsample", "how many are taken without replacement", NON_NEGATIVE, count=True
            ),
        ),
        "p(k) = C(ngood, k) C(nbad, nsample-k) / C(ngood+nbad, nsample).",
        _STADLOBER,
        int,
        together=_enough,
        allows=lambda good, bad, taken: (
            (good + bad >= taken) & (good < _BILLION) & (bad < _BILLION)
        ),
        example="5, 5, 4, size=3",
    ),
    Distribution(
        "negative_binomial",
        "a negative binomial distribution: the number of failures before n successes",
        _negative_binomial,
        (Parameter("n", "the number of successes, also not whole", POSITIVE_NOT_NAN), _P_POSITIVE),
        "The probabilities are Γ(k+n) p^n (1-p)^k / (k! Γ(n)).",
        "a Poisson variable whose mean has a gamma distribution. " + _STADLOBER,
        int,
        together=_refuse_mean,
        allows=lambda n, p: ~_too_large(n, p),
        example="3, 0.5, size=3",
    ),
    Distribution(
        "geometric",
        "a geometric distribution: the number of trials until the first success",
        _geometric,
        (_P_POSITIVE,),
        "The probabilities are (1-p)^(k-1) p.",
        "inversion",
        int,
        example="0.25, size=3",
    ),
    Distribution(
        "zipf",
        "a Zipf (zeta) distribution",
        _zipf,
        (Parameter("a", "the exponent", ABOVE_ONE),),
        "The probabilities are proportional to k^-a, among the counts that fit the dtype.",
        "L. Devroye, Non-Uniform Random Variate Generation (1986), p. 551.",
        int,
        example="2.0, size=3",
    ),
    Distribution(
        "logseries",
        "a logarithmic series distribution",
        _logseries,
        (Parameter("p", "the shape", BELOW_ONE),),
        "The probabilities are -p^k / (k log(1-p)).",
        "A. W. Kemp, Applied Statistics 30 (1981), algorithm LK.",
        int,
        example="0.5, size=3",
    ),
)
