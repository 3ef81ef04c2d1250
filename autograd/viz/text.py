"""A graph as indented lines, for a terminal."""

from collections import Counter

from autograd.graph import Node
from autograd.hints import usage
from autograd.viz.trace import Trace
from autograd.viz.view import Level, view
from autograd.viz.wording import DIGITS, checked_digits, facts, formulas, heading, in_signs_of, omission
from autograd.written import encoding_of, spelled

DEEPEST = 24  # levels of indentation, so that the lines stay on a wide terminal
COLUMNS = {"array": 0, "nodes": 0, "parameters": 1, "data": 2, "grad": 3, "|grad|": 3, "health": 4}


@usage("print(tree(loss))")
def tree(
    root: Node,
    *,
    group: Level | None = None,
    sample: int | None = None,
    max_nodes: int | None = None,
    ascii: bool = False,
    format: str = DIGITS,
) -> str:
    """The graph as text: the result first, the operands of each operation indented below it.

    >>> from autograd import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> print(tree(a * b + b))
    a * b + b   data −9   grad –
    ├─ a * b    data −6   grad –
    │  ├─ a     data 2    grad –
    │  └─ b     data −3   grad –
    └─ b (above)

    ascii: for a log without Unicode; a standard output without it gets this of itself
    group, sample, max_nodes, format: as in `draw`
    """
    digits = checked_digits(format)
    shown = view(root, group=group, sample=sample, max_nodes=max_nodes)
    return tree_of(shown, "ascii" if ascii else encoding_of(), digits)


def tree_of(trace: Trace, encoding: str = "utf-8", digits: str = DIGITS) -> str:
    """The same of a trace, in signs that ``encoding`` has."""
    trace = in_signs_of(trace, encoding)
    made_by = formulas(trace, digits)
    operands = trace.operands()
    uses = Counter(edge.parent for edge in trace.edges)
    lines: list[list[str]] = []
    seen: set[int] = set()
    stack: list[tuple[int | str, str, str]] = [(len(trace.nodes) - 1, "", "")]
    while stack:
        item, branch, indent = stack.pop()
        if isinstance(item, str):
            lines.append([branch + item])
            continue
        node = trace.nodes[item]
        title = branch + (heading(node, made_by[item], digits) or "leaf")
        if uses[item] > 1 and not node.name and node.kind != "constant":
            title += f" #{item}"  # else nobody knows which one is meant by "above"
        if item in seen:
            lines.append([f"{title} (above)"])
            continue
        seen.add(item)
        columns = [""] * 5
        for what, text, _ in facts(node, digits):
            columns[COLUMNS[what]] = f"{what} {text}"
        lines.append([title, *columns])
        below: list[int | str] = [edge.parent for edge in operands[item]]
        if len(indent) >= 3 * DEEPEST:
            below = [f"… {len(below)} more"] if below else []
        elif node.hidden:
            below.append(f"… {node.hidden:,} more")
        for place, child in enumerate(reversed(below)):
            last = place == 0
            stack.append((child, indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  ")))
    lines = [[spelled(text, encoding) for text in line] for line in lines]
    caption = spelled(omission(trace, len(seen)), encoding)
    return "\n".join(_aligned(lines) + ([caption] if caption else []))


def _aligned(lines: list[list[str]]) -> list[str]:
    """Columns as wide as their widest entry, without those that are empty throughout; a lone text is no column."""
    widths = [max(map(len, column)) for column in zip(*(line for line in lines if len(line) > 1), strict=True)]
    return [
        "   ".join(text.ljust(width) for text, width in zip(line, widths, strict=False) if width).rstrip()
        for line in lines
    ]
