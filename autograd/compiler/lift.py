"""The third pass: from single operations to groups of alike ones, each of which is a few array operations.

What is in normal form is put into levels by depth, and those of one level into groups by operation and by the groups of
their operands. In a group of sums of products, rows a and b of which every one of the first meets every one of the
second are a matrix product: batch, time, heads and convolutions all fall out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from autograd.compiler.normal import BATCHED, GRADIENT, NEUTRAL, Floats, Ids, Normal, ranges
from autograd.compiler.take import MAX, MIN, TAKE
from autograd.compiler.trace import Leaf, Row
from autograd.ops import OPS, Op

CONSTANT, PARAMETER, FROZEN = 0, 1, 2
"""The groups of constants, of parameters, and of parameters without gradient; then come those of each argument, and
those that are computed."""
SMALL, FEW = 16, 2
"""More than so many groups of less than so many nodes, at one level and of one operation, become a single group."""
LARGE = 256
"""Of several matrix products in one group each must have so many multiplications: a call costs as much."""


@dataclass
class Product:
    """outer @ inner.T: the dot product of every row of ``outer`` (O, K) with every row of ``inner`` (I, K).

    Rows are ids of nodes, or of floats if they are constants.

    ones: whether the last column of ``inner`` are ones, for a bias in the last column of ``outer``
    """

    outer: Any
    inner: Any
    ones: bool = False


@dataclass
class Terms:
    """One part of the sum in each node of a group: Σ k·a·b.

    k: a number, or for each term one
    a: ids, (G, K) if every node has K terms; else one after another, and ``starts`` says where each node begins
    b: ids as in ``a``, or None where a term is k·a
    products: the matrix products that these terms are, node after node; empty if they are none
    """

    k: float | Floats
    a: Ids
    b: Ids | None
    starts: Ids | None = None
    products: list[Product] = field(default_factory=list)


@dataclass
class Group:
    """Nodes of one level that the same array operations compute.

    row:      the row of the table; None for sums of products
    nodes:    ids in the order in which their numbers lie side by side
    operands: ids (G, arity) of a row's operands
    terms:    the parts of a sum of products
    constant: what is added to those, one number for each node
    flags:    GRADIENT and BATCHED
    """

    row: Row | None
    nodes: Ids
    flags: int
    level: int
    operands: Ids
    terms: list[Terms] = field(default_factory=list)
    constant: Floats | None = None

    @property
    def batched(self) -> bool:
        return bool(self.flags & BATCHED)


@dataclass
class Lifted:
    """A program in groups, in an order in which they can be computed.

    constants: the numbers that ids from ``len(tape)`` on stand for
    mirrors:   by the number of a leaf, the id of its copy, for operations that want all operands in one memory
    """

    leaves: list[Leaf]
    groups: list[Group]
    constants: Floats
    first_constant: int
    first_mirror: int
    root: int

    def check(self) -> None:
        """Raise unless every operand is computed before it is used, and every node once."""
        known = np.zeros(self.first_mirror + len(self.leaves), bool)
        known[: len(self.leaves)] = True
        known[self.first_constant : self.first_mirror] = True
        for group in self.groups:
            used = [group.operands.ravel(), *[t.a.ravel() for t in group.terms]]
            used += [t.b.ravel() for t in group.terms if t.b is not None]
            if not known[np.concatenate(used)].all() or known[group.nodes].any():
                raise RuntimeError(f"the compiler ordered its groups wrongly, a bug of glassgrad: {group}")
            known[group.nodes] = True


class Lifter(Normal):
    """The passes, one method each, over the arrays of a normal form, which stays as it is."""

    def __init__(self, normal: Normal) -> None:
        vars(self).update(vars(normal))
        self.ops, self.rows = self.ops.copy(), self.rows.copy()
        self.start, self.count = self.start.copy(), self.count.copy()
        self.a, self.b = self.a.copy(), self.b.copy()
        self._chain()

    def lifted(self) -> Lifted:
        """The program in groups."""
        lifted = self._grouped()
        lifted.check()
        return lifted

    def _chain(self) -> None:
        """Make one reduction of maximum(maximum(a, b), c) and so on: depth would keep apart what is alike."""
        uses, cut = self._uses(), set(self.tape.cut)
        flat = self.flat.tolist()
        for pair, reduction in ((OPS["maximum"], MAX), (OPS["minimum"], MIN)):
            chains: dict[int, list[int]] = {}
            for i in np.flatnonzero(self.rows).tolist():
                if self.ops[i] is pair:
                    a, b = flat[self.start[i] : self.start[i] + 2]
                    if b in chains and a not in chains:
                        a, b = b, a
                    single = a in chains and uses[a] == 1 and a not in cut
                    chains[i] = [*chains.pop(a), b] if single else [a, b]
                    if single:
                        self.rows[a] = False
            longer = any(len(operands) > 2 for operands in chains.values())
            for i, operands in chains.items() if longer else ():
                self.ops[i], self.start[i], self.count[i] = reduction, len(flat), len(operands)
                flat += operands
        self.flat = np.array(flat, np.int64)

    # ----- groups -----

    def _grouped(self) -> Lifted:
        self.rank = np.arange(self.total)  # of a leaf its number; of what is computed, its place
        self.group = np.full(self.total, CONSTANT)
        parameter = [PARAMETER if leaf.wanted else FROZEN for leaf in self.tape.leaves]
        arguments = [-1 if leaf.argument is None else leaf.argument for leaf in self.tape.leaves]
        self.group[: self.leaves] = np.where(np.array(arguments) < 0, parameter, np.array(arguments) + FROZEN + 1)
        self.group[self.first_mirror :] = self.group[: self.leaves]
        self.groups_made = FROZEN + 1 + max(arguments, default=0)
        self.mirrored: set[int] = set()
        self.placed = self.total
        levels = self.levels()
        groups: list[Group] = []
        by_level = np.argsort(levels, kind="stable")
        bounds = np.searchsorted(levels[by_level], np.arange(1, levels.max(initial=0) + 2))
        for level, (first, last) in enumerate(pairwise(bounds), 1):
            nodes = by_level[first:last]
            groups += self._groups_of_level(level, np.sort(nodes))
        mirrors = self._mirrors()
        return Lifted(self.tape.leaves, mirrors + groups, self.constants, self.n, self.first_mirror, self.tape.root)

    def _groups_of_level(self, level: int, nodes: Ids) -> list[Group]:
        """Groups of ``nodes`` by operation, flags and the groups of operands; small ones together."""
        kinds: dict[tuple[Any, ...], list[int]] = {}
        for i in nodes.tolist():
            row = None if self.sums[i] else self.ops[i]
            count = 0 if row is None or row in NEUTRAL else int(self.count[i])
            kinds.setdefault((row, count, int(self.flags[i])), []).append(i)
        groups = []
        for (row, _, flags), members in kinds.items():
            self.groups_made += 1
            of_kind = np.array(members)
            signature = self._signature(row, of_kind)
            sizes = np.bincount(signature)
            small = sizes < SMALL
            if np.count_nonzero(small) > FEW:
                coarse = of_kind[small[signature]]
                groups.append(self._made(row, coarse, flags, level, fine=False))
                of_kind, signature = of_kind[~small[signature]], signature[~small[signature]]
            for s in np.unique(signature):
                groups.append(self._made(row, of_kind[signature == s], flags, level, fine=True))
        # products last, and so first in the backward pass, which can write theirs instead of adding to it; others take
        return sorted(groups, key=lambda group: (any(terms.products for terms in group.terms), group.row is not TAKE))

    def _signature(self, row: Row | None, nodes: Ids) -> Ids:
        """Equal numbers for nodes whose operands come from the same groups; in the order of their appearance."""
        if row is None:
            terms, owner = self._terms_of(nodes)
            self._turn(terms)
            pairs = np.unique(np.stack([owner, self._kind(terms)]), axis=1) if len(terms) else np.empty((2, 0), int)
            codes = np.zeros(len(nodes), np.int64)
            np.add.at(codes, pairs[0], _mixed(pairs[1]))
        elif row in NEUTRAL:
            groups = np.sort(self.group[self._operands(row, nodes)], axis=1)
            codes = np.where(np.diff(groups, axis=1, prepend=-1) > 0, _mixed(groups), 0).sum(axis=1)
        else:
            codes = _row_hash(self.group[self._operands(row, nodes)])
        return _numbered(codes)[0]

    def _terms_of(self, nodes: Ids) -> tuple[Ids, Ids]:
        """Numbers of the terms of ``nodes``, and which of the nodes each belongs to."""
        start = self.term_start[nodes]
        count = self.term_start[nodes + 1] - start
        return ranges(start, count), np.repeat(np.arange(len(nodes)), count)

    def _turn(self, terms: Ids) -> None:
        """The factor of the earlier group first; of two parameters the earlier one."""
        a, b = self.a[terms], self.b[terms]
        both = self._are_parameters(a) & self._are_parameters(b) & (self.group[a] == self.group[b])
        turned = terms[(b >= 0) & ((self.group[b] < self.group[a]) | (both & (b < a)))]
        self.a[turned], self.b[turned] = self.b[turned], self.a[turned]

    def _kind(self, terms: Ids) -> Ids:
        """Which two groups the factors of each term come from."""
        b = self.b[terms]
        kind: Ids = self.group[self.a[terms]] * (self.total + 1) + np.where(b < 0, 0, self.group[b] + 1)
        return kind

    def _operands(self, row: Row, nodes: Ids) -> Ids:
        """(G, n) operands, with neutral ones where a node has fewer than others."""
        place = np.arange(self.count[nodes].max())
        there = place < self.count[nodes][:, None]
        found = self.flat[np.where(there, self.start[nodes][:, None] + place, 0)]
        return found if there.all() else np.where(there, found, self.neutral[row])

    def _made(self, row: Row | None, nodes: Ids, flags: int, level: int, fine: bool) -> Group:
        """A group, with its nodes in an order that makes its operands lie side by side."""
        none = np.empty((len(nodes), 0), np.int64)
        if row is not None:
            operands = self._copied(self._operands(row, nodes))
            order = self._by_operands(operands if isinstance(row, Op) else operands[:, :1])
            group = Group(row, nodes[order], flags, level, operands[order])
        else:
            parts, order = self._parts(nodes, fine)
            constant = self.constant[nodes][order]
            group = Group(None, nodes[order], flags, level, none, parts, constant if constant.any() else None)
        self.group[group.nodes] = self.groups_made
        self.rank[group.nodes] = self.placed + np.arange(len(nodes))
        self.placed += len(nodes)
        return group

    def _copied(self, ids: Ids) -> Ids:
        """``ids`` with the mirror of each parameter in its place."""
        parameter = self._are_parameters(ids)
        self.mirrored.update(np.unique(ids[parameter]).tolist())
        return np.where(parameter, self.first_mirror + ids, ids)

    def _are_parameters(self, ids: Any) -> Any:
        return np.isin(self.group[ids], (PARAMETER, FROZEN))

    def _mirrors(self) -> list[Group]:
        """Groups that copy parameters to where results lie, for the operations that need them there."""
        groups = []
        for wanted in (0, GRADIENT):
            leaves = np.array(sorted(i for i in self.mirrored if self.flags[i] & GRADIENT == wanted), np.int64)
            if len(leaves):
                none = np.empty((len(leaves), 0), np.int64)
                copy = [Terms(1.0, leaves[:, None], None)]
                groups.append(Group(None, self.first_mirror + leaves, wanted, 0, none, copy))
        return groups

    def _by_operands(self, columns: Ids) -> Ids:
        """The order by the places of operands; the column with most different ones decides first."""
        ranks = np.where(self.group[columns] == CONSTANT, 0, self.rank[columns])
        different = [len(np.unique(column)) for column in ranks.T]
        return np.lexsort([ranks[:, i] for i in np.argsort(different, kind="stable")])

    # ----- the parts of a group of sums -----

    def _parts(self, nodes: Ids, fine: bool) -> tuple[list[Terms], Ids]:
        """The terms of ``nodes`` by the groups of their factors, and the order of the nodes."""
        terms, owner = self._terms_of(nodes)
        if not fine:
            a = self._copied(self.a[terms])
            b = self._copied(np.where(self.b[terms] < 0, self.one, self.b[terms]))
            return [self._coarse(owner, self.k[terms], a, b, len(nodes))], np.arange(len(nodes))
        kind = self._kind(terms)
        parts = []
        for each in _in_order(kind):
            mine = kind == each
            parts.append(self._part(owner[mine], terms[mine], len(nodes)))
        main = max(parts, key=lambda part: part.a.size if part.starts is None else 0)
        found = self._products(main, nodes) if len(nodes) > 1 or self.flags[nodes[0]] & BATCHED else None
        if found is not None:
            order, main.products = found
            for i, part in enumerate(parts):
                if (product := self._with_bias(main, part, order)) is not None:
                    main.products = [product]
                    del parts[i]
                    break
        else:
            columns = []
            for part in parts:
                first = part.a[:, 0] if part.starts is None else part.a[part.starts]
                columns.append(first)
                if part.b is not None:
                    columns.append(part.b[:, 0] if part.starts is None else part.b[part.starts])
            order = self._by_operands(np.stack(columns, axis=1))
        return [_reordered(part, order) for part in parts], order

    def _coarse(self, owner: Ids, k: Floats, a: Ids, b: Ids, n: int) -> Terms:
        return Terms(_common(k), a, b, np.searchsorted(owner, np.arange(n)))

    def _part(self, owner: Ids, terms: Ids, n: int) -> Terms:
        """Terms of one kind, sorted within each node by the place of their operand that is no parameter."""
        a, b, k = self.a[terms], self.b[terms], self.k[terms]
        two = b[0] >= 0
        by = b if two else a
        order = np.lexsort((self.rank[by], owner))
        a, b, k = a[order], b[order], k[order]
        count = np.bincount(owner, minlength=n)
        if (count != count[0]).any():
            return Terms(_common(k), a, b if two else None, np.cumsum(count) - count)
        factor = _common(k)
        shape = (n, int(count[0]))
        k_rows = factor if isinstance(factor, float) else factor.reshape(shape)
        return Terms(k_rows, a.reshape(shape), b.reshape(shape) if two else None)

    def _products(self, part: Terms, nodes: Ids) -> tuple[Ids, list[Product]] | None:
        """The order of nodes, and the matrix products that they then are; None if they are no such."""
        if part.starts is not None or part.a.shape[1] < 2:
            return None
        if isinstance(part.k, float) == (part.b is None):  # neither or both of factors b and numbers k
            return None
        constant = part.b is None
        second: Any = part.k if constant else part.b
        left, right = _numbered_rows(part.a), _numbered_rows(second.view(np.int64) if constant else second)
        left_first = self.rank[part.a[:, 0]]
        right_first = np.zeros_like(left_first) if constant else self.rank[second[:, 0]]
        left, right = _by_first(left, left_first), _by_first(right, right_first)
        if self._are_parameters(part.a[0, 0]) and (constant or not self._are_parameters(second[0, 0])):
            swap = bool(self.flags[nodes[0]] & BATCHED)  # samples run slower there, and faster where they were traced
        elif constant:
            swap = False
        elif len(left) == 1:
            return None
        else:
            swap = bool(right[0] == right[1])  # the left one runs faster
        outer, inner = (right, left) if swap else (left, right)
        outer_rows, inner_rows = (second, part.a) if swap else (part.a, second)
        sections = _bicliques(outer, inner, part.a.shape[1])
        if sections is None:
            return None
        order, products = [], []
        for section in sections:
            within = section[np.lexsort((inner[section], outer[section]))]
            n_inner = int(np.count_nonzero(outer[within] == outer[within[0]]))
            order.append(within)
            products.append(Product(outer_rows[within[::n_inner]], inner_rows[within[:n_inner]]))
        return np.concatenate(order), products

    def _with_bias(self, main: Terms, part: Terms, order: Ids) -> Product | None:
        """The only product of ``main``, and in it ``part``, if that is one number for each of its outer rows.

        There must be room for a row of ones behind the inner operands: these are a group of their own, column by
        column. Leaves never are one, for it has their mirrors as well.
        """
        product = main.products[0]
        if part is main or part.starts is not None or part.a.size != len(order) or part.b is not None:
            return None
        if len(main.products) > 1 or main.b is None or not self._are_parameters(product.outer).all():
            return None
        if not isinstance(part.k, float) or part.k != main.k:
            return None
        inner, bias = product.inner, part.a[order].reshape(len(product.outer), -1)
        places = np.sort(self.rank[self.group == self.group[inner[0, 0]]])
        aside = not np.array_equal(self.rank[inner.T].ravel(), places)
        if aside or (bias != bias[:, :1]).any() or not self._are_parameters(bias[:, 0]).all():
            return None
        ones = np.full((len(inner), 1), self.one)
        return Product(np.hstack([product.outer, bias[:, :1]]), np.hstack([inner, ones]), ones=True)


def parameter_order(lifted: Lifted) -> list[int]:
    """The leaves in an order in which rows of matrix products, and then other operands, lie side by side."""
    terms = [each for group in lifted.groups for each in group.terms]
    products = [product for each in terms for product in each.products]
    rows = [rows for p in sorted(products, key=lambda p: -p.inner.size - p.outer.size) for rows in (p.inner.T, p.outer)]
    others = [ids for each in terms if not each.products for ids in (each.a, each.b) if ids is not None]
    ids = [each.ravel() for each in rows + others if each.dtype == np.int64] + [np.arange(len(lifted.leaves))]
    found = np.concatenate(ids)
    found = found[found < len(lifted.leaves)]
    return found[np.sort(np.unique(found, return_index=True)[1])].tolist()  # type: ignore[no-any-return]


# ----- helpers on arrays -----


def _bicliques(outer: Ids, inner: Ids, k: int) -> list[Ids] | None:
    """Sets of pairs in each of which every outer row meets every inner one; None if there are no large ones."""
    pair = outer * (inner.max() + 1) + inner
    _, first, number = np.unique(pair, return_index=True, return_inverse=True)
    if len(first) < len(pair):  # the same pair twice: of the second, an outer row of its own
        seen = np.argsort(number, kind="stable")
        copy = np.empty_like(number)
        copy[seen] = np.arange(len(pair)) - np.searchsorted(number[seen], number[seen])
        outer = outer * (copy.max() + 1) + copy
        outer = np.unique(outer, return_inverse=True)[1]
    if (int(outer.max()) + 1) * (int(inner.max()) + 1) == len(pair):
        return [np.arange(len(pair))]
    for one, other in ((outer, inner), (inner, outer)):  # those that have the same partners
        partners = np.zeros(int(one.max()) + 1, np.int64)
        np.add.at(partners, one, _mixed(other))
        part = _numbered(partners)[0][one]
        if part.max() < len(pair) // 8:
            sections = [np.flatnonzero(part == i) for i in range(int(part.max()) + 1)]
            if all(_is_product(outer[section], inner[section], k) for section in sections):
                return sections
    return None


def _is_product(outer: Ids, inner: Ids, k: int) -> bool:
    return len(outer) * k >= LARGE and len(np.unique(outer)) * len(np.unique(inner)) == len(outer)


def _reordered(part: Terms, order: Ids) -> Terms:
    if part.starts is None:
        k = part.k if isinstance(part.k, float) else part.k[order]
        return Terms(k, part.a[order], None if part.b is None else part.b[order], None, part.products)
    count = np.diff(np.append(part.starts, len(part.a)))[order]
    terms = ranges(part.starts[order], count)
    k = part.k if isinstance(part.k, float) else part.k[terms]
    return Terms(k, part.a[terms], None if part.b is None else part.b[terms], np.cumsum(count) - count)


def _common(numbers: Floats) -> float | Floats:
    """The one number that all are, or all of them."""
    return float(numbers[0]) if len(numbers) and (numbers == numbers[0]).all() else numbers


def _mixed(numbers: Ids) -> Ids:
    """A hash of each number."""
    x = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x ^= x >> np.uint64(29)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(32)
    return x.view(np.int64)


def _row_hash(rows: Ids) -> Ids:
    """A hash of each row of a matrix."""
    places = _mixed(np.arange(1, rows.shape[1] + 1)) | 1
    hashed: Ids = (_mixed(rows) * places).sum(axis=1)
    return hashed


def _numbered(keys: Ids) -> tuple[Ids, Ids]:
    """Numbers 0, 1, … for equal keys, in the order of their appearance; and where each appears first."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    rank = np.empty_like(first)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse], np.sort(first)


def _numbered_rows(rows: Ids) -> Ids:
    number, first = _numbered(_row_hash(rows))
    same = bool((rows[first][number] == rows).all())
    return number if same else np.arange(len(rows))


def _by_first(number: Ids, key: Ids) -> Ids:
    """The same partition, numbered by the ``key`` of what is in each part."""
    n = int(number.max()) + 1
    keys = np.empty(n, key.dtype)
    keys[number] = key
    rank = np.empty(n, np.int64)
    rank[np.argsort(keys, kind="stable")] = np.arange(n)
    return rank[number]


def _in_order(keys: Ids) -> Sequence[int]:
    return keys[_numbered(keys)[1]].tolist() if len(keys) else []
