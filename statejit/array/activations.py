"""Activations that brainpy.math has and `jax.nn` has not, or otherwise, over JAX's arrays."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

ArrayLike = Any  # by this name `function` knows where a list is an array


def hard_tanh(x: ArrayLike, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """Returns the elements, and a bound where they are beyond it."""
    return jnp.clip(x, min_val, max_val)


def hard_shrink(x: ArrayLike, lambd: float = 0.5) -> Any:
    """Returns the elements, and 0 where they are within `lambd` of it."""
    return jnp.where(jnp.abs(x) > lambd, x, 0)


def soft_shrink(x: ArrayLike, lambd: float = 0.5) -> Any:
    """Returns the elements, nearer to 0 by `lambd`."""
    return jnp.sign(x) * jnp.maximum(jnp.abs(x) - lambd, 0)


def tanh_shrink(x: ArrayLike) -> Any:
    """Returns `x - tanh(x)`."""
    return x - jnp.tanh(x)


def prelu(x: ArrayLike, a: ArrayLike = 0.25) -> Any:
    """Returns the elements, and `a` times them where they are negative."""
    return jnp.where(jnp.asarray(x) >= 0, x, a * x)


def softmin(x: ArrayLike, axis: int = -1) -> Any:
    """Returns `softmax(-x)`."""
    return jax.nn.softmax(-x, axis=axis)


def softplus(x: ArrayLike, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """Returns `log(1 + exp(beta * x)) / beta`, and `x` where `beta * x` is beyond the threshold."""
    scaled = jnp.asarray(x) * beta
    return jnp.where(scaled > threshold, x, jax.nn.softplus(scaled) / beta)


def normalize(
    x: Any, axis: Any = -1, mean: Any = None, variance: Any = None, epsilon: float = 1e-5
) -> Any:
    """Returns the elements with the mean taken away, over the root of the variance."""
    return jax.nn.standardize(x, axis=axis, mean=mean, variance=variance, epsilon=epsilon)


ACTIVATIONS = (
    *(hard_tanh, hard_shrink, soft_shrink, tanh_shrink, prelu, softmin, softplus, normalize),
)
"""These functions."""
