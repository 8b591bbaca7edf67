"""Writes the tables of `random.md`: distributions, and the names of NumPy, JAX and brainpy.math.

`python docs/draws.py` leaves the table of samples as it is; with `--draws` a million are drawn from
each distribution at each of the parameters of the tests, and compared with scipy.stats.
"""

from __future__ import annotations

import inspect
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

import statejit.random
from statejit.random import Generator, RandomState
from statejit.random.keyed import DISTRIBUTIONS
from statejit.random.parameters import ANY

HERE = pathlib.Path(__file__).parent
PAGE = HERE / "random.md"
BRAINPY = HERE / "brainpy_random.txt"
MARK = "<!-- {}: {} here written by docs/draws.py -->"
MILLION = 1_000_000

REASONS = {
    "bit_generator": "the state is the key: `g.key`, `get_state`, `set_state`",
    "Key": "a type for annotations; a key is a `jax.Array`",
    "key_dtype": "`key(0).dtype` says it",
    "random_gamma_p": "a primitive, not a function",
}
"""Why a name is absent."""

DEFAULTS = {np.float64: None, np.int64: int}
"""Default dtypes of NumPy, and what stands for them: the dtype that JAX has by default."""

EMPTY = inspect.Parameter.empty


# Signatures --------------------------------------------------------------------------------------


def parameters(function: Any) -> dict[str, Any] | None:
    """Returns names and defaults of the parameters, or None for what is no function."""
    if inspect.isclass(function) or not callable(function):
        return None
    found = inspect.signature(function).parameters.values()
    shown = {("*" if p.kind is p.VAR_POSITIONAL else "") + p.name: p.default for p in found}
    return {name: default for name, default in shown.items() if name != "self"}


def compared(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """Says how our parameters differ from theirs; more of them, at the end, are no difference."""
    told = []
    if list(ours)[: len(theirs)] != list(theirs):
        absent = [f"`{name}`" for name in theirs if name not in ours]
        order = [name for name in ours if name in theirs]
        if absent:
            told.append("no " + ", ".join(absent))
        if order != [name for name in theirs if name in ours]:
            told.append("another order: " + ", ".join(f"`{name}`" for name in order))
    for name, default in theirs.items():
        if name in ours and not _same(DEFAULTS.get(default, default), ours[name]):
            told.append(f"`{name}={_shown(ours[name])}` for {_shown(default)}")
    return "; ".join(told) or "same"


def _same(theirs: Any, ours: Any) -> bool:
    return type(theirs) is type(ours) and theirs == ours


def _shown(default: Any) -> str:
    return "none" if default is EMPTY else getattr(default, "__name__", repr(default))


WRAPPERS = {"ranf": np.random.random_sample, "sample": np.random.random_sample}
"""Functions of NumPy that hand on whatever they are given, and what to."""


def cell(owner: Any, ours: Any, name: str) -> str:
    """Returns what a table says of one name of an owner."""
    if not hasattr(owner, name):
        return ""
    if not hasattr(ours, name):
        return f"absent: {REASONS[name]}"
    theirs, found = getattr(owner, name), getattr(ours, name)
    if theirs is found:
        return "the same object"
    given = parameters(WRAPPERS.get(name, theirs))
    return "a class of our own" if given is None else compared(given, parameters(found) or {})


def public(owner: Any) -> set[str]:
    """Returns the public functions and classes of an owner."""
    return {
        n for n in dir(owner) if not n.startswith("_") and not inspect.ismodule(getattr(owner, n))
    }


# Tables ------------------------------------------------------------------------------------------


def table(heads: list[str], rows: Iterator[list[str]] | list[list[str]]) -> str:
    """Returns a table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(line).replace("\n", " ") + " |\n" for line in lines)


def distributions() -> str:
    """Returns the table of distributions."""
    rows = []
    for name, of in sorted(DISTRIBUTIONS.items()):
        given = ", ".join(
            f"{p.name} {'' if p.domain is ANY else p.domain.words}".strip() for p in of.parameters
        )
        kind = {float: "float", int: "integer", bool: "bool"}[of.dtype]
        rows.append([f"`{name}`", given.replace("|", "\\|"), kind, of.source.replace("|", "\\|")])
    return table(["distribution", "parameters", "sample", "how"], rows)


def numpy_names() -> str:
    """Returns the table of the names of numpy.random."""
    pairs = (
        (np.random, statejit.random),
        (np.random.Generator, Generator),
        (np.random.RandomState, RandomState),
    )
    names = {*np.random.__all__, *public(np.random.Generator), *public(np.random.RandomState)}
    rows = [[f"`{n}`", *[cell(owner, ours, n) for owner, ours in pairs]] for n in sorted(names)]
    return table(["name", "`numpy.random`", "its `Generator`", "its `RandomState`"], rows)


def jax_names() -> str:
    """Returns the table of the names of jax.random."""
    rows = []
    for name in sorted({*public(jax.random), "Key", "key_dtype"}):  # of several versions
        ours = getattr(statejit.random, name, None)
        if ours is None:
            said = f"absent: {REASONS[name]}"
        elif ours is getattr(jax.random, name):
            said = "the same object"
        else:
            said = "`" + ", ".join(parameters(ours) or {}) + "`"
        rows.append([f"`{name}`", said])
    return table(["name", "here"], rows)


def brainpy_names() -> str:
    """Returns the table of the names of brainpy.math.random."""
    rows = []
    for name, theirs in brainpy_signatures().items():
        ours = getattr(statejit.random, name)
        found = list(parameters(ours.__init__ if inspect.isclass(ours) else ours) or {})
        names = [n.lstrip("*") for n in theirs]
        absent = [f"`{n}`" for n in names if n not in [f.lstrip("*") for f in found]]
        said = "no " + ", ".join(absent) if absent else "also by position, by its type"
        rows.append([f"`{name}`", "same" if _in_order(list(theirs), found) else said])
    return table(["name", "its parameters"], rows)


def _in_order(theirs: list[str], ours: list[str]) -> bool:
    ours = ["seed_or_key" if name == "seed" else name for name in ours]
    return ours[: len(theirs)] == theirs


def brainpy_signatures() -> dict[str, dict[str, Any]]:
    """Returns names and defaults of the parameters of brainpy.math's functions, by name."""
    found = {}
    for line in BRAINPY.read_text().splitlines():
        name, arguments = line[: line.index("(")], line[line.index("(") + 1 : -1]
        found[name] = parameters(eval(f"lambda {arguments}: None", {"float": float})) or {}
    return found


def samples(count: int = MILLION) -> str:
    """Draws from all distributions of the tests, and returns the table of what was found."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    import test_distributions as tests

    rows = []
    for name, given in (tests.CONTINUOUS | tests.DISCRETE).items():
        drawn, expected = tests.drawn(name, given, count)
        jitted = tests.drawn(name, given, count, jitted=True)[0]
        for (params, _), sample, again, exact in zip(given, drawn, jitted, expected, strict=True):
            mean, variance = map(float, exact.stats("mv"))
            off = ""
            if np.isfinite([mean, variance]).all():
                off = f"{(sample.astype(float).mean() - mean) / np.sqrt(variance / count):+.1f}"
            test = "Kolmogorov-Smirnov" if sample.dtype == np.float32 else "chi-square"
            same = "same" if again.tobytes() == sample.tobytes() else "differs"
            row = [f"`{name}`", ", ".join(f"{p:g}" for p in params), test]
            rows.append([*row, f"{tests.p_value(sample, exact):.3f}", off, same])
            print(*rows[-1], sep="\t", flush=True)
    return table(["distribution", "parameters", "test", "p", "mean, in errors", "jitted"], rows)


TABLES = {
    "distributions": distributions,
    "numpy": numpy_names,
    "jax": jax_names,
    "brainpy": brainpy_names,
}


def with_table(page: str, name: str, text: str) -> str:
    """Returns a page with a table between the marks of its name."""
    start, end = MARK.format(name, "from"), MARK.format(name, "to")
    before, rest = page.split(start)
    return f"{before}{start}\n\n{text}\n{end}{rest.split(end)[1]}"


def main() -> None:
    """Writes the page."""
    page = PAGE.read_text()
    made = {name: make() for name, make in TABLES.items()}
    if "--draws" in sys.argv:
        made["samples"] = samples()
    for name, text in made.items():
        page = with_table(page, name, text)
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
