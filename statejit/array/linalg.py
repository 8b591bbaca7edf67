"""`numpy.linalg` over mutable arrays, wrapped from `jax.numpy.linalg`."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from . import completed
from .functions import namespace
from .wrapping import function

globals().update(namespace(jnp.linalg))
LinAlgError = np.linalg.LinAlgError
for _fun in (completed.matrix_rank, completed.eigh, completed.eigvalsh):
    globals()[_fun.__name__] = function(_fun, getattr(np.linalg, _fun.__name__))
__all__ = sorted({*namespace(jnp.linalg), "LinAlgError"})


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"module 'statejit.numpy.linalg' has no attribute {name!r}: jax.numpy.linalg has none"
    )
