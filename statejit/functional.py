"""`functionalize`: a stateful function as a pure one, in flax's convention."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._core.advice import described
from ._core.base import Base, hooked
from ._core.captures import unchanged_captures
from ._core.cells import Cell
from ._core.containers import kind_of
from ._core.discovery import unchanged
from ._core.frames import CURRENT, Beneath, Frame, slot_descriptor
from ._core.ground import Ground
from ._core.outside import Outside
from ._core.slots import MISSING, Slot
from ._core.windows import Window
from .collecting.leaves import Attributes, Leaf, element, walk
from .collecting.trees import collection_of, flat, nested
from .collecting.watching import Discovery, discover
from .errors import StructureError
from .typing import Collection, Path

Apply = Callable[..., tuple[Any, dict[str, Any]]]


def functionalize(
    fun: Callable[..., Any], *args: Any, **kwargs: Any
) -> tuple[Apply, dict[str, Any]]:
    """Turns a stateful function into a pure one.

    Args:
        fun: a function, method, or instance with `__call__`.
        args: arguments, to watch the function with.
        kwargs: keyword arguments.

    Returns:
        `(apply, variables)`. `variables` are the collections of what `fun` touches, Python numbers
        that it writes included. `apply(variables, *args, **kwargs)` returns
        `(out, updated variables)` and changes no object, so that whatever takes a pure function
        and a pytree takes it: `jax.vmap`, `jax.lax.scan`, solvers. Mutable arrays in `out` are
        returned as `jax.Array`.

    Raises:
        StructureError: from `apply`, if `variables` does not have the structure that was returned,
            or if `fun` writes something that no collection can hold.

    Example:
        >>> import jax, jax.numpy as jnp, statejit as sj
        >>> class Counter(sj.Base):
        ...     def __init__(self):
        ...         self.total = jnp.zeros(())
        ...     def __call__(self, x):
        ...         self.total = self.total + x
        ...         return 2 * self.total
        >>> apply, variables = sj.functionalize(Counter(), 1.0)
        >>> out, variables = jax.jit(apply)(variables, 3.0)
        >>> out.item(), variables["state"]["total"].item()
        (6.0, 3.0)
    """
    found = discover(fun, *args, **kwargs)
    rows = zip(found.leaves, found.values, strict=True)
    variables = nested((c, leaf.path, _array(value)) for (leaf, c), value in rows)

    def apply(variables: Collection, *args: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        return _apply(fun, found, variables, args, kwargs)

    return apply, variables


def _array(content: Any) -> Any:
    return jnp.array(content) if isinstance(content, np.ndarray) else content


class Direct(Frame):
    """A frame that hands out arrays as they are, in whatever trace of JAX is running."""

    def __init__(self, beneath: Beneath, ground: Ground) -> None:
        super().__init__(beneath, ground)
        self.given: dict[int, Any] = {}  # id of a slot -> what is handed out for it
        self.others: dict[int, Any] = {}  # the same for slots of another type

    def tracer(self, slot: Slot) -> Any:
        """Returns the array of a slot."""
        if id(slot) not in self.given:
            if isinstance(self.beneath, Frame):
                return self.value_beneath(slot)
            with jax.ensure_compile_time_eval():
                self.given[id(slot)] = _array(slot.value)
        value = self.given[id(slot)]
        self.origins[id(value)] = slot
        return value

    def own(self, entry: Any, holder: Any, name: Any) -> Any:
        """Returns an array itself that was given for one of another type."""
        return self.others.get(id(entry), entry) if type(entry) is Slot else entry

    def give(self, leaves: list[Leaf], values: list[Any]) -> None:
        """Puts arrays in the place of those that are found beneath; before anything is read."""
        taken: set[int] = set()
        for leaf, value in zip(leaves, values, strict=True):
            table, key = self._place(leaf)
            entry = table[key]
            if type(entry) is not Slot or id(entry) in self.given:
                table[key] = value  # a number; or one of two leaves that were one array
                continue
            value = jnp.asarray(_unwrapped(value))
            if id(value) in taken:
                value = value.copy()  # one array given for two is no tie between these
            taken.add(id(value))
            self.given[id(entry)] = value
            if jax.typeof(value) != jax.typeof(entry.placeholder):
                self.others[id(entry)] = value
        for state in self.states.values() if self.others else ():
            state.attrs = {n: self.own(entry, state.holder, n) for n, entry in state.attrs.items()}
        for container, children in self._children.values() if self.others else ():
            children[:] = [self.own(entry, container, i) for i, entry in enumerate(children)]

    def _place(self, leaf: Leaf) -> tuple[Any, Any]:
        """Returns the table in which the entry of a leaf is, and its key there."""
        entry = self.lookup(leaf.holder, leaf.name)
        table: Any = self.state_of(leaf.holder).attrs
        key: Any = leaf.name
        for i in leaf.index:
            table, key = self.children(entry), i
            entry = table[i]
        if isinstance(entry, Cell):  # it stands for an array of NumPy
            self.lookup(entry, "_value")
            table, key = self.state_of(entry).attrs, "_value"
        return table, key

    def has_new(self, leaf: Leaf) -> bool:
        """Says whether the content of a place is something that the function has put there."""
        state = self.states[id(leaf.holder)]
        if state.created or leaf.name in state.written:
            return True
        value = self.read(leaf.holder, leaf.name)
        for i in leaf.index:
            container = self.copied_from.get(id(value))
            handed = [] if container is None else self.copies[id(container)][2]
            kind: Any = kind_of(value)
            value = kind.take_apart(value)[1][i]
            if i >= len(handed) or handed[i] is not value:
                return True
        return False

    def keep(self) -> None:
        """Gives the objects that were made inside their attributes, for good."""
        for state in self.states.values():
            if not state.created:
                continue
            if isinstance(self.beneath, Frame):
                self.beneath.create(state.holder)
            for name in state.written:
                if isinstance(self.beneath, Frame):
                    self.beneath.write(state.holder, name, state.attrs[name])
                else:
                    _store(state.holder, name, state.attrs[name])


def _store(holder: Any, name: str, value: Any) -> None:
    if value is MISSING:
        return
    if isinstance(holder, Cell):
        object.__setattr__(holder, name, value)
    elif slot_descriptor(type(holder), name) is not None:
        slot_descriptor(type(holder), name).__set__(holder, value)
    else:
        object.__getattribute__(holder, "__dict__")[name] = value


def _apply(
    fun: Any, found: Discovery, variables: Collection, args: Any, kwargs: Any
) -> tuple[Any, dict[str, Any]]:
    given = _given(found, variables)
    with _opened(fun, found) as frame:
        frame.give(
            [leaf for leaf, _ in found.leaves], [given[leaf.path] for leaf, _ in found.leaves]
        )
        with described(frame):
            out = fun(*args, **kwargs)
        out = jax.tree.map(_unwrapped, out, is_leaf=_is_cell)
        updated = nested(_after(found, frame))
        _refuse_other_writes(frame)
    frame.keep()
    return out, updated


@contextmanager
def _opened(fun: Any, found: Discovery) -> Iterator[Direct]:
    """Opens a frame over the enclosing one, or over the real objects if there is none."""
    beneath = CURRENT.get()
    if beneath is not None:
        frame = Direct(beneath, beneath.ground)
        with unchanged_captures(beneath, fun), frame.opened():
            yield frame
        return
    ground = Ground()
    outside = Outside(ground)
    ground.find(None, "fun", None, fun, "", mode="outside")
    for prefix, root in found.roots:
        ground.find(None, "pinned", root, root, ".".join(prefix))
    outside.follow()
    frame = Direct(ground, ground)
    with hooked(), unchanged(ground), frame.opened():
        yield frame


def _is_cell(value: Any) -> bool:
    return isinstance(value, Cell)


def _unwrapped(value: Any) -> Any:
    return value.value if isinstance(value, Cell) else value


def _given(found: Discovery, variables: Collection) -> dict[Path, Any]:
    given: dict[Path, Any] = {}
    for collection in variables.values():
        given |= flat(collection)
    wanted = {leaf.path for leaf, _ in found.leaves}
    missing = [p for p in wanted if p not in given]
    if missing:
        raise StructureError(
            f"the variables lack {'.'.join(missing[0])}.",
            do="give all collections that functionalize returned.",
        )
    unknown = [p for p in given if p not in wanted]
    if unknown:
        raise StructureError(
            f"the variables hold {'.'.join(unknown[0])}, which the function does not touch.",
            do="give the collections that functionalize returned, and no others.",
        )
    return given


def _after(found: Discovery, frame: Direct) -> list[tuple[str, Path, Any]]:
    """Returns (collection, path, array) of all slots as the function leaves them."""
    after = []
    seen: set[Any] = set()
    for leaf, collection in found.leaves:
        content = _follow(frame, leaf)
        if isinstance(content, Cell) or (kind_of(content) is None and content is not MISSING):
            seen |= {leaf.path, id(content)}
            after.append((collection, leaf.path, _unwrapped(content)))
    for prefix, root in found.roots:
        for leaf in walk(root, _touched(frame), prefix):
            leaf = leaf.own()
            if not seen & {leaf.path, id(leaf.holder)} and frame.has_new(leaf):
                content = _unwrapped(leaf.content)
                after.append((collection_of(leaf, content, True), leaf.path, content))
    return after


def _follow(frame: Frame, leaf: Leaf) -> Any:
    """Returns what is now at the place of a leaf: an array, or the cell that holds it."""
    at = leaf.root
    for name in leaf.names:
        at = frame.read(at, name) if isinstance(at, Base) else element(at, name)
    while isinstance(at, Cell) and type(window := at.held()) is Window:
        at = window.cell
    return at


def _touched(frame: Frame) -> Attributes:
    """Returns how attributes are seen that were read or written in an open frame."""

    def attributes(holder: Any) -> Iterator[tuple[str, Any]]:
        state = frame.states.get(id(holder))
        if state is not None:
            names = frame.names(holder) if state.created else (*state.found, *state.written)
            yield from ((name, frame.read(holder, name)) for name in dict.fromkeys(names))

    return attributes


def _refuse_other_writes(frame: Frame) -> None:
    for state in frame.states.values():
        if state.created:
            continue
        for name in state.written:
            value = state.attrs[name]
            plain = isinstance(value, (Base, str, bool)) or value is None or value is MISSING
            if plain and value is not state.found.get(name, MISSING):
                raise StructureError(
                    f"{frame.ground.path_of(state.holder, name)} was given {value!r}: no "
                    "collection can hold that.",
                    where=frame.ground.where(),
                    do="write arrays and numbers only, or call the function under statejit.jit.",
                )
