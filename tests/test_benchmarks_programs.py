"""The programs that benchmarks time: that they compute what they say, and the same as their peers."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from helpers import error, slope

from autograd import Value, no_grad, topological_order
from benchmarks import by_hand, gpt, irregular, mnist_peers, moons
from nn.data import Dataset


def along(parameters: list[Value], function: Callable[[], Any]) -> tuple[float, float]:
    """(Σ grad·direction, the slope of ``function`` along it) for a random direction of all ``parameters``."""
    direction = np.random.default_rng(0).normal(size=len(parameters)).tolist()
    start = [p.data for p in parameters]

    def moved(t: float) -> float:
        for p, x, d in zip(parameters, start, direction, strict=True):
            p.data = x + t * d
        with no_grad():
            return float(function())

    function().backward()
    numeric = slope(moved, 0.0)
    moved(0.0)
    return sum(p.grad * d for p, d in zip(parameters, direction, strict=True)), numeric


def tiny_gpt() -> gpt.GPT:
    return gpt.GPT(width=4, context=5, layers=2, heads=2, vocabulary=6)


def test_the_gradient_of_the_scalar_gpt_is_that_of_differences() -> None:
    model, document = tiny_gpt(), [5, 0, 3, 3, 1, 5]
    analytic, numeric = along(model.parameters(), lambda: model.loss(document))
    assert error(analytic, numeric) < 1e-8


def test_each_kind_of_parameter_of_the_scalar_gpt_has_the_gradient_of_differences() -> None:
    model, document = tiny_gpt(), [5, 0, 3, 1]
    model.loss(document).backward()
    parameters = dict(model.named_parameters())
    for name in ("characters.3.1", "positions.2.0", "scores.1.2"):
        hold_slope(model, document, parameters[name])
    for layer in range(2):
        for kind in ("query", "key", "value", "mix", "up", "down"):
            hold_slope(model, document, parameters[f"blocks.{layer}.{kind}.1.2"])


def hold_slope(model: gpt.GPT, document: list[int], p: Value) -> None:
    start = p.data

    def moved(t: float) -> float:
        p.data = t
        with no_grad():
            return float(model.loss(document))

    numeric = slope(moved, start)
    p.data = start
    assert error(p.grad, numeric) < 1e-7


def test_the_scalar_gpt_does_not_look_ahead() -> None:
    model = tiny_gpt()
    short, long = model([5, 0, 3]), model([5, 0, 3, 1, 2])
    assert [[s.data for s in row] for row in short] == [[s.data for s in row] for row in long[:3]]


def test_the_scalar_gpt_says_that_its_context_is_full() -> None:
    with pytest.raises(ValueError, match=r"at most 5 tokens .* got 6"):
        tiny_gpt()([0] * 6)


def test_twenty_steps_of_the_scalar_gpt_lower_the_loss() -> None:
    model = gpt.GPT(width=8, context=8, heads=2)
    optimizer = gpt.adam(model)
    losses = [gpt.eager_step(model, optimizer, gpt.tokens(name)) for name in ["kamo", "kamo", "mako", "moka"] * 5]
    assert sum(losses[-4:]) < 0.6 * sum(losses[:4])


def test_marks_behind_a_padded_document_do_not_count() -> None:
    model = gpt.GPT(width=4, context=8, heads=2)
    given, weights = gpt.padded("kamo", 8)
    assert (len(given), len(weights)) == (9, 8)
    padded, plain = model.weighted(given, weights), model.loss(gpt.tokens("kamo"))
    assert error(padded.data, plain.data) < 1e-14


def test_made_up_names_fit_into_the_context_and_are_the_same_every_time() -> None:
    found = gpt.names(1000)
    assert found == gpt.names(1000) and len(set(found)) > 700
    assert {len(name) for name in found} >= set(range(2, 12))
    assert max(map(len, found)) < 16


@pytest.mark.parametrize("window", [None, 30])
def test_an_irregular_graph_has_the_operations_and_the_gradient_that_it_says(window: int | None) -> None:
    program = irregular.Irregular(nodes=2000, window=window)
    made = [node for node in topological_order(program()) if node.parents]
    assert len(made) == program.operations
    assert 1998 <= program.operations <= 2000
    analytic, numeric = along(program.parameters, lambda: smooth(program))
    assert error(analytic, numeric) < 1e-7


def smooth(program: irregular.Irregular) -> Any:
    """Without `maximum`, whose kinks a difference would step over."""
    program.rules[program.rules == 4] = 2
    return program()


def test_a_window_makes_an_irregular_graph_deep() -> None:
    def depth(window: int | None) -> int:
        root = irregular.Irregular(nodes=2000, window=window)()
        depths: dict[Any, int] = {}
        for node in topological_order(root):
            depths[node] = 1 + max((depths[parent] for parent in node.parents), default=-1)
        return depths[root]

    assert depth(None) < 40 < 100 < depth(30)


def values_step() -> by_hand.Step:
    """The moons step on `Value`s."""
    model = moons.WrittenOut(Value, [matrix.tolist() for matrix in by_hand.start()])
    X, y = (array.tolist() for array in by_hand.points())

    def step() -> float:
        losses = [(1.0 - side * model(point)).relu() for point, side in zip(X, y, strict=True)]
        total = sum(losses) * (1.0 / len(losses)) + by_hand.L2 * sum(p * p for p in model.parameters())
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= by_hand.LEARNING_RATE * p.grad
        return float(total)

    return step


@pytest.mark.parametrize("name", list(by_hand.ENGINES))
def test_every_engine_takes_the_same_moons_steps(name: str) -> None:
    package, make = by_hand.ENGINES[name]
    if not find_spec(package):
        pytest.skip(f'no {package} here; it comes with: pip install "glassgrad[peers]"')
    by_hand.check_agreement({"NumPy": by_hand.numpy(), name: make()})


def test_the_moons_steps_by_hand_are_those_of_values() -> None:
    by_hand.check_agreement({"NumPy": by_hand.numpy(), "Values": values_step()}, rounds=3, tolerance=1e-12)


def test_an_engine_that_computes_something_else_is_not_timed() -> None:
    numbers = iter([1.0, 1.0, 0.5, 0.6])
    with pytest.raises(AssertionError, match=r"do not compute the same: losses in step 2 are .*'b': 0.6"):
        by_hand.check_agreement({"a": lambda: next(numbers), "b": lambda: next(numbers)})


def test_engines_take_turns() -> None:
    order: list[str] = []
    seconds = by_hand.in_turn({"a": lambda: order.append("a") or 0.0, "b": lambda: order.append("b") or 0.0}, 2, 3)
    assert "".join(order) == "aaaabbbb" * 2
    assert {name: len(each) for name, each in seconds.items()} == {"a": 2, "b": 2}


@pytest.mark.parametrize("method", list(mnist_peers.LEARNING_RATES))
def test_the_engines_of_the_mnist_table_learn_the_same(method: str) -> None:
    rng = np.random.default_rng(0)
    data = Dataset(rng.random((1280, 784), dtype=np.float32), rng.integers(0, 10, 1280))
    epochs = mnist_peers.engines(data, method)
    for _ in range(2):  # of 20 steps each
        losses = {name: epoch()[1] for name, epoch in epochs.items()}
        ours = losses.pop("glassgrad")
        assert all(error(loss, ours) < 1e-4 for loss in losses.values()), (ours, losses)
