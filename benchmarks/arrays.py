"""What eager operations on arrays cost beside jax.numpy, brainpy.math and NumPy, in one run.

Each statement runs on arrays of the same content, the contenders taking turns; what JAX can not
write in place is written with `.at`.

    python benchmarks/arrays.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from peers import present
from rounds import interleaved
from tables import Table, main

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


def wait(x: Any) -> Any:
    """Waits for a result."""
    if isinstance(x, np.ndarray):
        return x
    value = getattr(x, "value", x)
    return jax.block_until_ready(value)


def by_numpy(content: np.ndarray) -> dict[str, Run]:
    """Returns the statements in NumPy."""
    return in_place(np, content.copy(), content > 0.5)


def by_jax(content: np.ndarray) -> dict[str, Run]:
    """Returns the statements as JAX has them."""
    x, m = jnp.asarray(content), jnp.asarray(content > 0.5)
    return {
        "a + a": lambda: wait(x + x),
        "sin(a)": lambda: wait(jnp.sin(x)),
        "x[0] += 5": lambda: wait(x.at[0].add(5)),
        "x[mask] = 0": lambda: wait(x.at[m].set(0)),
        "v = x[2:5]; v += 1": lambda: wait(x.at[2:5].add(1)),
        "x[2:5] = x[5:8]": lambda: wait(x.at[2:5].set(x[5:8])),
    }


def watched(content: np.ndarray) -> dict[str, Run]:
    """Returns the statements here."""
    return in_place(snp, snp.array(content), snp.array(content > 0.5))


def by_brainpy(content: np.ndarray) -> dict[str, Run]:
    """Returns the statements in brainpy.math; its slices are copies, so the view is spelled out."""
    import brainpy.math as bm

    def spelled_out() -> Any:
        x[2:5] += 1
        return wait(x)

    x = bm.asarray(content)
    return in_place(bm, x, jnp.asarray(content > 0.5)) | {"v = x[2:5]; v += 1": spelled_out}


MAKERS = {"jax.numpy": by_jax, "statejit": watched, "NumPy": by_numpy, "brainpy.math": by_brainpy}


def measure(quick: bool) -> list[Table]:
    """Returns the table of statements."""
    content = np.linspace(0, 1, SIZE, dtype=np.float32)
    made = {name: make(content) for name, make in present(MAKERS).items()}
    title = f"One eager statement on float32[{SIZE}]"
    table = Table("arrays", title, "statement", "µs", "jax.numpy")
    for statement in made["statejit"]:
        runs = {name: statements[statement] for name, statements in made.items()}
        table.add(f"`{statement}`", interleaved(runs, 5 if quick else 21, 20 if quick else 60))
    return [table]


if __name__ == "__main__":
    main(measure, __doc__)
