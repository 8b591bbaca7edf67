"""JAX's persistent compilation cache serves jitted models in a process that comes later."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json
import jax

import jax.numpy as jnp
import numpy as np
import optax
import statejit as sj

hits = []

def listen(event, **about):
    with sj.unwatched():
        hits.append(event.rpartition("/")[2])

jax.monitoring.register_event_listener(listen)

class Net(sj.Base):
    def __init__(self):
        self.w = jnp.asarray(np.ones((3, 2), np.float32))
        self.scale, self.calls, self.names = 2.0, 0, {"b", "a", "c"}

    def loss(self, x):
        self.calls += 1
        return (self.scale * x @ self.w).sum()

net, opt = Net(), sj.Optimizer(optax.adam(0.1))

@sj.jit
def step(x):
    value, grads = sj.value_and_grad(net.loss, grad_vars=net)(x)
    opt.update(net, grads)
    return value

x = jnp.asarray(np.ones(3, np.float32))
values = [float(step(x)) for _ in range(3)]
print(json.dumps([values, net.calls, hits.count("cache_hits"), hits.count("cache_misses")]))
"""


def run(cache: Path, seed: str) -> list:
    """Runs the program in a process of its own, and returns what it prints."""
    settings = {
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "PYTHONHASHSEED": seed,  # the order of sets must not reach the programs
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    *first, hits, misses = run(tmp_path, "1")
    written = {path.name for path in tmp_path.iterdir() if path.name.endswith("-cache")}
    assert hits == 0 and misses == len(written) > 0
    *second, hits, misses = run(tmp_path, "2")
    again = {path.name for path in tmp_path.iterdir() if path.name.endswith("-cache")}
    assert second == first
    assert misses == 0 and again == written, f"compiled again: {sorted(again - written)}"
    assert hits == len(written)
