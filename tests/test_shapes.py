"""A program depends on the shapes of all arrays that were read, also where nothing is computed."""

import jax.numpy as jnp
import numpy as np
import pytest

import statejit as sj
import statejit.numpy as snp


class Model(sj.Base):
    def __init__(self, n, dtype):
        self.array, self.plain = snp.ones(n, dtype), jnp.ones(n, dtype)
        self.numpys, self.items = np.ones(n, dtype), [snp.ones(n, dtype), {"a": jnp.ones(n, dtype)}]
        self.seen = None


ARRAYS = {
    "mutable": lambda m: m.array,
    "jax": lambda m: m.plain,
    "numpy": lambda m: m.numpys,
    "in a list": lambda m: m.items[0],
    "in a dict": lambda m: m.items[1]["a"],
}
LOOKS = {
    "shape": lambda a: a.shape[0] * 1.0,
    "dtype": lambda a: float(a.dtype == np.float32),
    "len": lambda a: len(a) * 1.0,
    "size": lambda a: a.size * 1.0,
    "zeros_like": lambda a: snp.zeros(a.shape).sum() + a.shape[0],
    "branch": lambda a: 1.0 if a.shape == (3,) else 2.0,
}
WITHIN = {
    "jit": lambda look, m: look(m),
    "jit of jit": lambda look, m: sj.jit(lambda: look(m))(),
    "grad": lambda look, m: sj.grad(lambda x: x * look(m))(1.0),
    "vmap": lambda look, m: sj.vmap(lambda x: x * look(m))(jnp.ones(2))[0],
    "scan": lambda look, m: sj.scan(lambda c, x: (c + look(m), x), 0.0, jnp.ones(2))[0] / 2,
    "cond": lambda look, m: sj.cond(jnp.array(True), lambda: look(m) + 0.0, lambda: 0.0),
    "checkpoint": lambda look, m: sj.checkpoint(lambda x: x * look(m))(1.0),
    "while_loop": lambda look, m: sj.while_loop(lambda x: x < 1, lambda x: x + look(m), 0.0),
}
SIZES = [(3, "float32"), (4, "float32"), (4, "int32"), (3, "float32")]


@pytest.mark.parametrize("within", WITHIN)
def test_what_only_a_shape_or_dtype_decides_is_as_in_eager_python(within):
    for name, of in ARRAYS.items():
        look = LOOKS["shape" if name != "mutable" else "zeros_like"]
        run = sj.jit(lambda m: WITHIN[within](lambda m: look(of(m)), m))  # noqa: B023
        eager = WITHIN[within]
        for size in SIZES[:2]:
            expected = float(look(of(Model(*size))))
            assert float(run(Model(*size))) == expected, name
            assert float(eager(lambda m: look(of(m)), Model(*size))) == expected, name  # noqa: B023


@pytest.mark.parametrize("look", LOOKS)
def test_each_look_at_the_type_of_an_array_is_a_dependency(look):
    of_model = sj.jit(lambda m: [LOOKS[look](of(m)) for of in ARRAYS.values()])
    of_argument = sj.jit(lambda a: LOOKS[look](a))
    for size in SIZES:
        m = Model(*size)
        assert np.allclose(of_model(m), [LOOKS[look](of(m)) for of in ARRAYS.values()])
        for a in (m.array, m.plain):
            assert float(of_argument(a)) == float(LOOKS[look](a))


@pytest.mark.parametrize(
    "view",
    [lambda a: a.T, lambda a: a[1:], lambda a: a.reshape(-1), lambda a: a[None], lambda a: a[::-1]],
)
def test_a_view_that_is_returned_is_one_of_the_array_that_is_given(view):
    jitted = sj.jit(lambda a: view(a))
    for shape in ((3, 2), (4, 2), (3, 2), (2, 3, 2)):
        ours, numpys = snp.zeros(shape), np.zeros(shape)
        found, expected = jitted(ours), view(numpys)
        assert found.shape == expected.shape
        found[0], expected[0] = 1, 1
        assert ours.tolist() == numpys.tolist()


def test_an_array_whose_shape_alone_is_read_may_be_overwritten():
    m = Model(3, "float32")

    @sj.jit
    def reset():
        m.array = snp.zeros(m.array.shape)
        m.plain = jnp.zeros_like(m.plain)
        m.items[0] = m.items[0].shape[0]

    reset()
    assert (m.array.tolist(), m.plain.tolist(), m.items[0]) == ([0, 0, 0], [0, 0, 0], 3)
    m.array, m.plain, m.items[0] = snp.ones(2), jnp.ones(2), snp.ones(2)
    reset()
    assert (m.array.tolist(), m.plain.tolist(), m.items[0]) == ([0, 0], [0, 0], 2)


def test_a_loop_over_rows_depends_on_their_number():
    total = sj.jit(lambda a: sum([1 for _ in a]))
    assert [total(snp.ones((n, 2))) for n in (2, 3, 2)] == [2, 3, 2]
