"""`Value` as a number among numbers: what it is made from, how it compares and prints, how its gradients add up."""

import copy
import math
import pickle
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import GraphError, Tensor, Value, no_grad

# ----- what a Value is made from -----


@pytest.mark.parametrize(
    "number",
    [
        2, 2.0, True, np.float64(2.0), np.float32(2.0), np.float16(2.0), np.int64(2), np.uint8(2), np.bool_(True),
        np.array(2.0), np.array(2), np.array(True), Fraction(4, 2), math.inf, -math.inf, np.longdouble(2.0),
    ],
    ids=lambda number: type(number).__name__,
)  # fmt: skip
def test_data_is_always_a_python_float(number: Any) -> None:
    x = Value(number)
    assert type(x.data) is float
    assert x.data == number
    for result in (x + number, number * x, x.maximum(number), x**2):
        assert type(result.data) is float


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("3.0", r"not str '3\.0'; convert it first: Value\(float\(text\)\)"),
        (None, r"not NoneType None; give a float or an int"),
        (1j, r"not complex 1j; take its \.real or its abs\(\)"),
        (np.complex64(1j), r"not complex64 .*; take its \.real or its abs\(\)"),
        (np.array([1.0, 2.0]), r"not ndarray array\(\[1\., 2\.\]\); use a Tensor, or one Value for each element"),
        (np.array("3.0"), r"not ndarray"),
        (np.array(1j), r"not ndarray"),
        (np.array(None), r"not ndarray"),
        ([1.0, 2.0], r"not list \[1\.0, 2\.0\]; use a Tensor, or one Value for each element"),
        ((), r"not tuple \(\); use a Tensor"),
        (list(range(1000)), r"not list \[0, 1, 2, .*\.\.\.; use a Tensor"),
        (Value(1.0), r"not Value Value\(data=1\.0, grad=0\.0\); take its \.data"),
        (Tensor([1.0]), r"not Tensor .*do not mix"),
        (Decimal(1), r"not Decimal"),
        (object(), r"a Value is one real number, not object"),
    ],
)
def test_what_a_value_is_not_made_from(bad: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Value(bad)
    if not isinstance(bad, Value) and np.shape(bad) != (2,):
        x = Value(1.0)
        operations: list[Callable[[], Any]] = [
            lambda: x + bad, lambda: x * bad, lambda: x / bad, lambda: x**bad, lambda: x.maximum(bad),
            lambda: x < bad, lambda: autograd.sum([x, bad]), lambda: autograd.dot([x], [bad]),
        ]  # fmt: skip
        for operation in operations:
            with pytest.raises(TypeError, match=message):
                operation()


def test_a_number_too_large_for_a_double_is_named() -> None:
    with pytest.raises(OverflowError, match="and this int is larger"):
        Value(10**400)


@pytest.mark.parametrize("bad", ["3.0", None, 1j, Decimal(1)])
def test_on_the_left_side_too(bad: Any) -> None:
    for operation in (lambda: bad + Value(1.0), lambda: bad - Value(1.0), lambda: bad / Value(1.0)):
        with pytest.raises(TypeError, match="a Value is one real number"):
            operation()


def test_a_label_is_text() -> None:
    assert Value(1.0, label="x").label == Value(1.0, "x").label == "x"
    with pytest.raises(TypeError, match="label is the name a picture shows, a str; got tuple"):
        Value(1.0, label=(1,))  # type: ignore[arg-type]


def test_attributes_of_the_users() -> None:
    x = Value(1.0)
    x.m, x.v = 0.5, 0.25
    y = x * 2.0
    y.note = "twice"
    assert (x.m, x.v, y.note) == (0.5, 0.25, "twice")
    for other in (copy.copy(y), copy.deepcopy(y)):
        assert other.note == "twice"
    twin = pickle.loads(pickle.dumps(x))
    twin.m = 7.0
    assert (x.m, twin.v) == (0.5, 0.25)
    with pytest.raises(AttributeError, match="softplu"):
        x.softplu()


# ----- a number among numbers -----


def test_conversions() -> None:
    x = Value(2.75, label="x")
    assert (float(x), int(x), x.item()) == (2.75, 2, 2.75)
    assert bool(x)
    assert not Value(0.0)
    assert Value(math.nan)
    assert f"{x:.1f}" == "2.8"
    assert f"{x}" == str(x) == repr(x) == "Value(data=2.75, grad=0.0, label='x')"
    assert math.floor(x) == 2
    assert +x is x


def test_comparisons_are_those_of_the_numbers() -> None:
    small, large = Value(1.0), Value(2.0)
    for other in (large, 2.0, 2, np.float64(2.0), np.array([2.0])):
        assert small < other
        assert small <= other
        assert not small > other
        assert not small >= other
        assert other > small
        assert other >= small
        assert not other < small
        assert not other <= small
        assert small != other
        assert other != small
        assert isinstance(other, Value) or large == other == large
        assert large <= other <= large
        assert large >= other >= large
        assert not large < other and not large > other
        assert isinstance(other, Value) or bool(large != other) is False
    assert Value(math.nan) != Value(math.nan)
    assert Value(1.0) != "1.0"
    assert max([small, large]) is large
    assert [x.data for x in sorted([large, small])] == [1.0, 2.0]


def test_two_values_are_equal_if_they_are_one_node() -> None:
    """As on micrograd: a list of Values goes by identity, as a set and a dict of them do."""
    a, b = Value(1.0), Value(1.0)
    assert [a == a, a != a, a == b, a != b] == [True, False, False, True]
    assert a.data == b.data and a == 1.0 == b
    assert len({a, b}) == 2
    assert {a: "a", b: "b"}[a] == "a"
    nodes = [a, b, a * 1.0]
    assert [nodes.index(node) for node in nodes] == [0, 1, 2]
    assert (nodes.count(b), Value(1.0) in nodes, 1.0 in nodes) == (1, False, True)
    nodes.remove(b)
    assert nodes[0] is a and len(nodes) == 2
    assert [a] == [a] != [b]
    assert a != Tensor(2.0) and Tensor(2.0) != a and a == Tensor(1.0)  # an array is compared by its numbers
    (a * 2.0 + b * 3.0).backward()
    assert (a.grad, b.grad) == (2.0, 3.0)


def test_numpy_does_not_swallow_a_value() -> None:
    x = Value(3.0)
    y = np.float64(2.0) * x
    assert isinstance(y, Value)
    y.backward()
    assert x.grad == 2.0
    z = np.exp(x)
    z.backward()
    assert x.grad == 2.0 + math.exp(3.0)


def test_builtin_sum_and_augmented_assignment() -> None:
    xs = [Value(1.0), Value(2.0), Value(3.0)]
    total = sum(xs)
    assert isinstance(total, Value)
    total += 10
    total *= 2
    total -= xs[0]
    total /= 4
    total **= 2
    assert total.data == ((16.0 * 2.0 - 1.0) / 4.0) ** 2
    total.backward()
    assert [x.grad for x in xs] == [2 * 7.75 * 0.25, 2 * 7.75 * 0.5, 2 * 7.75 * 0.5]


@pytest.mark.parametrize("number", [3, np.float64(3.0), np.float32(3.0), np.int64(3)])
def test_whatever_is_put_into_data_results_are_floats(number: Any) -> None:
    x = Value(1.0)
    x.data = number
    for y in (x * x, -x, x + 1, x.relu(), autograd.sum([x, x]), autograd.dot([x], [x])):
        y.backward()
        assert type(y.data) is float
    assert x.grad == 6.0 - 1.0 + 1.0 + 1.0 + 2.0 + 6.0


def test_an_expression_does_not_change_its_operands() -> None:
    x = Value(2.0, label="x")
    ((x + 1.0) * x).exp()
    assert (x.data, x.grad, x.label, x.parents, x.op) == (2.0, 0.0, "x", (), None)


# ----- gradients -----


def test_backward_from_a_leaf() -> None:
    x = Value(2.0)
    x.backward()
    x.backward()
    assert x.grad == 2.0


def test_a_gradient_reset_to_anything_empty_starts_again() -> None:
    for empty in (0, 0.0, None):
        x = Value(3.0)
        (x * x).backward()
        x.grad = empty
        (x * x).backward()
        assert x.grad == 6.0
        assert type(x.grad) is float


def test_gradients_with_a_graph_add_up_with_their_graphs() -> None:
    """Also where a gradient is 0: f = x² at 0 has f′ = 0 and f″ = 2, so twice f′ has the derivative 4."""
    x = Value(0.0)
    y = x * x
    y.backward(create_graph=True)
    y.backward(create_graph=True)
    twice, x.grad = x.grad, 0.0
    assert twice.data == 0.0
    twice.backward()
    assert x.grad == 4.0


def test_a_gradient_with_a_graph_and_one_without_add_up() -> None:
    x = Value(3.0)
    y = x * x
    y.backward(create_graph=True)
    y.backward()
    assert float(x.grad) == 12.0
    x.grad = 1.5
    y.backward(create_graph=True)
    assert isinstance(x.grad, Value)
    assert x.grad.data == 7.5


def test_gradients_are_floats_and_with_a_graph_values() -> None:
    x = Value(3.0)
    y = x.exp() * x
    y.backward()
    assert type(x.grad) is float
    assert type(y.grad) is float
    assert type(y.parents[0].grad) is float
    y.backward(create_graph=True)
    assert isinstance(x.grad, Value)
    assert isinstance(y.grad, Value)
    assert "grad=1.0" in repr(y)


@pytest.mark.parametrize(
    "constant",
    [
        lambda x: x.detach(),
        lambda x: x.detach() * 2.0 + 1.0,
        lambda x: autograd.dot([2.0], [x.detach()]),
        lambda x: autograd.sum([x.detach(), 2.0]),
    ],
)
def test_backward_on_a_constant_is_an_error_that_explains(constant: Any) -> None:
    with pytest.raises(GraphError, match=r"backward\(\) on Value.*under no_grad\(\), detached, or computed from plain"):
        constant(Value(1.0)).backward()


def test_backward_on_what_no_grad_made_is_an_error() -> None:
    x = Value(1.0)
    with no_grad():
        y = x * x
    with pytest.raises(GraphError, match="nothing was recorded"):
        y.backward()


def test_copies_and_pickles_of_a_leaf() -> None:
    x = Value(2.0, label="x")
    (x * x).backward()
    for other in (copy.deepcopy(x), copy.copy(x), pickle.loads(pickle.dumps(x))):
        assert (other.data, other.grad, other.label, other.parents, other.op) == (2.0, 4.0, "x", (), None)
        other.backward()
        other.data = 7.0
        assert (x.data, x.grad, other.grad) == (2.0, 4.0, 5.0)
    x.requires_grad = False
    assert not copy.deepcopy(x).requires_grad


def test_deepcopy_of_an_expression_is_a_graph_of_its_own() -> None:
    x = Value(3.0)
    y = (x * x + x).sin()
    twin = copy.deepcopy(y)
    leaf = autograd.topological_order(twin)[0]
    twin.backward()
    assert (x.grad, y.grad) == (0.0, 0.0)
    y.backward()
    assert leaf is not x
    assert leaf.grad == x.grad
    twin.backward(create_graph=True)  # the copied rows are rows still
    assert float(leaf.grad) == 2.0 * x.grad


def test_the_step_by_hand_leaves_constants_alone() -> None:
    x, c = Value(2.0), Value(3.0).detach()
    y = x * c
    y.grad = 1.0
    y._backward()
    assert (x.grad, c.grad) == (3.0, 0.0)


def test_a_value_differs_from_itself_if_it_is_nan_and_is_in_a_list_all_the_same() -> None:
    for number in (math.nan, 1.0):
        x = Value(number)
        assert (x != x, x == x) == (number != number, number == number)
        assert x in [x] and [Value(2.0), x].index(x) == 1
        found = autograd.compile(lambda x=x: autograd.where(x != x, 0.0, x * 1.0))()
        assert found.data == (0.0 if math.isnan(number) else number)


@pytest.mark.parametrize("kind", [int, np.float32, np.float64, np.int64, np.array], ids=lambda kind: kind.__name__)
def test_another_kind_of_number_assigned_to_data_is_computed_with_in_double_precision(kind: Any) -> None:
    """A NumPy float32 would round what it is added to, in silence."""

    def program(a: Value) -> Value:
        b = Value(0.1)
        y = autograd.dot([a, b], [b, a]) + (a * b + 1e-9) / (a + 0.3) + autograd.mean([a, b])
        y.backward()
        return y

    a, float_a = Value(1.0), Value(3.0)
    a.data = kind(3)
    y, expected = program(a), program(float_a)
    assert (y.data, a.grad) == (expected.data, float_a.grad)
    assert type(y.data) is type(a.grad) is float
