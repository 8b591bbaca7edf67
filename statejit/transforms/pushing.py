"""Derivatives along directions: `jvp`, `vjp`, `linearize`, `hvp`.

State is held fixed: what a function reads there has no tangent, and what it writes is committed
once, as if the function had been called.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import jax

from .._core.discovery import Traced
from .._core.frames import Frame
from .._core.lift import Lifted
from .._core.nodes import Wrapper
from .._core.recipes import NewCall, NewContainer, NewObject, Out
from .autodiff import as_array_to_differentiate, grad, opened, tuple_of
from .scanning import as_array, content, is_leaf
from .targets import Wanted


class OnPrimals(Wrapper):
    """A function of (arguments, directions) that hands the arguments to another one.

    Args:
        fun: the user's function.
    """

    def __init__(self, fun: Callable[..., Any]) -> None:
        self.fun = fun

    def __call__(self, primals: Any, directions: Any) -> Any:
        """Returns what the function returns, and the directions."""
        return self.fun(*primals), directions


class Pushed(Lifted):
    """A call of a function together with a linear map that approximates it there.

    Args:
        fun: the user's function.
        way: which of `_WAYS`.
        has_aux: whether the function returns `(result, auxiliary result)`.
    """

    def __init__(self, fun: Callable[..., Any], way: str, has_aux: bool) -> None:
        self.way, self.has_aux = way, has_aux
        self.kept = threading.local()  # the linear map, from the program to the result
        super().__init__(OnPrimals(fun), (way, has_aux))

    def prepare(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """Makes arrays of the numbers to differentiate."""
        tree = jax.tree.map(as_array_to_differentiate, args, is_leaf=is_leaf)
        return tree, kwargs

    def finish(self, frame: Frame, result: Any, args: Any, kwargs: Any) -> list[Any]:
        """Returns the result as arrays, the auxiliary result, and the arrays of directions."""
        result, directions = result
        aux = None
        if self.has_aux:
            if not isinstance(result, (tuple, list)) or len(result) != 2:
                raise TypeError(
                    f"has_aux is set, so that the function is to return (result, auxiliary "
                    f"result), but it returned a {type(result).__name__}."
                )
            result, aux = result
        leaves, self.kept.out_tree = jax.tree.flatten(result, is_leaf=is_leaf)
        found = jax.tree.leaves(directions, is_leaf=is_leaf)
        arrays = [as_array(leaf, "the result") for leaf in leaves]
        return [arrays, aux, [as_array(leaf, "the tangents") for leaf in found]]

    def transform(self, traced: Traced) -> Traced:
        """Returns the program that makes the linear map, too."""
        arrays, aux, directions = traced.extra
        wanted = Wanted(traced, self.fun)
        primals = wanted.of_argument(traced.args[0])
        n, first = len(arrays.children), len(traced.jaxpr.jaxpr.outvars)
        wanted_arrays = [*arrays.children, *directions.children]
        program, inputs = opened(traced, wanted_arrays, wanted.slots)
        kept = self.kept  # not `self`: plans keep no model alive
        out_tree, way = kept.out_tree, _WAYS[self.way]

        def pure(*values: Any) -> list[Any]:
            def over(chosen: list[Any]) -> Any:
                found, outs = program(values, chosen)
                return found[:n], outs

            chosen = program.chosen(values)
            along = [values[-1 - what] for what in program.wanted[n:]]  # arguments, all of them
            found, tangents, outs, kept.linear = way(over, chosen, along)
            return [*outs, *found, *tangents]

        def tree_of(start: int) -> NewCall:
            parts: list[Any] = [Out(start + i) for i in range(n)]
            return NewCall(lambda *leaves: jax.tree.unflatten(out_tree, leaves), parts)

        if self.way == "jvp":
            parts = [tree_of(first), tree_of(first + n)]
        else:
            make = _linear_map(self.way, kept, out_tree, _tree_of(primals))
            parts = [tree_of(first), NewCall(make, [])]
        result = tuple_of(*parts, *([aux] if self.has_aux else []))
        return dataclasses.replace(traced, pure=pure, inputs=inputs, result=result)


def _along(program: Any, chosen: list[Any], along: list[Any]) -> Any:
    found, tangents, outs = jax.jvp(program, (chosen,), (along,), has_aux=True)
    return found, tangents, outs, None


def _back(program: Any, chosen: list[Any], along: list[Any]) -> Any:
    found, pullback, outs = jax.vjp(program, chosen, has_aux=True)
    return found, [], outs, pullback


def _linear(program: Any, chosen: list[Any], along: list[Any]) -> Any:
    found, pushforward, outs = jax.linearize(program, chosen, has_aux=True)
    return found, [], outs, pushforward


_WAYS = {"jvp": _along, "vjp": _back, "linearize": _linear}


def _tree_of(recipe: Any) -> Any:
    """Returns the structure of the arguments, given the recipe of their gradients."""

    def value(part: Any) -> Any:
        if isinstance(part, NewContainer):
            return part.kind.build(part.cls, part.aux, [value(child) for child in part.children])
        return 0 if isinstance(part, (Out, NewObject)) else None

    return jax.tree.structure(value(recipe))


def _linear_map(way: str, kept: Any, out_tree: Any, in_tree: Any) -> Callable[[], Any]:
    takes: Any
    gives: Any
    takes, gives = (out_tree, in_tree) if way == "vjp" else (in_tree, out_tree)

    def make() -> Callable[..., Any]:
        linear = kept.linear

        def apply(*vectors: Any) -> Any:
            """Applies the linear map."""
            vector = vectors[0] if way == "vjp" else vectors
            tree: Any = jax.tree.structure(vector, is_leaf=is_leaf)
            leaves = jax.tree.leaves(vector, is_leaf=is_leaf)
            if not tree == takes:
                raise TypeError(
                    f"the linear map takes vectors of the structure {takes}, and was given {tree}."
                )
            arrays = [as_array(leaf, "the vector") for leaf in leaves]
            found = linear(arrays)
            return jax.tree.unflatten(gives, found[0] if way == "vjp" else found)

        return apply

    return make


def jvp(
    fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False
) -> tuple[Any, ...]:
    """Calls a stateful function, and differentiates it along directions; mirrors `jax.jvp`.

    Args:
        fun: a function, method or instance that returns an array, or a tree of them.
        primals: its arguments, a tuple or list.
        tangents: the directions, arrays in the structure of `primals`.
        has_aux: whether `fun` returns `(result, auxiliary result)`.

    Returns:
        The result and its directional derivative; with `has_aux` the auxiliary result, too.

    Raises:
        TypeError: if the tangents do not fit the arguments.

    Example:
        >>> import statejit as sj
        >>> y, slope = sj.jvp(lambda x: x**2, (3.0,), (1.0,))
        >>> y.item(), slope.item()
        (9.0, 6.0)
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise TypeError(
            "primal and tangent arguments to jvp must be tuples or lists; found "
            f"{type(primals).__name__} and {type(tangents).__name__}."
        )
    trees: list[Any] = [
        jax.tree.structure(tuple(each), is_leaf=is_leaf) for each in (primals, tangents)
    ]
    if trees[0] != trees[1]:
        raise TypeError(
            "primal and tangent arguments to jvp must have the same tree structure; primals have "
            f"tree structure {trees[0]} whereas tangents have tree structure {trees[1]}."
        )
    along = jax.tree.map(content, tuple(tangents), is_leaf=is_leaf)
    return Pushed(fun, "jvp", has_aux)(tuple(primals), along)


def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Calls a stateful function, and returns how cotangents are pulled back; mirrors `jax.vjp`.

    Args:
        fun: a function, method or instance that returns an array, or a tree of them.
        primals: its arguments.
        has_aux: whether `fun` returns `(result, auxiliary result)`.

    Returns:
        The result, and a function from cotangents in its structure to a tuple of cotangents, one
        for each argument; with `has_aux` the auxiliary result, too.

    Raises:
        TypeError: if an argument can't be differentiated.

    Example:
        >>> import statejit as sj
        >>> y, pull = sj.vjp(lambda x, z: x * z, 3.0, 4.0)
        >>> y.item(), [cotangent.item() for cotangent in pull(1.0)]
        (12.0, [4.0, 3.0])
    """
    return Pushed(fun, "vjp", has_aux)(primals, ())


def linearize(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Calls a stateful function, and returns its linear approximation; mirrors `jax.linearize`.

    Args:
        fun: a function, method or instance that returns an array, or a tree of them.
        primals: its arguments.
        has_aux: whether `fun` returns `(result, auxiliary result)`.

    Returns:
        The result, and a function from tangents, one for each argument, to that of the result;
        with `has_aux` the auxiliary result, too.

    Raises:
        TypeError: if an argument can't be differentiated.

    Example:
        >>> import statejit as sj
        >>> y, push = sj.linearize(lambda x: x**2, 3.0)
        >>> y.item(), push(1.0).item(), push(2.0).item()
        (9.0, 6.0, 12.0)
    """
    return Pushed(fun, "linearize", has_aux)(primals, ())


def hvp(fun: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """Multiplies the Hessian of a stateful function with a vector, forward over reverse.

    Args:
        fun: a function, method or instance that returns a real scalar.
        primals: its arguments, a tuple or list; the first one is differentiated.
        tangents: the vector, in the structure of `primals`.

    Returns:
        The product, in the structure of the first argument.

    Raises:
        TypeError: if the result of `fun` is no scalar, or the vector does not fit.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> x, v = jnp.array([1.0, 2.0]), jnp.array([1.0, 0.0])
        >>> sj.hvp(lambda x: (x**3).sum(), (x,), (v,)).tolist()
        [6.0, 0.0]
    """
    return jvp(grad(fun), primals, tangents)[1]
