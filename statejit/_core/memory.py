"""What is known of the numbers of one code: which vary, and which some library wants plain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .numbers import Number
from .places import is_library_code
from .slots import same_plain


class Memory:
    """What the plans of one code have learned of its numbers, by address.

    A number is first a guard; the second distinct value (of an argument: the first) makes it vary.
    """

    def __init__(self) -> None:
        self.seen: dict[Any, Any] = {}
        self.varying: set[Any] = set()
        self.fixed: set[Any] = set()

    def varies(self, address: Any, value: Any) -> bool:
        """Says whether the number at an address is to be symbolic, and takes note of its value."""
        if address in self.fixed:
            return False
        if address[0][0] in ("args", "kwargs") or not same_plain(
            self.seen.setdefault(address, value), value
        ):
            self.varying.add(address)
        return address in self.varying


_COMPLAINTS = ("Number", "__jax_array__", "Cannot determine dtype")


def refused(error: BaseException, memory: Memory) -> set[Any]:
    """Returns the addresses of the numbers that a library would not take, as far as can be told."""
    numbers = list(numbers_at(error))
    if numbers:
        return {address for number in numbers for address in number.tape.sources(number.index)}
    if any(complaint in str(error) for complaint in _COMPLAINTS):
        return set(memory.varying)
    return set()


def numbers_at(error: BaseException) -> Iterator[Number]:
    """Yields the numbers in the hands of the library code that raised an error."""
    entry = error.__traceback__
    held: list[Number] = []
    while entry is not None:
        frame = entry.tb_frame
        if is_library_code(frame.f_code):
            held += [v for v in frame.f_locals.values() if type(v) is Number]
        else:
            held = []
        entry = entry.tb_next
    yield from held
