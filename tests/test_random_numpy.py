"""Beside numpy.random: the same refusals, the same shapes and kinds of dtypes, the same in-place writes."""

import importlib.util
import pathlib
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import statejit as sj
import statejit.numpy as snp
from statejit import random
from statejit.random import Generator, RandomState

INF, NAN = np.inf, np.nan

REFUSED = {
    "size": "normal(size=-1) normal(size=(2,-1)) normal(size=1.5) random(size='a') gamma(1,size=-1)"
    " normal(size=(True,)) random(np.array([True])) random(np.array([2.,3.])) random([[2,3]])",
    "shapes": "normal([0,1],[1,2,3]) normal([0,1],1,size=3) beta([1,2],[1,2,3]) choice(5,(2,-1))",
    "no numbers": "normal('a') normal(None) uniform('a') gamma('a') exponential(None) normal('0')"
    " normal(1j) normal([1j]) binomial('5',.5) normal(np.array(['0'])) normal(np.array([1],object))"
    " binomial(INF,.5) binomial(10**40,.5) binomial([INF],.5)",
    "minus zero": "normal(0,-0.0) normal(0,[1,-0.0]) exponential(-0.0) gamma(-0.0) weibull(-0.0)",
    "scale": "normal(0,-1) normal(0,[1,-1]) lognormal(0,-1) exponential(-1) gamma(1,-1) laplace(0,-1)"
    " logistic(0,-1) gumbel(0,-1) rayleigh(-1)",
    "shape": "gamma(-1) standard_gamma(-1) pareto(0) pareto(-1) power(0) power(-1) weibull(-1) beta(0,1)"
    " beta(1,0) beta(-1,1) vonmises(0,-1) wald(0,1) wald(1,0) wald(-1,1)",
    "degrees": "f(0,1) f(1,0) chisquare(0) chisquare(-1) standard_t(0) standard_t(-1)"
    " noncentral_chisquare(0,1) noncentral_chisquare(1,-1) noncentral_f(0,1,1) noncentral_f(1,0,1)"
    " noncentral_f(1,1,-1)",
    "range": "triangular(1,0,2) triangular(0,2,1) triangular(1,1,1) uniform(0,INF) uniform(-INF,0)"
    " uniform(0,NAN)",
    "counts": "binomial(-1,.5) binomial(1,-.1) binomial(1,1.1) binomial(1,NAN) poisson(-1) poisson(NAN)"
    " poisson(1e30) geometric(0) geometric(1.1) geometric(NAN) geometric(-1) hypergeometric(-1,1,1)"
    " hypergeometric(1,-1,1) hypergeometric(1,1,-1) hypergeometric(1,1,3) hypergeometric(.5,2.5,3) negative_binomial(0,.5)"
    " negative_binomial(-1,.5) negative_binomial(1,1.1) negative_binomial(1,NAN) logseries(1)"
    " logseries(-.1) logseries(NAN) zipf(1) zipf(.5) zipf(NAN) zipf([2,1])",
    "choice": "choice(0) choice(-1) choice([]) choice(5,6,False) choice(5,3,p=[.5,.5])"
    " choice(2,p=[.5,.6]) choice(2,p=[-.5,1.5]) choice(2,p=[NAN,1]) choice(2,p=[[.5,.5]])"
    " choice(3,2,False,[1,0,0]) choice(2.5) choice(5,(2,3),False) choice('abc') choice({1,2})",
    "order": "permutation('abc') permutation(2.5) shuffle((1,2)) shuffle(5) shuffle(np.array(3))"
    " permutation(None) permutation({1,2}) choice(None)",
    "vectors": "multinomial(-1,[.5,.5]) multinomial(5,[.5,.6,.1]) multinomial(5,[-.1,1.1])"
    " multinomial(5,[NAN,1]) multinomial(5,[1.1]) multinomial(INF,[.5,.5]) multinomial(NAN,[.5,.5]) dirichlet([-1,1]) dirichlet(1)"
    " multivariate_normal(0,[[1]]) multivariate_normal([0],[1]) multivariate_normal([0,0],[[1]])"
    " multivariate_normal([0,0],[[1,2],[2,1]],check_valid='raise')"
    " multivariate_normal([0],[[1]],check_valid='x') multivariate_normal([0,0],[[1,2,3],[1,2,3]])",
}
"""Calls that NumPy's generators and its module refuse alike; arguments have no blanks."""

REFUSED_BY_GENERATORS = {
    "uniform": "uniform(2,1) negative_binomial(NAN,.5) negative_binomial(1e19,.5)"
    " negative_binomial([1,1e19],.5) negative_binomial(5,1e-30)",
    "integers": "integers(0) integers(5,5) integers(5,4) integers(0,300,dtype='uint8')"
    " integers(-1,3,dtype='uint8') integers(5,4,endpoint=True) integers(0,2,dtype=float)"
    " integers([1,0]) integers([0,5],[5,5]) integers(0,INF) integers(NAN) integers(None)"
    " integers(0,10**30) integers('a')",
    "order": "permuted(5) permuted(5,axis=0) permuted([1,2],axis=1) permuted([1,2],out=np.zeros(3)) choice([[1,2]],axis=2)"
    " permuted([1.5,2],out=np.zeros(2,int)) permuted([1,2],out=[0,0]) shuffle([1,2],axis=1)"
    " shuffle([1,2],axis=None)",
    "arrays": "multivariate_hypergeometric([1,2],-1) multivariate_hypergeometric([1,2],4)"
    " multivariate_hypergeometric([-1,2],1) multivariate_hypergeometric([1.5,2],1)"
    " multivariate_hypergeometric([1,2],1,method='x') multivariate_hypergeometric([10**9,2],1)"
    " multivariate_normal([0],[[1]],method='x') multivariate_hypergeometric([3,4],2.5)"
    " multivariate_hypergeometric([3],[2]) multivariate_normal([0j,0],np.eye(2))",
    "dtype": "normal(size=True) integers(9,dtype=np.dtype('>i4')) random(out=[0.,0.])"
    " random(out=np.zeros(3,'>f8')) random(dtype=int) random(2,out=np.zeros(3)) random(3,dtype='f4',out=np.zeros(3))"
    " standard_normal(dtype=int) standard_gamma(1,dtype=int)",
}

REFUSED_BY_MODULES = {
    "randint": "randint(0) randint(5,5) randint(5,4) randint(0,300,dtype='uint8')"
    " randint(-1,3,dtype='uint8') randint(0,INF)",
    "random_integers": "random_integers(None) random_integers(3,2) random_integers(0)",
    "shapes": "rand(-1) randn(2,-1) random_sample(-1)",
    "seeds": "seed([]) seed([[1,2]]) seed(-1) seed('a') set_state({})",
}


def refusal(owner, call):
    """Returns the exception of a call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            found = eval(f"owner.{call}")
        except Exception as error:
            return error
    return pytest.fail(f"{call} gave {found!r}")


def check_refused(calls, theirs, ours):
    for call in calls.split():
        expected, found = refusal(theirs, call), refusal(ours, call)
        assert isinstance(found, type(expected)), (call, expected, found)


@pytest.mark.parametrize("group", REFUSED)
def test_generators_and_module_refuse_what_numpy_refuses(group):
    check_refused(REFUSED[group], np.random.default_rng(0), Generator(0))
    check_refused(REFUSED[group], np.random, random)


@pytest.mark.parametrize("group", REFUSED_BY_GENERATORS)
def test_generators_refuse_what_numpys_refuse(group):
    check_refused(REFUSED_BY_GENERATORS[group], np.random.default_rng(0), Generator(0))


@pytest.mark.parametrize("group", REFUSED_BY_MODULES)
def test_the_module_refuses_what_numpys_refuses(group):
    check_refused(REFUSED_BY_MODULES[group], np.random, random)


SHAPED = """random() random(3) random((2,3)) random([2,0]) random(()) normal([0,1]) normal([[0],[1]],[1,2,3])
normal([0,1],1,(4,2)) normal(0,1,np.int64(3)) normal(size=np.array([2,3])) uniform(0,[1,2]) uniform(0,1,())
gamma([1,2],3) beta([[1],[2]],[3,4]) standard_normal((1,2)) lognormal(0,[1,2]) wald([1,2],1)
vonmises(0,[0,4]) triangular([0,1],2,[3,4]) f(2,[3,4]) noncentral_f(2,3,[1,2]) weibull([1,2],(3,2))
poisson([1,2]) poisson(4,(2,2)) binomial([5,6],.5) binomial(5,[[.1],[.2]]) geometric([.1,.2]) zipf([2,3])
hypergeometric([5,6],4,3) negative_binomial(3,[.1,.2]) logseries([.1,.2]) dirichlet([1,2,3])
dirichlet([1,2,3],4) dirichlet([1,2],(2,3)) multinomial(5,[.5,.5]) multinomial(5,[.5,.5],(2,3))
multivariate_normal([0,0],np.eye(2)) multivariate_normal([0,0],np.eye(2),(3,1)) choice(5) choice(5,3)
choice([1.,2.],(2,2)) choice(np.arange(6).reshape(3,2)[:,0],2,False) permutation(5)
choice(range(4)) choice(np.array(5),3) permutation(range(3)) normal(size=range(2,4))
permutation(np.ones((3,2))) permutation([1,2,3]) permutation(-1) poisson([],) normal(np.zeros((0,3)))""".split()

SHAPED_BY_GENERATORS = """hypergeometric(1,-0.0,[.5,1.5]) choice(np.zeros((3,0)),0,axis=1) choice(np.ones((3,2)),(2,0)) permutation(5,axis=1) permuted(range(3)) integers(5) integers([5,6]) integers(1,[[5],[6]],(2,3)) integers(3,size=(2,0)) integers(0,-9,0)
integers(5,dtype='int8') integers(2,dtype=bool,size=3) integers(0,256,3,'uint8') multinomial([5,6],[.5,.5])
multinomial(5,[[.5,.5],[.1,.9]]) multivariate_hypergeometric([3,4],2) permuted([[1,2],[3,4]],axis=1)
multivariate_hypergeometric([3,4],2,(2,2)) choice(np.ones((3,2)),4) choice(np.ones((3,2)),4,axis=1)
choice(np.ones((3,2)),(2,2),axis=1) permutation(np.ones((3,2)),axis=1) random(3,dtype='float32')
standard_gamma([1,2],dtype='float32') standard_exponential(3,method='inv')""".split()


def check_shape(call, theirs, ours):
    expected = np.asarray(eval(f"theirs.{call}"))
    found = sj.eval_shape(lambda: eval(f"ours.{call}", {"ours": ours, "np": np}))
    assert found.shape == expected.shape, call
    assert np.dtype(found.dtype).kind == expected.dtype.kind, call
    if "dtype" in call or "uint8" in call:
        assert found.dtype == expected.dtype, call


def test_shapes_and_kinds_of_samples_are_numpys():
    theirs, ours = np.random.default_rng(0), Generator(0)
    for call in SHAPED + SHAPED_BY_GENERATORS:
        check_shape(call, theirs, ours)


def test_shapes_of_the_older_functions_are_numpys():
    theirs, ours = np.random.RandomState(0), RandomState(0)
    for (
        call
    ) in """rand() rand(2,3) randn() randn(2,0) randint(5) randint(2,[5,6]) randint(3,size=(2,2))
    random_sample(3) tomaxint() tomaxint((2,)) uniform(3,1,2) randint(5,dtype='int8')""".split():
        check_shape(call, theirs, ours)


TEXT = np.array([["a", "b"], ["c", "d"], ["e", "f"]])


def test_text_and_objects_are_chosen_and_reordered_as_numpys_arrays():
    g = Generator(0)
    assert type(g.choice(["a", "b"])) is np.str_
    assert g.choice(["a", None, 3], (2, 4)).dtype == object
    assert sorted(g.choice(["a", "b", "c"], 3, replace=False)) == ["a", "b", "c"]
    assert g.choice(TEXT, 4, axis=1).shape == (3, 4)
    assert g.choice(["a", "b"], 5, p=[0.0, 1.0]).tolist() == ["b"] * 5
    assert sorted(g.permutation(["a", "b", "c"])) == ["a", "b", "c"]
    swapped = [g.permutation(TEXT, axis=1) for _ in range(8)]
    assert {tuple(x[0]) for x in swapped} == {("a", "b"), ("b", "a")}
    assert all((x == TEXT).all() or (x == TEXT[:, ::-1]).all() for x in swapped)
    rows = g.permuted(np.tile(TEXT, (8, 1)), axis=1)
    assert {"".join(row) for row in rows} >= {"ab", "ba", "cd", "dc"}
    assert sorted(g.permuted(TEXT).ravel()) == sorted(TEXT.ravel())
    days = np.arange("2020-01", "2020-02", dtype="datetime64[D]")
    before = days.copy()
    g.shuffle(days)
    assert (days != before).any()
    assert (np.sort(days) == before).all()
    for draw in (lambda: g.choice(["a", "b"]), lambda: g.permutation(["a", "b"])):
        with pytest.raises(TypeError, match="draw their indices"):
            sj.jit(draw)()


def test_numbers_are_whole_and_within_bounds():
    g = Generator(0)
    assert set(g.integers(-2, 3, 200).tolist()) == {-2, -1, 0, 1, 2}
    assert set(g.integers(3, size=200, endpoint=True).tolist()) == {0, 1, 2, 3}
    assert set(g.integers(2, size=50, dtype=bool).tolist()) == {True, False}
    whole = g.integers(-(2**31), 2**31, 2_000, dtype="int32").tolist()
    assert min(whole) < -(2**30) < 2**30 < max(whole)
    found = g.integers([0, 10], [[12], [14]], (2, 2))
    assert ((found >= np.array([0, 10])) & (found < np.array([[12], [14]]))).all()
    low = g.random(100_000)
    assert float(low.min()) >= 0.0
    assert float(low.max()) < 1.0


def test_degenerate_parameters_give_the_only_value():
    calls = {
        "normal(3, 0)": 3,
        "gamma([0, 0], 2)": [0, 0],
        "binomial([0, 7, 7], [.5, 0, 1])": [0, 0, 7],
        "poisson([0, 0])": [0, 0],
        "geometric(1)": 1,
        "negative_binomial(5, 1)": 0,
        "negative_binomial(INF, 1)": 0,
        "hypergeometric([5, 0, 5], [0, 5, 5], [3, 3, 0])": [3, 0, 0],
        "integers(4, 5)": 4,
        "dirichlet([0, 0, 0])": [0, 0, 0],
        "gamma([0, INF], 2)": [0, INF],
        "chisquare(INF)": INF,
        "noncentral_chisquare(3, INF)": INF,
    }
    for call, expected in calls.items():
        assert eval(f"Generator(0).{call}").tolist() == expected, call
        assert np.all(eval(f"np.random.default_rng(0).{call}") == expected), call


def test_parameters_that_are_infinite_or_huge_have_their_limits():
    g = Generator(0)
    found = np.asarray(g.noncentral_chisquare(0.5, np.repeat([INF, 1e10], 500)))
    assert (found[:500] == INF).all()
    assert stats.kstest((found[500:] - 1e10) / 2e5, "norm").pvalue > 1e-3
    assert np.isnan(g.dirichlet([INF, 1])[0])
    found = np.asarray(g.ball(2, INF, 500))
    assert stats.kstest(found.ravel(), "uniform", (-1, 2)).pvalue > 1e-3
    with pytest.raises(ValueError, match="p <= 0"):
        g.ball(2, NAN)


def test_out_is_written_and_returned():
    g = Generator(0)
    for out in (snp.zeros((2, 3)), np.zeros((2, 3), np.float32), np.zeros((2, 3))):
        assert g.random(out=out) is out
        assert np.asarray(out).all()
    assert g.standard_normal((2,), out=snp.zeros(2)).shape == (2,)
    with pytest.raises(TypeError, match="mutable"):
        g.random(out=jnp.zeros(3))
    x = snp.arange(6).reshape(2, 3)
    assert g.permuted(x, axis=1, out=x) is x
    assert x.sum(1).tolist() == [3, 12]


def test_a_shuffle_along_an_axis_and_of_a_view():
    g = Generator(0)
    x = np.arange(12).reshape(3, 4)
    g.shuffle(x, axis=1)
    assert sorted(x[0].tolist()) == [0, 1, 2, 3]
    assert (x[1] - x[0] == 4).all()
    y = snp.arange(8)
    g.shuffle(y[:4])
    assert sorted(y[:4].tolist()) == [0, 1, 2, 3]
    assert y[4:].tolist() == [4, 5, 6, 7]


def test_a_generator_starts_from_all_that_numpy_takes():
    for seed in (5, [1, 2], np.array([1, 2]), 2**100, np.random.SeedSequence(4), np.int32(3)):
        assert Generator(seed).random().item() == Generator(seed).random().item()
    drawn = {
        Generator(s).random().item() for s in (5, [1, 2], [2, 1], 2**100, np.random.SeedSequence(4))
    }
    assert len(drawn) == 5
    one, two = Generator(random.PCG64(1)), Generator(np.random.PCG64(1))
    assert one.random().item() == two.random().item()
    assert Generator(jax.random.key(7)).random().item() == Generator(7).random().item()
    for wrong, error in ((-1, ValueError), (1.5, TypeError), ("a", TypeError), (True, TypeError)):
        with pytest.raises(error):
            Generator(wrong)


def test_unseeded_generators_differ():
    assert len({Generator().random().item() for _ in range(5)}) == 5
    random.seed()
    first = random.random().item()
    random.seed()
    assert random.random().item() != first


def test_double_precision_gives_numpys_dtypes_and_large_counts():
    enable_x64 = jax.enable_x64
    with enable_x64(True):
        g = Generator(0)
        assert g.random().dtype == np.float64
        assert g.random(dtype="float32").dtype == np.float32
        found = g.binomial(10**11, 0.5, 500)
        assert found.dtype == np.int64
        assert abs(float(found.mean()) - 5e10) < 5 * 158114 / np.sqrt(500)
        assert abs(float(found.std()) - 158114) < 5 * 158114 / np.sqrt(1_000)
        assert int(g.integers(2**62, 2**63 - 1)) >= 2**62
    assert g.random().dtype == np.float32
    for call in (
        lambda: g.binomial(10**11, 0.5),
        lambda: g.multinomial(np.array([10**11]), [0.5, 0.5]),
        lambda: g.choice(10**11),
    ):
        with pytest.raises(ValueError, match="too large for int32"):
            call()


def writer_of_the_docs():
    at = pathlib.Path(__file__).parents[1] / "docs"
    spec = importlib.util.spec_from_file_location("docs_draws", at / "draws.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    return writer


GIVEN = {
    **dict.fromkeys(
        ("a", "alpha", "b", "df", "dfnum", "dfden", "mean", "shape", "mu", "kappa"), 2.5
    ),
    **dict.fromkeys(("loc", "lower", "left", "nonc", "lam"), 0.5),
    **dict.fromkeys(("scale", "sigma", "upper", "mode"), 1.5),
    "p": 0.25,
    "right": 2.0,
    "low": 1,
    "high": 9,
    "axis": 0,
    "n": 4,
    "ngood": 5,
    "nbad": 6,
    "nsample": 3,
    "logits": [0.1, 0.2],
    "pvals": [0.5, 0.5],
    "cov": [[2.0]],
    "size": (2,),
    "x": [1, 2, 3],
    "replace": True,
    "independent": True,
    "method": "cholesky",
    "key": jax.random.key(9),
    "dtype": "float32",
    "check_valid": False,
}
"""What is given for a parameter of brainpy.math's functions."""

GIVEN_TO = {
    "choice": {"a": [1, 2], "p": [0.5, 0.5]},
    "dirichlet": {"alpha": [1.0, 2.0]},
    "multivariate_normal": {"mean": [0.0]},
    "randint": {"dtype": "int32"},
    "random_integers": {"dtype": "int32"},
    "shuffle": {"x": np.arange(3)},
}


class Recorder(RandomState):
    """Notes what is drawn, instead of drawing it."""

    def _run(self, run, key, params):
        self.drawn = (run, key, jax.tree.map(np.asarray, params))
        return snp.arange(3)


def test_parameters_have_the_order_of_brainpys_too():
    signatures = writer_of_the_docs().brainpy_signatures()
    compared = 0
    for name, theirs in signatures.items():
        if "key" not in theirs or [n for n in theirs if n.startswith("*")] or "_like" in name:
            continue
        g, given = Recorder(0), GIVEN | GIVEN_TO.get(name, {})
        arguments = {n: given[n] for n in theirs}
        getattr(g, name)(**arguments)
        by_name = g.drawn
        assert by_name[1] is given["key"], name
        getattr(g, name)(*arguments.values())
        assert g.drawn[:2] == by_name[:2], name
        assert jax.tree.all(jax.tree.map(np.array_equal, g.drawn[2], by_name[2])), name
        g.drawn = None
        before = list(arguments).index("key") + 1
        getattr(g, name)(*list(arguments.values())[:before])
        assert g.drawn[1] is given["key"], name
        compared += 1
    assert compared == 52


def test_a_seed_has_brainpys_name_too():
    for made in (RandomState, random.default_rng):
        assert made(seed_or_key=4).key == Generator(4).key
    g = Generator(0)
    with g.seed_context(seed_or_key=4):
        assert g.key == Generator(4).key
    g.seed(seed_or_key=5)
    assert g.key == Generator(5).key
    with pytest.raises(TypeError, match="two names"):
        g.seed(1, seed_or_key=2)


def test_the_tables_of_the_docs_are_those_of_the_code():
    writer = writer_of_the_docs()
    page = writer.PAGE.read_text()
    for name, make in writer.TABLES.items():
        assert writer.with_table(page, name, make()) == page, "run python docs/draws.py"
