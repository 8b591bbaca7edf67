"""What the body of a loop or a branch has captured of an enclosing trace: it must not change it.

A list, a NumPy array or a variable of an enclosing function, made inside of its trace, is Python's
own. A body is traced once, however often it runs, and a branch even if it is not taken: what they
change of such values would change once.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import OutsideChangeError
from .base import Base
from .cells import Cell
from .changes import fetch, rebind
from .codes import cell_contents, is_special
from .containers import DATACLASS, kind_of
from .frames import Frame
from .hidden import hidden_in, parts_of
from .nodes import Node, Wrapper
from .numbers import Number
from .outside import refers_to_user, wrapped_parts
from .pictures import (
    OfArray,
    OfAttributes,
    OfContainer,
    OfFunction,
    OfHidden,
    Picture,
    attributes,
)
from .places import is_library_class, is_library_code, user_line
from .positions import Position, is_opaque
from .slots import is_library_type, is_plain, is_tracer


@dataclasses.dataclass
class Found:
    """One value that a body could change.

    Args:
        node: where it is.
        take: takes a picture of it.
        picture: of how it stood.
    """

    node: Node
    take: Callable[[], Picture]
    picture: Picture


class Captures:
    """Values that were made inside of enclosing traces, as they stood before a body was traced.

    Args:
        frame: the enclosing frame.
    """

    def __init__(self, frame: Frame) -> None:
        self.ground = frame.ground
        self.found: list[Found] = []
        self.names: list[Node] = []
        self.seen: dict[int, Any] = {}  # ids are of no use when what had them is gone

    def reach(self, value: Any, name: str, parent: Node | None = None) -> None:
        """Takes pictures of what can be reached from a value."""
        if id(value) in self.seen or id(value) in self.ground.by_id:
            return  # what the ground knows is compared after the whole trace
        if is_plain(value) or is_tracer(value) or isinstance(value, (Base, Cell, Number)):
            return
        if isinstance(value, types.ModuleType) or (
            isinstance(value, type) and is_library_class(value)
        ):
            return
        self.seen[id(value)] = value
        node = Node(0, parent, "static", name, name, value)
        for part, shown in self._parts(node):
            self.reach(part, shown, node)

    def _parts(self, node: Node) -> Iterator[tuple[Any, str]]:
        """Notes what may change of a value, and yields what it is made of."""
        value, name = node.value, node.name
        hidden, kind = hidden_in(value), kind_of(value)
        cls: Any = type(value)
        made_of = value.guarded if isinstance(value, Wrapper) else parts_of(value)
        if isinstance(value, types.FunctionType):
            yield from self._of_function(node)
        elif made_of is not None:
            yield from ((getattr(value, part), name) for part in made_of)
        elif hidden is not None:
            self._note(node, lambda: OfHidden(hidden, hidden.take(value)))
            yield hidden.take(value), name
        elif is_opaque(value):
            self._note(node, lambda: Position(value))
        elif type(value) is np.ndarray:
            self._note(node, lambda: OfArray(value))
        elif kind is not None and kind is not DATACLASS:
            children = kind.take_apart(value)[1]
            if kind.mutable:
                self._note(node, lambda: OfContainer(kind, *kind.take_apart(value)))
            yield from ((child, f"{name}[{i}]") for i, child in enumerate(children))
        elif isinstance(value, type) or not is_library_type(cls):
            yield from self._of_object(node)

    def _of_function(self, node: Node) -> Iterator[tuple[Any, str]]:
        fun = node.value
        if is_library_code(fun.__code__):
            parts = [part for _, _, part in wrapped_parts(fun)]
            yield from ((part, node.name) for part in parts if refers_to_user(part))
            return
        self._note(node, lambda: OfFunction(fun))
        for i, name in enumerate(fun.__code__.co_freevars):
            content = cell_contents(fun, i)
            self.names.append(Node(0, node, "cell", i, name, content))
            yield content, name
        named = (fun.__kwdefaults__ or {}).values()
        yield from ((part, node.name) for part in (*(fun.__defaults__ or ()), *named))

    def _of_object(self, node: Node) -> Iterator[tuple[Any, str]]:
        value, name = node.value, node.name
        names: Any = None
        if isinstance(value, type):
            names = {n for n in (*vars(value), *self.ground.outside.stored) if not is_special(n)}
        elif self.ground.has_library_base(type(value)):
            names = self.ground.outside.names
        self._note(node, lambda: OfAttributes(value, names))
        parts = attributes(value).items()
        yield from ((part, f"{name}.{n}") for n, part in parts if names is None or n in names)

    def _note(self, node: Node, take: Callable[[], Picture]) -> None:
        self.found.append(Found(node, take, take()))

    def check(self) -> None:
        """Refuses what was changed, and puts it back.

        Raises:
            OutsideChangeError: if anything was.
        """
        changed = self.put_back()
        if changed:
            raise OutsideChangeError(
                f"{changed[0].name} was changed in the body of a loop or in a branch: it is no "
                "attribute of a watched object, so that it would change once, however often that "
                "runs.",
                where=f"the call at {user_line()}",
                do="keep it in an attribute of a statejit.Base object, return it, or write it "
                "within `with statejit.unwatched():` if once per compilation is what you want; "
                "for a NumPy array, use one of statejit.numpy.",
            )

    def put_back(self) -> list[Node]:
        """Undoes all changes, and returns where they were."""
        changed = [found for found in self.found if not found.picture.holds(found.node.value)]
        for found in changed:
            found.picture.restore(found.node.value)
        names = [node for node in self.names if fetch(node) is not node.value]
        for node in names:
            rebind(node)
        return [*names, *(found.node for found in changed)]

    def renew(self) -> None:
        """Takes the pictures anew, after unwatched code has changed what it liked."""
        for found in self.found:
            found.picture = found.take()
        for node in self.names:
            node.value = fetch(node)


@contextmanager
def unchanged_captures(frame: Frame, *functions: Callable[..., Any]) -> Iterator[None]:
    """Refuses what bodies change past all frames.

    Args:
        frame: the enclosing frame.
        functions: the bodies, which are traced within.

    Raises:
        OutsideChangeError: if they change a value that was made inside of an enclosing trace.
    """
    captures = Captures(frame)
    for fun in functions:
        captures.reach(fun, getattr(fun, "__name__", "the function"))
    stack: list[Captures] = frame.ground.captures
    stack.append(captures)
    try:
        yield
        captures.check()
    except BaseException:
        captures.put_back()
        raise
    finally:
        stack.remove(captures)
