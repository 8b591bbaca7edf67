"""Draws: an object that holds a key, and makes each draw one compiled call that moves it on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.extend.core import find_top_trace

from .._core.base import Base
from .._core.frames import CURRENT
from .._core.slots import EAGER
from .._core.windows import Due
from ..array.array import Array, made
from ..array.lifting import unpacked
from ..array.views import SCALAR
from ..typing import ArrayLike as Plain
from .distribution import Distribution
from .keys import Key, key_of, refuse_raw, typed, words_of
from .programs import Program, plain_program, shape_of

ArrayLike = Plain | Array
"""What a parameter may be."""

Size = int | tuple[int, ...] | list[int] | None


class Draws(Base):
    """Holds a key, and makes each draw one compiled call that moves the key on.

    Args:
        seed: see `Generator`.
        impl: see `Generator`.
    """

    def __init__(self, seed: Any = None, *, impl: str | None = None) -> None:
        self.__dict__["key"] = Key(key_of(seed, impl))

    @property
    def key(self) -> jax.Array:
        """The typed JAX key with which the next draw is made."""
        return self.__dict__["key"].value

    @key.setter
    def key(self, key: Any) -> None:
        self.__dict__["key"].value = unpacked(key)

    def __copy__(self) -> Any:
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.__dict__["key"] = Key(self.key)
        return new

    def _sample(
        self,
        of: Distribution,
        params: tuple[Any, ...],
        size: Any,
        dtype: Any,
        out: Any,
        key: Any,
        valid: bool,
    ) -> Any:
        """Draws once from a distribution."""
        if out is not None:
            size, dtype = fitting(out, shape_of(size), dtype)
        run, ready = of.prepared(params, size, dtype, key is None, valid)
        sample = self._run(run, key, ready)
        return sample if out is None else stored(out, sample)

    def _plain(
        self, maker: Callable[..., Any], options: tuple[Any, ...], key: Any, *params: Any
    ) -> Array:
        """Draws with a sampler whose parameters keep their dtypes and shapes."""
        return self._run(plain_program(maker, options, key is None), key, params)

    def _run(self, run: Program, key: Any, params: Any) -> Array:
        if key is not None:
            return made(run.of_keys(typed(unpacked(key)), *params))
        if CURRENT.get() is not None:
            self.key, sample = run.of_keys(self.key, *params)
            return made(sample)
        return advance(self.__dict__["key"], run.of_words, params)


def advance(cell: Key, of_words: Any, params: Any) -> Array:
    """Draws with the key that a cell holds, and moves it on, where no frame is open."""
    if type(find_top_trace(())) is not EAGER:
        refuse_raw()
    while True:
        held = cell._value
        typing, (words,) = (held.fun, held.args) if type(held) is Due else words_of(held)
        words, sample = of_words[typing](words, *params)
        following: Any = object.__new__(Due)  # what `Due(...)` does, without a call of Python's
        following.fun, following.args, following.note = typing, (words,), None
        if cell._value is held:  # no call, and so no other thread, before the assignment
            cell._value = following
            break
    new: Any = object.__new__(Array)
    new._value = sample
    if not sample.aval.shape:  # a property less than `ndim`
        new._mark = SCALAR
    return new


def fitting(out: Any, shape: Any, dtype: Any) -> tuple[Any, Any]:
    """Returns the shape and the dtype of a sample that is written to `out`.

    Raises:
        TypeError: if `out` is an array of JAX, or has another dtype than was asked for.
        ValueError: if it is no array, or has another shape, or another order of bytes.
    """
    if isinstance(out, jax.Array):
        raise TypeError("out must be a mutable array or a NumPy array, not one of JAX")
    if not isinstance(out, (Array, np.ndarray)) or not out.dtype.isnative:
        raise ValueError(
            "Supplied output array must be a mutable array or a NumPy array, writable and in "
            "machine byte-order."
        )
    if dtype is not None and np.dtype(dtype) != out.dtype:
        raise TypeError(
            f"Supplied output array has wrong type. Expected {np.dtype(dtype)}, got {out.dtype}"
        )
    if shape is not None and shape != tuple(out.shape):
        raise ValueError("size must match out.shape when used together")
    return tuple(out.shape), out.dtype


def stored(out: Any, sample: Any) -> Any:
    """Writes a sample to `out`, and returns that."""
    out[...] = sample if isinstance(out, Array) else np.asarray(sample)
    return out
