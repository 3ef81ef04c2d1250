"""A program in groups for people to read: a line for each group, with shapes, matrix products and names."""

import re
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from autograd.compiler.lift import Group, Lifted, Product, Terms
from autograd.compiler.normal import Ids
from autograd.compiler.take import TAKE
from autograd.ops import Op

FEW = 3
"""So many products of one group, and places that operands come from, are told apart."""
Shape = tuple[int, ...]


def listing(lifted: Lifted, samples: int) -> str:
    """``lifted`` for so many samples, which are the first axis; 0 for none."""
    return "\n".join(_Listing(lifted, max(1, samples)).lines())


class _Listing:
    """shapes: of the result of each group, without the samples; number: of each node that of its group."""

    def __init__(self, lifted: Lifted, samples: int) -> None:
        self.lifted, self.samples = lifted, samples
        self.number = np.zeros(lifted.first_mirror + len(lifted.leaves), np.int64)
        self.groups = [group for group in lifted.groups if group.nodes[0] < lifted.first_constant]  # and no mirrors
        for i, group in enumerate(self.groups, 1):
            self.number[group.nodes] = i
        self.shapes: dict[int, Shape] = {}
        self.parts = [_parts(leaf.name) for leaf in lifted.leaves]

    def lines(self) -> list[str]:
        *inner, last = self.groups
        lines = [self._line(i, group) for i, group in enumerate(inner, 1)]
        if _is_copy(last):
            return [*lines, f"return {self._source(last.terms[0].a)}"]
        number = len(self.groups)
        return [*lines, self._line(number, last), f"return v{number}"]

    def _line(self, number: int, group: Group) -> str:
        shape = self.shapes[number] = self._shape(group)
        right = self._sum(group) if group.row is None else self._row(group)
        return f"v{number} {self._sized(shape, group.batched)} = {right}"

    def _shape(self, group: Group) -> Shape:
        """As its one matrix product has it, or else its operands; otherwise so many numbers."""
        n = len(group.nodes)
        products = [product for terms in group.terms for product in terms.products]
        if products:
            return (len(products[0].outer), len(products[0].inner)) if len(products) == 1 else (n,)
        operands = [*group.operands.T, *[t.a[:, 0] for t in group.terms if t.starts is None and t.a.shape[1] == 1]]
        shapes = [self.shapes.get(int(self.number[ids[0]]), ()) for ids in operands]
        return next((shape for shape in shapes if shape and prod(shape) == n), (n,))

    def _sized(self, shape: Shape, batched: bool) -> str:
        if batched and self.samples > 1:
            shape = (self.samples, *[n for n in shape if n != 1])
        return f"[{'×'.join(map(str, shape))}]"

    def _row(self, group: Group) -> str:
        assert group.row is not None
        operands = group.operands
        if isinstance(group.row, Op):
            return f"{group.row.name}({', '.join(map(self._source, operands.T))})"
        index = [self._source(operands[:, :1])] if group.row is TAKE else []
        entries = operands[:, len(index) :]
        return f"{group.row.name}({', '.join([*index, f'{entries.shape[1]} of {self._source(entries)}'])})"

    def _sum(self, group: Group) -> str:
        terms = [self._term(each) for each in group.terms]
        if group.constant is not None:
            c = group.constant[0]
            same = bool((group.constant == c).all())
            terms.append((-1.0 if c < 0 else 1.0, f"{abs(c):.6g}") if same else (1.0, "numbers"))
        terms.sort(key=lambda term: term[0] < 0)  # 1 - x, and not -x + 1
        text = "".join(f" {'-' if sign < 0 else '+'} {each}" for sign, each in terms)
        return text[3:] if terms[0][0] > 0 else f"-{text[3:]}"

    def _term(self, terms: Terms) -> tuple[float, str]:
        """The sign, and the rest."""
        k, each = (terms.k, "") if isinstance(terms.k, float) else (1.0, "numbers·")
        factor = "" if abs(k) == 1.0 else f"{abs(k):.6g}·"
        if terms.products:
            shown = [self._product(product) for product in terms.products[:FEW]]
            more = len(terms.products) - FEW
            return k, factor + " and ".join([*shown, *[f"{more} more"] * (more > 0)])
        each += self._source(terms.a)
        if terms.b is not None:
            each += "²" if np.array_equal(terms.a, terms.b) else f"·{self._source(terms.b)}"
        if terms.starts is not None:
            return k, f"{factor}sums of {each} ({len(terms.a)} in all)"
        n = terms.a.shape[1]
        if n == 1:
            return k, factor + each
        return k, f"mean of {n} {each}" if abs(abs(k) * n - 1.0) < 1e-9 else f"{factor}sum of {n} {each}"

    def _product(self, product: Product) -> str:
        outer, inner = (f"{self._source(rows)} {self._rows(rows)}" for rows in (product.outer, product.inner))
        return f"{outer} @ {inner}ᵀ"

    def _rows(self, rows: Any) -> str:
        """The shape of rows of a product; all samples below one another."""
        batched = rows.dtype == np.int64 and self._is_batched(int(rows.flat[0]))
        return f"[{len(rows) * (self.samples if batched else 1)}×{rows.shape[1]}]"

    def _is_batched(self, node: int) -> bool:
        if node < len(self.lifted.leaves):
            return self.lifted.leaves[node].argument is not None
        number = int(self.number[node])
        return bool(number) and self.groups[number - 1].batched

    def _source(self, ids: Any) -> str:
        """Where operands come from: a group, parameters by name, an argument, numbers in the program's text."""
        if ids.dtype != np.int64:
            return "numbers"
        ids = np.unique(np.where(ids >= self.lifted.first_mirror, ids - self.lifted.first_mirror, ids))
        first, last = len(self.lifted.leaves), self.lifted.first_constant
        constants = {f"{x:.6g}" for x in self.lifted.constants[ids[ids >= last] - last].tolist()}
        results = [f"v{number}" for number in np.unique(self.number[ids[(ids >= first) & (ids < last)]]).tolist()]
        texts = [*self._names(ids[ids < first]), *results, *(constants if len(constants) <= 1 else ["numbers"])]
        text = " | ".join([*texts[:FEW], *["…"] * (len(texts) > FEW)])
        return f"({text})" if len(texts) > 1 else text

    def _names(self, leaves: Ids) -> list[str]:
        """Names of leaves, those that differ by indices as one, and all there are of one by what they share."""
        kinds: dict[str, set[tuple[int, ...]]] = {}
        for i in leaves.tolist():
            kind, indices = self.parts[i]
            kinds.setdefault(kind, set()).add(indices)
        return [self._ranged(kind, indices) for kind, indices in kinds.items()]

    def _ranged(self, kind: str, indices: set[tuple[int, ...]]) -> str:
        columns = [(min(column), max(column)) for column in zip(*indices, strict=True)]
        all_of_kind = [each for name, each in self.parts if name == kind]
        inside = [each for each in all_of_kind if all(a <= i <= b for i, (a, b) in zip(each, columns, strict=True))]
        pieces = kind.split("#")
        if len(inside) == len(indices) and len(all_of_kind) > 1:  # whole lists at the end need no indices
            while columns and pieces[-1] in ("", "]") and self._whole(kind, columns):
                pieces = [*pieces[:-2], pieces[-2].rstrip(".[")]
                columns.pop()
        ranges = [f"{a}" if a == b else f"{a}…{b}" for a, b in columns]
        return "".join([piece + number for piece, number in zip(pieces, [*ranges, ""], strict=True)])

    def _whole(self, kind: str, columns: Sequence[tuple[int, int]]) -> bool:
        """Whether the last index runs over all that there are, and these are several."""
        *before, (low, high) = columns
        within = [
            each[len(before)]
            for name, each in self.parts
            if name == kind and all(a <= i <= b for i, (a, b) in zip(each, before, strict=False))
        ]
        return low < high and (min(within), max(within)) == (low, high)


def _parts(name: str) -> tuple[str, tuple[int, ...]]:
    """A name without its numbers, and these."""
    return re.sub(r"\d+", "#", name), tuple(map(int, re.findall(r"\d+", name)))


def _is_copy(group: Group) -> bool:
    if group.row is not None or group.constant is not None or len(group.terms) != 1 or len(group.nodes) != 1:
        return False
    (terms,) = group.terms
    return terms.k == 1.0 and terms.b is None and not terms.products and terms.a.size == 1
