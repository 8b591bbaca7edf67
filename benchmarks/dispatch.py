"""Dispatch: what a call of a jitted step costs beside hand-written `jax.jit`.

The step adds a number to N small arrays, each in an object of its own. Every object has a Python
flag that the step reads, so that there is a guard on each. The hand-written step takes and returns
a nested dict of the same arrays; "donated" is the same with `donate_argnums`. "Mutable" is the step
on `statejit.numpy` arrays, written in place, and "packed" the same with `jit(..., pack=True)`.

    python benchmarks/dispatch.py
"""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
from compiling import compilations
from peers import present
from rounds import Contender, Seconds, interleaved, turn
from tables import Aim, Table, main

import statejit as sj

SLOTS = (1, 10, 100, 1000)


def by_hand(n: int, x: jax.Array, **options: Any) -> Contender:
    """Returns the hand-written step over a nested dict."""

    def step(state: dict[str, Any], x: jax.Array) -> dict[str, Any]:
        return {"cells": {k: {"w": c["w"] + x} for k, c in state["cells"].items()}}

    compiled = jax.jit(step, **options)
    state = {"cells": {str(i): {"w": jnp.zeros(4)} for i in range(n)}}

    def run() -> None:
        nonlocal state
        state = compiled(state, x)

    return Contender(run, lambda: state["cells"]["0"]["w"])


def donated(n: int, x: jax.Array) -> Contender:
    """Returns the hand-written step that gives its state away."""
    return by_hand(n, x, donate_argnums=0)


def by_refs(n: int, x: jax.Array) -> Contender:
    """Returns the step on JAX's own mutable arrays, closed over."""
    refs = [jax.new_ref(jnp.zeros(4)) for _ in range(n)]

    @jax.jit
    def step(x: jax.Array) -> None:
        for ref in refs:
            ref[...] += x

    return Contender(lambda: step(x), lambda: refs[0][...])


class Cell(sj.Base):
    """Holds one small array and a flag.

    Args:
        w: the array.
    """

    def __init__(self, w: Any) -> None:
        self.w = w
        self.flag = True


class Model(sj.Base):
    """Holds N cells.

    Args:
        n: how many.
        zeros: `zeros` of `jax.numpy`, or of `statejit.numpy`.
    """

    def __init__(self, n: int, zeros: Any) -> None:
        self.cells = [Cell(zeros(4)) for _ in range(n)]

    def step(self, x: jax.Array) -> None:
        """Adds a number to all arrays."""
        for cell in self.cells:
            if cell.flag:
                cell.w = cell.w + x

    def step_in_place(self, x: jax.Array) -> None:
        """Does the same in place."""
        for cell in self.cells:
            if cell.flag:
                cell.w += x


def watched(n: int, x: jax.Array) -> Contender:
    """Returns the step on watched objects."""
    model = Model(n, jnp.zeros)
    step = sj.jit(model.step)
    return Contender(lambda: step(x), lambda: model.cells[0].w)


def mutable(n: int, x: jax.Array, **options: Any) -> Contender:
    """Returns the step on mutable arrays."""
    model = Model(n, sj.numpy.zeros)
    step = sj.jit(model.step_in_place, **options)
    return Contender(lambda: step(x), lambda: model.cells[0].w.value)


def packed(n: int, x: jax.Array) -> Contender:
    """Returns the step on mutable arrays that lie together between calls."""
    return mutable(n, x, pack=True)


def by_nnx(n: int, x: jax.Array) -> Contender:
    """Returns the step on modules of flax's NNX."""
    from flax import nnx

    class NnxCell(nnx.Module):
        def __init__(self) -> None:
            self.w = nnx.Param(jnp.zeros(4))
            self.flag = True

    class NnxModel(nnx.Module):
        def __init__(self) -> None:
            self.cells = nnx.List([NnxCell() for _ in range(n)])

    @nnx.jit
    def step(model: NnxModel, x: jax.Array) -> None:
        for cell in model.cells:
            if cell.flag:
                cell.w[...] = cell.w[...] + x

    model = NnxModel()
    return Contender(lambda: step(model, x), lambda: model.cells[0].w[...])


def by_brainstate(n: int, x: jax.Array) -> Contender:
    """Returns the step on brainstate's states."""
    import brainstate

    states = [brainstate.ShortTermState(jnp.zeros(4)) for _ in range(n)]

    @brainstate.transform.jit
    def step(x: jax.Array) -> None:
        for state in states:
            state.value = state.value + x

    return Contender(lambda: step(x), lambda: states[0].value)


def by_brainpy(n: int, x: jax.Array) -> Contender:
    """Returns the step on brainpy.math's variables."""
    import brainpy.math as bm

    variables = [bm.Variable(jnp.zeros(4)) for _ in range(n)]

    @bm.jit
    def step(x: jax.Array) -> None:
        for variable in variables:
            variable.value = variable.value + x

    return Contender(lambda: step(x), lambda: variables[0].value)


def by_objax(n: int, x: jax.Array) -> Contender:
    """Returns the step on Objax's variables."""
    import objax

    class ObjaxModel(objax.Module):
        def __init__(self) -> None:
            self.cells = objax.ModuleList([objax.StateVar(jnp.zeros(4)) for _ in range(n)])

        def step(self, x: jax.Array) -> None:
            for cell in self.cells:
                cell.value = cell.value + x

    model = ObjaxModel()
    step = objax.Jit(model.step, model.vars())
    return Contender(lambda: step(x), lambda: model.cells[0].value)


MAKERS = {
    "by hand": by_hand,
    "by hand, donated": donated,
    "statejit": watched,
    "statejit, mutable": mutable,
    "statejit, packed": packed,
    "jax refs": by_refs,
    "nnx": by_nnx,
    "brainstate": by_brainstate,
    "brainpy.math": by_brainpy,
    "objax": by_objax,
}

FASTER = {"nnx": 8.0, "brainstate": 5.0, "brainpy.math": 5.0}
"""How many times faster than each peer we want to be."""


def measure(quick: bool) -> list[Table]:
    """Returns the table of calls."""
    x = jnp.ones(())
    makers = present(MAKERS)
    table = Table("dispatch", "One call of a jitted step", "slots", "µs", "by hand")
    for n in SLOTS[: 3 if quick else 4]:
        contenders = {name: make(n, x) for name, make in makers.items()}
        seconds = interleaved(contenders, 11 if quick else 41, 1000 // n // (4 if quick else 1) + 3)
        table.add(str(n), seconds, n)
    add_aims(table)
    return [table, compiling(makers, 20 if quick else 1000, 2 if quick else 3)]


def compiling(makers: dict[str, Any], n: int, rounds: int) -> Table:
    """Returns the table of what XLA needs to compile the step, with cold caches."""
    names = ("by hand", "by hand, donated", "statejit", "statejit, mutable", "statejit, packed")
    seconds: Seconds = {name: [] for name in names}
    x = jnp.ones(())
    for i in range(rounds):
        for name in names[:: 1 if i % 2 else -1]:
            contender = makers[name](n, x)
            jax.clear_caches()
            sj.clear_cache()
            with compilations() as within:
                turn(contender, 1)
            seconds[name].append(sum(within))
    table = Table("dispatch_compiling", "Compiling the step", "slots", "s", "by hand")
    table.add(str(n), seconds)
    ratio = table.ratio(str(n), "statejit, packed")
    text = f"{n} slots, packed: compiled in at most 1.3 times the time"
    table.aims.append(Aim(text, ratio, most=1.3))
    return table


def add_aims(table: Table) -> None:
    """Adds what issue and measurement say of each number of slots."""
    for case, row in table.rows.items():
        if case == "1":
            more = float(row["statejit"].value) - float(row["by hand"].value)
            text = "one slot: at most 1 µs more than by hand (µs)"
            table.aims.append(Aim(text, more, most=1.0))
        else:
            most = 1.05 if case == "10" else 1.0
            text = f"{case} slots: at most {most} times the hand-written step"
            table.aims.append(Aim(text, table.ratio(case, "statejit"), most=most))
        forms = ["statejit"]
        if case == "1000":
            forms.append("statejit, packed")
            ratio = table.ratio(case, "statejit, packed")
            text = "1000 slots, packed: at most 0.3 times the hand-written step"
            table.aims.append(Aim(text, ratio, most=0.3))
        for form, peer in itertools.product(forms, FASTER):
            if peer in row:
                faster = 1 / table.ratio(case, form, peer)
                what = f"{case} slots{form.removeprefix('statejit')}"
                text = f"{what}: at least {FASTER[peer]:.0f} times faster than {peer}"
                table.aims.append(Aim(text, faster, least=FASTER[peer]))


if __name__ == "__main__":
    main(measure, __doc__)
