"""Pictures of object graphs: what two runs of a program are compared by.

A picture describes everything that can be reached from some roots: types, Python values, the
contents of arrays, and which places hold the same object. Two pictures of one program, made by
eager Python and by a transformed run, must be equal.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import numpy as np

import statejit as sj
from statejit.random.keys import Key

ATOMS = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), range, slice)
FROZEN = (decimal.Decimal, fractions.Fraction, pathlib.PurePath, datetime.date)
OPAQUE = (type, types.ModuleType, types.BuiltinFunctionType, np.dtype, np.ufunc, enum.Enum)


class Observer:
    """Makes pictures; an object keeps its number from one picture to the next.

    Args:
        exact: whether the contents of floating arrays are compared bit for bit.
    """

    def __init__(self, exact: bool = False) -> None:
        self.exact = exact
        self.numbers: dict[int, int] = {}
        self.alive: list[Any] = []

    def picture(self, roots: Any) -> Any:
        """Returns a description of everything that `roots` lead to."""
        return self._look(roots, set())

    def _number(self, value: Any) -> int:
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.numbers)
            self.alive.append(value)
        return self.numbers[id(value)]

    def _look(self, value: Any, seen: set[int]) -> Any:
        kind = type(value)
        name = kind.__qualname__
        if kind in ATOMS or isinstance(value, FROZEN):
            return name, repr(value)
        if isinstance(value, OPAQUE):
            return name, getattr(value, "__qualname__", None) or str(value)
        if isinstance(value, np.generic):
            return "numpy scalar", str(value.dtype), repr(value.item())
        if kind is tuple:
            return name, [self._look(item, seen) for item in value]
        number = self._number(value)
        if number in seen:
            return name, number
        seen.add(number)
        if isinstance(value, jax.core.Tracer):
            return "TRACER", number
        if isinstance(value, jax.Array):
            return name, number, Content(value, self.exact)
        if isinstance(value, np.ndarray):
            return name, number, Content(value.copy(), self.exact)
        if isinstance(value, (types.FunctionType, functools.partial)):
            return name, getattr(value, "__qualname__", "partial")
        if isinstance(value, types.MethodType):
            return name, value.__func__.__qualname__, self._look(value.__self__, seen)
        parts: list[Any] = [name, number]
        if isinstance(value, dict):
            parts.append([(repr(k), self._look(v, seen)) for k, v in value.items()])
        elif isinstance(value, (set, frozenset)):
            parts.append(sorted(repr(self._look(item, seen)) for item in value))
        elif isinstance(value, (list, tuple, collections.deque)):
            parts.append([self._look(item, seen) for item in value])
        if isinstance(value, collections.defaultdict):
            parts.append(self._look(value.default_factory, seen))
        if isinstance(value, BaseException):
            parts.append(str(value))
        for key, held in attributes(value):
            of_cell = isinstance(value, (sj.Array, Key)) and key == "_value"
            if type(value) is Key:
                held = value.value  # typed, now that somebody looks
            if of_cell and isinstance(held, jax.Array) and not isinstance(held, jax.core.Tracer):
                # It never changes, and nobody but its cell knows it.
                parts.append((key, Content(held, self.exact)))
            else:
                parts.append((key, self._look(held, seen)))
        return tuple(parts)


class Content:
    """Is the content of an array, compared by dtype, shape and numbers.

    Args:
        array: the array.
        exact: whether numbers are compared bit for bit.
    """

    def __init__(self, array: Any, exact: bool) -> None:
        self.exact = exact
        self.weak = bool(getattr(array, "weak_type", False))
        if isinstance(array, jax.Array) and jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key):
            self.dtype = str(array.dtype)
            self.numbers = np.asarray(jax.random.key_data(array))
        else:
            self.dtype = str(array.dtype)
            self.numbers = np.asarray(array)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Content):
            return NotImplemented
        a, b = self.numbers, other.numbers
        if (self.dtype, self.weak, a.shape) != (other.dtype, other.weak, b.shape):
            return False
        if self.exact or a.dtype.kind not in "fc":
            return bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))
        return bool(np.allclose(a, b, rtol=3e-6, atol=1e-6, equal_nan=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        weak = "~" if self.weak else ""
        return f"{weak}{self.dtype}{self.numbers.tolist()}"


def attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """Yields the names and values of the instance's own attributes, from `__slots__` as well."""
    own = getattr(value, "__dict__", None)
    if isinstance(own, dict):
        yield from list(own.items())
    for cls in type(value).__mro__:
        names = vars(cls).get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if name in ("__dict__", "__weakref__"):
                continue
            if name.startswith("__") and not name.endswith("__"):
                name = f"_{cls.__name__.lstrip('_')}{name}"
            try:
                found = object.__getattribute__(value, name)
            except AttributeError:
                continue
            if (name, found) != ("_mark", None):  # an array without a mark
                yield name, found


def reachable(roots: Any) -> Iterator[tuple[str, Any]]:
    """Yields (path, value) for everything that `roots` lead to, each object once."""
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [("roots", roots)]
    while stack:
        path, value = stack.pop()
        if type(value) is slice:
            stack.append((path, (value.start, value.stop, value.step)))
        if type(value) in ATOMS or isinstance(value, OPAQUE) or id(value) in seen:
            continue
        seen.add(id(value))
        yield path, value
        if isinstance(value, (jax.Array, np.ndarray, np.generic)):
            continue
        if isinstance(value, dict):
            stack.extend((f"{path}[{key!r}]", held) for key, held in value.items())
            stack.extend((f"key of {path}", key) for key in value)
        elif isinstance(value, (list, tuple, set, frozenset, collections.deque)):
            stack.extend((f"{path}[{i}]", held) for i, held in enumerate(value))
        if isinstance(value, types.FunctionType):
            for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
                try:
                    stack.append((f"{path}.{name}", cell.cell_contents))
                except ValueError:
                    continue
        elif isinstance(value, types.MethodType):
            stack.append((path, value.__self__))
        elif isinstance(value, functools.partial):
            stack.append((path, (value.func, value.args, value.keywords)))
        else:
            stack.extend((f"{path}.{name}", held) for name, held in attributes(value))


def tracers_in(roots: Any) -> list[str]:
    """Returns the paths at which a tracer, or a number of a trace, was left behind."""
    return [
        path
        for path, value in reachable(roots)
        if isinstance(value, jax.core.Tracer) or type(value).__module__ == "statejit._core.numbers"
    ]


Program = Callable[[Callable[..., Any]], Iterable[Any]]


def run(program: Program, transform: Callable[..., Any], exact: bool = False) -> list[Any]:
    """Runs a program, and returns the pictures of what it yields.

    A program is a generator function; it is given the transformation to be tested, or one that
    does nothing. What it yields is pictured at once, since it may be changed afterwards.
    """
    sj.random.seed(0)
    observer = Observer(exact)
    pictures = []
    for observed in program(transform):
        left = tracers_in(observed)
        assert not left, f"left behind at {left}"
        pictures.append(observer.picture(observed))
    return pictures


def leave(fun: Callable[..., Any] | None = None, **_: Any) -> Any:
    """Is the transformation that does nothing: eager Python."""
    return leave if fun is None else fun


@dataclasses.dataclass(frozen=True)
class Difference:
    """The first place where two pictures differ.

    Args:
        path: keys that lead there.
        eager: what eager Python has.
        other: what the transformed run has.
    """

    path: str
    eager: Any
    other: Any

    def __str__(self) -> str:
        return f"at {self.path}: eager {self.eager!r}, transformed {self.other!r}"


def difference(eager: Any, other: Any, path: str = "") -> Difference | None:
    """Returns the first difference of two pictures, or None."""
    both = isinstance(eager, (list, tuple)) and isinstance(other, (list, tuple))
    if both and type(eager) is type(other) and len(eager) == len(other):
        for i, (a, b) in enumerate(zip(eager, other, strict=True)):
            key = a[0] if isinstance(a, tuple) and a and isinstance(a[0], str) else i
            found = difference(a, b, f"{path}/{key}")
            if found is not None:
                return found
        return None
    same = eager == other
    return None if same else Difference(path, eager, other)
