"""What NumPy's main namespace has beyond `jax.numpy`: made here, or done by NumPy on the host."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .array import Array, made
from .flat import Flat
from .functions import NAMESPACE, array, asarray
from .layouts import layout_of
from .lifting import packed
from .strided import LIB

Fun = Callable[..., Any]


# Arrays --------------------------------------------------------------------------------------


def asfortranarray(a: Any, dtype: Any = None, *, like: Any = None) -> Array:
    """Returns the array as `asarray` does: where elements lie is JAX's business.

    Args:
        a: anything array-like, (*shape,).
        dtype: the dtype, if another one is wanted.
        like: not looked at.
    """
    return asarray(a, dtype)


def ascontiguousarray(a: Any, dtype: Any = None, *, like: Any = None) -> Array:
    """Returns the array itself if NumPy would have it in C's order, or a copy; at least 1-d.

    Args:
        a: anything array-like, (*shape,).
        dtype: the dtype, if another one is wanted.
        like: not looked at.

    Example:
        >>> import statejit.numpy as snp
        >>> snp.ascontiguousarray(5).shape
        (1,)
    """
    found = asarray(a, dtype)
    found = found if found.flags.c_contiguous else found.copy()
    return found if found.ndim else found.reshape(1)


def asarray_chkfinite(a: Any, dtype: Any = None, order: Any = None) -> Array:
    """Returns `asarray(a)`, and refuses NaN and infinity.

    Args:
        a: anything array-like, (*shape,).
        dtype: the dtype, if another one is wanted.
        order: not looked at.

    Raises:
        ValueError: if there is a NaN or an infinity.

    Example:
        >>> asarray_chkfinite([1.0, float("nan")])
        Traceback (most recent call last):
        ValueError: array must not contain infs or NaNs
    """
    found = asarray(a, dtype)
    if jnp.issubdtype(found.dtype, jnp.inexact) and not bool(jnp.isfinite(found.value).all()):
        raise ValueError("array must not contain infs or NaNs")
    return found


def require(a: Any, dtype: Any = None, requirements: Any = None, *, like: Any = None) -> Array:
    """Returns an array that can be written ('W') and is no view ('O'), if that is asked for.

    Args:
        a: anything array-like, (*shape,).
        dtype: the dtype, if another one is wanted.
        requirements: letters or names, as NumPy has them; where elements lie is JAX's business.
        like: not looked at.
    """
    found = asarray(a, dtype)
    letters = {str(name)[0].upper() for name in requirements or ()}
    copied = ("W" in letters and not found.flags.writeable) or (
        "O" in letters and not found.flags.owndata
    )
    return found.copy() if copied else found


def isfortran(a: Any) -> bool:
    """Says whether NumPy would have the elements in Fortran's order, and not in C's.

    Args:
        a: the array, (*shape,).

    Example:
        >>> import statejit.numpy as snp
        >>> isfortran(snp.ones((2, 3)).T)
        True
    """
    return bool(asarray(a).flags.fnc)


def may_share_memory(a: Any, b: Any, max_work: int | None = None) -> bool:
    """Says whether a write to one array may be seen in the other.

    Args:
        a: an array.
        b: another one.
        max_work: as NumPy has it.

    Example:
        >>> import statejit.numpy as snp
        >>> x = snp.arange(4)
        >>> may_share_memory(x[:2], x), may_share_memory(x[:2], x[2:])
        (True, False)
    """
    return _share(np.may_share_memory, a, b, max_work)


def shares_memory(a: Any, b: Any, max_work: int | None = None) -> bool:
    """Says whether a write to one array will be seen in the other.

    Args:
        a: an array.
        b: another one.
        max_work: as NumPy has it.
    """
    return _share(np.shares_memory, a, b, max_work)


def _share(fun: Fun, a: Any, b: Any, max_work: int | None) -> bool:
    if not (isinstance(a, Array) and isinstance(b, Array)):
        numpys = type(a) is np.ndarray or type(b) is np.ndarray
        return bool(fun(np.asarray(a), np.asarray(b))) if numpys else a is b
    first, second = a.window(), b.window()
    if first.cell is not second.cell:
        return False
    if first.operands or second.operands:
        return bool(a.size and b.size)
    # The array may have had another shape when a view of it was made, or another size.
    sizes = {math.prod(w.way.shape) for w in (first, second)}
    if len(sizes) > 1:
        return True
    whole = layout_of((sizes.pop(),), first.cell.dtype)
    parts = [w.way.layout(whole.reshape(w.way.shape)) for w in (first, second)]
    return bool(fun(*parts, max_work=max_work))


class ndenumerate(Iterator[Any]):  # noqa: N801, NumPy's name
    """Iterates over positions and elements.

    Args:
        arr: the array, (*shape,).

    Example:
        >>> import statejit.numpy as snp
        >>> [(i, int(x)) for i, x in ndenumerate(snp.arange(2))]
        [((0,), 0), ((1,), 1)]
    """

    def __init__(self, arr: Any) -> None:
        found = asarray(arr)
        positions = itertools.product(*map(range, found.shape))
        self._pairs = zip(positions, found._flattened(), strict=True)

    def __next__(self) -> Any:
        return next(self._pairs)


# Mathematics ---------------------------------------------------------------------------------


def fix(x: Any, out: Any = None) -> Any:
    """Rounds towards zero.

    Args:
        x: the numbers, (*shape,).
        out: the array for the result, if there is one.

    Example:
        >>> fix([2.7, -2.7]).tolist()
        [2.0, -2.0]
    """
    return NAMESPACE["trunc"](x, out=out)


def real_if_close(a: Any, tol: float = 100) -> Any:
    """Returns the real part if all imaginary parts are close to zero, or else the array.

    Args:
        a: the numbers, (*shape,).
        tol: how close: in machine epsilons, or absolute if it is at most 1.

    Example:
        >>> real_if_close([2.1 + 4e-14j]).dtype.name
        'float32'
    """
    found = asarray(a)
    if not jnp.issubdtype(found.dtype, jnp.complexfloating):
        return found
    tol = tol * float(jnp.finfo(found.dtype).eps) if tol > 1 else tol
    return found.real if bool((abs(found.value.imag) < tol).all()) else found


def common_type(*arrays: Any) -> Any:
    """Returns the scalar type of floats that can hold all arrays.

    Args:
        arrays: arrays of numbers.

    Raises:
        TypeError: if one of them holds no numbers.

    Example:
        >>> import statejit.numpy as snp
        >>> common_type(snp.ones(2, snp.float32)) is np.float32
        True
    """
    if any(asarray(a).dtype == np.bool for a in arrays):
        raise TypeError("can't get common type for non-numeric array")
    return jnp.result_type(*[asarray(a).dtype for a in arrays], jnp.float32).type


def min_scalar_type(a: Any, /) -> Any:
    """Returns the smallest dtype that can hold a scalar.

    Args:
        a: a number, or an array, whose dtype is returned.
    """
    if isinstance(a, (Array, jax.Array)) and a.ndim:
        return a.dtype
    return np.min_scalar_type(np.asarray(a)[()])


# Done by NumPy on the host -------------------------------------------------------------------


def on_host(fun: Fun) -> Fun:
    """Returns a function of NumPy's that is given, and gives, mutable arrays.

    Args:
        fun: the function; inside of traces it can not be called, since it needs the numbers.
    """

    def numpys(value: Any) -> Any:
        if isinstance(value, (Array, jax.Array)):
            return np.asarray(value)
        return packed_arrays(value, numpys) if isinstance(value, (list, tuple)) else value

    @functools.wraps(fun)
    def over_arrays(*args: Any, **kwargs: Any) -> Any:
        found = fun(*map(numpys, args), **{name: numpys(v) for name, v in kwargs.items()})
        return packed(found, made) if not isinstance(found, np.ndarray) else _ours(found)

    return over_arrays


def packed_arrays(value: Any, fun: Fun) -> Any:
    """Returns a list or tuple with `fun` applied to its elements."""
    items = [fun(v) for v in value]
    if isinstance(value, list):
        return items
    return tuple(items) if type(value) is tuple else tuple.__new__(type(value), items)


def _ours(found: np.ndarray) -> Any:
    return array(found) if found.dtype.kind in "biufc" else found


HOST = (
    *("array2string", "format_float_positional", "format_float_scientific", "genfromtxt"),
    *("loadtxt", "fromregex", "fromfile", "savetxt", "savez_compressed", "broadcast"),
)
"""Functions for people and files."""

NUMPYS = (
    *("False_", "True_", "ScalarType", "typecodes", "sctypeDict", "little_endian", "exceptions"),
    *("base_repr", "binary_repr", "mintypecode", "typename", "ndindex", "testing"),
    *("errstate", "seterr", "geterr", "seterrcall", "geterrcall", "setbufsize", "getbufsize"),
    *("byte", "ubyte", "short", "ushort", "intc", "uintc", "intp", "uintp", "long", "ulong"),
    *("longlong", "ulonglong", "half"),
)
"""Names that are NumPy's own, as they are."""


BEYOND: dict[str, Any] = {
    **{
        fun.__name__: fun
        for fun in (
            *(asfortranarray, ascontiguousarray, asarray_chkfinite, require, isfortran),
            *(may_share_memory, shares_memory, ndenumerate, fix, real_if_close, common_type),
            min_scalar_type,
        )
    },
    **{name: on_host(getattr(np, name)) for name in HOST},
    **{name: getattr(np, name) for name in NUMPYS if hasattr(np, name)},
    "flatiter": Flat,
    "lib": LIB,
    "row_stack": NAMESPACE["vstack"],
}
"""These, by name."""

ABSENT: dict[str, str] = {
    **dict.fromkeys(
        ("matrix", "asmatrix", "bmat"), "use arrays of two dimensions, `@`, and `block`"
    ),
    **dict.fromkeys(
        (
            *("busday_count", "busday_offset", "busdaycalendar", "is_busday", "datetime64"),
            *("timedelta64", "datetime_as_string", "datetime_data", "isnat"),
        ),
        "JAX has no dates: use numpy's, and pass numbers",
    ),
    **dict.fromkeys(
        ("char", "strings", "bytes_", "str_", "void", "rec", "recarray", "record", "object_"),
        "JAX has numbers only: use numpy's for texts and records",
    ),
    **dict.fromkeys(
        ("float128", "complex256", "longdouble", "clongdouble"),
        "JAX's widest dtypes are float64 and complex128",
    ),
    **dict.fromkeys(
        ("nditer", "nested_iters"),
        "loop over `ndindex(a.shape)`, or write it over whole arrays: one dispatch instead of many",
    ),
    "poly1d": "use `polyval`, `polymul` and their kin on arrays of coefficients",
    "polynomial": "use `polyval`, `polymul` and their kin on arrays of coefficients",
    "ma": "use `where`, or the `where=` of reductions, instead of masked arrays",
    "emath": "make the argument complex: `sqrt(x + 0j)`",
    "memmap": "use numpy's, and `asarray` on a part of it",
    "ctypeslib": "arrays of JAX have no address: use numpy.asarray(x)",
}
"""What is not here, with what to do instead."""

ABOUT_NUMPY = (
    *("core", "dtypes", "exceptions", "f2py", "get_include", "info", "show_config"),
    *("show_runtime", "test", "typing"),
)
"""What is about NumPy itself."""

ABSENT |= dict.fromkeys(ABOUT_NUMPY, "it is about NumPy itself: use numpy's")

FORMER: dict[str, str] = {
    "alltrue": "all",
    "asfarray": "asarray(a, float)",
    "asscalar": "a.item()",
    "cumproduct": "cumprod",
    "in1d": "isin",
    "issubsctype": "issubdtype",
    "mat": "array, of two dimensions",
    "msort": "sort(a, axis=0)",
    "product": "prod",
    "round_": "round",
    "safe_eval": "ast.literal_eval",
    "sometrue": "any",
    "trapz": "trapezoid",
}
"""Names that NumPy had before version 2, with what to use instead."""
