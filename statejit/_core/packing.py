"""Packing: small mutable arrays that a call overwrites lie together in few buffers between calls.

A call costs some microseconds for each array that goes into a program and for each that comes out
of it, however small they are. Packed arrays of one type share a *page*: the program takes pages
apart, and returns new ones. The cell of a packed array holds a `Due` in its place, so that whoever
asks for the array gets it cut out, and can not tell that it was not there (see `Cell.do`).

A page holds few arrays: what XLA makes for the first of one page it makes for the first of all,
but an array in the middle of one large buffer would be a kernel of its own, and compile for long.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax import lax

from .cells import Cell
from .discovery import Traced
from .donation import Donated
from .nodes import Node
from .places import has_user_threads
from .recipes import (
    Input,
    NewCall,
    NewCell,
    NewContainer,
    NewNumpy,
    NewObject,
    Out,
    Refill,
    SetAttr,
)
from .source import MISS, Source
from .windows import Due

PAGE = 8
"""How many arrays lie in a page at most."""

SMALL = 4096
"""How many bytes an array has at most that is packed: larger ones are not worth the copy."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """Says what lies in a page; each page of a plan has one of its own, told by identity.

    Args:
        aval: the type of each array.
        count: how many there are.
    """

    aval: Any
    count: int

    def join(self, arrays: Any) -> Any:
        """Returns the buffer of a page."""
        if not self.aval.shape:
            arrays = [lax.expand_dims(array, (0,)) for array in arrays]
        return lax.concatenate(arrays, 0)

    def split(self, buffer: Any) -> list[Any]:
        """Returns the arrays in the buffer of a page."""
        shape = self.aval.shape
        parts = lax.split(buffer, (shape[0] if shape else 1,) * self.count)
        return list(parts) if shape else [lax.squeeze(part, (0,)) for part in parts]


@functools.cache
def _compiled(layout: Layout) -> tuple[Callable[..., Any], Callable[..., Any]]:
    return jax.jit(layout.join), jax.jit(layout.split)


class Page:
    """A buffer with the arrays of several cells, each of which holds one of its `dues`."""

    __slots__ = ("_parts", "buffer", "dues", "is_new", "layout")

    def __init__(self, layout: Layout, buffer: Any) -> None:
        self.layout, self.buffer, self.is_new = layout, buffer, True
        self.dues = tuple(Due(Page.part, (self, i)) for i in range(layout.count))
        self._parts: Any = None

    def part(self, i: int) -> Any:
        """Returns the array of one cell; all are cut out at once, and remembered."""
        buffer, known = self.buffer, self._parts
        if known is None or known[0] is not buffer:
            known = self._parts = (buffer, _compiled(self.layout)[1](buffer))
        return known[1][i]


def page_of(held: Any, layout: Layout) -> Page | None:
    """Returns the page of a plan in which the content of a cell lies, if it does."""
    if type(held) is Due and held.fun is Page.part and held.args[0].layout is layout:
        return held.args[0]
    return None


def packed(layout: Layout, cells: tuple[Cell, ...]) -> Page | None:
    """Returns a new page with what cells hold, or None if that does not fit; they are as before."""
    arrays = [cell.do() for cell in cells]
    fits = all(
        isinstance(array, jax.Array) and array.aval == layout.aval and not array.committed
        for array in arrays
    )
    if not fits or len({array.sharding for array in arrays}) > 1:
        return None
    return Page(layout, _compiled(layout)[0](arrays))


@dataclasses.dataclass(frozen=True)
class Leaf:
    """The arrays of one page, as the program of a plan has them.

    Args:
        layout: what lies in the page.
        inputs: their indices among the inputs of the program.
        outs: the outputs that take their places.
    """

    layout: Layout
    inputs: tuple[int, ...]
    outs: tuple[int, ...]


class Packing:
    """The pages of a plan: its program takes them first, and returns them first.

    While a cell holds the due that a plan has given it, it is the cell that it was, and nobody has
    asked for its content: so nothing else of it has to be tested.

    Args:
        traced: what one run of the function did.
        donated: what the program may overwrite, by the index of the input.
        wanted: whether anything is to be packed.
    """

    def __init__(self, traced: Traced, donated: dict[int, Donated], wanted: bool) -> None:
        self.leaves = list(_leaves(traced, donated)) if wanted else []
        inputs = {i for leaf in self.leaves for i in leaf.inputs}
        outs = {out for leaf in self.leaves for out in leaf.outs}
        pages, every = len(self.leaves), len(traced.jaxpr.jaxpr.outvars)
        self.nodes = [[traced.inputs[i].node for i in leaf.inputs] for leaf in self.leaves]
        self.values = {node.index for nodes in self.nodes for node in nodes}
        self.cells = {node.parent.index: node.parent for nodes in self.nodes for node in nodes}
        self._filled = {id(cell.value) for cell in self.cells.values()}
        self.inputs = [i for i in range(len(traced.inputs)) if i not in inputs]
        self.outs = [out for out in range(every) if out not in outs]
        self.count = pages + len(self.outs)
        self.number = {out: pages + i for i, out in enumerate(self.outs)} if pages else {}
        self.place = {index: pages + i for i, index in enumerate(self.inputs)}
        self.donated = {
            self.place[index]: dataclasses.replace(given, out=self.numbered(given.out))
            for index, given in donated.items()
            if index not in inputs
        }

    def numbered(self, out: int) -> int:
        """Returns the number of an output that is in no page, among those of the packed program."""
        return self.number.get(out, out)

    def numbers(self, traced: Traced) -> list[int]:
        """Returns the steps of the tape whose numbers are inputs of the program."""
        return [n for n in (traced.inputs[i] for i in self.inputs) if isinstance(n, int)]

    def makes(self, effect: Any) -> bool:
        """Says whether an effect is made by what comes back in a page."""
        return (
            isinstance(effect, SetAttr)
            and effect.name == "_value"
            and id(effect.holder) in self._filled
        )

    def program(self, pure: Any) -> Any:
        """Returns a program over pages, and what is not in pages."""
        return Unpacked(pure, self.leaves, self.inputs, self.outs) if self.leaves else pure

    # Text --------------------------------------------------------------------------------------

    def find(self, source: Source, rest: list[str]) -> None:
        """Emits what finds the pages of the cells; it comes after all other guards.

        With other threads at work nothing is kept: what one of them has begun to cut out of a page
        it would store in a cell whose content is new by then.

        Args:
            source: the text.
            rest: the guards that are only needed where a cell does not hold what it was given.
        """
        line, constant = source.line, source.constant
        line(f"busy = {constant(has_user_threads)}()")
        for k, (leaf, nodes) in enumerate(zip(self.leaves, self.nodes, strict=True)):
            held = [f"v{node.index}" for node in nodes]
            for node in nodes:
                line(f"v{node.index} = v{node.parent.index}._value")
            found = f"{constant(page_of)}({held[0]}, {constant(leaf.layout)})"
            line(f"p{k} = None if busy else {found}")
            line(f"if p{k} is not None:")
            line(f"    dues = p{k}.dues")
            same = " and ".join(f"{v} is dues[{i}]" for i, v in enumerate(held))
            line(f"    if not ({same}): p{k} = None")
        line(f"if {' or '.join(f'p{k} is None' for k in range(len(self.leaves)))}:")
        for text in rest or ["pass"]:
            line(f"    {text}")

    def gather(self, source: Source) -> None:
        """Emits what makes new pages where cells do not hold what they were given."""
        line, constant = source.line, source.constant
        for k, (leaf, nodes) in enumerate(zip(self.leaves, self.nodes, strict=True)):
            cells = ", ".join(f"v{node.parent.index}" for node in nodes)
            line(f"if p{k} is None:")
            line(f"    p{k} = {constant(packed)}({constant(leaf.layout)}, ({cells},))")
            line(f"    if p{k} is None: return {constant(MISS)}")

    def stores(self) -> Iterator[str]:
        """Yields statements that store what the program returned; they may be done twice."""
        for k, nodes in enumerate(self.nodes):
            yield f"p{k}.buffer = outs[{k}]"
            cells = ", ".join(f"v{node.parent.index}._value" for node in nodes)
            yield f"if p{k}.is_new: {cells} = p{k}.dues"
            yield f"p{k}.is_new = False"


class Unpacked:
    """A program over pages: it does what a program does that takes each array by itself.

    Args:
        pure: that program.
        leaves: what lies in the pages.
        inputs: the indices of the inputs that are in no page.
        outs: those of the outputs.
    """

    def __init__(self, pure: Any, leaves: list[Leaf], inputs: list[int], outs: list[int]) -> None:
        self.pure, self.leaves, self.inputs, self.outs = pure, leaves, inputs, outs

    def __call__(self, *given: Any) -> list[Any]:
        """Does so operation by operation."""
        return self._run(self.pure, given)

    def in_one_piece(self, *given: Any) -> list[Any]:
        """Does the same under a trace of `jax.jit`, at the least cost."""
        return self._run(getattr(self.pure, "in_one_piece", self.pure), given)

    def _run(self, pure: Callable[..., list[Any]], given: Any) -> list[Any]:
        values = dict(zip(self.inputs, given[len(self.leaves) :], strict=True))
        for leaf, page in zip(self.leaves, given, strict=False):
            values.update(zip(leaf.inputs, leaf.layout.split(page), strict=True))
        outs = pure(*[values[i] for i in range(len(values))])
        pages = [leaf.layout.join([outs[out] for out in leaf.outs]) for leaf in self.leaves]
        return [*pages, *[outs[out] for out in self.outs]]


def _leaves(traced: Traced, donated: dict[int, Donated]) -> Iterator[Leaf]:
    """Yields the pages for what a program overwrites: for each type in the order of the inputs."""
    uses, held = _uses(traced)
    avals = traced.jaxpr.out_avals
    of_type: dict[Any, list[int]] = {}
    for index, given in sorted(donated.items()):
        if given.node.test == "numpy":
            continue
        aval = given.node.value.aval
        alone = uses[given.out] == 1 and given.node.index not in held
        if alone and _fits(given.node, aval) and avals[given.out] == aval:
            of_type.setdefault(aval, []).append(index)
    for aval, indices in of_type.items():
        for at in range(0, len(indices), PAGE):
            here = tuple(indices[at : at + PAGE])
            if len(here) > 1:
                yield Leaf(Layout(aval, len(here)), here, tuple(donated[i].out for i in here))


def _fits(node: Node, aval: Any) -> bool:
    """Says whether an array may be packed: small, of a mutable array, and free to move."""
    cell = node.parent.value if node.parent is not None else None
    is_content = isinstance(cell, Cell) and cell.packs and node.key == "_value"
    is_number = isinstance(aval.dtype, np.dtype) and not aval.weak_type
    size = aval.size * aval.dtype.itemsize
    return bool(
        is_content
        and is_number
        and 0 < size <= SMALL
        and not node.value.committed
        and len(node.value.devices()) == 1
    )


def _uses(traced: Traced) -> tuple[collections.Counter[int], set[int]]:
    """Returns how often recipes use each output, and the nodes whose content goes elsewhere."""
    uses: collections.Counter[int] = collections.Counter()
    held: set[int] = set()
    seen: set[int] = set()
    stack: list[Any] = [traced.result]
    for effect in traced.effects:
        stack += effect.children if isinstance(effect, Refill) else [effect.recipe]
    while stack:
        recipe = stack.pop()
        if isinstance(recipe, Out):
            uses[recipe.index] += 1
        elif isinstance(recipe, Input):
            held.add(recipe.slot.node.index)
        elif id(recipe) not in seen:
            seen.add(id(recipe))
            stack += _parts(recipe)
    return uses, held


def _parts(recipe: Any) -> list[Any]:
    """Returns the recipes inside of a recipe."""
    match recipe:
        case NewContainer():
            return recipe.children
        case NewObject():
            return list(recipe.attrs.values())
        case NewCall():
            return recipe.parts
        case NewCell() | NewNumpy():
            return [recipe.content]
    return []
