"""What guards on outside values add to a call and to a trace.

The function reads N values of a kind from globals; beside it stands the same function with the
values written into its code, on which there is no guard.

    python benchmarks/outside.py
"""

from __future__ import annotations

import time
import types
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from rounds import interleaved
from tables import Table, main

import statejit as sj

COUNTS = (1, 10, 100)

KINDS: dict[str, tuple[str, Callable[[int], Any]]] = {
    "int": ("g{i}", lambda i: i),
    "float": ("g{i}", lambda i: i + 0.5),
    "str": ("len(g{i})", lambda i: "a" * i),
    "list of one": ("g{i}[0]", lambda i: [i]),
    "function": ("g{i}()", lambda i: eval(f"lambda: {i}")),
    "attribute": ("g{i}.value", lambda i: types.SimpleNamespace(value=i)),
}
"""How a value of each kind is read, and how it is made."""


def made(expressions: list[str], names: dict[str, Any]) -> Callable[[jax.Array], jax.Array]:
    """Returns a function of x that adds the sum of some expressions."""
    exec(f"def step(x):\n    return x + ({' + '.join(expressions)})", names)  # noqa: S102
    step: Callable[[jax.Array], jax.Array] = names["step"]
    return step


def reading(kind: str, count: int) -> Callable[[jax.Array], jax.Array]:
    """Returns a function that reads values from its globals."""
    how, make = KINDS[kind]
    return made([how.format(i=i) for i in range(count)], {f"g{i}": make(i) for i in range(count)})


def first_call(fun: Callable[[jax.Array], jax.Array], x: jax.Array) -> float:
    """Returns the seconds of a trace and compilation."""
    start = time.perf_counter()
    sj.jit(fun)(x)
    return time.perf_counter() - start


def measure(quick: bool) -> list[Table]:
    """Returns the tables of calls, and of first calls."""
    x = jnp.ones(4)
    calls = Table("outside", "One call that reads outside values", "values", "µs", "none")
    firsts = Table("outside_first", "Its first call", "values", "ms", "none")
    for kind in KINDS:
        for count in COUNTS:
            case = f"{kind}, {count}"
            made_of = {"none": made(["0"] * count, {}), "read": reading(kind, count)}
            firsts.add(case, {name: [first_call(f, x)] for name, f in made_of.items()})
            steps = {name: partial(sj.jit(f), x) for name, f in made_of.items()}
            calls.add(case, interleaved(steps, 7 if quick else 21, 50 if quick else 200))
    calls.note = "Each list of one and each attribute is two guarded values, each other kind one."
    return [calls, firsts]


if __name__ == "__main__":
    main(measure, __doc__)
