"""All distributions upon a key, and what is done with the key itself: seeds, splits, forks."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

from ..array.lifting import unpacked
from .circular import CIRCULAR
from .continuous import CONTINUOUS
from .discrete import DISCRETE
from .gammas import GAMMAS
from .keys import key_of, refuse_raw, seed_of
from .methods import method_of
from .multivariate import VECTORS
from .noncentral import NONCENTRAL
from .orders import Orders
from .vectors import Vectors

DISTRIBUTIONS = {
    of.name: of for of in (*CONTINUOUS, *GAMMAS, *CIRCULAR, *NONCENTRAL, *DISCRETE, *VECTORS)
}
"""All distributions of numbers and of vectors that are drawn by one sampler, by name."""


class Keyed(Orders, Vectors):
    """Draws from all distributions, and seeds, splits and forks its key.

    Args:
        seed: see `Generator`.
        impl: see `Generator`.
        seed_or_key: see `Generator`.
    """

    def __init__(
        self, seed: Any = None, *, impl: str | None = None, seed_or_key: Any = None
    ) -> None:
        seed = seed_of(seed, seed_or_key)
        super().__init__(seed.split_key() if isinstance(seed, Keyed) else seed, impl=impl)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({jax.random.key_impl(self.key)}) at 0x{id(self):X}"

    def seed(self, seed: Any = None, *, impl: str | None = None, seed_or_key: Any = None) -> None:
        """Starts again from a seed.

        Args:
            seed: what `Generator` takes.
            impl: as in `Generator`; None for the implementation that the key has now, unless a key
                is given.
            seed_or_key: brainpy.math's name of `seed`.

        Raises:
            FrozenValueError: if fresh entropy is asked for inside a transformed function.

        Example:
            >>> from statejit.random import default_rng
            >>> g = default_rng(0)
            >>> first = g.random()
            >>> g.seed(0)
            >>> (g.random() == first).item()
            True
        """
        seed = seed_of(seed, seed_or_key)
        if isinstance(seed, Keyed):
            seed = seed.split_key()
        if impl is None and not isinstance(unpacked(seed), jax.Array):
            impl = str(jax.random.key_impl(self.key))
        self.key = key_of(seed, impl)

    @contextmanager
    def seed_context(self, seed: Any = None, *, seed_or_key: Any = None) -> Iterator[Any]:
        """Starts from a seed within a `with` block; after it the key is what it was before.

        Args:
            seed: what `Generator` takes.
            seed_or_key: brainpy.math's name of `seed`.

        Example:
            >>> from statejit.random import default_rng
            >>> g = default_rng(0)
            >>> with g.seed_context(7):
            ...     inside = g.random()
            >>> (inside == default_rng(7).random()).item()
            True
            >>> (g.random() == default_rng(0).random()).item()
            True
        """
        before = self.key
        self.seed(seed, seed_or_key=seed_or_key)
        try:
            yield self
        finally:
            self.key = before

    def split_key(self, n: int | None = None) -> jax.Array:
        """Returns a fresh key (or n of them) for use with `jax.random`, and moves on.

        Args:
            n: how many; None for a single one.

        Returns:
            A typed key, (), or keys, (n,).

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).split_key(3).shape
            (3,)
        """
        refuse_raw()
        keys = self.__dict__["key"].split(1 if n is None else operator.index(n))
        return keys[0] if n is None else keys

    def spawn(self, n_children: int) -> list[Any]:
        """Returns new generators whose streams are independent of this one and of each other.

        Args:
            n_children: how many.

        Raises:
            ValueError: for a negative number.

        Example:
            >>> from statejit.random import default_rng
            >>> one, two = default_rng(0).spawn(2)
            >>> (one.random() == two.random()).item()
            False
        """
        count = operator.index(n_children)
        if count < 0:
            raise ValueError("n_children must not be negative")
        keys = self.split_key(count)
        return [type(self)(keys[i]) for i in range(count)]

    def fork(self) -> Any:
        """Returns a new generator with a stream of its own, and moves on.

        Example:
            >>> from statejit.random import default_rng
            >>> g = default_rng(0)
            >>> (g.fork().random() == g.random()).item()
            False
        """
        return type(self)(self.split_key())

    def fold_in(self, data: Any) -> Any:
        """Returns a new generator that follows from this one's key and a number; this one stays.

        Args:
            data: an integer, which may be traced: a step or the index of a device.

        Example:
            >>> from statejit.random import default_rng
            >>> g = default_rng(0)
            >>> (g.fold_in(1).random() == g.fold_in(1).random()).item()
            True
        """
        return type(self)(jax.random.fold_in(self.key, unpacked(data)))


for _of in DISTRIBUTIONS.values():
    setattr(Keyed, _of.name, method_of(_of))
Keyed.cauchy = Keyed.standard_cauchy  # type: ignore[attr-defined]
Keyed.t = Keyed.standard_t  # type: ignore[attr-defined]
