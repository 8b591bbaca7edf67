"""Programs that go past attribute access: raw look-ups, dictionaries, copies, threads."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import pickle
import threading
import weakref
from typing import Any

import jax.numpy as jnp
import numpy as np
from watch_table import Section
from watch_values import calls

import statejit as sj

bypasses = Section("Past attribute access")


def model(kit: Any, **attributes: Any) -> Any:
    class Model(kit.Base):
        def __init__(self):
            self.w = jnp.ones(2)
            self.n = 0
            self.items = [1.0]
            for name, value in attributes.items():
                setattr(self, name, value)

    return Model()


def look(m: Any) -> Any:
    return lambda: tuple(vars(m).items())


@bypasses.refused
def object_setattr_of_an_array(kit):
    m = model(kit)
    yield from calls(
        kit.jit(lambda x: object.__setattr__(m, "w", m.w + x)), lambda: None, look=look(m)
    )


@bypasses.refused
def object_setattr_of_a_number(kit):
    m = model(kit)
    yield from calls(
        kit.jit(lambda x: object.__setattr__(m, "n", m.n + 1)), lambda: None, look=look(m)
    )


@bypasses.refused
def object_setattr_of_an_object_not_read(kit):
    m = model(kit)
    yield from calls(kit.jit(lambda x: object.__setattr__(m, "n", 5)), lambda: None, look=look(m))


@bypasses.refused
def object_setattr_of_a_new_attribute(kit):
    m = model(kit)
    yield from calls(kit.jit(lambda x: object.__setattr__(m, "new", x)), look=look(m))


@bypasses.refused
def object_setattr_beside_a_change_outside(kit):
    m, log = model(kit), []

    def step(x):
        log.append(1)
        object.__setattr__(m, "w", m.w + x)

    yield from calls(kit.jit(step), look=lambda: (look(m)(), log))


@bypasses.refused
def object_delattr(kit):
    m = model(kit)

    def step(x):
        if "n" in vars(m):
            object.__delattr__(m, "n")

    yield from calls(kit.jit(step), look=look(m))


@bypasses.refused
def object_getattribute_of_an_array(kit):
    m = model(kit)
    yield from calls(
        kit.jit(lambda x: x * object.__getattribute__(m, "w")),
        lambda: setattr(m, "w", jnp.full(2, 2.0)),
    )


@bypasses.refused
def object_getattribute_of_an_array_used_under_plain_jax(kit):
    import jax

    m = model(kit)
    yield from calls(
        kit.jit(lambda x: jax.jit(lambda x: x * object.__getattribute__(m, "w"))(x)),
        lambda: setattr(m, "w", jnp.full(2, 2.0)),
    )


@bypasses.unseen(
    "`object.__getattribute__` runs no code of ours; of what it reads only arrays can be found "
    "again, among the constants of the program"
)
def object_getattribute_of_a_number(kit):
    m = model(kit)
    yield from calls(
        kit.jit(lambda x: x * object.__getattribute__(m, "n")), lambda: setattr(m, "n", 2)
    )


@bypasses.equal
def dictionary_of_an_object_read(kit):
    m = model(kit)
    yield from calls(
        kit.jit(lambda x: x * m.__dict__["w"] + vars(m)["n"] + vars(m).get("missing", 1)),
        lambda: setattr(m, "n", 2),
        lambda: setattr(m, "w", jnp.full(2, 2.0)),
        lambda: setattr(m, "missing", 5),
    )


@bypasses.equal
def dictionary_of_an_object_written(kit):
    m = model(kit)

    def step(x):
        m.__dict__["w"] = m.w + x
        vars(m)["n"] += 1
        vars(m).setdefault("new", x)
        m.__dict__ |= {"other": x * 2}

    def plain(x):
        m.__dict__["w"] = m.w + x
        vars(m)["n"] += 1
        vars(m).setdefault("new", x)

    del step
    yield from calls(kit.jit(plain), lambda: setattr(m, "n", 7), look=look(m))


@bypasses.equal
def dictionary_of_an_object_updated_popped_and_cleared(kit):
    m = model(kit)

    def step(x):
        vars(m).update(w=m.w + x, extra=x, items=[x, 1])
        m.__dict__.update({"n": m.n + 1})
        vars(m).pop("extra")

    yield from calls(kit.jit(step), lambda: setattr(m, "n", 7), look=look(m))


@bypasses.equal
def dictionary_of_an_object_iterated(kit):
    m = model(kit, v=jnp.ones(2))

    def step(x):
        total = sum(v.sum() for v in vars(m).values() if hasattr(v, "shape"))
        return {k: str(type(k)) for k in m.__dict__}, total, len(vars(m)), "n" in vars(m)

    yield from calls(
        kit.jit(step),
        lambda: setattr(m, "v", jnp.full(2, 5.0)),
        lambda: setattr(m, "z", jnp.ones(3)),
        lambda: delattr(m, "v"),
    )


@bypasses.equal
def dictionary_of_an_object_copied_and_merged(kit):
    m = model(kit)

    def step(x):
        return dict(vars(m)), {**vars(m)}, vars(m).copy(), vars(m) | {"a": x}, list(vars(m).items())

    yield from calls(kit.jit(step), lambda: setattr(m, "n", 7))


@bypasses.equal
def dictionary_of_an_object_replaced(kit):
    m = model(kit)

    def step(x):
        m.__dict__ = {**m.__dict__, "w": x}

    yield from calls(kit.jit(step), lambda: setattr(m, "n", 7), look=look(m))


@bypasses.equal
def dictionary_kept_in_a_variable_while_written(kit):
    m = model(kit)

    def step(x):
        own = vars(m)
        m.w = x
        own["n"] = own["n"] + 1
        return own["w"] + m.n

    yield from calls(kit.jit(step), look=look(m))


@bypasses.refused
def dictionary_of_an_object_fetched_before(kit):
    m = model(kit)
    own = vars(m)

    def step(x):
        own["n"] = own["n"] + 1
        own["w"] = x
        return m.w

    yield from calls(kit.jit(step), look=look(m))


@bypasses.equal
def array_read_in_a_dictionary_fetched_before(kit):
    m = model(kit)
    own = vars(m)
    yield from calls(
        kit.jit(lambda x: own["w"] * x + m.n), lambda: setattr(m, "w", jnp.full(2, 2.0))
    )


@bypasses.equal
def number_read_in_a_dictionary_fetched_before(kit):
    m = model(kit)
    own = vars(m)
    yield from calls(kit.jit(lambda x: own["n"] + x), lambda: setattr(m, "n", 2))


@bypasses.equal
def attribute_functions(kit):
    m = model(kit)

    def step(x):
        setattr(m, "w", getattr(m, "w") + x)
        m.__setattr__("n", m.__getattribute__("n") + 1)
        type(m).__setattr__(m, "fresh", x)
        m.__delattr__("fresh")
        return sj.Base.__getattribute__ is not None and hasattr(m, "fresh")

    yield from calls(kit.jit(step), lambda: setattr(m, "n", 7), look=look(m))


@bypasses.equal
def cached_property(kit):
    class Model(kit.Base):
        def __init__(self):
            self.w = jnp.ones(2)

        @functools.cached_property
        def double(self):
            return self.w * 2

        def step(self, x):
            return x * self.double

    m = Model()
    run = kit.jit(m.step)
    yield from calls(
        lambda x: run(x),
        lambda: setattr(m, "w", jnp.full(2, 5.0)),
        lambda: delattr(m, "double"),
        look=look(m),
    )


def slotted(kit: Any) -> Any:
    class Slotted(kit.Base):
        __slots__ = ("n", "w")

        def __init__(self):
            self.w = jnp.ones(2)
            self.n = 1

    return Slotted, Slotted()


@bypasses.refused
def descriptor_of_a_slot_sets_an_array(kit):
    cls, m = slotted(kit)
    yield from calls(kit.jit(lambda x: cls.w.__set__(m, m.w + x)), look=lambda: (m.w, m.n))


@bypasses.refused
def descriptor_of_a_slot_gets_an_array(kit):
    cls, m = slotted(kit)
    yield from calls(
        kit.jit(lambda x: x * cls.w.__get__(m)), lambda: setattr(m, "w", jnp.full(2, 2.0))
    )


@bypasses.unseen("as `object.__getattribute__`")
def descriptor_of_a_slot_gets_a_number(kit):
    cls, m = slotted(kit)
    yield from calls(kit.jit(lambda x: x * cls.n.__get__(m)), lambda: setattr(m, "n", 2))


@bypasses.refused
def descriptor_of_a_slot_sets_a_number(kit):
    cls, m = slotted(kit)
    yield from calls(kit.jit(lambda x: cls.n.__set__(m, m.n + 1)), look=lambda: (m.w, m.n))


@bypasses.equal
def shallow_copy(kit):
    m = model(kit)

    def step(x):
        new = copy.copy(m)
        new.w = new.w + x
        new.n += 1
        return new, new.items is m.items

    yield from calls(kit.jit(step), lambda: setattr(m, "n", 7), look=look(m))


@bypasses.equal
def deep_copy(kit):
    m = model(kit)
    m.part = model(kit)

    def step(x):
        new = copy.deepcopy(m)
        new.part.w = x
        new.items.append(x)
        m.old = new
        return new.part.n

    def forget():
        del m.old
        m.part.n = 5

    yield from calls(kit.jit(step), forget, look=look(m))


@bypasses.equal
def copied_with_its_own_methods(kit):
    class Model(kit.Base):
        def __init__(self):
            self.w, self.n = jnp.ones(2), 1

        def __copy__(self):
            new = type(self)()
            new.w = self.w * 2
            return new

        def __deepcopy__(self, memo):
            new = type(self).__new__(type(self))
            memo[id(self)] = new
            new.__dict__.update(self.__dict__)
            new.n = 5
            return new

    m = Model()
    yield from calls(
        kit.jit(lambda x: (copy.copy(m), copy.deepcopy(m))),
        lambda: setattr(m, "n", 3),
        look=look(m),
    )


class Pickled(sj.Base):
    """Can be found by `pickle`."""

    def __init__(self):
        self.n, self.name = 1, "a"


@bypasses.equal
def pickled_without_arrays(kit):
    m = Pickled()
    run = kit.jit(lambda x: (pickle.loads(pickle.dumps(m)).n + x, len(pickle.dumps(m)) > 0))
    yield from calls(run, lambda: setattr(m, "n", 3))


@bypasses.refused
def pickled_with_a_traced_array(kit):
    m = Pickled()
    m.w = jnp.ones(2)
    yield from calls(
        kit.jit(lambda x: pickle.loads(pickle.dumps(m)).w * x),
        lambda: setattr(m, "w", jnp.full(2, 2.0)),
    )


@bypasses.equal
def state_methods_of_pickle(kit):
    class Model(kit.Base):
        def __init__(self):
            self.w, self.n = jnp.ones(2), 1

        def __getstate__(self):
            return {"w": self.w, "n": self.n}

        def __setstate__(self, state):
            self.__dict__.update(state)
            self.n += 10

    m = Model()
    yield from calls(
        kit.jit(lambda x: (copy.copy(m), copy.deepcopy(m))),
        lambda: setattr(m, "n", 3),
        look=look(m),
    )


@bypasses.equal
def reduced_by_hand(kit):
    m = model(kit)

    def step(x):
        fun, args, state = m.__reduce_ex__(2)[:3]
        new = fun(*args)
        new.__dict__.update(state)
        return new

    yield from calls(kit.jit(step), lambda: setattr(m, "n", 3), look=look(m))


@bypasses.equal
def reduce_defined_by_the_class(kit):
    class Model(kit.Base):
        def __init__(self, w):
            self.w = w

        def __reduce__(self):
            return type(self), (self.w * 2,)

    m = Model(jnp.ones(2))
    yield from calls(
        kit.jit(lambda x: copy.copy(m).w * x), lambda: setattr(m, "w", jnp.full(2, 2.0))
    )


@bypasses.equal
def dataclasses_replace(kit):
    @dataclasses.dataclass(eq=False)
    class Model(kit.Base):
        w: Any
        n: int = 1

    m = Model(jnp.ones(2))

    def step(x):
        new = dataclasses.replace(m, n=m.n + 1)
        fields = [f.name for f in dataclasses.fields(m)]
        return new, fields, dataclasses.asdict(m)["n"], dataclasses.astuple(m)[1]

    yield from calls(
        kit.jit(step),
        lambda: setattr(m, "n", 5),
        lambda: setattr(m, "w", jnp.full(2, 2.0)),
        look=look(m),
    )


@bypasses.equal
def frozen_dataclass_made_inside(kit):
    @dataclasses.dataclass(frozen=True, eq=False)
    class Model(kit.Base):
        w: Any
        n: int = 1

    yield from calls(kit.jit(lambda x: Model(x * 2, n=3)))


@bypasses.equal
def frozen_dataclass_with_slots_made_inside(kit):
    @dataclasses.dataclass(frozen=True, slots=True)
    class State:
        w: Any
        n: int = 1

    def step(x):
        new = State(x * 2, n=3)
        return new, dataclasses.replace(new, n=4)

    yield from calls(kit.jit(step))


@bypasses.equal
def weak_reference_to_a_model(kit):
    m = model(kit)
    held = weakref.ref(m)
    yield from calls(
        kit.jit(lambda x: held().w * x + held().n),
        lambda: setattr(m, "n", 2),
        lambda: setattr(m, "w", jnp.full(2, 2.0)),
        look=look(m),
    )


@bypasses.equal
def weak_proxy_of_a_model(kit):
    m = model(kit)
    held = weakref.proxy(m)

    def step(x):
        held.n = held.n + 1
        return held.w * x

    yield from calls(kit.jit(step), lambda: setattr(m, "w", jnp.full(2, 2.0)), look=look(m))


@bypasses.equal
def weak_reference_in_an_attribute(kit):
    m = model(kit)
    m.parent = model(kit)
    m.part = model(kit)
    m.part.up = weakref.ref(m.parent)
    yield from calls(
        kit.jit(lambda x: m.part.up().w * x + m.part.up().n),
        lambda: setattr(m.parent, "n", 2),
        lambda: setattr(m.part, "up", weakref.ref(m)),
    )


@bypasses.equal
def weak_reference_that_died(kit):
    m = {"m": model(kit)}
    held = weakref.ref(m["m"])
    yield from calls(kit.jit(lambda x: x * (0 if held() is None else 1)), m.clear)


@bypasses.equal
def weak_reference_made_inside(kit):
    m = model(kit)
    yield from calls(
        kit.jit(lambda x: weakref.ref(m)().w * x), lambda: setattr(m, "w", jnp.full(2, 2.0))
    )


@bypasses.equal
def members_inspected(kit):
    m = model(kit)

    def step(x):
        names = [n for n, _ in inspect.getmembers(m) if not n.startswith("_")]
        return names, "n" in dir(m), x

    yield from calls(kit.jit(step), lambda: setattr(m, "other", 2))


@bypasses.equal
def match_statement_by_attributes(kit):
    m = model(kit)
    cls = type(m)

    def step(x):
        match m:
            case cls(n=0):
                return x
            case cls(n=k):
                return x * k

    yield from calls(kit.jit(step), lambda: setattr(m, "n", 3))


@bypasses.equal
def another_thread_writes_while_one_traces(kit):
    m, other = model(kit), model(kit)

    def write():
        other.n = other.n + 1
        m.late = 1

    def step(x):
        thread = threading.Thread(target=write)
        with sj.unwatched():
            thread.start()
            thread.join()
        return m.w * x

    run = kit.jit(step)
    yield lambda: run(jnp.ones(2)), lambda: (other.n, m.late if hasattr(m, "late") else None)


@bypasses.refused
def thread_started_inside(kit):
    m = model(kit)

    def write():
        m.w = m.w * 2
        m.n += 1

    def step(x):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        return m.w * x

    yield from calls(kit.jit(step), look=look(m))


@bypasses.refused
def thread_started_inside_reads(kit):
    m, seen = model(kit), []

    def read():
        seen.append(m.w * 2)

    def step(x):
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        return x + seen.pop()

    yield from calls(kit.jit(step), lambda: setattr(m, "w", jnp.full(2, 5.0)), look=look(m))


@bypasses.refused
def thread_pool_used_inside(kit):
    from concurrent.futures import ThreadPoolExecutor

    m = model(kit)

    def step(x):
        with ThreadPoolExecutor(1) as pool:
            return x * pool.submit(lambda: m.w * 2).result()

    yield from calls(kit.jit(step), lambda: setattr(m, "w", jnp.full(2, 5.0)))


@bypasses.equal
def numpy_array_written_in_its_own_way(kit):
    m = model(kit, z=np.ones(3, np.float32))

    def step(x):
        m.z[1:] = 2.0
        m.z += 1.0
        return x + m.z.sum()

    yield from calls(kit.jit(step), lambda: m.z.__setitem__(0, 7.0), look=lambda: m.z)


@bypasses.refused
def class_of_an_object_assigned_inside(kit):
    class Other(kit.Base):
        pass

    m = model(kit)

    def step(x):
        m.__class__ = Other

    run = kit.jit(step)
    yield lambda: run(jnp.ones(2)), lambda: type(m).__name__


@bypasses.equal
def attribute_error_in_a_property(kit):
    class Model(kit.Base):
        def __init__(self):
            self.n = 1

        @property
        def broken(self):
            return self.missing

        def __getattr__(self, name):
            if name in ("broken", "missing"):
                return self.n
            raise AttributeError(name)

    m = Model()
    yield from calls(kit.jit(lambda x: m.broken * x), lambda: setattr(m, "n", 2))
