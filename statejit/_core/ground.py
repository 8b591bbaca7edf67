"""The ground: the real objects beneath the outermost frame, where every look-up becomes a node."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import pathlib
import re
import types
import uuid
import weakref
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from ..errors import ForeignObjectError, FrozenValueError
from .base import Base
from .cells import Cell
from .codes import names_of_accessor
from .containers import DATACLASS, DICT, FROZENSET, PYTREE, SET, WINDOW, Container, kind_of
from .frames import raw_dict, raw_get, raw_names, slot_descriptor
from .hidden import hidden_in, parts_of
from .memory import Memory
from .nodes import Node, Wrapper
from .numbers import Tape
from .paths import Path
from .pictures import OfArray, OfAttributes, OfContainer, OfFunction, OfHidden, Picture, attributes
from .places import is_library_class, is_library_code, is_library_module, user_line
from .positions import CACHED, Position, has_position, is_opaque
from .slots import (
    BY_IDENTITY,
    MISSING,
    Slot,
    fresh,
    is_library_type,
    is_number,
    is_plain,
    is_tracer,
)

VALUES = (
    *(datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo),
    *(decimal.Decimal, fractions.Fraction, pathlib.PurePath, re.Pattern, uuid.UUID),
    *(enum.Enum, types.CodeType),
)
"""Frozen types of the standard library, compared by `==`."""


class Ground:
    """The real objects beneath all frames of one trace.

    Args:
        memory: what is known of the numbers of this code.
        by_position: whether an array among the arguments is told from others by its position, as
            derivatives do, not by its identity.
        compiled: whether `jax.jit` will compile the program.
    """

    stand_in_type: Callable[..., Any]
    """Makes the mutable stand-in of a NumPy array; set by `statejit.array`."""

    def __init__(
        self, memory: Memory | None = None, by_position: bool = False, compiled: bool = False
    ) -> None:
        self.memory, self.by_position = memory or Memory(), by_position
        self.compiled = compiled
        self.nodes: list[Node] = []
        self.tape = Tape()
        self.by_id: dict[int, tuple[Node, Any]] = {}  # id of a value with identity -> node, entry
        self.reads: dict[Any, Any] = {}
        self.stand_ins: dict[int, tuple[Any, Slot]] = {}
        self.class_reads: dict[tuple[type, str], Any] = {}
        self.found: dict[int, tuple[Any, dict[str, Any]]] = {}  # watched objects, as they were
        self.classes: dict[type, None] = {}
        self.made: set[type] = set()
        self.pictures: list[tuple[Node, Picture]] = []
        self.functions: list[Node] = []  # functions and what wraps them, to be followed
        self.foreigners: list[Node] = []  # objects that are not watched, to be followed
        self.captures: list[Any] = []  # those of the bodies that are being traced
        self.raised: list[tuple[Any, Any]] = []  # errors that only a trace has; see `caught`
        self.outside: Any = None  # the `Outside` that follows functions on this ground
        self.follow: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Lets go of what follows functions, and so of all objects: there is no circle then."""
        self.outside, self.follow = None, lambda: None

    # What frames ask ---------------------------------------------------------------------------

    def lookup(self, holder: Any, name: str) -> Any:
        """Returns the entry of one attribute of a real object; its node becomes a guard."""
        if id(holder) in self.stand_ins:
            return self.stand_ins[id(holder)][1]
        key = (id(holder), name)
        if key not in self.reads:
            parent = self.holder_node(holder)
            value = raw_get(holder, name)
            if value is None and isinstance(holder, Cell):
                value = MISSING  # a mark that says nothing, which eager arrays have
            own = raw_dict(holder)
            in_slot = slot_descriptor(type(holder), name) is not None
            access = "slot" if in_slot and (own is None or name not in own) else "attr"
            shown = "" if isinstance(holder, Cell) else f".{name}"
            self.reads[key] = self.find(parent, access, name, value, shown)
            self.follow()
        return self.reads[key]

    def names(self, holder: Any) -> tuple[str, ...]:
        """Returns the names of all attributes of a real object; they become a guard."""
        names = raw_names(holder)
        if (id(holder), "") not in self.reads:
            node = self.add(self.holder_node(holder), "names", None, names, "")
            node.must("plain", names)
            self.reads[id(holder), ""] = names
        return names

    def peek(self, holder: Any, name: str) -> Any:
        """Returns an attribute of a real object; the guard is only that it keeps no assignment."""
        value = raw_get(holder, name)
        key = (id(holder), name)
        if key not in self.reads and not (isinstance(value, Cell) and value.keeps):
            node = self.add(self.holder_node(holder), "attr", name, None, f".{name}")
            node.must("not keeping")
            self.reads[id(holder), f"{name} written"] = None
        return value

    def read_class(self, cls: type, name: str, found: Any) -> None:
        """Records that the look-up of a name on a class had this outcome."""
        self.classes[cls] = None
        if (cls, name) in self.class_reads:
            return
        self.class_reads[cls, name] = found
        for base in cls.__mro__:
            if base in (object, Base):
                break
            defined = name in vars(base)
            self.class_entry(base, name, found if defined else MISSING)
            if defined:
                break
        self.follow()

    def class_entry(self, owner: type, name: str, found: Any) -> None:
        """Makes the guard of one entry of a class dictionary."""
        if (owner, "", name) not in self.reads:
            self.reads[owner, "", name] = found  # type: ignore[index]
            shown = f"{owner.__name__}.{name}"
            self.find(None, "class", (owner, name), found, shown, mode="outside")

    def created(self, holder: Any) -> None:
        """Takes note of the class of an object that is made inside."""
        if isinstance(holder, Base) and type(holder) not in self.made:
            self.made.add(type(holder))
            self.classes[type(holder)] = None
            self.outside.follow_makers(type(holder))

    def tapes(self) -> list[Tape]:
        """Returns the tape of numbers."""
        return [self.tape]

    def is_holder(self, value: Any) -> bool:
        """Says whether frames keep an overlay of a value's attributes."""
        return isinstance(value, (Base, Cell))

    # Nodes -------------------------------------------------------------------------------------

    def add(self, parent: Node | None, access: str, key: Any, value: Any, name: str) -> Node:
        """Appends a node."""
        node = Node(len(self.nodes), parent, access, key, name, value)
        self.nodes.append(node)
        return node

    def holder_node(self, holder: Any) -> Node:
        """Returns the node of an object or cell, wherever it was reached from."""
        known = self.by_id.get(id(holder))
        if known is None:
            self.follow()
            known = self.by_id.get(id(holder))
        if known is None:  # reached through library code alone: always this very object
            self.find(None, "pinned", holder, holder, type(holder).__name__)
            known = self.by_id[id(holder)]
        return known[0]

    def find(
        self,
        parent: Node | None,
        access: str,
        key: Any,
        value: Any,
        name: str,
        mode: str = "watched",
    ) -> Any:
        """Makes the node of a value, sets its test, and returns its entry.

        Args:
            parent: the node from which the value was reached.
            access: how; see `Node`.
            key: the name or index that the access takes.
            value: the value.
            name: how a person would write the access.
            mode: 'watched' for what frames keep overlays of, 'args' for arguments (as watched, but
                see `by_position`), 'outside' for what user code reaches past the frames, 'foreign'
                for the content of objects not watched.
        """
        node = self.add(parent, access, key, value, name)
        if value is MISSING:
            node.must("missing")
            return MISSING
        known = self.by_id.get(id(value))
        if known is not None:
            is_free = known[0].test == "free"  # unwatched code has changed it
            node.must("free") if is_free else node.must("same", known[0])
            return known[1]
        return self.classify(node, value, mode)

    def classify(self, node: Node, value: Any, mode: str) -> Any:
        """Sets the test of a node by the kind of its value, and returns the entry."""
        if isinstance(value, jax.Array):
            return self.array(node, value, mode)
        if is_number(value):
            return self.number(node, value, mode)
        if is_plain(value):
            node.must("plain", value)
            return value
        if self.is_holder(value):
            node.must("type", type(value))
            self.known(node, value, value)
            if isinstance(value, Base):
                self.classes[type(value)] = None
                self.found[id(value)] = (value, attributes(value))
            elif value.keeps:
                self.find(node, "pyattr", "_collection", raw_get(value, "_collection"), "")
            return value
        if isinstance(value, np.ndarray):
            return self.numpy(node, value, mode)
        if isinstance(value, types.FunctionType):
            return self.function(node, value)
        if has_position(value) and mode != "outside":
            raise FrozenValueError(
                f"{node.path()} is a {type(value).__name__}: its state would be frozen into the "
                "compiled program.",
                where=self.where(),
                do="draw or read from it outside, and pass the values in as arguments.",
            )
        if self.composite(node, value) or self.hidden(node, value):
            return value
        if isinstance(value, (*VALUES, *BY_IDENTITY)) or type(value) is object:
            node.must("equal" if isinstance(value, VALUES) else "is", value)
            self._follow_names_in(node, value, mode)
            return value
        kind = kind_of(value)
        if kind is not None and not (mode != "watched" and mode != "args" and kind is DATACLASS):
            return self.container(node, value, kind, mode)
        return self.foreign(node, value, mode)

    def _follow_names_in(self, node: Node, value: Any, mode: str) -> None:
        """Lets what code loads from a class or a module be guarded."""
        if mode == "outside" and isinstance(value, type):
            self.classes[value] = None
        elif (mode == "outside" and _is_user_module(value)) or isinstance(value, enum.Enum):
            self.known(node, value, value)
            self.foreigners.append(node)
            self.pictures.append((node, OfAttributes(value, self.outside.names)))
        elif callable(value) and not isinstance(value, type):
            self.functions.append(node)

    def known(self, node: Node, value: Any, entry: Any) -> Any:
        """Remembers the entry of a value that has identity."""
        self.by_id[id(value)] = (node, entry)
        return entry

    # Kinds -------------------------------------------------------------------------------------

    def array(self, node: Node, value: Any, mode: str) -> Any:
        if mode == "foreign":
            raise ForeignObjectError(
                f"{node.path()} is an array in an object that is not watched.",
                where=self.where(),
                do="decorate the class of that object with @statejit.model, or derive it from "
                "statejit.Base.",
            )
        if mode == "outside":
            node.must("is", value)
            return value
        node.must("array", type(value))
        slot = Slot(value, value if is_tracer(value) else fresh(value), node)
        if mode == "args" and self.by_position:
            node.test = "argument"
            return slot
        return self.known(node, value, slot)

    def number(self, node: Node, value: Any, mode: str) -> Any:
        is_written = node.access == "attr" and node.key in self.outside.stored
        if mode in ("watched", "args") and self.memory.varies(node.address(), value, is_written):
            node.must("number", type(value))
            return self.tape.read(node, value)
        node.must("plain", value)
        return value

    def numpy(self, node: Node, value: np.ndarray, mode: str) -> Any:
        if mode in ("outside", "foreign") or value.dtype.kind not in "biufcV":
            if value.size <= 1000:
                return self.content(node, value)
            node.must("is", value)
            if value.size <= MOST_COMPARED:
                self.pictures.append((node, OfArray(value)))
            return self.known(node, value, value)
        if node.address() in self.memory.fixed:
            return self.content(node, value)
        node.must("numpy", (value.dtype, value.flags.writeable))
        slot = Slot(value, fresh(jax.numpy.asarray(value)), node)
        stand_in = self.stand_in_type(value)
        self.stand_ins[id(stand_in)] = (stand_in, slot)
        return self.known(node, value, stand_in)

    def content(self, node: Node, value: np.ndarray) -> np.ndarray:
        """Guards a NumPy array by its content, and hands it out itself."""
        node.must("content", value.copy())
        self.pictures.append((node, OfArray(value)))
        return self.known(node, value, value)

    def function(self, node: Node, value: types.FunctionType) -> Any:
        node.must("function", value)
        self.functions.append(node)
        if not is_library_code(value.__code__):
            self.foreigners.append(node)  # functions have attributes, too
            self.pictures.append((node, OfFunction(value)))
        return self.known(node, value, value)

    def composite(self, node: Node, value: Any) -> bool:
        """Handles callables made of parts that may hold objects: bound methods, partials ..."""
        parts = value.guarded if isinstance(value, Wrapper) else parts_of(value)
        if parts is None:
            return False
        if type(value) in BUILT_IN:
            node.must("method", value)
        else:
            node.must("type", type(value))
        self.known(node, value, value)
        for part in parts:
            shown = "" if part in _SILENT else f".{part}"
            self.find(node, "pyattr", part, getattr(value, part), shown, mode="outside")
        return True

    def hidden(self, node: Node, value: Any) -> bool:
        """Handles values whose content no attribute shows: weak references, bytearrays ..."""
        hidden = hidden_in(value)
        if hidden is None:
            return False
        node.must("type", type(value))
        self.known(node, value, value)
        content = hidden.take(value)
        self.pictures.append((node, OfHidden(hidden, content)))
        self.find(node, "hidden", hidden.take, content, "", mode="outside")
        return True

    def container(self, node: Node, value: Any, kind: Any, mode: str) -> Any:
        aux, children = kind.take_apart(value)
        if kind in (SET, FROZENSET):
            self._check_set(node, value)
        node.must(kind.name, (type(value), aux, len(children)))
        entry = Container(value, kind, aux, [], node) if mode in ("watched", "args") else value
        if kind.mutable:
            self.known(node, value, entry)
            self.pictures.append((node, OfContainer(kind, aux, children)))
        access = {"list": "item", "tuple": "item", "dict": "key"}.get(kind.name, "child")
        for i, child in enumerate(children):
            key = aux[0][i] if kind is DICT else i
            shown = f".{aux[i]}" if kind is DATACLASS else f"[{key!r}]"
            shown = shown if kind is not WINDOW else ".base" if i == 0 else f".index[{i - 1}]"
            found = self.find(node, access, key, child, shown, mode)
            if type(entry) is Container:
                entry.children.append(found)
        if kind is PYTREE:
            self.outside.follow_parts(node)
        return entry

    def _check_set(self, node: Node, value: Any) -> None:
        for element in value:
            known = (*VALUES, *BY_IDENTITY, tuple, weakref.ReferenceType)
            if not is_plain(element) and not isinstance(element, known):
                raise FrozenValueError(
                    f"{node.path()} is a set that holds a {type(element).__name__}.",
                    where=self.where(),
                    do="keep objects in a list or a dict: the order of a set is no guard.",
                )

    def foreign(self, node: Node, value: Any, mode: str) -> Any:
        """Guards the plain content of an object that is not watched."""
        names = raw_names(value)
        cls: Any = type(value)
        if mode == "outside" and is_opaque(value):
            node.must("type", cls)
            self.pictures.append((node, Position(value)))
            if cls is CACHED:
                node.must("cached", value)
                self.functions.append(node)
            return self.known(node, value, value)
        if is_library_type(cls) or not (names or raw_dict(value) is not None):
            node.must("is", value)
            self.outside.learn_names(names_of_accessor(value))
            return value
        self.classes[cls] = None
        if mode == "outside":  # code loads single attributes of it; those are guarded
            node.must("loaded", (cls, names))
            self.foreigners.append(node)
            counted = self.outside.names if self.has_library_base(cls) else None
            self.pictures.append((node, OfAttributes(value, counted)))
            return self.known(node, value, value)
        node.must("foreign", (cls, names))
        self.known(node, value, value)
        content = {name: raw_get(value, name) for name in names}
        self.pictures.append((node, OfAttributes(value, None)))
        for name, child in content.items():
            self.find(
                node,
                "attr" if name in (raw_dict(value) or ()) else "slot",
                name,
                child,
                f".{name}",
                mode="foreign",
            )
        return value

    def has_library_base(self, cls: type) -> bool:
        """Says whether library code may keep something of its own in objects of a class."""
        crowded = self.outside.crowded  # or other threads may write what no code here loads
        return crowded or any(is_library_class(base) for base in cls.__mro__[:-1])

    # Words for people --------------------------------------------------------------------------

    def where(self) -> str:
        """Returns the user's line that is running."""
        return user_line()

    def path_of(self, holder: Any, name: str) -> str:
        """Returns the path of an attribute of an object, as far as it is known."""
        return str(self.trail_of(holder, name))

    def path_of_entry(self, entry: Any) -> str:
        """Returns the path of a slot or a container, as far as it is known."""
        return str(self.trail_of_entry(entry))

    def trail_of(self, holder: Any, name: str) -> Path:
        """Returns the path of an attribute, not yet put together."""
        known: Any = self.by_id.get(id(holder))
        if id(holder) in self.stand_ins:
            known = (self.stand_ins[id(holder)][1].node,)
        start = known[0].trail() if known else Path(f"a {type(holder).__name__} made inside")
        return start if name == "_value" else Path(f".{name}", start)

    def trail_of_entry(self, entry: Any) -> Path:
        """Returns the path of a slot or a container, not yet put together."""
        node = entry.node
        return Path(f"a {type(entry.real).__name__}") if node is None else node.trail()


BUILT_IN = (types.BuiltinFunctionType, types.MethodWrapperType)
"""Types of methods of Python's own objects, as `[].append`."""

_SILENT = ("__self__", "__func__", "fun", "func", "data", "maps")
"""Parts that a person does not write."""

MOST_COMPARED = 1_000_000
"""Up to how many elements an outside array is compared with a copy after a trace."""


def _is_user_module(value: Any) -> bool:
    return isinstance(value, types.ModuleType) and not is_library_module(value)
