"""`custom_jvp`: functions over state with a rule of forward mode of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from .._core.frames import Frame
from .._core.lift import name_of
from .merging import value_in
from .rules import Rule, Ruled, Run, Tree, instantiated, is_inexact, nothing


class CustomJvp(Rule):
    """What `custom_jvp` returns.

    Args:
        fun: the user's function.
        nondiff_argnums: positions of arguments that the rule leaves alone.
    """

    guarded = ("fun", "rule")

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: tuple[int, ...]) -> None:
        self.rule: Callable[..., Any] | None = None
        super().__init__(fun, nondiff_argnums)

    def defjvp(self, jvp: Callable[..., Any]) -> Callable[..., Any]:
        """Sets the rule, and returns it, so that it can be used as a decorator.

        Args:
            jvp: takes the arguments of `nondiff_argnums`, the tuple of the other arguments and that
                of their tangents, and returns the result and its tangent, which is linear in the
                tangents. It does to state what the function does.
        """
        self.rule = jvp
        return jvp

    def functions(self) -> tuple[Callable[..., Any], ...]:
        """Returns the function and its rule.

        Raises:
            AttributeError: if there is no rule yet.
        """
        if self.rule is None:
            name = name_of(self.fun)
            raise AttributeError(f"No JVP defined for custom_jvp function {name} using defjvp.")
        return self.fun, self.rule

    def ruled(self, frame: Frame, args: tuple[Any, ...]) -> Pushed:
        """Returns a call of the function."""
        return Pushed(self, frame, args)


class Pushed(Ruled):
    """One call of such a function."""

    kind = "custom_jvp"

    def trace(self) -> None:
        """Traces the function and its rule, each once."""
        fun, rule = self.lift.functions()
        slots = list(map(self.slot, self.entries))
        self.tangents = [
            self.blank(slot.placeholder, self.over) if _moves(slot) else None for slot in slots
        ]

        def ruled(args: list[Any], tangents: list[Any]) -> Any:
            given = iter(tangents)
            rows = [
                nothing(slot.placeholder)
                if tangent is None and slot is not None
                else None
                if tangent is None
                else next(given)
                for slot, tangent in zip(slots, self.tangents, strict=True)
            ]
            primals = tuple(args[i] for i in self.places)
            return self.pair(
                rule(*self.fixed, primals, tuple(self.given.filled(rows))), "its tangent"
            )

        primal = self.traced(lambda args, _: (fun(*args), ()), [], lambda _: [])
        moved = [tangent for tangent in self.tangents if tangent is not None]
        kept = self.traced(ruled, moved, self._of_result)
        self.merge(primal, kept)
        self.runs = [Run(primal), Run(kept)]

    def _of_result(self, tangent: Any) -> list[Any]:
        found = Tree(tangent)
        if found.tree != self.result.tree:
            raise TypeError(
                f"the rule of {self.name} returned a tangent of another structure than the result "
                f"has: {found.tree} and {self.result.tree}."
            )
        leaves = zip(found.leaves, self.result.arrays("the result"), strict=True)
        return [jnp.asarray(leaf) for leaf, array in leaves if is_inexact(array)]

    def called(self) -> list[Any]:
        """Returns the outputs of the function, under the rule."""
        primal, kept = self.runs
        merging, state = self.merging, self.state
        recipes = kept.traced.extra[1].children
        slots = self.slots()
        own = {id(tangent) for tangent in self.tangents if tangent is not None}
        moved = [t for e, t in zip(self.entries, self.tangents, strict=True) if self.slot(e)]
        values = self.values([primal, kept], *recipes)
        others = [i for i in values if i not in slots and i not in own]

        @jax.custom_jvp
        def program(chosen: list[Any], rest: list[Any]) -> list[Any]:
            given = dict(zip([*slots, *others], [*chosen, *rest], strict=True))
            return merging.outputs(0, primal(given), given)

        def rule(primals: Any, tangents: Any) -> Any:
            for i, tangent in zip(others, tangents[1], strict=True):
                if not isinstance(tangent, SymbolicZero):
                    self.refuse(i, self.runs)
            given = dict(zip([*slots, *others], [*primals[0], *primals[1]], strict=True))
            rows = zip(moved, tangents[0], strict=True)
            given |= {id(slot): instantiated(t) for slot, t in rows if slot is not None}
            raw = kept(given)
            outs = merging.outputs(1, raw, given)
            pushed = iter([value_in(recipe, raw, given) for recipe in recipes])
            return outs, [
                _tangent(out, pushed if i >= state else None) for i, out in enumerate(outs)
            ]

        program.defjvp(rule, symbolic_zeros=True)
        outs: list[Any] = program(
            [values[i] for i in slots], [jnp.asarray(values[i]) for i in others]
        )
        return outs


def _moves(slot: Any) -> bool:
    return slot is not None and is_inexact(slot.placeholder)


def _tangent(out: Any, pushed: Any) -> Any:
    """Returns the tangent of an output: the next one of the result; of state there is none."""
    if not is_inexact(out):
        return nothing(out)
    return jnp.zeros_like(out) if pushed is None else next(pushed)


def custom_jvp(fun: Callable[..., Any], nondiff_argnums: int | tuple[int, ...] = ()) -> CustomJvp:
    """Lets a stateful function have a derivative rule of its own; mirrors `jax.custom_jvp`.

    The rule is for the arguments. The derivative by state that the function reads is refused, and
    none goes through what it writes to state, as if by `stop_gradient`.

    Args:
        fun: a function, method or instance; of arrays, or trees of them, and models.
        nondiff_argnums: positions of arguments that are handed to the rule as they are; they hold
            no arrays.

    Returns:
        A function; its method `defjvp(rule)` sets the rule, which is called as in JAX.

    Raises:
        SlotNotFoundError: where it is differentiated, if that is by state, and not by arguments.
        RawTransformError: at a call, if arguments are written.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> class Log(sj.Base):
        ...     def __init__(self):
        ...         self.calls = 0
        ...     def __call__(self, x):
        ...         self.calls += 1
        ...         return jnp.log(x)
        >>> log = sj.custom_jvp(Log())
        >>> @log.defjvp
        ... def rule(primals, tangents):
        ...     return log(*primals), tangents[0] / jnp.maximum(primals[0], 0.5)
        >>> sj.grad(log)(0.25).item(), log.fun.calls
        (2.0, 1)
    """
    positions = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else tuple(nondiff_argnums)
    return CustomJvp(fun, positions)
