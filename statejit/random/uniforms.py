"""Uniform numbers, finer than those of JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def fine_uniform(key: Any, shape: Any, dtype: Any) -> Any:
    """Samples (0, 1] with the relative precision of the dtype down to 2^-64.

    A float32 made of 23 random bits is 0 once in eight million draws, and else not below 1e-7:
    too coarse where a probability is compared with it, or its logarithm is taken.
    """
    words = jax.random.bits(key, (2, *shape), jnp.uint32).astype(dtype)
    return jnp.minimum(words[0] * 2.0**-32 + (words[1] + 1) * 2.0**-64, 1)
