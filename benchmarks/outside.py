"""What guards on outside values add to a call and to a trace.

The function reads N values of a kind from globals; beside it stands the same function with the
values written into its code, on which there is no guard.

    python benchmarks/outside.py
"""

from __future__ import annotations

import time
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from rounds import interleaved
from tables import Cell, Table, main

import statejit as sj

COUNTS = (1, 10, 100)

KINDS: dict[str, tuple[str, Callable[[int], Any], int]] = {
    "int": ("g{i}", lambda i: i, 1),
    "float": ("g{i}", lambda i: i + 0.5, 1),
    "str": ("len(g{i})", lambda i: "a" * i, 1),
    "list of one": ("g{i}[0]", lambda i: [i], 2),
    "function": ("g{i}()", lambda i: eval(f"lambda: {i}"), 1),
    "attribute": ("g{i}.value", lambda i: types.SimpleNamespace(value=i), 2),
}
"""How a value of each kind is read, how it is made, and how many guarded values it is."""


def made(expressions: list[str], names: dict[str, Any]) -> Callable[[jax.Array], jax.Array]:
    """Returns a function of x that adds the sum of some expressions."""
    exec(f"def step(x):\n    return x + ({' + '.join(expressions)})", names)  # noqa: S102
    step: Callable[[jax.Array], jax.Array] = names["step"]
    return step


def reading(kind: str, count: int) -> Callable[[jax.Array], jax.Array]:
    """Returns a function that reads values from its globals."""
    how, make, _ = KINDS[kind]
    return made([how.format(i=i) for i in range(count)], {f"g{i}": make(i) for i in range(count)})


def first_call(fun: Callable[[jax.Array], jax.Array], x: jax.Array) -> float:
    """Returns the seconds of a trace and compilation."""
    start = time.perf_counter()
    sj.jit(fun)(x)
    return time.perf_counter() - start


def measure(quick: bool) -> list[Table]:
    """Returns the tables of calls, and of first calls."""
    x = jnp.ones(4)
    calls = Table("outside", "A call that reads values outside", "values", "µs", "none")
    firsts = Table("outside_first", "Its first call", "values", "ms", "none")
    for kind in KINDS:
        for count in COUNTS:
            functions = {"none": made(["0"] * count, {}), "read": reading(kind, count)}
            case = f"{count} x {kind}"
            firsts.add(case, {name: [first_call(fun, x)] for name, fun in functions.items()})
            steps = {name: sj.jit(fun) for name, fun in functions.items()}
            runs = {name: (lambda step=step: step(x)) for name, step in steps.items()}
            row = calls.add(case, interleaved(runs, 10 if quick else 30, 300))
            more = float(row["read"].value) - float(row["none"].value)
            row["each guarded value adds"] = Cell(more / count / KINDS[kind][2])
    return [calls, firsts]


if __name__ == "__main__":
    main(measure, __doc__)
