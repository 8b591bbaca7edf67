"""Transformations in one another, to depth three, do to state what eager Python does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from hypothesis import given, settings
from hypothesis import strategies as st
from observing import Observer, difference, tracers_in

import statejit as sj

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from stateful import STEPS, Runs  # noqa: E402

Fun = Callable[[Any], Any]


def python_loop(fun: Fun) -> Fun:
    return lambda x: sum([fun(x), fun(x + 1.0)])


def python_if(fun: Fun) -> Fun:
    return lambda x: fun(x) if x > 0 else x


def same(fun: Fun) -> Fun:
    return fun


def two(x: Any) -> Any:
    return jnp.stack([x, x + 1.0])


def scanned(fun: Fun) -> Fun:
    def run(x: Any) -> Any:
        return sj.scan(lambda c, x: (c + fun(x), None), jnp.zeros(()), two(x))[0]

    return run


def repeated(fun: Fun) -> Fun:
    def run(x: Any) -> Any:
        def body(carry: Any) -> Any:
            i, total = carry
            return i + 1, total + fun(x + i * 1.0)

        return sj.while_loop(lambda carry: carry[0] < 2, body, (0, jnp.zeros(())))[1]

    return run


def counted(fun: Fun) -> Fun:
    return lambda x: sj.fori_loop(0, 2, lambda i, c: c + fun(x + i * 1.0), jnp.zeros(()))


def beside(transform: Callable[..., Any]) -> Callable[[Fun], Fun]:
    """Returns a layer that does a function beside a derivative."""
    return lambda f: lambda x: transform(lambda z: (z, f(x)), has_aux=True)(1.0)[1]


LAYERS: dict[str, tuple[Callable[[Fun], Fun], Callable[[Fun], Fun]]] = {
    "jit": (sj.jit, same),
    "grad": (beside(sj.grad), same),
    "jacfwd": (beside(sj.jacfwd), same),
    "hessian": (beside(sj.hessian), same),
    "jvp": (lambda f: lambda x: sj.jvp(f, (x,), (x,))[0], same),
    "vjp": (lambda f: lambda x: sj.vjp(f, x)[0], same),
    "checkpoint": (sj.checkpoint, same),
    "named_call": (sj.named_call, same),
    "for_loop": (lambda f: lambda x: sj.for_loop(f, two(x)).sum(), python_loop),
    "fori_loop": (counted, python_loop),
    "scan": (scanned, python_loop),
    "cond": (lambda f: lambda x: sj.cond(x > 0, f, lambda x: x, x), python_if),
    "switch": (lambda f: lambda x: sj.switch((x > 0) * 1, [lambda x: x, f], x), python_if),
    "vmap": (lambda f: lambda x: sj.vmap(lambda y: f(x) + y, axis_size=2)(jnp.zeros(2))[0], same),
    "while_loop": (repeated, python_loop),
}

NAMES = [
    *("an_array_is_summed", "calls_are_counted", "fibonacci", "objects_in_objects"),
    *("a_mutable_array", "a_view_of_a_mutable_array", "two_names_of_one_array", "a_numpy_array"),
    *("lists_and_dicts", "a_queue", "a_tuple_is_replaced", "a_property", "plain_values_steer"),
    *("a_key_that_is_split", "random_numbers", "a_gradient_inside", "numbers_go_into_arrays"),
]


def runs_of(name: str, layers: list[str], lifted: bool) -> tuple[Any, Any, int]:
    """Returns the model after two calls, their results, and how often the code of the step ran."""
    sj.clear_cache()
    sj.random.seed(0)
    make, step = STEPS[name]
    box, counter = make(), Runs()

    def fun(x: Any) -> Any:
        counter()
        y = step(box, x)
        return (y.value if isinstance(y, sj.Array) else jnp.asarray(y)).sum() * 1.0

    run: Fun = fun
    for layer in layers:
        run = LAYERS[layer][0 if lifted else 1](run)
    ys = [run(jnp.asarray(x, jnp.float32)) for x in (0.5, -1.5)]
    if hasattr(box, "t"):
        box.t = round(box.t, 5)  # carried by an array in some of them
    return box, [*ys, sj.random.uniform().value], counter.n


class Cell(sj.Base):
    """Has an array, a mutable array, numbers and a list that a step changes."""

    def __init__(self) -> None:
        self.w, self.m = jnp.ones(2, jnp.float32), sj.Array(jnp.zeros(2))
        self.calls, self.t, self.rows = 0, 0.5, [jnp.zeros(2)]

    def step(self, x: Any) -> Any:
        self.calls += 1
        self.t = self.t * 0.5
        self.m[0] += x
        self.rows[0] = self.rows[0] + self.w
        self.w = self.w * x + self.t
        return self.w.sum() * 1.0


def runs_in(*layers: str) -> int:
    """Returns how often the code of a function runs in nested transformations; none is compiled."""
    cell, counter = Cell(), Runs()

    def fun(x: Any) -> Any:
        counter()
        return cell.step(x)

    run: Fun = fun
    for layer in layers:
        run = LAYERS[layer][0](run)
    sj.eval_shape(run, jax.ShapeDtypeStruct((), jnp.float32))
    return counter.n


def test_code_runs_once_in_any_transformation_of_any_other() -> None:
    """All pairs, and some nestings of depth three, each transformation at each depth."""
    names = sorted(LAYERS)
    nestings: list[tuple[str, ...]] = [(a, b) for a in names for b in names]
    nestings += [(a, names[i - 4], names[i - 9]) for i, a in enumerate(names)]
    often = {nesting: n for nesting in nestings if (n := runs_in(*nesting)) != 1}
    assert not often


@settings(max_examples=20)
@given(
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=3),
)
def test_transformations_in_one_another_do_what_python_does(name: str, layers: list[str]) -> None:
    random = name == "random_numbers"  # each lane has numbers of its own
    if "vmap" in layers and (random or name == "a_key_that_is_split"):
        layers = [layer for layer in layers if layer != "vmap"] or ["jit"]
    pictures = []
    for lifted in (False, True):
        box, ys, n = runs_of(name, layers, lifted)
        assert not tracers_in((box, ys))
        if lifted and len({type(y) for y in ys}) == 1 and "jit" in layers[-1:]:
            assert n <= 2  # a number that has changed is symbolic from the second call on
        ys = [jax.lax.convert_element_type(y, jnp.float32) for y in ys]
        pictures.append(Observer().picture((box, ys)))
    found = difference(*pictures)
    assert found is None, str(found)
