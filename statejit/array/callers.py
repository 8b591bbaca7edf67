"""Who asks: whether what reads `array[index]` puts it back at once, adds it, or calls a method.

Python does not say so, but the bytecode of the caller does.
"""

from __future__ import annotations

import dis
import sys
import types
from typing import Any, NamedTuple


class Places(NamedTuple):
    """Where a code asks for what it does not keep, as offsets of instructions.

    Args:
        code: the code, kept so that no other one gets its identity.
        augmenting: where it has `array[index] <op>= other`.
        added: where it has the other `b[index]` in `a[index] <op>= b[index]`.
    """

    code: types.CodeType
    augmenting: frozenset[int]
    added: frozenset[int]


def augments(caller: types.FrameType) -> bool:
    """Says whether a frame is at `array[index] <op>= other`.

    Only there the element will be put back at once. Whoever else had it would hold the whole array.

    Args:
        caller: the frame that asks for `array[index]`.
    """
    known = _known.get(id(caller.f_code))
    if known is None:
        known = _looked_at(caller.f_code)
    return caller.f_lasti in known.augmenting


def adds(caller: types.FrameType) -> bool:
    """Says whether a frame is at the `b[index]` of `a[index] <op>= b[index]`.

    Args:
        caller: the frame that asks for `b[index]`.
    """
    return caller.f_lasti in (_known.get(id(caller.f_code)) or _looked_at(caller.f_code)).added


def method(caller: types.FrameType) -> str:
    """Returns the name of the method for which a frame is at `array[index].method(...)`, or ''.

    Args:
        caller: the frame that asks for `array[index]`.
    """
    after = (i for i in dis.get_instructions(caller.f_code) if i.offset > caller.f_lasti)
    found = next((i for i in after if i.opname != "EXTENDED_ARG"), None)
    return found.argval if found and found.opname in ("LOAD_ATTR", "LOAD_METHOD") else ""


_known: dict[int, Places] = {}
"""What was found, by the identity of the code: to hash a code would cost too much."""

_CACHE = dis.opmap.get("CACHE", 0)

_BEFORE = bytes([dis.opmap["COPY"], 2]) * 2
"""What comes before the array is asked for an element that is to be put back: it keeps both."""

_LOADS = frozenset(op for name, op in dis.opmap.items() if name.startswith("LOAD_"))

_BINARY = dis.opmap["BINARY_OP"]

_IN_PLACE = 13
"""From here on the arguments of `BINARY_OP` stand for operators in place."""


def _looked_at(code: types.CodeType) -> Places:
    if len(_known) >= 4096:
        _known.clear()
    text, n = code.co_code, len(_BEFORE)
    augmenting: set[int] = set()
    added: set[int] = set()
    for i in range(n, len(text), 2):
        if text[i - n : i] == _BEFORE:
            augmenting |= _with_caches(text, i)
            added |= _added(text, i)
    known = _known[id(code)] = Places(code, frozenset(augmenting), frozenset(added))
    return known


def _with_caches(text: bytes, at: int) -> set[int]:
    """Returns an offset and those of the caches behind it, to which Python 3.11 goes on."""
    found = {at}
    while text[at + 2 : at + 3] == bytes([_CACHE]):
        at += 2
        found.add(at)
    return found


def _added(text: bytes, at: int) -> set[int]:
    """Returns where the operand is asked for that is added at once to what is asked for here."""
    here = max(_with_caches(text, at)) + 2
    while here < len(text) and (text[here] in _LOADS or text[here] == _CACHE):
        here += 2
    if text[here : here + 1] != text[at : at + 1]:
        return set()
    found = _with_caches(text, here)
    after = max(found) + 2
    is_in_place = text[after : after + 1] == bytes([_BINARY]) and text[after + 1] >= _IN_PLACE
    return found if is_in_place else set()


class _Probe:
    """Finds what Python counts for an object that only `container[index] <op>= other` holds."""

    def __getitem__(self, index: int) -> _Probe:
        return _Probe()

    def __iadd__(self, other: int) -> _Probe:
        _count(self, other)
        return self

    def __setitem__(self, index: int, new: _Probe) -> None:
        _count(new, index)


def _count(held: _Probe, other: int) -> None:
    _counts.append(sys.getrefcount(held))


_counts: list[int] = []
_probe: Any = _Probe()
_probe[0] += 0

PASSING = min(_counts)
"""What Python counts, in a function that an operator calls, for an object nobody else holds."""
