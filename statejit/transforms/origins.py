"""Which array a place holds after the last step of a loop: that of which step, or one from before.

A program returns new arrays. Where steps hand arrays on from place to place it is known, as soon as
their number is, which places hold the same one in the end, and which hold one that was there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core.recipes import Constant, Input
from .._core.slots import Slot
from .pairs import Pair


def origin(pair: Pair, count: int, carried: Callable[[Slot], Pair | None]) -> Any:
    """Returns the recipe of the array, if it was there before the loop, or a key of what made it.

    Args:
        pair: what a step finds in a place, and what it leaves.
        count: the number of steps, at least one.
        carried: gives the pair of a slot that changes from step to step.
    """
    seen: dict[int, int] = {}
    left: int = count
    at = pair
    while isinstance(at.after, Input):
        slot = at.after.slot
        found = carried(slot)
        if found is None:
            return (left, id(slot)) if is_argument(slot) else at.after
        left -= 1
        if not left:
            return at.after
        if id(found) in seen:  # arrays go round among some places
            left = (left - 1) % (seen[id(found)] - left) + 1
            seen.clear()
        seen[id(found)] = left
        at = found
    return at.after if isinstance(at.after, Constant) else (left, at.after)


def is_argument(slot: Slot) -> bool:
    """Says whether a slot has another array in each step."""
    return slot.owner is not None and slot.value is None
