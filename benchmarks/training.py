"""Training steps: what a whole step costs beside the hand-written one.

"Digits" is the model of `examples/digits.py`: a multilayer perceptron with batch normalisation and
dropout, a batch of 64 images, Adam. "Residual" has 100 layers, 600 small arrays and two moments of
400 of them (`residual.py`), so that what a call does besides computing shows. Where its arrays
happen to lie makes one network slower than an equal one, so four of each take turns.

    PYTHONPATH=examples python benchmarks/training.py
"""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import residual
from peers import present
from rounds import Contender, equal, interleaved
from tables import Aim, Table, main

import statejit as sj

SIZES, DROPOUT, BATCH, RATE = (64, 128, 64, 10), 0.3, 64, 3e-3


def images() -> tuple[jax.Array, jax.Array]:
    """Returns a batch of images, (BATCH, 64), and their labels, (BATCH,)."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return jnp.asarray(digits.data[:BATCH] / 16, jnp.float32), jnp.asarray(digits.target[:BATCH])


def weights(n: int, m: int) -> np.ndarray:
    """Returns the matrix of a layer at the start."""
    return (np.random.default_rng(n).normal(0, (2 / n) ** 0.5, (n, m))).astype(np.float32)


def hidden(p: Any, x: jax.Array, kept: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns what a hidden layer makes of a batch, and the mean and variance over the batch."""
    h = x @ p["w"] + p["b"]
    mean, var = h.mean(0), h.var(0)
    y = p["scale"] * (h - mean) / jnp.sqrt(var + 1e-5) + p["shift"]
    y = jnp.where(kept, jnp.maximum(y, 0.0) / (1 - DROPOUT), 0.0)
    return y, mean, var


def cross_entropy(logits: jax.Array, y: jax.Array) -> jax.Array:
    """Returns the mean loss."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


def digits_by_hand(**options: Any) -> Contender:
    """Returns the hand-written step."""
    pairs = list(itertools.pairwise(SIZES))
    params = [{"w": jnp.asarray(weights(n, m)), "b": jnp.zeros(m)} for n, m in pairs]
    for p in params[:-1]:
        p |= {"scale": jnp.ones_like(p["b"]), "shift": jnp.zeros_like(p["b"])}
    stats = [{"mean": jnp.zeros(m), "var": jnp.ones(m)} for _, m in pairs[:-1]]
    tx, (x, y) = optax.adam(RATE), images()

    def loss(params: Any, stats: Any, key: Any, x: Any, y: Any) -> Any:
        new = []
        for p, s in zip(params[:-1], stats, strict=True):
            key, now = jax.random.split(key)
            kept = jax.random.uniform(now, (BATCH, p["b"].size)) >= DROPOUT
            x, mean, var = hidden(p, x, kept)
            mean, var = 0.9 * s["mean"] + 0.1 * mean, 0.9 * s["var"] + 0.1 * var
            new.append({"mean": mean, "var": var})
        return cross_entropy(x @ params[-1]["w"] + params[-1]["b"], y), (new, key)

    def step(state: Any, x: Any, y: Any) -> Any:
        params, stats, key, moments = state
        differentiated = jax.value_and_grad(loss, has_aux=True)
        (value, (stats, key)), grads = differentiated(params, stats, key, x, y)
        updates, moments = tx.update(grads, moments, params)
        return value, (optax.apply_updates(params, updates), stats, key, moments)

    compiled = jax.jit(step, **options)
    state = (params, stats, jax.random.key(0), tx.init(params))

    def run() -> Any:
        nonlocal state
        value, state = compiled(state, x, y)
        return value

    return Contender(run)


def digits_donated() -> Contender:
    """Returns the hand-written step that gives its state away."""
    return digits_by_hand(donate_argnums=0)


def digits_watched() -> Contender:
    """Returns the step of the example, as it stands there."""
    from digits import MLP

    sj.random.seed(0)
    model, opt, (x, y) = MLP(SIZES, DROPOUT), sj.Optimizer(optax.adam(RATE)), images()

    def loss(x: Any, y: Any) -> Any:
        return cross_entropy(model(x), y)

    @sj.jit
    def step(x: Any, y: Any) -> Any:
        value, grads = sj.value_and_grad(loss, grad_vars=model)(x, y)
        opt.update(model, grads)
        return value

    return Contender(lambda: step(x, y))


def digits_nnx() -> Contender:
    """Returns the step on modules of flax's NNX."""
    from flax import nnx

    class Hidden(nnx.Module):
        def __init__(self, n: int, m: int, rngs: Any) -> None:
            self.linear, self.rngs = Linear(n, m), rngs
            self.scale, self.shift = nnx.Param(jnp.ones(m)), nnx.Param(jnp.zeros(m))
            self.mean, self.var = nnx.BatchStat(jnp.zeros(m)), nnx.BatchStat(jnp.ones(m))

        def __call__(self, x: Any) -> Any:
            kept = jax.random.uniform(self.rngs.dropout(), (BATCH, self.mean[...].size)) >= DROPOUT
            p = {"w": self.linear.w[...], "b": self.linear.b[...]}
            p |= {"scale": self.scale[...], "shift": self.shift[...]}
            y, mean, var = hidden(p, x, kept)
            self.mean[...] = 0.9 * self.mean[...] + 0.1 * mean
            self.var[...] = 0.9 * self.var[...] + 0.1 * var
            return y

    class Linear(nnx.Module):
        def __init__(self, n: int, m: int) -> None:
            self.w, self.b = nnx.Param(jnp.asarray(weights(n, m))), nnx.Param(jnp.zeros(m))

        def __call__(self, x: Any) -> Any:
            return x @ self.w[...] + self.b[...]

    class Net(nnx.Module):
        def __init__(self) -> None:
            rngs = nnx.Rngs(0)
            sizes = itertools.pairwise(SIZES[:-1])
            self.hidden = nnx.List([Hidden(n, m, rngs) for n, m in sizes])
            self.last = Linear(*SIZES[-2:])

        def __call__(self, x: Any) -> Any:
            for one in self.hidden:
                x = one(x)
            return self.last(x)

    net, (x, y) = Net(), images()
    opt = nnx.Optimizer(net, optax.adam(RATE), wrt=nnx.Param)

    @nnx.jit
    def step(net: Any, opt: Any, x: Any, y: Any) -> Any:
        value, grads = nnx.value_and_grad(lambda net: cross_entropy(net(x), y))(net)
        opt.update(net, grads)
        return value

    return Contender(lambda: step(net, opt, x, y))


DIGITS = {
    "by hand": digits_by_hand,
    "by hand, donated": digits_donated,
    "statejit": digits_watched,
    "nnx": digits_nnx,
}


def measure(quick: bool) -> list[Table]:
    """Returns the table of both steps."""
    table = Table("training", "One training step with Adam", "model", "ms", "by hand")
    rounds = 8 if quick else 104
    table.add("digits", interleaved(equal(present(DIGITS)), rounds, 5 if quick else 20, before=1))
    n = 20 if quick else 100
    makers = {name: make for name, make in residual.MAKERS.items() if name != "brainpy.math"}
    steps = equal(present(makers), n, True)
    table.add(f"residual, {n} layers", interleaved(steps, rounds, 2 if quick else 5, before=1))
    for case in table.rows:
        text = f"{case}: at most 1.05 times the hand-written step"
        table.aims.append(Aim(text, table.ratio(case, "statejit"), most=1.05))
    return [table]


if __name__ == "__main__":
    main(measure, __doc__)
