"""Memory: the peak of a process that takes some optimizer steps on 200 MB of parameters.

Each contender has a process of its own, and its peak is what the device says, if it has a memory
of its own, or what Linux says: `VmHWM`, since `ru_maxrss` counts the process that started it, too.
A step that gives its state away needs no room for the new one beside the old. By hand the moments
are made before the first step; so `Optimizer(tx, model)` makes them, while `Optimizer(tx)` makes
them in it, where XLA may copy the parameters once.

    python benchmarks/memory.py
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax
from tables import Aim, Cell, Table, main, summary

import statejit as sj

SIZE, STEPS = 50_000_000, 4

RULES = {"momentum": optax.sgd(1e-3, momentum=0.9), "Adam": optax.adam(1e-3)}


Step = Callable[[], jax.Array]
"""Takes a step, and returns the parameters."""


def weights(size: int) -> jax.Array:
    """Returns the parameters, made where they are to lie."""
    return jax.jit(lambda: jnp.zeros(size))()


def loss(w: jax.Array, x: jax.Array) -> jax.Array:
    """Returns something whose gradient is as large as the parameters."""
    return ((w * x) ** 2).sum()


def by_hand(size: int, tx: Any, **options: Any) -> Step:
    """Returns the hand-written step."""
    w = weights(size)
    moments = tx.init(w)

    def step(w: Any, moments: Any, x: Any) -> Any:
        updates, moments = tx.update(jax.grad(loss)(w, x), moments, w)
        return optax.apply_updates(w, updates), moments

    compiled = jax.jit(step, **options)

    def run() -> jax.Array:
        nonlocal w, moments
        w, moments = compiled(w, moments, 1.0)
        return w

    return run


def donated(size: int, tx: Any) -> Step:
    """Returns the hand-written step that gives the state away."""
    return by_hand(size, tx, donate_argnums=(0, 1))


def lazily(size: int, tx: Any) -> Step:
    """Returns the step on watched objects, the first of which makes the moments."""
    return watched(size, tx, lazy=True)


def watched(size: int, tx: Any, lazy: bool = False) -> Step:
    """Returns the step on watched objects."""

    class Model(sj.Base):
        def __init__(self) -> None:
            self.w = weights(size)

    model = Model()
    opt = sj.Optimizer(tx) if lazy else sj.Optimizer(tx, model)
    differentiated = sj.grad(lambda x: loss(model.w, x), grad_vars=model)

    @sj.jit
    def step(x: Any) -> None:
        opt.update(model, differentiated(x))

    def run() -> jax.Array:
        step(1.0)
        return model.w

    return run


def by_nnx(size: int, tx: Any) -> Step:
    """Returns the step on modules of flax's NNX."""
    from flax import nnx

    class Model(nnx.Module):
        def __init__(self) -> None:
            self.w = nnx.Param(weights(size))

    model = Model()
    opt = nnx.Optimizer(model, tx, wrt=nnx.Param)

    @nnx.jit
    def step(model: Any, opt: Any, x: Any) -> None:
        opt.update(model, nnx.grad(lambda model: loss(model.w[...], x))(model))

    def run() -> jax.Array:
        step(model, opt, 1.0)
        return model.w[...]

    return run


RUNS = {
    "by hand, donated": donated,
    "by hand": by_hand,
    "statejit": watched,
    "statejit, lazily": lazily,
    "nnx": by_nnx,
}


def alone(name: str, rule: str, size: int) -> None:
    """Takes the steps of one contender, and prints the peak of this process."""
    run = RUNS[name](size, RULES[rule])
    for _ in range(STEPS):
        jax.block_until_ready(run())
    print(high_water())


def high_water() -> int:
    """Returns the most bytes that this process has held where its arrays lie."""
    if stats := jax.devices()[0].memory_stats():
        return int(stats["peak_bytes_in_use"])
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return 1024 * int(line.split()[1])


def peak(name: str, rule: str, size: int) -> float:
    """Returns the peak of a process in which one contender takes its steps, in bytes."""
    order = [sys.executable, str(Path(__file__)), "--alone", name, rule, str(size)]
    answer = subprocess.run(order, check=True, capture_output=True, text=True)
    return float(answer.stdout)


def measure(quick: bool) -> list[Table]:
    """Returns the table of peaks."""
    size, times = (SIZE // 10, 1) if quick else (SIZE, 2)
    base = "by hand, donated"
    table = Table("memory", f"Peak with {4 * size / 1e6:.0f} MB of parameters", "rule", "MB", base)
    for rule in RULES:
        found = {name: [peak(name, rule, size) for _ in range(times)] for name in RUNS}
        table.rows[rule] = summary(found, base, 1e-6)
        text = f"{rule}: at most 1.05 times the hand-written donated step"
        table.aims.append(Aim(text, table.ratio(rule, "statejit"), most=1.05))
    table.rows["one number"] = {base: Cell(peak(base, "momentum", 1) / 1e6)}
    return [table]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        alone(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main(measure, __doc__)
