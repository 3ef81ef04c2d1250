"""A trace as DOT, the language of Graphviz: one card for each node, with what made it, its data and its gradient.

The background is transparent and everything with text on it brings its own, so that the picture reads on a light page
and on a dark one.
"""

import html
from collections.abc import Mapping
from unicodedata import east_asian_width

from autograd.viz.theme import FILLS, Theme, colours, sign_colour
from autograd.viz.trace import NodeRecord, Trace
from autograd.viz.wording import DIGITS, facts, formulas, heading, number, omission

POINTS = 13
NARROW, WIDE = " \u00a0.,:;'|!()[]fijlt", "@mwMW+=−"
CARDS = {  # shape and colour, so that neither has to be seen
    "leaf": {"style": "rounded,filled"},
    "constant": {"style": "rounded,filled,dashed"},
    "interior": {"style": "filled"},
    "root": {"style": "filled", "peripheries": "2"},
    "group": {"style": "filled", "penwidth": "2.4"},
}


def dot(
    trace: Trace, rankdir: str = "LR", derivatives: bool = True, digits: str = DIGITS, theme: Theme = "auto"
) -> str:
    """The DOT source of ``trace``; one source has one theme, so "auto" is light."""
    import graphviz

    colour = colours(theme)
    graph = graphviz.Digraph(
        "glassgrad",
        graph_attr={
            "rankdir": rankdir, "bgcolor": "transparent", "pad": "0.1", "nodesep": "0.35", "ranksep": "0.4",
            "ordering": "in",  # the first operand above the second
        },
        node_attr={"shape": "box", "margin": "0.06,0.03", "height": "0", "width": "0", "penwidth": "1.2"},
        edge_attr={"color": colour["line"], "penwidth": "1.2", "arrowsize": "0.7"},
    )  # fmt: skip
    for kind in ("graph", "node", "edge"):
        graph.attr(kind, fontname="Helvetica", fontsize=str(POINTS), fontcolor=colour["ink"])
    for node, made_by in zip(trace.nodes, formulas(trace, digits), strict=True):
        outline = colour["leaf-line" if node.kind == "leaf" else "line"]
        looks = {"fillcolor": colour[FILLS[node.kind]], "color": outline, **CARDS[node.kind]}
        graph.node(f"n{node.id}", _card(node, made_by, digits, colour), **looks)
        if node.hidden:
            more = f"more{node.id}"
            graph.node(more, _chip(f"{node.hidden:,} more", colour), shape="plain")
            graph.edge(more, f"n{node.id}", style="dashed")
    for edge in trace.edges:
        label = None
        if derivatives and edge.derivative is not None:
            label = _chip(f"∂ = {number(edge.derivative, digits)}", colour, sign_colour(colour, edge.derivative))
        graph.edge(f"n{edge.parent}", f"n{edge.child}", label)
    if caption := omission(trace):
        graph.attr("graph", label=_chip(caption, colour), labelloc="b")
    return str(graph.source)


def _width(text: str, bold: bool) -> int:
    """Room for ``text``, in points, also in the wide fonts that some readers have in place of Helvetica.

    Graphviz knows the letters of Helvetica only; the rest (a Chinese label, a minus sign) it has to guess.
    """
    ems = sum(1.0 if c in WIDE or east_asian_width(c) in "WF" else 0.36 if c in NARROW else 0.63 for c in text)
    return round((1.12 if bold else 1.0) * ems * POINTS)


def _escape(text: str) -> str:
    """``text`` as Graphviz shall show it: not a tag, and not ``\\N``, which it replaces by the name of the node."""
    return html.escape(text).replace("\\", "\\\\")


def _line(*runs: tuple[str, str], bold: bool = False, attributes: str = 'ALIGN="LEFT"') -> str:
    """A row of a table with one cell, which holds runs of (text, colour)."""
    width = _width("".join(text for text, _ in runs), bold)
    text = "".join(f'<FONT COLOR="{colour}">{_escape(text)}</FONT>' for text, colour in runs)
    text = f"<B>{text}</B>" if bold else text
    return f'<TR><TD WIDTH="{width}" {attributes}>{text}</TD></TR>'


def _chip(text: str, colour: Mapping[str, str], ink: str = "") -> str:
    """A line of text on a ground of its own."""
    line = _line((text, ink or colour["quiet"]), attributes=f'BGCOLOR="{colour["ground"]}" STYLE="ROUNDED"')
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="2">{line}</TABLE>>'


def _card(node: NodeRecord, made_by: str, digits: str, colour: Mapping[str, str]) -> str:
    """A node's heading, and below it a line for each fact."""
    title = heading(node, made_by, digits)
    lines = [_line((title, colour["ink"]), bold=True)] if title else []
    for what, text, signed in facts(node, digits):
        lines.append(_line((f"{what}\u00a0\u00a0", colour["quiet"]), (text, sign_colour(colour, signed))))
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3">{"".join(lines)}</TABLE>>'
