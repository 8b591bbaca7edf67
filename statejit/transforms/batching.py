"""`vmap` of stateful functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from .._core.base import Base
from .._core.discovery import Traced, run
from .._core.frames import Frame
from ..collecting.leaves import present, walk
from .columns import Batch
from .inside import Inside
from .lanes import LaneFrame, checked_axis, spread
from .scanning import is_cell, without_views
from .state_axes import Axes, mapped, settled


class Vmapped(Inside):
    """What `vmap` returns.

    Args:
        fun: the user's function.
        axes: `in_axes`, `out_axes`.
        options: `axis_name`, `axis_size`, `spmd_axis_name`.
        state_axes: pairs (filter, axis).
    """

    guarded = ("fun", "given")
    words = "vmap in_axes must be an int, None, or a tuple of entries"
    rest: Any = 0
    """The axis of keyword arguments."""

    def __init__(
        self,
        fun: Callable[..., Any],
        axes: tuple[Any, Any],
        options: tuple[Any, ...],
        state_axes: list[tuple[Any, int]],
    ) -> None:
        self.in_axes, self.out_axes = axes
        self.options = options
        self.filters = [(settled(f, fun), axis) for f, axis in state_axes]
        self.given = tuple(f for f, _ in self.filters if isinstance(f, Base) or is_cell(f))
        described = tuple(
            (None if isinstance(f, Base) or is_cell(f) else f, axis) for f, axis in self.filters
        )
        super().__init__(fun, (_hashable(axes), options, described))

    def call_in_frame(self, frame: Frame, args: Any, kwargs: Any) -> Any:
        """Maps over the enclosing frame."""
        chosen = mapped(self.filters, frame, self.fun, [*args, *kwargs.values()])
        over = self.over(frame, chosen)
        in_axes = self.in_axes if isinstance(self.in_axes, (tuple, list)) else None
        if in_axes is not None and len(in_axes) != len(args):
            raise ValueError(
                f"{self.words} corresponding to the positional arguments: got {len(in_axes)} "
                f"entries for {len(args)} arguments."
            )
        axes = list(in_axes) if in_axes is not None else [self.in_axes] * len(args)
        entries = [over.argument(a, spread(axis, a)) for a, axis in zip(args, axes, strict=True)]
        named = {name: over.argument(a, spread(self.rest, a)) for name, a in kwargs.items()}
        over.axes = self.names(over)
        traced = run(lambda *a, **k: without_views(self.fun(*a, **k)), entries, named, over)
        return self.batch(traced, over).run(frame)

    def over(self, frame: Frame, chosen: Axes) -> LaneFrame:
        """Returns the frame of one lane."""
        return LaneFrame(frame, chosen)

    def names(self, over: LaneFrame) -> tuple[tuple[Any, int], ...]:
        """Returns the names and sizes of the mapped axes."""
        size, name = self._size(over), self.options[0]
        return () if name is None else ((name, size),)

    def batch(self, traced: Traced, over: LaneFrame) -> Batch:
        """Returns a traced lane, ready to be mapped."""
        return Batch(traced, over, self, self._size(over))

    def _size(self, over: LaneFrame) -> int:
        """Returns the number of lanes, as far as arguments and state tell it."""
        sizes = {whole.placeholder.shape[axis] for whole, axis in over.lanes.values()}
        for leaf_holder in over.mapped.alive:
            for leaf in walk(leaf_holder, present):
                axis = over.mapped.places.get((id(leaf.holder), leaf.name, leaf.index))
                if axis is not None:
                    sizes.add(leaf.content.shape[checked_axis(axis, leaf.content)])
        for view, axis in over.mapped.views.values():
            sizes.add(view.shape[checked_axis(axis, view)])
        sizes |= set() if self.options[1] is None else {self.options[1]}
        if not sizes:
            raise ValueError("vmap must have at least one mapped argument, or an axis_size")
        if len(sizes) > 1:
            raise ValueError(
                "vmap got inconsistent sizes for array axes to be mapped: "
                f"{', '.join(map(str, sorted(sizes)))}"
            )
        return sizes.pop()


def _hashable(axes: Any) -> Any:
    leaves, tree = jax.tree.flatten(axes, is_leaf=lambda value: value is None)
    return tree, tuple(leaves)


def vmap(
    fun: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name: Any = None,
    axis_size: int | None = None,
    spmd_axis_name: Any = None,
    *,
    state_axes: Any = None,
) -> Vmapped:
    """Maps a stateful function over axes of its arguments, and of state; mirrors `jax.vmap`.

    State that is only read is the same for all examples. State with an axis in `state_axes` has
    one slice for each example, also where it is written. Each example draws random numbers of its
    own: the generator's key is split among them.

    Args:
        fun: a function, method or instance.
        in_axes: the mapped axis of each argument; None for what all examples share. Models among
            the arguments are mapped over the axis of all their arrays.
        out_axes: the axis of the examples in each result; models made inside get it, too.
        axis_name: a name for the axis, for collectives.
        axis_size: the number of examples, if no argument tells it.
        spmd_axis_name: see `jax.vmap`.
        state_axes: `{filter: axis}`, or pairs; a filter is a model, an array as read from it, a
            path (`("layers", "0", "w")` or `"layers.0.w"`), the name of a collection, or a
            predicate `(path, array) -> bool`.

    Returns:
        The mapped function.

    Raises:
        LaneError: at a call, if state without an axis is written differently by the examples.
        SlotNotFoundError: if a filter fits no slot.

    Example:
        >>> import jax, jax.numpy as jnp, statejit as sj
        >>> class Scale(sj.Base):
        ...     def __init__(self, w):
        ...         self.w, self.seen = w, jnp.zeros(())
        ...     def __call__(self, x):
        ...         self.seen = self.seen + x
        ...         return self.w * x
        >>> ensemble = sj.vmap(Scale)(jnp.arange(3.0))
        >>> sj.vmap(lambda scale, x: scale(x), in_axes=(0, None))(ensemble, 2.0).tolist()
        [0.0, 2.0, 4.0]
        >>> ensemble.seen.tolist()
        [2.0, 2.0, 2.0]
    """
    pairs = list(state_axes.items()) if isinstance(state_axes, dict) else list(state_axes or ())
    return Vmapped(fun, (in_axes, out_axes), (axis_name, axis_size, spmd_axis_name), pairs)
