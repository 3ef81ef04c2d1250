"""The first pass: run a function once and write down what it does to numbers, as a tape.

While a function is traced its parameters and inputs are `Traced`, and so is every result. They have no number: whatever
would let one out (`bool()`, `float()`, text, …) would freeze it into the program, and is refused. ``x.data`` is traced.
"""

import sys
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from dis import get_instructions
from functools import lru_cache, partial, reduce
from itertools import chain
from numbers import Real
from operator import add, is_
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from autograd.compiler.take import TAKE
from autograd.conversions import INSTEAD, asker
from autograd.errors import TraceError
from autograd.functions import NODES, where
from autograd.graph import Node, pushforward
from autograd.modes import MODE, NUMPY, OURS, paused_gc, setting, source_line, user_frame, user_line
from autograd.namespaces import ieee
from autograd.ops import OPS, Op, Reduction, divided
from autograd.tensor import Tensor
from autograd.value import StandIn, Value, as_float, common_class, has_array, over_arrays
from autograd.written import written

Row = Op | Reduction
Lookup = tuple[int, Sequence[int]]
"""An input, and the operands from which it chooses one."""


def _comparison(name: str, symbol: str, holds: Callable[[Any, Any, Any], Any]) -> Op:
    def zero(m: Any, y: Any, a: Any, b: Any) -> float:
        return 0.0

    return Op(name, symbol, lambda m, a, b: m.where(holds(m, a, b), 1.0, 0.0), (zero, zero), symbol, ((-3.0, 3.0),) * 2)


COMPARISONS = {
    "__lt__": _comparison("less", "<", lambda m, a, b: a < b),
    "__le__": _comparison("less_equal", "≤", lambda m, a, b: a <= b),
    "__gt__": _comparison("greater", ">", lambda m, a, b: a > b),
    "__ge__": _comparison("greater_equal", "≥", lambda m, a, b: a >= b),
    "__eq__": _comparison("equal", "=", lambda m, a, b: m.equal(a, b)),
    "__ne__": _comparison("not_equal", "≠", lambda m, a, b: m.where(m.equal(a, b), 0.0, 1.0) > 0.0),
}
"""Comparisons are operations of a traced program: 1 or 0, with no gradient, for `where` to choose by."""
_COMPARING = frozenset(COMPARISONS.values())
_NUMBER_BIT, _WANTED_BIT = 1, 2


def _kind_bits(is_number: bool, wanted: bool) -> int:
    return _NUMBER_BIT * is_number | _WANTED_BIT * wanted


@dataclass
class Leaf:
    """Where the program gets a number from.

    name:     what to call it
    argument: which argument of the function; None for a parameter, which the function closes over
    value:    the parameter; None for an input
    wanted:   whether somebody asks for its gradient
    """

    name: str
    argument: int | None
    value: Value | None
    wanted: bool


def inputs_by_argument(leaves: Sequence[Leaf]) -> dict[int, NDArray[np.int64]]:
    """The numbers of the leaves that are inputs, by the argument that they come from."""
    arguments = np.array([-1 if leaf.argument is None else leaf.argument for leaf in leaves], np.int64)
    return {int(i): np.flatnonzero(arguments == i) for i in np.unique(arguments[arguments >= 0])}


@dataclass
class Tape:
    """What a function does to numbers, one operation after another: leaves first, operands before results.

    An operand is the index of an earlier entry; below 0 it is a constant, ``constants[-1 - operand]``.

    cut:       entries through which no gradient goes: `detach`ed, or made under `no_grad`
    strangers: leaves that were no leaves of ours: made by the function itself, or hidden from us
    labelled:  results to which the function gave a label; kept: the entries of those that somebody wants to see
    places:    the source line of each entry, if asked for
    refusal:   what was refused, whether or not the function let the error through
    told:      of entries whose row does not tell it, whether they are plain numbers, and whether they want a gradient
    """

    leaves: list[Leaf]
    ops: list[Row | None]
    operands: list[Sequence[int]]
    constants: list[float] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    strangers: dict[int, Value] = field(default_factory=dict)
    kept: dict[str, list[int]] = field(default_factory=dict)
    labelled: dict[str, list["Traced"]] = field(default_factory=dict)
    places: list[str] | None = None
    refusal: TraceError | None = None
    told: dict[int, tuple[bool, bool]] = field(default_factory=dict)
    root: int = 0
    _known: dict[Any, int] = field(default_factory=dict)
    _kinds: bytearray = field(default_factory=bytearray)

    def apply(self, op: Op, args: Sequence[Any]) -> Value:
        """The result of row ``op`` on ``args``: what `Value._apply` does while a function is traced."""
        return self.record(op, args if len(args) == op.arity else op.complete(tuple(args)))

    def record(self, op: Row, args: Sequence[Any]) -> Value:
        """The result of ``op`` on ``args``, none left out: what `Value._reduce` does while a function is traced."""
        operands: list[int] = []
        kind = Traced
        for a in args:
            if type(a) is Traced:
                if a.code is not self:
                    raise _ended(op.name)
                operands.append(a.instruction)
            else:
                operands.append(self._operand(a))
                if isinstance(a, Value):
                    kind = Traced.over(common_class(x for x in args if isinstance(x, Value)))
        if operands[0] < 0 and max(operands) < 0:
            return traced_at(self, self.constant(self._folded(op, operands)), kind)
        ops = self.ops
        index = len(ops)
        ops.append(op)
        self.operands.append(operands)
        if not MODE.recording:
            self.cut.append(index)
        if self.places is not None:
            self.places.append(user_line())
        out = _new(kind)  # what follows is `traced_at`, for this is the busiest line of all
        out.code, out.instruction = self, index
        return out

    def entry(self, index: int) -> "Traced":
        """The traced value of an entry, or of a constant."""
        return traced_at(self, index)

    def _operand(self, x: Any) -> int:
        if not isinstance(x, Value):
            if x.__class__ is float:
                return self.constant(x)
            if isinstance(x, list | tuple | str):
                _refused("Repetition", _COUNT)
            return self.constant(as_float(x))
        if isinstance(x, Traced):  # of a class of the user's
            if x.code is not self:
                raise _ended("The use")
            return x.instruction
        if x.parents:
            raise TraceError(
                f"the compiled function uses {x!r}, which was computed outside of it and would not be computed again\n"
                f"  at {user_line()}\nCompute it inside, or pass it as an argument"
            )
        self.strangers[id(x)] = x
        return self.constant(x.data)

    def constant(self, number: float) -> int:
        """The operand that stands for ``number``."""
        key = number or str(number)  # 0.0 == -0.0, and yet they are two
        if key not in self._known:
            self.constants.append(number)
            self._known[key] = -len(self.constants)
        return self._known[key]

    def _folded(self, op: Row, operands: Sequence[int]) -> float:
        numbers = [self.constants[-1 - i] for i in operands]
        return ieee(op.forward, *numbers) if isinstance(op, Op) else op.forward(tuple(numbers))

    def detached(self, x: "Traced") -> Value:
        if x.instruction < 0:
            return x
        with setting(recording=False):
            return self.record(OPS["clone"], (x,))

    def number(self, x: "Traced") -> Any:
        """What ``x.data`` is: the number without its gradient. Like a number that is an argument, it is traced."""
        if x.code is not self:
            raise _ended(".data")
        if x.instruction < 0:
            return self.constants[-1 - x.instruction]
        if self.is_number(x.instruction):
            return x
        found = self.detached(x)
        self.told[found.instruction] = True, False
        return found

    def value(self, x: Any) -> Value:
        """A Value of its own that is equal to ``x``: what ``Value(x)`` makes of a number, and `grad` of an argument."""
        operand = x.instruction if isinstance(x, Traced) else self._operand(x)
        self.ops.append(OPS["clone"])  # even of a constant: a derivative may be by it
        self.operands.append([operand])
        if self.places is not None:
            self.places.append(user_line())
        self.told[len(self.ops) - 1] = False, self.requires_grad(operand)
        return self.entry(len(self.ops) - 1)

    def fold(self, results: Iterable[Any]) -> None:
        """Put constants in the place of what was computed from Values that `value` made of constants."""
        known: dict[int, int] = {}
        for i in range(len(self.leaves), len(self.ops)):
            operands = [known.get(o, o) for o in self.operands[i]]
            if max(operands) < 0:
                known[i] = self.constant(self._folded(self.ops[i], operands))  # type: ignore[arg-type]
            self.operands[i] = operands
        for x in results:
            if isinstance(x, Traced):
                x.instruction = known.get(x.instruction, x.instruction)

    def becomes(self, new: Any, x: Any, label: str, by_hand: Any) -> bool:
        """Let ``new``, of ``Value(x, label)``, be traced if ``x`` is a traced number; whether it is."""
        if not isinstance(x, Traced) or not self.is_number(x.instruction):
            return False
        if by_hand:
            _refused("An operation by hand", _NUMBER)
        new.__class__ = Traced.over(type(new))
        new.code, new.instruction = self, self.value(x).instruction
        if label:
            new.label = label
        return True

    def finished(self, x: Any, inside: bool) -> Any:
        """A derivative as the function gets it: a number if no gradient goes through it, but ``inside`` another one."""
        if not isinstance(x, Traced):
            return x
        if not MODE.recording or not (inside or self.requires_grad(x.instruction)):
            return self.number(x)
        return self.value(x) if self.is_number(x.instruction) else x

    def between(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The outputs as nodes of a graph, and the nodes by which they depend on ``inputs``, in order.

        For the walks that make a derivative: they go over what lies between, as over a graph, and what they compute
        is recorded like everything else.
        """
        nodes = {x.instruction: x for x in inputs}
        order, cut = [], set(self.cut)
        first, last = min(nodes, default=0) + 1, max([y.instruction for y in outputs], default=0)
        for i in range(first, last + 1):
            operands = self.operands[i]
            wanted = tuple([o in nodes for o in operands])
            if i in nodes or i in cut or self.compares(i) or not any(wanted):
                continue
            node = nodes[i] = self.entry(i)
            node.op, node.saved = self.ops[i], ((), wanted)
            node.parents = tuple([nodes[o] if o in nodes else self.entry(o) for o in operands])
            order.append(node)
        return [nodes.get(y.instruction, y) for y in outputs], order

    def node(self, index: int, known: dict[int, "Traced"], depth: int = 8) -> "Traced":
        """An entry as a node of a graph, with what it was computed from in the last operations; one for each entry."""
        if index not in known:
            node = known[index] = self.entry(index)
            node.op = self.ops[index] if index >= 0 and depth else None
            above = self.operands[index] if node.op else ()
            node.parents = tuple([self.node(operand, known, depth - 1) for operand in above])
        return known[index]

    def truth(self, condition: Value) -> Value:
        """1 if ``condition`` is not 0, else 0."""
        known = isinstance(condition, Traced) and self.compares(condition.instruction)
        return condition if known else self.record(COMPARISONS["__ne__"], (condition, 0.0))

    def reached(self) -> tuple[list[int], list[Lookup]]:
        """The parameters that a backward pass from the root reaches, as in the engine.

        Of a table from which an input chooses, these are the entries that it chooses: they are known when it is there.
        """
        cut, marks = {*self.cut}, bytearray(len(self.ops))
        lookups: list[Lookup] = []
        marks[self.root] = 1
        for i in range(self.root, len(self.leaves) - 1, -1):
            if not marks[i] or i in cut or self.compares(i):
                continue
            index, *entries = operands = self.operands[i]
            if self.ops[i] is TAKE and self.is_number(index) and max(operands) < len(self.leaves):
                lookups.append((index, entries))
                continue
            for operand in operands:
                if operand >= 0:
                    marks[operand] = 1
        parameters = {i for i, leaf in enumerate(self.leaves) if leaf.value is not None and leaf.wanted}
        chosen_from = parameters - {i for i in parameters if marks[i]}
        tables = [(index, entries) for index, entries in lookups if not chosen_from.isdisjoint(entries)]
        return sorted(parameters - chosen_from), tables

    def compares(self, index: int) -> bool:
        """Whether this entry is a comparison, which is True or False when the function itself is called."""
        return index >= 0 and self.ops[index] in _COMPARING

    def is_number(self, index: int) -> bool:
        """Whether this entry is a plain number, and no Value, when the function itself is called."""
        return index >= 0 and bool(self._kind(index) & _NUMBER_BIT)

    def requires_grad(self, index: int) -> bool:
        return index >= 0 and bool(self._kind(index) & _WANTED_BIT)

    def _kind(self, index: int) -> int:
        """`is_number` and `requires_grad` of an entry as bits, found for all entries up to it."""
        kinds, ops, operands = self._kinds, self.ops, self.operands
        cut = set(self.cut) if len(kinds) <= index else ()
        for i in range(len(kinds), index + 1):
            op = ops[i]
            if op is None:
                leaf = self.leaves[i]
                kinds.append(_kind_bits(leaf.value is None and not leaf.wanted, leaf.wanted))
            elif i in self.told:
                kinds.append(_kind_bits(*self.told[i]))
            elif op in _COMPARING:
                kinds.append(_NUMBER_BIT)
            else:
                every, some = _NUMBER_BIT if isinstance(op, Op) else 0, 0
                for o in operands[i]:
                    if o >= 0:
                        every &= kinds[o]
                        some |= kinds[o]
                kinds.append(every if i in cut else every | (some & _WANTED_BIT))
        return kinds[index]

    def difference(self, other: "Tape") -> str:
        """How ``other``, a second run of the same function, differs from this one; empty if it does not."""
        if len(self.ops) != len(other.ops) or self.root != other.root:
            return f"it made {len(self.ops)} operations, and then {len(other.ops)}"
        for i, (a, b) in enumerate(zip(self.ops, other.ops, strict=True)):
            if a is not b:
                return f"it computed {_row_name(a)}, and then {_row_name(b)}{self._place(i)}"
        for i, (one, two) in enumerate(zip(self.operands, other.operands, strict=True)):
            if one is two:
                continue
            for x, y in zip(one, two, strict=False):
                if x >= 0 and y >= 0 and x != y:
                    return f"operands of {_row_name(self.ops[i])} were others{self._place(i)}"
                if (x < 0) != (y < 0) or (x < 0 and repr(self.constants[-1 - x]) != repr(other.constants[-1 - y])):
                    first, second = (_operand_name(tape, o) for tape, o in ((self, x), (other, y)))
                    return f"{_row_name(self.ops[i])} had the operand {first}, and then {second}{self._place(i)}"
            if len(one) != len(two):
                return f"{_row_name(self.ops[i])} was of {len(one)} numbers, and then of {len(two)}{self._place(i)}"
        return ""

    def _place(self, index: int) -> str:
        return "" if self.places is None else f"\n  at {self.places[index]}"

    def __str__(self) -> str:
        lines = [f"%{i} = {leaf.name}" for i, leaf in enumerate(self.leaves)]
        for i, op in enumerate(self.ops[len(lines) :], len(lines)):
            operands = ", ".join(_operand_name(self, x) for x in self.operands[i])
            lines.append(f"%{i} = {_row_name(op)}({operands})" + " cut" * (i in self.cut))
        if self.ops[self.root] is OPS["clone"] and self.root == len(self.ops) - 1:  # `trace` itself has added this
            *lines, _ = lines
            return written("\n".join([*lines, f"return {_operand_name(self, self.operands[self.root][0])}"]))
        return written("\n".join([*lines, f"return {_operand_name(self, self.root)}"]))


_new = Value.__new__


def traced_at(tape: Tape, instruction: int, kind: "type[Traced] | None" = None) -> "Traced":
    """The traced value of an entry of ``tape``, which it keeps in ``code``: it may outlive the trace."""
    out = _new(kind or Traced)
    out.code, out.instruction = tape, instruction
    return out


def _row_name(op: Row | None) -> str:
    return op.name if op else "a leaf"


def _operand_name(tape: Tape, operand: int) -> str:
    return f"%{operand}" if operand >= 0 else repr(tape.constants[-1 - operand])


# ----- values that are traced -----


def _refused(what: str, remedy: str) -> NoReturn:
    if MODE.tape is None:
        raise _ended(what)
    error = TraceError(
        f"{what} of a traced value: its number today would be frozen into the compiled program\n"
        f"  at {source_line(_users()[0])}\n{remedy}"
    )
    MODE.tape.refusal = error
    raise error


def _refused_call(otherwise: str, remedies: Mapping[str, str], remedy: str) -> NoReturn:
    """The same of what a function asks for that is written in C: it is named, and what to write for it."""
    _, asks = _users()
    name = getattr(asks, "__name__", "")
    instead = INSTEAD.get(name)
    if name in OPS and not instead:
        one_by_one = ", one by one" * isinstance(asks, np.ufunc)
        call = f"{name}({', '.join(OPS[name].arguments)})"
        instead = f"autograd.{call} for {'numpy' if one_by_one else asks.__module__}.{call}{one_by_one}"
    found = remedies.get(name) or (instead and f"Write {instead}")
    _refused(f"{name}()" if found else otherwise, found or remedy)


def _ended(what: str) -> TraceError:
    return TraceError(
        f"{what} of a traced value that was kept from a compiled function, after its trace ended: it has no number\n"
        f"  at {user_line()}\n"
        f'Return it, or write y.label = "y" in the function and compile(function, keep=["y"]), and read '
        f'loss.kept["y"]; or\ncall the function uncompiled, which is compiled.function'
    )


def _tape(what: str) -> "Tape":
    """The tape of the trace that runs."""
    if MODE.tape is None:
        raise _ended(what)
    return MODE.tape  # type: ignore[no-any-return]


def _users() -> tuple[types.FrameType, Any]:
    """Where the user's program is, and what it calls there."""
    return asker(user_frame())


_ELSE = "call the function itself, which is compiled.function"
_ORDER = f"Sort inputs before the call, and write functools.reduce(autograd.maximum, xs) for the largest; else {_ELSE}"
_DECISIONS = {
    "max": f"Write functools.reduce(autograd.maximum, xs) for max(xs), autograd.maximum(a, b) for max(a, b);\n"
           f"autograd's softmax(xs) and logsumexp(xs) are stable without. For an entry found by its number {_ELSE}",
    "min": f"Write functools.reduce(autograd.minimum, xs) for min(xs), autograd.minimum(a, b) for min(a, b).\n"
           f"For an entry found by its number {_ELSE}",
    "clip": "Write autograd.clip(x, low, high), one by one",
    "where": "Write autograd.where(x > 0, a, b), one by one",
    "any": "Write (a > 0) | (b > 0) for any([a > 0, b > 0])",
    "all": "Write (a > 0) & (b > 0) for all([a > 0, b > 0])",
    "bool": "Write x != 0.0 for bool(x)",
    **dict.fromkeys(["sorted", "argsort", "argmax", "argmin", "sort", "median"], _ORDER),
}  # fmt: skip
"""By the name of a function that asks whether a traced value is true: what to write instead."""
_DECIDE = (
    "A compiled function cannot decide by a Value's number: write autograd.where(x > 0, a, b) for if,\n"
    "(x > 0) & (x < 1) for and, autograd.clip(x, 0.0, 1.0) for min() and max(), functools.reduce(autograd.maximum,\n"
    f"xs) for max(xs). For a loop that ends by a number, an order, or an entry found by its number\n{_ELSE}"
)
_ARRAY = "Write numpy.array(xs) for an array of traced values, without dtype=float"
_NUMBERS = {
    "array": _ARRAY,
    "asarray": _ARRAY,
    "log": "Write autograd.log(x) for math.log(x), and autograd.log(x) / math.log(b) for math.log(x, b)",
    "isnan": "Write x != x for math.isnan(x), in autograd.where(x != x, a, b)",
    "isinf": "Write abs(x) == math.inf for math.isinf(x), in autograd.where(abs(x) == math.inf, a, b)",
    "isfinite": "Write abs(x) < math.inf for math.isfinite(x), in autograd.where(abs(x) < math.inf, a, b)",
    "isclose": "Write abs(a - b) <= 1e-9 for math.isclose(a, b), in autograd.where(abs(a - b) <= 1e-9, c, d)",
    "float": "Write x for float(x) of an argument, which is a number already, and x.data for float(x) of a Value",
}
"""By the name of a function that asks for the number of a traced value."""
_NUMBER = (
    "A compiled function computes with traced values only: write autograd.exp(x) for math.exp(x), an operation of\n"
    "your own by autograd.custom_op, x.data for a number without its gradient, and read numbers from what the\n"
    f"function returns, or by keep=[…]; else {_ELSE}"
)
_COUNT = (
    "Read a number that decides how often or how much is computed from a variable around the function, and not from\n"
    "an argument: the function is traced anew where that changes"
)
_COUNTS = {"int": _COUNT, "range": _COUNT}
_INDEX = f"A list cannot be indexed by a traced value: write autograd.take(list, index). {_COUNT}"
_KEY = (
    "A compiled function cannot look up a number: look it up outside, and pass what is found as an argument; write\n"
    "autograd.take(list, index) for an entry of a list, or autograd.where(x == 3.0, a, b)"
)
_TEXT = "Print what the function returns, or name a result by its label and keep=[…]"
_GRAPH = f"A compiled function has no graph and no gradients yet: take derivatives by autograd.grad(f)(x); else {_ELSE}"
_COPY = f"Write x.detach() for a copy of the number alone; else {_ELSE}"
_KIND = (
    "An argument that is a number is a Value while the function is traced: decide by its class outside of it, and\n"
    "pass what was decided, as True or as text, in an argument of its own"
)
_NO_ROW = f"No row of the table does this: do it before the call, and pass the result as an argument; else {_ELSE}"


class Traced(StandIn):
    """A `Value` without a number, for as long as a function is traced; ``instruction`` is its entry on the tape.

    Whatever depends on a number is an operation of the tape, or refused. An argument that is a number is one of these
    too, and so what its class or its hash decides is refused.
    """

    __slots__ = ()
    code: Any
    """Its tape, where a Value has the code that made it."""
    __iadd__, __isub__ = Value.__add__, Value.__sub__

    @classmethod
    def _apply(cls, op: Op, *args: Any) -> Any:
        try:
            return _tape(op.name).apply(op, args)
        except TypeError:
            if not has_array(args):
                raise
            return over_arrays(cls, op, args)

    @classmethod
    def _constant(cls, data: Any) -> Any:
        return MODE.tape.entry(MODE.tape.constant(as_float(data)))

    @property
    def data(self) -> Any:
        """Its number, for the function to compute with: `detach`ed, as the engine's is."""
        if MODE.tape is None:
            _refused(".data", _NUMBER)
        return MODE.tape.number(self)

    @data.setter
    def data(self, number: float) -> None:
        _refused("An assignment to .data", "Move parameters outside of the compiled function")

    @property
    def grad(self) -> Any:
        _refused(".grad", _GRAPH)

    @grad.setter
    def grad(self, g: Any) -> None:
        _refused("An assignment to .grad", "Set gradients outside of the compiled function")

    @property
    def requires_grad(self) -> bool:
        return MODE.tape is not None and MODE.tape.requires_grad(self.instruction)

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        _refused("An assignment to .requires_grad", "Freeze parameters outside of the compiled function")

    @property
    def label(self) -> str:
        try:
            return _LABEL.__get__(self)  # type: ignore[no-any-return]
        except AttributeError:
            return ""

    @label.setter
    def label(self, name: str) -> None:
        tape = _tape("A label")
        _LABEL.__set__(self, name)
        tape.labelled.setdefault(name, []).append(self)

    def detach(self) -> Any:
        return _tape("detach()").detached(self)

    def backward(self, *, create_graph: bool = False, retain_graph: bool | None = None) -> None:
        _refused(
            "backward()",
            "A compiled function returns the loss; call backward() on what it returns. For a derivative inside of it "
            "write autograd.grad(f)(x)",
        )

    def _recorded_vjp(self, g: Any) -> list[Any]:
        if isinstance(self.op, Reduction) and self.op.radial and isinstance(g, Traced):  # it may come out as 0
            tape, known = _tape(self.op.name), dict[int, Traced]()
            sent, made = [tape.node(x.instruction, known) for x in (g, self)]
            if (ratio := divided(NODES, sent, made)) is not None:
                return [ratio * x if want else None for x, want in zip(self.parents, self._wanted(), strict=True)]
        return [None if d is None else self._sent(d, g) for d in self._partials()]

    def _recorded_jvp(self, tangents: Sequence[Any]) -> Any:
        pairs = zip(self._partials(), tangents, strict=True)
        terms = [self._sent(d, t) for d, t in pairs if d is not None and t is not None]
        return reduce(add, terms) if terms else None

    def _partials(self) -> Sequence[Any]:
        return self.op.node_partials(NODES, self, self.parents, self._wanted())  # type: ignore[no-any-return]

    def _sent(self, d: Any, g: Any) -> Any:
        """g · d; and 0 where the row did not select this operand, even of a ``g`` that is infinite."""
        finite = g - g == 0.0
        return g * d if finite is True or not self.op.selects else where(finite | (d != 0.0), g * d, 0.0)

    def __bool__(self) -> bool:
        _refused_call("if, and, or, not, in, min() or max()", _DECISIONS, _DECIDE)

    def __float__(self) -> float:
        _refused_call("float()", _NUMBERS, _NUMBER)

    def __int__(self) -> int:
        _refused_call("int()", _COUNTS, _NUMBER)

    def __complex__(self) -> complex:
        _refused_call("complex()", {}, _NUMBER)

    def __index__(self) -> int:
        _refused_call("The use as an index", _COUNTS, _INDEX)

    def as_integer_ratio(self) -> tuple[int, int]:
        _refused_call("as_integer_ratio()", _NUMBERS, _NUMBER)

    def item(self) -> Any:
        return self.data

    def __repr__(self) -> str:
        if MODE.tape is not None and not _asked_by_us("reprlib"):
            _refused("The text", _TEXT)
        return "Value(traced)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        _refused("The text", _TEXT)

    def __hash__(self) -> int:
        if self._is_number() and sys._getframe(1).f_code.co_filename != _WALKS:
            _refused("hash(), for a set, a dict or a cache,", _KEY)
        return object.__hash__(self)

    def _is_number(self) -> bool:
        return MODE.tape is not None and bool(MODE.tape.is_number(self.instruction))

    @property
    def __class__(self) -> Any:
        """What `isinstance` asks for if the type is not what it looks for."""
        if self._is_number() and not _asked_by_us("abc"):
            _refused("The class", _KIND)
        return type(self)

    @__class__.setter
    def __class__(self, kind: Any) -> None:
        _CLASS.__set__(self, kind)

    def __and__(self, other: Any) -> Any:
        return self._of_truths("mul", other)

    def __or__(self, other: Any) -> Any:
        return self._of_truths("maximum", other)

    __rand__, __ror__ = __and__, __or__

    def _of_truths(self, name: str, other: Any) -> Any:
        """Of two comparisons: whether both hold, or one of them."""
        tape = _tape("& or |")
        for x in (self, other):
            if not (isinstance(x, bool) or (isinstance(x, Traced) and tape.compares(x.instruction))):
                _refused("& or |", _NO_ROW)
        return tape.truth(tape.apply(OPS[name], (self, other)))

    def __reduce_ex__(self, *asked: Any) -> Any:
        _refused("A copy", _COPY)

    __copy__ = __deepcopy__ = __reduce_ex__  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        """Of what a float has or a node has, and this has not."""
        if name in Value.__slots__ + Node.__slots__ or (hasattr(float, name) and not name.startswith("__")):
            _refused(f".{name}", _GRAPH if name in Node.__slots__ else _NO_ROW)
        raise AttributeError(f"'Value' object has no attribute {name!r}", name=name, obj=self)


_WALKS = pushforward.__code__.co_filename
"""Where nodes are looked up by their identity, and by no number."""
_LABEL, _CLASS = vars(Node)["label"], vars(object)["__class__"]


def _asked_by_us(between: str) -> bool:
    """Whether glassgrad or NumPy asks the caller, directly or through the standard module ``between``.

    They ask for the class of what may be an array; no number decides there.
    """
    frame = sys._getframe(2)
    while frame.f_back and Path(frame.f_code.co_filename.strip("<>").removeprefix("frozen ")).stem == between:
        frame = frame.f_back
    file = frame.f_code.co_filename
    return OURS[file] or NUMPY[file]


def _compared(name: str, op: Op) -> Callable[[Any, Any], Any]:
    def compared(self: Any, other: Any) -> Any:
        if has_array((other,)):
            return NotImplemented  # NumPy compares each
        if name in ("__eq__", "__ne__"):
            if not isinstance(other, Value | Real | np.bool_ | np.ndarray):
                return NotImplemented  # a number equals no text and not None
            numbers = [isinstance(x, Traced) and x._is_number() for x in (self, other)]
            if isinstance(other, Value) and self is not other and not any(numbers):
                return name == "__ne__"  # as outside: they are two nodes
        found = _tape(op.symbol).apply(op, (self, other))
        return found if found.instruction >= 0 else found.data != 0.0  # of constants it is known

    return compared


for _method, _op in COMPARISONS.items():
    setattr(Traced, _method, _compared(_method, _op))


def _without_row(name: str) -> Callable[..., NoReturn]:
    def refused(self: Any, *args: Any) -> NoReturn:
        _refused(name, _NO_ROW)

    return refused


for _name, _methods in {
    "round()": ["round"], "math.trunc()": ["trunc"], "math.floor()": ["floor"], "math.ceil()": ["ceil"],
    "<<": ["lshift", "rlshift"], ">>": ["rshift", "rrshift"], "^": ["xor", "rxor"], "~": ["invert"],
}.items():  # fmt: skip
    for _method in _methods:
        setattr(Traced, f"__{_method}__", _without_row(_name))


# ----- tracing -----


def trace(
    function: Callable[..., Any],
    arguments: Callable[[list[Traced]], Any],
    leaves: list[Leaf],
    keep: Sequence[str] = (),
) -> Tape:
    """Run ``function`` twice on traced values and return its tape; the second run guards against what is not traced.

    arguments: makes the arguments (args, kwargs) of the function from the traced inputs
    leaves:    parameters, then inputs; parameters that were hidden and show up in both runs are added
    keep:      labels of results that shall be kept
    """
    while True:
        first, second = (_run(function, arguments, leaves, keep) for _ in range(2))
        hidden = [first.strangers[i] for i in first.strangers.keys() & second.strangers.keys()]
        if not hidden:
            break
        leaves = [Leaf(p.label or f"hidden.{i}", None, p, p.requires_grad) for i, p in enumerate(hidden)] + leaves
    if not _same(first, second):
        places = [_run(function, arguments, leaves, keep, places=True) for _ in range(2)]
        difference = places[0].difference(places[1]) or first.difference(second)
        raise TraceError(
            f"the compiled function did not do the same twice: {difference}\n"
            f"What changes from call to call, such as a random number or a counter, must be an argument"
        )
    return first


def _same(one: Tape, two: Tape) -> bool:
    return (
        one.operands == two.operands
        and len(one.ops) == len(two.ops)
        and all(map(is_, one.ops, two.ops))
        and repr(one.constants) == repr(two.constants)
        and one.root == two.root
    )


def _run(
    function: Callable[..., Any], arguments: Any, leaves: list[Leaf], keep: Sequence[str], places: bool = False
) -> Tape:
    tape = Tape(list(leaves), [None] * len(leaves), [()] * len(leaves))
    if places:
        tape.places = [leaf.name for leaf in leaves]
    inputs = [tape.entry(i) for i, leaf in enumerate(leaves) if leaf.value is None]
    with _as_traced(tape), paused_gc(), setting(tape=tape, recording=True, scope=None):
        args, kwargs = arguments(inputs)
        result = function(*args, **kwargs)
        if tape.refusal is not None:  # by an `except` it would have taken another branch than it takes of numbers
            raise tape.refusal
        if any(max(tape.operands[i]) < 0 for i in tape.told):
            tape.fold([result, *chain.from_iterable(tape.labelled.values())])
        tape.root = _checked_root(function, tape, result)
        for label in keep:
            tape.kept[label] = [_kept(tape, label, each) for each in tape.labelled.get(label, [None])]
    tape.labelled.clear()
    return tape


def _kept(tape: Tape, label: str, result: "Traced | None") -> int:
    if result is None or result.instruction < 0:
        labels = ", ".join(map(repr, tape.labelled)) or "none at all"
        raise TraceError(
            f"keep=[{label!r}] names no result of the compiled function, which has labels {labels}; "
            f"write score.label = {label!r} in the function, for a score that was computed from inputs or parameters"
        )
    return tape.record(OPS["clone"], (result,)).instruction


def _checked_root(function: Callable[..., Any], tape: Tape, result: Any) -> int:
    if not isinstance(result, Value):
        name = getattr(function, "__name__", repr(function))
        remedy = "write return loss, and name other results by keep=[…]"
        if isinstance(result, Tensor):
            remedy = f"Tensors are computed by array operations as they are: {_ELSE}"
        raise TraceError(
            f"a compiled function returns one Value, the loss; {name} returned {type(result).__name__}; "
            f"{'is a return missing? ' if result is None else ''}{remedy}"
        )
    root = tape.record(OPS["clone"], (result,)).instruction
    if root < 0:
        raise TraceError(
            f"the loss is {tape.constants[-1 - root]:g}, whatever the parameters and arguments are: nothing in it was "
            f"computed from them; pass what shall change as an argument, or use Values that are there before the call"
        )
    return root


@contextmanager
def _as_traced(tape: Tape) -> Iterator[None]:
    """The parameters are `Traced` as long as the block lasts, and afterwards what they were."""
    before: list[tuple[Any, ...]] = []
    parameters: list[tuple[int, Any]] = [(i, leaf.value) for i, leaf in enumerate(tape.leaves)]
    try:
        for i, p in parameters:
            if p is not None:
                before.append((p, p.__class__, getattr(p, "code", None), getattr(p, "instruction", None)))
                p.__class__ = Traced.over(type(p))
                p.code, p.instruction = tape, i
        yield
    finally:
        for p, kind, code, instruction in before:
            p.__class__, p.code = kind, code
            if instruction is None:
                del p.instruction
            else:
                p.instruction = instruction


# ----- what a function closes over -----


def closed_over(reached: Iterable[tuple[str, Any, Any]]) -> dict[str, Value]:
    """The leaf Values among what a function can reach, by name."""
    found: dict[str, Value] = {}
    seen: set[int] = set()
    for name, _, item in reached:
        if isinstance(item, Value) and not item.parents and id(item) not in seen:
            seen.add(id(item))
            found[_free(item.label or name or "value", found)] = item
    return found


def reachable(root: Any) -> Iterator[tuple[str, Any, Any]]:
    """What ``root`` can reach, but plain numbers and text: its name, what holds it, and itself.

    A function reaches its closure, globals, defaults and bound object. What several hold comes once for each.
    """
    seen: dict[int, Any] = {}
    stack: list[tuple[str, Any, Any]] = [("", None, root)]
    while stack:
        name, _, item = found = stack.pop()
        if item.__class__ in _PLAIN or isinstance(item, Traced):  # left over from a trace
            continue
        yield found
        if id(item) not in seen and not isinstance(item, Value):
            seen[id(item)] = item
            stack += reversed([(key, item, part) for key, part in held(name, item)])


_PLAIN = frozenset({float, int, str, bytes, bool, type(None), np.float64})


def _free(name: str, taken: dict[str, Value]) -> str:
    return name if name not in taken else f"{name}'{len(taken)}"


def held(name: str, item: Any) -> Iterable[tuple[str, Any]]:
    """What ``item`` holds, by name."""

    def named(parts: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
        return ((f"{name}.{key}" if name else str(key), part) for key, part in parts)

    if isinstance(item, types.FunctionType):
        cells = zip(item.__code__.co_freevars, item.__closure__ or (), strict=True)
        inner = [(key, cell.cell_contents) for key, cell in cells if cell != types.CellType()]
        world = [(key, item.__globals__[key]) for key in globals_of(item) if key in item.__globals__]
        return chain(inner, world, enumerate(item.__defaults__ or ()), (item.__kwdefaults__ or {}).items())  # type: ignore[arg-type]
    if isinstance(item, types.MethodType):
        return [(name or "self", item.__self__), ("", item.__func__)]
    if isinstance(item, types.BuiltinMethodType):  # such as rng.random
        return [("", item.__self__)]
    if isinstance(item, partial):
        return [("", item.func), *((str(i), a) for i, a in enumerate(item.args)), *item.keywords.items()]
    if isinstance(item, dict):
        return named(item.items())
    if isinstance(item, np.ndarray):
        return named(enumerate(item.flat)) if item.dtype == object else ()
    if isinstance(item, list | tuple | set | frozenset | deque):
        return named(enumerate(item))
    if isinstance(item, types.ModuleType | type):
        return ()
    attributes = getattr(item, "__dict__", {})
    if "__wrapped__" in attributes:  # another compiled function, which knows more of the world than it uses
        return [("", attributes["__wrapped__"])]
    return chain(named(attributes.items()), named(slots(item)), [("", getattr(type(item), "__call__", None))])  # noqa: B004


def slots(item: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of ``item`` that are slots, of a user's class."""
    for kind in type(item).__mro__:
        if "__slots__" in vars(kind) and not kind.__module__.startswith("autograd."):
            names = vars(kind)["__slots__"]
            for name in [names] if isinstance(names, str) else names:
                if not name.startswith("__") and hasattr(item, name):
                    yield name, getattr(item, name)


def globals_of(function: types.FunctionType) -> tuple[str, ...]:
    """The global names that ``function`` may read. Those of the library lead to nothing of a user's."""
    return () if function.__globals__.get("__name__", "").startswith("autograd.") else names_in(function.__code__)


@lru_cache(4096)
def names_in(code: types.CodeType) -> tuple[str, ...]:
    """The global names that ``code`` may read, also in functions within it. To look at bytecode takes long."""
    names = [instruction.argval for instruction in get_instructions(code) if instruction.opname == "LOAD_GLOBAL"]
    inner = [names_in(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return tuple(dict.fromkeys(chain(names, *inner)))
