"""Outside values that were changed inside a trace: they are found, put back, and refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import OutsideChangeError
from .base import Base, hooked
from .codes import cell_contents
from .containers import Container
from .frames import CURRENT, UNWATCHED, Frame, raw_get, raw_names
from .nodes import Node
from .outside import Outside
from .pictures import OfArray, OfAttributes, OfContainer, attributes, set_raw
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
            if name != "__slotnames__":  # `copyreg` notes it, and finds it again
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
    """Lets go of what unwatched code changed: it is no guard any more.

    Raises:
        OutsideChangeError: if it is state that was read before: the program would take for its
            input what the code has left there.
    """
    known = {id(node) for node in before}
    pictures = {id(node): picture for node, picture in outside.ground.pictures}
    for node in changes(outside):
        picture = pictures.get(id(node))
        if id(node) in known:
            continue
        if isinstance(picture, OfContainer) and _is_state(outside, node):
            picture.restore(node.value)
            _refuse_overwritten(node)
        if isinstance(picture, OfAttributes) and not _is_rebound(node):
            _free_attributes(outside, node, picture)
        else:
            _free(outside, node)
    for node in outside.ground.nodes:
        if not outside.crowded and _is_overwritten(node):
            set_raw(node.parent.value, node.key, node.value)
            _refuse_overwritten(node)


def _refuse_overwritten(node: Node) -> None:
    raise OutsideChangeError(
        f"{node.path()} was read inside, and then changed by unwatched code.",
        where=f"the call at {user_line()}",
        do="change it outside of `with statejit.unwatched():`, where it is state, or keep what is "
        "counted once per compilation in another attribute.",
    )


def _is_state(outside: Outside, node: Node) -> bool:
    """Says whether a container is one of which frames keep an overlay."""
    found = outside.ground.by_id.get(id(node.value))
    return found is not None and type(found[1]) is Container


def _is_overwritten(node: Node) -> bool:
    """Says whether an attribute of a watched object is another one than was read."""
    if node.access not in ("attr", "slot") or node.test in ("free", "not keeping"):
        return False
    holder = node.parent.value if node.parent is not None else None
    return isinstance(holder, Base) and raw_get(holder, node.key) is not node.value


def _free_attributes(outside: Outside, node: Node, picture: OfAttributes) -> None:
    """Lets go of the attributes of an object that are others now; the rest stays guarded."""
    gone = picture.changed(node.value)
    for other in outside.ground.nodes:
        if other.parent is node and other.access in ("attr", "slot") and other.key in gone:
            _free(outside, other)
    picture.attributes = attributes(node.value)
    if node.test in ("loaded", "foreign"):
        node.must(node.test, (type(node.value), raw_names(node.value)))


def _free(outside: Outside, node: Node) -> None:
    """Frees a node and what was reached through it; state that was is this very state from now."""
    if outside.ground.is_holder(node.value):
        node.parent, node.access, node.key = None, "pinned", node.value
        return
    node.must("free")
    for other in outside.ground.nodes:
        is_twin = other.test == "same" and other.expect is node
        if other.test != "free" and (other.parent is node or is_twin):
            _free(outside, other)


@contextmanager
def _unchanged_stand_ins(outside: Outside) -> Iterator[None]:
    """Refuses changes to the NumPy arrays that are state."""
    found = [(slot.node, OfArray(slot.node.value)) for _, slot in outside.ground.stand_ins.values()]
    try:
        yield
    finally:
        for node, picture in found:
            if not outside.crowded and not picture.holds(node.value):
                picture.restore(node.value)
                _refuse_overwritten(node)


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
    for captures in frame.ground.captures:
        captures.check()
    token = CURRENT.set(None)
    unwatched_here = UNWATCHED.set(True)
    try:
        with _unchanged_stand_ins(outside):
            yield
    finally:
        UNWATCHED.reset(unwatched_here)
        CURRENT.reset(token)
        release(outside, before)
        for captures in frame.ground.captures:
            captures.renew()


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
