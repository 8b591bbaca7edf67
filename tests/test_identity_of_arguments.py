"""What is the same object at two places outside is the same object inside, in each call anew."""

from __future__ import annotations

import jax.numpy as jnp
import pytest

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


class Shelf(sj.Base):
    """Holds arrays and objects at many places, each by itself at first."""

    def __init__(self) -> None:
        self.a, self.b, self.c = jnp.ones(2), jnp.ones(2), jnp.ones(2)
        self.pairs = [(jnp.ones(2), jnp.ones(2)), (jnp.ones(2), jnp.ones(2))]
        self.nodes = [Node(), Node(), Node()]

    def step(self, x):
        held = [self.a, self.b, self.c, *self.pairs[0], *self.pairs[1], x]
        held += [node.w for node in self.nodes]
        same = [(i, j) for i, a in enumerate(held) for j, b in enumerate(held[:i]) if a is b]
        same += [i for i, node in enumerate(self.nodes) if node is self.nodes[0]]
        self.a = self.a + x
        self.nodes[0].w = self.nodes[0].w + 1
        return same, self.nodes[1].w + self.c


def tied_to(other):
    """Returns what lets an attribute hold what another one holds, past the first call."""
    return lambda shelf, x: setattr(shelf, "a", getattr(shelf, other))


TIES = [
    tied_to("b"),
    tied_to("c"),
    lambda shelf, x: setattr(shelf, "c", x),
    lambda shelf, x: setattr(shelf, "c", shelf.pairs[1][0]),
    lambda shelf, x: shelf.pairs.__setitem__(1, shelf.pairs[0]),  # of tuples only the arrays count
    lambda shelf, x: shelf.nodes.__setitem__(1, shelf.nodes[0]),
    lambda shelf, x: shelf.nodes.__setitem__(2, shelf.nodes[1]),
    lambda shelf, x: setattr(shelf.nodes[0], "w", shelf.a),
]


@pytest.mark.parametrize("held", [False, True])
def test_places_that_come_to_hold_the_same_object_are_told(held):
    step = sj.jit(Shelf.step)
    for tie in TIES:
        eager, shelf, x = Shelf(), Shelf(), jnp.ones(2)
        kept = [shelf.a, shelf.b, *shelf.nodes] if held else None
        for change in (lambda shelf, x: None, tie, tie):
            change(eager, x)
            change(shelf, x)
            assert str(step(shelf, x)) == str(eager.step(x))
        assert kept is None or len(kept) == 5
