"""What the user's functions load past the objects: globals, closure cells, defaults, class entries.

Found from the code of the functions that may run: the transformed function, what it refers to, and
every method that is looked up. Library code is never looked into. What was found is compared after
the trace: a change made inside is undone and refused.
"""

from __future__ import annotations

import dis
import functools
import sys
import types
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import OutsideChangeError
from .base import Base
from .frames import CURRENT, raw_dict, raw_get, slot_descriptor
from .ground import Ground, Node, Wrapper
from .places import is_library_code, is_library_module, user_line
from .positions import GlobalRandomness, Position
from .slots import MISSING, is_plain, same_plain

_KINDS = {
    "LOAD_GLOBAL": "global",
    "LOAD_NAME": "global",
    "STORE_GLOBAL": "global",
    "LOAD_DEREF": "cell",
    "LOAD_CLASSDEREF": "cell",
    "STORE_DEREF": "cell",
}


@functools.cache
def loads(code: types.CodeType) -> tuple[tuple[str, str], ...]:
    """Returns ('global' or 'cell', name) of what a code object and the functions in it refer to."""
    found: dict[tuple[str, str], None] = {}
    for instruction in dis.get_instructions(code):
        kind = _KINDS.get(instruction.opname)
        if kind is not None:
            found[kind, instruction.argval] = None
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= dict.fromkeys(loads(constant))
    return tuple(found)


class Outside:
    """Follows the references of functions, and makes nodes of what they load.

    Args:
        ground: where the nodes go.
    """

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.bindings: dict[tuple[Any, ...], Node] = {}
        self.names: dict[str, None] = {}
        self.globals: dict[int, Node] = {}
        self.classes: set[type] = set()
        self.class_names: dict[type, set[str]] = {}
        self.foreign: dict[int, Node] = {}
        self.randomness = GlobalRandomness()
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

    def _follow_function(self, node: Node) -> None:
        fun = node.value
        code = fun.__code__
        if is_library_code(code):
            node.must("alike", fun)
            return
        holder = self.globals.setdefault(id(fun.__globals__), node)
        node.must("function", (code, holder))
        for i, default in enumerate(fun.__defaults__ or ()):
            self._bind(node, "default", i, default, f"default {i} of {fun.__name__}")
        for name, default in (fun.__kwdefaults__ or {}).items():
            self._bind(node, "kwdefault", name, default, name)
        for kind, name in loads(code):
            if kind == "global" and name in fun.__globals__:
                self._bind(holder, "global", name, fun.__globals__[name], name)
            elif kind == "cell" and name in code.co_freevars:
                index = code.co_freevars.index(name)
                self._bind(node, "cell", index, cell_contents(fun, index), name)
        new = [name for name in names_in(code) if name not in self.names]
        self.names.update(dict.fromkeys(new))
        for cls in list(self.classes):
            self._follow_class(cls, new)
        for foreign in list(self.foreign.values()):
            self._follow_foreign(foreign, new)

    def _bind(self, parent: Node, access: str, key: Any, value: Any, shown: str) -> None:
        if (parent.index, access, key) not in self.bindings:
            at = len(self.ground.nodes)
            self.ground.find(parent, access, key, value, shown, mode="outside")
            self.bindings[parent.index, access, key] = self.ground.nodes[at]

    def _follow_foreign(self, node: Node, names: Iterable[str]) -> None:
        """Guards what code that was followed loads from an object that is not watched."""
        own = raw_dict(node.value) or {}
        for name in names:
            if name in own or slot_descriptor(type(node.value), name) is not None:
                self._bind(node, "static", name, raw_get(node.value, name), f".{name}")

    def _follow_class(self, cls: type, names: list[str] | None) -> None:
        """Guards the entries of a class that code which was followed may reach past the hook."""
        for base in cls.__mro__:
            if base in (object, Base) or is_library_class(base):
                continue
            if base not in self.class_names:
                self.class_names[base] = set(vars(base))
            for name, value in list(vars(base).items()):
                implicit = names is None and is_special(name) and isinstance(value, _FUNCTIONS)
                loaded = name in (self.names if names is None else names)
                if ((implicit and name not in _MAKERS) or loaded) and name not in _IGNORED:
                    self.ground.class_entry(base, name, value)

    def follow_makers(self, cls: type) -> None:
        """Guards the constructor of a class of which an object is made inside."""
        for name in _MAKERS:
            for base in cls.__mro__:
                if name in vars(base) and not is_library_class(base) and base is not Base:
                    self.ground.class_entry(base, name, vars(base)[name])
        self.follow()

    # Changes made inside -----------------------------------------------------------------------

    def changes(self) -> list[Node]:
        """Returns the nodes whose values were changed since they were found."""
        changed = []
        entries = [node for node in self.ground.nodes if node.access == "class"]
        for node in (*self.bindings.values(), *entries):
            if node.test != "free" and fetch(node) is not node.value:
                changed.append(node)
        for node, picture in self.ground.pictures:
            if node.test != "free" and not same_content(node.value, picture, self.names):
                changed.append(node)
        return changed

    def check(self) -> None:
        """Undoes changes that were made inside, and refuses them.

        Raises:
            OutsideChangeError: if there are any.
        """
        changed, drawn = self.put_back()
        for base, known in self.class_names.items():
            for name in set(vars(base)) - known - {"__annotations__"}:
                delattr(base, name)
                changed.append(Node(0, None, "class", None, f"{base.__name__}.{name}", None))
        if drawn:
            raise OutsideChangeError(
                f"the global generator of {drawn} was drawn from inside: the compiled program "
                "could not draw again.",
                where=f"the call at {user_line()}",
                do="draw from statejit.random, or draw outside and pass the values in.",
            )
        if changed:
            raise OutsideChangeError(
                f"{changed[0].path()} was changed inside: it is not an attribute of a watched "
                "object, so the compiled program could not change it again.",
                where=f"the call at {user_line()}",
                do="keep it in an attribute of a statejit.Base object, return it, or write it "
                "within `with statejit.unwatched():` if once per compilation is what you want.",
            )

    def put_back(self) -> tuple[list[Node], str]:
        """Undoes all changes; returns where they were, and what global generator was drawn from."""
        changed = self.changes()
        for node in reversed(changed):
            self.undo(node)
        return changed, self.randomness.changed()

    def undo(self, node: Node) -> None:
        """Puts back what was found at a node."""
        pictures = {id(n): p for n, p in self.ground.pictures}
        if id(node) in pictures and fetch(node) is node.value:
            put_back(node.value, pictures[id(node)])
        else:
            rebind(node)

    def release(self, before: list[Node]) -> None:
        """Lets go of what unwatched code changed: it is no guard any more."""
        known = {id(node) for node in before}
        for node in self.changes():
            if id(node) not in known:
                self._free(node)

    def _free(self, node: Node) -> None:
        node.must("free")
        for other in self.ground.nodes:
            if other.parent is node:
                self._free(other)


_FUNCTIONS = (types.FunctionType, property, classmethod, staticmethod, Wrapper)
_MAKERS = ("__new__", "__init__", "__post_init__")
_IGNORED = {"__dict__", "__weakref__", "__class_getitem__", "__doc__", "__module__"}


def is_special(name: str) -> bool:
    """Says whether Python itself calls a method of this name."""
    return name.startswith("__") and name.endswith("__")


@functools.cache
def names_in(code: types.CodeType) -> tuple[str, ...]:
    """Returns all names of globals and attributes in a code object and the functions in it.

    Strings count, too: `getattr(config, "rate")`.
    """
    inner = [n for c in code.co_consts if isinstance(c, types.CodeType) for n in names_in(c)]
    strings = [c for c in code.co_consts if isinstance(c, str) and c.isidentifier()]
    return tuple(dict.fromkeys((*code.co_names, *strings, *inner)))


@functools.cache
def is_library_class(cls: type) -> bool:
    """Says whether a class is not the user's."""
    module = sys.modules.get(cls.__module__)
    return module is not None and is_library_module(module)


def cell_contents(fun: types.FunctionType, index: int) -> Any:
    """Returns what a closure cell holds, or `MISSING` while it is empty."""
    try:
        return (fun.__closure__ or ())[index].cell_contents
    except ValueError:
        return MISSING


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
        cells = [cell_contents(value, i) for i in range(len(value.__closure__ or ()))]
        defaults = value.__defaults__, value.__kwdefaults__
        return [value.__code__, id(value.__globals__), *defaults, *cells]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, (tuple, list)):
        return value
    return [*value, *value.values()] if type(value) is dict else None


def static_get(value: Any, name: str) -> Any:
    """Returns an attribute without running any code, or `MISSING`."""
    if isinstance(value, type):
        return next((vars(c)[name] for c in value.__mro__ if name in vars(c)), MISSING)
    found = raw_get(value, name)
    return static_get(type(value), name) if found is MISSING else found


def fetch(node: Node) -> Any:
    """Returns what is now where a node was found; only for what `Outside` binds."""
    parent, key = node.parent, node.key
    if node.access == "class":
        return vars(key[0]).get(key[1], MISSING)
    if parent is None:
        return node.value
    fun = parent.value
    if node.access == "global":
        return fun.__globals__.get(key, MISSING)
    if node.access == "cell":
        return cell_contents(fun, key)
    if node.access == "static":
        return static_get(fun, key)
    return node.value


def rebind(node: Node) -> None:
    """Binds a name again to what was found there."""
    if node.access == "class":
        owner, name = node.key
        setattr(owner, name, node.value) if node.value is not MISSING else delattr(owner, name)
        return
    owner, key = node.parent.value, node.key  # type: ignore[union-attr]
    if node.access == "global":
        owner.__globals__[key] = node.value
    elif node.access == "cell":
        owner.__closure__[key].cell_contents = node.value
    elif node.access == "static":
        setattr(owner, key, node.value)


def same_content(value: Any, picture: Any, names: Collection[str] = ()) -> bool:
    """Says whether a container, an array or a foreign object (in these names) is as it was."""
    if isinstance(picture, Position):
        return picture.holds(value)
    if isinstance(picture, np.ndarray):
        return value.shape == picture.shape and value.tobytes() == picture.tobytes()
    if isinstance(picture, dict):
        here = {*(raw_dict(value) or ()), *picture} & set(names)
        return all(raw_get(value, n) is picture.get(n, MISSING) for n in here)
    kind, aux, children = picture
    now_aux, now = kind.take_apart(value)
    if len(now) != len(children) or any(a is not b for a, b in zip(now, children, strict=True)):
        return False
    return bool(now_aux == aux)


def put_back(value: Any, picture: Any) -> None:
    """Gives a container, an array or a foreign object its content again."""
    if isinstance(picture, Position):
        picture.restore(value)
    elif isinstance(picture, np.ndarray):
        np.copyto(value, picture)
    elif isinstance(picture, dict):
        for name in set(raw_dict(value) or ()) - set(picture):
            object.__delattr__(value, name)
        for name, content in picture.items():
            object.__setattr__(value, name, content)
    else:
        kind, aux, children = picture
        kind.store(value, aux, children)


@contextmanager
def unwatched() -> Iterator[None]:
    """Lets code inside a traced function run as if no trace were open: nothing is recorded.

    For logging and counting while tracing: what is changed within is changed once per compilation,
    and is no guard. Reads and writes of attributes go to the real objects.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> compilations = []
        >>> @sj.jit
        ... def double(x):
        ...     with sj.unwatched():
        ...         compilations.append("double")
        ...     return 2 * x
        >>> _ = double(jnp.ones(2)), double(jnp.zeros(2)), double(jnp.zeros(3))
        >>> len(compilations)
        2
    """
    frame = CURRENT.get()
    if frame is None:
        yield
        return
    outside: Outside = frame.ground.outside
    outside.follow()
    before = outside.changes()
    token = CURRENT.set(None)
    try:
        yield
    finally:
        CURRENT.reset(token)
        outside.release(before)
