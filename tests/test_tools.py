"""Tools see what a function does; those that only look change nothing."""

from __future__ import annotations

import queue
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import checkify
from observing import Observer, difference
from stateful import Box

import statejit as sj
import statejit.numpy as snp

X = jnp.asarray([1.0, 4.0])


def model() -> Any:
    return Box(w=jnp.asarray([2.0, 3.0]), a=snp.zeros(2), n=0, seen=jnp.zeros(()))


def call(box: Any, x: Any) -> Any:
    box.n += 1
    box.seen = box.seen + x.sum()
    box.a[0] += 1.0
    return {"y": box.w * x, "a": box.a, "n": box.n, "none": None}


@pytest.mark.parametrize("wrap", [lambda f: f, sj.jit], ids=["alone", "in jit"])
def test_eval_shape_and_make_jaxpr_change_nothing(wrap: Any) -> None:
    box = model()
    before = Observer().picture(box)
    seen = []

    def look(x: Any) -> None:
        shapes = sj.eval_shape(lambda x: call(box, x), x)
        jaxpr, again = sj.make_jaxpr(lambda x: call(box, x), return_shape=True)(x)
        with sj.unwatched():
            seen.append((shapes, jaxpr, again))

    if wrap is sj.jit:
        sj.jit(lambda x: sj.eval_shape(lambda x: call(box, x), x)["y"].shape)(X)
    else:
        look(X)
        ((shapes, jaxpr, again),) = seen
        assert shapes == again
        assert shapes["y"] == jax.ShapeDtypeStruct((2,), jnp.float32)
        assert shapes["a"].shape == (2,) and shapes["n"].shape == () and shapes["none"] is None
        assert len(jaxpr.jaxpr.invars) == 4  # w, a, seen and x
    assert difference(before, Observer().picture(box)) is None


def test_eval_shape_takes_descriptions() -> None:
    box = model()
    found = sj.eval_shape(lambda x: call(box, x), jax.ShapeDtypeStruct((2,), jnp.float32))
    assert found["y"].shape == (2,) and box.n == 0


@pytest.mark.parametrize("wrap", [lambda f: f, sj.jit], ids=["alone", "in jit"])
def test_checkify_returns_the_error_and_commits(wrap: Any) -> None:
    box = model()

    def root(x: Any) -> Any:
        box.n += 1
        box.seen = box.seen + x.sum()
        checkify.check((x >= 0).all(), "negative")
        return jnp.sqrt(x) * box.w

    run = wrap(sj.checkify(root))
    error, y = run(X)
    assert error.get() is None
    np.testing.assert_allclose(y, [2.0, 6.0])
    error, _ = run(-X)
    with pytest.raises(checkify.JaxRuntimeError, match="negative"):
        error.throw()
    assert (box.n, box.seen.item()) == (2, 0.0)
    found, _ = wrap(sj.checkify(lambda x: jnp.log(x) * box.w, errors=checkify.float_checks))(-X)
    assert "nan" in found.get()


def test_names_show_in_the_program() -> None:
    box = model()

    def fun(x: Any) -> Any:
        with jax.named_scope("inner part"):
            return sj.named_call(lambda x: call(box, x)["y"], name="the_call")(x)

    text = sj.jit(fun).lower(X).as_text(debug_info=True)
    assert "the_call" in text and "inner part" in text
    np.testing.assert_array_equal(sj.named_call(fun)(X), [2.0, 12.0])
    assert box.n == 1


def test_printing_and_callbacks_work_inside(capfd: Any) -> None:
    box, seen = model(), []

    def step(x: Any) -> Any:
        box.n += 1
        jax.debug.print("step {n} {x}", n=box.n, x=x)
        jax.debug.callback(seen_by(seen), x)
        return x

    sj.jit(lambda xs: sj.for_loop(step, xs))(X)
    jax.effects_barrier()
    assert [float(x) for x in seen] == [1.0, 4.0]
    assert "step 1 1.0" in capfd.readouterr().out


def seen_by(seen: list[Any]) -> Any:
    return seen.append


def test_names_of_scopes_are_in_the_compiled_program() -> None:
    box = model()

    def scoped(x: Any) -> Any:
        with sj.named_scope("scores"):
            box.seen = box.seen + jnp.sin(x).sum()
        return x

    run = sj.jit(lambda: sj.grad(lambda x: sj.for_loop(scoped, jnp.stack([x, x])).sum())(X))
    assert "scores" in run.lower().compile().as_text()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda f: lambda: f(X),
        lambda f: sj.jit(lambda: f(X)),
        lambda f: lambda: sj.vmap(f, out_axes=None)(jnp.stack([X])),
        lambda f: lambda: sj.grad(lambda x: f(x) or x.sum())(X),
        lambda f: lambda: sj.for_loop(f, X[None]),
        lambda f: lambda: sj.cond(jnp.asarray(True), f, lambda x: None, X),
    ],
    ids=["alone", "jit", "vmap", "grad", "for_loop", "cond"],
)
def test_debug_print_and_callback_see_values(wrap: Any, capsys: Any) -> None:
    a, seen = snp.ones(2), queue.SimpleQueue()

    def look(x: Any) -> None:
        a2 = a * 2
        sj.debug.print("{} and {x}", a2, x=x[0])
        sj.debug.callback(seen.put, a2)
        a2[0] = 7.0  # what was given is as it was

    wrap(look)()
    jax.effects_barrier()
    assert capsys.readouterr().out == "[2. 2.] and 1.0\n"
    np.testing.assert_array_equal(seen.get(), [2.0, 2.0])
    assert seen.empty()
