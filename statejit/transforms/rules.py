"""Functions over state that bring the rule of their own derivative: what both kinds of rules share.

The function and its rule are each run once; what they read, arguments and state, becomes the
arguments of one function of `jax.custom_jvp` or `jax.custom_vjp` over arrays.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NoReturn

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
from .inside import Inside
from .merging import Merging
from .scanning import arrays_for_numbers, as_array, is_cell, is_leaf, is_mutable, like
from .steps import blank


class Rule(Inside):
    """A function with a rule.

    Args:
        fun: the user's function.
        nondiff_argnums: positions of arguments that the rule leaves alone.
    """

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: tuple[int, ...]) -> None:
        self.nondiff_argnums = nondiff_argnums
        super().__init__(fun, nondiff_argnums)

    def bound(self, args: Any, kwargs: Any) -> tuple[Any, ...]:
        """Returns all arguments of a call by position, defaults included."""
        bound = inspect.signature(self.fun).bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.args

    def functions(self) -> tuple[Callable[..., Any], ...]:
        """Returns the function and those of its rule."""
        raise NotImplementedError

    def ruled(self, frame: Frame, args: tuple[Any, ...]) -> Ruled:
        """Returns a call of the function."""
        raise NotImplementedError

    def call_in_frame(self, frame: Frame, args: Any, kwargs: Any) -> Any:
        """Calls the function over the enclosing frame."""
        self.functions()
        given = self.bound(args, kwargs)
        if self in _TRACED.get():
            return self.fun(*jax.tree.map(self._underived, given, is_leaf=is_leaf))
        return self.ruled(frame, given).call()

    def _underived(self, leaf: Any) -> Any:
        """Returns an argument of a call in the rule itself, which is not differentiated again."""
        if not isinstance(leaf, jax.Array) or not is_inexact(leaf):
            return leaf

        @jax.custom_jvp
        def same(array: Any) -> Any:
            return array

        @same.defjvp
        def refuse(primals: Any, tangents: Any) -> NoReturn:
            name = name_of(self.fun)
            raise RawTransformError(
                f"a second derivative goes through the rule of {name}, which calls {name} itself.",
                do="let the rule compute the result by functions that have derivatives.",
            )

        return same(leaf)


_TRACED: ContextVar[tuple[Rule, ...]] = ContextVar("statejit_rules", default=())
"""The functions whose rules are being traced."""


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

    Attributes:
        merging: what the function and its rule leave in state, and then the result.
        state: how many of the outputs are left in state.
    """

    kind = "custom_jvp"

    def __init__(self, lift: Rule, frame: Frame, args: tuple[Any, ...]) -> None:
        self.lift: Any = lift
        self.frame, self.args, self.name = frame, args, name_of(lift.fun)
        fixed = {i % len(args) for i in lift.nondiff_argnums}
        self.fixed = [args[i] for i in sorted(fixed)]
        if any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(self.fixed)):
            raise TypeError(
                f"an argument in nondiff_argnums of {self.name} is an array: let the rule leave "
                "its derivative out instead."
            )
        self.places = [i for i in range(len(args)) if i not in fixed]
        self.given = Tree(arrays_for_numbers([args[i] for i in self.places]))
        self.over = Frame(frame, frame.ground)
        self.entries = [self.over.adopt_argument(leaf) for leaf in self.given.leaves]
        self.merging: Any = None
        self.state = 0
        self.result: Any = None

    def call(self) -> Any:
        """Calls the function, and commits to the enclosing frame."""
        token = _TRACED.set((*_TRACED.get(), self.lift))
        try:
            with unchanged_captures(self.frame, *self.lift.functions()):
                self.trace()
        finally:
            _TRACED.reset(token)
        found = self.called()
        state = [jax.lax.stop_gradient(array) for array in found[: self.state]]
        merged = dataclasses.replace(self.merging.merged(), result=Constant(None))
        commit(merged, [*state, *found[self.state :]], self.frame)
        return self.result.filled(found[self.state :])

    def trace(self) -> None:
        """Traces the function and its rule, each once."""
        raise NotImplementedError

    def called(self) -> list[Any]:
        """Returns the outputs of the function, under the rule."""
        raise NotImplementedError

    # The runs of the user's code ---------------------------------------------------------------

    def traced(
        self, fun: Callable[..., Any], given: list[Slot], finish: Callable[[Any], list[Any]]
    ) -> Traced:
        """Traces the function, or a rule that stands for it.

        Args:
            fun: (arguments of the function, further arrays) -> (result, anything).
            given: the slots of further arrays.
            finish: (anything) -> arrays; the recipes of those of the result, and of these, are
                `extra`.
        """
        beside: Any = None

        def flat(*arrays: Any) -> None:
            nonlocal beside
            leaves, more = arrays[: len(self.entries)], arrays[len(self.entries) :]
            args = list(self.args)
            handed = jax.tree.unflatten(self.given.tree, leaves)
            for i, arg in zip(self.places, handed, strict=True):
                args[i] = arg
            result, beside = fun(args, list(more))
            if not _is_same(handed, leaves, self.given.tree):
                raise self._written("a list or dict")
            found = Tree(result)
            if self.result is not None and found.tree != self.result.tree:
                raise TypeError(
                    f"the rule of {self.name} must return what the function returns, of structure "
                    f"{self.result.tree}; its result has the structure {found.tree}."
                )
            self.result = found

        def finished(frame: Frame, result: Any, args: Any, kwargs: Any) -> list[Any]:
            return [self.result.arrays("the result"), finish(beside)]

        self.over.reopen()
        traced = run(flat, [*self.entries, *given], {}, self.over, finished)
        cells = [entry for entry in self.entries if is_cell(entry)]
        for effect in traced.effects:
            if not isinstance(effect, Refill) and any(effect.holder is cell for cell in cells):
                raise self._written("a mutable array")
        return traced

    def merge(self, primal: Traced, ruled: Traced) -> None:
        """Merges what the function does with what its rule does to the same state."""
        self.merging = Merging(self.over, [primal, ruled], [{}, {}])
        self.state = len(self.merging.columns)  # first comes what is left in state
        for pair in zip(primal.extra[0].children, ruled.extra[0].children, strict=True):
            self.merging.leaf(list(pair), None, "the result")

    def pair(self, found: Any, what: str) -> Any:
        """Returns what a rule returns, if that is a pair.

        Raises:
            TypeError: if it is none.
        """
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise TypeError(
                f"the rule of {self.name} must return a pair, the result and {what}, but returned "
                f"{found!r}."
            )
        return found

    def _written(self, what: str) -> Exception:
        return RawTransformError(
            f"{what} that was given to {self.name} was written in it: its {self.kind} rule says "
            "nothing of the derivative of that.",
            where=self.frame.ground.where(),
            do="return the new values.",
        )

    def blank(self, aval: Any, frame: Frame) -> Slot:
        """Returns the slot of a further array of a rule."""
        slot = blank(aval)
        slot.owner = frame.mark
        return slot

    # The program -------------------------------------------------------------------------------

    def slot(self, entry: Any) -> Any:
        """Returns the slot of an argument; None if it holds no array."""
        found = self.over.lookup(entry, "_value") if is_cell(entry) else entry
        return found if type(found) is Slot else None

    def slots(self) -> dict[int, Slot]:
        """Returns the slots of the arguments that hold arrays, by id."""
        return {id(slot): slot for slot in map(self.slot, self.entries) if slot is not None}

    def values(self, runs: list[Run], *recipes: Any) -> dict[int, Any]:
        """Returns the arrays that runs over the frame of the call take, by what stands for them."""
        values = self.merging.values(*recipes)
        for ran in runs:
            values |= ran.captured
        return values | {i: self.over.value_beneath(slot) for i, slot in self.slots().items()}

    def refuse(self, entry: int, runs: list[Run]) -> NoReturn:
        """Refuses a derivative by what is no argument.

        Raises:
            SlotNotFoundError: always.
        """
        slots = [e for ran in runs for e in ran.traced.inputs if id(e) == entry]
        node = getattr(slots[0], "node", None) if slots else None
        what = "something that it captures" if node is None else node.path()
        raise SlotNotFoundError(
            f"the derivative of {self.name} by {what} was asked for, which it reads and is not "
            f"given as an argument: its {self.kind} rule says nothing of that derivative.",
            do="pass the array as an argument, or read it through statejit.stop_gradient.",
        )


def _is_same(handed: Any, leaves: Any, tree: Any) -> bool:
    """Says whether lists and dicts hold what they held."""
    now, tree_now = jax.tree.flatten(handed, is_leaf=is_leaf)
    return tree_now == tree and all(a is b for a, b in zip(now, leaves, strict=True))


def is_inexact(array: Any) -> bool:
    """Says whether an array has a derivative."""
    return array is not None and not is_key(array) and jnp.issubdtype(array.dtype, jnp.inexact)


def nothing(aval: Any) -> Any:
    """Returns the tangent or cotangent of an array that has no derivative, as JAX has it."""
    return np.zeros(aval.shape, jax.dtypes.float0)


def instantiated(cotangent: Any) -> Any:
    """Returns a tangent or cotangent as an array, also where it is zero."""
    if isinstance(cotangent, SymbolicZero):
        aval: Any = cotangent.aval
        return jnp.zeros(aval.shape, aval.dtype) if is_inexact(aval) else None
    return cotangent
