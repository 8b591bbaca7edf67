"""Errors that only a trace has, and that the user's code has caught: they are found, and raised.

`try: n = float(x)` with an `except` would go another way in a trace than with values. JAX tells
nobody that it has raised; so the constructors of errors are hooked while a trace is open.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import jax

from .. import errors
from .codes import is_special
from .frames import CURRENT
from .places import is_library_code

OF_JAX = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)
"""JAX's errors about the value of a traced array."""

_OURS = (
    errors.TracedControlFlowError,
    errors.RawTransformError,
    errors.ForeignObjectError,
    errors.FrozenValueError,
    errors.OutsideChangeError,
    errors.EscapeError,
    errors.BypassError,
)
_ROOTS: tuple[Any, ...] = (
    jax.errors.JAXTypeError,
    jax.errors.JAXIndexError,
    errors.StatejitError,
)
"""The classes whose constructors make them all."""

_own: dict[Any, Any] = {}
"""What the hooked classes had themselves, by class."""


def hook() -> None:
    """Begins to note the errors that are made; nobody has begun."""
    for cls in _ROOTS:
        _own[cls] = vars(cls).get("__init__")
        cls.__init__ = _noting(cls.__init__)


def unhook() -> None:
    """Ends it."""
    for cls, init in _own.items():
        if init is None:
            del cls.__init__
        else:
            cls.__init__ = init


def _noting(init: Callable[..., None]) -> Callable[..., None]:
    def noting(error: BaseException, *args: Any, **kwargs: Any) -> None:
        init(error, *args, **kwargs)
        frame = CURRENT.get()
        if frame is not None and isinstance(error, (*OF_JAX, *_OURS)):
            frame.ground.raised.append((error, _called_by_user()))

    return noting


def _called_by_user() -> types.FrameType | None:
    """Returns the running frame of the library code that the user's code has called."""
    inner, frame = None, sys._getframe(1)
    while frame is not None and is_library_code(frame.f_code):
        inner, frame = frame, frame.f_back  # type: ignore[assignment]
    return inner


def raise_caught(raised: list[tuple[BaseException, types.FrameType | None]]) -> None:
    """Raises the first of the errors that were noted and that the user's code has caught."""
    for error, called in raised:
        if _is_caught_by_user(error, called):
            error.add_note("The function has caught this error, which eager Python does not raise.")
            raise error


def _is_caught_by_user(error: BaseException, called: types.FrameType | None) -> bool:
    """Says whether an error, which was caught, was caught by the user's code.

    A traceback begins where its error was caught; or, if that was in C, with the special method
    that C has called.
    """
    if error.__traceback__ is None:
        return False
    last = error.__traceback__.tb_frame
    in_c = last is called and is_special(last.f_code.co_name)
    return in_c or not is_library_code(last.f_code)
