"""Every graph of three operations, and every way to mix variables, repeats and plain numbers in one operation."""

import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import reference
from random_graphs import FUNCTIONS, gradients

import autograd
from autograd import Tensor, Value, topological_order
from autograd.graph import between
from autograd.ops import OPS, REDUCTIONS

EITHER = pytest.mark.parametrize("kind", [Value, Tensor])
LEAVES = (3.0, 2.0)
RULES: tuple[tuple[Callable[[Any, Any], Any], Callable[[float, float], tuple[float, float]]], ...] = (
    (operator.mul, lambda a, b: (b, a)),
    (operator.sub, lambda a, b: (1.0, -1.0)),
    (operator.mul, lambda a, b: (b, a)),
)
Pairs = tuple[tuple[int, int], ...]
"""The operands of each operation: earlier entries, the leaves first."""


def every_graph() -> Iterator[Pairs]:
    choices = [list(itertools.product(range(n), repeat=2)) for n in range(2, 5)]
    return itertools.product(*choices)  # type: ignore[return-value]


def build(pairs: Pairs, leaves: Sequence[Any], frozen: int | None = None) -> list[Any]:
    """Every entry; the one numbered ``frozen`` is a constant from the start."""
    nodes = list(leaves)
    for (rule, _), (i, j) in zip(RULES, pairs, strict=True):
        for k in (i, j):
            nodes[k].requires_grad = nodes[k].requires_grad and k != frozen
        nodes.append(rule(nodes[i], nodes[j]))
    return nodes


def slopes(pairs: Pairs, frozen: int | None = None) -> list[float | None]:
    """∂(last entry)/∂(each entry), as the sum over all paths that avoid ``frozen``; None where there is no path."""
    numbers = [float(x) for x in LEAVES]
    for (rule, _), (i, j) in zip(RULES, pairs, strict=True):
        numbers.append(rule(numbers[i], numbers[j]))

    def along(k: int, start: int) -> float | None:
        if k == frozen:
            return None
        if k <= start or k < 2:
            return 1.0 if k == start else None
        operands = pairs[k - 2]
        partials = RULES[k - 2][1](*[numbers[o] for o in operands])
        terms = [d * part for d, o in zip(partials, operands, strict=True) if (part := along(o, start)) is not None]
        return sum(terms) if terms else None

    return [along(4, start) for start in range(5)]


def by_recursion(node: Any, seen: list[Any]) -> list[Any]:
    for parent in node.parents:
        by_recursion(parent, seen)
    if not any(node is other for other in seen):
        seen.append(node)
    return seen


@EITHER
def test_every_graph_of_three_operations(kind: Any) -> None:
    for pairs in every_graph():
        nodes = build(pairs, [kind(x) for x in LEAVES])
        order = topological_order(nodes[-1])
        assert [id(node) for node in order] == [id(node) for node in by_recursion(nodes[-1], [])]
        for create_graph in (False, True):
            for leaf in nodes[:2]:
                leaf.zero_grad()
            nodes[-1].backward(create_graph=create_graph)
            assert [d or 0.0 for d in gradients(nodes)] == [d or 0.0 for d in slopes(pairs)], pairs


@EITHER
@pytest.mark.parametrize("frozen", range(4))
def test_every_graph_of_three_operations_with_a_constant_in_it(kind: Any, frozen: int) -> None:
    for pairs in every_graph():
        expected = slopes(pairs, frozen)
        nodes = build(pairs, [kind(x) for x in LEAVES], frozen)
        if not nodes[-1].requires_grad:
            assert expected[:2] == [None, None]
            continue
        for create_graph in (False, True):
            for leaf in nodes[:2]:
                leaf.zero_grad()
            nodes[-1].backward(create_graph=create_graph)
            assert [d or 0.0 for d in gradients(nodes[:2])] == [d or 0.0 for d in expected[:2]], pairs


@pytest.mark.parametrize("frozen", [None, 2, 3])
def test_derivatives_of_every_function_of_three_operations(frozen: int | None) -> None:
    for pairs in every_graph():
        expected = [d or 0.0 for d in slopes(pairs, frozen)[:2]]

        def f(x: Value, y: Value, pairs: Pairs = pairs) -> Value:
            result: Value = build(pairs, [x, y], frozen)[-1]
            return result

        assert list(autograd.grad(f, (0, 1))(*LEAVES)) == expected, pairs
        assert [autograd.jvp(f, LEAVES, t)[1] for t in ((1.0, 0.0), (0.0, 1.0))] == expected, pairs


def test_what_lies_between_is_what_depends_on_the_inputs() -> None:
    for pairs in every_graph():
        nodes = build(pairs, [Value(x) for x in LEAVES])
        for start in range(4):
            depends = [i for i in range(start + 1, 5) if _reaches(pairs, i, start) and _reaches(pairs, 4, i)]
            found = between([nodes[start]], [nodes[-1]])
            assert sorted(next(i for i in range(5) if nodes[i] is node) for node in found) == depends
            assert [id(node) for node in found] == [id(n) for n in topological_order(nodes[-1]) if n in set(found)]


def _reaches(pairs: Pairs, end: int, start: int) -> bool:
    return end == start or (end > start and end > 1 and any(_reaches(pairs, o, start) for o in pairs[end - 2]))


MIXED = [(name, op.arity) for name, op in OPS.items() if op.arity > 1] + [
    (name, 5 if name == "dot" else 3) for name in REDUCTIONS
]


@EITHER
@pytest.mark.parametrize(("name", "count"), MIXED, ids=[name for name, _ in MIXED])
def test_every_mixture_of_variables_repeats_and_plain_numbers(name: str, count: int, kind: Any) -> None:
    """The gradient of a variable is the sum of the partials where it stands; what is constant has none."""
    numbers = (0.7, 1.3, 0.9)
    for pattern in itertools.product(range(3), repeat=count):
        xs = [numbers[i] for i in pattern]
        if set(pattern) == {2} or (name == "clip" and xs[1] > xs[2]) or (name == "where" and set(pattern[1:]) == {2}):
            continue
        variables, constant = [kind(numbers[0]), kind(numbers[1])], kind(numbers[2]).detach()
        result = FUNCTIONS[kind][name](*[(*variables, constant)[i] for i in pattern])
        partials = _shared_among_equals(name, xs)
        for create_graph in (False, True):
            for node in variables:
                node.zero_grad()
            result.backward(create_graph=create_graph)
            for i, found in enumerate(gradients(variables)):
                expected = sum(d for d, p in zip(partials, pattern, strict=True) if p == i)
                assert float(found or 0.0) == pytest.approx(expected, rel=1e-12, abs=1e-14), (pattern, i)
            assert not constant.grad, pattern


def _shared_among_equals(name: str, xs: list[float]) -> list[float]:
    """The partials of the second opinion, and where two operands are equal the table's convention."""
    if name in ("maximum", "minimum") and xs[0] == xs[1]:
        return [0.5, 0.5]
    if name == "clip" and xs[0] in xs[1:]:
        return [1.0, 0.0, 0.0]
    return reference.partials(name, xs)
