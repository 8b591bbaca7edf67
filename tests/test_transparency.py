"""Every program of the table does under a transformation what it does in eager Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import pytest
from observing import difference, leave, run
from programs import EXACT, PROGRAMS

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
