"""What a program calls besides NumPy's own functions; the last argument is where the result goes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.compiler.cells import Cell, Cells
from autograd.compiler.memory import Array, Ids
from autograd.compiler.take import MAX, MIN, whole_index
from autograd.namespaces import SCALARS, Rule, ieee
from autograd.ops import REDUCTIONS, Reduction


def put(index: Ids, numbers: Any, out: Array) -> None:
    out[index] = numbers


def take_elements(source: Array, index: Ids, out: Array) -> None:
    source.take(index, None, out, "clip")  # "clip" needs no buffer; every index is in range


def add_at(index: Ids, g: Array, out: Array) -> None:
    np.add.at(out, index, g)


@dataclass(frozen=True, eq=False)
class AddReduceat:
    starts: Any

    def __call__(self, x: Array, out: Array) -> None:
        np.add.reduceat(x, self.starts, axis=-1, out=out)


@dataclass(frozen=True, eq=False)
class Spread:
    owner: Any

    def __call__(self, x: Array, out: Array) -> None:
        x.take(self.owner, -1, out, "clip")


@dataclass(frozen=True, eq=False)
class Take:
    """Entries by an index, each of one of ``n`` that lie ``stride`` apart from ``first`` on.

    chosen: where to leave the places of those that were taken
    index:  what to look these places up in, if any
    """

    chosen: Ids
    first: Ids
    stride: int
    n: int
    index: Ids | None

    def __call__(self, source: Array, which: Array, out: Array) -> None:
        chosen = self.chosen
        np.copyto(chosen, which, "unsafe")
        highest = np.maximum.reduce(chosen.view(np.uint64), None)  # where a negative one is large
        if highest >= self.n or np.count_nonzero(chosen != which):
            for each in which.flat:
                whole_index(float(each), self.n)
        np.multiply(chosen, self.stride, chosen)
        np.add(chosen, self.first, chosen)
        if self.index is not None:
            chosen[...] = self.index[chosen]
        source.take(chosen, None, out, "clip")


@dataclass(frozen=True, eq=False)
class Each:
    """A rule of single numbers, one after another: what `math`, SciPy or an `if` computes with no arrays."""

    rule: Rule

    def __call__(self, *args: Any) -> None:
        *xs, out = args
        rows = zip(*[x.ravel().tolist() for x in np.broadcast_arrays(*xs)], strict=True)
        out[...] = np.reshape([ieee(self.rule, *row) for row in rows], out.shape)


@dataclass(frozen=True, eq=False)
class EachForward:
    row: Reduction

    def __call__(self, X: Array, out: Array) -> None:
        flat = X.reshape(-1, X.shape[-1]).tolist()
        out[...] = np.reshape([self.row.forward(tuple(xs)) for xs in flat], out.shape)


@dataclass(frozen=True, eq=False)
class EachPartials:
    row: Reduction

    def __call__(self, X: Array, y: Array, out: Array) -> None:
        rows = zip(X.reshape(-1, X.shape[-1]).tolist(), y.ravel().tolist(), strict=True)
        out[...] = np.reshape([[float(d) for d in self.row.partials(SCALARS, y_i, xs)] for xs, y_i in rows], out.shape)


# ----- reductions over whole arrays -----


def _powers(c: Cells, X: Cell) -> tuple[Any, Any, Any]:
    """The largest of each row, and exp(X − that) with its sums."""
    largest = float(np.finfo(c.dtype).max)
    shape = X.array.shape[:-1]
    top = c.reduced(np.maximum, X, -1, shape)
    top = c.call(np.maximum, c.call(np.minimum, top, largest), -largest)  # an infinity less itself would be nan
    powers = c.call(np.exp, c.call(np.subtract, X, c.known_view(top)))
    return top, powers, c.summed(powers, (len(shape),), shape)


def _logsumexp(c: Cells, X: Cell) -> Any:
    top, _, total = _powers(c, X)
    return c.call(np.add, c.call(np.log, total), top)


def _logsumexp_sent(c: Cells, X: Cell, y: Cell, g: Cell) -> Cell:
    _, powers, total = _powers(c, X)  # the same ones as in the forward pass
    return c.product([powers, c.call(np.divide, g, c.known_view(total))], 1.0)


def _largest(c: Cells, X: Cell) -> Cell:
    return c.reduced(np.maximum, X, -1, X.shape[:-1])


def _smallest(c: Cells, X: Cell) -> Cell:
    return c.reduced(np.minimum, X, -1, X.shape[:-1])


def _chosen_sent(c: Cells, X: Cell, y: Cell, g: Cell) -> Cell:
    return c.selected(g, c.call(_shares_of_equals, X, y, shape=X.shape))


def _shares_of_equals(X: Array, y: Array, out: Array) -> None:
    """What `MAX` says of one, for each row: of equals the last gets a half, the one before a quarter, and so on."""
    equal = y == X
    so_far = equal.cumsum(axis=-1)
    np.copyto(out, equal)
    if (so_far[..., -1] > 1).any():
        out *= 0.5 ** (so_far[..., -1:] - so_far + (so_far > 1))


def _norm(c: Cells, X: Cell) -> Any:
    """Of numbers divided by the largest: squares would overflow, or vanish."""
    limits = np.finfo(c.dtype)
    shape = X.array.shape[:-1]
    top = c.reduced(np.maximum, c.call(np.abs, X), -1, shape)
    top = c.call(np.maximum, c.call(np.minimum, top, float(limits.max)), float(limits.tiny))
    ratio = c.call(np.divide, X, c.known_view(top))
    return c.call(np.multiply, c.call(np.sqrt, c.call(np.vecdot, ratio, ratio, shape=shape)), top)


def _norm_sent(c: Cells, X: Cell, y: Cell, g: Cell) -> Cell:
    nothing = c.call(np.equal, y, 0.0)
    slope = c.call(np.divide, X, c.namespace.where(nothing, 1.0, y))  # in this order: g / y could vanish
    return c.product([slope, g], 1.0)


KERNELS: dict[Reduction, tuple[Any, Any]] = {
    REDUCTIONS["logsumexp"]: (_logsumexp, _logsumexp_sent),
    REDUCTIONS["norm"]: (_norm, _norm_sent),
    MAX: (_largest, _chosen_sent),
    MIN: (_smallest, _chosen_sent),
}
"""Reductions over whole arrays: the result, and what is sent to each operand. Others are computed one by one."""
