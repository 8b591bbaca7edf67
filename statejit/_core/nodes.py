"""Nodes: where a value was found beneath a trace, and what a compiled program needs of it.

A *node* has the node from which it was reached, the access from there, and a *test*. The nodes of
a trace, in the order in which they were found, are what a later call has to walk: to check that
the program fits, and to gather its inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .paths import Path

_NAMED = ("global", "cell", "default", "kwdefault", "class", "pinned", "ran")
"""Accesses whose name needs no prefix."""


class Wrapper:
    """Is the base of the callables that statejit's transformations return.

    Args:
        fun: the user's function.
    """

    fun: Callable[..., Any]

    guarded: tuple[str, ...] = ("fun",)
    """The attributes on which plans depend that call it."""


class Node:
    """One value that was found beneath a trace.

    Args:
        index: the position among the nodes.
        parent: the node from which it was reached; None for a root.
        access: how: 'attr', 'item', 'cell', 'global' ...; `hotpath` has an expression for each.
        key: the name or index that the access takes.
        name: how a person would write the access.
    """

    __slots__ = ("_path", "access", "expect", "index", "key", "name", "parent", "test", "value")

    def __init__(
        self, index: int, parent: Any, access: str, key: Any, name: str, value: Any
    ) -> None:
        self.index, self.parent, self.access, self.key = index, parent, access, key
        self.name, self.value = name, value
        self.test = ""
        self.expect: Any = None
        self._path: Path | None = None

    def path(self) -> str:
        """Returns the way from the root, as Python that a person could paste."""
        return str(self.trail())

    def trail(self) -> Path:
        """Returns the same, not yet put together."""
        missing: list[Node] = []
        node: Node | None = self
        while node is not None and node._path is None:
            missing.append(node)
            node = None if node.access in _NAMED else node.parent
        for node in reversed(missing):
            before = None if node.access in _NAMED or node.parent is None else node.parent._path
            node._path = Path(node.name, before)
        assert self._path is not None
        return self._path

    def address(self) -> tuple[tuple[str, Any], ...]:
        """Returns the way from the root as a key, the same for all instances of a structure."""
        steps: list[tuple[str, Any]] = []
        node: Node | None = self
        while node is not None:
            by_identity = node.access in ("pinned", "ran")
            steps.append((node.access, id(node.key) if by_identity else node.key))
            node = node.parent
        return tuple(reversed(steps))

    def sources(self) -> set[Any]:
        """Returns the address alone: a number was found here."""
        return {self.address()}

    def must(self, test: str, expect: Any = None) -> None:
        """Sets what a later call has to find here."""
        self.test, self.expect = test, expect
