"""What of a graph is shown: all of it, a part, or cards that stand for many nodes."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

from autograd.graph import Node, topological_order
from autograd.viz.groups import LEVELS, MOST, grouped, of_sample
from autograd.viz.names import assigned_name
from autograd.viz.trace import Trace, records, with_card_steps, with_steps
from autograd.viz.wording import name

FEW = 30  # nodes that fit a screen

Level = Literal["scalar", "neuron", "layer", "model"]


def view(
    root: Node,
    *,
    group: Level | None = None,
    sample: int | None = None,
    around: Node | None = None,
    up: int | None = None,
    down: int | None = None,
    path: Sequence[Node] = (),
    max_nodes: int | None = None,
    steps: bool = False,
    optimizer: Any = None,
) -> Trace:
    """The part of the graph of ``root`` that was asked for; the words are those of `draw` and of `step`."""
    given = {"sample": sample is not None, "around": around is not None, "path": not _is_empty(path)}
    given["max_nodes"] = max_nodes is not None
    asked = [word for word, is_given in given.items() if is_given]
    if len(asked) > 1 + given["sample"] or (given["sample"] and given["max_nodes"]):
        raise ValueError(f"{' and '.join(asked)} each choose a part of the graph; give one of them")
    if group not in (None, "scalar", *LEVELS):
        raise ValueError(f"group is one of scalar, {', '.join(LEVELS)}; got {group!r}")
    if group in LEVELS and given["sample"] < len(asked):
        raise ValueError(f"{asked[-1]}= shows single nodes; leave group={group!r} out")
    if around is None and (up is not None or down is not None):
        raise ValueError("up and down are how far to look around a node; give it too, as in around=w, up=2, down=3")
    order = topological_order(root)
    shown, chosen = order, ""
    if sample is not None:
        shown, chosen = of_sample(order, sample), f"those of call {sample} of the model"
    if group in LEVELS or (group is None and given["sample"] == len(asked) and len(shown) > MOST):
        if optimizer is not None:
            raise ValueError(
                "an optimizer moves single parameters, and the cards of a large graph show none; leave one of "
                "optimizer= and group= out, or make the graph smaller"
            )
        found = grouped(shown, len(order), group, seen_in_this_pass=steps)
        if chosen:
            found = replace(found, chosen=f"{chosen}, {found.chosen}")
        return with_card_steps(found, seeded=shown[-1] is root) if steps else found
    if around is not None:
        shown, chosen = _around(shown, around, 2 if up is None else up, 2 if down is None else down)
    elif given["path"]:
        shown, chosen = _between(shown, path)
    elif sample is None:
        shown, chosen = _nearest(order, max_nodes), "those nearest the result"
    if len(shown) > MOST and max_nodes is None:
        smaller = "up and down" if around is not None else "the graph"
        raise ValueError(
            f"this takes in {len(shown):,} nodes, and nobody reads a picture of more than {MOST}; make {smaller} "
            f"smaller, leave group='scalar' out, or list the largest paths with root.explain(leaf)"
        )
    found = replace(records(root, shown, len(order)), chosen=chosen)
    return with_steps(found, order, shown, optimizer) if steps else found


def _nearest(order: list[Node], count: int | None) -> list[Node]:
    """The first ``count`` nodes of a breadth-first walk from the result, left operands first; by default what fits."""
    if count is None:
        count = MOST if len(order) <= MOST else FEW
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ValueError(f"max_nodes is how many nodes to show at most, an int of at least 1; got {count!r}")
    if len(order) <= count:
        return order
    near = {order[-1]}
    queue = deque(near)
    while len(near) < count:
        for parent in queue.popleft().parents:
            if parent not in near and len(near) < count:
                near.add(parent)
                queue.append(parent)
    return [node for node in order if node in near]


def _around(order: Sequence[Node], node: Node, up: int, down: int) -> tuple[list[Node], str]:
    """What is at most ``up`` operations from ``node`` towards the leaves, or ``down`` towards the result."""
    _check_membership(order, [node])
    for word, count in (("up", up), ("down", down)):
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValueError(f"{word} is how many operations to go from the node, an int of at least 0; got {count!r}")
    kept = _reach(node, up, lambda node: node.parents) | _reach(node, down, _children(order).__getitem__)
    chosen = f"those up to {up} above and {down} below {name(node.label or assigned_name(node)) or 'the node'}"
    return [node for node in order if node in kept], chosen


def _between(order: Sequence[Node], path: Sequence[Node]) -> tuple[list[Node], str]:
    """All that lies on some way from the first to the second."""
    if not isinstance(path, tuple | list) or len(path) != 2:
        raise ValueError(f"path is two nodes, an operand and a result, as in path=(w, loss); got {path!r}")
    _check_membership(order, path)
    start, end = path
    above = _reach(end, len(order), lambda node: node.parents)
    kept = above & _reach(start, len(order), _children(order).__getitem__)
    if not kept:
        raise ValueError("nothing leads from the first of path to the second; write path=(operand, result)")
    names = [node.label or assigned_name(node) for node in path]
    ends = f"from {names[0]} to {names[1]}" if all(names) else "between the two"
    return [node for node in order if node in kept], f"those on the paths {ends}"


def _is_empty(path: Any) -> bool:
    return isinstance(path, tuple | list) and not path


def _check_membership(order: Sequence[Node], asked: Sequence[Node]) -> None:
    if strangers := [node for node in asked if not isinstance(node, Node)]:
        raise TypeError(f"a lens looks at nodes, as in around=w or path=(w, loss); got {strangers[0]!r}")
    if foreign := [node for node in asked if not any(node is each for each in order)]:
        raise ValueError(f"{foreign[0]!r} is not in the graph of {order[-1]!r}; give one of the nodes it was made from")


def _children(order: Sequence[Node]) -> dict[Node, list[Node]]:
    """For each node those that were made from it."""
    children: dict[Node, list[Node]] = {node: [] for node in order}
    for node in order:
        for parent in node.parents:
            if parent in children:  # of one sample, not all are
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
