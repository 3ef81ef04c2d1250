"""Derivatives within a compiled function: of every row, by every way to take one, as the function itself has them."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers import samples
from test_compiler_backends import each_backend

import autograd
import nn
from autograd import Tensor, TraceError, Value, compile, grad, hessian, hvp, jacobian, jvp, no_grad, value_and_grad, vjp
from autograd.ops import OPS, REDUCTIONS, Op
from tests.peers import pytorch

WAYS: dict[str, Callable[[Any, Any], Any]] = {
    "grad": lambda f, x: grad(f)(x),
    "value_and_grad": lambda f, x: value_and_grad(f)(x)[1] * value_and_grad(f)(x)[0],
    "jvp": lambda f, x: jvp(f, (x,), (1.5,))[1],
    "vjp": lambda f, x: vjp(f, x)[1](1.5)[0],
    "jacobian": lambda f, x: jacobian(f)(x),
    "hessian": lambda f, x: hessian(f)(x),
    "hvp": lambda f, x: hvp(f, (x,), (1.5,))[0],
    "grad of grad": lambda f, x: grad(grad(f))(x),
    "jvp of jvp": lambda f, x: jvp(lambda y: jvp(f, (y,), (1.0,))[1], (x,), (1.0,))[1],
    "third": lambda f, x: grad(grad(grad(f)))(x),
}


def agree(function: Callable[..., Any], parameters: list[Value], *args: Any, backend: str | None = None) -> list[float]:
    """The loss and the gradients of a compiled function, found to be those of the function itself."""
    found = []
    for run in (function, compile(function, backend=backend)):
        for p in parameters:
            p.grad = 0.0
        loss = run(*args)
        loss.backward()
        found.append([loss.data, *[p.grad for p in parameters]])
    eager, ours = found
    np.testing.assert_allclose(ours, eager, rtol=1e-11, atol=1e-11)
    return ours


@pytest.mark.parametrize("way", WAYS)
@each_backend
def test_every_way_to_take_one(way: str, backend: str) -> None:
    w, b = Value(0.7), Value(-0.4)
    f = lambda y: (w * y + b).tanh() * y  # noqa: E731
    agree(lambda x: WAYS[way](f, x) ** 2 + w, [w, b], 0.9, backend=backend)
    agree(lambda: WAYS[way](lambda y: f(y) * b, w) ** 2, [w, b], backend=backend)


def test_a_penalty_on_a_slope_is_pytorch_s() -> None:
    torch = pytorch()
    w = Value(0.7)
    loss = compile(lambda x: (grad(lambda y: (w * y).sin() * y)(x) - 1.0) ** 2)
    total = loss.batch([0.5, 1.5])
    total.backward()
    weight = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    x = torch.tensor([0.5, 1.5], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(((weight * x).sin() * x).sum(), x, create_graph=True)
    expected = ((slope - 1.0) ** 2).mean()
    expected.backward()
    assert total.data == pytest.approx(expected.item(), rel=1e-13)
    assert w.grad == pytest.approx(weight.grad.item(), rel=1e-13)


def of_row(op: Op, order: int) -> Callable[..., Any]:
    """The sum of the derivatives of a row by its arguments, each times a number of its own."""
    numbers = tuple(range(op.arity))

    def derivative(*xs: Any) -> Any:
        if order == 1:
            partials = grad(autograd.operation(op), numbers)(*xs)
        else:
            partials = grad(lambda *ys: sum(grad(autograd.operation(op), numbers)(*ys)), numbers)(*xs)
        return sum((1.0 + i) * d for i, d in enumerate(partials)) + 0.0 * sum(xs)

    return derivative


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", [name for name in OPS if name != "where"])
def test_every_row(name: str, order: int) -> None:
    for xs in samples(OPS[name], 3):
        values = [Value(x) for x in xs]
        agree(lambda values=values: of_row(OPS[name], order)(*values), values, backend="python")


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_every_reduction(name: str, order: int) -> None:
    values = [Value(x) for x in (0.5, -1.5, 2.0, 0.25)]
    function = autograd.operation(REDUCTIONS[name]) if name != "dot" else lambda xs: autograd.dot(xs[:2], xs[2:])
    first = lambda xs: sum(a * d for a, d in zip(values, grad(function)(xs), strict=True))  # noqa: E731
    second = lambda xs: sum(grad(first)(xs))  # noqa: E731
    agree(lambda: (first if order == 1 else second)(values) + 0.0 * values[0], values, backend="python")


def test_at_kinks_and_beside_infinite_slopes() -> None:
    w = Value(0.0)
    agree(lambda: grad(lambda y: autograd.relu(y).sqrt() + y * y + w)(w) + w, [w])
    agree(lambda: grad(lambda y: autograd.maximum(y, 0.0) + autograd.clip(y, 0.0, 1.0))(w) * w + w, [w])
    agree(lambda: sum(grad(autograd.norm)([w, w])) + w, [w])
    agree(lambda x: grad(lambda y: autograd.where(y > 1.0, y * y, w * y))(x) + w, [w], 3.0)


def test_an_entry_of_a_table_by_an_index() -> None:
    table = [Value(0.5), Value(1.5), Value(2.5)]
    loss = compile(lambda i: sum(grad(lambda xs: autograd.take(xs, i) ** 2)(table)) + table[0])
    assert [loss(i).data for i in (0, 1, 2)] == [1.5, 3.5, 5.5]
    loss(1).backward()
    assert [v.grad for v in table] == [1.0, 2.0, 0.0]


def test_a_constant_has_a_derivative_and_what_nothing_depends_on_is_0() -> None:
    w = Value(2.0)
    agree(lambda: grad(lambda y: y * y * w)(3.0) + grad(lambda y: w + 0.0 * y)(1.0), [w])
    agree(lambda: w + grad(lambda y: y)(1.0), [w])
    agree(lambda x: w * grad(lambda y, z: y * w, 1)(x, x) + w, [w], 2.0)


def test_what_depends_on_nothing_that_wants_a_gradient_is_a_plain_number() -> None:
    w = Value(2.0)
    agree(lambda x: w * {True: 1.0, False: 2.0}[isinstance(w * grad(lambda y: y * y)(x), Value)], [w], 1.5)

    def decided_by_class(x: Any) -> Any:
        return w if isinstance(grad(lambda y: y * y)(x), float) else w * w

    with pytest.raises(TraceError, match="The class of a traced value"):
        compile(decided_by_class)(1.5)


def test_under_no_grad_and_through_detach() -> None:
    w = Value(2.0)

    def loss(x: Any) -> Any:
        with no_grad():
            slope = grad(lambda y: (w * y).sin())(x)
            value, _ = value_and_grad(lambda y: (w * y).sin())(x)
        return (slope + value) * w + grad(lambda y: (w * y).detach() * y)(x)

    agree(loss, [w], 0.3)


def test_a_physics_informed_model_trains_as_its_function_does() -> None:
    """u″ = −u with u(0) = 0 and u′(0) = 1: a residual that has second derivatives in it, in a batch."""
    models = [nn.MLP(1, [6, 1], activation="tanh", seed=0) for _ in range(2)]

    def residual(model: Any) -> Callable[[Any], Any]:
        def loss(t: Any) -> Any:
            u = lambda s: model([s])  # noqa: E731
            return (grad(grad(u))(t) + u(t)) ** 2 + u(0.0) ** 2 + (grad(u)(0.0) - 1.0) ** 2

        return loss

    times = [0.1, 0.8, 1.7]
    compiled = compile(residual(models[0])).batch(times)
    compiled.backward()
    eager = sum(residual(models[1])(t) for t in times) / 3.0
    eager.backward()
    assert compiled.data == pytest.approx(eager.data, rel=1e-12)
    pairs = zip(models[0].parameters(), models[1].parameters(), strict=True)
    np.testing.assert_allclose(*zip(*[(p.grad, q.grad) for p, q in pairs], strict=True), rtol=1e-10, atol=1e-12)


def test_an_array_in_a_derivative_is_refused_and_the_remedy_works() -> None:
    w = [Value(1.0), Value(2.0)]
    function = lambda f, xs: autograd.sum(grad(f)(xs))  # noqa: E731
    inner = lambda xs: autograd.sum([a * x * x for a, x in zip(w, xs, strict=True)])  # noqa: E731
    with pytest.raises(
        TraceError, match=r"argument 0: a derivative by an array cannot be compiled\n  at .*\n.*tolist\(\)"
    ):
        compile(lambda xs: function(inner, xs))(np.array([1.0, 2.0]))
    with pytest.raises(TraceError, match="a derivative by an array cannot be compiled"):
        compile(lambda: grad(lambda v: v.sum())(Tensor([1.0])) * w[0])()
    assert agree(lambda xs: function(inner, xs.tolist()), w, np.array([1.0, 2.0])) == [10.0, 2.0, 4.0]


def test_the_walk_goes_over_what_the_function_made_and_no_further() -> None:
    """A derivative in each of many steps: the program grows with the number of steps, and not with its square."""
    w = Value(0.3)

    def steps(n: int) -> Callable[[], Any]:
        def loss() -> Any:
            x: Any = w
            for _ in range(n):
                x = x - 0.1 * grad(lambda y: (y - 1.0) ** 2 * w)(x)
            return x

        return loss

    sizes = []
    for n in (10, 20, 40):
        loss = compile(steps(n), backend="python")
        loss()
        sizes.append(int(loss.report().split(" ")[0].replace(",", "")))
    assert sizes[2] - sizes[1] == 2 * (sizes[1] - sizes[0])
    agree(steps(10), [w])
    assert math.isfinite(w.grad)


@each_backend
def test_what_is_computed_under_no_grad_leaves_a_derivative_a_number(backend: str) -> None:
    """Of numbers == asks whether they are equal, of Values whether they are the same one."""
    p = Value(3.0)

    def numbers() -> Any:
        with no_grad():
            y = p * 2.0
        return autograd.where(grad(lambda x: x * y)(3.0) == grad(lambda x: x * y)(4.0), p, 1.0)

    def nodes() -> Any:
        y = p * 2.0
        return autograd.where(grad(lambda x: x * y)(3.0) == grad(lambda x: x * y)(4.0), p, 1.0)

    for function, expected in ((numbers, 3.0), (nodes, 1.0)):
        assert float(function()) == compile(function, backend=backend)().data == expected


@each_backend
def test_an_infinite_gradient_times_0_is_nan_where_nothing_is_selected(backend: str) -> None:
    p = Value(3.0)

    def function() -> Any:
        return grad(lambda t: (t * t).sqrt())(0.0 * p) * 1.0

    assert math.isnan(float(function())) and math.isnan(compile(function, backend=backend)().data)


SQUARES: list[tuple[Callable[..., Any], float]] = [
    (lambda v: autograd.norm(v) ** 2, 2.0),
    (lambda v: autograd.norm(v) * autograd.norm(v) * 3.0, 6.0),
    (lambda v: 3.0 * (autograd.norm(v) + autograd.norm(v)) * autograd.norm(v), 12.0),
]


@each_backend
@pytest.mark.parametrize("point", [(0.0, 0.0), (0.5, 0.3)], ids=["at 0", "elsewhere"])
@pytest.mark.parametrize(("square", "expected"), SQUARES, ids=["power", "product", "sum"])
def test_second_derivatives_of_a_norm_are_right_where_it_is_0(
    square: Callable[..., Any], expected: float, point: tuple[float, float], backend: str
) -> None:
    """The Hessian of ‖x‖² is 2 I everywhere, though that of ‖x‖ has no limit at 0."""
    p = Value(1.0)
    for i, j in ((0, 0), (0, 1), (1, 1)):
        entry = compile(lambda a, b, i=i, j=j: p * hessian(square)([a, b])[i][j], backend=backend)
        assert entry(*point).data == pytest.approx(expected if i == j else 0.0, abs=1e-14)
    product = compile(lambda a, b: p * hvp(square, ([a, b],), ([1.0, 2.0],))[0][1], backend=backend)
    assert product(*point).data == pytest.approx(2.0 * expected)


@each_backend
def test_a_row_has_its_defaults_in_a_compiled_function(backend: str) -> None:
    p = Value(-2.0)
    for name, op in OPS.items():
        if op.defaults:
            function = lambda name=name: getattr(autograd, name)(p * 1.0)  # noqa: E731
            loss = compile(function, backend=backend)()
            p.grad = 0.0
            loss.backward()
            eager = function()
            compiled_grad, p.grad = p.grad, 0.0
            eager.backward()
            assert (loss.data, compiled_grad) == pytest.approx((eager.data, p.grad))


@each_backend
def test_a_jacobian_has_rows_for_results_that_were_computed_early_and_late(backend: str) -> None:
    p = Value(1.0)
    for i, j, expected in ((0, 0, 3.0), (0, 1, 0.0), (1, 0, 0.0), (1, 1, 4.0 * math.exp(4.0))):
        entry = compile(
            lambda a, b, i=i, j=j: p * jacobian(lambda v: [v[0] * 3.0, (v[1] * v[1]).exp()])([a, b])[i][j],
            backend=backend,
        )
        assert entry(1.0, 2.0).data == pytest.approx(expected)
