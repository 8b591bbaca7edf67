"""What a loop leaves is weakly typed where, and only where, the loop in Python leaves it so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from observing import Observer, difference
from stateful import Box

import statejit as sj
from statejit._core.lift import interpreted


def made() -> Box:
    weak, strong = jnp.full(2, 0.5), jnp.full(2, 0.5, jnp.float32)
    return Box(
        weak=weak,
        strong=strong,
        last=strong,
        n=1,
        t=0.25,
        f=np.float32(0.5),
        half=jnp.ones(2, jnp.float16),
        m=sj.Array(weak),
    )


def a_number_that_changes_scales(box: Box) -> None:
    box.last = box.weak * box.t
    box.t = box.t + 0.25


def a_number_that_arrays_set_scales(box: Box) -> None:
    box.n = sj.cond(box.strong[0] > 1, lambda: 2, lambda: 3) * 0 + box.n
    box.last = box.weak * box.n


def a_number_that_a_cond_sets_scales(box: Box) -> None:
    def double() -> None:
        box.n = box.n + 1

    sj.cond(box.strong[0] > 0, double, lambda: None)
    box.last = box.half * box.n


def a_number_that_changes_meets_half_precision(box: Box) -> None:
    box.half = box.half * box.t
    box.t = box.t * 0.5


def a_number_of_numpy_scales(box: Box) -> None:
    box.last = box.half * box.f
    box.f = box.f * 2


def weak_gets_strong_and_others_follow(box: Box) -> None:
    box.last = box.weak * 2.0
    box.weak = box.strong + 0.0


def weak_gets_strong_and_is_stacked(box: Box) -> Any:
    before = box.weak * 1.0
    box.weak = box.weak + box.strong
    return before


def weak_and_strong_are_swapped(box: Box) -> None:
    box.weak, box.strong = box.strong, box.weak
    box.last = box.weak * 1.0


def strong_gets_weak(box: Box) -> None:
    box.strong = box.weak * 2.0
    box.last = box.strong + box.n


def zeros_like_what_changes(box: Box) -> None:
    box.last = jnp.zeros_like(box.weak)
    box.weak = box.weak + box.strong


def a_mutable_array_follows(box: Box) -> None:
    box.m = sj.Array(box.weak * box.t)
    box.t = box.t + 1.0
    box.weak = box.strong * box.t


BODIES = (
    a_number_that_changes_scales,
    a_number_that_arrays_set_scales,
    a_number_that_a_cond_sets_scales,
    a_number_that_changes_meets_half_precision,
    a_number_of_numpy_scales,
    weak_gets_strong_and_others_follow,
    weak_gets_strong_and_is_stacked,
    weak_and_strong_are_swapped,
    strong_gets_weak,
    zeros_like_what_changes,
    a_mutable_array_follows,
)


def in_python(body: Callable[[], Any], length: int) -> Any:
    rows = [body() for _ in range(length)]
    return None if rows[0] is None else jnp.stack(rows)


def in_a_loop(body: Callable[[], Any], length: int) -> Any:
    return sj.for_loop(body, length=length)


def in_a_loop_of_jit(body: Callable[[], Any], length: int) -> Any:
    return sj.jit(lambda: sj.for_loop(body, length=length))()


@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("way", [in_a_loop, in_a_loop_of_jit], ids=lambda way: way.__name__)
@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_a_loop_leaves_the_types_that_python_leaves(
    body: Callable[[Box], Any], way: Callable[..., Any], length: int
) -> None:
    pictures = []
    for run in (in_python, way):
        box = made()
        with interpreted():
            rows = run(lambda box=box: body(box), length)
        pictures.append(Observer(exact=True).picture((box, rows)))
    found = difference(*pictures)
    assert found is None, str(found)
