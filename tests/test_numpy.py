"""The NumPy namespace: functions, submodules, NumPy's protocols, what is absent."""

import importlib.util
import inspect
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import statejit.numpy as snp
from statejit import Array


def same(ours, numpys):
    assert type(ours) is Array
    np.testing.assert_allclose(np.asarray(ours), numpys, rtol=1e-5, atol=1e-5)


def test_every_public_name_of_jax_numpy_is_here():
    for name in dir(jnp):
        if not name.startswith("_"):
            assert hasattr(snp, name), name
            assert name in snp.__all__ or inspect.ismodule(getattr(jnp, name)), name


def test_signatures_and_docstrings_are_kept():
    assert inspect.signature(snp.sum) == inspect.signature(jnp.sum)
    assert snp.sum.__doc__ == jnp.sum.__doc__
    assert snp.sum.__name__ == "sum"


def test_creation():
    assert snp.arange(5).dtype == jnp.int32
    assert snp.zeros(3, dtype=int).dtype == jnp.int32
    for name, args in (
        ("ones", (3,)),
        ("full", (2, 5.0)),
        ("eye", (2,)),
        ("linspace", (0, 1, 3)),
        ("zeros_like", ([1.0, 2.0],)),
        ("identity", (2,)),
        ("tri", (3,)),
    ):
        same(getattr(snp, name)(*args), getattr(np, name)(*args))
    same(snp.mgrid[0:2, 0:3], np.mgrid[0:2, 0:3])
    same(snp.r_[1:4, 0], np.r_[1:4, 0])


def test_asarray_keeps_and_array_copies():
    a = snp.ones(2)
    assert snp.asarray(a) is a
    assert snp.asarray(a, dtype=jnp.float32) is a
    assert snp.asarray(a, dtype=int) is not a
    b = snp.array(a)
    b[0] = 5
    assert a.tolist() == [1, 1]
    source = np.ones(2, np.float32)
    c = snp.asarray(source)
    source[0] = 9
    assert c.tolist() == [1, 1]
    assert snp.array([a, a]).shape == (2, 2)
    assert snp.array(1.0, ndmin=2).shape == (1, 1)
    assert not snp.array(1.0).weak_type


@pytest.mark.parametrize(
    "call",
    [
        lambda xp, a: xp.sin(a),
        lambda xp, a: xp.sum([1, 2, 3]),
        lambda xp, a: xp.stack([a, a]),
        lambda xp, a: xp.concatenate((a, [1.0])),
        lambda xp, a: xp.where(a > 1, a, 0),
        lambda xp, a: xp.einsum("i,i->", a, a),
        lambda xp, a: xp.maximum([1, 5, 1], a),
        lambda xp, a: xp.linalg.norm(a),
        lambda xp, a: xp.linalg.svd(xp.outer(a, a))[1],
        lambda xp, a: xp.fft.fft(a).real,
        lambda xp, a: xp.split(a, 3)[1],
        lambda xp, a: xp.meshgrid(a, a)[0],
        lambda xp, a: xp.nonzero(a)[0],
        lambda xp, a: xp.add.reduce(a),
        lambda xp, a: xp.multiply.outer(a, a),
        lambda xp, a: xp.vectorize(lambda x: x * 2)(a),
        lambda xp, a: xp.take(a, [0, 1]),
        lambda xp, a: xp.apply_along_axis(lambda r: r.sum(), 0, xp.ones((2, 3))),
        lambda xp, a: xp.unique(a),
        lambda xp, a: xp.histogram(a, 2)[0],
        lambda xp, a: xp.median(a),
    ],
)
def test_functions_give_what_numpys_give(call):
    n = np.array([0.5, 2.0, 1.0])
    same(call(snp, Array(n)), call(np, n))


def test_functions_take_out():
    a, out = Array([1.0, 2.0]), snp.zeros(2)
    assert snp.add(a, 1, out=out) is out
    assert out.tolist() == [2, 3]
    with pytest.raises(TypeError, match="same_kind"):
        snp.add(a, 1, out=snp.zeros(2, int))


def test_arguments_that_jax_does_not_have_are_taken_as_in_numpy():
    a = snp.array([[3.0, 1.0], [2.0, 4.0]], order="F", subok=True)
    assert snp.zeros((2, 2), order="F").shape == (2, 2)
    assert snp.empty_like(a, subok=False, order="C").shape == (2, 2)
    assert snp.clip(a, a_min=2, a_max=3).tolist() == [[3, 2], [2, 3]]
    assert float(snp.nanvar(a, correction=1)) == pytest.approx(np.nanvar(np.asarray(a), ddof=1))
    assert snp.isin(a, [1, 2], kind="sort").tolist() == [[False, True], [True, False]]
    assert snp.sort(a, kind="mergesort").tolist() == [[1, 3], [2, 4]]
    assert snp.concatenate([a, a], casting="unsafe", dtype=int).dtype == jnp.int32
    out = snp.zeros((4, 2))
    assert snp.concatenate([a, a], out=out) is out
    assert snp.dot(a, a, out=snp.zeros((2, 2))).tolist() == [[11, 7], [14, 18]]


def test_functions_in_place():
    a = snp.zeros(4)
    snp.put(a, [0, 3], [1, 2])
    assert a.tolist() == [1, 0, 0, 2]
    snp.putmask(a, a > 1, 7)
    snp.place(a, a == 0, [3, 4])
    assert a.tolist() == [1, 3, 4, 7]
    snp.copyto(a, 9, where=a > 3)
    assert a.tolist() == [1, 3, 9, 9]
    snp.add.at(a, [0, 0], 1)
    assert a.tolist() == [3, 3, 9, 9]
    m = snp.zeros((2, 2))
    snp.fill_diagonal(m, [1, 2])
    assert m.tolist() == [[1, 0], [0, 2]]
    snp.put_along_axis(m, [[1], [0]], 5, 1)
    assert m.tolist() == [[1, 5], [5, 2]]
    with pytest.raises(TypeError, match="takes a statejit array"):
        snp.copyto(jnp.zeros(2), 1)


def test_numpys_functions_stay_on_the_device():
    a = Array([1.0, 2.0])
    for found in (
        np.sin(a),
        np.add(1, a),
        np.concatenate([a, a]),
        np.mean(a),
        np.linalg.norm(a),
        np.add.reduce(a),
        np.stack([a, np.ones(2)]),
        np.where(a > 1, a, 0),
    ):
        assert type(found) is Array
    assert np.shape(a) == (2,)
    assert np.add(a, 1, out=a) is a
    assert a.tolist() == [2, 3]
    n = np.zeros(2)
    assert np.add(a, 1, out=n) is n
    assert n.tolist() == [3, 4]
    np.add.at(a, [0, 0], 1)
    assert a.tolist() == [4, 3]
    np.copyto(a, 5)
    assert a.tolist() == [5, 5]


def test_functions_that_jax_lacks_run_on_the_host():
    assert np.trim_zeros(Array([0, 1, 0])).tolist() == [1]
    assert np.may_share_memory(Array([0]), Array([1])) is False


def test_what_is_absent_says_so():
    with pytest.raises(AttributeError, match=r"no 'matrix': jax\.numpy does not have it either"):
        snp.matrix  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        snp.nonsense  # noqa: B018
    with pytest.raises(AttributeError, match=r"jax\.numpy\.linalg has none"):
        snp.linalg.nonsense  # noqa: B018
    assert not hasattr(snp, "__path__")


def test_dtypes_and_constants():
    assert snp.pi == np.pi
    assert snp.float32 is jnp.float32
    assert snp.finfo(snp.float32).eps == np.finfo(np.float32).eps
    assert snp.newaxis is None
    assert snp.ndarray is Array
    assert snp.result_type(snp.ones(2), 1) == jnp.float32


def test_one_dispatch_per_operation():
    a = snp.ones(3)
    assert str(jax.make_jaxpr(lambda x: (Array(x) + a).value)(jnp.ones(3))).count("=") <= 2


def test_the_table_of_the_docs_is_current():
    at = pathlib.Path(__file__).parents[1] / "docs"
    spec = importlib.util.spec_from_file_location("docs_numpy_table", at / "numpy_table.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    text = (at / "numpy.md").read_text()
    written, current = writer.rows(text), writer.rows(writer.page())
    if f"of NumPy {'.'.join(np.__version__.split('.')[:2])} (" in text:
        assert written.keys() == current.keys()
    for name in written.keys() & current.keys():  # another NumPy has other names
        assert written[name] == current[name]


def test_names_that_numpy_had_say_what_to_use():
    with pytest.raises(AttributeError, match=r"gone from NumPy 2\.\n  Do:    use cumprod"):
        snp.cumproduct  # noqa: B018
