"""What cells may have in the place of an array: a window on another cell's, or work still due."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax


class Window:
    """Says of which cell a view shows a part, and which part; nobody changes it.

    Args:
        cell: the cell that has the array; never a view itself.
        way: from its content to the part: `way.get(value, operands)`, and back:
            `way.put(value, operands, part)`. Ways are compared by `==`.
        operands: arrays that the way depends on: indices that Python does not know.
    """

    __slots__ = ("cell", "operands", "way")

    def __init__(self, cell: Any, way: Any, operands: tuple[Any, ...] = ()) -> None:
        self.cell, self.way, self.operands = cell, way, operands

    def read(self) -> Any:
        """Returns the part."""
        return self.way.get(self.cell.value, self.operands)

    def write(self, part: Any) -> None:
        """Gives the part another content."""
        self.cell.value = self.way.put(self.cell.value, self.operands, part)


class Due:
    """Says how an array without axes is still to be computed, from arrays that nobody changes.

    A compiled program that is to write the element somewhere may do that work itself: `x[0] += 5`
    is then one dispatch, to read and to add and to write. Whoever else asks a cell for its
    content gets it computed (see `Cell.do`), and can not tell that this was not done before.

    Args:
        fun: a compiled function.
        args: arrays and numbers.
        note: what the one who has made it wants to find again.
    """

    __slots__ = ("args", "fun", "note")

    def __init__(self, fun: Callable[..., Any], args: tuple[Any, ...], note: Any = None) -> None:
        self.fun, self.args, self.note = fun, args, note

    def done(self) -> Any:
        """Returns the array, computed now whatever trace is open."""
        with jax.ensure_compile_time_eval():
            return self.fun(*self.args)
