"""What a trace depends on is often nothing to its program: plans with the same one share it."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import statejit as sj

ONES = np.ones(3, np.float32)


@pytest.fixture(autouse=True)
def no_plans_of_other_tests():
    sj.clear_cache()


class Model(sj.Base):
    def __init__(self):
        self.w, self.rate, self.flag, self.calls = jnp.ones(3), 0.5, True, 0
        self.function, self.factor = jnp.sin, ONES * 2

    def step(self, x):
        if self.flag is not None:
            self.calls += 1
        self.w = self.w * 0.75 + self.function(x)
        return self.w.sum() * self.factor[0]


def executables(jitted):
    return {id(plan.executable) for plan in jitted.plans}


def outcome(model, result):
    return np.asarray(result), np.asarray(model.w), type(model.w), model.calls


def both(change, x=None):
    """Returns the jitted step after a change between two calls, having compared it with eager."""
    outcomes = []
    for transform in (lambda f: f, sj.jit):
        model = Model()
        step = transform(model.step)
        step(jnp.ones(3))
        change(model)
        outcomes.append(outcome(model, step(jnp.ones(3) if x is None else x)))
        again = outcome(model, step(jnp.ones(3) if x is None else x))
        outcomes.append(again)
    for eager, jitted in zip(outcomes[:2], outcomes[2:], strict=True):
        np.testing.assert_allclose(eager[0], jitted[0], rtol=1e-6)
        np.testing.assert_allclose(eager[1], jitted[1], rtol=1e-6)
        assert eager[2:] == jitted[2:]
    return step


def kept(model):
    model.flag = False


def as_numpy(model):
    model.w = np.asarray(model.w)


def as_own_numpy(model):
    model.w = np.array(model.w)


@pytest.mark.parametrize(
    ("change", "x"), [(kept, None), (as_numpy, None), (as_own_numpy, None), (lambda m: None, ONES)]
)
def test_what_does_not_change_the_program_compiles_nothing(change, x):
    step = both(change, x)
    assert len(step.plans) > 1
    assert len(executables(step)) == 1


def other_function(model):
    model.function = jnp.cos


def other_type(model):
    model.w = model.w.astype(jnp.float16)


@pytest.mark.parametrize("change", [other_function, other_type])
def test_another_program_is_compiled(change):
    assert len(executables(both(change))) == 2


def test_constants_are_told_apart_to_the_last_bit():
    class Scaled(sj.Base):
        def __init__(self, scale):
            self.scale = scale

    zero, minus = Scaled((0.0,)), Scaled((-0.0,))
    run = sj.jit(lambda m, x: jnp.copysign(x, np.float32(m.scale[0])))
    assert run(zero, jnp.ones(())) == 1.0
    assert run(minus, jnp.ones(())) == -1.0


def test_a_numpy_array_that_is_overwritten_keeps_its_content():
    model = Model()
    model.w = held = ONES * 5
    step = sj.jit(model.step)
    for _ in range(3):
        step(jnp.zeros(3))
        np.testing.assert_array_equal(held, ONES * 5)


def test_a_program_that_is_shared_may_miss_for_one_plan_and_serves_the_others():
    model = Model()
    step = sj.jit(model.step)
    step(jnp.ones(3))
    model.flag = False
    step(jnp.ones(3))
    model.w = jnp.ones((2, 3))  # the same guards, another shape: a program of its own
    step(jnp.ones(3))
    for model.flag, shape in ((True, (3,)), (False, (2, 3)), (False, (3,)), (True, (2, 3))):
        model.w = jnp.ones(shape)
        expected = (np.ones(shape, np.float32) * 0.75 + np.sin(ONES)).sum() * 2
        np.testing.assert_allclose(step(jnp.ones(3)), expected, rtol=1e-6)
    assert len(executables(step)) == 2


def test_programs_with_inner_ones_and_rules_are_compared_or_compiled():
    class Looping(sj.Base):
        def __init__(self):
            self.w, self.flag = jnp.ones(3), True

        def step(self, x):
            if self.flag is not None:
                x = jax.lax.scan(lambda c, _: (c * 0.5 + 1, None), x, None, 3)[0]
            self.w = jax.lax.cond(x.sum() > 0, jnp.sin, jnp.cos, x)
            return self.w.sum()

    model = Looping()
    step = sj.jit(model.step)
    first = step(jnp.ones(3))
    model.flag = False
    assert step(jnp.ones(3)) == first
    assert len(step.plans) == 2
    assert len(executables(step)) == 1


def test_a_function_of_the_users_with_the_name_of_one_of_ours_is_called():
    @jax.jit
    def _as_tracer(x):
        return x * 3

    @functools.partial(jax.jit, inline=False)
    def _constant(x):
        return 7.0

    _constant.__wrapped__.__name__ = "_as_tracer"
    first, second = Model(), Model()
    step = sj.jit(lambda: (_as_tracer(first.w), _constant(second.w)))
    tripled, seven = step()
    assert tripled.tolist() == [3.0] * 3
    assert seven == 7.0
