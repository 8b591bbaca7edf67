"""Values that have a position: iterators, generators, files, random generators.

Frozen into a program they would be wrong. Those that user code reaches past the objects are
compared before and after a trace: one that was advanced inside is refused, and put back if it can.
"""

from __future__ import annotations

import itertools
import random
import types
from typing import Any

import numpy as np

from .slots import UNGUARDABLE


class Position:
    """Where a value stood when it was found.

    Args:
        value: the iterator, generator, file or random generator.
    """

    def __init__(self, value: Any) -> None:
        self.state = position(value)

    def holds(self, value: Any) -> bool:
        """Says whether the value still stands there."""
        return repr(position(value)) == repr(self.state)

    def restore(self, value: Any) -> None:
        """Puts a random generator back; what else there is can't be."""
        if isinstance(value, random.Random):
            value.setstate(self.state)
        elif isinstance(value, np.random.RandomState):
            value.set_state(self.state)
        elif isinstance(value, np.random.Generator):
            value.bit_generator.state = self.state


def has_position(value: Any) -> bool:
    """Says whether a value has a position that a program would freeze."""
    return isinstance(value, UNGUARDABLE)


def position(value: Any) -> Any:
    """Returns what tells the position of a value; None if nothing does."""
    if isinstance(value, random.Random):
        return value.getstate()
    if isinstance(value, np.random.RandomState):
        return value.get_state()
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    if isinstance(value, itertools.count):
        return repr(value)
    if isinstance(value, (types.GeneratorType, types.CoroutineType)):
        frame = value.gi_frame if isinstance(value, types.GeneratorType) else value.cr_frame
        return None if frame is None else frame.f_lasti
    hint = getattr(type(value), "__length_hint__", None)
    return None if hint is None else hint(value)


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
