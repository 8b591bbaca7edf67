"""Reductions over segments: elements that have the same number are reduced together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .wrapping import function

ArrayLike = Any  # by this name `function` knows where a list is an array


def _count(data: ArrayLike, segment_ids: ArrayLike, num_segments: int | None) -> Any:
    """Returns how many elements each segment has, shaped to divide a reduction of `data`."""
    ones = jnp.ones(jnp.shape(segment_ids), jnp.float32)
    counts = jax.ops.segment_sum(ones, segment_ids, num_segments)
    return jnp.maximum(counts, 1).reshape(counts.shape + (1,) * (jnp.ndim(data) - counts.ndim))


def segment_mean(data: ArrayLike, segment_ids: ArrayLike, num_segments: int | None = None) -> Any:
    """Returns the means of segments, (num_segments, ...); 0 for one without elements.

    Args:
        data: the elements, (n, ...).
        segment_ids: the number of the segment of each, (n,); negative ones are left out.
        num_segments: how many there are; by default as many as the largest number asks for, which
            a trace can't know.

    Example:
        >>> import statejit.math as bm
        >>> bm.segment_mean(bm.array([1.0, 3.0, 5.0]), bm.array([0, 0, 2]), 3)
        Array([2., 0., 5.], dtype=float32)
    """
    total = jax.ops.segment_sum(data, segment_ids, num_segments)
    return total / _count(data, segment_ids, num_segments)


def unsorted_segment_mean(data: ArrayLike, segment_ids: ArrayLike, num_segments: int) -> Any:
    """Returns the means of segments, (num_segments, ...); 0 for one without elements.

    Args:
        data: the elements, (n, ...).
        segment_ids: the number of the segment of each, (n,); negative ones are left out.
        num_segments: how many there are.
    """
    return segment_mean(data, segment_ids, num_segments)


def unsorted_segment_sqrt_n(data: ArrayLike, segment_ids: ArrayLike, num_segments: int) -> Any:
    """Returns the sums of segments over the roots of their lengths, (num_segments, ...).

    Args:
        data: the elements, (n, ...).
        segment_ids: the number of the segment of each, (n,); negative ones are left out.
        num_segments: how many there are.
    """
    total = jax.ops.segment_sum(data, segment_ids, num_segments)
    return total / jnp.sqrt(_count(data, segment_ids, num_segments))


def _unsorted(fun: Callable[..., Any], what: str) -> Callable[..., Any]:
    def reduction(data: ArrayLike, segment_ids: ArrayLike, num_segments: int) -> Any:
        return fun(data, segment_ids, num_segments)

    reduction.__name__ = reduction.__qualname__ = f"unsorted_{fun.__name__}"
    reduction.__doc__ = f"""Returns the {what} of segments, (num_segments, ...).

    Args:
        data: the elements, (n, ...).
        segment_ids: the number of the segment of each, (n,); negative ones are left out.
        num_segments: how many there are.
    """
    return reduction


_REDUCTIONS = {
    jax.ops.segment_sum: "sums",
    jax.ops.segment_prod: "products",
    jax.ops.segment_max: "maxima",
    jax.ops.segment_min: "minima",
}

SEGMENTS: dict[str, Any] = {
    fun.__name__: function(fun)
    for fun in (
        *_REDUCTIONS,
        *(_unsorted(fun, what) for fun, what in _REDUCTIONS.items()),
        *(segment_mean, unsorted_segment_mean, unsorted_segment_sqrt_n),
    )
}
"""These functions, by name; those of `jax.ops` among them."""
