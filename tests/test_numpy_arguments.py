"""What functions of the NumPy namespace are given: NumPy's arguments, in its order and its range."""

import jax
import numpy as np
import pytest

import statejit as sj
import statejit.numpy as snp
from statejit.errors import TracedControlFlowError

NARROW = {"float64": "float32", "int64": "int32", "complex128": "complex64", "uint64": "uint32"}


def described(value):
    if isinstance(value, (np.ndarray, np.generic, sj.Array)):
        dtype, content = str(value.dtype), np.asarray(value)
        return (
            NARROW.get(dtype, dtype),
            content.shape,
            str(np.round(content.astype(complex), 3).tolist()),
        )
    return [described(v) for v in value] if isinstance(value, (list, tuple)) else value


def kind(error):
    return next(cls for cls in type(error).__mro__ if cls.__module__ == "builtins")


def outcome(xp, expression):
    a = xp.array(np.array([[3, 1, 2], [5, 4, 6]], np.float32))
    names = {"xp": xp, "np": np, "a": a, "w": xp.array(np.array([1, 2, 3], np.float32))}
    names |= {"m": xp.array(np.array([[True, False, True], [True, True, False]]))}
    names |= {"i": xp.array(np.array([1, 0, 2], np.int32)), "u": xp.array([1, 2, 3], "uint8")}
    names["o"] = lambda shape, dtype="float32": xp.zeros(shape, dtype)
    try:
        return described([eval(expression, names), names["a"], names["u"]])
    except (TypeError, ValueError, ArithmeticError, IndexError) as error:
        return kind(error), str(error) if isinstance(error, OverflowError) else ""


ARGUMENTS = """
a.sum(0, None, o(3))
a.max(0, o(3))
a.argmax(0, o(3, "int32"))
a.clip(1, 4, o((2, 3)))
xp.clip(a, 1, 2, o((2, 3)))
xp.clip(a, a_min=2, a_max=None)
xp.clip(a, 1, 4, where=m, out=o((2, 3)))
xp.clip(a, 1, 4, dtype="float32", casting="unsafe")
xp.dot(a, a.T, o((2, 2)))
xp.compress([True, False], a, 0, o((1, 3)))
xp.concatenate([a, a], 0, o((4, 3)))
xp.einsum("ij,kj", a, a, order="C", casting="safe", dtype="float32")
xp.median(a, 0, overwrite_input=True)
a.argpartition(1, 1, "introselect")
xp.partition(w[::-1], (0, 1))
xp.partition(w, 5)
xp.meshgrid(w, i, indexing="ij", sparse=True, copy=False)
xp.pad(w, {0: (1, 2)})
xp.unravel_index([5, 1], (2, 3), order="F")
xp.unravel_index(6, (2, 3))
xp.ravel_multi_index(([0, 3], [1, 4]), (2, 3), mode=("clip", "wrap"))
xp.ix_([True, False, True], [1])
xp.fromiter(iter([1, 2, 3]), "int32", 2)
xp.gradient(xp.array([1.0, 4, 9]), 2.0, edge_order=2)
xp.gradient(a, xp.array([0.0, 1]), xp.array([0.0, 1, 3]))
xp.histogram(w, 2, (0, 4), True)
xp.histogram(w, bins="sturges")
xp.quantile(a, [0.3, 0.5], 1, method="hazen", keepdims=True)
xp.quantile(a, 0.25, method="averaged_inverted_cdf")
xp.quantile(xp.append(w, xp.nan), 0.5, method="closest_observation")
xp.nanquantile(xp.append(w, xp.nan), 0.4, method="weibull")
xp.linalg.matrix_rank(A=a, tol=100.0)
xp.add(w, 1, signature="ff->f")
xp.add.reduceat(w, [0, 2], out=o(2))
xp.cross([1, 2, 3], w)
xp.arange(stop=3)
xp.broadcast_to(w, (2, 3), subok=True)
xp.append(u, 5)
xp.histogram(i, [0, 1, 3])
xp.polymul([1, 2], [3, 4])
xp.polymul([0, 0, 20001], [30001, 1])
u.cumsum(), xp.nancumprod(u), xp.add.accumulate(u), xp.multiply.reduceat(u, [0, 2])
xp.convolve(u, [1, 1]), xp.correlate(u[:2], i, "same"), xp.convolve(m[0], m[1])
xp.quantile(i, [[0.2, 0.5]], method="lower"), xp.percentile(u, 40, method="inverted_cdf")
xp.quantile(w, 1), xp.quantile(a, [[0.5], [1]], axis=0)
xp.quantile(i, 1.5, method="nearest")
xp.percentile(w, [50, 101])
xp.percentile(xp.arange(101.0), [29, 57]), xp.quantile(w, [0.1, 0.3, 0.7])
xp.quantile(xp.arange(101, dtype="float32"), [0.29, 0.57], method="higher")
xp.quantile(i, 0.5, weights=i, method="inverted_cdf", keepdims=True)
xp.quantile(a[:0], 0.5), xp.nanquantile(a[:0], 0.5)
xp.median(a[:0]), xp.median(a[:0], 0, keepdims=True), xp.nanmedian(a[:, :0], 1)
xp.tile(w, (2, -1))
xp.insert(i, 4, 1)
xp.average(w, weights=w - w)
xp.average(a, 1, weights=[1, 0, 2]), xp.average(a, 0, a, True, keepdims=True)
xp.histogram(w, 0)
xp.histogram(w, 2, (3, 1))
xp.histogram(w, 2, weights=i), xp.bincount([], minlength=2), xp.polydiv([1, 0, -1], [1, -1])
xp.delete(i, []), xp.array(w, ndmin=3, copy=None)
(lambda x: (xp.nan_to_num(x, copy=False), x, np.nan_to_num(x * xp.nan, copy=False)))(w * xp.nan)
[a.conj() is a, a.astype(a.dtype, copy=False) is a, xp.astype(a, a.dtype, copy=False) is a]
[np.may_share_memory(a, a[0]), np.shares_memory(a[0], a[1]), np.shares_memory(np.ones(3), a)]
np.random.default_rng(0).permutation(i)
xp.insert(a, [0, -3], 1, axis=1), xp.insert(i, 3, 1)
[0] * i[2], i[2] * (1, 2), "ab" * i[2], [2] * i[2:].sum(), [2] * xp.array(3), [2] + i[2]
[0] * w[0]
[1, 2][round(w[0])], round(w[1] / 7, 2), "ab"[round(a.mean() / 9)]
round(w[0] * xp.nan)
xp.polyfit(i, [1, 3, 5], 1), xp.ogrid[:2, :1], type(xp.ogrid[:2, :1])
xp.einsum_path("ij,jk,kl", a, a.T, a)[0], xp.einsum_path("ij,ij", a, a, optimize="optimal")[0]
xp.einsum("ij,jk,kl->il", a, a.T, a, optimize=["einsum_path", (0, 1), (0, 1)])
xp.kron(m[0], m[0, :2]), xp.kron(i, m[1])
xp.bincount(i, i), xp.bincount([1, 2], [1j, 2])
xp.bincount(w)
[getattr(xp.frompyfunc(max, 2, 1, identity=0), s) for s in ("nin", "nout", "nargs", "identity")]
xp.reciprocal(i[::2]), xp.vander(u, 2), xp.dot(u, 2)
xp.clip(w, [2, 1, 4], 3)
xp.nanargmax([xp.nan, xp.nan])
xp.fill_diagonal(a.reshape(3, 2)[:1], 5), xp.fill_diagonal(a.T.copy(), 9, wrap=True)
xp.fill_diagonal(a.reshape(6, 1), 7, wrap=True)
xp.flip(xp.array(True)) / 2
xp.linalg.eigvalsh(a[:, :2], "U"), xp.linalg.eigh(a[:, :2], UPLO="l").eigenvalues
xp.linalg.eigh(a[:, :2], "X")
xp.apply_along_axis(sorted, 1, a), xp.apply_along_axis(lambda r: [r.max(), 1], 0, a)
xp.apply_along_axis(lambda r: (r.sort(), r)[1], 1, a.copy())
xp.apply_over_axes(xp.sum, a, [0, -1]), xp.apply_over_axes(lambda x, i: x.max(i), w, 0)
xp.apply_over_axes(lambda x, i: x[0, 0], a, [0])
xp.vectorize(lambda x, y: x - y if x > y else x + y)(a, w), xp.vectorize(lambda x: x * 2, "d")(i)
xp.vectorize(lambda p, x: x * len(p), excluded=["p"])(p=[1, 2], x=i)
xp.bincount(i, w), xp.bincount([1], minlength=3), xp.digitize(w, [3, 2, 1], True)
xp.bincount([-1])
xp.digitize(w, [1, 3, 2])
xp.histogram(w, [3, 1, 2])
w == None, None != w, w == "text", w[0] == None
a.resize(3, 2), w.resize()
xp.polydiv([3.0, 5, 2], [2.0, 1])
xp.polyder([1, 1, 1])
xp.diff(u, prepend=3)
xp.add(i, 1, out=a + 0.5, where=i > 0)
w.__setitem__(slice(None), [[1, 2, 3]])
a.__setitem__(0, ([1, 2, 3],))
w.__setitem__(slice(0, 2), [w[:2]])
w.__setitem__((0, None), [1]), w.__setitem__([0, 1], [[1, 2]])
w.fill([1])
w.fill(w[:1])
w.compress([1, 0, 0, 0]), w.compress([1])
w.compress([1, 0, 0, 1])
xp.sort(w, kind="bad")
xp.argsort(w, -1, "bad")
w.sort(kind="bad")
w.argsort(kind=3)
xp.sort(w, kind="stable", stable=True)
xp.partition(w, 1, kind="bad")
w.partition(1, kind="bad")
w.argpartition(1, kind="quicksort")
xp.sort(w, kind="Heap"), w.sort(stable=True), w.sort(kind="quicksort"), w.argsort(kind=None)
a.mean(0, out=o(3, int)), (a / 2).sum(0, out=o(3, int)), xp.cumsum(w / 2, out=o(3, int))
xp.median(a, 0, out=o(3, int)), xp.nanmax(a, 0, out=o(3, int)), a.var(0, out=o(3, int))
xp.add.accumulate(w / 2, out=o(3, int)), xp.add.reduce(w / 2, out=o((), int))
xp.maximum.reduce(a, 0, out=o(3, int)), xp.trace(a, out=o((), int)), a.all(0, out=o(3))
a.std(0, out=o(3, int))
xp.nanmean(a, 0, out=o(3, int))
xp.add.outer(w, w, out=o((3, 3), int))
a.argmax(0, out=o(3, "uint8")), a.argmin(0, out=o(3, "int16"))
a.argmax(0, out=o(3))
xp.fft.fft([])
xp.fft.rfftn(xp.zeros((2, 0)))
xp.fft.irfft([1.0])
xp.lib.stride_tricks.sliding_window_view(a, (2, 2)), xp.lib.stride_tricks.as_strided(w, (2,))
[(v := np.lib.stride_tricks.sliding_window_view(a[:, ::2].T, 2, -1)), v.flags.writeable]
(lambda v: (a.fill(9), v, v.max(-1), v.T.ndim))(xp.lib.stride_tricks.sliding_window_view(a, 2, 1))
xp.lib.stride_tricks.sliding_window_view(a, 3, 0)
xp.lib.stride_tricks.sliding_window_view(a, 2, 1).fill(1)
(lambda v: (w.fill(7), v))(xp.lib.stride_tricks.as_strided(w, (2, 2), 2 * w.strides))
xp.choose([0, 2], [[1, 2], [3, 4]])
xp.fft.fft(xp.zeros((0, 2))), xp.fft.ifft2(xp.zeros((0, 1, 2)))
"""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy's median of nothing
def test_arguments_mean_what_they_mean_in_numpy():
    for expression in ARGUMENTS.strip().splitlines():
        assert outcome(snp, expression) == outcome(np, expression), expression


WITH_64_BITS = """
xp.searchsorted(w, 2), w.searchsorted([2]), xp.digitize(w, [2]), xp.argpartition(w, 1)
w.argpartition(1), w.argsort(), w.argmax(), xp.lexsort((w, w)), xp.count_nonzero(w), xp.nonzero(w)
xp.quantile(i, 0.5, weights=i, method="inverted_cdf"), xp.median(w[:0]), xp.tri(2), xp.tri(2, dtype=int)
xp.histogram(w), xp.bincount(i), xp.unique(w, True, True, True), xp.indices((1, 2)), xp.fft.rfft(w)
(i > 0).mean(), xp.mean(u), i.std(), i.var(ddof=1), xp.nanmean(i), xp.median(i), a.mean(), (a > 1).mean(1)
xp.arange(3) * w.astype(float), xp.linspace(0, 1, 3), xp.median(xp.arange(3)), w.mean(), (i > 0).sum(), u.sum()
"""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy's median of nothing
def test_dtypes_are_numpys_with_64_bits(monkeypatch):
    monkeypatch.setattr(f"{__name__}.NARROW", {})
    with jax.enable_x64(True):
        for expression in WITH_64_BITS.strip().splitlines():
            assert outcome(snp, expression) == outcome(np, expression), expression


OUT_OF_RANGE = """
xp.full(3, 300, "uint8")
xp.full(3, -1, dtype="uint8")
xp.full_like(u, 300)
xp.array(300, "uint8")
xp.array([[1], [300]], "uint8")
xp.asarray([1, -1], dtype="uint8")
xp.clip(u, 0, 300)
xp.clip(u, 300, None)
u.clip(-1, 2)
xp.pad(u, 1, constant_values=300)
xp.copyto(u, 300)
xp.copyto(u, 9)
xp.put(u, [0, 1], [1, 300])
u.put(0, -1)
xp.putmask(u, u > 1, [300, 1])
xp.place(u, u > 1, 300)
xp.insert(u, 0, [1, 300])
xp.insert(u, [0, 1], [1, 7])
xp.append(u, 300)
xp.put_along_axis(u, xp.array([0]), 300, 0)
xp.arange(-3, 3, dtype="uint8")
u.__setitem__(slice(0, 2), [1, 300])
u.fill(-1)
xp.max(u, initial=300), xp.max(u, initial=7), u.min(initial=2)
u.max(initial=300)
u.min(initial=-1)
xp.amin(u, initial=-1)
xp.nanmax(u, 0, initial=300)
xp.sum(u, initial=300), u.prod(initial=300), xp.add.reduce(u, initial=300)
xp.maximum.reduce(u, initial=300)
xp.bitwise_or.reduce(u, initial=300)
xp.max(a=u, initial=300)
xp.sum(u, initial=300, dtype="uint8")
u.sum(None, "uint8", initial=-1)
xp.nanprod(u, dtype="uint8", initial=300)
xp.add.reduce(u, 0, "uint8", None, False, 300)
xp.logical_or.reduce(u, initial=300), xp.logical_and.reduce(u, initial=300)
xp.add.outer(u, 300), xp.multiply.outer(300, u), xp.maximum.outer(u, 2)
xp.outer(u, 300), xp.kron(u, 300), xp.kron(300, u), xp.inner(u, 300), xp.inner(300, u)
xp.vdot(u[:1], 300), xp.tensordot(u, 300, 0), xp.dot(u, 300)
xp.stack([u[0], 300]), xp.hstack([u, 300]), xp.vstack([u[:1], 300]), xp.dstack([u[:1], 300])
xp.column_stack([u[:1], 300]), xp.block([[u, 300], [300, u]]), xp.hstack([u, 3, [300]])
xp.polyval(u, 300), xp.polyval(300, u), xp.polyadd(u, 300), xp.polysub(300, u), xp.polymul(u, 300)
xp.convolve(u, 300), xp.convolve(300, u), xp.polydiv(w, 2)
xp.setxor1d(u, 300), xp.intersect1d(u, 300), xp.setxor1d(300, u)
xp.piecewise(u, [u > 1], [300])
xp.piecewise(u, [u > 1], [lambda x: x * 2, -1])
xp.piecewise(u, [u > 1, u > 2], [3, lambda x: x * 2, 7]), xp.piecewise(u, u > 1, [3, 4])
xp.piecewise(u, [u > 1], [lambda x: x + 300])
xp.piecewise(a[:, :2], a[:, :2] > 3, [1, 2]), xp.piecewise(a, [[True, False]], [1, 2])
xp.piecewise(u, xp.array([[True, False, True], [False, True, False]]), [1, 2])
xp.piecewise(3.0, [False, True], [1, 2]), xp.piecewise(a, True, [1])
xp.piecewise(u, [True], [1])
xp.piecewise(a, [[True, False, True]], [1])
xp.correlate(u, 3)
xp.piecewise(-2.0, True, [lambda x, by: x * by, 3], 2), xp.piecewise(u, [True, False, True], [3])
xp.fromfunction(lambda i: i + 300, (2,), dtype="uint8")
xp.fromfunction(lambda i, by: i * by, (2,), by=3, like=None)
xp.pad(u.astype("int8"), 1, constant_values=300)
xp.pad(u.astype("int8"), 1, constant_values=(1, -129))
xp.where(w > 1, u, 3), xp.where(w > 1, 3, u), xp.where(w > 1, u > 1, 300), xp.where(w > 1, w, 10**30)
"""


def test_python_integers_that_a_dtype_can_not_hold_are_numpys_matter_wherever_they_go():
    for expression in OUT_OF_RANGE.strip().splitlines():
        assert outcome(snp, expression) == outcome(np, expression), expression


def test_random_keys_are_joined_and_chosen_as_before():
    key, other = jax.random.split(jax.random.key(0))
    found = [snp.stack([key, other]), snp.hstack([key[None], other[None]])]
    found = [*found, snp.where(snp.array([True, False]), key, other)]
    for keys in found:
        assert jax.random.bits(keys.value[1]) == jax.random.bits(other)


def test_where_never_cuts_a_python_integer_to_the_dtype_of_the_array():
    # NumPy does so up to 2.4, and refuses it from 2.5 on.
    for of in (lambda u: snp.where(u > 1, u, 300), lambda u: snp.where(u > 1, -1, u)):
        for called in (of, sj.jit(of)):
            with pytest.raises(OverflowError, match="out of bounds for uint8"):
                called(snp.array([1, 2], "uint8"))


class Numbered(sj.Base):
    """Has a number that the functions below read."""

    def __init__(self):
        self.n = 3


PUT_IN = {
    "full": lambda u, n: snp.full(2, n, "uint8"),
    "full_like": lambda u, n: snp.full_like(u, n),
    "array": lambda u, n: snp.array([1, n], "uint8"),
    "asarray": lambda u, n: snp.asarray([[1], [n]], "uint8"),
    "setitem": lambda u, n: u.__setitem__(slice(0, 2), [n, 1]),
    "where": lambda u, n: snp.where(u > 1, u, n),
    "max": lambda u, n: u.max(initial=n),
    "pad": lambda u, n: snp.pad(u.astype("int8"), 1, constant_values=n),
    "piecewise": lambda u, n: snp.piecewise(u, [u > 1], [n, 3]),
}


@pytest.mark.parametrize("name", PUT_IN)
def test_an_integer_that_varies_is_refused_where_one_that_does_not_is(name):
    model = Numbered()

    def put(u):
        return PUT_IN[name](u, model.n), u

    compiled = sj.jit(put)
    for n in (3, 4, 300, 5):
        model.n = n
        found = []
        for called in (put, compiled):
            try:
                found.append(described(called(snp.array([1, 2], "uint8"))))
            except OverflowError as error:
                found.append(str(error))
        assert found[0] == found[1], n
    model.n = 300
    with pytest.raises(OverflowError, match="300 out of bounds for u?int8"):
        compiled(snp.array([1, 2], "uint8"))


MULTIPLIED = {
    "outer": lambda u, n: snp.outer(u, n),
    "add.outer": lambda u, n: snp.add.outer(n, u),
    "kron": lambda u, n: snp.kron(u, n),
    "hstack": lambda u, n: snp.hstack([u, n]),
    "block": lambda u, n: snp.block([[u, n]]),
    "polyval": lambda u, n: snp.polyval(u, n),
    "polymul": lambda u, n: snp.polymul(u, n, trim_leading_zeros=False),
}


@pytest.mark.parametrize("name", MULTIPLIED)
def test_an_integer_that_varies_has_a_dtype_of_its_own_beside_narrow_arrays(name):
    model = Numbered()
    compiled = sj.jit(lambda u: MULTIPLIED[name](u, model.n))
    u = snp.array([1, 2], "uint8")
    for n in (3, 4, 300, -5):
        model.n = n
        assert described(compiled(u)) == described(MULTIPLIED[name](u, n))


def test_products_of_polynomials_are_trimmed_as_in_numpy_or_refused():
    p, q = snp.array([0, 1, 2]), snp.array([0.0, 1.0, 3.0])
    for a, b in ((p, p), (p, q), (q, q)):
        assert snp.polymul(a, b).tolist() == np.polymul(np.asarray(a), np.asarray(b)).tolist()
        with pytest.raises(TracedControlFlowError, match="trim_leading_zeros=False"):
            sj.jit(snp.polymul)(a, b)
        kept = sj.jit(lambda a, b: snp.polymul(a, b, trim_leading_zeros=False))(a, b)
        assert kept.tolist() == [0, 0, *snp.polymul(a, b).tolist()]
    with pytest.raises(TracedControlFlowError, match="trim_leading_zeros=False"):
        sj.jit(snp.polydiv)(q[1:], q[1:])
    quotient, _ = sj.jit(lambda a, b: snp.polydiv(a, b, trim_leading_zeros=False))(q[1:], q[1:])
    assert quotient.tolist() == [1.0]


def test_the_users_functions_are_called_as_numpy_calls_them():
    def framed(row, widths, axis, options):
        row[: widths[0]] = options.get("by", 1)
        row[len(row) - widths[1] :] = axis

    def returned(row, widths, axis, options):
        return row.at[: widths[0]].set(9)

    a = np.arange(6).reshape(2, 3)
    for called in (lambda f: f(), lambda f: sj.jit(f)()):
        found = called(lambda: snp.pad(snp.array(a), (1, 2), framed, by=7))
        np.testing.assert_array_equal(found, np.pad(a, (1, 2), framed, by=7))
        assert called(lambda: snp.pad(snp.array(a), 1, returned))[0].tolist() == [9] * 5
        for of in (
            lambda i, j: i[:1] + j,
            lambda i, j: i.sum(),
            lambda i, j: i.__iadd__(j),
            lambda i, j: i == j,
        ):
            found = np.asarray(called(lambda: snp.fromfunction(of, (2, 3), dtype=int)))
            np.testing.assert_array_equal(found, np.fromfunction(of, (2, 3), dtype=int))


def test_an_integer_that_varies_is_checked_when_it_is_assigned():
    def fill(u, n):
        u[:] = n
        return u

    filled = sj.jit(fill)
    assert [filled(snp.zeros(2, "uint8"), n).tolist() for n in (3, 200)] == [[3, 3], [200, 200]]
    with pytest.raises(OverflowError, match="out of bounds for uint8"):
        filled(snp.zeros(2, "uint8"), 300)


def test_an_array_that_views_show_is_not_resized():
    for xp in (np, snp):
        a = xp.zeros(3)
        view = a[1:]
        with pytest.raises(ValueError, match="cannot resize an array"):
            a.resize(5)
        assert (a.shape, view.shape) == ((3,), (2,))
        a.resize((3, 1))  # as many elements: they stay where they are
        assert (a.shape, view.shape, float(view[1])) == ((3, 1), (2,), 0)
        del view
        a.resize(5)
        assert a.shape == (5,)
