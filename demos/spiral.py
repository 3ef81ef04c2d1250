"""The spiral: three arms told apart by a network of single `Value`s, every weight a node of the graph."""

from pathlib import Path
from typing import Any

import nn
from autograd.viz import draw
from demos.command import check, run
from nn.plots import decision_boundary, loss_curve


def train(epochs: int = 60) -> tuple[nn.MLP, nn.History, float]:
    """The network, its history and its accuracy on the 300 points."""
    data = nn.data.spiral(n=300, classes=3, seed=0)
    model = nn.MLP(2, [16, 16, 3], activation="tanh", seed=0)
    history = nn.fit(
        model,
        data,
        loss="cross_entropy",
        optimizer=nn.Adam(model, lr=0.03),
        epochs=epochs,
        batch_size=20,
        schedule=nn.schedules.cosine,
    )
    _, accuracy = nn.evaluate(model, data, "cross_entropy")
    return model, history, accuracy


def loss_of_all(model: nn.MLP) -> Any:
    """The mean loss over the 300 points as one graph, with its gradients."""
    data = nn.data.spiral(n=300, classes=3, seed=0)
    scores = [model(x) for x in data.X.tolist()]
    loss = nn.cross_entropy(scores, data.y)
    loss.backward()
    return loss


def main(out: Path, quick: bool) -> None:
    model, history, accuracy = train(epochs=6 if quick else 60)
    print(model)
    print(f"{history.seconds:.1f} s of training")
    check("spiral, 300 points, scalar Values", accuracy, 0.5 if quick else 0.98)
    title = "A spiral, told apart by scalar Values"
    boundary = decision_boundary(model.vectorize(), nn.data.spiral(), title=title)
    print(f"wrote {boundary.save(out / 'spiral.png')}")
    print(f"wrote {loss_curve(history, title='Spiral').save(out / 'spiral-loss.png')}")
    layers = draw(loss_of_all(model), group="layer", rankdir="LR")
    print(f"wrote {layers.save(out / 'spiral-layers.svg')}, the graph of that loss")


if __name__ == "__main__":
    run(main, __doc__)
