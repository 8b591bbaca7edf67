"""Lifts that do their work inside of a trace; outside of one they are compiled as a whole."""

from __future__ import annotations

from typing import Any

from .._core.frames import CURRENT
from .._core.lift import Lifted
from .._core.source import MISS
from .jit import Jitted


class Whole(Jitted):
    """Compiles a call of a lift for which no trace is open yet; it lives as long as that call.

    Args:
        fun: the lift.
    """

    by_position = True

    def __init__(self, fun: Inside) -> None:
        self.fun, self.lift, self.key, self.cache = fun, fun, (), fun.cache
        self.options, self.donated = {}, ((), ())

    def call_without_jit(self, args: Any, kwargs: Any) -> Any:
        """Calls the lift under `jax.disable_jit`: operation by operation, if Python can't do it."""
        return self.lift.eager(*args, **kwargs)

    def _count(self) -> None:
        self.lift._count()


class Inside(Lifted):
    """A transformed callable that is lifted by `call_in_frame` alone.

    Args:
        fun: the user's function.
        key: the options on which plans depend; hashable.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Does what the function does, transformed."""
        frame = CURRENT.get()
        if frame is not None:
            return self.call_in_frame(frame, args, kwargs)
        for plan in self.cache.plans:
            result = plan.dispatch(self, args, kwargs, plan.program)
            if result is not MISS:
                return result
        return Whole(self)._call_anew(args, kwargs)

    def eager(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function under `jax.disable_jit`."""
        return Whole(self).call_anew(args, kwargs)
