"""Jacobians, Hessians and gradients of arrays: `jacfwd`, `jacrev`, `hessian`, `vector_grad`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .._core.discovery import Traced
from .._core.frames import Frame
from .._core.recipes import NewContainer, NewObject, Out
from .autodiff import Derivative, opened
from .scanning import as_array, is_leaf

Argnums = int | tuple[int, ...] | list[int] | None


class Jacobian(Derivative):
    """What `jacfwd`, `jacrev`, `hessian` and `vector_grad` return."""

    def finish(self, frame: Frame, result: Any, args: Any, kwargs: Any) -> list[Any]:
        """Returns the result as arrays, as it was returned, and the auxiliary result."""
        result, aux = self.split(result)
        arrays = jax.tree.map(lambda leaf: as_array(leaf, "the result"), result, is_leaf=is_leaf)
        return [arrays, result, aux]

    def transform(self, traced: Traced) -> Traced:
        """Returns the program with the derivatives as further outputs."""
        template, slots = self.gradients(traced)
        first, n = len(traced.jaxpr.jaxpr.outvars), len(slots)
        *_, (differentiate, depth) = self.key
        arrays, value, aux = traced.extra
        wanted: list[Any] = []
        grads = template if depth == 0 else _of_leaves(arrays, template, wanted, first, n, depth)
        if depth == 0:
            _of_leaves(arrays, template, wanted, first, n, 1)
        program, inputs = opened(traced, wanted, slots)

        def pure(*values: Any) -> list[Any]:
            def over(chosen: list[Any]) -> Any:
                return program(values, chosen)

            found, outs = differentiate(over, program.chosen(values))
            return [*outs, *jax.tree.leaves(found)]

        result = self.arranged(grads, value, aux)
        return dataclasses.replace(traced, pure=pure, inputs=inputs, result=result)


def _of_leaves(
    recipe: Any, template: Any, wanted: list[Any], first: int, n: int, depth: int
) -> Any:
    """Returns the recipe of a result with the derivatives of each array in its place.

    Args:
        recipe: of the result, or of a part of it.
        template: the recipe of first derivatives of one array.
        wanted: collects the recipes of the arrays, in order.
        first: the number of the output that the first of all derivatives is.
        n: how many there are of one array.
        depth: how many times each array is differentiated.
    """
    if isinstance(recipe, NewContainer):
        children = [_of_leaves(c, template, wanted, first, n, depth) for c in recipe.children]
        return NewContainer(recipe.kind, recipe.cls, recipe.aux, children)
    if getattr(recipe, "value", recipe) is None:
        return recipe
    wanted.append(recipe)
    start = len(wanted) - 1

    def at(index: int, level: int) -> Any:
        if level == depth:
            return Out(first + index)
        return _filled(template, lambda k: at(index * n + k - first, level + 1))

    return at(start, 0)


def _filled(template: Any, leaf: Callable[[int], Any]) -> Any:
    """Returns a recipe with other recipes in the place of its outputs."""
    if isinstance(template, Out):
        return leaf(template.index)
    if isinstance(template, NewContainer):
        children = [_filled(child, leaf) for child in template.children]
        return NewContainer(template.kind, template.cls, template.aux, children)
    if isinstance(template, NewObject):  # a mutable array
        inner = _filled(template.attrs["_value"], leaf)
        return NewObject(template.cls, {"_value": inner}, object.__new__(template.cls))
    return template


# How programs of lists of arrays are differentiated ----------------------------------------------


def _reverse(holomorphic: bool, allow_int: bool, program: Any, chosen: list[Any]) -> Any:
    options = {"holomorphic": holomorphic, "allow_int": allow_int}
    return jax.jacrev(program, has_aux=True, **options)(chosen)


def _forward(holomorphic: bool, allow_int: bool, program: Any, chosen: list[Any]) -> Any:
    return jax.jacfwd(program, has_aux=True, holomorphic=holomorphic)(chosen)


def _twice(holomorphic: bool, allow_int: bool, program: Any, chosen: list[Any]) -> Any:
    first = jax.jacrev(program, has_aux=True, holomorphic=holomorphic)
    return jax.jacfwd(first, has_aux=True, holomorphic=holomorphic)(chosen)


def _summed(holomorphic: bool, allow_int: bool, program: Any, chosen: list[Any]) -> Any:
    found, pullback, outs = jax.vjp(program, chosen, has_aux=True)
    return pullback([jnp.ones_like(array) for array in found]), outs


@dataclasses.dataclass(frozen=True)
class Way:
    """How a program is differentiated.

    Args:
        way: (holomorphic, allow_int, program, chosen) -> (derivatives, outputs).
        holomorphic: as in JAX.
        allow_int: as in JAX.
    """

    way: Callable[..., Any]
    holomorphic: bool = False
    allow_int: bool = False

    def __call__(self, program: Any, chosen: list[Any]) -> Any:
        """Returns the derivatives, and the outputs of the program."""
        return self.way(self.holomorphic, self.allow_int, program, chosen)


def jacrev(
    fun: Callable[..., Any],
    grad_vars: Any = None,
    argnums: Argnums = None,
    has_aux: bool = False,
    return_value: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Jacobian:
    r"""Differentiates a stateful function of arrays, row by row; mirrors `jax.jacrev`.

    Args:
        fun: a function, method or instance that returns an array, (\*m,), or a tree of them.
        grad_vars: the state to differentiate; see `grad`.
        argnums: positions of the arguments to differentiate; see `grad`.
        has_aux: whether `fun` returns `(result, auxiliary result)`.
        return_value: whether the result is returned, too.
        holomorphic: see `jax.jacrev`.
        allow_int: see `jax.jacrev`.

    Returns:
        A function that returns the structure of the result with, for each of its arrays, the
        structure of the targets: arrays of shape (\*m, \*n) for a target of shape (\*n,). With
        `has_aux` and `return_value`, see `grad`.

    Raises:
        SlotNotFoundError: at a call, if `grad_vars` holds an array that `fun` does not read.
        TypeError: at a call, if something can't be differentiated.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> sj.jacrev(lambda x: x**2)(jnp.array([1.0, 2.0])).tolist()
        [[2.0, 0.0], [0.0, 4.0]]
    """
    options, way = (has_aux, return_value, False), Way(_reverse, holomorphic, allow_int)
    return Jacobian(fun, grad_vars, argnums, options, (way, 1))


def jacfwd(
    fun: Callable[..., Any],
    grad_vars: Any = None,
    argnums: Argnums = None,
    has_aux: bool = False,
    return_value: bool = False,
    holomorphic: bool = False,
) -> Jacobian:
    r"""Differentiates a stateful function of arrays, column by column; mirrors `jax.jacfwd`.

    Args:
        fun: a function, method or instance that returns an array, (\*m,), or a tree of them.
        grad_vars: the state to differentiate; see `grad`.
        argnums: positions of the arguments to differentiate; see `grad`.
        has_aux: whether `fun` returns `(result, auxiliary result)`.
        return_value: whether the result is returned, too.
        holomorphic: see `jax.jacfwd`.

    Returns:
        A function that returns what that of `jacrev` returns.

    Raises:
        SlotNotFoundError: at a call, if `grad_vars` holds an array that `fun` does not read.
        TypeError: at a call, if something can't be differentiated.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> sj.jacfwd(lambda x: x**2)(jnp.array([1.0, 2.0])).tolist()
        [[2.0, 0.0], [0.0, 4.0]]
    """
    options, way = (has_aux, return_value, False), Way(_forward, holomorphic)
    return Jacobian(fun, grad_vars, argnums, options, (way, 1))


jacobian = jacrev
"""Another name of `jacrev`, as in JAX."""


def hessian(
    fun: Callable[..., Any],
    grad_vars: Any = None,
    argnums: Argnums = None,
    has_aux: bool = False,
    return_value: bool = False,
    holomorphic: bool = False,
) -> Jacobian:
    r"""Differentiates a stateful function twice; mirrors `jax.hessian`.

    Args:
        fun: a function, method or instance that returns an array, (\*m,), or a tree of them.
        grad_vars: the state to differentiate; see `grad`.
        argnums: positions of the arguments to differentiate; see `grad`.
        has_aux: whether `fun` returns `(result, auxiliary result)`.
        return_value: whether the result is returned, too.
        holomorphic: see `jax.hessian`.

    Returns:
        A function that returns the structure of the result with, for each of its arrays, the
        structure of the targets, and in each place of it that structure once more: arrays of shape
        (\*m, \*n, \*p) for targets of shapes (\*n,) and (\*p,).

    Raises:
        SlotNotFoundError: at a call, if `grad_vars` holds an array that `fun` does not read.
        TypeError: at a call, if something can't be differentiated.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> sj.hessian(lambda x: (x**3).sum())(jnp.array([1.0, 2.0])).tolist()
        [[6.0, 0.0], [0.0, 12.0]]
    """
    options, way = (has_aux, return_value, False), Way(_twice, holomorphic)
    return Jacobian(fun, grad_vars, argnums, options, (way, 2))


def vector_grad(
    fun: Callable[..., Any],
    grad_vars: Any = None,
    argnums: Argnums = None,
    return_value: bool = False,
    has_aux: bool = False,
) -> Jacobian:
    """Differentiates the sum of what a stateful function returns, as brainpy.math does.

    Args:
        fun: a function, method or instance that returns an array, or a tree of them.
        grad_vars: the state to differentiate; see `grad`.
        argnums: positions of the arguments to differentiate; see `grad`.
        return_value: whether the result is returned, too.
        has_aux: whether `fun` returns `(result, auxiliary result)`.

    Returns:
        A function that returns what that of `grad` returns.

    Raises:
        SlotNotFoundError: at a call, if `grad_vars` holds an array that `fun` does not read.
        TypeError: at a call, if something can't be differentiated.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> sj.vector_grad(lambda x: x**2)(jnp.array([1.0, 2.0])).tolist()
        [2.0, 4.0]
    """
    options = (has_aux, return_value, False)
    return Jacobian(fun, grad_vars, argnums, options, (Way(_summed), 0))
