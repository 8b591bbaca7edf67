"""The Array API standard, 2024.12: each function does what it does in `array_api_strict`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import statejit.numpy as snp
from statejit import Array

KINDS = {"b": "bool", "i": "int32", "u": "uint8", "f": "float32", "c": "complex64"}
SHAPES = ((2, 3), (3,), ())

# Functions of one array (and its kinds), and of two of the same kind.
UNARY = {
    **dict.fromkeys(("abs", "negative", "sign", "square"), "ifc"),
    **dict.fromkeys(("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh"), "fc"),
    **dict.fromkeys(("exp", "expm1", "log", "log10", "log1p", "log2", "sin", "sinh"), "fc"),
    **dict.fromkeys(("sqrt", "tan", "tanh", "reciprocal"), "fc"),
    **dict.fromkeys(("conj", "imag", "real"), "c"),
    **dict.fromkeys(("ceil", "floor", "round", "trunc"), "iuf"),
    **dict.fromkeys(("isfinite", "isinf", "isnan", "positive"), "iufc"),
    "bitwise_invert": "biu",
    "logical_not": "b",
    "signbit": "f",
}
BINARY = {
    **dict.fromkeys(("add", "multiply", "subtract"), "iufc"),
    **dict.fromkeys(("equal", "not_equal"), "biufc"),
    **dict.fromkeys(("greater", "greater_equal", "less", "less_equal"), "iuf"),
    **dict.fromkeys(("maximum", "minimum"), "iuf"),
    **dict.fromkeys(("atan2", "copysign", "hypot", "logaddexp", "nextafter"), "f"),
    **dict.fromkeys(("bitwise_and", "bitwise_or", "bitwise_xor"), "biu"),
    **dict.fromkeys(("logical_and", "logical_or", "logical_xor"), "b"),
    "divide": "fc",
    "floor_divide": "f",
    "remainder": "f",
}
REDUCTIONS = {
    **dict.fromkeys(("all", "any", "count_nonzero"), "bif"),
    **dict.fromkeys(("max", "min"), "if"),
    **dict.fromkeys(("prod", "sum"), "iufc"),
    **dict.fromkeys(("mean", "std", "var"), "f"),
    **dict.fromkeys(("argmax", "argmin"), "if"),
}

Call = Callable[[Any, Any, Any], Any]

CALLS: dict[str, tuple[str, Call]] = {
    **{name: (kinds, lambda xp, x, y, n=name: getattr(xp, n)(x)) for name, kinds in UNARY.items()},
    **{
        name: (kinds, lambda xp, x, y, n=name: getattr(xp, n)(x, y))
        for name, kinds in BINARY.items()
    },
    # Of -inf NumPy takes the square root for 0.5, which is NaN; the standard has +inf.
    "pow": ("f", lambda xp, x, y: xp.pow(x, xp.where(y == 0.5, 2.5, y))),
    **{
        name: (kinds, lambda xp, x, y, n=name: getattr(xp, n)(x))
        for name, kinds in REDUCTIONS.items()
    },
    **{
        f"{name} along an axis": (
            kinds,
            lambda xp, x, y, n=name: getattr(xp, n)(xp.stack([x, y]), axis=0, keepdims=True),
        )
        for name, kinds in REDUCTIONS.items()
    },
    "bitwise_left_shift": ("i", lambda xp, x, y: xp.bitwise_left_shift(x, xp.abs(y) % 4)),
    "bitwise_right_shift": ("i", lambda xp, x, y: xp.bitwise_right_shift(x, xp.abs(y) % 4)),
    "clip": ("if", lambda xp, x, y: xp.clip(x, -1, 2)),
    "arange": ("i", lambda xp, x, y: xp.arange(1, 9, 3)),
    "asarray": ("bif", lambda xp, x, y: xp.asarray([[1, 2], [3, 4]], dtype=x.dtype)),
    "empty": ("if", lambda xp, x, y: xp.ones_like(xp.empty((2, 3), dtype=x.dtype))),
    "empty_like": ("if", lambda xp, x, y: xp.ones_like(xp.empty_like(x))),
    "eye": ("bifc", lambda xp, x, y: xp.eye(3, 4, k=1, dtype=x.dtype)),
    "from_dlpack": ("if", lambda xp, x, y: xp.from_dlpack(x)),
    "full": ("if", lambda xp, x, y: xp.full((2,), 3, dtype=x.dtype)),
    "full_like": ("bif", lambda xp, x, y: xp.full_like(x, 1)),
    "linspace": ("f", lambda xp, x, y: xp.linspace(0, 2, 5, dtype=x.dtype, endpoint=False)),
    "meshgrid": (
        "if",
        lambda xp, x, y: xp.meshgrid(
            xp.reshape(x, (-1,)), xp.zeros(2, dtype=x.dtype), indexing="ij"
        ),
    ),
    "ones": ("bif", lambda xp, x, y: xp.ones((2, 2), dtype=x.dtype)),
    "ones_like": ("bif", lambda xp, x, y: xp.ones_like(x)),
    "tril": ("if", lambda xp, x, y: xp.tril(xp.stack([x, y]), k=-1) if x.ndim else x),
    "triu": ("if", lambda xp, x, y: xp.triu(xp.stack([x, y]), k=1) if x.ndim else x),
    "zeros": ("bif", lambda xp, x, y: xp.zeros(3, dtype=x.dtype)),
    "zeros_like": ("bif", lambda xp, x, y: xp.zeros_like(x)),
    "astype": (
        "bif",
        lambda xp, x, y: xp.astype(x > 0 if x.dtype == xp.float32 else x, xp.float32),
    ),
    "broadcast_arrays": ("if", lambda xp, x, y: xp.broadcast_arrays(x, xp.stack([x, y]))),
    "broadcast_to": ("bif", lambda xp, x, y: xp.broadcast_to(x, (2, *x.shape))),
    "can_cast": ("f", lambda xp, x, y: xp.can_cast(x.dtype, xp.float64)),
    "finfo": ("fc", lambda xp, x, y: (xp.finfo(x.dtype).eps, xp.finfo(x.dtype).bits)),
    "iinfo": ("iu", lambda xp, x, y: (xp.iinfo(x.dtype).max, xp.iinfo(x.dtype).bits)),
    "isdtype": ("bifc", lambda xp, x, y: xp.isdtype(x.dtype, ("integral", "real floating"))),
    "result_type": ("bi", lambda xp, x, y: str(np.dtype(str(xp.result_type(x, y)).split(".")[-1]))),
    "matmul": (
        "ifc",
        lambda xp, x, y: (
            xp.matmul(xp.expand_dims(x, axis=0), xp.expand_dims(y, axis=-1)) if x.ndim == 1 else x
        ),
    ),
    "matrix_transpose": (
        "if",
        lambda xp, x, y: xp.matrix_transpose(xp.stack([x, y])) if x.ndim else x,
    ),
    "tensordot": ("if", lambda xp, x, y: xp.tensordot(x, y, axes=x.ndim)),
    "vecdot": ("ifc", lambda xp, x, y: xp.vecdot(x, y) if x.ndim else x),
    "concat": (
        "bif",
        lambda xp, x, y: xp.concat([x, y], axis=0 if x.ndim else None) if x.ndim else x,
    ),
    "expand_dims": ("if", lambda xp, x, y: xp.expand_dims(x, axis=-1)),
    "flip": ("bif", lambda xp, x, y: xp.flip(x)),
    "moveaxis": ("if", lambda xp, x, y: xp.moveaxis(xp.stack([x, y]), 0, -1)),
    "permute_dims": ("if", lambda xp, x, y: xp.permute_dims(x, tuple(range(x.ndim))[::-1])),
    "repeat": ("if", lambda xp, x, y: xp.repeat(x, 2, axis=0) if x.ndim else x),
    "reshape": ("bif", lambda xp, x, y: xp.reshape(x, (-1,), copy=True)),
    "roll": ("if", lambda xp, x, y: xp.roll(x, 1)),
    "squeeze": ("if", lambda xp, x, y: xp.squeeze(xp.expand_dims(x, axis=0), axis=0)),
    "stack": ("bif", lambda xp, x, y: xp.stack([x, y], axis=-1)),
    "tile": ("if", lambda xp, x, y: xp.tile(x, (2, 1))),
    "unstack": ("if", lambda xp, x, y: list(xp.unstack(xp.stack([x, y])))),
    "searchsorted": (
        "if",
        lambda xp, x, y: xp.searchsorted(xp.sort(xp.reshape(x, (-1,))), y) if x.ndim else x,
    ),
    "nonzero": ("bif", lambda xp, x, y: list(xp.nonzero(x)) if x.ndim else x),
    "where": ("bif", lambda xp, x, y: xp.where(x == y, x, y)),
    "take": ("if", lambda xp, x, y: xp.take(x, xp.asarray([0, 1]), axis=0) if x.ndim else x),
    "take_along_axis": (
        "if",
        lambda xp, x, y: xp.take_along_axis(x, xp.argsort(x), axis=-1) if x.ndim else x,
    ),
    "unique_all": (
        "if",
        lambda xp, x, y: tuple(xp.unique_all(x))[:1] + tuple(xp.unique_all(x))[2:],
    ),
    "unique_counts": ("if", lambda xp, x, y: tuple(xp.unique_counts(x))),
    "unique_inverse": ("if", lambda xp, x, y: tuple(xp.unique_inverse(x))),
    "unique_values": ("if", lambda xp, x, y: xp.unique_values(x)),
    "argsort": (
        "if",
        lambda xp, x, y: xp.argsort(x, stable=True, descending=True) if x.ndim else x,
    ),
    "sort": ("if", lambda xp, x, y: xp.sort(x, descending=True) if x.ndim else x),
    "cumulative_sum": (
        "if",
        lambda xp, x, y: xp.cumulative_sum(x, axis=-1, include_initial=True) if x.ndim else x,
    ),
    "cumulative_prod": ("if", lambda xp, x, y: xp.cumulative_prod(x, axis=-1) if x.ndim else x),
    "diff": ("if", lambda xp, x, y: xp.diff(x) if x.ndim else x),
    "isin": ("iu", lambda xp, x, y: xp.isin(x, y)),
    "broadcast_shapes": ("i", lambda xp, x, y: np.broadcast_shapes(x.shape, (2, 3))),
}


def square(xp: Any, x: Any, y: Any) -> Any:
    """Returns a matrix that is well conditioned."""
    rest = xp.reshape(xp.arange(9, dtype=x.dtype), (3, 3)) / 9
    return xp.eye(3, dtype=x.dtype) * 4 + rest


def symmetric(xp: Any, x: Any, y: Any) -> Any:
    """Returns a symmetric matrix that is well conditioned."""
    return square(xp, x, y) + square(xp, x, y).mT


LINALG: dict[str, Call] = {
    "cholesky": lambda xp, x, y: xp.linalg.cholesky(symmetric(xp, x, y)),
    "cross": lambda xp, x, y: xp.linalg.cross(x, y) if x.ndim else x,
    "det": lambda xp, x, y: xp.linalg.det(square(xp, x, y)),
    "diagonal": lambda xp, x, y: xp.linalg.diagonal(square(xp, x, y), offset=1),
    "eig": lambda xp, x, y: xp.sort(xp.real(xp.linalg.eig(square(xp, x, y)).eigenvalues)),
    "eigh": lambda xp, x, y: xp.linalg.eigh(symmetric(xp, x, y)).eigenvalues,
    "eigvals": lambda xp, x, y: xp.sort(xp.real(xp.linalg.eigvals(square(xp, x, y)))),
    "eigvalsh": lambda xp, x, y: xp.linalg.eigvalsh(symmetric(xp, x, y)),
    "inv": lambda xp, x, y: xp.linalg.inv(square(xp, x, y)),
    "matmul": lambda xp, x, y: xp.linalg.matmul(square(xp, x, y), square(xp, x, y)),
    "matrix_norm": lambda xp, x, y: xp.linalg.matrix_norm(square(xp, x, y), ord=1, keepdims=True),
    "matrix_power": lambda xp, x, y: xp.linalg.matrix_power(square(xp, x, y), 3),
    "matrix_rank": lambda xp, x, y: xp.linalg.matrix_rank(square(xp, x, y)),
    "matrix_transpose": lambda xp, x, y: xp.linalg.matrix_transpose(square(xp, x, y)),
    "outer": lambda xp, x, y: xp.linalg.outer(x, y) if x.ndim == 1 else x,
    "pinv": lambda xp, x, y: xp.linalg.pinv(square(xp, x, y)),
    "qr": lambda xp, x, y: xp.abs(xp.linalg.qr(square(xp, x, y), mode="complete").R),
    "slogdet": lambda xp, x, y: tuple(xp.linalg.slogdet(square(xp, x, y))),
    "solve": lambda xp, x, y: xp.linalg.solve(square(xp, x, y), xp.ones(3, dtype=x.dtype)),
    "svd": lambda xp, x, y: xp.linalg.svd(square(xp, x, y), full_matrices=False).S,
    "svdvals": lambda xp, x, y: xp.linalg.svdvals(square(xp, x, y)),
    "tensordot": lambda xp, x, y: xp.linalg.tensordot(square(xp, x, y), square(xp, x, y), axes=1),
    "trace": lambda xp, x, y: xp.linalg.trace(square(xp, x, y)),
    "vecdot": lambda xp, x, y: xp.linalg.vecdot(x, y) if x.ndim else x,
    "vector_norm": lambda xp, x, y: xp.linalg.vector_norm(x, axis=None, ord=1),
}
FFT: dict[str, Call] = {
    **{
        name: lambda xp, x, y, n=name: getattr(xp.fft, n)(xp.astype(square(xp, x, y), xp.complex64))
        for name in ("fft", "ifft", "fftn", "ifftn", "irfft", "irfftn", "hfft")
    },
    **{
        name: lambda xp, x, y, n=name: getattr(xp.fft, n)(square(xp, x, y))
        for name in ("rfft", "rfftn", "ihfft", "fftshift", "ifftshift")
    },
    **{
        name: lambda xp, x, y, n=name: getattr(xp.fft, n)(4, d=0.5)
        for name in ("fftfreq", "rfftfreq")
    },
}

OPERATORS: dict[str, tuple[str, Call]] = {
    "+": ("iufc", lambda xp, x, y: x + y),
    "-": ("ifc", lambda xp, x, y: 2 - x - y),
    "*": ("ifc", lambda xp, x, y: x * 2 * y),
    "/": ("fc", lambda xp, x, y: x / 4),
    "//": ("f", lambda xp, x, y: x // 2.0),
    "%": ("if", lambda xp, x, y: x % 3),
    "**": ("f", lambda xp, x, y: x**2),
    "<": ("iuf", lambda xp, x, y: (x < y) | (x >= 2)),
    "==": ("biufc", lambda xp, x, y: (x == y) ^ (x != y)),
    "&": ("biu", lambda xp, x, y: (x & y) | ~x),
    "<<": ("i", lambda xp, x, y: (x << 2) >> 1),
    "abs": ("ifc", lambda xp, x, y: abs(-x)),
    "in place": ("if", lambda xp, x, y: _in_place(xp, x, y)),
    "items": ("bif", lambda xp, x, y: x[..., None] if not x.ndim else x[::-1, ...][..., :2]),
    "masks": ("bif", lambda xp, x, y: x[x == x] if x.ndim else x),
    "attributes": ("if", lambda xp, x, y: (x.shape, x.ndim, x.size, (x.T if x.ndim == 2 else x))),
}


def _in_place(xp: Any, x: Any, y: Any) -> Any:
    x = xp.asarray(x, copy=True)
    x += y
    x *= 2
    x -= 1
    if x.ndim:
        x[0, ...] = 3
        x[x > 2] = 1
    return x


EVERY: dict[str, tuple[str, Call]] = {
    **CALLS,
    **{f"linalg.{name}": ("f", call) for name, call in LINALG.items()},
    **{f"fft.{name}": ("f", call) for name, call in FFT.items()},
    **OPERATORS,
}

SPECIAL = (-0.0, 0.0, np.inf, -np.inf, np.nan)


def drawn(kind: str, shape: tuple[int, ...], seed: int, special: bool) -> np.ndarray:
    """Returns numbers of a kind; some of the floats are special ones, if that is wanted."""
    random = np.random.default_rng(seed)
    found = random.integers(-3, 4, shape) if kind in "ifc" else random.integers(0, 4, shape)
    if kind in "fc":
        found = found / 2
    if kind == "c":
        found = found + 1j * random.integers(-2, 3, shape)
    if kind == "f" and special:
        found = np.where(random.random(shape) < 0.4, random.choice(SPECIAL, shape), found)
    return np.asarray(found % 2 if kind == "b" else found).astype(KINDS[kind])


NARROW = {"float64": "float32", "int64": "int32", "complex128": "complex64", "uint64": "uint32"}


def agree(found: Any, expected: Any, name: str) -> None:
    """Compares results: shape, dtype (up to x64 off) and content."""
    if isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), name
        for ours, theirs in zip(found, expected, strict=True):
            agree(ours, theirs, name)
        return
    if not hasattr(expected, "dtype"):
        assert found == expected, name
        return
    theirs = np.from_dlpack(expected) if hasattr(expected, "__dlpack__") else np.asarray(expected)
    content = np.asarray(found)
    assert content.shape == theirs.shape, name
    dtype = str(theirs.dtype)
    assert str(found.dtype) == NARROW.get(dtype, dtype), name
    np.testing.assert_allclose(content, theirs, rtol=2e-5, atol=2e-5, err_msg=name)


def check(name: str, kind: str, shape: tuple[int, ...], seed: int, special: bool) -> None:
    """Compares one call."""
    x, y = (drawn(kind, shape, seed + i, special) for i in (0, 1))
    call = EVERY[name][1]
    with np.errstate(all="ignore"):
        expected = call(strict, strict.asarray(x), strict.asarray(y))
        found = call(snp, snp.asarray(x), snp.asarray(y))
    agree(found, expected, f"{name} on {kind}{shape}: {x.tolist()}, {y.tolist()}")


def test_every_function_of_the_standard_is_in_the_table() -> None:
    for module, prefix in ((strict, ""), (strict.linalg, "linalg."), (strict.fft, "fft.")):
        names = module.__all__ if prefix else strict.__all__
        for name in names:
            own = name.startswith("_") or "strict" in name
            if inspect.isfunction(getattr(module, name)) and not own:
                assert prefix + name in EVERY, name


@pytest.mark.parametrize("kind", KINDS)
def test_each_function_does_what_it_does_in_array_api_strict(kind: str) -> None:
    for name, (kinds, _) in EVERY.items():
        if kind in kinds:
            check(name, kind, SHAPES[0], 0, special=False)


@settings(max_examples=settings().max_examples // (6 if settings().derandomize else 1))
@given(st.sampled_from(sorted(EVERY)), st.data())
def test_drawn_calls_do_what_they_do_in_array_api_strict(name: str, data: Any) -> None:
    kind = data.draw(st.sampled_from(EVERY[name][0]))
    shape = data.draw(st.sampled_from(SHAPES))
    check(name, kind, shape, data.draw(st.integers(0, 1000)), data.draw(st.booleans()))


def test_the_namespace_describes_itself() -> None:
    a = snp.ones(3)
    assert a.__array_namespace__() is snp
    assert a.__array_namespace__(api_version="2024.12") is snp
    with pytest.raises(ValueError, match="unrecognized"):
        a.__array_namespace__(api_version="1999.01")
    info = snp.__array_namespace_info__()
    assert info.default_dtypes()["real floating"] == snp.float32
    assert info.default_dtypes()["integral"] == snp.int32
    assert info.capabilities()["boolean indexing"]
    assert info.capabilities()["data-dependent shapes"]
    assert a.device in info.devices()
    assert set(info.dtypes(kind="bool")) == {"bool"}
    assert snp.__array_api_version__ == "2024.12"
    b = a.to_device(a.device)
    assert type(b) is Array
    assert b is not a


def test_arrays_travel_by_dlpack() -> None:
    a = snp.arange(3.0)
    assert np.from_dlpack(a).tolist() == [0, 1, 2]
    b = snp.from_dlpack(np.ones(2, np.float32))
    assert type(b) is Array
    b[0] = 5
    assert b.tolist() == [5, 1]
