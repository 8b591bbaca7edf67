"""What recipes give: their types, which give the same, and how they are rebuilt."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import jax

from .._core.cells import Cell
from .._core.containers import DICT, WINDOW, Container, Kind
from .._core.discovery import Traced
from .._core.numbers import Number
from .._core.recipes import (
    Computed,
    Constant,
    Existing,
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
from .._core.slots import MISSING, NUMBERS, Slot, is_number, same_plain

MOST_KEYS = 4
"""Up to how many keys of a dict an error names."""

SAME: Any = object()
"""Stands for the recipe of a place that a step does not change."""


def rebuilt(recipe: Any, change: Callable[[Any], Any], memo: dict[int, Any]) -> Any:
    """Returns a recipe with its parts changed; what is no new container or object stays.

    Args:
        recipe: the recipe.
        change: part -> changed part.
        memo: id of a recipe -> (recipe, changed recipe); there may be cycles.
    """
    if id(recipe) in memo:
        return memo[id(recipe)][1]
    if isinstance(recipe, NewContainer):
        new: Any = dataclasses.replace(recipe, children=[])
        memo[id(recipe)] = (recipe, new)
        new.children.extend(change(child) for child in recipe.children)
        same = _are_same(new.children, recipe.children)
    elif isinstance(recipe, NewObject):
        new = dataclasses.replace(recipe, attrs={})
        memo[id(recipe)] = (recipe, new)
        new.attrs.update({name: change(part) for name, part in recipe.attrs.items()})
        same = _are_same(new.attrs.values(), recipe.attrs.values())
    elif isinstance(recipe, NewNumpy):
        new = dataclasses.replace(recipe, content=change(recipe.content))
        same = new.content is recipe.content
    elif isinstance(recipe, NewCall):
        new = dataclasses.replace(recipe, parts=[])
        memo[id(recipe)] = (recipe, new)  # before the parts: a function may hold itself
        new.parts.extend(change(part) for part in recipe.parts)
        same = _are_same(new.parts, recipe.parts)
    elif isinstance(recipe, NewCell):
        new = NewCell(MISSING)
        memo[id(recipe)] = (recipe, new)
        new.content = change(recipe.content)
        same = new.content is recipe.content
    else:
        return recipe
    memo[id(recipe)] = (recipe, recipe if same else new)  # the same recipe is made once
    return memo[id(recipe)][1]


def _are_same(left: Iterable[Any], right: Iterable[Any]) -> bool:
    return all(a is b for a, b in zip(left, right, strict=True))


def shells(traced: Traced) -> list[Any]:
    """Returns the objects that a traced run has made and left in state or in its result."""
    found: dict[int, Any] = {}
    memo: dict[int, Any] = {}

    def visit(recipe: Any) -> Any:
        if isinstance(recipe, (NewObject, NewNumpy)):
            found[id(recipe.shell)] = recipe.shell
        return rebuilt(recipe, visit, memo)

    for effect in traced.effects:
        for recipe in effect.children if isinstance(effect, Refill) else [effect.recipe]:
            visit(recipe)
    visit(traced.result)
    return list(found.values())


def moved(effects: list[Any]) -> set[tuple[int, str]]:
    """Returns (id of the object, name) of each attribute that is deleted and then set again."""
    found = collections.Counter(
        (id(effect.holder), effect.name) for effect in effects if isinstance(effect, SetAttr)
    )
    return {place for place, n in found.items() if n > 1}


def type_of_recipe(after: Any, traced: Traced) -> Any:
    """Returns the abstract value of an array or a number that a traced run leaves."""
    if isinstance(after, Out):
        return traced.jaxpr.jaxpr.outvars[after.index].aval
    if isinstance(after, Input):
        return jax.typeof(after.slot.placeholder)
    if isinstance(after, Computed):
        return jax.typeof(after.number.value)
    return jax.typeof(after.value)


def fits(before: Any, after: Any, traced: Traced) -> bool:
    """Says whether an array that a step leaves may take the place of the one that it found."""
    before = jax.typeof(before)
    if (before.shape, before.dtype) != (after.shape, after.dtype):
        return False
    if before.weak_type == after.weak_type:
        return True
    return before.weak_type and not converts(traced.jaxpr.jaxpr)


def converts(jaxpr: Any) -> bool:
    """Says whether a program takes something weakly typed as another dtype."""
    for equation in jaxpr.eqns:
        operand: Any = equation.invars[0].aval if equation.invars else None
        converted = equation.primitive.name == "convert_element_type" and operand.weak_type
        if converted and operand.dtype != equation.outvars[0].aval.dtype:
            return True
        for value in jax.tree.leaves(list(equation.params.values())):
            if hasattr(value, "eqns") and converts(getattr(value, "jaxpr", value)):
                return True
    return False


def same_recipe(left: Any, right: Any) -> bool:
    """Says whether two recipes of arrays or numbers give the same value."""
    if left is right or (isinstance(left, Out) and left == right):
        return True
    if isinstance(left, Input) and isinstance(right, Input):
        return left.slot is right.slot
    if isinstance(left, Constant) and isinstance(right, Constant):
        return is_same_value(left.value, right.value)
    return False


def is_array_constant(recipe: Any) -> bool:
    """Says whether a recipe gives an array that the user's code has captured."""
    return isinstance(recipe, Constant) and isinstance(recipe.value, jax.Array)


def is_same_value(left: Any, right: Any) -> bool:
    """Says whether two values are one, or plain and equal."""
    return left is right or same_plain(left, right)


def unchanged(recipe: Any, before: Any) -> Any:
    """Returns the recipe of a child: of one that no step changes, what was there."""
    if recipe is not SAME:
        return recipe
    if type(before) is Number:
        return Computed(before)
    if type(before) is Slot:
        return Input(before)
    return Existing(before) if type(before) is Container else Constant(before)


def dtype_of_host(stand_in: Any) -> Any:
    """Returns the dtype that a NumPy array made inside has, given its stand-in; or None."""
    return getattr(stand_in, "to_numpy_at_commit", None)


def short(aval: Any) -> str:
    """Returns how an error speaks of the type of an array."""
    return aval.str_short() + (" (weakly typed)" if aval.weak_type else "")


def named(kind: Kind, cls: type, aux: Any, n: int) -> str:
    """Returns how an error speaks of a container: of a small dict with the order of its keys."""
    if kind is WINDOW:
        return "a view"
    content = ", ".join(map(repr, aux[0])) if kind is DICT and 0 < n <= MOST_KEYS else n
    return f"a {cls.__name__} of {content}"


def described(value: Any) -> str:
    """Returns how an error speaks of what a place holds."""
    if type(value) is Slot:
        return short(jax.typeof(value.placeholder))
    if type(value) is Container:
        return named(value.kind, type(value.real), value.aux, len(value.children))
    if isinstance(value, str) and " " in value:
        return value
    if value is MISSING:
        return "no attribute"
    plain = value is None or type(value) in (bool, str, *NUMBERS)
    return repr(value) if plain else f"a {type(value).__name__}"


def is_array(recipe: Any) -> bool:
    """Says whether a recipe gives an array that stands for no number."""
    if isinstance(recipe, Out):
        return recipe.number is None
    if isinstance(recipe, Input):
        return recipe.slot.number is None
    return isinstance(recipe, Constant) and isinstance(recipe.value, jax.Array)


def number_of(recipe: Any) -> type | None:
    """Returns the Python type of the number that a recipe gives, or None."""
    if isinstance(recipe, Out):
        return recipe.number
    if isinstance(recipe, Input):
        return recipe.slot.number
    if isinstance(recipe, Computed):
        return type(recipe.number.value)
    found = isinstance(recipe, Constant) and is_number(recipe.value)
    return type(recipe.value) if found else None


def is_arraylike(recipe: Any) -> bool:
    """Says whether a recipe gives a number or a boolean."""
    boolean = isinstance(recipe, Constant) and type(recipe.value) is bool
    return boolean or number_of(recipe) is not None


def as_recipe(entry: Any) -> Any:
    """Returns the recipe of what a frame has found, left as it is."""
    if type(entry) is Slot:
        return Input(entry)
    if type(entry) is Number:
        return Computed(entry)
    if type(entry) is Container or isinstance(entry, Cell) or issubclass(type(entry), Cell):
        return Existing(entry)
    return entry if entry is MISSING else Constant(entry)
