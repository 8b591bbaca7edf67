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

from .accumulated import dtype_of_sums
from .calculus import typed
from .operators import check_fitting, in_range, is_whole

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


def holding(
    jaxs: Callable[..., Any], dtype_of: Callable[[Any], Any] | None = None
) -> Callable[..., Any]:
    """Returns a reduction of JAX that refuses an `initial=` which its result can not hold.

    Args:
        jaxs: takes the array first.
        dtype_of: from the dtype of the array to that of the result, if it is another one.
    """
    signature = inspect.signature(jaxs)
    names = list(signature.parameters)
    place = names.index("initial")

    @functools.wraps(jaxs)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if len(args) > place or kwargs.get("initial") is not None:
            given = signature.bind(*args, **kwargs).arguments
            dtype = jnp.asarray(given[names[0]]).dtype
            dtype = given.get("dtype") or (dtype_of(dtype) if dtype_of else dtype)
            check_fitting(given["initial"], jax.dtypes.canonicalize_dtype(dtype))
        return jaxs(*args, **kwargs)

    return checked


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
    **{
        jaxs.__name__: holding(jaxs, dtype_of_sums)
        for jaxs in (jnp.sum, jnp.prod, jnp.nansum, jnp.nanprod)
    },
}
"""These functions, by name."""
