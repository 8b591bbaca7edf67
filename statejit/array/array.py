"""`Array`: the mutable array, a cell with identity that behaves as NumPy's array does."""

from __future__ import annotations

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.cells import Cell
from .._core.frames import CURRENT
from .._core.slots import is_tracer
from .._core.windows import Window
from . import assigning, indexing
from .calculus import typed
from .lifting import symbol_as_array
from .operators import operand
from .torchlike import Torchlike
from .views import SCALAR


class Array(Torchlike):
    """Holds one `jax.Array` and can be changed in place; every operation on it gives another.

    Args:
        value: anything array-like, of any shape. Another mutable array is copied.
        dtype: the dtype; by default that of `value`, as JAX has it.

    Example:
        >>> a = Array([1, 2, 3])
        >>> b = a
        >>> b[0] += 5
        >>> a
        Array([6, 2, 3], dtype=int32)
    """

    __slots__ = ("_collection", "_mark")
    __array_priority__ = 1000
    packs = True

    def __init__(self, value: Any, dtype: Any = None) -> None:
        super().__init__(content(value, dtype))

    @Cell.value.setter  # type: ignore[attr-defined, misc, untyped-decorator]
    def value(self, new: Any) -> None:
        """Gives the array other content: anything array-like, of any shape and dtype."""
        found = new.value if isinstance(new, Cell) else content(new)
        Cell.value.fset(self, found)  # type: ignore[attr-defined]

    def _wrap(self, value: Any, ufunc: str, *operands: Any) -> Any:
        return made(value)

    def _new_scalar(self, value: Any) -> Any:
        new = object.__new__(Array)
        new._value, new._mark = value, SCALAR
        return new

    def _new_view(self, window: Window) -> Any:
        return fresh(window)

    def _new_copy(self, value: Any, layout: Any) -> Any:
        return fresh(value)

    def _rebinds(self) -> bool:
        return self.mark() == SCALAR and not self._like()[0]

    # Items -------------------------------------------------------------------------------------

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())

    @property
    def at(self) -> At:
        """Gives JAX's functional updates: `a.at[0].set(5)` is a changed copy."""
        return At(self)

    # Protocols ---------------------------------------------------------------------------------

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        found = np.asarray(self.value)
        if dtype is not None and found.dtype != dtype:
            if copy is False:
                raise ValueError("unable to avoid copy while creating an array as requested")
            return found.astype(dtype)
        return found.copy() if copy else found

    def __jax_array__(self) -> Any:
        return self.value

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from .protocols import array_ufunc  # our functions are built upon this class

        return array_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, fun: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from .protocols import array_function

        return array_function(fun, args, kwargs)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
            raise ValueError(f"unrecognized array API version: {api_version!r}")
        return sys.modules["statejit.numpy"]

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.value.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any:
        return self.value.__dlpack_device__()

    # Copies ------------------------------------------------------------------------------------

    def __copy__(self) -> Any:
        return rebuilt(type(self), self.value.copy(), collection_of(self), self._rebinds())

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__copy__()

    def __reduce__(self) -> Any:
        own = getattr(self, "__dict__", None) or None
        return rebuilt, (type(self), self.value, collection_of(self), self._rebinds()), own

    # Python's own ------------------------------------------------------------------------------

    def __hash__(self) -> int:  # type: ignore[override]
        if not self._rebinds():
            raise TypeError(f"unhashable type: {type(self).__name__!r}")
        return hash(self.item())  # a scalar is a value

    def __bool__(self) -> bool:
        return bool(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __complex__(self) -> complex:
        return complex(self.value)

    def __index__(self) -> int:
        return self.value.__index__()

    def __round__(self, ndigits: int | None = None) -> Any:
        found = jnp.round(self.value, ndigits or 0)
        if ndigits is None and self._rebinds():  # an integer, as of a scalar of NumPy's
            found = found.astype(int) if is_tracer(found) else jnp.asarray(int(found))
        return self._wrap(found, "", self)

    def __format__(self, spec: str) -> str:
        return format(self.item() if spec and not self.shape else self.value, spec)

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return shown(type(self).__name__, self.value)


def content(value: Any, dtype: Any = None) -> Any:
    """Returns the `jax.Array` that a new mutable array of `value` holds: strongly typed.

    Args:
        value: anything array-like; a mutable array or a NumPy array is copied.
        dtype: the dtype, if another one is wanted.
    """
    if isinstance(value, jax.Array):
        return typed(value) if dtype is None else jnp.asarray(value, dtype)
    if dtype is not None and isinstance(value, (int, list, tuple)):
        dtype = jax.dtypes.canonicalize_dtype(dtype)
        value = assigning.cast(value, dtype) if jnp.issubdtype(dtype, jnp.integer) else value
    return typed(jnp.array(symbol_as_array(operand(value)), dtype))


def fresh(value: Any) -> Array:
    """Returns a new mutable array around a `jax.Array` or a window, with no conversion at all."""
    new = object.__new__(Array)
    frame = CURRENT.get()
    if frame is None:
        new._value, new._mark = value, None
    else:
        frame.create(new)
        frame.write(new, "_value", value)
    return new


def made(value: Any) -> Array:
    """Returns the mutable array of a result; one without axes passes for a scalar of NumPy's."""
    new = fresh(value)
    if not value.ndim:
        new._mark = SCALAR
    return new


def rebuilt(cls: type, value: Any, collection: str | None, scalar: bool = False) -> Any:
    """Returns a new cell of any class of arrays around `value`, whatever that is."""
    new: Any = object.__new__(cls)
    if collection is not None:
        new._collection = collection
    Cell.__init__(new, value)
    if scalar:
        new._mark = SCALAR
    return new


def collection_of(array: Any) -> str | None:
    """Returns the collection that was declared for an array, or None."""
    return getattr(array, "_collection", None)


def shown(name: str, value: Any) -> str:
    """Returns how an array is shown: `Array([1, 2], dtype=int32)`."""
    if is_tracer(value) or not isinstance(value, jax.Array):
        return f"{name}({value!r})"
    if jnp.issubdtype(value.dtype, jax.dtypes.prng_key) or not value.is_fully_addressable:
        return f"{name}({value!r})"
    text = np.array2string(np.asarray(value), separator=", ", prefix=f"{name}(")
    return f"{name}({text}, dtype={value.dtype})"


class At:
    """Is what `Array.at` gives; each update is a new mutable array.

    Args:
        array: the array.
        index: where, once it is known.
    """

    __slots__ = ("_array", "_index")

    def __init__(self, array: Array, index: Any = None) -> None:
        self._array, self._index = array, index

    def __getitem__(self, index: Any) -> At:
        return At(self._array, indexing.checked(index, self._array.value.shape))

    def __getattr__(self, name: str) -> Any:
        value = self._array.value
        update = getattr(value.at[self._index], name)
        return lambda *args, **kwargs: made(
            update(*[symbol_as_array(operand(a)) for a in args], **kwargs)
        )


def register(cls: type) -> None:
    """Registers a class of arrays as a pytree node with one child, the content.

    JAX puts all sorts of objects in place of leaves; so nothing is checked.
    """
    jax.tree_util.register_pytree_with_keys(
        cls,
        lambda array: (((jax.tree_util.GetAttrKey("value"), array.value),), collection_of(array)),
        lambda collection, children: rebuilt(cls, next(iter(children)), collection),
        lambda array: ((array.value,), collection_of(array)),
    )


register(Array)
