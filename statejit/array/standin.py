"""What a trace sees of a NumPy array: a mutable array that remembers that it is NumPy's.

Inside a transformed function a NumPy array that is held in an attribute becomes a *stand-in*: its
content is a slot, writes to it are copied back into the same NumPy array at commit, and what is
computed from stand-ins and Python numbers alone is NumPy's again, with NumPy's dtypes: float64
stays float64 at commit, although JAX computes in float32 unless it is told otherwise.

Each stand-in has a *layout*, a NumPy array of the same shape, dtype and strides, on which every
indexing and reshaping is done too: NumPy itself says whether a result is a view, and of which type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .._core.cells import Cell
from .._core.frames import CURRENT
from .._core.ground import Ground
from .._core.numbers import Number
from .._core.windows import Window
from ..errors import BypassError
from .array import Array, made
from .torchlike import Torchlike
from .views import READ_ONLY, SCALAR

HOST = (np.ndarray, np.generic, bool, int, float, complex, list, tuple)
"""Types of operands that leave a result NumPy's."""

_INDICES = frozenset({"argmax", "argmin", "argsort", "argpartition", "searchsorted", "nonzero"})
_AVERAGES = frozenset({"mean", "std", "var"})
_SUMS = {
    "sum": np.add,
    "cumsum": np.add,
    "trace": np.add,
    "prod": np.multiply,
    "cumprod": np.multiply,
}


_CLASS = np.ma.MaskedArray
"""What `isinstance` takes a stand-in for: an `np.ndarray`, but none whose memory JAX may read."""

_content: Any = Cell.value.fget  # type: ignore[attr-defined]
_set_content: Any = Cell.value.fset  # type: ignore[attr-defined]


class StandIn(Array):
    """Stands for a NumPy array while a function is traced.

    Args:
        array: the NumPy array; what it holds is read through the current frame.
    """

    __slots__ = ("_layout", "_written")
    host = True
    scalar = False
    __class__ = property(lambda self: _CLASS)  # type: ignore[assignment]  # `type()` knows better

    def __init__(self, array: np.ndarray) -> None:
        self._layout = array  # and no `_value`: the ground knows the slot of each stand-in
        self._written = False
        _refuse_overlap(self, after_write=True)

    @property
    def to_numpy_at_commit(self) -> Any:
        """The dtype in which a result is given back; a class (`np.float64`) for a scalar."""
        return self._layout.dtype

    @property
    def dtype(self) -> Any:
        """The dtype that NumPy has."""
        return self._layout.dtype

    @property
    def base(self) -> Any:
        """What NumPy has as the base, or the stand-in of which this is a view."""
        held = self.held()
        return held.cell if type(held) is Window else self._layout.base

    @property
    def value(self) -> Any:
        """The content: a tracer of the slot."""
        return _content(self)

    @value.setter
    def value(self, value: Any) -> None:
        if not getattr(self, "_written", True):
            _refuse_overlap(self)
            self._written = True
        _set_content(self, value)

    def _wrap(self, value: Any, ufunc: str, *operands: Any) -> Any:
        if all(is_host(operand) for operand in operands):
            return stand_in(value, logical_dtype(value, ufunc, operands))
        return made(value) if any(_is_mutable(operand) for operand in operands) else value

    # Views -------------------------------------------------------------------------------------

    @property
    def layout(self) -> np.ndarray:
        """The NumPy array, or one like it."""
        return self._layout

    def mark(self) -> str | None:
        """Returns what sets the array apart: 'scalar', 'read-only' or None."""
        if self.scalar:
            return SCALAR
        return None if self._layout.flags.writeable else READ_ONLY

    def _new_view(self, window: Window) -> Any:
        new = object.__new__(StandIn)
        new._layout = window.way.layout(window.cell._layout)
        Cell.__init__(new, window)
        return new

    def _new_copy(self, value: Any, layout: Any) -> Any:
        dtype = self._layout.dtype
        return stand_in(value, dtype, np.empty(value.shape, dtype))

    def _set_writeable(self, writeable: bool) -> None:
        self._layout.flags.writeable = writeable

    def view(self, dtype: Any = None, type: Any = None) -> Any:
        """Returns a view; of other bits only where JAX holds the same bits as NumPy."""
        if dtype is not None and self._layout.dtype != self._like()[1]:
            raise TypeError(
                f"a view as {dtype} of an array of {self._layout.dtype}, which JAX holds in "
                f"{self._like()[1]} unless jax_enable_x64 is set"
            )
        return Array.view(self, dtype)

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """Returns a copy with another dtype."""
        return stand_in(self.value.astype(jax.dtypes.canonicalize_dtype(dtype)), np.dtype(dtype))

    def __copy__(self) -> Any:
        return stand_in(self.value.copy(), self._layout.dtype)

    def __reduce__(self) -> Any:
        return np.array, (np.asarray(self.value), self._layout.dtype)


class _Missing:
    """Is an attribute that NumPy's arrays do not have."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, array: Any, cls: type) -> Any:
        raise AttributeError(f"'numpy.ndarray' object has no attribute {self.name!r}")


for _name in [name for name in vars(Torchlike) if not name.startswith("_")]:
    setattr(StandIn, _name, _Missing(_name))


class Scalar(StandIn):
    """Stands for a NumPy scalar that was computed from stand-ins: it can't be changed in place."""

    __slots__ = ()
    scalar = True
    __class__ = property(type)  # type: ignore[assignment]  # Python's class of scalars is no guard

    @property
    def to_numpy_at_commit(self) -> Any:
        """The class of the scalar."""
        return self._layout.dtype.type

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            f"{self._layout.dtype.type.__name__!r} object does not support item assignment"
        )

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __copy__(self) -> Any:
        return self


def _refuse_overlap(new: StandIn, after_write: bool = False) -> None:
    """Refuses a write to memory that two NumPy arrays share: they have separate slots.

    Args:
        new: the stand-in that is written, or made.
        after_write: whether only stand-ins that have been written count.
    """
    frame = CURRENT.get()
    if frame is None:
        return
    for other, slot in frame.ground.stand_ins.values():
        if other is new or (after_write and not other._written):
            continue
        if np.may_share_memory(other._layout, new._layout):
            raise BypassError(
                f"a NumPy array was written that shares memory with another one, "
                f"{slot.node.path()}.",
                where=frame.ground.where(),
                do="keep one of them, and take the other from it (`self.a[:2]`) inside the "
                "function, or make a copy of it.",
            )


def stand_in(value: Any, dtype: Any, layout: np.ndarray | None = None) -> StandIn:
    """Returns the stand-in of a NumPy array (or, without axes, of a scalar) made inside a trace.

    Args:
        value: the content.
        dtype: the dtype in which NumPy would have it.
        layout: an array of the same shape, dtype and strides.
    """
    new = object.__new__(Scalar if not value.ndim and layout is None else StandIn)
    new._layout = np.empty(value.shape, dtype) if layout is None else layout
    Cell.__init__(new, value)
    return new


def is_host(operand: Any) -> bool:
    """Says whether an operand is NumPy's or Python's: a result of such operands is NumPy's."""
    return (
        getattr(operand, "host", False)
        if issubclass(type(operand), Cell)
        else (isinstance(operand, HOST))
    )


def _is_mutable(operand: Any) -> bool:
    return issubclass(type(operand), Array) and not operand.host


def logical_dtype(value: Any, name: str, operands: tuple[Any, ...]) -> Any:
    """Returns the dtype that NumPy would have given to a result.

    Args:
        value: the result as JAX has it.
        name: the name of the ufunc or method.
        operands: what it was given.
    """
    own = operands[0]._layout.dtype if issubclass(type(operands[0]), StandIn) else None
    found = own
    ufunc = getattr(np, name, None) if name else None
    if isinstance(ufunc, np.ufunc):
        found = _of_ufunc(ufunc, operands)
    elif name in _INDICES:
        found = np.dtype(np.intp)
    elif name in ("all", "any"):
        found = np.dtype(bool)
    elif name in _AVERAGES and own is not None:
        found = own if own.kind in "fc" else np.dtype(float)
    elif name in _SUMS and own is not None:
        found = _SUMS[name].reduce(np.ones(1, own)).dtype
    elif name == "dot":
        found = np.result_type(*[_weak(operand) for operand in operands])
    if found is None or found.kind != np.dtype(value.dtype).kind:
        return np.dtype(value.dtype)  # asked for with `dtype=`, or unknown to NumPy
    return found


def _of_ufunc(ufunc: np.ufunc, operands: tuple[Any, ...]) -> Any:
    try:
        given = [_weak(operand, np.dtype(bool)) for operand in operands]
        return ufunc.resolve_dtypes((*given, *[None] * ufunc.nout))[-1]
    except TypeError:
        return None


def _weak(operand: Any, boolean: Any = bool) -> Any:
    """Returns the dtype of an operand, or `int`, `float`, `complex` for a Python number."""
    kind = type(operand.value) if type(operand) is Number else type(operand)
    if issubclass(kind, StandIn):
        return operand._layout.dtype
    if kind is bool:
        return boolean
    return kind if kind in (int, float, complex) else np.asarray(operand).dtype


def like_numpy(fun: Callable[..., Any], args: Any, kwargs: Any, found: Any) -> Any:
    """Returns a result of JAX as NumPy would have it, which is asked by trying it on the layouts.

    Args:
        fun: NumPy's function.
        args: its arguments, with stand-ins among them.
        kwargs: its keyword arguments.
        found: mutable arrays in containers: the result as JAX has it.
    """
    layouts = jax.tree.map(_layout_of, (tuple(args), dict(kwargs)), is_leaf=_is_array)
    try:
        with np.errstate(all="ignore"):
            probe = fun(*layouts[0], **layouts[1])
    except (np.linalg.LinAlgError, ValueError, IndexError, ZeroDivisionError):
        probe = None  # the layout's numbers are arbitrary
    return _fitted_to(found, probe, [v for v in jax.tree.leaves(layouts) if _is_array(v)])


def _fitted_to(found: Any, probe: Any, layouts: list[np.ndarray]) -> Any:
    if isinstance(found, (list, tuple)):
        probes = probe if isinstance(probe, (list, tuple)) else [None] * len(found)
        fitted = [_fitted_to(f, p, layouts) for f, p in zip(found, probes, strict=True)]
        return list(fitted) if isinstance(probe, list) else _like_tuple(found, fitted)
    if not isinstance(found, Array) or issubclass(type(found), StandIn):
        return found
    value = found.value
    if not isinstance(probe, (np.ndarray, np.generic)):
        wide = any(
            layout.dtype.itemsize == 8 * (1 + (layout.dtype.kind == "c")) for layout in layouts
        )
        return stand_in(value, _WIDE.get(str(value.dtype), value.dtype) if wide else value.dtype)
    if isinstance(probe, np.ndarray) and any(np.may_share_memory(probe, v) for v in layouts):
        probe = probe.view()
        probe.flags.writeable = False  # a view, for NumPy: a write to it would have to go through
    return stand_in(value, probe.dtype, probe if isinstance(probe, np.ndarray) else None)


def _like_tuple(found: Any, items: list[Any]) -> Any:
    cls = type(found)
    return tuple.__new__(cls, items) if issubclass(cls, tuple) else tuple(items)


_WIDE = {
    "float32": np.dtype("f8"),
    "int32": np.dtype("i8"),
    "uint32": np.dtype("u8"),
    "complex64": np.dtype("c16"),
}


def _is_array(value: Any) -> bool:
    return isinstance(value, (Array, jax.Array, np.ndarray))


def _layout_of(value: Any) -> Any:
    if issubclass(type(value), StandIn):
        layout = value._layout.view()
        layout.flags.writeable = False  # it may be the user's own array, and this is only a trial
        return layout[()] if value.scalar else layout
    return np.ones(value.shape, value.dtype) if isinstance(value, jax.Array) else value


def register_stand_ins() -> None:
    """Registers the stand-ins as pytree nodes; what JAX rebuilds is its own array, as eagerly."""
    for cls in (StandIn, Scalar):
        jax.tree_util.register_pytree_node(
            cls,
            lambda array: ((array.value,), array._layout.dtype),
            lambda dtype, children: children[0],
        )


register_stand_ins()
Ground.stand_in_type = staticmethod(StandIn)
