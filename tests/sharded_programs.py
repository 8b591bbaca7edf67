"""Programs on eight simulated devices; `test_sharding` runs them in a process of their own."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
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


class Shard(sj.Base):
    """Keeps one thing whole on all devices, and one split among them."""

    def __init__(self) -> None:
        self.w = jnp.arange(12.0).reshape(4, 3) / 12
        self.mean = jnp.zeros(3)
        self.local = jnp.zeros((8, 3))
        self.a = snp.zeros(3)
        self.calls = 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        y = jnp.tanh(x @ self.w)
        self.mean = 0.5 * self.mean + 0.5 * jax.lax.pmean(y.mean(0), "data")
        self.local = self.local + y
        self.a += self.mean
        return y - self.mean


def shard_map_is_that_of_jax() -> None:
    shard, x = Shard(), jnp.arange(32.0).reshape(8, 4) / 32
    runs: list[int] = []

    def fun(x: Any) -> Any:
        with sj.unwatched():
            runs.append(1)
        return shard(x)

    specs: Any = {"mesh": mesh(), "in_specs": P("data"), "out_specs": P("data")}
    run = sj.shard_map(fun, **specs, state_specs={"local": P("data")})

    def by_hand(w: Any, mean: Any, x: Any) -> Any:
        y = jnp.tanh(x @ w)
        mean = 0.5 * mean + 0.5 * jax.lax.pmean(y.mean(0), "data")
        return y - mean, mean, y

    split = (P(), P(), P("data"))
    hand = jax.shard_map(
        by_hand, mesh=mesh(), in_specs=split, out_specs=(P("data"), P(), P("data"))
    )
    mean, local, total = jnp.zeros(3), jnp.zeros((8, 3)), jnp.zeros(3)
    for i in range(3):
        y = run(x + i)
        expected, mean, rows = hand(shard.w, mean, x + i)
        local, total = local + rows, total + mean
        np.testing.assert_allclose(y, expected, rtol=1e-6)
        np.testing.assert_allclose(shard.mean, mean, rtol=1e-6)
        np.testing.assert_allclose(shard.local, local, rtol=1e-6)
        np.testing.assert_allclose(np.asarray(shard.a), total, rtol=1e-6)
        assert shard.calls == i + 1
    assert len(runs) <= 2 and len(run.plans) == len(runs)
    same(shard.local, on("data"))
    for wrap in (sj.jit, lambda f: lambda x: sj.for_loop(f, x[None])[0]):
        other = Shard()
        fun_of = sj.shard_map(other, **specs, state_specs=[(other.local, P("data"))])
        np.testing.assert_allclose(wrap(fun_of)(x), hand(other.w, jnp.zeros(3), x)[0], rtol=1e-6)


def what_differs_between_shards_is_refused() -> None:
    shard, x = Shard(), jnp.ones((8, 4))
    specs: Any = {"mesh": mesh(), "in_specs": P("data"), "out_specs": P("data")}

    def refused(fun: Any, error: type, text: str, **options: Any) -> None:
        with pytest.raises(error, match=text):
            sj.shard_map(fun, **{**specs, **options})(x)
        assert shard.calls == 0 and not shard.mean.any()

    def unreduced(x: Any) -> Any:
        shard.calls += 1
        shard.mean = x.mean(0)[:3]
        return x

    refused(unreduced, sj.errors.LaneError, "shard.mean may be written differently along")
    refused(lambda x: x, ValueError, "out_specs say that the result is the same", out_specs=P())
    refused(lambda x: x, ValueError, "takes no check_vma=True", check_vma=True)
    refused(lambda x: x, ValueError, "can't be split among 8", in_specs=P(None, ("data", "model")))
    refused(lambda x: x, ValueError, "has 2 axes", in_specs=P(None, None, "data"))
    refused(lambda x, y: x, ValueError, "got 2 entries for 1", in_specs=(P(), P()))
    refused(lambda: 0, sj.errors.SlotNotFoundError, "no slot fits", state_specs={"no": P("data")})

    def by_branch(x: Any) -> Any:
        y = sj.cond(x.sum() > 0, lambda: shard.w.sum(), lambda: 0.0)
        return sj.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, y + c[1]), (0, 0.0))[1]

    refused(by_branch, ValueError, "along the axes data", out_specs=P())
    summed = sj.shard_map(
        lambda x: sj.for_loop(lambda row: jax.lax.psum(row.sum(), "data"), x),
        **{**specs, "out_specs": P()},
    )
    np.testing.assert_allclose(summed(x), [16.0, 16.0])


def shards_draw_numbers_of_their_own() -> None:
    specs: Any = {"mesh": mesh(), "in_specs": P("data"), "out_specs": P("data")}
    rng = sj.random.default_rng(1)

    def draw(x: Any) -> Any:
        return x + sj.for_loop(lambda row: jnp.asarray(rng.normal(size=4)), x)

    run = sj.shard_map(draw, **specs)
    first, second = run(jnp.zeros((8, 4))), run(jnp.zeros((8, 4)))
    assert len({float(v) for v in np.concatenate([first, second]).ravel()}) == 64
    rng = sj.random.default_rng(1)
    np.testing.assert_array_equal(run(jnp.zeros((8, 4))), first)


def gradients_go_through_shard_map() -> None:
    shard, x = Shard(), jnp.arange(32.0).reshape(8, 4) / 32
    specs: Any = {"mesh": mesh(), "in_specs": P("data"), "out_specs": P("data", "model")}

    def column(x: Any) -> Any:
        shard.calls += 1
        return jnp.tanh(x @ shard.w)[:, :2] * (1 + jax.lax.axis_index("model"))

    run = sj.shard_map(column, **specs)
    w, dx = sj.grad(lambda x: (run(x) ** 2).sum(), grad_vars=[shard.w], argnums=0)(x)

    def by_hand(w: Any, x: Any) -> Any:
        y = jnp.tanh(x @ w)[:, :2]
        return (jnp.concatenate([y, 2 * y], 1) ** 2).sum()

    expected = jax.grad(by_hand, (0, 1))(shard.w, x)
    np.testing.assert_allclose(w[0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(dx, expected[1], rtol=1e-5)
    assert shard.calls == 1


def data_parallel_training_is_that_of_one_device() -> None:
    shard, x = Shard(), jnp.arange(32.0).reshape(8, 4) / 32

    def step(model: Shard, x: Any) -> Any:
        loss, grads = sj.value_and_grad(
            lambda x: (jnp.tanh(x @ model.w) ** 2).mean(), grad_vars=[model.w]
        )(x)
        model.w = model.w - 0.1 * jax.lax.pmean(grads[0], "data")
        return jax.lax.pmean(loss, "data")

    run = sj.jit(sj.shard_map(step, mesh=mesh(), in_specs=(P(), P("data")), out_specs=P()))
    w = shard.w
    for _ in range(3):
        loss = run(shard, x)
        expected, dw = jax.value_and_grad(lambda w: (jnp.tanh(x @ w) ** 2).mean())(w)
        w = w - 0.1 * dw
        np.testing.assert_allclose(loss, expected, rtol=1e-6)
        np.testing.assert_allclose(shard.w, w, rtol=1e-6)


def containers_are_split_by_their_specs() -> None:
    rows, whole = jnp.arange(16.0).reshape(8, 2), jnp.arange(3.0)
    model = sj.Base()
    model.parts = {"b": rows, "a": [whole]}

    def fun(given: Any, pair: Any) -> Any:
        assert given["b"].shape == pair[1].shape == model.parts["b"].shape == (2, 2)
        model.parts["b"] = model.parts["b"] + given["b"]
        return {"b": given["b"], "a": given["a"] + model.parts["a"][0]}, [pair[0], pair[1] * 2]

    split = P("data")
    run = sj.shard_map(
        fun,
        mesh=mesh(),
        in_specs=({"a": P(), "b": split}, (P(), split)),
        out_specs=({"a": P(), "b": split}, [P(), split]),
        state_specs={("parts", "b"): split},
    )
    for of in (run, sj.jit(run)):
        model.parts["b"] = rows
        named, listed = of({"b": rows, "a": whole}, (whole, rows))
        for found, expected in (
            *((named["a"], 2 * whole), (named["b"], rows), (listed[0], whole)),
            *((listed[1], 2 * rows), (model.parts["b"], 2 * rows)),
        ):
            np.testing.assert_array_equal(found, expected)


PROGRAMS = (
    state_keeps_its_sharding_under_jit,
    another_sharding_is_another_program,
    gradients_have_the_sharding_of_their_targets,
    loops_branches_and_lanes_keep_it,
    random_numbers_are_those_of_one_device,
    shard_map_is_that_of_jax,
    what_differs_between_shards_is_refused,
    shards_draw_numbers_of_their_own,
    gradients_go_through_shard_map,
    data_parallel_training_is_that_of_one_device,
    containers_are_split_by_their_specs,
)

if __name__ == "__main__":
    for program in PROGRAMS:
        program()
        print(program.__name__, flush=True)
