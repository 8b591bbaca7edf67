"""An array that is passed as an argument is the same object inside as it is outside."""

from __future__ import annotations

import jax.numpy as jnp

import statejit as sj


class Node(sj.Base):
    """Holds two arrays."""

    def __init__(self) -> None:
        self.w, self.v = jnp.ones(2), jnp.ones(2)

    def keeps(self, x):
        self.w = x
        return self.w is self.v

    def asks(self, x):
        return x is self.v, x


def test_an_argument_is_told_to_be_what_an_attribute_holds():
    for method in (Node.keeps, Node.asks):
        eager, node, jitted, x = Node(), Node(), sj.jit(method), jnp.ones(2)
        for change in (lambda n: None, lambda n: setattr(n, "v", x), lambda n: n.__init__()):
            change(eager)
            change(node)
            assert str(jitted(node, x)) == str(method(eager, x))
            assert (node.w is x, node.v is x) == (eager.w is x, eager.v is x)


def test_the_same_array_twice_among_the_arguments_is_one_object():
    same = sj.jit(lambda a, b: (a is b["c"], a + b["c"]))
    x, y = jnp.ones(2), jnp.ones(2)
    assert [same(x, {"c": c})[0] for c in (x, y, x)] == [True, False, True]
    assert len(same.plans) == 2


def test_derivatives_tell_the_same_array_apart_by_position():
    x = jnp.full((), 3.0)
    assert sj.grad(lambda a, b: a * a * b)(x, x) == 18
    assert sj.grad(lambda a, b: a * a * b, argnums=(0, 1))(x, x) == (18, 9)
    assert sj.jit(sj.grad(lambda a, b: a * a * b))(x, x) == 18
