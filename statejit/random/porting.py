"""The names that brainpy.math's `RandomState` has besides NumPy's."""

from __future__ import annotations

import operator
from typing import Any

import jax

from ..array.array import Array
from .keyed import Keyed
from .keys import key_of


class Ported(Keyed):
    """Is a generator with brainpy.math's names for its key, and for samples shaped as an array."""

    backup: Any = None
    """The key that `restore_key` puts back."""

    # Samples with the shape of an array ----------------------------------------------------------

    def rand_like(self, input: Any, *, dtype: Any = None, key: Any = None) -> Array:
        """Draws floats from [0, 1) in the shape of an array.

        Args:
            input: the array, (*shape,).
            dtype: the dtype of the sample; by default that of the array.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The sample, (*shape,).

        Example:
            >>> import statejit.numpy as snp, statejit.random as srandom
            >>> srandom.rand_like(snp.zeros(3)).shape
            (3,)
        """
        return self.random(input.shape, dtype or input.dtype, key=key)  # type: ignore[attr-defined]

    def randn_like(self, input: Any, *, dtype: Any = None, key: Any = None) -> Array:
        """Draws from the standard normal distribution in the shape of an array.

        Args:
            input: the array, (*shape,).
            dtype: the dtype of the sample; by default that of the array.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The sample, (*shape,).

        Example:
            >>> import statejit.numpy as snp, statejit.random as srandom
            >>> srandom.randn_like(snp.zeros(3)).shape
            (3,)
        """
        kind = dtype or input.dtype
        return self.standard_normal(input.shape, kind, key=key)  # type: ignore[attr-defined]

    def randint_like(
        self, input: Any, low: Any = 0, high: Any = None, *, dtype: Any = None, key: Any = None
    ) -> Array:
        """Draws integers from [low, high) in the shape of an array.

        Args:
            input: the array, (*shape,).
            low: the least integer.
            high: the integer above the greatest one; None for the greatest element of the array.
            dtype: the dtype of the sample; by default that of the array.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The sample, (*shape,).

        Example:
            >>> import statejit.numpy as snp, statejit.random as srandom
            >>> srandom.randint_like(snp.arange(3), 0, 9).shape
            (3,)
        """
        high = input.max() if high is None else high
        return self.integers(low, high, input.shape, dtype or input.dtype, key=key)

    # Keys ----------------------------------------------------------------------------------------

    def get_key(self) -> jax.Array:
        """Returns the key.

        Example:
            >>> import statejit.random as srandom
            >>> srandom.get_key().shape
            ()
        """
        return self.key

    def get_key_data(self) -> jax.Array:
        """Returns the words of the key.

        Example:
            >>> from statejit.random import RandomState
            >>> RandomState(1).get_key_data().tolist()
            [0, 1]
        """
        return jax.random.key_data(self.key)

    def set_key(self, seed_or_key: Any) -> None:
        """Sets the key.

        Args:
            seed_or_key: a key, or what else `seed` takes.

        Example:
            >>> from statejit.random import RandomState
            >>> rng = RandomState(0)
            >>> rng.set_key(1)
            >>> rng.get_key_data().tolist()
            [0, 1]
        """
        self.key = key_of(seed_or_key)

    def split_key(self, n: int | None = None, backup: bool = False) -> jax.Array:
        """Returns a fresh key (or n of them) for use with `jax.random`, and moves on.

        Args:
            n: how many; None for a single one.
            backup: whether `restore_key` is to put back the key that was there before.

        Returns:
            A typed key, (), or keys, (n,).

        Example:
            >>> from statejit.random import RandomState
            >>> RandomState(0).split_key(3).shape
            (3,)
        """
        if backup:
            self.backup = self.key
        return super().split_key(n)

    def split_keys(self, n: int, backup: bool = False) -> jax.Array:
        """Returns n fresh keys, and moves on.

        Args:
            n: how many.
            backup: whether `restore_key` is to put back the key that was there before.

        Returns:
            Typed keys, (n,).

        Example:
            >>> from statejit.random import RandomState
            >>> RandomState(0).split_keys(3).shape
            (3,)
        """
        return self.split_key(operator.index(n), backup)

    def self_assign_multi_keys(self, n: int, backup: bool = True) -> None:
        """Puts n keys in the place of the key, for a transformation that maps over them.

        Under `statejit.vmap` this is not needed: each lane draws its own stream.

        Args:
            n: how many.
            backup: whether `restore_key` is to put back the key that was there before.

        Example:
            >>> from statejit.random import RandomState
            >>> rng = RandomState(0)
            >>> rng.self_assign_multi_keys(3)
            >>> rng.key.shape
            (3,)
            >>> rng.restore_key()
            >>> rng.key.shape
            ()
        """
        self.key = self.split_keys(n, backup)

    def restore_key(self) -> None:
        """Puts back the key of which a backup was made.

        Raises:
            ValueError: if none was made.

        Example: see `self_assign_multi_keys`.
        """
        if self.backup is None:
            raise ValueError("there is no backup of the key: split it with backup=True")
        self.key = self.backup
        self.backup = None

    def clone(self) -> Any:
        """Returns a new generator with a stream of its own, and moves on; see `fork`.

        Example:
            >>> from statejit.random import RandomState
            >>> type(RandomState(0).clone()).__name__
            'RandomState'
        """
        return self.fork()
