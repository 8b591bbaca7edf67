"""What a call of a jitted step costs beside hand-written `jax.jit` over the same nested dict.

The step adds a number to N small arrays, each in an object of its own. Every object has a Python
flag that the step reads, so that there is a guard on each.

    python benchmarks/dispatch.py
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from rounds import medians

import statejit as sj

SLOTS = (1, 10, 100, 1000)


class Cell(sj.Base):
    """Holds one small array and a flag."""

    def __init__(self) -> None:
        self.w = jnp.zeros(4)
        self.flag = True


class Model(sj.Base):
    """Holds N cells."""

    def __init__(self, n: int) -> None:
        self.cells = [Cell() for _ in range(n)]

    def step(self, x: jax.Array) -> None:
        """Adds a number to all arrays."""
        for cell in self.cells:
            if cell.flag:
                cell.w = cell.w + x


def by_hand(n: int, x: jax.Array) -> Callable[[], object]:
    """Returns the hand-written step over a nested dict."""

    @jax.jit
    def step(state: dict, x: jax.Array) -> dict:
        return {"cells": {k: {"w": c["w"] + x} for k, c in state["cells"].items()}}

    state = {"cells": {str(i): {"w": jnp.zeros(4)} for i in range(n)}}

    def run() -> None:
        nonlocal state
        state = step(state, x)

    return run


def watched(n: int, x: jax.Array) -> Callable[[], object]:
    """Returns the step on objects."""
    step = sj.jit(Model(n).step)
    return lambda: step(x)


def instances(n: int) -> int:
    """Returns how many compilations n models of one structure need."""
    step = sj.jit(Model.step)
    before = len(step.plans)
    for _ in range(n):
        step(Model(3), jnp.ones(()))
    return len(step.plans) - before


def main() -> None:
    """Prints the table."""
    x = jnp.ones(())
    print(f"jax {jax.__version__}; microseconds a call, medians of interleaved rounds")
    print(f"{'slots':>6} {'by hand':>10} {'statejit':>10} {'ratio':>7}")
    for n in SLOTS:
        found = medians({"by hand": by_hand(n, x), "statejit": watched(n, x)}, 60, 2000 // n + 5)
        hand, ours = (1e6 * found[name] for name in ("by hand", "statejit"))
        print(f"{n:>6} {hand:>10.1f} {ours:>10.1f} {ours / hand:>7.2f}")
    print(f"compilations for 1,000 instances: {instances(1000)}")


if __name__ == "__main__":
    main()
