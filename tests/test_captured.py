"""What bodies of loops and branches have captured of an enclosing trace: Python's own values."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import statejit as sj
import statejit.numpy as snp
from statejit.errors import OutsideChangeError

ON = jnp.asarray(True)

WAYS: dict[str, Callable[[Any], Any]] = {
    "for_loop": lambda body: sj.for_loop(body, length=3),
    "scan": lambda body: sj.scan(lambda c, _: (body(), None), None, length=3),
    "fori_loop": lambda body: sj.fori_loop(0, 3, lambda i, c: body(), None),
    "while_loop": lambda body: sj.while_loop(lambda i: i < 3, lambda i: (body(), i + 1)[1], 0),
    "cond": lambda body: sj.cond(ON, lambda: None, body),
    "switch": lambda body: sj.switch(ON * 1, [body, lambda: None]),
    "deeper": lambda body: sj.for_loop(lambda: sj.jit(sj.checkpoint(body))(), length=3),
}


class Holder(sj.Base):
    def __init__(self) -> None:
        self.host = np.zeros(2, np.float32)


@dataclasses.dataclass(slots=True)
class Record:
    n: int = 0


class Plain:
    def __init__(self) -> None:
        self.n = 0


def a_list() -> Any:
    seen = [1]
    return lambda: seen.append(2), lambda: len(seen)


def a_variable() -> Any:
    n = 0

    def count() -> None:
        nonlocal n
        n += 1

    return count, lambda: n


def a_numpy_array() -> Any:
    host = np.zeros(2)

    def write() -> None:
        host[0] += 1.0

    return write, lambda: host


def a_numpy_array_in_an_object() -> Any:
    holder = Holder()

    def write() -> None:
        holder.host[0] += 1.0

    return write, lambda: holder.host


def a_plain_object() -> Any:
    plain = [{"a": Plain()}]

    def count() -> None:
        plain[0]["a"].n += 1

    return count, lambda: plain[0]["a"].n


def an_iterator() -> Any:
    numbers = iter([1, 2, 3])
    return lambda: next(numbers), lambda: len(list(numbers))


def a_generator_of_random_numbers() -> Any:
    rng = np.random.default_rng(0)
    return rng.random, rng.random


def a_record() -> Any:
    record = Record()

    def count() -> None:
        record.n += 1

    return count, lambda: record.n


def a_class() -> Any:
    class Counted:
        n = 0

    def count() -> None:
        Counted.n += 1

    return count, lambda: Counted.n


def an_attribute_of_a_function() -> Any:
    def count() -> None:
        count.n = getattr(count, "n", 0) + 1  # type: ignore[attr-defined]

    return count, lambda: count.n  # type: ignore[attr-defined]


def a_default() -> Any:
    seen: list[int] = []
    return lambda seen=seen: seen.append(1), lambda: len(seen)


def a_bytearray() -> Any:
    seen = bytearray()
    return functools.partial(seen.append, 1), lambda: len(seen)


CAPTURED = {f.__name__: f for f in (a_list, a_variable, a_numpy_array, a_plain_object)}
CAPTURED["a_numpy_array_in_an_object"] = a_numpy_array_in_an_object
RARER = {
    f.__name__: f
    for f in (
        *(an_iterator, a_generator_of_random_numbers, a_record, a_class),
        *(an_attribute_of_a_function, a_default, a_bytearray),
    )
}
CASES = [(name, way) for name in CAPTURED for way in WAYS]
CASES += [(name, way) for name in RARER for way in ("for_loop", "cond")]


@pytest.mark.parametrize(("name", "way"), CASES)
def test_a_body_does_not_change_what_it_has_captured(name: str, way: str) -> None:
    def step() -> Any:
        change, look = {**CAPTURED, **RARER}[name]()
        WAYS[way](change)
        return look()

    with pytest.raises(OutsideChangeError, match="in the body of a loop or in a branch"):
        sj.jit(step)()


@pytest.mark.parametrize("way", ["for_loop", "while_loop", "cond"])
def test_unwatched_code_in_a_body_may_count(way: str) -> None:
    def step() -> Any:
        seen: list[int] = []

        def body() -> None:
            with sj.unwatched():
                seen.append(1)

        WAYS[way](body)
        return len(seen)

    assert sj.jit(step)() == 1


def test_what_is_changed_before_unwatched_code_is_refused_all_the_same() -> None:
    def step() -> Any:
        seen: list[int] = []

        def body() -> None:
            seen.append(1)
            with sj.unwatched():
                pass

        sj.for_loop(body, length=2)

    with pytest.raises(OutsideChangeError, match="seen was changed"):
        sj.jit(step)()


def test_what_a_body_makes_and_what_it_reads_is_its_own() -> None:
    table, factor = [2.0, 3.0], np.full(2, 2.0, np.float32)

    def step(xs: Any) -> Any:
        mutable, weights = snp.zeros(2), [*table]

        def body(x: Any) -> Any:
            rows: list[Any] = []
            rows.append(x * weights[1])
            buffer = np.zeros(2, np.float32)
            buffer[:] = factor
            mutable[:] = mutable + rows[0] * buffer
            return mutable.sum()

        return sj.for_loop(body, xs), mutable

    ys, mutable = sj.jit(step)(jnp.arange(3.0))
    np.testing.assert_array_equal(ys, [0.0, 12.0, 36.0])
    np.testing.assert_array_equal(mutable, [18.0, 18.0])
