"""The frame of one step of a loop: Python numbers are symbolic in it, whether they vary or not.

Whether a step writes a number is known only at its end. Till then each number that it reads is
recorded on a tape of its own, so that its code runs once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from .._core.frames import Frame
from .._core.memory import held_at
from .._core.numbers import Found, Number, Tape
from .._core.places import user_line
from .._core.slots import Slot, fresh, is_number, zeros
from ..errors import StatejitError

Place = tuple[int, Any]
"""Id of an object, cell or container, and the name of an attribute or the position of a child."""


class Ways:
    """How the numbers in certain places are handed out: what failed attempts have taught.

    Args:
        counts: whether it is known how many steps there are.

    Attributes:
        as_arrays: places whose numbers are handed out as arrays.
        plain: places whose numbers are handed out as they are.
    """

    def __init__(self, counts: bool = True) -> None:
        self.counts = counts
        self.as_arrays: set[Place] = set()
        self.plain: set[Place] = set()


class StepFrame(Frame):
    """Is the frame of one step.

    Args:
        beneath: the enclosing frame.
        ways: how numbers are handed out.
    """

    def __init__(self, beneath: Frame, ways: Ways) -> None:
        super().__init__(beneath, beneath.ground)
        self.ways = ways
        self.tape = Tape(max(tape.depth for tape in beneath.tapes()) + 1)
        self.lines: dict[Place, str] = {}
        self.alive: list[Any] = []  # places are told by id
        self._arrays: dict[Place, Slot] = {}

    def own(self, entry: Any, holder: Any, name: Any) -> Any:
        """Makes numbers symbolic."""
        if type(entry) is not Number and not is_number(entry):
            return entry
        place = (id(holder), name)
        self.alive.append(holder)
        if place in self.ways.plain:
            return entry
        if place in self.ways.as_arrays:
            return self._array(place, entry)
        value = entry.value if type(entry) is Number else entry
        return self.tape.read(Found(place, entry), value)

    def _array(self, place: Place, entry: Any) -> Slot:
        if place not in self._arrays:
            value = entry.value if type(entry) is Number else entry
            with jax.ensure_compile_time_eval():
                array = jnp.asarray(value)
            self._arrays[place] = Slot(entry, fresh(array), number=type(value))
            self._arrays[place].owner = self.mark
        return self._arrays[place]

    def write(self, holder: Any, name: str, value: Any) -> None:
        """Writes an attribute, and remembers the line."""
        self.lines[id(holder), name] = user_line()
        super().write(holder, name, value)

    def value_beneath(self, slot: Slot | Number) -> Any:
        """Returns what an input stands for in the enclosing frame."""
        if type(slot) is Number:
            slot = self.number_beneath(slot)
            return slot.__jax_array__() if type(slot) is Number else slot
        if slot.owner is self.mark and not isinstance(slot.value, jax.Array):
            number = slot.value
            return number.__jax_array__() if type(number) is Number else jnp.asarray(number)
        return super().value_beneath(slot)

    def number_beneath(self, number: Number) -> Any:
        """Returns a number as the enclosing frame has it at the first step."""
        return self.tape.beneath()[number.index] if number.tape is self.tape else number

    def is_decided_by_program(self) -> bool:
        """Says whether an enclosing loop carries any number that is written here as an array."""
        frame: Any = self.beneath
        chosen = False
        while isinstance(frame, Frame):
            if isinstance(frame, StepFrame) and (chosen or not frame.ways.counts):
                return True
            frame, chosen = frame.beneath, chosen or frame.is_branch
        return False

    def tapes(self) -> list[Tape]:
        """Returns the tapes of this frame and of those that enclose it."""
        return [self.tape, *super().tapes()]


def blank(array: Any, axis: int | None = None, shape: tuple[int, ...] | None = None) -> Slot:
    """Returns the slot of an argument of a step.

    Args:
        array: an array of its type.
        axis: an axis that the argument does not have.
        shape: its shape, if it is another one.
    """
    if shape is None:
        shape = tuple(n for i, n in enumerate(array.shape) if axis is None or i != axis)
    keys = jnp.issubdtype(array.dtype, jax.dtypes.prng_key)
    impl = jax.random.key_impl(array) if keys else None
    like = zeros(shape, array.dtype, getattr(array, "weak_type", False), impl)
    return Slot(None, zeros(shape, array.dtype, impl=impl) if like is None else like)


T = TypeVar("T")


def watched(work: Callable[[StepFrame], T], beneath: Frame, ways: Ways) -> T:
    """Traces over a new frame; numbers that a library does not take symbolic it is given plain.

    Args:
        work: (frame) -> what was traced.
        beneath: the enclosing frame.
        ways: how numbers are handed out.
    """
    while True:
        frame = StepFrame(beneath, ways)
        try:
            return work(frame)
        except (TypeError, ValueError) as error:
            wanted = set() if isinstance(error, StatejitError) else _refused(error, frame)
            new = wanted - ways.plain - ways.as_arrays
            if not new:
                raise
            # JAX has taken them for arrays, as in `x.at[self.i]`; others insist on plain numbers.
            taken = "__jax_array__" in str(error)
            (ways.as_arrays if taken else ways.plain).update(new)


def _refused(error: BaseException, frame: StepFrame) -> set[Place]:
    """Returns the places of the numbers in the hands of the library code that raised an error."""
    return {
        place
        for number in held_at(error)
        if type(number) is Number and number.tape is frame.tape
        for place in places_of(frame.tape, number.index)
    }


def places_of(tape: Tape, index: int) -> set[Place]:
    """Returns the places of the numbers from which a step of a tape was computed."""
    return {p for p in (_place(tape, i) for i in needed(tape, {index})) if p is not None}


def _place(tape: Tape, index: int) -> Any:
    node = tape.steps[index].node
    return None if node is None else node.place


def needed(tape: Tape, indices: set[int]) -> set[int]:
    """Returns the steps of a tape from which some are computed, these included."""
    found = set(indices)
    for index in range(max(indices, default=-1), -1, -1):
        if index in found:
            found.update(tape.steps[index].operands)
    return found
