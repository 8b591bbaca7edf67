"""The methods of generators for whole numbers, and for the choice and the order of elements."""

from __future__ import annotations

import operator
from typing import Any

import jax
import numpy as np

from .._core.frames import CURRENT
from .._core.slots import is_tracer
from ..array.array import Array
from ..array.lifting import unpacked
from ..errors import FrozenValueError
from . import elements
from .draws import ArrayLike, Draws, Size, fitting, stored
from .keys import looks_like_key
from .programs import shape_of
from .quick import quick


class Orders(Draws):
    """Draws whole numbers, and elements of arrays."""

    # Whole numbers -----------------------------------------------------------------------------

    @quick
    def integers(
        self,
        low: ArrayLike,
        high: ArrayLike | None = None,
        size: Size = None,
        dtype: Any = int,
        endpoint: bool = False,
        *,
        key: Any = None,
    ) -> Array:
        """Draws integers from [low, high), or from [0, low) if there is no `high`.

        Args:
            low: the least integer, (*shape,).
            high: the integer above the greatest one, (*shape,).
            size: the shape of the sample; None for that of the parameters.
            dtype: the dtype of the sample, of integers or bool.
            endpoint: whether `high` itself is drawn, too.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The sample, (*size,). Where traced bounds are empty or do not fit the dtype, it is -1.

        Raises:
            ValueError: if the bounds, where they are known, are empty or do not fit the dtype.
            TypeError: if the dtype is not one of integers.

        Example:
            >>> from statejit.random import default_rng
            >>> 0 <= int(default_rng(0).integers(6)) < 6
            True
        """
        found = np.dtype(jax.dtypes.canonicalize_dtype(int if dtype is None else dtype))
        if not found.isnative:
            raise ValueError(f"a dtype in the machine's order of bytes is needed, not {found!r}")
        if found.kind not in "iub":
            raise TypeError(f"Unsupported dtype {found!r} for integers")
        shape = shape_of(size)
        low, high = (0, 1) if shape and 0 in shape else (unpacked(low, True), unpacked(high, True))
        first, last = elements.bounds(low, high, found, endpoint)
        return self._plain(elements.integers, (shape, found), key, first, last)

    @quick
    def bits(self, size: Size = None, dtype: Any = None, *, key: Any = None) -> Array:
        """Draws unsigned integers all of whose bits are random.

        Args:
            size: the shape of the sample.
            dtype: the dtype; by default 32 bits, or 64 where JAX has them.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The sample, (*size,).

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).bits(3, "uint8").dtype
            dtype('uint8')
        """
        found = np.dtype(jax.dtypes.canonicalize_dtype("uint" if dtype is None else dtype))
        return self._plain(elements.bits, (shape_of(size), found), key)

    def bytes(self, length: int) -> bytes:
        """Returns random bytes.

        Args:
            length: how many.

        Raises:
            FrozenValueError: inside a transformed function, where there are only arrays.

        Example:
            >>> from statejit.random import default_rng
            >>> len(default_rng(0).bytes(5))
            5
        """
        if CURRENT.get() is not None:
            raise FrozenValueError(
                "bytes() was called inside a transformed function, where bytes are frozen.",
                do="use bits(length, 'uint8'), which returns an array.",
            )
        return np.asarray(self.bits(operator.index(length), np.uint8)).tobytes()

    # Elements ----------------------------------------------------------------------------------

    @quick
    def choice(
        self,
        a: ArrayLike,
        size: Size = None,
        replace: bool = True,
        p: ArrayLike | None = None,
        axis: int = 0,
        shuffle: bool = True,
        *,
        key: Any = None,
    ) -> Any:
        """Draws elements of an array (or of range(a)), with probabilities p.

        Args:
            a: the elements, (n, ...), or their number.
            size: the shape of the sample.
            replace: whether an element may be drawn again.
            p: a probability for each element, (n,).
            axis: the axis along which elements lie; by position also a key, where brainpy.math has
                it.
            shuffle: whether the order is random without replacement; it always is.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The elements, (*size, ...) in the place of the axis; those of text, and of what else is
            no number, as NumPy has them.

        Raises:
            ValueError: if there are not enough elements, or p, where it is known, is none.

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).choice([10, 20, 30], 4, p=[0.0, 1.0, 0.0]).tolist()
            [20, 20, 20, 20]
        """
        if looks_like_key(axis):
            axis, key = 0, axis if key is None else key
        array: Any = elements.elements(a)
        weights, shape = unpacked(p, True), shape_of(size)
        if isinstance(array, np.ndarray) and not array.ndim and array.dtype.kind in "iu":
            array = int(array)
        count: int | None = array if type(array) is int else None
        if count is not None:
            array, axis, total = None, 0, count
        else:
            if np.ndim(array) == 0:
                raise ValueError(f"a must be a sequence or an integer, not {type(a)}")
            axis = elements.axis_of(axis, array)
            total = np.shape(array)[axis]
        elements.check_choice(total, shape, replace, weights, () if array is None else array.shape)
        if not (array is None or elements.is_numeric(array)):
            chosen = self.choice(total, size, replace, p, key=key)
            return np.take(array, _known(chosen, array), axis)
        params = [q for q in (array, weights) if q is not None]
        options = (count, shape, bool(replace), p is not None, axis)
        return self._plain(elements.choice, options, key, *params)

    @quick
    def permutation(
        self, x: ArrayLike, axis: int = 0, independent: bool = False, key: Any = None
    ) -> Any:
        """Returns a shuffled copy of an array, or of range(x).

        Args:
            x: the array, (n, ...), or a number.
            axis: the axis that is shuffled.
            independent: whether each vector along the axis is shuffled on its own.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The array, (n, ...); one of text, and of what else is no number, as NumPy has it.

        Example:
            >>> from statejit.random import default_rng
            >>> sorted(default_rng(0).permutation(4).tolist())
            [0, 1, 2, 3]
        """
        array = elements.elements(x)
        if type(array) is int:
            options = (array, jax.dtypes.canonicalize_dtype(int))
            return self._plain(elements.shuffled, options, key)
        axis = elements.axis_of(axis, array)
        if not elements.is_numeric(array):
            order = self.permutation(_indices(array, axis, independent), axis, independent, key)
            return np.take_along_axis(array, _known(order, array), axis)
        return self._plain(elements.permutation, (axis, bool(independent)), key, array)

    def permuted(
        self, x: ArrayLike, *, axis: int | None = None, out: Any = None, key: Any = None
    ) -> Any:
        """Returns a copy of an array in which each vector along an axis is shuffled on its own.

        Args:
            x: the array, (*shape,).
            axis: the axis; None for all elements together.
            out: a mutable array or a NumPy array that the result is written to; it may be `x`.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The array, (*shape,), or `out`.

        Raises:
            ValueError: if `out` has another shape.

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).permuted([[1, 2], [3, 4]], axis=1).sum(1).tolist()
            [3, 7]
        """
        array = elements.elements(x)
        axis = None if axis is None else elements.axis_of(axis, array)
        if np.ndim(array) == 0:
            raise TypeError("x must be an array with axes, not a number")
        if out is not None:
            _check_out(out, array)
        if elements.is_numeric(array):
            found: Any = self._plain(elements.permuted, (axis,), key, array)
        else:
            order = self.permuted(_indices(array, axis, True), axis=axis, key=key)
            flat, at = (array.ravel(), None) if axis is None else (array, axis)
            order = _known(order, array).reshape(flat.shape)
            found = np.take_along_axis(flat, order, at).reshape(array.shape)
        return found if out is None else stored(out, found)

    def shuffle(self, x: Any, axis: int = 0, key: Any = None) -> None:
        """Shuffles an array in place.

        Args:
            x: a mutable array, a NumPy array, (n, ...), or (outside of transformed functions) a
                list.
            axis: the axis that is shuffled.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Raises:
            TypeError: if `x` can't be changed.
            NotImplementedError: for an axis of a list.

        Example:
            >>> import statejit.numpy as snp
            >>> from statejit.random import default_rng
            >>> x = snp.arange(4)
            >>> default_rng(0).shuffle(x)
            >>> sorted(x.tolist())
            [0, 1, 2, 3]
        """
        if isinstance(x, (Array, np.ndarray)):
            if not x.ndim:
                raise TypeError("an array without axes has no order")
            stored(x, self.permutation(x, axis, key=key))
            return
        if axis != 0:
            raise NotImplementedError("Axis argument is only supported on ndarray objects")
        if not hasattr(x, "__setitem__") or isinstance(x, (dict, jax.Array)):
            raise TypeError(
                f"shuffle() changes its argument, which is a {type(x).__name__}: it takes a "
                "statejit or a NumPy array, or a list; use permutation()"
            )
        order = self.permutation(len(x), key=key).value
        if is_tracer(order):
            raise TypeError(
                f"shuffle() can't reorder a {type(x).__name__} inside a transformed function: the "
                "order is not known there; use a statejit or a NumPy array"
            )
        before = list(x)
        for i, j in enumerate(order.tolist()):
            x[i] = before[j]


# Elements that no array of JAX holds --------------------------------------------------------------


def _known(order: Array, array: np.ndarray) -> np.ndarray:
    """Returns indices that NumPy is to reorder an array by: of text, of dates, of objects."""
    if is_tracer(order.value):
        raise TypeError(
            f"elements of {array.dtype} can't be reordered inside a transformed function, where "
            "only numbers are: draw their indices there"
        )
    return np.asarray(order.value)


def _indices(array: np.ndarray, axis: int | None, independent: bool) -> np.ndarray:
    """Returns the indices of elements along an axis (or of all), for `np.take_along_axis`."""
    if axis is None:
        return np.arange(array.size).reshape(array.shape)
    shape = [n if independent or i == axis else 1 for i, n in enumerate(array.shape)]
    places = np.arange(array.shape[axis]).reshape(
        [-1 if i == axis else 1 for i in range(array.ndim)]
    )
    return np.broadcast_to(places, shape)


def _check_out(out: Any, array: Any) -> None:
    """Refuses what a reordered array can't be written to.

    Raises:
        TypeError: if it is no array, or its dtype does not hold the elements.
        ValueError: if it has another shape.
    """
    if not isinstance(out, (Array, np.ndarray)):
        raise TypeError(f"out must be a mutable array or a NumPy array, not {type(out).__name__}")
    fitting(out, np.shape(array), None)
    if not np.can_cast(array.dtype, out.dtype, "safe") and isinstance(out, np.ndarray):
        raise TypeError(
            f"Cannot cast array data from {array.dtype!r} to {out.dtype!r} according to the rule "
            "'safe'"
        )
