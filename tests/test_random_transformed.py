"""Draws in transformed functions: the sequence of eager Python, no number drawn twice, one commit."""

import concurrent.futures
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import statejit as sj
import statejit.numpy as snp
from statejit import random
from statejit.random import Generator


def words(generator):
    return jax.random.key_data(generator.key).tolist()


def eager(count, draw=lambda g: g.random(), seed=3):
    """Returns the draws of a generator of its own, and what its key is after them."""
    g = Generator(seed)
    return [np.asarray(draw(g)).tolist() for _ in range(count)], words(g)


class Noisy(sj.Base):
    """Has a generator among its attributes."""

    def __init__(self, seed=3, impl=None):
        self.g = Generator(seed, impl=impl)
        self.total = snp.zeros(())

    def step(self, x=0.0):
        drawn = self.g.random()
        self.total += drawn
        return drawn + x


# Loops ---------------------------------------------------------------------------------------------


def test_scan_carries_the_key():
    g = Generator(3)
    _, found = sj.scan(lambda carry, x: (carry, g.random()), 0, jnp.arange(4))
    assert (found.tolist(), words(g)) == eager(4)


def test_for_loop_carries_the_key():
    model = Noisy()
    found = sj.for_loop(model.step, jnp.zeros(4))
    assert (found.tolist(), words(model.g)) == eager(4)
    assert float(model.total) == pytest.approx(sum(found.tolist()), rel=1e-6)


def test_while_loop_and_fori_loop_carry_the_key():
    g, h = Generator(3), Generator(3)
    found = sj.while_loop(lambda x: x[0] < 3, lambda x: (x[0] + 1, x[1] + g.random()), (0, 0.0))
    assert float(found[1]) == pytest.approx(sum(eager(3)[0]), rel=1e-6)
    assert words(g) == eager(3)[1]
    sj.fori_loop(0, 3, lambda i, x: x + h.random(), 0.0)
    assert words(h) == words(g)


def test_a_loop_inside_jit_goes_on_from_call_to_call():
    g = Generator(3)
    run = sj.jit(lambda: sj.for_loop(lambda x: x + g.random(), jnp.zeros(2)))
    found = run().tolist() + run().tolist()
    assert (found, words(g)) == eager(4)


def test_a_rejection_loop_inside_a_scan_is_as_eagerly():
    def draw(g):
        return g.poisson(snp.full(3, 4.5))

    g = Generator(3)
    found = sj.for_loop(lambda _: draw(g), jnp.arange(3))
    assert (found.tolist(), words(g)) == eager(3, draw)


# Lanes ---------------------------------------------------------------------------------------------


def test_each_lane_draws_its_own_stream():
    g = Generator(3)
    lanes = np.asarray(sj.vmap(lambda x: x + g.normal(size=500))(jnp.zeros(40)))
    assert len({lane.tobytes() for lane in lanes}) == 40
    off = np.abs(np.corrcoef(lanes) - np.eye(40))
    assert off.max() < 5.5 / np.sqrt(500)
    after = np.asarray(g.normal(size=500))
    assert not np.isin(after, lanes).all()
    assert np.abs([np.corrcoef(after, lane)[0, 1] for lane in lanes]).max() < 5 / np.sqrt(500)


def test_lanes_are_reproducible_and_inside_jit_the_same():
    plain, jitted = Generator(3), Generator(3)
    expected = sj.vmap(lambda x: plain.random() + x)(jnp.zeros(3))
    found = sj.jit(lambda xs: sj.vmap(lambda x: jitted.random() + x)(xs))(jnp.zeros(3))
    assert found.tolist() == expected.tolist()
    assert words(plain) == words(jitted)


def test_lanes_that_scan_and_scans_of_lanes_never_repeat():
    g = Generator(3)

    def lane(x):
        return sj.for_loop(lambda y: y + g.random(), jnp.zeros(3)) + x

    found = np.asarray(sj.vmap(lane)(jnp.zeros(5))).ravel().tolist()
    found += (
        np.asarray(
            sj.for_loop(lambda _: sj.vmap(lambda x: x + g.random())(jnp.zeros(5)), jnp.arange(3))
        )
        .ravel()
        .tolist()
    )
    assert len(set(found)) == 30


# Branches ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jitted", [False, True])
def test_a_branch_leaves_the_key_as_eager_python_does(jitted):
    g = Generator(3)

    def run(flag):
        drawn = sj.cond(flag, lambda: g.random() + g.random(), lambda: snp.zeros(()))
        return drawn, g.random()

    call = sj.jit(run) if jitted else run
    both, _ = eager(3)
    found = call(jnp.asarray(True))
    assert float(found[0]) == pytest.approx(both[0] + both[1], rel=1e-6)
    assert float(found[1]) == both[2]
    g.seed(3)
    assert float(call(jnp.asarray(False))[1]) == both[0]


def test_switch_draws_as_the_branch_that_ran():
    g = Generator(3)
    branches = [
        lambda: snp.zeros(()),
        lambda: g.random() * 1.0,
        lambda: g.random() + 0 * g.random(),
    ]
    drawn = [float(sj.switch(jnp.asarray(i), branches)) for i in (0, 1, 2)]
    first, second, *_ = eager(3)[0]
    assert drawn == [0.0, first, second]
    assert words(g) == eager(3)[1]


# Derivatives ---------------------------------------------------------------------------------------


def test_grad_commits_the_key_once():
    model = Noisy()
    slope = sj.grad(lambda x: model.step(x) * x)(2.0)
    drawn, key = eager(1)
    assert float(slope) == pytest.approx(drawn[0] + 4.0)
    assert words(model.g) == key
    assert float(model.total) == drawn[0]


def test_hessian_and_jacobian_and_remat_commit_the_key_once():
    for transform in (sj.hessian, sj.jacrev, sj.jacfwd):
        g = Generator(3)
        transform(lambda x: x * x * g.random())(2.0)
        assert words(g) == eager(1)[1]
    g = Generator(3)
    slope = sj.grad(sj.checkpoint(lambda x: jnp.sin(x) * g.random().value))(0.0)
    assert [[float(slope)], words(g)] == list(eager(1))


def inverted(distribution):
    """Returns the derivative by the first parameter that the inverse distribution function has."""

    def slopes(sample, at, *others, step=1e-4):
        share = distribution(at, *others).cdf(sample)
        above, below = (distribution(at + h, *others).ppf(share) for h in (step, -step))
        return (above - below) / (2 * step)

    return slopes


def test_derivatives_by_parameters_are_those_of_the_inverse_distribution_function():
    draws = {
        "gamma": ((2.5, 3.0), lambda a, scale: stats.gamma(a, scale=scale)),
        "wald": ((1.5, 2.0), lambda mean, scale: stats.invgauss(mean / scale, scale=scale)),
        "truncated_normal": ((-1.0, np.inf), stats.truncnorm),
        "vonmises": ((0.5, 2.0), lambda mu, kappa: stats.vonmises(kappa, mu)),
    }

    params = {name: row[0] for name, row in draws.items()}

    def sample(shift):
        return [getattr(Generator(3), n)(a + shift, b, size=4) for n, (a, b) in params.items()]

    found, slopes = sj.jit(lambda: sj.jvp(sample, (jnp.zeros(()),), (jnp.ones(()),)))()
    for drawn, slope, (given, expected) in zip(found, slopes, draws.values(), strict=True):
        exact = inverted(expected)(np.asarray(drawn, float), *given)
        np.testing.assert_allclose(np.asarray(slope), exact, rtol=2e-3)


def test_the_derivative_by_a_noncentrality_is_that_of_the_inverse_distribution_function():
    def sample(nonc):
        return Generator(3).noncentral_chisquare(snp.array([0.5, 0.5, 0.9]), nonc)

    nonc = np.array([2.0, 30.0, 0.1])
    found, slopes = sj.jit(lambda: sj.jvp(sample, (jnp.asarray(nonc),), (jnp.ones(3),)))()
    share = stats.ncx2([0.5, 0.5, 0.9], nonc).cdf(np.asarray(found, float))
    above, below = (stats.ncx2([0.5, 0.5, 0.9], nonc + h).ppf(share) for h in (1e-3, -1e-3))
    np.testing.assert_allclose(np.asarray(slopes), (above - below) / 2e-3, rtol=2e-3)


# Failures ------------------------------------------------------------------------------------------


def test_a_call_that_fails_leaves_the_key():
    g = Generator(3)

    def run(x):
        g.random()
        raise ValueError("stop")

    before = words(g)
    for call in (sj.jit(run), sj.grad(run), sj.vmap(run)):
        with pytest.raises(ValueError, match="stop"):
            call(jnp.ones(2))
    assert words(g) == before


# Streams -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
def test_each_implementation_draws_the_same_jitted_and_its_lanes_differ(impl):
    plain, model = Generator(3, impl=impl), Noisy(impl=impl)
    assert str(jax.random.key_impl(model.g.key)) == impl
    expected = [plain.random().item() for _ in range(2)]
    step = sj.jit(model.step)
    assert [step().item() for _ in range(2)] == expected
    child = model.g.spawn(1)[0]
    assert str(jax.random.key_impl(child.key)) == impl
    assert len(set(sj.vmap(lambda x: x + child.random())(jnp.zeros(4)).tolist())) == 4


def test_streams_of_children_forks_and_folds_are_uncorrelated():
    g = Generator(3)
    children = [
        *g.spawn(12),
        g.fork(),
        g.clone(),
        g.fold_in(1),
        g.fold_in(2),
        g,
        *Generator(4).spawn(3),
    ]
    samples = np.array([child.normal(size=2_000) for child in children])
    assert np.abs(np.corrcoef(samples) - np.eye(len(samples))).max() < 5 / np.sqrt(2_000)


def test_successive_calls_are_uncorrelated():
    g = Generator(3)
    samples = np.array([g.random(1_000) for _ in range(30)])
    assert np.abs(np.corrcoef(samples) - np.eye(30)).max() < 5 / np.sqrt(1_000)
    single = np.array([g.random() for _ in range(1_000)])
    lags = [np.corrcoef(single[:-lag], single[lag:])[0, 1] for lag in (1, 2, 3, 10)]
    assert np.abs(lags).max() < 4.5 / np.sqrt(1_000)


def test_neighbouring_seeds_are_uncorrelated():
    samples = np.array([Generator(seed).normal(size=1_000) for seed in range(20)])
    assert np.abs(np.corrcoef(samples) - np.eye(20)).max() < 5 / np.sqrt(1_000)


def test_spawning_and_forking_inside_jit_is_as_eagerly():
    def draw(g):
        one, two = g.spawn(2)
        return one.random(), two.random(), g.fork().random(), g.fold_in(7).random(), g.random()

    g = Generator(3)
    expected = [float(x) for x in draw(Generator(3))]
    assert [float(x) for x in sj.jit(lambda: draw(g))()] == expected
    assert len(set(expected)) == 5


def test_a_seed_context_inside_jit_is_as_eagerly():
    def draw(g, seed):
        first = g.random()
        with g.seed_context(seed):
            inside = g.random()
        return first, inside, g.random()

    expected = [float(x) for x in draw(Generator(3), 9)]
    g = Generator(3)
    run = sj.jit(lambda seed: draw(g, seed))
    assert [float(x) for x in run(9)] == expected
    g.seed(3)
    assert [float(x) for x in run(jnp.asarray(9))] == expected
    assert words(g) == eager(2)[1]


def test_a_seed_context_puts_the_key_back_when_the_block_fails():
    g = Generator(3)
    with pytest.raises(ValueError, match="low >= high"), g.seed_context(4):
        g.integers(g.integers(5, size=3), 0)
    assert words(g) == eager(0)[1]


def test_threads_never_draw_the_same_number_of_the_default_generator():
    random.seed(3)
    expected = {random.random().item() for _ in range(80)}
    random.seed(3)
    ready = threading.Barrier(4)

    def work(_):
        ready.wait()
        return [random.random().item() for _ in range(20)]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = [x for part in pool.map(work, range(4)) for x in part]
    assert len(set(found)) == 80
    assert set(found) == expected


def test_threads_that_draw_split_and_spawn_share_no_stream():
    g, ready = Generator(3), threading.Barrier(3)
    ways = [g.bits, lambda: jax.random.bits(g.split_key()), lambda: g.spawn(1)[0].bits()]

    def work(way):
        ready.wait()
        return [int(way()) for _ in range(30)]

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        found = [x for part in pool.map(work, ways) for x in part]
    assert len(set(found)) == 90


def test_a_thread_with_a_seed_context_of_its_own_generator_disturbs_no_other():
    def work(seed):
        g = Generator(0)
        with g.seed_context(seed):
            return [g.random().item() for _ in range(5)]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(8)))
    assert found == [work(seed) for seed in range(8)]


# Keys that are kept ---------------------------------------------------------------------------------


def test_a_checkpoint_carries_the_key():
    import flax.serialization

    model = Noisy()
    model.step()
    saved = sj.collections(model)
    data = jax.tree.map(
        lambda x: jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x,
        saved,
    )
    stored = flax.serialization.to_bytes(data)
    expected = [model.step().item() for _ in range(2)]
    read = flax.serialization.from_bytes(data, stored)
    restored = jax.tree.map(
        lambda old, new: (
            jax.random.wrap_key_data(jnp.asarray(new))
            if jnp.issubdtype(old.dtype, jax.dtypes.prng_key)
            else jnp.asarray(new)
        ),
        saved,
        read,
    )
    other = Noisy(seed=99)
    sj.update(other, restored)
    assert [other.step().item() for _ in range(2)] == expected


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
def test_an_orbax_checkpoint_carries_the_key_as_it_is(tmp_path, impl):
    import orbax.checkpoint

    model, twin = Noisy(impl=impl), Noisy(seed=99, impl=impl)
    model.step()
    with orbax.checkpoint.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "saved", sj.collections(model))
    expected = [model.step().item() for _ in range(2)]
    with orbax.checkpoint.StandardCheckpointer() as checkpointer:
        sj.update(twin, checkpointer.restore(tmp_path / "saved", sj.collections(twin)))
    assert [twin.step().item() for _ in range(2)] == expected


def test_a_pickled_and_a_copied_generator_go_on():
    import copy
    import pickle

    g = Generator(3)
    g.random()
    for twin in (pickle.loads(pickle.dumps(g)), copy.copy(g), copy.deepcopy(g)):
        assert type(twin) is Generator
        assert twin.random().item() == eager(2)[0][1]


def test_the_key_is_in_the_collection_of_random_keys():
    model = Noisy()
    found = sj.collections(model)
    assert jax.tree.leaves(found["rngs"])[0] is model.g.key


# Arguments -----------------------------------------------------------------------------------------


def test_out_is_written_inside_jit():
    class Buffers(sj.Base):
        def __init__(self):
            self.g, self.a, self.n = Generator(3), snp.zeros(3), np.zeros(3, np.float32)

        def fill(self):
            found = self.g.random(out=self.a)
            self.g.standard_normal(out=self.n)
            return found is self.a

    plain, jitted = Buffers(), Buffers()
    plain.fill()
    before = jitted.a, jitted.n
    assert sj.jit(jitted.fill)()
    assert (jitted.a is before[0]) & (jitted.n is before[1])
    assert jitted.a.tolist() == plain.a.tolist() != [0.0] * 3
    assert jitted.n.tolist() == plain.n.tolist() != [0.0] * 3


def test_a_key_of_the_callers_leaves_the_generators():
    g = Generator(3)
    key = jax.random.key(8)
    before = words(g)
    found = g.normal(1.0, 2.0, 3, key=key)
    assert found.tolist() == g.normal(1.0, 2.0, 3, key=key).tolist()
    assert found.tolist() == g.normal(1.0, 2.0, 3, key=jax.random.key_data(key)).tolist()
    lanes = jax.vmap(lambda k: g.normal(key=k).value)(jax.random.split(key, 3))
    assert len(set(lanes.tolist())) == 3
    assert words(g) == before


def test_traced_parameters_outside_of_their_domains_give_nan_or_minus_one():
    g = Generator(3)
    draw = sj.jit(lambda bad: (g.normal(0.0, bad), g.triangular(0, bad, 1), g.poisson(bad)))
    found = [float(x) for x in draw(jnp.asarray(-1.0))]
    np.testing.assert_array_equal(found, [np.nan, np.nan, -1])
    with pytest.raises(ValueError, match="scale < 0"):
        draw(-1.0)


def test_traced_bounds_outside_of_their_dtype_give_minus_one():
    g = Generator(3)
    bounds = [(0, 0), (0, 257), (-1, 5), (5, 5), (0, 256), (250, 256)]
    draw = sj.jit(lambda low, high: g.integers(low, high, dtype="uint8"))
    found = draw(*(jnp.asarray(x) for x in zip(*bounds, strict=True))).tolist()
    assert found[:4] == [255] * 4
    assert 250 <= found[5] < 256
    half = sj.jit(lambda high: g.integers([0, 1], high, (4, 2), "uint8"))(jnp.asarray([0, 3]))
    assert (half[:, 0] == 255).all()
    assert set(half[:, 1].tolist()) <= {1, 2}
