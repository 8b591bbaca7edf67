"""Samples have the distributions of scipy.stats, at ordinary and at extreme parameters.

One call draws for all rows of parameters of a distribution, so that it compiles once. Here 8,000
draws a row with a fixed seed, the compiled ones of one distribution for each kind of sampler; a
million of all, eagerly and compiled, in the profile `deep` of hypothesis.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from scipy import stats

import statejit as sj
from statejit.random import Generator
from statejit.random.keyed import DISTRIBUTIONS

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
COUNT = 1_000_000 if DEEP else 8_000
LEAST = 1e-5
"""Seeds are fixed: a p-value below this is a wrong sampler, not bad luck."""
SIGMAS = 5

COMPILED = {
    *("normal", "truncated_normal", "wald", "gamma", "vonmises", "bernoulli", "poisson", "zipf"),
}
"""Distributions of which also the compiled samples are compared outside of the profile `deep`."""

ONLY_DEEP = {
    *("random", "standard_normal", "standard_exponential", "weibull_min", "standard_gamma"),
    *("chisquare", "noncentral_f"),
}
"""Special cases of others, by the same code."""


class DoubleMaxwell(stats.rv_continuous):
    """scipy.stats has the Maxwell distribution with one side only."""

    def _cdf(self, x):
        return 0.5 + 0.5 * np.sign(x) * stats.maxwell.cdf(np.abs(x))

    def _stats(self):
        return 0.0, 3.0, 0.0, 15 / 9 - 3


class Truncated(stats.rv_continuous):
    """scipy's truncnorm, by logarithms of the distribution function; infinite ends too."""

    def __init__(self, lower, upper):
        super().__init__(a=lower, b=upper)
        self.ends = (lower, upper)

    def _cdf(self, x):
        return stats.truncnorm.cdf(x, *self.ends)

    def stats(self, moments):
        return (np.nan,) * len(moments)


class Wrapped(stats.rv_continuous):
    """A von Mises distribution on [-π, π], where scipy's is on [mu-π, mu+π]."""

    def __init__(self, mu, kappa):
        super().__init__(a=-np.pi, b=np.pi)
        self.plain = stats.vonmises(kappa, mu)

    def _cdf(self, x):
        x = np.clip(x, -np.pi, np.pi)
        return self.plain.cdf(x) - self.plain.cdf(-np.pi)

    def stats(self, moments):
        return (np.nan,) * len(moments)


CONTINUOUS = {
    "random": [((), stats.uniform)],
    "uniform": [
        ((-2.0, 3.0), lambda low, high: stats.uniform(low, high - low)),
        ((-1e38, 1e38), lambda low, high: stats.uniform(low, high - low)),
    ],
    "standard_normal": [((), stats.norm)],
    "normal": [((1.0, 2.0), stats.norm), ((0.0, 1e-30), stats.norm), ((0.0, 1e30), stats.norm)],
    "lognormal": [
        ((0.5, 0.7), lambda mean, sigma: stats.lognorm(sigma, scale=np.exp(mean))),
        ((0.0, 5.0), lambda mean, sigma: stats.lognorm(sigma, scale=np.exp(mean))),
    ],
    "truncated_normal": [
        ((-1.0, 2.0), Truncated),
        ((5.0, 9.0), Truncated),
        ((-30.0, -20.0), Truncated),
        ((20.0, np.inf), Truncated),
        ((8.0, 8.0 + 2.0**-10), Truncated),
        ((-40.0, -39.0), Truncated),
        ((1e-7, 2e-7), Truncated),
        ((-np.inf, np.inf), Truncated),
    ],
    "laplace": [((1.0, 2.0), stats.laplace), ((0.0, 1e10), stats.laplace)],
    "logistic": [((1.0, 2.0), stats.logistic), ((0.0, 1e10), stats.logistic)],
    "gumbel": [((1.0, 2.0), stats.gumbel_r), ((0.0, 1e10), stats.gumbel_r)],
    "standard_cauchy": [((), stats.cauchy)],
    "standard_exponential": [((), stats.expon)],
    "exponential": [
        ((2.0,), lambda scale: stats.expon(scale=scale)),
        ((1e-20,), lambda scale: stats.expon(scale=scale)),
    ],
    "rayleigh": [((2.0,), lambda scale: stats.rayleigh(scale=scale))],
    "pareto": [((3.0,), stats.lomax), ((0.2,), stats.lomax), ((1000.0,), stats.lomax)],
    "power": [((2.5,), stats.powerlaw), ((0.1,), stats.powerlaw), ((1000.0,), stats.powerlaw)],
    "weibull": [
        ((1.5,), stats.weibull_min),
        ((0.1,), stats.weibull_min),
        ((500.0,), stats.weibull_min),
    ],
    "weibull_min": [((1.5, 2.0), lambda a, scale: stats.weibull_min(a, scale=scale))],
    "triangular": [
        ((-1.0, 0.0, 3.0), lambda a, m, b: stats.triang((m - a) / (b - a), a, b - a)),
        ((0.0, 0.0, 1.0), lambda a, m, b: stats.triang(0, a, b - a)),
        ((0.0, 1.0, 1.0), lambda a, m, b: stats.triang(1, a, b - a)),
    ],
    "wald": [
        ((1.0, 2.0), lambda mean, scale: stats.invgauss(mean / scale, scale=scale)),
        ((100.0, 1.0), lambda mean, scale: stats.invgauss(mean / scale, scale=scale)),
        ((1.0, 1e4), lambda mean, scale: stats.invgauss(mean / scale, scale=scale)),
    ],
    "maxwell": [((), stats.maxwell)],
    "double_sided_maxwell": [
        ((0.0, 1.0), lambda loc, scale: DoubleMaxwell()(loc=loc, scale=scale)),
        ((1.0, 2.0), lambda loc, scale: DoubleMaxwell()(loc=loc, scale=scale)),
    ],
    "generalized_normal": [((3.0,), stats.gennorm), ((0.5,), stats.gennorm)],
    "standard_gamma": [((1.0,), stats.gamma), ((1.5,), stats.gamma)],
    "gamma": [
        ((2.0, 3.0), lambda a, scale: stats.gamma(a, scale=scale)),
        ((0.1, 1.0), lambda a, scale: stats.gamma(a, scale=scale)),
        ((1e6, 1.0), lambda a, scale: stats.gamma(a, scale=scale)),
    ],
    "loggamma": [((0.01,), stats.loggamma), ((1e-3,), stats.loggamma), ((1e4,), stats.loggamma)],
    "chisquare": [((3.0,), stats.chi2), ((0.5,), stats.chi2), ((1e5,), stats.chi2)],
    "beta": [((2.0, 3.0), stats.beta), ((0.2, 0.7), stats.beta), ((1e5, 1e5), stats.beta)],
    "f": [((3.0, 7.0), stats.f), ((1.0, 1.0), stats.f), ((1e5, 2.0), stats.f)],
    "standard_t": [((3.0,), stats.t), ((0.5,), stats.t), ((1e6,), stats.t)],
    "vonmises": [
        ((0.5, 4.0), Wrapped),
        ((3.0, 0.5), Wrapped),
        ((0.0, 1e-3), Wrapped),
        ((0.0, 1e5), lambda mu, kappa: stats.norm(mu, kappa**-0.5)),
    ],
    "noncentral_chisquare": [
        ((3.0, 2.0), stats.ncx2),
        ((0.5, 2.0), stats.ncx2),
        ((3.0, 0.0), lambda df, nonc: stats.chi2(df)),
        ((50.0, 1000.0), stats.ncx2),
    ],
    "noncentral_f": [((3.0, 7.0, 2.0), stats.ncf), ((0.5, 7.0, 2.0), stats.ncf)],
}

DISCRETE = {
    "bernoulli": [((0.3,), stats.bernoulli), ((1e-3,), stats.bernoulli)],
    "rademacher": [((), lambda: stats.rv_discrete(values=([-1, 1], [0.5, 0.5]))())],
    "poisson": [
        ((3.0,), stats.poisson),
        ((0.01,), stats.poisson),
        ((20.5,), stats.poisson),
        ((1e5,), stats.poisson),
        ((1e8,), stats.poisson),
    ],
    "binomial": [
        ((10, 0.3), stats.binom),
        ((1_000_000, 0.999), stats.binom),
        ((1_000_000, 1e-6), stats.binom),
        ((1, 0.5), stats.binom),
    ],
    "hypergeometric": [
        ((15, 20, 10), lambda good, bad, taken: stats.hypergeom(good + bad, good, taken)),
        ((3, 900, 100), lambda good, bad, taken: stats.hypergeom(good + bad, good, taken)),
        ((10**6, 10**6, 5000), lambda good, bad, taken: stats.hypergeom(good + bad, good, taken)),
    ],
    "negative_binomial": [
        ((3.5, 0.4), stats.nbinom),
        ((0.1, 0.01), stats.nbinom),
        ((1e4, 0.5), stats.nbinom),
    ],
    "geometric": [((0.2,), stats.geom), ((1e-4,), stats.geom), ((0.9,), stats.geom)],
    "zipf": [((2.5,), stats.zipf), ((5.0,), stats.zipf)],
    "logseries": [((0.7,), stats.logser), ((0.99,), stats.logser), ((0.1,), stats.logser)],
}


def drawn(name, rows, count=COUNT, jitted=False):
    """Returns a sample for each row of parameters, and the distributions of scipy.stats."""
    of, given = DISTRIBUTIONS[name], [row[0] for row in rows]
    columns = [
        np.array(column, np.int32 if parameter.count else np.float32)[:, None]
        for parameter, column in zip(of.parameters, zip(*given, strict=True), strict=False)
    ]
    size = (len(rows), count)
    g = Generator(2024)
    if jitted:
        sample = sj.jit(lambda: getattr(g, name)(**named(of, columns), size=size))()
    else:
        sample = getattr(g, name)(**named(of, columns), size=size)
    assert sample.shape == size
    assert sample.dtype == {float: np.float32, int: np.int32, bool: bool}[of.dtype]
    exact = list(zip(*[c.ravel().tolist() for c in columns], strict=True)) or [()]
    return np.asarray(sample), [row[1](*p) for row, p in zip(rows, exact, strict=True)]


def named(of, columns):
    return {p.name: column for p, column in zip(of.parameters, columns, strict=False)}


def check_support(sample, expected):
    least, most = expected.support()
    assert sample.min() >= least
    assert sample.max() <= most


def check_moments(sample, expected):
    """Checks mean and variance where the fourth moment is finite, by their own deviations."""
    mean, variance, _, kurtosis = expected.stats("mvsk")
    if not np.isfinite([mean, variance, kurtosis]).all():
        return
    sample = sample.astype(float)
    assert abs(sample.mean() - mean) <= SIGMAS * np.sqrt(variance / sample.size)
    wide = variance * np.sqrt((kurtosis + 2) / sample.size)
    assert abs(sample.var() - variance) <= SIGMAS * wide + SIGMAS**2 * variance / sample.size


def p_value(sample, expected):
    """Returns the p-value of Kolmogorov and Smirnov, or of chi-square for counts."""
    if sample.dtype == np.float32:
        return stats.kstest(sample.astype(float), expected.cdf).pvalue
    return chi_square(sample, expected)


def chi_square(sample, expected):
    """Returns the p-value of chi-square, in classes that have enough of them."""
    edges = np.unique(expected.ppf(np.linspace(0.02, 0.98, 25)))
    shares = np.diff([0.0, *expected.cdf(edges), 1.0])
    counts = np.bincount(np.searchsorted(edges, sample), minlength=len(shares))
    enough = shares * sample.size > 5
    observed, wanted = counts[enough], shares[enough]
    if wanted.sum() < 1 - 5 / sample.size:
        observed, wanted = [*observed, counts[~enough].sum()], [*wanted, 1 - wanted.sum()]
    else:
        assert counts[~enough].sum() <= 25
    wanted = np.asarray(wanted) * (np.sum(observed) / np.sum(wanted))
    return stats.chisquare(observed, wanted).pvalue


@pytest.mark.parametrize("name", [n for n in CONTINUOUS | DISCRETE if DEEP or n not in ONLY_DEEP])
def test_samples_have_the_distributions_of_scipy(name):
    rows = (CONTINUOUS | DISCRETE)[name]
    samples, expected = drawn(name, rows)
    if DEEP or name in COMPILED:
        assert drawn(name, rows, jitted=True)[0].tobytes() == samples.tobytes()
    for sample, distribution in zip(samples, expected, strict=True):
        check_support(sample, distribution)
        check_moments(sample, distribution)
        assert p_value(sample, distribution) > LEAST


@pytest.mark.parametrize(
    "name", [n for n in CONTINUOUS if CONTINUOUS[n][0][0]] if DEEP else ["truncated_normal"]
)
def test_derivatives_by_all_parameters_are_finite(name):
    rows = CONTINUOUS[name]
    columns = [
        np.array(column, np.float32)[:, None] for column in zip(*[r[0] for r in rows], strict=True)
    ]

    def total(*columns):
        sample = getattr(Generator(1), name)(
            **named(DISTRIBUTIONS[name], columns), size=(len(rows), 100)
        )
        return sample.sum()

    slopes = sj.jit(sj.grad(total, argnums=tuple(range(len(columns)))))(*columns)
    assert all(np.isfinite(slope).all() for slope in slopes)


def test_all_distributions_are_in_the_tables():
    assert {*CONTINUOUS, *DISCRETE, "dirichlet"} == set(DISTRIBUTIONS)


# Vectors, orders, bits -----------------------------------------------------------------------------


def fits(sample, expected):
    return p_value(np.asarray(sample), expected) > LEAST


def equally(sample, count):
    """Says whether the whole numbers below `count` are equally frequent."""
    found = np.bincount(np.asarray(sample).ravel(), minlength=count)
    return len(found) == count and stats.chisquare(found).pvalue > LEAST


def test_dirichlet_samples_add_to_one_and_have_beta_marginals():
    alpha = np.array([0.3, 1.0, 5.0], np.float32)
    found = np.asarray(Generator(1).dirichlet(alpha, COUNT))
    np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-6)
    for i, a in enumerate(alpha):
        assert fits(found[:, i], stats.beta(a, alpha.sum() - a))


def test_multinomial_counts_have_binomial_marginals():
    p = np.array([0.2, 0.5, 0.0, 0.3])
    found = np.asarray(Generator(1).multinomial(20, p, COUNT))
    assert (found.sum(-1) == 20).all()
    assert not found[:, 2].any()
    assert all(fits(found[:, i], stats.binom(20, p[i])) for i in (0, 1, 3))
    exact = 20 * (np.diag(p) - np.outer(p, p))
    np.testing.assert_allclose(np.cov(found.T), exact, atol=40 / np.sqrt(COUNT))


def test_multivariate_hypergeometric_counts_have_hypergeometric_marginals():
    colors = [6, 3, 11]
    found = np.asarray(Generator(1).multivariate_hypergeometric(colors, 8, COUNT))
    assert (found.sum(-1) == 8).all()
    assert all(fits(found[:, i], stats.hypergeom(20, c, 8)) for i, c in enumerate(colors))


@pytest.mark.parametrize("method", ["svd", "eigh", "cholesky"])
def test_normal_vectors_are_white_after_whitening(method):
    mean, cov = np.array([1.0, -2.0]), np.array([[2.0, 0.6], [0.6, 0.5]])
    found = np.asarray(Generator(1).multivariate_normal(mean, cov, COUNT, method=method))
    white = np.linalg.solve(np.linalg.cholesky(cov), (found - mean).T).astype(np.float32)
    assert fits(white[0], stats.norm())
    assert fits(white[1], stats.norm())
    assert abs(np.corrcoef(white)[0, 1]) < SIGMAS / np.sqrt(COUNT)


def test_choices_and_categories_have_their_probabilities():
    g, p = Generator(1), np.array([0.1, 0.0, 0.6, 0.3])
    expected = stats.rv_discrete(values=(np.arange(4), p))()
    with np.errstate(divide="ignore"):
        logits = np.log(p)
    assert fits(g.choice(4, COUNT, p=p), expected)
    assert fits(g.categorical(logits, size=COUNT), expected)
    assert equally(g.choice(5, COUNT), 5)
    first = [np.asarray(g.choice(5, 2, replace=False)).tolist() for _ in range(500)]
    assert equally([a * 4 + b - (b > a) for a, b in first], 20)


def test_orders_are_equally_probable():
    g = Generator(1)
    rows = np.asarray(g.permuted(np.tile(np.arange(3), (COUNT, 1)), axis=1))
    assert equally(rows[:, 0] * 2 + (rows[:, 1] > rows[:, 2]), 6)
    found = np.array([np.asarray(g.permutation(3)) for _ in range(500)])
    assert equally(found[:, 0] * 2 + (found[:, 1] > found[:, 2]), 6)


def test_whole_numbers_and_bits_are_uniform():
    g = Generator(1)
    assert equally(g.integers(7, size=COUNT), 7)
    wide = np.asarray(g.integers(-(2**31), 2**31 - 1, COUNT, endpoint=True))
    assert fits((wide / 2**32 + 0.5).astype(np.float32), stats.uniform())
    words = np.asarray(g.bits(COUNT))
    assert all(equally(words >> shift & 15, 16) for shift in range(0, 32, 4))
    assert equally(np.frombuffer(g.bytes(COUNT), np.uint8) & 15, 16)


def test_points_of_the_ball_and_orthogonal_matrices_are_uniform():
    g = Generator(1)
    points = np.asarray(g.ball(3, size=COUNT))
    assert fits((points**2).sum(-1) ** 0.5, stats.powerlaw(3))
    matrices = np.asarray(g.orthogonal(3, COUNT // 4))
    products = np.einsum("nij,nkj->nik", matrices, matrices)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), products.shape), atol=1e-5)
    assert fits(matrices[:, 0, 0], stats.uniform(-1, 2))
