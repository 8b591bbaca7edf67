"""The methods of brainpy.math's arrays that NumPy's do not have: names of PyTorch's tensors."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from .methods import method
from .operators import fitted
from .views import Views


def in_place_of(fun: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Makes `array.name_()`, which gives the array the result of `array.name()`.

    Args:
        fun: a function of `jax.numpy` of one array.
    """
    name = fun.__name__

    def changed(part: Any) -> Any:
        return fitted(fun(part), part.shape, part.dtype, name)

    def change(self: Any) -> Any:
        self._update(changed)
        return self

    change.__name__ = change.__qualname__ = f"{name}_"
    change.__doc__ = f"Gives each element its `{name}`, in place, and returns the array."
    return change


def cast_to(name: str) -> Callable[[Any], Any]:
    """Makes `array.float()` and its kin.

    Args:
        name: the name of the dtype.
    """

    def cast(self: Any) -> Any:
        return self.astype(name)

    cast.__doc__ = f"Returns the elements as {name}."
    return cast


class Torchlike(Views):
    """Gives arrays those methods; what ends in an underscore changes the array and returns it."""

    __slots__ = ()

    abs = method(jnp.abs)
    absolute = method(jnp.abs)
    arccos = method(jnp.arccos)
    arcsin = method(jnp.arcsin)
    arctan = method(jnp.arctan)
    cos = method(jnp.cos)
    cosh = method(jnp.cosh)
    outer = method(jnp.outer)
    sin = method(jnp.sin)
    sinh = method(jnp.sinh)
    tan = method(jnp.tan)
    tanh = method(jnp.tanh)
    tile = method(jnp.tile)

    arccos_ = in_place_of(jnp.arccos)
    arcsin_ = in_place_of(jnp.arcsin)
    arctan_ = in_place_of(jnp.arctan)
    cos_ = in_place_of(jnp.cos)
    cosh_ = in_place_of(jnp.cosh)
    sin_ = in_place_of(jnp.sin)
    sinh_ = in_place_of(jnp.sinh)
    tan_ = in_place_of(jnp.tan)
    tanh_ = in_place_of(jnp.tanh)

    def fill_(self, fill_value: Any) -> Any:
        """Sets all elements to one value, and returns the array."""
        self.fill(fill_value)
        return self

    def zero_(self) -> Any:
        """Sets all elements to zero, and returns the array."""
        return self.fill_(0)

    def clamp(self, min_data: Any = None, max_data: Any = None) -> Any:
        """Returns the elements, and a bound where they are beyond it."""
        return self.clip(min_data, max_data)

    def clamp_(self, min_data: Any = None, max_data: Any = None) -> Any:
        """Gives elements beyond a bound that bound, in place, and returns the array."""
        self[...] = self.clip(min_data, max_data)
        return self

    def addr(self, vec1: Any, vec2: Any, *, beta: Any = 1.0, alpha: Any = 1.0) -> Any:
        """Returns `beta * array + alpha * outer(vec1, vec2)`.

        Args:
            vec1: (n,).
            vec2: (m,).
            beta: a number.
            alpha: a number.
        """
        return beta * self + alpha * self._wrap(jnp.asarray(vec1), "", self).outer(vec2)

    def mul(self, data: Any) -> Any:
        """Returns the product with another array."""
        return self * data

    multiply = mul

    def pow(self, index: Any) -> Any:
        """Returns the elements to a power."""
        return self**index

    def clone(self) -> Any:
        """Returns an array of its own with the same content."""
        return self.copy()

    # Shapes --------------------------------------------------------------------------------------

    def expand_dims(self, axis: Any) -> Any:
        """Returns a view with one more axis, or several, of length 1."""
        axes = axis if isinstance(axis, (tuple, list)) else (axis,)
        shape = np.expand_dims(self.layout, tuple(operator.index(i) for i in axes)).shape
        return self.reshape(shape)

    unsqueeze = expand_dims

    def expand(self, *sizes: Any) -> Any:
        """Returns a read-only view with elements repeated; -1 keeps the length of an axis."""
        given = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
        shape = self.shape
        new = len(given) - len(shape)
        if new < 0:
            raise ValueError(f"{len(shape)} axes can't be expanded to {len(given)}")
        old = (None,) * new + shape
        lengths = [old[i] if n == -1 else n for i, n in enumerate(map(operator.index, given))]
        if None in lengths:
            raise ValueError("-1 stands for the length of an axis that there is")
        return self._broadcast(tuple(lengths))

    def expand_as(self, array: Any) -> Any:
        """Returns a read-only view with elements repeated, in the shape of another array."""
        return self._broadcast(np.shape(array))

    def split(self, indices_or_sections: Any, axis: int = 0) -> Any:
        """Returns views of parts along an axis, as NumPy's `split` does."""
        from .viewing import split  # our functions are built upon this class

        return split(self, indices_or_sections, axis)

    # Conversions ---------------------------------------------------------------------------------

    def numpy(self, dtype: Any = None) -> Any:
        """Returns the content as an array of NumPy."""
        return np.asarray(self.value, dtype)

    to_numpy = numpy

    def to_jax(self, dtype: Any = None) -> Any:
        """Returns the content as an array of JAX."""
        return jnp.asarray(self.value, dtype)

    def as_variable(self) -> Any:
        """Returns a new `Variable` with the content."""
        from .variables import Variable  # it is built upon this class

        return Variable(self.value)

    def update(self, value: Any) -> None:
        """Gives the array other content of the same shape and dtype.

        Raises:
            ValueError: if shape or dtype is another.
        """
        new = jnp.asarray(value.value if isinstance(value, Views) else value)
        if (new.shape, new.dtype) != self._like():
            raise ValueError(
                f"an array of shape {self.shape} and dtype {self.dtype} can't be updated with one "
                f"of shape {new.shape} and dtype {new.dtype}"
            )
        self._assign(new)

    block_host_until_ready = functools.partialmethod(Views.block_until_ready)

    bool = cast_to("bool")
    half = cast_to("float16")
    float = cast_to("float32")
    double = cast_to("float64")
    int = cast_to("int32")
    long = cast_to("int64")
