"""What a random number costs: eager draws, a draw in a jitted function, and a million at once.

`normal(0., 2., 5)` is drawn by NumPy, by statejit, by hand with `jax.random.split` and
`jax.random.normal`, and by brainpy.math where it is installed. NumPy's time is the floor of a call
from Python; "split + normal, jitted" that of a compiled call that takes a key and gives the next.

    python benchmarks/random_draws.py
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np
from peers import missing
from rounds import interleaved
from tables import Aim, Table, main

import statejit as sj

MILLION = 1_000_000

LARGE = {
    "normal": (),
    "uniform": (),
    "gamma": (2.5,),
    "beta": (2.0, 3.0),
    "standard_t": (3.0,),
    "poisson": (20.0,),
    "binomial": (100, 0.3),
    "vonmises": (0.0, 4.0),
    "integers": (100,),
    "permutation": None,
}
"""What is drawn a million times, and its parameters."""

Draw = Callable[[], object]


def by_hand() -> Draw:
    """Returns the draw that most programs on JAX have, op by op."""
    key = jax.random.key(0)

    def draw() -> object:
        nonlocal key
        key, now = jax.random.split(key)
        return 0.0 + 2.0 * jax.random.normal(now, (5,))

    return draw


def compiled_by_hand() -> Draw:
    """Returns the same as one compiled call."""

    @jax.jit
    def step(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        following, now = jax.random.split(key)
        return following, 0.0 + 2.0 * jax.random.normal(now, (5,))

    key = jax.random.key(0)

    def draw() -> object:
        nonlocal key
        key, drawn = step(key)
        return drawn

    return draw


def small() -> dict[str, Draw]:
    """Returns who draws five numbers."""
    ours, numpy, inside = (
        sj.random.default_rng(0),
        np.random.default_rng(0),
        sj.random.default_rng(0),
    )
    contenders: dict[str, Draw] = {
        "NumPy": lambda: numpy.normal(0.0, 2.0, 5),
        "statejit": lambda: ours.normal(0.0, 2.0, 5),
        "statejit, module": lambda: sj.random.normal(0.0, 2.0, 5),
        "statejit, jitted": sj.jit(lambda: inside.normal(0.0, 2.0, 5)),
        "split + normal": by_hand(),
        "split + normal, jitted": compiled_by_hand(),
    }
    if "brainpy.math" not in missing():
        import brainpy.math as bm

        contenders["brainpy.math"] = lambda: bm.random.normal(0.0, 2.0, 5)
    return contenders


def large(name: str, params: tuple[float, ...] | None) -> dict[str, Draw]:
    """Returns who draws a million."""
    ours, numpy = sj.random.default_rng(0), np.random.default_rng(0)
    if params is None:
        return {
            "NumPy": lambda: getattr(numpy, name)(MILLION),
            "statejit": lambda: getattr(ours, name)(MILLION).value.block_until_ready(),
        }
    return {
        "NumPy": lambda: getattr(numpy, name)(*params, size=MILLION),
        "statejit": lambda: getattr(ours, name)(*params, size=MILLION).value.block_until_ready(),
    }


FASTER = {"split + normal": 10.0, "brainpy.math": 25.0}
"""How many times faster than each we want to be."""


def measure(quick: bool) -> list[Table]:
    """Returns the tables of five numbers, and of a million."""
    few = Table("random_few", "normal(0., 2., 5)", "draw", "µs", "statejit")
    row = few.add("one call", interleaved(small(), 10 if quick else 40, 100))
    for peer in (peer for peer in FASTER if peer in row):
        text = f"at least {FASTER[peer]:.0f} times faster than {peer}"
        few.aims.append(Aim(text, few.ratio("one call", peer), least=FASTER[peer]))
    many = Table("random_many", "A million numbers", "distribution", "ms", "NumPy")
    for name, params in LARGE.items():
        many.add(name, interleaved(large(name, params), 3 if quick else 5))
    return [few, many]


if __name__ == "__main__":
    main(measure, __doc__)
