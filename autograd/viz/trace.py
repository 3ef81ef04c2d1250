"""A graph as plain records: what every picture is drawn from.

The records hold numbers, strings and tuples only, so `dataclasses.asdict` and `json.dumps` take them as they are.
Nodes are numbered in topological order, hence two traces of one graph are equal.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from autograd.graph import Node, plain, topological_order

# A picture of more nodes than MOST is one that nobody reads and that Graphviz takes minutes for; the FEW drawn
# instead fit a screen.
MOST = 400
FEW = 30

Kind = Literal["leaf", "constant", "interior", "root"]


@dataclass(frozen=True)
class NodeRecord:
    """One node.

    id:     its place in the trace, parents before children
    kind:   "root" is the result, unless it is a lone leaf or constant
    label:  the name the user gave, "" without
    op:     the name of the operation, "" for a leaf or constant
    symbol: the sign of the operation, "" likewise
    data:   the number; None for an array of more or fewer than one
    grad:   d(root)/d(this); None before `backward`, for a constant and where ``data`` is None
    shape:  of a `Tensor`; None for a `Value`
    dtype:  of a `Tensor`; "" for a `Value`
    norm:   Euclidean norm of the gradient of a `Tensor`; None where it has none, and for a `Value`
    hidden: how many operands are not in the trace
    """

    id: int
    kind: Kind
    label: str
    op: str
    symbol: str
    data: float | None
    grad: float | None
    shape: tuple[int, ...] | None
    dtype: str
    norm: float | None
    hidden: int


@dataclass(frozen=True)
class EdgeRecord:
    """``parent`` is operand number ``argument`` of ``child``.

    derivative: ∂child/∂parent through this argument; None for a constant and between `Tensor`s
    """

    parent: int
    child: int
    argument: int
    derivative: float | None


@dataclass(frozen=True)
class Trace:
    """The nodes in topological order, the edges by child and argument; ``total`` is how many nodes the graph has."""

    nodes: tuple[NodeRecord, ...]
    edges: tuple[EdgeRecord, ...]
    total: int

    def operands(self) -> list[list[EdgeRecord]]:
        """For each node the edges that lead into it, first operand first."""
        into: list[list[EdgeRecord]] = [[] for _ in self.nodes]
        for edge in self.edges:
            into[edge.child].append(edge)
        return into


def trace(root: Node) -> Trace:
    """The whole graph that ``root`` was made from.

    A gradient of zero counts as none until `backward` has been called on the root: a picture drawn too early
    shall not claim that all derivatives vanish.
    """
    order = topological_order(root)
    return _records(root, order, len(order))


def excerpt(root: Node, max_nodes: int | None = None) -> Trace:
    """What there is room to show: the ``max_nodes`` nodes nearest to ``root``.

    Without ``max_nodes``, all of a graph of up to `MOST` nodes, else the nearest `FEW`.
    """
    order = topological_order(root)
    if max_nodes is None:
        max_nodes = MOST if len(order) <= MOST else FEW
    if not isinstance(max_nodes, int) or isinstance(max_nodes, bool) or max_nodes < 1:
        raise ValueError(f"max_nodes is how many nodes to show at most, an int of at least 1; got {max_nodes!r}")
    near = _nearest(root, max_nodes) if len(order) > max_nodes else set(order)
    return _records(root, [node for node in order if node in near], len(order))


def _nearest(root: Node, count: int) -> set[Node]:
    """The first ``count`` nodes of a breadth-first walk from ``root``, left operands first."""
    near = {root}
    queue = deque([root])
    while len(near) < count:
        for parent in queue.popleft().parents:
            if parent not in near and len(near) < count:
                near.add(parent)
                queue.append(parent)
    return near


def _records(root: Node, order: Sequence[Node], total: int) -> Trace:
    ids = {node: i for i, node in enumerate(order)}
    backward_ran = _has_gradient(root)
    nodes, edges = [], []
    for node, i in ids.items():
        shown = [(k, parent) for k, parent in enumerate(node.parents) if parent in ids]
        nodes.append(_record(node, i, node is root, backward_ran, len(node.parents) - len(shown)))
        derivatives = _derivatives(node)
        edges += [EdgeRecord(ids[parent], i, k, derivatives[k]) for k, parent in shown]
    return Trace(tuple(nodes), tuple(edges), total)


def _has_gradient(node: Node) -> bool:
    return node.grad is not None and bool(np.any(plain(node.grad)))


def _record(node: Node, i: int, is_root: bool, backward_ran: bool, hidden: int) -> NodeRecord:
    kind: Kind = "root" if is_root else "interior"
    if not node.parents:
        kind = "leaf" if node.requires_grad else "constant"
    array = None if isinstance(node.data, float) else np.asarray(node.data)
    data = float(node.data) if array is None else float(array.item()) if array.size == 1 else None
    grad = norm = None
    if node.requires_grad and node.grad is not None and (backward_ran or _has_gradient(node)):
        gradient = np.asarray(plain(node.grad))
        grad = float(gradient.item()) if gradient.size == 1 else None
        norm = None if array is None else float(np.linalg.norm(gradient))
    return NodeRecord(
        id=i,
        kind=kind,
        label=str(node.label or ""),  # whoever assigns it may assign None, or a number
        op=node.op.name if node.op else "",
        symbol=node.op.symbol if node.op else "",
        data=data,
        grad=grad,
        shape=None if array is None else array.shape,
        dtype="" if array is None else str(array.dtype),
        norm=norm,
        hidden=hidden,
    )


def _derivatives(node: Node) -> Sequence[float | None]:
    """∂node/∂operand for each operand of a `Value`; None for constants, and throughout for a `Tensor`."""
    if not isinstance(node.data, float) or node.saved is None:
        return [None] * len(node.parents)
    return [None if d is None else float(d) for d in node.vjp(1.0)]
