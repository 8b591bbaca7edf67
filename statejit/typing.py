"""Aliases for the types that appear in public signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

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
