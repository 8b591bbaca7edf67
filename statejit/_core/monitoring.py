"""Which code of the user's runs, and what it catches: from Python 3.12 on `sys.monitoring` tells.

References show most of what may run; not what a library calls back, or what is looked up by a
computed name. Before Python 3.12 there is no way to know that costs nothing outside of traces.
"""

from __future__ import annotations

import sys
import types
from typing import Any

from ..errors import StatejitError
from .advice import is_of_trace
from .frames import CURRENT
from .memory import is_refusal
from .places import is_library_code, is_library_module

_TOOLS = (3, 4)
"""The numbers that Python leaves to tools other than debuggers, coverage and profilers."""


def _started(code: types.CodeType, offset: int) -> Any:
    if is_library_code(code) or _is_generated(code):
        return sys.monitoring.DISABLE  # type: ignore[attr-defined,unused-ignore]
    frame = CURRENT.get()
    outside = None if frame is None else frame.ground.outside
    if outside is not None and code not in outside.codes:
        outside.ran(code)
    return None


def _handled(code: types.CodeType, offset: int, error: BaseException) -> None:
    """Notes an error that the user's code may have caught, and that eager Python does not have."""
    if not isinstance(error, (TypeError, ValueError, IndexError)) or is_library_code(code):
        return
    frame = CURRENT.get()
    if frame is None or isinstance(error, StatejitError):
        return
    if is_of_trace(error) or is_refusal(error, frame.ground.memory):
        frame.ground.raised.append((error, None))


def _is_generated(code: types.CodeType) -> bool:
    """Says whether code was generated for a library's class, as dataclasses and namedtuples do."""
    if code.co_filename != "<string>":
        return False
    name = sys._getframe(2).f_globals.get("__name__", "")
    module = sys.modules.get(name)
    return name.startswith("namedtuple_") or (module is not None and is_library_module(module))


def start() -> int | None:
    """Begins to watch what runs; returns the number of the tool, or None if there is none free."""
    if sys.version_info < (3, 12):
        return None
    monitoring = sys.monitoring
    for tool in _TOOLS:
        if monitoring.get_tool(tool) is None:
            monitoring.use_tool_id(tool, "statejit")
            events = monitoring.events
            monitoring.register_callback(tool, events.PY_START, _started)
            monitoring.register_callback(tool, events.EXCEPTION_HANDLED, _handled)
            monitoring.set_events(tool, events.PY_START | events.EXCEPTION_HANDLED)
            return tool
    return None


def stop(tool: int | None) -> None:
    """Ends what `start` has begun."""
    if sys.version_info >= (3, 12) and tool is not None:
        sys.monitoring.set_events(tool, 0)
        sys.monitoring.free_tool_id(tool)
