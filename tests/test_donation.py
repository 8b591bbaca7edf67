"""What a call overwrites gives its memory to the program; whoever holds it notices nothing."""

from __future__ import annotations

import gc
import random
import signal
import sys
from collections.abc import Iterator, ValuesView
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import statejit as sj
import statejit.math as bm

BIG = 3000


class Model(sj.Base):
    """Holds arrays in attributes, a list, a dict and a mutable cell."""

    def __init__(self) -> None:
        self.w = jnp.zeros(BIG)
        self.items = [jnp.zeros(BIG), jnp.ones(BIG)]
        self.named = {"a": jnp.zeros(BIG)}
        self.cell = bm.Variable(bm.zeros(BIG))
        self.calls = 0

    def step(self, x):
        self.w = self.w + x
        self.items[0] = self.items[0] + x
        self.named["a"] = self.named["a"] + x
        self.cell += x
        self.calls += 1
        return self.w[0], [self.calls]

    def arrays(self):
        return [self.w, self.items[0], self.named["a"], self.cell.value]


step = sj.jit(Model.step)


def pointers(arrays):
    return [array.unsafe_buffer_pointer() for array in arrays]


def test_the_memory_of_what_is_overwritten_is_reused_from_the_first_call_on():
    model = Model()
    before = pointers(model.arrays())
    for _ in range(3):
        step(model, 1.0)
    assert pointers(model.arrays()) == before
    assert all(array[0] == 3 for array in model.arrays())


@pytest.mark.parametrize("hold", [list, lambda arrays: [np.asarray(a) for a in arrays]])
def test_an_array_that_somebody_holds_stays_valid(hold):
    model = Model()
    kept = []
    for i in range(4):
        kept.append(hold(model.arrays()))
        step(model, 1.0)
        for k, held in enumerate(kept):
            assert all(np.all(np.asarray(array) == k) for array in held), i
    assert all(array[0] == 4 for array in model.arrays())


def test_memory_goes_to_the_next_value_of_the_same_place():
    """Not to that of another place of the same type, for which XLA would have to copy it first."""

    class Weights(sj.Base):
        def __init__(self):
            self.w = jnp.ones(BIG)

    model = Weights()
    optimizer = sj.Optimizer(optax.sgd(0.1, momentum=0.9), model)

    @sj.jit
    def train():
        optimizer.update(model, sj.grad(lambda: (model.w**2).sum(), grad_vars=model)())

    def arrays():
        return [model.w, *jax.tree.leaves(optimizer.state)]

    before = pointers(arrays())
    assert len(set(before)) == 2
    for _ in range(2):
        train()
        assert pointers(arrays()) == before


def test_a_view_and_an_alias_between_slots_stay_valid():
    model = Model()
    step(model, 1.0)
    view, model.other = model.cell[:3], model.w
    step(model, 1.0)
    np.testing.assert_array_equal(model.other, np.ones(BIG))
    np.testing.assert_array_equal(view, 2 * np.ones(3))
    model.other = model.items[1] = model.w  # now both are written, or read
    step(model, 1.0)
    np.testing.assert_array_equal(model.items[1], 2 * np.ones(BIG))
    np.testing.assert_array_equal(model.w, 3 * np.ones(BIG))


def test_what_is_kept_or_returned_as_it_was_is_not_given_away():
    @sj.jit
    def roll(model, x):
        old = model.w
        model.items[0], model.w = model.w, model.w + x
        return old

    model = Model()
    for i in range(3):
        old = roll(model, 1.0)
        assert old is model.items[0]
        np.testing.assert_array_equal(old, np.full(BIG, i))


def test_an_argument_that_lies_in_a_slot_too_stays_valid():
    @sj.jit
    def add(model, y):
        model.w = model.w + y

    model = Model()
    model.w = model.w + 1
    mine = model.w
    add(model, mine)
    add(model, model.w)
    np.testing.assert_array_equal(mine, np.ones(BIG))
    np.testing.assert_array_equal(model.w, np.full(BIG, 4.0))


def test_one_result_in_two_places_reuses_one_of_them():
    @sj.jit
    def tie(model, x):
        model.w = model.items[0] = model.w + model.items[0] + x

    model = Model()
    for _ in range(3):
        tie(model, 1.0)
        assert model.w is model.items[0]
    np.testing.assert_array_equal(model.w, np.full(BIG, 7.0))


class Moments(NamedTuple):
    count: jax.Array
    mu: dict


class Nested(sj.Base):
    """Replaces a tuple of tuples and dicts at each step, as an optimizer does with its state."""

    def __init__(self) -> None:
        self.state = (Moments(jnp.zeros(BIG), {"w": {"0": jnp.zeros(BIG)}}), ())

    def step(self, x):
        (count, mu), rest = self.state
        self.state = (Moments(count + 1, {"w": {"0": mu["w"]["0"] + x}}), rest)

    def arrays(self):
        return [self.state[0].count, self.state[0].mu["w"]["0"]]


nested_step = sj.jit(Nested.step)


def test_the_memory_of_what_lies_in_containers_that_are_replaced_is_reused():
    model = Nested()
    before = pointers(model.arrays())
    for _ in range(3):
        nested_step(model, 1.0)
    assert pointers(model.arrays()) == before
    assert all(array[0] == 3 for array in model.arrays())


@pytest.mark.parametrize(
    "hold",
    [
        lambda model: model.state,
        lambda model: model.state[0],
        lambda model: model.state[0].mu,
        lambda model: model.state[0].mu["w"],
        lambda model: model.state[0].mu["w"].values(),
        lambda model: iter(model.state),
        lambda model: model.arrays(),
        lambda model: sj.collections(model),
        lambda model: setattr(model, "other", model.state[0].mu) or model.other,
    ],
)
def test_a_container_that_somebody_holds_keeps_its_arrays(hold):
    model = Nested()
    for i in range(3):
        held = hold(model)
        nested_step(model, 1.0)
        found = list(held) if isinstance(held, Iterator) else [held]
        for array in jax.tree.leaves([list(x) if isinstance(x, ValuesView) else x for x in found]):
            np.testing.assert_array_equal(array, np.full(BIG, i))
        assert all(array[0] == i + 1 for array in model.arrays())


@pytest.mark.parametrize("keep", ["result", "attribute", "part", "inside"])
def test_a_replaced_container_that_is_kept_is_not_given_away(keep):
    @sj.jit
    def roll(model, x):
        old = model.state
        model.step(x)
        if keep == "attribute":
            model.old = old
        if keep == "part":
            model.old = {"mu": old[0].mu}
        if keep == "inside":
            model.state = (model.state[0], old)
        return old if keep == "result" else None

    model, eager = Nested(), Nested()
    for _ in range(3):
        result, expected = roll(model, 1.0), roll.fun(eager, 1.0)
        for a, b in zip(
            jax.tree.leaves((result, sj.collections(model))),
            jax.tree.leaves((expected, sj.collections(eager))),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)


def test_an_optimizer_gives_its_moments_away():
    class Point(sj.Base):
        def __init__(self):
            self.w = jnp.ones(BIG)

    point = Point()
    opt = sj.Optimizer(optax.adam(0.1), point)

    @sj.jit
    def update():
        opt.update(point, sj.grad(lambda: jnp.sum(point.w**2), grad_vars=point)())

    update()
    before = {*pointers(jax.tree.leaves((point.w, opt.state)))}
    update()
    assert {*pointers(jax.tree.leaves((point.w, opt.state)))} == before


def test_keys_and_weakly_typed_arrays_are_given_away_without_a_warning():
    @sj.jit
    def draw(model):
        model.key, key = jax.random.split(model.key)
        model.weak = model.weak * 2
        return jax.random.uniform(key)

    model, eager = Model(), Model()
    for m in (model, eager):
        m.key, m.weak = jax.random.key(0), jnp.asarray(1.0)
    for _ in range(3):
        assert draw(model) == draw.fun(eager)
    assert jnp.array_equal(jax.random.key_data(model.key), jax.random.key_data(eager.key))
    assert model.weak == 8


def test_state_survives_a_program_that_fails_while_it_runs():
    def check(x):
        if x > 1:
            raise ValueError("too large")
        return x

    @sj.jit
    def checked(model):
        model.w = model.w + jax.pure_callback(
            check, jax.ShapeDtypeStruct((), "float32"), model.w[0]
        )
        model.w = model.w + 1

    model = Model()
    checked(model)
    assert not checked.plans[0].donated
    model.w = model.w + 5
    kept = model.w
    with pytest.raises(Exception, match="too large"):
        jax.block_until_ready((checked(model), model.w))
    np.testing.assert_array_equal(kept, np.full(BIG, 6.0))


@pytest.mark.parametrize("early", [False, True])
def test_state_survives_the_hunt_for_nan(early):
    @sj.jit
    def divide(model, x):
        model.w = model.w / x

    model = Model()
    divide.clear_cache()
    if not early:
        divide(model, 1.0)
    with jax.debug_nans(True):
        divide(model, 1.0)
        with pytest.raises(FloatingPointError):
            divide(model, 0.0)
        np.testing.assert_array_equal(model.w, np.zeros(BIG))
        divide(model, 2.0)
    divide(model, 2.0)
    np.testing.assert_array_equal(model.w, np.zeros(BIG))
    assert bool(divide.plans[0].donated) is not early


class Alarm(Exception):
    """Is raised by the signal handler of a test."""


def add_one(model):
    model.w = model.w + 1


@pytest.mark.parametrize(
    ("make", "fun"),
    [
        (Model, add_one),
        (Model, lambda model: model.step(1.0)),
        (Nested, lambda model: model.step(1.0)),
    ],
)
def test_an_interrupt_at_any_point_loses_no_state(make, fun):
    def ring(*_):
        raise Alarm

    model, jitted, rung = make(), sj.jit(fun), 0
    jitted(model)
    draw = random.Random(0)
    before = signal.signal(signal.SIGALRM, ring)
    try:
        for _ in range(600):
            try:
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-6, 1.5e-4))
                for _ in range(20):
                    jitted(model)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Alarm:
                rung += 1
            assert not any(array.is_deleted() for array in model.arrays())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert rung > 100
    if fun is not add_one:
        assert len({int(array[0]) for array in model.arrays()}) == 1


class Layer(sj.Base):
    def __init__(self):
        self.w, self.n = jnp.zeros(2), 0


class Net(sj.Base):
    def __init__(self):
        self.layers, self.table = [Layer(), Layer()], {"a": jnp.ones(2)}

    def step(self, x):
        for layer in self.layers:
            layer.w = layer.w + x
            layer.n += 1
        self.table["a"] = self.table["a"] * x
        return (self.layers[0].w * self.layers[1].w).sum()


def repeated(net, x):
    sj.while_loop(lambda i: i < 2, lambda i: (net.step(x), i + 1)[1], 0)


TRACED = {
    "for_loop": lambda net, x: sj.for_loop(net.step, jnp.stack([x, x])),
    "while_loop": repeated,
    "cond": lambda net, x: sj.cond(x[0] > 0, net.step, jnp.sum, x),
    "vmap": lambda net, x: sj.vmap(lambda y: y * net.layers[0].w)(jnp.stack([x, x])),
    "grad": lambda net, x: sj.grad(net.step, grad_vars=net)(x),
    "jvp": lambda net, x: sj.jvp(net.step, (x,), (x,)),
    "checkpoint": lambda net, x: sj.checkpoint(net.step)(x),
    "eval_shape": lambda net, x: sj.eval_shape(net.step, x),
}


@pytest.mark.parametrize("wrap", [lambda f: f, sj.jit], ids=["alone", "in jit"])
@pytest.mark.parametrize("name", TRACED)
def test_a_trace_leaves_nothing_that_only_a_collection_of_garbage_would_let_go(name, wrap):
    net, x, fun = Net(), jnp.ones(2), wrap(TRACED[name])
    held = [net, net.layers, net.layers[0], net.table]
    gc.collect()
    gc.disable()
    try:
        before = [sys.getrefcount(value) for value in held]
        fun(net, x)
        assert [sys.getrefcount(value) for value in held] == before
    finally:
        gc.enable()
