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


class Counter(bp.Base):
    def __init__(self):
        self.n = bm.Variable(bm.zeros((), int))
        self.total = bm.Variable(bm.zeros(()))

    def step(self, x):
        self.n += 1
        self.total += x
        return self.total * 1.0

    def halve(self, x, k):
        self.n += 1
        return x / 2, k + 1


def test_loops_and_branches_take_their_operands_as_one():
    counter = Counter()
    assert bm.for_loop(counter.step, bm.arange(3.0)).tolist() == [0.0, 1.0, 3.0]
    assert bm.for_loop(lambda x, y: counter.step(x * y), (bm.ones(2), bm.ones(2))).shape == (2,)
    assert bm.for_loop(counter.step, bm.ones(2), jit=False).tolist() == [6.0, 7.0]
    x, k = bm.while_loop(counter.halve, lambda x, k: x > 1, operands=(10.0, 0))
    assert (x.item(), k.item(), counter.n.item()) == (0.625, 4, 11)
    (y,) = bm.while_loop(lambda y: y + counter.n, lambda y: y < 20, 0)
    assert y.item() == 22
    assert bm.while_loop(lambda: (counter.step(1.0), None)[1], lambda: counter.n < 13, ()) == ()
    assert counter.n.item() == 13
    assert bm.cond(counter.n > 5, counter.step, lambda x: -x, 1.0).item() == 10.0
    assert bm.cond(counter.n > 50, lambda x, y: x, lambda x, y: y, (1.0, 2.0)).item() == 2.0
    assert bm.ifelse([counter.n > 50, counter.n > 10], [1, lambda x: x, 3], 7).item() == 7
    total, ys = bm.scan(lambda c, x: (c + x, counter.step(x)), 0.0, bm.ones(2))
    assert total.item() == 2.0 and ys.tolist() == [11.0, 12.0]
