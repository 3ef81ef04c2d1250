"""Which faults a file can have: one edit of one expression or statement, as a slip of the hand would make it."""

import ast
import builtins
import difflib
import hashlib
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KEY = ("file", "function", "before", "after")

SWAPPED: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
TURNED: dict[type, type] = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
RENAMED = {
    "min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list", "reversed": "list", "zeros": "ones",
    "ones": "zeros", "maximum": "minimum", "minimum": "maximum", "exp": "expm1", "sin": "cos", "cos": "sin",
}  # fmt: skip
COSMETIC = {"__repr__", "__str__", "__dir__"}


@dataclass(frozen=True)
class Fault:
    """In ``function`` of ``file``, ``before`` became ``after``.

    spans:  first and last lines to look for in the map: of the expression, its statement, its function
    source: the whole file with the fault in it
    """

    file: str
    function: str
    before: str
    after: str
    spans: tuple[tuple[int, int], ...]
    source: str

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(getattr(self, part) for part in KEY)

    def __str__(self) -> str:
        return f"{self.file}:{self.spans[0][0]} {self.before[:60]} -> {self.after[:60]}"

    def diff(self) -> str:
        old = (ROOT / self.file).read_text().splitlines()
        changed = difflib.unified_diff(old, self.source.splitlines(), lineterm="", n=0)
        return "\n".join([f"{self.file}:{self.spans[0][0]}, in {self.function}", *list(changed)[3:]])


def edits(node: ast.AST) -> Iterator[str]:
    """What may stand in the place of ``node``."""
    match node:
        case ast.BinOp(left, op, right) if type(op) in SWAPPED and not _names_types_or_text(left, right):
            yield ast.unparse(ast.BinOp(left, SWAPPED[type(op)](), right))
            if isinstance(op, ast.Sub | ast.Div | ast.Pow):
                yield ast.unparse(ast.BinOp(right, op, left))
        case ast.Compare(left, [op], [right]):
            for table in (SWAPPED, TURNED):
                if type(op) in table:
                    yield ast.unparse(ast.Compare(left, [table[type(op)]()], [right]))
        case ast.BoolOp(op, values):
            yield ast.unparse(ast.BoolOp(SWAPPED[type(op)](), values))
            yield from (ast.unparse(value) for value in (values[0], values[-1]))
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield ast.unparse(operand)
        case ast.IfExp(test, body, orelse):
            yield ast.unparse(ast.IfExp(test, orelse, body))
        case ast.Constant(bool(value)):
            yield repr(not value)
        case ast.Constant(int(value)):
            yield from (repr(value + 1), repr(value - 1))
        case ast.Constant(float(value)):
            yield repr(2.0 * value or 1.0)
        case ast.Call(function, args, keywords):
            if len(args) > 1 and all(isinstance(arg, ast.Name | ast.Attribute | ast.Subscript) for arg in args[:2]):
                yield ast.unparse(ast.Call(function, [args[1], args[0], *args[2:]], keywords))
            for keyword in keywords:
                if keyword.arg:
                    yield ast.unparse(ast.Call(function, args, [k for k in keywords if k is not keyword]))
        case ast.Name(name, ast.Load()) if name in RENAMED:
            yield RENAMED[name]
        case ast.Attribute(value, name, ast.Load()) if name in RENAMED:
            yield ast.unparse(ast.Attribute(value, RENAMED[name], ast.Load()))
        case ast.Return(value) if value is not None and not isinstance(value, ast.Constant):
            yield "return None"
        case ast.AugAssign(target, op, value) if type(op) in SWAPPED:
            yield ast.unparse(ast.AugAssign(target, SWAPPED[type(op)](), value))
            yield ast.unparse(ast.Assign([target], value, lineno=0))
        case ast.Break():
            yield "continue"
        case ast.Continue():
            yield from ("break", "pass")
        case ast.Assign([ast.Attribute() | ast.Subscript()]) | ast.Expr(ast.Call() | ast.Yield()) | ast.Delete():
            yield "pass"
        case ast.Raise(exc) if not (isinstance(exc, ast.Name) and exc.id == "NotImplementedError"):
            yield "pass"


def _names_types_or_text(*operands: ast.expr) -> bool:
    for node in operands:
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and not _is_number(node.value)):
            return True
        name = getattr(node, "id", "") or getattr(node, "attr", "")
        if isinstance(getattr(builtins, name, None), type) or name in ("Value", "Tensor", "Node", "ndarray"):
            return True
    return False


def _is_number(x: object) -> bool:
    return isinstance(x, int | float)


def negated(node: ast.AST) -> Iterator[ast.expr]:
    """The conditions in ``node`` that may be turned round."""
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        yield node.test
    elif isinstance(node, ast.comprehension):
        yield from node.ifs


class Finder(ast.NodeVisitor):
    """All faults that a file can have. Texts, annotations, decorators and what only type checkers read have none."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.source = (ROOT / file).read_text()
        self.lines = self.source.encode().splitlines(keepends=True)
        self.scope: list[str] = []
        self.spans: list[tuple[int, int]] = []
        self.found: list[Fault] = []
        self.visit(ast.parse(self.source))

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Assert) or self._is_cosmetic(node):
            return
        if isinstance(node, ast.stmt):
            self.spans.append((node.lineno, node.end_lineno or node.lineno))
        name = self._name(node)
        if name:
            self.scope.append(name)
        for text in edits(node):
            self._add(node, text)
        for condition in negated(node):
            self._add(condition, f"not ({ast.unparse(condition)})")
        if not isinstance(node, ast.Raise):  # but what an error says is no fault
            for field, part in ast.iter_fields(node):
                if field not in ("annotation", "returns", "decorator_list", "type_comment", "bases"):
                    for child in part if isinstance(part, list) else [part]:
                        if isinstance(child, ast.AST):
                            self.visit(child)
        if name:
            self.scope.pop()
        if isinstance(node, ast.stmt):
            self.spans.pop()

    def _is_cosmetic(self, node: ast.AST) -> bool:
        match node:
            case ast.If(ast.Name("TYPE_CHECKING")) | ast.Expr(ast.Constant()):
                return True
            case ast.FunctionDef(name):
                return name in COSMETIC
            case ast.Assign([ast.Name(name)], ast.Subscript() | ast.BinOp(op=ast.BitOr())):
                return not self.scope and name.istitle()  # the name of a type
        return False

    def _name(self, node: ast.AST) -> str:
        """What a fault in ``node`` is said to be in: a function, a class or a row of a table."""
        match node:
            case ast.FunctionDef(name) | ast.ClassDef(name):
                return name
            case ast.Call(ast.Name(), [ast.Constant(str(name)), *_]) if not self.scope:
                return name
        return ""

    def _add(self, node: Any, text: str) -> None:
        """The file with ``text`` in the place of ``node``, and every other line where it was."""
        first, last = node.lineno - 1, node.end_lineno - 1
        padding = "\n" * (last - first)
        new = f"{text}{padding}" if isinstance(node, ast.stmt) else f"({text}{padding})"
        head, tail = self.lines[first][: node.col_offset], self.lines[last][node.end_col_offset :]
        source = b"".join([*self.lines[:first], head, new.encode(), tail, *self.lines[last + 1 :]]).decode()
        before = " ".join(ast.unparse(node).split())
        spans = ((node.lineno, node.end_lineno), *reversed(self.spans))
        self.found.append(Fault(self.file, ".".join(self.scope), before, text, spans, source))


def sources(tree: Path) -> list[Path]:
    """The files of the engine, the compiler and `nn`."""
    found = [path for package in ("autograd", "nn") for path in (tree / package).rglob("*.py")]
    return sorted(path for path in found if "viz" not in path.parts)


def sample(seed: int, count: int, only: str) -> list[Fault]:
    """``count`` faults in files whose names have ``only`` in them, spread evenly over the functions.

    Which these are depends on the names of the functions and on each fault alone, so that a change of the code leaves
    nearly all of a sample as it was.
    """

    def place(*key: str) -> bytes:
        return hashlib.sha256(repr((seed, *key)).encode()).digest()

    functions: dict[tuple[str, str], list[Fault]] = defaultdict(list)
    for path in sources(ROOT):
        if only in (file := path.relative_to(ROOT).as_posix()):
            for fault in Finder(file).found:
                functions[file, fault.function].append(fault)
    queues = [
        sorted(functions[name], key=lambda fault: place(*fault.key))
        for name in sorted(functions, key=lambda n: place(*n))
    ]
    turns = (queue[turn] for turn in range(max(map(len, queues))) for queue in queues if turn < len(queue))
    return list(itertools.islice(filter(_is_real, turns), count))


def _is_real(fault: Fault) -> bool:
    """Whether the file can be read and is another than before."""
    try:
        return ast.dump(ast.parse(fault.source)) != ast.dump(ast.parse((ROOT / fault.file).read_text()))
    except SyntaxError:  # such as a `continue` in a `finally`
        return False
