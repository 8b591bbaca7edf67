"""Counts what a call does in Python, and what JAX compiles: figures that no clock is needed for."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax

TOOLS = (3, 4)  # the numbers that Python leaves to tools that are neither debugger nor profiler


@dataclass
class Counts:
    """What one call did: instructions, and the functions that were called, by name."""

    instructions: int = 0
    python: list[str] = field(default_factory=list)
    builtin: list[str] = field(default_factory=list)


def counted(run: Callable[[], object]) -> Counts:
    """Returns what a call does, `run` itself left out; it is called twice."""
    counts = Counts()
    gc.collect()
    gc.disable()
    try:
        _calls(run, counts)
        (_instructions if sys.version_info >= (3, 12) else _traced_opcodes)(run, counts)
    finally:
        gc.enable()
    counts.python.remove(run.__name__)
    return counts


def calls_within(folder: str, run: Callable[[], object]) -> int:
    """Returns how many functions are called in the files of a folder, Python's and builtin ones."""
    found = 0

    def profile(frame: Any, event: str, arg: Any) -> None:
        nonlocal found
        found += event in ("call", "c_call") and frame.f_code.co_filename.startswith(folder)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(before)
    return found


def _calls(run: Callable[[], object], counts: Counts) -> None:
    def profile(frame: Any, event: str, arg: Any) -> None:
        if event == "call":
            counts.python.append(frame.f_code.co_name)
        elif event == "c_call" and arg is not sys.setprofile:
            counts.builtin.append(arg.__name__)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(before)


def _traced_opcodes(run: Callable[[], object], counts: Counts) -> None:
    def trace(frame: Any, event: str, arg: Any) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        counts.instructions += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)


def _instructions(run: Callable[[], object], counts: Counts) -> None:
    def one(code: Any, offset: int) -> None:
        counts.instructions += code is not here

    here = _instructions.__code__
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    tool = next(tool for tool in TOOLS if monitoring.get_tool(tool) is None)
    monitoring.use_tool_id(tool, "counting")
    monitoring.register_callback(tool, monitoring.events.INSTRUCTION, one)
    monitoring.set_events(tool, monitoring.events.INSTRUCTION)
    try:
        run()
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)


COMPILATION = "/jax/core/compile/backend_compile_duration"


@contextmanager
def compilations() -> Iterator[list[str]]:
    """Collects the names of the programs that XLA compiles meanwhile."""
    names: list[str] = []

    def listen(event: str, seconds: float, **about: Any) -> None:
        if event == COMPILATION:
            names.append(str(about.get("fun_name")))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
