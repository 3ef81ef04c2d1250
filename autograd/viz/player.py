"""`step(L)`: a graph to step through, forwards and backwards, on a page that needs nothing but a browser, or in a
terminal."""

import json
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, TextIO

from autograd.graph import Node, topological_order
from autograd.modes import printable
from autograd.namespaces import ieee
from autograd.ops import OPS, Op
from autograd.viz.javascript import row
from autograd.viz.narration import Narrator, gradients
from autograd.viz.page import document
from autograd.viz.picture import Picture, put
from autograd.viz.records import in_words
from autograd.viz.stage import LABELLED, MARGIN, Stage, stage
from autograd.viz.terminal import TextPlayer, at_a_keyboard, is_dropped
from autograd.viz.theme import Theme, check_theme
from autograd.viz.trace import NodeRecord, Trace
from autograd.viz.view import Level, view
from autograd.viz.wording import facts, number, omission, one_line
from autograd.written import written

STEP = 2e-4  # of a finite difference
LONGEST, DIGIT = 10, 7.5  # of a number that a card has room for: −1.234e−05
FALLBACK = "This player needs scripts. In a notebook: trust it, or run the cell."


@dataclass(frozen=True)
class Player:
    """A graph with its steps, for a page and for a terminal.

    trace:       the records
    start:       the step to open at, from 0
    quiz:        whether to ask for each gradient before showing it
    ops:         what made each node; nothing where not all nodes are in the trace
    differences: the finite difference of each leaf by id, where one is to stand beside the gradient
    """

    trace: Trace
    start: int
    quiz: bool
    ops: Sequence[Any]
    differences: Mapping[int, float]
    theme: Theme

    @cached_property
    def title(self) -> str:
        """The result, with what made it."""
        return Narrator(self.trace).title(len(self.trace.nodes) - 1)

    @cached_property
    def html(self) -> str:
        """The player as a part of a page."""
        words = Narrator(self.trace)
        graph = _content(
            self.trace, words, placed(self.trace, words), self.ops, self.differences, self.start, self.quiz
        )
        rows = f"[{', '.join(graph.pop('rows'))}]"
        data = json.dumps(graph, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
        return (
            f'<div class="glassgrad-player" data-theme="{self.theme}" tabindex="0" role="application" '
            f'aria-label="{escape(f"player of {self.title}")}" data-lm-suppress-shortcuts="true">'
            f"<p>{FALLBACK}</p><template><style>\n{asset('player.css')}</style></template>\n"
            f'<script type="application/json">{data}</script></div>\n'
            f"<script>(() => {{\nconst ROWS = {rows};\n{asset('player.js')}mount(document);\n}})();</script>"
        )

    def play(
        self,
        *,
        input: Callable[[str], str] | None = None,
        output: TextIO | None = None,
        color: bool | None = None,
    ) -> None:
        """Step in the terminal, by one line of input for each step; ``?`` lists what can be typed.

        Each step is a table of the nodes (gradients "–" until they arrive), the line of the program, and the step in
        words. Where nobody can type, all steps are written one after the other.

        input:  asks for a line, as Python's own `input` does, which it is by default
        output: where to write; standard output by default
        color:  by default only on a terminal, unless NO_COLOR is set or TERM is "dumb"
        """
        TextPlayer(self.trace, self.start, self.quiz, self.differences, input, output, color).run()

    def page(self) -> str:
        """The player as a page of its own, which asks for nothing from any network."""
        return document(self.title, self.html, self.theme, scripts=True)

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
        """The finished numbers, for where no script runs; with a quiz no gradients, which are its answers."""
        found = gradients(self.trace)
        nodes = [n if n.shape else replace(n, grad=found.get(n.id, n.grad)) for n in self.trace.nodes]
        if self.quiz:
            nodes = [replace(n, grad=None, norm=None, health="") for n in nodes]
        finished = replace(self.trace, nodes=tuple(nodes))
        return Picture(finished, theme=self.theme)

    def __repr__(self) -> str:
        return written(f"Player({self.title}, {len(self.trace.steps)} steps)")

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

        if at_a_keyboard():
            display({"text/plain": repr(self)}, raw=True)  # type: ignore[no-untyped-call]
            return
        picture = self.picture()._repr_mimebundle_()
        display({**picture, "text/plain": repr(self)} if "image/svg+xml" in picture else picture, raw=True)  # type: ignore[no-untyped-call]
        display(self._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]


def step(
    root: Node,
    *,
    at: str | int | None = None,
    group: Level | None = None,
    sample: int | None = None,
    around: Node | None = None,
    up: int | None = None,
    down: int | None = None,
    path: Sequence[Node] = (),
    max_nodes: int | None = None,
    optimizer: Any = None,
    quiz: bool = False,
    check: bool = False,
    theme: Theme = "auto",
) -> Player:
    """The run of ``root``'s graph to step through: each operation forwards, then each gradient backwards.

    >>> from autograd import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> step(a * b)
    Player(a * b, 3 steps)

    In a notebook it shows itself. In a terminal, ``step(L)`` on a line of its own is a player for the keyboard, and
    ``step(L).play()`` is one anywhere. ``.save("lesson.html")`` writes a page that works without Python and without a
    network. It leaves every number and every ``grad`` as it is.

    at:        where to open: ``"e:backward"``, ``"e:forward"``, ``"w:update"``, a name alone, ``"seed"``,
               ``"backward"``, ``"update"``, or the number of a step from 1
    group:     "neuron", "layer" or "model": a card for each, and a step for each in both passes; so is a graph of more
               than 400 nodes by itself
    sample, around, up, down, path, max_nodes: the part to step through, as in `draw`; of other operations is told only
               what they send into it
    optimizer: one of `nn`'s: show its step too, as it would follow `zero_grad` and this backward pass
    quiz:      ask for each gradient before showing it
    check:     beside the gradient of each leaf the finite difference
    theme:     "light", "dark", or "auto" for what the reader's system or notebook has
    """
    check_theme(theme)
    shown = view(
        root, group=group, sample=sample, around=around, up=up, down=down, path=path, max_nodes=max_nodes,
        steps=True, optimizer=optimizer,
    )  # fmt: skip
    start = Narrator(shown).find(at)
    player = Player(shown, start, quiz, *_recomputable(root, shown, check), theme)
    if at_a_keyboard() and is_dropped(sys._getframe(1)):
        player.play()
    return player


@cache
def asset(name: str) -> str:
    """A file of the page, without its indentation and its comments, for they are sent with every player."""
    text = (files("autograd.viz") / "assets" / name).read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("//"))


def _json(x: float | None) -> float | str | None:
    """JSON knows no nan and no infinities; JavaScript's ``Number`` reads these words."""
    if x is None or math.isfinite(x):
        return int(x) if x is not None and x.is_integer() and 0 < abs(x) < 1e15 else x
    return in_words(x)


def content(
    root: Node, shown: Trace, narrator: Narrator, place: Stage, *, at: int, quiz: bool, check: bool
) -> dict[str, Any]:
    """What a page shows of ``root``, with words of JSON only; ``at`` is the index of the step to open at."""
    return _content(shown, narrator, place, *_recomputable(root, shown, check), at, quiz)


def _content(
    shown: Trace,
    narrator: Narrator,
    place: Stage,
    ops: Sequence[Any],
    differences: Mapping[int, float],
    at: int,
    quiz: bool,
) -> dict[str, Any]:
    graph = _graph(shown, narrator, ops, place)
    graph |= {"at": min(at, len(shown.steps) - 1), "quiz": quiz}
    graph |= {"title": f"the graph of {narrator.title(len(shown.nodes) - 1)}"}
    if differences:
        graph["check"] = {i: _json(x) for i, x in differences.items()}
    return graph


def _recomputable(root: Node, shown: Trace, check: bool) -> tuple[Sequence[Any], Mapping[int, float]]:
    """What made each node, and if asked for the finite differences; nothing where not all nodes are shown."""
    order = topological_order(root)
    if len(order) != len(shown.nodes) or any(node.group for node in shown.nodes):
        return (), {}
    return [node.op for node in order], _differences(order) if check and shown.nodes[-1].shape is None else {}


def placed(shown: Trace, narrator: Narrator) -> Stage:
    """Where everything stands in the page."""
    lines = [_lines(node) for node in shown.nodes]
    titles = [narrator.title(i) for i in range(len(lines))]
    return stage(shown, titles, [len(here) for here in lines], [_needed(here) for here in lines])


def _needed(lines: Mapping[str, str]) -> float:
    """How wide a card must be for its lines; the page puts the numbers in the same column."""
    column = max([46.0, *(14 + 7.4 * len(what) for what in lines)])
    return max([0.0, *(column + DIGIT * max(LONGEST, len(text)) + MARGIN for text in lines.values())])


def _lines(node: NodeRecord) -> dict[str, str]:
    """What stands below the heading of a card; "" for the numbers that change with the steps."""
    lines = {}
    for what, text, _ in facts(node):
        if what == "grad" and node.norm is not None:
            what, text = "|grad|", number(node.norm)
        lines[what] = "" if what in ("data", "grad") and node.group is None else text
    return lines


def _graph(shown: Trace, narrator: Narrator, ops: Sequence[Any], place: Stage) -> dict[str, Any]:
    """What the page gets: columns rather than records, whose names would be most of it.

    ops: what made the nodes, where all of them are shown; only then can the page compute anything anew
    """
    count = len(shown.nodes)
    names, titles = narrator.names, [narrator.title(i) for i in range(count)]
    lines = [_lines(node) for node in shown.nodes]
    fixed = [{what: text for what, text in here.items() if text} for here in lines]
    functions, row_of, editable = _rows(ops)
    sources = list(dict.fromkeys(line.file for line in shown.lines))
    places = sorted(range(len(shown.lines)), key=lambda i: (sources.index(shown.lines[i].file), shown.lines[i].number))
    return {
        "rows": functions,
        "editable": editable and bool(ops),
        "size": [round(place.width), round(place.height)],
        "labelled": LABELLED,
        "caption": omission(shown),
        "lines": [[one_line(shown.lines[i].place), printable(shown.lines[i].text).strip()] for i in places],
        "nodes": {
            "kind": [node.kind for node in shown.nodes],
            "name": names,
            "title": titles,
            "op": [node.op for node in shown.nodes],
            "data": [_json(node.data) for node in shown.nodes],
            "facts": {i: " ".join(here) for i, here in enumerate(lines) if " ".join(here) != "data grad"},
            "fixed": {i: texts for i, texts in enumerate(fixed) if texts},
            "health": {node.id: node.health for node in shown.nodes if node.health},
            "line": [None if node.line is None else places.index(node.line) for node in shown.nodes],
            "selects": [node.id for node in shown.nodes if node.op in OPS and OPS[node.op].selects],
            "row": row_of or [-1] * count,
            **{key: [round(getattr(box, key)) for box in place.boxes] for key in ("x", "y", "width", "height")},
        },
        "edges": {
            "parent": [edge.parent for edge in shown.edges],
            "child": [edge.child for edge in shown.edges],
            "derivative": [_json(edge.derivative) for edge in shown.edges],
            "rule": [narrator.rule(edge) for edge in shown.edges],
            "path": [" ".join(f"{round(x)},{round(y)}" for x, y in curve) for curve in place.curves],
            "x": [round(x) for x, _ in place.labels],
            "y": [round(y) for _, y in place.labels],
        },
        "steps": {
            "kind": [step.kind for step in shown.steps],
            "node": [step.node for step in shown.steps],
            "say": [narrator.sentence(i) for i in range(len(shown.steps))],
            "sends": [[send.edge for send in step.sends] for step in shown.steps],
            "arrivals": {
                i: [[come.node, _json(come.contribution), _json(come.after)] for come in step.arrivals]
                for i, step in enumerate(shown.steps)
                if step.arrivals
            },
            "update": {
                i: [_json(step.update.after), step.update.rate]
                for i, step in enumerate(shown.steps)
                if step.update is not None
            },
        },
    }


def _rows(ops: Sequence[Any]) -> tuple[list[str], list[int], bool]:
    """The operations in JavaScript, for each node which of them it is, and whether all could be written so."""
    places: dict[int, int] = {}
    functions: list[str] = []
    row_of = []
    editable = True
    for op in ops:
        if op is not None and id(op) not in places:
            pair = row(op)
            editable = editable and pair is not None
            places[id(op)] = len(functions)
            functions.append("null" if pair is None else f"[{pair[0]}, {pair[1]}]")
        row_of.append(-1 if op is None else places[id(op)])
    return functions, row_of, editable


def computed(op: Any, xs: tuple[float, ...]) -> Any:
    """What an operation makes of numbers, as in the forward pass."""
    return ieee(op.forward, *xs) if isinstance(op, Op) else op.forward(xs)


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
            data[i] = computed(op, tuple([data[k] for k in parents]))
        return float(data[-1])

    found = {}
    for i, node in enumerate(order):
        if node.op is None and node.requires_grad:
            h = STEP * max(1.0, abs(node.data))
            near, far = result(i, h) - result(i, -h), result(i, 2 * h) - result(i, -2 * h)
            found[i] = (8.0 * near - far) / (12.0 * h)
    return found
