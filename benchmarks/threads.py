"""Where a second BLAS thread begins to pay: training steps of growing size, on one thread and on two."""

import time

import numpy as np
from threadpoolctl import threadpool_limits

import nn

SIZES: tuple[tuple[list[int], int], ...] = (([128, 10], 64), ([256, 128, 10], 128), ([512, 512, 10], 256))
STEPS = 8


def multiplications(nouts: list[int], batch: int) -> float:
    """Of one training step: a product forward and two backward for each weight and example."""
    return 3.0 * batch * sum(int(p.size) for p in nn.vectorized.MLP(784, nouts).parameters())


def measure(nouts: list[int], batch: int, rounds: int) -> dict[int, list[float]]:
    """Seconds for `STEPS` training steps by number of threads, the two in turn."""
    rng = np.random.default_rng(0)
    X, y = rng.random((batch, 784), dtype=np.float32), rng.integers(0, 10, batch)
    model = nn.vectorized.MLP(784, nouts, seed=0)
    optimizer = nn.SGD(model, lr=0.01)
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for threads, taken in seconds.items():
            with threadpool_limits(limits=threads, user_api="blas"):
                start = time.perf_counter()
                for _ in range(STEPS):
                    optimizer.zero_grad()
                    nn.cross_entropy(model(X), y).backward()
                    optimizer.step()
                taken.append(time.perf_counter() - start)
    return seconds
