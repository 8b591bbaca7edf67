"""What a call of a jitted step costs beside hand-written `jax.jit` over the same nested dict.

The step adds a number to N small arrays, each in an object of its own. Every object has a Python
flag that the step reads, so that there is a guard on each. The peers run where they are installed.

    python benchmarks/dispatch.py
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from rounds import medians

import statejit as sj

SLOTS = (1, 10, 100, 1000)

Step = Callable[[], object]


def by_hand(n: int, x: jax.Array) -> Step:
    """Returns the hand-written step over a nested dict."""

    @jax.jit
    def step(state: dict[str, Any], x: jax.Array) -> dict[str, Any]:
        return {"cells": {k: {"w": c["w"] + x} for k, c in state["cells"].items()}}

    state = {"cells": {str(i): {"w": jnp.zeros(4)} for i in range(n)}}

    def run() -> None:
        nonlocal state
        state = step(state, x)

    return run


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


def watched(n: int, x: jax.Array) -> Step:
    """Returns the step on watched objects."""
    step = sj.jit(Model(n).step)
    return lambda: step(x)


def by_nnx(n: int, x: jax.Array) -> Step:
    """Returns the step on modules of flax's NNX."""
    from flax import nnx

    class NnxCell(nnx.Module):
        def __init__(self) -> None:
            self.w = nnx.Param(jnp.zeros(4))
            self.flag = True

    class NnxModel(nnx.Module):
        def __init__(self) -> None:
            self.cells = nnx.List([NnxCell() for _ in range(n)])

    @nnx.jit
    def step(model: NnxModel, x: jax.Array) -> None:
        for cell in model.cells:
            if cell.flag:
                cell.w[...] = cell.w[...] + x

    model = NnxModel()
    return lambda: step(model, x)


def by_brainstate(n: int, x: jax.Array) -> Step:
    """Returns the step on brainstate's states."""
    import brainstate

    states = [brainstate.ShortTermState(jnp.zeros(4)) for _ in range(n)]

    @brainstate.transform.jit
    def step(x: jax.Array) -> None:
        for state in states:
            state.value = state.value + x

    return lambda: step(x)


def by_brainpy(n: int, x: jax.Array) -> Step:
    """Returns the step on brainpy.math's variables."""
    import brainpy.math as bm

    variables = [bm.Variable(jnp.zeros(4)) for _ in range(n)]

    @bm.jit
    def step(x: jax.Array) -> None:
        for variable in variables:
            variable.value = variable.value + x

    return lambda: step(x)


PEERS = {"flax": by_nnx, "brainstate": by_brainstate, "brainpy": by_brainpy}


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
    makers = {"by hand": by_hand, "statejit": watched}
    makers |= {name: peer for name, peer in PEERS.items() if importlib.util.find_spec(name)}
    print(f"jax {jax.__version__}; microseconds a call (ratio), medians of interleaved rounds")
    print(" slots" + "".join(f"{name:>18}" for name in makers))
    for n in SLOTS:
        found = medians({name: make(n, x) for name, make in makers.items()}, 30, 1000 // n + 3)
        hand = found["by hand"]
        cells = [f"{1e6 * s:>10.1f} ({s / hand:5.2f})" for s in found.values()]
        print(f"{n:>6}" + "".join(cells))
    print(f"compilations for 1,000 instances: {instances(1000)}")


if __name__ == "__main__":
    main()
