"""What a model holds besides the numbers of its parameters: whether it has changed, and how to put it back."""

import logging
import pickle
import random
from collections import deque
from collections.abc import Mapping
from operator import is_
from types import BuiltinFunctionType, CellType, FunctionType, ModuleType
from typing import Any

import numpy as np

from autograd import Node
from autograd.compiler.compiled import GENERATORS, global_generators
from autograd.compiler.trace import names_in

_FUNCTIONS = (type, ModuleType, FunctionType, BuiltinFunctionType)
_CLOSED = (Node, str, bytes, float, int, type(None), logging.Logger, *_FUNCTIONS)
"""What is not looked into."""
LARGE = 1_000_000
"""Numbers of an array that is data: to compare it every time would take longer than what it is for."""


class Snapshot:
    """The attributes, lists, dicts, sets, queues, arrays and random numbers of ``model``, and of what it holds.

    The numbers of parameters are left out, for they move.

    drawn: take in Python's own random numbers and NumPy's
    """

    def __init__(self, model: Any, drawn: bool = True) -> None:
        found: dict[int, Any] = {}
        stack = [model, *(global_generators() if drawn else [])]
        while stack:
            item = stack.pop()
            if not isinstance(item, _CLOSED) and id(item) not in found:
                found[id(item)] = item
                stack += _parts(item)
        self._contents = [(item, _content(item)) for item in found.values()]

    def changed(self) -> bool:
        """Whether anything is not what it was."""
        return any(not _same(_content(item), content) for item, content in self._contents)

    def restore(self) -> None:
        """Put everything back in its place."""
        for item, content in self._contents:
            if not _same(_content(item), content):
                _put_back(item, content)


class Outside:
    """What the methods of one's own classes of modules read outside of the model, and what that holds.

    These are variables of closures, global ones, and attributes of the classes, also where functions read them that
    such a method calls. `nn`'s classes read none.
    """

    def __init__(self, model: Any) -> None:
        self._cells: dict[int, CellType] = {}
        self._names: dict[tuple[int, str], Mapping[str, Any]] = {}
        seen: set[int] = set()
        kinds = {kind for module in model.modules() for kind in type(module).__mro__ if not _is_ours(kind.__module__)}
        functions = [part for kind in kinds - {object} for part in self._of_class(kind)]
        while functions:
            f = functions.pop()
            f = getattr(f, "__func__", getattr(f, "fget", f))
            if not isinstance(f, FunctionType) or id(f) in seen:
                continue
            seen.add(id(f))
            cells = {id(cell): cell for cell in f.__closure__ or () if cell != CellType()}
            world = {} if _is_ours(f.__globals__.get("__name__", "")) else f.__globals__
            names = [name for name in names_in(f.__code__) if name in world]
            self._cells |= cells
            self._names |= {(id(world), name): world for name in names}
            functions += [*[cell.cell_contents for cell in cells.values()], *[world[name] for name in names]]
        self._values = self._now()
        self._held = Snapshot(self._values, drawn=False)

    def changed(self) -> bool:
        """Whether anything is not what it was."""
        now = self._now()
        return not all(map(is_, self._values, now)) or self._held.changed()

    def _of_class(self, kind: type) -> list[Any]:
        """Its methods; its other attributes are noted."""
        own = {name: part for name, part in vars(kind).items() if name == "__call__" or not name.startswith("__")}
        methods = [part for part in own.values() if hasattr(part, "__get__")]
        self._names |= {(id(kind), name): vars(kind) for name, part in own.items() if not hasattr(part, "__get__")}
        return methods

    def _now(self) -> list[Any]:
        named = [world.get(name) for (_, name), world in self._names.items()]
        return [*named, *[None if cell == CellType() else cell.cell_contents for cell in self._cells.values()]]


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in ("autograd", "nn")


def _parts(item: Any) -> list[Any]:
    if isinstance(item, list | tuple | set | frozenset | deque):
        return list(item)
    if isinstance(item, np.ndarray):
        return item.ravel().tolist() if item.dtype == object else []
    held = item if isinstance(item, dict) else getattr(item, "__dict__", {})
    return list(held.values())


def _content(item: Any) -> Any:
    """A copy of what ``item`` holds."""
    if isinstance(item, np.ndarray) and item.size > LARGE:
        return ()
    if isinstance(item, dict | list | set | deque | np.ndarray):
        return item.copy()
    return pickle.dumps(item) if isinstance(item, GENERATORS) else dict(getattr(item, "__dict__", {}))


def _same(now: Any, before: Any) -> bool:
    """Whether two contents are the same things, and not only equal ones."""
    if isinstance(now, np.ndarray):
        return bool(now.shape == before.shape and now.tobytes() == before.tobytes())
    if isinstance(now, bytes):
        return bool(now == before)
    values = (now.values(), before.values()) if isinstance(now, dict) else (now, before)
    return len(now) == len(before) and all(map(is_, now, before)) and all(map(is_, *values))


def _put_back(item: Any, content: Any) -> None:
    if isinstance(item, np.ndarray):
        item[...] = content
    elif isinstance(item, random.Random):
        item.setstate(pickle.loads(content).getstate())
    elif isinstance(item, np.random.RandomState):
        item.set_state(pickle.loads(content).get_state())
    elif isinstance(item, np.random.Generator):
        item.bit_generator.state = pickle.loads(content).bit_generator.state
    else:
        held = item if isinstance(item, dict | list | set | deque) else vars(item)
        held.clear()
        held.extend(content) if isinstance(held, list | deque) else held.update(content)
