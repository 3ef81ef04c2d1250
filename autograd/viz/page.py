"""A picture as a page of its own: the SVG with its tooltips, and a table for whoever cannot see it."""

from html import escape

from autograd.viz.narration import Narrator
from autograd.viz.theme import Theme
from autograd.viz.trace import Trace
from autograd.viz.wording import DIGITS, facts, number

DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; {policy}">
<title>{title}</title>
<style>
:root {{ color-scheme: {scheme}; }}
body {{ max-width: 1500px; margin: 16px auto; padding: 0 12px; }}
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
STYLE = """body { font: 15px/1.5 system-ui, sans-serif; }
figure, details { margin: 0 0 16px; overflow-x: auto; }
summary { cursor: pointer; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; font-weight: normal; padding: 3px 16px 3px 0; border-bottom: 1px solid #7d8590; }
thead th { font-weight: 600; }
"""
BODY = """<figure>
{svg}</figure>
<details>
<summary>The same as a table</summary>
<table>
<thead>{head}</thead>
<tbody>
{rows}
</tbody>
</table>
</details>"""


def document(title: str, body: str, theme: Theme, style: str = "", scripts: bool = False) -> str:
    """An HTML page that asks for nothing from any network; ``scripts`` says whether those in it may run."""
    policy = "script-src 'unsafe-inline'; " * scripts + "style-src 'unsafe-inline'"
    scheme = "light dark" if theme == "auto" else theme
    return DOCUMENT.format(title=escape(title), body=body, scheme=scheme, style=style, policy=policy)


def page(svg: str, trace: Trace, title: str, theme: Theme = "auto", digits: str = DIGITS) -> str:
    """An HTML page that runs no script and asks for nothing from any network."""
    words = Narrator(trace)
    names = [f"({called})" if " " in called else called for called in words.names]
    cells = [{what: text for what, text, _ in facts(node, digits)} for node in trace.nodes]
    columns = list(dict.fromkeys(what for row in cells for what in row))
    rows = []
    for node, row, operands in zip(trace.nodes, cells, trace.operands(), strict=True):
        derivatives = [
            f"∂/∂{names[edge.parent]} = {number(edge.derivative, digits)}"
            for edge in operands
            if edge.derivative is not None
        ]
        texts = [row.get(column, "") for column in columns]
        rows.append(_row(words.title(node.id), [*texts, ", ".join(derivatives)]))
    head = _row("node", [*columns, "local derivatives"], "col")
    return document(title, BODY.format(svg=svg, head=head, rows="\n".join(rows)), theme, STYLE)


def _row(title: str, texts: list[str], scope: str = "row") -> str:
    tag = "th" if scope == "col" else "td"
    cells = [f'<th scope="{scope}">{escape(title)}</th>', *(f"<{tag}>{escape(text)}</{tag}>" for text in texts)]
    return f"<tr>{''.join(cells)}</tr>"
