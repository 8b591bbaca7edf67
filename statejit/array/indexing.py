"""Indices as NumPy takes them: checked, and told apart into those that pick and those that gather.

Integers, slices, `...` and new axes *pick*: the result is a view (or a scalar). Lists, arrays and
masks *gather*: the result is a copy.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.cells import Cell
from .._core.numbers import Number, plain
from .._core.slots import is_tracer
from . import kernels, repeated
from .lifting import as_now, is_numpys
from .operators import fitting_whole, is_whole, operand
from .ways import Entry, Operand, Pick

BASIC = (int, slice, type(None), type(Ellipsis))


# Indices that pick ---------------------------------------------------------------------------


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
    _check_count(used, parts, shape)
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


def _check_count(used: int, parts: list[Any], shape: tuple[int, ...]) -> None:
    if sum(part is Ellipsis for part in parts) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if used > len(shape):
        raise IndexError(
            f"too many indices for array: array is {len(shape)}-dimensional, but {used} were "
            "indexed"
        )


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
            _out_of_bounds(part, axis, size)
        return (part % size,)
    if type(part) is Number:
        number: Any = part
        if not -size <= number < size:  # a guard on the outcome, not on the number
            _out_of_bounds(part.plain(), axis, size)
        part = part.__jax_array__()
    operands.append(part)
    return (Operand(len(operands) - 1),)


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
        return operator.index(end)
    raise TypeError(
        f"slice indices must be integers or None or have an __index__ method, not "
        f"{type(end).__name__}"
    )


# Indices that gather -------------------------------------------------------------------------


def gathered(value: Any, index: Any) -> Any:
    """Returns `value[index]`, a copy.

    Args:
        value: the content of an array.
        index: with lists, arrays or masks among its parts.

    Raises:
        IndexError: if an integer that is known is out of bounds, or a mask does not fit.
    """
    index = checked(index, value.shape)
    parts = index if type(index) is tuple else (index,)
    if kernels.is_open(value, *parts):
        return value[index]
    if any(is_mask(part) for part in parts):
        parts = tuple(map(_host, parts))  # the shape of what is found depends on the mask
        # NumPy compiles nothing; what another device holds JAX gathers there.
        return jnp.array(np.asarray(value)[parts]) if _on_cpu(value) else value[parts]
    form, arrays = _form(parts)
    return _gatherer(form)(value, arrays)


@functools.wraps(jnp.take)
def take(
    a: Any, indices: Any, axis: int | None = None, out: None = None, mode: Any = None, **kwargs: Any
) -> Any:
    """Returns `jnp.take(...)`; indices that can be looked at are to be within bounds."""
    if mode in (None, "raise"):
        if is_known(indices) or (mode == "raise" and not is_tracer(indices)):
            axes = range(np.ndim(a))
            size = np.size(a) if axis is None else np.shape(a)[axes[operator.index(axis)]]
            found = np.asarray(indices)
            if found.size and found.dtype.kind in "iu":
                _check_extremes(found, 0 if axis is None else axis, size)
        elif mode == "raise":
            raise ValueError("mode='raise' needs indices that are known: use 'clip' or 'wrap'")
        mode = None
    return jnp.take(a, indices, axis, mode=mode, **kwargs)


def scattering(shape: Any, index: Any, new: Any, is_open: bool) -> tuple[Any, Any]:
    """Returns how an assignment is done at an index that gathers.

    Args:
        shape: the shape of the array.
        index: as `checked` has returned it.
        new: what is assigned, in the dtype of the array.
        is_open: whether it is done inside of a trace.

    Returns:
        (fun, args), the content becoming `fun(content, *args)`; or (None, index) for masks that
        NumPy has to look into.

    Raises:
        ValueError: if the shapes do not fit.
    """
    parts = index if type(index) is tuple else (index,)
    masks = [part for part in parts if is_mask(part)]
    if len(parts) == 1 and masks and masks[0].ndim <= len(shape) - np.ndim(new):
        mask = masks[0]
        return _where, (mask, stretched(new, shape[mask.ndim :]))
    is_open = is_open or kernels.is_open(*parts)
    if masks and not is_open:
        return None, tuple(map(_host, parts))
    form, arrays = _form(parts)
    return _scatterer(form), (arrays, new)


def _where(value: Any, mask: Any, new: Any) -> Any:
    """Sets the same value wherever a mask holds: no shape depends on the mask, so it traces."""
    mask = jnp.asarray(mask)
    return jnp.where(mask.reshape(mask.shape + (1,) * (value.ndim - mask.ndim)), new, value)


def is_known(value: Any) -> bool:
    """Says whether a number or an array can be looked at, and without waiting for a device."""
    if type(value) is Number or is_tracer(value):
        return False
    return not isinstance(value, jax.Array) or _on_cpu(value)


def _on_cpu(value: Any) -> bool:
    return value.is_fully_addressable and all(d.platform == "cpu" for d in value.devices())


def _host(part: Any) -> Any:
    return np.asarray(part) if isinstance(part, jax.Array) else part


def _form(parts: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[Any]]:
    """Takes an index apart into what a program is made for, and its arrays."""
    form: list[Any] = []
    arrays: list[Any] = []
    for part in parts:
        if type(part) is slice:
            form.append((part.start, part.stop, part.step))
        elif part is None or part is Ellipsis or type(part) is bool:
            form.append(part)
        else:
            form.append("array")
            arrays.append(part)
    return tuple(form), arrays


def _formed(form: tuple[Any, ...], arrays: list[Any]) -> tuple[Any, ...]:
    left = iter(arrays)
    return tuple(
        next(left) if part == "array" else slice(*part) if type(part) is tuple else part
        for part in form
    )


@functools.lru_cache(1024)
def _gatherer(form: tuple[Any, ...]) -> Callable[..., Any]:
    return jax.jit(lambda value, arrays: value[_formed(form, arrays)])


@functools.lru_cache(1024)
def _scatterer(form: tuple[Any, ...]) -> Callable[..., Any]:
    def scattered(value: Any, arrays: list[Any], new: Any) -> Any:
        parts = _formed(form, arrays)
        shape = jax.eval_shape(lambda v: v[parts], value).shape
        new = jnp.broadcast_to(jnp.asarray(stretched(new, shape), value.dtype), shape)
        return repeated.assigned(value, parts, new)

    return scattered


# What is assigned ----------------------------------------------------------------------------


def cast(new: Any, dtype: Any) -> Any:
    """Returns what is assigned in the dtype of the array that receives it (any cast goes)."""
    if jnp.issubdtype(dtype, jnp.integer):
        if type(new) in (int, bool) or (isinstance(new, (list, tuple)) and is_numpys(new)):
            return np.array(new, dtype)  # raises if one is out of bounds, as NumPy does
        new = fitting_whole(new, dtype) if is_whole(new) else new
    new = operand(new)
    if isinstance(new, jax.Array) and new.dtype == dtype:
        return new
    if isinstance(new, complex) and not jnp.issubdtype(dtype, jnp.complexfloating):
        raise TypeError(f"float() argument must be a real number, not {type(new).__name__!r}")
    if type(new) is Number:  # `jnp.asarray` would not take it
        new = new.__jax_array__()
    if isinstance(new, jax.Array):
        return new.astype(dtype)
    return np.asarray(new).astype(dtype)


def stretched(new: Any, shape: tuple[int, ...]) -> Any:
    """Drops leading axes of length 1, as NumPy does in assignments; checks that the rest fits.

    Args:
        new: what is assigned.
        shape: the shape of what receives it.

    Raises:
        ValueError: if it can not be broadcast.
    """
    given = np.shape(new)
    extra = len(given) - len(shape)
    if extra > 0 and all(n == 1 for n in given[:extra]):
        new = new.reshape(given[extra:])
    try:
        if np.broadcast_shapes(np.shape(new), shape) == shape:
            return new
    except ValueError:
        pass
    raise ValueError(f"could not broadcast input array from shape {given} into shape {shape}")


def is_concretization(error: Exception | None) -> bool:
    """Says whether JAX refused because it would have needed the value of a tracer."""
    return isinstance(error, jax.errors.JAXTypeError)


# Checks --------------------------------------------------------------------------------------


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
    _check_count(sum(used), parts, shape)
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


def _without_empty_mask(part: Any) -> tuple[Any, ...]:
    """Returns a part of an index as parts; a mask without elements fits everywhere in NumPy."""
    return (np.zeros(0, int),) * part.ndim if is_mask(part) and not part.size else (part,)


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


def is_mask(part: Any) -> bool:
    """Says whether a part of an index is an array of booleans."""
    return isinstance(part, (jax.Array, np.ndarray)) and part.dtype == np.bool


def _axes(part: Any) -> int:
    """Returns how many axes of the array one part of an index consumes."""
    if part is None or part is Ellipsis or isinstance(part, (bool, np.bool)):
        return 0
    return part.ndim if is_mask(part) else 1


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
    if isinstance(part, (np.ndarray, jax.Array)) and part.dtype.kind in "iu":
        if part.size and is_known(part):
            _check_extremes(np.asarray(part), axis, size)
        return part
    if isinstance(part, slice):
        return part
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or "
        "boolean arrays are valid indices"
    )


def _check_extremes(indices: np.ndarray, axis: int, size: int) -> None:
    for extreme in (indices.min(), indices.max()):
        if not -size <= extreme < size:
            _out_of_bounds(int(extreme), axis, size)


def _check_mask(mask: tuple[int, ...], shape: tuple[int, ...], axis: int) -> None:
    for i, (has, needs) in enumerate(zip(mask, shape, strict=False)):
        if has not in (needs, 0):
            raise IndexError(
                f"boolean index did not match indexed array along axis {axis + i}; size of axis is "
                f"{needs} but size of corresponding boolean axis is {has}"
            )


def _out_of_bounds(index: int, axis: int, size: int) -> None:
    raise IndexError(f"index {index} is out of bounds for axis {axis} with size {size}")
