"""Python numbers that the steps of a loop change.

Where their course depends on numbers alone, Python itself goes through it, at each call: what is
committed is exactly what eager Python has, and what the program uses comes in as one vector of
values, a value for each step. Otherwise they are carried as arrays, and their arithmetic is done
again by JAX.
"""

from __future__ import annotations

import operator
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._core.numbers import Number, Step, Tape, apply
from .._core.recipes import Computed
from .._core.slots import is_number
from ..errors import CarryTypeError, TracedControlFlowError
from .courses import Course, own_index
from .forms import number_of
from .matching import Matching
from .pairs import Pair
from .steps import Place, StepFrame, needed
from .weak_types import as_number


class AskedForValue(Exception):
    """Says that the values of numbers which the loop must carry as arrays steered Python.

    Args:
        places: of these numbers.
    """

    def __init__(self, places: set[Place]) -> None:
        self.places = places


class Unsteady(Exception):
    """Says that numbers steered Python in one way at the first step, and in another later on."""


class Counting:
    """The numbers of one step.

    Args:
        matching: what the step changes.
        used: the numbers that the program takes.
        count: how many steps there are; None if that is not known.
    """

    def __init__(self, matching: Matching, used: list[Number], count: int | None) -> None:
        self.frame: StepFrame = matching.frame  # type: ignore[assignment]
        self.tape = self.frame.tape
        self.count, self.pairs = count, matching.numbers
        self.lasts = [
            c.pair for c in matching.late.last.values() if isinstance(c.pair.after, Computed)
        ]
        self.used = {number.index for number in used if number.tape is self.tape}
        self.sources = _sources(self.tape, set(self.pairs))
        self.carried = self._carried()
        self.vectors: dict[int, Any] = {}  # step -> one value for each step of the loop
        self.settled: dict[int, Any] = {}  # id of a pair -> number after the last step
        self.beneath = self.tape.beneath()
        self._guard_fixed()
        self._guard_carried()
        self._go_through()
        self.fixed = {
            i: as_input(self.beneath[i])
            for i in needed(self.tape, set(self._inputs()))
            if not self.sources[i]
        }

    def _carried(self) -> set[Place]:
        """Returns the places that only the program can know."""
        if self.count is None or self.frame.is_decided_by_program():
            return set(self.pairs)
        found: set[Place] = set()
        while True:
            more = {
                place
                for place, pair in self.pairs.items()
                if place not in found
                and (own_index(pair, self.tape) is None or self._depends(pair, found))
            }
            if not more:
                return found
            found |= more

    def _depends(self, pair: Pair, places: set[Place]) -> bool:
        index = own_index(pair, self.tape)
        return type(index) is int and bool(self.sources[index] & places)

    def is_carried(self, index: int) -> bool:
        """Says whether a step of the tape depends on a number that is carried as an array."""
        return bool(self.sources[index] & self.carried)

    # Guards ------------------------------------------------------------------------------------

    def _guard_fixed(self) -> None:
        """Passes guards on what the loop does not change on to the enclosing trace."""
        for index, value in self.tape.guards.items():
            number = self.beneath[index]
            if type(number) is Number and (not self.sources[index] or self.is_carried(index)):
                assert type(number.value) is type(value)
                number.plain()

    def _guard_carried(self) -> None:
        steering = [index for index in self.tape.guards if self.is_carried(index)]
        if steering:
            raise AskedForValue({p for i in steering for p in self.sources[i] & self.carried})

    # Numbers that Python goes through ----------------------------------------------------------

    def _go_through(self) -> None:
        host = {place: p for place, p in self.pairs.items() if place not in self.carried}
        steered = [i for i in self.tape.guards if self.sources[i] and not self.is_carried(i)]
        wanted = [i for i in self._inputs() if self.sources[i] and not self.is_carried(i)]
        lasts = [p for p in self.lasts if p.after.number.tape is self.tape]
        lasts = [p for p in lasts if not self.is_carried(p.after.number.index)]
        if self.count is None or not (host or wanted or lasts):
            return
        course = Course(self.tape, host, wanted, [p.after.number.index for p in lasts], steered)
        found = apply(course, self.count, *[self.beneath[i] for i in course.operands])
        steady, after, last, vectors = (apply(operator.itemgetter(i), found) for i in range(4))
        self._check(steady, host)
        if type(steady) is Number:
            steady.plain()
        for i, pair in enumerate(host.values()):
            self.settled[id(pair)] = apply(operator.itemgetter(i), after)
        for i, pair in enumerate(lasts):
            self.settled[id(pair)] = apply(operator.itemgetter(i), last)
        for i, index in enumerate(wanted):
            self.vectors[index] = apply(operator.itemgetter(i), vectors)

    def _check(self, steady: Any, host: dict[Place, Pair]) -> None:
        value = steady.value if type(steady) is Number else steady
        if value is None:
            raise Unsteady
        if value is False:
            steering = [i for i in self.tape.guards if self.sources[i]]
            raise AskedForValue({p for i in steering for p in self.sources[i]} or set(host))

    def _inputs(self) -> list[int]:
        """Returns the steps of the tape that the program takes, or its arithmetic on numbers."""
        afters = [own_index(p, self.tape) for p in self.pairs.values()]
        computed = {i for i in self.used if self.is_carried(i)}
        computed |= {i for i in afters if type(i) is int and self.is_carried(i)}
        edge = {
            operand
            for i in needed(self.tape, computed)
            if self.is_carried(i)
            for operand in self.tape.steps[i].operands
        }
        given = {i for i in afters if type(i) is int} if self.count is None else set()
        return sorted(self.used | edge | given)

    # Numbers that are carried as arrays --------------------------------------------------------

    def initial(self, pair: Pair) -> Any:
        """Returns the array that a carried number starts from.

        Raises:
            CarryTypeError: if it has more bits than JAX's integers.
        """
        try:
            return as_number(self.frame.value_beneath(pair.before), type_of_number(pair))
        except OverflowError as error:
            raise CarryTypeError(
                f"{pair.path} is carried as an array, and has more bits than JAX's integers.",
                where=f"{pair.path}, at {self.frame.ground.where()}",
                do="change it outside of the loop, or let JAX have 64 bits (jax_enable_x64).",
            ) from error

    def rows(self) -> list[Any]:
        """Returns the values of `vectors` as arrays of the types that JAX gives such numbers."""
        kinds = [type(self.tape.steps[index].value) for index in self.vectors]
        return [
            jnp.asarray(as_input(v)) if kind is np.ndarray else as_number(as_input(v), kind)
            for v, kind in zip(self.vectors.values(), kinds, strict=True)
        ]  # an array is what a loop within the step has gone through, and gives that loop its rows

    def arrays(self, places: dict[Place, Any], at: dict[int, Any]) -> dict[int, Any]:
        """Does the arithmetic on carried numbers again, in the program.

        Args:
            places: place -> the carried array.
            at: step -> the value of a number that Python has gone through, at this step.
        """
        found: dict[int, Any] = {**self.fixed, **at}
        for index, step in enumerate(self.tape.steps):
            if not self.is_carried(index):
                continue
            if step.fun is None:
                found[index] = places[step.node.place]
            elif all(i in found for i in step.operands):
                found[index] = step.fun(*[found[i] for i in step.operands])
                self._check_kind(step, found[index])
        return found

    def _check_kind(self, step: Step, found: Any) -> None:
        """Refuses what JAX computes of integers as an integer, and Python perhaps as a float.

        Raises:
            TracedControlFlowError: if an exponent is carried, or the type is another one already.
        """
        if step.fun is operator.pow and all(
            type(self.tape.steps[i].value) is int for i in step.operands
        ):
            may_differ = self.is_carried(step.operands[1])
        else:
            kind = getattr(getattr(found, "dtype", None), "kind", None)
            may_differ = is_number(step.value) and kind not in (
                None,
                np.dtype(type(step.value)).kind,
            )
        if may_differ:
            raise TracedControlFlowError(
                "an integer is raised to the power of an integer that the loop carries as an "
                "array: where that is negative eager Python has a float.",
                where=self.frame.ground.where(),
                do="write `2.0 ** n` for a float, or `1 << n` for a power of two.",
            )


def type_of_number(pair: Pair) -> Any:
    """Returns the Python type of a number that is carried."""
    return number_of(pair.after) if type(pair.before) is not Number else type(pair.before.value)


def as_input(value: Any) -> Any:
    """Returns a number as JAX takes it."""
    return value.__jax_array__() if type(value) is Number else value


def _sources(tape: Tape, changing: set[Place]) -> list[set[Place]]:
    """Returns for each step of a tape the changing places that it depends on."""
    found: list[set[Place]] = []
    for step in tape.steps:
        if step.node is not None:
            place = step.node.place
            found.append({place} if place in changing else set())
        else:
            found.append({p for i in step.operands for p in found[i]})
    return found
