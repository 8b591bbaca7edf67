"""A plan: what one discovery found, ready to be called again wherever its guards hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax

from .discovery import Traced
from .donation import donatable, primitives
from .evaluation import Program
from .ground import Ground
from .hotpath import Retrace, generate
from .packing import Packing, Unpacked
from .paths import Path
from .recipes import Refill, SetAttr
from .slots import is_tracer

_SETTINGS = (
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_numpy_dtype_promotion",
    "jax_numpy_rank_promotion",
    "jax_default_device",
    "jax_threefry_partitionable",
    "jax_default_prng_impl",
    "jax_disable_jit",
)


def settings() -> tuple[Any, ...]:
    """Returns the configuration of JAX that a trace depends on."""
    mesh = jax.sharding.get_abstract_mesh()
    return (mesh, *(getattr(jax.config, name) for name in _SETTINGS))


def is_disabled() -> bool:
    """Says whether JAX's `disable_jit` holds."""
    return bool(getattr(jax.config, _SETTINGS[-1]))


def _looks_for_nan() -> bool:
    """Says whether JAX calls programs again, to find the operation that made a NaN."""
    return any(getattr(jax.config, name) for name in ("jax_debug_nans", "jax_debug_infs"))


def type_of(value: Any) -> Any:
    """Returns the abstract value of an array or a number."""
    return value.aval if isinstance(value, jax.Array) else jax.typeof(value)


class Plan:
    """One way through a function: its guards, its program, and what it commits.

    A plan keeps no object of the user alive: of what it reads and writes it knows the paths.

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
        order: in which order the program returns the outputs of `pure`, if another one.
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
        donates = compiled and self.cacheable and not _looks_for_nan()
        undonated = self._undonated if donates else None
        packing = Packing(traced, donatable(traced, ground) if donates else {}, packs)
        self._packed = [node.trail() for nodes in packing.nodes for node in nodes]
        self.dispatch, self.donated, self.order = generate(traced, ground, packing, undonated)
        self.pure = packing.program(traced.pure)
        self.signature: tuple[Any, ...] | None = None
        self.settings = settings()
        self.jitted: Any = None
        if compiled and self.cacheable:
            if self.donated:
                told = (packing.place[i] for i in options.get("donate_argnums", ()))
                given = {*told, *self.donated}
                options = {**options, "donate_argnums": tuple(sorted(given))}
            self.jitted = jax.jit(self._traced_once(), **options)
            self.repeatable = jax.jit(self.pure)
            seeds = "random_seed" in set(primitives(traced.jaxpr.jaxpr))
            self.program = self._seeded if seeds else self.jitted
        else:
            self.program = self._evaluate

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

    def _traced_once(self) -> Callable[..., Any]:
        """Returns the function for `jax.jit`; it refuses a second trace: the plan does not fit."""

        def once(*inputs: Any) -> Any:
            if self.signature is not None:
                if _looks_for_nan() and self._fits(inputs):
                    # JAX looks for the operation that made the NaN.
                    return self._ordered(self.pure(*inputs))
                self.program = self._checked  # a signature that has failed once stays slow in JAX
                raise Retrace
            self.signature = tuple(type_of(value) for value in inputs)
            pure = self.pure
            run = pure.in_one_piece if isinstance(pure, (Program, Unpacked)) else pure
            return self._ordered(run(*inputs))

        once.__name__ = once.__qualname__ = self.name
        return once

    def _fits(self, inputs: Any) -> bool:
        types = tuple(type_of(value) for value in inputs)
        if self.signature is None:
            self.signature = types
        return types == self.signature and settings() == self.settings

    def _checked(self, *inputs: Any) -> Any:
        if not self._fits(inputs):
            raise Retrace
        return self.jitted(*inputs)

    def _seeded(self, *inputs: Any) -> Any:
        # The one setting that changes a trace and is no part of JAX's own key.
        if getattr(jax.config, _SETTINGS[-2]) != self.settings[-2]:
            raise Retrace
        return self.jitted(*inputs)

    def _undonated(self, *inputs: Any) -> Any:
        if not self._fits(inputs):
            raise Retrace
        return self._ordered(self.repeatable(*inputs))

    def _evaluate(self, *inputs: Any) -> Any:
        if not self._fits(inputs):
            raise Retrace
        return self._ordered(self.pure(*inputs))

    def _ordered(self, outs: list[Any]) -> list[Any]:
        return [outs[i] for i in self.order] if self.order else outs


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
