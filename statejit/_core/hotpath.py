"""The hot path: guards, gathering, the call and the commit of one plan as straight-line Python.

The text is made from a trace's own nodes and recipes, the way `dataclasses` makes its methods:
walking the same objects by an interpreter would cost ten times as much. Everything is built before
anything is stored, so that a call that fails on the way changes nothing.
"""

from __future__ import annotations

import copy
import sys
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import RawTransformError
from .base import Base
from .cells import Cell
from .containers import DICT, LIST, TUPLE, Container
from .discovery import Traced
from .frames import raw_dict, raw_get, raw_names, slot_descriptor, slot_names
from .ground import Ground, Node
from .outside import alike, cell_contents, shape
from .pictures import OfArray
from .recipes import (
    Computed,
    Constant,
    Existing,
    Input,
    NewCall,
    NewCell,
    NewContainer,
    NewCopy,
    NewNumpy,
    NewObject,
    Out,
    Refill,
    SetAttr,
)
from .slots import MISSING, same_plain, under_plain_jax

MISS = object()
"""What a hot path returns when its plan does not fit the call."""


class Retrace(Exception):
    """Says that JAX wanted to trace a program for the second time: the plan does not fit."""


class Source:
    """Python text in the making, with the constants that it refers to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.space: dict[str, Any] = {}
        self.dicts: set[int] = set()  # nodes whose `__dict__` the text has fetched
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

    def require(self, condition: str) -> None:
        """Appends a guard."""
        self.lines.append(f"if not ({condition}): return {self.constant(MISS)}")


def generate(traced: Traced, ground: Ground) -> Callable[..., Any]:
    """Returns `dispatch(fun, args, kwargs, program)`: what `fun(*args, **kwargs)` does, or `MISS`.

    Args:
        traced: what one run of the function did.
        ground: the nodes of that run.
    """
    source = Source()
    miss = source.constant(MISS)
    Guards(source, ground).emit()
    guards, source.lines = source.lines, []
    Commit(source, traced, ground).emit()
    text = [
        "def dispatch(fun, args, kwargs, program, targets=()):",
        "    try:",
        *(f"        {line}" for line in guards or ["pass"]),
        f"    except {source.constant(Exception)}:",
        f"        return {miss}",
        *(f"    {line}" for line in source.lines),
    ]
    exec(compile("\n".join(text), "<statejit hot path>", "exec"), source.space)
    dispatch = source.space["dispatch"]
    dispatch.__text__ = "\n".join(text)  # for those who want to see it
    return dispatch


class Guards:
    """Emits the walk over the nodes: each is fetched, and tested."""

    def __init__(self, source: Source, ground: Ground) -> None:
        self.source, self.ground = source, ground

    def emit(self) -> None:
        """Emits all nodes in the order in which they were found, then the numbers."""
        distinct: list[Node] = []
        for node in self.ground.nodes:
            if node.test == "free":
                continue
            self._node(node)
            known = self.ground.by_id.get(id(node.value))
            if known is not None and known[0] is node and _has_identity(node):
                distinct.append(node)
        if len(distinct) > 1:
            ids = ", ".join(f"id(v{node.index})" for node in distinct)
            self.source.require(f"len({{{ids}}}) == {len(distinct)}")
        self._numbers()

    def _node(self, node: Node) -> None:
        self.source.line(f"v{node.index} = {self._access(node)}")
        condition = self._test(node, f"v{node.index}")
        if condition:
            self.source.require(condition)

    def _access(self, node: Node) -> str:
        parent = f"v{node.parent.index}" if node.parent is not None else ""
        key, constant = node.key, self.source.constant
        match node.access:
            case "fun" | "args" | "kwargs":
                return node.access
            case "attr" | "slot" if node.test in ("not keeping", "missing") and (
                node.test != "missing" or node.access == "slot"
            ):
                return f"{constant(raw_get)}({parent}, {key!r})"
            case "attr":
                return self._attribute(node, parent)
            case "slot":
                return (
                    f"{constant(slot_descriptor(type(node.parent.value), key))}.__get__({parent})"
                )
            case "target":
                return f"targets[{key}]"
            case "names":
                return f"{constant(raw_names)}({parent})"
            case "item":
                cls: Any = type(node.parent.value)
                plain = cls in (list, tuple)
                getter = constant(list.__getitem__ if issubclass(cls, list) else tuple.__getitem__)
                return f"{parent}[{key}]" if plain else f"{getter}({parent}, {key})"
            case "key":
                plain = type(node.parent.value) is dict
                return (
                    f"{parent}[{self._key(key)}]"
                    if plain
                    else f"{constant(dict.__getitem__)}({parent}, {self._key(key)})"
                )
            case "child":
                return f"c{node.parent.index}[{key}]"
            case "class":
                return f"{constant(vars(key[0]))}.get({key[1]!r}, {constant(MISSING)})"
            case "pinned":
                import weakref

                return f"{constant(weakref.ref(key))}()"
            case "global":
                return f"{parent}.__globals__.get({key!r}, {constant(MISSING)})"
            case "cell" if node.test == "missing":
                return f"{constant(cell_contents)}({parent}, {key})"
            case "cell":
                return f"{parent}.__closure__[{key}].cell_contents"
            case "default":
                return f"{parent}.__defaults__[{key}]"
            case "kwdefault":
                return f"{parent}.__kwdefaults__[{key!r}]"
            case "pyattr":
                return f"{parent}.{key}"
            case "static" if slot_descriptor(type(node.parent.value), key) is not None:
                return (
                    f"{constant(slot_descriptor(type(node.parent.value), key))}.__get__({parent})"
                )
            case "static":
                return self._attribute(node, parent)
            case "view":
                return f"{constant(key)}({parent})"
            case "globals":
                return f"{parent}.__globals__"
            case "module":
                return f"{constant(sys.modules)}.get({key!r})"
            case "mro":
                return f"{constant(key)}.__mro__"
            case "entries":
                return constant(vars(key))
        raise AssertionError(node.access)

    def _key(self, key: Any) -> str:
        return repr(key) if type(key) in (str, int, bool) else self.source.constant(key)

    def _attribute(self, node: Node, parent: str) -> str:
        cls, constant = type(node.parent.value), self.source.constant
        if "__dict__" not in dir(cls) or (
            node.test == "missing" and slot_descriptor(cls, node.key) is not None
        ):
            return f"{constant(raw_get)}({parent}, {node.key!r})"
        index = node.parent.index
        if index not in self.source.dicts:
            self.source.dicts.add(index)
            self.source.line(f"d{index} = {_own_dict(self.source, cls, parent)}")
        if node.test == "missing":
            return f"d{index}.get({node.key!r}, {constant(MISSING)})"
        return f"d{index}[{node.key!r}]"

    def _test(self, node: Node, v: str) -> str:
        constant, expect = self.source.constant, node.expect
        match node.test:
            case "missing":
                return f"{v} is {constant(MISSING)}"
            case "same":
                return f"{v} is v{expect.index}"
            case "array" | "argument" | "number" | "type":
                return f"type({v}) is {constant(expect)}"
            case "plain":
                return self._plain(v, expect)
            case "is":
                return f"{v} is {constant(expect)}"
            case "alike":
                k = constant(expect)
                return f"{v} is {k} or {constant(alike)}({v}, {k})"
            case "static":
                k = constant(expect)
                return f"{v} is {k} or type({v}) is {constant(type(expect))} and {v} == {k}"
            case "equal":  # by text, too: Decimal('1.5') == Decimal('1.50')
                k = constant(expect)
                return (
                    f"{v} is {k} or type({v}) is {constant(type(expect))} and {v} == {k} "
                    f"and repr({v}) == {repr(expect)!r}"
                )
            case "content":
                same = constant(OfArray(expect).holds)
                return f"type({v}) is {constant(type(expect))} and {same}({v})"
            case "method":
                return (
                    f"type({v}) is {constant(type(expect))} and {v}.__name__ == {expect.__name__!r}"
                )
            case "lacks":
                return f"{v}.keys().isdisjoint({constant(expect)})"
            case "cached":
                return f"{v} is {constant(expect)} and {v}.cache_info().misses >= {_misses(expect)}"
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
                return (
                    f"type({v}) is {constant(expect[0])} and {constant(raw_names)}({v}) == "
                    f"{constant(expect[1])}"
                )
            case "loaded":
                return self._loaded(node, v)
            case "not keeping":
                return f"not {constant(_keeps)}({v})"
            case "length":
                return f"len({v}) == {expect}"
            case "names":
                return f"tuple({v}) == {constant(expect)}" if expect else f"not {v}"
        return self._container(node, v)

    def _entries(self, v: str, expect: tuple[int, str | None]) -> str:
        """Tests that a dictionary has got no new entry: its length, and the last one."""
        count, last = expect
        return (
            f"len({v}) == {count} and {self.source.constant(next)}(reversed({v}), None) == {last!r}"
        )

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
        return f"{same} and {self._entries(_own_dict(self.source, cls, v), shape(own))}"

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
        code, holder = node.expect if type(node.expect) is tuple else (node.value.__code__, node)
        found = (
            f"type({v}) is {self.source.constant(types.FunctionType)} and "
            f"{v}.__code__ is {self.source.constant(code)}"
        )
        named = tuple(node.value.__kwdefaults__ or ())
        defaults = f" and {_length(node.value.__defaults__, f'{v}.__defaults__')}" + (
            f" and tuple({v}.__kwdefaults__ or ()) == {named!r}"
            if named
            else f" and not {v}.__kwdefaults__"
        )
        same = "" if holder is node else f" and {v}.__globals__ is v{holder.index}.__globals__"
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


class Commit:
    """Emits the call of the program, what is built from its results, and the stores."""

    def __init__(self, source: Source, traced: Traced, ground: Ground) -> None:
        self.source, self.traced, self.ground = source, traced, ground
        self.memo: dict[int, str] = {}
        self.open: set[int] = set()
        self.fills: list[str] = []
        self.stores: list[str] = []

    def emit(self) -> None:
        """Emits everything after the guards."""
        inputs = ", ".join(self._input(i) for i in self.traced.inputs)
        line, constant = self.source.line, self.source.constant
        line("try:")
        line(f"    outs = program({inputs})")
        line(f"except {constant(Retrace)}:")
        line(f"    return {constant(MISS)}")
        for effect in self.traced.effects:
            self._effect(effect)
        result = self._build(self.traced.result)
        if self.stores:
            path = constant(self._first_path())
            line(f"if {self._under_plain_jax()}: {constant(_refuse)}({path})")
        for text in (*self.fills, *self.stores):
            line(text)
        line(f"return {result}")

    def _under_plain_jax(self) -> str:
        """Returns an expression for whether a JAX transformation of the user's traces this call."""
        if self.traced.jaxpr.jaxpr.outvars:
            return f"isinstance(outs[0], {self.source.constant(jax.core.Tracer)})"
        return f"{self.source.constant(under_plain_jax)}()"

    def _input(self, slot: Any) -> str:
        return f"t{slot}" if isinstance(slot, int) else f"v{slot.node.index}"

    def _first_path(self) -> str:
        effect = self.traced.effects[0]
        if isinstance(effect, Refill):
            return self.ground.path_of_entry(effect.container)
        return self.ground.path_of(effect.holder, effect.name)

    # Values ------------------------------------------------------------------------------------

    def _build(self, recipe: Any) -> str:
        """Returns an expression for a recipe; emits what has to be made first."""
        if isinstance(recipe, Out):
            return f"outs[{recipe.index}]"
        if isinstance(recipe, Computed):
            return f"t{recipe.number.index}"
        if isinstance(recipe, Constant):
            return self.source.constant(recipe.value)
        if isinstance(recipe, Input):
            return self._held(recipe.slot.node)
        if isinstance(recipe, Existing):
            return self._existing(recipe.entry)
        if id(recipe) not in self.memo:
            self.memo[id(recipe)] = f"r{len(self.memo)}"
            self._make(recipe, self.memo[id(recipe)])
        return self.memo[id(recipe)]

    def _held(self, node: Node) -> str:
        """The array in a slot; JAX must not share the memory of a NumPy array, which may change."""
        return (
            f"v{node.index}"
            if node.test != "numpy"
            else (f"{self.source.constant(jnp.array)}(v{node.index})")
        )

    def _existing(self, entry: Any) -> str:
        if type(entry) is Container:
            return f"v{entry.node.index}"
        stand_in = self.ground.stand_ins.get(id(entry))
        if stand_in is not None:
            return f"v{stand_in[1].node.index}"
        return f"v{self.ground.by_id[id(entry)][0].index}"

    def _make(self, recipe: Any, name: str) -> None:
        line, constant = self.source.line, self.source.constant
        match recipe:
            case NewContainer():
                self._make_container(recipe, name)
            case NewObject():
                line(f"{name} = {constant(object.__new__)}({constant(recipe.cls)})")
                for attr, content in recipe.attrs.items():
                    self.fills.append(self._set(recipe.cls, name, attr, self._build(content)))
            case NewCopy():
                line(f"{name} = {constant(copy.copy)}({constant(recipe.value)})")
            case NewNumpy():
                line(
                    f"{name} = {constant(np.array)}({self._build(recipe.content)}, "
                    f"{constant(recipe.dtype)})"
                )
            case NewCell():
                line(f"{name} = {constant(types.CellType)}()")
                if recipe.content is not MISSING:
                    self.fills.append(f"{name}.cell_contents = {self._build(recipe.content)}")
            case NewCall():
                parts = ", ".join([self._build(part) for part in recipe.parts])
                line(f"{name} = {constant(recipe.make)}({parts})")
            case _:
                raise AssertionError(recipe)

    def _make_container(self, recipe: NewContainer, name: str) -> None:
        line, constant = self.source.line, self.source.constant
        kind, cls = recipe.kind, recipe.cls
        if _is_cyclic(recipe):
            empty = ((), recipe.aux[1]) if kind is DICT else recipe.aux
            line(f"{name} = {constant(kind.build)}({constant(cls)}, {constant(empty)}, [])")
            children = ", ".join([self._build(child) for child in recipe.children])
            self.fills.append(
                f"{constant(kind.store)}({name}, {constant(recipe.aux)}, [{children}])"
            )
            return
        children = ", ".join([self._build(child) for child in recipe.children])
        if kind is LIST and cls is list:
            line(f"{name} = [{children}]")
        elif kind is TUPLE and cls is tuple:
            line(f"{name} = ({children}{',' if children else ''})")
        else:
            build = f"{constant(kind.build)}({constant(cls)}, {constant(recipe.aux)}, [{children}])"
            line(f"{name} = {build}")

    # Effects -----------------------------------------------------------------------------------

    def _effect(self, effect: SetAttr | Refill) -> None:
        constant = self.source.constant
        if isinstance(effect, Refill):
            container = effect.container
            children = ", ".join([self._build(child) for child in effect.children])
            if type(container.real) is list:
                self.stores.append(f"v{container.node.index}[:] = [{children}]")
            else:
                self.stores.append(
                    f"{constant(container.kind.store)}(v{container.node.index}, "
                    f"{constant(effect.aux)}, [{children}])"
                )
            return
        holder = effect.holder
        stand_in = self.ground.stand_ins.get(id(holder))
        value = "" if effect.recipe is MISSING else self._build(effect.recipe)
        if stand_in is not None:
            self.stores.append(
                f"{constant(np.copyto)}(v{stand_in[1].node.index}, "
                f"{constant(np.asarray)}({value}), 'unsafe')"
            )
            return
        name = f"v{self.ground.by_id[id(holder)][0].index}"
        self.stores.append(self._set(type(holder), name, effect.name, value))

    def _set(self, cls: type, name: str, attr: str, value: str) -> str:
        """Returns a store into an instance, past all hooks (or, without a value, a deletion)."""
        descriptor = slot_descriptor(cls, attr)
        constant = self.source.constant
        if issubclass(cls, Cell) and attr == "_value":
            return f"{name}._value = {value}"
        if descriptor is not None:
            method = (
                f"{constant(descriptor)}.__set__"
                if value
                else (f"{constant(descriptor)}.__delete__")
            )
            return f"{method}({name}, {value})" if value else f"{method}({name})"
        index = name.removeprefix("v")
        known = index.isdigit() and int(index) in self.source.dicts
        own = f"d{index}" if known else _own_dict(self.source, cls, name)
        return f"{own}[{attr!r}] = {value}" if value else f"del {own}[{attr!r}]"


def _own_dict(source: Source, cls: type, name: str) -> str:
    """Returns an expression for the dictionary of an instance, past overridden look-ups."""
    if cls.__getattribute__ in (object.__getattribute__, Base.__getattribute__):
        return f"{name}.__dict__"
    return f"{source.constant(object.__getattribute__)}({name}, '__dict__')"


def _has_identity(node: Node) -> bool:
    """Says whether it matters that a value is not the same object as another one."""
    return isinstance(node.value, (Base, Cell, jax.Array, np.ndarray)) or (
        node.test in ("list", "dict", "deque", "set", "dataclass")
    )


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


def _is_cyclic(recipe: NewContainer) -> bool:
    """Says whether a container made inside holds itself."""
    seen: set[int] = set()
    stack: list[Any] = list(recipe.children)
    while stack:
        inner = stack.pop()
        if inner is recipe:
            return True
        if id(inner) in seen:
            continue
        seen.add(id(inner))
        if isinstance(inner, NewContainer):
            stack.extend(inner.children)
        elif isinstance(inner, NewCall):
            stack.extend(inner.parts)
    return False


def _refuse(path: str) -> None:
    raise RawTransformError(
        f"{path} would be written under a JAX transformation that is not lifted.",
        do="use the function of the same name from statejit, which carries state.",
    )
