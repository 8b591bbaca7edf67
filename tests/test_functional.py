"""`functionalize` and `discover` within transformed functions, and gradients by path there."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.optimize
import numpy as np
import pytest
from jax.experimental.ode import odeint

import statejit as sj
import statejit.numpy as bm

X = jnp.array([1.0, 3.0])
W = np.array([1.0, 2.0], np.float32)


class Mixed(sj.Base):
    """Has arrays in lists, dicts and tuples, tied ones, a view, numbers and arrays of NumPy."""

    def __init__(self) -> None:
        w = jnp.asarray(W)
        self.tied, self.ws = w, [w, {"a": jnp.array([3.0, 4.0]), "b": (jnp.array([5.0, 6.0]), w)}]
        self.cell = bm.array([1.0, 2.0, 3.0])
        self.cells = [self.cell, self.cell[1:]]
        self.seen, self.calls, self.table = [jnp.zeros(())], 0, [np.zeros(2, np.float32)]

    def loss(self, x: Any) -> Any:
        self.seen[0] = self.seen[0] + x.sum()
        self.calls += 1
        self.table[0] += 1
        self.cells[1][0] += x[0]
        tied, (a, rest) = self.tied, self.ws
        once = (tied * x).sum() + 2 * (rest["a"] * x).sum() * (a * x).sum()
        return once + (rest["b"][0] * rest["b"][1]).sum() + (self.cell * self.cell).sum()


def by_hand(w: Any, a: Any, b: Any, cell: Any, x: Any) -> Any:
    once = (w * x).sum() + 2 * (a * x).sum() * (w * x).sum()
    return once + (b * w).sum() + (cell * cell).sum()


def arrays_by_hand(x: Any, steps: int = 1) -> tuple[Any, ...]:
    cell = jnp.array([1.0, 2.0, 3.0]).at[1].add(steps * x[0])
    return jnp.asarray(W), jnp.array([3.0, 4.0]), jnp.array([5.0, 6.0]), cell


def expected_after(x: Any, steps: int = 1) -> dict[str, Any]:
    w, a, b, cell = arrays_by_hand(x, steps)
    return {
        "params": {"tied": w, "ws": {"1": {"a": a, "b": {"0": b}}}},
        "state": {
            "seen": {"0": jnp.asarray(steps * x.sum())},
            "calls": steps,
            "table": {"0": np.full(2, steps, np.float32)},
            "cells": {"0": cell},
        },
    }


def in_loop(f: Any) -> Any:
    return jax.tree.map(lambda y: y[0], sj.for_loop(lambda i: f(), jnp.arange(1)))


def in_vmap(f: Any) -> Any:
    return jax.tree.map(lambda y: y[0], sj.vmap(lambda i: f())(jnp.arange(1)))


PLACES = {
    "nowhere": lambda f: f(),
    "jit": lambda f: sj.jit(f)(),
    "for_loop": in_loop,
    "cond": lambda f: sj.cond(jnp.array(True), f, f),
    "vmap": in_vmap,
    "checkpoint": lambda f: sj.checkpoint(f)(),
    "grad": lambda f: sj.grad(lambda z: (z, f()), has_aux=True)(1.0)[1],
    "jit of jit": lambda f: sj.jit(lambda: sj.jit(f)())(),
}
within = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)


def close(left: Any, right: Any) -> None:
    assert jax.tree.structure(left) == jax.tree.structure(right)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), left, right)


@within
def test_functionalize_within_is_pure(place: Any) -> None:
    m = Mixed()

    def run() -> Any:
        apply, variables = sj.functionalize(m.loss, X)
        return apply(variables, X)

    out, after = place(run)
    np.testing.assert_allclose(out, by_hand(*arrays_by_hand(X), X), rtol=1e-6)
    close(after, expected_after(X))
    assert m.calls == 0 and m.seen[0] == 0 and m.table[0].tolist() == [0, 0]
    assert m.cell.tolist() == [1, 2, 3] and not any(map(is_tracer, jax.tree.leaves(vars(m))))


def is_tracer(leaf: Any) -> bool:
    return isinstance(leaf, jax.core.Tracer)


def test_functionalize_within_sees_what_was_written_there() -> None:
    m = Mixed()

    @sj.jit
    def run() -> Any:
        m.loss(X)
        apply, variables = sj.functionalize(m.loss, X)
        m.loss(X)  # makes no difference to `variables`
        return apply(variables, X)

    out, after = run()
    np.testing.assert_allclose(out, by_hand(*arrays_by_hand(X, 2), X), rtol=1e-6)
    close(after, expected_after(X, 2))
    assert m.calls == 2


def test_what_a_discovery_within_has_found_is_of_that_trace() -> None:
    m = Mixed()

    @sj.jit
    def run() -> Any:
        m.loss(X)
        return sj.collections(sj.discover(m.loss, X))

    for steps in (1, 2):
        close(run(), expected_after(X, steps))


def test_variables_of_another_type_within_a_gradient() -> None:
    m = Mixed()
    apply, variables = sj.functionalize(sj.grad(m.loss, grad_vars=m), X)
    params = jax.tree.map(lambda w: w.astype(jnp.bfloat16), variables["params"])
    for call in (apply, sj.jit(apply)):
        grads, _ = call({**variables, "params": params}, X)
        assert {g.dtype for g in jax.tree.leaves(grads)} == {jnp.dtype(jnp.bfloat16)}


def test_one_array_given_for_two_parameters_does_not_tie_them() -> None:
    class Two(sj.Base):
        def __init__(self) -> None:
            self.left, self.right = [jnp.ones(2)], jnp.ones(2)

        def loss(self) -> Any:
            return (self.left[0] * self.right).sum() + self.right.sum()

    m = Two()
    apply, variables = sj.functionalize(sj.grad(m.loss, grad_vars=m))
    given = jax.tree.map(lambda w: X, variables)
    close(apply(given)[0], {"left": {"0": X}, "right": X + 1})


def test_one_of_two_tied_attributes_may_be_written() -> None:
    class Tied(sj.Base):
        def __init__(self) -> None:
            self.w = self.v = jnp.ones(2)

        def loss(self, x: Any) -> Any:
            self.w = self.w * x
            return (self.v * self.w).sum()

    apply, variables = sj.functionalize(Tied().loss, X)
    variables["state"]["w"], variables["params"]["v"] = X, 10 * X
    out, after = apply(variables, X)
    assert out == (10 * X * X * X).sum()
    close(after, {"state": {"w": X * X}, "params": {"v": 10 * X}})


class Pendulum(sj.Base):
    """Swings, and counts how often it was asked how."""

    def __init__(self) -> None:
        self.k, self.asked, self.last = [jnp.array(2.0)], jnp.zeros(()), jnp.zeros(2)

    def field(self, y: Any, t: Any) -> Any:
        self.asked, self.last = self.asked + 1, y
        return jnp.stack([y[1], -self.k[0] * y[0]])

    def height(self) -> Any:
        self.asked += 1
        return (self.k[0] - 1) ** 2 + (self.last**2).sum()


def test_solvers_take_a_functionalized_function() -> None:
    y, times = jnp.array([1.0, 0.0]), jnp.linspace(0.0, 1.0, 3)
    m = Pendulum()

    @sj.jit
    def swing() -> Any:
        apply, variables = sj.functionalize(m.field, y, 0.0)
        return odeint(lambda y, t, v: apply(v, y, t)[0], y, times, variables)

    expected = odeint(lambda y, t: jnp.stack([y[1], -2 * y[0]]), y, times)
    np.testing.assert_allclose(swing(), expected, rtol=1e-6)

    @sj.jit
    def lowest() -> Any:
        apply, variables = sj.functionalize(m.height)

        def height(k: Any) -> Any:
            params = {**variables["params"], "k": {"0": k[0]}}
            return apply({**variables, "params": params})[0]

        start = jnp.atleast_1d(variables["params"]["k"]["0"])
        return jax.scipy.optimize.minimize(height, start, method="BFGS").x

    np.testing.assert_allclose(lowest(), [1.0], rtol=1e-5)
    assert m.asked == 0 and m.last.tolist() == [0, 0]


def test_an_array_that_is_appended_is_among_the_updated_variables() -> None:
    class Grows(sj.Base):
        def __init__(self) -> None:
            self.past = [jnp.zeros(())]

        def __call__(self, x: Any) -> None:
            self.past.append(self.past[-1] + x)

    apply, variables = sj.functionalize(Grows(), 1.0)
    assert list(apply(variables, 2.0)[1]["state"]["past"]) == ["0", "1"]


def expected_gradients() -> Any:
    w, a, b, cell = arrays_by_hand(X)
    of_w, of_a, of_b = jax.grad(by_hand, (0, 1, 2))(w, a, b, cell, X)
    return {"tied": of_w, "ws": {"1": {"a": of_a, "b": {"0": of_b}}}}


@within
def test_gradients_have_the_same_keys_everywhere(place: Any) -> None:
    m = Mixed()

    def run() -> Any:
        m.ws, m.tied  # noqa: B018, what has been read before makes no difference
        return sj.grad(m.loss, grad_vars=m)(X)

    close(place(run), expected_gradients())


@within
def test_gradients_through_functionalize(place: Any) -> None:
    m = Mixed()

    def loss() -> Any:
        apply, variables = sj.functionalize(m.loss, X)
        return apply(variables, X)[0]

    def run() -> Any:
        return sj.grad(loss, grad_vars=m)()

    close({"cell": None, **place(run)}["ws"], expected_gradients()["ws"])


def test_gradient_of_an_argument_that_is_state_too_is_of_the_argument_alone() -> None:
    m = Mixed()
    for argument in (lambda: m.tied, lambda: [m.tied], lambda: {"w": m.tied}, lambda: m.ws[:1]):

        def run(argument: Any = argument) -> Any:
            return sj.grad(lambda a: (jax.tree.leaves(a)[0] * m.tied).sum())(argument())

        for place in (PLACES["nowhere"], PLACES["jit"], PLACES["for_loop"]):
            np.testing.assert_array_equal(jax.tree.leaves(place(run))[0], W)


def test_what_jit_takes_plain_functionalize_takes_plain() -> None:
    model, x = sj.Base(), np.ones(2, np.float32)
    model.w = jnp.ones(2)

    def joined(x: Any) -> Any:  # `jax.lax` insists on arrays of its own or NumPy's
        return jax.lax.concatenate([model.w, x], 0) * (1 if x[0] > 0 else -1)

    apply, variables = sj.functionalize(joined, x)
    expected = np.asarray(sj.jit(joined)(x))
    np.testing.assert_array_equal(apply(variables, x)[0], expected)
    assert [path for leaf in sj.discover(joined, x).leaves for path in leaf[0].path[-1:]] == ["w"]
