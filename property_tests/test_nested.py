"""Drawn programs do in nested transformations, to depth three, what they do in eager Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from drawn import forget, programs
from hypothesis import given, settings
from hypothesis import strategies as st
from test_programs import compare

import statejit as sj
from statejit._core.lift import interpreted
from statejit.errors import CarryTypeError, OutsideChangeError, TracedControlFlowError

EXAMPLES = settings().max_examples // 6
Thunk = Callable[[], Any]


class Kept(sj.Base):
    """Holds what a function has returned, for transformations that stack or map results."""

    def __init__(self) -> None:
        self.result: Any = None


def through_state(run: Callable[[Thunk], Any]) -> Callable[[Thunk], Thunk]:
    """Returns a layer whose transformation has no result."""

    def layer(fun: Thunk) -> Thunk:
        def call() -> Any:
            kept = Kept()

            def body() -> None:
                kept.result = fun()

            run(body)
            return kept.result

        return call

    return layer


def auxiliary(transform: Callable[..., Any]) -> Callable[[Thunk], Thunk]:
    """Returns a layer that does a function beside a derivative."""
    return lambda fun: lambda: transform(lambda z: (z * 2.0, fun()), has_aux=True)(1.0)[1]


def once(fun: Thunk) -> Thunk:
    return fun


def twice(fun: Thunk) -> Thunk:
    return lambda: (fun(), fun())[1]


def scanned(body: Thunk) -> Any:
    return sj.scan(lambda carry, x: (carry, body()), None, length=2)


LAYERS: dict[str, tuple[Callable[[Thunk], Thunk], Callable[[Thunk], Thunk]]] = {
    "jit": (sj.jit, once),
    "grad": (auxiliary(sj.grad), once),
    "jacfwd": (auxiliary(sj.jacfwd), once),
    "jacrev": (auxiliary(sj.jacrev), once),
    "hessian": (auxiliary(sj.hessian), once),
    "vjp": (lambda f: lambda: sj.vjp(lambda z: (z, f()), 1.0, has_aux=True)[2], once),
    "jvp": (lambda f: lambda: sj.jvp(lambda z: (z, f()), (1.0,), (1.0,), has_aux=True)[2], once),
    "checkpoint": (sj.checkpoint, once),
    "vmap": (
        through_state(lambda body: sj.vmap(lambda x: body(), axis_size=1)(jnp.zeros(1))),
        once,
    ),
    "for_loop": (through_state(lambda body: sj.for_loop(body, length=2)), twice),
    "scan": (through_state(scanned), twice),
    "fori_loop": (
        through_state(lambda body: sj.fori_loop(0, 2, lambda i, c: (body(), c)[1], 0)),
        twice,
    ),
}
"""Transformations that keep which array is which, each with what does the same in Python.

A `while_loop` and branches are in `test_compositions`: what they leave is in new arrays.
"""

LOOPS = {"for_loop", "scan", "fori_loop"}
DRAWN = sorted(LAYERS)

REFUSED_IN_LOOPS = (CarryTypeError, TracedControlFlowError, OutsideChangeError)


@settings(max_examples=EXAMPLES)
@given(programs(), st.lists(st.sampled_from(DRAWN), min_size=1, max_size=3))
def test_drawn_programs_in_nested_transformations(source: str, layers: list[str]) -> None:
    def through(side: int) -> Callable[..., Any]:
        def transform(fun: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any) -> Any:
                given = Kept()
                given.result = args  # so that they are state, and not captured
                run: Thunk = lambda: fun(*given.result)  # noqa: E731
                for layer in layers:
                    run = LAYERS[layer][side](run)
                return run()

            return call

        return transform

    refusals = () if LOOPS.isdisjoint(layers) else REFUSED_IN_LOOPS
    try:
        with interpreted():
            compare(source, through(0), refusals, eager=through(1))
    finally:
        forget()
