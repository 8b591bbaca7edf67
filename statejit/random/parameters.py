"""Parameters of distributions: which values they may have, and how they enter a compiled draw.

A value that is known (a number, a list, an array that is not traced) is checked as NumPy checks it,
and refused with NumPy's words. Where it is traced the sample says it: NaN, or -1 for a count.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.cells import Cell
from .._core.numbers import Number
from .._core.slots import is_tracer


@dataclasses.dataclass(frozen=True)
class Domain:
    """The values that a parameter may have.

    Args:
        words: what is shown in tables: `> 0`.
        refused: NumPy's words for a value outside, with `{}` for the name.
        allows: says of a number or an array which values are inside; NaN is outside of a domain
            only if NumPy refuses it.
        safe: a value inside, on which every sampler ends.
    """

    words: str
    refused: str
    allows: Callable[[Any], Any]
    safe: float


ANY = Domain("any", "", lambda v: v == v, 0.0)
NON_NEGATIVE = Domain("≥ 0", "{} < 0", lambda v: v >= 0, 1.0)
POSITIVE = Domain("> 0", "{} <= 0", lambda v: v > 0, 1.0)
POSITIVE_NOT_NAN = Domain("> 0", "{} <= 0 or {} contains NaNs", lambda v: v > 0, 1.0)
ABOVE_ONE = Domain("> 1", "{} <= 1 or {} contains NaNs", lambda v: v > 1, 2.0)
PROBABILITY = Domain(
    "0 ... 1", "{} < 0, {} > 1 or {} contains NaNs", lambda v: (v >= 0) & (v <= 1), 0.5
)
POSITIVE_PROBABILITY = Domain(
    "0 < p ≤ 1", "{} <= 0, {} > 1 or {} contains NaNs", lambda v: (v > 0) & (v <= 1), 0.5
)
BELOW_ONE = Domain(
    "0 ≤ p < 1", "{} < 0, {} >= 1 or {} contains NaNs", lambda v: (v >= 0) & (v < 1), 0.5
)
RATE = Domain(
    "≥ 0",
    "{} < 0 or {} contains NaNs",
    lambda v: (v >= 0) & (v <= largest_rate()),
    1.0,
)

_NAN_IS_REFUSED = (POSITIVE_NOT_NAN, ABOVE_ONE, PROBABILITY, POSITIVE_PROBABILITY, BELOW_ONE, RATE)


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter of a distribution.

    Args:
        name: its name, NumPy's where NumPy has the distribution.
        meaning: what it is, for docstrings.
        domain: the values that it may have.
        default: its default, or `...` if it has none.
        count: whether it is an integer.
    """

    name: str
    meaning: str
    domain: Domain = ANY
    default: Any = ...
    count: bool = False

    def check(self, value: Any) -> None:
        """Refuses a value that is known not to be allowed.

        Raises:
            ValueError: with NumPy's words.
        """
        domain = self.domain
        if domain is ANY and not self.count:
            return
        found = known(value)
        if found is None:
            return
        if self.count:
            self.check_count(found)
            found = self.whole(found)
        if domain is NON_NEGATIVE and _has_minus_zero(found):
            raise ValueError(self._words(found))
        inside = domain.allows(found)
        if inside is True:
            return
        if domain not in _NAN_IS_REFUSED:
            inside = inside | (found != found)
        if not np.all(inside):
            raise ValueError(self._words(found))

    def whole(self, found: Any) -> Any:
        """Returns a known value as NumPy takes it: that of a count without its fraction."""
        if not self.count or found is None or type(found) in (int, bool, Number):
            return found
        return np.trunc(found) + 0.0  # and no -0.0

    def _words(self, found: Any) -> str:
        if self.domain is RATE and np.all(np.asarray(found) >= 0):
            return f"{self.name} value too large"
        words = self.domain.refused.replace("{}", self.name)
        return words if np.ndim(found) else words.replace("contains NaNs", "is NaN")

    def check_count(self, found: Any) -> None:
        """Refuses a known count that no integer holds.

        Raises:
            ValueError: if it would be one of 64 bits.
            OverflowError: if not even that.
        """
        top = np.max(found, initial=0)
        if top > largest(int):
            raise (OverflowError if top > _C_LONG else ValueError)(
                f"{self.name} is too large for {np.dtype(jax.dtypes.canonicalize_dtype(int))}; "
                "jax.config.update('jax_enable_x64', True) gives int64"
            )


_C_LONG = 2**63 - 1
"""What is larger is too large for NumPy, too."""


def _has_minus_zero(found: Any) -> bool:
    """Says whether -0.0 is among numbers, which NumPy takes for a negative one."""
    return bool(np.any((found == 0) & np.signbit(found))) if np.any(found == 0) else False


def known(value: Any) -> Any:
    """Returns a value that is known, as a number or an array of NumPy; None for a traced one."""
    cls = type(value)
    if cls is float or cls is int or cls is Number or cls is bool:
        return value
    if isinstance(value, Cell):
        value = value.value
    if is_tracer(value):
        return None
    if isinstance(value, (list, tuple)):
        parts = [known(v) for v in value]
        return None if any(p is None for p in parts) else numeric(parts)
    return numeric(value)


def numeric(value: Any) -> np.ndarray:
    """Returns a value as an array of numbers.

    Raises:
        TypeError: if it is None, text, or complex, or holds objects that are no numbers.
        ValueError: if it is text that is not even that of a number, or its rows have different
            lengths.
    """
    if value is None or isinstance(value, (str, bytes)):
        float(value or 0)
        raise TypeError(f"must be real number, not {type(value).__name__}")
    found = np.asarray(value)
    if found.dtype.kind == "c" or (isinstance(value, np.ndarray) and found.dtype.kind in "SUO"):
        raise TypeError(f"must be real numbers, not elements of {found.dtype}")
    return found if found.dtype.kind not in "OUSV" else found.astype(float)


def as_numbers(value: Any) -> Any:
    """Returns a parameter as a compiled draw takes it: an array, or a symbol, of real numbers.

    Raises:
        TypeError, ValueError: as `numeric`.
    """
    if isinstance(value, jax.Array) or hasattr(value, "__jax_array__"):
        if jnp.issubdtype(getattr(value, "dtype", float), jnp.complexfloating):
            raise TypeError("must be real numbers, not complex ones")
        return value
    return value if type(value) is Number else numeric(value)


def largest(dtype: Any) -> int:
    """Returns the largest integer of a dtype, as JAX has it."""
    return _largest(jax.dtypes.canonicalize_dtype(dtype))


@functools.cache
def _largest(dtype: Any) -> int:
    return int(np.iinfo(dtype).max)


def largest_rate() -> float:
    """Returns the mean from which on a Poisson sample might not fit an integer (NumPy's)."""
    return largest(int) - 10.0 * math.sqrt(largest(int))


def constant(value: Any, dtype: Any) -> Any:
    """Returns numbers of Python as an array on the device; the same numbers are kept there.

    Args:
        value: a bool, int or float, or a tuple of them.
        dtype: the dtype of the array.
    """
    found = np.asarray(value, dtype)
    if _has_minus_zero(found):
        return found  # -0.0 is 0.0 to a dictionary
    return _kept(value, dtype)


@functools.lru_cache(maxsize=4096, typed=True)
def _kept(value: Any, dtype: Any) -> Any:
    with jax.ensure_compile_time_eval():
        return jnp.asarray(np.asarray(value, dtype))
