"""Drawn programs over arrays do with `statejit.numpy` what they do with NumPy, eagerly and in jit."""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import statejit as sj
import statejit.numpy as snp

# Holes: V a name, I an index, S a number, X something to assign; F and R are those of `a.flat`.
INDICES = (
    *("0", "-1", "1", "2", "5", ":", "1:", ":2", "::2", "::-1", "-2::-1", "1:1", "...", "None"),
    *("..., 0", ":, 1", "0, 1:", "1, 2", "::-1, ::2", "None, 0", "..., None", "0, ..., 1"),
    *("[0, 2]", "[1, 1, 0]", "[[0], [1]]", "[0, 1], [1, 1]", "[]", ":, [0, 2]", "[2, 0], 1:"),
    *("{V} > 1", "m", "~m", "k", "True", "np.array([1, 0])", "{V} == 2", "m[0]", "slice(0, 2)"),
)
UNSAFE = ("True", "m[0]", "[0, 2]", "k")
"""NumPy's `flat` gives up the first two, and stops half-way at the others, if they don't fit."""
FLAT = tuple(index for index in INDICES if index not in UNSAFE)
SCALARS = ("0", "2", "-3", "1.5", "True", "0.5", "4", "np.float32(2)", "np.int32(3)")
ASSIGNED = (
    *("{S}", "{S}", "{V}", "{V}[{I}]", "[1, 2]", "[1, 2, 3, 4]", "[[1], [2], [3]]", "{V} + {S}"),
    *("{V}.T", "{V}[::-1]", "xp.ones(4)", "xp.arange(3)", "np.full((3, 4), 2.0)"),
)
ROWS = tuple(f"xp.array({new})" for new in ASSIGNED)
"""Copies: NumPy's `flat` reads elements that it has written, its `copyto` knows the same memory."""
STATEMENTS = (
    *("v = C(t := {V}, t[{I}])", "w = C(t := {V}, t[{I}])", "v = {V}", "w = {V}.T"),
    *("v = C(t := {V}, t[{I}])", "w = C(v, v[{I}])", "v = {V}.reshape(4, 3)"),
    *("w = {V}.reshape(2, 2, 3)", "v = {V}.reshape(-1)"),
    *("{V}[{I}] = {X}", "{V}[{I}] = {X}", "{V}[{I}] += {S}", "{V}[{I}] -= {X}", "{V}[{I}] *= 2"),
    *("{V} += {X}", "{V} -= {S}", "{V} *= {S}", "{V} /= 2", "{V} //= 2", "{V} **= 2", "{V} %= 3"),
    *("{V} &= 3", "{V} |= {V}", "{V} ^= 1", "{V} <<= 1", "{V} @= {V}"),
    *("v = {V}.ravel()", "w = {V}.ravel('F')", "v = {V}.swapaxes(0, 1)", "w = {V}.squeeze()"),
    *("v = {V}.flatten()", "w = C({V}.copy())", "v = C({V} + {X})", "w = C({V} * {S})"),
    *("v = C({V}.sum(0))", "v = {V}.max()", "w = C({V}.mean(-1))", "v = C(-{V})"),
    *("w = C(abs({V}))", "v = C({V} > {S})"),
    *("v = xp.expand_dims({V}, 0)", "w = xp.moveaxis({V}, 0, -1)", "v = xp.flip({V})"),
    *("v, w = xp.split({V}, 2, -1)", "v = xp.atleast_2d({V})", "w = xp.rot90({V})"),
    *("v = C(xp.where({V} > 0, {V}, {S}))", "w = C(xp.concatenate([{V}, {V}]))"),
    *("v = C(xp.sort({V}))", "v = {V}.diagonal()", "w = xp.broadcast_to({V}, (3, 3, 4))"),
    *("v = {V}.flat[{F}]", "{V}.flat[{F}] = {R}", "{V}.flat = {R}", "{V}[...].fill({S})"),
    *("{V}.sort()", "{V}.sort(0)", "{V}[...].put([0, -1], {X})", "{V}.shape = (-1,)"),
    *("{V}.shape = (4, 3)", "{V}.real = {S}", "xp.copyto({V}, {R})"),
    *("xp.putmask({V}, {V} > 1, [7, 8])", "xp.fill_diagonal({V}, {S})"),
    *("xp.place({V}, {V} < 1, [5, 6])", "xp.put({V}[...], [1, 1], [2, 3])", "v = xp.diag({V})"),
    *("xp.add({V}, {X}, out={V})", "xp.multiply({V}, {S}, out={V}[{I}])"),
    *("add_at(xp, {V}, np.s_[{I}], 1)", "xp.add({V}, 1, out={V}, where={V} > 0)"),
    *("v = C(xp.add.reduce({V}))", "w = C(xp.take({V}, [0, 2]))", "v = C(np.negative({V}))"),
    *("np.add({V}, {S}, out={V})", "w = C(np.concatenate([{V}, {V}]))", "v = np.transpose({V})"),
    *("w = np.reshape({V}, -1)", "np.copyto({V}, {R})", "v = C(np.sum({V}))"),
    *("{V}.flags.writeable = False", "v = C({V}.astype(int))", "w = {V}.view()", "v = {V}[...]"),
    *("s.a = {V}", "s.b = C(t := {V}, t[{I}])", "a = s.a", "b = s.b", "v = {V} if v is {V} else w"),
    *("a, b = b, a", "v = [r for r in {V}][0]", "for r in {V}: r += 1", "v = C(xp.array({V}))"),
    *("v = xp.asarray({V})", "w = C(xp.cumsum({V}, -1))", "v = C({V}.clip(0, 2))", "w = {V}.any()"),
    *("v = C({V}.astype(bool))", "del v", "x = {V}.item()", "x = len({V})", "x = {V}.tolist()"),
)
NAMES = ("a", "b", "v", "w", "m", "k")
POOLS = {"V": NAMES[:4] * 3 + NAMES[4:], "I": INDICES, "S": SCALARS, "X": ASSIGNED}
POOLS |= {"F": FLAT, "R": ROWS}


@st.composite
def programs(draw: Any) -> list[str]:
    """Draws the statements of a program."""

    def filled(template: str, depth: int = 0) -> str:
        parts: list[str] = []
        rest = template
        while "{" in rest:
            before, _, rest = rest.partition("{")
            hole, _, rest = rest.partition("}")
            pool = POOLS[hole]
            chosen = draw(st.sampled_from(pool if depth < 2 else pool[:4]))
            parts += [before, filled(chosen, depth + 1)]
        return "".join(parts) + rest

    count = draw(st.integers(1, 7))
    return [filled(draw(st.sampled_from(STATEMENTS))) for _ in range(count)]


def compiled(statements: list[str]) -> Callable[..., Any]:
    """Returns the program as a function; errors are caught one by one, and named."""
    lines = ["def program(xp, np, s):", "    a, b, m, k, v, w = s.a, s.b, s.m, s.k, s.v, s.w"]
    lines += ["    x = None"]
    lines += ["    errors = []"]
    for statement in statements:
        lines += ["    try:", f"        {statement}"]
        lines += ["    except Exception as error:", "        errors.append(kind(error))"]
    lines += ["    try: v", "    except NameError: v = None"]
    lines += ["    s.v, s.w = v, w", "    s.errors = errors", "    return a, b, v, w, x"]
    source = "\n".join(lines)
    name = f"<program {hash(source)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    space: dict[str, Any] = {"kind": kind, "C": in_c_order, "add_at": add_at}
    exec(compile(source, name, "exec"), space)
    return space["program"]


def add_at(xp: Any, array: Any, index: Any, other: Any) -> None:
    """Does `xp.add.at(array, index, other)`; NumPy forgets to ask whether the array is read-only.

    Args:
        xp: the namespace.
        array: what is added to.
        index: where.
        other: what is added.
    """
    if xp is np and isinstance(array, np.ndarray) and not array.flags.writeable:
        raise ValueError("read-only")
    xp.add.at(array, index, other)


def in_c_order(first: Any, *rest: Any) -> Any:
    """Returns a result; if NumPy has laid a new array out in another order, a copy in C's.

    Args:
        first: the result, or an array of which the result may be a view.
        rest: the result, then.
    """
    found = rest[0] if rest else first
    if type(found) is not np.ndarray or found.flags.c_contiguous:
        return found
    if rest and np.shares_memory(first, found):
        return found
    return np.ascontiguousarray(found)


REFUSALS = (sj.errors.StatejitError, jax.errors.JAXTypeError, jax.errors.JAXIndexError)


class Refused(Exception):
    """Says that a transformation does not take a statement, and why."""


def kind(error: BaseException) -> str:
    """Returns which of Python's errors an error is; refusals end the program."""
    if isinstance(error, REFUSALS):
        raise Refused(str(error)) from error
    builtin = (OverflowError, IndexError, ValueError, TypeError, AttributeError, NameError)
    return next((c.__name__ for c in builtin if isinstance(error, c)), repr(error))


VIEWS: tuple[Callable[[Any], Any], ...] = (
    *(lambda a: a, lambda a: a.T, lambda a: a[1], lambda a: a[:, ::2], lambda a: a.reshape(-1)),
    *(lambda a: a[::-1], lambda a: a.T[1:], lambda a: a[..., None], lambda a: a[1:, :2].T),
)


class State(sj.Base):
    """Holds the arrays of a program, and views of them that were made outside.

    Args:
        xp: the namespace that makes arrays.
        share: which views.
    """

    def __init__(self, xp: Any, share: int) -> None:
        self.a = xp.array(np.arange(12, dtype=np.float32).reshape(3, 4) - 4)
        self.b = xp.array(np.array([3, 1, 2, 0], np.int32))
        self.m = xp.array(np.array([True, False, True]))
        self.k = xp.array(np.array([2, 0], np.int32))
        self.v = VIEWS[share](self.a)
        self.w = self.b[1:3] if share % 2 else self.b


NARROW = {"float64": "float32", "int64": "int32", "complex128": "complex64", "uint64": "uint32"}


def described(value: Any) -> Any:
    """Returns what is to be equal of a value: shape, dtype and content."""
    if isinstance(value, (np.ndarray, np.generic, sj.Array, jax.Array)):
        dtype = str(value.dtype)
        content = np.asarray(value)
        return NARROW.get(dtype, dtype), content.shape, str(rounded(content).tolist())
    if isinstance(value, (float, list)):  # of `item` and `tolist`
        return type(value), np.asarray(value).dtype.kind, str(rounded(value).tolist())
    return repr(value)


def rounded(content: Any) -> Any:
    """Returns numbers to three digits: JAX has fewer of them, and other zeros that are negative."""
    return np.round(np.asarray(content).astype(float), 3) + 0.0


def shared(values: list[Any], xp: Any) -> list[bool]:
    """Returns for each pair whether a write to one is seen in the other."""
    arrays = [
        v
        if isinstance(v, np.ndarray) or (isinstance(v, sj.Array) and v.mark() != "scalar")
        else None
        for v in values
    ]
    return [
        p is not None and q is not None and bool(xp.shares_memory(p, q))
        for i, p in enumerate(arrays)
        for q in arrays[:i]
    ]


def outcome(run: Callable[..., Any], xp: Any, share: int) -> Any:
    """Runs a program, and returns what can be seen afterwards."""
    state = State(xp, share)
    before = [described(v) for v in vars(state).values()]
    try:
        with np.errstate(all="ignore"):
            result = run(state)
    except Refused as refusal:
        assert [described(v) for v in vars(state).values()] == before, "a refusal changes nothing"
        return refusal
    seen = [*result, state.a, state.b, state.m, state.k]
    return state.errors, [described(v) for v in seen], shared(seen, xp)


OLD = pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")  # from NumPy 2.5 on
FEW = settings(max_examples=settings().max_examples // (2 if settings().derandomize else 1))
"""Half as many in the profile `ci`: most of the time goes into XLA's compiler."""


@OLD
@FEW
@given(programs(), st.integers(0, len(VIEWS) - 1))
def test_programs_on_arrays_do_what_they_do_in_numpy(statements: list[str], share: int) -> None:
    program = compiled(statements)
    expected = outcome(lambda s: program(np, np, s), np, share)
    found = outcome(lambda s: program(snp, np, s), snp, share)
    assert found == expected, "eager"


@OLD
@FEW
@given(programs(), st.integers(0, len(VIEWS) - 1))
def test_compiled_programs_on_arrays_do_what_they_do_in_numpy(
    statements: list[str], share: int
) -> None:
    program = compiled(statements)
    expected = outcome(lambda s: program(np, np, s), np, share)
    known = not any(re.search(r"\bk\b", statement) for statement in statements)
    assume(known or "IndexError" not in expected[0])  # what only a trace knows is not checked
    found = outcome(sj.jit(lambda s: program(snp, np, s)), snp, share)
    assert isinstance(found, Refused) or found == expected, "jit"
