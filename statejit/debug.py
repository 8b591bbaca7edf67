"""Looking into compiled programs while they run; the functions of `jax.debug`.

Example:
    >>> import jax, statejit as sj
    >>> double = sj.jit(lambda x: (sj.debug.print("x is {}", x), 2 * x)[1])
    >>> y = double(1.5)
    x is 1.5
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from .array.lifting import unpacked

__all__ = ["breakpoint", "callback", "print"]


def callback(fun: Callable[..., Any], *args: Any, ordered: bool = False, **kwargs: Any) -> None:
    """Calls a Python function each time the compiled program runs; mirrors `jax.debug.callback`.

    The function is not part of the program: what it changes in watched objects is changed behind
    the program's back. Values are best put into a `queue.SimpleQueue`, or a method of a library's
    object; a list that the function names is a guard of the program, as anything that code
    reads, so that the program would be compiled anew whenever the list has grown.

    Args:
        fun: the function.
        args: what it is called with; mutable arrays are given as they are at this point.
        ordered: whether calls come in the order of the program.
        kwargs: further arguments, by name.

    Example:
        >>> import queue, jax, statejit as sj
        >>> seen = queue.SimpleQueue()
        >>> step = sj.jit(lambda x: sj.debug.callback(seen.put, x))
        >>> step(1.0), step(2.0), len(step.plans)
        (None, None, 1)
        >>> jax.effects_barrier()
        >>> float(seen.get()), float(seen.get())
        (1.0, 2.0)
    """
    args, kwargs = unpacked(args), unpacked(kwargs)
    jax.debug.callback(fun, *args, ordered=ordered, **kwargs)


def print(fmt: str, *args: Any, ordered: bool = False, **kwargs: Any) -> None:
    """Prints values each time the compiled program runs; mirrors `jax.debug.print`.

    Args:
        fmt: the text, with fields as of `str.format`.
        args: what goes into the fields.
        ordered: whether texts come in the order of the program.
        kwargs: what goes into named fields.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> ys = sj.for_loop(lambda x: sj.debug.print("step {x}", x=x), jnp.arange(2))
        step 0
        step 1
    """
    args, kwargs = unpacked(args), unpacked(kwargs)
    jax.debug.print(fmt, *args, ordered=ordered, **kwargs)


def breakpoint(**options: Any) -> None:
    """Stops the compiled program at this point for a debugger; mirrors `jax.debug.breakpoint`.

    Args:
        options: see `jax.debug.breakpoint`.

    Example:
        >>> import statejit as sj
        >>> def step(x):
        ...     sj.debug.breakpoint()  # the debugger's `p x` shows the value
        ...     return 2 * x
        >>> run = sj.jit(step)
    """
    jax.debug.breakpoint(**options)
