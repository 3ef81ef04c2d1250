"""`gradcheck`: the derivatives of a program, held against differences of its own results.

    gradcheck(lambda x, y: x * y.sin(), (2.0, 0.5), order=2)

The judge is the program itself, run again with its inputs moved; neither the rules of the operations nor the graph
have a say in that. Where a gradient disagrees, every operation of the graph is put to the same test by itself, and
the first that fails is named.
"""

import math
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np

from autograd.array_ops import Array
from autograd.errors import AnomalyError
from autograd.functional import checked_output, fresh_input
from autograd.graph import Node, between, plain, pullback, pushforward
from autograd.modes import ieee_arithmetic, setting, shown_operands
from autograd.namespaces import ANALYTIC
from autograd.ops import Op, Reduction
from autograd.tensor import Tensor
from autograd.trees import Tree, changed, leaves
from autograd.value import Value
from autograd.written import with_written_repr, written

Program = Callable[[], Tree]
"""Something to run again and again: it computes its result from the data of certain leaves."""

SINGLY = 24
"""An argument of more numbers than this is checked along `DIRECTIONS` random directions, not one number at a time."""
DIRECTIONS = 8

FIRST_STEP, SHRINK, STEPS = 0.1, 2.5, 32
SETTLED, DOUBTFUL = 1e-9, 1e-3
"""A relative uncertainty with which a difference is taken for good, and one with which it decides nothing."""
COMPLEX_STEP = 1e-100
EPS, TINY = float(np.finfo(float).eps), float(np.finfo(float).tiny)


@with_written_repr
@dataclass(frozen=True)
class Comparison:
    """One line of the table: a derivative found by the graph, and by differences.

    what:     the argument, or what else was compared
    analytic: the derivative along each direction looked at: of each number of the argument, unless there are many
    numeric:  the same by ``method``
    error:    ‖a − n‖ / (‖a‖ + ‖n‖); 0 where both are 0 as far as rounding lets us see
    agrees:   whether each number is within the tolerance, or within the rounding of the program's result
    decided:  False where the differences are too uncertain to tell
    kink:     undecided because the slopes on both sides are different
    """

    what: str
    analytic: Array
    numeric: Array
    error: float
    agrees: bool
    method: str
    decided: bool = True
    kink: bool = False

    @property
    def verdict(self) -> str:
        return "agrees" if self.agrees else "DISAGREES" if self.decided else "undecided"


@dataclass(frozen=True)
class GradCheck:
    """What `gradcheck` found. True if every derivative agrees; printed, it is a table."""

    comparisons: tuple[Comparison, ...]
    culprit: str

    def __bool__(self) -> bool:
        return all(c.agrees for c in self.comparisons)

    @property
    def worst(self) -> float:
        """The largest relative error."""
        return max(c.error for c in self.comparisons)

    def __repr__(self) -> str:
        verdicts = [c.verdict for c in self.comparisons]
        verdict = next((v for v in ("DISAGREES", "undecided") if v in verdicts), "agrees")
        return f"GradCheck({verdict}, worst relative error {self.worst:.1e} of {len(self.comparisons)} comparisons)"

    def __str__(self) -> str:
        rows = [("argument", "analytic", "numeric", "relative error", "")]
        for c in self.comparisons:
            verdict = "" if c.agrees else f"  <-- {c.verdict}"
            rows.append((c.what, _shown(c.analytic), _shown(c.numeric), f"{c.error:.1e}", f"by {c.method}{verdict}"))
            if not c.agrees and len(c.analytic) > 1:
                i = int(np.argmax(np.abs(c.analytic - c.numeric)))
                rows.append(
                    (f"  [{i}]", f"{c.analytic[i]:.9g}", f"{c.numeric[i]:.9g}", "", "where they are furthest apart")
                )
        cells = [[written(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in cells]
        return "\n".join([*lines, *([written(self.culprit)] if self.culprit else [])])


def gradcheck(
    f: Callable[..., Tree],
    inputs: Any,
    *,
    order: int = 1,
    tolerance: float = 1e-7,
    seed: int = 0,
    show: bool = True,
) -> GradCheck:
    """Compare the derivatives of ``f`` at ``inputs`` with differences, print the table, and return it.

    f:         a function as for `grad`; of several results, a random combination is taken
    inputs:    a tuple of arguments, or the only argument; each a number, an array, or a list, tuple or dict of those
    order:     2 checks second derivatives too, by the same test of the gradient; and so on
    tolerance: the largest relative error ‖a − n‖ / (‖a‖ + ‖n‖) to be let pass
    seed:      of the random directions and combinations
    show:      print the table

    The differences are central, extrapolated from steps that begin at a tenth of an input's scale and shrink until the
    results settle (Ridders 1982); where every operation is analytic, the exact complex step takes their place (Squire
    & Trapp 1998). Everything is computed in float64. Where the differences do not settle, at a kink or an infinite
    slope, the check is undecided, which counts as False.

    Errors: ValueError where ``f`` is nan or inf at the inputs, or gives two results for one input.
    """
    if not callable(f):
        raise TypeError(f"the first argument is the function to check, got {reprlib.repr(f)}")
    args = inputs if isinstance(inputs, tuple) else (inputs,)
    names = _argument_names(f, len(args))
    fresh = [changed(arg, _leaf, name) for arg, name in zip(args, names, strict=True)]
    arguments = {name: list(leaves(tree)) for name, tree in zip(names, fresh, strict=True)}
    program = partial(f, *fresh)
    program.__name__ = getattr(f, "__name__", repr(f))  # type: ignore[attr-defined]  # for messages
    return check(program, arguments, order=order, tolerance=tolerance, seed=seed, show=show)


def check(
    program: Program,
    arguments: Mapping[str, Sequence[Node]],
    *,
    order: int = 1,
    tolerance: float = 1e-7,
    seed: int = 0,
    show: bool = True,
) -> GradCheck:
    """As `gradcheck`, for a program that computes from the data of leaves; ``arguments`` are these, by name.

    The leaves' data and gradients are afterwards what they were.
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise ValueError(f"order is 1 for first derivatives, 2 for second ones as well; got {order!r}")
    if not isinstance(tolerance, Real) or not 0.0 < tolerance < 1.0:
        raise ValueError(f"tolerance is the largest relative error to let pass, such as 1e-7; got {tolerance!r}")
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise ValueError(f"seed is an int of at least 0, by which a check can be repeated; got {seed!r}")
    if not any(np.size(leaf.data) for leaf in _moving(arguments)):
        raise ValueError("gradcheck needs at least one number to move; the inputs hold none")
    before = [(leaf, leaf.data) for leaf in _moving(arguments)]
    try:
        for leaf, data in before:
            leaf.data = data if isinstance(leaf, Value) else data.astype(float)
        found = _by_orders(program, arguments, order, tolerance, seed)
        agrees = all(c.agrees for c in found)
        culprit = "" if agrees else _culprit(program, arguments, order, tolerance, seed, any(c.kink for c in found))
    finally:
        for leaf, data in before:
            leaf.data = data
    result = GradCheck(tuple(found), culprit)
    if show:
        print(result)
    return result


def _by_orders(
    program: Program, arguments: Mapping[str, Sequence[Node]], order: int, tolerance: float, seed: int
) -> list[Comparison]:
    """The comparisons of first derivatives, of second ones, …; as far as they agree, for one rests on the other."""
    rng = np.random.default_rng(seed)
    found: list[Comparison] = []
    rounding = 0.0
    for n in range(1, order + 1):
        projection = _Projection(program, rng, rounding)
        with ieee_arithmetic():
            compared, rounding = _comparisons(projection, arguments, n, tolerance, rng)
        found += compared
        if not all(c.agrees for c in found):
            break
        program = _gradient_of(projection, arguments)
    return found


def _moving(arguments: Mapping[str, Sequence[Any]]) -> list[Any]:
    return [leaf for nodes in arguments.values() for leaf in nodes]


def _argument_names(f: Callable[..., Any], count: int) -> list[str]:
    """The arguments of ``f`` as it names them, or by number."""
    numbered = [f"argument {i}" for i in range(count)]
    try:
        known = signature(f)
    except (TypeError, ValueError):
        return numbered
    try:
        names = list(known.bind(*numbered).arguments)
    except TypeError as error:
        raise TypeError(
            f"inputs is a tuple of all arguments, as in gradcheck(f, (x, y)), or the only one; it has {count}, and the "
            f"function has {known}: {error}"
        ) from None
    return names if len(names) == count else numbered


def _leaf(x: Any, path: str) -> Node:
    leaf = fresh_input(plain(x), path)
    leaf.label = getattr(x, "label", "")
    return leaf


# ----- one number from a program -----


class _Projection:
    """A program as a single number: the sum of its results, each with a random weight if there are several."""

    def __init__(self, program: Program, rng: "np.random.Generator", rounding: float = 0.0) -> None:
        self.program = program
        outputs = self.outputs()
        if not outputs:
            raise ValueError("gradcheck needs at least one result to differentiate; the function returned none")
        alone = sum(np.size(y.data) for y in outputs) == 1
        draw = np.ones if alone else lambda shape: rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
        self.weights = [draw(np.shape(y.data)) if isinstance(y, Tensor) else float(draw(())) for y in outputs]
        total = sum(float(np.sum(np.abs(w * y.data))) for w, y in zip(self.weights, outputs, strict=True))
        # what a difference of two numbers of this size, or of what they were computed from, cannot tell from nothing
        self.rounding = max(10.0 * EPS * total, rounding, TINY)
        first, second = self.number(), self.number()
        if not math.isfinite(first):
            raise ValueError(f"gradcheck needs a finite result to compare, got {first}; move the inputs")
        if first != second:
            raise ValueError(
                f"the function gave {first!r} and then {second!r} for the same inputs; fix its random numbers with a "
                f"seed inside it, and its state, before its derivative is checked"
            )
        self.value = first

    def outputs(self) -> list[Any]:
        with setting(recording=True, differentiating=True):
            return [checked_output(self.program, y) for y in leaves(self.program())]

    def number(self) -> float:
        return sum(float(np.sum(w * y.data)) for w, y in zip(self.weights, self.outputs(), strict=True))

    def seeds(self, outputs: Sequence[Any], recorded: bool) -> dict[Node, Any]:
        seeds: dict[Node, Any] = {}
        for y, w in zip(outputs, self.weights, strict=True):
            weight = y._constant(w) if recorded else w
            seeds[y] = seeds[y] + weight if y in seeds else weight
        return seeds


def _gradient_of(projection: _Projection, arguments: Mapping[str, Sequence[Node]]) -> Program:
    """The program that computes the gradient of the projection, on nodes."""
    moving = _moving(arguments)

    def gradient() -> Tree:
        outputs = projection.outputs()
        with setting(recording=True):
            found = pullback(between(moving, outputs), projection.seeds(outputs, recorded=True), recorded=True)
        return [found.get(leaf, leaf._constant(np.zeros(np.shape(leaf.data)))) for leaf in moving]

    return gradient


# ----- comparisons -----


class _Slope(NamedTuple):
    """What differences tell of the derivative of a function of one number at 0.

    doubt:    how uncertain it is, but for ``rounding``: that the extrapolation has not settled, or the slopes on both
              sides are different
    rounding: how far the rounding of the function and its argument may have moved it
    kink:     whether the slopes on both sides are known, and different
    """

    derivative: float
    doubt: float
    rounding: float
    kink: bool

    @property
    def uncertainty(self) -> float:
        return self.doubt + self.rounding

    @property
    def relative(self) -> float:
        """The uncertainty beside the derivative."""
        return self.uncertainty / abs(self.derivative) if self.derivative else math.inf

    @property
    def clear(self) -> bool:
        return self.relative < 10.0 * DOUBTFUL

    @property
    def rank(self) -> tuple[bool, float]:
        """The lower, the better. Steps that skip whole waves find small slopes, which are none the better for that."""
        return not self.clear, self.relative if self.clear else self.uncertainty

    def meets(self, other: "_Slope") -> bool:
        """Whether both can be the same."""
        return abs(self.derivative - other.derivative) <= self.uncertainty + other.uncertainty

    def allows(self, exact: float, tolerance: float) -> bool:
        """Whether it is known well enough, and near enough to a derivative found otherwise."""
        known = self.doubt <= DOUBTFUL * abs(exact) + 10.0 * self.rounding
        return known and abs(exact - self.derivative) <= tolerance * abs(exact) + self.uncertainty


_UNKNOWN = _Slope(math.nan, math.inf, 0.0, False)


def _comparisons(
    projection: _Projection,
    arguments: Mapping[str, Sequence[Any]],
    order: int,
    tolerance: float,
    rng: "np.random.Generator",
) -> tuple[list[Comparison], float]:
    """The lines of one order, and how far rounding may have moved the derivatives in them."""
    moving = _moving(arguments)
    outputs = projection.outputs()
    walk = between(moving, outputs)
    gradients = pullback(walk, projection.seeds(outputs, recorded=False), recorded=False)
    blur = 0.0
    prefix = "" if order == 1 else f"order {order}: "
    found = []
    for name, nodes in arguments.items():
        directions = _directions(nodes, rng)
        analytic = np.array([_dot(direction, gradients) for direction in directions])
        slopes, method = [_difference(projection, direction) for direction in directions], "differences"
        for i, direction in enumerate(directions):
            exact = _complex_step(walk, projection, outputs, direction)
            if exact is not None and slopes[i].allows(exact, tolerance):
                slopes[i], method = slopes[i]._replace(derivative=exact, doubt=0.0), "complex step"
            blur += projection.rounding / (FIRST_STEP * max(_size(direction), 1.0))
        found.append(_compared(prefix + name, analytic, slopes, method, tolerance))
    everywhere = {leaf: rng.standard_normal(np.shape(leaf.data)) for leaf in moving}
    tangents = {leaf: float(v) if isinstance(leaf, Value) else v for leaf, v in everywhere.items()}
    pushed = pushforward(walk, tangents, recorded=False)
    forward = sum(float(np.sum(w * pushed.get(y, 0.0))) for y, w in zip(outputs, projection.weights, strict=True))
    reverse = _dot(everywhere, gradients)
    size = sum(float(np.sum(np.abs(v * gradients.get(p, 0.0)))) for p, v in everywhere.items())
    slope = _Slope(forward, 0.0, 100.0 * EPS * size + blur, False)
    found.append(_compared(f"{prefix}all, forwards", np.array([reverse]), [slope], "forward mode", tolerance))
    return found, blur


def _compared(what: str, analytic: Array, slopes: Sequence[_Slope], method: str, tolerance: float) -> Comparison:
    numeric, doubt, rounding, kinks = np.reshape(slopes, (-1, 4)).T
    apart = np.where(analytic == numeric, 0.0, np.abs(analytic - numeric))
    sizes, distance = np.abs(analytic) + np.abs(numeric), math.hypot(*apart)
    total = math.hypot(*analytic) + math.hypot(*numeric)
    error = (0.0 if total <= math.hypot(*rounding) else distance / total) if math.isfinite(distance) else math.inf
    allowed = tolerance * (sizes + 1e-3 * total) + rounding
    undecided = ((kinks > 0.0) & (doubt > allowed)) | ~(doubt <= DOUBTFUL * (sizes + 1e-3 * total) + 10.0 * rounding)
    right = apart <= allowed + doubt
    agrees = bool(np.all(right & ~undecided))
    known = (kinks > 0.0) | (doubt <= 10.0 * (DOUBTFUL * np.abs(numeric) + rounding))
    decided = agrees or bool(np.any(~right & known))
    return Comparison(what, analytic, numeric, error, agrees, method, decided, bool(np.any(kinks * undecided)))


def _directions(nodes: Sequence[Any], rng: "np.random.Generator") -> list[dict[Node, Array]]:
    """The unit vectors of the numbers in ``nodes``, or some random ones if these are many."""
    if sum(np.size(leaf.data) for leaf in nodes) > SINGLY:
        drawn = [{leaf: rng.standard_normal(np.shape(leaf.data)) for leaf in nodes} for _ in range(DIRECTIONS)]
        return [{leaf: v / _norm(direction) for leaf, v in direction.items()} for direction in drawn]
    units = []
    for leaf in nodes:
        size, shape = np.size(leaf.data), np.shape(leaf.data)
        units += [{leaf: unit.reshape(shape)} for unit in np.eye(size)]
    return units


def _norm(direction: Mapping[Node, Array]) -> float:
    return math.sqrt(sum(float(np.sum(v * v)) for v in direction.values()))


def _dot(direction: Mapping[Node, Array], gradients: Mapping[Node, Any]) -> float:
    return sum(float(np.sum(v * gradients.get(leaf, 0.0))) for leaf, v in direction.items())


def _difference(projection: _Projection, direction: Mapping[Any, Array]) -> _Slope:
    """The derivative of the number along ``direction``."""
    size, best = _size(direction), _UNKNOWN
    for scale in {max(size, 1.0): 1, size: 2}:  # the second for a small input, which may be close to an edge or a kink
        if scale and not best.relative <= SETTLED:
            slope = _slope(projection, direction, FIRST_STEP * scale, size)
            best = slope if not best.relative <= slope.relative else best
    return best


def _size(direction: Mapping[Any, Array]) -> float:
    """The largest of the numbers that ``direction`` moves."""
    return max(float(np.max(np.abs(np.where(v, leaf.data, 0.0)), initial=0.0)) for leaf, v in direction.items())


def _along(number: Callable[[], float], direction: Mapping[Any, Array]) -> Callable[[float], float]:
    """``number`` as a function of how far its leaves are moved along ``direction``."""

    def moved(t: float) -> float:
        before = [(leaf, leaf.data) for leaf in direction]
        try:
            for leaf, v in direction.items():
                data = leaf.data + t * v
                leaf.data = float(data) if isinstance(leaf, Value) else data
            return number()
        finally:
            for leaf, data in before:
                leaf.data = data

    return moved


def _slope(projection: _Projection, direction: Mapping[Any, Array], step: float, size: float) -> _Slope:
    """The clearest of the slopes that steps from ``step`` downwards find, each confirmed by the step after it."""
    best, steepest, around = _UNKNOWN, 0.0, 0.0
    clear: list[_Slope] = []
    before: list[_Slope] = []
    for found, noise, steep in _extrapolated(projection, direction, step, size):
        if noise > best.uncertainty or best.relative <= SETTLED:
            break
        # of so many numbers two agree by chance, but hardly the next two as well
        pairs = [(a, b) for a, b in zip(before, found, strict=False) if math.isfinite(a.doubt + b.doubt)]
        confirmed = [a._replace(doubt=max(a.doubt, b.doubt), kink=a.kink and b.kink) for a, b in pairs]
        slope = min(confirmed, key=lambda slope: slope.rank, default=_UNKNOWN)
        if slope.rank < best.rank:
            best, around = slope, steepest
        clear += [slope] if slope.clear else []
        before, steepest = found, max(steepest, steep)
    for one, other in pairwise(clear):  # a staircase has two slopes, and the differences cannot say which counts
        if one.meets(other) and not one.meets(best) and not other.meets(best):
            best = best._replace(doubt=abs(one.derivative - best.derivative) + one.uncertainty)
    if best.doubt <= SETTLED * around:  # next to the slopes around it is 0, whatever it is
        return best._replace(doubt=0.0, rounding=best.uncertainty)
    return best


def _extrapolated(
    projection: _Projection, direction: Mapping[Any, Array], step: float, size: float
) -> Iterator[tuple[list[_Slope], float, float]]:
    """For each of the shrinking steps the slopes extrapolated from it and those before, its noise and steepest slope.

    The difference is central, and even in the step; that of the slopes to the right and to the left is odd. The second
    is extrapolated alike: what is left of it in the limit is 0, but for a kink.

    Source: C. J. F. Ridders, "Accurate computation of F′(x) and F′(x) F″(x)" (1982).
    """
    along, middle = _along(projection.number, direction), projection.value
    before: list[tuple[float, float]] = []
    for _ in range(STEPS):
        right, left = along(step), along(-step)
        row = [((right - left) / (2.0 * step), ((right - middle) - (middle - left)) / step)]
        noise = max(projection.rounding, 10.0 * EPS * max(abs(right), abs(left))) / step
        found = []
        for k, (coarse, coarse_jump) in enumerate(before[:3]):
            central, jump = row[k]
            finer = central + (central - coarse) / (SHRINK ** (2 * k + 2) - 1.0)
            finer_jump = jump + (jump - coarse_jump) / (SHRINK ** (2 * k + 1) - 1.0)
            row.append((finer, finer_jump))
            apart = max(abs(finer - central), abs(finer - coarse))
            jumps_apart = max(abs(finer_jump - jump), abs(finer_jump - coarse_jump))
            rounding = noise + EPS * size * abs(finer) / step
            kink = abs(finer_jump) > 10.0 * (jumps_apart + rounding)
            found.append(_Slope(finer, apart + 0.5 * abs(finer_jump), rounding, kink))
        yield found, noise, max(map(abs, row[0])) if math.isfinite(right + left) else 0.0
        before, step = row, step / SHRINK


def _complex_step(
    walk: Sequence[Node], projection: _Projection, outputs: Sequence[Node], direction: Mapping[Node, Array]
) -> float | None:
    """Im f(x + ihv) / h, which has no difference to lose digits in; None where an operation is not analytic."""
    numbers: dict[Node, Any] = {leaf: leaf.data + 1j * COMPLEX_STEP * v for leaf, v in direction.items()}
    try:
        with np.errstate(all="ignore"):
            for node in walk:
                if not numbers.keys().isdisjoint(node.parents):
                    numbers[node] = _forward(node.op, [numbers.get(parent, parent.data) for parent in node.parents])
    except (AttributeError, TypeError):
        return None
    moved = [(w, numbers[y]) for y, w in zip(outputs, projection.weights, strict=True) if y in numbers]
    return sum(float(np.sum(w * np.imag(y))) for w, y in moved) / COMPLEX_STEP


def _forward(op: Any, xs: list[Any]) -> Any:
    if isinstance(op, Op):
        return op.forward(ANALYTIC, *map(np.asarray, xs))
    if isinstance(op, Reduction):
        return op.forward(tuple(map(complex, xs)))  # type: ignore[arg-type]
    if "dtype" in op.options:
        raise TypeError("a real dtype has no room for a complex step")
    y = op.forward(*xs, **op.options)
    return y[0] if op.keeps else y


# ----- who is to blame -----


def _culprit(
    program: Program, arguments: Mapping[str, Sequence[Node]], order: int, tolerance: float, seed: int, kink: bool
) -> str:
    """The first operation of the graph whose own derivatives disagree with differences, or that has the ``kink``."""
    lines: dict[int, str] = {}
    try:
        with setting(recording=True, differentiating=True, anomaly=True, origins=lines):
            outputs = list(leaves(program()))
    except AnomalyError as error:
        return f"On the way to the result, {error}"
    suspects = []
    for node in between(_moving(arguments), outputs):
        operands = [fresh_input(p.data, p.label) if p.requires_grad else p for p in node.parents]
        alone = {f"operand {i}": [p] for i, p in enumerate(operands) if p.requires_grad}
        name = f"{node.op.name} of {shown_operands(node.parents)}\n  at {lines.get(id(node), 'an unknown line')}"
        suspects.append((name, partial(_apply, node.op, operands), alone))
    checked = [(name, _by_orders(again, alone, order, tolerance, seed)) for name, again, alone in suspects]
    for name, found in checked:
        for c in found:
            if c.verdict == "DISAGREES":
                return (
                    f"The first operation that disagrees with differences of its own is {name}\n"
                    f"{c.what}: {_shown(c.analytic)} by its rule, {_shown(c.numeric)} by differences"
                )
    for name, found in checked:
        for c in found:
            if kink and c.kink:
                return f"The result has a kink here, and the gradient is a convention: move the inputs away from {name}"
            if not kink and not c.agrees:
                return (
                    f"Differences do not settle here: the slope is infinite, or changes faster than rounding lets us "
                    f"follow. Move the inputs away from {name}"
                )
    return (
        "Every operation of the graph agrees with differences of its own, so the function depends on its inputs in a "
        "way that the graph does not see: by .data, .item(), detach() or no_grad(), or by a condition such as "
        "`if x > 0` that changes just here."
    )


def _apply(op: Any, operands: Sequence[Any]) -> Node:
    return Value._reduce(op, tuple(operands)) if isinstance(op, Reduction) else type(operands[0])._apply(op, *operands)


def _shown(numbers: Array) -> str:
    """The number, or the length of several and how many they are."""
    if len(numbers) == 1:
        return f"{numbers[0]:.9g}"
    return f"‖·‖ {np.linalg.norm(numbers):.9g} ({len(numbers)})"
