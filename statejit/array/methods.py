"""The methods and properties of `numpy.ndarray`, made from functions of `jax.numpy`."""

from __future__ import annotations

import contextlib
import functools
import gc
import math
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .._core.frames import CURRENT
from .._core.slots import is_tracer
from .._core.windows import Window
from . import assigning, complaints, completed, gathering
from .accumulated import ACCUMULATED
from .lifting import packed, taking_arrays, unpacked
from .operators import Arithmetic, fitted, operand
from .scalars import SCALARS
from .signatures import Arguments, check_kind


def method(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Makes `array.method(...)` from a function whose first parameter is the array.

    Args:
        fun: a function of `jax.numpy`.
    """
    call = taking_arrays(fun)
    name = fun.__name__
    numpys = getattr(np.ndarray, {"ravel": "flatten"}.get(name, name), None)
    jaxs = Arguments(fun, getattr(np, name, None)).jaxs

    @functools.wraps(fun)
    def of_array(self: Any, *args: Any, **kwargs: Any) -> Any:
        (value, *args), kwargs, out = jaxs((self.value, *args), kwargs)
        try:
            found = call(value, *args, **kwargs)
        except complaints.FAILURES as error:
            found = complaints.settled(call, numpys, (self, *args), kwargs, error)
        if out is not None:
            return assigned(out, found, name)
        if isinstance(found, jax.Array):
            return self._wrap(found, name, self, *args)
        return packed(found, lambda value: self._wrap(value, name, self, *args))

    return of_array


def into(out: Any, found: Any, name: str, casting: str = "same_kind") -> Any:
    """Puts results that are mutable arrays into those given as `out=`; None takes no result."""
    several = found if isinstance(found, tuple) else (found,)
    given = out if isinstance(out, tuple) else (out,)
    results = tuple(
        value if target is None else assigned(target, value.value, name, casting)
        for target, value in zip(given, several, strict=True)
    )
    return results if isinstance(found, tuple) else results[0]


INTO_ANY = frozenset(
    {
        *("sum", "prod", "mean", "var", "max", "min", "amax", "amin", "any", "all", "median"),
        *("cumsum", "cumprod", "cumulative_sum", "cumulative_prod", "trace", "nanmedian"),
        *("nansum", "nanprod", "nanmax", "nanmin", "nancumsum", "nancumprod"),
        *("reduce", "accumulate", "reduceat"),
    }
)
"""Functions whose `out=` may have any dtype, as in NumPy."""

INTO_PLACES = frozenset({"argmax", "argmin", "nanargmax", "nanargmin"})
"""Functions whose `out=` may have any dtype of integers that NumPy's indices hold."""


def assigned(out: Any, found: Any, name: str, casting: Any = None) -> Any:
    """Puts a result into the array given as `out=`, and returns that.

    Args:
        out: a mutable array, a NumPy array, or a tuple of them.
        found: the result, a `jax.Array` or a tuple.
        name: the name of the function, for errors.
        casting: 'same_kind' or 'unsafe'; by default what the function has in NumPy.
    """
    out = out[0] if isinstance(out, tuple) and len(out) == 1 else out
    casting = casting or _casting(out, name)
    if isinstance(out, tuple):
        return tuple(assigned(o, f, name, casting) for o, f in zip(out, found, strict=True))
    if isinstance(out, np.ndarray) and not hasattr(type(out), "value"):
        np.copyto(out, np.asarray(found), casting=casting)
    elif isinstance(out, Arithmetic):
        check_out(out)
        out._assign(fitted(jnp.asarray(found), *out._like(), name, casting))
    else:
        raise TypeError(f"return arrays must be of a mutable type, not {type(out).__name__}")
    return out


def _casting(out: Any, name: str) -> Any:
    if name in INTO_PLACES:
        if not np.can_cast(out.dtype, np.int64):
            raise TypeError(
                f"Cannot cast array data from dtype({str(out.dtype)!r}) to dtype('int64') "
                "according to the rule 'safe'"
            )
        return "unsafe"
    return "unsafe" if name in INTO_ANY else "same_kind"


def check_out(out: Any) -> None:
    """Refuses as `out=` a scalar, or what is read-only: before anything else is looked at."""
    if isinstance(out, Arithmetic):
        if out._rebinds():
            raise TypeError("return arrays must be of ArrayType: this one is a scalar in NumPy")
        out._check_writeable("output array")


NAMED = 3
"""What Python counts in a method at least for an array that has one name."""


def _is_seen(array: Any, count: int) -> bool:
    """Says whether there is a view of an array with that many references, outside of traces."""
    if CURRENT.get() is not None or count <= NAMED:
        return False
    return any(type(holder) is Window for holder in gc.get_referrers(array))


@contextlib.contextmanager
def _kept(file: Any) -> Iterator[Any]:
    yield file


def derived(fun: Callable[[Any], Any], doc: str) -> Any:
    """Makes a property that is computed from the content, and is an array."""
    return property(lambda self: self._wrap(fun(self.value), "", self), doc=doc)


def passed(name: str, doc: str) -> Any:
    """Makes a property that is that of the content."""
    return property(lambda self: getattr(self.value, name), doc=doc)


class Methods(Arithmetic):
    """Gives a cell what `numpy.ndarray` has."""

    __slots__ = ()

    weak_type = passed("weak_type", "Whether JAX takes the dtype for a Python number's.")
    sharding = passed("sharding", "How the array lies on devices.")
    device = passed("device", "The device, or the sharding.")
    is_fully_addressable = passed("is_fully_addressable", "Whether this process holds all of it.")

    all = method(jnp.all)
    any = method(jnp.any)
    argmax = method(jnp.argmax)
    argmin = method(jnp.argmin)
    argpartition = method(completed.argpartition)
    argsort = method(jnp.argsort)
    choose = method(completed.choose)
    clip = method(completed.clip)
    cumprod = method(ACCUMULATED["cumprod"])
    cumsum = method(ACCUMULATED["cumsum"])
    dot = method(completed.dot)
    flatten = method(jnp.ravel)
    max = method(SCALARS["max"])
    mean = method(ACCUMULATED["mean"])
    min = method(SCALARS["min"])
    nonzero = method(jnp.nonzero)
    prod = method(SCALARS["prod"])
    ptp = method(jnp.ptp)
    repeat = method(jnp.repeat)
    round = method(jnp.round)
    searchsorted = method(completed.searchsorted)
    std = method(ACCUMULATED["std"])
    sum = method(SCALARS["sum"])
    take = method(gathering.take)
    trace = method(jnp.trace)
    var = method(ACCUMULATED["var"])

    def astype(
        self: Any,
        dtype: Any,
        order: str = "K",
        casting: Any = "unsafe",
        subok: bool = True,
        copy: bool = True,
    ) -> Any:
        """Returns the array in another dtype: a copy, unless `copy=False` and it has it already."""
        dtype = jax.dtypes.canonicalize_dtype(dtype)
        if casting != "unsafe" and not np.can_cast(self.dtype, dtype, casting):
            raise TypeError(
                f"Cannot cast array data from dtype({str(self.dtype)!r}) to "
                f"dtype({str(dtype)!r}) according to the rule {casting!r}"
            )
        if self.dtype == dtype and not copy:
            return self
        value = self.value
        value = value.copy() if value.dtype == dtype else value.astype(dtype)
        return self._wrap(value, "", self) if self._rebinds() else self._new_copy(value, None)

    def conj(self: Any) -> Any:
        """Returns the complex conjugate: a copy, but of a real array itself, as in NumPy."""
        if not jnp.issubdtype(self.dtype, jnp.complexfloating):
            return self
        return self._wrap(jnp.conj(self.value), "", self)

    conjugate = conj

    def copy(self: Any, order: str = "C") -> Any:
        """Returns an array of its own with the same content."""
        value = self.value.copy()
        return self._wrap(value, "", self) if self._rebinds() else self._new_copy(value, None)

    def compress(self, condition: Any, axis: int | None = None, out: Any = None) -> Any:
        """Returns the slices along an axis for which the condition holds."""
        try:
            found = jnp.compress(jnp.asarray(unpacked(condition)), self.value, axis=axis)
        except complaints.FAILURES as error:
            complaints.complain(np.ndarray.compress, (self, condition, axis), {}, error)
        return self._wrap(found, "", self) if out is None else assigned(out, found, "compress")

    # In place ----------------------------------------------------------------------------------

    def fill(self: Any, value: Any) -> None:
        """Sets all elements to one value."""
        if isinstance(value, (list, tuple)) or getattr(value, "shape", None):
            raise ValueError("setting an array element with a sequence.")
        self[...] = value

    def sort(self: Any, axis: int = -1, kind: Any = None, order: Any = None, **kwargs: Any) -> None:
        """Sorts the array in place."""
        check_kind("sort", kind, **kwargs)
        axis = normalize_axis_index(axis, self.ndim)
        self._assign(jnp.sort(self.value, axis, **kwargs))

    def partition(self: Any, kth: Any, axis: int = -1, kind: Any = None, order: Any = None) -> None:
        """Puts the element at `kth` in its place, in place; smaller ones come before it."""
        check_kind("partition", kind)
        self._assign(completed.partition(self.value, unpacked(kth), axis))

    def put(self: Any, indices: Any, values: Any, mode: str = "raise") -> None:
        """Sets elements of the flattened array in place."""
        self._check_writeable("put: output array")
        flat = self._flattened()
        indices, values = operand(indices), assigning.cast(values, self.dtype)
        if np.size(indices) and not self.size:
            raise IndexError("cannot replace elements of an empty array")
        if not np.size(values):
            return
        values = jnp.resize(jnp.asarray(values), jnp.shape(indices))
        if mode == "wrap":
            indices = jnp.asarray(indices) % max(self.size, 1)
        elif mode == "clip":
            indices = jnp.clip(jnp.asarray(indices), 0, self.size - 1)
        elif mode != "raise":
            raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
        flat[indices if is_tracer(indices) else np.asarray(indices)] = values

    def resize(self: Any, *new_shape: Any, refcheck: bool = True) -> None:
        """Changes shape and size in place; zeros come after the elements that there are.

        Args:
            new_shape: the shape, as integers or as a tuple.
            refcheck: whether an array of which there are views is refused.
        """
        if not new_shape or new_shape[0] is None or self.mark() == "scalar":
            return  # so it is in NumPy
        shape = unpacked(new_shape[0] if len(new_shape) == 1 else new_shape)
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        if math.prod(shape) == self.size and self.layout.flags.c_contiguous:
            self.shape = shape
            return
        if self.base is not None:
            raise ValueError("cannot resize this array: it does not own its data")
        if refcheck and math.prod(shape) != self.size and _is_seen(self, sys.getrefcount(self)):
            raise ValueError(
                "cannot resize an array that references or is referenced by another array in this "
                "way.\nUse the np.resize function or refcheck=False"
            )
        flat = self.value.ravel()[: math.prod(shape)]
        self._assign(jnp.pad(flat, (0, math.prod(shape) - flat.size)).reshape(shape))

    def setflags(self: Any, write: bool | None = None, align: Any = None, uic: Any = None) -> None:
        """Sets whether the array can be written."""
        if write is not None:
            self.flags.writeable = write

    def byteswap(self: Any, inplace: bool = False) -> Any:
        """Returns the elements with the order of their bytes reversed."""
        value = self.value
        if value.dtype.itemsize > 1:
            octets = value.reshape(-1, 1).view(jnp.uint8)[:, ::-1]
            value = octets.view(value.dtype).reshape(value.shape)
        if inplace:
            self._assign(value)
            return self
        return self._new_copy(value, None)

    def __delitem__(self, index: Any) -> None:
        raise ValueError("cannot delete array elements")

    # What needs raw memory -----------------------------------------------------------------------

    def getfield(self, dtype: Any, offset: int = 0) -> Any:
        """Is absent: arrays of JAX have no records."""
        raise TypeError("arrays of JAX have no fields: use `view(dtype)` and an index")

    def setfield(self, val: Any, dtype: Any, offset: int = 0) -> None:
        """Is absent: arrays of JAX have no records."""
        raise TypeError("arrays of JAX have no fields: assign to `view(dtype)` at an index")

    @property
    def data(self) -> Any:
        """Is absent: arrays of JAX have no memory that Python could address."""
        raise AttributeError("arrays of JAX have no buffer: use numpy.asarray(a).data")

    @property
    def ctypes(self) -> Any:
        """Is absent: arrays of JAX have no memory that Python could address."""
        raise AttributeError("arrays of JAX have no address: use numpy.asarray(a).ctypes")

    # To Python and NumPy -----------------------------------------------------------------------

    def item(self, *args: Any) -> Any:
        """Returns one element as a Python number."""
        return np.asarray(self.value).item(*args)

    def tolist(self) -> Any:
        """Returns the elements as nested lists of Python numbers."""
        return self.value.tolist()

    def tobytes(self, order: str = "C") -> bytes:
        """Returns the elements as bytes."""
        return np.asarray(self.value).tobytes(order)  # type: ignore[arg-type]

    def tofile(self, fid: Any, sep: str = "", format: str = "%s") -> None:
        """Writes the elements to a file, as NumPy does."""
        np.asarray(self.value).tofile(fid, sep, format)

    def dump(self, file: Any) -> None:
        """Writes a pickle of the array to a file."""
        with (
            Path(file).open("wb") if isinstance(file, (str, os.PathLike)) else _kept(file) as stream
        ):
            pickle.dump(self, stream)

    def dumps(self) -> bytes:
        """Returns a pickle of the array."""
        return pickle.dumps(self)

    def to_device(self: Any, device: Any, /, *, stream: Any = None) -> Any:
        """Returns a copy on a device, or with a sharding."""
        return self._new_copy(jax.device_put(self.value, device), None)

    def block_until_ready(self) -> Any:
        """Waits until the content has been computed, and returns the array."""
        jax.block_until_ready(self.value)
        return self

    def devices(self) -> Any:
        """Returns the devices that hold the content."""
        return self.value.devices()
