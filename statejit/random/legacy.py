"""The older names of `numpy.random`, upon a generator."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from ..array.array import Array
from ..array.lifting import unpacked
from .draws import ArrayLike, Size
from .keys import key_of, looks_like_key
from .parameters import largest
from .porting import Ported


class Legacy(Ported):
    """Has the older names of `numpy.random`."""

    def rand(self, *args: int, dtype: Any = None, key: Any = None) -> Array:
        """Draws floats from [0, 1) in a shape given as separate numbers.

        Args:
            args: the lengths of the axes.
            dtype: the dtype of the sample.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The sample, (*args,).

        Example:
            >>> from statejit.random import RandomState
            >>> RandomState(0).rand(3).shape
            (3,)
        """
        return self.random(args, dtype, key=key)  # type: ignore[attr-defined]

    def randn(self, *args: int, dtype: Any = None, key: Any = None) -> Array:
        """Draws from the standard normal distribution in a shape given as separate numbers.

        Args:
            args: the lengths of the axes.
            dtype: the dtype of the sample.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The sample, (*args,).

        Example:
            >>> from statejit.random import RandomState
            >>> RandomState(0).randn(3).shape
            (3,)
        """
        return self.standard_normal(args, dtype, key=key)  # type: ignore[attr-defined]

    def randint(
        self,
        low: ArrayLike,
        high: ArrayLike | None = None,
        size: Size = None,
        dtype: Any = int,
        key: Any = None,
    ) -> Array:
        """Draws integers from [low, high), or from [0, low) if there is no `high`.

        Args:
            low: the least integer, (*shape,).
            high: the integer above the greatest one, (*shape,).
            size: the shape of the sample; None for that of the parameters.
            dtype: the dtype of the sample, of integers or bool.
            key: a JAX key to draw with in place of the generator's, which then stays. By position
                it may also stand before the dtype, where brainpy.math has it.

        Returns:
            The sample, (*size,). Where traced bounds are empty or do not fit the dtype, it is -1.

        Raises:
            ValueError: if the bounds, where they are known, are empty or do not fit the dtype.

        Example:
            >>> from statejit.random import RandomState
            >>> 0 <= int(RandomState(0).randint(6)) < 6
            True
        """
        if key is None and looks_like_key(dtype):
            dtype, key = int, dtype
        elif looks_like_key(dtype):
            dtype, key = key, dtype
        return self.integers(low, high, size, dtype, key=key)

    def random_integers(
        self,
        low: ArrayLike,
        high: ArrayLike | None = None,
        size: Size = None,
        key: Any = None,
        dtype: Any = int,
    ) -> Array:
        """Draws integers from [low, high], or from [1, low] if there is no `high`.

        Args:
            low: the least integer, (*shape,).
            high: the greatest one, (*shape,).
            size: the shape of the sample; None for that of the parameters.
            key: a JAX key to draw with in place of the generator's, which then stays.
            dtype: the dtype of the sample.

        Returns:
            The sample, (*size,).

        Raises:
            ValueError: if the bounds, where they are known, are empty or do not fit the dtype.

        Example:
            >>> from statejit.random import RandomState
            >>> 1 <= int(RandomState(0).random_integers(6)) <= 6
            True
        """
        low, high = (1, low) if high is None else (low, high)
        if high is None:
            raise TypeError("low must be an integer, not None")
        return self.integers(low, high, size, dtype, endpoint=True, key=key)

    def tomaxint(self, size: Size = None, *, key: Any = None) -> Array:
        """Draws integers from 0 to the largest one that JAX has by default.

        Args:
            size: the shape of the sample.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The sample, (*size,).

        Example:
            >>> from statejit.random import RandomState
            >>> int(RandomState(0).tomaxint()) >= 0
            True
        """
        return self.integers(0, largest(int), size, endpoint=True, key=key)

    def random_sample(self, size: Size = None, key: Any = None, dtype: Any = None) -> Array:
        """Draws floats from [0, 1).

        Args:
            size: the shape of the sample.
            key: a JAX key to draw with in place of the generator's, which then stays.
            dtype: the dtype of the sample.

        Returns:
            The sample, (*size,).

        Example:
            >>> from statejit.random import RandomState
            >>> RandomState(0).random_sample(3).shape
            (3,)
        """
        return self.random(size, dtype, key=key)  # type: ignore[attr-defined]

    ranf = sample = random_sample

    def get_state(self, legacy: bool = True) -> jax.Array:
        """Returns the key, for `set_state`.

        Args:
            legacy: NumPy's; there is only one form here.

        Example:
            >>> from statejit.random import RandomState
            >>> rng = RandomState(0)
            >>> state = rng.get_state()
            >>> first = rng.random()
            >>> rng.set_state(state)
            >>> (rng.random() == first).item()
            True
        """
        return self.key

    def set_state(self, state: Any) -> None:
        """Sets the key.

        Args:
            state: what `get_state` has returned: a JAX key, typed or raw.

        Raises:
            TypeError: for what is no key.
            ValueError: for a dictionary, which is the state of a generator of NumPy's.

        Example: see `get_state`.
        """
        if isinstance(state, dict):
            raise ValueError("state dictionary is not valid: the state is a JAX key here")
        state = unpacked(state)
        if not isinstance(state, (jax.Array, np.ndarray)) or not np.size(state):
            raise TypeError("state is what get_state() returns, a JAX key")
        self.key = key_of(state)
