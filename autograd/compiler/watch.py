"""Whether the parameters of a compiled function are still where they were found: a Value may replace another.

The containers on the way to a parameter are compared with copies of them. Python compares lists and dicts in C, and
takes identical items for equal: this costs a few nanoseconds for each item.
"""

import gc
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle, zip_longest
from operator import getitem, is_
from typing import Any

import numpy as np

from autograd.compiler.trace import Leaf, names_in, reachable, slots
from autograd.counted import CHANGES, COMPARED, Counted
from autograd.value import Value

ITEMS = 4000
"""Items to compare in one call. The containers of a larger program are compared by turns, some in each call."""
Place = tuple[Callable[[Any, Any], Any], Any, Any]
"""How to look up one item: ``get(holder, key)``."""


class Watch:
    """The containers and places in which a function finds its parameters, as they were when it was traced.

    root:   the function whose own variables somebody else looks at
    groups: containers, and copies of them; each call compares one group
    counted: attributes of `Counted` objects, and copies of them; compared when one of those objects was changed
    places: what is looked up one by one: globals, cells, slots, and entries of object arrays
    """

    def __init__(self, reached: Iterable[tuple[str, Any, Any]], root: Any, leaves: Iterable[Leaf]) -> None:
        self.root = root
        self.leading = _leading(reached, [leaf.value for leaf in leaves if leaf.value is not None])
        containers: list[Any] = []
        self.counted: tuple[list[Any], list[Any]] = ([], [])
        self.changes = CHANGES[0]
        self.places: list[Place] = []
        hidden: dict[int, Value] = {}
        for item, holders in self.leading.values():
            if isinstance(item, Counted):
                self.counted[0].append(vars(item))
                self.counted[1].append(vars(item).copy())
                self.places += self._places(item)
            elif not isinstance(item, Value):
                containers += _containers(item)
                self.places += self._places(item)
            elif not holders:
                hidden[id(item)] = item
        if hidden:
            self.places += _hidden_places(hidden)
        self.found = self._looked_up()
        self.groups: list[tuple[list[Any], list[Any]]] = [([], [])]
        items = 0
        for container in containers:
            if items > ITEMS:
                self.groups.append(([], []))
                items = 0
            now, then = self.groups[-1]
            now.append(container)
            then.append(container.copy())
            items += len(container)
        self.turns = cycle(self.groups)

    @property
    def by_turns(self) -> bool:
        """Whether a replaced parameter may be noticed some calls too late."""
        return len(self.groups) > 1

    def unchanged(self) -> bool:
        """Whether the next group of containers, and all places, hold what they held."""
        if self.changes != CHANGES[0]:
            if not self._same(*self.counted):
                return False
            self.changes = CHANGES[0]
        now, then = group = next(self.turns)
        compared = COMPARED[0]
        try:
            if now == then and compared == COMPARED[0]:
                return not self.places or self._in_place()
        except Exception:  # whatever the == of an array, or of a user's class, raises
            pass
        return self._in_place() and self._same(*group)

    def unchanged_exactly(self) -> bool:
        """The same of all groups, by identity alone."""
        return self._in_place() and all(self._same(*group) for group in [self.counted, *self.groups])

    def _same(self, now: list[Any], then: list[Any]) -> bool:
        """Whether nothing has changed that leads to a parameter, then or now. Copies of what else has are made anew."""
        for i, (container, copy) in enumerate(zip(now, then, strict=True)):
            changes = list(_changes(container, copy))
            if any(id(old) in self.leading or _leads(new) for old, new in changes):
                return False
            if changes:
                then[i] = container.copy()
        return True

    def _in_place(self) -> bool:
        return all(map(is_, self._looked_up(), self.found))

    def _looked_up(self) -> list[Any]:
        try:
            return [get(holder, key) for get, holder, key in self.places]
        except (LookupError, AttributeError, ValueError):
            return [None] * len(self.places)

    def _places(self, item: Any) -> Iterator[Place]:
        if isinstance(item, types.FunctionType):
            if item is not self.root:
                cells = [cell for cell in item.__closure__ or () if cell != types.CellType()]
                yield from ((getattr, cell, "cell_contents") for cell in cells if self._leads(cell.cell_contents))
                world = item.__globals__
                yield from ((dict.get, world, n) for n in names_in(item.__code__) if self._leads(world.get(n)))
        elif isinstance(item, np.ndarray):
            yield from ((_element, item, i) for i, part in enumerate(item.flat) if self._leads(part))
        else:
            yield from ((getattr, item, name) for name, part in slots(item) if self._leads(part))

    def _leads(self, item: Any) -> bool:
        return id(item) in self.leading


def _leading(reached: Iterable[tuple[str, Any, Any]], parameters: list[Value]) -> dict[int, tuple[Any, list[Any]]]:
    """By id: each parameter, and whatever leads to one, with what holds it."""
    holders: dict[int, list[Any]] = {}
    for _, holder, item in reached:
        holders.setdefault(id(item), []).append(holder)
    found: dict[int, tuple[Any, list[Any]]] = {}
    stack: list[Any] = parameters[::-1]
    while stack:
        item = stack.pop()
        if item is not None and id(item) not in found:
            found[id(item)] = item, holders.get(id(item), [])
            stack += found[id(item)][1]
    return found


def _containers(item: Any) -> list[Any]:
    """What of ``item`` can be copied and compared."""
    if isinstance(item, list | dict | set | deque):
        return [item]
    attributes = getattr(item, "__dict__", None)
    if not isinstance(attributes, dict) or isinstance(item, types.FunctionType) or "__wrapped__" in attributes:
        return []
    return [attributes]


def _hidden_places(hidden: dict[int, Value]) -> Iterator[Place]:
    """Where the garbage collector knows parameters to be that no way was found to, as in a module or in a class."""
    for holder in gc.get_referrers(*hidden.values()):
        if isinstance(holder, types.CellType):
            yield getattr, holder, "cell_contents"
        elif isinstance(holder, dict | list):
            items = holder.items() if isinstance(holder, dict) else enumerate(holder)
            yield from ((getitem, holder, key) for key, part in items if id(part) in hidden and holder is not hidden)
        elif not isinstance(holder, Leaf | tuple | types.FrameType):
            yield from ((getattr, holder, name) for name, part in slots(holder) if id(part) in hidden)


def _element(array: Any, i: int) -> Any:
    return array.flat[i]


def _changes(container: Any, copy: Any) -> Iterator[tuple[Any, Any]]:
    """Pairs of what was and what is, where ``container`` differs from ``copy``."""
    if isinstance(container, dict):
        pairs: Iterable[tuple[Any, Any]] = [(copy.get(k), container.get(k)) for k in copy.keys() | container.keys()]
    elif isinstance(container, set):
        pairs = [*((item, None) for item in copy - container), *((None, item) for item in container - copy)]
    else:
        pairs = zip_longest(copy, container)
    return ((old, new) for old, new in pairs if old is not new)


def _leads(item: Any) -> bool:
    """Whether ``item`` is a leaf Value, or can reach one."""
    return any(isinstance(part, Value) and not part.parents for _, _, part in reachable(item))
