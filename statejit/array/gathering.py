"""Indices that gather: lists, arrays and masks, whose result is a copy; and what is put there."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.slots import is_tracer
from . import indexing, kernels, repeated
from .assigning import stretched
from .indexing import check_extremes, checked, is_known, is_mask


def gathered(value: Any, index: Any) -> Any:
    """Returns `value[index]`, a copy.

    Args:
        value: the content of an array.
        index: with lists, arrays or masks among its parts.

    Raises:
        IndexError: if an integer that is known is out of bounds, or a mask does not fit.
    """
    index = checked(index, value.shape)
    parts = index if type(index) is tuple else (index,)
    if kernels.is_open(value, *parts):
        return value[index]
    if any(is_mask(part) for part in parts):
        parts = tuple(map(_host, parts))  # the shape of what is found depends on the mask
        # NumPy compiles nothing; what another device holds JAX gathers there.
        return jnp.array(np.asarray(value)[parts]) if indexing.on_cpu(value) else value[parts]
    form, arrays = _form(parts)
    return _gatherer(form)(value, arrays)


@functools.wraps(jnp.take)
def take(
    a: Any, indices: Any, axis: int | None = None, out: None = None, mode: Any = None, **kwargs: Any
) -> Any:
    """Returns `jnp.take(...)`; indices that can be looked at are to be within bounds."""
    if mode in (None, "raise"):
        if is_known(indices) or (mode == "raise" and not is_tracer(indices)):
            axes = range(np.ndim(a))
            size = np.size(a) if axis is None else np.shape(a)[axes[operator.index(axis)]]
            found = np.asarray(indices)
            if found.size and found.dtype.kind in "iu":
                check_extremes(found, 0 if axis is None else axis, size)
        elif mode == "raise":
            raise ValueError("mode='raise' needs indices that are known: use 'clip' or 'wrap'")
        mode = None
    return jnp.take(a, indices, axis, mode=mode, **kwargs)


def scattering(shape: Any, index: Any, new: Any, is_open: bool) -> tuple[Any, Any]:
    """Returns how an assignment is done at an index that gathers.

    Args:
        shape: the shape of the array.
        index: as `checked` has returned it.
        new: what is assigned, in the dtype of the array.
        is_open: whether it is done inside of a trace.

    Returns:
        (fun, args), the content becoming `fun(content, *args)`; or (None, index) for masks that
        NumPy has to look into.

    Raises:
        ValueError: if the shapes do not fit.
    """
    parts = index if type(index) is tuple else (index,)
    masks = [part for part in parts if is_mask(part)]
    if len(parts) == 1 and masks and masks[0].ndim <= len(shape) - np.ndim(new):
        mask = masks[0]
        return _where, (mask, stretched(new, shape[mask.ndim :]))
    is_open = is_open or kernels.is_open(*parts)
    if masks and not is_open:
        return None, tuple(map(_host, parts))
    form, arrays = _form(parts)
    return _scatterer(form), (arrays, new)


def _where(value: Any, mask: Any, new: Any) -> Any:
    """Sets the same value wherever a mask holds: no shape depends on the mask, so it traces."""
    mask = jnp.asarray(mask)
    return jnp.where(mask.reshape(mask.shape + (1,) * (value.ndim - mask.ndim)), new, value)


def _host(part: Any) -> Any:
    return np.asarray(part) if isinstance(part, jax.Array) else part


def _form(parts: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[Any]]:
    """Takes an index apart into what a program is made for, and its arrays."""
    form: list[Any] = []
    arrays: list[Any] = []
    for part in parts:
        if type(part) is slice:
            form.append((part.start, part.stop, part.step))
        elif part is None or part is Ellipsis or type(part) is bool:
            form.append(part)
        else:
            form.append("array")
            arrays.append(part)
    return tuple(form), arrays


def _formed(form: tuple[Any, ...], arrays: list[Any]) -> tuple[Any, ...]:
    left = iter(arrays)
    return tuple(
        next(left) if part == "array" else slice(*part) if type(part) is tuple else part
        for part in form
    )


@functools.lru_cache(1024)
def _gatherer(form: tuple[Any, ...]) -> Callable[..., Any]:
    return jax.jit(lambda value, arrays: value[_formed(form, arrays)])


@functools.lru_cache(1024)
def _scatterer(form: tuple[Any, ...]) -> Callable[..., Any]:
    def scattered(value: Any, arrays: list[Any], new: Any) -> Any:
        parts = _formed(form, arrays)
        shape = jax.eval_shape(lambda v: v[parts], value).shape
        new = jnp.broadcast_to(jnp.asarray(stretched(new, shape), value.dtype), shape)
        return repeated.assigned(value, parts, new)

    return scattered
