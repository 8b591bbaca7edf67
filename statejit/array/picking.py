"""Indices that pick: integers, slices, `...` and new axes, whose result is a view (or a scalar)."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from .._core.cells import Cell
from .._core.numbers import Number
from .indexing import check_count, is_known, out_of_bounds, static_slice
from .steps import Entry, Operand, Pick

BASIC = (int, slice, type(None), type(Ellipsis))


def picked(index: Any, shape: tuple[int, ...]) -> tuple[Pick, list[Any], bool] | None:
    """Returns what an index picks, or None if it gathers.

    Args:
        index: as NumPy takes it.
        shape: the shape of the array.

    Returns:
        The index, the integers in it that only the device knows, and whether NumPy's result would
        be a scalar.

    Raises:
        IndexError: if an integer that is known is out of bounds, or there are too many indices.
    """
    parts = [_integer(part) for part in (index if type(index) is tuple else (index,))]
    if not all(type(part) in BASIC or _is_device_integer(part) for part in parts):
        return None
    used = sum(part is not None and part is not Ellipsis for part in parts)
    check_count(used, parts, shape)
    operands: list[Any] = []
    entries: list[Entry] = []
    axis = 0
    for part in parts if Ellipsis in map(_simple, parts) else [*parts, Ellipsis]:
        if part is None:
            entries.append(None)
        elif part is Ellipsis:
            rest = len(shape) - used
            entries += [(0, n, 1) for n in shape[axis : axis + rest]]
            axis += rest
        else:
            entries.append(_entry(part, axis, shape[axis], operands))
            axis += 1
    scalar = len(parts) == len(shape) and all(e is not None and len(e) == 1 for e in entries)
    return Pick(tuple(entries)), operands, scalar


def _simple(part: Any) -> Any:
    return part if part is Ellipsis else None


def _integer(part: Any) -> Any:
    """Returns a part of an index; integers of NumPy as Python's."""
    if type(part) in BASIC:
        return part
    if isinstance(part, np.integer) or (
        type(part) is np.ndarray and not part.ndim and part.dtype.kind in "iu"
    ):
        return int(part)
    part = part.value if isinstance(part, Cell) else part
    return int(part) if _is_device_integer(part) and is_known(part) else part


def _is_device_integer(part: Any) -> bool:
    if type(part) is Number:
        return isinstance(part, int)
    return isinstance(part, jax.Array) and not part.ndim and part.dtype.kind in "iu"


def _entry(part: Any, axis: int, size: int, operands: list[Any]) -> Entry:
    if type(part) is slice:
        start, stop, step = static_slice(part).indices(size)
        count = len(range(start, stop, step))
        return (start, count, step) if count else (0, 0, 1)
    if type(part) is int:
        if not -size <= part < size:
            out_of_bounds(part, axis, size)
        return (part % size,)
    if type(part) is Number:
        number: Any = part
        if not -size <= number < size:  # a guard on the outcome, not on the number
            out_of_bounds(part.plain(), axis, size)
        part = part.__jax_array__()
    operands.append(part)
    return (Operand(len(operands) - 1),)
