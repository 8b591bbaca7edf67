"""`a[mask] += 1` inside of traces: how many elements a mask picks is not known, but not needed.

What is changed is the whole array, and what the mask does not pick is left as it was.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core.cells import Cell
from . import complaints
from .indexing import is_mask
from .operators import fitted, operand


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
            other = operand(other)
            if np.ndim(other) > len(self._rest):
                raise self._error
        content = self._content
        try:
            found = fun(content, other)
        except complaints.FAILURES as error:
            complaints.complain(fun, (content, other), {}, error)
        self._content = fitted(found, content.shape, content.dtype, ufunc)
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
    mask = index.value if isinstance(index, Cell) else index
    if not is_mask(mask):
        raise error
    return Masked(array, index, mask, error)


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
