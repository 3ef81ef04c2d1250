"""Every pair of routes to a number and its gradient, held together on generated programs: a new route is one entry.

A route takes a program, a function of single numbers, and the points at which to evaluate it. For each point it gives
the value and the gradient, or None where it refuses to differentiate.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from random import Random
from typing import Any

import pytest
from random_graphs import FUNCTIONS, distance, nodes_of, seeded

import autograd
from autograd import GraphError, Tensor, Value, compile
from autograd.modes import detect_anomaly, ieee_arithmetic, no_grad, no_names, paused_gc, scope
from autograd.ops import OPS, REDUCTIONS

Program = Callable[..., Any]
Point = tuple[float, ...]
Outcome = tuple[float, list[float] | None]
Route = Callable[[Program, Sequence[Point]], list[Outcome]]
Mode = Callable[[], AbstractContextManager[Any]]


def differentiated(result: Any, leaves: Sequence[Any]) -> Outcome:
    try:
        result.backward()
    except GraphError:
        return float(result.data), None
    return float(result.data), [float(leaf.grad) if leaf.grad is not None else 0.0 for leaf in leaves]


def eager(kind: Any = Value, mode: Mode = nullcontext) -> Route:
    def route(program: Program, points: Sequence[Point]) -> list[Outcome]:
        found = []
        for point in points:
            leaves = [kind(x) for x in point]
            with mode():
                found.append(differentiated(program(*leaves), leaves))
        return found

    return route


def with_a_graph(program: Program, points: Sequence[Point]) -> list[Outcome]:
    """The gradients are nodes."""
    found: list[Outcome] = []
    for point in points:
        leaves = [Value(x) for x in point]
        result = program(*leaves)
        if not result.requires_grad:
            found.append((result.data, None))
            continue
        result.backward(create_graph=True)
        found.append((result.data, [float(autograd.graph.plain(leaf.grad)) for leaf in leaves]))
    return found


def by_function(kind: Any, derivatives: Callable[[Program, tuple[Any, ...]], tuple[Any, Sequence[Any]]]) -> Route:
    """By what `autograd.functional` offers; of constants it finds gradients of 0."""

    def route(program: Program, points: Sequence[Point]) -> list[Outcome]:
        found: list[Outcome] = []
        for point in points:
            value, gradient = derivatives(program, tuple(kind(x).detach() for x in point))
            found.append((float(value), [float(g) for g in gradient]))
        return found

    return route


def value_and_grad(f: Program, xs: tuple[Any, ...]) -> tuple[Any, Sequence[Any]]:
    return autograd.value_and_grad(f, tuple(range(len(xs))))(*xs)  # type: ignore[no-any-return]


def forwards(f: Program, xs: tuple[Any, ...]) -> tuple[Any, Sequence[Any]]:
    units = [tuple(float(i == j) for j in range(len(xs))) for i in range(len(xs))]
    walks = [autograd.jvp(f, xs, unit) for unit in units]
    return walks[0][0], [slope for _, slope in walks]


def backwards(f: Program, xs: tuple[Any, ...]) -> tuple[Any, Sequence[Any]]:
    value, pull = autograd.vjp(f, *xs)
    return value, pull(1.0)


def inside_another(f: Program, xs: tuple[Any, ...]) -> tuple[Any, Sequence[Any]]:
    """The derivative by s of the gradient of s·f."""
    chosen = tuple(range(len(xs)))

    def scaled(s: Any) -> list[Any]:
        return list(autograd.grad(lambda *ys: s * f(*ys), chosen)(*xs))

    return f(*xs).data, autograd.jacobian(scaled)(1.0)


def compiled(backend: str | None, mode: Mode = nullcontext, batch: bool = False, arguments: bool = False) -> Route:
    """One program for all points."""

    def route(program: Program, points: Sequence[Point]) -> list[Outcome]:
        leaves = [Value(x) for x in points[0]]
        loss = program if arguments else lambda *xs: program(*leaves) + sum(x - 1.0 for x in xs)
        replay = compile(loss, backend=backend)
        found = []
        for point in points:
            for leaf, x in zip(leaves, point, strict=True):
                leaf.data, leaf.grad = x, 0.0
            with mode():
                result = replay.batch([1.0, 1.0, 1.0]) if batch else replay(*leaves) if arguments else replay()
                found.append(differentiated(result, leaves))
        return found

    return route


BACKENDS = [name for name in ("numpy", "numba", "python") if name != "numba" or find_spec("numba")]
MODES: dict[str, Mode] = {
    "no_names": no_names, "paused_gc": paused_gc, "ieee_arithmetic": ieee_arithmetic, "scope": lambda: scope("block"),
}  # fmt: skip
EVERYWHERE: dict[str, Route] = {
    "Values": eager(),
    "Tensors": eager(Tensor),
    **{f"compiled, {name}": compiled(name) for name in BACKENDS},
    "a compiled batch": compiled("numpy", batch=True),
}
"""Routes that agree wherever they are asked, also at inf and nan."""
SMOOTH: dict[str, Route] = {
    **{f"Values, {name}": eager(mode=mode) for name, mode in MODES.items()},
    **{f"a compiled batch, {name}": compiled(name, batch=True) for name in BACKENDS},
    "compiled, in a scope": compiled(None, mode=MODES["scope"]),
    "compiled, of arguments": compiled(None, arguments=True),
    "Values, a recorded gradient": with_a_graph,
    "Values, detect_anomaly": eager(mode=detect_anomaly),
    "Tensors, detect_anomaly": eager(Tensor, detect_anomaly),
    "Values, value_and_grad": by_function(Value, value_and_grad),
    "Tensors, value_and_grad": by_function(Tensor, value_and_grad),
    "Values, forwards": by_function(Value, forwards),
    "Tensors, forwards": by_function(Tensor, forwards),
    "Values, vjp": by_function(Value, backwards),
    "Values, inside another derivative": by_function(Value, inside_another),
}
"""Routes for programs where everything is finite."""


def same(found: Outcome, expected: Outcome) -> bool:
    if found[1] is None or expected[1] is None:
        return distance_or_same(found[:1], expected[:1]) and not any(found[1] or []) and not any(expected[1] or [])
    return distance_or_same([found[0], *found[1]], [expected[0], *expected[1]])


def distance_or_same(found: Sequence[Any], expected: Sequence[Any]) -> bool:
    """Near each other, with inf equal to inf of the same sign, and nan to nan."""
    pairs = [(a, b) for a, b in zip(found, expected, strict=True) if not (a == b or (a != a and b != b))]
    return not pairs or distance([a for a, _ in pairs], [b for _, b in pairs]) < 1e-9


def hold(routes: dict[str, Route], program: Program, points: Sequence[Point], name: Any) -> None:
    expected = EVERYWHERE["Values"](program, points)
    for route, outcomes in routes.items():
        found = outcomes(program, points)
        for point, one, other in zip(points, found, expected, strict=True):
            assert same(one, other), f"{route} at {point}: {one}, and not {other}, of {name}"


# ----- random programs -----


def kind_of(xs: Sequence[Any]) -> Any:
    return Tensor if isinstance(xs[0], Tensor) else Value


@pytest.mark.parametrize("first", [0, 12])
def test_random_programs_by_all_routes(first: int) -> None:
    for graph in seeded(first, 12, largest=12):

        def program(*xs: Any, graph: Any = graph) -> Any:
            return nodes_of(graph, xs, FUNCTIONS[kind_of(xs)])[-1]

        hold(EVERYWHERE | SMOOTH, program, [graph.leaves], graph)


# ----- two operations, one after the other, where numbers are no longer usual -----

SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.0, -0.5, 1e-300, -1e300, 40.0, -800.0, 800.0, math.inf, -math.inf, math.nan]


def row_with_constants(name: str, i: int) -> Program:
    """Row ``name`` of x as its argument ``i``, the others from the middle of their domains."""
    op = OPS[name]
    others = [(low + high) / 2.0 for low, high in op.domain]

    def piece(x: Any) -> Any:
        return FUNCTIONS[kind_of([x])][name](*[x if j == i else others[j] for j in range(op.arity)])

    return piece


def reduction_with_constants(name: str) -> Program:
    def piece(x: Any) -> Any:
        return FUNCTIONS[kind_of([x])][name](x, x * 0.5, x, x * 0.0 + 2.0)

    return piece


PIECES: dict[str, Program] = {
    **{f"{name}, {i}": row_with_constants(name, i) for name, op in OPS.items() for i in range(op.arity)
       if not (name == "where" and i == 0) and not (name == "clip" and i)},  # the limits of clip keep their order
    **{name: reduction_with_constants(name) for name in REDUCTIONS},
    **{f"x ** {n}": lambda x, n=n: x**n for n in (-1, 0, 0.5, 1, 2, 3)},
    "0 ** x": lambda x: 0.0**x,
    "x ** x": lambda x: x**x,
    "x / x": lambda x: x / x,
    "x - x": lambda x: x - x,
    "1 / x": lambda x: 1.0 / x,
    "x / 0": lambda x: x / 0.0,
    "x / inf": lambda x: x / math.inf,
    "x / 1e-310": lambda x: x / 1e-310,
    "0 x": lambda x: 0.0 * x,
    "inf x": lambda x: math.inf * x,
    "1e200 x": lambda x: 1e200 * x,
    "max(x, -x)": lambda x: autograd.maximum(x, -x),
    "where x > 0": lambda x: autograd.where(x > 0.0, x, -2.0 * x),
    "where x <= 1": lambda x: autograd.where(x <= 1.0, x * x, 1.0),
    "where x = 0": lambda x: autograd.where(x == 0.0, 1.0, x),
    "where x is nan": lambda x: autograd.where(x != x, 0.0, x),
    "where x": lambda x: autograd.where(x, x, 5.0),
}  # fmt: skip


@pytest.mark.parametrize("part", range(2))
def test_one_operation_of_another_by_all_routes_at_special_points(part: int) -> None:
    """Each operation meets others as the first and as the second, and both meet inf, nan and zeros of either sign."""
    rng = Random(part)
    names = list(PIECES)
    for outer, inner in zip(names, rng.sample(names, len(names)), strict=True):

        def program(x: Any, outer: str = outer, inner: str = inner) -> Any:
            return PIECES[outer](PIECES[inner](x))

        points = [(x,) for x in rng.sample(SPECIAL, 4)]
        hold(EVERYWHERE, program, points, f"{outer} of {inner}")


# ----- modes that refuse -----


def test_no_route_has_a_gradient_under_no_grad() -> None:
    for graph in seeded(0, 5, largest=8):

        def program(*xs: Any, graph: Any = graph) -> Any:
            return nodes_of(graph, xs, FUNCTIONS[kind_of(xs)])[-1]

        (expected, _), *_ = EVERYWHERE["Values"](program, [graph.leaves])
        routes = {
            "Values": eager(mode=no_grad),
            "Tensors": eager(Tensor, no_grad),
            **{name: compiled(name, mode=no_grad) for name in BACKENDS},
            **{f"batch, {name}": compiled(name, mode=no_grad, batch=True) for name in BACKENDS},
        }
        for name, route in routes.items():
            ((value, gradient),) = route(program, [graph.leaves])
            assert gradient is None and distance([value], [expected]) < 1e-10, name
