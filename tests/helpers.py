"""What several test modules need: samples from a row's domain, numeric derivatives, and how near is near."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from autograd import Tensor, Value
from autograd.ops import Op

STEP = 2e-4
KINK_MARGIN = 0.05


def samples(op: Op, n: int = 6) -> list[tuple[float, ...]]:
    """``n`` points of the row's domain, the same in every run, and none near a kink.

    Every kink in the table lies where an operand is 0 or where two operands are equal.
    """
    rng = np.random.default_rng(crc32(op.name.encode()))

    def draws() -> Iterator[tuple[float, ...]]:
        while True:
            yield tuple(float(rng.uniform(low, high)) for low, high in op.domain)

    def clear(xs: tuple[float, ...]) -> bool:
        gaps = [abs(a - b) for a, b in itertools.combinations(xs, 2)]
        return min([*map(abs, xs), *gaps]) > KINK_MARGIN

    return list(itertools.islice(filter(clear, draws()), n))


def slope(f: Callable[[float], Any], x: float) -> Any:
    """f′(x) by the central difference of fourth order; ``f`` may return an array."""
    h = STEP * max(1.0, abs(x))
    return (8.0 * (f(x + h) - f(x - h)) - (f(x + 2.0 * h) - f(x - 2.0 * h))) / (12.0 * h)


def slopes(f: Callable[..., Any], xs: Sequence[float]) -> list[Any]:
    """∂f/∂x_i for each of the plain numbers ``xs``."""
    return [slope(lambda t, i=i: f(*xs[:i], t, *xs[i + 1 :]), x) for i, x in enumerate(xs)]  # type: ignore[misc]


def array_slopes(f: Callable[..., float], arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """∂f/∂a for every element of every array in ``arrays``; ``f`` returns a number."""
    found = []
    for i, array in enumerate(arrays):
        gradient = np.empty(array.shape)
        for index in np.ndindex(array.shape):

            def at(t: float, i: int = i, index: tuple[int, ...] = index) -> float:
                changed = [a.copy() for a in arrays]
                changed[i][index] = t
                return f(*changed)

            gradient[index] = slope(at, float(array[index]))
        found.append(gradient)
    return found


def error(analytic: Any, numeric: Any) -> float:
    """The largest relative difference, element by element; below 0.01 it is measured against 0.01."""
    a, n = np.broadcast_arrays(np.asarray(analytic, float), np.asarray(numeric, float))
    if not a.size:
        return 0.0
    worst = np.max(np.abs(a - n) / np.maximum(np.maximum(np.abs(a), np.abs(n)), 0.01))
    return float(worst) if np.isfinite(worst) else math.inf


def same(a: Any, b: Any, tolerance: float = 1e-12) -> bool:
    """Equal up to rounding, with inf equal to inf of the same sign and nan to nan."""
    return bool(np.allclose(np.asarray(a, float), np.asarray(b, float), rtol=tolerance, atol=1e-300, equal_nan=True))


def plain(grad: Any) -> Any:
    """A gradient as numbers, whether it came with a graph of its own or not."""
    return grad.data if isinstance(grad, Value | Tensor) else grad


def value_partials(op: Any, xs: Sequence[float]) -> tuple[float, list[float]]:
    """The result of row ``op`` on Values, and what backward() leaves in each operand."""
    nodes = [Value(x) for x in xs]
    y = Value._apply(op, *nodes)
    y.backward()
    return y.data, [node.grad for node in nodes]


def tensor_partials(op: Any, columns: Sequence[Any]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The same on Tensors, element by element."""
    nodes = [Tensor(column) for column in columns]
    y = Tensor._apply(op, *nodes)
    y.backward(np.ones(y.shape))
    return y.data, [node.grad for node in nodes]


def second_partials(nodes: Sequence[Any], y: Any) -> list[list[Any]]:
    """∂²y/∂x_i∂x_j, by differentiating the graph of the gradient; ``y`` is built from ``nodes`` elementwise."""

    def run(root: Any, **options: Any) -> list[Any]:
        for node in nodes:
            node.grad = 0.0 if isinstance(node, Value) else np.zeros(node.shape)
        if root.requires_grad:
            (root.sum() if isinstance(root, Tensor) else root).backward(**options)
        return [node.grad for node in nodes]

    firsts = [g if isinstance(g, Value | Tensor) else None for g in run(y, create_graph=True)]
    zeros = [np.zeros(np.shape(node.data)) for node in nodes]
    return [zeros if first is None else [plain(g) for g in run(first)] for first in firsts]
