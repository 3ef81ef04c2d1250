"""A derivative inside a loss: what depends on a node that wants a gradient stays a node, and its term is not lost."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, Value, detect_anomaly, grad, hessian, hvp, jacobian, jvp, no_grad, value_and_grad, vjp
from autograd.ops import REDUCTIONS
from tests.peers import pytorch

Derivative = Callable[[Callable[[Any], Any], Any], Any]

FIRST: dict[str, Derivative] = {
    "grad": lambda f, x: grad(f)(x),
    "value_and_grad": lambda f, x: value_and_grad(f)(x)[1],
    "jvp": lambda f, x: jvp(f, (x,), (1.0,))[1],
    "vjp": lambda f, x: vjp(f, x)[1](1.0)[0],
    "jacobian": lambda f, x: jacobian(f)(x),
}
SECOND: dict[str, Derivative] = {
    "hessian": lambda f, x: hessian(f)(x),
    "hvp": lambda f, x: hvp(f, (x,), (1.0,))[0],
    "grad of grad": lambda f, x: grad(grad(f))(x),
    "jvp of grad": lambda f, x: jvp(grad(f), (x,), (1.0,))[1],
    "jacobian of jvp": lambda f, x: jacobian(lambda x: jvp(f, (x,), (1.0,))[1])(x),
}


def expected(order: int, w: float, x: float) -> tuple[float, float]:
    """The derivative of that order of sin(w x) w by x, and how its square moves with w; by PyTorch."""
    torch = pytorch()
    weight, point = (torch.tensor(t, dtype=torch.float64, requires_grad=True) for t in (w, x))
    d = (weight * point).sin() * weight
    for _ in range(order):
        (d,) = torch.autograd.grad(d, point, create_graph=True)
    (d**2).backward()
    return d.item(), weight.grad.item()


CASES = [(1, name, d) for name, d in FIRST.items()] + [(2, name, d) for name, d in SECOND.items()]


@pytest.mark.parametrize(("order", "name", "derivative"), CASES, ids=[name for _, name, _ in CASES])
def test_the_outer_gradient_keeps_the_term(order: int, name: str, derivative: Derivative) -> None:
    w, v = Value(2.0), Tensor(2.0)
    number, slope = expected(order, 2.0, 1.3)
    for node, points in ((w, (1.3, Value(1.3), Value(1.3).detach())), (v, (np.array(1.3), Tensor(1.3)))):
        for x in points:
            node.zero_grad()
            d = derivative(lambda x, node=node: (node * x).sin() * node, x)  # type: ignore[misc]
            assert float(d) == pytest.approx(number, rel=1e-12)
            (d**2).backward()
            assert node.grad == pytest.approx(slope, rel=1e-12)


@pytest.mark.parametrize(("order", "name", "derivative"), CASES, ids=[name for _, name, _ in CASES])
def test_it_does_so_inside_detect_anomaly_and_is_plain_under_no_grad(
    order: int, name: str, derivative: Derivative
) -> None:
    w = Value(2.0)
    _, slope = expected(order, 2.0, 1.3)
    f = lambda x: (w * x).sin() * w  # noqa: E731
    with detect_anomaly():
        (derivative(f, 1.3) ** 2).backward()
    assert w.grad == pytest.approx(slope, rel=1e-12)
    with no_grad():
        assert type(derivative(f, 1.3)) is float
    assert type(derivative(lambda x: (x * w.data).sin(), 1.3)) is float
    frozen = w.detach()
    assert type(derivative(lambda x: (x * frozen).sin(), 1.3)) is float


def test_the_value_stays_a_node_too() -> None:
    w = Value(2.0)
    for result in (
        lambda: value_and_grad(lambda x: w * x)(3.0)[0], lambda: jvp(lambda x: w * x, (3.0,), (1.0,))[0],
        lambda: vjp(lambda x: w * x, 3.0)[0],
    ):  # fmt: skip
        w.zero_grad()
        result().backward()
        assert w.grad == 3.0


def test_what_was_computed_outside_counts_by_what_it_depends_on() -> None:
    w = Value(2.0)
    square = w * w
    grad(lambda x: square * x * x)(3.0).backward()
    assert w.grad == 6.0 * 2.0 * 2.0
    with no_grad():
        constant = w * w
    assert type(grad(lambda x: constant * x)(3.0)) is float


def test_one_optimises_with_plain_numbers_by_data_or_no_grad() -> None:
    shift = Value(1.0)
    loss = lambda x: (x - shift) ** 2  # noqa: E731
    for step in (lambda x: x - 0.1 * grad(loss)(x).data, lambda x: x - 0.1 * float(grad(loss)(x))):
        x = 3.0
        for _ in range(100):
            x = step(x)
        assert type(x) is float
        assert x == pytest.approx(1.0)
    with no_grad():
        p = Value(3.0)
        for _ in range(100):
            p.data -= 0.1 * grad(loss)(p)
    assert p.data == pytest.approx(1.0)


# ----- networks: a gradient penalty, and the residual of a differential equation -----


def networks() -> tuple[Any, Any, Any]:
    """The same MLP of Values, of Tensors and of PyTorch."""
    torch = pytorch()
    scalar = nn.MLP(1, [4, 1], activation="tanh", seed=0)
    vectorized = scalar.vectorize()
    state = [np.array(p.data) for p in vectorized.parameters()]
    peer = torch.nn.Sequential(torch.nn.Linear(1, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
    with torch.no_grad():
        for theirs, ours in zip(peer.parameters(), state, strict=True):
            theirs.copy_(torch.tensor(ours).reshape(theirs.shape))
    return scalar, vectorized, peer


POINTS = [-0.7, 0.2, 0.9]


def peer_gradients(peer: Any, residual: Callable[[Any, Any, Any], Any]) -> list[np.ndarray]:
    """d/dweights of the mean of residual(u, u', u'')² over the points, by PyTorch."""
    torch = pytorch()
    total = 0.0
    for t in POINTS:
        x = torch.tensor([[t]], dtype=torch.float64, requires_grad=True)
        u = peer(x).sum()
        (first,) = torch.autograd.grad(u, x, create_graph=True)
        (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
        total = total + residual(u, first.sum(), second.sum()) ** 2 / len(POINTS)
    peer.zero_grad()
    total.backward()
    return [np.zeros(p.shape) if p.grad is None else p.grad.numpy() for p in peer.parameters()]


def check(model: Any, right: list[np.ndarray]) -> None:
    for p, theirs in zip(model.parameters(), right, strict=True):
        found = np.zeros(p.shape) if p.grad is None else p.grad
        np.testing.assert_allclose(found.reshape(theirs.shape), theirs, rtol=1e-10, atol=1e-14)


RESIDUALS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "gradient penalty": lambda u, first, second: first - 1.0,
    "oscillator": lambda u, first, second: second + 4.0 * u,
    "Burgers": lambda u, first, second: u * first - 0.1 * second,
}


@pytest.mark.parametrize("name", RESIDUALS)
def test_the_residual_of_a_network_trains_its_weights(name: str) -> None:
    residual = RESIDUALS[name]
    scalar, vectorized, peer = networks()
    right = peer_gradients(peer, residual)

    def u(x: Any) -> Any:
        return scalar([x])

    losses = [residual(u(Value(t)), grad(u)(t), grad(grad(u))(t)) ** 2 / len(POINTS) for t in POINTS]
    sum(losses, Value(0.0)).backward()
    numbers = [p.grad for p in scalar.parameters()]

    def v(x: Any) -> Any:
        return vectorized(x).sum()

    def vector(t: float) -> np.ndarray:
        return np.array([[t]])

    total = Tensor(0.0).detach()
    for t in POINTS:
        second = hessian(v)(vector(t)).sum()
        total = total + residual(v(vector(t)), grad(v)(vector(t)).sum(), second) ** 2 / len(POINTS)
    total.backward()
    check(vectorized, right)
    assert sum(g * g for g in numbers) == pytest.approx(sum(float((g * g).sum()) for g in right), rel=1e-10)


def test_the_second_derivative_of_many_points_at_once() -> None:
    """u'' of each row by forward over reverse: the points do not meet, so one direction of ones does for all."""
    _, vectorized, peer = networks()
    x = np.array(POINTS).reshape(-1, 1)
    (second,) = hvp(lambda x: vectorized(x).sum(), (x,), (np.ones_like(x),))
    loss = ((second + 4.0 * vectorized(x)) ** 2).mean()
    loss.backward()
    right = peer_gradients(peer, RESIDUALS["oscillator"])
    check(vectorized, right)


def test_nested_orders_and_a_third_derivative() -> None:
    w = Value(0.7)
    f = lambda x: (w * x).exp()  # noqa: E731
    for d in (grad(grad(grad(f))), grad(lambda x: jvp(grad(f), (x,), (1.0,))[1]), jacobian(hessian(f))):
        w.zero_grad()
        d(0.5).backward()  # w³ e^{w x}
        assert w.grad == pytest.approx((3.0 * 0.7**2 + 0.5 * 0.7**3) * math.exp(0.35), rel=1e-12)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_a_gradient_that_has_a_graph_goes_through_a_reduction_that_is_0(name: str) -> None:
    """Only that of the norm is taken apart there: y² has the gradient 2 y ∂y/∂x, which is 0."""
    numbers = {"prod": [2.0, 0.0], "logsumexp": [math.log(0.25), math.log(0.75)], "norm": [0.0, 0.0]}
    xs = [Value(x) for x in numbers.get(name, [1.0, -1.0])]
    y = autograd.dot([xs[0]], [1.0], xs[1]) if name == "dot" else getattr(autograd, name)(xs)
    assert y.data == pytest.approx(0.0, abs=1e-15)
    (y * y).backward(create_graph=True)
    assert [x.grad.data for x in xs] == pytest.approx([0.0, 0.0], abs=1e-15)
