"""Functions with derivative rules of their own: theirs is taken, and state is as ever."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from observing import Observer, difference
from stateful import Box, Runs

import statejit as sj
import statejit.numpy as snp

X = jnp.asarray([0.5, -1.5, 2.0])


class Neuron(sj.Base):
    """Spikes, with a surrogate of the derivative; counts its calls and spikes."""

    def __init__(self) -> None:
        self.v, self.alpha = jnp.zeros(3), jnp.asarray(2.0)
        self.calls, self.total = 0, jnp.zeros(3)
        self.fire = sj.custom_vjp(self.spike)
        self.fire.defvjp(self.forward, self.backward)

    def spike(self, v: Any) -> Any:
        self.calls += 1
        z = (v > 0) * 1.0
        self.total = self.total + z
        return z

    def forward(self, v: Any) -> Any:
        return self.spike(v), v

    def backward(self, v: Any, cotangent: Any) -> Any:
        return (cotangent / (1 + self.alpha * jnp.abs(v)) ** 2,)

    def step(self, current: Any) -> Any:
        self.v = 0.9 * self.v + current
        z = self.fire(self.v - 1.0)
        self.v = self.v - z
        return z


@jax.custom_vjp
def by_hand(v: Any, alpha: Any) -> Any:
    return (v > 0) * 1.0


by_hand.defvjp(
    lambda v, alpha: (by_hand(v, alpha), (v, alpha)),
    lambda kept, ct: (ct / (1 + kept[1] * jnp.abs(kept[0])) ** 2, None),
)


def loop_by_hand(currents: Any, alpha: Any) -> Any:
    def step(v: Any, current: Any) -> Any:
        v = 0.9 * v + current
        z = by_hand(v - 1.0, alpha)
        return v - z, z

    return jax.lax.scan(step, jnp.zeros(3), currents)[1]


CURRENTS = jnp.linspace(-0.5, 2.0, 12).reshape(4, 3)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda f: f,
        sj.jit,
        lambda f: sj.jit(sj.checkpoint(f)),
        lambda f: lambda x: sj.cond(x.sum() > 0, f, lambda x: 0.0, x),
        lambda f: lambda x: sj.vmap(f, axis_size=1, in_axes=None)(x).sum(),
    ],
    ids=["alone", "jit", "checkpoint", "cond", "vmap"],
)
def test_a_surrogate_gradient_goes_through_a_loop(wrap: Any) -> None:
    neuron = Neuron()
    gradient = sj.jit(sj.grad(wrap(lambda x: (sj.for_loop(neuron.step, x) * x).sum())))
    for alpha in (2.0, 5.0):
        neuron.alpha, neuron.v = jnp.asarray(alpha), jnp.zeros(3)
        neuron.calls, neuron.total = 0, jnp.zeros(3)
        found = gradient(CURRENTS)
        expected = jax.grad(lambda x, a: (loop_by_hand(x, a) * x).sum())(CURRENTS, alpha)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert neuron.calls == 4
        np.testing.assert_array_equal(neuron.total, loop_by_hand(CURRENTS, alpha).sum(0))


def test_what_it_does_is_what_the_function_does() -> None:
    pictures = []
    for name in ("fire", "spike"):
        neuron = Neuron()
        del neuron.__dict__["fire"]
        run = sj.custom_vjp(neuron.spike)
        run.defvjp(neuron.forward, neuron.backward)
        ys = [(run if name == "fire" else neuron.spike)(X + i) for i in range(3)]
        pictures.append(Observer().picture((neuron, ys)))
    assert difference(*pictures) is None


def test_the_function_and_its_rule_run_once() -> None:
    runs, box = (Runs(), Runs(), Runs()), Box(n=jnp.zeros(()))

    def fun(x: Any, add: bool) -> Any:
        runs[0]()
        box.n = box.n + 1
        return x

    def forward(x: Any, add: bool) -> Any:
        runs[1]()
        box.n = box.n + 1
        return x, None

    def backward(add: bool, kept: Any, ct: Any) -> Any:
        runs[2]()
        return (ct * 7.0 + add,)

    ruled = sj.custom_vjp(fun, nondiff_argnums=1)
    ruled.defvjp(forward, backward)
    loss = sj.jit(sj.grad(lambda x: sj.for_loop(lambda u: ruled(u, add=True), x).sum()))
    for _ in range(3):  # the result is the argument itself, and has the rule's derivative
        np.testing.assert_array_equal(loss(X), [8.0, 8.0, 8.0])
    assert [counter.n for counter in runs] == [1, 1, 1] and box.n == 9


def test_trees_mutable_arrays_integers_and_what_is_captured() -> None:
    box = Box(scale=2.0)

    def outer(x: Any, w: Any) -> Any:
        shift = x * 1.0  # of the enclosing trace
        captured = jax.lax.stop_gradient(shift.sum())

        def fun(tree: Any, k: Any, b: Any) -> Any:
            return {"y": tree["a"] * k + captured, "k": k, "b": snp.asarray(b) * box.scale}

        ruled = sj.custom_vjp(fun)

        def forward(tree: Any, k: Any, b: Any) -> Any:
            return fun(tree, k, b), (tree["a"], b, captured)

        def backward(kept: Any, ct: Any) -> Any:
            a, b, c = kept
            assert isinstance(b, sj.Array) and ct["k"].dtype == jax.dtypes.float0
            return {"a": ct["y"] * 3.0 + a, "z": None}, None, ct["b"] * box.scale + c

        ruled.defvjp(forward, backward)
        found = ruled({"a": x, "z": x}, 4, snp.array(w))
        return found["y"].sum() + (found["b"] * 1.0).sum().value

    for run in (outer, sj.jit(outer)):
        value, (dx, dw) = sj.value_and_grad(run, argnums=(0, 1))(X, X + 1)
        np.testing.assert_allclose(value, (4 * X + 1.0).sum() + 2 * (X + 1).sum(), rtol=1e-6)
        np.testing.assert_allclose(dx, 3.0 + X)
        np.testing.assert_allclose(dw, jnp.full(3, 1.0 * 2.0 + X.sum()), rtol=1e-6)


def test_what_the_rule_does_not_tell_is_refused() -> None:
    box = Box(w=jnp.ones(3), log=[1.0], a=snp.ones(3), n=0)

    def ruled(fun: Any, forward: Any = None, backward: Any = None) -> Any:
        made = sj.custom_vjp(fun)
        made.defvjp(forward or (lambda x: (fun(x), x)), backward or (lambda x, ct: (ct,)))
        return made

    def refused(run: Any, error: type[Exception], text: str, *args: Any) -> None:
        before = Observer().picture(box)
        with pytest.raises(error, match=text):
            run(*args)
        assert difference(before, Observer().picture(box)) is None

    scaled = ruled(lambda x: x * box.w)
    by_state = sj.grad(lambda: scaled(X).sum(), grad_vars=[box.w])
    refused(by_state, sj.errors.SlotNotFoundError, r"by .*box\.w was asked for")
    np.testing.assert_array_equal(sj.grad(lambda x: scaled(x).sum())(X), jnp.ones(3))

    def write(x: Any, ct: Any) -> Any:
        box.n += 1
        return (ct,)

    refused(ruled(lambda x: x, None, write), sj.errors.RawTransformError, "backward rule of", X)

    def append(xs: Any) -> Any:
        xs.append(1.0)
        return xs[0]

    grown = ruled(append, lambda xs: (append(xs), None))
    refused(lambda: grown([X]), sj.errors.RawTransformError, "a list or dict that was given")

    def change(a: Any) -> Any:
        a += 1.0
        return a * 1.0

    changed = ruled(change, lambda a: (change(a), None))
    refused(lambda: changed(box.a), sj.errors.RawTransformError, "a mutable array that was given")
    refused(sj.custom_vjp(change), AttributeError, "No VJP defined", X)
    refused(ruled(lambda x: x, lambda x: x), TypeError, "must return a pair", X)
    refused(ruled(lambda x: x, lambda x: ([x], x)), TypeError, "must return what the function", X)
    refused(ruled(lambda x: x, None, lambda x, ct: ct), TypeError, "must return a tuple", X)
    refused(ruled(lambda x: x, None, lambda x, ct: ((ct, ct),)), TypeError, "no array", X)
    fixed = sj.custom_vjp(lambda x, y: x, nondiff_argnums=(1,))
    fixed.defvjp(lambda x, y: (x, None), lambda y, kept, ct: (ct,))
    refused(fixed, TypeError, "is an array", X, X)


# Rules of forward mode ----------------------------------------------------------------------------


class Saturating(sj.Base):
    """Is a logarithm whose derivative is bounded; counts its calls."""

    def __init__(self) -> None:
        self.calls, self.total, self.scale = 0, jnp.zeros(()), jnp.asarray(2.0, jnp.float32)
        self.log = sj.custom_jvp(self.plain)
        self.log.defjvp(self.rule)

    def plain(self, x: Any) -> Any:
        self.calls += 1
        self.total = self.total + x.sum()
        return jnp.log(x) * self.scale

    def rule(self, primals: Any, tangents: Any) -> Any:
        (x,), (dx,) = primals, tangents
        return self.plain(x), dx * self.scale / jnp.maximum(x, 0.5)


@jax.custom_jvp
def log_by_hand(x: Any) -> Any:
    return jnp.log(x) * 2.0


@log_by_hand.defjvp
def _(primals: Any, tangents: Any) -> Any:
    return log_by_hand(*primals), tangents[0] * 2.0 / jnp.maximum(primals[0], 0.5)


POSITIVE = jnp.asarray([0.25, 1.0, 4.0])
OF_JAX: dict[str, tuple[Any, Any]] = {
    "call": (lambda f: f, lambda f: f),
    "grad": (lambda f: sj.grad(lambda x: f(x).sum()), lambda f: jax.grad(lambda x: f(x).sum())),
    "jvp": (lambda f: lambda x: sj.jvp(f, (x,), (x,)), lambda f: lambda x: jax.jvp(f, (x,), (x,))),
    "jacfwd": (sj.jacfwd, jax.jacfwd),
    "hessian": (
        lambda f: sj.hessian(lambda x: f(x).sum()),
        lambda f: jax.hessian(lambda x: f(x).sum()),
    ),
    "loop": (
        lambda f: sj.grad(lambda x: sj.for_loop(f, x).sum()),
        lambda f: jax.grad(lambda x: f(x).sum()),
    ),
    "cond": (
        lambda f: sj.grad(lambda x: sj.cond(x.sum() > 0, f, lambda x: x, x).sum()),
        lambda f: jax.grad(lambda x: f(x).sum()),
    ),
}


@pytest.mark.parametrize("name", OF_JAX)
def test_a_rule_of_forward_mode_is_that_of_jax(name: str) -> None:
    ours, theirs = OF_JAX[name]
    model = Saturating()
    run = sj.jit(lambda x: ours(model.log)(x))
    for calls in (1, 2):
        for found, wanted in zip(
            jax.tree.leaves(run(POSITIVE)),
            jax.tree.leaves(theirs(log_by_hand)(POSITIVE)),
            strict=True,
        ):
            np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)
        assert model.calls == calls * (3 if name == "loop" else 1)
    np.testing.assert_allclose(model.total, 2 * POSITIVE.sum())


def test_a_rule_of_forward_mode_for_trees_integers_and_mutable_arrays() -> None:
    runs, box = (Runs(), Runs()), Box(n=0, seen=jnp.zeros(3))

    def fun(name: str, tree: Any, k: Any, b: Any) -> Any:
        runs[0]()
        box.n += 1
        box.seen = tree["a"] * 1.0
        return {"y": tree["a"] * k, "k": k, "b": snp.asarray(b) * 2.0}

    def rule(name: str, primals: Any, tangents: Any) -> Any:
        runs[1]()
        box.n += 1
        (tree, k, b), (dtree, dk, db) = primals, tangents
        box.seen = tree["a"] * 1.0
        assert name == "x" and dk.dtype == jax.dtypes.float0 and isinstance(db, sj.Array)
        result = {"y": tree["a"] * k, "k": k, "b": snp.asarray(b) * 2.0}
        return result, {"y": dtree["a"] * 3.0 + dtree["z"], "k": dk, "b": db * 5.0}

    ruled = sj.custom_jvp(fun, nondiff_argnums=0)
    ruled.defjvp(rule)

    @sj.jit
    def loss(x: Any, w: Any) -> Any:
        found = ruled("x", {"a": x, "z": x}, 4, snp.array(w))
        return found["y"].sum() + (found["b"] * 1.0).sum().value + (box.seen * 9.0).sum()

    dx, dw = sj.grad(loss, argnums=(0, 1))(X, X + 1)
    np.testing.assert_array_equal((dx, dw), (jnp.full(3, 4.0), jnp.full(3, 5.0)))
    assert [counter.n for counter in runs] == [1, 1] and box.n == 1
    np.testing.assert_array_equal(box.seen, X)


@pytest.mark.parametrize("kind", ["jvp", "vjp"])
def test_a_rule_that_calls_its_own_function(kind: str) -> None:
    """As JAX's documentation writes it; the function has no rule there."""
    model = Saturating()
    if kind == "jvp":
        log = sj.custom_jvp(model.plain)
        log.defjvp(lambda p, t: (log(*p), t[0] * 2.0 / jnp.maximum(p[0], 0.5)))
    else:
        log = sj.custom_vjp(model.plain)
        log.defvjp(lambda x: (log(x), x), lambda x, ct: (ct * 2.0 / jnp.maximum(x, 0.5),))
    wanted = jax.grad(lambda x: log_by_hand(x).sum())(POSITIVE)
    np.testing.assert_array_equal(sj.grad(lambda x: log(x).sum())(POSITIVE), wanted)
    assert model.calls == 1
    if kind == "jvp":
        with pytest.raises(sj.errors.RawTransformError, match="second derivative"):
            sj.hessian(lambda x: log(x).sum())(POSITIVE)


def test_what_a_rule_of_forward_mode_does_not_tell_is_refused() -> None:
    model = Saturating()
    by_state = sj.grad(lambda: model.log(POSITIVE).sum(), grad_vars=[model.scale])
    with pytest.raises(sj.errors.SlotNotFoundError, match=r"by .*scale was asked for.*custom_jvp"):
        by_state()
    plain = sj.custom_jvp(model.plain)
    with pytest.raises(AttributeError, match="No JVP defined"):
        plain(POSITIVE)
    plain.defjvp(lambda p, t: p[0])
    with pytest.raises(TypeError, match="must return a pair"):
        plain(POSITIVE)
    plain.defjvp(lambda p, t: (p[0], [t[0]]))
    with pytest.raises(TypeError, match="tangent of another structure"):
        plain(POSITIVE)
    assert model.calls == 0
