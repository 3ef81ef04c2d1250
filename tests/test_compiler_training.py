"""Whole trainings, compiled and eager side by side: every loss on the way, and the numbers at the end."""

import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, compile, take
from benchmarks import gpt
from benchmarks.moons import WrittenOut
from nn.init import he_normal

STEPS = 200
Run = tuple[Any, Iterator[Any], Callable[[Any], Any]]
"""A model, what each step gets, and the loss of that, eager or in one of the compiled ways."""


def spiral(way: str) -> Run:
    """The demo's network on batches of 10."""
    data = nn.data.spiral(n=30, classes=3, seed=0)
    model = nn.MLP(2, [16, 16, 3], activation="tanh", seed=0)
    batches = cycle([(data.X[i::3], data.y[i::3]) for i in range(3)])
    if way == "eager":
        return model, batches, lambda batch: nn.cross_entropy([model(x) for x in batch[0].tolist()], batch[1])
    loss = compile(lambda x, label: nn.cross_entropy([model(x)], [label]))
    return model, batches, lambda batch: loss.batch(*batch)


def moons(way: str) -> Run:
    """micrograd's demo, written out product by product, on 15 points.

    With 8 on either side some biases have the gradient 0, or 1e-17 as it is rounded: Adam divides it by its own size,
    and two trainings part for good.
    """
    X, labels = nn.data.moons(15, noise=0.1, seed=1)
    sides = 2.0 * labels - 1.0
    start = [[[*row, 0.0] for row in he_normal(n, m, seed=0).tolist()] for n, m in ((2, 8), (8, 8), (8, 1))]
    model = WrittenOut(Value, start)

    def penalty() -> Any:
        return 1e-4 * sum(p * p for p in model.parameters())

    def demo() -> Any:
        losses = [(1 + -side * model(x)).relu() for x, side in zip(X.tolist(), sides.tolist(), strict=True)]
        return sum(losses) * (1.0 / len(losses)) + penalty()

    if way == "eager":
        return model, cycle([None]), lambda _: demo()
    if way == "one sample":
        loss = compile(lambda x, side: (1 + -side * model(x)).relu() + penalty())
        return model, cycle([None]), lambda _: loss.batch(X, sides)
    whole = compile(demo)
    return model, cycle([None]), lambda _: whole()


def transformer(way: str) -> Run:
    """A small one, on four names of one length."""
    model = gpt.GPT(width=4, context=4, heads=2, take=take)
    documents = cycle([[float(token) for token in gpt.tokens(name)] for name in ("mia", "ron", "zoe", "wil")])
    return model, documents, model.loss if way == "eager" else compile(model.loss)


def digits(way: str) -> Run:
    """MNIST in 4 × 4 pixels, batches of eight."""
    data = nn.data.mnist().train
    X = data.X[:40].reshape(40, 4, 7, 4, 7).mean(axis=(2, 4)).reshape(40, 16).astype(float)
    batches = cycle([(X[i::5], data.y[:40][i::5]) for i in range(5)])
    model = nn.MLP(16, [12, 10], seed=0)
    if way == "eager":
        return model, batches, lambda batch: nn.cross_entropy([model(x) for x in batch[0].tolist()], batch[1])
    loss = compile(lambda x, label: nn.cross_entropy([model(x)], [label]))
    return model, batches, lambda batch: loss.batch(*batch)


PROGRAMS: list[tuple[Callable[[str], Run], list[str]]] = [
    (spiral, ["one sample"]),
    (moons, ["one sample", "whole batch"]),
    (transformer, ["one document"]),
    (digits, ["one sample"]),
]
"""Each with the compiled ways that are held against the eager one."""
OPTIMIZERS = {
    "SGD": lambda model: nn.SGD(model.parameters(), lr=0.05, momentum=0.9),
    "Adam": lambda model: nn.Adam(model.parameters(), lr=0.02),
}


def trained(run: Run, optimize: Callable[[Any], nn.Optimizer]) -> tuple[Any, Any]:
    """The loss before each step, and the parameters after the last."""
    model, inputs, loss = run
    optimizer, losses = optimize(model), []
    for given in islice(inputs, STEPS):
        total = loss(given)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        losses.append(float(total))
    return np.array(losses), np.array([p.data for p in model.parameters()])


@pytest.mark.parametrize(("program", "ways"), PROGRAMS)
@pytest.mark.parametrize("optimize", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_two_hundred_compiled_steps_are_the_eager_ones(
    program: Callable[[str], Run], ways: list[str], optimize: Callable[[Any], nn.Optimizer]
) -> None:
    """Relative to the largest: all differ by 1e-15 at most, and other points and seeds of moons by 5e-12."""
    eager = trained(program("eager"), optimize)
    assert eager[0][-1] < 0.6 * eager[0][0]  # it has learnt, and gone a long way
    for way in ways:
        for expected, found in zip(eager, trained(program(way), optimize), strict=True):
            assert np.abs(expected - found).max() < 1e-9 * np.abs(expected).max(), way


def test_fit_compiled_is_fit_for_two_hundred_steps() -> None:
    """The demo's settings, with a last batch of 10 rows, a penalty and a validation set."""
    data = nn.data.spiral(n=90, classes=3, seed=0)
    ends = []
    for compiled in (False, True):
        model = nn.MLP(2, [8, 8, 3], activation="tanh", seed=0)
        history = nn.fit(
            model,
            data,
            loss="cross_entropy",
            optimizer=nn.Adam(model, lr=0.03),
            epochs=40,
            batch_size=20,
            schedule=nn.schedules.cosine,
            l2=1e-4,
            validation=nn.data.spiral(n=15, classes=3, seed=1),
            progress=False,
            compile=compiled,
        )
        ends.append((history, np.array([p.data for p in model.parameters()])))
    (eager, expected), (fast, found) = ends
    assert eager.steps == fast.steps == 200
    assert np.abs(expected - found).max() < 1e-9
    assert fast.loss == pytest.approx(eager.loss, rel=1e-9)
    assert fast.validation_loss == pytest.approx(eager.validation_loss, rel=1e-9)
    assert (fast.accuracy, fast.validation_accuracy) == (eager.accuracy, eager.validation_accuracy)


def test_a_hundred_thousand_replays_leave_nothing_behind() -> None:
    w, b = Value(0.5), Value(0.0)
    optimizer = nn.SGD([w, b], lr=0.01, momentum=0.9)
    X = np.linspace(-1.0, 1.0, 4)
    loss = compile(lambda x, t: (w * x + b - t) ** 2)

    def steps(n: int) -> None:
        for _ in range(n):
            optimizer.zero_grad()
            loss.batch(X, 2.0 * X + 1.0).backward()
            optimizer.step()
        gc.collect()

    steps(100)
    tracemalloc.start()
    steps(100)
    before = tracemalloc.get_traced_memory()[0]
    steps(2000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 10_000
    blocks, objects = sys.getallocatedblocks(), len(gc.get_objects())  # which cost no time
    steps(100_000)
    assert len(gc.get_objects()) - objects < 100
    assert sys.getallocatedblocks() - blocks < 1000
    assert (w.data, b.data) == pytest.approx((2.0, 1.0))
