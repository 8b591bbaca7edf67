"""Sums and products on the way, and averages, in the dtype in which NumPy has them of integers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

WIDE = {"b": int, "i": int, "u": "uint64"}
"""The dtype of sums of integers, by the kind of the integers; in 32 bits unless JAX has 64."""


def wide(jaxs: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function of JAX that adds up or multiplies narrow integers in a dtype of sums.

    JAX does so for `sum`, as NumPy does, but stays in 8 bits where it returns all sums on the way.

    Args:
        jaxs: takes the array first, and a `dtype`.
    """
    signature = inspect.signature(jaxs)
    first = next(iter(signature.parameters))

    @functools.wraps(jaxs)
    def summed(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs)
        if given.arguments.get("dtype") is None:
            array = jnp.asarray(given.arguments[first])
            given.arguments[first] = array.astype(dtype_of_sums(array.dtype))
        return jaxs(*given.args, **given.kwargs)

    return summed


def dtype_of_sums(dtype: Any) -> Any:
    """Returns the dtype of sums of numbers of a dtype."""
    wider = WIDE.get(getattr(dtype, "kind", ""))
    wider = dtype if wider is None else jax.dtypes.canonicalize_dtype(wider)
    return wider if wider.itemsize > dtype.itemsize else dtype


def precise(jaxs: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function of JAX that averages booleans and integers in the widest float.

    Args:
        jaxs: takes an array, an axis and a dtype, in this order.
    """

    @functools.wraps(jaxs)
    def averaged(a: Any, axis: Any = None, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        if dtype is None and jnp.asarray(a).dtype.kind in "biu":
            dtype = float
        return jaxs(a, axis, dtype, *args, **kwargs)

    return averaged


ACCUMULATED = {
    jaxs.__name__: wide(jaxs)
    for jaxs in (jnp.cumsum, jnp.cumprod, jnp.nancumsum, jnp.nancumprod, jnp.cumulative_prod)
} | {
    jaxs.__name__: precise(jaxs)
    for jaxs in (jnp.mean, jnp.std, jnp.var, jnp.nanmean, jnp.nanstd, jnp.nanvar)
}
"""These functions, by name."""
