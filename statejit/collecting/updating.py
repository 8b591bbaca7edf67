"""Updating: collections, or a part of them, written back into the slots of a model."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.cells import Cell
from .._core.containers import kind_of
from ..errors import SlotNotFoundError, StructureError
from ..typing import Collection, Path
from .leaves import Leaf, present, walk
from .trees import collection_of, flat


def update(model: Any, variables: Collection) -> None:
    """Writes collections, or a part of them, into the slots of a model.

    Everything is checked before anything is written.

    Args:
        model: the model.
        variables: `{'params': {...}, ...}`, as from `collections`; also in a traced function.

    Raises:
        SlotNotFoundError: if a path leads to no array of the model.
        StructureError: if an array does not have the shape of its slot.

    Example:
        >>> import jax, jax.numpy as jnp, statejit as sj
        >>> class Scale(sj.Base):
        ...     def __init__(self):
        ...         self.w = jnp.ones(2)
        >>> scale = Scale()
        >>> sj.update(scale, jax.tree.map(lambda w: 3 * w, sj.collections(scale)))
        >>> scale.w.tolist()
        [3.0, 3.0]
    """
    new: dict[Path, Any] = {}
    for collection in variables.values():
        new |= flat(collection)
    write_leaves(model, new)


def write_leaves(model: Any, new: dict[Path, Any]) -> None:
    """Writes arrays into the slots of a model, by path."""
    leaves = list(walk(model, present))
    by_path = {leaf.path: leaf for leaf in leaves}
    for path, value in new.items():
        if path not in by_path:
            raise SlotNotFoundError(
                f"{type(model).__name__} has no array at {'.'.join(path) or 'its root'}.",
                do="compare with the paths in statejit.collections(model).",
            )
        old = by_path[path].content
        if hasattr(old, "shape") and jnp.shape(old) != jnp.shape(value):
            raise StructureError(
                f"{'.'.join(path)} has shape {jnp.shape(old)}, and was given {jnp.shape(value)}.",
                do="assign the attribute, if its shape is to change.",
            )
    shared = {id(by_path[path].content): value for path, value in new.items()}
    for leaf in leaves:
        if leaf.path in new:
            _write(leaf, new[leaf.path])
        elif collection_of(leaf, leaf.content, False) == "params" and id(leaf.content) in shared:
            _write(leaf, shared[id(leaf.content)])  # the other places of a tied parameter


def _write(leaf: Leaf, value: Any) -> None:
    if isinstance(value, Cell):
        value = value.value
    if isinstance(leaf.holder, Cell):
        leaf.holder.value = jnp.asarray(value)
        return
    if isinstance(leaf.content, np.ndarray):
        np.copyto(leaf.content, np.asarray(value))
        return
    if isinstance(leaf.content, jax.Array) and not isinstance(value, jax.Array):
        value = jnp.asarray(value)  # flax restores NumPy arrays
    if not leaf.index:
        setattr(leaf.holder, leaf.name, value)
    else:
        container = getattr(leaf.holder, leaf.name)
        changed = _replaced(container, leaf.index, value)
        if changed is not container:
            setattr(leaf.holder, leaf.name, changed)


def _replaced(container: Any, index: tuple[int, ...], value: Any) -> Any:
    """Puts a value into a container: in place where that is possible."""
    if not index:
        return value
    kind: Any = kind_of(container)
    aux, children = kind.take_apart(container)
    new = _replaced(children[index[0]], index[1:], value)
    if new is children[index[0]]:
        return container
    children[index[0]] = new
    if not kind.mutable:
        return kind.build(type(container), aux, children)
    kind.store(container, aux, children)
    return container
