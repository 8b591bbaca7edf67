"""Interleaved rounds: contenders take turns in one process, on one state of the machine."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable


def medians(
    contenders: dict[str, Callable[[], object]], rounds: int, calls: int
) -> dict[str, float]:
    """Returns the median seconds of one call of each contender.

    Args:
        contenders: what is measured, by name; each is called once before, to compile.
        rounds: how often each takes its turn.
        calls: how many calls make one turn.
    """
    for run in contenders.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, run in contenders.items():
                start = time.perf_counter()
                for _ in range(calls):
                    run()
                seconds[name].append((time.perf_counter() - start) / calls)
    finally:
        gc.enable()
    return {name: statistics.median(found) for name, found in seconds.items()}
