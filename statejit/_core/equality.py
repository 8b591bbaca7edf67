"""Equality of traced programs: whether two traces, of other objects perhaps, found the same one."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal


def same_program(left: ClosedJaxpr, right: ClosedJaxpr) -> bool:
    """Says whether two programs do the same, equation by equation, with the same constants.

    What can not be compared counts as different: rules and callbacks, which are functions, are made
    anew by each trace. Scopes and lines of code do not count.
    """
    return _same_constants(left, right) and _same_jaxpr(left.jaxpr, right.jaxpr)


def _same_constants(left: Any, right: Any) -> bool:
    pairs = list(zip(left.consts, right.consts, strict=False))
    return len(left.consts) == len(right.consts) and all(_same(a, b) for a, b in pairs)


def _same_jaxpr(left: Any, right: Any) -> bool:
    if len(left.eqns) != len(right.eqns) or left.effects != right.effects:
        return False
    number: dict[Any, Any] = {}  # variables of the left one by those of the right one

    def bound(ours: Any, theirs: Any) -> bool:
        if len(ours) != len(theirs) or any(
            a.aval != b.aval for a, b in zip(ours, theirs, strict=True)
        ):
            return False
        number.update(zip(theirs, ours, strict=True))
        return True

    def read(ours: Any, theirs: Any) -> bool:
        return len(ours) == len(theirs) and all(
            _same_literal(a, b)
            if isinstance(a, Literal) or isinstance(b, Literal)
            else number[b] is a
            for a, b in zip(ours, theirs, strict=True)
        )

    if not bound(left.constvars, right.constvars) or not bound(left.invars, right.invars):
        return False
    for a, b in zip(left.eqns, right.eqns, strict=True):
        if a.primitive is not b.primitive or not read(a.invars, b.invars):
            return False
        if not _same(a.params, b.params) or repr(a.ctx) != repr(b.ctx):
            return False
        if not bound(a.outvars, b.outvars):
            return False
    return read(left.outvars, right.outvars)


def _same_literal(left: Any, right: Any) -> bool:
    both = isinstance(left, Literal) and isinstance(right, Literal)
    return both and left.aval == right.aval and _same(left.val, right.val)


def _same(left: Any, right: Any) -> bool:
    """Compares parameters and constants: numbers to the last bit, programs by what they do."""
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    if hasattr(left, "eqns"):  # a Jaxpr or a ClosedJaxpr; one class on newer JAX
        inner = getattr(left, "jaxpr", left), getattr(right, "jaxpr", right)
        has = hasattr(left, "consts")
        return (not has or _same_constants(left, right)) and _same_jaxpr(*inner)
    if isinstance(left, dict):
        return list(left) == list(right) and _same(list(left.values()), list(right.values()))
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(_same, left, right))
    if hasattr(type(left), "__array__") and not isinstance(left, jax.Array):
        left, right = np.asarray(left), np.asarray(right)  # as JAX keeps literals, too
        return (left.dtype, left.shape) == (right.dtype, right.shape) and (
            left.dtype != object and left.tobytes() == right.tobytes()
        )
    if isinstance(left, (float, complex)):
        return repr(left) == repr(right)
    try:
        return hash(left) == hash(right) and bool(left == right)
    except (TypeError, ValueError):
        return False  # an array of JAX's, or something else that has no equal
