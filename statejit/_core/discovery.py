"""Discovery: one run of the user's code, abstract, from which everything else follows."""

from __future__ import annotations

import contextvars
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax

from ..errors import OutsideChangeError, StatejitError, TracedControlFlowError
from .advice import described, leaks_described
from .base import hooked
from .bypasses import check_bypasses, check_captures, put_back
from .changes import check
from .changes import put_back as put_outside_back
from .derived import settle
from .frames import Frame
from .ground import Ground
from .memory import refused
from .opening import open_constants
from .outside import Outside
from .recipes import Refill, SetAttr
from .writing import Writer


@dataclasses.dataclass(eq=False)
class Traced:
    """What one run of a function did.

    Args:
        pure: (inputs) -> outputs, flat lists of arrays.
        inputs: for each input its slot, or a number: on the ground the index of its step.
        jaxpr: the closed jaxpr behind `pure`.
        effects: what the call does besides returning.
        result: the recipe of what is returned.
        extra: recipes of further values that `finish` asked for.
        frame: the frame, with its tracers dropped.
        args: the entries of the arguments.
    """

    pure: Callable[..., list[Any]]
    inputs: list[Any]
    jaxpr: Any
    effects: list[SetAttr | Refill]
    result: Any
    extra: list[Any]
    frame: Frame
    args: list[Any]


Finish = Callable[[Frame, Any, list[Any], dict[str, Any]], list[Any]]


def learn(grounds: Callable[[], Ground], *call: Any) -> tuple[Ground, Traced]:
    """Runs a function over the real objects, as often as it takes to know what must be plain.

    Args:
        grounds: makes a ground with no nodes, and with the memory that all of them share.
        call: the further arguments of `on_ground`.

    Returns:
        The ground of the run that succeeded, and what that run did.
    """
    ground = grounds()
    memory = ground.memory
    before = known = set(memory.fixed)
    while True:
        tried = memory.fixed  # other threads learn meanwhile
        try:
            return ground, on_ground(ground, *call)
        except OutsideChangeError:
            # An array was taken for a constant, as it was in other calls, and is written.
            if not known:
                memory.fixed = before
                raise
            memory.fixed, known = set(), set()
        except (TypeError, ValueError) as error:
            # Plain numbers or NumPy arrays are insisted on: once more, with those plain.
            if isinstance(error, TracedControlFlowError):
                wanted = memory.arrays
            else:
                wanted = set() if isinstance(error, StatejitError) else refused(error, memory)
            if not wanted - tried:
                memory.fixed = before
                raise
            memory.fixed = memory.fixed | wanted
        ground = grounds()


def on_ground(
    ground: Ground,
    fun: Any,
    args: Any,
    kwargs: Any,
    static: Any = ((), ()),
    finish: Finish | None = None,
) -> Traced:
    """Runs a function over the real objects, and returns what it did.

    Args:
        ground: has no nodes yet; it gets all guards.
        fun: the user's function, bound method, or watched object.
        args: its arguments.
        kwargs: its keyword arguments.
        static: positions and names of arguments that are compile-time constants.
        finish: called at the end of the trace; see `run`.
    """
    # In a context of its own: context variables that are set inside are as before afterwards.
    return contextvars.copy_context().run(_on_ground, ground, fun, args, kwargs, static, finish)


def _on_ground(
    ground: Ground, fun: Any, args: Any, kwargs: Any, static: Any, finish: Finish | None
) -> Traced:
    outside = Outside(ground)
    ground.find(None, "fun", None, fun, "", mode="outside")
    entries = argument_entries(ground, args, kwargs, static, argument_names(fun))
    outside.follow()
    frame = Frame(ground, ground)
    with hooked(), unchanged(ground):
        try:
            traced = run(fun, *entries, frame, finish)
        except BaseException:
            ground.memory.arrays = set(only_read(frame))
            raise
    check_captures(traced.frame, traced.jaxpr, ground)
    return traced


@contextmanager
def unchanged(ground: Ground) -> Iterator[None]:
    """Puts back what is changed within past the watch, and refuses it.

    Whoever catches an error, also one of the user's code, finds no tracer anywhere.
    """
    outside = ground.outside
    try:
        yield
        outside.follow()
        check(outside)
        check_bypasses(ground)
    except BaseException:
        put_outside_back(outside)
        put_back(ground)
        raise
    finally:
        ground.raised.clear()  # errors hold frames, and so whatever these hold


def only_read(frame: Frame) -> Iterator[Any]:
    """Yields the addresses of the NumPy arrays that a frame has read and not written."""
    for stand_in, slot in frame.ground.stand_ins.values():
        state = frame.states.get(id(stand_in))
        if state is None or not state.written:
            yield slot.node.address()


def in_frame(
    fun: Any, args: Any, kwargs: Any, beneath: Frame, finish: Finish | None = None
) -> Traced:
    """Runs a function over the overlay of an enclosing frame."""
    frame = Frame(beneath, beneath.ground)
    entries = [frame.adopt_argument(arg) for arg in args]
    named = {name: frame.adopt_argument(arg) for name, arg in kwargs.items()}
    return run(fun, entries, named, frame, finish)


def argument_names(fun: Any) -> list[str]:
    """Returns the names of the positional parameters, as far as they can be told."""
    while hasattr(fun, "fun"):
        fun = fun.fun
    bound = hasattr(fun, "__self__")
    fun = getattr(fun, "__func__", fun)
    code = getattr(fun, "__code__", None) or getattr(
        vars(type(fun)).get("__call__"), "__code__", None
    )
    if code is None:
        return []
    start = 1 if bound or not hasattr(fun, "__code__") else 0
    return list(code.co_varnames[start : code.co_argcount])


def argument_entries(
    ground: Ground, args: Any, kwargs: Any, static: Any, names: list[str]
) -> tuple[list[Any], dict[str, Any]]:
    """Makes the nodes of the arguments, and returns their entries."""
    positions, keywords = static
    top = ground.add(None, "args", None, args, "")
    top.must("length", len(args))
    entries = []
    for i, arg in enumerate(args):
        shown = names[i] if i < len(names) else f"args[{i}]"
        fixed = i in positions or (i < len(names) and names[i] in keywords)
        entries.append(_argument(ground, top, "item", i, arg, shown, fixed))
    top = ground.add(None, "kwargs", None, kwargs, "")
    top.must("names", tuple(kwargs))
    named = {
        name: _argument(ground, top, "key", name, arg, name, name in keywords)
        for name, arg in kwargs.items()
    }
    return entries, named


def _argument(
    ground: Ground, top: Any, access: str, key: Any, arg: Any, shown: str, fixed: bool
) -> Any:
    if not fixed or ground.is_holder(arg):
        return ground.find(top, access, key, arg, shown, mode="args")
    hash(arg)  # as in JAX, static arguments must be hashable
    ground.add(top, access, key, arg, shown).must("static", arg)
    return arg


def run(
    fun: Any,
    args: list[Any],
    kwargs: dict[str, Any],
    frame: Frame,
    finish: Finish | None = None,
) -> Traced:
    """Traces a function whose arguments are given as entries of a frame.

    Args:
        fun: the user's function.
        args: entries of its arguments.
        kwargs: entries of its keyword arguments.
        frame: the frame, not yet open.
        finish: (frame, result, args, kwargs) -> further values of which recipes are wanted; it is
            called at the end of the trace, with the entries of the arguments.
    """
    found: dict[str, Any] = {}

    def body() -> list[Any]:
        with frame.opened():
            handed = [frame.hand_out(entry) for entry in args]
            named = {name: frame.hand_out(entry) for name, entry in kwargs.items()}
            with described(frame):
                result = fun(*handed, **named)
                extra = [] if finish is None else finish(frame, result, args, kwargs)
            writer = Writer(frame)
            found["extra"] = [writer.recipe(array) for array in extra]
            found["result"] = writer.recipe(result)
            arrays = 0 if finish is None else len(writer.outs)  # of what is an array to JAX
            found["effects"] = writer.effects()
            found["outs"] = writer.of_outs[arrays:]
            read = [frame.tracer(slot) for slot in list(frame.slots.values())]
            numbers = [n for n, _, state in frame.numeric.values() if state == frame.state]
            found["count"] = len(writer.outs)
        frame.forget()
        return [*writer.outs, *read, *numbers]

    with leaks_described(frame):
        closed = jax.make_jaxpr(body, axis_env=list(frame.axes) or None)()
    settle(found["outs"], closed, frame, found["count"])
    pure, inputs = open_constants(closed, frame, found["count"])
    effects, result, extra = found["effects"], found["result"], found["extra"]
    return Traced(pure, inputs, pure.closed, effects, result, extra, frame, args)
