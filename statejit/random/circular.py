"""The von Mises distribution: angles."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .distribution import Distribution
from .parameters import NON_NEGATIVE, Parameter

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


@jax.custom_jvp
def angle(key: Any, kappa: Any) -> Any:
    """Samples angles around 0, by rejection from a wrapped Cauchy distribution.

    With τ = 1 + √(1 + 4κ²), tan(θ/2) of the envelope is √2 / (√τ + √(τ-2)) times that of a uniform
    angle, and r of the paper √(τ / (τ-2)): no term cancels, however large or small κ is.

    References:
        D. J. Best and N. I. Fisher, "Efficient simulation of the von Mises distribution", Applied
        Statistics 28 (1979).
    """
    shape, dtype = kappa.shape, kappa.dtype
    kappa = jnp.clip(kappa, 1e-6, 1e18)
    root = jnp.hypot(jnp.ones((), dtype), 2 * kappa)
    excess = 2 * kappa * (2 * kappa / (1 + root))  # τ - 2
    narrow, wide = jnp.sqrt(excess), jnp.sqrt(excess + 2)
    slope = math.sqrt(2) / (wide + narrow)
    above = 2 / ((wide + narrow) * narrow)  # r - 1

    def step(state: Any) -> Any:
        key, found, done = state
        key, now = jax.random.split(key)
        half, v = jax.random.uniform(now, (2, *shape), dtype)
        half = (half - 0.5) * math.pi
        c = kappa * (2 / excess) / (above + 2 * jnp.cos(half) ** 2)
        accepted = jnp.log(1 - v) <= jnp.log(c) + 1 - c
        drawn = 2 * jnp.arctan(slope * jnp.tan(half))
        return key, jnp.where(accepted & ~done, drawn, found), done | accepted

    start = (key, jnp.zeros(shape, dtype), jnp.zeros(shape, bool))
    return jax.lax.while_loop(lambda state: ~state[2].all(), step, start)[1]


@angle.defjvp
def _angle_jvp(primals: Any, tangents: Any) -> Any:
    # That of the inverse distribution function: -(∂F/∂κ) / f, an integral from 0 by symmetry.
    _, kappa = primals
    theta = angle(*primals)
    nodes = jnp.asarray((_NODES + 1) / 2, theta.dtype)
    at = theta[..., None] * nodes
    mean = jax.scipy.special.i1e(kappa) / jax.scipy.special.i0e(kappa)
    height = 2 * jnp.sin((theta[..., None] + at) / 2) * jnp.sin((theta[..., None] - at) / 2)
    integrand = (jnp.cos(at) - mean[..., None]) * jnp.exp(kappa[..., None] * height)
    weights = jnp.asarray(_WEIGHTS / 2, theta.dtype)
    return theta, -theta * (integrand @ weights) * tangents[1]


def _vonmises(key: Any, shape: Any, dtype: Any, mu: Any, kappa: Any) -> Any:
    drawn = angle(key, jnp.broadcast_to(kappa, shape)) + mu
    turns = jax.lax.stop_gradient(jnp.round(drawn / (2 * math.pi)))
    return jnp.clip(drawn - 2 * math.pi * turns, -math.pi, math.pi)


CIRCULAR = (
    Distribution(
        "vonmises",
        "a von Mises distribution on [-π, π]",
        _vonmises,
        (
            Parameter("mu", "the mode, an angle in radians"),
            Parameter("kappa", "the concentration", NON_NEGATIVE),
        ),
        "The density is exp(kappa cos(x-mu)) / (2π I₀(kappa)).",
        "D. J. Best and N. I. Fisher, Applied Statistics 28 (1979).",
        example="0.0, 4.0, size=3",
    ),
)
