"""`jit`: compilation of stateful functions."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp

from .._core.discovery import Traced
from .._core.executable import Executable
from .._core.frames import CURRENT, OPEN, Frame
from .._core.lift import Lifted
from .._core.source import MISS

Positions = int | Iterable[int] | None
Names = str | Iterable[str] | None


class Jitted(Lifted):
    """What `jit` returns: a callable that does what the function does, compiled.

    Args:
        fun: the user's function.
        key: the options, as pairs.
    """

    compiled = True
    by_position = False

    def __init__(self, fun: Callable[..., Any], key: Any) -> None:
        super().__init__(fun, key)
        self.options = dict(key)
        self.static = (self.options.pop("static_argnums"), self.options.pop("static_argnames"))
        self.donated = (self.options.pop("donate_argnums"), self.options.pop("donate_argnames"))
        self.packs = self.options.pop("pack", False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Does what the function does: by the first plan that fits, or by making one."""
        # The same as Lifted.__call__, in one function: half a microsecond of a call of five.
        if OPEN and CURRENT.get() is not None:
            return self.fun(*args, **kwargs)
        for plan in self.cache.plans:
            result = plan.dispatch(self.fun, args, kwargs, plan.program)
            if result is not MISS:
                return result
        return self._call_anew(args, kwargs)

    def call_in_frame(self, frame: Frame, args: Any, kwargs: Any) -> Any:
        """Calls the function itself: what encloses it is compiled, or evaluated, as a whole."""
        return self.fun(*args, **kwargs)

    def jit_options(self, traced: Traced) -> dict[str, Any]:
        """Returns the options of `jax.jit`, with the inputs that stem from donated arguments."""
        if not any(self.donated):
            return self.options
        given = (n for n, entry in enumerate(traced.inputs) if _is_donated(entry, *self.donated))
        return {**self.options, "donate_argnums": tuple(given)}

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Lowers the function for these arguments, without running it.

        Args:
            args: arguments; arrays may be given as `jax.ShapeDtypeStruct`.
            kwargs: keyword arguments.

        Returns:
            The lowered program; `compile` makes it callable.

        Example:
            >>> import jax.numpy as jnp, statejit as sj
            >>> lowered = sj.jit(lambda x: x + 1).lower(jnp.zeros(2))
            >>> lowered.compile()(jnp.ones(2)).tolist()
            [2.0, 2.0]
        """
        if CURRENT.get() is not None:
            raise TypeError("lower() can't be called inside a traced function")
        args, kwargs = concrete((args, kwargs))
        plan = self.plan(args, kwargs)
        inputs: list[Any] = []

        def stop(*found: Any) -> Any:
            inputs.extend(found)
            raise _Gathered

        with contextlib.suppress(_Gathered):
            plan.dispatch(self.fun, args, kwargs, stop)
        assert isinstance(plan.executable, Executable)
        return Lowered(self, plan, plan.executable.jitted.lower(*inputs))


class _Gathered(Exception):
    pass


class Lowered:
    """A lowered program: `jax.stages.Lowered` for a stateful function.

    Args:
        owner: the jitted function.
        plan: how a call gathers inputs and commits.
        lowered: JAX's own.
    """

    def __init__(self, owner: Jitted, plan: Any, lowered: Any) -> None:
        self.owner, self.plan, self.lowered = owner, plan, lowered

    def compile(self, compiler_options: Any = None) -> Compiled:
        """Compiles the program."""
        return Compiled(self.owner, self.plan, self.lowered.compile(compiler_options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.lowered, name)


class Compiled:
    """A compiled program: `jax.stages.Compiled` for a stateful function.

    Args:
        owner: the jitted function.
        plan: how a call gathers inputs and commits.
        compiled: JAX's own.
    """

    def __init__(self, owner: Jitted, plan: Any, compiled: Any) -> None:
        self.owner, self.plan, self.compiled = owner, plan, compiled

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the program, and commits.

        Raises:
            TypeError: if arguments or objects are not as they were when it was lowered.
        """
        result = self.plan.dispatch(self.owner.fun, args, kwargs, self.compiled)
        if result is MISS:
            raise TypeError(
                f"the compiled program of {self.plan.name} does not fit this call: a value that it "
                "depends on has changed since it was lowered (see its `plan.guards`)."
            )
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self.compiled, name)


def jit(
    fun: Callable[..., Any] | None = None,
    *,
    static_argnums: Positions = None,
    static_argnames: Names = None,
    donate_argnums: Positions = None,
    donate_argnames: Names = None,
    keep_unused: bool = False,
    inline: bool = False,
    compiler_options: dict[str, Any] | None = None,
    pack: bool = False,
) -> Any:
    """Compiles a function, with all the state that it touches; mirrors `jax.jit`.

    `jit(f)(x)` does what `f(x)` does, side effects on objects included: the first call watches
    which attributes `f` reads and writes, later ones gather these, run the compiled program, and
    store what it computed. Python values that `f` has read are guards: where one has changed, the
    function is watched and compiled anew.

    Args:
        fun: a function, a method, an instance with `__call__`, or a `functools.partial`; without
            it, a decorator is returned.
        static_argnums: positions of arguments that are compile-time constants; they must be
            hashable. Python numbers need it only where their value steers Python.
        static_argnames: the same by name.
        donate_argnums: positions of arguments whose memory may be reused for results.
        donate_argnames: the same by name.
        keep_unused: whether unused inputs stay part of the program.
        inline: whether the program is inlined where plain `jax.jit` calls it.
        compiler_options: options for XLA, by name.
        pack: whether small mutable arrays that `fun` overwrites lie together in few buffers between
            calls: for models of hundreds of them, where a call costs more than what it computes.
            Nothing else changes; to read such an array costs the more, since it is cut out first.

    Returns:
        A callable with `lower`, `plans` and `clear_cache`.

    Raises:
        TypeError: if `fun` is not callable.
        StatejitError: at a call, where compiled code could not do what `fun` does; nothing is
            changed then.

    Example:
        >>> import jax.numpy as jnp, statejit as sj
        >>> @sj.model
        ... class Accumulator:
        ...     def __init__(self):
        ...         self.total = jnp.zeros(2)
        ...     @sj.jit
        ...     def add(self, x):
        ...         self.total = self.total + x
        ...         return self.total.sum()
        >>> accumulator = Accumulator()
        >>> accumulator.add(1.0).item(), accumulator.add(2.0).item()
        (2.0, 6.0)
        >>> len(Accumulator.add.plans)
        1
    """
    key = {
        "static_argnums": _positions(static_argnums),
        "static_argnames": _names(static_argnames),
        "donate_argnums": _positions(donate_argnums),
        "donate_argnames": _names(donate_argnames),
        "keep_unused": keep_unused,
        "inline": inline,
        "pack": pack,
    }

    def decorate(fun: Callable[..., Any]) -> Jitted:
        options = _positive(key, fun)
        jitted = Jitted(fun, tuple(options.items()))
        if compiler_options is not None:
            jitted.options["compiler_options"] = compiler_options
        return jitted

    return decorate if fun is None else decorate(fun)


def _positions(value: Positions) -> tuple[int, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, int) else tuple(value)


def _names(value: Names) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _positive(options: dict[str, Any], fun: Callable[..., Any]) -> dict[str, Any]:
    """Counts negative positions from the end, as JAX does."""
    return {
        name: tuple(p if p >= 0 else p + _arity(fun) for p in value)
        if name.endswith("argnums")
        else value
        for name, value in options.items()
    }


def _arity(fun: Callable[..., Any]) -> int:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds for p in inspect.signature(fun).parameters.values())


def _is_donated(entry: Any, positions: tuple[int, ...], names: tuple[str, ...]) -> bool:
    """Says whether an input is reached from an argument that was donated."""
    node = getattr(entry, "node", None)
    while node is not None and node.parent is not None:
        if node.parent.access == "args":
            return node.key in positions or node.name in names
        if node.parent.access == "kwargs":
            return node.key in names
        node = node.parent
    return False


def _is_described(leaf: Any) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct)


def concrete(tree: Any) -> Any:
    """Returns a tree with arrays in the place of what only describes them."""
    return jax.tree.map(_concrete, tree, is_leaf=_is_described)


def _concrete(leaf: Any) -> Any:
    return jnp.zeros(leaf.shape, leaf.dtype) if _is_described(leaf) else leaf
