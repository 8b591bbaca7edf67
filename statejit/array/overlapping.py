"""Writes of parts that may come from other places of one array: `a[1:] = a[:-1]`, in a trace.

XLA for CPUs (JAX 0.10 and 0.12) may compute such a part while it writes it, in the memory that it
still reads, where a reshape stands next to the write. So the part is computed first. Where one
write follows another it is enough that no reshape comes after, and that costs less.
"""

from __future__ import annotations

import weakref
from typing import Any

import jax.numpy as jnp
from jax import lax

from .._core.slots import is_tracer

_made: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
"""What writes have made, by identity."""


def put(value: Any, part: Any, starts: Any) -> Any:
    """Returns an array with another part, which begins at some indices."""
    return _noted(lax.dynamic_update_slice(value, part, starts))


def written(value: Any, way: Any, operands: Any, part: Any, *given: Any) -> Any:
    """Returns the content of an array with another part: `way.write(value, operands, part)`.

    Args:
        value: the content.
        way: from it to the part.
        operands: arrays that the way depends on.
        part: the other part.
        given: what the part has been made of, besides what stands in its place.
    """
    is_whole = part.size * part.dtype.itemsize == value.size * value.dtype.itemsize
    if is_whole or part.size < 2 or not any(is_tracer(new) for new in given):
        return way.write(value, operands, part)
    if len(way.steps) == 1:
        if _LARGE * part.size >= value.size and not _is_made(value):
            value = _touched(value)  # may copy the array; less than to compute a large part first
        if _is_made(value):
            return _kept(way.write(value, operands, part))
    return way.write(value, operands, _computed(part))


_LARGE = 4
"""A part is large if so many of it have the size of the whole."""


def _touched(value: Any) -> Any:
    """Returns the same array, of which a write has made the first element."""
    first = lax.slice(value, (0,) * value.ndim, (1,) * value.ndim)
    same = lax.select(_unknown(first.shape), first, lax.full_like(first, 0))
    return put(value, same, (0,) * value.ndim)


def _kept(value: Any) -> Any:
    """Returns the same array, of which XLA reshapes nothing before it is there."""
    barred = lax.optimization_barrier(value)
    return _noted(barred) if _is_made(value) else barred


def _computed(part: Any) -> Any:
    """Returns the same array, which XLA has computed before it does anything with it."""
    return lax.cond(_unknown(()), lambda part: part, jnp.zeros_like, part)


def _unknown(shape: tuple[int, ...]) -> Any:
    """Returns True, which XLA does not see."""
    return lax.broadcast(lax.optimization_barrier(jnp.asarray(True)), shape)


def _is_made(value: Any) -> bool:
    return _made.get(id(value)) is value


def _noted(made: Any) -> Any:
    if is_tracer(made):
        _made[id(made)] = made
    return made
