"""Drawn programs do under a transformation what they do in eager Python."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable
from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np
from drawn import forget, losses, module, programs
from hypothesis import assume, given
from hypothesis import strategies as st
from observing import Observer, difference, leave, tracers_in

import statejit as sj
from statejit._core.lift import interpreted
from statejit.errors import (
    BypassError,
    ForeignObjectError,
    OutsideChangeError,
    StatejitError,
    StructureError,
)


def differentiated(fun: Callable[..., Any]) -> Any:
    """Runs a function as the auxiliary output of a gradient, without `jit`."""
    both = sj.grad(lambda z, args: (z * 2.0, fun(*args)), has_aux=True)
    return lambda *args: both(1.0, args)[1]


def outcome(call: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """Returns what a call returns, or what it raises."""
    try:
        return call(), None
    except Exception as error:
        return None, error


REFUSALS = (OutsideChangeError, BypassError, ForeignObjectError)


def compare(
    source: str,
    transform: Callable[..., Any],
    refusals: tuple[type[Exception], ...] = (),
    eager: Callable[..., Any] = leave,
) -> None:
    """Runs a program twice, and compares results and objects after each call.

    Where eager Python raises, the other must raise as well, and leave the objects as they were.

    Args:
        source: of the program.
        transform: how its functions are compiled.
        refusals: errors that the other may raise alone.
        eager: what eager Python does in the place of the transformation.
    """
    steps = [module(source, how)["script"]() for how in (eager, transform)]
    observers = Observer(exact=True), Observer(exact=True)
    for one, other in itertools.zip_longest(*steps):
        before, unchanged = observers[0].picture(one[1]()), observers[1].picture(other[1]())
        found = difference(before, unchanged)
        assert found is None, str(found)
        expected, error = outcome(one[0])
        result, other_error = outcome(other[0])
        assert not tracers_in((result, other[1]()))
        if error is not None or other_error is not None:
            is_refused = isinstance(other_error, refusals)
            assert is_refused or type(error) is type(other_error), f"{error!r}, {other_error!r}"
            found = difference(unchanged, observers[1].picture(other[1]()))
            assert found is None, f"changed by a failure {found}"
            return
        pictures = [
            observers[0].picture((expected, one[1]())),
            observers[1].picture((result, other[1]())),
        ]
        found = difference(*pictures)
        assert found is None, str(found)


@given(programs(), st.integers(0, 9))
def test_jit_does_what_eager_python_does(source: str, share: int) -> None:
    try:
        if share == 0:
            compare(source, sj.jit)
        else:
            with interpreted():
                compare(source, sj.jit)
    finally:
        forget()


@given(programs(reached=True), st.integers(0, 9))
def test_what_is_outside_of_attributes_does_what_it_does_in_python(source: str, share: int) -> None:
    refusals = REFUSALS if "# refused" in source else ()
    try:
        if share == 0:
            compare(source, sj.jit, refusals)
        else:
            with interpreted():
                compare(source, sj.jit, refusals)
    finally:
        forget()


@given(programs())
def test_grad_does_to_state_what_eager_python_does(source: str) -> None:
    try:
        compare(source, differentiated)
    finally:
        forget()


def replaced(value: Any, table: dict[int, Any], seen: set[int]) -> Any:
    """Puts arrays in the place of others, wherever a plain model holds them."""
    if id(value) in table:
        return table[id(value)]
    if isinstance(value, tuple):
        return tuple(replaced(item, table, seen) for item in value)
    holder = vars(value) if type(value).__name__ == "Node" else value
    if id(value) not in seen and isinstance(holder, (list, dict, collections.deque)):
        seen.add(id(value))
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            holder[key] = replaced(holder[key], table, seen)
    return value


def at(model: Any, path: tuple[str, ...]) -> Any:
    """Returns what a plain model holds at a path."""
    for key in path:
        if isinstance(model, (list, tuple, collections.deque)):
            model = model[int(key)]
        else:
            model = model[key] if isinstance(model, dict) else getattr(model, key)
    return model


def by_jax(source: str, x: Any, paths: list[tuple[str, ...]]) -> Any:
    """Returns value and gradients by plain JAX, for a model whose class nobody watches."""
    known = module(source, leave, Base=object, Array=jnp.asarray)

    def loss(arrays: list[Any]) -> Any:
        n0, n1 = known["build"]()
        table = {id(at(n0, path)): new for path, new in zip(paths, arrays, strict=True)}
        replaced([n0, n1], table, set())
        return n0.loss(x)

    return jax.value_and_grad(loss)([at(known["build"]()[0], path) for path in paths])


@given(losses(), st.booleans())
def test_grad_is_that_of_jax(source: str, compiled: bool) -> None:
    """Compares with JAX's on the functionalised loss, and on a class that nobody watches."""
    x = jnp.ones(2)
    try:
        with interpreted():
            n0, _ = module(source, leave)["build"]()
            pair, failed = outcome(lambda: sj.functionalize(n0.loss, x))
            if failed is not None:
                assume(isinstance(failed, StatejitError))  # others are the loss's own
                raise failed
            apply, variables = pair
            rest = {name: tree for name, tree in variables.items() if name != "params"}
            expected, failed = outcome(
                lambda: jax.value_and_grad(lambda params: apply({"params": params, **rest}, x)[0])(
                    variables.get("params", {})
                )
            )
            run = sj.value_and_grad(n0.loss, grad_vars=n0)
            result, error = outcome(lambda: (sj.jit(run) if compiled else run)(x))
        assert not tracers_in((result, n0))
        no_collection = isinstance(failed, StructureError)  # a bool or None that is written
        assert no_collection or (failed is None) == (error is None), f"{failed!r}, {error!r}"
        if error is None and not no_collection:
            np.testing.assert_array_equal(result[0], expected[0])
            # An array that is reached through an attribute that the loss sets is state to
            # `functionalize`, and may have a way of its own to `grad`.
            found, wanted = map(flax.traverse_util.flatten_dict, (result[1], expected[1]))
            for path, grad in wanted.items():
                np.testing.assert_array_equal(found[path], grad, err_msg=".".join(path))
        if error is None and ".m[" not in source:  # plain JAX has no array that can be changed
            flat = flax.traverse_util.flatten_dict(result[1])
            value, grads = by_jax(source, x, list(flat))
            np.testing.assert_array_equal(result[0], value)
            for path, grad in zip(flat, grads, strict=True):
                np.testing.assert_array_equal(flat[path], grad, err_msg=".".join(path))
        if error is not None:
            assert not isinstance(error, StatejitError), repr(error)
    finally:
        forget()
