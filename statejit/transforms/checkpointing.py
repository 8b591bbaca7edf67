"""`checkpoint`: what differentiation computes again instead of keeping it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax

from .._core.discovery import Traced
from .._core.evaluation import as_arrays
from .._core.lift import Lifted
from ..array.wrapping import function

_stopped = function(jax.lax.stop_gradient)


def stop_gradient(x: Any) -> Any:
    """Returns arrays through which no gradient goes; mirrors `jax.lax.stop_gradient`.

    Args:
        x: an array, also a mutable one, or a tree of `jax.Array`.

    Returns:
        The same values, in the same structure.

    Example:
        >>> import statejit as sj
        >>> sj.grad(lambda x: sj.stop_gradient(x) * x)(3.0).item()
        3.0
    """
    return _stopped(x)


class Checkpointed(Lifted):
    """What `checkpoint` returns.

    Args:
        fun: the user's function.
        key: `prevent_cse` and `policy`.
    """

    def transform(self, traced: Traced) -> Traced:
        """Returns the program under `jax.checkpoint`."""
        prevent_cse, policy = self.key
        pure = jax.checkpoint(traced.pure, prevent_cse=prevent_cse, policy=policy)
        return dataclasses.replace(traced, pure=lambda *values: as_arrays(pure(*values)))


def checkpoint(
    fun: Callable[..., Any],
    *,
    prevent_cse: bool = True,
    policy: Callable[..., bool] | None = None,
) -> Checkpointed:
    """Lets differentiation compute a stateful function again; mirrors `jax.checkpoint`.

    Python values among the arguments are known to the function, as everywhere: there is no need
    of `static_argnums`.

    Args:
        fun: a function, method or instance.
        prevent_cse: whether to keep the compiler from undoing it; see `jax.checkpoint`.
        policy: what is kept all the same; one of `jax.checkpoint_policies`.

    Returns:
        A function that does what `fun` does.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> sj.grad(sj.checkpoint(lambda x: jnp.sin(x)))(0.0).item()
        1.0
    """
    return Checkpointed(fun, (prevent_cse, policy))


remat = checkpoint
"""Another name of `checkpoint`, as in JAX."""
