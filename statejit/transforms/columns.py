"""What lanes leave, as one program over all of them: some has an axis, the rest is common."""

from __future__ import annotations

import dataclasses
from typing import Any, NoReturn

import jax
import jax.numpy as jnp

from .._core.containers import WINDOW, Container
from .._core.discovery import Traced
from .._core.frames import Frame
from .._core.inner import commit
from .._core.lift import name_of
from .._core.recipes import (
    Computed,
    Constant,
    Existing,
    Input,
    NewCall,
    NewContainer,
    NewObject,
    Out,
    Refill,
    SetAttr,
)
from .._core.slots import MISSING, Slot, is_key, is_number
from .._core.writing import make_function
from ..errors import LaneError
from .forms import as_recipe, rebuilt
from .lanes import LaneFrame
from .scanning import is_cell


class Batch:
    """One traced lane, ready to be mapped.

    Args:
        traced: what one run of the function did.
        over: its frame.
        lift: the options.
        size: the number of lanes.
    """

    words = "vmap out_axes"
    key_axis: Any = 0
    """Along what the keys lie that lanes are given."""

    def __init__(self, traced: Traced, over: LaneFrame, lift: Any, size: int) -> None:
        self.traced, self.over, self.lift, self.size = traced, over, lift, size
        self.columns: list[tuple[Any, int | None, str]] = []
        self.keys: dict[int, Slot] = {}  # random keys that lanes draw from, by id of the slot
        self._memo: dict[Any, Out] = {}
        self._made: dict[int | None, dict[int, Any]] = {}
        self._new_keys: dict[int, int] = {}
        self.effects = [self._effect(effect) for effect in traced.effects]
        self.result = self._result(traced.result, lift.out_axes)

    def run(self, frame: Frame) -> Any:
        """Maps the program, and commits to the enclosing frame."""
        slots = [r.slot for r, _, _ in self.columns if isinstance(r, Input)]
        used = [*self.traced.inputs, *slots, *self.keys.values()]
        entries = list({id(entry): entry for entry in used}.values())
        values = [self.over.value_beneath(entry) for entry in entries]
        in_axes: list[Any] = []
        fresh: list[Any] = []
        for i, entry in enumerate(entries):
            lane = self.over.lanes.get(id(entry))
            in_axes.append(None if lane is None else lane[1])
            if id(entry) in self.keys:
                keys = jax.random.split(values[i], self.size + 1)
                self._new_keys[id(entry)] = len(self.columns) + len(fresh)
                fresh.append(keys[0])
                values[i], in_axes[i] = keys[1:], self.key_axis
        outs = [*self._mapped(entries, in_axes, values), *fresh]
        effects = [self._with_keys(effect) for effect in self.effects]
        done = dataclasses.replace(self.traced, effects=effects, result=self.result)
        return commit(done, outs, frame)

    def _mapped(self, entries: list[Any], in_axes: list[Any], values: list[Any]) -> list[Any]:
        at = {id(entry): i for i, entry in enumerate(entries)}

        def program(*given: Any) -> list[Any]:
            outs = self.traced.pure(*[given[at[id(entry)]] for entry in self.traced.inputs])
            return [value_of(recipe, outs, given, at) for recipe, _, _ in self.columns]

        axis_name, _, spmd_axis_name = self.lift.options

        def over_lanes(fun: Any, out_axes: Any) -> Any:
            return jax.vmap(
                fun,
                in_axes,
                out_axes,
                axis_name=axis_name,
                axis_size=self.size,
                spmd_axis_name=spmd_axis_name,
            )

        axes = [axis for _, axis, _ in self.columns]
        try:
            does_something = self.columns or self.traced.jaxpr.effects  # as a print
            return over_lanes(program, axes)(*values) if does_something else []
        except ValueError as error:
            for i, (_, axis, path) in enumerate(self.columns):
                if axis is None:
                    single = over_lanes(lambda *given, i=i: program(*given)[i], None)
                    try:
                        jax.eval_shape(single, *values)
                    except ValueError:
                        _refuse(path, self.over, error)
            raise

    # What comes out ----------------------------------------------------------------------------

    def _effect(self, effect: Any) -> Any:
        ground = self.over.ground
        if isinstance(effect, Refill):
            container = effect.container
            path = ground.path_of_entry(container)
            before = self.over.children(container)
            place = self.over._where.get(id(container))
            children = []
            for i, recipe in enumerate(effect.children):
                known = before[i] if i < len(before) else None
                axis = self._axis(known)
                if axis is None and place is not None:
                    axis = self.over.mapped.holders.get(id(place[0]))
                children.append(self._left(recipe, known, axis, f"{path}[{i}]"))
            return Refill(container, effect.aux, children)
        if effect.recipe is MISSING:
            return effect
        self._check_view(effect)
        state = self.over.states.get(id(effect.holder))
        before = state.found.get(effect.name) if state is not None else None
        if before is None:
            before = self.over.lookup(effect.holder, effect.name)
        axis = self._axis(before)
        if axis is None:
            axis = self.over.mapped.of(effect.holder, effect.name)
        path = ground.path_of(effect.holder, effect.name)
        return SetAttr(effect.holder, effect.name, self._left(effect.recipe, before, axis, path))

    def _check_view(self, effect: SetAttr) -> None:
        """Refuses a write through a view that is mapped, or to what such a view shows."""
        for view in self.over.views.values():
            if any(effect.holder is one for one in (view, view.held().cell)):
                what = self.over.ground.path_of(view, "_value")
                raise LaneError(
                    f"{what} is a view and mapped, and lanes write what it shows.",
                    where=f"{what}, at {self.over.ground.where()}",
                    do="map the array that it is a view of, or a copy.",
                )

    def _axis(self, before: Any) -> int | None:
        lane = self.over.lanes.get(id(before))
        return None if lane is None else lane[1]

    def _left(self, recipe: Any, before: Any, axis: int | None, path: str) -> Any:
        """Returns the recipe of what a place holds after all lanes."""
        changes = not (isinstance(recipe, Input) and recipe.slot is before)
        if axis is None and changes and type(before) is Slot and _is_one_key(before.placeholder):
            self.keys[id(before)] = before
            return before  # replaced once the keys are split
        return (
            self._arranged(recipe, axis, path)
            if axis is not None
            else self._like(recipe, before, path)
        )

    def _like(self, recipe: Any, before: Any, path: str) -> Any:
        """Returns a recipe in which parts of a new container have the axes of those before it."""
        is_container = isinstance(recipe, NewContainer) and recipe.kind is not WINDOW
        known = self.over.children(before) if type(before) is Container else []
        if not is_container or len(known) != len(recipe.children):
            return self._arranged(recipe, self._axis(before), path)
        memo = self._made.setdefault(None, {})
        if id(recipe) not in memo:
            new = dataclasses.replace(recipe, children=[])
            memo[id(recipe)] = (recipe, new)  # before its parts: it may hold itself
            rows = enumerate(zip(recipe.children, known, strict=True))
            new.children.extend(self._like(c, old, f"{path}[{i}]") for i, (c, old) in rows)
        return memo[id(recipe)][1]

    def _with_keys(self, effect: Any) -> Any:
        if isinstance(effect, Refill):
            return dataclasses.replace(effect, children=[self._key(c) for c in effect.children])
        return dataclasses.replace(effect, recipe=self._key(effect.recipe))

    def _key(self, recipe: Any) -> Any:
        return Out(self._new_keys[id(recipe)]) if type(recipe) is Slot else recipe

    def _arranged(self, recipe: Any, axis: int | None, path: str) -> Any:
        """Returns a recipe whose arrays are outputs of the mapped program."""
        constant = isinstance(recipe, Constant) and isinstance(recipe.value, jax.Array)
        if isinstance(recipe, Out) or (axis is not None and constant):
            return self._column(recipe, axis, path)
        if isinstance(recipe, Input):
            lane = self.over.lanes.get(id(recipe.slot))
            if lane is None and (axis is None or id(recipe.slot) in self.keys):
                return recipe
            return self._column(recipe, axis, path)
        if isinstance(recipe, NewContainer) and recipe.kind is WINDOW:
            self._check_stored(recipe, axis, path)
        if axis is not None and isinstance(recipe, NewCall) and recipe.make is make_function:
            return self._arranged(recipe, None, _CAPTURED)  # a function has no axis
        memo = self._made.setdefault(axis, {})  # two places may have one object
        return rebuilt(recipe, lambda part: self._arranged(part, axis, path), memo)

    def _check_stored(self, window: NewContainer, axis: int | None, path: str) -> None:
        """Refuses to leave a view of what lanes have each their own of."""
        base = window.children[0]
        shared = (
            isinstance(base, Existing)
            and self._axis(self.over.lookup(base.entry, "_value")) is None
        )
        if axis is not None or not (shared or isinstance(base, NewObject)):
            raise LaneError(
                f"{path} would be a view of an array of which each lane has its own.",
                where=f"{path}, at {self.over.ground.where()}",
                do="store a copy.",
            )

    def _column(self, recipe: Any, axis: int | None, path: str) -> Out:
        what = recipe.index if isinstance(recipe, Out) else id(getattr(recipe, "slot", recipe))
        key = (type(recipe), what, axis)
        if key not in self._memo:
            self.columns.append((recipe, axis, path))
            number = recipe.number if isinstance(recipe, Out) and axis is None else None
            self._memo[key] = Out(len(self.columns) - 1, number)
        return self._memo[key]

    def _result(self, recipe: Any, axes: Any) -> Any:
        if axes is None or isinstance(axes, (int, jax.sharding.PartitionSpec)):
            return self._stacked(recipe, axes)
        recipe = self._opened(recipe)
        if not isinstance(recipe, NewContainer):
            raise ValueError(
                f"{self.words} must be a prefix of what {name_of(self.lift.fun)} returns: got "
                f"{axes!r}."
            )
        rows = recipe.kind.take_apart(axes)[1]
        if recipe.kind.name == "dict":
            rows = [axes[key] for key in recipe.aux[0]]
        if len(rows) != len(recipe.children):
            raise ValueError(
                f"{self.words} has {len(rows)} entries for {len(recipe.children)} results."
            )
        children = [self._result(c, a) for c, a in zip(recipe.children, rows, strict=True)]
        return NewContainer(recipe.kind, recipe.cls, recipe.aux, children)

    def _opened(self, recipe: Any) -> Any:
        """Returns the recipe of a container that was given, and comes back, as of a new one."""
        if isinstance(recipe, Existing) and type(recipe.entry) is Container:
            entry = recipe.entry
            children = [as_recipe(child) for child in self.over.children(entry)]
            return NewContainer(entry.kind, type(entry.real), entry.aux, children)
        return recipe

    def _cell(self, cell: Any, axis: int | None) -> Any:
        """Returns the recipe of a mutable array that was given, and comes back."""
        slot = self.over.lookup(cell, "_value")
        sets = [e for e in self.traced.effects if isinstance(e, SetAttr)]
        written = [effect.recipe for effect in sets if effect.holder is cell]
        lane = self.over.lanes.get(id(slot))
        if axis == (None if lane is None else lane[1]):
            return Existing(cell)
        content = self._arranged(written[0] if written else as_recipe(slot), axis, "the result")
        return NewObject(type(cell), {"_value": content}, object.__new__(type(cell)))

    def _stacked(self, recipe: Any, axis: Any) -> Any:
        recipe = self._opened(recipe)
        if isinstance(recipe, Existing) and is_cell(recipe.entry):
            return self._cell(recipe.entry, axis)
        if isinstance(recipe, NewContainer):
            children = [self._stacked(child, axis) for child in recipe.children]
            return NewContainer(recipe.kind, recipe.cls, recipe.aux, children)
        constant = isinstance(recipe, Constant)
        if constant and (is_number(recipe.value) or type(recipe.value) is bool):
            recipe = Constant(jnp.asarray(recipe.value))
        elif isinstance(recipe, Computed):
            recipe = Constant(recipe.number.__jax_array__())
        return self._arranged(recipe, axis, "the result")


def _is_one_key(array: Any) -> bool:
    return is_key(array) and not array.ndim


def value_of(recipe: Any, outs: list[Any], given: Any, at: dict[int, int]) -> Any:
    """Returns the value of a recipe, given what a program was given and gave."""
    if isinstance(recipe, Out):
        return outs[recipe.index]
    return given[at[id(recipe.slot)]] if isinstance(recipe, Input) else recipe.value


_CAPTURED = "what a function has captured"


def _refuse(path: str, over: LaneFrame, error: Exception) -> NoReturn:
    if path == "the result":
        raise error
    if path == _CAPTURED:
        raise LaneError(
            "a function that is returned, or stored, has captured a value of which each example "
            "of a vmap has its own.",
            where=over.ground.where(),
            do="return the value, which gets an axis, and make the function outside.",
        ) from error
    raise LaneError(
        f"{path} would be written differently by each example of a vmap.",
        where=f"{path}, at {over.ground.where()}",
        do="give it an axis, as in vmap(f, state_axes={model: 0}), or reduce over the examples "
        "before writing (with `axis_name` and jax.lax.pmean inside).",
    ) from error
