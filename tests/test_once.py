"""The user's Python runs once for each compilation, and there is no compilation without need."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import statejit as sj
import statejit.numpy as snp


class Runs:
    """Counts how often code runs, past the watch."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self) -> None:
        with sj.unwatched():
            self.n += 1


class Net(sj.Base):
    def __init__(self, n: int = 2) -> None:
        self.w = jnp.ones(n)
        self.n = 0
        self.t = 0.0
        self.flag = True

    def step(self, x: Any) -> Any:
        RUNS()
        self.n += 1
        self.t += 0.1
        self.w = self.w * x
        return self.w.sum()

    def loss(self, x: Any) -> Any:
        RUNS()
        self.n += 1
        return (self.w * x).sum() ** 2


RUNS = Runs()


@pytest.fixture(autouse=True)
def fresh() -> None:
    global RUNS
    RUNS = Runs()
    sj.clear_cache()


# Once -------------------------------------------------------------------------------------------


def test_jit_runs_the_code_once() -> None:
    net = Net()
    run = sj.jit(net.step)
    run(jnp.ones(2))
    assert RUNS.n == 1
    run(jnp.ones(2))
    assert RUNS.n <= 2  # the second distinct value of a number makes it vary
    seen = RUNS.n
    for _ in range(20):
        run(jnp.ones(2))
    assert RUNS.n == seen and len(run.plans) == seen


@pytest.mark.parametrize(
    "wrap",
    [
        sj.jit,
        lambda f: sj.grad(f),
        lambda f: sj.jit(sj.grad(f)),
        lambda f: sj.jit(sj.grad(sj.jit(f))),
        lambda f: sj.jit(sj.jit(sj.jit(f))),
        lambda f: sj.grad(sj.grad(f)),
        lambda f: sj.jit(sj.grad(sj.jit(sj.grad(sj.jit(f))))),
        lambda f: sj.jit(sj.value_and_grad(f)),
    ],
)
def test_nested_transformations_run_the_code_once(wrap: Any) -> None:
    net = Net()
    run = wrap(lambda x: net.loss(x * 1.0))
    run(jnp.asarray(2.0))
    assert RUNS.n == 1
    assert net.n == 1


def test_a_function_called_twice_inside_runs_twice() -> None:
    net = Net()
    inner = sj.jit(net.step)
    sj.jit(lambda x: inner(x) + inner(x))(1.0)
    assert RUNS.n == 2 and net.n == 2


def test_value_and_grad_in_a_training_step_runs_the_loss_once() -> None:
    import optax

    net = Net()
    opt = sj.Optimizer(optax.adam(0.1))

    @sj.jit
    def step(x: Any) -> Any:
        value, grads = sj.value_and_grad(net.loss, grad_vars=net)(x)
        opt.update(net, grads)
        return value

    step(jnp.ones(2))
    assert RUNS.n == 1
    for _ in range(10):
        step(jnp.ones(2))
    assert len(step.plans) == RUNS.n


def test_discover_and_functionalize_run_the_code_once() -> None:
    net = Net()
    sj.discover(net.step, 1.0)
    assert RUNS.n == 1 and net.n == 0
    apply, variables = sj.functionalize(net.loss, 1.0)
    assert RUNS.n == 2
    jax.jit(apply)(variables, 1.0)
    assert RUNS.n <= 3


def test_lowering_runs_the_code_once_and_changes_nothing() -> None:
    net = Net()
    lowered = sj.jit(net.step).lower(jnp.ones(2))
    compiled = lowered.compile()
    assert RUNS.n == 1 and net.n == 0
    np.testing.assert_array_equal(compiled(jnp.full(2, 3.0)), 6.0)
    assert RUNS.n == 1 and net.n == 1
    np.testing.assert_array_equal(net.w, jnp.full(2, 3.0))


def test_a_failed_trace_leaves_no_plan() -> None:
    net = Net()

    @sj.jit
    def step(x: Any) -> Any:
        net.step(x)
        if net.flag:
            raise ValueError
        return x

    for _ in range(3):
        with pytest.raises(ValueError):
            step(1.0)
    assert len(step.plans) == 0
    net.flag = False
    step(1.0)
    assert len(step.plans) == 1


# No more compilations than needed ---------------------------------------------------------------


def test_a_thousand_instances_compile_once() -> None:
    run = sj.jit(lambda net, x: net.step(x))
    x = jnp.ones(2)
    nets = [Net() for _ in range(1000)]
    for net in nets:
        run(net, x)
    assert len(run.plans) == 1 and RUNS.n == 1
    assert all(net.n == 1 for net in nets)


def test_a_thousand_bound_methods_compile_once() -> None:
    nets = [Net() for _ in range(1000)]
    for net in nets:
        sj.jit(net.step)(jnp.ones(2))
    assert RUNS.n == 1


def test_a_thousand_closures_compile_once() -> None:
    nets = [Net() for _ in range(1000)]
    for net in nets:
        sj.jit(lambda x, net=net: net.step(x))(jnp.ones(2))
    assert RUNS.n == 1


def test_counters_do_not_compile_at_each_call() -> None:
    net = Net()
    run = sj.jit(net.step)
    for _ in range(100):
        run(jnp.ones(2))
    assert len(run.plans) <= 2
    assert net.n == 100
    t = 0.0
    for _ in range(100):  # not sum(), which compensates on Python 3.12 and later
        t += 0.1
    assert net.t == t


@pytest.mark.parametrize(
    "use",
    [
        lambda net: net.a.__setitem__(0, net.t),
        lambda net: net.a.__setitem__(slice(None), [net.t, 1.0]),
        lambda net: snp.full(2, net.t) + snp.array([net.t, 1.0]) + snp.asarray(net.t),
        lambda net: (net.a.put([0], net.t), snp.add.at(net.a, 0, net.t)),
    ],
)
def test_numbers_that_go_into_arrays_do_not_compile_at_each_call(use: Any) -> None:
    net = Net()
    net.a = snp.zeros(2)

    def step() -> Any:
        net.t += 0.5
        return use(net)

    run = sj.jit(step)
    for _ in range(4):
        run()
    assert len(run.plans) <= 2 and net.t == 2.0


def test_number_arguments_do_not_compile_at_each_call() -> None:
    net = Net()
    run = sj.jit(net.step)
    for i in range(50):
        run(i / 7)
    assert len(run.plans) <= 2


def test_numbers_changed_between_calls_compile_at_most_twice() -> None:
    net = Net()
    net.rate = 0.5
    run = sj.jit(lambda x: net.w * net.rate * x)
    for i in range(50):
        net.rate = i * 0.01
        np.testing.assert_allclose(run(1.0), net.w * net.rate, rtol=1e-6)
    assert len(run.plans) <= 2


def test_a_flag_toggled_compiles_once_for_each_value() -> None:
    net = Net()
    run = sj.jit(lambda x: x + 1 if net.flag else x)
    for i in range(20):
        net.flag = i % 2 == 0
        run(jnp.ones(2))
    assert len(run.plans) == 2


def test_an_array_may_be_written_after_it_was_taken_for_a_constant() -> None:
    net = Net()
    net.table = np.ones(2)

    def step() -> Any:
        if net.flag:
            return np.full(2, net.table)
        net.table[0] += 1.0
        return None

    run = sj.jit(step)
    for flag in (True, False, True, False):
        net.flag = flag
        run()
    assert list(net.table) == [3.0, 1.0]


def test_wrappers_of_the_same_code_share_plans() -> None:
    for _ in range(5):
        sj.jit(Net().step)(jnp.ones(2))
    assert RUNS.n == 1


def test_arrays_of_the_same_type_do_not_compile_anew() -> None:
    net = Net()
    run = sj.jit(lambda x: net.w * x)
    for i in range(10):
        net.w = jnp.full(2, float(i))
        run(jnp.full(2, float(i)))
    assert len(run.plans) == 1


def test_clear_cache_forgets_plans() -> None:
    net = Net()
    run = sj.jit(net.step)
    run(jnp.ones(2))
    run.clear_cache()
    assert len(run.plans) == 0
    run(jnp.ones(2))
    assert RUNS.n == 2


def test_shapes_compile_once_each() -> None:
    net = Net()
    run = sj.jit(lambda x: net.w.sum() * x)
    for n in (2, 3, 2, 3, 4, 2):
        run(jnp.ones(n))
    assert len(run.plans) <= 3


# What is not kept alive, and what costs nothing -------------------------------------------------


def test_a_jitted_function_keeps_no_model_alive() -> None:
    run = sj.jit(lambda net, x: net.step(x))
    net = Net()
    run(net, jnp.ones(2))
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


def test_plans_keep_no_arrays_alive() -> None:
    net = Net()
    run = sj.jit(net.step)
    old = weakref.ref(net.w)
    run(jnp.ones(2))
    gc.collect()
    assert old() is None


def test_jax_finds_no_leaked_tracer() -> None:
    net = Net()
    with jax.checking_leaks():
        sj.jit(net.step)(jnp.ones(2))
        sj.jit(sj.grad(net.loss))(jnp.asarray(1.0))


def test_the_read_hook_is_gone_after_a_trace() -> None:
    net = Net()
    sj.jit(net.step)(jnp.ones(2))
    for cls in (Net, sj.Base):
        assert cls.__getattribute__ is object.__getattribute__


def test_disable_jit_runs_the_function_itself() -> None:
    net = Net()
    with jax.disable_jit():
        assert sj.jit(lambda: float(net.w.sum()) > 0)() is True


# Unwatched code ---------------------------------------------------------------------------------


class Counting:
    """Changes itself while it is traced; the rest of it is read as ever."""

    def __init__(self) -> None:
        self.n, self.log, self.inner = 0, [], Net()
        self.rate = 3.0

    def __call__(self, x: Any) -> Any:
        with sj.unwatched():
            self.n += 1
            self.log.append(self.n)
            setattr(self, f"call_{self.n}", True)
        return x * self.rate


def test_an_object_that_changes_itself_is_reached_by_two_ways() -> None:
    counting = Counting()
    a, b = lambda x: counting(x), lambda x: counting(x) + counting.rate
    run = sj.jit(lambda x: a(x) + b(x))
    assert [run(1.0), run(2.0)] == [9.0, 15.0] and len(run.plans) == 1
    assert counting.n == 2 and counting.log == [1, 2]
    counting.rate = 4.0
    assert run(1.0) == 12.0 and len(run.plans) == 2


class Kept(sj.Base):
    def __init__(self) -> None:
        self.n, self.steps, self.table = 0, [1.0, 2.0], np.ones(2)


def _count(kept: Kept) -> None:
    kept.n += 1


def _set_item(kept: Kept) -> None:
    kept.table[0] = 7.0


@pytest.mark.parametrize(
    ("path", "read", "change"),
    [
        ("n", lambda kept: kept.n + 1, _count),
        ("steps", lambda kept: sum(kept.steps), lambda kept: kept.steps.append(3.0)),
        ("table", lambda kept: kept.table.sum(), _set_item),
    ],
)
def test_state_that_was_read_may_not_be_changed_by_unwatched_code(
    path: str, read: Any, change: Any
) -> None:
    kept = Kept()

    def step(x: Any) -> Any:
        y = x * read(kept)
        with sj.unwatched():
            change(kept)
        return y

    with pytest.raises(sj.errors.OutsideChangeError, match=rf"kept\.{path} was read inside, and"):
        sj.jit(step)(1.0)
    assert (kept.n, kept.steps, list(kept.table)) == (0, [1.0, 2.0], [1.0, 1.0])


def test_a_model_in_a_list_that_unwatched_code_changes_stays_state() -> None:
    nets, net = [Net()], Net()
    nets[0] = net

    def step(x: Any) -> Any:
        y = x * nets[0].w.sum()
        with sj.unwatched():
            nets.append(net)
        return y

    run = sj.jit(step)
    first = run(1.0)
    net.w = net.w * 2
    assert run(1.0) == 2 * first and len(nets) == 2


def test_garbage_with_the_code_of_what_a_library_calls_back_is_not_guarded():
    """From Python 3.12 on such code is found as it runs; which function it was is not told."""

    class Called:
        def __init__(self, x):
            self.x = x

    def flattening():
        def flatten(called):
            return (called.x,), None

        flatten.itself = flatten  # a circle, so that only the collector can let go of it
        return flatten

    gc.disable()
    for _ in range(3):
        flattening()
    jax.tree_util.register_pytree_node(Called, flattening(), lambda _, leaves: Called(*leaves))
    f = sj.jit(lambda x: jax.tree.leaves(Called(x))[0])
    f(1.0)
    gc.enable()
    gc.collect()
    f(1.0)
    assert len(f.plans) == 1
