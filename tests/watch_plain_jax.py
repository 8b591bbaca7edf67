"""Programs that touch state under plain JAX: with no trace of ours open, and within one."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from watch_bypasses import model
from watch_table import Section
from watch_values import calls

import statejit as sj

alone = Section("Plain JAX with no trace of statejit open", ours=True)
within = Section("Plain JAX within a compiled function", ours=True)

XS = jnp.ones((3, 2))

TRANSFORMS: dict[str, Any] = {
    "jit": lambda f: jax.jit(f)(XS[0]),
    "vmap": lambda f: jax.vmap(f)(XS),
    "grad": lambda f: jax.grad(lambda x: f(x).sum())(XS[0]),
    "scan": lambda f: jax.lax.scan(lambda c, x: (c, f(x)), 0.0, XS)[1],
    "cond": lambda f: jax.lax.cond(True, f, lambda x: x, XS[0]),
    "while_loop": lambda f: jax.lax.while_loop(lambda x: x.sum() < 0, f, XS[0]),
    "checkpoint": lambda f: jax.checkpoint(f)(XS[0]),
    "eval_shape": lambda f: str(jax.eval_shape(f, XS[0])),
    "make_jaxpr": lambda f: len(jax.make_jaxpr(f)(XS[0]).eqns) >= 0,
    "jvp": lambda f: jax.jvp(f, (XS[0],), (XS[1],)),
    "lax_map": lambda f: jax.lax.map(f, XS),
}


def both(name: str, touch: Any, expect: Any = None, expect_within: Any = None) -> None:
    """Enters a program for each transformation of plain JAX, alone and within `jit`."""
    for transform, apply in TRANSFORMS.items():
        for section, wrap in ((alone, lambda kit, f: f), (within, lambda kit, f: kit.jit(f))):

            def program(kit: Any, apply: Any = apply, wrap: Any = wrap) -> Any:
                m = model(kit, a=sj.Array([1.0, 2.0]), part=model(kit), new=None)
                run = wrap(kit, lambda: apply(lambda x: touch(m, x)))

                def look() -> Any:
                    return m.w, m.n, m.items, m.a, m.part.w, m.new

                for _ in range(2):
                    yield run, look

            program.__name__ = f"{name}_under_{transform}"
            program.__module__ = "watch_" + ("alone" if section is alone else "within")
            chosen = expect if section is alone else (expect_within or expect)
            section.refused(program) if chosen is None else chosen(section, transform)(program)


def _write(m: Any, x: Any) -> Any:
    m.w = m.w + x
    return x


def _write_in_place(m: Any, x: Any) -> Any:
    m.a[:] = x
    return x


def _keep_in_a_new_object(m: Any, x: Any) -> Any:
    m.new = sj.Array(x)
    return x


def _append(m: Any, x: Any) -> Any:
    m.items.append(x)
    return x


def _draw(m: Any, x: Any) -> Any:
    return x + sj.random.rand(2)


def _read(m: Any, x: Any) -> Any:
    return x * m.w


def _read_array(m: Any, x: Any) -> Any:
    return x * m.a.value


def _count(m: Any, x: Any) -> Any:
    m.n += 1
    return x * m.n


def not_under_jit(section: Any, transform: str) -> Any:
    """What is read under a plain `jit` within ours would be frozen in a program of JAX's own."""
    return section.refused if section is within and transform == "jit" else section.equal


def _unless_run_each_time(section: Any, transform: str) -> Any:
    """Plain `grad` runs the function at each call; plain `jit` does not."""
    each_time = section is alone and transform in ("vmap", "grad", "jvp")
    return section.equal if each_time else section.refused


def _unseen(section: Any, transform: str) -> Any:
    """Lists are watched only while a trace of ours is open."""
    if section is within:
        return section.refused
    return section.unseen(
        "outside of a trace of ours there is no hook on lists: they are Python's own"
    )


both("array_attribute_written", _write)
both("mutable_array_written", _write_in_place)
both("mutable_array_made_and_kept", _keep_in_a_new_object)
both("list_appended", _append, _unseen)
both("random_number_drawn", _draw)
both("attribute_read", _read, not_under_jit)
both("mutable_array_read", _read_array, not_under_jit)
both("counter_counted", _count, _unless_run_each_time)


@within.equal
def slot_first_read_in_a_conditional_and_used_after(kit):
    m = model(kit)

    def step(x):
        y = jax.lax.cond(x[0] > 0, lambda x: x * m.w, lambda x: x, x)
        return y + m.w, m.w

    yield from calls(kit.jit(step), lambda: setattr(m, "w", jnp.full(2, 5.0)), look=lambda: m.w)


@within.refused
def container_first_read_in_a_conditional(kit):
    m = model(kit, parts=[jnp.ones(2)])

    def step(x):
        return jax.lax.cond(x[0] > 0, lambda x: x * m.parts[0], lambda x: x, x)

    yield from calls(kit.jit(step), lambda: m.parts.__setitem__(0, jnp.full(2, 5.0)))


@within.equal
def container_read_before_a_conditional(kit):
    m = model(kit, parts=[jnp.ones(2)])

    def step(x):
        first = m.parts[0]
        return jax.lax.cond(x[0] > 0, lambda x: x * first, lambda x: x, x)

    yield from calls(kit.jit(step), lambda: m.parts.__setitem__(0, jnp.full(2, 5.0)))


@within.refused
def attribute_read_under_a_jit_made_outside(kit):
    m = model(kit)
    inner = jax.jit(lambda x: x * m.w)
    yield from calls(kit.jit(lambda x: inner(x)), lambda: setattr(m, "w", jnp.full(2, 5.0)))


@within.equal
def object_made_under_vmap_and_dropped(kit):
    class Part(kit.Base):
        def __init__(self, w):
            self.w = w

        def double(self):
            self.w = self.w * 2
            return self.w

    yield from calls(kit.jit(lambda x: jax.vmap(lambda x: Part(x).double())(x)))


@within.refused
def object_made_under_scan_and_kept(kit):
    m = model(kit, last=None)

    def step(x):
        def body(c, x):
            m.last = model(kit, w=x)
            return c, x

        return jax.lax.scan(body, 0.0, x)[1]

    yield from calls(kit.jit(step), look=lambda: m.last)


@within.refused
def value_of_a_scan_kept_in_a_list_made_inside(kit):
    m = model(kit, last=None)

    def step(x):
        kept = []
        jax.lax.scan(lambda c, x: (kept.append(x), (c, x))[1], 0.0, x)
        m.last = kept[0]
        return x

    yield from calls(kit.jit(step), look=lambda: m.last)


@within.equal
def callbacks_of_jax(kit):
    m = model(kit)

    def step(x):
        y = jax.pure_callback(lambda a: a * 2, jax.ShapeDtypeStruct((2,), jnp.float32), x * m.w)
        return y + m.n

    yield from calls(kit.jit(step), lambda: setattr(m, "w", jnp.full(2, 5.0)))


@within.equal
def compiled_function_under_plain_transformations(kit):
    m = model(kit)
    run = kit.jit(lambda x: (x * m.w).sum())
    yield lambda: (jax.grad(run)(jnp.ones(2)), jax.vmap(run)(XS)), lambda: m.w
    m.w = jnp.full(2, 5.0)
    yield lambda: (jax.grad(run)(jnp.ones(2)), jax.vmap(run)(XS)), lambda: m.w


@within.refused
def compiled_function_that_writes_under_plain_vmap(kit):
    m = model(kit)

    def step(x):
        m.w = m.w + x
        return x

    run = kit.jit(step)
    yield lambda: run(jnp.ones(2)), lambda: m.w
    yield lambda: jax.vmap(run)(XS), lambda: m.w


@within.refused
def compiled_function_that_writes_under_plain_jit(kit):
    m = model(kit)

    def step(x):
        m.w = m.w + x
        m.n += 1
        return x

    run = kit.jit(step)
    yield lambda: jax.jit(lambda x: run(x))(jnp.ones(2)), lambda: (m.w, m.n)


@within.refused
def compiled_function_that_counts_under_plain_scan(kit):
    m = model(kit)

    def step(x):
        m.n += 1
        return x

    run = kit.jit(step)
    yield lambda: jax.lax.scan(lambda c, x: (c, run(x)), 0.0, XS)[1], lambda: m.n


@within.refused
def compiled_function_that_draws_under_plain_vmap(kit):
    run = kit.jit(lambda x: x + sj.random.rand(2))
    yield lambda: jax.vmap(run)(XS), lambda: None
