"""Indices as NumPy takes them: checked, as far as they are known."""

from __future__ import annotations

import itertools
import operator
from typing import Any, NoReturn

import jax
import numpy as np

from .._core.advice import DO, SLICE
from .._core.cells import Cell
from .._core.numbers import Number, plain
from .._core.slots import is_tracer
from .lifting import as_now
from .operators import operand


def checked(index: Any, shape: tuple[int, ...]) -> Any:
    """Returns an index as JAX takes it.

    Args:
        index: as NumPy takes it.
        shape: the shape of the array.

    Raises:
        IndexError: if an integer that is known is out of bounds, or there are too many indices.
    """
    if type(index) is tuple:
        return _parts(index, shape)
    if type(index) is slice:
        return static_slice(index)
    parts = _parts((index,), shape)
    return parts[0] if len(parts) == 1 else parts


def _parts(index: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, ...]:
    parts = [_part(part) for part in index]
    used = [_axes(part) for part in parts]
    check_count(sum(used), parts, shape)
    _check_flags(parts)
    axis = 0
    for i, part in enumerate(parts):
        if part is Ellipsis:
            axis = len(shape) - sum(used[i:])
            continue
        if is_mask(part):
            _check_mask(part.shape, shape[axis:], axis)
        elif used[i] == 1:
            parts[i] = _in_bounds(part, axis, shape[axis])
        axis += used[i]
    return tuple(itertools.chain.from_iterable(map(_without_empty_mask, parts)))


def _check_flags(parts: list[Any]) -> None:
    """Refuses True and False where JAX takes the wrong axes: behind new ones, among other parts."""
    flags = [i for i, part in enumerate(parts) if isinstance(part, (bool, np.bool))]
    if not flags:
        return
    picks = [part is None or part is Ellipsis or type(part) is slice for part in parts]
    last = len(picks) - 1 - picks[::-1].index(False)
    among = any(picks[:last]) and picks.count(False) > 1
    if among or any(part is None for part in parts[: flags[-1]]):
        raise NotImplementedError(
            "True or False in an index with new axes or slices before them: index twice"
        )


def _part(part: Any) -> Any:
    if isinstance(part, Cell):
        return part.value
    if type(part) is slice:
        return static_slice(part)
    if isinstance(part, (list, tuple, range)):
        part = list(part)
        found = operand(part) if part else np.zeros(0, int)
        return found if is_tracer(found) else np.asarray(found)
    return as_now(part) if isinstance(part, np.ndarray) else part


def _without_empty_mask(part: Any) -> tuple[Any, ...]:
    """Returns a part of an index as parts; a mask without elements fits everywhere in NumPy."""
    return (np.zeros(0, int),) * part.ndim if is_mask(part) and not part.size else (part,)


def is_mask(part: Any) -> bool:
    """Says whether a part of an index is an array of booleans."""
    return isinstance(part, (jax.Array, np.ndarray)) and part.dtype == np.bool


def _axes(part: Any) -> int:
    """Returns how many axes of the array one part of an index consumes."""
    if part is None or part is Ellipsis or isinstance(part, (bool, np.bool)):
        return 0
    return part.ndim if is_mask(part) else 1


def static_slice(part: slice) -> slice:
    """Returns a slice of plain integers.

    Raises:
        TypeError: if an end is no integer.
    """
    ends = (part.start, part.stop, part.step)
    if ends[2] is not None and not is_tracer(ends[2]) and plain(ends[2]) == 0:
        raise ValueError("slice step cannot be zero")
    return slice(*[None if end is None else _end(end) for end in ends])


def _end(end: Any) -> int:
    end = plain(end)
    if hasattr(type(end), "__index__"):
        try:
            return operator.index(end)
        except jax.errors.TracerIntegerConversionError as error:
            error.add_note(DO + SLICE)
            raise
    raise TypeError(
        f"slice indices must be integers or None or have an __index__ method, not "
        f"{type(end).__name__}"
    )


# Bounds --------------------------------------------------------------------------------------


def is_known(value: Any) -> bool:
    """Says whether a number or an array can be looked at, and without waiting for a device."""
    if type(value) is Number or is_tracer(value):
        return False
    return not isinstance(value, jax.Array) or on_cpu(value)


def on_cpu(value: Any) -> bool:
    """Says whether an array lies where it can be looked at at once."""
    return value.is_fully_addressable and all(d.platform == "cpu" for d in value.devices())


def _in_bounds(part: Any, axis: int, size: int) -> Any:
    """Checks what is known of one integer index."""
    if type(part) is Number:
        number: Any = part
        if not -size <= number < size:  # a guard on the outcome, not on the number
            out_of_bounds(number.plain(), axis, size)
        return number.__jax_array__()
    if isinstance(part, (int, np.integer)):
        if not -size <= part < size:
            out_of_bounds(int(part), axis, size)
        return int(part)
    if isinstance(part, (np.ndarray, jax.Array)) and part.dtype.kind in "iu":
        if part.size and is_known(part):
            check_extremes(np.asarray(part), axis, size)
        return part
    if isinstance(part, slice):
        return part
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or "
        "boolean arrays are valid indices"
    )


def check_extremes(indices: np.ndarray, axis: int, size: int) -> None:
    """Raises an `IndexError` if one of some integers is out of the bounds of an axis."""
    for extreme in (indices.min(), indices.max()):
        if not -size <= extreme < size:
            out_of_bounds(int(extreme), axis, size)


def check_count(used: int, parts: list[Any], shape: tuple[int, ...]) -> None:
    """Raises an `IndexError` if an index has more parts than there are axes."""
    if sum(part is Ellipsis for part in parts) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if used > len(shape):
        raise IndexError(
            f"too many indices for array: array is {len(shape)}-dimensional, but {used} were "
            "indexed"
        )


def _check_mask(mask: tuple[int, ...], shape: tuple[int, ...], axis: int) -> None:
    for i, (has, needs) in enumerate(zip(mask, shape, strict=False)):
        if has not in (needs, 0):
            raise IndexError(
                f"boolean index did not match indexed array along axis {axis + i}; size of axis is "
                f"{needs} but size of corresponding boolean axis is {has}"
            )


def out_of_bounds(index: int, axis: int, size: int) -> NoReturn:
    """Raises the `IndexError` of an integer."""
    raise IndexError(f"index {index} is out of bounds for axis {axis} with size {size}")
