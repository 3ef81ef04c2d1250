"""The second pass: from a tape of scalar operations to its normal form, sums of products and rows of the table.

Additions and multiplications of every kind become one form, y = c + Σ k·a[·b], and single-use sums are absorbed by the
sum that they are added to.
"""

import math
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.compiler.take import MAX, MIN
from autograd.compiler.trace import COMPARISONS, Tape
from autograd.ops import OPS, REDUCTIONS

Ids = NDArray[np.int64]
"""Numbers of nodes: entries of the tape, then constants, then mirrors of the leaves."""
Floats = NDArray[np.float64]

NEUTRAL: dict[Any, float] = {
    REDUCTIONS["logsumexp"]: -math.inf, REDUCTIONS["norm"]: 0.0, REDUCTIONS["prod"]: 1.0, MAX: -math.inf, MIN: math.inf,
}  # fmt: skip
"""Numbers that change nothing in a reduction: with them, such of unequally many operands are one group."""
MODERATE = 1e30
"""A factor that is larger, or smaller than the inverse, is not multiplied with another one beforehand."""
GRADIENT, BATCHED = 1, 2
"""Flags of a node: somebody wants its gradient; it depends on an input."""


_CODES: dict[Any, int] = {
    OPS[name] if name in OPS else REDUCTIONS[name]: code
    for code, name in enumerate(("add", "sub", "neg", "clone", "mul", "div", "power", "sum", "mean", "dot"), 1)
}
"""The rows that are sums of products, if not of every operand: a / 2 and a² are."""
_ADD, _SUB, _NEG, _CLONE, _MUL, _DIV, _POWER, _SUM, _MEAN, _DOT = _CODES.values()
ALWAYS_SUMS = frozenset(row for row, code in _CODES.items() if code not in (_DIV, _POWER))


class Normal:
    """A tape in normal form: the passes, one method each, over arrays with an entry for each node or each term.

    sums, rows: whether a node is a sum of products, or what its row of the table makes of its operands
    constant:   c of each sum
    owner:      of each term the node that it is added to, ascending; its factors are ``k``, ``a`` and ``b``, which is
                −1 where a term is k·a; the terms of node i are those from ``term_start[i]`` to ``term_start[i + 1]``
    flat:       the operands of node i are flat[start[i]], … as many as ``count[i]``
    flags:      GRADIENT and BATCHED, of each node
    numbers:    of each constant what it stands for
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.ops = list(tape.ops)
        self.n, self.leaves = len(tape.ops), len(tape.leaves)
        self.constants = np.array([*tape.constants, 1.0, *NEUTRAL.values()])
        self.first_mirror = self.n + len(self.constants)
        self.total = self.first_mirror + self.leaves
        self.one = self.n + len(tape.constants)
        self.neutral = {row: self.one + i for i, row in enumerate(NEUTRAL, 1)}
        self.numbers = np.zeros(self.total)
        self.numbers[self.n : self.first_mirror] = self.constants
        self.flags, self.live = self._flags(), self._live()
        self._reach()
        self.codes = np.fromiter((_CODES.get(op, 0) for op in tape.ops), np.int64, self.n)
        self.count = np.fromiter(map(len, tape.operands), np.int64, self.n)
        flat = np.fromiter(chain.from_iterable(tape.operands), np.int64, int(self.count.sum()))
        self.flat = np.where(flat < 0, self.n - 1 - flat, flat)
        self.start = np.cumsum(self.count) - self.count
        self._normalize()
        self._absorb()

    def _flags(self) -> Ids:
        leaves = [GRADIENT * leaf.wanted | BATCHED * (leaf.value is None) for leaf in self.tape.leaves]
        flags = leaves + [0] * (self.n - len(leaves) + len(self.tape.constants))
        cut, comparisons = set(self.tape.cut), frozenset(COMPARISONS.values())
        for i, operands in enumerate(self.tape.operands[len(leaves) :], len(leaves)):
            f = 0
            for o in operands:  # a constant counts from the end, where there are no flags
                f |= flags[o]
            flags[i] = f & ~GRADIENT if i in cut or self.ops[i] in comparisons else f
        return np.array(flags[: self.n] + [0] * (self.total - self.n))

    def _live(self) -> NDArray[np.bool_]:
        """What the root depends on."""
        live = bytearray(self.n + len(self.tape.constants))
        for i in self.read_outside():
            live[i] = 1
        operands = self.tape.operands
        for i in range(self.n - 1, -1, -1):
            if live[i]:
                for o in operands[i]:
                    live[o] = 1
        return np.frombuffer(live, bool)[: self.n].copy()

    def _reach(self) -> None:
        """Take GRADIENT from what the gradient of the root does not reach: 0 times an infinite slope would be nan."""
        reached = bytearray(self.n + len(self.tape.constants))
        reached[self.tape.root] = 1
        flags, operands = self.flags.tolist(), self.tape.operands
        for i in range(self.n - 1, -1, -1):
            if reached[i] and flags[i] & GRADIENT:
                for o in operands[i]:
                    reached[o] = 1
        self.flags[: self.n] &= np.where(np.frombuffer(reached, bool)[: self.n], -1, ~GRADIENT)

    def read_outside(self) -> list[int]:
        """What is read from outside."""
        return [self.tape.root, *chain.from_iterable(self.tape.kept.values())]

    # ----- sums of products -----

    def _normalize(self) -> None:
        """Find terms k·a[·b] (b = -1 without), and constants c, for every node that is a sum of products."""
        second = self.flat[np.minimum(self.start + 1, len(self.flat) - 1)] if len(self.flat) else self.start
        with np.errstate(all="ignore"):
            invertible = (second >= self.n) & np.isfinite(1.0 / self.numbers[second])
        by_number = (self.codes == _DIV) & invertible
        squared = (self.codes == _POWER) & (second >= self.n) & np.isin(self.numbers[second], (1.0, 2.0))
        plain = (self.codes > 0) & (self.codes != _DIV) & (self.codes != _POWER)
        self.sums = self.live & (plain | by_number | squared)
        self.rows = self.live & ~self.sums & (np.arange(self.n) >= self.leaves)
        self._merge_equal_rows()
        owner, k, a, b = (np.concatenate(parts) for parts in zip(*self._terms(second), strict=True))
        scaled = k != 1.0
        with np.errstate(all="ignore"):
            a_number, b_number = a >= self.n, b >= self.n
            k = np.where(a_number, self.numbers[a], 1.0) * np.where(b_number, self.numbers[b], 1.0) * k
            scaled |= a_number | b_number
            a, b = np.where(a_number, b, a), np.where(a_number | b_number, -1, b)
            constant = (a >= self.n) | (a < 0)
            self.constant: Floats = np.bincount(owner[constant], k[constant], self.n).astype(float)
        order = np.flatnonzero(~constant)
        order = order[np.argsort(owner[order], kind="stable")]
        self.owner, self.k, self.a, self.b = owner[order], k[order], a[order], b[order]
        self.scaled = scaled[order]

    def _merge_equal_rows(self) -> None:
        """Of rows with equal operands keep the first. Sums are not merged: shared parts would make a program deeper."""
        alias, operands = np.arange(self.total), self.tape.operands
        known: dict[Any, int] = {}
        cut = set(self.tape.cut)
        changed: dict[int, int] = {}
        for i in np.flatnonzero(self.rows).tolist():
            key = (self.ops[i], i in cut, *[changed.get(o, o) for o in operands[i]])
            if (j := known.setdefault(key, i)) != i:
                changed[i] = j
                self.flags[j] |= self.flags[i]
        if changed:
            alias[list(changed)] = list(changed.values())
            self.rows[list(changed)] = False
            self.flat = alias[self.flat]

    def _terms(self, second: Ids) -> list[tuple[Any, Any, Any, Any]]:
        """(owner, k, a, b) of the terms, kind of operation by kind."""
        found = []

        def add(nodes: Ids, k: Any, a: Ids, b: Any = -1) -> None:
            found.append((nodes, np.broadcast_to(np.asarray(k, float), nodes.shape), a, np.broadcast_to(b, a.shape)))

        def of(code: int) -> tuple[Ids, Ids]:
            nodes = np.flatnonzero(self.sums & (self.codes == code))
            return nodes, self.start[nodes]

        for code, signs in ((_ADD, (1.0, 1.0)), (_SUB, (1.0, -1.0)), (_NEG, (-1.0,)), (_CLONE, (1.0,))):
            nodes, start = of(code)
            for i, sign in enumerate(signs):
                add(nodes, sign, self.flat[start + i])
        nodes, start = of(_MUL)
        add(nodes, 1.0, self.flat[start], self.flat[start + 1])
        nodes, start = of(_DIV)
        with np.errstate(divide="ignore"):
            add(nodes, 1.0 / self.numbers[second[nodes]], self.flat[start])
        nodes, start = of(_POWER)
        add(nodes, 1.0, self.flat[start], np.where(self.numbers[second[nodes]] == 2.0, self.flat[start], -1))
        for code in (_SUM, _MEAN):
            nodes, start = of(code)
            n = self.count[nodes]
            add(
                np.repeat(nodes, n),
                np.repeat(1.0 / n if code == _MEAN else np.ones(len(n)), n),
                self.flat[ranges(start, n)],
            )
        nodes, start = of(_DOT)
        n = self.count[nodes] // 2
        left, odd = ranges(start, n), self.count[nodes] % 2 == 1
        add(np.repeat(nodes, n), 1.0, self.flat[left], self.flat[left + np.repeat(n, n)])
        add(nodes[odd], 1.0, self.flat[(start + 2 * n)[odd]])
        return found

    def _uses(self) -> Ids:
        """How often each node is an operand, or read from outside."""
        operands = self.flat[ranges(self.start[self.rows], self.count[self.rows])]
        read = np.array(self.read_outside() * 2)
        return np.bincount(np.concatenate([self.a, self.b[self.b >= 0], operands, read]), minlength=self.n)[: self.n]

    def _absorb(self) -> None:
        """Give the terms of a sum that is used once, in another sum, to that other sum.

        Through a factor, even 1, only a single term, or a sum without factors of its own: others would lose their form
        as a matrix product. Through one that is 0, infinite, or so large or small that the product of several could
        be, none.
        """
        n = self.n
        uses = self._uses()
        terms = np.bincount(self.owner, minlength=n) + (self.constant != 0.0)
        absorbable = self.sums & (uses == 1)
        absorbable[self.tape.cut] = False
        linear = (self.b < 0) & absorbable[self.a]
        linear &= (self.flags[self.a] & BATCHED) == (self.flags[self.owner] & BATCHED)
        linear &= (np.abs(self.k) > 1.0 / MODERATE) & (np.abs(self.k) < MODERATE)
        end = np.arange(n)  # of chains of single terms: what the last of them is made of
        single = linear & (terms[self.owner] == 1)
        end[self.owner[single]] = self.a[single]
        end = _jumped(end)
        into = np.arange(n)
        unscaled = linear & ~self.scaled
        into[self.a[unscaled]] = self.owner[unscaled]
        factors = np.bincount(_jumped(into)[self.owner[self.scaled | (self.b >= 0)]], minlength=n) > 0
        short = (terms[end[self.a]] <= 1) & (terms[self.a] <= 1)
        absorbed = linear & (~self.scaled | short | ~factors[self.a])
        into, factor = np.arange(n), np.ones(n)
        into[self.a[absorbed]], factor[self.a[absorbed]] = self.owner[absorbed], self.k[absorbed]
        while not np.array_equal(further := into[into], into):
            factor, into = factor * factor[into], further
        self.constant = np.bincount(into, factor * self.constant, n).astype(float)
        self.sums &= into == np.arange(n)
        kept = ~absorbed
        owner = into[self.owner[kept]]
        order = np.argsort(owner, kind="stable")
        self.owner, self.k = owner[order], (self.k * factor[self.owner])[kept][order]
        self.a, self.b = self.a[kept][order], self.b[kept][order]
        self.term_start = np.searchsorted(self.owner, np.arange(n + 1))

    @property
    def nodes(self) -> Ids:
        """What is computed."""
        return np.flatnonzero(self.sums | self.rows)

    def terms_of(self, node: int) -> list[tuple[float, int, int]]:
        """(k, a, b) of each term of a sum."""
        span = slice(self.term_start[node], self.term_start[node + 1])
        return list(zip(self.k[span].tolist(), self.a[span].tolist(), self.b[span].tolist(), strict=True))

    def operands_of(self, node: int) -> list[int]:
        start = self.start[node]
        return self.flat[start : start + self.count[node]].tolist()  # type: ignore[no-any-return]

    def levels(self) -> Ids:
        """Levels 1, 2, … of what is computed, each above its operands; 0 for the rest.

        Either as early as can be, or as late: whichever brings more of the same operation together. A branch that is
        shorter than its likes stays apart from them all the way up in the one, and all the way down in the other.
        """
        rows = np.flatnonzero(self.rows)
        two = self.b >= 0
        owners = np.concatenate([self.owner, self.owner[two], np.repeat(rows, self.count[rows])])
        operands = np.concatenate([self.a, self.b[two], self.flat[ranges(self.start[rows], self.count[rows])]])
        order = np.argsort(owners, kind="stable")
        owners, flat = owners[order], operands[order].tolist()
        roots = self.nodes
        bounds = np.searchsorted(owners, np.append(roots, self.n)).tolist()
        spans = [flat[bounds[i] : bounds[i + 1]] for i in range(len(roots))]
        early, late = [0] * self.total, [0] * self.total
        for node, span in zip(roots.tolist(), spans, strict=True):
            early[node] = 1 + max([early[o] for o in span], default=0)
        for node, span in zip(reversed(roots.tolist()), reversed(spans), strict=True):
            above = late[node] + 1
            for o in span:
                if late[o] < above:
                    late[o] = above
        deepest = max(early)
        found = [np.zeros(self.n, np.int64) for _ in range(2)]
        found[0][roots] = np.array(early)[roots]
        found[1][roots] = deepest - np.array(late)[roots]
        return min(found, key=self.least_groups)

    def least_groups(self, levels: Ids) -> int:
        """The number of pairs of a level and an operation: a program for arrays has at least as many groups."""
        nodes = self.nodes
        kinds = np.array([0 if self.sums[i] else id(self.ops[i]) % 2**31 for i in nodes.tolist()])
        return len(np.unique(levels[nodes] * 2**31 + kinds))


def ranges(start: Ids, count: Ids) -> Ids:
    """start[0] … start[0] + count[0] − 1, start[1] …, one after another."""
    return np.arange(int(count.sum())) + np.repeat(start - np.cumsum(count) + count, count)


def _jumped(to: Ids) -> Ids:
    """Where one ends up by going from each ``i`` to ``to[i]``, again and again."""
    while not np.array_equal(further := to[to], to):
        to = further
    return to
