"""Scale: how the first call and each further one grow with the number of slots, and with depth.

"Slots" is a model with N small arrays in a list, "depth" a chain of N objects, each of which holds
the next and one array; the step adds a number to all of them. A line through the logarithms of
time and size has slope 1 where the cost is linear; it is drawn through the sizes at which what is
counted is more than what a call costs anyway. How JAX's own part grows is not ours to change: the
hand-written step over a list of N arrays stands beside. "Packed" are N mutable arrays under
`jit(f, pack=True)`, whose program has few inputs: with 100,000 of them it compiles in 13 GB, where
the programs of the others (ours, and the hand-written one) want more than 24. The last of some
calls unpacks an array, to wait for it.

    python benchmarks/scale.py [--most 100000]
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from compiling import compilations
from rounds import Contender, interleaved
from tables import SCALES, Aim, Cell, Table, main, summary

import statejit as sj
import statejit.numpy as snp

SLOTS = (1, 10, 100, 1_000, 3_000, 10_000)
DEPTHS = (1, 10, 100, 300, 1_000)
PACKED = (1_000, 10_000, 100_000)

LARGE = 100
"""From which size on the slope is taken."""


class Wide(sj.Base):
    """Holds N arrays."""

    def __init__(self, n: int) -> None:
        self.cells = [jnp.zeros(4) for _ in range(n)]

    def step(self, x: jax.Array) -> None:
        """Adds a number to all arrays."""
        for i, cell in enumerate(self.cells):
            self.cells[i] = cell + x

    def last(self) -> jax.Array:
        """Returns one of the arrays."""
        return self.cells[0]


class Mutable(sj.Base):
    """Holds N mutable arrays."""

    def __init__(self, n: int) -> None:
        self.cells = [snp.zeros(4) for _ in range(n)]

    def step(self, x: jax.Array) -> None:
        """Adds a number to all arrays."""
        for cell in self.cells:
            cell += x

    def last(self) -> jax.Array:
        """Returns what becomes ready with all arrays."""
        return self.cells[0].value


class Link(sj.Base):
    """Holds an array, and the next link."""

    def __init__(self, following: Link | None) -> None:
        self.w, self.following = jnp.zeros(4), following


class Deep(sj.Base):
    """Holds a chain of N links."""

    def __init__(self, n: int) -> None:
        self.first: Link | None = None
        for _ in range(n):
            self.first = Link(self.first)

    def step(self, x: jax.Array) -> None:
        """Adds a number to all arrays."""
        link = self.first
        while link is not None:
            link.w = link.w + x
            link = link.following

    def last(self) -> jax.Array:
        """Returns one of the arrays."""
        assert self.first is not None
        return self.first.w


def by_hand(n: int) -> Contender:
    """Returns the hand-written step over a list of N arrays, which are given away as ours are."""
    step = jax.jit(lambda cells, x: [cell + x for cell in cells], donate_argnums=0)
    cells, x = [jnp.zeros(4) for _ in range(n)], jnp.ones(())

    def run() -> None:
        nonlocal cells
        cells = step(cells, x)

    return Contender(run, lambda: cells[0])


def timed(run: Callable[[], Any]) -> float:
    """Returns how long something takes, in seconds."""
    start = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - start


def first(contender: Contender) -> tuple[float, float]:
    """Returns what a first call takes, and what it takes without XLA, in seconds."""
    with compilations() as within:
        whole = timed(lambda: (contender.run(), contender.last())[1])
    return whole, whole - sum(within)


def row(make: Callable[[int], Any], n: int, rounds: int) -> dict[str, Cell]:
    """Returns what the first call and a further one take, in milliseconds."""
    sj.clear_cache()
    jax.clear_caches()
    model, x = make(n), jnp.ones(())
    step = sj.jit(model.step)
    contenders = {"call": Contender(lambda: step(x), model.last), "call by hand": by_hand(n)}
    (ours, traced), (_, hand) = [first(each) for each in contenders.values()]
    calls = summary(interleaved(contenders, rounds, max(1, 300 // n)), "", SCALES["ms"])
    return {
        "first call": Cell(SCALES["ms"] * ours),
        "first call without XLA": Cell(SCALES["ms"] * traced),
        "by hand without XLA": Cell(SCALES["ms"] * hand),
        **calls,
    }


def slope(sizes: list[float], values: list[float]) -> float:
    """Returns the slope of the line through logarithms, by least squares."""
    pairs = [(math.log(n), math.log(v)) for n, v in zip(sizes, values, strict=True) if n >= LARGE]
    return statistics.linear_regression(*zip(*pairs, strict=True)).slope


def grown(table: Table, make: Callable[[int], Any], sizes: tuple[int, ...], rounds: int) -> Table:
    """Fills a table with sizes, and adds the slopes."""
    row(make, 2, 1)  # what is done once in a process
    for n in sizes:
        table.rows[f"{n:,}"] = row(make, n, rounds)
        table.axis.append(n)
    slopes = {
        name: slope(table.axis, [float(found[name].value) for found in table.rows.values()])
        for name in table.columns
    }
    table.note = "Slopes: " + ", ".join(f"{name} {found:.2f}" for name, found in slopes.items())
    for name in ("first call without XLA", "call"):
        text = f"{table.case}, {name}: slope of at most 1.1"
        table.aims.append(Aim(text, slopes[name], most=1.1))
    text = f"{table.case}, call: slope of at most 1.02 times the hand-written step's"
    table.aims.append(Aim(text, slopes["call"] / slopes["call by hand"], most=1.02))
    return table


def packed(quick: bool) -> Table:
    """Returns the table of mutable arrays that are packed."""
    table = Table("scale_packed", "Cost against packed slots", "slots", "ms")
    for n in PACKED[:1] if quick else PACKED:
        sj.clear_cache()
        jax.clear_caches()
        model, x = Mutable(n), jnp.ones(())
        step = sj.jit(model.step, pack=True)
        call = Contender(lambda: step(x), model.last)  # noqa: B023, called within the loop
        ours, traced = first(call)
        cells = {"first call": ours, "first call without XLA": traced}
        table.rows[f"{n:,}"] = {
            **{name: Cell(SCALES["ms"] * seconds) for name, seconds in cells.items()},
            **summary(interleaved({"call": call}, 11, max(1, 3000 // n)), "", SCALES["ms"]),
        }
        table.axis.append(n)
    return table


def measure(quick: bool, most: int = SLOTS[-1]) -> list[Table]:
    """Returns the tables of slots, of depth and of packed slots.

    Args:
        quick: whether to leave the largest out.
        most: the largest number of slots.
    """
    slots = SLOTS[:4] if quick else (*(n for n in SLOTS if n < most), most)
    depths = DEPTHS[:4] if quick else DEPTHS
    rounds = 5 if quick else 21
    return [
        grown(Table("scale_slots", "Cost against slots", "slots", "ms"), Wide, slots, rounds),
        grown(Table("scale_depth", "Cost against depth", "depth", "ms"), Deep, depths, rounds),
        packed(quick),
    ]


if __name__ == "__main__":
    main(measure, __doc__, most=SLOTS[-1])
