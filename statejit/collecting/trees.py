"""Collections: the slots of a model as nested dictionaries, flax-style."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from .._core.cells import Cell
from .._core.slots import is_key
from ..errors import StructureError
from ..typing import Path
from .leaves import Leaf, is_number


def collection_of(leaf: Leaf, content: Any, written: bool) -> str:
    """Returns the collection of a leaf.

    Args:
        leaf: where it was found.
        content: the array.
        written: whether the function writes it.
    """
    if leaf.mark is not None:
        return leaf.mark
    if is_key(content):
        return "rngs"
    if written:
        return "state"
    inexact = isinstance(content, jax.Array) and jnp.issubdtype(content.dtype, jnp.inexact)
    is_numpy = isinstance(leaf.holder, Cell) and leaf.holder.host  # inside a trace: a stand-in
    return "params" if inexact and not is_numpy else "constants"


def distinct(leaves: Iterable[Leaf]) -> Iterator[Leaf]:
    """Yields the arrays among leaves; one array in two places is one parameter."""
    seen: set[int] = set()
    for leaf in leaves:
        if is_number(leaf.content):
            continue
        if collection_of(leaf, leaf.content, False) == "params":
            if id(leaf.content) in seen:
                continue
            seen.add(id(leaf.content))
        yield leaf


def nested(items: Iterable[tuple[str, Path, Any]]) -> dict[str, Any]:
    """Returns (collection, path, value) triples as nested dictionaries."""
    tree: dict[str, Any] = {}
    for collection, path, value in items:
        at = tree.setdefault(collection, {})
        for key in path[:-1]:
            at = at.setdefault(key, {})
        if not path:
            tree[collection] = value
        elif not isinstance(at, dict) or path[-1] in at:
            raise StructureError(
                f"two slots have the path {'.'.join(path)}.",
                do="use keys that differ as strings.",
            )
        else:
            at[path[-1]] = value
    return tree


def flat(tree: Any) -> dict[Path, Any]:
    """Returns the leaves of nested dictionaries by path."""
    found: dict[Path, Any] = {}
    stack: list[tuple[Path, Any]] = [((), tree)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, typing.Mapping):
            stack.extend(((*path, str(key)), child) for key, child in reversed([*value.items()]))
        else:
            found[path] = value
    return found
