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

from .repeats import OFTEN, Piece, pieces


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
        rule of a jitted function once and remembers it, and lowers it once, so each layer becomes a
        call of one function; XLA inlines it.
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
    """Returns a function for each piece, with its variables; none if nothing is gained by it."""
    found = pieces(jaxpr.eqns, [_kind(equation) for equation in jaxpr.eqns])
    alike = collections.Counter(piece.kind for piece in found if piece.kind)
    if jaxpr.effects or not any(n >= OFTEN for n in alike.values()):
        return []
    wanted = _wanted(jaxpr, found)
    made: dict[Hashable, Callable[..., list[Any]]] = {}
    steps = []
    for piece in found:
        outs = piece.made
        if alike[piece.kind] < OFTEN:
            run = _function(jaxpr, piece, outs)
        else:
            outs = [piece.made[i] for i in wanted[piece.kind]]
            if piece.kind not in made:
                inline = piece.stop - piece.start == 1
                made[piece.kind] = jax.jit(_function(jaxpr, piece, outs), inline=inline)
            run = made[piece.kind]
        steps.append((run, piece.given, outs))
    return steps


def _wanted(jaxpr: Any, found: list[Piece]) -> dict[Hashable, list[int]]:
    """Returns which of the variables that pieces of one kind make are used outside of one."""
    last = {v: i for i, e in enumerate(jaxpr.eqns) for v in _variables(e)}
    last.update((v, len(jaxpr.eqns)) for v in jaxpr.outvars if not isinstance(v, Literal))
    wanted: dict[Hashable, set[int]] = collections.defaultdict(set)
    for piece in found:
        used = (i for i, v in enumerate(piece.made) if last.get(v, -1) >= piece.stop)
        wanted[piece.kind].update(used)
    return {kind: sorted(numbers) for kind, numbers in wanted.items()}


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


def _function(jaxpr: Any, piece: Piece, outs: list[Any]) -> Callable[..., list[Any]]:
    """Returns the function of one piece."""
    eqns = jaxpr.eqns[piece.start : piece.stop]
    alone = jaxpr.replace(constvars=[], invars=piece.given, outvars=outs, eqns=eqns)
    return jaxpr_as_fun(ClosedJaxpr(alone, []))
