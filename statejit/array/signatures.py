"""Arguments that functions of NumPy have and those of JAX have not: renamed, or of no effect."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

Fun = Callable[..., Any]

NO_EFFECT = frozenset({"subok", "like", "kind", "casting"})
"""Arguments about classes of arrays and about algorithms, which change no result here."""

ORDERED = frozenset(
    {
        *("zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like"),
        *("eye", "partition", "argpartition"),
    }
)
"""Functions whose `order=` is about memory, which is JAX's business."""

RENAMED = {
    "clip": {"a_min": "min", "a_max": "max"},
    "nanstd": {"correction": "ddof"},
    "nanvar": {"correction": "ddof"},
}
"""NumPy's names of parameters that have another name in JAX."""


def without_effect(fun: Fun, numpys: Fun | None) -> frozenset[str]:
    """Returns the names of arguments that are to be dropped before a function of JAX is called.

    JAX's sorts are stable; of other kinds it has the name of the argument alone.

    Args:
        fun: the function of JAX.
        numpys: NumPy's function of the same name, if there is one.
    """
    ours, theirs = _parameters(fun), _parameters(numpys)
    more = NO_EFFECT | ({"order"} if getattr(fun, "__name__", "") in ORDERED else set())
    return frozenset(name for name in theirs & more if name == "kind" or name not in ours)


def renamed(fun: Fun) -> dict[str, str]:
    """Returns NumPy's names of parameters that JAX calls otherwise.

    Args:
        fun: the function of JAX.
    """
    ours = _parameters(fun)
    known = RENAMED.get(getattr(fun, "__name__", ""), {})
    return {name: other for name, other in known.items() if name not in ours and other in ours}


def _parameters(fun: Fun | None) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(fun).parameters) if fun else frozenset()
    except (TypeError, ValueError):
        return frozenset()
