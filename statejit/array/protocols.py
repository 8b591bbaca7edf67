"""NumPy's own functions on mutable arrays: each call goes to our function of the same name."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from . import fft, linalg
from .array import Array
from .beyond import BEYOND
from .functions import NAMESPACE
from .in_place import IN_PLACE
from .lifting import packed
from .standin import like_numpy
from .strided import STRIDE_TRICKS


def array_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Does what a ufunc of NumPy was asked to do, in JAX where JAX has it.

    Args:
        ufunc: the ufunc.
        method: '__call__', 'reduce', 'at' ...
        inputs: the operands.
        kwargs: the keyword arguments.
    """
    is_numpys = getattr(np, ufunc.__name__, None) is ufunc
    ours: Any = NAMESPACE.get(ufunc.__name__) if is_numpys else None
    if ours is not None and method != "__call__":
        ours = getattr(ours, method, None)
    if ours is None:
        return _on_host(getattr(ufunc, method), inputs, kwargs)
    if method == "at" and not isinstance(inputs[0], Array):
        return ufunc.at(*[_as_numpy(i) for i in inputs])
    out = kwargs.pop("out", None)
    if out is not None:
        return ours(*inputs, out=out[0] if len(out) == 1 else out, **kwargs)
    return _as_numpy_has_it(getattr(ufunc, method), inputs, kwargs, ours(*inputs, **kwargs))


def array_function(fun: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Does what a function of NumPy was asked to do, in JAX where JAX has it.

    Args:
        fun: the function.
        args: its arguments.
        kwargs: its keyword arguments.
    """
    module, name = fun.__module__, fun.__name__
    if name in IN_PLACE and args and isinstance(args[0], Array):
        return IN_PLACE[name](*args, **kwargs)
    ours = None
    if module == "numpy" and name not in IN_PLACE:
        ours = NAMESPACE.get(name, BEYOND.get(name))
    elif module.startswith("numpy.lib"):
        ours = STRIDE_TRICKS.get(name)
    elif module in ("numpy.linalg", "numpy.fft"):
        ours = vars(linalg if module == "numpy.linalg" else fft).get(name)
    if ours is None:
        return _on_host(fun, args, kwargs)
    return _as_numpy_has_it(fun, args, kwargs, ours(*args, **kwargs))


def _as_numpy_has_it(fun: Any, args: Any, kwargs: Any, found: Any) -> Any:
    """Returns a result as NumPy's, if no mutable array of ours was among the arguments."""
    arrays = jax.tree.leaves((args, kwargs), is_leaf=lambda v: isinstance(v, Array))
    if any(isinstance(v, Array) and not v.host for v in arrays):
        return found
    return like_numpy(fun, args, kwargs, found)


def _on_host(fun: Any, args: Any, kwargs: Any) -> Any:
    """Calls a function that JAX does not have with NumPy arrays; refused inside a trace."""
    is_array = lambda v: isinstance(v, Array)  # noqa: E731
    args, kwargs = jax.tree.map(_as_numpy, (tuple(args), dict(kwargs)), is_leaf=is_array)
    found = fun(*args, **kwargs)
    if isinstance(found, np.ndarray):
        return Array(found) if found.dtype.kind in "biufc" else found
    return packed(found, lambda value: value)


def _as_numpy(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, Array) else value
