"""A small engine that shares nothing with `autograd`: operations on plain numbers, and two ways to a derivative.

* The reverse sweep. Its rules are written down here a second time, where possible in other words than the table's.
* The complex step: f(x + i h v) = f(x) + i h f′(x) v + O(h²), so that with h = 1e-30 the imaginary part is h times the
  derivative along v, to the last digit. It asks for no derivative rule at all. Taken through the reverse sweep it gives
  second derivatives.
"""

import cmath
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Entry = tuple[str, tuple[int | float, ...]]
H = 1e-30


@dataclass(frozen=True)
class Graph:
    """A computation as data: some leaves, then operations, each on earlier entries; the last one is the result.

    leaves: their numbers
    tape:   (name, operands) in order: an int is the index of an earlier entry (leaves come first), a float is a
            plain number mixed into the expression. "detach" is the entry as a constant; "where" asks whether its
            first operand is above 0
    """

    leaves: tuple[float, ...]
    tape: tuple[Entry, ...] = ()

    def constants(self) -> set[int]:
        """The entries that depend on no leaf, or only through a "detach"."""
        found: set[int] = set()
        for i, (name, operands) in enumerate(self.tape, len(self.leaves)):
            used = {"detach": (), "where": operands[1:]}.get(name, operands)
            if all(o in found for o in used if isinstance(o, int)):
                found.add(i)
        return found


Rule = tuple[Callable[..., complex], Callable[..., Sequence[complex]]]
"""The result, and its derivative with respect to each operand; both of complex numbers."""


def _erf(x: complex) -> complex:
    """First order in the imaginary part, which is all that the complex step needs."""
    x = complex(x)
    return complex(math.erf(x.real), x.imag * _erf_slope(complex(x.real)).real)


def _erf_slope(x: complex) -> complex:
    return 2.0 / math.sqrt(math.pi) * cmath.exp(-(x**2))


def _sigmoid(x: complex) -> complex:
    return (1.0 + cmath.tanh(x / 2.0)) / 2.0


def _sigmoid_slope(x: complex) -> complex:
    return 0.25 / cmath.cosh(x / 2.0) ** 2


def _normal_cdf(x: complex) -> complex:
    return (1.0 + _erf(x / math.sqrt(2.0))) / 2.0


def _expm1(x: complex) -> complex:
    return 2.0 * cmath.exp(x / 2.0) * cmath.sinh(x / 2.0)


def _above(a: complex, b: complex) -> bool:
    return complex(a).real > complex(b).real


def _others(xs: Sequence[complex]) -> list[complex]:
    return [math.prod((x for j, x in enumerate(xs) if j != i), start=1.0 + 0.0j) for i in range(len(xs))]


def _dot_halves(xs: Sequence[complex]) -> tuple[Sequence[complex], Sequence[complex], Sequence[complex]]:
    n = len(xs) // 2
    return xs[:n], xs[n : 2 * n], xs[2 * n :]


def _dot(*operands: complex) -> complex:
    ws, xs, bias = _dot_halves(operands)
    return sum([w * x for w, x in zip(ws, xs, strict=True)], sum(bias))


def _dot_slopes(*operands: complex) -> list[complex]:
    ws, xs, bias = _dot_halves(operands)
    return [*xs, *ws, *[1.0 for _ in bias]]


def _logsumexp(*xs: complex) -> complex:
    return cmath.log(sum(map(cmath.exp, xs)))


def _norm(*xs: complex) -> complex:
    return cmath.sqrt(sum(x * x for x in xs))


RULES: dict[str, Rule] = {
    "detach": (lambda x: complex(x).real, lambda x: (0.0,)),
    # ----- arithmetic -----
    "add": (lambda a, b: a + b, lambda a, b: (1.0, 1.0)),
    "sub": (lambda a, b: a - b, lambda a, b: (1.0, -1.0)),
    "mul": (lambda a, b: a * b, lambda a, b: (b, a)),
    "div": (lambda a, b: a / b, lambda a, b: (1.0 / b, -a / (b * b))),
    "power": (lambda a, b: a**b, lambda a, b: (b * a ** (b - 1.0), a**b * cmath.log(a))),
    "remainder": (
        lambda a, b: a - b * math.floor(complex(a).real / complex(b).real),
        lambda a, b: (1.0, -math.floor(complex(a).real / complex(b).real)),
    ),
    "floor_divide": (lambda a, b: math.floor(complex(a).real / complex(b).real), lambda a, b: (0.0, 0.0)),
    "monomial": (
        lambda c, a, p: c * a**p,
        lambda c, a, p: (a**p, c * p * a ** (p - 1.0), c * a**p * cmath.log(a)),
    ),
    "neg": (lambda x: -x, lambda x: (-1.0,)),
    "clone": (lambda x: x, lambda x: (1.0,)),
    # ----- magnitude and sign -----
    "abs": (lambda x: x if _above(x, 0.0) else -x, lambda x: (1.0 if _above(x, 0.0) else -1.0,)),
    "sign": (lambda x: 1.0 if _above(x, 0.0) else -1.0, lambda x: (0.0,)),
    # ----- exponentials and logarithms -----
    "exp": (cmath.exp, lambda x: (cmath.exp(x),)),
    "log": (cmath.log, lambda x: (1.0 / x,)),
    "log1p": (lambda x: 2.0 * cmath.atanh(x / (2.0 + x)), lambda x: (1.0 / (1.0 + x),)),
    "expm1": (_expm1, lambda x: (cmath.exp(x),)),
    "sqrt": (cmath.sqrt, lambda x: (0.5 / cmath.sqrt(x),)),
    # ----- circular and hyperbolic -----
    "sin": (cmath.sin, lambda x: (cmath.cos(x),)),
    "cos": (cmath.cos, lambda x: (-cmath.sin(x),)),
    "tan": (cmath.tan, lambda x: (1.0 / cmath.cos(x) ** 2,)),
    "sinh": (cmath.sinh, lambda x: (cmath.cosh(x),)),
    "cosh": (cmath.cosh, lambda x: (cmath.sinh(x),)),
    "tanh": (cmath.tanh, lambda x: (1.0 / cmath.cosh(x) ** 2,)),
    "sech2": (lambda x: 1.0 / cmath.cosh(x) ** 2, lambda x: (-2.0 * cmath.sinh(x) / cmath.cosh(x) ** 3,)),
    "asin": (cmath.asin, lambda x: (1.0 / cmath.sqrt(1.0 - x * x),)),
    "acos": (cmath.acos, lambda x: (-1.0 / cmath.sqrt(1.0 - x * x),)),
    "arc_slope": (lambda x: (1.0 - x * x) ** -0.5, lambda x: (x * (1.0 - x * x) ** -1.5,)),
    "atan": (cmath.atan, lambda x: (1.0 / (1.0 + x * x),)),
    "erf": (_erf, lambda x: (_erf_slope(x),)),
    "erfc": (lambda x: 1.0 - _erf(x), lambda x: (-_erf_slope(x),)),
    # ----- activations -----
    "sigmoid": (_sigmoid, lambda x: (_sigmoid_slope(x),)),
    "relu": (lambda x: x if _above(x, 0.0) else 0.0, lambda x: (1.0 if _above(x, 0.0) else 0.0,)),
    "leaky_relu": (
        lambda x, slope: x if _above(x, 0.0) else slope * x,
        lambda x, slope: (1.0, 0.0) if _above(x, 0.0) else (slope, x),
    ),
    "elu": (
        lambda x, alpha: x if _above(x, 0.0) else alpha * _expm1(x),
        lambda x, alpha: (1.0, 0.0) if _above(x, 0.0) else (alpha * cmath.exp(x), _expm1(x)),
    ),
    "gelu": (
        lambda x: x * _normal_cdf(x),
        lambda x: (_normal_cdf(x) + x * _erf_slope(x / math.sqrt(2.0)) / math.sqrt(8.0),),
    ),
    "silu": (lambda x: x * _sigmoid(x), lambda x: (_sigmoid(x) + x * _sigmoid_slope(x),)),
    "softplus": (lambda x: cmath.log(1.0 + cmath.exp(x)), lambda x: (_sigmoid(x),)),
    # ----- choosing -----
    "maximum": (
        lambda a, b: a if _above(a, b) else b,
        lambda a, b: (1.0, 0.0) if _above(a, b) else (0.0, 1.0),
    ),
    "minimum": (
        lambda a, b: b if _above(a, b) else a,
        lambda a, b: (0.0, 1.0) if _above(a, b) else (1.0, 0.0),
    ),
    "clip": (
        lambda x, low, high: low if _above(low, x) else high if _above(x, high) else x,
        lambda x, low, high: (
            (0.0, 1.0, 0.0) if _above(low, x) else (0.0, 0.0, 1.0) if _above(x, high) else (1.0, 0.0, 0.0)
        ),
    ),
    "where": (
        lambda condition, a, b: a if _above(condition, 0.0) else b,
        lambda condition, a, b: (0.0, 1.0, 0.0) if _above(condition, 0.0) else (0.0, 0.0, 1.0),
    ),
    # ----- many operands -----
    "sum": (lambda *xs: sum(xs), lambda *xs: [1.0 for _ in xs]),
    "mean": (lambda *xs: sum(xs) / len(xs), lambda *xs: [1.0 / len(xs) for _ in xs]),
    "prod": (lambda *xs: math.prod(xs), lambda *xs: _others(xs)),
    "dot": (_dot, _dot_slopes),
    "logsumexp": (_logsumexp, lambda *xs: [cmath.exp(x - _logsumexp(*xs)) for x in xs]),
    "norm": (_norm, lambda *xs: [x / _norm(*xs) for x in xs]),
}
"""By the table's names. Random graphs are made of what is here; who adds a row adds it in `peers` too."""


def _forward(graph: Graph, leaves: Sequence[complex]) -> list[complex]:
    numbers = list(leaves)
    for name, operands in graph.tape:
        numbers.append(RULES[name][0](*_arguments(operands, numbers)))
    return numbers


def _arguments(operands: tuple[int | float, ...], numbers: list[complex]) -> list[complex]:
    return [numbers[o] if isinstance(o, int) else o for o in operands]


def _reverse(graph: Graph, numbers: list[complex]) -> list[complex]:
    slopes: list[complex] = [0.0] * len(numbers)
    constants = graph.constants()
    slopes[-1] = 1.0
    for i in reversed(range(len(graph.tape))):
        name, operands = graph.tape[i]
        upstream = slopes[len(graph.leaves) + i]
        for o, d in zip(operands, RULES[name][1](*_arguments(operands, numbers)), strict=True):
            if isinstance(o, int) and o not in constants:
                slopes[o] += upstream * d
    return slopes


def _real(numbers: Sequence[complex]) -> list[float]:
    return [complex(x).real for x in numbers]


def _along(graph: Graph, direction: Sequence[float]) -> list[complex]:
    return [complex(x, H * v) for x, v in zip(graph.leaves, direction, strict=True)]


def _step(numbers: Sequence[complex]) -> list[float]:
    return [complex(x).imag / H for x in numbers]


def values(graph: Graph) -> list[float]:
    """The number of every entry."""
    return _real(_forward(graph, graph.leaves))


def gradients(graph: Graph) -> list[float]:
    """∂(result)/∂(entry) for every entry, by the reverse sweep; 0 for constants."""
    return _real(_reverse(graph, _forward(graph, graph.leaves)))


def tangents(graph: Graph, direction: Sequence[float]) -> list[float]:
    """The derivative of every entry along ``direction``, one number for each leaf, by the complex step."""
    return _step(_forward(graph, _along(graph, direction)))


def hessian_vector(graph: Graph, direction: Sequence[float]) -> list[float]:
    """The derivative of the leaves' gradients along ``direction``, by the complex step through the reverse sweep."""
    return _step(_reverse(graph, _forward(graph, _along(graph, direction))))[: len(graph.leaves)]


def partials(name: str, operands: Sequence[float]) -> list[float]:
    """∂(result)/∂(operand) of one operation."""
    return _real(RULES[name][1](*operands))


def apply(name: str, operands: Sequence[Any]) -> float:
    """The result of one operation."""
    return complex(RULES[name][0](*operands)).real
