"""Values that have a position: iterators, generators, files, random generators, locks.

Frozen into a program they would be wrong. Those that user code reaches past the objects are
compared before and after a trace: one that was advanced inside is refused, and put back if it can.
"""

from __future__ import annotations

import functools
import gc
import io
import itertools
import queue
import random
import threading
import types
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from .base import Base
from .cells import Cell
from .codes import closure_of
from .frames import raw_get, raw_names
from .nodes import Wrapper
from .numbers import Number
from .places import is_of_library
from .slots import MISSING, UNGUARDABLE

CACHED = type(functools.lru_cache(lambda: 0))
"""The type of functions that remember their results."""


class Position:
    """Where a value stood when it was found.

    Args:
        value: the iterator, generator, file or random generator.
    """

    def __init__(self, value: Any) -> None:
        self.state = position(value)
        self.content: Any = None
        if isinstance(value, _IN_MEMORY):
            self.content = value.getvalue()
        elif isinstance(value, queue.Queue):
            self.content = list(value.queue), value.unfinished_tasks

    def holds(self, value: Any) -> bool:
        """Says whether the value still stands there."""
        if type(value) is CACHED:
            return self.state == position(value) or not remembers_traced(value)
        return repr(position(value)) == repr(self.state)

    def restore(self, value: Any) -> None:
        """Puts a value back; iterators, generators and locks can't be."""
        if isinstance(value, random.Random):
            value.setstate(self.state)
        elif isinstance(value, np.random.RandomState):
            value.set_state(self.state)
        elif isinstance(value, np.random.Generator):
            value.bit_generator.state = self.state
        elif isinstance(value, np.random.BitGenerator):
            value.state = self.state
        elif type(value) is CACHED:
            value.cache_clear()
        elif isinstance(value, io.IOBase):
            self._rewind(value)
        elif isinstance(value, threading.Event):
            value.set() if self.state else value.clear()
        elif isinstance(value, queue.Queue):
            items, value.unfinished_tasks = self.content
            value.queue.clear()
            value.queue.extend(items)

    def _rewind(self, file: Any) -> None:
        if self.content is not None:
            file.seek(0)
            file.truncate()
            file.write(self.content)
        if isinstance(self.state, int):
            file.seek(self.state)


_IN_MEMORY = (io.StringIO, io.BytesIO)


def has_position(value: Any) -> bool:
    """Says whether a value has a position that a program would freeze."""
    return isinstance(value, UNGUARDABLE) or type(value) is CACHED


def is_opaque(value: Any) -> bool:
    """Says whether a value has a position, and no code of the user's that shows it."""
    return has_position(value) and is_of_library(value)


def position(value: Any) -> Any:
    """Returns what tells the position of a value; None if nothing does."""
    if isinstance(value, random.Random):
        return value.getstate()
    if isinstance(value, np.random.RandomState):
        return value.get_state()
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    if isinstance(value, np.random.BitGenerator):
        return value.state
    if isinstance(value, (itertools.count, itertools.repeat)):
        return repr(value)
    if isinstance(value, io.IOBase):
        return _file_position(value)
    if type(value) is CACHED:
        return value.cache_info().misses
    if isinstance(value, queue.Queue):
        return [id(item) for item in value.queue]
    if isinstance(value, threading.Event):
        return value.is_set()
    if isinstance(value, _LOCKS):
        return repr(value)
    return _iterator_position(value, set())


_LOCKS = (
    *(type(threading.Lock()), type(threading.RLock()), threading.Condition),
    *(threading.Semaphore, threading.Barrier, queue.SimpleQueue),
)


def _file_position(file: Any) -> Any:
    try:
        return file.tell()
    except (OSError, ValueError):
        return None


def _iterator_position(value: Any, seen: set[int]) -> Any:
    """Returns what is left of an iterator, its parts included; generators show their variables."""
    if id(value) in seen:
        return None
    seen.add(id(value))
    if isinstance(value, (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)):
        frame = getattr(value, next(n for n in dir(value) if n.endswith("_frame")))
        if frame is None:
            return None
        held = [(n, _variable(v, seen)) for n, v in frame.f_locals.items()]
        return frame.f_lasti, held
    hint = getattr(type(value), "__length_hint__", None)
    parts = [_variable(part, seen) for part in gc.get_referents(value) if part is not type(value)]
    return (None if hint is None else hint(value)), parts


def _variable(value: Any, seen: set[int]) -> Any:
    if isinstance(value, UNGUARDABLE) and is_of_library(value):
        return _iterator_position(value, seen) if not isinstance(value, _LOCKS) else None
    if type(value) is tuple:
        return [_variable(item, seen) for item in value]
    if type(value) in (list, dict, set):
        return id(value), len(value)
    return repr(value) if type(value) in (int, float, str, bool) else id(value)


def remembers_traced(value: Any) -> bool:
    """Says whether something that belongs to a trace can be reached from a value."""
    return any(map(_is_of_trace, reached(value)))


def _is_of_trace(value: Any) -> bool:
    if isinstance(value, Cell):
        return raw_get(value, "_value") is MISSING  # it was made inside: frames keep the content
    if isinstance(value, Base):
        return not raw_names(value)
    return isinstance(value, jax.core.Tracer) or type(value) is Number


def reached(value: Any) -> Iterator[Any]:
    """Yields a value, and what can be reached from it.

    Modules, classes, arrays, watched objects and the globals of functions are not entered.
    """
    seen: set[int] = set()
    stack = [value]
    while stack and len(seen) < 10_000:
        item = stack.pop()
        if id(item) in seen or isinstance(item, _NOT_ENTERED):
            continue
        seen.add(id(item))
        yield item
        if isinstance(item, types.FunctionType):
            stack += [content for content in closure_of(item) if content is not MISSING]
            stack += item.__defaults__ or ()
        elif isinstance(item, Wrapper):
            stack += [getattr(item, name) for name in item.guarded]
        elif not isinstance(item, (jax.Array, np.ndarray, Number, Base, Cell)):
            stack += gc.get_referents(item)


_NOT_ENTERED = (type, types.ModuleType, types.CodeType, type(jax.tree_util.default_registry))


class GlobalRandomness:
    """The state of Python's and NumPy's own random generators, as it was before a trace."""

    def __init__(self) -> None:
        self.python, self.numpy = random.getstate(), np.random.get_state()

    def changed(self) -> str:
        """Puts them back, and names the one that was drawn from; empty if none was."""
        found = ""
        if random.getstate() != self.python:
            random.setstate(self.python)
            found = "random"
        now = np.random.get_state()
        if now[2:] != self.numpy[2:] or not np.array_equal(now[1], self.numpy[1]):  # type: ignore
            np.random.set_state(self.numpy)
            found = "numpy.random"
        return found
