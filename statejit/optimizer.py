"""`Optimizer`: a thin bridge to an optax transformation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import optax

from ._core.base import Base
from ._core.cells import Cell
from ._core.containers import DICT, kind_of
from ._core.frames import CURRENT
from .collecting.collections import collections
from .collecting.leaves import present, walk
from .collecting.trees import flat
from .collecting.updating import write_leaves
from .errors import StructureError
from .transforms.jit import jit
from .transforms.merging import BY_VALUE
from .transforms.trials import on_trial
from .typing import PyTree


class Optimizer(Base):
    """Updates a model's parameters by an optax transformation.

    Its state is an ordinary attribute: captured, saved and sharded like that of any model.

    Args:
        tx: any `optax.GradientTransformation`: masked, multi-transforms, schedules ...
        target: what will be given to `update`, to make the state at once; else it is made at the
            first update. A compiled step is then compiled twice: without state, and with it.

    Attributes:
        state: optax's state, or None before the first update. In which dictionaries it lies may
            change whenever a branch of `cond` may have updated it.

    Example:
        >>> import jax.numpy as jnp, optax, statejit as sj
        >>> class Point(sj.Base):
        ...     def __init__(self):
        ...         self.x = jnp.array(3.0)
        ...     def height(self):
        ...         return self.x**2
        >>> point, opt = Point(), sj.Optimizer(optax.sgd(0.25))
        >>> @sj.jit
        ... def step():
        ...     opt.update(point, sj.grad(point.height, grad_vars=point)())
        >>> step(); step()
        >>> point.x.item()
        0.75
    """

    def __init__(self, tx: optax.GradientTransformation, target: Any = None) -> None:
        self.tx = optax.with_extra_args_support(tx)
        self.state: PyTree = None
        if target is not None:
            self.init(target)

    def init(self, target: Any) -> None:
        """Makes the state for all parameters of a target, as far as they can be told.

        That an array is no parameter, since the loss writes it (a running mean), is known only from
        watching the loss. For a model with such state, leave this out, or mark the state.

        Args:
            target: a model, a mutable array, or a list, tuple or dict of those.
        """
        self.state = self.tx.init(parameters(target))

    def update(
        self,
        target: Any,
        grads: PyTree,
        loss: Callable[[], Any] | None = None,
        **extra: Any,
    ) -> None:
        """Moves the parameters of a target by one step.

        Line searches and what is built on them (`optax.lbfgs`) try several steps. With `loss` they
        are given the value there as `value=`, `grad=` and `value_fn=`. The loss is watched once
        more for it; what it writes is not kept, and it draws the same random numbers in each trial.

        Args:
            target: what was given as `grad_vars`: a model, a mutable array, or a list, tuple or
                dict of those.
            grads: the gradients, in the structure in which `grad` returns them.
            loss: a function without arguments: what the gradients are of.
            extra: what the transformation takes beside gradients and parameters, as `value=`.

        Raises:
            StructureError: if the gradients do not fit the target, or the state that was made.

        Example:
            >>> import jax.numpy as jnp, optax, statejit as sj
            >>> class Point(sj.Base):
            ...     def __init__(self):
            ...         self.x = jnp.array(3.0)
            ...     def height(self):
            ...         return self.x**2
            >>> search = optax.scale_by_backtracking_linesearch(max_backtracking_steps=5)
            >>> point, opt = Point(), sj.Optimizer(optax.chain(optax.sgd(1.0), search))
            >>> opt.update(point, sj.grad(point.height, grad_vars=point)(), point.height)
            >>> round(point.x.item(), 2)
            -1.8
        """
        frame = CURRENT.get()
        if loss is not None and frame is None:
            _searched(self, target, grads, loss, extra)
            return
        grads = unwrapped(grads)
        params = parameters(target, grads)
        if self.state is None:
            self.state = self.tx.init(params)
        if loss is not None and frame is not None:
            value_fn = on_trial(loss, lambda new: write(target, new), params, frame)
            extra = {"value": value_fn(params), "grad": grads, **extra, "value_fn": value_fn}
        try:
            updates, self.state = self.tx.update(grads, self.state, params, **extra)
        except ValueError as error:
            if "pytree" not in str(error):
                raise
            raise StructureError(
                f"the optimizer's state does not fit the gradients of {type(target).__name__}.",
                do="let the first update make the state (`Optimizer(tx)` without a target): it "
                "knows which arrays have gradients.",
            ) from error
        write(target, optax.apply_updates(params, updates))


BY_VALUE.add((Optimizer, "state"))


@jit
def _searched(
    optimizer: Optimizer, target: Any, grads: PyTree, loss: Callable[[], Any], extra: Any
) -> None:
    """Does an update that evaluates the loss, compiled as a whole."""
    optimizer.update(target, grads, loss, **extra)


def unwrapped(tree: PyTree) -> PyTree:
    """Returns a tree with plain arrays in place of mutable ones."""
    return jax.tree.map(
        lambda leaf: leaf.value if isinstance(leaf, Cell) else leaf,
        tree,
        is_leaf=lambda leaf: isinstance(leaf, Cell),
    )


def parameters(target: Any, like: Any = None) -> PyTree:
    """Returns the parameters of a target, in the structure of its gradients.

    Args:
        target: a model, a mutable array, or a list, tuple or dict of those.
        like: gradients: only parameters that they name are returned.
    """
    if isinstance(target, Base):
        return _of_model(target, like)
    if isinstance(target, Cell):
        return target.value
    kind = kind_of(target)
    if kind is None:
        raise StructureError(
            f"an optimizer can't update a {type(target).__name__}.",
            do="give the model, or mutable arrays (statejit.numpy) of it: a plain array does not "
            "know where it is held.",
        )
    aux, children = kind.take_apart(target)
    likes = [None] * len(children) if like is None else _in_order_of(target, like)
    inner = [parameters(c, one) for c, one in zip(children, likes, strict=True)]
    return kind.build(type(target), aux, inner)


def _in_order_of(target: Any, tree: Any) -> list[Any]:
    """Returns the children of a tree, in the order of a target: JAX sorts the keys of dicts."""
    kind = kind_of(target)
    assert kind is not None  # `parameters` has taken it apart
    aux, wanted = kind.take_apart(target)
    own, children = kind.take_apart(tree) if kind_of(tree) is kind else (aux, [])
    if kind is DICT and len(children) == len(wanted):
        by_key = dict(zip(own[0], children, strict=True))
        children = [by_key[key] for key in aux[0] if key in by_key]
    if len(children) != len(wanted):
        raise StructureError("the gradients do not have the structure of the target.")
    return children


def _of_model(model: Base, like: Any) -> Any:

    if like is None:
        return collections(model).get("params", {})
    content = {leaf.path: leaf.content for leaf in walk(model, present)}

    def at(path: tuple[str, ...], tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: at((*path, key), child) for key, child in tree.items()}
        if path not in content:
            raise StructureError(
                f"there is a gradient at {'.'.join(path)}, where {type(model).__name__} has no "
                "array.",
                do="give the target for which the gradients were computed.",
            )
        shape = content[path].shape
        if getattr(tree, "shape", shape) != shape:  # it would be broadcast
            raise StructureError(
                f"the gradient at {'.'.join(path)} has shape {tree.shape}, where "
                f"{type(model).__name__} has {shape}.",
                do="give the target for which the gradients were computed, as it was then.",
            )
        return content[path]

    return at((), like)


def write(target: Any, new: PyTree) -> None:
    """Writes parameters into a target."""
    if isinstance(target, Base):
        write_leaves(target, flat(new))
    elif isinstance(target, Cell):
        target.value = new
    elif (kind := kind_of(target)) is not None:
        children = kind.take_apart(target)[1]
        for child, value in zip(children, _in_order_of(target, new), strict=True):
            write(child, value)
