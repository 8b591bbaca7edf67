"""No way to write an array leaves a tracer in it, or a write that would be done once only."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import statejit as sj
import statejit.numpy as snp

KNOWN = """
x[0] = 5; x[-1] = v[1]; x[0,] = np.float32(3); x[0] = z; x[0] = z + 1; x[i] = 7; x[j] = 3; x[s] = 3
x[0] += 5; x[-1] *= 2; x[i] += 7; x[j] -= 1; x[s] += 3; x[0], x[1] = x[1], x[0]
x[:2] = 1; x[::-1] = 2; x[...] = 3; x[None] = 3; x[:] = v; x[:2] = np.array([1, 2]); x[1:] = x[:-1]
x[:2] += 1; x[::-1] *= 2; x[...] -= 3
x[m] = 0; x[nm] = 0; x[m] = v[nm]; x[m] += 1; x[x > 0] = 0; x[a > 0] = 1; x //= a; x[m & (v > 2)] = 0; x[[True] * 4] = 1
x[[0, 1]] = 3; x[ia] = 7; x[np.array([1, 0])] = [3, 4]; x[ia] += 7; x[[0, 0]] += 1
x += 1; x -= v; x *= 2; x /= 2; x //= 2; x %= 2; x **= 2; x **= v; k @= k
n &= 1; n |= 1; n ^= 1; n <<= 1; n >>= 1; b[0] = True; b |= True; b ^= m
x.fill(3); x.sort(); x.partition(1); x.put([0], [3]); x.resize(2, refcheck=False); x.resize((5,), refcheck=False); x.shape = (4, 1)
x.byteswap(inplace=True); x.setflags(write=False); x.flags.writeable = False; w.shape = (2, 1)
x.flat[0] = 3; x.flat[:] = 3; x.flat = 3
snp.copyto(x, 3); snp.copyto(x, v, where=m); snp.putmask(x, m, 4); snp.place(x, m, [4])
snp.put(x, [0], 3); snp.put_along_axis(x, ia, 9, 0); snp.fill_diagonal(k, 9)
snp.add(x, 1, out=x); snp.sin(v, out=x); v.sum(out=z); v.cumsum(out=x); snp.add.at(x, [0, 0], 1)
np.add(x, 1, out=x); np.sin(v, out=x); np.add.at(x, [0, 0], 1); np.copyto(x, 3)
x.T[0] = 3; x.reshape(2, 2)[0] = 3; x.reshape(2, 2)[0, 1] += 3; snp.split(x, 2)[0][0] = 3
x.squeeze()[0] = 3; x.swapaxes(0, 0)[0] = 3; x.view('int32')[0] = 3; x.view()[:] = 1
w[0] = 3; w += 1; w[0] += 1; w[:] = 0; w[m[:2]] = 0; w.fill(2); w.sort()
k.T[0, 0] = 3; k[0, 0] = 3; k[0, 0] += 2; k[:, 0] = 3
c.real = 3; c.imag = 3; c.real[0] = 3; c.real += 1; c.imag *= 2
z += 1; z[...] = 3; z[()] += 3; z.fill(3)
V[0] = 5; V += 1; V[:] = 1; T[0] += 1; T *= 2; model.V = v[:2]; model.V = np.ones(2); model.V += 1
model.x += 1; model.x[0] = 1; model.x[0] += 1; model.x = v
x.value = v.value; x.value = x.value + 1; V.value = V.value
sj.random.shuffle(x); g.shuffle(x); sj.random.normal(); g.normal(size=2); sj.random.seed(3)
"""
"""Statements that write known values: JAX would do them while it traces, and not again."""

TRACED = """
x[0] = a; x[0] += a; x[i] = a; x[-1] *= a; x[0] = a + z; x[0] = snp.sin(a); x[1] = [a][0]
x[:2] = a; x[:2] += a; x[m] = a; x[m] += a; x[ia] = a; x[[0, 1]] += a; x[[0]] = [a]
x += a; x -= a; x *= a; x /= a; x %= a; x **= a; x[:] = v * a; x.fill(a)
x.put([0], a); x.flat[0] = a; x.flat = a; x.value = a * v.value
snp.copyto(x, a); snp.putmask(x, m, a); snp.place(x, m, [a]); snp.put(x, [0], a)
snp.put_along_axis(x, ia, a, 0); snp.fill_diagonal(k, a)
snp.add(x, a, out=x); np.add(x, a, out=x); np.add.at(x, [0, 0], a); (v * a).sum(out=z)
x.T[0] = a; x.reshape(2, 2)[0] = a; w[0] = a; w += a; w[0] += a; w[:] = a; k[0, 0] += a
c.real = a; c.real[0] = a; c.imag += a; z += a; z[...] = a; z[()] += a
V[0] = a; V += a; T[0] += a; model.V = v[:2] * a; model.V += a; model.x += a; model.x[0] += a
model.n = a; model.x = v * a
"""
"""Statements that write traced values."""

SOME = "x[0] = 5; x[0] += 5; x[m] = 0; x += 1; x[1:] = x[:-1]; w *= 2; k.T[0] = 3; x.sort(); V += 1"

STAGING = {
    "jit": lambda f: jax.jit(f)(1.0),
    "make_jaxpr": lambda f: jax.make_jaxpr(f)(1.0),
    "eval_shape": lambda f: jax.eval_shape(f, 1.0),
    "scan": lambda f: jax.lax.scan(lambda c, _: (f(c), None), 1.0, None, length=2),
    "cond": lambda f: jax.lax.cond(True, f, lambda a: a, 1.0),
    "checkpoint": lambda f: jax.checkpoint(f)(1.0),
    "jit of grad": lambda f: jax.jit(jax.grad(f))(1.0),
    "vmap of jit": lambda f: jax.vmap(jax.jit(f))(jnp.ones(2)),
}
"""Transformations that run the function once, whatever is called afterwards."""

AT_ONCE = {
    "grad": lambda f: jax.grad(f)(1.0),
    "jvp": lambda f: jax.jvp(f, (1.0,), (1.0,)),
    "linearize": lambda f: jax.linearize(f, 1.0),
    "vmap": lambda f: jax.vmap(f)(jnp.ones(2)),
}
"""Transformations under which what is known is computed at once, as without them."""


def statements(text):
    return [part.strip() for part in text.replace("\n", ";").split(";") if part.strip()]


class Model(sj.Base):
    def __init__(self):
        self.V = sj.Variable([1.0, 2.0])
        self.x = snp.array([1.0, 2.0])
        self.n = 0


def names():
    """Returns what the statements write, and what they read."""
    x, k = snp.array([1.0, 2.0, 3.0, 4.0]), snp.array([[1.0, 2.0], [3.0, 4.0]])
    return {
        "x": x,
        "w": x[1:3],
        "k": k,
        "n": snp.array([1, 2]),
        "c": snp.array([1j, 2]),
        "V": sj.Variable([1.0, 2.0]),
        "T": sj.TrainVar([1.0, 2.0]),
        "z": snp.array(1.0),
        "b": snp.array([True, False, True, False]),
        "m": snp.array([True, False, True, False]),
        "nm": np.array([True, False, True, False]),
        "v": snp.array([4.0, 3.0, 2.0, 1.0]),
        "i": np.int32(1),
        "ia": snp.array([0, 2]),
        "j": snp.array(2)[()],
        "s": jnp.array(1),
        "g": sj.random.default_rng(0),
        "model": Model(),
        "snp": snp,
        "np": np,
        "sj": sj,
    }


def held(known):
    """Returns all that is held where something may be written, and nothing that is computed."""
    arrays = {name: value for name, value in known.items() if isinstance(value, sj.Array)}
    holders = (known["model"], known["g"], sj.random.default())
    arrays |= {f"model.{name}": getattr(known["model"], name) for name in ("V", "x")}
    found = {
        name: (array._value, array.flags.writeable, array.shape) for name, array in arrays.items()
    }
    return found, [dict(vars(holder)) for holder in holders]


def shown(known):
    """Returns the content of all arrays."""
    return {n: np.asarray(v).tolist() for n, v in known.items() if isinstance(v, sj.Array)}


@pytest.fixture(scope="module")
def known():
    return names()


def run(statement, known):
    """Returns a function that runs a statement on the arrays, and returns its argument."""
    code = compile(statement, "<statement>", "exec")

    def function(a):
        exec(code, {**known, "a": a})
        return a * 1.0

    return function


def refusals(transform, text, known):
    """Returns the statements that a transformation did not refuse; checks that nothing is left."""
    before, done = held(known), []
    for statement in statements(text):
        try:
            transform(run(statement, known))
            done.append(statement)
        except sj.errors.RawTransformError:
            pass
        except jax.errors.JAXIndexError:
            assert "x > 0" in statement or "a > 0" in statement  # a mask that JAX has to know
        now = held(known)
        same = jax.tree.map(
            lambda a, b: a is b or (isinstance(a, (int, bool)) and a == b), now, before
        )
        assert all(jax.tree.leaves(same)), statement
    return done


@pytest.mark.parametrize("transform", ["make_jaxpr", "vmap of jit"])
def test_no_write_under_a_staging_transformation_is_done_or_leaves_anything(transform, known):
    assert refusals(STAGING[transform], KNOWN + TRACED, known) == []


@pytest.mark.parametrize("transform", STAGING)
def test_all_staging_transformations_refuse_writes(transform, known):
    assert refusals(STAGING[transform], SOME, known) == []


def test_no_write_of_traced_values_is_done_or_leaves_anything(known):
    assert refusals(AT_ONCE["grad"], TRACED, known) == []


@pytest.mark.parametrize("transform", AT_ONCE)
def test_all_transformations_refuse_writes_of_traced_values(transform, known):
    assert (
        refusals(AT_ONCE[transform], "x[0] = a; x[0] += a; x += a; x[m] = a; w[:] = a", known) == []
    )


@pytest.mark.parametrize("transform", AT_ONCE)
def test_writes_of_known_values_are_done_where_eager_python_does_them(transform):
    ours, eager = names(), names()
    for statement in statements(SOME):
        run(statement, eager)(1.0)
        AT_ONCE[transform](run(statement, ours))
    assert shown(ours) == shown(eager)
