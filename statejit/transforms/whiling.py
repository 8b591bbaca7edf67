"""The loop of which only the program knows how often it goes round: `while_loop`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from .._core.captures import unchanged_captures
from .._core.discovery import Traced, run
from .._core.frames import Frame
from .._core.numbers import Number
from ..errors import RawTransformError
from .counting import AskedForValue, Counting
from .matching import Matching
from .repeating import Repetition
from .scanning import arrays_for_numbers, as_array, refuse
from .steps import StepFrame, Ways, watched


class While:
    """A loop in an enclosing frame.

    Args:
        beneath: the enclosing frame, which is current.
        test: carry -> whether there is another step.
        body: carry -> carry.
    """

    def __init__(self, beneath: Frame, test: Callable[..., Any], body: Callable[..., Any]) -> None:
        self.beneath, self.test, self.body = beneath, test, body
        self.ways = Ways(counts=False)

    def run(self, carry: Any) -> Any:
        """Returns the last carry."""
        carry = arrays_for_numbers(carry)
        while True:
            with unchanged_captures(self.beneath, self.test, self.body):
                test, step = watched(lambda f: self._traced(f, carry), self.beneath, self.ways)
            try:
                repetition = self._repetition(test, step)
            except AskedForValue as asked:
                if asked.places <= self.ways.as_arrays:
                    raise
                self.ways.as_arrays |= asked.places
                continue
            return self._repeated(repetition, test)

    def _repeated(self, repetition: Repetition, test: Traced) -> Any:
        finals = jax.lax.while_loop(
            lambda carried: repetition.asked(test, carried),
            lambda carried: repetition.advance(carried, {}, [])[0],
            repetition.initial(),
        )
        return repetition.commit(finals, self.beneath)

    def _traced(self, frame: StepFrame, carry: Any) -> tuple[Traced, Traced]:
        """Traces the condition, and then the body, over the same slots."""
        entry = frame.adopt_argument(carry)
        test = run(lambda c: as_array(self.test(c), "the condition"), [entry], {}, frame)
        if test.effects:
            holder, name = getattr(test.effects[0], "holder", None), test.effects[0]
            path = frame.ground.path_of(holder, getattr(name, "name", ""))
            raise RawTransformError(
                f"{path} was written in the condition of a while_loop.",
                where=frame.ground.where(),
                do="write it in the body.",
            )
        frame.reopen()
        return test, run(lambda c: arrays_for_numbers(self.body(c)), [entry], {}, frame)

    def _repetition(self, test: Traced, step: Traced) -> Repetition:
        matching = Matching(step, step.result, reads_all=True)
        if matching.plain_numbers - self.ways.as_arrays:
            self.ways.plain -= matching.plain_numbers
            raise AskedForValue(matching.plain_numbers)
        if matching.mismatches:
            refuse(matching.mismatches, step)
        used = [i for i in (*test.inputs, *step.inputs) if type(i) is Number]
        return Repetition(matching, Counting(matching, used, None), [], (test,))
