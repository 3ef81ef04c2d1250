"""Derivatives with a mask: some elements of an array have one, the others have none.

A walk over arrays cannot leave out single elements: what an index or a one-hot seed leaves out counts as 0, and 0 times
an infinite local derivative is nan. A walk that ends in nan is repeated with masks, which say where there is something
to multiply. So ``x.sqrt()[1]`` has the derivative 0 by x[0] = 0, as a list of Values has.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd.array_ops import ARRAYS, Array, ArrayOp, unbroadcast
from autograd.ops import Op


class Masked:
    """A gradient or tangent ``number``, an array or a node, of which only what lies under ``mask`` exists."""

    def __init__(self, number: Any, mask: Array) -> None:
        self.number, self.mask = number, mask

    def __add__(self, other: "Masked") -> "Masked":
        return Masked(self.number + other.number, self.mask | other.mask)

    def probe(self) -> Array:
        """nan under the mask, 0 elsewhere: a linear rule makes nan of it exactly where something arrives."""
        return np.where(self.mask, np.nan, 0.0).astype(_numbers(self.number).dtype)


def has_nan(derivatives: Iterable[Any]) -> bool:
    """Whether an array among them, or among what nodes of them hold, has a nan."""
    arrays = [d if isinstance(d, np.ndarray) else getattr(d, "data", None) for d in derivatives]
    return any(math.isnan(squares(x)) for x in arrays if isinstance(x, np.ndarray))


def squares(x: Array) -> float:
    """Σ x²: the fastest way to learn of an array in one number whether it has a nan or an infinity."""
    flat = x.ravel("K")  # in the order in which it lies in memory, which needs no copy
    return float(np.dot(flat, flat))


def repeated(
    walk: Callable[..., Mapping[Any, Any]], order: Sequence[Any], seeds: Mapping[Any, Any], recorded: bool
) -> Any:
    """What ``walk`` finds with masks: the zeros of a seed are nothing, except in a node that wants a gradient."""

    def masked(seed: Any) -> Masked:
        numbers = _numbers(seed)
        everywhere = getattr(seed, "requires_grad", False)
        return Masked(seed, np.ones(numbers.shape, bool) if everywhere else numbers != 0.0)

    found = walk(order, {node: masked(seed) for node, seed in seeds.items()}, recorded)
    return {node: part.number for node, part in found.items()}


def masked_vjp(
    op: Op | ArrayOp, m: Any, g: Masked, operands: Any, numbers: Any, wanted: Sequence[bool], options: Any
) -> list[Masked | None]:
    """The contributions of a Tensor's vjp over namespace ``m``.

    operands: the result and the operands, as ``m`` has them
    numbers:  the same as arrays
    """
    found: list[Masked | None] = []
    for i, x in enumerate(numbers[1:]):
        if not wanted[i]:
            found.append(None)
            continue
        if isinstance(op, ArrayOp):
            reached = np.isnan(op.vjp(i, ARRAYS, g.probe(), *numbers, **options))
            sent = op.vjp(i, m, g.number, *operands, **op.options)
        else:
            sent, _ = _product(op, i, m, g, operands)
            sent = unbroadcast(m, sent, x.shape)
            reached = unbroadcast(ARRAYS, g.mask.astype(float), x.shape) > 0.0
        found.append(Masked(m.astype(sent, dtype=x.dtype), reached))
    return found


def masked_jvp(
    op: Op | ArrayOp, m: Any, tangents: Any, operands: Any, numbers: Any, wanted: Sequence[bool], options: Any
) -> Masked | None:
    """The tangent of a Tensor's jvp over namespace ``m``; arguments as for `masked_vjp`."""
    shape = numbers[0].shape
    total: Masked | None = None
    for i, t in enumerate(tangents):
        if not wanted[i] or t is None:
            continue
        if isinstance(op, ArrayOp):
            moved = op.jvp(i, m, t.number, *operands, **op.options)
            reached = np.isnan(op.jvp(i, ARRAYS, t.probe(), *numbers, **options))
        else:
            moved, reached = _product(op, i, m, t, operands)
        moved = m.astype(m.broadcast_to(moved, shape=shape), dtype=numbers[0].dtype)
        term = Masked(moved, np.broadcast_to(reached, shape))
        total = term if total is None else total + term
    return total


def _product(op: Op, i: int, m: Any, g: Masked, operands: Any) -> tuple[Any, Any]:
    """Partial ``i`` times ``g``, and where that is something: where ``g`` exists and the row selects operand ``i``."""
    d = op.partials[i](m, *operands)
    counts = g.mask & (_numbers(d) != 0.0) if op.selects else g.mask
    return m.where(counts, d, 0.0) * m.where(counts, g.number, 0.0), counts


def _numbers(x: Any) -> Any:
    return x if isinstance(x, np.ndarray) else np.asarray(getattr(x, "data", x))
