"""Programs on eight simulated devices; `test_sharding` runs them in a process of their own."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

import statejit as sj
import statejit.numpy as snp


@functools.cache
def mesh() -> Mesh:
    return Mesh(np.array(jax.devices()).reshape(4, 2), ("data", "model"))


def on(*spec: Any) -> NamedSharding:
    return NamedSharding(mesh(), P(*spec))


class Layer(sj.Base):
    def __init__(self) -> None:
        w = jnp.arange(32.0).reshape(8, 4) / 32
        self.w = jax.device_put(w, on(None, "model"))
        self.seen = jax.device_put(jnp.zeros(8), on("data"))
        self.a = snp.array(jax.device_put(jnp.zeros(8), on("data")))
        self.calls = 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        self.seen = self.seen + x.sum(1)
        self.a += 1.0
        return jax.lax.with_sharding_constraint(x @ self.w, on("data", "model"))


def batch() -> Any:
    return jax.device_put(jnp.ones((8, 8)), on("data"))


def same(array: Any, sharding: Any) -> None:
    array = array.value if isinstance(array, sj.Array) else array
    assert array.sharding.is_equivalent_to(sharding, array.ndim), array.sharding


def state_keeps_its_sharding_under_jit() -> None:
    layer = Layer()
    run = sj.jit(layer)
    for i in range(3):
        y = run(batch())
        same(y, on("data", "model"))
        same(layer.seen, on("data"))
        same(layer.a, on("data"))
        same(layer.w, on(None, "model"))
        assert layer.calls == i + 1
    np.testing.assert_allclose(y, np.ones((8, 8)) @ np.asarray(Layer().w), rtol=1e-6)
    np.testing.assert_allclose(layer.seen, np.full(8, 24.0))


def another_sharding_is_another_program() -> None:
    layer = Layer()
    run = sj.jit(layer)
    first = run(batch())
    layer.w = jax.device_put(layer.w, on("model", None))
    second = run(batch())
    same(layer.w, on("model", None))
    np.testing.assert_allclose(first, second, rtol=1e-6)
    assert layer.calls == 2


def gradients_have_the_sharding_of_their_targets() -> None:
    layer = Layer()
    step = sj.jit(sj.grad(lambda x: (layer(x) ** 2).sum(), grad_vars=layer))
    grads = step(batch())
    same(grads["w"], on(None, "model"))
    w, x = np.asarray(layer.w), np.ones((8, 8))
    np.testing.assert_allclose(grads["w"], 2.0 * x.T @ (x @ w), rtol=1e-5)


def loops_branches_and_lanes_keep_it() -> None:
    layer = Layer()
    ys = sj.for_loop(layer, jnp.stack([batch(), batch()]))
    assert ys.shape == (2, 8, 4) and layer.calls == 2
    np.testing.assert_allclose(layer.seen, np.full(8, 16.0))
    same(layer.seen, on("data"))
    sj.cond(jnp.asarray(True), lambda: (layer(batch()), None)[1], lambda: None)
    assert layer.calls == 3
    np.testing.assert_allclose(layer.seen, np.full(8, 24.0))
    lanes = sj.vmap(lambda x: x @ layer.w)(batch())
    np.testing.assert_allclose(lanes, np.asarray(batch()) @ np.asarray(layer.w), rtol=1e-6)


def random_numbers_are_those_of_one_device() -> None:
    sj.random.seed(0)
    alone = np.array(sj.random.normal(size=(8, 4)))
    sj.random.seed(0)
    draw = sj.jit(
        lambda: jax.lax.with_sharding_constraint(
            jnp.asarray(sj.random.normal(size=(8, 4))), on("data", "model")
        )
    )
    found = draw()
    same(found, on("data", "model"))
    np.testing.assert_allclose(found, alone, rtol=1e-6)


PROGRAMS = (
    state_keeps_its_sharding_under_jit,
    another_sharding_is_another_program,
    gradients_have_the_sharding_of_their_targets,
    loops_branches_and_lanes_keep_it,
    random_numbers_are_those_of_one_device,
)

if __name__ == "__main__":
    for program in PROGRAMS:
        program()
        print(program.__name__, flush=True)
