"""How long a picture takes, and how large a player's page is."""

import time
from typing import Any

import nn
from autograd import Value
from autograd.viz import draw, step
from nn.data import moons


def lecture() -> Value:
    """The expression of the first lesson, seven numbers."""
    a, b, c, f = Value(2.0), Value(-3.0), Value(10.0), Value(-2.0)
    return (a * b + c) * f


def network() -> Any:
    """One example through a 2-8-3 network of written-out products and sums."""
    model = nn.MLP(2, [8, 3], seed=0, expand=True)
    return sum(model([Value(0.5), Value(-1.0)]), Value(0.0))


def batch() -> Any:
    """micrograd's demo: 100 examples through a 2-16-16-1 network, written out, with its loss; 65,000 numbers."""
    X, labels = moons(100, noise=0.1, seed=1337)
    model = nn.MLP(2, [16, 16, 1], seed=0, expand=True)
    losses = [(1.0 - y * model(x)).relu() for x, y in zip(X.tolist(), (2.0 * labels - 1.0).tolist(), strict=True)]
    loss = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in model.parameters())
    loss.backward()
    return loss


def display_seconds(rounds: int) -> list[float]:
    """What a notebook waits for a small graph, after the first."""
    draw(lecture()).svg()
    return [_seconds(lambda: lecture()._repr_mimebundle_()) for _ in range(rounds)]


def summary_seconds(rounds: int) -> list[float]:
    """A picture by layers of a graph that nobody could read number by number."""
    loss = batch()
    return [_seconds(lambda: draw(loss).svg()) for _ in range(rounds)]


def page_bytes() -> tuple[int, int]:
    """How many numbers `network` has, and how large the page of its player is."""
    player = step(network())
    return len(player.trace.nodes), len(player.page().encode())


def _seconds(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
