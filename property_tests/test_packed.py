"""Nobody can tell that small arrays lie together between calls, whatever is done with them."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import statejit as sj
import statejit.numpy as snp


class Unit(sj.Base):
    """Holds three small arrays, two of one type, and a flag."""

    def __init__(self, i: int) -> None:
        self.a = snp.full(2, i + 0.5, "float32")
        self.b = snp.array(i, "int32")
        self.c = snp.array([1.0, i], "float32")
        self.on = True


class Net(sj.Base):
    """Holds some units."""

    def __init__(self) -> None:
        self.units = [Unit(i) for i in range(3)]
        self.calls = 0


def step(net: Net, n: Any) -> Any:
    """Changes all arrays of units that are on, in place."""
    net.calls += 1
    for unit in net.units:
        if unit.on:
            unit.a *= 0.5
            unit.b += n
            unit.c[0] += unit.a[1] + n
    return net.units[0].a.sum()


def part(net: Net) -> None:
    """Changes some of them, and has another one replaced."""
    for unit in net.units[:2]:
        unit.a[0] -= 1
    net.units[2].c = net.units[2].c + net.units[0].a


ACTIONS = (
    *("step({n})", "step({n})", "step({n})", "part()", "plain({n})"),
    *("u.a[0] += {n}", "u.b += {n}", "u.a[...] = w.c", "u.c = w.a * {n}", "u.a = zeros()"),
    *("u.a = w.a", "u.c = u.a", "u.a, w.a = w.a, u.a", "u.on = not u.on", "net.spare = u.a"),
    *("units[{i}], units[{j}] = w, u", "units.append(units.pop(0))", "units[{i}] = w"),
    *("seen += [u.a.tolist(), int(w.b)]", "seen += [elsewhere(u.c)]", "seen += [failing()]"),
    *("kept += [u.a]", "kept += [u.c[:1]]", "kept += [u.a.value]", "kept += [u.b]"),
    *("kept += [u.a.copy()]", "kept += [np.array(w.c)]", "kept += [copy.copy(u)]"),
    *("net = copy.deepcopy(net)", "net = pickle.loads(pickle.dumps(net))"),
)
"""What is done between two calls; u and w are units {i} and {j}, {n} is a number."""


def zeros() -> sj.Array:
    """Returns an array as one of those that are packed."""
    return snp.zeros(2, "float32")


def elsewhere(array: sj.Array) -> Any:
    """Returns the content as another thread sees it."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(array.tolist()))
    thread.start()
    thread.join()
    return found


PACKED: dict[str, Any] = {
    "step": sj.jit(step, pack=True),
    "part": sj.jit(part, pack=True),
    "plain": sj.jit(step),
}
EAGER: dict[str, Any] = {"step": step, "part": part, "plain": step}


def outcome(drawn: list[Any], functions: dict[str, Any]) -> Any:
    """Does what was drawn, and returns all that is left; at last all that was kept is changed."""
    names: dict[str, Any] = {"net": Net(), "seen": [], "kept": [], "np": np}
    names |= {"copy": copy, "pickle": pickle, "zeros": zeros, "elsewhere": elsewhere}
    names["step"] = lambda n: names["seen"].append(float(functions["step"](names["net"], n)))
    names["part"] = lambda: functions["part"](names["net"])
    names["plain"] = lambda n: functions["plain"](names["net"], n)
    names["failing"] = lambda: failing(names["net"], functions["step"])
    for text, i, j, n in drawn:
        units = names["net"].units
        names |= {"units": units, "u": units[i], "w": units[j]}
        exec(text.format(i=i, j=j, n=n), names)
    found = [described(names["net"]), described(names["seen"]), described(names["kept"])]
    for value in names["kept"]:
        if isinstance(value, sj.Array):
            value += 100
    return [*found, described(names["net"]), described(names["kept"])]


def failing(net: Net, function: Any) -> str:
    """Returns the class of the error of a call that fails in its middle, and changes nothing."""
    try:
        function(copy.deepcopy(net) if function is step else net, "text")
    except Exception as error:
        return type(error).__name__
    if function is step:
        function(net, "text")  # no unit is on
    return "no error"


def described(value: Any) -> Any:
    """Returns plain values, with the dtypes of arrays."""
    match value:
        case list():
            return [described(v) for v in value]
        case sj.Base():
            return {name: described(v) for name, v in vars(value).items()}
        case sj.Array() | jax.Array() | np.ndarray():
            return str(value.dtype), np.asarray(value).tolist()
    return value


FEW = settings(max_examples=settings().max_examples // (5 if settings().derandomize else 1))
"""A fifth in the profile `ci`."""


@pytest.mark.filterwarnings("ignore:.*has been compiled 64 times")  # by new ways to share arrays
@FEW
@given(
    st.lists(
        st.tuples(
            st.sampled_from(ACTIONS), st.integers(0, 2), st.integers(0, 2), st.integers(1, 3)
        ),
        min_size=2,
        max_size=14,
    )
)
def test_packed_arrays_are_what_they_would_be_alone(drawn: list[Any]) -> None:
    assert outcome(drawn, PACKED) == outcome(drawn, EAGER)
