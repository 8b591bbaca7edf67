"""The shortest way, outside of traces, for statements on numbers and masks: `x[mask] = 0`.

What is known of a number is kept from call to call, so that a statement costs little more than the
dispatch. Whatever is not as simple goes the general way, which also raises the errors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import SingleDeviceSharding

from .._core.cells import Cell
from .._core.slots import MISSING, is_tracer
from . import kernels

NUMBERS = (float, int, bool)


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
    new = fitting(new, value.dtype)
    if new is MISSING or mask.dtype != np.bool or mask.shape != value.shape:
        return False
    if type(value.sharding) is not SingleDeviceSharding:  # blocks would lie across devices
        return False
    del value
    kernels.replace(array, _masker, mask, new)
    return True


CONCRETE: set[type] = set()
"""The types of arrays that are no tracers, as far as they have been met."""


def is_concrete(value: Any) -> bool:
    """Says whether a value is an array and no tracer; asking `jax.Array` would cost 0.4 us.

    Args:
        value: anything.
    """
    if type(value) in CONCRETE:
        return True
    if isinstance(value, jax.Array) and not is_tracer(value):
        CONCRETE.add(type(value))
        return True
    return False


def fitting(new: Any, dtype: Any) -> Any:
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


def _masked(value: Any, mask: Any, new: Any) -> Any:
    if not BLOCK < value.size <= MOST:
        return _in_one(value, mask, new)
    return jax.lax.platform_dependent(value, mask, new, cpu=_in_blocks, default=_in_one)


BLOCK = 512
MOST = 2**17
"""What more elements take is longer than a thread takes to wake up: Python may as well go on."""


def _in_one(value: Any, mask: Any, new: Any) -> Any:
    return jnp.where(mask, jnp.asarray(new).astype(value.dtype), value)


def _in_blocks(value: Any, mask: Any, new: Any) -> Any:
    """Does the same block by block: as fast, and in the thread that calls it.

    A program that XLA estimates at 1,000 operations it hands to another thread on CPUs, whose
    waking takes 20 us and longer. It estimates a loop at one of its steps.
    """
    flat, masks = value.reshape(-1), mask.reshape(-1)

    def step(i: Any, flat: Any) -> Any:
        start = (i * BLOCK,)  # JAX moves the last block back: some elements are set twice
        part, where = (jax.lax.dynamic_slice(a, start, (BLOCK,)) for a in (flat, masks))
        return jax.lax.dynamic_update_slice(flat, _in_one(part, where, new), start)

    return jax.lax.fori_loop(0, -(-flat.size // BLOCK), step, flat).reshape(value.shape)


def both(fun: Callable[..., Any]) -> tuple[Any, Any]:
    """Returns a program that leaves its first argument as it is, and one that reuses it."""
    return jax.jit(fun), jax.jit(fun, donate_argnums=(0,))


_masker = both(_masked)
