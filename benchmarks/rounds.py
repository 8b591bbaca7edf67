"""Interleaved rounds: contenders take turns in one process, on one state of the machine.

What is compared are the ratios of one round, whose turns lie next to each other in time; their
median is not moved by what else the machine does meanwhile, and their quartiles tell how much it
would move a single one.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax

Run = Callable[[], object]

Seconds = dict[str, list[float]]
"""Seconds of one call, for each contender and round."""


@dataclass(frozen=True)
class Contender:
    """What is measured.

    Args:
        run: one call.
        last: what to wait for at the end of a turn, where calls return nothing.
    """

    run: Run
    last: Run | None = None


Some = Contender | Run | Sequence[Contender] | Sequence[Run]
"""A contender, or several equal ones."""

EQUAL = 4
"""Of how many equal contenders the figures are, where one is slower for where it happens to lie."""


def equal(makers: dict[str, Callable[..., Any]], *arguments: Any) -> dict[str, list[Any]]:
    """Returns several equal contenders under each name.

    Where its arrays and its program lie makes one up to 4 % slower than an equal one.

    Args:
        makers: what makes a contender, by name.
        arguments: of the makers.
    """
    return {name: [make(*arguments) for _ in range(EQUAL)] for name, make in makers.items()}


def interleaved(
    contenders: Mapping[str, Some],
    rounds: int,
    calls: int = 1,
    before: int = 0,
) -> Seconds:
    """Returns the seconds of one call of each contender in each round.

    Each round has an order of its own, drawn at random, so that nobody always comes after the same
    one.

    Args:
        contenders: what is measured, by name; each is called twice before, to compile. Of several
            under one name one runs in a round, and the next in the next.
        rounds: how often each takes its turn.
        calls: how many calls make one turn.
        before: how many calls come before each turn, for the memory that another one has left.
    """
    ready = {name: _listed(found) for name, found in contenders.items()}
    for contender in (each for found in ready.values() for each in found):
        turn(contender, 2)
    seconds: Seconds = {name: [] for name in ready}
    orders = random.Random(0)
    gc.collect()
    gc.disable()
    try:
        for i in range(rounds):
            for name in orders.sample(list(ready), len(ready)):
                contender = ready[name][i % len(ready[name])]
                if before:
                    turn(contender, before)
                seconds[name].append(turn(contender, calls))
    finally:
        gc.enable()
    return seconds


def _listed(found: Some) -> list[Contender]:
    """Returns the contenders of one name."""
    each = found if isinstance(found, Sequence) else [found]
    return [one if isinstance(one, Contender) else Contender(one) for one in each]


def turn(contender: Contender, calls: int) -> float:
    """Returns the seconds of one of some calls, up to the last result."""
    run = contender.run
    start = time.perf_counter()
    for _ in range(calls):
        result = run()
    jax.block_until_ready(contender.last() if contender.last else result)
    return (time.perf_counter() - start) / calls
