"""Functions of plain JAX and optax that take callables, around state: what they read is followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import statejit as sj

X = jnp.asarray([0.25, 0.5])


class Model(sj.Base):
    def __init__(self) -> None:
        self.w, self.n = jnp.ones(2), 1

    def __call__(self, x: Any) -> Any:
        return x * self.w * self.n


def line_search(fun: Callable[[Any], Any]) -> Any:
    solver = optax.scale_by_backtracking_linesearch(max_backtracking_steps=2)

    def loss(x: Any) -> Any:
        return fun(x).sum()

    value, grad = jax.value_and_grad(loss)(X)
    return solver.update(-grad, solver.init(X), X, value=value, grad=grad, value_fn=loss)[0]


def custom_jvp(fun: Callable[[Any], Any]) -> Any:
    ruled = jax.custom_jvp(fun)
    ruled.defjvp(lambda xs, ts: (fun(*xs), 3 * ts[0]))
    return jax.grad(lambda x: ruled(x) @ x)(X)


def closure_convert(fun: Callable[[Any], Any]) -> Any:
    closed, captured = jax.closure_convert(fun, X)
    return closed(X, *captured)


FUNCTIONS: dict[str, Callable[[Callable[[Any], Any]], Any]] = {
    "linear_transpose": lambda f: jax.linear_transpose(f, X)(X)[0],
    "custom_root": lambda f: jax.lax.custom_root(
        lambda x: x - f(X), X, lambda g, x: x - g(x), lambda g, y: y
    ),
    "vectorize": lambda f: jnp.vectorize(f, signature="(n)->(n)")(jnp.stack([X, X])),
    "closure_convert": closure_convert,
    "custom_jvp": custom_jvp,
    "line_search": line_search,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_function_under_plain_jax_reads_is_no_constant(name: str) -> None:
    model = Model()
    run = sj.jit(lambda: FUNCTIONS[name](lambda x: model(x)))
    for k in (1, 5, 3):
        model.n, model.w = k, jnp.full(2, 0.5 * k)
        expected = FUNCTIONS[name](lambda x: model(x))
        np.testing.assert_allclose(run(), expected, rtol=1e-5, err_msg=str(k))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_write_under_plain_jax_is_refused(name: str) -> None:
    model = Model()

    def count(x: Any) -> Any:
        model.n += 1
        return x

    with pytest.raises(sj.errors.RawTransformError, match=r"model\.n was written under"):
        sj.jit(lambda: FUNCTIONS[name](count))()
    assert model.n == 1
