"""The shortest way, outside of traces, for the commonest statements on elements and masks.

`x[i]`, `x[i, j] = 5`, `x[i] += 5` and `x[mask] = 0` on an array that is no view: what is known of
an index is kept from call to call, so that a statement costs little more than the dispatch.
Whatever is not as simple goes the general way, which also raises the errors.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.cells import ALONE, Cell
from .._core.slots import MISSING, is_tracer
from .._core.windows import Due
from . import kernels

NUMBERS = (float, int, bool)


def element(array: Any, index: Any) -> Any:
    """Returns the content of one element, a `jax.Array`, or MISSING.

    Args:
        array: a mutable array.
        index: an integer, or a tuple of them.
    """
    value = array._value
    if not is_concrete(value):
        return MISSING
    start = _start(index, value.shape) if type(index) is int or _is_plain(index) else None
    return MISSING if start is None else _read(value, start)


def set_element(array: Any, index: Any, new: Any) -> bool:
    """Sets one element; says whether that was possible.

    Args:
        array: a mutable array.
        index: an integer, or a tuple of them.
        new: a number.
    """
    value = array._value
    if not is_concrete(value) or getattr(array, "_mark", None) is not None:
        return False
    due = new._value if isinstance(new, Cell) and not new.host else None  # not a stand-in's
    if type(due) is not Due:
        new = _number(new, value.dtype)
    elif due.args[0].dtype != value.dtype:
        return False
    start = None
    if new is not MISSING and (type(index) is int or _is_plain(index)):
        start = _start(index, value.shape)
    if start is None:
        return False
    del value  # it must not seem to have another holder
    if type(due) is Due:
        kernels.replace(array, _due_setter(due.fun), start, *due.args)
    else:
        kernels.replace(array, _setter, start, new)
    return True


def postponed(scalar: Any, fun: Any, kinds: str, other: Any) -> Any:
    """Returns a result that is still due, or MISSING; the scalar itself stays as it is.

    It is the middle of `x[0] += 5`: what is put back is computed where it is written. Others must
    not hold the content of the scalar, or they could give its memory away before that.

    Args:
        scalar: what holds a scalar.
        fun: a compiled operation.
        kinds: the kinds of dtypes that the operation keeps.
        other: the second operand.
    """
    if type(other) not in (int, float):
        return MISSING
    if not is_concrete(scalar._value) or sys.getrefcount(scalar._value) > ALONE:
        return MISSING
    dtype = scalar._value.dtype
    other = _number(other, dtype) if getattr(dtype, "kind", " ") in kinds else MISSING
    if other is MISSING or scalar._value.weak_type:
        return MISSING
    return Due(fun, (scalar._value, other))


def set_masked(array: Any, mask: Any, new: Any) -> bool:
    """Sets the elements where a mask holds to one number; says whether that was possible.

    Args:
        array: a mutable array, (*shape,).
        mask: booleans, (*shape,).
        new: a number.
    """
    value = array._value
    if not is_concrete(value) or getattr(array, "_mark", None) is not None:
        return False
    mask = mask._value if isinstance(mask, Cell) else mask
    if type(mask) is not np.ndarray and not is_concrete(mask):
        return False
    new = _number(new, value.dtype)
    if new is MISSING or mask.dtype != np.bool or mask.shape != value.shape:
        return False
    del value
    kernels.replace(array, _masker, mask, new)
    return True


_concrete: set[type] = set()
"""The types of arrays that are no tracers, as far as they have been met."""


def is_concrete(value: Any) -> bool:
    """Says whether a value is an array and no tracer; asking `jax.Array` would cost 0.4 us.

    Args:
        value: anything.
    """
    if type(value) in _concrete:
        return True
    if isinstance(value, jax.Array) and not is_tracer(value):
        _concrete.add(type(value))
        return True
    return False


def _is_plain(index: Any) -> bool:
    return type(index) is int or (type(index) is tuple and all(type(i) is int for i in index))


def _number(new: Any, dtype: Any) -> Any:
    """Returns a number that a dtype holds for sure, as an operand, or MISSING."""
    cls = type(new)
    if cls in NUMBERS:
        if getattr(dtype, "kind", "") not in ("fc" if cls is float else "biufc"):
            return MISSING
        if cls is int and not 0 <= new <= 127:
            fits = dtype == np.float32 and -(2**24) <= new <= 2**24
            return number(new) if fits else MISSING
        return number(new)
    new = new._value if isinstance(new, Cell) and not new.host else new
    fits = is_concrete(new) and not new.shape and new.dtype == dtype
    return new if fits else MISSING


def number(value: Any) -> Any:
    """Returns a Python number as a program may take it: as it is, or kept on the device.

    Args:
        value: an integer, a float or a truth value.
    """
    if value not in _KEPT or (value == 0 and type(value) is float):  # -0.0 is no 0.0
        return value
    if _config.jax_default_device is not None:
        return value
    return _on_device(value, _config.jax_enable_x64)


_config: Any = jax.config

_KEPT = frozenset(range(-128, 257))


@functools.lru_cache(1024, typed=True)
def _on_device(value: Any, wide: bool) -> Any:
    """Returns a number as a weakly typed array: JAX would make it anew in 3 us at each call."""
    with jax.ensure_compile_time_eval():
        return jnp.asarray(value)


@functools.lru_cache(4096)
def _start(index: Any, shape: tuple[int, ...]) -> Any:
    """Returns where an element lies, as an array of the device's, or None if it lies nowhere."""
    parts = index if type(index) is tuple else (index,)
    if len(parts) != len(shape) or not shape or math.prod(shape) > 2**31 - 1:
        return None
    if not all(-n <= i < n for i, n in zip(parts, shape, strict=True)):
        return None
    with jax.ensure_compile_time_eval():
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


@functools.cache
def _due_setter(fun: Callable[..., Any]) -> tuple[Any, Any]:
    return _both(lambda value, start, *args: _set(value, start, fun(*args)))


_masker = _both(_mask)
