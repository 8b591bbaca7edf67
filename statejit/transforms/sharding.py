"""`shard_map` of stateful functions: each device runs the function on its shards."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any

import jax
from jax.sharding import PartitionSpec

from .._core.discovery import Traced
from .._core.frames import Frame
from .._core.recipes import Input, Out
from .._core.slots import Slot
from ..errors import LaneError
from .batching import Vmapped
from .columns import Batch, value_of
from .lanes import LaneFrame
from .replication import Varying
from .state_axes import Axes
from .steps import blank


class ShardFrame(LaneFrame):
    """Is the frame of one shard.

    Args:
        beneath: the enclosing frame.
        axes: the specs of state.
        sizes: of each axis of the mesh that is split by hand.
    """

    def __init__(self, beneath: Frame, axes: Axes, sizes: dict[Any, int]) -> None:
        super().__init__(beneath, axes)
        self.sizes = sizes

    def own(self, entry: Any, holder: Any, name: Any) -> Any:
        """Takes shards of what is split; the rest is seen without the mesh on which it lies."""
        own = super().own(entry, holder, name)
        whole = own is entry and type(own) is Slot and id(own) not in self.lanes
        return self.lane(own, None) if whole else own

    def checked(self, axis: Any, array: Any) -> Any:
        """Returns a spec that an array can have."""
        if axis is None:
            return None
        if len(axis) > array.ndim:
            raise ValueError(
                f"shard_map was given the spec {axis} for an array that has {array.ndim} axes (its "
                f"shape is {array.shape})."
            )
        for n, names in zip(array.shape, axis, strict=False):
            count = math.prod(self.sizes[name] for name in named(names))
            if n % count:
                raise ValueError(
                    f"shard_map was given the spec {axis} for an array of shape {array.shape}: "
                    f"an axis of {n} can't be split among {count} devices."
                )
        return axis

    def part(self, array: Any, axis: Any) -> Slot:
        """Returns the slot of a shard."""
        shape = list(array.shape)
        for i, names in enumerate(axis or ()):
            shape[i] //= math.prod(self.sizes[name] for name in named(names))
        return blank(array, shape=tuple(shape))

    def refusal(self, what: str, axis: Any) -> str:
        """Returns what is said of an argument that has no axes."""
        return f"shard_map was given the spec {axis} for {what}, which has no axes."


class Shards(Batch):
    """One traced shard, ready to run on all devices.

    Args:
        traced: what one run of the function did.
        over: its frame.
        lift: the options.
    """

    words = "shard_map out_specs"

    def __init__(self, traced: Traced, over: ShardFrame, lift: Sharded) -> None:
        self.sizes = over.sizes
        split = {name for _, spec in over.lanes.values() for name in names_in(spec)}
        self.split = tuple(name for name in over.sizes if name in split)
        self.key_axis = PartitionSpec(self.split)
        super().__init__(traced, over, lift, math.prod(over.sizes[name] for name in self.split))

    def _mapped(self, entries: list[Any], in_axes: list[Any], values: list[Any]) -> list[Any]:
        at = {id(entry): i for i, entry in enumerate(entries)}
        self._check(entries, in_axes, at)

        def program(*given: Any) -> list[Any]:
            here = [
                one[0] if id(entry) in self.keys else one
                for entry, one in zip(entries, given, strict=True)
            ]
            outs = self.traced.pure(*[here[at[id(entry)]] for entry in self.traced.inputs])
            return [value_of(recipe, outs, here, at) for recipe, _, _ in self.columns]

        if not self.columns and not self.traced.jaxpr.effects:
            return []
        mesh, axis_names = self.lift.options
        whole = PartitionSpec()
        return jax.shard_map(
            program,
            mesh=mesh,
            in_specs=tuple(whole if spec is None else spec for spec in in_axes),
            out_specs=[whole if spec is None else spec for _, spec, _ in self.columns],
            axis_names=axis_names,
            check_vma=False,  # placeholders carry no such types; `_check` does what they are for
        )(*values)

    def _check(self, entries: list[Any], in_axes: list[Any], at: dict[int, int]) -> None:
        """Refuses results that are to be the same on all shards and may not be."""
        given = [frozenset(names_in(spec)) for spec in in_axes]
        inputs = [given[at[id(entry)]] for entry in self.traced.inputs]
        found = Varying(self.sizes).outputs(self.traced.jaxpr.jaxpr, inputs)
        for recipe, spec, path in self.columns:
            over: frozenset[Any] = frozenset()
            if isinstance(recipe, Out):
                over = found[recipe.index]
            elif isinstance(recipe, Input):
                over = given[at[id(recipe.slot)]]
            rest = sorted(map(str, over - frozenset(names_in(spec))))
            if rest:
                _refuse(path, ", ".join(rest), self.over)


def _refuse(path: str, axes: str, over: LaneFrame) -> None:
    if path == "the result":
        raise ValueError(
            f"shard_map out_specs say that the result is the same along the axes {axes} of the "
            "mesh, and it may differ there: name them in out_specs, or reduce over them inside "
            "(jax.lax.psum, pmean, all_gather)."
        )
    raise LaneError(
        f"{path} may be written differently along the axes {axes} of the mesh of a shard_map.",
        where=f"{path}, at {over.ground.where()}",
        do="give it a spec, as in shard_map(f, state_specs={model: P('data')}), or reduce over the "
        "axis before writing (jax.lax.psum, pmean, all_gather).",
    )


class Sharded(Vmapped):
    """What `shard_map` returns.

    Args:
        fun: the user's function.
        axes: `in_specs`, `out_specs`.
        options: the mesh, and the names of the axes that are split by hand.
        state_axes: pairs (filter, spec).
    """

    words = "shard_map in_specs must be a spec, or a tuple of entries"
    rest = None

    def over(self, frame: Frame, chosen: Axes) -> LaneFrame:
        """Returns the frame of one shard."""
        mesh, axis_names = self.options
        sizes = dict((mesh or jax.sharding.get_abstract_mesh()).shape)
        if not sizes:
            raise ValueError("shard_map needs a mesh: give `mesh=`, or set one by jax.set_mesh.")
        here = {n: size for n, size in sizes.items() if not axis_names or n in axis_names}
        return ShardFrame(frame, chosen, here)

    def names(self, over: Any) -> tuple[tuple[Any, int], ...]:
        """Returns the names and sizes of the axes of the mesh."""
        return tuple(over.sizes.items())

    def batch(self, traced: Traced, over: Any) -> Batch:
        """Returns a traced shard, ready to run on all devices."""
        return Shards(traced, over, self)


def named(entry: Any) -> tuple[Any, ...]:
    """Returns the names in one entry of a spec."""
    if entry is None:
        return ()
    return tuple(entry) if isinstance(entry, (tuple, list)) else (entry,)


def names_in(spec: Any) -> list[Any]:
    """Returns all names in a spec; there are none in None."""
    return [name for entry in spec or () for name in named(entry)]


def _usual(specs: Any) -> Any:
    """Returns specs with None in the place of those that split nothing."""
    return jax.tree.map(lambda spec: spec if names_in(spec) else None, specs, is_leaf=_is_spec)


def _is_spec(value: Any) -> bool:
    return value is None or isinstance(value, PartitionSpec)


def shard_map(
    f: Callable[..., Any],
    *,
    mesh: Any = None,
    in_specs: Any,
    out_specs: Any,
    axis_names: set[Hashable] | frozenset[Hashable] = frozenset(),
    check_vma: bool = False,
    state_specs: Any = None,
) -> Sharded:
    """Runs a stateful function on each device, on its shards; mirrors `jax.shard_map`.

    State without a spec is whole on each device, and what is written to it must be the same on
    all: `f` reduces it by a collective before. State with a spec in `state_specs` is split, read
    and written shard by shard. Generators draw numbers of its own for each shard of what is split.

    The program is that of `jax.shard_map` with `check_vma=False`; that results and state without a
    spec are the same on all devices is checked all the same, before anything runs. Derivatives
    taken inside of `f` are those of one device: average them by `jax.lax.pmean`.

    Args:
        f: a function, method or instance.
        mesh: the devices; those of `jax.set_mesh` if there is none.
        in_specs: a `PartitionSpec` for each positional argument, or a tree of them; one alone is
            for all. The spec of a model is for all its arrays. Keyword arguments are not split.
        out_specs: specs of the result, a prefix of it.
        axis_names: the axes of the mesh that are split by hand; all of them if it is empty.
        check_vma: False; see above.
        state_specs: `{filter: spec}`, or pairs; see `state_axes` of `vmap` for filters.

    Returns:
        A function of whole arrays.

    Raises:
        LaneError: at a call, if state without a spec may be written differently by the devices.
        ValueError: for `check_vma=True`; at a call, if specs do not fit arrays, or a result without
            one may differ.
        SlotNotFoundError: if a filter fits no slot.

    Example:
        >>> import jax, jax.numpy as jnp, statejit as sj
        >>> from jax.sharding import Mesh, PartitionSpec as P
        >>> class Mean(sj.Base):
        ...     def __init__(self):
        ...         self.mean, self.calls = jnp.zeros(()), 0
        ...     def __call__(self, x):
        ...         self.calls += 1
        ...         self.mean = jax.lax.pmean(x.mean(), "data")
        ...         return x - self.mean
        >>> mean, mesh = Mean(), Mesh(jax.devices()[:1], ("data",))
        >>> centre = sj.shard_map(mean, mesh=mesh, in_specs=P("data"), out_specs=P("data"))
        >>> centre(jnp.arange(4.0)).tolist(), mean.mean.item(), mean.calls
        ([-1.5, -0.5, 0.5, 1.5], 1.5, 1)
    """
    if check_vma:
        raise ValueError(
            "shard_map takes no check_vma=True: a derivative that is taken inside is that of one "
            "device, and not summed over the devices. Leave it out, and reduce such a derivative "
            "(jax.lax.psum, pmean); which results are the same everywhere is checked without it."
        )
    pairs = list(state_specs.items()) if isinstance(state_specs, dict) else list(state_specs or ())
    options = (mesh, frozenset(axis_names))
    split = [(wanted, spec) for wanted, spec in pairs if names_in(spec)]
    return Sharded(f, (_usual(in_specs), _usual(out_specs)), options, split)
