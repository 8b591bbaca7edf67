"""Collections: the slots of a model or of a function as nested dictionaries, flax-style.

To which collection a slot belongs is found by watching: random keys are `rngs`, what the function
writes is `state`, inexact arrays that it only reads are `params`, and NumPy, integer and boolean
arrays that it only reads are `constants`. A `Variable`'s own collection, or an annotation of the
class, overrides this.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._core.base import Base
from ._core.cells import Cell
from ._core.containers import DATACLASS, DICT, WINDOW, Container, Kind, kind_of
from ._core.discovery import Traced, in_frame, on_ground
from ._core.frames import CURRENT, Frame, raw_get, raw_names
from ._core.ground import Ground, Wrapper
from ._core.numbers import Number
from ._core.plan import effect_path
from ._core.slots import MISSING, Slot, is_key
from ._core.windows import Window
from .errors import SlotNotFoundError, StructureError
from .typing import Collection, InCollection, Path

Attributes = Callable[[Any], Iterable[tuple[str, Any]]]


@dataclasses.dataclass
class Leaf:
    """One array (or number) that was found on the way through an object.

    Args:
        path: the way from the root.
        holder: the object or cell in whose attribute it is.
        name: that attribute.
        index: positions in the containers between the attribute and the array.
        content: the array, or its entry in a frame.
        mark: the collection that a `Variable` or an annotation asks for.
        written: whether the function gives an attribute on the way another value.
        outer: where the holder is, if it is a cell.
        root: the object at which the way begins.
        names: the way from there.
    """

    path: Path
    holder: Any
    name: str
    index: tuple[int, ...]
    content: Any
    mark: str | None
    written: bool = False
    outer: Leaf | None = None
    root: Any = None
    names: Path = ()

    def own(self) -> Leaf:
        """Returns the leaf in the place of an array of NumPy, if its holder stands for one."""
        if self.outer is None or not self.holder.host:
            return self
        return dataclasses.replace(self.outer, content=self.content, written=self.written)


def walk(
    root: Any,
    attributes: Attributes,
    prefix: Path = (),
    is_written: Callable[[Any, str], bool] = lambda holder, name: False,
) -> Iterator[Leaf]:
    """Yields the leaves below an object, each object once, in the order of the attributes.

    Args:
        root: an object, a cell, or a container of them.
        attributes: (object) -> names and values of its attributes, as they are to be seen.
        prefix: what all paths begin with.
        is_written: (object, name) -> whether the function gives that attribute another value.
    """
    seen: set[int] = set()
    stack = [Leaf(prefix, None, "", (), root, None)]
    views: list[Leaf] = []
    while stack or views:
        at = stack.pop() if stack else views.pop(0)
        value = at.content
        if isinstance(value, (Base, Cell, Container, list, dict)):
            if id(value) in seen:
                continue
            seen.add(id(value))
        if isinstance(value, Base):
            found = []
            for name, child in attributes(value):
                mark = _annotation(type(value), name) or at.mark
                written = at.written or is_written(value, name)
                found.append(Leaf((*at.path, name), value, name, (), child, mark, written))
        elif isinstance(value, Cell):
            own = raw_get(value, "_collection")
            mark = at.mark if own in (MISSING, None) else own
            written = at.written or is_written(value, "_value")
            found = [
                Leaf(at.path, value, "_value", (), c, mark, written, at)
                for _, c in attributes(value)
            ]
        elif type(value) is Slot or isinstance(value, (jax.Array, np.ndarray)) or _is_number(value):
            yield at
            continue
        elif type(value) is Window or (type(value) is Container and value.kind is WINDOW):
            base = value.cell if isinstance(value, Window) else value.children[0]
            views.append(dataclasses.replace(at, index=(*at.index, 0), content=base))
            continue  # to what a view is of there may be a way of its own
        else:
            found = _elements(at, value)
        stack.extend(reversed(found))


def _elements(at: Leaf, value: Any) -> list[Leaf]:
    if type(value) is Container:
        cls, kind, aux, children = type(value.real), value.kind, value.aux, value.children
    else:
        kind = kind_of(value)  # type: ignore[assignment]
        if kind is None:
            return []
        cls = type(value)
        aux, children = kind.take_apart(value)
    names = _segments(cls, kind, aux, len(children))
    return [
        Leaf((*at.path, name), at.holder, at.name, (*at.index, i), child, at.mark, at.written)
        for i, (name, child) in enumerate(zip(names, children, strict=True))
    ]


def _segments(cls: type, kind: Kind, aux: Any, n: int) -> list[str]:
    """Returns the keys of the children of a container, as in flax's state dicts."""
    if kind is DICT:
        return [str(key) for key in aux[0]]
    if kind is DATACLASS:
        return list(aux)
    return list(getattr(cls, "_fields", None) or map(str, range(n)))


def element(container: Any, name: str) -> Any:
    """Returns the child of a container that has a name in paths, or `MISSING`."""
    kind = kind_of(container)
    if kind is None:
        return MISSING
    aux, children = kind.take_apart(container)
    names = _segments(type(container), kind, aux, len(children))
    return children[names.index(name)] if name in names else MISSING


def _is_number(value: Any) -> bool:
    return type(value) in (int, float, complex, Number)


@functools.cache
def _annotations(cls: type) -> dict[str, str]:
    """Returns the collections that the annotations of a class and its bases ask for, by name."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        for name, hint in inspect.get_annotations(base).items():
            mark = _mark_in(_evaluated(hint, base))
            if mark is not None:
                found[name] = mark
    return found


def _mark_in(hint: Any) -> str | None:
    for item in getattr(hint, "__metadata__", ()):
        if isinstance(item, InCollection):
            return item.name
    return getattr(hint, "default_collection", None) if isinstance(hint, type) else None


def _evaluated(hint: Any, cls: type) -> Any:
    """Returns what an annotation stands for; text that can't be evaluated marks nothing."""
    if not isinstance(hint, str):
        return hint
    names = dict(vars(sys.modules.get(cls.__module__, typing)))
    for member in vars(cls).values():
        if isinstance(member, types.FunctionType):
            names |= member.__globals__
            names |= inspect.getclosurevars(member).nonlocals
    try:
        return eval(hint, names)
    except Exception:  # noqa: BLE001, whatever it may raise
        return None


def _annotation(cls: type, name: str) -> str | None:
    return _annotations(cls).get(name)


# How attributes are seen -----------------------------------------------------------------------


def present(holder: Any) -> Iterator[tuple[str, Any]]:
    """Yields the attributes of an object as they are now, inside or outside of a trace."""
    frame = CURRENT.get()
    if isinstance(holder, Cell):
        if frame is None:
            holder.settle()
        yield "_value", holder.held()
    elif frame is None:
        yield from ((name, raw_get(holder, name)) for name in raw_names(holder))
    else:
        yield from ((name, frame.read(holder, name)) for name in frame.names(holder))


def as_found(frame: Frame) -> Attributes:
    """Returns how attributes are seen that a frame, now closed, has found beneath itself."""

    def attributes(holder: Any) -> Iterator[tuple[str, Any]]:
        state = frame.states.get(id(holder))
        if state is None:
            return
        for name in dict.fromkeys((*state.found, *state.written)):
            entry = state.found[name] if name in state.found else _unread(frame, holder, name)
            stand_in = frame.ground.stand_ins.get(id(entry))
            yield name, entry if stand_in is None else stand_in[1]

    return attributes


def _unread(frame: Any, holder: Any, name: str) -> Any:
    """Returns what was beneath an attribute that a frame has only written."""
    while isinstance(frame := frame.beneath, Frame):
        state = frame.states.get(id(holder))
        if state is not None and name in state.attrs:
            return state.attrs[name]
    return raw_get(holder, name)


# Collections -----------------------------------------------------------------------------------


def collection_of(leaf: Leaf, content: Any, written: bool) -> str:
    """Returns the collection of a leaf.

    Args:
        leaf: where it was found.
        content: the array.
        written: whether the function writes it.
    """
    if leaf.mark is not None:
        return leaf.mark
    if is_key(content):
        return "rngs"
    if written:
        return "state"
    inexact = isinstance(content, jax.Array) and jnp.issubdtype(content.dtype, jnp.inexact)
    is_numpy = isinstance(leaf.holder, Cell) and leaf.holder.host  # inside a trace: a stand-in
    return "params" if inexact and not is_numpy else "constants"


class Discovery:
    """What watching a function has found; printable.

    Args:
        traced: what one run of the function did.
        roots: (prefix of the path, object) of each object from which others were reached.

    Attributes:
        leaves: (leaf, collection) of each slot.
        values: the array (or number) in each slot; within a trace, as that trace has it.
        reads: the paths of what is read.
        writes: the paths of what is written.
        guards: (path, value) of the Python values that the function depends on.
    """

    def __init__(self, traced: Traced, roots: list[tuple[Path, Any]]) -> None:
        frame = traced.frame
        ground = frame.ground
        self.roots = roots
        self.leaves = list(_classified(frame, roots))
        self.values = [_value(frame, leaf) for leaf, _ in self.leaves]
        self.reads = [".".join(leaf.path) for leaf, _ in self.leaves]
        self.writes = [str(effect_path(effect, ground)) for effect in traced.effects]
        found = (n for n in ground.nodes if n.test == "plain" and n.name)
        self.guards = [(node.path(), node.expect) for node in found]

    def __repr__(self) -> str:
        lines = ["Discovery"]
        width = max([len(path) for path in self.reads], default=0)
        for path, (leaf, collection) in zip(self.reads, self.leaves, strict=True):
            content = beneath(leaf)
            shown = jax.typeof(content).str_short() if hasattr(content, "dtype") else repr(content)
            lines.append(f"  {path:<{width}}  {collection:<9}  {shown}")
        lines += [f"  writes {path}" for path in self.writes]
        lines += [f"  guards {path} = {value!r}" for path, value in self.guards]
        return "\n".join(lines)


def beneath(leaf: Leaf) -> Any:
    """Returns the array of a leaf that a closed frame has found; of a lane, one of its type."""
    content = leaf.content
    if type(content) is not Slot:
        return content
    return content.placeholder if content.value is None else content.value


def _value(frame: Frame, leaf: Leaf) -> Any:
    """Returns the array or number of a leaf, given the closed frame that has found it."""
    content, beneath = leaf.content, frame.beneath
    over = isinstance(beneath, Frame)
    if type(content) is Number:
        return frame.number_beneath(content) if over else content.plain()
    if type(content) is Slot:
        return frame.value_beneath(content) if over else content.value
    if not isinstance(beneath, Frame):
        return content
    found = beneath.read(leaf.holder, leaf.name)  # what the frame has written and not read
    for name in leaf.path[len(leaf.path) - len(leaf.index) :]:
        found = element(found, name)
    return found.value if isinstance(found, Cell) else found


def _classified(frame: Frame, roots: list[tuple[Path, Any]]) -> Iterator[tuple[Leaf, str]]:
    changed = {(id(s.holder), name) for s in frame.states.values() for name in s.written}
    seen: set[int] = set()
    for prefix, root in roots:
        for leaf in walk(root, as_found(frame), prefix, lambda h, n: (id(h), n) in changed):
            written = leaf.written or _was_refilled(frame, leaf)
            if not written and _is_number(leaf.content):
                continue
            collection = collection_of(leaf, beneath(leaf), written)
            if collection == "params" and type(leaf.content) is Slot:
                if id(leaf.content) in seen:
                    continue  # one array in two places is one parameter
                seen.add(id(leaf.content))
            leaf = leaf.own()
            leaf.root, leaf.names = root, leaf.path[len(prefix) :]
            yield leaf, collection


def _was_refilled(frame: Frame, leaf: Leaf) -> bool:
    if id(leaf.holder) not in frame.states:
        return False
    entry: Any = frame.states[id(leaf.holder)].found.get(leaf.name)
    stand_in = frame.ground.stand_ins.get(id(entry))
    if stand_in is not None:
        state = frame.states.get(id(entry))
        return state is not None and "_value" in state.written
    for i in leaf.index:
        if i in frame.refilled.get(id(entry), ()):
            return True
        entry = entry.children[i]
    return False


def discover(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Discovery:
    """Watches a function in a dry run: what it reads, writes and depends on. Nothing is changed.

    Args:
        fun: a function, method, or instance with `__call__`.
        args: its arguments.
        kwargs: its keyword arguments.

    Returns:
        A printable record; `collections` makes nested dictionaries of it.

    Raises:
        StatejitError: where `jit(fun)` would.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> class Counter(sj.Base):
        ...     def __init__(self):
        ...         self.step, self.total = jnp.ones(()), jnp.zeros(())
        ...     def __call__(self):
        ...         self.total = self.total + self.step
        >>> print(sj.discover(Counter()))
        Discovery
          total  state      float32[]
          step   params     float32[]
          writes total
    """
    return Discovery(*_watch(fun, args, kwargs))


def _watch(fun: Any, args: Any, kwargs: Any) -> tuple[Traced, list[tuple[Path, Any]]]:
    frame = CURRENT.get()
    traced = (
        on_ground(Ground(by_position=True), fun, args, kwargs)
        if frame is None
        else in_frame(fun, args, kwargs, frame)
    )
    return traced, roots_of(traced.frame, fun)


def roots_of(frame: Frame, fun: Any) -> list[tuple[Path, Any]]:
    """Returns the objects from which a function reached all others, with their names.

    The model that the function is (or is bound to) has the empty name.
    """
    while isinstance(fun, Wrapper):
        fun = fun.fun
    own = getattr(fun, "__self__", fun)
    inner: set[int] = set()
    for state in frame.states.values():
        for entry in state.found.values():
            inner.update(id(holder) for holder in _holders_in(entry))
    found: list[tuple[Path, Any]] = [((), own)] if isinstance(own, Base) else []
    for state in frame.states.values():
        if state.holder is not own and id(state.holder) not in inner:
            known = frame.ground.by_id.get(id(state.holder))
            if isinstance(state.holder, Cell) and (known is None or _is_argument(known[0])):
                continue
            name = known[0].path() if known else type(state.holder).__name__
            found.append(((name,), state.holder))
    return found


def _holders_in(entry: Any) -> Iterator[Any]:
    """Yields the objects that an attribute holds, by itself or in containers."""
    stack = [entry]
    while stack:
        at = stack.pop()
        if isinstance(at, (Base, Cell)):
            yield at
        elif type(at) is Container:
            stack.extend(at.children)


def _is_argument(node: Any) -> bool:
    while node.parent is not None:
        node = node.parent
    return node.access in ("args", "kwargs")


def collections(target: Any) -> dict[str, Any]:
    """Returns the slots of a model, or of a watched function, as flax-style collections.

    Args:
        target: a model, whose arrays are taken as if a function read them all; or the result of
            `discover`, which knows what is written.

    Returns:
        Nested dictionaries by path, in a dictionary by collection; the names of these are 'params',
        'state', 'rngs' and 'constants'. A collection without slots is left out. Elements of lists
        have string keys.

    Raises:
        TypeError: if `target` is neither.
        StructureError: if two slots have the same path.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> class Linear(sj.Base):
        ...     def __init__(self):
        ...         self.layers = [jnp.ones((2, 3)), jnp.zeros(3)]
        >>> shapes = sj.collections(Linear())["params"]["layers"]
        >>> {name: array.shape for name, array in shapes.items()}
        {'0': (2, 3), '1': (3,)}
    """
    if isinstance(target, Discovery):
        rows = zip(target.leaves, target.values, strict=True)
        return nested((c, leaf.path, value) for (leaf, c), value in rows)
    if not isinstance(target, (Base, Cell)):
        raise TypeError(
            f"expected a model or the result of statejit.discover, got a {type(target).__name__}"
        )
    return nested(
        (collection_of(leaf, leaf.content, False), leaf.path, leaf.content)
        for leaf in distinct(walk(target, present))
    )


def distinct(leaves: Iterable[Leaf]) -> Iterator[Leaf]:
    """Yields the arrays among leaves; one array in two places is one parameter."""
    seen: set[int] = set()
    for leaf in leaves:
        if _is_number(leaf.content):
            continue
        if collection_of(leaf, leaf.content, False) == "params":
            if id(leaf.content) in seen:
                continue
            seen.add(id(leaf.content))
        yield leaf


def nested(items: Iterable[tuple[str, Path, Any]]) -> dict[str, Any]:
    """Returns (collection, path, value) triples as nested dictionaries."""
    tree: dict[str, Any] = {}
    for collection, path, value in items:
        at = tree.setdefault(collection, {})
        for key in path[:-1]:
            at = at.setdefault(key, {})
        if not path:
            tree[collection] = value
        elif not isinstance(at, dict) or path[-1] in at:
            raise StructureError(
                f"two slots have the path {'.'.join(path)}.",
                do="use keys that differ as strings.",
            )
        else:
            at[path[-1]] = value
    return tree


def flat(tree: Any) -> dict[Path, Any]:
    """Returns the leaves of nested dictionaries by path."""
    found: dict[Path, Any] = {}
    stack: list[tuple[Path, Any]] = [((), tree)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, typing.Mapping):
            stack.extend(((*path, str(key)), child) for key, child in reversed([*value.items()]))
        else:
            found[path] = value
    return found


# Writing back ----------------------------------------------------------------------------------


def update(model: Any, variables: Collection) -> None:
    """Writes collections, or a part of them, into the slots of a model.

    Everything is checked before anything is written.

    Args:
        model: the model.
        variables: `{'params': {...}, ...}`, as from `collections`; also in a traced function.

    Raises:
        SlotNotFoundError: if a path leads to no array of the model.
        StructureError: if an array does not have the shape of its slot.

    Example:
        >>> import jax, jax.numpy as jnp, statejit as sj
        >>> class Scale(sj.Base):
        ...     def __init__(self):
        ...         self.w = jnp.ones(2)
        >>> scale = Scale()
        >>> sj.update(scale, jax.tree.map(lambda w: 3 * w, sj.collections(scale)))
        >>> scale.w.tolist()
        [3.0, 3.0]
    """
    new: dict[Path, Any] = {}
    for collection in variables.values():
        new |= flat(collection)
    write_leaves(model, new)


def write_leaves(model: Any, new: dict[Path, Any]) -> None:
    """Writes arrays into the slots of a model, by path."""
    leaves = list(walk(model, present))
    by_path = {leaf.path: leaf for leaf in leaves}
    for path, value in new.items():
        if path not in by_path:
            raise SlotNotFoundError(
                f"{type(model).__name__} has no array at {'.'.join(path) or 'its root'}.",
                do="compare with the paths in statejit.collections(model).",
            )
        old = by_path[path].content
        if hasattr(old, "shape") and jnp.shape(old) != jnp.shape(value):
            raise StructureError(
                f"{'.'.join(path)} has shape {jnp.shape(old)}, and was given {jnp.shape(value)}.",
                do="assign the attribute, if its shape is to change.",
            )
    shared = {id(by_path[path].content): value for path, value in new.items()}
    for leaf in leaves:
        if leaf.path in new:
            _write(leaf, new[leaf.path])
        elif collection_of(leaf, leaf.content, False) == "params" and id(leaf.content) in shared:
            _write(leaf, shared[id(leaf.content)])  # the other places of a tied parameter


def _write(leaf: Leaf, value: Any) -> None:
    if isinstance(value, Cell):
        value = value.value
    if isinstance(leaf.holder, Cell):
        leaf.holder.value = jnp.asarray(value)
        return
    if isinstance(leaf.content, np.ndarray):
        np.copyto(leaf.content, np.asarray(value))
        return
    if isinstance(leaf.content, jax.Array) and not isinstance(value, jax.Array):
        value = jnp.asarray(value)  # flax restores NumPy arrays
    if not leaf.index:
        setattr(leaf.holder, leaf.name, value)
    else:
        container = getattr(leaf.holder, leaf.name)
        changed = _replaced(container, leaf.index, value)
        if changed is not container:
            setattr(leaf.holder, leaf.name, changed)


def _replaced(container: Any, index: tuple[int, ...], value: Any) -> Any:
    """Puts a value into a container: in place where that is possible."""
    if not index:
        return value
    kind: Any = kind_of(container)
    aux, children = kind.take_apart(container)
    new = _replaced(children[index[0]], index[1:], value)
    if new is children[index[0]]:
        return container
    children[index[0]] = new
    if not kind.mutable:
        return kind.build(type(container), aux, children)
    kind.store(container, aux, children)
    return container
