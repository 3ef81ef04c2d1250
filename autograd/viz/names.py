"""What a node is called, and the line that made it, found when a picture asks for them.

While a program runs, a node keeps no more than the code object and the instruction that made it. Here these are read
against the source: ``e = a * b`` calls its node e.
"""

import ast
import linecache
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

from autograd.graph import Node
from autograd.modes import OURS, Scope, file_name

Span = tuple[int | None, int | None, int | None, int | None]


class SourceLine(NamedTuple):
    """A line of the program."""

    file: str
    number: int
    text: str

    @property
    def place(self) -> str:
        """``lesson.py:12``, or ``In[3]:2`` in a notebook."""
        return f"{Path(file_name(self.file)).name}:{self.number}"


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


def _parameters(model: Any) -> list[tuple[str, Any]]:
    """A model's, by name; none of one that holds them where it cannot name them: a picture is no place to complain."""
    try:
        return list(model.named_parameters())
    except TypeError:
        return []


class Names:
    """What the program calls the nodes in ``order``, and the models that made them.

    Looked at are the calls in which the nodes were made, and the variables of whoever asks and of whoever called that.
    Of two models that hold a parameter one that was called counts, else the nearest; of two variables the outermost: a
    function of somebody's own that draws a picture has a name for every node.
    """

    def __init__(self, order: Sequence[Node]) -> None:
        self._variables: dict[int, str] = {}
        seen: dict[int, tuple[Any, str]] = {}
        for name, held in _variables_in_sight():
            if isinstance(held, Node) and name.isidentifier() and not name.startswith("_"):
                self._variables[id(held)] = name
            elif all(hasattr(type(held), word) for word in ("named_parameters", "named_modules")):
                seen.setdefault(id(held), (held, name))
        # what one expression made on the way to its result, such as a layer its neurons, does not bear its name
        self._inner = {parent for node in order for parent in node.parents if _same_place(parent, node)}
        self._models = dict(seen)  # with the models themselves, so that nothing else gets their ids
        self._ways: dict[int, dict[int, str]] = {}
        self._neurons: set[tuple[str, ...]] = set()
        self._lines: dict[tuple[int, int], SourceLine | None] = {(0, 0): None}
        self._paths: dict[int, tuple[str, ...]] = {id(()): ()}
        for scope in {id(node.scope): node.scope for node in order if _is_placed(node)}.values():
            around = runs(scope)
            for depth, run in enumerate(around, 1):
                if id(run) not in self._paths:
                    self._paths[id(run)] = self._path([block for _, block in around[:depth]])
        called = [self._models[model] for model in self._ways]
        self._parameters: dict[int, str] = {}
        self._owners: dict[int, tuple[str, ...]] = {}
        leaves = {id(node) for node in order if not node.parents}
        for place, (model, name) in enumerate(called + list(seen.values())):
            prefix = f"{name}." if place < len(called) > 1 else ""
            modules = list(model.named_modules())
            for way, parameter in _parameters(model):
                if id(parameter) in leaves and id(parameter) not in self._parameters:
                    self._parameters[id(parameter)] = prefix + way
                    holders = [each for known, each in modules if not known or way.startswith(f"{known}.")]
                    self._owners[id(parameter)] = self._path(holders)

    def name(self, node: Node) -> str:
        """Its label, else its name among a model's parameters, else the variable it was assigned to; "" without."""
        if node.label or id(node) in self._parameters:
            return str(node.label or self._parameters[id(node)])
        if node in self._inner:
            return ""
        return self._variables.get(id(node), "") if function_of_ours(node) else assigned_name(node)

    def scope(self, node: Node) -> tuple[str, ...]:
        """The calls and blocks in which it was made, outermost first: ``("model", "layers.0", "neurons.3")``.

        For a parameter the modules that hold it.
        """
        made_in = self._paths[id(node.scope)] if _is_placed(node) else ()
        return self._owners.get(id(node), made_in)

    def _path(self, chain: Sequence[Any]) -> tuple[str, ...]:
        """Names for modules, and for blocks which have one, each relative to the one around it."""
        path: list[str] = []
        ways: dict[int, str] = {}
        above = ""
        for block in chain:
            way = ways.get(id(block))
            if isinstance(block, str):
                path.append(block)
            elif way is None:  # a model of its own
                path.append(self._models.setdefault(id(block), (block, type(block).__name__))[1])
                if id(block) not in self._ways:
                    self._ways[id(block)] = {id(module): name for name, module in block.named_modules()}
                ways, above = self._ways[id(block)], ""
            elif way != above:  # a class that calls its parent's __call__ is no second module
                path.append(way.removeprefix(f"{above}." if above else ""))
                above = way
            if any(kind.__name__ == "Neuron" for kind in type(block).__mro__):
                self._neurons.add(tuple(path))
        return tuple(path)

    def cut(self, path: tuple[str, ...], level: str) -> tuple[str, ...]:
        """The part of a scope's path that names its neuron, its layer or its model."""
        if level == "layer" and path in self._neurons and len(path) > 1:
            return path[:-1]
        return path[:1] if level == "model" else path

    def runs(self, nodes: Iterable[Node], path: tuple[str, ...]) -> int:
        """In how many runs of the module or block with this path ``nodes`` were made."""
        scopes = {id(node.scope): node.scope for node in nodes if _is_placed(node)}
        found = (next((id(run) for run in runs(scope) if self._paths[id(run)] == path), 0) for scope in scopes.values())
        return len({run for run in found if run})

    def line(self, node: Node) -> SourceLine | None:
        """As `source_line`."""
        at = (id(node.code), node.instruction) if _is_placed(node) else (0, 0)
        if at not in self._lines:
            self._lines[at] = source_line(node)
        return self._lines[at]

    def is_parameter(self, node: Node) -> bool:
        """Whether a model holds it."""
        return id(node) in self._owners

    @property
    def has_many_models(self) -> bool:
        """Whether more than one model was called."""
        return len(self._ways) > 1


def runs(scope: Scope) -> list[tuple[Any, Any]]:
    """``scope`` and those around it, outermost first; each stands for one run."""
    found: list[tuple[Any, Any]] = []
    while scope:
        found.append(scope)
        scope = scope[0]
    return found[::-1]


def _variables_in_sight() -> Iterator[tuple[str, Any]]:
    """The variables of the user's functions that run, innermost first."""
    looked_at: set[int] = set()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        for variables in () if OURS[frame.f_code.co_filename] else (frame.f_locals, frame.f_globals):
            if id(variables) not in looked_at:
                looked_at.add(id(variables))
                yield from list(variables.items())
        frame = frame.f_back


def _is_placed(node: Node) -> bool:
    """Whether it keeps where it was made."""
    return getattr(node, "code", None) is not None


def function_of_ours(node: Node) -> str:
    """The function or class of `nn` whose line made ``node``; "" where that is the user's own."""
    code = getattr(node, "code", None)
    return code.co_qualname.partition(".")[0] if code is not None and OURS[code.co_filename] else ""


def _same_place(a: Node, b: Node) -> bool:
    """Whether the same expression of the user's made both."""
    return _is_placed(a) and a.code is getattr(b, "code", None) and a.instruction == b.instruction


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
