"""The gradient family gives what hand-written JAX gives, and commits state once."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from observing import tracers_in
from stateful import Box, Runs

import statejit as sj
import statejit.numpy as snp

X = jnp.asarray([0.5, -1.0, 2.0])
W, V = jnp.asarray([1.0, 2.0, 3.0]), jnp.asarray(0.5)


def pure(w: Any, v: Any, x: Any) -> Any:
    return {"a": jnp.sin(w * x) * v, "b": (w * x).sum() ** 2 * v}


def model() -> Any:
    return Box(w=W, v=V, calls=0, seen=jnp.zeros(()))


def call(box: Any, x: Any) -> Any:
    box.calls += 1
    box.seen = box.seen + x.sum()
    return pure(box.w, box.v, x)


def close(ours: Any, theirs: Any) -> None:
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert jnp.shape(a) == jnp.shape(b) and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5)


WAYS = [sj.jacrev, sj.jacfwd, sj.hessian]


@pytest.mark.parametrize("wrap", [lambda f: f, sj.jit], ids=["alone", "in jit"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_derivatives_of_arguments_and_state(way: Callable[..., Any], wrap: Any) -> None:
    theirs = getattr(jax, way.__name__)
    box = model()
    runs = Runs()

    def counted(x: Any) -> Any:
        runs()
        return call(box, x)

    def everything(x: Any) -> Any:
        return way(counted)(x), way(counted, grad_vars=box)(x)

    of_x, of_box = wrap(everything)(X)
    assert runs.n == 2 and box.calls == 2 and not tracers_in(box)
    np.testing.assert_allclose(box.seen, 2.0 * X.sum(), rtol=1e-6)
    close(of_x, theirs(lambda x: pure(W, V, x))(X))
    close(of_box, theirs(lambda p: pure(p["w"], p["v"], X))({"w": W, "v": V}))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_argnums_aux_and_value(way: Callable[..., Any]) -> None:
    theirs = getattr(jax, way.__name__)
    box = model()

    def fun(x: Any, y: Any) -> Any:
        box.calls += 1
        return jnp.sin(box.w * x) * y, {"aux": x + y, "n": 3}

    def by_hand(w: Any, x: Any, y: Any) -> Any:
        return jnp.sin(w * x) * y

    expected = theirs(by_hand, (1, 2))(W, X, X)
    found, value, aux = way(fun, argnums=(0, 1), has_aux=True, return_value=True)(X, X)
    close(found, expected)
    close(value, by_hand(W, X, X))
    close(aux["aux"], 2.0 * X)
    assert aux["n"] == 3 and box.calls == 1
    found, aux = way(fun, argnums=[1], grad_vars=[box.w], has_aux=True)(X, X)
    by_w, by_y = theirs(by_hand, (0, 2))(W, X, X) if way is not sj.hessian else (None, None)
    if way is not sj.hessian:
        close(found, ([by_w], (by_y,)))


def test_vector_grad_is_the_gradient_of_the_sum() -> None:
    box = model()
    grads, value = sj.vector_grad(lambda x: call(box, x), grad_vars=box, return_value=True)(X)

    def total(p: Any) -> Any:
        return sum(jnp.sum(leaf) for leaf in jax.tree.leaves(pure(p["w"], p["v"], X)))

    close(grads, jax.grad(total)({"w": W, "v": V}))
    close(value, pure(W, V, X))
    assert box.calls == 1


def test_mutable_arrays_and_numbers() -> None:
    box = Box(a=snp.array([1.0, 2.0]))
    found = sj.jacrev(lambda x: box.a * x, grad_vars=box.a)(3.0)
    assert isinstance(found, sj.Array)
    np.testing.assert_array_equal(found.value, 3.0 * np.eye(2))
    second = sj.hessian(lambda x: (box.a**3).sum() * x, grad_vars=box.a)(1.0)
    np.testing.assert_allclose(second.value, jnp.diag(6.0 * jnp.asarray([1.0, 2.0])))
    assert sj.jacfwd(lambda x: x**3)(2.0) == 12.0 and sj.hessian(lambda x: x**3)(2.0) == 12.0


def test_complex_and_integers_are_as_in_jax() -> None:
    box = Box(w=jnp.asarray(2.0 + 1.0j))
    for name in ("grad", "jacfwd", "jacrev", "hessian"):
        ours, theirs = getattr(sj, name), getattr(jax, name)
        z = jnp.asarray(1.0 - 2.0j)
        close(
            ours(lambda z: box.w * z**3, holomorphic=True)(z),
            theirs(lambda z: box.w * z**3, holomorphic=True)(z),
        )
        with pytest.raises(TypeError):
            theirs(lambda z: z**3)(z)
        with pytest.raises(TypeError):
            ours(lambda z: z**3)(z)
        with pytest.raises(TypeError):
            ours(lambda n: n * 2.0)(3)
    for ours, theirs in ((sj.grad, jax.grad), (sj.jacrev, jax.jacrev)):
        found = ours(lambda n: n * 2.0, allow_int=True)(jnp.asarray(3))
        assert found.dtype == theirs(lambda n: n * 2.0, allow_int=True)(jnp.asarray(3)).dtype


@jax.custom_vjp
def clipped(x: Any) -> Any:
    return x**2


clipped.defvjp(lambda x: (x**2, x), lambda x, g: (jnp.clip(g * 2.0 * x, -1.0, 1.0),))


@jax.custom_jvp
def doubled(x: Any) -> Any:
    return x**2


doubled.defjvp(lambda primals, tangents: (primals[0] ** 2, 7.0 * tangents[0]))


def test_rules_of_their_own_are_kept() -> None:
    box = Box(w=jnp.asarray(3.0))
    assert sj.grad(lambda x: clipped(box.w * x))(5.0) == 3.0
    assert sj.grad(lambda x: doubled(box.w * x))(5.0) == 21.0
    assert sj.jacfwd(lambda x: doubled(box.w * x))(5.0) == 21.0
    assert sj.jit(sj.grad(lambda: doubled(box.w) * 1.0, grad_vars=box))()["w"] == 7.0


def test_in_and_around_loops_and_lanes() -> None:
    box = Box(w=W, n=0)

    def roll(x: Any) -> Any:
        def step(c: Any, y: Any) -> Any:
            box.n += 1
            return jnp.sin(c * box.w) + y, None

        return sj.scan(step, x, jnp.arange(3.0))[0]

    def by_hand(x: Any) -> Any:
        return jax.lax.scan(lambda c, y: (jnp.sin(c * W) + y, None), x, jnp.arange(3.0))[0]

    close(sj.jacrev(roll)(X), jax.jacrev(by_hand)(X))
    assert box.n == 3
    close(
        sj.vmap(sj.hessian(lambda x: (box.w * x**3).sum()))(X),
        jax.vmap(jax.hessian(lambda x: (W * x**3).sum()))(X),
    )
    close(
        sj.for_loop(lambda x: sj.jacfwd(lambda y: box.w * y**2)(x), X),
        jax.lax.map(lambda x: jax.jacfwd(lambda y: W * y**2)(x), X),
    )


# Along directions --------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [lambda f: f, sj.jit], ids=["alone", "in jit"])
def test_jvp_vjp_and_linearize_are_those_of_jax(wrap: Any) -> None:
    box = model()
    tangent, cotangent = jnp.asarray([1.0, 0.5, -1.0]), {"a": X, "b": jnp.asarray(2.0)}

    def everything(x: Any) -> Any:
        value, along = sj.jvp(lambda x: call(box, x), (x,), (tangent,))
        again, pull = sj.vjp(lambda x: call(box, x), x)
        _, push = sj.linearize(lambda x: call(box, x), x)
        return value, along, again, pull(cotangent), push(tangent)

    value, along, again, back, pushed = wrap(everything)(X)
    fun = lambda x: pure(W, V, x)  # noqa: E731
    expected, theirs = jax.jvp(fun, (X,), (tangent,))
    close((value, along), (expected, theirs))
    close((again, pushed), (expected, theirs))
    close(back, jax.vjp(fun, X)[1](cotangent))
    assert box.calls == 3 and not tracers_in(box)


def test_trees_aux_and_several_arguments() -> None:
    box = model()

    def fun(tree: Any, y: Any) -> Any:
        box.calls += 1
        return box.w * tree["p"] * y, {"n": 2, "y": y}

    def by_hand(tree: Any, y: Any) -> Any:
        return W * tree["p"] * y

    args, tangents = ({"p": X}, 2.0), ({"p": jnp.ones(3)}, 0.5)
    value, along, aux = sj.jvp(fun, args, tangents, has_aux=True)
    close((value, along), jax.jvp(by_hand, args, tangents))
    assert aux["n"] == 2 and aux["y"] == 2.0
    value, pull, aux = sj.vjp(fun, *args, has_aux=True)
    close(pull(X), jax.vjp(by_hand, *args)[1](X))
    value, push, aux = sj.linearize(fun, *args, has_aux=True)
    close(push(*tangents), jax.linearize(by_hand, *args)[1](*tangents))
    assert box.calls == 3


def test_no_plan_keeps_a_model_alive() -> None:
    for way in (
        lambda fun: sj.jvp(fun, (X,), (X,)),
        lambda fun: sj.vjp(fun, X)[1]({"a": X, "b": jnp.asarray(1.0)}),
        lambda fun: sj.jacrev(fun)(X),
        lambda fun: sj.checkpoint(fun)(X),
    ):
        box = Box(w=W, v=V, calls=0, seen=jnp.zeros(()), call=None)
        kept = weakref.ref(box)
        way(lambda x, box=box: call(box, x))
        del box
        gc.collect()
        assert kept() is None


def test_hessian_vector_products() -> None:
    box = model()
    vector = jnp.asarray([1.0, 2.0, -1.0])
    found = sj.hvp(lambda x: call(box, x)["b"], (X,), (vector,))
    close(found, jax.hessian(lambda x: pure(W, V, x)["b"])(X) @ vector)
    assert box.calls == 1


def test_misfits_are_refused_as_in_jax() -> None:
    box = model()
    for args in (((X,), (X, X)), (X, X), ((X,), (jnp.ones(2),)), ((1,), (1,))):
        with pytest.raises((TypeError, ValueError)):
            sj.jvp(lambda x: box.w * x, *args)
    _, pull = sj.vjp(lambda x: call(box, x), X)
    with pytest.raises((TypeError, ValueError)):
        pull(X)


# What is computed again ---------------------------------------------------------------------------


def test_checkpoint_changes_nothing_but_what_is_kept() -> None:
    box, runs = model(), Runs()

    def layer(x: Any) -> Any:
        runs()
        box.calls += 1
        box.seen = box.seen + x.sum()
        return jnp.sin(jnp.sin(box.w * x))

    policy = jax.checkpoint_policies.everything_saveable
    for wrap in (sj.checkpoint(layer), sj.remat(layer, policy=policy, prevent_cse=False)):
        seen, calls = box.seen, box.calls
        slope = sj.jit(sj.grad(lambda x, wrap=wrap: wrap(x).sum(), grad_vars=box))(X)
        close(slope["w"], jax.grad(lambda w: jnp.sin(jnp.sin(w * X)).sum())(W))
        close(box.seen, seen + X.sum())
        assert box.calls == calls + 1
    close(sj.checkpoint(layer)(X), jnp.sin(jnp.sin(W * X)))
    text = str(
        jax.make_jaxpr(sj.functionalize(sj.checkpoint(layer), X)[0])(
            sj.functionalize(sj.checkpoint(layer), X)[1], X
        )
    )
    assert "checkpoint" in text or "remat" in text


def test_stop_gradient() -> None:
    box = Box(w=jnp.asarray(2.0), a=snp.array([1.0, 2.0]))
    assert sj.grad(lambda x: sj.stop_gradient(box.w * x) * x)(3.0) == 6.0
    found = sj.grad(lambda x: (sj.stop_gradient(box.a * x) * x).sum())(3.0)
    assert found == 9.0 and isinstance(sj.stop_gradient(box.a), sj.Array)
