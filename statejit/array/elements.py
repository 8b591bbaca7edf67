"""The shortest way, outside of traces, for statements on one element: `x[i]`, `x[i, j] = 5`.

What is known of an index is kept from call to call, so that a statement costs little more than the
dispatch. `x[i] += 5` is one dispatch, too: the element is read when it is put back, by the program
that puts it there. Whatever is not as simple goes the general way, which also raises the errors.
"""

from __future__ import annotations

import functools
import math
import sys
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .._core.slots import MISSING
from .._core.windows import Due
from . import kernels
from .callers import PASSING, augments
from .quick import CONCRETE, both, fitting, is_concrete

Fun = Callable[..., Any]


def element(array: Any, index: Any, caller: types.FrameType) -> Any:
    """Returns the content of one element, a `jax.Array` or what is due for it, or MISSING.

    Args:
        array: a mutable array.
        index: an integer, or a tuple.
        caller: the frame that asks for it.
    """
    value = array._value
    if type(value) not in CONCRETE and not is_concrete(value):
        return MISSING
    if type(index) is not int and not _WHOLE.issuperset(map(type, index)):
        return MISSING
    start = _start(index, value.aval.shape)
    if start is None:
        return MISSING
    if not augments(caller):
        return _read(value, start)
    due: Any = object.__new__(Due)  # what `Due(...)` does, without a call of Python's
    due.fun, due.args, due.note = _read, (value, start), index
    return due


def set_element(array: Any, index: Any, new: Any) -> bool:
    """Sets one element; says whether that was possible.

    Args:
        array: a mutable array.
        index: an integer, or a tuple.
        new: a number, or an array without axes.
    """
    due = getattr(new, "_value", None)
    if type(due) is Due:
        if due.note is index and sys.getrefcount(new) <= PASSING and _put_back(array, due, new):
            return True
        new.do()
    value = array._value
    if not is_concrete(value) or getattr(array, "_mark", None) is not None:
        return False
    plain = type(index) is int or _WHOLE.issuperset(map(type, index))
    start = _start(index, value.shape) if plain else None
    if start is None:
        return False
    new = fitting(new, value.dtype)
    if new is MISSING:
        return False
    del value  # it must not seem to have another holder
    kernels.replace(array, _setter, start, new)
    return True


class Augmented:
    """Is what `x[i] <op>= number` does for one operation: all of it where the element is put back.

    Args:
        fun: a compiled operation.
        kinds: the kinds of dtypes that it keeps.
    """

    __slots__ = ("_kinds", "_operated")

    def __init__(self, fun: Fun, kinds: str) -> None:
        def operated(value: Any, start: Any, other: Any) -> Any:
            return fun(_read(value, start), other)

        def put(value: Any, start: Any, other: Any) -> Any:
            return _set(value, start, fun(_part(value, start), other))

        self._kinds, self._operated = kinds, jax.jit(operated)
        _putting[self._operated] = both(put)

    def postpone(self, scalar: Any, other: Any) -> bool:
        """Makes the operation due on an element that is due itself; says whether that was possible.

        Args:
            scalar: what holds the element; only the caller of the caller may hold it.
            other: the second operand, an integer or a float.
        """
        due = getattr(scalar, "_value", None)
        if type(due) is not Due or due.fun is not _read or sys.getrefcount(scalar) > PASSING:
            return False
        value, start = due.args
        other = _operand(other, value.aval.dtype, self._kinds)
        if other is MISSING:
            return False
        due.fun, due.args = self._operated, (value, start, other)
        return True


def _put_back(array: Any, due: Due, scalar: Any) -> bool:
    """Does what is due on an element where that is; says whether it is one of the array's."""
    run, args = _putting.get(due.fun), due.args
    if run is None or args[0] is not array._value or getattr(array, "_mark", None) is not None:
        return False
    start, other = args[1:]
    scalar._value = start  # nobody will ask for it
    due.args = args = ()  # only the array is to hold what it gives away
    kernels.replace(array, run, start, other)
    return True


@functools.lru_cache(4096, typed=True)
def _operand(other: Any, dtype: Any, kinds: str) -> Any:
    """Returns a number as the second operand of an operation that keeps a dtype, or MISSING.

    In that dtype it can lie on the device whatever JAX's settings are; one that nobody will ask for
    again is better left as it is. Zeros have two signs, and are equal.
    """
    if getattr(dtype, "kind", " ") not in kinds or (other == 0 and type(other) is float):
        return MISSING
    found = fitting(other, dtype)
    if found is MISSING or not isinstance(found, jax.Array):
        return found
    with jax.ensure_compile_time_eval():
        return jnp.asarray(other, dtype)


_putting: dict[Fun, tuple[Any, Any]] = {}
"""For each program that gives the element of an operation, those that put it back, too."""

_WHOLE = frozenset({int})


@functools.lru_cache(4096)
def _start(index: Any, shape: tuple[int, ...]) -> Any:
    """Returns where an element lies, as an array of the device's, or None if it lies nowhere."""
    parts = index if type(index) is tuple else (index,)
    if len(parts) != len(shape) or not shape or math.prod(shape) > 2**31 - 1:
        return None
    if not all(-n <= i < n for i, n in zip(parts, shape, strict=True)):
        return None
    with jax.ensure_compile_time_eval():
        return jnp.asarray([i % n for i, n in zip(parts, shape, strict=True)], jnp.uint32)


def _part(value: Any, start: Any) -> Any:
    return jax.lax.dynamic_slice(value, tuple(start), (1,) * value.ndim)


@jax.jit
def _read(value: Any, start: Any) -> Any:
    return _part(value, start).reshape(())


def _set(value: Any, start: Any, new: Any) -> Any:
    part = jnp.asarray(new).astype(value.dtype).reshape((1,) * value.ndim)
    return jax.lax.dynamic_update_slice(value, part, tuple(start))


_setter = both(_set)
