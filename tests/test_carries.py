"""What a lifted transformation carries and closes over is what the hand-written one does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from stateful import Box

import statejit as sj
import statejit.numpy as snp

XS = jnp.arange(4.0)
W, V, UNUSED = jnp.ones(3), jnp.zeros(3), jnp.ones(7)


def neuron() -> Box:
    """Returns an object of which a step writes `v`, reads `w` and leaves the rest alone."""
    box = Box(w=W, v=snp.array(V), unused=UNUSED, items=[jnp.ones(3), jnp.ones(5)], on=True)
    box.itself, box.same = box, box.w  # one array, whatever it is called
    return box


def advance(box: Box, x: Any) -> Any:
    box.v *= 0.9
    box.v += box.w * x + box.items[0] * box.same
    return (box.v * 1.0).sum().value if box.on else x


def by_hand(v: Any, w: Any, item: Any, x: Any) -> tuple[Any, Any]:
    v = v * 0.9 + (w * x + item * w)
    return v, v.sum()


Hand = Callable[[Any, Any, Any], Any]
PAIRS: dict[str, tuple[str, Callable[[Box], Any], Hand]] = {
    "scan": (
        "scan",
        lambda box: sj.scan(lambda c, x: (c + x, advance(box, x)), 0.0, XS),
        lambda v, w, item: jax.lax.scan(
            lambda c, x: ((c[0] + x, by_hand(c[1], w, item, x)[0]), by_hand(c[1], w, item, x)[1]),
            (0.0, v),
            XS,
        ),
    ),
    "for_loop": (
        "scan",
        lambda box: sj.for_loop(lambda x: advance(box, x), XS),
        lambda v, w, item: jax.lax.scan(lambda v, x: by_hand(v, w, item, x), v, XS),
    ),
    "fori_loop": (
        "scan",
        lambda box: sj.fori_loop(0, 4, lambda i, c: c + advance(box, 1.0), 0.0),
        lambda v, w, item: jax.lax.scan(  # JAX's own carries the index
            lambda c, i: ((by_hand(c[0], w, item, 1.0)[0], c[1] + c[0].sum()), None),
            (v, 0.0),
            jnp.arange(4),
        ),
    ),
    "while_loop": (
        "while",
        lambda box: sj.while_loop(lambda c: c < 9.0, lambda c: c + advance(box, c), 1.0),
        lambda v, w, item: jax.lax.while_loop(
            lambda c: c[1] < 9.0, lambda c: (by_hand(c[0], w, item, c[1])[0], c[1] + 1.0), (v, 1.0)
        ),
    ),
    "cond": (
        "cond",
        lambda box: sj.cond(XS[0] > 0, lambda x: advance(box, x), lambda x: x, XS[1]),
        lambda v, w, item: jax.lax.cond(
            XS[0] > 0, lambda v, x: by_hand(v, w, item, x), lambda v, x: (v, x), v, XS[1]
        ),
    ),
    "switch": (
        "cond",
        lambda box: sj.switch(
            jnp.int32(XS[0]), [lambda: advance(box, 1.0), lambda: 0.0, lambda: box.w.sum()]
        ),
        lambda v, w, item: jax.lax.switch(
            jnp.int32(XS[0]),
            [lambda v: by_hand(v, w, item, 1.0), lambda v: (v, 0.0), lambda v: (v, w.sum())],
            v,
        ),
    ),
}


def equations(jaxpr: Any, name: str) -> Iterator[Any]:
    """Yields the equations of a primitive, those within others too."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == name:
            yield equation
        for value in jax.tree.leaves(list(equation.params.values())):
            if hasattr(value, "eqns") and equation.primitive.name != name:
                yield from equations(getattr(value, "jaxpr", value), name)


def shapes(variables: Any) -> list[str]:
    return sorted(f"{v.aval.dtype}{v.aval.shape}" for v in variables)


@pytest.mark.parametrize("name", PAIRS)
def test_no_more_is_carried_or_closed_over_than_by_hand(name: str) -> None:
    primitive, lifted, hand = PAIRS[name]
    box = neuron()
    pure, variables = sj.functionalize(lambda: lifted(box))
    (ours,) = equations(jax.make_jaxpr(lambda v: pure(v))(variables).jaxpr, primitive)
    (theirs,) = equations(jax.make_jaxpr(hand)(V, W, box.items[0]).jaxpr, primitive)
    assert shapes(ours.invars) == shapes(theirs.invars)
    assert shapes(ours.outvars) == shapes(theirs.outvars)


def test_a_vmap_gives_no_more_an_axis_than_by_hand() -> None:
    box = neuron()
    box.v = jnp.zeros((4, 3))

    def lane(x: Any) -> Any:
        box.v = box.v * 0.9 + (box.w * x + box.items[0] * box.same)
        return box.v.sum()

    pure, variables = sj.functionalize(lambda: sj.vmap(lane, state_axes={"v": 0})(XS))
    ours = jax.make_jaxpr(lambda v: pure(v))(variables).jaxpr
    theirs = jax.make_jaxpr(
        lambda v, w, item: jax.vmap(by_hand, in_axes=(0, None, None, 0))(v, w, item, XS)
    )(box.v, W, box.items[0]).jaxpr
    found = [[shapes(e.outvars) for e in program.eqns] for program in (ours, theirs)]
    assert sorted(found[0]) == sorted(found[1])
