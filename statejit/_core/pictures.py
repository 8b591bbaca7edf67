"""Pictures: how something outside stood before a trace, to be compared with it and put back."""

from __future__ import annotations

import types
from collections.abc import Collection
from typing import Any, Protocol

import numpy as np

from .containers import Kind
from .frames import raw_dict, raw_get, slot_descriptor, slot_names
from .hidden import Hidden
from .slots import MISSING, is_plain, same_plain


class Picture(Protocol):
    """What `Position` and the classes below have in common."""

    def holds(self, value: Any) -> bool:
        """Says whether the value is as it was."""
        ...

    def restore(self, value: Any) -> None:
        """Puts back what can be put back."""
        ...


class OfContainer:
    """The picture of a list, a dict or their kin.

    Args:
        kind: how it is handled.
        aux: its static rest.
        children: what it held.
    """

    def __init__(self, kind: Kind, aux: Any, children: list[Any]) -> None:
        self.kind, self.aux, self.children = kind, aux, children

    def holds(self, value: Any) -> bool:
        aux, now = self.kind.take_apart(value)
        same = len(now) == len(self.children) and bool(aux == self.aux)
        return same and all(a is b for a, b in zip(now, self.children, strict=True))

    def restore(self, value: Any) -> None:
        if self.kind.mutable:
            self.kind.store(value, self.aux, self.children)


class OfArray:
    """The picture of a NumPy array.

    Args:
        array: the array; it is copied.
    """

    def __init__(self, array: np.ndarray) -> None:
        self.content = array.copy()

    def holds(self, value: Any) -> bool:
        same = value.shape == self.content.shape and value.dtype == self.content.dtype
        return bool(same and value.tobytes() == self.content.tobytes())

    def restore(self, value: Any) -> None:
        np.copyto(value, self.content)


class OfAttributes:
    """The picture of an object that is not watched, a function or a module.

    Args:
        value: the object.
        names: the names that count; None for all of its own.
    """

    def __init__(self, value: Any, names: Collection[str] | None) -> None:
        self.names = names
        self.attributes = attributes(value)

    def changed(self, value: Any) -> set[str]:
        """Returns the names that count of attributes that are others now."""
        now, before = attributes(value), self.attributes
        here: set[str] = {*now, *before}
        if self.names is not None:
            here &= set(self.names)
        return {n for n in here if now.get(n, MISSING) is not before.get(n, MISSING)}

    def holds(self, value: Any) -> bool:
        return not self.changed(value)

    def restore(self, value: Any) -> None:
        now = attributes(value)
        for name in {**now, **self.attributes}:
            content = self.attributes.get(name, MISSING)
            if now.get(name, MISSING) is not content:
                set_raw(value, name, content)
        if not isinstance(value, (types.ModuleType, type)):
            put_in_order(raw_dict(value), self.attributes)


class OfFunction(OfAttributes):
    """The picture of a function: its attributes, code and defaults.

    Args:
        value: the function.
    """

    def __init__(self, value: types.FunctionType) -> None:
        super().__init__(value, None)
        self.code, self.defaults = value.__code__, value.__defaults__
        self.named = value.__kwdefaults__
        self.named_content = dict(self.named or {})

    def holds(self, value: Any) -> bool:
        same = value.__code__ is self.code and value.__defaults__ is self.defaults
        now, before = value.__kwdefaults__, self.named_content
        same = same and now is self.named and (now or {}).keys() == before.keys()
        same = same and all(now[name] is before[name] for name in before)
        return same and super().holds(value)

    def restore(self, value: Any) -> None:
        super().restore(value)
        if self.named is not None:
            self.named.clear()
            self.named.update(self.named_content)
        value.__code__, value.__defaults__ = self.code, self.defaults
        value.__kwdefaults__ = self.named


class OfGlobals:
    """The picture of the globals of a module whose code asks for them as a dictionary.

    Args:
        names: the dictionary; it is copied.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = dict(names)

    def _changed(self, value: dict[str, Any]) -> list[str]:
        both = {**self.names, **value}
        return [n for n in both if value.get(n, MISSING) is not self.names.get(n, MISSING)]

    def holds(self, value: dict[str, Any]) -> bool:
        return not self._changed(value)

    def restore(self, value: dict[str, Any]) -> None:
        for name in self._changed(value):
            if name in self.names:
                value[name] = self.names[name]
            else:
                del value[name]


class OfHidden:
    """The picture of a value that hides its content.

    Args:
        hidden: how it is taken out, and put back.
        content: what it was.
    """

    def __init__(self, hidden: Hidden, content: Any) -> None:
        self.hidden, self.content = hidden, content

    def holds(self, value: Any) -> bool:
        now, before = self.hidden.take(value), self.content
        if type(before) is dict:
            keys = type(now) is dict and now.keys() == before.keys()
            return keys and all(now[key] is before[key] for key in before)
        if type(before) in (tuple, frozenset) or is_plain(before):
            return same_plain(now, before)
        return now is before

    def restore(self, value: Any) -> None:
        if self.hidden.put_back is not None:
            self.hidden.put_back(value, self.content)


def attributes(value: Any) -> dict[str, Any]:
    """Returns the attributes of an instance itself, past all hooks."""
    found = dict(raw_dict(value) or {})
    for name in slot_names(type(value)):
        content = raw_get(value, name)
        if content is not MISSING:
            found.setdefault(name, content)
    return found


def put_in_order(own: dict[str, Any] | None, before: dict[str, Any]) -> None:
    """Gives attributes their order again, if one was deleted and came back."""
    if own is None or list(own) == [name for name in before if name in own]:
        return
    known = [name for name in before if name in own]
    if [name for name in own if name in before] != known:
        values = {name: own[name] for name in (*known, *own)}
        own.clear()
        own.update(values)


def set_raw(value: Any, name: str, content: Any) -> None:
    """Sets an attribute of an instance (or, with `MISSING`, deletes it) past all hooks."""
    descriptor = slot_descriptor(type(value), name)
    if descriptor is not None:
        descriptor.__delete__(value) if content is MISSING else descriptor.__set__(value, content)
    elif isinstance(value, (types.ModuleType, types.FunctionType, type)):
        delattr(value, name) if content is MISSING else setattr(value, name, content)
    elif content is MISSING:
        del (raw_dict(value) or {})[name]
    else:
        (raw_dict(value) or {})[name] = content
