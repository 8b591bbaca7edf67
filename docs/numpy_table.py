"""Writes `numpy.md`: what becomes of each public name of NumPy's in `statejit.numpy`.

`python docs/numpy_table.py`
"""

from __future__ import annotations

import inspect
import pathlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np

import statejit.numpy as snp
from statejit.array.beyond import HOST, NUMPYS
from statejit.array.signatures import Arguments
from statejit.array.viewing import VIEWING

HERE = pathlib.Path(__file__).parent

SAME, DIFFERS, MISSING = "same", "differs", "absent"

MODULES: tuple[tuple[str, ModuleType, ModuleType, ModuleType], ...] = (
    ("numpy", np, snp, jnp),
    ("numpy.linalg", np.linalg, snp.linalg, jnp.linalg),
    ("numpy.fft", np.fft, snp.fft, jnp.fft),
)

INTRODUCTION = """\
# NumPy's names

What becomes of each public name of NumPy {version} (`numpy`, `numpy.linalg`, `numpy.fft`) in
`statejit.numpy`. This page is written by `docs/numpy_table.py`; a test says whether it is current.
*same* is up to dtypes: without `jax_enable_x64` JAX holds 64-bit numbers in 32 bits. {counts}

What holds for all functions:

- They take lists where NumPy does, `out=`, arguments in NumPy's order where JAX has another, and
  return mutable arrays; what is a view in NumPy is a view. Results are laid out in C's order,
  always: after an operation on a transposed array a `reshape` may be a view where NumPy copies.
- Errors are NumPy's. Inside transformed functions an integer index that only the device knows can
  not be checked: reads are clamped, writes out of bounds are dropped, as in JAX; on the GPU and the
  TPU that holds for eager code, too, as a check would have to wait for the device.
- A result whose shape depends on data can not be had inside of transformed functions.
- Ufuncs have `out`, `where`, `dtype`, `casting` and the methods `reduce`, `accumulate`, `reduceat`,
  `outer`, `at`.
- Dtypes are NumPy's, up to these: `sin` and its kin give `float32` for booleans and integers of 8
  bits, where NumPy has `float16`; `square`, powers and remainders of booleans are `int32`, where
  it has `int8`; `float16` with an integer of 16 bits or more stays `float16`; with
  `jax_enable_x64`, `float32` with integers stays `float32`, and integers of at most 32 bits become
  `float32` where they become floats (`i / 2`, `sin`), where NumPy has `float64`.
- `order`, `subok`, `like` and `kind` are taken, and change nothing.

"""

APPLIED = (
    "the function is traced once, with copies; in eager code called for each if it asks for values"
)

TRUTH = "an array without axes, as of `all`, in compiled functions and out of them; no `bool`"

HOW: dict[str, str] = {
    "allclose": TRUTH,
    "array_equal": TRUTH,
    "array_equiv": TRUTH,
    "array_repr": "shows the dtype, and JAX's name of it",
    "array_str": "as JAX prints",
    "asfortranarray": "where elements lie is JAX's business: `asarray`",
    "broadcast_arrays": "what is broadcast is read-only; NumPy warns when it is written",
    "diagonal": "read-only, also if somebody sets `flags.writeable`",
    "broadcast_to": "read-only, also if somebody sets `flags.writeable`",
    "eig": "always complex",
    "eigvals": "always complex",
    "roots": "always complex",
    "empty": "zeros",
    "empty_like": "zeros",
    "flatiter": "an object of ours with the same interface",
    "frompyfunc": "the function is traced; results are numbers, not objects",
    "load": "gives arrays of ours; pickles are refused",
    "ndarray": "the class of our arrays, `statejit.Array`",
    "printoptions": "NumPy's own, of NumPy's arrays",
    "real_if_close": "asks for the values: not inside of transformed functions",
    "put": "indices out of bounds raise if they are known",
    "require": "where elements lie is JAX's business",
    "take": "indices out of bounds raise if they are known; `mode='raise'` needs that",
    "ufunc": "JAX's class; functions of this namespace are functions with a ufunc's methods",
    "vectorize": APPLIED,
    "apply_along_axis": APPLIED,
    "piecewise": "functions are traced for one element; all of them are evaluated",
    "choose": "`mode='raise'` clips what only a trace knows",
    "lib": "`stride_tricks` alone, whose views are read-only",
    "lexsort": "keys are an array or a sequence of arrays",
    "unravel_index": "indices out of bounds raise if they are known",
    "ravel_multi_index": "`mode='raise'` clips what only a trace knows",
    "insert": "indices out of bounds are clamped",
}
"""What differs, where that can not be found out from signatures."""

WIDE = ("float64", "double", "int64", "uint64", "complex128", "cdouble", "int_", "float", "uint")


def names(module: ModuleType) -> list[str]:
    """Returns the public names of one of NumPy's modules."""
    found = {n for n in module.__all__ if not n.startswith("_")}
    return sorted(found, key=lambda n: (n.lower(), n))


def parameters(fun: Any) -> dict[str, Any]:
    """Returns the parameters of a function, or none if it does not tell."""
    try:
        return dict(inspect.signature(fun).parameters)
    except (TypeError, ValueError):
        return {}


def row(name: str, numpys: Any, ours: ModuleType, jaxs: ModuleType) -> tuple[str, str]:
    """Returns what becomes of a name, and how or why."""
    try:
        found = getattr(ours, name)
    except AttributeError as error:
        why = str(error).partition("Do:")[2].strip().rstrip(".").replace("|", "\\|")
        return MISSING, why
    notes = [HOW[name]] if HOW.get(name) else []
    if name in HOST and ours is snp:
        notes.append("done by NumPy on the host: not inside of transformed functions")
    elif name in NUMPYS and ours is snp:
        notes.append("NumPy's own")
    elif name in WIDE and ours is snp:
        notes.append("32 bits (complex: 64) unless `jax_enable_x64` is set")
    if inspect.isfunction(found) and not isinstance(numpys, np.ufunc):
        notes += of_parameters(name, numpys, found, getattr(jaxs, name, None))
    if name in VIEWING and ours is snp and not notes:
        return SAME, "a view where NumPy has one"
    return (DIFFERS, "; ".join(notes)) if notes else (SAME, "")


def of_parameters(name: str, numpys: Any, found: Any, jaxs: Any) -> Iterator[str]:
    """Says which parameters there are more, and which less."""
    theirs, own = parameters(numpys), parameters(found)
    if not theirs or any(p.kind is p.VAR_KEYWORD for p in own.values()):
        return
    for length in ("size", "length", "total_repeat_length"):
        if length in own and length not in theirs:
            yield f"inside of transformed functions `{length}=` is to be given"
    taken = {"out", "like", "casting", *Arguments(jaxs or found, numpys).known()}
    lacks = [
        p.name
        for p in theirs.values()
        if p.name not in own
        and p.name not in taken
        and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        and not any(q.kind is q.POSITIONAL_ONLY for q in own.values())
        and list(theirs).index(p.name) >= len(own)
    ]
    if lacks:
        yield "without " + ", ".join(f"`{n}`" for n in lacks)


def page() -> str:
    """Returns the page for the NumPy that is installed."""
    parts: list[str] = []
    counts = {SAME: 0, DIFFERS: 0, MISSING: 0}
    for title, module, ours, jaxs in MODULES:
        parts += [f"## {title}", "", "| name | | how, or what to do instead |"]
        parts += ["| --- | --- | --- |"]
        for name in names(module):
            word, how = row(name, getattr(module, name), ours, jaxs)
            counts[word] += 1
            parts.append(f"| `{name}` | {word} | {how} |")
        parts.append("")
    more = [n for n in snp.__all__ if not hasattr(np, n)]
    parts += ["## Beyond NumPy", "", ", ".join(f"`{n}`" for n in more) + ".", ""]
    version = ".".join(np.__version__.split(".")[:2])
    total = ", ".join(f"{n} {word}" for word, n in counts.items())
    head = INTRODUCTION.format(version=version, counts=f"Of its names are {total}.")
    return head + "\n".join(parts)


def rows(text: str) -> dict[tuple[str, str], str]:
    """Returns the rows of a page by section and name."""
    found: dict[tuple[str, str], str] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("| `"):
            found[section, line.split("`")[1]] = line
    return found


if __name__ == "__main__":
    (HERE / "numpy.md").write_text(page())
