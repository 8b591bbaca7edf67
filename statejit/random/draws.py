"""Draws: an object that holds a key, and makes each draw one compiled call that moves it on."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .._core.base import Base
from .._core.frames import CURRENT
from ..array.array import Array, made
from ..array.lifting import unpacked
from ..typing import ArrayLike as Plain
from .distribution import Distribution, program
from .keys import drawing, key_of, refuse_raw, typed
from .programs import plain_program, shape_of, working

ArrayLike = Plain | Array
"""What a parameter may be."""

Size = int | tuple[int, ...] | list[int] | None


class Draws(Base):
    """Holds a key, and makes each draw one compiled call that moves the key on.

    Args:
        seed: see `Generator`.
        impl: see `Generator`.
    """

    key: jax.Array

    def __init__(self, seed: Any = None, *, impl: str | None = None) -> None:
        self.key = key_of(seed, impl)

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
        if plain_numbers(params, size) and CURRENT.get() is None:
            wide = jax.config.jax_enable_x64  # type: ignore[attr-defined]
            run, ready = kept(of, params, size, dtype, key is None, valid, wide)
        else:
            run, ready = prepared(of, params, size, dtype, key is None, valid)
        sample = self._run(run, key, ready)
        return sample if out is None else stored(out, sample)

    def _plain(
        self, maker: Callable[..., Any], options: tuple[Any, ...], key: Any, *params: Any
    ) -> Array:
        """Draws with a sampler whose parameters keep their dtypes and shapes."""
        return self._run(plain_program(maker, options, key is None), key, params)

    def _run(self, run: Any, key: Any, params: Any) -> Array:
        if key is not None:
            return made(run(typed(unpacked(key)), *params))
        if CURRENT.get() is not None:
            self.key, sample = run(self.key, *params)
            return made(sample)
        refuse_raw()
        with drawing:
            self.key, sample = run(self.key, *params)
        return made(sample)


def prepared(
    of: Distribution, params: tuple[Any, ...], size: Any, dtype: Any, advance: bool, valid: bool
) -> tuple[Any, list[Any]]:
    """Returns the compiled call of a draw, and the parameters as it takes them.

    Raises:
        ValueError: for parameters that are known to be wrong.
        TypeError: for a dtype that the distribution does not have.
    """
    if valid:
        of.check(params)
    shape, found = shape_of(size), of.result_dtype(dtype)
    work = working(found if of.dtype is float else None)
    return program(of, shape, found, work, advance), of.ready(params, found)


@functools.lru_cache(maxsize=4096)
def kept(
    of: Distribution,
    params: tuple[Any, ...],
    size: Any,
    dtype: Any,
    advance: bool,
    valid: bool,
    wide: bool,
) -> tuple[Any, list[Any]]:
    """Returns what `prepared` does, which takes longer than the draw itself: once for each call.

    Equal numbers of different types, such as 1 and 1.0, become equal parameters.
    """
    return prepared(of, params, size, dtype, advance, valid)


_NUMBERS = frozenset({float, int, bool})


def plain_numbers(params: tuple[Any, ...], size: Any) -> bool:
    """Says whether a draw is of numbers only, none of which equals another one (0.0 and -0.0)."""
    if type(size) is tuple:
        for n in size:
            if type(n) is not int:
                return False
    elif size is not None and type(size) is not int:
        return False
    for value in params:
        if type(value) not in _NUMBERS or (value == 0 and math.copysign(1, value) < 0):
            return False
    return True


def fitting(out: Any, shape: Any, dtype: Any) -> tuple[Any, Any]:
    """Returns the shape and the dtype of a sample that is written to `out`.

    Raises:
        TypeError: if `out` is no array, or has another dtype than was asked for.
        ValueError: if it has another shape.
    """
    if not isinstance(out, (Array, np.ndarray)):
        raise TypeError(f"out must be a mutable array or a NumPy array, not {type(out).__name__}")
    if dtype is not None and np.dtype(dtype) != out.dtype:
        raise TypeError(
            f"Supplied output array has wrong type. Expected {np.dtype(dtype)}, got {out.dtype}"
        )
    if shape is not None and shape != tuple(out.shape):
        raise ValueError("size must match out.shape when used together")
    return tuple(out.shape), out.dtype


def stored(out: Any, sample: Array) -> Any:
    """Writes a sample to `out`, and returns that."""
    out[...] = sample if isinstance(out, Array) else np.asarray(sample)
    return out
