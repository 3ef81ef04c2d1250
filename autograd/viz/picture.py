"""`draw(L)`: a graph as a picture that shows itself in a notebook and saves itself to a file."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from autograd.graph import Node
from autograd.hints import instead, usage
from autograd.viz.dot import dot
from autograd.viz.layout import LayoutError, render
from autograd.viz.mermaid import mermaid
from autograd.viz.page import page
from autograd.viz.records import to_json
from autograd.viz.svg import still, tooltip
from autograd.viz.text import tree_of
from autograd.viz.theme import Theme, adaptive, colours
from autograd.viz.trace import Trace
from autograd.viz.view import Level, view
from autograd.viz.wording import DIGITS, checked_digits, formulas, heading, omission
from autograd.written import written

DIRECTIONS = ("LR", "TB", "RL", "BT")


@dataclass(frozen=True)
class Picture:
    """A drawn graph: ``trace`` holds the records behind it; the rest is as in `draw`."""

    trace: Trace
    rankdir: str = "LR"
    derivatives: bool = True
    format: str = DIGITS
    theme: Theme = "auto"

    @property
    def dot(self) -> str:
        """The picture in the language of Graphviz."""
        return dot(self.trace, self.rankdir, self.derivatives, self.format, self.theme)

    @property
    def mermaid(self) -> str:
        """The picture as a Mermaid flowchart, which GitHub draws between ```` ```mermaid ```` and ```` ``` ````."""
        return mermaid(self.trace, self.rankdir, self.derivatives, self.format)

    def svg(self) -> str:
        """The picture as an ``<svg>`` element, complete in itself.

        Graphviz's own output, less what a page does not want (its prolog, ids that would collide with another
        picture's), with plain numbers for the size, and for each node a tooltip with all digits. Where there is no
        Graphviz, or it fails, a picture of our own, from left to right.
        """
        try:
            svg = render(self.dot, "svg").decode()
        except LayoutError:
            return still(self.trace, self._titles(), self._summary(), self.theme, self.derivatives, self.format)
        svg = re.sub(r"<!--.*?-->\n?", "", svg[svg.index("<svg") :], flags=re.DOTALL)
        attributes = f'class="glassgrad-{self.theme}" role="img" aria-label="{escape(self._summary())}"'
        svg = re.sub(
            r'<svg width="([\d.]+)pt" height="([\d.]+)pt"',
            lambda size: f'<svg {attributes} width="{size[1]}" height="{size[2]}"',
            svg,
            count=1,
        )
        svg = re.sub(r'<g id="[^"]*"', "<g", svg)
        tips = {
            f"n{node.id}": tooltip(title, node) for title, node in zip(self._titles(), self.trace.nodes, strict=True)
        }
        svg = re.sub(r"<title>(.*?)</title>\n?", lambda title: tips.get(title[1], ""), svg)
        return svg.replace(">\n", f">\n<style>{adaptive(svg)}</style>\n", 1) if self.theme == "auto" else svg

    def png(self) -> bytes:
        """The picture as a PNG with a transparent ground, two dots for each point."""
        return render(self.dot, "png", "-Gdpi=144")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture in the form that the name asks for. Returns the path.

        .svg, .png  the picture
        .html       a page with the picture and a table of its nodes, which asks for nothing from any network
        .mmd        a Mermaid flowchart, which GitHub draws
        .dot, .gv   Graphviz's language
        .txt        the text of `tree`
        .json       ``trace``, the records, for `from_json` to read
        """
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f'path is a file name, as in save("graph.svg"), not {type(path).__name__} {path!r}')
        path = Path(path)
        form = FORMS.get(path.suffix.lower())
        if form is None:
            raise ValueError(f"a graph is saved as {', '.join(FORMS)}; got {path.name!r}")
        return put(path, lambda: form(self))

    def _titles(self) -> list[str]:
        made_by = formulas(self.trace, self.format)
        return [heading(node, by, self.format) for node, by in zip(self.trace.nodes, made_by, strict=True)]

    def _summary(self) -> str:
        total = self.trace.total
        size = "1 node" if total == 1 else f"{total} nodes"
        return f"the graph of {self._titles()[-1] or 'a leaf'}, {omission(self.trace) or size}"

    def __repr__(self) -> str:
        return written(f"Picture({self._summary()})")

    def _repr_svg_(self) -> str | None:
        return self._repr_mimebundle_().get("image/svg+xml")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """SVG and text. No HTML: it would hide the SVG wherever a notebook is shown without being run."""
        try:
            return {"image/svg+xml": self.svg(), "text/plain": repr(self)}
        except Exception as error:  # a display that raises covers the page with a traceback
            return {"text/plain": f"{tree_of(self.trace, digits=self.format)}\n(no picture: {error})"}


FORMS: dict[str, Callable[[Picture], bytes]] = {
    ".svg": lambda picture: picture.svg().encode(),
    ".png": Picture.png,
    ".html": lambda picture: page(
        picture.svg(), picture.trace, picture._summary(), picture.theme, picture.format
    ).encode(),
    ".mmd": lambda picture: picture.mermaid.encode(),
    ".dot": lambda picture: picture.dot.encode(),
    ".gv": lambda picture: picture.dot.encode(),
    ".txt": lambda picture: f"{tree_of(picture.trace, digits=picture.format)}\n".encode(),
    ".json": lambda picture: to_json(picture.trace).encode(),
}


@usage("draw(loss)")
def draw(
    root: Node,
    *,
    rankdir: str | None = None,
    derivatives: bool = True,
    format: str = DIGITS,
    theme: Theme = "auto",
    group: Level | None = None,
    sample: int | None = None,
    max_nodes: int | None = None,
    around: Node | None = None,
    up: int | None = None,
    down: int | None = None,
    path: Sequence[Node] = (),
) -> Picture:
    """The graph that ``root`` was made from, as a `Picture`.

    >>> from autograd import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> draw(a * b)
    Picture(the graph of a * b, 3 nodes)

    One card for each node: its name and what made it, its data and its gradient ("–" before `backward`); rounded
    for a leaf, dashed for a constant, a double border for the result. Orange is negative, blue is positive. A mark says
    what ails a node or a card: "not finite"; "exploding", with a gradient above 1,000, and "vanishing", with one below
    1e-8; "dead", where relu gives 0 for all examples, "off" for one; "saturated", where tanh or sigmoid is flat. Its
    tooltip says why.

    rankdir:     where the computation runs: "LR" from left to right, "TB" from top to bottom, "RL", "BT";
                 None for "TB" if it is a long row of cards for many nodes, else "LR"
    derivatives: write on each edge the local derivative, the factor of the chain rule
    format:      how numbers are written, as after the colon in f"{x:.2f}"; all their digits are in the tooltips
    theme:       "light", "dark", or "auto" for what the reader's system has; .png and .dot have one, "auto" is light
    group:       "neuron", "layer" or "model" puts what a module or a `scope` block made on one card, and what a line of
                 the program made outside of these, with the least, the median and the greatest of its numbers; so do
                 graphs of more than 400 nodes by themselves. "scalar": single nodes, of a larger graph those nearest
                 the root
    sample:      draw only what belongs to this call of the model, counted from 0: ``sample=17`` for the 18th example;
                 with ``around`` or ``path`` a lens on it
    max_nodes:   draw only so many single nodes, those nearest the root
    around:      draw only what is near this node: ``up`` operations towards the leaves, ``down`` towards the result,
                 2 of each unless told
    path:        a pair of nodes: draw only what lies between the first and the second

    Displays itself in a notebook; ``.save("graph.svg")`` and in seven other forms; ``.svg()``, ``.dot``, ``.mermaid``.
    The layout is Graphviz's. Without it there is a simpler one of our own, from left to right, and no .png.
    """
    if rankdir not in (None, *DIRECTIONS):
        raise ValueError(f"rankdir is one of {', '.join(DIRECTIONS)}; got {rankdir!r}")
    digits = checked_digits(format)
    colours(theme)
    shown = view(root, group=group, sample=sample, around=around, up=up, down=down, path=path, max_nodes=max_nodes)
    return Picture(shown, rankdir or _direction(shown), derivatives, digits, theme)


def _direction(trace: Trace) -> str:
    """From top to bottom where a row of cards for many nodes would be wider than a page, else from left to right."""
    depth = [1] * len(trace.nodes)
    for edge in trace.edges:
        depth[edge.child] = max(depth[edge.child], depth[edge.parent] + 1)
    is_row = max(depth) > 4 and max(map(depth.count, depth)) <= 4
    return "TB" if is_row and any(node.group for node in trace.nodes) else "LR"


def put(path: Path, content: Callable[[], bytes]) -> Path:
    """Write ``content`` to ``path``: whoever reads it meanwhile sees the old file or the new one, never half of one."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(path.parent)!r}; make it before you save {path.name!r}")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


instead(
    Picture,
    {"show display view plot render": 'write picture.save("graph.svg"), or end a cell of a notebook in the picture'},
)


def display_bundle(node: Node) -> dict[str, str]:
    """What a notebook shows for ``node`` itself: its picture, or for a lone leaf its text. Never raises."""
    if not node.parents:
        return {"text/plain": repr(node)}
    try:
        bundle = draw(node)._repr_mimebundle_()
        return {**bundle, "text/plain": repr(node)} if "image/svg+xml" in bundle else bundle
    except Exception as error:
        return {"text/plain": f"{node!r}\n(no picture: {error})"}
