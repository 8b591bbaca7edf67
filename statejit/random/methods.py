"""The methods made from distributions: their signatures, arguments and docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .distribution import Distribution
from .keys import looks_like_key
from .parameters import ANY
from .quick import quick

EMPTY = inspect.Parameter.empty

TAILS: dict[str, dict[str, Any]] = {
    "plain": {"size": None, "key": None, "dtype": None},
    "checked": {"size": None, "key": None, "dtype": None, "check_valid": True},
    "checked first": {"size": None, "key": None, "check_valid": True, "dtype": None},
    "out": {"size": None, "dtype": None, "out": None},
    "method": {"size": None, "dtype": None, "method": "zig", "out": None},
}
"""What follows the parameters, with defaults, in NumPy's order, and else in brainpy.math's.

NumPy's four methods with `out` have a dtype where brainpy.math has a key; a key there is taken for
one, and the dtype may follow.
"""


METHODS = ("zig", "inv")


def method_of(of: Distribution) -> Callable[..., Any]:
    """Makes the method of `Generator` that draws from a distribution."""
    defaults = _defaults(of)
    signature = signature_of(defaults)
    values_of = _parser(of, defaults, signature)

    @quick
    def draw(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._sample(of, *values_of(args, kwargs))

    draw.__name__ = of.name
    draw.__qualname__ = f"Generator.{of.name}"
    draw.__doc__ = docstring(of)
    draw.__signature__ = signature  # type: ignore[attr-defined]
    return draw


# Arguments ---------------------------------------------------------------------------------------


def _defaults(of: Distribution) -> dict[str, Any]:
    """Returns the names of what may be given by position, and their defaults."""
    defaults = {p.name: p.default for p in of.parameters} | TAILS[of.tail]
    if of.early is None:
        return defaults
    names = [name for name in defaults if name != "size"]
    names.insert(of.early, "size")
    return {name: defaults[name] for name in names}


def _parser(
    of: Distribution, defaults: dict[str, Any], signature: inspect.Signature
) -> Callable[[Any, Any], tuple[Any, ...]]:
    """Returns what takes arguments apart into `(params, size, dtype, out, key, valid)`."""
    standard = {n: None if d is ... else d for n, d in defaults.items()}
    names, least = tuple(defaults), sum(p.default is ... for p in of.parameters)
    required, params = names[:least], tuple(p.name for p in of.parameters)
    every = {*names, "key"}

    def values_of(args: Any, kwargs: Any) -> tuple[Any, ...]:
        given = dict(zip(names, args, strict=False))
        wrong = len(args) > len(names) or not every.issuperset(kwargs)
        if wrong or not given.keys().isdisjoint(kwargs):
            signature.bind(None, *args, **kwargs)  # raises, with Python's own words
        given |= kwargs
        if len(args) < least and not given.keys() >= {*required}:
            signature.bind(None, *args, **kwargs)
        given = standard | given
        if "out" in given:
            _take_key(given)
        if given.get("method", "zig") not in METHODS:
            raise ValueError(f"method {given['method']!r} must be 'zig' or 'inv'")
        return (
            tuple([given[name] for name in params]),
            *(given["size"], given["dtype"], given.get("out"), given.get("key")),
            given.get("check_valid", True),
        )

    return values_of


def _take_key(given: dict[str, Any]) -> None:
    """Takes a key in the place of a dtype for one; what follows it is then the dtype."""
    if given.get("key") is not None or not looks_like_key(given["dtype"]):
        return
    following = "method" if "method" in given else "out"
    given["key"], given["dtype"], kind = given["dtype"], None, given[following]
    if isinstance(kind, (type, np.dtype)) or (isinstance(kind, str) and kind not in METHODS):
        given["dtype"], given[following] = kind, TAILS["method"][following]


def signature_of(defaults: dict[str, Any]) -> inspect.Signature:
    """Returns the signature of a method: what may be given by position, and then `key=`."""
    kind, named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    found = [inspect.Parameter("self", kind)]
    found += [
        inspect.Parameter(n, kind, default=EMPTY if d is ... else d) for n, d in defaults.items()
    ]
    if "key" not in defaults:
        found.append(inspect.Parameter("key", named, default=None))
    return inspect.Signature(found)


# Docstrings --------------------------------------------------------------------------------------

_TAIL_DOCS = {
    "size": "the shape of the sample; None for that of the parameters.",
    "dtype": "the dtype of the sample, of KIND.",
    "method": "'zig' or 'inv', as in NumPy; the sampler is the same.",
    "key": "a JAX key to draw with in place of the generator's, which then stays.",
    "check_valid": "whether to check parameters that are known.",
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
    said = [n for n in TAILS[of.tail] if n != "key"] + ["key"]
    lines += [f"    {n}: {_TAIL_DOCS[n].replace('KIND', kind)}" for n in said]
    event = ", n" if of.event and of.name not in ("categorical",) else ""
    lines += [
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
