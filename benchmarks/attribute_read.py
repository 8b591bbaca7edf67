"""What reading and writing an attribute costs outside of traces, beside a plain class.

Up to Python 3.12 an object of any class is read more slowly once its `__dict__` has been asked for,
as a traced function does; so there is a plain object of which `vars()` was taken, too.

    python benchmarks/attribute_read.py
"""

from __future__ import annotations

import timeit
from collections.abc import Callable

import jax.numpy as jnp
from rounds import interleaved
from tables import Aim, Table, main

import statejit as sj

CALLS = 100_000


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
    for i in range(200):
        sj.jit(lambda i=i: holder.value * jnp.ones(()) + i)()
        sj.clear_cache()


def measure(quick: bool) -> list[Table]:
    """Returns the table: before any trace, and after many."""
    watched, plain, asked = Watched(), Plain(), Plain()
    vars(asked)
    holders = {"plain": plain, "plain, after vars()": asked, "watched": watched}
    table = Table("attribute_read", "An attribute outside of traces", "access", "ns", "plain")
    for when in ("before any trace", "after 200 traces"):
        for verb in ("read", "write"):
            found = interleaved({n: timer(verb, o) for n, o in holders.items()}, 15)
            each = {name: [s / CALLS for s in seconds] for name, seconds in found.items()}
            table.add(f"{verb}, {when}", each)
        trace_often(watched)
    text = "reading before any trace: at most 1.05 times a plain object"
    ratio = table.ratio("read, before any trace", "watched")
    table.aims.append(Aim(text, ratio, most=1.05))
    return [table]


if __name__ == "__main__":
    main(measure, __doc__)
