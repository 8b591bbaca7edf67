"""A multilayer perceptron with batch normalisation and dropout learns to read handwritten digits.

Nobody declares what is a parameter, what is state and where random numbers come from: the layers
are plain classes. The weights are found to be parameters because the loss reads them and does not
write them; the running means and the random key are state because it writes them.

    python examples/digits.py [--epochs 40] [--output examples/output/digits.png]

The data are scikit-learn's bundled 1,797 digits of 8 x 8 pixels [1]; every fifth is held out.

[1] E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits. UCI Machine Learning
    Repository, 1998, https://doi.org/10.24432/C50P49.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import matplotlib as mpl
import numpy as np
import optax
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import trange

import statejit as sj
import statejit.numpy as snp

mpl.use("agg")
import matplotlib.pyplot as plt

BATCH = 64


@sj.model
class Linear:
    """Multiplies by a matrix and adds a vector.

    Args:
        inputs: the number of input features.
        outputs: the number of output features.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        self.w = sj.random.normal(0.0, (2.0 / inputs) ** 0.5, (inputs, outputs))
        self.b = snp.zeros(outputs)

    def __call__(self, x: sj.Array) -> sj.Array:
        """Maps a batch, (n, inputs), to (n, outputs)."""
        return x @ self.w + self.b


@sj.model
class BatchNorm:
    """Normalises each feature over the batch; keeps running means for when it is not training.

    Args:
        features: the number of features.
        momentum: how much of the running means is kept at each batch.
    """

    def __init__(self, features: int, momentum: float = 0.9) -> None:
        self.scale, self.shift = snp.ones(features), snp.zeros(features)
        self.mean, self.var = snp.zeros(features), snp.ones(features)
        self.momentum = momentum

    def __call__(self, x: sj.Array, training: bool) -> sj.Array:
        """Maps a batch, (n, features), to the same shape."""
        mean, var = self.mean, self.var
        if training:
            mean, var = x.mean(axis=0), x.var(axis=0)
            self.mean = self.momentum * self.mean + (1 - self.momentum) * mean
            self.var = self.momentum * self.var + (1 - self.momentum) * var
        return self.scale * (x - mean) / snp.sqrt(var + 1e-5) + self.shift


@sj.model
class Dropout:
    """Sets a share of the features to zero while training.

    Args:
        rate: the share.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, x: sj.Array, training: bool) -> sj.Array:
        """Maps a batch, (n, features), to the same shape."""
        if not training:
            return x
        kept = sj.random.random(x.shape) >= self.rate
        return snp.where(kept, x / (1 - self.rate), 0.0)


@sj.model
class MLP:
    """Classifies images.

    Args:
        sizes: the number of features of the input, of each hidden layer, and of the output.
        dropout: the share of hidden features that is dropped.
    """

    def __init__(self, sizes: tuple[int, ...], dropout: float = 0.3) -> None:
        self.layers = [Linear(n, m) for n, m in itertools.pairwise(sizes)]
        self.norms = [BatchNorm(n) for n in sizes[1:-1]]
        self.dropout = Dropout(dropout)
        self.training = True
        self.batches = 0

    def __call__(self, x: sj.Array) -> sj.Array:
        """Maps images, (n, pixels), to logits, (n, classes)."""
        self.batches += self.training
        for layer, norm in zip(self.layers, self.norms, strict=False):
            x = snp.maximum(norm(layer(x), self.training), 0.0)
            x = self.dropout(x, self.training)
        return self.layers[-1](x)


def load() -> tuple[np.ndarray, ...]:
    """Returns images and labels: to train on, and held out."""
    digits = load_digits()
    images = (digits.data / 16.0).astype(np.float32)
    return train_test_split(
        images, digits.target, test_size=0.2, stratify=digits.target, random_state=0
    )


def train(model: MLP, epochs: int) -> tuple[list[float], list[float]]:
    """Trains a model; returns the mean loss and the held-out accuracy after each epoch."""
    x_train, x_test, y_train, y_test = load()
    steps = epochs * (len(x_train) // BATCH)
    optimizer = sj.Optimizer(optax.adamw(optax.cosine_decay_schedule(3e-3, steps), 1e-4))

    def loss(x: sj.Array, y: sj.Array) -> sj.Array:
        logits = model(x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    @sj.jit
    def train_step(x: sj.Array, y: sj.Array) -> sj.Array:
        value, grads = sj.value_and_grad(loss, grad_vars=model)(x, y)
        optimizer.update(model, grads)
        return value

    losses, accuracies = [], []
    rng = np.random.default_rng(0)
    progress = trange(epochs, desc="epochs", unit="epoch")
    for _ in progress:
        model.training = True
        batches = rng.permutation(len(x_train))[: steps // epochs * BATCH].reshape(-1, BATCH)
        losses.append(float(np.mean([train_step(x_train[i], y_train[i]) for i in batches])))
        accuracies.append(float((predict(model, x_test) == y_test).mean()))
        progress.set_postfix(loss=f"{losses[-1]:.4f}", accuracy=f"{accuracies[-1]:.2%}")
    print(f"compilations of the training step: {len(train_step.plans)}")
    return losses, accuracies


@sj.jit
def logits_of(model: MLP, x: sj.Array) -> sj.Array:
    """Returns the logits, (n, classes)."""
    return model(x)


def predict(model: MLP, x: np.ndarray) -> np.ndarray:
    """Returns the classes, (n,), of images, (n, pixels)."""
    model.training = False
    return np.asarray(logits_of(model, x)).argmax(axis=-1)


def plot(model: MLP, losses: list[float], accuracies: list[float], path: Path) -> None:
    """Draws the learning curve, and the held-out digits that are misread."""
    _, x_test, _, y_test = load()
    guesses = predict(model, x_test)
    wrong = np.flatnonzero(guesses != y_test)[:8]
    figure = plt.figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(3, 2))
    axes = left.subplots()
    epochs = np.arange(1, len(losses) + 1)
    axes.semilogy(epochs, losses, color="tab:blue")
    axes.set(xlabel="epoch", title=f"held-out accuracy {accuracies[-1]:.2%}")
    axes.set_ylabel("training loss (cross-entropy, nats)", color="tab:blue")
    twin = axes.twinx()
    twin.plot(epochs, 100 * np.array(accuracies), color="tab:orange")
    twin.set_ylabel("held-out accuracy (%)", color="tab:orange")
    right.suptitle(f"misread: {(guesses != y_test).sum()} of {len(y_test)}")
    for image, cell in zip(wrong, right.subplots(2, 4).flat, strict=False):
        cell.imshow(x_test[image].reshape(8, 8), cmap="gray_r")
        cell.set_title(f"{y_test[image]} read as {guesses[image]}", fontsize=9)
    for cell in right.axes:
        cell.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> float:
    """Trains, prints, draws, and returns the held-out accuracy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40, help="passes over the data")
    parser.add_argument("--seed", type=int, default=0, help="of weights and dropout")
    default = Path(__file__).parent / "output" / "digits.png"
    parser.add_argument("--output", type=Path, default=default, help="where the plot goes")
    options = parser.parse_args(arguments)

    sj.random.seed(options.seed)
    model = MLP((64, 128, 64, 10))
    losses, accuracies = train(model, options.epochs)
    plot(model, losses, accuracies, options.output)
    print(f"batches seen by the model: {model.batches}")
    print(f"held-out accuracy: {accuracies[-1]:.2%}")
    print(f"plot: {options.output}")
    return accuracies[-1]


if __name__ == "__main__":
    main()
