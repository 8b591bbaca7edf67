"""Python numbers that a branch or a `while_loop` sets stay Python's in what is computed of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from observing import Observer, difference
from stateful import Box

import statejit as sj
import statejit.numpy as snp
from statejit._core.lift import interpreted
from statejit.errors import StatejitError, TracedControlFlowError

WEAK = jnp.asarray(2.0)
TRUE, FALSE = jnp.asarray(True), jnp.asarray(False)


def made() -> Box:
    return Box(
        n=3, t=0.25, other=1, d={"n": 2}, p=(1, 2.0), w=jnp.ones(2), half=jnp.float16(2), weak=WEAK
    )


def counted(box: Box) -> None:
    box.n = box.n + 1


def arithmetic(box: Box) -> None:
    box.other = (2 * box.n - 1) // 2 % 5 + box.other
    box.t = -box.n / 2 + abs(box.t) ** 2
    box.n += 1


def beside_numbers_of_its_own(box: Box) -> None:
    box.t = box.t * box.n + 0.5
    box.other = box.other + box.n


def bits(box: Box) -> None:
    box.other = ~(box.n << 1) & 12 | (box.n ^ 1) >> 1


def in_containers(box: Box) -> None:
    box.d["n"] += box.n
    box.p = (box.n + 1, box.p[1] * box.n)


def returned(box: Box) -> Any:
    return box.n + 1, box.t * box.n


def with_arrays(box: Box) -> Any:
    box.w = box.w * (box.n + 1)
    return box.half * (box.n + 0.5), box.w


def arrays_of_it(box: Box) -> Any:
    box.w = jnp.sin(box.n)
    return jnp.maximum(box.n, 1), jnp.where(box.n > 0, box.n, 0), box.n * WEAK, box.weak + box.n


def arrays_of_ours_of_it(box: Box) -> Any:
    box.w = snp.asarray(box.n)
    return snp.array(box.t) * box.half, snp.asarray(box.weak), snp.Array(box.n), snp.sin(box.n)


def compared(box: Box) -> Any:
    box.other = box.n > 4
    box.p = ((box.n > 3) & (box.n < 10), (box.n == 3) != (box.t < 1))
    return box.n + (box.n > 3), (box.n > 3) * 0.5, box.w * (box.n > 3)


def rounded(box: Box) -> Any:
    return round(box.t * 7), round(box.n), divmod(box.n, 2)


def by_functions_of_jax(box: Box) -> Any:
    box.other = jnp.add(box.n, 1)
    both = jnp.logical_and(box.n > 3, box.t < 1), jnp.greater(box.n, 3), jnp.add(box.n, 1) + box.n
    return both, jax.lax.shift_right_logical(box.n, 1)


USES = (
    *(compared, rounded, by_functions_of_jax),
    *(counted, arithmetic, beside_numbers_of_its_own, bits),
    *(in_containers, returned, with_arrays, arrays_of_it, arrays_of_ours_of_it),
)


def by_cond(box: Box, taken: bool) -> None:
    def set_them() -> None:
        box.n = box.n + 2

    sj.cond(TRUE if taken else FALSE, set_them, lambda: None)


def by_while_loop(box: Box, taken: bool) -> None:
    def body(going: Any) -> Any:
        box.n += 2
        return ~going

    sj.while_loop(lambda going: going, body, TRUE if taken else FALSE)


def by_python(box: Box, taken: bool) -> None:
    if taken:
        box.n += 2


@pytest.mark.parametrize("way", [by_cond, by_while_loop], ids=lambda way: way.__name__)
@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
def test_what_python_computes_of_a_number_that_the_program_sets(
    use: Callable[[Box], Any], way: Callable[[Box, bool], None]
) -> None:
    for taken in (True, False):
        pictures = []
        for transform, run in ((lambda f: f, by_python), (sj.jit, way)):

            def call(box: Box, run: Any = run, taken: bool = taken) -> Any:
                run(box, taken)
                return use(box)

            box = made()
            with interpreted():
                results = [transform(call)(box) for _ in range(2)]
            pictures.append(Observer(exact=True).picture((box, results)))
        found = difference(*pictures)
        assert found is None, str(found)


def test_numbers_that_arrays_decide_within_a_step_are_carried_as_numbers() -> None:
    pictures = []
    for loop, cond in ((_python_loop, _python_cond), (sj.for_loop, sj.cond)):
        box = Box(n=0, t=1.0, w=jnp.asarray([0.5, -1.0, 2.0]))

        def step(x: Any, box: Box = box, cond: Any = cond) -> None:
            def count() -> None:
                box.n += 1

            cond(x > 0, count, lambda: None)
            box.n = box.n + 2
            box.t = box.t * 0.5 + box.n

        loop(step, box.w)
        pictures.append(Observer(exact=True).picture(box))
    found = difference(*pictures)
    assert found is None, str(found)


def test_a_step_keeps_a_comparison_of_a_number_that_is_also_an_index() -> None:
    box = Box(n=0, over=False, w=jnp.zeros(4))

    def step(x: Any) -> Any:
        box.w = box.w.at[box.n].set(x)
        box.over = box.n > 1
        box.n += 1
        return box.n * 1.0

    assert sj.for_loop(step, jnp.ones(3)).tolist() == [1.0, 2.0, 3.0]
    assert (box.n, box.over) == (3, True) and type(box.over) is bool


def _python_loop(step: Callable[[Any], None], xs: Any) -> None:
    for x in xs:
        step(x)


def _python_cond(pred: Any, yes: Callable[[], None], no: Callable[[], None]) -> None:
    return yes() if pred else no()


class Steps(sj.Base):
    def __init__(self) -> None:
        self.n = 0
        self.r: Any = None


@pytest.mark.parametrize("by", ["cond", "while_loop"])
def test_a_power_of_an_integer_that_may_be_negative_is_refused(by: str) -> None:
    """Eager Python has a float there, and JAX's power of integers 0."""
    m = Steps()

    def down(carry: Any) -> Any:
        m.n -= 2
        return carry + 1

    @sj.jit
    def step(x: Any, power: Any) -> None:
        if by == "cond":
            sj.cond(x > 0, lambda: down(0), lambda: 1)
        else:
            sj.while_loop(lambda c: c < x, down, 0)
        m.r = power(m.n)

    with pytest.raises(TracedControlFlowError, match="power"):
        step(jnp.asarray(1), lambda n: 2**n)
    assert (m.n, m.r) == (0, None)
    step(jnp.asarray(1), lambda n: 2.0**n)
    assert (m.n, m.r) == (-2, 0.25)
    step(jnp.asarray(0), lambda n: (1 << -n, n**2, jnp.power(2, jnp.int32(-n))))
    assert m.r == (4, 4, 4) and list(map(type, m.r[:2])) == [int, int]


@pytest.mark.parametrize("power", [lambda n: 2**n, lambda n: 2**-n], ids=["grows", "shrinks"])
def test_a_power_within_a_loop_that_carries_the_exponent_is_refused(
    power: Callable[[int], Any],
) -> None:
    m = Steps()

    def step(i: Any) -> Any:
        m.r = power(m.n)
        m.n -= 1
        return i + 1

    for start in (2, -2):
        m.n, m.r = start, power(start)
        with pytest.raises(TracedControlFlowError, match="power"):
            sj.while_loop(lambda i: i < 4, step, 0)
        assert (m.n, m.r) == (start, power(start))


@pytest.mark.parametrize(
    ("use", "what"),
    [
        (lambda m: ~(m.n > 3), "`~`"),
        (lambda m: jnp.ones(2) * ~(m.n > 3), "`~`"),
        (lambda m: jnp.arange(3) ** m.n, "power"),
        (lambda m: f"{m.n}", "text"),
        (lambda m: [str(jnp.ones(2) * m.n)], "text"),
    ],
)
def test_what_no_array_can_stand_for_is_refused(use: Callable[[Any], Any], what: str) -> None:
    m = Steps()

    @sj.jit
    def step(x: Any) -> None:
        by_cond_count(m, x)
        m.r = use(m)

    with pytest.raises(StatejitError, match=what):
        step(jnp.asarray(1))
    assert (m.n, m.r) == (0, None)


def by_cond_count(m: Steps, x: Any) -> None:
    def count() -> None:
        m.n += 1

    sj.cond(x > 0, count, lambda: None)
