"""Donation: the memory of what a call overwrites is reused for what the call computes.

A slot that is read, and overwritten by a result of its own shape, gives its array to the program,
unless somebody else holds that array: then the program gets a copy, and the array stays valid.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from .discovery import Traced
from .ground import Ground, Node
from .places import has_user_threads
from .recipes import Out, Refill, SetAttr
from .slots import MISSING

copied = jax.jit(jnp.copy)
"""Copies an array of which somebody else holds the original."""


def _count_of_one_holder() -> int:
    """Returns the reference count of a value that one place holds, as hot paths ask for it."""
    place = {"value": object()}
    found = place["value"]
    return sys.getrefcount(found)


ONE_HOLDER = _count_of_one_holder()

_COUNTS = not sysconfig.get_config_var("Py_GIL_DISABLED")
"""Whether reference counts are exact."""

_MAY_FAIL = ("callback", "ffi_call", "infeed", "outfeed")
"""Parts of the names of primitives that may fail while a program runs: state must survive that."""


def donatable(traced: Traced, ground: Ground) -> dict[int, Node]:
    """Returns which inputs of a program are overwritten by a result of their own type.

    Args:
        traced: what one run of the function did.
        ground: the nodes of that run.

    Returns:
        By the index of the input, its node. There are none if the program may fail while it runs,
        or if an attribute is deleted: such a commit could not be made twice (see `hotpath`).
    """
    if not _COUNTS or has_user_threads() or _may_fail(traced.jaxpr.jaxpr):
        return {}
    if any(isinstance(e, SetAttr) and e.recipe is MISSING for e in traced.effects):
        return {}
    twins = {id(node.expect) for node in ground.nodes if node.test == "same"}
    places = {
        _place(slot.node): index
        for index, slot in enumerate(traced.inputs)
        if not isinstance(slot, int) and slot.node.test == "array" and id(slot.node) not in twins
    }
    found: dict[int, Node] = {}
    outs: set[int] = set()
    for place, recipe in _overwritten(traced.effects):
        index = places.get(place)
        if index is None or type(recipe) is not Out or recipe.number or recipe.index in outs:
            continue
        node = traced.inputs[index].node
        made = traced.jaxpr.out_avals[recipe.index]
        if (made.shape, made.dtype) == (node.value.shape, node.value.dtype):
            outs.add(recipe.index)
            found[index] = node
    return found


def _place(node: Node) -> Any:
    """Returns what tells a place where an array lies: its holder, and the name there."""
    if node.parent is None or node.access not in ("attr", "slot", "item", "key"):
        return None
    return id(node.parent.value), node.key


def _overwritten(effects: list[SetAttr | Refill]) -> Iterator[tuple[Any, Any]]:
    """Yields the places that a call writes, each with the recipe of its new content."""
    for effect in effects:
        if isinstance(effect, SetAttr):
            yield (id(effect.holder), effect.name), effect.recipe
        elif type(effect.container.real) is list:
            for index, recipe in enumerate(effect.children):
                yield (id(effect.container.real), index), recipe
        elif type(effect.container.real) is dict:
            for key, recipe in zip(effect.aux[0], effect.children, strict=True):
                yield (id(effect.container.real), key), recipe


def _may_fail(jaxpr: Any) -> bool:
    return bool(jaxpr.effects) or any(
        part in name for name in primitives(jaxpr) for part in _MAY_FAIL
    )


def primitives(jaxpr: Any) -> Iterator[str]:
    """Yields the names of the primitives in a jaxpr and in those inside of it."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for value in jax.tree.leaves(list(equation.params.values())):
            if hasattr(value, "eqns"):
                yield from primitives(getattr(value, "jaxpr", value))
