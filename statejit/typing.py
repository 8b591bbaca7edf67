"""Aliases for types in public signatures, and annotations that name a collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np

PyTree = Any
"""Any nesting of containers that `jax.tree_util` knows, with arrays at the leaves."""

ArrayLike = jax.Array | np.ndarray | np.generic | bool | int | float | complex
"""What JAX takes for an array."""

Path = tuple[str, ...]
"""The way from a model to one of its slots, as keys of a collection: `('layers', '0', 'w')`."""

Collection = Mapping[str, Any]
"""A nested dictionary with string keys and arrays at the leaves."""

Filter = Callable[[Path, Any], bool]
"""A predicate over slots: it is given the path and the array."""


class InCollection(NamedTuple):
    """Metadata of `typing.Annotated`: the slots below an attribute belong to this collection.

    Args:
        name: 'params', 'state', 'rngs', 'constants' or a name of the user's own.

    Example:
        >>> from typing import Annotated
        >>> import jax, jax.numpy as jnp, statejit as sj
        >>> class Scale(sj.Base):
        ...     factor: Annotated[jax.Array, sj.typing.InCollection("constants")]
        ...     def __init__(self):
        ...         self.factor = jnp.ones(2)
        >>> list(sj.collections(Scale()))
        ['constants']
    """

    name: str


Param = Annotated[Any, InCollection("params")]
State = Annotated[Any, InCollection("state")]
Rng = Annotated[Any, InCollection("rngs")]
Constant = Annotated[Any, InCollection("constants")]
