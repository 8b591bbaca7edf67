"""What the body of a loop or a branch has captured of an enclosing trace: it must not change it.

A list, a NumPy array or a variable of an enclosing function, made inside of its trace, is Python's
own. A body is traced once, however often it runs, and a branch even if it is not taken: what they
change of such values would change once.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import OutsideChangeError
from .base import Base
from .cells import Cell
from .changes import fetch, rebind
from .containers import DATACLASS, kind_of
from .frames import Frame, raw_dict
from .ground import Node, Wrapper
from .numbers import Number
from .outside import cell_contents, refers_to_user, wrapped_parts
from .pictures import OfArray, OfAttributes, OfContainer, Picture
from .places import is_library_code, is_of_library, user_line
from .slots import is_plain, is_tracer


class Captures:
    """Values that were made inside of enclosing traces, as they stood before a body was traced.

    Args:
        frame: the enclosing frame.
    """

    def __init__(self, frame: Frame) -> None:
        self.known: dict[int, Any] = frame.ground.by_id
        self.found: list[tuple[Node, Picture]] = []
        self.names: list[Node] = []
        self.seen: set[int] = set()

    def reach(self, value: Any, name: str, parent: Node | None = None) -> None:
        """Takes pictures of what can be reached from a value."""
        if id(value) in self.seen or id(value) in self.known:
            return  # what the ground knows is compared after the whole trace
        if is_plain(value) or is_tracer(value) or isinstance(value, (Base, Cell, Number, type)):
            return
        self.seen.add(id(value))
        node = Node(0, parent, "static", name, name, value)
        for part, shown in self._parts(node):
            self.reach(part, shown, node)

    def _parts(self, node: Node) -> Iterator[tuple[Any, str]]:
        value = node.value
        if isinstance(value, types.FunctionType):
            yield from self._of_function(node)
        elif isinstance(value, types.MethodType):
            yield from ((value.__func__, node.name), (value.__self__, node.name))
        elif isinstance(value, functools.partial):
            yield from ((part, node.name) for part in (value.func, value.args, value.keywords))
        elif isinstance(value, Wrapper):
            yield from ((getattr(value, part), node.name) for part in value.guarded)
        elif type(value) is np.ndarray:
            self.found.append((node, OfArray(value)))
        elif (kind := kind_of(value)) is not None and kind is not DATACLASS:
            aux, children = kind.take_apart(value)
            if kind.mutable:
                self.found.append((node, OfContainer(kind, aux, children)))
            yield from ((child, f"{node.name}[{i}]") for i, child in enumerate(children))
        elif raw_dict(value) is not None and not is_of_library(value):
            self.found.append((node, OfAttributes(value, None)))
            yield from ((part, f"{node.name}.{name}") for name, part in raw_dict(value).items())

    def _of_function(self, node: Node) -> Iterator[tuple[Any, str]]:
        fun = node.value
        if is_library_code(fun.__code__):
            parts = [part for _, _, part in wrapped_parts(fun)]
            yield from ((part, node.name) for part in parts if refers_to_user(part))
            return
        for i, name in enumerate(fun.__code__.co_freevars):
            content = cell_contents(fun, i)
            self.names.append(Node(0, node, "cell", i, name, content))
            yield content, name
        yield from ((default, node.name) for default in fun.__defaults__ or ())

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
        here = [(node, picture) for node, picture in self.found if not picture.holds(node.value)]
        for node, picture in here:
            picture.restore(node.value)
        names = [node for node in self.names if fetch(node) is not node.value]
        for node in names:
            rebind(node)
        return [*names, *(node for node, _ in here)]

    def renew(self) -> None:
        """Takes the pictures anew, after unwatched code has changed what it liked."""
        self.found = [(node, _again(node.value, picture)) for node, picture in self.found]
        for node in self.names:
            node.value = fetch(node)


def _again(value: Any, picture: Picture) -> Picture:
    if isinstance(picture, OfArray):
        return OfArray(value)
    if isinstance(picture, OfContainer):
        return OfContainer(picture.kind, *picture.kind.take_apart(value))
    return OfAttributes(value, None)


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
