"""Code written for micrograd and the nn-zero-to-hero lecture, in our own words, with only the import changed."""

import random
from typing import Any

import micrograd.engine
import micrograd.nn
import numpy as np
import pytest

from autograd import Value
from nn import MLP, Layer, Module, Neuron, data

X, LABELS = data.moons(100, noise=0.1)
Y = 2 * LABELS - 1  # micrograd's demo has -1 and +1


def demo_loss(model: Any, number: Any, rows: Any, signs: Any) -> tuple[Any, float]:
    """The loss of micrograd's moons demo, on whichever engine's numbers."""
    inputs = [list(map(number, row)) for row in rows]
    scores = list(map(model, inputs))
    losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(signs, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    alpha = 1e-4
    reg_loss = alpha * sum(p * p for p in model.parameters())
    total_loss = data_loss + reg_loss
    right = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(signs, scores, strict=True)]
    return total_loss, sum(right) / len(right)


def test_the_readmes_expression() -> None:
    a, b = Value(-4.0), Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert f"{g.data:.4f} {a.grad:.4f} {b.grad:.4f}" == "24.7041 138.8338 645.5773"


def test_the_demos_network() -> None:
    model = MLP(2, [16, 16, 1])
    assert len(model.parameters()) == 337
    assert isinstance(model, Module)
    assert [len(layer.neurons) for layer in model.layers] == [16, 16, 1]
    assert {len(model.layers[1].neurons[0].w), len(model.layers[2].neurons[0].w)} == {16}
    assert all(type(p.data) is float and p.grad == 0 for p in model.parameters())
    assert isinstance(model([1.0, -2.0]), Value)
    assert isinstance(model([Value(1.0), Value(-2.0)]), Value)
    assert min(neuron([0.3, -0.2]).data for neuron in model.layers[0].neurons) == 0.0  # relu inside
    last = model.layers[-1].neurons[0]
    ones = [1.0] * 16
    assert last(ones).data == pytest.approx(sum(w.data for w in last.w) + last.b.data)  # and a linear output


def test_the_demos_training_loop() -> None:
    random.seed(1337)
    model = MLP(2, [16, 16, 1])
    accuracy = 0.0
    for k in range(60):
        total_loss, accuracy = demo_loss(model, Value, X.tolist(), Y.tolist())
        if accuracy >= 0.97:
            break
        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad
    assert accuracy >= 0.97


def test_the_same_numbers_as_micrograd_itself() -> None:
    random.seed(1337)
    theirs = micrograd.nn.MLP(2, [16, 16, 1])
    ours = MLP(2, [16, 16, 1])
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        p.data = float(q.data)
    rows, signs = X[:10].tolist(), Y[:10].tolist()
    for k in range(3):
        losses = [demo_loss(ours, Value, rows, signs), demo_loss(theirs, micrograd.engine.Value, rows, signs)]
        assert losses[0][0].data == pytest.approx(losses[1][0].data, rel=1e-12)
        assert losses[0][1] == losses[1][1]
        for (loss, _), model in zip(losses, (ours, theirs), strict=True):
            model.zero_grad()
            loss.backward()
        gradients = [[p.grad for p in model.parameters()] for model in (ours, theirs)]
        np.testing.assert_allclose(*gradients, rtol=1e-9, atol=1e-12)
        assert np.abs(gradients[0]).max() > 0.0
        for model in ours, theirs:
            for p in model.parameters():
                p.data -= (1.0 - 0.9 * k / 100) * p.grad


def test_pythons_seed_makes_a_model_reproducible() -> None:
    models = []
    for seed in (1337, 1337, 1338):
        random.seed(seed)
        models.append([p.data for p in MLP(2, [16, 16, 1]).parameters()])
    assert models[0] == models[1]
    assert models[0] != models[2]
    assert MLP(2, [3]).state_dict() != MLP(2, [3]).state_dict()  # without it, every model is another


def test_the_lectures_three_inputs_four_examples() -> None:
    """MLP(3, [4, 4, 1]), squared errors summed by hand, plain gradient descent."""
    random.seed(0)
    n = MLP(3, [4, 4, 1], activation="tanh", output="tanh")
    assert len(n.parameters()) == 41
    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    ys = [1.0, -1.0, -1.0, 1.0]
    ypred: list[Any] = []
    losses = []
    for _ in range(60):
        ypred = [n(x) for x in xs]
        loss = sum((yout - ygt) ** 2 for ygt, yout in zip(ys, ypred, strict=True))
        for p in n.parameters():
            p.grad = 0.0
        loss.backward()
        for p in n.parameters():
            p.data += -0.1 * p.grad
        losses.append(loss.data)
    assert losses[-1] < 0.05 < losses[0]
    assert [round(y.data) for y in ypred] == ys


def test_the_parts_by_themselves() -> None:
    neuron, layer = Neuron(2), Layer(2, 3)
    assert len(neuron.parameters()) == 3
    assert neuron.parameters() == [*neuron.w, neuron.b]
    assert len(layer.parameters()) == 9
    assert [p for n in layer.neurons for p in n.parameters()] == layer.parameters()
    out = layer([Value(1.0), 2.0])
    assert len(out) == 3
    out[0].backward()
    layer.zero_grad()
    assert all(p.grad == 0 for p in layer.parameters())


def test_a_neuron_of_ones_own_on_modules() -> None:
    """The lecture's classes, written out by the learner on top of `Module`: no parameters() needed."""

    class Own(Module):
        def __init__(self, nin: int) -> None:
            self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
            self.b = Value(random.uniform(-1, 1))

        def __call__(self, x: Any) -> Any:
            act = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
            return act.tanh()

    neuron = Own(2)
    out = neuron([1.0, -2.0])
    out.backward()
    assert neuron.parameters() == [*neuron.w, neuron.b]
    slope = 1.0 - out.data**2
    assert [p.grad for p in neuron.parameters()] == pytest.approx([slope, -2.0 * slope, slope])
