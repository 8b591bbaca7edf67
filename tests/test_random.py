"""Random numbers: NumPy's interface, the same eagerly and compiled, refused where wrong."""

import copy
import inspect
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import statejit as sj
import statejit.numpy as snp
from statejit import Array, random
from statejit.random import Generator
from statejit.random.threefry import in_two

DRAWS = [
    lambda g: g.random((2, 3)),
    lambda g: g.normal(0.0, 2.0, 5),
    lambda g: g.uniform(-1, 1, [2]),
    lambda g: g.randint(0, 10, 4),
    lambda g: g.integers(1, 6, 5, endpoint=True),
    lambda g: g.permutation(6),
    lambda g: g.choice(5, 3),
    lambda g: g.choice([1.0, 2.0], 3, p=[0.1, 0.9]),
    lambda g: g.standard_normal(2),
    lambda g: g.categorical([0.1, 0.9], size=4),
    lambda g: g.dirichlet([1.0, 2.0], 3),
    lambda g: g.rand(2, 2),
    lambda g: g.randn(2),
    lambda g: g.multivariate_normal([0.0, 1.0], [[1.0, 0.0], [0.0, 1.0]], 2),
    lambda g: g.standard_gamma(1.5, 100),
    lambda g: g.standard_gamma(snp.full(100, 1.5)),
    lambda g: g.normal(),
]


@pytest.mark.parametrize("draw", DRAWS)
def test_the_sequence_is_the_same_under_jit_bit_for_bit(draw):
    eager, jitted = Generator(3), Generator(3)
    compiled = sj.jit(lambda: draw(jitted))
    for _ in range(2):
        expected, found = draw(eager), compiled()
        assert type(expected) is type(found) is Array
        assert found.dtype == expected.dtype
        assert np.asarray(found).tobytes() == np.asarray(expected).tobytes()
    assert (jax.random.key_data(eager.key) == jax.random.key_data(jitted.key)).all()


def test_gradients_go_through_draws():
    g, h = Generator(0), Generator(0)
    z = h.standard_normal()
    slope = sj.grad(lambda scale: g.normal(1.0, scale).sum())(2.0)
    assert float(slope) == pytest.approx(float(z))
    assert (jax.random.key_data(g.key) == jax.random.key_data(h.key)).all()


def test_each_draw_is_new_and_seeds_repeat():
    random.seed(5)
    first, second = random.normal(size=3), random.normal(size=3)
    assert first.tolist() != second.tolist()
    random.seed(5)
    assert random.normal(size=3).tolist() == first.tolist()
    state = random.get_state()
    third = random.random(2)
    random.set_state(state)
    assert random.random(2).tolist() == third.tolist()


def test_draws_from_the_default_generator_inside_jit_are_new_at_each_call():
    random.seed(1)
    draw = sj.jit(lambda: random.normal(0.0, 2.0, 5))
    found = [draw().tolist() for _ in range(3)]
    random.seed(1)
    assert found == [random.normal(0.0, 2.0, 5).tolist() for _ in range(3)]


FIRST_DRAWS = """
import jax, statejit as sj, statejit.random as random
assert "DEFAULT" not in vars(random)
runs = []
def draw():
    with sj.unwatched():
        runs.append(1)
    return {call}
compiled = sj.jit(draw)
assert compiled().tolist() != compiled().tolist()
assert len(runs) == 1
"""


@pytest.mark.parametrize("call", ["random.normal(size=3)", "random.DEFAULT.normal(size=3)"])
def test_the_default_generator_may_be_met_first_inside_jit(call):
    done = subprocess.run(
        [sys.executable, "-c", FIRST_DRAWS.format(call=call)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_parameters_broadcast():
    g = Generator(0)
    assert g.normal(snp.zeros(3), 2).shape == (3,)
    assert g.uniform([[0.0], [1.0]], [2.0, 3.0]).shape == (2, 2)
    assert g.normal([0.0, 100.0], 1, (4, 2)).shape == (4, 2)
    with pytest.raises(ValueError):
        g.normal(snp.zeros(4), size=(3,))


def test_permutation_shuffle_and_choice():
    g = Generator(0)
    assert sorted(g.permutation(10).tolist()) == list(range(10))
    a, n = snp.arange(8), np.arange(8)
    assert g.shuffle(a) is None
    g.shuffle(n)
    assert sorted(a.tolist()) == sorted(n.tolist()) == list(range(8))
    assert a.tolist() != list(range(8))
    assert sorted(g.choice(5, 5, replace=False).tolist()) == list(range(5))
    listed = list("abcdefgh")
    g.shuffle(listed)
    assert sorted(listed) == list("abcdefgh") != listed
    for fixed in ((1, 2), jnp.arange(2), {0: 1}, "ab"):
        with pytest.raises(TypeError, match=r"takes a .*NumPy array, or a list"):
            g.shuffle(fixed)


def test_shuffle_inside_jit_is_in_place():
    class Data(sj.Base):
        def __init__(self):
            self.a, self.n, self.g = snp.arange(8), np.arange(8), Generator(2)

        def shuffle(self):
            self.g.shuffle(self.a)
            self.g.shuffle(self.n)

    eager, jitted = Data(), Data()
    eager.shuffle()
    sj.jit(jitted.shuffle)()
    assert eager.a.tolist() == jitted.a.tolist()
    assert eager.n.tolist() == jitted.n.tolist()


def test_generators_are_independent_and_copied():
    g = Generator(0)
    one, two = g.spawn(2)
    assert one.random(4).tolist() != two.random(4).tolist()
    assert random.default_rng(g) is g
    twin = copy.deepcopy(g)
    assert twin.random(2).tolist() == g.random(2).tolist()
    key = g.split_key()
    assert jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    assert g.split_key(3).shape == (3,)
    assert Generator(key).random().shape == ()


def test_signatures_are_numpys():
    for name, expected in (
        ("normal", "(loc=0.0, scale=1.0, size=None, key=None, dtype=None)"),
        ("gamma", "(shape, scale=1.0, size=None, key=None, dtype=None)"),
    ):
        assert str(inspect.signature(getattr(random, name))) == expected
    with pytest.raises(TypeError, match="missing a required argument: 'a'"):
        random.beta()
    with pytest.raises(TypeError, match="too many"):
        random.normal(1, 2, 3, None, None, 5)
    with pytest.raises(ValueError, match="low >= high"):
        random.randint(5, 5)


def test_dtypes():
    g = Generator(0)
    assert g.normal(0, 1, 2).dtype == jnp.float32
    assert g.normal(0, 1, 2, dtype=jnp.float16).dtype == jnp.float16
    assert g.randint(3, size=2).dtype == jnp.int32
    assert g.bernoulli(0.5, 2).dtype == bool


@pytest.mark.parametrize("transform", [jax.jit, jax.vmap, jax.grad])
def test_a_draw_under_a_raw_transformation_is_refused(transform):
    g = Generator(0)
    key = g.key

    def fun(x):
        return jnp.sum(x) * g.normal().value

    with pytest.raises(sj.errors.RawTransformError, match="not lifted"):
        transform(fun)(1.0 if transform is jax.grad else jnp.ones(2))
    assert g.key is key


def test_a_draw_under_raw_vmap_inside_jit_is_refused():
    g = Generator(0)
    fun = sj.jit(lambda x: jax.vmap(lambda y: y + g.normal().value)(x))
    with pytest.raises(sj.errors.RawTransformError):
        fun(jnp.ones(3))
    assert g.random().shape == ()


def test_fresh_entropy_inside_jit_is_refused():
    with pytest.raises(sj.errors.FrozenValueError, match="fresh entropy"):
        sj.jit(lambda: Generator().normal())()
    with pytest.raises(sj.errors.FrozenValueError, match="fresh entropy"):
        sj.jit(random.seed)()


def test_a_generator_made_inside_jit():
    assert sj.jit(lambda s: Generator(4).normal(size=2))(0).tolist() == (
        Generator(4).normal(size=2).tolist()
    )


def test_what_is_absent_says_so():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        random.nonsense  # noqa: B018


def test_arguments_that_equal_each_other_are_told_apart():
    g = Generator(0)
    for scale in (0.0, -0.0, 0.0):
        with_sign = [g.normal(loc, 0.0, (2,)) for loc in (0.0, -0.0)]
        assert not np.signbit(np.asarray(with_sign[0]) + scale).all()
    signs = [np.signbit(float(g.uniform(zero, zero))) for zero in (0.0, -0.0, 0.0, -0.0)]
    assert signs == [np.signbit(float(sj.jit(g.uniform)(z, z))) for z in (0.0, -0.0, 0.0, -0.0)]
    assert g.normal(0, 1, (2,)).shape == g.normal(0, 1, size=(2,)).shape == (2,)
    for size in ((2.0,), 2.0):
        with pytest.raises(TypeError):
            g.normal(0, 1, size)
        with pytest.raises(TypeError):
            g.normal(0, 1, size=size)


def test_a_parameter_that_changes_is_asked_at_each_draw():
    class Mean:
        mean = 1.0

        def __array__(self, dtype=None, copy=None):
            return np.asarray(self.mean, dtype)

    g, mean = Generator(0), Mean()
    assert float(g.normal(mean, 0.0)) == 1.0
    mean.mean = 2.0
    assert float(g.normal(mean, 0.0)) == 2.0
    with jax.enable_x64(True):
        assert g.normal(0.1, 0.0).dtype == np.float64
        assert float(g.normal(0.1, 0.0)) == 0.1
    assert g.normal(0.1, 0.0).dtype == np.float32


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))]
)
def test_a_copy_of_a_generator_goes_its_own_way(copied):
    g = Generator(3)
    g.normal(size=2)
    for one in (lambda: copied(g), sj.jit(lambda: copy.deepcopy(g)), sj.jit(lambda: copy.copy(g))):
        twin = one()
        first = [twin.normal(size=2).tolist() for _ in range(2)]
        assert [g.normal(size=2).tolist() for _ in range(2)] == first


def test_the_key_that_is_looked_at_is_the_one_that_splitting_by_hand_gives():
    g, key = Generator(3), jax.random.key(3)
    for _ in range(3):
        key, now = jax.random.split(key)
        assert float(g.standard_normal()) == float(jax.random.normal(now))
        assert g.key == key
        key, now = jax.random.split(key)
        g.random()
    assert g.key == key
    assert jax.tree.leaves(sj.collections(g)["rngs"])[0] is g.key


def test_the_numbers_of_eager_draws_are_those_of_jax_in_all_widths_and_shapes():
    def drawn(key):
        found = [
            jax.random.bits(key, shape, dtype)
            for shape in ((), (2, 7), (0, 3))
            for dtype in ("uint8", "uint16", "uint32", "uint64")
        ]
        many = jax.vmap(lambda k: jax.random.bits(k, (3,)))(jax.random.split(key, 5))
        return [*found, jax.random.bits(key, (16,)), many, *halves(jax.random.fold_in(key, 4))]

    def halves(key):
        following, now = jax.random.split(key)
        return jax.random.key_data(following), jax.random.key_data(now)

    def ours(key):
        words, now = in_two(key)
        return words, drawn(now)

    key = jax.random.fold_in(jax.random.key(7), 2**31)
    with jax.enable_x64(True):
        expected = halves(key)[0], jax.jit(lambda key: drawn(jax.random.split(key)[1]))(key)
        assert jax.tree.all(jax.tree.map(np.array_equal, jax.jit(ours)(key), expected))
    with jax.threefry_partitionable(False):
        words, now = in_two(key)
        assert (words.tolist(), jax.random.key_data(now).tolist()) == jax.tree.map(
            lambda x: x.tolist(), halves(key)
        )


def test_calls_that_equal_each_other_are_told_apart():
    rng = random.default_rng(0)
    for _ in range(2):
        assert rng.integers(5, size=3).shape == (3,)
        assert rng.permutation(1).tolist() == [0]
        with pytest.raises(TypeError):
            rng.integers(5, size=3.0)
        with pytest.raises(ValueError):
            rng.permutation(1.0)
        assert rng.choice(1, (2,)).shape == (2,)
        with pytest.raises(TypeError):
            rng.choice(1, (2.0,))
        with pytest.raises(TypeError):
            rng.choice(1, True)
