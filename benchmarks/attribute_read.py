"""What reading and writing an attribute costs outside of traces, beside a plain class.

Up to Python 3.12 an object of any class is read more slowly once its `__dict__` has been asked for,
as a traced function does; so there is a plain object of which `vars()` was taken, too.

    python benchmarks/attribute_read.py
"""

from __future__ import annotations

import sys
import timeit
from collections.abc import Callable

import jax.numpy as jnp
from rounds import interleaved
from tables import Table, main

import statejit as sj

CALLS, TRACES = 100_000, 200


class Plain:
    """Is what Python has."""

    def __init__(self) -> None:
        self.value = 1.0


class Watched(sj.Base):
    """Is what we have."""

    def __init__(self) -> None:
        self.value = 1.0


def timer(verb: str, holder: object) -> Callable[[], object]:
    """Returns a call that reads or writes an attribute many times."""
    statement = "o.value" if verb == "read" else "o.value = v"
    timed = timeit.Timer(statement, globals={"o": holder, "v": 1.0})
    return lambda: timed.timeit(CALLS)


def trace_often(holder: Watched) -> None:
    """Traces functions that read the object."""
    for i in range(TRACES):
        sj.jit(lambda i=i: holder.value * jnp.ones(()) + i)()
        sj.clear_cache()


def measure(quick: bool) -> list[Table]:
    """Returns the table: before any trace, and after many."""
    watched, plain, asked = Watched(), Plain(), Plain()
    vars(asked)
    holders = {"plain": plain, "plain, after vars()": asked, "watched": watched}
    title = f"An attribute on Python {sys.version.split()[0]}"
    table = Table("attribute_read", title, "what", "ns", "plain")
    for when in ("before any trace", f"after {TRACES} traces"):
        for verb in ("read", "write"):
            runs = {name: timer(verb, holder) for name, holder in holders.items()}
            seconds = interleaved(runs, 5 if quick else 21)
            each = {name: [s / CALLS for s in found] for name, found in seconds.items()}
            table.add(f"{verb}, {when}", each)
        trace_often(watched)
    return [table]


if __name__ == "__main__":
    main(measure, __doc__)
