"""Other threads may write while one traces: what they write stays."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time

import jax.numpy as jnp

import statejit as sj
from statejit.errors import OutsideChangeError

WRITES = 10_000


class Counter(sj.Base):
    def __init__(self):
        self.w = jnp.ones(2)
        self.n = 0


def _while_tracing(write, traced):
    """Runs `write(i)` for each i in another thread while functions are traced again and again."""
    started, done = threading.Event(), threading.Event()

    def work():
        started.set()
        for i in range(WRITES):
            write(i)
            time.sleep(1e-5)  # the threads take turns
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    traces = 0
    while not done.is_set():
        traced(traces)
        traces += 1
    thread.join()
    assert traces > 1


def _step(model, shift):
    """Returns a new function, which has to be traced."""
    names = {"model": model, "shift": shift}
    exec("def step(x):\n    return model.w * x + shift", names)
    return names["step"]


def test_no_write_of_another_thread_to_an_object_is_lost():
    traced, other = Counter(), Counter()
    seen = []

    def write(i):
        other.n = other.n + 1
        seen.append(other.n)

    _while_tracing(write, lambda i: sj.jit(_step(traced, i))(jnp.ones(2)))
    assert other.n == WRITES
    assert seen == list(range(1, WRITES + 1))


def test_no_write_of_another_thread_to_the_object_that_is_traced_is_lost():
    model = Counter()
    model.late = {}
    seen = []

    def write(i):
        model.n = i
        setattr(model, f"a{i % 7}", i)
        seen.append((model.n, getattr(model, f"a{i % 7}")))
        delattr(model, f"a{i % 7}")

    _while_tracing(write, lambda i: sj.jit(_step(model, i))(jnp.ones(2)))
    assert seen == [(i, i) for i in range(WRITES)]
    assert model.n == WRITES - 1


def test_what_another_thread_deletes_while_one_traces_is_deleted():
    model = Counter()
    model.late = 1
    go, done = threading.Event(), threading.Event()

    def delete():
        go.wait()
        del model.late
        done.set()

    def step(x):
        y = model.w * x
        with sj.unwatched():
            go.set()
            done.wait()
        return y

    thread = threading.Thread(target=delete)
    thread.start()
    assert sj.jit(step)(jnp.ones(2)).tolist() == [1, 1]
    thread.join()
    assert not hasattr(model, "late")


def test_no_write_of_another_thread_to_a_list_outside_is_lost():
    model, log, table = Counter(), [0], {}

    def write(i):
        log[0] += 1
        table[i % 7] = table.get(i % 7, 0) + 1

    def traced(i):
        names = {"model": model, "log": log, "table": table}
        exec(f"def step(x):\n    return model.w * x + log[0] + len(table) + {i}", names)
        with contextlib.suppress(OutsideChangeError):  # what it has read has changed meanwhile
            sj.jit(names["step"])(jnp.ones(2))

    _while_tracing(write, traced)
    assert log == [WRITES]
    assert sum(table.values()) == WRITES


@dataclasses.dataclass(frozen=True)
class Key:
    n: int


def test_what_another_thread_learns_during_a_trace_is_learned_here_too():
    started = []

    def made():
        model = Counter()
        model.log = {}
        return model

    def step(model, waits):
        model.n += 1
        if waits:
            with sj.unwatched():
                if not started:
                    started.append(threading.Thread(target=lambda: run(made(), False)))
                    started[0].start()
                    started[0].join()
        model.log[Key(model.n)] = "a number in it is wanted plain"

    run = sj.jit(step, static_argnums=1)
    model = made()
    run(model, True)
    assert list(model.log) == [Key(1)] and model.n == 1


def test_a_trace_reads_what_another_thread_wrote_before_it():
    model = Counter()
    thread = threading.Thread(target=lambda: setattr(model, "n", 5))
    run = sj.jit(lambda x: x * model.n)
    assert float(run(1.0)) == 0
    thread.start()
    thread.join()
    assert float(run(1.0)) == 5
