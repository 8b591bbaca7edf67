"""A NumPy namespace over JAX whose arrays can be changed in place.

Every function of `jax.numpy` is here under its name, takes mutable arrays (and lists, where NumPy
takes them) and returns mutable arrays. So are the dtypes, the constants, `linalg` and `fft`.

Example:
    >>> import statejit.numpy as snp
    >>> a = snp.arange(5)
    >>> a[0] += 5
    >>> print(a)
    [5 1 2 3 4]
"""

from __future__ import annotations

from typing import Any

import numpy

from .array import fft as fft
from .array import linalg as linalg
from .array.array import Array as Array
from .array.functions import NAMESPACE
from .array.in_place import IN_PLACE

globals().update(NAMESPACE | IN_PLACE)
__all__ = sorted({*NAMESPACE, *IN_PLACE, "Array", "fft", "linalg"})


def __getattr__(name: str) -> Any:
    if name.startswith("__") or not hasattr(numpy, name):
        raise AttributeError(f"module 'statejit.numpy' has no attribute {name!r}")
    raise AttributeError(
        f"statejit.numpy has no {name!r}: jax.numpy does not have it either.\n"
        f"  Do:    use numpy.{name} on numpy.asarray(x), outside of transformed functions."
    )
