"""Views as arguments, as targets and as results of transformations, beside plain JAX on copies."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import statejit as sj
import statejit.numpy as bm
from statejit.errors import BranchError, CarryTypeError, LaneError

A = np.arange(6, dtype=np.float32).reshape(2, 3) + 1
XS = jnp.arange(2.0)


class Viewing(sj.Base):
    def __init__(self) -> None:
        self.a = bm.array(A)
        self.v = self.a[::-1, 1:]
        self.parts = [self.v, {"column": self.a[:, 0]}]


V = jnp.asarray(A[::-1, 1:])
ONES = jnp.ones_like(V)
LIFTS = {
    "vmap": lambda s, v: s.vmap(lambda row: row[::-1])(v),
    "vmap out": lambda s, v: s.vmap(lambda row: row, out_axes=1)(v),
    "vmap in": lambda s, v: s.vmap(lambda row: row.sum(), in_axes=1)(v),
    "vmap of a captured one": lambda s, v: s.vmap(lambda x: v[::-1])(XS),
    "grad": lambda s, v: s.grad(lambda u: (u * u).sum())(v),
    "grad of an element": lambda s, v: s.grad(lambda u: u[0, 0])(v),
    "jacrev": lambda s, v: s.jacrev(lambda u: (u * u)[0])(v),
    "jacfwd": lambda s, v: s.jacfwd(lambda u: (u * u).T)(v),
    "hessian": lambda s, v: s.hessian(lambda u: (u**3).sum())(v),
    "jvp": lambda s, v: s.jvp(lambda u: (u * u)[::-1], (v,), (v,)),
    "vjp": lambda s, v: s.vjp(lambda u: (u * u)[::-1], v)[1](v),
    "linearize": lambda s, v: s.linearize(lambda u: u[::-1] * u, v)[1](v),
    "eval_shape": lambda s, v: s.eval_shape(lambda u: u[0], v).shape,
}


@pytest.mark.parametrize("name", LIFTS)
def test_a_view_is_transformed_as_its_part(name: str) -> None:
    expected = LIFTS[name](jax, V)
    m = Viewing()

    def run() -> Any:
        return LIFTS[name](sj, m.v)

    for f in (run, sj.jit(run)) if name in ("vmap", "jvp", "jacrev") else (run,):
        found = f()
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
        np.testing.assert_array_equal(m.a, A)


@pytest.mark.parametrize("derive", ["grad", "jacfwd"])
def test_a_derivative_by_views_and_by_what_they_show(derive: str) -> None:
    m = Viewing()

    def loss() -> Any:
        return (m.a**3).sum() + (m.v * m.a[:, 0]).sum() + m.parts[1]["column"].sum()

    def by_hand(a: Any) -> Any:
        return (a**3).sum() + (a[::-1, 1:] * a[:, 0]).sum() + a[:, 0].sum()

    whole = np.asarray(jax.grad(by_hand)(jnp.asarray(A)))
    targets = {"v": m.v, "parts": (m.parts[1]["column"], m.a)}
    found = getattr(sj, derive)(loss, grad_vars=targets)()
    np.testing.assert_allclose(found["v"], whole[::-1, 1:], rtol=1e-6)
    np.testing.assert_allclose(found["parts"][0], whole[:, 0], rtol=1e-6)
    np.testing.assert_allclose(found["parts"][1], whole, rtol=1e-6)


def test_state_that_is_mapped_is_seen_through_views() -> None:
    m = Viewing()

    def lane(x: Any) -> Any:
        return x + m.a.sum() + 10 * m.v.sum() + 100 * m.parts[1]["column"]

    expected = XS + A.sum(1) + 10 * A[::-1, 1:].sum(1) + 100 * A[:, 0]
    np.testing.assert_allclose(sj.vmap(lane, state_axes={m: 0})(XS), expected)


def write_view(m: Any) -> None:
    m.v += 1


def write_base(m: Any) -> Any:
    seen = m.v.sum()
    m.a += 1
    return seen


def store(m: Any) -> None:
    m.w = m.a[::-1]


@pytest.mark.parametrize("lane", [write_view, write_base, store])
def test_what_lanes_can_not_do_to_mapped_views_is_refused(lane: Any) -> None:
    m = Viewing()
    with pytest.raises(LaneError, match="view"):
        sj.vmap(lambda x: lane(m), state_axes={m: 0})(XS)
    np.testing.assert_array_equal(m.a, A)
    assert not hasattr(m, "w")
    m.v[:] = 0
    assert m.a[0, 1] == 0


def test_a_view_of_a_mapped_array_needs_an_axis() -> None:
    m = Viewing()
    with pytest.raises(LaneError, match="a view of an array that is mapped"):
        sj.vmap(lambda x: m.v.sum(), state_axes={"a": 0})(XS)


def test_branches_may_return_views() -> None:
    m = Viewing()
    for condition in (True, False):

        def choose(c: Any) -> Any:
            return sj.cond(c, lambda: (m.v, m.v), lambda: (m.v * 2, m.a[:, 1:]))

        for f in (choose, sj.jit(choose)):
            first, second = f(jnp.array(condition))
            np.testing.assert_allclose(first, V if condition else 2 * V)
            np.testing.assert_allclose(second, V if condition else A[:, 1:])
    assert sj.jit(lambda c: sj.cond(c, lambda: m.v, lambda: m.v))(jnp.array(True)) is m.v


def test_an_error_speaks_of_a_view() -> None:
    m = Viewing()
    with pytest.raises(CarryTypeError, match="a view before the step"):
        sj.while_loop(lambda v: v.sum() < 100, lambda v: v * 2, m.v)
    with pytest.raises(BranchError) as refused:
        sj.jit(lambda c: sj.cond(c, lambda: [m.v], lambda: [XS, XS]))(jnp.array(True))
    assert "Window" not in str(refused.value)
