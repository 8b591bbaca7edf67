"""The generator: an object whose key is a plain attribute, and NumPy's methods upon it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._core.base import Base
from .._core.frames import CURRENT
from .._core.numbers import plain
from .._core.slots import is_tracer
from ..array.array import Array, made
from ..array.lifting import unpacked
from ..errors import FrozenValueError
from ..typing import ArrayLike as Plain
from . import elements, multivariate
from .circular import CIRCULAR
from .continuous import CONTINUOUS
from .discrete import DISCRETE
from .distribution import Distribution, method_of, program
from .gammas import GAMMAS
from .keys import drawing, key_of, refuse_raw, split, typed
from .multivariate import VECTORS
from .noncentral import NONCENTRAL
from .programs import counting, floating, plain_program, shape_of, working

ArrayLike = Plain | Array
"""What a parameter may be."""

Size = int | tuple[int, ...] | list[int] | None

DISTRIBUTIONS = {
    of.name: of
    for of in (*CONTINUOUS, *GAMMAS, *CIRCULAR, *NONCENTRAL, *DISCRETE, *VECTORS)
}
"""All distributions of numbers and of vectors that are drawn by one sampler, by name."""


class Draws(Base):
    """Holds a key, and makes each draw one compiled call that moves the key on.

    Args:
        seed: see `Generator`.
        impl: see `Generator`.
    """

    key: jax.Array

    def __init__(self, seed: Any = None, *, impl: str | None = None) -> None:
        self.key = key_of(seed, impl)

    def _sample(
        self,
        of: Distribution,
        params: tuple[Any, ...],
        size: Any,
        dtype: Any,
        out: Any,
        key: Any,
    ) -> Any:
        """Draws once from a distribution."""
        of.check(params)
        shape = shape_of(size)
        if out is not None:
            shape, dtype = _fitting(out, shape, dtype)
        found = of.result_dtype(dtype)
        work = working(found if of.dtype is float else None)
        run = program(of, shape, found, work, key is None)
        sample = self._run(run, key, of.ready(params, found))
        return sample if out is None else _stored(out, sample)

    def _plain(
        self, maker: Callable[..., Any], options: tuple[Any, ...], key: Any, *params: Any
    ) -> Array:
        """Draws with a sampler whose parameters keep their dtypes and shapes."""
        return self._run(plain_program(maker, options, key is None), key, params)

    def _run(self, run: Any, key: Any, params: Any) -> Array:
        if key is not None:
            return made(run(typed(unpacked(key)), *params))
        if CURRENT.get() is not None:
            self.key, sample = run(self.key, *params)
            return made(sample)
        refuse_raw()
        with drawing:
            self.key, sample = run(self.key, *params)
        return made(sample)


def _fitting(out: Any, shape: Any, dtype: Any) -> tuple[Any, Any]:
    """Returns the shape and the dtype of a sample that is written to `out`.

    Raises:
        TypeError: if `out` is no array, or has another dtype than was asked for.
        ValueError: if it has another shape.
    """
    if not isinstance(out, (Array, np.ndarray)):
        raise TypeError(f"out must be a mutable array or a NumPy array, not {type(out).__name__}")
    if dtype is not None and np.dtype(dtype) != out.dtype:
        raise TypeError(
            f"Supplied output array has wrong type. Expected {np.dtype(dtype)}, got {out.dtype}"
        )
    if shape is not None and shape != tuple(out.shape):
        raise ValueError("size must match out.shape when used together")
    return tuple(out.shape), out.dtype


def _stored(out: Any, sample: Array) -> Any:
    out[...] = sample if isinstance(out, Array) else np.asarray(sample)
    return out


class Generator(Draws):
    """Draws random numbers; its key is a plain attribute, and so a slot.

    It has the methods of `numpy.random.Generator`, what `jax.random` has besides, and for each
    draw `dtype=` and `key=`: with a key of the caller's own the generator's stays as it is.

    Args:
        seed: an integer, a sequence of integers, a `SeedSequence`, a JAX key, another generator
            (whose key is then split), or None for fresh entropy from the operating system.
        impl: the implementation of the key: 'threefry2x32', 'rbg' or 'unsafe_rbg'; None for that of
            the key that is given, and else the one which JAX is set to.

    Example:
        >>> from statejit.random import Generator
        >>> Generator(3).normal(size=2).tolist() == Generator(3).normal(size=2).tolist()
        True
    """

    def __init__(self, seed: Any = None, *, impl: str | None = None) -> None:
        super().__init__(seed.split_key() if isinstance(seed, Draws) else seed, impl=impl)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({jax.random.key_impl(self.key)}) at 0x{id(self):X}"

    # Whole numbers -----------------------------------------------------------------------------

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
            The sample, (*size,). Where low >= high is traced, it is -1.

        Raises:
            ValueError: if the bounds, where they are known, are empty or do not fit the dtype.
            TypeError: if the dtype is not one of integers.

        Example:
            >>> from statejit.random import default_rng
            >>> 0 <= int(default_rng(0).integers(6)) < 6
            True
        """
        found = np.dtype(jax.dtypes.canonicalize_dtype(int if dtype is None else dtype))
        if found.kind not in "iub":
            raise TypeError(f"Unsupported dtype {found!r} for integers")
        low, high = unpacked(low, True), unpacked(high, True)
        first, last = elements.bounds(low, high, found, endpoint)
        return self._plain(elements.integers, (shape_of(size), found), key, first, last)

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
                "bytes() was called inside a transformed function: Python's bytes are frozen there.",
                do="use bits(length, 'uint8'), which returns an array.",
            )
        return np.asarray(self.bits(operator.index(length), np.uint8)).tobytes()

    # Elements ----------------------------------------------------------------------------------

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
    ) -> Array:
        """Draws elements of an array (or of range(a)), with probabilities p.

        Args:
            a: the elements, (n, ...), or their number.
            size: the shape of the sample.
            replace: whether an element may be drawn again.
            p: a probability for each element, (n,).
            axis: the axis along which elements lie.
            shuffle: whether the order is random without replacement; it always is.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The elements, (*size, ...) in the place of the axis.

        Raises:
            ValueError: if there are not enough elements, or p, where it is known, is none.

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).choice([10, 20, 30], 4, p=[0.0, 1.0, 0.0]).tolist()
            [20, 20, 20, 20]
        """
        array, weights, shape = elements.elements(a), unpacked(p, True), shape_of(size)
        count = array if type(array) is int else None
        array = None if count is not None else unpacked(array, True)
        total = count if array is None else np.shape(array)[axis] if np.ndim(array) else None
        if total is None:
            raise ValueError("a must be a sequence or an integer, not an array without axes")
        elements.check_choice(total, shape, replace, weights, () if array is None else array.shape)
        params = [q for q in (array, weights) if q is not None]
        options = (count, shape, bool(replace), p is not None, operator.index(axis))
        return self._plain(elements.choice, options, key, *params)

    def permutation(
        self, x: ArrayLike, axis: int = 0, independent: bool = False, *, key: Any = None
    ) -> Array:
        """Returns a shuffled copy of an array, or of range(x).

        Args:
            x: the array, (n, ...), or a number.
            axis: the axis that is shuffled.
            independent: whether each vector along the axis is shuffled on its own.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The array, (n, ...).

        Example:
            >>> from statejit.random import default_rng
            >>> sorted(default_rng(0).permutation(4).tolist())
            [0, 1, 2, 3]
        """
        array = elements.elements(x)
        if type(array) is int:
            array = np.arange(array, dtype=jax.dtypes.canonicalize_dtype(int))
        options = (operator.index(axis), bool(independent))
        return self._plain(elements.permutation, options, key, unpacked(array, True))

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
        array = unpacked(elements.elements(x), True)
        if out is not None:
            _fitting(out, np.shape(array), None)
        found = self._plain(elements.permuted, (axis,), key, array)
        return found if out is None else _stored(out, found)

    def shuffle(self, x: Any, axis: int = 0, *, key: Any = None) -> None:
        """Shuffles an array in place.

        Args:
            x: a mutable array, a NumPy array, (n, ...), or (outside of transformed functions) a
                list.
            axis: the axis that is shuffled.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Raises:
            TypeError: if `x` can't be changed.

        Example:
            >>> import statejit.numpy as snp
            >>> from statejit.random import default_rng
            >>> x = snp.arange(4)
            >>> default_rng(0).shuffle(x)
            >>> sorted(x.tolist())
            [0, 1, 2, 3]
        """
        if isinstance(x, (Array, np.ndarray)):
            _stored(x, self.permutation(x, axis, key=key))
            return
        if not hasattr(x, "__setitem__") or isinstance(x, dict):
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

    # Vectors -----------------------------------------------------------------------------------

    def categorical(
        self,
        logits: ArrayLike,
        axis: int = -1,
        size: Size = None,
        dtype: Any = int,
        *,
        key: Any = None,
    ) -> Array:
        """Draws indices with the probabilities softmax(logits).

        Args:
            logits: logarithms of weights, (*shape, n) with n in the place of the axis.
            axis: the axis of the categories.
            size: the shape of the sample; None for that of the logits without the axis.
            dtype: the dtype of the sample.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The indices, (*size,).

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).categorical([0.0, 99.0], size=3).tolist()
            [1, 1, 1]

        References:
            E. J. Gumbel: the index of the greatest logit with Gumbel noise.
        """
        found = jnp.moveaxis(jnp.asarray(unpacked(logits, True)), plain(axis), -1)
        found = found.astype(jnp.promote_types(found.dtype, jnp.float32))
        options = (shape_of(size), counting(dtype, "categorical"))
        return self._plain(multivariate.categorical, options, key, found)

    def multinomial(
        self,
        n: ArrayLike,
        pvals: ArrayLike,
        size: Size = None,
        dtype: Any = int,
        *,
        key: Any = None,
    ) -> Array:
        """Draws how many of n trials fall into each category.

        Args:
            n: the number of trials, (*shape,).
            pvals: the probabilities of the categories, (*shape, k); the last one is what the
                others leave.
            size: the shape of the sample before the axis of categories.
            dtype: the dtype of the sample.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The counts, (*size, k); -1 where parameters that are traced are wrong.

        Raises:
            ValueError: if n or pvals, where they are known, are wrong.

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).multinomial(20, [0.5, 0.3, 0.2]).sum().item()
            20
        """
        n, pvals = unpacked(n, True), unpacked(pvals, True)
        multivariate.check_multinomial(n, pvals)
        options = (shape_of(size), counting(dtype, "multinomial"))
        return self._plain(multivariate.multinomial, options, key, n, pvals)

    def multivariate_hypergeometric(
        self,
        colors: ArrayLike,
        nsample: Any,
        size: Size = None,
        method: str = "marginals",
        dtype: Any = int,
        *,
        key: Any = None,
    ) -> Array:
        """Draws how many of each color are among those taken without replacement.

        Args:
            colors: how many there are of each color, (k,).
            nsample: how many are taken.
            size: the shape of the sample before the axis of colors.
            method: 'marginals' or 'count', as in NumPy; the sampler is the same.
            dtype: the dtype of the sample.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The counts, (*size, k); -1 where parameters that are traced are wrong.

        Raises:
            ValueError: if parameters, where they are known, are wrong.

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).multivariate_hypergeometric([8, 4, 2], 5).sum().item()
            5
        """
        colors, nsample = unpacked(colors, True), unpacked(nsample, True)
        multivariate.check_multivariate_hypergeometric(colors, nsample, method)
        options = (shape_of(size), counting(dtype, "multivariate_hypergeometric"))
        return self._plain(multivariate.multivariate_hypergeometric, options, key, colors, nsample)

    def multivariate_normal(
        self,
        mean: ArrayLike,
        cov: ArrayLike,
        size: Size = None,
        check_valid: str = "warn",
        tol: float = 1e-8,
        dtype: Any = None,
        *,
        method: str = "svd",
        key: Any = None,
    ) -> Array:
        """Draws vectors from a normal distribution.

        Args:
            mean: the means, (n,).
            cov: the covariances, (n, n).
            size: the shape of the sample before the last axis.
            check_valid: 'warn', 'raise' or 'ignore', if a covariance that is known is not positive
                semidefinite.
            tol: the tolerance of that check.
            dtype: the dtype of the sample, of floats.
            method: how the root of the covariance is found: 'svd', 'eigh' or 'cholesky'.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The vectors, (*size, n).

        Raises:
            ValueError: if the shapes do not fit, or for `check_valid='raise'`.

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).multivariate_normal([0.0, 1.0], [[1.0, 0.5], [0.5, 2.0]], 3).shape
            (3, 2)
        """
        mean, cov = unpacked(mean, True), unpacked(cov, True)
        multivariate.check_normal(mean, cov, check_valid, tol, method)
        options = (shape_of(size), floating(dtype, "multivariate_normal"), method)
        return self._plain(multivariate.multivariate_normal, options, key, mean, cov)

    def orthogonal(
        self, n: int, size: Size = None, dtype: Any = None, *, m: int | None = None, key: Any = None
    ) -> Array:
        """Draws orthogonal matrices, uniformly distributed.

        Args:
            n: the number of rows.
            size: the shape of the sample before the last two axes.
            dtype: the dtype of the sample.
            m: the number of columns; None for n.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The matrices, (*size, n, m).

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).orthogonal(3).shape
            (3, 3)
        """
        m = None if m is None else operator.index(m)
        options = (shape_of(size), floating(dtype, "orthogonal"), operator.index(n), m)
        return self._plain(multivariate.orthogonal, options, key)

    def ball(
        self, d: int, p: float = 2, size: Size = None, dtype: Any = None, *, key: Any = None
    ) -> Array:
        """Draws points in the unit ball, uniformly distributed.

        Args:
            d: the number of dimensions.
            p: the norm.
            size: the shape of the sample before the last axis.
            dtype: the dtype of the sample.
            key: a JAX key to draw with in place of the generator's, which then stays.

        Returns:
            The points, (*size, d).

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).ball(2, size=3).shape
            (3, 2)
        """
        options = (shape_of(size), floating(dtype, "ball"), operator.index(d), plain(p))
        return self._plain(multivariate.ball, options, key)

    # Keys --------------------------------------------------------------------------------------

    def seed(self, seed: Any = None, *, impl: str | None = None) -> None:
        """Starts again from a seed.

        Args:
            seed: what `Generator` takes.
            impl: as in `Generator`; None for the implementation that the key has now, unless a key
                is given.

        Raises:
            FrozenValueError: if fresh entropy is asked for inside a transformed function.

        Example:
            >>> from statejit.random import default_rng
            >>> g = default_rng(0)
            >>> first = g.random()
            >>> g.seed(0)
            >>> (g.random() == first).item()
            True
        """
        if isinstance(seed, Draws):
            seed = seed.split_key()
        if impl is None and not isinstance(unpacked(seed), jax.Array):
            impl = str(jax.random.key_impl(self.key))
        self.key = key_of(seed, impl)

    @contextmanager
    def seed_context(self, seed: Any) -> Iterator[Any]:
        """Starts from a seed within a `with` block; after it the key is what it was before.

        Args:
            seed: what `Generator` takes.

        Example:
            >>> from statejit.random import default_rng
            >>> g = default_rng(0)
            >>> with g.seed_context(7):
            ...     inside = g.random()
            >>> (inside == default_rng(7).random()).item()
            True
            >>> (g.random() == default_rng(0).random()).item()
            True
        """
        before = self.key
        self.seed(seed)
        try:
            yield self
        finally:
            self.key = before

    def split_key(self, n: int | None = None) -> jax.Array:
        """Returns a fresh key (or n of them) for use with `jax.random`, and moves on.

        Args:
            n: how many; None for a single one.

        Returns:
            A typed key, (), or keys, (n,).

        Example:
            >>> from statejit.random import default_rng
            >>> default_rng(0).split_key(3).shape
            (3,)
        """
        refuse_raw()
        count = 1 if n is None else operator.index(n)
        with drawing:
            keys = split(self.key, count + 1)
            self.key = keys[0]
        return keys[1] if n is None else keys[1:]

    def spawn(self, n_children: int) -> list[Any]:
        """Returns new generators whose streams are independent of this one and of each other.

        Args:
            n_children: how many.

        Example:
            >>> from statejit.random import default_rng
            >>> one, two = default_rng(0).spawn(2)
            >>> (one.random() == two.random()).item()
            False
        """
        keys = self.split_key(n_children)
        return [type(self)(keys[i]) for i in range(n_children)]

    def fork(self) -> Any:
        """Returns a new generator with a stream of its own, and moves on.

        Example:
            >>> from statejit.random import default_rng
            >>> g = default_rng(0)
            >>> (g.fork().random() == g.random()).item()
            False
        """
        return type(self)(self.split_key())

    def fold_in(self, data: Any) -> Any:
        """Returns a new generator that follows from this one's key and a number; this one stays.

        Args:
            data: an integer, which may be traced: a step or the index of a device.

        Example:
            >>> from statejit.random import default_rng
            >>> g = default_rng(0)
            >>> (g.fold_in(1).random() == g.fold_in(1).random()).item()
            True
        """
        return type(self)(jax.random.fold_in(self.key, unpacked(data)))


for _of in DISTRIBUTIONS.values():
    setattr(Generator, _of.name, method_of(_of))
Generator.cauchy = Generator.standard_cauchy  # type: ignore[attr-defined]
Generator.t = Generator.standard_t  # type: ignore[attr-defined]


def default_rng(seed: Any = None, *, impl: str | None = None) -> Generator:
    """Returns a new generator, or the one that is given.

    Args:
        seed: what `Generator` takes.
        impl: as in `Generator`.

    Example:
        >>> from statejit.random import default_rng
        >>> generator = default_rng(0)
        >>> default_rng(generator) is generator
        True
    """
    return seed if isinstance(seed, Generator) else Generator(seed, impl=impl)
