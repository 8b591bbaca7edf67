"""`numpy.fft` over mutable arrays, wrapped from `jax.numpy.fft`."""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from .functions import namespace
from .lifting import unpacked


def _of_something(name: str, fun: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that refuses what NumPy refuses where the result is empty."""

    @functools.wraps(fun)
    def transform(a: Any, *args: Any, **kwargs: Any) -> Any:
        found = fun(a, *args, **kwargs)
        if not found.size:
            getattr(np.fft, name)(np.zeros(np.shape(unpacked(a))), *args, **kwargs)
        return found

    return transform


_NAMES = {
    name: value if name.endswith(("shift", "freq")) else _of_something(name, value)
    for name, value in namespace(jnp.fft).items()
}
globals().update(_NAMES)
__all__ = sorted(_NAMES)


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"module 'statejit.numpy.fft' has no attribute {name!r}: jax.numpy.fft has none"
    )
