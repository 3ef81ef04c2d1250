"""NumPy's own functions on Tensors: ``np.exp(x)`` and ``np.linalg.solve(A, b)`` are recorded, or they raise.

NumPy asks an operand what its functions mean (the protocols ``__array_ufunc__`` and ``__array_function__``). The
answers are tables from NumPy's names to functions of Tensors:

- `UFUNCS`: rows of the first table, and rows for the ufuncs that only NumPy has;
- `COMPOSED`: what is written with operations of the tables;
- `MOVING`, `RESHAPING`, `TRANSPOSING`: what only chooses and moves elements. NumPy's own function does that to the
  positions of the elements, or to the shape, so every argument means what it means in NumPy;
- `PLAIN`: what has no derivative, such as a comparison or an index. The result is a plain array.

A function in none of them would take a Tensor out of the graph: where that cuts a gradient off, it raises.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial, reduce
from inspect import Signature, signature
from itertools import accumulate
from typing import Any

import numpy as np

from autograd import linear_algebra
from autograd.array_ops import ARRAY_OPS, Array, Axis
from autograd.errors import NoDerivativeError
from autograd.functions import FUNCTIONS
from autograd.linear_algebra import tensor
from autograd.modes import MODE
from autograd.numpy_rows import ROWS
from autograd.tensor import Tensor, concatenate, stack
from autograd.trees import changed, leaves, restored
from autograd.words import BY_NAME

Rule = Callable[..., Any]
choose, clip, maximum, minimum = (FUNCTIONS[name] for name in ("where", "clip", "maximum", "minimum"))


# ----- the two protocols -----


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """``ufunc(*inputs, **options)``, or a method of it, where an operand is a Tensor."""
    name = ufunc.__name__
    rule = UFUNCS.get((name, method))
    if rule is not None and (not options or _knows(rule, options := _told(options, UFUNC_DEFAULTS))):
        return rule(*inputs, **options)
    run = getattr(ufunc, method)
    if name in PLAIN_UFUNCS and not options:
        return run(*[x.data if isinstance(x, Tensor) else x for x in inputs])
    if name not in PLAIN_UFUNCS or _is_written(options):
        _refuse_gradients(ufunc, rule, inputs, options)
    return _plainly(run, *inputs, **options)


def call_function(function: Any, types: Sequence[type], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """``function(*args, **named)``, where an operand is a Tensor."""
    if not all(issubclass(kind, Tensor | np.ndarray) for kind in types):
        return NotImplemented
    if function in HANDED:
        return HANDED[function](*args, **named)
    rule = RULES.get(function)
    if rule is None:
        _refuse_gradients(function, None, args, named)
        return _plainly(function, *args, **named)
    given = _signature(function).bind(*args, **named)
    defaults = {name: parameter.default for name, parameter in _signature(function).parameters.items()}
    given.arguments = told = _told(given.arguments, defaults)
    arguments = {name: x for name, x in told.items() if name != "kwargs"} | told.get("kwargs", {})  # those of np.pad
    if not _knows(rule, arguments):
        _refuse_gradients(function, rule, (), arguments)
        return _plainly(function, *args, **named)
    try:
        return rule(*given.args, **given.kwargs)
    except NoDerivativeError:
        if wants_gradient((args, named)):
            raise
    return _plainly(function, *args, **named)


@cache
def _signature(function: Any) -> Signature:
    try:
        return signature(function)
    except ValueError:  # NumPy before 2.4 does not tell it for functions written in C
        return signature(RULES[function])


UFUNC_DEFAULTS = {
    "out": None, "where": True, "dtype": None, "casting": "same_kind", "order": "K", "subok": True, "signature": None,
}  # fmt: skip


def _told(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that say more than their defaults."""
    return {name: x for name, x in given.items() if x is not defaults.get(name, Signature.empty)}


def _knows(rule: Rule, given: Iterable[str]) -> bool:
    return _signature(rule).parameters.keys() >= set(given)


def _plainly(function: Rule, *args: Any, **named: Any) -> Any:
    """``function`` of the plain numbers."""
    args, named = changed((args, named), lambda x, path: x.data if isinstance(x, Tensor) else x)
    return function(*args, **named)


# ----- what may not leave the graph -----


def wants_gradient(tree: Any) -> bool:
    return MODE.recording and any(isinstance(x, Tensor) and x.requires_grad for x in leaves(tree))


def _is_written(options: Mapping[str, Any]) -> bool:
    """Whether a Tensor is there to be written into."""
    return any(isinstance(x, Tensor) for x in leaves(options.get("out")))


def _refuse_gradients(function: Any, rule: Rule | None, args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
    """Raise if ``function``, which no rule can express as it was called, would cut a gradient off."""
    if not (wants_gradient((args, dict(named))) or _is_written(named)):
        return
    name, what = _name(function), "of a Tensor that wants a gradient"
    if named.get("out") is not None:
        reason = f"{name} {what} cannot write into an array (out=, or `B += x`), which keeps no graph: use `B = B + x`"
    elif rule is not None:
        known = _signature(rule).parameters
        unknown = ", ".join(argument for argument in named if argument not in known)
        reason = f"{name} {what} takes ({', '.join(known)}) and no {unknown}; x.astype(dtype) has another dtype"
    else:
        call, code = BY_NAME.get(name.rpartition(".")[2], ("", ""))
        composed = f"; for {call} write {code}" if code else ""
        reason = f"{name} {what} would cut it off, for its derivative is not known here{composed}"
    raise TypeError(f"{reason}; write x.detach() or x.data to mean the plain numbers")


def _name(function: Any) -> str:
    return f"{(getattr(function, '__module__', None) or 'numpy').replace('numpy', 'np')}.{function.__name__}"


# ----- ufuncs -----

PLAIN_UFUNCS = {
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isnan", "isinf", "isfinite", "signbit",
    "logical_and", "logical_or", "logical_not", "logical_xor",
}  # fmt: skip


ROW: dict[str, Rule] = {name: partial(Tensor._apply, row) for name, row in ROWS.items()}


def _outer(rule: Rule, a: Any, b: Any) -> Tensor:
    a, b = tensor(a), tensor(b)
    found: Tensor = rule(a.reshape((*a.shape, *[1] * b.ndim)), b)
    return found


def _scan(rule: Rule, x: Tensor, axis: int) -> Tensor:
    """rule(… rule(rule(x_1, x_2), x_3) …) up to each element along ``axis``, of an associative rule, by doubling."""
    before, step = (slice(None),) * x._one_axis(axis), 1
    while step < x.shape[axis]:
        later, earlier = (*before, slice(step, None)), (*before, slice(None, -step))
        x = concatenate([x[(*before, slice(None, step))], rule(x[earlier], x[later])], len(before))
        step *= 2
    return x


# ----- reductions -----


def _among(a: Any, condition: Any, other: float) -> Tensor:
    """The elements that take part, and for the others a number that changes nothing."""
    return tensor(a) if condition is True else tensor(choose(condition, a, other))


def _sum(a: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
    y = _among(a, where, 0.0).sum(axis, keepdims)
    return y if initial is None else y + initial


def _prod(a: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
    y = _among(a, where, 1.0).prod(axis, keepdims)
    return y if initial is None else y * initial


def _max(a: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
    if where is not True and initial is None:
        raise ValueError("an extreme with where= needs initial=, for the case that nothing takes part")
    y = _among(a, where, -np.inf).max(axis, keepdims)
    return y if initial is None else ROW["maximum"](y, initial)


def _min(a: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
    return -_max(-tensor(a), axis, keepdims, None if initial is None else -initial, where)


def _ptp(a: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    return _max(a, axis, keepdims) - _min(a, axis, keepdims)


def _count(a: Any, axis: Axis, condition: Any) -> Any:
    """How many elements take part, with ``axis`` kept at length 1."""
    return np.sum(np.broadcast_to(condition, a.shape), axis, keepdims=True)


def _fitting(kept: Any, axis: Axis, keepdims: bool) -> Any:
    """What has ``axis`` at length 1, with or without it."""
    return kept if keepdims else kept.reshape(()) if axis is None else kept.squeeze(axis)


def _mean(a: Any, axis: Axis = None, keepdims: bool = False, where: Any = True) -> Any:
    n = _fitting(_count(a, axis, where), axis, keepdims)
    return _sum(a, axis, keepdims, where=where) / n


def _deviations(a: Any, axis: Axis, ddof: float, keepdims: bool, where: Any) -> tuple[Tensor, Any]:
    """x − mean, and n − ddof for each group, which is nothing to divide by where it is not positive."""
    x, n = tensor(a), _count(a, axis, where)
    free = _fitting(np.maximum(n - ddof, 0).astype(x.dtype), axis, keepdims)
    return _among(x - _mean(x, axis, True, where), where, 0.0), free


def _var(
    a: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False, where: Any = True, correction: float = 0
) -> Any:
    deviations, n = _deviations(a, axis, ddof or correction, keepdims, where)
    return (deviations * deviations).sum(axis, keepdims) / n


def _std(
    a: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False, where: Any = True, correction: float = 0
) -> Any:
    deviations, n = _deviations(a, axis, ddof or correction, keepdims, where)
    return deviations.norm(axis=axis, keepdims=keepdims) / np.sqrt(n)


def _average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, keepdims: bool = False) -> Any:
    a = tensor(a)
    w = tensor(np.ones(a.shape, a.dtype)) if weights is None else tensor(weights)
    if w.shape != a.shape:
        if w.ndim != 1 or not isinstance(axis, int) or w.size != a.shape[axis]:
            raise ValueError(f"average: weights of shape {w.shape} fit neither {a.shape} nor one axis of it")
        w = w.reshape([w.size if k == axis % a.ndim else 1 for k in range(a.ndim)])
    total = _broadcast_to(w, a.shape).sum(axis, keepdims)
    mean = (a * w).sum(axis, keepdims) / total
    return (mean, total) if returned else mean


def _quantile(a: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Between the sorted elements at both sides of (n − 1) q."""
    if method != "linear":
        raise NoDerivativeError(
            f"np.quantile of a Tensor has method 'linear', got {method!r}; for others write x.detach()"
        )
    a, q = tensor(a), np.asarray(q)
    if not ((q >= 0.0) & (q <= 1.0)).all():
        raise ValueError(f"quantiles are from 0 to 1 (percentiles to 100), got {q!r}")
    gone = a._axes(axis)
    kept = tuple(k for k in range(a.ndim) if k not in gone)
    shape = [a.shape[k] for k in kept]
    x = _sort(a.transpose((*kept, *gone)).reshape([*shape, -1]))
    place = q * (x.shape[-1] - 1)
    below = np.floor(place).astype(int)
    low, high = x[..., below], x[..., np.ceil(place).astype(int)]
    y = low + (high - low) * np.asarray(place - below, a.dtype)
    y = choose(np.isnan(x.data[..., -1]).reshape(shape + [1] * q.ndim), np.nan, y)  # nans are sorted to the end
    y = y.transpose((*range(len(shape), y.ndim), *range(len(shape))))
    return y.reshape(q.shape + tuple(1 if k in gone else n for k, n in enumerate(a.shape))) if keepdims else y


def _percentile(a: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    return _quantile(a, np.asarray(q) / 100.0, axis, method, keepdims)


def _median(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    return _quantile(a, 0.5, axis, keepdims=keepdims)


def _without_nan(rule: Rule) -> Rule:
    """``rule`` of the elements that are no nan."""

    def of_the_others(a: Any, *args: Any, where: Any = True, **named: Any) -> Any:
        return rule(a, *args, where=where & ~np.isnan(a.data), **named)

    of_the_others.__signature__ = signature(rule)  # type: ignore[attr-defined]
    return of_the_others


def _nan_extreme(rule: Rule) -> Rule:
    def extreme(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        there = ~np.isnan(a.data)
        y = rule(a, axis, keepdims, -np.inf if rule is _max else np.inf, there)
        return y if there.any(axis).all() else choose(there.any(axis, keepdims=keepdims), y, np.nan)

    return extreme


def _instead_of_nan(rule: Rule, other: float) -> Rule:
    return lambda a, axis=None: rule(choose(np.isnan(a.data), other, a), axis)


# ----- along an axis -----


def _cumsum(a: Tensor, axis: int | None = None) -> Tensor:
    return a.reshape(-1).cumsum() if axis is None else a.cumsum(axis)


def _cumprod(a: Tensor, axis: int | None = None) -> Tensor:
    return _scan(ROW["multiply"], a.reshape(-1), 0) if axis is None else _scan(ROW["multiply"], a, axis)


def _cumulative(rule: Rule) -> Rule:
    def cumulative(x: Tensor, axis: int | None = None) -> Any:
        if axis is None and x.ndim != 1:
            raise ValueError(f"a cumulative sum or product of {x.ndim} axes goes along one of them; give axis")
        return rule(x, axis)

    return cumulative


def _sort(a: Tensor, axis: int | None = -1, kind: Any = None, stable: bool | None = None) -> Tensor:
    if axis is None:
        return _sort(a.reshape(-1), 0, kind, stable)
    kind = "stable" if stable else kind
    return _move(np.take_along_axis, ("arr",), a, np.argsort(a.data, axis, kind=kind), axis)  # type: ignore[no-any-return]


def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    a = tensor(a)
    before = (slice(None),) * a._one_axis(axis)
    edge = [1 if k == len(before) else m for k, m in enumerate(a.shape)]
    ends = [x if x is None or np.ndim(x) else np.broadcast_to(x, edge) for x in (prepend, append)]
    a = concatenate([x for x in (ends[0], a, ends[1]) if x is not None], len(before))
    for _ in range(n):
        a = a[(*before, slice(1, None))] - a[(*before, slice(None, -1))]
    return a


def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    heights = linear_algebra.last(tensor(y), axis)
    widths = dx if x is None else _diff(x) if np.ndim(x) == 1 else _diff(linear_algebra.last(tensor(x), axis))
    return (0.5 * widths * (heights[..., 1:] + heights[..., :-1])).sum(-1)


def _polyval(p: Any, x: Any) -> Any:
    return reduce(lambda y, c: y * x + c, tensor(p), 0.0 * tensor(x))


# ----- element by element -----


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        return _plainly(np.where, condition)
    if not any(isinstance(part, Tensor) for part in (x, y)):
        return _plainly(np.where, condition, x, y)
    return choose(condition, x, y)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None) -> Any:
    low, high = a_min if min is None else min, a_max if max is None else max
    return clip(a, -np.inf if low is None else low, np.inf if high is None else high)


def _round(a: Tensor, decimals: int = 0) -> Any:
    return ROW["rint"](a * 10.0**decimals) / 10.0**decimals if decimals else ROW["rint"](a)


def _nan_to_num(x: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    return choose(np.isfinite(x.data), x, np.nan_to_num(x.data, nan=nan, posinf=posinf, neginf=neginf))


def _full_like(a: Any, fill_value: Any, dtype: Any = None, shape: Any = None) -> Any:
    if not isinstance(fill_value, Tensor):
        return _plainly(np.full_like, a, fill_value, dtype, shape=shape)
    return np.broadcast_to(fill_value, np.shape(a) if shape is None else shape)


def _modf(x: Any) -> tuple[Any, Any]:
    whole = ROW["trunc"](x)
    return x - whole, whole


# ----- functions that choose and move elements -----


def _move(function: Any, operands: tuple[str, ...], *args: Any, **named: Any) -> Any:
    """NumPy's ``function`` moves the positions of the elements, counted from 1; what it fills in is 0."""
    given = _signature(function).bind(*args, **named)
    names = [name for name in operands or [*given.arguments][:1] if name in given.arguments]
    trees = [given.arguments.pop(name) for name in names]
    _refuse_gradients(function, None, (given.arguments,), {})
    parts = Tensor._lift(tuple(leaves(trees)))
    starts = accumulate([part.size for part in parts], initial=1)
    positions = restored(trees, map(_positions, parts, starts))
    given.arguments = _plainly(dict, given.arguments) | dict(zip(names, positions, strict=True))
    moved = function(*given.args, **given.kwargs)
    filler = np.zeros(1, np.result_type(*[part.dtype for part in parts]))
    flat = concatenate([filler, *[part.reshape(-1) for part in parts]])

    def taken(index: Any, path: str) -> Tensor:
        if np.asarray(index).dtype.kind != "i":
            raise TypeError(f"{_name(function)} of a Tensor keeps its dtype; write x.astype(dtype) for another")
        return flat[index]

    return changed(moved, taken)


def _positions(x: Tensor, start: int) -> Array:
    """A number for each element, in an array that is laid out in memory as x is."""
    positions = np.empty_like(x.data, dtype=int)
    positions[...] = np.arange(start, start + x.size).reshape(x.shape)
    return positions


def _reshape(function: Any, *args: Any, **named: Any) -> Any:
    """NumPy's ``function`` reshapes an array without numbers; the elements keep their order."""
    given = _signature(function).bind(*args, **named)
    first, *_ = given.arguments
    x = tensor(given.arguments[first])
    if given.arguments.get("order", "C") != "C":
        return _move(function, (first,), *args, **named)
    given.arguments[first] = np.empty(x.shape)
    return x.reshape(function(*given.args, **given.kwargs).shape)


def _transpose(function: Any, *args: Any, **named: Any) -> Any:
    """NumPy's ``function`` transposes an array of shape (1, 2, 3, …), which shows where each axis goes."""
    given = _signature(function).bind(*args, **named)
    first, *_ = given.arguments
    x = tensor(given.arguments[first])
    given.arguments[first] = np.broadcast_to(0.0, range(1, x.ndim + 1))
    return x.transpose([n - 1 for n in function(*given.args, **given.kwargs).shape])


def _broadcast_to(array: Any, shape: Any) -> Tensor:
    shape = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    return Tensor._apply(ARRAY_OPS["broadcast_to"], tensor(array), shape=shape)


def _concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Tensor:
    return concatenate([tensor(x).reshape(-1) for x in arrays]) if axis is None else concatenate(arrays, axis)


PAD_MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def _pad(
    array: Any, pad_width: Any, mode: Any = "constant", constant_values: Any = 0, reflect_type: str = "even"
) -> Any:
    if mode not in PAD_MODES or reflect_type != "even":
        raise NoDerivativeError(
            f"np.pad of a Tensor has the modes {', '.join(PAD_MODES)}, got {mode!r} with reflect_type = "
            f"{reflect_type!r}; for others write x.detach()"
        )
    if mode != "constant":
        return _move(np.pad, (), array, pad_width, mode)
    return _move(_pad_constant, ("array", "constant_values"), array, pad_width, constant_values)


def _pad_constant(array: Array, pad_width: Any, constant_values: Any) -> Array:
    return np.pad(array, pad_width, constant_values=constant_values)


# ----- the tables -----


def _reducing(rule: Rule) -> Rule:
    """As a ufunc's ``reduce``, which goes along the first axis unless told otherwise."""
    return lambda array, axis=0, keepdims=False, initial=None, where=True: rule(array, axis, keepdims, initial, where)


def _scanning(name: str) -> Rule:
    return lambda array, axis=0: _scan(ROW[name], array, axis)


UFUNCS: dict[tuple[str, str], Rule] = {(name, "__call__"): rule for name, rule in ROW.items()}
UFUNCS |= {(name, "outer"): partial(_outer, ROW[name]) for name, row in ROWS.items() if row.arity == 2}
UFUNCS |= {
    ("matmul", "__call__"): partial(Tensor._apply, ARRAY_OPS["matmul"]),
    ("vecdot", "__call__"): linear_algebra.vecdot,
    ("matvec", "__call__"): linear_algebra.matvec,
    ("vecmat", "__call__"): linear_algebra.vecmat,
    ("divmod", "__call__"): lambda x1, x2: (ROW["floor_divide"](x1, x2), ROW["remainder"](x1, x2)),
    ("modf", "__call__"): _modf,
    ("add", "reduce"): _reducing(_sum),
    ("multiply", "reduce"): _reducing(_prod),
    ("maximum", "reduce"): _reducing(_max),
    ("minimum", "reduce"): _reducing(_min),
    ("logaddexp", "reduce"): lambda array, axis=0, keepdims=False: array.logsumexp(axis, keepdims),
    ("add", "accumulate"): lambda array, axis=0: array.cumsum(axis),
    **{(name, "accumulate"): _scanning(name) for name in ("multiply", "maximum", "minimum", "logaddexp")},
}
"""By the name of a ufunc and of its method."""

COMPOSED: dict[str, Rule] = {
    "sum": _sum, "prod": _prod, "max": _max, "amax": _max, "min": _min, "amin": _min, "ptp": _ptp, "mean": _mean,
    "var": _var, "std": _std, "average": _average, "median": _median, "quantile": _quantile, "percentile": _percentile,
    "nansum": _without_nan(_sum), "nanprod": _without_nan(_prod), "nanmean": _without_nan(_mean),
    "nanvar": _without_nan(_var), "nanstd": _without_nan(_std), "nanmax": _nan_extreme(_max),
    "nanmin": _nan_extreme(_min), "nancumsum": _instead_of_nan(_cumsum, 0.0),
    "nancumprod": _instead_of_nan(_cumprod, 1.0),

    "cumsum": _cumsum, "cumprod": _cumprod, "cumulative_sum": _cumulative(_cumsum),
    "cumulative_prod": _cumulative(_cumprod), "sort": _sort, "diff": _diff, "trapezoid": _trapezoid,

    "where": _where, "clip": _clip, "round": _round, "around": _round, "fix": lambda x: ROW["trunc"](x),
    "nan_to_num": _nan_to_num, "full_like": _full_like, "copy": lambda a: a.clone(), "real": lambda val: val.clone(),
    "astype": lambda x, dtype: x.astype(dtype), "polyval": _polyval,

    "concatenate": _concatenate, "stack": lambda arrays, axis=0: stack(arrays, axis), "pad": _pad,
    "broadcast_to": _broadcast_to,

    "dot": linear_algebra.dot, "inner": linear_algebra.inner, "outer": linear_algebra.outer,
    "vdot": linear_algebra.vdot, "tensordot": linear_algebra.tensordot, "kron": linear_algebra.kron,
    "cross": linear_algebra.cross, "trace": linear_algebra.trace, "einsum": linear_algebra.einsum,
    "linalg.inv": linear_algebra.inv, "linalg.solve": linear_algebra.solve, "linalg.det": linear_algebra.det,
    "linalg.slogdet": linear_algebra.slogdet, "linalg.cholesky": linear_algebra.cholesky,
    "linalg.norm": linear_algebra.norm, "linalg.vector_norm": linear_algebra.vector_norm,
    "linalg.matrix_norm": linear_algebra.matrix_norm, "linalg.matrix_power": linear_algebra.matrix_power,
    "linalg.multi_dot": linear_algebra.multi_dot, "linalg.vecdot": linear_algebra.vecdot,
    "linalg.matmul": lambda x1, x2: tensor(x1) @ x2,
    "linalg.outer": lambda x1, x2: linear_algebra.outer(x1, x2),
    "linalg.tensordot": lambda x1, x2, axes=2: linear_algebra.tensordot(x1, x2, axes),
    "linalg.cross": lambda x1, x2, axis=-1: linear_algebra.cross(x1, x2, axis),
    "linalg.trace": lambda x, offset=0: linear_algebra.trace(x, offset, -2, -1),
}  # fmt: skip
"""The arguments have NumPy's names; one that is missing here is refused."""

MOVING: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((
        "array_split", "atleast_1d", "atleast_2d", "atleast_3d", "block", "broadcast_arrays", "column_stack", "delete",
        "diag", "diagflat", "diagonal", "dsplit", "dstack", "fft.fftshift", "fft.ifftshift", "flip", "fliplr", "flipud",
        "hsplit", "hstack", "linalg.diagonal", "meshgrid", "repeat", "resize", "roll", "rot90", "split", "take",
        "take_along_axis", "tile", "tril", "triu", "unstack", "vsplit", "vstack",
    ), ()),
    "append": ("arr", "values"), "choose": ("choices",), "compress": ("a",), "extract": ("arr",),
    "insert": ("arr", "values"), "select": ("choicelist", "default"),
}  # fmt: skip
"""The arguments that hold elements; the first one if none is named."""

RESHAPING = ("reshape", "ravel", "squeeze", "expand_dims")
TRANSPOSING = (
    "transpose", "swapaxes", "moveaxis", "rollaxis", "matrix_transpose", "linalg.matrix_transpose",
)  # fmt: skip

PLAIN = (
    "allclose", "all", "any", "argmax", "argmin", "argpartition", "argsort", "argwhere", "array2string", "array_equal",
    "array_equiv", "array_repr", "array_str", "common_type", "count_nonzero", "digitize", "empty_like",
    "flatnonzero", "imag", "isclose", "iscomplex", "iscomplexobj", "isin", "isneginf", "isposinf", "isreal",
    "isrealobj", "lexsort", "linalg.matrix_rank", "may_share_memory", "min_scalar_type", "nanargmax", "nanargmin",
    "ndim", "nonzero", "ones_like", "result_type", "searchsorted", "shape", "shares_memory", "size",
    "tril_indices_from", "triu_indices_from", "zeros_like",
)  # fmt: skip


def _found(names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Names and functions, as far as this version of NumPy has them."""
    for name in names:
        module, _, last = name.rpartition(".")
        if (function := getattr(getattr(np, module) if module else np, last, None)) is not None:
            yield name, function


RULES = {function: COMPOSED[name] for name, function in _found(COMPOSED)}
HANDED = {function: partial(_move, function, MOVING[name]) for name, function in _found(MOVING)}
HANDED |= {function: partial(_reshape, function) for _, function in _found(RESHAPING)}
HANDED |= {function: partial(_transpose, function) for _, function in _found(TRANSPOSING)}
HANDED |= {function: partial(_plainly, function) for _, function in _found(PLAIN)}
"""Functions that NumPy itself runs, and so knows the arguments of."""

NAMES = {name for name, method in UFUNCS if method == "__call__"} | PLAIN_UFUNCS
NAMES |= {*COMPOSED, *MOVING, *RESHAPING, *TRANSPOSING, *PLAIN}
"""What of NumPy is known here; with a dot for what stands in a module of its own."""
