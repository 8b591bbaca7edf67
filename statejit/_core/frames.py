"""The frame: one running trace, and the overlay in which all its reads and writes take place.

A frame never touches what is beneath it: the real objects (`Ground`), or the enclosing frame. What
it finds there it keeps as an *entry*: a `Slot` for an array, a `Container` for a list and its kin,
and the value itself for anything else. An entry is *handed out* to the user's code as a tracer, as
a copy, or as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import jax
import numpy as np

from ..errors import RawTransformError
from .containers import Container, hollow, kind_of
from .numbers import Number, Tape
from .slots import MISSING, Slot, as_own_tracer, as_tracer, fresh, trace_state
from .windows import Due, Window

CURRENT: ContextVar[Frame | None] = ContextVar("statejit_frame", default=None)

OPEN: list[Frame] = []
"""The current frames of all threads: where it is empty, nobody needs to ask for `CURRENT`."""

UNWATCHED: ContextVar[bool] = ContextVar("statejit_unwatched", default=False)
"""Whether code runs within `unwatched()`, and may do to objects what it likes."""


class Beneath(Protocol):
    """What a frame asks of the real objects or of the enclosing frame."""

    def lookup(self, holder: Any, name: str) -> Any:
        """Returns the entry of one attribute, or `MISSING`; records that it was read."""
        ...

    def names(self, holder: Any) -> tuple[str, ...]:
        """Returns the names of all attributes; records that they were read."""
        ...

    def peek(self, holder: Any, name: str) -> Any:
        """Returns an attribute without recording more than whether it keeps what is assigned."""
        ...


class State:
    """The overlay of one object or cell: entries that were read, values that were written."""

    __slots__ = ("attrs", "born", "created", "found", "holder", "moved", "written")

    def __init__(self, holder: Any, created: bool, born: Any) -> None:
        self.holder, self.created, self.born = holder, created, born
        self.attrs: dict[str, Any] = {}
        self.found: dict[str, Any] = {}  # what was beneath, for the names that were read
        self.written: dict[str, None] = {}
        self.moved: set[str] = set()  # deleted and set again: the order of attributes shows it


class Frame:
    """One running trace over what is beneath it.

    Args:
        beneath: the enclosing frame, or the ground.
        ground: the real objects beneath all frames.
    """

    def __init__(self, beneath: Beneath, ground: Any) -> None:
        self.beneath, self.ground = beneath, ground
        self.mark = object()  # of what this frame makes: the frame itself would make a circle
        self.states: dict[int, State] = {}
        self.copies: dict[int, tuple[Container, Any, list[Any]]] = {}
        self.copied_from: dict[int, Container] = {}  # id of a copy -> what it is a copy of
        self.tracers: dict[int, list[tuple[Any, Any]]] = {}
        self.slots: dict[int, Slot] = {}  # id of a placeholder -> slot
        self.origins: dict[int, Slot] = {}  # id of a tracer that was handed out -> slot
        self.adopted: dict[int, tuple[Any, Any]] = {}
        self.refilled: dict[int, set[int]] = {}  # id of a container -> children that have changed
        self._children: dict[int, tuple[Container, list[Any]]] = {}
        self.numeric: dict[int, tuple[Any, type, Any]] = {}  # tracers that stand for numbers
        self.state: Any = None

    is_branch = False
    """Whether it is for functions of which the program chooses one."""

    axes: tuple[tuple[Any, int], ...] = ()
    """Names and sizes of the mapped axes that a trace in this frame is within, besides JAX's."""

    @contextmanager
    def opened(self) -> Iterator[Frame]:
        """Makes this the current frame; must be entered inside the trace that it belongs to."""
        self.state = trace_state()
        for known in self.states.values():  # of a function that was traced before this one
            known.born = self.state
        token = CURRENT.set(self)
        OPEN.append(self)
        try:
            yield self
        finally:
            OPEN.remove(self)
            CURRENT.reset(token)

    # Reading and writing -----------------------------------------------------------------------

    def state_of(self, holder: Any) -> State:
        """Returns the overlay of an object or cell."""
        state = self.states.get(id(holder))
        if state is None:
            state = self.states[id(holder)] = State(holder, False, self.state)
        return state

    def create(self, holder: Any) -> None:
        """Notes that an object or cell was made inside this frame."""
        self.states[id(holder)] = State(holder, True, trace_state())
        self.ground.created(holder)

    def lookup(self, holder: Any, name: str) -> Any:
        """Returns the entry of one attribute, or `MISSING`."""
        state = self.state_of(holder)
        if name in state.attrs:
            return state.attrs[name]
        if state.created:
            return raw_get(holder, name)
        entry = self.beneath.lookup(holder, name)
        if isinstance(self.beneath, Frame):
            entry = self.adopt(entry)
        entry = self.own(entry, holder, name)
        state.attrs[name] = state.found[name] = entry
        return entry

    def own(self, entry: Any, holder: Any, name: Any) -> Any:
        """Returns what this frame makes of an entry that it has found in a place.

        Args:
            entry: as it is beneath.
            holder: the object, cell or container.
            name: the attribute, or the position of the child.
        """
        return entry

    def children(self, container: Container) -> list[Any]:
        """Returns the entries of the children of a container, as this frame has them."""
        if id(container) not in self._children:
            found = container.children
            if container.owner is not self.mark and isinstance(self.beneath, Frame):
                found = [self.adopt(child) for child in self.beneath.children(container)]
            own = [self.own(child, container, i) for i, child in enumerate(found)]
            self._children[id(container)] = (container, own)
        return self._children[id(container)][1]

    def read(self, holder: Any, name: str) -> Any:
        """Returns what the user's code sees of one attribute, or `MISSING`."""
        return self.hand_out(self.lookup(holder, name))

    def window(self, cell: Any) -> Window | None:
        """Returns what a cell has in the place of an array, if it is a view."""
        entry = self.lookup(cell, "_value")
        held = self.copy(entry) if type(entry) is Container else entry
        return held if type(held) is Window else None

    def peek(self, holder: Any, name: str) -> Any:
        """Returns an attribute as it stands, for a write that may have to go into it."""
        state = self.states.get(id(holder))
        if state is not None and name in state.attrs:
            return state.attrs[name]
        if state is not None and state.created:
            return raw_get(holder, name)
        return self.beneath.peek(holder, name)

    def write(self, holder: Any, name: str, value: Any) -> None:
        """Writes (or, with `MISSING`, deletes) an attribute in the overlay."""
        state = self.state_of(holder)
        if trace_state() != state.born:
            raise RawTransformError(
                f"{self.ground.path_of(holder, name)} was written under a JAX transformation that "
                "is not lifted.",
                where=self.ground.where(),
                do="use the function of the same name from statejit, which carries state.",
            )
        if value is not MISSING and state.attrs.get(name) is MISSING:
            state.written.pop(name, None)
            state.moved.add(name)
        state.attrs[name] = value
        state.written[name] = None

    def names(self, holder: Any) -> tuple[str, ...]:
        """Returns the names of all attributes of an object, in order."""
        state = self.state_of(holder)
        names = raw_names(holder) if state.created else self.beneath.names(holder)
        here = dict.fromkeys((*[n for n in names if n not in state.moved], *state.written))
        return tuple(n for n in here if state.attrs.get(n, None) is not MISSING)

    # Handing out -------------------------------------------------------------------------------

    def hand_out(self, entry: Any) -> Any:
        """Returns an entry as the user's code sees it."""
        if type(entry) is Slot:
            return self.tracer(entry)
        if type(entry) is Container:
            return self.copy(entry)
        return entry

    def tracer(self, slot: Slot) -> Any:
        """Returns the tracer of a slot in JAX's running trace: always the same one."""
        state = trace_state()
        known = self.tracers.setdefault(id(slot), [])
        for at, tracer in known:
            if at == state:
                return tracer
        makes = as_own_tracer if state == self.state and not known else as_tracer
        tracer = makes(slot.placeholder)
        known.append((state, tracer))
        self.slots[id(slot.placeholder)] = slot
        self.origins[id(tracer)] = slot
        return tracer

    def copy(self, container: Container) -> Any:
        """Returns this frame's copy of a container: always the same one."""
        if id(container) in self.copies:
            return self.copies[id(container)][1]
        if trace_state() != self.state and not is_static(container):
            raise RawTransformError(
                f"{self.ground.path_of_entry(container)} was first read under a JAX transformation "
                "that is not lifted.",
                where=self.ground.where(),
                do="read it before, or use the function of the same name from statejit.",
            )
        kind, real = container.kind, container.real
        if kind.mutable and container.children:
            copy: Any = hollow(kind, type(real), container.aux)
            handed = self._copied(container, copy, [])  # before the children: there may be cycles
            handed += [self.hand_out(child) for child in self.children(container)]
            kind.store(copy, container.aux, handed)
            return copy
        handed = [self.hand_out(child) for child in self.children(container)]
        children = kind.take_apart(real)[1] if not kind.mutable else []
        same = not kind.mutable and all(a is b for a, b in zip(handed, children, strict=True))
        copy = real if same else kind.build(type(real), container.aux, handed)
        self._copied(container, copy, handed)
        return copy

    def _copied(self, container: Container, copy: Any, handed: list[Any]) -> list[Any]:
        self.copies[id(container)] = (container, copy, handed)
        self.copied_from[id(copy)] = container
        return handed

    # Entries of the enclosing frame ------------------------------------------------------------

    def adopt(self, entry: Any) -> Any:
        """Returns this frame's own entry for what the enclosing frame holds."""
        if type(entry) is Slot:
            return entry
        if type(entry) is Container:
            if id(entry) not in self.beneath.copies:  # type: ignore[attr-defined]
                return entry
            entry = self.beneath.copies[id(entry)][1]  # type: ignore[attr-defined]
        if id(entry) in self.adopted:
            return self.adopted[id(entry)][1]
        if isinstance(entry, jax.Array):
            known = self.beneath.origins.get(id(entry))  # type: ignore[attr-defined]
            if known is not None:  # what was handed out for a slot is that slot wherever it is held
                return known
            number = self.beneath.numeric.get(id(entry))  # type: ignore[attr-defined]
            slot = Slot(entry, fresh(entry), number=number and number[1])
            slot.owner = self.mark
            self.adopted[id(entry)] = (entry, slot)
            return slot
        kind = None if entry is None or self.ground.is_holder(entry) else kind_of(entry)
        if kind is None:
            for captures in self.ground.captures if type(entry) is np.ndarray else ():
                captures.reach(entry, "a NumPy array made inside")
            return entry
        aux, children = kind.take_apart(entry)
        container = Container(entry, kind, aux, [], None)
        container.owner = self.mark
        self.adopted[id(entry)] = (entry, container)
        container.children.extend(self.adopt(child) for child in children)
        return container

    def adopt_argument(self, arg: Any) -> Any:
        """Returns the entry of an argument; arrays are told apart by position."""
        if isinstance(arg, jax.Array):
            slot = Slot(arg, fresh(arg))
            slot.owner = self.mark
            return slot
        kind = None if arg is None or self.ground.is_holder(arg) else kind_of(arg)
        if kind is None or id(arg) in self.adopted:
            return self.adopt(arg)
        aux, children = kind.take_apart(arg)
        container = Container(arg, kind, aux, [], None)
        container.owner = self.mark
        if kind.mutable:
            self.adopted[id(arg)] = (arg, container)
        container.children.extend(self.adopt_argument(child) for child in children)
        return container

    def value_beneath(self, slot: Slot | Number) -> Any:
        """Returns what an input stands for in the enclosing frame, which must be current."""
        if type(slot) is Number:
            return slot.__jax_array__()
        return slot.value if slot.owner is self.mark else self.beneath.tracer(slot)  # type: ignore

    def number_beneath(self, number: Number) -> Any:
        """Returns a number of this frame as the enclosing frame has it."""
        return number

    def tapes(self) -> list[Tape]:
        """Returns the tapes of numbers of this frame and of those that enclose it."""
        return self.beneath.tapes()  # type: ignore[attr-defined]

    def has_made(self, value: Any) -> bool:
        """Says whether an object was made in this trace or in one that encloses it."""
        state = self.states.get(id(value))
        below = self.beneath
        return (state is not None and state.created) or (
            isinstance(below, Frame) and below.has_made(value)
        )

    def forget(self) -> None:
        """Drops all tracers, before JAX looks for leaks; what was found stays."""
        self.states = {i: s for i, s in self.states.items() if not s.created}
        for state in self.states.values():
            state.attrs.clear()
        self.copies.clear()
        self.copied_from.clear()
        self.tracers.clear()
        self.origins.clear()
        self.numeric.clear()

    def reopen(self) -> None:
        """Forgets what was written, so that another function can be traced over the same slots."""
        for state in self.states.values():
            state.written.clear()
            state.moved.clear()
        self.refilled.clear()


def is_static(container: Container) -> bool:
    """Says whether a container holds nothing that is traced, and can't be changed in place."""
    return not container.kind.mutable and not any(
        isinstance(child, (Slot, Container, jax.Array)) for child in container.children
    )


def raw_get(holder: Any, name: str) -> Any:
    """Returns an attribute of the instance itself, past all hooks and descriptors."""
    own = raw_dict(holder)
    if own is not None and name in own:
        return own[name]
    descriptor = slot_descriptor(type(holder), name)
    if descriptor is not None:
        try:
            found = descriptor.__get__(holder)
        except AttributeError:
            return MISSING
        return found if type(found) is not Due else holder.do()
    return MISSING


def raw_dict(holder: Any) -> dict[str, Any] | None:
    """Returns the dictionary of an instance, past all hooks."""
    try:
        return object.__getattribute__(holder, "__dict__")
    except AttributeError:
        return None


def raw_names(holder: Any) -> tuple[str, ...]:
    """Returns the names of all attributes of the instance itself."""
    in_slots = (n for n in slot_names(type(holder)) if raw_get(holder, n) is not MISSING)
    return (*(raw_dict(holder) or ()), *in_slots)


def slot_names(cls: type) -> list[str]:
    """Returns the names in the `__slots__` of a class and its bases."""
    declared = [c for c in cls.__mro__ if "__slots__" in vars(c)]
    found = [n for c in declared for n in vars(c) if slot_descriptor(c, n) is not None]
    return [n for n in dict.fromkeys(found) if n not in ("__dict__", "__weakref__")]


def slot_descriptor(cls: type, name: str) -> Any:
    """Returns the descriptor of a name in `__slots__`, or None."""
    for base in cls.__mro__:
        if name in vars(base):
            found = vars(base)[name]
            return found if type(found) is _MEMBER and "__slots__" in vars(base) else None
    return None


class _Slotted:
    __slots__ = ("member",)


_MEMBER = type(vars(_Slotted)["member"])
