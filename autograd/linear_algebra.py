"""Products, norms and factorisations of Tensors, with the arguments and the meaning of NumPy's functions."""

import math
from collections import Counter
from collections.abc import Sequence
from functools import reduce
from itertools import zip_longest
from string import ascii_letters
from typing import Any

import numpy as np

from autograd.array_ops import ARRAY_OPS, Axis
from autograd.errors import NoDerivativeError
from autograd.tensor import Tensor


def tensor(x: Any) -> Tensor:
    """``x`` itself if it is a Tensor; else a constant."""
    return Tensor._lift((x,))[0]


# ----- einsum -----


def einsum(*operands: Any, optimize: Any = True) -> Tensor:
    """Sums of products in Einstein's convention, as in NumPy: ``einsum("ij,jk->ik", A, B)``.

    ``optimize`` is accepted and not needed: NumPy always chooses the order of the products.
    """
    if not operands or not isinstance(operands[0], str):
        operands = _lettered(operands)
    inputs, arrow, output = operands[0].replace(" ", "").partition("->")
    terms, xs = inputs.split(","), Tensor._lift(operands[1:])
    if len(terms) != len(xs):
        raise ValueError(f"einsum of {operands[0]!r} takes {len(terms)} operands, got {len(xs)}")
    if not arrow:
        once = [label for label, n in Counter(inputs).items() if n == 1 and label.isalpha()]
        output = "..." * ("..." in inputs) + "".join(sorted(once))
    terms, output = _without_ellipsis(terms, output, xs)
    pairs = [_diagonal(term, x) for term, x in zip(terms, xs, strict=True)]
    sizes: dict[str, int] = {}
    for term, x in pairs:
        sizes |= {label: n for label, n in zip(term, x.shape, strict=True) if n != 1 or label not in sizes}
    pairs = [_unrepeated(term, x, sizes) for term, x in pairs]
    subscripts = f"{','.join(term for term, _ in pairs)}->{output}"
    return Tensor._apply(ARRAY_OPS["einsum"], *[x for _, x in pairs], subscripts=subscripts)


def _lettered(operands: Sequence[Any]) -> tuple[Any, ...]:
    """``(A, [0, 1], B, [1, 2], [0, 2])`` in the other spelling."""
    *given, output = operands if len(operands) % 2 else (*operands, None)
    lists = [*given[1::2], output or ()]
    terms = ["".join("..." if n is Ellipsis else ascii_letters[n] for n in labels) for labels in lists]
    return ",".join(terms[:-1]) + ("" if output is None else f"->{terms[-1]}"), *given[::2]


def _without_ellipsis(terms: list[str], output: str, xs: Sequence[Tensor]) -> tuple[list[str], str]:
    """The same with a letter for each axis."""
    free = [label for label in ascii_letters if label not in "".join([*terms, output])]
    counts = [x.ndim - len(term.replace("...", "")) for term, x in zip(terms, xs, strict=True)]
    for term, count, x in zip(terms, counts, xs, strict=True):
        if count < 0 or (count and "..." not in term):
            raise ValueError(f"einsum: {term!r} does not name the {x.ndim} axes of an operand of shape {x.shape}")
    dots = "".join(free[: max(counts)])
    if dots and "..." not in output:
        raise ValueError(f"einsum: the output {output!r} needs the ... of the operands")
    terms = [term.replace("...", dots[len(dots) - count :]) for term, count in zip(terms, counts, strict=True)]
    return terms, output.replace("...", dots)


def _diagonal(term: str, x: Tensor) -> tuple[str, Tensor]:
    """The operand with each label once: what a repeated label means is a diagonal."""
    labels = "".join(dict.fromkeys(term))
    if labels == term:
        return term, x
    return labels, x.reshape(-1)[np.einsum(f"{term}->{labels}", np.arange(x.size).reshape(x.shape))]


def _unrepeated(term: str, x: Tensor, sizes: dict[str, int]) -> tuple[str, Tensor]:
    """The operand without axes of length 1 that would be repeated along those of others."""
    kept = [(label, n) for label, n in zip(term, x.shape, strict=True) if n == sizes[label]]
    return "".join(label for label, _ in kept), x if len(kept) == x.ndim else x.reshape([n for _, n in kept])


# ----- products of two -----


def dot(a: Any, b: Any) -> Tensor:
    x, y = tensor(a), tensor(b)
    if not x.ndim or not y.ndim:
        return x * y
    return x @ y if y.ndim <= 2 else tensordot(x, y, (-1, -2))


def inner(a: Any, b: Any) -> Tensor:
    x, y = tensor(a), tensor(b)
    return tensordot(x, y, (-1, -1)) if x.ndim and y.ndim else x * y


def outer(a: Any, b: Any) -> Tensor:
    return tensor(a).reshape(-1, 1) * tensor(b).reshape(-1)


def vdot(a: Any, b: Any) -> Tensor:
    return tensor(a).reshape(-1) @ tensor(b).reshape(-1)


def vecdot(x1: Any, x2: Any, axis: int = -1) -> Tensor:
    return (tensor(x1) * tensor(x2)).sum(axis)


def matvec(x1: Any, x2: Any) -> Tensor:
    return einsum("...ij,...j->...i", x1, x2)


def vecmat(x1: Any, x2: Any) -> Tensor:
    return einsum("...i,...ij->...j", x1, x2)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Tensor:
    """Sums over pairs of axes, as one product of matrices."""
    x, y = tensor(a), tensor(b)
    if np.ndim(axes) == 0:
        axes = range(x.ndim - axes, x.ndim), range(axes)
    of_x, of_y = (z._axes(tuple(np.atleast_1d(given).tolist())) for z, given in zip((x, y), axes, strict=True))
    if [x.shape[k] for k in of_x] != [y.shape[k] for k in of_y]:
        raise ValueError(f"tensordot of {x.shape} and {y.shape}: axes {of_x} and {of_y} must have equal lengths")
    rows, columns = ([k for k in range(z.ndim) if k not in gone] for z, gone in ((x, of_x), (y, of_y)))
    shape = [x.shape[k] for k in rows], [y.shape[k] for k in columns]
    n, height, width = math.prod([x.shape[k] for k in of_x]), *map(math.prod, shape)
    left = x.transpose((*rows, *of_x)).reshape(height, n)
    return (left @ y.transpose((*of_y, *columns)).reshape(n, width)).reshape([*shape[0], *shape[1]])


def kron(a: Any, b: Any) -> Tensor:
    x, y = tensor(a), tensor(b)
    pairs = [*zip_longest(reversed(x.shape), reversed(y.shape), fillvalue=1)][::-1]
    spread = x.reshape([n for k, _ in pairs for n in (k, 1)]) * y.reshape([n for _, k in pairs for n in (1, k)])
    return spread.reshape([k * n for k, n in pairs])


def cross(a: Any, b: Any, axis: int = -1) -> Tensor:
    x, y = (last(tensor(z), axis) for z in (a, b))
    if x.shape[-1:] != (3,) or y.shape[-1:] != (3,):
        raise ValueError(f"cross takes vectors of 3 along the axis, got shapes {x.shape} and {y.shape}")
    after, before = [1, 2, 0], [2, 0, 1]
    product = x[..., after] * y[..., before] - x[..., before] * y[..., after]
    place = axis % product.ndim
    order = [*range(product.ndim - 1)]
    return product.transpose([*order[:place], product.ndim - 1, *order[place:]])


def last(x: Tensor, axis: int) -> Tensor:
    """With ``axis`` as the last one."""
    place = x._one_axis(axis)
    return x.transpose([*(k for k in range(x.ndim) if k != place), place])


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    diagonal: Any = np.diagonal(a, offset, axis1, axis2)
    total: Tensor = diagonal.sum(-1)
    return total


def multi_dot(arrays: Sequence[Any]) -> Tensor:
    return reduce(dot, map(tensor, arrays))


def matrix_power(a: Tensor, n: int) -> Tensor:
    """By squares; a negative power is one of the inverse."""
    if n < 0:
        return matrix_power(inv(a), -n)
    if n == 0:
        return tensor(np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape))
    half = matrix_power(a, n // 2)
    return a if n == 1 else half @ half @ a if n % 2 else half @ half


# ----- factorisations -----


def inv(a: Tensor) -> Tensor:
    return Tensor._apply(ARRAY_OPS["inv"], a)


def solve(a: Any, b: Any) -> Tensor:
    """x, where a x = b; a vector b is one column."""
    a, b = tensor(a), tensor(b)
    if b.ndim != 1:
        return Tensor._apply(ARRAY_OPS["solve"], a, b)
    return Tensor._apply(ARRAY_OPS["solve"], a, b.reshape(-1, 1))[..., 0]


def det(a: Tensor) -> Tensor:
    return Tensor._apply(ARRAY_OPS["det"], a)


def slogdet(a: Tensor) -> Any:
    """(sign, ln |det a|); the sign is a plain number."""
    return np.linalg.slogdet(a.data)._replace(logabsdet=Tensor._apply(ARRAY_OPS["log_det"], a))


def cholesky(a: Tensor, *, upper: bool = False) -> Tensor:
    if upper:
        return cholesky(a.swapaxes(-1, -2)).swapaxes(-1, -2)
    return Tensor._apply(ARRAY_OPS["cholesky"], a)


# ----- norms -----


def norm(x: Tensor, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Of vectors along one axis, of matrices along two; the 2-norm of all elements with neither ord nor axis."""
    if ord is None and axis is None:
        return x.norm(keepdims=keepdims)
    axes = x._axes(axis)
    if len(axes) == 1:
        return vector_norm(x, axes, keepdims, 2 if ord is None else ord)
    if len(axes) == 2:
        return _of_matrices(x, ord, axes, keepdims)
    raise ValueError(f"norm is along one axis or two, and axis = {axis!r} of shape {x.shape} gives {len(axes)}")


def vector_norm(x: Tensor, axis: Axis = None, keepdims: bool = False, ord: Any = 2) -> Tensor:
    if ord == 2:
        return x.norm(axis=axis, keepdims=keepdims)
    if ord == np.inf:
        return abs(x).max(axis, keepdims)
    if ord == -np.inf:
        return abs(x).min(axis, keepdims)
    if ord == 0:  # how many are not 0
        return abs(x.sign()).sum(axis, keepdims)
    if ord == 1:
        return abs(x).sum(axis, keepdims)
    if not isinstance(ord, int | float | np.number):
        raise ValueError(f"the norm of a vector has ord None, inf, -inf or a number, got {ord!r}")
    return (abs(x) ** ord).sum(axis, keepdims) ** (1.0 / ord)


def _of_matrices(x: Tensor, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    rows, columns = axes
    if ord in (None, "fro"):
        return x.norm(axis=axes, keepdims=keepdims)
    if ord in (1, -1, np.inf, -np.inf):
        summed, along = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = abs(x).sum(summed, keepdims=True)
        found = sums.max(along, keepdims=True) if ord > 0 else sums.min(along, keepdims=True)
        return found if keepdims else found.squeeze(axes)
    raise NoDerivativeError(
        f"np.linalg.norm of matrices with ord = {ord!r} is made of singular values, of which no derivative is known "
        f"here; use ord None, 'fro', 1, -1, inf or -inf, or x.detach() for the number alone"
    )


def matrix_norm(x: Tensor, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    return _of_matrices(x, ord, x._axes((-2, -1)), keepdims)
