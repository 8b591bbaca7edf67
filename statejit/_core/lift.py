"""A lift: a transformation of pure functions made one of stateful functions, through plans.

With no trace open a call walks the plans of its code, and commits to the real objects; inside of
one it runs the function over the enclosing frame, and commits to that.
"""

from __future__ import annotations

import functools
import types
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import OutsideChangeError
from .discovery import Finish, Traced, in_frame, learn
from .executable import is_disabled
from .frames import CURRENT, Frame
from .ground import Ground
from .inner import commit
from .memory import Memory
from .nodes import Wrapper
from .places import has_user_threads
from .plan import Plan
from .source import MISS

MOST_PLANS = 256
"""How many plans of one code are kept; the least recently made is dropped first."""

MANY_PLANS = 64
"""From how many plans on a warning says that a function keeps compiling."""

MOST_CODES = 4096
"""How many codes have plans; the least recently used is dropped first."""


ATTEMPTS = 5
"""How often a function is traced anew while other threads change what it reads."""


class Cache:
    """The plans of one code under one transformation, and what is known of its numbers."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.memory = Memory()

    def clear(self) -> None:
        """Forgets all plans."""
        self.plans = []
        self.memory = Memory()

    def add(self, plan: Plan) -> None:
        """Keeps a plan; the newest is tried first."""
        self.plans = [plan, *self.plans[: MOST_PLANS - 1]]


_caches: OrderedDict[Any, Cache] = OrderedDict()


def cache_of(*key: Any) -> Cache:
    """Returns the cache of a code under one transformation with its options."""
    cache = _caches.get(key)  # each look-up computes the hash of a code anew
    if cache is not None:
        _caches.move_to_end(key)
        return cache
    cache = _caches[key] = Cache()
    if len(_caches) > MOST_CODES:
        _caches.popitem(last=False)
    return cache


def clear_cache() -> None:
    """Forgets the plans of all functions: each compiles anew at its next call.

    Example:
        >>> import statejit as sj
        >>> double = sj.jit(lambda x: 2 * x)
        >>> double(1.0), len(double.plans)
        (2.0, 1)
        >>> sj.clear_cache()
        >>> len(double.plans)
        0
    """
    for cache in _caches.values():
        cache.clear()


def code_of(fun: Any) -> Any:
    """Returns what all functions with the same plans have in common."""
    if isinstance(fun, types.MethodType):
        return code_of(fun.__func__)
    if isinstance(fun, functools.partial):
        return ("partial", code_of(fun.func))
    if isinstance(fun, Wrapper):
        return (type(fun), getattr(fun, "key", ()), code_of(fun.fun))
    return getattr(fun, "__code__", None) or type(fun)


def name_of(fun: Any) -> str:
    """Returns what a function is called."""
    while isinstance(fun, (functools.partial, Wrapper)):
        fun = fun.func if isinstance(fun, functools.partial) else fun.fun
    return getattr(fun, "__name__", type(fun).__name__)


_interpreted = False


@contextmanager
def interpreted() -> Iterator[None]:
    """Lets plans made within evaluate their programs without compiling them: for tests."""
    global _interpreted
    before, _interpreted = _interpreted, True
    try:
        yield
    finally:
        _interpreted = before


class Lifted(Wrapper):
    """A transformed callable.

    Args:
        fun: the user's function, bound method, class instance, or transformed callable.
        key: the options on which plans depend; hashable.
    """

    compiled = False
    """Whether programs are compiled with `jax.jit`."""

    static: tuple[tuple[int, ...], tuple[str, ...]] = ((), ())
    """Positions and names of the arguments that are compile-time constants."""

    packs = False
    """Whether small mutable arrays lie together in few buffers between calls; see `packing`."""

    by_position = True
    """Whether arrays among the arguments are told apart by position, as derivatives do."""

    def __init__(self, fun: Callable[..., Any], key: Any = ()) -> None:
        if not callable(fun):
            raise TypeError(f"expected a callable, got a {type(fun).__name__}: {fun!r}")
        self.fun, self.key, self.made = fun, key, 0
        self.cache = cache_of(type(self), key, code_of(fun), _interpreted)
        if not isinstance(fun, (types.FunctionType, types.MethodType, type)):
            self.__doc__ = type(fun).__doc__
        else:
            functools.update_wrapper(self, fun, updated=())

    # What a transformation adds ----------------------------------------------------------------

    def prepare(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """Returns the arguments as the function is to get them."""
        return args, kwargs

    finish: Finish | None = None
    """Called at the end of the trace; see `discovery.run`."""

    targets: Any = ()
    """Further objects on which plans depend: hot paths reach them as `targets[i]`."""

    def transform(self, traced: Traced) -> Traced:
        """Returns the transformed program with its result."""
        return traced

    # Calls -------------------------------------------------------------------------------------

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plans that there are for this code, the newest first: one per compilation."""
        return tuple(self.cache.plans)

    def clear_cache(self) -> None:
        """Forgets the plans of this code."""
        self.cache.clear()

    def __get__(self, holder: Any, owner: Any = None) -> Any:
        return self if holder is None else types.MethodType(self, holder)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        frame = CURRENT.get()
        if frame is not None:
            return self.call_in_frame(frame, args, kwargs)
        return self.call(*self.prepare(args, kwargs))

    def call(self, args: Any, kwargs: Any) -> Any:
        """Calls the first plan that fits, or makes one; no trace may be open."""
        for plan in self.cache.plans:
            result = plan.dispatch(self.fun, args, kwargs, plan.program, self.targets)
            if result is not MISS:
                return result
        return self._call_anew(args, kwargs)

    def _call_anew(self, args: Any, kwargs: Any) -> Any:
        if self.compiled and is_disabled():
            return self.call_without_jit(args, kwargs)
        return self.call_anew(args, kwargs)

    def call_without_jit(self, args: Any, kwargs: Any) -> Any:
        """Calls the function under `jax.disable_jit`."""
        return self.fun(*args, **kwargs)

    def call_anew(self, args: Any, kwargs: Any) -> Any:
        """Makes a plan, and calls it; again, if another thread changes what it reads meanwhile."""
        for attempt in range(ATTEMPTS):
            plan = self.plan(args, kwargs)
            shares = attempt == 0 and plan.share(self.cache.plans)
            result = plan.dispatch(self.fun, args, kwargs, plan.program, self.targets)
            if result is not MISS:
                if plan.cacheable:
                    self.cache.add(plan)
                    self._count()
                return result
            if not shares:
                self._refuse_misfit()
        raise OutsideChangeError(
            f"what {name_of(self.fun)} reads was changed by another thread each time while it was "
            "traced; nothing was done.",
            do="call it again, or let a lock keep the threads apart until it is compiled.",
        )

    def _refuse_misfit(self) -> None:
        """Says that a new plan does not fit its own call, unless another thread is to blame."""
        if not has_user_threads():
            raise RuntimeError(
                f"a new plan of {name_of(self.fun)} does not fit the call it was made for: please "
                "report this as a bug of statejit."
            )

    def _count(self) -> None:
        self.made += 1
        if self.made == MANY_PLANS:
            warnings.warn(
                f"{name_of(self.fun)} has been compiled {MANY_PLANS} times: something that it "
                "reads changes from call to call. Compare `guards` of the last plans in its "
                "`plans`; a list that grows at each call compiles at each call.",
                stacklevel=6,
            )

    @property
    def is_compiled(self) -> bool:
        """Whether plans made now are compiled."""
        return self.compiled and not _interpreted

    def plan(self, args: Any, kwargs: Any) -> Plan:
        """Runs the function once, abstractly, and returns the plan of that run."""
        ground, traced = learn(
            lambda: Ground(self.cache.memory, self.by_position, self.is_compiled),
            *(self.fun, args, kwargs, self.static, self.finish),
        )
        traced = self.transform(traced)
        options, name = self.jit_options(traced), name_of(self.fun)
        plan = Plan(traced, ground, self.is_compiled, options, name, self.packs)
        ground.close()
        return plan

    def jit_options(self, traced: Traced) -> dict[str, Any]:
        """Returns options for `jax.jit`."""
        return {}

    def call_in_frame(self, frame: Frame, args: Any, kwargs: Any) -> Any:
        """Calls the function over an enclosing frame, and commits to that."""
        args, kwargs = self.prepare(args, kwargs)
        traced = self.transform(in_frame(self.fun, args, kwargs, frame, self.finish))
        outs = traced.pure(*[traced.frame.value_beneath(slot) for slot in traced.inputs])
        return commit(traced, outs, frame)
