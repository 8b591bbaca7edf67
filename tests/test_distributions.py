"""Samples have the distributions of scipy.stats, at ordinary and at extreme parameters.

A few thousand draws with fixed seeds here; a million in the profile `deep` of hypothesis.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from scipy import stats

from statejit.random import Generator

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
COUNT = 1_000_000 if DEEP else 4_000
LEAST = 1e-5
"""Seeds are fixed: a p-value below this is a wrong sampler, not bad luck."""

CONTINUOUS = [
    ("random", (), stats.uniform()),
    ("uniform", (-2.0, 3.0), stats.uniform(-2, 5)),
    ("normal", (1.0, 2.0), stats.norm(1, 2)),
    ("standard_normal", (), stats.norm()),
    ("lognormal", (0.5, 0.7), stats.lognorm(0.7, scale=np.exp(0.5))),
    ("exponential", (2.0,), stats.expon(scale=2)),
    ("standard_exponential", (), stats.expon()),
    ("laplace", (1.0, 2.0), stats.laplace(1, 2)),
    ("logistic", (1.0, 2.0), stats.logistic(1, 2)),
    ("gumbel", (1.0, 2.0), stats.gumbel_r(1, 2)),
    ("rayleigh", (2.0,), stats.rayleigh(scale=2)),
    ("standard_cauchy", (), stats.cauchy()),
    ("pareto", (3.0,), stats.lomax(3)),
    ("power", (2.5,), stats.powerlaw(2.5)),
    ("weibull", (1.5,), stats.weibull_min(1.5)),
    ("weibull_min", (1.5, 2.0), stats.weibull_min(1.5, scale=2)),
    ("triangular", (-1.0, 0.0, 3.0), stats.triang(0.25, -1, 4)),
    ("truncated_normal", (-1.0, 2.0), stats.truncnorm(-1, 2)),
    ("truncated_normal", (5.0, 9.0), stats.truncnorm(5, 9)),
    ("wald", (1.0, 2.0), stats.invgauss(1 / 2, scale=2)),
    ("wald", (100.0, 1.0), stats.invgauss(100, scale=1)),
    ("vonmises", (0.5, 4.0), stats.vonmises(4, 0.5)),
    ("vonmises", (0.0, 1e-3), stats.vonmises(1e-3)),
    ("vonmises", (0.0, 1e5), stats.norm(0, 1e5**-0.5)),
    ("gamma", (2.0, 3.0), stats.gamma(2, scale=3)),
    ("gamma", (0.1, 1.0), stats.gamma(0.1)),
    ("gamma", (1e6, 1.0), stats.gamma(1e6)),
    ("standard_gamma", (1.0,), stats.gamma(1)),
    ("loggamma", (0.01,), stats.loggamma(0.01)),
    ("chisquare", (3.0,), stats.chi2(3)),
    ("beta", (2.0, 3.0), stats.beta(2, 3)),
    ("beta", (0.2, 0.3), stats.beta(0.2, 0.3)),
    ("f", (3.0, 7.0), stats.f(3, 7)),
    ("standard_t", (3.0,), stats.t(3)),
    ("standard_t", (0.5,), stats.t(0.5)),
    ("noncentral_chisquare", (3.0, 2.0), stats.ncx2(3, 2)),
    ("noncentral_chisquare", (0.5, 2.0), stats.ncx2(0.5, 2)),
    ("noncentral_f", (3.0, 7.0, 2.0), stats.ncf(3, 7, 2)),
    ("maxwell", (), stats.maxwell()),
    ("double_sided_maxwell", (0.0, 1.0), stats.dgamma(1.5, scale=2)),
    ("generalized_normal", (3.0,), stats.gennorm(3)),
]

DISCRETE = [
    ("bernoulli", (0.3,), stats.bernoulli(0.3)),
    ("poisson", (3.0,), stats.poisson(3)),
    ("poisson", (0.01,), stats.poisson(0.01)),
    ("poisson", (1e5,), stats.poisson(1e5)),
    ("binomial", (10, 0.3), stats.binom(10, 0.3)),
    ("binomial", (1_000_000, 0.999), stats.binom(1_000_000, 0.999)),
    ("hypergeometric", (15, 20, 10), stats.hypergeom(35, 15, 10)),
    ("geometric", (0.2,), stats.geom(0.2)),
    ("negative_binomial", (3.5, 0.4), stats.nbinom(3.5, 0.4)),
    ("logseries", (0.7,), stats.logser(0.7)),
    ("logseries", (0.99,), stats.logser(0.99)),
    ("zipf", (2.5,), stats.zipf(2.5)),
    ("integers", (3, 11), stats.randint(3, 11)),
]


def drawn(name, params):
    return np.asarray(getattr(Generator(2024), name)(*params, size=COUNT))


def named(row):
    return f"{row[0]}{row[1]}"


@pytest.mark.parametrize("row", CONTINUOUS, ids=named)
def test_continuous_samples_pass_kolmogorov_and_smirnov(row):
    name, params, expected = row
    assert stats.kstest(drawn(name, params).astype(float), expected.cdf).pvalue > LEAST


@pytest.mark.parametrize("row", DISCRETE, ids=named)
def test_counts_pass_chi_square(row):
    name, params, expected = row
    sample = drawn(name, params)
    edges = np.unique(expected.ppf(np.linspace(0.02, 0.98, 25)))
    shares = np.diff([0.0, *expected.cdf(edges), 1.0])
    counts = np.bincount(np.searchsorted(edges, sample), minlength=len(shares))
    enough = shares * COUNT > 5
    observed, wanted = [*counts[enough], counts[~enough].sum()], [*shares[enough], 0.0]
    wanted[-1] = 1 - sum(wanted)
    if wanted[-1] * COUNT < 1e-6:
        assert observed[-1] == 0
        observed, wanted = observed[:-1], np.asarray(wanted[:-1]) / sum(wanted[:-1])
    assert stats.chisquare(observed, np.asarray(wanted) * COUNT).pvalue > LEAST
