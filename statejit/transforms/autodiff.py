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
from .._core.frames import CURRENT, Frame
from .._core.ground import Ground
from .._core.lift import Lifted, name_of
from .._core.numbers import Number
from .._core.recipes import Input, NewContainer, Out
from .._core.slots import Slot
from .targets import Remembered, Wanted, is_predicate, is_target, structure


class Gradient(Lifted):
    """What `grad` and `value_and_grad` return.

    Arrays among the targets are looked for by identity at the first call, and by path after that.

    Args:
        fun: the loss.
        grad_vars: state to differentiate, or None.
        argnums: positions of arguments to differentiate, or None.
        options: `has_aux`, `return_value`, and whether the value comes first.
    """

    def __init__(
        self, fun: Callable[..., Any], grad_vars: Any, argnums: Any, options: tuple[bool, ...]
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
        super().__init__(fun, (described, self.argnums, options))

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
            args[i] = jax.tree.map(_as_array, args[i], is_leaf=_is_leaf)
        return tuple(args), kwargs

    def call(self, args: Any, kwargs: Any) -> Any:
        """Calls a plan; arrays given as `grad_vars` are first looked for, once."""
        return super().call(args, kwargs) if self.resolved else self._call_anew(args, kwargs)

    # What comes out ----------------------------------------------------------------------------

    def finish(self, frame: Frame, result: Any, args: Any, kwargs: Any) -> list[Any]:
        """Returns the loss as an array, the loss as it was returned, and the auxiliary result."""
        aux = None
        if self.has_aux:
            if not isinstance(result, (tuple, list)) or len(result) != 2:
                raise TypeError(
                    f"{name_of(self.fun)} was to return (loss, auxiliary result), since has_aux is "
                    f"set, but returned a {type(result).__name__}."
                )
            result, aux = result
        if isinstance(result, Cell):
            loss = result.value
        elif isinstance(result, Number):
            loss = result.__jax_array__()
        elif isinstance(result, (jax.Array, np.ndarray, np.generic, bool, int, float, complex)):
            loss = jnp.asarray(result)
        else:
            raise TypeError(
                "Gradient only defined for scalar-output functions. Output was a "
                f"{type(result).__name__}: {result!r}"
            )
        return [loss, result, aux]

    def transform(self, traced: Traced) -> Traced:
        """Returns the program with the gradients as further outputs."""
        wanted = Wanted(traced, self.fun)
        parts = []
        if self.grad_vars is not None:
            parts.append(wanted.of_target(self._resolved(traced)))
        if self.argnums is not None:
            found = [wanted.of_argument(traced.args[i]) for i in self.positions]
            single = not isinstance(self.argnums, tuple)
            parts.append(found[0] if single else _tuple(*found))
        grads = parts[0] if len(parts) == 1 else _tuple(*parts)
        loss, value, aux = traced.extra
        pure, inputs = differentiated(traced, loss, wanted.slots)
        result = self._arranged(grads, value, aux)
        return dataclasses.replace(traced, pure=pure, inputs=inputs, result=result)

    def _arranged(self, grads: Any, value: Any, aux: Any) -> Any:
        if self.value_first:
            return _tuple(_tuple(value, aux) if self.has_aux else value, grads)
        rest = [value] if self.return_value else []
        rest += [aux] if self.has_aux else []
        return _tuple(grads, *rest) if rest else grads

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


def differentiated(traced: Traced, loss: Any, slots: list[Slot]) -> tuple[Any, list[Any]]:
    """Returns a program that computes what a traced one does, and gradients after that.

    Args:
        traced: what one run of the loss did.
        loss: the recipe of the loss, a scalar array.
        slots: what to differentiate.

    Returns:
        The program, and its inputs: those of the traced one, and slots that it does not use.
    """
    inputs = list(traced.inputs)
    n = len(inputs)
    at = {id(entry): i for i, entry in enumerate(inputs)}
    for slot in [*slots, *([loss.slot] if isinstance(loss, Input) else [])]:
        if id(slot) not in at:
            at[id(slot)] = len(inputs)
            inputs.append(slot)
    positions = [at[id(slot)] for slot in slots]

    def pure(*values: Any) -> list[Any]:
        def scalar(chosen: list[Any]) -> Any:
            given = list(values)
            for position, value in zip(positions, chosen, strict=True):
                given[position] = value
            outs = traced.pure(*given[:n])
            if isinstance(loss, Out):
                return outs[loss.index], outs
            return (given[at[id(loss.slot)]] if isinstance(loss, Input) else loss.value), outs

        chosen = [values[position] for position in positions]
        (_, outs), grads = jax.value_and_grad(scalar, has_aux=True)(chosen)
        return [*outs, *grads]

    return pure, inputs


def _tuple(*children: Any) -> NewContainer:
    return NewContainer(TUPLE, tuple, None, list(children))


def _is_leaf(value: Any) -> bool:
    return isinstance(value, (Base, Cell, Number))


def _as_array(leaf: Any) -> Any:
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
    return Gradient(fun, grad_vars, argnums, (has_aux, return_value, False))


def value_and_grad(
    fun: Callable[..., Any],
    grad_vars: Any = None,
    argnums: int | tuple[int, ...] | list[int] | None = None,
    has_aux: bool = False,
) -> Gradient:
    """Differentiates a stateful function and returns its value; mirrors `jax.value_and_grad`.

    Args:
        fun: a function, method or instance whose result is a real scalar.
        grad_vars: the state to differentiate; see `grad`.
        argnums: positions of the arguments to differentiate; see `grad`.
        has_aux: whether `fun` returns `(loss, auxiliary result)`.

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
    return Gradient(fun, grad_vars, argnums, (has_aux, True, True))
