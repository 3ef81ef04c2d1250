"""What a node is called, and the line that made it, found when a picture asks for them.

While a program runs, a node keeps no more than the code object and the instruction that made it. Here these are read
against the source: ``e = a * b`` calls its node e.
"""

import ast
import linecache
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any, NamedTuple

from autograd.graph import Node
from autograd.modes import OURS

Span = tuple[int | None, int | None, int | None, int | None]


class SourceLine(NamedTuple):
    """A line of the program."""

    file: str
    number: int
    text: str


def source_line(node: Node) -> SourceLine | None:
    """The line that made ``node``, the user's or a layer's; None where it was not recorded, or is not to be had."""
    file, span = _place(node)
    number = span[0] or 0
    text = linecache.getline(file, number).strip()
    return SourceLine(file, number, text) if text else None


def assigned_name(node: Node) -> str:
    """The variable that the expression which made ``node`` was assigned to; "" without."""
    file, span = _place(node)
    return _targets("".join(linecache.getlines(file))).get(span, "")


def known_names() -> tuple[dict[int, str], dict[int, str]]:
    """By id: parameters as their models call them, ``layers.0.neurons.3.w.1``, and nodes as a variable calls them.

    Looked at are the variables of the caller, and of whoever called that. Of two models the nearest counts, of two
    variables the outermost: a function of somebody's own that draws a picture has a name for every node.
    """
    parameters: dict[int, str] = {}
    nodes: dict[int, str] = {}
    looked_at: set[int] = set()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        for variables in () if OURS[frame.f_code.co_filename] else (frame.f_locals, frame.f_globals):
            if id(variables) not in looked_at:
                looked_at.add(id(variables))
                for name, held in list(variables.items()):
                    if isinstance(held, Node) and name.isidentifier() and not name.startswith("_"):
                        nodes[id(held)] = name
                    elif hasattr(type(held), "named_parameters"):
                        parameters = {id(parameter): way for way, parameter in held.named_parameters()} | parameters
        frame = frame.f_back
    return parameters, nodes


def is_made_by_a_layer(node: Node) -> bool:
    """Whether the innermost line that made ``node`` is not the user's but one of `nn`'s."""
    code = getattr(node, "code", None)
    return code is not None and OURS[code.co_filename]


def same_place(a: Node, b: Node) -> bool:
    """Whether the same expression of the user's made both."""
    code = getattr(a, "code", None)
    return code is not None and code is getattr(b, "code", None) and a.instruction == b.instruction


def _place(node: Node) -> tuple[str, Span]:
    """The file in which ``node`` was made, and where in it; nowhere, for a copy and under `no_names`."""
    code = getattr(node, "code", None)
    return ("", (None,) * 4) if code is None else (code.co_filename, _spans(code)[node.instruction // 2])


@lru_cache(maxsize=256)
def _spans(code: CodeType) -> list[Span]:
    return list(code.co_positions())


@lru_cache(maxsize=64)
def _targets(source: str) -> dict[Span, str]:
    """By the place of an expression in ``source``, the name it is assigned to."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # a notebook's magic, or no source at all
        return {}
    found: dict[Span, str] = {}
    for statement in ast.walk(tree):
        for target, value in _assignments(statement):
            name = (
                target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""
            )
            if name:
                found[(value.lineno, value.end_lineno, value.col_offset, value.end_col_offset)] = name
    return found


def _assignments(statement: ast.AST) -> Iterator[tuple[Any, Any]]:
    """Pairs of target and expression; ``a, b = x, y`` has two."""
    if isinstance(statement, ast.Assign):
        for target in reversed(statement.targets):  # of ``a = b = x`` the first is kept
            if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
                yield from zip(target.elts, statement.value.elts, strict=False)
            else:
                yield target, statement.value
    elif isinstance(statement, ast.AnnAssign | ast.NamedExpr) and statement.value is not None:
        yield statement.target, statement.value
    elif isinstance(statement, ast.AugAssign):
        yield statement.target, statement
