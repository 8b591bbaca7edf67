"""Places that no step reads: what the last step leaves there is settled when all others are known.

What also takes the place of something that a step found is that very thing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from .._core.recipes import Computed, Existing, Input, Out
from .forms import rebuilt
from .pairs import UNREAD, Carried, Pair


@dataclasses.dataclass(eq=False)
class Late:
    """A place that no step reads: its recipe is settled when all others are matched.

    Args:
        after: what a step leaves there.
        path: how a person would write the place.
        recipe: of what is there after the last step, once that is settled.
    """

    after: Any
    path: str
    recipe: Any = None


class LatePlaces:
    """The places that a step writes without reading them.

    Attributes:
        last: what the last step leaves there, for each array and number.
    """

    def __init__(self) -> None:
        self.last: dict[Any, Carried] = {}
        self._places: list[Late] = []
        self._kept: list[tuple[Any, str]] = []  # what was there before and is left there, path
        self._memo: dict[int, Any] = {}

    def note(self, after: Any, path: str) -> Late:
        """Notes a place, and returns what stands for its recipe."""
        self._places.append(Late(after, path))
        return self._places[-1]

    def settle(self, before: dict[int, Any], new: dict[int, Any]) -> Iterator[str]:
        """Settles all recipes, and yields the places that are left an object that steps replace.

        Args:
            before: id of what takes the place of something -> what was there.
            new: id of what was there -> the recipe of what takes its place.
        """
        for late in self._places:
            late.recipe = self._settled(late.after, late.path, before, new)
        for entry, path in self._kept:
            if id(entry) in new:
                yield path

    def _settled(self, after: Any, path: str, before: dict[int, Any], new: dict[int, Any]) -> Any:
        if isinstance(after, (Out, Input, Computed)):
            key = after if isinstance(after, Out) else id(getattr(after, "slot", after))
            if key not in self.last:
                self.last[key] = Carried(Pair(UNREAD, after, path))
            return self.last[key]
        if isinstance(after, Existing):
            self._kept.append((after.entry, path))
        elif id(after) in before and id(before[id(after)]) in new:
            return new[id(before[id(after)])]
        return rebuilt(after, lambda part: self._settled(part, path, before, new), self._memo)
