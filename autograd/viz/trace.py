"""A graph, and the passes over it, as plain records: what every picture and every player reads.

The records hold numbers, strings and tuples only, so `dataclasses.asdict` and `json.dumps` take them as they are.
Nodes are numbered in topological order, hence two traces of one graph are equal.
"""

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from autograd.errors import GraphError
from autograd.graph import Node, plain, topological_order
from autograd.modes import ieee_arithmetic
from autograd.viz.health import health
from autograd.viz.names import Names, SourceLine
from autograd.written import with_written_repr

Kind = Literal["leaf", "constant", "interior", "root", "group"]


class Spread(NamedTuple):
    """Of many numbers the least, the one in the middle, and the greatest."""

    least: float
    median: float
    greatest: float


@with_written_repr
@dataclass(frozen=True)
class Group:
    """What a card stands for that shows many nodes.

    count:      how many nodes
    calls:      in how many runs of a module or a `scope` block they were made; 0 outside of these
    parameters: how many numbers it holds that are trained
    data, grad: of what it hands on; None where there is none
    """

    count: int
    calls: int
    parameters: int
    data: Spread | None
    grad: Spread | None


@with_written_repr
@dataclass(frozen=True)
class NodeRecord:
    """One node, or a group of them.

    id:     its place in the trace, parents before children
    kind:   "root" is the result, unless it is a lone leaf or constant; "group" is a card for many nodes
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
    beside: of an operation of one or two operands those that are not, as (which, name)
    line:   where in `Trace.lines` the source line is that made it; None without
    scope:  the blocks and the calls of models in which it was made, outermost first: "model/layers.0/neurons.3"
    group:  of a card for many nodes, what these are
    health: what ails it, as "vanishing: its gradient is 3e-12, below 1e-08"; "" if nothing does
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
    beside: tuple[tuple[int, str], ...] = ()
    scope: str = ""
    group: Group | None = None
    health: str = ""


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
class Arrival:
    """What operations outside of the trace have sent to a node in it, since it was last told; of an array no numbers.

    contribution: the sum of what they sent
    before:       the gradient that had reached the node by then; None if this is the first to come
    after:        that, with each of them added in the engine's order
    """

    node: int
    contribution: float | None
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Update:
    """What an optimizer makes of a parameter after this backward pass; for an array the Euclidean norms of the four.

    optimizer: its name, such as "Adam"
    change:    after − before
    rate:      the learning rate, where after is exactly before − rate × gradient; else None
    """

    optimizer: str
    before: float
    gradient: float
    after: float
    change: float
    rate: float | None


@dataclass(frozen=True)
class StepRecord:
    """One step: a node computes ("forward"), is given gradient 1 ("seed"), or sends to its operands ("backward");
    operations outside of the trace have sent to nodes in it ("unseen"), of which ``node`` is the first; or an optimizer
    moves a node ("update")."""

    kind: Literal["forward", "seed", "backward", "unseen", "update"]
    node: int
    sends: tuple[Send, ...] = ()
    update: Update | None = None
    arrivals: tuple[Arrival, ...] = ()


@with_written_repr
@dataclass(frozen=True)
class Trace:
    """The nodes in topological order, the edges by child and argument.

    total: how many nodes the graph has
    chosen: which of them are here, where that is not all
    lines: the source lines that made the nodes
    steps: the passes in the engine's order, of what the trace shows and what comes into it from the rest of the graph;
           empty where nobody asked for them
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


def trace(root: Node, optimizer: Any = None) -> Trace:
    """The whole graph that ``root`` was made from, and the steps of its passes.

    A gradient of zero counts as none until `backward` has been called on the root: a picture drawn too early
    shall not claim that all derivatives vanish.

    optimizer: one of `nn`'s; its step is then told too, as it follows `zero_grad` and one backward pass. Only told:
               no number, no gradient and no state of it is changed
    """
    order = topological_order(root)
    return with_steps(records(root, order, len(order)), order, order, optimizer)


def records(root: Node, order: Sequence[Node], total: int) -> Trace:
    """The nodes in ``order`` and the edges among them, of a graph of ``total`` nodes."""
    ids = {node: i for i, node in enumerate(order)}
    backward_ran = has_gradient(root)
    few = [parent for node in order if len(node.parents) <= 2 for parent in node.parents if parent not in ids]
    names = Names([*order, *few])
    lines: dict[SourceLine, int] = {}
    nodes, edges = [], []
    for node, i in ids.items():
        shown = [(k, parent) for k, parent in enumerate(node.parents) if parent in ids]
        at = names.line(node)
        line = None if at is None else lines.setdefault(at, len(lines))
        is_known = node.requires_grad and node.grad is not None and (backward_ran or has_gradient(node))
        gradient = plain(node.grad) if is_known else None
        made = record(node, i, names, line, node is root, gradient, len(node.parents) - len(shown))
        if made.hidden and len(node.parents) <= 2:
            beside = [(k, names.name(parent)) for k, parent in enumerate(node.parents) if parent not in ids]
            made = replace(made, beside=tuple(beside))
        nodes.append(made)
        derivatives = derivatives_of(node)
        edges += [EdgeRecord(ids[parent], i, k, derivatives[k]) for k, parent in shown]
    return Trace(tuple(nodes), tuple(edges), total, lines=tuple(lines))


def with_steps(found: Trace, order: Sequence[Node], shown: Sequence[Node], optimizer: Any = None) -> Trace:
    """``found`` with the passes over ``order``, the whole graph, as far as they concern what is ``shown``."""
    moving = {} if optimizer is None else _moving(optimizer, order)
    ids = {node: i for i, node in enumerate(shown)}
    edges = {(edge.child, edge.argument): i for i, edge in enumerate(found.edges)}
    steps = [StepRecord("forward", i) for node, i in ids.items() if node.parents]
    root = order[-1]
    if root.requires_grad:
        if root in ids:
            steps.append(StepRecord("seed", ids[root]))
        gradients: dict[Node, Any] = {}
        with suppress(GraphError):  # the data of a tensor has been changed in place: there is no pass to tell of
            steps += _backward_steps(order, ids, edges, found.edges, gradients)
            steps += _update_steps(optimizer, moving, ids, gradients)
    return replace(found, steps=tuple(steps))


def with_card_steps(found: Trace, seeded: bool = True) -> Trace:
    """``found``, of cards that stand for many nodes, with the passes card by card: these tell no single number.

    seeded: whether the last card is the result, which starts with gradient 1
    """
    made = [i for i, operands in enumerate(found.operands()) if operands]
    steps = [StepRecord("forward", i) for i in made]
    if found.nodes[-1].kind != "constant":
        if seeded:
            steps.append(StepRecord("seed", len(found.nodes) - 1))
        steps += [StepRecord("backward", i) for i in reversed(made)]
    return replace(found, steps=tuple(steps))


def _backward_steps(
    order: Sequence[Node],
    ids: Mapping[Node, int],
    places: Mapping[tuple[int, int], int],
    edges: Sequence[EdgeRecord],
    gradients: dict[Node, Any],
) -> Iterator[StepRecord]:
    """The backward pass, into ``gradients``: as `autograd.graph.backward` goes, and without touching a ``grad``."""
    root = order[-1]
    gradients[root] = 1.0 if root.is_scalar else np.ones_like(root.data)
    unseen: dict[Node, tuple[Any, Any]] = {}  # what has come from outside since the last step, and what was there
    for node in reversed(order):
        g = gradients.get(node)
        if g is None or node.saved is None:
            continue
        if node in ids:
            yield from _unseen_step(unseen, ids, gradients)
            unseen.clear()
        sends = []
        for argument, (parent, d) in enumerate(zip(node.parents, node.vjp(g), strict=True)):
            if d is None:
                continue
            before = gradients.get(parent)
            gradients[parent] = d if before is None else before + d
            if parent in ids and node not in ids:
                sent, start = unseen.get(parent, (None, before))
                unseen[parent] = d if sent is None else sent + d, start
            edge = places.get((ids.get(node, -1), argument))
            derivative = None if edge is None else edges[edge].derivative
            if edge is not None and derivative is not None:
                sends.append(Send(edge, g, derivative, d, before, gradients[parent]))
        if node in ids:
            yield StepRecord("backward", ids[node], tuple(sends))
    yield from _unseen_step(unseen, ids, gradients)


def _unseen_step(
    unseen: Mapping[Node, tuple[Any, Any]], ids: Mapping[Node, int], gradients: Mapping[Node, Any]
) -> Iterator[StepRecord]:
    """One step for all that came from outside; none where nothing did."""
    arrivals = [
        Arrival(ids[node], sent, before, gradients[node]) if node.is_scalar else Arrival(ids[node], None, None, None)
        for node, (sent, before) in unseen.items()
    ]
    if arrivals:
        yield StepRecord("unseen", arrivals[0].node, arrivals=tuple(arrivals))


def _moving(optimizer: Any, order: Sequence[Node]) -> dict[str, Node]:
    """The parameters of ``optimizer`` that are in the graph, in its order."""
    parameters = getattr(optimizer, "parameters", None)
    if not isinstance(parameters, Mapping) or not callable(getattr(optimizer, "planned", None)):
        kind = f"{type(optimizer).__name__} {reprlib.repr(optimizer)}"
        raise TypeError(f"optimizer is one of nn's, as in optimizer=nn.SGD(model, lr=0.1); got {kind}")
    there = set(order)
    moving = {name: parameter for name, parameter in parameters.items() if parameter in there}
    if not moving:
        raise ValueError(
            f"the optimizer moves {len(parameters):,} parameters, and none of them is in this graph; make it from the "
            f"model that computed this, as in nn.SGD(model, lr=0.1)"
        )
    return moving


def _update_steps(
    optimizer: Any, moving: Mapping[str, Node], ids: Mapping[Node, int], gradients: Mapping[Node, Any]
) -> list[StepRecord]:
    """What ``optimizer`` does after the pass that found ``gradients``; for those of ``moving`` that are shown."""
    found = {name: gradients[p] for name, p in moving.items() if p in gradients}  # others have none after `zero_grad`
    if not found:
        return []
    with ieee_arithmetic():
        planned = [(moving[name], found[name], after) for name, (after, _) in optimizer.planned(found).items()]
        return [
            StepRecord("update", ids[p], update=_update(optimizer, p.data, g, after))
            for p, g, after in planned
            if p in ids
        ]


def _update(optimizer: Any, before: Any, gradient: Any, after: Any) -> Update:
    plainly = bool(np.all(before - optimizer.lr * gradient == after))
    return Update(
        optimizer=type(optimizer).__name__,
        before=_size(before),
        gradient=_size(gradient),
        after=_size(after),
        change=_size(after - before),
        rate=optimizer.lr if plainly else None,
    )


def _size(x: Any) -> float:
    return float(np.asarray(x).item() if np.size(x) == 1 else np.linalg.norm(x))


def has_gradient(node: Node) -> bool:
    return node.grad is not None and bool(np.any(plain(node.grad)))


def record(node: Node, i: int, names: Names, line: int | None, is_root: bool, gradient: Any, hidden: int) -> NodeRecord:
    """One node; its ``gradient`` is None where it is not known."""
    kind: Kind = "root" if is_root else "interior"
    if not node.parents:
        kind = "leaf" if node.requires_grad else "constant"
    array = None if node.is_scalar else np.asarray(node.data)
    data = node.item() if array is None else float(array.item()) if array.size == 1 else None
    grad = norm = None
    if gradient is not None:
        grad = float(np.asarray(gradient).item()) if np.size(gradient) == 1 else None
        norm = None if array is None else float(np.linalg.norm(gradient))
    return NodeRecord(
        id=i,
        kind=kind,
        name=names.name(node),
        op=node.op.name if node.op else "",
        symbol=node.op.symbol if node.op else "",
        data=data,
        grad=grad,
        shape=None if array is None else array.shape,
        dtype="" if array is None else str(array.dtype),
        norm=norm,
        hidden=hidden,
        line=line,
        scope="/".join(names.scope(node)),
        health=health([node], [] if gradient is None else [gradient]),
    )


def derivatives_of(node: Node) -> Sequence[float | None]:
    """∂node/∂operand for each operand of a `Value`; None for constants, and throughout for a `Tensor`."""
    if not node.is_scalar or node.saved is None:
        return [None] * len(node.parents)
    return [None if d is None else float(d) for d in node.vjp(1.0)]
