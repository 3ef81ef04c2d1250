"""The backend for small or narrow programs: plain Python, straight through, one line for each number.

For a few numbers Python's own arithmetic is faster than calls of NumPy. Both passes are one generator, whose local
variables wait between them.
"""

import builtins
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf, nan
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd.compiler.memory import Array, Ids, Memory
from autograd.compiler.normal import GRADIENT, Normal
from autograd.compiler.program import Program
from autograd.compiler.rows import Rows
from autograd.compiler.trace import Row
from autograd.namespaces import ARRAYS, PRIMITIVES, SCALARS, ieee
from autograd.ops import Op
from autograd.symbols import ATOM, Written, symbol, written

Code = Callable[[Sequence[float], float], Iterator[Sequence[float]]]
"""A program's generator function, of the leaves and the gradient to begin with."""
LONG = 100
"""Terms in an expression; Python cannot compile one of many thousands."""


class Straight:
    """A program in normal form as Python, for any number of samples."""

    def __init__(self, normal: Normal) -> None:
        self.normal = normal
        writer = _Writer(normal)
        self.source, self.results = writer.source(), writer.outputs
        code = builtins.compile(self.source, "<compiled program>", "exec")
        self.codes = [_defined(code, writer.functions, exact) for exact in (False, True)]

    def build(self, parameters: Memory, positions: Ids, batch: int, dtype: DTypeLike) -> Program:
        """The program, run once for each sample; the words are those of `autograd.compiler.program.build`."""
        normal, n = self.normal, self.normal.leaves
        width = n + len(self.results)
        places = np.zeros(normal.total, np.int64)
        places[:n], places[self.results] = np.arange(n), np.arange(n, width)
        rows = Rows(normal, places, width, parameters, positions, batch, np.dtype(dtype))
        made = _Replay(self.codes, rows, slice(n, width))
        return Program(
            [(made.forward, ())], [(made.backward, ())], rows.memory, rows.inputs, rows.loss, rows.places, rows.steps,
            self._text,
        )  # fmt: skip

    def _text(self) -> str:
        names = [f"{_name(i)} = {leaf.name}" for i, leaf in enumerate(self.normal.tape.leaves)]
        return "\n".join([*names, self.source])


class _Writer:
    """Writes the two passes of a program.

    functions: rows that cannot be written as text, and what the text calls them
    """

    def __init__(self, normal: Normal) -> None:
        self.normal = normal
        self.functions: dict[Row, str] = {}
        self.texts: dict[Row, Written | None] = {}
        self.outputs = list(dict.fromkeys(normal.read_outside()))
        self.wanted = (normal.flags & GRADIENT > 0).tolist()
        self.sent: dict[int, list[str]] = {}
        self.lines: list[str] = []
        self.margin = "    "

    def source(self) -> str:
        normal = self.normal
        nodes = normal.nodes.tolist()
        steps = [self._sum(i) if normal.sums[i] else self._row(i) for i in nodes]
        self._line(f"yield {_tuple(map(self._operand, self.outputs))}")
        self._line("while True:")
        self.margin *= 2
        if self.wanted[normal.tape.root]:
            self.sent[normal.tape.root] = ["seed"]
        for i, send in zip(reversed(nodes), reversed(steps), strict=True):
            if i in self.sent and self.wanted[i]:
                self._gather(i)
                send()
        for i in range(normal.leaves):
            self._gather(i)
        self._line(f"yield {_tuple(f'g{i}' for i in range(normal.leaves))}")
        unpacked = [f"    {_tuple(map(_name, range(normal.leaves)))} = leaves"]
        return "\n".join(["def replay(leaves, seed):", *unpacked, *self.lines])

    def _line(self, text: str) -> None:
        self.lines.append(self.margin + text)

    def _operand(self, i: int) -> str:
        if i < self.normal.n:
            return _name(i)
        number = float(self.normal.numbers[i])
        return _literal(number) if number else _literal(math.copysign(1.0, number)).replace("1.0", "zero")

    def _assign(self, name: str, terms: Sequence[str]) -> None:
        """``name`` = the sum of ``terms``."""
        self._line(f"{name} = {_sum(terms[:LONG])}")
        for i in range(LONG, len(terms), LONG):
            self._line(f"{name} += {_sum(terms[i : i + LONG])}")

    def _gather(self, i: int) -> None:
        self._assign(f"g{i}", self.sent.pop(i, []) if self.wanted[i] else [])

    def _send(self, i: int, text: str) -> None:
        if i < self.normal.n and self.wanted[i]:
            self.sent.setdefault(i, []).append(text)

    def _sum(self, i: int) -> Callable[[], None]:
        """Write y = c + Σ k·a·b; returns what writes its backward pass."""
        terms, constant = self.normal.terms_of(i), float(self.normal.constant[i])
        texts = [] if constant == 0.0 else [_literal(constant)]
        for k, a, b in terms:
            texts.append(_product(k, [_name(a), *([_name(b)] if b >= 0 else [])]))
        self._assign(_name(i), texts)

        def send() -> None:
            for k, a, b in terms:
                self._send(a, _product(k, [f"g{i}", *([_name(b)] if b >= 0 else [])]))
                if b >= 0:
                    self._send(b, _product(k, [f"g{i}", _name(a)]))

        return send

    def _row(self, i: int) -> Callable[[], None]:
        """Write a row of the table; returns what writes its backward pass."""
        row, operands = self.normal.ops[i], self.normal.operands_of(i)
        assert row is not None
        xs = list(map(self._operand, operands))
        if row not in self.texts:
            self.texts[row] = written(row) if isinstance(row, Op) else None
        text = self.texts[row]
        if text is None:
            return self._call(i, row, operands, xs)
        assert isinstance(row, Op)
        names = {"y": _name(i), **dict(zip(text.names, xs, strict=True))}
        self._line(f"{_name(i)} = {_renamed(text.result, names)}")

        def send() -> None:
            for operand, partial in zip(operands, text.partials, strict=True):
                slope = _renamed(partial, names)
                sent = f"(g{i} * s if (s := {slope}) else 0.0)" if row.selects else f"g{i} * ({slope})"
                self._send(operand, sent)

        return send

    def _call(self, i: int, row: Row, operands: Sequence[int], xs: Sequence[str]) -> Callable[[], None]:
        """The same for a row that stays a function."""
        name = self.functions.setdefault(row, f"f{len(self.functions)}")
        self._line(f"{_name(i)} = {name}({', '.join(xs)})")

        def send() -> None:
            self._line(f"s{i} = {name}_vjp({_tuple([_name(i), *xs])}, g{i})")
            for place, operand in enumerate(operands):
                self._send(operand, f"s{i}[{place}]")

        return send


class _Replay:
    """Runs what a `_Writer` wrote, sample after sample; over NumPy's numbers where Python's raise and IEEE's do not."""

    def __init__(self, codes: Sequence[Code], rows: Rows, outputs: slice) -> None:
        self.codes, self.rows, self.outputs = codes, rows, outputs
        self.leaves = slice(outputs.start)
        self.running: list[Iterator[Sequence[float]]] = []

    def forward(self) -> None:
        self.rows.load()
        self.running = [iter(()) for _ in range(self.rows.samples)]
        self._advance(self.outputs, self.rows.numbers, begin=True)

    def backward(self) -> None:
        self._advance(self.leaves, self.rows.gradients, begin=False)
        self.rows.store()

    def _advance(self, columns: slice, results: Array, begin: bool) -> None:
        """Let each sample go on to its next results, which are written into ``columns``."""
        for i, leaves in enumerate(self.rows.numbers[:, self.leaves].tolist()):
            try:
                if begin:
                    self.running[i] = self.codes[0](leaves, self.rows.seed)
                found = next(self.running[i])
            except (ArithmeticError, ValueError, StopIteration):  # the last after a backward pass that was cut short
                run = self.running[i] = self.codes[1](list(map(np.float64, leaves)), self.rows.seed)
                found = next(run)
                if not begin:
                    found = next(run)
            results[i, columns] = found


def _defined(code: Any, functions: Mapping[Row, str], exact: bool) -> Code:
    """The generator function that ``code`` defines; ``exact``: as IEEE 754 has it, and slower."""
    number = np.float64 if exact else float
    m = ARRAYS if exact else SCALARS
    world: dict[str, Any] = {name: getattr(m, name) for name in PRIMITIVES}
    world |= {"NaN": nan, "Infinity": inf, "zero": number(0.0)}
    # of literals, too, NumPy's numbers: Python's own raise when they are divided by 0
    world["where"] = (lambda condition, a, b: number(a if condition else b)) if exact else SCALARS.where
    for row, name in functions.items():
        world[name] = _forward(row, number)
        world[f"{name}_vjp"] = row.scalar_vjp
    exec(code, world)
    return world["replay"]  # type: ignore[no-any-return]


def _forward(row: Row, number: type[float]) -> Callable[..., float]:
    if isinstance(row, Op):
        return lambda *xs: number(ieee(row.forward, *xs))
    return lambda *xs: number(row.forward(xs))


def _name(i: int) -> str:
    return f"v{i}"


def _literal(x: float) -> str:
    return symbol(x).within(ATOM)


def _tuple(names: Iterable[str]) -> str:
    return f"({', '.join(names)},)".replace("(,)", "()")


def _product(k: float, factors: Sequence[str]) -> str:
    return " * ".join([*([_literal(k)] if k != 1.0 else []), *factors])


def _sum(terms: Sequence[str]) -> str:
    return " + ".join(terms) or "0.0"


def _renamed(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\b(?:m\.(\w+)|y|x\d+)\b", lambda found: found[1] or names[found[0]], text)
