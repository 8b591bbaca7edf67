"""Wraps `jax.numpy` function by function, from its own namespace, so that arrays stay mutable."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.cells import Cell
from . import complaints, indexing
from .array import Array, content, fresh, made
from .at import ufunc_at
from .lifting import packed, taking_arrays, unpacked
from .methods import assigned, check_out, into
from .operators import casts_same_kind, check_cast, check_result, in_range, is_whole
from .signatures import renamed, without_effect
from .viewing import VIEWING

Fun = Callable[..., Any]

UFUNC_METHODS = ("reduce", "accumulate", "reduceat", "outer")

RETURN_FUNCTIONS = frozenset({"vectorize", "frompyfunc"})

ARRAYS = frozenset(
    {
        *("zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like"),
        *("where", "select", "frombuffer", "fromfunction", "fromiter", "fromfile", "fromstring"),
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
    place = _position_of_out(fun)
    dropped, names = without_effect(fun, numpys), renamed(fun)

    @functools.wraps(fun)
    def over_arrays(*args: Any, **kwargs: Any) -> Any:
        out = None
        try:
            if len(args) == 1 and not kwargs and isinstance(args[0], Cell):  # 0.7 us less
                found = fun(args[0].value)
                return wrap(found) if isinstance(found, jax.Array) else packed(found, wrap)
            if kwargs:
                out = kwargs.pop("out", None)
                if dropped or names:
                    kwargs = {names.get(k, k): v for k, v in kwargs.items() if k not in dropped}
            if place is not None and len(args) > place:
                out, args = args[place], (*args[:place], None, *args[place + 1 :])
            found = call(*args, **kwargs)
        except complaints.FAILURES as error:
            found = complaints.settled(call, numpys, args, kwargs, error)
        if out is not None:
            return assigned(out, found, name)
        return wrap(found) if isinstance(found, jax.Array) else packed(found, wrap)

    return over_arrays


def strong(value: Any) -> Array:
    """Returns the mutable array of a result that is an array, and no scalar, in NumPy."""
    return fresh(value.astype(value.dtype) if value.weak_type else value)


def _position_of_out(fun: Fun) -> int | None:
    try:
        parameters = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        return None
    for i, parameter in enumerate(parameters):
        if parameter.name == "out" and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            return i
    return None


def ufunc(fun: Any, numpys: np.ufunc) -> Fun:
    """Returns a ufunc with NumPy's arguments and methods: `add.reduce`, `add.at`.

    Args:
        fun: the function of `jax.numpy`, which may be a ufunc there, or not.
        numpys: the ufunc of NumPy's.
    """
    plain = function(fun, numpys)
    nin, name = numpys.nin, fun.__name__

    def with_arguments(
        *args: Any,
        out: Any = None,
        where: Any = True,
        casting: str = "same_kind",
        order: str = "K",
        dtype: Any = None,
        subok: bool = True,
    ) -> Any:
        if len(args) > nin:
            out, args = (args[nin:] if len(args) > nin + 1 else args[nin]), args[:nin]
        for target in out if isinstance(out, tuple) else (out,):
            check_out(target)
        if dtype is not None:
            args = tuple(_in_dtype(a, dtype, casting, name) for a in args)
        try:
            found = plain(*args)
        except ValueError:
            if isinstance(out, Array) and casting != "unsafe":
                values = [unpacked(a, True) for a in args]
                check_result(fun, values, out.dtype, name)
            raise
        if where is not True:
            if isinstance(out, Array) and casting != "unsafe":
                check_cast(found.value.dtype, out.dtype, name)
            found = _where(where, found, out)
        return found if out is None else into(out, found, name, casting)

    @functools.wraps(fun)
    def over_arrays(*args: Any, **kwargs: Any) -> Any:
        if nin == 2 and len(args) >= 2:
            args = (*_in_range(numpys.__name__, *args[:2]), *args[2:])
        if not kwargs and len(args) <= nin:
            return plain(*args)
        return with_arguments(*args, **kwargs)

    result: Any = over_arrays
    result.nin, result.nout, result.nargs = nin, numpys.nout, numpys.nargs
    result.identity, result.signature = numpys.identity, numpys.signature
    result.types, result.ntypes = numpys.types, numpys.ntypes
    if numpys.signature is None:
        _give_methods(result, fun, numpys)
    return result


def _in_range(name: str, left: Any, right: Any) -> tuple[Any, Any]:
    """Returns two operands; NumPy decides about a Python integer beside an array (`in_range`)."""
    if is_whole(right) and hasattr(left, "dtype"):
        return left, in_range(name, left, right)
    if is_whole(left) and hasattr(right, "dtype"):
        return in_range(name, right, left), right
    return left, right


def _give_methods(result: Any, fun: Any, numpys: np.ufunc) -> None:
    if not isinstance(fun, jnp.ufunc):
        fun = jnp.frompyfunc(fun, numpys.nin, numpys.nout, identity=numpys.identity)
    if numpys.nin == 2 and numpys.nout == 1:
        for method in UFUNC_METHODS:
            setattr(result, method, function(getattr(fun, method), getattr(numpys, method)))
    if numpys.nout == 1:
        result.at = ufunc_at(fun)


def _in_dtype(operand: Any, dtype: Any, casting: str, name: str) -> Any:
    value = jnp.asarray(unpacked(operand, True))
    if casting != "unsafe" and not value.weak_type and not casts_same_kind(value.dtype, dtype):
        raise TypeError(
            f"Cannot cast ufunc {name!r} input from dtype({str(value.dtype)!r}) to "
            f"dtype({str(np.dtype(dtype))!r}) with casting rule {casting!r}"
        )
    return value.astype(dtype)


def _where(mask: Any, found: Any, out: Any) -> Any:
    """Returns a result where a mask holds, and elsewhere what was there, or zeros."""
    several = found if isinstance(found, tuple) else (found,)
    given = out if isinstance(out, tuple) else (out,) * len(several)
    mask = jnp.asarray(unpacked(mask, True))
    merged = []
    for value, target in zip(several, given, strict=True):
        rest = 0 if target is None else jnp.asarray(unpacked(target))
        content = value.value
        kept = jnp.asarray(rest, content.dtype if target is None else None)
        shape = jnp.broadcast_shapes(mask.shape, content.shape, kept.shape)
        dtype = content.dtype
        merged.append(made(jnp.where(mask, content, jnp.broadcast_to(kept.astype(dtype), shape))))
    return tuple(merged) if isinstance(found, tuple) else merged[0]


def function_maker(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps `vectorize` and its kin, whose results are functions again."""
    call = taking_arrays(fun)

    @functools.wraps(fun)
    def maker(*args: Any, **kwargs: Any) -> Any:
        return function(call(*args, **kwargs))

    return maker


class Grid:
    """Wraps an object that is indexed to make arrays: `mgrid`, `ogrid`, `r_`, `c_`.

    Args:
        grid: the one of `jax.numpy`.
    """

    def __init__(self, grid: Any) -> None:
        self._grid = grid

    def __getitem__(self, index: Any) -> Any:
        return packed(self._grid[unpacked(index)], made)


def namespace(module: Any) -> dict[str, Any]:
    """Returns the public names of a module of `jax.numpy`, its functions wrapped.

    Args:
        module: `jax.numpy` or one of its submodules.
    """
    numpys = {jnp.linalg: np.linalg, jnp.fft: np.fft}.get(module, np)
    found: dict[str, Any] = {}
    for name in dir(module):
        value = getattr(module, name)
        if name.startswith("_") or isinstance(value, types.ModuleType):
            continue
        if name in ("mgrid", "ogrid", "r_", "c_"):
            value = Grid(value)
        elif isinstance(getattr(numpys, name, None), np.ufunc):
            value = ufunc(value, getattr(numpys, name))
        elif name in RETURN_FUNCTIONS:
            value = function_maker(value)
        elif callable(value) and not isinstance(value, type):
            value = function(value, getattr(numpys, name, None))
        found[name] = value
    return found


@functools.wraps(jnp.array)
def array(object: Any, dtype: Any = None, copy: bool = True, **kwargs: Any) -> Any:
    """Returns a new mutable array; `copy=False` keeps one that fits."""
    if not copy:
        return asarray(object, dtype)
    new = content(object, dtype)
    new = new.copy() if new is object else new
    return fresh(_with_axes(new, **kwargs))


def _with_axes(
    value: Any,
    ndmin: int = 0,
    order: str = "K",
    subok: bool = False,
    like: Any = None,
    **kwargs: Any,
) -> Any:
    value = value.reshape((1,) * (ndmin - value.ndim) + value.shape)
    return jax.device_put(value, **kwargs) if any(kwargs.values()) else value


@functools.wraps(jnp.asarray)
def asarray(
    a: Any,
    dtype: Any = None,
    order: Any = None,
    *,
    copy: bool | None = None,
    like: Any = None,
    **kwargs: Any,
) -> Any:
    """Returns the array itself if it is a mutable one that fits, or else a new one."""
    is_ours = isinstance(a, Array) and not a.host and not a._rebinds()
    fits = dtype is None or (is_ours and a.value.dtype == jax.dtypes.canonicalize_dtype(dtype))
    if is_ours and fits and not copy and not any(kwargs.values()):
        return a
    if copy is False:
        raise ValueError("Unable to avoid copy while creating an array as requested.")
    return array(a, dtype, **kwargs)


@functools.wraps(jnp.copy)
def copy(a: Any, order: Any = None, subok: bool = False) -> Array:
    """Returns a mutable array of its own with the same content."""
    return array(a)


NAMESPACE: dict[str, Any] = (
    namespace(jnp)
    | VIEWING
    | {
        "array": array,
        "asanyarray": asarray,
        "asarray": asarray,
        "ascontiguousarray": asarray,
        "copy": copy,
        "take": function(indexing.take, np.take),
        "ndarray": Array,
    }
)
"""The public names of `jax.numpy`; those that view, or that make arrays, are our own."""
