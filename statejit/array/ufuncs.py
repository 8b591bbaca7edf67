"""Ufuncs over mutable arrays: functions with the arguments and the methods of NumPy's."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from .accumulated import dtype_of_sums, wide
from .array import Array, made
from .at import ufunc_at
from .lifting import unpacked
from .methods import check_out, into
from .operators import casts_same_kind, check_cast, check_result, in_range, is_whole
from .scalars import apart, holding
from .wrapping import function

Fun = Callable[..., Any]

UFUNC_METHODS = ("reduce", "accumulate", "reduceat", "outer")

SUMMING = (np.add, np.multiply)
"""Ufuncs whose methods add up narrow integers in a wider dtype."""

LOGICAL = (np.logical_and, np.logical_or, np.logical_xor)
"""Ufuncs whose reductions have truth values, whatever they reduce."""


def ufunc(fun: Any, numpys: np.ufunc) -> Fun:
    """Returns a ufunc with NumPy's arguments and methods: `add.reduce`, `add.at`.

    Args:
        fun: the function of `jax.numpy`, which may be a ufunc there, or not.
        numpys: the ufunc of NumPy's.
    """
    plain = function(fun, numpys)
    with_options = WithOptions(plain, fun, numpys.nin)
    nin, name = numpys.nin, numpys.__name__

    @functools.wraps(fun)
    def over_arrays(*args: Any, **kwargs: Any) -> Any:
        if nin == 2 and len(args) >= 2:
            args = (*_in_range(name, *args[:2]), *args[2:])
        if not kwargs and len(args) <= nin:
            return plain(*args)
        return with_options(*args, **kwargs)

    result: Any = over_arrays
    result.nin, result.nout, result.nargs = nin, numpys.nout, numpys.nargs
    result.identity, result.signature = numpys.identity, numpys.signature
    result.types, result.ntypes = numpys.types, numpys.ntypes
    if numpys.signature is None:
        _give_methods(result, fun, numpys)
    return result


@functools.wraps(jnp.frompyfunc)
def frompyfunc(func: Fun, /, nin: int, nout: int, *, identity: Any = None) -> Fun:
    """Returns a ufunc of a function of elements, which is traced; results have a dtype."""
    numpys = np.frompyfunc(lambda *elements: None, nin, nout, identity=identity)
    made = ufunc(jnp.frompyfunc(unpacked(func), nin, nout, identity=identity), numpys)
    made.__name__ = f"{getattr(func, '__name__', '?')} (vectorized)"
    return made


@dataclasses.dataclass(frozen=True)
class WithOptions:
    """Calls a function of arrays with a ufunc's keyword arguments.

    Args:
        plain: the function over mutable arrays.
        fun: the function of JAX.
        nin: how many arrays it takes; what is given besides is `out`.
    """

    plain: Fun
    fun: Any
    nin: int

    def __call__(
        self,
        *args: Any,
        out: Any = None,
        where: Any = True,
        casting: str = "same_kind",
        order: str = "K",
        dtype: Any = None,
        subok: bool = True,
        signature: Any = None,
    ) -> Any:
        """Returns the results, or what was given as `out`."""
        name = self.fun.__name__
        if len(args) > self.nin:
            out = args[self.nin :] if len(args) > self.nin + 1 else args[self.nin]
            args = args[: self.nin]
        for given in out if isinstance(out, tuple) else (out,):
            check_out(given)
        dtypes = _dtypes(signature, self.nin) or (dtype,) * len(args)
        args = tuple(_in_dtype(a, d, casting, name) for a, d in zip(args, dtypes, strict=False))
        target = out.dtype if isinstance(out, Array) and casting != "unsafe" else None
        try:
            found = self.plain(*args)
        except ValueError:
            if target is not None:
                check_result(self.fun, [unpacked(a, True) for a in args], target, name)
            raise
        if where is not True:
            if target is not None:
                check_cast(found.value.dtype, target, name)
            found = _where(where, found, out)
        return found if out is None else into(out, found, name, casting)


def _dtypes(signature: Any, nin: int) -> tuple[Any, ...]:
    """Returns the dtypes of operands that a ufunc's `signature` tells: 'ff->f', or a tuple."""
    if signature is None:
        return ()
    given = signature.partition("->")[0] if isinstance(signature, str) else signature
    return tuple(given)[:nin]


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
            jaxs = _completed(getattr(fun, method), method, numpys)
            setattr(result, method, function(jaxs, getattr(numpys, method)))
    if numpys.nout == 1:
        result.at = ufunc_at(fun)


def _completed(jaxs: Any, method: str, numpys: np.ufunc) -> Fun:
    """Returns a method of JAX's ufunc with what it lacks of NumPy's."""
    if method == "outer":
        return apart(jaxs, 2)
    if method == "reduce":
        if numpys in LOGICAL:
            return jaxs
        return holding(jaxs, dtype_of_sums if numpys in SUMMING else None)
    jaxs = wide(jaxs) if numpys in SUMMING else jaxs
    return _with_indices(jaxs) if method == "reduceat" else jaxs


def _with_indices(reduceat: Any) -> Fun:
    """Returns a method `reduceat` that takes lists for indices, too."""

    @functools.wraps(reduceat)
    def over_lists(a: Any, indices: Any, *args: Any, **kwargs: Any) -> Any:
        return reduceat(jnp.asarray(a), jnp.asarray(indices), *args, **kwargs)

    return over_lists


def _in_dtype(operand: Any, dtype: Any, casting: str, name: str) -> Any:
    if dtype is None or operand is None:
        return operand
    value = jnp.asarray(unpacked(operand, True))
    whole = value.weak_type and value.dtype.kind == "i"  # any dtype may hold it
    if casting != "unsafe" and not whole and not casts_same_kind(value.dtype, dtype):
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
        content = value.value
        kept = jnp.zeros((), content.dtype) if target is None else jnp.asarray(unpacked(target))
        # In the type of what is kept: an integer result must not round what was there.
        merged.append(made(jnp.where(mask, content.astype(kept.dtype), kept)))
    return tuple(merged) if isinstance(found, tuple) else merged[0]
