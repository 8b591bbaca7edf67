"""Windows: what a view has in the place where other cells have their array."""

from __future__ import annotations

from typing import Any


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
