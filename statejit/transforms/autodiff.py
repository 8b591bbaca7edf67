"""`grad` and `value_and_grad` of stateful functions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.base import Base
from .._core.cells import Cell
from .._core.containers import TUPLE
from .._core.discovery import Traced
from .._core.evaluation import Program
from .._core.frames import CURRENT, Frame
from .._core.ground import Ground
from .._core.lift import Lifted, name_of
from .._core.numbers import Number
from .._core.recipes import Input, NewContainer, Out
from .._core.slots import Slot
from .targets import Part, Remembered, Wanted, is_predicate, is_target, structure


class Derivative(Lifted):
    """What the functions of the gradient family return.

    Arrays among the targets are looked for by identity at the first call, and by path after that.

    Args:
        fun: the function to differentiate.
        grad_vars: state to differentiate, or None.
        argnums: positions of arguments to differentiate, or None.
        options: `has_aux`, `return_value`, and whether the value comes first.
        key: further options on which plans depend; hashable.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        grad_vars: Any,
        argnums: Any,
        options: tuple[bool, ...],
        key: Any = (),
    ) -> None:
        if grad_vars is None and argnums is None:
            argnums = 0
        self.grad_vars = grad_vars
        self.argnums = tuple(argnums) if isinstance(argnums, (list, tuple)) else argnums
        self.has_aux, self.return_value, self.value_first = options
        described, self.given = structure(grad_vars)
        self.known = [Remembered(t) if isinstance(t, jax.Array) else t for t in self.given]
        self.targets = self.given
        self.resolved = not any(isinstance(target, jax.Array) for target in self.given)
        super().__init__(fun, (described, self.argnums, options, key))

    guarded = ("fun", "given")

    # What goes in ------------------------------------------------------------------------------

    @property
    def positions(self) -> tuple[int, ...]:
        """The positions of the arguments to differentiate."""
        if self.argnums is None:
            return ()
        return self.argnums if isinstance(self.argnums, tuple) else (self.argnums,)

    def prepare(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """Makes arrays of the numbers to differentiate."""
        args = list(args)
        for i in self.positions:
            if not -len(args) <= i < len(args):
                raise ValueError(
                    f"differentiating with respect to argnums={self.argnums} requires at least "
                    f"{i + 1 if i >= 0 else -i} positional arguments to be passed by the caller, "
                    f"but got only {len(args)} positional arguments."
                )
            args[i] = jax.tree.map(as_array_to_differentiate, args[i], is_leaf=_is_leaf)
        return tuple(args), kwargs

    def call(self, args: Any, kwargs: Any) -> Any:
        """Calls a plan; arrays given as `grad_vars` are first looked for, once."""
        return super().call(args, kwargs) if self.resolved else self._call_anew(args, kwargs)

    # What comes out ----------------------------------------------------------------------------

    def split(self, result: Any) -> tuple[Any, Any]:
        """Returns what the function returns to be differentiated, and the auxiliary result."""
        if not self.has_aux:
            return result, None
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise TypeError(
                f"{name_of(self.fun)} was to return (loss, auxiliary result), since has_aux is "
                f"set, but returned a {type(result).__name__}."
            )
        return result[0], result[1]

    def gradients(self, traced: Traced) -> tuple[Any, list[Slot | Part]]:
        """Returns the recipe of the gradients, and the slots to differentiate, in order."""
        wanted = Wanted(traced, self.fun)
        parts = []
        if self.grad_vars is not None:
            parts.append(wanted.of_target(self._resolved(traced)))
        if self.argnums is not None:
            found = [wanted.of_argument(traced.args[i]) for i in self.positions]
            single = not isinstance(self.argnums, tuple)
            parts.append(found[0] if single else tuple_of(*found))
        return (parts[0] if len(parts) == 1 else tuple_of(*parts)), wanted.slots

    def arranged(self, grads: Any, value: Any, aux: Any) -> Any:
        """Returns the recipe of what a call returns."""
        if self.value_first:
            return tuple_of(tuple_of(value, aux) if self.has_aux else value, grads)
        rest = [value] if self.return_value else []
        rest += [aux] if self.has_aux else []
        return tuple_of(grads, *rest) if rest else grads

    def _resolved(self, traced: Traced) -> Any:
        """Returns the targets with slots for arrays, and makes them guards of the plan."""
        frame = traced.frame
        found = [t.slot(frame) if type(t) is Remembered else t for t in self.known]
        if isinstance(frame.beneath, Ground):
            self._guard(frame.beneath, frame)
        remaining = iter(found)
        return jax.tree.map(
            lambda leaf: leaf if is_predicate(leaf) else next(remaining),
            self.grad_vars,
            is_leaf=is_target,
        )

    def _guard(self, ground: Ground, frame: Frame) -> None:
        targets = [t.address(frame) if type(t) is Remembered else t for t in self.known]
        for i, target in enumerate(targets):
            if type(self.known[i]) is Remembered:
                ground.add(None, "target", i, target, "").must("static", target)
            else:
                ground.find(None, "target", i, target, "")
        self.targets, self.resolved = targets, True


class Gradient(Derivative):
    """What `grad` and `value_and_grad` return."""

    def finish(self, frame: Frame, result: Any, args: Any, kwargs: Any) -> list[Any]:
        """Returns the loss as an array, the loss as it was returned, and the auxiliary result."""
        result, aux = self.split(result)
        return [as_loss(result), result, aux]

    def transform(self, traced: Traced) -> Traced:
        """Returns the program with the gradients as further outputs."""
        grads, slots = self.gradients(traced)
        loss, value, aux = traced.extra
        program, inputs = opened(traced, [loss], slots)
        *_, (holomorphic, allow_int) = self.key

        def pure(*values: Any) -> list[Any]:
            def scalar(chosen: list[Any]) -> Any:
                (loss,), outs = program(values, chosen)
                return loss, outs

            differentiate = jax.value_and_grad(
                scalar, has_aux=True, holomorphic=holomorphic, allow_int=allow_int
            )
            (_, outs), grads = differentiate(program.chosen(values))
            return [*outs, *grads]

        result = self.arranged(grads, value, aux)
        return dataclasses.replace(traced, pure=pure, inputs=inputs, result=result)


@dataclasses.dataclass(frozen=True)
class Opened:
    """A traced program as a function of some slots, for transformations that differentiate.

    It holds no slots: plans keep no object of the user alive.

    Args:
        pure: the program.
        n: how many inputs the program has.
        positions: where the slots are among all inputs; of a part (where the whole is, the way,
            where its operands are).
        wanted: for each array that is differentiated the number of an output, or of an input
            (counted from -1 downwards), or a constant.
    """

    pure: Callable[..., list[Any]]
    n: int
    positions: tuple[Any, ...]
    wanted: tuple[Any, ...]

    def chosen(self, values: Any) -> list[Any]:
        """Returns the arrays of the slots, out of those of all inputs; zeros for a part."""
        return [
            values[at] if type(at) is int else _zeros(values[at[0]], at[1]) for at in self.positions
        ]

    def __call__(self, values: Any, chosen: list[Any]) -> tuple[list[Any], list[Any]]:
        """Returns the wanted arrays, and all outputs of the program.

        Args:
            values: the arrays of all inputs.
            chosen: other arrays for the slots; for a part what is added to it.
        """
        given = list(values)
        rows = sorted(
            zip(self.positions, chosen, strict=True), key=lambda row: type(row[0]) is tuple
        )
        for at, value in rows:  # the parts last: the whole may be among the slots
            if type(at) is int:
                given[at] = value
            else:
                whole, way, operands = at
                nothing = jnp.zeros_like(given[whole])
                given[whole] += way.put(nothing, [given[i] for i in operands], value)
        outs = self.pure(*given[: self.n])

        def value_of(what: Any) -> Any:
            if type(what) is not int:
                return what
            return outs[what] if what >= 0 else given[-1 - what]

        return [value_of(what) for what in self.wanted], outs


def opened(traced: Traced, wanted: list[Any], slots: list[Slot | Part]) -> tuple[Opened, list[Any]]:
    """Opens a traced program.

    Args:
        traced: what one run of the function did.
        wanted: recipes of the arrays that are differentiated.
        slots: those with respect to which they are.

    Returns:
        The opened program, and its inputs: those of the traced one, and slots that it does not use.
    """
    inputs = list(traced.inputs)
    at = {id(entry): i for i, entry in enumerate(inputs)}
    wholes = [w for s in slots for w in ([s.slot, *s.operands] if type(s) is Part else [s])]
    for slot in [*wholes, *[recipe.slot for recipe in wanted if isinstance(recipe, Input)]]:
        if id(slot) not in at:
            at[id(slot)] = len(inputs)
            inputs.append(slot)

    def source(recipe: Any) -> Any:
        if isinstance(recipe, Out):
            return recipe.index
        return -1 - at[id(recipe.slot)] if isinstance(recipe, Input) else recipe.value

    def position(slot: Any) -> Any:
        if type(slot) is not Part:
            return at[id(slot)]
        return at[id(slot.slot)], slot.way, tuple(at[id(operand)] for operand in slot.operands)

    positions = tuple(position(slot) for slot in slots)
    sources = tuple(source(recipe) for recipe in wanted)
    pure = traced.pure
    if isinstance(pure, Program) and traced.frame.ground.compiled:
        pure = pure.by_equation()  # else JAX would compile each kind of equation by itself
    return Opened(pure, len(traced.inputs), positions, sources), inputs


def _zeros(whole: Any, way: Any) -> Any:
    """Returns zeros of the type of a part."""
    shape, dtype = way.like(whole.dtype)
    return jnp.zeros(shape, dtype)


def tuple_of(*children: Any) -> NewContainer:
    """Returns the recipe of a tuple."""
    return NewContainer(TUPLE, tuple, None, list(children))


def _is_leaf(value: Any) -> bool:
    return isinstance(value, (Base, Cell, Number))


def as_loss(result: Any) -> Any:
    """Returns what a loss returns as a `jax.Array`.

    Raises:
        TypeError: if it is no array and no number.
    """
    if isinstance(result, Cell):
        return result.value
    if isinstance(result, Number):
        return result.__jax_array__()
    if isinstance(result, (jax.Array, np.ndarray, np.generic, bool, int, float, complex)):
        return jnp.asarray(result)
    raise TypeError(
        "Gradient only defined for scalar-output functions. Output was a "
        f"{type(result).__name__}: {result!r}"
    )


def as_array_to_differentiate(leaf: Any) -> Any:
    """Returns a number or NumPy array as an array, and other leaves as they are."""
    if isinstance(leaf, Number):
        return leaf.__jax_array__() if CURRENT.get() is not None else jnp.asarray(leaf.plain())
    if isinstance(leaf, (bool, int, float, complex, np.ndarray, np.generic)):
        return jnp.asarray(leaf)
    return leaf


def grad(
    fun: Callable[..., Any],
    grad_vars: Any = None,
    argnums: int | tuple[int, ...] | list[int] | None = None,
    has_aux: bool = False,
    return_value: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Gradient:
    """Differentiates a stateful function; mirrors `jax.grad`, with `grad_vars` for state.

    State that the function writes is committed once, as if it had been called.

    Args:
        fun: a function, method or instance whose result is a real scalar.
        grad_vars: the state to differentiate: a model (its parameters), an array as read from a
            model, a predicate `(path, array) -> bool` over slots, or a list, tuple or dict of
            those. Arrays are found by identity at the first call, and by path after that.
        argnums: positions of the arguments to differentiate. Without `grad_vars` it is 0, as in
            JAX. The gradient of a model is the collection of its parameters.
        has_aux: whether `fun` returns `(loss, auxiliary result)`.
        return_value: whether the loss is returned, too.
        holomorphic: whether `fun` is promised to be holomorphic: the loss may then be complex.
        allow_int: whether integers may be differentiated; their gradients are of type `float0`.

    Returns:
        A function that returns `grads`; `(grads, aux)` with `has_aux`; `(grads, value)` with
        `return_value`; `(grads, value, aux)` with both. `grads` has the structure that was asked
        for; with both `grad_vars` and `argnums` it is `(var_grads, arg_grads)`.

    Raises:
        SlotNotFoundError: at a call, if `grad_vars` holds an array that `fun` does not read.
        TypeError: at a call, if the loss is no real scalar.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> class Linear(sj.Base):
        ...     def __init__(self):
        ...         self.w = jnp.array([1.0, 2.0])
        ...     def __call__(self, x):
        ...         return (self.w * x).sum()
        >>> model = Linear()
        >>> sj.grad(model, grad_vars=model)(3.0)["w"].tolist()
        [3.0, 3.0]
        >>> sj.grad(model)(3.0).item()
        3.0
    """
    options = (has_aux, return_value, False)
    return Gradient(fun, grad_vars, argnums, options, (holomorphic, allow_int))


def value_and_grad(
    fun: Callable[..., Any],
    grad_vars: Any = None,
    argnums: int | tuple[int, ...] | list[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Gradient:
    """Differentiates a stateful function and returns its value; mirrors `jax.value_and_grad`.

    Args:
        fun: a function, method or instance whose result is a real scalar.
        grad_vars: the state to differentiate; see `grad`.
        argnums: positions of the arguments to differentiate; see `grad`.
        has_aux: whether `fun` returns `(loss, auxiliary result)`.
        holomorphic: see `grad`.
        allow_int: see `grad`.

    Returns:
        A function that returns `(value, grads)`, or `((value, aux), grads)` with `has_aux`.

    Raises:
        SlotNotFoundError: at a call, if `grad_vars` holds an array that `fun` does not read.
        TypeError: at a call, if the loss is no real scalar.

    Example:
        >>> import statejit as sj
        >>> value, slope = sj.value_and_grad(lambda x: x**2)(3.0)
        >>> value.item(), slope.item()
        (9.0, 6.0)
    """
    return Gradient(fun, grad_vars, argnums, (has_aux, True, True), (holomorphic, allow_int))
