"""Random graphs over every row of the tables, and how far two lists of derivatives are apart."""

import itertools
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

import reference
from helpers import KINK_MARGIN, plain
from reference import Graph

import autograd
from autograd import Tensor, Value, stack
from autograd.ops import OPS, REDUCTIONS

TOLERANCE = 1e-10
FLOOR = 1e-4
"""A number below this share of the largest is measured against that: it is what is left of larger ones."""
ROUGH = 100.0
"""How much an entry may magnify the rounding of those before it; what magnifies more is scaled down."""
SHAPES: dict[str, Callable[[int], tuple[int, int]]] = {
    "mixed": lambda n: (max(0, n - 12), n),
    "deep": lambda n: (n - 1, n),
    "wide": lambda n: (0, min(n, 30)),
}
"""Which of the n entries so far an operation takes its operands from, as a rule."""

# ----- generation -----

KINKED = ("abs", "sign", "relu", "leaky_relu", "elu", "maximum", "minimum", "clip", "where")
DOMAINS: dict[str, tuple[tuple[float, float], ...]] = {
    **{name: op.domain for name, op in OPS.items() if name in reference.RULES},
    "where": ((-3.0, 3.0),) * 3,
    "detach": ((-3.0, 3.0),),
}
NAMES = [*DOMAINS, *REDUCTIONS]


def random_graph(rng: Random, size: int = 12, shape: str = "mixed") -> Graph:
    """A graph of about ``size`` operations; ``rng`` decides everything, and may be Hypothesis's."""
    draft = _Draft(rng, SHAPES[shape])
    while len(draft.tape) < size:
        draft.grow(rng.choice(NAMES))
    return draft.finished()


def seeded(first: int, count: int, largest: int = 50) -> Iterator[Graph]:
    """``count`` graphs of 1 to ``largest`` operations, the same for the same ``first``."""
    for seed in range(first, first + count):
        rng = Random(seed)
        yield random_graph(rng, rng.randint(1, largest), rng.choice(list(SHAPES)))


def direction(graph: Graph) -> tuple[float, ...]:
    return tuple(Random(len(graph.tape)).choices((-1.0, 0.5, 2.0), k=len(graph.leaves)))


class _Draft:
    """A graph in the making: numbers are known as it grows, so that operands are kept inside each row's domain."""

    def __init__(self, rng: Random, near: Callable[[int], tuple[int, int]]) -> None:
        self.rng, self.near = rng, near
        self.numbers = [rng.uniform(-2.0, 2.0) for _ in range(rng.randint(1, 4))]
        self.leaves = tuple(self.numbers)
        self.tape: list[reference.Entry] = []
        self.rough = [1.0] * len(self.numbers)

    def grow(self, name: str) -> None:
        if name in REDUCTIONS:
            count = self.rng.randint(2, 6) if self.rng.random() < 0.9 or name == "prod" else self.rng.randint(7, 60)
            domains: Sequence[tuple[float, float]] = [(-3.0, 3.0)] * count
        else:
            domains = DOMAINS[name]
        anchor = self.rng.randrange(len(domains))
        operands: list[int | float] = []
        for i, domain in enumerate(domains):
            if i == anchor:
                operands.append(self._within(self._near(), domain))
            elif i and self.rng.random() < 0.15:
                operands.append(self._within(self.rng.choice(operands), domain))  # a parent twice
            elif self.rng.random() < 0.3:
                operands.append(self.rng.uniform(*domain))
            else:
                operands.append(self._within(self._any(), domain))
        if name == "power" and self.rng.random() < 0.4:  # of any base, where the exponent is a plain integer
            operands = [self._within(self._near(), (-3.0, 3.0)), float(self.rng.randint(-2, 3))]
        choices = operands[1:] if name == "where" else operands
        if any(isinstance(o, int) for o in choices) and self._smooth(name, operands):
            self._append(name, tuple(operands))

    def finished(self) -> Graph:
        """With one result, into which everything goes that nothing else has used, and here and there an entry more."""
        used = {o for _, operands in self.tape for o in operands if isinstance(o, int)}
        ends = [i for i in range(len(self.numbers)) if i not in used]
        ends += [self.rng.randrange(len(self.numbers)) for _ in range(len(self.numbers) // 50)]
        if set(ends) <= Graph(self.leaves, tuple(self.tape)).constants():
            ends.append(0)
        if len(ends) > 1:
            self._append("dot", (*ends, *[self.rng.choice((-1.0, 0.5, 2.0)) for _ in ends]))
        return Graph(self.leaves, tuple(self.tape))

    def _near(self) -> int:
        return self.rng.randrange(*self.near(len(self.numbers)))

    def _any(self) -> int:
        return self.rng.randrange(len(self.numbers)) if self.rng.random() < 0.2 else self._near()

    def _within(self, operand: int | float, domain: tuple[float, float]) -> int | float:
        """``operand`` if it lies in ``domain``, else something of it that does: the middle plus a share of atan."""
        low, high = domain
        if low <= self._number(operand) <= high:
            return operand
        if isinstance(operand, float):
            return self.rng.uniform(low, high)
        angle = self._append("atan", (operand,))
        return self._append("add", (self._append("mul", (angle, (high - low) / 3.2)), (low + high) / 2.0))

    def _smooth(self, name: str, operands: list[int | float]) -> bool:
        """Whether a derivative exists here, and near enough for the differences between routes not to matter."""
        xs = [self._number(o) for o in operands]
        if name == "norm":
            return max(map(abs, xs)) > KINK_MARGIN
        if name == "power":
            return abs(xs[0]) > 2.0 * KINK_MARGIN
        gaps = [abs(a - b) for a, b in itertools.combinations(xs, 2)]
        return name not in KINKED or min([*map(abs, xs), *gaps]) > KINK_MARGIN

    def _append(self, name: str, operands: tuple[int | float, ...]) -> int:
        xs = [self._number(o) for o in operands]
        slopes = zip(operands, reference.partials(name, xs), strict=True)
        self.numbers.append(reference.apply(name, xs))
        self.rough.append(1.0 + sum(abs(d) * self.rough[o] for o, d in slopes if isinstance(o, int)))
        self.tape.append((name, operands))
        last = len(self.numbers) - 1
        if name == "dot" or self.rough[last] < ROUGH:
            return last
        return self._append("mul", (last, 10.0 / self.rough[last]))

    def _number(self, operand: int | float) -> float:
        return self.numbers[operand] if isinstance(operand, int) else operand


# ----- the same graph in glassgrad -----


def _on_values(name: str) -> Callable[..., Any]:
    return lambda *xs: getattr(autograd, name)(xs)


def _on_tensors(name: str) -> Callable[..., Any]:
    return lambda *xs: getattr(stack(xs), name)()


def _dot_of_values(*xs: Any) -> Any:
    n = len(xs) // 2
    return autograd.dot(xs[:n], xs[n : 2 * n], *xs[2 * n :])


def _dot_of_tensors(*xs: Any) -> Any:
    n = len(xs) // 2
    return autograd.dot(stack(xs[:n]), stack(xs[n : 2 * n]), *xs[2 * n :])


def _detach(x: Any) -> Any:
    return x.detach()


Functions = Mapping[str, Callable[..., Any]]
_ROWS: Functions = {
    **{name: getattr(autograd, name) for name in OPS},
    **{name: getattr(operator, name) for name in ("add", "sub", "mul", "neg", "abs")},
    "div": operator.truediv,
    "power": operator.pow,
    "where": lambda condition, a, b: autograd.where(condition > 0.0, a, b),
    "detach": _detach,
}
FUNCTIONS: dict[Any, Functions] = {
    Value: {**_ROWS, **{name: _on_values(name) for name in REDUCTIONS}, "dot": _dot_of_values},
    Tensor: {**_ROWS, **{name: _on_tensors(name) for name in REDUCTIONS if name != "dot"}, "dot": _dot_of_tensors},
}


def nodes_of(graph: Graph, leaves: Sequence[Any], functions: Functions) -> list[Any]:
    """Every entry of ``graph``, computed from ``leaves`` by ``functions``."""
    nodes = list(leaves)
    for name, operands in graph.tape:
        nodes.append(functions[name](*[nodes[o] if isinstance(o, int) else o for o in operands]))
    return nodes


def leaves_of(graph: Graph, kind: Any) -> list[Any]:
    return [kind(x) for x in graph.leaves]


# ----- derivatives -----


def run_backward(graph: Graph, kind: Any, functions: Functions, create_graph: bool = False) -> list[Any]:
    """The nodes of ``graph``, with their gradients."""
    nodes = nodes_of(graph, leaves_of(graph, kind), functions)
    nodes[-1].backward(create_graph=create_graph)
    return nodes


def inputs(graph: Graph, kind: Any) -> tuple[Any, ...]:
    """The leaves as constants: derivatives of functions make variables of them."""
    return tuple(leaf.detach() for leaf in leaves_of(graph, kind))


def gradients(nodes: Sequence[Any]) -> list[Any]:
    return [plain(node.grad) for node in nodes]


def backward_twice(graph: Graph, kind: Any, along: Sequence[float]) -> list[float]:
    leaves = run_backward(graph, kind, FUNCTIONS[kind], create_graph=True)[: len(graph.leaves)]
    slopes = [(leaf.grad, v) for leaf, v in zip(leaves, along, strict=True) if leaf.grad is not None]
    for leaf in leaves:
        leaf.zero_grad()
    sum([g * v for g, v in slopes], kind(0.0)).backward()
    return gradients(leaves)


# ----- comparison -----

Tally = dict[str, tuple[int, float]]
"""For each route, how many graphs it was compared on, and the worst difference."""
Record = Callable[[str, object], None]
"""pytest's `record_property`."""


def recorded_tally(record_property: Record) -> Tally:
    """A tally that becomes part of a test's report."""
    tally: Tally = {}
    record_property("compared", tally)
    return tally


def distance(found: Sequence[Any], expected: Sequence[float]) -> float:
    """The largest relative difference, as `FLOOR` has it. An absent gradient (None) is a gradient of 0."""
    floor = FLOOR * max(1.0, *map(abs, expected))
    pairs = [(0.0 if a is None else float(a), b) for a, b in zip(found, expected, strict=True)]
    differences = [abs(a - b) / max(abs(a), abs(b), floor) for a, b in pairs]
    return max(d if d == d else float("inf") for d in differences)


def compare(tally: Tally, route: str, graph: Graph, found: Sequence[Any], expected: Sequence[float]) -> None:
    """Hold that the two agree, and count it."""
    difference = distance(found, expected)
    count, worst = tally.get(route, (0, 0.0))
    tally[route] = count + 1, max(worst, difference)
    assert difference < TOLERANCE, f"{route}: {difference} from the expected on {graph}: {found} and not {expected}"
