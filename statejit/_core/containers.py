"""Lists, dicts, tuples and their kin: taken apart into children, built again, written back.

A trace works on a copy of each container it reads; when the call has succeeded the same list or
dict is given its new content. A *kind* says how that is done for one family of types.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import jax

from .numbers import Number
from .windows import Window


@dataclasses.dataclass(frozen=True)
class Kind:
    """How one family of containers is handled.

    Args:
        name: names the family; the hot path has a test and an access for each.
        mutable: whether the content of a container can be replaced in place.
        take_apart: container -> (aux, children); `aux` is the static rest.
        build: (class, aux, children) -> a new container.
        store: (container, aux, children) -> None, replaces the content in place.
    """

    name: str
    mutable: bool
    take_apart: Callable[[Any], tuple[Any, list[Any]]]
    build: Callable[[type, Any, list[Any]], Any]
    store: Callable[[Any, Any, list[Any]], None]


class Container:
    """A container found beneath a frame: what it was, taken apart.

    Args:
        real: the container itself; commits write to it.
        children: entries, as frames hold them (slots and containers stand for what they became).
        node: where `Ground` found it, if it did.

    Attributes:
        owner: the mark of the frame that made it; None for one of the ground.
    """

    __slots__ = ("aux", "children", "kind", "node", "owner", "real")

    def __init__(self, real: Any, kind: Kind, aux: Any, children: list[Any], node: Any) -> None:
        self.real, self.kind, self.aux, self.children, self.node = real, kind, aux, children, node
        self.owner: Any = None


def _refuse_store(container: Any, aux: Any, children: list[Any]) -> None:
    raise TypeError(f"a {type(container).__name__} can't be changed in place")


def _build_list(cls: Any, aux: Any, children: list[Any]) -> Any:
    new = cls.__new__(cls)
    list.extend(new, children)
    return new


def _take_dict_apart(value: dict[Any, Any]) -> tuple[Any, list[Any]]:
    factory = value.default_factory if isinstance(value, defaultdict) else None
    base = _base_of(value)
    return (tuple(base.keys(value)), factory), list(base.values(value))


def _base_of(value: dict[Any, Any]) -> type[dict[Any, Any]]:
    """Returns the class of Python's whose methods go past those of a subclass."""
    return OrderedDict if isinstance(value, OrderedDict) else dict


def _build_dict(cls: Any, aux: Any, children: list[Any]) -> Any:
    keys, factory = aux
    new = defaultdict(factory) if cls is defaultdict else cls.__new__(cls)
    dict.update(new, zip(keys, children, strict=True))
    return new if cls is not OrderedDict else OrderedDict(zip(keys, children, strict=True))


def _store_dict(container: Any, aux: Any, children: list[Any]) -> None:
    base = _base_of(container)
    base.clear(container)
    for key, child in zip(aux[0], children, strict=True):
        base.__setitem__(container, key, child)


def _store_list(container: Any, aux: Any, children: list[Any]) -> None:
    list.__setitem__(container, slice(None), children)


def _store_deque(container: Any, aux: Any, children: list[Any]) -> None:
    container.clear()
    container.extend(children)


def _store_set(container: Any, aux: Any, children: list[Any]) -> None:
    container.clear()
    container.update(aux)


def _field_names(value: Any) -> tuple[str, ...]:
    own = getattr(value, "__dict__", None)
    if own is not None:
        return tuple(own)
    return tuple(f.name for f in dataclasses.fields(value) if hasattr(value, f.name))


def _take_dataclass_apart(value: Any) -> tuple[Any, list[Any]]:
    names = _field_names(value)
    return names, [getattr(value, name) for name in names]


def _build_dataclass(cls: type, aux: Any, children: list[Any]) -> Any:
    new: Any = object.__new__(cls)
    for name, child in zip(aux, children, strict=True):
        object.__setattr__(new, name, child)
    return new


def _store_dataclass(container: Any, aux: Any, children: list[Any]) -> None:
    for name in set(_field_names(container)) - set(aux):
        object.__delattr__(container, name)
    for name, child in zip(aux, children, strict=True):
        object.__setattr__(container, name, child)


def _take_pytree_apart(value: Any) -> tuple[Any, list[Any]]:
    children, treedef = jax.tree_util.tree_flatten(value, is_leaf=lambda v: v is not value)
    return treedef, children


LIST = Kind("list", True, lambda v: (None, list(v)), _build_list, _store_list)
TUPLE = Kind(
    "tuple",
    False,
    lambda v: (None, list(v)),
    lambda cls, aux, children: tuple.__new__(cls, children),
    _refuse_store,
)
DICT = Kind("dict", True, _take_dict_apart, _build_dict, _store_dict)
DEQUE = Kind(
    "deque",
    True,
    lambda v: (v.maxlen, list(v)),
    lambda cls, aux, children: cls(children, aux),
    _store_deque,
)
SET = Kind(
    "set",
    True,
    lambda v: (frozenset(v), []),
    lambda cls, aux, children: cls(aux),
    _store_set,
)
FROZENSET = dataclasses.replace(SET, mutable=False, store=_refuse_store)
DATACLASS = Kind("dataclass", True, _take_dataclass_apart, _build_dataclass, _store_dataclass)
PYTREE = Kind(
    "pytree",
    False,
    _take_pytree_apart,
    lambda cls, aux, children: jax.tree_util.tree_unflatten(aux, children),
    _refuse_store,
)
WINDOW = Kind(
    "window",
    False,
    lambda v: (v.way, [v.cell, *v.operands]),
    lambda cls, aux, children: cls(children[0], aux, tuple(children[1:])),
    _refuse_store,
)

_BY_TYPE: dict[type, Kind] = {
    list: LIST,
    tuple: TUPLE,
    dict: DICT,
    OrderedDict: DICT,
    defaultdict: DICT,
    deque: DEQUE,
    set: SET,
    frozenset: FROZENSET,
    Window: WINDOW,
}


def kind_of(value: Any) -> Kind | None:
    """Returns how a container is handled, or None for what is no container."""
    cls = type(value)
    if cls in _BY_TYPE:
        return _BY_TYPE[cls]
    for base in (tuple, list, dict, deque, set, frozenset):
        if isinstance(value, base):
            return None if getattr(value, "__dict__", None) else _BY_TYPE[base]
    if not isinstance(value, type) and dataclasses.is_dataclass(value):
        return DATACLASS
    if cls is Number:
        return None
    if not isinstance(value, type) and not jax.tree_util.all_leaves([value]):
        return PYTREE
    return None


def hollow(kind: Kind, cls: type, aux: Any) -> Any:
    """Returns a mutable container with nothing in it, to be filled by `kind.store`.

    So is made what may hold itself.
    """
    if kind is DICT:
        aux = ((), aux[1])
    return kind.build(cls, () if kind is DATACLASS else aux, [])


def items_path(container: Container, index: int) -> str:
    """Returns how a person would write the access to one child: `[2]`, `['w']`, `.field`."""
    if container.kind is DICT:
        return f"[{container.aux[0][index]!r}]"
    if container.kind is DATACLASS:
        return f".{container.aux[index]}"
    fields = getattr(type(container.real), "_fields", None)
    return f".{fields[index]}" if fields else f"[{index}]"
