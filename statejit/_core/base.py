"""`Base` and `@model`: objects whose attributes are watched.

The read hooks are on `Base` only while a trace is open, so that outside of traces an attribute read
costs what plain Python's costs. Two hooks stay: `__new__`, by which new objects are known (Python
breaks constructors when it is taken away again), and `__setattr__`, which refuses tracers.
"""

from __future__ import annotations

import copyreg
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TypeVar

import jax
from jax.extend.core import find_top_trace

from ..errors import BypassError, RawTransformError
from . import caught, monitoring
from .cells import Cell
from .frames import CURRENT, UNWATCHED, Frame, raw_get, slot_descriptor, slot_names
from .places import user_line
from .slots import EAGER, MISSING, is_tracer, under_plain_jax

C = TypeVar("C", bound=type)


class Base:
    """Is the root of classes whose attributes are watched; subclasses are plain Python classes.

    Nothing is declared: what a function transformed by statejit reads and writes on such objects is
    found by watching. Subclasses may be dataclasses, have properties and `__slots__`, and override
    `__setattr__`, `__getattr__` and their kin.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> class Counter(sj.Base):
        ...     def __init__(self):
        ...         self.total = jnp.zeros(())
        ...         self.calls = 0
        ...     def add(self, x):
        ...         self.total = self.total + x
        ...         self.calls += 1
        >>> counter = Counter()
        >>> add = sj.jit(counter.add)
        >>> add(2.0); add(3.0)
        >>> float(counter.total), counter.calls
        (5.0, 2)
    """

    __slots__ = ("__dict__", "__weakref__")

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise TypeError(f"{cls.__name__}() takes no arguments")
        new = object.__new__(cls)
        frame = CURRENT.get()
        if frame is not None:
            frame.create(new)
        return new

    def __setattr__(self, name: str, value: Any) -> None:
        frame = CURRENT.get()
        if frame is not None:
            set_in_frame(frame, self, name, value)
            return
        if type(find_top_trace(())) is not EAGER and not UNWATCHED.get():
            _check_write(self, name, value)
        if isinstance(value, Cell):
            value.settle()
        if open_traces:
            written_outside.add((id(self), name))
        if Cell.some_keep:
            old = _held(self, name)
            if isinstance(old, Cell) and old.keeps and old is not value and _may_be_kept(value):
                old[...] = value  # type: ignore[index]
                return
        object.__setattr__(self, name, value)
        if open_traces:  # one may have been opened since
            written_outside.add((id(self), name))


def model(cls: C) -> C:
    """Makes a plain class (also a dataclass, or a subclass of one) a class that is watched.

    Args:
        cls: the class; one that derives from `Base` is returned as it is.

    Returns:
        A subclass of `cls` and `Base` under the same name.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> @sj.model
        ... class Scale:
        ...     def __init__(self):
        ...         self.w = jnp.ones(2)
        ...     def __call__(self, x):
        ...         return self.w * x
        >>> sj.jit(Scale())(3.0).tolist()
        [3.0, 3.0]
    """
    if issubclass(cls, Base):
        return cls
    names = ("__module__", "__qualname__", "__doc__")
    namespace: dict[str, Any] = {name: getattr(cls, name) for name in names}
    namespace |= {"__slots__": (), "__wrapped_class__": cls}
    metaclass: Any = type(cls)
    return metaclass(cls.__name__, (cls, Base), namespace)


def _held(holder: Any, name: str) -> Any:
    """Returns what an attribute of the instance itself holds, or `MISSING`.

    It does not ask for `__dict__`: up to Python 3.12 that makes later reads twice as slow.
    """
    for cls in type(holder).__mro__:
        if name in cls.__dict__:
            return raw_get(holder, name)
    try:
        return object.__getattribute__(holder, name)
    except AttributeError:
        return MISSING


def _may_be_kept(value: Any) -> bool:
    """Says whether an assignment to an attribute that holds a `Variable` goes into it."""
    return not (isinstance(value, Cell) and value.keeps) and (
        isinstance(value, (jax.Array, Cell)) or hasattr(value, "__array__") or _is_number(value)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, complex))


def _check_write(holder: Any, name: str, value: Any) -> None:
    """Refuses a write under a JAX transformation of the user's that would not be done again."""
    content = raw_get(value, "_value") if isinstance(value, Cell) else value
    if any(is_tracer(leaf) for leaf in jax.tree.leaves(content)):
        what = "was given a traced value"
    elif under_plain_jax():
        what = "was written"
    else:
        return
    raise RawTransformError(
        f"{type(holder).__name__}.{name} {what} under a JAX transformation that is not lifted.",
        where=user_line(),
        do="use the function of the same name from statejit (sj.jit, sj.grad ...), which carries "
        "state.",
    )


# The attribute protocol over a frame ---------------------------------------------------------


def static_lookup(cls: type, name: str) -> tuple[type | None, Any]:
    """Returns the class that defines an attribute and its raw value, or (None, MISSING)."""
    for base in cls.__mro__:
        if name in vars(base):
            return base, vars(base)[name]
    return None, MISSING


def get_in_frame(frame: Frame, holder: Any, name: str) -> Any:
    """Is `object.__getattribute__` over the overlay of a frame."""
    cls = type(holder)
    if name == "__class__":
        return cls
    if name == "__dict__":
        return Attributes(frame, holder)
    owner, found = static_lookup(cls, name)
    if owner in _ROOTS:
        return object.__getattribute__(holder, name)
    is_slot = slot_descriptor(cls, name) is not None
    kind = type(found)
    if is_slot or not (hasattr(kind, "__set__") and hasattr(kind, "__get__")):
        value = frame.read(holder, name)
        if value is not MISSING:
            return value
    if not is_slot:
        frame.ground.read_class(cls, name, found)
    if owner is None or is_slot:
        raise AttributeError(
            f"{cls.__name__!r} object has no attribute {name!r}", name=name, obj=holder
        )
    return kind.__get__(found, holder, cls) if hasattr(kind, "__get__") else found


def set_in_frame(frame: Frame, holder: Any, name: str, value: Any) -> None:
    """Is `object.__setattr__` over the overlay of a frame."""
    if name == "__dict__":
        Attributes(frame, holder).replace(value)
        return
    if name == "__class__":
        raise BypassError(
            f"the class of {frame.ground.path_of(holder, '').rstrip('.')} was changed inside.",
            where=frame.ground.where(),
            do="make an object of the other class, or change the class outside.",
        )
    if _goes_to_descriptor(frame, holder, name, "__set__", value):
        return
    old = frame.peek(holder, name)
    if isinstance(old, Cell) and old.keeps and old is not value and _may_be_kept(value):
        frame.lookup(holder, name)[...] = value
    else:
        frame.write(holder, name, value)


def delete_in_frame(frame: Frame, holder: Any, name: str) -> None:
    """Is `object.__delattr__` over the overlay of a frame."""
    if _goes_to_descriptor(frame, holder, name, "__delete__"):
        return
    if frame.lookup(holder, name) is MISSING:
        raise AttributeError(
            f"{type(holder).__name__!r} object has no attribute {name!r}", name=name, obj=holder
        )
    frame.write(holder, name, MISSING)


def _goes_to_descriptor(frame: Frame, holder: Any, name: str, method: str, *value: Any) -> bool:
    cls = type(holder)
    owner, found = static_lookup(cls, name)
    if owner is None or slot_descriptor(cls, name) is not None:
        return False
    if not hasattr(type(found), "__set__") and not hasattr(type(found), "__delete__"):
        return False
    frame.ground.read_class(cls, name, found)
    if not hasattr(type(found), method):
        raise AttributeError(f"attribute {name!r} of {cls.__name__!r} can't be changed so")
    getattr(type(found), method)(found, holder, *value)
    return True


class Attributes(MutableMapping[str, Any]):
    """Is `vars(holder)` inside a trace: a view of the overlay, without what lies in `__slots__`.

    Args:
        frame: the current frame.
        holder: the object.
    """

    def __init__(self, frame: Frame, holder: Any) -> None:
        self._frame, self._holder = frame, holder
        self._slots = slot_names(type(holder))

    def __getitem__(self, name: str) -> Any:
        value = MISSING if name in self._slots else self._frame.read(self._holder, name)
        if value is MISSING:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        self._frame.write(self._holder, name, value)

    def __delitem__(self, name: str) -> None:
        self[name]
        self._frame.write(self._holder, name, MISSING)

    def __iter__(self) -> Iterator[str]:
        return (n for n in self._frame.names(self._holder) if n not in self._slots)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def copy(self) -> dict[str, Any]:
        """Returns the attributes as a plain dictionary."""
        return dict(self)

    def replace(self, new: Any) -> None:
        """Gives the object these attributes, in this order, and no others."""
        attributes = dict(new)
        self.clear()
        self.update(attributes)

    def __or__(self, other: Any) -> dict[str, Any]:
        return {**self, **other}

    def __ror__(self, other: Any) -> dict[str, Any]:
        return {**other, **self}

    def __ior__(self, other: Any) -> Attributes:
        self.update(other)
        return self

    def __repr__(self) -> str:
        return repr(dict(self))


# The hooks that are there while a trace is open ------------------------------------------------

open_traces: list[object] = []
"""One token for each trace that is open, in any thread."""

written_outside: set[tuple[int, str]] = set()
"""What other threads (and unwatched code) wrote while traces were open."""

_tools: list[int | None] = []
"""The tool by which Python tells what code runs, while a trace is open."""

_lock = threading.Lock()


def _getattribute(self: Any, name: str) -> Any:
    frame = CURRENT.get()
    if frame is None:
        return object.__getattribute__(self, name)
    return get_in_frame(frame, self, name)


def _delattr(self: Any, name: str) -> None:
    frame = CURRENT.get()
    if frame is None:  # of another thread, or unwatched
        written_outside.add((id(self), name))
        object.__delattr__(self, name)
    else:
        delete_in_frame(frame, self, name)


def _reduce_ex(self: Any, protocol: Any) -> Any:
    frame = CURRENT.get()
    cls = type(self)
    if frame is None or cls.__reduce__ is not object.__reduce__:
        return object.__reduce_ex__(self, protocol)
    custom = static_lookup(cls, "__getstate__")[0] is not object
    state = self.__getstate__() if custom else _state(frame, self)
    return copyreg.__newobj__, (cls,), state  # type: ignore[attr-defined]


def _state(frame: Frame, holder: Any) -> Any:
    """Returns the attributes as `object.__reduce_ex__` does: those in `__slots__` on their own."""
    own = dict(holder.__dict__)
    names = [name for name in slot_names(type(holder)) if name in frame.names(holder)]
    return (own, {name: frame.read(holder, name) for name in names}) if names else own


def _dir(self: Any) -> list[str]:
    frame = CURRENT.get()
    if frame is None:
        return list(object.__dir__(self))
    return sorted({*dir(type(self)), *frame.names(self)})


_HOOKS = {
    "__getattribute__": _getattribute,
    "__delattr__": _delattr,
    "__reduce_ex__": _reduce_ex,
    "__dir__": _dir,
}

_ROOTS = (object, Base)

_start_thread = threading.Thread.start


def _start(self: threading.Thread) -> None:
    if CURRENT.get() is not None:
        raise BypassError(
            f"the thread {self.name!r} was started inside: it would run once per compilation, and "
            "what it reads and writes can't be watched.",
            where=user_line(),
            do="start it outside, or within `with statejit.unwatched():` if it has nothing to do "
            "with the state.",
        )
    _start_thread(self)


@contextmanager
def hooked() -> Iterator[None]:
    """Puts the read hooks on `Base` while a trace is open."""
    token = object()
    with _lock:
        if not open_traces:
            for name, hook in _HOOKS.items():
                setattr(Base, name, hook)
            threading.Thread.start = _start  # type: ignore[method-assign]
            _tools.append(monitoring.start())
            caught.hook()
        open_traces.append(token)
    try:
        yield
    finally:
        with _lock:
            open_traces.remove(token)
            if not open_traces:
                for name in _HOOKS:
                    delattr(Base, name)
                threading.Thread.start = _start_thread  # type: ignore[method-assign]
                monitoring.stop(_tools.pop())
                caught.unhook()
                written_outside.clear()
