"""One small model, the same in each framework: what befalls it `recompilations.py` counts.

All models are plain Python around one array. Only how that array is kept differs, and how the
step is compiled: each framework's way of doing so is a `Kit`.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

import statejit as sj

Step = Callable[..., Any]

around = types.SimpleNamespace(gain=1.0)
"""Is no part of any model; the step reads it all the same."""


@dataclass(frozen=True)
class Kit:
    """How a framework makes the model and compiles its step.

    Args:
        make: makes a new model.
        jit: compiles the step of a model the way that the framework's documentation does; what can
            be compiled once for all models is.
        anew: compiles the step of a model as if it had never been compiled.
    """

    make: Callable[[], Any]
    jit: Callable[[Any], Step]
    anew: Callable[[Any], Step]


class Common:
    """What the models share."""

    w: Any

    def begin(self, hold: Callable[[list[float]], Any] = list) -> None:
        """Sets all attributes that are no state of the framework.

        Args:
            hold: what the framework wants lists to be.
        """
        self.rate, self.training, self.label = 0.5, True, "first"
        self.counts, self.calls = False, 0
        self.scales = hold([1.0, 2.0])
        self.unread = jnp.zeros(3)

    def read(self) -> Any:
        """Returns the weights, an array (4,)."""
        return self.w

    def write(self, value: Any) -> None:
        """Replaces the weights."""
        self.w = value

    def step(self, x: Any) -> Any:
        """Returns a number, and changes the weights in training."""
        w = self.read()
        y = w * x * self.rate * around.gain
        for scale in self.scales:
            y = y * scale
        if self.counts:
            self.calls += 1
        if self.training:
            self.write(w + 0.1 * y)
        return y.sum()


class Watched(Common, sj.Base):
    """Is the model here."""

    def __init__(self) -> None:
        self.begin()
        self.w = jnp.ones(4)


class ByHand(Common):
    """Is the model of somebody who writes pure functions."""

    def __init__(self) -> None:
        self.begin()
        self.w = jnp.ones(4)


def hand_written() -> Kit:
    """Returns the hand-written step: all that it reads comes in, but what stands in globals."""

    def pure(w: Any, rate: Any, scales: Any, calls: Any, x: Any, trains: Any, counts: Any) -> Any:
        y = w * x * rate * around.gain
        for scale in scales:
            y = y * scale
        return y.sum(), w + 0.1 * y if trains else w, calls + 1 if counts else calls

    def bound(compiled: Step, model: ByHand) -> Step:
        def step(x: Any) -> Any:
            state = model.w, model.rate, model.scales, model.calls
            result, model.w, model.calls = compiled(*state, x, model.training, model.counts)
            return result

        return step

    def compiled(fun: Step) -> Step:
        return jax.jit(fun, static_argnums=(5, 6))

    shared = compiled(pure)
    return Kit(
        ByHand,
        lambda model: bound(shared, model),
        lambda model: bound(compiled(lambda *args: pure(*args)), model),
    )


def watched() -> Kit:
    """Returns the step here."""
    return Kit(
        Watched,
        lambda model: sj.jit(model.step),
        lambda model: sj.jit(lambda *args, **keywords: model.step(*args, **keywords)),
    )


def by_nnx() -> Kit:
    """Returns the step on modules of flax's NNX."""
    from flax import nnx

    global NnxModel  # what is pickled is found by name

    class NnxModel(Common, nnx.Module):
        def __init__(self) -> None:
            self.begin(nnx.List)
            self.w = nnx.Param(jnp.ones(4))

        def read(self) -> Any:
            return self.w[...]

        def write(self, value: Any) -> None:
            self.w.set_value(value)

    def step(model: Any, *args: Any, **keywords: Any) -> Any:
        return model.step(*args, **keywords)

    def bound(compiled: Step, model: Any) -> Step:
        return lambda *args, **keywords: compiled(model, *args, **keywords)

    shared = nnx.jit(step)
    return Kit(
        NnxModel,
        lambda model: bound(shared, model),
        lambda model: bound(nnx.jit(lambda *args, **keywords: step(*args, **keywords)), model),
    )


def by_brainstate() -> Kit:
    """Returns the step on brainstate's states."""
    import brainstate

    global BrainstateModel

    class BrainstateModel(Common, brainstate.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.begin()
            self.w = brainstate.ParamState(jnp.ones(4))

        read, write = _read_value, _write_value

    return _declared(BrainstateModel, brainstate.transform.jit)


def by_brainpy() -> Kit:
    """Returns the step on brainpy.math's variables."""
    import brainpy.math as bm

    global BrainpyModel

    class BrainpyModel(Common, bm.BrainPyObject):
        def __init__(self) -> None:
            super().__init__()
            self.begin()
            self.w = bm.Variable(jnp.ones(4))

        read, write = _read_value, _write_value

    return _declared(BrainpyModel, bm.jit)


def _read_value(model: Any) -> Any:
    """Returns the weights, where they are declared and have a value."""
    return model.w.value


def _write_value(model: Any, value: Any) -> None:
    """Replaces the weights, where they are declared and have a value."""
    model.w.value = value


def _declared(make: Any, jit: Callable[[Step], Step]) -> Kit:
    """Returns a kit of a framework whose `jit` finds declared state by tracing a closure."""
    return Kit(
        make,
        lambda model: jit(model.step),
        lambda model: jit(lambda *args, **keywords: model.step(*args, **keywords)),
    )


KITS = {
    "by hand": hand_written,
    "statejit": watched,
    "nnx": by_nnx,
    "brainstate": by_brainstate,
    "brainpy.math": by_brainpy,
}
