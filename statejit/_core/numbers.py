"""Python numbers that vary from call to call: known while tracing, computed in Python after.

A `Number` passes for an `int` or a `float`. Arithmetic on it is recorded on a tape and done again
in Python at each call, so that what is committed is Python's own number, exactly. Where JAX takes
it, its value becomes a weakly typed 0-d input of the program. A comparison guards its outcome;
whoever asks for the value itself gets the plain number, and the tape a guard.
"""

from __future__ import annotations

import operator
import sys
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .slots import as_tracer


class Step:
    """One result on a tape: a number that was read (`node`), a constant, or `fun` of operands."""

    __slots__ = ("constant", "fun", "node", "operands", "value")

    def __init__(
        self,
        node: Any = None,
        constant: Any = None,
        fun: Callable[..., Any] | None = None,
        operands: tuple[int, ...] = (),
    ) -> None:
        self.node, self.constant, self.fun, self.operands = node, constant, fun, operands
        self.value: Any = None  # while tracing


class Found:
    """Where a tape of a nested trace has a number from.

    Args:
        place: what tells the place from others; None for a number that code has captured.
        beneath: the number as the enclosing trace has it.
    """

    __slots__ = ("beneath", "place")

    def __init__(self, place: Any, beneath: Any) -> None:
        self.place, self.beneath = place, beneath

    def sources(self) -> set[Any]:
        """Returns the addresses of the numbers from which it was computed."""
        number = self.beneath
        return number.tape.sources(number.index) if type(number) is Number else set()


class Tape:
    """What one trace did with its numbers: steps to do again, guards, and inputs of the program.

    Args:
        depth: how many traces with tapes enclose this one.
    """

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth
        self.steps: list[Step] = []
        self.guards: dict[int, Any] = {}
        self.inputs: dict[int, Any] = {}  # index of a step -> placeholder

    def read(self, node: Any, value: Any) -> Number:
        """Records a number found at `node`."""
        return self._append(Step(node=node), value)

    def apply(self, fun: Callable[..., Any], *operands: Any) -> Number:
        """Records `fun` of numbers and plain values, and does it."""
        indices = tuple(self._own(operand).index for operand in operands)
        result = fun(*[o.value if type(o) is Number else o for o in operands])
        return self._append(Step(fun=fun, operands=indices), result)

    def _own(self, operand: Any) -> Number:
        if type(operand) is not Number:
            return self._append(Step(constant=operand), operand)
        if operand.tape is self:
            return operand
        return self.read(Found(None, operand), operand.value)

    def beneath(self) -> list[Any]:
        """Does all steps of a nested tape again, with the numbers of the enclosing trace."""
        results: list[Any] = []
        for step in self.steps:
            if step.node is not None:
                results.append(step.node.beneath)
            elif step.fun is None:
                results.append(step.constant)
            else:
                results.append(apply(step.fun, *[results[i] for i in step.operands]))
        return results

    def sources(self, index: int) -> set[Any]:
        """Returns the addresses of the numbers from which a step was computed."""
        step = self.steps[index]
        if step.node is not None:
            return step.node.sources()
        return {address for operand in step.operands for address in self.sources(operand)}

    def _append(self, step: Step, value: Any) -> Number:
        step.value = value
        self.steps.append(step)
        return Number(self, len(self.steps) - 1, value)


class Number:
    """Stands for a Python (or NumPy) number; see the module's text."""

    __slots__ = ("index", "tape", "value")

    def __init__(self, tape: Tape, index: int, value: Any) -> None:
        self.tape, self.index, self.value = tape, index, value

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self.value)  # isinstance sees an int; only `type(n) is int` does not

    def plain(self) -> Any:
        """Returns the number itself; the program then holds for this value only."""
        self.tape.guards[self.index] = self.value
        return self.value

    def __jax_array__(self) -> Any:
        if self.index not in self.tape.inputs:
            # 0-d and weakly typed, as JAX takes a number; the copy is no literal in a program.
            with jax.ensure_compile_time_eval():
                self.tape.inputs[self.index] = jnp.array(self.value).copy()
        return as_tracer(self.tape.inputs[self.index])

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.value, name)  # raises as the number itself would
        if name in ("dtype", "shape", "ndim", "size", "itemsize", "nbytes"):
            return found  # a NumPy scalar's type, not its value
        return getattr(self.plain(), name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self.plain(), dtype)

    def __copy__(self) -> Number:
        return self

    def __deepcopy__(self, memo: Any) -> Number:
        return self

    def __reduce__(self) -> Any:
        return operator.pos, (self.plain(),)


def plain(value: Any) -> Any:
    """Returns a number's value, with a guard; any other value as it is."""
    return value.plain() if type(value) is Number else value


def is_scalar(value: Any) -> bool:
    """Says whether a value may stand beside a number in Python arithmetic."""
    return type(value) is Number or type(value) in (int, float, complex, bool)


def apply(fun: Callable[..., Any], *operands: Any) -> Any:
    """Does `fun` of numbers and plain values; the innermost tape records it, if there is one."""
    tapes = [operand.tape for operand in operands if type(operand) is Number]
    if not tapes:
        return fun(*operands)
    return max(tapes, key=lambda tape: tape.depth).apply(fun, *operands)


def _arithmetic(fun: Callable[[Any, Any], Any]) -> Callable[[Number, Any], Any]:
    def method(self: Number, other: Any) -> Any:
        if isinstance(other, jax.Array):
            return fun(self.__jax_array__(), other)
        if is_scalar(other) or isinstance(other, np.generic):
            return apply(fun, self, other)
        if isinstance(other, (str, bytes, list, tuple)):
            return fun(self.plain(), other)  # 3 * [0]
        return NotImplemented

    return method


def _reflected(fun: Callable[[Any, Any], Any]) -> Callable[[Number, Any], Any]:
    # Never asked by `array + n` or `array ** n`: JAX calls __jax_array__ first.
    def method(self: Number, other: Any) -> Any:
        if is_scalar(other) or isinstance(other, np.generic):
            return apply(fun, other, self)
        if isinstance(other, (str, bytes, list, tuple)):
            return fun(other, self.plain())
        return NotImplemented

    return method


def _comparison(fun: Callable[[Any, Any], Any]) -> Callable[[Number, Any], Any]:
    def method(self: Number, other: Any) -> Any:
        if isinstance(other, jax.Array):
            return fun(self.__jax_array__(), other)
        if is_scalar(other) or isinstance(other, np.generic):
            return apply(fun, self, other).plain()  # the guard is on the outcome
        return NotImplemented

    return method


def _unary(fun: Callable[[Any], Any]) -> Callable[[Number], Any]:
    return lambda self: self.tape.apply(fun, self)


def _value(fun: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, *args: fun(self.plain(), *args)


for _name in (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"),
    *("lshift", "rshift", "and_", "or_", "xor"),
):
    _fun = getattr(operator, _name)
    setattr(Number, f"__{_name.strip('_')}__", _arithmetic(_fun))
    setattr(Number, f"__r{_name.strip('_')}__", _reflected(_fun))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Number, f"__{_name}__", _comparison(getattr(operator, _name)))
for _name in ("neg", "pos", "abs", "invert"):
    setattr(Number, f"__{_name}__", _unary(getattr(operator, _name)))
for _fun in (int, float, complex, hash, str, repr, format, operator.index):
    setattr(Number, f"__{_fun.__name__}__", _value(_fun))
Number.__bool__ = lambda self: self.tape.apply(bool, self).plain()  # type: ignore[attr-defined]
Number.__round__ = lambda self, *n: self.tape.apply(round, self, *n)  # type: ignore[attr-defined]
Number.__divmod__ = lambda self, other: (self // other, self % other)  # type: ignore
Number.__rdivmod__ = lambda self, other: (other // self, other % self)  # type: ignore


def _flatten(number: Number) -> tuple[tuple[Any], None]:
    # `jax.tree.map` hands leaves to the user's function, which is to see a Python number.
    return ((number.__jax_array__() if _is_asked_by_jax() else number.plain(),), None)


def _is_asked_by_jax() -> bool:
    """Says whether JAX takes the number for itself: not `jax.tree.map`, called by someone else."""
    frame: types.FrameType | None = sys._getframe(2)
    through_tree = False
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if not (name.startswith("jax") and ".tree" in name):
            return not through_tree or name.startswith("jax")
        through_tree = True
        frame = frame.f_back
    return True


# As a pytree of one leaf it enters every jitted library function.
jax.tree_util.register_pytree_node(Number, _flatten, lambda _, leaves: leaves[0])
