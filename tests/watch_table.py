"""The table of what the watch sees: small programs by kind, and how a run of one is judged.

A program is a generator function of a *kit*: a way to compile functions, and a root class for
models. It yields steps, each a call and what is to be looked at after it. Outside changes happen
between the steps. Eager Python, the same program with a compiler that does nothing, is the judge.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from observing import Observer, difference, leave, tracers_in

import statejit as sj
from statejit._core.base import open_traces
from statejit._core.frames import CURRENT
from statejit.errors import StatejitError

EQUAL, REFUSED, UNSEEN, ABSENT = "equal", "refused", "not seen", "—"

Step = tuple[Callable[[], Any], Callable[[], Any]]


@dataclasses.dataclass(frozen=True)
class Kit:
    """One framework.

    Args:
        name: what the table calls it.
        jit: compiles a function.
        Base: the root class of models.
        errors: what it may raise to refuse a program.
    """

    name: str
    jit: Callable[..., Any]
    Base: type
    errors: type[BaseException] = Exception

    def eager(self) -> Kit:
        """Returns the same root class with a compiler that does nothing."""
        return dataclasses.replace(self, jit=leave)


STATEJIT = Kit("statejit", sj.jit, sj.Base, StatejitError)

Program = Callable[[Kit], Iterator[Step]]


@dataclasses.dataclass(frozen=True)
class Entry:
    """A row of the table.

    Args:
        section: the heading that it stands under.
        program: the program.
        expect: 'equal', 'refused' or 'not seen'.
        reason: why it is not seen.
        monitored: what it is from Python 3.12 on, if that differs.
        ours: whether only statejit has what it is about.
    """

    section: str
    program: Program
    expect: str
    reason: str = ""
    ours: bool = False
    monitored: str = ""

    @property
    def kind(self) -> str:
        """The name of the program, in words."""
        return self.program.__name__.replace("_", " ")


TABLE: dict[str, Entry] = {}


class Section:
    """A heading of the table; its methods enter programs.

    Args:
        title: the heading.
        ours: whether its programs are about what only statejit has.
    """

    def __init__(self, title: str, ours: bool = False) -> None:
        self.title, self.ours = title, ours

    def _enter(
        self, program: Program, expect: str, reason: str = "", monitored: str = ""
    ) -> Program:
        name = f"{program.__module__.removeprefix('watch_')}.{program.__name__}"
        assert name not in TABLE, name
        TABLE[name] = Entry(self.title, program, expect, reason, self.ours, monitored)
        return program

    def equal(self, program: Program) -> Program:
        """Enters a program that does what eager Python does."""
        return self._enter(program, EQUAL)

    def refused(self, program: Program) -> Program:
        """Enters a program that is refused, and changes nothing."""
        return self._enter(program, REFUSED)

    def unseen(self, reason: str, monitored: str = "") -> Callable[[Program], Program]:
        """Enters a program whose change can't be seen; from Python 3.12 on it may be `monitored`."""
        return lambda program: self._enter(program, UNSEEN, reason, monitored)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What became of a program.

    Args:
        word: 'equal', 'refused', 'not seen' (silently something else) or '—' (the root class of
            the framework does not allow it in eager Python either).
        detail: the difference, or the error.
    """

    word: str
    detail: str = ""


def seed() -> None:
    """Puts all global generators at their start."""
    random.seed(0)
    np.random.seed(0)
    sj.random.seed(0)


def eager_pictures(program: Program, kit: Kit) -> list[Any]:
    """Returns what eager Python does: a picture of each result and of what is looked at.

    What statejit refuses also in eager Python, state under plain JAX, is judged by plain classes;
    where JAX itself raises for these, the pictures end with None.
    """
    seed()
    observer = Observer()
    pictures: list[Any] = []
    try:
        for call, look in program(kit.eager()):
            observer.picture(look())  # objects are numbered as they are met, here as there
            pictures.append(observer.picture((call(), look())))
    except StatejitError:
        if kit.Base is not object:
            return eager_pictures(program, dataclasses.replace(kit, Base=object))
        pictures.append(None)
    except jax.errors.UnexpectedTracerError:
        pictures.append(None)
    return pictures


def judge(program: Program, kit: Kit) -> Verdict:
    """Runs a program in eager Python and compiled, and says what became of it."""
    try:
        expected = eager_pictures(program, kit)
    except Exception as error:
        return Verdict(ABSENT, repr(error))
    seed()
    observer = Observer()
    steps = program(kit)
    before: Any = None
    call = look = leave
    for number, eager in enumerate(expected):
        try:
            call, look = next(steps)
            before = observer.picture(look())
            result = call()
        except kit.errors as error:
            return _refusal(error, kit, observer, before, call, look)
        except Exception as error:
            return Verdict("raises", f"{type(error).__name__}: {error}")
        left = tracers_in((result, look()))
        if left:
            return Verdict(UNSEEN, f"step {number}: a tracer was left at {left}")
        found = difference(eager, observer.picture((result, look())))
        if found is not None:
            return Verdict(UNSEEN, f"step {number}: {found}")
    return Verdict(EQUAL)


def _refusal(
    error: BaseException, kit: Kit, observer: Observer, before: Any, call: Any, look: Any
) -> Verdict:
    """Says whether a refusal has changed nothing, and comes again."""
    word = REFUSED if isinstance(error, kit.errors) else "raises"
    if kit.name != "statejit":
        return Verdict(word, f"{type(error).__name__}: {str(error)[:200]}")
    for _ in range(2):
        if tracers_in(look()):
            return Verdict(UNSEEN, f"a tracer was left at {tracers_in(look())}")
        found = difference(before, observer.picture(look()))
        if found is not None:
            return Verdict(UNSEEN, f"refused, but changed {found} ({error})")
        if CURRENT.get() is not None or open_traces:
            return Verdict(UNSEEN, "a trace was left open")
        try:
            call()
        except kit.errors:
            continue
        except Exception as other:
            return Verdict("raises", f"at the second time {other!r}")
        return Verdict(UNSEEN, f"refused only once: {error}")
    if not getattr(error, "do", "stated"):
        return Verdict("raises", f"no remedy: {error}")
    return Verdict(word, str(error))
