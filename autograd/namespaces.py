"""The numbers a rule can run on: Python floats and NumPy arrays.

A rule in the operation table is written over a namespace argument ``m`` (``m.exp(x)``), so that one text serves
floats, arrays and, in `autograd.functions`, the graph's own nodes. The namespaces below differ only in whose
``exp`` they mean.
"""

import math
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

Rule = Any
"""A function ``rule(m, *operands)``; operands are floats, arrays or nodes, as the namespace ``m`` has them."""
ROWS: dict[str, Rule] = {}
"""The forward rules of the table, by name; `autograd.ops` fills it."""


class Namespace(SimpleNamespace):
    """The functions that a rule may use: primitives, and the rows of the table, which are written with these."""

    def __getattr__(self, name: str) -> Any:
        if name not in ROWS or name in PRIMITIVES:
            raise AttributeError(
                f"m.{name} is not among what a rule can use everywhere: {', '.join(sorted(PRIMITIVES))}, the rows of "
                f"the table, + - * / and comparisons; write it with those"
            )
        rule = partial(ROWS[name], self)
        setattr(self, name, rule)
        return rule


def _maximum(a: float, b: float) -> float:
    return a if a > b or a != a else b  # `a != a` lets a nan through, as np.maximum does


def _minimum(a: float, b: float) -> float:
    return a if a < b or a != a else b


def _sign(x: float) -> float:
    return x if x != x else float((x > 0) - (x < 0))


def _remainder(a: float, b: float) -> float:
    return a % b


def _floor_divide(a: float, b: float) -> float:
    return a // b


def _where(condition: Any, a: Any, b: Any) -> Any:
    return a if condition else b


def _equal(a: Any, b: Any) -> Any:
    return a == b


SCALARS = Namespace(
    **{name: getattr(math, name) for name in ["exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan"]},
    **{name: getattr(math, name) for name in ["sinh", "cosh", "tanh", "asin", "acos", "atan", "erf", "erfc"]},
    abs=abs,
    sign=_sign,
    power=math.pow,
    maximum=_maximum,
    minimum=_minimum,
    remainder=_remainder,
    floor_divide=_floor_divide,
    where=_where,
    equal=_equal,
)
PRIMITIVES = tuple(vars(SCALARS))
"""What every namespace has of its own."""


def _each(function: Any) -> Any:
    """What NumPy lacks: Python's own, element by element, is exact and fast enough for an activation."""
    by_number = np.vectorize(function, otypes=[float])
    return lambda x: by_number(x).astype(np.asarray(x).dtype)


def _power(a: Any, b: Any) -> Any:
    """NumPy takes the square root for ½, which is nan at −inf and −0 at −0; the power is inf and 0."""
    if not np.ndim(b) and b == 0.5:
        a = np.where(a == -np.inf, np.inf, a) + 0.0
    return np.power(a, b)


ARRAYS = Namespace(
    **{name: getattr(np, name) for name in ["exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan"]},
    **{name: getattr(np, name) for name in ["sinh", "cosh", "tanh", "abs", "sign"]},
    **{name: getattr(np, name) for name in ["maximum", "minimum", "remainder", "floor_divide", "where", "equal"]},
    asin=np.arcsin,
    acos=np.arccos,
    atan=np.arctan,
    power=_power,
    erf=_each(math.erf),
    erfc=_each(math.erfc),
)


ANALYTIC = Namespace(
    **{name: getattr(ARRAYS, name) for name in ["exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "power"]},
    **{name: getattr(ARRAYS, name) for name in ["sinh", "cosh", "tanh", "asin", "acos", "atan"]},
)
"""What of it has a derivative in the complex plane; for `gradcheck`, which goes there."""


def ieee(rule: Rule, *xs: float) -> float:
    """Evaluate ``rule`` on floats, with IEEE 754's answer where Python raises.

    ``math.exp(1000)`` and ``1.0 / 0.0`` are exceptions in Python and ``inf`` in the standard. NumPy follows the
    standard, so the same rule is asked again over NumPy's numbers.
    """
    try:
        return float(rule(SCALARS, *xs))
    except (ArithmeticError, ValueError):
        with np.errstate(all="ignore"):
            return float(rule(ARRAYS, *map(np.float64, xs)))
