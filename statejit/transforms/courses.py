"""The course of Python numbers through the steps of a loop, which Python itself goes through.

What only counts (`n += 1`, `t += dt`) needs no steps of Python's: NumPy knows the course of such
numbers, to the last bit.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .._core.numbers import Tape
from .._core.recipes import Computed, Constant
from .._core.slots import MISSING
from .pairs import Pair
from .steps import Place, needed


def own_index(pair: Pair, tape: Tape) -> Any:
    """Returns the step that gives the number after a step of the loop; MISSING for a constant."""
    if isinstance(pair.after, Constant):
        return MISSING
    if isinstance(pair.after, Computed):
        return pair.after.number.index if pair.after.number.tape is tape else MISSING
    return None


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
        own = {place: own_index(pair, tape) for place, pair in changing.items()}
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
        self.counters = None if guards else _counters(tape, changing, {*vectors, *lasts})
        self.vectors, self.lasts = vectors, lasts

    def __call__(self, count: int, *operands: Any) -> Any:
        """Returns (is steady, numbers after the last step, last values, vectors).

        What is steady is True; None if only the first step differs from the others; else False.
        """
        known = self._counted(count, dict(zip(self.operands, operands, strict=True)))
        return self.function(count, *operands) if known is None else known

    def _counted(self, count: int, given: dict[int, Any]) -> Any:
        """Returns what the loop would return if all numbers only count, else None."""
        if self.counters is None or not count:
            return None
        rows: dict[int, Any] = {}
        afters = []
        for counter in self.counters:
            row = counter.row(count, given)
            if row is None:
                return None
            rows[counter.before], rows[counter.after] = row[:-1], row[1:]
            afters.append(_last(row))
        columns = tuple(map(_column, (rows[i] for i in self.vectors), self.dtypes))
        return True, tuple(afters), tuple(_last(rows[i]) for i in self.lasts), columns


@dataclasses.dataclass(frozen=True)
class Counter:
    """A number that grows by the same at each step, as `n += 1` and `t += dt` do.

    Args:
        before, after: the steps of the tape that have it before and after.
        by: the step of the tape that has what is added to it; of a number that does not change.
        constant: what is added, if the tape knows that.
    """

    before: int
    after: int
    by: int
    constant: Any

    def row(self, count: int, given: dict[int, Any]) -> Any:
        """Returns the number before the first step and after each; None if Python must do it."""
        first, by = given[self.before], given.get(self.by, self.constant)
        if type(first) is int and type(by) is int and by:
            return range(first, first + by * count + (1 if by > 0 else -1), by)
        if type(first) is float and type(by) is float:
            row = np.full(count + 1, by)
            row[0] = first
            with np.errstate(all="ignore"):  # Python adds infinities without a word
                return np.add.accumulate(row)  # one after the other, as Python does
        return None


def _counters(tape: Tape, changing: dict[Place, Pair], wanted: set[int]) -> list[Counter] | None:
    """Returns the counters of a loop whose numbers do nothing but count, else None."""
    found = []
    for pair in changing.values():
        after = own_index(pair, tape)
        step = tape.steps[after] if type(after) is int else None
        if step is None or step.fun not in (operator.add, operator.iadd):
            return None
        before, by = step.operands
        added = tape.steps[by]
        if (
            before != pair.before.index
            or added.fun
            or not (added.node is None or _is_fixed(tape, by, changing))
        ):
            return None
        found.append(Counter(before, after, by, added.constant))
    known = {i for counter in found for i in (counter.before, counter.after)}
    return found if wanted <= known else None


def _last(row: Any) -> Any:
    return row[-1] if type(row) is range else float(row[-1])


def _column(row: Any, dtype: Any) -> Any:
    """Returns the values of a number as an array; raises where they do not fit."""
    if type(row) is range:
        edges, limits = (row.start, row.stop, row.step), np.iinfo(dtype)
        if limits.min <= min(edges) and max(edges) <= limits.max:
            return np.arange(*edges, dtype=dtype)
    with np.errstate(over="ignore"):  # as JAX does where it takes a number
        return np.array(row, dtype)


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
