"""A program is differentiated in pieces; what equal ones share shows in nothing."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import statejit as sj
from statejit._core.repeats import repeats

X = jnp.linspace(-1.0, 2.0, 6).reshape(2, 3)


def plain(w, x):
    return jnp.tanh(x @ w)


def by_rules(w, x):
    return jax.nn.relu(x @ w) + jax.nn.softmax(x)


def twice_the_same(w, x):
    h = x @ w
    return h * h + 2.0 * h - h / 3.0 + jnp.where(h > 0, h, 0.5)


def with_programs(w, x):
    h, _ = jax.lax.scan(lambda c, _: (jnp.sin(c @ w), None), x, None, 2)
    h = jax.lax.cond(h.sum() > 0, jnp.sin, jnp.cos, h)
    return jax.checkpoint(lambda h: jnp.tanh(h) * h)(h)


def with_parts(w, x):
    values, vectors = jnp.linalg.eigh(w @ w.T + jnp.diag(jnp.arange(3.0)))
    first, second = jnp.split(x @ vectors, [1], axis=1)
    return jnp.concatenate([second, first], axis=1) * values


class Net(sj.Base):
    def __init__(self, layer, n=4):
        self.ws = [jnp.eye(3) * (1 + 0.1 * i) for i in range(n)]
        self.layer, self.mean = layer, jnp.zeros(3)

    def loss(self, x):
        for w in self.ws:
            x = self.layer(w, x)
        self.mean = x.mean(0)
        return (x**2).mean()


def by_hand(layer, ws, x):
    for w in ws:
        x = layer(w, x)
    return (x**2).mean()


@pytest.mark.parametrize("layer", [plain, by_rules, twice_the_same, with_programs, with_parts])
def test_gradients_are_those_of_jax(layer):
    net = Net(layer)
    expected = jax.jit(jax.value_and_grad(by_hand, argnums=1), static_argnums=0)(layer, net.ws, X)
    value, grads = sj.jit(sj.value_and_grad(net.loss, grad_vars=net))(X)
    np.testing.assert_array_equal(value, expected[0])
    for i, grad in enumerate(expected[1]):
        np.testing.assert_allclose(grads["ws"][str(i)], grad, rtol=1e-6, atol=1e-7)


def with_skips(ws, x):
    before = x
    for w in ws:
        x, before = plain(w, x) + before, x
    return (x * before).sum()


def all_outputs(ws, x):
    found = []
    for w in ws:
        x = plain(w, x)
        found.append(x)
    return sum((y**i).sum() for i, y in enumerate(found[1:]))


def two_stages(ws, x):
    for w in ws:
        x = plain(w, x)
    wide = jnp.concatenate([x, x], 1)
    for w in ws:
        wide = jnp.sin(wide @ jnp.kron(jnp.eye(2), w)) / (1 + wide**2)
    return wide.sum()


def one_weight(ws, x):
    for _ in range(5):
        x = plain(ws[0], x) * jnp.max(x)
    return x.sum()


def some_of_it_whole_numbers(ws, x):
    counts = []
    for w in ws:
        x = plain(w, x)
        counts.append(jnp.argmax(x, 1))
    return x.sum() * sum(counts).sum()


def a_rule_in_each(ws, x):
    @jax.custom_vjp
    def clipped(x):
        return jnp.clip(x, -1, 1)

    clipped.defvjp(lambda x: (clipped(x), None), lambda _, ct: (ct * 0.5,))
    for w in ws:
        x = clipped(x @ w)
    return x.sum()


NETWORKS = [
    with_skips,
    all_outputs,
    two_stages,
    one_weight,
    some_of_it_whole_numbers,
    a_rule_in_each,
]


@pytest.mark.parametrize("network", NETWORKS)
def test_layers_that_are_equal_but_for_what_is_done_with_them(network):
    ws = [jnp.eye(3) * (1 + 0.1 * i) for i in range(6)]
    x = X.astype(jnp.float32)
    value, grads = sj.jit(sj.value_and_grad(network))(ws, x)
    expected, by_hand = jax.jit(jax.value_and_grad(network))(ws, x)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    for grad, hand in zip(grads, by_hand, strict=True):
        np.testing.assert_allclose(grad, hand, rtol=1e-5, atol=1e-6)


def test_gradients_by_some_of_the_layers():
    net = Net(plain, 6)
    some = {"even": net.ws[0], "odd": net.ws[3]}
    grads = sj.jit(sj.grad(net.loss, grad_vars=some))(X)
    expected = jax.grad(lambda ws: by_hand(plain, ws, X))(net.ws)
    np.testing.assert_allclose(grads["even"], expected[0], rtol=1e-5)
    np.testing.assert_allclose(grads["odd"], expected[3], rtol=1e-5)


def test_what_repeats_is_found():
    def cuts(text):
        return list(repeats(np.frombuffer(text.encode(), np.uint8).astype(np.int64), 0))

    assert cuts("abcabcabcabc") == [(0, 3, 4)]
    assert cuts("xabcabcabcy") == [(1, 3, 3)]
    assert cuts("ababababcdefcdefcdefg") == [(0, 2, 4), (8, 4, 3)]
    assert cuts("aabaabaabaab") == [(0, 3, 4)]  # not three times a short one, but all of it
    assert cuts("abcdefgh") == cuts("abab") == cuts("") == []


def test_derivatives_of_derivatives_and_lanes_of_them():
    net = Net(twice_the_same)

    def slope(x):
        return jnp.sum(sj.grad(net.loss)(x) ** 2)

    def slope_by_hand(x):
        return jnp.sum(jax.grad(by_hand, argnums=2)(twice_the_same, net.ws, x) ** 2)

    np.testing.assert_allclose(
        sj.jit(sj.grad(slope))(X), jax.jit(jax.grad(slope_by_hand))(X), rtol=1e-5
    )
    many = jnp.stack([X, X + 1])
    net.layer, net.mean = plain, jnp.zeros((2, 3))
    lanes = sj.jit(sj.vmap(sj.grad(net.loss), state_axes={"mean": 0}))(many)
    run = jax.jit(jax.vmap(jax.grad(by_hand, argnums=2), (None, None, 0)), static_argnums=0)
    expected = run(plain, net.ws, many)
    np.testing.assert_allclose(lanes, expected, rtol=1e-5, atol=1e-7)


def test_numbers_that_differ_in_the_last_digits_are_no_equal_ones():
    with jax.enable_x64(True):
        factors = [np.float64(1.123456789012 + i * 1e-11) for i in range(5)]
        signs = [np.float32(zero) for zero in (0.0, -0.0, 0.0, -0.0, 0.0, -0.0)]

        def product(x):
            for factor in factors:
                x = x * factor
            for sign in signs:
                x = x + jnp.copysign(0.25 * x, sign)
            return x

        assert sj.jit(sj.grad(product))(1.0) == jax.jit(jax.grad(product))(1.0)


def test_each_equation_keeps_its_scope():
    class Scoped(Net):
        def loss(self, x):
            for i, w in enumerate(self.ws):
                with jax.named_scope(f"layer{i}"):
                    x = plain(w, x)
            return (x**2).mean()

    net = Scoped(plain, 5)
    text = sj.jit(sj.grad(net.loss, grad_vars=net)).lower(X).as_text(debug_info=True)
    assert all(f"layer{i}" in text for i in range(5))


def test_what_a_layer_prints_it_prints_once(capfd):
    def talking(w, x):
        jax.debug.print("layer {}", x[0, 0] * 0)
        return plain(w, x)

    net = Net(talking)
    sj.jit(sj.grad(net.loss, grad_vars=net))(X)
    jax.effects_barrier()
    assert capfd.readouterr().out.count("layer") == 4
