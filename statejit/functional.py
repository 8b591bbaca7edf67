"""`functionalize`: a stateful function as a pure one, in flax's convention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._core.base import Base, hooked
from ._core.cells import Cell
from ._core.containers import Container
from ._core.discovery import described, unchanged
from ._core.frames import Frame, slot_descriptor
from ._core.ground import Ground
from ._core.outside import Outside
from ._core.slots import MISSING, Slot
from .collections import (
    Discovery,
    Leaf,
    beneath,
    collection_of,
    discover,
    flat,
    nested,
    present,
    walk,
)
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
    variables = nested((c, leaf.path, _array(beneath(leaf))) for leaf, c in found.leaves)

    def apply(variables: Collection, *args: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        return _apply(fun, found, variables, args, kwargs)

    return apply, variables


def _array(content: Any) -> Any:
    return jnp.array(content) if isinstance(content, np.ndarray) else content


class Direct(Frame):
    """A frame that hands out arrays as they are, in whatever trace of JAX is running."""

    def __init__(self, beneath: Ground, ground: Ground) -> None:
        super().__init__(beneath, ground)
        self.given: dict[int, Any] = {}  # id of a slot -> what was given for it

    def tracer(self, slot: Slot) -> Any:
        """Returns the array of a slot; a tied one is given in one of its places only."""
        return self.given[id(slot)] if id(slot) in self.given else _array(slot.value)

    def give(self, leaf: Leaf, value: Any) -> None:
        """Puts an array in the place of one that is found beneath."""
        entry = self.lookup(leaf.holder, leaf.name)
        state = self.state_of(leaf.holder)
        if id(entry) in self.ground.stand_ins:
            state, name, entry = self.state_of(entry), "_value", None
        else:
            name = leaf.name
        if type(entry) is not Container:
            state.attrs[name] = state.found[name] = value
        else:
            for i in leaf.index[:-1]:
                entry = entry.children[i]
            children, last = entry.children, leaf.index[-1]
            entry, children[last] = children[last], value
        if type(entry) is Slot:
            self.given.setdefault(id(entry), value)

    def keep(self) -> None:
        """Gives the objects that were made inside their attributes, for good."""
        for state in self.states.values():
            if state.created:
                for name in state.written:
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
    ground = Ground()
    outside = Outside(ground)
    ground.find(None, "fun", None, fun, "", mode="outside")
    for prefix, root in found.roots:
        ground.find(None, "pinned", root, root, ".".join(prefix))
    outside.follow()
    frame = Direct(ground, ground)
    with hooked(), unchanged(ground), frame.opened():
        for leaf, _ in found.leaves:
            frame.give(leaf, given[leaf.path])
        with described(frame):
            out = fun(*args, **kwargs)
        out = jax.tree.map(_unwrapped, out, is_leaf=_is_cell)
        updated = nested(_after(found, frame))
        _refuse_other_writes(frame)
        frame.keep()
    return out, updated


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


def _after(found: Discovery, frame: Frame) -> list[tuple[str, Path, Any]]:
    """Returns (collection, path, array) of all slots as the function leaves them."""
    known = {leaf.path: collection for leaf, collection in found.leaves}
    after = []
    for prefix, root in found.roots:
        for leaf in walk(root, present, prefix):
            content = _unwrapped(leaf.content)
            state = frame.states.get(id(leaf.holder))
            written = state is not None and (leaf.name in state.written or state.created)
            if leaf.path in known:
                after.append((known[leaf.path], leaf.path, content))
            elif written:
                after.append((collection_of(leaf, content, True), leaf.path, content))
    return after


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
