"""What a random number costs: eager draws, a draw in a jitted function, and a million at once.

`normal(0., 2., 5)` is drawn by NumPy, by statejit, by hand with `jax.random.split` and
`jax.random.normal`, and by brainpy.math where it is installed. NumPy's time is the floor of a call
from Python; "split + normal, jitted" that of a compiled call that takes a key and gives the next.

    python benchmarks/random_draws.py
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import jax
import numpy as np
from rounds import medians

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
    if importlib.util.find_spec("brainpy"):
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


def main() -> None:
    """Prints both tables."""
    print(f"jax {jax.__version__} on {jax.default_backend()}\n\nnormal(0., 2., 5)".ljust(40), "µs")
    found = medians(small(), rounds=40, calls=20)
    for name, seconds in found.items():
        ratio = seconds / found["statejit"]
        print(f"{name:26} {1e6 * seconds:9.1f}   {ratio:6.2f} x statejit")
    print(f"\n{'a million of':26} {'NumPy, ms':>10} {'statejit, ms':>14}")
    for name, params in LARGE.items():
        both = medians(large(name, params), rounds=5, calls=1)
        print(f"{name:26} {1e3 * both['NumPy']:10.1f} {1e3 * both['statejit']:14.1f}")


if __name__ == "__main__":
    main()
