"""Conditionals over stateful functions: `cond`, `switch`, `ifelse`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.captures import unchanged_captures
from .._core.discovery import run
from .._core.executable import is_disabled
from .._core.frames import Frame
from .._core.inner import commit
from .._core.lift import code_of
from .._core.numbers import Number
from .inside import Inside
from .merging import Merging
from .scanning import is_cell, is_leaf, is_view


class Branches(Inside):
    """A choice among functions (and constants) by an index or a truth value.

    Args:
        branches: functions of the operands, or constants.
        is_cond: whether the choice is by a truth value: the first branch is for True.
    """

    guarded = ("functions",)

    def __init__(self, branches: Sequence[Any], is_cond: bool) -> None:
        self.constants = tuple(b for b in branches if not callable(b))
        self.functions = tuple(b for b in branches if callable(b))
        self.is_cond = is_cond
        self.order = tuple(callable(b) for b in branches)
        codes = tuple(code_of(fun) for fun in self.functions)
        super().__init__(self.functions[0] if self.functions else _nothing, (*self.order, *codes))

    def all(self, constants: tuple[Any, ...]) -> list[Callable[..., Any]]:
        """Returns the branches as functions of the operands."""
        functions, values = iter(self.functions), iter(constants)
        return [next(functions) if is_fun else _always(next(values)) for is_fun in self.order]

    def call_in_frame(self, frame: Frame, args: Any, kwargs: Any) -> Any:
        """Calls the branch that is chosen, over the enclosing frame."""
        which, operands, constants = args
        branches = self.all(constants)
        if is_known(which):
            return branches[self.chosen(which)](*operands)
        over = Frame(frame, frame.ground)
        over.is_branch = True
        entries = [over.adopt_argument(operand) for operand in operands]
        runs: list[Any] = []
        shown: list[dict[Any, Any]] = []  # for each branch what views in its result show

        def finish(over: Frame, result: Any, args: Any, kwargs: Any) -> list[Any]:
            views = [v for v in jax.tree.leaves(result, is_leaf=is_leaf) if is_view(v)]
            shown.append({id(view): i for i, view in enumerate(views)})
            return [view.value for view in views]

        with unchanged_captures(frame, *self.functions):
            for branch in branches:
                over.reopen()
                runs.append(run(branch, list(entries), {}, over, finish))
        over.reopen()
        merging = Merging(over, runs, shown)
        programs = merging.programs()
        index = jnp.asarray(which.value if is_cell(which) else which)
        if self.is_cond:
            outs = jax.lax.cond(index.astype(bool), *programs)
        else:
            outs = jax.lax.switch(index, programs)
        return commit(merging.merged(), outs, frame)

    def chosen(self, which: Any) -> int:
        """Returns the position of a branch that is known to Python."""
        if self.is_cond:
            return 0 if bool(which) else 1
        return min(max(int(which), 0), len(self.order) - 1)

    def eager(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the branch that is chosen."""
        which, operands, constants = args
        return self.all(constants)[self.chosen(which)](*operands)


def _nothing() -> None:
    return None


def _always(value: Any) -> Callable[..., Any]:
    return lambda *operands: value


def is_known(which: Any) -> bool:
    """Says whether Python knows a condition or an index: then it alone decides."""
    return type(which) is Number or isinstance(which, (bool, int, float, np.generic))


def _choose(branches: Sequence[Any], is_cond: bool, which: Any, operands: tuple[Any, ...]) -> Any:
    lift = Branches(branches, is_cond)
    args = (which, operands, lift.constants)
    return lift.eager(*args) if is_disabled() or is_known(which) else lift(*args)


def cond(pred: Any, true_fun: Any, false_fun: Any, *operands: Any) -> Any:
    """Calls one of two stateful functions; mirrors `jax.lax.cond`.

    State that only one of them writes stays as it was if the other is taken. A Python number that
    they set differently is an array for the rest of the compiled call, with an array's precision,
    and a Python number again after it.

    Args:
        pred: a boolean scalar. One that Python knows decides as `if` does, with nothing traced.
        true_fun: ``(*operands) -> result``, or a constant.
        false_fun: ``(*operands) -> result``, or a constant.
        operands: arguments of both functions.

    Returns:
        The result of the function that is taken. Both must have the same structure; Python
        values that differ become arrays.

    Raises:
        BranchError: if the functions leave results or state of different types.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> class Gate(sj.Base):
        ...     def __init__(self):
        ...         self.opened = 0
        ...     def open(self, x):
        ...         self.opened += 1
        ...         return 2 * x
        >>> gate = Gate()
        >>> x = jnp.asarray(3.0)
        >>> sj.cond(x > 0, gate.open, lambda x: x, x).item(), gate.opened
        (6.0, 1)
        >>> sj.cond(x < 0, gate.open, 0.0, x).item(), gate.opened
        (0.0, 1)
    """
    return _choose((true_fun, false_fun), True, pred, operands)


def switch(index: Any, branches: Sequence[Any], *operands: Any) -> Any:
    """Calls one of several stateful functions; mirrors `jax.lax.switch`.

    Args:
        index: an integer scalar; it is clamped to the range of `branches`.
        branches: functions ``(*operands) -> result``, or constants.
        operands: arguments of all functions.

    Returns:
        The result of the function that is taken; see `cond`.

    Raises:
        ValueError: if there are no branches.
        BranchError: if the functions leave results or state of different types.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> sj.switch(jnp.asarray(1), [lambda x: x, lambda x: -x, 0.0], 2.0).item()
        -2.0
    """
    if not branches:
        raise ValueError("Empty branch sequence")
    return _choose(tuple(branches), False, index, operands)


def ifelse(conditions: Any, branches: Sequence[Any], operands: Any = ()) -> Any:
    """Calls the function of the first condition that holds, as `if ... elif ... else` does.

    Args:
        conditions: boolean scalars; one alone needs no list.
        branches: a function or constant for each condition, and one more for `else`.
        operands: the arguments, in a tuple; one alone needs no tuple.

    Returns:
        The result of the function that is taken; see `cond`.

    Raises:
        ValueError: if there is not one branch more than there are conditions.
        BranchError: if the functions leave results or state of different types.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> def grade(points):
        ...     return sj.ifelse([points > 90, points > 70], [1, 2, lambda: 3])
        >>> [grade(jnp.asarray(points)).item() for points in (95, 80, 10)]
        [1, 2, 3]
    """
    conditions = list(conditions) if isinstance(conditions, (list, tuple)) else [conditions]
    if len(branches) != len(conditions) + 1:
        raise ValueError(
            f"there must be one branch more than conditions: got {len(branches)} branches for "
            f"{len(conditions)} conditions"
        )
    operands = operands if isinstance(operands, (list, tuple)) else (operands,)
    if all(is_known(condition) for condition in conditions):
        found = (i for i, condition in enumerate(conditions) if bool(condition))
        which: Any = next(found, len(conditions))
    else:
        which = len(conditions)
        for i, condition in reversed(list(enumerate(conditions))):
            which = jnp.where(condition.value if is_cell(condition) else condition, i, which)
    return _choose(tuple(branches), False, which, tuple(operands))
