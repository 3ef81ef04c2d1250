"""The spiral: three arms told apart by a network of single `Value`s, every weight a node of the graph."""

from pathlib import Path

import nn
from demos.command import check, run
from nn.plots import decision_boundary, loss_curve


def main(out: Path, quick: bool) -> None:
    data = nn.data.spiral(n=300, classes=3, seed=0)
    model = nn.MLP(2, [16, 16, 3], activation="tanh", seed=0)
    print(model)
    history = nn.fit(
        model,
        data,
        loss="cross_entropy",
        optimizer=nn.Adam(model, lr=0.03),
        epochs=6 if quick else 60,
        batch_size=20,
        schedule=nn.schedules.cosine,
    )
    _, accuracy = nn.evaluate(model, data, "cross_entropy")
    check("spiral, 300 points, scalar Values", accuracy, 0.5 if quick else 0.98)
    boundary = decision_boundary(model.vectorize(), data, title="A spiral, told apart by scalar Values")
    print(f"wrote {boundary.save(out / 'spiral.png')}")
    print(f"wrote {loss_curve(history, title='Spiral').save(out / 'spiral-loss.png')}")


if __name__ == "__main__":
    run(main, __doc__)
