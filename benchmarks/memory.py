"""The memory of a graph of scalars: the w*x sums of a layer, written out, in bytes of Python's allocator.

Run as a worker, ``python -m benchmarks.memory ENGINE``, it prints the bytes per node after the forward pass, and with
the gradients. Counted are the nodes that a pass makes, products and sums, and all that was allocated for them: a weight
or an input is there once, and the results are what piles up. Garbage is collected first; the counts hardly vary.
"""

import gc
import sys
import tracemalloc
from typing import Any

NEURONS, INPUTS = 100, 100


def bytes_per_node(value: Any) -> tuple[float, float]:
    """Of the graph of Σ w_i x_i for each neuron of a layer: after the forward pass, and after `backward`."""
    x = [value(0.1 * i) for i in range(INPUTS)]
    weights = [[value(0.01 * i) for i in range(INPUTS)] for _ in range(NEURONS)]
    roots: list[Any] = [None] * NEURONS
    nodes = NEURONS * (2 * INPUTS - 1)

    def held() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    for n, ws in enumerate(weights):
        roots[n] = sum((w * x_i for w, x_i in zip(ws[1:], x[1:], strict=True)), ws[0] * x[0])
    forward = held()
    for root in roots:
        (root * 0.5).backward()  # gradients that are floats for either engine, as in a training
    for leaf in [*x, *(w for ws in weights for w in ws)]:
        leaf.grad = 0.0  # theirs are not the graph's
    return forward / nodes, held() / nodes


def micrograd() -> tuple[float, float]:
    from micrograd.engine import Value

    return bytes_per_node(Value)


def glassgrad() -> tuple[float, float]:
    from autograd import Value

    return bytes_per_node(Value)


ENGINES = {f.__name__: f for f in (micrograd, glassgrad)}

if __name__ == "__main__":
    print(*ENGINES[sys.argv[1]]())
