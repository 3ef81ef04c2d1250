"""The same derivatives by PyTorch and JAX, in float64: on random graphs, first and second."""

from random import Random

import pytest
import reference
from peers import PEERS
from random_graphs import (
    FUNCTIONS,
    SHAPES,
    Record,
    Tally,
    backward_twice,
    compare,
    direction,
    gradients,
    random_graph,
    recorded_tally,
    run_backward,
    seeded,
)
from reference import Graph

from autograd import Tensor, Value


def hold_gradients(graph: Graph, name: str, tally: Tally) -> None:
    expected = PEERS[name]().gradients(graph)
    for kind in (Value, Tensor):
        found = gradients(run_backward(graph, kind, FUNCTIONS[kind]))[: len(expected)]
        compare(tally, f"{kind.__name__} and {name}", graph, found, expected)
    compare(tally, f"reference and {name}", graph, reference.gradients(graph)[: len(expected)], expected)


LARGEST = {"PyTorch": 30, "JAX": 6}  # JAX takes about a millisecond for each operation
EVERY_PEER = pytest.mark.parametrize("name", list(PEERS))


@EVERY_PEER
@pytest.mark.parametrize("first", range(0, 2000, 250))
def test_gradients_of_random_graphs(name: str, first: int, record_property: Record) -> None:
    tally = recorded_tally(record_property)
    for graph in seeded(first, 250, LARGEST[name]):
        hold_gradients(graph, name, tally)


@EVERY_PEER
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_of_large_random_graphs(name: str, shape: str, record_property: Record) -> None:
    tally = recorded_tally(record_property)
    hold_gradients(random_graph(Random(1), 100 * LARGEST[name] // 2, shape), name, tally)


@EVERY_PEER
def test_hessians_times_vectors_of_random_graphs(name: str, record_property: Record) -> None:
    tally = recorded_tally(record_property)
    for graph in seeded(10_000, 250, LARGEST[name] // 2):
        along = direction(graph)
        expected = PEERS[name]().hessian_vector(graph, along)
        for kind in (Value, Tensor):
            route = f"{kind.__name__} and {name}, second derivatives"
            compare(tally, route, graph, backward_twice(graph, kind, along), expected)
