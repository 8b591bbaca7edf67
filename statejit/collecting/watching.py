"""Watching: what a dry run of a function finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax

from .._core.base import Base
from .._core.cells import Cell
from .._core.containers import Container
from .._core.discovery import Traced, in_frame, learn
from .._core.frames import CURRENT, Frame, raw_get
from .._core.ground import Ground
from .._core.memory import Memory
from .._core.nodes import Wrapper
from .._core.numbers import Number
from .._core.plan import effect_path
from .._core.slots import Slot
from ..typing import Path
from .leaves import Attributes, Leaf, element, is_number, walk
from .trees import collection_of


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
        self.leaves = list(classified(frame, roots))
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
    if frame is None:
        memory = Memory()
        _, traced = learn(lambda: Ground(memory, by_position=True), fun, args, kwargs)
    else:
        traced = in_frame(fun, args, kwargs, frame)
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


def classified(frame: Frame, roots: list[tuple[Path, Any]]) -> Iterator[tuple[Leaf, str]]:
    """Yields the leaves that a closed frame has found below objects, each with its collection."""
    changed = {(id(s.holder), name) for s in frame.states.values() for name in s.written}
    seen: set[int] = set()
    for prefix, root in roots:
        for leaf in walk(root, as_found(frame), prefix, lambda h, n: (id(h), n) in changed):
            written = leaf.written or _was_refilled(frame, leaf)
            if not written and is_number(leaf.content):
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
