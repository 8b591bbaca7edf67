"""The hot path: guards, gathering, the call and the commit of one plan as straight-line Python.

The text is made from a trace's own nodes and recipes, the way `dataclasses` makes its methods:
walking the same objects by an interpreter would cost ten times as much. Everything is built before
anything is stored, so that a call that fails on the way changes nothing.
"""

from __future__ import annotations

import copy
import functools
import itertools
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import RawTransformError
from .cells import Cell
from .containers import DICT, LIST, TUPLE, Container
from .discovery import Traced
from .donation import ONE_HOLDER, Donated, copied, output_order
from .frames import slot_descriptor
from .ground import Ground
from .guards import Guards
from .nodes import Node
from .packing import Packing
from .paths import Path
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
from .slots import MISSING, under_plain_jax
from .source import MISS, Source, own_dict


@functools.cache
def concrete() -> type:
    """Returns the class of arrays that are no tracers."""
    with jax.ensure_compile_time_eval():
        return type(jnp.zeros(()))


class Retrace(Exception):
    """Says that JAX wanted to trace a program for the second time: the plan does not fit."""


def generate(
    traced: Traced,
    ground: Ground,
    packing: Packing,
    undonated: Callable[..., Any] | None = None,
    keeps: bool = False,
) -> tuple[Callable[..., Any], list[int], list[int]]:
    """Returns `dispatch(fun, args, kwargs, program)`: what `fun(*args, **kwargs)` does, or `MISS`.

    Args:
        traced: what one run of the function did.
        ground: the nodes of that run.
        packing: which inputs and outputs lie together in pages.
        undonated: the same program, for a call that must be able to repeat it; without it the
            program never reuses the memory of what the call overwrites.
        keeps: whether the arrays of Python numbers may be kept for further calls.

    Returns:
        The function, the indices of the inputs whose memory the program may reuse, and the order
        in which the program is to return its outputs, if another one.
    """
    source = Source()
    miss = source.constant(MISS)
    Guards(source, ground, packing).emit()
    guards, source.lines = source.lines, []
    commit = Commit(source, traced, ground, packing, undonated, keeps)
    commit.emit()
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
    return dispatch, [*range(len(packing.leaves)), *commit.donated], commit.order


class Commit:
    """Emits the call of the program, what is built from its results, and the stores."""

    def __init__(
        self,
        source: Source,
        traced: Traced,
        ground: Ground,
        packing: Packing,
        undonated: Any,
        keeps: bool,
    ) -> None:
        self.source, self.traced, self.ground = source, traced, ground
        self.packing, self.undonated, self.keeps = packing, undonated, keeps
        self.donated = packing.donated
        self.order = self._order()
        self.position = {out: i for i, out in enumerate(self.order)}
        self.kept: set[int] = set()  # nodes whose values are there after the call as they were
        self.memo: dict[int, str] = {}
        self.fills: list[str] = []
        self.stores: list[str] = []

    def _order(self) -> list[int]:
        """Returns the order of the outputs, if another one: pages come first, as they go in."""
        pages = len(self.packing.leaves)
        order = output_order(self.donated, self.packing.count) if self.donated else []
        return [*range(pages), *(i for i in order if i >= pages)] if order else []

    def emit(self) -> None:
        """Emits everything after the guards."""
        before, self.source.lines = self.source.lines, []
        self.stores += self.packing.stores()
        for effect in self.traced.effects:
            if not self.packing.makes(effect):
                self._effect(effect)
        result = self._build(self.traced.result)
        body = self.source.lines
        self.source.lines = before
        body += [*self.fills, *self.stores]
        refusal = f"if {self._under_plain_jax()}: {self._refusal()}" if self.stores else ""
        self.donated = {i: d for i, d in self.donated.items() if self.kept.isdisjoint(d.indices)}
        self._call()
        self._finish(refusal, body, result)

    def _call(self) -> None:
        """Emits the call of the program.

        What the program consumes is lost unless its results are stored: there is no point between
        its end and the assignment of `outs` at which Python would handle a signal.
        """
        line, constant = self.source.line, self.source.constant
        gives = bool(self.donated or self.packing.leaves)
        if self.packing.leaves:
            self.packing.gather(self.source)
        if self.keeps:
            self._keep_numbers()
        inputs = ", ".join(self._inputs())
        count = constant(sys.getrefcount)
        for container, nodes in _by_container(self.donated.values()):
            line(f"if {count}(v{container.index}) > {ONE_HOLDER}:")
            for v in (f"v{node.index}" for node in nodes):
                line(f"    {v} = {constant(copied)}({v})")
        by_flag: dict[str, list[str]] = {}
        for node in (given.node for given in self.donated.values() if given.node.test != "numpy"):
            v = f"v{node.index}"
            by_flag.setdefault(self.source.flags.get(node.index, ""), []).append(
                f"if {count}({v}) > {ONE_HOLDER}: {v} = {constant(copied)}({v})"
            )
        for flag, lines in by_flag.items():
            if flag:
                line(f"if {flag}:")
            for text in lines:
                line(f"    {text}" if flag else text)
        if gives:
            nans, infs = constant(jax.debug_nans), constant(jax.debug_infs)
            busy = " or busy" if self.packing.leaves else ""
            line(f"if {nans}.value or {infs}.value{busy}:")
            line(f"    program = {constant(self.undonated)}")  # JAX calls it again
        line("try:")
        if gives:
            line(f"    [outs] = {constant(itertools.starmap)}(program, (({inputs},),))")
        else:
            line(f"    outs = program({inputs})")
        line(f"except {constant(Retrace)}:")
        line(f"    return {constant(MISS)}")

    def _keep_numbers(self) -> None:
        """Emits what finds the arrays of numbers that are as they were in the last call.

        JAX needs two microseconds to make an array of a number, and a GPU ten. One that changes
        from call to call is left to it.
        """
        line, constant = self.source.line, self.source.constant
        for i in self.packing.numbers(self.traced):
            t, kept = f"t{i}", constant([(None, None)])
            changed = f"{t} is not number"
            if type(self.ground.tape.steps[i].value) in (int, float):
                changed += f" and ({t} != number or not {t} or type({t}) is not type(number))"
            line(f"number, n{i} = {kept}[0]")
            line(f"if {changed}: {kept}[0], n{i} = ({t}, None), {t}")
            line(f"elif n{i} is None: n{i} = {constant(_array_of)}({t}, {kept})")

    def _refusal(self) -> str:
        return f"{self.source.constant(_refuse)}({self.source.constant(self._first_path())})"

    def _finish(self, refusal: str, body: list[str], result: str) -> None:
        """Emits what follows the program; an interrupt does not come between it and the stores.

        Python handles signals at calls only: where there are some, and one has raised, the commit
        is made once more.
        """
        if refusal:
            self.source.line(refusal)
        gives = self.donated or self.packing.leaves
        if not gives or not any("(" in text for text in (*body, result)):
            for text in (*body, f"return {result}"):
                self.source.line(text)
            return
        self.source.line("try:")
        for text in (*body, f"return {result}"):
            self.source.line(f"    {text}")
        self.source.line(f"except {self.source.constant(BaseException)}:")
        for text in (*body, "raise"):
            self.source.line(f"    {text}")

    def _under_plain_jax(self) -> str:
        """Returns an expression for whether a JAX transformation of the user's traces this call."""
        if self.traced.jaxpr.jaxpr.outvars:
            tracer = self.source.constant(jax.core.Tracer)
            kind = self.source.constant(concrete())
            return f"outs[0].__class__ is not {kind} and isinstance(outs[0], {tracer})"
        return f"{self.source.constant(under_plain_jax)}()"

    def _inputs(self) -> Iterator[str]:
        """Yields what the program is called with: pages, and what is not in pages."""
        yield from (f"p{k}.buffer" for k in range(len(self.packing.leaves)))
        given = {donated.node.index for donated in self.donated.values()}
        for slot in (self.traced.inputs[i] for i in self.packing.inputs):
            if isinstance(slot, int):
                yield f"n{slot}" if self.keeps else f"t{slot}"
            elif slot.node.test == "numpy" and slot.node.index in given:
                yield f"{self.source.constant(jnp.array)}(v{slot.node.index})"
            else:
                yield f"v{slot.node.index}"

    def _first_path(self) -> Path:
        effect = self.traced.effects[0]
        if isinstance(effect, Refill):
            return self.ground.trail_of_entry(effect.container)
        return self.ground.trail_of(effect.holder, effect.name)

    # Values ------------------------------------------------------------------------------------

    def _build(self, recipe: Any) -> str:
        """Returns an expression for a recipe; emits what has to be made first."""
        if isinstance(recipe, Out):
            number = self.packing.numbered(recipe.index)
            out = f"outs[{self.position.get(number, number)}]"
            return f"{self.source.constant(recipe.number)}({out})" if recipe.number else out
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
        self.kept.add(node.index)
        return (
            f"v{node.index}"
            if node.test != "numpy"
            else (f"{self.source.constant(jnp.array)}(v{node.index})")
        )

    def _existing(self, entry: Any) -> str:
        if type(entry) is Container:
            self.kept.add(entry.node.index)
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
        children = [self._build(child) for child in recipe.children]
        listed = ", ".join(children)
        if kind is LIST and cls is list:
            line(f"{name} = [{listed}]")
        elif kind is TUPLE and cls is tuple:
            line(f"{name} = ({listed}{',' if children else ''})")
        elif kind is DICT and cls is dict:
            pairs = zip(recipe.aux[0], children, strict=True)
            line(f"{name} = {{{', '.join(f'{constant(key)}: {child}' for key, child in pairs)}}}")
        else:
            build = f"{constant(kind.build)}({constant(cls)}, {constant(recipe.aux)}, [{listed}])"
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
        if isinstance(holder, Cell) and effect.name != "_value":
            self.stores.append(f"{name}.do()")  # whoever has packed it relies on its marks
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
        own = f"d{index}" if known else own_dict(self.source, cls, name)
        return f"{own}[{attr!r}] = {value}" if value else f"del {own}[{attr!r}]"


def _array_of(number: Any, kept: list[Any]) -> Any:
    """Returns the array that JAX makes of a number, and keeps it; both change in one step."""
    with jax.ensure_compile_time_eval():
        array = jnp.asarray(number)
    kept[0] = number, array
    return array


def _by_container(donated: Iterable[Donated]) -> Iterator[tuple[Node, list[Node]]]:
    """Yields the containers that a call replaces, each with the arrays in it that it gives away."""
    found: dict[int, tuple[Node, list[Node]]] = {}
    for given in (given for given in donated if given.node.test != "numpy"):
        for container in given.within:
            found.setdefault(container.index, (container, []))[1].append(given.node)
    yield from found.values()


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


def _refuse(path: Path) -> None:
    raise RawTransformError(
        f"{path} would be written under a JAX transformation that is not lifted.",
        do="use the function of the same name from statejit, which carries state.",
    )
