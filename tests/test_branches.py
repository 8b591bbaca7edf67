"""Branches do what `if` does: state, numbers, containers and keys of the branch that is taken."""

from __future__ import annotations

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
from statejit.errors import BranchError, CarryTypeError

X = np.float32(1.5)

CREATES = {
    *("an_attribute_is_created", "none_becomes_an_array", "attributes_are_made_again"),
    *("an_attribute_is_made_again_beside_a_new_one", "a_key_is_kept_where_no_step_reads_it"),
}
"""Steps after which the structure is another: one branch can't do what the other does not."""

KINDS = {"a_flag_is_set", "an_object_is_replaced", "numbers_grow_past_what_arrays_hold"}
"""Steps that set what can't be an array, or an integer that does not fit into one."""


def by_if(pred: bool, step: Any, box: Any, x: Any) -> Any:
    return step(box, x) if pred else None


def by_cond(pred: bool, step: Any, box: Any, x: Any) -> Any:
    sj.cond(jnp.asarray(pred), lambda x: (step(box, x), None)[1], lambda x: None, x)


def by_switch_in_jit(pred: bool, step: Any, box: Any, x: Any) -> Any:
    def fun(index: Any, box: Any, x: Any) -> None:
        sj.switch(index, [lambda x: None, lambda x: (step(box, x), None)[1]], x)

    sj.jit(fun)(jnp.asarray(int(pred)), box, x)


def by_nested_ifelse(pred: bool, step: Any, box: Any, x: Any) -> Any:
    def inner() -> None:
        sj.cond(x > 1, lambda: (step(box, x), None)[1], lambda: None)

    sj.ifelse([jnp.asarray(False), jnp.asarray(pred)], [None, inner, None])


@pytest.mark.parametrize("way", [by_cond, by_switch_in_jit, by_nested_ifelse])
@pytest.mark.parametrize("name", sorted(set(STEPS) - CREATES - KINDS))
def test_a_branch_does_what_if_does(name: str, way: Callable[..., Any]) -> None:
    make, step = STEPS[name]
    for pred in (True, False):
        pictures = []
        for run in (by_if, way):
            sj.random.seed(0)
            box = make()
            run(pred, step, box, jnp.asarray(X))
            assert not tracers_in(box)
            if hasattr(box, "t"):
                box.t = round(box.t, 6)  # a float that branches set has an array's precision
            pictures.append(Observer().picture((box, sj.random.uniform().value)))
        found = difference(*pictures)
        assert found is None, str(found)


@pytest.mark.parametrize("name", sorted(CREATES | KINDS))
def test_a_structure_that_only_one_branch_makes_is_refused(name: str) -> None:
    make, step = STEPS[name]
    box = make()
    before = Observer().picture(box)
    with pytest.raises(BranchError, match="Do:"):
        by_cond(True, step, box, jnp.asarray(X))
    assert difference(before, Observer().picture(box)) is None


def test_branches_touch_different_slots() -> None:
    box = Box(a=jnp.zeros(()), b=jnp.zeros(()), n=0, m=0.0)

    def left(x: Any) -> Any:
        box.a = box.a + x
        box.n += 1
        return box.a

    def right(x: Any) -> Any:
        box.b = box.b - x
        box.m += 0.5
        return box.b

    run = sj.jit(lambda p, x: sj.cond(p, left, right, x))
    assert run(True, 2.0).item() == 2.0 and run(jnp.asarray(False), 3.0).item() == -3.0
    assert (box.a.item(), box.b.item(), box.n, box.m) == (2.0, -3.0, 1, 0.5)
    assert type(box.n) is int and type(box.m) is float


def test_branches_that_create_the_same_attribute() -> None:
    box = Box()

    def left(x: Any) -> None:
        box.made, box.n = x, 1

    def right(x: Any) -> None:
        box.made, box.n = -x, 2

    sj.cond(jnp.asarray(False), left, right, jnp.asarray(3.0))
    assert box.made.item() == -3.0 and box.n == 2


def test_branches_that_make_attributes_again() -> None:
    boxes = []
    for cond in (lambda p, f, g: f() if p else g(), sj.cond):
        box = Box(v=jnp.zeros(()), w=jnp.ones(()), n=1)

        def again(x: float, box: Box = box) -> None:
            v = box.v
            del box.v
            box.new, box.v = x, v + x

        cond(jnp.asarray(False), lambda a=again: a(1.0), lambda a=again: a(2.0))
        boxes.append(box)
    found = difference(*[Observer().picture(box) for box in boxes])
    assert found is None, str(found)


def test_branches_that_create_what_holds_itself() -> None:
    box = Box(made=None)

    def make(w: Any) -> None:
        box.made = Box(w=w, items=[])
        box.made.me = box.made
        box.made.items += [box.made.items, w]

    sj.jit(lambda x: sj.cond(x > 0, lambda: make(x), lambda: make(-x)))(jnp.asarray(-2.0))
    made = box.made
    assert made.me is made and made.items[0] is made.items
    assert (made.w.item(), made.items[1].item()) == (2.0, 2.0)


def test_constants_and_python_values() -> None:
    three = jnp.asarray(3)
    assert sj.cond(three > 2, 1, 2) == 1
    assert sj.switch(three, [1.0, lambda: 2.0]) == 2.0
    assert sj.cond(three > 5, lambda x: ("a", x, None), lambda x: ("a", 0, None), 1)[0] == "a"
    out = sj.cond(three > 5, lambda: (1, True), lambda: (2, False))
    assert out[0] == 2 and not out[1]


def test_what_python_knows_is_decided_by_python() -> None:
    box = Box(n=0)

    def never() -> None:
        raise AssertionError

    assert sj.cond(True, lambda: 1, never) == 1
    assert sj.switch(7, [never, lambda: "last"]) == "last"
    assert sj.ifelse([False, True], [never, lambda: 5, never]) == 5
    assert sj.jit(lambda: sj.cond(box.n == 0, lambda: "zero", never))() == "zero"


def test_branches_are_traced_once() -> None:
    left_runs, right_runs = Runs(), Runs()

    def left(x: Any) -> Any:
        left_runs()
        return x

    def right(x: Any) -> Any:
        right_runs()
        return -x

    run = sj.jit(lambda p, x: sj.cond(p, left, right, x))
    for i in range(4):
        run(jnp.asarray(i % 2 == 0), jnp.asarray(2.0))
    assert (left_runs.n, right_runs.n) == (1, 1)
    for i in range(3):
        sj.cond(jnp.asarray(i > 1), left, right, jnp.asarray(2.0))
    assert (left_runs.n, right_runs.n) == (2, 2)


def test_gradients_go_through_branches() -> None:
    def fun(x: Any, w: Any) -> Any:
        box = Box(v=w, a=snp.zeros(2))

        def left() -> None:
            box.v = jnp.sin(box.v) * x
            box.a[0] = x

        def right() -> None:
            box.v = box.v * x**2
            box.a[1] += w

        sj.cond(x > 0.0, left, right)
        return box.v + (box.a * box.a).sum().value

    for x in (0.4, -0.7):
        check_grads(sj.jit(fun), (x, 0.3), order=1, modes=["rev"], atol=0.05)


def test_a_branch_in_a_loop_in_a_branch() -> None:
    def run(box: Any, xs: Any, pred: Any, cond: Any, loop: Any) -> None:
        def odd(x: Any) -> None:
            box.odd += 1
            box.v = box.v + x

        def even(x: Any) -> None:
            box.v = box.v * 2

        def step(x: Any) -> None:
            cond(x % 2 == 1, odd, even, x)

        cond(pred, lambda: loop(step, xs), lambda: None)

    def python_cond(pred: Any, left: Any, right: Any, *operands: Any) -> Any:
        return left(*operands) if pred else right(*operands)

    def python_loop(step: Any, xs: Any) -> None:
        for x in xs:
            step(x)

    xs = jnp.asarray([1, 2, 3, 5])
    for pred in (True, False):
        eager, ours = (Box(v=jnp.zeros((), int), odd=0) for _ in range(2))
        run(eager, xs, pred, python_cond, python_loop)
        sj.jit(lambda box, xs, p: run(box, xs, p, sj.cond, lambda s, xs: sj.for_loop(s, xs)))(
            ours, xs, jnp.asarray(pred)
        )
        assert difference(Observer().picture(eager), Observer().picture(ours)) is None


def refused(box: Any, left: Any, right: Any, *parts: str) -> None:
    before = Observer().picture(box)
    with pytest.raises(BranchError) as info:
        sj.jit(lambda p: sj.cond(p, left, right))(jnp.asarray(True))
    for part in (*parts, "test_branches.py:", "Do:"):
        assert part in str(info.value), str(info.value)
    assert difference(before, Observer().picture(box)) is None


def test_what_differs_is_refused_and_nothing_changes() -> None:
    box = Box(v=jnp.zeros(2), mode="train", items=[1], n=0, table={"a": 1})

    def write(name: str, value: Any) -> Callable[[], None]:
        def branch() -> None:
            box.n += 1
            setattr(box, name, value)

        return branch

    def nothing() -> None:
        return None

    refused(box, write("v", jnp.zeros(3)), nothing, "box.v", "float32[3]", "float32[2]")
    refused(box, write("v", jnp.zeros(2, int)), nothing, "box.v", "int32[2]")
    refused(box, write("mode", "test"), nothing, "box.mode", "'test'", "'train'")
    refused(box, write("new", 1.0), nothing, "box.new", "set, and not set")
    refused(box, lambda: delattr(box, "mode"), nothing, "box.mode", "set, and not set")
    refused(box, lambda: box.items.append(2), nothing, "box.items")
    refused(box, lambda: box.table.update(b=1), lambda: box.table.update(c=1), "'c'")
    refused(box, lambda: "a", lambda: jnp.zeros(()), "the result")

    def index() -> None:
        sj.cond(box.v.sum() > 0, lambda: setattr(box, "n", 2), nothing)
        box.mode = box.n + 1

    refused(box, lambda: (box.v * 2).sum(), lambda: index() or 0.0, "box.mode", "int32[]")
    made_inside = lambda: setattr(box, "mode", lambda: box.v)  # noqa: E731
    refused(box, made_inside, nothing, "a function that is made inside")

    def create(*names: str) -> Callable[[], None]:
        return lambda: [setattr(box, name, 1.0) for name in names] and None

    refused(box, create("a", "b"), create("b", "a"), "['a', 'b'] last and ['b', 'a'] last")


def test_misuse_raises() -> None:
    with pytest.raises(ValueError, match="Empty branch"):
        sj.switch(0, [])
    with pytest.raises(ValueError, match="one branch more"):
        sj.ifelse([True], [1])
    with pytest.raises(KeyError):
        sj.cond(jnp.asarray(True), lambda: {}["a"], lambda: 1)


def test_disable_jit_takes_one_branch_in_python() -> None:
    box = Box(n=0)

    def left() -> Any:
        box.n += 1
        return float(jnp.asarray(2.0))

    def right() -> Any:
        raise AssertionError

    with jax.disable_jit():
        assert sj.cond(jnp.asarray(True), left, right) == 2.0
        assert sj.switch(jnp.asarray(5), [right, left]) == 2.0
    assert box.n == 2


def test_branches_may_give_an_array_and_what_numpy_calls_a_scalar():
    x = snp.array(0.5)
    branches = [lambda: snp.zeros(()), lambda: x * 3.0, lambda: 2.0, lambda: jnp.ones(())]
    for chosen in (branches, branches[::-1], branches[1:]):
        for i, branch in enumerate(chosen):
            assert float(sj.switch(jnp.asarray(i), chosen)) == float(branch())


def test_keys_in_another_order_are_told() -> None:
    with pytest.raises(BranchError, match="a dict of 'b', 'a' and a dict of 'a', 'b'"):
        sj.jit(lambda p: sj.cond(p, lambda: {"b": 1.0, "a": 2.0}, lambda: {"a": 1.0, "b": 2.0}))(
            jnp.array(True)
        )
    carry = {"b": jnp.array(1.0), "a": jnp.array(2.0)}
    with pytest.raises(CarryTypeError, match="a dict of 'b', 'a' before the step, another dict of"):
        sj.while_loop(lambda c: c["a"] < 3, lambda c: {"a": c["b"] + 3, "b": c["a"]}, carry)
