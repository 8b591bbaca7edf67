"""The neuron of Hodgkin and Huxley: how fast it fires, and conductances found from a recording.

The squid axon's equations [1] are one plain class. `sj.vmap` runs one neuron for each current, and
gives the f-I curve; `sj.value_and_grad` goes backward through the whole simulation to find the
maximal conductances that made a recording.

    python examples/hodgkin_huxley.py [--seconds 1] [--iterations 150]
    python examples/hodgkin_huxley.py --compare       # beside hand-written JAX

[1] A. L. Hodgkin, A. F. Huxley: A quantitative description of membrane current and its application
    to conduction and excitation in nerve. J. Physiol. 117(4):500-44, 1952,
    https://doi.org/10.1113/jphysiol.1952.sp004764. Voltages are shifted so that rest is at -65 mV.
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
import optax

import statejit as sj

mpl.use("agg")
import matplotlib.pyplot as plt

STEP = 0.02  # ms
REVERSALS = np.array([50.0, -77.0, -54.387], np.float32)  # mV: sodium, potassium, leak
SQUID = np.array([120.0, 36.0, 0.3], np.float32)  # mS/cm2: their maximal conductances
WRONG = SQUID * np.array([0.85, 1.15, 1.3], np.float32)  # where the fit starts


def rates(v: jax.Array) -> list[tuple[jax.Array, jax.Array]]:
    """Returns the opening and closing rates, in 1/ms, of the gates m, h and n at a voltage."""

    def ratio(x: jax.Array) -> jax.Array:
        """Returns x / (1 - exp(-x)), which is 1 + x / 2 near 0."""
        near = jnp.abs(x) < 1e-3
        safe = jnp.where(near, 1.0, x)
        return jnp.where(near, 1.0 + x / 2.0, safe / -jnp.expm1(-safe))

    return [
        (ratio((v + 40.0) / 10.0), 4.0 * jnp.exp(-(v + 65.0) / 18.0)),
        (0.07 * jnp.exp(-(v + 65.0) / 20.0), jax.nn.sigmoid((v + 35.0) / 10.0)),
        (0.1 * ratio((v + 55.0) / 10.0), 0.125 * jnp.exp(-(v + 65.0) / 80.0)),
    ]


@sj.model
class HodgkinHuxley:
    """One neuron of 1 uF/cm2, at rest.

    Args:
        conductances: of sodium, potassium and leak, in mS/cm2, (3,).
    """

    def __init__(self, conductances: Any = SQUID) -> None:
        self.log_g = jnp.log(jnp.asarray(conductances))  # whatever a fit does, g is positive
        self.rest()

    def rest(self) -> None:
        """Brings the neuron to rest."""
        self.v = jnp.asarray(-65.0)
        self.gates = [opens / (opens + closes) for opens, closes in rates(self.v)]
        self.spikes = 0

    def step(self, current: jax.Array) -> jax.Array:
        """Advances by one step; exponential Euler, for gates and voltage alike.

        Args:
            current: in uA/cm2.

        Returns:
            The voltage, in mV.
        """
        pairs = zip(self.gates, rates(self.v), strict=True)
        self.gates = [relaxed(x, a / (a + b), 1.0 / (a + b)) for x, (a, b) in pairs]
        m, h, n = self.gates
        g = jnp.exp(self.log_g) * jnp.stack([m**3 * h, n**4, jnp.ones(())])
        total = g.sum()
        v = relaxed(self.v, (g @ REVERSALS + current) / total, 1.0 / total)
        self.spikes += (self.v < 0.0) & (v >= 0.0)
        self.v = v
        return v

    def run(self, currents: jax.Array) -> jax.Array:
        """Brings the neuron to rest, and returns its voltages, (n,), under currents, (n,)."""
        self.rest()
        return sj.for_loop(self.step, currents)


def relaxed(x: jax.Array, target: jax.Array, tau: jax.Array) -> jax.Array:
    """Returns where one step of relaxation leads that has a target and a time constant, in ms."""
    return target + (x - target) * jnp.exp(-STEP / tau)


def firing_rate(current: jax.Array, seconds: float) -> jax.Array:
    """Returns how often a neuron fires under a constant current, in Hz, after 0.2 s of it.

    Args:
        current: in uA/cm2.
        seconds: how long spikes are counted.
    """
    neuron = HodgkinHuxley()
    sj.for_loop(lambda i: neuron.step(current), jnp.arange(round(200.0 / STEP)))
    neuron.spikes = 0
    sj.for_loop(lambda i: neuron.step(current), jnp.arange(round(seconds * 1e3 / STEP)))
    return neuron.spikes / seconds


def stimulus() -> jax.Array:
    """Returns the currents of a recording of 30 ms, in uA/cm2, (n,): a step that ends."""
    time = jnp.arange(round(30.0 / STEP)) * STEP
    return jnp.where((time > 2.0) & (time < 22.0), 12.0, 0.0)


def fitting(recording: jax.Array, iterations: int) -> tuple[HodgkinHuxley, Callable[[], Any]]:
    """Returns a neuron with wrong conductances, and a step of their fit to a recording.

    Args:
        recording: voltages under `stimulus`, (n,).
        iterations: the number of steps down the gradient.

    Returns:
        The neuron, and a function that does a step and returns the mean squared error, in mV2,
        before it.
    """
    neuron = HodgkinHuxley(WRONG)
    optimizer = sj.Optimizer(optax.adam(optax.cosine_decay_schedule(0.05, iterations)))
    currents = stimulus()

    def loss() -> jax.Array:
        return ((neuron.run(currents) - recording) ** 2).mean()

    @sj.jit
    def step() -> jax.Array:
        value, grads = sj.value_and_grad(loss, grad_vars=neuron)()
        optimizer.update(neuron, grads)
        return value

    return neuron, step


# The same by hand ---------------------------------------------------------------------------------


def by_hand(
    state: Any, log_g: jax.Array, current_at: Callable[[jax.Array], jax.Array], xs: jax.Array
) -> tuple[Any, jax.Array]:
    """Returns the last state, (voltage, gates, spikes), and the voltages, with the same arithmetic.

    Args:
        state: where it starts; None for rest.
        log_g: logarithms of the conductances, (3,).
        current_at: x -> current, in uA/cm2.
        xs: one for each step, (n,).
    """

    def step(state: Any, x: jax.Array) -> tuple[Any, jax.Array]:
        v, gates, spikes = state
        pairs = zip(gates, rates(v), strict=True)
        gates = [relaxed(x, a / (a + b), 1.0 / (a + b)) for x, (a, b) in pairs]
        m, h, n = gates
        g = jnp.exp(log_g) * jnp.stack([m**3 * h, n**4, jnp.ones(())])
        total = g.sum()
        new = relaxed(v, (g @ REVERSALS + current_at(x)) / total, 1.0 / total)
        return (new, gates, spikes + ((v < 0.0) & (new >= 0.0))), new

    if state is None:
        v = jnp.asarray(-65.0, jnp.float32)
        state = (v, [opens / (opens + closes) for opens, closes in rates(v)], jnp.asarray(0))
    return jax.lax.scan(step, state, xs)


def firing_rate_by_hand(current: jax.Array, seconds: float) -> jax.Array:
    """Returns what `firing_rate` returns."""
    log_g = jnp.log(jnp.asarray(SQUID))
    state, _ = by_hand(None, log_g, lambda i: current, jnp.arange(round(200.0 / STEP)))
    steps = jnp.arange(round(seconds * 1e3 / STEP))
    state, _ = by_hand((*state[:2], jnp.asarray(0)), log_g, lambda i: current, steps)
    return state[2] / seconds


def fitting_by_hand(recording: jax.Array, iterations: int) -> Callable[[], Any]:
    """Returns the step that `fitting` returns."""
    tx = optax.adam(optax.cosine_decay_schedule(0.05, iterations))
    currents, log_g = stimulus(), jnp.log(jnp.asarray(WRONG))
    state = tx.init(log_g)

    def loss(log_g: jax.Array) -> jax.Array:
        return ((by_hand(None, log_g, lambda x: x, currents)[1] - recording) ** 2).mean()

    @jax.jit
    def step(log_g: jax.Array, state: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(log_g)
        updates, state = tx.update(grads, state, log_g)
        return value, optax.apply_updates(log_g, updates), state

    def run() -> jax.Array:
        nonlocal log_g, state
        value, log_g, state = step(log_g, state)
        return value

    return run


def compare(count: int, seconds: float, iterations: int, rounds: int) -> dict[str, float]:
    """Does all by hand, too, in turns; prints the times, and returns their ratios."""
    currents = jnp.linspace(0.0, 32.0, count)
    recording = HodgkinHuxley().run(stimulus())
    curve = sj.vmap(firing_rate, in_axes=(0, None))
    hand = jax.jit(jax.vmap(firing_rate_by_hand, in_axes=(0, None)), static_argnums=1)
    work: dict[str, list[Callable[[], Any]]] = {
        "f-I curve": [lambda: curve(currents, seconds), lambda: hand(currents, seconds)],
        "step of the fit": [
            fitting(recording, iterations)[1],
            fitting_by_hand(recording, iterations),
        ],
    }
    ratios = {}
    for name, runs in work.items():
        times: list[list[float]] = [[], []]
        for i in range(rounds + 3):  # the first two compile
            found: list[Any] = [None, None]
            for k in (0, 1) if i % 2 else (1, 0):
                gc.collect()
                start = time.perf_counter()
                found[k] = np.asarray(jax.block_until_ready(runs[k]()))
                times[k].append(time.perf_counter() - start)
            np.testing.assert_allclose(*found, rtol=1e-3)
        ours, theirs = (statistics.median(t[3:]) for t in times)
        ratios[name] = ours / theirs
        print(f"{name}: {ours * 1e3:.2f} ms, by hand {theirs * 1e3:.2f} ms")
        print(f"ratio: {ratios[name]:.3f}, median of {rounds} runs; the results are the same")
    return ratios


def plot(
    curve: tuple[np.ndarray, np.ndarray],
    recording: np.ndarray,
    traces: dict[str, np.ndarray],
    losses: list[float],
    path: Path,
) -> None:
    """Draws the f-I curve, the voltages before and after the fit, and the error on the way."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    left.plot(*curve, "o-", ms=3)
    left.set(xlabel="current (uA/cm2)", ylabel="rate (Hz)", title="f-I curve")
    time = np.arange(len(recording)) * STEP
    middle.plot(time, recording, color="black", lw=3, alpha=0.4, label="recording")
    for name, voltages in traces.items():
        middle.plot(time, voltages, lw=1, ls="-" if name == "fitted" else ":", label=name)
    middle.set(xlabel="time (ms)", ylabel="voltage (mV)", title="a step of 12 uA/cm2 for 20 ms")
    middle.legend()
    right.semilogy(losses)
    right.set(xlabel="step of the fit", ylabel="mean squared error (mV2)", title="fit")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> Any:
    """Prints and draws; returns the rates of the f-I curve, and the fitted conductances."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--currents", type=int, default=33, help="from 0 to 32 uA/cm2")
    parser.add_argument("--seconds", type=float, default=1.0, help="in which spikes are counted")
    parser.add_argument("--iterations", type=int, default=150, help="of the fit")
    default = Path(__file__).parent / "output" / "hodgkin_huxley.png"
    parser.add_argument("--output", type=Path, default=default, help="where the plot goes")
    parser.add_argument("--compare", action="store_true", help="with hand-written JAX")
    parser.add_argument("--rounds", type=int, default=7, help="of the comparison")
    options = parser.parse_args(arguments)
    if options.compare:
        return compare(options.currents, options.seconds, options.iterations, options.rounds)

    currents = jnp.linspace(0.0, 32.0, options.currents)
    found = np.asarray(sj.vmap(firing_rate, in_axes=(0, None))(currents, options.seconds))
    fires = np.flatnonzero(found > 1.0)
    if len(fires):
        print(f"fires from {currents[fires[0]]:.1f} uA/cm2 on, with {found[fires[0]]:.0f} Hz")
    print(f"at {currents[-1]:.0f} uA/cm2: {found[-1]:.0f} Hz")

    recording = HodgkinHuxley().run(stimulus())
    neuron, step = fitting(recording, options.iterations)
    losses = [float(step()) for _ in range(options.iterations)]
    fitted = np.exp(np.asarray(neuron.log_g))
    start = HodgkinHuxley(WRONG).run(stimulus())
    traces = {"before": np.asarray(start), "fitted": np.asarray(neuron.run(stimulus()))}
    plot((np.asarray(currents), found), np.asarray(recording), traces, losses, options.output)
    for name, true, value in zip(("sodium", "potassium", "leak"), SQUID, fitted, strict=True):
        print(f"{name:10} {value:8.3f} mS/cm2, recorded with {true:8.3f}")
    print(f"mean squared error: {losses[0]:.1f} mV2 before, {losses[-1]:.2g} mV2 after the fit")
    print(f"plot: {options.output}")
    return found, fitted


if __name__ == "__main__":
    main()
