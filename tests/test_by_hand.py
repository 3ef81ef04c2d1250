"""Nodes made by hand beside the engine's own: each row of the table once by a closure, and once by local gradients."""

import copy
import html
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import (
    AnomalyError,
    GraphError,
    TraceError,
    Value,
    compile,
    custom_op,
    detect_anomaly,
    grad,
    hessian,
    jacobian,
    jvp,
    no_grad,
    viz,
)
from autograd.namespaces import SCALARS, ieee
from autograd.ops import OPS, Op

ROWS = [op for op in OPS.values() if op.name != "where"]  # whose condition is no number


def by_rule(op: Op, *xs: Value) -> Value:
    return Value._apply(op, *xs)


def partials(op: Op, xs: tuple[Value, ...]) -> tuple[float, list[float]]:
    numbers = [x.data for x in xs]
    y = ieee(op.forward, *numbers)
    return y, [float(d(SCALARS, y, *numbers)) for d in op.partials]


def by_closure(op: Op, *xs: Value) -> Value:
    y, slopes = partials(op, xs)
    out = Value(y, xs, op.symbol)

    def _backward() -> None:
        for x, slope in zip(xs, slopes, strict=True):
            x.grad += slope * out.grad

    out._backward = _backward
    return out


def by_local_grads(op: Op, *xs: Value) -> Value:
    y, slopes = partials(op, xs)
    return Value(y, xs, slopes)


WAYS: list[Callable[..., Value]] = [by_closure, by_local_grads]
EACH_WAY = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
EACH_ROW = pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)


def program(way: Callable[..., Value], op: Op) -> tuple[Value, list[Value]]:
    """Operands that are leaves and results, used again beside it, and its result used twice."""
    leaves = [Value(low + 0.4 * (high - low)) for low, high in op.domain]
    operands = [leaf * 1.0 for leaf in leaves]
    y = way(op, *operands)
    return y * y.tanh() + operands[0] * y, leaves


@EACH_WAY
@EACH_ROW
def test_each_row_by_hand_has_the_gradient_and_the_pictures_of_the_row(op: Op, way: Any) -> None:
    (root, leaves), (expected, others) = program(way, op), program(by_rule, op)
    root.backward()
    expected.backward()
    assert root.data == expected.data
    assert [x.grad for x in leaves] == pytest.approx([x.grad for x in others], rel=1e-13, abs=1e-300)
    ours, theirs = viz.trace(root), viz.trace(expected)
    drawn, expected_there = (
        [x.grad for x in shown.nodes] + [e.derivative for e in shown.edges] for shown in (ours, theirs)
    )
    assert [x is None for x in drawn] == [x is None for x in expected_there]
    assert [x or 0.0 for x in drawn] == pytest.approx([x or 0.0 for x in expected_there], rel=1e-13)
    if way is by_closure:
        assert [node.symbol for node in ours.nodes] == [node.symbol for node in theirs.nodes]


@EACH_ROW
def test_local_gradients_go_forwards_too(op: Op) -> None:
    def f(way: Any) -> Any:
        return lambda *xs: way(op, *xs) * xs[0]

    point = tuple(low + 0.4 * (high - low) for low, high in op.domain)
    directions = tuple(math.cos(i) for i in range(len(point)))
    assert jvp(f(by_local_grads), point, directions) == pytest.approx(jvp(f(by_rule), point, directions), rel=1e-13)


@EACH_WAY
def test_every_picture_shows_such_a_graph(way: Any) -> None:
    root, leaves = program(way, OPS["softplus"])
    root.backward()
    before = [node.grad for node in autograd.topological_order(root)]
    sign = "softplus" if way is by_closure else "by hand"
    picture = root.draw()
    for text in (str(viz.tree(root)), picture.mermaid, picture.dot, picture.svg(), viz.step(root).html):
        assert sign in html.unescape(text)
    assert "the 4 paths" in str(root.explain(leaves[0]))
    assert [node.grad for node in autograd.topological_order(root)] == before


def tanh(x: Value) -> Value:
    out = Value(math.tanh(x.data), (x,), "tanh")

    def _backward() -> None:
        x.grad += (1 - out.data**2) * out.grad

    out._backward = _backward
    return out


def times(a: Value, b: Value) -> Value:
    return Value(a.data * b.data, (a, b), (b.data, a.data))


def recorded_times(a: Value, b: Value) -> Value:
    return Value(a.data * b.data, (a, b), (b, a))


def test_functions_of_such_operations_have_derivatives() -> None:
    slope = 1.0 - math.tanh(0.5) ** 2
    assert grad(tanh)(0.5) == pytest.approx(slope, rel=1e-15)
    assert grad(lambda x: times(tanh(x), x))(0.5) == pytest.approx(0.5 * slope + math.tanh(0.5), rel=1e-15)


# ----- what is missing, and what to write instead -----

REMEDY = r"write the operation by autograd\.custom_op, which takes its formula and one derivative for each argument"


@custom_op(lambda m, y, x: 1.0 - y * y)
def row_tanh(m: Any, x: Any) -> Any:
    return m.tanh(x)


def test_forward_mode_of_a_closure_names_the_remedy_which_works() -> None:
    for derivative in (lambda f: jvp(f, (0.5,), (1.0,))[1], lambda f: jacobian(f)(0.5)):
        with pytest.raises(
            GraphError, match=rf"tanh was made by hand, and a _backward goes backwards, and forward mode.*{REMEDY}"
        ):
            derivative(tanh)
        assert derivative(row_tanh) == pytest.approx(grad(tanh)(0.5), rel=1e-15)


def test_higher_derivatives_name_the_remedy_which_works() -> None:
    t = math.tanh(0.5)
    second = -2.0 * t * (1.0 - t * t)
    for derivative in (lambda f: grad(grad(f))(0.5), lambda f: hessian(f)(0.5)):
        with pytest.raises(GraphError, match=f"what a _backward computes with numbers is not known; {REMEDY}"):
            derivative(tanh)
        assert derivative(row_tanh) == pytest.approx(second, rel=1e-14)
    x = Value(0.5)
    with pytest.raises(GraphError, match="tanh was made by hand"):
        tanh(x).backward(create_graph=True)
    assert (x.grad, x._prev) == (0.0, set())


def test_higher_derivatives_of_local_gradients_need_values_there() -> None:
    with pytest.raises(GraphError, match=rf"a plain number, 3, is not known; give Values.*, or {REMEDY}"):
        grad(grad(lambda a: times(a, a)))(3.0)
    assert grad(grad(lambda a: recorded_times(recorded_times(a, a), a)))(3.0) == 18.0
    constant = Value(2.0).detach()
    assert grad(grad(lambda a: Value(2.0 * a.data, (a,), (constant,)) * a))(3.0) == 4.0


def test_a_local_gradient_that_was_moved_is_refused() -> None:
    a, b = Value(2.0), Value(3.0)
    y = recorded_times(a, b)
    b.data = 7.0
    with pytest.raises(GraphError, match=r"was a local gradient of .* as 3, and has been changed since"):
        y.backward(create_graph=True)
    y.backward()
    assert (a.grad, b.grad) == (3.0, 2.0)


def test_a_compiled_function_names_the_remedy_which_works() -> None:
    w = Value(0.5)
    with pytest.raises(TraceError, match=r"Write autograd\.tanh\(x\) for math\.tanh\(x\)"):
        compile(lambda x: tanh(w * x))(2.0)
    assert compile(lambda x: autograd.tanh(w * x))(2.0).data == pytest.approx(math.tanh(1.0), rel=1e-15)
    with pytest.raises(TraceError, match=r"(?s)operation by hand.* an operation of\s+your own by autograd\.custom_op"):
        compile(lambda x: times(w * x, w * x))(2.0)
    outside = tanh(w)
    with pytest.raises(TraceError, match="was computed outside of it"):
        compile(lambda x: outside * x)(2.0)
    loss = compile(lambda x: row_tanh(w * x))(2.0)
    loss.backward()
    assert w.grad == pytest.approx(2.0 * (1.0 - math.tanh(1.0) ** 2), rel=1e-14)


def test_to_compute_it_again_names_the_remedy_which_works() -> None:
    x = Value(0.5)
    with pytest.raises(GraphError, match=f"tanh was computed by hand, and cannot be computed again; {REMEDY}"):
        viz.step(tanh(x) * x, check=True)
    viz.step(row_tanh(x) * x, check=True)


def test_a_copy_is_refused_where_a_closure_knows_its_nodes() -> None:
    x = Value(0.5)
    for copied in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"has a _backward of its own, which knows the nodes .* copy the leaves"):
            copied(tanh(x) * 1.0 if copied is copy.deepcopy else tanh(x))
    y = times(x, x)
    twin = copy.deepcopy(y)
    twin.backward()
    assert (x.grad, twin._children[0].grad) == (0.0, 1.0)


# ----- mistakes -----


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda x: Value(1.0, 3), r"after the number comes a label.*got 3"),
        (lambda x: Value(1.0, (2.0,), "f"), r"the children are the Values .*got 2\.0 among them"),
        (lambda x: Value(1.0, (x,), 3), r"after the children comes the name .*got 3"),
        (lambda x: Value(1.0, (x,), (1.0, 2.0)), r"one local gradient for each child: got 2 for 1"),
        (lambda x: Value(1.0, (x,), ("1.0",)), r"not str '1\.0'; convert it first"),
        (lambda x: setattr(x * x, "_backward", 3), r"_backward is a function without arguments.*got 3"),
        (lambda x: setattr(x, "_backward", lambda: None), r"no gradient goes through a leaf; name what it was\s+made"),
    ],
)
def test_a_mistake_is_explained(made: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError, GraphError), match=message):
        made(Value(2.0))


def test_a_closure_that_fails_leaves_every_gradient_as_it_was() -> None:
    x = Value(0.5)
    out = Value(0.25, (x,), "square")

    def _backward() -> None:
        x.grad += 1.0
        x.grad += None

    out._backward = _backward
    x.grad, out.grad = 7.0, 3.0
    root = out * x
    with pytest.raises(TypeError) as raised:
        root.backward()
    assert "adds numbers to the grad of its children: argument = 0.5" in raised.value.__notes__[0]
    assert (x.grad, out.grad, root.grad) == (7.0, 3.0, 0.0)


def test_children_that_are_constants_and_no_grad() -> None:
    x, c = Value(0.5), Value(3.0).detach()
    times(c, x).backward()
    tanh(c * x).backward()
    assert c.grad == 0.0 and x.grad == pytest.approx(3.0 + 3.0 * (1.0 - math.tanh(1.5) ** 2))
    with no_grad():
        y = tanh(x)
    for constant in (y, tanh(c), times(c, c)):
        assert not constant.requires_grad and constant._prev == set()


def test_a_constant_that_a_model_keeps_is_no_part_of_its_state() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.w = Value(0.5)

        def __call__(self, x: Any) -> Any:
            with no_grad():
                self.last = tanh(self.w * x)
            return self.w * self.last

    model = Model()
    model(2.0).backward()
    assert list(model.state_dict()) == ["w"] and model.w.grad == pytest.approx(math.tanh(1.0))


def test_a_closure_that_sends_values_sends_their_numbers() -> None:
    x = Value(3.0)
    y = Value(9.0, (x,), "square")

    def _backward() -> None:
        x.grad += 2 * x * np.float32(y.grad)

    y._backward = _backward
    y.backward()
    assert (type(x.grad), x.grad) == (float, 6.0)


def test_without_a_derivative_nothing_is_sent_as_on_micrograd() -> None:
    x = Value(2.0)
    y = Value(4.0, (x,), "square")
    (y * x).backward()
    assert (x.grad, y.grad) == (4.0, 2.0)
    with pytest.raises(GraphError, match=f"square was made by hand, and was given neither .*, or {REMEDY}"):
        jacobian(lambda x: Value(x.data**2, (x,), "square"))(2.0)
    for name in ("square", "tanh", "relu"):  # pictures ask how flat a tanh is
        z = Value(1.0, (x,), name) * 2.0
        for text in (str(viz.tree(z)), z.draw().svg(), viz.step(z).html):
            assert name in text


def test_anomalies_are_found_in_them_too() -> None:
    with detect_anomaly(), pytest.raises(AnomalyError, match="blow made inf"):
        Value(math.inf, (Value(0.5),), "blow")
    x = Value(0.5)
    out = Value(0.5, (x,), "tanh")
    out._backward = lambda: setattr(x, "grad", math.nan)
    with detect_anomaly(), pytest.raises(AnomalyError, match="the gradient of tanh made nan"):
        out.backward()


def test_labels_and_words() -> None:
    x = Value(2.0)
    assert Value(4.0, (x,), "f", label="y").label == Value(4.0, (x,), "f", "y").label == "y"
    assert Value(4.0, _children=(x,), _op="f")._op == "f"
    assert Value(4.0, children=[x, x], local_grads=[1, 2])._local_grads == (1.0, 2.0)
    assert Value(4.0, {x}, "f")._prev == {x}
    assert (Value(4.0, (), "f")._prev, Value(4.0, (), ())._local_grads) == (set(), ())
