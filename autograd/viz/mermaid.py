"""A trace as a Mermaid flowchart, which GitHub draws in Markdown.

Cards are light with dark text, so that they read in a light theme and in a dark one.
"""

import json
import re

from autograd.viz.theme import colours
from autograd.viz.trace import NodeRecord, Trace
from autograd.viz.wording import DIGITS, facts, formulas, heading, number, omission, one_line

MOST_EDGES, MOST_CHARACTERS = 500, 50_000  # what Mermaid draws where nobody configured it, as on GitHub
SHAPES = {"leaf": '("{}")', "constant": '("{}")', "interior": '["{}"]', "root": '[["{}"]]', "group": '["{}"]'}
LIGHT = colours("light")
CLASSES = {  # with "Card" behind, for "root" is a class of Mermaid's own
    "leaf": f"fill:{LIGHT['leaf']},stroke:{LIGHT['leaf-line']}",
    "constant": f"fill:{LIGHT['page']},stroke:{LIGHT['line']},stroke-dasharray:4 3",
    "interior": f"fill:{LIGHT['ground']},stroke:{LIGHT['line']}",
    "root": f"fill:{LIGHT['ground']},stroke:{LIGHT['ink']},stroke-width:2px",
    "group": f"fill:{LIGHT['ground']},stroke:{LIGHT['line']},stroke-width:3px",
    "more": f"fill:{LIGHT['ground']},stroke:none",
}
CODED = re.compile(r"""[!"#$%&'*+:;<>?@[\\\]^_`{|}~-]|(?<!\d)\.|\.(?!\d)|(?<=\d)\)""")
WORDS = re.compile(r"(?<=\\)(?=n)|(?<=\$)(?=\$)|(?<=:)(?=fa-)")  # a new line, a formula, an icon


def mermaid(trace: Trace, rankdir: str = "LR", derivatives: bool = True, digits: str = DIGITS) -> str:
    """The chart of ``trace``; `ValueError` where it would be larger than what Mermaid draws."""
    lines = [f"flowchart {rankdir}"]
    lines += [f"classDef {kind}Card {style},color:{LIGHT['ink']}" for kind, style in CLASSES.items()]
    arrows = []
    for node, made_by in zip(trace.nodes, formulas(trace, digits), strict=True):
        lines.append(f"n{node.id}{SHAPES[node.kind].format(_card(node, made_by, digits))}:::{node.kind}Card")
        if node.hidden:
            lines.append(f'more{node.id}["{node.hidden:,} more"]:::moreCard')
            arrows.append(f"more{node.id} -.-> n{node.id}")
    for edge in trace.edges:
        d = edge.derivative if derivatives else None
        label = "" if d is None else f'|"∂ = {_text(number(d, digits))}"|'
        arrows.append(f"n{edge.parent} -->{label} n{edge.child}")
    caption = omission(trace)
    title = ["---", f"title: {json.dumps(one_line(caption))}", "---"] if caption else []
    chart = "\n".join([*title, *lines, *arrows, ""])
    if len(arrows) > MOST_EDGES or len(chart) > MOST_CHARACTERS:
        raise ValueError(
            f"GitHub draws a Mermaid chart of {MOST_EDGES} edges and {MOST_CHARACTERS:,} characters at most, and this "
            f"one has {len(arrows):,} and {len(chart):,}; draw fewer nodes, as in draw(root, max_nodes=100), or a card "
            f'for each neuron, draw(root, group="neuron")'
        )
    return chart


def _card(node: NodeRecord, made_by: str, digits: str) -> str:
    title = heading(node, made_by, digits)
    lines = [_text(title)] if title else []
    return "<br>".join(lines + [_text(f"{what} {text}") for what, text, _ in facts(node, digits)])


def _text(text: str) -> str:
    """``text`` as Mermaid shall show it: neither HTML nor Markdown nor a word of its own language.

    All signs but a few become its codes, ``#42;``: it looks for directives and styles before it parses, in quotes too.
    What it looks for after that, `WORDS`, is broken up by a sign that nobody sees.
    """
    return CODED.sub(lambda sign: f"#{ord(sign[0])};", WORDS.sub("\u2060", text))
