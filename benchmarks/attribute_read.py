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
from rounds import medians

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


def main() -> None:
    """Prints the table: before any trace, and after many."""
    watched, plain, asked = Watched(), Plain(), Plain()
    vars(asked)
    holders = {"plain": plain, "plain, after vars()": asked, "watched": watched}
    print(f"Python {sys.version.split()[0]}; nanoseconds, medians of interleaved rounds")
    for when in ("before any trace", "after 200 traces"):
        print(when)
        for verb in ("read", "write"):
            found = medians({n: timer(verb, o) for n, o in holders.items()}, 15, 1)
            for name, seconds in found.items():
                print(f"  {verb:<5} {name:<20} {1e9 * seconds / CALLS:7.1f}")
        trace_often(watched)


if __name__ == "__main__":
    main()
