"""`nn.fit` and its company: what it learns, what it leaves behind, and how it ends."""

import functools
import gc
import math
import operator
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tqdm import tqdm

import autograd
import nn
from autograd import Tensor, Value
from autograd.errors import TraceError
from demos import command

Array = np.ndarray[Any, Any]
X, Y = nn.data.moons(24, noise=0.1, seed=1)
BUILDS = {"scalar": nn.MLP, "vectorized": nn.vectorized.MLP}
BOTH = pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS.keys())


def weights(model: nn.Module) -> list[Any]:
    """The numbers of a model, to be compared bit by bit."""
    return [(name, np.asarray(number).tolist()) for name, number in model.state_dict().items()]


def train(model: nn.Module, data: Any = (X, Y), **words: Any) -> nn.History:
    """`fit` with what most tests here want."""
    optimizer = words.pop("optimizer", None) or nn.Adam(model, lr=0.05)
    words = {"loss": "cross_entropy", "epochs": 2, "batch_size": 8, "progress": False} | words
    return nn.fit(model, data, optimizer=optimizer, **words)


# ----- learning -----


def test_a_small_scalar_network_learns_xor() -> None:
    data = nn.data.xor(40, noise=0.1)
    model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
    history = train(model, data, loss="bce_with_logits", optimizer=nn.Adam(model, lr=0.1), epochs=20)
    assert history.accuracy[-1] == 1.0
    assert nn.accuracy(nn.predict(model, data.X), data.y) == 1.0


def test_a_vectorized_network_learns_the_spiral() -> None:
    data = nn.data.spiral()
    model = nn.vectorized.MLP(2, [64, 64, 3], seed=0)
    train(model, data, optimizer=nn.Adam(model, lr=0.01), epochs=60, batch_size=32)
    loss, accuracy = nn.evaluate(model, data, "cross_entropy")
    assert accuracy >= 0.97
    assert loss < 0.15


@BOTH
@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_a_line_is_fitted(build: Any, loss: str) -> None:
    x = np.linspace(-1.0, 1.0, 16)[:, None]
    model = build(1, [1], seed=0)
    train(model, (x, 3.0 * x[:, 0] - 0.5), loss=loss, optimizer=nn.Adam(model, lr=0.1), epochs=60)
    w, b = (np.ravel(p)[0] for p in model.state_dict().values())
    assert (w, b) == pytest.approx((3.0, -0.5), abs=0.1)


@BOTH
@pytest.mark.parametrize(("batch_size", "steps"), [(None, 1), (1, 24), (7, 4), (8, 3), (24, 1), (1000, 1)], ids=str)
def test_batch_mini_batch_and_stochastic(build: Any, batch_size: int | None, steps: int) -> None:
    model = build(2, [4, 2], seed=0)
    optimizer = nn.SGD(model, lr=0.05)
    history = train(model, optimizer=optimizer, epochs=6, batch_size=batch_size)
    assert history.steps == optimizer.steps == 6 * steps
    assert len(history.loss) == len(history.accuracy) == 6
    assert history.loss[-1] < history.loss[0]


def test_the_epoch_mean_weighs_examples_and_not_batches() -> None:
    """Batches of 7, 7, 7 and 3: with a learning rate of nothing, the mean is that of the whole set."""
    model = nn.vectorized.MLP(2, [3, 2], seed=0, dtype=np.float64)
    history = train(model, epochs=1, batch_size=7, optimizer=nn.SGD(model, lr=1e-300))
    assert (history.loss[0], history.accuracy[0]) == pytest.approx(nn.evaluate(model, (X, Y), "cross_entropy"))


def test_one_step_is_one_step_of_gradient_descent() -> None:
    model = nn.vectorized.MLP(2, [2], seed=0, dtype=np.float64)
    linear = model.layers[0]
    before, z = linear.weight.data.copy(), model(X).data
    train(model, optimizer=nn.SGD(model, lr=0.5), epochs=1, batch_size=None, l2=0.1)
    softmax = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    slope = (softmax - np.eye(2)[Y]).T @ X / len(X) + 2 * 0.1 * before
    np.testing.assert_allclose(linear.weight.data, before - 0.5 * slope, rtol=1e-12)


def test_both_paths_train_to_the_same_numbers() -> None:
    slow = nn.MLP(2, [4, 2], activation="tanh", seed=0)
    fast = slow.vectorize()
    histories = [train(model, epochs=3, l2=1e-3, schedule=nn.schedules.cosine) for model in (slow, fast)]
    assert histories[0].loss == pytest.approx(histories[1].loss, rel=1e-10)
    assert histories[0].accuracy == histories[1].accuracy
    for a, b in zip(slow.vectorize().parameters(), fast.parameters(), strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-9, atol=1e-10)


# ----- seeds -----


@BOTH
def test_one_seed_is_one_training_to_the_last_bit(build: Any) -> None:
    def run(**words: Any) -> tuple[Any, ...]:
        model = build(2, [4, 2], seed=0)
        history = train(model, validation=(X, Y), **words)
        return weights(model), history.loss, history.accuracy, history.validation_loss

    assert run(seed=3) == run(seed=3)
    assert run(seed=3)[0] != run(seed=4)[0]
    assert run(shuffle=False, seed=3) == run(shuffle=False, seed=4)
    assert run(shuffle=False)[0] != run(seed=0)[0]


def test_every_epoch_has_an_order_of_its_own_and_every_example_comes_once() -> None:
    seen: list[list[float]] = []

    class Watched(nn.Module):
        def __init__(self) -> None:
            self.inner = nn.Linear(1, 1, seed=0, dtype=np.float64)

        def __call__(self, x: Any) -> Tensor:
            if self.training:
                seen.append(x[:, 0].tolist())
            return self.inner(x)

    x = np.arange(10.0)[:, None]
    model = Watched()
    train(model, (x, x[:, 0]), loss="mse", batch_size=4, optimizer=nn.SGD(model, lr=1e-6))
    assert [len(batch) for batch in seen] == [4, 4, 2] * 2
    epochs = [functools.reduce(operator.iadd, seen[:3], []), functools.reduce(operator.iadd, seen[3:], [])]
    assert [sorted(epoch) for epoch in epochs] == [x[:, 0].tolist()] * 2
    assert epochs[0] != epochs[1]
    seen.clear()
    train(model, (x, x[:, 0]), loss="mse", batch_size=4, shuffle=False, optimizer=nn.SGD(model, lr=1e-6))
    assert (
        functools.reduce(operator.iadd, seen[:3], [])
        == functools.reduce(operator.iadd, seen[3:], [])
        == x[:, 0].tolist()
    )


# ----- history -----


@BOTH
def test_validation_is_evaluated_after_every_epoch(build: Any) -> None:
    model = build(2, [4, 2], seed=0)
    held_out = nn.data.moons(10, seed=5)
    history = train(model, epochs=3, validation=held_out)
    assert len(history.validation_loss) == len(history.validation_accuracy) == 3
    last = history.validation_loss[-1], history.validation_accuracy[-1]
    assert last == nn.evaluate(model, held_out, "cross_entropy")
    model = build(2, [4, 2], seed=0)
    assert train(model, epochs=3).loss == history.loss  # looking does not touch the training


@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_a_regression_has_no_accuracy(loss: str) -> None:
    model = nn.vectorized.MLP(2, [1], seed=0)
    data = X, X[:, 0]
    history = train(model, data, loss=loss, validation=data)
    assert (history.accuracy, history.validation_accuracy) == ([], [])
    assert len(history.loss) == len(history.validation_loss) == 2
    assert math.isnan(nn.evaluate(model, data, loss)[1])
    assert "accuracy" not in repr(history)


@BOTH
@pytest.mark.parametrize(("loss", "targets"), [("hinge", 2 * Y - 1), ("bce_with_logits", Y)], ids=["hinge", "bce"])
@pytest.mark.parametrize("column", [False, True], ids=["row", "column"])
def test_one_score_is_right_where_its_sign_is(build: Any, loss: str, targets: Array, column: bool) -> None:
    model = build(2, [4, 1], seed=0)
    history = train(model, (X, targets[:, None] if column else targets), loss=loss, epochs=15)
    assert nn.accuracy(nn.predict(model, X), targets) >= history.accuracy[0]
    assert history.accuracy[-1] > 0.7


@BOTH
def test_several_labels_a_row_count_each(build: Any) -> None:
    """Multi-label classification: bce over (n, k) targets; accuracy is over all n·k of them."""
    both = np.column_stack([X[:, 0] > 0.5, X[:, 1] > 0.25]).astype(float)
    model = build(2, [2], seed=0)
    train(model, (X, both), loss="bce_with_logits", optimizer=nn.Adam(model, lr=0.3), epochs=20)
    accuracy = nn.evaluate(model, (X, both), "bce_with_logits")[1]
    assert accuracy == pytest.approx(np.mean((nn.predict(model, X) > 0) == (both > 0)))
    assert accuracy > 0.9


def test_history_says_what_happened() -> None:
    model = nn.vectorized.MLP(2, [2], seed=0)
    history = train(model, validation=(X, Y))
    assert history.seconds > 0.0
    assert not history.interrupted
    text = repr(history)
    assert text.startswith("History(2 epochs, 6 steps, ")
    assert f"loss {history.loss[-1]:.4g}, accuracy {history.accuracy[-1]:.4g}, validation loss" in text
    assert repr(nn.History()) == "History(0 epochs, 0 steps, 0.0 s)"
    assert repr(nn.History(interrupted=True)).endswith(", interrupted)")


# ----- callbacks -----


def test_callbacks_see_every_epoch() -> None:
    calls: list[Any] = []
    model = nn.vectorized.MLP(2, [2], seed=0)

    def note(epoch: int, given: nn.Module, history: nn.History) -> None:
        assert given is model
        calls.append((epoch, len(history.loss), history.steps))

    train(model, epochs=3, callbacks=[note, note])
    assert calls == [(0, 1, 3)] * 2 + [(1, 2, 6)] * 2 + [(2, 3, 9)] * 2


@pytest.mark.parametrize("answer", [True, np.bool_(True)])
def test_a_callback_that_answers_true_stops(answer: Any) -> None:
    model = nn.vectorized.MLP(2, [2], seed=0)
    after: list[int] = []
    stop: Callable[..., Any] = lambda epoch, model, history: answer if epoch == 1 else None  # noqa: E731
    history = train(model, epochs=9, callbacks=[stop, lambda epoch, *_: after.append(epoch)])
    assert len(history.loss) == 2
    assert after == [0, 1]  # the others are still told of the last epoch
    assert not history.interrupted


@pytest.mark.parametrize("answer", [1, 1.0, "stop", np.ones(3), [True], False, None], ids=repr)
def test_no_other_answer_stops(answer: Any) -> None:
    assert len(train(nn.vectorized.MLP(2, [2]), epochs=3, callbacks=(lambda *_: answer,)).loss) == 3


def test_an_exception_in_a_callback_passes_and_what_was_trained_stays() -> None:
    one, two = (nn.vectorized.MLP(2, [2], seed=0) for _ in range(2))
    with pytest.raises(ZeroDivisionError):
        train(one, epochs=3, callbacks=[lambda *_: 1 / 0])
    train(two, epochs=1)
    assert weights(one) == weights(two)


# ----- learning rate -----


def test_a_schedule_sets_the_rate_of_every_step_and_the_old_one_comes_back() -> None:
    model = nn.vectorized.MLP(2, [2], seed=0)
    optimizer, asked, rates = nn.SGD(model, lr=0.5), [], []

    def halves(done: float) -> float:
        asked.append(done)
        return 1.0 - 0.5 * done

    def loss(scores: Tensor, labels: Array) -> Tensor:
        rates.append(optimizer.lr)
        return nn.cross_entropy(scores, labels)

    train(model, loss=loss, optimizer=optimizer, schedule=halves)
    assert asked == pytest.approx([i / 6 for i in range(6)])
    assert rates == pytest.approx([0.5 * (1 - i / 12) for i in range(6)])
    assert optimizer.lr == 0.5
    with pytest.raises(ZeroDivisionError):
        train(model, optimizer=optimizer, schedule=lambda done: 0.1 if done == 0 else 1 / 0)
    assert optimizer.lr == 0.5
    with pytest.raises(ZeroDivisionError):
        train(model, optimizer=optimizer, schedule=lambda done: 0.1, callbacks=[lambda *_: 1 / 0])
    assert optimizer.lr == 0.5


def test_a_schedule_written_in_numpy_keeps_float32() -> None:
    model = nn.vectorized.MLP(2, [2], seed=0)
    train(model, schedule=lambda done: np.cos(done))
    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("factor", [-0.1, math.nan, None, "1"])
def test_a_schedule_returns_a_factor(factor: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="the schedule's factor must be"):
        train(nn.vectorized.MLP(2, [2]), schedule=lambda done: factor)


# ----- losses -----


@BOTH
def test_a_loss_may_be_any_function(build: Any) -> None:
    one, two = build(2, [4, 2], seed=0), build(2, [4, 2], seed=0)
    history = train(one, loss=lambda scores, labels: nn.cross_entropy(scores, labels) * 1.0)
    assert history.loss == pytest.approx(train(two, loss="cross_entropy").loss)
    assert history.accuracy == []  # what its targets mean is not known
    assert train(build(2, [4, 2], seed=0), loss=nn.cross_entropy).accuracy != []


@pytest.mark.parametrize("returned", [1.0, None, np.float64(1.0), "loss"], ids=repr)
def test_a_loss_returns_a_node(returned: Any) -> None:
    model = nn.vectorized.MLP(2, [2], seed=0)
    before = weights(model)
    with pytest.raises(TypeError, match=r"loss must return a Value or a Tensor of one element, got"):
        train(model, loss=lambda scores, labels: returned)
    assert weights(model) == before


def test_a_loss_is_one_number() -> None:
    with pytest.raises(ValueError, match=r"one element, this tensor has shape \(8, 2\)"):
        train(nn.vectorized.MLP(2, [2]), loss=lambda scores, labels: scores)


def test_l2_draws_the_weights_to_zero_and_stays_out_of_the_loss_that_is_shown() -> None:
    sizes = []
    for l2 in 0.0, 0.1:
        model = nn.vectorized.MLP(2, [4, 2], seed=0)
        train(model, epochs=10, l2=l2)
        sizes.append(float(nn.l2_penalty(model.parameters(), 1.0)))
    assert sizes[1] < 0.7 * sizes[0]
    model = nn.vectorized.MLP(2, [4, 2], seed=0)
    still = train(model, epochs=1, batch_size=None, l2=100.0).loss[0]
    assert still == pytest.approx(nn.evaluate(nn.vectorized.MLP(2, [4, 2], seed=0), (X, Y), "cross_entropy")[0])


@BOTH
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_it_touches_the_parameters(build: Any, bad: float) -> None:
    model, calls = build(2, [4, 2], seed=0), []
    snapshots: list[Any] = []

    def loss(scores: Any, labels: Array) -> Any:
        calls.append(len(labels))
        snapshots.append(weights(model))
        return nn.cross_entropy(scores, labels) * (bad if len(calls) == 4 else 1.0)

    optimizer = nn.Adam(model, lr=0.125)
    message = rf"the loss became {bad} in epoch 2, step 4, at learning rate 0\.125; the parameters are as they were"
    with pytest.raises(nn.TrainingError, match=message):
        train(model, loss=loss, optimizer=optimizer, epochs=3)
    assert weights(model) == snapshots[-1]
    assert snapshots[-1] != snapshots[0]  # the three steps before it count
    assert optimizer.steps == 3
    assert issubclass(nn.TrainingError, ArithmeticError)


def test_the_penalty_is_looked_at_too() -> None:
    model = nn.vectorized.MLP(1, [1], seed=0, init=lambda *_: [[1e30]])
    with pytest.raises(nn.TrainingError, match="the loss became inf in epoch 1, step 1"):
        train(model, (np.zeros((4, 1)), np.zeros(4)), loss="mse", l2=1.0)
    assert model.layers[0].weight.data.tolist() == [[np.float32(1e30)]]


def test_detect_anomaly_works_inside_fit() -> None:
    model = nn.vectorized.MLP(2, [1], seed=0)
    with autograd.detect_anomaly(), pytest.raises(autograd.AnomalyError, match="log made"):
        train(model, (X, X[:, 0]), loss=lambda p, t: (p - p).log().mean())


# ----- compiled where it can be -----


class Wrapped(nn.Module):
    """A scalar network, and something of the user's own around it."""

    def __init__(self) -> None:
        self.inner = nn.MLP(2, [4, 2], activation="tanh", seed=0)

    def __call__(self, x: Any) -> Any:
        return self.inner(x)


def test_a_scalar_model_is_called_to_be_traced_and_trained_without() -> None:
    calls = []

    class Watched(Wrapped):
        def __call__(self, x: Any) -> Any:
            calls.append(x)
            return super().__call__(x)

    train(Watched(), epochs=5)
    assert len(calls) < 25  # 16 of them to check the program
    calls.clear()
    train(Watched(), epochs=5, compile=False)
    assert len(calls) == 5 * 24 + 1  # one to look at the targets


class Sided(Wrapped):
    """Decides by a number."""

    def __call__(self, x: Any) -> Any:
        first, second = super().__call__(x)
        return [first, second] if x[0] > 0.5 else [second, first]


class Relabelled(Wrapped):
    """Makes Values of its own from numbers, as micrograd's users do."""

    def __call__(self, x: Any) -> Any:
        return super().__call__([Value(each) for each in x])


class Typed(Wrapped):
    """Takes numbers for something else than Values."""

    def __call__(self, x: Any) -> Any:
        return super().__call__([x[0] * (2.0 if isinstance(x[0], float) else 1.0), x[1]])


class Exact(Wrapped):
    """Takes numbers for something else than Values, by a question that no traced value can see."""

    def __call__(self, x: Any) -> Any:
        return super().__call__([x[0] * (2.0 if type(x[0]) is float else 1.0), x[1]])


class Dropping(Wrapped):
    """Drops a feature now and then, so rarely that two calls are often alike."""

    def __init__(self, rng: Any) -> None:
        super().__init__()
        self.rng = rng

    def __call__(self, x: Any) -> Any:
        return super().__call__([x[0], 0.0 if self.rng.random() < 0.1 and self.training else x[1]])


class Counting(Wrapped):
    """Keeps count, notes, a running mean and its last result."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.notes, self.last, self.mean = 0, {"seen": [0.0]}, None, np.zeros(2)

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        self.notes["seen"].append(x[0])
        self.mean += 0.5
        self.last = super().__call__(x)
        return self.last


RANDOM = "draws random numbers, or keeps something of what it is called with|did not do the same twice"
UNTRACED: dict[str, tuple[Callable[[], Wrapped], str]] = {
    "decides": (Sided, r"if, and, or, not, in, min\(\) or max\(\) of a traced"),
    "looks at types": (Typed, "The class of a traced value: its number today would be frozen"),
    "compares types": (Exact, r"Exact makes \[\[.* of traced examples, and of the same in numbers"),
    "draws from NumPy": (lambda: Dropping(np.random.default_rng(0)), RANDOM),
    "draws from Python": (lambda: Dropping(random.Random(0)), RANDOM),
    "draws from the old NumPy": (lambda: Dropping(np.random.RandomState(0)), RANDOM),
    "keeps": (Counting, "Counting draws random numbers, or keeps something of what it is called with"),
}
CASES = pytest.mark.parametrize(("build", "message"), UNTRACED.values(), ids=UNTRACED.keys())


def test_a_model_that_makes_values_of_its_inputs_is_compiled() -> None:
    models = [Relabelled(), Relabelled()]
    for model, compiled in zip(models, (False, True), strict=True):
        train(model, compile=compiled)
    eager, fast = ([p.data for p in model.parameters()] for model in models)
    assert fast == pytest.approx(eager, rel=1e-12)


@CASES
def test_a_model_that_cannot_be_traced_trains_as_if_nobody_had_tried(
    build: Callable[[], Wrapped], message: str
) -> None:
    models, losses = [build(), build()], []
    for model, compiled in zip(models, (None, False), strict=True):
        losses.append(train(model, compile=compiled).loss)
        assert {type(p) for p in model.parameters()} == {Value}
    assert losses[0] == losses[1]
    assert weights(models[0]) == weights(models[1])
    if isinstance(models[0], Counting):
        tried, plain = models
        assert tried.calls == plain.calls == 2 * 24 + 1
        assert tried.notes == plain.notes and tried.mean.tolist() == plain.mean.tolist()
        assert tried.last[0].data == plain.last[0].data


@CASES
def test_compile_true_says_why_a_model_cannot_be_traced_and_leaves_it_alone(
    build: Callable[[], Wrapped], message: str
) -> None:
    model = build()
    before, optimizer = weights(model), nn.Adam(model)
    with pytest.raises((TraceError, TypeError), match=message):
        train(model, compile=True, optimizer=optimizer)
    assert weights(model) == before and optimizer.steps == 0
    assert {type(p) for p in model.parameters()} == {Value}
    if isinstance(model, Counting):
        assert (model.calls, len(model.notes["seen"]), model.mean.tolist()) == (1, 2, [0.5, 0.5])  # to see the targets


def test_an_example_is_a_list_also_where_it_is_traced() -> None:
    class Biased(nn.Module):
        def __init__(self) -> None:
            self.inner = nn.MLP(3, [2], bias=False, seed=0)

        def __call__(self, x: Any) -> Any:
            return self.inner(x + [1.0])  # noqa: RUF005

    one, two = Biased(), Biased()
    train(one, compile=True)
    train(two, compile=False)
    for a, b in zip(weights(one), weights(two), strict=True):
        assert a[1] == pytest.approx(b[1], abs=1e-12)


class Scaled(Wrapped):
    def __init__(self) -> None:
        super().__init__()
        self.scale, self.offsets, self.factors = 1.0, [0.0, 0.0], np.ones(2)

    def __call__(self, x: Any) -> Any:
        scale = self.scale if self.training else 1.0
        return [scale * y * f + o for y, f, o in zip(super().__call__(x), self.factors, self.offsets, strict=True)]


def _freeze(model: Any) -> None:
    for p in model.inner.layers[0].parameters():
        p.requires_grad = False


CHANGES: dict[str, Callable[[Any], Any]] = {
    "attribute": lambda model: setattr(model, "scale", 2.0),
    "list": lambda model: model.offsets.__setitem__(0, 0.5),
    "array": lambda model: model.factors.__setitem__(0, 0.5),
    "mode": lambda model: (setattr(model, "scale", 3.0), model.eval()),
    "parameter": lambda model: model.inner.layers[1].neurons[0].w.__setitem__(0, Value(0.25)),
    "number": lambda model: setattr(model.inner.layers[1].neurons[0].w[0], "data", 0.25),
    "frozen": _freeze,
    "decides": lambda model: setattr(model, "inner", Sided()),
}


@pytest.mark.parametrize("compiled", [None, True])
@pytest.mark.parametrize("change", CHANGES)
def test_what_a_callback_does_to_the_model_counts_from_the_next_epoch(change: str, compiled: bool | None) -> None:
    def at_first(epoch: int, model: Any, history: nn.History) -> None:
        if epoch == 0:
            CHANGES[change](model)

    models, losses = [Scaled(), Scaled()], []
    for model, way in zip(models, (compiled, False), strict=True):
        optimizer = nn.SGD(model, lr=0.1, momentum=0.9)
        if change == "decides" and way:
            with pytest.raises(TraceError, match="if, and, or, not"):
                train(model, epochs=3, optimizer=optimizer, callbacks=[at_first], compile=way)
            return
        losses.append(train(model, epochs=3, optimizer=optimizer, callbacks=[at_first], compile=way).loss)
        assert {type(p) for p in optimizer.parameters.values()} == {Value}
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)
    for a, b in zip(*map(weights, models), strict=True):
        assert a[1] == pytest.approx(b[1], abs=1e-12)


def test_a_frozen_parameter_stays_plain_and_where_it_is() -> None:
    models = nn.MLP(2, [3, 2], seed=0), nn.MLP(2, [3, 2], seed=0)
    for model, compiled in zip(models, (None, False), strict=True):
        frozen = model.layers[0].neurons[0].w[0]
        frozen.requires_grad = False
        before = frozen.data
        train(model, compile=compiled)
        assert (type(frozen), frozen.data) == (Value, before)
    for a, b in zip(*map(weights, models), strict=True):
        assert a[1] == pytest.approx(b[1], abs=1e-12)


def test_a_parameter_that_is_in_two_places_is_one_also_where_it_is_traced() -> None:
    def build() -> nn.MLP:
        model = nn.MLP(2, [2, 2], seed=0)
        model.layers[1].neurons = [model.layers[0].neurons[0], model.layers[1].neurons[1]]
        return model

    models = build(), build()
    for model, compiled in zip(models, (True, False), strict=True):
        train(model, compile=compiled, l2=1e-3)
    for a, b in zip(*map(weights, models), strict=True):
        assert a[1] == pytest.approx(b[1], abs=1e-12)


def test_detect_anomaly_finds_the_operation_in_a_scalar_model_too() -> None:
    class Logarithm(Wrapped):
        def __call__(self, x: Any) -> Any:
            return [(y - y).log() if self.training else y for y in super().__call__(x)]

    class Root(Wrapped):
        def __call__(self, x: Any) -> Any:
            return [(y - y).sqrt() for y in super().__call__(x)]

    with autograd.detect_anomaly():
        with pytest.raises(autograd.AnomalyError, match="log made -inf"):
            train(Logarithm())
        with pytest.raises(autograd.AnomalyError, match="the gradient of sqrt made"):  # forwards there is nothing wrong
            train(Root())
        with pytest.raises(ValueError, match=r"inside it, leave compile=True out"):
            train(Logarithm(), compile=True)
    for compiled in (None, True, False):
        with pytest.raises(nn.TrainingError, match="the loss became nan in epoch 1, step 1, at learning rate"):
            train(Logarithm(), compile=compiled)


@pytest.mark.parametrize("compiled", [None, False])
def test_parameters_that_overflow_are_named(compiled: bool | None) -> None:
    model = nn.MLP(1, [1], seed=0)
    data = np.full((4, 1), 1e154), np.zeros(4)
    with pytest.raises(nn.TrainingError, match=r"in epoch 1, step 2.*neurons\.0\.w\.0 holds nan or inf") as caught:
        train(model, data, loss="mae", optimizer=nn.SGD(model, lr=1e200), epochs=1, compile=compiled)
    assert "the parameters became nan or inf" in str(caught.value)
    assert {type(p) for p in model.parameters()} == {Value}


def test_a_vectorized_model_and_a_loss_of_ones_own_are_not_compiled() -> None:
    fast = nn.vectorized.MLP(2, [4, 2], seed=0)
    twin = nn.vectorized.MLP(2, [4, 2], seed=0)
    train(fast)
    train(twin, compile=False)
    assert weights(fast) == weights(twin)
    seen = []
    train(nn.MLP(2, [2]), loss=lambda p, t: seen.append(len(t)) or nn.cross_entropy(p, t))
    assert len(seen) == 6
    for model, words in ((fast, {}), (nn.MLP(2, [2]), {"loss": lambda p, t: nn.cross_entropy(p, t)})):
        with pytest.raises(ValueError, match="compile=True trains a model of Values by a loss of the table"):
            train(model, compile=True, **words)
    with pytest.raises(TypeError, match="compile must be True or False, got str 'no'"):
        train(nn.MLP(2, [2]), compile="no")


def test_ctrl_c_ends_a_compiled_training_after_the_step(handler: Any) -> None:
    model, asked = nn.MLP(2, [4, 2], seed=0), []

    def schedule(done: float) -> float:
        asked.append(done)
        if len(asked) == 5:
            press_ctrl_c()
        return 1.0

    history = train(model, epochs=50, schedule=schedule, compile=True)
    assert history.interrupted
    assert history.steps == 5
    assert {type(p) for p in model.parameters()} == {Value}


@pytest.mark.parametrize("first", [True, False])
def test_a_checkpoint_of_either_way_goes_on_the_other(first: bool, tmp_path: Path) -> None:
    whole = nn.MLP(2, [4, 2], activation="tanh", seed=0)
    expected = train(whole, epochs=6).loss
    for epochs, compiled in ((3, first), (6, not first)):
        model = nn.MLP(2, [4, 2], activation="tanh", seed=0)
        history = train(model, epochs=epochs, checkpoint=tmp_path / "run.safetensors", compile=compiled)
    assert history.loss == pytest.approx(expected, rel=1e-9)


# ----- Ctrl-C -----


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def handler() -> Iterator[Any]:
    """A handler for Ctrl-C that is not Python's own; afterwards it must stand again."""

    def handle(number: int, frame: Any) -> None:
        raise KeyboardInterrupt("the handler from before")

    before = signal.signal(signal.SIGINT, handle)
    yield handle
    found = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)
    assert found is handle


@BOTH
def test_ctrl_c_ends_after_the_step_and_keeps_what_was_trained(build: Any, handler: Any) -> None:
    model, seen = build(2, [4, 2], seed=0), []

    def loss(scores: Any, labels: Array) -> Any:
        seen.append(len(labels))
        if len(seen) == 6:  # three steps, the validation, and the second step of the second epoch
            press_ctrl_c()
        return nn.cross_entropy(scores, labels)

    optimizer = nn.Adam(model, lr=0.05)
    history = train(model, loss=loss, optimizer=optimizer, epochs=50, validation=(X, Y))
    assert history.interrupted
    assert history.steps == optimizer.steps == 5  # the fifth was finished
    assert (len(history.loss), len(history.validation_loss)) == (2, 1)  # who interrupts does not wait for an evaluation
    assert "interrupted" in repr(history)
    twin, calls = build(2, [4, 2], seed=0), []

    def five_times(scores: Any, labels: Array) -> Any:
        calls.append(len(labels))
        return nn.cross_entropy(scores, labels) / (1.0 if len(calls) <= 5 else math.nan)

    with pytest.raises(nn.TrainingError):
        train(twin, loss=five_times, epochs=50)
    assert weights(model) == weights(twin)
    with pytest.raises(KeyboardInterrupt, match="from before"):
        press_ctrl_c()


@pytest.mark.parametrize("epoch", [0, 2], ids=["first", "last"])
def test_ctrl_c_in_a_callback_is_not_lost(handler: Any, epoch: int) -> None:
    model = nn.vectorized.MLP(2, [2], seed=0)
    history = train(model, epochs=3, callbacks=[lambda e, *_: press_ctrl_c() if e == epoch else None])
    assert history.interrupted
    assert (len(history.loss), history.steps) == (epoch + 1, 3 * (epoch + 1))


def test_a_second_ctrl_c_ends_at_once(handler: Any) -> None:
    model = nn.vectorized.MLP(2, [2], seed=0)
    before, lr = weights(model), nn.SGD(model, lr=0.5)

    def loss(scores: Any, labels: Array) -> Any:
        press_ctrl_c()
        press_ctrl_c()
        raise AssertionError("the second one should not have come back")

    with pytest.raises(KeyboardInterrupt) as caught:
        train(model, loss=loss, optimizer=lr, schedule=nn.schedules.cosine)
    assert str(caught.value) == ""  # fit's own, not that of the handler from before
    assert weights(model) == before
    assert lr.lr == 0.5


def test_the_handler_comes_back_after_an_exception(handler: Any) -> None:
    for spoil in ({"callbacks": [lambda *_: 1 / 0]}, {"loss": lambda s, t: nn.cross_entropy(s, t) * math.nan}):
        with pytest.raises(ArithmeticError):
            train(nn.vectorized.MLP(2, [2]), **spoil)
        assert signal.getsignal(signal.SIGINT) is handler


def test_fit_works_in_another_thread_and_leaves_signals_alone(handler: Any) -> None:
    results: list[Any] = []
    during: list[Any] = []

    def work() -> None:
        model = nn.vectorized.MLP(2, [2], seed=0)
        watch = [lambda *_: during.append(signal.getsignal(signal.SIGINT))]
        results.append((train(model, callbacks=watch), weights(model)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    model = nn.vectorized.MLP(2, [2], seed=0)
    assert train(model).loss == results[0][0].loss
    assert weights(model) == results[0][1]
    assert during == [handler, handler]


# ----- the garbage collector -----


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_rests_during_training_and_is_as_before_afterwards(enabled: bool) -> None:
    during: list[bool] = []

    def loss(scores: Any, labels: Array) -> Any:
        during.append(gc.isenabled())
        return nn.cross_entropy(scores, labels)

    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        model = nn.vectorized.MLP(2, [2], seed=0)
        train(model, loss=loss)
        assert gc.isenabled() is enabled
        nn.predict(model, X)
        nn.evaluate(model, (X, Y), "cross_entropy")
        assert gc.isenabled() is enabled
        with pytest.raises(ZeroDivisionError):
            train(model, loss=loss, callbacks=[lambda *_: 1 / 0])
        with pytest.raises(nn.TrainingError):
            train(model, loss=lambda s, t: loss(s, t) * math.nan)
        with pytest.raises(ValueError, match="takes rows of 2 numbers"):
            nn.predict(model, X[:, :1])
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()
    assert not any(during)


# ----- progress -----


def test_the_bar_shows_loss_and_accuracy_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.vectorized.MLP(2, [2], seed=0)
    history = train(model, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("\n")  # what is printed next begins a line
    last = err.split("\r")[-1]
    assert "epoch 2/2" in last
    assert "6/6" in last
    assert f"loss={history.loss[-1]:.4f}" in last
    assert f"accuracy={history.accuracy[-1]:.2%}" in last


def test_the_bar_says_how_it_goes_while_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    seen = []

    def look(epoch: int, model: nn.Module, history: nn.History) -> None:
        seen.append(capsys.readouterr().err)

    with pytest.MonkeyPatch.context() as patch:  # the bar is drawn in each step
        update = tqdm.update
        patch.setattr(tqdm, "update", lambda self, n=1: update(self, n) or self.refresh())
        train(nn.vectorized.MLP(2, [2], seed=0), epochs=2, progress=True, callbacks=[look])
    assert "epoch 1/2" in seen[0] and "loss=" in seen[0] and "epoch 2/2" in seen[1]


def test_the_bar_of_a_regression_shows_no_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    train(nn.vectorized.MLP(2, [1], seed=0), (X, X[:, 0]), loss="mse", progress=True)
    err = capsys.readouterr().err
    assert "loss=" in err
    assert "accuracy" not in err


def test_without_a_bar_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.vectorized.MLP(2, [2], seed=0)
    train(model, progress=False, validation=(X, Y))
    nn.evaluate(model, (X, Y), "cross_entropy")
    nn.predict(model, X)
    assert capsys.readouterr() == ("", "")


# ----- predict, evaluate, accuracy -----


def test_predict_returns_plain_arrays() -> None:
    assert nn.predict(nn.MLP(2, [3, 1]), X).shape == (24,)
    assert nn.predict(nn.MLP(2, [3, 2]), X).shape == (24, 2)
    fast = nn.vectorized.MLP(2, [3, 1])
    scores = nn.predict(fast, X.tolist())
    assert isinstance(scores, np.ndarray)
    assert (scores.shape, scores.dtype) == ((24, 1), np.float32)
    np.testing.assert_allclose(nn.predict(fast, X, batch_size=5), scores, rtol=1e-5, atol=1e-6)
    assert all(p.grad is None for p in fast.parameters())


@BOTH
def test_evaluate_is_the_mean_over_all_examples(build: Any) -> None:
    """1,500 examples are evaluated in two parts of unequal size, and 1/n comes in once."""
    data = nn.data.moons(1500 if build is nn.vectorized.MLP else 30, seed=2)
    model = build(2, [4, 2], seed=0)
    scores = nn.predict(model, data.X)
    loss, accuracy = nn.evaluate(model, data, nn.cross_entropy)
    assert loss == pytest.approx(nn.cross_entropy(Tensor(scores, dtype=float), data.y).item(), rel=1e-5)
    assert accuracy == nn.accuracy(scores, data.y) == np.mean(scores.argmax(axis=1) == data.y)


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_a_score_of_exactly_zero_decides_for_the_lower_label(zero: float) -> None:
    for lower in 0, -1:
        for scores in [zero, zero, 0.5, -0.5], [[zero], [zero], [0.5], [-0.5]]:
            assert nn.accuracy(scores, [lower, 1, 1, lower]) == 0.75
            assert nn.accuracy(scores, [lower, lower, 1, lower]) == 1.0
            assert nn.accuracy(scores, [1, 1, 1, lower]) == 0.5
    for build, labels in (nn.MLP, [0, 1]), (nn.vectorized.MLP, [0, 1]), (nn.MLP, [-1, 1]):
        model = build(1, [1], bias=False, init=lambda *_: [[1.0]])
        loss = "hinge" if -1 in labels else "bce_with_logits"
        assert nn.evaluate(model, ([[zero]] * 2, labels), loss)[1] == 0.5
        assert nn.evaluate(model, ([[zero]], labels[:1]), loss)[1] == 1.0
    assert nn.accuracy([[0.5, 0.5, 0.1], [zero, 0.0, -1.0]], [0, 0]) == 1.0  # of equal scores the first


def test_accuracy_by_largest_score_and_by_sign() -> None:
    assert nn.accuracy([[0.1, 0.9], [2.0, 1.0], [0.0, -1.0]], [1, 0, 1]) == pytest.approx(2 / 3)
    for scores in ([1.0, -1.0, 0.5, -0.5], [[1.0], [-1.0], [0.5], [-0.5]], Tensor([1.0, -1.0, 0.5, -0.5])):
        assert nn.accuracy(scores, [1, 0, 0, 0]) == 0.75
        assert nn.accuracy(scores, [1, -1, 1, 1]) == 0.75


@pytest.mark.parametrize(
    ("scores", "labels", "error", "message"),
    [
        (np.ones((4, 2)), [0, 1], ValueError, r"labels shape \(n,\).*got \(4, 2\) and \(2,\)"),
        (np.ones((2, 2)), np.eye(3)[:2], ValueError, r"labels shape \(n,\).*got \(2, 2\) and \(2, 3\)"),
        ([], [], ValueError, r"n at least 1; got \(0,\) and \(0,\)"),
        (np.ones((2, 0)), [0, 1], ValueError, r"got \(2, 0\) and \(2,\)"),
        (1.0, 1, ValueError, r"got \(\) and \(\)"),
        ([[0.0, 1.0], [math.nan, 1.0]], [0, 1], ValueError, r"scores hold nan, first at \[1, 0\]"),
        (np.ones((3, 2)), [0, 1, 2], ValueError, r"labels must be 0 to 1 for 2 scores, got \[2.0\]"),
        (np.ones((3, 2)), [0, 1, -1], ValueError, r"labels must be 0 to 1 for 2 scores, got \[-1.0\]"),
        (np.ones(3), [0, 1, 2], ValueError, r"labels must be 0 and 1, or -1 and 1, got \[2.0\]"),
        (["a"], [1], TypeError, "scores must be plain numbers"),
        ([1.0], ["a"], TypeError, "labels must be plain numbers"),
    ],
)
def test_accuracy_says_what_is_wrong(scores: Any, labels: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        nn.accuracy(scores, labels)


class Dropout(nn.Module):
    """Gives nothing at all while it trains; notes the mode it was called in."""

    def __init__(self) -> None:
        self.modes: list[str] = []

    def __call__(self, x: Any) -> Any:
        self.modes.append("train" if self.training else "eval")
        return x


def test_a_model_trains_in_train_mode_and_is_looked_at_in_eval_mode() -> None:
    dropout = Dropout()
    model = nn.Sequential(nn.Linear(2, 2, seed=0), dropout)
    train(model, epochs=1, validation=(X, Y), batch_size=None)
    assert dropout.modes.count("train") == 1
    assert dropout.modes[-2:] == ["train", "eval"]
    dropout.modes.clear()
    nn.predict(model, X)
    nn.evaluate(model, (X, Y), "cross_entropy")
    assert set(dropout.modes) == {"eval"}
    assert all(m.training for m in model.modules())  # and is left as it was found
    model.layers[0].eval()
    nn.predict(model, X)
    assert [m.training for m in model.modules()] == [True, False, True]


def test_float64_data_leaves_a_float32_model_float32() -> None:
    model = nn.vectorized.MLP(2, [3, 2], seed=0)
    train(model, (X.astype(np.float64), Y), l2=1e-3, validation=(X, Y), schedule=nn.schedules.linear)
    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    assert nn.predict(model, X).dtype == np.float32
    target = X[:, 0].astype(np.float64)
    model = nn.vectorized.MLP(2, [1], seed=0)
    train(model, (X, target), loss="mse")
    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}


def test_only_the_optimizers_parameters_move() -> None:
    model = nn.vectorized.MLP(2, [3, 2], seed=0)
    first = model.layers[0].state_dict()
    train(model, optimizer=nn.SGD(model.layers[1], lr=0.1))
    assert all(np.array_equal(first[name], now) for name, now in model.layers[0].state_dict().items())
    assert not np.array_equal(model.layers[1].weight.data, nn.vectorized.MLP(2, [3, 2], seed=0).layers[1].weight.data)


# ----- bad input -----

BAD_DATA: list[tuple[str, Any, type[Exception], str]] = [
    ("lengths", (X, Y[:-1]), ValueError, r"has 24 rows of features and targets of shape \(23,\); give one target"),
    ("a single target", (X, 1), ValueError, r"has 24 rows of features and targets of shape \(\)"),
    ("three parts", (X, Y, Y), TypeError, r"must be a pair \(X, y\) of features and targets, got tuple"),
    ("only X", X, TypeError, r"must be a pair \(X, y\) of features and targets, got ndarray"),
    ("1-D X", (X[:, 0], Y), ValueError, r"\[0\] must have shape \(n, features\) with n at least 1, got \(24,\)"),
    ("empty", (X[:0], Y[:0]), ValueError, r"\[0\] must have shape \(n, features\) with n at least 1, got \(0, 2\)"),
    ("empty list", ([], []), ValueError, r"\[0\] must have shape \(n, features\) with n at least 1, got \(0,\)"),
    ("nan", (np.where(X[3, 1] == X, math.nan, X), Y), ValueError, r"\[0\] holds nan or inf, first at \[3, 1\]"),
    ("inf", (np.where(X[3, 1] == X, math.inf, X), Y), ValueError, r"\[0\] holds nan or inf, first at \[3, 1\]"),
    (
        "nan target",
        (X, np.where(np.arange(24) == 5, math.nan, Y)),
        ValueError,
        r"\[1\] holds nan or inf, first at \[5\]",
    ),
    ("X as text", (X.astype(str), Y), TypeError, r"\[0\] must be plain numbers"),
    ("y as text", (X, Y.astype(str)), TypeError, r"\[1\] must be plain numbers"),
    ("y of None", (X, [None] * 24), TypeError, r"\[1\] must be plain numbers"),
    ("X complex", (X + 1j, Y), TypeError, r"\[0\] must be plain numbers.*complex128"),
    ("ragged X", ([[1.0], [1.0, 2.0]], [0, 1]), TypeError, r"\[0\] must be plain numbers.*equal length"),
    ("ragged y", (X[:2], [[1], [1, 2]]), TypeError, r"\[1\] must be plain numbers.*equal length"),
    ("X of Values", ([[Value(1.0), Value(2.0)]], [0]), TypeError, r"\[0\] must be plain numbers"),
]


@BOTH
@pytest.mark.parametrize(("data", "error", "message"), [c[1:] for c in BAD_DATA], ids=[c[0] for c in BAD_DATA])
def test_bad_data_is_named_and_nothing_is_touched(build: Any, data: Any, error: type[Exception], message: str) -> None:
    model = build(2, [3, 2], seed=0)
    before = weights(model)
    for words in {"data": data}, {"validation": data}:
        name = next(iter(words))
        with pytest.raises(
            error, match=rf"{name}.*{message}" if message.startswith(("must", "has")) else name + message
        ):
            train(model, **words)
    with pytest.raises(error, match=message):
        nn.evaluate(model, data, "cross_entropy")
    assert weights(model) == before


@BOTH
@pytest.mark.parametrize(
    ("nout", "loss", "targets", "error", "message"),
    [
        (
            2,
            "cross_entropy",
            np.where(np.arange(24) == 23, 2, Y),
            ValueError,
            "labels must be 0 to 1 for 2 logits, got 0 to 2",
        ),
        (
            2,
            "cross_entropy",
            np.where(np.arange(24) == 23, -1, Y),
            ValueError,
            "labels must be 0 to 1 for 2 logits, got -1",
        ),
        (
            2,
            "cross_entropy",
            Y.astype(float),
            TypeError,
            r"labels must be integers, got float64; write labels.astype",
        ),
        (
            2,
            "cross_entropy",
            Y[:, None],
            ValueError,
            r"24 examples need labels of shape \(24,\), .* got \(24, 1\); write labels\.ravel\(\)",
        ),
        (1, "hinge", Y, ValueError, r"hinge: targets must be -1 or 1, got \[0.0\]"),
        (1, "bce_with_logits", 2 * Y - 1, ValueError, r"bce_with_logits: targets must be 0 to 1, got \[-1.0\]"),
        (3, "mse", X, ValueError, r"mse: predictions have shape \(24, 3\) and targets \(24, 2\)"),
        (2, "mse", X[:, 0], ValueError, r"mse: predictions have shape \(24, 2\) and targets \(24,\)"),
    ],
)
def test_targets_that_a_loss_refuses_are_met_before_the_first_step(
    build: Any, nout: int, loss: str, targets: Array, error: type[Exception], message: str
) -> None:
    """The wrong one may be the last of many: the model must not be half trained by then."""
    model = build(2, [3, nout], seed=0)
    optimizer = nn.Adam(model)
    before = weights(model)
    with pytest.raises(error, match=message):
        train(model, (X, targets), loss=loss, optimizer=optimizer, batch_size=1, shuffle=False)
    assert weights(model) == before
    assert optimizer.steps == 0


def test_targets_of_the_validation_set_are_met_before_the_first_step_too() -> None:
    model = nn.vectorized.MLP(2, [2], seed=0)
    optimizer = nn.Adam(model)
    with pytest.raises(ValueError, match="labels must be 0 to 1"):
        train(model, validation=(X, Y + 1), optimizer=optimizer)
    assert optimizer.steps == 0


def test_large_finite_features_are_no_error_and_infinite_ones_of_both_signs_are() -> None:
    model = nn.vectorized.MLP(1, [1], init=lambda *_: [[0.0]], bias=False)
    assert not nn.predict(model, np.full((4, 1), 3e38)).any()
    with pytest.raises(ValueError, match=r"X holds nan or inf, first at \[1, 0\]"):
        nn.predict(model, [[1.0], [math.inf], [-math.inf]])


@BOTH
def test_rows_of_another_width(build: Any) -> None:
    with pytest.raises(ValueError, match=r"Neuron\(2\) takes 2 inputs, got 1|takes rows of 2 numbers, got an array"):
        train(build(2, [2]), (X[:, :1], Y))


def test_a_scalar_model_of_one_output_cannot_tell_classes_apart() -> None:
    with pytest.raises(ValueError, match="a model with a single output takes bce_with_logits"):
        train(nn.MLP(2, [1]))


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"epochs": 2.0}, TypeError, "epochs must be an integer, got float 2.0"),
        ({"epochs": True}, TypeError, "epochs must be an integer, got bool True"),
        ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"batch_size": 8.0}, TypeError, "batch_size must be an integer, got float 8.0"),
        ({"batch_size": True}, TypeError, "batch_size must be an integer, got bool True"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": None}, TypeError, "seed must be an integer, got NoneType"),
        ({"l2": -0.1}, ValueError, "l2 must be at least 0 and finite, got -0.1"),
        ({"l2": "0.1"}, TypeError, "l2 must be a number, got str '0.1'"),
        ({"l2": math.nan}, ValueError, "l2 must be at least 0 and finite, got nan"),
        ({"loss": "crossentropy"}, ValueError, "loss must be one of 'mse', .*'cross_entropy'; got 'crossentropy'"),
        ({"loss": None}, ValueError, "loss must be one of 'mse', .*; got None"),
        ({"schedule": "cosine"}, TypeError, "schedule must be a function such as nn.schedules.cosine, got 'cosine'"),
        ({"callbacks": print}, TypeError, r"callbacks must be a list of functions of \(epoch, model, history\), got"),
        ({"callbacks": [print, "stop"]}, TypeError, "callbacks must be a list of functions"),
        ({"optimizer": nn.Adam}, TypeError, r"optimizer must be made first, e.g. nn.Adam\(model, lr=0.01\)"),
        ({"optimizer": "adam"}, TypeError, r"optimizer must be made first, e.g. nn.Adam\(model, lr=0.01\); got 'adam'"),
        ({"optimizer": nn.Adam(nn.Linear(2, 2))}, ValueError, r"holds none of this model's parameters.*nn.Adam\(model"),
    ],
    ids=lambda x: str(x) if isinstance(x, dict) else "",
)
def test_bad_words(words: dict[str, Any], error: type[Exception], message: str) -> None:
    model = nn.vectorized.MLP(2, [2], seed=0)
    before = weights(model)
    with pytest.raises(error, match=message):
        train(model, **words)
    assert weights(model) == before


def test_a_model_is_a_module() -> None:
    model = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"model must be an nn\.Module, got function"):
        nn.fit(lambda x: x, (X, Y), loss="mse", optimizer=nn.SGD(model))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (X[:, 0], ValueError, r"X must have shape \(n, features\)"),
        (X[:0], ValueError, r"X must have shape \(n, features\) with n at least 1"),
        (X * math.nan, ValueError, "X holds nan or inf"),
        (None, TypeError, "X must be plain numbers"),
        ("ab", TypeError, "X must be plain numbers"),
    ],
)
def test_predict_says_what_is_wrong(rows: Any, error: type[Exception], message: str) -> None:
    for model in nn.MLP(2, [1]), nn.vectorized.MLP(2, [1]):
        with pytest.raises(error, match=message):
            nn.predict(model, rows)
        with pytest.raises(ValueError, match="batch_size must be at least 1"):
            nn.predict(model, X, batch_size=0)


@BOTH
def test_fit_trains_in_train_and_gives_the_mode_back(build: Any) -> None:
    model, modes = build(2, [3, 2], seed=0).eval(), []
    model.layers[0].train()
    train(model, callbacks=[lambda epoch, model, history: modes.append([m.training for m in model.modules()])])
    assert all(map(all, modes))
    assert (model.training, model.layers[0].training, model.layers[1].training) == (False, True, False)
    with pytest.raises(ZeroDivisionError):
        train(model, callbacks=[lambda *_: 1 / 0])
    assert not model.training


def test_a_model_that_is_none_is_named_everywhere() -> None:
    for call in (
        lambda: nn.evaluate(3, (X, Y), "mse"),  # type: ignore[arg-type]
        lambda: nn.predict(3, X),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match=r"model must be an nn\.Module, got int; e\.g\. nn\.MLP"):
            call()


@pytest.mark.parametrize("callbacks", [None, 3, "stop", [print, None], iter([print])])
def test_callbacks_are_a_list_of_functions(callbacks: Any) -> None:
    with pytest.raises(TypeError, match="callbacks must be a list of functions"):
        train(nn.Linear(2, 2), callbacks=callbacks)


@pytest.mark.parametrize(("schedule", "after"), [(None, 0.01), (nn.schedules.constant, 0.05)])
def test_a_callback_sets_the_rate_for_good_unless_a_schedule_owns_it(schedule: Any, after: float) -> None:
    model = nn.Linear(2, 2, seed=0)
    optimizer = nn.SGD(model, lr=0.05)
    train(model, optimizer=optimizer, schedule=schedule, callbacks=[lambda *_: setattr(optimizer, "lr", 0.01)])
    assert optimizer.lr == after


@pytest.mark.parametrize("argument", ["shuffle", "progress"])
def test_text_is_no_flag(argument: str) -> None:
    with pytest.raises(TypeError, match=f"{argument} must be True or False, got str 'no'"):
        train(nn.Linear(2, 2), **{argument: "no"})


def test_accuracy_is_that_of_the_losses_themselves_and_not_of_their_names() -> None:
    def hinge(scores: Any, targets: Array) -> Any:
        return nn.mse(scores, targets)

    assert train(nn.Linear(2, 1), loss=hinge).accuracy == []
    assert len(train(nn.Linear(2, 1), (X, 2 * Y - 1), loss=nn.hinge).accuracy) == 2


def test_a_handler_that_python_did_not_set_becomes_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: list[Any] = []
    monkeypatch.setattr(signal, "signal", lambda number, handler: handlers.append(handler))  # returns None: C's own
    train(nn.Linear(2, 2))
    assert handlers[1:] == [signal.SIG_DFL]


def test_no_message_is_as_long_as_what_it_refuses() -> None:
    model, many = nn.Linear(2, 2), [Value(float(i)) for i in range(10_000)]
    for call in (
        lambda: nn.mse([*many, None], np.zeros(10_001)),
        lambda: train(model, optimizer=many),
        lambda: train(model, callbacks=many),
        lambda: train(model, schedule=many),
        lambda: train(model, loss=lambda *_: many),
        lambda: nn.SGD([many]),
        lambda: nn.Adam(model, betas=many),  # type: ignore[arg-type]
        lambda: nn.MLP(2, many and {"sizes": many}),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert len(str(caught.value)) < 400


def test_a_demo_that_diverges_ends_with_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def diverging(out: Path, quick: bool) -> None:
        raise nn.TrainingError("the loss became nan")

    monkeypatch.setattr("sys.argv", ["demo", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="error: the loss became nan"):
        command.run(diverging, "a demo")
