"""Small compiled programs for work on one array: reading a part, assigning to it, changing it.

Outside of traces each is one dispatch. Where an index begins is an operand, so that `x[0]` and
`x[1]` share a program, and the buffer is given to the program if nobody but the array holds it: it
is then changed in place. Inside of traces the same is done in the open.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._core.cells import ALONE
from .._core.frames import CURRENT
from .._core.slots import is_tracer

Fun = Callable[..., Any]


def is_open(*values: Any) -> bool:
    """Says whether work is to be done in the open: inside of a trace."""
    return CURRENT.get() is not None or any(is_tracer(value) for value in values)


def read(value: Any, way: Any, operands: Any) -> Any:
    """Returns a part of the content of an array: `way.read(value, operands)`."""
    if is_open(value, *operands):
        return way.read(value, operands)
    common, starts = _split(way, operands, value)
    return _reader(common)(value, starts, operands)


@functools.lru_cache(4096)
def _reader(way: Any) -> Fun:
    def part(value: Any, starts: Any, operands: Any) -> Any:
        return way.read(value, [*operands, *starts])

    return jax.jit(part)


def write(value: Any, way: Any, operands: Any, part: Any) -> Any:
    """Returns the content of an array with another part: `way.write(value, operands, part)`."""
    if is_open(value, part, *operands):
        return _written(value, way, operands, part, part)
    common, starts = _split(way, operands, value)
    return _assigner(common, (part.shape, part.dtype), False)(value, starts, operands, part)


def assign(cell: Any, way: Any, operands: Any, new: Any, like: Any) -> None:
    """Gives a part of an array other content.

    Args:
        cell: the array; not a view.
        way: from its content to the part.
        operands: arrays that the way depends on.
        new: the content; it can be broadcast and cast to that of the part.
        like: shape and dtype of the part.
    """
    if is_open(cell.do() if CURRENT.get() is None else None, new, *operands):
        cell.value = _written(cell.value, way, operands, _fitted(new, *like), new)
        return
    common, starts = _split(way, operands, cell._value)
    run = _assigner(common, like, _is_alone(cell))
    _store(cell, run(cell._value, starts, operands, new))


@functools.lru_cache(4096)
def _assigner(way: Any, like: Any, donate: bool) -> Fun:
    def assigned(value: Any, starts: Any, operands: Any, new: Any) -> Any:
        return way.write(value, [*operands, *starts], _fitted(new, *like))

    return jax.jit(assigned, donate_argnums=(0,) if donate else ())


def _fitted(new: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    return jnp.broadcast_to(jnp.asarray(new, dtype), shape)


def update(cell: Any, way: Any, operands: Any, fun: Fun, *args: Any) -> None:
    """Gives a part of an array the content `fun(part, *args)`.

    Args:
        cell: the array; not a view.
        way: from its content to the part.
        operands: arrays that the way depends on.
        fun: what is done to the part; it is traced once for each type of its arguments.
        args: arrays and numbers.
    """
    if is_open(cell.do() if CURRENT.get() is None else None, *args, *operands):
        part = fun(way.read(cell.value, operands), *args)
        cell.value = _written(cell.value, way, operands, part, *args)
        return
    common, starts = _split(way, operands, cell._value)
    run = _updater(common, fun, _is_alone(cell))
    _store(cell, run(cell._value, starts, operands, *args))


@functools.lru_cache(4096)
def _updater(way: Any, fun: Fun, donate: bool) -> Fun:
    def updated(value: Any, starts: Any, operands: Any, *args: Any) -> Any:
        operands = [*operands, *starts]
        return way.write(value, operands, fun(way.read(value, operands), *args))

    return jax.jit(updated, donate_argnums=(0,) if donate else ())


def _written(value: Any, way: Any, operands: Any, part: Any, *given: Any) -> Any:
    """Returns the content of an array with another part, in the open.

    Args:
        value: the content.
        way: from it to the part.
        operands: arrays that the way depends on.
        part: the other part.
        given: what the part has been made of, besides what stands in its place.
    """
    is_whole = part.size * part.dtype.itemsize == value.size * value.dtype.itemsize
    apart = is_tracer(value) and part.size > 1 and any(is_tracer(new) for new in given)
    return way.write(value, operands, part, apart and not is_whole)


def put(value: Any, part: Any, starts: Any) -> Any:
    """Returns an array with another part, which begins at some indices."""
    return _noted(lax.dynamic_update_slice(value, part, starts))


def owned(value: Any) -> Any:
    """Returns the same content in a way in which an overlapping write to it is right.

    XLA for CPUs (JAX 0.10 and 0.12) may write in an array's own memory what it still reads there,
    if the array is a reshaped one and the part comes from other places of it (`a[1:] = a[:-1]`), or
    if it is reshaped afterwards. It does not where one write follows another: so the first element
    is written, if nothing else is. That may copy the array; for an input of the program, which is
    read nowhere else, a barrier does.
    """
    frame = CURRENT.get()
    if _is_made(value) or (frame is not None and frame.keep_apart(value, owned)):
        return value
    first = lax.slice(value, (0,) * value.ndim, (1,) * value.ndim)
    unknown = lax.optimization_barrier(jnp.asarray(True))  # so that XLA does not see through it
    same = lax.select(lax.broadcast(unknown, first.shape), first, lax.full_like(first, 0))
    return put(value, same, (0,) * value.ndim)


def kept(value: Any) -> Any:
    """Returns the same content, which XLA does not reshape before it is there."""
    barred = lax.optimization_barrier(value)
    return _noted(barred) if _is_made(value) else barred


def replace(cell: Any, programs: tuple[Any, Any], where: Any, new: Any) -> None:
    """Gives an array the content `program(content, where, new)`, outside of traces.

    Args:
        cell: the array; not a view.
        programs: one that leaves its first argument as it is, and one that reuses its buffer.
        where: an array.
        new: an array, or a number.
    """
    _store(cell, programs[_is_alone(cell)](cell._value, where, new))


def _split(way: Any, operands: Any, value: Any) -> tuple[Any, Any]:
    """Returns what programs have in common, and where indices begin, as an operand."""
    common, starts = way.split(len(operands))
    if not starts:
        return common, ()
    if value.size > _MOST:
        return way, ()
    return common, np.array(starts, np.int32)


_MOST = np.iinfo(np.int32).max


# Whose buffer it is ----------------------------------------------------------------------------


_made: dict[int, weakref.ref[Any]] = {}
"""Buffers that kernels have made: others may be shared in ways that Python does not count."""

_many = [4096]
"""How many entries there may be before those of buffers that are gone are dropped."""


def _store(cell: Any, made: Any) -> None:
    """Gives a cell the buffer that a kernel has made; plain JAX may have made a tracer of it."""
    if type(made) is not type(cell._value):
        cell.value = made
        return
    cell._value = made
    _note(made)


def _noted(made: Any) -> Any:
    if is_tracer(made):
        _note(made)
    return made


def _note(made: Any) -> None:
    _made[id(made)] = weakref.ref(made)
    if len(_made) >= _many[0]:  # a `WeakValueDictionary` would cost 0.7 us each time
        for key, known in list(_made.items()):
            if known() is None:
                _made.pop(key, None)
        _many[0] = max(4096, 2 * len(_made))


def _is_alone(cell: Any) -> bool:
    """Says whether a kernel made the buffer, and only the array holds it."""
    if sys.getrefcount(cell._value) > ALONE:
        return False
    return _is_made(cell._value)


def _is_made(value: Any) -> bool:
    known = _made.get(id(value))
    return known is not None and known() is value
