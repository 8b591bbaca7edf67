"""How a function of JAX becomes one over mutable arrays, with NumPy's arguments and errors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax

from .._core.cells import Cell
from . import complaints
from .array import Array, fresh, made
from .calculus import typed
from .lifting import packed, taking_arrays, unpacked
from .methods import assigned
from .signatures import Arguments

Fun = Callable[..., Any]

ARRAYS = frozenset(
    {
        *("zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like"),
        *("where", "select", "frombuffer", "fromiter", "fromfile", "fromstring"),
        *("from_dlpack", "astype", "sort"),
    }
)
"""Functions that give arrays where others give scalars, if there are no axes."""


def function(fun: Fun, numpys: Fun | None = None) -> Fun:
    """Returns a function of JAX as one over mutable arrays.

    Args:
        fun: takes and returns `jax.Array`s, also in containers.
        numpys: the function of NumPy's that it mirrors; its errors are raised in the place of
            JAX's.

    Returns:
        A function with the same name, signature and text; it takes `out=` too.
    """
    call = taking_arrays(fun)
    name = fun.__name__
    wrap = strong if name in ARRAYS else made
    jaxs = Arguments(fun, numpys).jaxs

    @functools.wraps(fun)
    def over_arrays(*args: Any, **kwargs: Any) -> Any:
        out = None
        try:
            if len(args) == 1 and not kwargs and isinstance(args[0], Cell):  # 0.7 us less
                found = fun(args[0].value)
                return wrap(found) if isinstance(found, jax.Array) else packed(found, wrap)
            args, kwargs, out = jaxs(args, kwargs)
            found = call(*args, **kwargs)
        except complaints.FAILURES as error:
            found = complaints.settled(call, numpys, args, kwargs, error)
        if out is not None:
            return assigned(out, found, name)
        return wrap(found) if isinstance(found, jax.Array) else packed(found, wrap)

    return over_arrays


def strong(value: Any) -> Array:
    """Returns the mutable array of a result that is an array, and no scalar, in NumPy."""
    return fresh(typed(value))


class Grid:
    """Wraps an object that is indexed to make arrays: `mgrid`, `ogrid`, `r_`, `c_`.

    Args:
        grid: the one of `jax.numpy`.
    """

    def __init__(self, grid: Any) -> None:
        self._grid = grid

    def __getitem__(self, index: Any) -> Any:
        found = packed(self._grid[unpacked(index)], made)
        return tuple(found) if type(found) is list else found
