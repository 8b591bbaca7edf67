"""Progress bars of loops: `tqdm`, behind one callback of the compiled program."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Body = Callable[[Any, Any], tuple[Any, Any]]


@dataclasses.dataclass(frozen=True)
class ProgressBar:
    """Shows how far a loop is; it needs the package `tqdm` (`pip install statejit[progress]`).

    Args:
        freq: how many steps there are from one update to the next, at most half a loop; by default
            there are twenty updates in a loop, or up to forty if that leaves no rest.
        desc: the text before the bar.

    Example:
        >>> import statejit as sj
        >>> sj.ProgressBar(freq=100, desc="training").freq
        100
    """

    freq: int | None = None
    desc: str = ""

    def __post_init__(self) -> None:
        if self.freq is not None and self.freq < 1:
            raise ValueError(f"freq is the number of steps between updates, not {self.freq}")


def settled(progress_bar: Any) -> ProgressBar | None:
    """Returns what a user wants by `progress_bar=`: nothing, a bar, or one with a frequency.

    Raises:
        TypeError: if it is none of these.
    """
    if progress_bar is None or progress_bar is False:
        return None
    if progress_bar is True:
        return ProgressBar()
    if type(progress_bar) is int:
        return ProgressBar(progress_bar)
    if isinstance(progress_bar, ProgressBar):
        return progress_bar
    raise TypeError(
        "progress_bar is a boolean, the number of steps between updates, or a ProgressBar, not "
        f"{progress_bar!r}"
    )


class Meter:
    """Shows one loop after the other: it is called with the number of steps that are done.

    Args:
        bar: what the user wants.
        count: the number of steps.
    """

    def __init__(self, bar: ProgressBar, count: int) -> None:
        from tqdm import tqdm  # an optional package, needed where a bar is asked for

        self._new: Any = lambda: tqdm(total=count, desc=bar.desc or None)
        self.count = count
        self.freq = min(bar.freq or _default(count), max(1, count // 2))
        self._shown: Any = None

    def __call__(self, done: Any) -> None:
        """Shows that so many steps are done."""
        done = int(done)
        if self._shown is None:
            self._shown = self._new()
        self._shown.update(done - self._shown.n)
        if done == self.count:
            self._shown.close()
            self._shown = None

    def is_due(self, done: int) -> bool:
        """Says whether there is an update after so many steps."""
        return (self.count - done) % self.freq == 0

    def scan(
        self, body: Body, init: Any, xs: Any, left: int, reverse: bool, unroll: int | bool
    ) -> tuple[Any, Any]:
        """Does what `jax.lax.scan` does, as a loop over loops: a step costs no more than without.

        Args:
            body: (carry, x) -> (carry, y).
            init: the carry before the first step.
            xs: arrays, (left, ...) each, or a tree of them.
            left: the number of steps.
            reverse: whether to go from the last row to the first.
            unroll: how many steps one iteration of the compiled loop does.

        Returns:
            The carry after the last step, and the stacked y.
        """
        freq = self.freq
        times, rest = divmod(left, freq)
        scan = functools.partial(jax.lax.scan, body, reverse=reverse, unroll=unroll)

        def part(state: Any, x: Any) -> tuple[Any, Any]:
            carry, done = state
            then, rows = x
            jax.debug.callback(self, done)
            carry, ys = scan(carry, rows, length=freq)
            return (carry, then), ys

        first, others = _split(xs, rest if not reverse else left - rest)
        if reverse:
            first, others = others, first
        carry, before = scan(init, first, length=rest) if rest else (init, None)
        parts = jax.tree.map(lambda x: x.reshape(times, freq, *x.shape[1:]), others)
        # The loop looks up how many steps are done: what it computes XLA knows before, and the last
        # callback, which takes a result of the loop, would not wait for its end.
        dones = np.arange(self.count - times * freq, self.count + 1, freq, dtype=np.int32)
        thens = dones[:0:-1] if reverse else dones[1:]
        (carry, done), ys = jax.lax.scan(part, (carry, dones[0]), (thens, parts), times, reverse)
        jax.debug.callback(self, done)
        ys = jax.tree.map(lambda y: y.reshape(times * freq, *y.shape[2:]), ys)
        return carry, _joined(*((ys, before) if reverse else (before, ys))) if rest else ys


def _default(count: int) -> int:
    """Returns the number of steps between updates: one that leaves no rest, if there is one."""
    fits = (count // times for times in range(20, 41) if count % times == 0)
    return next(fits, max(1, count // 20))


def _split(rows: Any, at: int) -> tuple[Any, Any]:
    return jax.tree.map(lambda x: x[:at], rows), jax.tree.map(lambda x: x[at:], rows)


def _joined(before: Any, after: Any) -> Any:
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), before, after)
