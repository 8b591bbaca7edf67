"""`jit(pack=True)`: small mutable arrays lie together between calls, and nobody can tell."""

import copy
import gc
import pickle
import threading
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import statejit as sj
import statejit.numpy as snp


class Neuron(sj.Base):
    def __init__(self, v):
        self.v = snp.full(2, v, dtype="float32")
        self.spikes = snp.array(0, "int32")
        self.on = True


class Net(sj.Base):
    def __init__(self, n=10):
        self.neurons = [Neuron(float(i)) for i in range(n)]

    def step(self, x):
        for one in self.neurons:
            if one.on:
                one.v[:] = one.v * 0.5 + x
                one.spikes += one.v[0] > 3.0
        return self.neurons[0].v.sum()


def content(net):
    return [(n.v.tolist(), int(n.spikes)) for n in net.neurons]


def lying(net):
    """Returns how many arrays lie in pages now."""
    return sum(type(cell._value).__name__ == "Due" for n in net.neurons for cell in (n.v, n.spikes))


def pair():
    return Net(), Net(), sj.jit(Net.step, pack=True)


def test_arrays_lie_in_pages_between_calls_and_are_as_they_should_be_when_asked_for():
    net, eager, step = pair()
    for x in (1.0, 2.0, 4.0):
        assert step(net, x) == eager.step(x)
        assert lying(net) == 20
    packed, made = step.plans[0].packed, step.made
    assert len(packed) == 20 and "neurons[9].v" in "".join(packed)
    assert content(net) == content(eager)
    assert lying(net) == 0
    step(net, 1.0), eager.step(1.0)
    assert (content(net), step.made) == (content(eager), made)


def test_whatever_is_done_to_an_array_between_calls_is_done_to_what_it_holds():
    net, eager, step = pair()
    kept = []
    for model, run in ((net, step), (eager, Net.step)):
        run(model, 1.0)
        first = model.neurons[0]
        view, alias, array = first.v[1:], first.v, first.v.value
        run(model, 1.0)
        view += 5.0
        alias[0] = 7.0
        run(model, 2.0)
        model.neurons[1].v = model.neurons[2].v.copy()
        model.neurons[3].v.value = jnp.ones(2)
        model.neurons[4].spikes += 2
        model.neurons[5].on = False
        run(model, 3.0)
        run(model, 3.0)
        other = copy.deepcopy(model)
        loaded = pickle.loads(pickle.dumps(model))
        run(other, 1.0)
        kept.append([content(m) for m in (model, other, loaded)] + [view.tolist(), array.tolist()])
        assert np.asarray(first.v).tolist() == first.v.tolist() == np.add(first.v, 0).tolist()
    assert kept[0] == kept[1]


def test_two_names_of_one_array_are_seen_though_it_lies_in_a_page():
    net, eager, step = pair()
    for model, run in ((net, step), (eager, Net.step)):
        run(model, 1.0)
        model.neurons[1].v = model.neurons[0].v
        model.neurons[2].v.value = model.neurons[3].v.value
        run(model, 1.0)
        run(model, 2.0)
    assert content(net) == content(eager)
    assert net.neurons[1].v is net.neurons[0].v


def test_another_model_and_another_function_share_nothing_by_mistake():
    one, two, eager, step = Net(), Net(), Net(), sj.jit(Net.step, pack=True)
    half = sj.jit(lambda net: [n.v.fill(n.v[0] / 2) for n in net.neurons[:6]], pack=True)
    reading = sj.jit(lambda net: sum(n.v.sum() for n in net.neurons))
    step(one, 1.0), step(two, 2.0), half(one), step(one, 1.0)
    made = step.made
    one.neurons[0], two.neurons[0] = two.neurons[0], one.neurons[0]
    found = step(one, 1.0), step(two, 1.0), reading(one)
    assert step.made == made
    other, half = Net(), lambda net: [n.v.fill(n.v[0] / 2) for n in net.neurons[:6]]
    eager.step(1.0), other.step(2.0), half(eager), eager.step(1.0)
    eager.neurons[0], other.neurons[0] = other.neurons[0], eager.neurons[0]
    expected = eager.step(1.0), other.step(1.0), sum(n.v.sum() for n in eager.neurons)
    assert [float(x) for x in found] == [float(x) for x in expected]
    assert (content(one), content(two)) == (content(eager), content(other))


def test_a_mark_that_is_set_between_calls_is_seen():
    net, _, step = pair()
    step(net, 1.0)
    net.neurons[3].v.flags.writeable = False
    before = content(net)
    with pytest.raises(ValueError, match="read-only"):
        step(net, 1.0)
    assert content(net) == before
    marking = sj.jit(lambda v: v.setflags(write=False))
    net.neurons[3].v.flags.writeable = True
    step(net, 1.0)
    marking(net.neurons[4].v)
    with pytest.raises(ValueError, match="read-only"):
        step(net, 1.0)


def test_what_is_returned_or_kept_elsewhere_is_packed_as_little_as_what_is_large():
    class Two(sj.Base):
        def __init__(self):
            self.parts = [snp.zeros(2) for _ in range(4)]
            self.large = [snp.zeros(2000) for _ in range(2)]
            self.old = jnp.ones(2)

        def step(self):
            before = self.parts[0].value
            for part in (*self.parts, *self.large):
                part += 1
            self.old = before
            return self.parts[1].value

    two, step = Two(), sj.jit(Two.step, pack=True)
    assert step(two).tolist() == [1, 1]
    assert step(two).tolist() == [2, 2]
    assert (two.old.tolist(), two.parts[0].tolist()) == ([1, 1], [2, 2])
    assert [path.endswith(("[2]", "[3]")) for path in step.plans[0].packed] == [True, True]
    assert two.large[1].sum() == 4000


def test_an_array_of_another_type_or_place_is_not_taken_for_one_of_the_page():
    net, eager, step = pair()
    for model, run in ((net, step), (eager, Net.step)):
        run(model, 1.0)
        model.neurons[1].v = snp.zeros(2, "int32") + 4
        run(model, 1.0)
        model.neurons[1].v = snp.ones(3, "float32")
        run(model, 1.0)
    assert content(net) == content(eager)
    net.neurons[1].v.value = jax.device_put(jnp.ones(3), jax.devices()[-1])
    step(net, 1.0), eager.neurons[1].v.fill(1), eager.step(1.0)
    assert content(net) == content(eager)


def test_under_plain_jax_a_call_is_refused_and_nothing_is_changed():
    net, _, step = pair()
    step(net, 1.0)
    before = content(net)
    step(net, 0.0), net.step(0.0)
    before = content(net)
    with pytest.raises(sj.errors.RawTransformError):
        jax.vmap(lambda x: step(net, x))(jnp.ones(2))
    with pytest.raises(sj.errors.RawTransformError):
        jax.jit(lambda x: step(net, x))(1.0)
    assert content(net) == before
    step(net, 0.0)


def test_inside_of_other_transformations_and_lowered_it_does_the_same():
    net, eager, step = pair()
    sj.for_loop(lambda x: step(net, x), jnp.arange(3.0))
    step(net, 1.0)
    step.lower(net, 1.0).compile()(net, 1.0)
    with jax.disable_jit():
        step(net, 1.0)
    with jax.debug_nans(True):
        step(net, 1.0)
    for x in (0.0, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0):
        eager.step(x)
    assert content(net) == content(eager)


def test_with_other_threads_at_work_nothing_is_kept_in_pages():
    net, eager, step = pair()
    step(net, 1.0), step(net, 1.0)
    seen, stop, steps = [], threading.Event(), 3

    def watch():
        while not stop.wait(0.001):
            seen.append(net.neurons[0].v.tolist())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        while thread.is_alive() and (steps < 23 or len(seen) < 3):
            step(net, 1.0)
            steps += 1
    finally:
        stop.set()
        thread.join()
    step(net, 1.0)
    for _ in range(steps):
        eager.step(1.0)
    assert content(net) == content(eager)
    assert len(seen) >= 3


def test_a_plan_and_a_page_keep_no_model_alive():
    net, _, step = pair()
    step(net, 1.0), step(net, 1.0)
    gone = weakref.ref(net.neurons[0])
    del net
    gc.collect()
    assert gone() is None and step.plans
