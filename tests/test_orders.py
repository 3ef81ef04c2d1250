"""Every row at every order: derivatives to fourth order at 0, tiny and saturated points, against mpmath.

The oracle is the row's own formula in many digits, differentiated by differences that are exact to some twenty of them.
A new row is held to it without a word here. `python tests/test_orders.py` prints how many entries there are on each
route, and how many are nan or wrong.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from mpmath import mp

import autograd
from autograd import Tensor, Value
from autograd.array_ops import ARRAY_OPS
from autograd.compiler.backends import BACKENDS
from autograd.namespaces import Namespace, ieee
from autograd.ops import OPS, REDUCTIONS, Op

Point = tuple[float, ...]
Index = tuple[int, ...]
"""How often to differentiate by each argument."""

ORDER = 4
TOLERANCE = 1e-12
"""Relative, in float64: some 4,500 roundings. Of float32 as many."""

SIZES = (2.0**-997, 2.0**-27, 0.5, 1.0, 2.0, 7.75, 14.75, 20.0, 30.0, 90.0, 800.0)
"""Exact in float32, all but the first."""
UNARY = [0.0, *(sign * x for x in SIZES for sign in (1, -1))]
UNARY += [s * (1.0 - 2.0**-e) for e in (8, 20) for s in (1, -1)]
BINARY = [0.0, 0.5, 1.0, -1.0, 2.0, -20.0]
FAR_PAIRS = [(800.0, 0.5), (-800.0, 1.0), (800.0, 800.0), (-800.0, 2.0), (2.0, -800.0), (0.5, 800.0)]
FAR_PAIRS += [(2.0**-997, 0.5), (2.0**-997, 1.0), (2.0, 2.0**-997)]
FEW = [0.0, 2.0**-27, 1.0, -20.0]
FEWEST = [0.0, -0.5, 1.0, 2.0]


# ----- the oracle -----


def _power(a: Any, b: Any) -> Any:
    """Of real numbers only, also where the result is not used."""
    y = mp.mpf(mp.power(a, b))
    if not mp.isfinite(y):
        raise ZeroDivisionError
    return y


MANY_DIGITS = Namespace(
    **{name: getattr(mp, name) for name in ["exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan"]},
    **{name: getattr(mp, name) for name in ["sinh", "cosh", "tanh", "asin", "acos", "atan", "erf", "erfc"]},
    power=_power,
    abs=abs,
    sign=mp.sign,
    maximum=max,
    minimum=min,
    remainder=lambda a, b: a - b * mp.floor(a / b),
    floor_divide=lambda a, b: mp.floor(a / b),
    where=lambda condition, a, b: a if condition else b,
    equal=lambda a, b: a == b,
    sigmoid=lambda x: 1 / (1 + mp.exp(-x)),
)

FORMULAS = {"sigmoid": lambda m, x: m.sigmoid(x)}
"""Where the rule of a row is not its formula, but only for as many digits as a float has."""

STENCILS: list[dict[int, int]] = [
    {0: 2},
    {1: 1, -1: -1},
    {1: 2, 0: -4, -1: 2},
    {2: 1, 1: -2, -1: 2, -2: -1},
    {2: 2, 1: -8, 0: 12, -1: -8, -2: 2},
    {3: 1, 2: -4, 1: 5, -1: -5, -2: 4, -3: -1},
]
"""Twice a central difference, by order: the weight of each number of steps."""
TWO_WAYS: list[tuple[dict[int, int], dict[int, int]]] = [
    ({2: 1, -2: -1}, {1: 2, -1: -2}),
    ({1: 2, 0: -2}, {0: 2, -1: -2}),
    ({2: 2, 1: -4, 0: 2}, {0: 2, -1: -4, -2: 2}),
]
"""Of first and second differences pairs that agree unless there is a kink, or a jump."""
STEP = mp.mpf("1e-12")
TINY = 1e-100


Weights = dict[tuple[int, ...], int]


def _product(stencils: Sequence[dict[int, int]]) -> Weights:
    parts = itertools.product(*[stencil.items() for stencil in stencils])
    return {tuple(o for o, _ in each): math.prod(weight for _, weight in each) for each in parts}


@cache
def _weights(index: Index) -> Weights:
    return _product([STENCILS[n] for n in index])


@cache
def _pairs(index: Index) -> list[tuple[int, Index, Weights, Weights]]:
    """Axis by axis: what must agree if the row is smooth along it, and of which derivative."""
    found = []
    steps = [(i, k or 1, pair) for i, n in enumerate(index) if n for k, pair in enumerate(TWO_WAYS[: n + 1])]
    for i, order, pair in steps:
        one, other = (_product([side if j == i else STENCILS[n] for j, n in enumerate(index)]) for side in pair)
        found.append((i, tuple(order if j == i else n for j, n in enumerate(index)), one, other))
    return found


class Oracle:
    """The derivatives of a row at one point. None: there is none, or what follows is a convention."""

    def __init__(self, op: Op, xs: Point, steps: Sequence[Any], digits: int) -> None:
        self.op, self.xs, self.steps, self.digits = op, xs, steps, digits
        self.known: dict[tuple[int, ...], Any] = {}

    def at(self, offsets: tuple[int, ...]) -> Any:
        if offsets not in self.known:
            xs = [mp.mpf(x) + o * h for x, o, h in zip(self.xs, offsets, self.steps, strict=True)]
            try:
                y = mp.mpf(FORMULAS.get(self.op.name, self.op.forward)(MANY_DIGITS, *xs))
            except (TypeError, ValueError, ArithmeticError, NotImplementedError):
                y = mp.nan  # complex, or a pole
            self.known[offsets] = y if mp.isfinite(y) else mp.nan
        return self.known[offsets]

    def sum(self, weights: Weights) -> Any:
        return sum((weight * self.at(offsets) for offsets, weight in weights.items()), mp.mpf(0))

    def is_smooth(self, index: Index) -> bool:
        """Whether differences from both sides agree, as far up as kinks of the table are."""
        arity = len(index)
        if sum(map(bool, index)) > 1:  # a mixed partial asks for a neighbourhood
            beside = [tuple(o if j == i else 0 for j in range(arity)) for i in range(arity) for o in (1, -1)]
            if any(mp.isnan(self.at(offsets)) for offsets in beside):
                return False
        for i, derived, one, other in _pairs(index):
            first, second = self.sum(one), self.sum(other)
            scale = abs(first) + abs(second)
            if self.steps[i] > TINY:  # the derivative itself may be 0
                scale += self.powers(derived)
            if not abs(first - second) <= mp.mpf("1e-6") * scale:
                return False
        return True

    def powers(self, index: Index) -> Any:
        return math.prod([h**n for h, n in zip(self.steps, index, strict=True)], start=mp.mpf(1))

    def derivative(self, index: Index) -> Any:
        with mp.workdps(self.digits):
            if not self.is_smooth(index):
                return None
            found = self.sum(_weights(index))
            if mp.isnan(found):
                return None
            if abs(found) < 1e10 * mp.eps * max(map(abs, self.known.values())):
                return mp.mpf(0)
            return found / 2 ** len(index) / self.powers(index)


def _digits(xs: Point) -> int:
    least, largest = min([abs(x) for x in xs if x], default=1.0), max(map(abs, xs))
    return 2000 if least < TINY else 420 if largest > 100 else 300 if largest > 3 else 90 if least > 1e-3 else 150


def _limit(op: Op, x: float) -> Callable[[Index], Any]:
    """The derivatives at an end of the domain, or at a pole, from nearby: what they tend to, infinity included."""

    def derivative(index: Index) -> Any:
        sides = []
        with mp.workdps(420):
            for sign in (1, -1):
                far, close = (_shifted(op, x, sign * mp.mpf(10) ** -e * (abs(x) or 1), index) for e in (30, 40))
                if far is None or close is None:
                    continue
                grows = abs(close) > 100 * abs(far)
                sides.append(mp.inf * mp.sign(close) if grows else close)
        if not sides or any(abs(side - sides[0]) > 1e-20 for side in sides if mp.isfinite(side)):
            return None
        return sides[0] if all(side == sides[0] or mp.isfinite(side) for side in sides) else None

    return derivative


def _shifted(op: Op, x: float, by: Any, index: Index) -> Any:
    moved = Oracle(op, (x,), (abs(by) * STEP,), 420)
    moved.xs = (mp.mpf(x) + by,)
    return moved.derivative(index)


@cache
def expected(op: Op, xs: Point) -> Callable[[Index], float | None]:
    """index -> the derivative as a float, inf where it overflows; None where there is none."""
    tiny = op.arity == 1 and 0.0 < abs(xs[0]) < TINY
    steps = [STEP if x == 0.0 else STEP * abs(mp.mpf(x)) for x in xs]
    close = Oracle(op, xs, steps, _digits(xs))
    smooth = Oracle(op, xs, [STEP], 420) if tiny else close

    @cache
    def derivative(index: Index) -> float | None:
        if any(n and op.name == "where" and i == 0 for i, n in enumerate(index)):
            return None
        found = smooth.derivative(index)
        if found and abs(found) < 1e-19:
            halves = [h / 2 for h in smooth.steps]
            nearer = Oracle(op, xs, halves, smooth.digits).derivative(index)  # of a next term a quarter would be left
            found = mp.mpf(0) if nearer is not None and abs(nearer) < 0.3 * abs(found) else found
        if found is None and tiny:
            found = close.derivative(index)
        if found is None and op.arity == 1:
            found = _limit(op, xs[0])(index)
        return None if found is None else float(found)

    return derivative


# ----- points and indices -----


def points(op: Op, few: bool = False) -> list[Point]:
    if op.name == "where":
        return [(c, *ab) for c in (0.0, 1.0) for ab in itertools.product(FEWEST, repeat=2)]
    grids = {1: UNARY, 2: FEW if few else BINARY, 3: FEWEST}
    grid = list(itertools.product(*[grids[op.arity]] * op.arity))
    if op.name == "clip":
        return [(x, low, high) for x, low, high in grid if low < high]
    if op.name in ("remainder", "floor_divide"):  # which jump more often than the oracle steps
        return [(a, b) for a, b in grid if abs(a) < 1e9 * abs(b)]
    return [*grid, *FAR_PAIRS] if op.arity == 2 else grid


def indices(op: Op, order: int = ORDER) -> list[Index]:
    """Every mixed partial up to an order."""
    return [n for n in itertools.product(range(order + 1), repeat=op.arity) if 0 < sum(n) <= order]


def order_of(op: Op) -> int:
    return ORDER if op.arity < 3 else 2


def paths(index: Index) -> list[tuple[int, ...]]:
    """Argument by argument, in the order of differentiation: the first and the last order that there are."""
    ordered = tuple(i for i, n in enumerate(index) for _ in range(n))
    return list(dict.fromkeys([ordered, ordered[::-1]]))


# ----- routes: (op, points) -> for each path an array with a number for each point -----

Route = Callable[[Op, list[Point], int], dict[tuple[int, ...], Any]]


def _tree(nodes: Sequence[Any], y: Any, order: int, zero: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """The derivatives along every path, by differentiating the graph of the gradient again and again."""
    level = {(): y}
    for _ in range(order):
        following: dict[tuple[int, ...], Any] = {}
        for path, root in level.items():
            for node in nodes:
                node.zero_grad()
            if isinstance(root, Value | Tensor) and root.requires_grad:
                seed = (np.ones(root.shape),) if isinstance(root, Tensor) else ()
                root.backward(*seed, create_graph=True)
            for i, node in enumerate(nodes):
                found = node.grad
                following[(*path, i)] = found if isinstance(found, Value | Tensor) else zero
        yield from following.items()
        level = following


def _plain(x: Any) -> Any:
    return x.data if isinstance(x, Value | Tensor) else x


def by_tensors(op: Op, at: list[Point], order: int, dtype: Any = np.float64) -> dict[tuple[int, ...], Any]:
    nodes = [Tensor(np.array(column), dtype=dtype) for column in zip(*at, strict=True)]
    found = _tree(nodes, Tensor._apply(op, *nodes), order, np.zeros(len(at)))
    return {path: _plain(g) for path, g in found}


def by_float32(op: Op, at: list[Point], order: int) -> dict[tuple[int, ...], Any]:
    return by_tensors(op, at, order, np.float32)


def _forwards(op: Op, xs: Sequence[Any], path: tuple[int, ...]) -> Any:
    def f(*args: Any) -> Any:
        return type(args[0])._apply(op, *args)

    def along(f: Callable[..., Any], i: int) -> Callable[..., Any]:
        units = tuple(np.full(np.shape(x), float(i == j)) if np.ndim(x) else float(i == j) for j, x in enumerate(xs))
        return lambda *args: autograd.jvp(f, args, units)[1]

    for i in path:
        f = along(f, i)
    return f(*xs)


def by_tensors_forwards(op: Op, at: list[Point], order: int) -> dict[tuple[int, ...], Any]:
    columns = [np.array(column) for column in zip(*at, strict=True)]
    return {path: _forwards(op, columns, path) for index in indices(op, order) for path in paths(index)}


def by_values(op: Op, at: list[Point], order: int) -> dict[tuple[int, ...], Any]:
    found: dict[tuple[int, ...], list[float]] = {}
    for xs in at:
        nodes = [Value(x) for x in xs]
        for path, g in _tree(nodes, Value._apply(op, *nodes), order, 0.0):
            found.setdefault(path, []).append(_plain(g))
    return found


def by_values_beside_constants(op: Op, at: list[Point], order: int) -> dict[tuple[int, ...], Any]:
    found: dict[tuple[int, ...], list[float]] = {}
    for xs in at:
        for i in range(op.arity):
            node = Value(xs[i])
            for path, g in _tree([node], Value._apply(op, *xs[:i], node, *xs[i + 1 :]), order, 0.0):
                found.setdefault((i,) * len(path), []).append(_plain(g))
    return found


def by_values_forwards(op: Op, at: list[Point], order: int) -> dict[tuple[int, ...], Any]:
    return {
        path: [_forwards(op, xs, path) for xs in at]
        for index in indices(op, order)
        for path in paths(index)
        if max(index) == sum(index)
    }


def by_numbers(op: Op, at: list[Point], order: int) -> dict[tuple[int, ...], Any]:
    """`Value.backward` without a graph of gradients: first derivatives, and forward mode's."""
    found: dict[tuple[int, ...], list[float]] = {}
    for xs in at:
        nodes = [Value(x) for x in xs]
        Value._apply(op, *nodes).backward()
        for i, node in enumerate(nodes):
            found.setdefault((i,), []).append(node.grad)
    return found


def by_compiled(backend: str) -> Route:
    def route(op: Op, at: list[Point], order: int) -> dict[tuple[int, ...], Any]:
        nodes = [[Value(x) for x in column] for column in zip(*at, strict=True)]

        @autograd.compile(backend=backend)  # type: ignore[untyped-decorator]
        def total() -> Any:
            return autograd.sum([Value._apply(op, *xs) for xs in zip(*nodes, strict=True)])

        total().backward()
        return {(i,): [node.grad for node in column] for i, column in enumerate(nodes)}

    return route


COMPILED = [name for name in BACKENDS if name != "numba" or find_spec("numba")]
ROUTES: dict[str, tuple[Route, bool]] = {
    "Tensor, reverse": (by_tensors, False),
    "Tensor float32, reverse": (by_float32, False),
    "Tensor, forward": (by_tensors_forwards, True),
    "Value, reverse": (by_values, True),
    "Value, reverse, beside constants": (by_values_beside_constants, True),
    "Value, forward": (by_values_forwards, True),
    "Value, plain": (by_numbers, False),
    **{f"compiled, {name}": (by_compiled(name), False) for name in COMPILED},
}
"""By name, and whether to look at fewer points."""
FLOATS = {True: np.finfo(np.float32), False: np.finfo(np.float64)}


def is_right(found: float, right: float, single: bool, slack: Callable[[], float]) -> bool:
    """slack: what the last digit of the arguments makes of the result, asked for only near a root of it."""
    kind = FLOATS[single]
    if abs(right) > float(kind.max):
        return abs(found) >= float(kind.max) and (found > 0) == (right > 0)
    least = float(kind.tiny)
    tolerance = TOLERANCE * float(kind.eps) / float(np.finfo(float).eps)
    allowed = tolerance * abs(right) + (least if abs(right) < 4 * least else 0.0)
    return abs(found - right) <= allowed or abs(found - right) <= 8 * float(kind.eps) * slack()


def slack(op: Op, xs: Point, index: Index) -> float:
    """Σ |x_i| |∂f/∂x_i|, f being the derivative at ``index``."""
    more = [tuple(n + (i == j) for j, n in enumerate(index)) for i in range(op.arity)]
    return sum(abs(x * (expected(op, xs)(n) or 0.0)) for x, n in zip(xs, more, strict=True))


def sweep(op: Op, name: str) -> tuple[int, int, list[str]]:
    """How many entries there are on a route, how many of them are nan, and what is wrong."""
    route, few = ROUTES[name]
    single = "float32" in name
    at = points(op, few)
    if single:
        at = [xs for xs in at if all(x == 0.0 or abs(x) > 1e-30 for x in xs)]
    with np.errstate(all="ignore"):
        found = route(op, at, order_of(op))
    entries, nans, faults = 0, 0, []
    for path, numbers in found.items():
        index = tuple(path.count(i) for i in range(op.arity))
        for xs, number in zip(at, np.broadcast_to(numbers, len(at)), strict=True):
            right = expected(op, xs)(index)
            if right is None or (math.isinf(right) and len(set(path)) > 1):  # overflowing terms of either sign
                continue
            entries += 1
            if not is_right(float(number), right, single, lambda: slack(op, xs, index)):  # noqa: B023
                nans += math.isnan(number)
                faults.append(f"{op.name}{xs} by {path}: {number:.17g}, right {right:.17g}")
    return entries, nans, faults


@pytest.mark.parametrize("op", OPS.values(), ids=OPS.keys())
def test_derivatives_are_right_to_fourth_order(op: Op) -> None:
    faults = [f"{name}: {fault}" for name in ROUTES for fault in sweep(op, name)[2]]
    assert not faults, "\n".join(faults[:10])


# ----- reductions and operations on arrays, to second order -----


@dataclass(frozen=True, eq=False)
class Formula:
    """What a row of the other tables computes from some numbers, as the oracle reads it."""

    name: str
    arity: int
    of_list: Callable[[Sequence[Any]], Any]

    def forward(self, m: Any, *xs: Any) -> Any:
        return self.of_list(xs)


formula_of = cache(Formula)
"""One for all kinds of numbers, so that the oracle is asked once."""


def _squares(xs: Sequence[Any]) -> Any:
    return mp.fsum(x * x for x in xs)


def _log_sum(xs: Sequence[Any]) -> Any:
    return mp.log(mp.fsum(map(mp.exp, xs)))


def _square_entry(xs: Sequence[Any]) -> Any:
    a, b, c, d = xs
    return (a * b + b * d) * (c * a + d * c)


MANY: dict[str, Callable[[Sequence[Any]], Any]] = {
    "sum": mp.fsum,
    "mean": lambda xs: mp.fsum(xs) / len(xs),
    "prod": mp.fprod,
    "dot": lambda xs: xs[0] * xs[2] + xs[1] * xs[3],
    "logsumexp": _log_sum,
    "norm": lambda xs: mp.sqrt(_squares(xs)),
}
"""The reductions, of four numbers."""


def _det(xs: Sequence[Any]) -> Any:
    a, b, c, d = xs
    return (1 + a) * (1 + d) - b * c


def _solution(xs: Sequence[Any]) -> Any:
    a, b, c, d = xs
    return ((1 + d - 2 * b) ** 2 + (2 * (1 + a) - c) ** 2) / _det(xs) ** 2


def _triangle(xs: Sequence[Any]) -> Any:
    a, b, c, _ = xs
    top = mp.sqrt(1 + a * a)
    return top + b / top + mp.sqrt(4 + c * c - (b / top) ** 2)


def _row(name: str) -> Callable[..., Any]:
    return autograd.operation(ARRAY_OPS[name])


def _near_one(x: Any) -> Any:
    return np.eye(2) + x.reshape(2, 2)


def _positive_definite(x: Any) -> Any:
    return autograd.stack([1.0 + x[0] ** 2, x[1], x[1], 4.0 + x[2] ** 2]).reshape(2, 2)


ARRAY_FORMS: dict[str, tuple[Callable[[Any], Any], Callable[[Sequence[Any]], Any]]] = {
    "sum": (lambda x: x.sum() ** 2, lambda xs: mp.fsum(xs) ** 2),
    "max": (lambda x: x.max(), max),
    "logsumexp": (lambda x: x.logsumexp(), MANY["logsumexp"]),
    "norm": (lambda x: x.norm(), MANY["norm"]),
    "matmul": (lambda x: (a := x.reshape(2, 2) @ x.reshape(2, 2))[0, 1] * a[1, 0], _square_entry),
    "einsum": (
        lambda x: (a := autograd.einsum("ij,jk->ik", x.reshape(2, 2), x.reshape(2, 2)))[0, 1] * a[1, 0],
        _square_entry,
    ),
    "inv": (
        lambda x: (_row("inv")(_near_one(x)) ** 2).sum(),
        lambda xs: ((1 + xs[0]) ** 2 + xs[1] ** 2 + xs[2] ** 2 + (1 + xs[3]) ** 2) / _det(xs) ** 2,
    ),
    "solve": (lambda x: (_row("solve")(_near_one(x), np.array([[1.0], [2.0]])) ** 2).sum(), _solution),
    "det": (lambda x: _row("det")(_near_one(x)) ** 2, lambda xs: _det(xs) ** 2),
    "log_det": (lambda x: _row("log_det")(_near_one(x)), lambda xs: mp.log(abs(_det(xs)))),
    "cholesky": (lambda x: _row("cholesky")(_positive_definite(x)).sum(), _triangle),
    "cumsum": (
        lambda x: (x.cumsum(0) ** 2).sum(),
        lambda xs: mp.fsum(mp.fsum(xs[: i + 1]) ** 2 for i in range(4)),
    ),
    "linear": (lambda x: (a := _row("linear")(x.reshape(2, 2), x.reshape(2, 2).T))[0, 1] * a[1, 0], _square_entry),
    "cross_entropy": (
        lambda x: _row("cross_entropy")(x.reshape(2, 2), labels=np.array([0, 1])),
        lambda xs: (_log_sum(xs[:2]) - xs[0] + _log_sum(xs[2:]) - xs[3]) / 2,
    ),
    "broadcast_to": (lambda x: (_row("broadcast_to")(x, shape=(2, 4)) ** 2).sum(), lambda xs: 2 * _squares(xs)),
    "reshape": (lambda x: (x.reshape(2, 2) ** 2).sum(), _squares),
    "transpose": (lambda x: (x.reshape(2, 2).T ** 2).sum(), _squares),
    "getitem": (lambda x: (x[1:] ** 2).sum(), lambda xs: _squares(xs[1:])),
    "scatter": (lambda x: (_row("scatter")(x, index=slice(0, 4), shape=(6,)) ** 2).sum(), _squares),
    "concatenate": (lambda x: (autograd.concatenate([x, x]) ** 2).sum(), lambda xs: 2 * _squares(xs)),
    "astype": (lambda x: (x.astype(np.float64) ** 2).sum(), _squares),
    "pad": (lambda x: (x.pad(1) ** 2).sum(), _squares),
}
"""A number from each operation on arrays, of four numbers."""

FOURS = [
    (0.0, 0.0, 0.0, 0.0), (0.5, -1.0, 2.0, 0.0), (1.0, 1.0, -1.0, 2.0**-27), (800.0, -800.0, 20.0, -20.0),
    (-800.0, -801.0, -800.0, -802.5), (2.0**-997, 2.0**-997, 1.0, -2.0),
]  # fmt: skip


def _by_hessian(f: Any, x: Any) -> Any:
    return autograd.hessian(f)(x)


def _by_reverse_twice(f: Any, x: Any) -> Any:
    return [autograd.grad(lambda z, i=i: autograd.grad(f)(z)[i])(x) for i in range(4)]


def _by_forward_twice(f: Any, x: Any) -> Any:
    units = list(np.eye(4, dtype=np.asarray(x).dtype)) if isinstance(x, np.ndarray) else np.eye(4).tolist()

    def along(f: Any, unit: Any) -> Any:
        return lambda z: autograd.jvp(f, (z,), (unit,))[1]

    return [[along(along(f, a), b)(x) for b in units] for a in units]


SECOND_ORDER = {
    "forward over reverse": _by_hessian,
    "reverse twice": _by_reverse_twice,
    "forward twice": _by_forward_twice,
}


def _functions() -> Iterator[tuple[str, Any, Formula, Callable[[Point], Any]]]:
    """Kind of number, function, formula, and how an argument is made of four numbers."""
    for name, reduction in REDUCTIONS.items():
        formula = formula_of(name, 4, MANY[name])
        yield f"Value {name}", lambda v, row=reduction: Value._reduce(row, tuple(v)), formula, list
    for name in ARRAY_OPS:
        function, of_list = ARRAY_FORMS[name]
        yield f"Tensor {name}", function, formula_of(name, 4, of_list), np.array
        yield f"float32 {name}", function, formula_of(name, 4, of_list), partial(np.array, dtype=np.float32)


FUNCTIONS = {name: rest for name, *rest in _functions()}


def sweep_function(name: str) -> tuple[int, int, list[str]]:
    """As `sweep`, of first and second derivatives on every route."""
    f, formula, argument = FUNCTIONS[name]
    entries, nans, faults = 0, 0, []
    single = name.startswith("float32")
    linear = formula.of_list not in (*MANY.values(), _square_entry) and "cross_entropy" not in name
    for xs in FOURS[: 2 if linear else None]:
        if single and 0.0 < min(map(abs, xs)) < TINY:
            continue
        firsts = [expected(formula, xs)(tuple(int(i == j) for j in range(4))) or 0.0 for i in range(4)]
        terms = max(map(abs, firsts))  # of p − p² little is left of a p near 1: it is rounded as 1 is
        x = argument(xs)
        found = {"reverse": [[(g, (i,)) for i, g in enumerate(autograd.grad(f)(x))]]}
        for way, route in SECOND_ORDER.items():
            if single and way != "forward over reverse":
                continue
            found[way] = [[(g, (i, j)) for j, g in enumerate(row)] for i, row in enumerate(route(f, x))]
        for way, (number, path) in ((way, each) for way, rows in found.items() for row in rows for each in row):
            index = tuple(path.count(i) for i in range(4))
            right = expected(formula, xs)(index)
            if right is None:
                continue
            entries += 1
            if not is_right(float(number), right, single, lambda: slack(formula, xs, index) + terms):  # noqa: B023
                nans += math.isnan(number)
                faults.append(f"{name}{xs} by {path}, {way}: {number:.17g}, right {right:.17g}")
    return entries, nans, faults


@pytest.mark.parametrize("name", FUNCTIONS)
def test_reductions_and_operations_on_arrays_are_right_to_second_order(name: str) -> None:
    entries, _, faults = sweep_function(name)
    assert entries
    assert not faults, "\n".join(faults[:10])


NORMS: list[tuple[Callable[[Any], Any], float]] = [
    (lambda y: y**2, 2.0), (lambda y: y * y, 2.0), (lambda y: 0.5 * y**2 + y * y, 3.0), (lambda y: y**3, 0.0),
]  # fmt: skip


@pytest.mark.parametrize("way", ["forward over reverse", "reverse twice"])
@pytest.mark.parametrize(("f", "right"), NORMS)
def test_what_is_smooth_of_a_norm_has_its_hessian_at_0(f: Callable[[Any], Any], right: float, way: str) -> None:
    zeros = [0.0] * 4
    for norm, x in ((autograd.norm, zeros), (lambda v: v.norm(), np.zeros(4))):
        found = SECOND_ORDER[way](lambda v, norm=norm: f(norm(v)), x)
        assert np.array_equal(found, right * np.eye(4))
    rows = SECOND_ORDER[way](lambda v: f(v.reshape(2, 2).norm(axis=1)).sum(), np.zeros(4))
    assert np.array_equal(rows, right * np.eye(4))
    anew = SECOND_ORDER[way](lambda v: autograd.norm(v) * autograd.norm(v), zeros)
    assert np.array_equal(anew, 2.0 * np.eye(4))


def test_an_index_leaves_out_an_infinite_slope_in_every_walk() -> None:
    right = [0.0, 0.25]
    assert autograd.grad(lambda x: x.sqrt()[1])(np.array([0.0, 4.0])).tolist() == right
    for create_graph in (False, True):
        x = Tensor([0.0, 4.0])
        x.sqrt()[1].backward(create_graph=create_graph)
        assert np.array_equal(getattr(x.grad, "data", x.grad), right)
    x = Tensor([0.0, 4.0])
    (x * x).sqrt().sum().backward()  # |x| has no derivative at 0, and none is made up
    assert np.isnan(x.grad[0]) and x.grad[1] == 1.0


@pytest.mark.parametrize("size", [1.0, 1e8, 1e200])
def test_the_slopes_of_logsumexp_add_up_to_1_however_large_the_operands(size: float) -> None:
    right = [0.5, 0.5]
    assert autograd.grad(autograd.logsumexp)([size, size]) == right
    assert autograd.grad(lambda x: x.logsumexp())(np.array([size, size])).tolist() == right


def test_what_does_not_move_does_not_meet_an_infinite_derivative() -> None:
    """0 times inf is nan, and what a seed leaves out is no 0 but nothing."""
    at = np.array([0.0, 4.0])
    right = [[math.inf, 0.0], [0.0, 0.25]]
    assert autograd.jacobian(lambda x: x.sqrt())(at).tolist() == right
    assert autograd.jacobian(lambda x: x.sqrt())(Tensor(at)).data.tolist() == right
    assert autograd.jacobian(lambda x: x.sqrt()[1:])(at).tolist() == right[1:]  # in reverse mode
    assert autograd.jacobian(lambda x: x.sqrt()[1:])(Tensor(at)).data.tolist() == right[1:]
    assert autograd.jacobian(lambda v: [x.sqrt() for x in v])(at.tolist()) == right
    assert autograd.jvp(lambda x: x.sqrt().sum(), (at,), (np.array([0.0, 1.0]),))[1] == 0.25
    assert autograd.jvp(lambda x, w: (x.sqrt() * w).sum(), (at, np.ones(2)), (np.zeros(2), np.ones(2)))[1] == 2.0
    assert autograd.jvp(lambda a, b: a**0.5 * b, (0.0, 2.0), (0.0, 1.0))[1] == 0.0
    assert autograd.hessian(lambda x: x.sqrt().sum())(at).tolist() == [[-math.inf, 0.0], [0.0, -0.03125]]
    touched = autograd.jacobian(lambda x: (x * x).sqrt())(at)  # |x| has no derivative at 0, and none is made up
    assert np.isnan(touched[0, 0])
    assert touched[1].tolist() == [0.0, 1.0]


def test_a_largest_element_keeps_infinity_to_itself() -> None:
    def f(x: Any) -> Any:
        return (x.max() - 2.0).sqrt() + (x.min() + 1.0).sqrt()

    at = np.array([-1.0, 1.0, 2.0])
    assert autograd.grad(f)(at).tolist() == [math.inf, 0.0, math.inf]
    assert autograd.jvp(f, (at,), (np.array([0.0, 1.0, 0.0]),))[1] == 0.0
    x = Tensor(at)
    f(x).backward(create_graph=True)
    assert x.grad.data.tolist() == [math.inf, 0.0, math.inf]


# ----- what is not selected -----


def unselected(op: Op) -> list[tuple[Point, int]]:
    """Where a row that selects has a partial of 0, and near it too, and of which argument."""
    found = []
    for xs in (xs for xs in points(op, few=True) if max(map(abs, xs)) <= 20.0):
        around = [xs, *(tuple(x + step if op.name != "where" else x for x in xs) for step in (1e-3, -1e-3))]
        for i, d in enumerate(op.partials):
            if all(ieee(d, ieee(op.forward, *at), *at) == 0.0 for at in around):
                found.append((xs, i))
    return found


def through_infinity(op: Op, xs: Sequence[Any], y: Any) -> Any:
    """√(op(xs) − y), of infinite derivative at xs."""
    kind = next(type(x) for x in xs if isinstance(x, Value | Tensor))
    return (kind._apply(op, *xs) - y).sqrt()


def selected_by_values(op: Op, xs: Point, i: int, y: float, recorded: bool = False) -> Any:
    nodes = [Value(x) for x in xs]
    through_infinity(op, nodes, y).backward(create_graph=recorded)
    return _plain(nodes[i].grad)


def selected_beside_constants(op: Op, xs: Point, i: int, y: float) -> Any:
    node = Value(xs[i])
    through_infinity(op, (*xs[:i], node, *xs[i + 1 :]), y).backward()
    return node.grad


def selected_by_tensors(op: Op, xs: Point, i: int, y: float, recorded: bool = False) -> Any:
    nodes = [Tensor([x, x]) for x in xs]
    through_infinity(op, nodes, y).sum().backward(create_graph=recorded)
    return _plain(nodes[i].grad)[1]


def selected_forwards(op: Op, xs: Point, i: int, y: float, number: Any = float) -> Any:
    def f(x: Any) -> Any:
        return through_infinity(op, (*xs[:i], x, *xs[i + 1 :]), y)

    x = number(xs[i])
    return float(_plain(autograd.jvp(f, (x,), (number(1.0),))[1]))


def selected_compiled(op: Op, xs: Point, i: int, y: float, backend: str) -> Any:
    nodes = [Value(x) for x in xs]
    autograd.compile(lambda: through_infinity(op, nodes, y), backend=backend)().backward()
    return nodes[i].grad


SELECTING: dict[str, Callable[..., Any]] = {
    "Value": selected_by_values,
    "Value, recorded": partial(selected_by_values, recorded=True),
    "Value beside constants": selected_beside_constants,
    "Tensor": selected_by_tensors,
    "Tensor, recorded": partial(selected_by_tensors, recorded=True),
    "Value, forward": selected_forwards,
    "Value, forward, recorded": partial(selected_forwards, number=Value),
    "Tensor, forward": partial(selected_forwards, number=np.array),
    "Tensor, forward, recorded": partial(selected_forwards, number=Tensor),
    **{f"compiled, {name}": partial(selected_compiled, backend=name) for name in COMPILED},
}


@pytest.mark.parametrize("name", SELECTING)
@pytest.mark.parametrize("op", [op for op in OPS.values() if op.selects], ids=lambda op: op.name)
def test_what_is_not_selected_gets_0_even_of_infinity(op: Op, name: str) -> None:
    at = unselected(op)
    assert at
    for xs, i in at[:3] if name.startswith("compiled") else at:
        found = SELECTING[name](op, xs, i, ieee(op.forward, *xs))
        assert found == 0.0, f"{op.name}{xs} {op.arguments[i]}: {found}"


def main() -> None:
    import sys
    import time

    for name in ROUTES:
        if sys.argv[1:] and sys.argv[1] not in name:
            continue
        began = time.process_time()
        results = [sweep(op, name) for op in OPS.values()]
        entries, nans = (sum(r[i] for r in results) for i in (0, 1))
        wrong = sum(len(r[2]) for r in results) - nans
        print(f"{name}: {entries} entries, {nans} nan, {wrong} wrong   {time.process_time() - began:.1f} s", flush=True)
        if sys.argv[2:]:
            for r in results:
                print("\n".join(r[2][: int(sys.argv[2])]))
    results = [sweep_function(name) for name in FUNCTIONS]
    entries, nans = (sum(r[i] for r in results) for i in (0, 1))
    print(f"reductions and arrays: {entries} entries, {nans} nan, {sum(len(r[2]) for r in results) - nans} wrong")
    if sys.argv[2:]:
        for r in results:
            print("\n".join(r[2][: int(sys.argv[2])]))


if __name__ == "__main__":
    main()
