"""Leaves: the arrays below an object, each with the way to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import numpy as np

from .._core.base import Base
from .._core.cells import Cell
from .._core.containers import DATACLASS, DICT, WINDOW, Container, Kind, kind_of
from .._core.frames import CURRENT, raw_get, raw_names
from .._core.numbers import Number
from .._core.slots import MISSING, Slot
from .._core.windows import Window
from ..typing import Path
from .annotations import annotation

Attributes = Callable[[Any], Iterable[tuple[str, Any]]]


@dataclasses.dataclass
class Leaf:
    """One array (or number) that was found on the way through an object.

    Args:
        path: the way from the root.
        holder: the object or cell in whose attribute it is.
        name: that attribute.
        index: positions in the containers between the attribute and the array.
        content: the array, or its entry in a frame.
        mark: the collection that a `Variable` or an annotation asks for.
        written: whether the function gives an attribute on the way another value.
        outer: where the holder is, if it is a cell.
        root: the object at which the way begins.
        names: the way from there.
    """

    path: Path
    holder: Any
    name: str
    index: tuple[int, ...]
    content: Any
    mark: str | None
    written: bool = False
    outer: Leaf | None = None
    root: Any = None
    names: Path = ()

    def own(self) -> Leaf:
        """Returns the leaf in the place of an array of NumPy, if its holder stands for one."""
        if self.outer is None or not self.holder.host:
            return self
        return dataclasses.replace(self.outer, content=self.content, written=self.written)


def walk(
    root: Any,
    attributes: Attributes,
    prefix: Path = (),
    is_written: Callable[[Any, str], bool] = lambda holder, name: False,
) -> Iterator[Leaf]:
    """Yields the leaves below an object, each object once, in the order of the attributes.

    Args:
        root: an object, a cell, or a container of them.
        attributes: (object) -> names and values of its attributes, as they are to be seen.
        prefix: what all paths begin with.
        is_written: (object, name) -> whether the function gives that attribute another value.
    """
    seen: set[int] = set()
    stack = [Leaf(prefix, None, "", (), root, None)]
    views: list[Leaf] = []
    while stack or views:
        at = stack.pop() if stack else views.pop(0)
        value = at.content
        if isinstance(value, (Base, Cell, Container, list, dict)):
            if id(value) in seen:
                continue
            seen.add(id(value))
        if isinstance(value, Base):
            found = []
            for name, child in attributes(value):
                mark = annotation(type(value), name) or at.mark
                written = at.written or is_written(value, name)
                found.append(Leaf((*at.path, name), value, name, (), child, mark, written))
        elif isinstance(value, Cell):
            own = raw_get(value, "_collection")
            mark = at.mark if own in (MISSING, None) else own
            written = at.written or is_written(value, "_value")
            found = [
                Leaf(at.path, value, "_value", (), c, mark, written, at)
                for _, c in attributes(value)
            ]
        elif type(value) is Slot or isinstance(value, (jax.Array, np.ndarray)) or is_number(value):
            yield at
            continue
        elif type(value) is Window or (type(value) is Container and value.kind is WINDOW):
            base = value.cell if isinstance(value, Window) else value.children[0]
            views.append(dataclasses.replace(at, index=(*at.index, 0), content=base))
            continue  # to what a view is of there may be a way of its own
        else:
            found = _elements(at, value)
        stack.extend(reversed(found))


def _elements(at: Leaf, value: Any) -> list[Leaf]:
    if type(value) is Container:
        cls, kind, aux, children = type(value.real), value.kind, value.aux, value.children
    else:
        kind = kind_of(value)  # type: ignore[assignment]
        if kind is None:
            return []
        cls = type(value)
        aux, children = kind.take_apart(value)
    names = _segments(cls, kind, aux, len(children))
    return [
        Leaf((*at.path, name), at.holder, at.name, (*at.index, i), child, at.mark, at.written)
        for i, (name, child) in enumerate(zip(names, children, strict=True))
    ]


def _segments(cls: type, kind: Kind, aux: Any, n: int) -> list[str]:
    """Returns the keys of the children of a container, as in flax's state dicts."""
    if kind is DICT:
        return [str(key) for key in aux[0]]
    if kind is DATACLASS:
        return list(aux)
    return list(getattr(cls, "_fields", None) or map(str, range(n)))


def element(container: Any, name: str) -> Any:
    """Returns the child of a container that has a name in paths, or `MISSING`."""
    kind = kind_of(container)
    if kind is None:
        return MISSING
    aux, children = kind.take_apart(container)
    names = _segments(type(container), kind, aux, len(children))
    return children[names.index(name)] if name in names else MISSING


def is_number(value: Any) -> bool:
    """Says whether a leaf is a number of Python's, not an array."""
    return type(value) in (int, float, complex, Number)


def present(holder: Any) -> Iterator[tuple[str, Any]]:
    """Yields the attributes of an object as they are now, inside or outside of a trace."""
    frame = CURRENT.get()
    if isinstance(holder, Cell):
        if frame is None:
            holder.settle()
        yield "_value", holder.held()
    elif frame is None:
        yield from ((name, raw_get(holder, name)) for name in raw_names(holder))
    else:
        yield from ((name, frame.read(holder, name)) for name in frame.names(holder))
