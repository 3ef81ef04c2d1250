"""Many nodes on one card: a graph by its neurons, its layers, its models, or by the lines of the program.

A card stands for what one module made, in all its calls; outside of modules and `scope` blocks, for what one line made.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np

from autograd.errors import GraphError
from autograd.graph import Node, plain, pullback
from autograd.viz.health import health
from autograd.viz.names import Names, SourceLine, function_of_ours, runs
from autograd.viz.trace import EdgeRecord, Group, NodeRecord, Spread, Trace, has_gradient, record

LEVELS = ("neuron", "layer", "model")
MOST_EDGES = 2_000  # Graphviz takes seconds for more
MOST = 400  # cards; nobody reads a picture of more
EASY = (60, 150)  # cards and edges of a picture that nobody asked to be finer

Key = tuple[Any, ...]
"""What a card stands for: ("scope", path), ("function", name), ("line", line), ("op", name), ("node", place), …"""


def grouped(order: Sequence[Node], total: int, level: str | None, seen_in_this_pass: bool = False) -> Trace:
    """The nodes in ``order`` on cards, one for each neuron, layer or model: the next coarser if that is too much.

    level: "neuron", "layer" or "model"; None for what is easy to read
    seen_in_this_pass: show the gradients of a backward pass from the last node, and not those that are in the nodes
    """
    names = Names(order)
    levels = LEVELS[LEVELS.index(level) if level else 0 :]
    for by in levels:
        keys = _keys(order, names, by)
        edges = _edges(order, keys)
        cards = len(set(keys.values()))
        if level is None and by != "model" and (cards > EASY[0] or len(edges) > EASY[1]):
            continue
        if cards <= MOST and len(edges) <= MOST_EDGES:
            break
    else:
        raise ValueError(
            f"even by model this graph of {total:,} nodes has more than {MOST} cards; draw a part of it, as in "
            f"draw(L, around=w) or draw(L, sample=0)"
        )
    operands = _without_cycles(keys, edges)
    if seen_in_this_pass:
        seed = 1.0 if order[-1].is_scalar else np.ones_like(order[-1].data)
        gradients = {}
        with suppress(GraphError):  # the data of a tensor has been changed in place: there is no pass to see
            gradients = pullback(order, {order[-1]: seed}, False) if order[-1].requires_grad else {}
    else:
        gradients = {node: plain(node.grad) for node in order if node.requires_grad and node.grad is not None}
        gradients = gradients if has_gradient(order[-1]) else {}
    found = _summary(order, names, keys, operands, total, gradients)
    what = by if any(key[0] == "scope" for key in operands) else "line of the program"
    coarser = f" ({level} by {level} they are too many)" if level not in (None, by) else ""
    return replace(found, chosen=f"one for each {what}{coarser}; of many numbers the least, the median, the greatest")


def of_sample(order: Sequence[Node], place: int) -> list[Node]:
    """Of a graph that went through a model many times, the nodes that belong to call number ``place``, from 0.

    These are what was made in it, what that was made from, and what became of it on the way to the result, through
    other models too. Of several models the calls of the first one count.
    """
    outermost = {node: runs(node.scope)[0] for node in order if getattr(node, "code", None) and node.scope}
    first = next((run[1] for run in outermost.values()), None)
    calls = list({id(run): None for run in outermost.values() if _is_same(run[1], first)})
    if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(calls):
        there_are = (
            f"this graph has {len(calls):,}, from 0 to {len(calls) - 1:,}"
            if calls
            else "this graph has none: call an nn.Module, or write `with scope('sample'):` around each"
        )
        raise ValueError(f"sample says which call of the model to show; got {place!r}, and {there_are}")
    made: set[Node] = set()
    for node in order:
        run = outermost.get(node)
        is_in_a_call = run is not None and _is_same(run[1], first)
        if id(run) == calls[place] if is_in_a_call else any(p in made and p.parents for p in node.parents):
            made.add(node)
    kept = made | {parent for node in made for parent in node.parents if not parent.parents}
    return [node for node in order if node in kept]


def _is_same(block: Any, other: Any) -> bool:
    """Whether two runs are of one model, or of blocks with one name."""
    return block is other or (isinstance(block, str) and block == other)


# ----- which card a node is on -----


def _keys(order: Sequence[Node], names: Names, level: str) -> dict[Node, Key]:
    keys: dict[Node, Key] = {}
    users: dict[Node, list[Node]] = {}
    for place, node in enumerate(order):
        for parent in node.parents:
            users.setdefault(parent, []).append(node)
        if path := names.cut(names.scope(node), level):
            keys[node] = ("scope", path)
        elif function := function_of_ours(node):
            keys[node] = ("function", function)
        elif (line := names.line(node)) is not None:
            keys[node] = ("line", line)
        else:
            keys[node] = ("op", node.op.name) if node.op else ("node", place)
    keys[order[-1]] = ("root",)
    for node in order:
        if keys[node][0] == "node" and node in users:  # a plain number, or a leaf of which nobody knows the place
            using = list(dict.fromkeys(keys[user] for user in users[node]))
            models = [key[1][:1] for key in using if key[0] == "scope"]
            if models:
                keys[node] = ("leaves" if node.requires_grad else "constants", models[0])
            elif len(using) == 1 and using != [("root",)]:
                keys[node] = using[0]
    return keys


def _edges(order: Sequence[Node], keys: Mapping[Node, Key]) -> dict[tuple[Key, Key], None]:
    pairs = ((keys[parent], keys[node]) for node in order for parent in node.parents if parent in keys)
    return {pair: None for pair in pairs if pair[0] != pair[1]}


def _without_cycles(keys: dict[Node, Key], edges: Iterable[tuple[Key, Key]]) -> dict[Key, list[Key]]:
    """For each card those it was made from, operands before what they are operands of; ``keys`` likewise.

    Lines of a loop can depend on each other; such are put on one card.
    """
    merged = {key: key for key in keys.values()}
    while True:
        operands: dict[Key, list[Key]] = {key: [] for key in merged.values()}
        for parent, child in edges:
            a, b = merged[parent], merged[child]
            if a != b and a not in operands[b]:
                operands[b].append(a)
        try:
            order = list(TopologicalSorter(operands).static_order())
            break
        except CycleError as error:
            cycle = error.args[1]
            merged = {key: cycle[0] if on in cycle else on for key, on in merged.items()}
    keys.update({node: merged[key] for node, key in keys.items()})
    return {key: operands[key] for key in order}


# ----- the cards -----


def _summary(
    order: Sequence[Node],
    names: Names,
    keys: Mapping[Node, Key],
    cards: Mapping[Key, Sequence[Key]],
    total: int,
    gradients: Mapping[Node, Any],
) -> Trace:
    held: dict[Key, list[Node]] = {key: [] for key in cards}
    sent: dict[Key, dict[Node, None]] = {key: {} for key in cards}  # what other cards are made from
    for node in order:
        held[keys[node]].append(node)
        for parent in node.parents:
            if parent in keys and keys[parent] != keys[node]:
                sent[keys[parent]][parent] = None
    lines: dict[SourceLine, int] = {}
    nodes: list[NodeRecord] = []
    for i, (key, held_here) in enumerate(held.items()):
        line = names.line(held_here[-1]) if key[0] not in ("scope", "function") else None
        at = None if line is None else lines.setdefault(line, len(lines))
        first = held_here[0]
        hidden = sum(parent not in keys for node in held_here for parent in node.parents)
        if len(held_here) == 1 and key[0] != "scope":
            nodes.append(record(first, i, names, at, first is order[-1], gradients.get(first), hidden))
        else:
            nodes.append(_card(i, key, held_here, list(sent[key]), names, at, gradients, hidden))
    ids = {key: i for i, key in enumerate(cards)}
    edges = [
        EdgeRecord(ids[parent], ids[key], argument, None)
        for key, parents in cards.items()
        for argument, parent in enumerate(parents)
    ]
    return Trace(tuple(nodes), tuple(edges), total, lines=tuple(lines))


def _card(
    i: int,
    key: Key,
    nodes: Sequence[Node],
    sent: Sequence[Node],
    names: Names,
    line: int | None,
    gradients: Mapping[Node, Any],
    hidden: int,
) -> NodeRecord:
    results = [node for node in sent if node.parents] or [node for node in nodes if node.parents] or list(nodes)
    parameters = [node for node in nodes if names.is_parameter(node)]
    path = key[1] if key[0] == "scope" else ()
    concerned = [*results, *parameters]
    return NodeRecord(
        id=i,
        kind="constant" if key[0] == "constants" else "group",
        name=_title(key, path, names),
        op="",
        symbol="",
        data=None,
        grad=None,
        shape=None,
        dtype="",
        norm=None,
        hidden=hidden,
        line=line,
        scope="/".join(path),
        group=Group(
            count=len(nodes),
            calls=names.runs(nodes, path),
            parameters=sum(np.size(node.data) for node in parameters),
            data=_spread([node.data for node in results]),
            grad=_spread([gradients[node] for node in results if node in gradients]),
        ),
        health=health(concerned, [gradients[node] for node in concerned if node in gradients], names.scope),
    )


def _title(key: Key, path: Sequence[str], names: Names) -> str:
    if path:
        return ".".join(path[1:] if len(path) > 1 and not names.has_many_models else path)
    if key[0] == "line":
        return str(key[1].text)
    return str(key[1]) if key[0] in ("op", "function") else key[0]


def _spread(items: Sequence[Any]) -> Spread | None:
    """Least, median and greatest of floats and arrays; a nan makes all three nan."""
    if not items:
        return None
    numbers = np.concatenate([np.ravel(item) for item in items])
    if not numbers.size:
        return None
    return Spread(float(numbers.min()), float(np.median(numbers)), float(numbers.max()))
