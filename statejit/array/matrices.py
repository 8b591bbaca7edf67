"""Functions of `jax.numpy.linalg` with what they lack of NumPy's arguments, over JAX's arrays."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

ArrayLike = Any  # by this name `function` knows where a list is an array


def matrix_rank(
    A: ArrayLike,  # noqa: N803, NumPy's name
    tol: Any = None,
    hermitian: bool = False,
    *,
    rtol: Any = None,
) -> Any:
    """Returns how many singular values are not zero.

    Args:
        A: matrices, (..., n, m).
        tol: which ones pass for zero, (...); by default as `rtol` says.
        hermitian: not looked at.
        rtol: the same, relative to the largest.
    """
    if tol is None or np.ndim(A) < 2:
        return jnp.linalg.matrix_rank(A, rtol)
    values = jnp.linalg.svd(jnp.asarray(A), compute_uv=False)
    return (values > jnp.asarray(tol)[..., None]).sum(-1)


def eigh(a: ArrayLike, UPLO: str = "L") -> Any:  # noqa: N803
    """Returns eigenvalues and eigenvectors of matrices of which one triangle is looked at.

    Args:
        a: matrices, Hermitian as that triangle has them, (..., n, n).
        UPLO: the triangle, 'L' for the lower one, 'U' for the upper one.

    Raises:
        ValueError: for another triangle.

    Example:
        >>> import statejit.numpy as snp
        >>> snp.linalg.eigh(snp.array([[2.0, 7.0], [0.0, 3.0]])).eigenvalues.tolist()
        [2.0, 3.0]
    """
    if UPLO.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    a = jnp.asarray(a)
    half, inner = (jnp.tril(a), jnp.tril(a, -1)) if UPLO in "Ll" else (jnp.triu(a), jnp.triu(a, 1))
    # Made whole here: asked to look at one triangle, JAX derives as if both had been looked at.
    return jnp.linalg.eigh(half + jnp.conj(jnp.swapaxes(inner, -2, -1)))


def eigvalsh(a: ArrayLike, UPLO: str = "L") -> Any:  # noqa: N803
    """Returns the eigenvalues that `eigh` returns, (..., n).

    Args:
        a: matrices, (..., n, n).
        UPLO: the triangle that is looked at.
    """
    return eigh(a, UPLO)[0]


MATRICES = {fun.__name__: fun for fun in (matrix_rank, eigh, eigvalsh)}
"""These functions, by name."""
