"""What is kept as it is, without a recipe: keys, elements of sets, static parts, JAX's functions.

None of it is a place of state, so that nothing of a trace may be in it. Numbers in keys are guards,
as they were hashed; one that is elsewhere is wanted plain: the trace is made again, with a guard.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import jax

from .base import Base
from .cells import Cell
from .frames import Frame
from .numbers import Number
from .positions import reached
from .slots import PLAIN

ATOMS = frozenset(PLAIN) - {slice}
"""Types of values in which there is nothing else."""

HOLDING = (
    types.GenericAlias,
    types.UnionType,
    type(jax.jit(lambda: 0)),
    jax.custom_jvp,
    jax.custom_vjp,
)
"""Types of values that are guards by their identity, and hold other values."""


def traced_in(part: Any, frame: Frame) -> str:
    """Returns what of a trace can be reached from a part that is kept; empty if nothing.

    Args:
        part: what is kept.
        frame: the current frame.

    Raises:
        TypeError: if that is a number: then it is wanted plain.
    """
    for item in _parts(part, frame):
        if type(item) is Number:
            raise TypeError("a Python number that varies is kept in what can hold plain ones only.")
        if isinstance(item, jax.core.Tracer):
            return "a traced value"
        if isinstance(item, (Base, Cell)) and frame.has_made(item):
            return f"a {type(item).__name__}"
    return ""


def plain_in(part: Any) -> Any:
    """Returns a key, or what else is hashed, with plain numbers: to hash them was to guard them."""
    if type(part) is Number:
        return part.plain()
    if not isinstance(part, (tuple, frozenset)):
        return part
    items = [plain_in(item) for item in part]
    if all(new is old for new, old in zip(items, part, strict=True)):
        return part
    return frozenset(items) if isinstance(part, frozenset) else tuple.__new__(type(part), items)


def _parts(part: Any, frame: Frame) -> Iterator[Any]:
    if type(part) in (tuple, frozenset) and all(type(item) in ATOMS for item in part):
        return iter(())
    return reached(part)
