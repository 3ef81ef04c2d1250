"""Where numbers lie: the operands of a group as strided views of one flat memory, or as a copy if they are none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Array = NDArray[Any]
MOST_AXES = 3


class Memory:
    """Numbers one after another, and their gradients.

    written: which of the gradients the backward pass has written so far
    fixed:   which of these are there already, and the same in every replay
    """

    def __init__(self, data: Array, grad: Array | None = None) -> None:
        self.data, self.grad = data, grad
        self.written, self.fixed = np.zeros(len(data), bool), np.zeros(len(data), bool)


@dataclass
class Place:
    """Where an operand of each node of a group lies: its element ``base + sample · step`` of ``memory``.

    base:  (G,), or (G, K) of K operands each
    index: if ``memory`` is a copy, the elements of ``source`` that it was made from
    """

    memory: Memory
    base: Ids
    step: int = 0
    source: Memory | None = None
    index: Ids | None = None

    def block(self, samples: int) -> "View":
        """All of a group, whose numbers lie side by side, sample after sample."""
        return View(self, int(self.base[0]), (samples * len(self.base),), (1,))

    def column(self, i: int) -> "Place":
        return Place(self.memory, self.base[:, i], self.step, self.source, self.index)


@dataclass
class View:
    """Element ``start + Σ strides · position`` of a place's memory, for each position in ``shape``."""

    place: Place
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def data(self) -> Array:
        return self.of(self.place.memory.data)

    @property
    def grad(self) -> Array:
        assert self.place.memory.grad is not None
        return self.of(self.place.memory.grad)

    def of(self, flat: Array) -> Array:
        size = flat.itemsize
        return np.ndarray(self.shape, flat.dtype, flat, self.start * size, [s * size for s in self.strides])

    def shared(self) -> tuple[int, ...]:
        """The axes along which the operand is the same."""
        return tuple(i for i, (n, s) in enumerate(zip(self.shape, self.strides, strict=True)) if s == 0 and n > 1)

    def without(self, axes: Sequence[int]) -> "View":
        kept = [i for i in range(len(self.shape)) if i not in axes]
        return View(self.place, self.start, tuple(self.shape[i] for i in kept), tuple(self.strides[i] for i in kept))

    def distinct(self) -> bool:
        """Whether no element comes up twice, as far as the strides tell."""
        reach = 0
        for stride, n in sorted((abs(s), n) for n, s in zip(self.shape, self.strides, strict=True) if n > 1):
            if stride <= reach:
                return False
            reach += stride * (n - 1)
        return True

    def addresses(self) -> Ids:
        return self.of(np.arange(len(self.place.memory.data)))

    def turned(self) -> "View":
        """The transpose of the last two axes."""
        shape, strides = self.shape, self.strides
        return View(
            self.place, self.start, (*shape[:-2], shape[-1], shape[-2]), (*strides[:-2], strides[-1], strides[-2])
        )


Axes = list[tuple[int, Ids]]
"""Lengths, and for each operand the stride; the outermost axis first."""


def nested(columns: Ids) -> Axes | None:
    """The axes by which every column of ``columns`` (G, operands) counts up; None if it does not."""
    axes: Axes = []
    while len(columns) > 1:
        steps = columns[1] - columns[0]
        same = (np.diff(columns, axis=0) == steps).all(axis=1)
        n = len(columns) if same.all() else int(same.argmin()) + 1
        if len(columns) % n:
            return None
        blocks = columns.reshape(-1, n, columns.shape[1])
        if not (np.diff(blocks, axis=1) == steps).all():
            return None
        axes.insert(0, (n, steps))
        columns = blocks[:, 0]
    return axes


def merged(axes: Axes) -> Axes:
    """The same positions with as few axes as possible."""
    found: Axes = []
    for n, steps in axes:
        if n == 1:
            continue
        if found and np.array_equal(found[-1][1], n * steps):
            found[-1] = found[-1][0] * n, steps
        else:
            found.append((n, steps))
    return found


def complexity(base: Ids) -> int:
    """How many axes it takes to count through ``base``; many if it cannot be done."""
    axes = nested(base[:, None])
    return 99 if axes is None else len(axes)


def regular(base: Ids) -> tuple[int, bool]:
    """(stride, True) if each row of ``base`` (G, K) counts up by one and the same stride."""
    if base.shape[1] == 1:
        return 1, True
    steps = np.diff(base, axis=1)
    stride = int(steps[0, 0])
    return stride, bool((steps == stride).all())
