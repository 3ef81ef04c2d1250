"""Derivatives as they stand in textbooks, from one product to a two-layer network, on scalars and on arrays."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import Tensor, Value, log_softmax, logsumexp, mean, softmax, stack
from autograd import sum as total

EITHER = pytest.mark.parametrize("number", [Value, Tensor])


@EITHER
def test_sum_times_difference(number: Any) -> None:
    x, y = number(3.0), number(2.0)
    f = (x + y) * (x - y)
    f.backward()
    assert (f.data, x.grad, y.grad) == (5.0, 6.0, -4.0)
    assert f.grad == 1.0
    assert [parent.grad for parent in f.parents] == [1.0, 5.0]  # to x + y goes x − y, and the other way round


@EITHER
def test_product(number: Any) -> None:
    a, b = number(2.0), number(3.0)
    (a * b).backward()
    assert (a.grad, b.grad) == (3.0, 2.0)


@EITHER
def test_fourth_power_once_and_twice(number: Any) -> None:
    for power in (lambda x: x**4, lambda x: (x * x) * (x * x), lambda x: (x**2) ** 2):
        x = number(2.0)
        y = power(x)
        y.backward()
        assert (y.data, x.grad) == (16.0, 32.0)
        interior = [parent.grad for parent in y.parents]
        y.backward()
        assert x.grad == 64.0
        assert [parent.grad for parent in y.parents if parent is not x] == [
            g for g, parent in zip(interior, y.parents, strict=True) if parent is not x
        ]


def test_fourth_power_by_one_reused_square() -> None:
    x = Value(2.0)
    square = x * x
    y = square * square
    y.backward()
    assert (x.grad, square.grad) == (32.0, 8.0)
    y.backward()
    assert (x.grad, square.grad) == (64.0, 8.0)


@EITHER
def test_a_square_has_two_parents(number: Any) -> None:
    x = number(3.0)
    y = x * x
    assert (len(y.parents), len(y._prev)) == (2, 1)  # micrograd's is a set
    assert y.parents[0] is x
    assert y.parents[1] is x
    y.backward()
    assert x.grad == 6.0


@EITHER
@pytest.mark.parametrize("at", [-1.5, 0.0, 0.5, 2.0])
def test_chain_rule_through_a_cube(number: Any, at: float) -> None:
    x = number(at)
    ((x**2 + 1) ** 3).backward()
    assert x.grad == 6.0 * at * (at**2 + 1.0) ** 2


@EITHER
@pytest.mark.parametrize("at", [-2.0, -0.5, 0.0, 0.5, 2.0])
@pytest.mark.parametrize(
    ("f", "derivative"),
    [
        (lambda x: x.sigmoid(), lambda x: math.exp(-x) / (1.0 + math.exp(-x)) ** 2),
        (lambda x: x.tanh(), lambda x: 1.0 - math.tanh(x) ** 2),
        (lambda x: x.relu(), lambda x: float(x > 0.0)),
        (lambda x: x * 1.0, lambda x: 1.0),
    ],
    ids=["sigmoid", "tanh", "relu", "identity"],
)
def test_activation_derivatives(
    number: Any, f: Callable[[Any], Any], derivative: Callable[[float], float], at: float
) -> None:
    x = number(at)
    f(x).backward()
    assert float(x.grad) == pytest.approx(derivative(at), rel=1e-14, abs=0.0)


LOGITS = [2.0, -1.0, 0.5, 3.0]
LABEL = 2


def test_softmax_with_cross_entropy_leaves_prediction_minus_truth() -> None:
    z = np.array(LOGITS)
    prediction = np.exp(z) / np.exp(z).sum()
    truth = np.eye(len(LOGITS))[LABEL]

    scalar_losses: list[Callable[[Any], Value]] = [
        lambda zs: -softmax(zs)[LABEL].log(),
        lambda zs: -log_softmax(zs)[LABEL],
        lambda zs: logsumexp(zs) - zs[LABEL],
        lambda zs: -total([y * p.log() for y, p in zip(truth, softmax(zs), strict=True)]),
    ]
    for loss in scalar_losses:
        zs = [Value(x) for x in LOGITS]
        loss(zs).backward()
        np.testing.assert_allclose([x.grad for x in zs], prediction - truth, rtol=1e-12, atol=1e-15)

    array_losses: list[Callable[[Tensor], Tensor]] = [
        lambda t: -t.softmax()[LABEL].log(),
        lambda t: -t.log_softmax()[LABEL],
        lambda t: -(t.log_softmax() * truth).sum(),
    ]
    for array_loss in array_losses:
        t = Tensor(LOGITS)
        array_loss(t).backward()
        np.testing.assert_allclose(t.grad, prediction - truth, rtol=1e-12, atol=1e-15)


def test_sigmoid_with_binary_cross_entropy_leaves_prediction_minus_truth() -> None:
    for z in (-2.0, 0.3):
        for y in (0.0, 1.0):
            x = Value(z)
            p = x.sigmoid()
            (-(y * p.log() + (1.0 - y) * (1.0 - p).log())).backward()
            assert x.grad == pytest.approx(1.0 / (1.0 + math.exp(-z)) - y, rel=1e-12)


# ----- the two-layer network: columns are examples -----


class Network:
    """Z1 = W1 X + b1, A1 = relu(Z1), Z2 = W2 A1 + b2, A2 = softmax of each column; L = mean cross-entropy.

    The gradients as a textbook writes them. dZ2 and dZ1 are those of one example's loss, L_k = −Σ Y log A2 in
    column k, and L = (1/m) Σ_k L_k: so the 1/m stands in dW and db, once, and ∂L/∂Z is dZ / m.
    """

    def __init__(self, biases: bool, m: int = 5, features: int = 3, hidden: int = 4, classes: int = 3) -> None:
        rng = np.random.default_rng(11)
        self.m, self.biases = m, biases
        self.X = rng.standard_normal((features, m))
        self.labels = rng.integers(0, classes, m)
        self.Y = np.eye(classes)[:, self.labels]
        self.W1, self.W2 = rng.standard_normal((hidden, features)), rng.standard_normal((classes, hidden))
        self.b1, self.b2 = rng.standard_normal((hidden, 1)) * biases, rng.standard_normal((classes, 1)) * biases

        Z1 = self.W1 @ self.X + self.b1
        A1 = np.maximum(Z1, 0.0)
        Z2 = self.W2 @ A1 + self.b2
        A2 = np.exp(Z2) / np.exp(Z2).sum(axis=0, keepdims=True)
        self.loss = -np.log(A2[self.labels, range(m)]).mean()

        self.dZ2 = A2 - self.Y
        self.dW2 = self.dZ2 @ A1.T / m
        self.db2 = self.dZ2.sum(axis=1, keepdims=True) / m
        self.dZ1 = self.W2.T @ self.dZ2 * (Z1 > 0.0)
        self.dW1 = self.dZ1 @ self.X.T / m
        self.db1 = self.dZ1.sum(axis=1, keepdims=True) / m
        assert 0 < (Z1 > 0.0).sum() < Z1.size  # both sides of the relu are there


def near(ours: Any, textbook: Any) -> None:
    np.testing.assert_allclose(ours, textbook, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("spelling", ["picked", "one-hot", "logarithm of softmax", "examples one by one"])
def test_two_layer_network_on_arrays(spelling: str, biases: bool) -> None:
    net = Network(biases)
    W1, b1, W2, b2 = (Tensor(a) for a in (net.W1, net.b1, net.W2, net.b2))
    Z1 = W1 @ net.X + b1 if biases else W1 @ net.X
    Z2 = W2 @ Z1.relu() + b2 if biases else W2 @ Z1.relu()
    losses: dict[str, Callable[[], Tensor]] = {
        "picked": lambda: -Z2.log_softmax(axis=0)[net.labels, np.arange(net.m)].mean(),
        "one-hot": lambda: -(Z2.log_softmax(axis=0) * net.Y).sum() / net.m,
        "logarithm of softmax": lambda: -(Z2.softmax(axis=0).log() * net.Y).sum(axis=0).mean(),
        "examples one by one": lambda: stack(
            [-Z2[:, k].log_softmax()[label] for k, label in enumerate(net.labels)]
        ).mean(),
    }
    loss = losses[spelling]()
    loss.backward()

    assert loss.item() == pytest.approx(net.loss, rel=1e-14)
    near(Z2.grad * net.m, net.dZ2)
    near(W2.grad, net.dW2)
    near(Z1.grad * net.m, net.dZ1)
    near(W1.grad, net.dW1)
    if biases:
        near(b2.grad, net.db2)
        near(b1.grad, net.db1)


@pytest.mark.parametrize("biases", [True, False])
def test_two_layer_network_on_a_summed_loss_has_dz_without_the_mean(biases: bool) -> None:
    net = Network(biases)
    W1, b1, W2, b2 = (Tensor(a) for a in (net.W1, net.b1, net.W2, net.b2))
    Z1 = W1 @ net.X + b1
    Z2 = W2 @ Z1.relu() + b2
    (-(Z2.log_softmax(axis=0) * net.Y).sum()).backward()
    near(Z2.grad, net.dZ2)
    near(Z1.grad, net.dZ1)
    near(W1.grad, net.dW1 * net.m)
    near(b2.grad, net.db2 * net.m)


@pytest.mark.parametrize("biases", [True, False])
def test_two_layer_network_on_scalars(biases: bool) -> None:
    net = Network(biases)
    W1, b1, W2, b2 = (
        [[Value(x) for x in row] for row in matrix.tolist()] for matrix in (net.W1, net.b1, net.W2, net.b2)
    )

    def affine(W: list[list[Value]], x: list[Any], b: list[list[Value]]) -> list[Value]:
        products = [sum(w * x for w, x in zip(row, x, strict=True)) for row in W]
        return [z + bias for z, (bias,) in zip(products, b, strict=True)] if biases else products

    Z1 = [affine(W1, column, b1) for column in net.X.T.tolist()]
    Z2 = [affine(W2, [z.relu() for z in column], b2) for column in Z1]
    loss = mean([-log_softmax(column)[label] for column, label in zip(Z2, net.labels, strict=True)])
    loss.backward()

    def grads(rows: list[list[Value]]) -> np.ndarray:
        return np.array([[value.grad for value in row] for row in rows])

    assert loss.data == pytest.approx(net.loss, rel=1e-14)
    near(grads(Z2).T * net.m, net.dZ2)
    near(grads(W2), net.dW2)
    near(grads(Z1).T * net.m, net.dZ1)
    near(grads(W1), net.dW1)
    if biases:
        near(grads(b2), net.db2)
        near(grads(b1), net.db1)


@EITHER
def test_gradient_descent_by_hand(number: Any) -> None:
    """Two steps on (w − 3)² from 0 with rate 0.25: each halves the distance."""
    w = number(0.0)
    for expected in (1.5, 2.25):
        ((w - 3.0) ** 2).backward()
        w.data = w.data - 0.25 * w.grad
        w.grad = 0.0
        assert w.data == expected
