"""Merges what the branches of a conditional leave: each place gets one recipe out of several."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

import jax
import jax.numpy as jnp

from .._core.cells import Cell
from .._core.discovery import Traced
from .._core.frames import Frame
from .._core.recipes import (
    Computed,
    Constant,
    Existing,
    Input,
    NewCall,
    NewContainer,
    NewNumpy,
    NewObject,
    Out,
    Refill,
    SetAttr,
)
from .._core.slots import MISSING, NUMBERS
from ..errors import BranchError
from .apart import Apart, put
from .forms import (
    as_recipe,
    described,
    is_array,
    is_arraylike,
    moved,
    named,
    number_of,
    same_recipe,
    type_of_recipe,
)
from .weak_types import weakly_typed

_TYPES = (
    "give it the same structure, shape and dtype in each branch (and before, if a branch does not "
    "write it): only arrays and numbers may differ."
)
_VALUES = (
    "keep it in an array (`statejit.numpy.asarray(True)` for a flag), or make it alike in each "
    "branch: only arrays and numbers may differ."
)

BY_VALUE: set[tuple[type, str]] = set()
"""Attributes of classes of our own of which nobody is to keep a list or dictionary: only what is in
it matters, and branches may replace it."""


class Merging:
    """What the branches leave, as one set of effects and one result.

    Args:
        frame: the frame over which all branches were traced, one after the other.
        runs: what each branch did.
        shown: for each branch the positions, by id, among what it was asked for besides, of what
            views in its result show.

    Attributes:
        columns: for each output of the conditional, the recipe of each branch.
        effects: the effects, in which arrays are outputs of the conditional.
        result: the recipe of the result.
    """

    def __init__(self, frame: Frame, runs: list[Traced], shown: list[dict[int, int]]) -> None:
        self.frame, self.runs = frame, runs
        self.columns: list[list[Any]] = []
        self.types: list[Any] = []
        self._memo: dict[Any, Any] = {}
        self._known: dict[Any, Out] = {}
        self._apart = Apart(frame, runs, shown)
        self.effects: list[SetAttr | Refill] = [*self._sets(), *self._refills()]
        self.result = self.merge([run.result for run in runs], "the result", is_result=True)

    def _sets(self) -> list[SetAttr]:
        found: dict[Any, list[Any]] = {}
        holders: dict[Any, Any] = {}
        for i, run in enumerate(self.runs):
            for effect in run.effects:
                if isinstance(effect, SetAttr):
                    key = (id(effect.holder), effect.name)
                    holders[key] = effect.holder
                    found.setdefault(key, [None] * len(self.runs))[i] = effect.recipe
        effects = []
        for key, recipes in found.items():
            holder, name = holders[key], key[1]
            before = as_recipe(self.frame.lookup(holder, name))
            recipes = [before if recipe is None else recipe for recipe in recipes]
            path = self.frame.ground.path_of(holder, name)
            by_value = any((cls, name) in BY_VALUE for cls in type(holder).__mro__)
            merged = self.merge(recipes, path, by_value=by_value)
            effects.append(SetAttr(holder, name, merged))
        return list(self._in_order(effects))

    def _in_order(self, effects: list[SetAttr]) -> Iterator[SetAttr]:
        """Yields effects, each with a deletion before it if the attribute is made again.

        Raises:
            BranchError: if attributes would stand in another order after another branch.
        """
        lasts = [self._lasts(run) for run in self.runs]
        for effect in effects:
            orders = [last.get(id(effect.holder), []) for last in lasts]
            if any(order != orders[0] for order in orders):
                path = self.frame.ground.path_of(effect.holder, effect.name)
                self._refuse(path, _types(f"{order} last" for order in orders))
            exists = self.frame.lookup(effect.holder, effect.name) is not MISSING
            if exists and effect.name in orders[0]:
                yield SetAttr(effect.holder, effect.name, MISSING)
            yield effect

    def _lasts(self, run: Traced) -> dict[int, list[str]]:
        """Returns, by id of its object, the attributes that a branch puts last, in order."""
        again = moved(run.effects)
        found: dict[int, list[str]] = {}
        for effect in run.effects:
            if isinstance(effect, SetAttr) and effect.recipe is not MISSING:
                is_new = self.frame.lookup(effect.holder, effect.name) is MISSING
                if is_new or (id(effect.holder), effect.name) in again:
                    found.setdefault(id(effect.holder), []).append(effect.name)
        return found

    def _refills(self) -> list[Refill]:
        found: dict[int, list[Any]] = {}
        for i, run in enumerate(self.runs):
            for effect in run.effects:
                if isinstance(effect, Refill):
                    key = id(effect.container)
                    found.setdefault(key, [None] * len(self.runs))[i] = effect
        effects = []
        for refills in found.values():
            container = next(r.container for r in refills if r is not None)
            same = [as_recipe(child) for child in self.frame.children(container)]
            rows = [same if r is None else r.children for r in refills]
            aux = [repr(container.aux if r is None else r.aux) for r in refills]
            path = self.frame.ground.path_of_entry(container)
            sizes = [f"{len(row)} elements" for row in rows]
            if len(set(sizes)) > 1 or len(set(aux)) > 1:
                self._refuse(path, _types(sizes if len(set(sizes)) > 1 else aux))
            children = [
                self.merge(list(column), f"{path}[{i}]")
                for i, column in enumerate(zip(*rows, strict=True))
            ]
            first = next(r for r in refills if r is not None)
            effects.append(Refill(container, first.aux, children))
        return effects

    # One place ---------------------------------------------------------------------------------

    def merge(
        self, recipes: list[Any], path: str, is_result: bool = False, by_value: bool = False
    ) -> Any:
        """Returns one recipe of what is in a place after the branch that is taken.

        Args:
            recipes: of each branch.
            path: how a person would write the place.
            is_result: whether numbers may become arrays: in results, as in JAX.
            by_value: whether it does not matter in which lists and dictionaries it lies.

        Raises:
            BranchError: if the recipes differ in more than their arrays and numbers.
        """
        numeric = [r for r in recipes if isinstance(r, Input) and r.slot.number is not None]
        if numeric and not is_result:
            recipes = [
                _as_before(r, numeric[0], run) for r, run in zip(recipes, self.runs, strict=True)
            ]
        first = recipes[0]
        if all(_are_same(first, recipe) for recipe in recipes[1:]):
            return first
        if any(recipe is MISSING for recipe in recipes):
            self._refuse(
                path,
                "in different states: set, and not set",
                "set it before the conditional, or set (or delete) it in each branch.",
            )
        if all(is_array(recipe) for recipe in recipes):
            return self.leaf(recipes, None, path)
        if all(number_of(recipe) is not None for recipe in recipes):
            kinds = {number_of(recipe) for recipe in recipes}
            if len(kinds) == 1 and not is_result:
                return self.leaf(recipes, kinds.pop(), path)
        if is_result and all(is_array(r) or is_arraylike(r) for r in recipes):
            return self.leaf(recipes, None, path)
        recipes = _alike(recipes) if is_result else recipes
        return self._structure(recipes, path, is_result, by_value)

    def _structure(self, recipes: list[Any], path: str, is_result: bool, by_value: bool) -> Any:
        key = tuple(id(recipe) for recipe in recipes)
        if key in self._memo:
            return self._memo[key][1]
        made, columns = self._apart.hollow(recipes, by_value)
        if made is None:
            found = map(self._described, recipes, self.runs)
            self._refuse(
                path, f"with different values: {' and '.join(dict.fromkeys(found))}", _VALUES
            )
        self._memo[key] = (recipes, made)  # before its parts: it may hold itself
        for name, column in columns.items():
            put(made, name, self.merge(column, _joined(path, name), is_result, by_value))
        return made

    # Leaves ------------------------------------------------------------------------------------

    def leaf(self, recipes: list[Any], number: type | None, path: str) -> Out:
        """Returns a new output, with the recipe that each branch has for it."""
        try:
            avals = [type_of_recipe(r, run) for r, run in zip(recipes, self.runs, strict=True)]
        except OverflowError as error:  # numbers that branches set differently become arrays
            self._refuse(path, _types([str(error)]))
        strong = {a.dtype for a in avals if not a.weak_type} or {a.dtype for a in avals}
        if len({a.shape for a in avals}) > 1 or len(strong) > 1:
            self._refuse(path, _types(a.str_short() for a in avals))
        weak = number in NUMBERS if number else all(a.weak_type for a in avals)
        self.types.append((strong.pop(), weak))
        self.columns.append(recipes)
        return Out(len(self.columns) - 1, number)

    def _described(self, recipe: Any, run: Traced) -> str:
        if isinstance(recipe, (Out, Input)):
            return type_of_recipe(recipe, run).str_short()
        if isinstance(recipe, (NewObject, NewNumpy)):
            return f"a {'NumPy array' if isinstance(recipe, NewNumpy) else recipe.cls.__name__}"
        if isinstance(recipe, NewContainer):
            return named(recipe.kind, recipe.cls, recipe.aux, len(recipe.children))
        if isinstance(recipe, NewCall):
            return "a function that is made inside"
        if isinstance(recipe, Existing):
            return described(recipe.entry)
        if isinstance(recipe, Computed):
            return described(recipe.number.value)
        return described(getattr(recipe, "value", recipe))

    def _refuse(self, path: str, what: str, do: str = _TYPES) -> NoReturn:
        raise BranchError(
            f"the branches leave {path} {what}.",
            where=f"{path}, at {self.frame.ground.where()}",
            do=do,
        )

    def merged(self) -> Traced:
        """Returns the conditional as one run, of which only effects and result count."""
        return dataclasses.replace(self.runs[0], effects=self.effects, result=self.result)

    # Values ------------------------------------------------------------------------------------

    def values(self, *more: Any) -> dict[int, Any]:
        """Returns what branches read, by id of the entry; the enclosing frame must be current.

        Args:
            more: recipes of further arrays for which values are wanted.
        """
        entries = [entry for run in self.runs for entry in run.inputs]
        recipes = [*(recipe for column in self.columns for recipe in column), *more]
        entries += [recipe.slot for recipe in recipes if isinstance(recipe, Input)]
        found = {id(entry): self.frame.value_beneath(entry) for entry in entries}
        for recipe in recipes:
            if isinstance(recipe, Computed):
                found[id(recipe)] = recipe.number.__jax_array__()
        return found

    def outputs(self, branch: int, outs: list[Any], values: dict[int, Any]) -> list[Any]:
        """Returns the outputs of the conditional.

        Args:
            branch: the position of the branch.
            outs: what its program has given.
            values: what it has read.
        """
        found = [value_in(column[branch], outs, values) for column in self.columns]
        return [
            weakly_typed(jnp.asarray(v)) if weak else jax.lax.convert_element_type(v, dtype)
            for v, (dtype, weak) in zip(found, self.types, strict=True)
        ]

    def programs(self) -> list[Callable[[], list[Any]]]:
        """Returns the branches for `jax.lax.switch`; the enclosing frame must be current."""
        values = self.values()

        def program(b: int) -> Callable[[], list[Any]]:
            inputs = [values[id(entry)] for entry in self.runs[b].inputs]
            return lambda: self.outputs(b, self.runs[b].pure(*inputs), values)

        return [program(b) for b in range(len(self.runs))]


def value_in(recipe: Any, outs: list[Any], given: dict[int, Any]) -> Any:
    """Returns the value of a recipe, given what its program gave, and what it read."""
    if isinstance(recipe, Out):
        return outs[recipe.index]
    if isinstance(recipe, Input):
        return given[id(recipe.slot)]
    return given[id(recipe)] if isinstance(recipe, Computed) else recipe.value


def _as_before(recipe: Any, before: Any, run: Traced) -> Any:
    """Returns a recipe as that of a number, if it takes the place of a number in an array."""
    numeric = isinstance(before, Input) and before.slot.number is not None
    if not numeric or not isinstance(recipe, Out) or recipe.number is not None:
        return recipe
    aval, old = type_of_recipe(recipe, run), type_of_recipe(before, run)
    same = (aval.shape, aval.dtype, aval.weak_type) == (old.shape, old.dtype, old.weak_type)
    return Out(recipe.index, before.slot.number) if same else recipe


def _are_same(left: Any, right: Any) -> bool:
    """Says whether two branches leave the very same thing."""
    if isinstance(left, Out) or isinstance(right, Out):
        return False
    if isinstance(left, Computed) and isinstance(right, Computed):
        return left.number is right.number
    return same_recipe(left, right) or _entity(left) is _entity(right)


def _entity(recipe: Any) -> Any:
    if isinstance(recipe, Existing):
        return recipe.entry
    return recipe.value if isinstance(recipe, Constant) else recipe


def _alike(recipes: list[Any]) -> list[Any]:
    """Returns results of branches, as mutable arrays where another branch gives one."""
    news = [r for r in recipes if isinstance(r, NewObject) and {*r.attrs} - {"_mark"} == {"_value"}]
    cls = next((new.cls for new in news if issubclass(new.cls, Cell)), None)
    if cls is None:
        return recipes
    return [
        NewObject(cls, {"_value": r}, object.__new__(cls)) if is_array(r) or is_arraylike(r) else r
        for r in recipes
    ]


def _joined(path: str, name: str | int) -> str:
    if isinstance(name, int):
        return f"{path}[{name}]"
    return path if name == "_value" else f"{path}.{name}"


def _types(names: Iterable[str]) -> str:
    return f"with different types: {' and '.join(names)}"
