"""`step(L)`: a graph to step through, forwards and backwards, on a page that needs nothing but a browser."""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from autograd.graph import Node, topological_order
from autograd.modes import printable
from autograd.namespaces import ieee
from autograd.ops import Op
from autograd.viz.dot import dot
from autograd.viz.javascript import partial, row
from autograd.viz.narration import Narrator
from autograd.viz.picture import Picture, put
from autograd.viz.stage import LABELLED, stage
from autograd.viz.trace import Trace, excerpt
from autograd.viz.wording import facts, omission

THEMES = ("auto", "light", "dark")
STEP = 2e-4  # of a finite difference
LONGEST_RULE = 24
FALLBACK = "This player needs scripts. In a notebook: trust it, or run the cell."
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>:root {{ color-scheme: {scheme}; }} body {{ max-width: 1500px; margin: 16px auto; padding: 0 12px; }}</style>
</head>
<body>
{player}
</body>
</html>
"""  # noqa: E501


@dataclass(frozen=True)
class Player:
    """A graph with its steps: ``trace`` holds the records, ``html`` is the player as a part of a page."""

    trace: Trace
    title: str
    theme: Literal["auto", "light", "dark"]
    html: str

    def page(self) -> str:
        """The player as a page of its own, which asks for nothing from any network."""
        scheme = "light dark" if self.theme == "auto" else self.theme
        return PAGE.format(title=escape(self.title), scheme=scheme, player=self.html)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the player to a file .html, which any browser opens. Returns the path."""
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f'path is a file name, as in save("lesson.html"), not {type(path).__name__} {path!r}')
        path = Path(path)
        if path.suffix.lower() not in (".html", ".htm"):
            raise ValueError(
                f'a player is saved as .html; got {path.name!r}; for a picture write draw(L).save("L.svg")'
            )
        return put(path, lambda: self.page().encode())

    def picture(self) -> Picture:
        """The finished numbers, for where no script runs."""
        gradients: dict[int, float] = {}
        for step in self.trace.steps:
            if step.kind == "seed":
                gradients[step.node] = 1.0
            gradients |= {self.trace.edges[send.edge].parent: send.after for send in step.sends}
        nodes = [n if n.shape else replace(n, grad=gradients.get(n.id, n.grad)) for n in self.trace.nodes]
        finished = replace(self.trace, nodes=tuple(nodes))
        return Picture(finished, dot(finished))

    def __repr__(self) -> str:
        return f"Player({self.title}, {len(self.trace.steps)} steps)"

    def _repr_html_(self) -> str:
        return self.html

    def _repr_svg_(self) -> str | None:
        return self.picture()._repr_svg_()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": repr(self)}

    def _ipython_display_(self) -> None:
        """Two outputs: the finished picture, which every viewer of a notebook shows; then the player, which a page
        that runs no scripts does not. In one output the HTML would hide the picture."""
        from IPython.display import display

        picture = self.picture()._repr_mimebundle_()
        display({**picture, "text/plain": repr(self)} if "image/svg+xml" in picture else picture, raw=True)  # type: ignore[no-untyped-call]
        display(self._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]


def step(
    root: Node,
    *,
    at: str | int | None = None,
    quiz: bool = False,
    check: bool = False,
    theme: Literal["auto", "light", "dark"] = "auto",
) -> Player:
    """The run of ``root``'s graph to step through: each operation forwards, then each gradient backwards.

    >>> from autograd import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> step(a * b)
    Player(a * b, 3 steps)

    In a notebook it shows itself; ``.save("lesson.html")`` writes a page that works without Python and without a
    network. It leaves every ``grad`` as it is.

    at:    where to open: ``"e:backward"``, ``"e:forward"``, a name alone, or the number of a step from 1
    quiz:  ask for each gradient before showing it
    check: beside the gradient of each leaf the finite difference
    theme: "light", "dark", or "auto" for what the reader's system or notebook has
    """
    if theme not in THEMES:
        raise ValueError(f"theme is one of {', '.join(THEMES)}; got {theme!r}")
    shown = excerpt(root, steps=True)
    narrator = Narrator(shown)
    start = narrator.find(at)
    order = topological_order(root)
    whole = len(order) == len(shown.nodes)
    graph = _graph(shown, narrator, order if whole else [])
    graph |= {"at": min(start, len(shown.steps) - 1), "quiz": quiz}
    if check and whole and shown.nodes[-1].shape is None:
        graph["check"] = {i: _json(x) for i, x in _differences(order).items()}
    title = narrator.title(len(shown.nodes) - 1)
    rows = f"[{', '.join(graph.pop('rows'))}]"
    data = json.dumps(graph | {"title": f"the graph of {title}"}, separators=(",", ":")).replace("<", "\\u003c")
    html = (
        f'<div class="glassgrad-player" data-theme="{theme}" tabindex="0" role="application" '
        f'aria-label="{escape(f"player of {title}")}" data-lm-suppress-shortcuts="true">'
        f"<p>{FALLBACK}</p><template><style>\n{_asset('player.css')}</style></template>\n"
        f'<script type="application/json">{data}</script></div>\n'
        f"<script>(() => {{\nconst ROWS = {rows};\n{_asset('player.js')}}})();</script>"
    )
    return Player(shown, title, theme, html)


@cache
def _asset(name: str) -> str:
    """A file of the page, without its indentation and its comments, for they are sent with every player."""
    text = (files("autograd.viz") / "assets" / name).read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("//"))


def _json(x: float | None) -> float | str | None:
    """JSON knows no nan and no infinities; JavaScript's ``Number`` reads these words."""
    if x is None or math.isfinite(x):
        return int(x) if x is not None and x.is_integer() and 0 < abs(x) < 1e15 else x
    return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def _graph(shown: Trace, narrator: Narrator, order: Sequence[Node]) -> dict[str, Any]:
    """What the page gets: columns rather than records, whose names would be most of it.

    order: the nodes themselves, where all of them are shown; only then can the page compute anything anew
    """
    count = len(shown.nodes)
    names, titles = narrator.names, [narrator.title(i) for i in range(count)]
    rows = [[what.strip("|").replace("|", "") for what, _, _ in facts(node)] for node in shown.nodes]
    rows = [["norm" if shown.nodes[i].norm is not None and w == "grad" else w for w in r] for i, r in enumerate(rows)]
    place = stage(shown, titles, [len(r) for r in rows])
    functions, row_of, editable = _rows(order)
    places = sorted(range(len(shown.lines)), key=lambda i: (shown.lines[i].file, shown.lines[i].number))
    return {
        "rows": functions,
        "editable": editable and bool(order),
        "size": [round(place.width), round(place.height)],
        "labelled": LABELLED,
        "caption": omission(shown),
        "lines": [
            [f"{Path(line.file).name}:{line.number}", printable(line.text).strip()]
            for line in (shown.lines[i] for i in places)
        ],
        "nodes": {
            "kind": [node.kind for node in shown.nodes],
            "name": names,
            "title": titles,
            "op": [node.op for node in shown.nodes],
            "data": [_json(node.data) for node in shown.nodes],
            "norm": [_json(node.norm) for node in shown.nodes],
            "shape": ["" if node.shape is None else f"{node.shape} {node.dtype}" for node in shown.nodes],
            "facts": [" ".join(r) for r in rows],
            "line": [None if node.line is None else places.index(node.line) for node in shown.nodes],
            "row": row_of or [-1] * count,
            **{key: [round(getattr(box, key)) for box in place.boxes] for key in ("x", "y", "width", "height")},
        },
        "edges": {
            "parent": [edge.parent for edge in shown.edges],
            "child": [edge.child for edge in shown.edges],
            "derivative": [_json(edge.derivative) for edge in shown.edges],
            "rule": _rules(shown, names, order),
            "path": [" ".join(f"{round(x)},{round(y)}" for x, y in curve) for curve in place.curves],
            "x": [round(x) for x, _ in place.labels],
            "y": [round(y) for _, y in place.labels],
        },
        "steps": {
            "kind": [step.kind for step in shown.steps],
            "node": [step.node for step in shown.steps],
            "say": [narrator.sentence(i) for i in range(len(shown.steps))],
            "sends": [[send.edge for send in step.sends] for step in shown.steps],
        },
    }


def _rows(order: Sequence[Node]) -> tuple[list[str], list[int], bool]:
    """The operations in JavaScript, for each node which of them it is, and whether all could be written so."""
    places: dict[int, int] = {}
    functions: list[str] = []
    row_of = []
    editable = True
    for node in order:
        if node.op is not None and id(node.op) not in places:
            pair = row(node.op)
            editable = editable and pair is not None
            places[id(node.op)] = len(functions)
            functions.append("null" if pair is None else f"[{pair[0]}, {pair[1]}]")
        row_of.append(-1 if node.op is None else places[id(node.op)])
    return functions, row_of, editable


def _rules(shown: Trace, names: Sequence[str], order: Sequence[Node]) -> list[str]:
    """For each edge its derivative in the names of the operands, where that is short and says more than the number."""
    operands = shown.operands()
    rules = []
    for edge in shown.edges:
        rule = ""
        if order and edge.derivative is not None:
            xs = [names[operand.parent] for operand in operands[edge.child]]
            rule = partial(order[edge.child].op, edge.argument, names[edge.child], xs).replace("-", "−")
        bare = rule.strip("(−)").replace(".", "").isdecimal()
        rules.append("" if bare or len(rule) > LONGEST_RULE else rule)
    return rules


def _differences(order: Sequence[Node]) -> dict[int, float]:
    """For each leaf d(root)/d(leaf) by a central difference of fourth order, the forward rules computed anew."""
    place = {node: i for i, node in enumerate(order)}
    work = [
        (i, node.op, [place[parent] for parent in node.parents]) for i, node in enumerate(order) if node.op is not None
    ]

    def result(leaf: int, shift: float) -> float:
        data = [node.data for node in order]
        data[leaf] += shift
        for i, op, parents in work:
            xs = [data[k] for k in parents]
            data[i] = ieee(op.forward, *xs) if isinstance(op, Op) else op.forward(tuple(xs))
        return float(data[-1])

    found = {}
    for i, node in enumerate(order):
        if node.op is None and node.requires_grad:
            h = STEP * max(1.0, abs(node.data))
            near, far = result(i, h) - result(i, -h), result(i, 2 * h) - result(i, -2 * h)
            found[i] = (8.0 * near - far) / (12.0 * h)
    return found
