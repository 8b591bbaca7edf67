"""Large and deep models: what is traced without recursion, and at what counted cost."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

import statejit as sj

LAYERS = 1000


class Layer(sj.Base):
    def __init__(self) -> None:
        self.w = jnp.ones(2)
        self.below: Any = None

    def __call__(self, x: Any) -> Any:
        return x + self.w


class Stack(sj.Base):
    """Holds layers side by side."""

    def __init__(self, n: int) -> None:
        self.layers = [Layer() for _ in range(n)]
        self.calls = 0

    def loss(self, x: Any) -> Any:
        self.calls += 1
        for layer in self.layers:
            x = layer(x)
        return x.sum()


def chain(n: int) -> Layer:
    """Returns layers each of which holds the next."""
    top = Layer()
    for _ in range(n - 1):
        above = Layer()
        above.below, top = top, above
    return top


def test_a_model_of_a_thousand_layers_is_traced_with_its_gradient() -> None:
    stack = Stack(LAYERS)
    step = sj.value_and_grad(stack.loss, grad_vars=stack)
    value, grads = sj.eval_shape(step, jnp.ones(2))
    assert value.shape == () and len(grads["layers"]) == LAYERS
    assert stack.calls == 0


def test_a_chain_of_a_thousand_objects_is_traced() -> None:
    top = chain(LAYERS)

    def total(x: Any) -> Any:
        layer = top
        while layer is not None:
            x, layer.w, layer = layer(x), layer.w * 2, layer.below
        return x

    assert sj.eval_shape(total, jnp.ones(2)).shape == (2,)
    assert top.w.tolist() == [1, 1]


def test_a_call_walks_a_deep_chain_without_recursion() -> None:
    top = chain(LAYERS)

    def bottom(x: Any) -> Any:
        layer = top
        while layer.below is not None:
            layer = layer.below
        layer.w = layer.w * x
        return layer.w

    step = sj.jit(bottom)
    assert step(2.0).tolist() == [2, 2]
    assert step(2.0).tolist() == [4, 4]
    assert len(step.plans) == 1
