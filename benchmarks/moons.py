"""micrograd's demo, one training step: MLP(2, [16, 16, 1]) on 100 points of two moons, hinge loss and L2 penalty.

Run as a worker, ``python -m benchmarks.moons ENGINE STEPS``, it prints the seconds of each step. Every engine gets a
process of its own, so that none pays for another's garbage; the cyclic collector runs as Python has it by default.
Further arguments are modules to import first, as a notebook has done: the collector looks through all that they hold.
"""

import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from nn.data import moons


def training_step(value: Any, model: Any) -> Callable[[], None]:
    """One step as micrograd's demo notebook has it, whatever engine ``value`` and ``model`` come from."""
    X, labels = moons(100, noise=0.1, seed=1337)
    y = 2 * labels - 1

    def step() -> None:
        inputs = [[value(x) for x in row] for row in X]
        scores = [model(row) for row in inputs]
        losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        total = data_loss + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad

    return step


class WrittenOut:
    """An MLP as a user writes it, one product and one sum at a time, with no fused operation."""

    def __init__(self, value: Any, start: list[list[list[float]]]) -> None:
        self.layers = [[[value(w) for w in neuron] for neuron in layer] for layer in start]

    def __call__(self, x: Any) -> Any:
        for i, layer in enumerate(self.layers):
            sums = [sum((w * x_i for w, x_i in zip(ws, x, strict=True)), b) for *ws, b in layer]
            x = [s.relu() for s in sums] if i < len(self.layers) - 1 else sums
        return x[0]

    def parameters(self) -> list[Any]:
        return [w for layer in self.layers for neuron in layer for w in neuron]

    def zero_grad(self) -> None:
        for p in self.parameters():
            p.grad = 0


def micrograd() -> Callable[[], None]:
    from micrograd.engine import Value
    from micrograd.nn import MLP

    return training_step(Value, MLP(2, [16, 16, 1]))


def glassgrad() -> Callable[[], None]:
    import nn
    from autograd import Value

    return training_step(Value, nn.MLP(2, [16, 16, 1], seed=0))


def _start() -> list[list[list[float]]]:
    from nn.init import he_normal

    return [[[*row, 0.0] for row in he_normal(n, m, seed=0).tolist()] for n, m in ((2, 16), (16, 16), (16, 1))]


def micrograd_written_out() -> Callable[[], None]:
    from micrograd.engine import Value

    return training_step(Value, WrittenOut(Value, _start()))


def glassgrad_written_out() -> Callable[[], None]:
    from autograd import Value

    return training_step(Value, WrittenOut(Value, _start()))


ENGINES = {f.__name__: f for f in (micrograd, glassgrad, micrograd_written_out, glassgrad_written_out)}

if __name__ == "__main__":
    for name in sys.argv[3:]:
        import_module(name)
    step = ENGINES[sys.argv[1]]()
    step()  # warm up
    for _ in range(int(sys.argv[2])):
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start)
