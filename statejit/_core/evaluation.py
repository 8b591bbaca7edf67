"""A traced program as a function, for what JAX is to do with it: each way at the least cost."""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun
from jax.extend.core.primitives import closed_call_p

OFTEN = 3
"""From how many equal equations on it pays to make a function of them."""


class Program:
    """A traced program as a function of its inputs.

    Args:
        closed: the program; it has no constants but those of the user's code.
    """

    def __init__(self, closed: ClosedJaxpr) -> None:
        self.closed = closed
        self._evaluate = jaxpr_as_fun(closed)

    def __call__(self, *values: Any) -> list[Any]:
        """Does what the program does, operation by operation."""
        return as_arrays(self._evaluate(*values))

    def in_one_piece(self, *values: Any) -> list[Any]:
        """Does the same under a trace of `jax.jit`, without a look at the operations."""
        if not _has_closed_call():
            return self(*values)
        jaxpr = self.closed.jaxpr
        opened = jaxpr.replace(constvars=[], invars=[*jaxpr.constvars, *jaxpr.invars])
        given = [*self.closed.consts, *values]
        return closed_call_p.bind(*given, call_jaxpr=ClosedJaxpr(opened, []))

    def by_equation(self) -> Callable[..., list[Any]]:
        """Returns the same for a transformation that differentiates.

        A network of a hundred equal layers has a hundred times the same equations. JAX derives the
        rule of a jitted function once and remembers it, so each kind of equation becomes one.
        """
        steps = _steps(self.closed.jaxpr)
        if not steps:
            return self
        jaxpr, consts = self.closed.jaxpr, self.closed.consts

        def evaluate(*values: Any) -> list[Any]:
            known = dict(zip(jaxpr.constvars, consts, strict=True))
            known.update(zip(jaxpr.invars, values, strict=True))
            for run, given, outs in steps:
                known.update(zip(outs, run(*[known[v] for v in given]), strict=True))
            return as_arrays([v.val if isinstance(v, Literal) else known[v] for v in jaxpr.outvars])

        return evaluate


def as_arrays(outs: list[Any]) -> list[Any]:
    """Returns the outputs of a program; a constant comes as JAX keeps it, not always an array."""
    return [out if isinstance(out, jax.Array) else jnp.asarray(out) for out in outs]


@functools.cache
def _has_closed_call() -> bool:
    """Says whether the primitive can be bound; in JAX 0.10 it could not."""
    closed = jax.make_jaxpr(lambda x: x)(0.0)
    try:
        jax.make_jaxpr(lambda x: closed_call_p.bind(x, call_jaxpr=closed))(0.0)
    except Exception:  # noqa: BLE001, whatever it fails with
        return False
    return True


def _steps(jaxpr: Any) -> list[tuple[Callable[..., list[Any]], list[Any], Any]]:
    """Returns a function for each equation, with its variables; none if nothing is gained by it."""
    kinds = [_kind(equation) for equation in jaxpr.eqns]
    often = {kind for kind, n in collections.Counter(kinds).items() if kind and n >= OFTEN}
    if not often or jaxpr.effects:
        return []
    made: dict[Hashable, Callable[..., list[Any]]] = {}
    steps = []
    for equation, kind in zip(jaxpr.eqns, kinds, strict=True):
        given = _variables(equation)
        if kind not in often:
            run = _alone(jaxpr, equation, given)
        else:
            if kind not in made:
                made[kind] = jax.jit(_alone(jaxpr, equation, given), inline=True)
            run = made[kind]
        steps.append((run, given, equation.outvars))
    return steps


def _kind(equation: Any) -> Hashable:
    """Returns what equal equations have in common, or None for one that can not be compared."""
    about = equation.source_info
    given = _variables(equation)
    kind = (
        equation.primitive,
        tuple((name, *_exactly(equation.params[name])) for name in sorted(equation.params)),
        tuple(
            (*_exactly(v.val), v.aval) if isinstance(v, Literal) else given.index(v)
            for v in equation.invars
        ),
        tuple(v.aval for v in given),
        (about.traceback, about.name_stack, repr(equation.ctx)),
    )
    try:
        hash(kind)
    except TypeError:
        return None
    return kind


def _exactly(value: Any) -> tuple[Any, Any]:
    """Returns what tells a value from all others: 1 from True, 0.0 from -0.0, the last digit."""
    is_number = isinstance(value, (float, complex)) or hasattr(type(value), "__array__")
    return type(value), np.asarray(value).tobytes() if is_number else value


def _variables(equation: Any) -> list[Any]:
    return list(dict.fromkeys(v for v in equation.invars if not isinstance(v, Literal)))


def _alone(jaxpr: Any, equation: Any, given: list[Any]) -> Callable[..., list[Any]]:
    """Returns the function of one equation."""
    alone = jaxpr.replace(
        constvars=[], invars=given, outvars=list(equation.outvars), eqns=[equation]
    )
    return jaxpr_as_fun(ClosedJaxpr(alone, []))
