"""Discovery: one run of the user's code, abstract, from which everything else follows."""

from __future__ import annotations

import collections
import contextvars
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from ..errors import BypassError, EscapeError, RawTransformError, TracedControlFlowError
from .base import Base, hooked, written_outside
from .changes import check
from .changes import put_back as put_outside_back
from .derived import settle
from .evaluation import Program
from .frames import Frame, raw_dict
from .ground import Ground
from .numbers import Number
from .outside import Outside
from .paths import Path
from .pictures import attributes, put_in_order, set_raw
from .places import raising_frame
from .recipes import Refill, SetAttr, Writer
from .slots import MISSING, frozen_paths, is_placeholder, makes_tracer


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
    check_captures(traced, ground)
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


def open_constants(closed: Any, frame: Frame, count: int) -> tuple[Program, list[Any]]:
    """Turns the constants that stand for slots and numbers into inputs.

    All slots that were read come after the results, and are dropped from them: the function
    may depend on the shape of an array with which it computes nothing.
    """
    jaxpr = closed.jaxpr
    outs = jaxpr.outvars[:count]
    numbers = {
        id(placeholder): Number(tape, index, None)
        for tape in frame.tapes()
        for index, placeholder in tape.inputs.items()
    }
    on_top = isinstance(frame.beneath, Ground)
    variables: list[Any] = []
    inputs: list[Any] = []
    rest: list[Any] = []
    values: list[Any] = []
    for variable, value in zip(jaxpr.constvars, closed.consts, strict=True):
        slot = frame.slots.get(id(value))
        if slot is not None:
            variables.append(variable)
            inputs.append(slot)
        elif id(value) in numbers:
            variables.append(variable)
            number = numbers[id(value)]
            inputs.append(number.index if on_top else number)
        else:
            rest.append(variable)
            # The user may change a NumPy array in place, and JAX remembers arrays by identity.
            values.append(value.copy() if isinstance(value, np.ndarray) else value)
    variables, equations, outs = _without_tracing(jaxpr, variables, outs)
    by_use = _by_first_use(equations, variables)
    variables, inputs = [variables[i] for i in by_use], [inputs[i] for i in by_use]
    opened = ClosedJaxpr(
        jaxpr.replace(constvars=rest, invars=variables, outvars=outs, eqns=equations), values
    )
    return Program(opened), inputs


def _without_tracing(
    jaxpr: Any, variables: list[Any], outs: list[Any]
) -> tuple[list[Any], list[Any], list[Any]]:
    """Drops the equations that only make a tracer of an input: what they return is the input.

    Returns:
        The variables of the inputs, the other equations, and the results.
    """
    read = [v for e in jaxpr.eqns for v in e.invars] + list(jaxpr.outvars)
    uses = collections.Counter(v for v in read if not isinstance(v, Literal))
    given = set(variables)
    renamed: dict[Any, Any] = {}  # inputs that nothing else reads
    same: dict[Any, Any] = {}
    rest = []
    for equation in jaxpr.eqns:
        first = equation.invars[0] if makes_tracer(equation) else None
        if first is None or isinstance(first, Literal) or first not in given:
            rest.append(equation)
        elif uses[first] == 1:
            renamed[first] = equation.outvars[0]
        else:
            same[equation.outvars[0]] = first
    if same:
        rest = [equation.replace(invars=_instead(same, equation.invars)) for equation in rest]
        outs = _instead(same, outs)
    return [renamed.get(v, v) for v in variables], rest, outs


def _instead(same: dict[Any, Any], variables: list[Any]) -> list[Any]:
    return [v if isinstance(v, Literal) else same.get(v, v) for v in variables]


def _by_first_use(equations: list[Any], variables: list[Any]) -> list[int]:
    """Returns the order in which a program uses variables, so that equal programs look alike."""
    position = {v: i for i, v in enumerate(variables)}
    used = (v for e in equations for v in e.invars if not isinstance(v, Literal))
    first = dict.fromkeys(position[v] for v in used if v in position)
    return [*first, *(i for i in range(len(variables)) if i not in first)]


# Errors ----------------------------------------------------------------------------------------


_VALUE_ASKED = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


_VALUE = (
    "use statejit.numpy.where (or jax.numpy.where, jax.lax.cond), or make the value a Python "
    "attribute or a static argument."
)
_MASK = (
    "the shape of `a[mask]` would depend on the values: use statejit.numpy.where(mask, a, 0), a "
    "reduction with `where=mask`, or assign (`a[mask] = 0`), whose shape is fixed."
)

_SIZE = (
    "the shape of the result would depend on the values: give its length (`size=`, and "
    "`fill_value=` for the rest), or keep the shape with statejit.numpy.where(mask, a, 0) or "
    "a reduction with `where=mask`."
)
_SHAPES = {
    "size argument": _SIZE,
    "union1d": _SIZE,
    "total_repeat_length": "give the length of the result: `total_repeat_length=`.",
    "static `length`": "give the length of the result: `length=`.",
}
"""What to do where the shape of a result would depend on values, by words of JAX's message."""


DO = "Do: "
"""How a note on JAX's error begins that says what to do instead."""


def advice(error: Exception) -> str:
    """Returns what to do about JAX's error for a value that only a trace knows."""
    if isinstance(error, jax.errors.NonConcreteBooleanIndexError):
        return _MASK
    told = [note for note in getattr(error, "__notes__", ()) if note.startswith(DO)]
    if told:
        return told[0].removeprefix(DO)
    text = str(error)
    return next((do for words, do in _SHAPES.items() if words in text), _VALUE)


@contextmanager
def described(frame: Frame) -> Iterator[None]:
    """Turns JAX's errors about traced values into ours, with the user's line and the path."""
    try:
        yield
    except (*_VALUE_ASKED, ValueError) as error:
        # NumPy has its own error where it asks for the value of what it assigns to an element.
        if not isinstance(error, _VALUE_ASKED) and not isinstance(error.__cause__, _VALUE_ASKED):
            raise
        entry = raising_frame(error)
        where, source = "", ""
        paths: list[str] = []
        if entry is not None:
            code = entry.tb_frame.f_code
            where = f"{code.co_filename}:{entry.tb_lineno}"
            source, paths = expression(entry, frame)
        what = "Python asked for the value of a traced array" + (f": {source}" if source else ".")
        if paths:
            where = f"{', '.join(paths)}, at {where}"
        raise TracedControlFlowError(
            what,
            where=where,
            do=advice(error),
        ) from error


def expression(entry: Any, frame: Frame) -> tuple[str, list[str]]:
    """Returns the source of the expression that failed, and the paths of the slots in it."""
    import ast
    import linecache

    code, local = entry.tb_frame.f_code, entry.tb_frame.f_locals
    line = linecache.getline(code.co_filename, entry.tb_lineno).strip()
    paths = []
    try:
        tree = ast.parse(line.rstrip(":") if not line.startswith("if ") else line[3:].rstrip(":"))
    except SyntaxError:
        try:
            tree = ast.parse(f"{line}\n pass" if line.endswith(":") else line.removeprefix("el"))
        except SyntaxError:
            return line, []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            holder = local.get(node.value.id, entry.tb_frame.f_globals.get(node.value.id))
            if frame.ground.is_holder(holder):
                paths.append(frame.ground.path_of(holder, node.attr))
    return line, list(dict.fromkeys(paths))


@contextmanager
def leaks_described(frame: Frame) -> Iterator[None]:
    """Turns JAX's error about a dead tracer into ours."""
    try:
        yield
    except jax.errors.UnexpectedTracerError as error:
        raise EscapeError(
            "a value that was computed under a JAX transformation was kept beyond it.",
            where=frame.ground.where(),
            do="return it from the transformed function, or use the function of the same name "
            "from statejit, which carries state.",
        ) from error


def check_bypasses(ground: Ground) -> None:
    """Refuses attributes that were changed past the hooks, and takes tracers out of them.

    Raises:
        BypassError: if an attribute of a touched object was changed by `object.__setattr__` or
            in its real `__dict__`.
    """
    for holder, name in put_back(ground):
        raise BypassError(
            f"{ground.path_of(holder, name)} was written past attribute assignment.",
            where=f"the call at {ground.where()}",
            do="assign it (`self.name = value`, `setattr` or `super().__setattr__`), so that the "
            "write can be watched.",
        )


def put_back(ground: Ground) -> list[tuple[Any, str]]:
    """Gives touched objects the attributes again that were changed past the hooks; says which."""
    changed: list[tuple[Any, str]] = []
    for holder, before in ground.found.values():
        now = attributes(holder)
        here = [
            name
            for name in {**before, **now}
            if now.get(name, MISSING) is not before.get(name, MISSING)
            and (id(holder), name) not in written_outside
        ]
        for name in here:
            set_raw(holder, name, before.get(name, MISSING))
        changed += [(holder, name) for name in here]
        if not ground.outside.crowded:  # or what another thread writes meanwhile would be lost
            put_in_order(raw_dict(holder), before)
    return changed


def check_captures(traced: Traced, ground: Ground) -> None:
    """Refuses programs in which an array of a watched object was frozen.

    Raises:
        RawTransformError: if a slot was read under a plain `jax.jit` or its kin, which keeps what
            it captures inside its own program.
        BypassError: if an array was read past the hooks.
    """
    slots = traced.frame.slots
    inner = list(hidden_constants(traced.jaxpr.jaxpr))
    hidden = {id(constant) for constant in inner}
    for constant in (*inner, *traced.jaxpr.consts):
        if is_placeholder(constant):  # perhaps of an earlier trace: JAX keeps inner programs
            slot = slots.get(id(constant))
            path = frozen_paths.get(id(constant), "a slot")
            if slot is not None:
                path = frozen_paths[id(constant)] = ground.path_of_entry(slot)
            raise RawTransformError(
                f"{path} was read under a plain jax.jit (or its kin), which would keep its present "
                "value.",
                where=f"the call at {ground.where()}",
                do="pass the array to that function as an argument, or use statejit.jit.",
            )
    if hidden & {id(p) for p in ground.tape.inputs.values()}:
        raise RawTransformError(
            "a Python number that varies was read under a plain jax.jit (or its kin).",
            do="pass it to that function as an argument, or use statejit.jit.",
        )
    held = held_arrays(ground)
    for constant in (*traced.jaxpr.consts, *hidden_constants(traced.jaxpr.jaxpr)):
        path = held.get(id(constant))
        if path is not None and not any(
            n.value is constant for n in ground.nodes if n.test == "is"
        ):
            raise BypassError(
                f"{path} was read past attribute access.",
                do="read it as an attribute (`self.name` or `getattr`), so that the read can be "
                "watched.",
            )


def held_arrays(ground: Ground) -> dict[int, Path]:
    """Returns the paths of the arrays in the attributes of all objects that were reached, by id."""
    found: dict[int, Path] = {}
    for _, holder in list(ground.by_id.values()):
        if isinstance(holder, Base):
            for name, value in attributes(holder).items():
                if isinstance(value, jax.Array):
                    found[id(value)] = ground.trail_of(holder, name)
    return found


def hidden_constants(jaxpr: Any) -> Iterator[Any]:
    """Yields the constants that jaxprs inside a jaxpr keep for themselves."""
    for equation in jaxpr.eqns:
        for value in jax.tree.leaves(list(equation.params.values())):
            if hasattr(value, "eqns"):  # a Jaxpr or a ClosedJaxpr; one class on newer JAX
                yield from getattr(value, "consts", ())
                yield from hidden_constants(getattr(value, "jaxpr", value))
