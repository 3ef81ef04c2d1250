"""The second, short table: operations that only arrays have.

Each row is a forward function over NumPy arrays and a pair of rules: `vjp` for gradients (reverse mode), `jvp` for
tangents (forward mode). The rules are written over a namespace ``m`` like those of the first table, so that they
run on arrays, and on `Tensor`s where a derivative shall itself be differentiated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import namespaces
from autograd.ops import Row, divided
from autograd.written import with_written_repr

Array = NDArray[Any]
Axis = int | tuple[int, ...] | None
Shape = tuple[int, ...]


@with_written_repr
@dataclass(eq=False, slots=True)
class ArrayOp(Row):
    """One operation on arrays: ``forward(*xs, **options) -> y``.

    ``vjp(i, m, g, y, *xs, **options)`` is what the upstream gradient ``g`` (shaped like ``y``) sends to
    argument ``i`` (shaped like ``xs[i]``); ``jvp(i, m, t, y, *xs, **options)`` is what the tangent ``t`` of argument
    ``i`` does to ``y``. A row that ``keeps`` something for them (what the forward pass had to compute anyway)
    returns the pair ``y, kept`` from ``forward``, and both take ``kept=None`` besides: it is given on arrays, and
    to be computed anew on nodes.
    """

    name: str
    symbol: str
    forward: Callable[..., Any]
    vjp: Callable[..., Any]
    jvp: Callable[..., Any]
    latex: str
    keeps: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def bind(self, options: dict[str, Any]) -> "ArrayOp":
        """The row as it was called, with axes, shapes or indices filled in."""
        return ArrayOp(self.name, self.symbol, self.forward, self.vjp, self.jvp, self.latex, self.keeps, options)

    def __reduce__(self) -> Any:
        row = ARRAY_OPS.get(self.name)
        bound = row is not None and row is not self and row.forward is self.forward
        return (ArrayOp.bind, (row, self.options)) if bound else Row.__reduce__(self)


def normalized(axis: Axis, ndim: int) -> tuple[int, ...]:
    """``axis`` as a tuple of non-negative integers; None means all."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in (axis if isinstance(axis, tuple) else (axis,)))


def _restore(m: Any, reduced: Any, shape: Shape, axis: Axis) -> Any:
    """Put back, with length 1, the axes that a reduction over ``axis`` took away, so that it broadcasts."""
    gone = normalized(axis, len(shape))
    return m.reshape(reduced, shape=tuple(1 if i in gone else n for i, n in enumerate(shape)))


def unbroadcast(m: Any, g: Any, shape: Shape) -> Any:
    """Sum ``g`` over the axes along which an operand of ``shape`` was repeated."""
    if g.shape == shape:
        return g
    extra = len(g.shape) - len(shape)
    repeated = tuple(i for i, n in enumerate(g.shape) if i < extra or shape[i - extra] != n)
    return m.reshape(m.sum(g, axis=repeated, keepdims=True), shape=shape)


def _linear_jvp(name: str) -> Callable[..., Any]:
    """The jvp of an operation on one operand that is linear in it: the tangent goes the way of the operand."""
    return lambda i, m, t, y, x, **options: getattr(m, name)(t, **options)


# ----- sums and extremes along axes -----


def _sum_vjp(i: int, m: Any, g: Any, y: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    return m.broadcast_to(_restore(m, g, x.shape, axis), shape=x.shape)


def _by_slope(slope: Callable[..., Any], selects: bool = False) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """vjp and jvp of a reduction, from its ``slope(m, y, x, axis)``: ∂y/∂x, shaped like x, ``y`` fit to broadcast.

    selects: as for an `Op` of the first table
    """

    def product(m: Any, d: Any, g: Any) -> Any:
        return (m.where(d != 0.0, g, 0.0) if selects else g) * d

    def vjp(i: int, m: Any, g: Any, y: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
        return product(m, slope(m, _restore(m, y, x.shape, axis), x, axis), _restore(m, g, x.shape, axis))

    def jvp(i: int, m: Any, t: Any, y: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
        moved = product(m, slope(m, _restore(m, y, x.shape, axis), x, axis), t)
        return m.sum(moved, axis=axis, keepdims=keepdims)

    return vjp, jvp


def _max_slope(m: Any, y: Any, x: Any, axis: Axis) -> Any:
    """1 at the largest element; shared evenly among equals, as in JAX."""
    largest = m.equal(x, y)
    return largest / largest.sum(axis=axis, keepdims=True)


def _finite_top(x: Array, axis: Axis) -> Array:
    top = x.max(axis=axis, keepdims=True)
    return np.where(np.isfinite(top), top, 0.0).astype(x.dtype, copy=False)


def _logsumexp(x: Array, axis: Axis, keepdims: bool) -> Array:
    top = _finite_top(x, axis)
    total: Array = np.log(np.exp(x - top).sum(axis=axis, keepdims=True)) + top
    return total if keepdims else total.squeeze(axis)


def _logsumexp_slope(m: Any, y: Any, x: Any, axis: Axis) -> Any:
    """The softmax, from the distances to the largest element: those to y are rounded as y is."""
    powers = m.exp(x - _finite_top(x if isinstance(x, np.ndarray) else x.data, axis))
    return powers / m.sum(powers, axis=axis, keepdims=True)


def _norm(x: Array, axis: Axis, keepdims: bool) -> Array:
    """√Σx², scaled by the largest |x| so that no square overflows."""
    top = np.abs(x).max(axis=axis, keepdims=True, initial=0.0)
    top = np.where((top > 0.0) & np.isfinite(top), top, 1.0).astype(x.dtype, copy=False)
    total: Array = np.sqrt(np.square(x / top).sum(axis=axis, keepdims=True)) * top
    return total if keepdims else total.squeeze(axis)


def _norm_slope(m: Any, y: Any, x: Any, axis: Axis) -> Any:
    """x / ‖x‖; 0 where every element is 0, as in the first table: x / inf is 0, and so is its derivative."""
    return x / m.where(m.equal(y, 0.0), np.inf, y)


_norm_plain_vjp, _norm_jvp = _by_slope(_norm_slope)


def _norm_vjp(i: int, m: Any, g: Any, y: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    """As in the first table: right for ‖x‖² at 0, whose upstream gradient has the factor y."""
    if not isinstance(g, np.ndarray) and np.any(y == 0.0) and (ratio := divided(m, g, y)) is not None:
        return (ratio if isinstance(ratio, float) else _restore(m, ratio, x.shape, axis)) * x
    return _norm_plain_vjp(i, m, g, y, x, axis, keepdims)


# ----- products -----


def _transposed(m: Any, x: Any) -> Any:
    *batch, rows, columns = range(len(x.shape))
    return m.transpose(x, axes=(*batch, columns, rows))


def _shaped(m: Any, x: Any, shape: Shape) -> Any:
    return x if x.shape == shape else m.reshape(x, shape=shape)


def _matmul_vjp(i: int, m: Any, g: Any, y: Any, a: Any, b: Any, order: str = "K") -> Any:
    """Y = A B: Ḡ Bᵀ to A, Aᵀ Ḡ to B. A vector counts as a row before the @ and as a column behind it."""
    rows = _shaped(m, a, (1, *a.shape)) if len(a.shape) == 1 else a
    columns = _shaped(m, b, (*b.shape, 1)) if len(b.shape) == 1 else b
    batch = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    g = _shaped(m, g, (*batch, rows.shape[-2], columns.shape[-1]))
    if i == 0:
        return _shaped(m, unbroadcast(m, m.matmul(g, _transposed(m, columns)), rows.shape), a.shape)
    return _shaped(m, unbroadcast(m, m.matmul(_transposed(m, rows), g), columns.shape), b.shape)


def _matmul_jvp(i: int, m: Any, t: Any, y: Any, a: Any, b: Any, order: str = "K") -> Any:
    return m.matmul(t, b) if i == 0 else m.matmul(a, t)


def _linear_layer(x: Array, weight: Array, bias: Array | None = None) -> Array:
    y: Array = x @ weight.T
    if bias is not None:
        y += bias
    return y


def _linear_layer_vjp(i: int, m: Any, g: Any, y: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    """Y = X Wᵀ + b: Ḡ W to X, Ḡᵀ X to W, column sums of Ḡ to b."""
    if i == 0:
        return m.matmul(g, weight)
    if len(g.shape) != 2:
        g, x = (m.reshape(part, shape=(-1, part.shape[-1])) for part in (g, x))
    if i == 1:  # laid out in memory as `nn.Linear` keeps its weights
        return m.matmul(m.transpose(g, axes=(1, 0)), x, order="F")
    return m.sum(g, axis=0, keepdims=False)


def _linear_layer_jvp(i: int, m: Any, t: Any, y: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    if i == 2:
        return t
    return m.linear(t, weight) if i == 0 else m.linear(x, t)


def _einsum(*xs: Array, subscripts: str) -> Array:
    return np.asarray(np.einsum(subscripts, *xs, optimize=len(xs) > 1))


def _einsum_vjp(i: int, m: Any, g: Any, y: Any, *xs: Any, subscripts: str) -> Any:
    """The output takes the place of operand i; what was summed in that operand alone is repeated by ones."""
    terms, output = _terms(subscripts)
    others, sizes = terms[:i] + terms[i + 1 :], dict(zip(terms[i], xs[i].shape, strict=True))
    alone = "".join(label for label in terms[i] if label not in "".join([output, *others]))
    ones = [np.ones([sizes[label] for label in alone], g.dtype)] if alone else []
    wanted = f"{','.join([output, *others, *([alone] if alone else [])])}->{terms[i]}"
    return m.einsum(g, *xs[:i], *xs[i + 1 :], *ones, subscripts=wanted)


def _einsum_jvp(i: int, m: Any, t: Any, y: Any, *xs: Any, subscripts: str) -> Any:
    return m.einsum(*xs[:i], t, *xs[i + 1 :], subscripts=subscripts)


def _terms(subscripts: str) -> tuple[list[str], str]:
    inputs, output = subscripts.split("->")
    return inputs.split(","), output


# ----- linear algebra -----


def _inv_vjp(i: int, m: Any, g: Any, y: Any, x: Any) -> Any:
    """Y = X⁻¹: −Yᵀ Ḡ Yᵀ."""
    return -m.matmul(m.matmul(_transposed(m, y), g), _transposed(m, y))


def _solve_vjp(i: int, m: Any, g: Any, y: Any, a: Any, b: Any) -> Any:
    """A Y = B: Z = A⁻ᵀ Ḡ to B, −Z Yᵀ to A."""
    z = m.solve(_transposed(m, a), g)
    return unbroadcast(m, z, b.shape) if i == 1 else unbroadcast(m, -m.matmul(z, _transposed(m, y)), a.shape)


def _solve_jvp(i: int, m: Any, t: Any, y: Any, a: Any, b: Any) -> Any:
    return m.solve(a, t) if i == 1 else -m.solve(a, m.matmul(t, y))


BY_MINORS = 8
"""Up to this size the derivative of det is made of minors, which are right for singular matrices too."""


def _cofactors(m: Any, y: Any, x: Any) -> Any:
    """∂ det X / ∂X: the determinant without row i and column j, with the sign of a chessboard; or det X · X⁻ᵀ."""
    n = x.shape[-1]
    if n > BY_MINORS:
        return m.reshape(y, shape=(*y.shape, 1, 1)) * _transposed(m, m.inv(x))
    if n == 0:
        return x
    others = np.array([[k for k in range(n) if k != i] for i in range(n)], dtype=int).reshape(n, n - 1)
    minors = m.getitem(x, index=(Ellipsis, others[:, None, :, None], others[None, :, None, :]))
    return m.det(minors) * (-1.0) ** np.add.outer(np.arange(n), np.arange(n)).astype(x.dtype)


def _log_det_slope(m: Any, y: Any, x: Any) -> Any:
    return _transposed(m, m.inv(x))


def _of_matrices(slope: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """vjp and jvp of one number for each matrix, from its ``slope(m, y, x)``: ∂y/∂x."""

    def vjp(i: int, m: Any, g: Any, y: Any, x: Any) -> Any:
        return m.reshape(g, shape=(*g.shape, 1, 1)) * slope(m, y, x)

    def jvp(i: int, m: Any, t: Any, y: Any, x: Any) -> Any:
        return m.sum(slope(m, y, x) * t, axis=(len(x.shape) - 2, len(x.shape) - 1), keepdims=False)

    return vjp, jvp


def _real(f: Callable[[Array], Any]) -> Callable[[Array], Any]:
    """``f`` of real matrices only: of complex ones it has no complex derivative."""

    def of_reals(x: Array) -> Any:
        if x.dtype.kind == "c":
            raise TypeError("the operation is not analytic")
        return f(x)

    return of_reals


def _half(x: Any) -> Array:
    """1 below the diagonal, ½ on it, 0 above, for matrices like ``x``."""
    n = x.shape[-1]
    below: Array = np.tril(np.ones((n, n), x.dtype)) - 0.5 * np.eye(n, dtype=x.dtype)
    return below


def _cholesky_vjp(i: int, m: Any, g: Any, y: Any, x: Any) -> Any:
    """X = L Lᵀ, of which NumPy reads the lower triangle alone: so the gradient is in there, too.

    With Φ the half below the diagonal and S = L⁻ᵀ Φ(Lᵀ Ḡ) L⁻¹: Φ(S + Sᵀ). Murray, arXiv:1602.07527.
    """
    half, upper = _half(x), _transposed(m, y)
    inner = half * m.matmul(upper, np.ceil(half) * g)
    s = m.solve(upper, _transposed(m, m.solve(upper, _transposed(m, inner))))
    return half * (s + _transposed(m, s))


def _cholesky_jvp(i: int, m: Any, t: Any, y: Any, x: Any) -> Any:
    """L Φ(L⁻¹ Ẋ L⁻ᵀ)."""
    half = _half(x)
    moved = half * t + _transposed(m, half * t)
    return m.matmul(y, half * m.solve(y, _transposed(m, m.solve(y, moved))))


# ----- classification -----


def _cross_entropy(z: Array, labels: Array) -> tuple[Any, Array]:
    shifted = z - np.maximum.reduce(z, axis=1, keepdims=True)
    odds = np.exp(shifted)
    total = np.add.reduce(odds, axis=1, keepdims=True)
    losses = np.log(total[:, 0]) - shifted[np.arange(len(z)), labels]
    return np.add.reduce(losses) / len(z), odds / total


def _cross_entropy_slope(m: Any, z: Any, labels: Array, kept: Any) -> Any:
    """softmax(z) − one-hot, of which a row counts 1/n; the softmax is ``kept`` from the forward pass."""
    softmax = m.exp(z - m.logsumexp(z, axis=(1,), keepdims=True)) if kept is None else kept
    one_hot = np.zeros(z.shape, z.dtype)
    one_hot[np.arange(len(labels)), labels] = 1.0
    return softmax - one_hot


def _cross_entropy_vjp(i: int, m: Any, g: Any, y: Any, z: Any, labels: Array, kept: Any = None) -> Any:
    return _cross_entropy_slope(m, z, labels, kept) * (g / len(labels))


def _cross_entropy_jvp(i: int, m: Any, t: Any, y: Any, z: Any, labels: Array, kept: Any = None) -> Any:
    return m.sum(_cross_entropy_slope(m, z, labels, kept) * t, axis=(0, 1), keepdims=False) / len(labels)


# ----- shapes, parts and wholes -----


def _scatter(g: Array, index: Any, shape: Shape) -> Array:
    """Zeros of ``shape`` with ``g`` added at ``index``: where an index repeats, so does the addition."""
    out = np.zeros(shape, g.dtype)
    parts = index if isinstance(index, tuple) else (index,)
    if all(part is None or part is Ellipsis or isinstance(part, int | slice) for part in parts):
        out[index] = g  # nothing can repeat
    else:
        np.add.at(out, index, g)
    return out


def _cumsum_vjp(i: int, m: Any, g: Any, y: Any, x: Any, axis: int) -> Any:
    """Sums from the other end."""
    backwards = (slice(None),) * axis + (slice(None, None, -1),)
    return m.getitem(m.cumsum(m.getitem(g, index=backwards), axis=axis), index=backwards)


def _concatenate(*xs: Array, axis: int) -> tuple[Array, Sequence[int]]:
    return np.concatenate(xs, axis), _starts(xs, axis)


def _starts(xs: Sequence[Any], axis: int) -> Sequence[int]:
    """Where each part begins, and where the last one ends."""
    return (0, *accumulate(x.shape[axis] for x in xs))


def _concatenate_vjp(i: int, m: Any, g: Any, y: Any, *xs: Any, axis: int, kept: Any = None) -> Any:
    starts = _starts(xs, axis) if kept is None else kept
    return m.getitem(g, index=(slice(None),) * axis + (slice(starts[i], starts[i + 1]),))


def _concatenate_jvp(i: int, m: Any, t: Any, y: Any, *xs: Any, axis: int, kept: Any = None) -> Any:
    """The tangent among zeros."""
    starts = _starts(xs, axis) if kept is None else kept
    around = (starts[i], starts[-1] - starts[i + 1])
    return m.pad(t, widths=tuple(around if a == axis else (0, 0) for a in range(len(t.shape))))


def _pad_vjp(i: int, m: Any, g: Any, y: Any, x: Any, widths: Sequence[tuple[int, int]]) -> Any:
    inside = tuple(slice(before, before + n) for (before, _), n in zip(widths, x.shape, strict=True))
    return m.getitem(g, index=inside)


ARRAY_OPS: dict[str, ArrayOp] = {
    op.name: op
    for op in (
        ArrayOp("sum", "Σ", np.add.reduce, _sum_vjp, _linear_jvp("sum"), r"\sum_i x_i"),
        ArrayOp("max", "max", np.maximum.reduce, *_by_slope(_max_slope, selects=True), r"\max_i x_i"),
        ArrayOp("logsumexp", "logsumexp", _logsumexp, *_by_slope(_logsumexp_slope), r"\ln \sum_i e^{x_i}"),
        ArrayOp("norm", "‖x‖", _norm, _norm_vjp, _norm_jvp, r"\sqrt{\sum_i x_i^2}"),
        ArrayOp("matmul", "@", np.matmul, _matmul_vjp, _matmul_jvp, "A B"),
        ArrayOp("einsum", "einsum", _einsum, _einsum_vjp, _einsum_jvp, r"\sum_{ij\ldots} A_{i\ldots} B_{j\ldots}"),
        ArrayOp(
            "inv", "⁻¹", np.linalg.inv, _inv_vjp,
            lambda i, m, t, y, x: -m.matmul(m.matmul(y, t), y), "X^{-1}",
        ),
        ArrayOp("solve", "A⁻¹B", np.linalg.solve, _solve_vjp, _solve_jvp, "A^{-1} B"),
        ArrayOp("det", "det", np.linalg.det, *_of_matrices(_cofactors), r"\det X"),
        ArrayOp(
            "log_det", "ln|det|", _real(lambda x: np.linalg.slogdet(x)[1]), *_of_matrices(_log_det_slope),
            r"\ln \lvert \det X \rvert",
        ),
        ArrayOp(
            "cholesky", "chol", _real(np.linalg.cholesky), _cholesky_vjp, _cholesky_jvp, r"L, \; L L^\top = X",
        ),
        ArrayOp("linear", "xWᵀ+b", _linear_layer, _linear_layer_vjp, _linear_layer_jvp, r"x W^\top + b"),
        ArrayOp(
            "cross_entropy", "cross-entropy", _cross_entropy, _cross_entropy_vjp, _cross_entropy_jvp,
            r"\tfrac{1}{n} \sum_i \bigl(\ln \sum_j e^{z_{ij}} - z_{i\,\text{label}_i}\bigr)", keeps=True,
        ),
        ArrayOp(
            "broadcast_to", "broadcast", lambda x, shape: np.broadcast_to(x, shape),
            lambda i, m, g, y, x, shape: unbroadcast(m, g, x.shape),
            _linear_jvp("broadcast_to"), r"x \text{ repeated}",
        ),
        ArrayOp(
            "reshape", "reshape", lambda x, shape: x.reshape(shape),
            lambda i, m, g, y, x, shape: m.reshape(g, shape=x.shape),
            _linear_jvp("reshape"), r"x \text{ reshaped}",
        ),
        ArrayOp(
            "transpose", "ᵀ", lambda x, axes: x.transpose(axes),
            lambda i, m, g, y, x, axes: m.transpose(g, axes=tuple(int(a) for a in np.argsort(axes))),
            _linear_jvp("transpose"), r"x^\top",
        ),
        ArrayOp(
            "getitem", "[ ]", lambda x, index: x[index],
            lambda i, m, g, y, x, index: m.scatter(g, index=index, shape=x.shape),
            _linear_jvp("getitem"), r"x_{\text{index}}",
        ),
        ArrayOp(
            "scatter", "[ ]ᵀ", _scatter, lambda i, m, g, y, x, index, shape: m.getitem(g, index=index),
            _linear_jvp("scatter"), r"0, \; y_{\text{index}} \mathrel{+}= x",
        ),
        ArrayOp(
            "cumsum", "Σ…", lambda x, axis: np.cumsum(x, axis), _cumsum_vjp, _linear_jvp("cumsum"),
            r"\sum_{j \le i} x_j",
        ),
        ArrayOp(
            "concatenate", "concat", _concatenate, _concatenate_vjp, _concatenate_jvp, "[x_1 x_2]", keeps=True,
        ),
        ArrayOp(
            "astype", "cast", lambda x, dtype: x.astype(dtype, copy=False),
            lambda i, m, g, y, x, dtype: m.astype(g, dtype=x.dtype), _linear_jvp("astype"), "x",
        ),
        ArrayOp("pad", "pad", lambda x, widths: np.pad(x, widths), _pad_vjp, _linear_jvp("pad"), r"[0 \; x \; 0]"),
    )
}  # fmt: skip

ARRAYS = namespaces.Namespace(**vars(namespaces.ARRAYS), **{name: op.forward for name, op in ARRAY_OPS.items()})
"""What the rules of both tables run on when the operands are arrays."""
