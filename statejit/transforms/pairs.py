"""A place that steps pass on: what one step finds there, and what it leaves."""

from __future__ import annotations

import dataclasses
from typing import Any

UNREAD: Any = object()
"""Stands for the entry of a place that a step writes without having read it."""


@dataclasses.dataclass(eq=False)
class Pair:
    """A place of an array or a number: what the step found there, and what it leaves.

    Args:
        before: the slot, or the number; UNREAD if it does not matter.
        after: the recipe.
        path: how a person would write the place.
        index: which of the carried values it is, once that is settled; None if it is not carried.
    """

    before: Any
    after: Any
    path: str
    index: int | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Carried:
    """The recipe of what a place holds after the last step."""

    pair: Pair


@dataclasses.dataclass
class Mismatch:
    """A place that a step leaves with another structure than it found."""

    path: str
    before: str
    after: str
