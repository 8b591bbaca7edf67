"""Logistic regression as a class with one vector of weights, eager and jitted side by side.

    python examples/logistic_regression.py                # scikit-learn's breast-cancer data [1]
    python examples/logistic_regression.py --points 20000000 --iterations 10

The first form prints the held-out accuracy; the second draws points of 10 features, and is about
speed.

[1] W. Wolberg, O. Mangasarian, N. Street, W. Street: Breast Cancer Wisconsin (Diagnostic). UCI
    Machine Learning Repository, 1993, https://doi.org/10.24432/C5DW2B.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import statejit as bp
import statejit.math as bm

FEATURES = 10


class LogisticRegression(bp.Base):
    """Separates two classes by a plane through the origin; a call is one step of descent.

    Args:
        dimension: the number of features.
    """

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.dimension = dimension
        self.w = bm.Variable(2.0 * bm.ones(dimension) - 1.3)

    def __call__(self, X: Any, Y: Any) -> None:  # noqa: N803, as in the literature
        """Takes a step down the gradient of the summed log-loss.

        Args:
            X: the points, (n, dimension).
            Y: their labels, -1 or 1, (n,).
        """
        u = bm.dot(((1.0 / (1.0 + bm.exp(-Y * bm.dot(X, self.w))) - 1.0) * Y), X)
        self.w[:] = self.w - u


def breast_cancer() -> tuple[np.ndarray, ...]:
    """Returns points and labels of real patients: to train on, and held out.

    The features are standardised, and divided by the root of the number of points, so that a step
    of length one descends.
    """
    data = load_breast_cancer()
    labels = np.where(data.target == 1, 1.0, -1.0).astype(np.float32)
    points = train_test_split(data.data, labels, test_size=0.25, stratify=labels, random_state=0)
    scaler = StandardScaler().fit(points[0])
    scale = len(points[0]) ** 0.5
    held_in, held_out = [(scaler.transform(x) / scale).astype(np.float32) for x in points[:2]]
    return held_in, held_out, points[2], points[3]


def drawn(n: int) -> tuple[Any, Any]:
    """Returns n points of 10 features around one of two centres, and their labels."""
    bm.random.seed(0)
    labels = bm.where(bm.random.random(n) < 0.5, -1.0, 1.0)
    points = bm.random.normal(0.0, 1.0, (n, FEATURES)) + labels[:, None]
    return points / n**0.5, labels


def timed(step: Callable[..., None], model: LogisticRegression, data: Any, n: int) -> float:
    """Returns the seconds that n steps take, after one to warm up."""
    step(*data)
    model.w.block_until_ready()
    start = time.perf_counter()
    for _ in range(n):
        step(*data)
    model.w.block_until_ready()
    return time.perf_counter() - start


def side_by_side(points: Any, labels: Any, n: int) -> tuple[Any, Any]:
    """Trains an eager and a jitted model on the same data, prints their times, returns both."""
    data = bm.asarray(points), bm.asarray(labels)
    eager, jitted = (LogisticRegression(points.shape[1]) for _ in range(2))
    seconds = timed(eager, eager, data, n), timed(bm.jit(jitted), jitted, data, n)
    for name, value in zip(("eager", "jitted"), seconds, strict=True):
        print(f"{name:>7}: {1e3 * value / n:10.3f} ms a step")
    print(f"  ratio: {seconds[0] / seconds[1]:10.2f}")
    return eager, jitted


def main(arguments: list[str] | None = None) -> float:
    """Runs one of the two forms; returns the accuracy of the jitted model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=0, help="draw this many points instead")
    parser.add_argument("--iterations", type=int, default=300, help="steps of descent")
    options = parser.parse_args(arguments)
    if options.points:
        points, labels = drawn(options.points)
        held_out, truth = points, labels
    else:
        points, held_out, labels, truth = breast_cancer()
    print(f"{points.shape[0]:,} points x {points.shape[1]} features")
    eager, jitted = side_by_side(points, labels, options.iterations)
    np.testing.assert_allclose(np.asarray(eager.w), np.asarray(jitted.w), rtol=1e-3, atol=1e-3)
    accuracy = float((bm.sign(bm.dot(held_out, jitted.w)) == truth).mean())
    kind = "accuracy" if options.points else "held-out accuracy"
    print(f"{kind}: {accuracy:.2%}")
    return accuracy


if __name__ == "__main__":
    main()
