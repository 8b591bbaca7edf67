"""Wraps `jax.numpy` function by function, from its own namespace, so that arrays stay mutable."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import completed
from .accumulated import ACCUMULATED
from .applied import APPLIED
from .array import Array, content, fresh
from .calculus import CALCULUS
from .creation import CREATION
from .gathering import take
from .histograms import HISTOGRAMS
from .quantiles import QUANTILES
from .scalars import SCALARS
from .ufuncs import WithOptions, frompyfunc, ufunc
from .viewing import VIEWING
from .wrapping import Grid, function

Fun = Callable[..., Any]


def namespace(module: Any) -> dict[str, Any]:
    """Returns the public names of a module of `jax.numpy`, its functions wrapped.

    Args:
        module: `jax.numpy` or one of its submodules.
    """
    numpys = {jnp.linalg: np.linalg, jnp.fft: np.fft}.get(module, np)
    found: dict[str, Any] = {}
    for name in dir(module):
        value = getattr(module, name)
        if name.startswith("_") or isinstance(value, types.ModuleType):
            continue
        if name in ("mgrid", "ogrid", "r_", "c_"):
            value = Grid(value)
        elif isinstance(getattr(numpys, name, None), np.ufunc):
            value = ufunc(value, getattr(numpys, name))
        elif callable(value) and not isinstance(value, type):
            value = function(value, getattr(numpys, name, None))
        found[name] = value
    return found


@functools.wraps(jnp.array)
def array(object: Any, dtype: Any = None, copy: bool = True, **kwargs: Any) -> Any:
    """Returns a new mutable array; `copy=False` keeps one that fits."""
    if not copy:
        found = asarray(object, dtype)
        ndmin = kwargs.get("ndmin", 0)
        return found if found.ndim >= ndmin else found[(None,) * (ndmin - found.ndim)]
    new = content(object, dtype)
    new = new.copy() if new is object else new
    return fresh(_with_axes(new, **kwargs))


def _with_axes(
    value: Any,
    ndmin: int = 0,
    order: str = "K",
    subok: bool = False,
    like: Any = None,
    ndmax: int = 64,
    **kwargs: Any,
) -> Any:
    if value.ndim > ndmax:
        raise TypeError("JAX has no arrays of objects, which `ndmax` would give")
    value = value.reshape((1,) * (ndmin - value.ndim) + value.shape)
    return jax.device_put(value, **kwargs) if any(kwargs.values()) else value


@functools.wraps(jnp.asarray)
def asarray(
    a: Any,
    dtype: Any = None,
    order: Any = None,
    *,
    copy: bool | None = None,
    like: Any = None,
    **kwargs: Any,
) -> Any:
    """Returns the array itself if it is a mutable one that fits, or else a new one."""
    is_ours = isinstance(a, Array) and not a.host and not a._rebinds()
    fits = dtype is None or (is_ours and a.value.dtype == jax.dtypes.canonicalize_dtype(dtype))
    if is_ours and fits and not copy and not any(kwargs.values()):
        return a
    if copy is False:
        raise ValueError("Unable to avoid copy while creating an array as requested.")
    return array(a, dtype, **kwargs)


@functools.wraps(jnp.astype)
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """Returns an array in another dtype: a copy, unless `copy=False` and it has it already."""
    if isinstance(x, Array) and not copy and device is None:
        return x.astype(dtype, copy=False)
    return _ASTYPE(x, dtype, device=device)


_ASTYPE = function(jnp.astype, np.astype)


@functools.wraps(jnp.copy)
def copy(a: Any, order: Any = None, subok: bool = False) -> Array:
    """Returns a mutable array of its own with the same content."""
    return array(a)


COMPLETED = (
    completed.COMPLETED | SCALARS | CREATION | ACCUMULATED | CALCULUS | HISTOGRAMS | QUANTILES
)
"""Functions that take or do more than those of JAX, by name."""

_CLIPS = WithOptions(function(completed.clip, np.clip), completed.clip, 3)


@functools.wraps(jnp.clip)
def clip(
    a: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = None,
    *,
    min: Any = None,
    max: Any = None,
    **kwargs: Any,
) -> Any:
    """Returns the elements, and a bound where they are beyond it; takes what ufuncs take."""
    low, high = a_min if min is None else min, a_max if max is None else max
    if not kwargs:
        return _CLIPS.plain(a, low, high, out=out)
    return _CLIPS(a, low, high, out=out, **kwargs)


NAMESPACE: dict[str, Any] = (
    namespace(jnp)
    | VIEWING
    | APPLIED
    | {
        "array": array,
        "asanyarray": asarray,
        "asarray": asarray,
        "astype": astype,
        "ascontiguousarray": asarray,
        "copy": copy,
        "frompyfunc": frompyfunc,
        "take": function(take, np.take),
        **{name: function(fun, getattr(np, name)) for name, fun in COMPLETED.items()},
        "clip": clip,
        "ndarray": Array,
    }
)
"""The public names of `jax.numpy`; those that view, or that make arrays, are our own."""
