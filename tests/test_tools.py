"""Tools see what a function does; those that only look change nothing."""

from __future__ import annotations

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
