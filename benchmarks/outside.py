"""What guards on outside values add to a call and to a trace.

The function reads N values of a kind from globals; beside it stands the same function with the
values written into its code, on which there is no guard.

    python benchmarks/outside.py
"""

from __future__ import annotations

import time
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from rounds import medians

import statejit as sj

COUNTS = (1, 10, 100)

KINDS: dict[str, tuple[str, Callable[[int], Any], int]] = {
    "int": ("g{i}", lambda i: i, 1),
    "float": ("g{i}", lambda i: i + 0.5, 1),
    "str": ("len(g{i})", lambda i: "a" * i, 1),
    "list of one": ("g{i}[0]", lambda i: [i], 2),
    "function": ("g{i}()", lambda i: eval(f"lambda: {i}"), 1),
    "attribute": ("g{i}.value", lambda i: types.SimpleNamespace(value=i), 2),
}
"""How a value of each kind is read, how it is made, and how many guarded values it is."""


def made(expressions: list[str], names: dict[str, Any]) -> Callable[[jax.Array], jax.Array]:
    """Returns a function of x that adds the sum of some expressions."""
    exec(f"def step(x):\n    return x + ({' + '.join(expressions)})", names)  # noqa: S102
    step: Callable[[jax.Array], jax.Array] = names["step"]
    return step


def reading(kind: str, count: int) -> Callable[[jax.Array], jax.Array]:
    """Returns a function that reads values from its globals."""
    how, make, _ = KINDS[kind]
    return made([how.format(i=i) for i in range(count)], {f"g{i}": make(i) for i in range(count)})


def first_call(fun: Callable[[jax.Array], jax.Array], x: jax.Array) -> float:
    """Returns the seconds of a trace and compilation."""
    start = time.perf_counter()
    sj.jit(fun)(x)
    return time.perf_counter() - start


def main() -> None:
    """Prints the table."""
    x = jnp.ones(4)
    print(f"jax {jax.__version__}; microseconds a call, and what one value adds to it")
    print(f"{'kind':<14}{'values':>7}{'none':>8}{'read':>8}{'each':>8}   ms of the first call")
    for kind in KINDS:
        for count in COUNTS:
            plain, fun = made(["0"] * count, {}), reading(kind, count)
            firsts = [1e3 * first_call(f, x) for f in (plain, fun)]
            steps = {"none": sj.jit(plain), "read": sj.jit(fun)}
            found = medians({n: lambda s=s: s(x) for n, s in steps.items()}, 30, 300)  # type: ignore
            none, read = 1e6 * found["none"], 1e6 * found["read"]
            each = (read - none) / count / KINDS[kind][2]
            print(
                f"{kind:<14}{count:>7}{none:>8.1f}{read:>8.1f}{each:>8.3f}"
                f"   {firsts[0]:.1f} -> {firsts[1]:.1f}"
            )


if __name__ == "__main__":
    main()
