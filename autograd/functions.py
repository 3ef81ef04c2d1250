"""The operations as functions, ``exp(x)``, and as methods, ``x.exp()``: both are generated from the tables.

`NODES` is the third namespace that a rule can run on. Over it the partials of a row are computed by recorded
operations, and so have derivatives of their own.
"""

import reprlib
from collections.abc import Callable
from functools import cache, wraps
from inspect import Parameter, Signature, signature
from types import FunctionType
from typing import Any

import numpy as np

from autograd.array_ops import ARRAY_OPS, ARRAYS, ArrayOp
from autograd.graph import Node, plain
from autograd.modes import MODE
from autograd.namespaces import SCALARS, Namespace, Rule, ieee
from autograd.numpy_rows import ROWS
from autograd.ops import OPS, REAL, REDUCTIONS, Interval, Op, Reduction, Saved
from autograd.tensor import Tensor, as_array, concatenate, stack
from autograd.trees import is_series, leaves
from autograd.value import Value, as_float
from autograd.words import ALIASES, KEYWORDS, NUMPY_METHODS, UNLIKE, mark_missing


def _evaluate(op: Op, *args: Any) -> Any:
    """Row ``op`` on whatever ``args`` are: recorded if one is a node, else plain numbers or arrays."""
    for arg in args:
        if isinstance(arg, Node):
            return arg._apply(op, *args)
    args = op.complete(args)
    if any(isinstance(arg, np.ndarray | list | tuple) for arg in args):
        with np.errstate(all="ignore"):
            return op.forward(ARRAYS, *map(as_array, args))
    return ieee(op.forward, *map(as_float, args))


def _documented(function: Any, op: Op, module: str, path: str) -> Callable[..., Any]:
    """``function`` of row ``op`` with a name to read, and to be pickled by: ``path`` in ``module``."""
    function.__module__, function.__qualname__, function.__name__ = module, path, path.rpartition(".")[2]
    first_optional = op.arity - len(op.defaults)
    defaults = [*[Parameter.empty] * first_optional, *op.defaults]
    pairs = [*zip(op.arguments, defaults, strict=True)]
    note = "".join(f"; {name} = {default}" for name, default in pairs[first_optional:])
    function.__doc__ = f"{op.name}({', '.join(op.arguments)}) = ${op.latex}${note}, element by element."
    parameters = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=default) for name, default in pairs]
    function.__signature__ = Signature(parameters)
    return function  # type: ignore[no-any-return]


def operation(row: Op | Reduction | ArrayOp) -> Callable[..., Any]:
    """The function of a row, whether it stands in a table or is the user's own.

    Of an `Op` it takes Values, Tensors or plain numbers, by position or by name; of a `Reduction` a list of Values; of
    an `ArrayOp` Tensors, and its options by name.
    """
    if isinstance(row, Op):
        return _elementwise(row, "autograd", row.name)
    if isinstance(row, ArrayOp):
        return lambda *xs, **options: Tensor._apply(row, *xs, **options)
    if isinstance(row, Reduction):
        return _reduction(row)
    raise TypeError(f"operation() takes a row: an Op, a Reduction or an ArrayOp; got {type(row).__name__}")


def _elementwise(op: Op, module: str, path: str) -> Callable[..., Any]:
    return _documented(
        lambda *args, **named: _evaluate(op, *(op.complete(args, named) if named else args)), op, module, path
    )


def _method(op: Op) -> Callable[..., Any]:
    def method(self: Node, *args: Any, **named: Any) -> Node:
        return self._apply(op, *(op.complete((self, *args), named) if named else (self, *args)))

    return _documented(method, op, "autograd.graph", f"Node.{op.name}")


def where(condition: Any, a: Any, b: Any) -> Any:
    """``a`` where ``condition`` holds, else ``b``. The condition is a truth value and has no gradient."""
    if MODE.tape is not None and isinstance(condition, Value):
        return _evaluate(OPS["where"], MODE.tape.truth(condition), a, b)
    truth = plain(condition)
    if not isinstance(truth, bool | float):
        try:
            truth = as_array(truth) != 0.0
        except TypeError as error:
            raise TypeError(f"condition of where() must be a truth value or an array of them: {error}") from None
    return _evaluate(OPS["where"], truth if np.ndim(truth) else bool(truth), a, b)


def clip(x: Any, low: Any = None, high: Any = None) -> Any:
    """min(max(x, low), high); the gradient of x is 1 inside and at the two limits, 0 outside.

    With one limit alone it is `maximum` or `minimum`.
    """
    if low is None and high is None:
        raise TypeError("clip() needs a limit: write clip(x, low, high), clip(x, low) or clip(x, None, high)")
    if low is None or high is None:
        return _evaluate(OPS["minimum"], x, high) if low is None else _evaluate(OPS["maximum"], x, low)
    clipped = _evaluate(OPS["clip"], x, low, high)  # first, for it refuses what is no number
    if MODE.tape is None and np.any(np.asarray(plain(low)) > np.asarray(plain(high))):
        raise ValueError(f"clip() needs low <= high, got low = {low!r} and high = {high!r}")
    return clipped


def worded(function: Callable[..., Any], path: str, module: str = "autograd") -> Callable[..., Any]:
    """``function``, which also knows its arguments by the names that they have in PyTorch."""
    try:
        ours = signature(function).parameters
    except ValueError:  # NumPy before 2.4 does not tell it for functions written in C
        return function
    known = {theirs: name for theirs, name in KEYWORDS.items() if name in ours and theirs not in ours}
    unlike = UNLIKE.get(path.rpartition(".")[2])

    @wraps(function)
    def translated(*args: Any, **named: Any) -> Any:
        if named and not named.keys().isdisjoint(known):
            if unlike and "dim" in named and named.keys().isdisjoint(("ddof", "correction")):
                raise TypeError(f"{path}() with dim= is {unlike}")
            named = {known.get(name, name): given for name, given in named.items()}
        return function(*args, **named)

    translated.__module__, translated.__qualname__ = module, path
    return translated


@cache
def numpy_function(name: str) -> Callable[..., Any]:
    """NumPy's function as one of ours: of Tensors, Values, lists of Values and plain numbers."""
    function = worded(getattr(np, name), name)
    if name not in ROWS:
        return function

    @wraps(function)
    def elementwise(*args: Any, **named: Any) -> Any:
        """A Value may stand beside plain numbers, of which NumPy asks what only a node knows."""
        if any(isinstance(x, Value) for x in args) and not named:
            return _evaluate(ROWS[name], *args)
        return function(*args, **named)

    return elementwise


FUNCTIONS: dict[str, Callable[..., Any]] = {name: operation(op) for name, op in OPS.items()}
FUNCTIONS |= {"where": where, "clip": worded(clip, "clip")}

for _name, _op in OPS.items():
    if _name != "where":  # its first argument is the condition, so it is nobody's method
        setattr(Node, _name, FUNCTIONS["clip"] if _op is OPS["clip"] else _method(_op))

for _name, _op in ROWS.items():
    if not hasattr(Node, _name):
        setattr(Node, _name, getattr(Node, _op.name, None) or _method(_op))

for _name, _function in list(vars(Tensor).items()):
    if isinstance(_function, FunctionType) and _name[0] != "_" and "axis" in signature(_function).parameters:
        setattr(Tensor, _name, worded(_function, f"Tensor.{_name}", "autograd.tensor"))

for _name in NUMPY_METHODS:
    setattr(Tensor, _name, numpy_function(_name))

for _theirs, _ours in ALIASES.items():
    setattr(Node if hasattr(Node, _ours) else Tensor, _theirs, getattr(Tensor, _ours))

mark_missing(Node, [name for name in dir(Tensor) if name[0] != "_"])


# ----- of many numbers: a list of Values, a Tensor, or plain numbers -----


def _of_many(name: str, of_values: Callable[[tuple[Any, ...]], Any], doc: str) -> Callable[..., Any]:
    """The function ``name``: of a list of Values by ``of_values``, of a Tensor or plain numbers by the method."""

    def function(xs: Any, *axis: Any, **options: Any) -> Any:
        if isinstance(xs, Tensor):
            return getattr(xs, name)(*axis, **options)
        many = _many(name, xs)
        if len(many) and not _any_node(many):
            return _plainly(getattr(Tensor, name), many, *axis, **options)
        if axis or options:
            given = ", ".join([*map(repr, axis), *(f"{option}={setting!r}" for option, setting in options.items())])
            raise TypeError(f"{name}() of a list of Values takes nothing but the list, got {given} too")
        return of_values(tuple(many))

    function.__module__, function.__doc__ = "autograd", doc
    function.__name__ = function.__qualname__ = name
    return function


def _many(name: str, xs: Any) -> Any:
    if isinstance(xs, list | tuple) or (isinstance(xs, np.ndarray) and xs.ndim):
        return xs
    if isinstance(xs, Node) or not is_series(xs):
        raise TypeError(f"{name}() takes a list of Values or numbers, or a Tensor; got {type(xs).__name__}")
    return tuple(xs)


def _any_node(xs: Any) -> bool:
    if isinstance(xs, np.ndarray) and xs.dtype != object:
        return False
    return xs[0].__class__ is Value or any(isinstance(x, Node) for x in xs)


def _plainly(function: Callable[..., Tensor], xs: Any, *args: Any, **options: Any) -> Any:
    """``function`` of a Tensor, for whom has plain numbers and wants plain numbers."""
    y = function(Tensor._constant(xs), *args, **options)
    return y.data if y.ndim else y.item()


def _reduction(op: Reduction) -> Callable[..., Any]:
    doc = f"${op.latex}$ of many Values as one node, or of a Tensor or array, which may have an ``axis``."
    return _of_many(op.name, lambda xs: Value._reduce(op, xs), doc)


FUNCTIONS |= {name: operation(op) for name, op in REDUCTIONS.items() if name != "dot"}


def dot(weights: Any, inputs: Any, bias: Any = None) -> Any:
    """Σ w_i x_i (+ bias) as one node: what a neuron computes, without a node for each product and sum.

    Of Tensors and of plain arrays, ``weights @ inputs`` (+ bias).
    """
    if isinstance(weights, Tensor) or isinstance(inputs, Tensor) or isinstance(bias, Tensor):
        product = Tensor._apply(ARRAY_OPS["matmul"], weights, inputs)
        return product if bias is None else product + bias
    weights, inputs = _many("dot", weights), _many("dot", inputs)
    if len(weights) and len(inputs) and not (_any_node(weights) or _any_node(inputs) or isinstance(bias, Node)):
        return _plainly(dot, weights, Tensor._constant(inputs), bias)
    if len(weights) != len(inputs):
        raise ValueError(f"dot() pairs its arguments: got {len(weights)} weights and {len(inputs)} inputs")
    return Value._reduce(REDUCTIONS["dot"], (*weights, *inputs, *(() if bias is None else (bias,))))


def _log_softmax(xs: tuple[Any, ...]) -> list[Any]:
    total = Value._reduce(REDUCTIONS["logsumexp"], xs)
    return [x - total for x in xs]


FUNCTIONS |= {
    "dot": dot,
    "softmax": _of_many(
        "softmax", lambda xs: [x.exp() for x in _log_softmax(xs)],
        "e^{x_i} / Σ eˣ for each of many Values (a list), or along an ``axis`` of a Tensor or array.",
    ),
    "log_softmax": _of_many(
        "log_softmax", _log_softmax,
        "x_i − ln Σ eˣ for each of many Values (a list), or along an ``axis`` of a Tensor or array.",
    ),
}  # fmt: skip


# ----- of many arrays -----


def _joining(name: str, join: Callable[..., Tensor]) -> Callable[..., Any]:
    @wraps(join)
    def function(tensors: Any, axis: int = 0) -> Any:
        parts = tuple(tensors) if is_series(tensors) else tensors
        plain_ones = isinstance(parts, tuple) and parts and not any(isinstance(x, Tensor) for x in leaves(parts))
        return getattr(np, name)(parts, axis) if plain_ones else join(parts, axis)

    return worded(function, name)


FUNCTIONS |= {"concatenate": _joining("concatenate", concatenate), "stack": _joining("stack", stack)}


# ----- the namespace of nodes -----


def _chosen(condition: Any, a: Any, b: Any) -> Any:
    """`where` in a rule: one truth decides at once, and leaves nothing to differentiate of what it did not choose."""
    if isinstance(condition, bool | np.bool_):
        return a if condition else b
    return where(condition, a, b)


def _equal(a: Any, b: Any) -> Any:
    """Whether the numbers are; == of two Values asks for one and the same node."""
    return plain(a) == plain(b)


NODES = Namespace(
    **{**FUNCTIONS, **{name: operation(op) for name, op in ARRAY_OPS.items()}, "equal": _equal, "where": _chosen}
)


# ----- operations of one's own -----


def custom_op(
    *partials: Rule,
    symbol: str = "",
    latex: str = "",
    domain: tuple[Interval, ...] = (),
    kinks: tuple[tuple[Saved, Saved], ...] = (),
    defaults: tuple[float, ...] = (),
) -> Callable[[Rule], Callable[..., Any]]:
    """An elementwise operation from its formula and one partial derivative ``(m, y, *xs)`` for each argument.

    >>> @custom_op(lambda m, y, x: 1.0 / (1.0 + m.abs(x)) ** 2)
    ... def softsign(m, x):
    ...     return x / (1.0 + m.abs(x))
    >>> x = Value(1.0)
    >>> softsign(x).backward()
    >>> x.grad
    0.25

    The rules are written over the namespace ``m``, so that they run on floats, arrays and nodes: the operation works
    on Values and Tensors, backwards and forwards, to any order. One of plain numbers, by `math`, SciPy or an ``if``,
    works on Values, to first order; in a compiled function it is a call for each number. `gradcheck` holds it to
    differences. The other arguments are the fields of `autograd.ops.Op`; for one that is no formula of single numbers
    write an `ArrayOp` or a `Reduction`, and take its `operation`.
    """
    for d in partials:
        if not callable(d) or len(signature(d).parameters) < 3:
            raise TypeError(
                f"custom_op() takes one function (m, y, x, …) for each partial derivative, y being the result: "
                f"write @custom_op(lambda m, y, x: …) above the formula; got {d!r}"
            )

    def decorate(*formula: Any) -> Callable[..., Any]:
        if len(formula) != 1 or not callable(formula[0]):
            raise TypeError(
                f"custom_op() is called with the partial derivatives, and then with the formula alone: write "
                f"@custom_op(lambda m, y, x: …) above the formula; got {reprlib.repr(formula)}"
            )
        (forward,) = formula
        name = getattr(forward, "__name__", "custom")
        intervals = domain or (REAL,) * len(partials)
        row = Op(name, symbol or name, _checked(name, forward), partials, latex or name, intervals, kinks, defaults)
        return _elementwise(row, forward.__module__, getattr(forward, "__qualname__", name))

    return decorate


def _checked(name: str, forward: Rule) -> Rule:
    """``forward`` held to its promise: one number for each, in the shape to which the arguments broadcast."""

    @wraps(forward)
    def checked(m: Any, *xs: Any) -> Any:
        y = forward(m, *xs)
        if m is not SCALARS and np.shape(y) != (shape := np.broadcast_shapes(*map(np.shape, xs))):
            raise TypeError(
                f"{name} made shape {np.shape(y)} of {shape}, and an operation by custom_op() works on each number "
                f"by itself; take its sum() outside, or write a row ArrayOp with a vjp and a jvp"
            )
        return y

    return checked
