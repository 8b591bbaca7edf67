"""Breakdown: where the microseconds of a call of a jitted step go.

The step is that of `dispatch.py`. Its whole call is taken apart: "guards" are the first half of the
hot path, up to the point where all that the program reads is gathered; "all but the program" is
the hot path around a program that returns what it was given; "the program" is what `jax.jit` made,
called with flat arguments by hand, donated. What the whole takes beyond these two is the method
call and the choice of the plan, and, with many slots, that each part finds the caches of the
processor full of the other's. "By hand" is the hand-written, donated step over a nested dict.

    python benchmarks/breakdown.py
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any

import dispatch
import jax
import jax.numpy as jnp
from rounds import Contender, Run, interleaved
from tables import Table, main

import statejit as sj


class Step:
    """Is a jitted step that has been called, and its parts.

    Args:
        n: the number of slots.
        pack: whether they are packed.
    """

    def __init__(self, n: int, pack: bool) -> None:
        sj.clear_cache()  # so that its plan is the only one
        self.model = dispatch.Model(n, sj.numpy.zeros if pack else jnp.zeros)
        self.fun = self.model.step_in_place if pack else self.model.step
        self.step, self.x = sj.jit(self.fun, pack=pack), jnp.ones(())
        for _ in range(3):
            self.step(self.x)
        self.plan = self.step.plans[0]

    def whole(self) -> Contender:
        """Returns the call as users make it."""
        return Contender(lambda: self.step(self.x), lambda: self._first())

    def guards(self) -> Run:
        """Returns the hot path up to the call of its program."""
        ours = self.plan.dispatch
        lines = ours.__text__.split("\n")
        end = next(i for i, line in enumerate(lines) if line.startswith("    except"))
        space = dict(ours.__globals__)
        exec("\n".join([*lines[: end + 2], "    return None"]), space)  # noqa: S102, text of our own
        found = space["dispatch"]
        return lambda: found(self.fun, (self.x,), {}, None)

    def without_program(self) -> Run:
        """Returns the hot path around a program that gives back the state that it was given."""
        ours, x = self.plan.dispatch, self.x

        def given(*inputs: Any) -> list[Any]:
            return [value for value in inputs if value is not x]

        return lambda: ours(self.fun, (x,), {}, given)

    def program(self) -> Run:
        """Returns the program alone, which is called with what it returned before."""
        inputs, program, x = self._inputs(), self.plan.program, self.x
        at = next(i for i, value in enumerate(inputs) if value is x)

        def run() -> Any:
            nonlocal inputs
            outs = program(*inputs)
            inputs = [*outs[:at], x, *outs[at:]]
            return outs[0]

        return run

    def _inputs(self) -> list[Any]:
        found: list[Any] = []

        def stop(*inputs: Any) -> Any:
            found.extend(inputs)
            raise InterruptedError

        with contextlib.suppress(InterruptedError):
            self.plan.dispatch(self.fun, (self.x,), {}, stop)
        return found

    def _first(self) -> jax.Array:
        return jnp.asarray(self.model.cells[0].w)


PARTS: dict[str, Callable[[Step], Contender | Run]] = {
    "whole call": Step.whole,
    "guards": Step.guards,
    "all but the program": Step.without_program,
    "the program": Step.program,
}


def measure(quick: bool) -> list[Table]:
    """Returns the table of parts."""
    table = Table("breakdown", "Where a call spends its time", "slots", "µs", "whole call")
    cases = [(n, False) for n in dispatch.SLOTS[: 3 if quick else 4]]
    for n, pack in [*cases, *([] if quick else [(1000, True)])]:
        # Each part has a model of its own: programs reuse the memory of their inputs.
        made = {name: part(Step(n, pack)) for name, part in PARTS.items()}
        made["by hand"] = dispatch.donated(n, jnp.ones(()))
        seconds = interleaved(made, 11 if quick else 41, max(30, 1000 // n), before=1)
        table.add(f"{n:,}{', packed' if pack else ''}", seconds)
    text = readable(Step(1, False).plan.dispatch)
    about = "The hot path of one slot (`k0` says that it does not fit; other `k` are constants):"
    # A directive of Sphinx's: what looks like Python to a formatter of code would be formatted.
    table.note = f"{about}\n\n```{{code-block}} python\n{text}\n```"
    return [table]


def readable(ours: Any) -> str:
    """Returns the text of a hot path, with the names of those constants that have one."""

    def word(found: re.Match[str]) -> str:
        value = ours.__globals__[found[0]]
        name = repr(value) if value is None or value is True else getattr(value, "__name__", "__")
        return found[0] if name.startswith("__") else name

    return re.sub(r"\bk\d+\b", word, ours.__text__)


if __name__ == "__main__":
    main(measure, __doc__)
