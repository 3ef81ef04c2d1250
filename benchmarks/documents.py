"""A thousand steps of a scalar transformer over documents of different lengths, tracing and lifting included.

``by_length`` traces the program anew for each length that comes up. ``padded`` traces it once, at full length: behind a
document stand marks, whose losses have the weight 0.

Run as a worker, ``python -m benchmarks.documents WAY STEPS``, it prints the seconds that all steps took, and the losses
by which `check_agreement` tells whether two ways are of one program. Nothing but the model is made before the clock
runs.
"""

import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from autograd import compile, take
from benchmarks import by_hand, gpt

COMPARED = {200: 1e-9, 1000: 1e-3}
"""Steps, and how far apart the losses of two ways may be: this training lets a difference of 1e-15 grow to 1e-5."""
Losses = Callable[[str], Any]


def by_length(model: gpt.GPT) -> Losses:
    """The loss of a name, from a program of its length."""
    loss = compile(model.loss)

    def of(name: str) -> Any:
        with warnings.catch_warnings():  # that it is traced again and again is the point here
            warnings.filterwarnings("ignore", "loss is traced for the")
            return loss([float(token) for token in gpt.tokens(name)])

    return of


def padded(model: gpt.GPT) -> Losses:
    """The loss of a name, from the program of the whole context."""
    loss = compile(model.weighted)

    def of(name: str) -> Any:
        tokens, weights = gpt.padded(name, len(model.positions))
        return loss([float(token) for token in tokens], weights)

    return of


WAYS = {f.__name__: f for f in (by_length, padded)}


def train(way: str, steps: int, **options: Any) -> tuple[float, list[float]]:
    """(seconds, losses) of so many steps with Adam, one made-up name each; ``options`` of the model."""
    model = gpt.GPT(take=take, **options)
    optimizer, names = gpt.adam(model), gpt.names(steps)
    begin = time.perf_counter()
    loss_of = WAYS[way](model)
    losses = []
    for name in names:
        loss = loss_of(name)
        optimizer.zero_grad(set_to_none=False)  # or padding would count as a gradient of 0
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    return time.perf_counter() - begin, losses


def check_agreement(losses: Mapping[str, Sequence[float]]) -> None:
    """Refuse ways whose losses at the steps of `COMPARED` are not the same."""
    for i, tolerance in enumerate(COMPARED.values()):
        by_hand.check_agreement({way: partial(float, of[i]) for way, of in losses.items()}, 1, tolerance)


if __name__ == "__main__":
    seconds, losses = train(sys.argv[1], int(sys.argv[2]))
    print(seconds, *[losses[i - 1] for i in COMPARED if i <= len(losses)])
