"""Steps on the way from an array to a part of it: each one an operation that in NumPy is a view.

A step knows three things: what NumPy makes of it (tried on a *layout*, an array of NumPy's without
content), how the part is read, and how the whole is put together again from a changed part.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .layouts import layout_of
from .overlapping import put


@dataclasses.dataclass(frozen=True)
class Operand:
    """Stands for an integer that is known only when the way is gone.

    Args:
        position: which of the operands it is.
        fits: whether it is within bounds for sure; others are JAX's to clamp (when something is
            read) or to pass over (when it is written).
    """

    position: int
    fits: bool = False


Start = int | Operand
Entry = tuple[Start] | tuple[Start, int, int] | None
"""What an index does to one axis: an integer, (start, count, step), or None for a new axis."""


@dataclasses.dataclass(frozen=True)
class Pick:
    """An index of integers, slices and new axes.

    Args:
        entries: one for each axis that there is, and one for each that is new.
    """

    entries: tuple[Entry, ...]

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of the part."""
        return tuple(1 if e is None else e[1] for e in self.entries if e is None or len(e) == 3)

    def layout(self, layout: np.ndarray) -> np.ndarray:
        """Returns what NumPy makes of it."""
        return layout[(*[e if e is None else _numpys(e) for e in self.entries], ...)]

    def read(self, value: Any, operands: Any) -> Any:
        """Returns the part."""
        if self._may_not_fit():
            return value[self._jaxs_index(value, operands)]
        spans, strides = self._spans()
        part = _span(value, self._starts(operands), spans)
        if any(stride != 1 for stride in strides):
            part = lax.slice(part, (0,) * part.ndim, spans, strides)
        return lax.reshape(_turned(part, self._backward()), self.shape(value.shape))

    def write(self, value: Any, operands: Any, part: Any) -> Any:
        """Returns the whole with another part."""
        counts = [1 if len(e) == 1 else e[1] for e in self.entries if e is not None]
        if 0 in counts:
            return value
        if self._may_not_fit():
            return value.at[self._jaxs_index(value, operands)].set(part)
        part = _turned(lax.reshape(part, counts), self._backward())
        starts = self._starts(operands)
        spans, strides = self._spans()
        if any(stride != 1 for stride in strides):
            part = _spread(part, strides, _span(value, starts, spans))
        return part if part.shape == value.shape else put(value, part, starts)

    def then(self, other: Pick) -> Pick | None:
        """Returns both indices as one, if that can be said."""
        found: list[Entry] = []
        rest = list(other.entries)
        for entry in self.entries:
            if entry is not None and len(entry) == 1:
                found.append(entry)
                continue
            while rest and rest[0] is None:
                found.append(rest.pop(0))
            outer = rest.pop(0)
            both = _composed(entry, outer)
            if both is False:
                return None
            if both != ():
                found.append(both)
        return Pick((*found, *rest))

    def after(self, known: int) -> Pick:
        """Returns the index for a way that has operands already."""
        moved = [
            (Operand(e[0].position + known, e[0].fits), *e[1:])
            if e and type(e[0]) is Operand
            else e
            for e in self.entries
        ]
        return Pick(tuple(moved))  # type: ignore[arg-type]

    def split(self, first: int) -> tuple[Pick, list[int]]:
        """Returns the index with operands in the place of known starts, and those starts."""
        starts: list[int] = []
        entries: list[Entry] = []
        if self._may_not_fit():
            return self, starts
        for entry in self.entries:
            if entry is None or type(entry[0]) is not int or (len(entry) == 3 and entry[1] == 0):
                entries.append(entry)
            elif len(entry) == 3 and entry[0] == 0 and entry[2] == 1:
                entries.append(entry)  # mostly whole axes
            else:
                entries.append((Operand(first + len(starts), True), *entry[1:]))  # type: ignore
                starts.append(entry[0])
        return Pick(tuple(entries)), starts

    def _may_not_fit(self) -> bool:
        return any(e is not None and type(e[0]) is Operand and not e[0].fits for e in self.entries)

    def _jaxs_index(self, value: Any, operands: Any) -> Any:
        return tuple(
            e if e is None else operands[e[0].position] if type(e[0]) is Operand else _numpys(e)
            for e in self.entries
        )

    def _starts(self, operands: Any) -> Any:
        """Returns the lowest index on each axis."""
        lowest: list[Any] = []
        entries: Any = self.entries
        for entry in entries:
            if entry is not None:
                start = operands[entry[0].position] if type(entry[0]) is Operand else entry[0]
                back = 0 if len(entry) == 1 or entry[2] > 0 else (entry[1] - 1) * entry[2]
                lowest.append(start + back if back and entry[1] else start)
        if all(type(start) is int for start in lowest):
            return tuple(lowest)
        dtype = jax.dtypes.canonicalize_dtype(int)
        return tuple(lax.convert_element_type(start, dtype) for start in lowest)

    def _spans(self) -> tuple[list[int], list[int]]:
        """Returns how much of each axis is covered, and in what strides."""
        spans, strides = [], []
        for entry in self.entries:
            if entry is not None:
                count, step = (1, 1) if len(entry) == 1 else entry[1:]
                spans.append((count - 1) * abs(step) + 1 if count else 0)
                strides.append(abs(step))
        return spans, strides

    def _backward(self) -> list[int]:
        entries = [e for e in self.entries if e is not None]
        return [i for i, e in enumerate(entries) if len(e) == 3 and e[2] < 0]


def _numpys(entry: Any) -> Any:
    """Returns an entry as NumPy takes it; integers that are not known are zero here."""
    start = entry[0] if type(entry[0]) is int else 0
    if len(entry) == 1:
        return start
    _, count, step = entry
    if type(entry[0]) is not int and step < 0:
        start = (count - 1) * -step
    stop = start + count * step
    return slice(start, None if stop < 0 else stop, step)


def _composed(inner: Any, outer: Any) -> Any:
    """Returns what two indices do to one axis: an entry, () for nothing, False if unknown."""
    if inner is None:
        return () if len(outer) == 1 else None if outer[1:] == (1, 1) else False
    start, _, step = inner
    if type(outer[0]) is int and type(start) is int:
        return (start + outer[0] * step, *((outer[1], step * outer[2]) if len(outer) == 3 else ()))
    if start == 0 and step == 1:
        return outer
    return inner if outer[0] == 0 and len(outer) == 3 and outer[1:] == (inner[1], 1) else False


def _span(value: Any, starts: Any, spans: list[int]) -> Any:
    if tuple(spans) == value.shape:
        return value
    if all(type(start) is int for start in starts):
        return lax.slice(value, starts, [a + n for a, n in zip(starts, spans, strict=True)])
    return lax.dynamic_slice(value, starts, spans)


def _turned(value: Any, axes: list[int]) -> Any:
    return lax.rev(value, axes) if axes else value


def _spread(part: Any, strides: list[int], span: Any) -> Any:
    """Lays elements into every n-th place of a span, which keeps the others."""
    padding = [(0, 0, stride - 1) for stride in strides]
    padded = lax.pad(part, jnp.zeros((), part.dtype), padding)
    taken = np.ones((), bool)
    for n, stride in zip(span.shape, strides, strict=True):
        taken = taken[..., None] & (np.arange(n) % stride == 0)
    return lax.select(jnp.asarray(taken), padded, span)


@dataclasses.dataclass(frozen=True)
class Permute:
    """A permutation of the axes.

    Args:
        axes: for each axis of the part, the one that it was.
    """

    axes: tuple[int, ...]

    def layout(self, layout: np.ndarray) -> np.ndarray:
        return layout.transpose(self.axes)

    def read(self, value: Any, operands: Any) -> Any:
        return lax.transpose(value, self.axes)

    def write(self, value: Any, operands: Any, part: Any) -> Any:
        return lax.transpose(part, np.argsort(self.axes))


@dataclasses.dataclass(frozen=True)
class Reshape:
    """The same elements in another shape, in C's order.

    Args:
        shape: the new shape.
    """

    shape: tuple[int, ...]

    def layout(self, layout: np.ndarray) -> np.ndarray:
        return np.reshape(layout, self.shape, copy=False)

    def read(self, value: Any, operands: Any) -> Any:
        return lax.reshape(value, self.shape)

    def write(self, value: Any, operands: Any, part: Any) -> Any:
        return lax.reshape(part, value.shape)


@dataclasses.dataclass(frozen=True)
class Row(Reshape):
    """The elements in one row, in C's order, also where no strides could say that."""

    def layout(self, layout: np.ndarray) -> np.ndarray:
        return layout_of(self.shape, layout.dtype)


@dataclasses.dataclass(frozen=True)
class Part:
    """The real or the imaginary part of complex numbers.

    Args:
        name: 'real' or 'imag'.
    """

    name: str

    def layout(self, layout: np.ndarray) -> np.ndarray:
        return getattr(layout, self.name)

    def read(self, value: Any, operands: Any) -> Any:
        return lax.real(value) if self.name == "real" else lax.imag(value)

    def write(self, value: Any, operands: Any, part: Any) -> Any:
        if self.name == "real":
            return lax.complex(part, lax.imag(value))
        return lax.complex(lax.real(value), part)


@dataclasses.dataclass(frozen=True)
class Bits:
    """The same bits as another dtype.

    Args:
        dtype: the new dtype.
    """

    dtype: Any

    def layout(self, layout: np.ndarray) -> np.ndarray:
        return layout.view(self.dtype)

    def read(self, value: Any, operands: Any) -> Any:
        return value.view(self.dtype)

    def write(self, value: Any, operands: Any, part: Any) -> Any:
        return part.view(value.dtype)


@dataclasses.dataclass(frozen=True)
class Diagonal:
    """The diagonals of two axes; NumPy lets nobody write to them.

    Args:
        offset: how far above the main diagonal.
        axes: the two axes.
    """

    offset: int
    axes: tuple[int, int]

    def layout(self, layout: np.ndarray) -> np.ndarray:
        return layout.diagonal(self.offset, *self.axes)

    def read(self, value: Any, operands: Any) -> Any:
        return jnp.diagonal(value, self.offset, *self.axes)


@dataclasses.dataclass(frozen=True)
class Broadcast:
    """Elements repeated along axes; NumPy lets nobody write to them.

    Args:
        shape: the shape.
    """

    shape: tuple[int, ...]

    def layout(self, layout: np.ndarray) -> np.ndarray:
        return np.broadcast_to(layout, self.shape)

    def read(self, value: Any, operands: Any) -> Any:
        return jnp.broadcast_to(value, self.shape)


Step = Any
