"""Assignment at indices that repeat: the last value stays, as in NumPy, on any device."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax


def assigned(value: Any, index: Any, new: Any) -> Any:
    """Returns `value` with `new` at an index, of two values for one place the later.

    XLA's scatter takes them in order on the CPU; other devices take them in any.

    Args:
        value: the content of an array.
        index: as JAX takes it, with arrays among its parts.
        new: what is assigned, in the shape of `value[index]`.
    """
    if new.size < 2:
        return value.at[index].set(new)

    def in_any_order(value: Any, new: Any) -> Any:
        return value.at[index].set(new)

    def in_order(value: Any, new: Any) -> Any:
        return sorted_out(value, index, new)

    return lax.platform_dependent(value, new, cpu=in_any_order, default=in_order)


def sorted_out(value: Any, index: Any, new: Any) -> Any:
    """Sets the last value for each place: places are sorted, and what comes too early is dropped.

    That takes longer for many values, and not for a large array.
    """
    size = value.size
    places = jnp.arange(size).reshape(value.shape).at[index].get(mode="fill", fill_value=size)
    order = jnp.argsort(places.ravel(), stable=True)
    places = places.ravel()[order]
    is_last = jnp.append(places[1:] != places[:-1], True)
    places = jnp.where(is_last, places, size)
    return value.ravel().at[places].set(new.ravel()[order], mode="drop").reshape(value.shape)
