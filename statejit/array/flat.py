"""`a.flat` and `a.flags`: small objects through which an array is seen in another way."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core.slots import is_tracer
from .layouts import layout_of
from .operators import operand


class Flat:
    """The elements of an array in one row: NumPy's `flatiter`.

    Args:
        array: the array.

    Example:
        >>> import statejit.numpy as snp
        >>> a = snp.zeros((2, 2))
        >>> a.flat[1:3] = 5
        >>> a.tolist()
        [[0.0, 5.0], [5.0, 0.0]]
    """

    __slots__ = ("_array", "_next")

    def __init__(self, array: Any) -> None:
        self._array, self._next = array, 0

    @property
    def base(self) -> Any:
        """The array."""
        return self._array

    @property
    def index(self) -> int:
        """The position of the next element."""
        return self._next

    @property
    def coords(self) -> tuple[int, ...]:
        """The position of the next element, by axes."""
        return tuple(int(i) for i in np.unravel_index(self._next, self._array.shape))

    def __getitem__(self, index: Any) -> Any:
        found = self._array._flattened()[_checked(index)]
        return found if not found.shape else found.copy()

    def __setitem__(self, index: Any, new: Any) -> None:
        if not self._array._is_writeable():
            self._array._check_writeable()
        flat, index, new = self._array._flattened(), _checked(index), operand(new)
        if np.ndim(new):
            shape = _shape_of(flat.size, index)
            if not shape and index is not Ellipsis:
                raise ValueError("Error setting single item of array.")
            if not np.size(new):
                return
            count = math.prod(shape)
            new = jnp.ravel(jnp.asarray(new))  # NumPy repeats values that are too few
            new = new if new.size == count else new[np.arange(count) % new.size]
            new = new.reshape(shape)
        flat[index] = new

    def __len__(self) -> int:
        return self._array.size

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._next >= self._array.size:
            raise StopIteration
        self._next += 1
        return self._array._flattened()[self._next - 1]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.copy(), dtype)

    def copy(self) -> Any:
        """Returns the elements as an array of their own."""
        return self._array._flattened().copy()

    def __eq__(self, other: object) -> Any:
        return self._array._flattened() == other

    __hash__ = None  # type: ignore[assignment]


def _checked(index: Any) -> Any:
    """Returns an index into a row: an integer, a slice, `...`, or an array of these."""
    index = index[0] if type(index) is tuple and len(index) == 1 else index
    if type(index) is tuple and len(index) > 1 and None not in index:
        raise IndexError(
            "too many indices for flat iterator: flat iterator is 1-dimensional, but "
            f"{len(index)} were indexed"
        )
    is_truth = getattr(index, "dtype", None) == np.bool and not np.ndim(index)
    if index is None or is_truth or type(index) in (tuple, bool):
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`) and integer or boolean arrays are valid "
            "indices"
        )
    return index


def _shape_of(size: int, index: Any) -> tuple[int, ...]:
    """Returns the shape of the elements at an index."""
    where: Any = slice(None) if index is Ellipsis else operand(index)
    if is_tracer(where) and where.dtype != bool:
        return where.shape
    where = where if type(where) is slice else np.asarray(where)
    if type(where) is np.ndarray and not where.size:
        return where.shape
    return layout_of((size,), "b")[where].shape


class Flags:
    """Whether an array can be written, and how its elements would lie in NumPy's memory.

    Args:
        array: the array.

    Example:
        >>> import statejit.numpy as snp
        >>> a = snp.zeros((2, 3))
        >>> a.flags.writeable = False
        >>> a.T.flags.f_contiguous, a.T.flags["WRITEABLE"]
        (True, False)
    """

    __slots__ = ("_array",)

    def __init__(self, array: Any) -> None:
        self._array = array

    @property
    def writeable(self) -> bool:
        """Whether the array can be written."""
        return self._array._is_writeable()

    @writeable.setter
    def writeable(self, writeable: bool) -> None:
        self._array._set_writeable(bool(writeable))

    @property
    def owndata(self) -> bool:
        """Whether the array is no view."""
        return self._array.base is None

    c_contiguous = property(lambda self: self._array.layout.flags.c_contiguous)
    f_contiguous = property(lambda self: self._array.layout.flags.f_contiguous)
    contiguous = c_contiguous
    fnc = property(lambda self: self._array.layout.flags.fnc)
    forc = property(lambda self: self._array.layout.flags.forc)
    farray = property(lambda self: self.fnc and self.writeable)
    carray = property(lambda self: self.c_contiguous and self.writeable)
    behaved = property(lambda self: self.writeable)
    aligned = property(lambda self: True)
    writebackifcopy = property(lambda self: False)

    _LETTERS = {"C": "c_contiguous", "F": "f_contiguous", "O": "owndata", "W": "writeable"}
    _LETTERS |= {"A": "aligned", "X": "writebackifcopy", "B": "behaved"}

    def __getitem__(self, name: str) -> bool:
        return bool(getattr(self, self._LETTERS.get(name, name.lower())))

    def __setitem__(self, name: str, value: bool) -> None:
        if name.lower() not in ("w", "writeable"):
            raise ValueError(f"the flag {name!r} can not be set: arrays have no memory to align")
        self.writeable = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Flags) and repr(self) == repr(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        names = ("C_CONTIGUOUS", "F_CONTIGUOUS", "OWNDATA", "WRITEABLE", "ALIGNED")
        return "\n".join(f"  {n} : {self[n]}" for n in (*names, "WRITEBACKIFCOPY"))
