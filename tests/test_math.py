"""The facade with brainpy.math's names: the examples that are promised to run as they stand."""

import numpy as np

import statejit as bp
import statejit.math as bm


def test_item_assignment(capsys):
    b = bm.arange(5)
    b[0] += 5
    print(b)
    assert capsys.readouterr().out == "[5 1 2 3 4]\n"
    assert b.dtype == bm.int32


class LogisticRegression(bp.Base):
    def __init__(self, dimension):
        super(LogisticRegression, self).__init__()  # noqa: UP008, as users have it
        self.dimension = dimension
        self.w = bm.Variable(2.0 * bm.ones(dimension) - 1.3)

    def __call__(self, X, Y):
        u = bm.dot(((1.0 / (1.0 + bm.exp(-Y * bm.dot(X, self.w))) - 1.0) * Y), X)
        self.w[:] = self.w - u


def test_logistic_regression_is_the_same_under_jit():
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(50, 10)), np.sign(rng.normal(size=50))
    eager, model = LogisticRegression(10), LogisticRegression(10)
    lr = bm.jit(model)
    w = model.w
    for _ in range(3):
        eager(points, labels)
        lr(points, labels)
        np.testing.assert_allclose(np.asarray(model.w), np.asarray(eager.w), rtol=1e-5)
    assert model.w is w


class Linear(bp.Base):
    def __init__(self, num_hidden, num_input, **kwargs):
        super(Linear, self).__init__(**kwargs)  # noqa: UP008, as users have it
        self.w = bm.random.random((num_input, num_hidden))
        self.b = bm.zeros((num_hidden,))

    def __call__(self, x):
        return (x @ self.w + self.b).mean()


def test_gradients_of_arrays_as_read_from_the_model():
    l = Linear(num_hidden=3, num_input=2)  # noqa: E741
    x = bm.random.random([5, 2])
    gw, gb = bm.grad(l, grad_vars=(l.w, l.b))(x)
    np.testing.assert_allclose(np.asarray(gb), np.full(3, 1 / 3), rtol=1e-6)
    expected = np.repeat(np.asarray(x).mean(0)[:, None] / 3, 3, 1)
    np.testing.assert_allclose(np.asarray(gw), expected, rtol=1e-5)


def test_draws_are_new_under_jit():
    draw = bm.jit(lambda: bm.random.normal(0.0, 2.0, 5))
    assert draw().tolist() != draw().tolist()


def test_names():
    assert bm.sum is bp.numpy.sum
    assert bm.alltrue is bp.numpy.all
    assert type(bm.relu(bm.array([-1.0, 1.0]))) is bp.Array
    assert bm.softmax([0.0, 0.0]).tolist() == [0.5, 0.5]
    assert bm.TrainVar is bp.TrainVar
    assert all(hasattr(bm, name) for name in bm.__all__)
