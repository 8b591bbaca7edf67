"""What functions refer to: the globals, cells and attributes that their code may load.

The functions that are made within a function count as its own.
"""

from __future__ import annotations

import dis
import functools
import operator
import types
from typing import Any

from .slots import MISSING

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

_BY_NAME = frozenset({"getattr", "hasattr", "setattr", "delattr", "attrgetter", "__getattribute__"})
"""Names of what takes the name of an attribute as an argument."""


@functools.cache
def codes_in(code: types.CodeType) -> frozenset[types.CodeType]:
    """Returns the codes of the functions that are made within a function, at any depth."""
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return frozenset(inner).union(*[codes_in(c) for c in inner])


@functools.cache
def loads(code: types.CodeType) -> tuple[tuple[str, str], ...]:
    """Returns ('global' or 'cell', name) of what a code object refers to."""
    found: dict[tuple[str, str], None] = {}
    for own in _with_inner(code):
        for instruction in dis.get_instructions(own):
            kind = _KINDS.get(instruction.opname)
            if kind is not None:
                found[kind, instruction.argval] = None
    return tuple(found)


@functools.cache
def names_in(code: types.CodeType) -> tuple[str, ...]:
    """Returns all names of globals and attributes in a code object.

    Strings count, too: `getattr(config, "rate")`.
    """
    found = dict.fromkeys(name for own in _with_inner(code) for name in own.co_names)
    return tuple(found | dict.fromkeys(strings_in(code)))


@functools.cache
def strings_in(code: types.CodeType) -> tuple[str, ...]:
    """Returns the strings in a code object that could be names."""
    constants = [c for own in _with_inner(code) for c in own.co_consts]
    return tuple({c: None for c in constants if isinstance(c, str) and c.isidentifier()})


@functools.cache
def imports(code: types.CodeType) -> tuple[str, ...]:
    """Returns the modules that a code object imports, and their packages."""
    found: dict[str, None] = {}
    for own in _with_inner(code):
        for instruction in dis.get_instructions(own):
            if instruction.opname == "IMPORT_NAME":
                parts = instruction.argval.split(".")
                found |= {".".join(parts[: i + 1]): None for i in range(len(parts))}
    return tuple(found)


@functools.cache
def stores(code: types.CodeType) -> frozenset[str]:
    """Returns the names of the attributes that code assigns: `self.calls += 1`."""
    return frozenset(
        instruction.argval
        for own in _with_inner(code)
        for instruction in dis.get_instructions(own)
        if instruction.opname == "STORE_ATTR"
    )


def asks_for_globals(code: types.CodeType) -> bool:
    """Says whether code takes the dictionary of all globals."""
    return any("globals" in own.co_names for own in _with_inner(code))


@functools.cache
def takes_everything(code: types.CodeType) -> bool:
    """Says whether code may load attributes that it does not name: `vars(x)`, `getattr(x, name)`.

    A `getattr` whose name is a constant is no such load.
    """
    return any(
        not _WHOLE.isdisjoint(own.co_names)
        or (not _BY_NAME.isdisjoint(own.co_names) and _computes_names(own))
        for own in _with_inner(code)
    )


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


def _with_inner(code: types.CodeType) -> tuple[types.CodeType, ...]:
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return code, *(own for c in inner for own in _with_inner(c))


def is_special(name: str) -> bool:
    """Says whether Python itself calls a method of this name."""
    return name.startswith("__") and name.endswith("__")


def content_of(cell: Any) -> Any:
    """Returns what a cell of a closure holds, or `MISSING` while it is empty."""
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING


def cell_contents(fun: Any, index: int) -> Any:
    """Returns what one cell of a function's closure holds, or `MISSING` while it is empty."""
    return content_of((fun.__closure__ or ())[index])


def closure_of(fun: Any) -> list[Any]:
    """Returns what the cells of a function's closure hold, `MISSING` for those that are empty."""
    return [content_of(cell) for cell in fun.__closure__ or ()]


def names_of_accessor(value: Any) -> list[str]:
    """Returns the names that `operator.attrgetter` or `methodcaller` loads."""
    if not isinstance(value, (operator.attrgetter, operator.methodcaller)):
        return []
    reduced: Any = value.__reduce__()
    return [part for text in reduced[1] if isinstance(text, str) for part in text.split(".")]
