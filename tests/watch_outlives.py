"""Programs in which Python outlives the trace: generators, closures, async functions."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import sys
import weakref
from typing import Any

import jax.numpy as jnp
from watch_bypasses import model
from watch_table import Section
from watch_values import calls

outlives = Section("Python that outlives the trace")


def kept(name: str, make: Any, use: Any, expect: Any) -> None:
    """Enters two programs: a value made inside is returned, and kept in an attribute."""

    def returned(kit: Any) -> Any:
        m = model(kit)
        run = kit.jit(lambda x: make(m, x))
        yield lambda: use(run(jnp.ones(2))), lambda: (m.w, m.n)
        m.w = jnp.full(2, 5.0)
        yield lambda: use(run(jnp.ones(2))), lambda: (m.w, m.n)

    def kept_in_an_attribute(kit: Any) -> Any:
        m = model(kit, kept=None)

        def step(x: Any) -> None:
            m.kept = make(m, x)

        run = kit.jit(step)

        def call() -> Any:
            run(jnp.ones(2))
            return use(m.kept)

        yield call, lambda: (m.w, m.n, type(m.kept).__name__)
        m.w = jnp.full(2, 5.0)
        yield call, lambda: (m.w, m.n, type(m.kept).__name__)

    for program in (returned, kept_in_an_attribute):
        program.__name__ = f"{name}_{program.__name__}"
        expect(program)


def _walk(m: Any, x: Any) -> Any:
    for i in range(3):
        m.n += 1
        yield x * i


def _call(fun: Any) -> Any:
    return fun(jnp.ones(2))


kept("generator", _walk, list, outlives.refused)
kept("generator_expression", lambda m, x: (x * i for i in range(3)), list, outlives.refused)
kept("map", lambda m, x: map(lambda i: i * 2, [x, x]), list, outlives.refused)
kept("list_iterator", lambda m, x: iter([x, x]), list, outlives.refused)
kept("closure_over_a_traced_value", lambda m, x: lambda y: x * y, _call, outlives.equal)
kept(
    "closure_over_a_traced_attribute",
    lambda m, x: (lambda w: lambda y: w * y)(m.w),
    _call,
    outlives.equal,
)
kept("default_with_a_traced_value", lambda m, x: lambda y, x=x: x * y, _call, outlives.equal)
kept("closure_over_the_model", lambda m, x: lambda y: m.w * y, _call, outlives.equal)
kept(
    "closure_over_a_list_of_traced_values",
    lambda m, x: (lambda xs: lambda y: xs[0] * y)([x]),
    _call,
    outlives.equal,
)
kept(
    "partial_over_a_traced_value",
    lambda m, x: functools.partial(jnp.multiply, x),
    _call,
    outlives.equal,
)
kept(
    "bound_method_of_a_traced_value",
    lambda m, x: x.__mul__,
    _call,
    outlives.equal,
)


class Doubler:
    """Is watched by nobody."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def double(self, y: Any) -> Any:
        return self.x * y


kept(
    "bound_method_of_a_foreign_object",
    lambda m, x: Doubler(x).double,
    _call,
    outlives.refused,
)
kept("foreign_object_with_a_traced_value", lambda m, x: Doubler(x), lambda d: d.x, outlives.refused)
kept("class_made_inside", lambda m, x: type("Made", (), {"w": x}), lambda c: c.w, outlives.refused)
kept(
    "exception_with_a_traced_value", lambda m, x: ValueError(x), lambda e: e.args, outlives.refused
)


@outlives.equal
def bound_method_of_a_model_made_inside_returned(kit):
    class Part(kit.Base):
        def __init__(self, w):
            self.w = w

        def times(self, y):
            return self.w * y

    run = kit.jit(lambda x: Part(x * 2).times)
    yield lambda: run(jnp.ones(2))(jnp.ones(2)), lambda: None


@outlives.equal
def model_of_a_class_made_inside(kit):
    def step(x):
        class Part(kit.Base):
            def __init__(self, w):
                self.w = w

        return Part(x * 2)

    yield from calls(kit.jit(step))


@outlives.refused
def generator_function_compiled(kit):
    m = model(kit)

    def walk(x):
        for i in range(3):
            m.n += 1
            yield x * i

    run = kit.jit(walk)
    yield lambda: list(run(jnp.ones(2))), lambda: m.n


@outlives.refused
def async_function_compiled(kit):
    m = model(kit)

    async def step(x):
        m.n += 1
        await asyncio.sleep(0)
        return m.w * x

    run = kit.jit(step)
    yield lambda: asyncio.run(run(jnp.ones(2))), lambda: m.n


@outlives.refused
def async_generator_compiled(kit):
    async def walk(x):
        yield x

    async def collect(walk):
        return [x async for x in walk]

    run = kit.jit(walk)
    yield lambda: asyncio.run(collect(run(jnp.ones(2)))), lambda: None


@outlives.equal
def compiled_function_called_in_async_functions(kit):
    m = model(kit)

    def step(x):
        m.n += 1
        m.w = m.w * x
        return m.w

    run = kit.jit(step)

    async def one(x):
        await asyncio.sleep(0)
        return run(x)

    async def main():
        return await asyncio.gather(*(one(jnp.full(2, float(i))) for i in range(1, 4)))

    yield lambda: asyncio.run(main()), lambda: (m.w, m.n)


@outlives.equal
def coroutine_run_to_its_end_inside(kit):
    m = model(kit)

    async def step(x):
        m.n += 1
        return m.w * x

    def drive(x):
        coroutine = step(x)
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value

    yield from calls(kit.jit(drive), lambda: setattr(m, "w", jnp.full(2, 5.0)), look=lambda: m.n)


@outlives.equal
def generator_consumed_inside(kit):
    m = model(kit)
    yield from calls(
        kit.jit(lambda x: sum(_walk(m, x))),
        lambda: setattr(m, "w", jnp.full(2, 5.0)),
        look=lambda: m.n,
    )


@outlives.equal
def generator_left_half_way(kit):
    m = model(kit)

    def step(x):
        walk = _walk(m, x)
        next(walk)
        return next(walk)

    yield from calls(kit.jit(step), look=lambda: m.n)


@outlives.equal
def generator_closed_by_its_end(kit):
    m = model(kit)

    def walk(x):
        try:
            yield x
        finally:
            m.n += 1

    def step(x):
        return next(walk(x))

    yield from calls(kit.jit(step), look=lambda: m.n)


@outlives.refused
def traced_value_in_a_finalizer(kit):
    class Part(kit.Base):
        pass

    kept = []

    def step(x):
        part = Part()
        kept.append(part)
        weakref.finalize(part, print, x)
        return x

    yield from calls(kit.jit(step), look=lambda: len(kept))


@outlives.refused
def function_registered_at_exit(kit):
    registered = []

    def register(fun):
        registered.append(fun)
        return fun

    def step(x):
        register(lambda: x)
        return x

    yield from calls(kit.jit(step), look=lambda: len(registered))


@outlives.equal
def callback_registered_with_a_model(kit):
    m = model(kit, callbacks=[])

    def step(x):
        m.callbacks.append(lambda y: x * y)
        return x

    yield from calls(kit.jit(step), look=lambda: len(m.callbacks))


@outlives.equal
def callback_without_traced_values_registered_with_a_model(kit):
    m = model(kit, callbacks=[])

    def step(x):
        m.callbacks.append(lambda y: m.w * y)
        return x

    yield from calls(kit.jit(step), look=lambda: [c(jnp.ones(2)) for c in m.callbacks])


@outlives.refused
def exception_kept_with_its_traceback(kit):
    m = model(kit, error=None)

    def step(x):
        try:
            raise KeyError("a")
        except KeyError as error:
            m.error = error
        return x

    yield from calls(kit.jit(step), look=lambda: type(m.error).__name__)


@outlives.equal
def exception_carries_the_state_out(kit):
    m = model(kit)

    def step(x):
        m.n += 1
        try:
            raise KeyError(m.n)
        except KeyError as error:
            return x * error.args[0]

    yield from calls(kit.jit(step), look=lambda: m.n)


@outlives.refused
def context_manager_entered_inside_left_outside(kit):
    m = model(kit, stack=None)

    @contextlib.contextmanager
    def entered():
        m.n += 1
        yield
        m.n -= 1

    def step(x):
        manager = entered()
        manager.__enter__()
        m.stack = manager
        return x

    yield from calls(kit.jit(step), look=lambda: m.n)


@outlives.equal
def exit_stack_within(kit):
    m = model(kit)

    def step(x):
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: setattr(m, "n", m.n + 1))
            m.w = x
        return m.n

    yield from calls(kit.jit(step), look=lambda: (m.n, m.w))


@outlives.equal
def property_object_and_method_objects_returned(kit):
    m = model(kit)
    yield from calls(kit.jit(lambda x: (len, jnp.sin, type(m), x)))


@outlives.equal
def weak_reference_to_an_object_made_inside(kit):
    class Part(kit.Base):
        pass

    m = model(kit, part=None, held=None)

    def step(x):
        m.part = Part()
        m.held = weakref.ref(m.part)
        return x

    yield from calls(kit.jit(step), look=lambda: m.held is not None and m.held() is m.part)


@outlives.equal
def weak_reference_to_an_old_object_kept(kit):
    m = model(kit, held=None)

    def step(x):
        m.held = weakref.ref(m)
        return x

    yield from calls(kit.jit(step), look=lambda: m.held is not None and m.held() is m)


@outlives.equal
def frame_locals_and_trace_functions(kit):
    def step(x):
        names = sorted(locals())
        return x * len(names), sys._getframe().f_code.co_name

    yield from calls(kit.jit(step))


del atexit
