"""`grad` and `value_and_grad` give what hand-written JAX gives, and commit state once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import statejit as sj

X = jnp.array([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]])
KEYS = ("hidden", "out")


class Linear(sj.Base):
    def __init__(self, n: int, m: int) -> None:
        self.w = jnp.linspace(-1.0, 1.0, n * m).reshape(n, m)
        self.b = jnp.linspace(0.0, 0.5, m)

    def __call__(self, x: Any) -> Any:
        return x @ self.w + self.b


class Net(sj.Base):
    def __init__(self) -> None:
        self.hidden = Linear(3, 4)
        self.out = Linear(4, 1)
        self.calls = 0
        self.mean = jnp.zeros(4)

    def __call__(self, x: Any) -> Any:
        h = jnp.tanh(self.hidden(x))
        self.calls += 1
        self.mean = 0.9 * self.mean + 0.1 * h.mean(0)
        return self.out(h)

    def loss(self, x: Any) -> Any:
        return (self(x) ** 2).mean()


def params_of(net: Net) -> dict[str, dict[str, Any]]:
    return {key: {"w": getattr(net, key).w, "b": getattr(net, key).b} for key in KEYS}


def pure_loss(params: Any, x: Any) -> Any:
    h = jnp.tanh(x @ params["hidden"]["w"] + params["hidden"]["b"])
    return ((h @ params["out"]["w"] + params["out"]["b"]) ** 2).mean()


def close(tree: Any, expected: Any, rtol: float = 1e-6) -> None:
    """Compares arrays; errors are measured against the largest entry of each."""
    assert jax.tree.structure(tree) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(tree), jax.tree.leaves(expected), strict=True):
        assert jnp.shape(a) == jnp.shape(b)
        size = float(jnp.max(jnp.abs(b), initial=0.0))
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol * size)


def plain(tree: Any) -> Any:
    """Returns a tree with plain arrays in place of mutable ones."""

    def is_mutable(leaf: Any) -> bool:
        return isinstance(leaf, (sj.Array, sj.Variable))

    return jax.tree.map(jnp.asarray, tree, is_leaf=is_mutable)


BOTH = pytest.mark.parametrize("jit", [lambda fun: fun, sj.jit], ids=["plain", "jitted"])


# What is asked for ------------------------------------------------------------------------------


@BOTH
def test_a_model_gives_its_parameters_as_a_collection(jit: Callable[..., Any]) -> None:
    net = Net()
    grads = jit(sj.grad(net.loss, grad_vars=net))(X)
    close(grads, jax.grad(pure_loss)(params_of(net), X))


@BOTH
def test_value_and_grad_puts_the_value_first(jit: Callable[..., Any]) -> None:
    net = Net()
    value, grads = jit(sj.value_and_grad(net.loss, grad_vars=net))(X)
    expected = jax.value_and_grad(pure_loss)(params_of(net), X)
    close((value, grads), expected)


@BOTH
def test_an_array_read_from_the_model(jit: Callable[..., Any]) -> None:
    net = Net()
    grads = jit(sj.grad(net.loss, grad_vars=net.out.w))(X)
    close(grads, jax.grad(pure_loss)(params_of(net), X)["out"]["w"])


@BOTH
def test_a_sub_model(jit: Callable[..., Any]) -> None:
    net = Net()
    grads = jit(sj.grad(net.loss, grad_vars=net.hidden))(X)
    close(grads, jax.grad(pure_loss)(params_of(net), X)["hidden"])


@BOTH
@pytest.mark.parametrize("kind", ["list", "tuple", "dict", "nested"])
def test_structures_of_targets(kind: str, jit: Callable[..., Any]) -> None:
    net = Net()
    e = jax.grad(pure_loss)(params_of(net), X)
    target, expected = {
        "list": ([net.out.w, net.hidden.b], [e["out"]["w"], e["hidden"]["b"]]),
        "tuple": ((net.out.b, net.hidden), (e["out"]["b"], e["hidden"])),
        "dict": ({"z": net.out.w, "a": net.hidden.w}, {"z": e["out"]["w"], "a": e["hidden"]["w"]}),
        "nested": ({"k": [net.out, (net.hidden.w,)]}, {"k": [e["out"], (e["hidden"]["w"],)]}),
    }[kind]
    close(jit(sj.grad(net.loss, grad_vars=target))(X), expected)


@BOTH
def test_a_predicate_over_slots(jit: Callable[..., Any]) -> None:
    net = Net()
    seen = []

    def is_weight(path: Any, array: Any) -> bool:
        seen.append((path, array.shape))
        return path[-1] == "w"

    grads = jit(sj.grad(net.loss, grad_vars=is_weight))(X)
    e = jax.grad(pure_loss)(params_of(net), X)
    close(grads, {key: {"w": e[key]["w"]} for key in KEYS})
    assert (("hidden", "w"), (3, 4)) in seen


@BOTH
def test_what_a_predicate_reads_is_guarded(jit: Callable[..., Any]) -> None:
    net, names = Net(), {"w"}
    net.out.chosen = ["b"]
    grad = jit(sj.grad(net.loss, grad_vars=lambda path, _: path[-1] in names))
    both = jit(sj.grad(net.loss, grad_vars=lambda path, _: path[-1] in net.out.chosen))
    assert set(grad(X)["out"]) == {"w"} and set(both(X)["out"]) == {"b"}
    names.add("b")
    net.out.chosen.append("w")
    assert set(grad(X)["out"]) == {"b", "w"} == set(both(X)["out"])


@BOTH
def test_mutable_arrays_as_targets(jit: Callable[..., Any]) -> None:
    net = Net()
    net.out.w = sj.numpy.asarray(net.out.w)
    net.hidden.b = sj.Variable(net.hidden.b)
    e = jax.grad(pure_loss)(plain(params_of(net)), X)
    grads = jit(sj.grad(net.loss, grad_vars=(net.out.w, net.hidden.b)))(X)
    close(plain(grads), (e["out"]["w"], e["hidden"]["b"]))


@BOTH
def test_linear_example_of_the_issue(jit: Callable[..., Any]) -> None:
    snp = sj.numpy

    class Example(sj.Base):
        def __init__(self, num_hidden: int, num_input: int, **kwargs: Any) -> None:
            super(Example, self).__init__(**kwargs)  # noqa: UP008, as in the issue
            self.w = sj.random.random((num_input, num_hidden))
            self.b = snp.zeros((num_hidden,))

        def __call__(self, x: Any) -> Any:
            return (x @ self.w + self.b).mean()

    model = Example(num_hidden=3, num_input=2)
    x = sj.random.random([5, 2])
    gw, gb = jit(sj.grad(model, grad_vars=(model.w, model.b)))(x)
    plain = jnp.asarray(x)
    expected = jax.grad(lambda w, b: (plain @ w + b).mean(), argnums=(0, 1))(
        jnp.asarray(model.w), jnp.asarray(model.b)
    )
    close((jnp.asarray(gw), jnp.asarray(gb)), expected)


@BOTH
def test_argnums_as_in_jax(jit: Callable[..., Any]) -> None:
    def fun(x: Any, y: Any, z: Any) -> Any:
        return jnp.sum(x**2 * y["a"] + z)

    args = (jnp.array([1.0, 2.0]), {"a": jnp.array([3.0, -1.0])}, 2.0)
    for argnums in (0, 1, 2, -1, (0,), (0, 2), (2, 1)):
        close(
            jit(sj.grad(fun, argnums=argnums))(*args),
            jax.grad(fun, argnums=argnums)(*args),
        )
    close(jit(sj.grad(fun))(*args), jax.grad(fun)(*args))


@BOTH
def test_grad_vars_and_argnums_together(jit: Callable[..., Any]) -> None:
    net = Net()
    expected = jax.grad(pure_loss, argnums=(0, 1))(params_of(net), X)
    close(jit(sj.grad(net.loss, grad_vars=net, argnums=0))(X), expected)
    variables, args = jit(sj.grad(net.loss, grad_vars=[net.out.b], argnums=(0,)))(X)
    close(variables, [expected[0]["out"]["b"]])
    close(args, (expected[1],))


@BOTH
def test_a_model_as_the_differentiated_argument(jit: Callable[..., Any]) -> None:
    net = Net()
    grads = jit(sj.grad(lambda net, x: net.loss(x)))(net, X)
    close(grads, jax.grad(pure_loss)(params_of(net), X))
    assert net.calls == 1


@BOTH
def test_auxiliary_results_and_values(jit: Callable[..., Any]) -> None:
    net = Net()

    def loss(x: Any) -> Any:
        out = net(x)
        return (out**2).mean(), {"out": out, "calls": net.calls, "name": "n", "net": net}

    value, e = jax.value_and_grad(pure_loss)(params_of(net), X)
    grads, aux = jit(sj.grad(loss, grad_vars=net, has_aux=True))(X)
    close(grads, e)
    assert aux["calls"] == 1 and type(aux["calls"]) is int
    assert aux["name"] == "n" and aux["net"] is net
    grads, got, aux = jit(sj.grad(loss, grad_vars=net, has_aux=True, return_value=True))(X)
    close((got, grads), (value, e))
    assert aux["calls"] == 2
    (got, aux), grads = jit(sj.value_and_grad(loss, grad_vars=net, has_aux=True))(X)
    close((got, grads), (value, e))
    assert aux["calls"] == 3
    grads, got = jit(sj.grad(net.loss, grad_vars=net, return_value=True))(X)
    close((got, grads), (value, e))


# Slots that play special parts ------------------------------------------------------------------


@BOTH
def test_tied_weights_have_one_gradient(jit: Callable[..., Any]) -> None:
    a, b = Linear(3, 3), Linear(3, 3)
    b.w = a.w
    w = a.w
    run = lambda x: (b(jnp.tanh(a(x))) ** 2).mean()  # noqa: E731

    def pure(w: Any) -> Any:
        return ((jnp.tanh(X @ w + a.b) @ w + b.b) ** 2).mean()

    expected = jax.grad(pure)(w)
    close(jit(sj.grad(run, grad_vars=a.w))(X), expected)
    close(jit(sj.grad(run, grad_vars=a))(X)["w"], expected)
    close(jit(sj.grad(run, grad_vars=b))(X)["w"], expected)
    close(jit(sj.grad(run, grad_vars=[a.w, b.w]))(X), [expected, expected])


@BOTH
def test_weights_tied_by_one_mutable_array(jit: Callable[..., Any]) -> None:
    a, b = Linear(3, 3), Linear(3, 3)
    a.w = b.w = sj.numpy.asarray(a.w)
    w = jnp.asarray(a.w)

    def pure(w: Any) -> Any:
        return ((jnp.tanh(X @ w + a.b) @ w + b.b) ** 2).mean()

    grads = jit(sj.grad(lambda x: (b(jnp.tanh(a(x))) ** 2).mean(), grad_vars=a.w))(X)
    close(jnp.asarray(grads), jax.grad(pure)(w))


@BOTH
def test_what_is_overwritten_before_it_is_used(jit: Callable[..., Any]) -> None:
    m = Linear(3, 1)

    def loss(x: Any) -> Any:
        old = m.w
        m.w = m.w * 2.0
        return (m(x) ** 2).mean() + old.sum()

    w, b = m.w, m.b
    expected = jax.grad(lambda w: ((X @ (w * 2.0) + b) ** 2).mean() + w.sum())(w)
    run = jit(sj.grad(loss, grad_vars=m.w))
    close(run(X), expected)
    np.testing.assert_array_equal(m.w, w * 2.0)
    close(run(X), jax.grad(lambda w: ((X @ (w * 2.0) + b) ** 2).mean() + w.sum())(w * 2.0))


@BOTH
def test_state_that_the_loss_writes_is_no_parameter(jit: Callable[..., Any]) -> None:
    net = Net()
    grads = jit(sj.grad(net.loss, grad_vars=net))(X)
    assert "mean" not in grads and "calls" not in grads


@BOTH
def test_a_parameter_that_does_not_matter_has_gradient_zero(jit: Callable[..., Any]) -> None:
    m = Linear(3, 1)

    def loss(x: Any) -> Any:
        _ = m.b
        return (x @ m.w).sum()

    grads = jit(sj.grad(loss, grad_vars=[m.w, m.b]))(X)
    close(grads, [jnp.broadcast_to(X.sum(0)[:, None], (3, 1)), jnp.zeros(1)])


def test_an_array_that_is_no_slot_is_an_error_never_zeros() -> None:
    m, other = Linear(3, 1), jnp.ones(3)
    run = sj.grad(lambda x: m(x).sum(), grad_vars=[m.w, other])
    with pytest.raises(sj.errors.SlotNotFoundError):
        run(X)
    m.extra = other
    with pytest.raises(sj.errors.SlotNotFoundError):
        sj.grad(lambda x: m(x).sum(), grad_vars=m.extra)(X)


def test_arrays_given_as_targets_are_remembered_by_path() -> None:
    m = Linear(3, 1)
    run = sj.grad(lambda x: (m(x) ** 2).sum(), grad_vars=m.w)
    run(X)
    for _ in range(3):
        m.w = m.w * 0.5
        w, b = m.w, m.b
        close(run(X), jax.grad(lambda w, b=b: ((X @ w + b) ** 2).sum())(w))


@BOTH
def test_elements_of_containers(jit: Callable[..., Any]) -> None:
    class Deep(sj.Base):
        def __init__(self) -> None:
            self.layers = [Linear(3, 3), Linear(3, 3)]
            self.scales = {"a": jnp.ones(3), "b": (jnp.full(3, 2.0), jnp.full(3, 0.5))}

        def loss(self, x: Any) -> Any:
            for layer in self.layers:
                x = jnp.tanh(layer(x)) * self.scales["a"]
            return (x * self.scales["b"][0] * self.scales["b"][1]).sum()

    m = Deep()
    grads = jit(sj.grad(m.loss, grad_vars=m))(X)
    assert set(grads) == {"layers", "scales"}
    assert set(grads["layers"]) == {"0", "1"} and set(grads["scales"]["b"]) == {"0", "1"}

    def pure(p: Any) -> Any:
        x = X
        for key in ("0", "1"):
            x = jnp.tanh(x @ p["layers"][key]["w"] + p["layers"][key]["b"]) * p["scales"]["a"]
        return (x * p["scales"]["b"]["0"] * p["scales"]["b"]["1"]).sum()

    close(grads, jax.grad(pure)(sj.collections(m)["params"]))
    some = jit(sj.grad(m.loss, grad_vars=[m.layers[1].w, m.scales["b"][0]]))(X)
    close(some, [grads["layers"]["1"]["w"], grads["scales"]["b"]["0"]])


def test_the_same_loss_with_other_targets_under_jit() -> None:
    net = Net()
    expected = jax.grad(pure_loss)(params_of(net), X)
    targets = (net, net.out, net.out.w, [net.hidden.w], net.hidden.w)
    found = [sj.jit(sj.grad(net.loss, grad_vars=target))(X) for target in targets]
    out, hidden = expected["out"], expected["hidden"]
    close(found, [expected, out, out["w"], [hidden["w"]], hidden["w"]])


@BOTH
def test_python_numbers_that_are_differentiated(jit: Callable[..., Any]) -> None:
    m = Linear(3, 1)
    grads = jit(sj.grad(lambda a, x: a**3 * m(x).sum()))(2.0, X)
    close(grads, 12.0 * m(X).sum(), rtol=1e-6)


# State ------------------------------------------------------------------------------------------


@BOTH
def test_state_is_committed_once(jit: Callable[..., Any]) -> None:
    net, twin = Net(), Net()
    run = jit(sj.value_and_grad(net.loss, grad_vars=net))
    for i in range(3):
        value, _ = run(X)
        np.testing.assert_allclose(value, twin.loss(X), rtol=1e-6)
        assert net.calls == i + 1 and type(net.calls) is int
        np.testing.assert_allclose(net.mean, twin.mean, rtol=1e-6)


@BOTH
def test_random_state_advances_once(jit: Callable[..., Any]) -> None:
    net = Net()

    def loss(x: Any) -> Any:
        return (net(x) * jnp.asarray(sj.random.random(1))).sum()

    sj.random.seed(1)
    drawn = sj.random.random(3)
    sj.random.seed(1)
    run = jit(sj.value_and_grad(loss, grad_vars=net))
    values = [run(X)[0] for _ in range(2)]
    twin = Net()
    sj.random.seed(1)
    expected = [(twin(X) * jnp.asarray(sj.random.random(1))).sum() for _ in range(2)]
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert drawn.shape == (3,)


@BOTH
def test_lists_are_appended_once(jit: Callable[..., Any]) -> None:
    m = Linear(3, 1)
    m.log = []

    def loss(x: Any) -> Any:
        out = m(x).sum()
        m.log.append(out)
        return out

    run = jit(sj.grad(loss, grad_vars=m.w))
    run(X)
    run(X)
    assert len(m.log) == 2
    np.testing.assert_allclose(m.log, [m(X).sum()] * 2, rtol=1e-6)


def test_a_reused_grad_function_sees_outside_changes() -> None:
    net = Net()
    net.power = 2
    net.use_bias = True
    net.scales = [1.0]

    def loss(x: Any) -> Any:
        h = jnp.tanh(x @ net.hidden.w + (net.hidden.b if net.use_bias else 0.0))
        return (net.out(h) ** net.power).mean() * net.scales[0]

    run = sj.grad(loss, grad_vars=net.out.w)

    def check() -> None:
        def pure(w: Any) -> Any:
            h = jnp.tanh(X @ net.hidden.w + (net.hidden.b if net.use_bias else 0.0))
            return ((h @ w + net.out.b) ** net.power).mean() * net.scales[0]

        close(run(X), jax.grad(pure)(net.out.w), rtol=1e-5)

    check()
    net.power = 3
    check()
    net.power = 4
    check()
    net.use_bias = False
    check()
    net.scales[0] = 5.0
    check()
    net.hidden.w = net.hidden.w * 2
    check()
    net.out = Linear(4, 1)
    check()
    net.hidden, net.out = Linear(3, 5), Linear(5, 2)
    check()


def test_identity_is_asked_anew_by_a_reused_grad_function() -> None:
    m = sj_thing(a=jnp.full(2, 2.0), b=jnp.full(2, 3.0))
    m.best = m.a
    run = sj.grad(lambda x: (x * m.b).sum() if m.best is m.a else (x * m.a).sum())
    close(run(jnp.ones(2)), m.b)
    m.best = m.b
    close(run(jnp.ones(2)), m.a)


def sj_thing(**attributes: Any) -> Any:
    class Thing(sj.Base):
        pass

    thing = Thing()
    for name, value in attributes.items():
        setattr(thing, name, value)
    return thing


@BOTH
def test_a_changed_parameter_that_becomes_state(jit: Callable[..., Any]) -> None:
    m = sj_thing(w=jnp.ones(2), v=jnp.full(2, 3.0), freeze=False)

    def loss(x: Any) -> Any:
        if m.freeze:
            m.v = m.v * 1.0
        return (m.w * m.v * x).sum()

    run = jit(sj.grad(loss, grad_vars=m))
    assert set(run(1.0)) == {"w", "v"}
    m.freeze = True
    assert set(run(1.0)) == {"w"}
    m.freeze = False
    assert set(run(1.0)) == {"w", "v"}


# Nesting ----------------------------------------------------------------------------------------


@BOTH
def test_second_order_in_an_argument(jit: Callable[..., Any]) -> None:
    m = sj_thing(a=jnp.asarray(2.0), n=0)

    def fun(x: Any) -> Any:
        m.n += 1
        return m.a * x**4

    second = jit(sj.grad(sj.grad(fun)))
    close(second(3.0), jnp.asarray(12.0 * 2.0 * 9.0))
    assert m.n == 1


@BOTH
def test_second_order_in_the_parameters(jit: Callable[..., Any]) -> None:
    net = Net()
    params = params_of(net)

    def norm(x: Any) -> Any:
        grads = sj.grad(net.loss, grad_vars=net)(x)
        return sum(jnp.sum(g**2) for g in jax.tree.leaves(grads))

    def pure(params: Any) -> Any:
        grads = jax.grad(pure_loss)(params, X)
        return sum(jnp.sum(g**2) for g in jax.tree.leaves(grads))

    close(jit(sj.grad(norm, grad_vars=net))(X), jax.grad(pure)(params), rtol=1e-5)
    assert net.calls == 1


@BOTH
def test_mixed_second_order(jit: Callable[..., Any]) -> None:
    net = Net()
    params = params_of(net)
    penalty = lambda x: jnp.sum(sj.grad(net.loss)(x) ** 2)  # noqa: E731
    expected = jax.grad(lambda p: jnp.sum(jax.grad(pure_loss, argnums=1)(p, X) ** 2))(params)
    close(jit(sj.grad(penalty, grad_vars=net))(X), expected, rtol=1e-5)


@BOTH
def test_jit_in_grad(jit: Callable[..., Any]) -> None:
    net = Net()
    inner = sj.jit(net.loss)
    expected = jax.grad(pure_loss)(params_of(net), X)
    run = jit(sj.grad(lambda x: inner(x) + inner(x), grad_vars=net))
    close(run(X), jax.tree.map(lambda g: 2 * g, expected), rtol=1e-5)
    assert net.calls == 2


@BOTH
def test_pure_jax_transformations_of_the_inside(jit: Callable[..., Any]) -> None:
    net = Net()

    def loss(x: Any) -> Any:
        w = net.hidden.w
        return jax.vmap(lambda row: jnp.tanh(row @ w).sum())(x).sum()

    w = net.hidden.w
    close(
        jit(sj.grad(loss, grad_vars=net.hidden.w))(X), jax.grad(lambda w: jnp.tanh(X @ w).sum())(w)
    )


def test_jax_grad_of_the_functionalised_loss() -> None:
    net = Net()
    apply, variables = sj.functionalize(net.loss, X)

    def loss(params: Any) -> Any:
        return apply({**variables, "params": params}, X)[0]

    expected = jax.grad(pure_loss)(params_of(net), X)
    close(jax.grad(loss)(variables["params"]), expected)
    close(sj.grad(net.loss, grad_vars=net)(X), expected)


def test_gradients_agree_with_finite_differences() -> None:
    net = Net()
    grads = sj.grad(net.loss, grad_vars=net)(X)
    for key, name, index in (("hidden", "w", (1, 2)), ("out", "b", (0,)), ("hidden", "b", (3,))):
        layer = getattr(net, key)
        original, values = getattr(layer, name), []
        for step in (1e-2, -1e-2):
            setattr(layer, name, original.at[index].add(step))
            values.append(float(net.loss(X)))
        setattr(layer, name, original)
        found = (values[0] - values[1]) / 2e-2
        np.testing.assert_allclose(grads[key][name][index], found, rtol=2e-3, atol=1e-4)


# Errors -----------------------------------------------------------------------------------------


def test_too_few_arguments_as_in_jax() -> None:
    with pytest.raises(ValueError, match="argnums"):
        sj.grad(lambda x: x, argnums=2)(1.0)
    with pytest.raises(ValueError, match="argnums"):
        sj.grad(lambda: 1.0)()


def test_an_integer_argument_as_in_jax() -> None:
    with pytest.raises(TypeError, match="int"):
        jax.grad(lambda x: x * 2.0)(3)
    with pytest.raises(TypeError, match="int"):
        sj.grad(lambda x: x * 2.0)(3)


def test_a_complex_or_vector_loss_as_in_jax() -> None:
    for fun in (lambda x: x * 1j, lambda x: jnp.ones(2) * x, lambda x: (x, x)):
        with pytest.raises(TypeError):
            jax.grad(fun)(1.0)
        with pytest.raises(TypeError):
            sj.grad(fun)(1.0)


def test_has_aux_needs_a_pair() -> None:
    with pytest.raises(TypeError, match="aux"):
        sj.grad(lambda x: x, has_aux=True)(1.0)


def test_a_target_that_can_be_none_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="grad_vars"):
        sj.grad(lambda x: x, grad_vars=["w"])
