"""What a compiled call costs in Python, counted: a slower hot path fails here, without a clock.

The figures beside the bounds are those of Python 3.11 and 3.13 when they were set.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest
from counting import Counts, calls_within, compilations, counted

import statejit as sj
import statejit.numpy as snp

SLOTS = (1, 10, 100)


class Cell(sj.Base):
    def __init__(self, w: Any) -> None:
        self.w = w
        self.flag = True


class Model(sj.Base):
    def __init__(self, n: int, zeros: Any = jnp.zeros) -> None:
        self.cells = [Cell(zeros(4)) for _ in range(n)]

    def step(self, x: Any) -> None:
        for cell in self.cells:
            if cell.flag:
                cell.w = cell.w + x

    def step_in_place(self, x: Any) -> None:
        for cell in self.cells:
            cell.w += x


@functools.cache
def cost(n: int) -> Counts:
    """Returns what a call of the step of a model of n cells does, each with a guard of its own."""
    step, x = sj.jit(Model(n).step), jnp.ones(())
    step(x), step(x)

    def run() -> None:
        step(x)

    return counted(run)


@pytest.mark.parametrize("n", SLOTS)
def test_a_call_runs_two_functions_however_many_slots_there_are(n: int) -> None:
    assert cost(n).python == ["__call__", "dispatch"], (
        f"with {n} slots a call runs {cost(n).python}: each function costs 50 ns or more"
    )


def test_a_call_with_one_slot_runs_few_instructions() -> None:
    found = cost(1).instructions  # 229, 222
    assert found <= 260, f"{found} instructions for one slot: about 10 ns each"


@pytest.mark.parametrize("pack", [False, True])
def test_a_first_call_grows_in_proportion_to_the_slots(pack: bool) -> None:
    def cost_of_first(n: int) -> int:
        model, x = Model(n, snp.zeros if pack else jnp.zeros), jnp.ones(())
        step = sj.jit(model.step_in_place if pack else model.step, pack=pack)
        return calls_within(str(Path(sj.__file__).parent), lambda: step(x))

    cost_of_first(3)  # what is done once in a process
    few, many = cost_of_first(50), cost_of_first(400)
    assert many <= 8.2 * few, f"{many} functions are called for 400 slots, and {few} for 50"


@pytest.mark.parametrize(("few", "many"), [(1, 10), (10, 100)])
def test_instructions_grow_by_a_bounded_number_per_slot(few: int, many: int) -> None:
    each = (cost(many).instructions - cost(few).instructions) / (many - few)  # 51 to 60
    assert each <= 64, f"{each:.1f} instructions for each object with a slot and a guard"


def test_builtin_functions_are_called_a_bounded_number_of_times_per_slot() -> None:
    each = (len(cost(100).builtin) - len(cost(10).builtin)) / 90  # 2: who else holds object, array
    assert each <= 2, f"{each:.1f} calls of builtin functions for each object"
    assert len(cost(10).builtin) <= 32, cost(10).builtin  # 28


class Leaky(sj.Base):
    def __init__(self) -> None:
        self.v, self.rate, self.steps = jnp.ones(2), 0.5, 0

    def step(self) -> Any:
        self.v = self.v * self.rate + self.steps
        self.steps += 1
        return jnp.copysign(1.0, self.v * 0 + self.rate)[0]


def test_a_number_becomes_an_array_once_for_as_long_as_it_is_the_same() -> None:
    model, eager = Leaky(), Leaky()
    step = sj.jit(Leaky.step)
    assert step(model) == eager.step()
    plan, given = step.plans[0], []
    program = plan.program

    def watched(*inputs: Any) -> Any:
        given.append([type(x) is float for x in inputs if jnp.ndim(x) == 0 and type(x) is not int])
        return program(*inputs)

    plan.program = watched
    for rate in (0.5, 0.5, 0.0, 0.0, -0.0, -0.0, -0.0, 0.25, 1 / 4, 1 / 4):
        model.rate = eager.rate = rate
        assert (step(model), model.v.tolist()) == (eager.step(), eager.v.tolist())
    assert sum(given, []) == [False, False, True, False, True, False, False, True, False, False]
    assert len(step.plans) == 1 and model.steps == 11


def test_a_thousand_calls_and_instances_compile_once() -> None:
    step, x = sj.jit(Model.step), jnp.ones(())
    models = [Model(2) for _ in range(100)]
    with compilations() as programs:
        for model in models * 10:
            step(model, x)
    assert len(programs) == 1, f"XLA compiled {programs}"
