"""Opening: the constants of a traced program that stand for slots and numbers become its inputs."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from .evaluation import Program
from .frames import Frame
from .ground import Ground
from .numbers import Number
from .slots import makes_tracer


def open_constants(closed: Any, frame: Frame, count: int) -> tuple[Program, list[Any]]:
    """Turns the constants that stand for slots and numbers into inputs.

    All slots that were read come after the results, and are dropped from them: the function
    may depend on the shape of an array with which it computes nothing.
    """
    jaxpr = closed.jaxpr
    outs = jaxpr.outvars[:count]
    numbers = {
        id(placeholder): Number(tape, index, None)
        for tape in frame.tapes()
        for index, placeholder in tape.inputs.items()
    }
    on_top = isinstance(frame.beneath, Ground)
    variables: list[Any] = []
    inputs: list[Any] = []
    rest: list[Any] = []
    values: list[Any] = []
    for variable, value in zip(jaxpr.constvars, closed.consts, strict=True):
        slot = frame.slots.get(id(value))
        if slot is not None:
            variables.append(variable)
            inputs.append(slot)
        elif id(value) in numbers:
            variables.append(variable)
            number = numbers[id(value)]
            inputs.append(number.index if on_top else number)
        else:
            rest.append(variable)
            # The user may change a NumPy array in place, and JAX remembers arrays by identity.
            values.append(value.copy() if isinstance(value, np.ndarray) else value)
    variables, equations, outs = _without_tracing(jaxpr, variables, outs)
    by_use = _by_first_use(equations, variables)
    variables, inputs = [variables[i] for i in by_use], [inputs[i] for i in by_use]
    opened = ClosedJaxpr(
        jaxpr.replace(constvars=rest, invars=variables, outvars=outs, eqns=equations), values
    )
    return Program(opened), inputs


def _without_tracing(
    jaxpr: Any, variables: list[Any], outs: list[Any]
) -> tuple[list[Any], list[Any], list[Any]]:
    """Drops the equations that only make a tracer of an input: what they return is the input.

    Returns:
        The variables of the inputs, the other equations, and the results.
    """
    read = [v for e in jaxpr.eqns for v in e.invars] + list(jaxpr.outvars)
    uses = collections.Counter(v for v in read if not isinstance(v, Literal))
    given = set(variables)
    renamed: dict[Any, Any] = {}  # inputs that nothing else reads
    same: dict[Any, Any] = {}
    rest = []
    for equation in jaxpr.eqns:
        first = equation.invars[0] if makes_tracer(equation) else None
        if first is None or isinstance(first, Literal) or first not in given:
            rest.append(equation)
        elif uses[first] == 1:
            renamed[first] = equation.outvars[0]
        else:
            same[equation.outvars[0]] = first
    if same:
        rest = [equation.replace(invars=_instead(same, equation.invars)) for equation in rest]
        outs = _instead(same, outs)
    return [renamed.get(v, v) for v in variables], rest, outs


def _instead(same: dict[Any, Any], variables: list[Any]) -> list[Any]:
    return [v if isinstance(v, Literal) else same.get(v, v) for v in variables]


def _by_first_use(equations: list[Any], variables: list[Any]) -> list[int]:
    """Returns the order in which a program uses variables, so that equal programs look alike."""
    position = {v: i for i, v in enumerate(variables)}
    used = (v for e in equations for v in e.invars if not isinstance(v, Literal))
    first = dict.fromkeys(position[v] for v in used if v in position)
    return [*first, *(i for i in range(len(variables)) if i not in first)]
