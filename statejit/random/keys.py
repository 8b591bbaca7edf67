"""Keys: what a generator starts from, and how its key gives way to the next.

The key of a generator is a typed JAX key (`jax.random.key`), of whichever implementation: an
ordinary array, and so a slot. Small seeds give the key that `jax.random.key` gives; everything else
that NumPy takes for a seed goes through NumPy's own `SeedSequence`.
"""

from __future__ import annotations

import functools
import operator
import secrets
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import find_top_trace

from .._core.cells import Cell
from .._core.frames import CURRENT
from .._core.numbers import plain
from .._core.slots import EAGER, is_key, is_tracer
from ..array.lifting import unpacked
from ..errors import FrozenValueError, RawTransformError

IMPLEMENTATIONS = ("threefry2x32", "rbg", "unsafe_rbg")
"""The implementations of keys that JAX has; `impl=` of `Generator` and `seed` takes one of them."""

split = jax.jit(jax.random.split, static_argnums=1)


class Key(Cell):
    """Holds the key of a generator: a typed key, or the words of one, typed when somebody looks.

    A call of JAX that takes and gives typed keys costs 2 us more than one of plain words. A draw is
    made again where another thread has made one meanwhile: threads never draw the same.

    Args:
        value: a typed key, ().
    """

    __slots__ = ()

    @classmethod
    def bare(cls, value: jax.Array) -> Key:
        """Returns a new one that no frame is told of."""
        new = object.__new__(cls)
        new._value = value
        return new

    def split(self, count: int) -> jax.Array:
        """Returns new keys, (count,), and holds another one from now on."""
        while True:
            held = self.held()
            keys = split(held, count + 1)
            following = keys[0]
            if CURRENT.get() is not None:
                self.value = following
                return keys[1:]
            if self._value is held:  # no call, and so no other thread, before the assignment
                self._value = following
                return keys[1:]

    def __copy__(self) -> Key:
        return type(self)(self.value)

    def __deepcopy__(self, memo: Any) -> Key:
        return type(self)(self.value)

    def __reduce__(self) -> Any:
        return type(self), (self.value,)


def words_of(key: jax.Array) -> tuple[Any, tuple[jax.Array]]:
    """Returns what makes a typed key of words, and the words of a key."""
    return typing_of(jax.random.key_impl(key)), (jax.random.key_data(key),)


@functools.cache
def typing_of(impl: Any) -> Any:
    """Returns the function that makes typed keys of words: always the same one for an impl."""
    return functools.partial(jax.random.wrap_key_data, impl=impl)


def key_of(seed: Any, impl: str | None = None) -> jax.Array:
    """Returns the JAX key that a generator starts from.

    Args:
        seed: an integer of any size that is not negative, a sequence of integers, a
            `SeedSequence`, a bit generator of NumPy (from which words are drawn), a JAX key, typed
            or raw, or None for fresh entropy.
        impl: the implementation: 'threefry2x32', 'rbg' or 'unsafe_rbg'; None for that of a key
            that is given, and else the one which JAX is set to.

    Returns:
        A typed key, ().

    Raises:
        FrozenValueError: if fresh entropy is asked for inside a transformed function.
        ValueError: for negative seeds.
        TypeError: for what is no seed.
    """
    if seed is None:
        return _fresh(impl)
    seed = unpacked(plain(seed))
    if isinstance(seed, jax.Array):
        return _of_array(seed, impl)
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        if seed < 0:
            raise ValueError("expected non-negative integer")
        small = int(seed) < 2**31
        return jax.random.key(int(seed), impl=impl) if small else _of_words(seed, impl)
    if isinstance(seed, np.ndarray) and seed.dtype == np.uint32 and seed.ndim == 1:
        return _of_array(jnp.asarray(seed), impl)
    if isinstance(seed, (Sequence, np.ndarray)) and not isinstance(seed, (str, bytes)):
        return _of_words(seed, impl)
    if isinstance(seed, np.random.SeedSequence):
        return _key(seed.generate_state(_words(impl)), impl)
    if hasattr(seed, "bit_generator"):
        seed = seed.bit_generator
    if isinstance(seed, np.random.BitGenerator):
        _refuse_frozen("words were drawn from a generator of NumPy")
        return _key(seed.random_raw(_words(impl)).astype(np.uint32), impl)
    raise TypeError(
        f"a seed is an integer, a sequence of integers, a SeedSequence, a JAX key or None, not a "
        f"{type(seed).__name__}"
    )


def _of_array(seed: jax.Array, impl: str | None) -> jax.Array:
    if is_key(seed):
        return (
            seed if impl is None or impl == str(jax.random.key_impl(seed)) else _again(seed, impl)
        )
    if seed.ndim == 1 and seed.dtype == jnp.uint32:
        return _key(seed, impl or {2: "threefry2x32"}.get(seed.size))
    if not jnp.issubdtype(seed.dtype, jnp.integer):
        raise TypeError(f"a seed is an integer, not an array of {seed.dtype}")
    if seed.ndim:
        return _of_words(np.asarray(seed), impl)
    if not is_tracer(seed):
        return key_of(operator.index(seed), impl)  # type: ignore[arg-type]
    return jax.random.key(seed, impl=impl)


def _again(key: jax.Array, impl: str) -> jax.Array:
    """Returns a key of another implementation that follows from a key."""
    words = jax.random.bits(key, (_words(impl),), jnp.uint32)
    return jax.random.wrap_key_data(words, impl=impl)


def _of_words(entropy: Any, impl: str | None) -> jax.Array:
    return _key(np.random.SeedSequence(entropy).generate_state(_words(impl)), impl)


def _fresh(impl: str | None) -> jax.Array:
    _refuse_frozen("fresh entropy was asked for")
    words = np.array([secrets.randbits(32) for _ in range(_words(impl))], np.uint32)
    return _key(words, impl)


def _key(words: Any, impl: str | None) -> jax.Array:
    return jax.random.wrap_key_data(jnp.asarray(words, jnp.uint32), impl=impl)


@functools.cache
def _words_of(impl: str) -> int:
    with jax.ensure_compile_time_eval():
        return jax.random.key_data(jax.random.key(0, impl=impl)).size


def _words(impl: str | None) -> int:
    """Returns how many words of 32 bits a key of an implementation has."""
    if impl is None:
        impl = str(jax.config.jax_default_prng_impl)  # type: ignore[attr-defined]
    return _words_of(impl)


def typed(key: Any) -> jax.Array:
    """Returns a key given as `key=` as a typed key.

    Args:
        key: a typed or raw JAX key, or a seed.
    """
    return key if is_key(key) else key_of(key)


def looks_like_key(value: Any) -> bool:
    """Says whether an argument stands where NumPy has something else, and brainpy.math a key.

    Args:
        value: what was given for a dtype, an axis or a tolerance.
    """
    if isinstance(value, (jax.Array, Cell, np.ndarray)):
        return bool(getattr(value, "ndim", 0)) or is_key(value)
    return False


def seed_of(seed: Any, seed_or_key: Any) -> Any:
    """Returns the one of two that was given.

    Args:
        seed: by NumPy's name.
        seed_or_key: by brainpy.math's name.

    Raises:
        TypeError: if both were.
    """
    if seed is not None and seed_or_key is not None:
        raise TypeError("give seed or seed_or_key, which are two names for the same")
    return seed if seed_or_key is None else seed_or_key


def _refuse_frozen(what: str) -> None:
    if CURRENT.get() is not None:
        raise FrozenValueError(
            f"{what} inside a transformed function: it would be the same at every call.",
            do="give a seed, or make the generator outside.",
        )


def refuse_raw() -> None:
    """Refuses a draw that no frame sees: under `jax.vmap` all lanes would get the same number."""
    if CURRENT.get() is None and type(find_top_trace(())) is not EAGER:
        raise RawTransformError(
            "a random number was drawn under a JAX transformation that is not lifted: each lane or "
            "iteration would get the same one.",
            do="use the function of the same name from statejit, which carries the key, or "
            "give a key of your own: normal(key=key).",
        )
