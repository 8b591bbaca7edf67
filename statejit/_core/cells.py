"""The mutable cell: a box with identity around one array, or around a window on another cell's."""

from __future__ import annotations

import sys
from typing import Any

from ..errors import RawTransformError
from .frames import CURRENT
from .slots import is_tracer, under_plain_jax
from .windows import Due, Window

ATTRIBUTES = ("_value", "_collection", "_mark")
"""What cells may have: the array, the collection declared for it, 'scalar' or 'read-only'."""


class Cell:
    """Holds one `jax.Array`; inside a trace its content lives in the current frame's overlay.

    Args:
        value: the array.

    Example:
        >>> import jax.numpy as jnp
        >>> cell = Cell(jnp.zeros(2))
        >>> cell.value = cell.value + 1
        >>> cell.value.tolist()
        [1.0, 1.0]
    """

    __slots__ = ("__weakref__", "_value")

    keeps = False
    """Whether an attribute that holds this cell keeps it: assignment then writes into the cell."""

    some_keep = False
    """Whether there has ever been a cell that keeps; without one, assignments are plain."""

    host = False
    """Whether it stands for an array of NumPy."""

    packs = False
    """Whether what it holds may lie in a buffer with others between calls (see `packing`)."""

    def __init__(self, value: Any) -> None:
        if self.keeps:
            Cell.some_keep = True
        frame = CURRENT.get()
        if frame is None:
            self._value = value
        else:
            frame.create(self)
            frame.write(self, "_value", value)

    def settle(self) -> None:
        """Makes a view hold its own content if nobody else holds the array that it is a view of.

        `self.w = arange(6).reshape(2, 3)` is to be an array of shape (2, 3), and nothing else. No
        trace may be open.
        """
        window = self.do()
        if type(window) is Window and sys.getrefcount(window.cell) <= ALONE:
            self._value = window.read()

    def held(self) -> Any:
        """Returns what the cell holds: its array, or a window on another cell's."""
        frame = CURRENT.get()
        return self.do() if frame is None else frame.read(self, "_value")

    def do(self) -> Any:
        """Computes what is due, and returns what the cell holds; no frame is asked.

        Threads may do so at once: both get the same, and neither undoes what a third has written.
        """
        held = self._value
        if type(held) is not Due:
            return held
        found = held.done()
        if self._value is held:  # no call, and so no other thread, before the assignment
            self._value = found
        return found

    @property
    def value(self) -> Any:
        """The array in the cell: a `jax.Array`, or a tracer inside a trace."""
        frame = CURRENT.get()
        value = self._value if frame is None else frame.read(self, "_value")
        cls = type(value)
        return value if cls is not Window and cls is not Due else self._seen(value)

    @value.setter
    def value(self, value: Any) -> None:
        frame = CURRENT.get()
        held = self._value if frame is None else frame.window(self)
        if type(held) is Window:
            held.write(value)
        elif frame is not None:
            frame.write(self, "_value", value)
        else:
            self.check_outside(value)
            self._value = value

    def check_outside(self, new: Any = None) -> None:
        """Refuses a write that plain JAX would not do again, or that would leave a tracer behind.

        No trace of ours may be open. An array that was made under the transformation itself holds
        a tracer, and may be written.

        Args:
            new: the new content, if that is what is written.
        """
        if not (is_tracer(new) or under_plain_jax()):
            return
        held = self.held()
        content = held.cell.held() if type(held) is Window else held
        if is_tracer(content):
            return
        shape = held.way.like(content.dtype)[0] if type(held) is Window else held.shape
        raise RawTransformError(
            f"a mutable array of shape {shape} was written under a JAX transformation that is not "
            "lifted.",
            do="use the function of the same name from statejit, which carries state.",
        )

    def _seen(self, held: Any) -> Any:
        return held.read() if type(held) is Window else self.do()


class _Holder:
    held = object()


ALONE = sys.getrefcount(_Holder.held)
"""What Python counts for an object that one attribute holds, and nobody else."""
