"""The tables, row by row: every derivative against differences, on Values and on Tensors; conventions; IEEE edges."""

import builtins
import decimal
import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers import error, plain, same, samples, second_partials, slopes, tensor_partials, value_partials
from random_graphs import Record

import autograd
from autograd import Tensor, Value
from autograd.functions import NODES
from autograd.namespaces import SCALARS, ieee
from autograd.ops import OPS, REAL, REDUCTIONS, Op, Reduction

EVERY_OP = pytest.mark.parametrize("op", OPS.values(), ids=OPS.keys())
UNARY = [op for op in OPS.values() if op.arity == 1]
INF, NAN = math.inf, math.nan


def columns(points: list[tuple[float, ...]]) -> list[np.ndarray]:
    return [np.array(column) for column in zip(*points, strict=True)]


# ----- the table itself -----


@EVERY_OP
def test_a_row_is_complete(op: Op) -> None:
    assert op.name
    assert op.symbol
    assert op.latex
    assert len(op.arguments) == op.arity == len(op.domain) == len(op.partials)
    assert len(op.defaults) < op.arity
    for arguments, partials in op.kinks:
        assert len(arguments) == len(partials) == op.arity


ROW = {
    "name": "thing", "symbol": "?", "forward": lambda m, a, b: a, "latex": "a",
    "partials": (lambda m, y, a, b: 1.0, lambda m, y, a, b: 0.0), "domain": (REAL, REAL),
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "wrong", "kind", "said"),
    [
        ("name", "", TypeError, r"operation '': name is text for people to read, got ''"),
        ("symbol", None, TypeError, "symbol is text for people to read, got None"),
        ("latex", "", TypeError, "latex is text for people to read, got ''"),
        ("forward", 3, TypeError, r"the forward rule is a function \(m, x, …\) .* got 3"),
        ("forward", lambda m: 1.0, TypeError, "of a namespace and at least one argument"),
        ("forward", lambda m, *xs: 1.0, TypeError, "at least one argument with a name"),
        (
            "partials",
            (lambda m, y, a, b: 1.0,),
            TypeError,
            r"takes \(m, a, b\): partials must be a tuple of 2, .* got 1",
        ),
        ("partials", [lambda m, y, a, b: 1.0] * 2, TypeError, "partials must be a tuple of 2"),
        ("partials", (lambda m, y, a: 1.0,) * 2, TypeError, r"each partial is a function \(m, y, a, b\)"),
        ("partials", (1.0, 2.0), TypeError, r"each partial is a function .* got 1\.0"),
        ("domain", (REAL,), TypeError, "domain must be a tuple of 2, one for each argument after m; got 1"),
        ("domain", (REAL, (1.0, -1.0)), ValueError, r"each domain is a pair \(low, high\)"),
        ("defaults", (1.0, 2.0), TypeError, "at most 1 of these can have defaults"),
        ("kinks", (((0.0,), (0.0,)),), TypeError, r"each kink is \(2 arguments, 2 partials\)"),
    ],
)
def test_a_row_with_a_field_missing_or_misshapen_is_refused(field: str, wrong: Any, kind: Any, said: str) -> None:
    Op(**ROW)
    with pytest.raises(kind, match=said):
        Op(**{**ROW, field: wrong})


def test_a_row_without_a_field_is_refused() -> None:
    for field in ROW.keys() - {"domain"}:
        with pytest.raises(TypeError, match=f"missing 1 required positional argument: '{field}'"):
            Op(**{name: entry for name, entry in ROW.items() if name != field})


def test_names_are_unique_and_every_row_is_exported() -> None:
    for name in [*OPS, *REDUCTIONS, "softmax", "log_softmax"]:
        assert name in dir(autograd)
        assert (name in autograd.__all__) != hasattr(builtins, name)  # a star import hides nothing of Python's own
        assert callable(getattr(autograd, name))
    assert len(set(autograd.__all__)) == len(autograd.__all__)


def test_an_unknown_function_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'cosine'"):
        autograd.cosine  # noqa: B018


# ----- values and first derivatives -----


@EVERY_OP
def test_value_and_tensor_compute_the_same(op: Op) -> None:
    points = samples(op)
    y, gradients = tensor_partials(op, columns(points))
    for i, xs in enumerate(points):
        data, partials = value_partials(op, xs)
        assert same(data, y[i])
        assert same(partials, [g[i] for g in gradients])


def worst_error(op: Op, route: Callable[[Op, list[tuple[float, ...]]], list[list[float]]]) -> float:
    """The largest error of any partial at any sample."""

    def forward(*xs: float) -> float:
        return float(op.forward(SCALARS, *xs))

    points = samples(op)
    return max(error(found, slopes(forward, xs)) for xs, found in zip(points, route(op, points), strict=True))


def by_values(op: Op, points: list[tuple[float, ...]]) -> list[list[float]]:
    return [value_partials(op, xs)[1] for xs in points]


def by_masked_values(op: Op, points: list[tuple[float, ...]]) -> list[list[float]]:
    """One argument a Value, the others plain numbers, each in turn."""

    def alone(xs: tuple[float, ...], i: int) -> float:
        x = Value(xs[i])
        Value._apply(op, *xs[:i], x, *xs[i + 1 :]).backward()
        return float(x.grad)

    return [[alone(xs, i) for i in range(op.arity)] for xs in points]


def by_tensors(op: Op, points: list[tuple[float, ...]]) -> list[list[float]]:
    gradients = tensor_partials(op, columns(points))[1]
    return [[float(g[i]) for g in gradients] for i in range(len(points))]


def by_recorded_values(op: Op, points: list[tuple[float, ...]]) -> list[list[float]]:
    """As `by_values`, with the gradients computed on nodes."""

    def gradients(xs: tuple[float, ...]) -> list[float]:
        nodes = [Value(x) for x in xs]
        Value._apply(op, *nodes).backward(create_graph=True)
        return [plain(node.grad) for node in nodes]

    return [gradients(xs) for xs in points]


def by_recorded_tensors(op: Op, points: list[tuple[float, ...]]) -> list[list[float]]:
    nodes = [Tensor(column) for column in columns(points)]
    Tensor._apply(op, *nodes).sum().backward(create_graph=True)
    return [[float(node.grad.data[i]) for node in nodes] for i in range(len(points))]


def forwards(op: Op, xs: tuple[Any, ...], number: Any = lambda x: x) -> list[Any]:
    """Each partial as the tangent of the result when that argument alone moves, by 1."""

    def partial(i: int) -> Any:
        def f(x: Any) -> Any:
            return type(x)._apply(op, *xs[:i], x, *xs[i + 1 :])

        return plain(autograd.jvp(f, (number(xs[i]),), (np.ones(np.shape(xs[i])),))[1])

    return [partial(i) for i in range(op.arity)]


def by_forward_values(op: Op, points: list[tuple[float, ...]]) -> list[list[float]]:
    return [forwards(op, xs) for xs in points]


def by_recorded_forward_values(op: Op, points: list[tuple[float, ...]]) -> list[list[float]]:
    return [forwards(op, xs, Value) for xs in points]


def by_forward_tensors(op: Op, points: list[tuple[float, ...]]) -> list[list[float]]:
    tangents = forwards(op, tuple(columns(points)))
    return [[float(t[i]) for t in tangents] for i in range(len(points))]


def by_recorded_forward_tensors(op: Op, points: list[tuple[float, ...]]) -> list[list[float]]:
    tangents = forwards(op, tuple(columns(points)), Tensor)
    return [[float(t[i]) for t in tangents] for i in range(len(points))]


REVERSE = [by_values, by_masked_values, by_tensors, by_recorded_values, by_recorded_tensors]
FORWARD = [by_forward_values, by_recorded_forward_values, by_forward_tensors, by_recorded_forward_tensors]
ROUTES = [*REVERSE, *FORWARD]
EVERY_ROUTE = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.__name__)


@EVERY_ROUTE
@EVERY_OP
def test_partials_agree_with_differences(op: Op, route: Any, record_property: Record) -> None:
    worst = worst_error(op, route)
    record_property("compared", {f"rows by {route.__name__}, against differences": (1, worst)})
    assert worst < 1e-7


@EVERY_ROUTE
@pytest.mark.parametrize(
    ("op", "i"),
    [
        pytest.param(op, i, id=f"{op.name}-{i}")
        for op in OPS.values()
        for i in range(op.arity)
        if any(value_partials(op, xs)[1][i] for xs in samples(op))
    ],
)
def test_a_partial_wrong_by_a_thousandth_is_caught(op: Op, i: int, route: Any) -> None:
    """The tests are tested."""
    right = op.partials[i]
    wrong = (*op.partials[:i], lambda m, *operands: right(m, *operands) * 1.001, *op.partials[i + 1 :])
    assert worst_error(replace_partials(op, wrong), route) > 1e-4


def replace_partials(op: Op, partials: tuple[Any, ...]) -> Op:
    return replace(op, partials=partials)


# ----- second derivatives -----


@EVERY_OP
def test_second_derivatives_agree_with_differences(op: Op) -> None:
    for xs in samples(op, 3):
        nodes = [Value(x) for x in xs]
        found = second_partials(nodes, Value._apply(op, *nodes))
        for i in range(op.arity):
            assert error(found[i], slopes(lambda *zs, i=i: value_partials(op, zs)[1][i], xs)) < 1e-7


@EVERY_OP
def test_second_derivatives_of_tensors_are_those_of_values(op: Op) -> None:
    points = samples(op, 3)
    nodes = [Tensor(column) for column in columns(points)]
    found = second_partials(nodes, Tensor._apply(op, *nodes))
    for k, xs in enumerate(points):
        scalars = [Value(x) for x in xs]
        expected = second_partials(scalars, Value._apply(op, *scalars))
        for i, j in itertools.product(range(op.arity), repeat=2):
            assert same(np.asarray(found[i][j])[k], expected[i][j], 1e-10)


@EVERY_OP
def test_second_derivatives_by_forward_mode_are_the_same(op: Op) -> None:
    """Forward over forward, forward over reverse, reverse over forward."""

    def along(f: Callable[..., Any], i: int) -> Callable[..., Any]:
        unit = tuple(float(i == j) for j in range(op.arity))
        return lambda *xs: autograd.jvp(f, xs, unit)[1]

    def f(*xs: Any) -> Any:
        return Value._apply(op, *xs)

    for xs in samples(op, 2):
        nodes = [Value(x) for x in xs]
        expected = second_partials(nodes, f(*nodes))
        for i, j in itertools.product(range(op.arity), repeat=2):
            assert same(along(along(f, i), j)(*xs), expected[i][j], 1e-10)
            assert same(along(autograd.grad(f, i), j)(*xs), expected[i][j], 1e-10)
            assert same(autograd.grad(along(f, i), j)(*xs), expected[i][j], 1e-10)


@EVERY_OP
def test_the_row_passes_gradcheck_to_second_order(op: Op, record_property: Record) -> None:
    """With differences of an adaptive step, and the complex step where the row is analytic."""
    worst = 0.0
    for xs in samples(op, 3):
        fixed = xs[:1] if op.name == "where" else ()  # a condition does not move
        found = autograd.gradcheck(
            lambda *args, fixed=fixed: Value._apply(op, *fixed, *args), xs[len(fixed) :], order=2, show=False
        )
        assert found, str(found)
        worst = max(worst, found.worst)
    record_property("compared", {"rows by gradcheck, first and second derivatives": (1, worst)})
    assert worst < 1e-7


def test_a_third_derivative() -> None:
    x = Value(0.7)
    y = x.sin()
    for expected in [math.cos(0.7), -math.sin(0.7), -math.cos(0.7), math.sin(0.7)]:
        x.grad = 0.0
        y.backward(create_graph=True)
        y = x.grad
        assert y.data == pytest.approx(expected, rel=1e-14)


# ----- kinks -----

KINKS = [pytest.param(op, *kink, id=f"{op.name}{kink[0]}") for op in OPS.values() for kink in op.kinks]


@pytest.mark.parametrize(("op", "xs", "partials"), KINKS)
def test_kink_conventions_hold_exactly(op: Op, xs: tuple[float, ...], partials: tuple[float, ...]) -> None:
    for route in ROUTES:
        assert route(op, [xs]) == [list(partials)], route.__name__


def test_the_rows_with_a_corner_state_a_convention() -> None:
    corners = ["abs", "relu", "leaky_relu", "elu", "maximum", "minimum", "clip", "sign", "power"]
    assert [name for name in corners if not OPS[name].kinks] == []


# ----- arrays: broadcasting and dtype -----


@pytest.mark.parametrize("shapes", [[(3, 1), (1, 4), (4,)], [(), (2, 3), ()], [(2, 1, 3), (3,), (1, 1)]], ids=str)
@EVERY_OP
def test_broadcast_gradients_are_sums_of_scalar_gradients(op: Op, shapes: list[tuple[int, ...]]) -> None:
    shapes = shapes[: op.arity]
    rng = np.random.default_rng(1)
    arrays = [rng.uniform(low, high, shape) for shape, (low, high) in zip(shapes, op.domain, strict=True)]
    upstream = rng.standard_normal(np.broadcast_shapes(*shapes))

    tensors = [Tensor(array) for array in arrays]
    y = Tensor._apply(op, *tensors)
    y.backward(upstream)

    values = [np.vectorize(Value, otypes=[object])(array) for array in arrays]
    total = Value(0.0)
    for *xs, g in zip(*[grid.ravel() for grid in np.broadcast_arrays(*values, upstream)], strict=True):
        total = total + Value._apply(op, *xs) * g
    total.backward()

    assert y.shape == upstream.shape
    for tensor, scalars in zip(tensors, values, strict=True):
        assert tensor.grad.shape == tensor.shape
        expected = np.vectorize(lambda value: value.grad, otypes=[float])(scalars)
        np.testing.assert_allclose(tensor.grad, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("create_graph", [False, True])
@EVERY_OP
def test_dtype_is_kept(op: Op, create_graph: bool, dtype: Any) -> None:
    for columns_ in (columns(samples(op)), list(samples(op)[0])):  # arrays, and arrays of no axes
        tensors = [Tensor(column, dtype=dtype) for column in columns_]
        y = Tensor._apply(op, *tensors)
        y.backward(np.ones(y.shape), create_graph=create_graph)
        assert y.dtype == dtype
        assert [plain(tensor.grad).dtype for tensor in tensors] == [dtype] * op.arity


@EVERY_OP
def test_a_plain_number_does_not_widen_float32(op: Op) -> None:
    xs = samples(op)[0]
    for i in range(op.arity):
        x = Tensor([xs[i]], dtype=np.float32)
        for number in (float, np.float64):
            assert Tensor._apply(op, *map(number, xs[:i]), x, *map(number, xs[i + 1 :])).dtype == np.float32


# ----- IEEE 754 at the edges -----

EDGES = [0.0, -0.0, 5e-324, -1e-300, 1.0, -1.0, 0.5, 30.0, -30.0, 750.0, -750.0, 1e300, -1e300, INF, -INF, NAN]
FEW_EDGES = [0.0, 1e-300, 1.0, -1e300, INF, -INF, NAN]


def edge_points(op: Op) -> list[tuple[float, ...]]:
    conditions = [(0.0, 1.0)] if op.name == "where" else []
    edges = [EDGES if op.arity < 3 else FEW_EDGES] * (op.arity - len(conditions))
    return list(itertools.product(*conditions, *edges))


@EVERY_OP
def test_edges_never_raise_and_all_routes_agree(op: Op) -> None:
    points = edge_points(op)
    y, _ = tensor_partials(op, columns(points))
    expected = by_values(op, points)
    for xs, result in zip(points, y, strict=True):
        assert same(value_partials(op, xs)[0], result, 1e-10), f"{op.name}{xs}"
    for route in ROUTES:
        for xs, partials, found in zip(points, expected, route(op, points), strict=True):
            assert same(found, partials, 1e-10), f"{op.name}{xs} {route.__name__}"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (lambda x: x(-1.0).log(), NAN),
        (lambda x: x(0.0).log(), -INF),
        (lambda x: x(1.0) / 0.0, INF),
        (lambda x: -1.0 / x(0.0), -INF),
        (lambda x: x(0.0) / 0.0, NAN),
        (lambda x: x(1000.0).exp(), INF),
        (lambda x: x(-1000.0).exp(), 0.0),
        (lambda x: x(-1.0).sqrt(), NAN),
        (lambda x: x(-8.0) ** (1.0 / 3.0), NAN),
        (lambda x: x(0.0) ** -1.0, INF),
        (lambda x: x(1e200) ** 2, INF),
        (lambda x: x(2.0).asin(), NAN),
        (lambda x: x(-1.0).log1p(), -INF),
        (lambda x: x(INF).sin(), NAN),
        (lambda x: x(1000.0).sinh(), INF),
        (lambda x: x(-1000.0).sigmoid(), 0.0),
        (lambda x: x(1000.0).sigmoid(), 1.0),
        (lambda x: x(1000.0).softplus(), 1000.0),
        (lambda x: x(-1000.0).softplus(), 0.0),
        (lambda x: x(1000.0).silu(), 1000.0),
        (lambda x: x(-1000.0).silu(), 0.0),
        (lambda x: x(1000.0).elu(), 1000.0),
        (lambda x: x(-1000.0).elu(), -1.0),
        (lambda x: x(NAN).maximum(1.0), NAN),
        (lambda x: x(1.0).minimum(NAN), NAN),
    ],
)
def test_ieee_answers(result: Any, expected: float) -> None:
    for number in (Value, Tensor):
        assert same(result(number).data, expected), number.__name__


@pytest.mark.parametrize("x", [-40.0, -1e5, 40.0, 1e5])
@pytest.mark.parametrize("name", ["sigmoid", "softplus", "silu", "elu", "gelu", "tanh", "relu", "leaky_relu", "erf"])
def test_activations_keep_finite_derivatives_far_out(name: str, x: float) -> None:
    data, partials = value_partials(OPS[name], OPS[name].complete((x,)))
    assert np.isfinite([data, *partials[:1]]).all()


@pytest.mark.parametrize(("name", "sign"), [("asin", 1.0), ("acos", -1.0)])
@pytest.mark.parametrize("end", [1.0, -1.0])
def test_slopes_of_arcs_keep_their_digits_to_the_end_of_the_domain(name: str, sign: float, end: float) -> None:
    """±1 / √(1 − x²), where 1 − x² is all cancellation; the square root is taken in fifty digits."""
    for k in range(1, 54):
        x = end * (1.0 - 2.0**-k)
        with decimal.localcontext(prec=50):
            expected = sign * float(1 / (1 - decimal.Decimal(x) ** 2).sqrt())
        for route in ROUTES:
            assert plain(route(OPS[name], [(x,)])[0][0]) == pytest.approx(expected, rel=1e-14), (x, route.__name__)
    assert value_partials(OPS[name], (end,))[1] == [sign * INF]


# ----- spellings -----


@EVERY_OP
def test_method_and_function_are_one_operation(op: Op) -> None:
    function = getattr(autograd, op.name)
    xs = samples(op)[0]
    expected = float(op.forward(SCALARS, *xs))
    assert same(function(*xs), expected)  # plain numbers
    assert isinstance(function(*xs), float)
    assert same(function(*[np.array([x]) for x in xs]), [expected])  # plain arrays
    for number in (Value, Tensor):
        node = function(*xs[:-1], number(xs[-1]))
        assert isinstance(node, number)
        assert node.op is op
        assert same(node.data, expected)
        if op.name != "where":
            assert same(getattr(number(xs[0]), op.name)(*xs[1:]).data, expected)
    assert function.__name__ == op.name
    assert function.__doc__


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.defaults], ids=lambda op: op.name)
@pytest.mark.parametrize("make", [Value, Tensor, float], ids=["value", "tensor", "float"])
def test_optional_arguments_may_be_given_by_name(op: Op, make: Callable[[float], Any]) -> None:
    x, (name,) = make(-0.7), op.arguments[1:]
    in_order, by_name = getattr(autograd, op.name)(x, 0.3), getattr(autograd, op.name)(x, **{name: 0.3})
    assert float(in_order) == float(by_name) != float(getattr(autograd, op.name)(x))
    if make is not float:
        assert float(getattr(x, op.name)(**{name: 0.3})) == float(in_order)
    with pytest.raises(TypeError, match="got 1 argument in order and wrong by name"):
        getattr(autograd, op.name)(x, wrong=0.3)
    with pytest.raises(TypeError, match=f"got 2 arguments in order and {name} by name"):
        getattr(autograd, op.name)(x, 0.3, **{name: 0.3})


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.defaults], ids=lambda op: op.name)
def test_defaults_may_be_left_out(op: Op) -> None:
    x = -1.5
    explicit = getattr(autograd, op.name)(x, *op.defaults)
    assert getattr(autograd, op.name)(x) == explicit
    assert getattr(Value(x), op.name)().data == explicit
    assert getattr(Tensor(x), op.name)().data == explicit


OPERATORS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "power": lambda a, b: a**b,
    "remainder": lambda a, b: a % b,
    "floor_divide": lambda a, b: a // b,
    "neg": lambda a: -a,
    "abs": abs,
}


@pytest.mark.parametrize("number", [Value, Tensor])
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_are_rows_of_the_table_on_either_side(name: str, number: Any) -> None:
    op, written = OPS[name], OPERATORS[name]
    xs = samples(op)[0]
    expected = value_partials(op, xs)
    nodes = [number(x) for x in xs]
    y = written(*nodes)
    assert y.op is op
    assert y.parents == tuple(nodes)
    y.backward()
    assert same(y.data, expected[0])
    assert same([node.grad for node in nodes], expected[1])
    for plain_number in (float, np.float64, np.array):
        for i in range(op.arity if op.arity == 2 else 0):
            operands: list[Any] = [plain_number(x) for x in xs]
            operands[i] = node = number(xs[i])
            mixed = written(*operands)
            mixed.backward()
            assert isinstance(mixed, number)
            assert same(mixed.data, expected[0])
            assert same(node.grad, expected[1][i])


@pytest.mark.parametrize("number", [Value, Tensor])
@EVERY_OP
def test_a_wrong_number_of_arguments_is_named(op: Op, number: Any) -> None:
    function = getattr(autograd, op.name)
    least = 2 if op.name == "clip" else op.arity - len(op.defaults)  # clip takes one limit, too
    for count in (op.arity + 1, least - 1):
        with pytest.raises(TypeError, match=op.name):
            function(*[number(1.0)] * count)


@pytest.mark.parametrize("number", [Value, Tensor])
def test_where_takes_its_condition_from_anything_true_or_false(number: Any) -> None:
    for condition in (True, 1, np.bool_(True), Value(2.0), Tensor(2.0)):
        a, b = number(3.0), number(5.0)
        y = autograd.where(condition, a, b)
        y.backward()
        assert y.data == 3.0
        assert (a.grad, b.grad) == (1.0, 0.0)
        assert autograd.where(not condition, a, b).data == 5.0


def test_where_with_plain_numbers_mixed_in() -> None:
    x = Value(3.0)
    autograd.where(x > 2.0, x * x, 0.0).backward()
    assert x.grad == 6.0
    assert autograd.where(np.array([True, False]), 1.0, np.array([5.0, 7.0])).tolist() == [1.0, 7.0]


@pytest.mark.parametrize("condition", ["yes", None, [True, [False]], 1j])
def test_where_refuses_a_condition_that_is_no_truth_value(condition: Any) -> None:
    with pytest.raises(TypeError):
        autograd.where(condition, Value(1.0), Value(2.0))


def test_clip_needs_a_limit() -> None:
    for call in (lambda: Value(0.0).clip(None, None), lambda: autograd.clip(Tensor([0.0]))):
        with pytest.raises(TypeError, match=r"clip\(\) needs a limit: write clip\(x, low, high\), clip\(x, low\) or"):
            call()


@pytest.mark.parametrize("number", [Value, Tensor, float])
def test_clip_refuses_limits_the_wrong_way_round(number: Any) -> None:
    with pytest.raises(ValueError, match=r"clip\(\) needs low <= high"):
        autograd.clip(number(0.0), 1.0, -1.0)
    assert float(autograd.clip(number(5.0), 1.0, 1.0)) == 1.0


# ----- reductions -----

EVERY_REDUCTION = pytest.mark.parametrize("op", REDUCTIONS.values(), ids=REDUCTIONS.keys())

FORMULAS: dict[str, Callable[[np.ndarray], Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "prod": np.prod,
    "dot": lambda xs: xs[: len(xs) // 2] @ xs[len(xs) // 2 : len(xs) // 2 * 2] + (xs[-1] if len(xs) % 2 else 0.0),
    "logsumexp": lambda xs: np.log(np.sum(np.exp(xs))),
    "norm": lambda xs: np.sqrt(np.sum(xs * xs)),
}


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7])
@EVERY_REDUCTION
def test_reductions_agree_with_numpy_and_with_differences(op: Reduction, n: int) -> None:
    formula = FORMULAS[op.name]
    xs = np.random.default_rng(n).uniform(-2.0, 2.0, n).tolist()
    numeric = slopes(lambda *zs: formula(np.array(zs)), xs)
    nodes = [Value(x) for x in xs]

    y = Value._reduce(op, tuple(nodes))
    y.backward()
    assert y.op is op
    assert y.parents == tuple(nodes)
    assert same(y.data, formula(np.array(xs)))
    assert error([node.grad for node in nodes], numeric) < 1e-7

    for wanted in itertools.product([False, True], repeat=n) if n == 3 else []:
        mixed = [Value(x) if want else x for x, want in zip(xs, wanted, strict=True)]
        y = Value._reduce(op, tuple(mixed))
        assert same(y.data, formula(np.array(xs)))
        if any(wanted):
            y.backward()
        for x, node in zip(mixed, nodes, strict=True):
            assert isinstance(x, float) or same(x.grad, node.grad)
        assert y.requires_grad == any(wanted)


@EVERY_REDUCTION
def test_reductions_forwards_and_to_second_order(op: Reduction) -> None:
    for xs in ([0.7, -1.2, 0.4, 1.9, -0.3], [0.5, 2.0]):
        found = autograd.gradcheck(lambda v: Value._reduce(op, tuple(v)), xs, order=2, show=False)
        assert found, str(found)
        for i in range(len(xs)):
            unit = [float(i == j) for j in range(len(xs))]
            tangent = autograd.jvp(lambda v: Value._reduce(op, tuple(v)), (xs,), (unit,))[1]
            nodes = [Value(x) for x in xs]
            Value._reduce(op, tuple(nodes)).backward()
            assert same(tangent, nodes[i].grad)


@EVERY_REDUCTION
def test_reductions_have_second_derivatives(op: Reduction) -> None:
    def first(i: int) -> Callable[..., float]:
        def derivative(*zs: float) -> float:
            nodes = [Value(z) for z in zs]
            Value._reduce(op, tuple(nodes)).backward()
            return float(nodes[i].grad)

        return derivative

    xs = [0.7, -1.2, 0.4, 1.9, -0.3]
    nodes = [Value(x) for x in xs]
    found = second_partials(nodes, Value._reduce(op, tuple(nodes)))
    for i in range(len(xs)):
        assert error(found[i], slopes(first(i), xs)) < 1e-7


@EVERY_REDUCTION
def test_reductions_at_the_edges_never_raise(op: Reduction) -> None:
    for xs in itertools.product([0.0, 1.0, -1e300, 1e300, INF, -INF, NAN], repeat=3):
        plainly, nodes = [Value(x) for x in xs], [Value(x) for x in xs]
        Value._reduce(op, tuple(plainly)).backward()
        Value._reduce(op, tuple(nodes)).backward(create_graph=True)
        assert same([x.grad for x in plainly], [plain(x.grad) for x in nodes]), f"{op.name}{xs}"
        half = Value(xs[0])
        Value._reduce(op, (half, *xs[1:])).backward()
        assert same(half.grad, plainly[0].grad), f"{op.name}{xs}"


@EVERY_REDUCTION
def test_reductions_of_nothing_raise(op: Reduction) -> None:
    empty: Any = ([], []) if op.name == "dot" else ([],)
    with pytest.raises(ValueError, match=rf"{op.name}\(\) of no numbers"):
        getattr(autograd, op.name)(*empty)


@pytest.mark.parametrize("bad", [None, 3.0, Value(1.0), "1 2 3"])
@pytest.mark.parametrize("name", [*REDUCTIONS, "softmax", "log_softmax"])
def test_reductions_ask_for_a_list(name: str, bad: Any) -> None:
    with pytest.raises(TypeError, match=rf"{name}\(\) takes a list .* got {type(bad).__name__}"):
        getattr(autograd, name)(*[bad] * (2 if name == "dot" else 1))


@pytest.mark.parametrize("name", [name for name in REDUCTIONS if name != "dot"])
def test_reductions_take_any_iterable(name: str) -> None:
    function, xs = getattr(autograd, name), [1.5, -0.5, 2.0]
    expected = FORMULAS[name](np.array(xs))
    for many in ([Value(x) for x in xs], (Value(x) for x in xs), Tensor(xs)):
        assert same(function(many).data, expected)


@pytest.mark.parametrize("name", [*[name for name in REDUCTIONS if name != "dot"], "softmax", "log_softmax"])
def test_plain_numbers_give_plain_numbers(name: str) -> None:
    function, xs = getattr(autograd, name), np.array([[1.5, -0.5, 2.0], [0.5, 1.0, -2.0]])
    for axis in (0, 1, -1):
        right = getattr(Tensor(xs), name)(axis=axis).data
        for many in (xs, xs.tolist(), tuple(map(tuple, xs.tolist())), xs.astype(np.float32)):
            found = function(many, axis=axis)
            assert type(found) is np.ndarray and same(found, right, 1e-5)
    for many in (xs[0], xs[0].tolist(), tuple(xs[0]), (x for x in xs[0])):
        found = function(many)
        assert type(found) is (float if name in REDUCTIONS else np.ndarray)
        assert same(found, getattr(Tensor(xs[0]), name)().data)


def test_a_product_of_plain_numbers_is_plain() -> None:
    W, x = np.array([[1.0, 2.0], [3.0, 4.0]]), [5.0, 6.0]
    assert type(autograd.dot(W[0], x, 1.0)) is float and autograd.dot(W[0].tolist(), x, 1.0) == 18.0
    assert type(autograd.dot(W, x)) is np.ndarray and autograd.dot(W.tolist(), x).tolist() == [17.0, 39.0]
    assert autograd.dot(W[0], [Value(5.0), 6.0]).data == autograd.dot(W[0], x, Value(0.0)).data == 17.0
    assert autograd.dot(W[0], x, Tensor(1.0)).data == autograd.dot([1.0, 2.0], x, Tensor(1.0)).data == 18.0


@EVERY_OP
def test_a_row_of_plain_lists_and_arrays_gives_a_plain_array(op: Op) -> None:
    lists = [[x, x] for x in samples(op)[0]]
    for found in (getattr(autograd, op.name)(*lists), getattr(autograd, op.name)(*map(np.array, lists))):
        assert type(found) is np.ndarray
        assert same(found, [ieee(op.forward, *samples(op)[0])] * 2)


def test_reductions_of_lists_refuse_what_they_do_not_know() -> None:
    for name in [*REDUCTIONS, "softmax", "log_softmax"]:
        with pytest.raises(TypeError, match="axis"):
            getattr(autograd, name)([Value(1.0), Value(2.0)], axis=0)
        with pytest.raises(TypeError):
            getattr(autograd, name)([Value(1.0), Value(2.0)], 0)


def test_reductions_of_tensors_have_an_axis() -> None:
    array = np.random.default_rng(3).uniform(-2.0, 2.0, (2, 3))
    for name in [*REDUCTIONS, "softmax", "log_softmax"]:
        if name != "dot":
            function = getattr(autograd, name)
            for axis in (0, 1):
                expected = getattr(Tensor(array), name)(axis=axis).data
                assert same(function(Tensor(array), axis=axis).data, expected)
                if name != "norm":  # where p comes first, as in PyTorch
                    assert same(function(Tensor(array), axis).data, expected)


def test_dot_of_tensors_is_their_product() -> None:
    w, x, b = Tensor([1.0, 2.0]), [3.0, 4.0], Tensor(0.5)
    y = autograd.dot(w, x, b)
    assert y.data == 11.5
    y.backward()
    assert (w.grad.tolist(), b.grad) == ([3.0, 4.0], 1.0)
    assert autograd.dot(x, w).data == 11.0


def gradients(y: Value, nodes: list[Value]) -> list[float]:
    y.backward()
    return [node.grad for node in nodes]


@pytest.mark.parametrize(
    ("xs", "expected"),
    [
        ([2.0, 0.0, 5.0], [0.0, 10.0, 0.0]),
        ([0.0, 0.0, 5.0], [0.0, 0.0, 0.0]),
        ([0.0, 3.0], [3.0, 0.0]),
        ([7.0], [1.0]),
    ],
)
def test_prod_has_its_gradient_at_zeros(xs: list[float], expected: list[float]) -> None:
    nodes = [Value(x) for x in xs]
    assert gradients(autograd.prod(nodes), nodes) == expected


@pytest.mark.parametrize(
    ("xs", "y", "expected"),
    [
        ([1000.0, 1000.0], 1000.0 + math.log(2.0), [0.5, 0.5]),
        ([-1000.0, -1000.0], -1000.0 + math.log(2.0), [0.5, 0.5]),
        ([1e300, 0.0], 1e300, [1.0, 0.0]),
        ([-INF, 2.0], 2.0, [0.0, 1.0]),
        ([-INF, -INF], -INF, [NAN, NAN]),
        ([INF, 0.0], INF, [NAN, 0.0]),
        ([NAN, INF], NAN, [NAN, NAN]),
        ([INF, NAN], NAN, [NAN, NAN]),
        ([0.0, NAN], NAN, [NAN, NAN]),
    ],
)
def test_logsumexp_is_stable(xs: list[float], y: float, expected: list[float]) -> None:
    nodes, tensor = [Value(x) for x in xs], Tensor(xs)
    scalar, array = autograd.logsumexp(nodes), tensor.logsumexp()
    array.backward()
    assert same(scalar.data, y, 1e-15)
    assert same(array.data, y, 1e-15)
    assert same(gradients(scalar, nodes), expected)
    assert same(tensor.grad, expected)


def test_norm_at_zero_and_where_squares_would_overflow() -> None:
    nodes = [Value(0.0), Value(0.0)]
    assert gradients(autograd.norm(nodes), nodes) == [0.0, 0.0]
    nodes = [Value(3e200), Value(4e200)]
    y = autograd.norm(nodes)
    assert same(y.data, 5e200)
    assert same(gradients(y, nodes), [0.6, 0.8])
    nodes = [Value(1.0), Value(NAN)]
    assert same(gradients(autograd.norm(nodes), nodes), [NAN, NAN])


def test_dot_is_one_node_and_knows_its_bias() -> None:
    ws, xs, b = [Value(2.0), Value(-3.0)], [1.5, 4.0], Value(0.25)
    y = autograd.dot(ws, xs, b)
    assert y.data == 2.0 * 1.5 - 3.0 * 4.0 + 0.25
    assert y.parents[:2] == tuple(ws)
    assert y.parents[-1] is b
    assert len(y.parents) == 5
    assert gradients(y, [*ws, b]) == [1.5, 4.0, 1.0]
    assert autograd.dot([Value(2.0)], [3.0]).data == 6.0
    assert autograd.dot([], [], b).data == 0.25
    assert autograd.dot(ws, xs, 1.0).data == -8.0


def test_dot_pairs_its_arguments() -> None:
    with pytest.raises(ValueError, match="got 3 weights and 2 inputs"):
        autograd.dot([1.0, 2.0, 3.0], [Value(1.0), Value(2.0)])
    with pytest.raises(TypeError, match="not str 'three'"):
        autograd.dot([Value(1.0)], ["three"])


def test_dot_of_a_node_with_itself() -> None:
    x = Value(3.0)
    autograd.dot([x, x], [x, 1.0]).backward()  # x² + x
    assert x.grad == 7.0


@pytest.mark.parametrize("xs", [[0.3, -1.0, 2.0], [1000.0, 999.0, -1000.0], [5.0]])
def test_softmax_of_a_list_is_softmax_of_a_tensor(xs: list[float]) -> None:
    for name in ("softmax", "log_softmax"):
        function = getattr(autograd, name)
        nodes, tensor = [Value(x) for x in xs], Tensor(xs)
        listed, array = function(nodes), function(tensor)
        assert same([y.data for y in listed], array.data)
        weights = [0.3 * i - 0.2 for i in range(len(xs))]
        autograd.dot(weights, listed).backward()
        (array * weights).sum().backward()
        np.testing.assert_allclose([node.grad for node in nodes], tensor.grad, rtol=1e-12, atol=1e-15)
    assert sum(y.data for y in autograd.softmax(nodes)) == pytest.approx(1.0, rel=1e-14)


def test_softmax_of_nothing_raises() -> None:
    for name in ("softmax", "log_softmax"):
        with pytest.raises(ValueError, match="of no numbers"):
            getattr(autograd, name)([])


def test_numbers_arrays_and_nodes_are_unwrapped_alike() -> None:
    """An array has a `data` of its own, its memory: it must not be taken for that of a node."""
    plain_array, node = np.array([1.0, 2.0]), Tensor([1.0, 3.0])
    for a, b in itertools.product((plain_array, Tensor(plain_array)), (np.array([1.0, 3.0]), node)):
        assert NODES.equal(a, b).tolist() == [True, False]
    assert autograd.clip(node, np.array([0.0, 0.0]), np.array([2.0, 2.0])).data.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="low <= high"):
        autograd.clip(node, np.array([0.0, 4.0]), np.array([2.0, 2.0]))


@pytest.mark.parametrize(
    ("function", "expected"),
    [(lambda x: x.sign(), 0.0), (lambda x: autograd.norm([x, 0.0]), math.nan), (lambda x: x * x, math.nan)],
    ids=["sign", "norm", "mul"],
)
def test_only_a_row_that_selects_makes_nothing_of_an_infinite_gradient(function: Any, expected: float) -> None:
    x = Value(0.0)
    function(x).sqrt().backward()
    assert x.grad == pytest.approx(expected, nan_ok=True)


def test_a_product_of_zeros_sends_nan_for_an_infinite_gradient() -> None:
    xs = [Value(0.0), Value(0.0)]
    autograd.prod(xs).sqrt().backward()
    assert all(math.isnan(x.grad) for x in xs)


# ----- remainder and quotient -----


@pytest.mark.parametrize("b", [2.0, -2.0, 0.3, math.inf, 0.0])
@pytest.mark.parametrize("a", [5.0, -5.0, 0.0, 1.0, math.inf, math.nan])
def test_the_remainder_is_that_of_python_and_numpy_on_every_route(a: float, b: float) -> None:
    with np.errstate(all="ignore"):
        expected = np.remainder(a, b), np.floor_divide(a, b)
    found = divmod(Value(a), b)
    assert same([found[1].data, found[0].data], expected)
    assert same([(Tensor([a]) % b).item(), (Tensor([a]) // b).item()], expected)
    assert same([(a % Value(b)).data, (a // Value(b)).data], expected)
    if b:
        assert same([a % b, a // b], expected)
    for name, right in zip(("remainder", "floor_divide"), expected, strict=True):
        row = getattr(autograd, name)
        for backend in ("numpy", "python"):
            run = autograd.compile(lambda x, y, row=row: row(x, y), backend=backend)
            assert same(run(a, b).data, right), backend


def test_the_remainder_moves_with_a_and_against_each_whole_b() -> None:
    a, b = Value(7.5), Value(-2.0)
    (a % b + 10.0 * (a // b)).backward()
    assert (a.grad, b.grad) == (1.0, 4.0)


def test_elu_is_at_0_what_it_is_below_at_each_order() -> None:
    """PyTorch's convention."""
    f: Any = lambda x: autograd.elu(x, 2.0)  # noqa: E731
    for expected in (0.0, 2.0, 2.0, 2.0):
        assert float(f(0.0)) == expected
        f = autograd.grad(f)
