"""The generators that users hold."""

from __future__ import annotations

from typing import Any

from .continuous import EITHER_WAY
from .keys import seed_of
from .legacy import Legacy
from .methods import method_of


class Generator(Legacy):
    """Draws random numbers; its key is a plain attribute, and so a slot.

    It has the methods of `numpy.random.Generator`, what `jax.random` has besides, and for each
    draw `dtype=` and `key=`: with a key of the caller's own the generator's stays as it is.

    Args:
        seed: an integer, a sequence of integers, a `SeedSequence`, a JAX key, another generator
            (whose key is then split), or None for fresh entropy from the operating system.
        impl: the implementation of the key: 'threefry2x32', 'rbg' or 'unsafe_rbg'; None for that of
            the key that is given, and else the one which JAX is set to.
        seed_or_key: brainpy.math's name of `seed`.

    Example:
        >>> from statejit.random import Generator
        >>> Generator(3).normal(size=2).tolist() == Generator(3).normal(size=2).tolist()
        True
    """


class RandomState(Generator):
    """Is NumPy's older generator; both have the same methods, but for the range of `uniform`.

    Args:
        seed: what `Generator` takes.
        impl: as in `Generator`.
        seed_or_key: as in `Generator`.

    Example:
        >>> from statejit.random import RandomState
        >>> RandomState(0).rand(2, 3).shape
        (2, 3)
    """

    uniform = method_of(EITHER_WAY)


def default_rng(seed: Any = None, *, impl: str | None = None, seed_or_key: Any = None) -> Generator:
    """Returns a new generator, or the one that is given.

    Args:
        seed: what `Generator` takes.
        impl: as in `Generator`.
        seed_or_key: as in `Generator`.

    Example:
        >>> from statejit.random import default_rng
        >>> generator = default_rng(0)
        >>> default_rng(generator) is generator
        True
    """
    seed = seed_of(seed, seed_or_key)
    return seed if isinstance(seed, Generator) else Generator(seed, impl=impl)
