"""What `grad_vars` and `argnums` mean, for the whole gradient family.

A target is a model, a mutable array, an array as it was read from a model, a predicate over slots,
or a list, tuple or dict of those. Each becomes slots of the watched function, and gradients come
back in the target's structure: a recipe in which each array is an output of the program.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NoReturn

import jax

from .._core.base import Base
from .._core.cells import Cell
from .._core.changes import consulting
from .._core.containers import DICT, Container, kind_of
from .._core.discovery import Traced
from .._core.frames import Frame, raw_names
from .._core.recipes import Constant, NewContainer, NewObject, Out
from .._core.slots import Slot
from ..array import Array
from ..collecting.leaves import walk
from ..collecting.watching import as_found, beneath, classified, roots_of
from ..errors import SlotNotFoundError


def is_target(value: Any) -> bool:
    """Says whether a value is a single target, not a structure of targets."""
    return isinstance(value, (Base, Cell, jax.Array)) or callable(value)


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
    predicates = tuple(leaf for leaf in leaves if is_predicate(leaf))
    return (treedef, predicates), [leaf for leaf in leaves if not is_predicate(leaf)]


def is_predicate(target: Any) -> bool:
    """Says whether a target is a predicate over slots."""
    return callable(target) and not isinstance(target, (Base, Cell, jax.Array))


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """What a view shows of an array: derivatives by it are by what is added to that part.

    Args:
        slot: of the whole array.
        way: from the whole to the part.
        operands: the slots of the arrays that the way depends on.
    """

    slot: Slot
    way: Any
    operands: list[Slot]


class Wanted:
    """Collects the slots to differentiate, and makes recipes of gradients.

    Args:
        traced: what one run of the loss did.
        fun: the loss.
    """

    def __init__(self, traced: Traced, fun: Any) -> None:
        self.traced, self.frame, self.fun = traced, traced.frame, fun
        self.first = len(traced.jaxpr.jaxpr.outvars)
        self.slots: list[Slot | Part] = []
        self.memo: dict[int, Any] = {}

    def gradient(self, slot: Slot | Part) -> Out:
        """Returns the recipe of the gradient of one slot, or of a part."""
        if id(slot) not in self.memo:
            self.memo[id(slot)] = Out(self.first + len(self.slots))
            self.slots.append(slot)
        return self.memo[id(slot)]

    def of_target(self, target: Any) -> Any:
        """Returns the recipe of the gradients of a target."""
        if isinstance(target, Base):
            return self.of_leaves(self._params(target))
        if isinstance(target, Cell):
            return self.of_cell(target)
        if type(target) is Slot:
            return self.gradient(target)
        if is_predicate(target):
            return self.of_leaves(self._chosen(target))
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
            if type(slot) is Container:
                base, *operands = slot.children
                whole = self.frame.lookup(base, "_value")
                content: Any = self.gradient(Part(whole, slot.aux, operands))
            elif type(slot) is Slot:
                content = self.gradient(slot)
            else:
                _refuse("a mutable array")
            self.memo[id(cell)] = NewObject(Array, {"_value": content}, object.__new__(Array))
        return self.memo[id(cell)]

    def of_leaves(self, leaves: list[tuple[tuple[str, ...], Slot]]) -> Any:
        """Returns the recipe of nested dictionaries of gradients."""
        if leaves and leaves[0][0] == ():
            return self.gradient(leaves[0][1])
        below: dict[str, list[Any]] = {}
        for path, slot in leaves:
            below.setdefault(path[0], []).append((path[1:], slot))
        children = [self.of_leaves(inner) for inner in below.values()]
        return NewContainer(DICT, dict, (tuple(below), None), children)

    def _params(self, model: Base) -> list[Any]:
        read = connect(self.frame, model)
        found = classified(self.frame, [((), model)])
        return [
            (leaf.path, leaf.content)
            for leaf, collection in found
            if collection == "params" and id(leaf.content) in read
        ]

    def _chosen(self, predicate: Any) -> list[Any]:
        found = classified(self.frame, roots_of(self.frame, self.fun))
        slots = [leaf for leaf, _ in found if type(leaf.content) is Slot]
        with consulting(self.frame, predicate):
            slots = [leaf for leaf in slots if predicate(leaf.path, beneath(leaf))]
        return [(leaf.path, leaf.content) for leaf in slots]


def connect(frame: Frame, model: Base) -> set[int]:
    """Lets a frame find the ways from a model to objects that the function reached on others.

    Args:
        frame: the frame of the function, closed.
        model: a target, of which the function may have read nothing by itself.

    Returns:
        The ids of the slots that the function itself has read.
    """
    read = {id(slot) for slot in frame.slots.values()}
    found = {id(leaf.holder) for leaf in walk(model, as_found(frame))}
    missing = {i for i, s in frame.states.items() if isinstance(s.holder, (Base, Cell))} - found
    seen: set[int] = set()
    stack: list[Any] = [model] if missing else []
    while stack:
        at = stack.pop()
        if id(at) in seen:
            continue
        seen.add(id(at))
        if isinstance(at, Base):
            is_read = id(at) in frame.states
            for name in _raw_names(frame, at) if is_read else frame.names(at):
                if _leads_to_holders(frame.peek(at, name)):
                    stack.append(frame.lookup(at, name))
        elif type(at) is Container:
            stack.extend(at.children)
    return read


def _raw_names(frame: Any, holder: Any) -> tuple[str, ...]:
    """Returns the names of attributes without a guard on them."""
    state = frame.states.get(id(holder))
    return tuple(dict.fromkeys((*raw_names(holder), *(state.written if state else ()))))


def _leads_to_holders(value: Any) -> bool:
    """Says whether an attribute is, or holds in containers, watched objects."""
    if isinstance(value, (Base, Cell)):
        return True
    if type(value) is Container:
        return any(_leads_to_holders(child) for child in value.children)
    kind = None if isinstance(value, jax.Array) else kind_of(value)
    return kind is not None and any(_leads_to_holders(c) for c in kind.take_apart(value)[1])


def _refuse(what: str) -> NoReturn:
    raise SlotNotFoundError(
        f"{what} was given to differentiate, but the function does not read it.",
        do="give arrays as they are read from the model, or the model itself.",
    )


Place = tuple[int, str, tuple[int, ...]]
"""Id of an object or cell, name of the attribute, positions in the containers in it."""


def places(frame: Frame) -> Iterator[tuple[Place, Slot]]:
    """Yields all places in which a frame has found arrays."""
    for state in frame.states.values():
        for leaf in walk(state.holder, as_found(frame)):
            if leaf.holder is state.holder and type(leaf.content) is Slot:
                yield (id(leaf.holder), leaf.name, leaf.index), leaf.content


class Remembered:
    """An array that was given as a target: found by identity once, and by path after that.

    Args:
        array: what the user gave.
    """

    def __init__(self, array: Any) -> None:
        self.array = array
        self.addresses: dict[Any, Any] = {}  # code of the outermost function -> way from there

    def slot(self, frame: Frame) -> Slot:
        """Returns the slot of the array among those that a closed frame has found.

        Raises:
            SlotNotFoundError: if the function has read no such array.
        """
        root = _code(frame.ground.nodes[0].value)
        slots = list(places(frame))
        address = self.addresses.get(root)
        if address is not None:
            for _, slot in slots:
                if slot.node is not None and slot.node.address() == address:
                    return slot
        place = self._place(frame)
        for at, slot in slots:
            if at == place:
                if slot.node is not None:
                    self.addresses[root] = slot.node.address()
                return slot
        return _refuse(f"an array of type {jax.typeof(self.array).str_short()}")

    def address(self, frame: Frame) -> Any:
        """Returns the way from the outermost function, once it is known."""
        return self.addresses.get(_code(frame.ground.nodes[0].value))

    def _place(self, frame: Any) -> Place | None:
        """Returns where the array was found: by the frame, or by one that encloses it."""
        while isinstance(frame, Frame):
            origins = getattr(frame.beneath, "origins", {})
            for place, slot in places(frame):
                if slot.value is self.array or slot is origins.get(id(self.array)):
                    return place
            frame = frame.beneath
        return None


def _code(fun: Any) -> Any:
    fun = getattr(fun, "__func__", fun)
    return getattr(fun, "__code__", type(fun))
