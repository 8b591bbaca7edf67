"""Advice: JAX's errors about traced values, told with the user's line, the path and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

from ..errors import EscapeError, StatejitError, TracedControlFlowError
from .caught import OF_JAX, raise_caught
from .frames import Frame
from .places import raising_frame

_UNHASHABLE = re.compile(r"unhashable type: '\w*Tracer'")
"""Python's error where a traced array is the key of a dictionary, or goes into a set."""

_OTHERS = re.compile(
    r"Array slice indices must have static .*Tracer|Slice entries must be static .*Tracer"
    r"|unsupported format string passed to \w*Tracer"
    r"|Shapes must be 1D sequences of concrete values .*Tracer"
)
"""The words of other errors of Python's and JAX's for values that only a trace knows."""

_VALUE = (
    "use statejit.numpy.where (or jax.numpy.where), statejit.cond or statejit.while_loop, or make "
    "the value a Python attribute or a static argument."
)
_NUMPYS = (
    "NumPy can not hold it: make the array, or stack the list, with statejit.numpy instead of "
    "numpy, or write the function with functions of statejit.numpy."
)
_MASK = (
    "the shape of `a[mask]` would depend on the values: use statejit.numpy.where(mask, a, 0), a "
    "reduction with `where=mask`, or assign (`a[mask] = 0`), whose shape is fixed."
)

_SIZE = (
    "the shape of the result would depend on the values: give its length (`size=`, and "
    "`fill_value=` for the rest), or keep the shape with statejit.numpy.where(mask, a, 0) or "
    "a reduction with `where=mask`."
)
SLICE = (
    "take a slice of fixed length, jax.lax.dynamic_slice_in_dim(x, start, length), or select with "
    "statejit.numpy.where."
)
_OF_WORDS = {
    "format string": "print it with jax.debug.print, or return it and make the text outside.",
    "size argument": _SIZE,
    "union1d": _SIZE,
    "total_repeat_length": "give the length of the result: `total_repeat_length=`.",
    "static `length`": "give the length of the result: `length=`.",
    "slice indices": SLICE,
    "Slice entries": SLICE,
    "Shapes must": "make the shape a static argument, or keep it in an attribute that is not "
    "computed from traced values, nor changed by a step of a loop.",
}
"""What to do about errors of certain words: most are about a shape that would depend on values."""


DO = "Do: "
"""How a note on JAX's error begins that says what to do instead."""


def advice(error: Exception) -> str:
    """Returns what to do about JAX's error for a value that only a trace knows."""
    if isinstance(error, jax.errors.NonConcreteBooleanIndexError):
        return _MASK
    told = [note for note in getattr(error, "__notes__", ()) if note.startswith(DO)]
    if told:
        return told[0].removeprefix(DO)
    if isinstance(error, (jax.errors.TracerArrayConversionError, ValueError)):
        return _NUMPYS
    text = str(error)
    return next((do for words, do in _OF_WORDS.items() if words in text), _VALUE)


def _asks_for_value(error: Exception) -> bool:
    """Says whether an error is that of a value which only a trace knows, not described yet."""
    if isinstance(error, StatejitError):
        return False
    return is_of_trace(error) or _UNHASHABLE.match(str(error)) is not None


def is_of_trace(error: BaseException) -> bool:
    """Says whether an error is one that JAX or Python has for traced arrays alone."""
    # NumPy has its own error where it asks for the value of what it assigns to an element.
    asked = isinstance(error, OF_JAX) or isinstance(error.__cause__, OF_JAX)
    return asked or _OTHERS.match(str(error)) is not None


@contextmanager
def described(frame: Frame) -> Iterator[None]:
    """Turns JAX's errors about traced values into ours, with the user's line and the path.

    Errors that the user's code has caught within are raised at the end.
    """
    try:
        yield
        raise_caught(frame.ground.raised)
    except (*OF_JAX, ValueError, TypeError, IndexError) as error:
        if not _asks_for_value(error):
            raise
        entry = raising_frame(error)
        where, source = "", ""
        paths: list[str] = []
        if entry is not None:
            code = entry.tb_frame.f_code
            where = f"{code.co_filename}:{entry.tb_lineno}"
            source, paths = expression(entry, frame)
        what = "Python asked for the value of a traced array" + (f": {source}" if source else ".")
        if paths:
            where = f"{', '.join(paths)}, at {where}"
        raise TracedControlFlowError(
            what,
            where=where,
            do=advice(error),
        ) from error


def expression(entry: Any, frame: Frame) -> tuple[str, list[str]]:
    """Returns the source of the expression that failed, and the paths of the slots in it."""
    import ast
    import linecache

    code, local = entry.tb_frame.f_code, entry.tb_frame.f_locals
    line = linecache.getline(code.co_filename, entry.tb_lineno).strip()
    paths = []
    try:
        tree = ast.parse(line.rstrip(":") if not line.startswith("if ") else line[3:].rstrip(":"))
    except SyntaxError:
        try:
            tree = ast.parse(f"{line}\n pass" if line.endswith(":") else line.removeprefix("el"))
        except SyntaxError:
            return line, []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            holder = local.get(node.value.id, entry.tb_frame.f_globals.get(node.value.id))
            if frame.ground.is_holder(holder) and _is_state(holder, node.attr):
                paths.append(frame.ground.path_of(holder, node.attr))
    return line, list(dict.fromkeys(paths))


def _is_state(holder: Any, name: str) -> bool:
    own = getattr(type(holder), name, None)
    return name == "value" or not (callable(own) or isinstance(own, property))


@contextmanager
def leaks_described(frame: Frame) -> Iterator[None]:
    """Turns JAX's error about a dead tracer into ours."""
    try:
        yield
    except jax.errors.UnexpectedTracerError as error:
        raise EscapeError(
            "a value that was computed under a JAX transformation was kept beyond it.",
            where=frame.ground.where(),
            do="return it from the transformed function, or use the function of the same name "
            "from statejit, which carries state.",
        ) from error
