"""`custom_vjp`: functions over state that bring the rule of their own derivative.

The function, its forward rule and its backward rule are each run once; what they read, arguments
and state, becomes the arguments of one `jax.custom_vjp` over arrays.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from .._core.captures import unchanged_captures
from .._core.discovery import Traced, run
from .._core.evaluation import as_arrays
from .._core.frames import Frame
from .._core.inner import commit
from .._core.lift import name_of
from .._core.recipes import Constant, Refill
from .._core.slots import Slot, is_key, is_tracer
from ..errors import RawTransformError, SlotNotFoundError
from .forms import type_of_recipe
from .inside import Inside
from .merging import Merging, value_in
from .scanning import arrays_for_numbers, as_array, is_cell, is_leaf, is_mutable, like
from .steps import blank


class CustomVjp(Inside):
    """What `custom_vjp` returns.

    Args:
        fun: the user's function.
        nondiff_argnums: positions of arguments that the rule leaves alone.
    """

    guarded = ("fun", "forward", "backward")

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: tuple[int, ...]) -> None:
        self.forward: Callable[..., Any] | None = None
        self.backward: Callable[..., Any] | None = None
        self.nondiff_argnums = nondiff_argnums
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

    def call_in_frame(self, frame: Frame, args: Any, kwargs: Any) -> Any:
        """Calls the function over the enclosing frame."""
        if self.forward is None or self.backward is None:
            name = name_of(self.fun)
            raise AttributeError(f"No VJP defined for custom_vjp function {name} using defvjp.")
        bound = inspect.signature(self.fun).bind(*args, **kwargs)
        bound.apply_defaults()
        return Ruled(self, frame, bound.args).call()


class Tree:
    """The structure of nested arrays, and which of them are mutable.

    Args:
        value: the nested arrays.
    """

    def __init__(self, value: Any) -> None:
        self.tree: Any = jax.tree.structure(value, is_leaf=is_leaf)
        self.leaves = jax.tree.leaves(value, is_leaf=is_leaf)
        self.wraps = [is_mutable(leaf) for leaf in self.leaves]

    def arrays(self, what: str) -> list[Any]:
        """Returns the leaves as arrays; `what` they are is for the error if one is none."""
        return [as_array(leaf, what) for leaf in self.leaves]

    def filled(self, arrays: list[Any]) -> Any:
        """Returns the structure with other arrays in it."""
        leaves = [like(a, wrap) for a, wrap in zip(arrays, self.wraps, strict=True)]
        return jax.tree.unflatten(self.tree, leaves)


class Run:
    """One run of the user's code as a program of what it read.

    What it has captured of the enclosing trace counts as read: a rule outlives that trace.

    Args:
        traced: the run.
    """

    def __init__(self, traced: Traced) -> None:
        self.traced = traced
        jaxpr, consts = traced.jaxpr.jaxpr, traced.jaxpr.consts
        rows = list(zip(jaxpr.constvars, consts, strict=True))
        self.captured = {id(value): value for _, value in rows if is_tracer(value)}
        kept = [(variable, value) for variable, value in rows if id(value) not in self.captured]
        first = [variable for variable, value in rows if id(value) in self.captured]
        opened = jaxpr.replace(
            constvars=[variable for variable, _ in kept], invars=[*first, *jaxpr.invars]
        )
        self._evaluate = jaxpr_as_fun(ClosedJaxpr(opened, [value for _, value in kept]))
        captured = [id(value) for _, value in rows if is_tracer(value)]
        self.reads = [*captured, *(id(entry) for entry in traced.inputs)]

    def __call__(self, values: dict[int, Any]) -> list[Any]:
        """Returns the outputs, given the values of what was read, by id."""
        return as_arrays(self._evaluate(*[values[i] for i in self.reads]))


class Ruled:
    """One call of a function with a rule.

    Args:
        lift: the function and its rule.
        frame: the enclosing frame, which is current.
        args: the arguments.
    """

    def __init__(self, lift: CustomVjp, frame: Frame, args: tuple[Any, ...]) -> None:
        self.lift, self.frame, self.args, self.name = lift, frame, args, name_of(lift.fun)
        fixed = {i % len(args) for i in lift.nondiff_argnums}
        self.fixed = [args[i] for i in sorted(fixed)]
        if any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(self.fixed)):
            raise TypeError(
                f"an argument in nondiff_argnums of {self.name} is an array: let the rule return "
                "None for its cotangent instead."
            )
        self.places = [i for i in range(len(args)) if i not in fixed]
        self.given = Tree(arrays_for_numbers([args[i] for i in self.places]))
        self.over = Frame(frame, frame.ground)
        self.entries = [self.over.adopt_argument(leaf) for leaf in self.given.leaves]
        self.result: Any = None
        self.residuals: Any = None

    def call(self) -> Any:
        """Calls the function, and commits to the enclosing frame."""
        lift: Any = self.lift
        with unchanged_captures(self.frame, lift.fun, lift.forward, lift.backward):
            self._trace()
        found = self._called()
        state = [jax.lax.stop_gradient(array) for array in found[: self.state]]
        merged = dataclasses.replace(self.merging.merged(), result=Constant(None))
        commit(merged, [*state, *found[self.state :]], self.frame)
        return self.result.filled(found[self.state :])

    # The runs of the user's code ---------------------------------------------------------------

    def _trace(self) -> None:
        """Traces the three functions, each once."""
        forward: Any = self.lift.forward
        primal = self._traced(lambda *args: (self.lift.fun(*args), ()))
        kept = self._traced(lambda *args: self._pair(forward(*args)))
        self.merging = Merging(self.over, [primal, kept], [{}, {}])
        self.state = len(self.merging.columns)  # first comes what is left in state
        for pair in zip(primal.extra[0].children, kept.extra[0].children, strict=True):
            self.merging.leaf(list(pair), None, "the result")
        self.runs = Run(primal), Run(kept), Run(self._traced_back(kept))

    def _traced(self, fun: Callable[..., Any]) -> Traced:
        """Traces the function, or its forward rule; the recipes of arrays are `extra`."""

        def flat(*leaves: Any) -> None:
            args = list(self.args)
            handed = jax.tree.unflatten(self.given.tree, leaves)
            for i, arg in zip(self.places, handed, strict=True):
                args[i] = arg
            result, residuals = fun(*args)
            if not _is_same(handed, leaves, self.given.tree):
                raise self._written("a list or dict")
            found = Tree(result)
            if self.result is not None and found.tree != self.result.tree:
                raise TypeError(
                    f"the forward rule of {self.name} must return what the function returns, of "
                    f"structure {self.result.tree}, and residuals; its result has the structure "
                    f"{found.tree}."
                )
            self.result, self.residuals = found, Tree(residuals)

        def finish(frame: Frame, result: Any, args: Any, kwargs: Any) -> list[Any]:
            return [self.result.arrays("the result"), self.residuals.arrays("the residuals")]

        self.over.reopen()
        traced = run(flat, list(self.entries), {}, self.over, finish)
        cells = [entry for entry in self.entries if is_cell(entry)]
        for effect in traced.effects:
            if not isinstance(effect, Refill) and any(effect.holder is cell for cell in cells):
                raise self._written("a mutable array")
        return traced

    def _pair(self, found: Any) -> Any:
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise TypeError(
                f"the forward rule of {self.name} must return a pair, the result and the "
                f"residuals, but returned {found!r}."
            )
        return found

    def _written(self, what: str) -> Exception:
        return RawTransformError(
            f"{what} that was given to {self.name} was written in it: its custom_vjp rule says "
            "nothing of the derivative of that.",
            where=self.frame.ground.where(),
            do="return the new values.",
        )

    def _traced_back(self, kept: Traced) -> Traced:
        """Traces the backward rule; the recipes of cotangents are `extra`."""
        types = [type_of_recipe(recipe, kept) for recipe in kept.extra[1].children]
        self.back = Frame(self.frame, self.frame.ground)
        for_result = self.merging.columns[self.state :]
        self.cotangents = [type_of_recipe(c[0], self.merging.runs[0]) for c in for_result]
        self.held = [self._blank(t) for t in types]
        self.pulled = [self._blank(t) if _is_inexact(t) else None for t in self.cotangents]
        backward: Any = self.lift.backward
        residuals, result = self.residuals, self.result

        def flat(*arrays: Any) -> Any:
            given = iter(arrays[len(types) :])
            rows = zip(self.pulled, self.cotangents, strict=True)
            found = [_nothing(t) if slot is None else next(given) for slot, t in rows]
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
        slot = blank(aval)
        slot.owner = self.back
        return slot

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
            as_array(row, "the cotangents") if row is not None and _is_inexact(slot) else None
            for row, slot in zip(rows, map(self._array, self.entries), strict=True)
        ]

    # The program -------------------------------------------------------------------------------

    def _slot(self, entry: Any) -> Any:
        """Returns the slot of an argument; None if it holds no array."""
        found = self.over.lookup(entry, "_value") if is_cell(entry) else entry
        return found if type(found) is Slot else None

    def _array(self, entry: Any) -> Any:
        slot = self._slot(entry)
        return None if slot is None else slot.placeholder

    def _values(
        self, slots: dict[int, Slot], residuals: list[Any], own: set[int]
    ) -> dict[int, Any]:
        """Returns all arrays that the programs take, by what stands for them."""
        primal, kept, back = self.runs
        entries = [entry for entry in back.traced.inputs if id(entry) not in own]
        values = self.merging.values(*residuals)
        values |= {id(entry): self.back.value_beneath(entry) for entry in entries}
        values |= {**primal.captured, **kept.captured, **back.captured}
        return values | {i: self.over.value_beneath(slot) for i, slot in slots.items()}

    def _called(self) -> list[Any]:
        """Returns the outputs of the function, under the rule."""
        primal, kept, back = self.runs
        merging, residuals = self.merging, kept.traced.extra[1].children
        slots = {id(slot): slot for slot in map(self._slot, self.entries) if slot is not None}
        own = {id(slot) for slot in (*self.held, *self.pulled)}
        values = self._values(slots, residuals, own)
        others = [i for i in values if i not in slots]
        read_back = [i for i in back.reads if i not in own]

        def joined(chosen: list[Any], rest: list[Any]) -> dict[int, Any]:
            return dict(zip([*slots, *others], [*chosen, *rest], strict=True))

        @jax.custom_vjp
        def program(chosen: list[Any], rest: list[Any]) -> list[Any]:
            given = joined(chosen, rest)
            return merging.outputs(0, primal(given), given)

        def forward(chosen: list[Any], rest: list[Any]) -> Any:
            for i, value in zip(others, rest, strict=True):
                if value.perturbed:
                    self._refuse(i)
            given = joined([p.value for p in chosen], [p.value for p in rest])
            raw = kept(given)
            held = [jnp.asarray(value_in(recipe, raw, given)) for recipe in residuals]
            return merging.outputs(1, raw, given), (held, [given[i] for i in read_back])

        def backward(held: Any, cotangents: list[Any]) -> Any:
            arrays, state = held
            given = dict(zip(read_back, state, strict=True))
            given |= {id(slot): a for slot, a in zip(self.held, arrays, strict=True)}
            pulled = map(_instantiated, cotangents[self.state :])
            given |= {id(slot): a for slot, a in zip(self.pulled, pulled, strict=True)}
            raw = back(given)
            rows = {id(self._slot(entry)): recipe for entry, recipe in self._pulled_back()}
            found = [rows.get(i) for i in slots]
            return [None if r is None else value_in(r, raw, given) for r in found], None

        program.defvjp(forward, backward, symbolic_zeros=True)
        outs: list[Any] = program(
            [values[i] for i in slots], [jnp.asarray(values[i]) for i in others]
        )
        return outs

    def _pulled_back(self) -> Any:
        """Yields the arguments that have cotangents, each with its recipe."""
        for entry, recipe in zip(self.entries, self.runs[2].traced.extra, strict=True):
            if not (isinstance(recipe, Constant) and recipe.value is None):
                yield entry, recipe

    def _refuse(self, entry: int) -> None:
        slots = [e for run in self.runs for e in run.traced.inputs if id(e) == entry]
        node = getattr(slots[0], "node", None) if slots else None
        what = "something that it captures" if node is None else node.path()
        raise SlotNotFoundError(
            f"the derivative of {self.name} by {what} was asked for, which it reads and is not "
            "given as an argument: its custom_vjp rule says nothing of that derivative.",
            do="pass the array as an argument, or read it through statejit.stop_gradient.",
        )


def _is_same(handed: Any, leaves: Any, tree: Any) -> bool:
    """Says whether lists and dicts hold what they held."""
    now, tree_now = jax.tree.flatten(handed, is_leaf=is_leaf)
    return tree_now == tree and all(a is b for a, b in zip(now, leaves, strict=True))


def _is_inexact(array: Any) -> bool:
    return array is not None and not is_key(array) and jnp.issubdtype(array.dtype, jnp.inexact)


def _nothing(aval: Any) -> Any:
    """Returns the cotangent of an array that has no derivative, as JAX has it."""
    return np.zeros(aval.shape, jax.dtypes.float0)


def _instantiated(cotangent: Any) -> Any:
    if isinstance(cotangent, SymbolicZero):
        aval: Any = cotangent.aval
        return jnp.zeros(aval.shape, aval.dtype) if _is_inexact(aval) else None
    return cotangent


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
