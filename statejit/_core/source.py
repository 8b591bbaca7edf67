"""Python text in the making: what guards and commits are written in."""

from __future__ import annotations

from typing import Any

from .base import Base

MISS = object()
"""What a hot path returns when its plan does not fit the call."""


class Source:
    """Python text in the making, with the constants that it refers to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.space: dict[str, Any] = {}
        self.dicts: set[int] = set()  # nodes whose `__dict__` the text has fetched
        self.flags: dict[int, str] = {}  # nodes -> what says that such values are held elsewhere
        self._names: dict[int, str] = {}

    def constant(self, value: Any) -> str:
        """Returns the name under which the text finds a value."""
        if id(value) not in self._names:
            name = self._names[id(value)] = f"k{len(self._names)}"
            self.space[name] = value
        return self._names[id(value)]

    def line(self, text: str) -> None:
        """Appends one line."""
        self.lines.append(text)

    def require(self, condition: str, indent: str = "") -> None:
        """Appends a guard."""
        self.lines.append(f"{indent}if not ({condition}): return {self.constant(MISS)}")


def own_dict(source: Source, cls: type, name: str) -> str:
    """Returns an expression for the dictionary of an instance, past overridden look-ups."""
    if cls.__getattribute__ in (object.__getattribute__, Base.__getattribute__):
        return f"{name}.__dict__"
    return f"{source.constant(object.__getattribute__)}({name}, '__dict__')"
