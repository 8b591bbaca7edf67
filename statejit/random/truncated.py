"""The truncated normal distribution: the inverse of its distribution function, in three ways.

An interval is mirrored so that its nearer end `a`, in deviations from the mean, is not left of
its mirror image. The distance from that end is what is drawn: in float32 it keeps its precision
where the distribution function, and even its logarithm, are the same at both ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .uniforms import fine_uniform

_FAR = 1e4
"""An end so many deviations away is as good as none."""

_TAIL = 4.0
"""From here on distances are drawn by the hazard rate, which logarithms of float32 can't tell."""

_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)
_NODES, _WEIGHTS = (v / 2 for v in np.polynomial.legendre.leggauss(5))


def truncated_normal(
    key: Any, shape: Any, dtype: Any, lower: Any, upper: Any, loc: Any, scale: Any
) -> Any:
    """Samples a normal distribution between two ends."""
    u = fine_uniform(key, shape, dtype)
    low, high = _standardized(lower, loc, scale), _standardized(upper, loc, scale)
    flip = low + high > 0
    a, b = jnp.where(flip, low, -high), jnp.where(flip, high, -low)
    bounded = jnp.isfinite(lower) & jnp.isfinite(upper)
    width = jnp.where(bounded, upper, 1) - jnp.where(bounded, lower, 0)
    w = jnp.where(bounded, width / scale, _FAR)
    narrow = (w <= 0.5) & (a * w <= 0.5)
    tail = ~narrow & (a >= _TAIL)
    t = jnp.where(
        narrow,
        _in_narrow(u, jnp.where(narrow, a * w, 0), jnp.where(narrow, w, 0)),
        _in_tail(u, jnp.where(tail, a, _TAIL), jnp.where(tail, w, 1)),
    )
    centre = ~narrow & ~tail
    x = _in_centre(u, jnp.where(centre, -b, -1), jnp.where(centre, -a, 1))
    x = loc + scale * jnp.where(flip, -x, x)
    near = jnp.where(centre, 0, jnp.where(flip, lower, upper))
    beside = near + jnp.where(flip, 1, -1) * jnp.where(narrow, width, scale) * t
    return jnp.clip(jnp.where(centre, x, beside), lower, upper)


def not_empty(lower: Any, upper: Any, loc: Any, scale: Any) -> None:
    """Refuses intervals with nothing inside."""
    if np.any(np.greater_equal(lower, upper)):
        raise ValueError("lower >= upper")


def _standardized(end: Any, loc: Any, scale: Any) -> Any:
    """Returns an end in deviations from the mean; an infinite one is far away, and stays there."""
    finite = jnp.isfinite(end)
    return jnp.where(finite, (jnp.where(finite, end, 0) - loc) / scale, jnp.sign(end) * _FAR)


def _in_narrow(u: Any, slope: Any, w: Any) -> Any:
    """Returns the part of the width at which exp(-slope v - w² v²/2) has its quantile `u`."""

    def density(v: Any) -> Any:
        return jnp.exp(-v * (slope + 0.5 * w * w * v))

    def below(v: Any) -> Any:
        return v * sum(float(k) * density(v * (0.5 + float(x))) for x, k in _POINTS)

    total = below(jnp.ones_like(u))
    return _by_newton(lambda v: (below(v) - u * total) / density(v), u)


_POINTS = tuple(zip(_NODES, _WEIGHTS, strict=True))


def _in_tail(u: Any, a: Any, w: Any) -> Any:
    """Returns the distance from `a` at which the tail to `a + w` has its upper quantile `u`.

    What lies beyond a distance t is exp(-t (a + t/2)) R(a + t) / R(a) of the tail, R being the
    quotient of Mills.
    """
    log_mills = jnp.log(_mills(a))

    def exponent(t: Any) -> Any:
        return t * (a + 0.5 * t) + log_mills - jnp.log(_mills(a + t))

    beyond = jnp.exp(-jnp.minimum(exponent(w), 100))
    due = -jnp.log(beyond + u * (1 - beyond))
    start = 2 * due / (a + jnp.sqrt(a * a + 2 * due))  # not below the root of a convex function
    return _by_newton(lambda t: (exponent(t) - due) * _mills(a + t), start)


def _by_newton(step: Callable[[Any], Any], start: Any) -> Any:
    """Returns the root of a function, given value over slope, after three steps of Newton's method.

    No derivative goes through the first two: that of the last one is that of the inverse function.
    """
    two, consts = jax.closure_convert(
        lambda x: jax.lax.fori_loop(0, 2, lambda _, x: x - step(x), x), start
    )
    x = two(*jax.lax.stop_gradient((start, *consts)))
    return x - step(x)


def _mills(x: Any) -> Any:
    """Returns the probability beyond `x` over the density at `x`, for x of at least 4.

    References:
        Laplace's continued fraction; M. Abramowitz and I. A. Stegun, "Handbook of Mathematical
        Functions" (1964), 26.2.14.
    """
    return _mills_and_rest(x)[0]


@jax.custom_jvp
def _mills_and_rest(x: Any) -> tuple[Any, Any]:
    found = x
    for n in range(16, 1, -1):
        found = x + n / found
    rest = 1 / found
    return 1 / (x + rest), rest


@_mills_and_rest.defjvp
def _mills_and_rest_jvp(primals: Any, tangents: Any) -> Any:
    mills, rest = _mills_and_rest(*primals)  # the slope, x R - 1, with nothing to cancel
    return (mills, rest), (-rest * mills * tangents[0], jnp.zeros_like(rest))


@jax.custom_jvp
def _ndtri_exp(log_p: Any) -> Any:
    """Returns the x at which the logarithm of the normal distribution function is `log_p`."""
    centre = jax.scipy.special.ndtri(jnp.exp(jnp.maximum(log_p, -3)))
    far = jnp.minimum(log_p, -3)
    x = -jnp.sqrt(-2 * far - math.log(2 * math.pi) - jnp.log(-2 * far))

    def step(_: Any, x: Any) -> Any:
        below = jax.scipy.special.log_ndtr(x)
        return x - (below - far) * jnp.exp(below + x * x / 2 + _HALF_LOG_TAU)

    x = jax.lax.fori_loop(0, 4, step, x)  # Newton's method on a concave function
    return jnp.where(log_p > -3, centre, x)


@_ndtri_exp.defjvp
def _ndtri_exp_jvp(primals: Any, tangents: Any) -> Any:
    x = _ndtri_exp(*primals)
    return x, tangents[0] * jnp.exp(primals[0] + x * x / 2 + _HALF_LOG_TAU)


def _in_centre(u: Any, left: Any, right: Any) -> Any:
    """Returns the normal variable between `left` and `right`, of which the left is the farther."""
    below_left, below = jax.scipy.special.log_ndtr(left), jax.scipy.special.log_ndtr(right)
    ratio = jnp.exp(below_left - below)  # of the distribution function at the two ends
    return _ndtri_exp(below + jnp.log(ratio + u * (1 - ratio)))
