"""Annotations: the collections that a class asks for by the types of its attributes."""

from __future__ import annotations

import functools
import inspect
import sys
import types
import typing
from typing import Any

from ..typing import InCollection


def annotation(cls: type, name: str) -> str | None:
    """Returns the collection that a class asks for an attribute, or None."""
    return _annotations(cls).get(name)


@functools.cache
def _annotations(cls: type) -> dict[str, str]:
    """Returns the collections that the annotations of a class and its bases ask for, by name."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        for name, hint in inspect.get_annotations(base).items():
            mark = _mark_in(_evaluated(hint, base))
            if mark is not None:
                found[name] = mark
    return found


def _mark_in(hint: Any) -> str | None:
    for item in getattr(hint, "__metadata__", ()):
        if isinstance(item, InCollection):
            return item.name
    return getattr(hint, "default_collection", None) if isinstance(hint, type) else None


def _evaluated(hint: Any, cls: type) -> Any:
    """Returns what an annotation stands for; text that can't be evaluated marks nothing."""
    if not isinstance(hint, str):
        return hint
    names = dict(vars(sys.modules.get(cls.__module__, typing)))
    for member in vars(cls).values():
        if isinstance(member, types.FunctionType):
            names |= member.__globals__
            names |= inspect.getclosurevars(member).nonlocals
    try:
        return eval(hint, names)
    except Exception:  # noqa: BLE001, whatever it may raise
        return None
