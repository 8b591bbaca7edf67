"""`Optimizer` does with any optax transformation what a hand-written loop does."""

from __future__ import annotations

import collections
import copy
import pickle
from collections.abc import Callable
from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import statejit as sj
from statejit.errors import StructureError

X = jnp.array([[1.0, -2.0], [0.5, 3.0], [-1.0, 0.25]])
Y = jnp.array([[1.0], [0.0], [2.0]])


class Linear(sj.Base):
    def __init__(self, n: int, m: int) -> None:
        self.w = jnp.linspace(-1.0, 1.0, n * m).reshape(n, m)
        self.b = jnp.zeros(m)

    def __call__(self, x: Any) -> Any:
        return x @ self.w + self.b


class Net(sj.Base):
    def __init__(self) -> None:
        self.hidden = Linear(2, 3)
        self.out = Linear(3, 1)

    def loss(self, x: Any, y: Any) -> Any:
        return ((self.out(jnp.tanh(self.hidden(x))) - y) ** 2).mean()


def pure_loss(params: Any, x: Any, y: Any) -> Any:
    h = jnp.tanh(x @ params["hidden"]["w"] + params["hidden"]["b"])
    return ((h @ params["out"]["w"] + params["out"]["b"] - y) ** 2).mean()


def params_of(net: Net) -> Any:
    return {key: {"w": getattr(net, key).w, "b": getattr(net, key).b} for key in ("hidden", "out")}


def weights_only(params: Any) -> Any:
    return flax.traverse_util.path_aware_map(lambda path, _: path[-1] == "w", params)


def labels(params: Any) -> Any:
    return flax.traverse_util.path_aware_map(lambda path, _: path[0], params)


def lookahead() -> Any:
    """A slow copy of the parameters, towards which every third step goes: it needs parameters."""

    def init(params: Any) -> Any:
        return {"slow": params, "n": jnp.zeros((), int)}

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        n = state["n"] + 1
        fast = optax.apply_updates(params, updates)
        slow = jax.tree.map(lambda s, f: s + 0.5 * (f - s), state["slow"], fast)
        sync = n % 3 == 0
        new = jax.tree.map(lambda s, f: jnp.where(sync, s, f), slow, fast)
        slow = jax.tree.map(lambda s, o: jnp.where(sync, s, o), slow, state["slow"])
        return jax.tree.map(lambda a, b: a - b, new, params), {"slow": slow, "n": n}

    return optax.GradientTransformation(init, update)


TRANSFORMATIONS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: optax.sgd(0.1),
    "momentum": lambda: optax.sgd(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: optax.adam(0.05),
    "adamw_needs_parameters": lambda: optax.adamw(0.05, weight_decay=0.1),
    "rmsprop": lambda: optax.rmsprop(0.01),
    "adafactor": lambda: optax.adafactor(0.01),
    "lion": lambda: optax.lion(0.01),
    "schedule": lambda: optax.adam(optax.exponential_decay(0.1, 2, 0.5)),
    "warm_up": lambda: optax.sgd(optax.warmup_cosine_decay_schedule(0.0, 0.1, 2, 6)),
    "clipped": lambda: optax.chain(optax.clip_by_global_norm(0.1), optax.adam(0.1)),
    "weight_decay": lambda: optax.chain(optax.add_decayed_weights(0.1), optax.sgd(0.1)),
    "masked": lambda: optax.masked(optax.sgd(0.1, momentum=0.9), weights_only),
    "masked_decay": lambda: optax.adamw(0.05, weight_decay=0.5, mask=weights_only),
    "multi_transform": lambda: optax.multi_transform(
        {"hidden": optax.adam(0.1), "out": optax.set_to_zero()}, labels
    ),
    "inject_hyperparams": lambda: optax.inject_hyperparams(optax.adam)(learning_rate=0.1),
    "injected_schedule": lambda: optax.inject_hyperparams(optax.sgd)(
        learning_rate=optax.linear_schedule(0.1, 0.0, 5)
    ),
    "multi_steps": lambda: optax.MultiSteps(optax.adam(0.1), every_k_schedule=2),
    "multi_steps_as_transformation": lambda: optax.MultiSteps(
        optax.sgd(0.1), every_k_schedule=2
    ).gradient_transformation(),
    "apply_if_finite": lambda: optax.apply_if_finite(optax.adam(0.1), 3),
    "noise": lambda: optax.noisy_sgd(0.1, key=jax.random.key(1)),
    "moving_average": lambda: optax.chain(optax.sgd(0.1), optax.ema(0.9)),
    "lookahead": lambda: optax.chain(optax.sgd(0.1), lookahead()),
    "sam_like_chain": lambda: optax.chain(optax.normalize_by_update_norm(), optax.sgd(0.1)),
}


def by_hand(tx: Any, n: int, loss: Any = pure_loss, **extra: Any) -> Any:
    params = params_of(Net())
    state, values = tx.init(params), []
    for _ in range(n):
        value, grads = jax.value_and_grad(loss)(params, X, Y)
        given = {name: value if item is None else item for name, item in extra.items()}
        updates, state = tx.update(grads, state, params, **given)
        params = optax.apply_updates(params, updates)
        values.append(value)
    return params, values


def close(tree: Any, expected: Any) -> None:
    assert jax.tree.structure(tree) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(tree), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


BOTH = pytest.mark.parametrize("jit", [lambda fun: fun, sj.jit], ids=["plain", "jitted"])


@BOTH
@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_every_transformation_does_what_a_hand_written_loop_does(
    name: str, jit: Callable[..., Any]
) -> None:
    net, opt = Net(), sj.Optimizer(TRANSFORMATIONS[name]())

    @jit
    def step(x: Any, y: Any) -> Any:
        value, grads = sj.value_and_grad(net.loss, grad_vars=net)(x, y)
        opt.update(net, grads)
        return value

    values = [step(X, Y) for _ in range(5)]
    params, expected = by_hand(TRANSFORMATIONS[name](), 5)
    np.testing.assert_allclose(values, expected, rtol=2e-5, atol=2e-6)
    close(params_of(net), params)


@BOTH
def test_extra_arguments(jit: Callable[..., Any]) -> None:
    def make() -> Any:
        plateau = optax.contrib.reduce_on_plateau(factor=0.5, patience=1, rtol=1.0)
        return optax.chain(optax.sgd(0.1), plateau)

    net, opt = Net(), sj.Optimizer(make())

    @jit
    def step(x: Any, y: Any) -> Any:
        value, grads = sj.value_and_grad(net.loss, grad_vars=net)(x, y)
        opt.update(net, grads, value=value)
        return value

    for _ in range(6):
        step(X, Y)
    close(params_of(net), by_hand(make(), 6, value=None)[0])


@BOTH
def test_extra_arguments_that_another_transformation_ignores(jit: Callable[..., Any]) -> None:
    net, opt = Net(), sj.Optimizer(optax.sgd(0.1))
    grads = sj.grad(net.loss, grad_vars=net)(X, Y)
    jit(lambda: opt.update(net, grads, value=1.0))()
    close(params_of(net), by_hand(optax.sgd(0.1), 1)[0])


@BOTH
def test_injected_rate_changed_between_calls(jit: Callable[..., Any]) -> None:
    tx = optax.inject_hyperparams(optax.sgd)(learning_rate=0.1)
    net = Net()
    opt = sj.Optimizer(tx, net)

    @jit
    def step() -> None:
        opt.update(net, sj.grad(net.loss, grad_vars=net)(X, Y))

    params = params_of(net)
    state = tx.init(params)
    for rate in (0.1, 0.01, 0.5):
        opt.state.hyperparams["learning_rate"] = jnp.asarray(rate)
        state.hyperparams["learning_rate"] = jnp.asarray(rate)
        step()
        updates, state = tx.update(jax.grad(pure_loss)(params, X, Y), state, params)
        params = optax.apply_updates(params, updates)
        close(params_of(net), params)


@BOTH
def test_a_step_may_be_skipped_in_a_branch(jit: Callable[..., Any]) -> None:
    net, opt = Net(), sj.Optimizer(optax.chain(optax.clip(1.0), optax.adam(0.1)))
    opt.init(net)

    @jit
    def step(x: Any) -> Any:
        value, grads = sj.value_and_grad(net.loss, grad_vars=net)(x, Y)
        sj.cond(jnp.isfinite(value), lambda: opt.update(net, grads), lambda: None)

    for x in (X, X * jnp.nan, X):
        step(x)
    assert opt.state[1][0].count.item() == 2
    close(params_of(net), by_hand(optax.chain(optax.clip(1.0), optax.adam(0.1)), 2)[0])


@BOTH
def test_targets_of_other_structures(jit: Callable[..., Any]) -> None:
    net, opt = Net(), sj.Optimizer(optax.adam(0.1))
    target = {"a": net.hidden, "b": [net.out]}

    @jit
    def step() -> None:
        opt.update(target, sj.grad(net.loss, grad_vars=target)(X, Y))

    for _ in range(3):
        step()
    close(params_of(net), by_hand(optax.adam(0.1), 3)[0])


@BOTH
def test_a_part_of_the_model_alone(jit: Callable[..., Any]) -> None:
    net, opt = Net(), sj.Optimizer(optax.sgd(0.1))
    before = net.hidden.w

    @jit
    def step() -> None:
        opt.update(net.out, sj.grad(net.loss, grad_vars=net.out)(X, Y))

    step()
    assert net.hidden.w is before
    expected = jax.grad(pure_loss)(params_of(Net()), X, Y)["out"]
    close(net.out.w, Net().out.w - 0.1 * expected["w"])


@BOTH
def test_mutable_arrays_as_targets(jit: Callable[..., Any]) -> None:
    net, opt = Net(), sj.Optimizer(optax.sgd(0.1, momentum=0.9))
    net.hidden.w, net.out.w = sj.Variable(net.hidden.w), sj.numpy.asarray(net.out.w)
    held = net.hidden.w
    target = (net.hidden.w, net.out.w)

    @jit
    def step() -> None:
        opt.update(target, sj.grad(net.loss, grad_vars=target)(X, Y))

    for _ in range(3):
        step()

    def loss(params: Any, x: Any, y: Any) -> Any:
        fixed = {
            key: {"w": params[key]["w"], "b": jnp.zeros_like(params[key]["b"])} for key in params
        }
        return pure_loss(fixed, x, y)

    expected, _ = by_hand(optax.sgd(0.1, momentum=0.9), 3, loss)
    assert net.hidden.w is held
    close(jnp.asarray(net.hidden.w), expected["hidden"]["w"])
    close(jnp.asarray(net.out.w), expected["out"]["w"])


@BOTH
def test_tied_weights_move_together(jit: Callable[..., Any]) -> None:
    a, b = Linear(2, 2), Linear(2, 2)
    b.w = a.w
    net = Net()
    net.hidden, net.out = a, b
    opt = sj.Optimizer(optax.adam(0.1))
    loss = lambda x: (b(jnp.tanh(a(x))) ** 2).mean()  # noqa: E731

    @jit
    def step() -> None:
        opt.update(net, sj.grad(loss, grad_vars=net)(X))

    def pure(p: Any) -> Any:
        return ((jnp.tanh(X @ p["w"] + p["a"]) @ p["w"] + p["b"]) ** 2).mean()

    tx, params = optax.adam(0.1), {"w": a.w, "a": a.b, "b": b.b}
    state = tx.init(params)
    for _ in range(3):
        step()
        updates, state = tx.update(jax.grad(pure)(params), state, params)
        params = optax.apply_updates(params, updates)
        assert a.w is b.w
        close({"w": a.w, "a": a.b, "b": b.b}, params)


def test_the_state_is_made_at_once_or_at_the_first_update() -> None:
    net = Net()
    early, late = sj.Optimizer(optax.adam(0.1), net), sj.Optimizer(optax.adam(0.1))
    assert late.state is None and early.state is not None
    expected = optax.adam(0.1).init(params_of(net))
    assert jax.tree.structure(early.state) == jax.tree.structure(expected)
    late.update(net, sj.grad(net.loss, grad_vars=net)(X, Y))
    assert jax.tree.structure(late.state) == jax.tree.structure(early.state)


def test_the_state_is_a_slot_like_any_other() -> None:
    net = Net()
    opt = sj.Optimizer(optax.adam(0.1), net)
    leaves = jax.tree.leaves(sj.collections(opt))
    assert len(leaves) == len(jax.tree.leaves(opt.state)) == 9


def test_a_copy_goes_on_like_the_original() -> None:
    net, opt = Net(), sj.Optimizer(optax.adam(0.1))

    def step(net: Net, opt: sj.Optimizer) -> None:
        opt.update(net, sj.grad(net.loss, grad_vars=net)(X, Y))

    run = sj.jit(step)
    run(net, opt)
    twin = copy.deepcopy((net, opt))
    run(net, opt)
    run(*twin)
    close(params_of(twin[0]), params_of(net))
    close(twin[1].state, opt.state)
    same = pickle.loads(pickle.dumps(jax.tree.map(np.asarray, opt.state)))
    close(same, opt.state)


def test_two_models_share_one_compilation() -> None:
    def step(net: Net, opt: sj.Optimizer) -> None:
        opt.update(net, sj.grad(net.loss, grad_vars=net)(X, Y))

    run = sj.jit(step)
    for _ in range(4):
        run(Net(), sj.Optimizer(optax.adam(0.1)))
    assert len(run.plans) == 1


def test_gradients_of_another_structure_are_refused() -> None:
    net = Net()
    opt = sj.Optimizer(optax.sgd(0.1))
    before = params_of(net)
    with pytest.raises(StructureError):
        opt.update(net, {"hidden": {"v": jnp.ones(3)}})
    with pytest.raises(StructureError, match=r"at hidden.b has shape \(2, 1\)"):
        opt.update(net, {"hidden": {"b": jnp.ones((2, 1))}})  # it would be broadcast
    with pytest.raises(StructureError):
        opt.update([net.hidden, net.out], [{"w": jnp.ones((2, 3))}])
    with pytest.raises(StructureError):
        opt.update(jnp.ones(2), jnp.ones(2))
    close(params_of(net), before)


def test_a_state_made_for_other_parameters_is_refused() -> None:
    class Centred(sj.Base):
        def __init__(self) -> None:
            self.w, self.mean = jnp.ones(2), jnp.zeros(2)

        def loss(self) -> Any:
            self.mean = self.mean + self.w
            return (self.w**2).sum()

    model = Centred()
    opt = sj.Optimizer(optax.adam(0.1), model)  # `mean` looks like a parameter, so far
    with pytest.raises(StructureError, match="without a target"):
        opt.update(model, sj.grad(model.loss, grad_vars=model)())
    opt = sj.Optimizer(optax.adam(0.1))
    opt.update(model, sj.grad(model.loss, grad_vars=model)())
    np.testing.assert_allclose(model.w, 0.9 * jnp.ones(2), rtol=1e-5)


# Line searches ------------------------------------------------------------------------------------


class Logistic(sj.Base):
    """Logistic regression that counts, sums up and draws, with parameters in a list."""

    def __init__(self) -> None:
        self.ws = [jnp.array([0.5, -0.5]), jnp.zeros(())]
        self.calls, self.seen = 0, [jnp.zeros(())]
        self.noise = sj.random.default_rng(0)

    def loss(self) -> Any:
        with sj.unwatched():
            RUNS.append(1)
        self.calls += 1
        self.noise.normal()
        found = logistic({"ws": dict(zip("01", self.ws, strict=True))})
        self.seen[0] = self.seen[0] + found
        return found


RUNS: list[int] = []
SIGNS = jnp.array([1.0, -1.0, 1.0])


def logistic(params: Any) -> Any:
    w, b = params["ws"]["0"], params["ws"]["1"]
    return jnp.logaddexp(0.0, -SIGNS * (X @ w + b)).mean() + 0.05 * (w @ w)


def initial(tx: Any, m: Logistic) -> tuple[Any, Any]:
    """Returns parameters, and state as steps will leave it, so that they compile once."""
    params = {"ws": dict(zip("01", m.ws, strict=True))}
    return params, jax.tree.map(lambda a: jnp.array(a, a.dtype), tx.init(params))


def searched_by_hand(tx: Any, steps: int) -> tuple[Any, list[Any]]:
    params, state = initial(tx, Logistic())
    losses = []

    @jax.jit
    def step(params: Any, state: Any) -> Any:
        value, grads = jax.value_and_grad(logistic)(params)
        updates, state = tx.update(grads, state, params, value=value, grad=grads, value_fn=logistic)
        return optax.apply_updates(params, updates), state, value

    for _ in range(steps):
        params, state, value = step(params, state)
        losses.append(value)
    return params, losses


def searched(tx: Any, steps: int, compiled: bool) -> Logistic:
    m, opt = Logistic(), sj.Optimizer(tx)
    _, opt.state = initial(tx, m)

    def step() -> None:
        opt.update(m, sj.grad(m.loss, grad_vars=m)(), loss=m.loss)

    run = sj.jit(step) if compiled else step
    for _ in range(steps):
        run()
    return m


BACKTRACKING = optax.chain(
    optax.sgd(1.0), optax.scale_by_backtracking_linesearch(max_backtracking_steps=5)
)


@pytest.mark.parametrize(
    ("tx", "compiled"),
    [(BACKTRACKING, True), (BACKTRACKING, False), (optax.lbfgs(memory_size=2), True)],
    ids=["backtracking-jit", "backtracking", "lbfgs-jit"],
)
def test_line_searches_go_where_the_hand_written_ones_go(tx: Any, compiled: bool) -> None:
    params, losses = searched_by_hand(tx, 4)
    RUNS.clear()
    m = searched(tx, 4, compiled)
    assert len(RUNS) == 2  # once for the gradients, and once for all trials
    np.testing.assert_allclose(m.ws[0], params["ws"]["0"], rtol=1e-6)
    np.testing.assert_allclose(m.ws[1], params["ws"]["1"], rtol=1e-6)
    # What the trials write is not kept: state has seen the gradients' runs alone.
    assert m.calls == 4
    np.testing.assert_allclose(m.seen[0], sum(losses), rtol=1e-6)
    other = sj.random.default_rng(0)
    for _ in range(4):
        other.normal()
    assert m.noise.normal() == other.normal()


def test_a_line_search_that_lacks_the_loss_says_so() -> None:
    m, opt = Logistic(), sj.Optimizer(BACKTRACKING)
    with pytest.raises(TypeError, match="value_fn"):
        opt.update(m, sj.grad(m.loss, grad_vars=m)())


@pytest.mark.parametrize("of", [dict, collections.OrderedDict])
def test_targets_in_dicts_are_found_by_their_keys(of: Any) -> None:
    late, early, array = Linear(2, 2), Linear(2, 2), sj.Array([5.0])
    late.w, early.w = late.w + 1.0, early.w - 1.0
    target = of(z=late, y=of(b=array), a=early)  # JAX sorts the keys of dicts

    def loss() -> Any:
        return ((X @ late.w @ early.w * array.value) ** 2).mean()

    def by_hand(w: Any) -> Any:
        return ((X @ w["z"] @ w["a"] * w["y"]) ** 2).mean()

    w = {"z": late.w, "a": early.w, "y": array.value}
    opt = sj.Optimizer(optax.sgd(0.01))
    for i in range(2):
        grads = sj.grad(loss, grad_vars=target)()
        opt.update(target, jax.tree.map(lambda g: g, grads) if i else grads)
        w = jax.tree.map(lambda p, g: p - 0.01 * g, w, jax.grad(by_hand)(w))
    for name, found in (("z", late.w), ("a", early.w), ("y", array.value)):
        np.testing.assert_allclose(found, w[name], rtol=1e-5)
    with pytest.raises(StructureError):
        opt.update(target, {**grads, "more": 0.0})
