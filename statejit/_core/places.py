"""Which code is the user's, and which line of it is running."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
import threading
import types
from typing import Any

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_PATHS = sysconfig.get_paths()
_LIBRARIES = (
    _PACKAGE,
    *(os.path.join(_PATHS[name], "") for name in ("purelib", "platlib")),
    *(os.path.join(_PATHS[name], "") for name in ("stdlib", "platstdlib")),
    "<frozen",
    "<statejit",
)


@functools.cache
def is_library_file(filename: str) -> bool:
    """Says whether a file belongs to Python, to an installed package, or to statejit."""
    return filename.startswith(_LIBRARIES)


def is_library_code(code: types.CodeType) -> bool:
    """Says whether a code object is not the user's: it is never looked into."""
    return is_library_file(code.co_filename)


def is_library_module(module: types.ModuleType) -> bool:
    """Says whether a module is not the user's; one that was made by hand is."""
    filename = getattr(module, "__file__", None)
    if filename is not None:
        return is_library_file(filename)
    spec = getattr(module, "__spec__", None)
    if spec is None:
        return module.__name__ in sys.builtin_module_names and module.__name__ != "__main__"
    return all(is_library_file(path) for path in spec.submodule_search_locations or ())


@functools.cache
def is_library_class(cls: type) -> bool:
    """Says whether a class is not the user's."""
    module = sys.modules.get(cls.__module__)
    return module is not None and is_library_module(module)


def is_of_library(value: Any) -> bool:
    """Says whether the class of a value is not the user's."""
    cls: Any = type(value)
    return is_library_class(cls)


def has_user_threads() -> bool:
    """Says whether code of the user's runs in other threads, which may write at any time."""
    running: dict[int, types.FrameType | None] = {**sys._current_frames()}
    del running[threading.get_ident()]  # a frame that refers to itself would live on
    for frame in running.values():
        while frame is not None:
            if not is_library_code(frame.f_code):
                return True
            frame = frame.f_back
    return False


def user_line() -> str:
    """Returns `file:line` of the innermost user's line that is running, or an empty string."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and is_library_code(frame.f_code):
        frame = frame.f_back
    return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def raising_frame(error: BaseException) -> Any:
    """Returns the traceback entry of the innermost user's line in an error, or None."""
    found, entry = None, error.__traceback__
    while entry is not None:
        if not is_library_code(entry.tb_frame.f_code):
            found = entry
        entry = entry.tb_next
    return found
