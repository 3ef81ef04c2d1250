"""The table of operations as JavaScript: a page computes with the same rows as Python.

A rule is run on `Symbol`s, whose operators write text instead of computing: ``a * b`` of two symbols is the text
``a * b``. What cannot be written so (a rule that asks ``if x > 0``, or one that calls `math`) has no JavaScript.
"""

import math
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from autograd.namespaces import SCALARS, Namespace
from autograd.ops import REDUCTIONS, Op, Reduction

AND, COMPARISON, SUM, PRODUCT, SIGN, ATOM = range(6)
"""How strongly a piece of text holds together; `ATOM` never needs parentheses."""


class Symbol:
    """A piece of JavaScript that stands for a number."""

    def __init__(self, text: str, binding: int = ATOM) -> None:
        self.text = text
        self.binding = binding

    def within(self, binding: int) -> str:
        return self.text if self.binding >= binding else f"({self.text})"

    def __add__(self, other: Any) -> "Symbol":
        return _infix(self, "+", other, SUM)

    def __radd__(self, other: Any) -> "Symbol":
        return _infix(other, "+", self, SUM)

    def __sub__(self, other: Any) -> "Symbol":
        return _infix(self, "-", other, SUM)

    def __rsub__(self, other: Any) -> "Symbol":
        return _infix(other, "-", self, SUM)

    def __mul__(self, other: Any) -> "Symbol":
        return _infix(self, "*", other, PRODUCT)

    def __rmul__(self, other: Any) -> "Symbol":
        return _infix(other, "*", self, PRODUCT)

    def __truediv__(self, other: Any) -> "Symbol":
        return _infix(self, "/", other, PRODUCT)

    def __rtruediv__(self, other: Any) -> "Symbol":
        return _infix(other, "/", self, PRODUCT)

    def __and__(self, other: Any) -> "Symbol":
        return _infix(self, "&", other, AND)

    def __lt__(self, other: Any) -> "Symbol":
        return _infix(self, "<", other, COMPARISON)

    def __le__(self, other: Any) -> "Symbol":
        return _infix(self, "<=", other, COMPARISON)

    def __gt__(self, other: Any) -> "Symbol":
        return _infix(self, ">", other, COMPARISON)

    def __ge__(self, other: Any) -> "Symbol":
        return _infix(self, ">=", other, COMPARISON)

    def __neg__(self) -> "Symbol":
        return Symbol(f"-{self.within(ATOM)}", SIGN)

    def __pos__(self) -> "Symbol":
        return self

    def __bool__(self) -> NoReturn:
        raise TypeError("a symbol is neither true nor false; write m.where(condition, a, b)")


def _symbol(x: Any) -> Symbol:
    """A number as a literal; a symbol as it is."""
    if isinstance(x, Symbol):
        return x
    x = float(x)
    if not math.isfinite(x):
        return Symbol("NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity", SIGN)
    return Symbol(repr(x).removesuffix(".0"), ATOM if math.copysign(1.0, x) > 0 else SIGN)


def _infix(left: Any, sign: str, right: Any, binding: int) -> Symbol:
    """The right operand keeps its parentheses even in a * (b * c), which rounds in another way than (a * b) * c."""
    return Symbol(f"{_symbol(left).within(binding)} {sign} {_symbol(right).within(binding + 1)}", binding)


def _call(name: str) -> Any:
    return lambda *xs: Symbol(f"m.{name}({', '.join(_symbol(x).text for x in xs)})")


SYMBOLS = Namespace(**{name: _call(name) for name in vars(SCALARS)})

Row = tuple[str, str]
"""Two JavaScript functions: ``(x, …) -> y`` and ``(y, x, …) -> [∂y/∂x, …]``."""


def row(op: Any) -> Row | None:
    """``op`` in JavaScript, over a namespace ``m``; None if it cannot be written so."""
    if isinstance(op, Reduction):
        return REDUCED.get(op.name) if REDUCTIONS.get(op.name) is op else None
    if not isinstance(op, Op):
        return None
    names = [f"x{i}" for i in range(op.arity)]  # not the row's own names, which may be words of JavaScript
    xs = [Symbol(name) for name in names]
    try:
        y = _symbol(op.forward(SYMBOLS, *xs)).text
        partials = [_symbol(d(SYMBOLS, Symbol("y"), *xs)).text for d in op.partials]
    except (TypeError, ValueError, AttributeError):
        return None
    arguments = ", ".join(names)
    return f"({arguments}) => {y}", f"(y, {arguments}) => [{', '.join(partials)}]"


def partial(op: Op, argument: int, y: str, xs: Sequence[str]) -> str:
    """∂y/∂x_argument to read, in the names ``y`` and ``xs``: ``b`` for a product, ``(1 − t * t)`` for a tanh."""
    names = {"y": y, **{f"x{i}": x for i, x in enumerate(xs)}}
    symbols = [Symbol(place, AND if " " in name else ATOM) for place, name in names.items()]
    try:
        found = _symbol(op.partials[argument](SYMBOLS, *symbols))
    except (TypeError, ValueError, AttributeError):
        return ""
    text = found.within(ATOM).replace("m.", "").replace("-", "−")
    return re.sub(r"\b(y|x\d+)\b", lambda place: names[place[0]], text)


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
