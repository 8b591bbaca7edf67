"""First call: what it takes to trace, compile and run a value-and-gradient step of 100 layers.

The network is that of `residual.py`. Before each first call all caches are cleared, JAX's and ours,
and the model is new; contenders take turns. By hand is `jax.jit` of `jax.value_and_grad`.

    python benchmarks/first_call.py
"""

from __future__ import annotations

import gc
import time
from typing import Any

import jax
import residual
from compiling import compilations
from peers import present
from rounds import Seconds
from tables import Aim, Table, main

import statejit as sj


def first_call(make: Any, layers: int) -> tuple[float, float]:
    """Returns the seconds of a first call with cold caches, and those of them outside of XLA."""
    contender = make(layers, update=False)
    jax.clear_caches()
    sj.clear_cache()
    gc.collect()
    with compilations() as within:
        start = time.perf_counter()
        jax.block_until_ready(contender.run())
        seconds = time.perf_counter() - start
    return seconds, seconds - sum(within)


def measure(quick: bool) -> list[Table]:
    """Returns the table of first calls, and of their part in Python."""
    layers, rounds = (20, 3) if quick else (100, 5)
    makers = {n: m for n, m in present(residual.MAKERS).items() if n != "by hand, donated"}
    whole: Seconds = {name: [] for name in makers}
    python: Seconds = {name: [] for name in makers}
    for i in range(rounds + 1):  # the first round imports, and is left out
        for name in list(makers)[:: 1 if i % 2 else -1]:
            seconds, outside = first_call(makers[name], layers)
            if i:
                whole[name].append(seconds)
                python[name].append(outside)
    table = Table("first_call", f"First call, {layers} layers", "part", "s", "by hand")
    table.add("whole", whole)
    table.add("without XLA", python)
    text = "first call: at most 1.10 times the hand-written one"
    table.aims.append(Aim(text, table.ratio("whole", "statejit"), most=1.10))
    return [table]


if __name__ == "__main__":
    main(measure, __doc__)
