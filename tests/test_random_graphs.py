"""Random graphs over every row of the tables: each way to a derivative against a small engine of its own."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import pytest
import reference
from helpers import plain
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import (
    FUNCTIONS,
    NAMES,
    SHAPES,
    TOLERANCE,
    Functions,
    Record,
    Tally,
    backward_twice,
    compare,
    direction,
    distance,
    gradients,
    inputs,
    leaves_of,
    nodes_of,
    random_graph,
    recorded_tally,
    run_backward,
    seeded,
)
from reference import Graph

from autograd import Tensor, Value, hvp, jvp, topological_order
from autograd.array_ops import ARRAY_OPS
from autograd.ops import OPS, REDUCTIONS

GRAPHS = st.builds(random_graph, st.randoms(use_true_random=False), st.integers(0, 14), st.sampled_from(list(SHAPES)))
SMALL = settings(max_examples=400, deadline=None, derandomize=True, database=None)
KINDS = pytest.mark.parametrize("kind", [Value, Tensor])


def hold_all_routes(graph: Graph, tally: Tally) -> None:
    """Numbers, gradients and tangents of every entry of ``graph``, on every route of glassgrad."""
    values, slopes, along = reference.values(graph), reference.gradients(graph), direction(graph)
    moved = reference.tangents(graph, along)
    for kind in (Value, Tensor):
        functions = FUNCTIONS[kind]
        nodes = run_backward(graph, kind, functions)
        compare(tally, f"{kind.__name__}, value", graph, [node.data for node in nodes], values)
        compare(tally, f"{kind.__name__}, backward", graph, gradients(nodes), slopes)
        nodes = run_backward(graph, kind, functions, create_graph=True)
        compare(tally, f"{kind.__name__}, backward with a graph", graph, gradients(nodes), slopes)
        _, tangents = jvp(lambda *xs: nodes_of(graph, xs, FUNCTIONS[type(xs[0])]), inputs(graph, kind), along)
        compare(tally, f"{kind.__name__}, forward mode", graph, tangents, moved)


# ----- numbers, gradients, tangents -----


def test_small_graphs(record_property: Record) -> None:
    tally = recorded_tally(record_property)

    @SMALL
    @given(GRAPHS)
    def hold(graph: Graph) -> None:
        hold_all_routes(graph, tally)

    hold()


@pytest.mark.parametrize("first", range(0, 2400, 200))
def test_graphs_of_up_to_fifty_operations(first: int, record_property: Record) -> None:
    tally = recorded_tally(record_property)
    for graph in seeded(first, 200):
        hold_all_routes(graph, tally)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [300, 1000, 3000])
def test_large_graphs(size: int, shape: str, record_property: Record) -> None:
    tally = recorded_tally(record_property)
    for seed in range(max(1, 2000 // size)):
        hold_all_routes(random_graph(Random(seed), size, shape), tally)


def test_the_reference_agrees_with_itself() -> None:
    """Its rules with the complex step, which knows no rules."""
    for graph in seeded(0, 300):
        slopes, along = reference.gradients(graph), direction(graph)
        expected = sum(d * v for d, v in zip(slopes, along))  # noqa: B905 (the leaves come first)
        assert distance([reference.tangents(graph, along)[-1]], [expected]) < TOLERANCE


def test_random_graphs_have_what_they_are_meant_to_have() -> None:
    """Shared nodes, repeated parents, constants, detached nodes, depth and width."""
    tape = [operands for graph in seeded(0, 200) for _, operands in graph.tape]
    entries = [[o for o in operands if isinstance(o, int)] for operands in tape]
    assert sum(len(set(nodes)) < len(nodes) for nodes in entries) > 200
    assert sum(len(nodes) < len(operands) for nodes, operands in zip(entries, tape, strict=True)) > 1000
    assert sum(name == "detach" for graph in seeded(0, 200) for name, _ in graph.tape) > 50
    deep, wide = (random_graph(Random(0), 3000, shape) for shape in ("deep", "wide"))
    assert depth(deep) > 1500
    assert depth(wide) < 100
    assert min(sum(i in operands for _, operands in wide.tape) for i in range(len(wide.leaves))) > 50
    assert len(wide.tape[-1][1]) > 1000


def depth(graph: Graph) -> int:
    found = [0] * len(graph.leaves)
    for _, operands in graph.tape:
        found.append(1 + max(found[o] for o in operands if isinstance(o, int)))
    return max(found)


@pytest.mark.parametrize("name", [*OPS, *REDUCTIONS])
def test_every_row_occurs(name: str) -> None:
    if name not in NAMES:
        pytest.skip(f"random graphs leave {name} out: tests/reference.py has no second opinion on its derivative")
    assert sum(name in (n for n, _ in graph.tape) for graph in pool()) > 20


# ----- second derivatives -----


@pytest.mark.parametrize("first", range(0, 600, 150))
def test_hessians_times_vectors(first: int, record_property: Record) -> None:
    tally = recorded_tally(record_property)
    for graph in seeded(first, 150, largest=15):
        along = direction(graph)
        expected = reference.hessian_vector(graph, along)
        for kind in (Value, Tensor):
            name = kind.__name__
            compare(tally, f"{name}, backward twice", graph, backward_twice(graph, kind, along), expected)
            compare(tally, f"{name}, forward over reverse", graph, forward_over_reverse(graph, kind, along), expected)


def forward_over_reverse(graph: Graph, kind: Any, along: tuple[float, ...]) -> tuple[float, ...]:
    return hvp(lambda *xs: nodes_of(graph, xs, FUNCTIONS[kind])[-1], inputs(graph, kind), along)


# ----- order and repetition -----


def test_a_second_backward_doubles_leaves_and_leaves_the_interior() -> None:
    for graph in seeded(0, 100):
        for kind in (Value, Tensor):
            nodes = run_backward(graph, kind, FUNCTIONS[kind])
            first = gradients(nodes)
            nodes[-1].backward()
            for node, g in zip(nodes, first, strict=True):
                assert plain(node.grad) == (g if node.parents or g is None else 2.0 * g)


def test_topological_order_properties() -> None:
    @SMALL
    @given(GRAPHS)
    def hold(graph: Graph) -> None:
        nodes = nodes_of(graph, leaves_of(graph, Value), FUNCTIONS[Value])
        order = topological_order(nodes[-1])
        place = {node: i for i, node in enumerate(order)}
        assert len(place) == len(order)  # each node once
        assert order[-1] is nodes[-1]
        assert {node for node in order if node.requires_grad} == {nodes[i] for i in reachable(graph)}
        for node in order:
            assert all(place[parent] < place[node] for parent in node.parents)
        assert topological_order(nodes[-1]) == order  # and the same each time

    hold()


def reachable(graph: Graph) -> set[int]:
    """The entries that the result was made from, without the constants."""
    constants = graph.constants()
    first = len(graph.leaves)
    found, todo = set(), [first + len(graph.tape) - 1]
    while todo:
        i = todo.pop()
        if i not in found:
            found.add(i)
            name, operands = graph.tape[i - first] if i >= first else ("", ())
            todo += [o for o in operands[name == "where" :] if isinstance(o, int) and o not in constants]
    return found


# ----- the comparison itself: would it see a wrong partial? -----

WRONG = 1e-6


@cache
def pool() -> list[Graph]:
    return list(seeded(0, 320, largest=25))


def seen(name: str, kind: Any, wrong: Callable[..., Any]) -> bool:
    """Whether the comparison fails on some graph where operation ``name`` is computed by ``wrong``."""
    functions = {**FUNCTIONS[kind], name: wrong}
    return all(any(differs(graph, kind, functions, way) for graph in having(name)) for way in (False, True))


def having(name: str) -> list[Graph]:
    return [graph for graph in pool() if any(name == each for each, _ in graph.tape)]


def differs(graph: Graph, kind: Any, functions: Functions, create_graph: bool) -> bool:
    nodes = run_backward(graph, kind, functions, create_graph)
    return distance(gradients(nodes), reference.gradients(graph)) > TOLERANCE


@KINDS
def test_nothing_is_seen_where_nothing_is_wrong(kind: Any) -> None:
    assert not any(differs(graph, kind, FUNCTIONS[kind], way) for graph in pool() for way in (False, True))


PARTIALS = [(name, i) for name in OPS if name in NAMES for i in range(OPS[name].arity) if (name, i) != ("where", 0)]


@KINDS
@pytest.mark.parametrize(("name", "i"), PARTIALS)
def test_a_partial_that_is_off_by_a_millionth_is_seen(name: str, i: int, kind: Any) -> None:
    op = OPS[name]
    partials = list(op.partials)
    partials[i] = lambda m, y, *xs: op.partials[i](m, y, *xs) + WRONG
    mutant = replace(op, partials=tuple(partials))
    if name == "where":
        assert seen(name, kind, lambda condition, a, b: kind._apply(mutant, float(condition > 0.0), a, b))
    else:
        assert seen(name, kind, lambda *xs: kind._apply(mutant, *xs))


@pytest.mark.parametrize("i", [0, -1], ids=["first", "last"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_a_reductions_partial_that_is_off_by_a_millionth_is_seen(name: str, i: int) -> None:
    op = REDUCTIONS[name]

    def partials(m: Any, y: Any, xs: Sequence[Any]) -> list[Any]:
        found = list(op.partials(m, y, xs))
        found[i] = found[i] + WRONG
        return found

    mutant = replace(op, partials=partials)
    assert seen(name, Value, lambda *xs: Value._reduce(mutant, xs))


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("sum", "sum"),
        ("sum", "mean"),
        ("logsumexp", "logsumexp"),
        ("norm", "norm"),
        ("matmul", "dot"),
        ("concatenate", "prod"),
    ],
)
def test_a_wrong_row_of_the_second_table_is_seen(row: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vjp = ARRAY_OPS[row].vjp
    monkeypatch.setattr(ARRAY_OPS[row], "vjp", lambda *xs, **options: vjp(*xs, **options) * (1.0 + WRONG))
    assert seen(name, Tensor, FUNCTIONS[Tensor][name])
