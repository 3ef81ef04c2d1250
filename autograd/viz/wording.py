"""How a record reads, in a picture and in a terminal alike."""

import re
from collections.abc import Sequence
from dataclasses import replace

from autograd.modes import printable
from autograd.viz.trace import Group, NodeRecord, Trace
from autograd.written import writes_all

NO_GRADIENT = "–"
DIGITS = ".4g"
FORMAT = re.compile(r"[,_]?(\.\d{1,2})?[eEfFgG]?")  # neither width nor sign: a picture has its own
LONGEST_NAME = 24
LONGEST_FORMULA = 24
LONGEST_LINE = 36
BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "@": 2, "neg": 3, "**": 4}
ATOM = 5
Term = tuple[str, int]
"""A piece of a formula, and how strongly it holds together: `ATOM` never needs parentheses."""


def number(x: float, digits: str = DIGITS) -> str:
    """As the format specification ``digits`` says, with a minus sign as wide as a plus: ``−0.3333``."""
    return f"{x:z{digits}}".replace("-", "−")  # z: no −0


def checked_digits(format: str) -> str:
    """``format`` if it is one that `number` takes."""
    if not isinstance(format, str) or not FORMAT.fullmatch(format):
        raise ValueError(
            f'format says how numbers are written, as in f"{{x:.3g}}": ".3g", ".2f", ",.0f", ".1e" or "" for all '
            f"digits; got {format!r}"
        )
    return format


def in_signs_of(trace: Trace, encoding: str) -> Trace:
    """``trace`` with the name of an operation for each symbol, such as σ, that ``encoding`` may lack."""
    if writes_all(encoding):
        return trace
    nodes = [node if node.symbol.isascii() else replace(node, symbol=node.op) for node in trace.nodes]
    return replace(trace, nodes=tuple(nodes))


def one_line(text: str) -> str:
    """``text`` without control characters, and with single blanks."""
    return " ".join(printable(text).split())


def name(label: str) -> str:
    """A label or a symbol on one line, shortened in the middle."""
    text = one_line(label)
    half = LONGEST_NAME // 2
    return text if len(text) <= LONGEST_NAME else f"{text[:half]}…{text[1 - half :]}"


def formulas(trace: Trace, digits: str = DIGITS) -> list[str]:
    """For each node the operation on its operands, ``a * b`` or ``tanh(a * b + c)``; "" for a leaf or constant.

    An operand is called by its label, a constant by its number, an unnamed result by its own formula. Where one
    has no name at all, the symbol stands alone; but a node with a label says at least ``y = … + 2``.
    """
    made_by: list[str] = []
    called: list[Term] = []
    for node, operands in zip(trace.nodes, trace.operands(), strict=True):
        symbol = name(node.symbol) or name(node.op)
        known = {edge.argument: called[edge.parent] for edge in operands}
        known |= {argument: (name(text), ATOM if " " not in text else 0) for argument, text in node.beside}
        args = [known[argument] for argument in sorted(known)]
        if node.name:
            args = [(text or "…", binding) for text, binding in args]
        is_whole = len(args) == len(operands) + node.hidden and all(text for text, _ in args)
        spelled = _spelled(node.op, symbol, args) if is_whole else ("", ATOM)
        made_by.append(spelled[0] or symbol)
        if node.group:
            called.append(("", ATOM))
        elif title := name(node.name):
            called.append((title, 0 if " " in title else ATOM))
        elif node.kind == "constant" and node.data is not None:
            called.append((number(node.data, digits), ATOM))
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


def heading(node: NodeRecord, made_by: str, digits: str = DIGITS) -> str:
    """The first line of a node, given its formula: ``e = a * b``, a label, a formula, a constant's number, or ""."""
    title = name(node.name)
    if not title and node.kind == "constant" and node.data is not None:
        return number(node.data, digits)
    if node.group:
        title = one_line(node.name)
        title = title if len(title) <= LONGEST_LINE else f"{title[: LONGEST_LINE - 1]}…"
        return f"{title} × {node.group.calls:,}" if node.group.calls > 1 else title
    if title.replace(" ", "") == made_by.replace(" ", ""):  # "x1*w1 = x1 * w1" says nothing twice
        return made_by
    return f"{title} = {made_by}" if title and made_by else title or made_by


def facts(node: NodeRecord, digits: str = DIGITS) -> list[tuple[str, str, float]]:
    """The lines below: (what, text, the number whose sign colours it or 0). A number in the heading is not repeated."""
    if node.kind == "constant" and not node.name and node.data is not None:
        return []
    lines: list[tuple[str, str, float]] = []
    if node.group is not None:
        lines += _group_facts(node.group, digits)
    if node.shape is not None:
        lines.append(("array", f"{node.shape} {node.dtype}", 0.0))
    if node.data is not None:
        lines.append(("data", number(node.data, digits), 0.0))
    if node.grad is not None:
        lines.append(("grad", number(node.grad, digits), node.grad))
    elif node.norm is not None:
        lines.append(("|grad|", number(node.norm, digits), 0.0))
    elif node.kind != "constant" and node.group is None:
        lines.append(("grad", NO_GRADIENT, 0.0))
    if node.health:
        lines.append(("health", node.health.partition(":")[0], 0.0))
    return lines


def _group_facts(group: Group, digits: str) -> list[tuple[str, str, float]]:
    counts = {"nodes": group.count, "parameters": group.parameters}
    lines = [(what, f"{count:,}", 0.0) for what, count in counts.items() if count]
    for what, spread in (("data", group.data), ("grad", group.grad)):
        if spread is not None:
            alike = spread.least == spread.greatest
            texts = [number(x, digits) for x in (spread[:1] if alike else spread)]
            lines.append((what, " · ".join(texts), spread.least if alike and what == "grad" else 0.0))
    return lines


def omission(trace: Trace, shown: int | None = None) -> str:
    """What was left out, as a caption; "" if nothing."""
    chosen = one_line(trace.chosen) or "those nearest the result"  # it may name a node by its label
    if any(node.group for node in trace.nodes):
        there = sum(node.group.count if node.group else 1 for node in trace.nodes)
        part = f"{there:,} of " if there < trace.total else ""
        return f"{part}{trace.total:,} nodes on {len(trace.nodes):,} cards: {chosen}"
    count = len(trace.nodes) if shown is None else shown
    return f"showing {count:,} of {trace.total:,} nodes: {chosen}" if count < trace.total else ""
