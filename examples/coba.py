"""A network of 3,200 excitatory and 800 inhibitory neurons that keeps itself active.

It is the conductance-based network of Vogels and Abbott [1], benchmark 1 of Brette et al. [2]:
integrate-and-fire neurons, each of which receives synapses from a random 2 % of all. Started by
random conductances, it fires on by itself, asynchronously and irregularly, at about 20 Hz.
Neurons and synapses are plain classes; one `sj.for_loop` runs them, and carries what a step writes.

    python examples/coba.py [--seconds 1] [--output examples/output/coba.png]
    python examples/coba.py --compare       # beside the hand-written jax.lax.scan

[1] T. P. Vogels, L. F. Abbott: Signal propagation and logic gating in networks of
    integrate-and-fire neurons. J. Neurosci. 25(46):10786-95, 2005,
    https://doi.org/10.1523/JNEUROSCI.3508-05.2005.
[2] R. Brette et al.: Simulation of networks of spiking neurons: a review of tools and strategies.
    J. Comput. Neurosci. 23(3):349-98, 2007, https://doi.org/10.1007/s10827-007-0038-6.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np

import statejit as sj

mpl.use("agg")
import matplotlib.pyplot as plt

STEP = 0.1  # ms
REST, THRESHOLD, RESET = -60.0, -50.0, -60.0  # mV
MEMBRANE, REFRACTORY = 20.0, 5.0  # ms


@sj.model
class Neurons:
    """Leaky integrate-and-fire neurons.

    Args:
        count: the number of neurons.
    """

    def __init__(self, count: int) -> None:
        self.v = jnp.asarray(REST + sj.random.normal(-5.0, 5.0, count))  # mV
        self.waits = jnp.zeros(count)  # ms until the neuron may move again

    def __call__(self, drive: jax.Array) -> jax.Array:
        """Advances the neurons by one step.

        Args:
            drive: synaptic current over leak conductance, in mV, (count,).

        Returns:
            Whether each neuron spikes, (count,).
        """
        moves = self.waits <= 0.0
        v = jnp.where(moves, self.v + STEP / MEMBRANE * (REST - self.v + drive), RESET)
        spikes = v >= THRESHOLD
        self.v = jnp.where(spikes, RESET, v)
        self.waits = jnp.where(spikes, REFRACTORY, self.waits - STEP)
        return spikes


@sj.model
class Synapses:
    """Synapses whose conductance jumps at each spike, and decays exponentially.

    Args:
        sources: which neurons excite or inhibit each neuron, (neurons, synapses); the number of
            neurons where there are fewer synapses.
        strength: the jump over the leak conductance.
        decay: the time constant, in ms.
        reversal: the reversal potential, in mV.
        start: the conductances at the start, (neurons,).
    """

    def __init__(
        self, sources: Any, strength: float, decay: float, reversal: float, start: Any
    ) -> None:
        self.sources = jnp.asarray(sources)
        self.strength, self.decay, self.reversal = strength, decay, reversal
        self.g = jnp.maximum(start, 0.0)

    def receive(self, spikes: jax.Array) -> None:
        """Takes the spikes of all neurons, (neurons + 1,), the last of which is none."""
        arrived = spikes[self.sources].sum(1)
        self.g = self.g * jnp.exp(-STEP / self.decay) + self.strength * arrived

    def drive(self, v: jax.Array) -> jax.Array:
        """Returns current over leak conductance, in mV, at voltages, (neurons,)."""
        return self.g * (self.reversal - v)


@sj.model
class Network:
    """Excitatory and inhibitory neurons, connected at random.

    Args:
        excitatory: the number of excitatory neurons.
        inhibitory: the number of inhibitory ones.
        synapses: the mean number of synapses that a neuron receives.
    """

    def __init__(self, excitatory: int = 3200, inhibitory: int = 800, synapses: int = 80) -> None:
        count = excitatory + inhibitory
        self.neurons = Neurons(count)
        both = random_sources(count, excitatory, synapses / count)
        draw = sj.random.normal
        self.excitation = Synapses(both[0], 0.6, 5.0, 0.0, draw(4.0, 1.5, count))
        self.inhibition = Synapses(both[1], 6.7, 10.0, -80.0, draw(20.0, 12.0, count))

    def step(self, i: jax.Array) -> jax.Array:
        """Advances the network; returns whether each neuron spikes, (neurons,)."""
        v = self.neurons.v
        spikes = self.neurons(self.excitation.drive(v) + self.inhibition.drive(v))
        heard = jnp.append(spikes, False)
        self.excitation.receive(heard)
        self.inhibition.receive(heard)
        return spikes


def random_sources(count: int, excitatory: int, share: float) -> list[np.ndarray]:
    """Returns the excitatory and the inhibitory sources of each neuron, (count, most) each.

    Args:
        count: the number of neurons.
        excitatory: how many of them, the first, are excitatory.
        share: the probability that one neuron is connected to another.
    """
    rng = np.random.default_rng(int(sj.random.randint(2**31 - 1)))
    connected = rng.random((count, count), np.float32) < share
    np.fill_diagonal(connected, False)
    found = []
    for first, last in ((0, excitatory), (excitatory, count)):
        rows = [np.flatnonzero(row) + first for row in connected[:, first:last]]
        table = np.full((count, max(map(len, rows))), count, np.int32)
        for row, sources in zip(table, rows, strict=True):
            row[: len(sources)] = sources
        found.append(table)
    return found


def by_hand(network: Network) -> Callable[[jax.Array], jax.Array]:
    """Returns the hand-written loop with the same arithmetic, from the same state.

    Args:
        network: where the constants, the connections and the state come from; it is not changed.
    """
    kinds = [network.excitation, network.inhibition]
    constants = [(k.strength, k.decay, k.reversal) for k in kinds]

    def step(sources: Any, state: Any) -> tuple[Any, jax.Array]:
        v, waits, conductances = state
        pairs = list(zip(conductances, constants, strict=True))
        drive = sum(g * (reversal - v) for g, (_, _, reversal) in pairs)
        moved = jnp.where(waits <= 0.0, v + STEP / MEMBRANE * (REST - v + drive), RESET)
        spikes = moved >= THRESHOLD
        heard = jnp.append(spikes, False)
        conductances = [
            g * jnp.exp(-STEP / decay) + strength * heard[from_].sum(1)
            for from_, (g, (strength, decay, _)) in zip(sources, pairs, strict=True)
        ]
        waits = jnp.where(spikes, REFRACTORY, waits - STEP)
        return (jnp.where(spikes, RESET, moved), waits, conductances), spikes

    @jax.jit
    def loop(sources: Any, state: Any, steps: jax.Array) -> Any:
        return jax.lax.scan(lambda state, _: step(sources, state), state, steps)

    neurons, sources = network.neurons, [k.sources for k in kinds]
    state = (jnp.asarray(neurons.v), neurons.waits, [jnp.asarray(k.g) for k in kinds])

    def run(steps: jax.Array) -> jax.Array:
        nonlocal state
        state, spikes = loop(sources, state, steps)
        return spikes

    return run


def compare(network: Network, steps: jax.Array, rounds: int) -> float:
    """Runs both loops in turns from one state; prints the times, and returns their ratio."""
    runs = {"sj.for_loop": lambda s: sj.for_loop(network.step, s), "jax.lax.scan": by_hand(network)}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for i in range(rounds + 1):  # the first round compiles
        gc.collect()
        found = []
        for name, run in list(runs.items())[:: 1 if i % 2 else -1]:
            start = time.perf_counter()
            found.append(jax.block_until_ready(run(steps)))
            seconds[name].append(time.perf_counter() - start)
        np.testing.assert_array_equal(*found, err_msg="the two loops differ")
    middle = {name: statistics.median(times[1:]) for name, times in seconds.items()}
    for name, time_ in middle.items():
        print(f"{name:13} {time_ * 1e3:9.2f} ms for {len(steps)} steps, median of {rounds} runs")
    ratio = middle["sj.for_loop"] / middle["jax.lax.scan"]
    print(f"ratio: {ratio:.3f}; all spikes are the same")
    return ratio


def rates_of(spikes: np.ndarray, excitatory: int) -> tuple[float, float]:
    """Returns the mean rates of excitatory and inhibitory neurons, in Hz.

    The first 100 ms are left out, if there is more.
    """
    kept = spikes[1000:] if len(spikes) > 1000 else spikes
    rates = kept.mean(0) / (STEP * 1e-3)
    return float(rates[:excitatory].mean()), float(rates[excitatory:].mean())


def irregularity(spikes: np.ndarray) -> float:
    """Returns the mean coefficient of variation of the intervals of neurons with five or more."""
    times = [np.flatnonzero(column) for column in spikes.T]
    intervals = [np.diff(t) for t in times if len(t) > 5]
    return float(np.mean([i.std() / i.mean() for i in intervals])) if intervals else float("nan")


def plot(spikes: np.ndarray, excitatory: int, path: Path) -> None:
    """Draws when each neuron spikes, and the rate of the population."""
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(10, 6), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    when, who = np.nonzero(spikes)
    for color, chosen in (("tab:red", who < excitatory), ("tab:blue", who >= excitatory)):
        top.plot(when[chosen] * STEP, who[chosen], ",", color=color)
    rates = rates_of(spikes, excitatory)
    names = (f"excitatory, {rates[0]:.1f} Hz", f"inhibitory, {rates[1]:.1f} Hz")
    for color, name in zip(("tab:red", "tab:blue"), names, strict=True):
        top.plot([], [], "s", color=color, label=name)
    top.legend(loc="upper right")
    top.set(ylabel="neuron", ylim=(0, spikes.shape[1]))
    bins = spikes[: len(spikes) // 10 * 10].reshape(-1, 10, spikes.shape[1]).mean((1, 2))
    bottom.plot(np.arange(len(bins)), bins / (STEP * 1e-3), color="black", lw=0.7)
    bottom.set(xlabel="time (ms)", ylabel="rate (Hz)", xlim=(0, len(spikes) * STEP))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> tuple[float, float] | float:
    """Simulates, prints and draws; returns the rates, or the ratio of the two times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="of simulated time")
    parser.add_argument("--neurons", type=int, default=4000, help="four fifths are excitatory")
    parser.add_argument("--seed", type=int, default=0, help="of connections and start")
    parser.add_argument("--compare", action="store_true", help="with the hand-written loop")
    parser.add_argument("--rounds", type=int, default=11, help="of the comparison")
    default = Path(__file__).parent / "output" / "coba.png"
    parser.add_argument("--output", type=Path, default=default, help="where the plot goes")
    options = parser.parse_args(arguments)

    sj.random.seed(options.seed)
    excitatory = options.neurons * 4 // 5
    network = Network(excitatory, options.neurons - excitatory)
    steps = jnp.arange(round(options.seconds * 1e3 / STEP))
    if options.compare:
        return compare(network, steps, options.rounds)
    start = time.perf_counter()
    spikes = np.asarray(sj.for_loop(network.step, steps))
    print(
        f"{options.seconds} s of {options.neurons} neurons in {time.perf_counter() - start:.1f} s"
    )
    rates = rates_of(spikes, excitatory)
    plot(spikes, excitatory, options.output)
    print(f"excitatory: {rates[0]:.1f} Hz, inhibitory: {rates[1]:.1f} Hz")
    print(f"coefficient of variation of the intervals: {irregularity(spikes):.2f}")
    print(f"plot: {options.output}")
    return rates


if __name__ == "__main__":
    main()
