"""Tools that look at stateful functions: `eval_shape`, `make_jaxpr`, `checkify`, and names."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
from jax.experimental import checkify as jax_checkify

from .._core.cells import Cell
from .._core.discovery import Traced
from .._core.lift import Lifted, name_of
from .._core.nodes import Wrapper
from .._core.recipes import Computed, Constant, Existing, Input, NewCall, NewObject, Out
from .autodiff import tuple_of
from .forms import rebuilt, type_of_recipe
from .jit import concrete
from .scanning import without_views


class WithoutViews(Wrapper):
    """A function whose results have arrays of their own in the place of views.

    Args:
        fun: the user's function.
    """

    def __init__(self, fun: Callable[..., Any]) -> None:
        self.fun = fun

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Returns what the function returns."""
        return without_views(self.fun(*args, **kwargs))


class Looked(Lifted):
    """A function that is watched and not run: nothing is computed, and nothing changes.

    Args:
        fun: the user's function.
        key: whether shapes and whether the jaxpr are returned.
    """

    def prepare(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """Makes arrays of what is only described."""
        found: tuple[Any, Any] = concrete((args, kwargs))
        return found

    def transform(self, traced: Traced) -> Traced:
        """Returns a program that does nothing, with what was seen as its result."""
        shapes, jaxpr = self.key
        parts = [Constant(traced.jaxpr)] if jaxpr else []
        parts += [_described(traced.result, traced, {})] if shapes else []
        result = parts[0] if len(parts) == 1 else tuple_of(*parts)
        return dataclasses.replace(
            traced, pure=_nothing, inputs=[], effects=[], result=result, extra=[]
        )


def _nothing(*values: Any) -> list[Any]:
    return []


def _described(recipe: Any, traced: Traced, memo: dict[int, Any]) -> Any:
    """Returns the recipe of a result with descriptions in the place of its arrays."""
    if isinstance(recipe, NewObject) and issubclass(recipe.cls, Cell):
        return _described(recipe.attrs["_value"], traced, memo)
    if isinstance(recipe, Existing) and issubclass(type(recipe.entry), Cell):
        return _described(Input(traced.frame.lookup(recipe.entry, "_value")), traced, memo)
    number = isinstance(recipe, Constant) and isinstance(
        recipe.value, (jax.Array, bool, int, float, complex)
    )
    if number or isinstance(recipe, (Out, Input, Computed)):
        aval = type_of_recipe(recipe, traced)
        shape = jax.ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)
        return Constant(shape)
    return rebuilt(recipe, lambda part: _described(part, traced, memo), memo)


def eval_shape(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Returns the shapes and dtypes of what a stateful function returns; mirrors `jax.eval_shape`.

    Nothing is computed, and no state changes.

    Args:
        fun: a function, method or instance.
        args: its arguments; arrays may be given as `jax.ShapeDtypeStruct`.
        kwargs: its keyword arguments.

    Returns:
        The result with a `jax.ShapeDtypeStruct` in the place of each array.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> sj.eval_shape(lambda x: x.sum(0), jnp.zeros((2, 3))).shape
        (3,)
    """
    return Looked(WithoutViews(fun), (True, False))(*args, **kwargs)


def make_jaxpr(fun: Callable[..., Any], return_shape: bool = False) -> Callable[..., Any]:
    """Returns a function that shows the program of a stateful function; mirrors `jax.make_jaxpr`.

    The inputs of the program are the arrays that the function reads, in arguments and state; its
    outputs are those that it returns and those that it leaves in state. Nothing is computed.

    Args:
        fun: a function, method or instance.
        return_shape: whether what `eval_shape` returns is returned, too.

    Returns:
        A function of the arguments of `fun` that returns a closed jaxpr.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> class Scale(sj.Base):
        ...     def __init__(self):
        ...         self.w = jnp.ones(2)
        ...     def __call__(self, x):
        ...         return self.w * x
        >>> len(sj.make_jaxpr(Scale())(jnp.ones(2)).jaxpr.invars)
        2
    """
    return Looked(WithoutViews(fun), (return_shape, True))


class Checked(Lifted):
    """What `checkify` returns.

    Args:
        fun: the user's function.
        key: the set of errors that are looked for.
    """

    def __init__(self, fun: Callable[..., Any], key: Any) -> None:
        self.kept = threading.local()  # the error, from the program to the result
        super().__init__(fun, key)

    def transform(self, traced: Traced) -> Traced:
        """Returns the program under `checkify`, with the error before its result."""
        checked, kept = jax_checkify.checkify(traced.pure, errors=self.key), self.kept

        def pure(*values: Any) -> list[Any]:
            kept.error, outs = checked(*values)
            return outs

        result = tuple_of(NewCall(lambda: kept.error, []), traced.result)
        return dataclasses.replace(traced, pure=pure, result=result)


def checkify(fun: Callable[..., Any], errors: Any = jax_checkify.user_checks) -> Checked:
    """Lets a stateful function return the errors that it finds; mirrors `checkify.checkify`.

    What the function writes is committed, whether its checks hold or not.

    Args:
        fun: a function, method or instance, with `checkify.check` inside.
        errors: what is looked for: `checkify.user_checks`, `checkify.all_checks` and their kin
            in `jax.experimental.checkify`.

    Returns:
        A function that returns the error and the result; `error.throw()` raises it.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> from jax.experimental import checkify
        >>> def root(x):
        ...     checkify.check(x >= 0, "negative")
        ...     return jnp.sqrt(x)
        >>> error, y = sj.checkify(root)(jnp.asarray(4.0))
        >>> error.get() is None, y.item()
        (True, 2.0)
    """
    return Checked(fun, errors)


class Named(Lifted):
    """What `named_call` returns.

    Args:
        fun: the user's function.
        key: the name.
    """

    def transform(self, traced: Traced) -> Traced:
        """Returns the program under a name."""
        return dataclasses.replace(traced, pure=jax.named_call(traced.pure, name=self.key))


def named_call(fun: Callable[..., Any], *, name: str | None = None) -> Named:
    """Gives the operations of a stateful function a name in profiles; mirrors `jax.named_call`.

    Args:
        fun: a function, method or instance.
        name: the name; that of the function if there is none.

    Returns:
        A function that does what `fun` does.

    Example:
        >>> import statejit as sj
        >>> sj.named_call(lambda x: x + 1.0, name="increment")(2.0)
        3.0
    """
    return Named(fun, name or name_of(fun))


@contextmanager
def named_scope(name: str) -> Iterator[None]:
    """Gives the operations within a name in profiles; mirrors `jax.named_scope`.

    Args:
        name: the name.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> def attention(x):
        ...     with sj.named_scope("scores"):
        ...         return jnp.exp(x)
        >>> "scores" in sj.jit(attention).lower(jnp.ones(2)).compile().as_text()
        True
    """
    with jax.named_scope(name):
        yield
