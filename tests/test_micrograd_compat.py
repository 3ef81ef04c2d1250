"""Programs written for micrograd run after a change of the import, and print what they printed.

Each is written once, over a class `V`, and run with both: micrograd's own `Value` from the package index, and ours.
"""

import math
import random
from collections.abc import Callable
from typing import Any

import micrograd.engine
import micrograd.nn
import pytest

from autograd import Value

Program = Callable[[Any], tuple[Any, list[Any]]]
"""From a class of numbers to a result and the leaves it was made from."""


def tour(V: Any) -> tuple[Any, list[Any]]:
    """Every operation of micrograd, numbers on either side, names bound again and again."""
    p, q = V(-4.0), V(2.0)
    r = p + q
    s = p * q + q**3
    r += r + 1
    r += 1 + r + (-p)
    s += s * 2 + (q + p).relu()
    s += 3 * s + (q - p).relu()
    t = r - s
    u = t**2
    v = u / 2.0
    v += 10.0 / u
    return v, [p, q]


def polynomial(V: Any) -> tuple[Any, list[Any]]:
    x = V(3.0)
    return 3 * x**2 - 4 * x + 5, [x]


def labelled_product(V: Any) -> tuple[Any, list[Any]]:
    a, b, c, f = V(2.0), V(-3.0), V(10.0), V(-2.0)
    return (a * b + c) * f, [a, b, c, f]


def reused(V: Any) -> tuple[Any, list[Any]]:
    a = V(3.0)
    b = a + a
    return b * b * a - a / b, [a]


def reflected(V: Any) -> tuple[Any, list[Any]]:
    x = V(0.8)
    return 2 - x + 3 / x - (1 - x) * 4 + (-x) ** 2 + x**-1.5, [x]


def relu_on_both_sides(V: Any) -> tuple[Any, list[Any]]:
    xs = [V(-1.5), V(0.0), V(2.5)]
    return sum(x.relu() * (i + 1) for i, x in enumerate(xs)), xs


def summed(V: Any) -> tuple[Any, list[Any]]:
    ws = [V(0.1 * i - 0.3) for i in range(8)]
    errors = [(w * (i + 1) - 1) ** 2 for i, w in enumerate(ws)]
    return sum(errors) * (1.0 / len(errors)) + 1e-4 * sum((w * w for w in ws), V(0.0)), ws


PROGRAMS: list[Program] = [tour, polynomial, labelled_product, reused, reflected, relu_on_both_sides, summed]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_the_same_program_gives_the_same_numbers(program: Program) -> None:
    theirs, their_leaves = program(micrograd.engine.Value)
    ours, our_leaves = program(Value)
    theirs.backward()
    ours.backward()
    assert isinstance(ours, Value)
    assert ours.data == pytest.approx(theirs.data, rel=1e-14)
    assert ours.grad == theirs.grad == 1
    for x, y in zip(our_leaves, their_leaves, strict=True):
        assert x.data == y.data
        assert x.grad == pytest.approx(y.grad, rel=1e-13)


def test_the_tour_prints_what_micrograds_page_promises() -> None:
    v, (p, q) = tour(Value)
    assert f"{v.data:.4f}" == "24.7041"
    v.backward()
    assert f"{p.grad:.4f}" == "138.8338"
    assert f"{q.grad:.4f}" == "645.5773"


# ----- what micrograd's own layers and training loop ask of a number -----


def train(monkeypatch: pytest.MonkeyPatch, V: Any, steps: int = 5) -> list[float]:
    """micrograd's own `MLP` over the class ``V``: hinge loss, weight decay, gradient descent by hand."""
    monkeypatch.setattr(micrograd.nn, "Value", V)
    random.seed(1337)
    model = micrograd.nn.MLP(2, [4, 4, 1])
    points = [[math.cos(k), math.sin(2.0 * k)] for k in range(12)]
    labels = [1.0 if x * y > 0 else -1.0 for x, y in points]
    losses = []
    for k in range(steps):
        inputs = [list(map(V, point)) for point in points]
        scores = list(map(model, inputs))
        hinge = [(1 + -yi * score).relu() for yi, score in zip(labels, scores, strict=True)]
        data_loss = sum(hinge) * (1.0 / len(hinge))
        loss = data_loss + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= rate * p.grad
        losses.append(loss.data)
    accuracy = [(yi > 0) == (score.data > 0) for yi, score in zip(labels, scores, strict=True)]
    return [*losses, sum(accuracy) / len(accuracy), *[p.data for p in model.parameters()]]


def test_micrograds_own_network_trains_alike_on_our_values(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = train(monkeypatch, micrograd.engine.Value)
    ours = train(monkeypatch, Value)
    assert ours == pytest.approx(theirs, rel=1e-9)
    assert ours[4] < ours[0]


# ----- the lecture: one neuron, taken apart -----


def neuron() -> dict[str, Value]:
    """o = tanh(x1 w1 + x2 w2 + b), with a bias for which the derivatives come out as round numbers."""
    x1, x2 = Value(2.0, label="x1"), Value(0.0, label="x2")
    w1, w2 = Value(-3.0, label="w1"), Value(1.0, label="w2")
    b = Value(6.8813735870195432, label="b")
    x1w1 = x1 * w1
    x1w1.label = "x1*w1"
    x2w2 = x2 * w2
    both = x1w1 + x2w2
    n = both + b
    n.label = "n"
    o = n.tanh()
    o.label = "o"
    return {"x1": x1, "x2": x2, "w1": w1, "w2": w2, "b": b, "x1w1": x1w1, "x2w2": x2w2, "both": both, "n": n, "o": o}


GRADIENTS = {
    "o": 1.0, "n": 0.5, "b": 0.5, "both": 0.5, "x1w1": 0.5, "x2w2": 0.5, "x1": -1.5, "w1": 1.0, "x2": 0.5, "w2": 0.0,
}  # fmt: skip


def test_a_neuron_backpropagated_by_the_engine() -> None:
    v = neuron()
    v["o"].backward()
    assert v["o"].data == pytest.approx(math.sqrt(0.5), rel=1e-12)
    assert {name: node.grad for name, node in v.items()} == pytest.approx(GRADIENTS, rel=1e-12)


def test_a_neuron_backpropagated_by_hand() -> None:
    v = neuron()
    v["o"].grad = 1.0
    for name in ("o", "n", "b", "both", "x2w2", "x1w1"):
        v[name]._backward()  # on the leaf b too: it has nobody to send to
    assert {name: node.grad for name, node in v.items()} == pytest.approx(GRADIENTS, rel=1e-12)


def test_contributions_add_up_by_hand_too() -> None:
    a = Value(3.0)
    b = a + a
    c = b * a
    c.grad = 1.0
    c._backward()
    b._backward()
    assert a.grad == 6.0 + 2.0 * 3.0


def test_backpropagation_by_ones_own_topological_sort() -> None:
    """The lecture builds the order itself, with a set and a recursion over `_prev`."""
    v = neuron()
    order: list[Value] = []
    visited = set()

    def visit(node: Value) -> None:
        if node not in visited:
            visited.add(node)
            for child in node._prev:
                visit(child)
            order.append(node)

    visit(v["o"])
    assert len(order) == 10
    v["o"].grad = 1.0
    for node in reversed(order):
        node._backward()
    assert {name: node.grad for name, node in v.items()} == pytest.approx(GRADIENTS, rel=1e-12)


def test_tanh_spelt_out_with_exp_is_the_same_neuron() -> None:
    v = neuron()
    e = (2 * v["n"]).exp()
    o = (e - 1) / (e + 1)
    o.backward()
    assert o.data == pytest.approx(v["o"].data, rel=1e-12)
    for name in ("x1", "w1", "x2", "w2", "b"):
        assert v[name].grad == pytest.approx(GRADIENTS[name], rel=1e-12)


def test_a_graph_is_drawn_from_prev_and_op() -> None:
    """The notebooks' drawing code walks `_prev`, shows `label`, `data` and `grad`, and `_op` where there is one."""
    v = neuron()
    v["o"].backward()
    nodes: set[Value] = set()
    edges: set[tuple[Value, Value]] = set()

    def trace(node: Value) -> None:
        if node not in nodes:
            nodes.add(node)
            for child in node._prev:
                edges.add((child, node))
                trace(child)

    trace(v["o"])
    assert len(nodes) == 10
    assert len(edges) == 9
    text = {f"{node.label} | data {node.data:.4f} | grad {node.grad:.4f}" for node in nodes}
    assert "x1 | data 2.0000 | grad -1.5000" in text
    assert "o | data 0.7071 | grad 1.0000" in text
    assert sorted(node._op for node in nodes if node._op) == ["*", "*", "+", "+", "tanh"]
    assert all((node._op == "") == (not node._prev) for node in nodes)


def test_the_operations_carry_micrograds_signs() -> None:
    a, b = Value(2.0), Value(3.0)
    assert [(a + b)._op, (a * b)._op, a.relu()._op, a.tanh()._op, a.exp()._op] == ["+", "*", "ReLU", "tanh", "exp"]
    assert (a**2)._op.startswith("**")
    assert set((a * b)._prev) == {a, b}
    assert (a * a)._prev == {a}
    assert a._prev == set()
    assert a._op == ""


def test_gradients_gather_until_they_are_reset() -> None:
    a = Value(3.0)
    (a * a).backward()
    (a * 2).backward()
    assert a.grad == 8.0
    a.grad = 0.0
    (a * a).backward()
    assert a.grad == 6.0


def test_a_bump_of_the_data_moves_the_result_along_the_gradient() -> None:
    L, leaves = labelled_product(Value)
    L.backward()
    before = L.data
    for leaf in leaves:
        leaf.data += 0.01 * leaf.grad
    a, b, c, f = leaves
    assert ((a * b + c) * f).data > before


def test_repr_shows_data_and_grad() -> None:
    assert repr(Value(2.0)) == "Value(data=2.0, grad=0.0)"
