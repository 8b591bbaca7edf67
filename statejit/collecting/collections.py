"""Collecting: the slots of a model, or of what a function does, in collections."""

from __future__ import annotations

from typing import Any

from .._core.base import Base
from .._core.cells import Cell
from .leaves import present, walk
from .trees import collection_of, distinct, nested
from .watching import Discovery


def collections(target: Any) -> dict[str, Any]:
    """Returns the slots of a model, or of a watched function, as flax-style collections.

    Args:
        target: a model, whose arrays are taken as if a function read them all; or the result of
            `discover`, which knows what is written.

    Returns:
        Nested dictionaries by path, in a dictionary by collection; the names of these are 'params',
        'state', 'rngs' and 'constants'. A collection without slots is left out. Elements of lists
        have string keys.

    Raises:
        TypeError: if `target` is neither.
        StructureError: if two slots have the same path.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> class Linear(sj.Base):
        ...     def __init__(self):
        ...         self.layers = [jnp.ones((2, 3)), jnp.zeros(3)]
        >>> shapes = sj.collections(Linear())["params"]["layers"]
        >>> {name: array.shape for name, array in shapes.items()}
        {'0': (2, 3), '1': (3,)}
    """
    if isinstance(target, Discovery):
        rows = zip(target.leaves, target.values, strict=True)
        return nested((c, leaf.path, value) for (leaf, c), value in rows)
    if not isinstance(target, (Base, Cell)):
        raise TypeError(
            f"expected a model or the result of statejit.discover, got a {type(target).__name__}"
        )
    return nested(
        (collection_of(leaf, leaf.content, False), leaf.path, leaf.content)
        for leaf in distinct(walk(target, present))
    )
