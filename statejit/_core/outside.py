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
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import OutsideChangeError
from .base import Base
from .frames import CURRENT, raw_dict, raw_get
from .ground import Ground, Node, Wrapper
from .places import is_library_code, is_library_module, user_line
from .positions import GlobalRandomness, Position
from .slots import MISSING

_ROOTS = {"LOAD_GLOBAL": "global", "LOAD_NAME": "global", "LOAD_DEREF": "cell",
          "STORE_GLOBAL": "global", "STORE_DEREF": "cell", "LOAD_FAST": "local"}
_ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD"}

Load = tuple[str, str, tuple[str, ...]]


@functools.cache
def loads(code: types.CodeType) -> tuple[Load, ...]:
    """Returns (kind, name, attribute chain) of what a code object and the functions in it load.

    A kind is 'global', 'cell', or 'self' for attributes of the first argument.
    """
    found: dict[Load, None] = {}
    first = code.co_varnames[0] if code.co_argcount else None
    root: Load | None = None
    for instruction in dis.get_instructions(code):
        name = instruction.opname
        kind = _ROOTS.get(name) or ("local" if name.startswith("LOAD_FAST") else None)
        if kind == "local":
            root = ("self", first, ()) if instruction.argval == first and first else None
        elif kind is not None:
            root = (kind, instruction.argval, ())
            found[root] = None
        elif name in _ATTRIBUTES and root is not None:
            root = (root[0], root[1], (*root[2], instruction.argval))
            found[root] = None
        elif name not in ("PUSH_NULL", "CACHE", "COPY", "SWAP"):
            root = None
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= dict.fromkeys(load for load in loads(constant) if load[0] != "self")
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
        self.randomness = GlobalRandomness()
        ground.follow = self.follow
        ground.outside = self

    def follow(self) -> None:
        """Follows all functions and classes that the ground has come upon so far."""
        ground = self.ground
        while ground.functions or len(self.classes) < len(ground.classes):
            while ground.functions:
                self._follow_function(ground.functions.pop())
            for cls in [c for c in ground.classes if c not in self.classes]:
                self.classes.add(cls)
                self._follow_class(cls, None)

    def _follow_function(self, node: Node) -> None:
        fun = node.value
        code = fun.__code__
        if is_library_code(code):
            node.must("is", fun)
            return
        holder = self.globals.setdefault(id(fun.__globals__), node)
        node.must("function", (code, holder))
        for i, default in enumerate(fun.__defaults__ or ()):
            self._bind(node, "default", i, default, f"default {i} of {fun.__name__}")
        for name, default in (fun.__kwdefaults__ or {}).items():
            self._bind(node, "kwdefault", name, default, name)
        for kind, name, chain in loads(code):
            if kind == "global":
                self._follow_global(holder, fun.__globals__, name, chain)
            elif kind == "cell" and name in code.co_freevars:
                index = code.co_freevars.index(name)
                value = cell_contents(fun, index)
                self._chain(self._bind(node, "cell", index, value, name), value, chain)
        new = [n for n in names_in(code) if n not in self.names]
        self.names.update(dict.fromkeys(new))
        for cls in list(self.classes):
            self._follow_class(cls, new)

    def _follow_global(self, holder: Node, space: dict[str, Any], name: str, chain: Any) -> None:
        if name in space:
            self._chain(self._bind(holder, "global", name, space[name], name), space[name], chain)

    def _bind(self, parent: Node, access: str, key: Any, value: Any, shown: str) -> Node:
        known = self.bindings.get((parent.index, access, key))
        if known is not None:
            return known
        at = len(self.ground.nodes)
        self.ground.find(parent, access, key, value, shown, mode="outside")
        node = self.ground.nodes[at]
        self.bindings[parent.index, access, key] = node
        return node

    def _chain(self, node: Node, value: Any, chain: tuple[str, ...]) -> None:
        """Guards what is loaded through modules, classes and foreign objects."""
        for name in chain:
            if isinstance(value, (Base, Wrapper, types.FunctionType)) or (
                isinstance(value, types.ModuleType) and is_library_module(value)
            ):
                return
            if isinstance(value, type) and issubclass(value, Base):
                self.ground.classes[value] = None
            inner = static_get(value, name)
            if inner is MISSING or value is None or type(value) in (int, float, str):
                return
            if isinstance(inner, types.FunctionType) and not isinstance(value, types.ModuleType):
                node = self._bind(node, "static", name, inner, f".{name}")
                self._follow_method(node.parent or node, value, inner)
                return
            node = self._bind(node, "static", name, inner, f".{name}")
            value = inner

    def _follow_method(self, holder: Node, value: Any, method: types.FunctionType) -> None:
        """Guards what a method of a foreign object loads from its first argument."""
        if is_library_code(method.__code__):
            return
        for kind, _, chain in loads(method.__code__):
            if kind == "self" and (holder.index, "static", chain[0]) not in self.bindings:
                self._chain(holder, value, chain)

    def _follow_class(self, cls: type, names: list[str] | None) -> None:
        """Guards the entries of a class that the followed code may reach past the hook."""
        for base in cls.__mro__:
            if base in (object, Base) or is_library_class(base):
                continue
            for name, value in list(vars(base).items()):
                implicit = names is None and is_special(name) and isinstance(value, _FUNCTIONS)
                loaded = name in (self.names if names is None else names)
                if (implicit and name not in _MAKERS or loaded) and name not in _IGNORED:
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
        for node in self.bindings.values():
            if node.test != "free" and fetch(node) is not node.value:
                changed.append(node)
        for node, picture in self.ground.pictures:
            if node.test != "free" and not same_content(node.value, picture):
                changed.append(node)
        return changed

    def check(self) -> None:
        """Undoes changes that were made inside, and refuses them.

        Raises:
            OutsideChangeError: if there are any.
        """
        changed, drawn = self.put_back()
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
        """Undoes all changes; returns where they were, and which global generator was drawn from."""
        changed = self.changes()
        for node in reversed(changed):
            self.undo(node)
        return changed, self.randomness.changed()

    def undo(self, node: Node) -> None:
        """Puts back what was found at a node."""
        pictures = dict((id(n), p) for n, p in self.ground.pictures)
        if id(node) in pictures and fetch(node) is node.value:
            put_back(node.value, pictures[id(node)])
        elif node.parent is not None:
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
    """Returns all names of globals and attributes in a code object and the functions in it."""
    inner = [n for c in code.co_consts if isinstance(c, types.CodeType) for n in names_in(c)]
    return tuple(dict.fromkeys((*code.co_names, *inner)))


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
    owner, key = node.parent.value, node.key  # type: ignore[union-attr]
    if node.access == "global":
        owner.__globals__[key] = node.value
    elif node.access == "cell":
        owner.__closure__[key].cell_contents = node.value
    elif node.access == "static":
        setattr(owner, key, node.value)


def same_content(value: Any, picture: Any) -> bool:
    """Says whether a container, an array or a foreign object is as it was found."""
    if isinstance(picture, Position):
        return picture.holds(value)
    if isinstance(picture, np.ndarray):
        return value.shape == picture.shape and value.tobytes() == picture.tobytes()
    if isinstance(picture, dict):
        own = {name: raw_get(value, name) for name in (*(raw_dict(value) or ()), *picture)}
        return own.keys() == picture.keys() and all(own[n] is picture[n] for n in own)
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
