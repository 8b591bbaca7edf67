"""Paths: how a person would write the way to a value, put together only when somebody asks."""

from __future__ import annotations


class Path:
    """One step of the way to a value, and the path before it; `str` makes a text of all.

    A chain of a thousand objects has a thousand paths of up to a thousand steps: as texts they
    would cost the square of that. A path holds no values, so that it keeps no object of the user
    alive.

    Args:
        step: how a person would write the step, as '.name' or '[0]'.
        before: the path that it goes on from.
    """

    __slots__ = ("before", "step")

    def __init__(self, step: str, before: Path | None = None) -> None:
        self.step, self.before = step, before

    def __str__(self) -> str:
        steps: list[str] = []
        path: Path | None = self
        while path is not None:
            steps.append(path.step)
            path = path.before
        return "".join(reversed(steps)).lstrip(".") or "the function"
