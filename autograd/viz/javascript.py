"""The table of operations as JavaScript: a page computes with the same rows as Python."""

import re
from collections.abc import Sequence
from typing import Any

from autograd.ops import REDUCTIONS, Op, Reduction
from autograd.symbols import ATOM, BY_NAME, TEST, Symbol, symbol, written

Row = tuple[str, str]
"""Two JavaScript functions: ``(x, …) -> y`` and ``(y, x, …) -> [∂y/∂x, …]``."""


def row(op: Any) -> Row | None:
    """``op`` in JavaScript, over a namespace ``m``; None if it cannot be written so."""
    if isinstance(op, Reduction):
        return REDUCED.get(op.name) if REDUCTIONS.get(op.name) is op else None
    if not isinstance(op, Op):
        return None
    text = written(op)
    if text is None:
        return None
    arguments = ", ".join(text.names)
    result, partials = map(_short, (text.result, ", ".join(text.partials)))
    return f"({arguments}) => {result}", f"(y, {arguments}) => [{partials}]"


def partial(op: Op, argument: int, y: str, xs: Sequence[str]) -> str:
    """∂y/∂x_argument to read, in the names ``y`` and ``xs``: ``b`` for a product, ``sech2(x)`` for a tanh."""
    names = {"y": y, **{f"x{i}": x for i, x in enumerate(xs)}}
    symbols = [Symbol(place, TEST if " " in name else ATOM) for place, name in names.items()]
    try:
        found = symbol(op.partials[argument](BY_NAME, *symbols))
    except (TypeError, ValueError, AttributeError):
        return ""
    text = _short(found.within(ATOM)).replace("m.", "").replace("-", "−")
    return re.sub(r"\b(y|x\d+)\b", lambda place: names[place[0]], text)


def _short(text: str) -> str:
    """1 for 1.0."""
    return re.sub(r"\b(\d+)\.0\b", r"\1", text)


REDUCED: dict[str, Row] = {
    "sum": ("(...x) => x.reduce((a, b) => a + b, 0)", "(y, ...x) => x.map(() => 1)"),
    "mean": ("(...x) => x.reduce((a, b) => a + b, 0) / x.length", "(y, ...x) => x.map(() => 1 / x.length)"),
    "prod": (
        "(...x) => x.reduce((a, b) => a * b, 1)",
        "(y, ...x) => x.map((_, i) => x.reduce((a, b, j) => (i === j ? a : a * b), 1))",
    ),
    "dot": (
        "(...x) => { const n = x.length >> 1;"
        " return x.slice(0, n).reduce((s, w, i) => s + w * x[n + i], x.length % 2 ? x[2 * n] : 0); }",
        "(y, ...x) => { const n = x.length >> 1;"
        " return [...x.slice(n, 2 * n), ...x.slice(0, n), ...(x.length % 2 ? [1] : [])]; }",
    ),
    "logsumexp": (
        "(...x) => { const top = Math.max(...x); return Number.isFinite(top)"
        " ? top + Math.log(x.reduce((s, v) => s + Math.exp(v - top), 0)) : top; }",
        "(y, ...x) => x.map((v) => Math.exp(v - y))",
    ),
    "norm": ("(...x) => Math.hypot(...x)", "(y, ...x) => x.map((v) => (y !== 0 ? v / y : 0 * v))"),
}
