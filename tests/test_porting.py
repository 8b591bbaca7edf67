"""What brainpy.math has besides NumPy: all names are there, or say why not; values are right."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from brainpy_names import (
    ENVIRONMENT,
    MODULES,
    OBJECTS,
    OF_ARRAYS,
    OF_NUMPY,
    OTHERS,
    TRANSFORMATIONS,
)

import statejit as sj
import statejit.math as bm

ABSENT_METHODS = {
    "device_buffer": "JAX's arrays have it no more",
    "tree_flatten": "arrays are registered as pytree nodes: jax.tree.flatten takes them",
    "tree_unflatten": "arrays are registered as pytree nodes: jax.tree.unflatten takes them",
}


def test_every_name_of_brainpys_is_there_or_says_why_it_is_not():
    names = [*OF_NUMPY, *OTHERS, *TRANSFORMATIONS, *ENVIRONMENT, *OBJECTS, *MODULES]
    absent = {name for name in names if not hasattr(bm, name)}
    assert absent == set(bm.ABSENT)
    for name, reason in bm.ABSENT.items():
        with pytest.raises(AttributeError, match=f"has no attribute '{name}': ") as caught:
            getattr(bm, name)
        assert reason in str(caught.value)
    assert {name for name in OF_ARRAYS if not hasattr(bm.Array, name)} == set(ABSENT_METHODS)


def test_a_dtype_given_for_a_collection_is_refused():
    with pytest.raises(TypeError, match="dtype="):
        bm.Variable(bm.zeros(3), bm.int32)


def test_stand_ins_have_no_more_names_than_numpys_arrays():
    model = sj.Base()
    model.a = np.ones(2)
    assert not sj.jit(lambda: any(hasattr(model.a, n) for n in ("numpy", "sin_", "unsqueeze")))()


X = np.array([[0.5, -1.5, 2.0], [-0.25, 30.0, 0.0]], np.float32)
IDS = np.array([0, 2, 2, 0, 4])
DATA = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 1.0]], np.float32)


def by_segment(fun, empty):
    rows = [DATA[i == IDS] for i in range(5)]
    return np.stack([fun(r) if len(r) else np.full(2, empty, np.float32) for r in rows])


SEGMENTED = {
    "segment_sum": by_segment(lambda r: r.sum(0), 0),
    "segment_prod": by_segment(lambda r: r.prod(0), 1),
    "segment_max": by_segment(lambda r: r.max(0), -np.inf),
    "segment_min": by_segment(lambda r: r.min(0), np.inf),
    "segment_mean": by_segment(lambda r: r.mean(0), 0),
    "segment_sqrt_n": by_segment(lambda r: r.sum(0) / np.sqrt(len(r)), 0),
}


@pytest.mark.parametrize("name", SEGMENTED)
def test_segments_are_reduced(name):
    for prefix in ("", "unsorted_"):
        fun = getattr(bm, prefix + name, None)
        if fun is None:
            assert name == "segment_sqrt_n"  # there is the unsorted one alone
            continue
        found = fun(bm.array(DATA), bm.array(IDS), 5)
        assert type(found) is bm.Array
        np.testing.assert_allclose(found, SEGMENTED[name], rtol=1e-6)
    np.testing.assert_allclose(
        sj.jit(lambda d, i: fun(d, i, num_segments=5))(bm.array(DATA), IDS), SEGMENTED[name], 1e-6
    )


VALUES = {
    "addcmul": (lambda: bm.addcmul(bm.array(X), X, 2.0, value=3), X + 3 * X * 2),
    "addcdiv": (lambda: bm.addcdiv(bm.array(X), X, 2.0, value=3), X + 3 * X / 2),
    "clamp_max": (lambda: bm.clamp_max(X, 0.1), np.minimum(X, 0.1)),
    "clamp_min": (lambda: bm.clamp_min(X, 0.1), np.maximum(X, 0.1)),
    "reduce_logsumexp": (lambda: bm.reduce_logsumexp(X, 1), np.log(np.exp(X).sum(1))),
    "norm": (lambda: bm.reduce_euclidean_norm(X, 0, True), np.sqrt((X**2).sum(0, keepdims=True))),
    "cast": (lambda: bm.cast(X, "int32"), X.astype(np.int32)),
    "remove_diag": (lambda: bm.remove_diag(X), np.array([[-1.5, 2.0], [-0.25, 0.0]])),
    "clip_by_norm": (lambda: bm.clip_by_norm(X, 2.0), X * 2 / np.sqrt((X**2).sum())),
    "clip_by_norm, small": (lambda: bm.clip_by_norm(X, 100.0), X),
    "exprel": (lambda: bm.exprel(X + 1e-3), np.expm1(X + 1e-3) / (X + 1e-3)),
    "hard_tanh": (lambda: bm.hard_tanh(X, -0.5, 2), np.clip(X, -0.5, 2)),
    "hard_shrink": (lambda: bm.hard_shrink(X, 1.0), np.where(abs(X) > 1, X, 0)),
    "soft_shrink": (lambda: bm.soft_shrink(X, 1.0), np.sign(X) * np.maximum(abs(X) - 1, 0)),
    "tanh_shrink": (lambda: bm.tanh_shrink(X), X - np.tanh(X)),
    "prelu": (lambda: bm.prelu(X, 0.5), np.where(X >= 0, X, X / 2)),
    "softmin": (lambda: bm.softmin(X), np.exp(-X) / np.exp(-X).sum(-1, keepdims=True)),
    "softplus": (lambda: bm.softplus(X, 2.0, 10), np.log1p(np.exp(2 * X.astype(float))) / 2),
    "normalize": (
        lambda: bm.normalize(X),
        (X - X.mean(-1, keepdims=True)) / np.sqrt(X.var(-1, keepdims=True) + 1e-5),
    ),
    "add_axis": (lambda: bm.add_axis(X, 1), X[:, None]),
    "add_axes": (lambda: bm.add_axes(X, 4, {0: 2, 3: 1}), np.stack([X, X])[..., None]),
    "asfarray": (lambda: bm.asfarray([1, 2]), np.array([1.0, 2.0])),
    "in1d": (lambda: bm.in1d(X, [2.0, 30.0]), np.isin(X.ravel(), [2.0, 30.0])),
    "msort": (lambda: bm.msort(X), np.sort(X, 0)),
    "as_jax": (lambda: bm.as_jax(bm.array(X), int), X.astype(int)),
    "as_numpy": (lambda: bm.as_numpy([bm.array(1), 2]), np.array([1, 2])),
}


@pytest.mark.parametrize("name", VALUES)
def test_functions_have_the_values_of_their_formulas(name):
    fun, expected = VALUES[name]
    found = fun()
    assert found.shape == expected.shape and found.dtype.kind == expected.dtype.kind
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


def test_exprel_has_derivatives_at_zero():
    for order, expected in ((1, 1 / 2), (2, 1 / 3)):
        derivative = bm.exprel
        for _ in range(order):
            derivative = jax.grad(lambda x, f=derivative: jnp.asarray(f(x)))
        assert float(derivative(0.0)) == pytest.approx(expected)


def test_conversions():
    a = bm.array(X)
    assert isinstance(bm.as_jax(a), jax.Array) and type(bm.as_numpy(a)) is np.ndarray
    assert type(bm.as_variable(a)) is bm.Variable and type(bm.from_numpy(X)) is bm.Array
    assert (bm.is_bp_array(a), bm.is_bp_array(X)) == (True, False)
    assert (bm.is_float_type(a), bm.is_float_type([1])) == (True, False)
    assert bm.asscalar(bm.array([3])) == 3
    assert (bm.float, bm.int, bm.cfloat) == (bm.float32, bm.int32, bm.complex64)


def test_axes_are_joined_and_split_as_views():
    a = bm.arange(24).reshape(2, 3, 4)
    assert bm.flatten(a, 1).shape == (2, 12) and bm.flatten(a).shape == (24,)
    assert bm.unflatten(bm.flatten(a, 1), -1, (3, -1)).tolist() == a.tolist()
    bm.flatten(a, 1)[0, 0] = 7
    assert a[0, 0, 0].item() == 7
    with pytest.raises(ValueError, match="reshape"):
        bm.unflatten(a, 0, (3, -1))


IN_PLACE = ("arccos", "arcsin", "arctan", "cos", "sin", "sinh", "tan", "tanh")


@pytest.mark.parametrize("name", IN_PLACE)
def test_methods_with_an_underscore_change_the_array(name):
    for run in (lambda f: f, sj.jit):
        a = bm.array([[0.5, 0.25], [-0.5, 0.1]])
        row = a[1]
        returned = run(lambda row: getattr(row, name + "_")())(row)
        np.testing.assert_allclose(a[1], getattr(np, name)(np.array([-0.5, 0.1])), rtol=1e-5)
        assert a[0].tolist() == [0.5, 0.25] and (returned is row)
    with pytest.raises(TypeError, match="same_kind"):
        getattr(bm.arange(2), name + "_")()


def test_other_methods_in_place():
    a = bm.array([3.0, -2.0, 1.0])
    assert a.clamp_(-1, 2) is a and a.tolist() == [2, -1, 1]
    assert a.fill_(4) is a and a.tolist() == [4, 4, 4]
    assert a[1:].zero_().tolist() == [0, 0] and a.tolist() == [4, 0, 0]
    a.update(np.float32([1, 2, 3]))
    assert a.tolist() == [1, 2, 3]
    for wrong in (np.float32([1, 2]), np.int32([1, 2, 3])):
        with pytest.raises(ValueError, match="can't be updated"):
            a.update(wrong)


def test_other_methods():
    a, x = bm.array(X), X
    for found, expected in (
        *((a.abs(), abs(x)), (a.absolute(), abs(x)), (a.mul(2), x * 2), (a.multiply(x), x * x)),
        *((a.pow(2), x**2), (a.outer([1.0, 2.0]), np.outer(x, [1, 2])), (a.tile(2), np.tile(x, 2))),
        *((a.unsqueeze(1), x[:, None]), (a.expand_dims((0, -1)), x[None, ..., None])),
        *((a.expand(2, -1, 3), np.stack([x, x])), (a[0].expand_as(x), np.stack([x[0], x[0]]))),
        *((a.split(3, 1)[1], x[:, 1:2]), (a.clone(), x), (a.clamp(0, 1), np.clip(x, 0, 1))),
        (a.addr([1.0, 2.0], x[0], beta=2.0, alpha=3.0), 2 * x + 3 * np.outer([1, 2], x[0])),
    ):
        assert type(found) is bm.Array
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert [getattr(a, n)().dtype for n in ("half", "float", "int", "bool")] == [
        *("float16", "float32", "int32", "bool")
    ]
    assert type(a.numpy()) is np.ndarray and isinstance(a.to_jax(), jax.Array)
    assert type(a.as_variable()) is bm.Variable
    with pytest.raises(ValueError, match="read-only"):
        a.expand(2, 2, 3)[0] = 1
    for wrong in ((-1, 2, 3), (3,)):
        with pytest.raises(ValueError):
            a.expand(*wrong)


# Patterns --------------------------------------------------------------------------------------

A = np.arange(24).reshape(4, 3, 2)
REARRANGED = {
    ("a b c -> c b a", ()): A.transpose(2, 1, 0),
    ("(x y) b c -> x (b y) c", (("y", 2),)): (
        A.reshape(2, 2, 3, 2).transpose(0, 2, 1, 3).reshape(2, 6, 2)
    ),
    ("... c -> c ...", ()): np.moveaxis(A, -1, 0),
    ("a ... -> (...) a", ()): A.reshape(4, 6).T,
    ("a b c -> a 1 (b c)", ()): A.reshape(4, 1, 6),
}


@pytest.mark.parametrize("case", REARRANGED)
def test_patterns_rearrange(case):
    (pattern, lengths), expected = case, REARRANGED[case]
    assert bm.ein_rearrange(bm.array(A), pattern, **dict(lengths)).tolist() == expected.tolist()
    jitted = sj.jit(lambda a: bm.ein_rearrange(a, pattern, **dict(lengths)))
    assert jitted(jnp.asarray(A)).tolist() == expected.tolist()


def test_patterns_reduce_repeat_stack_and_name():
    a = bm.array(A)
    assert bm.ein_reduce(a, "a b c -> b", "sum").tolist() == A.sum((0, 2)).tolist()
    assert bm.ein_reduce(a, "(x y) ... -> x ...", "max", x=2).tolist() == (
        A.reshape(2, 2, 3, 2).max(1).tolist()
    )
    assert bm.ein_reduce(a, "a b c -> a ()", lambda x, axes: x.min(axes)).shape == (4, 1)
    assert bm.ein_reduce(a, "a b c ->", "prod").shape == ()
    assert bm.ein_repeat(a[0], "b c -> b (c n) m", n=2, m=1).tolist() == (
        np.repeat(A[0], 2, 1)[..., None].tolist()
    )
    assert (
        bm.ein_rearrange([a[0], a[1]], "n b c -> (n b) c").tolist() == A[:2].reshape(6, 2).tolist()
    )
    assert bm.ein_shape(a, "n _ m") == {"n": 4, "m": 2}
    v = bm.ein_rearrange(a, "a (b c) d -> c a b d", c=3)
    v[0] = -1
    assert (a[:, 0] == -1).all() and not (a[:, 1:] == -1).any()  # a view
    r = bm.ein_repeat(a[0], "b c -> b c n", n=2)
    r[:] = 5
    assert not (a == 5).all()


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("a b c", "one arrow"),
        ("a b -> b a", "does not fit an array of 3 axes"),
        ("a b c -> a b", "one side"),
        ("a b c -> a b c d", "one side"),
        ("a a c -> a c", "a name of its own"),
        ("(a x) b c -> a x b c", "can't be told"),
        ("(a b c -> a b c", "not closed"),
        ("a b! c -> a b c", "no name of an axis"),
        ("(a ...) b -> a b", "can't be in parentheses"),
        ("a 1 c -> a c", "is not"),
        ("(a z) b c -> a z b c", "is not"),
    ],
)
def test_patterns_that_do_not_fit_are_refused(pattern, message):
    lengths = {"z": 3} if "z" in pattern else {}
    with pytest.raises(ValueError, match=message):
        bm.ein_rearrange(bm.array(A), pattern, **lengths)
    with pytest.raises(ValueError, match="no axes of"):
        bm.ein_rearrange(bm.array(A), "a b c -> a b c", q=3)


def test_arrays_with_more_methods_copy_and_pickle_as_before():
    a = bm.array([1.0, 2.0])
    assert copy.deepcopy(a).tolist() == [1, 2] and bool(a.any()) and int(a[0]) == 1
