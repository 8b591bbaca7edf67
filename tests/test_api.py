"""The public names: complete, sorted, documented, and with the signatures that JAX has."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import types
from typing import Any

import jax
import pytest

import statejit as sj

MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(sj.__path__, "statejit.")
    if not any(part.startswith("_") for part in name.split("."))
]


def public(module: Any) -> set[str]:
    """Returns the names without underscore that a module defines or imports, modules aside."""
    kept = {"debug", "numpy", "random", "math", "errors", "typing"}
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (not isinstance(value, types.ModuleType) or name in kept)
        and name != "annotations"
    }


def test_all_is_sorted_and_complete() -> None:
    assert sj.__all__ == sorted(sj.__all__)
    submodules = {name.split(".")[1] for name in MODULES}
    missing = public(sj) - set(sj.__all__) - submodules
    assert not missing
    assert all(hasattr(sj, name) for name in sj.__all__)


@pytest.mark.parametrize("name", ["_core", "array", "collecting", "random", "transforms"])
def test_packages_tell_their_modules_from_the_ground_up(name: str) -> None:
    package = importlib.import_module(f"statejit.{name}")
    modules = {module for _, module, _ in pkgutil.iter_modules(package.__path__)}
    _, told = (package.__doc__ or "").split("From the ground up")
    order = [word for word in re.findall("`([a-z_]+)`", told) if word in modules]
    order = list(dict.fromkeys(order))
    assert set(order) == modules
    for at, module in enumerate(order):
        source = inspect.getsource(importlib.import_module(f"statejit.{name}.{module}"))
        imported = re.findall(r"^from \.(\w+) import|^from \. import (.*)", source, re.MULTILINE)
        used = {word for pair in imported for word in re.findall(r"\w+", " ".join(pair))} & modules
        assert used <= set(order[:at]), module


@pytest.mark.parametrize("name", MODULES)
def test_every_module_and_what_it_lists_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    for listed in getattr(module, "__all__", ()):
        assert hasattr(module, listed), listed


@pytest.mark.parametrize("name", sj.__all__)
def test_public_names_have_a_text_with_an_example(name: str) -> None:
    value = getattr(sj, name)
    doc = inspect.getdoc(value)
    assert doc, name
    if inspect.isfunction(value) or (isinstance(value, type) and value.__module__ != "builtins"):
        assert ">>>" in doc, name


def test_jit_takes_what_jax_takes_or_says_why_not() -> None:
    ours, theirs = (set(inspect.signature(jit).parameters) for jit in (sj.jit, jax.jit))
    # Shardings follow the arguments and slots; devices and backends are chosen by placing arrays.
    assert theirs - ours == {"in_shardings", "out_shardings", "device", "backend"} & theirs


@pytest.mark.parametrize("name", ["grad", "value_and_grad", "jacfwd", "jacrev", "hessian", "vmap"])
def test_gradients_take_what_jax_takes_or_say_why_not(name: str) -> None:
    ours, theirs = (set(inspect.signature(getattr(m, name)).parameters) for m in (sj, jax))
    assert theirs - ours <= {"reduce_axes", "sum_match"}  # see docs/limits.md
