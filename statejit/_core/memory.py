"""What is known of the values of one code: numbers that vary, and what some library wants plain."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from typing import Any

from .cells import Cell
from .numbers import Number
from .places import is_library_code
from .slots import same_plain


class Memory:
    """What the plans of one code have learned of its numbers and NumPy arrays, by address.

    A number is first a guard; the second distinct value makes it vary. Of an argument, or of an
    attribute that the code assigns somewhere, the first does.

    Attributes:
        seen: the first value of each number.
        varying: the numbers that vary.
        fixed: the numbers and NumPy arrays that a library wants plain: they are guards.
        arrays: the NumPy arrays that the last trace, which failed, had read and not written.
    """

    def __init__(self) -> None:
        self.seen: dict[Any, Any] = {}
        self.varying: set[Any] = set()
        self.fixed: set[Any] = set()
        self.arrays: set[Any] = set()

    def varies(self, address: Any, value: Any, is_written: bool = False) -> bool:
        """Says whether the number at an address is to be symbolic, and takes note of its value.

        Args:
            address: where the number was found.
            value: the number.
            is_written: whether the code assigns attributes of this name.
        """
        if address in self.fixed:
            return False
        expected = is_written or address[0][0] in ("args", "kwargs")
        if expected or not same_plain(self.seen.setdefault(address, value), value):
            self.varying.add(address)
        return address in self.varying


_RAISE = bytes([dis.opmap["RAISE_VARARGS"]])

_COMPLAINTS = ("Number", "__jax_array__", "Cannot determine dtype")


def refused(error: BaseException, memory: Memory) -> set[Any]:
    """Returns the addresses of what a library would not take, as far as can be told."""
    held = list(held_at(error))
    if not held and (_is_told(error) or _is_raised_in_c(error)):
        return memory.varying | memory.arrays
    arrays = memory.arrays if any(type(value) is not Number for value in held) else set()
    return _sources(held) | arrays


def is_refusal(error: BaseException, memory: Memory) -> bool:
    """Says whether an error is likely that of a library which would not take a symbolic number."""
    held = list(held_at(error))
    found = memory.varying if not held and _is_told(error) else _sources(held)
    return not found <= memory.fixed


def _sources(held: list[Any]) -> set[Any]:
    numbers = [value for value in held if type(value) is Number]
    return {address for number in numbers for address in number.tape.sources(number.index)}


def _is_told(error: BaseException) -> bool:
    return any(complaint in str(error) for complaint in _COMPLAINTS)


def _is_raised_in_c(error: BaseException) -> bool:
    """Says whether no `raise` of Python's has raised an error: C tells not what it was given."""
    entry = error.__traceback__
    while entry is not None and entry.tb_next is not None:
        entry = entry.tb_next
    if entry is None:
        return False
    at = entry.tb_lasti
    return entry.tb_frame.f_code.co_code[at : at + 1] != _RAISE


def held_at(error: BaseException) -> Iterator[Any]:
    """Yields the numbers and stand-ins in the hands of the library code that raised an error."""
    entry = error.__traceback__
    held: list[Any] = []
    while entry is not None:
        frame = entry.tb_frame
        if is_library_code(frame.f_code):
            held += [v for v in frame.f_locals.values() if type(v) is Number or _is_stand_in(v)]
        else:
            held = []
        entry = entry.tb_next
    yield from held


def _is_stand_in(value: Any) -> bool:
    return issubclass(type(value), Cell) and type(value).host
