"""Conversions between the arrays of NumPy, JAX and statejit, by brainpy.math's names."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .array import Array
from .lifting import unpacked
from .variables import Variable

ArrayLike = Any  # anything array-like


def as_jax(tensor: Any, dtype: Any = None) -> jax.Array:
    """Returns the content as an array of JAX.

    Args:
        tensor: anything array-like.
        dtype: the dtype, if another one is wanted.
    """
    return jnp.asarray(unpacked(tensor, True), dtype)


def as_numpy(tensor: Any, dtype: Any = None) -> np.ndarray:
    """Returns the content as an array of NumPy; inside a trace there is none.

    Args:
        tensor: anything array-like.
        dtype: the dtype, if another one is wanted.
    """
    return np.asarray(unpacked(tensor, True), dtype)


def as_variable(tensor: Any, dtype: Any = None) -> Variable:
    """Returns a new `Variable` with the content.

    Args:
        tensor: anything array-like.
        dtype: the dtype, if another one is wanted.
    """
    return Variable(as_jax(tensor, dtype))


def from_numpy(arr: ArrayLike, dtype: Any = None) -> Array:
    """Returns a new mutable array with the content of an array of NumPy.

    Args:
        arr: the array, (*shape,).
        dtype: the dtype, if another one is wanted.
    """
    return Array(arr, dtype)


def is_bp_array(x: ArrayLike) -> bool:
    """Says whether a value is a mutable array.

    Args:
        x: anything.
    """
    return isinstance(x, Array)


def is_float_type(x: ArrayLike) -> bool:
    """Says whether an array holds floats.

    Args:
        x: anything array-like.
    """
    return bool(jnp.issubdtype(jnp.asarray(unpacked(x, True)).dtype, jnp.floating))


CONVERSIONS: dict[str, Any] = {
    **{f.__name__: f for f in (as_jax, as_numpy, as_variable, from_numpy)},
    **{f.__name__: f for f in (is_bp_array, is_float_type)},
    "as_device_array": as_jax,
    "as_ndarray": as_numpy,
}
"""These functions, by name."""
