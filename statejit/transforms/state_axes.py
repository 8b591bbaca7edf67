"""Over which axes state is mapped: the filters of `state_axes`, and what they choose."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import jax

from .._core.base import Base
from .._core.changes import consulting
from .._core.codes import content_of
from .._core.frames import Frame
from .._core.numbers import Number
from ..collecting.leaves import present, walk
from ..collecting.trees import collection_of
from ..errors import SlotNotFoundError
from .scanning import is_cell, is_view

Place = tuple[int, str, tuple[int, ...]]
"""Id of an object or cell, name of the attribute, positions in the containers in it."""


class Axis:
    """The axis of a leaf.

    Args:
        number: the axis; None for what all lanes share.
    """

    def __init__(self, number: int | None) -> None:
        self.number = number


class Axes:
    """Over which axes state is mapped.

    Attributes:
        places: the axis of each array that is known.
        holders: the axis of what else is written to these objects.
        views: (view, its own axis) of the views that are mapped, by id.
    """

    def __init__(self) -> None:
        self.places: dict[Place, int] = {}
        self.holders: dict[int, int] = {}
        self.views: dict[int, tuple[Any, int]] = {}
        self.alive: list[Any] = []  # places are told by id

    def cover(self, model: Any, axis: int) -> None:
        """Maps all arrays of a model, or a mutable array, over an axis."""
        self.alive.append(model)
        self.holders[id(model)] = axis
        views: list[Any] = []

        def attributes(holder: Any) -> Any:
            views.extend([holder] if is_view(holder) else [])
            return present(holder)

        leaves = list(walk(model, attributes))
        self.views |= {id(view): (view, axis) for view in views}
        if is_view(model):
            return
        for leaf in leaves:
            if hasattr(leaf.content, "shape"):
                self.put(leaf, axis)
                self.holders[id(leaf.holder)] = axis

    def put(self, leaf: Any, axis: int) -> None:
        """Maps the array of one leaf over an axis."""
        self.alive.append(leaf.holder)
        self.places[id(leaf.holder), leaf.name, leaf.index] = axis

    def of(self, holder: Any, name: str, index: tuple[int, ...] = ()) -> int | None:
        """Returns the axis of a place."""
        found = self.places.get((id(holder), name, index))
        return self.holders.get(id(holder)) if found is None else found


def mapped(filters: list[tuple[Any, int]], frame: Frame, fun: Any, arguments: list[Any]) -> Axes:
    """Returns which arrays of which objects the filters choose.

    Args:
        filters: pairs (filter, axis).
        frame: the enclosing frame.
        fun: the function, in whose models they look.
        arguments: its arguments.

    Raises:
        SlotNotFoundError: if a filter fits no slot.
    """
    axes = Axes()
    roots = [*roots_of(fun), *[a for a in arguments if isinstance(a, Base)]]
    for wanted, axis in filters:
        if _is_model(wanted) or is_cell(wanted):
            axes.cover(wanted, axis)
            continue
        everything = [leaf for root in roots for leaf in walk(root, present)]
        with consulting(frame, wanted) if callable(wanted) else nullcontext():
            leaves = [leaf for leaf in everything if _fits(wanted, leaf)]
        if not leaves:
            raise SlotNotFoundError(
                f"no slot fits {wanted!r} in state_axes.",
                do="give a model, an array as read from it, a path, a collection or a "
                "predicate (path, array) -> bool.",
            )
        for leaf in leaves:
            axes.put(leaf, axis)
    return axes


def roots_of(fun: Any) -> list[Any]:
    """Returns the models that a function is, is bound to, or closes over."""
    while hasattr(fun, "fun"):
        fun = fun.fun
    own = getattr(fun, "__self__", fun)
    found = [own] if _is_model(own) else []
    cells = getattr(fun, "__closure__", None) or ()
    found += [held for held in map(content_of, cells) if _is_model(held)]
    named = getattr(fun, "__globals__", {})
    names = getattr(getattr(fun, "__code__", None), "co_names", ())
    return found + [named[n] for n in names if n in named and _is_model(named[n])]


def settled(wanted: Any, fun: Any) -> Any:
    """Returns a filter; an array, which is found by identity now, as its path."""
    if not isinstance(wanted, jax.Array):
        return wanted
    for root in roots_of(fun):
        for leaf in walk(root, present):
            if leaf.content is wanted:
                return leaf.path
    raise SlotNotFoundError(
        f"an array of type {jax.typeof(wanted).str_short()} was given in state_axes, but no model "
        "that the function knows holds it.",
        do="give arrays as they are read from the model, or the model itself.",
    )


def _fits(wanted: Any, leaf: Any) -> bool:
    if not hasattr(leaf.content, "shape") or isinstance(leaf.content, Number):
        return False
    if isinstance(wanted, tuple):
        return bool(leaf.path == wanted)
    if isinstance(wanted, str):
        names = (".".join(leaf.path), collection_of(leaf, leaf.content, False))
        return wanted in names
    return bool(wanted(leaf.path, leaf.content))


def _is_model(value: Any) -> bool:
    return isinstance(value, Base)
