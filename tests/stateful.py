"""Models and steps, for loops and branches: what a Python loop does with them is the standard."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import statejit as sj
import statejit.numpy as snp


class Box(sj.Base):
    """Has the attributes that it is given."""

    def __init__(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            setattr(self, name, value)


class Runs:
    """Counts how often code runs, past the watch."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self) -> None:
        with sj.unwatched():
            self.n += 1


STEPS: dict[str, tuple[Callable[[], Any], Callable[[Any, Any], Any]]] = {}


def step(make: Callable[[], Any]) -> Callable[[Any], Any]:
    """Enters a step, (model, x) -> y, into the table, with what makes its model."""

    def enter(fun: Any) -> Any:
        assert fun.__name__ not in STEPS
        STEPS[fun.__name__] = (make, fun)
        return fun

    return enter


@step(lambda: Box(total=jnp.zeros(())))
def an_array_is_summed(box: Any, x: Any) -> Any:
    box.total = box.total + x
    return box.total * 2.0


@step(lambda: Box(w=jnp.ones(2), seen=jnp.zeros(2)))
def what_is_only_read_stays(box: Any, x: Any) -> Any:
    box.seen = box.seen + box.w * x
    return box.seen


@step(lambda: Box(calls=0))
def calls_are_counted(box: Any, x: Any) -> Any:
    box.calls += 1
    return x


@step(lambda: Box(calls=0, t=0.0))
def numbers_go_into_arrays(box: Any, x: Any) -> Any:
    box.calls += 1
    box.t += 0.1
    return x * box.calls + box.t


@step(lambda: Box(t=0, big=2**40))
def numbers_grow_past_what_arrays_hold(box: Any, x: Any) -> Any:
    box.big *= 7
    box.t = box.big // 3
    return x


@step(lambda: Box(n=jnp.asarray(0), calls=3))
def a_number_is_set_from_nothing_else(box: Any, x: Any) -> Any:
    box.calls = 7
    box.n = box.n + 1
    return x


@step(lambda: Box(buffer=jnp.zeros(3), i=0))
def a_ring_buffer(box: Any, x: Any) -> Any:
    box.buffer = box.buffer.at[box.i].set(x)
    box.i = (box.i + 1) % 3
    return box.buffer.sum()


@step(lambda: Box(a=snp.zeros(2)))
def a_mutable_array(box: Any, x: Any) -> Any:
    box.a += x
    box.a[0] *= 2.0
    return box.a


@step(lambda: Box(a=snp.zeros((2, 2))))
def a_view_of_a_mutable_array(box: Any, x: Any) -> Any:
    row = box.a[1]
    row += x
    return box.a.sum()


def _aliased() -> Any:
    shared = snp.zeros(2)
    return Box(a=shared, b=shared)


@step(_aliased)
def two_names_of_one_array(box: Any, x: Any) -> Any:
    box.a += x
    box.b *= 2.0
    return box.a + box.b


@step(lambda: Box(host=np.zeros(2, np.float32)))
def a_numpy_array(box: Any, x: Any) -> Any:
    box.host[0] += x
    return box.host[0] * 2.0


@step(lambda: Box(items=[jnp.zeros(()), 1, "a"], table={"n": 0, "v": jnp.ones(2)}))
def lists_and_dicts(box: Any, x: Any) -> Any:
    box.items[0] = box.items[0] + x
    box.items[1] += 1
    box.table["n"] += 2
    box.table["v"] = box.table["v"] * x
    return box.table["v"]


@step(lambda: Box(last=collections.deque([jnp.zeros(()), jnp.zeros(())])))
def a_queue(box: Any, x: Any) -> Any:
    box.last.append(x * 1.0)
    return box.last.popleft()


@step(lambda: Box(a=jnp.zeros(()), b=jnp.ones(())))
def fibonacci(box: Any, x: Any) -> Any:
    box.a, box.b = box.b, box.a + box.b
    return box.a + x


@step(
    lambda: Box(inner=Box(v=jnp.zeros(()), n=0), others=[Box(v=jnp.ones(())), Box(v=jnp.ones(()))])
)
def objects_in_objects(box: Any, x: Any) -> Any:
    box.inner.v = box.inner.v + x
    box.inner.n += 1
    for i, other in enumerate(box.others):
        other.v = other.v * (i + 1.0)
    return sum(other.v for other in box.others)


@step(lambda: Box(state=(jnp.zeros(()), 0)))
def a_tuple_is_replaced(box: Any, x: Any) -> Any:
    v, n = box.state
    box.state = (v + x, n + 1)
    return v


@step(lambda: Box(inner=Box(v=jnp.zeros(()))))
def an_object_is_replaced(box: Any, x: Any) -> Any:
    box.inner = Box(v=box.inner.v + x)
    return box.inner.v


@step(lambda: Box())
def an_attribute_is_created(box: Any, x: Any) -> Any:
    box.last = x * 2.0
    return box.last


@step(lambda: Box(previous=None))
def none_becomes_an_array(box: Any, x: Any) -> Any:
    y = x * 1.0 if box.previous is None else box.previous + x
    box.previous = x * 1.0
    return y


@step(lambda: Box(n=0, total=jnp.ones(())))
def the_first_step_is_another(box: Any, x: Any) -> Any:
    if box.n == 0:
        box.total = box.total * 0.0
    box.n += 1
    box.total = box.total + x
    return box.total


@step(lambda: Box(flag=True, mode="train", rate=0.5, v=jnp.zeros(())))
def plain_values_steer(box: Any, x: Any) -> Any:
    box.v = box.v + (box.rate * x if box.flag and box.mode == "train" else x)
    return box.v


@step(lambda: Box(v=jnp.zeros(2)))
def random_numbers(box: Any, x: Any) -> Any:
    box.v = box.v + sj.random.normal(size=2)
    return x + sj.random.uniform()


@step(lambda: Box(generator=sj.random.default_rng(3), v=jnp.zeros(())))
def a_generator_of_its_own(box: Any, x: Any) -> Any:
    box.v = box.v + box.generator.normal()
    return box.v


@step(lambda: Box(key=jax.random.key(1)))
def a_key_that_is_split(box: Any, x: Any) -> Any:
    box.key, use = jax.random.split(box.key)
    return jax.random.normal(use) + x


class Limited(sj.Base):
    """Has a property with a setter, and a method that changes state."""

    def __init__(self) -> None:
        self._v = jnp.zeros(())
        self.sets = 0

    @property
    def v(self) -> Any:
        return self._v

    @v.setter
    def v(self, value: Any) -> None:
        self.sets += 1
        self._v = jnp.clip(value, -2.0, 2.0)


@step(Limited)
def a_property(box: Any, x: Any) -> Any:
    box.v = box.v + x
    return box.v


@step(lambda: Box(n=0, total=jnp.zeros(())))
def a_number_is_compared_with_an_array(box: Any, x: Any) -> Any:
    box.n += 1
    box.total = box.total + jnp.where(x > box.n, 1.0, 2.0)
    return box.total


@step(lambda: Box(flag=False, n=0))
def a_flag_is_set(box: Any, x: Any) -> Any:
    box.flag = True
    box.n -= 2
    return x


@step(lambda: Box(v=jnp.zeros(()), n=0, w=jnp.ones(())))
def attributes_are_made_again(box: Any, x: Any) -> Any:
    v, n = box.v, box.n
    del box.n, box.v
    box.v, box.n = v + x, n + 1
    return v


@step(lambda: Box(n=0, w=jnp.ones(())))
def an_attribute_is_made_again_beside_a_new_one(box: Any, x: Any) -> Any:
    n = box.n
    del box.n
    box.n, box.new = n + 1, x
    return x


@step(lambda: Box(key=jax.random.key(1)))
def a_key_is_kept_where_no_step_reads_it(box: Any, x: Any) -> Any:
    box.key, box.used = jax.random.split(box.key)
    return x


@step(lambda: Box(v=jnp.zeros((), jnp.int32)))
def a_gradient_inside(box: Any, x: Any) -> Any:
    box.v = box.v + 1
    return sj.grad(lambda z: (z * z + box.v) * 1.0)(x)
