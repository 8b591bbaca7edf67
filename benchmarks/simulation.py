"""Simulation: networks of spiking neurons, as loops here, by hand, and in two peers.

The equations are those of `examples/coba.py`: four fifths of the neurons excite, the others
inhibit, and each neuron hears 80 of them, drawn at random. Before the clock starts, all spikes of
all loops are compared. Four of each take turns, and go on from the state that they have reached.

    PYTHONPATH=examples python benchmarks/simulation.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import coba
import jax
import jax.numpy as jnp
import numpy as np
from peers import present
from rounds import Contender, equal, interleaved
from tables import Aim, Table, main

import statejit as sj

NEURONS = (1_000, 10_000, 100_000)
STEPS = {1_000: 1_000, 10_000: 200, 100_000: 20}
"""How many steps make one call: about as much work for each size."""

EXCITED, INHIBITED = 64, 16
"""How many synapses of either kind a neuron receives."""

KINDS = ((0.6, 5.0, 0.0), (6.7, 10.0, -80.0))
"""Strength, decay and reversal potential of excitation and of inhibition."""


class Start(NamedTuple):
    """A network before its first step.

    Args:
        v: voltages, (neurons,).
        g: conductances of both kinds, (neurons,) each.
        sources: who excites and who inhibits, (neurons, synapses) each.
    """

    v: np.ndarray
    g: tuple[np.ndarray, np.ndarray]
    sources: tuple[np.ndarray, np.ndarray]


def drawn(n: int) -> Start:
    """Returns a network of n neurons."""
    rng = np.random.default_rng(0)
    excitatory = n * 4 // 5
    v = coba.REST + rng.normal(-5.0, 5.0, n)
    g = [np.maximum(rng.normal(mean, spread, n), 0) for mean, spread in ((4, 1.5), (20, 12))]
    sources = (
        rng.integers(0, excitatory, (n, EXCITED), np.int32),
        rng.integers(excitatory, n, (n, INHIBITED), np.int32),
    )
    return Start(v.astype(np.float32), tuple(a.astype(np.float32) for a in g), sources)


def advanced(v: Any, waits: Any, conductances: Any, sources: Any) -> tuple[Any, ...]:
    """Returns voltages, waits and conductances after a step, and the spikes.

    Where loops differ only in how they keep state, this is the whole of the arithmetic.
    """
    pairs = list(zip(conductances, KINDS, strict=True))
    drive = sum(g * (reversal - v) for g, (_, _, reversal) in pairs)
    moved = jnp.where(
        waits <= 0.0, v + coba.STEP / coba.MEMBRANE * (coba.REST - v + drive), coba.RESET
    )
    spikes = moved >= coba.THRESHOLD
    v = jnp.where(spikes, coba.RESET, moved)
    waits = jnp.where(spikes, coba.REFRACTORY, waits - coba.STEP)
    conductances = [
        g * jnp.exp(-coba.STEP / decay) + strength * spikes[from_].sum(1)
        for from_, (g, (strength, decay, _)) in zip(sources, pairs, strict=True)
    ]
    return v, waits, conductances, spikes


def by_hand(start: Start, steps: int) -> Contender:
    """Returns the hand-written `jax.lax.scan`."""

    @jax.jit
    def loop(state: Any, sources: Any, times: Any) -> Any:
        def step(state: Any, _: Any) -> Any:
            *state, spikes = advanced(*state, sources)
            return tuple(state), spikes

        return jax.lax.scan(step, state, times)

    sources, times = jax.tree.map(jnp.asarray, start.sources), jnp.arange(steps)
    state = (jnp.asarray(start.v), jnp.zeros(len(start.v)), [jnp.asarray(g) for g in start.g])

    def run() -> Any:
        nonlocal state
        state, spikes = loop(state, sources, times)
        return spikes

    return Contender(run)


@sj.model
class Synapses:
    """Are the synapses of one kind; their constants are Python numbers."""

    def __init__(self, kind: tuple[float, float, float], sources: Any, g: Any) -> None:
        self.strength, self.decay, self.reversal = kind
        self.sources, self.g = jnp.asarray(sources), jnp.asarray(g)

    def drive(self, v: Any) -> Any:
        """Returns current over leak conductance, in mV."""
        return self.g * (self.reversal - v)

    def receive(self, spikes: Any) -> None:
        """Takes the spikes of all neurons."""
        arrived = spikes[self.sources].sum(1)
        self.g = self.g * jnp.exp(-coba.STEP / self.decay) + self.strength * arrived


@sj.model
class Network:
    """Is the network here: the neurons of the example, and synapses."""

    def __init__(self, start: Start) -> None:
        self.neurons = coba.Neurons(len(start.v))
        self.neurons.v = jnp.asarray(start.v)
        self.synapses = [
            Synapses(*each) for each in zip(KINDS, start.sources, start.g, strict=True)
        ]

    def step(self, i: Any) -> Any:
        """Advances the network; returns whether each neuron spikes, (neurons,)."""
        v = self.neurons.v
        spikes = self.neurons(sum(synapses.drive(v) for synapses in self.synapses))
        for synapses in self.synapses:
            synapses.receive(spikes)
        return spikes


def watched(start: Start, steps: int) -> Contender:
    """Returns the loop over watched objects, called outside of `jit`."""
    network, times = Network(start), jnp.arange(steps)
    return Contender(lambda: sj.for_loop(network.step, times))


def by_brainstate(start: Start, steps: int) -> Contender:
    """Returns the loop over brainstate's states; as a whole in its `jit`."""
    import brainstate

    step = _declared(start, brainstate.ShortTermState)
    loop = brainstate.transform.jit(lambda times: brainstate.transform.for_loop(step, times))
    times = jnp.arange(steps)
    return Contender(lambda: loop(times))


def by_brainpy(start: Start, steps: int) -> Contender:
    """Returns the loop over brainpy.math's variables, in its `jit`: else it compiles each time."""
    import brainpy.math as bm

    step = _declared(start, bm.Variable)
    loop = bm.jit(lambda times: bm.for_loop(step, times))
    times = jnp.arange(steps)
    return Contender(lambda: bm.as_jax(loop(times)))


def _declared(start: Start, state: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Returns the step over declared variables that have a `value`."""
    v, waits = state(jnp.asarray(start.v)), state(jnp.zeros(len(start.v)))
    g = [state(jnp.asarray(each)) for each in start.g]
    sources = jax.tree.map(jnp.asarray, start.sources)

    def step(i: Any) -> Any:
        now = [each.value for each in g]
        v.value, waits.value, now, spikes = advanced(v.value, waits.value, now, sources)
        for each, value in zip(g, now, strict=True):
            each.value = value
        return spikes

    return step


MAKERS = {
    "by hand": by_hand,
    "statejit": watched,
    "brainstate": by_brainstate,
    "brainpy.math": by_brainpy,
}


def compared(contenders: dict[str, list[Contender]]) -> float:
    """Runs all loops once, and returns the share of spikes; raises if any of them differs."""
    expected = np.asarray(contenders["by hand"][0].run())
    for name, loop in ((name, loop) for name, loops in contenders.items() for loop in loops):
        if loop is not contenders["by hand"][0]:
            np.testing.assert_array_equal(np.asarray(loop.run()), expected, err_msg=name)
    return float(expected.mean())


def measure(quick: bool) -> list[Table]:
    """Returns the table of loops."""
    table = Table("simulation", "A loop over an E/I network", "neurons", "ms", "by hand")
    shares = []
    for n in NEURONS[: 2 if quick else 3]:
        start, steps = drawn(n), STEPS[n] // (5 if quick else 1)
        contenders = equal(present(MAKERS), start, steps)
        shares.append(compared(contenders))
        case = f"{n:,} ({steps:,} steps)"
        table.add(case, interleaved(contenders, 4 if quick else 16, before=1), n)
        text = f"{n:,} neurons: at most 1.02 times the hand-written loop"
        table.aims.append(Aim(text, table.ratio(case, "statejit"), most=1.02))
    rates = ", ".join(f"{1e3 * share / coba.STEP:.0f} Hz" for share in shares)
    table.note = f"All spikes of all loops are the same; mean rates {rates}."
    return [table]


if __name__ == "__main__":
    main(measure, __doc__)
