"""Repeats: stretches of a program in which the same equations come again, as equal layers do."""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jax.extend.core import Literal

OFTEN = 3
"""From how many equal pieces on it pays to make a function of them."""

TRIED = 4
"""How many lengths of a piece are tried: the most frequent distances between equal equations."""


@dataclasses.dataclass(frozen=True)
class Piece:
    """Some equations in a row.

    Args:
        start: the index of the first.
        stop: the index after the last.
        kind: what pieces have in common that do the same; None if it can not be compared.
        given: the variables that it takes.
        made: the variables that it makes.
    """

    start: int
    stop: int
    kind: Any
    given: list[Any]
    made: list[Any]


def pieces(equations: Sequence[Any], kinds: Sequence[Any]) -> list[Piece]:
    """Cuts a program into pieces: what repeats, and single equations between.

    Args:
        equations: the equations.
        kinds: what equal ones have in common, or None.
    """
    numbers: dict[Any, int] = {}
    known = [len(numbers) if k is None else numbers.setdefault(k, len(numbers)) for k in kinds]
    for i, kind in enumerate(kinds):
        known[i] = -1 - i if kind is None else known[i]  # equal to no other
    cuts = [0]
    for start, length, count in repeats(np.asarray(known, np.int64), 0):
        cuts += [*range(cuts[-1] + 1, start), *range(start, start + length * count + 1, length)]
    cuts += range(cuts[-1] + 1, len(equations) + 1)
    cuts = list(dict.fromkeys(cuts))
    return [_piece(equations, known, *cut) for cut in itertools.pairwise(cuts)]


def repeats(kinds: np.ndarray, offset: int) -> Iterator[tuple[int, int, int]]:
    """Yields (start, length of a piece, how many in a row), in order; the longest stretches first.

    Args:
        kinds: the equations as numbers.
        offset: the index of the first one.
    """
    tried = [list(_in_a_row(kinds, length)) for length in _distances(kinds)]
    best = max(tried, key=lambda runs: sum(n * count for _, n, count in runs), default=[])
    at = 0
    for start, length, count in best:
        yield from repeats(kinds[at:start], offset + at)
        yield offset + start, length, count
        at = start + length * count
    if best:
        yield from repeats(kinds[at:], offset + at)


def _distances(kinds: np.ndarray) -> list[int]:
    """Returns the most frequent distances between an equation and the next equal one."""
    last: dict[int, int] = {}
    found: collections.Counter[int] = collections.Counter()
    for i, kind in enumerate(kinds.tolist()):
        if kind in last:
            found[i - last[kind]] += 1
        last[kind] = i
    return sorted(length for length, _ in found.most_common(TRIED))


def _in_a_row(kinds: np.ndarray, length: int) -> Iterator[tuple[int, int, int]]:
    """Yields the stretches in which pieces of one length repeat."""
    equal = np.concatenate(([False], kinds[:-length] == kinds[length:], [False]))
    edges = np.flatnonzero(equal[1:] != equal[:-1]).tolist()
    end = 0
    for begin, stop in zip(edges[::2], edges[1::2], strict=True):
        start = max(begin, end)
        count = (stop - start) // length + 1
        if count >= OFTEN:
            yield start, length, count
            end = start + length * count


def _piece(equations: Sequence[Any], kinds: list[int], start: int, stop: int) -> Piece:
    number: dict[Any, int] = {}
    given, made, kind = [], [], []
    for equation, own in zip(equations[start:stop], kinds[start:stop], strict=True):
        read = [v for v in equation.invars if not isinstance(v, Literal)]
        for v in read:
            if v not in number:
                number[v] = len(number)
                given.append(v)
        kind.append((own, tuple(number[v] for v in read)))
        for v in equation.outvars:
            number[v] = len(number)
            made.append(v)
    return Piece(start, stop, tuple(kind) if min(kinds[start:stop]) >= 0 else None, given, made)
