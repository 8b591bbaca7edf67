"""Random numbers with NumPy's interface: generators whose key is state like any other.

The functions of this module draw from a default generator. Each draw is one compiled call, which
takes the generator's key and gives the next one; inside a transformed function the key is found by
watching, so that draws are the same as eagerly, bit for bit.

Example:
    >>> import statejit.random as srandom
    >>> srandom.seed(0)
    >>> srandom.normal(0.0, 2.0, 5).shape
    (5,)
"""

from __future__ import annotations

import inspect
import operator
import secrets
import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import distributions
from ._core.base import Base
from ._core.frames import CURRENT
from ._core.numbers import plain
from ._core.slots import trace_state
from .array.array import Array, made
from .array.lifting import unpacked
from .distributions import distribution
from .errors import FrozenValueError, RawTransformError
from .typing import ArrayLike as Plain

ArrayLike = Plain | Array
"""What a parameter may be."""

Size = int | tuple[int, ...] | list[int] | None

_NO_TRACE = trace_state()

_seeding = threading.Lock()


class Generator(Base):
    """Draws random numbers; its key is a plain attribute, and so a slot.

    Args:
        seed: an integer, a JAX key, another generator (whose key is then split), or None for
            fresh entropy from the operating system.

    Example:
        >>> from statejit.random import Generator
        >>> Generator(3).normal(size=2).tolist() == Generator(3).normal(size=2).tolist()
        True
    """

    key: jax.Array

    def __init__(self, seed: Any = None) -> None:
        self.key = key_of(seed)

    def _draw(
        self, sampler: distributions.Sampler, size: Size, dtype: Any, *params: Any, event: int = 0
    ) -> Array:
        """Draws once and moves the key on: one compiled call."""
        _refuse_raw()
        run = distributions.program(
            sampler, distributions.shape_of(size), jax.dtypes.canonicalize_dtype(dtype), event
        )
        self.key, sample = run(self.key, *[unpacked(p, True) for p in params])
        return made(sample)

    # Uniform numbers and integers --------------------------------------------------------------

    random = distribution(distributions.random, "Draws floats from [0, 1).")
    uniform = distribution(
        distributions.uniform, "Draws floats from [low, high).", low=0.0, high=1.0
    )

    def randint(
        self, low: ArrayLike, high: ArrayLike | None = None, size: Size = None, dtype: Any = int
    ) -> Array:
        """Draws integers from [low, high), or from [0, low) if there is no `high`."""
        low, high = (0, low) if high is None else (low, high)
        if _are_plain(low, high) and low >= high:  # type: ignore[operator]
            raise ValueError("low >= high")
        return self._draw(distributions.randint, size, dtype, low, high)

    def integers(
        self,
        low: ArrayLike,
        high: ArrayLike | None = None,
        size: Size = None,
        dtype: Any = int,
        endpoint: bool = False,
    ) -> Array:
        """Draws integers from [low, high), or from [low, high] with `endpoint`."""
        low, high = (0, low) if high is None else (low, high)
        return self.randint(low, unpacked(high, True) + 1 if endpoint else high, size, dtype)

    bernoulli = distribution(
        distributions.bernoulli, "Draws True with probability p.", dtype=float, p=0.5
    )
    rademacher = distribution(distributions.rademacher, "Draws -1 or 1.", dtype=int)

    def choice(
        self,
        a: ArrayLike,
        size: Size = None,
        replace: bool = True,
        p: ArrayLike | None = None,
        axis: int = 0,
    ) -> Array:
        """Draws elements of an array (or of range(a)), with probabilities p.

        Args:
            a: the elements, (n, ...), or their number.
            size: the shape of the sample.
            replace: whether an element may be drawn again.
            p: a probability for each element, (n,).
            axis: the axis along which elements lie.

        Example:
            >>> Generator(0).choice([10, 20, 30], 4, p=[0.0, 1.0, 0.0]).tolist()
            [20, 20, 20, 20]
        """
        array, weights = distributions.elements(a), unpacked(p, True)
        count = array if type(array) is int else None
        params = [
            q
            for q in (None if count is not None else unpacked(array, True), weights)
            if q is not None
        ]
        sampler = distributions.choice(count, bool(replace), p is not None, axis)
        return self._plain_draw(sampler, distributions.shape_of(size) or (), *params)

    def permutation(self, x: ArrayLike, axis: int = 0, independent: bool = False) -> Array:
        """Returns a shuffled copy of an array, or of range(x).

        Args:
            x: the array, (n, ...), or a number.
            axis: the axis that is shuffled.
            independent: whether each vector along the axis is shuffled on its own.

        Example:
            >>> sorted(Generator(0).permutation(4).tolist())
            [0, 1, 2, 3]
        """
        array = distributions.elements(x)
        if type(array) is int:
            array = np.arange(array, dtype=jax.dtypes.canonicalize_dtype(int))
        sampler = distributions.permutation(axis, independent)
        return self._plain_draw(sampler, (), unpacked(array, True))

    def shuffle(self, x: Any, axis: int = 0) -> None:
        """Shuffles an array in place.

        Args:
            x: a mutable array or a NumPy array, (n, ...).
            axis: the axis that is shuffled.

        Raises:
            TypeError: if `x` can't be changed.

        Example:
            >>> import statejit.numpy as snp
            >>> x = snp.arange(4)
            >>> Generator(0).shuffle(x)
            >>> sorted(x.tolist())
            [0, 1, 2, 3]
        """
        if not isinstance(x, (Array, np.ndarray)):
            raise TypeError(
                f"shuffle() changes its argument, which is a {type(x).__name__}: it "
                "takes a statejit or a NumPy array; use permutation()"
            )
        x[...] = self.permutation(x, axis)

    def _plain_draw(self, sampler: distributions.Sampler, shape: Any, *params: Any) -> Array:
        """Draws with a sampler whose parameters keep their dtypes and do not broadcast."""
        _refuse_raw()
        self.key, sample = distributions.unbroadcast(sampler, shape)(self.key, *params)
        return made(sample)

    # Continuous distributions ------------------------------------------------------------------

    standard_normal = distribution(
        distributions.standard_normal, "Draws from the normal distribution of mean 0, deviation 1."
    )
    normal = distribution(
        distributions.normal, "Draws from a normal distribution.", loc=0.0, scale=1.0
    )
    lognormal = distribution(
        distributions.lognormal, "Draws numbers whose logarithm is normal.", mean=0.0, sigma=1.0
    )

    def truncated_normal(
        self,
        lower: ArrayLike,
        upper: ArrayLike,
        size: Size = None,
        loc: ArrayLike = 0.0,
        scale: ArrayLike = 1.0,
        dtype: Any = float,
    ) -> Array:
        """Draws from a normal distribution cut off at `lower` and `upper`."""
        sampler = distributions.truncated_normal
        return self._draw(sampler, size, dtype, lower, upper, loc, scale)

    laplace = distribution(
        distributions.laplace, "Draws from a Laplace distribution.", loc=0.0, scale=1.0
    )
    logistic = distribution(
        distributions.logistic, "Draws from a logistic distribution.", loc=0.0, scale=1.0
    )
    gumbel = distribution(
        distributions.gumbel, "Draws from a Gumbel distribution.", loc=0.0, scale=1.0
    )
    standard_cauchy = distribution(
        distributions.standard_cauchy, "Draws from the standard Cauchy distribution."
    )
    standard_exponential = distribution(
        distributions.standard_exponential, "Draws from the exponential distribution of mean 1."
    )
    exponential = distribution(
        distributions.exponential, "Draws from an exponential distribution.", scale=1.0
    )
    rayleigh = distribution(
        distributions.rayleigh, "Draws from a Rayleigh distribution.", scale=1.0
    )
    standard_gamma = distribution(
        distributions.standard_gamma, "Draws from a gamma distribution of scale 1.", shape=...
    )
    gamma = distribution(
        distributions.gamma, "Draws from a gamma distribution.", shape=..., scale=1.0
    )
    beta = distribution(distributions.beta, "Draws from a beta distribution.", a=..., b=...)
    chisquare = distribution(
        distributions.chisquare, "Draws from a chi-square distribution.", df=...
    )
    f = distribution(distributions.f, "Draws from an F distribution.", dfnum=..., dfden=...)
    standard_t = distribution(
        distributions.standard_t, "Draws from Student's t distribution.", df=...
    )
    pareto = distribution(
        distributions.pareto, "Draws from a Pareto II (Lomax) distribution.", a=...
    )
    power = distribution(distributions.power, "Draws from [0, 1] with density a x^(a-1).", a=...)
    weibull = distribution(distributions.weibull, "Draws from a Weibull distribution.", a=...)
    wald = distribution(
        distributions.wald,
        "Draws from a Wald (inverse Gaussian) distribution.",
        mean=...,
        scale=...,
    )
    triangular = distribution(
        distributions.triangular,
        "Draws from a triangular distribution.",
        left=...,
        mode=...,
        right=...,
    )

    # Discrete and multivariate distributions ---------------------------------------------------

    poisson = distribution(
        distributions.poisson, "Draws counts from a Poisson distribution.", dtype=int, lam=1.0
    )
    geometric = distribution(
        distributions.geometric, "Draws the number of trials until a success.", dtype=int, p=...
    )
    binomial = distribution(
        distributions.counted_binomial,
        "Draws the number of successes in n trials.",
        dtype=int,
        n=...,
        p=...,
    )
    categorical = distribution(
        distributions.categorical,
        "Draws indices with probabilities softmax(logits).",
        dtype=int,
        event=1,
        logits=...,
    )
    dirichlet = distribution(
        distributions.dirichlet,
        "Draws probability vectors from a Dirichlet distribution.",
        event=1,
        alpha=...,
    )

    def multivariate_normal(
        self, mean: ArrayLike, cov: ArrayLike, size: Size = None, dtype: Any = float
    ) -> Array:
        """Draws vectors from a normal distribution.

        Args:
            mean: the means, (n,).
            cov: the covariances, (n, n).
            size: the shape of the sample, before the last axis.
            dtype: the dtype of the sample.
        """
        dtype = jax.dtypes.canonicalize_dtype(dtype)
        params = [jnp.asarray(unpacked(p, True)).astype(dtype) for p in (mean, cov)]
        sampler = distributions.with_dtype(distributions.multivariate_normal, dtype)
        return self._plain_draw(sampler, distributions.shape_of(size), *params)

    # Legacy names ------------------------------------------------------------------------------

    def rand(self, *shape: int) -> Array:
        """Draws floats from [0, 1) in a shape given as separate numbers."""
        return self.random(shape)

    def randn(self, *shape: int) -> Array:
        """Draws from the standard normal distribution in a shape given as separate numbers."""
        return self.standard_normal(shape)

    random_sample = ranf = sample = random

    # Keys --------------------------------------------------------------------------------------

    def seed(self, seed: Any = None) -> None:
        """Starts again from a seed.

        Args:
            seed: an integer, a JAX key, or None for fresh entropy from the operating system.

        Raises:
            FrozenValueError: if fresh entropy is asked for inside a transformed function.
        """
        self.key = key_of(seed)

    def split_key(self, n: int | None = None) -> jax.Array:
        """Returns a fresh key (or n of them) for use with `jax.random`, and moves on."""
        _refuse_raw()
        keys = _split(self.key, 2 if n is None else operator.index(n) + 1)
        self.key = keys[0]
        return keys[1] if n is None else keys[1:]

    def spawn(self, n_children: int) -> list[Generator]:
        """Returns new generators whose streams are independent of this one and of each other."""
        return [Generator(self.split_key()) for _ in range(n_children)]


_split = jax.jit(jax.random.split, static_argnums=1)


def _are_plain(*values: Any) -> bool:
    return all(type(v) in (int, float) for v in values)


def key_of(seed: Any) -> jax.Array:
    """Returns the JAX key that a generator starts from.

    Args:
        seed: an integer, a JAX key, a generator, or None for fresh entropy.

    Raises:
        FrozenValueError: if fresh entropy is asked for inside a transformed function.
    """
    if seed is None:
        if CURRENT.get() is not None:
            raise FrozenValueError(
                "fresh entropy was asked for inside a transformed function: it would be the same "
                "at every call.",
                do="give a seed, or make the generator outside.",
            )
        return jax.random.key(secrets.randbits(32))
    if isinstance(seed, Generator):
        return seed.split_key()
    seed = unpacked(plain(seed))
    if isinstance(seed, jax.Array) and jnp.issubdtype(seed.dtype, jax.dtypes.prng_key):
        return seed
    if getattr(seed, "shape", ()) == (2,):
        return jax.random.wrap_key_data(jnp.asarray(seed, jnp.uint32))
    return jax.random.key(operator.index(seed) if type(seed) is int else seed)


def _refuse_raw() -> None:
    """Refuses a draw that no frame sees: under `jax.vmap` all lanes would get the same number."""
    if CURRENT.get() is None and trace_state() != _NO_TRACE:
        raise RawTransformError(
            "a random number was drawn under a JAX transformation that is not lifted: each lane or "
            "iteration would get the same one.",
            do="use the function of the same name from statejit, which carries the key, or "
            "jax.random with a key of your own.",
        )


def default_rng(seed: Any = None) -> Generator:
    """Returns a new generator, or the one that is given.

    Args:
        seed: an integer, a JAX key, None for fresh entropy, or a `Generator`.

    Example:
        >>> generator = default_rng(0)
        >>> default_rng(generator) is generator
        True
    """
    return seed if isinstance(seed, Generator) else Generator(seed)


DEFAULT: Generator
"""The generator of this module's functions. It is made when it is first asked for, so that
importing statejit does not start JAX's devices."""


def _default() -> Generator:
    """Returns the default generator, which even a trace that needs it first finds ready."""
    found = globals().get("DEFAULT")
    if found is None:
        with _seeding, jax.ensure_compile_time_eval():
            found = globals().get("DEFAULT")
            if found is None:
                found = object.__new__(Generator)
                object.__setattr__(found, "key", jax.random.key(secrets.randbits(32)))
                globals()["DEFAULT"] = found
    return found


def _of_default(name: str) -> Callable[..., Any]:
    """Makes the function of this module that is a method of the default generator."""
    method = vars(Generator)[name]
    _, *rest = inspect.signature(method).parameters.values()

    def draw(*args: Any, **kwargs: Any) -> Any:
        return method(_default(), *args, **kwargs)

    draw.__name__ = draw.__qualname__ = name
    draw.__doc__ = method.__doc__
    draw.__signature__ = inspect.Signature(rest)  # type: ignore[attr-defined]
    return draw


def get_state() -> jax.Array:
    """Returns the key of the default generator."""
    return _default().key


def set_state(state: jax.Array) -> None:
    """Sets the key of the default generator.

    Args:
        state: what `get_state` has returned.
    """
    _default().key = state


_METHODS = sorted(
    name
    for name, value in vars(Generator).items()
    if callable(value) and not name.startswith("_") and name != "spawn"
)

globals().update({name: _of_default(name) for name in _METHODS})
__all__ = sorted([*_METHODS, "DEFAULT", "Generator", "default_rng", "get_state", "set_state"])


def __getattr__(name: str) -> Any:
    if name == "DEFAULT":
        return _default()
    raise AttributeError(f"module 'statejit.random' has no attribute {name!r}")
