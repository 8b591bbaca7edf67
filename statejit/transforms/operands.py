"""Loops and branches with the signatures of brainpy.math: their operands come as one argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import branches, loops
from .progress import ProgressBar


def _unpacked(operands: Any) -> tuple[Any, ...]:
    return tuple(operands) if isinstance(operands, (tuple, list)) else (operands,)


def cond(pred: Any, true_fun: Any, false_fun: Any, operands: Any = ()) -> Any:
    """Calls one of two stateful functions, as `brainpy.math.cond` does.

    Args:
        pred: a boolean scalar.
        true_fun: ``(*operands) -> result``, or a constant.
        false_fun: ``(*operands) -> result``, or a constant.
        operands: the arguments, in a tuple or list; one alone needs no tuple.

    Returns:
        The result of the function that is taken; see `statejit.cond`.

    Raises:
        BranchError: if the functions leave results or state of different types.

    Example:
        >>> import statejit.math as bm
        >>> bm.cond(bm.array(True), lambda x, y: x - y, 0.0, (3.0, 1.0)).item()
        2.0
    """
    return branches.cond(pred, true_fun, false_fun, *_unpacked(operands))


def for_loop(
    body_fun: Callable[..., Any],
    operands: Any,
    reverse: bool = False,
    unroll: int = 1,
    jit: bool | None = None,
    progress_bar: bool | int | ProgressBar = False,
) -> Any:
    """Calls a stateful function for each row of arrays, as `brainpy.math.for_loop` does.

    Args:
        body_fun: ``(*x) -> y``.
        operands: arrays, (n, ...) each, or trees of them, in a tuple or list; one alone needs no
            tuple.
        reverse: whether to go from the last row to the first.
        unroll: how many steps one iteration of the compiled loop does.
        jit: False runs `body_fun` once for each step, in Python.
        progress_bar: whether to show how far the loop is.

    Returns:
        The stacked `y`, (n, ...) each; see `statejit.for_loop`.

    Raises:
        CarryTypeError: if steps go on changing the type of the state that they write.

    Example:
        >>> import statejit.math as bm
        >>> bm.for_loop(lambda x, y: x * y, (bm.arange(3), bm.arange(3))).tolist()
        [0, 1, 4]
    """
    return loops.for_loop(
        body_fun,
        *_unpacked(operands),
        reverse=reverse,
        unroll=unroll,
        jit=jit,
        progress_bar=progress_bar,
    )


def scan(
    body_fun: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    operands: Any,
    reverse: bool = False,
    unroll: int = 1,
    remat: bool = False,
    progress_bar: bool | int | ProgressBar = False,
) -> tuple[Any, Any]:
    """Loops a stateful function over the first axis of arrays, as `brainpy.math.scan` does.

    Args:
        body_fun: (carry, x) -> (carry, y).
        init: the carry before the first step.
        operands: arrays, (n, ...) each, or a tree of them.
        reverse: whether to go from the last row to the first.
        unroll: how many steps one iteration of the compiled loop does.
        remat: whether reverse-mode differentiation computes each step again.
        progress_bar: whether to show how far the loop is.

    Returns:
        The carry after the last step, and the stacked `y`, (n, ...) each; see `statejit.scan`.

    Raises:
        CarryTypeError: if steps go on changing the type of what they carry.

    Example:
        >>> import statejit.math as bm
        >>> total, sums = bm.scan(lambda c, x: (c + x, c + x), 0, bm.arange(4))
        >>> total.item(), sums.tolist()
        (6, [0, 1, 3, 6])
    """
    return loops.scan(
        body_fun,
        init,
        operands,
        reverse=reverse,
        unroll=unroll,
        remat=remat,
        progress_bar=progress_bar,
    )


def while_loop(body_fun: Callable[..., Any], cond_fun: Callable[..., Any], operands: Any) -> Any:
    """Repeats a stateful function while a condition holds, as `brainpy.math.while_loop` does.

    Args:
        body_fun: ``(*operands) -> operands`` of the next step, in a tuple, or alone if there is
            only one; None if there are none, and all is in state.
        cond_fun: ``(*operands) ->`` a boolean scalar.
        operands: the first operands, in a tuple or list; one alone needs no tuple.

    Returns:
        The last operands, in a tuple.

    Raises:
        CarryTypeError: if a step changes the type of the operands or of state.

    Example:
        >>> import statejit.math as bm
        >>> x, n = bm.while_loop(lambda x, n: (x / 2, n + 1), lambda x, n: x > 1, (10.0, 0))
        >>> x.item(), n.item()
        (0.625, 4)
    """

    def body(carry: tuple[Any, ...]) -> tuple[Any, ...]:
        found = body_fun(*carry)
        return () if found is None else _unpacked(found)

    return loops.while_loop(lambda carry: cond_fun(*carry), body, _unpacked(operands))
