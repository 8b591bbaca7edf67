"""Programs that read class dictionaries, past the hook, and that write to classes inside."""

from __future__ import annotations

import abc
import functools
from typing import Any, ClassVar

import jax.numpy as jnp
from watch_table import Section
from watch_values import Config, calls

classes = Section("Class dictionaries, read inside and changed between the calls")
written = Section("Classes written inside")


def family(kit: Any) -> Any:
    """Returns a base class and an instance of a class that derives from it."""

    class Parent(kit.Base):
        scale = 1.0
        table: ClassVar[Any] = [1.0]

        def __init__(self):
            self.w = jnp.ones(2)

        def method(self, x):
            return x * self.w

        @classmethod
        def make(cls, x):
            return x * cls.scale

        @staticmethod
        def static(x):
            return x * 1.0

    class Child(Parent):
        scale = 2.0

        def through_super(self, x):
            return x * super().scale

        def through_super_method(self, x):
            return super().method(x)

        def through_type(self, x):
            return x * type(self).scale

        def through_class(self, x):
            return x * self.__class__.scale

        def through_self(self, x):
            return x * self.scale

        def through_table(self, x):
            return x * type(self).table[0] * len(self.table)

        def through_mro(self, x):
            return x * type(self).__mro__[1].scale

        def through_vars(self, x):
            return x * vars(type(self))["scale"] * type(self).__dict__["scale"]

        def through_name(self, x, name="scale"):
            return x * getattr(type(self), name)

    return Parent, Child()


def reads(method: str, *changes: Any) -> Any:
    """Returns a program that calls a method, and one after each change of the base class."""

    def program(kit: Any) -> Any:
        parent, child = family(kit)
        run = kit.jit(getattr(child, method))
        yield from calls(lambda x: run(x), *((lambda c=c: c(parent, type(child))) for c in changes))

    return program


def enter(name: str, *arguments: Any) -> None:
    program = reads(*arguments)
    program.__name__ = name
    classes.equal(program)


enter("attribute_through_super", "through_super", lambda p, c: setattr(p, "scale", 3.0))
enter(
    "method_through_super_patched",
    "through_super_method",
    lambda p, c: setattr(p, "method", lambda self, x: x * self.w * 3.0),
)
enter(
    "attribute_through_type",
    "through_type",
    lambda p, c: setattr(c, "scale", 3.0),
    lambda p, c: delattr(c, "scale"),
    lambda p, c: setattr(p, "scale", 4.0),
)
enter("attribute_through_dunder_class", "through_class", lambda p, c: setattr(c, "scale", 3.0))
enter(
    "attribute_through_self",
    "through_self",
    lambda p, c: setattr(c, "scale", 3.0),
    lambda p, c: delattr(c, "scale"),
    lambda p, c: setattr(p, "scale", property(lambda self: 7.0)),
)
enter(
    "list_of_a_class_changed_in_place",
    "through_table",
    lambda p, c: p.table.__setitem__(0, 2.0),
    lambda p, c: p.table.append(2.0),
    lambda p, c: setattr(c, "table", [7.0]),
)
enter("attribute_through_the_mro", "through_mro", lambda p, c: setattr(p, "scale", 3.0))
enter("attribute_through_vars_of_a_class", "through_vars", lambda p, c: setattr(c, "scale", 3.0))
enter("attribute_of_a_class_by_a_variable", "through_name", lambda p, c: setattr(c, "scale", 3.0))
enter(
    "class_method",
    "make",
    lambda p, c: setattr(c, "scale", 3.0),
    lambda p, c: setattr(p, "make", classmethod(lambda cls, x: -x * cls.scale)),
)
enter("static_method", "static", lambda p, c: setattr(p, "static", staticmethod(lambda x: x * 5.0)))
enter(
    "method_patched_on_the_class",
    "method",
    lambda p, c: setattr(p, "method", lambda self, x: x * 5.0),
    lambda p, c: setattr(c, "method", lambda self, x: x * 6.0),
)


@classes.equal
def class_method_called_inside(kit):
    parent, child = family(kit)
    run = kit.jit(lambda x: child.make(x) + type(child).make(x) + parent.make(x) + child.static(x))
    yield from calls(
        run,
        lambda: setattr(type(child), "scale", 3.0),
        lambda: setattr(parent, "scale", 5.0),
        lambda: setattr(parent, "static", staticmethod(lambda x: x * 5.0)),
    )


@classes.equal
def attribute_through_the_name_of_the_class(kit):
    parent, child = family(kit)
    run = kit.jit(lambda x: x * parent.scale + len(parent.table))
    yield from calls(run, lambda: setattr(parent, "scale", 3.0), lambda: parent.table.append(1.0))


@classes.equal
def attribute_of_the_metaclass(kit):
    class Meta(type(kit.Base)):
        scale = 1.0

        @property
        def double(cls):
            return cls.scale * 2

    class Model(kit.Base, metaclass=Meta):
        def __init__(self):
            self.w = jnp.ones(2)

        def step(self, x):
            return x * self.w * type(self).scale * type(self).double

    model = Model()
    run = kit.jit(model.step)
    yield from calls(
        lambda x: run(x),
        lambda: setattr(Meta, "scale", 2.0),
        lambda: setattr(Meta, "double", property(lambda cls: 7.0)),
        lambda: setattr(Model, "scale", 3.0),
    )


@classes.equal
def call_of_the_metaclass(kit):
    rate = 1.0

    class Meta(type(kit.Base)):
        def __call__(cls, *args):
            new = super().__call__(*args)
            new.w = new.w * rate
            return new

    class Model(kit.Base, metaclass=Meta):
        def __init__(self, w):
            self.w = w

    def change():
        nonlocal rate
        rate = 3.0

    yield from calls(kit.jit(lambda x: Model(x).w), change)


@classes.equal
def fallback_of_the_metaclass(kit):
    table = {"anything": 1.0}

    class Meta(type(kit.Base)):
        def __getattr__(cls, name):
            if name not in table:
                raise AttributeError(name)
            return table[name]

    class Model(kit.Base, metaclass=Meta):
        pass

    yield from calls(kit.jit(lambda x: x * Model.anything), lambda: table.update(anything=2.0))


@classes.equal
def bases_of_a_class_changed(kit):
    class A(kit.Base):
        scale = 1.0

    class B(A):
        pass

    class C(A):
        scale = 5.0

    class Model(B):
        def step(self, x):
            return x * self.scale

    model = Model()
    run = kit.jit(model.step)
    yield from calls(lambda x: run(x), lambda: setattr(Model, "__bases__", (C,)))


@classes.equal
def nested_class_of_settings(kit):
    class Model(kit.Base):
        class Settings:
            rate = 1.0

        def step(self, x):
            return x * self.Settings.rate

    model = Model()
    run = kit.jit(model.step)

    class Other:
        rate = 7.0

    yield from calls(
        lambda x: run(x),
        lambda: setattr(Model.Settings, "rate", 2.0),
        lambda: setattr(Model, "Settings", Other),
    )


@classes.equal
def foreign_object_in_a_class(kit):
    class Model(kit.Base):
        config = Config(rate=1.0)

        def step(self, x):
            return x * self.config.rate * type(self).config.rate

    model = Model()
    run = kit.jit(model.step)
    yield from calls(lambda x: run(x), lambda: setattr(Model.config, "rate", 2.0))


@classes.equal
def descriptor_with_state_in_a_class(kit):
    class Scaled:
        def __init__(self, by):
            self.by = by

        def __get__(self, holder, owner=None):
            return self if holder is None else holder.w * self.by

    class Model(kit.Base):
        double = Scaled(2.0)

        def __init__(self):
            self.w = jnp.ones(2)

        def step(self, x):
            return x * self.double

    model = Model()
    run = kit.jit(model.step)
    yield from calls(
        lambda x: run(x),
        lambda: setattr(vars(Model)["double"], "by", 3.0),
        lambda: setattr(Scaled, "__get__", lambda self, holder, owner=None: holder.w * 7.0),
    )


@classes.equal
def decorated_method(kit):
    factor = {"n": 1.0}

    def scaled(fun):
        @functools.wraps(fun)
        def call(self, *args):
            return fun(self, *args) * factor["n"]

        return call

    class Model(kit.Base):
        offset = 0.0

        def __init__(self):
            self.w = jnp.ones(2)

        @scaled
        def step(self, x):
            return x * self.w + type(self).offset

    model = Model()
    run = kit.jit(model.step)
    yield from calls(
        lambda x: run(x), lambda: factor.update(n=2.0), lambda: setattr(Model, "offset", 1.0)
    )


@classes.equal
def partial_method_and_single_dispatch_method(kit):
    class Model(kit.Base):
        scale = 1.0

        def __init__(self):
            self.w = jnp.ones(2)

        def times(self, n, x):
            return x * n * type(self).scale

        double = functools.partialmethod(times, 2.0)

        @functools.singledispatchmethod
        def show(self, value):
            return 0

        @show.register
        def _(self, value: int):
            return value * type(self).scale

    model = Model()
    run = kit.jit(lambda x: (model.double(x), model.show(3)))
    yield from calls(
        run,
        lambda: setattr(Model, "scale", 2.0),
        lambda: setattr(Model, "double", functools.partialmethod(Model.times, 5.0)),
    )


@classes.equal
def abstract_and_generic_classes(kit):
    class Meta(abc.ABCMeta, type(kit.Base)):
        pass

    class Parent(kit.Base, metaclass=Meta):
        @abc.abstractmethod
        def scale(self): ...

        def step(self, x):
            return x * self.scale()

    class Child(Parent):
        rate = 1.0

        def scale(self):
            return type(self).rate

    model = Child()
    run = kit.jit(model.step)
    yield from calls(lambda x: run(x), lambda: setattr(Child, "rate", 2.0))


@classes.equal
def constructor_of_a_class_made_inside(kit):
    class Part(kit.Base):
        start = 1.0

        def __init__(self, x):
            self.w = x * self.start

    yield from calls(
        kit.jit(lambda x: Part(x).w),
        lambda: setattr(Part, "start", 2.0),
        lambda: setattr(Part, "__init__", lambda self, x: setattr(self, "w", -x)),
    )


@classes.equal
def class_swapped_for_another(kit):
    class A(kit.Base):
        def step(self, x):
            return x

    class B(kit.Base):
        def step(self, x):
            return -x

    table = {"cls": A}
    yield from calls(kit.jit(lambda x: table["cls"]().step(x)), lambda: table.update(cls=B))


@classes.equal
def class_registry_filled_by_init_subclass(kit):
    class Parent(kit.Base):
        registry: ClassVar[Any] = {}

        def __init_subclass__(cls, **kwargs):
            super().__init_subclass__(**kwargs)
            Parent.registry[cls.__name__] = cls

        def step(self, x):
            return x * len(self.registry)

    class A(Parent):
        pass

    model = A()
    run = kit.jit(model.step)

    def change():
        class B(Parent):
            pass

    yield from calls(lambda x: run(x), change)


@classes.unseen("which subclasses a class has is kept by Python, in no dictionary")
def subclasses_of_a_class(kit):
    class Parent(kit.Base):
        pass

    class A(Parent):
        pass

    made = []

    def change():
        class B(Parent):
            pass

        made.append(B)

    yield from calls(kit.jit(lambda x: x * len(Parent.__subclasses__())), change)


# Written inside ---------------------------------------------------------------------------------


def writer(kit: Any, body: Any) -> Any:
    """Yields two calls of a method with this body, and looks at its class."""

    class Model(kit.Base):
        count = 0
        table: ClassVar[Any] = {}
        log: ClassVar[Any] = []

        def __init__(self):
            self.w = jnp.ones(2)

        def step(self, x):
            body(self, x)
            return x * self.w

    model = Model()
    run = kit.jit(model.step)

    def look() -> Any:
        return tuple(sorted(i for i in vars(Model).items() if i[0][0] != "_")), model

    for _ in range(2):
        yield lambda: run(jnp.ones(2)), look


def write(name: str, body: Any) -> None:
    def program(kit: Any) -> Any:
        yield from writer(kit, body)

    program.__name__ = name
    written.refused(program)


def _count(self: Any, x: Any) -> None:
    type(self).count += 1


def _count_by_class(self: Any, x: Any) -> None:
    self.__class__.count += 1


def _new(self: Any, x: Any) -> None:
    type(self).fresh = x


def _delete(self: Any, x: Any) -> None:
    if "count" in vars(type(self)):
        del type(self).count


def _cache(self: Any, x: Any) -> None:
    type(self).table["x"] = x


def _cache_by_self(self: Any, x: Any) -> None:
    self.table["n"] = 1


def _append(self: Any, x: Any) -> None:
    self.log.append(self)


def _append_object(self: Any, x: Any) -> None:
    new = type(self)()
    new.w = x
    type(self).log.append(new)


def _method(self: Any, x: Any) -> None:
    type(self).step = lambda self, x: x


def _by_type(self: Any, x: Any) -> None:
    type.__setattr__(type(self), "count", 5)


write("class_counter_through_type", _count)
write("class_counter_through_dunder_class", _count_by_class)
write("class_attribute_made", _new)
write("class_attribute_deleted", _delete)
write("class_dictionary_used_as_a_cache", _cache)
write("class_dictionary_written_through_self", _cache_by_self)
write("self_appended_to_a_class_list", _append)
write("object_made_inside_appended_to_a_class_list", _append_object)
write("method_replaced_on_the_class", _method)
write("class_written_past_its_metaclass", _by_type)


@written.refused
def counter_of_instances_in_the_constructor(kit):
    class Part(kit.Base):
        made = 0

        def __init__(self, x):
            Part.made += 1
            self.w = x

    run = kit.jit(lambda x: Part(x).w)
    for _ in range(2):
        yield lambda: run(jnp.ones(2)), lambda: Part.made


@written.refused
def registry_of_instances_in_new(kit):
    class Part(kit.Base):
        registry: ClassVar[Any] = []

        def __new__(cls, *args):
            new = super().__new__(cls)
            cls.registry.append(new)
            return new

        def __init__(self, x):
            self.w = x

    run = kit.jit(lambda x: Part(x).w)
    for _ in range(2):
        yield lambda: run(jnp.ones(2)), lambda: Part.registry


@written.refused
def instances_cached_by_the_metaclass(kit):
    class Meta(type(kit.Base)):
        cache: ClassVar[Any] = {}

        def __call__(cls, *args):
            if cls not in Meta.cache:
                Meta.cache[cls] = super().__call__(*args)
            return Meta.cache[cls]

    class Part(kit.Base, metaclass=Meta):
        def __init__(self):
            self.w = jnp.ones(2)

    run = kit.jit(lambda x: Part().w * x)
    for _ in range(2):
        yield lambda: run(jnp.ones(2)), lambda: len(Meta.cache)


@written.refused
def class_attribute_of_a_foreign_class(kit):
    class Local:
        count = 0

        def bump(self):
            type(self).count += 1

    local = Local()

    def step(x):
        local.bump()
        return x

    run = kit.jit(step)
    for _ in range(2):
        yield lambda: run(jnp.ones(2)), lambda: Local.count


@written.refused
def attribute_of_an_enumeration_member(kit):
    import enum

    class Mode(enum.Enum):
        A = 1

    Mode.A.seen = 0

    def step(x):
        Mode.A.seen += 1
        return x

    run = kit.jit(step)
    for _ in range(2):
        yield lambda: run(jnp.ones(2)), lambda: Mode.A.seen


@written.refused
def state_in_a_descriptor(kit):
    class Counted:
        def __init__(self):
            self.reads = 0

        def __get__(self, holder, owner=None):
            self.reads += 1
            return 2.0

    class Model(kit.Base):
        scale = Counted()

        def step(self, x):
            return x * self.scale

    model = Model()
    run = kit.jit(model.step)
    for _ in range(2):
        yield lambda: run(jnp.ones(2)), lambda: vars(Model)["scale"].reads


@written.refused
def state_in_a_descriptor_keyed_by_the_object(kit):
    class Kept:
        def __init__(self):
            self.values = {}

        def __get__(self, holder, owner=None):
            return self.values[id(holder)]

        def __set__(self, holder, value):
            self.values[id(holder)] = value

    class Model(kit.Base):
        w = Kept()

        def __init__(self):
            self.w = jnp.ones(2)

        def step(self, x):
            self.w = self.w + x
            return self.w

    model = Model()
    run = kit.jit(model.step)
    for _ in range(2):
        yield lambda: run(jnp.ones(2)), lambda: vars(Model)["w"].values[id(model)]
