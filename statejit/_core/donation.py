"""Donation: the memory of what a call overwrites is reused for what the call computes.

A slot that is read, and overwritten by a result of its own shape, gives its array to the program,
unless somebody else holds that array: then the program gets a copy, and the array stays valid. So
does a slot in a container that is replaced by a new one, as the state of an optimizer is, unless
somebody else holds one of the containers around it.
"""

from __future__ import annotations

import dataclasses
import sys
import sysconfig
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from .discovery import Traced
from .ground import Ground
from .nodes import Node
from .places import has_user_threads
from .recipes import NewContainer, NewNumpy, Out, Refill, SetAttr
from .slots import MISSING

copied = jax.jit(jnp.copy)
"""Copies an array of which somebody else holds the original."""


def _count_of_one_holder() -> int:
    """Returns the reference count of a value that one place holds, as hot paths ask for it."""
    place = {"value": object()}
    found = place["value"]
    return sys.getrefcount(found)


ONE_HOLDER = _count_of_one_holder()

COUNTS = not sysconfig.get_config_var("Py_GIL_DISABLED")
"""Whether reference counts are exact."""

ORDERED = ("list", "tuple", "dict")
"""Tests of the containers whose entries have places of their own."""

Overwritten = tuple[Any, Any, tuple[Node, ...]]
"""A place that a call writes: holder and name, the recipe, and the containers that go with it."""

_MAY_FAIL = ("callback", "ffi_call", "infeed", "outfeed")
"""Parts of the names of primitives that may fail while a program runs: state must survive that."""


@dataclasses.dataclass(frozen=True)
class Donated:
    """An array that a call gives away; of a NumPy array, which may be changed, it gives a copy.

    Args:
        node: where it lies.
        within: the containers around it that the call replaces, from the outermost on.
        out: the output of the program that takes its place.
    """

    node: Node
    within: tuple[Node, ...]
    out: int

    @property
    def indices(self) -> tuple[int, ...]:
        """The indices of all those nodes."""
        return self.node.index, *(node.index for node in self.within)


def donatable(traced: Traced, ground: Ground) -> dict[int, Donated]:
    """Returns which inputs of a program are overwritten by a result of their own type.

    Args:
        traced: what one run of the function did.
        ground: the nodes of that run.

    Returns:
        By the index of the input, where it lies. There are none if the program may fail while it
        runs, or if an attribute is deleted: such a commit could not be made twice (see `hotpath`).
    """
    if not COUNTS or has_user_threads() or _may_fail(traced.jaxpr.jaxpr):
        return {}
    if any(isinstance(e, SetAttr) and e.recipe is MISSING for e in traced.effects):
        return {}
    twins = {id(node.expect) for node in ground.nodes if node.test == "same"}
    places = {
        _place(slot.node): index
        for index, slot in enumerate(traced.inputs)
        if not isinstance(slot, int)
        and slot.node.test in ("array", "numpy")
        and id(slot.node) not in twins
    }
    found: dict[int, Donated] = {}
    outs: set[int] = set()
    avals = traced.jaxpr.out_avals  # a list that is made for whoever asks
    for place, recipe, within in _overwritten(traced.effects, ground):
        index = places.get(place)
        recipe = recipe.content if type(recipe) is NewNumpy else recipe
        if index is None or type(recipe) is not Out or recipe.number or recipe.index in outs:
            continue
        node = traced.inputs[index].node
        made = avals[recipe.index]
        if (made.shape, made.dtype) == (node.value.shape, node.value.dtype):
            outs.add(recipe.index)
            found[index] = Donated(node, within, recipe.index)
    return found


def output_order(donated: dict[int, Donated], count: int) -> list[int]:
    """Returns the outputs in the order in which a program that is given memory returns them.

    JAX gives the memory of each input to the first output of its type that has none yet. So those
    that take an input's place come first, in the order of the inputs: the memory of the parameters
    that went to the new moments would have to be copied, for XLA still needs what is in it.

    Args:
        donated: what the program is given, by the index of the input.
        count: how many outputs there are.
    """
    first = dict.fromkeys(donated[index].out for index in sorted(donated))
    return [*first, *(i for i in range(count) if i not in first)]


def _place(node: Node) -> Any:
    """Returns what tells a place where an array lies: its holder, and the name there."""
    if node.parent is None or node.access not in ("attr", "slot", "item", "key"):
        return None
    return id(node.parent.value), node.key


def _overwritten(effects: list[SetAttr | Refill], ground: Ground) -> Iterator[Overwritten]:
    """Yields the places that a call writes, and those in containers that it replaces."""
    containers = {_place(node): node for node in ground.nodes if node.test in ORDERED}
    for effect in effects:
        if isinstance(effect, SetAttr):
            yield from _below((id(effect.holder), effect.name), effect.recipe, containers)
        elif type(effect.container.real) in (list, dict):
            for key, recipe in _entries(effect.container.real, effect.aux, effect.children):
                yield from _below((id(effect.container.real), key), recipe, containers)


def _below(
    place: Any, recipe: Any, containers: dict[Any, Node], within: tuple[Node, ...] = ()
) -> Iterator[Overwritten]:
    yield place, recipe, within
    node = containers.get(place)
    if node is None or not isinstance(recipe, NewContainer) or node in within:
        return
    old = node.value
    if type(old) is recipe.cls and not hasattr(old, "__del__"):
        for key, inner in _entries(old, recipe.aux, recipe.children):
            yield from _below((id(old), key), inner, containers, (*within, node))


def _entries(container: Any, aux: Any, children: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Returns pairs of the key, or the position, and what will lie there."""
    keys = aux[0] if isinstance(container, dict) else range(len(children))
    return zip(keys, children, strict=True)


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
