"""Arguments that functions of NumPy have and those of JAX have not, or elsewhere."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

Fun = Callable[..., Any]

NO_EFFECT = frozenset({"subok", "like", "kind", "casting"})
"""Arguments about classes of arrays and about algorithms, which change no result here."""

DROPPED = frozenset({"kind", "overwrite_input"})
"""Those of them that JAX has too, and refuses."""

ORDERED = frozenset(
    {
        *("zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like"),
        *("eye", "partition", "argpartition", "einsum"),
    }
)
"""Functions whose `order=` is about memory, which is JAX's business."""

KINDS: dict[str, Fun] = {
    "sort": functools.partial(np.sort, ()),
    "argsort": functools.partial(np.argsort, ()),
    "partition": functools.partial(np.partition, (0,), 0),
    "argpartition": functools.partial(np.argpartition, (0,), 0),
}
"""Functions of NumPy that look at the name of an algorithm, with something to do."""

RENAMED = {
    "clip": {"a_min": "min", "a_max": "max"},
    "nanstd": {"correction": "ddof"},
    "nanvar": {"correction": "ddof"},
    "arange": {"start_or_stop": "start"},
}
"""NumPy's names of parameters that have another name in JAX."""


class Arguments:
    """Turns the arguments that NumPy's function takes into those of JAX's.

    Args:
        fun: the function of JAX.
        numpys: NumPy's function of the same name, if there is one.
    """

    __slots__ = ("_dropped", "_first", "_name", "_names", "_out", "_renamed")

    def __init__(self, fun: Fun, numpys: Fun | None) -> None:
        self._name = getattr(fun, "__name__", "")
        ours, theirs = _parameters(fun), _parameters(numpys)
        self._dropped, self._renamed = _without_effect(fun, ours, theirs), _renamed(fun, ours)
        self._first, self._names = _elsewhere(ours, theirs)
        row = _in_a_row(ours)
        self._out = row.index("out") if "out" in row else None

    def known(self) -> frozenset[str]:
        """Returns the arguments of NumPy's that are taken, and JAX has not."""
        return self._dropped | self._renamed.keys()

    def jaxs(self, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any], Any]:
        """Returns the arguments as JAX takes them, and what was given as `out`.

        Args:
            args: the arguments in a row.
            kwargs: the keyword arguments; may be changed.
        """
        if self._names and len(args) > self._first:
            args, kwargs = self._by_name(args, kwargs)
        out = None
        if kwargs:
            out = kwargs.pop("out", None)
            if self._name in KINDS:
                check_kind(self._name, kwargs.get("kind"), **_stable(kwargs))
            if self._dropped or self._renamed:
                names = self._renamed
                kwargs = {names.get(k, k): v for k, v in kwargs.items() if k not in self._dropped}
        if self._out is not None and len(args) > self._out:
            out, args = args[self._out], (*args[: self._out], None, *args[self._out + 1 :])
        return args, kwargs, out

    def _by_name(self, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        found = dict(zip(self._names, args[self._first :], strict=False))
        if found.keys() & kwargs or len(args) > self._first + len(self._names):
            return args, kwargs  # too many, as JAX will say
        return args[: self._first], {**found, **kwargs}


def check_kind(name: str, kind: Any, **stable: Any) -> None:
    """Refuses the name of an algorithm that NumPy refuses; here all are the same.

    Args:
        name: the name of the function.
        kind: the name of the algorithm, or None.
        stable: `stable=`, if it is given.
    """
    if kind is not None:
        KINDS[name](kind=kind, **stable)


def _stable(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in kwargs.items() if k == "stable"}


def _without_effect(fun: Fun, ours: Any, theirs: Any) -> frozenset[str]:
    """Returns the names of arguments that are to be dropped before a function of JAX is called.

    JAX's sorts are stable; of other kinds it has the name of the argument alone.
    """
    more = NO_EFFECT | DROPPED | ({"order"} if getattr(fun, "__name__", "") in ORDERED else set())
    taken = more if "kwargs" in theirs else more & frozenset(theirs)
    return frozenset(name for name in taken if name in DROPPED or name not in ours)


def _renamed(fun: Fun, ours: Any) -> dict[str, str]:
    known = RENAMED.get(getattr(fun, "__name__", ""), {})
    return {name: other for name, other in known.items() if name not in ours and other in ours}


def _elsewhere(ours: Any, theirs: Any) -> tuple[int, tuple[str, ...]]:
    """Returns from where on arguments in a row are not JAX's, and what NumPy calls them from there.

    Where names differ that only one of both has, they are names of the same thing.
    """
    first, row = _in_a_row(ours), _in_a_row(theirs)
    if not ours or inspect.Parameter.VAR_POSITIONAL in {p.kind for p in ours.values()}:
        return 0, ()
    for i, name in enumerate(row):
        other = first[i] if i < len(first) else None
        if name != other and (other is None or name in ours or other in theirs):
            return i, tuple(row[i:])
    return 0, ()


def _in_a_row(parameters: dict[str, inspect.Parameter]) -> list[str]:
    row = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, parameter in parameters.items() if parameter.kind in row]


def _parameters(fun: Fun | None) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(fun).parameters) if fun else {}
    except (TypeError, ValueError):
        return {}
