"""`ufunc.at`: an operation in place at some indices, as often as each is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import indexing, kernels, picking
from .array import Array
from .lifting import symbol_as_array, unpacked
from .operators import fitted
from .views import SCALAR


def ufunc_at(fun: Any) -> Callable[..., None]:
    """Returns the method `at` of a ufunc.

    Args:
        fun: the ufunc of `jax.numpy`.
    """

    def at(a: Array, indices: Any, *b: Any) -> None:
        """Does the operation in place at some indices, as often as each is given; casts anything.

        Args:
            a: the array, (*shape,).
            indices: as in `a[indices]`.
            b: the second operand, if there is one; broadcast to the shape of `a[indices]`.
        """
        if not isinstance(a, Array) or a.mark() == SCALAR:
            raise TypeError(f"{fun.__name__}.at() changes an array, not a {type(a).__name__}")
        a._check_writeable()
        others = [jnp.asarray(symbol_as_array(unpacked(v, True))) for v in b]
        shape, dtype = a._like()
        picks = picking.picked(indices, shape) is not None
        index = indices if picks else indexing.checked(indices, shape)
        if not picks:
            a._assign(_gathered(fun, a.value, index, others))
            return
        parts = indices if type(indices) is tuple else (indices,)
        part = a[parts if any(p is ... for p in parts) else (*parts, ...)]  # a view, no scalar
        found = fun(part.value, *others)
        part._assign(fitted(found, part.shape, dtype, fun.__name__, "unsafe"))

    return at


def _gathered(fun: Any, old: Any, index: Any, others: list[Any]) -> Any:
    """Returns the content with an operation done at an index that gathers."""
    parts = index if type(index) is tuple else (index,)
    masks = [part for part in parts if indexing.is_mask(part)]
    if len(parts) == 1 and masks and all(b.ndim <= old.ndim - masks[0].ndim for b in others):
        mask = masks[0].reshape(masks[0].shape + (1,) * (old.ndim - masks[0].ndim))
        return jnp.where(mask, fun(old, *others).astype(old.dtype), old)
    if masks and not kernels.is_open(*parts):
        parts = tuple(np.asarray(p) if isinstance(p, jax.Array) else p for p in parts)
    known = not any(isinstance(p, jax.Array) for p in parts)
    positions = (np if known else jnp).arange(old.size).reshape(old.shape)[parts]
    wide = old.astype(jnp.result_type(old, *others))  # JAX scatters within one dtype
    others = [jnp.broadcast_to(b, positions.shape).astype(wide.dtype).reshape(-1) for b in others]
    found = fun.at(wide.reshape(-1), positions.reshape(-1), *others, inplace=False)
    return found.reshape(old.shape).astype(old.dtype)
