"""Differences, derivatives and polynomials over JAX's arrays, with NumPy's arguments and dtypes."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .indexing import is_known

ArrayLike = Any  # by this name `function` knows where a list is an array


def diff(
    a: ArrayLike, n: int = 1, axis: int = -1, prepend: ArrayLike = None, append: ArrayLike = None
) -> Any:
    """Returns the differences of neighbours along an axis.

    Args:
        a: the array, (*shape,).
        n: how often they are taken.
        axis: the axis.
        prepend: what comes before the first; numbers have a dtype of their own here.
        append: what comes after the last.
    """
    first, last = (None if v is None else typed(v) for v in (prepend, append))
    return jnp.diff(a, n, axis, first, last)


def typed(value: Any) -> Any:
    """Returns an array with a dtype of its own, also of a Python number.

    Args:
        value: anything array-like.
    """
    value = jnp.asarray(value)
    return value.astype(value.dtype) if value.weak_type else value


def gradient(f: ArrayLike, *varargs: ArrayLike, axis: Any = None, edge_order: int = 1) -> Any:
    """Returns derivatives along axes: central differences inside, one-sided ones at the edges.

    Args:
        f: samples, (*shape,).
        varargs: distances for all axes or for each; or the coordinates along each, (n,).
        axis: the axis, or axes; by default all.
        edge_order: the order of accuracy at the edges, 1 or 2.

    Example:
        >>> import statejit.numpy as snp
        >>> snp.gradient(snp.array([1.0, 4.0, 9.0]), edge_order=2).tolist()
        [2.0, 4.0, 6.0]
    """
    f = jnp.asarray(f)
    f = f if jnp.issubdtype(f.dtype, jnp.inexact) else f.astype(float)
    axes = tuple(range(f.ndim)) if axis is None else normalize_axis_tuple(axis, f.ndim)
    steps = list(varargs) or [1.0]
    steps = steps * len(axes) if len(steps) == 1 and not np.ndim(steps[0]) else steps
    if len(steps) != len(axes):
        raise TypeError("invalid number of arguments")
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    found = []
    for i, step in zip(axes, steps, strict=True):
        if np.ndim(step) and np.shape(step) != (f.shape[i],):
            raise ValueError(
                "when 1d, distances must match the length of the corresponding dimension"
            )
        if f.shape[i] < edge_order + 1:
            raise ValueError(
                "Shape of array too small to calculate a numerical gradient, at least (edge_order "
                "+ 1) elements are required."
            )
        found.append(_derivative(f, step, edge_order, i))
    return found[0] if len(found) == 1 else tuple(found)


@functools.partial(jax.jit, static_argnums=(2, 3), inline=True)
def _derivative(y: Any, step: Any, edge_order: int, axis: int) -> Any:
    """Returns the derivative along an axis."""
    y = jnp.moveaxis(y, axis, 0)
    if np.ndim(step):
        gaps = jnp.diff(jnp.asarray(step)).astype(y.dtype).reshape(-1, *[1] * (y.ndim - 1))
        d, e = gaps[:-1], gaps[1:]
        inner = (
            -e / (d * (d + e)) * y[:-2] + (e - d) / (d * e) * y[1:-1] + d / (e * (d + e)) * y[2:]
        )
        h = [gaps[0], gaps[1 % len(gaps)], gaps[-2 % len(gaps)], gaps[-1]]
    else:
        inner, h = (y[2:] - y[:-2]) / (2.0 * step), [step] * 4
    if edge_order == 1:
        first, last = (y[1] - y[0]) / h[0], (y[-1] - y[-2]) / h[3]
    else:
        first = _edge(y[0], y[1], y[2], h[0], h[1])
        last = -_edge(y[-1], y[-2], y[-3], h[3], h[2])
    return jnp.moveaxis(jnp.concatenate([first[None], inner, last[None]]), 0, axis)


def _edge(a: Any, b: Any, c: Any, d: Any, e: Any) -> Any:
    """Returns the derivative at `a` of the parabola through three points that are d, e apart."""
    return -(2 * d + e) / (d * (d + e)) * a + (d + e) / (d * e) * b - d / (e * (d + e)) * c


def polymul(a1: ArrayLike, a2: ArrayLike) -> Any:
    """Returns the product of two polynomials, without leading zeros if they are known.

    Args:
        a1: coefficients, the highest first, (n,).
        a2: coefficients, (m,).
    """
    a1, a2 = jnp.asarray(a1), jnp.asarray(a2)
    known = is_known(a1) and is_known(a2)
    found = jnp.polymul(a1, a2, trim_leading_zeros=known)
    return found.astype(jnp.result_type(a1, a2))


def polydiv(u: ArrayLike, v: ArrayLike) -> Any:
    """Returns quotient and remainder of two polynomials, without leading zeros if they are known.

    Args:
        u: coefficients, the highest first, (n,).
        v: coefficients, (m,).
    """
    return jnp.polydiv(u, v, trim_leading_zeros=is_known(u) and is_known(v))


def polyder(p: ArrayLike, m: int = 1) -> Any:
    """Returns the derivative of a polynomial.

    Args:
        p: coefficients, the highest first, (n,).
        m: how often it is taken.
    """
    p = jnp.asarray(p)
    return jnp.polyder(p, m).astype(p.dtype)


CALCULUS = {fun.__name__: fun for fun in (diff, gradient, polymul, polydiv, polyder)}
"""These functions, by name."""
