"""Recompilations: what makes a compiled step compile again, and whether it needed to.

Between two calls of one compiled step something happens to its model, to its arguments or to what
is around it. Counted is how often XLA compiles in the call after it, and compared is what comes
out with the same program run eagerly: a framework that does not notice that a Python value has
changed compiles nothing, and is wrong. There is no clock in it. What a framework compiles once in
a process, for all steps (as a copy of an array of some shape), is compiled in a rehearsal before.

    python benchmarks/recompilations.py
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from compiling import compilations
from models import KITS, Kit, Step, around
from peers import present
from tables import Aim, Cell, Table, main

import statejit as sj

NOTE = """\
Needed is what JAX itself needs, whose programs depend on shapes and dtypes, and one compilation
for a Python value that turns out to vary. Wrong: the step gives another result, or leaves another
state, than the same step run eagerly. —: can not be said there. A NumPy array can be changed by the
step, which a JAX array can not: here the step is traced for each, and XLA compiles once."""


@dataclass
class Subject:
    """A model, its step, and what the step is called with.

    Args:
        kit: the framework.
        eager: whether the step is not to be compiled.
    """

    kit: Kit
    eager: bool
    args: tuple[Any, ...] = (1.0,)
    keywords: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.adopt(self.kit.make())

    def adopt(self, model: Any, anew: bool = False) -> None:
        """Takes a model, and compiles its step."""
        self.model = model
        compiler = self.kit.anew if anew else self.kit.jit
        self.step: Step = model.step if self.eager else compiler(model)

    def call(self) -> Any:
        """Returns the result of one call."""
        return self.step(*self.args, **self.keywords)

    def outcome(self) -> list[np.ndarray]:
        """Returns the result of one call, and the state after it."""
        result = self.call()
        return [np.asarray(v) for v in (result, self.model.read(), self.model.calls)]


Event = Callable[[Subject], object]

EVENTS: dict[str, tuple[int, Event]] = {}
"""By what it is called: how many compilations it needs, and what it does."""


def event(name: str, needed: int = 0) -> Callable[[Event], Event]:
    """Enters an event into the table."""

    def enter(do: Event) -> Event:
        EVENTS[name] = needed, do
        return do

    return enter


def assign(**values: Any) -> Event:
    """Returns the event that sets attributes of the model."""
    return lambda s: vars_set(s.model, values)


def vars_set(model: Any, values: dict[str, Any]) -> None:
    """Sets attributes, the way that a user does."""
    for name, value in values.items():
        setattr(model, name, value)


def argument(*values: Any) -> Event:
    """Returns the event that the step is called with these arguments in turn, the last counted."""

    def do(s: Subject) -> None:
        for value in values[:-1]:
            s.args = (value,)
            s.call()
        s.args = values[-1:]

    return do


def weights(make: Callable[[Any], Any]) -> Event:
    """Returns the event that the weights are replaced by something made of them."""
    return lambda s: s.model.write(make(s.model.read()))


ONES = np.ones(4, np.float32)

event("the same call")(lambda s: None)
event("an attribute that is not read changes")(assign(label="second"))
event("an attribute that is not read is added")(assign(added=1))
event("an array that is not read changes its shape")(assign(unread=jnp.zeros(5)))
event("a number that is read changes, the first time", 1)(assign(rate=0.25))
event("a flag is turned", 1)(assign(training=False))
event("a number that is read changes its type", 1)(assign(rate=2))
event("the argument 1.0 becomes 2.0")(argument(2.0))
event("the argument 1.0 becomes 2", 1)(argument(2))
event("a Python float becomes a NumPy scalar", 1)(argument(np.float32(2.0)))
event("a NumPy array becomes a JAX array")(argument(ONES, jnp.asarray(ONES)))
event("a JAX array becomes a NumPy array")(argument(jnp.asarray(ONES), ONES))
event("the argument gets another shape", 1)(argument(ONES, ONES[:1]))
event("the argument gets its first shape again")(argument(ONES, ONES[:1], ONES))
event("the user replaces the weights")(weights(lambda w: w + 1))
event("the user assigns a NumPy array to the weights")(weights(np.asarray))
event("the weights get another dtype", 1)(weights(lambda w: w.astype(jnp.float16)))
event("somebody holds the weights")(lambda s: setattr(s, "held", s.model.read()))
event("another instance of the same class")(lambda s: s.adopt(s.kit.make()))
event("a deep copy of the model")(lambda s: s.adopt(copy.deepcopy(s.model)))
event("the model is pickled and loaded")(lambda s: s.adopt(pickle.loads(pickle.dumps(s.model))))
event("the same function is jitted again")(lambda s: s.adopt(s.model))
event("weights are restored from NumPy")(weights(lambda w: jnp.asarray(np.array(w))))


@event("a number that is read changes, the second time")
def _(s: Subject) -> None:
    for s.model.rate in (0.25, 0.125):
        s.call()
    s.model.rate = 0.0625


@event("a flag is turned back")
def _(s: Subject) -> None:
    s.model.training = False
    s.call()
    s.model.training = True


@event("a counter in the step counts up")
def _(s: Subject) -> None:
    s.model.counts = True
    for _ in range(2):
        s.call()


@event("a list is appended to, and popped")
def _(s: Subject) -> None:
    s.model.scales.append(3.0)
    s.model.scales.pop()


@event("a list that is read grows", 1)
def _(s: Subject) -> None:
    s.model.scales.append(3.0)


@event("a global number that is read changes", 1)
def _(s: Subject) -> None:
    around.gain = 2.0


@event("weights are weakly typed", 1)
def _(s: Subject) -> None:
    s.model.write(jnp.full(4, 1.0))


@event("weights that were weakly typed became strong")
def _(s: Subject) -> None:
    s.model.write(jnp.full(4, 1.0))
    s.args = (jnp.ones(()),)
    for _ in range(2):
        s.call()


@event("a lambda around the step is jitted at each call")
def _(s: Subject) -> None:
    s.adopt(s.model, anew=True)
    s.call()
    s.adopt(s.model, anew=True)


def after(kit: Kit, do: Event, eager: bool) -> tuple[list[np.ndarray], int]:
    """Returns the outcome of the call after an event, and how often XLA compiled in it."""
    around.gain = 1.0
    subject = Subject(kit, eager)
    for _ in range(2):
        subject.call()
    do(subject)
    with compilations() as found:
        outcome = subject.outcome()
    return outcome, len(found)


def verdict(make: Callable[[], Kit], do: Event) -> str:
    """Returns what a framework makes of an event, in a word or two."""
    try:
        expected, _ = after(make(), do, eager=True)
    except Exception:  # noqa: BLE001, what can not be said in a framework fails in its own way
        return "—"
    try:
        for _ in ("rehearsal", "performance"):
            sj.clear_cache()
            found, count = after(make(), do, eager=False)
    except Exception:  # noqa: BLE001
        return "raises"
    same = all(np.allclose(a, b, rtol=1e-3) for a, b in zip(found, expected, strict=True))
    return str(count) if same else f"{count}, wrong"


def measure(quick: bool) -> list[Table]:
    """Returns the table of events; it is exact, and quick."""
    kits = present(KITS)
    table = Table(
        "recompilations", "What makes a step compile again", "between two calls", "compilations"
    )
    for name, (needed, do) in EVENTS.items():
        cells = {kind: Cell(verdict(make, do)) for kind, make in kits.items()}
        table.rows[name] = {"needed": Cell(str(needed)), **cells}
    needless = [n for n, row in table.rows.items() if not _right(row["statejit"], row["needed"])]
    table.aims = [
        Aim("events", len(EVENTS), least=20),
        Aim("events with a needless compilation or a wrong result", len(needless), most=0),
    ]
    table.note = NOTE
    return [table]


def _right(cell: Cell, needed: Cell) -> bool:
    """Returns whether a result was right, and cost no more than it needed."""
    return str(cell.value).isdigit() and int(cell.value) <= int(needed.value)


if __name__ == "__main__":
    main(measure, __doc__)
