"""Other libraries take our arrays: NumPy, JAX, SciPy, scikit-learn, einops."""

import os
import subprocess
import sys

import einops.array_api as einops
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import statejit as sj
import statejit.numpy as snp
from statejit import Array

NUMPYS = {
    "sin": lambda a: np.sin(a),
    "add": lambda a: np.add(1, a),
    "hypot": lambda a: np.hypot(a, [1, 2, 3]),
    "where": lambda a: np.where(a > 1, a, 0),
    "concatenate": lambda a: np.concatenate([a, np.ones((1, 3), np.float32)]),
    "stack": lambda a: np.stack([a, a], -1),
    "einsum": lambda a: np.einsum("ij,kj->ik", a, a),
    "mean": lambda a: np.mean(a, axis=0),
    "median": lambda a: np.median(a),
    "norm": lambda a: np.linalg.norm(a, axis=1),
    "solve": lambda a: np.linalg.solve(a @ a.T + np.eye(2, dtype=np.float32), a),
    "fft": lambda a: np.fft.fft(a).real,
    "reduce": lambda a: np.add.reduce(a, 1),
    "accumulate": lambda a: np.maximum.accumulate(a, 1),
    "outer": lambda a: np.multiply.outer(a[0], a[1]),
    "sort": lambda a: np.sort(a, axis=0),
    "cumsum": lambda a: np.cumsum(a),
    "pad": lambda a: np.pad(a, 1),
    "clip": lambda a: np.clip(a, 0, 1),
    "interp": lambda a: np.interp(a, [0, 1, 2], [5, 6, 7]),
    "out": lambda a: np.subtract(a, 1, out=a * 0),
    "zeros_like": lambda a: np.zeros_like(a),
    "divmod": lambda a: np.divmod(a, 2)[1],
    "a reflected operator": lambda a: np.float32(2) * a - np.ones(3, np.float32),
}


@pytest.mark.parametrize("name", NUMPYS)
def test_numpys_functions_stay_on_the_device(name):
    content = np.linspace(-1, 2, 6, dtype=np.float32).reshape(2, 3)
    expected = NUMPYS[name](content)
    found = NUMPYS[name](Array(content))
    assert type(found) is Array
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-5, atol=1e-5)


def test_numpys_functions_are_traced_inside_jit():
    content = np.linspace(-1, 2, 6, dtype=np.float32).reshape(2, 3)
    found = sj.jit(lambda a: [fun(a) for fun in NUMPYS.values()])(Array(content))
    for (name, fun), ours in zip(NUMPYS.items(), found, strict=True):
        assert isinstance(ours, Array), name
        np.testing.assert_allclose(
            np.asarray(ours), fun(content), rtol=1e-5, atol=1e-5, err_msg=name
        )


def test_numpys_functions_write_into_our_arrays_inside_jit():
    a = snp.arange(6.0)

    @sj.jit
    def write():
        np.add(a, 1, out=a)
        np.multiply(a[:2], 10, out=a[:2])
        np.copyto(a[2:4], 7)
        np.add.at(a, [5, 5], 1)
        np.putmask(a, a > 15, -1)
        np.fill_diagonal(a.reshape(2, 3), 0)

    write()
    assert a.tolist() == [0, -1, 7, 7, 0, 8]


def test_jax_takes_our_arrays():
    a = snp.ones((2, 2))
    for fun in (jnp.sin, jnp.sum, jax.nn.relu, jax.numpy.linalg.inv, jax.jit(lambda x: x * 2)):
        try:
            found = fun(a + jnp.eye(2))
        except TypeError:
            found = fun(jnp.asarray(a + jnp.eye(2)))
        assert found is not None
    assert isinstance(jnp.add(a, 1), jax.Array)
    leaves, tree = jax.tree.flatten({"a": a})
    assert isinstance(jax.tree.unflatten(tree, leaves)["a"], Array)


def test_dlpack():
    with jax.default_device(jax.devices("cpu")[0]):  # NumPy takes nothing from other devices
        a = snp.arange(3.0)
    assert np.from_dlpack(a).tolist() == [0, 1, 2]
    assert jnp.from_dlpack(a).tolist() == [0, 1, 2]
    b = snp.from_dlpack(np.arange(4, dtype=np.float32))
    b[:2] += 5
    assert b.tolist() == [5, 6, 2, 3]


def test_einops():
    a = snp.arange(6.0).reshape(2, 3)
    n = np.arange(6.0).reshape(2, 3)
    for found, expected in (
        (einops.rearrange(a, "i j -> (j i)"), n.T.ravel()),
        (einops.reduce(a, "i j -> j", "mean"), n.mean(0)),
        (einops.repeat(a, "i j -> i j k", k=2), n[..., None].repeat(2, -1)),
        (sj.jit(lambda a: einops.reduce(a, "i j -> i", "sum"))(a), n.sum(1)),
    ):
        assert isinstance(found, Array)
        np.testing.assert_allclose(np.asarray(found), expected)


PROGRAM = """
import numpy as np, scipy.special, scipy.stats, scipy.fft, scipy.signal, sklearn
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import MinMaxScaler, StandardScaler
import statejit as sj
from statejit import Array

x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
calls = [
    lambda a: scipy.special.logsumexp(a, axis=1),
    lambda a: scipy.special.expit(a),
    lambda a: scipy.special.softmax(a),
    lambda a: scipy.stats.zscore(a),
    lambda a: scipy.stats.skew(a),
    lambda a: scipy.stats.ttest_ind(a[0], a[1]).statistic,
    lambda a: scipy.fft.fftn(a).real,
    lambda a: scipy.signal.detrend(a),
    lambda a: MinMaxScaler().fit_transform(a),
    lambda a: StandardScaler().fit_transform(a),
    lambda a: abs(PCA(2, svd_solver="full").fit_transform(a)),
    lambda a: Ridge(solver="svd").fit(a, a[:, 0] * 2 + 1).predict(a),
]
with sklearn.config_context(array_api_dispatch=True):
    for i, call in enumerate(calls):
        found, expected = call(Array(x)), call(x)
        assert type(found) is Array, i
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-3, atol=1e-4, err_msg=str(i))
    assert r2_score(Array(x[:, 0]), Array(x[:, 0])) == 1.0
found = sj.jit(calls[0])(Array(x))
np.testing.assert_allclose(np.asarray(found), calls[0](x), rtol=1e-5)
"""


def test_scipy_and_scikit_learn_take_our_arrays_and_give_them_back():
    environment = {**os.environ, "SCIPY_ARRAY_API": "1", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_scipy_takes_our_arrays_as_numpys_by_default():
    import scipy.linalg

    a = snp.array([[2.0, 0.0], [0.0, 4.0]])
    np.testing.assert_allclose(scipy.linalg.inv(a), [[0.5, 0], [0, 0.25]])


def test_a_numpy_array_is_read_as_it_is_when_it_is_read():
    """JAX keeps one by reference inside a trace, and would show changes that come later."""

    def body(x):
        z, i = np.ones(2, np.float32), np.array([1, 0], np.int32)
        mask = np.array([True, False])
        y, w = snp.zeros(2), snp.zeros(2)
        y[:] = z
        w[mask] = 5.0
        found = x + z, z * x, snp.dot(x, z), np.add(x, z), x[i], y, w, snp.stack([z, z])
        z[:], i[:], mask[:] = 0, 0, False
        return found

    x = snp.arange(2.0)
    for eager, jitted in zip(body(x), sj.jit(body)(x), strict=True):
        np.testing.assert_array_equal(jitted, eager)
