"""Whole programs of the lecture's kind, with operations, drawing and optimizers that their authors wrote themselves.

Each is one text over a class `V`, run with micrograd's own `Value` and with ours; only then what micrograd has not.
"""

import math
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import micrograd.engine
import numpy as np
import pytest

import autograd
import nn
from autograd import Value, compile

Program = Callable[[Any], Any]
"""From a class of numbers to what the program prints."""


def tanh(V: Any, x: Any) -> Any:
    t = math.tanh(x.data)
    out = V(t, (x,), "tanh")

    def _backward() -> None:
        x.grad += (1 - t**2) * out.grad

    out._backward = _backward
    return out


def softplus(V: Any, x: Any) -> Any:
    out = V(math.log1p(math.exp(x.data)), _children=(x,), _op="softplus")

    def _backward() -> None:
        x.grad += out.grad / (1 + math.exp(-x.data))

    out._backward = _backward
    return out


def hypot(V: Any, a: Any, b: Any) -> Any:
    out = V(math.hypot(a.data, b.data), (a, b), "hypot")

    def _backward() -> None:
        a.grad += a.data / out.data * out.grad
        b.grad += b.data / out.data * out.grad

    out._backward = _backward
    return out


def own_operation(V: Any) -> Any:
    x = V(0.5)
    y = tanh(V, x)
    (y * y).backward()
    return x.grad, y.grad, y._op, y._prev == {x}


def own_operations_among_others(V: Any) -> Any:
    """Below and above the engine's own, shared by two, and with one operand twice."""
    a, b = V(0.7), V(-1.2)
    h = tanh(V, a * b + 0.3)
    g = softplus(V, h - a) * h
    twice = hypot(V, g, g)
    y = hypot(V, twice, b) / (h * h + 1.0) + twice
    y.backward()
    return y.data, a.grad, b.grad


def replaced_rule(V: Any) -> Any:
    """A gradient that is cut at 1 on its way: an author's `_backward` on a node of the engine's."""
    x = V(3.0)
    y = x * 1.0

    def _backward() -> None:
        x.grad += max(-1.0, min(1.0, y.grad))

    y._backward = _backward
    (y * y).backward()
    return x.grad, y.grad


def drawn(V: Any) -> Any:
    """A list of nodes and one of edges, for a drawing, with ``not in``."""
    x, w = V(2.0), V(2.0)
    e = tanh(V, x * w) + x * 1 + w * 1
    nodes: list[Any] = []
    edges: list[Any] = []

    def walk(v: Any) -> None:
        if v not in nodes:
            nodes.append(v)
            for parent in v._prev:
                if (parent, v) not in edges:
                    edges.append((parent, v))
                walk(parent)

    walk(e)
    return len(nodes), len(edges), sorted(v._op for v in nodes), nodes.index(x) != nodes.index(w), nodes.count(x)


def order_by_hand(V: Any) -> Any:
    """The author's topological sort, and `_backward` called node after node."""
    leaves = [V(0.1 * i - 0.2) for i in range(5)]
    total = sum((tanh(V, v * 2.0) ** 2 for v in leaves), V(0.0)) * leaves[0]
    order: list[Any] = []
    seen = set()

    def visit(v: Any) -> None:
        if v not in seen:
            seen.add(v)
            for parent in v._prev:
                visit(parent)
            order.append(v)

    visit(total)
    for v in order:
        v.grad = 0
    total.grad = 1.0
    for v in reversed(order):
        v._backward()
    return [v.grad for v in leaves]


class Net:
    """The lecture's neuron, layer and network, in ten lines."""

    def __init__(self, V: Any, sizes: list[int]) -> None:
        rng = random.Random(7)
        self.V = V
        self.layers = [[[V(rng.uniform(-1, 1)) for _ in range(n + 1)] for _ in range(m)] for n, m in pairwise(sizes)]

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = [tanh(self.V, sum((w * a for w, a in zip(row, x, strict=False)), row[-1])) for row in layer]
        return x[0]

    def parameters(self) -> list[Any]:
        return [w for layer in self.layers for row in layer for w in row]


DATA = [([2.0, 3.0], 1.0), ([3.0, -1.0], -1.0), ([0.5, 1.0], -1.0), ([1.0, 1.0], 1.0)]


def training(V: Any) -> Any:
    net = Net(V, [2, 3, 1])
    losses = []
    for _ in range(12):
        loss = sum(((net(x) - y) ** 2 for x, y in DATA), V(0))
        for p in net.parameters():
            p.grad = 0
        loss.backward()
        for p in net.parameters():
            p.data += -0.05 * p.grad
        losses.append(loss.data)
    return losses + [p.data for p in net.parameters()]


def adam(V: Any) -> Any:
    """With the moments kept on the parameters."""
    net = Net(V, [2, 3, 1])
    for p in net.parameters():
        p.m = p.v = 0.0
    for step in range(1, 9):
        for p in net.parameters():
            p.grad = 0
        sum(((net(x) - y) ** 2 for x, y in DATA), V(0)).backward()
        for p in net.parameters():
            p.m = 0.9 * p.m + 0.1 * p.grad
            p.v = 0.99 * p.v + 0.01 * p.grad**2
            p.data -= 0.1 * (p.m / (1 - 0.9**step)) / (math.sqrt(p.v / (1 - 0.99**step)) + 1e-8)
    return [number for p in net.parameters() for number in (p.data, p.m, p.v)]


def kept_and_removed(V: Any) -> Any:
    """Parameters in lists, found and taken out again: equal numbers are several parameters."""
    ps = [V(0.0) for _ in range(4)]
    third = ps[2]
    frozen = [ps[0], third]
    found = [ps.index(third), third in frozen, ps[1] in frozen, ps.count(ps[3])]
    ps.remove(third)
    trained = [p for p in ps if p not in frozen]
    return [*found, len(ps), any(p is third for p in ps), len(trained)]


PROGRAMS: list[Program] = [
    own_operation, own_operations_among_others, replaced_rule, drawn, order_by_hand, training, adam, kept_and_removed,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_the_same_program_prints_the_same(program: Program) -> None:
    theirs, ours = program(micrograd.engine.Value), program(Value)
    assert len(ours) == len(theirs)
    for one, two in zip(ours, theirs, strict=True):
        assert one == (pytest.approx(two, rel=1e-12) if isinstance(two, float) else two)


def test_a_node_prints_as_micrograds() -> None:
    for V in (micrograd.engine.Value, Value):
        x = V(2.0)
        assert eval(repr(x), {"Value": lambda data, grad: (data, grad)}) == (2.0, 0.0)
        (x * 3.0).backward()
        assert repr(x) == "Value(data=2.0, grad=3.0)"
    assert type(Value(1.0).grad * 1.0) is float


def test_the_words_of_micrograds_layers() -> None:
    for words in ({"nonlin": False}, {"activation": "linear"}, {"activation": False}):
        assert nn.Neuron(2, **words).activation == "linear"
        assert [n.activation for n in nn.Layer(2, 3, **words).neurons] == ["linear"] * 3
    for activation in ("tanh", "relu"):
        assert nn.Neuron(2, activation, nonlin=True).activation == activation
        assert nn.Neuron(2, activation, nonlin=False).activation == "linear"
    assert nn.Neuron(2, True).activation == "relu"  # type: ignore[arg-type]
    with pytest.raises((TypeError, ValueError), match="nonlin"):
        nn.Neuron(2, nonlin="no")  # type: ignore[arg-type]


# ----- operations with local gradients, as in a GPT of two hundred lines -----


def times(a: Value, b: Value) -> Value:
    return Value(a.data * b.data, (a, b), (b.data, a.data))


def plus(a: Value, b: Value) -> Value:
    return Value(a.data + b.data, (a, b), (1, 1))


def power(a: Value, n: float) -> Value:
    return Value(a.data**n, (a,), (n * a.data ** (n - 1),))


def exp(a: Value) -> Value:
    return Value(math.exp(a.data), (a,), (math.exp(a.data),))


def log(a: Value) -> Value:
    return Value(math.log(a.data), children=(a,), local_grads=[1 / a.data])


def total(xs: list[Value]) -> Value:
    out = xs[0]
    for x in xs[1:]:
        out = plus(out, x)
    return out


def rmsnorm(xs: list[Value]) -> list[Value]:
    mean = times(total([times(x, x) for x in xs]), Value(1.0 / len(xs)))
    scale = power(plus(mean, Value(1e-5)), -0.5)
    return [times(x, scale) for x in xs]


def test_a_loss_of_normed_logits() -> None:
    logits = [Value(x) for x in (0.3, -1.2, 0.8, 0.05)]
    normed = rmsnorm(logits)
    top = max(x.data for x in normed)
    powers = [exp(plus(x, Value(-top))) for x in normed]
    loss = times(log(times(powers[2], power(total(powers), -1))), Value(-1.0))
    loss.backward()
    again = [Value(x.data) for x in logits]
    scale = (autograd.mean([x * x for x in again]) + 1e-5) ** -0.5
    expected = -autograd.log_softmax([x * scale for x in again])[2]
    expected.backward()
    assert loss.data == pytest.approx(expected.data, rel=1e-14)
    assert [x.grad for x in logits] == pytest.approx([x.grad for x in again], rel=1e-12)


def test_backpropagation_by_hand_over_children_and_local_gradients() -> None:
    a, b = Value(2.0), Value(-3.0)
    y = plus(times(a, b), times(a, a)) * b
    order: list[Any] = []
    seen: set[Any] = set()

    def visit(v: Any) -> None:
        if v not in seen:
            seen.add(v)
            for child in v._children:
                visit(child)
            order.append(v)

    visit(y)
    y.grad = 1.0
    for v in reversed(order):
        for child, local in zip(v._children, v._local_grads, strict=True):
            child.grad += local * v.grad
    assert (a.grad, b.grad) == (-3.0, -8.0)


# ----- a class of one's own -----


class Logged(Value):
    """What the lecture's listeners write: a Value that tells what is computed with it."""

    lines: list[str] = []  # noqa: RUF012 (shared on purpose)
    unit = ""

    def __mul__(self, other: Any) -> Any:
        out = super().__mul__(other)
        Logged.lines.append(f"*{self.unit}")
        return out

    def squared(self) -> Any:
        return self * self


def test_a_class_that_logs() -> None:
    Logged.lines.clear()
    x = Logged(3.0)
    x.unit = " m"
    y = (x + 1.0).squared().tanh().squared() * 2.0
    y.backward()
    x.squared()
    assert Logged.lines == ["*", "*", "*", "* m"]
    assert type(y) is Logged
    u = math.tanh(16.0)
    assert x.grad == pytest.approx(2.0 * 2.0 * u * (1.0 - u * u) * 8.0, rel=1e-6)


def test_a_class_that_logs_is_compiled() -> None:
    x = Logged(3.0)
    x.unit = " m"
    compiled = compile(lambda k: (x * k).squared() + x.squared())
    loss = compiled(2.0)
    loss.backward()
    assert (loss.data, x.grad, x.unit) == (45.0, 30.0, " m")
    assert isinstance(x, Logged)
    assert type(x * 2.0) is type(x.squared()) is type(x.detach()) is Logged


# ----- NumPy's arrays of Values, and one Value -----


def test_a_stable_softmax_over_an_array() -> None:
    numbers = [0.3, -1.2, 400.0, 399.0]
    x = np.array([Value(number) for number in numbers])
    leaves = list(x)
    alias = x
    x -= x.max()
    assert alias is x
    e = np.exp(x)
    p = e / e.sum()
    loss = -np.log(p[3])
    loss.backward()
    expected = np.exp(np.array(numbers) - 400.0)
    expected /= expected.sum()
    assert loss.data == pytest.approx(-math.log(expected[3]), rel=1e-14)
    assert [v.grad for v in leaves] == pytest.approx(list(expected - [0, 0, 0, 1]), rel=1e-12)
