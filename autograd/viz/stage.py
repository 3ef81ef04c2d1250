"""Where the cards and the edges of a player stand: laid out once, for all steps."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from unicodedata import east_asian_width

from autograd.viz.layout import LayoutError, engine, render
from autograd.viz.trace import Trace

EM = 8.0  # of the 13 px headings, in bold
LINE, MARGIN = 18, 8
NARROWEST = 130  # a card has room for "grad −1.234e−05" from the start: numbers change, cards do not
LABEL = (98, 30)
MOST_STOPS = 3_000  # of long edges; with more, these run behind the cards
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


def stage(
    trace: Trace, titles: Sequence[str], rows: Sequence[int], widths: Sequence[float] = (), by_graphviz: bool = True
) -> Stage:
    """Places for the nodes of ``trace``, with ``titles`` above so many ``rows`` of facts: Graphviz's, or our own.

    widths: what the facts of each node need, where that may be more than a heading does
    """
    sizes = [
        (max(NARROWEST if row else 0, _width(title) + 2 * MARGIN, least), (bool(title) + row) * LINE + MARGIN)
        for title, row, least in zip(titles, rows, widths or [0.0] * len(rows), strict=True)
    ]
    if by_graphviz and engine() is not None:
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


def _layered(trace: Trace, sizes: Sequence[tuple[float, float]]) -> Stage:
    """Columns by the longest path to the result, in each the order that a few barycentre sweeps find.

    An edge that is longer than from one column to the next has a stop in each between, so that it passes the cards.
    """
    count = len(trace.nodes)
    column = [0] * count
    for edge in reversed(trace.edges):  # a node comes after its operands, so its column is final here
        column[edge.parent] = max(column[edge.parent], column[edge.child] + 1)
    labelled = len(trace.edges) <= LABELLED
    gap, between = (LABEL[0] + 44.0, 24.0) if labelled else (90.0, 18.0)
    sizes = list(sizes)
    ways: list[list[int]] = []  # for each edge the parent, the stops, the child
    has_stops = sum(column[edge.parent] - column[edge.child] for edge in trace.edges) <= MOST_STOPS
    for edge in trace.edges:
        crossed = range(column[edge.parent] - 1, column[edge.child], -1) if has_stops else ()
        ways.append([edge.parent, *range(len(sizes), len(sizes) + len(crossed)), edge.child])
        sizes += [(0.0, LABEL[1] if labelled else 0.0)] * len(crossed)
        column += crossed
    operands: list[list[int]] = [[] for _ in sizes]
    users: list[list[int]] = [[] for _ in sizes]
    for parent, child in (pair for way in ways for pair in pairwise(way)):
        operands[child].append(parent)
        users[parent].append(child)
    columns: list[list[int]] = [[] for _ in range(max(column) + 1)]
    for node in range(len(sizes)):
        columns[column[node]].append(node)
    place = [0.0] * len(sizes)
    for order in columns:
        _place_in(order, place)
    for sweep in range(6):
        beside = users if sweep % 2 == 0 else operands
        for order in columns if sweep % 2 == 0 else reversed(columns):
            centre = {n: sum(place[k] for k in beside[n]) / len(beside[n]) if beside[n] else place[n] for n in order}
            order.sort(key=lambda n: (centre[n], n))
            _place_in(order, place)
    height = max(sum(sizes[n][1] + between for n in order) for order in columns)
    boxes = [Box(0, 0, *size) for size in sizes]
    x: float = MARGIN / 2
    for order in reversed(columns):
        width = max(sizes[n][0] for n in order)
        y = (height - sum(sizes[n][1] + between for n in order) + between) / 2
        for n in order:
            wide = sizes[n][0] if n < count else width
            boxes[n] = Box(x + (width - wide) / 2, y, wide, sizes[n][1])
            y += sizes[n][1] + between
        x += width + gap
    curves, labels = [], []
    into = trace.operands()
    for edge, way in zip(trace.edges, ways, strict=True):
        share = min(1.0, (edge.argument + 1) / (len(into[edge.child]) + 1))
        tip = (boxes[edge.child].x, boxes[edge.child].y + boxes[edge.child].height * share)
        curve: list[Point] = []
        for n in way[:-1]:
            left, right, y = boxes[n].x, boxes[n].x + boxes[n].width, boxes[n].y + boxes[n].height / 2
            curve += (
                [*_bend(curve[-1], (left, y)), (left, y), (left, y), (right, y), (right, y)] if curve else [(right, y)]
            )
        end = (tip[0] - 8, tip[1])
        curve += [*_bend(curve[-1], end), end]
        labels.append(_middle(curve[-4:]))
        curves.append((*curve, tip))
    return Stage(x - gap + MARGIN / 2, height, tuple(boxes[:count]), tuple(curves), tuple(labels))


def _bend(start: Point, end: Point) -> tuple[Point, Point]:
    """The control points of a curve that is level at both ends."""
    middle = (start[0] + end[0]) / 2
    return (middle, start[1]), (middle, end[1])


def _middle(curve: Sequence[Point]) -> Point:
    a, b, c, d = curve
    return (a[0] + 3 * b[0] + 3 * c[0] + d[0]) / 8, (a[1] + 3 * b[1] + 3 * c[1] + d[1]) / 8


def _place_in(order: Sequence[int], place: list[float]) -> None:
    """Give the nodes of a column their heights, about the middle."""
    for i, node in enumerate(order):
        place[node] = i - (len(order) - 1) / 2
