"""What a place of state is: arrays that become inputs, static values, and what can be neither."""

from __future__ import annotations

import enum
import functools
import io
import itertools
import queue
import random
import re
import threading
import types
import weakref
from collections.abc import Generator, Iterator
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import find_top_trace, get_opaque_trace_state


class Missing:
    """Is the type of `MISSING`, which stands for an attribute that is not there."""

    def __repr__(self) -> str:
        return "<missing>"


MISSING: Final = Missing()

PLAIN: Final = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), range, slice)
"""Types whose values are compared by type and content."""

NUMBERS: Final = (int, float, complex)

BY_IDENTITY: Final = (
    type,
    types.ModuleType,
    types.BuiltinFunctionType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.GenericAlias,
    types.UnionType,
    np.ufunc,
    np.dtype,
    enum.Enum,
    type(jax.jit(lambda: 0)),
    jax.custom_jvp,
    jax.custom_vjp,
    jax.sharding.Sharding,
    jax.sharding.Mesh,
    jax.Device,
)
"""Types of values that nobody changes: the object is the guard."""

UNGUARDABLE: Final = (
    Iterator,
    Generator,
    io.IOBase,
    random.Random,
    np.random.Generator,
    np.random.RandomState,
    np.random.BitGenerator,
    type(threading.Lock()),
    type(threading.RLock()),
    threading.Condition,
    threading.Semaphore,
    threading.Barrier,
    threading.Event,
    threading.Thread,
    queue.Queue,
    queue.SimpleQueue,
    types.CoroutineType,
    types.AsyncGeneratorType,
    itertools.count,
    itertools.repeat,
)
"""Types of values with a hidden position or state: frozen into a program, they would be wrong."""


@functools.cache
def is_library_type(cls: type) -> bool:
    """Says whether values of a class from JAX or NumPy may be guarded by identity."""
    return cls.__module__.partition(".")[0] in ("jax", "jaxlib", "numpy", "ml_dtypes", "optax")


def is_number(value: Any) -> bool:
    """Says whether a value is a Python or NumPy number (booleans are not: they have two values)."""
    return type(value) in NUMBERS or (
        isinstance(value, np.number) and type(value).__module__ == "numpy"
    )


def is_plain(value: Any) -> bool:
    """Says whether a value is a guard by its type and content."""
    return type(value) in PLAIN or isinstance(value, np.generic)


def same_plain(left: Any, right: Any) -> bool:
    """Compares plain values by type and content: NaN equals itself, 0.0 differs from -0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (float, complex, np.generic)):
        return repr(left) == repr(right)
    return bool(left == right)


class Slot:
    """An array that a trace may read: its placeholder stands for it among the jaxpr's constants.

    Args:
        value: the array beneath the frame (or a tracer of an enclosing trace).
        placeholder: an array of the same type that nobody else holds.
        node: where `Ground` found it, if it did.
        number: the Python type of the number that it stands for, if it is one; see `Out`.

    Attributes:
        owner: the mark of the frame that made it; None for one of the ground.
    """

    __slots__ = ("node", "number", "owner", "placeholder", "value")

    def __init__(
        self, value: Any, placeholder: Any, node: Any = None, number: type | None = None
    ) -> None:
        self.value, self.placeholder, self.node = value, placeholder, node
        self.number = number
        self.owner: Any = None


def _as_tracer(array: Any) -> Any:
    return array


as_tracer = jax.jit(_as_tracer, inline=True)
"""Makes a tracer of the running trace from an array."""

as_own_tracer = jax.lax.optimization_barrier
"""Does so in less than half the time, for an equation that has to be dropped from the program."""


def makes_tracer(equation: Any) -> bool:
    """Says whether an equation of an input is one that only makes a tracer of it."""
    if equation.primitive.name == "optimization_barrier":
        return len(equation.invars) == 1
    inner = equation.params.get("jaxpr")
    is_named = equation.params.get("name") == _as_tracer.__name__
    return is_named and not inner.eqns and inner.jaxpr.outvars == inner.jaxpr.invars


def under_plain_jax() -> bool:
    """Says whether code runs under a JAX transformation; asked where no trace of ours is open."""
    return type(find_top_trace(())) is not EAGER and is_tracer(as_tracer(0.0))


EAGER: Final = type(find_top_trace(()))
"""The type of JAX's trace when there is none; asking costs 0.1 us, for its state 1 us."""


def trace_state() -> Any:
    """Returns a token of JAX's running trace; tokens have `==` but no hash."""
    return get_opaque_trace_state(convention="statejit")


def is_tracer(value: Any) -> bool:
    """Says whether a value is a tracer of JAX."""
    return isinstance(value, jax.core.Tracer)


def is_text_of_tracer(text: str) -> bool:
    """Says whether a text was made of what stands for an array in a trace."""
    return "Tracer(" in text and _TEXT_OF_TRACER.search(text) is not None


_TEXT_OF_TRACER = re.compile(r"\b(Jit|Vmap|Grad|JVP|Jvp)Tracer\(")


def is_key(array: Any) -> bool:
    """Says whether an array holds typed random keys."""
    return isinstance(array, jax.Array) and jnp.issubdtype(array.dtype, jax.dtypes.prng_key)


_placeholders: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()

frozen_paths: dict[int, str] = {}
"""The paths of placeholders that a raw `jax.jit` has frozen into a program which JAX keeps."""


def is_placeholder(array: Any) -> bool:
    """Says whether an array stands, or once stood, for a slot in some trace."""
    return _placeholders.get(id(array)) is array


def fresh(array: Any) -> Any:
    """Returns another `jax.Array` with the type of `array`, sharing its memory where JAX can.

    Nobody but the frame ever holds it, so that among the constants of a jaxpr it can not be taken
    for an array that the user's function captured.
    """
    placeholder = stand_in(array) if is_tracer(array) else _copied(array)
    if not is_tracer(placeholder):
        _placeholders[id(placeholder)] = placeholder
    return placeholder


def _copied(array: Any) -> Any:
    if is_key(array) or array.weak_type or not array.is_fully_addressable:
        with jax.ensure_compile_time_eval():
            if not is_key(array):
                return array.copy()
            data = jax.random.key_data(array)
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(array))
    shards = [shard.data for shard in array.addressable_shards]  # no trace sees any of this
    return jax.make_array_from_single_device_arrays(array.shape, array.sharding, shards)


def stand_in(tracer: Any) -> Any:
    """Returns an array of zeros with the type of a tracer; the tracer itself if there is none."""
    impl = jax.random.key_impl(tracer) if is_key(tracer) else None
    like = zeros(tracer.shape, tracer.dtype, tracer.weak_type, impl)
    return tracer if like is None else like


def zeros(shape: tuple[int, ...], dtype: Any, weak: bool = False, impl: Any = None) -> Any:
    """Returns an array of zeros of any type, made past all traces; None if there is none.

    Args:
        shape: its shape.
        dtype: its dtype, also one of typed random keys.
        weak: whether it is weakly typed.
        impl: the implementation of its keys, if it holds keys.
    """
    with jax.ensure_compile_time_eval():
        if impl is not None:
            like = jax.eval_shape(jax.random.key_data, jax.ShapeDtypeStruct((), dtype))
            data = jnp.zeros((*shape, *like.shape), like.dtype)
            return jax.random.wrap_key_data(data, impl=impl)
        if not weak:
            return jnp.zeros(shape, dtype)
        kind = np.dtype(dtype).kind
        zero = {"f": 0.0, "i": 0, "c": 0j, "b": 0}.get(kind)
        if zero is None:
            return None
        scalar = jnp.asarray(zero) < 0 if kind == "b" else jnp.asarray(zero)
        like = jnp.broadcast_to(scalar, shape)
        return like if like.dtype == dtype and like.weak_type else None
