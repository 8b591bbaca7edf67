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

from .._core.cells import ALONE
from .._core.frames import CURRENT
from .._core.slots import is_tracer
from .overlapping import written

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
        return written(value, way, operands, part, part)
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
        cell.value = written(cell.value, way, operands, _fitted(new, *like), new)
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
        value = cell.value
        cell.value = written(value, way, operands, fun(way.read(value, operands), *args), *args)
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
    known = _made.get(id(cell._value))
    return known is not None and known() is cell._value
