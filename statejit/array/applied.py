"""Functions that apply the user's own function: to rows, over axes, to each element.

It is traced once, over all rows or elements. Where it asks for a value (`if x > 0`) it is called
for each, as NumPy does, unless a trace of ours is open.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.frames import CURRENT
from .._core.slots import is_tracer
from . import completed
from .array import fresh, made
from .calculus import typed
from .lifting import packed, stacked, unpacked
from .operators import check_fitting
from .wrapping import function

Fun = Callable[..., Any]

ArrayLike = Any  # by this name `function` knows where a list is an array


def apply_along_axis(func1d: Fun, axis: int, arr: ArrayLike, *args: Any, **kwargs: Any) -> Any:
    """Applies a function to the rows along an axis.

    Args:
        func1d: takes a row, (n,), and what else is given, and returns an array, (*new,).
        axis: the axis.
        arr: the array, (*first, n, *last).
        args: what else it is given.
        kwargs: what else it is given.

    Returns:
        An array, (*first, *new, *last).

    Example:
        >>> import statejit.numpy as snp
        >>> snp.apply_along_axis(lambda row: [row.min(), row.max()], 1, snp.ones((2, 3))).tolist()
        [[1.0, 1.0], [1.0, 1.0]]
    """

    def of_row(row: Any, *args: Any, **kwargs: Any) -> Any:
        return _content(func1d(fresh(jnp.asarray(row)), *args, **kwargs))

    try:
        return jnp.apply_along_axis(of_row, axis, arr, *args, **kwargs)
    except TypeError as error:
        _check_may_loop(error, arr)
    rows = np.asarray(arr)
    found = np.apply_along_axis(lambda row: np.asarray(of_row(row, *args, **kwargs)), axis, rows)
    return jnp.asarray(found)


def apply_over_axes(func: Fun, a: Any, axes: Any) -> Any:
    """Applies a function to an array over one axis after the other.

    Args:
        func: takes an array and an axis, and returns an array with or without that axis.
        a: the array, (*shape,).
        axes: the axes.

    Example:
        >>> import statejit.numpy as snp
        >>> snp.apply_over_axes(snp.sum, snp.ones((2, 3)), [0, 1]).tolist()
        [[6.0]]
    """
    found = fresh(jnp.asarray(unpacked(a, True)))
    for axis in np.atleast_1d(np.asarray(unpacked(axes))).tolist():
        axis = axis + found.ndim if axis < 0 else axis
        new = fresh(jnp.asarray(_content(func(found, axis))))
        if new.ndim == found.ndim - 1:
            new = fresh(jnp.expand_dims(new.value, axis))
        if new.ndim != found.ndim:
            raise ValueError("function is not returning an array of the correct shape")
        found = new
    return found


def vectorize(
    pyfunc: Fun | None = None,
    otypes: Any = None,
    doc: str | None = None,
    excluded: Any = None,
    cache: bool = False,
    signature: str | None = None,
) -> Any:
    """Returns a function of arrays that applies a function to each element.

    Args:
        pyfunc: takes and returns numbers, or arrays as `signature` says; without it, what is
            returned is a decorator.
        otypes: the dtypes of the results, as a text or a list.
        doc: the docstring.
        excluded: positions and names of arguments that are handed on as they are.
        cache: changes nothing here.
        signature: the axes of the arrays, such as `(n),(n)->()`.

    Example:
        >>> import statejit.numpy as snp
        >>> snp.vectorize(lambda x: x + 1 if x > 0 else 0)([1, -1]).tolist()
        [2, 0]
    """
    if pyfunc is None:
        return functools.partial(
            vectorize, otypes=otypes, doc=doc, excluded=excluded, signature=signature
        )
    left = set(excluded or ())

    @functools.wraps(pyfunc)
    def over_arrays(*args: Any, **kwargs: Any) -> Any:
        positions = [i for i in range(len(args)) if i not in left]
        names = [name for name in kwargs if name not in left]

        def of_elements(*elements: Any) -> Any:
            given: list[Any] = [made(jnp.asarray(element)) for element in elements]
            count = len(positions)
            own, named = list(args), dict(zip(names, given[count:], strict=True))
            for i, value in zip(positions, given[:count], strict=True):
                own[i] = value
            found = pyfunc(*own, **(kwargs | named))
            return tuple(map(_content, found)) if type(found) is tuple else _content(found)

        vectors = [*[args[i] for i in positions], *[kwargs[name] for name in names]]
        return _cast(_over_elements(of_elements, vectors, signature), otypes)

    over_arrays.__doc__ = doc or pyfunc.__doc__
    return over_arrays


def fromfunction(
    function: Fun, shape: Any, *, dtype: Any = float, like: Any = None, **kwargs: Any
) -> Any:
    """Returns what a function makes of the indices along each axis.

    Args:
        function: takes arrays of integers or floats, (*shape,), one for each axis.
        shape: the shape of the grid.
        dtype: the dtype of the indices.
        like: changes nothing here.
        kwargs: what else the function is given.

    Returns:
        What the function returns, its arrays as mutable ones.

    Example:
        >>> import statejit.numpy as snp
        >>> snp.fromfunction(lambda i, j: i + j, (2, 2), dtype=int).tolist()
        [[0, 1], [1, 2]]
    """
    indices = jnp.indices(shape, jax.dtypes.canonicalize_dtype(dtype))
    return packed(function(*map(fresh, indices), **kwargs), fresh)


def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """Returns an array made of functions, each of which holds where its condition does.

    Args:
        x: the array, (*shape,).
        condlist: the conditions, (*shape,) each, or about the first axes; one alone for a row.
        funclist: functions of an element, or numbers; one more is for where no condition holds. All
            functions are evaluated for all elements.
        args: what else the functions are given.
        kw: what else the functions are given.

    Raises:
        OverflowError: if the dtype of the array can not hold a number of `funclist`.
        IndexError: if a condition has another shape.
        ValueError: if there are not as many functions as conditions, or one more.

    Example:
        >>> import statejit.numpy as snp
        >>> x = snp.array([-2.0, 3.0])
        >>> snp.piecewise(x, [x < 0, x >= 0], [0.0, lambda x: 2 * x]).tolist()
        [0.0, 6.0]
    """
    array = jnp.asarray(unpacked(x, True))
    conditions = [_over(condition, array.shape) for condition in _listed(condlist, array.ndim)]
    check_fitting([f for f in funclist if not callable(f)], array.dtype)
    pieces = [_of_element(f) if callable(f) else unpacked(f) for f in funclist]
    return fresh(jnp.piecewise(array, conditions, pieces, *map(unpacked, args), **unpacked(kw)))


@functools.wraps(completed.pad)
def pad(array: ArrayLike, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """Returns an array with more elements at its edges; a function may change rows in place."""
    return completed.pad(array, pad_width, _of_row(mode) if callable(mode) else mode, **kwargs)


def _of_row(fun: Fun) -> Fun:
    """Returns a user's function of a row, which may change it, as one that returns the new one."""

    def call(row: Any, *args: Any) -> Any:
        ours = fresh(row)
        found = fun(ours, *args)
        return ours.value if found is None else unpacked(found)

    return call


def _listed(condlist: Any, ndim: int) -> list[Any]:
    """Returns the conditions of `piecewise`: as NumPy, it takes one alone for a list of one."""
    if isinstance(condlist, (list, tuple)):
        conditions = [jnp.asarray(unpacked(c, True)) for c in condlist]
        return [jnp.stack(conditions)] if ndim and not conditions[0].ndim else conditions
    array = jnp.asarray(unpacked(condlist))
    return list(array) if array.ndim > min(ndim, 1) else [array]


def _over(condition: Any, shape: tuple[int, ...]) -> Any:
    """Returns a condition about the first axes of an array as one about its elements."""
    if condition.shape != shape[: condition.ndim]:
        raise IndexError(
            f"boolean index did not match indexed array: its shape is {condition.shape}, and that "
            f"of the array is {shape}"
        )
    rest = (1,) * (len(shape) - condition.ndim)
    return jnp.broadcast_to(condition.reshape(condition.shape + rest), shape)


def _of_element(fun: Fun) -> Fun:
    """Returns a user's function of an element as JAX may call it."""

    def call(element: Any, *args: Any, **kw: Any) -> Any:
        return unpacked(fun(made(element), *args, **kw))

    return call


def _over_elements(of_elements: Fun, vectors: list[Any], signature: str | None) -> Any:
    try:
        return function(jnp.vectorize(of_elements, signature=signature))(*vectors)
    except TypeError as error:
        contents = [jnp.asarray(unpacked(vector, True)) for vector in vectors]
        _check_may_loop(error, *contents)

    def on_host(*elements: Any) -> Any:
        return jax.tree.map(np.asarray, of_elements(*elements))

    found = np.vectorize(on_host, signature=signature)(*map(np.asarray, contents))
    return jax.tree.map(lambda part: made(jnp.asarray(part)), found)


def _cast(found: Any, otypes: Any) -> Any:
    """Returns results in the dtypes that were asked for."""
    if otypes is None:
        return found
    if type(found) is tuple:
        return tuple(_cast(part, [dtype]) for part, dtype in zip(found, otypes, strict=True))
    return made(found.value.astype(jax.dtypes.canonicalize_dtype(otypes[0])))


def _content(found: Any) -> Any:
    """Returns what the user's function has returned as an array of JAX, strongly typed."""
    found = unpacked(found)
    return typed(stacked(found) if isinstance(found, (list, tuple)) else found)


def _check_may_loop(error: TypeError, *contents: Any) -> None:
    """Raises an error again, unless it says that the value of what is known was asked for."""
    asks = isinstance(error, jax.errors.JAXTypeError)
    if not asks or CURRENT.get() is not None or any(map(is_tracer, contents)):
        raise error


APPLIED = {
    "apply_along_axis": function(apply_along_axis, np.apply_along_axis),
    "apply_over_axes": apply_over_axes,
    "fromfunction": fromfunction,
    "pad": function(pad, np.pad),
    "piecewise": piecewise,
    "vectorize": vectorize,
}
"""These functions, by name, over mutable arrays."""
