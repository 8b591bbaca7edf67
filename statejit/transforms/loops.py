"""Loops over stateful functions: `scan`, `for_loop`, `while_loop`, `fori_loop` and their kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.executable import is_disabled
from .._core.frames import Frame
from .._core.lift import code_of
from .inside import Inside
from .progress import Meter, ProgressBar, settled
from .scanning import Scan, as_array, count_of, is_leaf, is_mutable, like
from .whiling import While


class ScanLift(Inside):
    """A loop that is called with its carry and what there is for each step.

    Args:
        fun: (carry, x) -> (carry, y).
        key: `length`, `reverse`, `unroll`, `remat`, `progress_bar`.
    """

    def step(self, carry: Any, x: Any) -> Any:
        """Does one step."""
        return self.fun(carry, x)

    def call_in_frame(self, frame: Frame, args: Any, kwargs: Any) -> Any:
        """Loops over the enclosing frame."""
        length, *options = self.key
        init, xs = args
        arrays = [as_array(leaf) for leaf in jax.tree.leaves(xs, is_leaf=is_leaf)]
        count = count_of(arrays, length)
        return Scan(frame, self.step, xs, count, tuple(options)).run(init)  # type: ignore[arg-type]

    def eager(self, *args: Any, **kwargs: Any) -> Any:
        """Loops in Python: the body runs once for each step."""
        length, reverse, *_, bar = self.key
        carry, xs = args
        leaves, tree = jax.tree.flatten(xs, is_leaf=is_leaf)
        arrays = [as_array(leaf) for leaf in leaves]
        steps = range(count_of(arrays, length))
        meter = None if bar is None else Meter(bar, len(steps))
        rows: list[Any] = []
        for i in reversed(steps) if reverse else steps:
            if meter is not None and meter.is_due(len(rows)):
                meter(len(rows))
            x = [like(a[i], is_mutable(leaf)) for a, leaf in zip(arrays, leaves, strict=True)]
            carry, y = self.step(carry, jax.tree.unflatten(tree, x))
            rows.append(jax.tree.map(_row, y, is_leaf=is_leaf))  # a mutable array may change
        if meter is not None and rows:
            meter(len(rows))
        return carry, stacked(rows[::-1] if reverse else rows)


class ForLift(ScanLift):
    """A loop without a carry of its own.

    Args:
        fun: (*x) -> y.
        key: as of `ScanLift`.
    """

    def step(self, carry: Any, x: Any) -> Any:
        """Does one step."""
        return None, self.fun(*x)


def _row(leaf: Any) -> Any:
    return like(as_array(leaf, "y"), is_mutable(leaf))


def stacked(rows: list[Any]) -> Any:
    """Returns trees of arrays as one tree of stacked arrays."""
    if not rows:
        return None
    columns = [jax.tree.leaves(row, is_leaf=is_leaf) for row in rows]
    wraps = [is_mutable(leaf) for leaf in columns[0]]
    found = [
        like(jnp.stack([as_array(leaf, "y") for leaf in column]), wrap)
        for column, wrap in zip(zip(*columns, strict=True), wraps, strict=True)
    ]
    return jax.tree.unflatten(jax.tree.structure(rows[0], is_leaf=is_leaf), found)


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    *,
    remat: bool = False,
    progress_bar: bool | int | ProgressBar = False,
) -> tuple[Any, Any]:
    """Loops a stateful function over the first axis of arrays; mirrors `jax.lax.scan`.

    State that `f` writes is carried from step to step, state that it only reads is closed over.

    Args:
        f: (carry, x) -> (carry, y).
        init: the carry before the first step; Python numbers in it become arrays.
        xs: arrays, (n, ...) each, or a tree of them.
        length: the number of steps, if there are no `xs`.
        reverse: whether to go from the last row to the first.
        unroll: how many steps one iteration of the compiled loop does.
        remat: whether reverse-mode differentiation computes each step again instead of keeping
            what it has computed.
        progress_bar: whether to show how far the loop is; see `ProgressBar`. A number is that of
            the steps from one update to the next.

    Returns:
        The carry after the last step, and the stacked `y`, (n, ...) each.

    Raises:
        CarryTypeError: if steps go on changing the type of what they carry.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> class Counter(sj.Base):
        ...     calls = 0
        ...     def __call__(self, total, x):
        ...         self.calls += 1
        ...         return total + x, total * x
        >>> counter = Counter()
        >>> total, ys = sj.scan(counter, 0.0, jnp.arange(4.0))
        >>> total.item(), ys.tolist(), counter.calls
        (6.0, [0.0, 0.0, 2.0, 9.0], 4)
    """
    lift = ScanLift(f, (length, reverse, unroll, remat or None, settled(progress_bar)))
    return lift.eager(init, xs) if is_disabled() else lift(init, xs)


def for_loop(
    f: Callable[..., Any],
    *xs: Any,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    remat: bool = False,
    jit: bool | None = None,
    progress_bar: bool | int | ProgressBar = False,
) -> Any:
    """Calls a stateful function for each row of arrays, and stacks the results.

    It does what a Python loop over the rows does, as one compiled loop: state that `f` writes is
    carried from step to step.

    Args:
        f: ``(*x) -> y``.
        xs: arrays, (n, ...) each, or trees of them; one argument of `f` each.
        length: the number of steps, if there are no `xs`.
        reverse: whether to go from the last row to the first.
        unroll: how many steps one iteration of the compiled loop does.
        remat: whether reverse-mode differentiation computes each step again.
        jit: False runs `f` once for each step, in Python.
        progress_bar: whether to show how far the loop is; see `scan`.

    Returns:
        The stacked `y`, (n, ...) each.

    Raises:
        CarryTypeError: if steps go on changing the type of the state that they write.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> class Neuron(sj.Base):
        ...     def __init__(self):
        ...         self.v = jnp.zeros(())
        ...     def __call__(self, current):
        ...         self.v = 0.5 * self.v + current
        ...         return self.v
        >>> neuron = Neuron()
        >>> sj.for_loop(neuron, jnp.ones(3)).tolist()
        [1.0, 1.5, 1.75]
        >>> neuron.v.item()
        1.75
    """
    lift = ForLift(f, (length, reverse, unroll, remat or None, settled(progress_bar)))
    if jit is False or is_disabled():
        return lift.eager(None, xs)[1]
    return lift(None, xs)[1]


class WhileLift(Inside):
    """A loop of which only the program knows how often it goes round.

    Args:
        body: carry -> carry.
        test: carry -> whether there is another step.
    """

    guarded = ("fun", "test")

    def __init__(self, body: Callable[..., Any], test: Callable[..., Any]) -> None:
        self.test = test
        super().__init__(body, code_of(test))

    def call_in_frame(self, frame: Frame, args: Any, kwargs: Any) -> Any:
        """Loops over the enclosing frame."""
        return While(frame, self.test, self.fun).run(*args)

    def eager(self, *args: Any, **kwargs: Any) -> Any:
        """Loops in Python."""
        (carry,) = args
        while self.test(carry):
            carry = self.fun(carry)
        return carry


def while_loop(
    cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init_val: Any
) -> Any:
    """Repeats a stateful function while a condition holds; mirrors `jax.lax.while_loop`.

    Both functions may read state; what `body_fun` writes is carried. Python numbers that it
    writes are carried as arrays, and are Python numbers again after the loop.

    Args:
        cond_fun: carry -> a boolean scalar; it writes no state.
        body_fun: carry -> carry.
        init_val: the carry before the first step; Python numbers in it become arrays.

    Returns:
        The carry after the last step.

    Raises:
        CarryTypeError: if a step changes the type of what it carries.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> class Halving(sj.Base):
        ...     def __init__(self):
        ...         self.steps = 0
        ...     def step(self, x):
        ...         self.steps += 1
        ...         return x / 2
        >>> halving = Halving()
        >>> sj.while_loop(lambda x: x > 1, halving.step, 10.0).item(), halving.steps
        (0.625, 4)
    """
    lift = WhileLift(body_fun, cond_fun)
    return lift.eager(init_val) if is_disabled() else lift(init_val)


class CountedLift(Inside):
    """A loop over a range of integers.

    Args:
        fun: (i, carry) -> carry.
        key: the bounds, if they are known, and `unroll`.
    """

    def call_in_frame(self, frame: Frame, args: Any, kwargs: Any) -> Any:
        """Loops over the enclosing frame."""
        bounds, unroll = self.key
        init, *given = args
        if bounds is None:
            lower, upper = (as_array(bound) for bound in given)
            _, carry = While(frame, lambda c: c[0] < upper, lambda c: (c[0] + 1, self.fun(*c))).run(
                (lower, init)
            )
            return carry
        xs = np.arange(*bounds, dtype=jax.dtypes.canonicalize_dtype(int))
        options = (False, unroll, None, None)
        loop = Scan(frame, lambda c, i: (self.fun(i, c), None), xs, len(xs), options)
        return loop.run(init)[0]

    def eager(self, *args: Any, **kwargs: Any) -> Any:
        """Loops in Python."""
        carry, *given = args
        for i in range(*(self.key[0] or [int(bound) for bound in given])):
            carry = self.fun(i, carry)
        return carry


def fori_loop(
    lower: Any,
    upper: Any,
    body_fun: Callable[[Any, Any], Any],
    init_val: Any,
    *,
    unroll: int | bool = 1,
) -> Any:
    """Loops a stateful function over integers; mirrors `jax.lax.fori_loop`.

    Args:
        lower: the first integer.
        upper: the one after the last. If both bounds are Python integers, the loop can be
            differentiated in reverse.
        body_fun: (i, carry) -> carry.
        init_val: the carry before the first step; Python numbers in it become arrays.
        unroll: how many steps one iteration of the compiled loop does.

    Returns:
        The carry after the last step.

    Raises:
        CarryTypeError: if steps go on changing the type of what they carry.

    Example:
        >>> import statejit as sj
        >>> sj.fori_loop(0, 5, lambda i, total: total + i, 0).item()
        10
    """
    known = type(lower) is int and type(upper) is int
    lift = CountedLift(body_fun, ((lower, upper) if known else None, unroll))
    args = (init_val,) if known else (init_val, lower, upper)
    return lift.eager(*args) if is_disabled() else lift(*args)


def associative_scan(
    fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """Combines elements from the first to each, in parallel; mirrors `jax.lax.associative_scan`.

    Args:
        fn: (a, b) -> their combination, elementwise over the axis; associative. It is called as
            often as `jax.lax.associative_scan` calls it.
        elems: arrays, (..., n, ...) each, or a tree of them.
        reverse: whether to combine from the last to each.
        axis: the axis along which elements lie.

    Returns:
        The combinations, in the structure of `elems`.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> sj.associative_scan(lambda a, b: a + b, jnp.arange(4)).tolist()
        [0, 1, 3, 6]
    """
    leaves, tree = jax.tree.flatten(elems, is_leaf=is_leaf)
    wraps = [is_mutable(leaf) for leaf in leaves]

    def wrapped(arrays: list[Any]) -> Any:
        return jax.tree.unflatten(tree, [like(a, w) for a, w in zip(arrays, wraps, strict=True)])

    def combine(a: list[Any], b: list[Any]) -> list[Any]:
        found = jax.tree.leaves(fn(wrapped(a), wrapped(b)), is_leaf=is_leaf)
        return [as_array(leaf) for leaf in found]

    arrays = [as_array(leaf) for leaf in leaves]
    return wrapped(jax.lax.associative_scan(combine, arrays, reverse, axis))


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """Calls a stateful function for each row, one after the other; mirrors `jax.lax.map`.

    Args:
        f: x -> y.
        xs: arrays, (n, ...) each, or a tree of them.

    Returns:
        The stacked `y`, (n, ...) each.

    Raises:
        CarryTypeError: if steps go on changing the type of the state that they write.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> sj.map(lambda x: x**2, jnp.arange(3)).tolist()
        [0, 1, 4]
    """
    return for_loop(f, xs)
