"""The operators of mutable arrays, each made from Python's own by one of five factories."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.cells import Cell
from .._core.numbers import Number

Binary = Callable[[Any, Any], Any]

OPERANDS = (Cell, jax.Array, np.ndarray, np.generic, bool, int, float, complex, list, tuple)
"""Types that may stand beside a mutable array."""


class Operators(Cell):
    """Is what `Array` and its kin share: a value, and a way to wrap results."""

    __slots__ = ()

    def _wrap(self, value: Any, ufunc: str, *operands: Any) -> Any:
        """Returns a result of an operation on this array; `operands` are as they were given."""
        raise NotImplementedError


def operand(value: Any) -> Any:
    """Returns what JAX takes for an operand: the content of a cell, an array for a list."""
    if isinstance(value, Cell):
        return value.value
    if isinstance(value, (list, tuple)) and type(value) is not Number:
        return jnp.asarray(jax.tree.map(operand, value, is_leaf=lambda v: isinstance(v, Cell)))
    return value


def _apply(fun: Binary, left: Any, right: Any) -> Any:
    """Does an operation; shapes that don't fit are an error of NumPy's class, not of JAX's."""
    try:
        return fun(left, right)
    except TypeError:
        if fun is not operator.matmul:
            _check_shapes(jnp.shape(left), jnp.shape(right))
        raise


def _check_shapes(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    try:
        np.broadcast_shapes(left, right)
    except ValueError:
        raise ValueError(
            f"operands could not be broadcast together with shapes {left} {right}"
        ) from None


def binary(fun: Binary, ufunc: str) -> Callable[[Any, Any], Any]:
    """Makes `array <op> other`."""

    def method(self: Operators, other: Any) -> Any:
        if not isinstance(other, OPERANDS):
            return NotImplemented
        return self._wrap(_apply(fun, self.value, operand(other)), ufunc, self, other)

    return method


def reflected(fun: Binary, ufunc: str) -> Callable[[Any, Any], Any]:
    """Makes `other <op> array`."""

    def method(self: Operators, other: Any) -> Any:
        if not isinstance(other, OPERANDS):
            return NotImplemented
        return self._wrap(_apply(fun, operand(other), self.value), ufunc, other, self)

    return method


def in_place(fun: Binary, ufunc: str) -> Callable[[Any, Any], Any]:
    """Makes `array <op>= other`, which assigns into the same cell and keeps its dtype."""

    def method(self: Any, other: Any) -> Any:
        if not isinstance(other, OPERANDS):
            return NotImplemented
        if self.host and isinstance(other, jax.Array):
            return NotImplemented  # NumPy gives way to JAX: the name is bound to a new array
        old = self.value
        new = _apply(fun, old, operand(other))
        self.value = fitted(new, old, ufunc)
        return self

    return method


def unary(fun: Callable[[Any], Any], ufunc: str) -> Callable[[Any], Any]:
    """Makes `<op> array`."""

    def method(self: Operators) -> Any:
        return self._wrap(fun(self.value), ufunc, self)

    return method


def fitted(new: Any, old: Any, ufunc: str) -> Any:
    """Returns the result of an in-place operation with the type of the array that receives it.

    Args:
        new: the result.
        old: the content so far.
        ufunc: the name of the operation, for the error.

    Raises:
        TypeError: if the cast is not of the same kind (an integer array can't receive floats).
        ValueError: if the result has another shape.
    """
    if new.shape != old.shape:
        raise ValueError(
            f"non-broadcastable output operand with shape {old.shape} doesn't match the broadcast "
            f"shape {new.shape}"
        )
    if new.dtype == old.dtype:
        return new
    if not casts_same_kind(new.dtype, old.dtype):
        raise TypeError(
            f"Cannot cast ufunc {ufunc!r} output from dtype({str(new.dtype)!r}) to "
            f"dtype({str(old.dtype)!r}) with casting rule 'same_kind'"
        )
    return new.astype(old.dtype)


_KINDS = (jnp.bool_, jnp.unsignedinteger, jnp.signedinteger, jnp.floating, jnp.complexfloating)


def casts_same_kind(source: Any, target: Any) -> bool:
    """Says whether NumPy's rule 'same_kind' lets one dtype be cast to another."""
    kinds = [
        next((i for i, k in enumerate(_KINDS) if jnp.issubdtype(d, k)), None)
        for d in (source, target)
    ]
    return source == target or (None not in kinds and kinds[0] <= kinds[1])  # type: ignore


class Arithmetic(Operators):
    """Gives all operators of Python to a cell whose `_wrap` makes the results."""

    __slots__ = ()

    __add__ = binary(operator.add, "add")
    __sub__ = binary(operator.sub, "subtract")
    __mul__ = binary(operator.mul, "multiply")
    __truediv__ = binary(operator.truediv, "divide")
    __floordiv__ = binary(operator.floordiv, "floor_divide")
    __mod__ = binary(operator.mod, "remainder")
    __pow__ = binary(operator.pow, "power")
    __matmul__ = binary(operator.matmul, "matmul")
    __and__ = binary(operator.and_, "bitwise_and")
    __or__ = binary(operator.or_, "bitwise_or")
    __xor__ = binary(operator.xor, "bitwise_xor")
    __lshift__ = binary(operator.lshift, "left_shift")
    __rshift__ = binary(operator.rshift, "right_shift")

    __radd__ = reflected(operator.add, "add")
    __rsub__ = reflected(operator.sub, "subtract")
    __rmul__ = reflected(operator.mul, "multiply")
    __rtruediv__ = reflected(operator.truediv, "divide")
    __rfloordiv__ = reflected(operator.floordiv, "floor_divide")
    __rmod__ = reflected(operator.mod, "remainder")
    __rpow__ = reflected(operator.pow, "power")
    __rmatmul__ = reflected(operator.matmul, "matmul")
    __rand__ = reflected(operator.and_, "bitwise_and")
    __ror__ = reflected(operator.or_, "bitwise_or")
    __rxor__ = reflected(operator.xor, "bitwise_xor")
    __rlshift__ = reflected(operator.lshift, "left_shift")
    __rrshift__ = reflected(operator.rshift, "right_shift")

    __iadd__ = in_place(operator.add, "add")
    __isub__ = in_place(operator.sub, "subtract")
    __imul__ = in_place(operator.mul, "multiply")
    __itruediv__ = in_place(operator.truediv, "divide")
    __ifloordiv__ = in_place(operator.floordiv, "floor_divide")
    __imod__ = in_place(operator.mod, "remainder")
    __ipow__ = in_place(operator.pow, "power")
    __imatmul__ = in_place(operator.matmul, "matmul")
    __iand__ = in_place(operator.and_, "bitwise_and")
    __ior__ = in_place(operator.or_, "bitwise_or")
    __ixor__ = in_place(operator.xor, "bitwise_xor")
    __ilshift__ = in_place(operator.lshift, "left_shift")
    __irshift__ = in_place(operator.rshift, "right_shift")

    __lt__ = binary(operator.lt, "less")
    __le__ = binary(operator.le, "less_equal")
    __gt__ = binary(operator.gt, "greater")
    __ge__ = binary(operator.ge, "greater_equal")
    __eq__ = binary(operator.eq, "equal")  # type: ignore[assignment]
    __ne__ = binary(operator.ne, "not_equal")  # type: ignore[assignment]
    __hash__: None = None  # type: ignore[assignment]

    __neg__ = unary(operator.neg, "negative")
    __pos__ = unary(operator.pos, "positive")
    __abs__ = unary(operator.abs, "absolute")
    __invert__ = unary(operator.invert, "invert")

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self
