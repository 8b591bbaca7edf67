"""The operators of mutable arrays, each made from Python's own by one of five factories."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.cells import Cell
from .._core.frames import CURRENT
from .._core.numbers import Number, plain
from .._core.slots import is_tracer
from . import complaints, quick
from .elements import Augmented
from .lifting import as_now, numbers, stacked

Binary = Callable[[Any, Any], Any]

OPERANDS = (int, float, Cell, jax.Array, np.ndarray, np.generic, bool, complex, list, tuple)
"""Types that may stand beside a mutable array."""


class Operators(Cell):
    """Is what `Array` and its kin share: a value, and a way to wrap results."""

    __slots__ = ()

    def _wrap(self, value: Any, ufunc: str, *operands: Any) -> Any:
        """Returns a result of an operation on this array; `operands` are as they were given."""
        raise NotImplementedError

    def _new_scalar(self, value: Any) -> Any:
        """Returns a new scalar with a content, outside of frames."""
        raise NotImplementedError

    def _rebinds(self) -> bool:
        """Says whether in-place operators give a new array, as they do with NumPy's scalars."""
        return False

    def _like(self) -> tuple[tuple[int, ...], Any]:
        """Returns shape and dtype of the content."""
        raise NotImplementedError

    def _update(self, fun: Any, *args: Any) -> None:
        """Gives the array the content `fun(content, *args)`."""
        raise NotImplementedError

    def _assign(self, value: Any) -> None:
        """Gives the array other content."""
        raise NotImplementedError

    def _check_writeable(self, what: str = "assignment destination") -> None:
        """Refuses what can not be written."""


def _is_operand(value: Any) -> bool:
    return isinstance(value, Cell) or type(value) is Number


def operand(value: Any) -> Any:
    """Returns what JAX takes for an operand: the content of a cell, an array for a list."""
    if isinstance(value, Cell):
        return value.value
    if isinstance(value, (list, tuple)) and type(value) is not Number:
        return stacked(jax.tree.map(operand, value, is_leaf=_is_operand))
    return as_now(value) if isinstance(value, np.ndarray) else value


def _apply(fun: Binary, left: Any, right: Any) -> Any:
    """Does an operation; what NumPy refuses, too, it refuses with NumPy's error."""
    try:
        if CURRENT.get() is not None or fun not in COMPILED:
            return fun(left, right)
        if type(right) in quick.NUMBERS and quick.is_concrete(left):
            return COMPILED[fun](left, quick.number(right))
        return (
            fun(left, right) if is_tracer(left) or is_tracer(right) else COMPILED[fun](left, right)
        )
    except complaints.FAILURES as error:
        complaints.complain(fun, (left, right), {}, error)


COMPARED = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)

UNEQUAL = {operator.eq: False, operator.ne: True}
"""What NumPy says of each element beside what is no number: a text, or None."""

COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
"""The names of the ufuncs that compare."""

COMPILED: dict[Binary, Any] = {
    fun: jax.jit(fun, inline=True)
    for fun in (
        *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv),
        *(operator.mod, operator.and_, operator.or_, operator.xor, *COMPARED),
    )
}
"""Operations that need no value of a Python number: compiled calls cost less than JAX's own."""


def is_whole(value: Any) -> bool:
    """Says whether a value is a Python integer, also one that varies from call to call."""
    return type(value) is int or (type(value) is Number and type(value.value) is int)


def in_range(ufunc: str, array: Any, other: Any) -> Any:
    """Returns a Python integer as the other operand of an operation with an array.

    What a dtype can not hold is NumPy's to decide: it compares with it, divides by it, and refuses
    to add it. JAX would take its last bits.

    Args:
        ufunc: the name of the operation.
        array: anything with the dtype of the array.
        other: the integer; for one that varies from call to call the outcome is a guard.

    Raises:
        OverflowError: if NumPy refuses it.
    """
    if type(other) is int and 0 <= other <= 127:  # these every dtype holds
        return other
    dtype = array.dtype
    whole = jnp.issubdtype(dtype, jnp.integer)
    if not whole and not jnp.issubdtype(dtype, jnp.inexact):
        return other
    if whole and ufunc == "power":
        other = plain(other)  # JAX has powers right where it knows the exponent
    limits = jnp.iinfo(dtype if whole else jax.dtypes.canonicalize_dtype(int))
    if limits.min <= other <= limits.max:
        return other
    if whole:
        getattr(np, ufunc)(np.ones((), dtype), plain(other))  # raises as NumPy does
        if ufunc in COMPARISONS:
            return math.inf if other > 0 else -math.inf
    return float(other)


def fitting_whole(value: Any, dtype: Any) -> Any:
    """Returns a Python integer, and refuses one that a dtype of integers can not hold.

    Args:
        value: the integer; for one that varies from call to call the outcome is a guard.
        dtype: the dtype.

    Raises:
        OverflowError: if it does not fit, as NumPy does.
    """
    limits = jnp.iinfo(dtype)
    if not limits.min <= value <= limits.max:
        np.array(plain(value), dtype)  # raises
    return value


def check_fitting(values: Any, dtype: Any) -> None:
    """Refuses Python integers that a dtype of integers can not hold.

    Args:
        values: a number, or nested lists of them; what else it is does not matter.
        dtype: the dtype.

    Raises:
        OverflowError: as NumPy does.
    """
    if jnp.issubdtype(dtype, jnp.integer):
        several = numbers(values) if isinstance(values, (list, tuple)) else [values]
        for number in filter(is_whole, several):
            fitting_whole(number, dtype)


def _repeats(fun: Binary, left: Any, right: Any) -> bool:
    """Says whether Python is to repeat a list or a tuple as often as a scalar says: `[0] * n`."""
    return fun is operator.mul and type(right) in (list, tuple) and left._rebinds()


def binary(fun: Binary, ufunc: str) -> Callable[[Any, Any], Any]:
    """Makes `array <op> other`."""

    def method(self: Operators, other: Any) -> Any:
        if not isinstance(other, OPERANDS):
            if fun in UNEQUAL and isinstance(other, (str, type(None))) and not self._rebinds():
                return self._wrap(jnp.full(self._like()[0], UNEQUAL[fun]), ufunc, self, other)
            return NotImplemented
        if _repeats(fun, self, other):
            return NotImplemented
        value = self.value
        given = in_range(ufunc, value, other) if is_whole(other) else operand(other)
        return self._wrap(_apply(fun, value, given), ufunc, self, other)

    return method


def reflected(fun: Binary, ufunc: str) -> Callable[[Any, Any], Any]:
    """Makes `other <op> array`."""

    def method(self: Operators, other: Any) -> Any:
        if not isinstance(other, OPERANDS) or _repeats(fun, self, other):
            return NotImplemented
        value = self.value
        given = in_range(ufunc, value, other) if is_whole(other) else operand(other)
        return self._wrap(_apply(fun, given, value), ufunc, other, self)

    return method


KEEPS = {operator.add: "iufc", operator.sub: "iufc", operator.mul: "iufc", operator.truediv: "fc"}
"""Operations with a Python number that keep the dtype of an array of these kinds."""

AT_ONCE = (int, float)
"""Types of operands with which such an operation may wait for the element to be put back."""


def _never(scalar: Any, other: Any) -> bool:
    return False


def in_place(fun: Binary, ufunc: str) -> Callable[[Any, Any], Any]:
    """Makes `array <op>= other`, which assigns into the same cell and keeps its dtype."""
    change = functools.partial(changed, fun, ufunc)
    power, anew = fun is operator.pow, binary(fun, ufunc)
    postpone = Augmented(COMPILED[fun], KEEPS[fun]).postpone if fun in KEEPS else _never

    def method(self: Any, other: Any) -> Any:
        if type(other) in AT_ONCE and CURRENT.get() is None and postpone(self, other):
            return self
        if not isinstance(other, OPERANDS):
            return NotImplemented
        if self._rebinds():
            if fun is operator.matmul and not jnp.ndim(operand(other)):
                raise TypeError("scalars have no operator @=")
            return anew(self, other)
        if self.host and isinstance(other, jax.Array):
            return NotImplemented  # NumPy gives way to JAX: the name is bound to a new array
        self._check_writeable("output array")
        other = in_range(ufunc, self, other) if is_whole(other) else operand(other)
        if fun is operator.matmul and jnp.ndim(other) < 2:
            check_result(fun, (self.value, other), self.dtype, ufunc)
            raise ValueError(
                "inplace matrix multiplication requires the first operand to have at least one "
                "and the second at least two dimensions."
            )
        if power and type(other) is int:  # JAX multiplies where it knows the exponent
            self._assign(change(self.value, other))
        else:
            self._update(change, other)
        return self

    return method


def changed(fun: Binary, ufunc: str, part: Any, other: Any) -> Any:
    """Returns what an in-place operation makes of a part of an array.

    Args:
        fun: the operation.
        ufunc: its name, for the error.
        part: the part.
        other: the other operand.

    Raises:
        TypeError: if the result is not of the same kind as the part.
        ValueError: if it has another shape.
    """
    try:
        found = _apply(fun, part, other)
    except ValueError:
        check_result(fun, (part, other), part.dtype, ufunc)
        raise
    return fitted(found, part.shape, part.dtype, ufunc)


def unary(fun: Callable[[Any], Any], ufunc: str) -> Callable[[Any], Any]:
    """Makes `<op> array`."""

    def method(self: Operators) -> Any:
        return self._wrap(fun(self.value), ufunc, self)

    return method


def fitted(
    new: Any, shape: tuple[int, ...], dtype: Any, ufunc: str, casting: str = "same_kind"
) -> Any:
    """Returns the result of an in-place operation with the type of the array that receives it.

    Args:
        new: the result.
        shape: the shape of the array.
        dtype: its dtype.
        ufunc: the name of the operation, for the error.
        casting: 'same_kind' or 'unsafe'.

    Raises:
        TypeError: if the cast is not of the same kind (an integer array can't receive floats).
        ValueError: if the result has another shape.
    """
    if casting != "unsafe":
        check_cast(new.dtype, dtype, ufunc)
    if new.shape != shape and not _broadcasts(new.shape, shape):
        raise ValueError(
            f"non-broadcastable output operand with shape {shape} doesn't match the broadcast "
            f"shape {new.shape}"
        )
    new = new if new.shape == shape else jnp.broadcast_to(new, shape)
    return new if new.dtype == dtype else new.astype(dtype)


def check_cast(source: Any, target: Any, ufunc: str) -> None:
    """Refuses to cast the result of a ufunc to a dtype of another kind, as NumPy does."""
    if source != target and not casts_same_kind(source, target):
        raise TypeError(
            f"Cannot cast ufunc {ufunc!r} output from dtype({str(source)!r}) to "
            f"dtype({str(target)!r}) with casting rule 'same_kind'"
        )


def check_result(fun: Any, operands: Any, target: Any, ufunc: str) -> None:
    """Refuses an operation whose result can not be cast; NumPy looks at that before all shapes.

    Args:
        fun: the operation.
        operands: arrays and numbers.
        target: the dtype of the array that is to receive the result.
        ufunc: the name of the operation, for the error.
    """
    shape = (1, 1) if ufunc == "matmul" else ()
    try:
        like = [
            jax.ShapeDtypeStruct(shape, value.dtype, weak_type=value.weak_type)
            for value in map(jnp.asarray, operands)
        ]
        source = jax.eval_shape(fun, *like).dtype
    except TypeError:
        return  # the operation itself does not take such operands, and says so
    check_cast(source, target, ufunc)


def _broadcasts(given: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(given, shape) == shape
    except ValueError:
        return False


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
