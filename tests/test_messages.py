"""The texts of the errors: every class is raised once, and its whole text compared."""

from __future__ import annotations

import functools
import inspect
import io
import pickle
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import statejit as sj
from statejit import errors


class Net(sj.Base):
    def __init__(self) -> None:
        self.w = jnp.ones(2)
        self.log = io.StringIO()
        self.config = Config()


class Config:
    def __init__(self) -> None:
        self.table = jnp.ones(2)


def traced_control_flow(net: Net) -> None:
    sj.jit(lambda: 1 if net.w[0] > 0 else 2)()


def raw_transform(net: Net) -> None:
    sj.jit(lambda: jax.jit(lambda x: x * net.w)(2.0))()


def foreign_object(net: Net) -> None:
    sj.jit(lambda: net.config.table)()


def frozen_value(net: Net) -> None:
    sj.jit(lambda: net.log.read())()


def outside_change(net: Net) -> None:
    seen: list[int] = []
    sj.jit(lambda: seen.append(1))()


def escape(net: Net) -> None:
    sj.jit(lambda: (w for w in net.w))()


def bypass(net: Net) -> None:
    sj.jit(lambda: (net.w, object.__setattr__(net, "w", 1)))()


def carry_type(net: Net) -> None:
    sj.while_loop(lambda c: c < 3, lambda c: c + jnp.ones(2, jnp.complex64), net.w)


def branch(net: Net) -> None:
    sj.cond(net.w[0] > 0, lambda: setattr(net, "w", net.w[:1]), lambda: None)


def lane(net: Net) -> None:
    sj.vmap(lambda x: setattr(net, "w", net.w * x))(jnp.arange(3.0))


def slot_not_found(net: Net) -> None:
    sj.update(net, {"params": {"v": jnp.ones(2)}})


def structure(net: Net) -> None:
    sj.update(net, {"params": {"w": jnp.ones(3)}})


TEXTS: dict[type[BaseException], tuple[Callable[[Net], None], str]] = {
    errors.TracedControlFlowError: (
        traced_control_flow,
        "Python asked for the value of a traced array: sj.jit(lambda: 1 if net.w[0] > 0 else 2)()\n"
        "  Where: net.w, at {line}\n"
        "  Do:    use statejit.numpy.where (or jax.numpy.where), statejit.cond or "
        "statejit.while_loop, or make the value a Python attribute or a static argument.",
    ),
    errors.RawTransformError: (
        raw_transform,
        "net.w was read under a plain jax.jit (or its kin), which would keep its present value.\n"
        "  Where: the call at {line}\n"
        "  Do:    pass the array to that function as an argument, or use statejit.jit.",
    ),
    errors.ForeignObjectError: (
        foreign_object,
        "net.config.table is an array in an object that is not watched.\n"
        "  Where: {line}\n"
        "  Do:    decorate the class of that object with @statejit.model, or derive it from "
        "statejit.Base.",
    ),
    errors.FrozenValueError: (
        frozen_value,
        "net.log is a StringIO: its state would be frozen into the compiled program.\n"
        "  Where: {line}\n"
        "  Do:    draw or read from it outside, and pass the values in as arguments.",
    ),
    errors.OutsideChangeError: (
        outside_change,
        "seen was changed inside: it is not an attribute of a watched object, so the compiled "
        "program could not change it again.\n"
        "  Where: the call at {line}\n"
        "  Do:    keep it in an attribute of a statejit.Base object, return it, or write it within "
        "`with statejit.unwatched():` if once per compilation is what you want.",
    ),
    errors.EscapeError: (
        escape,
        "result would keep a generator, made inside, after the trace has ended.\n"
        "  Where: {line}\n"
        "  Do:    return arrays, containers of them, or objects of classes decorated with "
        "@statejit.model.",
    ),
    errors.BypassError: (
        bypass,
        "net.w was written past attribute assignment.\n"
        "  Where: the call at {line}\n"
        "  Do:    assign it (`self.name = value`, `setattr` or `super().__setattr__`), so that the "
        "write can be watched.",
    ),
    errors.CarryTypeError: (
        carry_type,
        "carry would change its type in each step of the loop.\n"
        "  Where: carry; float32[2] before the step, complex64[2] after it\n"
        "  Do:    give it before the loop what each step leaves there; what is to grow, return from "
        "the step: it is stacked.",
    ),
    errors.BranchError: (
        branch,
        "the branches leave net.w with different types: float32[1] and float32[2].\n"
        "  Where: net.w, at {line}\n"
        "  Do:    give it the same structure, shape and dtype in each branch (and before, if a "
        "branch does not write it): only arrays and numbers may differ.",
    ),
    errors.LaneError: (
        lane,
        "net.w would be written differently by each example of a vmap.\n"
        "  Where: net.w, at {line}\n"
        "  Do:    give it an axis, as in vmap(f, state_axes={{model: 0}}), or reduce over the "
        "examples before writing (with `axis_name` and jax.lax.pmean inside).",
    ),
    errors.SlotNotFoundError: (
        slot_not_found,
        "Net has no array at v.\n  Do:    compare with the paths in statejit.collections(model).",
    ),
    errors.StructureError: (
        structure,
        "w has shape (2,), and was given (3,).\n"
        "  Do:    assign the attribute, if its shape is to change.",
    ),
}


def classes(base: type[Any] = errors.StatejitError) -> set[type[Any]]:
    return {base}.union(*[classes(inner) for inner in base.__subclasses__()])


def test_every_class_of_errors_has_an_entry() -> None:
    assert classes() - {errors.StatejitError} == set(TEXTS)


@pytest.mark.parametrize("error", TEXTS, ids=lambda error: error.__name__)
def test_the_whole_text(error: type[BaseException]) -> None:
    raise_it, text = TEXTS[error]
    with pytest.raises(error) as info:
        raise_it(Net())
    _, first = inspect.getsourcelines(raise_it)
    code = raise_it.__code__
    last = first + len(inspect.getsource(raise_it).rstrip().splitlines()) - 1
    assert str(info.value) == text.format(line=f"{code.co_filename}:{last}")


@pytest.mark.parametrize("error", TEXTS, ids=lambda error: error.__name__)
def test_errors_refine_a_built_in_and_can_be_pickled(error: Any) -> None:
    built_in = {TypeError, ValueError, RuntimeError}
    assert issubclass(error, tuple(built_in)) and not issubclass(error, AttributeError)
    made = error("what", "where", "do")
    again = pickle.loads(pickle.dumps(made))
    assert type(again) is error and str(again) == str(made) == "what\n  Where: where\n  Do:    do"


def test_the_tree_in_the_text_of_the_module_is_complete() -> None:
    tree = functools.reduce(str.__add__, (errors.__doc__ or "").splitlines())
    assert all(error.__name__ in tree for error in classes())
