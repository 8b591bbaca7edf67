"""The default generator, and the functions of `statejit.random` that are its methods."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any

import jax

from .generator import RandomState
from .keys import Key, key_of

_seeding = threading.Lock()
_found: list[RandomState] = []


def default() -> RandomState:
    """Returns the default generator.

    It is made when it is first asked for, so that importing statejit does not start JAX's devices;
    even a trace that needs it first finds it ready.
    """
    if not _found:
        with _seeding, jax.ensure_compile_time_eval():
            if not _found:
                made = object.__new__(RandomState)
                object.__getattribute__(made, "__dict__")["key"] = Key.bare(key_of(_entropy()))
                _found.append(made)
    return _found[0]


def _entropy() -> Any:
    import numpy as np

    return np.random.SeedSequence()


def _of_default(name: str) -> Callable[..., Any]:
    """Makes the function of the module that is a method of the default generator."""
    method = getattr(RandomState, name)
    _, *rest = inspect.signature(method).parameters.values()

    def draw(*args: Any, **kwargs: Any) -> Any:
        return method(_found[0] if _found else default(), *args, **kwargs)

    draw.__name__ = draw.__qualname__ = name
    draw.__doc__ = method.__doc__
    draw.__module__ = "statejit.random"
    draw.__signature__ = inspect.Signature(rest)  # type: ignore[attr-defined]
    return draw


_NOT_HERE = ("fold_in", "clone")
"""Methods of generators whose names are functions of keys in this module, as in `jax.random`."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: _of_default(name)
    for name in dir(RandomState)
    if not name.startswith("_") and callable(getattr(RandomState, name)) and name not in _NOT_HERE
}


def clone_rng(seed_or_key: Any = None, clone: bool = True) -> RandomState:
    """Returns a generator with a stream of its own.

    Args:
        seed_or_key: what it starts from; None for a key that is split from the default one.
        clone: whether, without a seed, it is another than the default one.

    Example:
        >>> import statejit.random as srandom
        >>> srandom.clone_rng(clone=False) is srandom.DEFAULT
        True
    """
    if seed_or_key is not None:
        return RandomState(seed_or_key)
    return default().clone() if clone else default()
