"""A residual network with batch statistics, the same in each framework: what steps are made of.

Each of the layers has three arrays of parameters and a running mean. It has no variance, since XLA
would take a minute to compile 100 layers with it, and nothing of that minute is what we measure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from rounds import Contender

import statejit as sj

WIDTH, BATCH, RATE = 8, 4, 1e-3

PARAMETERS = ("w", "b", "scale")


def content(i: int) -> dict[str, np.ndarray]:
    """Returns the parameters and statistics of a layer."""
    weights = np.random.default_rng(i).normal(0, 0.1, (WIDTH, WIDTH)).astype(np.float32)
    zeros, ones = np.zeros(WIDTH, np.float32), np.ones(WIDTH, np.float32)
    return {"w": weights, "b": zeros, "scale": ones, "mean": zeros}


def batch() -> jax.Array:
    """Returns what the network is called with, (BATCH, WIDTH)."""
    points = np.random.default_rng(0).normal(0, 1, (BATCH, WIDTH))
    return jnp.asarray(points.astype(np.float32))


def layer(p: Any, mean: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns what a layer makes of a batch, and its new running mean."""
    h = jnp.tanh(x @ p["w"] + p["b"])
    m = h.mean(0)
    return x + (h - m) * p["scale"], 0.9 * mean + 0.1 * m


def by_hand(n: int, update: bool, **options: Any) -> Contender:
    """Returns the hand-written step.

    Args:
        n: the number of layers.
        update: whether the step updates by Adam, or only computes value and gradient.
        options: of `jax.jit`.
    """
    layers = [{k: jnp.asarray(v) for k, v in content(i).items()} for i in range(n)]
    params = [{k: one[k] for k in PARAMETERS} for one in layers]
    stats = [{"mean": one["mean"]} for one in layers]
    tx, x = optax.adam(RATE), batch()

    def loss(params: Any, stats: Any, x: jax.Array) -> tuple[jax.Array, Any]:
        new = []
        for p, s in zip(params, stats, strict=True):
            x, mean = layer(p, s["mean"], x)
            new.append({"mean": mean})
        return (x**2).mean(), new

    def differentiated(params: Any, stats: Any, x: jax.Array) -> Any:
        (value, stats), grads = jax.value_and_grad(loss, has_aux=True)(params, stats, x)
        return (value, grads), stats

    def step(state: Any, x: jax.Array) -> Any:
        params, stats, moments = state
        (value, grads), stats = differentiated(params, stats, x)
        updates, moments = tx.update(grads, moments, params)
        return value, (optax.apply_updates(params, updates), stats, moments)

    if not update:
        return Contender(_threaded(jax.jit(differentiated, **options), stats, params, x=x))
    return Contender(_threaded(jax.jit(step, **options), (params, stats, tx.init(params)), x=x))


def _threaded(compiled: Any, state: Any, *before: Any, x: Any) -> Callable[[], Any]:
    """Returns a call that keeps the state from one call to the next."""

    def run() -> Any:
        nonlocal state
        result, state = compiled(*before, state, x)
        return result

    return run


def donated(n: int, update: bool) -> Contender:
    """Returns the hand-written step that gives its state away."""
    return by_hand(n, update, donate_argnums=0 if update else 1)


class Layer(sj.Base):
    """Is a layer of the network."""

    def __init__(self, i: int) -> None:
        for name, value in content(i).items():
            setattr(self, name, jnp.asarray(value))
        self.training = True

    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps a batch, (n, WIDTH), to the same shape."""
        p = {"w": self.w, "b": self.b, "scale": self.scale}
        y, mean = layer(p, self.mean, x)
        if self.training:
            self.mean = mean
        return y


class Net(sj.Base):
    """Is the network."""

    def __init__(self, n: int) -> None:
        self.layers = [Layer(i) for i in range(n)]

    def loss(self, x: jax.Array) -> jax.Array:
        """Returns the mean square of what comes out."""
        for one in self.layers:
            x = one(x)
        return (x**2).mean()


def watched(n: int, update: bool) -> Contender:
    """Returns the step on watched objects."""
    net, opt, x = Net(n), sj.Optimizer(optax.adam(RATE)), batch()
    differentiated = sj.value_and_grad(net.loss, grad_vars=net)

    @sj.jit
    def step(x: jax.Array) -> jax.Array:
        value, grads = differentiated(x)
        opt.update(net, grads)
        return value

    run = step if update else sj.jit(differentiated)
    return Contender(lambda: run(x))


def by_nnx(n: int, update: bool) -> Contender:
    """Returns the step on modules of flax's NNX."""
    from flax import nnx

    class NnxLayer(nnx.Module):
        def __init__(self, i: int) -> None:
            for name, value in content(i).items():
                kind = nnx.Param if name in PARAMETERS else nnx.BatchStat
                setattr(self, name, kind(jnp.asarray(value)))
            self.training = True

        def __call__(self, x: jax.Array) -> jax.Array:
            p = {k: getattr(self, k)[...] for k in PARAMETERS}
            y, mean = layer(p, self.mean[...], x)
            if self.training:
                self.mean[...] = mean
            return y

    class NnxNet(nnx.Module):
        def __init__(self) -> None:
            self.layers = nnx.List([NnxLayer(i) for i in range(n)])

    def loss(net: Any, x: jax.Array) -> jax.Array:
        for one in net.layers:
            x = one(x)
        return (x**2).mean()

    net, x = NnxNet(), batch()
    opt = nnx.Optimizer(net, optax.adam(RATE), wrt=nnx.Param) if update else None

    @nnx.jit
    def differentiated(net: Any, x: jax.Array) -> Any:
        return nnx.value_and_grad(loss)(net, x)

    @nnx.jit
    def step(net: Any, opt: Any, x: jax.Array) -> Any:
        value, grads = nnx.value_and_grad(loss)(net, x)
        opt.update(net, grads)
        return value

    return Contender((lambda: step(net, opt, x)) if update else (lambda: differentiated(net, x)))


def _declared(n: int, parameter: Any, state: Any) -> tuple[list[Any], Callable[[Any], Any]]:
    """Returns layers of declared variables, and the loss: for frameworks with a `value`."""
    layers = [
        {k: (parameter if k in PARAMETERS else state)(jnp.asarray(v)) for k, v in c.items()}
        for c in map(content, range(n))
    ]

    def loss(x: Any) -> Any:
        for one in layers:
            p = {k: one[k].value for k in PARAMETERS}
            x, one["mean"].value = layer(p, one["mean"].value, x)
        return (x**2).mean()

    return layers, loss


def _stepper(params: dict[str, Any], differentiate: Any, jit: Any, hold: Any) -> Any:
    """Returns a step with optax: for frameworks whose gradients come as a dict."""
    tx = optax.adam(RATE)
    moments = hold(tx.init({k: p.value for k, p in params.items()}))

    def step(x: Any) -> Any:
        grads, value = differentiate(x)
        now = {k: p.value for k, p in params.items()}
        updates, moments.value = tx.update(grads, moments.value, now)
        for k, new in optax.apply_updates(now, updates).items():
            params[k].value = new
        return value

    return jit(step)


def by_brainstate(n: int, update: bool) -> Contender:
    """Returns the step on brainstate's states."""
    import brainstate

    layers, loss = _declared(n, brainstate.ParamState, brainstate.ShortTermState)
    params = {f"{i}.{k}": one[k] for i, one in enumerate(layers) for k in PARAMETERS}
    differentiate = brainstate.transform.grad(loss, params, return_value=True)
    jit, x = brainstate.transform.jit, batch()
    run = (
        _stepper(params, differentiate, jit, brainstate.ShortTermState)
        if update
        else jit(differentiate)
    )
    return Contender(lambda: run(x))


def by_brainpy(n: int, update: bool) -> Contender:
    """Returns the value and gradient on brainpy.math's variables."""
    import brainpy.math as bm

    layers, loss = _declared(n, bm.TrainVar, bm.Variable)
    params = {f"{i}.{k}": one[k] for i, one in enumerate(layers) for k in PARAMETERS}
    differentiate = bm.grad(loss, grad_vars=params, return_value=True)
    if update:
        raise NotImplementedError("its variables hold arrays alone, not the state of optax")
    run, x = bm.jit(differentiate), batch()
    return Contender(lambda: run(x))


MAKERS = {
    "by hand": by_hand,
    "by hand, donated": donated,
    "statejit": watched,
    "nnx": by_nnx,
    "brainstate": by_brainstate,
    "brainpy.math": by_brainpy,
}
