"""An epoch of MNIST, 784-128-10, batch 64, float32, by `nn.fit` on `Tensor`s, beside PyTorch eager and JAX `jit`.

All start from the same weights, see the same batches, and keep count of loss and accuracy as `nn.fit` does.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nn
from benchmarks.by_hand import jax_on_the_processor
from nn.data import Dataset

BATCH = 64
LEARNING_RATES = {"SGD": 0.1, "Adam": 0.001}
Epoch = Callable[[], tuple[float, float]]
"""Trains on all examples once; returns the seconds that it took, and the mean loss."""


def network() -> nn.vectorized.MLP:
    return nn.vectorized.MLP(784, [128, 10], seed=0)


def batches(n: int) -> Iterator[NDArray[np.intp]]:
    """Rows in the order in which `nn.fit` takes them."""
    return iter(np.array_split(np.random.default_rng(0).permutation(n), range(BATCH, n, BATCH)))


def glassgrad(data: Dataset, method: str) -> Epoch:
    """By `nn.fit`; the check of the data, with which a training begins, is not timed."""
    model = network()
    optimizer = getattr(nn, method)(model, lr=LEARNING_RATES[method])

    def epoch() -> tuple[float, float]:
        history = nn.fit(
            model, data, loss="cross_entropy", optimizer=optimizer, epochs=1, batch_size=BATCH, progress=False
        )
        return history.seconds, history.loss[-1]

    return epoch


def pytorch(data: Dataset, method: str, threads: int = 1, **options: Any) -> Epoch:
    """The loop of PyTorch's own introduction; ``options`` of the optimiser, such as ``fused=True``."""
    torch: Any = import_module("torch")
    X, y = torch.from_numpy(data.X), torch.from_numpy(data.y)
    model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    with torch.no_grad():
        for theirs, ours in zip(model.parameters(), network().parameters(), strict=True):
            theirs.copy_(torch.from_numpy(ours.data))
    optimizer = getattr(torch.optim, method)(model.parameters(), lr=LEARNING_RATES[method], **options)

    def epoch() -> tuple[float, float]:
        torch.set_num_threads(threads)
        start, total, hits = time.perf_counter(), 0.0, torch.tensor(0)
        for order in batches(len(y)):
            rows = torch.from_numpy(order)
            labels = y[rows]
            scores = model(X[rows])
            loss = torch.nn.functional.cross_entropy(scores, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(order)
            hits += (scores.argmax(dim=1) == labels).sum()
        hits.item()
        return time.perf_counter() - start, total / len(y)

    return epoch


def jax(data: Dataset) -> Epoch:
    """SGD; loss, derivative and update are one `jit` function, and sums stay with JAX to the end of the epoch."""
    jax = jax_on_the_processor()
    jnp = jax.numpy
    X, y = data.X, data.y.astype(np.int32)
    W1, b1, W2, b2 = (jnp.asarray(p.data.T) for p in network().parameters())
    rate = np.float32(LEARNING_RATES["SGD"])

    def loss(parameters: Any, x: Any, labels: Any) -> tuple[Any, Any]:
        W1, b1, W2, b2 = parameters
        scores = jnp.maximum(x @ W1 + b1, 0.0) @ W2 + b2
        chosen = jnp.take_along_axis(jax.nn.log_softmax(scores), labels[:, None], axis=1)
        return -chosen.mean(), (scores.argmax(axis=1) == labels).sum()

    @partial(jax.jit, donate_argnums=0)
    def moved(state: Any, x: Any, labels: Any) -> Any:
        parameters, total, hits = state
        (mean, right), gradients = jax.value_and_grad(loss, has_aux=True)(parameters, x, labels)
        parameters = [p - rate * g for p, g in zip(parameters, gradients, strict=True)]
        return parameters, total + mean * len(labels), hits + right.astype(np.int32)

    parameters = [W1, b1, W2, b2]

    def epoch() -> tuple[float, float]:
        nonlocal parameters
        start = time.perf_counter()
        state = parameters, jnp.zeros((), np.float32), jnp.zeros((), np.int32)
        for rows in batches(len(y)):
            state = moved(state, X[rows], y[rows])
        parameters, total, hits = state
        hits.item()
        return time.perf_counter() - start, total.item() / len(y)

    return epoch


def engines(data: Dataset, method: str) -> dict[str, Epoch]:
    """By name: glassgrad, and those whose packages are installed."""
    found = {"glassgrad": glassgrad(data, method)}
    if find_spec("torch"):
        found |= {f"PyTorch, {n} thread{'s' * (n > 1)}": pytorch(data, method, n) for n in (1, 2)}
        found["PyTorch, 2 threads, fused"] = pytorch(data, method, 2, fused=True)
    if find_spec("jax") and method == "SGD":
        found["JAX jit"] = jax(data)
    return found


def measure(method: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of each epoch, all in turn, after one to warm up."""
    epochs = engines(nn.data.mnist().train, method)
    taken = [[epoch()[0] for epoch in epochs.values()] for _ in range(rounds + 1)][1:]
    return dict(zip(epochs, map(list, zip(*taken, strict=True)), strict=True))
