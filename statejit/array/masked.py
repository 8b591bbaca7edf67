"""`a[mask] += 1` inside of traces: how many elements a mask picks is not known, but not needed.

What is changed is the whole array, and what the mask does not pick is left as it was. What is
reduced, as by `a[mask].sum()`, is the whole array, too, without what the mask does not pick.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core.cells import Cell
from .indexing import is_mask
from .operators import changed, in_range, is_whole, operand


class Masked:
    """Stands for `array[mask]` between the two halves of an in-place statement.

    Args:
        array: the array.
        index: the mask, as it was given.
        mask: the mask, (*first,), the array being of shape (*first, *rest).
        error: what is raised if it is used for anything else.
    """

    __slots__ = ("_array", "_content", "_error", "_index", "_mask", "_picked", "_rest")
    __array_ufunc__ = None  # NumPy's operators give way to the one that raises

    def __init__(self, array: Any, index: Any, mask: Any, error: Exception) -> None:
        value = array.value
        self._array, self._index, self._error, self._picked = array, index, error, mask
        self._rest = value.shape[mask.ndim :]
        self._mask = jnp.reshape(mask, mask.shape + (1,) * len(self._rest))
        # Ones elsewhere: no derivative of theirs is infinite.
        self._content = jnp.where(self._mask, value, jnp.ones((), value.dtype))

    def change(self, fun: Callable[[Any, Any], Any], ufunc: str, other: Any) -> Any:
        """Does an operation with an operand that is the same for all that the mask picks.

        Or with what the same mask picks of another array.
        """
        if type(other) is Masked:
            if other._picked is not self._picked or len(other._rest) != len(self._rest):
                raise self._error
            other = other._content
        else:
            whole = is_whole(other)
            other = in_range(ufunc, self._content, other) if whole else operand(other)
            if np.ndim(other) > len(self._rest):
                raise self._error
        self._content = changed(fun, ufunc, self._content, other)
        return self

    def __imatmul__(self, other: Any) -> Any:
        raise self._error

    def _refuse(self, other: Any) -> Any:
        raise self._error

    def put(self, array: Any, index: Any) -> None:
        """Writes what has been changed, where it was read."""
        if array is not self._array or index is not self._index:
            raise self._error
        array._assign(jnp.where(self._mask, self._content, array.value))


def masked(array: Any, index: Any, error: Exception) -> Masked:
    """Returns what stands for `array[index]`, if the index is one mask, or raises the error.

    Args:
        array: the array.
        index: as it was given.
        error: what JAX raised.
    """
    return Masked(array, index, _only_mask(array, index, error), error)


def _only_mask(array: Any, index: Any, error: Exception) -> Any:
    """Returns the mask that an index is, but for whole axes behind it."""
    mask, *rest = index if type(index) is tuple and index else (index,)
    mask = mask.value if isinstance(mask, Cell) else mask
    axes = sum(type(part) is slice and part == slice(None) for part in rest)
    fills = sum(part is Ellipsis for part in rest)
    fits = is_mask(mask) and np.ndim(mask) + axes <= array.ndim
    if not fits or fills > 1 or axes + fills < len(rest):
        raise error
    return mask


def _changing(name: str, ufunc: str) -> Callable[[Masked, Any], Any]:
    fun = getattr(operator, name)

    def method(self: Masked, other: Any) -> Any:
        return self.change(fun, ufunc, other)

    return method


for _name, _ufunc in {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "power",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "left_shift",
    "rshift": "right_shift",
}.items():
    setattr(Masked, f"__i{_name}__", _changing(f"__{_name}__", _ufunc))
    setattr(Masked, f"__r{_name}__", Masked._refuse)


class Picked:
    """Stands for `array[mask]` while one method of it is called that needs no number of elements.

    Args:
        array: the array.
        index: the mask, as it was given.
        error: what is raised if that is not possible.
    """

    __slots__ = ("_array", "_error", "_mask")

    def __init__(self, array: Any, index: Any, error: Exception) -> None:
        self._array = array._new_copy(array.value, None)
        self._mask, self._error = _only_mask(array, index, error), error


REDUCTIONS = ("sum", "prod", "mean", "any", "all", "max", "min")
"""Methods that reduce; of nothing the last two are an error, unless `initial=` is given."""


def _reducing(name: str) -> Callable[..., Any]:
    def method(self: Picked, axis: Any = None, **kwargs: Any) -> Any:
        given = {"initial"} if name in ("max", "min") else set()
        if axis not in (None, 0) or not given <= kwargs.keys() <= {"dtype", "initial"}:
            raise self._error
        first, ndim = self._mask.ndim, self._array.ndim
        mask = jnp.reshape(self._mask, self._mask.shape + (1,) * (ndim - first))
        axes = None if axis is None else tuple(range(first))
        return getattr(self._array, name)(axis=axes, where=mask, **kwargs)

    return method


for _name in REDUCTIONS:
    setattr(Picked, _name, _reducing(_name))
