"""Every program of the table does under a transformation what it does in eager Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from observing import difference, leave, run
from programs import EXACT, PROGRAMS
from stateful import Box

import statejit as sj


def nested(fun: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compiles a function within a compiled function."""
    if fun is None:
        return lambda fun: nested(fun, **options)
    inner = sj.jit(fun, **options)
    return sj.jit(lambda *args, **kwargs: inner(*args, **kwargs), **options)


def differentiated(fun: Callable[..., Any] | None = None, **_: Any) -> Any:
    """Runs a function as the auxiliary output of a gradient, without `jit`."""
    if fun is None:
        return differentiated
    both = sj.grad(lambda z, args, kwargs: (z * 2.0, fun(*args, **kwargs)), has_aux=True)
    return lambda *args, **kwargs: both(1.0, args, kwargs)[1]


def disabled(fun: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Calls a compiled function while JAX's `disable_jit` holds."""
    if fun is None:
        return lambda fun: disabled(fun, **options)
    jitted = sj.jit(fun, **options)

    def call(*args: Any, **kwargs: Any) -> Any:
        with jax.disable_jit():
            return jitted(*args, **kwargs)

    return call


def compare(name: str, transform: Callable[..., Any]) -> None:
    """Runs a program of the table with and without a transformation, and compares."""
    program, exact = PROGRAMS[name], name in EXACT
    eager = run(program, leave, exact)
    found = difference(eager, run(program, transform, exact))
    assert found is None, str(found)


@pytest.mark.parametrize("name", PROGRAMS)
def test_jit_does_what_eager_python_does(name: str) -> None:
    compare(name, sj.jit)


@pytest.mark.parametrize("name", PROGRAMS)
def test_eager_python_is_repeatable(name: str) -> None:
    compare(name, leave)


@pytest.mark.parametrize("transform", [sj.jit, sj.checkpoint])
def test_a_list_that_holds_itself_is_read_and_changed(transform: Any) -> None:
    box = Box()
    box.items = [jnp.ones(2)]
    box.items.append(box.items)
    box.table = {"items": box.items}
    box.table["own"] = box.table

    def step() -> bool:
        box.items[1][0] = box.table["own"]["items"][0] + 1.0
        return box.items[1] is box.items and box.table["own"] is box.table

    run = transform(step)
    items, table = box.items, box.table
    assert run() and run()
    assert box.items is items and items[1] is items and table["own"] is table
    np.testing.assert_array_equal(items[0], [3.0, 3.0])
