"""The examples, and the code of the README, run as they stand."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
from scipy.integrate import solve_ivp

import statejit as sj

ROOT = Path(__file__).parent.parent


def example(name: str) -> Any:
    """Imports an example by its file."""
    return module(ROOT / "examples" / f"{name}.py")


def module(path: Path) -> Any:
    """Imports a module by its file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_digits_are_read_with_97_percent_accuracy(tmp_path: Path, capsys: Any) -> None:
    plot = tmp_path / "plot.png"
    accuracy = example("digits").main(["--epochs", "20", "--output", str(plot)])
    assert accuracy >= 0.97
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert f"held-out accuracy: {accuracy:.2%}" in capsys.readouterr().out


def test_digits_model_keeps_its_state() -> None:
    digits = example("digits")
    net = digits.MLP((4, 3, 2))
    key = sj.random.DEFAULT.key
    run = sj.jit(net)
    x = jnp.ones((5, 4))
    for _ in range(3):
        run(x)
    assert net.batches == 3 and type(net.batches) is int
    assert not np.allclose(net.norms[0].mean, 0)
    assert sj.random.DEFAULT.key is not key
    net.training = False
    np.testing.assert_array_equal(run(x), run(x))
    assert net.batches == 3


def test_logistic_regression_on_real_data(capsys: Any) -> None:
    assert example("logistic_regression").main(["--iterations", "200"]) >= 0.95
    out = capsys.readouterr().out
    assert "eager" in out and "jitted" in out


def test_logistic_regression_on_drawn_points() -> None:
    assert example("logistic_regression").main(["--points", "2000", "--iterations", "20"]) > 0.99


def test_the_network_keeps_itself_active(tmp_path: Path) -> None:
    plot = tmp_path / "plot.png"
    rates = example("coba").main(["--seconds", "0.3", "--output", str(plot)])
    assert all(10.0 < rate < 30.0 for rate in rates)
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_the_network_has_the_spikes_of_the_hand_written_loop(capsys: Any) -> None:
    arguments = ["--compare", "--seconds", "0.02", "--neurons", "400", "--rounds", "1"]
    assert example("coba").main(arguments) > 0  # raises if a spike differs
    assert "all spikes are the same" in capsys.readouterr().out


def squid_axon(_: float, y: Any, current: float) -> list[float]:
    """The equations of Hodgkin and Huxley (1952), rest at -65 mV."""
    v, m, h, n = y
    am, bm = 0.1 * (v + 40) / -np.expm1(-(v + 40) / 10), 4 * np.exp(-(v + 65) / 18)
    ah, bh = 0.07 * np.exp(-(v + 65) / 20), 1 / (1 + np.exp(-(v + 35) / 10))
    an, bn = 0.01 * (v + 55) / -np.expm1(-(v + 55) / 10), 0.125 * np.exp(-(v + 65) / 80)
    ions = 120 * m**3 * h * (v - 50) + 36 * n**4 * (v + 77) + 0.3 * (v + 54.387)
    dv = current - ions
    return [dv, am * (1 - m) - bm * m, ah * (1 - h) - bh * h, an * (1 - n) - bn * n]


def test_the_squid_axon_fires_and_is_fitted(tmp_path: Path) -> None:
    plot = tmp_path / "plot.png"
    axon = example("hodgkin_huxley")
    arguments = ["--currents", "3", "--seconds", "0.2", "--iterations", "100"]
    rates, conductances = axon.main([*arguments, "--output", str(plot)])
    assert plot.read_bytes().startswith(b"\x89PNG")
    start = [-65.0, 0.0529, 0.5961, 0.3177]
    for current, rate in zip((0.0, 16.0, 32.0), rates, strict=True):
        times = np.arange(200.0, 400.0, 0.1)
        late = solve_ivp(squid_axon, (0, 400), start, "LSODA", times, args=(current,)).y[0]
        expected = ((late[:-1] < 0) & (late[1:] >= 0)).sum() / 0.2
        assert abs(rate - expected) <= 5.0  # one spike
    np.testing.assert_allclose(conductances, axon.SQUID, rtol=0.02)


def test_the_squid_axon_does_what_the_hand_written_one_does(capsys: Any) -> None:
    arguments = ["--compare", "--currents", "3", "--seconds", "0.02", "--rounds", "1"]
    ratios = example("hodgkin_huxley").main(arguments)  # raises if a rate or an error differs
    assert len(ratios) == 2 and "the results are the same" in capsys.readouterr().out


def code_of(page: str) -> Iterator[dict[str, Any]]:
    """Runs the blocks of code of a page, each on its own, and yields what each has left."""
    for block in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL):
        names: dict[str, Any] = {"__name__": page}
        exec(compile(block, str(ROOT / page), "exec"), names)
        yield names


def test_the_code_of_the_readme() -> None:
    (names,) = code_of("README.md")
    sj.random.seed(0)
    x, y = sj.random.normal(size=(32, 64)), sj.random.randint(0, 10, 32)
    losses = [float(names["train_step"](x, y)) for _ in range(5)]
    assert losses == sorted(losses, reverse=True)
    assert names["net"].calls == 5
    loss = optax.softmax_cross_entropy_with_integer_labels(names["net"](x), y).mean()
    assert float(loss) < losses[-1]


def test_the_code_of_the_page_on_random_numbers() -> None:
    (names,) = code_of("docs/random.md")
    assert not np.array_equal(names["noise"](), names["noise"]())


def test_the_ports_run_and_learn() -> None:
    network, nnx, objax = code_of("docs/porting.md")
    rates = network["spikes"].mean(0)
    assert rates.shape == (32,) and 0.0 < rates.mean() < 0.1
    assert nnx["losses"] == sorted(nnx["losses"], reverse=True)
    assert type(objax["model"].rnn.h) is sj.Array and np.isfinite(objax["values"]).all()


def test_the_table_of_absent_names_is_current() -> None:
    porting = module(ROOT / "docs" / "porting.py")
    page = (ROOT / "docs" / "porting.md").read_text()
    assert porting.with_table(page) == page, "run python docs/porting.py"
