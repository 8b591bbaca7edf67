"""Python numbers that the steps of a loop change.

Where their course depends on numbers alone, Python itself goes through it, at each call: what is
committed is exactly what eager Python has, and what the program uses comes in as one vector of
values, a value for each step. Otherwise they are carried as arrays, and their arithmetic is done
again by JAX.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.numbers import Number, Step, Tape, apply
from .._core.recipes import Computed, Constant
from .._core.slots import MISSING, is_number
from ..errors import TracedControlFlowError
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
                and (_own_index(pair, self.tape) is None or self._depends(pair, found))
            }
            if not more:
                return found
            found |= more

    def _depends(self, pair: Pair, places: set[Place]) -> bool:
        index = _own_index(pair, self.tape)
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
        afters = [_own_index(p, self.tape) for p in self.pairs.values()]
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
        """Returns the array that a carried number starts from."""
        return as_number(self.frame.value_beneath(pair.before), type_of_number(pair))

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


def _own_index(pair: Pair, tape: Tape) -> Any:
    """Returns the step that gives the number after a step of the loop; MISSING for a constant."""
    if isinstance(pair.after, Constant):
        return MISSING
    if isinstance(pair.after, Computed):
        return pair.after.number.index if pair.after.number.tape is tape else MISSING
    return None


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


class Course:
    """Goes through the steps of a loop in Python, for the sake of its numbers.

    Args:
        tape: what one step does with its numbers.
        changing: the places that change.
        vectors: steps of the tape of which all values are wanted.
        lasts: steps of the tape of which the last value is wanted.
        guards: steps of the tape whose values steered Python.

    Attributes:
        operands: steps of the tape whose values in the enclosing trace are taken.
    """

    def __init__(
        self,
        tape: Tape,
        changing: dict[Place, Pair],
        vectors: list[int],
        lasts: list[int],
        guards: list[int],
    ) -> None:
        self.dtypes = [_dtype(tape, index) for index in vectors]
        self.n = len(changing)
        space: dict[str, Any] = {"dtypes": self.dtypes, "array": np.array}
        own = {place: _own_index(pair, tape) for place, pair in changing.items()}
        afters = {i for i in own.values() if type(i) is int}
        steps = sorted(needed(tape, {*vectors, *lasts, *guards, *afters}))
        first = {pair.before.index: place for place, pair in changing.items()}
        fixed = [i for i in steps if _is_fixed(tape, i, changing)]
        self.operands = [*first, *fixed]
        names = {place: f"p{k}" for k, place in enumerate(changing)}
        body = [line for i in steps if i not in fixed for line in _lines(tape, i, names, space)]
        for k, index in enumerate(vectors):
            body.append(f"u{k}(s{index})")
        space["expected"] = tuple(repr(tape.guards[index]) for index in guards)
        if guards:
            body.append(f"now = ({''.join(f'repr(s{i}), ' for i in guards)})")
            body.append("if now != wanted:")
            body.append("    if i != 1: return broken")
            body.append("    wanted, steady = now, None")
        for k, (place, pair) in enumerate(changing.items()):
            if type(own[place]) is int:
                body.append(f"q{k} = s{own[place]}")
            else:
                space[f"c{k}"] = _constant(pair)
                body.append(f"q{k} = c{k}")
            space[f"t{k}"] = type(pair.before.value)
            body.append(f"if type(q{k}) is not t{k}: return broken")
        body += [f"p{k} = q{k}" for k in range(self.n)]
        self.function = _function(self, names, fixed, vectors, lasts, body, space)

    def __call__(self, count: int, *operands: Any) -> Any:
        """Returns (is steady, numbers after the last step, last values, vectors).

        What is steady is True; None if only the first step differs from the others; else False.
        """
        return self.function(count, *operands)


def _function(
    course: Course,
    names: dict[Place, str],
    fixed: list[int],
    vectors: list[int],
    lasts: list[int],
    body: list[str],
    space: dict[str, Any],
) -> Callable[..., Any]:
    """Returns the loop as a Python function: an interpreter would take three times as long."""
    places = list(names.values())
    parameters = ", ".join(["count", *places, *[f"s{i}" for i in fixed]])
    results = [f"({''.join(f'{p}, ' for p in places)})", f"({''.join(f's{i}, ' for i in lasts)})"]
    columns = "".join(f"array(v{k}, dtypes[{k}]), " for k in range(len(vectors)))
    space["broken"] = (False, (), (), ())
    text = [
        f"def course({parameters}):",
        "    wanted, steady = expected, True",
        *[f"    v{k} = []; u{k} = v{k}.append" for k in range(len(vectors))],
        "    for i in range(count):",
        *[f"        {line}" for line in body or ["pass"]],
        f"    return steady, {results[0]}, {results[1]}, ({columns})",
    ]
    exec(compile("\n".join(text), "<statejit loop>", "exec"), space)  # noqa: S102, our own text
    return space["course"]


def _lines(tape: Tape, index: int, names: dict[Place, str], space: dict[str, Any]) -> list[str]:
    step = tape.steps[index]
    if step.node is not None:
        return [f"s{index} = {names[step.node.place]}"]
    if step.fun is None:
        space[f"k{index}"] = step.constant
        return [f"s{index} = k{index}"]
    space[f"f{index}"] = step.fun
    lines = [f"s{index} = f{index}({', '.join(f's{i}' for i in step.operands)})"]
    inner = type(step.fun) is Course  # a loop in the step, which must be steady, too
    return [*lines, f"if s{index}[0] is not True: return broken"] if inner else lines


def _is_fixed(tape: Tape, index: int, changing: dict[Place, Pair]) -> bool:
    node = tape.steps[index].node
    return node is not None and node.place not in changing


def _constant(pair: Pair) -> Any:
    if isinstance(pair.after, Constant):
        return pair.after.value
    return pair.after.number.plain()  # of an enclosing trace: the same at every step


def _dtype(tape: Tape, index: int) -> Any:
    value = tape.steps[index].value  # an array, if it is the course of a loop in the step
    found = value.dtype if isinstance(value, np.ndarray) else np.dtype(type(value))
    return jax.dtypes.canonicalize_dtype(found)
