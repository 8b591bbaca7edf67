"""A NumPy namespace over JAX whose arrays can be changed in place, and whose views write through.

It has every function of `jax.numpy` under its name, those that change their argument, and of what
else NumPy has all that makes sense. Functions take mutable arrays (and lists, where NumPy takes
them) and return mutable arrays; where NumPy returns a view, so do they. `docs/numpy.md` has the
table of all names.

Example:
    >>> import statejit.numpy as snp
    >>> a = snp.arange(5)
    >>> a[1:3][:] = 7
    >>> a[0] += 5
    >>> print(a)
    [5 7 7 3 4]
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy

from .array import fft as fft
from .array import linalg as linalg
from .array.array import Array as Array
from .array.beyond import ABSENT, BEYOND, FORMER
from .array.functions import NAMESPACE
from .array.in_place import IN_PLACE
from .array.info import NamespaceInfo

_NAMES = NAMESPACE | IN_PLACE | BEYOND

globals().update(_NAMES)
__all__ = sorted({*_NAMES, "Array", "fft", "linalg", "random"})

__array_api_version__ = "2024.12"
__array_namespace_info__ = NamespaceInfo


def __getattr__(name: str) -> Any:
    if name == "random":  # it is built upon this module
        return importlib.import_module("statejit.random")
    if name in FORMER:
        raise AttributeError(
            f"statejit.numpy has no {name!r}: it is gone from NumPy 2.\n"
            f"  Do:    use {FORMER[name]}."
        )
    if name.startswith("__") or not hasattr(numpy, name):
        raise AttributeError(f"module 'statejit.numpy' has no attribute {name!r}")
    do = ABSENT.get(name, f"use numpy.{name} on numpy.asarray(x), outside of transformed functions")
    raise AttributeError(
        f"statejit.numpy has no {name!r}: jax.numpy does not have it either.\n  Do:    {do}."
    )
