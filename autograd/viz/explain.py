"""`explain(L, a)`: the gradient ∂L/∂a as the sum over all paths from L to a of the products along them."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count as counter
from typing import Any

from autograd.graph import Node, pullback, topological_order
from autograd.hints import usage
from autograd.viz.groups import MOST
from autograd.viz.narration import Narrator, magnitude
from autograd.viz.trace import derivatives_of, records
from autograd.viz.wording import number
from autograd.written import with_written_repr, written

SECONDS = 2.0
LONGEST_PATH = 8  # nodes written out; of a longer path the two ends
MOST_DIGITS = 15  # of a number of paths that is written out

Edges = Mapping[Node, Sequence[tuple[float, Node]]]
"""For each node the local derivative and the parent of each edge that a gradient goes along."""


@with_written_repr
@dataclass(frozen=True)
class Path:
    """One way from the result to the leaf: its nodes, the local derivative of each edge, and their product.

    What one neuron or block made and nobody named is one node, called by its scope.
    """

    nodes: tuple[str, ...]
    derivatives: tuple[float, ...]
    product: float


@dataclass(frozen=True, repr=False)
class Explanation:
    """∂root/∂leaf, path by path.

    paths:    the largest by |product|, largest first
    count:    how many paths there are
    gradient: what the backward pass gives the leaf: the sum of the products of all paths
    total:    Σ|product| over all paths
    """

    root: str
    leaf: str
    paths: tuple[Path, ...]
    count: int
    gradient: float
    total: float

    def __str__(self) -> str:
        lines = [(written(_chain(path.nodes, " ← ")), _product(path)) for path in self.paths]
        width = max((len(nodes) for nodes, _ in lines), default=0)
        title = f"∂{_whole(self.root)}/∂{_whole(self.leaf)} = {number(self.gradient)}"
        table = [f"  {nodes.ljust(width)}   {product}" for nodes, product in lines]
        return written("\n".join([title, *table, f"  {self._closing()}"]))

    __repr__ = __str__

    def _closing(self) -> str:
        if not self.count:
            return f"no gradient goes from {self.root} to {self.leaf}: it does not depend on it, or only by constants"
        end = f"{number(self.gradient)}, the gradient of the backward pass"
        if self.count == 1:
            return f"the only path: its product is {end}"
        if self.count == len(self.paths):
            return f"the {self.count:,} paths sum to {end}"
        carried = math.fsum(abs(path.product) for path in self.paths)
        share = f" carry {_percent(carried / self.total)} of Σ|product|" if 0.0 < self.total < math.inf else ""
        return f"{len(self.paths):,} of {_counted(self.count)} paths{share}; all of them sum to {end}"


@usage("explain(loss, parameter)")
def explain(root: Node, leaf: Node, *, most: int = 10, seconds: float = SECONDS) -> Explanation:
    """∂root/∂leaf = Σ over the paths from root to leaf of the product of the local derivatives.

    >>> from autograd import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> explain(a * b + a, a)
    ∂(a * b + a)/∂a = −2
      a * b + a ← a * b ← a   1 · −3 = −3
      a * b + a ← a           1
      the 2 paths sum to −2, the gradient of the backward pass

    There can be exponentially many: then the ``most`` largest by |product|, and how much they carry. The search ends
    after ``seconds`` with those found by then. A node that enters an operation twice, as in x * x, is two edges.
    """
    _check(root, "root")
    _check(leaf, "leaf")
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise ValueError(f"most is how many paths to list at most, an int of at least 1; got {most!r}")
    order = topological_order(root)
    edges = {node: _edges(node) if node is not leaf else [] for node in order}
    gradient = float(pullback(order, {root: 1.0}, False).get(leaf, 0.0))
    paths, total = _sums(order, edges, leaf)
    found = _largest(order, edges, leaf, most, seconds) if paths else []
    names, scopes = _names(root, order, leaf, {node for nodes, _ in found for node in nodes})
    written = tuple(Path(*_folded(nodes, ds, names, scopes), math.prod(ds)) for nodes, ds in found)
    return Explanation(names[root], names[leaf], written, paths, gradient, total)


def _check(node: Any, what: str) -> None:
    got = type(node).__name__
    if not isinstance(node, Node):
        raise TypeError(f"explain(root, leaf) goes from one Value to another; got {got} {node!r} as {what}")
    if not node.is_scalar:
        raise TypeError(
            f"explain is for Values, where each edge has one number to multiply by; the {what} is a {got}, whose "
            f"derivatives are arrays. Build the expression from Values, or call backward() and look at .grad"
        )


def _edges(node: Node) -> list[tuple[float, Node]]:
    return [(d, parent) for d, parent in zip(derivatives_of(node), node.parents, strict=True) if d is not None]


def _sums(order: Sequence[Node], edges: Edges, leaf: Node) -> tuple[int, float]:
    """How many paths lead from the last of ``order`` to ``leaf``, and Σ|product| over them; without listing any."""
    ways: dict[Node, tuple[int, float]] = {order[-1]: (1, 1.0)}
    for node in reversed(order):
        if node is leaf or node not in ways:
            continue
        paths, weight = ways.pop(node)
        for d, parent in edges[node]:
            before, sum_before = ways.get(parent, (0, 0.0))
            ways[parent] = before + paths, sum_before + weight * abs(d)
    return ways.get(leaf, (0, 0.0))


def _largest(
    order: Sequence[Node], edges: Edges, leaf: Node, most: int, seconds: float
) -> list[tuple[list[Node], tuple[float, ...]]]:
    """The ``most`` paths of the largest |product|, by best-first search.

    What is begun is continued in the order of the largest product that it can still reach. That is known: ``best``
    is the largest |product| from each node to the leaf. So a path that is complete beats all that are not.
    """
    best = {leaf: 1.0}
    for node in order:
        reached = [magnitude(abs(d) * best[parent]) for d, parent in edges[node] if parent in best]
        if reached:
            best[node] = max(reached)
    deadline = time.perf_counter() + seconds
    ticket = counter()  # of two equals the longer is continued first, then the left operand
    root = order[-1]
    begun: list[tuple[float, int, int, Node, float, Any]] = [(-best[root], 0, next(ticket), root, 1.0, None)]
    found: list[tuple[list[Node], tuple[float, ...]]] = []
    while begun and len(found) < most and (not found or time.perf_counter() < deadline):
        bound, depth, _, node, product, way = heappop(begun)
        if node is leaf:
            found.append(_unwound(leaf, way))
            continue
        for d, parent in edges[node]:
            if parent in best:
                reach = magnitude(abs(d) * best[parent])
                # the best continuation keeps its bound to the bit: rounding shall not set a path back behind its equals
                ahead = bound if reach == best[node] else max(bound, -magnitude(product * d * best[parent]))
                heappush(begun, (ahead, depth - 1, next(ticket), parent, product * d, (node, d, way)))
    return found


def _unwound(leaf: Node, way: Any) -> tuple[list[Node], tuple[float, ...]]:
    nodes, derivatives = [leaf], []
    while way is not None:
        node, d, way = way
        nodes.append(node)
        derivatives.append(d)
    return nodes[::-1], tuple(derivatives[::-1])


# ----- in words -----


def _names(root: Node, order: Sequence[Node], leaf: Node, wanted: set[Node]) -> tuple[dict[Node, str], dict[Node, str]]:
    """As the players call them; of a large graph only those ``wanted``, the root, and the leaf, in whatever graph.

    And for those that nobody named the neuron or block that made them.
    """
    if len(order) > MOST:
        wanted = wanted | {root} | {parent for node in wanted for parent in node.parents}
        order = [node for node in order if node in wanted]
    found = records(root, order, len(order))
    names = dict(zip(order, Narrator(found).names, strict=True))
    scopes = {
        node: ".".join(record.scope.split("/")[1:]) or record.scope
        for node, record in zip(order, found.nodes, strict=True)
        if names[node].startswith("#")
    }
    if leaf not in names:
        elsewhere = topological_order(leaf)
        names[leaf] = Narrator(records(leaf, elsewhere, len(elsewhere))).names[-1]
    return names, scopes


def _folded(
    nodes: Sequence[Node], derivatives: Sequence[float], names: Mapping[Node, str], scopes: Mapping[Node, str]
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The names along a path and the factors between them; what one scope made is one, with the product inside it."""
    texts, before = [names[nodes[0]]], ""
    factors: list[float] = []
    for node, d in zip(nodes[1:], derivatives, strict=True):
        here = scopes.get(node, "")
        if here and here == before:
            factors[-1] *= d
        else:
            texts.append(here or names[node])
            factors.append(d)
        before = here
    return tuple(texts), tuple(factors)


def _whole(title: str) -> str:
    return f"({title})" if " " in title else title


def _chain(texts: Sequence[str], sign: str) -> str:
    """All of a short one; of a long one the two ends."""
    if len(texts) <= LONGEST_PATH:
        return sign.join(texts)
    half = LONGEST_PATH // 2
    return sign.join([*texts[:half], f"… {len(texts) - 2 * half:,} more …", *texts[-half:]])


def _product(path: Path) -> str:
    product = number(path.product)
    if not path.derivatives:
        return product
    factors = _chain([number(d) for d in path.derivatives], " · ")
    return factors if len(path.derivatives) == 1 else f"{factors} = {product}"


def _percent(share: float) -> str:
    """Rounded down: nothing but all is 100 %."""
    return f"{math.floor(1000.0 * min(share, 1.0)) / 10.0:g} %" if share >= 0.001 else "less than 0.1 %"


def _counted(n: int) -> str:
    exponent = int(n.bit_length() * math.log10(2.0))
    return f"{n:,}" if exponent < MOST_DIGITS else f"about 10^{exponent}"
