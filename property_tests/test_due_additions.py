"""Nobody can tell that `x[i] += n` adds where it writes, whoever looks at what, when, and how."""

from __future__ import annotations

import copy
import operator
import pickle
import threading
from typing import Any

import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import statejit as sj
import statejit.numpy as snp

WRITES = (
    *("x[{i}] += {n}", "x[{i}] -= {n}", "x[{i}] *= {n}", "w[{i}] += {n}", "x[{i}] += x[1]"),
    *("k[{i}] += {n}", "k[{i}] -= {n}", "k[{i}] *= {n}", "k[{i}] += {n}"),
    *("y = k.kept", "z = k.kept", "y = k.kept", "y += {n}", "z *= {n}", "y, z = z, y", "z = y"),
    *(
        "x[{i}] = y",
        "x[{i}] = z",
        "v[0] = y",
        "v[{i} % 2] += {n}",
        "x[:2] = z",
        "o[{i}] = y",
        "o[{i}] += {n}",
        "w[{i}] = z",
    ),
    *(
        "y = x[{i}]",
        "z = operator.iadd(y, {n})",
        "z = y.__iadd__({n}) if own else y + {n}",
        "y = x[{i}]; y -= {n}",
    ),
    *("x += y", "x *= {n}", "x.sort()", "x[m] = y", "x[m] += {n}", "x[{i}] = x[2] = y"),
    *("L.append(y)", "L[{i}] = z", "L[{i}] += {n}", "d['y'] = y", "d['y'] += {n}", "z = L[{i}]"),
    *("s.y = y", "s.y += {n}", "s.x = x", "y = s.y", "s.kept += {n}", "s.kept *= {n}"),
)
"""Statements that write, or hand on what was written: {i} an index, {n} a number."""

LOOKS = (
    *(
        "seen += [float(y), float(z)]",
        "seen += [y.item(), x.tolist()]",
        "seen += [y.dtype, y.shape]",
    ),
    *("seen += [bool(y == z)]", "kept += [raw(x)]", "kept += [raw(y)]", "kept += [host(x)]"),
    *("y = copy.copy(y)", "L = copy.deepcopy(L)", "y = pickle.loads(pickle.dumps(y))"),
    *("x = copy.deepcopy(x)", "z = passed(z)", "step(s)", "seen += [total(y, z)]", "step(s)"),
    *("seen += [elsewhere(y)]", "seen += [f'{{y:.1f}}']", "seen += [frozen(lambda: y * 1)]"),
    *(
        "seen += [grad(y)]",
        "y = max(y, z)",
        "seen += [int(y)]",
        "y = -(-y)",
        "x = xp.stack([y, z, y])",
    ),
    "seen += [failing(y)]",
)
"""Statements by which something is seen, or copied."""


class Keeper:
    """Gives an element as an array does to `x[i] += n`, and keeps what is put back."""

    def __init__(self, array: Any) -> None:
        self.array, self.kept = array, array[0]

    __getitem__ = property(lambda self: self.array.__getitem__)  # no frame comes between

    def __setitem__(self, index: int, new: Any) -> None:
        self.kept = new


class State(sj.Base):
    """Holds an array and a scalar; one property gives a new scalar each time."""

    def __init__(self, x: Any) -> None:
        self.x, self.y = x, x[1]

    @property
    def kept(self) -> Any:
        """An element, which an in-place operator sees before anybody else."""
        return self.x[2]

    @kept.setter
    def kept(self, new: Any) -> None:
        self.y = new


def stepped(s: Any) -> None:
    """Changes array and scalar."""
    s.x[1] += s.y
    s.y = s.x[0] * 1


def elsewhere(run: Any) -> Any:
    """Returns what another thread makes of a value."""
    found: list[float] = []
    threads = [threading.Thread(target=lambda: found.append(float(run))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def failing(value: Any) -> str:
    """Returns what is left of a value by a statement that fails in its middle."""
    try:
        Keeper(np.zeros(1))["no index"] += value
    except IndexError:
        return f"{float(value)}"
    return "no error"


GRADIENT = sj.grad(lambda y: y * y * 0.5)

JITTED: dict[str, Any] = {
    "step": sj.jit(stepped),
    "total": sj.jit(lambda y, z: y * 2 + z),
    "passed": sj.jit(lambda z: z * 1),
    "frozen": lambda fun: jax.jit(lambda: getattr(fun(), "value", fun()))(),
    "grad": lambda y: float(GRADIENT(y.astype("float32"))),
    "raw": lambda array: array.value,
    "host": np.asarray,
    "xp": snp,
}
PLAIN: dict[str, Any] = {
    "step": stepped,
    "total": lambda y, z: y * 2 + z,
    "passed": lambda z: z * 1,
    "frozen": lambda fun: fun(),
    "grad": float,
    "raw": lambda array: array.copy(),
    "host": np.array,
    "xp": np,
}


def outcome(program: Any, space: dict[str, Any], dtype: str) -> Any:
    """Runs a program, and returns all that it has left and seen."""
    x = space["xp"].array(np.array([1, 2, 3], dtype))
    names = {**space, **vars(), "w": x, "v": x[1:], "k": Keeper(x), "s": State(x), "y": x[0]}
    names |= {"z": x[1], "L": [x[0], x[1], x[2]], "d": {"y": x[0]}, "seen": [], "kept": []}
    names |= {"m": np.array([True, False, True]), "np": np, "copy": copy, "pickle": pickle}
    names |= {"operator": operator, "elsewhere": elsewhere, "failing": failing}
    names |= {"own": space is JITTED, "o": space["xp"].zeros(3, "int16")}
    exec(program, names)
    seen = [names[name] for name in ("x", "o", "w", "v", "y", "z", "L", "d", "seen", "kept")]
    return described([*seen, names["s"].x, names["s"].y, names["k"].kept])


def described(value: Any) -> Any:
    """Returns plain values, with the dtypes of arrays."""
    if isinstance(value, (list, tuple)):
        return [described(v) for v in value]
    if isinstance(value, dict):
        return {key: described(v) for key, v in value.items()}
    if isinstance(value, (np.ndarray, np.generic, jax.Array, sj.Array)):
        return str(value.dtype), np.asarray(value).tolist()
    return value


FEW = settings(max_examples=settings().max_examples // (5 if settings().derandomize else 1))
"""A fifth in the profile `ci`."""


@FEW
@given(
    st.lists(
        st.tuples(st.sampled_from(WRITES * 2 + LOOKS), st.integers(0, 2), st.integers(1, 3)),
        min_size=2,
        max_size=12,
    ),
    st.sampled_from(("float32", "int32")),
)
def test_what_is_due_can_not_be_told_from_what_is_done(drawn: list[Any], dtype: str) -> None:
    lines = "\n".join(text.format(i=i, n=n) for text, i, n in drawn)
    program = compile(lines, "<program>", "exec")
    with np.errstate(all="ignore"):
        expected = outcome(program, PLAIN, dtype)
    assert outcome(program, JITTED, dtype) == expected
