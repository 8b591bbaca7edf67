"""Recipes: how a value that the user's code left behind is made again at each call.

A recipe is an output of the program, an input as it was, a Python number of the tape, something
that exists, or something new that is built afresh at every call. An effect says where it goes.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from .containers import Container, Kind
from .numbers import Number
from .slots import Slot


@dataclasses.dataclass(unsafe_hash=True)
class Out:
    """An output of the program; where eager Python has a number, that number is made of it.

    Whether it has is known when the whole program is (`derived`); nothing is changed after that.
    """

    index: int
    number: type | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Input:
    """The array that was found in a slot: the same object."""

    slot: Slot


@dataclasses.dataclass(frozen=True, eq=False)
class Computed:
    """A Python number, the result of a step on the tape."""

    number: Number


@dataclasses.dataclass(frozen=True, eq=False)
class Constant:
    """A value that is the same at every call."""

    value: Any


@dataclasses.dataclass(frozen=True, eq=False)
class Existing:
    """An object, cell or NumPy array that was there before, or the entry of a container."""

    entry: Any


@dataclasses.dataclass(eq=False)
class NewContainer:
    """A container made inside."""

    kind: Kind
    cls: type
    aux: Any
    children: list[Any]


@dataclasses.dataclass(eq=False)
class NewObject:
    """An object or cell made inside."""

    cls: type
    attrs: dict[str, Any]
    shell: Any


@dataclasses.dataclass(eq=False)
class NewCopy:
    """A NumPy array, or a plain object without arrays, made inside: copied at each call."""

    value: Any


@dataclasses.dataclass(eq=False)
class NewNumpy:
    """A NumPy array that was computed inside by the program."""

    content: Any
    dtype: Any
    shell: Any


@dataclasses.dataclass(eq=False)
class NewCell:
    """The cell of a closure made inside; it is filled last, for a function may refer to itself."""

    content: Any


@dataclasses.dataclass(eq=False)
class NewCall:
    """A function, a bound method or a `functools.partial` made inside: `make` of its parts."""

    make: Any
    parts: list[Any]


@dataclasses.dataclass(frozen=True, eq=False)
class SetAttr:
    """An effect: an attribute is set, or deleted (`recipe` is MISSING)."""

    holder: Any
    name: str
    recipe: Any


@dataclasses.dataclass(frozen=True, eq=False)
class Refill:
    """An effect: a container gets new content."""

    container: Container
    aux: Any
    children: list[Any]
