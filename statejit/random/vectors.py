"""The methods of generators for vectors and matrices, and for counts in categories."""

from __future__ import annotations

import operator
from typing import Any

import jax.numpy as jnp

from .._core.numbers import plain
from ..array.array import Array
from ..array.lifting import unpacked
from . import multivariate
from .draws import ArrayLike, Draws, Size
from .keys import looks_like_key
from .programs import counting, floating, shape_of
from .quick import quick


class Vectors(Draws):
    """Draws vectors and matrices."""

    def categorical(
        self,
        logits: ArrayLike,
        axis: int = -1,
        size: Size = None,
        key: Any = None,
        dtype: Any = int,
    ) -> Array:
        """Draws indices with the probabilities softmax(logits).

        Args:
            logits: logarithms of weights, (*shape, n) with n in the place of the axis.
            axis: the axis of the categories.
            size: the shape of the sample; None for that of the logits without the axis.
            key: a JAX key to draw with in place of the generator's, which then stays.
            dtype: the dtype of the sample.

        Returns:
            The indices, (*size,).

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).categorical([0.0, 99.0], size=3).tolist()
            [1, 1, 1]

        References:
            E. J. Gumbel: the index of the greatest logit with Gumbel noise.
        """
        found = jnp.moveaxis(jnp.asarray(unpacked(logits, True)), plain(axis), -1)
        found = found.astype(jnp.promote_types(found.dtype, jnp.float32))
        options = (shape_of(size), counting(dtype, "categorical"))
        return self._plain(multivariate.categorical, options, key, found)

    def multinomial(
        self,
        n: ArrayLike,
        pvals: ArrayLike,
        size: Size = None,
        key: Any = None,
        dtype: Any = int,
        check_valid: bool = True,
    ) -> Array:
        """Draws how many of n trials fall into each category.

        Args:
            n: the number of trials, (*shape,).
            pvals: the probabilities of the categories, (*shape, k); the last one is what the
                others leave.
            size: the shape of the sample before the axis of categories.
            key: a JAX key to draw with in place of the generator's, which then stays.
            dtype: the dtype of the sample.
            check_valid: whether to check parameters that are known.

        Returns:
            The counts, (*size, k); -1 where parameters that are traced are wrong.

        Raises:
            ValueError: if n or pvals, where they are known, are wrong.

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).multinomial(20, [0.5, 0.3, 0.2]).sum().item()
            20
        """
        n, pvals = unpacked(n, True), unpacked(pvals, True)
        if check_valid:
            multivariate.check_multinomial(n, pvals)
        options = (shape_of(size), counting(dtype, "multinomial"))
        return self._plain(multivariate.multinomial, options, key, n, pvals)

    def multivariate_hypergeometric(
        self,
        colors: ArrayLike,
        nsample: Any,
        size: Size = None,
        method: str = "marginals",
        dtype: Any = int,
        *,
        key: Any = None,
    ) -> Array:
        """Draws how many of each color are among those taken without replacement.

        Args:
            colors: how many there are of each color, (k,).
            nsample: how many are taken.
            size: the shape of the sample before the axis of colors.
            method: 'marginals' or 'count', as in NumPy; the sampler is the same.
            dtype: the dtype of the sample.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The counts, (*size, k); -1 where parameters that are traced are wrong.

        Raises:
            ValueError: if parameters, where they are known, are wrong.

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).multivariate_hypergeometric([8, 4, 2], 5).sum().item()
            5
        """
        colors, nsample = unpacked(colors, True), unpacked(nsample, True)
        multivariate.check_multivariate_hypergeometric(colors, nsample, method)
        options = (shape_of(size), counting(dtype, "multivariate_hypergeometric"))
        return self._plain(multivariate.multivariate_hypergeometric, options, key, colors, nsample)

    def multivariate_normal(
        self,
        mean: ArrayLike,
        cov: ArrayLike,
        size: Size = None,
        check_valid: str = "warn",
        tol: float = 1e-8,
        dtype: Any = None,
        *,
        method: str = "svd",
        key: Any = None,
    ) -> Array:
        """Draws vectors from a normal distribution.

        Args:
            mean: the means, (n,).
            cov: the covariances, (n, n).
            size: the shape of the sample before the last axis.
            check_valid: 'warn', 'raise' or 'ignore', if a covariance that is known is not positive
                semidefinite.
            tol: the tolerance of that check.
            dtype: the dtype of the sample, of floats.
            method: how the root of the covariance is found: 'svd', 'eigh' or 'cholesky'; by
                position also after the size, and a key after it, where brainpy.math has them.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The vectors, (*size, n).

        Raises:
            ValueError: if the shapes do not fit, or for `check_valid='raise'`.

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).multivariate_normal([0.0, 1.0], [[1.0, 0.5], [0.5, 2.0]], 3).shape
            (3, 2)
        """
        if check_valid in multivariate.METHODS:
            check_valid, method = "warn", check_valid
        if looks_like_key(tol) or tol is None:
            tol, key = 1e-8, tol if key is None else key
        mean, cov = unpacked(mean, True), unpacked(cov, True)
        multivariate.check_normal(mean, cov, check_valid, tol, method)
        options = (shape_of(size), floating(dtype, "multivariate_normal"), method)
        return self._plain(multivariate.multivariate_normal, options, key, mean, cov)

    @quick
    def orthogonal(
        self, n: int, size: Size = None, key: Any = None, dtype: Any = None, *, m: int | None = None
    ) -> Array:
        """Draws orthogonal matrices, uniformly distributed.

        Args:
            n: the number of rows.
            size: the shape of the sample before the last two axes.
            key: a JAX key to draw with in place of the generator's, which then stays.
            dtype: the dtype of the sample.
            m: the number of columns; None for n.

        Returns:
            The matrices, (*size, n, m).

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).orthogonal(3).shape
            (3, 3)
        """
        m = None if m is None else operator.index(m)
        options = (shape_of(size), floating(dtype, "orthogonal"), operator.index(n), m)
        return self._plain(multivariate.orthogonal, options, key)

    @quick
    def ball(
        self, d: int, p: float = 2, size: Size = None, dtype: Any = None, *, key: Any = None
    ) -> Array:
        """Draws points in the unit ball, uniformly distributed.

        Args:
            d: the number of dimensions.
            p: the norm, > 0, or infinity.
            size: the shape of the sample before the last axis.
            dtype: the dtype of the sample.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The points, (*size, d).

        Raises:
            ValueError: if p is not above 0.

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).ball(2, size=3).shape
            (3, 2)
        """
        p = plain(p)
        if not p > 0:
            raise ValueError("p <= 0")
        options = (shape_of(size), floating(dtype, "ball"), operator.index(d), p)
        return self._plain(multivariate.ball, options, key)
