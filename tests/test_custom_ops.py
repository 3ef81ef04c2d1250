"""Operations of one's own: forwards, backwards, to second order, on Values and Tensors; what is said of mistakes."""

import math
from functools import partial
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Tensor, Value, custom_op, grad, gradcheck, hessian, jvp, operation
from autograd.array_ops import ArrayOp
from autograd.ops import OPS, REAL, Op, Reduction


@custom_op(lambda m, y, x: 1.0 / (1.0 + m.abs(x)) ** 2, symbol="s(x)", latex=r"\frac{x}{1 + |x|}")
def softsign(m: Any, x: Any) -> Any:
    return x / (1.0 + m.abs(x))


@custom_op(
    lambda m, y, x, power: power * m.power(m.sin(x), power - 1.0) * m.cos(x),
    lambda m, y, x, power: y * m.log(m.sin(x)),
    domain=((0.2, 2.8), (0.5, 3.0)),
    defaults=(2.0,),
)
def sine_power(m: Any, x: Any, power: Any) -> Any:
    return m.power(m.sin(x), power)


def lower(x: Any) -> np.ndarray:
    return np.tril(np.ones((x.shape[0], x.shape[0])))


cumulative = operation(
    ArrayOp(
        "cumulative", "∑…", lambda x: np.cumsum(x),
        lambda i, m, g, y, x: m.matmul(g, lower(x)), lambda i, m, t, y, x: m.matmul(lower(x), t),
        r"\sum_{j \le i} x_j",
    )
)  # fmt: skip

geometric_mean = operation(
    Reduction(
        "geometric_mean", "⟨x⟩",
        lambda xs: math.prod(xs) ** (1.0 / len(xs)),
        lambda m, y, xs: [y / (len(xs) * x) for x in xs],
        r"\bigl(\prod_i x_i\bigr)^{1/n}",
    )
)  # fmt: skip


def test_values_tensors_and_plain_numbers() -> None:
    x, v = Value(1.0), Tensor([1.0, -3.0])
    softsign(x).backward()
    softsign(v).sum().backward()
    assert x.grad == 0.25
    assert v.grad.tolist() == [0.25, 0.0625]
    assert softsign(1.0) == 0.5
    assert softsign(np.array([1.0, -1.0])).tolist() == [0.5, -0.5]
    assert sine_power(Value(0.5)).data == math.sin(0.5) ** 2
    assert sine_power(0.5, power=3.0) == math.sin(0.5) ** 3
    assert sine_power(0.5, Tensor([1.0, 2.0])).data.tolist() == [math.sin(0.5), math.sin(0.5) ** 2]
    assert sine_power(Tensor([0.5, 0.6]), Tensor([[1.0], [2.0], [3.0]])).shape == (3, 2)
    assert softsign.__name__ == "softsign"
    assert r"\frac{x}{1 + |x|}" in str(softsign.__doc__)


def test_every_derivative() -> None:
    assert gradcheck(softsign, 0.7, order=3, show=False)
    assert gradcheck(softsign, np.array([0.7, -0.2]), order=2, show=False)
    assert gradcheck(sine_power, (0.7, 2.5), order=2, show=False)
    assert gradcheck(lambda v: cumulative(v).sin(), np.array([0.7, 0.1, -0.4]), order=2, show=False)
    assert gradcheck(geometric_mean, [0.7, 1.1, 2.4], order=2, show=False)
    assert grad(grad(softsign))(1.0) == -0.25
    assert jvp(softsign, (1.0,), (4.0,)) == (0.5, 1.0)
    np.testing.assert_allclose(hessian(lambda v: softsign(v).sum())(np.array([1.0, 3.0])), np.diag([-0.25, -1 / 32]))


def test_it_is_drawn_with_its_symbol_and_does_not_enter_the_table() -> None:
    y = softsign(Value(1.0, label="x"))
    assert "s(x)" in y.draw().dot
    assert "softsign" not in OPS
    assert not hasattr(autograd, "softsign")


def test_the_row_holds_what_was_stated() -> None:
    row = sine_power(Value(0.5)).op
    assert (row.domain, row.defaults) == (((0.2, 2.8), (0.5, 3.0)), (2.0,))


def test_a_formula_without_a_name_is_custom() -> None:
    assert custom_op(lambda m, y, x: 3.0)(partial(lambda factor, m, x: factor * x, 3.0)).__name__ == "custom"


def test_a_kink_may_be_stated() -> None:
    @custom_op(lambda m, y, x: x > 0.0, kinks=(((0.0,), (0.0,)),))
    def ramp(m: Any, x: Any) -> Any:
        return m.maximum(x, 0.0)

    row = ramp(Value(1.0)).op
    assert row.kinks == (((0.0,), (0.0,)),)
    assert (row.symbol, row.latex, row.domain) == ("ramp", "ramp", (REAL,))
    assert grad(ramp)(0.0) == 0.0


def test_a_wrong_partial_is_found_and_named() -> None:
    @custom_op(lambda m, y, x: 1.001 * m.cos(x))
    def almost_sin(m: Any, x: Any) -> Any:
        return m.sin(x)

    found = gradcheck(lambda x: (almost_sin(x) * x).exp(), 0.5, show=False)
    assert not found
    assert "almost_sin" in found.culprit


def test_a_wrong_second_derivative_is_found_too() -> None:
    """The partial is right, but leaves the graph, and so has no derivative of its own."""

    @custom_op(lambda m, y, x: 2.0 * (x.data if isinstance(x, Value) else x))
    def square(m: Any, x: Any) -> Any:
        return x * x

    assert gradcheck(square, 0.5, show=False)
    found = gradcheck(square, 0.5, order=2, show=False)
    assert not found
    assert "square" in found.culprit


def test_python_math_in_a_rule_is_refused_where_it_would_lose_the_second_derivative() -> None:
    @custom_op(lambda m, y, x: math.cos(x))
    def sine(m: Any, x: Any) -> Any:
        return math.sin(x)

    assert grad(sine)(0.5) == math.cos(0.5)
    with pytest.raises(TypeError, match=r"write autograd\.cos\(x\) for math\.cos\(x\)"):
        grad(grad(sine))(0.5)
    x = Value(0.5)
    with pytest.raises(TypeError, match=r"write autograd\.cos\(x\) for math\.cos\(x\)"):
        sine(x).backward(create_graph=True)
    with pytest.raises(TypeError, match=r"write autograd\.cos\(x\) for math\.cos\(x\)"):
        jvp(sine, (x,), (1.0,))
    assert x.grad == 0.0


def test_a_function_that_no_namespace_has_is_named_with_those_that_all_have() -> None:
    @custom_op(lambda m, y, x: m.cos(x))
    def wrong(m: Any, x: Any) -> Any:
        return m.sine(x)

    for x in (1.0, Value(1.0), Tensor([1.0])):
        with pytest.raises(
            AttributeError, match=r"m\.sine is not among what a rule can use everywhere: abs, .*, where"
        ):
            wrong(x)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: custom_op()(lambda m, x: x), r"takes \(m, x\): partials must be a tuple of 1, .* got 0"),
        (
            lambda: custom_op(1.0)(lambda m, x: x),
            r"one function \(m, y, x, …\) for each partial derivative.* got 1\.0",
        ),
        (
            lambda: custom_op(lambda m, y, x, z: x)(lambda m, x: x),
            r"each partial is a function \(m, y, x\), where y is the result",
        ),
        (lambda: custom_op(lambda m, y, x: x)(math.sin, math.cos), "and then with the formula alone"),
        (lambda: custom_op(lambda m, y, x: x)(3.0), r"and then with the formula alone: .* got \(3\.0,\)"),
        (lambda: custom_op(lambda m, y, x: x)(lambda x: x), r"a function \(m, x, …\) of a namespace"),
        (lambda: operation(math.sin), r"takes a row: an Op, a Reduction or an ArrayOp; got builtin_function_or_method"),
    ],
)
def test_mistakes_are_explained(wrong: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        wrong()


def test_a_formula_that_is_not_elementwise_is_refused_for_its_partial_would_be_wrong() -> None:
    @custom_op(lambda m, y, x: 2.0 * x)
    def energy(m: Any, x: Any) -> Any:
        return (x * x).sum() if np.ndim(x) else x * x

    assert energy(Value(3.0)).data == 9.0
    with pytest.raises(
        TypeError, match=r"energy made shape \(\) of \(2,\), .* take its sum\(\) outside, or write a row"
    ):
        energy(Tensor([1.0, 2.0]))


def test_a_decorator_used_bare_is_explained() -> None:
    def square(m: Any, x: Any) -> Any:
        return x * x

    with pytest.raises(
        TypeError, match=r"write @custom_op\(lambda m, y, x: …\) above the formula; got <function .*square"
    ):
        custom_op(square)


def test_a_row_of_the_table_is_an_operation_like_another() -> None:
    assert isinstance(OPS["sin"], Op)
    assert operation(OPS["sin"])(Value(0.5)).data == math.sin(0.5)
