"""Programs with values that must not be frozen, and with pytrees of other libraries."""

from __future__ import annotations

import array
import collections
import contextvars
import io
import itertools
import queue
import random
import threading
import types
import weakref
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from watch_bypasses import model
from watch_table import Section
from watch_values import calls

frozen = Section("Values with a hidden position or state in attributes, arguments and containers")
pytrees = Section("Registered pytrees in attributes, arguments and results")


def held(name: str, make: Any, use: Any, change: Any = None, expect: Any = frozen.refused) -> None:
    """Enters three programs: the value in an attribute, in a list, and as an argument."""

    def in_attribute(kit: Any) -> Any:
        m = model(kit, source=make())
        yield from calls(
            kit.jit(lambda x: x * use(m.source)),
            (lambda: change(m.source)) if change else lambda: None,
        )

    def in_list(kit: Any) -> Any:
        m = model(kit, sources=[make()])
        yield from calls(
            kit.jit(lambda x: x * use(m.sources[0])),
            (lambda: change(m.sources[0])) if change else lambda: None,
        )

    def as_argument(kit: Any) -> Any:
        source = make()
        run = kit.jit(lambda s, x: x * use(s))
        yield from calls(
            lambda x: run(source, x), (lambda: change(source)) if change else lambda: None
        )

    for place in (in_attribute, in_list, as_argument):
        place.__name__ = f"{name}_{place.__name__}"
        expect(place)


held("iterator", lambda: iter([1.0, 2.0, 3.0]), next)
held("generator", lambda: (i for i in (1.0, 2.0, 3.0)), next)
held("zip", lambda: zip([1.0, 2.0, 3.0], [1, 2, 3]), lambda z: next(z)[0])
held("count", lambda: itertools.count(1), next)
held("file", lambda: io.StringIO("123"), lambda f: int(f.read(1)))
held("python_generator", lambda: random.Random(0), lambda r: r.random())
held("numpy_generator", lambda: np.random.default_rng(0), lambda r: r.random())
held("lock", threading.Lock, lambda lock: int(lock.locked()), lambda lock: lock.acquire())
held("event", threading.Event, lambda e: 1 + int(e.is_set()), lambda e: e.set(), frozen.refused)
held("queue", queue.Queue, lambda q: 1 + q.qsize(), lambda q: q.put(1), frozen.refused)
held(
    "bytearray",
    lambda: bytearray(b"ab"),
    lambda b: b[0],
    lambda b: b.__setitem__(0, 5),
    frozen.equal,
)
held(
    "array_of_python",
    lambda: array.array("i", [1]),
    lambda b: b[0],
    lambda b: b.__setitem__(0, 5),
    frozen.equal,
)
held(
    "context_variable",
    lambda: contextvars.ContextVar("scale", default=1.0),
    lambda v: v.get(),
    lambda v: v.set(2.0),
    frozen.equal,
)


def _local() -> Any:
    local = threading.local()
    local.scale = 1.0
    return local


held("thread_local", _local, lambda v: v.scale, lambda v: setattr(v, "scale", 2.0), frozen.equal)
held(
    "mapping_proxy",
    lambda: types.MappingProxyType({"a": [1.0]}),
    lambda p: p["a"][0],
    lambda p: p["a"].__setitem__(0, 2.0),
    frozen.equal,
)
held(
    "user_dictionary",
    lambda: collections.UserDict(a=1.0),
    lambda p: p["a"],
    lambda p: p.update(a=2.0),
    frozen.equal,
)


class Alive:
    scale = 1.0


ALIVE = [Alive()]
held(
    "weak_dictionary",
    lambda: weakref.WeakValueDictionary({"a": ALIVE[0]}),
    lambda p: len(p),
    lambda p: p.update(b=ALIVE[0]),
    frozen.equal,
)


@frozen.refused
def iterator_of_the_user_in_an_attribute(kit):
    class Walk:
        def __init__(self):
            self.i = 0

        def __iter__(self):
            return self

        def __next__(self):
            self.i += 1
            return self.i

    m = model(kit, walk=Walk())
    yield from calls(kit.jit(lambda x: x * next(m.walk)), look=lambda: m.walk.i)


@frozen.equal
def iterator_made_and_consumed_inside(kit):
    m = model(kit, parts=[1.0, 2.0])

    def step(x):
        walk = iter(m.parts)
        first = next(walk)
        return x * first + sum(walk) + sum(map(lambda a: a * 2, zip(m.parts, m.parts).__next__()))

    yield from calls(kit.jit(step), lambda: m.parts.append(3.0))


@frozen.equal
def untouched_iterator_in_an_attribute(kit):
    m = model(kit, walk=iter([1, 2]))
    yield from calls(kit.jit(lambda x: x * m.w), lambda: next(m.walk))


# Pytrees ----------------------------------------------------------------------------------------


@flax.struct.dataclass
class Struct:
    w: Any
    n: int = flax.struct.field(pytree_node=False, default=1)


class Registered:
    """Is a pytree node by registration, with static data."""

    def __init__(self, w: Any, name: str) -> None:
        self.w, self.name = w, name


jax.tree_util.register_pytree_node(
    Registered, lambda r: ((r.w,), r.name), lambda name, children: Registered(children[0], name)
)


@pytrees.equal
def flax_struct_in_an_attribute(kit):
    m = model(kit, state=Struct(jnp.ones(2)))

    def step(x):
        m.state = m.state.replace(w=m.state.w + x)
        return m.state.w * m.state.n

    yield from calls(
        kit.jit(step),
        lambda: setattr(m, "state", m.state.replace(n=3)),
        lambda: setattr(m, "state", Struct(jnp.zeros(2))),
        look=lambda: m.state,
    )


@pytrees.equal
def flax_struct_as_argument_and_result(kit):
    run = kit.jit(lambda s, x: s.replace(w=s.w * x, n=s.n + 1))
    states = [Struct(jnp.ones(2)), Struct(jnp.full(2, 2.0)), Struct(jnp.ones(2), n=4)]
    for state in states:
        yield lambda s=state: run(s, jnp.ones(2)), lambda: None


@pytrees.equal
def flax_struct_in_a_closure(kit):
    state = Struct(jnp.ones(2))

    def change():
        nonlocal state
        state = state.replace(w=jnp.full(2, 2.0), n=5)

    yield from calls(kit.jit(lambda x: x * state.w + state.n), change)


@pytrees.equal
def registered_class_in_an_attribute(kit):
    m = model(kit, state=Registered(jnp.ones(2), "a"))

    def step(x):
        return jax.tree.map(lambda w: w * x, m.state), m.state.name

    yield from calls(
        kit.jit(step),
        lambda: setattr(m, "state", Registered(jnp.full(2, 2.0), "b")),
        lambda: setattr(m.state, "name", "c"),
        lambda: setattr(m.state, "w", jnp.full(2, 3.0)),
    )


@pytrees.equal
def registered_class_as_argument(kit):
    run = kit.jit(lambda s, x: (s.w * x, s.name, s))
    for state in (Registered(jnp.ones(2), "a"), Registered(jnp.zeros(2), "b")):
        yield lambda s=state: run(s, jnp.ones(2)), lambda: None


@pytrees.refused
def registered_class_written_in_place(kit):
    m = model(kit, state=Registered(jnp.ones(2), "a"))

    def step(x):
        m.state.w = m.state.w + x
        return x

    yield from calls(kit.jit(step), look=lambda: m.state)


@pytrees.equal
def optimizer_state_in_an_attribute(kit):
    tx = optax.adam(0.1)
    m = model(kit)
    m.state = tx.init({"w": m.w})

    def step(x):
        updates, m.state = tx.update({"w": x}, m.state)
        m.w = optax.apply_updates({"w": m.w}, updates)["w"]
        return m.w

    yield from calls(kit.jit(step), lambda: None, look=lambda: m.state)


@pytrees.equal
def optimizer_state_as_argument(kit):
    tx = optax.sgd(0.1, momentum=0.9)
    run = kit.jit(lambda g, s: tx.update(g, s))
    state = tx.init(jnp.ones(2))
    yield lambda: run(jnp.ones(2), state), lambda: None
    yield lambda: run(jnp.zeros(2), state), lambda: None


@pytrees.equal
def partial_of_jax_tree_util(kit):
    m = model(kit, fun=jax.tree_util.Partial(lambda a, x: a * x, jnp.ones(2)))
    yield from calls(
        kit.jit(lambda x: m.fun(x)),
        lambda: setattr(m, "fun", jax.tree_util.Partial(lambda a, x: a + x, jnp.full(2, 2.0))),
    )


@pytrees.equal
def function_in_a_registered_pytree(kit):
    scale = [2.0]
    m = model(kit, fun=jax.tree_util.Partial(lambda a, x: a * x * scale[0], jnp.ones(2)))
    m.state = Registered(jnp.ones(2), lambda x: x + scale[0])
    yield from calls(
        kit.jit(lambda x: m.fun(x) + m.state.name(x)),
        lambda: scale.__setitem__(0, 5.0),
    )


@pytrees.equal
def linen_variables_in_an_attribute(kit):
    import flax.linen as nn

    net = nn.Dense(2)
    m = model(kit, variables=net.init(jax.random.key(0), jnp.ones(2)))
    yield from calls(
        kit.jit(lambda x: net.apply(m.variables, x)),
        lambda: setattr(m, "variables", jax.tree.map(lambda w: w * 2, m.variables)),
        look=lambda: m.variables,
    )


@pytrees.equal
def model_within_a_pytree(kit):
    m = model(kit)
    state = Struct(m)

    def step(s, x):
        s.w.w = s.w.w + x
        return s.w.n

    run = kit.jit(step)
    yield lambda: run(state, jnp.ones(2)), lambda: (m.w, m.n)
    m.n = 3
    yield lambda: run(state, jnp.ones(2)), lambda: (m.w, m.n)
