"""Programs that change values outside of watched objects inside a compiled function."""

from __future__ import annotations

import array
import collections
import contextlib
import contextvars
import copy
import dataclasses
import functools
import heapq
import io
import itertools
import logging
import os
import queue
import random
import threading
import types
import warnings
import weakref
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from watch_table import REFUSED, Section
from watch_values import Config, Holder

import statejit as sj

changes = Section("Outside values changed inside")

COUNT: Any = 0
LOG: Any = []
MODULE = types.ModuleType("settings_written")
MODULE.__file__ = __file__
MODULE.count = 0


def twice(kit: Any, step: Any, look: Any) -> Any:
    run = kit.jit(step)
    for _ in range(2):
        yield lambda: run(jnp.ones(2)), look


@changes.refused
def list_of_a_closure_appended(kit):
    log = []

    def step(x):
        log.append(1)
        return x * len(log)

    yield from twice(kit, step, lambda: log)


@changes.refused
def traced_value_appended_to_a_global_list(kit):
    global LOG
    LOG = []

    def step(x):
        LOG.append(x * 2)
        return x

    yield from twice(kit, step, lambda: LOG)


@changes.refused
def bound_append_of_a_list(kit):
    log = []
    append = log.append

    def step(x):
        append(x * 2)
        return x

    yield from twice(kit, step, lambda: log)


@changes.refused
def list_within_containers_changed(kit):
    table = {"a": [1, {"b": [2]}]}

    def step(x):
        table["a"][1]["b"].append(x)
        return x

    yield from twice(kit, step, lambda: table)


@changes.refused
def list_of_a_closure_sorted(kit):
    table = [3, 1, 2]

    def step(x):
        table.sort()
        return x * table[0]

    yield from twice(kit, step, lambda: table)


@changes.refused
def dictionary_used_as_a_memo(kit):
    memo = {}

    def step(x):
        if "x" not in memo:
            memo["x"] = x * 2
        return memo["x"]

    yield from twice(kit, step, lambda: memo)


@changes.refused
def set_and_deque_and_counter(kit):
    table = (set(), collections.deque(maxlen=2), collections.Counter())

    def step(x):
        table[0].add(1)
        table[1].append(2)
        table[2].update("a")
        return x

    yield from twice(kit, step, lambda: table)


@changes.refused
def counter_dictionary(kit):
    table = collections.Counter()

    def step(x):
        table["a"] += 1
        return x

    yield from twice(kit, step, lambda: table)


@changes.refused
def default_dictionary_filled_by_a_look_up(kit):
    table = collections.defaultdict(list)

    def step(x):
        table["a"]
        return x

    yield from twice(kit, step, lambda: table)


@changes.refused
def heap_pushed(kit):
    heap = [3, 5]

    def step(x):
        heapq.heappush(heap, 1)
        return x

    yield from twice(kit, step, lambda: heap)


@changes.refused
def bytearray_and_array(kit):
    table = (bytearray(b"ab"), array.array("i", [1]))

    def step(x):
        table[0][0] += 1
        table[1].append(3)
        return x

    yield from twice(kit, step, lambda: (bytes(table[0]), tuple(table[1])))


@changes.refused
def user_defined_list_and_dictionary(kit):
    table = (collections.UserList([1]), collections.UserDict(a=1), collections.ChainMap({}))

    def step(x):
        table[0].append(2)
        table[1]["b"] = 2
        table[2]["c"] = 3
        return x

    yield from twice(kit, step, lambda: (table[0].data, table[1].data, table[2].maps))


@changes.refused
def global_rebound(kit):
    global COUNT
    COUNT = 0

    def step(x):
        global COUNT
        COUNT += 1
        return x * COUNT

    yield from twice(kit, step, lambda: COUNT)


@changes.refused
def global_made(kit):
    globals().pop("MADE", None)

    def step(x):
        global MADE
        MADE = x
        return x

    yield from twice(kit, step, lambda: globals().get("MADE"))


@changes.refused
def global_made_by_item(kit):
    globals().pop("MADE", None)

    def step(x):
        globals()["MADE"] = 1
        return x

    yield from twice(kit, step, lambda: globals().get("MADE"))


@changes.refused
def nonlocal_counter(kit):
    n = 0

    def step(x):
        nonlocal n
        n += 1
        return x * n

    yield from twice(kit, step, lambda: n)


@changes.refused
def nonlocal_counter_of_a_helper(kit):
    def make():
        n = 0

        def bump():
            nonlocal n
            n += 1
            return n

        return bump, lambda: n

    bump, get = make()
    yield from twice(kit, lambda x: x * bump(), get)


@changes.refused
def traced_value_kept_in_a_nonlocal(kit):
    last = None

    def step(x):
        nonlocal last
        last = x * 2
        return x

    yield from twice(kit, step, lambda: last)


@changes.refused
def mutable_default_argument(kit):
    seen = []

    def helper(x, seen=seen):
        seen.append(1)
        return x * len(seen)

    yield from twice(kit, lambda x: helper(x), lambda: seen)


@changes.refused
def mutable_default_argument_of_the_function_itself(kit):
    def step(x, seen=[]):
        seen.append(1)
        return x * len(seen)

    yield from twice(kit, step, lambda: step.__defaults__)


@changes.refused
def attribute_of_a_function_counted(kit):
    def helper(x):
        helper.calls += 1
        return x

    helper.calls = 0
    yield from twice(kit, lambda x: helper(x), lambda: helper.calls)


@changes.refused
def defaults_of_a_function_replaced(kit):
    def helper(x, by=1.0, *, times=2.0):
        return x * times + by

    def step(x):
        helper.__defaults__ = (x,)
        return helper(x)

    yield from twice(kit, step, lambda: helper.__defaults__)


@changes.refused
def keyword_defaults_of_a_function_changed_in_place(kit):
    def helper(x, *, times=2.0):
        return x * times

    def step(x):
        helper.__kwdefaults__["times"] = x
        return helper(x)

    yield from twice(kit, step, lambda: helper.__kwdefaults__)


@changes.refused
def code_of_a_function_replaced_inside(kit):
    def helper(x):
        return x * 2

    def other(x):
        return x * 3

    def step(x):
        helper.__code__ = other.__code__
        return helper(x)

    yield from twice(kit, step, lambda: helper(1))


@changes.refused
def attribute_of_a_namespace_deleted(kit):
    work = types.SimpleNamespace(rate=2.0, depth=1)

    def step(x):
        vars(work).pop("rate", None)
        return x * work.depth

    yield from twice(kit, step, lambda: vars(work))


@changes.refused
def attribute_of_a_function_made(kit):
    def helper(x):
        helper.last = x
        return x

    yield from twice(kit, lambda x: helper(x), lambda: vars(helper))


@changes.refused
def attribute_of_a_foreign_object(kit):
    config = Config(count=0)

    def step(x):
        config.count += 1
        return x

    yield from twice(kit, step, lambda: vars(config))


@changes.refused
def traced_value_kept_in_a_foreign_object(kit):
    config = Config()

    def step(x):
        config.last = x
        return x

    yield from twice(kit, step, lambda: vars(config))


@changes.refused
def foreign_object_changed_by_its_method(kit):
    class Local(Config):
        def bump(self):
            self.count += 1
            return self.count

    config = Local(count=0)
    yield from twice(kit, lambda x: x * config.bump(), lambda: vars(config))


@changes.refused
def foreign_object_changed_through_its_dictionary(kit):
    config = Config(count=0)

    def step(x):
        vars(config).update({"cou" + "nt": 1})
        return x

    yield from twice(kit, step, lambda: vars(config))


@changes.refused
def foreign_object_changed_by_setattr(kit):
    config = Config(a1=0)

    def step(x):
        setattr(config, f"a{1}", 2)
        return x

    yield from twice(kit, step, lambda: vars(config))


@changes.refused
def foreign_object_in_slots(kit):
    class Slotted:
        __slots__ = ("count",)

    config = Slotted()
    config.count = 0

    def step(x):
        config.count += 1
        return x

    yield from twice(kit, step, lambda: config.count)


@changes.refused
def cached_property_of_a_foreign_object(kit):
    class Local(Config):
        @functools.cached_property
        def table(self):
            return [self.scale]

    config = Local(scale=2.0)
    yield from twice(kit, lambda x: x * config.table[0], lambda: vars(config))


@changes.refused
def foreign_object_deep_in_others(kit):
    config = Config(deep=[Config(deeper={"a": Config(count=0)})])

    def step(x):
        config.deep[0].deeper["a"].count += 1
        return x

    yield from twice(kit, step, lambda: config.deep[0].deeper["a"].count)


@changes.refused
def foreign_object_in_an_attribute_of_a_model(kit):
    model = Holder(kit, w=jnp.ones(2), config=Config(count=0))

    def step(x):
        model.config.count += 1
        return x * model.w

    yield from twice(kit, step, lambda: vars(model.config))


@changes.refused
def foreign_object_as_an_argument(kit):
    config = Config(count=0)

    def step(config, x):
        config.count += 1
        return x

    run = kit.jit(step)
    for _ in range(2):
        yield lambda: run(config, jnp.ones(2)), lambda: vars(config)


@changes.refused
def call_of_an_object_counts(kit):
    class Counted:
        def __init__(self):
            self.calls = 0

        def __call__(self, x):
            self.calls += 1
            return x * self.calls

    counted = Counted()
    yield from twice(kit, lambda x: counted(x), lambda: counted.calls)


@changes.refused
def counting_object_compiled(kit):
    class Counted:
        def __init__(self):
            self.calls = 0

        def __call__(self, x):
            self.calls += 1
            return x * self.calls

    counted = Counted()
    yield from twice(kit, counted, lambda: counted.calls)


@changes.refused
def counting_decorator(kit):
    def counted(fun):
        @functools.wraps(fun)
        def call(*args):
            call.count += 1
            return fun(*args)

        call.count = 0
        return call

    @counted
    def helper(x):
        return x

    yield from twice(kit, lambda x: helper(x), lambda: helper.count)


@changes.refused
def memoizing_decorator(kit):
    def memoized(fun):
        table = {}

        @functools.wraps(fun)
        def call(n):
            if n not in table:
                table[n] = fun(n)
            return table[n]

        call.table = table
        return call

    @memoized
    def helper(n):
        return n * 2

    yield from twice(kit, lambda x: x * helper(3), lambda: helper.table)


@changes.refused
def dataclass_written(kit):
    @dataclasses.dataclass
    class Options:
        count: int = 0

    options = Options()

    def step(x):
        options.count += 1
        return x

    yield from twice(kit, step, lambda: options.count)


@changes.refused
def frozen_dataclass_written_past_its_lock(kit):
    @dataclasses.dataclass(frozen=True)
    class Options:
        count: int = 0

    options = Options()

    def step(x):
        object.__setattr__(options, "count", options.count + 1)
        return x

    yield from twice(kit, step, lambda: options.count)


@changes.refused
def attribute_of_a_module(kit):
    MODULE.count = 0

    def step(x):
        MODULE.count += 1
        return x

    yield from twice(kit, step, lambda: MODULE.count)


@changes.refused
def attribute_of_a_module_made(kit):
    vars(MODULE).pop("fresh", None)

    def step(x):
        MODULE.fresh = 1
        return x

    yield from twice(kit, step, lambda: vars(MODULE).get("fresh"))


@changes.refused
def numpy_array_of_a_closure_written(kit):
    table = np.zeros(3)

    def step(x):
        table[0] += 1
        return x

    yield from twice(kit, step, lambda: table)


@changes.refused
def large_numpy_array_of_a_closure_written(kit):
    table = np.zeros(3000)

    def step(x):
        table[0] += 1
        return x

    yield from twice(kit, step, lambda: table)


@changes.equal
def mutable_array_of_a_closure_written(kit):
    table = sj.Array([1.0, 2.0])

    def step(x):
        table[0] += 1
        return x * table.value

    yield from twice(kit, step, lambda: table.tolist())


@changes.equal
def model_of_a_closure_written(kit):
    model = Holder(kit, w=jnp.ones(2), n=0, items=[1])

    def step(x):
        model.w = model.w + x
        model.n += 1
        model.items.append(model.n)
        return x

    yield from twice(kit, step, lambda: (model.w, model.n, model.items))


@changes.refused
def models_of_a_closure_appended(kit):
    models = [Holder(kit, w=jnp.ones(2))]

    def step(x):
        models.append(models[0])
        return models[0].w * x

    yield from twice(kit, step, lambda: len(models))


@changes.refused
def count_advanced(kit):
    count = itertools.count()
    yield from twice(kit, lambda x: x * next(count), lambda: None)


@changes.refused
def generator_advanced(kit):
    walk = (i for i in range(20))
    yield from twice(kit, lambda x: x * next(walk), lambda: None)


@changes.refused
def iterators_advanced(kit):
    numbers = list(range(20))
    walks = [iter(numbers), iter(dict.fromkeys(numbers)), map(abs, numbers), enumerate(numbers)]

    def step(x):
        for walk in walks:
            next(walk)
        return x

    run = kit.jit(step)
    yield lambda: run(jnp.ones(2)), lambda: None


@changes.refused
def zip_advanced(kit):
    walk = zip(range(20), range(20))
    yield from twice(kit, lambda x: x * next(walk)[0], lambda: None)


@changes.refused
def cycle_and_chain_advanced(kit):
    walk = itertools.cycle([1, 2, 3])
    yield from twice(kit, lambda x: x * next(walk), lambda: None)


@changes.refused
def iterator_of_the_user_advanced(kit):
    class Walk:
        def __init__(self):
            self.i = 0

        def __iter__(self):
            return self

        def __next__(self):
            self.i += 1
            return self.i

    walk = Walk()
    yield from twice(kit, lambda x: x * next(walk), lambda: walk.i)


@changes.refused
def file_read(kit):
    file = io.StringIO("123456")
    yield from twice(kit, lambda x: x * int(file.read(1)), lambda: file.tell())


@changes.refused
def file_written(kit):
    file = io.StringIO()

    def step(x):
        file.write("a")
        return x

    yield from twice(kit, step, lambda: file.getvalue())


@changes.refused
def queue_filled(kit):
    todo = queue.Queue()

    def step(x):
        todo.put(1)
        return x

    yield from twice(kit, step, lambda: todo.qsize())


@changes.refused
def event_and_lock(kit):
    event = threading.Event()

    def step(x):
        event.set()
        return x

    yield from twice(kit, step, lambda: event.is_set())


@changes.refused
def thread_local_written(kit):
    local = threading.local()
    local.n = 0

    def step(x):
        local.n += 1
        return x

    yield from twice(kit, step, lambda: local.n)


@changes.refused
def context_variable_set(kit):
    number = contextvars.ContextVar("number", default=0)

    def step(x):
        number.set(number.get() + 1)
        return x * number.get()

    yield from twice(kit, step, number.get)


@changes.equal
def context_variable_set_and_reset(kit):
    number = contextvars.ContextVar("number", default=0)

    def step(x):
        token = number.set(3)
        try:
            return x * number.get()
        finally:
            number.reset(token)

    yield from twice(kit, step, number.get)


@changes.equal
def list_pushed_and_popped(kit):
    stack = []

    def step(x):
        stack.append(2.0)
        try:
            return x * stack[-1]
        finally:
            stack.pop()

    yield from twice(kit, step, lambda: stack)


@changes.refused
def weak_dictionary_used_as_a_cache(kit):
    table = weakref.WeakKeyDictionary()
    model = Holder(kit, w=jnp.ones(2))

    def step(x):
        table[model] = 1
        return x * model.w

    yield from twice(kit, step, lambda: len(table))


@changes.refused
def weak_set_used_as_a_registry(kit):
    table = weakref.WeakSet()
    model = Holder(kit, w=jnp.ones(2))

    def step(x):
        table.add(model)
        return x * model.w

    yield from twice(kit, step, lambda: len(table))


@changes.equal
def cached_function_filled(kit):
    @functools.lru_cache
    def helper(n):
        return n * 2.0

    yield from twice(kit, lambda x: x * helper(3), lambda: helper.cache_info().currsize)


@changes.refused
def cached_function_returns_a_traced_value(kit):
    model = Holder(kit, w=jnp.ones(2))

    @functools.cache
    def helper():
        return model.w * 2.0

    yield from twice(kit, lambda x: x * helper(), lambda: helper.cache_info().currsize)


@changes.refused
def cached_method(kit):
    class Model(kit.Base):
        def __init__(self):
            self.w = jnp.ones(2)

        @functools.lru_cache
        def weights(self):
            return self.w * 2

        def step(self, x):
            return x * self.weights()

    model = Model()
    run = kit.jit(model.step)
    for _ in range(2):
        yield lambda: run(jnp.ones(2)), lambda: Model.weights.cache_info().currsize


@changes.refused
def python_generator_drawn_from(kit):
    yield from twice(kit, lambda x: x * random.random(), lambda: random.getstate())


@changes.refused
def numpy_generator_drawn_from(kit):
    yield from twice(kit, lambda x: x * np.random.rand(), lambda: np.random.get_state()[2:])


@changes.refused
def python_generators_shuffle_and_seed(kit):
    def step(x):
        random.shuffle([1, 2, 3])
        return x

    yield from twice(kit, step, lambda: random.getstate())


@changes.refused
def generator_object_of_numpy(kit):
    rng = np.random.default_rng(0)
    yield from twice(kit, lambda x: x * rng.random(), lambda: repr(rng.bit_generator.state))


@changes.refused
def generator_object_of_python(kit):
    rng = random.Random(0)
    yield from twice(kit, lambda x: x * rng.random(), lambda: rng.getstate())


@changes.refused
def generator_object_in_a_foreign_object(kit):
    config = Config(rng=np.random.default_rng(0))
    yield from twice(
        kit, lambda x: x * config.rng.random(), lambda: repr(config.rng.bit_generator.state)
    )


@changes.refused
def generator_behind_a_bound_method(kit):
    draw = np.random.RandomState(0).rand
    yield from twice(kit, lambda x: x * draw(), lambda: None)


@changes.equal
def module_generator_of_statejit(kit):
    yield from twice(kit, lambda x: x * sj.random.rand(), lambda: None)


@changes.refused
def dictionary_of_globals_updated(kit):
    globals().pop("MADE", None)

    def step(x):
        globals().update(MADE=2)
        return x

    yield from twice(kit, step, lambda: globals().get("MADE"))


@changes.refused
def context_manager_that_counts(kit):
    depth = [0]

    @contextlib.contextmanager
    def entered():
        depth[0] += 1
        yield

    def step(x):
        with entered():
            return x

    yield from twice(kit, step, lambda: depth)


@changes.unseen(
    "plain JAX keeps what it has traced: the body of a scan is not run again, so that its side "
    "effects come once, also in eager Python; after a refusal they do not come at all"
)
def callback_with_state_under_plain_jax(kit):
    log = []

    def body(carry, x):
        log.append(1)
        return carry + x, x

    yield from twice(kit, lambda x: jax.lax.scan(body, 0.0, x)[0], lambda: len(log))


@changes.refused
def deleted_by_del(kit):
    table = {"a": 1}

    def step(x):
        del table["a"]
        return x

    run = kit.jit(step)
    yield lambda: run(jnp.ones(2)), lambda: table


@changes.refused
def finalizer_of_an_object_made_inside(kit):
    log = []

    class Temporary:
        def __del__(self):
            log.append(1)

    def step(x):
        Temporary()
        return x

    yield from twice(kit, step, lambda: log)


@changes.refused
def finalizer_of_a_model_made_inside(kit):
    log = []

    class Temporary(kit.Base):
        def __del__(self):
            log.append(1)

    def step(x):
        Temporary()
        return x

    yield from twice(kit, step, lambda: log)


@changes.refused
def deep_copy_written_to_a_closure(kit):
    model = Holder(kit, w=jnp.ones(2))
    kept = []

    def step(x):
        kept[:] = [copy.deepcopy(model)]
        return x

    yield from twice(kit, step, lambda: len(kept))


@changes.refused
def generator_sent_to(kit):
    def walk():
        total = 0
        while True:
            total += yield total

    running = walk()
    next(running)
    yield from twice(kit, lambda x: x * running.send(1), lambda: None)


@changes.unseen(
    "what library code keeps for itself is never looked into: what is logged, warned of or printed "
    "happens once per compilation, as under jax.jit",
    monitored=REFUSED,
)
def messages_logged(kit):
    logger, lines = logging.getLogger("statejit.table"), []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger.handlers, logger.propagate = [handler], False

    def step(x):
        logger.warning("step")
        return x

    yield from twice(kit, step, lambda: len(lines))


@changes.unseen("the environment of the process is no Python value that the function refers to")
def environment_variable_set(kit):
    os.environ["STATEJIT_TABLE"] = "0"

    def step(x):
        os.environ["STATEJIT_TABLE"] += "1"
        return x

    yield from twice(kit, step, lambda: os.environ["STATEJIT_TABLE"])


@changes.equal
def warnings_given(kit):
    def step(x):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.warn("careful", stacklevel=1)
        return x

    yield from twice(kit, step, lambda: None)


@changes.equal
def allowed_by_unwatched_is_done_once_for_each_compilation(kit):
    log = []

    def step(x):
        with sj.unwatched():
            log.append(1)
        return x

    run = kit.jit(step)
    yield lambda: run(jnp.ones(2)), lambda: log
