"""What a body hands out, by result or by state, is what eager Python hands out, and as shared.

Drawn are the things that a body hands out, the ways out, and the transformations around it.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from observing import Content, Observer, difference, tracers_in
from test_nested import auxiliary, once, through_state, twice

import statejit as sj
import statejit.numpy as snp
from statejit._core.lift import interpreted
from statejit.array.ways import Way
from statejit.errors import StatejitError

EXAMPLES = settings().max_examples // 5


class Pair(NamedTuple):
    left: Any
    right: Any


class Box(sj.Base):
    """Has what can be handed out, and the places for it."""

    def __init__(self) -> None:
        self.w, self.v = jnp.ones(2), jnp.full(2, 2.0)
        self.m, self.host = snp.zeros((2, 2)), np.full(2, 4.0, np.float32)
        self.view = self.m[1]
        self.n, self.t, self.name = 1, 0.5, "a"
        self.items, self.table = [jnp.zeros(2), 1], {"a": jnp.ones(2), "n": 1}
        self.queue = collections.deque([jnp.ones(2)], maxlen=3)
        self.child: Any = None
        self.key = jax.random.key(0)
        self.x = self.y = self.kept = None
        self.rows: list[Any] = []
        self.by_name: dict[str, Any] = {}

    def double(self, x: Any) -> Any:
        return x * 2 + self.w


def an_object(box: Box) -> Any:
    made = Box()
    made.w = box.w * 2
    return made


def objects_that_share(box: Box) -> Any:
    left, right = Box(), Box()
    left.child = right.child = an_object(box)
    left.items = right.items
    return left, right


def an_object_that_holds_itself(box: Box) -> Any:
    made = an_object(box)
    made.child, made.items = made, [made, box]
    return made


def a_key(box: Box) -> Any:
    box.key, key = jax.random.split(box.key)
    return key


def a_counted_number(box: Box) -> Any:
    box.n += 1
    return box.n * 2


def a_view_that_is_written(box: Box) -> Any:
    view = box.m[0]
    view += 1.0
    return view


def an_array_twice(box: Box) -> Any:
    made = box.w + box.v
    return [made, made]


THINGS: dict[str, Callable[[Box], Any]] = {
    "an array": lambda box: box.w * 2 + box.v,
    "an array as it was": lambda box: box.w,
    "two arrays as they were": lambda box: (box.v, [box.w, box.v]),
    "an array of a container": lambda box: box.table["a"],
    "a number": lambda box: box.t,
    "text and nothing": lambda box: [box.name, None, True, 2.5],
    "a mutable array": lambda box: box.m,
    "a new mutable array": lambda box: snp.ones(2) * box.w,
    "a view": lambda box: box.view,
    "a new view": lambda box: box.m[:, 0],
    "a view of a view": lambda box: box.view[:1],
    "an array and its view": lambda box: (lambda a: [a, a[0]])(snp.zeros((2, 2))),
    "a copy": lambda box: box.m.copy(),
    "a numpy array": lambda box: box.host,
    "a new numpy array": lambda box: np.ones(2, np.float32) + 1,
    "itself": lambda box: box,
    "its child": lambda box: box.child,
    "its list": lambda box: box.items,
    "its dict": lambda box: box.table,
    "its queue": lambda box: box.queue,
    "a list of its list": lambda box: [box.items, box.items],
    "a named tuple": lambda box: Pair(box.w + 1, (box.w, box.n)),
    "a dict": lambda box: {"b": box.w, "a": {"c": box.v * 2}},
    "a queue": lambda box: collections.deque([box.w, box.v + 1], maxlen=2),
    "a method": lambda box: box.double,
    "a partial": lambda box: functools.partial(box.double, 1.0),
    "a class": lambda box: Box,
    "a generator": lambda box: (row * 2 for row in (box.w, box.v)),
    "an iterator": lambda box: iter(box.items),
    "keys": lambda box: list(box.table),
}
THINGS |= {
    fun.__name__: fun
    for fun in (
        *(an_object, objects_that_share, an_object_that_holds_itself),
        *(a_key, a_counted_number, a_view_that_is_written, an_array_twice),
    )
}


def assign(box: Box, thing: Any) -> None:
    box.x = thing


def assign_twice(box: Box, thing: Any) -> None:
    box.x = box.y = thing


def append(box: Box, thing: Any) -> None:
    box.rows = [*box.rows[-1:], thing]


def append_in_place(box: Box, thing: Any) -> None:
    box.rows.append(thing)


def enter(box: Box, thing: Any) -> None:
    box.by_name["thing"] = thing


def to_child(box: Box, thing: Any) -> None:
    box.child = Box()
    box.child.x = thing


def into_new_containers(box: Box, thing: Any) -> None:
    box.y = {"things": (thing, [thing])}


def give_back(box: Box, thing: Any) -> None:
    return None


WAYS = (
    *(assign, assign_twice, append, append_in_place, enter, to_child, into_new_containers),
    give_back,
)

Thunk = Callable[[], Any]


LAYERS: dict[str, tuple[Callable[[Thunk], Thunk], Callable[[Thunk], Thunk]]] = {
    "jit": (sj.jit, once),
    "grad": (auxiliary(sj.grad), once),
    "jacfwd": (auxiliary(sj.jacfwd), once),
    "vjp": (lambda f: lambda: sj.vjp(lambda z: (z, f()), 1.0, has_aux=True)[2], once),
    "checkpoint": (sj.checkpoint, once),
    "named_call": (sj.named_call, once),
    "cond": (through_state(lambda f: sj.cond(jnp.asarray(True), f, f)), once),
    "vmap": (through_state(lambda f: sj.vmap(lambda x: f(), axis_size=1)(jnp.zeros(1))), once),
    "for_loop": (through_state(lambda f: sj.for_loop(f, length=2)), twice),
    "scan": (
        through_state(lambda f: sj.scan(lambda c, x: (f(), (c, x))[1], 0.0, jnp.zeros(2))),
        twice,
    ),
}


class Views(Observer):
    """Makes pictures that tell of a view what it shows, and not how that is written down."""

    def _look(self, value: Any, seen: set[int]) -> Any:
        return "way" if isinstance(value, Way) else super()._look(value, seen)


class Unshared(Views):
    """Makes pictures that do not tell which array is which: branches leave new ones."""

    def _look(self, value: Any, seen: set[int]) -> Any:
        if isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer):
            return type(value).__name__, Content(value, self.exact)
        return super()._look(value, seen)


def body(box: Box, drawn: list[tuple[str, Callable[[Box, Any], None]]]) -> Any:
    """Hands things out, each in its way; what has no way is returned."""
    returned = []
    for name, way in drawn:
        thing = THINGS[name](box)
        if way is give_back:
            returned.append(thing)
        else:
            way(box, thing)
    return returned


DRAWN = st.lists(
    st.tuples(st.sampled_from(sorted(THINGS)), st.sampled_from(WAYS)), min_size=1, max_size=3
)


@settings(max_examples=EXAMPLES)
@given(DRAWN, st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=2))
def test_what_a_body_hands_out(drawn: Any, layers: list[str]) -> None:
    observers: list[Observer] = [
        Unshared(True) if "cond" in layers else Views(True) for _ in range(2)
    ]
    boxes, runs = [Box(), Box()], []
    for side, box in enumerate(boxes):
        run: Thunk = functools.partial(body, box, drawn)
        for layer in layers:
            run = LAYERS[layer][1 - side](run)
        runs.append(run)
    with interpreted():
        for _ in range(2):
            _, before = (o.picture(box) for o, box in zip(observers, boxes, strict=True))
            expected = runs[0]()
            try:
                found = runs[1]()
            except StatejitError:
                left = difference(before, observers[1].picture(boxes[1]))
                assert left is None, f"changed by a failure {left}"
                break
            assert not tracers_in((boxes[1], found))
            pictures = [
                observer.picture((box, result))
                for observer, box, result in zip(observers, boxes, (expected, found), strict=True)
            ]
            differs = difference(*pictures)
            assert differs is None, str(differs)
