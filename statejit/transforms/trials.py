"""A stateful loss as a pure function of parameters, for methods that try several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from .._core.captures import unchanged_captures
from .._core.discovery import in_frame
from .._core.frames import Frame
from .._core.recipes import Input, Out
from ..typing import PyTree
from .autodiff import as_loss


def on_trial(
    loss: Callable[[], Any], write: Callable[[PyTree], None], params: PyTree, frame: Frame
) -> Callable[[PyTree], Any]:
    """Returns the value of a loss as a function of parameters; the loss runs once, abstractly.

    Args:
        loss: a function without arguments.
        write: puts parameters into the objects from which the loss reads them.
        params: the parameters as they are, arrays of any shapes.
        frame: the enclosing frame, which is current; nothing is written to it.
    """
    leaves, tree = jax.tree.flatten(params)

    def trial(*leaves: Any) -> Any:
        write(jax.tree.unflatten(tree, leaves))
        return loss()

    def finish(over: Frame, result: Any, args: Any, kwargs: Any) -> list[Any]:
        return [as_loss(result)]

    with unchanged_captures(frame, loss):
        traced = in_frame(trial, leaves, {}, frame, finish)
    (recipe,) = traced.extra
    read = [e for e in (*traced.inputs, getattr(recipe, "slot", None)) if e is not None]
    values = {id(entry): traced.frame.value_beneath(entry) for entry in read}

    def value(params: PyTree) -> Any:
        """Returns the loss at parameters."""
        tried = zip(traced.args, jax.tree.leaves(params), strict=True)
        given = values | {id(slot): leaf for slot, leaf in tried}
        outs = traced.pure(*[given[id(entry)] for entry in traced.inputs])
        if isinstance(recipe, Out):
            return outs[recipe.index]
        return given[id(recipe.slot)] if isinstance(recipe, Input) else recipe.value

    return value
