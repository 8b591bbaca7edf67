"""Regression: the logistic regression of `examples/logistic_regression.py` on 20,000,000 points.

One step of descent on points of 10 features in float32: eager, jitted, hand-written with `jax.jit`,
with NumPy, and with a loop that Numba compiles for all cores. All read the same memory. Equal
programs are up to 4 % apart for where they lie, so eight of each take turns. Before the clock
starts, the steps of all of them are compared.

    PYTHONPATH=examples python benchmarks/regression.py [--points 20000000]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from logistic_regression import FEATURES, LogisticRegression
from peers import present
from rounds import Contender, interleaved
from tables import Aim, Table, main

import statejit as sj
import statejit.math as bm

POINTS = 20_000_000

Made = tuple[Contender, Callable[[], Any]]
Make = Callable[[jax.Array, jax.Array], Made]
"""Points and labels -> what takes a step, and what returns the weights."""


def drawn(n: int) -> tuple[jax.Array, jax.Array]:
    """Returns n points around one of two centres, (n, FEATURES), and their labels, (n,)."""
    rng = np.random.default_rng(0)
    labels = np.where(rng.random(n, np.float32) < 0.5, np.float32(-1), np.float32(1))
    points = rng.standard_normal((n, FEATURES), np.float32)
    points += labels[:, None]
    points /= np.float32(n**0.5)  # so that a step of length one descends
    return jnp.asarray(points), jnp.asarray(labels)


def start() -> np.ndarray:
    """Returns the weights at the start, (FEATURES,)."""
    return np.full(FEATURES, 0.7, np.float32)


def eager(points: jax.Array, labels: jax.Array) -> Made:
    """Returns the example, uncompiled."""
    return _example(points, labels, lambda model: model)


def jitted(points: jax.Array, labels: jax.Array) -> Made:
    """Returns the example, compiled."""
    return _example(points, labels, bm.jit)


def _example(points: Any, labels: Any, jit: Any) -> Made:
    model, data = LogisticRegression(FEATURES), (bm.asarray(points), bm.asarray(labels))
    step = jit(model)
    return Contender(lambda: step(*data), lambda: model.w.value), lambda: model.w


def by_hand(points: jax.Array, labels: jax.Array) -> Made:
    """Returns the hand-written step."""

    @jax.jit
    def step(w: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        return w - jnp.dot((1.0 / (1.0 + jnp.exp(-y * jnp.dot(x, w))) - 1.0) * y, x)

    return _threaded(step, jnp.asarray(start()), points, labels)


def by_numpy(points: jax.Array, labels: jax.Array) -> Made:
    """Returns the step in NumPy."""

    def step(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        one = np.float32(1)
        return w - np.dot((one / (one + np.exp(-y * np.dot(x, w))) - one) * y, x)

    return _threaded(step, start(), np.asarray(points), np.asarray(labels))


def by_numba(points: jax.Array, labels: jax.Array) -> Made:
    """Returns the step as one loop over all points, in which nothing is stored."""
    import numba

    chunks = 8 * numba.get_num_threads()

    @numba.njit(parallel=True, fastmath=True)
    def step(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        n, m = x.shape
        sums = np.zeros((chunks, m), np.float32)
        for chunk in numba.prange(chunks):
            for i in range(chunk * n // chunks, (chunk + 1) * n // chunks):
                product = np.float32(0)
                for j in range(m):
                    product += x[i, j] * w[j]
                one = np.float32(1)
                factor = (one / (one + np.exp(-y[i] * product)) - one) * y[i]
                for j in range(m):
                    sums[chunk, j] += factor * x[i, j]
        return w - sums.sum(0)

    return _threaded(step, start(), np.asarray(points), np.asarray(labels))


def _threaded(step: Any, w: Any, *data: Any) -> Made:
    """Returns the calls of a pure step, and what returns the weights."""

    def run() -> None:
        nonlocal w
        w = step(w, *data)

    return Contender(run, lambda: w), lambda: w


MAKERS: dict[str, Make] = {
    "by hand": by_hand,
    "statejit": jitted,
    "statejit, eager": eager,
    "NumPy": by_numpy,
    "numba": by_numba,
}


PROGRAMS = {"by hand": 8, "statejit": 8}
"""Of what there are several, each compiled for itself: equal ones are up to 4 % apart."""


def programs(name: str, make: Make, data: tuple[jax.Array, jax.Array]) -> list[Made]:
    """Returns what takes a step, once or several times; each has taken one."""
    made = []
    for _ in range(PROGRAMS.get(name, 1)):
        sj.clear_cache()
        made.append(make(*data))
        made[-1][0].run()
    return made


def measure(quick: bool, points: int = POINTS) -> list[Table]:
    """Returns the table of one step."""
    points = points // 100 if quick else points
    data = drawn(points)
    made = {name: programs(name, make, data) for name, make in present(MAKERS).items()}
    expected = np.asarray(made["by hand"][0][1]())
    for name, (_, weights) in ((name, each) for name, equal in made.items() for each in equal):
        np.testing.assert_allclose(np.asarray(weights()), expected, 1e-2, 1e-3, err_msg=name)
    table = Table("regression", "One step of logistic regression", "points", "ms", "by hand")
    case = f"{points:,} x {FEATURES}"
    contenders = {name: [contender for contender, _ in equal] for name, equal in made.items()}
    table.add(case, interleaved(contenders, 8 if quick else 32, before=1))
    faster = 1 / table.ratio(case, "statejit", "statejit, eager")
    table.aims = [
        Aim("at most 1.0 times the hand-written step", table.ratio(case, "statejit"), most=1.0),
        Aim("jitted at least 1.6 times faster than eager", faster, least=1.6),
    ]
    return [table]


if __name__ == "__main__":
    main(measure, __doc__, points=POINTS)
