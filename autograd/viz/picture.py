"""`draw(L)`: a graph as a picture that shows itself in a notebook and saves itself to a file."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from autograd.graph import Node
from autograd.viz.dot import dot
from autograd.viz.layout import render
from autograd.viz.text import tree_of
from autograd.viz.trace import Trace, excerpt, lens
from autograd.viz.wording import formulas, heading, omission

DIRECTIONS = ("LR", "TB", "RL", "BT")


@dataclass(frozen=True)
class Picture:
    """A drawn graph: ``dot`` is its source for Graphviz, ``trace`` the records behind it."""

    trace: Trace
    dot: str

    def svg(self) -> str:
        """The picture as an ``<svg>`` element, complete in itself; `LayoutError` where there is no Graphviz.

        Graphviz's own output, less what a page does not want (its prolog, ids that would collide with another
        picture's), with plain numbers for the size, and for each node a tooltip with all digits.
        """
        svg = render(self.dot, "svg").decode()
        svg = re.sub(r"<!--.*?-->\n?", "", svg[svg.index("<svg") :], flags=re.DOTALL)
        label = escape(self._summary())
        svg = re.sub(
            r'<svg width="([\d.]+)pt" height="([\d.]+)pt"',
            lambda size: f'<svg role="img" aria-label="{label}" width="{size[1]}" height="{size[2]}"',
            svg,
            count=1,
        )
        svg = re.sub(r'<g id="[^"]*"', "<g", svg)
        tooltips = self._tooltips()
        return re.sub(r"<title>(.*?)</title>\n?", lambda title: tooltips.get(title[1], ""), svg)

    def png(self) -> bytes:
        """The picture as a PNG with a transparent ground, two dots for each point."""
        return render(self.dot, "png", "-Gdpi=144")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture in the form that the name asks for: .svg, .png, .dot or .gv. Returns the path."""
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f'path is a file name, as in save("graph.svg"), not {type(path).__name__} {path!r}')
        path, source = Path(path), self.dot.encode
        forms = {".svg": lambda: self.svg().encode(), ".png": self.png, ".dot": source, ".gv": source}
        if path.suffix.lower() not in forms:
            raise ValueError(f"a graph is saved as .svg, .png, .dot or .gv; got {path.name!r}")
        return put(path, forms[path.suffix.lower()])

    def _summary(self) -> str:
        result = heading(self.trace.nodes[-1], formulas(self.trace)[-1]) or "a leaf"
        total = self.trace.total
        size = "1 node" if total == 1 else f"{total} nodes"
        return f"the graph of {result}, {omission(self.trace) or size}"

    def _tooltips(self) -> dict[str, str]:
        """For each node, by its name in the DOT source, a title with all digits."""
        tooltips = {}
        for node, made_by in zip(self.trace.nodes, formulas(self.trace), strict=True):
            numbers = {"data": node.data, "grad": node.grad, "|grad|": node.norm if node.grad is None else None}
            lines = [heading(node, made_by), *(f"{what} {x!r}" for what, x in numbers.items() if x is not None)]
            text = escape("\n".join(lines).strip())
            tooltips[f"n{node.id}"] = f"<title>{text}</title>\n"
        return tooltips

    def __repr__(self) -> str:
        return f"Picture({self._summary()})"

    def _repr_svg_(self) -> str | None:
        return self._repr_mimebundle_().get("image/svg+xml")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """SVG and text. No HTML: it would hide the SVG wherever a notebook is shown without being run."""
        try:
            return {"image/svg+xml": self.svg(), "text/plain": repr(self)}
        except Exception as error:  # a display that raises covers the page with a traceback
            return {"text/plain": f"{tree_of(self.trace)}\n(no picture: {error})"}


def draw(
    root: Node,
    *,
    rankdir: str = "LR",
    derivatives: bool = True,
    max_nodes: int | None = None,
    around: Node | None = None,
    up: int = 2,
    down: int = 2,
    path: Sequence[Node] = (),
) -> Picture:
    """The graph that ``root`` was made from, as a `Picture`.

    >>> from autograd import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> draw(a * b)
    Picture(the graph of a * b, 3 nodes)

    One card for each node: its name and what made it, its data and its gradient ("–" before `backward`); rounded
    for a leaf, dashed for a constant, a double border for the result. Orange is negative, blue is positive.

    rankdir:     where the computation runs: "LR" from left to right, "TB" from top to bottom, "RL", "BT"
    derivatives: write on each edge the local derivative, the factor of the chain rule
    max_nodes:   draw only so many, those nearest the root; without it, all of up to 400, and 30 of a larger graph
    around:      draw only what is near this node: ``up`` operations towards the leaves, ``down`` towards the result
    path:        a pair of nodes: draw only what lies between the first and the second

    Displays itself in a notebook; ``.save("graph.svg")``, also .png and .dot; ``.svg()``, ``.png()``, ``.dot``.
    The layout is Graphviz's: without it, .dot and the text of `tree` are what is left.
    """
    if rankdir not in DIRECTIONS:
        raise ValueError(f"rankdir is one of {', '.join(DIRECTIONS)}; got {rankdir!r}")
    shown = excerpt(root, max_nodes) if around is None and not path else lens(root, around, up, down, path)
    return Picture(shown, dot(shown, rankdir, derivatives))


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


def display_bundle(node: Node) -> dict[str, str]:
    """What a notebook shows for ``node`` itself: its picture, or for a lone leaf its text. Never raises."""
    if not node.parents:
        return {"text/plain": repr(node)}
    try:
        bundle = draw(node)._repr_mimebundle_()
        return {**bundle, "text/plain": repr(node)} if "image/svg+xml" in bundle else bundle
    except Exception as error:
        return {"text/plain": f"{node!r}\n(no picture: {error})"}
