"""Differences, derivatives and polynomials over JAX's arrays, with NumPy's arguments and dtypes."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

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
    value = value if isinstance(value, jax.Array) else jnp.asarray(value)
    return value.astype(value.dtype) if getattr(value, "weak_type", False) else value  # of no keys


def row(value: Any) -> Any:
    """Returns coefficients or samples as a row; a number is a row of one."""
    return jnp.atleast_1d(typed(value))


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


def convolve(a: ArrayLike, v: ArrayLike, mode: str = "full", **kwargs: Any) -> Any:
    """Returns the convolution of two rows; that of integers is exact, and has their dtype.

    Args:
        a: a row, (n,).
        v: a row, (m,).
        mode: 'full' for (n + m - 1,) elements, 'same' for (max(n, m),), 'valid' for those for which
            the rows overlap whole, (max(n, m) - min(n, m) + 1,).
        kwargs: what else `jax.numpy.convolve` takes.
    """
    a, v = row(a), row(v)
    if not _are_whole(a, v) or a.ndim != 1 or v.ndim != 1 or 0 in (a.size, v.size):
        return jnp.convolve(a, v, mode, **kwargs)
    return _of_integers(a, v, mode, 0)


def correlate(a: ArrayLike, v: ArrayLike, mode: str = "valid", **kwargs: Any) -> Any:
    """Returns the correlation of two rows; that of integers is exact, and has their dtype.

    Args:
        a: a row, (n,).
        v: a row, (m,).
        mode: as in `convolve`.
        kwargs: what else `jax.numpy.correlate` takes.
    """
    a, v = typed(a), typed(v)
    if not _are_whole(a, v) or a.ndim != 1 or v.ndim != 1 or 0 in (a.size, v.size):
        return jnp.correlate(a, v, mode, **kwargs)
    return _of_integers(a, v[::-1], mode, int(a.size < v.size))


def _are_whole(*arrays: Any) -> bool:
    return not any(jnp.issubdtype(array.dtype, jnp.inexact) for array in arrays)


@functools.partial(jax.jit, static_argnums=(2, 3), inline=True)
def _of_integers(a: Any, v: Any, mode: str, late: int) -> Any:
    """Returns a convolution as sums of products: JAX's own would round them to floats.

    Args:
        a: a row, (n,).
        v: a row, (m,).
        mode: as in `convolve`.
        late: 1 if the middle is the later one, where there is none in the middle.
    """
    n, m = a.size, v.size
    places = jnp.arange(n)[:, None] + jnp.arange(m)
    dtype = jnp.result_type(a, v)
    products = a.astype(dtype)[:, None] * v.astype(dtype)
    whole = int if dtype == jnp.bool else dtype
    full = jnp.zeros(n + m - 1, whole).at[places].add(products).astype(dtype)
    size = {"full": n + m - 1, "same": max(n, m), "valid": max(n, m) - min(n, m) + 1}[mode]
    start = (n + m - 1 - size + late) // 2
    return full[start : start + size]


def polymul(a1: ArrayLike, a2: ArrayLike, *, trim_leading_zeros: bool = True) -> Any:
    """Returns the product of two polynomials.

    Args:
        a1: coefficients, the highest first, (n,).
        a2: coefficients, (m,).
        trim_leading_zeros: whether leading zeros are left out, as NumPy does; their number must be
            known then, and within transformed functions it is not.
    """
    a1, a2 = row(a1), row(a2)
    if not _are_whole(a1, a2):
        return jnp.polymul(a1, a2, trim_leading_zeros=trim_leading_zeros)
    return convolve(_trimmed(a1), _trimmed(a2)) if trim_leading_zeros else convolve(a1, a2)


def _trimmed(coefficients: Any) -> np.ndarray:
    found = np.trim_zeros(np.asarray(coefficients), "f")
    return found if found.size else np.zeros(1, found.dtype)


def vander(x: ArrayLike, N: int | None = None, increasing: bool = False) -> Any:  # noqa: N803
    """Returns the powers of the elements of a row; of narrow integers in a dtype of their own.

    Args:
        x: the row, (n,).
        N: how many powers; by default as many as elements.
        increasing: whether the lowest comes first.
    """
    x = jnp.asarray(x)
    known = getattr(x.dtype, "kind", "") in "biufc"
    dtype = jax.dtypes.canonicalize_dtype(np.promote_types(x.dtype, int)) if known else x.dtype
    return jnp.vander(x.astype(dtype), N, increasing)


def polyadd(a1: ArrayLike, a2: ArrayLike) -> Any:
    """Returns the sum of two polynomials.

    Args:
        a1: coefficients, the highest first, (n,).
        a2: coefficients, (m,).
    """
    return jnp.polyadd(row(a1), row(a2))


def polysub(a1: ArrayLike, a2: ArrayLike) -> Any:
    """Returns the difference of two polynomials.

    Args:
        a1: coefficients, the highest first, (n,).
        a2: coefficients, (m,).
    """
    return jnp.polysub(row(a1), row(a2))


def polydiv(u: ArrayLike, v: ArrayLike, *, trim_leading_zeros: bool = True) -> Any:
    """Returns quotient and remainder of two polynomials.

    Args:
        u: coefficients, the highest first, (n,).
        v: coefficients, (m,).
        trim_leading_zeros: as in `polymul`.
    """
    found = jnp.polydiv(row(u), row(v), trim_leading_zeros=trim_leading_zeros)
    return tuple(p if p.size else jnp.zeros(1, p.dtype) for p in found)


def polyder(p: ArrayLike, m: int = 1) -> Any:
    """Returns the derivative of a polynomial.

    Args:
        p: coefficients, the highest first, (n,).
        m: how often it is taken.
    """
    p = jnp.asarray(p)
    return jnp.polyder(p, m).astype(p.dtype)


@functools.wraps(jnp.polyfit)
def polyfit(x: ArrayLike, y: ArrayLike, deg: Any, *args: Any, **kwargs: Any) -> Any:
    """Returns `jnp.polyfit(...)`; coordinates may be integers."""
    return jnp.polyfit(jnp.asarray(x) + 0.0, jnp.asarray(y) + 0.0, deg, *args, **kwargs)


CALCULUS = {
    fun.__name__: fun
    for fun in (
        *(diff, gradient, convolve, correlate, vander),
        *(polyadd, polysub, polymul, polydiv, polyder, polyfit),
    )
}
"""These functions, by name."""
