"""A graph, and the passes over it, as plain records: what every picture and every player reads.

The records hold numbers, strings and tuples only, so `dataclasses.asdict` and `json.dumps` take them as they are.
Nodes are numbered in topological order, hence two traces of one graph are equal.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from autograd.graph import Node, plain, topological_order
from autograd.viz.names import (
    SourceLine,
    assigned_name,
    is_made_by_a_layer,
    known_names,
    same_place,
    source_line,
)

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
    name:   what a picture calls it: the label that the user gave, else its name among a model's parameters, else the
            variable it was assigned to; "" without
    op:     the name of the operation, "" for a leaf or constant
    symbol: the sign of the operation, "" likewise
    data:   the number; None for an array of more or fewer than one
    grad:   d(root)/d(this); None before `backward`, for a constant and where ``data`` is None
    shape:  of a `Tensor`; None for a `Value`
    dtype:  of a `Tensor`; "" for a `Value`
    norm:   Euclidean norm of the gradient of a `Tensor`; None where it has none, and for a `Value`
    hidden: how many operands are not in the trace
    line:   where in `Trace.lines` the source line is that made it; None without
    """

    id: int
    kind: Kind
    name: str
    op: str
    symbol: str
    data: float | None
    grad: float | None
    shape: tuple[int, ...] | None
    dtype: str
    norm: float | None
    hidden: int
    line: int | None


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
class Send:
    """What a node sends along an edge in the backward pass: contribution = derivative × upstream.

    edge:   which of `Trace.edges`
    before: the gradient that had reached the parent by then; None if this is the first to come
    after:  that, with the contribution added
    """

    edge: int
    upstream: float
    derivative: float
    contribution: float
    before: float | None
    after: float


@dataclass(frozen=True)
class StepRecord:
    """One step: a node computes ("forward"), is given gradient 1 ("seed"), or sends to its operands ("backward")."""

    kind: Literal["forward", "seed", "backward"]
    node: int
    sends: tuple[Send, ...] = ()


@dataclass(frozen=True)
class Trace:
    """The nodes in topological order, the edges by child and argument.

    total: how many nodes the graph has
    chosen: which of them are here, where that is not all
    lines: the source lines that made the nodes
    steps: the passes in the engine's order; of what the trace shows, and empty where nobody asked for them
    """

    nodes: tuple[NodeRecord, ...]
    edges: tuple[EdgeRecord, ...]
    total: int
    chosen: str = ""
    lines: tuple[SourceLine, ...] = ()
    steps: tuple[StepRecord, ...] = ()

    def operands(self) -> list[list[EdgeRecord]]:
        """For each node the edges that lead into it, first operand first."""
        into: list[list[EdgeRecord]] = [[] for _ in self.nodes]
        for edge in self.edges:
            into[edge.child].append(edge)
        return into


def trace(root: Node) -> Trace:
    """The whole graph that ``root`` was made from, and the steps of its passes.

    A gradient of zero counts as none until `backward` has been called on the root: a picture drawn too early
    shall not claim that all derivatives vanish.
    """
    order = topological_order(root)
    return _with_steps(_records(root, order, len(order)), order, order)


def excerpt(root: Node, max_nodes: int | None = None, steps: bool = False) -> Trace:
    """What there is room to show: the ``max_nodes`` nodes nearest to ``root``; their steps too if asked for.

    Without ``max_nodes``, all of a graph of up to `MOST` nodes, else the nearest `FEW`.
    """
    order = topological_order(root)
    if max_nodes is None:
        max_nodes = MOST if len(order) <= MOST else FEW
    if not isinstance(max_nodes, int) or isinstance(max_nodes, bool) or max_nodes < 1:
        raise ValueError(f"max_nodes is how many nodes to show at most, an int of at least 1; got {max_nodes!r}")
    near = _nearest(root, max_nodes) if len(order) > max_nodes else set(order)
    shown = [node for node in order if node in near]
    found = replace(_records(root, shown, len(order)), chosen="those nearest the result")
    return _with_steps(found, order, shown) if steps else found


def lens(root: Node, around: Node | None = None, up: int = 2, down: int = 2, path: Sequence[Node] = ()) -> Trace:
    """A part of the graph of ``root``: what is ``around`` a node, or what lies on a ``path`` between two.

    up, down: how many operations to go from ``around``, towards the leaves and towards the result
    path:     two nodes; shown are all that lie on some way from the first to the second

    Errors: ValueError for a node that is not in the graph, and for a part too large to read.
    """
    order = topological_order(root)
    asked = [around] if around is not None else list(path)
    if (around is None) != bool(path) or (path and len(path) != 2):
        raise ValueError("a lens is around=node, or path=(node, node) from an operand to a result; give one of the two")
    if foreign := [node for node in asked if not any(node is each for each in order)]:
        raise ValueError(f"{foreign[0]!r} is not in the graph of {root!r}; give one of the nodes it was made from")
    for name, count in (("up", up), ("down", down)):
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValueError(f"{name} is how many operations to go from the node, an int of at least 0; got {count!r}")
    if around is not None:
        kept = _reach(around, up, lambda node: node.parents) | _reach(around, down, _children(order).__getitem__)
        chosen = f"those up to {up} above and {down} below {around.label or assigned_name(around) or 'the node'}"
    else:
        start, end = path
        above = _reach(end, len(order), lambda node: node.parents)
        kept = above & _reach(start, len(order), _children(order).__getitem__)
        chosen = "those on the paths between the two"
        if not kept:
            raise ValueError("nothing leads from the first of path to the second; write path=(operand, result)")
    if len(kept) > MOST:
        raise ValueError(
            f"the lens takes in {len(kept):,} nodes, and nobody reads a picture of more than {MOST}; make up and down "
            f"smaller, or list the largest paths with root.explain(leaf)"
        )
    return replace(_records(root, [node for node in order if node in kept], len(order)), chosen=chosen)


def _children(order: Sequence[Node]) -> dict[Node, list[Node]]:
    """For each node those that were made from it."""
    children: dict[Node, list[Node]] = {node: [] for node in order}
    for node in order:
        for parent in node.parents:
            children[parent].append(node)
    return children


def _reach(start: Node, levels: int, following: Callable[[Node], Sequence[Node]]) -> set[Node]:
    """``start`` and what is at most ``levels`` steps from it."""
    found, edge = {start}, [start]
    for _ in range(levels):
        edge = list(dict.fromkeys(other for node in edge for other in following(node) if other not in found))
        found.update(edge)
        if not edge:
            break
    return found


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
    parameters, variables = known_names()
    # what one expression made on the way to its result, such as a layer its neurons, does not bear the result's name
    inner = {parent for node in order for parent in node.parents if same_place(parent, node)}
    lines: dict[SourceLine, int] = {}
    nodes, edges = [], []
    for node, i in ids.items():
        shown = [(k, parent) for k, parent in enumerate(node.parents) if parent in ids]
        at = source_line(node)
        line = None if at is None else lines.setdefault(at, len(lines))
        assigned = variables.get(id(node), "") if is_made_by_a_layer(node) else assigned_name(node)
        name = str(node.label or parameters.get(id(node)) or ("" if node in inner else assigned))
        nodes.append(_record(node, i, name, line, node is root, backward_ran, len(node.parents) - len(shown)))
        derivatives = _derivatives(node)
        edges += [EdgeRecord(ids[parent], i, k, derivatives[k]) for k, parent in shown]
    return Trace(tuple(nodes), tuple(edges), total, lines=tuple(lines))


def _with_steps(found: Trace, order: Sequence[Node], shown: Sequence[Node]) -> Trace:
    """``found`` with the passes over ``order``, the whole graph, as far as they concern what is ``shown``."""
    ids = {node: i for i, node in enumerate(shown)}
    edges = {(edge.child, edge.argument): i for i, edge in enumerate(found.edges)}
    steps = [StepRecord("forward", i) for node, i in ids.items() if node.parents]
    root = order[-1]
    if root.requires_grad:
        steps.append(StepRecord("seed", ids[root]))
        steps += _backward_steps(order, ids, edges, found.edges)
    return replace(found, steps=tuple(steps))


def _backward_steps(
    order: Sequence[Node], ids: Mapping[Node, int], places: Mapping[tuple[int, int], int], edges: Sequence[EdgeRecord]
) -> Iterator[StepRecord]:
    """The backward pass in numbers of its own: as `autograd.graph.backward` goes, and without touching a ``grad``."""
    root = order[-1]
    gradients: dict[Node, Any] = {root: 1.0 if isinstance(root.data, float) else np.ones_like(root.data)}
    for node in reversed(order):
        g = gradients.get(node)
        if g is None or node.saved is None:
            continue
        sends = []
        for argument, (parent, d) in enumerate(zip(node.parents, node.vjp(g), strict=True)):
            if d is None:
                continue
            before = gradients.get(parent)
            gradients[parent] = d if before is None else before + d
            edge = places.get((ids.get(node, -1), argument))
            derivative = None if edge is None else edges[edge].derivative
            if edge is not None and derivative is not None:
                sends.append(Send(edge, g, derivative, d, before, gradients[parent]))
        if node in ids:
            yield StepRecord("backward", ids[node], tuple(sends))


def _has_gradient(node: Node) -> bool:
    return node.grad is not None and bool(np.any(plain(node.grad)))


def _record(
    node: Node, i: int, name: str, line: int | None, is_root: bool, backward_ran: bool, hidden: int
) -> NodeRecord:
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
        name=name,
        op=node.op.name if node.op else "",
        symbol=node.op.symbol if node.op else "",
        data=data,
        grad=grad,
        shape=None if array is None else array.shape,
        dtype="" if array is None else str(array.dtype),
        norm=norm,
        hidden=hidden,
        line=line,
    )


def _derivatives(node: Node) -> Sequence[float | None]:
    """∂node/∂operand for each operand of a `Value`; None for constants, and throughout for a `Tensor`."""
    if not isinstance(node.data, float) or node.saved is None:
        return [None] * len(node.parents)
    return [None if d is None else float(d) for d in node.vjp(1.0)]
