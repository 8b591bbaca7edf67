"""Loops do what Python loops do: with arrays, mutable arrays, numbers, containers and keys."""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from observing import Observer, difference, tracers_in
from stateful import STEPS, Box, Runs

import statejit as sj
import statejit.numpy as snp
from statejit.errors import CarryTypeError, TracedControlFlowError

XS = np.array([0.5, -1.0, 2.0, 3.0], np.float32)


def value(y: Any) -> Any:
    return np.array(y.value if isinstance(y, sj.Array) else y)


def by_python(step: Any, box: Any) -> Any:
    return np.stack([value(step(box, x)) for x in jnp.asarray(XS)])


def by_for_loop_in_jit(step: Any, box: Any) -> Any:
    return value(sj.jit(lambda b, xs: sj.for_loop(lambda x: step(b, x), xs))(box, jnp.asarray(XS)))


def by_scan_in_grad(step: Any, box: Any) -> Any:
    def loss(z: Any) -> Any:
        (last, n), ys = sj.scan(
            lambda carry, x: ((carry[0] * z, carry[1] + 1), step(box, x)), (1.0, 0), jnp.asarray(XS)
        )
        return last, (n, ys)

    slope, (n, ys) = sj.grad(loss, has_aux=True)(2.0)
    assert slope == 32.0 and n == 4
    return value(ys)


def by_fori_loop(step: Any, box: Any) -> Any:
    xs = jnp.asarray(XS)
    ys = jnp.zeros((4, *np.shape(by_python(step, STEPS[step.__name__][0]())[0])))
    sj.random.seed(0)
    return value(sj.fori_loop(0, 4, lambda i, ys: ys.at[i].set(jnp.asarray(step(box, xs[i]))), ys))


def by_nested_loops(step: Any, box: Any) -> Any:
    rows = jnp.asarray(XS).reshape(2, 2)
    ys = value(sj.for_loop(lambda row: sj.for_loop(lambda x: step(box, x), row), rows))
    return ys.reshape(4, *ys.shape[2:])


WAYS = (by_for_loop_in_jit, by_scan_in_grad, by_fori_loop, by_nested_loops)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", STEPS)
def test_a_loop_does_what_a_python_loop_does(name: str, way: Callable[..., Any]) -> None:
    make, step = STEPS[name]
    pictures = []
    for run in (by_python, way):
        sj.random.seed(0)
        box = make()
        ys = run(step, box)
        assert not tracers_in((box, ys))
        pictures.append(Observer().picture((box, ys, sj.random.uniform().value)))
    found = difference(*pictures)
    assert found is None, str(found)


# A program of its own only where it must be -------------------------------------------------------


PEELED = {
    *("none_becomes_an_array", "the_first_step_is_another"),
    "an_attribute_is_made_again_beside_a_new_one",
}


@pytest.mark.parametrize("name", sorted(set(STEPS) - PEELED))
def test_the_code_of_a_step_runs_once_also_in_nested_loops(name: str) -> None:
    make, step = STEPS[name]
    box, runs = make(), Runs()

    def counted(x: Any) -> Any:
        runs()
        return step(box, x)

    retried = {"a_ring_buffer", "a_number_is_compared_with_an_array"}  # see `docs/limits.md`
    rows = jax.ShapeDtypeStruct((2, 2), jnp.float32)  # traced, and not compiled
    sj.eval_shape(lambda rows: sj.for_loop(lambda row: sj.for_loop(counted, row), rows), rows)
    assert runs.n == 1 or name in retried, runs.n


def test_what_is_kept_of_each_step_in_a_place_that_none_reads() -> None:
    box = Box(w=jnp.ones(2), best=jnp.zeros(2))

    def step(x: Any) -> None:
        box.best = box.w
        box.w = box.w + x

    sj.for_loop(step, jnp.asarray(XS))
    np.testing.assert_array_equal(box.w, np.full(2, 1.0 + sum(XS), np.float32))
    np.testing.assert_array_equal(box.best, box.w - XS[-1])


def test_a_loop_outside_of_jit_compiles_once() -> None:
    box, runs = Box(total=jnp.zeros(()), calls=0), Runs()

    def loop() -> None:
        def step(x: Any) -> None:
            runs()
            box.calls += 1
            box.total = box.total + x

        sj.for_loop(step, jnp.asarray(XS))

    for _ in range(6):
        loop()
    assert box.calls == 24 and runs.n <= 2  # the second value of a number makes it vary


def test_a_first_step_that_changes_the_structure_is_traced_on_its_own() -> None:
    box, runs = Box(previous=None), Runs()

    def step(x: Any) -> Any:
        runs()
        y = x if box.previous is None else box.previous + x
        box.previous = x
        return y

    ys = sj.for_loop(step, jnp.asarray(XS))
    assert runs.n == 2
    np.testing.assert_array_equal(ys, np.convolve(XS, [1, 1])[:4])


def loops_in(jaxpr: Any) -> list[Any]:
    found = []
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("scan", "while"):
            found.append(equation)
        for value in jax.tree.leaves(list(equation.params.values())):
            if hasattr(value, "eqns"):
                found += loops_in(getattr(value, "jaxpr", value))
    return found


def test_a_loop_carries_no_more_than_the_hand_written_one() -> None:
    box = Box(w=jnp.ones(3), v=jnp.zeros(3), unused=jnp.ones(7), items=[jnp.ones(3)])

    def step(x: Any) -> Any:
        box.v = box.v * 0.9 + box.w * x + box.items[0]
        return box.v.sum()

    pure, variables = sj.functionalize(lambda: sj.for_loop(step, jnp.asarray(XS)))
    (ours,) = loops_in(jax.make_jaxpr(lambda v: pure(v))(variables).jaxpr)

    def by_hand(w: Any, v: Any, item: Any) -> Any:
        def one(v: Any, x: Any) -> Any:
            v = v * 0.9 + w * x + item
            return v, v.sum()

        return jax.lax.scan(one, v, jnp.asarray(XS))

    (theirs,) = loops_in(jax.make_jaxpr(by_hand)(jnp.ones(3), jnp.zeros(3), jnp.ones(3)).jaxpr)
    for ends in ("invars", "outvars"):
        assert len(getattr(ours, ends)) == len(getattr(theirs, ends))


def test_a_loop_carries_no_more_for_python_numbers() -> None:
    box = Box(v=jnp.zeros(3), n=0, t=0.0, dt=0.1, on=True, name="box")

    def step(x: Any) -> Any:
        box.n += 1
        box.t += box.dt
        if box.on and box.name == "box":
            box.v = box.v * 0.9 + x * box.t
        return box.v.sum()

    (ours,) = loops_in(sj.make_jaxpr(lambda: sj.for_loop(step, jnp.asarray(XS)))().jaxpr)

    def by_hand(v: Any, t: Any, dt: Any) -> Any:
        def one(carry: Any, x: Any) -> Any:
            v, t = carry
            t = t + dt
            v = v * 0.9 + x * t
            return (v, t), v.sum()

        return jax.lax.scan(one, (v, t), jnp.asarray(XS))

    (theirs,) = loops_in(jax.make_jaxpr(by_hand)(jnp.zeros(3), 0.0, 0.1).jaxpr)
    assert len(ours.invars) < len(theirs.invars)  # numbers are counted by Python
    assert len(ours.outvars) < len(theirs.outvars)


# scan and its kin --------------------------------------------------------------------------------


def test_scan_is_that_of_jax() -> None:
    def body(carry: Any, x: Any) -> Any:
        a, b = carry["a"], carry["b"]
        return {"a": a + x["p"], "b": b * 2}, (a, x["q"])

    init = {"a": jnp.zeros(2), "b": jnp.asarray(3)}
    xs = {"p": jnp.arange(6.0).reshape(3, 2), "q": jnp.arange(3)}
    for options in ({}, {"reverse": True}, {"unroll": 2}, {"unroll": True}, {"length": 3}):
        ours = sj.scan(body, init, xs, **options)
        theirs = jax.lax.scan(body, init, xs, **options)
        assert jax.tree.structure(ours) == jax.tree.structure(theirs)
        for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["calls_are_counted", "a_ring_buffer", "none_becomes_an_array"])
def test_a_reversed_loop_is_a_reversed_python_loop(name: str) -> None:
    make, step = STEPS[name]
    one, other = make(), make()
    ys = sj.for_loop(lambda x: step(one, x), jnp.asarray(XS), reverse=True, unroll=3)
    eager = [step(other, x) for x in jnp.asarray(XS[::-1])][::-1]
    np.testing.assert_allclose(ys, jnp.stack(eager), rtol=1e-6)
    assert difference(Observer().picture(other), Observer().picture(one)) is None


@pytest.mark.parametrize("jit", [False, None])
def test_for_loop_takes_several_arrays_and_trees(jit: Any) -> None:
    box = Box(n=0)

    def step(x: Any, tree: Any) -> Any:
        box.n += 1
        return {"sum": x + tree["a"], "n": box.n * x}

    found = sj.for_loop(step, jnp.arange(3.0), {"a": snp.ones(3)}, jit=jit)
    assert box.n == 3 and type(box.n) is int
    np.testing.assert_array_equal(jnp.asarray(found["sum"]), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(jnp.asarray(found["n"]), [0.0, 2.0, 6.0])


def test_a_loop_over_nothing_changes_nothing() -> None:
    box = Box(n=3, total=jnp.ones(()))

    def step(x: Any) -> Any:
        box.n += 1
        box.total = box.total + x
        return box.total

    assert sj.for_loop(step, jnp.zeros((0,))).shape == (0,)
    assert (box.n, box.total.item()) == (3, 1.0)
    assert sj.fori_loop(3, 3, lambda i, c: c + 1, 5) == 5


COUNTERS = {
    "counts": dict(n=2**31 - 4, t=0.1, dt=0.3),
    "counts backwards": dict(n=-(2**40), t=1e16, dt=-0.7),
    "are of other types": dict(n=True, t=1, dt=2),
    "overflow": dict(n=0, t=1e308, dt=1e308),
    "are no numbers": dict(n=0, t=math.nan, dt=math.inf),
}


@pytest.mark.parametrize("start", COUNTERS.values(), ids=COUNTERS)
def test_numbers_that_only_count_are_python_s_own(start: Any) -> None:
    ours, theirs = Box(**start, by=-3), Box(**start, by=-3)

    def step(box: Any, x: Any) -> Any:
        box.n += box.by
        box.t = box.t + box.dt
        return x * box.t

    for _ in range(2):
        ys = sj.for_loop(lambda x: step(ours, x), jnp.asarray(XS))
        np.testing.assert_array_equal(ys, [step(theirs, x) for x in jnp.asarray(XS)])
        assert repr((ours.n, ours.t)) == repr((theirs.n, theirs.t))


def test_while_loop_does_what_while_does() -> None:
    for wrap in (lambda f: f, sj.jit):
        box = Box(n=0, x=jnp.asarray(8.0), t=0.0, a=snp.zeros(2))

        def body(c: Any, box: Any = box) -> Any:
            box.n += 1
            box.t += 0.5
            box.x = box.x / 2
            box.a[0] += box.n
            return c + 1

        count = wrap(lambda box, body: sj.while_loop(lambda c: box.x > 1, body, 0))(box, body)
        assert (count.item(), box.n, box.t, box.x.item()) == (3, 3, 1.5, 1.0)
        assert type(box.n) is int and type(box.t) is float and box.a[0].item() == 6.0


def test_what_a_step_leaves_weakly_typed_is_carried() -> None:
    box = Box(v=jnp.zeros(()))

    def body(c: Any) -> Any:
        box.v = jnp.asarray(2.0)
        return c + 1

    sj.while_loop(lambda c: c < 3, body, 0)
    assert (box.v.item(), box.v.dtype, box.v.weak_type) == (2.0, jnp.float32, False)


def test_while_loop_makes_no_attribute_again() -> None:
    """It may go round not once, and then the attribute stays where it was among the others."""
    box = Box(v=jnp.zeros(()), w=jnp.ones(()))

    def body(i: Any) -> Any:
        v = box.v
        del box.v
        box.v = v + 1
        return i + 1

    with pytest.raises(CarryTypeError, match="box.v.*\n.*among others"):
        sj.jit(lambda n: sj.while_loop(lambda i: i < n, body, 0))(jnp.asarray(2))


def test_while_loop_may_go_round_not_once() -> None:
    box = Box(n=4, x=jnp.asarray(1.0))

    def body(c: Any) -> Any:
        box.n += 1
        box.x = box.x + 1
        return c

    sj.while_loop(lambda c: box.x > 3, body, 0)
    assert (box.n, box.x.item()) == (4, 1.0)


def test_fori_loop_with_bounds_that_only_the_program_knows() -> None:
    box = Box(n=0)

    def body(i: Any, total: Any) -> Any:
        box.n += 2
        return total + i

    total = sj.jit(lambda m: sj.fori_loop(1, m, body, 0))(jnp.asarray(4))
    assert (total.item(), box.n) == (6, 6)


def test_map_and_associative_scan_are_those_of_jax() -> None:
    box = Box(w=jnp.asarray(2.0), n=0)

    def times(x: Any) -> Any:
        box.n += 1
        return x * box.w

    np.testing.assert_array_equal(sj.map(times, jnp.arange(3.0)), [0.0, 2.0, 4.0])
    assert box.n == 3
    elements = jnp.asarray([1.0, 2.0, 3.0, 4.0])
    for reverse in (False, True):
        np.testing.assert_array_equal(
            sj.associative_scan(lambda a, b: a * b, elements, reverse=reverse),
            jax.lax.associative_scan(jnp.multiply, elements, reverse=reverse),
        )


@pytest.mark.parametrize("remat", [False, True])
def test_gradients_go_through_loops(remat: bool) -> None:
    def fun(w: Any, v: Any) -> Any:
        box = Box(v=v, a=snp.zeros(2), n=0)

        def step(x: Any) -> Any:
            box.n += 1
            box.v = jnp.tanh(w * box.v + x) * box.n
            box.a[0] += box.v.sum()
            return box.v

        ys = sj.for_loop(step, jnp.asarray(XS), remat=remat)
        return ys.sum() + box.a.sum()

    check_grads(sj.jit(fun), (0.3, jnp.asarray([0.1, 0.2])), order=1, modes=["rev"], atol=0.05)
    box = Box(w=jnp.asarray(0.3))
    slope = sj.grad(lambda v: fun(box.w, v), grad_vars=box)(jnp.asarray([0.1, 0.2]))
    up, down = (fun(jnp.asarray(w), jnp.asarray([0.1, 0.2])) for w in (0.301, 0.299))
    np.testing.assert_allclose(slope["w"], (up - down) / 0.002, rtol=1e-2)


def test_disable_jit_runs_the_steps_in_python() -> None:
    runs, box = Runs(), Box(total=jnp.zeros(()), n=0)

    def step(x: Any) -> Any:
        runs()
        box.n += 1
        box.total = box.total + float(x)
        return box.total

    with jax.disable_jit():
        ys = sj.for_loop(step, jnp.asarray(XS))
        assert sj.while_loop(lambda c: c < 3, lambda c: c + 1, 0) == 3
        assert sj.fori_loop(0, 3, lambda i, c: c + i, 0) == 3
    assert runs.n == box.n == 4
    np.testing.assert_array_equal(ys, np.cumsum(XS))


class Bar:
    """Stands for `tqdm.tqdm`, which need not be installed."""

    made: list[Bar] = []

    def __init__(self, total: int, desc: str | None) -> None:
        self.total, self.desc, self.n, self.updates, self.closed = total, desc, 0, [], False
        Bar.made.append(self)

    def update(self, n: int) -> None:
        self.n += n
        self.updates.append(self.n)

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("options", [{}, {"jit": False}, {"reverse": True}])
def test_a_progress_bar_shows_the_steps(options: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    monkeypatch.setattr(Bar, "made", [])
    box = Box(n=0)

    def step(x: Any) -> Any:
        box.n += 1
        return x

    sj.clear_cache()
    for _ in range(2):
        bar = sj.ProgressBar(freq=4, desc="run")
        sj.for_loop(step, jnp.arange(10.0), progress_bar=bar, **options)
        jax.effects_barrier()
    sj.scan(lambda c, x: (c, step(x)), 0.0, jnp.arange(40.0), progress_bar=True)
    jax.effects_barrier()
    first, second, third = Bar.made
    assert first.updates == second.updates == [2, 6, 10] and first.closed and second.closed
    assert (first.total, first.desc) == (10, "run")
    assert third.updates == list(range(0, 41, 2)) and box.n == 60
    with pytest.raises(TypeError, match="progress_bar"):
        sj.for_loop(step, jnp.arange(3.0), progress_bar="yes")


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_loop_with_a_progress_bar_is_the_loop_without(
    count: int, reverse: bool, monkeypatch: Any
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    monkeypatch.setattr(Bar, "made", [])
    keys = jax.random.split(jax.random.key(0), count)

    def total(x: jax.Array, bar: Any) -> Any:
        box = Box(n=0, v=x)

        def step(row: jax.Array, key: jax.Array) -> Any:
            box.n += 1
            box.v = jnp.sin(box.v) + row * jax.random.uniform(key)
            return {"v": box.v, "n": box.n}

        xs = x * jnp.arange(1.0, count + 1), keys
        ys = sj.for_loop(step, *xs, reverse=reverse, unroll=2, progress_bar=bar)
        return (ys["v"] * ys["n"]).sum() + box.v * box.n

    x = jnp.array([0.5, 1.5])
    of_lanes = [sj.vmap(sj.grad(lambda x, bar=bar: total(x, bar)))(x) for bar in (False, 3)]
    jax.effects_barrier()
    np.testing.assert_allclose(*of_lanes, rtol=1e-6)
    assert [bar.updates[-1] for bar in Bar.made] == [count]  # one bar, not one for each lane


# What is refused ---------------------------------------------------------------------------------


def refused(fun: Callable[[Any], Any], box: Any, error: type[BaseException], *parts: str) -> None:
    before = Observer().picture(box)
    with pytest.raises(error) as info:
        fun(box)
    for part in parts:
        assert part in str(info.value), str(info.value)
    assert not tracers_in(box)
    assert difference(before, Observer().picture(box)) is None


def test_a_shape_that_grows_is_refused() -> None:
    def fun(box: Any) -> None:
        def step(x: Any) -> None:
            box.n += 1
            box.v = jnp.append(box.v, x)

        sj.for_loop(step, jnp.arange(9.0))

    box = Box(v=jnp.zeros(1), n=0)
    refused(fun, box, sj.errors.CarryTypeError, "box.v", "float32[5]", "Do:", "test_loops.py:")


def test_a_list_that_grows_is_refused() -> None:
    def fun(box: Any) -> None:
        sj.for_loop(lambda x: box.items.append(x), jnp.arange(9.0))

    refused(fun, Box(items=[]), sj.errors.CarryTypeError, "box.items", "Do:")


def test_a_dtype_that_changes_in_a_while_loop_is_refused() -> None:
    def fun(box: Any) -> None:
        def body(c: Any) -> Any:
            box.v = box.v + 0.5
            return c + 1

        sj.while_loop(lambda c: c < 3, body, 0)

    box = Box(v=jnp.zeros((), jnp.int32))
    refused(fun, box, sj.errors.CarryTypeError, "box.v", "int32[]", "float32[]", "test_loops.py:")


def test_the_condition_of_a_while_loop_writes_nothing() -> None:
    def fun(box: Any) -> None:
        def cond(c: Any) -> Any:
            box.n += 1
            return c < 3

        sj.while_loop(cond, lambda c: c + 1, 0)

    refused(fun, Box(n=0), sj.errors.RawTransformError, "box.n", "condition")


def test_a_traced_value_does_not_steer_a_step() -> None:
    def fun(box: Any) -> None:
        def step(x: Any) -> None:
            box.n += 1
            if box.v > 0:
                box.v = box.v - x

        sj.for_loop(step, jnp.arange(3.0))

    box = Box(v=jnp.ones(()), n=0)
    refused(fun, box, TracedControlFlowError, "box.v", "test_loops.py:")


def test_an_error_of_the_users_changes_nothing() -> None:
    def fun(box: Any) -> None:
        def step(x: Any) -> None:
            box.v = box.v + x
            box.items.append(x)
            raise KeyError("mine")

        sj.for_loop(step, jnp.arange(3.0))

    refused(fun, Box(v=jnp.ones(()), items=[]), KeyError, "mine")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: sj.scan(lambda c, x: c, 0.0, jnp.arange(3)), TypeError),
        (lambda: sj.for_loop(lambda x, y: x, jnp.arange(3), jnp.arange(4)), ValueError),
        (lambda: sj.for_loop(lambda: 1), ValueError),
        (lambda: sj.for_loop(lambda x: x, jnp.zeros(())), ValueError),
        (lambda: sj.for_loop(lambda x: "text", jnp.arange(3)), TypeError),
    ],
)
def test_misuse_raises_what_jax_raises(call: Any, error: type[BaseException]) -> None:
    with pytest.raises(error):
        call()


def test_a_list_that_holds_itself_is_carried() -> None:
    box = Box(items=[jnp.zeros(())])
    box.items.append(box.items)

    def body() -> None:
        box.items[0] = box.items[1][0] + 1.0

    sj.for_loop(body, length=3)
    assert box.items[0] == 3.0 and box.items[1] is box.items


def test_a_number_that_goes_into_a_mutable_array_stays_a_number() -> None:
    box = Box(a=snp.zeros(3), t=0.25, n=0, last=0.0)

    def body() -> None:
        box.a[box.n] = box.t
        box.t += 0.5
        box.n += 1
        box.last = box.t

    sj.for_loop(body, length=3)
    assert (type(box.last), box.last, box.t, box.n) == (float, 1.75, 1.75, 3)
    np.testing.assert_array_equal(box.a, [0.25, 0.75, 1.25])


@pytest.mark.parametrize("transform", ["for_loop", "vmap"])
def test_functions_and_frozen_sets_made_in_a_body_keep_what_they_hold(transform: str) -> None:
    box = Box(w=jnp.ones(2), b=jnp.zeros(2), fun=None, names=frozenset())

    def body(x: Any = 0) -> Any:
        box.b = box.b - 1.0
        y = box.w * 3.0
        again = lambda z, k: z + y if k == 0 else again(z, k - 1)  # noqa: E731
        box.fun = again
        name = lambda: setattr(box, "names", frozenset(["a"]))  # noqa: E731
        sj.cond(box.b[0] > 0, name, name)
        return x

    sj.for_loop(body, length=2) if transform == "for_loop" else sj.vmap(body)(jnp.zeros(2))
    assert box.names == {"a"}
    np.testing.assert_array_equal(box.fun(1.0, 1), [4.0, 4.0])


def sliced(box: Box, x: Any) -> Any:
    return x + box.v[box.n : box.n + 2].sum()


def sliced_mutable(box: Box, x: Any) -> Any:
    return x + box.a[box.n : box.n + 2].sum()


def shaped(box: Box, x: Any) -> Any:
    return x + jnp.zeros(box.n).sum()


@pytest.mark.parametrize(
    ("use", "advice"),
    [(sliced, "dynamic_slice_in_dim"), (sliced_mutable, "dynamic_slice"), (shaped, "the shape")],
)
def test_a_shape_that_depends_on_a_number_that_steps_change_is_refused(use, advice) -> None:
    box = Box(n=0, v=jnp.arange(9.0), a=snp.arange(9.0))

    def step(x: Any) -> Any:
        y = use(box, x)
        box.n += 1
        return y

    with pytest.raises(TracedControlFlowError, match=rf"box.n(.|\n)*Do: .*{advice}"):
        sj.for_loop(step, jnp.asarray(XS))
    assert box.n == 0


def test_while_loop_refuses_integers_beyond_those_of_jax() -> None:
    box = Box(n=2**40)

    def body(c: Any) -> Any:
        box.n += 1
        return c + 1

    with pytest.raises(CarryTypeError, match=r"box.n is carried(.|\n)*Do: .*x64"):
        sj.while_loop(lambda c: c < 3, body, 0)
    assert box.n == 2**40


def test_an_overlapping_write_in_a_step_is_one_write_in_place() -> None:
    """A second one, which XLA for CPUs wants for arrays that are made inside, copies the array."""
    box = Box(a=snp.arange(20.0).reshape(10, 2))

    def step(i: Any) -> Any:
        box.a[3:5] = box.a[2:4]
        box.a[i] += box.a[i - 1]

    (loop,) = loops_in(sj.make_jaxpr(lambda: sj.for_loop(step, jnp.arange(3)))().jaxpr)
    writes = [e.primitive.name for e in loop.params["jaxpr"].jaxpr.eqns]
    assert [n for n in writes if "update_slice" in n or "scatter" in n] == [
        "dynamic_update_slice",
        "scatter",
    ]
