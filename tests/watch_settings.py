"""Programs between whose calls JAX's configuration changes: the result is that of plain JAX."""

from __future__ import annotations

import contextlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from watch_bypasses import model
from watch_table import Section

settings = Section("JAX's configuration changed between the calls")


def setting(name: str, context: Any, step: Any) -> None:
    """Enters a program: two calls without, two with, and two without a setting."""

    def program(kit: Any) -> Any:
        m = model(kit, z=np.arange(3.0))
        run = kit.jit(lambda x: step(m, x))

        def within() -> Any:
            with context():
                return run(jnp.ones(2, jnp.float32))

        for call in (lambda: run(jnp.ones(2)), within, within, lambda: run(jnp.ones(2)), within):
            yield call, lambda: (m.w, m.n)

    program.__name__ = name
    settings.equal(program)


def _global(name: str, value: Any) -> Any:
    @contextlib.contextmanager
    def changed() -> Any:
        before = getattr(jax.config, name)
        jax.config.update(name, value)
        try:
            yield
        finally:
            jax.config.update(name, before)

    return changed


def _wide(m: Any, x: Any) -> Any:
    return jnp.arange(3) * 1.5, jnp.asarray(0.1), x * 0.1, jnp.zeros(2, int)


def _count(m: Any, x: Any) -> Any:
    m.n += 1
    return jnp.asarray(m.n) + 0.5, x * m.w


enable_x64: Any = jax.enable_x64

setting("double_precision_in_a_context", lambda: enable_x64(True), _wide)
setting("double_precision_globally", _global("jax_enable_x64", True), _wide)
setting("double_precision_with_state", lambda: enable_x64(True), _count)
setting(
    "matmul_precision_in_a_context",
    lambda: jax.default_matmul_precision("highest"),
    lambda m, x: (x @ m.w, str(jax.make_jaxpr(jnp.dot)(x, x))),
)
setting(
    "matmul_precision_globally",
    _global("jax_default_matmul_precision", "highest"),
    lambda m, x: (x @ m.w, str(jax.make_jaxpr(jnp.dot)(x, x))),
)
setting(
    "rank_promotion",
    lambda: jax.numpy_rank_promotion("allow"),
    lambda m, x: x + jnp.ones((3, 2)),
)
setting(
    "prng_implementation",
    lambda: jax.default_prng_impl("rbg"),
    lambda m, x: jax.random.key_data(jax.random.key(3)),
)
setting(
    "prng_implementation_globally",
    _global("jax_default_prng_impl", "rbg"),
    lambda m, x: jax.random.key_data(jax.random.PRNGKey(3)),
)
setting(
    "threefry_partitionable",
    lambda: jax.threefry_partitionable(not jax.config.jax_threefry_partitionable),
    lambda m, x: jax.random.normal(jax.random.key(0), (3,)),
)
setting("disable_jit", jax.disable_jit, _count)
setting("disable_jit_globally", _global("jax_disable_jit", True), _count)
setting(
    "default_device",
    lambda: jax.default_device(jax.devices("cpu")[0]),
    lambda m, x: jnp.zeros(2) + x,
)
setting("debug_nans", lambda: jax.debug_nans(True), _count)
setting("debug_infs", lambda: jax.debug_infs(True), _count)
setting("checking_leaks", jax.checking_leaks, _count)
setting("mesh", lambda: jax.set_mesh(jax.make_mesh((1,), ("x",))), _count)
setting(
    "setting_read_inside",
    _global("jax_default_matmul_precision", "highest"),
    lambda m, x: x * (2 if jax.config.jax_default_matmul_precision else 1),
)
setting(
    "another_setting_read_inside",
    _global("jax_numpy_rank_promotion", "warn"),
    lambda m, x: x * len(jax.config.jax_numpy_rank_promotion),
)


@settings.equal
def strict_dtype_promotion(kit):
    run = kit.jit(lambda x: x + jnp.ones(2, jnp.int32))
    yield lambda: run(jnp.ones(2)), lambda: None

    def within():
        with jax.numpy_dtype_promotion("strict"):
            return failed(run, jnp.ones(2))

    yield within, lambda: None
    yield lambda: run(jnp.ones(2)), lambda: None


def failed(run: Any, *args: Any) -> str:
    try:
        return str(run(*args))
    except Exception as error:
        return type(error).__name__
