"""Axes rearranged, reduced and repeated as a pattern says, `'b (h w) -> h (w b)'`: as in einops.

The result is a view where NumPy's reshaping and transposing give one.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

from .functions import NAMESPACE

Groups = tuple[tuple[str, ...], ...]

REST = "..."
"""What stands for all axes that a pattern does not name; joined to one, if in parentheses."""

BARE = ("",)
"""The group of a `...` without parentheses: it stands for as many groups."""


def ein_rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Returns an array with its axes in another order, split and joined.

    Args:
        tensor: the array, or a list of arrays of one shape, which are stacked first.
        pattern: the axes before and after; those in parentheses are one axis.
        axes_lengths: the lengths of axes that can't be told from the shape.

    Raises:
        ValueError: if the pattern is none, or does not fit the shape.

    Example:
        >>> import statejit.math as bm
        >>> bm.ein_rearrange(bm.arange(6), "(a b) -> b a", a=2).tolist()
        [[0, 3], [1, 4], [2, 5]]
    """
    return _apply(tensor, pattern, None, axes_lengths)


def ein_reduce(tensor: Any, pattern: str, reduction: Any, **axes_lengths: int) -> Any:
    """Returns an array without the axes that a pattern leaves out after its arrow.

    Args:
        tensor: the array, or a list of arrays of one shape, which are stacked first.
        pattern: the axes before and after; those in parentheses are one axis.
        reduction: 'min', 'max', 'sum', 'mean', 'prod', 'any' or 'all', or a function of an array
            and a tuple of axes.
        axes_lengths: the lengths of axes that can't be told from the shape.

    Raises:
        ValueError: if the pattern is none, or does not fit the shape.

    Example:
        >>> import statejit.math as bm
        >>> bm.ein_reduce(bm.arange(6), "(a b) -> a", "sum", a=2).tolist()
        [3, 12]
    """
    if isinstance(reduction, str) and reduction not in REDUCTIONS:
        raise ValueError(f"unknown reduction {reduction!r}: one of {', '.join(REDUCTIONS)}")
    return _apply(tensor, pattern, reduction, axes_lengths)


def ein_repeat(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Returns an array repeated along the axes that a pattern has only after its arrow.

    Args:
        tensor: the array, or a list of arrays of one shape, which are stacked first.
        pattern: the axes before and after; those in parentheses are one axis.
        axes_lengths: the lengths of the new axes, and of those that the shape does not tell.

    Raises:
        ValueError: if the pattern is none, or does not fit the shape.

    Example:
        >>> import statejit.math as bm
        >>> bm.ein_repeat(bm.arange(2), "a -> (a b)", b=2).tolist()
        [0, 0, 1, 1]
    """
    return _apply(tensor, pattern, "repeat", axes_lengths)


def ein_shape(x: Any, pattern: str) -> dict[str, int]:
    """Returns the lengths of the axes that a pattern names; `_` stands for one without a name.

    Args:
        x: the array.
        pattern: the names of its axes.

    Raises:
        ValueError: if the array has another number of axes.

    Example:
        >>> import statejit.math as bm
        >>> bm.ein_shape(bm.zeros((2, 3)), "a _")
        {'a': 2}
    """
    shape = tuple(NAMESPACE["shape"](x))
    names = [name for group in _expanded(_groups(pattern), len(shape), pattern) for name in group]
    pairs = zip(names, shape, strict=True)
    return {name: n for name, n in pairs if name != "_" and not name.startswith(REST)}


REDUCTIONS = ("min", "max", "sum", "mean", "prod", "any", "all")


def _apply(tensor: Any, pattern: str, how: Any, lengths: dict[str, Any]) -> Any:
    if isinstance(tensor, (list, tuple)):
        tensor = NAMESPACE["stack"](list(tensor))
    array = tensor if hasattr(tensor, "layout") else NAMESPACE["asarray"](tensor)
    known = tuple((name, operator.index(n)) for name, n in lengths.items())
    split, reduced, order, new, joined = _recipe(pattern, array.shape, _kind(how), known)
    array = array.reshape(split)
    if reduced:
        array = how(array, reduced) if callable(how) else getattr(array, how)(axis=reduced)
    array = array.transpose(order)
    if new:
        for axis, _ in new:
            array = NAMESPACE["expand_dims"](array, axis)
        shape = list(array.shape)
        for axis, n in new:
            shape[axis] = n
        array = NAMESPACE["broadcast_to"](array, tuple(shape))
        return array.reshape(joined, copy=True)
    return array.reshape(joined)


def _kind(how: Any) -> str:
    return "rearrange" if how is None else how if how == "repeat" else "reduce"


@functools.lru_cache(1024)
def _recipe(pattern: str, shape: tuple[int, ...], kind: str, known: Any) -> Any:
    """Returns a shape, axes to reduce, an order of axes, new axes, and the shape of the result."""
    if pattern.count("->") != 1:
        raise ValueError(f"a pattern has one arrow: {pattern!r}")
    before, after = pattern.split("->")
    left, right = _groups(before), _groups(after)
    if any(REST in group for group in left):
        raise ValueError(f"'...' can't be in parentheses before the arrow: {pattern!r}")
    rest = len(shape) - len(left) + 1 if BARE in left else 0
    left = _expanded(left, len(shape), pattern)
    right = _expanded(right, None, pattern, rest)
    olds = [name for group in left for name in group]
    news = [name for group in right for name in group]
    _check_names(olds, news, kind, pattern)
    sizes = _sizes(left, shape, dict(known), pattern)
    _check_sizes(olds, news, sizes, pattern)
    reduced = tuple(i for i, name in enumerate(olds) if name not in news)
    kept = [name for name in olds if name in news]
    order = tuple(kept.index(name) for name in news if name in kept)
    new = tuple((i, sizes[name]) for i, name in enumerate(news) if name not in kept)
    joined = tuple(math.prod(sizes[name] for name in group) for group in right)
    return tuple(sizes[name] for name in olds), reduced, order, new, joined


def _groups(side: str) -> Groups:
    """Returns the axes of one side of a pattern, each as the names of those that it joins."""
    tokens = side.replace("…", REST).replace("(", " ( ").replace(")", " ) ").split()
    found: list[tuple[str, ...]] = []
    inner: list[str] | None = None
    for token in tokens:
        if token == "(" and inner is None:
            inner = []
        elif token == ")" and inner is not None:
            found.append(tuple(inner))
            inner = None
        elif token == "1":
            found += [()] if inner is None else []
        elif token in (REST, "_") or token.isidentifier():
            if inner is None:
                found.append(BARE if token == REST else (token,))
            else:
                inner.append(token)
        else:
            raise ValueError(f"{token!r} is no name of an axis, in the pattern {side.strip()!r}")
    if inner is not None:
        raise ValueError(f"a parenthesis is not closed in the pattern {side.strip()!r}")
    return tuple(found)


def _expanded(groups: Groups, ndim: int | None, pattern: str, rest: int = 0) -> Groups:
    """Returns the axes with names for those that `...` stands for."""
    if ndim is not None:
        rest = ndim - len(groups) + (BARE in groups)
        if rest < 0 or (rest and BARE not in groups):
            raise ValueError(f"the pattern {pattern!r} does not fit an array of {ndim} axes")
    names = tuple(f"{REST}{i}" for i in range(rest))
    found: list[tuple[str, ...]] = []
    for group in groups:
        if group == BARE:
            found += [(name,) for name in names]
        else:
            split = [names if name == REST else (name,) for name in group]
            found.append(tuple(name for part in split for name in part))
    return tuple(found)


def _sizes(
    left: Groups, shape: tuple[int, ...], known: dict[str, int], pattern: str
) -> dict[str, int]:
    """Returns the length of each axis, by name."""
    sizes = dict(known)
    for group, n in zip(left, shape, strict=True):
        unknown = [name for name in group if name not in sizes]
        product = math.prod(sizes[name] for name in group if name in sizes)
        if len(unknown) > 1:
            raise ValueError(f"the lengths of {unknown} can't be told, in the pattern {pattern!r}")
        if n != product if not unknown else (n % product if product else n):
            raise ValueError(
                f"an axis of length {n} is not {' x '.join(group) or '1'} with "
                f"{ {name: sizes[name] for name in group if name in sizes} }, in {pattern!r}"
            )
        if unknown:
            sizes[unknown[0]] = n // product if product else 0
    return sizes


def _check_names(olds: list[str], news: list[str], kind: str, pattern: str) -> None:
    for side in (olds, news):
        twice = {name for name in side if side.count(name) > 1 or name == "_"}
        if twice:
            raise ValueError(f"each axis has a name of its own: {sorted(twice)} in {pattern!r}")
    gone, added = set(olds) - set(news), set(news) - set(olds)
    if (gone and kind != "reduce") or (added and kind != "repeat"):
        raise ValueError(f"axes on one side of the pattern only: {sorted(gone | added)}")


def _check_sizes(olds: list[str], news: list[str], sizes: dict[str, int], pattern: str) -> None:
    if set(news) - set(sizes):
        raise ValueError(f"the lengths of {sorted(set(news) - set(sizes))} are not given")
    if set(sizes) - set(olds) - set(news):
        raise ValueError(f"no axes of {pattern!r}: {sorted(set(sizes) - set(olds) - set(news))}")


PATTERNS: dict[str, Callable[..., Any]] = {
    fun.__name__: fun for fun in (ein_rearrange, ein_reduce, ein_repeat, ein_shape)
}
"""These functions, by name."""
