"""Hypothesis draws small programs, as Python source: models, methods, and what happens to them.

Numbers are small multiples of powers of two and operations few, so that results are the same to the
last bit however a program is compiled, and JAX has compiled every operation after a few programs.
"""

from __future__ import annotations

import collections
import copy
import dataclasses
import enum
import functools
import itertools
import linecache
import operator
import re
import types
import weakref
from collections.abc import Callable
from typing import Any

import beyond
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st

import statejit as sj

HEADER = """\
class Colour(enum.Enum):
    RED = 1
    BLUE = 2

def double(x):
    return x * 2

def halve(x):
    return x * 0.5

class Node(Base):
    k = 2.0
    label = "node"

    def __init__(self, w=1.0):
        self.w = jnp.full(2, w)
        self.v = jnp.full(2, 2.0)
        self.s = jnp.asarray(0.5, jnp.float32)
        self.r = jnp.zeros(2)
        self.n = 1
        self.t = 0.25
        self.f = True
        self.c = "c"
        self.e = Colour.RED
        self.h = None
        self.g = double
        self.xs = [jnp.ones(2), 2.0]
        self.ys = []
        self.d = {"a": jnp.zeros(2), "n": 1}
        self.q = collections.deque([1.0, jnp.ones(2)], maxlen=3)
        self.p = (jnp.full(2, 4.0), 1)
        self.m = Array(jnp.full(2, 8.0))
        self.z = jnp.full(2, 0.5)
        self.a = self.b = self
        self.o = None

    @property
    def prop(self):
        return self.w * self.t

    @prop.setter
    def prop(self, value):
        self.t = 0.5
        self.w = value
"""

# Holes: P a node, A an array or number, I an int, F a float, C a condition known to Python.
ARRAYS = (
    *("x", "x", "{P}.w", "{P}.w", "{P}.v", "{P}.s", "{P}.prop", "{P}.m", "{P}.p[0]", "{P}.t"),
    *("{A} + {A}", "{A} - {A}", "{A} * 0.5", "{A} * {P}.t", "{A} + {P}.n", "-{A}", "{P}.k * {A}"),
    *("jnp.where({A} > 0, {A}, 1.0)", "jnp.maximum({A}, {A})", "jnp.sum({A})", "{P}.g({A})"),
    *("({P}.w if {P}.h is None else {P}.h)", "{P}.d['a']", "({A} if {C} else {A})"),
    *("sum({P}.xs, {A})", "sum({P}.q)", "{A} + jnp.asarray({P}.z)", "getattr({P}, 'extra', {A})"),
    *("{A} + len({P}.xs)", "{P}.d.get('b', {A})", "{F}", "{I}"),
)
LINEAR = (
    *("x", "{P}.w", "{P}.v", "{P}.s", "{P}.prop", "{P}.p[0]", "{P}.d['a']", "{A} + {A}"),
    *("{A} - {A}", "{A} * 0.5", "{A} * {P}.t", "{A} * {P}.w", "jnp.sum({A})", "{P}.g({A})"),
    *("jnp.where({A} > 0, {A}, {A})", "sum({P}.xs, {A})", "({A} if {C} else {A})", "{P}.k * {A}"),
)
FLOATS = ("0.0", "0.5", "-1.0", "{P}.t", "{P}.t + 0.25", "{P}.t * 0.5", "{P}.k", "{I} * 0.5")
INTS = ("0", "1", "2", "{P}.n", "({P}.n + 1) % 5", "len({P}.xs)", "len({P}.d)", "len({P}.c)")
CONDITIONS = (
    *("{P}.f", "not {P}.f", "{P}.n > 1", "{P}.n % 2 == 0", "{P}.t < 0.5", "{P}.h is None"),
    *("{P}.c == 'c'", "{P}.e is Colour.RED", "{P}.a is {P}", "{P}.w is {P}.v", "{P}.xs is {P}.ys"),
    *("'b' in {P}.d", "hasattr({P}, 'extra')", "{P}.xs", "{P}.o is None", "{P}.g is double"),
    *("isinstance({P}.s, float)", "{I} == {I}", "{P}.m is {P}.w", "{P}.k > 1", "{C} and {C}"),
)
VALUES = ("{A}", "{A}", "{F}", "{I}", "None", "'text'", "({A}, {I})", "[{A}]", "{P}.xs", "{P}")

STATEMENTS = (
    *("x = {A}", "x = {A}", "{P}.w = {A}", "{P}.w = {A}", "{P}.v = {A}", "{P}.w = {P}.v"),
    *("{P}.w = {P}.v = {A}", "{P}.w, {P}.v = {P}.v, {P}.w", "{P}.w += {A}", "{P}.s = jnp.sum({A})"),
    *("{P}.n += 1", "{P}.n = {I}", "{P}.t = {F}", "{P}.t += 0.25", "{P}.f = not {P}.f"),
    *("{P}.c = ({P}.c + 'd')[-2:]", "{P}.e = Colour.BLUE", "{P}.h = {A}", "{P}.h = None"),
    *("{P}.g = halve", "{P}.g = lambda x: x - 1", "{P}.prop = {A}", "{P}.extra = {V}"),
    *("vars({P}).get('extra')", "{P}.label = 'own'", "{P}.k = {F}", "{P}.best = {P}.w"),
    *("{P}.xs.append({A})", "{P}.xs.reverse()", "{P}.xs[:1] = [{A}]", "{P}.xs = [{A}, {F}]"),
    *("{P}.ys = {P}.xs", "{P}.ys.append({V})", "{P}.xs += [{F}]", "{P}.ys.insert(0, {A})"),
    *("{P}.d['b'] = {A}", "{P}.d.pop('b', None)", "{P}.d['n'] = {P}.d['n'] + 1"),
    *("{P}.d['a'] = {A}", "{P}.d = {{**{P}.d, 'z': {V}}}", "{P}.d.update(b={A})"),
    *(
        "{P}.q.append({A})",
        "{P}.q.rotate(1)",
        "{P}.q.appendleft({F})",
        "{P}.p = ({A}, {P}.p[1] + 1)",
    ),
    *("{P}.m[0] = {F}", "{P}.m[:] = {A}", "{P}.m += 1.0", "{P}.m = {P}.m", "{P}.z[0] += 1.0"),
    *("{P}.z[:] = 0.25", "{P}.z = {P}.z", "{P}.a = {P}", "{P}.b = {P}", "{P}.o = {P}"),
    *("{P}.a, {P}.b = {P}.b, {P}.a", "{P}.o = Node({F})", "{P}.o = None", "{P}.a = Node()"),
)
ONLY_INSIDE = ("x = {P}.{M}(x)", "x = {P}.{M}({A})", "x = fast({P}, x)", "x = {M}({P}, x)")
DELETIONS = (
    "if hasattr({P}, 'extra'):\n    del {P}.extra",
    "if {P}.xs:\n    {P}.xs.pop()",
    "if {P}.o is not None:\n    x = {P}.o.w + x",
    "for v in list({P}.xs):\n    x = x + v",
    "for key in sorted({P}.d):\n    {P}.ys.append(key)",
    "{P}.ys = [v for v in {P}.xs]",
    "try:\n    x = {P}.d['b'] + x\nexcept KeyError:\n    {P}.n += 1",
    "try:\n    {P}.w = {A}\n    raise KeyError\nexcept KeyError:\n    {P}.v = {A}",
)
SEEN = ("self.r = self.r + (1.0 if {C} else 2.0)", "self.r = jnp.where({A} > 1, 1.0, self.r)")
SEEN_OUTSIDE = tuple(f"self.r = self.r + ({read})" for read in beyond.READS)
"""What makes sure that what is read can be seen afterwards: read first, and kept where nothing writes."""
RESULTS = (
    *("x", "{A}", "self", "{P}", "{P}.n, {P}.t, {P}.c", "{P}.xs", "{P}.d", "{P}.w is {P}.v"),
    *("{P}.h", "{P}.w, {P}.w", "None", "[{V}, {V}]", "{P}.g", "{P}.m", "{P}.q, {P}.e"),
    *("Node({F})", "{{'a': {V}}}", "f'{{{P}.n}}'", "type({P}.h) is type(None)", "{P}.z"),
)
BETWEEN = (
    "{P}.z[0] = 3.0",
    "{P}.xs.clear()",
    "Node.k = {F}",
    "{P}.w = jnp.ones((2, 1))",
    "{P}.w = jnp.zeros(2, jnp.int32)",
    "{P}.w = np.ones(2, np.float32)",
    "{P}.n = True",
    "{P}.n = 2.0",
    "{P}.t = 1",
    "{P}.m = Array(jnp.zeros(2))",
    "{P}.s = 2.0",
)
TURNS = {
    "f": ("{P}.f = not {P}.f",),
    "n": ("{P}.n += 1", "{P}.n = True", "{P}.n = float({P}.n)"),
    "t": ("{P}.t += 0.25", "{P}.t = int({P}.t)"),
    "k": ("{P}.k = 4.0", "Node.k = 0.5"),
    "c": ("{P}.c = 'c' if {P}.c == 'b' else 'b'",),
    "e": ("{P}.e = Colour.RED if {P}.e is Colour.BLUE else Colour.BLUE",),
    "h": ("{P}.h = x if {P}.h is None else None",),
    "g": ("{P}.g = double if {P}.g is halve else halve",),
    "o": ("{P}.o = {P} if {P}.o is None else None",),
    "extra": ("vars({P}).pop('extra', None)", "{P}.extra = x", "{P}.extra = 2.0"),
    "w": ("{P}.w = {P}.v", "{P}.w = {P}.w[:1]", "{P}.w = {P}.w + 1"),
    "v": ("{P}.v = {P}.w", "{P}.v = {P}.v.astype(int)"),
    "a": ("{P}.a = {P}", "{P}.a = n2"),
    "b": ("{P}.b = {P}", "{P}.b = n0"),
    "xs": ("{P}.xs.append({P}.w)", "{P}.xs.clear()", "{P}.xs.reverse()", "{P}.xs = list({P}.xs)"),
    "d": ("{P}.d['b'] = {P}.w", "{P}.d.pop('b', None)", "{P}.d['n'] += 1"),
    "q": ("{P}.q.rotate(1)", "{P}.q.append(2.0)"),
    "m": ("{P}.m[0] += 1.0", "{P}.m = Array(jnp.ones(2))", "{P}.m = {P}.w"),
    "z": ("{P}.z[0] += 1.0", "{P}.z = {P}.z.copy()"),
    "prop": ("{P}.t += 0.25",),
}
"""What turns the value of an attribute over, so that a guard or an input must notice."""
ARGUMENTS = (
    "jnp.ones(2)",
    "jnp.asarray(2.0)",
    "0.5",
    "2",
    "np.ones(2, np.float32)",
    "{P}.w",
    "{P}.m",
)


class Source(str):
    """Is the source of a program; a failing test prints what is particular to it."""

    __slots__ = ()

    def __repr__(self) -> str:
        whole = self.removeprefix(HEADER).removeprefix(_with_outside(HEADER))
        return "\n" + whole.replace(beyond.HEADER, "")


@dataclasses.dataclass
class Writer:
    """Fills the holes of templates from drawn numbers.

    Args:
        draw: of hypothesis.
        node: expressions of a node.
        methods: methods that may be called.
        arrays: templates of array expressions, if not all.
        statements: templates of statements.
    """

    draw: Callable[[Any], Any]
    node: tuple[str, ...]
    methods: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()
    statements: tuple[str, ...] = STATEMENTS

    def pick(self, options: tuple[str, ...]) -> str:
        return self.draw(st.sampled_from(options))

    def fill(self, template: str, depth: int = 2) -> str:
        holes = {"P": self.node, "M": self.methods, "A": self.arrays or ARRAYS}
        holes |= {"F": FLOATS, "I": INTS, "C": CONDITIONS, "V": VALUES}
        text, rest = "", template
        while "{" in rest or "}" in rest:
            before, brace, rest = _split(rest)
            text += before
            if brace in ("{{", "}}"):
                text += brace[0]
                continue
            name, rest = rest.split("}", 1)
            if name == "P":
                text += self.pick(self.node)
            elif name == "M":
                text += self.pick(self.methods)
            elif depth == 0:
                text += {"A": "x", "F": "0.5", "I": "1", "C": "True", "V": "x"}[name]
            else:
                inner = self.fill(self.pick(holes[name]), depth - 1)
                text += f"({inner})" if name in "AFI" and " " in inner else inner
        return text + rest

    def block(self, depth: int, most: int, nested: bool = True) -> list[str]:
        """Draws statements, indented by nothing."""
        lines: list[str] = []
        for _ in range(self.draw(st.integers(1, most))):
            kind = self.draw(st.integers(0, 11)) if nested else 0
            if kind == 11 and depth:
                lines.append(f"if {self.fill('{C}', 1)}:")
                lines += indented(self.block(depth - 1, 2))
                lines.append("else:")
                lines += indented(self.block(depth - 1, 2))
            elif kind == 10 and depth:
                lines.append(f"for i in range({self.fill('{I}', 1)}):")
                lines += indented(self.block(depth - 1, 2))
            elif kind == 9:
                whole = self.pick(DELETIONS).replace("{P}", self.pick(self.node))
                lines += self.fill(whole).split("\n")
            elif kind >= 7 and self.methods:
                lines.append(self.fill(self.pick(ONLY_INSIDE[:2])))
            else:
                lines.append(self.fill(self.pick(self.statements)))
        return lines


def _split(text: str) -> tuple[str, str, str]:
    """Splits at the first brace, which may be doubled."""
    at = min(i for i in (text.find("{"), text.find("}")) if i >= 0)
    width = 2 if text[at : at + 2] in ("{{", "}}") else 1
    return text[:at], text[at : at + width], text[at + width :]


def indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def turns(draw: Any, source: list[str], reached: bool = False) -> list[str]:
    """Draws changes of what the methods mention: of attributes, or of what is outside of them."""
    of_outside = reached and draw(st.integers(0, 3)) > 0
    table = beyond.TURNS if of_outside else TURNS
    methods = "\n".join(line for line in source[1:] if line != beyond.HEADER)
    words = re.findall(r"\w+" if of_outside else r"\.(\w+)|'(extra)'", methods)
    mentioned = {word if of_outside else word[0] or word[1] for word in words}
    names = sorted(mentioned & set(table)) or ["f"]
    writer = Writer(draw, ("n0", "n0", "n1", "n2"))
    chosen = [draw(st.sampled_from(names)) for _ in range(draw(st.integers(1, 3)))]
    return [writer.fill(writer.pick(table.get(name, TURNS["f"])), 1) for name in chosen]


NODES = ("self", "self", "self", "self.a", "self.b", "self.a.b")
WIRING = (
    *("{P}.a = {P}", "{P}.b = {P}", "{P}.v = {P}.w", "{P}.ys = {P}.xs", "{P}.m = {P}.m"),
    *(
        "{P}.xs.append({P})",
        "{P}.d['b'] = {P}.xs[0]",
        "{P}.z = {P}.z",
        "{P}.o = {P}",
        "{P}.w = {P}.m",
    ),
)
CALLS = ("step({P}, {X})", "step({P}, {X})", "bound[{I}]({X})", "closed({X})", "mid({P}, {X})")


@st.composite
def programs(draw: Any, reached: bool = False) -> str:
    """Draws the source of a program; its `script(jit, Base, Array)` yields what is compared.

    Args:
        draw: of hypothesis.
        reached: whether it reaches for what is outside of attributes.
    """
    source = [_with_outside(HEADER) if reached else HEADER]
    inside = Writer(draw, NODES)
    if reached:
        inside.arrays = (*ARRAYS, *beyond.READS)
        refused = beyond.REFUSED if draw(st.integers(0, 3)) == 0 else ()
        inside.statements = (*STATEMENTS, *beyond.WRITES, *beyond.WRITES, *refused)
    known: tuple[str, ...] = ()
    for name in ("low", "mid", "step"):
        inside.methods = known
        nested = "low" in known and draw(st.integers(0, 3)) == 0
        body = inside.block(2, 3 if name == "low" else 5)
        if nested:
            body.insert(0, inside.fill("x = fast({P}, x)"))
        if name == "step" and (reached or draw(st.booleans())):
            body.insert(0, inside.fill(inside.pick(SEEN_OUTSIDE if reached else SEEN)))
        body.append(f"return {inside.fill(inside.pick(RESULTS if name == 'step' else ('{A}',)))}")
        source += indented([f"def {name}(self, x):", *indented(body), ""])
        known = (*known, name)
    source += [beyond.HEADER] if reached else []
    source += ["def script():", *indented(_script(draw, source, reached))]
    return Source("\n".join(source))


def _with_outside(header: str) -> str:
    return header.replace("class Node(Base):", f"{beyond.ROOT}\nclass Node(Root):") + beyond.METHODS


def _script(draw: Any, source: list[str], reached: bool) -> list[str]:
    """Draws the calls, and what changes between them."""
    outside = Writer(draw, ("n0", "n1", "n2", "n0.a", "n1.b"))
    lines = ["n0, n1, n2 = Node(1.0), Node(2.0), Node(4.0)", "x = jnp.ones(2)"]
    # Not in `Node`: of one made inside JAX keeps what it last held, without a copy (docs/limits.md).
    lines += ["for node in (n0, n1, n2):", "    node.z = np.full(2, 0.5, np.float32)"]
    lines += ["n0.a, n0.b, n1.a, n1.b = n1, n2, n2, n0"]
    lines += [outside.fill(outside.pick(WIRING)) for _ in range(draw(st.integers(0, 4)))]
    lines += ["step, mid = jit(Node.step), jit(Node.mid)"]
    lines += ["bound = [jit(n0.step), jit(n1.step)]", "closed = jit(lambda x: n0.step(x))"]
    again = (
        "step(n0, x)" if reached or draw(st.integers(0, 2)) else ""
    )  # the same, after small changes
    roots = f"lambda: (n0, n1, n2{', outside()' if reached else ''})"
    for _ in range(draw(st.integers(2, 4))):
        argument = outside.fill(outside.pick(ARGUMENTS))
        call = outside.pick(CALLS).replace("{X}", argument)
        call = call.replace("{I}", str(draw(st.integers(0, 1))))
        lines.append(f"yield (lambda: {again or outside.fill(call)}), {roots}")
        if again:
            changes = turns(draw, source, reached)
        else:
            changes = outside.block(0, 2) if draw(st.booleans()) else []
            if draw(st.integers(0, 2)) == 0:
                changes.append(outside.fill(outside.pick(BETWEEN)))
        if changes:
            lines += ["try:", *indented(changes), "except Exception:", "    pass"]
    return lines


@st.composite
def losses(draw: Any) -> str:
    """Draws the source of a model with a scalar loss, smooth enough to be differentiated."""
    source = [HEADER]
    inside = Writer(draw, ("self", "self", "self.a", "self.b"), arrays=LINEAR)
    known: tuple[str, ...] = ()
    for name in ("low", "loss"):
        inside.methods = known
        body = inside.block(1, 4)
        body.append(f"return jnp.sum({inside.fill('{A}', 3)})")
        source += indented([f"def {name}(self, x):", *indented(body), ""])
        known = (name,)
    outside = Writer(draw, ("n0", "n1"))
    lines = ["n0, n1 = Node(1.0), Node(2.0)", "n0.a, n0.b = n1, n1"]
    lines += [outside.fill(outside.pick(WIRING)) for _ in range(draw(st.integers(0, 2)))]
    source += ["def build():", *indented([*lines, "return n0, n1"])]
    return Source("\n".join(source))


_numbers = itertools.count()


def module(source: str, jit: Callable[..., Any], **names: Any) -> dict[str, Any]:
    """Executes the source of a program, and returns its names."""
    filename = f"<drawn {next(_numbers)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    known = {"jnp": jnp, "np": np, "enum": enum, "collections": collections, "jit": jit}
    known |= {"copy": copy, "functools": functools, "operator": operator, "types": types}
    known |= {"weakref": weakref, "Base": sj.Base, "Array": sj.Array, "__name__": "drawn", **names}
    exec(compile(source, filename, "exec"), known)
    known["fast"] = jit(known["Node"].low)
    return known


def forget() -> None:
    """Drops the sources and plans of programs that have run."""
    for name in [name for name in linecache.cache if name.startswith("<drawn ")]:
        del linecache.cache[name]
    sj.clear_cache()
