"""Lifts that do their work inside of a trace; outside of one they are compiled as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from .._core.frames import CURRENT
from .._core.lift import Lifted
from .jit import Jitted


class Whole(Jitted):
    """Compiles a call of a lift for which no trace is open yet.

    Args:
        fun: the lift.
    """

    by_position = True
    options: ClassVar[dict[str, Any]] = {}
    donated = ((), ())

    def __init__(self, fun: Callable[..., Any]) -> None:
        Lifted.__init__(self, fun)  # a loop makes one at each call: what `jit` may be told it is not

    def call_without_jit(self, args: Any, kwargs: Any) -> Any:
        """Calls the lift under `jax.disable_jit`: operation by operation, if Python can't do it."""
        lift: Any = self.fun
        return lift.eager(*args, **kwargs)


class Inside(Lifted):
    """A transformed callable that is lifted by `call_in_frame` alone.

    Args:
        fun: the user's function.
        key: the options on which plans depend; hashable.
    """

    has_plans = False

    def __init__(self, fun: Callable[..., Any], key: Any = ()) -> None:
        super().__init__(fun, key)
        self._whole: Whole | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Does what the function does, transformed."""
        frame = CURRENT.get()
        if frame is not None:
            return self.call_in_frame(frame, args, kwargs)
        return self.whole(*args, **kwargs)

    @property
    def whole(self) -> Whole:
        """The compiled lift, for calls with no trace open."""
        if self._whole is None:
            self._whole = Whole(self)
        return self._whole

    @property
    def plans(self) -> tuple[Any, ...]:
        """The plans that there are for this code, the newest first: one per compilation."""
        return self.whole.plans

    def clear_cache(self) -> None:
        """Forgets the plans of this code."""
        self.whole.clear_cache()

    def eager(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function under `jax.disable_jit`."""
        return self.whole.call_anew(args, kwargs)
