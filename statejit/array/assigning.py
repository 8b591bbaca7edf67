"""What is assigned: in the dtype of the array that receives it, and in a shape that fits."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.numbers import Number
from .lifting import is_numpys
from .operators import check_fitting, operand


def cast(new: Any, dtype: Any) -> Any:
    """Returns what is assigned in the dtype of the array that receives it (any cast goes)."""
    if jnp.issubdtype(dtype, jnp.integer):
        if type(new) in (int, bool) or (isinstance(new, (list, tuple)) and is_numpys(new)):
            return np.array(new, dtype)  # raises if one is out of bounds, as NumPy does
        check_fitting(new, dtype)
    new = operand(new)
    if isinstance(new, jax.Array) and new.dtype == dtype:
        return new
    if isinstance(new, complex) and not jnp.issubdtype(dtype, jnp.complexfloating):
        raise TypeError(f"float() argument must be a real number, not {type(new).__name__!r}")
    if type(new) is Number:  # `jnp.asarray` would not take it
        new = new.__jax_array__()
    if isinstance(new, jax.Array):
        return new.astype(dtype)
    return np.asarray(new).astype(dtype)


def stretched(new: Any, shape: tuple[int, ...]) -> Any:
    """Drops leading axes of length 1, as NumPy does in assignments; checks that the rest fits.

    Args:
        new: what is assigned.
        shape: the shape of what receives it.

    Raises:
        ValueError: if it can not be broadcast.
    """
    given = np.shape(new)
    extra = len(given) - len(shape)
    if extra > 0 and all(n == 1 for n in given[:extra]):
        new = new.reshape(given[extra:])
    try:
        if np.broadcast_shapes(np.shape(new), shape) == shape:
            return new
    except ValueError:
        pass
    raise ValueError(f"could not broadcast input array from shape {given} into shape {shape}")
