"""Python numbers beside arrays: JAX cuts them to the dtype of the array, where NumPy does not.

Where arrays are joined or multiplied, NumPy gives a number a dtype of its own. Where it goes into
an array, NumPy refuses one that the dtype can not hold.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .calculus import typed
from .lifting import numbers
from .operators import fitting_whole, in_range, is_whole

ArrayLike = Any  # by this name `function` knows where a list is an array


def apart(jaxs: Callable[..., Any], count: int = 1) -> Callable[..., Any]:
    """Returns a function of JAX in whose first arguments numbers have a dtype of their own.

    Args:
        jaxs: takes arrays, or nested lists of arrays.
        count: how many arguments are meant.
    """
    names = list(inspect.signature(jaxs).parameters)[:count]

    @functools.wraps(jaxs)
    def of_own_dtypes(*args: Any, **kwargs: Any) -> Any:
        own = [jax.tree.map(typed, value) for value in args[:count]]
        for name in kwargs.keys() & names:
            kwargs[name] = jax.tree.map(typed, kwargs[name])
        return jaxs(*own, *args[count:], **kwargs)

    return of_own_dtypes


def holding(jaxs: Callable[..., Any], name: str = "initial") -> Callable[..., Any]:
    """Returns a function of JAX that refuses a number which the array can not hold.

    Args:
        jaxs: takes the array first.
        name: the parameter of the number.
    """
    place = list(inspect.signature(jaxs).parameters).index(name)

    @functools.wraps(jaxs)
    def checked(*args: Any, **kwargs: Any) -> Any:
        number = args[place] if place < len(args) else kwargs.get(name)
        if number is not None and args:
            check_held(number, kwargs.get("dtype") or jnp.asarray(args[0]).dtype)
        return jaxs(*args, **kwargs)

    return checked


def check_held(values: Any, dtype: Any) -> None:
    """Refuses Python integers that a dtype of integers can not hold.

    Args:
        values: a number, or nested lists of them; what else it is does not matter.
        dtype: the dtype.

    Raises:
        OverflowError: as NumPy does.
    """
    if jnp.issubdtype(dtype, jnp.integer):
        for number in filter(is_whole, numbers(values)):
            fitting_whole(number, jax.dtypes.canonicalize_dtype(dtype))


def where(condition: ArrayLike, x: ArrayLike = None, y: ArrayLike = None, /, **kwargs: Any) -> Any:
    """Returns the elements of one array where a condition holds, and of another elsewhere.

    Args:
        condition: booleans, (*shape,).
        x: the array, broadcast to (*shape,); without both, what is returned is where it holds.
        y: the other array.
        kwargs: what else `jax.numpy.where` takes.

    Raises:
        OverflowError: if there is a Python integer beside an array whose dtype can not hold it.
    """
    if is_whole(y) and hasattr(x, "dtype"):
        y = in_range("maximum", x, y)
    elif is_whole(x) and hasattr(y, "dtype"):
        x = in_range("maximum", y, x)
    return jnp.where(condition, x, y, **kwargs)


SCALARS = {
    "where": where,
    **{
        jaxs.__name__: apart(jaxs)
        for jaxs in (jnp.stack, jnp.hstack, jnp.vstack, jnp.dstack, jnp.column_stack, jnp.block)
    },
    **{
        jaxs.__name__: apart(jaxs, 2)
        for jaxs in (
            *(jnp.outer, jnp.inner, jnp.vdot, jnp.tensordot, jnp.setxor1d, jnp.intersect1d),
            jnp.polyval,
        )
    },
    **{
        name: holding(getattr(jnp, name))
        for name in ("max", "min", "amax", "amin", "nanmax", "nanmin")
    },
}
"""These functions, by name."""
