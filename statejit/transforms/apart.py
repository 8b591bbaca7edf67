"""What branches make, taken apart: containers, objects and arrays that are alike become one.

Of what was there before only arrays that can be changed, and containers that can not, are taken
apart: for anything else it matters which one it is.
"""

from __future__ import annotations

from typing import Any

from .._core.cells import Cell
from .._core.containers import Container
from .._core.discovery import Traced
from .._core.frames import Frame
from .._core.recipes import Existing, NewContainer, NewNumpy, NewObject, SetAttr
from .forms import as_recipe


class Apart:
    """Takes the recipes of branches apart.

    Args:
        frame: the frame over which all branches were traced.
        runs: what each branch did.
        shown: for each branch the positions, by id, among what it was asked for besides, of what
            views in its result show.
    """

    def __init__(self, frame: Frame, runs: list[Traced], shown: list[dict[int, int]]) -> None:
        self.frame = frame
        self.left: list[dict[Any, Any]] = [
            {(id(e.holder), e.name): e.recipe for e in run.effects if isinstance(e, SetAttr)}
            for run in runs
        ]
        for left, run, views in zip(self.left, runs, shown, strict=True):
            left |= {(view, "shown"): run.extra[i] for view, i in views.items()}

    def hollow(self, recipes: list[Any], by_value: bool) -> tuple[Any, dict[Any, list[Any]]]:
        """Returns what branches make, without its parts, and for each part all its recipes.

        Args:
            recipes: of each branch.
            by_value: whether it does not matter which list or dictionary it is.
        """
        containers = self._as_containers(recipes, by_value)
        if containers is not None:
            kind, cls, aux, _ = containers[0]
            columns = zip(*[part[3] for part in containers], strict=True)
            return NewContainer(kind, cls, aux, []), dict(enumerate(map(list, columns)))
        objects = self._as_objects(recipes)
        if objects is None:
            return None, {}
        cls, shell, attrs, dtype = objects[0]
        named = {name: [part[2][name] for part in objects] for name in attrs}
        return NewObject(cls, {}, shell) if dtype is None else NewNumpy(None, dtype, shell), named

    def _as_containers(self, recipes: list[Any], by_value: bool) -> Any:
        """Returns (kind, class, aux, children) of each, if all are alike; else None."""
        parts = [self._taken_apart(recipe) for recipe in recipes]
        if any(part is None for part in parts):
            return None
        kind, cls, aux, children = parts[0]
        for other in parts[1:]:
            if other[1] is not cls or other[2] != aux or len(other[3]) != len(children):
                return None
        is_old = any(isinstance(recipe, Existing) for recipe in recipes)
        if kind.mutable and is_old and not by_value:
            return None
        return parts

    def _taken_apart(self, recipe: Any) -> Any:
        if isinstance(recipe, NewContainer):
            return recipe.kind, recipe.cls, recipe.aux, recipe.children
        if isinstance(recipe, Existing) and type(recipe.entry) is Container:
            entry = recipe.entry
            children = [as_recipe(child) for child in self.frame.children(entry)]
            return entry.kind, type(entry.real), entry.aux, children
        return None

    def _as_objects(self, recipes: list[Any]) -> Any:
        """Returns (class, shell, attributes, dtype of NumPy) of each, if all are alike."""
        parts = [self._attributes(r, left) for r, left in zip(recipes, self.left, strict=True)]
        if any(part is None for part in parts):
            return None
        parts = _unmarked(parts)
        cls, _, attrs, dtype = parts[0]
        for other in parts[1:]:
            if other[0] is not cls or list(other[2]) != list(attrs) or other[3] != dtype:
                return None
        return parts

    def _attributes(self, recipe: Any, left: dict[Any, Any]) -> Any:
        """Returns (class, shell, attributes, dtype of NumPy) of an object; of old ones only cells.

        Args:
            recipe: the recipe.
            left: what its branch leaves in which attributes.
        """
        if isinstance(recipe, NewObject):
            shows = left.get((id(recipe.shell), "shown"))
            attrs = recipe.attrs if shows is None else {"_value": shows}
            return recipe.cls, recipe.shell, attrs, None
        if isinstance(recipe, NewNumpy):
            return type(recipe.shell), recipe.shell, {"_value": recipe.content}, recipe.dtype
        if isinstance(recipe, Existing) and issubclass(type(recipe.entry), Cell):
            cell = recipe.entry
            before = as_recipe(self.frame.lookup(cell, "_value"))
            shows = left.get((id(cell), "shown"))
            attrs = {"_value": left.get((id(cell), "_value"), before) if shows is None else shows}
            dtype = getattr(cell, "to_numpy_at_commit", None)
            if dtype is None and not hasattr(cell, "_collection"):
                return type(cell), object.__new__(type(cell)), attrs, None
        return None


def put(made: Any, name: Any, part: Any) -> None:
    """Gives what was hollow one of its parts."""
    if isinstance(made, NewContainer):
        made.children.append(part)
    elif isinstance(made, NewNumpy):
        made.content = part
    else:
        made.attrs[name] = part


def _unmarked(parts: list[Any]) -> list[Any]:
    """Returns objects taken apart; if not all are scalars of NumPy's, none is: they are arrays."""
    if all(map(_is_scalar, parts)):
        return parts
    return [
        (cls, object.__new__(cls), {n: attrs[n] for n in attrs if n != "_mark"}, dtype)
        if _is_scalar((cls, shell, attrs, dtype))
        else (cls, shell, attrs, dtype)
        for cls, shell, attrs, dtype in parts
    ]


def _is_scalar(part: Any) -> bool:
    return getattr(part[2].get("_mark"), "value", None) == "scalar"
