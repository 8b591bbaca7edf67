"""Interleaved rounds: contenders take turns in one process, on one state of the machine.

What is compared are the ratios of one round, whose turns lie next to each other in time; their
median is not moved by what else the machine does meanwhile, and their quartiles tell how much it
would move a single one.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

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


def interleaved(contenders: dict[str, Contender | Run], rounds: int, calls: int = 1) -> Seconds:
    """Returns the seconds of one call of each contender in each round.

    Every second round goes backwards, so that nobody always comes after the same one.

    Args:
        contenders: what is measured, by name; each is called twice before, to compile.
        rounds: how often each takes its turn.
        calls: how many calls make one turn.
    """
    ready = {n: c if isinstance(c, Contender) else Contender(c) for n, c in contenders.items()}
    for contender in ready.values():
        turn(contender, 2)
    seconds: Seconds = {name: [] for name in ready}
    gc.collect()
    gc.disable()
    try:
        for i in range(rounds):
            for name in list(ready)[:: 1 if i % 2 else -1]:
                seconds[name].append(turn(ready[name], calls))
    finally:
        gc.enable()
    return seconds


def turn(contender: Contender, calls: int) -> float:
    """Returns the seconds of one of some calls, up to the last result."""
    run = contender.run
    start = time.perf_counter()
    for _ in range(calls):
        result = run()
    jax.block_until_ready(contender.last() if contender.last else result)
    return (time.perf_counter() - start) / calls
