"""The loop over a known number of steps: `scan`, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.captures import unchanged_captures
from .._core.cells import Cell
from .._core.discovery import Traced, run
from .._core.frames import Frame
from .._core.inner import commit
from .._core.numbers import Number
from .._core.recipes import Input, Out
from .._core.windows import Window
from ..array.array import made
from ..errors import CarryTypeError
from .counting import AskedForValue, Counting, Unsteady
from .forms import shells, type_of_recipe
from .matching import Matching
from .pairs import Mismatch
from .progress import Meter, ProgressBar
from .repeating import Repetition
from .steps import Ways, blank, watched

MOST_PEELED = 3
"""How many first steps may change the structure of the state; each is traced on its own."""


class Scan:
    """A loop in an enclosing frame.

    Args:
        beneath: the enclosing frame, which is current.
        fun: (carry, x) -> (carry, y).
        xs: what there is for each step, stacked along the first axis.
        count: the number of steps.
        options: `reverse`, `unroll`, whether a step is differentiated by computing it again, and
            the progress bar.
    """

    def __init__(
        self,
        beneath: Frame,
        fun: Callable[..., Any],
        xs: Any,
        count: int,
        options: tuple[bool, Any, Any, ProgressBar | None],
    ) -> None:
        self.beneath, self.fun, self.count = beneath, fun, count
        self.reverse, self.unroll, self.remat, bar = options
        self.meter = None if bar is None else Meter(bar, count)
        self.xs, self.xs_tree = jax.tree.flatten(xs, is_leaf=is_leaf)
        self.arrays = [as_array(x) for x in self.xs]
        self.ways = Ways()
        self.done = 0
        self.made: list[Any] = []  # objects that peeled steps have made
        self.rows: list[list[Any]] = []  # of the steps that were peeled
        self.y_tree: Any = None
        self.y_wraps: list[bool] = []  # which leaves of y are mutable arrays

    def run(self, carry: Any) -> tuple[Any, Any]:
        """Returns the last carry, and all y stacked."""
        carry = arrays_for_numbers(carry)
        if not self.count:
            return self._none(carry)
        while self.done < self.count:
            traced = self._traced(carry)
            repetition, problems = self._repetition(traced)
            if repetition is not None:
                carry, rows = self._repeat(repetition)
                return carry, self._stacked(rows)
            if problems is not None:
                if self.done >= MOST_PEELED and self.count - self.done > 1:
                    refuse(problems, traced)
                carry = self._peel(traced)
        return carry, self._stacked(None)

    # One step ----------------------------------------------------------------------------------

    def _traced(self, carry: Any) -> Traced:
        self.slices = [blank(array, 0) for array in self.arrays]

        def work(frame: Frame) -> Traced:
            for slot in self.slices:
                slot.owner = frame.mark
            return run(self._step, [frame.adopt_argument(carry), *self.slices], {}, frame)

        with unchanged_captures(self.beneath, self.fun):
            return watched(work, self.beneath, self.ways)

    def _step(self, carry: Any, *slices: Any) -> Any:
        rows = [like(s, is_mutable(x)) for s, x in zip(slices, self.xs, strict=True)]
        result = self.fun(carry, jax.tree.unflatten(self.xs_tree, rows))
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise TypeError(
                "scan body output must be a pair, got "
                f"{type(result).__name__}: the function is to return (carry, y)."
            )
        carry, y = result
        leaves, self.y_tree = jax.tree.flatten(y, is_leaf=is_leaf)
        self.y_wraps = [is_mutable(leaf) for leaf in leaves]
        return arrays_for_numbers(carry), [as_array(leaf, "y") for leaf in leaves]

    def _repetition(self, traced: Traced) -> tuple[Repetition | None, Any]:
        after, rows = traced.result.children
        matching = Matching(traced, after, passing=frozenset(id(made) for made in self.made))
        if matching.plain_numbers - self.ways.as_arrays:
            self.ways.as_arrays |= matching.plain_numbers
            self.ways.plain -= matching.plain_numbers
            return None, None
        problems = matching.mismatches or matching.weakly_typed_once(rows.children)
        if problems:
            return None, problems
        used = [i for i in traced.inputs if type(i) is Number]
        try:
            counting = Counting(matching, used, self.count - self.done)
        except AskedForValue as asked:
            if asked.places <= self.ways.as_arrays:
                raise
            self.ways.as_arrays |= asked.places
            return None, None
        except Unsteady:
            return None, [Mismatch("a number", "one that steers Python", "another value")]
        return Repetition(matching, counting, rows.children), None

    def _repeat(self, repetition: Repetition) -> tuple[Any, list[Any]]:
        arrays = [self._rest(array) for array in self.arrays]
        vectors = [v[::-1] if self.reverse else v for v in repetition.vectors()]

        def step(carried: list[Any], rows: Any) -> Any:
            slices, numbers = rows
            arguments = {id(s): r for s, r in zip(self.slices, slices, strict=True)}
            return repetition.advance(carried, arguments, numbers)

        body = step if self.remat is None else jax.checkpoint(step, prevent_cse=False)
        scan = jax.lax.scan if self.meter is None else self.meter.scan
        finals, rows = scan(
            body,
            repetition.initial(),
            (arrays, vectors),
            self.count - self.done,
            self.reverse,
            self.unroll,
        )
        return repetition.commit(finals, self.beneath), rows

    def _rest(self, array: Any) -> Any:
        if not self.done:
            return array
        return array[: -self.done] if self.reverse else array[self.done :]

    # First steps that change the structure -----------------------------------------------------

    def _peel(self, traced: Traced) -> Any:
        """Does one step on its own, commits it, and returns the carry."""
        at = self.count - 1 - self.done if self.reverse else self.done
        for slot, array in zip(self.slices, self.arrays, strict=True):
            slot.value = jax.lax.index_in_dim(array, at, keepdims=False)
        frame = traced.frame
        for index in frame.tape.guards:  # type: ignore[attr-defined]
            number = frame.tape.beneath()[index]  # type: ignore[attr-defined]
            if type(number) is Number:
                number.plain()
        outs = traced.pure(*[frame.value_beneath(entry) for entry in traced.inputs])
        rows = traced.result.children[1].children
        found = [_value(row, outs, frame) for row in rows]
        carry, _ = commit(traced, outs, self.beneath)
        self.made.extend(shells(traced))
        self.rows.append(found)
        self.done += 1
        return carry

    # Results -----------------------------------------------------------------------------------

    def _stacked(self, rows: list[Any] | None) -> Any:
        first = [list(column) for column in zip(*self.rows, strict=True)]
        if self.reverse:
            first = [column[::-1] for column in first]
        columns = []
        for i in range(len(self.y_wraps)):
            parts = [jnp.stack(first[i])] if first else []
            parts += [rows[i]] if rows is not None else []
            parts = parts[::-1] if self.reverse else parts
            columns.append(parts[0] if len(parts) == 1 else jnp.concatenate(parts))
        return self._y(columns)

    def _y(self, columns: list[Any]) -> Any:
        leaves = [like(c, wraps) for c, wraps in zip(columns, self.y_wraps, strict=True)]
        return jax.tree.unflatten(self.y_tree, leaves)

    def _none(self, carry: Any) -> tuple[Any, Any]:
        """Returns the carry as it is: there is no step at all."""
        traced = self._traced(carry)
        shapes = [type_of_recipe(row, traced) for row in traced.result.children[1].children]
        return carry, self._y([jnp.zeros((0, *s.shape), s.dtype) for s in shapes])


def refuse(mismatches: list[Mismatch], traced: Traced) -> None:
    """Raises the error of a loop whose steps change the structure of the state.

    Raises:
        CarryTypeError: always.
    """
    found = mismatches[0]
    raise CarryTypeError(
        f"{found.path} would change its type in each step of the loop.",
        where=f"{found.path}{_line(found, traced)}; {found.before} before the step, "
        f"{found.after} after it",
        do="give it before the loop what each step leaves there; what is to grow, return from the "
        "step: it is stacked.",
    )


def _line(found: Mismatch, traced: Traced) -> str:
    """Returns where a place was written last."""
    frame = traced.frame
    lines = getattr(frame, "lines", {})
    for state in frame.states.values():
        for name in state.written:
            if frame.ground.path_of(state.holder, name) == found.path:
                return f", written at {lines.get((id(state.holder), name), '')}"
    return ""


def _value(recipe: Any, outs: list[Any], frame: Frame) -> Any:
    if isinstance(recipe, Out):
        return outs[recipe.index]
    return frame.value_beneath(recipe.slot) if isinstance(recipe, Input) else recipe.value


# Leaves of what the user gives and returns -------------------------------------------------------


def is_cell(value: Any) -> bool:
    """Says whether a value is a mutable array (a stand-in does not say so itself)."""
    return issubclass(type(value), Cell)


def is_leaf(value: Any) -> bool:
    """Says whether a value is one array or number."""
    return is_cell(value) or type(value) is Number


def content(leaf: Any) -> Any:
    """Returns the array of a mutable array, and other leaves as they are."""
    return leaf.value if is_cell(leaf) else leaf


def is_view(leaf: Any) -> bool:
    """Says whether a leaf is a mutable array that shows a part of another one."""
    return is_cell(leaf) and type(leaf.held()) is Window


def without_views(result: Any) -> Any:
    """Returns a result with arrays of their own in the place of views."""
    return jax.tree.map(lambda v: v.copy() if is_view(v) else v, result, is_leaf=is_leaf)


def as_array(leaf: Any, what: str = "xs") -> Any:
    """Returns an array-like leaf as a `jax.Array`.

    Raises:
        TypeError: if it is none.
    """
    if isinstance(leaf, jax.Array):
        return leaf
    if is_cell(leaf):
        return leaf.value
    if type(leaf) is Number:
        return leaf.__jax_array__()
    if isinstance(leaf, (np.ndarray, np.generic, bool, int, float, complex)):
        return jnp.asarray(leaf)
    raise TypeError(
        f"{what} holds a {type(leaf).__name__}, which is no array: {leaf!r}. Give arrays, numbers, "
        "or trees of these: of an object, what its attributes hold."
    )


def arrays_for_numbers(carry: Any) -> Any:
    """Returns a carry with arrays in the place of Python numbers, as JAX has it."""

    def converted(leaf: Any) -> Any:
        number = type(leaf) is Number or isinstance(leaf, (int, float, complex, np.generic))
        return as_array(leaf) if number or type(leaf) is np.ndarray else leaf

    leaves = jax.tree.leaves(carry, is_leaf=is_leaf)
    new = [leaf if is_cell(leaf) else converted(leaf) for leaf in leaves]
    if all(a is b for a, b in zip(leaves, new, strict=True)):
        return carry
    return jax.tree.unflatten(jax.tree.structure(carry, is_leaf=is_leaf), new)


def is_mutable(leaf: Any) -> bool:
    """Says whether a leaf is a mutable array of ours."""
    return is_cell(leaf) and not leaf.host


def like(array: Any, mutable: bool) -> Any:
    """Returns an array as a mutable one, if what it comes from is one."""
    return made(array) if mutable else array


def count_of(arrays: list[Any], length: int | None) -> int:
    """Returns the number of steps.

    Raises:
        ValueError: if it can't be told, or if lengths differ.
    """
    lengths = {int(array.shape[0]) for array in arrays if array.ndim}
    if any(not array.ndim for array in arrays):
        raise ValueError("scan got a value with no leading axis to loop over.")
    if length is not None:
        lengths.add(int(length))
    if not lengths:
        raise ValueError("scan got no values to loop over and `length` not provided.")
    if len(lengths) > 1:
        raise ValueError(f"scan got values with different leading axis sizes: {sorted(lengths)}.")
    return lengths.pop()
