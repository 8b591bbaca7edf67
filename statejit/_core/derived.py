"""What Python computes of a number that only the program knows: it is a number again.

A branch or a `while_loop` that sets a Python number leaves an array in its place while tracing.
What Python's operators make of that array and of other numbers is an array, too, of which eager
Python would have a number. A traced program says which arrays these are.
"""

from __future__ import annotations

from typing import Any

from jax.extend.core import Literal

from ..errors import TracedControlFlowError
from .slots import makes_tracer

OPERATORS = frozenset(
    (
        *("add", "sub", "mul", "div", "neg", "abs", "pow", "integer_pow", "convert_element_type"),
        *("and", "or", "xor", "not", "shift_left", "shift_right_arithmetic"),
    )
)
"""The primitives that Python's operators become."""

NAMES = frozenset(("floor_divide", "remainder", "divmod"))
"""The jitted functions that they become."""

KINDS = {"i": int, "f": float, "c": complex}


def settle(outs: list[Any], closed: Any, frame: Any, count: int) -> None:
    """Finds out which outputs of a program are numbers, and says so in their recipes.

    Args:
        outs: the recipes.
        closed: the program. Its results are `count` outputs, the slots that were read, and what is
            in the place of numbers that only it knows.
        frame: the frame in which it was traced.
        count: how many outputs there are.
    """
    jaxpr = closed.jaxpr
    numbers = list(jaxpr.outvars[count + len(frame.slots) :])
    plain = {id(placeholder) for tape in frame.tapes() for placeholder in tape.inputs.values()}
    known = []
    for variable, value in zip(jaxpr.constvars, closed.consts, strict=True):
        slot = frame.slots.get(id(value))
        if slot is not None and slot.number is not None:
            numbers.append(variable)
        elif id(value) in plain:
            known.append(variable)
    found = numbers_among(jaxpr, numbers, known) if numbers else {}
    if any(_is_exponent(equation, found) for equation in jaxpr.eqns):
        raise TracedControlFlowError(
            "an integer is raised to the power of a Python integer that only the program knows: it "
            "would be 0 where that is negative, and eager Python has a float.",
            where=frame.ground.where(),
            do="write `2.0 ** n` for a float, `1 << n` for a power of two, or "
            "jax.numpy.power(2, jax.numpy.int32(n)), which is JAX's.",
        )
    for out in outs:
        variable = jaxpr.outvars[out.index]
        if out.number is None and not isinstance(variable, Literal):
            out.number = found.get(variable)


def numbers_among(jaxpr: Any, numbers: list[Any], plain: list[Any]) -> dict[Any, type]:
    """Returns the variables of a program that stand for Python numbers, with the types of these.

    Args:
        jaxpr: the program.
        numbers: variables that stand for numbers which only the program knows.
        plain: variables of numbers that Python knows.
    """
    held = [v for v in numbers if not isinstance(v, Literal) and _is_weak_scalar(v)]
    found = {variable: _kind(variable) for variable in held}
    known = set(plain)
    for equation in jaxpr.eqns:
        operands = [v for v in equation.invars if not isinstance(v, Literal)]
        if not operands or not _is_operator(equation):
            continue
        if any(v not in found and v not in known for v in operands):
            continue
        if not all(map(_is_weak_scalar, (*equation.invars, *equation.outvars))):
            continue
        if any(v in found for v in operands):
            found.update({variable: _kind(variable) for variable in equation.outvars})
        else:
            known.update(equation.outvars)
    return found


def _is_exponent(equation: Any, numbers: dict[Any, type]) -> bool:
    """Says whether JAX takes a number apart, bit by bit: the exponent of an integer power."""
    first: Any = equation.invars[0] if equation.invars else None
    bits = equation.primitive.name == "shift_right_logical"
    return bits and not isinstance(first, Literal) and first in numbers


def _is_operator(equation: Any) -> bool:
    is_named = equation.primitive.name in OPERATORS or equation.params.get("name") in NAMES
    return is_named or makes_tracer(equation)


def _is_weak_scalar(variable: Any) -> bool:
    aval = variable.aval
    return aval.shape == () and getattr(aval, "weak_type", False) and aval.dtype.kind in KINDS


def _kind(variable: Any) -> type:
    return KINDS[variable.aval.dtype.kind]
