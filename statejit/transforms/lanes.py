"""The frame of one lane of a `vmap`: arrays in it lack the axis over which lanes lie."""

from __future__ import annotations

from typing import Any

import jax

from .._core.base import Base
from .._core.containers import DICT, WINDOW, Container, kind_of
from .._core.frames import Frame
from .._core.numbers import Number
from .._core.slots import Slot, zeros
from ..errors import LaneError
from .scanning import is_cell
from .state_axes import Axes, Axis
from .steps import blank


class LaneFrame(Frame):
    """Is the frame of one lane.

    Args:
        beneath: the enclosing frame.
        axes: over which axes state is mapped.
    """

    def __init__(self, beneath: Frame, axes: Axes) -> None:
        super().__init__(beneath, beneath.ground)
        self.mapped = axes
        self.lanes: dict[int, tuple[Any, Any]] = {}  # id of a slot -> the whole array, axis
        self.views: dict[int, Any] = {}  # id of a slot -> the view that shows the whole array
        self._slots: dict[tuple[int, Any], Slot] = {}
        self._where: dict[int, tuple[Any, str, tuple[int, ...]]] = {}

    def own(self, entry: Any, holder: Any, name: Any) -> Any:
        """Takes the axis of the lanes from the arrays that are mapped."""
        if type(holder) is Container:
            if id(holder) not in self._where:
                return entry
            top, attr, index = self._where[id(holder)]
            place = (top, attr, (*index, name))
        else:
            place = (holder, name, ())
        if type(entry) is Container and entry.kind is WINDOW:
            return self._view(entry, holder)
        if type(entry) is Container:
            self._where.setdefault(id(entry), place)
        elif type(entry) is Slot:
            axis = self.mapped.of(*place)
            if axis is not None:
                return self.lane(entry, axis)
        return entry

    def lane(self, whole: Slot, axis: Any) -> Slot:
        """Returns the slot of what one lane sees of an array."""
        axis = self.checked(axis, whole.placeholder)
        if (id(whole), axis) not in self._slots:
            slot = self.part(whole.placeholder, axis)
            slot.owner = self.mark
            self._slots[id(whole), axis] = slot
            self.lanes[id(slot)] = (whole, axis)
        return self._slots[id(whole), axis]

    def _view(self, window: Container, view: Any) -> Any:
        """Returns the entry of what a view holds: if it is mapped, a slot of its own."""
        whole = self.adopt(self.beneath.lookup(window.children[0], "_value"))
        if id(view) not in self.mapped.views:
            if self.mapped.of(window.children[0], "_value") is None:
                return window
            raise LaneError(
                f"{self.ground.path_of(view, '_value')} is a view of an array that is mapped, and "
                "is not mapped itself.",
                where=self.ground.where(),
                do="map the model that holds both, or make it a copy.",
            )
        shape, dtype = window.aux.like(whole.placeholder.dtype)
        shown = Slot(None, zeros(shape, dtype))
        self.views[id(shown)] = view
        return self.lane(shown, self.mapped.views[id(view)][1])

    def checked(self, axis: Any, array: Any) -> Any:
        """Returns an axis in its usual form."""
        return checked_axis(axis, array)

    def part(self, array: Any, axis: Any) -> Slot:
        """Returns the slot of an array without one of its axes."""
        return blank(array, axis)

    def refusal(self, what: str, axis: Any) -> str:
        """Returns what is said of an argument that has no axes."""
        return (
            f"vmap was requested to map {what} along axis {axis}, which has no axes: give None in "
            "`in_axes` for it."
        )

    def argument(self, arg: Any, axes: Any) -> Any:
        """Returns the entry of an argument.

        Args:
            arg: the argument.
            axes: a tree of `Axis` in its structure.
        """
        if isinstance(arg, jax.Array):
            entry = self.adopt_argument(arg)
            return entry if axes.number is None else self.lane(entry, axes.number)
        if isinstance(arg, Base) or is_cell(arg):
            if axes.number is not None:
                self.mapped.cover(arg, axes.number)
            return arg
        kind = None if arg is None else kind_of(arg)
        if kind is None:
            if type(axes) is Axis and axes.number is not None and not callable(arg):
                what = "a number" if type(arg) is Number else f"a {type(arg).__name__}"
                raise ValueError(self.refusal(what, axes.number))
            return arg
        aux, children = kind.take_apart(arg)
        entry = Container(arg, kind, aux, [], None)
        entry.owner = self.mark
        if kind.mutable:
            self.adopted[id(arg)] = (arg, entry)
        below = kind.take_apart(axes)
        rows = [axes[key] for key in aux[0]] if kind is DICT else below[1]
        entry.children.extend(self.argument(c, a) for c, a in zip(children, rows, strict=True))
        return entry

    def value_beneath(self, slot: Slot | Number) -> Any:
        """Returns what an input stands for in the enclosing frame: the whole array."""
        if id(slot) in self.lanes:
            whole = self.lanes[id(slot)][0]
            shown = self.views.get(id(whole))
            return super().value_beneath(whole) if shown is None else shown.value
        return super().value_beneath(slot)


def checked_axis(axis: int, array: Any) -> int:
    """Returns an axis counted from the front.

    Raises:
        ValueError: if the array does not have it.
    """
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(
            f"vmap was requested to map its argument along axis {axis}, which implies that its "
            f"rank should be at least {axis + 1 if axis >= 0 else -axis}, but is only {array.ndim} "
            f"(its shape is {array.shape})"
        )
    return axis % array.ndim


def spread(axes: Any, tree: Any) -> Any:
    """Returns a tree of `Axis` in the structure of `tree`, of which `axes` is a prefix."""
    return jax.tree.map(
        lambda axis, below: jax.tree.map(lambda _: Axis(axis), below, is_leaf=is_unit),
        axes,
        tree,
        is_leaf=lambda value: value is None,
    )


def is_unit(value: Any) -> bool:
    """Says whether a value has one axis for all that is in it."""
    return is_cell(value) or type(value) is Number or isinstance(value, Base)
