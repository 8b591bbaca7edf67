"""Over which axes of a mesh the outputs of a program may differ from shard to shard.

A sound estimate: what is not known to be the same on all shards counts as different. It decides
whether state without a spec, which has one place for all shards, may be written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Axes = frozenset[Any]

REDUCING = frozenset(
    {"psum", "psum2", "psum_invariant", "pmax", "pmin", "all_gather", "all_gather_invariant"}
)
"""Primitives whose results are the same along the axes that they name."""

CALLING_BACK = frozenset({"pure_callback", "io_callback"})
"""Primitives of which nobody knows what they return."""


class Varying:
    """Follows a program.

    Args:
        names: the names of all axes.
    """

    def __init__(self, names: Iterable[Any]) -> None:
        self.names = frozenset(names)

    def outputs(self, jaxpr: Any, given: list[Axes]) -> list[Axes]:
        """Returns over which axes each output may differ.

        Args:
            jaxpr: the program, not closed.
            given: over which axes each input differs.
        """
        known: dict[Any, Axes] = dict(zip(jaxpr.invars, given, strict=True))

        def of(atom: Any) -> Axes:
            return Axes() if hasattr(atom, "val") else known.get(atom, Axes())

        for equation in jaxpr.eqns:
            outs = self._equation(equation, [of(atom) for atom in equation.invars])
            known.update(zip(equation.outvars, outs, strict=True))
        return [of(atom) for atom in jaxpr.outvars]

    def _equation(self, equation: Any, given: list[Axes]) -> list[Axes]:
        name, params = equation.primitive.name, equation.params
        if name in REDUCING and params.get("axis_index_groups") is None:
            over = self._named(params)
            return [found - over for found in given] if len(given) > 1 else [given[0] - over]
        if name in CALLING_BACK:
            return [self.names] * len(equation.outvars)
        if name == "scan" and (parts := _parts(params)) is not None:
            return self._loop(next(iter(_programs(params))), given, *parts)
        if name == "while":
            return self._while(params, given)
        if name == "cond":
            rows = [self.outputs(_opened(branch), given[1:]) for branch in params["branches"]]
            return [given[0].union(*column) for column in zip(*rows, strict=True)]
        inner = list(_programs(params))
        if len(inner) == 1 and len(inner[0].invars) == len(given):
            found = self.outputs(inner[0], given)
            if len(found) == len(equation.outvars):
                return found
        union = Axes().union(*given, self._named(params), *map(self._within, inner))
        return [union] * len(equation.outvars)

    def _loop(self, step: Any, given: list[Axes], fixed: int, carried: int) -> list[Axes]:
        consts, carry, rows = (
            given[:fixed],
            given[fixed : fixed + carried],
            given[fixed + carried :],
        )
        while True:
            outs = self.outputs(step, [*consts, *carry, *rows])
            after = [a | b for a, b in zip(carry, outs[:carried], strict=True)]
            if after == carry:
                return [*carry, *outs[carried:]]
            carry = after

    def _while(self, params: Any, given: list[Axes]) -> list[Axes]:
        asked, fixed = params["cond_nconsts"], params["body_nconsts"]
        of_test, consts, carry = given[:asked], given[asked : asked + fixed], given[asked + fixed :]
        while True:
            (goes_on,) = self.outputs(_opened(params["cond_jaxpr"]), [*of_test, *carry])
            outs = self.outputs(_opened(params["body_jaxpr"]), [*consts, *carry])
            after = [a | b | goes_on for a, b in zip(carry, outs, strict=True)]
            if after == carry:
                return carry
            carry = after

    def _within(self, jaxpr: Any) -> Axes:
        """Returns the axes that equations of a program name, at any depth."""
        found = Axes()
        for equation in jaxpr.eqns:
            found |= self._named(equation.params)
            found |= self.names if equation.primitive.name in CALLING_BACK else Axes()
            found = found.union(*map(self._within, _programs(equation.params)))
        return found

    def _named(self, params: Any) -> Axes:
        """Returns the axes that an equation names."""
        found: set[Any] = set()
        for value in (params.get("axes"), params.get("axis_name")):
            found.update(value if isinstance(value, (tuple, list)) else (value,))
        return self.names & found


def _parts(params: Any) -> tuple[int, int] | None:
    """Returns how many inputs of a scan are constants, and how many are carried; None if unknown.

    JAX has them as numbers, and from 0.12 on as a tree.
    """
    if "num_carry" in params:
        return params["num_consts"], params["num_carry"]
    try:
        constants, carry, _ = params["ft_in"].unpack()
        return len(constants), len(carry)
    except (KeyError, AttributeError, TypeError, ValueError):
        return None


def _programs(params: Any) -> Iterable[Any]:
    """Yields the programs within an equation."""
    for value in params.values():
        for part in value if isinstance(value, (tuple, list)) else (value,):
            inner = _opened(part)
            if hasattr(inner, "eqns"):
                yield inner


def _opened(program: Any) -> Any:
    """Returns a program without its constants."""
    return getattr(program, "jaxpr", program)
