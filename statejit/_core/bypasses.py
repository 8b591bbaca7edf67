"""Bypasses: what was read or written past the watch is found after a trace, and refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax

from ..errors import BypassError, RawTransformError
from .base import Base, written_outside
from .frames import Frame, raw_dict
from .ground import Ground
from .paths import Path
from .pictures import attributes, put_in_order, set_raw
from .slots import MISSING, frozen_paths, is_placeholder


def check_bypasses(ground: Ground) -> None:
    """Refuses attributes that were changed past the hooks, and takes tracers out of them.

    Raises:
        BypassError: if an attribute of a touched object was changed by `object.__setattr__` or
            in its real `__dict__`.
    """
    for holder, name in put_back(ground):
        raise BypassError(
            f"{ground.path_of(holder, name)} was written past attribute assignment.",
            where=f"the call at {ground.where()}",
            do="assign it (`self.name = value`, `setattr` or `super().__setattr__`), so that the "
            "write can be watched.",
        )


def put_back(ground: Ground) -> list[tuple[Any, str]]:
    """Gives touched objects the attributes again that were changed past the hooks; says which."""
    changed: list[tuple[Any, str]] = []
    for holder, before in ground.found.values():
        now = attributes(holder)
        here = [
            name
            for name in {**before, **now}
            if now.get(name, MISSING) is not before.get(name, MISSING)
            and (id(holder), name) not in written_outside
        ]
        for name in here:
            set_raw(holder, name, before.get(name, MISSING))
        changed += [(holder, name) for name in here]
        if not ground.outside.crowded:  # or what another thread writes meanwhile would be lost
            put_in_order(raw_dict(holder), before)
    return changed


def check_captures(frame: Frame, closed: Any, ground: Ground) -> None:
    """Refuses programs in which an array of a watched object was frozen.

    Raises:
        RawTransformError: if a slot was read under a plain `jax.jit` or its kin, which keeps what
            it captures inside its own program.
        BypassError: if an array was read past the hooks.
    """
    slots = frame.slots
    inner = list(hidden_constants(closed.jaxpr))
    hidden = {id(constant) for constant in inner}
    for constant in (*inner, *closed.consts):
        if is_placeholder(constant):  # perhaps of an earlier trace: JAX keeps inner programs
            slot = slots.get(id(constant))
            path = frozen_paths.get(id(constant), "a slot")
            if slot is not None:
                path = frozen_paths[id(constant)] = ground.path_of_entry(slot)
            raise RawTransformError(
                f"{path} was read under a plain jax.jit (or its kin), which would keep its present "
                "value.",
                where=f"the call at {ground.where()}",
                do="pass the array to that function as an argument, or use statejit.jit.",
            )
    if hidden & {id(p) for p in ground.tape.inputs.values()}:
        raise RawTransformError(
            "a Python number that varies was read under a plain jax.jit (or its kin).",
            do="pass it to that function as an argument, or use statejit.jit.",
        )
    held = held_arrays(ground)
    for constant in (*closed.consts, *hidden_constants(closed.jaxpr)):
        path = held.get(id(constant))
        if path is not None and not any(
            n.value is constant for n in ground.nodes if n.test == "is"
        ):
            raise BypassError(
                f"{path} was read past attribute access.",
                do="read it as an attribute (`self.name` or `getattr`), so that the read can be "
                "watched.",
            )


def held_arrays(ground: Ground) -> dict[int, Path]:
    """Returns the paths of the arrays in the attributes of all objects that were reached, by id."""
    found: dict[int, Path] = {}
    for _, holder in list(ground.by_id.values()):
        if isinstance(holder, Base):
            for name, value in attributes(holder).items():
                for array in arrays_in(value):
                    found[id(array)] = ground.trail_of(holder, name)
    return found


def arrays_in(value: Any) -> Iterator[Any]:
    """Yields the arrays of JAX in a value: it may be one, or a nest of lists, tuples and dicts."""
    seen: set[int] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, jax.Array):
            yield item
        elif isinstance(item, (list, tuple, dict)) and id(item) not in seen:
            seen.add(id(item))
            stack += item.values() if isinstance(item, dict) else item


def hidden_constants(jaxpr: Any) -> Iterator[Any]:
    """Yields the constants that jaxprs inside a jaxpr keep for themselves."""
    for equation in jaxpr.eqns:
        for value in jax.tree.leaves(list(equation.params.values())):
            if hasattr(value, "eqns"):  # a Jaxpr or a ClosedJaxpr; one class on newer JAX
                yield from getattr(value, "consts", ())
                yield from hidden_constants(getattr(value, "jaxpr", value))
