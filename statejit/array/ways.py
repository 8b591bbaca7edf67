"""The way from an array to a part of it, in steps: the part, and the whole with another part."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import kernels
from .layouts import layout_of
from .steps import Bits, Part, Pick, Step


class Way:
    """The way from a whole array to a part of it.

    Args:
        shape: the shape of the whole.
        steps: one after the other.
    """

    __slots__ = ("_hash", "_like", "shape", "steps")

    def __init__(self, shape: tuple[int, ...], steps: tuple[Step, ...] = ()) -> None:
        self.shape, self.steps = shape, steps
        self._hash: int | None = None
        self._like: tuple[Any, Any, np.ndarray] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Way) and self.shape == other.shape and self.steps == other.steps

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.shape, self.steps))
        return self._hash

    def __repr__(self) -> str:
        return f"Way({self.shape}, {self.steps})"

    def then(self, step: Step) -> Way:
        """Returns the way that goes one step on; two indices become one where they can."""
        if self.steps and type(step) is Pick and type(self.steps[-1]) is Pick:
            both = self.steps[-1].then(step)
            if both is not None:
                return Way(self.shape, (*self.steps[:-1], both))
        return Way(self.shape, (*self.steps, step))

    def layout(self, of: np.ndarray) -> np.ndarray:
        """Returns the part of an array of NumPy's: a view."""
        for step in self.steps:
            of = step.layout(of)
        return of

    def of_numpy(self, array: Any) -> Any:
        """Returns the part of an array of NumPy's or of its stand-in: a view, too."""
        return array.seen(self) if hasattr(array, "seen") else self.layout(array)

    def like(self, dtype: Any) -> tuple[tuple[int, ...], Any]:
        """Returns the shape and the dtype of the part, of an array with some dtype."""
        if self._like is None or self._like[0] != dtype:
            layout = self.layout(layout_of(self.shape, dtype))
            changed = any(type(step) in (Bits, Part) for step in self.steps)
            self._like = (dtype, (layout.shape, layout.dtype if changed else dtype), layout)
        return self._like[1]

    def layout_like(self, dtype: Any) -> np.ndarray:
        """Returns the layout of the part, of an array with some dtype."""
        self.like(dtype)
        return self._like[2]  # type: ignore[index]

    def get(self, value: Any, operands: Any) -> Any:
        """Returns the part of the content of the whole, in one dispatch."""
        return kernels.read(value, self, operands)

    def put(self, value: Any, operands: Any, part: Any) -> Any:
        """Returns the whole with another part, in one dispatch."""
        shape, dtype = self.like(value.dtype)
        if part.shape != shape:
            raise ValueError(f"a view of shape {shape} can not get the shape {part.shape}")
        return kernels.write(value, self, operands, part.astype(dtype))

    def read(self, value: Any, operands: Any) -> Any:
        """Returns the part of the content of the whole."""
        value = self._whole(value)
        for step in self.steps:
            value = step.read(value, operands)
        return value

    def write(self, value: Any, operands: Any, part: Any) -> Any:
        """Returns the whole with another part."""
        held = [self._whole(value)]
        for step in self.steps[:-1]:
            held.append(step.read(held[-1], operands))
        for step, whole in zip(reversed(self.steps), reversed(held), strict=bool(self.steps)):
            part = step.write(whole, operands, part)
        return part if part.shape == value.shape else part.reshape(value.shape)

    def split(self, known: int) -> tuple[Way, list[int]]:
        """Returns a way that many have in common, and the starts that are this one's own.

        Args:
            known: how many operands there are already; the starts come after these.
        """
        steps: list[Step] = []
        starts: list[int] = []
        for step in self.steps:
            if type(step) is Pick:
                step, own = step.split(known + len(starts))
                starts += own
            steps.append(step)
        return Way(self.shape, tuple(steps)), starts

    def _whole(self, value: Any) -> Any:
        if value.shape == self.shape:
            return value
        if value.size == np.prod(self.shape, dtype=int):
            return value.reshape(self.shape)  # somebody has set `a.shape`
        raise ValueError(
            f"the array of which this is a view had the shape {self.shape} when the view was made, "
            f"and has the shape {value.shape} now"
        )
