"""What code objects refer to: the globals, cells and attributes that a function may load."""

from __future__ import annotations

import dis
import functools
import operator
import types
from typing import Any

_KINDS = {
    "LOAD_GLOBAL": "global",
    "LOAD_NAME": "global",
    "STORE_GLOBAL": "global",
    "DELETE_GLOBAL": "global",
    "LOAD_DEREF": "cell",
    "LOAD_CLASSDEREF": "cell",
    "LOAD_FROM_DICT_OR_DEREF": "cell",
    "LOAD_FROM_DICT_OR_GLOBALS": "global",
    "STORE_DEREF": "cell",
}

_WHOLE = frozenset({"vars", "__dict__", "__getstate__", "__reduce_ex__", "dumps", "deepcopy"})
"""Names by which code takes all attributes of an object at once."""


@functools.cache
def loads(code: types.CodeType) -> tuple[tuple[str, str], ...]:
    """Returns ('global' or 'cell', name) of what a code object and the functions in it refer to."""
    found: dict[tuple[str, str], None] = {}
    for instruction in dis.get_instructions(code):
        kind = _KINDS.get(instruction.opname)
        if kind is not None:
            found[kind, instruction.argval] = None
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= dict.fromkeys(loads(constant))
    return tuple(found)


@functools.cache
def names_in(code: types.CodeType) -> tuple[str, ...]:
    """Returns all names of globals and attributes in a code object and the functions in it.

    Strings count, too: `getattr(config, "rate")`.
    """
    inner = [n for c in code.co_consts if isinstance(c, types.CodeType) for n in names_in(c)]
    strings = [c for c in code.co_consts if isinstance(c, str) and c.isidentifier()]
    return tuple(dict.fromkeys((*code.co_names, *strings, *inner)))


@functools.cache
def takes_everything(code: types.CodeType) -> bool:
    """Says whether code may load attributes that it does not name: `vars(x)`, `getattr(x, name)`.

    A `getattr` whose name is a constant is no such load.
    """
    if not _WHOLE.isdisjoint(code.co_names):
        return True
    if any(isinstance(c, types.CodeType) and takes_everything(c) for c in code.co_consts):
        return True
    return any(name in code.co_names for name in _BY_NAME) and _computes_names(code)


_BY_NAME = ("getattr", "hasattr", "setattr", "delattr", "attrgetter", "__getattribute__")


def _computes_names(code: types.CodeType) -> bool:
    """Says whether one of the functions that take an attribute's name is given a computed one."""
    waiting, constant, computed = False, False, False
    for instruction in dis.get_instructions(code):
        name = instruction.opname
        if name.startswith("LOAD") and instruction.argval in _BY_NAME:
            waiting, constant, computed = True, False, False
        elif not waiting:
            continue
        elif name.startswith("LOAD_CONST"):
            constant = constant or isinstance(instruction.argval, str)
        elif name in ("BUILD_STRING", "FORMAT_VALUE", "FORMAT_SIMPLE", "BINARY_OP"):
            computed = True
        elif name.startswith("CALL") and name != "CALL_INTRINSIC_1":
            if computed or not constant:
                return True
            waiting = False
    return waiting


def asks_for_globals(code: types.CodeType) -> bool:
    """Says whether code takes the dictionary of all globals."""
    inner = (c for c in code.co_consts if isinstance(c, types.CodeType))
    return "globals" in code.co_names or any(asks_for_globals(c) for c in inner)


def is_special(name: str) -> bool:
    """Says whether Python itself calls a method of this name."""
    return name.startswith("__") and name.endswith("__")


@functools.cache
def strings_in(code: types.CodeType) -> tuple[str, ...]:
    """Returns the strings in a code object and the functions in it that could be names."""
    own = [c for c in code.co_consts if isinstance(c, str) and c.isidentifier()]
    inner = [s for c in code.co_consts if isinstance(c, types.CodeType) for s in strings_in(c)]
    return tuple(dict.fromkeys((*own, *inner)))


@functools.cache
def imports(code: types.CodeType) -> tuple[str, ...]:
    """Returns the modules that a code object and the functions in it import, and their packages."""
    found: dict[str, None] = {}
    for instruction in dis.get_instructions(code):
        if instruction.opname == "IMPORT_NAME":
            parts = instruction.argval.split(".")
            found |= {".".join(parts[: i + 1]): None for i in range(len(parts))}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= dict.fromkeys(imports(constant))
    return tuple(found)


def names_of_accessor(value: Any) -> list[str]:
    """Returns the names that `operator.attrgetter` or `methodcaller` loads."""
    if not isinstance(value, (operator.attrgetter, operator.methodcaller)):
        return []
    _, arguments = value.__reduce__()[:2]  # type: ignore[misc]
    return [part for text in arguments if isinstance(text, str) for part in text.split(".")]
