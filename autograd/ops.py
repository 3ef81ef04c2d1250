"""The table of operations: every derivative glassgrad knows about numbers stands in this file.

An `Op` is one row: a forward rule and one local partial derivative for each argument. From the row follow
reverse mode (partial times upstream gradient), higher derivatives (the partials evaluated on nodes are a graph
again), arrays (the rule over NumPy), the pictures and the tests. To add an operation, add a row.

A `Reduction` is the same for an operation on any number of scalars: one node with many parents, because a node
for each multiply-add is what makes scalar engines slow.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from importlib import import_module
from inspect import signature
from operator import mul
from types import MappingProxyType
from typing import Any, Self

from autograd.namespaces import ROWS as RULES
from autograd.namespaces import SCALARS, Rule, ieee
from autograd.written import with_written_repr

Saved = tuple[float, ...]
Mask = tuple[bool, ...]
Contributions = Sequence[float | None]
Interval = tuple[float, float]
REAL: Interval = (-3.0, 3.0)
POSITIVE: Interval = (0.1, 3.0)


_TABLES = (
    ("autograd.ops", "OPS"), ("autograd.ops", "REDUCTIONS"), ("autograd.numpy_rows", "ROWS"),
    ("autograd.array_ops", "ARRAY_OPS"), ("autograd.compiler.take", "ROWS"),
)  # fmt: skip


class Row:
    """The base of the rows of all tables: a copy of one is the row itself, and a pickle has its name."""

    __slots__ = ()
    name: str

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> Any:
        for place in _TABLES:
            if self is _row(*place, self.name):
                return _row, (*place, self.name)
        raise TypeError(
            f"{self.name} is an operation of your own, whose rules no pickle can hold; pickle a result of it without "
            f"its graph, which is result.detach(), and model.state_dict() of a model that keeps one"
        )


def _row(module: str, table: str, name: str) -> Any:
    return getattr(import_module(module), table).get(name)


@with_written_repr
@dataclass(frozen=True, eq=False)
class Op(Row):
    """One elementwise operation.

    name:     what `Value`, `Tensor` and the module-level function call it
    symbol:   what pictures write on it
    forward:  ``(m, *xs) -> y``
    partials: one ``(m, y, *xs) -> ∂y/∂x_i`` for each argument, `y` being the forward result
    latex:    the formula, for pages
    domain:   for each argument, where tests sample it
    kinks:    pairs (arguments, partials): the convention where no derivative exists, held by a test
    defaults: values of trailing arguments that may be left out
    selects:  whether an argument with partial 0 was not selected: 0 is sent to it, even of an infinite gradient
    """

    name: str
    symbol: str
    forward: Rule
    partials: tuple[Rule, ...]
    latex: str
    domain: tuple[Interval, ...] = (REAL,)
    kinks: tuple[tuple[Saved, Saved], ...] = ()
    defaults: tuple[float, ...] = ()
    selects: bool = False
    arguments: tuple[str, ...] = field(init=False)
    arity: int = field(init=False)
    scalar_vjp: Callable[[Saved, float], Contributions] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        arguments = _arguments(self.name, self.forward)
        object.__setattr__(self, "arguments", arguments)
        object.__setattr__(self, "arity", len(arguments))
        _check_row(self)
        object.__setattr__(self, "scalar_vjp", _scalar_vjp(self.partials, self.selects))

    def complete(self, args: tuple[Any, ...], named: Mapping[str, Any] = MappingProxyType({})) -> tuple[Any, ...]:
        """``args`` with the arguments given by name and the defaults of those left out, in order."""
        in_order = dict(zip(self.arguments, args, strict=False))
        optional = dict(zip(self.arguments[self.arity - len(self.defaults) :], self.defaults, strict=True))
        complete = optional | in_order | dict(named)
        if len(args) > self.arity or in_order.keys() & named.keys() or complete.keys() != set(self.arguments):
            by_name = f" and {', '.join(named)} by name" if named else ""
            raise TypeError(
                f"{self.name}({', '.join(self.arguments)}) got {len(args)} argument{'s' * (len(args) != 1)} in "
                f"order{by_name}"
            )
        return tuple(complete[name] for name in self.arguments)

    def masked_vjp(self, saved: tuple[Saved, Mask], g: float) -> Contributions:
        """As `scalar_vjp`, with None for the parents that are constants."""
        operands, wanted = saved
        partials = [ieee(d, *operands) if want else None for d, want in zip(self.partials, wanted, strict=True)]
        if self.selects:
            return [d and g * d for d in partials]  # None and 0 stay what they are
        return [None if d is None else g * d for d in partials]

    def node_partials(self, m: Any, y: Any, xs: Sequence[Any], wanted: Mask) -> Sequence[Any]:
        """The partials over namespace ``m``; None where not wanted."""
        return [d(m, y, *xs) if want else None for d, want in zip(self.partials, wanted, strict=True)]


def _arguments(name: str, forward: Rule) -> tuple[str, ...]:
    """The names of the arguments, as the forward rule has them."""
    parameters = list(signature(forward).parameters.values()) if callable(forward) else []
    if len(parameters) < 2 or any(p.kind is not p.POSITIONAL_OR_KEYWORD for p in parameters):
        raise TypeError(
            f"operation {name!r}: the forward rule is a function (m, x, …) of a namespace and at least one argument "
            f"with a name, got {forward!r}"
        )
    return tuple(p.name for p in parameters[1:])


def _check_row(op: Op) -> None:
    """Refuse a row with a field missing or misshapen; whoever adds one makes these mistakes."""
    call = f"(m, {', '.join(op.arguments)})"
    for kind in ("name", "symbol", "latex"):
        if not isinstance(getattr(op, kind), str) or not getattr(op, kind):
            raise TypeError(f"operation {op.name!r}: {kind} is text for people to read, got {getattr(op, kind)!r}")
    for kind, entries in (("partials", op.partials), ("domain", op.domain)):
        if not isinstance(entries, tuple) or len(entries) != op.arity:
            raise TypeError(
                f"operation {op.name!r} takes {call}: {kind} must be a tuple of {op.arity}, one for each argument "
                f"after m; got {len(entries) if isinstance(entries, tuple) else entries!r}"
            )
    for d in op.partials:
        try:
            signature(d).bind("m", "y", *op.arguments)
        except (TypeError, ValueError):
            raise TypeError(
                f"operation {op.name!r}: each partial is a function (m, y, {', '.join(op.arguments)}), "
                f"where y is the result; got {d!r}"
            ) from None
    if not all(isinstance(pair, tuple) and len(pair) == 2 and pair[0] <= pair[1] for pair in op.domain):
        raise ValueError(f"operation {op.name!r}: each domain is a pair (low, high), got {op.domain!r}")
    if not isinstance(op.defaults, tuple) or len(op.defaults) >= op.arity:
        raise TypeError(
            f"operation {op.name!r} takes {call}: at most {op.arity - 1} of these can have defaults, which "
            f"are a tuple of numbers; got {op.defaults!r}"
        )
    if not isinstance(op.kinks, tuple) or not all(_is_kink(op.arity, kink) for kink in op.kinks):
        raise TypeError(
            f"operation {op.name!r}: each kink is ({op.arity} arguments, {op.arity} partials), a pair of tuples; "
            f"got {op.kinks!r}"
        )


def _is_kink(arity: int, kink: Any) -> bool:
    pair = isinstance(kink, tuple) and len(kink) == 2
    return pair and all(isinstance(numbers, tuple) and len(numbers) == arity for numbers in kink)


def _scalar_vjp(partials: tuple[Rule, ...], selects: bool) -> Callable[[Saved, float], Contributions]:
    """``((y, *xs), g) -> [g ∂y/∂x_i]``, unrolled for one and two arguments: nearly every node has those."""

    def exact(saved: Saved, g: float) -> Contributions:
        return [g * ieee(d, *saved) for d in partials]

    def unary(saved: Saved, g: float) -> Contributions:
        y, x = saved
        try:
            return (g * partials[0](SCALARS, y, x),)
        except (ArithmeticError, ValueError):
            return exact(saved, g)

    def binary(saved: Saved, g: float) -> Contributions:
        y, a, b = saved
        try:
            return g * da(SCALARS, y, a, b), g * db(SCALARS, y, a, b)
        except (ArithmeticError, ValueError):
            return exact(saved, g)

    def selecting(saved: Saved, g: float) -> Contributions:
        try:
            return [g * d if (d := rule(SCALARS, *saved)) else 0.0 for rule in partials]
        except (ArithmeticError, ValueError):
            return [g * d if (d := ieee(rule, *saved)) else 0.0 for rule in partials]

    if selects:
        return selecting
    if len(partials) == 2:
        da, db = partials
    return {1: unary, 2: binary}.get(len(partials), exact)


def _sigmoid(m: Any, x: Any) -> Any:
    odds = m.exp(m.minimum(x, 80.0))  # from there on it is 1 to the last digit
    return odds / (1.0 + odds)


def _sech2(m: Any, x: Any) -> Any:
    sech = 1.0 / m.cosh(x)
    return sech * sech


def _sigmoid_slope(m: Any, x: Any) -> Any:
    return 0.25 * m.sech2(0.5 * x)


def _normal_cdf(m: Any, x: Any) -> Any:
    return 0.5 * m.erfc(x * -math.sqrt(0.5))


def _normal_pdf(m: Any, x: Any) -> Any:
    return m.exp(-0.5 * x * x) * (1.0 / math.sqrt(2.0 * math.pi))


def _erf_slope(m: Any, x: Any) -> Any:
    return m.exp(-x * x) * (2.0 / math.sqrt(math.pi))


def _log_slope(m: Any, y: Any, a: Any, b: Any) -> Any:
    """y ln a for y = c·aᵇ, and 0 at a = 0: what is not chosen is ln 1, whose derivatives are finite."""
    at_zero = m.equal(a, 0.0) & (b >= 0.0)
    return m.where(at_zero, 0.0, y * m.log(m.where(at_zero, 1.0, a)))


def _below(m: Any, x: Any) -> Any:
    """x up to 0, and 0 above: of a branch that is not taken neither the value nor a derivative overflows."""
    return m.where(x > 0.0, 0.0, x)


def _argument_shares(m: Any, winner: Any, tie: Any) -> Any:
    """1 for the argument that won, ½ each at a tie (PyTorch's and JAX's convention), 0 for the other."""
    return winner + 0.5 * tie


ROWS: tuple[Op, ...] = (
    # ----- arithmetic -----
    Op(
        "add", "+", lambda m, a, b: a + b,
        (lambda m, y, a, b: 1.0, lambda m, y, a, b: 1.0),
        "a + b", (REAL, REAL),
    ),
    Op(
        "sub", "-", lambda m, a, b: a - b,
        (lambda m, y, a, b: 1.0, lambda m, y, a, b: -1.0),
        "a - b", (REAL, REAL),
    ),
    Op(
        "mul", "*", lambda m, a, b: a * b,
        (lambda m, y, a, b: b, lambda m, y, a, b: a),
        r"a \, b", (REAL, REAL),
    ),
    Op(
        "div", "/", lambda m, a, b: a / b,
        (lambda m, y, a, b: 1.0 / b, lambda m, y, a, b: -y / b),
        r"\frac{a}{b}", (REAL, POSITIVE),
    ),
    Op(
        "power", "**", lambda m, a, b: m.power(a, b),
        (lambda m, y, a, b: m.monomial(b, a, b - 1.0), lambda m, y, a, b: _log_slope(m, y, a, b)),
        "a^b", (POSITIVE, REAL), kinks=(((0.0, 0.0), (0.0, 0.0)), ((0.0, 2.0), (0.0, 0.0))),
    ),
    Op(
        # with what a power has for derivatives: x² has 2x, 2 and then 0, and never 0 times an infinite power
        "monomial", "c·aᵖ", lambda m, c, a, p: m.where(m.equal(c, 0.0), 0.0, c * m.power(a, p)),
        (
            lambda m, y, c, a, p: m.power(a, p),
            lambda m, y, c, a, p: m.monomial(c * p, a, p - 1.0),
            lambda m, y, c, a, p: _log_slope(m, y, a, p),
        ),
        r"c \, a^p", (REAL, POSITIVE, REAL),
        kinks=(((2.0, 0.0, 0.0), (1.0, 0.0, 0.0)), ((2.0, 0.0, 2.0), (0.0, 0.0, 0.0))),
    ),
    Op(
        # with the sign of b, as in Python and NumPy; the quotient jumps where a is a multiple of b
        "remainder", "%", lambda m, a, b: m.remainder(a, b),
        (lambda m, y, a, b: 1.0, lambda m, y, a, b: -m.floor_divide(a, b)),
        r"a - b \lfloor a / b \rfloor", ((2.3, 2.9), (1.0, 1.1)),
    ),
    Op(
        "floor_divide", "//", lambda m, a, b: m.floor_divide(a, b),
        (lambda m, y, a, b: 0.0, lambda m, y, a, b: 0.0),
        r"\lfloor a / b \rfloor", ((2.3, 2.9), (1.0, 1.1)), selects=True,
    ),
    Op("neg", "-", lambda m, x: -x, (lambda m, y, x: -1.0,), "-x"),
    Op("clone", "=", lambda m, x: +x, (lambda m, y, x: 1.0,), "x"),
    # ----- magnitude and sign -----
    Op(
        "abs", "abs", lambda m, x: m.abs(x), (lambda m, y, x: m.sign(x),),
        r"\lvert x \rvert", kinks=(((0.0,), (0.0,)),),
    ),
    Op(
        "sign", "sign", lambda m, x: m.sign(x), (lambda m, y, x: 0.0,),
        r"\operatorname{sign} x", kinks=(((0.0,), (0.0,)),), selects=True,
    ),
    # ----- exponentials and logarithms -----
    Op("exp", "exp", lambda m, x: m.exp(x), (lambda m, y, x: y,), "e^x"),
    Op("log", "log", lambda m, x: m.log(x), (lambda m, y, x: 1.0 / x,), r"\ln x", (POSITIVE,)),
    Op(
        "log1p", "log1p", lambda m, x: m.log1p(x), (lambda m, y, x: 1.0 / (1.0 + x),),
        r"\ln(1 + x)", ((-0.9, 3.0),),
    ),
    Op("expm1", "expm1", lambda m, x: m.expm1(x), (lambda m, y, x: m.exp(x),), "e^x - 1"),
    Op("sqrt", "sqrt", lambda m, x: m.sqrt(x), (lambda m, y, x: 0.5 / y,), r"\sqrt{x}", (POSITIVE,)),
    # ----- circular and hyperbolic -----
    Op("sin", "sin", lambda m, x: m.sin(x), (lambda m, y, x: m.cos(x),), r"\sin x"),
    Op("cos", "cos", lambda m, x: m.cos(x), (lambda m, y, x: -m.sin(x),), r"\cos x"),
    Op("tan", "tan", lambda m, x: m.tan(x), (lambda m, y, x: 1.0 + y * y,), r"\tan x", ((-1.3, 1.3),)),
    Op("sinh", "sinh", lambda m, x: m.sinh(x), (lambda m, y, x: m.cosh(x),), r"\sinh x"),
    Op("cosh", "cosh", lambda m, x: m.cosh(x), (lambda m, y, x: m.sinh(x),), r"\cosh x"),
    Op("tanh", "tanh", lambda m, x: m.tanh(x), (lambda m, y, x: m.sech2(x),), r"\tanh x"),
    Op("sech2", "sech²", _sech2, (lambda m, y, x: -2.0 * y * m.tanh(x),), r"\operatorname{sech}^2 x"),
    Op("asin", "asin", lambda m, x: m.asin(x), (lambda m, y, x: m.arc_slope(x),), r"\arcsin x", ((-0.9, 0.9),)),
    Op("acos", "acos", lambda m, x: m.acos(x), (lambda m, y, x: -m.arc_slope(x),), r"\arccos x", ((-0.9, 0.9),)),
    Op(
        "arc_slope", "asin′", lambda m, x: 1.0 / m.sqrt((1.0 - x) * (1.0 + x)), (lambda m, y, x: x * y * y * y,),
        r"\frac{1}{\sqrt{1 - x^2}}", ((-0.9, 0.9),),
    ),
    Op("atan", "atan", lambda m, x: m.atan(x), (lambda m, y, x: 1.0 / (1.0 + x * x),), r"\arctan x"),
    Op(
        "erf", "erf", lambda m, x: m.erf(x), (lambda m, y, x: _erf_slope(m, x),), r"\operatorname{erf} x",
    ),
    Op(
        "erfc", "erfc", lambda m, x: m.erfc(x), (lambda m, y, x: -_erf_slope(m, x),), r"1 - \operatorname{erf} x",
    ),
    # ----- activations -----
    Op("sigmoid", "σ", _sigmoid, (lambda m, y, x: _sigmoid_slope(m, x),), r"\frac{1}{1 + e^{-x}}"),
    Op(
        "relu", "ReLU", lambda m, x: m.maximum(x, 0.0), (lambda m, y, x: x > 0.0,),
        r"\max(x, 0)", kinks=(((0.0,), (0.0,)),), selects=True,
    ),
    Op(
        "leaky_relu", "LeakyReLU", lambda m, x, slope: m.where(x > 0.0, x, slope * x),
        (lambda m, y, x, slope: m.where(x > 0.0, 1.0, slope), lambda m, y, x, slope: _below(m, x)),
        r"x \text{ if } x > 0 \text{ else } s\,x", (REAL, (0.0, 0.5)),
        kinks=(((0.0, 0.01), (0.01, 0.0)),), defaults=(0.01,), selects=True,
    ),
    Op(
        "elu", "ELU", lambda m, x, alpha: m.where(x > 0.0, x, alpha * m.expm1(_below(m, x))),
        (
            lambda m, y, x, alpha: m.where(x > 0.0, 1.0, alpha * m.exp(_below(m, x))),
            lambda m, y, x, alpha: m.expm1(_below(m, x)),
        ),
        r"x \text{ if } x > 0 \text{ else } \alpha\,(e^x - 1)", (REAL, (0.5, 2.0)),
        kinks=(((0.0, 2.0), (2.0, 0.0)),), defaults=(1.0,), selects=True,
    ),
    Op(
        "gelu", "GELU", lambda m, x: x * _normal_cdf(m, x),
        (lambda m, y, x: _normal_cdf(m, x) + x * _normal_pdf(m, x),), r"x \, \Phi(x)",
    ),
    Op(
        "silu", "SiLU", lambda m, x: x * m.sigmoid(x),
        (lambda m, y, x: m.sigmoid(x) + x * _sigmoid_slope(m, x),), r"x \, \sigma(x)",
    ),
    Op(
        "softplus", "softplus", lambda m, x: m.maximum(x, 0.0) + m.log1p(m.exp(-m.abs(x))),
        (lambda m, y, x: m.sigmoid(x),), r"\ln(1 + e^x)",
    ),
    # ----- choosing -----
    Op(
        "maximum", "max", lambda m, a, b: m.maximum(a, b),
        (
            lambda m, y, a, b: _argument_shares(m, a > b, m.equal(a, b)),
            lambda m, y, a, b: _argument_shares(m, b > a, m.equal(a, b)),
        ),
        r"\max(a, b)", (REAL, REAL), kinks=(((1.0, 1.0), (0.5, 0.5)),), selects=True,
    ),
    Op(
        "minimum", "min", lambda m, a, b: m.minimum(a, b),
        (
            lambda m, y, a, b: _argument_shares(m, a < b, m.equal(a, b)),
            lambda m, y, a, b: _argument_shares(m, b < a, m.equal(a, b)),
        ),
        r"\min(a, b)", (REAL, REAL), kinks=(((1.0, 1.0), (0.5, 0.5)),), selects=True,
    ),
    Op(
        "clip", "clip", lambda m, x, low, high: m.minimum(m.maximum(x, low), high),
        (
            lambda m, y, x, low, high: (x >= low) & (x <= high),
            lambda m, y, x, low, high: x < low,
            lambda m, y, x, low, high: x > high,
        ),
        r"\min(\max(x, l), h)", (REAL, (-2.0, -1.0), (1.0, 2.0)),
        kinks=(((-1.0, -1.0, 1.0), (1.0, 0.0, 0.0)), ((1.0, -1.0, 1.0), (1.0, 0.0, 0.0))), selects=True,
    ),
    Op(
        # the condition arrives as 1.0 or 0.0, and is thereby its own mask
        "where", "where", lambda m, condition, a, b: m.where(condition, a, b),
        (
            lambda m, y, condition, a, b: 0.0,
            lambda m, y, condition, a, b: condition,
            lambda m, y, condition, a, b: 1.0 - condition,
        ),
        r"a \text{ if } c \text{ else } b", ((1.0, 1.0), REAL, REAL), selects=True,
    ),
)  # fmt: skip

OPS: dict[str, Op] = {op.name: op for op in ROWS}
RULES.update({op.name: op.forward for op in ROWS})


@with_written_repr
@dataclass(frozen=True, eq=False)
class Reduction(Row):
    """One operation from many scalars to one: ``forward(xs) -> y`` and ``partials(m, y, xs) -> [∂y/∂x_i]``.

    selects: as for an `Op`
    radial:  whether the partials are x_i / y, to be `divided` where y is 0
    """

    name: str
    symbol: str
    forward: Callable[[Saved], float]
    partials: Callable[[Any, Any, Sequence[Any]], Sequence[Any]]
    latex: str
    selects: bool = False
    radial: bool = False

    def scalar_vjp(self, saved: Saved, g: float) -> Contributions:
        """``((y, *xs), g) -> [g ∂y/∂x_i]``."""
        partials = self.partials(SCALARS, saved[0], saved[1:])
        return [d and g * d for d in partials] if self.selects else [g * d for d in partials]

    def masked_vjp(self, saved: tuple[Saved, Mask], g: float) -> Contributions:
        """As `scalar_vjp`, with None for the parents that are constants."""
        sent = self.scalar_vjp(saved[0], g)
        return [d if want else None for d, want in zip(sent, saved[1], strict=True)]

    def node_partials(self, m: Any, y: Any, xs: Sequence[Any], wanted: Mask) -> Sequence[Any]:
        """The partials over namespace ``m``; None where not wanted."""
        return [d if want else None for d, want in zip(self.partials(m, y, xs), wanted, strict=True)]


def _is_again(x: Any, y: Any) -> bool:
    """Whether ``x`` is the node ``y``, a result, or another that the same operation made of the same nodes."""
    made = [(node.op and node.op.name, getattr(node.op, "options", {}), *map(id, node.parents)) for node in (x, y)]
    return x is y or made[0] == made[1]


def divided(m: Any, g: Any, y: Any, depth: int = 8) -> Any:
    """g / y by taking the factor y out of the node ``g``, which is right where y is 0 too; None if it has none."""
    name = "" if g.op is None or not depth else g.op.name
    if _is_again(g, y):
        return 1.0
    if name == "monomial" and _is_again(g.parents[1], y):
        return m.monomial(*g.parents[:2], g.parents[2] - 1.0)
    if name not in ("add", "mul"):
        return None
    (a, b), (over_a, over_b) = g.parents, [divided(m, parent, y, depth - 1) for parent in g.parents]
    if name == "mul":
        return over_a * b if over_a is not None else None if over_b is None else a * over_b
    return None if over_a is None or over_b is None else over_a + over_b


def _dot(xs: Saved) -> float:
    """The operands are w_1 … w_n, x_1 … x_n and perhaps b; an odd number of them tells of the b."""
    n = len(xs) // 2
    products: Iterable[float] = map(mul, xs, xs[n : 2 * n])
    return sum(products, *xs[2 * n :])


def _dot_partials(m: Any, y: Any, xs: Sequence[Any]) -> Sequence[Any]:
    n = len(xs) // 2
    return [*xs[n : 2 * n], *xs[:n], *[1.0] * (len(xs) % 2)]


def _prod_partials(m: Any, y: Any, xs: Sequence[Any]) -> Sequence[Any]:
    """The product of the others, by running products from both ends: dividing y by x_i would fail at zero."""
    partials: list[Any] = []
    left: Any = 1.0
    for x in xs:
        partials.append(left)
        left = left * x
    right: Any = 1.0
    for i in reversed(range(len(xs))):
        partials[i] = partials[i] * right
        right = right * xs[i]
    return partials


def _logsumexp(xs: Saved) -> float:
    """Its second derivatives p_i (δ_ij − p_j) are right to what 1 is rounded by, and those of a p near 1 to no more."""
    top = max(xs)
    if math.isinf(top) or any(map(math.isnan, xs)):
        return sum(xs) if any(map(math.isnan, xs)) else top
    return top + math.log(sum(math.exp(x - top) for x in xs))


def _softmax(m: Any, y: Any, xs: Sequence[Any]) -> Sequence[Any]:
    """e^{x_i} / Σ eˣ, from the distances to the largest: those to y are rounded as y is."""
    top = max(xs) if m is SCALARS else reduce(m.maximum, [x.data for x in xs])
    if isinstance(top, float) and not math.isfinite(top):
        return [m.exp(x - y) for x in xs]
    powers = [m.exp(x - top) for x in xs]
    total = sum(powers)
    return [power / total for power in powers]


def _norm(xs: Saved) -> float:
    y = math.hypot(*xs)
    return math.nan if y == math.inf and any(map(math.isnan, xs)) else y  # which hypot takes for inf


def _norm_partials(m: Any, y: Any, xs: Sequence[Any]) -> Sequence[Any]:
    """x_i / y; 0 where every x_i is 0 (PyTorch's convention), and the corner of the cone has no derivative.

    Of ‖x‖² and ‖x‖·‖x‖ the second derivatives at 0 are right in reverse mode, and forwards over it; forward mode over
    forward mode has 0 there, by this convention.
    """
    y = m.where(m.equal(y, 0.0), math.inf, y)
    return [x / y for x in xs]


REDUCTIONS: dict[str, Reduction] = {
    reduction.name: reduction
    for reduction in (
        Reduction("sum", "Σ", sum, lambda m, y, xs: [1.0] * len(xs), r"\sum_i x_i"),
        Reduction("mean", "mean", lambda xs: sum(xs) / len(xs), lambda m, y, xs: [1.0 / len(xs)] * len(xs),
                  r"\frac{1}{n} \sum_i x_i"),
        Reduction("prod", "∏", math.prod, _prod_partials, r"\prod_i x_i"),
        Reduction("dot", "w·x", _dot, _dot_partials, r"\sum_i w_i x_i + b"),
        Reduction("logsumexp", "logsumexp", _logsumexp, _softmax, r"\ln \sum_i e^{x_i}"),
        Reduction("norm", "‖x‖", _norm, _norm_partials, r"\sqrt{\sum_i x_i^2}", radial=True),
    )
}  # fmt: skip
