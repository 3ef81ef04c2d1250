"""The backend for irregular and deep programs: loops over single numbers, compiled by numba.

Nodes of one level, one operation and as many operands are a run, and a kernel goes through the runs. The kernels are
written from the table of operations and know nothing of a program, which is data: they are compiled once, and kept in
the user's cache folder.
"""

import hashlib
import inspect
import os
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd.compiler.cells import Call, fill
from autograd.compiler.memory import Ids, Memory
from autograd.compiler.normal import ALWAYS_SUMS, GRADIENT, Normal, ranges
from autograd.compiler.program import Program
from autograd.compiler.rows import Rows
from autograd.compiler.trace import COMPARISONS, Row
from autograd.namespaces import PRIMITIVES, SCALARS, ieee
from autograd.ops import OPS, Op
from autograd.symbols import written

LINEAR, PRODUCTS, FIRST_ROW = 0, 1, 2
"""Codes of runs: Σ k·a, Σ k·a·b, and then the rows of the table."""


class Loops:
    """A program in normal form as runs: nodes in order, level by level, and their terms one after another.

    places: where each node lies in a row of numbers: leaves, constants, and then what is computed
    bounds: where each run begins in such a row; codes: what it computes; wanted: whether gradients go through it
    count:  how many terms each of its nodes has, and begin: the first of them
    k, a, b: the terms; of a row of the table the operands are a
    """

    def __init__(self, normal: Normal) -> None:
        self.normal = normal
        self.first = normal.leaves + len(normal.constants)
        nodes = normal.nodes
        self.width = self.first + len(nodes)
        constant = np.flatnonzero(normal.sums & (normal.constant != 0.0))
        rows = np.flatnonzero(normal.rows)
        owner = np.concatenate([normal.owner, constant, np.repeat(rows, normal.count[rows])])
        of_node = np.bincount(owner, minlength=normal.n)
        keys = np.stack([of_node[nodes], normal.flags[nodes] & GRADIENT, self._codes(nodes), normal.levels()[nodes]])
        order = np.lexsort((nodes, *keys))
        keys = keys[:, order]
        self.places = np.zeros(normal.total, np.int64)
        self.places[: normal.leaves] = np.arange(normal.leaves)
        self.places[normal.n : normal.first_mirror] = np.arange(normal.leaves, self.first)
        self.places[nodes[order]] = np.arange(self.first, self.width)
        runs = np.flatnonzero((np.diff(keys, prepend=-1) != 0).any(axis=0))
        self.bounds = np.append(self.first + runs, self.width)
        # numba compiles anew for each layout of an array: rows of a matrix indexed by runs would be strided
        self.count, self.wanted, self.codes, _ = np.ascontiguousarray(keys[:, runs])
        self.begin = (np.cumsum(keys[0]) - keys[0])[runs]
        self._gather_terms(owner, constant, rows)

    def _codes(self, nodes: Ids) -> Ids:
        """The code of each node: from `FIRST_ROW` on places in `TABLE`, then in ``own``, and then in ``python``."""
        normal = self.normal
        products = np.zeros(normal.n, bool)
        products[normal.owner[normal.b >= 0]] = True
        found = np.where(products[nodes], PRODUCTS, LINEAR)
        computed = np.flatnonzero(normal.rows[nodes]).tolist()
        used = dict.fromkeys(normal.ops[i] for i in nodes[computed].tolist())
        others = [row for row in used if row not in TABLE]
        self.own = tuple([row for row in others if isinstance(row, Op) and written(row)])
        self.python: list[Any] = [row for row in others if row not in self.own]
        code = {row: FIRST_ROW + i for i, row in enumerate([*TABLE, *self.own, *self.python])}
        found[computed] = [code[normal.ops[i]] for i in nodes[computed].tolist()]
        return found

    def _gather_terms(self, owner: Ids, constant: Ids, rows: Ids) -> None:
        normal = self.normal
        operands = normal.flat[ranges(normal.start[rows], normal.count[rows])]
        ones = np.full(len(constant), normal.one)
        k = np.concatenate([normal.k, normal.constant[constant], np.ones(len(operands))])
        a = np.concatenate([normal.a, ones, operands])
        b = np.concatenate([np.where(normal.b < 0, normal.one, normal.b), ones, operands])
        order = np.argsort(self.places[owner], kind="stable")
        self.k, self.a, self.b = k[order], *(self.places[x[order]].astype(np.int32) for x in (a, b))

    def build(self, parameters: Memory, positions: Ids, batch: int, dtype: DTypeLike) -> Program:
        """The program for each sample; the words are those of `autograd.compiler.program.build`."""
        normal = self.normal
        rows = Rows(normal, self.places, self.width, parameters, positions, batch, np.dtype(dtype))
        rows.numbers[:, normal.leaves : self.first] = normal.constants
        root = rows.gradients[:, self.places[normal.tape.root]]
        through = self._through(rows)
        forward: list[Call] = [(rows.load, ()), *(call for call, _ in through)]
        backward: list[Call] = [(fill, (0.0, rows.gradients))]
        if normal.flags[normal.tape.root] & GRADIENT:
            backward += [(fill, (rows.seed, root)), *(call for _, call in reversed(through))]
        backward.append((rows.store, ()))
        text = f"{self.width - self.first:,} numbers one by one, in {len(self.codes):,} runs of one operation"
        notes = [f"{row.name} has no machine code: computed by Python" for row in self.python]
        return Program(
            forward, backward, rows.memory, rows.inputs, rows.loss, rows.places, rows.steps, lambda: text, notes
        )

    def _through(self, rows: Rows) -> list[tuple[Call, Call]]:
        """Calls forwards and backwards, for as many runs as can be: kernels, and Python for rows without machine code.

        Rows of one's own have kernels of their own: to compile the table's once more would take ten times as long.
        """
        first_own = FIRST_ROW + len(TABLE)
        first_python = first_own + len(self.own)
        kinds = np.digitize(self.codes, [first_own, first_python])
        ends = np.flatnonzero(np.diff(kinds, prepend=-1, append=-1))
        calls: list[tuple[Call, Call]] = []
        for first, last in pairwise(ends.tolist()):
            runs, bounds, kind = slice(first, last), self.bounds[first : last + 1], kinds[first]
            count, begin, wanted = self.count[runs], self.begin[runs], self.wanted[runs]
            if kind == 2:
                which = [self.python[code - first_python] for code in self.codes[runs].tolist()]
                each = _Python(which, count, begin, bounds, self.a, rows, wanted)
                calls.append(((each.forward, ()), (each.backward, ())))
            else:
                forward, backward = kernels(self.own if kind else TABLE)
                codes = self.codes[runs] - kind * len(TABLE)
                program = codes, count, begin, bounds, self.k, self.a, self.b, rows.numbers
                calls.append(((forward, program), (backward, (*program, rows.gradients, wanted))))
        return calls


class _Python:
    """Runs of rows that have no machine code."""

    def __init__(self, table: list[Row], count: Ids, begin: Ids, bounds: Ids, a: Ids, rows: Rows, wanted: Ids) -> None:
        self.numbers, self.gradients = rows.numbers, rows.gradients
        self.nodes: list[tuple[Row, bool, int, Ids]] = []
        for r, (first, last) in enumerate(pairwise(bounds.tolist())):
            operands = a[begin[r] : begin[r] + count[r] * (last - first)].reshape(last - first, -1)
            nodes = zip(range(first, last), operands, strict=True)
            self.nodes += [(table[r], bool(wanted[r]), node, xs) for node, xs in nodes]

    def forward(self) -> None:
        for row, _, node, operands in self.nodes:
            for v in self.numbers:
                xs = v[operands].tolist()
                v[node] = ieee(row.forward, *xs) if isinstance(row, Op) else row.forward(tuple(xs))

    def backward(self) -> None:
        for row, wanted, node, operands in reversed(self.nodes):
            for v, g in zip(self.numbers, self.gradients, strict=True) if wanted else ():
                sent = row.scalar_vjp((v[node].item(), *v[operands].tolist()), g[node].item())
                np.add.at(g, operands, np.array(sent, float))


# ----- the kernels -----

TABLE = tuple(row for row in (*OPS.values(), *COMPARISONS.values()) if row not in ALWAYS_SUMS and written(row))
"""The rows that every kernel knows."""

_FORWARD = """
def forward(codes, counts, begins, bounds, k, a, b, numbers):
    for s in range(numbers.shape[0]):
        v = numbers[s]
        for r in range(len(codes)):
            code, n, t = codes[r], counts[r], begins[r]
            if code == {linear}:
                for i in range(bounds[r], bounds[r + 1]):
                    y = -0.0
                    for _ in range(n):
                        y += k[t] * v[a[t]]
                        t += 1
                    v[i] = y
            elif code == {products}:
                for i in range(bounds[r], bounds[r + 1]):
                    y = -0.0
                    for _ in range(n):
                        y += k[t] * v[a[t]] * v[b[t]]
                        t += 1
                    v[i] = y
"""
_BACKWARD = """
def backward(codes, counts, begins, bounds, k, a, b, numbers, gradients, wanted):
    for s in range(numbers.shape[0]):
        v, g = numbers[s], gradients[s]
        for r in range(len(codes) - 1, -1, -1):
            code, n, t = codes[r], counts[r], begins[r]
            if not wanted[r]:
                continue
            if code == {linear}:
                for i in range(bounds[r], bounds[r + 1]):
                    d = g[i]
                    for _ in range(n):
                        g[a[t]] += d * k[t]
                        t += 1
            elif code == {products}:
                for i in range(bounds[r], bounds[r + 1]):
                    d = g[i]
                    for _ in range(n):
                        dk = d * k[t]
                        x = v[a[t]]
                        g[a[t]] += dk * v[b[t]]
                        g[b[t]] += dk * x
                        t += 1
"""
_ROW = """            elif code == {code}:
                for i in range(bounds[r], bounds[r + 1]):
"""


def source(rows: Sequence[Op]) -> str:
    """The kernels for ``rows``, as a Python module that numba compiles."""
    passes = [_FORWARD, _BACKWARD]
    for code, row in enumerate(rows, FIRST_ROW):
        text = written(row)
        assert text is not None
        loads = [f"{x} = v[a[t + {i}]]" for i, x in enumerate(text.names)]
        product = "selected({d}, g[i])" if row.selects else "g[i] * ({d})"
        sends = [f"g[a[t + {i}]] += {product.format(d=d)}" for i, d in enumerate(text.partials)]
        for i, lines in enumerate(([*loads, f"v[i] = {text.result}"], ["y = v[i]", *loads, *sends])):
            passes[i] += _ROW.format(code=code)
            passes[i] += "".join(f"                    {line}\n" for line in [*lines, f"t += {row.arity}"])
    bodies = "".join(passes).replace("m.", "").format(linear=LINEAR, products=PRODUCTS)
    return "\n\n".join(['"""Kernels of glassgrad; see autograd.compiler.loops."""', *_functions(), bodies])


def _functions() -> Iterator[str]:
    """What rules may call, for numba."""
    yield "from math import inf as Infinity, nan as NaN\nfrom typing import Any\n\nimport numba"
    yield "@numba.njit\ndef selected(d, g):\n    return g * d if d else 0.0"
    for name in PRIMITIVES:
        function = getattr(SCALARS, name)
        if isinstance(function, types.FunctionType):
            yield f"@numba.njit\n{inspect.getsource(function)}\n{name} = {function.__name__}"
        elif function.__module__ == "math":
            yield f"from math import {function.__name__} as {name}"


@cache
def kernels(rows: tuple[Op, ...]) -> tuple[Callable[..., None], Callable[..., None]]:
    """The two passes in machine code."""
    text = source(rows)
    name = f"glassgrad_kernels_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    path = _cache_folder() / f"{name}.py"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(f".{os.getpid()}")
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(path)
        kept = True
    except OSError:  # a folder that cannot be written: compiled anew in every process
        kept = False
    module = types.ModuleType(name)
    sys.modules[name] = module  # where numba looks for what it has kept
    exec(compile(text, str(path), "exec"), vars(module))
    jit = import_module("numba").njit(error_model="numpy", cache=kept)
    return jit(module.forward), jit(module.backward)


def _cache_folder() -> Path:
    """Where the system keeps what a user's programs can make again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "glassgrad"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "glassgrad"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "glassgrad"
