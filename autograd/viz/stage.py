"""Where the cards and the edges of a player stand: laid out once, for all steps."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

from autograd.viz.layout import LayoutError, engine, render
from autograd.viz.trace import Trace

EM = 8.0  # of the 13 px headings, in bold
LINE, MARGIN = 18, 8
NARROWEST = 130  # a card has room for "grad −1.234e−05" from the start: numbers change, cards do not
LABEL = (98, 30)
LABELLED = 60  # with more edges than this, only those of the current step have room for their labels

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A card, from its upper left corner, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Stage:
    """boxes: one for each node; curves: for each edge the points of its Bézier curve, then the tip of its arrow;
    labels: where the middle of each edge's label is."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    curves: tuple[tuple[Point, ...], ...]
    labels: tuple[Point, ...]


def stage(trace: Trace, titles: Sequence[str], rows: Sequence[int]) -> Stage:
    """Places for the nodes of ``trace``, with ``titles`` above so many ``rows`` of facts: Graphviz's, or our own."""
    sizes = [
        (max(NARROWEST if row else 0, _width(title) + 2 * MARGIN), (bool(title) + row) * LINE + MARGIN)
        for title, row in zip(titles, rows, strict=True)
    ]
    if engine() is not None:
        try:
            return _graphviz(trace, sizes)
        except LayoutError:
            pass  # it took too long, or is broken: the player plays without it
    return _layered(trace, sizes)


def _width(text: str) -> float:
    return EM * sum(1.8 if east_asian_width(c) in "WF" else 1.0 for c in text)


def _graphviz(trace: Trace, sizes: Sequence[tuple[float, float]]) -> Stage:
    room = ""
    apart = 1.25
    if len(trace.edges) <= LABELLED:
        table = f'<TABLE BORDER="0" FIXEDSIZE="TRUE" WIDTH="{LABEL[0]}" HEIGHT="{LABEL[1]}"><TR><TD></TD></TR></TABLE>'
        room = f" label=<{table}>"
        apart = 0.35
    lines = [f"digraph {{ rankdir=LR ordering=in nodesep=0.3 ranksep={apart} node [shape=box fixedsize=true]"]
    for node, (width, height) in enumerate(sizes):
        lines.append(f"n{node} [width={width / 72:.4f} height={height / 72:.4f}]")
    for i, edge in enumerate(trace.edges):
        lines.append(f"n{edge.parent} -> n{edge.child} [comment={i}{room}]")
    drawn = json.loads(render("\n".join([*lines, "}"]), "json"))
    _, _, across, up = map(float, drawn["bb"].split(","))

    def point(text: str) -> Point:
        x, y = map(float, text.split(","))
        return x, up - y

    boxes = [Box(0, 0, *size) for size in sizes]
    for item in drawn.get("objects", ()):
        i = int(item["name"][1:])
        (x, y), (width, height) = point(item["pos"]), sizes[i]
        boxes[i] = Box(x - width / 2, y - height / 2, width, height)
    curves: list[tuple[Point, ...]] = [()] * len(trace.edges)
    labels: list[Point] = [(0.0, 0.0)] * len(trace.edges)
    for item in drawn.get("edges", ()):
        tip, *points = item["pos"].removeprefix("e,").split(" ")
        i = int(item["comment"])
        curves[i] = (*map(point, points), point(tip))
        labels[i] = point(item["lp"]) if "lp" in item else _beside(curves[i])
    return Stage(across, up, tuple(boxes), tuple(curves), tuple(labels))


def _beside(curve: Sequence[Point]) -> Point:
    """A place for a label in the gap to the right of the parent, where no two edges of one step share it."""
    (x, y), (_, up), (right, end) = curve[0], curve[1], curve[3]
    t = min(0.5, 42 / max(right - x, 1.0))
    return x + 42, (1 - t) ** 2 * y + 2 * (1 - t) * t * up + t * t * end


def _middle(curve: Sequence[Point]) -> Point:
    start = 3 * ((len(curve) - 2) // 6)
    a, b, c, d = curve[start : start + 4]
    return (a[0] + 3 * b[0] + 3 * c[0] + d[0]) / 8, (a[1] + 3 * b[1] + 3 * c[1] + d[1]) / 8


def _layered(trace: Trace, sizes: Sequence[tuple[float, float]]) -> Stage:
    """Columns by the longest path to the result, in each the order that a few barycentre sweeps find."""
    count = len(trace.nodes)
    column = [0] * count
    operands: list[list[int]] = [[] for _ in range(count)]
    users: list[list[int]] = [[] for _ in range(count)]
    for edge in reversed(trace.edges):  # a node comes after its operands, so its column is final here
        column[edge.parent] = max(column[edge.parent], column[edge.child] + 1)
        operands[edge.child].insert(0, edge.parent)
        users[edge.parent].insert(0, edge.child)
    columns: list[list[int]] = [[] for _ in range(max(column) + 1)]
    for node in range(count):
        columns[column[node]].append(node)
    place = [0.0] * count
    for order in columns:
        _place_in(order, place)
    for sweep in range(6):
        beside = users if sweep % 2 == 0 else operands
        for order in columns if sweep % 2 == 0 else reversed(columns):
            centre = {n: sum(place[k] for k in beside[n]) / len(beside[n]) if beside[n] else place[n] for n in order}
            order.sort(key=lambda n: (centre[n], n))
            _place_in(order, place)
    gap, between = (LABEL[0] + 44.0, 24.0) if len(trace.edges) <= LABELLED else (90.0, 18.0)
    height = max(sum(sizes[n][1] + between for n in order) for order in columns)
    boxes = [Box(0, 0, *size) for size in sizes]
    x: float = MARGIN / 2
    for order in reversed(columns):
        width = max(sizes[n][0] for n in order)
        y = (height - sum(sizes[n][1] + between for n in order) + between) / 2
        for n in order:
            boxes[n] = Box(x + (width - sizes[n][0]) / 2, y, *sizes[n])
            y += sizes[n][1] + between
        x += width + gap
    curves, labels = [], []
    for edge in trace.edges:
        a, b = boxes[edge.parent], boxes[edge.child]
        share = (edge.argument + 1) / (len(operands[edge.child]) + 1)
        start = (a.x + a.width, a.y + a.height / 2)
        tip = (b.x, b.y + b.height * min(share, 1.0))
        bend = (tip[0] - start[0]) / 2
        end = (tip[0] - 8, tip[1])
        curve = (start, (start[0] + bend, start[1]), (end[0] - bend, end[1]), end, tip)
        curves.append(curve)
        labels.append(_middle(curve) if column[edge.parent] == column[edge.child] + 1 else (tip[0] - gap / 2, tip[1]))
    return Stage(x - gap + MARGIN / 2, height, tuple(boxes), tuple(curves), tuple(labels))


def _place_in(order: Sequence[int], place: list[float]) -> None:
    """Give the nodes of a column their heights, about the middle."""
    for i, node in enumerate(order):
        place[node] = i - (len(order) - 1) / 2
