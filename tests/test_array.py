"""The mutable array: NumPy's behaviour, identity, JAX's protocols, marks."""

import copy
import operator
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import statejit as sj
import statejit.numpy as snp
from statejit import Array, TrainVar, Variable, constant
from statejit.array import quick, repeated

BINARY = [
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod),
    *(operator.pow, operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne),
]
BITWISE = [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift]
IN_PLACE = [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv]


def same(ours, numpys):
    assert type(ours) is Array
    np.testing.assert_allclose(np.asarray(ours), numpys, rtol=1e-6)
    assert ours.shape == np.shape(numpys)


@pytest.mark.parametrize("fun", [*BINARY, *BITWISE])
@pytest.mark.parametrize("other", [2, [1, 2, 3], "array", "numpy", "jax"])
def test_operators_and_reflected_ones_give_mutable_arrays(fun, other):
    a, b = np.array([4, 5, 6]), np.array([1, 2, 3])
    ours = {"array": Array(b), "numpy": b, "jax": jnp.asarray(b)}.get(str(other), other)
    theirs = b if isinstance(other, str) else other
    same(fun(Array(a), ours), fun(a, theirs))
    if other != "jax":  # JAX's own operators take __jax_array__, and give JAX's arrays
        same(fun(ours, Array(a)), fun(theirs, a))


def test_matmul_and_unary_operators():
    a, b = np.arange(6.0).reshape(2, 3), np.ones((3, 2))
    same(Array(a) @ Array(b), a @ b)
    same(a @ Array(b), a @ b)
    same(-Array(a), -a)
    same(abs(Array(-a)), a)
    same(~Array([1, 2]), ~np.array([1, 2]))
    quotient, rest = divmod(Array([7, 8]), 3)
    same(quotient, [2, 2])
    same(rest, [1, 2])


@pytest.mark.parametrize("fun", IN_PLACE)
def test_in_place_operators_write_into_the_same_cell(fun):
    a = Array([4.0, 5.0])
    b = a
    assert fun(a, 2) is b
    same(b, fun(np.array([4.0, 5.0]), 2))


def test_in_place_operators_keep_the_dtype_by_numpys_rule():
    a = Array([1, 2])
    with pytest.raises(TypeError, match=r"Cannot cast ufunc 'add' output.*same_kind"):
        a += 1.5
    with pytest.raises(ValueError, match="non-broadcastable output"):
        a += snp.ones((2, 2), int)
    f = Array([1.0, 2.0])
    f += Array([1, 2])
    assert f.dtype == jnp.float32
    assert a.tolist() == [1, 2]


def test_items_are_read_and_written_as_in_numpy():
    a, n = Array(np.arange(12.0).reshape(3, 4)), np.arange(12.0).reshape(3, 4)
    rows = [2, 0]
    for index in (
        1,
        -1,
        (1, 2),
        (slice(None), 1),
        (..., None, 0),
        rows,
        (rows, rows),
        n > 5,
        slice(None, None, -2),
        np.array([0, 2]),
    ):
        same(a[index], n[index])
        a[index] = 7
        n[index] = 7
        same(a, n)
    a[0] = [1, 2, 3, 4]
    a[:, 1] = snp.zeros((1, 3))
    n[0], n[:, 1] = [1, 2, 3, 4], 0
    same(a, n)


def test_item_assignment_casts_to_the_dtype_of_the_array():
    a = snp.arange(3)
    a[0] = 1.7
    a[1] = True
    assert a.tolist() == [1, 1, 2]
    assert a.dtype == jnp.int32


@pytest.mark.parametrize(
    ("index", "error"),
    [
        (3, IndexError),
        (-4, IndexError),
        ((0, 0), IndexError),
        ([0, 9], IndexError),
        ("a", IndexError),
        (1.5, IndexError),
        (np.array([True]), IndexError),
    ],
)
def test_wrong_indices_raise_as_in_numpy(index, error):
    a, n = snp.arange(3), np.arange(3)
    for array in (a, n):
        with pytest.raises(error):
            array[index]
        with pytest.raises(error):
            array[index] = 0


def test_shapes_that_do_not_fit_raise_value_errors():
    a = snp.arange(3)
    with pytest.raises(ValueError, match="could not broadcast input array"):
        a[:] = snp.ones(2)
    with pytest.raises(ValueError, match="could not broadcast input array"):
        a[1:] = [1, 2, 3]
    with pytest.raises(ValueError, match="operands could not be broadcast"):
        a + snp.ones(2)


def test_assignment_of_a_whole_array_shares_nothing():
    a, b = snp.zeros(2), snp.ones(2)
    a[:] = b
    assert a.value is not b.value
    b[0] = 5
    assert a.tolist() == [1, 1]


def test_copies_are_independent():
    a = snp.zeros(2)
    for other in (
        a.copy(),
        copy.copy(a),
        copy.deepcopy(a),
        snp.array(a),
        Array(a),
        pickle.loads(pickle.dumps(a)),
    ):
        assert type(other) is Array
        assert other.value is not a.value
        other += 1
        assert a.tolist() == [0, 0]
    same_list = [a, a]
    copied = copy.deepcopy(same_list)
    assert copied[0] is copied[1]


def test_python_protocols():
    a = snp.arange(3)
    assert len(a) == 3
    assert [int(x) for x in a] == [0, 1, 2]
    assert 2 in a
    assert 5 not in a
    assert bool(a[1])
    assert float(a[2]) == 2.0
    assert complex(a[2]) == 2
    assert [10, 11, 12][a[1]] == 11
    assert f"{a[2]:03d}" == "002"
    assert str(a) == "[0 1 2]"
    assert repr(a) == "Array([0, 1, 2], dtype=int32)"
    with pytest.raises(TypeError, match="unhashable"):
        hash(a)
    with pytest.raises(TypeError, match="unsized"):
        len(a[0])
    with pytest.raises(ValueError, match="ambiguous"):
        bool(a)


def test_methods_give_what_numpys_give():
    n = np.array([[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]])
    a = Array(n)
    for call in (
        lambda x: x.sum(),
        lambda x: x.sum(0),
        lambda x: x.mean(axis=1),
        lambda x: x.var(ddof=1),
        lambda x: x.std(),
        lambda x: x.max(1),
        lambda x: x.min(),
        lambda x: x.argmax(0),
        lambda x: x.argmin(),
        lambda x: x.reshape(3, 2),
        lambda x: x.reshape((3, -1)),
        lambda x: x.ravel(),
        lambda x: x.flatten(),
        lambda x: x.astype(int),
        lambda x: x.T,
        lambda x: x.transpose(1, 0),
        lambda x: x.swapaxes(0, 1),
        lambda x: x[None].squeeze(),
        lambda x: x.clip(2, 5),
        lambda x: x.dot([1.0, 2.0, 3.0]),
        lambda x: x.cumsum(1),
        lambda x: x.cumprod(),
        lambda x: x.prod(),
        lambda x: x.round(),
        lambda x: x.repeat(2, 0),
        lambda x: x.take([0, 1], 1),
        lambda x: (x > 2).any(1),
        lambda x: (x > 0).all(),
        lambda x: x.argsort(),
        lambda x: x.diagonal(),
        lambda x: x.trace(),
        lambda x: x.conj(),
        lambda x: x.nonzero()[1],
        lambda x: x[0].searchsorted(2.5),
        lambda x: x.real,
        lambda x: x.compress([True, False], 0),
    ):
        same(call(a), call(n))
    assert a.tolist() == n.tolist()
    assert a[0, 0].item() == 3.0
    assert (a.shape, a.ndim, a.size, a.itemsize, a.nbytes) == ((2, 3), 2, 6, 4, 24)


def test_methods_in_place():
    a = Array([3.0, 1.0, 2.0])
    b = a
    assert a.sort() is None
    assert b.tolist() == [1, 2, 3]
    a.put([0, 2], [7, 8])
    assert b.tolist() == [7, 2, 8]
    with pytest.raises(IndexError):
        a.put([5], 1)
    a.fill(4)
    assert b.tolist() == [4, 4, 4]
    assert a.at[0].add(1).tolist() == [5, 4, 4]
    assert b.tolist() == [4, 4, 4]


def test_jax_takes_mutable_arrays():
    a = Array([1.0, -2.0])
    np.testing.assert_allclose(jnp.sin(a), np.sin([1.0, -2.0]), rtol=1e-6)
    assert float(jnp.dot(a, a)) == 5
    assert jnp.where(a > 0, a, 0).tolist() == [1, 0]
    assert jax.nn.relu(a).tolist() == [1, 0]
    assert jax.tree.map(lambda x: x * 2, {"a": a})["a"].tolist() == [2, -4]
    assert jax.jit(lambda x: x + 1)(a).tolist() == [2, -1]
    assert jax.vmap(lambda x: x * 2)(a).tolist() == [2, -4]
    grads = jax.grad(lambda x: (x * x).sum().value)(a)
    assert type(grads) is Array
    assert grads.tolist() == [2, -4]
    assert optax.l2_loss(a, snp.zeros(2)).tolist() == [0.5, 2]
    assert float(jnp.ones(2) @ a) == -1


def test_pytree_nodes_hold_anything():
    leaves, treedef = jax.tree.flatten(Variable([1.0], "mine"))
    sentinel = object()
    assert jax.tree.unflatten(treedef, [sentinel]).value is sentinel
    assert jax.tree.unflatten(treedef, [None]).value is None
    again = jax.tree.unflatten(treedef, leaves)
    assert (type(again), again.collection) == (Variable, "mine")


def test_numpy_arrays_and_scalars_leave_the_operators_to_us():
    a = Array([1.0, 2.0])
    same(np.ones(2) + a, [2, 3])
    same(np.float32(2) * a, [2, 4])
    n = np.zeros(2)
    n += a
    n[:] = n + np.asarray(a)
    assert n.tolist() == [2, 4]
    assert np.asarray(a, dtype=int).tolist() == [1, 2]


def test_no_tracer_gets_into_an_array():
    a = snp.zeros(2)

    @jax.jit
    def write(x):
        a[0] = x
        return x

    with pytest.raises(sj.errors.RawTransformError):
        write(1.0)
    assert a.tolist() == [0, 0]


class Marked(sj.Base):
    def __init__(self):
        self.v = Variable(snp.zeros(3))
        self.t = TrainVar(snp.ones(2))
        self.c = constant([1.0, 2.0])

    def step(self):
        self.v = self.v + 1
        self.v += self.t.sum()
        return self.v.sum() + self.c.sum()


def test_an_attribute_keeps_its_variable():
    eager, jitted = Marked(), Marked()
    kept = jitted.v
    step = sj.jit(jitted.step)
    for _ in range(2):
        assert float(eager.step()) == float(step())
    assert jitted.v is kept
    assert type(kept) is Variable
    assert repr(kept) == "Variable([6., 6., 6.], dtype=float32)"


def test_marks_survive_copies():
    for twin in (
        copy.deepcopy(Marked()),
        pickle.loads(pickle.dumps(Marked())),
        sj.jit(copy.deepcopy)(Marked()),
    ):
        assert twin.t.collection == "params"
        assert sorted(sj.collections(twin)) == ["constants", "params"]


def test_programs_on_arrays_are_the_same_inside_jit():
    class Model(sj.Base):
        def __init__(self):
            self.x = snp.arange(6.0).reshape(2, 3)
            self.i = snp.arange(3)
            self.n = 0

        def step(self, y):
            self.n += 1
            self.x[0, 1:] = y
            self.x[self.x > 4] = 0
            self.x[:, self.i[self.n % 3] % 3] += self.n
            self.i[[0, 2]] += 1
            alias = self.x
            alias *= 2
            z = snp.zeros(3)
            z[self.n % 3] = 5
            self.z = z
            return self.x.sum(0) @ z, self.x[self.n % 2], snp.asarray(self.n)

    eager, jitted = Model(), Model()
    step = sj.jit(jitted.step)
    for y in (1.0, 2.0, 3.0):
        for ours, theirs in zip(step(y), eager.step(y), strict=True):
            same(ours, np.asarray(theirs))
        for name in ("x", "i", "z"):
            same(getattr(jitted, name), np.asarray(getattr(eager, name)))
        assert jitted.n == eager.n


def test_a_number_that_varies_is_checked_against_the_bounds():
    class Model(sj.Base):
        def __init__(self):
            self.x, self.n = snp.zeros(3), 0

        def step(self):
            self.x[self.n] = 1
            self.n += 1

    model = Model()
    step = sj.jit(model.step)
    for _ in range(3):
        step()
    assert model.x.tolist() == [1, 1, 1]
    with pytest.raises(IndexError, match="index 3 is out of bounds for axis 0 with size 3"):
        step()
    assert model.n == 3


def test_numbers_that_vary_go_wherever_numbers_go():
    class Model(sj.Base):
        def __init__(self):
            self.n, self.x, self.g = 1, snp.zeros(4), sj.random.Generator(0)

        def step(self):
            self.n += 1
            n, x = self.n, self.x
            x += n
            x[1] = n
            return (
                *(n + x, n * x, x**n, x / n, n - x, snp.asarray(n), snp.array([n, 2.0])),
                *(snp.full((2,), n), snp.arange(n), snp.zeros(n), snp.where(x > n, n, x)),
                *(snp.clip(x, 0, n), snp.maximum(n, x), x[:n], self.g.normal(n, n, 2)),
                *(x.reshape(n // n, -1), snp.linspace(0, n, 3), snp.tile(x, n), Array(n)),
            )

    eager, jitted = Model(), Model()
    step = sj.jit(jitted.step)
    for _ in range(3):
        for found, expected in zip(step(), eager.step(), strict=True):
            same(found, np.asarray(expected))
            assert (found.dtype, found.weak_type) == (expected.dtype, expected.weak_type)
        assert type(jitted.n) is int
        assert jitted.n == eager.n


class Host(sj.Base):
    def __init__(self):
        self.a = np.arange(6.0).reshape(2, 3)
        self.i = np.arange(4)
        self.w = jnp.ones(3)


def _slices(m):
    m.a[0] = 7
    m.i += 1


def _views(m):
    part = m.a[:, 1:]
    part[...] = 0
    m.a[1, 2] = 5
    row = m.a[0]
    row += 1
    for line in m.a:
        line *= 2
    m.a.T[0] = 9
    m.a.ravel()[-1] = 3
    m.a.T.ravel()[0] = 100  # a copy


def _masks(m):
    m.a[m.a > 2] = 0
    m.i[[0, 0]] += 1


def _numpys_functions(m):
    np.add(m.a, 1, out=m.a)
    np.copyto(m.i, 3)
    np.fill_diagonal(m.a, 8.0)
    m.a.sort(axis=0)
    m.b = np.concatenate([m.a, m.a * 2])
    m.c = np.where(m.i > 2, m.i, 0)


def _results(m):
    m.b, m.c, m.d = m.i / 2, m.i + m.i, m.a @ m.a.T
    m.e, m.f = m.a * m.w, np.maximum(m.i, 2)
    m.a = m.a + 1
    m.a[0] = 0


@pytest.mark.parametrize("fun", [_slices, _views, _masks, _numpys_functions, _results])
def test_numpy_arrays_inside_jit_are_numpys(fun):
    eager, jitted = Host(), Host()
    array = jitted.a
    fun(eager)
    sj.jit(fun)(jitted)
    assert list(vars(eager)) == list(vars(jitted))
    for name, value in vars(eager).items():
        found = getattr(jitted, name)
        assert type(found) is type(value)
        assert found.dtype == value.dtype
        np.testing.assert_allclose(found, value, rtol=1e-6)
    assert (jitted.a is array) == (fun is not _results)


def test_stand_ins_are_numpy_arrays_to_isinstance_and_arrays_to_jax():
    def look(m):
        assert isinstance(m.a, np.ndarray)
        assert m.a.dtype == np.float64
        return jnp.asarray(m.a), jnp.sin(m.a), jax.vmap(lambda r: r.sum())(m.a)

    for found, expected in zip(sj.jit(look)(Host()), look(Host()), strict=True):
        assert isinstance(found, jax.Array)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_stand_ins_pass_through_nested_jit():
    def inner(m, row):
        m.a[0, 0] = row.sum()
        row[1] = 50.0
        return m.a * 2

    def outer(m, inner):
        twice = inner(m, m.a[1])
        m.a[1] += 1
        return twice

    eager, jitted = Host(), Host()
    compiled, within = sj.jit(outer), sj.jit(inner)
    for _ in range(2):
        found, expected = compiled(jitted, within), outer(eager, inner)
        assert type(found) is np.ndarray
        np.testing.assert_allclose(found, expected)
        np.testing.assert_allclose(jitted.a, eager.a)


def test_a_stand_in_is_read_only_where_the_numpy_array_is():
    class Fixed(sj.Base):
        def __init__(self):
            self.a = np.ones(2)
            self.a.flags.writeable = False

        def write(self):
            self.a[0] = 5

    fixed = Fixed()
    for write in (fixed.write, sj.jit(fixed.write)):
        with pytest.raises(ValueError, match="read-only"):
            write()


def test_a_write_to_memory_that_numpy_arrays_share_is_refused():
    class Overlapping(sj.Base):
        def __init__(self):
            self.a = np.zeros(3)
            self.b, self.c = self.a[:2], self.a[2:]

        def read(self):
            return self.a.sum() + self.b.sum()

        def write_first(self):
            self.b[0] = 1
            return self.a.sum()

        def write_last(self):
            total = self.a.sum()
            self.b[0] = 1
            return total

        def write_apart(self):
            self.b[0] = 1
            self.c[0] = 2

    model = Overlapping()
    assert sj.jit(model.read)() == 0
    for write in (model.write_first, model.write_last):
        with pytest.raises(sj.errors.BypassError, match="shares memory with another one"):
            sj.jit(write)()
    assert model.a.tolist() == [0, 0, 0]
    sj.jit(model.write_apart)()
    assert model.a.tolist() == [1, 0, 2]


def test_matrix_multiplication_in_place_refuses_a_vector_as_numpy_does():
    for xp in (np, snp):
        a = xp.arange(4)
        with pytest.raises(ValueError, match="at least two dimensions"):
            a @= a
        assert a.tolist() == [0, 1, 2, 3]


# Additions to elements, which are computed where they are written ------------------------------


class Keeper:
    """Gives an element as an array does to `x[i] += n`, and keeps what is put back."""

    def __init__(self, array):
        self.array = array

    __getitem__ = property(lambda self: self.array.__getitem__)  # no frame comes between

    def __setitem__(self, index, new):
        self.kept = new


def kept(content=(1.5, 2.5, 3.5), other=2):
    """Returns an array, and what `array[1] += other` puts back, which nobody has asked for yet."""
    x = snp.array(content)
    keeper = Keeper(x)
    keeper[1] += other
    return x, keeper.kept


class Holding(sj.Base):
    def __init__(self, value):
        self.value = value

    def read(self):
        return self.value * 1


def in_a_plain_trace(y):
    return jax.jit(lambda a: a + y.value)(0.0) + 0 * y.value


def in_an_attribute(y):
    model = Holding(y)
    jitted = sj.jit(lambda: model.value * 1)
    return jitted() + 0 * jitted()


@pytest.mark.parametrize(
    "use",
    [
        *(float, copy.deepcopy, np.asarray, jnp.asarray, in_a_plain_trace, in_an_attribute),
        lambda y: pickle.loads(pickle.dumps(y)),
        lambda y: jax.tree.leaves([y])[0],
        lambda y: sj.jit(lambda values: values[0] + 0)([y]),
        lambda y: sj.jit(lambda: y + 0)(),
        lambda y: sj.jit(lambda y: y + 0)(y),
        lambda y: jax.jit(lambda y: y.value)(y),
        lambda y: y + 0,
        lambda y: 0 + y,
        lambda y: y.reshape(1)[0],
        lambda y: snp.stack([y])[0],
        lambda y: jax.device_get(y),
        lambda y: y.__copy__(),
        lambda y: y.at[()].add(0),
        lambda y: y[()],
        lambda y: y.T,
        lambda y: y.item(),
        lambda y: max([y, 0]),
        lambda y: f"{y:.2f}",
        lambda y: next(iter(snp.array([y]))),
        lambda y: sj.collections(Holding(y))["params"]["value"],
        lambda y: jax.tree.leaves(sj.functionalize(Holding(y).read)[1])[0],
    ],
)
def test_an_element_that_was_added_to_has_its_value_whoever_asks(use):
    x, y = kept()
    x[1] = 100
    assert float(use(y)) == 4.5
    assert (type(y), y.shape, y.dtype, float(y)) == (Array, (), np.float32, 4.5)
    y += 1
    assert (float(y), float(x[1])) == (5.5, 100)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda y: pickle.loads(pickle.dumps(y))]
)
def test_copies_of_scalars_are_scalars(copied):
    def aliases(x):
        y = copied(x.sum())
        z = y
        z += 1
        a = copied(x)
        b = a
        b += 1
        return y, z, a, b

    runs = [aliases, sj.jit(aliases)] if copied in (copy.copy, copy.deepcopy) else [aliases]
    for run in runs:  # no pickle has a traced value
        found = run(snp.array([1.0, 2.0]))
        assert [v.tolist() for v in found] == [v.tolist() for v in aliases(np.array([1.0, 2.0]))]


def test_an_element_that_was_added_to_can_be_put_anywhere_and_often():
    _, y = kept()
    arrays = [snp.zeros(2), snp.zeros((2, 1)), snp.zeros(2, dtype=int), snp.zeros(3)[::2]]
    for array in arrays:
        array[-1] = y
    assert [a.ravel()[-1].tolist() for a in arrays] == [4.5, 4.5, 4, 4.5]
    assert float(y) == 4.5


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int32", "float16", "float32", "complex64", "bool"]
)
@pytest.mark.parametrize("other", [5, 300, 0.5, True])
@pytest.mark.parametrize("fun", [operator.iadd, operator.isub, operator.imul, operator.itruediv])
def test_in_place_operators_on_elements_are_numpys(fun, other, dtype):
    def change(xp):
        x = xp.array([[1, 2], [3, 1]], dtype)
        before = x[0, 1]
        x[0, 1] = fun(x[0, 1], other)
        statements = {
            operator.iadd: "x[1, 0] += other",
            operator.isub: "x[1, 0] -= other",
            operator.imul: "x[1, 0] *= other",
            operator.itruediv: "x[1, 0] /= other",
        }
        exec(statements[fun], {"x": x, "other": other})
        return x.tolist(), complex(before)

    outcomes = []
    for xp in (np, snp):
        with np.errstate(all="ignore"):
            try:
                outcomes.append(change(xp))
            except (TypeError, ValueError, OverflowError) as error:
                outcomes.append(type(error))
    if not isinstance(outcomes[0], type):
        np.testing.assert_allclose(outcomes[1][0], outcomes[0][0], rtol=1e-3)
        assert outcomes[0][1] == outcomes[1][1]
    else:
        assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("other", "dtype"), [(300, "int8"), (-1, "uint8"), (2**40, "uint8"), (2**40, "float32")]
)
def test_integers_that_the_dtype_can_not_hold_are_numpys_matter(other, dtype):
    a = np.array([1, 2], dtype)
    operators = (*COMPARISONS, operator.truediv, operator.add, operator.floordiv, operator.and_)
    for fun in (*operators, operator.pow, np.less, np.add, np.maximum, snp.equal, snp.bitwise_or):
        numpys = getattr(np, fun.__name__) if fun in (snp.equal, snp.bitwise_or) else fun
        for swap in (False, True):
            run = (lambda a, n, f: f(n, a)) if swap else (lambda a, n, f: f(a, n))
            expected = outcome_of(lambda a, n: run(a, n, numpys), a, other)  # noqa: B023
            ours = lambda a, n: run(a, n, fun)  # noqa: B023, E731
            assert outcome_of(ours, snp.array(a), other) == expected, (fun, swap)
            if fun in (operator.lt, operator.eq, operator.add, np.less, operator.pow):
                assert outcome_of(sj.jit(ours), snp.array(a), other) == expected, (fun, swap)


COMPARISONS = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)


def outcome_of(fun, a, other):
    try:
        with np.errstate(all="ignore"):
            return str(np.round(np.asarray(fun(a, other)).astype(np.float32), 5).tolist())
    except (OverflowError, ValueError, TypeError) as error:
        return type(error)


def test_powers_of_integers_are_right_for_exponents_that_vary():
    power = sj.jit(lambda a, n: a**n)
    a = np.array([3, -5], np.int32)
    with np.errstate(over="ignore"):
        for n in (2, 5, 65, 129):
            np.testing.assert_array_equal(power(snp.array(a), n), a**n)
    with pytest.raises(ValueError, match="negative integer powers"):
        power(snp.array(a), -1)


def test_adding_to_an_element_leaves_what_was_read_and_shared_alone():
    x = snp.array([1.0, 2.0, 3.0])
    x[0] += 0
    first = x[0]
    whole = Array(x.value)
    x[0] += 5
    x[0] += 5
    assert (float(first), x.tolist(), whole.tolist()) == (1.0, [11, 2, 3], [1, 2, 3])


def test_masks_on_another_device_than_the_cpu_gather(monkeypatch):
    """NumPy can not look into what an accelerator holds without a transfer: JAX gathers there."""
    monkeypatch.setattr("statejit.array.indexing.on_cpu", lambda value: False)
    a = snp.arange(6.0).reshape(2, 3)
    n = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(a[a > 3], n[n > 3])
    np.testing.assert_array_equal(a[1, a[0] > 0], n[1, n[0] > 0])


@pytest.mark.parametrize("assigned", [repeated.assigned, repeated.sorted_out])
def test_of_two_values_for_one_place_the_last_stays_on_any_device(assigned):
    """An accelerator sets them in no order, so that there they are sorted before."""
    rng = np.random.default_rng(0)
    for shape, index in [
        ((5,), (rng.integers(-5, 5, 9),)),
        ((3, 4, 2), (rng.integers(0, 3, 5), slice(None), rng.integers(0, 2, (3, 5)))),
        ((0, 3), (slice(None), np.array([1, 1]))),
    ]:
        n = rng.normal(size=shape).astype(np.float32)
        new = rng.normal(size=n[index].shape).astype(np.float32)
        found = jax.jit(lambda n, new, index=index: assigned(n, index, new))(n, new)
        n[index] = new
        np.testing.assert_array_equal(found, n)


def test_adding_to_an_element_is_one_program_in_the_memory_of_the_array():
    x = snp.array([[1.0, 2.0], [3.0, 4.0]])
    i, j = 1, -1
    places = []
    for _ in range(12):  # Python has looked at the code anew by then
        x[i, j] += 2
        x[0, 0] -= 0.5
        x[i, 0] *= 1
        places.append(x.value.unsafe_buffer_pointer())
    assert x.tolist() == [[-5, 2], [3, 28]]
    assert len({*places[1:]}) == 1

    def interrupted():
        x[0, 1] += yield  # the element has been read, and the array is written meanwhile

    running = interrupted()
    next(running)
    x[0, 1] = 100
    with pytest.raises(StopIteration):
        running.send(1)
    assert x.tolist() == [[-5, 3], [3, 28]]


@pytest.mark.parametrize("shape", [(512,), (25, 41), (2, 3, 200)])
def test_a_mask_sets_in_the_memory_of_the_array_and_the_thread_of_the_caller(shape):
    n = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    a, mask = snp.array(n), n % 3 == 0
    places = []
    for new in (-1, 7, -0.0):
        a[mask] = n[mask] = new
        mask = ~mask
        np.testing.assert_array_equal(np.signbit(a), np.signbit(n))
        np.testing.assert_array_equal(a, n)
        places.append(a.value.unsafe_buffer_pointer())
    assert len({*places[1:]}) == 1
    costs = quick._masker[0].lower(a.value, mask, 7).compile().cost_analysis()
    assert costs["flops"] < 1000, "XLA would wake up another thread, for more than the work takes"


def test_adding_to_an_element_that_can_not_be_written_changes_nothing():
    x = snp.array([1.0, 2.0])
    x.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        x[0] += 1
    with pytest.raises(ZeroDivisionError):
        x[0] += 1 // 0
    with pytest.raises(IndexError):
        x[2] += 1
    assert x.tolist() == [1, 2]


def test_an_element_takes_no_sequence():
    """So it is from NumPy 2.4 on; a part of one element does take one."""
    a = snp.zeros((3, 4))
    for new in (snp.ones(1), np.ones((1, 1)), [1.0], a[1:2, 2]):
        with pytest.raises(ValueError, match="an array element with a sequence"):
            a[1, 2] = new
        with pytest.raises(ValueError, match="an array element with a sequence"):
            a[1][2] = new
    a[1, 2:3] = a[..., 0, 1] = snp.array([2.0])
    assert a.sum().item() == 4


def test_what_a_mask_picks_takes_no_operand_of_another_shape():
    def step(a, mask):
        a[mask] -= snp.ones((4, 3))

    with pytest.raises(ValueError, match="broadcast"):
        sj.jit(step)(snp.zeros((3, 4)), snp.ones((), bool))


def test_what_a_mask_picks_refuses_another_kind_of_number_before_another_shape():
    def step(a, mask):
        a[mask] -= [1, 2]

    for run, xp in ((step, np), (step, snp), (sj.jit(step), snp)):
        with pytest.raises(TypeError, match="Cannot cast ufunc 'subtract' output"):
            run(xp.ones((3, 3), bool), xp.ones(3, bool))


@pytest.mark.parametrize("new", [300, -129])
def test_what_a_mask_picks_takes_no_integer_that_its_dtype_can_not_hold(new):
    def step(a, mask):
        a[mask] += new

    for run, xp in ((step, np), (step, snp), (sj.jit(step), snp)):
        a = xp.ones(3, xp.int8)
        with pytest.raises(OverflowError, match=f"Python integer {new} out of bounds for int8"):
            run(a, xp.ones(3, bool))
        assert a.tolist() == [1, 1, 1]


CONTENTS = [[1, 2, 3], np.ones(3), jnp.ones(3), snp.ones(3), snp.arange(6)[::2], 1.5, True]


@pytest.mark.parametrize("new", CONTENTS)
def test_content_that_is_set_is_an_array_of_jax_that_nobody_shares(new):
    x, values = snp.zeros(3), np.array(new)
    view = snp.zeros((2, 3))[1]
    for array in (x, view) if values.ndim else (x,):
        array.value = new
        assert isinstance(array.value, jax.Array) and not array.value.weak_type
        np.testing.assert_array_equal(array, values)
    if isinstance(new, snp.ndarray):
        new[0] = 7
        np.testing.assert_array_equal(x, values)


def test_content_that_is_no_array_is_refused():
    x = snp.zeros(3)
    for wrong in (None, "text", object()):
        with pytest.raises((TypeError, ValueError)):
            x.value = wrong
    assert x.tolist() == [0.0, 0.0, 0.0]
