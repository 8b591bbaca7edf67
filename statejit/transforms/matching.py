"""Matches what a step found with what it left: how each place gets from one step to the next.

A step can be repeated if it leaves the same structure that it found: then its arrays and numbers
are carried, and everything else stays as it is. Objects and containers may be replaced by new ones
of the same structure, as long as none that was one becomes two, nor two one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax

from .._core.containers import Container
from .._core.discovery import Traced
from .._core.numbers import Number
from .._core.recipes import (
    Computed,
    Constant,
    Existing,
    Input,
    NewContainer,
    NewNumpy,
    NewObject,
    Out,
    Refill,
    SetAttr,
)
from .._core.slots import MISSING, Slot, is_number
from .forms import (
    SAME,
    described,
    dtype_of_host,
    fits,
    is_array,
    is_array_constant,
    is_same_value,
    moved,
    named,
    number_of,
    same_recipe,
    short,
    type_of_recipe,
    unchanged,
)
from .late import LatePlaces
from .pairs import UNREAD, Carried, Mismatch, Pair


class Matching:
    """What one step changes.

    Args:
        traced: what one run of the step did.
        after: the recipe of the carry of the user's own that the step has returned.
        reads_all: whether what was there matters even in places that the step does not read:
            there may be no step at all.
        passing: ids of objects that a step before this one has made: where another one takes the
            place of such an object, it is gone, and what was written to it does not matter.

    Attributes:
        carry: the recipe of the carry of the user's own after the last step.
        arrays: a pair for each slot that changes.
        numbers: a pair for each place of a Python number that changes.
        late: the places that the step does not read.
        effects: the effects, with `Carried` in the place of arrays and numbers.
        mismatches: what stands against repeating the step.
    """

    def __init__(
        self,
        traced: Traced,
        after: Any,
        reads_all: bool = False,
        passing: frozenset[int] = frozenset(),
    ) -> None:
        self.traced, self.frame, self.reads_all = traced, traced.frame, reads_all
        self.arrays: dict[int, Pair] = {}
        self.numbers: dict[Any, Pair] = {}
        self.mismatches: list[Mismatch] = []
        self.passing = passing
        self._sets = {(id(e.holder), e.name): e for e in traced.effects if isinstance(e, SetAttr)}
        self._written = {id(e.holder) for e in traced.effects if isinstance(e, SetAttr)}
        self._moved = moved(traced.effects)
        self._shuffled = {holder for holder, _ in self._moved}
        self.plain_numbers: set[Any] = set()
        self._place: Any = None
        self._refills = {id(e.container): e for e in traced.effects if isinstance(e, Refill)}
        self._refilled: dict[int, Refill] = {}
        self._after: dict[int, Any] = {}  # id of what was there -> what takes its place
        self._before: dict[int, Any] = {}  # and the other way round
        self._new: dict[int, Any] = {}
        self.late = LatePlaces()
        self._kept: set[int] = set()
        self._queue: list[Any] = []  # objects whose attributes are to be matched
        self._visited: set[int] = set()
        effects = self._match_all()
        entry = traced.args[0]
        self.carry = unchanged(self.match(entry, after, "carry"), entry)
        for path in self.late.settle(self._before, self._new):
            self._differs(path, "an object that each step replaces", "the one before it")
        gone = {i for i in self.passing if i in self._new}
        self.effects = [e for e in effects if id(e.holder) not in gone]
        self.effects += self._refilled.values()

    def pair(self, slot: Slot, after: Any, path: str) -> Any:
        """Notes what takes the place of a slot, and returns the recipe of its last content."""
        if id(slot) in self.arrays:
            known = self.arrays[id(slot)]
            if not same_recipe(known.after, after):
                self._differs(path, "an array that is also elsewhere", "one that is not")
            return Carried(known)
        self.arrays[id(slot)] = Pair(slot, after, path)
        return Carried(self.arrays[id(slot)])

    # Places ------------------------------------------------------------------------------------

    def _match_all(self) -> list[Any]:
        effects: list[Any] = []
        states = list(self.frame.states.values())
        inside = {id(holder) for state in states for holder in self._held_by(state)}
        states.sort(key=lambda state: id(state.holder) in inside)
        for state in states:
            self._queue.append(state.holder)
            while self._queue:
                effects += self._match_places(self._queue.pop())
        for effect in self._refills.values():
            if id(effect.container) not in self._kept:
                self._match_children(effect.container, effect, "a container")
        return effects

    def _match_places(self, holder: Any) -> Iterator[SetAttr]:
        """Matches the attributes of an object that is not replaced, and yields its effects."""
        if id(holder) in self._visited or id(holder) not in self.frame.states:
            return
        self._visited.add(id(holder))
        state = self.frame.states[id(holder)]
        read = [name for name in state.found if name not in state.written]
        for name in (*read, *state.written):  # what is created keeps its order
            effect = self._sets.get((id(holder), name))
            self._place = (id(holder), name)
            path = self.frame.ground.path_of(holder, name)
            after = self.match(self._found(holder, name), effect.recipe if effect else SAME, path)
            if (id(holder), name) in self._moved:
                if self.reads_all:
                    self._differs(path, "an attribute among others", "the last one")
                yield SetAttr(holder, name, MISSING)
            if effect is not None:
                yield SetAttr(holder, name, after)

    def _held_by(self, state: Any) -> Iterator[Any]:
        """Yields the objects that an object holds, by itself or in containers."""
        stack, seen = list(state.found.values()), set()  # a container may hold itself
        while stack:
            entry = stack.pop()
            if type(entry) is Container and id(entry) not in seen:
                seen.add(id(entry))
                stack.extend(entry.children)
            elif self.frame.ground.is_holder(entry):
                yield entry

    def match(self, before: Any, after: Any, path: str) -> Any:
        """Matches one place, and returns the recipe of what is there after the last step."""
        if before is UNREAD:
            return self.late.note(after, path)
        if type(before) is Slot:
            return self._array(before, after, path)
        if type(before) is Number:
            return self._number(before, after, path)
        if type(before) is Container:
            return self._container(before, after, path)
        if self.frame.ground.is_holder(before):
            return self._holder(before, after, path)
        if after is SAME or (after is MISSING and before is MISSING):
            return after
        if isinstance(after, Constant) and is_same_value(after.value, before):
            return after
        if isinstance(after, Existing) and after.entry is before:
            return after
        if is_number(before) and number_of(after) is not None:
            self.plain_numbers.add(self._place)  # a library would not take it symbolic
        self._differs(path, before, after)
        return after

    def _array(self, slot: Slot, after: Any, path: str) -> Any:
        if after is SAME:
            return self.pair(slot, Input(slot), path)
        numeric = slot.number is not None and number_of(after) is not None
        if not isinstance(after, (Out, Input)) and not numeric and not is_array_constant(after):
            self._differs(path, slot, after)
            return after
        found, left = slot.placeholder, self.type_after(after)
        # A loop that may have no step carries what is weakly typed after it as strongly typed.
        weakens = self.reads_all and (found.shape, found.dtype) == (left.shape, left.dtype)
        if not fits(found, left, self.traced) and not (weakens and left.weak_type):
            self._differs(path, slot, after)
        return self.pair(slot, after, path)

    def _number(self, number: Number, after: Any, path: str) -> Any:
        place = number.tape.steps[number.index].node.place
        if after is SAME:
            return SAME
        if number_of(after) is not type(number.value):
            self._differs(path, number.value, after)
            return after
        self.numbers[place] = Pair(number, after, path)
        return Carried(self.numbers[place])

    def _container(self, before: Container, after: Any, path: str) -> Any:
        if after is SAME or (isinstance(after, Existing) and after.entry is before):
            if before.kind.mutable:
                self._is_known(before, before, path)
            self._match_children(before, self._refills.get(id(before)), path)
            return after
        same_kind = (
            isinstance(after, NewContainer)
            and after.cls is type(before.real)
            and after.aux == before.aux
            and len(after.children) == len(before.children)
        )
        if not same_kind or id(before) in self._refills:
            self._differs(path, before, after)
            return after
        if before.kind.mutable and self._is_known(before, after, path):
            return self._new[id(before)]
        children = self.frame.children(before)
        new = self._new[id(before)] = NewContainer(after.kind, after.cls, after.aux, [])
        new.children.extend(self._match_each(before, children, after.children, path))
        new.children = [unchanged(c, b) for c, b in zip(new.children, children, strict=True)]
        return new

    def _match_children(self, before: Container, refill: Refill | None, path: str) -> None:
        if id(before) in self._kept:
            return
        self._kept.add(id(before))
        children = self.frame.children(before)
        if refill is None:
            for i, child in enumerate(children):
                self.match(child, SAME, f"{path}[{i}]")
            return
        if refill.aux != before.aux or len(refill.children) != len(children):
            self._differs(path, before, f"{len(refill.children)} elements")
            return
        new = list(self._match_each(before, children, refill.children, path))
        new = [unchanged(c, b) for c, b in zip(new, children, strict=True)]
        self._refilled[id(before)] = Refill(before, refill.aux, new)

    def _match_each(
        self, container: Container, children: list[Any], after: list[Any], path: str
    ) -> Iterator[Any]:
        for i, (child, recipe) in enumerate(zip(children, after, strict=True)):
            self._place = (id(container), i)
            yield self.match(child, recipe, f"{path}[{i}]")

    def _holder(self, before: Any, after: Any, path: str) -> Any:
        if after is SAME or (isinstance(after, Existing) and after.entry is before):
            self._is_known(before, before, path)
            self._queue.append(before)
            return after
        written = id(before) in self._written and id(before) not in self.passing
        if isinstance(after, NewNumpy) and not written and dtype_of_host(before) == after.dtype:
            self._visited.add(id(before))
            content = self.match(self._found(before, "_value"), after.content, path)
            self._new[id(before)] = dataclasses.replace(after, content=content)
            return self._new[id(before)]
        if not isinstance(after, NewObject) or after.cls is not type(before) or written:
            self._differs(path, before, after)
            return after
        if self._is_known(before, after, path):
            return self._new.get(id(before), after)
        new = self._new[id(before)] = NewObject(after.cls, {}, after.shell)
        self._visited.add(id(before))
        for name, recipe in after.attrs.items():
            inner = path if name == "_value" else f"{path}.{name}"
            if name != "_collection":
                new.attrs[name] = self.match(self._found(before, name), recipe, inner)
            else:
                new.attrs[name] = recipe
        state = self.frame.states.get(id(before))
        found = {} if state is None else state.found
        for name in set(found) - set(after.attrs):
            if found[name] is not MISSING:
                self._differs(f"{path}.{name}", found[name], MISSING)
        return new

    def _found(self, holder: Any, name: str) -> Any:
        """Returns the entry that the step found in a place; UNREAD if that does not matter."""
        state = self.frame.states.get(id(holder))
        if state is not None and name in state.found:
            return state.found[name]
        # What is moved in each step stands behind what the first step creates.
        matters = self.reads_all or id(holder) in self._shuffled
        return self.frame.lookup(holder, name) if matters else UNREAD

    def _is_known(self, before: Any, after: Any, path: str) -> bool:
        """Notes that one object takes the place of another; says whether that was known."""
        if id(before) not in self._after and id(after) not in self._before:
            self._after[id(before)], self._before[id(after)] = after, before
            return False
        same = self._after.get(id(before)) is after and self._before.get(id(after)) is before
        if not same:
            self._differs(path, "an object that is also elsewhere", "one that is not")
        return True

    # Types -------------------------------------------------------------------------------------

    def weakly_typed_once(self, rows: list[Any]) -> list[Mismatch]:
        """Returns the arrays that this step finds weakly typed and the next will not.

        Args:
            rows: recipes of arrays that are wanted of each step.

        Returns:
            None of them if no array that the step leaves is weakly typed: the next step can leave
            none either, and has the same program.
        """
        pairs = [*self.arrays.values(), *[carried.pair for carried in self.late.last.values()]]
        once = [pair for pair in self.arrays.values() if self._gets_strong(pair)]
        changing = {id(pair.before) for pair in once}
        left = [recipe for recipe in (*[p.after for p in pairs], *rows) if is_array(recipe)]
        others = any(
            self.type_after(recipe).weak_type
            for recipe in left
            if isinstance(recipe, Out)
            or (isinstance(recipe, Input) and id(recipe.slot) in changing)
        )
        return [self._mismatch(p.path, p.before, p.after) for p in once] if others else []

    def _gets_strong(self, pair: Pair) -> bool:
        found = jax.typeof(pair.before.placeholder)
        is_number = pair.before.number is not None
        return found.weak_type and not is_number and not self.type_after(pair.after).weak_type

    def type_after(self, after: Any) -> Any:
        """Returns the abstract value of an array that a step leaves."""
        return type_of_recipe(after, self.traced)

    def _differs(self, path: str, before: Any, after: Any) -> None:
        self.mismatches.append(self._mismatch(path, before, after))

    def _mismatch(self, path: str, before: Any, after: Any) -> Mismatch:
        return Mismatch(path, described(before), self._described(after))

    def _described(self, after: Any) -> str:
        if isinstance(after, (Out, Input)) or is_array_constant(after):
            return short(self.type_after(after))
        if isinstance(after, (Constant, Computed)):
            return described(after.value if isinstance(after, Constant) else after.number.value)
        if isinstance(after, NewContainer):
            return f"another {named(after.kind, after.cls, after.aux, len(after.children))[2:]}"
        if isinstance(after, NewObject):
            return f"another {after.cls.__name__}"
        return "another object" if isinstance(after, Existing) else described(after)
