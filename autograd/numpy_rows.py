"""Rows for the ufuncs that only NumPy has, and NumPy's names for those that stand in the first table.

NumPy computes on an array of Values by calling a method of each, `x.arctan()` for ``np.arctan``: those methods are made
from these rows, as those of the first table are.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.namespaces import SCALARS
from autograd.ops import OPS, Op

Rule = Callable[..., Any]

NAMES = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "power": "power", "negative": "neg",
    "positive": "clone", "conjugate": "clone", "absolute": "abs", "fabs": "abs", "sign": "sign", "exp": "exp",
    "log": "log", "log1p": "log1p", "expm1": "expm1", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "tan": "tan",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "maximum": "maximum", "minimum": "minimum", "remainder": "remainder", "floor_divide": "floor_divide",
}  # fmt: skip
"""NumPy's names of rows of the first table."""

LN2, LN10, DEGREE = math.log(2.0), math.log(10.0), math.pi / 180.0


def _chosen(m: Any, y: Any, a: Any, b: Any) -> Any:
    """1 for the argument ``a`` that is the result, ½ where both are; a nan is not."""
    return m.where(m.equal(y, a), m.where(m.equal(a, b), 0.5, 1.0), 0.0)


PARTIALS: dict[str, tuple[Rule, ...]] = {
    "square": (lambda m, y, x: 2.0 * x,),
    "reciprocal": (lambda m, y, x: -y * y,),
    "cbrt": (lambda m, y, x: 1.0 / (3.0 * y * y),),
    "exp2": (lambda m, y, x: y * LN2,),
    "log2": (lambda m, y, x: 1.0 / (x * LN2),),
    "log10": (lambda m, y, x: 1.0 / (x * LN10),),
    "arcsinh": (lambda m, y, x: 1.0 / m.sqrt(1.0 + x * x),),
    "arccosh": (lambda m, y, x: 1.0 / (m.sqrt(x - 1.0) * m.sqrt(x + 1.0)),),
    "arctanh": (lambda m, y, x: 1.0 / ((1.0 - x) * (1.0 + x)),),
    "deg2rad": (lambda m, y, x: DEGREE,),
    "radians": (lambda m, y, x: DEGREE,),
    "rad2deg": (lambda m, y, x: 1.0 / DEGREE,),
    "degrees": (lambda m, y, x: 1.0 / DEGREE,),
    "floor": (lambda m, y, x: 0.0,),
    "ceil": (lambda m, y, x: 0.0,),
    "trunc": (lambda m, y, x: 0.0,),
    "rint": (lambda m, y, x: 0.0,),
    "float_power": OPS["power"].partials,
    "hypot": (
        lambda m, y, a, b: a / m.where(m.equal(y, 0.0), np.inf, y),
        lambda m, y, a, b: b / m.where(m.equal(y, 0.0), np.inf, y),
    ),
    "arctan2": (lambda m, y, a, b: b / (a * a + b * b), lambda m, y, a, b: -a / (a * a + b * b)),
    "logaddexp": (lambda m, y, a, b: m.exp(a - y), lambda m, y, a, b: m.exp(b - y)),
    "logaddexp2": (lambda m, y, a, b: m.exp((a - y) * LN2), lambda m, y, a, b: m.exp((b - y) * LN2)),
    "fmax": (_chosen, lambda m, y, a, b: _chosen(m, y, b, a)),
    "fmin": (_chosen, lambda m, y, a, b: _chosen(m, y, b, a)),
    "fmod": (lambda m, y, a, b: 1.0, lambda m, y, a, b: (y - a) / b),
    "copysign": (lambda m, y, a, b: m.sign(a) * m.sign(y), lambda m, y, a, b: 0.0),
    "heaviside": (lambda m, y, x, h: 0.0, lambda m, y, x, h: m.where(m.equal(x, 0.0), 1.0, 0.0)),
}
"""For the ufuncs that only NumPy has: the local partial derivatives, as in a row of the first table."""

SELECTS = {"floor", "ceil", "trunc", "rint", "fmax", "fmin", "copysign", "heaviside"}
"""Those of them that send 0 to an operand with slope 0, even of an infinite gradient."""


def _row(name: str, partials: tuple[Rule, ...]) -> Op:
    ufunc = getattr(np, name)
    quiet = np.errstate(all="ignore")(ufunc)

    def compute(m: Any, *xs: Any) -> Any:
        if hasattr(m, "ufunc"):  # of the compiler, which notes the call
            return m.ufunc(ufunc, *xs)
        if not all(isinstance(x, float | np.ndarray | np.generic) for x in xs):
            raise TypeError(f"{name} is computed by NumPy alone, of numbers and arrays; got {type(xs[0]).__name__}")
        return float(quiet(*xs)) if m is SCALARS else quiet(*xs)

    forward: Rule = (lambda m, a: compute(m, a)) if len(partials) == 1 else (lambda m, a, b: compute(m, a, b))
    domain, selects = ((0.1, 3.0),) * len(partials), name in SELECTS
    return Op(name, name, forward, partials, rf"\operatorname{{{name}}}", domain, selects=selects)


ROWS = {name: OPS[ours] for name, ours in NAMES.items()}
ROWS |= {name: _row(name, partials) for name, partials in PARTIALS.items()}
