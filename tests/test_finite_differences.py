"""Derivatives through loops, branches, views and random draws agree with finite differences."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_jvp, check_vjp
from stateful import Box

import statejit as sj
import statejit.numpy as snp

X = jnp.asarray([0.3, -0.7, 1.1])
W = jnp.asarray([[0.5, -0.2, 0.1], [0.3, 0.8, -0.4], [-0.6, 0.2, 0.7]])

PROGRAMS: dict[str, Callable[[Any, Any], Any]] = {}
"""Functions of (w, x), (3, 3) and (3,), that keep w, and what they compute, in state."""


def program(fun: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    PROGRAMS[fun.__name__] = fun
    return fun


@program
def a_loop_that_carries_state(w: Any, x: Any) -> Any:
    box = Box(w=w, v=x, n=0)

    def step(u: Any) -> Any:
        box.n += 1
        box.v = jnp.tanh(box.w @ box.v + u) * box.n
        return box.v.sum()

    return sj.for_loop(step, x).sum() + box.v @ x


@program
def a_scan_that_computes_again(w: Any, x: Any) -> Any:
    box = Box(w=w, v=x)

    def step(c: Any, u: Any) -> Any:
        box.v = jnp.sin(box.w @ box.v)
        return c * u + box.v.sum(), c

    last, ys = sj.scan(step, 1.0, x, remat=True, reverse=True)
    return last + ys.sum() + (box.v**2).sum()


@program
def a_loop_in_a_loop_over_integers(w: Any, x: Any) -> Any:
    box = Box(w=w, total=0.0)

    def inner(j: Any, c: Any) -> Any:
        box.total = box.total + jnp.sin(c).sum() * (j + 1)
        return jnp.tanh(box.w @ c)

    y = sj.fori_loop(0, 2, lambda i, c: sj.fori_loop(0, 2, inner, c + i * 0.1), x)
    return box.total + y.sum()


@program
def branches_that_write_state(w: Any, x: Any) -> Any:
    box = Box(w=w, v=x)

    def double(u: Any) -> Any:
        box.v = box.w @ box.v * 2.0
        return jnp.sin(u)

    def square(u: Any) -> Any:
        box.v = box.v**2 + u
        return (box.w * u).sum() * u

    def step(u: Any) -> Any:
        return sj.cond(u > 0, double, square, u).sum()

    ys = sj.for_loop(step, x).sum()
    z = sj.switch(jnp.asarray(2), [double, square, lambda u: box.v * u], x)
    return ys + (box.v * z).sum()


@program
def views_of_mutable_arrays(w: Any, x: Any) -> Any:
    a, b = snp.array(w), snp.array(x)
    row, column, corner = a[1], a.T[0], a[1:, 1:]
    row *= b
    column += snp.sin(b)
    corner[...] = corner**2 + row[1:]
    b[::2] = row[::2] * 2.0

    def step(i: Any) -> None:
        a[i] += b * a[i - 1]

    sj.for_loop(step, jnp.arange(3))
    return (snp.tanh(a).sum() + (b**3).sum()).value


@program
def draws_that_depend_on_parameters(w: Any, x: Any) -> Any:
    rng, box = sj.random.default_rng(3), Box(v=x)

    def step(u: Any) -> Any:
        noise = jnp.asarray(rng.normal(u, 0.5, 3))
        box.v = jnp.tanh(w @ box.v + noise * u)
        return (jnp.asarray(rng.exponential(1.0 + u * u)) + box.v).sum()

    return sj.for_loop(step, x).sum()


@program
def lanes_with_state_of_their_own(w: Any, x: Any) -> Any:
    box = Box(w=w, v=x)

    def lane(u: Any) -> Any:
        box.v = jnp.sin(box.w[0] * box.v) + u
        return sj.checkpoint(lambda z: box.v * jnp.exp(z))(u)

    return (sj.vmap(lane, state_axes={box: 0})(x) ** 2).sum() + (box.v**3).sum()


@pytest.mark.parametrize("name", PROGRAMS)
def test_derivatives_agree_with_finite_differences(name: str) -> None:
    fun = PROGRAMS[name]
    jitted = sj.jit(fun)

    def run(w: Any, x: Any) -> Any:
        return jitted(jnp.asarray(w), jnp.asarray(x))  # they come as NumPy arrays

    check_vjp(run, functools.partial(sj.vjp, fun), (W, X), atol=1e-2, rtol=2e-2, eps=1e-2)
    check_jvp(run, functools.partial(sj.jvp, fun), (W, X), atol=1e-2, rtol=2e-2, eps=1e-2)


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_of_state_are_those_of_arguments(name: str) -> None:
    fun, holder = PROGRAMS[name], Box(w=W, x=X)
    expected = sj.grad(fun, argnums=(0, 1))(W, X)
    found = sj.grad(lambda: fun(holder.w, holder.x), grad_vars=[holder.w, holder.x])()
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_second_derivatives_agree_with_finite_differences() -> None:
    fun = a_loop_that_carries_state
    gradient = sj.jit(sj.grad(fun, argnums=1))
    check_vjp(gradient, functools.partial(sj.vjp, gradient), (W, X), 1e-2, 2e-2, eps=1e-2)
    hessian = sj.hessian(fun, argnums=1)(W, X)
    rows = [gradient(W, X + d) - gradient(W, X - d) for d in 1e-2 * jnp.eye(3)]
    np.testing.assert_allclose(hessian, jnp.stack(rows) / 2e-2, rtol=2e-2, atol=1e-2)
