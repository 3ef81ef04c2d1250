"""Predictions and evaluations of models of Values, by a program where one can be had."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, compile, no_grad
from autograd.compiler.store import store_of
from nn.snapshot import Snapshot

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(70, 3)), RNG.integers(0, 2, 70)


class Counting(nn.Module):
    """A network that says how often it was called, by a list outside of it."""

    def __init__(self, calls: list[int], decides: bool = False) -> None:
        self.inner = nn.MLP(3, [4, 2], activation="tanh", seed=0)
        self._calls, self.decides = (calls.append,), decides

    def __call__(self, x: Any) -> Any:
        self._calls[0](1)
        if self.decides and x[0] > 0:
            return self.inner([0.0, *x[1:]])
        return self.inner(x)


def one_by_one(model: Any) -> np.ndarray:
    with no_grad():
        return np.array([[score.data for score in model(row)] for row in X.tolist()])


def test_many_rows_are_predicted_by_a_program_and_few_one_by_one() -> None:
    calls: list[int] = []
    model = Counting(calls)
    expected = one_by_one(model)
    calls.clear()
    np.testing.assert_allclose(nn.predict(model, X, batch_size=32), expected, rtol=0, atol=1e-14)
    assert len(calls) < 25  # 16 of them to check the program
    calls.clear()
    assert (nn.predict(model, X[:5]) == expected[:5]).all()
    assert len(calls) == 5


def test_a_single_output_is_predicted_as_a_row_of_numbers() -> None:
    model = nn.MLP(3, [4, 1], seed=0)
    found = nn.predict(model, X)
    assert found.shape == (70,)
    np.testing.assert_allclose(found, nn.predict(model.vectorize(), X)[:, 0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_an_evaluation_by_a_program_is_the_one_without(loss: str) -> None:
    model = nn.MLP(3, [4, 2], seed=0) if loss == "cross_entropy" else nn.MLP(3, [4, 1], seed=0)
    found = nn.evaluate(model, (X, LABELS), loss)
    parts = [nn.evaluate(model, (X[i : i + 10], LABELS[i : i + 10]), loss) for i in range(0, 70, 10)]
    np.testing.assert_allclose(found, np.mean(parts, axis=0), rtol=1e-14)


def test_a_model_that_decides_by_numbers_is_predicted_one_by_one() -> None:
    model = Counting([], decides=True)
    assert (nn.predict(model, X) == one_by_one(model)).all()


def test_parameters_are_plain_afterwards_and_stay_bound_if_they_were() -> None:
    model = nn.MLP(3, [4, 2], seed=0)
    nn.predict(model, X)
    assert {type(p) for p in model.parameters()} == {Value}
    loss: Any = compile(lambda x, label: nn.cross_entropy([model(x)], [label]))
    total = loss.batch(X, LABELS)
    store = store_of(model.parameters()[0])
    nn.evaluate(model, (X, LABELS), "cross_entropy")
    nn.predict(model, X)
    assert store is not None and store_of(model.parameters()[0]) is store
    total.backward()
    assert any(p.grad for p in model.parameters())


def test_gradients_stay_as_they_were() -> None:
    model = nn.MLP(3, [4, 2], seed=0)
    for i, p in enumerate(model.parameters()):
        p.grad = float(i)
    nn.predict(model, X)
    nn.evaluate(model, (X, LABELS), "cross_entropy")
    assert [p.grad for p in model.parameters()] == list(map(float, range(len(model.parameters()))))


def test_the_validation_of_a_compiled_training_is_the_eager_one() -> None:
    def history(compile: bool) -> nn.History:
        model = nn.MLP(3, [4, 2], activation="tanh", seed=0)
        return nn.fit(
            model, (X, LABELS), loss="cross_entropy", optimizer=nn.Adam(model, lr=0.05), epochs=3, batch_size=16,
            validation=(X[:40], LABELS[:40]), progress=False, compile=compile,
        )  # fmt: skip

    compiled, eager = history(True), history(False)
    np.testing.assert_allclose(compiled.validation_loss, eager.validation_loss, rtol=1e-12)
    assert compiled.validation_accuracy == eager.validation_accuracy


def test_a_snapshot_looks_into_arrays_of_objects() -> None:
    model = nn.MLP(1, [1], seed=0)
    seen: list[int] = [1]
    model.history = np.array([seen, None], object)
    snapshot = Snapshot(model)
    assert not snapshot.changed()
    seen.append(2)
    assert snapshot.changed()
    snapshot.restore()
    assert seen == [1]


# ----- what a model of one's own class reads outside of itself -----

TABLE, FACTOR = [1.0], {"of": 1.0}
SCALE = 1.0


def scaled() -> float:
    return SCALE * FACTOR["of"]


class Line(nn.Module):
    share = 1.0

    def __init__(self) -> None:
        self.w = Value(0.1)


class ReadsTable(Line):
    def __call__(self, x: Any) -> Any:
        return self.w * x[0] * TABLE[0]


class ReadsGlobal(Line):
    def __call__(self, x: Any) -> Any:
        return self.w * x[0] * SCALE


class ReadsByFunction(Line):
    def __call__(self, x: Any) -> Any:
        return self.w * x[0] * scaled()


class ReadsClass(Line):
    def __call__(self, x: Any) -> Any:
        return self.w * x[0] * self.share


def halve(epoch: int, model: Any, history: Any) -> None:
    global SCALE
    SCALE, TABLE[0], FACTOR["of"], Line.share = SCALE / 2.0, TABLE[0] / 2.0, FACTOR["of"] / 2.0, Line.share / 2.0


@pytest.fixture
def _whole() -> Iterator[None]:
    global SCALE
    yield
    SCALE, TABLE[0], FACTOR["of"], Line.share = 1.0, 1.0, 1.0, 1.0


def losses(model: Any, compiled: bool | None, **words: Any) -> list[float]:
    X = np.array([[1.0], [2.0], [3.0]] * 4)
    options = {"loss": "mse", "optimizer": nn.SGD(model, lr=0.01), "epochs": 5, "batch_size": 4, "shuffle": False}
    return nn.fit(model, (X, X[:, 0]), progress=False, compile=compiled, **options | words).loss


@pytest.mark.usefixtures("_whole")
@pytest.mark.parametrize("compiled", [None, True])
@pytest.mark.parametrize("kind", [ReadsTable, ReadsGlobal, ReadsByFunction, ReadsClass])
def test_what_a_model_reads_outside_of_itself_may_change_between_epochs(kind: Any, compiled: bool | None) -> None:
    global SCALE
    expected = losses(kind(), False, callbacks=[halve])
    SCALE, TABLE[0], FACTOR["of"], Line.share = 1.0, 1.0, 1.0, 1.0
    assert losses(kind(), compiled, callbacks=[halve]) == pytest.approx(expected, rel=1e-12)
    assert expected[-1] > expected[0]  # by then the factor is small


@pytest.mark.parametrize("compiled", [None, True])
def test_a_closure_of_a_model_and_what_a_schedule_sets_may_change(compiled: bool | None) -> None:
    def run(compiled: bool | None) -> list[float]:
        factor = 1.0

        class Reads(Line):
            speed = 1.0

            def __call__(self, x: Any) -> Any:
                return self.w * x[0] * factor * self.speed

        model = Reads()

        def after(epoch: int, model: Any, history: Any) -> None:
            nonlocal factor
            factor /= 2.0

        def schedule(done: float) -> float:
            model.speed = 1.0 - done  # within an epoch, too
            return 1.0

        return losses(model, compiled, callbacks=[after], schedule=schedule)

    assert run(compiled) == pytest.approx(run(False), rel=1e-12)
