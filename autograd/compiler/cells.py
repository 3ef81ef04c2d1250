"""Cells: arrays of a program in the making. What is done to them is not computed, but becomes a call of the program."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from autograd.namespaces import ARRAYS, PRIMITIVES, Namespace

Array = NDArray[Any]
Call = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function and its arguments, of which the last is where the result goes: by name it would take half as long more."""

SHORT = 4096
"""An array of up to so many numbers is added to an array of equal ones: NumPy takes twice as long with one number."""
_TRUTHS = frozenset(
    {np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.logical_and, np.logical_or}
)

_ARITHMETIC = frozenset({np.add, np.subtract, np.negative})
"""Of truths alone NumPy makes truths by these, or an error, and Python numbers."""


class Cell:
    """An array of the program.

    fresh: nobody but the call that makes it has a claim on where it lies
    fixed: its numbers are there already, and never change
    """

    __slots__ = ("array", "cells", "fixed", "fresh")
    __array_ufunc__ = None  # so that `numpy_number * cell` asks the cell's __rmul__

    def __init__(self, cells: "Cells", array: Array, fresh: bool = False, fixed: bool = False) -> None:
        self.cells, self.array, self.fresh, self.fixed = cells, array, fresh, fixed

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def _refused(self, *others: object) -> NoReturn:
        raise TypeError  # the rule is one of numbers: it compares by == or decides by if

    __eq__ = __bool__ = _refused
    __hash__ = object.__hash__


def _operator(function: Any, reflected: bool = False) -> Callable[[Cell, Any], Any]:
    if reflected:
        return lambda self, other: self.cells.call(function, other, self)
    return lambda self, other: self.cells.call(function, self, other)


for _name, _function in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "pow": np.power, "and": np.logical_and,
    "or": np.logical_or,
}.items():  # fmt: skip
    setattr(Cell, f"__{_name}__", _operator(_function))
    setattr(Cell, f"__r{_name}__", _operator(_function, reflected=True))
for _name, _function in {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}.items():  # fmt: skip
    setattr(Cell, f"__{_name}__", _operator(_function))
setattr(Cell, "__neg__", lambda self: self.cells.call(np.negative, self))  # noqa: B010
setattr(Cell, "__pos__", lambda self: self)  # noqa: B010
setattr(Cell, "__abs__", lambda self: self.cells.call(np.abs, self))  # noqa: B010


class Cells:
    """Records calls. Equal ones are made once in a group: what its forward pass computed, its backward pass reads."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.calls: list[tuple[Callable[..., Any], tuple[Any, ...], Cell]] = []
        self.memo: dict[Any, Cell] = {}
        self.numbers: dict[tuple[float, tuple[int, ...]], Array] = {}
        functions = {name: self._function(getattr(ARRAYS, name)) for name in PRIMITIVES}
        self.namespace = Namespace(**{**functions, "where": self.where, "ufunc": self.call})

    def forget(self) -> None:
        """Begin a group: what was computed before has moved on."""
        self.memo = {}

    def taken(self) -> list[Call]:
        """The calls so far, which are a list of the program now."""
        calls = [_fastest(*call) for call in self.calls]
        self.calls = []
        return calls

    def known(self, array: Array, fixed: bool = False) -> Cell:
        """The cell of an array that is there already."""
        return Cell(self, array, fixed=fixed)

    def known_view(self, cell: Cell) -> Cell:
        """With one more axis, of length 1, at the end."""
        cell.fresh = False
        return self.known(cell.array[..., None], cell.fixed)

    def emit(self, function: Callable[..., Any], args: tuple[Any, ...], out: Cell) -> None:
        self.calls.append((function, args, out))

    def call(self, function: Any, *args: Any, shape: tuple[int, ...] | None = None) -> Any:
        """The result of ``function``, whose last argument is where to put it, in an array of its own."""
        if not any(isinstance(a, Cell) for a in args):
            return function(*args)
        key = function, *[_where_it_lies(a.array) if isinstance(a, Cell) else a for a in args]
        if (found := self.memo.get(key)) is not None:
            return found
        if function in _ARITHMETIC and all(a.array.dtype == bool for a in args if isinstance(a, Cell)):
            args = tuple(self.call(np.multiply, a, 1.0) if isinstance(a, Cell) else a for a in args)
        truth = function in _TRUTHS
        if shape is None:
            shape = np.broadcast_shapes(*[a.array.shape for a in args if isinstance(a, Cell)])
            if isinstance(function, np.ufunc):
                args = tuple(self._spread(a, shape) for a in args)
        fixed = all(a.fixed for a in args if isinstance(a, Cell))
        out = Cell(self, np.empty(shape, bool if truth else self.dtype), not fixed, fixed)
        if fixed:
            call, arrays = _fastest(function, args, out)
            with np.errstate(all="ignore"):
                call(*arrays)
        else:
            self.emit(function, args, out)
        self.memo[key] = out
        return out

    def _spread(self, x: Any, shape: tuple[int, ...]) -> Any:
        """A number, or an array of such, in full: NumPy takes less time for arrays of one shape."""
        if not isinstance(x, Cell):
            return self.scalar(float(x), shape)
        if x.fixed and x.shape != shape and math.prod(shape) <= SHORT:
            return self.known(np.broadcast_to(x.array, shape).copy(), fixed=True)
        return x

    def scalar(self, number: float, shape: tuple[int, ...]) -> Array:
        """``number`` as an array to compute with others of ``shape``."""
        return np.array(number, self.dtype) if math.prod(shape) > SHORT else self.equal(number, shape)

    def equal(self, number: float, shape: tuple[int, ...]) -> Array:
        """Always the same array of equal numbers."""
        if (number, shape) not in self.numbers:
            self.numbers[number, shape] = np.full(shape, number, self.dtype)
        return self.numbers[number, shape]

    def product(self, factors: Sequence[Cell], k: Any) -> Cell:
        """The product of all; not recorded as known, for a gradient may be added to where it lies."""
        memo, self.memo = self.memo, dict(self.memo)
        by_size = sorted(factors, key=lambda factor: (not factor.fixed, factor.array.size))
        total, *others = by_size  # the smallest one meets the number
        if isinstance(k, Cell):
            others.append(k)
        elif k == -1.0:
            total = self.call(np.negative, total)
        elif k != 1.0:
            total = self.call(np.multiply, total, float(k))
        for factor in others:
            total = self.call(np.multiply, total, factor)
        self.memo = memo
        return total

    def selected(self, g: Cell, slope: Cell) -> Cell:
        """As `product`, with 0 where ``slope`` is 0, whatever ``g`` is."""
        memo, self.memo = self.memo, dict(self.memo)
        total: Cell = self.call(select, g, slope)
        self.memo = memo
        return total

    def summed(self, cell: Cell, axes: tuple[int, ...], shape: tuple[int, ...], k: float = 1.0) -> Cell:
        """k times the sum along ``axes``, of which ``shape`` is left."""
        if len(axes) == 1 and len(cell.shape) <= 2:  # a product is three times as fast
            each = self.known(self.equal(k, (cell.shape[axes[0]],)))
            factors = (each, cell) if axes == (0,) else (cell, each)
            return self.call(np.matmul, *factors, shape=shape)  # type: ignore[no-any-return]
        return self.product([self.reduced(np.add, cell, axes, shape)], k)

    def reduced(self, function: np.ufunc, cell: Cell, axes: int | tuple[int, ...], shape: tuple[int, ...]) -> Cell:
        return self.call(function.reduce, cell, axes, None, shape=shape)  # type: ignore[no-any-return]

    def scaled(self, k: Any, by: float) -> Any:
        return self.call(np.multiply, k, by) if isinstance(k, Cell) else k * by

    def finish(self, result: Any, out: Array) -> None:
        """Let ``result`` be in ``out``."""
        if not isinstance(result, Cell):
            self.emit(fill, (float(result),), self.known(out))
        elif result.fresh and result.shape == out.shape and result.array.dtype == out.dtype:
            result.array, result.fresh = out, False
        else:
            self.emit(_copy, (result,), self.known(out))

    def broadcast(self, cell: Cell, shape: tuple[int, ...]) -> Cell:
        """A view of the same numbers in a larger shape."""
        if cell.shape == shape:
            return cell
        cell.fresh = False
        return self.known(np.broadcast_to(cell.array, shape), cell.fixed)

    def flat(self, cell: Cell) -> Cell:
        """The same numbers one after another."""
        if not cell.array.flags.c_contiguous:
            copy = Cell(self, np.empty(cell.shape, self.dtype))
            self.emit(_copy, (cell,), copy)
            cell = copy
        cell.fresh = False
        return self.known(cell.array.reshape(-1), cell.fixed)

    def turned(self, cell: Cell) -> Cell:
        """The transpose of the last two axes."""
        cell.fresh = False
        return self.known(cell.array.swapaxes(-1, -2), cell.fixed)

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        if not isinstance(condition, Cell):
            return a if condition else b
        if condition.array.dtype != bool:
            condition = self.call(np.not_equal, condition, 0.0)
        return self.call(_where, condition, a, b)

    def _function(self, function: Any) -> Callable[..., Any]:
        if isinstance(function, np.ufunc):
            return lambda *args: self.call(function, *args)
        return lambda *args: (
            self.call(_into, function, *args) if any(isinstance(a, Cell) for a in args) else function(*args)
        )


def _fastest(function: Callable[..., Any], cells: tuple[Any, ...], result: Cell) -> Call:
    """The call that takes least time: of products, `dot` by a third of a microsecond."""
    args, out = tuple(a.array if isinstance(a, Cell) else a for a in cells), result.array
    if function in (np.maximum, np.minimum):  # which will have the last one by name
        return partial(function, *args, out=out), ()
    flat = all(a.ndim <= 2 for a in args) if function is np.matmul else function is np.vecdot and not out.ndim
    if flat and out.size <= SHORT:  # which it fills with zeros first
        if out.flags.c_contiguous:
            return np.dot, (*args, out)
        if out.flags.f_contiguous:
            return np.dot, (args[1].T, args[0].T, out.T)
    return function, (*args, out)


def _where_it_lies(array: Array) -> Any:
    return array.ctypes.data, array.shape, array.strides


def _copy(x: Array, out: Array) -> None:
    np.copyto(out, x)


def fill(number: float, out: Array) -> None:
    out.fill(number)


def _where(condition: Array, a: Any, b: Any, out: Array) -> None:
    np.copyto(out, b)
    np.copyto(out, a, where=condition)


def select(g: Array, slope: Array, out: Array) -> None:
    """g · slope, and 0 where the slope is 0, whatever ``g`` is. A replay only multiplies, until that makes a nan."""
    np.multiply(g, slope, out)
    np.copyto(out, 0.0, where=slope == 0)


def _into(function: Callable[..., Any], *args: Any) -> None:
    args[-1][...] = function(*args[:-1])
