"""Samplers: what `random.Generator` compiles for each distribution, with NumPy's parameters.

A sampler is `(key, shape, dtype, *params) -> array`; its parameters are arrays that broadcast to
`shape`.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._core.numbers import Number, plain

Sampler = Callable[..., Any]


def distribution(
    sampler: Sampler, doc: str, dtype: Any = float, event: int = 0, **parameters: Any
) -> Callable[..., Any]:
    """Makes the method of `Generator` that draws from one distribution.

    Args:
        sampler: one of `distributions`.
        doc: what the method does.
        dtype: the dtype of the samples by default.
        event: how many trailing axes of the first parameter belong to one draw.
        parameters: the names of the parameters, with their defaults (`...` for none).
    """
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    names = tuple(parameters)
    signature = inspect.Signature(
        [
            inspect.Parameter("self", kind),
            *[
                inspect.Parameter(n, kind, default=inspect.Parameter.empty if d is ... else d)
                for n, d in parameters.items()
            ],
            inspect.Parameter("size", kind, default=None),
            inspect.Parameter("dtype", kind, default=None),
        ]
    )
    defaults = (*(None if d is ... else d for d in parameters.values()), None, None)
    least = sum(d is ... for d in parameters.values())
    standard = dtype

    def draw(self: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs or not least <= len(args) <= len(defaults):
            bound = signature.bind(self, *args, **kwargs)
            bound.apply_defaults()
            args = bound.args[1:]
        elif len(args) < len(defaults):
            args = (*args, *defaults[len(args) :])
        size, dtype = args[-2], args[-1]
        return self._draw(sampler, size, dtype or standard, *args[: len(names)], event=event)

    draw.__doc__ = doc
    draw.__signature__ = signature  # type: ignore[attr-defined]
    return draw


hidden = jax.lax.optimization_barrier
"""Keeps XLA from folding constants into a draw, and from fusing it with what uses it: inside of a
larger program the last bit of a sample could otherwise be another than eagerly."""


@functools.cache
def program(sampler: Sampler, shape: tuple[int, ...] | None, dtype: Any, event: int = 0) -> Any:
    """Returns the compiled draw `(key, *params) -> (next key, sample)`.

    Args:
        sampler: one of this module's.
        shape: the shape of the sample; None for that of the parameters.
        dtype: the dtype of the sample.
        event: how many trailing axes of the first parameter belong to one draw.
    """

    def draw(key: Any, *params: Any) -> Any:
        params = hidden(params)
        following, now = jax.random.split(key)
        inexact = jnp.issubdtype(dtype, jnp.inexact)
        params = tuple(
            [jnp.asarray(p).astype(dtype) if inexact else jnp.asarray(p) for p in params]
        )
        shapes = [p.shape[: p.ndim - event] for p in params]
        full = jnp.broadcast_shapes(*shapes) if shape is None else shape
        if shape is not None and jnp.broadcast_shapes(shape, *shapes) != shape:
            raise ValueError(
                f"Output size {shape} is not compatible with broadcast dimensions of "
                f"inputs {jnp.broadcast_shapes(*shapes)}."
            )
        return following, hidden(sampler(now, full, dtype, *params))

    return jax.jit(draw, inline=True)


def uniform(key: Any, shape: Any, dtype: Any, low: Any, high: Any) -> Any:
    """Samples [low, high)."""
    return low + (high - low) * jax.random.uniform(key, shape, dtype)


def random(key: Any, shape: Any, dtype: Any) -> Any:
    """Samples [0, 1)."""
    return jax.random.uniform(key, shape, dtype)


def standard_normal(key: Any, shape: Any, dtype: Any) -> Any:
    """Samples a normal distribution of mean 0 and deviation 1."""
    return jax.random.normal(key, shape, dtype)


def _located(standard: Sampler) -> Sampler:
    """Makes the sampler of `loc + scale * standard`."""

    def sampler(key: Any, shape: Any, dtype: Any, loc: Any, scale: Any) -> Any:
        return loc + scale * standard(key, shape, dtype)

    return sampler


def _scaled(standard: Sampler) -> Sampler:
    """Makes the sampler of `scale * standard`."""
    return lambda key, shape, dtype, scale: scale * standard(key, shape, dtype)


def _of_parameters(of_jax: Sampler) -> Sampler:
    """Makes a sampler from one of JAX that has its parameters between key and shape."""
    return lambda key, shape, dtype, *params: of_jax(key, *params, shape, dtype)


normal = _located(jax.random.normal)
laplace = _located(jax.random.laplace)
logistic = _located(jax.random.logistic)
gumbel = _located(jax.random.gumbel)
standard_exponential = lambda key, shape, dtype: jax.random.exponential(key, shape, dtype)  # noqa: E731
standard_cauchy = lambda key, shape, dtype: jax.random.cauchy(key, shape, dtype)  # noqa: E731
exponential = _scaled(jax.random.exponential)
rayleigh = _scaled(lambda key, shape, dtype: jax.random.rayleigh(key, 1.0, shape, dtype))
beta = _of_parameters(jax.random.beta)
chisquare = _of_parameters(jax.random.chisquare)
f = _of_parameters(jax.random.f)
standard_gamma = _of_parameters(jax.random.gamma)
standard_t = _of_parameters(jax.random.t)
triangular = _of_parameters(jax.random.triangular)


def gamma(key: Any, shape: Any, dtype: Any, a: Any, scale: Any) -> Any:
    """Samples a gamma distribution."""
    return scale * jax.random.gamma(key, a, shape, dtype)


def lognormal(key: Any, shape: Any, dtype: Any, mean: Any, sigma: Any) -> Any:
    """Samples numbers whose logarithm is normal."""
    return jnp.exp(mean + sigma * jax.random.normal(key, shape, dtype))


def pareto(key: Any, shape: Any, dtype: Any, a: Any) -> Any:
    """Samples a Pareto II (Lomax) distribution."""
    return jax.random.pareto(key, a, shape, dtype) - 1  # NumPy's is Lomax's distribution


def power(key: Any, shape: Any, dtype: Any, a: Any) -> Any:
    """Samples [0, 1] with density a x^(a-1), by inversion."""
    return (-jnp.expm1(-jax.random.exponential(key, shape, dtype))) ** (1 / a)


def weibull(key: Any, shape: Any, dtype: Any, a: Any) -> Any:
    """Samples a Weibull distribution of scale 1, by inversion."""
    return jax.random.exponential(key, shape, dtype) ** (1 / a)


def wald(key: Any, shape: Any, dtype: Any, mean: Any, scale: Any) -> Any:
    """Samples a Wald (inverse Gaussian) distribution."""
    # JAX's has scale 1: X ~ IG(mean, scale) if and only if X / scale ~ IG(mean / scale, 1)
    return scale * jax.random.wald(key, mean / scale, shape, dtype)


def truncated_normal(
    key: Any, shape: Any, dtype: Any, lower: Any, upper: Any, loc: Any, scale: Any
) -> Any:
    """Samples a normal distribution cut off at both ends."""
    low, high = (lower - loc) / scale, (upper - loc) / scale
    return loc + scale * jax.random.truncated_normal(key, low, high, shape, dtype)


def poisson(key: Any, shape: Any, dtype: Any, lam: Any) -> Any:
    """Samples a Poisson distribution."""
    return jax.random.poisson(key, lam, shape, dtype)


def geometric(key: Any, shape: Any, dtype: Any, p: Any) -> Any:
    """Samples the number of trials until the first success."""
    return jax.random.geometric(key, p, shape, dtype)


def counted_binomial(key: Any, shape: Any, dtype: Any, n: Any, p: Any) -> Any:
    """Samples the number of successes in n trials, as integers."""
    floating = jax.dtypes.canonicalize_dtype(float)
    return jax.random.binomial(key, n, p, shape, floating).astype(dtype)


def bernoulli(key: Any, shape: Any, dtype: Any, p: Any) -> Any:
    """Samples booleans."""
    return jax.random.bernoulli(key, p, shape)


def randint(key: Any, shape: Any, dtype: Any, low: Any, high: Any) -> Any:
    """Samples integers of [low, high)."""
    return jax.random.randint(key, shape, low, high, dtype)


def dirichlet(key: Any, shape: Any, dtype: Any, alpha: Any) -> Any:
    """Samples probability vectors."""
    return jax.random.dirichlet(key, alpha, shape, dtype)


def categorical(key: Any, shape: Any, dtype: Any, logits: Any) -> Any:
    """Samples indices, given unnormalised log probabilities."""
    return jax.random.categorical(key, logits, shape=shape).astype(dtype)


def multivariate_normal(key: Any, shape: Any, dtype: Any, mean: Any, cov: Any) -> Any:
    """Samples vectors of a normal distribution."""
    return jax.random.multivariate_normal(key, mean, cov, shape, dtype)


def rademacher(key: Any, shape: Any, dtype: Any) -> Any:
    """Samples -1 and 1."""
    return jax.random.rademacher(key, shape, dtype)


@functools.cache
def unbroadcast(sampler: Sampler, shape: Any) -> Any:
    """Returns the compiled draw of a sampler `(key, shape, *params)`; nothing is broadcast."""

    def draw(key: Any, *params: Any) -> Any:
        following, now = jax.random.split(key)
        return following, hidden(sampler(now, shape, *hidden(params)))

    return jax.jit(draw, inline=True)


@functools.cache
def with_dtype(sampler: Sampler, dtype: Any) -> Sampler:
    """Returns a sampler without its parameter `dtype`."""
    return lambda key, shape, *params: sampler(key, shape, dtype, *params)


@functools.cache
def permutation(axis: int, independent: bool) -> Sampler:
    """Returns the sampler of shuffled copies of an array."""
    return lambda key, shape, x: jax.random.permutation(key, x, axis, independent=independent)


@functools.cache
def choice(n: int | None, replace: bool, weighted: bool, axis: int) -> Sampler:
    """Returns the sampler of `(elements if n is None, weights if weighted)`."""

    def sampler(key: Any, shape: Any, *params: Any) -> Any:
        a: Any = params[0] if n is None else n
        p = params[-1] if weighted else None
        return jax.random.choice(key, a, shape, replace, p, axis)

    return sampler


def elements(value: Any) -> Any:
    """Returns an int for what counts elements, or the array of them."""
    value = plain(value) if type(value) is Number else value
    if isinstance(value, (int, np.integer)):
        return int(value)
    return value


def shape_of(size: Any) -> tuple[int, ...] | None:
    """Returns a size as NumPy takes it as a shape; None stays."""
    if size is None:
        return None
    if isinstance(size, (tuple, list)):
        return tuple([operator.index(plain(n)) for n in size])
    if getattr(size, "ndim", 0):
        return tuple(int(n) for n in np.asarray(size))
    return (operator.index(plain(size)),)
