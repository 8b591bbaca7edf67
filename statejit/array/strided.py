"""`numpy.lib.stride_tricks`: windows that slide along axes, and any strides; views to be read."""

from __future__ import annotations

import dataclasses
import operator
import types
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.lib import stride_tricks

from .array import Array
from .lifting import unpacked
from .viewing import VIEWING


@dataclasses.dataclass(frozen=True)
class Slide:
    """Windows at all places along axes; their own axes come last.

    Args:
        window: the lengths of a window.
        axes: the axes along which it slides.
    """

    window: tuple[int, ...]
    axes: tuple[int, ...]

    def layout(self, layout: np.ndarray) -> np.ndarray:
        return stride_tricks.sliding_window_view(layout, self.window, self.axes)

    def read(self, value: Any, operands: Any) -> Any:
        for n, axis in zip(self.window, self.axes, strict=True):
            starts = jnp.arange(value.shape[axis] - n + 1)
            # Each window shortens its axis and adds one at the end, as NumPy's do.
            value = jnp.take(jnp.moveaxis(value, axis, -1), starts[:, None] + jnp.arange(n), -1)
            value = jnp.moveaxis(value, -2, axis)
        return value


@dataclasses.dataclass(frozen=True)
class Strided:
    """Elements at distances in the flattened array, which need not be different ones.

    Args:
        shape: the shape.
        strides: how many elements apart neighbours along each axis are.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def layout(self, layout: np.ndarray) -> np.ndarray:
        return stride_tricks.as_strided(
            layout, self.shape, [n * layout.itemsize for n in self.strides], writeable=False
        )

    def read(self, value: Any, operands: Any) -> Any:
        places = jnp.zeros(self.shape, int)
        for axis, stride in enumerate(self.strides):
            places += stride * lax.broadcasted_iota(places.dtype, self.shape, axis)
        return jnp.take(value, places)


def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    """Returns a view of the windows at all places of an array; it can not be written.

    Args:
        x: the array, (*shape,).
        window_shape: the length of a window, or its lengths.
        axis: the axis, or axes, along which it slides; None for all.
        subok: not looked at.
        writeable: is refused.

    Returns:
        An array, (*places, *window_shape).

    Raises:
        ValueError: if a window does not fit, or the view is to be written.

    Example:
        >>> import statejit.numpy as snp
        >>> x = snp.arange(5)
        >>> windows = snp.lib.stride_tricks.sliding_window_view(x, 3)
        >>> x[2] = 9
        >>> windows.max(1).tolist()
        [9, 9, 9]
    """
    if writeable:
        raise ValueError("windows that overlap are read-only: write to the array itself")
    x = x if isinstance(x, Array) else Array(x)
    window, axis = _whole(window_shape), _whole(axis)
    stride_tricks.sliding_window_view(x.layout, window, axis)  # raises as NumPy does
    axes = range(x.ndim) if axis is None else axis
    return x._view(Slide(window, tuple(n % x.ndim for n in axes)), fixed=True)


def as_strided(
    x: Any, shape: Any = None, strides: Any = None, subok: bool = False, writeable: bool = True
) -> Any:
    """Returns a view of any shape and strides within an array; it can not be written.

    Args:
        x: the array, (*shape,), whose elements lie as in C.
        shape: the new shape; by default its own.
        strides: how many bytes apart neighbours are; by default its own.
        subok: not looked at.
        writeable: not looked at.

    Raises:
        ValueError: if the view reached beyond the array, or elements do not lie as in C.

    Example:
        >>> import statejit.numpy as snp
        >>> x = snp.arange(4, dtype="int32")
        >>> snp.lib.stride_tricks.as_strided(x, (3, 2), (4, 4)).tolist()
        [[0, 1], [1, 2], [2, 3]]
    """
    x = x if isinstance(x, Array) else Array(x)
    shape = x.shape if shape is None else _whole(shape)
    apart = x.strides if strides is None else _whole(strides)
    if not x.flags.c_contiguous:
        raise ValueError("as_strided takes an array whose elements lie as in C: `x.copy()`")
    if len(shape) != len(apart):
        raise ValueError("mismatch in length of strides and shape")
    if any(n % x.itemsize for n in apart):
        raise ValueError(f"strides must be multiples of the {x.itemsize} bytes of an element")
    steps = tuple(n // x.itemsize for n in apart)
    ends = [(n - 1) * step for n, step in zip(shape, steps, strict=True)]
    if 0 not in shape and (sum(e for e in ends if e > 0) >= x.size or min(ends, default=0) < 0):
        raise ValueError(f"strides {apart} with the shape {shape} reach beyond the array")
    return x._view(Strided(shape, steps), fixed=True)


def _whole(value: Any) -> Any:
    value = unpacked(value)
    if value is None:
        return None
    return tuple(map(operator.index, value)) if np.iterable(value) else (operator.index(value),)


STRIDE_TRICKS = {
    **{fun.__name__: fun for fun in (sliding_window_view, as_strided)},
    **{name: VIEWING[name] for name in ("broadcast_to", "broadcast_arrays")},
}
"""These functions, by name."""

LIB = types.SimpleNamespace(stride_tricks=types.SimpleNamespace(**STRIDE_TRICKS))
"""What there is of `numpy.lib`."""
