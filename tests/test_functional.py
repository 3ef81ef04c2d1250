"""Derivatives of functions: what goes in and comes out, nesting in every combination, modes, and bad input."""

import itertools
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd
from autograd import (
    AnomalyError,
    GraphError,
    Tensor,
    Value,
    compile,
    detect_anomaly,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    value_and_grad,
    vjp,
)
from autograd.trees import changed, leaves
from tests.helpers import plain


def cube(x: Any) -> Any:
    return x**3


def forward(f: Callable[..., Any]) -> Callable[..., Any]:
    """f′ by forward mode."""
    return lambda x: jvp(f, (x,), (1.0,))[1]


# ----- what goes in and what comes out -----


def test_numbers_in_numbers_out() -> None:
    for x in (2.0, 2, np.float64(2.0), np.int64(2)):
        found = grad(cube)(x)
        assert found.__class__ is float
        assert found == 12.0
    assert value_and_grad(cube)(2.0) == (8.0, 12.0)
    assert jvp(cube, (2.0,), (0.5,)) == (8.0, 6.0)
    y, pull = vjp(cube, 2.0)
    assert (y, pull(1.0), pull(3.0)) == (8.0, (12.0,), (36.0,))
    assert jacobian(cube)(2.0) == hessian(cube)(2.0) == 12.0
    assert hvp(cube, (2.0,), (0.5,)) == (6.0,)
    for found in (value_and_grad(cube)(2.0)[0], jvp(cube, (2.0,), (0.5,))[0], y):
        assert found.__class__ is float


def test_a_derivative_has_the_structure_of_its_argument() -> None:
    class Point(NamedTuple):
        x: float
        y: float

    def f(p: Any) -> Any:
        return p["w"][0] * p["w"][1] + p["b"].x * p["b"].y * 10.0 + p["c"] * 0.0

    argument = {"w": [2.0, 3.0], "b": Point(4.0, 5.0), "c": 1.0, "none": (), "nothing": []}
    assert grad(f)(argument) == {"w": [3.0, 2.0], "b": Point(50.0, 40.0), "c": 0.0, "none": (), "nothing": []}
    assert argument["w"] == [2.0, 3.0]
    found = grad(f)(argument)
    assert type(found["b"]) is Point
    assert jvp(f, (argument,), (argument,))[1] == 6.0 + 6.0 + 200.0 + 200.0


def test_arrays_become_tensors_and_their_derivatives_arrays() -> None:
    x = np.array([1.0, 2.0, 3.0], np.float32)
    found = grad(lambda v: (v * v).sum())(x)
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.float32
    assert found.tolist() == [2.0, 4.0, 6.0]
    found += 1.0  # the caller's own, not a view of the upstream gradient
    for dtype in (np.float32, float):
        assert grad(lambda v: v.sum())(x.astype(dtype)).flags.writeable
    assert x.tolist() == [1.0, 2.0, 3.0]
    assert grad(lambda v: v * v)(np.array(3.0)) == 6.0  # an array of no axes is one number
    assert grad(lambda v: v * v)(np.array([[3.0]])).tolist() == [[6.0]]
    assert grad(lambda v: (v * v).sum())(np.array([1, 2])).tolist() == [2.0, 4.0]
    assert grad(lambda v: v)(np.array([[3.0]])).shape == (1, 1)


def test_what_comes_out_is_nobody_elses_array() -> None:
    x, t, w = np.ones(2), np.full(2, 3.0), Tensor([5.0, 6.0]).detach()
    (first, second, other), moved = jvp(lambda v: [v, v, w], (x,), (t,))
    (sent,) = vjp(lambda v: v, x)[1](t)
    for mine in (first, other, moved[0], sent):
        mine += 1.0
    assert (x.tolist(), t.tolist(), w.data.tolist()) == ([1.0, 1.0], [3.0, 3.0], [5.0, 6.0])
    assert (second.tolist(), moved[1].tolist()) == ([1.0, 1.0], [3.0, 3.0])


def test_tangents_and_upstream_gradients_take_the_dtype_of_what_they_belong_to() -> None:
    x = np.ones(2, np.float32)
    assert jvp(lambda v: v, (x,), (np.ones(2),))[1].dtype == np.float32
    assert grad(lambda v: Tensor([3.0]))(x).dtype == np.float32
    wide = Tensor(np.ones((3, 2))).detach()
    for v in (x, Tensor(x)):
        for f in (lambda v: v + wide, lambda v: v * wide, lambda v: v.maximum(wide)):
            y, moved = jvp(f, (v,), (np.ones(2),))
            assert (moved.shape, moved.dtype) == (y.shape, y.dtype) == ((3, 2), float)
    assert vjp(lambda v: v, x)[1](np.ones(2))[0].dtype == np.float32


def test_values_in_values_out_with_a_graph_and_the_arguments_untouched() -> None:
    x, w = Value(2.0, label="x"), Value(3.0)
    g = grad(lambda x: w * x * x)(x)
    assert isinstance(g, Value)
    assert g.data == 12.0
    assert (x.grad, w.grad) == (0.0, 0.0)
    (g * g).backward()  # a gradient penalty: (2 w x)²
    assert (x.grad, w.grad) == (8.0 * 9.0 * 2.0, 8.0 * 3.0 * 4.0)
    v = Tensor([1.0, 2.0])
    h = grad(lambda v: (v * v * v).sum())(v)
    assert isinstance(h, Tensor)
    h.sum().backward()
    assert v.grad.tolist() == [6.0, 12.0]


def test_the_result_of_values_remembers_them() -> None:
    for result in (
        lambda x: value_and_grad(cube)(x)[0],
        lambda x: jvp(cube, (x,), (1.0,))[0],
        lambda x: vjp(cube, x)[0],
    ):
        x = Value(2.0)
        result(x).backward()
        assert x.grad == 12.0


def test_a_variable_among_the_named_arguments_is_reached() -> None:
    w = Value(3.0)
    g = grad(lambda x, *, w: w * x * x)(2.0, w=w)
    g.backward()
    assert (g.data, w.grad) == (12.0, 4.0)


def test_a_variable_among_numbers_has_a_graph() -> None:
    x = Value(2.0)
    g = grad(lambda x, factor: factor * x**3)(x, 3.0)
    g.backward()
    assert (g.data, x.grad) == (36.0, 36.0)


def test_tangents_and_upstream_gradients_are_differentiated_too() -> None:
    t, g = Value(0.5), Value(0.5)
    y, moved = jvp(cube, (2.0,), (t,))
    (sent,) = vjp(cube, 2.0)[1](g)
    assert (y, moved.data, sent.data) == (8.0, 6.0, 6.0)
    moved.backward()
    sent.backward()
    assert (t.grad, g.grad) == (12.0, 12.0)
    with no_grad():
        assert jvp(cube, (2.0,), (t,))[1].__class__ is vjp(cube, 2.0)[1](g)[0].__class__ is float


def test_constant_nodes_are_tangents_like_numbers() -> None:
    t = Tensor([1.0, 10.0]).detach()
    moved = jvp(lambda v: v.max(), (np.array([2.0, 3.0]),), (t,))[1]
    assert isinstance(moved, np.ndarray)
    assert moved == 10.0


def test_tangents_of_a_dict_go_by_name_and_not_by_order() -> None:
    x = {"a": 2.0, "b": 3.0}
    assert jvp(lambda v: v["a"] * v["b"], (x,), ({"b": 1.0, "a": 0.0},))[1] == 2.0


def test_a_constant_value_is_an_argument_like_a_number() -> None:
    assert grad(cube)(Value(2.0).detach()) == 12.0
    assert grad(lambda v: (v * v).sum())(Tensor([1.0, 2.0]).detach()).tolist() == [2.0, 4.0]
    with no_grad():
        assert grad(cube)(Value(2.0)) == 12.0
        assert grad(cube)(2.0) == 12.0
        assert type(grad(cube)(Value(2.0))) is float  # nothing is recorded out here


def test_gradients_of_leaves_elsewhere_are_left_alone() -> None:
    w = Value(3.0)
    (w * 1.0).backward()
    assert grad(lambda x: w * x)(2.0) == 3.0
    assert w.grad == 1.0


def test_argnums_chooses_arguments() -> None:
    def f(x: Any, y: Any, *, scale: float = 1.0, unused: str = "") -> Any:
        return x * x * y * scale

    assert grad(f)(2.0, 3.0) == 12.0
    assert grad(f, 1)(2.0, 3.0, scale=10.0) == 40.0
    assert grad(f, (1, 0))(2.0, 3.0, unused="text") == (4.0, 12.0)
    assert grad(f, (0,))(2.0, 3.0) == (12.0,)
    assert hessian(f, (0, 1))(2.0, 3.0) == ((6.0, 4.0), (4.0, 0.0))
    assert value_and_grad(f, 1)(2.0, 3.0) == (12.0, 4.0)
    given: list[Any] = []
    grad(lambda x, other: given.append(other) or x)(1.0, "anything")
    assert given == ["anything"]  # what is not differentiated comes as it is


def test_what_does_not_depend_on_the_argument_has_derivative_zero() -> None:
    w = Value(3.0)
    assert grad(lambda x: w * 2.0)(1.0) == 0.0
    assert grad(lambda x: Value(5.0))(1.0) == 0.0
    assert jvp(lambda x: w * 2.0, (1.0,), (1.0,)) == (6.0, 0.0)
    assert grad(lambda v: v[0] * 1.0)([1.0, 2.0]) == [1.0, 0.0]
    assert grad(lambda v, w: (w * w).sum())(np.ones(2), Tensor(np.ones(3))).data.tolist() == [0.0, 0.0]
    assert jacobian(lambda v: [v[0], w])([1.0, 2.0]) == [[1.0, 0.0], [0.0, 0.0]]
    assert hessian(lambda x: 2.0 * x)(1.0) == 0.0
    assert grad(lambda x: x.detach() * x)(3.0) == 3.0


def test_the_identity_and_repeated_results() -> None:
    assert grad(lambda x: x)(3.0) == 1.0
    assert jvp(lambda x: [x, x, x * x], (3.0,), (1.0,)) == ([3.0, 3.0, 9.0], [1.0, 1.0, 6.0])
    assert vjp(lambda x: [x, x, x * x], 3.0)[1]([1.0, 10.0, 100.0]) == (611.0,)
    assert jacobian(lambda x, y: {"a": x, "b": [y, x]}, (0, 1))(1.0, 2.0) == {
        "a": (1.0, 0.0),
        "b": [(0.0, 1.0), (1.0, 0.0)],
    }


def test_the_value_of_a_function_of_arrays_is_a_number() -> None:
    x = np.array([1.0, 2.0], np.float32)
    value, gradient = value_and_grad(lambda x: (x * x).sum())(x)
    assert (type(value), value, gradient.tolist()) == (np.float32, 5.0, [2.0, 4.0])
    assert isinstance(value_and_grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))[0], float)
    assert type(jvp(lambda x: x.sum(), (x,), (x,))[0]) is type(vjp(lambda x: x.sum(), x)[0]) is np.float32
    assert isinstance(value_and_grad(lambda x: (x.sum(), x), has_aux=True)(x)[0][1], np.ndarray)


def test_a_tangent_of_the_other_kind_of_node_is_refused_and_not_cut_off() -> None:
    for wrong in (
        lambda t: jvp(lambda v: v * v, (np.array(3.0),), (t,))[1].sum(),
        lambda t: vjp(lambda v: v * v, np.array(3.0))[1](t)[0],
    ):
        with pytest.raises(TypeError, match="Values and Tensors do not mix"):
            grad(wrong)(1.0)
    with pytest.raises(TypeError, match="Values and Tensors do not mix"):
        jvp(cube, (2.0,), (Tensor(1.0),))


def test_float32_stays_float32() -> None:
    x = np.array([3.0, 1.0], np.float32)
    assert grad(lambda v: v)(np.array(3.0, np.float32)).dtype == np.float32
    assert jacobian(lambda v: v)(x).dtype == np.float32
    assert jacobian(lambda v: v.sum())(x).dtype == np.float32
    assert hessian(lambda v: (v * v).sum())(x).dtype == np.float32


def test_blocks_that_are_zero_are_nodes_among_nodes() -> None:
    found = jacobian(lambda x, v: [x * 2.0, v.sum()], (0, 1))(Value(1.0), Tensor([1.0, 2.0]))
    assert all(isinstance(block, Value | Tensor) for row in found for block in row)
    assert [np.shape(block.data) for row in found for block in row] == [(), (2,), (), (2,)]


# ----- Jacobians and Hessians -----

A = np.arange(6.0).reshape(2, 3) - 2.0


@pytest.mark.parametrize("wide", [True, False])  # forward mode for the tall one, reverse mode for the wide one
def test_a_jacobian_of_arrays_has_both_shapes(wide: bool) -> None:
    matrix = A if wide else A.T
    x = np.linspace(0.1, 0.5, matrix.shape[1])
    np.testing.assert_allclose(jacobian(lambda v: matrix @ v)(x), matrix)
    expected = np.einsum("i,ij->ij", np.cos(matrix @ x), matrix)
    np.testing.assert_allclose(jacobian(lambda v: (matrix @ v).sin())(x), expected, rtol=1e-14)
    recorded = jacobian(lambda v: (matrix @ v).sin())(Tensor(x))
    assert isinstance(recorded, Tensor)
    np.testing.assert_allclose(recorded.data, expected, rtol=1e-14)
    shaped = jacobian(lambda v: (matrix @ v.reshape(-1)).reshape(1, -1).sin())(x.reshape(-1, 1))
    assert shaped.shape == (1, matrix.shape[0], matrix.shape[1], 1)
    np.testing.assert_allclose(shaped[0, :, :, 0], expected, rtol=1e-14)


def test_jacobians_of_lists_are_rows_and_of_mixed_shapes_blocks() -> None:
    assert jacobian(lambda v: [v[0] * v[1], v[0], v[1] * 2.0])([2.0, 3.0]) == [[3.0, 2.0], [1.0, 0.0], [0.0, 2.0]]
    assert jacobian(lambda v: [v[0] * v[1] * v[2]])([2.0, 3.0, 4.0]) == [[12.0, 8.0, 6.0]]
    found = jacobian(lambda x, m: [x.sum() * m, x * 2.0], (0, 1))(np.ones(2), np.full((2, 2), 3.0))
    shapes = [[block.shape for block in row] for row in found]
    assert shapes == [[(2, 2, 2), (2, 2, 2, 2)], [(2, 2), (2, 2, 2)]]
    assert jacobian(lambda x: x * 2.0)(np.ones((0, 3))).shape == (0, 3, 0, 3)


def test_a_jacobian_of_values_and_tensors_that_do_not_meet_has_blocks_of_zeros() -> None:
    for x, v in ((3.0, np.array([1.0, 2.0])), (Value(3.0), Tensor([1.0, 2.0]))):
        (by_x, by_v), (v_by_x, v_by_v) = jacobian(lambda x, v: [x * x, v * v], (0, 1))(x, v)
        assert float(by_x) == 6.0
        for block, expected in ((by_v, [0.0, 0.0]), (v_by_x, [0.0, 0.0]), (v_by_v, [[2.0, 0.0], [0.0, 4.0]])):
            assert plain(block).tolist() == expected


@pytest.mark.parametrize(("x", "y"), [(3.0, 2.0), (np.array(3.0), np.array(2.0))])
def test_plain_numbers_in_a_derivative_inside_another_come_out_as_plain_numbers(x: Any, y: Any) -> None:
    """The inner derivative's own inputs are no leaves that the outer one is asked for."""

    def ratio(a: Any, b: Any) -> Any:
        return a / b

    inner: list[Callable[[Any], Any]] = [
        lambda x: jvp(ratio, (x, y), (0.0, 1.0))[1],
        lambda x: vjp(ratio, x, y)[1](1.0)[1],
        lambda x: grad(ratio, 1)(x, y),
    ]
    for derivative in inner:
        found = grad(derivative)(x)
        assert isinstance(found, type(x))
        assert found == -0.25


@pytest.mark.parametrize("transposed", [False, True])
def test_a_jacobian_takes_the_fewer_walks(transposed: bool) -> None:
    walks = 0

    def counted(m: Any, y: Any, x: Any) -> Any:
        nonlocal walks
        walks += 1
        return m.cos(x)

    sine = autograd.custom_op(counted)(lambda m, x: m.sin(x))
    matrix = np.ones((3, 50) if transposed else (50, 3))
    assert jacobian(lambda v: matrix @ sine(v) if transposed else sine(matrix @ v))(np.ones(matrix.shape[1])).any()
    assert walks == 3


def test_a_walk_goes_by_no_node_that_does_not_depend_on_the_arguments() -> None:
    with detect_anomaly():
        root = Value(0.0).sqrt()  # whose own gradient is infinite
        assert grad(lambda x: x * (root + 2.0))(3.0) == 2.0


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_the_square_of_a_norm_has_its_hessian_at_zero(factor: float) -> None:
    found = hessian(lambda v: factor * autograd.norm(v) ** 2)(np.zeros(2))
    assert found.tolist() == [[2.0 * factor, 0.0], [0.0, 2.0 * factor]]
    rows = hessian(lambda a, b: factor * autograd.norm([a, b]) ** 2, argnums=(0, 1))(0.0, 0.0)
    assert rows == ((2.0 * factor, 0.0), (0.0, 2.0 * factor))


def test_hessians() -> None:
    assert hessian(lambda v: v[0] ** 2 * v[1])([2.0, 3.0]) == [[6.0, 4.0], [4.0, 0.0]]
    x = np.array([0.3, -0.7, 1.1])

    def f(v: Any) -> Any:
        return (v * v).sum().exp() * v[0]

    H = hessian(f)(x)
    np.testing.assert_allclose(H, H.T, rtol=1e-14)
    for v in np.eye(3):
        np.testing.assert_allclose(hvp(f, (x,), (v,))[0], H @ v, rtol=1e-13)
    np.testing.assert_allclose(jacobian(grad(f))(x), H, rtol=1e-13)
    third = jacobian(hessian(f))(x)
    for axes in itertools.permutations(range(3)):
        np.testing.assert_allclose(third, third.transpose(axes), rtol=1e-12)
    assert hvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0)) == (0.0, 1.0)


# ----- composed to any depth -----

DERIVATIVES: dict[str, Callable[..., Any]] = {
    "grad": grad,
    "jvp": forward,
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0)[0],
    "jacobian": jacobian,
    "value_and_grad": lambda f: lambda x: value_and_grad(f)(x)[1],
}


@pytest.mark.parametrize("names", list(itertools.product(DERIVATIVES, repeat=3)), ids=" of ".join)
def test_derivatives_of_derivatives_of_derivatives(names: tuple[str, ...]) -> None:
    f: Callable[..., Any] = lambda x: x.sin() * x  # noqa: E731
    third = -3.0 * math.sin(0.7) - 0.7 * math.cos(0.7)
    for name in names:
        f = DERIVATIVES[name](f)
    assert f(0.7) == pytest.approx(third, rel=1e-13)
    assert f(Value(0.7)).data == pytest.approx(third, rel=1e-13)
    assert f(np.array(0.7)) == pytest.approx(third, rel=1e-13)


def test_six_derivatives_deep() -> None:
    f: Callable[..., Any] = lambda x: x.exp() * x  # noqa: E731
    for derivative in (grad, forward, grad, forward, forward, grad):
        f = derivative(f)
    assert f(0.5) == pytest.approx(math.exp(0.5) * 6.5, rel=1e-12)


@pytest.mark.parametrize("outer", ["grad", "jvp"])
@pytest.mark.parametrize("inner", ["grad", "jvp"])
def test_perturbations_are_not_confused(outer: str, inner: str) -> None:
    """d/dx [x · d/dy (x + y)] is 1. Whoever mistakes the inner perturbation for the outer one says 2.

    Source: J. M. Siskind and B. A. Pearlmutter, "Nesting forward-mode AD in a functional framework" (2008).
    """
    d, e = DERIVATIVES[outer], DERIVATIVES[inner]
    assert d(lambda x: x * e(lambda y: x + y)(1.0))(1.0) == 1.0
    assert d(lambda x: x * e(lambda y: x * y)(2.0))(3.0) == 6.0
    assert d(lambda x: e(lambda y: x * y)(x) * x)(3.0) == 6.0  # the same node as argument and closed over
    assert d(lambda x: e(lambda y: e(lambda z: x * y * z)(x))(x))(3.0) == 2.0 * 0.0 + 1.0
    assert d(lambda x: e(lambda y: y.detach() * x)(x))(3.0) == 0.0


def test_a_function_returned_by_a_derivative_keeps_its_perturbation() -> None:
    """The higher-order form of the confusion: a derivative whose value is a function, applied twice.

    Source: O. Manzyuk et al., "Perturbation confusion in forward automatic differentiation of higher-order functions"
    (2019).
    """

    def shifted(s: Any) -> Callable[..., Any]:
        return lambda g: lambda x: g(x + s)

    def derivative_in_shift(g: Callable[..., Any], x: Any) -> Any:
        return forward(lambda s: shifted(s)(g)(x))(0.0)  # g′(x)

    assert derivative_in_shift(lambda x: derivative_in_shift(lambda z: z.exp(), x), 1.0) == pytest.approx(math.e)


def test_a_training_step_is_differentiable() -> None:
    """Through ten steps of gradient descent, by the learning rate; the derivative is that of a polynomial."""

    def end(lr: Any) -> Any:
        w = 1.0 + 0.0 * lr
        for _ in range(10):
            w = w - lr * grad(lambda w: w * w)(w)
        return w

    assert grad(end)(0.1) == pytest.approx(-20.0 * 0.8**9, rel=1e-12)
    assert forward(end)(0.1) == pytest.approx(-20.0 * 0.8**9, rel=1e-12)


def test_a_derivative_inside_a_loss_reaches_the_parameters() -> None:
    """u′ = -u as a loss on the derivative of a network, as in physics-informed learning."""
    w = Value(0.5)
    x = Value(0.3)
    residual = grad(lambda x: (w * x).tanh())(x) + (w * x).tanh()
    (residual * residual).backward()
    step = 1e-6

    def loss(w: float) -> float:
        t = math.tanh(w * 0.3)
        return (w * (1.0 - t * t) + t) ** 2

    assert w.grad == pytest.approx((loss(0.5 + step) - loss(0.5 - step)) / (2.0 * step), rel=1e-8)


def test_deep_graphs_need_no_recursion() -> None:
    def f(x: Any) -> Any:
        for _ in range(20_000):
            x = x * 1.0001
        return x

    expected = 1.0001**20_000
    assert grad(f)(1.0) == pytest.approx(expected, rel=1e-10)
    assert forward(f)(1.0) == pytest.approx(expected, rel=1e-10)
    assert grad(grad(f))(1.0) == 0.0


# ----- modes -----


def test_no_grad_inside_a_function_cuts_the_graph_as_it_does_everywhere() -> None:
    def f(x: Any) -> Any:
        with no_grad():
            still = x * x
        return still * x

    assert grad(f)(3.0) == 9.0
    assert forward(f)(3.0) == 9.0


def test_a_frozen_node_sends_and_takes_nothing() -> None:
    def f(x: Any) -> Any:
        y = x * x
        y.requires_grad = False
        return y * x

    def frozen_late(x: Any) -> Any:
        y = x * x
        z = y * x
        y.requires_grad = False
        return z

    for g in (f, frozen_late):
        for x in (3.0, np.array(3.0), Value(3.0), Tensor(3.0)):
            assert float(grad(g)(x)) == 9.0
            assert float(jvp(g, (x,), (np.array(1.0),))[1]) == 9.0


def test_modes_are_restored_after_an_exception() -> None:
    def broken(x: Any) -> Any:
        raise RuntimeError("inside")

    for derivative in (grad, forward, jacobian, hessian):
        with pytest.raises(RuntimeError, match="inside"):
            derivative(broken)(1.0)
    assert float(Value(1.0)) == 1.0  # it is refused only inside
    y = Value(2.0) * 3.0
    assert y.parents


def test_anomalies_are_detected_in_walks_both_ways() -> None:
    with detect_anomaly(), pytest.raises(AnomalyError, match="gradient of sqrt made inf"):
        grad(lambda x: x.sqrt())(0.0)
    with detect_anomaly(), pytest.raises(AnomalyError, match="log made -inf"):
        grad(lambda x: x.log())(0.0)
    with detect_anomaly(), pytest.raises(AnomalyError, match="tangent of sqrt made inf"):
        forward(lambda x: x.sqrt())(0.0)
    with detect_anomaly():
        for derivative in (grad, forward):
            assert derivative(cube)(Value(2.0)).data == derivative(cube)(2.0) == 12.0
    with detect_anomaly():  # the logarithm of the other partial is not asked for
        w = Value(2.0)
        assert jvp(lambda x: x**w, (Value(-1.0),), (1.0,))[1].data == -2.0


def test_infinite_derivatives_come_without_warnings() -> None:
    assert grad(lambda x: x.sqrt())(0.0) == math.inf
    assert forward(lambda x: x.sqrt())(0.0) == math.inf
    assert grad(lambda v: v.sqrt().sum())(np.zeros(2)).tolist() == [math.inf, math.inf]
    assert jvp(lambda v: v.sqrt().sum(), (np.zeros(2),), (np.ones(2),))[1] == math.inf
    for x in (0.0, np.array(0.0)):
        assert jvp(lambda x: x.sqrt(), (x,), (0.0,))[1] == 0.0  # nothing moves, and the result does not either
    assert jvp(lambda v: v.sqrt(), (np.zeros(2),), (np.array([0.0, 1.0]),))[1].tolist() == [0.0, math.inf]


def test_threads_differentiate_side_by_side() -> None:
    w = Value(3.0)
    found: dict[int, float] = {}

    def work(i: int) -> None:
        f: Callable[..., Any] = lambda x: (w * x).sin() * x  # noqa: E731
        found[i] = sum(grad(grad(f))(i + 0.01 * k) for k in range(50)).data

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = dict(found)
    for i in range(4):
        work(i)
    assert together == found
    assert w.grad == 0.0


# ----- bad input -----


def two(v: Any) -> Any:
    return [v * 1.0, v * 2.0]


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        (lambda: grad(3.0)(1.0), TypeError, r"the first argument is the function to differentiate, got 3\.0"),
        (lambda: grad(cube, "x")(1.0), TypeError, "argnums is the number of an argument, or a tuple of such, got 'x'"),
        (lambda: grad(cube, True)(1.0), TypeError, "argnums is the number .* got True"),
        (
            lambda: grad(cube, 1)(1.0),
            ValueError,
            "argnums = 1 must name different arguments of cube .* with 1 in order",
        ),
        (lambda: grad(cube, -2)(1.0), ValueError, "counted from 0"),
        (lambda: grad(cube, (0, 0))(1.0), ValueError, r"argnums = \(0, 0\) must name different arguments"),
        (lambda: grad(cube)("2"), TypeError, "argument 0: a Value is one real number, not str '2'"),
        (lambda: grad(cube)([1.0, {"a": "b"}]), TypeError, r"argument 0\[1\]\['a'\]: a Value is one real number"),
        (lambda: grad(cube)(np.array(["a"])), TypeError, "argument 0: a Tensor holds real numbers"),
        (lambda: grad(lambda x: x.data)(1.0), TypeError, r"must return Values or Tensors .* got float 1\.0"),
        (lambda: grad(lambda x: None)(1.0), TypeError, "got NoneType None; is a return missing"),
        (lambda: grad(lambda x: math.sin(x))(1.0), TypeError, r"write autograd\.sin\(x\) for math\.sin\(x\)"),
        (lambda: grad(lambda x: float(x) * x)(1.0), TypeError, r"x\.item\(\) if you mean the bare number"),
        (lambda: grad(lambda v: float(v) * v)(np.array(1.0)), TypeError, r"float\(\) of a Tensor inside a function"),
        (lambda: grad(two)(1.0), GraphError, r"two returned a list of 2; .* take jacobian\(\)"),
        (lambda: grad(lambda v: v * v)(np.ones(3)), GraphError, r"returned shape \(3,\); reduce it, as in y\.sum\(\)"),
        (
            lambda: jvp(cube, 2.0, 1.0),
            TypeError,
            r"primals must be a tuple .* got 2\.0; .* write jvp\(f, \(x,\), \(t,\)\)",
        ),
        (lambda: jvp(cube, (2.0,), [1.0]), TypeError, r"tangents must be a tuple .* got \[1\.0\]"),
        (lambda: hvp(cube, [2.0], (1.0,)), TypeError, r"write hvp\(f, \(x,\), \(t,\)\)"),
        (lambda: hvp(cube, (2.0,), 1.0), TypeError, "tangents must be a tuple"),
        (lambda: jvp(cube, (2.0,), (1.0, 2.0)), ValueError, r"tangents must be a tuple of 1, as the function has it"),
        (lambda: jvp(lambda v: v[0], ([2.0],), ([],)), ValueError, r"tangents\[0\] must be a list of 1"),
        (lambda: jvp(lambda v: v["a"], ({"a": 2.0},), ([1.0],)), ValueError, r"tangents\[0\] must be a dict of 1"),
        (lambda: jvp(cube, (2.0,), (None,)), TypeError, r"tangents\[0\]: a Value is one real number"),
        (lambda: jvp(lambda v: v, (np.ones(3),), (np.ones(2),)), ValueError, r"must have shape \(3,\), got \(2,\)"),
        (
            lambda: jvp(lambda v: v, (np.ones(3),), (np.ones((1, 3)),)),
            ValueError,
            r"must have shape \(3,\), got \(1, 3\)",
        ),
        (lambda: jvp(lambda v: v[0], ([2.0],), ({0: 1.0},)), ValueError, r"tangents\[0\] must be a list of 1"),
        (lambda: jvp(lambda v: v["a"], ({"a": 2.0},), ({"b": 1.0},)), ValueError, r"tangents\[0\] must be a dict of 1"),
        (lambda: grad(lambda v: v)(np.ones(0)), GraphError, r"returned shape \(0,\)"),
        (lambda: vjp(two, 1.0)[1](1.0), ValueError, "the upstream gradient must be a list of 2"),
        (lambda: vjp(cube, 1.0)[1](np.ones(2)), TypeError, "the upstream gradient: a Value is one real number"),
        (lambda: jacobian(lambda x: [x, x.item()])(1.0), TypeError, r"must return Values or Tensors .* got float 1\.0"),
        (
            lambda: grad(lambda x: x, has_aux=True)(1.0),
            TypeError,
            "has_aux=True <lambda> returns a pair, the number",
        ),
    ],
)
def test_errors_teach(wrong: Callable[[], Any], kind: Any, said: str) -> None:
    with pytest.raises(kind, match=said):
        wrong()


def test_derivatives_are_named_after_what_they_are_of() -> None:
    assert grad(cube).__name__ == "grad(cube)"
    assert hessian(cube).__name__ == "hessian(cube)"
    assert grad(grad(cube)).__name__ == "grad(grad(cube))"
    assert autograd.__dict__["grad"] is grad


# ----- arrays beside numbers, constants, and more that a function returns -----


@dataclass
class Weights:
    W: Any
    b: Any
    name: None = None


def test_a_number_beside_arrays_has_a_derivative_that_is_a_number() -> None:
    X = np.array([[1.0, 2.0], [3.0, 4.0]])

    def loss(W: Any, b: Any) -> Any:
        return ((X @ W + b) ** 2).sum()

    W, b = np.array([0.5, -1.0]), 0.25
    residual = X @ W + b
    by_w, by_b = grad(loss, (0, 1))(W, b)
    assert by_w == pytest.approx(2.0 * X.T @ residual) and by_b == pytest.approx(2.0 * residual.sum())
    assert type(by_b) is float
    value, slopes = value_and_grad(lambda p: loss(p["W"], p["b"]))({"W": W, "b": b})
    assert value == pytest.approx((residual**2).sum()) and (type(slopes["b"]), slopes["b"]) == (float, by_b)
    assert grad(lambda p: loss(p.W, p.b))(Weights(W, b)).b == by_b
    assert jvp(loss, (W, b), (np.zeros(2), 1.0))[1] == pytest.approx(by_b)
    assert hessian(loss, (0, 1))(W, b)[1][1] == pytest.approx(4.0)
    assert hvp(loss, (W, b), (np.zeros(2), 1.0))[1] == pytest.approx(4.0)
    assert grad(loss, (0, 1))(W.astype(np.float32), b)[0].dtype == np.float32
    assert grad(loss, 1)(Tensor(W), b).data == pytest.approx(by_b)
    assert grad(lambda W: grad(loss, 1)(W, b))(W) == pytest.approx(2.0 * X.sum(axis=0))


@pytest.mark.parametrize("x", [3.0, np.array([1.0, 2.0]), [1.0, {"a": 2.0}]], ids=str)
@pytest.mark.parametrize("constant", [6.0, 6, np.float64(6.0), Value(6.0).detach()], ids=repr)
def test_what_a_result_does_not_depend_on_has_the_derivative_0(x: Any, constant: Any) -> None:
    zeros = changed(x, lambda leaf, path: 0.0 * leaf)
    flat = [np.asarray(g).tolist() for g in leaves(grad(lambda x: constant)(x))]
    assert flat == [np.asarray(z).tolist() for z in leaves(zeros)]
    assert grad(lambda x, y: y * 2.0, 0)(3.0, 5.0) == 0.0 == grad(lambda x, y: x * 2.0, 1)(3.0, 5.0)
    assert grad(grad(lambda x: 3.0 * x))(2.0) == 0.0
    assert jacobian(lambda x: [x, 1.0])(2.0) == [1.0, 0.0]
    assert jvp(lambda x: 5.0, (2.0,), (1.0,)) == (5.0, 0.0)
    assert vjp(lambda x: 5.0, 2.0)[1](1.0) == (0.0,)
    assert compile(lambda x: grad(lambda y: 2.0)(x) + W)(1.0).data == W.data


W = Value(0.5)


def test_a_number_that_left_the_graph_is_no_constant() -> None:
    for leak in (lambda x: x.data, lambda x: math.sin(x.item()), lambda x: [x, x.data * 2.0]):
        with pytest.raises(TypeError, match=r"did a number leave the graph by \.data"):
            jacobian(leak)(1.0)


def test_more_that_a_function_returns_comes_beside_the_derivative() -> None:
    def f(x: Any) -> Any:
        return x * x, {"twice": 2.0 * x, "name": "f", "numbers": np.arange(2), "nothing": None}

    slope, more = grad(f, has_aux=True)(3.0)
    assert (slope, more["twice"], more["name"], more["nothing"]) == (6.0, 6.0, "f", None)
    assert type(more["twice"]) is float and more["numbers"].tolist() == [0, 1]
    (value, more), slope = value_and_grad(f, has_aux=True)(3.0)
    assert (value, more["twice"], slope) == (9.0, 6.0, 6.0)


def test_one_function_gives_scipys_minimize_value_and_jac() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    target = np.array([1.0, -2.0, 0.5])
    found = optimize.minimize(value_and_grad(lambda x: ((x - target) ** 2).sum()), np.zeros(3), jac=True)
    assert found.success and found.x == pytest.approx(target, abs=1e-6)


def test_arguments_are_counted_from_the_end_and_given_in_a_list_too() -> None:
    f = lambda a, b: a * b * b  # noqa: E731
    assert grad(f, -1)(2.0, 3.0) == 12.0 and grad(f, [0, 1])(2.0, 3.0) == (9.0, 12.0)
    assert hessian(f, -1)(2.0, 3.0) == 4.0 and value_and_grad(f, -2)(2.0, 3.0) == (18.0, 9.0)
    with pytest.raises(ValueError, match="argnums = -3 must name different arguments"):
        grad(f, -3)(2.0, 3.0)


@pytest.mark.parametrize("derivative", [grad, value_and_grad, jacobian, hessian])
def test_a_point_in_the_place_of_argnums_is_met_at_once(derivative: Any) -> None:
    """As in PyTorch's ``jacobian(f, x)``."""
    with pytest.raises(TypeError, match=rf"for the derivative at x write {derivative.__name__}\(f\)\(x\)"):
        derivative(lambda x: x * x, np.array([1.0, 2.0]))


def test_a_name_in_a_dataclass_is_left_as_it_is() -> None:
    @dataclass
    class Weights:
        w: float
        name: str = "layer"

    at, along = Weights(3.0), Weights(1.0)
    f = lambda p: p.w**2  # noqa: E731
    assert grad(f)(at) == Weights(6.0) and vjp(f, at)[1](1.0) == (Weights(6.0),)
    assert jvp(f, (at,), (along,)) == (9.0, 6.0) and hvp(f, (at,), (along,)) == (Weights(2.0),)
    assert jacobian(lambda p: [f(p)])(at) == [Weights(6.0)]
    assert jvp(lambda v: v["w"] ** 2, ({"w": 3.0, "n": None},), ({"w": 1.0, "n": None},)) == (9.0, 6.0)
