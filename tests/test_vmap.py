"""`vmap` over stateful functions does what `jax.vmap` does with the state as arguments."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from observing import Observer, difference, tracers_in
from stateful import Box, Runs

import statejit as sj
import statejit.numpy as snp
from statejit.errors import LaneError, SlotNotFoundError

XS = jnp.asarray([1.0, 2.0, 3.0])


class Scale(sj.Base):
    def __init__(self, w: Any) -> None:
        self.w, self.seen, self.calls = w, jnp.zeros(()), 0

    def read(self, x: Any) -> Any:
        return self.w * x

    def write(self, x: Any) -> Any:
        self.calls += 1
        self.seen = self.seen + x
        return self.w * x


def same(a: Any, b: Any) -> None:
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for left, right in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert left.dtype == right.dtype
        np.testing.assert_allclose(left, right, rtol=1e-6)


def test_what_is_only_read_is_the_same_for_all() -> None:
    model = Scale(jnp.asarray([2.0, 3.0]))
    same(sj.vmap(model.read)(XS), jax.vmap(lambda x: model.w * x)(XS))
    same(sj.jit(sj.vmap(model.read))(XS), jax.vmap(lambda x: model.w * x)(XS))


@pytest.mark.parametrize(
    ("in_axes", "out_axes"),
    [(0, 0), ((0, 1), 1), ((0, None), -1), ((None, 1), (0)), ([-1, -1], 0)],
)
def test_axes_of_arguments_and_results(in_axes: Any, out_axes: Any) -> None:
    def fun(x: Any, y: Any) -> Any:
        return x[:, None] * y, (x + 1.0)

    x, y = jnp.arange(9.0).reshape(3, 3), jnp.arange(9.0).reshape(3, 3) + 1
    ours = sj.vmap(fun, in_axes, out_axes)(x, y)
    same(ours, jax.vmap(fun, in_axes, out_axes)(x, y))


def test_axes_of_trees() -> None:
    def fun(tree: Any, z: Any, *, k: Any) -> Any:
        return {"sum": tree["a"] + tree["b"][0] + k, "z": z, "n": 1}

    args = ({"a": XS, "b": [jnp.ones((2, 3))]}, jnp.ones(()))
    options = {"in_axes": ({"a": 0, "b": [1]}, None), "out_axes": {"sum": 1, "z": None, "n": 0}}
    same(sj.vmap(fun, **options)(*args, k=XS), jax.vmap(fun, **options)(*args, k=XS))


def test_what_is_given_and_comes_back_has_the_axis_of_the_results() -> None:
    x = jnp.arange(6.0).reshape(2, 3)
    for in_axes, out_axes in ((1, 0), (None, 0), (0, 1), (0, 0)):
        options = {"in_axes": (in_axes,), "out_axes": out_axes, "axis_size": None}
        if in_axes is None:
            options["axis_size"] = 4
        same(sj.vmap(lambda t: t, **options)((x, x)), jax.vmap(lambda t: t, **options)((x, x)))
        found = sj.vmap(lambda t: t, **options)(snp.array(x))
        assert isinstance(found, sj.Array)
        np.testing.assert_array_equal(found.value, jax.vmap(lambda t: t, **options)(x))


def test_state_with_an_axis_has_a_slice_for_each_example() -> None:
    expected = jax.vmap(lambda s, x: (s + x, 2.0 * x))(jnp.zeros(3), XS)
    filters: list[Any] = [
        lambda m: {"seen": 0},
        lambda m: {("seen",): 0},
        lambda m: [(m.seen, 0)],
        lambda m: [(lambda path, array: path == ("seen",), 0)],
        lambda m: {"state": 0},
    ]
    for make in filters:
        model = Scale(jnp.asarray(2.0))
        model.seen = (
            sj.Variable(jnp.zeros(3), collection="state")
            if make(model) == {"state": 0}
            else jnp.zeros(3)
        )
        ys = sj.vmap(model.write, state_axes=make(model))(XS)
        same((jnp.asarray(model.seen), ys), expected)
        assert model.calls == 1 and not tracers_in(model)
    model = Scale(jnp.full((2, 3), 2.0))
    model.seen = jnp.zeros((2, 3))
    ys = sj.vmap(model.write, state_axes={model: 1}, out_axes=1)(XS)
    same((model.seen, ys), (jnp.tile(XS, (2, 1)), jnp.tile(2.0 * XS, (2, 1))))


@pytest.mark.parametrize("jit", [lambda f: f, sj.jit], ids=["plain", "jitted"])
def test_what_a_predicate_over_state_reads_is_guarded(jit: Any) -> None:
    model, names = Scale(jnp.full(3, 2.0)), {"w"}
    run = jit(sj.vmap(model.read, state_axes=[(lambda path, _: path[-1] in names, 0)]))
    np.testing.assert_array_equal(run(XS), 2.0 * XS)
    names.remove("w")
    with pytest.raises(SlotNotFoundError):
        run(XS)


def test_what_replaces_a_container_has_the_axes_of_its_parts() -> None:
    box = Box(pair=(jnp.zeros(3), jnp.ones(())), rows=[jnp.zeros(3)], tree={"a": {"b": XS}})
    box.same = box.rows

    def lane(x: Any) -> None:
        box.pair = (box.pair[0] + x, box.pair[1] * 2)
        box.rows = box.same = [box.rows[0] - x]
        box.tree = {"a": {"b": box.tree["a"]["b"] * 2}}

    sj.vmap(lane, state_axes={"pair.0": 0, "rows.0": 0, "tree.a.b": 0})(XS)
    same((box.pair, box.rows[0], box.tree["a"]["b"]), ((XS, jnp.full((), 2.0)), -XS, 2 * XS))
    assert box.same is box.rows


def test_a_class_whose_annotations_jax_asks_for_first() -> None:
    """Python then makes an entry of the class, which is no change."""

    class New(sj.Base):
        def __init__(self, x: Any) -> None:
            self.w = x * 2.0

    same(sj.jit(lambda xs: sj.vmap(New)(xs))(XS).w, 2.0 * XS)


def test_models_made_in_a_vmap_and_mapped_as_arguments() -> None:
    ensemble = sj.vmap(Scale)(XS)
    assert type(ensemble) is Scale and ensemble.seen.shape == (3,) and ensemble.calls == 0
    ys = sj.jit(sj.vmap(lambda m, x: m.write(x), in_axes=(0, None)))(ensemble, 2.0)
    same((ys, ensemble.seen), (2.0 * XS, jnp.full(3, 2.0)))
    slopes = sj.vmap(sj.grad(lambda m, x: m.read(x) ** 2), in_axes=(0, None))(ensemble, 2.0)
    same(slopes["w"], 8.0 * XS)


def test_a_mutable_array_is_written_in_its_slices() -> None:
    table, other = snp.zeros((3, 2)), snp.zeros((2, 3))

    def fun(row: Any, column: Any, x: Any) -> None:
        row[0] = x
        column += 2.0 * x

    sj.vmap(fun, in_axes=(0, 1, 0))(table, other, XS)
    np.testing.assert_array_equal(table.value[:, 0], XS)
    np.testing.assert_array_equal(other.value, np.tile(2.0 * XS, (2, 1)))


def test_random_numbers_differ_and_are_reproducible() -> None:
    found = []
    for _ in range(2):
        sj.random.seed(3)
        lanes = sj.vmap(lambda x: sj.random.normal(size=2))(XS)
        found.append((np.array(lanes), np.array(sj.random.normal(size=2))))
    (one, after), (two, again) = found
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(after, again)
    assert len(np.unique(np.vstack([one, after]))) == 8


def test_collectives_by_the_name_of_the_axis() -> None:
    box = Box(mean=jnp.zeros(()))

    def fun(x: Any) -> Any:
        box.mean = 0.5 * box.mean + jax.lax.pmean(x, "batch")
        return x - box.mean + jax.lax.axis_index("batch")

    ys = sj.vmap(fun, axis_name="batch")(XS)
    same((ys, box.mean), (XS - 2.0 + jnp.arange(3), jnp.asarray(2.0)))


def test_the_function_runs_once() -> None:
    runs, model = Runs(), Scale(jnp.asarray(2.0))

    def fun(x: Any) -> Any:
        runs()
        return model.read(x)

    mapped = sj.vmap(fun)
    for _ in range(4):
        mapped(XS)
    sj.jit(sj.vmap(sj.vmap(fun)))(jnp.ones((2, 2)))
    assert runs.n == 2


def test_in_and_around_others() -> None:
    w = jnp.asarray(0.5)
    box = Box(w=w, n=0, total=jnp.zeros(3))

    def pure(x: Any, y: Any) -> Any:
        return jnp.sin(box.w * x) * y

    same(
        sj.for_loop(lambda y: sj.vmap(pure, in_axes=(0, None))(XS, y), XS),
        jnp.sin(w * XS) * XS[:, None],
    )
    same(
        sj.vmap(lambda x: sj.for_loop(lambda y: pure(x, y), XS))(XS),
        jnp.sin(w * XS)[:, None] * XS,
    )
    same(
        sj.vmap(lambda x: sj.cond(x > 1.5, lambda: pure(x, 1.0), lambda: -x))(XS),
        jnp.where(XS > 1.5, jnp.sin(w * XS), -XS),
    )
    same(
        sj.grad(lambda x: sj.vmap(pure, in_axes=(0, None))(x, 2.0).sum())(XS),
        2.0 * w * jnp.cos(w * XS),
    )
    slope = sj.grad(lambda x: sj.vmap(pure, in_axes=(0, None))(x, 2.0).sum(), grad_vars=box)(XS)
    same(slope["w"], (2.0 * XS * jnp.cos(w * XS)).sum())

    def accumulate(y: Any) -> None:
        def lane(x: Any) -> None:
            box.total = box.total + x * y

        box.n += 1
        sj.vmap(lane, state_axes={"total": 0})(XS)

    sj.jit(lambda ys: sj.for_loop(accumulate, ys))(XS)
    same(box.total, 6.0 * XS)
    assert box.n == 3


def test_a_number_may_be_read_and_written() -> None:
    box = Box(n=2, t=0.5)

    def fun(x: Any) -> Any:
        box.n += 1
        return x * box.t + box.n

    same(sj.vmap(fun)(XS), XS * 0.5 + 3.0)
    same(sj.vmap(fun)(XS), XS * 0.5 + 4.0)
    assert box.n == 4


def test_a_write_that_differs_is_refused_and_changes_nothing() -> None:
    model = Scale(jnp.asarray(2.0))
    before = Observer().picture(model)
    for wrap in (lambda f: f, sj.jit):
        with pytest.raises(LaneError) as info:
            wrap(sj.vmap(model.write))(XS)
        assert "seen" in str(info.value) and "state_axes" in str(info.value)
        assert difference(before, Observer().picture(model)) is None
    box = Box(items=[], host=np.zeros(2, np.float32))
    with pytest.raises(LaneError, match="items"):
        sj.vmap(lambda x: box.items.append(x))(XS)
    with pytest.raises(LaneError, match="host"):
        sj.vmap(lambda x: box.host.__setitem__(0, x))(XS)
    assert box.items == [] and not box.host.any()


def test_misuse_raises() -> None:
    model = Scale(jnp.asarray(2.0))
    with pytest.raises(SlotNotFoundError):
        sj.vmap(model.read, state_axes={"nothing": 0})(XS)
    with pytest.raises(SlotNotFoundError):
        sj.vmap(model.read, state_axes=[(jnp.ones(5), 0)])
    with pytest.raises(ValueError, match="at least one"):
        sj.vmap(lambda: 1)()
    with pytest.raises(ValueError, match="inconsistent sizes"):
        sj.vmap(lambda x, y: x)(XS, jnp.ones(2))
    with pytest.raises(ValueError, match="in_axes"):
        sj.vmap(lambda x, y: x, in_axes=(0,))(XS, XS)
    with pytest.raises(ValueError, match="rank"):
        sj.vmap(lambda x: x, in_axes=1)(XS)
    with pytest.raises(ValueError, match="out_axes"):
        sj.vmap(lambda x: x, out_axes=(0, 0))(XS)
    assert sj.vmap(lambda: 1.0, axis_size=3)().shape == (3,)


def test_one_object_in_two_places_is_one_afterwards():
    class Made(sj.Base):
        def __init__(self, w):
            self.w = w

    class Keeper(sj.Base):
        def __init__(self):
            self.w, self.function, self.first, self.others = jnp.ones(3), None, None, None

        def keep(self, x):
            k = self.w * 2

            def add(y):
                return y + k

            self.function, self.first = add, Made(k)
            self.others = [self.first]
            return add

    keeper = Keeper()
    assert sj.vmap(keeper.keep)(jnp.ones((2, 3))) is keeper.function
    assert keeper.first is keeper.others[0]
    assert keeper.function(1.0).tolist() == [3.0] * 3


def test_a_function_that_has_captured_a_value_of_each_lane_is_refused():
    def made(x):
        return lambda y: x * y

    with pytest.raises(LaneError, match=r"has captured(.|\n)*Do: .*return the value"):
        sj.vmap(made)(jnp.arange(3.0))
