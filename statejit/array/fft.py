"""`numpy.fft` over mutable arrays, wrapped from `jax.numpy.fft`."""

from typing import Any

import jax.numpy as jnp

from .functions import namespace

globals().update(namespace(jnp.fft))
__all__ = sorted(namespace(jnp.fft))


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"module 'statejit.numpy.fft' has no attribute {name!r}: jax.numpy.fft has none"
    )
