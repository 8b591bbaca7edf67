"""What XLA does meanwhile: each compilation, and how long it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

import statejit as sj

EVENT = "/jax/core/compile/backend_compile_duration"


@contextmanager
def compilations() -> Iterator[list[float]]:
    """Yields a list that gets the seconds of each compilation by XLA while the context is open."""
    found: list[float] = []

    def listen(name: str, seconds: float, **about: Any) -> None:
        if name == EVENT:
            with sj.unwatched():  # what is measured must not see the measuring
                found.append(seconds)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
