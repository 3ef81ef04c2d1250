"""Full MNIST on the vectorized path: 60,000 digits to learn from, 10,000 to be tested on, 98 % right."""

from pathlib import Path

import numpy as np

import nn
from demos.command import check, run
from nn.plots import digit_sheet, loss_curve


def train(seed: int, epochs: int = 8) -> tuple[nn.Module, nn.History, float]:
    """The network, its history and its test accuracy."""
    digits = nn.data.mnist()
    model = nn.vectorized.MLP(784, [256, 128, 10], seed=seed)
    history = nn.fit(
        model,
        digits.train,
        loss="cross_entropy",
        optimizer=nn.Adam(model, lr=0.002),
        epochs=epochs,
        batch_size=128,
        schedule=nn.schedules.cosine,
        seed=seed,
    )
    _, accuracy = nn.evaluate(model, digits.test, "cross_entropy")
    return model, history, accuracy


def main(out: Path, quick: bool) -> None:
    model, history, accuracy = train(seed=0, epochs=1 if quick else 8)
    print(model)
    print(f"{history.seconds:.1f} s of training")
    check("MNIST, 10,000 test digits", accuracy, 0.94 if quick else 0.98)

    X, y = nn.data.mnist().test
    scores = nn.predict(model, X)
    wrong = np.flatnonzero(scores.argmax(axis=1) != y)
    shown = np.concatenate([np.arange(30), wrong[:10]])
    sheet = digit_sheet(X[shown], y[shown], scores[shown], title="The first 30 test digits, and the first 10 mistakes")
    print(f"wrote {sheet.save(out / 'mnist.png')}")
    print(f"wrote {loss_curve(history, title='MNIST').save(out / 'mnist-loss.png')}")


if __name__ == "__main__":
    run(main, __doc__)
