"""The shortest way, outside of traces, for the commonest statements on elements and masks.

`x[i]`, `x[i, j] = 5` and `x[mask] = 0` on an array that is no view: what is known of an index is
kept from call to call, so that a statement costs little more than the dispatch. Whatever is not as
simple goes the general way, which also raises the errors.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.cells import Cell
from .._core.slots import MISSING, is_tracer
from . import kernels

NUMBERS = (float, int, bool)


def element(array: Any, index: Any) -> Any:
    """Returns the content of one element, a `jax.Array`, or MISSING.

    Args:
        array: a mutable array.
        index: an integer, or a tuple of them.
    """
    value = array._value
    if not _is_simple(value):
        return MISSING
    start = _start(index, value.shape) if _is_plain(index) else None
    return MISSING if start is None else _read(value, start)


def set_element(array: Any, index: Any, new: Any) -> bool:
    """Sets one element; says whether that was possible.

    Args:
        array: a mutable array.
        index: an integer, or a tuple of them.
        new: a number.
    """
    if getattr(array, "_mark", None) is not None or not _is_simple(array._value):
        return False
    new = _number(new, array._value.dtype)
    start = None
    if new is not MISSING and _is_plain(index):
        start = _start(index, array._value.shape)
    if start is None:
        return False
    kernels.replace(array, _setter, start, new)
    return True


def set_masked(array: Any, mask: Any, new: Any) -> bool:
    """Sets the elements where a mask holds to one number; says whether that was possible.

    Args:
        array: a mutable array, (*shape,).
        mask: booleans, (*shape,).
        new: a number.
    """
    if getattr(array, "_mark", None) is not None or not _is_simple(array._value):
        return False
    mask = mask._value if isinstance(mask, Cell) else mask
    if not isinstance(mask, np.ndarray) and not _is_simple(mask):
        return False
    new = _number(new, array._value.dtype)
    if new is MISSING or mask.dtype != np.bool or mask.shape != array._value.shape:
        return False
    kernels.replace(array, _masker, mask, new)
    return True


def _is_simple(value: Any) -> bool:
    return isinstance(value, jax.Array) and not is_tracer(value)


def _is_plain(index: Any) -> bool:
    return type(index) is int or (type(index) is tuple and all(type(i) is int for i in index))


def _number(new: Any, dtype: Any) -> Any:
    """Returns a number that a dtype holds for sure, or MISSING."""
    cls, kind = type(new), getattr(dtype, "kind", "")
    if cls in NUMBERS:
        if kind not in ("fc" if cls is float else "biufc"):
            return MISSING
        if cls is int and not 0 <= new <= 127:
            return new if dtype == np.float32 and -(2**24) <= new <= 2**24 else MISSING
        return new
    new = new._value if isinstance(new, Cell) and not new.host else new
    fits = _is_simple(new) and not new.shape and new.dtype == dtype
    return new if fits else MISSING


@functools.lru_cache(4096)
def _start(index: Any, shape: tuple[int, ...]) -> Any:
    """Returns where an element lies, as an array of the device's, or None if it lies nowhere."""
    parts = index if type(index) is tuple else (index,)
    if len(parts) != len(shape) or not shape or math.prod(shape) > 2**31 - 1:
        return None
    if not all(-n <= i < n for i, n in zip(parts, shape, strict=True)):
        return None
    return jnp.asarray([i % n for i, n in zip(parts, shape, strict=True)], jnp.int32)


@jax.jit
def _read(value: Any, start: Any) -> Any:
    return jax.lax.dynamic_slice(value, tuple(start), (1,) * value.ndim).reshape(())


def _set(value: Any, start: Any, new: Any) -> Any:
    part = jnp.asarray(new).astype(value.dtype).reshape((1,) * value.ndim)
    return jax.lax.dynamic_update_slice(value, part, tuple(start))


def _mask(value: Any, mask: Any, new: Any) -> Any:
    return jnp.where(mask, jnp.asarray(new).astype(value.dtype), value)


def _both(fun: Callable[..., Any]) -> tuple[Any, Any]:
    """Returns a program that leaves its first argument as it is, and one that reuses it."""
    return jax.jit(fun), jax.jit(fun, donate_argnums=(0,))


_setter = _both(_set)
_masker = _both(_mask)
