"""What the user's functions load past the objects: globals, closure cells, defaults, class entries.

Found from the code of the functions that may run: the transformed function, what it refers to, and
every method that is looked up. Library code is never looked into, only through: a function of the
user's that a library function has wrapped is followed. On Python 3.12 and later `ran` is told
of code that runs without having been found so.
"""

from __future__ import annotations

import functools
import gc
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import numpy as np

from ..errors import TracedControlFlowError
from .base import Base
from .codes import (
    asks_for_globals,
    cell_contents,
    closure_of,
    codes_in,
    imports,
    is_special,
    loads,
    names_in,
    stores,
    strings_in,
    takes_everything,
)
from .frames import raw_dict, raw_get, raw_names, slot_descriptor
from .ground import Ground
from .nodes import Node, Wrapper
from .pictures import OfGlobals
from .places import (
    has_user_threads,
    is_library_class,
    is_library_code,
    is_library_module,
    is_of_library,
)
from .positions import CACHED, GlobalRandomness
from .slots import is_number, is_plain, same_plain


class Outside:
    """Follows the references of functions, and makes nodes of what they load.

    Args:
        ground: where the nodes go.

    Attributes:
        bindings: the nodes of names that were loaded, by parent, access and key.
        being_bound: those whose values are being looked at.
        names: the names of attributes that code loads.
        stored: the names of attributes that code assigns.
        everything: whether code may load attributes that it does not name.
        class_names: the names in the dictionary of each class, as they were found.
        codes: the code objects that were followed, with those inside them.
        crowded: whether code of the user's ran in other threads when the trace began.
        collected: whether garbage was collected since then.
    """

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.bindings: dict[tuple[Any, ...], Node] = {}
        self.being_bound: set[tuple[Any, ...]] = set()
        self.names: dict[str, None] = {}
        self.everything = False
        self.stored: set[str] = set()
        self.globals: dict[int, Node] = {}
        self.classes: set[type] = set()
        self.class_names: dict[type, set[str]] = {}
        self.foreign: dict[int, Node] = {}
        self.codes: set[types.CodeType] = set()
        self.randomness = GlobalRandomness()
        self.crowded = has_user_threads()
        self.collected = False
        ground.follow = self.follow
        ground.outside = self

    def follow(self) -> None:
        """Follows all functions, classes and foreign objects that the ground has come upon."""
        ground = self.ground
        while ground.functions or ground.foreigners or len(self.classes) < len(ground.classes):
            while ground.foreigners:
                node = ground.foreigners.pop()
                self.foreign[node.index] = node
                self._follow_foreign(node, self.names)
            while ground.functions:
                self._follow_function(ground.functions.pop(0))  # a test refers to earlier nodes
            for cls in [c for c in ground.classes if c not in self.classes]:
                self.classes.add(cls)
                self._follow_class(cls, None)
                if type(cls) is not type and not is_library_class(type(cls)):
                    ground.classes[type(cls)] = None

    # Functions ---------------------------------------------------------------------------------

    def _follow_function(self, node: Node) -> None:
        fun = node.value
        if not isinstance(fun, types.FunctionType) or is_library_code(fun.__code__):
            self._follow_wrapper(node)
            return
        code = fun.__code__
        holder = self.globals.setdefault(id(fun.__globals__), node)
        node.must("function", (code, None if holder is node else holder))  # itself: a circle
        for i, default in enumerate(fun.__defaults__ or ()):
            self._bind(node, "default", i, default, f"default {i} of {fun.__name__}")
        for name, default in (fun.__kwdefaults__ or {}).items():
            self._bind(node, "kwdefault", name, default, name)
        for kind, name in loads(code):
            if kind == "cell" and name in code.co_freevars:
                index = code.co_freevars.index(name)
                self._bind(node, "cell", index, cell_contents(fun, index), name)
        self._follow_globals(holder, code)
        self.learn(code)

    def _follow_globals(self, holder: Node, code: types.CodeType) -> None:
        """Guards the globals that code loads, and the absence of those that are not there."""
        found = holder.value.__globals__
        names = [name for kind, name in loads(code) if kind == "global"]
        if asks_for_globals(code):
            names += [name for name in strings_in(code) if name not in names]
            if (holder.index, "all globals", None) not in self.bindings:
                node = Node(0, None, "all globals", None, "globals()", found)
                self.bindings[holder.index, "all globals", None] = node
                self.ground.pictures.append((node, OfGlobals(found)))
        for name in names:
            if name in found:
                self._bind(holder, "global", name, found[name], name)
        missing = tuple(name for name in names if name not in found)
        if missing and (holder.index, "globals", missing) not in self.bindings:
            node = self.ground.add(holder, "globals", missing, found, f"global {missing[0]}")
            node.must("lacks", missing)
            self.bindings[holder.index, "globals", missing] = node
        for name in imports(code):
            module = sys.modules.get(name)
            if module is not None and not is_library_module(module):
                self._bind(holder, "module", name, module, name)

    def learn(self, code: types.CodeType) -> None:
        """Lets the names in code, and what is loaded by them, be guarded."""
        self.codes.add(code)
        self.codes.update(codes_in(code))
        self.stored |= stores(code)
        self.learn_names(names_in(code), takes_everything(code))

    def learn_names(self, names: Iterable[str], everything: bool = False) -> None:
        """Guards the attributes of these names, wherever code may load them past the hook."""
        new = [name for name in names if name not in self.names]
        self.names.update(dict.fromkeys(new))
        self.everything = self.everything or everything
        for cls in list(self.classes):
            self._follow_class(cls, new)
        for foreign in list(self.foreign.values()):
            self._follow_foreign(foreign, new)

    def ran(self, code: types.CodeType) -> None:
        """Follows the functions of code that runs without having been found by references."""
        self.learn(code)
        functions = functions_of(code)
        if len(functions) > 1 and not self.collected:  # garbage must not be guarded: it vanishes
            del functions
            gc.collect()  # once for a trace, as it takes its time
            self.collected = True
            functions = functions_of(code)
        for fun in functions:
            self.ground.find(None, "ran", fun, fun, fun.__qualname__, mode="outside")
        self.follow()

    def _follow_wrapper(self, node: Node) -> None:
        """Follows the user's functions that a library function has wrapped."""
        fun = node.value
        if type(fun) is not CACHED:
            node.must("alike" if isinstance(fun, types.FunctionType) else "is", fun)
        if hasattr(fun, "registry") and hasattr(fun, "dispatch"):
            self._check_dispatch(node)
        self.follow_parts(node)

    def follow_parts(self, node: Node) -> None:
        """Follows the user's functions that a wrapper or a registered pytree keeps for itself."""
        for access, key, part in wrapped_parts(node.value):
            if refers_to_user(part):
                self._bind(node, access, key, part, "")

    def _check_dispatch(self, node: Node) -> None:
        """Refuses a function that dispatches on the type of its argument, and would be misled."""
        array = type(jax.numpy.asarray(np.zeros(())))
        if node.value.dispatch(array) is not node.value.dispatch(jax.core.Tracer):
            raise TracedControlFlowError(
                f"{node.path()} dispatches on the type of its argument, and a traced array's is "
                "that of a tracer.",
                where=self.ground.where(),
                do="register the function for jax.core.Tracer as well, or use isinstance.",
            )

    def _bind(self, parent: Node, access: str, key: Any, value: Any, shown: str) -> None:
        place = (parent.index, access, key)
        if place not in self.bindings and place not in self.being_bound:
            at = len(self.ground.nodes)
            self.being_bound.add(place)  # what is found may teach names, and so lead back here
            self.ground.find(parent, access, key, value, shown, mode="outside")
            self.bindings[place] = self.ground.nodes[at]
            self.being_bound.discard(place)

    # Objects and classes -----------------------------------------------------------------------

    def _follow_foreign(self, node: Node, names: Iterable[str]) -> None:
        """Guards what code that was followed loads from an object that is not watched."""
        value = node.value
        own = raw_dict(value) or {}
        if self.everything and isinstance(value, types.ModuleType):
            names = [*names, *(n for n, v in own.items() if is_plain(v) or is_number(v))]
        elif self.everything:
            names = raw_names(value)
        for name in names:
            if name in own or slot_descriptor(type(value), name) is not None:
                self._bind(node, "static", name, raw_get(value, name), f".{name}")

    def _follow_class(self, cls: type, names: list[str] | None) -> None:
        """Guards the entries of a class that code which was followed may reach past the hook."""
        for base in cls.__mro__:
            if base in (object, Base) or is_library_class(base):
                continue
            if base not in self.class_names:
                self.class_names[base] = set(vars(base))
                self._guard_shape(base)
            for name, value in list(vars(base).items()):
                implicit = names is None and is_special(name) and isinstance(value, _FUNCTIONS)
                asked = self.everything and not is_special(name)
                loaded = asked or name in (self.names if names is None else names)
                if ((implicit and name not in MAKERS) or loaded) and name not in _IGNORED:
                    self.ground.class_entry(base, name, value)

    def _guard_shape(self, cls: type) -> None:
        """Guards that a class keeps its bases, and gets no entry that hides an inherited one."""
        mro = self.ground.add(None, "mro", cls, cls.__mro__, f"{cls.__name__}.__mro__")
        mro.must("is", cls.__mro__)
        if sys.version_info < (3, 14):
            _ = cls.__annotations__  # an entry that Python makes for the first who asks
        entries = self.ground.add(None, "entries", cls, vars(cls), f"vars({cls.__name__})")
        entries.must("entries", shape(vars(cls)))

    def follow_makers(self, cls: type) -> None:
        """Guards the constructor of a class of which an object is made inside."""
        for name in MAKERS:
            for base in cls.__mro__:
                if name in vars(base) and not is_library_class(base) and base is not Base:
                    self.ground.class_entry(base, name, vars(base)[name])
        self.follow()


_FUNCTIONS = (types.FunctionType, property, classmethod, staticmethod, Wrapper)
MAKERS = ("__new__", "__init__", "__post_init__")
_IGNORED = {"__dict__", "__weakref__", "__class_getitem__", "__doc__", "__module__"}


def shape(entries: Any) -> tuple[int, str | None]:
    """Returns what tells that a dictionary has got a new entry: how many it has, and the last."""
    return len(entries), next(reversed(entries), None)


def functions_of(code: types.CodeType) -> list[types.FunctionType]:
    """Returns the functions that have this code."""
    return [
        fun
        for fun in gc.get_referrers(code)
        if type(fun) is types.FunctionType and fun.__code__ is code
    ]


# Library functions that wrap the user's ----------------------------------------------------------


def wrapped_parts(fun: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yields (access, key, value) of what a library function keeps for itself."""
    if isinstance(fun, types.FunctionType):
        for i, content in enumerate(closure_of(fun)):
            yield "cell", i, content
        for i, default in enumerate(fun.__defaults__ or ()):
            yield "default", i, default
    own = raw_dict(fun) or {}
    for name, value in own.items():
        yield "static", name, value
    if isinstance(fun, functools.partial):
        yield "pyattr", "func", fun.func
    if "__wrapped__" not in own and hasattr(fun, "__wrapped__"):
        yield "pyattr", "__wrapped__", fun.__wrapped__


def refers_to_user(value: Any, seen: frozenset[int] = frozenset()) -> bool:
    """Says whether functions or objects of the user's are in what a library function keeps."""
    if id(value) in seen or len(seen) > 20:
        return False
    seen = seen | {id(value)}
    if isinstance(value, (Base, Wrapper)):
        return True
    if isinstance(value, types.FunctionType) and not is_library_code(value.__code__):
        return True
    if isinstance(value, (types.FunctionType, *_WRAPPERS)):
        return any(refers_to_user(part, seen) for _, _, part in wrapped_parts(value))
    if isinstance(value, types.MethodType):
        return refers_to_user(value.__func__, seen) or refers_to_user(value.__self__, seen)
    if isinstance(value, functools.partial):
        return any(refers_to_user(v, seen) for v in (value.func, value.args, value.keywords))
    if type(value) in (list, tuple):
        return any(refers_to_user(v, seen) for v in value)
    if type(value) is dict:
        return any(refers_to_user(v, seen) for v in value.values())
    return callable(value) and not isinstance(value, type) and not is_of_library(value)


_WRAPPERS: tuple[Any, ...] = (CACHED, type(jax.jit(lambda: 0)), jax.custom_jvp, jax.custom_vjp)


def alike(one: Any, other: Any, seen: frozenset[tuple[int, int]] = frozenset()) -> bool:
    """Says whether two library functions do the same: same code, and same values in their closures.

    `optax.adam(0.1)` makes new functions each time; programs that use them are the same.
    """
    pair = (id(one), id(other))
    if one is other or pair in seen:
        return True
    if type(one) is not type(other):
        return False
    if is_plain(one):
        return same_plain(one, other)
    parts = _parts(one), _parts(other)
    if None in parts or len(parts[0]) != len(parts[1]):
        return False
    return all(alike(a, b, seen | {pair}) for a, b in zip(*parts, strict=True))


def _parts(value: Any) -> Any:
    """Returns what a function or a container of functions is made of; None for anything else."""
    if isinstance(value, types.FunctionType):
        cells = closure_of(value)
        defaults = value.__defaults__, value.__kwdefaults__
        return [value.__code__, id(value.__globals__), *defaults, *cells]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, (tuple, list)):
        return value
    return [*value, *value.values()] if type(value) is dict else None
