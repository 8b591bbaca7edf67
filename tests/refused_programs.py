"""Small programs that compiled code can not carry out: each must be refused, and change nothing."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import io
import itertools
import random
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from programs import Counter, Thing

import statejit as sj
from statejit import errors


@dataclasses.dataclass
class Refused:
    """A call that must be refused.

    Args:
        call: makes the call.
        roots: what must be as it was afterwards.
        works: a call that must work afterwards, and what it must return.
    """

    call: Callable[[], Any]
    roots: Any
    works: Callable[[], Any]


@dataclasses.dataclass(frozen=True)
class Entry:
    """A row of the table.

    Args:
        build: (jit) -> Refused.
        error: the class of the error.
        path: text that the error must contain: the path of the slot.
        line: whether the error names the line of `build` that is marked with `# HERE`.
    """

    build: Callable[..., Refused]
    error: type[BaseException]
    path: str
    line: bool = True


REFUSED: dict[str, Entry] = {}


def refused(error: type[BaseException], path: str = "", line: bool = True) -> Callable[..., Any]:
    """Enters a refused program into the table."""

    def enter(build: Callable[..., Refused]) -> Callable[..., Refused]:
        assert build.__name__ not in REFUSED
        REFUSED[build.__name__] = Entry(build, error, path, line)
        return build

    return enter


def model() -> Thing:
    return Thing(w=jnp.arange(1.0, 3.0), n=0, items=[jnp.ones(2)], part=Counter())


def adds(m: Thing, jit: Callable[..., Any]) -> Callable[[], Any]:
    """Returns a call that works, whatever was refused before."""

    def add(x: Any) -> Any:
        m.n += 1
        m.w = m.w + x
        return m.w, m.n, m.part.step(x)

    return lambda: jit(add)(1.0)


# Exceptions of the user -------------------------------------------------------------------------


@refused(ValueError, "mine", line=False)
def exception_after_writes(jit):
    m = model()

    def step(x):
        m.w = m.w * x
        m.n += 1
        m.items.append(x)
        m.part.step(x)
        m.new = x
        raise ValueError("mine")

    return Refused(lambda: jit(step)(2.0), m, adds(m, jit))


@refused(errors.EscapeError, "a Pair that holds a", line=False)
def plain_object_with_slots_holds_an_array(jit):
    class Pair:
        __slots__ = ("x",)

    m = model()

    def step(x):
        m.w = m.w * x
        pair = Pair()
        pair.x = m.w
        return pair

    return Refused(lambda: jit(step)(2.0), m, adds(m, jit))


@refused(ValueError, "mine", line=False)
def exception_in_a_nested_jit(jit):
    m = model()

    @jit
    def inner(x):
        m.w = m.w + x
        m.items.clear()
        raise ValueError("mine")

    def step(x):
        m.n += 1
        return inner(x)

    return Refused(lambda: jit(step)(2.0), m, adds(m, jit))


@refused(ValueError, "mine", line=False)
def exception_in_a_loss(jit):
    m = model()

    def loss(x):
        m.n += 1
        m.w = m.w * x
        raise ValueError("mine")

    return Refused(lambda: sj.grad(loss)(2.0), m, adds(m, jit))


@refused(ValueError, "mine", line=False)
def exception_in_a_property(jit):
    class P(sj.Base):
        def __init__(self):
            self.n = 0

        @property
        def x(self):
            self.n += 1
            raise ValueError("mine")

    m, p = model(), P()
    m.p = p

    def step():
        m.w = m.w + 1
        return p.x

    return Refused(lambda: jit(step)(), m, adds(m, jit))


@refused(ValueError, "mine", line=False)
def exception_in_an_overridden_setattr(jit):
    class P(sj.Base):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if name == "bad":
                raise ValueError("mine")

    m = model()
    m.p = P()

    def step(x):
        m.p.good = x
        m.p.bad = x

    return Refused(lambda: jit(step)(1.0), m, adds(m, jit))


@refused(ValueError, "mine", line=False)
def exception_in_the_constructor_of_an_object(jit):
    class P(sj.Base):
        def __init__(self, x):
            self.x = x
            raise ValueError("mine")

    m = model()

    def step(x):
        m.n = 7
        m.p = P(x)

    return Refused(lambda: jit(step)(1.0), m, adds(m, jit))


@refused(TypeError, "", line=False)
def shapes_do_not_fit(jit):
    m = model()

    def step(x):
        m.n += 1
        m.w = x
        return m.w @ jnp.ones((5, 5))

    return Refused(lambda: jit(step)(jnp.ones(2)), m, adds(m, jit))


@refused(AttributeError, "nothing", line=False)
def attribute_error_after_a_write(jit):
    m = model()

    def step():
        m.w = m.w + 1
        return m.nothing

    return Refused(lambda: jit(step)(), m, adds(m, jit))


@refused(KeyboardInterrupt, "", line=False)
def interrupted(jit):
    m = model()

    def step():
        m.w = m.w + 1
        m.items[0] = m.w
        raise KeyboardInterrupt

    return Refused(lambda: jit(step)(), m, adds(m, jit))


@refused(RecursionError, "", line=False)
def endless_recursion(jit):
    m = model()

    def step(x):
        m.n += 1
        return step(x + m.w)

    return Refused(lambda: jit(step)(0.0), m, adds(m, jit))


@refused(ValueError, "", line=False)
def generator_raises(jit):
    m = model()

    def walk():
        for item in m.items:
            m.n += 1
            yield item
        raise ValueError("mine")

    return Refused(lambda: jit(lambda: sum(walk()))(), m, adds(m, jit))


# Python asks for the value of a traced array ----------------------------------------------------


@refused(errors.TracedControlFlowError, "m.w")
def if_on_a_slot(jit):
    m = model()

    def step(x):
        m.n += 1
        if m.w.sum() > 0:  # HERE
            m.w = m.w + x
        return m.w

    return Refused(lambda: jit(step)(1.0), m, adds(m, jit))


@refused(errors.TracedControlFlowError)
def if_on_an_argument(jit):
    m = model()

    def step(x):
        m.w = m.w + x
        return m.w if x > 0 else -m.w  # HERE

    return Refused(lambda: jit(step)(jnp.ones(())), m, adds(m, jit))


@refused(errors.TracedControlFlowError, "m.w")
def while_on_a_slot(jit):
    m = model()

    def step():
        while m.w[0] < 10:  # HERE
            m.w = m.w * 2
        return m.w

    return Refused(lambda: jit(step)(), m, adds(m, jit))


@refused(errors.TracedControlFlowError, "m.w")
def float_of_a_slot(jit):
    m = model()

    def step():
        m.n = 3
        return float(m.w[0])  # HERE

    return Refused(lambda: jit(step)(), m, adds(m, jit))


@refused(errors.TracedControlFlowError, "m.w")
def int_of_a_slot(jit):
    m = model()
    return Refused(lambda: jit(lambda: int(m.w.sum()))(), m, adds(m, jit))  # HERE


@refused(errors.TracedControlFlowError, "m.w")
def element_of_a_numpy_array_from_a_slot(jit):
    m = model()

    def step():
        found = np.zeros(2)
        found[1] = m.w[0]  # HERE
        return found

    return Refused(lambda: jit(step)(), m, adds(m, jit))


@refused(errors.TracedControlFlowError, "m.w")
def item_of_a_slot(jit):
    m = model()

    def step():
        return m.w.sum().item()  # HERE

    return Refused(lambda: jit(step)(), m, adds(m, jit))


@refused(errors.TracedControlFlowError, "m.w")
def numpy_of_a_slot(jit):
    m = model()

    def step():
        return np.asarray(m.w)  # HERE

    return Refused(lambda: jit(step)(), m, adds(m, jit))


@refused(errors.TracedControlFlowError, "m.w")
def slot_as_a_range(jit):
    m = model()

    def step():
        return [i for i in range(m.w.sum().astype(int))]  # HERE

    return Refused(lambda: jit(step)(), m, adds(m, jit))


@refused(errors.TracedControlFlowError, "m.w")
def slot_as_the_key_of_a_dictionary(jit):
    m = model()

    def step():
        return {m.w.sum(): 1}  # HERE

    return Refused(lambda: jit(step)(), m, adds(m, jit))


@refused(errors.TracedControlFlowError, "m.w")
def assert_on_a_slot(jit):
    m = model()

    def step():
        assert m.w.all()  # HERE
        return m.w

    return Refused(lambda: jit(step)(), m, adds(m, jit))


@refused(errors.TracedControlFlowError, "m.w")
def shape_from_a_slot(jit):
    m = model()

    def step():
        return jnp.zeros(m.w[0].astype(int))  # HERE

    return Refused(lambda: jit(step)(), m, adds(m, jit))


@refused(errors.TracedControlFlowError, "self.w")
def if_on_self(jit):
    class Net(sj.Base):
        def __init__(self):
            self.w = jnp.ones(2)
            self.n = 0

        def step(self, x):
            self.n += 1
            if (self.w > x).any():  # HERE
                return x
            return self.w

        def fine(self, x):
            self.n += 1
            return self.w * x

    m = Net()
    return Refused(lambda: jit(m.step)(0.0), m, lambda: jit(m.fine)(1.0))


@refused(errors.TracedControlFlowError, "jax.debug.print")
def format_of_a_slot(jit):
    m = model()

    def step():
        m.n += 1
        return f"{m.w.sum():.2f}"  # HERE

    return Refused(lambda: jit(step)(), m, adds(m, jit))


@refused(errors.TracedControlFlowError, "m.a")
def if_on_a_mutable_array(jit):
    m = model()
    m.a = sj.numpy.ones(2)

    def step(x):
        m.a[0] = x
        if m.a[0] > 0:  # HERE
            return 1
        return 2

    return Refused(lambda: jit(step)(1.0), m, adds(m, jit))


@refused(errors.TracedControlFlowError, "m.part.total")
def if_in_a_loss(jit):
    m = model()

    def loss(x):
        m.n += 1
        return x * 2 if m.part.total > 0 else x  # HERE

    return Refused(lambda: sj.grad(loss)(1.0), m, adds(m, jit))


@refused(errors.TracedControlFlowError, "m.items[0]")
def if_on_an_element(jit):
    m = model()

    def step():
        m.items.append(0)
        return 1 if m.items[0].sum() > 0 else 2  # HERE

    return Refused(lambda: jit(step)(), m, adds(m, jit))


# Foreign objects and frozen values --------------------------------------------------------------


class Foreign:
    """Is watched by nobody."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


@refused(errors.ForeignObjectError, "m.helper")
def foreign_object_with_an_array(jit):
    m = model()
    m.helper = Foreign(w=jnp.ones(2))

    def step(x):
        m.n += 1
        return m.helper.w * x  # HERE

    return Refused(lambda: jit(step)(1.0), m, adds(m, jit))


@refused(errors.ForeignObjectError, "helper")
def foreign_argument_with_an_array(jit):
    m, helper = model(), Foreign(w=jnp.ones(2))

    def step(helper, x):
        m.n += 1
        return helper.w * x

    call = lambda: jit(step)(helper, 1.0)  # noqa: E731
    return Refused(call, (m, helper), adds(m, jit))


# The line can not be told: nothing of the user's runs before arguments are looked at.
REFUSED["foreign_argument_with_an_array"] = dataclasses.replace(
    REFUSED["foreign_argument_with_an_array"], line=False
)


@refused(errors.StatejitError, "m.helper", line=False)
def foreign_object_written(jit):
    m = model()
    m.helper = Foreign(n=0)

    def step(x):
        m.n += 1
        m.helper.n += 1  # HERE
        return m.w * x

    return Refused(lambda: jit(step)(1.0), m, adds(m, jit))


@refused(errors.StatejitError, "m.helper", line=False)
def tracer_written_to_a_foreign_object(jit):
    m = model()
    m.helper = Foreign(n=0)

    def step(x):
        m.n += 1
        m.helper.last = m.w * x
        return m.helper.last

    return Refused(lambda: jit(step)(1.0), m, adds(m, jit))


@refused(errors.StatejitError, "", line=False)
def list_in_a_foreign_object_written(jit):
    m = model()
    m.helper = Foreign(log=[])

    def step(x):
        m.n += 1
        m.helper.log.append(m.w * x)
        return x

    return Refused(lambda: jit(step)(1.0), m, adds(m, jit))


# Errors that only a trace has, and that the function catches -------------------------------------


def caught(name: str, ask: Callable[[Any, Any], Any], text: str = "the value of a traced") -> None:
    """Enters a function that catches the error for what it asks."""

    def build(jit: Callable[..., Any]) -> Refused:
        m = model()
        m.table, m.helper = np.arange(2.0), Foreign(w=jnp.ones(2))

        def step(x: Any) -> Any:
            m.n += 1
            try:
                return m.w * ask(m, x)
            except Exception:
                m.n += 10
                return m.w

        return Refused(lambda: jit(step)(jnp.ones(())), m, adds(m, jit))

    REFUSED[f"caught_{name}"] = Entry(build, errors.StatejitError, text, line=False)


def asks_and_suppresses(m: Any, x: Any) -> Any:
    with contextlib.suppress(TypeError):
        m.n += int(x)
    return 1.0


def puts_into_numpy(m: Any, x: Any) -> Any:
    found = np.zeros(2)
    found[0] = x
    return found


def masks_in_a_branch(m: Any, x: Any) -> Any:
    return sj.cond(x > 0, lambda: m.w[m.w > 1.0].sum(), lambda: 0.0)


caught("float", lambda m, x: float(m.w[0]))
caught("if", lambda m, x: 1 if x > 0 else 2)
caught("index", lambda m, x: [1.0, 2.0][x.astype(int)])
caught("item", lambda m, x: sj.numpy.array(m.w)[0].item())
caught("numpy", lambda m, x: np.asarray(x))
caught("element_of_numpy", puts_into_numpy)
caught("within_suppress", asks_and_suppresses)
caught("format", lambda m, x: float(f"{sj.numpy.array(x):.1f}"))
if sys.version_info >= (3, 12):  # before, nothing tells what is caught
    caught("format_of_jax", lambda m, x: float(f"{x:.1f}"))
    caught("slice", lambda m, x: m.w[: x.astype(int)])
caught("in_a_loop", lambda m, x: sj.for_loop(lambda: float(m.w[0]), length=2).sum())
caught("in_a_branch", masks_in_a_branch)
caught("in_a_loss", lambda m, x: sj.grad(lambda y: y if y > 0 else -y)(x))
caught("foreign_object", lambda m, x: m.helper.w, "m.helper.w")
caught("plain_jit", lambda m, x: jax.jit(lambda y: setattr(m, "w", y))(x), "m.w")


def frozen(name: str, make: Callable[[], Any], use: Callable[[Any], Any]) -> None:
    """Enters an attribute of a kind that no guard can describe."""

    def build(jit: Callable[..., Any]) -> Refused:
        m = model()
        m.source = make()

        def step(x: Any) -> Any:
            m.n += 1
            return use(m.source) + m.w * x  # HERE

        return Refused(lambda: jit(step)(1.0), m, adds(m, jit))

    REFUSED[name] = Entry(build, errors.FrozenValueError, "m.source")


frozen("iterator_in_an_attribute", lambda: iter([1.0, 2.0]), next)
frozen("generator_in_an_attribute", lambda: (i for i in range(3)), next)
frozen("count_in_an_attribute", itertools.count, next)
frozen("zip_in_an_attribute", lambda: zip([1], [2], strict=True), lambda z: next(z)[0])
frozen("enumerate_in_an_attribute", lambda: enumerate([5.0]), lambda e: next(e)[1])
frozen("dict_iterator_in_an_attribute", lambda: iter({1: 2}), next)
frozen("file_in_an_attribute", lambda: io.StringIO("12"), lambda f: int(f.read(1)))
frozen("python_generator_of_numbers", lambda: random.Random(0), lambda r: r.random())
frozen("numpy_generator", lambda: np.random.default_rng(0), lambda r: r.random())
frozen("old_numpy_generator", lambda: np.random.RandomState(0), lambda r: r.rand())
frozen("lock_in_an_attribute", threading.Lock, lambda lock: int(lock.locked()))


# Plain JAX around state -------------------------------------------------------------------------


@refused(errors.StatejitError, "m.w")
def plain_scan_writes_a_slot(jit):
    m = model()

    def body(carry, x):
        m.w = m.w + x  # HERE
        return carry, x

    def step(xs):
        m.n += 1
        return jax.lax.scan(body, 0.0, xs)

    return Refused(lambda: jit(step)(jnp.ones((3, 2))), m, adds(m, jit))


@refused(errors.StatejitError, ".w", line=False)
def plain_jit_reads_a_slot(jit):
    m = model()
    inner = jax.jit(lambda x: m.w * x)
    return Refused(lambda: jit(lambda x: inner(x))(jnp.ones(2)), m, adds(m, jit))


@refused(errors.StatejitError, ".w")
def plain_jit_writes_a_slot(jit):
    m = model()

    @jax.jit
    def inner(x):
        m.w = x * 2  # HERE
        return x

    return Refused(lambda: jit(lambda x: inner(x))(jnp.ones(2)), m, adds(m, jit))


@refused(errors.StatejitError, "m.w")
def plain_vmap_writes_a_slot(jit):
    m = model()

    def one(x):
        m.w = m.w + x  # HERE
        return x

    return Refused(lambda: jit(lambda xs: jax.vmap(one)(xs))(jnp.ones(3)), m, adds(m, jit))


@refused(errors.StatejitError, "m.w")
def plain_grad_writes_a_slot(jit):
    m = model()

    def loss(x):
        m.w = m.w + x  # HERE
        return m.w.sum()

    return Refused(lambda: jit(lambda x: jax.grad(loss)(x))(jnp.ones(())), m, adds(m, jit))


@refused(errors.StatejitError, "m.items")
def plain_cond_appends_to_a_list(jit):
    m = model()

    def branch(x):
        m.items.append(x)  # HERE
        return x

    def step(x):
        return jax.lax.cond(x > 0, branch, lambda x: x, x)

    return Refused(lambda: jit(step)(jnp.ones(())), m, adds(m, jit))


@refused(errors.StatejitError, "m.a", line=False)
def plain_scan_mutates_an_array(jit):
    m = model()
    m.a = sj.numpy.zeros(2)

    def body(carry, x):
        m.a[0] = x
        return carry, x

    def step(xs):
        return jax.lax.scan(body, 0.0, xs)

    return Refused(lambda: jit(step)(jnp.ones(3)), m, adds(m, jit))


@refused(errors.StatejitError, "", line=False)
def plain_jit_outside_writes_a_slot(jit):
    m = model()

    @jax.jit
    def step(x):
        m.w = x * 2

    return Refused(lambda: step(jnp.ones(2)), m, adds(m, jit))


@refused(errors.StatejitError, "", line=False)
def plain_jit_outside_mutates_an_array(jit):
    m = model()
    m.a = sj.numpy.zeros(2)

    @jax.jit
    def step(x):
        m.a[0] = x

    return Refused(lambda: step(jnp.ones(())), m, adds(m, jit))


@refused(errors.StatejitError, "", line=False)
def plain_jit_outside_appends_and_keeps(jit):
    m = model()

    @jax.jit
    def step(x):
        m.new = Thing(w=x)

    return Refused(lambda: step(jnp.ones(())), m, adds(m, jit))


@refused(errors.StatejitError, "m.w", line=False)
def value_of_a_plain_scan_escapes(jit):
    m = model()

    def step(xs):
        kept = []

        def body(carry, x):
            kept.append(x)
            return carry + x, x

        jax.lax.scan(body, 0.0, xs)
        m.w = kept[0]

    return Refused(lambda: jit(step)(jnp.ones(3)), m, adds(m, jit))


# Past the hooks, past the objects ---------------------------------------------------------------


# What is kept as it is ----------------------------------------------------------------------------


def kept_inside(make: Callable[[Any], Any]) -> Callable[..., Refused]:
    """Returns a program that keeps what `make` returns of an array of a model."""

    def build(jit):
        m = model()

        def step(x):
            m.n += 1
            m.items.append(make(m.w * x))

        return Refused(lambda: jit(step)(1.0), m, adds(m, jit))

    return build


@jax.tree_util.register_pytree_node_class
class Pytree:
    def __init__(self, x: Any, static: Any) -> None:
        self.x, self.static = x, static

    def tree_flatten(self) -> Any:
        return (self.x,), self.static

    @classmethod
    def tree_unflatten(cls, static: Any, children: Any) -> Any:
        return cls(*children, static)


@functools.lru_cache
def remembered(n: int) -> Counter:
    return Counter()


KEPT: dict[str, Callable[[Any], Any]] = {
    "object_made_inside_is_a_key": lambda w: {Thing(w=w): 1},
    "object_made_inside_is_in_a_key": lambda w: {(1, Thing(w=w)): 1},
    "object_made_inside_is_in_a_set": lambda w: {Thing(w=w)},
    "default_of_a_dictionary_is_traced": lambda w: collections.defaultdict(lambda: w),
    "static_part_of_a_pytree_is_traced": lambda w: Pytree(1.0, (w, 2)),
    "plain_jit_made_inside_holds_a_traced_value": lambda w: jax.jit(lambda x: x + w),
    "custom_rule_made_inside_holds_a_traced_value": lambda w: jax.custom_vjp(lambda x: x + w),
    "alias_of_a_type_holds_a_traced_value": lambda w: list[w],  # type: ignore[valid-type]
    "view_of_a_dictionary_made_inside": lambda w: {"w": w}.items(),
    "proxy_of_a_dictionary_made_inside": lambda w: types.MappingProxyType({"w": w}),
}
for name, make in KEPT.items():
    REFUSED[name] = Entry(kept_inside(make), errors.EscapeError, "m.items", line=False)


@refused(errors.OutsideChangeError, "remembered", line=False)
def object_made_inside_is_remembered_by_a_cache(jit):
    m = model()
    remembered.cache_clear()

    def step(x):
        m.n += 1
        return remembered(1).step(x)

    return Refused(lambda: jit(step)(1.0), m, adds(m, jit))


@refused(errors.BypassError, "m.items", line=False)
def array_in_a_list_read_past_the_hooks(jit):
    m = model()

    def step(x):
        m.w = m.w * x
        return object.__getattribute__(m, "items")[0] * x

    return Refused(lambda: jit(step)(1.0), m, adds(m, jit))


@refused(errors.BypassError, "m.w")
def written_with_object_setattr(jit):
    m = model()

    def step(x):
        object.__setattr__(m, "w", m.w + x)  # HERE
        return x

    return Refused(lambda: jit(step)(1.0), m, adds(m, jit))


REFUSED["written_with_object_setattr"] = dataclasses.replace(
    REFUSED["written_with_object_setattr"], line=False
)


@refused(errors.StatejitError, "log", line=False)
def list_of_a_closure_appended(jit):
    m, log = model(), []

    def step(x):
        log.append(m.w * x)
        return x

    return Refused(lambda: jit(step)(1.0), (m, log), adds(m, jit))


@refused(errors.OutsideChangeError, "total", line=False)
def nonlocal_assigned(jit):
    m, total = model(), 0.0

    def step(x):
        nonlocal total
        total = total + x
        return m.w

    return Refused(lambda: jit(step)(1.0), (m, lambda: total), adds(m, jit))


@refused(errors.StatejitError, "Shared.count", line=False)
def class_attribute_written(jit):
    class Shared(sj.Base):
        count = 0

        def step(self, x):
            Shared.count += 1
            return x

    m = model()
    m.shared = Shared()
    before = Shared.count
    return Refused(lambda: jit(m.shared.step)(1.0), (m, before, lambda: Shared), adds(m, jit))


@refused(errors.SlotNotFoundError, "", line=False)
def gradient_with_respect_to_no_slot(jit):
    m, other = model(), jnp.ones(2)

    def loss():
        m.n += 1
        return m.w.sum()

    return Refused(lambda: sj.grad(loss, grad_vars=other)(), m, adds(m, jit))


@refused(errors.SlotNotFoundError, "v", line=False)
def update_with_an_unknown_path(jit):
    m = model()
    return Refused(
        lambda: sj.update(m, {"params": {"w": jnp.zeros(2), "v": jnp.ones(2)}}), m, adds(m, jit)
    )


@refused(errors.StructureError, "w", line=False)
def update_with_another_shape(jit):
    m = model()
    return Refused(
        lambda: sj.update(m, {"params": {"part": {"total": jnp.ones(())}, "w": jnp.zeros(3)}}),
        m,
        adds(m, jit),
    )


@refused(TypeError, "scalar", line=False)
def gradient_of_a_vector(jit):
    m = model()

    def loss(x):
        m.n += 1
        return m.w * x

    return Refused(lambda: sj.grad(loss)(1.0), m, adds(m, jit))


@refused(TypeError, "hashable", line=False)
def static_argument_that_can_not_be_hashed(jit):
    m = model()
    run = jit(lambda x, n: m.w, static_argnums=1)
    return Refused(lambda: run(1.0, [1]), m, adds(m, jit))
