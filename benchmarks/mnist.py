"""An epoch of MNIST, 784-128-10, batch 64, SGD, float32: glassgrad beside the same network by hand in NumPy.

Both start from weights of one size, see the same batches, and keep count of loss and accuracy.
"""

import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

import nn
from nn.data import Dataset
from nn.init import he_normal, xavier_normal

BATCH, LEARNING_RATE = 64, 0.1


def by_hand(data: Dataset) -> Callable[[], float]:
    """One epoch as one writes it without a library, one BLAS thread; returns its seconds."""
    X, y = data.X, data.y
    W1, W2 = he_normal(784, 128, 0).T.astype(np.float32), xavier_normal(128, 10, 0).T.astype(np.float32)
    W1, W2 = np.ascontiguousarray(W1), np.ascontiguousarray(W2)
    b1, b2 = np.zeros(128, np.float32), np.zeros(10, np.float32)
    rng = np.random.default_rng(0)
    history: list[tuple[float, float]] = []

    def epoch() -> float:
        start, total, hits = time.perf_counter(), 0.0, 0
        order = rng.permutation(len(y))
        for i in range(0, len(y), BATCH):
            rows = order[i : i + BATCH]
            x, labels, each = X[rows], y[rows], np.arange(len(rows))
            z = x @ W1 + b1
            a = np.maximum(z, 0)
            s = a @ W2 + b2
            hits += int((s.argmax(axis=1) == labels).sum())
            s -= s.max(axis=1, keepdims=True)
            p = np.exp(s)
            p /= p.sum(axis=1, keepdims=True)
            total -= float(np.log(p[each, labels]).sum())
            p[each, labels] -= 1
            p /= len(rows)
            da = p @ W2.T
            da *= z > 0
            for parameter, gradient in ((W1, x.T @ da), (b1, da.sum(axis=0)), (W2, a.T @ p), (b2, p.sum(axis=0))):
                parameter -= np.float32(LEARNING_RATE) * gradient
        history.append((total / len(y), hits / len(y)))
        return time.perf_counter() - start

    def one_thread() -> float:
        with threadpool_limits(limits=1, user_api="blas"):
            return epoch()

    return one_thread


def glassgrad(data: Dataset) -> Callable[[], float]:
    """One epoch by `nn.fit`; returns its seconds, without the check of the data that a training begins with."""
    model = nn.vectorized.MLP(784, [128, 10], seed=0)
    optimizer = nn.SGD(model, lr=LEARNING_RATE)

    def epoch() -> float:
        return nn.fit(
            model, data, loss="cross_entropy", optimizer=optimizer, epochs=1, batch_size=BATCH, progress=False
        ).seconds

    return epoch


def measure(rounds: int) -> dict[str, list[float]]:
    """Seconds of each epoch, the two in turn."""
    data = nn.data.mnist().train
    engines = {"NumPy by hand": by_hand(data), "glassgrad": glassgrad(data)}
    taken = [[epoch() for epoch in engines.values()] for _ in range(rounds)]
    return {name: list(seconds) for name, seconds in zip(engines, zip(*taken, strict=True), strict=True)}
