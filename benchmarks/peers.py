"""The peers: which are installed, which run on this JAX, and why the others do not."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import sys
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp


def _nnx() -> Any:
    from flax import nnx

    return nnx.jit(lambda x: x + 1)


def _brainstate() -> Any:
    import brainstate

    return brainstate.transform.jit(lambda x: x + 1)


def _brainpy() -> Any:
    import brainpy.math as bm

    return bm.jit(lambda x: x + 1)


def _objax() -> Any:
    import objax

    variable = objax.StateVar(jnp.zeros(()))
    return objax.Jit(lambda x: x + 1 + variable.value, objax.VarCollection(v=variable))


def _numba() -> Any:
    import numba

    return lambda x: numba.njit(lambda y: y + 1)(float(x))


TRIALS: dict[str, tuple[str, Callable[[], Any]]] = {
    "nnx": ("flax", _nnx),
    "brainstate": ("brainstate", _brainstate),
    "brainpy.math": ("brainpy", _brainpy),
    "objax": ("objax", _objax),
    "numba": ("numba", _numba),
}
"""The distribution of each peer, and what makes a compiled function in it."""


@functools.cache
def missing() -> dict[str, str]:
    """Returns the peers that can not be measured, and why; says so on standard error, loudly."""
    found = {}
    for name, (_, trial) in TRIALS.items():
        try:
            assert float(trial()(jnp.ones(()))) == 2.0
        except Exception as error:  # noqa: BLE001, whatever a peer fails with is its reason
            found[name] = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
            print(f"*** ABSENT: {name}: {found[name]} ***", file=sys.stderr, flush=True)
    return found


def present(makers: dict[str, Any]) -> dict[str, Any]:
    """Returns those entries whose peer can be measured; names that are no peers stay."""
    return {name: make for name, make in makers.items() if name not in missing()}


def versions() -> dict[str, str]:
    """Returns the versions of what is measured."""
    names = ["jax", "jaxlib", "numpy", "optax", *(dist for dist, _ in TRIALS.values())]
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
