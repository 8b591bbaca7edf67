"""Programs: a draw as one compiled call that takes the generator's key and gives the next one."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.numbers import plain
from .threefry import in_two

Sampler = Callable[..., Any]

hidden = jax.lax.optimization_barrier
"""Keeps XLA from folding constants into a draw, and from fusing it with what uses it: inside of a
larger program the last bit of a sample could otherwise be another than eagerly."""


SMALL = 64
"""How many elements parameters have that depend on the key, where they may outgrow the sample."""


def not_constant(params: Any, key: Any, largest: float) -> list[Any]:
    """Returns parameters less a zero that depends on the key, so that none is a constant.

    XLA computes what depends on constants alone while it compiles, also behind a barrier, and may
    round it otherwise than the eager draw, whose parameters are arguments.

    Args:
        params: the parameters.
        key: the key of the draw.
        largest: up to how many elements they have; lanes of `vmap` have a copy each, as the key.
    """
    zero = jax.random.key_data(key).ravel()[0].astype(jnp.float32) * 0  # -0.0 - 0.0 is -0.0
    found = [jnp.asarray(p) for p in params]
    return [
        p - zero.astype(p.dtype) if p.size <= largest and p.dtype.kind in "iuf" else p
        for p in found
    ]


class Program:
    """A draw as compiled calls: of typed keys, and of the words of keys.

    Args:
        sample: (key, *params) -> sample.
        advance: whether the call is `(key, *params) -> (next key, sample)`, or, for a key that is
            not a generator's, `(key, *params) -> sample`.
        largest: see `not_constant`.
    """

    def __init__(self, sample: Sampler, advance: bool, largest: float = math.inf) -> None:
        def drawn(key: Any, params: Any) -> Any:
            return hidden(sample(key, *hidden(params)))

        def drawn_within(key: Any, *params: Any) -> Any:
            return drawn(key, not_constant(params, key, largest))

        def draw(key: Any, *params: Any) -> Any:
            following, now = jax.random.split(key)
            return following, drawn_within(now, *params)

        self.of_keys = jax.jit(draw if advance else drawn_within, inline=True)
        self.of_words = _OfWords(drawn)


class _OfWords(dict[Any, Any]):
    """The compiled calls `(words, *params) -> (next words, sample)`, by what types the words."""

    def __init__(self, drawn: Callable[..., Any]) -> None:
        self.drawn = drawn

    def __missing__(self, typing: Callable[[Any], Any]) -> Any:
        def draw(words: Any, *params: Any) -> Any:
            following, now = in_two(typing(words))
            return following, self.drawn(now, params)

        return self.setdefault(typing, jax.jit(draw))


@functools.cache
def plain_program(
    maker: Callable[..., Sampler], options: tuple[Any, ...], advance: bool
) -> Program:
    """Returns the compiled calls of a sampler whose parameters keep their dtypes and shapes.

    Args:
        maker: gives the sampler for the options.
        options: what the sampler depends on: sizes, axes, dtypes.
        advance: as `Program` has it.
    """
    return Program(maker(*options), advance, SMALL)


def broadcast_shape(shape: tuple[int, ...] | None, shapes: list[tuple[int, ...]]) -> Any:
    """Returns the shape of a sample, as NumPy has it.

    Args:
        shape: the size that was asked for, or None.
        shapes: the shapes of the parameters.

    Raises:
        ValueError: if the size does not fit the parameters.
    """
    if shape is None:
        return jnp.broadcast_shapes(*shapes) if shapes else ()
    try:
        fits = jnp.broadcast_shapes(shape, *shapes) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"Output size {shape} is not compatible with broadcast dimensions of inputs "
            f"{jnp.broadcast_shapes(*shapes)}."
        )
    return shape


def shape_of(size: Any) -> tuple[int, ...] | None:
    """Returns a size as NumPy takes it as a shape; None stays.

    Raises:
        ValueError: if it is negative.
        TypeError: if it is no integer, nor a sequence of them.
    """
    if size is None:
        return None
    if type(size) is int:
        shape: tuple[int, ...] = (size,)
    elif isinstance(size, (bool, np.bool)):
        raise TypeError(f"expected a sequence of integers or a single integer, got '{size}'")
    elif isinstance(size, (tuple, list, range)):
        shape = tuple([_length(n) for n in size])
    elif getattr(size, "ndim", 0):
        shape = tuple([_length(n) for n in np.asarray(size)])
    else:
        shape = (operator.index(plain(size)),)
    if shape and min(shape) < 0:
        raise ValueError("negative dimensions are not allowed")
    return shape


def _length(n: Any) -> int:
    if isinstance(n, (bool, np.bool)):
        raise TypeError("an integer is required")
    return operator.index(plain(n))


def floating(dtype: Any, name: str) -> Any:
    """Returns the dtype of a sample of a continuous distribution.

    Raises:
        TypeError: if it is not a floating-point dtype.
    """
    found = jax.dtypes.canonicalize_dtype(float if dtype is None else dtype)
    if not jnp.issubdtype(found, jnp.floating):
        raise TypeError(f"Unsupported dtype {np.dtype(found)!r} for {name}")
    return found


def counting(dtype: Any, name: str) -> Any:
    """Returns the dtype of a sample of a discrete distribution: of integers, or of floats.

    Raises:
        TypeError: if it is neither.
    """
    found = jax.dtypes.canonicalize_dtype(int if dtype is None else dtype)
    if not jnp.issubdtype(found, jnp.floating) and not jnp.issubdtype(found, jnp.integer):
        raise TypeError(f"Unsupported dtype {np.dtype(found)!r} for {name}")
    return found


def working(dtype: Any) -> Any:
    """Returns the dtype in which samples of a dtype are computed: half precision is too coarse."""
    if dtype is None or not jnp.issubdtype(dtype, jnp.floating):
        return jax.dtypes.canonicalize_dtype(float)
    return dtype if jnp.finfo(dtype).bits >= 32 else jnp.float32
