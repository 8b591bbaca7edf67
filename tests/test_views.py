"""Views: what NumPy gives as a view reads and writes through, everywhere; the rest is a copy."""

import copy
import itertools
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import statejit as sj
import statejit.numpy as snp
from statejit import Array

VIEWS = {
    "a[1]": lambda xp, a: a[1],
    "a[:, 1]": lambda xp, a: a[:, 1],
    "a[..., 0]": lambda xp, a: a[..., 0],
    "a[::2]": lambda xp, a: a[::2],
    "a[..., ::-1]": lambda xp, a: a[..., ::-1],
    "a[..., 2:0:-1]": lambda xp, a: a[..., 2:0:-1],
    "a[None]": lambda xp, a: a[None],
    "a[..., None]": lambda xp, a: a[..., None],
    "a[1, ..., ::2]": lambda xp, a: a[1, ..., ::2],
    "a[:, None, -2:]": lambda xp, a: a[:, None, -2:],
    "a[:0]": lambda xp, a: a[:0],
    "a[...]": lambda xp, a: a[...],
    "a.T": lambda xp, a: a.T,
    "a.mT": lambda xp, a: a.mT,
    "a.transpose": lambda xp, a: a.transpose(np.roll(range(a.ndim), 1).tolist()),
    "a.swapaxes": lambda xp, a: a.swapaxes(0, -1),
    "moveaxis": lambda xp, a: xp.moveaxis(a, 0, -1),
    "rollaxis": lambda xp, a: xp.rollaxis(a, 1),
    "permute_dims": lambda xp, a: xp.permute_dims(a, tuple(range(a.ndim))[::-1]),
    "matrix_transpose": lambda xp, a: xp.matrix_transpose(a),
    "a.reshape(-1)": lambda xp, a: a.reshape(-1),
    "reshape": lambda xp, a: xp.reshape(a, (a.shape[0], -1, 1)),
    "reshape in F": lambda xp, a: a.reshape(-1, order="F"),
    "a.ravel": lambda xp, a: a.ravel(),
    "ravel": lambda xp, a: xp.ravel(a, order="K"),
    "a.squeeze": lambda xp, a: a[:1].squeeze(),
    "squeeze": lambda xp, a: xp.squeeze(a[:, :1], 1),
    "expand_dims": lambda xp, a: xp.expand_dims(a, (0, 2)),
    "atleast_3d": lambda xp, a: xp.atleast_3d(a),
    "atleast_2d": lambda xp, a: xp.atleast_2d(a[0, 0]),
    "flip": lambda xp, a: xp.flip(a),
    "flipud": lambda xp, a: xp.flipud(a),
    "fliplr": lambda xp, a: xp.fliplr(a),
    "rot90": lambda xp, a: xp.rot90(a),
    "rot90 twice": lambda xp, a: xp.rot90(a, 2, (1, 0)),
    "rot90 back": lambda xp, a: xp.rot90(a, -1),
    "split": lambda xp, a: xp.split(a, [1, 2], -1)[1],
    "array_split": lambda xp, a: xp.array_split(a, 3, -1)[0],
    "vsplit": lambda xp, a: xp.vsplit(a, [1])[0],
    "hsplit": lambda xp, a: xp.hsplit(a, [1])[1],
    "unstack": lambda xp, a: xp.unstack(a)[-1],
    "an item of the iterator": lambda xp, a: list(a)[0],
    "broadcast_arrays": lambda xp, a: xp.broadcast_arrays(a, a)[0],
    "a.real": lambda xp, a: a.real,
    "real": lambda xp, a: xp.real(a),
    "a.view": lambda xp, a: a.view(),
    "other bits": lambda xp, a: a.view("int32") if a.dtype == "float32" else a.view("float32"),
    "asarray": lambda xp, a: xp.asarray(a),
    "array": lambda xp, a: xp.array(a, copy=None if xp is np else False),
}

COPIES = {
    "a list": lambda xp, a: a[[0, 1]],
    "a mask": lambda xp, a: a[a > 3],
    "an array": lambda xp, a: a[xp.array([1, 0])],
    "an array and a slice": lambda xp, a: a[:, [0, 1]],
    "flatten": lambda xp, a: a.flatten(),
    "copy": lambda xp, a: a.copy(),
    "the function copy": lambda xp, a: xp.copy(a),
    "array": lambda xp, a: xp.array(a),
    "astype": lambda xp, a: a.astype(a.dtype),
    "ravel in another order": lambda xp, a: a.T.ravel(),
    "reshape in another order": lambda xp, a: a.T.reshape(-1),
    "take": lambda xp, a: xp.take(a, [0], 0),
    "positive": lambda xp, a: +a,
    "concatenate": lambda xp, a: xp.concatenate([a]),
    "sort": lambda xp, a: xp.sort(a),
    "where": lambda xp, a: xp.where(a > 3, a, 0),
    "roll": lambda xp, a: xp.roll(a, 0),
    "flat with an index": lambda xp, a: a.flat[:3],
    "tile": lambda xp, a: xp.tile(a, 1),
}

READ_ONLY = {
    "a.diagonal": lambda xp, a: a.diagonal(),
    "diagonal": lambda xp, a: xp.diagonal(a, 1, 1, 2),
    "diag": lambda xp, a: xp.diag(a[0]),
    "broadcast_to": lambda xp, a: xp.broadcast_to(a, (2, *a.shape)),
}


def numbers():
    return np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def both(fun, change):
    """Returns what happens to an array and a view of it, in NumPy and here."""
    for xp in (np, snp):
        a = xp.array(numbers())
        v = fun(xp, a)
        yield change(xp, a, v)


def agree(found, expected):
    assert len(found) == len(expected)
    for ours, numpys in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), numpys)


# Which are views -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_reads_and_writes_through(name):
    def change(xp, a, v):
        seen = xp.array(v)
        a += 100
        written = xp.array(v)
        v[...] = v[...] * 0 + 7
        return seen, written, a, v

    expected, found = both(VIEWS[name], change)
    agree(found, expected)


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_does_not(name):
    def change(xp, a, v):
        a += 100
        v[...] = 7
        return a, v

    expected, found = both(COPIES[name], change)
    agree(found, expected)


@pytest.mark.parametrize("name", READ_ONLY)
def test_what_is_read_only_in_numpy_reads_through_and_is_read_only(name):
    def change(xp, a, v):
        a[:, 0, 0] = 50
        with pytest.raises(ValueError, match="read-only"):
            v[..., 0] = 1
        with pytest.raises(ValueError, match="read-only"):
            v += 1
        with pytest.raises(ValueError, match="read-only"):
            xp.add(v, 1, out=v)
        if xp is snp:  # NumPy lets those be written who insist
            with pytest.raises(ValueError, match="WRITEABLE"):
                v.flags.writeable = True
        assert not v.flags.writeable
        assert not v[..., :1].flags.writeable
        assert v.copy().flags.writeable
        return a, v

    expected, found = both(READ_ONLY[name], change)
    agree(found, expected)


def test_broadcast_arrays_are_read_only_where_numpy_only_warns():
    a = snp.array(numbers())
    v = snp.broadcast_arrays(a[0], a)[0]
    a[0, 0] = 5
    assert v[1, 0].tolist() == [5, 5, 5, 5]
    with pytest.raises(ValueError, match="read-only"):
        v[...] = 1


def test_views_of_views_have_numpys_shapes_strides_and_memory():
    a, n = snp.array(numbers()), numbers()
    for (first, f), (second, g) in itertools.product(VIEWS.items(), repeat=2):
        try:
            expected = g(np, f(np, n))
        except (ValueError, IndexError) as error:
            with pytest.raises(type(error)):
                g(snp, f(snp, a))
            continue
        found = g(snp, f(snp, a))
        assert found.shape == expected.shape, (first, second)
        assert snp.shares_memory(found, a) == np.shares_memory(expected, n), (first, second)
        if expected.size:
            strides = [s for s, k in zip(found.strides, found.shape, strict=True) if k > 1]
            theirs = [s for s, k in zip(expected.strides, expected.shape, strict=True) if k > 1]
            assert strides == theirs, (first, second)


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")  # from NumPy 2.5 on
def test_views_share_memory_where_numpys_do_also_after_the_shape_was_set():
    found = []
    for xp in (np, snp):
        a = xp.zeros((3, 4))
        views = [a.T, a[1], a[:, :2], a[:0]]
        a.shape = -1
        views += [a[1:1], a[:3], a[::2], a[5:7], a]
        found.append([bool(xp.shares_memory(v, w)) for v in views for w in views])
    assert found[1] == found[0]


def test_base_is_the_array_at_the_bottom():
    a = snp.arange(6)
    v = a.reshape(2, 3)
    assert v.base is a
    assert v.T[1:].base is a
    assert a.base is None
    assert v.copy().base is None
    assert a[...] is not a
    assert not v.flags.owndata
    assert a.flags.owndata


def test_complex_parts_are_views():
    def change(xp):
        c = xp.array(np.array([1 + 2j, 3 - 1j], np.complex64))
        c.real[0] = 9
        c.imag += 1
        c.real = [5, 6]
        xp.imag(c)[1:] = 0
        floats = c.view("float32")
        floats[0] = -1
        return c, floats

    agree(change(snp), change(np))


def test_flat_reads_and_writes():
    def change(xp):
        a = xp.array(numbers())
        t = a.T
        t.flat[[0, 5]] = [50, 60]
        t.flat[-2:] = 1
        found = [float(x) for x in t.flat][:4]
        a[0].flat = [1, 2]
        return a, t.flat[3:5], xp.array(found), xp.array(a.flat.copy()), xp.asarray(t.flat[2])

    agree(change(snp), change(np))


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")  # from NumPy 2.5 on
def test_the_shape_of_an_array_can_be_set():
    def change(xp):
        a = xp.array(numbers())
        v = a[:, 1]
        a.shape = (4, 6)
        v[...] = -1
        w = a[1:3]
        w.shape = (3, 4)
        w[0] = 9
        with pytest.raises(AttributeError, match="in-place"):
            a.T.shape = (-1,)
        return a, v, w

    agree(change(snp), change(np))


# Inside of compiled functions --------------------------------------------------------------------


def test_views_write_through_inside_jit():
    names = [name for name in VIEWS if name != "array"]

    def change(xp, a):
        seen = []
        for i, name in enumerate(names):
            v = VIEWS[name](xp, a)
            v[...] = v[...] + i
            if v.dtype == "float32":
                seen.append(v.sum())
            a -= 1
        return xp.array(seen)

    n = numbers()
    expected = change(np, n)
    jitted = sj.jit(lambda a: change(snp, a))
    a = snp.array(numbers())
    np.testing.assert_allclose(np.asarray(jitted(a)), expected, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(a), n, rtol=1e-5)


class Model(sj.Base):
    """Holds an array and views of it in all sorts of places."""

    def __init__(self):
        self.a = snp.zeros((3, 4))
        self.row = self.a[1]
        self.parts = {"columns": [self.a[:, 0], self.a[:, 1:]]}

    def step(self):
        self.row += 1
        self.parts["columns"][0][...] = 5
        self.a[2] = 3
        self.parts["columns"][1][0] -= 1
        return self.row.sum() + self.parts["columns"][1][1, 0]


def test_views_that_a_model_holds_are_views_in_compiled_methods():
    eager, jitted = Model(), Model()
    step = sj.jit(jitted.step)
    for _ in range(3):
        assert float(step()) == float(eager.step())
        assert jitted.a.tolist() == eager.a.tolist()
        assert jitted.row.tolist() == eager.row.tolist()
    assert jitted.row.base is jitted.a
    jitted.a[1] = 0
    assert jitted.row.tolist() == [0, 0, 0, 0]


def test_a_view_made_outside_and_written_inside_updates_its_base_once():
    a = snp.zeros(4)
    v = a[1:3]

    @sj.jit
    def write():
        v[...] += 1
        return a.sum()

    assert [float(write()) for _ in range(3)] == [2, 4, 6]
    assert a.tolist() == [0, 3, 3, 0]
    assert v.tolist() == [3, 3]

    @sj.jit
    def by_argument(x):
        x *= 2
        a[0] = x[0]

    by_argument(v)
    assert a.tolist() == [6, 6, 6, 0]


def test_a_view_and_its_base_as_arguments_share():
    @sj.jit
    def write(x, y):
        y += 1
        x[0] = 9
        return y.sum()

    a = snp.zeros(3)
    assert float(write(a, a[:2])) == 10
    assert a.tolist() == [9, 1, 0]
    b, c = snp.zeros(3), snp.zeros(2)
    assert float(write(b, c)) == 2  # nothing in common: another program
    assert b.tolist() == [9, 0, 0]
    assert c.tolist() == [1, 1]
    assert float(write(a, a[1:])) == 3
    assert a.tolist() == [9, 2, 1]


def test_a_view_made_inside_is_one_outside():
    class Holder(sj.Base):
        def __init__(self):
            self.a = snp.arange(6)

        def split(self):
            self.left, self.right = snp.split(self.a, 2)
            self.t = self.a.reshape(2, 3).T
            return self.a[::2]

    holder = Holder()
    even = sj.jit(holder.split)()
    holder.left[0] = 9
    holder.t[2, 1] = 8
    even[1] = 7
    assert holder.a.tolist() == [9, 1, 7, 3, 4, 8]
    assert holder.right.tolist() == [3, 4, 8]
    assert holder.left.base is holder.a


def test_indices_and_masks_of_a_trace_write_through_views():
    def change(xp, a, i, mask):
        v = a.T[1:]
        v[i] = -1
        v[:, i] += 10
        v[mask] = 0
        a[0][a[0] > 5] = 5
        v[i, i] = 99
        w = v[i]
        w[...] += 1
        return w

    mask = np.array([True, False, True])
    n, a = numbers()[0], snp.array(numbers()[0])
    expected = change(np, n, 1, mask)
    found = sj.jit(lambda a, i, m: change(snp, a, i, m))(a, jnp.asarray(1), jnp.asarray(mask))
    agree([a, found], [n, expected])


def test_a_view_with_an_index_of_the_device_keeps_its_place():
    a, i = snp.arange(4), snp.array(1)
    v = a[i, None]
    i += 2
    v[...] = 9
    assert a.tolist() == [0, 9, 2, 3]


def test_views_under_transformations():
    class Sum(sj.Base):
        def __init__(self):
            self.w = snp.arange(4.0)
            self.half = self.w[2:]

        def loss(self, x):
            return (self.half * x).sum() + self.w[0]

    model = Sum()
    grads = sj.grad(model.loss, grad_vars=model.w)(jnp.array([2.0, 3.0]))
    assert jnp.asarray(grads).tolist() == [1, 0, 2, 3]

    def inner(x):
        a = snp.zeros(4)
        v = a[1:3]
        v += x
        v[0] *= x
        return a.sum()

    assert float(sj.grad(inner)(3.0)) == 7
    assert sj.vmap(inner)(jnp.array([1.0, 2.0])).tolist() == [2, 6]

    history = snp.zeros(5)
    rest = history[1:]

    def step(i):
        rest[i] = i * 2
        return history.sum()

    assert jnp.asarray(sj.for_loop(step, jnp.arange(4))).tolist() == [0, 2, 6, 12]
    assert history.tolist() == [0, 0, 2, 4, 6]


def test_a_failed_call_changes_neither_view_nor_base():
    a = snp.arange(4)
    v = a[1:]

    @sj.jit
    def fail():
        v[...] = 9
        a[0] = 9
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()
    assert a.tolist() == [0, 1, 2, 3]
    assert v.tolist() == [1, 2, 3]


# Copies of views -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v)), lambda v: v.copy()],
)
def test_copies_of_a_view_have_their_own_content(copied):
    a = snp.arange(6).reshape(2, 3)
    v = a.T[1:]
    new = copied(v)
    assert type(new) is Array
    assert new.tolist() == v.tolist()
    new[...] = 0
    assert a.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert not snp.shares_memory(new, a)


def test_pickles_and_deep_copies_keep_one_array_one():
    a = snp.arange(3)
    for copied in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        first, second = copied([a, a])
        assert first is second
        assert first is not a


# Arguments of ufuncs -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "xp.add(a, 1, out=a)",
        "xp.add(a, 1, a)",
        "xp.multiply(a[0], a[1], out=a[1])",
        "xp.sin(a, out=a, where=a > 5)",
        "xp.subtract(a, 1, where=m, out=a.T[::-1].T)",
        "xp.sum(a, 0, out=a[0])",
        "xp.cumsum(a, 1, out=a)",
        "a.sum(axis=1, out=a[:, 0])",
        "a.clip(2, 6, out=a)",
        "xp.divmod(a, 3, out=(a, a.copy()))",
        "xp.modf(a / 2, a, xp.zeros_like(a))",
        "xp.add.at(a, [0, 0, 1], 1)",
        "xp.add.at(a[:, 1:], (0, [1, 1]), [5, 6])",
        "xp.multiply.at(a, (slice(None), [1, 1]), 2)",
        "xp.negative.at(a, [0])",
        "xp.maximum.at(a, a > 4, 7)",
        "xp.subtract.at(a.T, 1, a[:, 0] * 1)",
        "xp.add(i, 1.5, out=i, casting='unsafe')",
        "xp.add(i, 1, dtype='float32', out=a[0, :2])",
        "xp.maximum.accumulate(a, 1, out=a)",
        "xp.add.reduce(a, 1, out=a[:, 2])",
        "xp.matmul(a, a.T, out=a[:, :3])",
        "xp.copyto(a, 3, where=a > 4)",
        "xp.copyto(i, [1.5, 2.5], casting='unsafe')",
        "xp.put(a, [1, 2], 50)",
        "xp.put(a, [40, -41], [5, 6], mode='wrap')",
        "xp.place(a, a > 3, [1, 2])",
        "xp.putmask(a[:, ::2], m[:, ::2], [9, 8, 7])",
        "xp.put_along_axis(a, xp.array([[0], [1], [2]]), -5, 1)",
        "xp.fill_diagonal(a[:, 1:], [3, 4, 5])",
        "a.T.sort()",
        "a[:, 2].partition(1)",
        "a[1:].fill(2)",
        "a[:, ::2].put([0, 3], [7, 8])",
        "np.add(a, 1, out=a[...])",
        "np.copyto(a[0], a[1])",
        "a[1:] += a[:-1] * 1",
        "a[[0, 0, 1]] += 1",
        "a[a > 3] = a[a > 3] * 2",
        "a[m] = 0",
        "a[[0, 2], 1:3] = [[1, 2], [3, 4]]",
        "a[..., [1, 0]] = a[..., [0, 1]]",
        "a[::-1] = a.copy()",
        "a[None, :, 0] = [[1, 2, 3]]",
        "a[:] = [4, 5, 6, 7]",
        "a @= xp.ones((4, 4), 'float32')",
        "a **= 2",
        "a //= 2; a %= 3",
        "i <<= 2; i |= 1; i ^= 3; i &= 6; i >>= 1",
    ],
)
def test_statements_do_what_they_do_in_numpy(statement):
    results = []
    for xp in (np, snp):
        a = xp.array(numbers()[0])
        i = xp.array(np.array([3, 1], np.int32))
        m = xp.array(np.arange(12).reshape(3, 4) % 5 > 2)
        with np.errstate(all="ignore"):
            exec(statement, {"np": np, "xp": xp, "a": a, "i": i, "m": m})
        results.append((a, i))
    np.testing.assert_allclose(np.asarray(results[1][0]), results[0][0], rtol=1e-5)
    np.testing.assert_array_equal(np.asarray(results[1][1]), results[0][1])


@pytest.mark.parametrize(
    "statement",
    [
        "a[3]",
        "a[0, 4] = 1",
        "a[0, 0, 0]",
        "a[..., ...]",
        "a[[0, 5]]",
        "a[1.5]",
        "a['x']",
        "a[m[0]]",
        "a[m.T]",
        "a[:, [0, 1], [0, 1, 2]]",
        "a[::0]",
        "a[0] = [1, 2]",
        "a[m] = [1, 2, 3]",
        "a[[0, 1]] = xp.zeros((3, 4))",
        "a[[0, 7]] = xp.zeros((3, 4))",
        "a[:] = xp.zeros((4, 3))",
        "i += 1.5",
        "i[0] = [1, 2, 3]",
        "i += xp.ones(2, 'float32')",
        "i /= 2",
        "i &= 1.5",
        "a &= 1",
        "a += xp.ones((2, 3, 4))",
        "a += xp.ones(5)",
        "xp.add(a, xp.ones(3), out=a)",
        "xp.add(i, 1.5, out=i)",
        "xp.add(a, 1, out=a[0])",
        "xp.add(a, 1, out=[1])",
        "xp.copyto(i, 1.5)",
        "xp.copyto(a, [1, 2])",
        "xp.put(a, 99, 1)",
        "xp.put(a, 0, 1, mode='nonsense')",
        "a.diagonal().put([0, 1], [])",
        "xp.putmask(a, [True], 1)",
        "xp.place(a, m, [])",
        "xp.fill_diagonal(i, 1)",
        "a.reshape(5, 5)",
        "a.reshape(-1, -1)",
        "a.transpose(0, 0)",
        "a.swapaxes(0, 2)",
        "a.squeeze(0)",
        "xp.moveaxis(a, 0, 5)",
        "xp.expand_dims(a, 5)",
        "xp.split(a, 2)",
        "xp.flip(a, 3)",
        "xp.rot90(i)",
        "xp.broadcast_to(a, (3, 5))",
        "a.diagonal(0, 0, 0)",
        "i.diagonal()",
        "a[:, :3].view('int64')",
        "a.shape = (5,)",
        "a.imag = 1",
        "a.sum(axis=2)",
        "a[0].resize(2)",
        "del a[0]",
        "len(a[0, 0])",
        "bool(a)",
        "int(a)",
        "float(i)",
        "hash(a)",
        "for x in a.sum(): pass",
        "a @ a",
        "xp.concatenate([a, i])",
        "xp.stack([a, i])",
        "a.astype('int32', casting='safe')",
        "xp.reshape(a.T, -1, copy=False)",
        "a.sum()[...] = 1",
        "a.sum()[0]",
        "a.flags.writeable = False; a.flat[None] = 0",
        "a.flat[a[0, 0] > 0]",
        "a[[0, 1, 2], [0, 1]]",
        "i.flags.writeable = False; xp.add(i, 1.5, out=i, where=i > 0)",
        "m[0, 0, ...] = [1]",
        "a[1:1].put([0, -1], [])",
        "xp.add(i, 1.5, dtype='int32')",
        "a[..., 0, 0] = [1]",
        "m.flags.writeable = False; m **= 2",
        "i.flags.writeable = False; i @= 1.5",
        "i.flags.writeable = False; i += 2**40",
        "a[0, 0].sort()",
        "xp.add(1, 2, out=a.sum())",
    ],
)
@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")
def test_errors_are_numpys(statement):
    raised = []
    for xp in (np, snp):
        a = xp.array(numbers()[0])
        i = xp.array(np.array([3, 1], np.int32))
        m = xp.array(np.arange(12).reshape(3, 4) % 5 > 2)
        before = np.array(a), np.array(i)
        with pytest.raises(Exception) as caught:
            exec(statement, {"np": np, "xp": xp, "a": a, "i": i, "m": m})
        np.testing.assert_array_equal(np.asarray(a), before[0])
        np.testing.assert_array_equal(np.asarray(i), before[1])
        raised.append(caught.value)
    expected, found = raised
    builtin = (OverflowError, IndexError, ValueError, AttributeError, TypeError)
    assert next(c for c in builtin if isinstance(found, c)) is next(
        c for c in builtin if isinstance(expected, c)
    ), (expected, found)


def test_true_and_false_among_other_indices_are_numpys_or_refused():
    n = np.arange(24).reshape(2, 3, 4)
    for index in ((True, None), (0, True), (Ellipsis, False), (True, [0, 1]), (slice(1), True)):
        assert snp.array(n)[index].shape == n[index].shape, index
    for index in ((None, True), (slice(1), True, None, 0), (0, None, False), (True, slice(1), 0)):
        with pytest.raises(NotImplementedError, match="index twice"):
            snp.array(n)[index]


def test_numbers_out_of_range_raise_as_in_numpy():
    for xp in (np, snp):
        a = xp.zeros(2, xp.uint8)
        with pytest.raises(OverflowError, match="out of bounds for uint8"):
            a[0] = 256
        with pytest.raises(OverflowError, match="out of bounds for uint8"):
            a + 256
        with pytest.raises(OverflowError, match="out of bounds for uint8"):
            a -= 300


def test_an_array_set_read_only_refuses_everything_until_set_back():
    a = snp.arange(3)
    v = a[1:]
    a.flags.writeable = False
    for write in (
        lambda: a.__setitem__(0, 1),
        lambda: a.fill(0),
        lambda: a.sort(),
        lambda: a.__iadd__(1),
        lambda: snp.put(a, 0, 1),
        lambda: snp.copyto(a, 1),
        lambda: snp.add(a, 1, out=a),
        lambda: snp.add.at(a, 0, 1),
        lambda: a[:1].fill(1),
        lambda: a.flat.__setitem__(0, 1),
        lambda: a.setflags(write=True) or a.setflags(write=False) or a.fill(1),
    ):
        with pytest.raises(ValueError, match="read-only"):
            write()
    v[0] = 9  # made before, as in NumPy
    assert a.tolist() == [0, 9, 2]
    a.flags.writeable = True
    a[0] = 5
    assert a.tolist() == [5, 9, 2]


def test_a_scalar_is_a_value_as_in_numpy():
    a = snp.arange(3)
    x = a[0]
    y = x
    y += 5
    a[0] = 7
    assert (int(x), int(y)) == (0, 5)
    assert {x: 1, a.sum(): 2}[0] == 1 and len({*snp.array([0.5, 2, 0.5])}) == 2
    for array in (a, a[:1], snp.array(0)):
        with pytest.raises(TypeError, match="unhashable type: 'Array'"):
            hash(array)
    for fun in (lambda a: {a[0]: 1}, lambda a: f"{a[0]:.2f}"):
        with pytest.raises(sj.errors.TracedControlFlowError):
            sj.jit(fun)(a)
    with pytest.raises(TypeError, match="scalars are not changed in place"):
        x[...] = 1
    z = snp.array(0)
    same = z
    same += 5
    same[...] += 1
    assert int(z) == 6


MASKED = """
a[a > 2] += 20
a[a > 2] **= 2; a.T[a.T > 5] -= 1.5
a[m] *= a[0, 0]; a[m] += a[1]
a[:, ::2][a[:, ::2] < 3] //= 2
i[i > 1] <<= 1
i[i > 1] += 1.5
i[i > 1] /= 2
m &= True; m[m] ^= True
a[a > 2] @= a
s.a[s.a > 2] %= 2; s.a[s.a > 0] -= s.a.sum()
s.a[s.a > 2] += s.a[s.a > 2]
a[m] += s.a[m]; s.a[::-1][m] *= a[m]
i[i > 1] += i[i < 4]
a[m] += a[m] * 2
a[0] += a[m]
a.flags.writeable = False; a[a > 2] += 1
a[0] = s.a[s.a > 2].sum() + i[i > 2].mean(); a[1] = s.a[m].mean(axis=0); a[2] = m[m].sum()
i[0] = s.a[m].any() + s.a[m].all(0).sum() + m[~m].all(); i[1] = i[i > 9].prod(dtype="int32")
a[0] = a.T[a[0] > 1].min(0, initial=7)[0]; a[1] = a[a > 99].max(initial=3)
a[m, :] -= i[0] * a[0]; s.a[m, ...] *= 2; a[a > 7, ...] += 1
a[0] = s.a[m, :].sum(0)
a[m, :] += s.a[m, :]
a[m, ::2] += 1
a[0] = a[m].max()
a[0, 0] = a[m].sum(1)[0]
a[0] = s.a[m].sum(where=True)
"""


REFUSED = (
    "= a[m].max()",
    "+= s.a[m, :]",
    "::2",
    "sum(1)",
    "where=True",
    "@=",
    "+= s.a[s.a > 2]",
    "+= i[",
    "* 2",
    "a[0] +=",
)


def test_a_mask_that_only_a_trace_knows_picks_what_is_changed_in_place():
    class Model(sj.Base):
        def __init__(self, xp):
            self.a = xp.array(np.arange(12, dtype=np.float32).reshape(3, 4))

    for statements in MASKED.strip().splitlines():

        def run(xp, model, a, i, m):
            exec(statements, {"s": model, "a": a, "i": i, "m": m})  # noqa: B023
            return a, i, m

        outcomes = []
        for xp, jitted in ((np, lambda f: f), (snp, sj.jit)):
            model = Model(xp)
            arrays = (
                xp.array(np.arange(12, dtype=np.float32).reshape(3, 4)),
                xp.array(np.array([3, 1], np.int32)),
                xp.array(np.array([True, False, True])),
            )
            try:
                jitted(lambda *arrays: run(xp, model, *arrays))(*arrays)  # noqa: B023
                error = None
            except sj.errors.TracedControlFlowError:
                error = "refused"
            except (TypeError, ValueError) as raised:
                error = next(c for c in (ValueError, TypeError) if isinstance(raised, c))
            outcomes.append((error, *[np.asarray(v).tolist() for v in (*arrays, model.a)]))
        if outcomes[1][0] == "refused":
            assert any(text in statements for text in REFUSED), statements
        else:
            assert outcomes[1] == outcomes[0], statements


def test_derivatives_through_a_mask_are_those_of_what_it_picks():
    def loss(x):
        y = snp.array(x)
        y[y > 0] **= 0.5
        return y.sum()

    assert sj.grad(loss)(jnp.array([4.0, 0.0, -1.0])).tolist() == [0.25, 1.0, 1.0]


def test_masks_with_shapes_that_depend_on_data_are_refused_inside_jit():
    a = snp.arange(4)
    with pytest.raises(sj.errors.TracedControlFlowError, match=r"assign \(`a\[mask\] = 0`\)"):
        sj.jit(lambda: a[a > 1])()
    for fun in (
        lambda: snp.compress(a > 1, a),
        lambda: a.compress(a > 1),
        lambda: snp.extract(a > 1, a),
        lambda: snp.trim_zeros(a),
        lambda: snp.delete(a, a > 1),
        lambda: snp.setdiff1d(a, a),
        lambda: snp.histogram(a, bins="auto"),
        lambda: snp.nonzero(a),
    ):
        with pytest.raises(sj.errors.TracedControlFlowError, match="shape of the result would"):
            sj.jit(fun)()


class Chooser(sj.Base):
    def __init__(self):
        self.v = snp.zeros(())
        self.w = snp.arange(3.0)

    def sums(self, x):
        self.v = self.w.sum() + x
        return self.v * 2

    def keeps(self, x):
        return -x


def test_branches_may_leave_a_scalar_where_another_leaves_an_array():
    for positive in (True, False):
        eager, jitted = Chooser(), Chooser()
        step = sj.jit(lambda p, x: sj.cond(p, jitted.sums, jitted.keeps, x))
        found = step(jnp.asarray(positive), 1.0)
        expected = eager.sums(1.0) if positive else eager.keeps(1.0)
        assert float(found) == float(expected)
        assert float(jitted.v) == float(eager.v)
        jitted.v[...] = 9 if not positive else jitted.v


# What they cost --------------------------------------------------------------------------------------


def elements(x):
    x[0] += 5
    x[3:7] = x[10:14] * 2
    return x


def masked(x):
    x[x > 0.5] = 0
    x *= 2
    return x


def through_views(x):
    v = x.reshape(8, 8).T
    v[2] += 1
    v[:, 1:3][0] = 7
    return x


def scattered(x):
    x[[1, 1, 5]] += 2
    snp.add.at(x, [0, 0], 1)
    return x


def steps(x):
    for i in range(1, 4):
        x[16 * i : 16 * i + 16] -= x[:16]
    x.sort()
    return x


def elements_by_hand(x):
    x = x.at[0].add(5)
    return x.at[3:7].set(x[10:14] * 2)


def masked_by_hand(x):
    return jnp.where(x > 0.5, 0, x) * 2


def through_views_by_hand(x):
    v = x.reshape(8, 8)
    v = v.at[:, 2].add(1)
    return v.at[1:3, 0].set(7).reshape(64)


def scattered_by_hand(x):
    i, j = np.array([1, 1, 5]), np.array([0, 0])
    x = x.at[i].set(x[i] + 2)
    return x.at[j].add(1)


def steps_by_hand(x):
    for i in range(1, 4):
        x = x.at[16 * i : 16 * i + 16].add(-x[:16])
    return jnp.sort(x)


BY_HAND = {
    elements: elements_by_hand,
    masked: masked_by_hand,
    through_views: through_views_by_hand,
    scattered: scattered_by_hand,
    steps: steps_by_hand,
}


@pytest.mark.parametrize("program", BY_HAND, ids=lambda f: f.__name__)
def test_a_mutation_inside_jit_costs_what_hand_written_code_costs(program):
    x = jnp.linspace(0, 1, 64)
    ours = jax.jit(lambda x: program(Array(x)).value)
    hand = jax.jit(BY_HAND[program])
    np.testing.assert_allclose(ours(x), hand(x), rtol=1e-6)
    costs = [f.lower(x).compile().cost_analysis() for f in (ours, hand)]
    for name in ("flops", "bytes accessed"):
        assert costs[0].get(name, 0) <= costs[1].get(name, 0), (name, costs)


def shifted(xp, x, i):
    a, b, c, d, e, f, g, h = (x + k for k in range(8))
    a[1:] = a[:-1]
    f[5:9] *= f[3:7]
    g[8:10] = g[7:9]
    g[1:3] = g[1:3][::-1]
    h = h.reshape(3, 4)
    h[i, 1:] = h[i, :-1]
    j = (x * 2).reshape(6, 2) + 0
    j[3:4, 1:], j[1:2] = j[3:4, :1], j[2:3] * 2
    k = x.reshape(12, 1).copy()
    k[5:7] = k[4:6]
    b[1:] *= b[:-1]
    c, d = c.reshape(3, 4), d.reshape(3, 4)
    c[1:] = c[:-1]
    d[1:, 1:] += d[:-1, :-1]
    e[:-1] -= e[1:]
    sums = [xp.cumsum(y) for y in (a, e, f, g)]
    return b[None], c.reshape(12), c, d[:, None], h[None], j[None], k, *sums


def test_a_part_that_comes_from_other_places_of_its_array_is_right_beside_a_reshape():
    x = np.arange(1, 13, dtype=np.float32) / 3
    found = jax.jit(lambda x, i: [y.value for y in shifted(snp, Array(x), Array(i))])(x, 1)
    for ours, numpys in zip(found, shifted(np, x, 1), strict=True):
        np.testing.assert_allclose(ours, numpys, rtol=1e-5)


MADE = {
    "take": lambda xp, x: xp.take(x, np.arange(96).reshape(8, 12)),
    "kron": lambda xp, x: xp.kron(x[:8].reshape(4, 2), x[:12].reshape(2, 6)),
    "squeeze": lambda xp, x: xp.squeeze(x.reshape(8, 1, 12)).copy(),
    "jax.numpy": lambda xp, x: xp.array(jnp.reshape(getattr(x, "value", x), (8, 12))),
}


@pytest.mark.parametrize("made", MADE)
def test_such_a_part_is_right_in_what_any_function_has_reshaped(made):
    def program(xp, x):
        once, often = MADE[made](xp, x), MADE[made](xp, x + 1)
        once[3:5] = once[2:4]
        for i in (1, 2, 3):
            often[i : i + 2] = often[i - 1 : i + 1]
        through_a_row, bits = MADE[made](xp, x + 2), MADE[made](xp, x + 3)
        through_a_row.reshape(-1)[5] = 0
        through_a_row[3:5] = through_a_row[2:4]
        bits = bits.view(np.int16)
        bits[2:6] = bits[1:5]
        return once, often, through_a_row, bits

    x = np.arange(1, 97, dtype=np.float32)
    found = jax.jit(lambda x: [y.value for y in program(snp, Array(x))])(x)
    for ours, numpys in zip(found, program(np, x), strict=True):
        np.testing.assert_array_equal(ours, numpys)
