"""The arguments of a compiled function: taken apart into inputs of the program, and into what has to be the same."""

import math
import reprlib
import types
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from copy import copy
from inspect import signature
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd.compiler.trace import Leaf, Traced, traced_at
from autograd.counted import Counted
from autograd.tensor import Tensor
from autograd.trees import is_record, made, parts
from autograd.value import Value, own_class

Array = NDArray[Any]


class _Input(NamedTuple):
    """A number among the arguments (shape ()), of a Value with its class; an array; a list or tuple, by its class."""

    shape: tuple[int, ...]
    wanted: bool = False
    listed: type | None = None
    own: type[Value] = Value


class Same:
    """What is no number, and therefore has to be the same again."""

    def __init__(self, x: Any) -> None:
        self.x = copy(x) if isinstance(x, _CHANGING) else x
        self.modes = [module.training for module in x.modules()] if isinstance(x, Counted) else []  # type: ignore[attr-defined]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Same) or type(self.x) is not type(other.x) or self.modes != other.modes:
            return False
        if isinstance(self.x, _CHANGING):
            return bool(self.x == other.x)
        if isinstance(self.x, float):
            return repr(self.x) == repr(other.x)  # 0.0 == -0.0, and yet they are two
        return self.x is other.x or (isinstance(self.x, _BY_VALUE) and bool(self.x == other.x))

    def __hash__(self) -> int:
        return hash(self.x) if isinstance(self.x, _BY_VALUE) else id(self.x)


_CHANGING = (set, bytearray, array, types.SimpleNamespace)
"""What may be another when it is passed again; a program is of what it held."""
_NUMBERS = frozenset({float, int, *[kind for kind in np.sctypeDict.values() if np.dtype(kind).kind in "fiu"]})
"""Classes of which a list is an array of numbers."""
_BY_VALUE = (str, bytes, bool, float, int, types.NoneType, types.EllipsisType)


class Arguments:
    """Arguments taken apart.

    structure: what programs are told apart by: a tree of containers, `_Input`s, and whatever is no number
    numbers:   for each argument its inputs: floats, arrays and lists, in order
    nodes:     the Values among them: (argument, offset, Value)
    leaves:    for each number of each argument its name, and whether its gradient is wanted
    arrays:    shapes and dtypes of the arguments, if all are arrays
    """

    def __init__(self, names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any], rows: bool = False) -> None:
        self.rows = rows
        self.numbers: list[list[tuple[int, int, Any]]] = []
        self.nodes: list[tuple[int, int, Value]] = []
        self.samples: set[int] = set()
        self.names: list[str] = []
        named = [*zip_longest(names[: len(args)], args, fillvalue="*args"), *sorted(kwargs.items())]
        structures = []
        for name, x in named:
            self.numbers.append([])
            self.offset = 0
            structures.append((name, self._structure(x, name)))
        self.structure = len(args), rows, tuple(structures)
        single = all(x.__class__ is np.ndarray for x in args) and all(len(each) == 1 for each in self.numbers)
        self.arrays = [(x.shape, x.dtype) for x in args] if single and not kwargs else []
        if rows and (len(self.samples) != 1 or 0 in self.samples):
            raise ValueError(
                f"batch() takes arrays of equally many rows, at least one; got {sorted(self.samples) or 'no array'}"
            )

    def _structure(self, x: Any, name: str) -> Any:
        kind = x.__class__
        if isinstance(x, Value):
            if x.parents and x.requires_grad:
                raise TypeError(
                    f"argument {name} was computed from other Values, which would get no gradient; compute it in the "
                    f"compiled function, or pass {name}.detach()"
                )
            self.nodes.append((len(self.numbers) - 1, self.offset, x))
            return self._input(x.data, _Input((), x.requires_grad, own=own_class(type(x))), name)
        if isinstance(x, Tensor):
            raise TypeError(f"argument {name}: a compiled function is of single Values; pass the array in its .data")
        if isinstance(x, np.ndarray) and x.dtype.kind in "fiub":
            return self._input(x, _Input(x.shape[self.rows :]), name)
        if isinstance(x, float | int | np.number) and kind is not bool:
            return self._input(x, _Input(()), name)
        if isinstance(x, np.ndarray) and x.dtype == object and not self.rows:
            return np.ndarray, tuple([(i, self._structure(part, f"{name}[{i}]")) for i, part in enumerate(x)])
        if isinstance(x, list | tuple) and x and (self.rows or {*map(type, x)} <= _NUMBERS):
            array = _numbers(x, name)
            return self._input(array, _Input(array.shape[self.rows :], listed=list if self.rows else kind), name)
        if is_record(x) and not isinstance(x, Counted):  # a model holds parameters, which are no inputs
            return kind, tuple([(key, self._structure(part, f"{name}.{key}")) for key, part in parts(x)])
        if isinstance(x, list | tuple | dict | deque):
            return kind, tuple([(key, self._structure(part, f"{name}[{key!r}]")) for key, part in parts(x)])
        return Same(x)

    def _input(self, x: Any, what: _Input, name: str) -> _Input:
        if self.rows:
            if not np.ndim(x):
                raise TypeError(
                    f"argument {name}: batch() takes arrays and lists with a row for each sample, got {x!r}"
                )
            self.samples.add(len(x))
        size = math.prod(what.shape)
        self.numbers[-1].append((self.offset, self.offset + size, x))
        self.offset += size
        return what

    def replaced(self, args: tuple[Any, ...]) -> bool:
        """Whether ``args`` are nothing but arrays like those there were, which they then replace."""
        if len(args) != len(self.arrays):
            return False
        for x, (shape, dtype) in zip(args, self.arrays, strict=True):
            if x.__class__ is not np.ndarray or x.shape != shape or x.dtype != dtype:
                return False
        self.numbers = [[(start, end, x)] for x, [(start, end, _)] in zip(args, self.numbers, strict=True)]
        return True

    def forget(self) -> None:
        """Hold on to no array longer than it takes to read it."""
        self.numbers = [[(start, end, None) for start, end, _ in each] for each in self.numbers]

    def leaves(self) -> list[Leaf]:
        """One leaf for each number, argument after argument."""
        return [
            Leaf(name + place, i, None, wanted)
            for i, (name, structure) in enumerate(self.structure[2])
            for place, wanted in _named_inputs(structure, "")
        ]

    def rebuilt(self, traced: list[Traced]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments with traced Values for numbers."""
        remaining = iter(traced)
        count, _, structures = self.structure
        built = [(name, _rebuilt(structure, remaining)) for name, structure in structures]
        return [x for _, x in built[:count]], dict(built[count:])

    def fill(self, argument: int, block: Array) -> None:
        """Write the numbers of an argument into ``block`` (samples, n)."""
        for start, end, x in self.numbers[argument]:
            part = block if end - start == block.shape[1] else block[:, start:end]
            part[...] = x if x.__class__ is float else np.asarray(x).reshape(len(block), -1)


def _numbers(x: Any, name: str) -> Array:
    """A list of numbers, or of equally long lists of such, as an array."""
    try:
        array = np.asarray(x)
        if array.dtype.kind in "fiub":
            return np.asarray(array, float)
    except (ValueError, OverflowError):  # lists of several lengths, or an integer that is no float
        pass
    raise TypeError(
        f"argument {name}: a list is one of numbers, in batch() perhaps of equally long lists of numbers; got "
        f"{reprlib.repr(x)}. The gradient of a batch goes to parameters: pass numbers, and Values one by one"
    )


def argument_names(function: Callable[..., Any]) -> list[str]:
    try:
        return list(signature(function).parameters)
    except (TypeError, ValueError):
        return []


def _named_inputs(structure: Any, place: str) -> Iterator[tuple[str, bool]]:
    if isinstance(structure, _Input):
        for index in np.ndindex(structure.shape):
            yield place + "".join(f"[{i}]" for i in index), structure.wanted
    elif not isinstance(structure, Same):
        for key, part in structure[1]:
            yield from _named_inputs(part, f"{place}[{key!r}]")


def _rebuilt(structure: Any, remaining: Iterator[Traced]) -> Any:
    if isinstance(structure, Same):
        return structure.x
    if isinstance(structure, _Input):
        if not structure.shape:
            traced = next(remaining)
            return traced_at(traced.code, traced.instruction, Traced.over(structure.own))
        array = np.empty(structure.shape, object)
        for index in np.ndindex(structure.shape):
            array[index] = next(remaining)
        return array if structure.listed is None else made(structure.listed, dict(enumerate(array.tolist())))
    kind, inner = structure
    built = {key: _rebuilt(part, remaining) for key, part in inner}
    return np.array([*built.values()], object) if issubclass(kind, np.ndarray) else made(kind, built)
