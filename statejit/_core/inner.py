"""The commit of a nested trace: effects and results go to the enclosing frame."""

from __future__ import annotations

import copy
import types
from typing import Any

import jax

from .cells import Cell
from .containers import Container, hollow
from .discovery import Traced
from .frames import Frame
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
)
from .slots import MISSING, is_tracer, trace_state


def commit(traced: Traced, outs: list[Any], beneath: Frame) -> Any:
    """Applies the effects of a nested trace, and returns its result.

    Args:
        traced: what the nested run did.
        outs: the outputs of its program.
        beneath: the enclosing frame, which is current.
    """
    builder = Builder(traced.frame, outs, beneath)
    ready: list[tuple[Any, Any]] = []
    for effect in traced.effects:
        if isinstance(effect, Refill):
            ready.append((effect, [builder.build(child) for child in effect.children]))
        else:
            missing = effect.recipe is MISSING
            ready.append((effect, MISSING if missing else builder.build(effect.recipe)))
    result = builder.build(traced.result)
    builder.fill()
    for effect, value in ready:
        if isinstance(effect, Refill):
            container = builder.existing(effect.container)
            effect.container.kind.store(container, effect.aux, value)
        else:
            beneath.write(effect.holder, effect.name, value)
    return result


class Builder:
    """Makes the values of recipes in an enclosing frame."""

    def __init__(self, frame: Frame, outs: list[Any], beneath: Frame) -> None:
        self.frame, self.outs, self.beneath = frame, outs, beneath
        self.memo: dict[int, Any] = {}
        self.shells: list[NewObject] = []
        self.cells: list[tuple[types.CellType, Any]] = []

    def build(self, recipe: Any) -> Any:
        """Returns the value of one recipe."""
        match recipe:
            case Out():
                return self._out(recipe)
            case Input():
                return self._held(recipe.slot)
            case Computed():
                return self.frame.number_beneath(recipe.number)
            case Constant():
                return recipe.value
            case Existing():
                return self.existing(recipe.entry)
        if id(recipe) not in self.memo:
            self.memo[id(recipe)] = self._make(recipe)
        return self.memo[id(recipe)]

    def _held(self, slot: Any) -> Any:
        if slot.number is not None and not isinstance(slot.value, jax.Array):
            return slot.value  # a number that was handed out as an array, and has not changed
        return self.frame.value_beneath(slot)

    def _out(self, recipe: Out) -> Any:
        found = self.outs[recipe.index]
        if recipe.number is not None and is_tracer(found):
            self.beneath.numeric[id(found)] = (found, recipe.number, trace_state())
        return found if is_tracer(found) or recipe.number is None else recipe.number(found)

    def existing(self, entry: Any) -> Any:
        """Returns what an entry of the nested frame is in the enclosing one."""
        if type(entry) is not Container:
            return entry
        return entry.real if entry.owner is self.frame.mark else self.beneath.copy(entry)

    def _make(self, recipe: Any) -> Any:
        match recipe:
            case NewContainer():
                return self._make_container(recipe)
            case NewObject():
                self.shells.append(recipe)
                self.beneath.create(recipe.shell)
                return recipe.shell
            case NewCopy():
                return copy.copy(recipe.value)
            case NewNumpy():
                return self._stand_in(recipe)
            case NewCell():
                made = types.CellType()
                self.cells.append((made, recipe.content))
                return made
            case NewCall():
                return recipe.make(*[self.build(part) for part in recipe.parts])
        raise AssertionError(recipe)

    def _make_container(self, recipe: NewContainer) -> Any:
        if not recipe.kind.mutable:
            children = [self.build(child) for child in recipe.children]
            return recipe.kind.build(recipe.cls, recipe.aux, children)
        made = hollow(recipe.kind, recipe.cls, recipe.aux)
        self.memo[id(recipe)] = made  # before the children: there may be cycles
        children = [self.build(child) for child in recipe.children]
        recipe.kind.store(made, recipe.aux, children)
        return made

    def _stand_in(self, recipe: NewNumpy) -> Any:
        made = recipe.shell
        self.beneath.create(made)
        self.beneath.write(made, "_value", self.build(recipe.content))
        return made

    def fill(self) -> None:
        """Gives the objects and cells that were made their content."""
        while self.shells or self.cells:
            while self.cells:
                cell, content = self.cells.pop()
                if content is not MISSING:
                    cell.cell_contents = self.build(content)
            if not self.shells:
                return
            recipe = self.shells.pop()
            for name, content in recipe.attrs.items():
                value = self.build(content)
                if isinstance(recipe.shell, Cell) and name != "_value":
                    object.__setattr__(recipe.shell, name, value)
                else:
                    self.beneath.write(recipe.shell, name, value)
