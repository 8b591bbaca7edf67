"""Hidden content: that of values of Python's own types which no attribute shows.

A weak reference, a `bytearray` or a context variable is guarded by what is taken out of it.
"""

from __future__ import annotations

import array
import collections
import contextvars
import dataclasses
import functools
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any

from .slots import MISSING


@dataclasses.dataclass(frozen=True)
class Hidden:
    """How the hidden content of values of one type is taken out, and put back.

    Args:
        take: value -> content, which is guarded in place of the value.
        put_back: (value, content) -> None; None if nothing can be put back.
    """

    take: Callable[[Any], Any]
    put_back: Callable[[Any, Any], None] | None = None


def _set_bytes(value: Any, content: bytes) -> None:
    value[:] = content


def _set_array(value: Any, content: tuple[str, bytes]) -> None:
    del value[:]
    value.frombytes(content[1])


def _set_variable(value: Any, content: Any) -> None:
    if content is not MISSING:
        value.set(content)


def _set_items(value: Any, content: Any) -> None:
    value.data.clear()
    value.data.update(content)


def _set_attributes(value: Any, content: dict[str, Any]) -> None:
    vars(value).clear()
    vars(value).update(content)


def _referent(proxy: Any) -> Any:
    try:
        return proxy.__init__.__self__
    except ReferenceError:
        return MISSING


HIDDEN: dict[type, Hidden] = {
    bytearray: Hidden(bytes, _set_bytes),
    array.array: Hidden(lambda v: (v.typecode, v.tobytes()), _set_array),
    memoryview: Hidden(lambda v: (v.format, v.shape, v.tobytes())),
    contextvars.ContextVar: Hidden(lambda v: v.get(MISSING), _set_variable),
    threading.local: Hidden(lambda v: dict(vars(v)), _set_attributes),
    types.MappingProxyType: Hidden(dict),
    weakref.ReferenceType: Hidden(lambda v: v()),
    weakref.KeyedRef: Hidden(lambda v: v()),
    weakref.WeakMethod: Hidden(lambda v: v()),
    weakref.ProxyType: Hidden(_referent),
    weakref.CallableProxyType: Hidden(_referent),
    weakref.WeakKeyDictionary: Hidden(lambda v: dict(v.data), _set_items),
    weakref.WeakValueDictionary: Hidden(lambda v: dict(v.data), _set_items),
    weakref.WeakSet: Hidden(lambda v: frozenset(v.data), _set_items),
}
"""How it is for each type that hides its content."""

PARTS: dict[type, tuple[str, ...]] = {
    types.MethodType: ("__self__", "__func__"),
    types.BuiltinFunctionType: ("__self__",),
    types.MethodWrapperType: ("__self__",),
    functools.partial: ("func", "args", "keywords"),
    functools.partialmethod: ("func", "args", "keywords"),
    functools.singledispatchmethod: ("dispatcher", "func"),
    functools.cached_property: ("func",),
    classmethod: ("__func__",),
    staticmethod: ("__func__",),
    property: ("fget", "fset", "fdel"),
    collections.ChainMap: ("maps",),
    collections.UserDict: ("data",),
    collections.UserList: ("data",),
    collections.UserString: ("data",),
}
"""The attributes of which values of some types of the standard library are made."""


def hidden_in(value: Any) -> Hidden | None:
    """Returns how a value hides its content, or None for what shows it by its attributes."""
    found = HIDDEN.get(type(value))
    if found is None and isinstance(value, threading.local):
        return HIDDEN[threading.local]
    return found


def parts_of(value: Any) -> tuple[str, ...] | None:
    """Returns the attributes of which a value is made, or None for what is in one piece."""
    parts = PARTS.get(type(value))
    if parts == ("__self__",) and is_in_one_piece(value):
        return None
    return parts


def is_in_one_piece(function: Any) -> bool:
    """Says whether a built-in function belongs to no object: `len`, or `math.sin`."""
    holder = function.__self__
    return holder is None or isinstance(holder, (types.ModuleType, type))
