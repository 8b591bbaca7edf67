"""A distribution: its parameters, their domains, its sampler, and the compiled draw made from them.

One record says all: the signature, the docstring, the checks, the compiled draw, and the row in the
table of the documentation follow from it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.frames import CURRENT
from ..array.lifting import unpacked
from .parameters import ANY, Parameter, as_numbers, constant, known
from .programs import (
    Program,
    Sampler,
    broadcast_shape,
    counting,
    floating,
    shape_of,
    working,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Distribution:
    """One distribution.

    Args:
        name: the name of the method.
        summary: what is drawn: "a normal distribution".
        sampler: (key, shape, dtype, *parameters) -> sample; parameters are arrays that broadcast to
            `shape`, floats of `dtype` (or of JAX's default dtype, if the sample is of integers).
        parameters: in order.
        density: the density or the probabilities, as text.
        source: the paper or function behind the sampler.
        dtype: the dtype by default: float, int or bool.
        event: how many trailing axes of the first parameter belong to one draw.
        together: refuses combinations of parameters that are known; given their known values.
        allows: which combinations of traced parameters are inside; None for all.
        early: where `size` stands, if not after the parameters.
        tail: what follows the parameters in the signature; see `methods.TAILS`.
        example: arguments for the example in the docstring.
    """

    name: str
    summary: str
    sampler: Sampler
    parameters: tuple[Parameter, ...] = ()
    density: str = ""
    source: str = ""
    dtype: type = float
    event: int = 0
    together: Callable[..., None] | None = None
    allows: Callable[..., Any] | None = None
    early: int | None = None
    tail: str = "plain"
    example: str = "size=3"

    def check(self, params: tuple[Any, ...]) -> None:
        """Refuses parameters that are known to be wrong.

        Raises:
            ValueError: with NumPy's words.
            TypeError: for a number in the place of a vector.
        """
        if self.event and np.ndim(params[0]) < self.event:
            raise TypeError(f"{self.parameters[0].name} must be a sequence, not a number")
        for parameter, value in zip(self.parameters, params, strict=True):
            parameter.check(value)
        if self.together is not None:
            values = [p.whole(known(v)) for p, v in zip(self.parameters, params, strict=True)]
            if all(v is not None for v in values):
                self.together(*values)

    def prepared(
        self, params: tuple[Any, ...], size: Any, dtype: Any, advance: bool, valid: bool
    ) -> tuple[Program, list[Any]]:
        """Returns the program of a draw, and the parameters as it takes them.

        Raises:
            ValueError: for parameters that are known to be wrong.
            TypeError: for a dtype that the distribution does not have.
        """
        if valid:
            self.check(params)
        shape, found = shape_of(size), self.result_dtype(dtype)
        work = working(found if self.dtype is float else None)
        return program(self, shape, found, work, advance), self.ready(params, found)

    def result_dtype(self, dtype: Any) -> Any:
        """Returns the dtype of a sample for which `dtype` was asked."""
        if self.dtype is float:
            return floating(dtype, self.name)
        if self.dtype is int:
            return counting(dtype, self.name)
        return np.dtype(bool) if dtype is None else jax.dtypes.canonicalize_dtype(dtype)

    def ready(self, params: tuple[Any, ...], dtype: Any) -> list[Any]:
        """Returns parameters as a compiled draw takes them: numbers as one array of them all.

        A compiled call takes 0.25 us for each of its arguments.
        """
        traced = CURRENT.get() is not None
        work = working(dtype if self.dtype is float else None)
        numbers = all(type(v) in (float, int, bool) for v in params)
        if numbers and not traced and len(params) > 1 and not any(p.count for p in self.parameters):
            return [constant(params, work)]
        found = []
        for parameter, value in zip(self.parameters, params, strict=True):
            if type(value) in (float, int, bool):
                kind = jax.dtypes.canonicalize_dtype(int) if parameter.count else work
                found.append(np.asarray(value, kind)[()] if traced else constant(value, kind))
            else:
                found.append(as_numbers(unpacked(value, True)))
        return found


@functools.cache
def program(
    of: Distribution, shape: tuple[int, ...] | None, dtype: Any, work: Any, advance: bool
) -> Program:
    """Returns the compiled draw of a distribution; see `Program`.

    Args:
        of: the distribution.
        shape: the size of the sample; None for that of the parameters.
        dtype: the dtype of the sample.
        work: the dtype in which it is computed.
        advance: whether the key is a generator's, which goes on.
    """
    counts = jax.dtypes.canonicalize_dtype(int)
    inner = work if of.dtype is float else counts

    def sample(key: Any, *params: Any) -> Any:
        if len(params) < len(of.parameters):
            params = tuple(params[0])  # see `Distribution.ready`
        arrays = [
            jnp.asarray(p).astype(counts if parameter.count else work)
            for parameter, p in zip(of.parameters, params, strict=True)
        ]
        events = [of.event if i == 0 else 0 for i in range(len(arrays))]
        shapes = [p.shape[: p.ndim - e] for p, e in zip(arrays, events, strict=True)]
        full = broadcast_shape(shape, shapes)
        safe, inside = _inside(of, arrays)
        drawn = _cast(of.sampler(key, full, inner, *safe), dtype)
        if inside is None or np.dtype(dtype).kind == "b":
            return drawn
        inside = jnp.expand_dims(inside, range(inside.ndim, inside.ndim + drawn.ndim - len(full)))
        mark = jnp.nan if jnp.issubdtype(dtype, jnp.floating) else -1
        return jnp.where(inside, drawn, jnp.asarray(mark).astype(dtype))

    return Program(sample, advance)


def _inside(of: Distribution, params: list[Any]) -> tuple[list[Any], Any]:
    """Returns parameters on which the sampler ends, and where they were allowed."""
    safe, inside = [], None
    for i, (parameter, value) in enumerate(zip(of.parameters, params, strict=True)):
        if parameter.domain is not ANY:
            allowed = parameter.domain.allows(value)
            fill = jnp.asarray(parameter.domain.safe, value.dtype)
            safe.append(jnp.where(allowed, value, fill))
            if i == 0 and of.event:
                allowed = allowed.all(tuple(range(-of.event, 0)))
            inside = allowed if inside is None else inside & allowed
        else:
            safe.append(value)
    if of.allows is not None:
        allowed = of.allows(*safe)
        inside = allowed if inside is None else inside & allowed
    return safe, inside


def _cast(drawn: Any, dtype: Any) -> Any:
    """Returns a sample in another dtype; counts that do not fit become the largest one."""
    if drawn.dtype == dtype or np.dtype(dtype).kind == "b":
        return drawn.astype(dtype)
    if jnp.issubdtype(dtype, jnp.integer) and jnp.issubdtype(drawn.dtype, jnp.integer):
        info = jnp.iinfo(dtype)
        if info.bits < jnp.iinfo(drawn.dtype).bits:
            drawn = jnp.clip(drawn, info.min, info.max)
    return drawn.astype(dtype)
