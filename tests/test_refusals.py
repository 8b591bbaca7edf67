"""What can not be compiled is refused, with path and line, and nothing is changed."""

from __future__ import annotations

import inspect

import jax.numpy as jnp
import numpy as np
import pytest
from observing import Observer, difference, leave, tracers_in
from refused_programs import REFUSED, Entry

import statejit as sj
from statejit.errors import StatejitError


def marked_line(entry: Entry) -> str:
    """Returns `file:line` of the line that is marked in the source of a program."""
    lines, first = inspect.getsourcelines(entry.build)
    (offset,) = (i for i, text in enumerate(lines) if "# HERE" in text)
    return f"{inspect.getsourcefile(entry.build)}:{first + offset}"


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_path_and_line_and_nothing_changed(name: str) -> None:
    entry = REFUSED[name]
    case = entry.build(sj.jit)
    observer = Observer()
    before = observer.picture(case.roots)
    for _ in range(2):
        with pytest.raises(entry.error) as info:
            case.call()
        found = difference(before, observer.picture(case.roots))
        assert found is None, f"changed {found}"
        assert not tracers_in(case.roots)
    assert entry.path in str(info.value)
    if entry.line:
        assert marked_line(entry) in str(info.value)
    if isinstance(info.value, StatejitError):
        assert info.value.do, "the error must say what to do"


@pytest.mark.parametrize("name", REFUSED)
def test_after_a_refusal_the_next_call_does_what_eager_python_does(name: str) -> None:
    entry = REFUSED[name]
    pictures = []
    for transform in (leave, sj.jit):
        case = entry.build(transform)
        if transform is sj.jit:
            with pytest.raises(entry.error):
                case.call()
        observer = Observer()
        observed = case.works(), case.roots
        assert not tracers_in(observed)
        pictures.append(observer.picture(observed))
    found = difference(*pictures)
    assert found is None, str(found)


def test_what_is_caught_by_libraries_or_unwatched_is_let_alone() -> None:
    @sj.jit
    def step(x):
        with sj.unwatched():
            try:
                shown = f"{float(x)}"
            except TypeError:
                shown = "traced"
        return jnp.arange(3)[x.astype(int)], jnp.linspace(0.0, x, 3), np.float32(2) * x, shown

    index, line, product, shown = step(jnp.ones(()))
    assert (index, line[-1], product, shown) == (1, 1, 2, "traced")
