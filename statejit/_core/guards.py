"""The guards of a plan as straight-line Python: each node is fetched, and tested.

A plan fits a call if everything that its trace has found is there again: the same structure, the
same Python values, the same pattern of identities. What is fetched on the way are the inputs.
"""

from __future__ import annotations

import sys
import types
import weakref
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .base import Base
from .cells import Cell
from .codes import cell_contents
from .donation import COUNTS, ONE_HOLDER
from .frames import raw_dict, raw_get, raw_names, slot_descriptor, slot_names
from .ground import Ground
from .nodes import Node
from .outside import alike, shape
from .packing import Packing
from .pictures import OfArray
from .slots import MISSING, same_plain
from .source import Source, own_dict
from .windows import Due

PLACES = {
    "fun": "fun",
    "args": "args",
    "kwargs": "kwargs",
    "target": "targets[{key}]",
    "child": "c{of}[{key}]",
    "cell": "{parent}.__closure__[{key}].cell_contents",
    "default": "{parent}.__defaults__[{key}]",
    "kwdefault": "{parent}.__kwdefaults__[{key!r}]",
    "pyattr": "{parent}.{key}",
    "globals": "{parent}.__globals__",
}
"""How a node is fetched, where that needs no constants."""

TESTS = {
    **dict.fromkeys(("array", "argument", "number", "type"), "type({v}) is {k}"),
    "same": "{v} is v{expect.index}",
    "is": "{v} is {k}",
    "static": "{v} is {k} or type({v}) is {cls} and {v} == {k}",
    "alike": "{v} is {k} or {alike}({v}, {k})",
    # By text, too: Decimal('1.5') == Decimal('1.50').
    "equal": "{v} is {k} or type({v}) is {cls} and {v} == {k} and repr({v}) == {text}",
    "method": "type({v}) is {cls} and {v}.__name__ == {expect.__name__!r}",
    "content": "type({v}) is {cls} and {same}({v})",
    "missing": "{v} is {MISSING}",
    "not keeping": "not {keeps}({v})",
    "lacks": "{v}.keys().isdisjoint({k})",
    "length": "len({v}) == {expect}",
}
"""How a node is tested, where that needs only what is expected."""

NAMED: dict[str, Callable[[Any], Any]] = {
    "k": lambda expect: expect,
    "cls": type,
    "text": repr,
    "same": lambda expect: OfArray(expect).holds,
    "alike": lambda expect: alike,
    "MISSING": lambda expect: MISSING,
    "keeps": lambda expect: _keeps,
}
"""The constants that these tests name, made of what is expected."""

USED = {test: [name for name in NAMED if f"{{{name}}}" in text] for test, text in TESTS.items()}
"""Which of them each test names: nothing else becomes a constant."""


class Guards:
    """Emits the walk over the nodes: each is fetched, and tested.

    Args:
        source: the text.
        ground: the nodes.
        packing: which of them may lie in pages.
    """

    def __init__(self, source: Source, ground: Ground, packing: Packing) -> None:
        self.source, self.ground, self.packing = source, ground, packing
        self.shared = _held_elsewhere(ground.nodes)

    def emit(self) -> None:
        """Emits all nodes in the order in which they were found, then the numbers."""
        packing = self.packing
        nodes = [n for n in self.ground.nodes if n.test != "free" and n.index not in packing.values]
        of_cells = [n for n in nodes if n.parent is not None and n.parent.index in packing.cells]
        for node in nodes:
            if node.parent is None or node.parent.index not in packing.cells:
                self._node(node)
        distinct = [node for node in self.ground.nodes if self._is_distinct(node)]
        away = packing.values | packing.cells.keys()
        self._distinct([node for node in distinct if node.index not in away])
        self._numbers()
        if packing.leaves:
            before, self.source.lines = self.source.lines, []
            flags, self.source.flags = self.source.flags, {}  # what these say is not always said
            for node in of_cells:
                self._node(node)
            self._distinct(distinct)
            rest, self.source.lines, self.source.flags = self.source.lines, before, flags
            packing.find(self.source, rest)

    def _is_distinct(self, node: Node) -> bool:
        known = self.ground.by_id.get(id(node.value))
        if node.test == "free" or known is None or known[0] is not node:
            return False
        return _has_identity(node)

    def _distinct(self, nodes: list[Node]) -> None:
        """Emits that values are not the same objects.

        Most are held by one place each, and what is held once lies in no other place: to count
        references takes half the time of comparing identities, which is for where one is held
        elsewhere, as the arguments of a call are.
        """
        for same_type in _by_type(nodes):
            alone = [node for node in same_type if node.index not in self.shared]
            if len(same_type) < 3 or not alone or not COUNTS:
                self._apart(same_type)
                continue
            self._apart([node for node in same_type if node.index in self.shared])
            count, flag = self.source.constant(sys.getrefcount), f"s{alone[0].index}"
            held = " or ".join(f"{count}(v{node.index}) > {ONE_HOLDER}" for node in alone)
            self.source.line(f"{flag} = False")
            self.source.line(f"if {held}:")
            self.source.line(f"    {flag} = True")
            self._apart(same_type, "    ")
            self.source.flags.update((node.index, flag) for node in alone)

    def _apart(self, nodes: list[Node], indent: str = "") -> None:
        """Emits that values are not the same objects, by their identities."""
        if len(nodes) == 2:
            self.source.require(f"v{nodes[0].index} is not v{nodes[1].index}", indent)
        elif len(nodes) > 2:
            ids = ", ".join(f"id(v{node.index})" for node in nodes)
            self.source.require(f"len({{{ids}}}) == {len(nodes)}", indent)

    def _node(self, node: Node) -> None:
        self.source.line(f"v{node.index} = {self._access(node)}")
        condition = self._test(node, f"v{node.index}")
        if condition:
            self.source.require(condition)

    def _access(self, node: Node) -> str:
        parent = f"v{node.parent.index}" if node.parent is not None else ""
        key, constant = node.key, self.source.constant
        match node.access:
            case "cell" if node.test == "missing":
                return f"{constant(cell_contents)}({parent}, {key})"
            case access if access in PLACES:
                of = parent.removeprefix("v")
                return PLACES[access].format(parent=parent, key=key, of=of)
            case "attr" | "slot" | "static":
                return self._of_instance(node, parent)
            case "item" | "key":
                return self._entry(node, parent)
            case "names":
                return self._names(node.parent)
            case "class":
                return f"{constant(vars(key[0]))}.get({key[1]!r}, {constant(MISSING)})"
            case "pinned":
                return f"{constant(weakref.ref(key))}()"
            case "ran":  # it may be one that was made inside, by `exec`: nobody else holds that
                return constant(key)
            case "global":
                return f"{parent}.__globals__.get({key!r}, {constant(MISSING)})"
            case "hidden":
                return f"{constant(key)}({parent})"
            case "module":
                return f"{constant(sys.modules)}.get({key!r})"
            case "mro":
                return f"{constant(key)}.__mro__"
            case "entries":
                return constant(vars(key))
        raise AssertionError(node.access)

    def _of_instance(self, node: Node, parent: str) -> str:
        """Returns the access to an attribute, in a dictionary or in `__slots__`."""
        cls, key, constant = type(node.parent.value), node.key, self.source.constant
        in_slot = node.access == "slot"
        if in_slot and node.test == "missing" and issubclass(cls, Cell):
            return f"({constant(getattr)}({parent}, {key!r}, None) or {constant(MISSING)})"
        if node.test == "not keeping" or (node.test == "missing" and in_slot):
            return f"{constant(raw_get)}({parent}, {key!r})"
        if in_slot and key == "_value" and issubclass(cls, Cell):
            held = f"{parent}._value"
            return f"({held} if {held}.__class__ is not {constant(Due)} else {parent}.do())"
        descriptor = None if node.access == "attr" else slot_descriptor(cls, key)
        if descriptor is not None:
            return f"{constant(descriptor)}.__get__({parent})"
        return self._attribute(node, parent)

    def _entry(self, node: Node, parent: str) -> str:
        """Returns the access to an entry of a list, tuple or dict, past overridden look-ups."""
        cls: Any = type(node.parent.value)
        key = self._key(node.key) if node.access == "key" else node.key
        if cls in (list, tuple, dict):
            return f"{parent}[{key}]"
        base = next(base for base in (list, tuple, dict) if issubclass(cls, base))
        return f"{self.source.constant(base.__getitem__)}({parent}, {key})"

    def _key(self, key: Any) -> str:
        return repr(key) if type(key) in (str, int, bool) else self.source.constant(key)

    def _attribute(self, node: Node, parent: str) -> str:
        cls, constant = type(node.parent.value), self.source.constant
        if "__dict__" not in dir(cls) or (
            node.test == "missing" and slot_descriptor(cls, node.key) is not None
        ):
            return f"{constant(raw_get)}({parent}, {node.key!r})"
        own = self._own_dict(node.parent)
        if node.test == "missing":
            return f"{own}.get({node.key!r}, {constant(MISSING)})"
        return f"{own}[{node.key!r}]"

    def _own_dict(self, node: Node) -> str:
        """Returns the name of the dictionary of an instance, which is fetched once."""
        index = node.index
        if index not in self.source.dicts:
            self.source.dicts.add(index)
            fetched = own_dict(self.source, type(node.value), f"v{index}")
            self.source.line(f"d{index} = {fetched}")
        return f"d{index}"

    def _names(self, node: Node) -> str:
        """Returns an expression that yields the names of all attributes of an instance."""
        if slot_names(type(node.value)) or raw_dict(node.value) is None:
            return f"{self.source.constant(raw_names)}(v{node.index})"
        return self._own_dict(node)

    def _test(self, node: Node, v: str) -> str:
        constant, expect = self.source.constant, node.expect
        match node.test:
            case test if test in TESTS:
                used = {name: constant(NAMED[name](expect)) for name in USED[test]}
                return TESTS[test].format(v=v, expect=expect, **used)
            case "plain" if node.access == "names":
                return f"tuple({v}) == {constant(expect)}"
            case "plain":
                return self._plain(v, expect)
            case "cached":
                return f"{v} is {constant(expect)} and {v}.cache_info().misses >= {_misses(expect)}"
            case "entries" if node.access == "entries":
                return self._entries_of_class(node, v)
            case "entries":
                return self._entries(v, expect)
            case "numpy":
                return (
                    f"type({v}) is {constant(type(node.value))} and {v}.dtype == "
                    f"{constant(expect[0])} and {v}.flags.writeable is {expect[1]}"
                )
            case "function":
                return self._function(node, v)
            case "foreign":
                self.source.require(f"type({v}) is {constant(expect[0])}")
                return f"tuple({self._names(node)}) == {constant(expect[1])}"
            case "loaded":
                return self._loaded(node, v)
            case "names":
                return f"tuple({v}) == {constant(expect)}" if expect else f"not {v}"
        return self._container(node, v)

    def _entries(self, v: str, expect: tuple[int, str | None]) -> str:
        """Tests that a dictionary has got no new entry: its length, and the last one."""
        count, last = expect
        return (
            f"len({v}) == {count} and {self.source.constant(next)}(reversed({v}), None) == {last!r}"
        )

    def _entries_of_class(self, node: Node, v: str) -> str:
        """Tests the same of a class, whose keys are a constant: no `reversed` is looked up."""
        count, last = node.expect
        backwards = self.source.constant(vars(node.key).keys().__reversed__)
        return f"len({v}) == {count} and {self.source.constant(next)}({backwards}()) == {last!r}"

    def _loaded(self, node: Node, v: str) -> str:
        cls, names = node.expect
        same = f"type({v}) is {self.source.constant(cls)}"
        own = raw_dict(node.value)
        slots = [name for name in slot_names(cls) if name in self.ground.outside.names]
        if slots:
            found = tuple(name for name in slots if name in names)
            same += f" and {self.source.constant(_filled)}({v}, {slots!r}) == {found!r}"
        if own is None:
            return same
        self.source.require(same)
        return self._entries(self._own_dict(node), shape(own))

    def _plain(self, v: str, expect: Any) -> str:
        k = self.source.constant(expect)
        if expect is None or type(expect) is bool or expect is Ellipsis:
            return f"{v} is {k}"
        if type(expect) in (int, str, bytes, range) or (
            type(expect) is float and expect * 0 == 0 and expect != 0
        ):
            return f"{v} is {k} or type({v}) is {type(expect).__name__} and {v} == {k}"
        return f"{self.source.constant(same_plain)}({v}, {k})"

    def _function(self, node: Node, v: str) -> str:
        if node.access == "class":
            return f"{v} is {self.source.constant(node.value)}"
        code, holder = node.expect if type(node.expect) is tuple else (node.value.__code__, None)
        found = (
            f"type({v}) is {self.source.constant(types.FunctionType)} and "
            f"{v}.__code__ is {self.source.constant(code)}"
        )
        named = tuple(node.value.__kwdefaults__ or ())
        defaults = f" and {_length(node.value.__defaults__, f'{v}.__defaults__')}"
        if named:
            defaults += f" and tuple({v}.__kwdefaults__ or ()) == {named!r}"
        elif code.co_kwonlyargcount:
            defaults += f" and not {v}.__kwdefaults__"
        same = "" if holder is None else f" and {v}.__globals__ is v{holder.index}.__globals__"
        own = node.value.__dict__
        if own or not _ASKING.isdisjoint(self.ground.outside.names):
            same += f" and {self._entries(f'{v}.__dict__', shape(own))}"
        return found + defaults + same

    def _container(self, node: Node, v: str) -> str:
        cls, aux, n = node.expect
        constant = self.source.constant
        of_type = f"type({v}) is {constant(cls)}"
        match node.test:
            case "list" | "tuple":
                return f"{of_type} and len({v}) == {n}"
            case "dict":
                keys, factory = aux
                made = "" if factory is None else f" and {v}.default_factory is {constant(factory)}"
                if all(type(key) is str for key in keys):
                    return f"{of_type} and tuple({v}) == {constant(keys)}{made}"
                return f"{of_type} and {constant(_same_keys)}(tuple({v}), {constant(keys)}){made}"
            case "set":
                return f"{of_type} and {constant(_same_keys)}({v}, {constant(aux)})"
        take = constant(_kind_named(node).take_apart)
        self.source.require(of_type)
        self.source.line(f"a{node.index}, c{node.index} = {take}({v})")
        return f"a{node.index} == {constant(aux)} and len(c{node.index}) == {n}"

    def _numbers(self) -> None:
        """Emits the tape: numbers are computed again, and those that steered Python are tested."""
        tape, constant = self.ground.tape, self.source.constant
        for i, step in enumerate(tape.steps):
            if step.node is not None:
                value = f"v{step.node.index}"
            elif step.fun is not None:
                value = f"{constant(step.fun)}({', '.join(f't{k}' for k in step.operands)})"
            else:
                value = constant(step.constant)
            self.source.line(f"t{i} = {value}")
            if i in tape.guards:
                self.source.require(self._plain(f"t{i}", tape.guards[i]))


def _held_elsewhere(nodes: list[Node]) -> set[int]:
    """Returns the indices of nodes whose values are held elsewhere: arguments, those met twice."""
    twins = {node.expect.index for node in nodes if node.test == "same"}
    arguments: set[int] = set()
    for node in nodes:  # parents come first
        given = node.access in ("args", "kwargs")
        within = node.parent is not None and node.parent.index in arguments
        if given or (within and not isinstance(node.parent.value, Base)):
            arguments.add(node.index)
    return twins | arguments


def _has_identity(node: Node) -> bool:
    """Says whether it matters that a value is not the same object as another one."""
    return isinstance(node.value, (Base, Cell, jax.Array, np.ndarray)) or (
        node.test in ("list", "dict", "deque", "set", "dataclass")
    )


_OF_TYPE = frozenset(
    {"type", "array", "argument", "numpy", "list", "dict", "deque", "set", "dataclass"}
)
"""Tests that hold for values of one type only."""


def _by_type(nodes: list[Node]) -> list[list[Node]]:
    """Returns groups of nodes; values of different groups can not be the same object."""
    if not all(node.test in _OF_TYPE for node in nodes):
        return [nodes]
    groups: dict[type, list[Node]] = {}
    for node in nodes:
        groups.setdefault(type(node.value), []).append(node)
    return list(groups.values())


_ASKING = frozenset({"hasattr", "getattr", "setattr", "__dict__", "vars"})
"""Names by which code asks whether a function has an attribute."""


def _filled(value: Any, slots: list[str]) -> tuple[str, ...]:
    """Returns which of the names in `__slots__` an object has."""
    return tuple(name for name in slots if raw_get(value, name) is not MISSING)


def _misses(cached: Any) -> int:
    return int(cached.cache_info().misses)


def _length(defaults: Any, found: str) -> str:
    return f"len({found} or ()) == {len(defaults)}" if defaults else f"not {found}"


def _keeps(value: Any) -> bool:
    return isinstance(value, Cell) and value.keeps


def _same_keys(left: Any, right: Any) -> bool:
    """Compares keys of dicts or elements of sets by type and value; those of dicts in order."""
    if left != right:
        return False
    if isinstance(right, tuple):
        return all(type(a) is type(b) for a, b in zip(left, right, strict=True))
    types_left = {(type(element), element) for element in left}
    return types_left == {(type(element), element) for element in right}


def _kind_named(node: Node) -> Any:
    from .containers import kind_of

    return kind_of(node.value)
