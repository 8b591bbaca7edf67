"""Weak types: how JAX marks arrays that give way to the dtypes of others, as Python numbers do.

JAX has no function that marks an array. What makes one of a boolean and a number has an equation
that does, and that is taken from there.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np

from .._core.slots import NUMBERS


def weakly_typed(array: Any) -> Any:
    """Returns an array of the same dtype and content that is weakly typed."""
    if array.weak_type:
        return array
    equation = _equation()
    return equation.primitive.bind(array, **{**equation.params, "new_dtype": array.dtype})


@functools.cache
def _equation() -> Any:
    with jax.ensure_compile_time_eval():
        return jax.make_jaxpr(lambda flag: flag + 0.0)(True).jaxpr.eqns[0]


def as_number(value: Any, kind: type) -> Any:
    """Returns what stands for a number as an array of the type that JAX gives such a number.

    Args:
        value: an array, a Python or a NumPy number.
        kind: the type of the number: one of Python is weakly typed, one of NumPy is not.
    """
    dtype = jax.dtypes.canonicalize_dtype(np.dtype(kind))
    array = value if isinstance(value, jax.Array) else jax.numpy.asarray(value)
    is_weak = kind in NUMBERS
    if array.dtype != dtype or (array.weak_type and not is_weak):
        array = jax.lax.convert_element_type(array, dtype)
    return weakly_typed(array) if is_weak else array
