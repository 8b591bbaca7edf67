"""Collections are what flax and optax expect, and go back into the model."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint
import pytest
from jax.experimental.ode import odeint

import statejit as sj
from statejit.errors import SlotNotFoundError, StructureError


class Layer(sj.Base):
    def __init__(self, n: int) -> None:
        self.w = jnp.eye(n)
        self.b = jnp.zeros(n)

    def __call__(self, x: Any) -> Any:
        return x @ self.w + self.b


class Net(sj.Base):
    def __init__(self) -> None:
        self.layers = [Layer(2), Layer(2)]
        self.heads = {"a": Layer(2)}
        self.mean = jnp.zeros(2)
        self.steps = jnp.zeros((), int)
        self.key = jax.random.key(0)
        self.table = np.arange(2.0, dtype=np.float32)
        self.index = jnp.array([1, 0])
        self.calls = 0
        self.name = "net"

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = jnp.tanh(layer(x))
        self.mean = 0.9 * self.mean + 0.1 * x
        self.steps = self.steps + 1
        self.calls += 1
        self.key, key = jax.random.split(self.key)
        return (self.heads["a"](x) + self.table + jax.random.normal(key, (2,)))[self.index]


X = jnp.array([1.0, -0.5])


def same(a: Any, b: Any) -> None:
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        if jax.dtypes.issubdtype(jnp.asarray(x).dtype, jax.dtypes.prng_key):
            x, y = jax.random.key_data(x), jax.random.key_data(y)
        np.testing.assert_allclose(x, y, rtol=1e-6)


def paths(tree: Any) -> set[str]:
    return set(flax.traverse_util.flatten_dict(tree, sep="."))


# Which collection -------------------------------------------------------------------------------


def test_collections_are_found_by_watching() -> None:
    net = Net()
    found = sj.collections(sj.discover(net, X))
    assert set(found) == {"params", "state", "rngs", "constants"}
    assert paths(found["params"]) == {
        *("layers.0.w", "layers.0.b", "layers.1.w", "layers.1.b", "heads.a.w", "heads.a.b")
    }
    assert paths(found["rngs"]) == {"key"}
    assert paths(found["constants"]) == {"table", "index"}
    assert {"mean", "steps"} <= paths(found["state"])


def test_watching_changes_nothing() -> None:
    net = Net()
    sj.discover(net, X)
    assert net.calls == 0 and int(net.steps) == 0
    assert not any(isinstance(value, jax.core.Tracer) for value in vars(net).values())


def test_what_discovery_prints_names_what_was_found() -> None:
    text = repr(sj.discover(Net(), X))
    for name in ("layers.0.w", "mean", "steps", "key", "params", "state", "rngs", "constants"):
        assert name in text


def test_collections_of_a_model_hold_its_arrays() -> None:
    net = Net()
    params = sj.collections(net)["params"]
    assert params["layers"]["0"]["w"] is net.layers[0].w
    assert params["heads"]["a"]["b"] is net.heads["a"].b


def test_marks_override_what_was_seen() -> None:
    class Marked(sj.Base):
        fixed: sj.typing.Constant
        loose: Annotated[Any, sj.typing.InCollection("mine")]

        def __init__(self) -> None:
            self.fixed = jnp.ones(2)
            self.loose = jnp.ones(2)
            self.free = jnp.ones(2)
            self.train = sj.TrainVar(jnp.ones(2))
            self.own = sj.Variable(jnp.ones(2), collection="cache")
            self.const = sj.constant(jnp.ones(2))

        def __call__(self) -> Any:
            self.train = self.train * 2.0
            kept = self.fixed + self.loose + self.free + self.const
            return jnp.asarray(kept) + jnp.asarray(self.own) + jnp.asarray(self.train)

    m = Marked()
    for found in (sj.collections(m), sj.collections(sj.discover(m))):
        where = {path: name for name, tree in found.items() for path in paths(tree)}
        assert where == {
            "fixed": "constants",
            "loose": "mine",
            "free": "params",
            "train": "params",
            "own": "cache",
            "const": "constants",
        }


def test_a_tied_parameter_is_there_once() -> None:
    net = Net()
    net.layers[1].w = net.layers[0].w
    found = paths(sj.collections(sj.discover(net, X))["params"])
    assert ("layers.0.w" in found) != ("layers.1.w" in found)


def test_a_tied_parameter_is_given_in_all_its_places() -> None:
    layer = Layer(2)
    layer.tied = layer.w
    layer.ties = [layer.w, {"w": layer.w}]

    def loss() -> Any:
        return jnp.sum(layer.w) + jnp.sum(layer.tied * layer.ties[0] + layer.ties[1]["w"])

    apply, variables = sj.functionalize(loss)
    (collection,) = variables.values()
    assert len(jax.tree.leaves(collection)) == 1
    given = jax.tree.map(lambda w: 3.0 * jnp.ones_like(w), variables)
    np.testing.assert_array_equal(apply(given)[0], (3.0 + 9.0 + 3.0) * layer.w.size)


def test_elements_of_tuples_and_named_tuples() -> None:
    class Pair(NamedTuple):
        left: Any
        right: Any

    m = Layer(2)
    m.pair = Pair(jnp.ones(1), (jnp.ones(2), [jnp.ones(3)]))
    assert {"pair.left", "pair.right.0", "pair.right.1.0"} <= paths(sj.collections(m)["params"])


# Writing back -----------------------------------------------------------------------------------


def test_update_writes_what_collections_read() -> None:
    net, twin = Net(), Net()
    for _ in range(2):
        net(X)
    net.layers[0].w = net.layers[0].w * 3
    sj.update(twin, sj.collections(net))
    same(sj.collections(twin), sj.collections(net))
    np.testing.assert_allclose(twin(X), net(X), rtol=1e-6)


def test_update_of_a_part() -> None:
    net = Net()
    before = net.layers[0].w
    sj.update(net, {"params": {"layers": {"1": {"b": jnp.full(2, 7.0)}}}})
    np.testing.assert_array_equal(net.layers[1].b, [7.0, 7.0])
    assert net.layers[0].w is before


def test_update_inside_jit() -> None:
    net = Net()

    @sj.jit
    def scale(by: Any) -> None:
        params = sj.collections(net)["params"]
        sj.update(net, {"params": jax.tree.map(lambda p: p * by, params)})

    scale(3.0)
    scale(2.0)
    np.testing.assert_array_equal(net.layers[0].w, 6.0 * jnp.eye(2))


def test_update_of_tied_parameters_keeps_the_tie() -> None:
    net = Net()
    net.layers[1].w = net.layers[0].w
    sj.update(net, jax.tree.map(lambda p: p * 2, {"params": sj.collections(net)["params"]}))
    assert net.layers[1].w is net.layers[0].w
    np.testing.assert_array_equal(net.layers[0].w, 2 * jnp.eye(2))


def test_update_checks_before_it_writes() -> None:
    net = Net()
    before = sj.collections(net)
    with pytest.raises(SlotNotFoundError, match=r"layers\.2\.w"):
        sj.update(
            net, {"params": {"heads": {"a": {"w": jnp.zeros((2, 2))}}, "layers": {"2": {"w": X}}}}
        )
    with pytest.raises(StructureError, match="shape"):
        sj.update(net, {"params": {"heads": {"a": {"w": jnp.zeros((2, 2)), "b": jnp.ones(3)}}}})
    same(sj.collections(net), before)


def test_numpy_arrays_are_written_in_place() -> None:
    net = Net()
    table = net.table
    sj.update(net, {"constants": {"table": np.array([5.0, 6.0])}})
    assert net.table is table
    np.testing.assert_array_equal(table, [5.0, 6.0])


# functionalize ----------------------------------------------------------------------------------


def test_apply_is_a_pure_function() -> None:
    net, twin = Net(), Net()
    apply, variables = sj.functionalize(net, X)
    for _ in range(3):
        out, variables = jax.jit(apply)(variables, X)
        np.testing.assert_allclose(out, twin(X), rtol=1e-6)
    assert net.calls == 0 and int(net.steps) == 0
    sj.update(net, variables)
    np.testing.assert_allclose(net(X), twin(X), rtol=1e-6)
    assert int(variables["state"]["steps"]) == 3


def test_apply_depends_on_its_variables_alone() -> None:
    net = Net()
    apply, variables = sj.functionalize(net, X)
    expected, _ = apply(variables, X)
    net.layers[0].w = net.layers[0].w * 100
    np.testing.assert_array_equal(apply(variables, X)[0], expected)
    doubled = jax.tree.map(lambda p: 2 * p, variables["params"])
    assert not np.allclose(apply({**variables, "params": doubled}, X)[0], expected)


def test_apply_under_vmap_scan_and_grad() -> None:
    layer = Layer(2)
    apply, variables = sj.functionalize(layer, X)
    xs = jnp.stack([X, 2 * X])
    out = jax.vmap(lambda x: apply(variables, x)[0])(xs)
    np.testing.assert_allclose(out, xs)
    last, outs = jax.lax.scan(lambda v, x: apply(v, x)[::-1], variables, xs)
    np.testing.assert_allclose(outs, xs)
    grads = jax.grad(lambda p: apply({"params": p}, X)[0].sum())(last["params"])
    np.testing.assert_allclose(grads["b"], jnp.ones(2))


def test_optax_trains_a_functionalised_model() -> None:
    layer = Layer(2)
    apply, variables = sj.functionalize(layer, X)
    tx = optax.adam(0.1)
    params, state = variables["params"], tx.init(variables["params"])

    def loss(params: Any) -> Any:
        return ((apply({"params": params}, X)[0] - 1.0) ** 2).sum()

    first = loss(params)
    for _ in range(50):
        updates, state = tx.update(jax.grad(loss)(params), state, params)
        params = optax.apply_updates(params, updates)
    assert loss(params) < 0.01 * first


def test_solvers_that_take_a_callable_work_on_a_functionalised_model() -> None:
    layer = Layer(2)
    apply, variables = sj.functionalize(layer, X)

    def loss(params: Any) -> Any:
        return ((apply({**variables, "params": params}, X)[0] - 3.0) ** 2).sum()

    tx = optax.lbfgs(linesearch=optax.scale_by_zoom_linesearch(max_linesearch_steps=10))
    step = optax.value_and_grad_from_state(loss)

    @jax.jit
    def improved(params: Any, state: Any) -> Any:
        value, grads = step(params, state=state)
        options = {"value": value, "grad": grads, "value_fn": loss}
        updates, state = tx.update(grads, state, params, **options)
        return optax.apply_updates(params, updates), state

    params, state = variables["params"], tx.init(variables["params"])
    for _ in range(5):
        params, state = improved(params, state)
    assert loss(params) < 1e-6 and loss(variables["params"]) > 1.0

    def slope(y: Any, t: Any, params: Any) -> Any:
        return apply({**variables, "params": params}, y)[0] - 2.0 * y

    ys = odeint(slope, X, jnp.linspace(0.0, 1.0, 3), variables["params"])
    np.testing.assert_allclose(ys[-1], X * np.exp(-1.0), rtol=1e-4)  # the layer is the identity


def test_a_solver_of_jax_inside_reads_state_and_is_refused_a_write() -> None:
    layer = Layer(2)

    def solve(b: Any) -> Any:
        return jax.scipy.sparse.linalg.cg(lambda v: 2.0 * v + layer.w @ v, b)[0]

    np.testing.assert_allclose(sj.jit(solve)(X), jnp.asarray(X) / 3.0, rtol=1e-5)
    b = layer.b

    def write(v: Any) -> Any:
        layer.b = layer.b + 1.0
        return 2.0 * v

    with pytest.raises(sj.errors.RawTransformError, match=r"layer\.b was written"):
        sj.jit(lambda b: jax.scipy.sparse.linalg.cg(write, b)[0])(X)
    assert layer.b is b


def test_structures_that_apply_does_not_know_are_refused() -> None:
    apply, variables = sj.functionalize(Layer(2), X)
    with pytest.raises(StructureError):
        apply({"params": {"w": variables["params"]["w"]}}, X)


# The ecosystem ----------------------------------------------------------------------------------


def test_flax_traverse_util() -> None:
    params = sj.collections(Net())["params"]
    flat = flax.traverse_util.flatten_dict(params)
    assert ("layers", "0", "w") in flat
    same(flax.traverse_util.unflatten_dict(flat), params)
    shifted = flax.traverse_util.path_aware_map(
        lambda path, p: p + 1 if path[-1] == "b" else p, params
    )
    np.testing.assert_array_equal(shifted["heads"]["a"]["b"], jnp.ones(2))
    np.testing.assert_array_equal(shifted["heads"]["a"]["w"], jnp.eye(2))


def test_flax_serialization() -> None:
    net, twin = Net(), Net()
    net.layers[0].w = net.layers[0].w * 5
    variables = {k: v for k, v in sj.collections(net).items() if k != "rngs"}
    data = flax.serialization.to_bytes(variables)
    restored = flax.serialization.from_bytes(variables, data)
    sj.update(twin, restored)
    same(sj.collections(twin)["params"], sj.collections(net)["params"])
    same(flax.serialization.to_state_dict(variables), variables)


def test_orbax_saves_and_restores_a_model_in_training(tmp_path: Any) -> None:
    class Training(sj.Base):
        def __init__(self) -> None:
            self.net = Layer(2)
            self.opt = sj.Optimizer(optax.adam(0.1), self.net)

        def step(self) -> None:
            grads = sj.grad(lambda: jnp.sum(self.net(X) ** 2), grad_vars=self.net)()
            self.opt.update(self.net, grads)

    run, twin = Training(), Training()
    run.step()
    with orbax.checkpoint.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "saved", sj.collections(run))
    run.step()
    with orbax.checkpoint.StandardCheckpointer() as checkpointer:
        sj.update(twin, checkpointer.restore(tmp_path / "saved", sj.collections(twin)))
    twin.step()
    same(sj.collections(twin), sj.collections(run))


def test_optax_masked_and_labels_by_path() -> None:
    net = Net()
    params = sj.collections(net)["params"]
    mask = flax.traverse_util.path_aware_map(lambda path, _: path[-1] == "w", params)
    tx = optax.masked(optax.sgd(1.0), mask)
    grads = jax.tree.map(jnp.ones_like, params)
    updates, _ = tx.update(grads, tx.init(params), params)
    np.testing.assert_array_equal(updates["layers"]["0"]["w"], -jnp.ones((2, 2)))
    np.testing.assert_array_equal(updates["layers"]["0"]["b"], jnp.ones(2))


def test_collections_of_a_model_inside_jit() -> None:
    net = Net()
    norm = sj.jit(
        lambda: sum(jnp.sum(p**2) for p in jax.tree.leaves(sj.collections(net)["params"]))
    )
    np.testing.assert_allclose(norm(), 6.0)
    net.layers[0].w = net.layers[0].w * 2
    np.testing.assert_allclose(norm(), 12.0)
