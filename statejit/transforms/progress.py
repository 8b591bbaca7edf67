"""Progress bars of loops: `tqdm`, behind one callback of the compiled program."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax


@dataclasses.dataclass(frozen=True)
class ProgressBar:
    """Shows how far a loop is; it needs the package `tqdm` (`pip install statejit[progress]`).

    Args:
        freq: how many steps there are from one update to the next; by default there are twenty
            updates in a loop.
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
        self.count, self.freq = count, bar.freq or max(1, count // 20)
        self._shown: Any = None

    def __call__(self, done: Any) -> None:
        """Shows that so many steps are done."""
        done = int(done)
        if self._shown is None:
            self._shown = self._new()
        self._shown.update(done - self._shown.n)
        if done >= self.count:
            self._shown.close()
            self._shown = None

    def is_due(self, done: Any) -> Any:
        """Says whether there is an update after so many steps."""
        return (done % self.freq == 0) | (done == self.count)

    def tick(self, done: Any) -> None:
        """Calls the meter from a program, where an update is due."""
        jax.lax.cond(self.is_due(done), lambda: jax.debug.callback(self, done), lambda: None)
