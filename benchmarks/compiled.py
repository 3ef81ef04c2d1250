"""Compiled programs beside their peers: micrograd's demo and MNIST beside NumPy by hand, a transformer beside itself.

``python -m benchmarks.compiled`` prints medians and ranges in microseconds; all steps include the update, peers take
turns, on one BLAS thread.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import nn
from autograd import Value, compile, take
from autograd.written import spell_output
from benchmarks import by_hand, gpt
from benchmarks.moons import WrittenOut

BATCH, LEARNING_RATE = 64, 1e-4
"""Of MNIST; so low that one batch, again and again, is never learnt by heart: gradients near 1e-38 are slow."""


def demo(n: int = 100) -> tuple[Callable[[], Any], WrittenOut]:
    """The loss that `by_hand` descends, from scalar code: samples, products and sums one by one; and its model."""
    X, sides = (array.tolist() for array in by_hand.points(n))
    model = WrittenOut(Value, [matrix.tolist() for matrix in by_hand.start()])

    def loss() -> Any:
        scores = [model([Value(x) for x in row]) for row in X]
        losses = [(1 + -side * score).relu() for side, score in zip(sides, scores, strict=True)]
        return sum(losses) * (1.0 / len(losses)) + by_hand.L2 * sum(p * p for p in model.parameters())

    return loss, model


def moons(n: int = 100) -> tuple[by_hand.Step, Any]:
    """`by_hand`'s step from `demo`, whose samples the compiler finds."""
    function, model = demo(n)
    loss = compile(function)
    return stepping(loss, nn.SGD(model.parameters(), lr=by_hand.LEARNING_RATE)), loss


def moons_of_one_sample(n: int = 100) -> tuple[by_hand.Step, Any]:
    """The same from one sample, by `batch`."""
    X, sides = by_hand.points(n)
    model = WrittenOut(Value, [matrix.tolist() for matrix in by_hand.start()])

    def of_one(x: Any, side: Any) -> Any:
        return (1 + -side * model(x)).relu() + by_hand.L2 * sum(p * p for p in model.parameters())

    loss = compile(of_one)
    return stepping(loss, nn.SGD(model.parameters(), lr=by_hand.LEARNING_RATE), X, sides), loss


def transformer(name: str = "kuwozi") -> tuple[by_hand.Step, Any]:
    """One document through `gpt`, with Adam."""
    model = gpt.GPT(take=take)
    loss = compile(model.loss)
    optimizer, document = gpt.adam(model), [float(token) for token in gpt.tokens(name)]

    def step() -> float:
        optimizer.zero_grad(set_to_none=False)  # as the eager one: an embedding is one array
        total = loss(document)
        total.backward()
        optimizer.step()
        return float(total)

    return step, loss


def mnist() -> tuple[by_hand.Step, Any]:
    """784-128-10 from one sample, a batch of 64, float32."""
    model = nn.MLP(784, [128, 10], seed=0)

    def of_one(x: Any, label: Any) -> Any:
        return nn.cross_entropy([model(x)], [label])

    loss = compile(of_one, dtype=np.float32)
    return stepping(loss, nn.SGD(model, lr=LEARNING_RATE), *_digits()), loss


def mnist_by_hand() -> by_hand.Step:
    """The same in NumPy, no array made anew."""
    X, labels = _digits()
    model = nn.MLP(784, [128, 10], seed=0).vectorize()
    W1, b1, W2, b2 = (p.data.astype(np.float32) for p in model.parameters())
    z, d1, s = (np.empty((BATCH, n), np.float32) for n in (128, 128, 10))
    each = np.arange(BATCH)
    dW1, dW2, db1, db2 = np.empty_like(W1), np.empty_like(W2), np.empty_like(b1), np.empty_like(b2)

    def step() -> float:
        np.matmul(X, W1.T, out=z)
        np.add(z, b1, out=z)
        np.maximum(z, 0.0, out=z)
        np.matmul(z, W2.T, out=s)
        np.add(s, b2, out=s)
        np.subtract(s, s.max(axis=1, keepdims=True), out=s)
        chosen = s[each, labels]
        np.exp(s, out=s)
        total = s.sum(axis=1, keepdims=True)
        loss = float((np.log(total)[:, 0] - chosen).mean())
        np.divide(s, total, out=s)
        s[each, labels] -= 1.0
        np.multiply(s, 1.0 / BATCH, out=s)
        np.matmul(s.T, z, out=dW2)
        np.add.reduce(s, axis=0, out=db2)
        np.matmul(s, W2, out=d1)
        np.multiply(d1, z > 0.0, out=d1)
        np.matmul(d1.T, X, out=dW1)
        np.add.reduce(d1, axis=0, out=db1)
        for p, g in ((W1, dW1), (b1, db1), (W2, dW2), (b2, db2)):
            np.multiply(g, LEARNING_RATE, out=g)
            np.subtract(p, g, out=p)
        return loss

    return step


def _digits() -> tuple[Any, Any]:
    data = nn.data.mnist().train
    return data.X[:BATCH].astype(np.float32), data.y[:BATCH]


POINT, TARGET, TINY_RATE = [0.0, 1.0], 1.0, 0.5


def tiny() -> by_hand.Step:
    """2-4-1 on a single point: what a call itself takes."""
    model = nn.MLP(2, [4, 1], activation="tanh", output="sigmoid", seed=0)
    optimizer = nn.SGD(model, lr=TINY_RATE)
    loss = compile(lambda x, y: (model(x) - y) ** 2)

    def step() -> float:
        total = loss(POINT, TARGET)
        model.zero_grad()
        total.backward()
        optimizer.step()
        return float(total)

    return step


def tiny_by_hand() -> by_hand.Step:
    """The same in NumPy."""
    model = nn.MLP(2, [4, 1], activation="tanh", output="sigmoid", seed=0).vectorize()
    W1, b1, w2, b2 = (p.data.copy() for p in model.parameters())
    x = np.array(POINT)

    def step() -> float:
        h = np.tanh(W1 @ x + b1)
        p = 1.0 / (1.0 + np.exp(-(w2 @ h + b2)))
        d2 = 2.0 * (p - TARGET) * p * (1.0 - p)
        d1 = (d2 @ w2) * (1.0 - h * h)
        for parameter, gradient in ((W1, np.outer(d1, x)), (b1, d1), (w2, np.outer(d2, h)), (b2, d2)):
            parameter -= TINY_RATE * gradient
        return float(((p - TARGET) ** 2)[0])

    return step


def stepping(loss: Any, optimizer: nn.Optimizer, *rows: Any) -> by_hand.Step:
    """Forward, backward and update; ``loss`` is a function, compiled if there are ``rows`` of a batch."""

    def step() -> float:
        optimizer.zero_grad()
        total = loss.batch(*rows) if rows else loss()
        total.backward()
        optimizer.step()
        return float(total)

    return step


def first_call(make: Callable[[], tuple[by_hand.Step, Any]]) -> float:
    """Seconds of the first step: tracing twice, lifting, and one replay."""
    step, _ = make()
    begin = time.perf_counter()
    step()
    return time.perf_counter() - begin


def table(rounds: int = 40) -> dict[str, dict[str, list[float]]]:
    """Seconds of steps by workload and engine."""
    peers = {name: make() for name, (_, make) in by_hand.ENGINES.items() if name.startswith("NumPy")}
    demos = {"compiled": moons()[0], "compiled, one sample": moons_of_one_sample()[0]}
    by_hand.check_agreement({**peers, **demos})
    digits = {"compiled": mnist()[0], "NumPy by hand": mnist_by_hand()}
    by_hand.check_agreement(digits, tolerance=1e-4)
    model = gpt.GPT()
    eager, document = gpt.adam(model), gpt.tokens("kuwozi")
    small = {"compiled": tiny(), "NumPy by hand": tiny_by_hand()}
    by_hand.check_agreement(small)
    spelling = {"compiled": transformer()[0], "eager": lambda: gpt.eager_step(model, eager, document)}
    by_hand.check_agreement(spelling, rounds=2)
    return {
        "moons, 100 samples": by_hand.in_turn({**demos, **peers}, rounds, repeats=20),
        "MNIST 784-128-10, batch 64, float32": by_hand.in_turn(digits, rounds, repeats=5),
        "transformer, 7 tokens": {
            name: by_hand.in_turn({name: step}, *often)[name]  # in turn the eager one would leave the caches cold
            for (name, step), often in zip(spelling.items(), ((rounds, 20), (3,)), strict=True)
        },
        "2-4-1, one point": by_hand.in_turn(small, rounds, repeats=100),
    }


if __name__ == "__main__":
    spell_output()
    first = [first_call(moons) for _ in range(5)]
    print(f"moons, first call: {statistics.median(first):.2f} s ({min(first):.2f} to {max(first):.2f})")
    engines = {"compiled": moons()[0], **by_hand.engines()}
    everyone = {"moons, 100 samples, beside all that are installed": by_hand.in_turn(engines, 40, repeats=20)}
    for workload, seconds in {**table(), **everyone}.items():
        print(workload)
        for name, taken in seconds.items():
            ratio = statistics.median(seconds["compiled"]) / statistics.median(taken)
            middle, low, high = (1e6 * f(taken) for f in (statistics.median, min, max))
            print(f"  {name:24} {middle:9.1f} µs ({low:.1f} to {high:.1f}); compiled takes {ratio:.4f} times its time")
