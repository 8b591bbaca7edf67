"""`numpy.linalg` over mutable arrays, wrapped from `jax.numpy.linalg`."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from .functions import namespace
from .matrices import MATRICES
from .wrapping import function

globals().update(namespace(jnp.linalg))
LinAlgError = np.linalg.LinAlgError
for _name, _fun in MATRICES.items():
    globals()[_name] = function(_fun, getattr(np.linalg, _name))
__all__ = sorted({*namespace(jnp.linalg), "LinAlgError"})


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"module 'statejit.numpy.linalg' has no attribute {name!r}: jax.numpy.linalg has none"
    )
