"""Writing: what a frame holds at its end becomes effects and recipes.

A trace ends with results and with effects: attributes, containers and cells that have new values.
Each value gets one recipe, found by its identity; what would keep a traced value is refused.
"""

from __future__ import annotations

import copy
import functools
import types
import weakref
from typing import Any, NoReturn

import jax
import numpy as np

from ..errors import EscapeError, ForeignObjectError
from .base import Base
from .cells import ATTRIBUTES as CELL
from .cells import Cell
from .codes import closure_of, codes_in, content_of
from .containers import Container, kind_of
from .frames import Frame, raw_get, raw_names
from .ground import BUILT_IN, VALUES
from .hidden import is_in_one_piece
from .nodes import Wrapper
from .numbers import Number
from .places import is_library_class
from .positions import remembers_traced
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
from .slots import (
    BY_IDENTITY,
    MISSING,
    UNGUARDABLE,
    Slot,
    is_library_type,
    is_plain,
    is_text_of_tracer,
    is_tracer,
)
from .statics import ATOMS, HOLDING, plain_in, traced_in
from .windows import Window


class Writer:
    """Turns what a frame holds at its end into recipes.

    Args:
        frame: the frame; it must be open.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.outs: list[Any] = []
        self.of_outs: list[Out] = []
        self.memo: dict[int, tuple[Any, Any]] = {}
        self.settled: dict[int, tuple[Window, NewObject]] = {}  # id of an array -> its one view
        self._codes: set[types.CodeType] | None = None

    def effects(self) -> list[SetAttr | Refill]:
        """Returns what the frame changes beneath itself."""
        found: list[SetAttr | Refill] = []
        for state in list(self.frame.states.values()):
            if state.created:
                continue
            for name in state.written:
                value = state.attrs[name]
                before = state.found.get(name, Writer)
                if before is Writer and (value is MISSING or name in state.moved):
                    before = self.frame.beneath.lookup(state.holder, name)
                if name in state.moved and before is not MISSING:
                    found.append(SetAttr(state.holder, name, MISSING))
                    before = MISSING
                if before is Writer or value is not self.frame.hand_out(before):
                    what = MISSING if value is MISSING else self.recipe(value, name, state.holder)
                    found.append(SetAttr(state.holder, name, what))
        for container, now, handed in list(self.frame.copies.values()):
            aux, children = container.kind.take_apart(now)
            same = len(handed) == len(children) and aux == container.aux
            if same and all(a is b for a, b in zip(handed, children, strict=True)):
                continue
            if not container.kind.mutable:
                if same and _same_leaves(handed, children):
                    continue  # a class that keeps no identity of its parts, as `Partial`
                raise ForeignObjectError(
                    f"{self.frame.ground.path_of_entry(container)} was changed in place inside.",
                    do="make a new one and assign it: its class says that it is immutable.",
                )
            aux = self._kept(aux, "...", container)
            recipes = [self.recipe(c, str(i), container) for i, c in enumerate(children)]
            changed = [i for i, c in enumerate(children) if not same or c is not handed[i]]
            self.frame.refilled[id(container)] = set(changed)
            found.append(Refill(container, aux, recipes))
        return found

    def recipe(self, value: Any, name: str = "result", holder: Any = None) -> Any:
        """Returns the recipe of one value.

        Args:
            value: what the user's code left behind.
            name: what the value is called in an error.
            holder: what holds it.

        Raises:
            EscapeError: if the value would keep something traced beyond the trace.
        """
        if id(value) not in self.memo:
            if type(value) is str and is_text_of_tracer(value):
                self._refuse("the text of a traced value", name, holder)
            found = self._simple(value)
            if found is None:
                found = self._made_inside(value, name, holder)
            elif isinstance(value, HOLDING):
                self._kept(value, name, holder)
            self.memo[id(value)] = (value, found)
        return self.memo[id(value)][1]

    def _simple(self, value: Any) -> Any:
        frame = self.frame
        if type(value) is Number:
            return Computed(value)
        if isinstance(value, jax.Array):
            slot = frame.origins.get(id(value))
            if slot is not None and slot.number is None:
                return Input(slot)
            if not is_tracer(value):
                return Constant(value)
            self.outs.append(value)
            number = frame.numeric.get(id(value))
            self.of_outs.append(Out(len(self.outs) - 1, number and number[1]))
            return self.of_outs[-1]
        if id(value) in frame.copied_from:
            return Existing(frame.copied_from[id(value)])
        if type(value) is Slot:
            return Input(value)
        if type(value) is Container:
            return Existing(value)
        if isinstance(value, BUILT_IN) and not is_in_one_piece(value):
            return None
        if isinstance(value, type) and not is_library_class(value):
            return None if remembers_traced(dict(vars(value))) else Constant(value)
        if type(value) is slice and not all(type(part) in ATOMS for part in of_slice(value)):
            return None
        if is_plain(value) or isinstance(value, (*VALUES, *BY_IDENTITY)):
            return Constant(value)
        state = frame.states.get(id(value))
        if frame.ground.is_holder(value) and (state is None or not state.created):
            if id(value) not in frame.ground.stand_ins and not frame.has_made(value):
                frame.ground.holder_node(value)
            return Existing(value)
        known = frame.ground.by_id.get(id(value))
        if known is not None and known[0].value is value:
            return Existing(value)
        return None

    def _made_inside(self, value: Any, name: str, holder: Any) -> Any:
        if isinstance(value, Cell) and hasattr(value, "to_numpy_at_commit"):
            held = value.held()
            if type(held) is Window and not held.operands:
                return NewCall(held.way.of_numpy, [self.recipe(held.cell, name, holder)])
            content = self.recipe(value.value, name, holder)
            return NewNumpy(content, value.to_numpy_at_commit, value)
        if isinstance(value, (Base, Cell)):
            return self._new_object(value, name)
        if isinstance(value, np.ndarray):
            return NewCopy(value.copy())
        if type(value) is slice:
            return NewCall(slice, [self.recipe(p, name, holder) for p in of_slice(value)])
        if isinstance(value, types.MethodType):
            parts = [self.recipe(p, name, holder) for p in (value.__func__, value.__self__)]
            return NewCall(types.MethodType, parts)
        if type(value) is functools.partial:
            parts = [self.recipe(p, name, holder) for p in (value.func, value.args, value.keywords)]
            return NewCall(make_partial, parts)
        if isinstance(value, weakref.ReferenceType) and value() is not None:
            return NewCall(type(value), [self.recipe(value(), name, holder)])
        if isinstance(value, types.FunctionType) and value.__code__ in self._codes_inside():
            return self._function(value, name, holder)
        if isinstance(value, types.CellType):
            return self._cell(value, name, holder)
        if isinstance(value, (types.FunctionType, Wrapper, functools.partial)):
            self._check_function(value, name, holder, set())
            return Constant(value)
        kind = None if isinstance(value, UNGUARDABLE) else kind_of(value)
        if kind is not None:
            aux, children = kind.take_apart(value)
            aux = self._kept(aux, name, holder)
            new = NewContainer(kind, type(value), aux, [])
            self.memo[id(value)] = (value, new)  # before the children: there may be cycles
            new.children.extend(
                self.recipe(c, f"{name}[{i}]", holder) for i, c in enumerate(children)
            )
            return new
        return self._foreign(value, name, holder)

    def _codes_inside(self) -> set[types.CodeType]:
        """Returns the codes of the functions that the user's functions make when they run."""
        if self._codes is None:
            functions = [n.value for n in self.frame.ground.nodes]
            codes = [f.__code__ for f in functions if isinstance(f, types.FunctionType)]
            self._codes = {inner for code in codes for inner in codes_in(code)}
        return self._codes

    def _function(self, fun: types.FunctionType, name: str, holder: Any) -> NewCall:
        """Returns the recipe of a function made inside, with its closure."""
        text = fun.__name__, fun.__qualname__, fun.__doc__, fun.__module__
        parts = [Constant(part) for part in (fun.__code__, fun.__globals__, text)]
        new = NewCall(make_function, parts)
        self.memo[id(fun)] = (fun, new)  # before its cells: it may refer to itself
        content = [fun.__defaults__, fun.__kwdefaults__, fun.__dict__ or None]
        parts += [self.recipe(part, name, holder) for part in (*content, *(fun.__closure__ or ()))]
        return new

    def _cell(self, cell: types.CellType, name: str, holder: Any) -> NewCell | NewCall:
        """Returns the recipe of a cell of a closure: made inside, or that of an outer function."""
        for node in self.frame.ground.nodes:
            closure = getattr(node.value, "__closure__", None) or ()
            for i, outer in enumerate(closure if type(node.value) is types.FunctionType else ()):
                if outer is cell:
                    return NewCall(cell_of, [self.recipe(node.value, name, holder), Constant(i)])
        new = NewCell(MISSING)
        self.memo[id(cell)] = (cell, new)
        content = content_of(cell)
        if content is not MISSING:
            new.content = self.recipe(content, name, holder)
        return new

    def _new_object(self, value: Any, name: str) -> NewObject:
        new = NewObject(type(value), {}, value)
        self.memo[id(value)] = (value, new)
        if id(value) in self.settled:
            self._unsettle(value)
        if isinstance(value, Cell):
            names = tuple(n for n in CELL if self.frame.lookup(value, n) is not MISSING)
        else:
            names = self.frame.names(value)
        for attr in names:
            content = self.frame.read(value, attr)
            if type(content) is Window:
                new.attrs[attr] = self._window(content, new)
            else:
                new.attrs[attr] = self.recipe(content, attr, value)
        return new

    def _window(self, window: Window, view: NewObject) -> Any:
        """Returns the recipe of what a view holds; see `Cell.settle`."""
        state = self.frame.states.get(id(window.cell))
        if state is None or not state.created or id(window.cell) in self.memo:
            return self.recipe(window)
        if id(window.cell) in self.settled:  # there are two views: so it has to be
            self.recipe(window.cell)
            return self.recipe(window)
        self.settled[id(window.cell)] = (window, view)
        return self.recipe(window.read())

    def _unsettle(self, cell: Cell) -> None:
        """Lets the view be a view after all: what it is a view of is held by somebody."""
        window, view = self.settled.pop(id(cell))
        view.attrs["_value"] = self.recipe(window)

    def _check_function(self, fun: Any, name: str, holder: Any, seen: set[int]) -> None:
        """Refuses a function that keeps traced values alive."""
        if id(fun) in seen:
            return
        seen.add(id(fun))
        if isinstance(fun, Wrapper):
            held: list[Any] = [fun.fun]
        elif isinstance(fun, functools.partial):
            held = [fun.func, *fun.args, *fun.keywords.values()]
        else:
            cells = [content for content in closure_of(fun) if content is not MISSING]
            held = [*cells, *(fun.__defaults__ or ())]
        for value in held:
            if isinstance(value, (types.FunctionType, Wrapper, functools.partial)):
                self._check_function(value, name, holder, seen)
            elif not isinstance(self._simple_or_none(value), (Constant, Existing)):
                self._refuse(
                    f"a function over the traced value {type(value).__name__}", name, holder
                )

    def _simple_or_none(self, value: Any) -> Any:
        if is_tracer(value) or type(value) is Number:
            return None
        return self._simple(value)

    def _foreign(self, value: Any, name: str, holder: Any) -> Any:
        if isinstance(value, UNGUARDABLE):
            self._refuse(f"a {type(value).__name__}", name, holder)
        cls: Any = type(value)
        if is_library_type(cls) or type(value) is object:
            return Constant(value)
        for attr in raw_names(value):
            content = raw_get(value, attr)
            if not (is_plain(content) or isinstance(content, (*VALUES, *BY_IDENTITY))):
                self._refuse(
                    f"a {type(value).__name__} that holds a {type(content).__name__} in .{attr}",
                    name,
                    holder,
                )
        if isinstance(value, type) or remembers_traced(value):
            self._refuse(f"a {type(value).__name__} that holds a traced value", name, holder)
        if isinstance(value, BUILT_IN):
            return Constant(value)
        try:
            return NewCopy(copy.copy(value))
        except TypeError:
            self._refuse(f"a {cls.__name__}", name, holder)

    def _kept(self, part: Any, name: str, holder: Any) -> Any:
        """Returns what is kept without a recipe, and refuses something of the trace in it."""
        part = plain_in(part)
        what = traced_in(part, self.frame)
        if what:
            self._refuse(f"{what} in a key or another static part", name, holder)
        return part

    def _refuse(self, what: str, name: str, holder: Any) -> NoReturn:
        ground = self.frame.ground
        path = (
            name
            if holder is None
            else (
                ground.path_of_entry(holder) + f"[{name}]"
                if type(holder) is Container
                else ground.path_of(holder, name)
            )
        )
        raise EscapeError(
            f"{path} would keep {what}, made inside, after the trace has ended.",
            where=ground.where(),
            do="return arrays, containers of them, or objects of classes decorated with "
            "@statejit.model.",
        )


def _same_leaves(handed: list[Any], now: list[Any]) -> bool:
    """Says whether two lists of children have the same leaves, though other containers."""
    before: Any = jax.tree.structure(handed)
    left, right = jax.tree.leaves(handed), jax.tree.leaves(now)
    return bool(before == jax.tree.structure(now)) and all(
        a is b for a, b in zip(left, right, strict=True)
    )


def of_slice(value: slice) -> tuple[Any, Any, Any]:
    """Returns the parts of a slice."""
    return value.start, value.stop, value.step


def make_function(
    code: types.CodeType,
    names: dict[str, Any],
    text: tuple[Any, ...],
    defaults: Any,
    kwdefaults: Any,
    attributes: Any,
    *cells: Any,
) -> types.FunctionType:
    """Returns a new function, as `def` and `lambda` do."""
    new = types.FunctionType(code, names, text[0], defaults, cells)
    new.__qualname__, new.__doc__, new.__module__ = text[1:]
    new.__kwdefaults__ = kwdefaults
    new.__dict__.update(attributes or {})
    return new


def make_partial(fun: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Returns a new `functools.partial`."""
    return functools.partial(fun, *args, **keywords)


def cell_of(fun: types.FunctionType, index: int) -> Any:
    """Returns a cell of the closure of a function."""
    return (fun.__closure__ or ())[index]
