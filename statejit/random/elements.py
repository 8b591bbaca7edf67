"""Whole numbers, and the choice and the order of elements."""

from __future__ import annotations

import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.cells import Cell
from .._core.numbers import Number, plain
from ..array.lifting import unpacked
from .parameters import Parameter, known, numeric
from .programs import Sampler, broadcast_shape

# Whole numbers -----------------------------------------------------------------------------------


def integers(size: Any, dtype: Any) -> Sampler:
    """Returns the sampler of integers of [low, last], both ends included.

    It is the whole part of a random fraction, of twice as many bits as the integers have, times the
    number of values: no value is more probable than another by more than 2^-32.

    References:
        D. Lemire, "Fast random integer generation in an interval", ACM TOMACS 29 (2019).
    """
    dtype = np.dtype(dtype)
    wide = jnp.uint64 if dtype.itemsize == 8 else jnp.uint32

    def sampler(key: Any, low: Any, last: Any) -> Any:
        low, last = jnp.asarray(low), jnp.asarray(last)
        shape = broadcast_shape(size, [low.shape, last.shape])
        first = low.astype(wide)
        count = last.astype(wide) - first + jnp.asarray(1, wide)  # 0 for all values of the dtype
        words = jax.random.bits(key, (2, *shape), wide)
        below = words[0] * count
        carry = below + high_product(words[1], count) < below
        drawn = high_product(words[0], count) + carry.astype(wide)
        found = (first + jnp.where(count == 0, words[0], drawn)).astype(dtype)
        return jnp.where(low > last, jnp.asarray(-1).astype(dtype), found)

    return sampler


def high_product(a: Any, b: Any) -> Any:
    """Returns the upper half of the product of two unsigned integers."""
    half = 4 * a.dtype.itemsize
    mask = jnp.asarray(2**half - 1, a.dtype)
    a_low, a_high, b_low, b_high = a & mask, a >> half, b & mask, b >> half
    middle = a_high * b_low + (a_low * b_low >> half)
    return a_high * b_high + (middle >> half) + (a_low * b_high + (middle & mask) >> half)


def bounds(low: Any, high: Any, dtype: Any, endpoint: bool) -> tuple[Any, Any]:
    """Returns the first and the last integer to draw, checked where they are known.

    Raises:
        ValueError: with NumPy's words, if there is none, or if they do not fit the dtype.
    """
    words = "low > high" if endpoint else "low >= high"
    if high is None:
        low, high = 0, low
        words = "high < 0" if endpoint else "high <= 0"
    info = (0, 1) if np.dtype(dtype).kind == "b" else _range(dtype)
    first, last = known(low), known(high)
    if last is not None:
        last = _whole(last) - (0 if endpoint else 1)
        if np.any(last > info[1]):
            raise ValueError(f"high is out of bounds for {dtype}")
    if first is not None:
        first = _whole(first)
        if np.any(first < info[0]):
            raise ValueError(f"low is out of bounds for {dtype}")
    if first is not None and last is not None and np.any(first > last):
        raise ValueError(words)
    kind = np.int32 if np.dtype(dtype).kind == "b" else dtype
    ends = _bound(first, low, 0, kind), _bound(last, high, 0 if endpoint else 1, kind)
    if first is not None and last is not None:
        return ends
    bottom = jnp.asarray(low if first is None else ends[0])
    top, inclusive = (jnp.asarray(high), endpoint) if last is None else (ends[1], True)
    fits = (bottom <= top if inclusive else bottom < top) & _within(bottom, top, info, inclusive)
    return jnp.where(fits, ends[0], 1), jnp.where(fits, ends[1], 0)  # none, in unsigned dtypes too


def _range(dtype: Any) -> tuple[int, int]:
    return int(jnp.iinfo(dtype).min), int(jnp.iinfo(dtype).max)


def _within(low: Any, high: Any, info: tuple[int, int], inclusive: bool) -> Any:
    """Says whether bounds fit a dtype, given its least and its greatest integer."""
    greatest, fits = info[1] + (0 if inclusive else 1), jnp.asarray(True)
    if not _whole_within(low, info[0], np.inf):
        fits &= low >= info[0]
    return fits if _whole_within(high, -np.inf, greatest) else fits & (high <= greatest)


def _whole_within(array: Any, least: float, greatest: float) -> bool:
    """Says whether no array of its dtype exceeds some limits, which the dtype may then not hold."""
    if not jnp.issubdtype(array.dtype, jnp.integer):
        return False
    smallest, largest = _range(array.dtype)
    return least <= smallest and largest <= greatest


def _bound(value: Any, given: Any, less: int, dtype: Any) -> Any:
    """Returns a bound as an array: what is known, or else the given one less `less`."""
    if value is None or type(given) is Number:
        return jnp.asarray(given).astype(dtype) - jnp.asarray(less, dtype)
    if type(value) is int:
        return np.asarray(value, dtype)
    return np.asarray([int(v) for v in value.ravel()], dtype).reshape(value.shape)


def _whole(value: Any) -> Any:
    """Returns a bound as a Python integer, or an array of them, which never overflow."""
    if type(value) is int or type(value) is Number:
        return value if not isinstance(value, float) else int(value)
    found = numeric(float(value) if isinstance(value, str) else value)
    if found.dtype.kind not in "iub":
        if np.any(np.isinf(found)):
            raise OverflowError("cannot convert float infinity to integer")
        if np.any(np.isnan(found)):
            raise ValueError("cannot convert float NaN to integer")
        found = np.trunc(found)
    if found.ndim == 0:
        return int(found)
    return np.array([int(v) for v in found.flat], object).reshape(found.shape)


def bits(size: Any, dtype: Any) -> Sampler:
    """Returns the sampler of unsigned integers, all bits of which are random."""
    return lambda key: jax.random.bits(key, size or (), dtype)


# Order -------------------------------------------------------------------------------------------


def axis_of(axis: Any, value: Any) -> int:
    """Returns an axis of an array, counted from the first one.

    Raises:
        AxisError: if the array has no such axis.
    """
    axis, ndim = operator.index(plain(axis)), np.ndim(value)
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return axis % ndim


def permutation(axis: int, independent: bool) -> Sampler:
    """Returns the sampler of shuffled copies of an array."""
    return lambda key, x: jax.random.permutation(key, x, axis, independent=independent)


def shuffled(count: int, dtype: Any) -> Sampler:
    """Returns the sampler of the numbers below `count` in random order."""
    return lambda key: jax.random.permutation(key, jnp.arange(count, dtype=dtype))


def permuted(axis: int | None) -> Sampler:
    """Returns the sampler of copies in which each vector along an axis is shuffled on its own."""

    def sampler(key: Any, x: Any) -> Any:
        if axis is None:
            return jax.random.permutation(key, x.ravel()).reshape(x.shape)
        return jax.random.permutation(key, x, axis, independent=True)

    return sampler


# Choice ------------------------------------------------------------------------------------------


def choice(n: int | None, size: Any, replace: bool, weighted: bool, axis: int) -> Sampler:
    """Returns the sampler of `(elements if n is None, weights if weighted)`."""

    def sampler(key: Any, *params: Any) -> Any:
        a: Any = params[0] if n is None else n
        p = params[-1] if weighted else None
        if n is None and 0 in (*a.shape, *(size or ())):  # jax.random.choice forgets other axes
            return jnp.zeros((*a.shape[:axis], *(size or ()), *a.shape[axis + 1 :]), a.dtype)
        return jax.random.choice(key, a, size or (), replace, p, axis)

    return sampler


def elements(value: Any) -> Any:
    """Returns an int for what counts elements, or the array of them: of NumPy, if of no numbers."""
    value = plain(value) if type(value) is Number else value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (str, bytes, set, frozenset, dict)) or value is None:
        return value
    if isinstance(value, (list, tuple)) and not all(map(_is_number, jax.tree.leaves(value))):
        return np.asarray(value)
    found = unpacked(value, True)
    return found if isinstance(found, jax.Array) else np.asarray(found)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, complex, np.number, np.bool, np.ndarray, jax.Array, Cell))


def is_numeric(array: Any) -> bool:
    """Says whether an array can be one of JAX, or is to be reordered by NumPy."""
    return isinstance(array, jax.Array) or np.asarray(array).dtype.kind in "biufcV"


_COUNT = Parameter("a", "the number of elements", count=True)


def check_choice(count: int, size: Any, replace: bool, p: Any, shape: Any) -> None:
    """Refuses what can not be chosen from, with NumPy's words.

    Args:
        count: how many elements there are.
        size: the shape of the sample, or None.
        replace: whether an element may be drawn again.
        p: the probabilities, or None.
        shape: the shape of the elements; () for a number.

    Raises:
        ValueError: if it is so.
    """
    drawn = int(np.prod(size if size is not None else ()))
    _COUNT.check_count(count)
    if count <= 0 and drawn:
        what = "a must be a positive integer" if shape == () else "a cannot be empty"
        raise ValueError(f"{what} unless no samples are taken")
    if not replace and drawn > count:
        raise ValueError("Cannot take a larger sample than population when replace is False")
    if p is None:
        return
    if np.ndim(p) != 1:
        raise ValueError("p must be 1-dimensional")
    if np.shape(p)[0] != count:
        raise ValueError("a and p must have same size")
    weights = known(p)
    if weights is None:
        return
    weights = np.asarray(weights)
    tolerance = max(np.sqrt(np.finfo(float).eps), _epsilon(weights))
    if np.any(np.isnan(weights)):
        raise ValueError("Probabilities contain NaN")
    if np.any(weights < 0):
        raise ValueError("Probabilities are not non-negative")
    if abs(weights.astype(float).sum() - 1) > tolerance:
        raise ValueError("Probabilities do not sum to 1.")
    if not replace and np.count_nonzero(weights) < drawn:
        raise ValueError("Fewer non-zero entries in p than size")


def _epsilon(weights: np.ndarray) -> float:
    return float(np.sqrt(np.finfo(weights.dtype).eps)) if weights.dtype.kind == "f" else 0.0
