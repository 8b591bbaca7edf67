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

EXAMPLES = settings().max_examples // 3
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


LAYERS: dict[str, Callable[[Thunk], Thunk]] = {
    "jit": sj.jit,
    "grad": auxiliary(sj.grad),
    "jacfwd": auxiliary(sj.jacfwd),
    "jacrev": auxiliary(sj.jacrev),
    "hessian": auxiliary(sj.hessian),
    "vjp": lambda f: lambda: sj.vjp(lambda z: (z, f()), 1.0, has_aux=True)[2],
    "jvp": lambda f: lambda: sj.jvp(lambda z: (z, f()), (1.0,), (1.0,), has_aux=True)[2],
    "checkpoint": sj.checkpoint,
    "vmap": through_state(lambda body: sj.vmap(lambda x: body(), axis_size=1)(jnp.zeros(1))),
}
"""Transformations that do once what a function does, and keep which array is which.

Loops are in `test_compositions`: what they carry comes out as new arrays.
"""


@settings(max_examples=EXAMPLES)
@given(programs(), st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=3))
def test_drawn_programs_in_nested_transformations(source: str, layers: list[str]) -> None:
    def transform(fun: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            given = Kept()
            given.result = args  # so that they are state, and not captured
            run: Thunk = lambda: fun(*given.result)  # noqa: E731
            for layer in layers:
                run = LAYERS[layer](run)
            return run()

        return call

    try:
        with interpreted():
            compare(source, transform)
    finally:
        forget()
