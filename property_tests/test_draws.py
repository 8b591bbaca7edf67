"""Calls of random functions: refused, shaped and typed as NumPy's, and the same when they are compiled."""

import math

import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import statejit as sj
import statejit.numpy as snp
from statejit.random import Generator, RandomState

INF, NAN = math.inf, math.nan
REAL, SCALE, POSITIVE = (0, 1, -2.5, 3.0), (0, 1, 2.5), (1, 2.5, 0.5, 3)
SHARE, COUNT = (0.5, 0.25, 1), (0, 1, 5, 10)

DRAWS = {
    **dict.fromkeys(("normal", "laplace", "logistic", "gumbel"), {"loc": REAL, "scale": SCALE}),
    "lognormal": {"mean": REAL, "sigma": SCALE},
    **dict.fromkeys(("exponential", "rayleigh"), {"scale": SCALE}),
    "gamma": {"shape": SCALE, "scale": SCALE},
    "standard_gamma": {"shape": SCALE},
    **dict.fromkeys(("pareto", "power"), {"a": POSITIVE}),
    "weibull": {"a": SCALE},
    "beta": {"a": POSITIVE, "b": POSITIVE},
    "vonmises": {"mu": REAL, "kappa": SCALE},
    "wald": {"mean": POSITIVE, "scale": POSITIVE},
    "f": {"dfnum": POSITIVE, "dfden": POSITIVE},
    **dict.fromkeys(("chisquare", "standard_t"), {"df": POSITIVE}),
    "noncentral_chisquare": {"df": POSITIVE, "nonc": SCALE},
    "noncentral_f": {"dfnum": POSITIVE, "dfden": POSITIVE, "nonc": SCALE},
    "triangular": {"left": (0, -1), "mode": (1, 1.5), "right": (2, 1.5)},
    "uniform": {"low": (0, -1, 0.5), "high": (1, 3.5)},
    "binomial": {"n": COUNT, "p": (0, *SHARE)},
    "poisson": {"lam": SCALE},
    "geometric": {"p": SHARE},
    "hypergeometric": {"ngood": (5, 10), "nbad": (5, 7), "nsample": (1, 3, 8)},
    "negative_binomial": {"n": POSITIVE, "p": SHARE},
    "zipf": {"a": (2, 1.5, 10)},
    "logseries": {"p": (0, 0.5, 0.25)},
    "integers": {"low": (0, 5, -3), "high": (6, 10, 100)},
    **dict.fromkeys(("random", "standard_normal", "standard_exponential", "standard_cauchy"), {}),
}
"""The parameters of each draw, and values that they may have."""

COUNTED = ("n", "ngood", "nbad", "nsample", "low", "high")
WRONG = (-1, -0.5, 0, NAN, INF, -INF, 1e30, 1.5, "a", b"x", 1j)
SIZES = (None, 0, 3, (), (3,), (2, 3), [2, 3], (2, 0), np.int64(3), np.array([2, 3]), range(2, 4))
WRONG_SIZES = (-1, (2, -1), 1.5, "a", True, (2.0,), (True,), np.array([2.0]), {3}, [[3]])
DTYPED = ("random", "standard_normal", "standard_exponential", "standard_gamma")

SUPPORT = {
    **dict.fromkeys(("exponential", "rayleigh", "gamma", "standard_gamma", "pareto", "weibull"), 0),
    **dict.fromkeys(("wald", "f", "chisquare", "noncentral_chisquare", "noncentral_f"), 0),
    **dict.fromkeys(("lognormal", "poisson", "negative_binomial", "standard_exponential"), 0),
    **dict.fromkeys(("geometric", "zipf", "logseries"), 1),
    **dict.fromkeys(("beta", "power", "random"), (0, 1)),
    "vonmises": (-math.pi, math.pi),
    "triangular": lambda left, mode, right: (left, right),
    "uniform": lambda low, high: (low, high),
    "binomial": lambda n, p: (0, n),
    "hypergeometric": lambda ngood, nbad, nsample: (
        np.maximum(0, nsample - nbad),
        np.minimum(ngood, nsample),
    ),
    "integers": lambda low, high: (low, high - 1),
}
"""The least sample, or the least and the greatest one, of parameters where it depends on them."""


@st.composite
def parameters(draw, values, wrong):
    """Draws a parameter: a number, or a list or an array of them; one of them is `wrong`, if any."""
    shape = draw(st.sampled_from([None, None, None, (3,), (2, 1), (), (0,), (4,)]))
    if shape is None:
        value = draw(st.sampled_from(values)) if wrong is None else wrong
        narrow = isinstance(value, (int, float)) and draw(st.booleans())
        return np.asarray(value)[()] if narrow else value
    found = [draw(st.sampled_from(values)) for _ in range(math.prod(shape))]
    if wrong is not None and found:
        found[0] = wrong
    array = np.array(found).reshape(shape)
    return array if draw(st.booleans()) else array.tolist()


def called(draw):
    """Returns a sample, or the exception."""
    try:
        return draw()
    except Exception as error:
        return error


def narrowed(dtype):
    return {"float64": "float32", "int64": "int32", "uint64": "uint32"}.get(str(dtype), str(dtype))


@given(st.sampled_from(sorted(DRAWS)), st.data())
def test_calls_are_refused_shaped_and_typed_as_numpys(name, data):
    params = DRAWS[name]
    where = data.draw(st.sampled_from([None, None, "size", *params]))
    wrong = data.draw(st.sampled_from(WRONG))
    given = {
        n: data.draw(parameters(values, wrong if n == where else None))
        for n, values in params.items()
    }
    size = data.draw(st.sampled_from(WRONG_SIZES if where == "size" else SIZES))
    by_name = data.draw(st.integers(0, len(given)))
    args = list(given.values())[:by_name]
    kwargs = dict(list(given.items())[by_name:]) | ({} if size is None else {"size": size})
    if name in DTYPED and data.draw(st.booleans()):
        kwargs["dtype"] = data.draw(st.sampled_from(["float32", float, "f4", int, ">f4"]))
    if name == "integers":
        kwargs["dtype"] = data.draw(st.sampled_from([int, "int8", "uint8", bool, float]))
    fractions = [np.asarray(given[n]).dtype.kind == "f" for n in given if n in COUNTED]
    if name != "uniform" and any(fractions) and name != "negative_binomial":
        return  # arrays of floats in the place of counts: we take them
    with np.errstate(all="ignore"):
        theirs = called(lambda: getattr(np.random.default_rng(0), name)(*args, **kwargs))
    ours = called(lambda: sj.eval_shape(lambda: getattr(Generator(0), name)(*args, **kwargs)))
    if isinstance(theirs, Exception):
        assert isinstance(ours, Exception), theirs
        if where is None or (wrong not in ("a", b"x", 1j) and "dtype" not in kwargs):
            assert isinstance(ours, type(theirs)) or where == "size", (theirs, ours)
        return
    assert not isinstance(ours, Exception), ours
    assert ours.shape == np.shape(theirs)
    assert narrowed(ours.dtype) == narrowed(np.asarray(theirs).dtype)


@settings(max_examples=settings().max_examples // (40 if settings().derandomize else 1))
@given(st.sampled_from(sorted(DRAWS)), st.integers(0, 2**31 - 1), st.data())
def test_samples_lie_in_the_support_and_are_the_same_when_compiled(name, seed, data):
    params = DRAWS[name]
    given = [np.array([data.draw(st.sampled_from(v)) for _ in range(3)]) for v in params.values()]
    arrays = [snp.asarray(x) for x in given]
    of = data.draw(st.sampled_from([Generator, RandomState]))
    plain, compiled = of(seed), of(seed)
    draw = sj.jit(lambda: getattr(compiled, name)(*arrays, size=(2, 3)))
    for _ in range(2):
        expected, found = getattr(plain, name)(*arrays, size=(2, 3)), draw()
        assert found.dtype == expected.dtype
        assert np.asarray(found).tobytes() == np.asarray(expected).tobytes()
    assert jax.random.key_data(plain.key).tolist() == jax.random.key_data(compiled.key).tolist()
    limits = SUPPORT.get(name, -INF)
    low, high = _pair(limits(*given) if callable(limits) else limits)
    sample = np.asarray(found)
    assert ((sample >= np.float32(low)) & (sample <= np.float32(high))).all(), sample


def _pair(limits):
    return limits if isinstance(limits, tuple) else (limits, INF)


def test_each_draw_of_numpys_with_parameters_is_in_the_table():
    vectors = ("dirichlet", "multinomial", "multivariate_hypergeometric", "multivariate_normal")
    others = ("bytes", "choice", "permutation", "permuted", "shuffle", "spawn")
    names = {n for n in dir(np.random.Generator) if not n.startswith("_") and n != "bit_generator"}
    assert names == {*DRAWS, *vectors, *others}
