"""What Python computes of a number that only the program knows: it is a number again.

A branch or a `while_loop` that sets a Python number leaves an array in its place while tracing.
What Python's operators make of that array and of other numbers is an array, too, of which eager
Python would have a number. A traced program says which arrays these are: JAX notes with each
equation what called for it, and all operators come in by one function.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib
from jax.extend.core import Literal

from ..errors import TracedControlFlowError
from .numbers import Number
from .slots import makes_tracer

LIBRARIES = tuple(f"{Path(str(module.__file__)).parent}{os.sep}" for module in (jax, jaxlib))

KINDS = {"b": bool, "i": int, "f": float, "c": complex}


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
    plain = {
        id(placeholder): Number(tape, index, tape.steps[index].value)
        for tape in frame.tapes()
        for index, placeholder in tape.inputs.items()
    }
    known: dict[Any, Number] = {}
    for variable, value in zip(jaxpr.constvars, closed.consts, strict=True):
        slot = frame.slots.get(id(value))
        if slot is not None and slot.number is not None:
            numbers.append(variable)
        elif id(value) in plain:
            known[variable] = plain[id(value)]
    if not numbers and not known:
        return
    found = numbers_among(jaxpr, numbers, list(known)) if numbers else {}
    _refuse_exponents(jaxpr, found, known, frame)
    _refuse_inversions(jaxpr, found, frame)
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
    held = [v for v in numbers if not isinstance(v, Literal) and _is_of_python(v)]
    found = {variable: _kind(variable) for variable in held}
    known = set(plain)
    for equation in jaxpr.eqns:
        operands = [v for v in equation.invars if not isinstance(v, Literal)]
        if not operands or any(v not in found and v not in known for v in operands):
            continue
        if not all(_is_of_python(v) for v in (*_literals(equation), *known.intersection(operands))):
            continue
        if not makes_tracer(equation) and not is_of_operator(equation):
            continue
        if any(v in found for v in operands):
            found.update({variable: _kind(variable) for variable in equation.outvars})
        else:
            known.update(equation.outvars)
    return found


def _is_weak_scalar(variable: Any) -> bool:
    aval = variable.aval
    return aval.shape == () and getattr(aval, "weak_type", False) and aval.dtype.kind in KINDS


def _is_of_python(variable: Any) -> bool:
    return _is_weak_scalar(variable) or (variable.aval.shape, variable.aval.dtype) == ((), bool)


def _literals(equation: Any) -> list[Any]:
    return [v for v in equation.invars if isinstance(v, Literal)]


def _kind(variable: Any) -> type:
    return KINDS[variable.aval.dtype.kind]


# What JAX computes otherwise ---------------------------------------------------------------------


def _refuse_inversions(jaxpr: Any, found: dict[Any, type], frame: Any) -> None:
    """Refuses `~` of a boolean.

    Raises:
        TracedControlFlowError: if there is one.
    """
    for equation in jaxpr.eqns:
        if equation.primitive.name == "not" and found.get(equation.outvars[0]) is bool:
            raise TracedControlFlowError(
                "`~` of a Python boolean that only the program knows: eager Python has -1 or -2 "
                "there.",
                where=frame.ground.where(),
                do="write the opposite comparison, or jax.numpy.logical_not for an array.",
            )


def _refuse_exponents(
    jaxpr: Any, found: dict[Any, type], known: dict[Any, Number], frame: Any
) -> None:
    """Refuses integers to the power of an integer that may be negative when the program runs.

    Raises:
        TracedControlFlowError: if only the program knows the exponent.
        TypeError: if Python knows it: then it is wanted plain.
    """
    exponents: dict[Any, Any] = {**found, **known}
    for equation in jaxpr.eqns:
        first: Any = equation.invars[0] if equation.invars else None
        if isinstance(first, Literal) or first not in exponents:
            continue
        is_of_power = called(equation) in (_operators(), _power())
        if makes_tracer(equation) or (
            is_of_power and equation.primitive.name == "convert_element_type"
        ):
            exponents[equation.outvars[0]] = exponents[first]
        if not is_of_power or equation.primitive.name != "shift_right_logical":
            continue  # JAX takes the exponent apart, bit by bit
        exponent = exponents[first]
        if type(exponent) is Number:
            raise TypeError(f"an integer to the power of {exponent}, which may become negative")
        raise TracedControlFlowError(
            "an integer is raised to the power of a Python integer that only the program knows: "
            "it would be 0 where that is negative, and eager Python has a float or an error.",
            where=frame.ground.where(),
            do="write `2.0 ** n` for a float, `1 << n` for a power of two, or "
            "jax.numpy.power(2, jax.numpy.int32(n)), which is JAX's.",
        )


# Operators ---------------------------------------------------------------------------------------


def is_of_operator(equation: Any) -> bool:
    """Says whether one of Python's operators made an equation, and no function of JAX's."""
    return called(equation) == _operators()


@functools.cache
def _operators() -> Any:
    return called(jax.make_jaxpr(lambda n: -n)(1).eqns[0])


@functools.cache
def _power() -> Any:
    return called(jax.make_jaxpr(lambda n: jnp.power(n, 0.5))(1.0).eqns[0])


def called(equation: Any) -> Any:
    """Returns file and name of the function of JAX's that was called for an equation."""
    traceback = equation.source_info.traceback
    found = None
    for entry in traceback.frames if traceback is not None else ():
        if not entry.file_name.startswith(LIBRARIES):
            break
        found = entry.file_name, entry.function_name
    return found
