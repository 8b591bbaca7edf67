"""Collections: the slots of a model or of a function as nested dictionaries, flax-style.

To which collection a slot belongs is found by watching: random keys are `rngs`, what the function
writes is `state`, inexact arrays that it only reads are `params`, and NumPy, integer and boolean
arrays that it only reads are `constants`. A `Variable`'s own collection, or an annotation of the
class, overrides this.

From the ground up: `annotations` (what classes ask for), `leaves` (the arrays below an object),
`trees` (nested dictionaries of them), `watching` (`discover`: a dry run), `updating` (`update`),
`collections` (the function).
"""

from .collections import collections
from .updating import update
from .watching import Discovery, discover

__all__ = ["Discovery", "collections", "discover", "update"]
