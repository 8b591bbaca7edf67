"""Indices and item assignment: what NumPy takes for an index, checked and handed to JAX."""

from __future__ import annotations

import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.cells import Cell
from .._core.numbers import Number, plain
from .._core.slots import is_tracer
from .operators import operand

BASIC = (int, slice, type(None), type(Ellipsis))


def getitem(value: Any, index: Any) -> Any:
    """Returns `value[index]`.

    Args:
        value: the array.
        index: as NumPy takes it; mutable arrays and numbers that vary are among its parts.

    Raises:
        IndexError: if an integer that is known is out of bounds.
    """
    return value[checked(index, value.shape)]


def setitem(value: Any, index: Any, new: Any) -> Any:
    """Returns `value` with `new` at an index, cast to the dtype of `value`.

    Args:
        value: the array.
        index: as NumPy takes it.
        new: what is assigned; it is broadcast.

    Raises:
        IndexError: if an integer that is known is out of bounds.
        ValueError: if the shapes do not fit.
    """
    new = cast(new, value.dtype)
    if _is_everything(index):
        return _replaced(value, new)
    index = checked(index, value.shape)
    if _is_mask(index) and index.ndim and np.ndim(new) <= value.ndim - index.ndim:
        return _where(index, new, value)
    try:
        return value.at[index].set(new)
    except (ValueError, TypeError) as error:
        shape = jax.eval_shape(lambda v: v[index], value).shape if _has_shape(index) else ()
        return value.at[index].set(_stretched(new, shape, error))


def _is_mask(index: Any) -> bool:
    return isinstance(index, (jax.Array, np.ndarray)) and index.dtype == np.bool


def _where(mask: Any, new: Any, value: Any) -> Any:
    """Sets the same value wherever a mask holds: no shape depends on the mask, so it traces."""
    new = _stretched(new, value.shape[mask.ndim :], None)
    return jnp.where(mask.reshape(mask.shape + (1,) * (value.ndim - mask.ndim)), new, value)


def cast(new: Any, dtype: Any) -> Any:
    """Returns what is assigned in the dtype of the array that receives it (any cast goes)."""
    new = operand(new)
    if type(new) in (int, bool) and jnp.issubdtype(dtype, jnp.integer):
        return np.asarray(new, dtype)  # raises if it is out of bounds, as NumPy does
    if isinstance(new, jax.Array) and new.dtype == dtype:
        return new
    if isinstance(new, complex) and not jnp.issubdtype(dtype, jnp.complexfloating):
        raise TypeError(f"float() argument must be a real number, not {type(new).__name__!r}")
    if type(new) is Number or isinstance(new, jax.Array):
        return jnp.asarray(new).astype(dtype)
    return np.asarray(new).astype(dtype)


def _is_everything(index: Any) -> bool:
    return index is Ellipsis or (type(index) is slice and index == slice(None))


def _replaced(value: Any, new: Any) -> Any:
    """Returns the new content of a whole array: always an array of its own, never `new` itself."""
    shape = np.shape(new)
    if shape != value.shape:
        return jnp.broadcast_to(_stretched(new, value.shape, None), value.shape)
    return jnp.array(new) if not isinstance(new, jax.Array) else new.copy()


def _stretched(new: Any, shape: tuple[int, ...], error: Exception | None) -> Any:
    """Drops leading axes of length 1, as NumPy does in assignments; checks that the rest fits."""
    given = np.shape(new)
    extra = len(given) - len(shape)
    if extra > 0 and all(n == 1 for n in given[:extra]):
        new = new.reshape(given[extra:])
    try:
        if np.broadcast_shapes(np.shape(new), shape) == shape:
            return new
    except ValueError:
        pass
    if is_concretization(error):
        raise error  # type: ignore[misc]
    raise ValueError(
        f"could not broadcast input array from shape {given} into shape {shape}"
    ) from None


def is_concretization(error: Exception | None) -> bool:
    """Says whether JAX refused because it would have needed the value of a tracer."""
    return isinstance(error, jax.errors.JAXTypeError)


def _has_shape(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return not any(is_tracer(p) and p.dtype == bool for p in parts)


def checked(index: Any, shape: tuple[int, ...]) -> Any:
    """Returns an index as JAX takes it.

    Args:
        index: as NumPy takes it.
        shape: the shape of the array.

    Raises:
        IndexError: if an integer that is known is out of bounds, or there are too many indices.
    """
    if not isinstance(index, tuple):
        if type(index) is slice:
            return _static_slice(index)
        index = (index,)
        return _parts(index, shape)[0]
    return _parts(index, shape)


def _parts(index: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, ...]:
    parts = [_part(part) for part in index]
    used = [_axes(part) for part in parts]
    if sum(used) > len(shape):
        raise IndexError(
            f"too many indices for array: array is {len(shape)}-dimensional, but {sum(used)} were "
            "indexed"
        )
    axis = 0
    for i, part in enumerate(parts):
        if part is Ellipsis:
            axis = len(shape) - sum(used[i:])
            continue
        if _is_mask(part):
            _check_mask(part.shape, shape[axis:], axis)
        elif used[i] == 1:
            parts[i] = _in_bounds(part, axis, shape[axis])
        axis += used[i]
    return tuple(parts)


def _part(part: Any) -> Any:
    if isinstance(part, Cell):
        return part.value
    if type(part) is slice:
        return _static_slice(part)
    if isinstance(part, (list, tuple)):
        found = operand(part) if part else np.zeros(0, int)
        return found if is_tracer(found) else np.asarray(found)
    return part


def _static_slice(part: slice) -> slice:
    ends = (part.start, part.stop, part.step)
    return slice(*[None if end is None else operator.index(plain(end)) for end in ends])


def _axes(part: Any) -> int:
    """Returns how many axes of the array one part of an index consumes."""
    if part is None or part is Ellipsis or isinstance(part, (bool, np.bool)):
        return 0
    return part.ndim if _is_mask(part) else 1


def _in_bounds(part: Any, axis: int, size: int) -> Any:
    """Checks what is known of one integer index."""
    if type(part) is Number:
        number: Any = part
        if not -size <= number < size:  # a guard on the outcome, not on the number
            _out_of_bounds(number.plain(), axis, size)
        return number.__jax_array__()
    if isinstance(part, (int, np.integer)):
        if not -size <= part < size:
            _out_of_bounds(int(part), axis, size)
        return int(part)
    if isinstance(part, np.ndarray) and part.dtype.kind in "iu" and part.size:
        for extreme in (part.min(), part.max()):
            if not -size <= extreme < size:
                _out_of_bounds(int(extreme), axis, size)
    if not isinstance(part, (slice, jax.Array, np.ndarray)) and not hasattr(part, "__jax_array__"):
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), newaxis (`None`) and integer or "
            "boolean arrays are valid indices"
        )
    return part


def _check_mask(mask: tuple[int, ...], shape: tuple[int, ...], axis: int) -> None:
    for i, (has, needs) in enumerate(zip(mask, shape, strict=False)):
        if has != needs:
            raise IndexError(
                f"boolean index did not match indexed array along axis {axis + i}; size of axis is "
                f"{needs} but size of corresponding boolean axis is {has}"
            )


def _out_of_bounds(index: int, axis: int, size: int) -> None:
    raise IndexError(f"index {index} is out of bounds for axis {axis} with size {size}")
