"""A distribution: its parameters, their domains and its sampler, and the method made from them.

One record says all: the signature, the docstring, the checks, the compiled draw, and the row in the
table of the documentation follow from it.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.frames import CURRENT
from .._core.numbers import Number
from ..array.lifting import unpacked
from .parameters import ANY, Parameter, constant, known, numeric
from .programs import (
    Program,
    Sampler,
    broadcast_shape,
    counting,
    floating,
    shape_of,
    working,
)
from .quick import kept

EMPTY = inspect.Parameter.empty

ARRAYS = (jax.Array, np.ndarray, np.generic, Number)
"""What a compiled draw takes for a parameter as it is."""

TAILS: dict[str, dict[str, Any]] = {
    "plain": {"size": None, "dtype": None},
    "out": {"size": None, "dtype": None, "out": None},
    "method": {"size": None, "dtype": None, "method": "zig", "out": None},
}
"""What follows the parameters, with defaults: NumPy's four methods with `out` have others."""


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
        unchecked: whether there is brainpy.math's `check_valid=`, which turns checks off.
        early: where `size` stands, if not after the parameters.
        tail: what follows the parameters in the signature; see `TAILS`.
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
    unchecked: bool = False
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
            values = [known(p) for p in params]
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
        """Returns parameters as a compiled draw takes them."""
        traced = CURRENT.get() is not None
        work = working(dtype if self.dtype is float else None)
        found = []
        for parameter, value in zip(self.parameters, params, strict=True):
            if type(value) in (float, int, bool):
                kind = jax.dtypes.canonicalize_dtype(int) if parameter.count else work
                found.append(np.asarray(value, kind)[()] if traced else constant(value, kind))
            else:
                value = unpacked(value, True)
                is_array = isinstance(value, ARRAYS) or hasattr(value, "__jax_array__")
                found.append(value if is_array else numeric(value))
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


# Methods -----------------------------------------------------------------------------------------


def method_of(of: Distribution) -> Callable[..., Any]:
    """Makes the method of `Generator` that draws from a distribution."""
    values_of, signature = _parser(of)
    at_once, config = kept(of.prepared, values_of), jax.config

    def draw(self: Any, *args: Any, **kwargs: Any) -> Any:
        if CURRENT.get() is None:
            try:
                found = at_once(config.jax_enable_x64, *args, **kwargs)  # type: ignore[attr-defined]
            except TypeError:  # also for arguments without a hash
                found = None
            if found:
                run, params, same = found
                if same is None or same(args, kwargs):
                    return self._advance(run, params)
        return self._sample(of, *values_of(args, kwargs))

    draw.__name__ = of.name
    draw.__qualname__ = f"Generator.{of.name}"
    draw.__doc__ = docstring(of)
    draw.__signature__ = signature  # type: ignore[attr-defined]
    return draw


def _parser(of: Distribution) -> tuple[Callable[[Any, Any], tuple[Any, ...]], inspect.Signature]:
    """Returns what takes the arguments of a method apart, and its signature.

    Taken apart they are `(params, size, dtype, out, key, valid)`.
    """
    tail = TAILS[of.tail]
    defaults = _ordered({p.name: p.default for p in of.parameters} | tail, of.early)
    count, ends = len(of.parameters), len(defaults)
    standard = [None if d is ... else d for d in defaults.values()]
    least = sum(p.default is ... for p in of.parameters)
    position = {name: i for i, name in enumerate(defaults)}
    signature = signature_of(defaults, of.unchecked)
    with_out, with_method, early = "out" in tail, "method" in tail, of.early

    def values_of(args: Any, kwargs: Any) -> tuple[Any, ...]:
        values, given = [*args, *standard[len(args) :]], len(args)
        key, valid = None, True
        for name, value in kwargs.items():
            at = position.get(name, -1)
            if name == "key":
                key = value
            elif name == "check_valid" and of.unchecked:
                valid = value
            elif at < len(args):
                given = -ends
            else:
                values[at] = value
                given += at < least
        if given < least or len(values) > ends:
            signature.bind(None, *args, **kwargs)  # raises, with Python's own words
        if with_method and values[-2] not in ("zig", "inv"):
            raise ValueError(f"method {values[-2]!r} must be 'zig' or 'inv'")
        if early is not None:
            values.insert(count, values.pop(early))
        out = values[-1] if with_out else None
        return tuple(values[:count]), values[count], values[count + 1], out, key, valid

    return values_of, signature


def _ordered(defaults: dict[str, Any], early: int | None) -> dict[str, Any]:
    """Returns the defaults with `size` at the place where it stands early."""
    if early is None:
        return defaults
    names = [name for name in defaults if name != "size"]
    names.insert(early, "size")
    return {name: defaults[name] for name in names}


def signature_of(defaults: dict[str, Any], unchecked: bool) -> inspect.Signature:
    """Returns the signature of a method: what may be given by position, and then `key=`."""
    named = {"key": None} | ({"check_valid": True} if unchecked else {})
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [
            inspect.Parameter("self", kind),
            *[
                inspect.Parameter(n, kind, default=EMPTY if d is ... else d)
                for n, d in defaults.items()
            ],
            *[
                inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=d)
                for n, d in named.items()
            ],
        ]
    )


_TAIL_DOCS = {
    "size": "the shape of the sample; None for that of the parameters.",
    "dtype": "the dtype of the sample, of KIND.",
    "method": "'zig' or 'inv', as in NumPy; the sampler is the same.",
    "out": "a mutable array or a NumPy array that the sample is written to, (*size,).",
}


def docstring(of: Distribution) -> str:
    """Returns the docstring of the method for a distribution."""
    kind = "integers" if of.dtype is int else "booleans" if of.dtype is bool else "floats"
    lines = [f"Draws from {of.summary}.", ""]
    if of.density:
        lines += [of.density, ""]
    lines += ["Args:"]
    for i, p in enumerate(of.parameters):
        shape = "(*shape, n)" if i == 0 and of.event else "(*shape,)"
        domain = "" if p.domain is ANY else f"; {p.domain.words}"
        lines.append(f"    {p.name}: {p.meaning}, {shape}{domain}.")
    lines += [f"    {n}: {_TAIL_DOCS[n].replace('KIND', kind)}" for n in TAILS[of.tail]]
    event = ", n" if of.event and of.name not in ("categorical",) else ""
    lines += [
        "    key: a JAX key to draw with in place of the generator's, which then stays.",
        *["    check_valid: whether to check parameters that are known."][: of.unchecked],
        "",
        "Returns:",
        f"    The sample, (*size{event}).",
    ]
    wrong = [p.domain.refused.replace("{}", p.name) for p in of.parameters if p.domain.refused]
    if wrong or of.together:
        mark = "-1" if of.dtype is int else "NaN"
        lines += ["", "Raises:", "    ValueError: for parameters outside of their domains, where"]
        lines += [f"        they are known; where they are traced, the sample is {mark} there."]
    lines += [
        "",
        "Example:",
        "    >>> from statejit.random import default_rng",
        f"    >>> default_rng(0).{of.name}({of.example}).shape",
        "    (3, 2)" if of.event else "    (3,)",
    ]
    if of.source:
        lines += ["", "References:", f"    {of.source}"]
    indent = "\n        "
    return lines[0] + "".join(indent + line if line else "\n" for line in lines[1:]) + "\n        "
