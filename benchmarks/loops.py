"""What a `for_loop` costs beside the hand-written `jax.lax.scan` with the same arithmetic.

The step is that of a network of 4,000 leaky integrate-and-fire neurons with two synaptic currents.
The loop is called as a whole, outside of `jit`: the first call compiles, and each further one goes
through the same program. Rounds are interleaved. Loops of one and of five seconds are run with and
without a progress bar: of that network, and of the one of `examples/coba.py`, which has as many
neurons with synapses. Where its arrays happen to lie makes one network up to 2 % slower than an
equal one, so four of each take turns.

    PYTHONPATH=examples python benchmarks/loops.py
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import coba
import jax
import jax.numpy as jnp
from rounds import EQUAL, equal, interleaved
from tables import Aim, Table, main

import statejit as sj

N, STEPS = 4000, 2000
LONG, SYNAPTIC = (300_000, 1_500_000), 4000

Loop = Callable[[], Any]


def start() -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns voltages and both currents, (N,) each."""
    v = jax.random.uniform(jax.random.key(0), (N,))
    return v, jnp.zeros(N), jnp.zeros(N)


def by_hand() -> Loop:
    """Returns the hand-written loop."""

    def step(state: Any, current: jax.Array) -> tuple[Any, jax.Array]:
        v, e, i = state
        v = v + 0.1 * (e + i + current - v)
        spikes = v > 1.0
        v = jnp.where(spikes, 0.0, v)
        rate = spikes.mean()
        e = e * 0.98 + 0.2 * rate
        i = i * 0.99 - 0.1 * rate
        return (v, e, i), rate

    @jax.jit
    def loop(state: Any, currents: jax.Array) -> Any:
        return jax.lax.scan(step, state, currents)

    state, currents = start(), jnp.full(STEPS, 1.2)

    def run() -> Any:
        nonlocal state
        state, rates = loop(state, currents)
        return rates

    return run


class Network(sj.Base):
    """A network of leaky integrate-and-fire neurons."""

    def __init__(self) -> None:
        self.v, self.e, self.i = start()
        self.steps = 0

    def step(self, current: jax.Array) -> jax.Array:
        """Advances the network by 0.1 ms, and returns the share of neurons that spike."""
        self.v = self.v + 0.1 * (self.e + self.i + current - self.v)
        spikes = self.v > 1.0
        self.v = jnp.where(spikes, 0.0, self.v)
        rate = spikes.mean()
        self.e = self.e * 0.98 + 0.2 * rate
        self.i = self.i * 0.99 - 0.1 * rate
        self.steps += 1
        return rate


def watched() -> Loop:
    """Returns the loop over watched objects, outside of `jit`."""
    return _shown(Network().step, jnp.full(STEPS, 1.2), False)


def with_and_without(make: Any, xs: jax.Array) -> dict[str, list[Loop]]:
    """Returns loops over the same networks, whose arrays lie where they lie for both."""
    steps = [make().step for _ in range(EQUAL)]
    return {
        "plain": [_shown(step, xs, False) for step in steps],
        "with a bar": [_shown(step, xs, True) for step in steps],
    }


def _shown(step: Any, xs: jax.Array, bar: bool) -> Loop:
    def run() -> Any:
        with contextlib.redirect_stderr(io.StringIO()):
            return jax.block_until_ready(sj.for_loop(step, xs, progress_bar=bar))

    return run


def measure(quick: bool) -> list[Table]:
    """Returns the tables of the loop, and of its progress bar."""
    runs = equal({"jax.lax.scan": by_hand, "sj.for_loop": watched})
    table = Table("loops", f"{STEPS} steps of {N} neurons", "loop", "ms", "jax.lax.scan")
    table.add("whole", interleaved(runs, 8 if quick else 80, before=1))
    text = "at most 1.02 times the hand-written loop"
    table.aims.append(Aim(text, table.ratio("whole", "sj.for_loop"), most=1.02))
    bar = Table("loops_bar", "Loops with a progress bar", "steps", "s", "plain")
    sj.random.seed(0)
    long = LONG[:1] if quick else LONG
    loops = {
        **{f"{steps:,} of 3 µs": (Network, jnp.full(steps, 1.2)) for steps in long},
        f"{SYNAPTIC:,} of 0.2 ms": (coba.Network, jnp.arange(SYNAPTIC)),
    }
    for kind, loop in loops.items():
        bar.add(kind, interleaved(with_and_without(*loop), 4 if quick else 8))
        ratio = bar.ratio(kind, "with a bar")
        bar.aims.append(Aim(f"{kind}: at most 1.02 times the loop without", ratio, most=1.02))
    return [table, bar]


if __name__ == "__main__":
    main(measure, __doc__)
