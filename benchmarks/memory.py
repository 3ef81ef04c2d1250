"""The memory of a graph of scalars: the w*x sums of a layer, written out, in bytes of Python's allocator.

Run as a worker, ``python -m benchmarks.memory ENGINE``, it prints the bytes per node after the forward pass, and with
the gradients. Counted are the nodes that a pass makes, products and sums, and all that was allocated for them: a weight
or an input is there once, and the results are what piles up. Garbage is collected first; the counts hardly vary.

``python -m benchmarks.memory replays`` prints the bytes by which 100,000 replays of a compiled program, each with its
update, have grown.
"""

import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

NEURONS, INPUTS = 100, 100


def bytes_per_node(value: Any) -> tuple[float, float]:
    """Of the graph of Σ w_i x_i for each neuron of a layer: after the forward pass, and after `backward`."""
    x = [value(0.1 * i) for i in range(INPUTS)]
    weights = [[value(0.01 * i) for i in range(INPUTS)] for _ in range(NEURONS)]
    roots: list[Any] = [None] * NEURONS
    nodes = NEURONS * (2 * INPUTS - 1)

    tracemalloc.start()
    for n, ws in enumerate(weights):
        roots[n] = sum((w * x_i for w, x_i in zip(ws[1:], x[1:], strict=True)), ws[0] * x[0])
    forward = held()
    for root in roots:
        (root * 0.5).backward()  # gradients that are floats for either engine, as in a training
    for leaf in [*x, *(w for ws in weights for w in ws)]:
        leaf.grad = 0.0  # theirs are not the graph's
    return forward / nodes, held() / nodes


def held() -> int:
    """Bytes, after all garbage is gone."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def bytes_grown(replays: int = 100_000) -> int:
    """What a compiled neuron on four samples holds after so many steps, less what it held after the first thousand.

    It is 0, or the few bytes by which Python's own counters and free lists come and go.
    """
    from autograd import compile
    from nn import MLP, SGD

    model = MLP(3, [1], seed=0)
    optimizer = SGD(model, lr=1e-3)
    loss_of = compile(lambda x, y: (model(x) - y) ** 2)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(4, 3)), rng.normal(size=4)

    def step() -> None:
        loss = loss_of.batch(X, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    found = np.zeros(2, np.int64)  # where a count is no new object
    tracemalloc.start()
    for i, steps in enumerate((1000, replays)):
        for _ in range(steps):
            step()
        found[i] = held()
    tracemalloc.stop()
    return int(found[1] - found[0])


def micrograd() -> tuple[float, float]:
    from micrograd.engine import Value

    return bytes_per_node(Value)


def glassgrad() -> tuple[float, float]:
    from autograd import Value

    return bytes_per_node(Value)


WORKS: dict[str, Callable[[], Iterable[float]]] = {
    "micrograd": micrograd,
    "glassgrad": glassgrad,
    "replays": lambda: [bytes_grown()],
}

if __name__ == "__main__":
    print(*WORKS[sys.argv[1]]())
