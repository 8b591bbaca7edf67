"""What eager operations on arrays cost beside jax.numpy, brainpy.math and NumPy, in one run.

Each statement runs on arrays of the same content, the contenders taking turns; what JAX can not
write in place is written with `.at`. brainpy.math runs where it is installed.

    python benchmarks/arrays.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from peers import missing
from rounds import interleaved
from tables import Aim, Table, main

import statejit.numpy as snp

SIZE = 1000

Run = Callable[[], object]


def add(x: Any) -> Any:
    """Adds an array to itself."""
    return x + x


def item(x: Any) -> Any:
    """Adds to one element."""
    x[0] += 5
    return x


def mask(x: Any, m: Any) -> Any:
    """Sets what a mask tells."""
    x[m] = 0
    return x


def view(x: Any) -> Any:
    """Changes a part of an array through a view."""
    v = x[2:5]
    v += 1
    return x


def slices(x: Any) -> Any:
    """Copies one part to another."""
    x[2:5] = x[5:8]
    return x


def in_place(xp: Any, x: Any, m: Any) -> dict[str, Run]:
    """Returns the statements for arrays that change in place.

    Args:
        xp: the namespace.
        x: an array, (n,).
        m: a mask, (n,).
    """
    return {
        "a + a": lambda: wait(add(x)),
        "sin(a)": lambda: wait(xp.sin(x)),
        "x[0] += 5": lambda: wait(item(x)),
        "x[mask] = 0": lambda: wait(mask(x, m)),
        "v = x[2:5]; v += 1": lambda: wait(view(x)),
        "x[2:5] = x[5:8]": lambda: wait(slices(x)),
    }


def functional(x: Any, m: Any) -> dict[str, Run]:
    """Returns the statements as JAX has them."""
    return {
        "a + a": lambda: wait(x + x),
        "sin(a)": lambda: wait(jnp.sin(x)),
        "x[0] += 5": lambda: wait(x.at[0].add(5)),
        "x[mask] = 0": lambda: wait(x.at[m].set(0)),
        "v = x[2:5]; v += 1": lambda: wait(x.at[2:5].add(1)),
        "x[2:5] = x[5:8]": lambda: wait(x.at[2:5].set(x[5:8])),
    }


def wait(x: Any) -> Any:
    """Waits for a result."""
    if isinstance(x, np.ndarray):
        return x
    value = getattr(x, "value", x)
    return jax.block_until_ready(value)


def contenders() -> dict[str, dict[str, Run]]:
    """Returns the statements of each contender."""
    content = np.linspace(0, 1, SIZE, dtype=np.float32)
    m = content > 0.5
    found = {
        "NumPy": in_place(np, content.copy(), m),
        "jax.numpy": functional(jnp.asarray(content), jnp.asarray(m)),
        "statejit": in_place(snp, snp.array(content), snp.array(m)),
    }
    if "brainpy.math" not in missing():
        import brainpy.math as bm

        x = bm.asarray(content)
        found["brainpy.math"] = in_place(bm, x, jnp.asarray(m))
        # Its slices are copies, so that the write has to be spelled out.
        found["brainpy.math"]["v = x[2:5]; v += 1"] = lambda: wait(spelled_out(x))
    return found


def spelled_out(x: Any) -> Any:
    """Changes a part of an array without a view."""
    x[2:5] += 1
    return x


FASTER = {"x[0] += 5": 20.0, "x[mask] = 0": 10.0}
"""How many times faster than jax.numpy we want to be."""


def measure(quick: bool) -> list[Table]:
    """Returns the table of statements."""
    every = contenders()
    table = Table("arrays", f"Eager statements on float32[{SIZE}]", "statement", "µs", "jax.numpy")
    for statement in every["NumPy"]:
        runs = {name: every[name][statement] for name in every}
        table.add(statement, interleaved(runs, 5 if quick else 15, 20 if quick else 60))
    text = "a + a: at most 1.2 times jax.numpy"
    table.aims.append(Aim(text, table.ratio("a + a", "statejit"), most=1.2))
    for statement, least in FASTER.items():
        text = f"{statement}: at least {least:.0f} times faster than jax.numpy"
        table.aims.append(Aim(text, 1 / table.ratio(statement, "statejit"), least=least))
    return [table]


if __name__ == "__main__":
    main(measure, __doc__)
