"""Threefry for a few numbers: those of JAX, bit for bit, by programs that take a CPU less time.

JAX has CPUs go through the rounds of the cipher in a loop whose steps copy all that they carry,
which takes longer than a draw of a few numbers needs. Here the loop carries two words for each
number, and a key is split in two without one. It is for eager draws only: inside of a larger
program there is nothing to gain by it, and it takes longer to compile.

References:
    J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel random numbers: as easy as
    1, 2, 3", SC11 (2011).
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.random import define_prng_impl

NAME = "threefry2x32"

_ROTATIONS = np.array([[13, 15, 26, 6], [17, 29, 16, 24]] * 3, np.uint32)[:5]
_PARITY = np.uint32(0x1BD11BDA)
_FEW = 16


def in_two(key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the words of the next key, and the key to draw with, as `jax.random.split` has them.

    The latter is to stay inside of a compiled draw: its numbers are made by the programs of this
    file, unless it is of another implementation, or for an accelerator, where JAX has its own.
    """
    if str(jax.random.key_impl(key)) != NAME or jax.default_backend() != "cpu" or not _few((2,)):
        following, now = jax.random.split(key)
        return jax.random.key_data(following), now
    words = jnp.stack(_hashed(jax.random.key_data(key), (2,), looped=False), -1)
    words = jax.lax.optimization_barrier(words)  # or XLA writes the rounds out for each use of them
    return words[0], jax.random.wrap_key_data(words[1], impl=_OF_FEW)


def _few(shape: tuple[int, ...]) -> bool:
    """Says whether numbers are made here: few, of their indices, as JAX does by default."""
    return math.prod(shape) < _FEW and bool(jax.config.jax_threefry_partitionable)  # type: ignore[attr-defined]


def _hashed(key: Any, shape: tuple[int, ...], looped: bool) -> tuple[Any, Any]:
    """Returns the two words that the cipher makes of the index of each number, (*shape,).

    Args:
        key: two words, (2,).
        shape: the shape of the numbers.
        looped: whether the rounds are a loop, or are written out.
    """
    a, b = key[0], key[1]
    c = a ^ b ^ _PARITY
    keys = [(x, y + np.uint32(n)) for n, (x, y) in enumerate([(b, c), (c, a), (a, b)] * 2, 1)][:5]
    index = jax.lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    words = jnp.full(shape, a), index + b
    if looped:
        each = jnp.asarray(_ROTATIONS), jnp.asarray(keys)
        return jax.lax.scan(lambda words, given: (_four_rounds(words, *given), None), words, each)[
            0
        ]
    for given in zip(_ROTATIONS, keys, strict=True):
        words = _four_rounds(words, *given)
    return words


def _four_rounds(words: Any, rotations: Any, keys: Any) -> tuple[Any, Any]:
    """Returns the words after four rounds, to which the next two words of the key are added."""
    x, y = words
    for r in rotations:
        x = x + y
        y = x ^ (y << r | y >> np.uint32(32) - r)
    return x + keys[0], y + keys[1]


def _jaxs(key: Any) -> jax.Array:
    return jax.random.wrap_key_data(key, impl=NAME)


def _random_bits(key: Any, width: int, shape: tuple[int, ...]) -> Any:
    dtype = jnp.dtype(f"uint{width}")
    if not _few(shape):
        return jax.random.bits(_jaxs(key), shape, dtype)
    high, low = _hashed(key, shape, looped=True)
    return high.astype(dtype) << 32 | low if width == 64 else (high ^ low).astype(dtype)


_OF_FEW = define_prng_impl(
    key_shape=(2,),
    seed=lambda seed: jax.random.key_data(jax.random.key(seed, impl=NAME)),
    split=lambda key, shape: jax.random.key_data(jax.random.split(_jaxs(key), shape)),
    random_bits=_random_bits,
    fold_in=lambda key, data: jax.random.key_data(jax.random.fold_in(_jaxs(key), data)),
    name=f"{NAME}, of a few numbers",
    tag="few",
)
