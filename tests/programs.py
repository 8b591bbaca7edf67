"""Small programs that must do under a transformation what they do in eager Python.

Each is a generator function of one argument, the transformation, and yields what is to be compared.
Outside changes happen between the calls.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import json
import math
import pathlib
import pickle
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import statejit as sj

PROGRAMS: dict[str, Callable[..., Iterable[Any]]] = {}
EXACT: set[str] = set()


def program(fun: Callable[..., Iterable[Any]]) -> Callable[..., Iterable[Any]]:
    """Enters a program into the table."""
    assert fun.__name__ not in PROGRAMS, fun.__name__
    PROGRAMS[fun.__name__] = fun
    return fun


def exact(fun: Callable[..., Iterable[Any]]) -> Callable[..., Iterable[Any]]:
    """Says that the arrays of a program are compared bit for bit."""
    EXACT.add(fun.__name__)
    return fun


class Thing(sj.Base):
    """Has the attributes that it is given."""

    def __init__(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            setattr(self, name, value)


class Linear(sj.Base):
    def __init__(self, n: int, m: int) -> None:
        self.w = jnp.linspace(-1.0, 1.0, n * m).reshape(n, m)
        self.b = jnp.zeros(m)

    def __call__(self, x: Any) -> Any:
        return x @ self.w + self.b


class Counter(sj.Base):
    def __init__(self) -> None:
        self.calls = 0
        self.t = 0.0
        self.total = jnp.zeros(())

    def step(self, x: Any) -> Any:
        self.calls += 1
        self.t += 0.1
        self.total = self.total + x
        return self.total * 2.0


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclasses.dataclass(frozen=True)
class Settings:
    rate: float
    name: str = "a"


def double(x: Any) -> Any:
    return x * 2.0


def halve(x: Any) -> Any:
    return x / 2.0


def shift(x: Any, by: float = 1.0) -> Any:
    return x + by


# A plain attribute changes between calls --------------------------------------------------------

VALUES: dict[str, tuple[Any, ...]] = {
    "bool": (True, False, True),
    "int": (1, 2, 3, 2),
    "big_int": (2**40, 2**70, 1),
    "negative_int": (-1, 0, 1),
    "float": (0.5, 1.5, 2.5),
    "zeros_of_both_signs": (0.0, -0.0, 0.0),
    "nan_and_inf": (math.nan, math.inf, math.nan),
    "int_to_float_to_bool": (1, 1.0, True),
    "complex": (1j, 2j, 3 + 1j),
    "str": ("a", "bb", "a"),
    "bytes": (b"a", b"bb"),
    "none_and_value": (None, 3, None),
    "ellipsis_and_none": (..., None),
    "range": (range(2), range(3)),
    "slice": (slice(0, 1), slice(0, 2)),
    "tuple": ((1, 2), (1, 3), (1, 2, 3)),
    "nested_tuple": ((1, ("a", (2.0,))), (1, ("a", (3.0,)))),
    "empty_tuple": ((), (1,), ()),
    "enum": (Colour.RED, Colour.BLUE, Colour.RED),
    "int_enum": (Level.LOW, Level.HIGH, Level.LOW),
    "dtype": (np.dtype("float32"), np.dtype("int32")),
    "type": (float, Pair, int),
    "named_tuple": (Pair(1, "a"), Pair(1, "b"), Pair(2, "b")),
    "frozen_dataclass": (Settings(1.0), Settings(2.0), Settings(2.0, "b")),
    "frozenset": (frozenset({1}), frozenset({1, 2})),
    "fraction": (fractions.Fraction(1, 2), fractions.Fraction(1, 3)),
    "decimal": (decimal.Decimal("1.5"), decimal.Decimal("1.50")),
    "date": (datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)),
    "path": (pathlib.PurePosixPath("a"), pathlib.PurePosixPath("b")),
    "numpy_scalar": (np.float32(1.0), np.float32(2.0), np.float64(2.0)),
    "numpy_bool": (np.bool_(True), np.bool_(False)),
    "string_and_number": ("1", 1, "1"),
    "module": (math, np, math),
}


def attribute_read_as_text(values: tuple[Any, ...]) -> Callable[..., Iterable[Any]]:
    def read(jit: Callable[..., Any]) -> Iterable[Any]:
        m = Thing(value=values[0], w=jnp.arange(2.0))
        run = jit(lambda m, x: (str(m.value), m.w * len(repr(m.value)) + x))
        for value in values:
            m.value = value
            yield run(m, 1.0), m
        yield run(m, 1.0), m

    return read


def attribute_returned(values: tuple[Any, ...]) -> Callable[..., Iterable[Any]]:
    def give(jit: Callable[..., Any]) -> Iterable[Any]:
        m = Thing(value=values[0], old=None)

        def step(x: Any) -> Any:
            m.old, old = m.value, m.old
            return old, m.value, x + 1.0

        run = jit(step)
        for value in values:
            m.value = value
            yield run(jnp.ones(2)), m
        m.value = values[0]
        yield run(jnp.ones(2)), m

    return give


for kind, values in VALUES.items():
    PROGRAMS[f"{kind}_attribute_changed"] = attribute_read_as_text(values)
    PROGRAMS[f"{kind}_attribute_moved"] = attribute_returned(values)


@program
def content_replaced_by_a_mutable_array(jit):
    m = Thing(v=sj.numpy.zeros(2), old=None, kept=sj.numpy.ones(2))

    def step(x):
        m.old = m.v.value
        m.v.value = m.v + x
        m.kept.value = m.v
        m.v[0] += 1.0
        return m.v

    run = jit(step)
    for _ in range(3):
        yield run(1.0), m


@program
def flag_steers(jit):
    m = Thing(w=jnp.ones(2), flag=True)
    run = jit(lambda x: m.w * x if m.flag else m.w + x)
    yield run(3.0), m
    m.flag = False
    yield run(3.0), m
    m.flag = 1
    yield run(3.0), m
    m.flag = True
    yield run(3.0), m


@program
def number_steers(jit):
    m = Thing(w=jnp.ones(2), depth=1)

    def step(x):
        for i in range(m.depth):
            x = x * m.w + i
        return x

    run = jit(step)
    for depth in (1, 3, 0, 3, 2, 1):
        m.depth = depth
        yield run(jnp.full(2, 2.0)), m


@program
def number_compared(jit):
    m = Thing(rate=0.1, w=jnp.ones(2))

    def step(x):
        return x * m.rate if m.rate < 0.5 else x - m.rate

    run = jit(step)
    for rate in (0.1, 0.2, 0.7, 0.9, 0.3, 0.1):
        m.rate = rate
        yield run(m.w), m


@program
def float_used_in_arithmetic(jit):
    m = Thing(rate=0.1, w=jnp.ones(2))
    run = jit(lambda: (m.w * m.rate, m.rate / 3, m.rate**2, -m.rate, m.rate // 0.03, m.rate % 0.03))
    for rate in (0.1, 0.25, 1e-3, 3.0):
        m.rate = rate
        yield run(), m


@program
def int_used_in_arithmetic(jit):
    m = Thing(n=3, w=jnp.arange(3))
    run = jit(lambda: (m.w * m.n, m.n / 2, m.n // 2, m.n**2, m.n << 1, m.n & 1, divmod(m.n, 2)))
    for n in (3, 4, 5, 7):
        m.n = n
        yield run(), m


@program
def int_used_as_index(jit):
    m = Thing(i=0, w=jnp.arange(4.0), items=["a", "b", "c"])
    run = jit(lambda: (m.w[m.i], m.items[m.i], m.w[: m.i]))
    for i in (0, 1, 2, 1, 0):
        m.i = i
        yield run(), m


@program
def number_in_f_string(jit):
    m = Thing(n=1, w=jnp.ones(()))
    run = jit(lambda: (f"{m.n:03d} and {m.n!r}", m.w + m.n))
    for n in (1, 2, 3, 1):
        m.n = n
        yield run(), m


@program
def integers_to_the_power_of_a_number(jit):
    m = Thing(n=2, w=jnp.arange(1, 4))
    run = jit(lambda: (m.w**m.n, m.n**m.n, 2**-m.n))
    for n in (2, 3, 0, 1):
        m.n = n
        yield run(), m
    m.n = -1
    with contextlib.suppress(TypeError):
        yield run()
    yield m


@program
def number_as_dict_key(jit):
    m = Thing(n=1, table={1: 10.0, 2: 20.0, 3: 30.0}, w=jnp.ones(()))
    run = jit(lambda: m.table[m.n] * m.w)
    for n in (1, 2, 3, 2):
        m.n = n
        yield run(), m


@program
def number_through_math_functions(jit):
    m = Thing(x=0.5, w=jnp.ones(()))
    run = jit(lambda: (math.sin(m.x), round(m.x, 1), abs(m.x), int(m.x * 10), max(m.x, 1.0), m.w))
    for x in (0.5, 1.5, -2.25, 0.5):
        m.x = x
        yield run(), m


@program
def number_insisted_on_in_c(jit):
    m = Thing(n=1)

    def step():
        m.n += 1
        return (
            math.ldexp(1.0, m.n),
            pow(m.n, 2, 7),
            pow(3, m.n, 7),
            np.random.default_rng(m.n).random(),
        )

    run = jit(step)
    for _ in range(3):
        yield run(), m


def number_that_libraries_refuse_and_the_code_catches(jit):
    m = Thing(n=1)

    def step():
        m.n += 1
        try:
            return json.dumps([m.n]), str(datetime.timedelta(seconds=m.n)), int("no number")
        except ValueError:
            return m.n
        except TypeError:
            return "refused"

    run = jit(step)
    for _ in range(3):
        yield run(), m


if sys.version_info >= (3, 12):  # before, nothing tells what is caught
    program(number_that_libraries_refuse_and_the_code_catches)


@program
def number_types_are_asked(jit):
    m = Thing(x=1, w=jnp.ones(()))
    run = jit(lambda: (isinstance(m.x, int), isinstance(m.x, float), m.w * m.x, m.x is None))
    for x in (1, 2, 2.0, 3.0, 3, 4):
        m.x = x
        yield run(), m


@program
def number_becomes_a_shape(jit):
    m = Thing(n=2)
    run = jit(lambda x: jnp.full(m.n, x))
    for n in (2, 3, 2, 4):
        m.n = n
        yield run(1.5), m


@program
def function_attribute_changed(jit):
    m = Thing(f=double)
    run = jit(lambda x: m.f(x))
    for f in (double, halve, double, shift):
        m.f = f
        yield run(jnp.ones(2)), m


@program
def lambda_attribute_changed(jit):
    m = Thing(f=None)
    run = jit(lambda x: m.f(x))
    for i in range(4):
        m.f = lambda x, i=i: x + i
        yield run(jnp.ones(2)), m.f(1.0)


@program
def closure_of_a_function_attribute_changed(jit):
    def adder(n):
        return lambda x: x + n

    m = Thing(f=adder(1.0))
    run = jit(lambda x: m.f(x))
    yield run(jnp.ones(2))
    m.f = adder(5.0)
    yield run(jnp.ones(2))
    m.f = adder(jnp.full(2, 7.0))
    yield run(jnp.ones(2))
    m.f = adder(jnp.full(2, 9.0))
    yield run(jnp.ones(2))


@program
def partial_attribute_changed(jit):
    m = Thing(f=functools.partial(shift, by=1.0))
    run = jit(lambda x: m.f(x))
    for by in (1.0, 2.0, 5.0, 2.0):
        m.f = functools.partial(shift, by=by)
        yield run(jnp.ones(2))


@program
def bound_method_attribute_changed(jit):
    a, b = Counter(), Counter()
    m = Thing(f=a.step)
    run = jit(lambda x: m.f(x))
    yield run(1.0), a, b
    m.f = b.step
    yield run(2.0), a, b
    m.f = a.step
    yield run(3.0), a, b


@program
def jax_function_attribute_changed(jit):
    m = Thing(activation=jnp.tanh)
    run = jit(lambda x: m.activation(x))
    for f in (jnp.tanh, jax.nn.relu, jnp.exp, jax.nn.relu):
        m.activation = f
        yield run(jnp.array([-1.0, 1.0]))


@program
def settings_object_replaced(jit):
    m = Thing(settings=Settings(0.5), w=jnp.ones(2))
    run = jit(lambda: m.w * m.settings.rate)
    yield run()
    m.settings = dataclasses.replace(m.settings, rate=0.25)
    yield run()
    m.settings = Settings(4.0, "z")
    yield run()


@program
def many_attributes_change_together(jit):
    m = Thing(a=1, b=1.0, c="x", d=True, w=jnp.ones(2))

    def step(x):
        y = x * m.a + m.b
        return (y, m.c * 2) if m.d else (y + 1, m.c)

    run = jit(step)
    for i in range(6):
        m.a, m.b, m.c, m.d = i, i / 2, "xy"[i % 2], i % 3 == 0
        yield run(m.w), m


# Class attributes -------------------------------------------------------------------------------


@program
def class_attribute_changed(jit):
    class Scaled(sj.Base):
        scale = 2.0

        def __call__(self, x):
            return x * self.scale

    m = Scaled()
    run = jit(m)
    yield run(jnp.ones(2))
    Scaled.scale = 3.0
    yield run(jnp.ones(2))
    Scaled.scale = jnp.full(2, 4.0)
    yield run(jnp.ones(2))


@program
def class_attribute_shadowed(jit):
    class Scaled(sj.Base):
        scale = 2.0

        def __call__(self, x):
            return x * self.scale

    m = Scaled()
    run = jit(m)
    yield run(jnp.ones(2)), m
    m.scale = 5.0
    yield run(jnp.ones(2)), m
    del m.scale
    yield run(jnp.ones(2)), m


@program
def class_attribute_shadowed_inside(jit):
    class Scaled(sj.Base):
        scale = 2.0

        def __call__(self, x):
            self.scale = self.scale + 1.0
            return x * self.scale

    m = Scaled()
    run = jit(m)
    for _ in range(3):
        yield run(jnp.ones(2)), m, Scaled.scale


@program
def class_attribute_of_a_base_changed(jit):
    class A(sj.Base):
        scale = 2.0

    class B(A):
        def __call__(self, x):
            return x * self.scale

    m = B()
    run = jit(m)
    yield run(jnp.ones(2))
    A.scale = 3.0
    yield run(jnp.ones(2))
    B.scale = 4.0
    yield run(jnp.ones(2))
    A.scale = 5.0
    yield run(jnp.ones(2))


@program
def method_replaced_on_the_class(jit):
    class A(sj.Base):
        def f(self, x):
            return x + 1.0

        def __call__(self, x):
            return self.f(x)

    m = A()
    run = jit(m)
    yield run(jnp.ones(2))
    A.f = lambda self, x: x * 10.0
    yield run(jnp.ones(2))


@program
def method_shadowed_by_an_instance_attribute(jit):
    class A(sj.Base):
        def f(self, x):
            return x + 1.0

        def __call__(self, x):
            return self.f(x)

    m = A()
    run = jit(m)
    yield run(jnp.ones(2))
    m.f = double
    yield run(jnp.ones(2))
    del m.f
    yield run(jnp.ones(2))


@program
def class_of_an_object_changed(jit):
    class A(sj.Base):
        def f(self, x):
            return x + self.w

    class B(sj.Base):
        def f(self, x):
            return x * self.w

    m, a = Thing(part=None), A()
    a.w = jnp.full(2, 3.0)
    m.part = a
    run = jit(lambda x: m.part.f(x))
    yield run(jnp.ones(2)), m
    a.__class__ = B
    yield run(jnp.ones(2)), m


# Structure: shapes, kinds, presence -------------------------------------------------------------


@program
def shape_changed(jit):
    m = Thing(w=jnp.ones(2))
    run = jit(lambda x: m.w.sum() * x)
    for n in (2, 3, 2, 4):
        m.w = jnp.ones(n)
        yield run(2.0), m


@program
def dtype_changed(jit):
    m = Thing(w=jnp.ones(2))
    run = jit(lambda: m.w / 2)
    for dtype in (jnp.float32, jnp.int32, jnp.bool_, jnp.float16, jnp.complex64):
        m.w = jnp.ones(2, dtype)
        yield run(), m


@program
def weak_type_changed(jit):
    m = Thing(w=jnp.asarray(1.0))
    run = jit(lambda x: m.w * x)
    yield run(jnp.ones(2, jnp.float16)), m
    m.w = jnp.ones(())
    yield run(jnp.ones(2, jnp.float16)), m


@program
def shape_changed_inside(jit):
    m = Thing(w=jnp.ones(2))

    def grow():
        m.w = jnp.concatenate([m.w, m.w])
        return m.w.sum()

    run = jit(grow)
    for _ in range(3):
        yield run(), m


@program
def none_becomes_an_array_inside(jit):
    m = Thing(h=None)

    def step(x):
        m.h = x if m.h is None else m.h * 0.5 + x
        return m.h.sum()

    run = jit(step)
    for i in range(3):
        yield run(jnp.full(2, float(i))), m
    m.h = None
    yield run(jnp.ones(2)), m
    yield run(jnp.ones(2)), m


@program
def array_becomes_none_inside(jit):
    m = Thing(h=jnp.ones(2))

    def step(x):
        if m.h is None:
            m.h = x
            return x
        out, m.h = m.h + x, None
        return out

    run = jit(step)
    for _ in range(4):
        yield run(jnp.ones(2)), m


@program
def array_becomes_a_number_inside(jit):
    m = Thing(h=jnp.ones(2))

    def step():
        if isinstance(m.h, float):
            m.h = jnp.full(2, m.h)
        else:
            m.h = 3.0

    run = jit(step)
    for _ in range(4):
        yield run(), m


@program
def array_replaced_by_numpy_and_number(jit):
    m = Thing(w=jnp.ones(2))
    run = jit(lambda x: m.w * x)
    for w in (jnp.ones(2), np.full(2, 2.0, np.float32), 3.0, 4, jnp.full(2, 5.0)):
        m.w = w
        yield run(jnp.ones(2)), m


@program
def attribute_created_inside(jit):
    m = Thing(w=jnp.ones(2))

    def step(x):
        m.last = x * m.w
        m.note = "seen"
        return m.last.sum()

    run = jit(step)
    yield run(1.0), m
    yield run(2.0), m


@program
def attribute_deleted_inside(jit):
    m = Thing(w=jnp.ones(2), extra=jnp.zeros(2))

    def step():
        had = hasattr(m, "extra")
        if had:
            del m.extra
        return had, m.w + 1

    run = jit(step)
    yield run(), m
    yield run(), m
    m.extra = 1
    yield run(), m


@program
def attribute_deleted_and_created_again(jit):
    m = Thing(a=jnp.ones(2), b=jnp.zeros(2))

    def step():
        value = m.a
        del m.a
        m.a = value + 1
        return m.a

    run = jit(step)
    yield run(), m
    yield run(), m


@program
def attribute_of_a_nested_program_deleted_and_made_again(jit):
    m = Thing(a=jnp.ones(2))

    def make():
        m.extra = 1.0
        return m.a

    inner = jit(make)

    def step():
        inner()
        del m.extra
        m.last = m.a
        return make()

    run = jit(step)
    yield run(), m
    yield run(), m


@program
def attribute_asked_for_with_hasattr(jit):
    m = Thing(w=jnp.ones(2))
    run = jit(lambda x: x * m.scale if hasattr(m, "scale") else x)
    yield run(jnp.ones(2))
    m.scale = 3.0
    yield run(jnp.ones(2))
    del m.scale
    yield run(jnp.ones(2))


@program
def attribute_asked_for_with_a_default(jit):
    m = Thing(w=jnp.ones(2))
    run = jit(lambda: getattr(m, "scale", 2.0) * m.w)
    yield run()
    m.scale = jnp.full(2, 3.0)
    yield run()
    m.scale = 4.0
    yield run()
    del m.scale
    yield run()


@program
def attribute_names_listed(jit):
    m = Thing(a=jnp.ones(2), b=jnp.zeros(2))
    run = jit(lambda: (sorted(n for n in dir(m) if len(n) == 1), m.a + m.b))
    yield run(), m
    m.c = jnp.ones(2)
    yield run(), m
    del m.a
    m.a = jnp.full(2, 2.0)
    yield run(), m


@program
def attributes_set_by_computed_names(jit):
    m = Thing(n=0)

    def step(x):
        for name in ("alpha", "beta"):
            setattr(m, name, getattr(m, name, 0.0) + x)
        return m.alpha

    run = jit(step)
    for _ in range(3):
        yield run(jnp.ones(2)), m


@program
def order_of_attributes(jit):
    m = Thing(a=1)

    def step(x):
        m.z = x
        m.b = x + 1
        del m.a
        m.a = x
        return tuple(n for n in vars(m))

    run = jit(step)
    yield run(1.0), m
    yield run(2.0), m


# Python numbers as state ------------------------------------------------------------------------


@program
def counter_counts(jit):
    m = Counter()
    run = jit(m.step)
    for i in range(6):
        yield run(float(i)), m


@program
def counter_reset_between_calls(jit):
    m = Counter()
    run = jit(m.step)
    yield run(1.0), m
    yield run(1.0), m
    m.calls, m.t = 0, 0.0
    yield run(1.0), m
    m.calls, m.t = 10, 5
    yield run(1.0), m


@program
def time_adds_up_like_python(jit):
    m = Thing(t=0.0, x=jnp.zeros(()))

    def step():
        m.t += 0.1
        m.x = m.x + m.t
        return m.t

    run = jit(step)
    for _ in range(40):
        out = run()
    yield out, m


@program
def counter_in_the_output(jit):
    m = Thing(n=0, w=jnp.ones(2))

    def step():
        m.n += 1
        return m.n, m.w * m.n, f"call {m.n}"

    run = jit(step)
    for _ in range(4):
        yield run(), m


@program
def counter_becomes_a_float(jit):
    m = Thing(n=1)

    def step():
        m.n = m.n / 2
        return m.n

    run = jit(step)
    for _ in range(4):
        yield run(), m


@program
def counter_modulo_steers(jit):
    m = Thing(n=0, w=jnp.zeros(2))

    def step(x):
        m.n += 1
        if m.n % 3 == 0:
            m.w = m.w + x
        return m.w

    run = jit(step)
    for _ in range(7):
        yield run(jnp.ones(2)), m


@program
def fibonacci_in_python_numbers(jit):
    m = Thing(a=0, b=1)

    def step():
        m.a, m.b = m.b, m.a + m.b
        return m.a

    run = jit(step)
    for _ in range(100):
        out = run()
    yield out, m


@program
def bool_toggled(jit):
    m = Thing(on=False, w=jnp.ones(2))

    def step(x):
        m.on = not m.on
        return m.w * x if m.on else m.w

    run = jit(step)
    for _ in range(4):
        yield run(3.0), m


@program
def string_grows(jit):
    m = Thing(log="", w=jnp.ones(2))

    def step(x):
        m.log += "."
        m.w = m.w + x
        return m.log

    run = jit(step)
    for _ in range(3):
        yield run(1.0), m


@program
def enum_state_machine(jit):
    m = Thing(colour=Colour.RED, w=jnp.ones(2))

    def step(x):
        if m.colour is Colour.RED:
            m.colour, m.w = Colour.BLUE, m.w + x
        else:
            m.colour, m.w = Colour.RED, m.w * x
        return m.colour

    run = jit(step)
    for _ in range(4):
        yield run(2.0), m


@program
def number_written_from_an_argument(jit):
    m = Thing(last=None)

    def step(x):
        m.last = x
        return x * 2

    run = jit(step)
    for x in (1, 2, 2.5, True, "a", None, 3):
        with contextlib.suppress(TypeError):
            yield run(x), m


@program
def two_counters_depend_on_each_other(jit):
    m = Thing(a=1, b=2.0)

    def step(x):
        m.a = m.a + 1
        m.b = m.b * m.a
        return x + m.b - m.a

    run = jit(step)
    for _ in range(5):
        yield run(jnp.zeros(())), m


@program
def learning_rate_decays(jit):
    m = Thing(rate=1.0, w=jnp.ones(2))

    def step(g):
        m.w = m.w - m.rate * g
        m.rate *= 0.9
        return m.rate

    run = jit(step)
    for _ in range(6):
        yield run(jnp.ones(2)), m


@program
def numpy_scalar_counter(jit):
    m = Thing(n=np.int32(0), x=np.float32(0.5))

    def step():
        m.n = m.n + np.int32(1)
        m.x = m.x * np.float32(2)
        return m.n

    run = jit(step)
    for _ in range(4):
        yield run(), m


@program
def number_overwritten_without_reading(jit):
    m = Thing(n=0, x=0.0)

    def step(x):
        m.n = 5
        m.x = 2.5
        return x

    run = jit(step)
    yield run(1.0), m
    m.n = 7
    yield run(1.0), m


# Containers -------------------------------------------------------------------------------------


@program
def list_mutated_between_calls(jit):
    m = Thing(items=[jnp.ones(2), jnp.full(2, 2.0)])
    run = jit(lambda: sum(m.items))
    yield run(), m
    m.items[0] = jnp.full(2, 5.0)
    yield run(), m
    m.items.append(jnp.full(2, 7.0))
    yield run(), m
    m.items.pop(0)
    yield run(), m
    m.items.reverse()
    yield run(), m
    m.items.clear()
    m.items.append(jnp.zeros(2))
    yield run(), m


@program
def dict_mutated_between_calls(jit):
    m = Thing(table={"a": jnp.ones(2), "b": 2.0})
    run = jit(lambda x: {k: v * x for k, v in m.table.items()})
    yield run(2.0), m
    m.table["a"] = jnp.full(2, 3.0)
    yield run(2.0), m
    m.table["b"] = 5.0
    yield run(2.0), m
    m.table["c"] = jnp.zeros(2)
    yield run(2.0), m
    del m.table["a"]
    yield run(2.0), m
    m.table["a"] = jnp.ones(2)
    yield run(2.0), m


@program
def list_appended_inside(jit):
    m = Thing(items=[])

    def step(x):
        m.items.append(x * 2.0)
        return len(m.items)

    run = jit(step)
    before = m.items
    for i in range(3):
        yield run(jnp.full(2, float(i))), m, before is m.items


@program
def list_popped_inside(jit):
    m = Thing(items=[jnp.full(2, float(i)) for i in range(4)])

    def step():
        last = m.items.pop()
        first = m.items.pop(0)
        return last - first

    run = jit(step)
    yield run(), m
    yield run(), m


@program
def list_reordered_inside(jit):
    m = Thing(items=[jnp.full(2, float(i)) for i in range(3)])

    def step():
        m.items.reverse()
        m.items[0], m.items[1] = m.items[1], m.items[0]
        return m.items[0]

    run = jit(step)
    for _ in range(3):
        yield run(), m


@program
def list_rotated_and_sliced_inside(jit):
    m = Thing(items=[jnp.full((), float(i)) for i in range(4)])

    def step(x):
        m.items[1:3] = [x, x + 1, m.items[2]]
        m.items.insert(0, m.items.pop())
        del m.items[-1]
        return sum(m.items)

    run = jit(step)
    yield run(10.0), m
    yield run(20.0), m


@program
def list_extended_and_iterated_inside(jit):
    m = Thing(items=[1.0, 2.0])

    def step(x):
        m.items += [x]
        m.items.extend(v * 2.0 for v in list(m.items)[:1])
        return [v + 1.0 for v in m.items]

    run = jit(step)
    yield run(jnp.ones(())), m
    yield run(jnp.ones(())), m


@program
def list_sorted_inside(jit):
    m = Thing(items=["b", "a", "c"])

    def step(x):
        m.items.sort(reverse=m.items[0] == "a")
        return x + m.items.index("a")

    run = jit(step)
    for _ in range(3):
        yield run(jnp.ones(())), m


@program
def list_replaced_inside(jit):
    m = Thing(items=[jnp.ones(2)])
    old = m.items

    def step(x):
        m.items = [*m.items, x]
        return len(m.items)

    run = jit(step)
    yield run(jnp.zeros(2)), m, old
    yield run(jnp.zeros(2)), m, old


@program
def list_aliased_by_two_attributes(jit):
    shared = [jnp.ones(2)]
    m = Thing(a=shared, b=shared)

    def step(x):
        m.a.append(x)
        return len(m.b), m.a is m.b

    run = jit(step)
    yield run(jnp.zeros(2)), m, shared
    m.b = list(shared)
    yield run(jnp.zeros(2)), m, shared


@program
def list_of_numbers_written(jit):
    m = Thing(items=[0, 0.0, 5])

    def step(x):
        m.items[0] += 1
        m.items[1] += 0.1
        return x * m.items[0]

    run = jit(step)
    for _ in range(4):
        yield run(jnp.ones(2)), m


@program
def dict_written_inside(jit):
    m = Thing(table={"n": 0})

    def step(key, x):
        m.table[key] = x
        m.table["n"] += 1
        return sorted(m.table)

    run = jit(step, static_argnums=0)
    for key in ("a", "b", "a"):
        yield run(key, jnp.ones(2)), m


@program
def dict_popped_and_updated_inside(jit):
    m = Thing(table={"a": jnp.ones(2), "b": jnp.zeros(2)})

    def step():
        first = next(iter(m.table))
        value = m.table.pop(first)
        m.table.update({first: value + 1.0})
        m.table.setdefault("c", value)
        return first

    run = jit(step)
    for _ in range(3):
        yield run(), m


@program
def dict_with_keys_of_many_kinds(jit):
    m = Thing(table={1: jnp.ones(2), "1": 2.0, (1, 2): 3, None: None, Colour.RED: "r"})
    run = jit(lambda: (m.table[1] * m.table["1"], m.table[(1, 2)], m.table[Colour.RED]))
    yield run(), m
    m.table[(1, 2)] = 4
    yield run(), m


@program
def numbers_that_vary_become_keys_and_elements(jit):
    m = Thing(n=0, table={}, seen=set(), frozen=frozenset(), pairs={}, fresh={})

    def step():
        m.n += 1
        m.table[m.n] = m.n * 2
        m.pairs[(m.n, (m.n + 1, "a"))] = m.n
        m.seen = m.seen | {m.n}
        m.frozen = frozenset([m.n, "a"])
        m.fresh = {Key(m.n): m.n}
        m.seen.add((m.n, 1))
        return {m.n: 1}, {m.n}

    run = jit(step)
    for _ in range(3):
        yield run(), m, [list(map(type, part)) for part in (m.table, m.seen, m.frozen)]
    assert all(type(key.n) is int for key in m.fresh)


@dataclasses.dataclass(frozen=True)
class Key:
    n: int


@program
def slices_of_numbers_that_vary_and_of_arrays(jit):
    m = Thing(n=0, w=jnp.arange(5.0), window=slice(None))

    def step():
        m.n += 1
        m.window = slice(m.n, m.n + 2)
        return m.w[m.window], [slice(None, m.w[0] * m.n), m.window]

    run = jit(step)
    for _ in range(3):
        window = run()[1][0]
        yield m, window.start, window.stop, window.step


@program
def dict_attribute_asked_with_in_and_get(jit):
    m = Thing(table={})
    run = jit(lambda x: x * 2 if "on" in m.table else x + m.table.get("bias", 0.0))
    yield run(jnp.ones(2))
    m.table["bias"] = 4.0
    yield run(jnp.ones(2))
    m.table["on"] = None
    yield run(jnp.ones(2))


@program
def ordered_and_default_dicts(jit):
    m = Thing(
        order=collections.OrderedDict(a=jnp.ones(2), b=jnp.zeros(2)),
        groups=collections.defaultdict(list),
    )

    def step(x):
        m.order.move_to_end("a")
        m.groups["x"].append(x)
        return list(m.order), len(m.groups["x"])

    run = jit(step)
    yield run(jnp.ones(2)), m
    yield run(jnp.ones(2)), m


@program
def counter_dictionary(jit):
    m = Thing(counts=collections.Counter())

    def step(x):
        m.counts["calls"] += 1
        m.counts.update(["a", "b", "a"])
        return x + m.counts["a"]

    run = jit(step)
    yield run(jnp.ones(2)), m
    yield run(jnp.ones(2)), m


@program
def deque_used_as_a_buffer(jit):
    m = Thing(buffer=collections.deque([jnp.zeros(2)], maxlen=3))

    def step(x):
        m.buffer.append(x)
        return sum(m.buffer)

    run = jit(step)
    for i in range(5):
        yield run(jnp.full(2, float(i))), m


@program
def deque_rotated_and_popped(jit):
    m = Thing(buffer=collections.deque(jnp.full((), float(i)) for i in range(3)))

    def step():
        m.buffer.rotate(1)
        return m.buffer[0]

    run = jit(step)
    yield run(), m
    m.buffer.popleft()
    yield run(), m
    m.buffer.appendleft(jnp.ones(()))
    yield run(), m


@program
def set_changed_inside_and_between(jit):
    m = Thing(seen={1, 2})

    def step(x):
        m.seen.add(len(m.seen) + 1)
        return x * len(m.seen)

    run = jit(step)
    yield run(jnp.ones(2)), m
    m.seen.discard(1)
    yield run(jnp.ones(2)), m
    m.seen.clear()
    yield run(jnp.ones(2)), m


@program
def tuple_of_arrays_read_and_replaced(jit):
    m = Thing(pair=(jnp.ones(2), jnp.zeros(2)))

    def step(x):
        a, b = m.pair
        m.pair = (b + x, a)
        return a + b

    run = jit(step)
    for _ in range(3):
        yield run(1.0), m


@program
def named_tuple_of_arrays(jit):
    m = Thing(state=Pair(jnp.ones(2), 1))

    def step(x):
        m.state = m.state._replace(left=m.state.left + x, right=m.state.right + 1)
        return m.state

    run = jit(step)
    for _ in range(3):
        yield run(1.0), m


@program
def nested_containers(jit):
    m = Thing(tree={"layers": [{"w": jnp.ones(2), "n": (1, jnp.zeros(2))}], "names": ["a"]})

    def step(x):
        layer = m.tree["layers"][0]
        layer["w"] = layer["w"] + x
        layer["n"] = (layer["n"][0] + 1, layer["n"][1] - x)
        m.tree["names"].append("b")
        return layer["w"]

    run = jit(step)
    yield run(1.0), m
    m.tree["layers"].append({"w": jnp.ones(2), "n": (0, jnp.ones(2))})
    yield run(1.0), m
    m.tree["layers"].reverse()
    yield run(1.0), m


@program
def containers_holding_models(jit):
    m = Thing(layers=[Linear(2, 2), Linear(2, 2)], heads={"a": Linear(2, 1)})

    def step(x):
        for layer in m.layers:
            x = jnp.tanh(layer(x))
        return {name: head(x) for name, head in m.heads.items()}

    run = jit(step)
    yield run(jnp.ones(2)), m
    m.layers.append(Linear(2, 2))
    yield run(jnp.ones(2)), m
    m.heads["b"] = m.heads["a"]
    yield run(jnp.ones(2)), m
    m.layers[0], m.layers[2] = m.layers[2], m.layers[0]
    m.layers[0].w = m.layers[0].w * 2
    yield run(jnp.ones(2)), m


@program
def list_within_a_list_shared(jit):
    inner = [jnp.ones(2)]
    m = Thing(outer=[inner, inner])

    def step(x):
        m.outer[0].append(x)
        return len(m.outer[1]), m.outer[0] is m.outer[1]

    run = jit(step)
    yield run(jnp.zeros(2)), m, inner
    m.outer[1] = list(inner)
    yield run(jnp.zeros(2)), m, inner


@program
def empty_containers_filled_and_emptied(jit):
    m = Thing(items=[], table={}, note=())

    def step(x):
        if not m.items:
            m.items.append(x)
            m.table["x"] = x
            m.note = (x,)
        else:
            m.items.clear()
            m.table.clear()
            m.note = ()
        return bool(m.items)

    run = jit(step)
    for _ in range(4):
        yield run(jnp.ones(2)), m


@program
def list_comprehension_over_modules(jit):
    m = Thing(parts=[Counter() for _ in range(3)])
    run = jit(lambda x: [p.step(x + i) for i, p in enumerate(m.parts)])
    yield run(1.0), m
    yield run(2.0), m


@program
def list_equality_and_membership(jit):
    m = Thing(names=["a", "b"], w=jnp.ones(2))
    run = jit(lambda: m.w * 2 if m.names == ["a", "b"] and "a" in m.names else m.w)
    yield run()
    m.names[1] = "c"
    yield run()
    m.names[1] = "b"
    yield run()


@program
def list_subclass(jit):
    class Stack(list):
        def top(self):
            return self[-1]

    m = Thing(stack=Stack([jnp.ones(2)]))
    run = jit(lambda: m.stack.top() * 2)
    yield run(), type(m.stack).__name__
    m.stack.append(jnp.zeros(2))
    yield run(), type(m.stack).__name__


@program
def container_returned_is_the_attribute(jit):
    m = Thing(items=[jnp.ones(2)], table={"a": 1.0})

    def step(x):
        m.items.append(x)
        return m.items, m.table

    run = jit(step)
    items, table = run(jnp.zeros(2))
    yield items is m.items, table is m.table, m
    items.append(1.0)
    yield m, items


# Identity and sharing ---------------------------------------------------------------------------


@program
def identity_asked_inside(jit):
    a, b = jnp.ones(2), jnp.ones(2)
    m = Thing(a=a, b=b, best=a)
    run = jit(lambda: (m.best is m.a, m.best is m.b, m.best + m.b))
    yield run(), m
    m.best = b
    yield run(), m
    m.best = jnp.ones(2)
    yield run(), m


@program
def identity_of_modules_asked_inside(jit):
    m = Thing(a=Counter(), b=Counter(), best=None)
    m.best = m.a
    run = jit(lambda x: m.best.step(x) if m.best is m.a else m.best.total)
    yield run(1.0), m
    m.best = m.b
    yield run(1.0), m
    m.best = m.a
    yield run(1.0), m


@program
def best_is_assigned_inside(jit):
    m = Thing(a=jnp.ones(2), b=jnp.zeros(2), best=None)

    def step(pick):
        m.best = m.a if pick else m.b
        return m.best is m.a

    run = jit(step, static_argnums=0)
    yield run(True), m
    yield m.best is m.a, m.best is m.b
    yield run(False), m
    yield m.best is m.a, m.best is m.b


@program
def same_array_written_to_two_attributes(jit):
    m = Thing(a=jnp.ones(2), b=jnp.zeros(2))

    def step(x):
        m.a = m.b = m.a + x
        return m.a is m.b

    run = jit(step)
    yield run(1.0), m, m.a is m.b
    yield run(1.0), m, m.a is m.b


@program
def same_module_in_two_places(jit):
    part = Counter()
    m = Thing(a=part, b=part)

    def step(x):
        m.a.step(x)
        return m.b.step(x), m.a is m.b

    run = jit(step)
    yield run(1.0), m
    yield run(1.0), m
    m.b = Counter()
    yield run(1.0), m


@program
def same_array_in_two_places(jit):
    w = jnp.ones(2)
    m = Thing(a=w, b=w)

    def step(x):
        m.a = m.a + x
        return m.b

    run = jit(step)
    yield run(1.0), m
    yield run(1.0), m


@program
def two_slots_swapped(jit):
    m = Thing(a=jnp.ones(2), b=jnp.zeros(2))

    def step():
        m.a, m.b = m.b, m.a
        return m.a.sum()

    run = jit(step)
    for _ in range(3):
        yield run(), m


@program
def two_slots_swapped_between_calls(jit):
    m = Thing(a=jnp.ones(2), b=jnp.zeros(2))
    run = jit(lambda: m.a - 2 * m.b)
    yield run(), m
    m.a, m.b = m.b, m.a
    yield run(), m
    m.a = m.b
    yield run(), m


@program
def two_modules_swapped_inside(jit):
    m = Thing(a=Counter(), b=Linear(1, 1), c=Counter())

    def step(x):
        m.a, m.c = m.c, m.a
        return m.a.step(x)

    run = jit(step)
    for _ in range(4):
        yield run(1.0), m


@program
def tied_weights(jit):
    enc, dec = Linear(2, 2), Linear(2, 2)
    dec.w = enc.w
    m = Thing(enc=enc, dec=dec)
    run = jit(lambda x: m.dec(m.enc(x)))
    yield run(jnp.ones(2)), m
    enc.w = dec.w = enc.w * 2
    yield run(jnp.ones(2)), m
    dec.w = enc.w * 2
    yield run(jnp.ones(2)), m


@program
def array_moved_to_another_object(jit):
    m = Thing(a=Thing(w=jnp.ones(2)), b=Thing(w=jnp.zeros(2)))

    def step():
        m.b.old = m.b.w
        m.b.w = m.a.w
        return m.b.w.sum()

    run = jit(step)
    yield run(), m, m.a.w is m.b.w
    m.a.w = jnp.full(2, 3.0)
    yield run(), m


@program
def argument_kept_in_two_places(jit):
    m = Thing(items=[], last=None)

    def step(x):
        m.items.append(x)
        m.last = x

    run = jit(step)
    x = jnp.ones(2)
    run(x)
    yield m, m.items[0] is m.last
    run(jnp.zeros(2))
    yield m, m.items[1] is m.last


@program
def sub_module_replaced_between_calls(jit):
    m = Thing(part=Linear(2, 2))
    run = jit(lambda x: m.part(x))
    yield run(jnp.ones(2))
    m.part = Linear(2, 3)
    yield run(jnp.ones(2))
    m.part = Thing(w=1)
    m.part = lambda x: x * 3
    yield run(jnp.ones(2))
    m.part = Linear(2, 2)
    yield run(jnp.ones(2))


@program
def sub_module_replaced_inside(jit):
    m = Thing(a=Counter(), b=Counter(), active=None)
    m.active = m.a

    def step(x):
        m.active.step(x)
        m.active = m.b if m.active is m.a else m.a
        return x

    run = jit(step)
    for _ in range(4):
        yield run(1.0), m


@program
def cycle(jit):
    m = Thing(w=jnp.ones(2), child=Thing(w=jnp.zeros(2)))
    m.child.parent = m
    m.me = m

    def step(x):
        m.child.parent.w = m.me.w + x
        return m.child.parent.child.parent is m

    run = jit(step)
    yield run(1.0), m
    yield run(1.0), m


@program
def parent_pointers(jit):
    class Node(sj.Base):
        def __init__(self, parent):
            self.parent = parent
            self.w = jnp.ones(2)

        def up(self, x):
            self.w = self.w + x
            return self.w if self.parent is None else self.parent.up(x) + self.w

    root = Node(None)
    leaf = Node(Node(root))
    run = jit(leaf.up)
    yield run(1.0), leaf
    leaf.parent = root
    yield run(1.0), leaf


@program
def cyclic_list(jit):
    items = [jnp.ones(2)]
    m = Thing(items=items)
    items.append(m)

    def step(x):
        m.items[1].items[0] = m.items[0] + x
        return m.items[1] is m

    run = jit(step)
    yield run(1.0), m
    yield run(1.0), m


@program
def linked_list_walked(jit):
    head = None
    for i in range(4):
        head = Thing(value=jnp.full((), float(i)), next=head)
    m = Thing(head=head)

    def total():
        node, out = m.head, 0.0
        while node is not None:
            out, node = out + node.value, node.next
        return out

    run = jit(total)
    yield run()
    m.head = m.head.next
    yield run()
    m.head.next.next = None
    yield run()


@program
def observer_registered_in_both(jit):
    a, b = Thing(n=0, peers=[]), Thing(n=0, peers=[])
    a.peers.append(b)
    b.peers.append(a)

    def notify(x):
        for peer in a.peers:
            peer.n += 1
            for back in peer.peers:
                back.n += 10
        return x * a.n

    run = jit(notify)
    for _ in range(3):
        yield run(jnp.ones(())), a


# How the model is reached -----------------------------------------------------------------------

GLOBAL = Counter()


def through_the_global(x):
    return GLOBAL.step(x)


@program
def model_through_a_global(jit):
    global GLOBAL
    GLOBAL = Counter()
    run = jit(through_the_global)
    yield run(1.0), GLOBAL
    yield run(2.0), GLOBAL
    GLOBAL = Counter()
    yield run(3.0), GLOBAL


@program
def model_through_a_closure(jit):
    m = Counter()
    run = jit(lambda x: m.step(x))
    yield run(1.0), m
    old, m = m, Counter()
    yield run(2.0), m, old


@program
def model_through_a_default(jit):
    m = Counter()

    def f(x, m=m, *, other=m):
        return m.step(x) + other.step(x)

    run = jit(f)
    yield run(1.0), m
    yield run(1.0), m
    yield run(1.0, Counter()), m
    yield run(1.0, other=Counter()), m


@program
def model_through_a_partial(jit):
    m = Counter()

    def f(m, x, n):
        return m.step(x) * n

    run = jit(functools.partial(f, m, n=2))
    yield run(1.0), m
    yield run(2.0), m
    yield run(2.0, n=3), m


@program
def model_through_an_argument(jit):
    m = Counter()
    run = jit(lambda m, x: m.step(x))
    yield run(m, 1.0), m
    yield run(m=m, x=2.0), m


@program
def models_in_a_container_argument(jit):
    a, b = Counter(), Counter()
    run = jit(lambda ms, x: [m.step(x) for m in ms["ms"]])
    yield run({"ms": [a, b]}, 1.0), a, b
    yield run({"ms": (b, a)}, 1.0), a, b
    yield run({"ms": [a, a]}, 1.0), a, b


@program
def model_through_a_bound_method(jit):
    m = Counter()
    run = jit(m.step)
    yield run(1.0), m
    yield run(1.0), m


@program
def model_called(jit):
    m = Linear(2, 3)
    run = jit(m)
    yield run(jnp.ones(2)), m
    m.b = m.b + 1
    yield run(jnp.ones(2)), m


@program
def jit_as_decorator_in_a_class(jit):
    class Net(sj.Base):
        def __init__(self):
            self.n = 0
            self.w = jnp.ones(2)

        @jit
        def step(self, x):
            self.n += 1
            self.w = self.w * x
            return self.w

        @jit
        def both(self, x):
            return self.step(x) + self.step(x)

    a, b = Net(), Net()
    yield a.step(2.0), a, b
    yield b.step(3.0), a, b
    yield a.both(2.0), a, b
    yield Net.step(a, 2.0), a, b


@program
def decorator_with_options(jit):
    class Net(sj.Base):
        def __init__(self):
            self.w = jnp.ones(2)

        @functools.partial(jit, static_argnums=1)
        def step(self, n, x):
            for _ in range(n):
                self.w = self.w + x
            return self.w

    m = Net()
    yield m.step(2, 1.0), m
    yield m.step(3, 1.0), m
    yield m.step(2, 1.0), m


@program
def two_instances_alternating(jit):
    a, b = Counter(), Counter()
    run = jit(lambda m, x: m.step(x))
    for i in range(6):
        yield run((a, b)[i % 2], float(i)), a, b


@program
def instances_that_differ_in_structure(jit):
    a, b = Linear(2, 2), Linear(2, 3)
    c = Linear(2, 2)
    c.b = None
    run = jit(lambda m, x: m(x) if m.b is not None else x @ m.w)
    for m in (a, b, c, a, c, b):
        yield run(m, jnp.ones(2))


@program
def instances_that_differ_in_sharing(jit):
    w = jnp.ones(2)
    a, b = Thing(u=w, v=w), Thing(u=jnp.ones(2), v=jnp.zeros(2))

    def step(m):
        m.u = m.u + 1
        return m.u + m.v, m.u is m.v

    run = jit(step)
    for m in (a, b, a, b):
        yield run(m), m


@program
def the_same_model_twice_as_argument(jit):
    a, b = Counter(), Counter()
    run = jit(lambda p, q, x: (p.step(x), q.step(x), p is q))
    yield run(a, b, 1.0), a, b
    yield run(a, a, 1.0), a, b
    yield run(b, a, 1.0), a, b


@program
def model_of_a_closure_and_argument(jit):
    m = Counter()
    run = jit(lambda other, x: (m.step(x), other.step(x), m is other))
    yield run(Counter(), 1.0), m
    yield run(m, 1.0), m


@program
def function_defined_inside_a_function(jit):
    m = Counter()

    def outer(x):
        def inner(y):
            return m.step(y)

        return inner(x) + inner(x)

    run = jit(outer)
    yield run(1.0), m
    yield run(1.0), m


@program
def jit_of_a_fresh_lambda_at_each_call(jit):
    m = Counter()
    for i in range(4):
        yield jit(lambda x: m.step(x))(float(i)), m


@program
def jit_of_fresh_models(jit):
    for i in range(3):
        m = Counter()
        m.calls = i
        yield jit(m.step)(1.0), m


# Objects made inside ----------------------------------------------------------------------------


@program
def object_created_inside_and_kept(jit):
    m = Thing(part=None)

    def step(x):
        m.part = Thing(w=x * 2, n=1)
        return m.part.w

    run = jit(step)
    first = run(jnp.ones(2)), m.part
    yield first, m
    yield run(jnp.ones(2)), m, first[1] is m.part


@program
def object_created_inside_once(jit):
    m = Thing(part=None)

    def step(x):
        if m.part is None:
            m.part = Counter()
        return m.part.step(x)

    run = jit(step)
    for _ in range(3):
        yield run(1.0), m


@program
def object_created_inside_and_returned(jit):
    def make(x):
        out = Linear(2, 2)
        out.w = out.w * x
        out.twin = out
        return out

    run = jit(make)
    a, b = run(2.0), run(3.0)
    yield a, b, a is b
    yield a(jnp.ones(2))


@program
def objects_created_inside_share(jit):
    m = Thing(parts=[])

    def step(x):
        shared = Thing(w=x)
        m.parts.extend([Thing(p=shared), Thing(p=shared)])
        return m.parts[-1].p is m.parts[-2].p

    run = jit(step)
    yield run(jnp.ones(2)), m
    yield run(jnp.ones(2)), m


@program
def object_created_inside_points_back(jit):
    m = Thing(child=None, w=jnp.ones(2))

    def step():
        m.child = Thing(parent=m, w=m.w)
        m.child.sibling = Thing(me=m.child)
        return m.child.parent is m

    run = jit(step)
    yield run(), m, m.child.w is m.w
    yield run(), m


@program
def object_created_and_dropped_inside(jit):
    def step(x):
        part = Counter()
        part.step(x)
        return part.step(x), part.calls

    run = jit(step)
    yield run(1.0)
    yield run(2.0)


@program
def dataclass_created_inside(jit):
    @sj.model
    @dataclasses.dataclass
    class Point:
        x: Any
        tags: list = dataclasses.field(default_factory=list)

        def __post_init__(self):
            self.tags.append("made")

    m = Thing(points=[])

    def step(x):
        m.points.append(Point(x))
        return len(m.points)

    run = jit(step)
    yield run(jnp.ones(2)), m
    yield run(jnp.ones(2)), m


@program
def containers_created_inside(jit):
    m = Thing()

    def step(x):
        m.a = [x, {"b": (x, x + 1)}]
        m.c = m.a
        m.d = collections.deque([m.a], maxlen=2)
        m.e = {1, 2}
        return m.a

    run = jit(step)
    out = run(jnp.ones(2))
    yield out, m, out is m.a, m.c is m.a
    again = run(jnp.ones(2))
    yield again, m, again is out


@program
def growing_tree(jit):
    m = Thing(root=Thing(kids=[], w=jnp.ones(())))

    def grow(x):
        node = m.root
        while node.kids:
            node = node.kids[-1]
        node.kids.append(Thing(kids=[], w=node.w + x))
        return node.kids[-1].w

    run = jit(grow)
    for _ in range(3):
        yield run(1.0), m


# Python's machinery -----------------------------------------------------------------------------


@program
def property_read_and_written(jit):
    class P(sj.Base):
        def __init__(self):
            self._x = jnp.ones(2)
            self.reads = 0

        @property
        def x(self):
            self.reads += 1
            return self._x * 2

        @x.setter
        def x(self, value):
            self._x = value + 1

        @x.deleter
        def x(self):
            self._x = jnp.zeros(2)

    m = P()

    def step(y):
        m.x = m.x + y
        return m.x

    run = jit(step)
    yield run(1.0), m
    yield run(1.0), m

    def drop():
        del m.x
        return m.x

    yield jit(drop)(), m


@program
def slots(jit):
    class S(sj.Base):
        __slots__ = ("n", "w")

        def __init__(self):
            self.w = jnp.ones(2)
            self.n = 0

        def step(self, x):
            self.n += 1
            self.w = self.w + x
            return self.w

    m = S()
    run = jit(m.step)
    yield run(1.0), m
    m.w = jnp.zeros(2)
    yield run(1.0), m
    del m.n
    m.n = 5
    yield run(1.0), m


@program
def plain_object_with_slots_returned(jit):
    class Pair:
        __slots__ = ("x", "y")

        def __init__(self, x, y):
            self.x, self.y = x, y

    run = jit(lambda x: (x + 1, Pair(3, "text")))
    for x in (1.0, 2.0):
        y, pair = run(x)
        yield y, pair.x, pair.y, type(pair) is Pair


@program
def slots_and_dictionary_together(jit):
    class A(sj.Base):
        __slots__ = ("u",)

    class B(A):
        def __init__(self):
            self.u = jnp.ones(2)
            self.v = jnp.zeros(2)

        def step(self, x):
            self.u, self.v = self.v + x, self.u
            self.__hidden = x
            return self.u

    m = B()
    run = jit(m.step)
    yield run(1.0), m
    yield run(1.0), m


@program
def slots_are_not_in_the_dictionary(jit):
    class A(sj.Base):
        __slots__ = ("u",)

    class B(A):
        def __init__(self):
            self.u = jnp.ones(2)
            self.v = 0

    m = B()

    def step():
        m.v += 1
        other = copy.copy(m)
        other.u = m.u + 1.0
        m.__dict__.update(x=m.v)
        return sorted(vars(m)), len(vars(m)), "u" in vars(m), "u" in dir(m), other

    run = jit(step)
    for _ in range(2):
        yield run(), m


@program
def super_calls(jit):
    class A(sj.Base):
        def __init__(self):
            self.w = jnp.ones(2)
            self.log = []

        def step(self, x):
            self.log.append("A")
            return self.w + x

    class B(A):
        def __init__(self):
            super().__init__()
            self.v = jnp.full(2, 3.0)

        def step(self, x):
            self.log.append("B")
            return super().step(x) * self.v

    class C(B):
        def step(self, x):
            return super(B, self).step(x) - B.step(self, x)

    for cls in (B, C):
        m = cls()
        run = jit(m.step)
        yield run(1.0), m
        yield run(2.0), m


@program
def overridden_setattr(jit):
    class Logged(sj.Base):
        def __init__(self):
            super().__setattr__("writes", 0)
            self.w = jnp.ones(2)

        def __setattr__(self, name, value):
            super().__setattr__("writes", self.writes + 1)
            super().__setattr__(name, value)

        def step(self, x):
            self.w = self.w + x
            self.extra = x
            return self.w

    m = Logged()
    run = jit(m.step)
    for _ in range(3):
        yield run(1.0), m


@program
def overridden_getattr(jit):
    class Proxy(sj.Base):
        def __init__(self, inner):
            self.inner = inner
            self.misses = 0

        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            self.misses += 1
            return getattr(self.inner, name)

    m = Proxy(Thing(w=jnp.ones(2)))
    run = jit(lambda x: m.w * x + m.misses)
    yield run(2.0), m
    m.w = jnp.full(2, 5.0)
    yield run(2.0), m
    del m.w
    m.inner.w = jnp.zeros(2)
    yield run(2.0), m


@program
def overridden_getattribute(jit):
    class Upper(sj.Base):
        def __init__(self):
            self.WIDTH = jnp.ones(2)

        def __getattribute__(self, name):
            if name == "width":
                return super().__getattribute__("WIDTH")
            return super().__getattribute__(name)

    m = Upper()
    run = jit(lambda x: m.width * x)
    yield run(2.0), m
    m.WIDTH = jnp.zeros(2)
    yield run(2.0), m


@program
def deleted_set_and_deleted_again(jit):
    def twice(thing, x):
        del thing.extra
        thing.extra = x
        del thing.extra
        return "extra" in vars(thing)

    def thrice(thing, x):
        twice(thing, x)
        thing.extra = x * 2

    thing = Thing(extra=jnp.ones(2), w=jnp.ones(2))
    for fun in (jit(twice), jit(thrice)):
        thing.extra = jnp.ones(2)
        yield fun(thing, 2.0), thing
        with contextlib.suppress(AttributeError):
            yield fun(thing, 3.0), thing


@program
def overridden_delattr(jit):
    class Careful(sj.Base):
        def __init__(self):
            self.w = jnp.ones(2)
            self.gone = []

        def __delattr__(self, name):
            self.gone.append(name)
            super().__delattr__(name)

    m = Careful()

    def step():
        w = m.w
        del m.w
        m.w = w + 1
        return m.w

    run = jit(step)
    yield run(), m
    yield run(), m


@program
def descriptors(jit):
    class Doubled:
        def __set_name__(self, owner, name):
            self.name = "_" + name

        def __get__(self, instance, owner):
            return self if instance is None else getattr(instance, self.name) * 2

        def __set__(self, instance, value):
            setattr(instance, self.name, value)

    class D(sj.Base):
        x = Doubled()

        def __init__(self):
            self.x = jnp.ones(2)

    m = D()

    def step(y):
        m.x = m.x + y
        return m.x

    run = jit(step)
    yield run(1.0), m
    yield run(1.0), m


@program
def cached_property(jit):
    class C(sj.Base):
        def __init__(self):
            self.w = jnp.ones(2)

        @functools.cached_property
        def norm(self):
            return (self.w**2).sum()

    m = C()
    run = jit(lambda x: m.norm * x)
    yield run(2.0), m
    m.w = jnp.full(2, 3.0)
    yield run(2.0), m
    del m.norm
    yield run(2.0), m


@program
def static_and_class_methods(jit):
    class S(sj.Base):
        scale = 3.0

        def __init__(self, w):
            self.w = w

        @staticmethod
        def twice(x):
            return x * 2

        @classmethod
        def make(cls, x):
            return cls(x * cls.scale)

        def step(self, x):
            other = self.make(x)
            return self.twice(other.w) + self.w

    m = S(jnp.ones(2))
    run = jit(m.step)
    yield run(1.0), m
    S.scale = 4.0
    yield run(1.0), m


@program
def inheritance_and_mixins(jit):
    class Noisy:
        def speak(self, x):
            self.said = x
            return x + 1

    class A(Noisy, sj.Base):
        def __init__(self):
            self.w = jnp.ones(2)

        def step(self, x):
            return self.speak(self.w * x)

    m = A()
    run = jit(m.step)
    yield run(1.0), m
    yield run(2.0), m


@program
def model_decorator(jit):
    @sj.model
    class Plain:
        def __init__(self):
            self.w = jnp.ones(2)
            self.n = 0

        def step(self, x):
            self.n += 1
            self.w = self.w + x
            return self.w

    @sj.model
    class Child(Plain):
        def step(self, x):
            return super().step(x) * 2

    for cls in (Plain, Child):
        m = cls()
        run = jit(m.step)
        yield run(1.0), m
        yield run(1.0), m


@program
def model_dataclass(jit):
    @sj.model
    @dataclasses.dataclass
    class Neuron:
        v: Any
        tau: float = 10.0
        spikes: int = 0
        history: list = dataclasses.field(default_factory=list)

        def step(self, x):
            self.v = self.v + (x - self.v) / self.tau
            self.spikes += 1
            self.history.append(self.v)
            return self.v

    a, b = Neuron(jnp.zeros(2)), Neuron(jnp.zeros(2))
    run = jit(lambda m, x: m.step(x))
    yield run(a, 1.0), a
    yield run(b, 1.0), b
    a.tau = 5.0
    yield run(a, 1.0), a
    yield run(a, 1.0) + 0, a, repr(b.tau)


@program
def dataclass_derived_from_base(jit):
    @dataclasses.dataclass(eq=False)
    class Neuron(sj.Base):
        v: Any
        tau: float = 10.0

        def step(self, x):
            self.v = self.v + (x - self.v) / self.tau
            return self.v

    m = Neuron(jnp.zeros(2))
    run = jit(m.step)
    yield run(1.0), m
    m.tau = 5.0
    yield run(1.0), m


@program
def dunder_methods(jit):
    class Bag(sj.Base):
        def __init__(self, *items):
            self.items = list(items)

        def __len__(self):
            return len(self.items)

        def __getitem__(self, i):
            return self.items[i]

        def __setitem__(self, i, value):
            self.items[i] = value

        def __iter__(self):
            return iter(self.items)

        def __contains__(self, item):
            return any(item is held for held in self.items)

        def __add__(self, other):
            return Bag(*self.items, *other.items)

        def __enter__(self):
            self.depth = getattr(self, "depth", 0) + 1
            return self

        def __exit__(self, *args):
            self.depth -= 1

    m = Bag(jnp.ones(2), jnp.zeros(2))

    def step(x):
        with m as bag:
            bag[0] = bag[0] + x
            joined = bag + m
        return sum(joined), len(joined), bag[1] in m, bool(m)

    run = jit(step)
    yield run(1.0), m
    yield run(1.0), m


@program
def equality_defined_by_the_class(jit):
    class Named(sj.Base):
        def __init__(self, name, w):
            self.name, self.w = name, w

        def __eq__(self, other):
            return isinstance(other, Named) and self.name == other.name

        def __hash__(self):
            return hash(self.name)

    a, b = Named("x", jnp.ones(2)), Named("x", jnp.zeros(2))
    m = Thing(a=a, b=b)
    run = jit(lambda: (m.a == m.b, m.a is m.b, m.a.w - m.b.w))
    yield run()
    b.name = "y"
    yield run()


@program
def generators_inside(jit):
    m = Thing(items=[jnp.full(2, float(i)) for i in range(3)], n=0)

    def walk():
        for item in m.items:
            m.n += 1
            yield item * m.n

    def step(x):
        first, *rest = walk()
        return sum(rest, first) * x

    run = jit(step)
    yield run(1.0), m
    yield run(1.0), m


@program
def exceptions_caught_inside(jit):
    m = Thing(table={"a": jnp.ones(2)}, misses=0)

    def step(key, x):
        try:
            return m.table[key] * x
        except KeyError:
            m.misses += 1
            return x
        finally:
            m.last = key

    run = jit(step, static_argnums=0)
    for key in ("a", "b", "a", "b"):
        yield run(key, 2.0), m


@program
def context_managers_inside(jit):
    m = Thing(mode="eval", w=jnp.ones(2), log=[])

    @contextlib.contextmanager
    def training():
        old, m.mode = m.mode, "train"
        try:
            yield
        finally:
            m.mode = old
            m.log.append(old)

    def step(x):
        with training():
            inside = m.mode
            m.w = m.w * x
        return inside, m.mode, m.w

    run = jit(step)
    yield run(2.0), m
    m.mode = "test"
    yield run(2.0), m


@program
def recursion(jit):
    m = Thing(depth=3, w=jnp.ones(2), visits=0)

    def walk(n, x):
        m.visits += 1
        return x if n == 0 else walk(n - 1, x + m.w)

    run = jit(lambda x: walk(m.depth, x))
    yield run(jnp.zeros(2)), m
    m.depth = 5
    yield run(jnp.zeros(2)), m


@program
def match_statement(jit):
    m = Thing(mode=("add", 1.0), w=jnp.ones(2))

    def step(x):
        match m.mode:
            case ("add", n):
                return m.w + x + n
            case {"mul": n}:
                return m.w * x * n
            case None:
                return x

    run = jit(step)
    for mode in (("add", 1.0), {"mul": 3.0}, None, ("add", 2.0)):
        m.mode = mode
        yield run(jnp.full(2, 2.0)), m


@program
def vars_read_inside(jit):
    m = Thing(a=jnp.ones(2), b=jnp.zeros(2), n=1)
    run = jit(lambda: {k: v * 2 for k, v in vars(m).items()})
    yield run()
    m.c = jnp.ones(2)
    m.n = 2
    yield run()


@program
def deepcopy_before_and_after(jit):
    m = Thing(part=Counter(), items=[jnp.ones(2)])
    m.again = m.part
    before = copy.deepcopy(m)
    run = jit(lambda m, x: m.part.step(x))
    yield run(m, 1.0), m, before
    after = copy.deepcopy(m)
    yield run(after, 1.0), m, before, after
    yield run(before, 1.0), m, before, after, after.again is after.part


@program
def copy_inside(jit):
    m = Thing(w=jnp.ones(2), items=[1.0], part=Counter(), twin=None)

    def step(x):
        m.twin = copy.copy(m)
        m.twin.w = m.twin.w + x
        m.twin.items.append(x)
        return m.w, m.twin.part is m.part

    run = jit(step)
    yield run(1.0), m


@program
def deepcopy_inside(jit):
    m = Thing(part=Counter(), items=[jnp.ones(2)], best=None)
    m.again = m.part

    def step(x):
        m.part.step(x)
        m.best = copy.deepcopy(m.part)
        return m.best.step(x), m.part.calls

    run = jit(step)
    yield run(1.0), m
    yield run(1.0), m


@program
def pickle_before_and_after(jit):
    m = Thing(part=Counter(), items=[jnp.ones(2)])
    m.again = m.part
    before = pickle.loads(pickle.dumps(m))
    run = jit(lambda m, x: m.part.step(x))
    yield run(m, 1.0), m
    after = pickle.loads(pickle.dumps(m))
    yield run(after, 1.0), run(before, 1.0), m, before, after


@program
def string_representations(jit):
    class R(sj.Base):
        def __init__(self):
            self.n = 1

        def __repr__(self):
            return f"R({self.n})"

        def __format__(self, spec):
            return f"<{self.n}{spec}>"

    m = R()
    run = jit(lambda x: (repr(m), f"{m:s}", x + m.n))
    for n in (1, 2, 3):
        m.n = n
        yield run(jnp.ones(()))


@program
def walrus_unpacking_and_chained_comparison(jit):
    m = Thing(n=3, items=[1.0, 2.0, 3.0, 4.0])

    def step(x):
        first, *middle, last = m.items
        if 1 < (n := m.n) < 5:
            m.items = [last, *middle, first]
        return x * n

    run = jit(step)
    for n in (3, 4, 7, 3):
        m.n = n
        yield run(jnp.ones(2)), m


@program
def method_resolution_by_name(jit):
    class Ops(sj.Base):
        def __init__(self):
            self.op = "add"
            self.w = jnp.ones(2)

        def do_add(self, x):
            return self.w + x

        def do_mul(self, x):
            self.w = self.w * x
            return self.w

        def step(self, x):
            return getattr(self, f"do_{self.op}")(x)

    m = Ops()
    run = jit(m.step)
    for op in ("add", "mul", "add", "mul"):
        m.op = op
        yield run(3.0), m


@program
def callbacks_in_a_list(jit):
    m = Thing(hooks=[], w=jnp.ones(2))

    def step(x):
        for hook in m.hooks:
            x = hook(x)
        return x * m.w

    run = jit(step)
    yield run(2.0)
    m.hooks.append(double)
    yield run(2.0)
    m.hooks.append(lambda x: x + 1)
    yield run(2.0)
    m.hooks[0] = halve
    yield run(2.0)


# NumPy arrays -----------------------------------------------------------------------------------


@program
def numpy_attribute_mutated_between_calls(jit):
    m = Thing(table=np.arange(3.0, dtype=np.float32))
    run = jit(lambda x: m.table * x + jnp.zeros(3))
    yield run(2.0), m
    m.table[1] = 50.0
    yield run(2.0), m
    m.table += 1
    yield run(2.0), m
    m.table = np.arange(4.0, dtype=np.float32)[1:]
    yield run(2.0), m


@program
def numpy_array_written_inside(jit):
    m = Thing(seen=np.zeros(3, np.int32))
    before = m.seen

    def step(x):
        m.seen[1] += 1
        m.seen[2:] = 7
        return x + m.seen.sum()

    run = jit(step)
    yield run(jnp.ones(())), m, before is m.seen
    yield run(jnp.ones(())), m, before is m.seen


@program
def numpy_array_in_place_operators_inside(jit):
    m = Thing(a=np.ones(2, np.float32))
    before = m.a

    def step(x):
        m.a += 1
        m.a *= 2
        return x

    run = jit(step)
    yield run(1.0), m, before
    yield run(1.0), m, before


@program
def numpy_array_aliased(jit):
    a = np.zeros(2, np.float32)
    m = Thing(a=a, b=a)

    def step(x):
        m.a[0] = 5.0
        return m.b * 1.0 + x

    run = jit(step)
    yield run(jnp.zeros(2)), m, a
    m.b = a.copy()
    yield run(jnp.zeros(2)), m, a


@program
def numpy_mask_used_for_its_value(jit):
    m = Thing(mask=np.array([True, False, True]), shape=np.array([2, 3]), w=jnp.arange(3.0))
    run = jit(lambda: (m.w[m.mask], jnp.zeros(tuple(int(n) for n in m.shape))))
    yield run(), m
    m.mask[1] = True
    yield run(), m
    m.shape[0] = 1
    yield run(), m


@program
def numpy_functions_on_numpy_attributes(jit):
    m = Thing(a=np.arange(4.0, dtype=np.float32), w=jnp.ones(4))
    run = jit(lambda: (m.w * np.sqrt(m.a), m.a.mean() * m.w, m.a.shape, m.a.dtype == np.float32))
    yield run(), m
    m.a[0] = 9.0
    yield run(), m


@program
def numpy_argument(jit):
    m = Thing(w=jnp.ones(2))
    run = jit(lambda x: m.w + x)
    yield run(np.ones(2, np.float32))
    yield run(np.full(2, 3.0, np.float32))
    yield run(np.float32(2.0))


@program
def numpy_array_kept_from_an_argument(jit):
    m = Thing(last=None)

    def step(x):
        m.last = x
        return x.sum()

    run = jit(step)
    x = np.ones(2, np.float32)
    run(x)
    yield m.last is x
    x[0] = 5
    yield m


@program
def numpy_array_of_objects_and_strings(jit):
    m = Thing(names=np.array(["a", "b"]), w=jnp.ones(2))
    run = jit(lambda: m.w * 2 if m.names[0] == "a" else m.w)
    yield run()
    m.names[0] = "c"
    yield run()


# Mutable arrays ---------------------------------------------------------------------------------


@program
def array_in_place_inside(jit):
    m = Thing(a=sj.numpy.zeros(3))
    before = m.a

    def step(x):
        m.a[0] += x
        m.a[1:] = m.a[:1] + 1
        m.a += 1.0
        return m.a.sum()

    run = jit(step)
    yield run(1.0), m, before is m.a
    yield run(2.0), m, before is m.a


@program
def array_aliased(jit):
    a = sj.numpy.zeros(2)
    m = Thing(a=a, b=a, items=[a])

    def step(x):
        m.a[0] = x
        return m.b * 1.0, m.items[0] is m.a

    run = jit(step)
    yield run(3.0), m, a
    m.b = sj.numpy.ones(2)
    yield run(4.0), m, a


@program
def array_mutated_between_calls(jit):
    m = Thing(a=sj.numpy.arange(3))
    run = jit(lambda: m.a * 2)
    yield run(), m
    m.a[0] = 10
    yield run(), m
    m.a += 1
    yield run(), m
    m.a = sj.numpy.arange(4)
    yield run(), m


@program
def array_as_argument_written_inside(jit):
    def step(a, x):
        a[0] = a[1] + x
        return a

    run = jit(step)
    a = sj.numpy.arange(3.0)
    out = run(a, 5.0)
    yield out, a, out is a
    yield run(a, 5.0), a


@program
def array_of_a_closure_written_inside(jit):
    a = sj.numpy.zeros(2)

    def step(x):
        a[0] += x
        return a.sum()

    run = jit(step)
    yield run(1.0), a
    a[1] = 5.0
    yield run(1.0), a


@program
def array_created_inside_and_kept(jit):
    m = Thing(a=None)

    def step(x):
        a = sj.numpy.zeros(2)
        a[0] = x
        m.a, m.b = a, a
        return a

    run = jit(step)
    out = run(1.0)
    yield out, m, out is m.a
    m.a[1] = 3.0
    yield m
    yield run(2.0), m


@program
def array_replaced_and_old_kept(jit):
    m = Thing(a=sj.numpy.ones(2), old=None)

    def step(x):
        m.old = m.a
        m.a = m.a + x
        return m.old is m.a

    run = jit(step)
    yield run(1.0), m
    yield run(1.0), m


@program
def arrays_swapped(jit):
    m = Thing(a=sj.numpy.ones(2), b=sj.numpy.zeros(2))

    def step(x):
        m.a, m.b = m.b, m.a
        m.a[0] = x
        return m.a

    run = jit(step)
    for i in range(3):
        yield run(float(i)), m


@program
def array_dtype_kept_in_place(jit):
    m = Thing(a=sj.numpy.arange(3))

    def step():
        m.a[0] = 7.9
        m.a += 1
        return m.a.dtype == jnp.int32

    run = jit(step)
    yield run(), m
    yield run(), m


@program
def variable_assignment(jit):
    m = Thing(w=sj.Variable(sj.numpy.ones(2)), n=0)
    before = m.w

    def step(x):
        m.w = m.w + x
        m.w[:] = m.w * 2
        return m.w.sum()

    run = jit(step)
    yield run(1.0), m, before is m.w
    m.w = jnp.zeros(2)
    yield run(1.0), m, before is m.w


@program
def variable_created_inside(jit):
    m = Thing(w=None)

    def step(x):
        if m.w is None:
            m.w = sj.Variable(jnp.ones(2))
        m.w = m.w * x
        return m.w.sum()

    run = jit(step)
    yield run(3.0), m
    yield run(3.0), m


@program
def train_variable_and_constant(jit):
    m = Thing(w=sj.TrainVar(jnp.ones(2)), c=sj.constant(jnp.full(2, 3.0)))
    run = jit(lambda x: m.w * m.c * x)
    yield run(2.0), m
    m.w = jnp.zeros(2)
    yield run(2.0), m


@program
def logistic_regression_of_the_issue(jit):
    snp = sj.numpy

    class LogisticRegression(sj.Base):
        def __init__(self, dimension):
            super(LogisticRegression, self).__init__()  # noqa: UP008, as in the issue
            self.dimension = dimension
            self.w = sj.Variable(2.0 * snp.ones(dimension) - 1.3)

        def __call__(self, points, labels):
            dot = snp.dot(points, self.w)
            u = snp.dot(((1.0 / (1.0 + snp.exp(-labels * dot)) - 1.0) * labels), points)
            self.w[:] = self.w - u

    m = LogisticRegression(3)
    run = jit(m)
    points = jnp.linspace(-1, 1, 12).reshape(4, 3)
    labels = jnp.array([1.0, -1.0, 1.0, 1.0])
    for _ in range(3):
        yield run(points, labels), m


# What comes back --------------------------------------------------------------------------------


@program
def self_returned(jit):
    class Chain(sj.Base):
        def __init__(self):
            self.w = jnp.ones(2)

        def add(self, x):
            self.w = self.w + x
            return self

    m = Chain()
    run = jit(m.add)
    out = run(1.0)
    yield out, out is m
    yield run(1.0).add(2.0) is m, m


@program
def sub_module_and_slot_returned(jit):
    m = Thing(part=Counter(), w=jnp.ones(2))
    run = jit(lambda: (m.part, m.w, m, {"again": m.part}))
    part, w, same, table = run()
    yield part is m.part, w is m.w, same is m, table["again"] is part
    m.w = jnp.zeros(2)
    part, w, same, table = run()
    yield part is m.part, w is m.w


@program
def written_slot_returned(jit):
    m = Thing(w=jnp.ones(2))

    def step(x):
        m.w = m.w + x
        return m.w

    run = jit(step)
    out = run(1.0)
    yield out, m, out is m.w


@program
def argument_returned(jit):
    run = jit(lambda x, y: (x, y, x))
    x, y = jnp.ones(2), [jnp.zeros(2)]
    out = run(x, y)
    yield out, out[0] is x, out[1] is y, out[0] is out[2]


@program
def python_values_returned(jit):
    m = Thing(n=3, name="a")

    def step(x):
        plain = None, True, 1, 2.5, "s", b"b", (), [], {}, ...
        return *plain, m.n, m.name, Colour.RED, float, double

    run = jit(step)
    yield run(1.0)
    m.n = 4
    yield run(1.0)


@program
def nothing_returned(jit):
    m = Counter()

    def step(x):
        m.step(x)

    run = jit(step)
    yield run(1.0), m
    yield run(1.0), m


@program
def function_returned(jit):
    m = Thing(n=2.0, f=double)
    run = jit(lambda: m.f)
    yield run()(3.0), run() is double
    m.f = halve
    yield run()(3.0)


@program
def set_and_frozen_dataclass_returned(jit):
    m = Thing(tags={"a"}, settings=Settings(1.0))
    run = jit(lambda: (m.tags, m.settings, frozenset({1})))
    tags, settings, fixed = run()
    yield tags is m.tags, settings, fixed
    m.tags.add("b")
    yield run()


@program
def constants_returned(jit):
    run = jit(lambda: (jnp.arange(3), np.arange(2), jnp.ones(())))
    yield run()
    first = run()[1]
    first[0] = 100
    yield run()


# Arguments --------------------------------------------------------------------------------------


@program
def varargs_and_keywords(jit):
    def step(x, *rest, scale=1.0, **options):
        return x * scale + sum(rest), sorted(options), options.get("bias", 0.0) + x

    run = jit(step)
    yield run(jnp.ones(2))
    yield run(jnp.ones(2), 1.0, 2.0)
    yield run(jnp.ones(2), 3.0, scale=2.0, bias=5.0)
    yield run(jnp.ones(2), scale=4.0, bias=jnp.ones(2), zeta="z")
    yield run(x=jnp.ones(2))


@program
def pytree_arguments(jit):
    def step(tree):
        return jax.tree.map(lambda x: x * 2, tree)

    run = jit(step)
    yield run({"a": jnp.ones(2), "b": [1.0, (2, None)]})
    yield run({"a": jnp.ones(2), "b": [1.5, (3, None)]})
    yield run(Pair(jnp.ones(2), [jnp.zeros(1)]))
    yield run(collections.OrderedDict(z=1.0, a=2.0))


@program
def container_argument_written_inside(jit):
    def step(items, table):
        items.append(items[0] + 1)
        table["n"] = len(items)
        return items

    run = jit(step)
    items, table = [jnp.ones(2)], {}
    out = run(items, table)
    yield out is items, items, table
    run(items, table)
    yield items, table


@program
def python_number_arguments(jit):
    m = Thing(w=jnp.ones(2))

    def step(n, x):
        return n + 1, x / 2, m.w * n, isinstance(x, float)

    run = jit(step)
    for n, x in ((1, 1.0), (2, 2.0), (5, 0.1), (-3, 1e30), (2**40, 0.0)):
        with contextlib.suppress(OverflowError):
            yield run(n, x)


@program
def arguments_that_steer(jit):
    m = Thing(w=jnp.ones(2))

    def step(flag, mode, n):
        out = m.w * 2 if flag else m.w
        return sum([out] * n) if mode == "sum" else out

    run = jit(step)
    for args in ((True, "sum", 2), (False, "sum", 3), (True, "one", 2), (True, "sum", 2)):
        yield run(*args)


@program
def static_arguments(jit):
    def step(x, n, mode):
        return x * n if mode == "a" else x

    run = jit(step, static_argnums=1, static_argnames="mode")
    yield run(jnp.ones(2), 2, "a")
    yield run(jnp.ones(2), 3, mode="a")
    yield run(jnp.ones(2), 3, mode="b")
    yield run(jnp.ones(2), (1, 2), mode="b")


@program
def array_argument_changes_shape_and_dtype(jit):
    m = Thing(seen=0)

    def step(x):
        m.seen += 1
        return x.sum() + 1, x.shape

    run = jit(step)
    for x in (jnp.ones(2), jnp.ones(3), jnp.ones((2, 2)), jnp.ones(2, jnp.int32), jnp.ones(2)):
        yield run(x), m


@program
def same_array_in_two_arguments(jit):
    m = Thing(a=None, b=None)

    def step(x, y):
        m.a, m.b = x, y
        return x + y

    run = jit(step)
    x = jnp.ones(2)
    yield run(x, jnp.zeros(2)), m
    yield run(jnp.ones(2), jnp.zeros(2)), m


@program
def slot_passed_as_argument(jit):
    m = Thing(w=jnp.ones(2))

    def step(w):
        m.w = m.w + 1
        return w * 2 + m.w

    run = jit(step)
    yield run(m.w), m
    yield run(jnp.zeros(2)), m
    yield run(m.w), m


@program
def functions_as_arguments(jit):
    run = jit(lambda f, x: f(x))
    yield run(double, jnp.ones(2))
    yield run(halve, jnp.ones(2))
    m = Counter()
    yield run(m.step, 1.0), m
    yield run(functools.partial(shift, by=3.0), jnp.ones(2))
    yield run(lambda x: x - 1, jnp.ones(2))


@program
def mutable_default(jit):
    def step(x, seen=[]):  # noqa: B006, it is the point
        return x * len(seen)

    run = jit(step)
    yield run(jnp.ones(2))
    step.__defaults__[0].append(1)
    yield run(jnp.ones(2))


# Nesting ----------------------------------------------------------------------------------------


@program
def nested_jit(jit):
    m = Counter()
    inner = jit(m.step)

    def outer(x):
        a = inner(x)
        m.calls += 10
        return a + inner(x)

    run = jit(outer)
    yield run(1.0), m
    yield inner(1.0), m
    yield run(1.0), m


@program
def nested_jit_changes_structure(jit):
    m = Thing(h=None, items=[])

    @jit
    def inner(x):
        m.items.append(x)
        m.h = x if m.h is None else m.h + x
        return m.h

    @jit
    def outer(x):
        inner(x)
        return inner(x), len(m.items)

    yield outer(jnp.ones(2)), m
    yield outer(jnp.ones(2)), m


@program
def nested_jit_sees_the_flag(jit):
    m = Thing(flag=True, w=jnp.ones(2))
    inner = jit(lambda x: m.w * x if m.flag else m.w)

    @jit
    def outer(x):
        a = inner(x)
        m.flag = not m.flag
        return a, inner(x)

    yield outer(2.0), m
    yield outer(2.0), m
    m.flag = False
    yield outer(2.0), m


@program
def nested_jit_of_another_instance(jit):
    a, b = Counter(), Counter()
    inner = jit(lambda m, x: m.step(x))
    run = jit(lambda x: inner(a, x) + inner(b, x) + inner(a, x))
    yield run(1.0), a, b
    yield run(1.0), a, b


@program
def nested_jit_makes_objects(jit):
    m = Thing(parts=[])

    @jit
    def inner(x):
        part = Counter()
        part.step(x)
        return part

    @jit
    def outer(x):
        part = inner(x)
        m.parts.append(part)
        return part.step(x)

    yield outer(1.0), m
    yield outer(1.0), m


@program
def jit_called_in_a_method_of_the_same_model(jit):
    class Net(sj.Base):
        def __init__(self):
            self.w = jnp.ones(2)
            self.n = 0
            self.fast = jit(self.one)

        def one(self, x):
            self.n += 1
            return self.w * x

        def step(self, x):
            self.w = self.fast(x)
            return self.w.sum()

    m = Net()
    run = jit(lambda x: m.step(x))
    yield run(2.0), m.w, m.n
    yield m.fast(2.0), m.w, m.n
    yield run(2.0), m.w, m.n


@program
def gradient_inside(jit):
    m = Linear(2, 1)

    def loss(x):
        return (m(x) ** 2).sum()

    def step(x):
        grads = sj.grad(loss, grad_vars=m)(x)
        m.w = m.w - 0.1 * grads["w"]
        m.b = m.b - 0.1 * grads["b"]
        return loss(x)

    run = jit(step)
    for _ in range(3):
        yield run(jnp.ones(2)), m


@program
def gradient_with_state_inside(jit):
    m = Thing(w=jnp.ones(2), n=0, mean=jnp.zeros(2), log=[])

    def loss(x):
        m.n += 1
        m.mean = 0.9 * m.mean + 0.1 * x
        m.log.append(m.n)
        return ((m.w * x - m.mean) ** 2).sum()

    def step(x):
        grads, value = sj.grad(loss, grad_vars=m.w, return_value=True)(x)
        m.w = m.w - 0.1 * grads
        return value

    run = jit(step)
    for _ in range(3):
        yield run(jnp.ones(2)), m


@program
def jit_in_grad_in_jit(jit):
    m = Thing(w=jnp.full(2, 2.0), n=0)

    @jit
    def square(x):
        m.n += 1
        return (m.w * x) ** 2

    def loss(x):
        return square(x).sum() + square(x + 1).sum()

    run = jit(lambda x: sj.value_and_grad(loss, grad_vars=m.w)(x))
    yield run(jnp.ones(2)), m
    m.w = jnp.ones(2)
    yield run(jnp.ones(2)), m


@program
def optimizer_inside(jit):
    import optax

    m = Linear(2, 1)
    opt = sj.Optimizer(optax.adam(0.1))

    def step(x):
        value, grads = sj.value_and_grad(lambda x: (m(x) ** 2).sum(), grad_vars=m)(x)
        opt.update(m, grads)
        return value

    run = jit(step)
    for _ in range(3):
        yield run(jnp.ones(2)), m


@program
def jax_transformations_of_pure_functions_inside(jit):
    m = Thing(w=jnp.arange(3.0))

    def step(x):
        w = m.w
        total, history = jax.lax.scan(lambda c, v: (c + v * w[0], c), x, w)
        mapped = jax.vmap(lambda v: v * x + w.sum())(w)
        picked = jax.lax.cond(w.sum() > 0, lambda v: v * 2, lambda v: v, mapped)
        m.w = picked + jax.grad(lambda v: (v**2).sum())(w)
        return total, history, jax.jit(lambda v: v + 1)(picked)

    run = jit(step)
    yield run(1.0), m
    yield run(1.0), m


@program
def jax_library_functions(jit):
    m = Thing(key=jax.random.key(0), raw=jax.random.PRNGKey(1), x=jnp.linspace(-1, 1, 4))

    def step():
        m.key, key = jax.random.split(m.key)
        m.raw, raw = jax.random.split(m.raw)
        return (
            jax.random.normal(key, (2,)) + jax.random.uniform(raw, (2,)),
            jax.nn.softmax(m.x),
            jnp.linalg.norm(m.x),
            jnp.where(m.x > 0, m.x, 0.0),
            m.x.at[0].set(5.0),
        )

    run = jit(step)
    yield run(), m
    yield run(), m


@program
def custom_gradient_inside(jit):
    @jax.custom_vjp
    def clip(x):
        return x

    clip.defvjp(lambda x: (x, None), lambda _, g: (jnp.clip(g, -1, 1),))
    m = Thing(w=jnp.full(2, 5.0), f=clip)
    run = jit(lambda: sj.grad(lambda: (m.f(m.w) ** 2).sum(), grad_vars=m.w)())
    yield run(), m
    yield run(), m


# Random numbers ---------------------------------------------------------------------------------


@exact
@program
def draws_under_jit(jit):
    run = jit(lambda: (sj.random.normal(0.0, 2.0, 5), sj.random.random(3)))
    yield run()
    yield run()
    sj.random.seed(0)
    yield run()
    yield sj.random.random(2)


@exact
@program
def draws_inside_and_outside_alternate(jit):
    run = jit(lambda n: sj.random.random(n), static_argnums=0)
    for n in (2, 3, 2):
        yield run(n)
        yield sj.random.normal(0.0, 1.0, n)


@exact
@program
def random_model_created_inside(jit):
    class Net(sj.Base):
        def __init__(self):
            self.w = sj.random.normal(0.0, 1.0, (2, 2))

    run = jit(Net)
    yield run(), run()
    yield sj.random.random(1)


@exact
@program
def dropout_draws_from_the_default_generator(jit):
    m = Thing(rate=0.5, w=jnp.ones(8))

    def step(x):
        keep = sj.random.random(8) < 1 - m.rate
        return jnp.where(jnp.asarray(keep), m.w * x, 0.0)

    run = jit(step)
    yield run(2.0)
    yield run(2.0)
    m.rate = 0.25
    yield run(2.0)


@exact
@program
def seeding_inside(jit):
    def step(x):
        sj.random.seed(7)
        return sj.random.random(3) + x

    run = jit(step)
    yield run(0.0), run(0.0)
    yield sj.random.random(2)


# Exceptions -------------------------------------------------------------------------------------


def failing(run: Callable[..., Any], *args: Any) -> tuple[str, str]:
    """Returns the type and text of what a call raises."""
    try:
        run(*args)
    except Exception as error:
        return type(error).__name__, str(error)
    return "nothing", ""


@program
def exception_before_any_write(jit):
    m = Thing(ready=False, w=jnp.ones(2))

    def step(x):
        if not m.ready:
            raise RuntimeError("not ready")
        m.w = m.w + x
        return m.w

    run = jit(step)
    yield failing(run, 1.0), m
    m.ready = True
    yield run(1.0), m
    m.ready = False
    yield failing(run, 1.0), m
    m.ready = True
    yield run(1.0), m


@program
def missing_attribute_raises(jit):
    m = Thing(w=jnp.ones(2))
    run = jit(lambda x: m.w * m.scale * x)
    yield failing(run, 1.0), m
    m.scale = 2.0
    yield run(1.0), m
    del m.scale
    yield failing(run, 1.0), m


@program
def key_error_and_index_error(jit):
    m = Thing(table={}, items=[])
    by_key, by_index = jit(lambda: m.table["a"]), jit(lambda: m.items[0])
    yield failing(by_key), failing(by_index), m
    m.table["a"] = m.items
    m.items.append(1.0)
    yield by_key() is m.items, by_index(), len(m.items)


@program
def wrong_arguments_raise(jit):
    m = Counter()
    run = jit(lambda x: m.step(x))
    yield failing(run)[0], failing(run, 1, 2)[0], m
    yield run(1.0), m


@program
def assertion_on_python_values(jit):
    m = Thing(n=1, w=jnp.ones(2))

    def step(x):
        assert m.n > 0, "n must be positive"
        return m.w * x

    run = jit(step)
    yield run(1.0)
    m.n = -1
    yield failing(run, 1.0)
    m.n = 2
    yield run(1.0)


@program
def assertion_on_shapes(jit):
    m = Thing(w=jnp.ones(2))

    def step(x):
        assert x.shape == m.w.shape, f"{x.shape} is not {m.w.shape}"
        return x * m.w

    run = jit(step)
    yield run(jnp.ones(2))
    yield failing(run, jnp.ones(3))
    m.w = jnp.ones(3)
    yield run(jnp.ones(3))


@program
def functions_made_inside_and_kept(jit):
    a, b = Thing(), Thing()

    def step(m, x):
        k = x * 2

        def factorial(n):
            return 1 if n == 0 else n * factorial(n - 1)

        def increment():
            nonlocal k
            k = k + 1
            return k

        m.add = lambda y: y + k
        m.factorial = factorial
        m.me = lambda y=3: (m, y)
        m.half = functools.partial(jnp.dot, b=k)
        return increment, lambda: k

    run = jit(step)
    increment, read = run(a, jnp.ones(2))
    yield read(), increment(), increment(), read()
    run(b, 3 * jnp.ones(2))
    yield (
        a.add(1.0),
        b.add(1.0),
        a.add is b.add,
        a.factorial(4),
        a.me(),
        b.me(),
        b.half(jnp.ones(2)),
    )
    run(a, 4 * jnp.ones(2))
    yield a.add(1.0), a.add is b.add


@program
def numpy_array_changed_in_place_by_arrays_of_jax(jit):
    m = Thing(w=np.ones(2, np.float32), v=np.ones(2, np.float32), a=sj.Array(jnp.ones(2)))
    w, v = m.w, m.v

    def step(x):
        m.w += x
        m.v += m.a
        m.v *= 2
        return x

    run = jit(step)
    for _ in range(2):
        yield run(jnp.ones(2)), m, m.w is w, m.v is v, w, v
