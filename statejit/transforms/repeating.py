"""A step that can be repeated: what is carried, what is closed over, and what comes out."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax

from .._core.discovery import Traced
from .._core.inner import commit
from .._core.numbers import Number
from .._core.recipes import Computed, Constant, Input, Out, Refill, SetAttr
from .._core.slots import MISSING, Slot, zeros
from .counting import Counting, type_of_number
from .forms import number_of, same_recipe
from .handing import handed
from .matching import Matching
from .origins import is_argument, origin
from .pairs import UNREAD, Pair
from .weak_types import as_number


class Repetition:
    """One step, ready to be repeated.

    Args:
        matching: what the step changes.
        counting: its numbers.
        rows: recipes of arrays that are wanted of each step.
        others: what was traced over the same slots, and is not part of the step.

    Attributes:
        pairs: what is carried, in order.
        given: id of a slot that is closed over -> its array in the enclosing trace.
    """

    def __init__(
        self,
        matching: Matching,
        counting: Counting,
        rows: list[Any],
        others: tuple[Traced, ...] = (),
    ) -> None:
        self.matching, self.counting, self.rows = matching, counting, rows
        self.runs = (matching.traced, *others)
        self.traced, self.frame = matching.traced, matching.frame
        self._made: dict[Any, Out] = {}  # what made an array -> the output that it is
        arrays = [p for p in matching.arrays.values() if not _is_kept(p)]
        lasts = [c.pair for c in matching.late.last.values() if self._is_carried_last(c.pair)]
        numbers = [matching.numbers[place] for place in counting.carried]
        twins = {id(p): q for p in lasts for q in arrays if same_recipe(p.after, q.after)}
        self.pairs = [*arrays, *[p for p in lasts if id(p) not in twins], *numbers]
        for index, pair in enumerate(self.pairs):
            pair.index = index
        for pair in lasts:
            pair.index = twins[id(pair)].index if id(pair) in twins else pair.index
        self.places = {
            place: self.pairs.index(matching.numbers[place]) for place in counting.carried
        }
        own = {id(p.before) for p in self.pairs if type(p.before) is Slot}
        self.given = {
            id(slot): self.frame.value_beneath(slot)
            for slot in self._slots()
            if id(slot) not in own and not is_argument(slot)
        }
        for entry in self._entries():
            if type(entry) is Number and entry.tape is not counting.tape:
                self.given[id(entry)] = entry.__jax_array__()

    def _is_carried_last(self, pair: Pair) -> bool:
        if not isinstance(pair.after, Computed):
            return not (isinstance(pair.after, Input) and self._is_closed_over(pair.after.slot))
        number = pair.after.number
        own = number.tape is self.counting.tape
        return own and id(pair) not in self.counting.settled

    def _is_closed_over(self, slot: Slot) -> bool:
        return not is_argument(slot) and self._carried(slot) is None

    def _slots(self) -> list[Slot]:
        recipes = [*(p.after for p in self.pairs), *self.rows, *[r.result for r in self.runs]]
        read = [r.slot for r in recipes if isinstance(r, Input)]
        return [entry for entry in self._entries() if type(entry) is Slot] + read

    def _entries(self) -> list[Any]:
        return [entry for traced in self.runs for entry in traced.inputs]

    # Before the loop, in it, and after it -------------------------------------------------------

    def initial(self) -> list[Any]:
        """Returns the arrays that are carried into the first step."""
        return [self._initial(pair) for pair in self.pairs]

    def _initial(self, pair: Pair) -> Any:
        if type(pair.before) is Number:
            return self.counting.initial(pair)
        left = self.matching.type_after(pair.after)
        if pair.before is UNREAD:
            keys = jax.numpy.issubdtype(left.dtype, jax.dtypes.prng_key)
            return zeros(left.shape, left.dtype, left.weak_type, _impl(left) if keys else None)
        value = self.frame.value_beneath(pair.before)
        if value.weak_type and not left.weak_type:
            return jax.lax.convert_element_type(value, left.dtype)
        return value

    def vectors(self) -> list[Any]:
        """Returns the values of numbers at each step, one array for each number."""
        return self.counting.rows()

    def advance(
        self, carried: list[Any], arguments: dict[int, Any], numbers: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Does one step in the program.

        Args:
            carried: the carried arrays.
            arguments: id of a slot -> array, for the arguments that differ from step to step.
            numbers: what `vectors` has for this step.

        Returns:
            The carried arrays after the step, and the rows.
        """
        env = {**self.given, **arguments}
        for pair, value in zip(self.pairs, carried, strict=True):
            env[id(pair.before)] = value
        found = self._numbers(carried, numbers)
        outs = self.traced.pure(*[self._input(i, env, found) for i in self.traced.inputs])
        after = [
            fitted(self._value(pair.after, outs, env, found), pair, old)
            for pair, old in zip(self.pairs, carried, strict=True)
        ]
        return after, [self._value(row, outs, env, found) for row in self.rows]

    def _numbers(self, carried: list[Any], numbers: list[Any]) -> dict[int, Any]:
        at = dict(zip(self.counting.vectors, numbers, strict=True))
        places = {place: carried[index] for place, index in self.places.items()}
        return self.counting.arrays(places, at)

    def asked(self, traced: Traced, carried: list[Any]) -> Any:
        """Returns the result, an array, of another function traced over the same slots."""
        env = dict(self.given)
        for pair, value in zip(self.pairs, carried, strict=True):
            env[id(pair.before)] = value
        found = self._numbers(carried, [])
        outs = traced.pure(*[self._input(i, env, found) for i in traced.inputs])
        return self._value(traced.result, outs, env, found)

    def _input(self, entry: Any, env: dict[int, Any], numbers: dict[int, Any]) -> Any:
        if type(entry) is Slot:
            return env[id(entry)]
        if entry.tape is self.counting.tape:
            return numbers[entry.index]
        return env[id(entry)]

    def _value(
        self, recipe: Any, outs: list[Any], env: dict[int, Any], numbers: dict[int, Any]
    ) -> Any:
        if isinstance(recipe, Out):
            return outs[recipe.index]
        if isinstance(recipe, Input):
            return env[id(recipe.slot)]
        if isinstance(recipe, Computed):
            own = recipe.number.tape is self.counting.tape
            return numbers[recipe.number.index] if own else recipe.number.__jax_array__()
        return recipe.value

    def commit(self, finals: list[Any], beneath: Any) -> Any:
        """Commits what the loop leaves to the enclosing frame, and returns the carry.

        Args:
            finals: the carried arrays after the last step.
            beneath: the enclosing frame.
        """
        memo: dict[int, Any] = {}

        def arranged(recipe: Any) -> Any:
            return handed(recipe, self._final, memo)

        effects = [self._arranged(e, arranged) for e in self.matching.effects]
        result = arranged(self.matching.carry)
        return commit(
            dataclasses.replace(self.traced, effects=effects, result=result), finals, beneath
        )

    def _arranged(self, effect: Any, arranged: Any) -> Any:
        if isinstance(effect, Refill):
            return Refill(effect.container, effect.aux, [arranged(c) for c in effect.children])
        if effect.recipe is MISSING:
            return effect
        return SetAttr(effect.holder, effect.name, arranged(effect.recipe))

    def _final(self, pair: Pair) -> Any:
        if id(pair) in self.counting.settled:
            number = self.counting.settled[id(pair)]
            return Computed(number) if type(number) is Number else Constant(number)
        if pair.index is None:
            return pair.after
        if type(pair.before) is Number or isinstance(pair.after, Computed):
            return Out(pair.index, type_of_number(pair))
        number = pair.before.number if type(pair.before) is Slot else number_of(pair.after)
        return (
            Out(pair.index, number) if number or self.counting.count is None else self._same(pair)
        )

    def _same(self, pair: Pair) -> Any:
        """Returns the recipe of an array that is the same wherever eager Python has the same."""
        assert self.counting.count is not None and pair.index is not None
        found = origin(pair, self.counting.count, self._carried)
        if isinstance(found, (Input, Constant)):
            return found
        return self._made.setdefault(found, Out(pair.index))

    def _carried(self, slot: Slot) -> Pair | None:
        pair = self.matching.arrays.get(id(slot))
        return None if pair is None or _is_kept(pair) else pair


def fitted(value: Any, pair: Pair, old: Any) -> Any:
    """Returns what a step leaves as the array by which it is carried."""
    if type(pair.before) is Number:
        return as_number(value, type_of_number(pair))
    if not isinstance(value, jax.Array):
        value = jax.numpy.asarray(value)
    if value.dtype != old.dtype or (value.weak_type and not old.weak_type):
        return jax.lax.convert_element_type(value, old.dtype)
    return value


def _is_kept(pair: Pair) -> bool:
    return isinstance(pair.after, Input) and pair.after.slot is pair.before


def _impl(aval: Any) -> Any:
    """Returns the implementation of keys of a type; JAX tells it of arrays and tracers alone."""
    found: list[Any] = []
    like = jax.ShapeDtypeStruct((), aval.dtype)
    jax.eval_shape(lambda key: found.append(jax.random.key_impl(key)), like)
    return found[0]
