"""One number by all routes: losses, layers and steps by Values, Tensors, forward mode, differences and PyTorch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers import error, slopes
from peers import pytorch

import nn
from autograd import Tensor, Value, compile, jvp, no_grad
from autograd.ops import OPS, REAL
from nn.activations import ACTIVATIONS
from nn.losses import LOSSES

Array = np.ndarray[Any, Any]
N = 5
EVERY_LOSS = pytest.mark.parametrize("loss", list(LOSSES))
EVERY_ACTIVATION = pytest.mark.parametrize("activation", list(ACTIVATIONS))
OUTPUTS = {name: 3 if name == "cross_entropy" else 1 for name in LOSSES}


def targets(loss: str) -> Array:
    rng = np.random.default_rng(5)
    if loss == "cross_entropy":
        return rng.integers(0, OUTPUTS[loss], N)
    if loss == "hinge":
        return rng.choice([-1.0, 1.0], N)
    return rng.choice([0.0, 1.0], N) if loss == "bce_with_logits" else rng.normal(size=N)


def model_and_rows(activation: str, outputs: int) -> tuple[nn.MLP, Array]:
    """A scalar model of two layers, and rows whose sums w·x + b lie where the activation is defined."""
    rng = np.random.default_rng(3)
    model = nn.MLP(2, [3, outputs], activation=activation, seed=3)
    if activation == "linear" or OPS[activation].domain[0] == REAL:
        return model, rng.normal(size=(N, 2))
    for neuron in model.layers[0].neurons:
        for w in neuron.w:
            w.data = float(rng.uniform(0.2, 0.4))
    return model, rng.uniform(0.3, 0.9, size=(N, 2))


# ----- a loss of a model, as a function of the model's parameters -----


def scalar_loss(model: nn.MLP, X: Array, loss: str) -> Any:
    return LOSSES[loss]([model(row) for row in X.tolist()], targets(loss))


def by_values(model: nn.MLP, X: Array, loss: str) -> tuple[float, list[float]]:
    total = scalar_loss(model, X, loss)
    total.backward()
    return total.data, [p.grad for p in model.parameters()]


def by_tensors(model: nn.MLP, X: Array, loss: str) -> tuple[float, list[float]]:
    twin = model.vectorize()
    total = LOSSES[loss](twin(X), targets(loss))
    total.backward()
    return total.item(), by_neuron(twin, lambda p: p.grad)


def by_neuron(twin: nn.Sequential, number: Callable[[Any], Array]) -> list[float]:
    """What belongs to the parameters of a vectorized model, in the order of its scalar twin."""
    return [
        float(x)
        for layer in twin.layers
        for row, b in zip(number(layer.weight), number(layer.bias), strict=True)
        for x in (*row, b)
    ]


def by_differences(model: nn.MLP, X: Array, loss: str) -> tuple[float, list[float]]:
    parameters = model.parameters()

    def at(*numbers: float) -> float:
        for p, number in zip(parameters, numbers, strict=True):
            p.data = number
        with no_grad():
            return float(scalar_loss(model, X, loss))

    start = [p.data for p in parameters]
    found = slopes(at, start)
    return at(*start), found


def by_forward_mode(model: nn.MLP, X: Array, loss: str) -> tuple[float, list[float]]:
    """The slope along each parameter in turn, by a walk forwards."""

    def at(*parameters: Value) -> Any:
        given = iter(parameters)
        for layer in model.layers:
            for neuron in layer.neurons:
                neuron.w, neuron.b = [next(given) for _ in neuron.w], next(given)
        return scalar_loss(model, X, loss)

    start = tuple(p.data for p in model.parameters())
    walks = [jvp(at, start, tuple(unit)) for unit in np.eye(len(start)).tolist()]
    return walks[0][0], [slope for _, slope in walks]


def by_compiled(model: nn.MLP, X: Array, loss: str) -> tuple[float, list[float]]:
    total = compile(lambda: scalar_loss(model, X, loss))()
    total.backward()
    return total.data, [p.grad for p in model.parameters()]


def by_compiled_samples(model: nn.MLP, X: Array, loss: str) -> tuple[float, list[float]]:
    """The program of one example over all of them."""
    total = compile(lambda x, target: LOSSES[loss]([model(x)], [target])).batch(X, targets(loss))
    total.backward()
    return total.data, [p.grad for p in model.parameters()]


ROUTES = {
    by_values: 0.0, by_tensors: 1e-12, by_compiled: 1e-12, by_compiled_samples: 1e-12, by_forward_mode: 1e-12,
    by_differences: 1e-7,
}  # fmt: skip


@EVERY_LOSS
@EVERY_ACTIVATION
def test_a_loss_and_its_gradient_by_all_routes(loss: str, activation: str) -> None:
    expected: Any = None
    for route, tolerance in ROUTES.items():
        model, X = model_and_rows(activation, OUTPUTS[loss])
        value, gradient = route(model, X, loss)
        expected = expected or (value, gradient)
        assert error(value, expected[0]) <= min(tolerance, 1e-12), route.__name__
        assert error(gradient, expected[1]) <= tolerance, route.__name__
    assert np.isfinite(expected[1]).all()
    assert activation == "sign" or np.count_nonzero(expected[1]) > len(expected[1]) / 3


# ----- PyTorch -----


@EVERY_LOSS
def test_a_loss_is_pytorchs(loss: str) -> None:
    torch = pytorch()
    F = torch.nn.functional
    theirs = {
        "mse": F.mse_loss,
        "mae": F.l1_loss,
        "bce_with_logits": F.binary_cross_entropy_with_logits,
        "cross_entropy": F.cross_entropy,
        "hinge": lambda s, t: F.relu(1.0 - t * s).mean(),  # it has none of its own
    }
    predictions = np.random.default_rng(0).normal(scale=3.0, size=(N, 3) if loss == "cross_entropy" else (N,))
    scores, others = Tensor(predictions), torch.tensor(predictions, requires_grad=True)
    total, expected = LOSSES[loss](scores, targets(loss)), theirs[loss](others, torch.tensor(targets(loss)))
    total.backward()
    expected.backward()
    assert error(total.data, expected.detach()) < 1e-12
    assert error(scores.grad, others.grad) < 1e-12


@EVERY_ACTIVATION
def test_a_layer_is_pytorchs(activation: str) -> None:
    torch = pytorch()
    names = vars(torch) | vars(torch.nn.functional) | {"linear": torch.clone}
    if activation not in names:
        pytest.skip(f"PyTorch has no {activation}")
    model, X = model_and_rows(activation, 1)
    layer = model.layers[0].vectorize()
    rows = Tensor(X)
    x, W, b = (torch.tensor(p.data, requires_grad=True) for p in (rows, layer.weight, layer.bias))
    y, expected = layer(rows), names[activation](torch.nn.functional.linear(x, W, b))
    upstream = np.random.default_rng(1).normal(size=y.shape)
    y.backward(upstream)
    expected.backward(torch.tensor(upstream))
    assert error(y.data, expected.detach()) < 1e-12
    for ours, theirs in (rows, x), (layer.weight, W), (layer.bias, b):
        assert error(ours.grad, theirs.grad) < 1e-12


OPTIMIZERS: list[tuple[str, str, dict[str, Any]]] = [
    ("SGD", "SGD", {"lr": 0.1}),
    ("SGD", "SGD", {"lr": 0.1, "weight_decay": 0.01}),
    ("SGD", "SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", "SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("RMSProp", "RMSprop", {"lr": 0.01}),
    # faster, it would jump about the minimum and double every rounding on its way
    ("RMSProp", "RMSprop", {"lr": 0.002, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.01}),
    ("Adam", "Adam", {"lr": 0.01}),
    ("Adam", "Adam", {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-4, "weight_decay": 0.01}),
    ("AdamW", "AdamW", {"lr": 0.01}),
    ("AdamW", "AdamW", {"lr": 0.05, "betas": (0.8, 0.99), "weight_decay": 0.1}),
]


@pytest.mark.parametrize(("ours", "theirs", "words"), OPTIMIZERS, ids=str)
def test_fifty_steps_of_training_are_pytorchs(ours: str, theirs: str, words: dict[str, Any]) -> None:
    """A network of two layers, each engine with its own gradients from the first step to the last."""
    torch = pytorch()
    slow = nn.MLP(2, [4, 2], activation="tanh", seed=1)
    fast = slow.vectorize()
    X, y = nn.data.moons(12, noise=0.1, seed=0)
    rows, labels = torch.tensor(X), torch.tensor(y)
    W1, b1, W2, b2 = others = [torch.tensor(np.array(p.data), requires_grad=True) for p in fast.parameters()]
    scores: dict[Any, Callable[[], Any]] = {
        slow: lambda: [slow(row) for row in X.tolist()],
        fast: lambda: fast(X),
    }
    steppers = {model: getattr(nn, ours)(model, **words) for model in scores}
    stepper = getattr(torch.optim, theirs)(others, **words)
    for _ in range(50):
        for model, optimizer in steppers.items():
            optimizer.zero_grad()
            nn.cross_entropy(scores[model](), y).backward()
            optimizer.step()
        stepper.zero_grad()
        torch.nn.functional.cross_entropy(torch.tanh(rows @ W1.T + b1) @ W2.T + b2, labels).backward()
        stepper.step()
        for a, b, expected in zip(fast.parameters(), slow.vectorize().parameters(), others, strict=True):
            assert error(a.data, expected.detach()) < 1e-10
            assert error(b.data, expected.detach()) < 1e-10


# ----- the same again -----


@pytest.mark.parametrize("build", [nn.MLP, nn.vectorized.MLP], ids=["scalar", "vectorized"])
def test_ten_thousand_steps_from_one_seed_end_in_the_same_bits(build: Any) -> None:
    def trained() -> list[bytes]:
        data = nn.data.moons(200, noise=0.1, seed=0)
        model = build(2, [2, 1], activation="tanh", seed=0)
        optimizer = nn.Adam(model, lr=0.001)
        words = {"loss": "bce_with_logits", "epochs": 100, "batch_size": 2, "progress": False}
        history = nn.fit(model, data, optimizer=optimizer, **words)
        assert history.steps == 10_000
        return [np.asarray(p.data).tobytes() for p in model.parameters()]

    assert trained() == trained()
