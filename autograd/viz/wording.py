"""How a record reads, in a picture and in a terminal alike."""

from collections.abc import Sequence

from autograd.modes import printable
from autograd.viz.trace import NodeRecord, Trace

NO_GRADIENT = "–"
LONGEST_NAME = 24
LONGEST_FORMULA = 24
BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "@": 2, "neg": 3, "**": 4}
ATOM = 5
Term = tuple[str, int]
"""A piece of a formula, and how strongly it holds together: `ATOM` never needs parentheses."""


def number(x: float) -> str:
    """Four significant digits, and a minus sign as wide as a plus: ``−0.3333``."""
    return f"{x + 0.0:.4g}".replace("-", "−")  # + 0.0 turns −0 into 0


def one_line(text: str) -> str:
    """``text`` without control characters, and with single blanks."""
    return " ".join(printable(text).split())


def name(label: str) -> str:
    """A label or a symbol on one line, shortened in the middle."""
    text = one_line(label)
    half = LONGEST_NAME // 2
    return text if len(text) <= LONGEST_NAME else f"{text[:half]}…{text[1 - half :]}"


def formulas(trace: Trace) -> list[str]:
    """For each node the operation on its operands, ``a * b`` or ``tanh(a * b + c)``; "" for a leaf or constant.

    An operand is called by its label, a constant by its number, an unnamed result by its own formula. Where one
    has no name at all, the symbol stands alone; but a node with a label says at least ``y = … + 2``.
    """
    made_by: list[str] = []
    called: list[Term] = []
    for node, operands in zip(trace.nodes, trace.operands(), strict=True):
        symbol = name(node.symbol) or name(node.op)
        args = [called[edge.parent] for edge in operands]
        if node.name:
            args = [(text or "…", binding) for text, binding in args]
        spelled = ("", ATOM) if node.hidden or not all(text for text, _ in args) else _spelled(node.op, symbol, args)
        made_by.append(spelled[0] or symbol)
        if title := name(node.name):
            called.append((title, 0 if " " in title else ATOM))
        elif node.kind == "constant" and node.data is not None:
            called.append((number(node.data), ATOM))
        else:
            called.append(spelled)
    return made_by


def _spelled(op: str, symbol: str, args: Sequence[Term]) -> Term:
    """The operation written as in Python; no text if it has no such form or is too long for a heading."""
    text, binding = "", BINDING.get(symbol, ATOM)
    if binding < ATOM and len(args) == 2:
        left = _within(args[0], binding + (symbol == "**"))
        text = f"{left} {symbol} {_within(args[1], binding + 1)}"
    elif op == "neg":
        binding = BINDING["neg"]
        text = f"{symbol}{_within(args[0], binding)}"
    elif op == "transpose":
        text = f"{_within(args[0], ATOM)}{symbol}"
    elif symbol.isalnum():
        text = f"{symbol}({', '.join(text for text, _ in args)})"
    return (text, binding) if len(text) <= LONGEST_FORMULA else ("", ATOM)


def _within(term: Term, binding: int) -> str:
    return term[0] if term[1] >= binding else f"({term[0]})"


def heading(node: NodeRecord, made_by: str) -> str:
    """The first line of a node, given its formula: ``e = a * b``, a label, a formula, a constant's number, or ""."""
    title = name(node.name)
    if not title and node.kind == "constant" and node.data is not None:
        return number(node.data)
    if title.replace(" ", "") == made_by.replace(" ", ""):  # "x1*w1 = x1 * w1" says nothing twice
        return made_by
    return f"{title} = {made_by}" if title and made_by else title or made_by


def facts(node: NodeRecord) -> list[tuple[str, str, float]]:
    """The lines below: (what, text, the number whose sign colours it or 0). A number in the heading is not repeated."""
    if node.kind == "constant" and not node.name and node.data is not None:
        return []
    lines: list[tuple[str, str, float]] = []
    if node.shape is not None:
        lines.append(("array", f"{node.shape} {node.dtype}", 0.0))
    if node.data is not None:
        lines.append(("data", number(node.data), 0.0))
    if node.grad is not None:
        lines.append(("grad", number(node.grad), node.grad))
    elif node.norm is not None:
        lines.append(("|grad|", number(node.norm), 0.0))
    elif node.kind != "constant":
        lines.append(("grad", NO_GRADIENT, 0.0))
    return lines


def omission(trace: Trace, shown: int | None = None) -> str:
    """What was left out, as a caption; "" if nothing."""
    count = len(trace.nodes) if shown is None else shown
    chosen = trace.chosen or "those nearest the result"
    return f"showing {count:,} of {trace.total:,} nodes: {chosen}" if count < trace.total else ""
