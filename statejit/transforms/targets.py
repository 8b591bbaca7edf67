"""What `grad_vars` and `argnums` mean, for the whole gradient family.

A target is a model, a mutable array, an array as it was read from a model, a predicate over slots,
or a list, tuple or dict of those. Each becomes slots of the watched function, and gradients come
back in the target's structure: a recipe in which each array is an output of the program.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax

from .._core.base import Base
from .._core.cells import Cell
from .._core.containers import DICT, Container, kind_of
from .._core.discovery import Traced
from .._core.frames import Frame
from .._core.recipes import Constant, NewContainer, NewObject, Out
from .._core.slots import Slot
from ..array import Array
from ..collections import _classified, as_found, roots_of, walk
from ..errors import SlotNotFoundError


@dataclasses.dataclass(frozen=True, eq=False)
class Place:
    """Where an array was found that was given as a target: it is remembered by this path.

    Args:
        holder: the object or cell in whose attribute it is.
        name: that attribute.
        index: positions in the containers between the attribute and the array.
    """

    holder: Any
    name: str
    index: tuple[int, ...]


def is_target(value: Any) -> bool:
    """Says whether a value is a single target, not a structure of targets."""
    return isinstance(value, (Base, Cell, jax.Array, Place)) or callable(value)


def structure(grad_vars: Any) -> tuple[Any, list[Any]]:
    """Takes targets apart.

    Args:
        grad_vars: what the user gave.

    Returns:
        A hashable description of the structure (predicates included), and the other targets.

    Raises:
        TypeError: if something in it can't be a target.
    """
    leaves, treedef = jax.tree.flatten(grad_vars, is_leaf=is_target)
    for leaf in leaves:
        if not is_target(leaf):
            raise TypeError(
                f"grad_vars takes models, arrays, predicates, and lists, tuples or dicts of them, "
                f"not a {type(leaf).__name__}: {leaf!r}"
            )
    predicates = tuple(leaf for leaf in leaves if _is_predicate(leaf))
    return (treedef, predicates), [leaf for leaf in leaves if not _is_predicate(leaf)]


def _is_predicate(target: Any) -> bool:
    return callable(target) and not isinstance(target, (Base, Cell, jax.Array))


class Wanted:
    """Collects the slots to differentiate, and makes recipes of gradients.

    Args:
        traced: what one run of the loss did.
        fun: the loss.
    """

    def __init__(self, traced: Traced, fun: Any) -> None:
        self.traced, self.frame, self.fun = traced, traced.frame, fun
        self.first = len(traced.jaxpr.jaxpr.outvars)
        self.slots: list[Slot] = []
        self.memo: dict[int, Any] = {}

    def gradient(self, slot: Slot) -> Out:
        """Returns the recipe of the gradient of one slot."""
        if id(slot) not in self.memo:
            self.memo[id(slot)] = Out(self.first + len(self.slots))
            self.slots.append(slot)
        return self.memo[id(slot)]

    def of_target(self, target: Any) -> Any:
        """Returns the recipe of the gradients of a target."""
        if isinstance(target, Base):
            return self.of_leaves(self._params(target), type(target).__name__)
        if isinstance(target, Cell):
            return self.of_cell(target)
        if isinstance(target, Place):
            return self.gradient(self._slot_at(target))
        if _is_predicate(target):
            return self.of_leaves(self._chosen(target), "the function")
        kind = kind_of(target)
        if kind is None:
            return Constant(target)
        aux, children = kind.take_apart(target)
        return NewContainer(kind, type(target), aux, [self.of_target(c) for c in children])

    def of_argument(self, entry: Any) -> Any:
        """Returns the recipe of the gradients of an argument, given as its entry."""
        if type(entry) is Slot:
            return self.gradient(entry)
        if isinstance(entry, (Base, Cell)):
            return self.of_target(entry)
        if type(entry) is Container:
            children = [self.of_argument(child) for child in entry.children]
            return NewContainer(entry.kind, type(entry.real), entry.aux, children)
        if entry is None:
            return Constant(None)
        raise TypeError(
            "grad requires real- or complex-valued inputs, but an argument to differentiate is or "
            f"holds a {type(entry).__name__}"
        )

    def of_cell(self, cell: Cell) -> Any:
        """Returns the recipe of the gradient of a mutable array: again a mutable array."""
        if id(cell) not in self.memo:
            slot = self.frame.lookup(cell, "_value")
            if type(slot) is not Slot:
                _refuse("a mutable array")
            self.memo[id(cell)] = NewObject(Array, {"_value": self.gradient(slot)}, None)
        return self.memo[id(cell)]

    def of_leaves(self, leaves: list[tuple[tuple[str, ...], Slot]], owner: str) -> Any:
        """Returns the recipe of nested dictionaries of gradients."""
        if not leaves:
            raise SlotNotFoundError(
                f"the function reads no parameter of {owner}.",
                do="compare with what statejit.discover(function, ...) finds.",
            )
        if leaves[0][0] == ():
            return self.gradient(leaves[0][1])
        below: dict[str, list[Any]] = {}
        for path, slot in leaves:
            below.setdefault(path[0], []).append((path[1:], slot))
        children = [self.of_leaves(inner, owner) for inner in below.values()]
        return NewContainer(DICT, dict, (tuple(below), None), children)

    def _params(self, model: Base) -> list[Any]:
        found = _classified(self.frame, [((), model)])
        return [(leaf.path, leaf.content) for leaf, collection in found
                if collection == "params" and type(leaf.content) is Slot]

    def _chosen(self, predicate: Any) -> list[Any]:
        found = _classified(self.frame, roots_of(self.frame, self.fun))
        return [(leaf.path, leaf.content) for leaf, _ in found
                if type(leaf.content) is Slot and predicate(leaf.path, leaf.content.value)]

    def _slot_at(self, place: Place) -> Slot:
        for at, slot in places(self.frame, place.holder):
            if (at.holder, at.name, at.index) == (place.holder, place.name, place.index):
                return slot
        _refuse(f"an array (in the attribute {place.name!r} of a {type(place.holder).__name__})")
        raise AssertionError


def _refuse(what: str) -> None:
    raise SlotNotFoundError(
        f"{what} was given to differentiate, but the function does not read it.",
        do="give arrays as they are read from the model, or the model itself.",
    )


def places(frame: Frame, holder: Any = None) -> Iterator[tuple[Place, Slot]]:
    """Yields all places in which a closed frame has found arrays."""
    states = frame.states.values() if holder is None else [frame.states.get(id(holder))]
    for state in states:
        if state is None:
            continue
        for leaf in walk(state.holder, as_found(frame)):
            if leaf.holder is state.holder and type(leaf.content) is Slot:
                yield Place(leaf.holder, leaf.name, leaf.index), leaf.content


def resolve(target: Any, frame: Frame) -> Any:
    """Returns the place of an array that was given as a target; other targets as they are.

    Raises:
        SlotNotFoundError: if the function has read no such array.
    """
    if not isinstance(target, jax.Array):
        return target
    origins = getattr(frame.beneath, "origins", {})
    for place, slot in places(frame):
        if slot.value is target or slot is origins.get(id(target)):
            return place
    _refuse(f"an array of type {jax.typeof(target).str_short()}")
    raise AssertionError
