"""What a loop hands to the outside: recipes in which the places that steps pass on are settled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .forms import rebuilt
from .late import Late
from .pairs import Carried, Pair


def handed(recipe: Any, arrange: Callable[[Pair], Any], memo: dict[int, Any]) -> Any:
    """Returns a recipe with `Carried` replaced by what `arrange` gives for it.

    Args:
        recipe: as `Matching.match` returned it.
        arrange: gives the recipe of what a place holds after the last step.
        memo: of what is made anew: one for all places.
    """
    if isinstance(recipe, Late):
        recipe = recipe.recipe
    if isinstance(recipe, Carried):
        return arrange(recipe.pair)
    return rebuilt(recipe, lambda part: handed(part, arrange, memo), memo)
