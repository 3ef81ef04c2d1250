"""Rules of the table as text: one row for a page's JavaScript and for the compiler's Python.

A rule is run on `Symbol`s, whose operators write text instead of computing: ``a * b`` of two symbols is the text
``a * b``, and ``m.exp(a)`` of a namespace ``m`` stays as it is. A rule that asks ``if x > 0``, or one that calls
`math`, cannot be written so.
"""

import math
from typing import Any, NamedTuple, NoReturn

from autograd.namespaces import PRIMITIVES, Namespace
from autograd.ops import OPS, Op

TEST, SUM, PRODUCT, SIGN, ATOM = range(5)
"""How strongly a piece of text holds together; `ATOM` never needs parentheses."""


class Symbol:
    """A piece of text that stands for a number."""

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
        return _infix(self, "&", other, TEST)

    def __lt__(self, other: Any) -> "Symbol":
        return _infix(self, "<", other, TEST)

    def __le__(self, other: Any) -> "Symbol":
        return _infix(self, "<=", other, TEST)

    def __gt__(self, other: Any) -> "Symbol":
        return _infix(self, ">", other, TEST)

    def __ge__(self, other: Any) -> "Symbol":
        return _infix(self, ">=", other, TEST)

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("a symbol equals nothing yet; write m.equal(a, b)")

    __hash__ = object.__hash__

    def __neg__(self) -> "Symbol":
        return Symbol(f"-{self.within(ATOM)}", SIGN)

    def __pos__(self) -> "Symbol":
        return self

    def __bool__(self) -> NoReturn:
        raise TypeError("a symbol is neither true nor false; write m.where(condition, a, b)")


def symbol(x: Any) -> Symbol:
    """A number as a literal, nan and infinity by JavaScript's names; a symbol as it is."""
    if isinstance(x, Symbol):
        return x
    x = float(x)
    if not math.isfinite(x):
        return Symbol("NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity", SIGN)
    return Symbol(repr(x), ATOM if math.copysign(1.0, x) > 0 else SIGN)


def _infix(left: Any, sign: str, right: Any, binding: int) -> Symbol:
    """The right operand keeps its parentheses even in a * (b * c), which rounds in another way than (a * b) * c.

    In a comparison or ``&`` both do: languages differ in which of these binds more strongly.
    """
    first = max(binding, SUM)
    return Symbol(f"{symbol(left).within(first)} {sign} {symbol(right).within(binding + 1)}", binding)


def _call(name: str) -> Any:
    return lambda *xs: Symbol(f"m.{name}({', '.join(symbol(x).text for x in xs)})")


SYMBOLS = Namespace(**{name: _call(name) for name in PRIMITIVES})
BY_NAME = Namespace(**{name: _call(name) for name in (*OPS, *PRIMITIVES)})
"""For people to read: a row that a rule uses stays a name, ``sech2(x)``."""


class Written(NamedTuple):
    """A row as text: its ``result`` over the names x0, x1, …, and the ``partials`` over y and those."""

    names: list[str]
    result: str
    partials: list[str]


def written(op: Op) -> Written | None:
    """The rules of ``op`` as text, over a namespace ``m``; None if they cannot be written so."""
    names = [f"x{i}" for i in range(op.arity)]  # not the row's own names, which may be words of the language
    xs = [Symbol(name) for name in names]
    try:
        result = symbol(op.forward(SYMBOLS, *xs)).text
        return Written(names, result, [symbol(d(SYMBOLS, Symbol("y"), *xs)).text for d in op.partials])
    except Exception:  # whatever a function of numbers says of what is none
        return None
