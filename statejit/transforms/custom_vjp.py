"""`custom_vjp`: functions over state with a rule of reverse mode of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .._core.discovery import Traced, run
from .._core.frames import Frame
from .._core.lift import name_of
from .._core.recipes import Constant
from .._core.slots import Slot
from ..errors import RawTransformError
from .forms import type_of_recipe
from .merging import value_in
from .rules import Rule, Ruled, Run, Tree, instantiated, is_inexact, nothing
from .scanning import as_array


class CustomVjp(Rule):
    """What `custom_vjp` returns.

    Args:
        fun: the user's function.
        nondiff_argnums: positions of arguments that the rule leaves alone.
    """

    guarded = ("fun", "forward", "backward")

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: tuple[int, ...]) -> None:
        self.forward: Callable[..., Any] | None = None
        self.backward: Callable[..., Any] | None = None
        super().__init__(fun, nondiff_argnums)

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Sets the rule.

        Args:
            fwd: takes the arguments of the function, and returns its result and the residuals, a
                tree of arrays. It does to state what the function does.
            bwd: takes the arguments of `nondiff_argnums`, the residuals and the cotangent of the
                result, and returns a tuple with the cotangent of each other argument; None stands
                for zero. It may read state, and writes none.
        """
        self.forward, self.backward = fwd, bwd

    def functions(self) -> tuple[Callable[..., Any], ...]:
        """Returns the function and those of its rule.

        Raises:
            AttributeError: if there is no rule yet.
        """
        if self.forward is None or self.backward is None:
            name = name_of(self.fun)
            raise AttributeError(f"No VJP defined for custom_vjp function {name} using defvjp.")
        return self.fun, self.forward, self.backward

    def ruled(self, frame: Frame, args: tuple[Any, ...]) -> Pulled:
        """Returns a call of the function."""
        return Pulled(self, frame, args)


class Pulled(Ruled):
    """One call of such a function.

    Attributes:
        chosen: what stands for arrays of the arguments, by id.
        rest: what stands for other arrays that the runs take.
        read_back: what the backward rule takes besides residuals and cotangents.
    """

    kind = "custom_vjp"
    residuals: Tree

    def trace(self) -> None:
        """Traces the three functions, each once."""
        fun, forward, _ = self.lift.functions()
        primal = self.traced(lambda args, _: (fun(*args), ()), [], self._kept)
        kept = self.traced(
            lambda args, _: self.pair(forward(*args), "the residuals"), [], self._kept
        )
        self.merge(primal, kept)
        self.runs = [Run(primal), Run(kept), Run(self._traced_back(kept))]

    def _kept(self, residuals: Any) -> list[Any]:
        self.residuals = Tree(residuals)
        return self.residuals.arrays("the residuals")

    def _traced_back(self, kept: Traced) -> Traced:
        """Traces the backward rule; the recipes of cotangents are `extra`."""
        types = [type_of_recipe(recipe, kept) for recipe in kept.extra[1].children]
        self.back = Frame(self.frame, self.frame.ground)
        for_result = self.merging.columns[self.state :]
        self.cotangents = [type_of_recipe(c[0], self.merging.runs[0]) for c in for_result]
        self.held = [self._blank(t) for t in types]
        self.pulled = [self._blank(t) if is_inexact(t) else None for t in self.cotangents]
        backward = self.lift.backward
        residuals, result = self.residuals, self.result

        def flat(*arrays: Any) -> Any:
            given = iter(arrays[len(types) :])
            rows = zip(self.pulled, self.cotangents, strict=True)
            found = [nothing(t) if slot is None else next(given) for slot, t in rows]
            held = residuals.filled(list(arrays[: len(types)]))
            return backward(*self.fixed, held, jax.tree.unflatten(result.tree, found))

        def finish(frame: Frame, result: Any, args: Any, kwargs: Any) -> list[Any]:
            return self._chosen(result)

        slots = [*self.held, *(slot for slot in self.pulled if slot is not None)]
        traced = run(flat, slots, {}, self.back, finish)
        if traced.effects:
            raise RawTransformError(
                f"state was written in the backward rule of {self.name}: differentiation would "
                "run it when JAX needs it, if ever.",
                where=self.frame.ground.where(),
                do="write it in the function and its forward rule.",
            )
        return traced

    def _blank(self, aval: Any) -> Slot:
        if jnp.issubdtype(aval.dtype, jax.dtypes.prng_key):
            raise TypeError(
                f"the residuals or results of {self.name} hold random keys: pass their data "
                "(jax.random.key_data)."
            )
        return self.blank(aval, self.back)

    def _chosen(self, found: Any) -> list[Any]:
        """Returns the cotangents of the leaves of the arguments; None for those that have none."""
        if not isinstance(found, (tuple, list)) or len(found) != len(self.places):
            raise TypeError(
                f"the backward rule of {self.name} must return a tuple with the cotangents of "
                f"{len(self.places)} arguments, but returned {found!r}."
            )
        rows: list[Any] = []
        for cotangent, arg in zip(found, self.given.tree.children(), strict=True):
            if cotangent is None:
                rows += [None] * arg.num_leaves
                continue
            try:
                rows += arg.flatten_up_to(cotangent)
            except ValueError as error:
                raise TypeError(
                    f"the backward rule of {self.name} returned a cotangent of another structure "
                    f"than its argument has: {error}"
                ) from error
        return [
            as_array(row, "the cotangents")
            if row is not None and slot is not None and is_inexact(slot.placeholder)
            else None
            for row, slot in zip(rows, map(self.slot, self.entries), strict=True)
        ]

    def called(self) -> list[Any]:
        """Returns the outputs of the function, under the rule."""
        primal, kept, back = self.runs
        self.residual_recipes = kept.traced.extra[1].children
        of_rule = {id(slot) for slot in (*self.held, *self.pulled)}
        self.read_back = [i for i in back.reads if i not in of_rule]
        values = self.values(self.runs, *self.residual_recipes)
        for entry in back.traced.inputs:
            if id(entry) not in of_rule:
                values[id(entry)] = self.back.value_beneath(entry)
        self.chosen = self.slots()
        self.rest = [i for i in values if i not in self.chosen]

        @jax.custom_vjp
        def program(chosen: list[Any], rest: list[Any]) -> list[Any]:
            given = self._by_id(chosen, rest)
            return self.merging.outputs(0, primal(given), given)

        program.defvjp(self._forward, self._backward, symbolic_zeros=True)
        outs: list[Any] = program(
            [values[i] for i in self.chosen], [jnp.asarray(values[i]) for i in self.rest]
        )
        return outs

    def _by_id(self, chosen: list[Any], rest: list[Any]) -> dict[int, Any]:
        """Returns the arrays of arguments, and the others, by what stands for them."""
        return dict(zip([*self.chosen, *self.rest], [*chosen, *rest], strict=True))

    def _forward(self, chosen: list[Any], rest: list[Any]) -> Any:
        """Returns the outputs of the forward rule, and what the backward rule takes."""
        for i, primal in zip(self.rest, rest, strict=True):
            if primal.perturbed:
                self.refuse(i, self.runs)
        given = self._by_id([p.value for p in chosen], [p.value for p in rest])
        raw = self.runs[1](given)
        held = [jnp.asarray(value_in(recipe, raw, given)) for recipe in self.residual_recipes]
        return self.merging.outputs(1, raw, given), (held, [given[i] for i in self.read_back])

    def _backward(self, kept: Any, cotangents: list[Any]) -> Any:
        """Returns the cotangents of the arguments; of the others there are none."""
        held, state = kept
        given = dict(zip(self.read_back, state, strict=True))
        given |= {id(slot): array for slot, array in zip(self.held, held, strict=True)}
        pulled = map(instantiated, cotangents[self.state :])
        given |= {id(slot): array for slot, array in zip(self.pulled, pulled, strict=True)}
        raw = self.runs[2](given)
        rows = {id(self.slot(entry)): recipe for entry, recipe in self._pulled_back()}
        found = [rows.get(i) for i in self.chosen]
        return [None if r is None else value_in(r, raw, given) for r in found], None

    def _pulled_back(self) -> Any:
        """Yields the arguments that have cotangents, each with its recipe."""
        for entry, recipe in zip(self.entries, self.runs[2].traced.extra, strict=True):
            if not (isinstance(recipe, Constant) and recipe.value is None):
                yield entry, recipe


def custom_vjp(fun: Callable[..., Any], nondiff_argnums: int | tuple[int, ...] = ()) -> CustomVjp:
    """Lets a stateful function have a derivative rule of its own; mirrors `jax.custom_vjp`.

    The rule is for the arguments. The derivative by state that the function reads is refused, and
    none goes through what it writes to state, as if by `stop_gradient`.

    Args:
        fun: a function, method or instance; of arrays, or trees of them, and models.
        nondiff_argnums: positions of arguments that are handed to the backward rule as they are;
            they hold no arrays.

    Returns:
        A function; its method `defvjp(fwd, bwd)` sets the rule, which is called as in JAX.

    Raises:
        SlotNotFoundError: where it is differentiated, if that is by state, and not by arguments.
        RawTransformError: at a call, if the backward rule writes state, or arguments are written.

    References:
        Zenke and Ganguli (2018), SuperSpike, Neural Computation 30, for the example.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> class Spike(sj.Base):
        ...     def __init__(self):
        ...         self.count = 0
        ...     def __call__(self, v):
        ...         self.count += 1
        ...         return (v > 0) * 1.0
        >>> spike = Spike()
        >>> fire = sj.custom_vjp(lambda v: spike(v))
        >>> fire.defvjp(lambda v: (spike(v), v), lambda v, ct: (ct / (1 + jnp.abs(v)) ** 2,))
        >>> sj.grad(fire)(1.0).item(), spike.count
        (0.25, 1)
    """
    positions = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else tuple(nondiff_argnums)
    return CustomVjp(fun, positions)
