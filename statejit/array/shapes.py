"""The methods of arrays that give the same elements in another shape, or along other axes."""

from __future__ import annotations

import operator
from typing import Any

import jax.numpy as jnp
import numpy as np

from .layouts import layout_of
from .lifting import unpacked
from .methods import Methods
from .steps import Broadcast, Diagonal, Permute, Pick, Reshape, Step


class Shapes(Methods):
    """Gives a cell what changes shapes: views exactly where NumPy has them."""

    __slots__ = ()

    @property
    def layout(self) -> np.ndarray:
        """An array of NumPy's with the same shape, dtype and strides, without content."""
        raise NotImplementedError

    def _view(self, *steps: Step, operands: tuple[Any, ...] = (), fixed: bool = False) -> Any:
        """Returns a view of this array; see `Views`."""
        raise NotImplementedError

    def _new_copy(self, value: Any, layout: Any) -> Any:
        """Returns a new array, never a scalar, with a content."""
        raise NotImplementedError

    def reshape(self, *shape: Any, order: Any = "C", copy: bool | None = None) -> Any:
        """Returns the elements in another shape: a view exactly where NumPy has one.

        Args:
            shape: the new shape, as integers or as a tuple; one may be -1.
            order: 'C', 'F' or 'A': in which order elements are read and placed.
            copy: True for a copy, False for an error where a copy is needed.
        """
        new = plain_axes(shape[0] if len(shape) == 1 else shape)
        layout = self.layout
        if order == "A":
            order = "F" if layout.flags.fnc else "C"
        reshaped = sized(layout, new)
        if not copy:
            try:
                np.reshape(layout, reshaped, order=order, copy=False)  # type: ignore[arg-type]
            except ValueError:
                if copy is False:
                    raise
            else:
                return self._view(*_reshaping(reshaped, layout.ndim, order))
        value = jnp.reshape(self.value, reshaped, order=order)
        return self._new_copy(value, layout_of(reshaped, layout.dtype))

    def ravel(self, order: str = "C") -> Any:
        """Returns the elements in one row: a view where they lie so already."""
        layout = self.layout
        if order == "K":  # as the elements lie in memory
            axes = sorted(range(layout.ndim), key=lambda i: -abs(layout.strides[i]))
            return self.transpose(axes).ravel()
        flags = layout.flags
        lies = flags.f_contiguous if order == "F" else flags.c_contiguous
        return self.reshape(-1, order=order, copy=None if lies or order == "A" else True)

    def transpose(self, *axes: Any) -> Any:
        """Returns a view with permuted axes, by default reversed."""
        order = plain_axes(axes[0] if len(axes) == 1 else axes or None)
        layout = self.layout
        layout.transpose(order)  # raises as NumPy does
        if order is None:
            return self._view(Permute(tuple(range(layout.ndim))[::-1]))
        return self._view(Permute(tuple(operator.index(i) % layout.ndim for i in order)))

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        """Returns a view with two axes exchanged."""
        axis1, axis2 = plain_axes(axis1), plain_axes(axis2)
        return self._permuted(lambda axes: np.swapaxes(axes, axis1, axis2))

    def _permuted(self, fun: Any) -> Any:
        """Returns the view that NumPy's `fun` makes: axes are told by their lengths."""
        axes = fun(layout_of(tuple(range(1, self.layout.ndim + 1)), "b")).shape
        return self._view(Permute(tuple(n - 1 for n in axes)))

    def squeeze(self, axis: Any = None) -> Any:
        """Returns a view without axes of length 1."""
        layout, axis = self.layout, plain_axes(axis)
        layout.squeeze(axis)  # raises as NumPy does
        if axis is None and 1 not in layout.shape:
            return self
        given = (axis,) if isinstance(axis, int) else axis
        dropped = (
            [i for i, n in enumerate(layout.shape) if n == 1]
            if given is None
            else [operator.index(i) % layout.ndim for i in given]
        )
        entries = [(0,) if i in dropped else (0, n, 1) for i, n in enumerate(layout.shape)]
        return self._view(Pick(tuple(entries)))

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """Returns a read-only view of the diagonals of two axes."""
        self.layout.diagonal(offset, axis1, axis2)  # raises as NumPy does
        return self._view(Diagonal(offset, (axis1, axis2)), fixed=True)

    def _broadcast(self, shape: Any) -> Any:
        """Returns a read-only view with elements repeated."""
        found = np.broadcast_to(self.layout, plain_axes(shape))
        return self._view(Broadcast(found.shape), fixed=True)

    @property
    def T(self) -> Any:
        """The transpose: a view."""
        return self.transpose()

    @property
    def mT(self) -> Any:
        """The transpose of the last two axes: a view."""
        n = self.layout.ndim
        if n < 2:
            raise ValueError("matrix transpose with ndim < 2 is undefined")
        return self.swapaxes(n - 2, n - 1)


def plain_axes(value: Any) -> Any:
    """Returns axes or a shape as plain integers."""
    value = unpacked(value)
    if isinstance(value, (tuple, list)):
        return tuple(operator.index(n) for n in value)
    return value if value is None else operator.index(value)


def sized(layout: np.ndarray, shape: Any) -> tuple[int, ...]:
    """Returns a shape without -1; raises as NumPy does if it does not fit."""
    flat = layout_of((layout.size,), "b")
    return flat.reshape(shape).shape


def _reshaping(shape: tuple[int, ...], ndim: int, order: str) -> tuple[Step, ...]:
    if order == "C":
        return (Reshape(shape),)
    before, after = range(ndim)[::-1], range(len(shape))[::-1]
    return Permute(tuple(before)), Reshape(shape[::-1]), Permute(tuple(after))
