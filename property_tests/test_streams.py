"""Whatever is done with generators, no key is met twice, and it is the same when it is compiled."""

import jax
from hypothesis import given, settings
from hypothesis import strategies as st

import statejit as sj
from statejit.random import Generator

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["draw", "spawn", "fork", "split", "fold", "context", "copy of a child"]),
        st.integers(0, 5),
    ),
    max_size=6,
)


def walk(root, steps):
    """Does the steps, each with one of the generators that there are; returns all keys on the way."""
    generators, met = [root], [root.key]
    for i, (step, which) in enumerate(steps):
        g = generators[which % len(generators)]
        if step == "draw":
            g.random()
        elif step == "spawn":
            generators += g.spawn(2)
        elif step == "fork":
            generators.append(g.fork())
        elif step == "split":
            generators.append(Generator(g.split_key()))
        elif step == "fold":
            g.random()  # from the same key the same number would follow twice
            generators.append(g.fold_in(100 + i))
        elif step == "context":
            with g.seed_context(1_000 + i):
                g.random()
                met.append(g.key)
            continue
        else:
            generators.append(Generator(g.fork()))
        met += [other.key for other in generators]
    return [jax.random.key_data(key) for key in met], [g.random() for g in generators]


@given(STEPS, st.integers(0, 2**31 - 1))
@settings(max_examples=40)
def test_no_two_generators_share_a_stream(steps, seed):
    root = Generator(seed)
    _, last = walk(root, steps)
    assert len({x.item() for x in last}) == len(last)


@given(STEPS)
@settings(max_examples=5)
def test_streams_are_the_same_inside_jit(steps):
    expected = walk(Generator(7), steps)
    root = Generator(7)
    found = sj.jit(lambda: walk(root, steps))()
    for some, others in zip(found, expected, strict=True):
        assert [x.tolist() for x in some] == [x.tolist() for x in others]
