"""Integers as inputs: models that look rows up in a table get indices, in `fit`, `evaluate` and `predict`."""

from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, Value

X, Y = [[0, 1], [1, 2], [2, 3], [3, 4], [4, 0], [1, 1]], [0, 1, 2, 0, 1, 2]
TABLE = np.random.default_rng(0).normal(size=(5, 3))


class OfLists(nn.Module):
    def __init__(self) -> None:
        self.table = [[Value(x) for x in row] for row in TABLE.tolist()]
        self.out = nn.Layer(6, 3, "linear", seed=0)

    def __call__(self, x: Any) -> Any:
        return self.out([*self.table[x[0]], *self.table[x[1]]])


class ByName(OfLists):
    def __init__(self) -> None:
        super().__init__()
        self.rows = dict(enumerate(self.table))

    def __call__(self, x: Any) -> Any:
        return self.out([value for token in x for value in self.rows[token]])


class OfArrays(nn.Module):
    def __init__(self) -> None:
        self.table = Tensor(TABLE)
        self.out = nn.Layer(6, 3, "linear", seed=0).vectorize()

    def __call__(self, x: Any) -> Any:
        return self.out(self.table[x].reshape(len(x), 6))


class ByColumn(OfArrays):
    def __call__(self, x: Any) -> Any:
        return self.out(autograd.concatenate([self.table[x[:, 0]], self.table[x[:, 1]]], axis=1))


@pytest.mark.parametrize("model", [OfLists, ByName, OfArrays, ByColumn])
@pytest.mark.parametrize(
    "data",
    [(X, Y), ([tuple(row) for row in X], tuple(Y)), (np.array(X), np.array(Y)), (np.array(X, "u1"), np.array(Y, "i2"))],
    ids=["lists", "tuples", "arrays", "small integers"],
)
def test_tokens_are_looked_up(model: Any, data: Any) -> None:
    one = model()
    expected = np.array([[TABLE[i] for i in row] for row in X]).reshape(6, 6)
    linear = one.out.vectorize() if isinstance(one.out, nn.Layer) else one.out
    np.testing.assert_allclose(nn.predict(one, data[0]), linear(expected).data)
    loss, _ = nn.evaluate(one, data, "cross_entropy")
    optimizer = nn.Adam(one, lr=0.1)
    history = nn.fit(
        one, data, loss="cross_entropy", optimizer=optimizer, epochs=30, batch_size=3, progress=False, validation=data
    )
    assert history.validation_loss[-1] < 0.5 * loss
    assert nn.predict(one, data[0]).argmax(axis=1).tolist() == Y


@pytest.mark.parametrize("dtype", ["i8", "u1", "u8", "i4"])
@pytest.mark.parametrize("build", [nn.MLP, nn.vectorized.MLP], ids=["scalar", "vectorized"])
def test_integers_are_numbers_to_other_models(build: Any, dtype: str) -> None:
    model, X = build(2, [4, 3], activation="tanh", seed=0), np.array([[0, 200], [3, 7], [255, 1]], dtype)
    found, expected = nn.predict(model, X), nn.predict(model, X.astype(float))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_differences_of_small_unsigned_integers_do_not_wrap() -> None:
    class Shifted(OfLists):
        def __call__(self, x: Any) -> Any:
            return self.table[0][0] * (x[0] - x[1])

    np.testing.assert_allclose(nn.predict(Shifted(), np.array([[3, 5]], np.uint8)), [-2.0 * TABLE[0, 0]])


def test_a_loss_of_ones_own_gets_integer_labels() -> None:
    seen = []

    def loss(scores: Any, labels: Any) -> Any:
        seen.append(labels.dtype.kind)
        return nn.cross_entropy(scores, labels)

    model = OfArrays()
    nn.fit(model, (X, Y), loss=loss, optimizer=nn.SGD(model), epochs=1, progress=False)
    assert set(seen) == {"i"}
