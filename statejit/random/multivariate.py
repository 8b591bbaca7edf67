"""Distributions of vectors and matrices."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .continuous import generalized_normal
from .discrete import binomial, hypergeometric
from .distribution import Distribution
from .gammas import dirichlet
from .parameters import NON_NEGATIVE, Parameter, known
from .programs import Sampler, broadcast_shape

METHODS = ("svd", "eigh", "cholesky")


def _categorical(key: Any, shape: Any, dtype: Any, logits: Any) -> Any:
    full = (*shape, logits.shape[-1])
    noise = jax.random.gumbel(key, full, logits.dtype)
    return jnp.argmax(noise + logits, axis=-1).astype(dtype)


VECTORS = (
    Distribution(
        "dirichlet",
        "a Dirichlet distribution",
        dirichlet,
        (Parameter("alpha", "the concentrations", NON_NEGATIVE),),
        "It is that of gamma variables of the shapes alpha, over their sum.",
        "J. H. Ahrens and U. Dieter, Computing 12 (1974); gamma variables as in `gamma`.",
        event=1,
        example="[1.0, 2.0], size=3",
    ),
)


def categorical(size: Any, dtype: Any) -> Sampler:
    """Returns the sampler of indices, given unnormalised log probabilities on the last axis."""

    def sampler(key: Any, logits: Any) -> Any:
        shape = broadcast_shape(size, [logits.shape[:-1]])
        return _categorical(key, shape, dtype, logits)

    return sampler


# Counts ------------------------------------------------------------------------------------------


def multinomial(size: Any, dtype: Any) -> Sampler:
    """Returns the sampler of counts of n trials among categories: one binomial after another.

    References:
        L. Devroye, Non-Uniform Random Variate Generation (1986), p. 558.
    """

    def sampler(key: Any, n: Any, pvals: Any) -> Any:
        counts = jax.dtypes.canonicalize_dtype(int)
        p = jnp.asarray(pvals).astype(jax.dtypes.canonicalize_dtype(float))
        n = jnp.asarray(n).astype(counts)
        shape = broadcast_shape(size, [n.shape, p.shape[:-1]])
        # The last probability is what the others leave, as in NumPy.
        last = jnp.maximum(1 - p[..., :-1].sum(-1, keepdims=True), 0)
        p = jnp.concatenate([p[..., :-1], last], -1)
        rest = jnp.flip(jnp.cumsum(jnp.flip(p, -1), -1), -1)
        share = jnp.where(rest > 0, jnp.clip(p / jnp.where(rest > 0, rest, 1), 0, 1), 0)

        def step(left: Any, given: Any) -> Any:
            key, share = given
            drawn = binomial(key, shape, counts, left, share)
            return left - drawn, drawn

        keys = jax.random.split(key, p.shape[-1] - 1)
        shares = jnp.moveaxis(share[..., :-1], -1, 0)
        left, drawn = jax.lax.scan(step, jnp.broadcast_to(n, shape), (keys, shares))
        found = jnp.concatenate([jnp.moveaxis(drawn, 0, -1), left[..., None]], -1)
        wrong = (n < 0) | (pvals < 0).any(-1) | ~(p[..., :-1].sum(-1) <= 1 + 1e-5)
        return jnp.where(jnp.broadcast_to(wrong, shape)[..., None], -1, found).astype(dtype)

    return sampler


_TRIALS = Parameter("n", "the number of trials", NON_NEGATIVE, count=True)


def check_multinomial(n: Any, pvals: Any) -> None:
    """Refuses counts and probabilities that are known to be wrong, with NumPy's words."""
    n, pvals = known(n), known(pvals)
    if isinstance(n, (float, np.ndarray)) and not np.ndim(n):
        n = int(n)  # refuses infinity and NaN
    if n is not None:
        _TRIALS.check_count(n)
    if n is not None and np.any(np.less(n, 0)):
        raise ValueError("n < 0")
    if pvals is None:
        return
    pvals = np.asarray(pvals)
    if pvals.ndim == 0 or pvals.shape[-1] == 0:
        raise ValueError(
            "pvals must have at least 1 dimension and the last dimension of pvals must be "
            "greater than 0."
        )
    if not np.all((pvals >= 0) & (pvals <= 1)):
        raise ValueError("pvals < 0, pvals > 1 or pvals contains NaNs")
    tolerance = 1e-12 if pvals.dtype == float else 1e-5
    if np.any(pvals[..., :-1].astype(float).sum(-1) > 1 + tolerance):
        raise ValueError("sum(pvals[:-1]) > 1.0")


def multivariate_hypergeometric(size: Any, dtype: Any) -> Sampler:
    """Returns the sampler of counts taken without replacement: one hypergeometric after another."""

    def sampler(key: Any, colors: Any, nsample: Any) -> Any:
        counts = jax.dtypes.canonicalize_dtype(int)
        colors, nsample = (jnp.asarray(x).astype(counts) for x in (colors, nsample))
        shape = broadcast_shape(size, [nsample.shape])
        rest = jnp.flip(jnp.cumsum(jnp.flip(colors))) - colors

        def step(left: Any, given: Any) -> Any:
            key, good, bad = given
            drawn = hypergeometric(key, shape, counts, good, bad, left)
            return left - drawn, drawn

        keys = jax.random.split(key, len(colors))
        start = jnp.broadcast_to(nsample, shape)
        _, drawn = jax.lax.scan(step, start, (keys, colors, rest))
        wrong = (colors < 0).any() | (nsample < 0) | (nsample > colors.sum())
        found = jnp.where(wrong, -1, jnp.moveaxis(drawn, 0, -1))
        return found.astype(dtype)

    return sampler


def check_multivariate_hypergeometric(colors: Any, nsample: Any, method: str) -> None:
    """Refuses what is known to be wrong, with NumPy's words."""
    if method not in ("count", "marginals"):
        raise ValueError("method must be 'count' or 'marginals'.")
    if np.ndim(nsample):
        raise ValueError("nsample must be an integer, not a sequence")
    colors, nsample = known(colors), known(nsample)
    if nsample is not None and np.any(np.asarray(nsample) % 1 != 0):
        raise ValueError("nsample must be an integer")
    if nsample is not None and nsample < 0:
        raise ValueError("nsample must be nonnegative")
    if colors is None:
        return
    colors = np.asarray(colors)
    if colors.ndim != 1 or (colors.size and colors.dtype.kind not in "iu"):
        raise ValueError("colors must be a one-dimensional sequence of nonnegative integers")
    if np.any(colors < 0):
        raise ValueError("colors must be a one-dimensional sequence of nonnegative integers")
    if colors.sum() >= 10**9:
        raise ValueError("sum(colors) must be less than 1000000000")
    if nsample is not None and nsample > colors.sum():
        raise ValueError("nsample > sum(colors)")


# Normal vectors ----------------------------------------------------------------------------------


def multivariate_normal(size: Any, dtype: Any, method: str) -> Sampler:
    """Returns the sampler of normal vectors."""

    def sampler(key: Any, mean: Any, cov: Any) -> Any:
        mean, cov = jnp.asarray(mean).astype(dtype), jnp.asarray(cov).astype(dtype)
        shape = broadcast_shape(size, [mean.shape[:-1], cov.shape[:-2]])
        noise = jax.random.normal(key, (*shape, mean.shape[-1]), dtype)
        return mean + jnp.einsum("...ij,...j->...i", root_of(cov, method), noise)

    return sampler


def root_of(cov: Any, method: str) -> Any:
    """Returns a matrix A with A Aᵀ = cov."""
    if method == "cholesky":
        return jnp.linalg.cholesky(cov)
    if method == "svd":
        u, s, _ = jnp.linalg.svd(cov)
        return u * jnp.sqrt(s)[..., None, :]
    w, v = jnp.linalg.eigh(cov)
    return v * jnp.sqrt(jnp.maximum(w, 0))[..., None, :]


def check_normal(mean: Any, cov: Any, check_valid: str, tol: float, method: str) -> None:
    """Refuses or warns of what is known to be wrong, as NumPy does."""
    if method not in METHODS:
        raise ValueError("method must be one of {'eigh', 'svd', 'cholesky'}")
    if check_valid not in ("warn", "raise", "ignore"):
        raise ValueError("check_valid must equal 'warn', 'raise', or 'ignore'")
    if np.iscomplexobj(mean) or np.iscomplexobj(cov):
        raise TypeError("mean and cov must not be complex")
    if np.ndim(mean) != 1:
        raise ValueError("mean must be 1 dimensional")
    if np.ndim(cov) != 2 or np.shape(cov)[0] != np.shape(cov)[1]:
        raise ValueError("cov must be 2 dimensional and square")
    if np.shape(mean)[0] != np.shape(cov)[0]:
        raise ValueError("mean and cov must have same length")
    found = None if check_valid == "ignore" else known(cov)
    if found is None:
        return
    found = np.asarray(found, float)
    _, s, v = np.linalg.svd(found)
    if not np.allclose(np.dot(v.T * s, v), found, rtol=tol, atol=tol):
        words = "covariance is not symmetric positive-semidefinite."
        if check_valid == "raise":
            raise ValueError(words)
        warnings.warn(words, RuntimeWarning, stacklevel=5)
    if method == "cholesky":
        np.linalg.cholesky(found)  # raises as NumPy does


# Geometry ----------------------------------------------------------------------------------------


def orthogonal(size: Any, dtype: Any, n: int, m: int | None) -> Sampler:
    """Returns the sampler of orthogonal matrices, uniformly distributed."""
    return lambda key: jax.random.orthogonal(key, n, size or (), dtype, m)


def ball(size: Any, dtype: Any, d: int, p: float) -> Sampler:
    """Returns the sampler of points in the unit ball of the norm p.

    References:
        F. Barthe, O. Guedon, S. Mendelson and A. Naor, "A probabilistic approach to the geometry of
        the l_p^n-ball", Annals of Probability 33 (2005).
    """

    def sampler(key: Any) -> Any:
        first, second = jax.random.split(key)
        shape = tuple(size or ())
        x = generalized_normal(first, (*shape, d), dtype, jnp.asarray(p, dtype))
        rest = jax.random.exponential(second, shape, dtype)
        norm = ((jnp.abs(x) ** p).sum(-1) + rest) ** (1 / p)
        return x / norm[..., None]

    return sampler
