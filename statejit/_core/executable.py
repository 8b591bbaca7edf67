"""What a plan calls: its program, compiled once, or evaluated operation by operation.

Shapes, dtypes, weak types and shardings are checked by `jax.jit`. A program may be traced by it
once: a second trace says that a call does not fit, and raises `Retrace`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import jax

from .discovery import Traced
from .donation import primitives
from .equality import same_program
from .evaluation import Program
from .hotpath import Retrace
from .packing import Unpacked

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


def looks_for_nan() -> bool:
    """Says whether JAX calls programs again, to find the operation that made a NaN."""
    return any(getattr(jax.config, name) for name in ("jax_debug_nans", "jax_debug_infs"))


def type_of(value: Any) -> Any:
    """Returns the abstract value of an array or a number."""
    return value.aval if isinstance(value, jax.Array) else jax.typeof(value)


class Evaluated:
    """A program that is evaluated operation by operation, as plain JAX would.

    Args:
        pure: the program.
        order: in which order the outputs are returned, if another one.
    """

    def __init__(self, pure: Callable[..., list[Any]], order: list[int]) -> None:
        self.pure, self.order = pure, order
        self.signature: tuple[Any, ...] | None = None
        self.settings = settings()
        self.call: Callable[..., list[Any]] = self.evaluate

    def evaluate(self, *inputs: Any) -> list[Any]:
        """Returns the outputs.

        Raises:
            Retrace: if it was made for inputs of other types, or other settings.
        """
        if not self.fits(inputs):
            raise Retrace
        return self.ordered(self.pure(*inputs))

    def fits(self, inputs: Any) -> bool:
        """Says whether inputs are of the types that the program was made for."""
        types = tuple(type_of(value) for value in inputs)
        if self.signature is None:
            self.signature = types
        return types == self.signature and settings() == self.settings

    def ordered(self, outs: list[Any]) -> list[Any]:
        """Returns outputs in the order in which the caller takes them."""
        return [outs[i] for i in self.order] if self.order else outs


class Executable(Evaluated):
    """A program that XLA compiles once, for all plans that have it in common.

    Args:
        pure: the program.
        order: in which order the outputs are returned, if another one.
        traced: what one run of the function did.
        options: further options of `jax.jit`, by name.
        name: what the program is called in profiles.
    """

    def __init__(
        self,
        pure: Callable[..., list[Any]],
        order: list[int],
        traced: Traced,
        options: dict[str, Any],
        name: str,
    ) -> None:
        super().__init__(pure, order)
        self.options, self.name = options, name
        self.users: weakref.WeakSet[Any] = weakref.WeakSet()
        self.jitted = jax.jit(self._traced_once(), **options)
        self.repeatable = jax.jit(pure)
        self.seeds = "random_seed" in set(primitives(traced.jaxpr.jaxpr))
        self.call = self._seeded if self.seeds else self.jitted

    def does(self, other: Executable) -> bool:
        """Says whether another one, made under the same settings, does the same."""
        if not isinstance(self.pure, Program) or not isinstance(other.pure, Program):
            return False
        same = (self.order, self.options) == (other.order, other.options)
        same = same and self.settings == other.settings
        return same and same_program(self.pure.closed, other.pure.closed)

    def undonated(self, *inputs: Any) -> list[Any]:
        """Returns the outputs, and leaves all inputs as they are.

        Raises:
            Retrace: if it was made for inputs of other types, or other settings.
        """
        if not self.fits(inputs):
            raise Retrace
        return self.ordered(self.repeatable(*inputs))

    def _traced_once(self) -> Callable[..., list[Any]]:
        """Returns the function for `jax.jit`; it refuses a second trace."""

        def once(*inputs: Any) -> list[Any]:
            if self.signature is not None:
                if looks_for_nan() and self.fits(inputs):
                    # JAX looks for the operation that made the NaN.
                    return self.ordered(self.pure(*inputs))
                self.call = self._checked  # a signature that has failed once stays slow in JAX
                for plan in list(self.users):
                    plan.program = self.call
                raise Retrace
            self.signature = tuple(type_of(value) for value in inputs)
            pure = self.pure
            run = pure.in_one_piece if isinstance(pure, (Program, Unpacked)) else pure
            return self.ordered(run(*inputs))

        once.__name__ = once.__qualname__ = self.name
        return once

    def _checked(self, *inputs: Any) -> list[Any]:
        if not self.fits(inputs):
            raise Retrace
        return self.jitted(*inputs)

    def _seeded(self, *inputs: Any) -> list[Any]:
        # The one setting that changes a trace and is no part of JAX's own key.
        if getattr(jax.config, _SETTINGS[-2]) != self.settings[-2]:
            raise Retrace
        return self.jitted(*inputs)
