"""Outside values that were changed inside a trace: they are found, put back, and refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import OutsideChangeError
from .base import hooked
from .frames import CURRENT, UNWATCHED, Frame, raw_get
from .ground import Node
from .outside import Outside, cell_contents
from .pictures import set_raw
from .places import user_line
from .positions import remembers_traced
from .slots import MISSING

_MADE_BY_PYTHON = {
    "__annotations__",
    "__annotations_cache__",
    "__annotate_func__",
    "__static_attributes__",
}


def changes(outside: Outside) -> list[Node]:
    """Returns the nodes whose values were changed since they were found."""
    ground = outside.ground
    entries = [node for node in ground.nodes if node.access == "class"]
    bound = [n for n in (*outside.bindings.values(), *entries) if n.test != "free"]
    changed = [node for node in bound if _is_rebound(node)]
    for node, picture in ground.pictures:
        if node.test != "free" and not picture.holds(node.value):
            changed.append(node)
    return changed


def _is_rebound(node: Node) -> bool:
    if node.access == "globals":
        return any(name in node.value for name in node.key)
    return fetch(node) is not node.value


def check(outside: Outside) -> None:
    """Undoes changes that were made inside, and refuses them.

    Raises:
        OutsideChangeError: if there are any.
    """
    changed, drawn = put_back(outside)
    for base, known in outside.class_names.items():
        for name in set(vars(base)) - known - _MADE_BY_PYTHON:
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


def put_back(outside: Outside) -> tuple[list[Node], str]:
    """Undoes all changes; returns where they were, and what global generator was drawn from.

    While other threads run code of the user's, a change may be an honest one of theirs: then only
    what belongs to the trace is taken out again.
    """
    changed = changes(outside)
    pictures = {id(node): picture for node, picture in outside.ground.pictures}
    for node in reversed(changed):
        if outside.crowded and not remembers_traced(fetch(node)):
            continue
        if id(node) in pictures and not _is_rebound(node):
            pictures[id(node)].restore(node.value)
        else:
            rebind(node)
    return changed, outside.randomness.changed()


def release(outside: Outside, before: list[Node]) -> None:
    """Lets go of what unwatched code changed: it is no guard any more."""
    known = {id(node) for node in before}
    for node in changes(outside):
        if id(node) not in known:
            _free(outside, node)


def _free(outside: Outside, node: Node) -> None:
    node.must("free")
    for other in outside.ground.nodes:
        if other.parent is node:
            _free(outside, other)


def fetch(node: Node) -> Any:
    """Returns what is now where a node was found; only for what `Outside` binds."""
    parent, key = node.parent, node.key
    if node.access == "class":
        return vars(key[0]).get(key[1], MISSING)
    if parent is None:
        return node.value
    owner = parent.value
    if node.access == "global":
        return owner.__globals__.get(key, MISSING)
    if node.access == "cell":
        return cell_contents(owner, key)
    if node.access == "static":
        return raw_get(owner, key)
    return node.value


def rebind(node: Node) -> None:
    """Binds a name again to what was found there."""
    if node.access == "class":
        owner, name = node.key
        if node.value is not MISSING:
            type.__setattr__(owner, name, node.value)
        else:
            type.__delattr__(owner, name)
        return
    if node.access == "globals":
        for name in set(node.key) & set(node.value):
            del node.value[name]
        return
    owner, key = node.parent.value, node.key
    if node.access == "global":
        owner.__globals__[key] = node.value
    elif node.access == "cell" and node.value is MISSING:
        del owner.__closure__[key].cell_contents
    elif node.access == "cell":
        owner.__closure__[key].cell_contents = node.value
    elif node.access == "static":
        set_raw(owner, key, node.value)


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
    before = changes(outside)
    token = CURRENT.set(None)
    unwatched_here = UNWATCHED.set(True)
    try:
        yield
    finally:
        UNWATCHED.reset(unwatched_here)
        CURRENT.reset(token)
        release(outside, before)


@contextmanager
def consulting(frame: Frame, fun: Any) -> Iterator[None]:
    """Lets a function of the user's be asked by the library itself, once per compilation.

    What it reads is guarded, as if the traced function had called it; what it changes (a list of
    what it was asked) is let go, as within `unwatched()`.

    Args:
        frame: the frame of the traced function.
        fun: the function that is asked, such as a predicate over slots.
    """
    outside: Outside = frame.ground.outside
    frame.ground.find(None, "pinned", fun, fun, getattr(fun, "__qualname__", ""), mode="outside")
    outside.follow()
    before = changes(outside)
    try:
        with hooked(), Frame(frame, frame.ground).opened():  # the frame itself is closed
            yield
    finally:
        release(outside, before)
