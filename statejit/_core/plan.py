"""A plan: what one discovery found, ready to be called again wherever its guards hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .discovery import Traced
from .donation import donatable
from .executable import Evaluated, Executable, looks_for_nan
from .ground import Ground
from .hotpath import generate
from .packing import Packing
from .paths import Path
from .recipes import Refill, SetAttr
from .slots import is_tracer


class Plan:
    """One way through a function: its guards, its program, and what it commits.

    A plan keeps no object of the user alive: of what it reads and writes it knows the paths. It
    keeps functions that ran without being reached, as `exec` makes them, and what these hold.

    Args:
        traced: what one run of the function did.
        ground: the nodes of that run.
        compiled: whether `jax.jit` compiles the program; else it is evaluated operation by
            operation, as plain JAX would.
        options: further options of `jax.jit`, by name.
        name: what the program is called in profiles.
        packs: whether small mutable arrays lie together in pages between calls.

    Attributes:
        donated: the indices of the inputs whose memory the program may reuse.
        executable: what is called; plans whose programs are the same have it in common.
        program: how it is called.
        cacheable: whether the plan outlives its call; not if it holds tracers.
    """

    def __init__(
        self,
        traced: Traced,
        ground: Ground,
        compiled: bool,
        options: dict[str, Any],
        name: str,
        packs: bool = False,
    ) -> None:
        self.name = name
        self._reads = [_input_path(i, ground) for i in traced.inputs]
        self._writes = [effect_path(e, ground) for e in traced.effects]
        self._guards = list(_guards(ground))
        self.cacheable = not any(is_tracer(n.value) for n in ground.nodes) and not any(
            is_tracer(constant) for constant in traced.jaxpr.consts
        )
        donates = compiled and self.cacheable and not looks_for_nan()
        undonated = self._undonated if donates else None
        packing = Packing(traced, donatable(traced, ground) if donates else {}, packs)
        self._packed = [node.trail() for nodes in packing.nodes for node in nodes]
        keeps = compiled and self.cacheable and not options.get("donate_argnums")
        self.dispatch, self.donated, order = generate(traced, ground, packing, undonated, keeps)
        self.pure = packing.program(traced.pure)
        self.executable: Evaluated
        if compiled and self.cacheable:
            if self.donated:
                told = (packing.place[i] for i in options.get("donate_argnums", ()))
                given = {*told, *self.donated}
                options = {**options, "donate_argnums": tuple(sorted(given))}
            self.call(Executable(self.pure, order, traced, options, name))
        else:
            self.call(Evaluated(self.pure, order))

    def call(self, executable: Evaluated) -> None:
        """Lets the plan call a program."""
        self.executable, self.program = executable, executable.call
        if isinstance(executable, Executable):
            executable.users.add(self)

    def share(self, plans: Iterable[Plan]) -> bool:
        """Looks for another plan that has compiled the same program, and says whether there is one.

        What a trace depends on is often nothing to the program: a NumPy array in the place of one
        of JAX's, a flag that some other code reads.
        """
        own = self.executable
        for other in plans:
            found = other.executable
            if isinstance(own, Executable) and isinstance(found, Executable) and found.does(own):
                self.pure = found.pure
                self.call(found)
                return True
        return False

    def _undonated(self, *inputs: Any) -> list[Any]:
        assert isinstance(self.executable, Executable)
        return self.executable.undonated(*inputs)

    @property
    def reads(self) -> list[str]:
        """The paths of the inputs."""
        return [str(path) for path in self._reads]

    @property
    def writes(self) -> list[str]:
        """The paths of what is written."""
        return [str(path) for path in self._writes]

    @property
    def packed(self) -> list[str]:
        """The paths of what lies in pages between calls."""
        return [str(path) for path in self._packed]

    @property
    def guards(self) -> list[tuple[str, str, Any]]:
        """(path, test, expected value) of what the program depends on."""
        return [(str(path), test, expected) for path, test, expected in self._guards]

    def __repr__(self) -> str:
        return f"Plan(reads={self.reads}, writes={self.writes}, guards={len(self._guards)})"


def _input_path(entry: Any, ground: Ground) -> Path:
    if isinstance(entry, int):
        entry = ground.tape.steps[entry]
    return entry.node.trail() if entry.node is not None else Path("a computed number")


def effect_path(effect: SetAttr | Refill, ground: Ground) -> Path:
    """Returns the path of what an effect changes."""
    if isinstance(effect, Refill):
        return ground.trail_of_entry(effect.container)
    return ground.trail_of(effect.holder, effect.name)


_SILENT = ("", "free", "same", "array", "argument", "length", "names", "numpy", "number")


def _guards(ground: Ground) -> Iterator[tuple[Path, str, Any]]:
    for node in ground.nodes:
        if node.test not in _SILENT:
            yield node.trail(), node.test, node.expect if node.test == "plain" else None
    for index, value in ground.tape.guards.items():
        yield _input_path(index, ground), "plain", value
