"""Who asks a node for its plain number: `float(x)`, which means it, or `math.exp(x)`, whose result has no gradient.

Both call `__float__`, and a function written in C has no frame of its own. So the frame is the caller's, and its
running instruction tells which call it is. What cannot be told from that is an error, for its remedy always works.
"""

import cmath
import dis
import math
import os
from collections.abc import Sequence
from functools import cache
from types import CodeType, FrameType, ModuleType
from typing import Any, NamedTuple

from autograd.modes import ENGINE, MODE, NUMPY, running_instruction, source_line
from autograd.ops import OPS

_PREDICATES = [getattr(module, name) for module in (math, cmath) for name in ("isnan", "isinf", "isfinite", "isclose")]
"""Their result has no derivative."""

INSTEAD = {
    "pow": "x ** y", "fabs": "abs(x)", "fsum": "autograd.sum(xs)", "hypot": "autograd.norm([x, y])",
    "dist": "autograd.norm([a - b for a, b in zip(p, q)])", "sumprod": "autograd.dot(p, q)", "ldexp": "x * 2.0 ** i",
    "log10": "x.log10()", "log2": "x.log2()", "cbrt": "x.cbrt()", "exp2": "x.exp2()",
    "asinh": "x.arcsinh()", "acosh": "x.arccosh()", "atanh": "x.arctanh()", "atan2": "autograd.arctan2(x, y)",
    "fmod": "autograd.fmod(x, y)", "remainder": "x - y * (x / y).rint()", "copysign": "autograd.copysign(x, y)",
    "degrees": "x.degrees()", "radians": "x.radians()",
    "mean": "autograd.mean(xs)", "fmean": "autograd.mean(xs)",
    "geometric_mean": "autograd.exp(autograd.mean([autograd.log(x) for x in xs]))",
    "harmonic_mean": "1.0 / autograd.mean([1.0 / x for x in xs])",
    "pvariance": "autograd.mean([(x - autograd.mean(xs)) ** 2 for x in xs])",
    "variance": "autograd.sum([(x - autograd.mean(xs)) ** 2 for x in xs]) / (len(xs) - 1)",
    "pstdev": "autograd.sqrt(autograd.mean([(x - autograd.mean(xs)) ** 2 for x in xs]))",
    "stdev": "autograd.sqrt(autograd.sum([(x - autograd.mean(xs)) ** 2 for x in xs]) / (len(xs) - 1))",
}  # fmt: skip
"""What keeps the gradient, by the names in `math`, `cmath`, `statistics` that the table has not or means otherwise."""


def check_conversion(node: Any, frame: FrameType) -> None:
    """Raise if C code that runs in ``frame`` asks ``node`` for its number, and not by a word that means it."""
    site = _remembered(frame)
    asks = site.asks(frame)
    if asks is float and not MODE.differentiating and not _is_library(frame.f_code.co_filename):
        return
    if site.formats or any(asks is predicate for predicate in _PREDICATES):
        return
    frame, asks = asker(frame)
    if MODE.differentiating or asks is not float:
        raise TypeError(_message(class_name(node), frame, asks))


def asker(frame: FrameType) -> tuple[FrameType, Any]:
    """Where a user's program asks for a number, and what it calls there, as far as that can be told."""
    asks = _remembered(frame).asks(frame)
    while frame.f_back is not None and (_is_library(frame.f_code.co_filename) or (asks is None and _is_part(frame))):
        frame = frame.f_back  # what counts is who called it
        asks = _remembered(frame).asks(frame)
    return frame, asks


def class_name(node: Any) -> str:
    """What its user calls the class of ``node``, also while a stand-in is in its place."""
    return getattr(type(node), "_own", type(node)).__name__


def _message(kind: str, frame: FrameType, asks: Any) -> str:
    if ENGINE[frame.f_code.co_filename]:
        return data_message(kind)
    module, name = getattr(asks, "__module__", ""), getattr(asks, "__name__", "")
    called = f"{module}.{name}" if module and module != "builtins" else name
    what = f"{called}()" if name else "A conversion to float"
    where = "inside a function that is being differentiated" if MODE.differentiating else "that wants a gradient"
    remedy = INSTEAD.get(name) or (f"autograd.{name}(x) for {called}(x)" if name in OPS else "")
    if not name and dis.opname[frame.f_code.co_code[running_instruction(frame)]] == "STORE_SUBSCR":  # y[0] = x
        remedy = f"{kind}s into a list or an array of dtype=object"
    return (
        f"{what} of a {kind} {where} would cut it off from the derivative\n  at {source_line(frame)}\n"
        f"write {remedy and f'{remedy}, and '}x.item() if you mean the bare number"
    )


MIXED = (
    "take its .data, which has no gradient; for a gradient write Tensor(2.0) for Value(2.0), and "
    "grad(f)(np.array(2.0)) for grad(f)(2.0): Values and Tensors do not mix in one expression"
)
"""What to write where a `Value` meets a `Tensor`."""


def data_message(kind: str) -> str:
    """What to say where a node was assigned to the ``data`` of a node, and then computed with."""
    return (
        f"the .data of an operand is not a plain number but a {kind}, which was assigned to it; write "
        f"p.data -= 0.1 * g.data where g is a {kind}"
    )


def _is_part(frame: FrameType) -> bool:
    """Whether ``frame`` is a comprehension's; since Python 3.12 only generators have frames of their own."""
    return frame.f_code.co_name in ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")


@cache
def _is_library(file: str) -> bool:
    """Whether ``file`` is Python's or NumPy's, where `float` is not the user's word."""
    ours = file.startswith(_STANDARD) and "site-packages" not in file and "dist-packages" not in file
    return ours or NUMPY[file]


_STANDARD = os.path.dirname(os.__file__) + os.sep


# ----- from an instruction to what it calls -----

_LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT")
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")


class _Site(NamedTuple):
    """One place in a program that asks for a number.

    load:    the instruction that loads the first name of the path
    path:    the dotted name of the function that asks, empty if it cannot be told
    formats: it is ``"%.2f" % x``
    code:    keeps the program, and with it the id by which this is found
    """

    load: str
    path: tuple[str, ...]
    formats: bool
    code: CodeType

    def asks(self, frame: FrameType) -> Any:
        """The function, as ``frame`` knows it."""
        if not self.path:
            return None
        first, *others = self.path
        # to read f_locals makes a copy that keeps all locals alive, a whole graph among them
        local = [] if self.load == "LOAD_GLOBAL" else [frame.f_locals]
        spaces = [*local, frame.f_globals, frame.f_builtins]
        found = next((space[first] for space in spaces if first in space), None)
        for name in others:
            found = vars(found).get(name) if isinstance(found, ModuleType) else None
        return found


_SITES: dict[tuple[int, int], _Site] = {}


def _remembered(frame: FrameType) -> _Site:
    key = id(frame.f_code), frame.f_lasti
    site = _SITES.get(key)
    if site is None:
        if len(_SITES) >= 4096:  # programs that are made again and again
            _SITES.clear()
        site = _SITES[key] = _site(frame.f_code, running_instruction(frame))
    return site


def _site(code: CodeType, offset: int) -> _Site:
    instructions = list(dis.get_instructions(code))
    now = next(i for i, instruction in enumerate(instructions) if instruction.offset == offset)
    running = instructions[now]
    if running.opname == "BINARY_OP" and running.argrepr.startswith("%"):
        return _Site("", (), True, code)
    if _is_handed_float(code, instructions, now):
        return _Site("LOAD_GLOBAL", ("float",), False, code)
    return _Site(*_callee(instructions, now), False, code)


def _callee(instructions: Sequence[dis.Instruction], call: int) -> tuple[str, tuple[str, ...]]:
    """How the function that instruction ``call`` calls is loaded, and its dotted name, found by where it begins."""
    if not _is_call(instructions[call]):
        return "", ()
    start = _start(instructions[call])
    path: list[str] = []
    for instruction in reversed(instructions[:call]):
        if start[1] is None:  # Python was told to keep no columns: any call of `float` in the line will do
            if _start(instruction) == start and instruction.argrepr in ("NULL + float", "float + NULL"):
                return instruction.opname, ("float",)
        elif (
            _start(instruction) != start
            or instruction.opname == "PUSH_NULL"
            or _within(instructions[call], instruction)
        ):
            continue  # an argument, or part of the call itself
        elif instruction.opname in _ATTRIBUTES:
            path.insert(0, str(instruction.argval))
        elif instruction.opname.startswith(_LOADS) and isinstance(instruction.argval, str):
            return instruction.opname, (instruction.argval, *path)
        else:
            break
    return "", ()


def _is_handed_float(code: CodeType, instructions: Sequence[dis.Instruction], now: int) -> bool:
    """Whether the running instruction is a call with `key=float`, or takes from a `map(float, xs)` that it contains."""
    running = instructions[now - 1 if instructions[now].opname.startswith("UNPACK") else now]
    calls = [i for i, each in enumerate(instructions[: now + 1]) if _is_call(each) and _within(each, running)]
    callees = {_start(instructions[i]) for i in calls}
    loads = [each for each in instructions if each.argval == "float" and each.opname.startswith(_LOADS)]
    handed = [load for load in loads if _start(load) not in callees]

    def takes(i: int) -> bool:
        if _within(running, instructions[i]) and _has_key(code, instructions[max(i - 2, 0) : i]):
            return True
        around = [j for j in range(i + 1, now) if _is_around(instructions[i], instructions[j], running)]
        return _callee(instructions, i)[1] == ("map",) and all(_is_lazy(instructions, j) for j in around)

    return any(_within(load, instructions[i]) and takes(i) for load in handed for i in calls)


_LAZY = {"map", "zip", "enumerate", "filter", "iter"}
_COLLECT = {"LIST_EXTEND", "SET_UPDATE"}


def _is_lazy(instructions: Sequence[dis.Instruction], i: int) -> bool:
    """Whether instruction ``i`` does not yet take what it is given."""
    if instructions[i].opname in _COLLECT:
        return False
    return not _is_call(instructions[i]) or not _LAZY.isdisjoint(_callee(instructions, i)[1])


def _is_around(inner: dis.Instruction, each: dis.Instruction, outer: dis.Instruction) -> bool:
    """Whether ``each`` uses ``inner`` and is used by ``outer``, or collects for it."""
    apart = not _within(outer, each) or each.opname in _COLLECT
    return _within(inner, each) and not _within(each, inner) and _within(each, outer) and apart


def _has_key(code: CodeType, before: Sequence[dis.Instruction]) -> bool:
    """Whether the instructions before a call give it an argument by the name `key`."""
    named = [code.co_consts[each.arg or 0] if each.opname == "KW_NAMES" else each.argval for each in before]
    return any(isinstance(names, tuple) and "key" in names for names in named)


def _is_call(instruction: dis.Instruction) -> bool:
    return instruction.opname.startswith(("CALL", "PRECALL"))


def _start(instruction: dis.Instruction) -> tuple[int | None, int | None]:
    positions = instruction.positions
    return (None, None) if positions is None else (positions.lineno, positions.col_offset)


def _within(inner: dis.Instruction, outer: dis.Instruction) -> bool:
    a, b = inner.positions, outer.positions
    if a is None or b is None or None in (*a, *b):
        return False
    begins = (b.lineno, b.col_offset) <= (a.lineno, a.col_offset)
    return begins and (a.end_lineno, a.end_col_offset) <= (b.end_lineno, b.end_col_offset)
