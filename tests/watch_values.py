"""Programs that read values outside of watched objects, which change between the calls."""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import enum
import functools
import gc
import operator
import os
import time
import types
import weakref
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from watch_table import EQUAL, Section

import statejit as sj

values = Section("Values outside, read inside and changed between the calls")
foreign = Section("Foreign objects, read inside and changed between the calls")

SCALE: Any = 1.0
TABLE: Any = [1, 2]
OPTIONS: Any = None
HELPER: Any = None
MODEL: Any = None
MODULE = types.ModuleType("settings")
MODULE.__file__ = __file__


class Config:
    """Is watched by nobody."""

    rate = 1.0

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)

    def scaled(self, x: Any) -> Any:
        return x * self.scale


def calls(run: Any, *changes: Any, look: Any = lambda: None, x: Any = None) -> Any:
    """Yields a call, and one after each change."""
    x = jnp.arange(1.0, 3.0) if x is None else x
    yield lambda: run(x), look
    for change in changes:
        change()
        yield lambda: run(x), look


def set_global(name: str, value: Any) -> Any:
    return lambda: globals().__setitem__(name, value)


# Globals ----------------------------------------------------------------------------------------


@values.equal
def global_number(kit):
    set_global("SCALE", 1.0)()
    yield from calls(
        kit.jit(lambda x: x * SCALE),
        *(set_global("SCALE", v) for v in (2.0, 3.0, 1, True, float("nan"), 0.0, -0.0)),
    )


@values.equal
def global_of_many_types(kit):
    set_global("SCALE", None)()
    yield from calls(
        kit.jit(lambda x: (x, repr(SCALE))),
        *(set_global("SCALE", v) for v in ("a", b"a", 1j, (1, 2), ..., range(3), frozenset({1}))),
        *(set_global("SCALE", v) for v in (np.float32(1), np.dtype("int8"), float, slice(1, 2))),
    )


@values.equal
def global_deleted_and_made(kit):
    globals().pop("NEW_GLOBAL", None)

    def step(x):
        try:
            return x * NEW_GLOBAL  # noqa: F821
        except NameError:
            return x

    yield from calls(
        kit.jit(step), set_global("NEW_GLOBAL", 2.0), lambda: globals().pop("NEW_GLOBAL")
    )


@values.equal
def builtin_shadowed_by_a_global(kit):
    globals().pop("abs", None)
    yield from calls(
        kit.jit(lambda x: abs(x)),
        set_global("abs", lambda x: -x),
        lambda: globals().pop("abs"),
    )


@values.equal
def global_read_in_a_function_called_inside(kit):
    set_global("SCALE", 1.0)()

    def low(x):
        return x * SCALE

    def mid(x):
        return low(x) + 1

    yield from calls(kit.jit(lambda x: mid(x)), set_global("SCALE", 2.0))


@values.equal
def global_read_in_a_nested_scope(kit):
    set_global("SCALE", 1.0)()

    def step(x):
        class Local:
            value = SCALE

        return sum([x * SCALE * i for i in range(3)]) + (lambda: SCALE)() + Local.value

    yield from calls(kit.jit(step), set_global("SCALE", 2.0))


@values.equal
def global_list_changed_in_place(kit):
    set_global("TABLE", [1, [2]])()
    yield from calls(
        kit.jit(lambda x: x * TABLE[0] + len(TABLE) + TABLE[1][0]),
        lambda: TABLE.append(3),
        lambda: TABLE.__setitem__(0, 5),
        lambda: TABLE[1].insert(0, 7),
        set_global("TABLE", [1, (2,)]),
    )


@values.equal
def global_dict_changed_in_place(kit):
    set_global("TABLE", {"a": 1, "b": {"c": 2}})()
    yield from calls(
        kit.jit(lambda x: x * TABLE["a"] + TABLE["b"]["c"] + len(TABLE)),
        lambda: TABLE.update(a=3),
        lambda: TABLE["b"].update(c=4),
        lambda: TABLE.update(z=4),
    )


@values.equal
def global_set_and_deque_changed_in_place(kit):
    set_global("TABLE", ({1, 2}, collections.deque([1, 2])))()
    yield from calls(
        kit.jit(lambda x: x * len(TABLE[0]) + TABLE[1][0]),
        lambda: TABLE[0].add(3),
        lambda: TABLE[1].rotate(1),
    )


@values.equal
def global_dictionaries_of_other_kinds(kit):
    set_global(
        "TABLE",
        (
            collections.OrderedDict(a=1, b=2),
            collections.defaultdict(int, a=1),
            collections.Counter("ab"),
            collections.ChainMap({"a": 1}, {"b": 2}),
            types.MappingProxyType(inner := {"a": 1}),
            collections.UserDict(a=1),
            collections.UserList([1]),
        ),
    )()
    yield from calls(
        kit.jit(
            lambda x: (
                x * sum(t["a"] for t in TABLE[:6]),
                list(TABLE[0]),
                TABLE[3]["b"],
                TABLE[6][0],
            )
        ),
        lambda: TABLE[0].move_to_end("a"),
        lambda: TABLE[1].update(a=5),
        lambda: TABLE[2].update("aaa"),
        lambda: TABLE[3].maps[0].update(b=7),
        lambda: inner.update(a=9),
        lambda: TABLE[5].update(a=11),
        lambda: TABLE[6].__setitem__(0, 13),
    )


@values.equal
def global_bytearray_and_array(kit):
    import array

    set_global(
        "TABLE", (bytearray(b"ab"), array.array("i", [1, 2]), memoryview(bytearray(b"ab")))
    )()
    yield from calls(
        kit.jit(lambda x: x * TABLE[0][0] + TABLE[1][0] + TABLE[2][0]),
        lambda: TABLE[0].__setitem__(0, 3),
        lambda: TABLE[1].__setitem__(0, 4),
        lambda: TABLE[2].__setitem__(0, 5),
    )


@values.equal
def global_array_replaced(kit):
    set_global("SCALE", jnp.ones(2))()
    yield from calls(kit.jit(lambda x: x * SCALE), set_global("SCALE", jnp.full(2, 2.0)))


@values.equal
def arrays_in_a_global_container_replaced(kit):
    set_global("TABLE", [jnp.ones(2), {"a": jnp.ones(2)}, (jnp.ones(2),)])()
    yield from calls(
        kit.jit(lambda x: x * TABLE[0] + TABLE[1]["a"] + TABLE[2][0]),
        lambda: TABLE.__setitem__(0, jnp.full(2, 2.0)),
        lambda: TABLE[1].update(a=jnp.full(2, 3.0)),
        lambda: TABLE.__setitem__(2, (jnp.full(2, 4.0),)),
    )


@values.equal
def numpy_array_outside_changed_in_place(kit):
    table = np.ones(2, np.float32)

    def change():
        table[0] = 5.0

    yield from calls(kit.jit(lambda x: x * table), change, look=lambda: table)


@values.equal
def numpy_array_outside_used_as_a_mask(kit):
    mask = np.array([True, False])

    def change():
        mask[1] = True

    yield from calls(kit.jit(lambda x: x[mask].sum()), change)


@values.unseen(
    "an array of more than a thousand elements is guarded by identity: comparing its content would "
    "cost more than the call"
)
def large_numpy_array_outside_changed_in_place(kit):
    table = np.ones(2000, np.float32)

    def change():
        table[0] = 5.0

    yield from calls(kit.jit(lambda x: x[0] * table.sum()), change)


@values.equal
def mutable_array_in_a_global(kit):
    set_global("SCALE", sj.Array([1.0, 2.0]))()

    def change():
        SCALE[0] = 5.0

    yield from calls(
        kit.jit(lambda x: x * SCALE.value), change, set_global("SCALE", sj.Array([7.0, 8]))
    )


@values.equal
def enumeration_replaced(kit):
    class Mode(enum.Enum):
        FAST = 1
        SLOW = 2

    set_global("SCALE", Mode.FAST)()
    yield from calls(
        kit.jit(lambda x: x if SCALE is Mode.FAST else x * SCALE.value),
        set_global("SCALE", Mode.SLOW),
    )


@values.equal
def attribute_of_an_enumeration_member_changed(kit):
    class Mode(enum.Enum):
        FAST = 1

        def __init__(self, number):
            self.rate = number * 2.0

    def change():
        Mode.FAST.rate = 7.0

    mode = Mode.FAST
    yield from calls(kit.jit(lambda x: x * mode.rate + Mode.FAST.rate), change)


class Pair(NamedTuple):
    left: Any
    right: Any


@values.equal
def named_tuple_of_arrays_replaced(kit):
    set_global("TABLE", Pair(jnp.ones(2), 1.0))()
    yield from calls(
        kit.jit(lambda x: x * TABLE.left + TABLE.right),
        set_global("TABLE", Pair(jnp.full(2, 2.0), 1.0)),
        lambda: globals().update(TABLE=TABLE._replace(right=2.0)),
    )


# Models -----------------------------------------------------------------------------------------


class Holder:
    """Makes a model of the kit's root class."""

    def __new__(cls, kit: Any, **attributes: Any) -> Any:
        class Model(kit.Base):
            def __init__(self):
                for name, value in attributes.items():
                    setattr(self, name, value)

            def step(self, x):
                return x * self.w

        return Model()


@values.equal
def model_in_a_global(kit):
    set_global("MODEL", Holder(kit, w=jnp.ones(2), n=1))()
    yield from calls(
        kit.jit(lambda x: x * MODEL.w + MODEL.n),
        lambda: setattr(MODEL, "n", 2),
        lambda: setattr(MODEL, "w", jnp.full(2, 3.0)),
        set_global("MODEL", Holder(kit, w=jnp.full(2, 5.0), n=1)),
    )


@values.equal
def models_in_an_outside_list_and_dict(kit):
    models = [Holder(kit, w=jnp.ones(2))]
    named = {"a": Holder(kit, w=jnp.ones(2))}
    yield from calls(
        kit.jit(lambda x: sum(m.step(x) for m in models) + named["a"].step(x)),
        lambda: models.append(Holder(kit, w=jnp.full(2, 2.0))),
        lambda: setattr(models[1], "w", jnp.full(2, 3.0)),
        lambda: named.update(a=Holder(kit, w=jnp.full(2, 4.0))),
    )


# Functions --------------------------------------------------------------------------------------


@values.equal
def global_function_replaced(kit):
    set_global("HELPER", lambda x: x)()
    yield from calls(kit.jit(lambda x: HELPER(x)), set_global("HELPER", lambda x: -x))


@values.equal
def closure_cell_of_a_helper_changed(kit):
    def make(offset):
        def helper(x):
            return x + offset

        def add(n):
            nonlocal offset
            offset += n

        return helper, add

    helper, add = make(1)
    yield from calls(kit.jit(lambda x: helper(x)), lambda: add(1), lambda: add(0.5))


@values.equal
def nonlocal_counter_of_the_enclosing_function(kit):
    n = 0

    def bump():
        nonlocal n
        n += 1

    yield from calls(kit.jit(lambda x: x + n), bump, bump)


@values.equal
def empty_cell_filled(kit):
    def step(x):
        try:
            return late * x
        except NameError:
            return x

    run = kit.jit(step)
    x = jnp.ones(2)
    yield lambda: run(x), lambda: None
    late = 3.0
    yield lambda: run(x), lambda: None


@values.equal
def default_arguments_changed(kit):
    def helper(x, by=1.0, *, times=1.0):
        return (x + by) * times

    yield from calls(
        kit.jit(lambda x: helper(x)),
        lambda: setattr(helper, "__defaults__", (2.0,)),
        lambda: helper.__kwdefaults__.update(times=3.0),
    )


@values.equal
def default_arguments_of_the_function_itself_changed(kit):
    def step(x, by=1.0, *, table=(1.0,)):
        return x + by + table[0]

    run = kit.jit(step)
    yield from calls(
        lambda x: run(x),
        lambda: setattr(step, "__defaults__", (2.0,)),
        lambda: step.__kwdefaults__.update(table=(3.0,)),
    )


@values.equal
def mutable_default_changed_between(kit):
    table = [1.0]

    def helper(x, table=table):
        return x * table[0]

    yield from calls(kit.jit(lambda x: helper(x)), lambda: table.__setitem__(0, 2.0))


@values.equal
def code_of_a_function_replaced(kit):
    def helper(x):
        return x

    def other(x):
        return -x

    yield from calls(
        kit.jit(lambda x: helper(x)), lambda: setattr(helper, "__code__", other.__code__)
    )


@values.equal
def attribute_of_a_function_changed(kit):
    def helper(x):
        return x * helper.rate

    helper.rate = 1.0
    yield from calls(kit.jit(lambda x: helper(x)), lambda: setattr(helper, "rate", 2.0))


@values.equal
def partial_in_a_global(kit):
    def helper(a, x, b=1.0):
        return x * a[0] + b

    table = [1.0]
    set_global("HELPER", functools.partial(helper, table, b=2.0))()
    yield from calls(
        kit.jit(lambda x: HELPER(x)),
        lambda: table.__setitem__(0, 3.0),
        lambda: HELPER.keywords.update(b=5.0),
        set_global("HELPER", functools.partial(helper, [7.0])),
    )


@values.equal
def partial_compiled(kit):
    def helper(a, x, b=1.0):
        return x * a[0] + b

    table = [1.0]
    run = kit.jit(functools.partial(helper, table))
    yield from calls(lambda x: run(x), lambda: table.__setitem__(0, 3.0))


@values.equal
def decorated_with_wraps(kit):
    state = {"n": 1.0}

    def scaled(fun):
        @functools.wraps(fun)
        def call(*args):
            return fun(*args) * state["n"]

        return call

    offset = 0.0

    @scaled
    def helper(x):
        return x + offset

    def change():
        nonlocal offset
        offset = 3.0

    yield from calls(kit.jit(lambda x: helper(x)), lambda: state.update(n=2.0), change)


@values.equal
def functions_in_containers(kit):
    scale = 1.0

    def bump():
        nonlocal scale
        scale += 1

    table = {"f": lambda x: x * scale, "g": [lambda x: x + scale]}
    yield from calls(
        kit.jit(lambda x: table["f"](x) + table["g"][0](x)),
        bump,
        lambda: table.update(f=lambda x: x),
        lambda: table["g"].__setitem__(0, lambda x: -x * scale),
    )


@values.equal
def lambdas_that_share_code(kit):
    adders = [lambda x, i=i: x + i for i in range(3)]
    yield from calls(
        kit.jit(lambda x: adders[0](x)),
        adders.reverse,
        lambda: adders.__setitem__(0, (lambda x, i=7: x + i)),
    )


@values.equal
def callable_object_with_state(kit):
    class Scale:
        def __init__(self, by):
            self.by = by

        def __call__(self, x):
            return x * self.by

    scale = Scale(1.0)
    yield from calls(kit.jit(lambda x: scale(x)), lambda: setattr(scale, "by", 2.0))


@values.equal
def callable_object_compiled(kit):
    class Scale:
        def __init__(self, by):
            self.by = by

        def __call__(self, x):
            return x * self.by

    scale = Scale(1.0)
    run = kit.jit(scale)
    yield from calls(lambda x: run(x), lambda: setattr(scale, "by", 2.0))


@values.equal
def bound_method_of_a_foreign_object(kit):
    config = Config(scale=1.0)
    scaled = config.scaled
    yield from calls(kit.jit(lambda x: scaled(x)), lambda: setattr(config, "scale", 2.0))


@values.equal
def bound_method_of_a_foreign_object_compiled(kit):
    config = Config(scale=1.0)
    run = kit.jit(config.scaled)
    yield from calls(lambda x: run(x), lambda: setattr(config, "scale", 2.0))


@values.refused
def single_dispatch_on_the_type_of_an_array(kit):
    set_global("SCALE", 1.0)()

    @functools.singledispatch
    def helper(x):
        return x * SCALE

    @helper.register(jax.Array)
    def _(x):
        return x + SCALE

    yield from calls(
        kit.jit(lambda x: helper(x)),
        set_global("SCALE", 2.0),
        lambda: helper.register(jax.Array)(lambda x: -x),
    )


@values.equal
def single_dispatch(kit):
    set_global("SCALE", 1.0)()

    @functools.singledispatch
    def helper(n, x):
        return x * SCALE

    @helper.register(int)
    def _(n, x):
        return x + SCALE

    yield from calls(
        kit.jit(lambda x: helper(1, x) + helper("a", x)),
        set_global("SCALE", 2.0),
        lambda: helper.register(int)(lambda n, x: -x),
        lambda: helper.register(str)(lambda n, x: x * 7),
    )


@values.equal
def functions_from_operator(kit):
    config = Config(scale=1.0, deep=Config(rate=1.0), table=[1.0])
    scale, rate, first = (
        operator.attrgetter("scale"),
        operator.attrgetter("deep.rate"),
        operator.itemgetter(0),
    )
    scaled = operator.methodcaller("scaled", 2.0)
    yield from calls(
        kit.jit(lambda x: x * scale(config) + rate(config) + first(config.table) + scaled(config)),
        lambda: setattr(config, "scale", 2.0),
        lambda: setattr(config.deep, "rate", 3.0),
        lambda: config.table.__setitem__(0, 4.0),
    )


@values.equal
def context_manager_from_a_generator(kit):
    set_global("SCALE", 1.0)()

    @contextlib.contextmanager
    def scaled():
        yield SCALE

    def step(x):
        with scaled() as by:
            return x * by

    yield from calls(kit.jit(step), set_global("SCALE", 2.0))


@values.equal
def functions_through_map_reduce_and_sorted(kit):
    set_global("SCALE", 1.0)()

    def helper(a, b):
        return a + b * SCALE

    def key(i):
        return i * SCALE

    yield from calls(
        kit.jit(lambda x: (functools.reduce(helper, [x, x, x]), sorted([1, 2], key=key))),
        set_global("SCALE", -2.0),
    )


@values.equal
def function_under_plain_vmap_and_grad(kit):
    set_global("SCALE", 1.0)()

    def helper(x):
        return x * SCALE

    yield from calls(
        kit.jit(lambda x: jax.vmap(helper)(x) + jax.grad(helper)(1.0)), set_global("SCALE", 2.0)
    )


@values.equal
def function_wrapped_by_plain_vmap_outside(kit):
    set_global("SCALE", 1.0)()
    helper = jax.vmap(lambda x: x * SCALE)
    yield from calls(kit.jit(lambda x: helper(x)), set_global("SCALE", 2.0))


@values.equal
def function_with_a_custom_gradient(kit):
    set_global("SCALE", 1.0)()

    @jax.custom_jvp
    def helper(x):
        return x * SCALE

    helper.defjvp(lambda primals, tangents: (helper(*primals), tangents[0] * SCALE))
    yield from calls(kit.jit(lambda x: helper(x)), set_global("SCALE", 2.0))


@values.equal
def function_cached_outside(kit):
    set_global("SCALE", 1.0)()

    @functools.lru_cache
    def helper(n):
        return n * 2.0

    yield from calls(kit.jit(lambda x: x * helper(3)), lambda: helper.cache_clear())


@values.equal
def generator_function(kit):
    set_global("SCALE", 1.0)()

    def walk(n):
        for i in range(n):
            yield i * SCALE

    yield from calls(kit.jit(lambda x: x + sum(walk(3))), set_global("SCALE", 2.0))


@values.equal
def function_found_by_name(kit):
    set_global("SCALE", 1.0)()

    def helper(x):
        return x * SCALE

    tools = Config(helper=helper)
    yield from calls(
        kit.jit(lambda x: getattr(tools, "helper")(x)),
        set_global("SCALE", 2.0),
        lambda: setattr(tools, "helper", lambda x: -x),
    )


@values.equal
def function_made_inside_a_call(kit):
    set_global("SCALE", 1.0)()

    def make():
        def helper(x):
            return x * SCALE

        return helper

    yield from calls(kit.jit(lambda x: make()(x)), set_global("SCALE", 2.0))


@values.equal
def function_made_in_a_registry_of_a_decorator(kit):
    registry = {}

    def register(fun):
        registry[fun.__name__] = fun
        return fun

    @register
    def a(x):
        return x + 1

    @register
    def b(x):
        return x * 2

    def change():
        @register
        def a(x):
            return x - 1

    yield from calls(kit.jit(lambda x: [f(x) for f in registry.values()]), change)


# Modules ----------------------------------------------------------------------------------------


@values.equal
def attribute_of_a_module(kit):
    MODULE.scale, MODULE.deep = 1.0, types.SimpleNamespace(rate=1.0)
    yield from calls(
        kit.jit(lambda x: x * MODULE.scale + MODULE.deep.rate),
        lambda: setattr(MODULE, "scale", 2.0),
        lambda: setattr(MODULE.deep, "rate", 3.0),
    )


@values.equal
def function_of_a_module_replaced(kit):
    MODULE.helper = lambda x: x
    yield from calls(
        kit.jit(lambda x: MODULE.helper(x)), lambda: setattr(MODULE, "helper", lambda x: -x)
    )


@values.equal
def module_in_a_container_or_an_argument(kit):
    MODULE.scale = 1.0
    table = {"m": MODULE}
    yield from calls(kit.jit(lambda x: x * table["m"].scale), lambda: setattr(MODULE, "scale", 2.0))


@values.unseen(
    "what a library has is taken for constant: each attribute of `jax.numpy` that code loads would "
    "cost a guard"
)
def function_of_a_library_replaced(kit):
    import math

    before = math.pi
    try:
        yield from calls(kit.jit(lambda x: x * math.pi), lambda: setattr(math, "pi", 3.0))
    finally:
        math.pi = before


# What can not be seen ---------------------------------------------------------------------------


@values.unseen("a dictionary of all globals, asked by a computed key: no code names what it reads")
def globals_asked_by_a_computed_name(kit):
    set_global("SCALE", 1.0)()
    yield from calls(kit.jit(lambda x: x * globals()["scale".upper()]), set_global("SCALE", 2.0))


@values.unseen("the environment of the process is no Python value that the function refers to")
def environment_variable(kit):
    os.environ["STATEJIT_TABLE"] = "1"
    yield from calls(
        kit.jit(lambda x: x * float(os.environ["STATEJIT_TABLE"])),
        lambda: os.environ.update(STATEJIT_TABLE="2"),
    )


@values.unseen("the time is no value of the program; JAX has none either")
def time_of_day(kit):
    before, time.time = time.time, (1.0).__float__
    try:
        run = kit.jit(lambda x: x * time.time())
        yield lambda: run(jnp.ones(2)), lambda: None
        time.time = (2.0).__float__
        yield lambda: run(jnp.ones(2)), lambda: None
    finally:
        time.time = before


# Foreign objects --------------------------------------------------------------------------------


@foreign.equal
def attribute(kit):
    config = Config(scale=1.0, name="a")
    yield from calls(
        kit.jit(lambda x: (x * config.scale, config.name)),
        lambda: setattr(config, "scale", 2.0),
        lambda: setattr(config, "name", "b"),
        lambda: delattr(config, "name") or setattr(config, "name", None),
    )


@foreign.equal
def attribute_chain(kit):
    config = Config(deep=Config(deeper=Config(flag=True)))
    yield from calls(
        kit.jit(lambda x: x if config.deep.deeper.flag else -x),
        lambda: setattr(config.deep.deeper, "flag", False),
        lambda: setattr(config, "deep", Config(deeper=Config(flag=True))),
    )


@foreign.equal
def attribute_read_in_its_own_method(kit):
    config = Config(scale=1.0)
    yield from calls(kit.jit(lambda x: config.scaled(x)), lambda: setattr(config, "scale", 2.0))


@foreign.equal
def class_attribute_and_instance_attribute(kit):
    class Local(Config):
        rate = 1.0

    config = Local()
    yield from calls(
        kit.jit(lambda x: x * config.rate),
        lambda: setattr(Local, "rate", 2.0),
        lambda: setattr(config, "rate", 3.0),
        lambda: delattr(config, "rate"),
    )


@foreign.equal
def inherited_class_attribute(kit):
    class Parent:
        rate = 1.0

    class Child(Parent):
        pass

    config = Child()
    yield from calls(
        kit.jit(lambda x: x * config.rate),
        lambda: setattr(Parent, "rate", 2.0),
        lambda: setattr(Child, "rate", 3.0),
    )


@foreign.equal
def method_replaced_on_its_class(kit):
    class Local(Config):
        def scaled(self, x):
            return x * 1.0

    config = Local()
    yield from calls(
        kit.jit(lambda x: config.scaled(x)),
        lambda: setattr(Local, "scaled", lambda self, x: x * 2.0),
        lambda: setattr(config, "scaled", lambda x: x * 3.0),
    )


@foreign.equal
def property_of_it(kit):
    class Local(Config):
        @property
        def double(self):
            return self.scale * 2

        @functools.cached_property
        def triple(self):
            return self.scale * 3

    config = Local(scale=1.0)
    assert config.triple == 3.0
    yield from calls(
        kit.jit(lambda x: x * config.double + config.triple),
        lambda: setattr(config, "scale", 2.0),
        lambda: vars(config).pop("triple") and config.triple,
        lambda: setattr(Local, "double", 7.0),
    )


@foreign.equal
def attribute_in_slots(kit):
    class Slotted:
        __slots__ = ("scale",)

        def __init__(self):
            self.scale = 1.0

        def scaled(self, x):
            return x * self.scale

    config = Slotted()
    yield from calls(
        kit.jit(lambda x: x * config.scale + config.scaled(x)),
        lambda: setattr(config, "scale", 2.0),
    )


@foreign.equal
def dataclass_instance(kit):
    @dataclasses.dataclass
    class Options:
        rate: float = 1.0
        table: list = dataclasses.field(default_factory=lambda: [1.0])

    options = Options()
    yield from calls(
        kit.jit(lambda x: x * options.rate + options.table[0]),
        lambda: setattr(options, "rate", 2.0),
        lambda: options.table.__setitem__(0, 3.0),
    )


@foreign.equal
def frozen_dataclass_with_slots(kit):
    @dataclasses.dataclass(frozen=True, slots=True)
    class Options:
        rate: float = 1.0
        table: Any = None

    table = [1.0]
    set_global("OPTIONS", Options(table=table))()
    yield from calls(
        kit.jit(lambda x: x * OPTIONS.rate + OPTIONS.table[0]),
        lambda: table.__setitem__(0, 3.0),
        lambda: globals().update(OPTIONS=dataclasses.replace(OPTIONS, rate=2.0)),
        lambda: object.__setattr__(OPTIONS, "rate", 5.0),
    )


@foreign.equal
def dataclass_as_a_whole(kit):
    @dataclasses.dataclass
    class Options:
        rate: float = 1.0
        name: str = "a"

    options, same = Options(), Options()
    yield from calls(
        kit.jit(
            lambda x: (
                x * sum(v for v in dataclasses.asdict(options).values() if v != options.name),
                options == same,
                repr(options),
                f"{options}",
            )
        ),
        lambda: setattr(options, "rate", 2.0),
        lambda: setattr(same, "rate", 2.0),
        lambda: setattr(options, "name", "b"),
    )


@foreign.equal
def equality_and_hash_defined_by_its_class(kit):
    class Local(Config):
        def __eq__(self, other):
            return self.key == other.key

        def __hash__(self):
            return hash(self.key)

        def __len__(self):
            return self.key

        def __bool__(self):
            return self.key > 1

        def __getitem__(self, i):
            return self.key * i

        def __contains__(self, i):
            return i == self.key

        def __iter__(self):
            return iter([self.key])

    a, b = Local(key=1), Local(key=1)
    table = {1: 1.0, 2: 2.0}
    yield from calls(
        kit.jit(lambda x: (x, a == b, len(a), bool(a), a[2], 2 in a, list(a), table[hash(a)])),
        lambda: setattr(a, "key", 2),
        lambda: setattr(b, "key", 2),
    )


@foreign.equal
def attributes_as_a_dictionary(kit):
    config = Config(scale=1.0)
    yield from calls(
        kit.jit(lambda x: x * vars(config)["scale"] + config.__dict__["scale"] + len(vars(config))),
        lambda: setattr(config, "scale", 2.0),
        lambda: setattr(config, "other", 2.0),
    )


@foreign.equal
def attributes_iterated(kit):
    config = Config(a=1.0, b=2.0)
    yield from calls(
        kit.jit(lambda x: x * sum(v for v in vars(config).values())),
        lambda: setattr(config, "a", 2.0),
        lambda: setattr(config, "c", 4.0),
    )


@foreign.equal
def attribute_of_a_computed_name(kit):
    config = Config(rate_1=1.0, rate_2=2.0)
    yield from calls(
        kit.jit(lambda x: x * sum(getattr(config, f"rate_{i}") for i in (1, 2))),
        lambda: setattr(config, "rate_1", 5.0),
    )


@foreign.equal
def fallback_for_missing_attributes(kit):
    class Lazy:
        def __init__(self):
            self.table = {"scale": 1.0}

        def __getattr__(self, name):
            return self.table[name]

    config = Lazy()
    yield from calls(
        kit.jit(lambda x: x * config.scale),
        lambda: config.table.update(scale=2.0),
        lambda: setattr(config, "scale", 3.0),
    )


@foreign.equal
def overridden_look_up(kit):
    class Proxy:
        def __init__(self, target):
            object.__setattr__(self, "_target", target)

        def __getattribute__(self, name):
            return getattr(object.__getattribute__(self, "_target"), name)

    target = Config(scale=1.0)
    proxy = Proxy(target)
    yield from calls(kit.jit(lambda x: x * proxy.scale), lambda: setattr(target, "scale", 2.0))


@foreign.equal
def descriptor_with_state(kit):
    class Scaled:
        def __init__(self, by):
            self.by = by

        def __get__(self, holder, owner=None):
            return self if holder is None else holder.scale * self.by

    class Local(Config):
        double = Scaled(2.0)

    config = Local(scale=1.0)
    yield from calls(
        kit.jit(lambda x: x * config.double),
        lambda: setattr(config, "scale", 2.0),
        lambda: setattr(Local.__dict__["double"], "by", 3.0),
    )


@foreign.equal
def dictionary_with_attributes(kit):
    class Settings(dict):
        def __getattr__(self, name):
            return self[name]

    settings = Settings(scale=1.0, deep=Settings(rate=1.0))
    yield from calls(
        kit.jit(lambda x: x * settings.scale + settings["deep"].rate),
        lambda: settings.update(scale=2.0),
        lambda: settings.deep.update(rate=3.0),
    )


@foreign.equal
def namespace_of_the_command_line(kit):
    args = argparse.Namespace(rate=1.0, flag=True)
    yield from calls(
        kit.jit(lambda x: x * args.rate if args.flag else x),
        lambda: setattr(args, "rate", 2.0),
        lambda: setattr(args, "flag", False),
    )


@foreign.equal
def objects_in_containers(kit):
    configs = [Config(scale=1.0), Config(scale=2.0)]
    named = {"a": Config(scale=1.0)}
    yield from calls(
        kit.jit(lambda x: x * sum(c.scale for c in configs) + named["a"].scale),
        lambda: setattr(configs[1], "scale", 5.0),
        lambda: setattr(named["a"], "scale", 7.0),
        lambda: configs.append(Config(scale=1.0)),
    )


@foreign.equal
def object_returned_by_a_function_inside(kit):
    config = Config(scale=1.0)

    def get():
        return config

    yield from calls(kit.jit(lambda x: x * get().scale), lambda: setattr(config, "scale", 2.0))


@foreign.equal
def object_behind_a_weak_reference(kit):
    config = Config(scale=1.0)
    held = weakref.ref(config)
    proxy = weakref.proxy(config)
    yield from calls(
        kit.jit(lambda x: x * held().scale + proxy.scale),
        lambda: setattr(config, "scale", 2.0),
    )


@foreign.equal
def object_in_a_weak_dictionary(kit):
    config = Config(scale=1.0)
    table = weakref.WeakKeyDictionary({config: 1.0})
    yield from calls(kit.jit(lambda x: x * table[config]), lambda: table.update({config: 2.0}))


@foreign.equal
def array_in_it_replaced(kit):
    config = Config(w=jnp.ones(2), table=[jnp.ones(2)])
    yield from calls(
        kit.jit(lambda x: x * config.w + config.table[0]),
        lambda: setattr(config, "w", jnp.full(2, 2.0)),
        lambda: config.table.__setitem__(0, jnp.full(2, 3.0)),
    )


@foreign.equal
def numpy_array_in_it_changed_in_place(kit):
    config = Config(w=np.ones(2, np.float32))
    yield from calls(kit.jit(lambda x: x * config.w), lambda: config.w.__setitem__(0, 2.0))


@foreign.equal
def model_in_it(kit):
    config = Config(model=Holder(kit, w=jnp.ones(2)), models=[Holder(kit, w=jnp.ones(2))])
    yield from calls(
        kit.jit(lambda x: config.model.step(x) + config.models[0].step(x)),
        lambda: setattr(config.model, "w", jnp.full(2, 2.0)),
        lambda: setattr(config.models[0], "w", jnp.full(2, 3.0)),
        lambda: setattr(config, "model", Holder(kit, w=jnp.full(2, 4.0))),
    )


@foreign.equal
def object_replaced_by_one_of_another_class(kit):
    class Other:
        scale = 5.0

    set_global("OPTIONS", Config(scale=1.0))()
    yield from calls(kit.jit(lambda x: x * OPTIONS.scale), set_global("OPTIONS", Other()))


@foreign.equal
def class_of_it_changed(kit):
    class Other(Config):
        def scaled(self, x):
            return -x

    config = Config(scale=1.0)
    yield from calls(
        kit.jit(lambda x: config.scaled(x)), lambda: setattr(config, "__class__", Other)
    )


@foreign.equal
def object_in_an_attribute_of_a_model(kit):
    model = Holder(kit, w=jnp.ones(2), config=Config(scale=1.0, table=[1.0]))
    yield from calls(
        kit.jit(lambda x: x * model.config.scale + model.config.table[0]),
        lambda: setattr(model.config, "scale", 2.0),
        lambda: model.config.table.__setitem__(0, 5.0),
    )


@foreign.equal
def object_as_an_argument(kit):
    config = Config(scale=1.0, table=[1.0])
    run = kit.jit(lambda c, x: x * c.scale + c.table[0])
    yield from calls(
        lambda x: run(config, x),
        lambda: setattr(config, "scale", 2.0),
        lambda: config.table.__setitem__(0, 5.0),
    )


@foreign.equal
def thread_local(kit):
    import threading

    local = threading.local()
    local.scale = 1.0
    yield from calls(kit.jit(lambda x: x * local.scale), lambda: setattr(local, "scale", 2.0))


@foreign.equal
def context_variable(kit):
    import contextvars

    scale = contextvars.ContextVar("scale", default=1.0)
    yield from calls(kit.jit(lambda x: x * scale.get()), lambda: scale.set(2.0))


class Listed:
    """Is a pytree whose flattening function, called by JAX alone, reads a global."""

    def __init__(self, w: Any) -> None:
        self.w = w


jax.tree_util.register_pytree_node(
    Listed, lambda value: ((value.w * SCALE,), None), lambda _, content: Listed(*content)
)


@values.unseen(
    "before Python 3.12 nothing tells what code a library calls back, unless references show it",
    monitored=EQUAL,
)
def global_read_by_code_that_a_library_calls_back(kit):
    set_global("SCALE", 1.0)()
    yield from calls(kit.jit(lambda x: jax.tree.leaves(Listed(x))[0]), set_global("SCALE", 2.0))


@values.unseen(
    "before Python 3.12 nothing tells what code a string has, unless references show it",
    monitored=EQUAL,
)
def global_read_by_a_string_that_is_evaluated(kit):
    set_global("SCALE", 1.0)()
    run = kit.jit(lambda x: x * eval("SCALE + 1"))
    yield from calls(run, lambda: None, gc.collect, set_global("SCALE", 2.0))


@values.equal
def function_made_of_a_string(kit):
    set_global("SCALE", 1.0)()
    run = kit.jit(lambda x: eval("lambda y: y * 2")(x) * SCALE)
    yield from calls(run, lambda: None, gc.collect, set_global("SCALE", 2.0))


@values.equal
def dataclass_made_inside(kit):
    set_global("SCALE", 1.0)()
    run = kit.jit(lambda x: dataclasses.make_dataclass("Made", ["w"])(x).w * SCALE)
    yield from calls(run, lambda: None, gc.collect, set_global("SCALE", 2.0))
