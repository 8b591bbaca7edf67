"""Views: every operation that is a view in NumPy gives an array that reads and writes through.

Whether it is one is NumPy's own decision: each is tried on the array's *layout*, an array of
NumPy's with the same shape, dtype and strides, and no content.
"""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.frames import CURRENT
from .._core.slots import MISSING
from .._core.windows import Window
from . import callers, complaints, elements, indexing, kernels, quick
from .assigning import cast, stretched
from .flat import Flags, Flat
from .gathering import gathered, scattering
from .layouts import layout_of
from .masked import REDUCTIONS, Masked, Picked, masked
from .picking import picked
from .shapes import Shapes, plain_axes, sized
from .steps import Bits, Part, Pick, Reshape, Row, Step
from .ways import Way

READ_ONLY = "read-only"
SCALAR = "scalar"

QUICK = (int, tuple)
"""Types of indices that may be those of one element."""


class Views(Shapes):
    """Gives a cell items, and all that is a view in NumPy."""

    __slots__ = ()

    # What classes of arrays decide ---------------------------------------------------------------

    def _new_view(self, window: Window) -> Any:
        """Returns a new array that is the view."""
        raise NotImplementedError

    # Where the content is ------------------------------------------------------------------------

    def window(self) -> Window:
        """Returns in which array the content is, and where; for arrays that are no view, too."""
        held = self.held()
        return held if type(held) is Window else Window(self, Way(held.shape))

    def mark(self) -> str | None:
        """Returns what sets the array apart: 'scalar', 'read-only' or None."""
        frame = CURRENT.get()
        if frame is None:
            return getattr(self, "_mark", None)
        found = frame.lookup(self, "_mark")
        return None if found is MISSING else found

    @property
    def layout(self) -> np.ndarray:
        """An array of NumPy's with the same shape, dtype and strides, without content."""
        held = self.held()
        if type(held) is Window:
            return held.way.layout_like(held.cell.value.dtype)
        return layout_of(held.shape, held.dtype)

    @property
    def base(self) -> Any:
        """The array of which this is a view, or None."""
        held = self.held()
        return held.cell if type(held) is Window else None

    def _is_writeable(self) -> bool:
        return self.mark() != READ_ONLY

    def _check_writeable(self, what: str = "assignment destination") -> None:
        mark = self.mark()
        if mark == READ_ONLY:
            raise ValueError(f"{what} is read-only")
        if mark == SCALAR:
            raise TypeError(
                f"'{self._like()[1]}' scalars are not changed in place, as in NumPy: assign to the "
                "name (`x = ...`, `x += ...`), or start from an array without axes "
                "(`x = array(0.0)`)"
            )

    def _check_no_scalar(self, name: str) -> None:
        if self.mark() == SCALAR:
            raise AttributeError(f"attribute {name!r} of scalars is not writable")

    def _like(self) -> tuple[tuple[int, ...], Any]:
        """Returns shape and dtype, without reading a view."""
        held = self.held()
        if type(held) is Window:
            return held.way.like(held.cell.value.dtype)
        return held.shape, held.dtype

    def seen(self, way: Way) -> Any:
        """Returns the view on this array, which is none itself, along a way."""
        return self._new_view(Window(self, way))

    def _view(self, *steps: Step, operands: tuple[Any, ...] = (), fixed: bool = False) -> Any:
        """Returns a view of this array.

        Args:
            steps: from this array to the view.
            operands: arrays that the steps depend on.
            fixed: whether NumPy lets nobody write to it.
        """
        if self.mark() == SCALAR:
            view = self._new_copy(self.value, None)._view(*steps, operands=operands, fixed=fixed)
            if not fixed and not view.shape:
                view._mark = SCALAR
            return view
        window = self.window()
        view = self._new_view(_narrowed(window, *steps, operands=operands))
        if fixed or not self._is_writeable():
            view._mark = READ_ONLY
        return view

    # What it is like -----------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes; may be set where elements need not move."""
        return self._like()[0]

    @shape.setter
    def shape(self, shape: Any) -> None:
        held = self.held()
        self._check_no_scalar("shape")
        if type(held) is not Window:
            self.value = held.reshape(sized(self.layout, plain_axes(shape)))
            return
        reshaped = sized(self.layout, plain_axes(shape))
        try:
            np.reshape(self.layout, reshaped, copy=False)
        except ValueError:
            raise AttributeError(
                "Incompatible shape for in-place modification. Use `.reshape()` to make a copy "
                "with the desired shape."
            ) from None
        self._hold(_narrowed(held, Reshape(reshaped)))

    @property
    def dtype(self) -> Any:
        """The dtype, as NumPy has it."""
        return self._like()[1]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self.size * self.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        """How many bytes apart elements along each axis would lie in NumPy."""
        return self.layout.strides

    @property
    def flags(self) -> Flags:
        """Whether it can be written, and how elements would lie in NumPy's memory."""
        return Flags(self)

    @property
    def flat(self) -> Flat:
        """The elements in one row, to be read, iterated over and written."""
        return Flat(self)

    @flat.setter
    def flat(self, new: Any) -> None:
        self._check_no_scalar("flat")
        self.flat[...] = new

    def _flattened(self) -> Any:
        """Returns a view of the elements in one row, also where NumPy would have to copy."""
        return self._view(Row((self.size,)))

    def _hold(self, window: Window) -> None:
        """Makes this view another one."""
        frame = CURRENT.get()
        if frame is None:
            self.check_outside()
            self._value = window
        else:
            frame.write(self, "_value", window)

    def _set_writeable(self, writeable: bool) -> None:
        if self.mark() == SCALAR:
            raise ValueError("Cannot set flags on array scalars.")
        if writeable and self.mark() == READ_ONLY:
            base = self.base
            fixed = not all(hasattr(step, "write") for step in self.window().way.steps)
            if fixed or (base is not None and not base.flags.writeable):
                raise ValueError("cannot set WRITEABLE flag to True of this array")
        mark = None if writeable else READ_ONLY
        frame = CURRENT.get()
        if frame is None:
            self.check_outside()
            self.do()  # a compiled function that has packed it relies on its marks
            self._mark = mark  # type: ignore[misc]  # the slot is that of `Array`
        else:
            frame.write(self, "_mark", mark)

    # Items ---------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Any:
        if type(index) in QUICK and CURRENT.get() is None:
            found: Any = elements.element(self, index, sys._getframe(1))
            if found is not MISSING:
                return self._new_scalar(found)
        found = picked(index, self._like()[0])
        if found is None:
            return self._gathered_for(index, sys._getframe(1))
        step, operands, scalar = found
        if not scalar:
            whole = self._new_copy(self.value, None) if self.mark() == SCALAR else self
            return whole._view(step, operands=tuple(operands))
        window = _narrowed(self.window(), step, operands=tuple(operands))
        return self._wrap(window.read(), "", self)

    def _gathered_for(self, index: Any, caller: types.FrameType) -> Any:
        """Returns what an index gathers; for a mask that only a trace knows, what stands for it."""
        try:
            return self._gather(index)
        except jax.errors.NonConcreteBooleanIndexError as error:
            if callers.augments(caller) or callers.adds(caller):
                return masked(self, index, error)
            if callers.method(caller) in REDUCTIONS:
                return Picked(self, index, error)
            raise

    def _gather(self, index: Any) -> Any:
        value = self.value
        try:
            found = gathered(value, index)
        except ValueError as error:
            complaints.refused_read(value.shape, index, error)
        return self._wrap(found, "", self) if found.ndim else self._new_copy(found, np.empty(()))

    def __setitem__(self, index: Any, new: Any) -> None:
        if CURRENT.get() is None:
            if type(index) in QUICK:
                if elements.set_element(self, index, new):
                    return
            elif hasattr(index, "dtype") and quick.set_masked(self, index, new):
                return
        self._check_writeable()
        if type(new) is Masked:
            new.put(self, index)
            return
        shape, dtype = self._like()
        try:
            self._set_item(index, new, shape, dtype)
        except (IndexError, ValueError) as error:
            complaints.refused(shape, dtype, index, new, error)

    def _set_item(self, index: Any, new: Any, shape: Any, dtype: Any) -> None:
        found = picked(index, shape)
        window = self.window()
        if found is None:
            self._scatter(window, index, new, shape, dtype)
            return
        step, operands, scalar = found
        part = _narrowed(window, step, operands=tuple(operands))
        if _is_view_of(new, part):
            return  # the end of `a[i] += 1`: the view has been changed already
        shape = step.shape(shape)
        if not shape and isinstance(new, (list, tuple)):
            if not scalar or dtype != np.bool:
                raise ValueError("setting an array element with a sequence.")
            new = bool(new)  # so it is in NumPy
        is_nested = isinstance(new, (list, tuple))
        new = cast(new, dtype)
        if np.ndim(new) > len(shape) and (scalar or is_nested):
            raise ValueError("setting an array element with a sequence.")
        new = stretched(new, shape)
        kernels.assign(part.cell, part.way, part.operands, new, (shape, dtype))

    def _scatter(self, window: Window, index: Any, new: Any, shape: Any, dtype: Any) -> None:
        new = cast(new, dtype)
        index = indexing.checked(index, shape)
        fun, args = scattering(shape, index, new, kernels.is_open(new))
        if fun is None:  # masks with a value for each place: done by NumPy itself
            changed = np.array(self.value)
            changed[args] = np.asarray(new)
            self._assign(jnp.asarray(changed))
        else:
            kernels.update(window.cell, window.way, window.operands, fun, *args)

    def _assign(self, value: Any) -> None:
        """Gives the array other content, by a method or a function that changes it in place."""
        self._check_writeable()
        self.value = value

    def _update(self, fun: Any, *args: Any) -> None:
        """Gives the array the content `fun(content, *args)`, in one dispatch."""
        self._check_writeable("output array")
        window = self.window()
        kernels.update(window.cell, window.way, window.operands, fun, *args)

    def __len__(self) -> int:
        shape = self._like()[0]
        if not shape:
            raise TypeError("len() of unsized object")
        return shape[0]

    def __iter__(self) -> Iterator[Any]:
        shape = self._like()[0]
        if not shape:
            raise TypeError("iteration over a 0-d array")
        if len(shape) == 1:
            return iter([self._wrap(item, "", self) for item in self.value])
        return (self[i] for i in range(shape[0]))

    # Other views ---------------------------------------------------------------------------------

    @property
    def real(self) -> Any:
        """The real part: a view, or the array itself if it is real."""
        return self._view(Part("real")) if self._is_complex() else self

    @real.setter
    def real(self, new: Any) -> None:
        self._check_no_scalar("real")
        self.real[...] = new

    @property
    def imag(self) -> Any:
        """The imaginary part: a view; for real arrays, zeros that nobody can write to."""
        if self._is_complex():
            return self._view(Part("imag"))
        zeros = self._new_copy(jnp.zeros_like(self.value), self.layout)
        zeros._mark = READ_ONLY
        return zeros

    @imag.setter
    def imag(self, new: Any) -> None:
        self._check_no_scalar("imag")
        if not self._is_complex():
            raise TypeError("array does not have imaginary part to set")
        self.imag[...] = new

    def _is_complex(self) -> bool:
        return jnp.issubdtype(self._like()[1], jnp.complexfloating)

    def view(self, dtype: Any = None, type: Any = None) -> Any:
        """Returns a view: the same elements, or the same bits as another dtype.

        Args:
            dtype: the other dtype, if any.
            type: absent from statejit: there is one class of arrays.
        """
        if dtype is None or _is_class_of_arrays(dtype):
            return self._view()
        dtype = np.dtype(dtype)
        self.layout.view(dtype)  # raises as NumPy does
        return self._view(Bits(dtype))


def _is_class_of_arrays(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, (Views, np.ndarray))


def _narrowed(window: Window, *steps: Step, operands: tuple[Any, ...] = ()) -> Window:
    way, known = window.way, len(window.operands)
    for step in steps:
        way = way.then(step.after(known) if known and type(step) is Pick else step)
    return Window(window.cell, way, (*window.operands, *operands))


def _is_view_of(value: Any, window: Window) -> bool:
    """Says whether an array is a view of the same part of the same array."""
    if not isinstance(value, Views):
        return False
    held = value.held()
    if type(held) is not Window or held.cell is not window.cell or held.way != window.way:
        return False
    return all(a is b for a, b in zip(held.operands, window.operands, strict=True))
