"""Two-dimensional classification problems small enough to look at: spiral, moons, circles, xor, blobs.

Each returns ``Dataset(X, y)`` with X (n, 2) float64 and y (n,) int64. Every one keeps to the same rules:

- ``n`` is the total number of points; the classes share it as evenly as possible, the first ones taking one
  more where it does not divide.
- The rows come shuffled, so that a slice such as ``X[:80], y[:80]`` holds every class.
- ``noise`` is a standard deviation (``noise=0`` gives the exact curve), drawn from a normal distribution.
- ``seed`` is an int, a `numpy.random.Generator` to draw on, or None for Python's own `random`, as for a model. The
  same int gives the same bits on every call.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nn.checks import Seed, generator, real, whole
from nn.data.dataset import Dataset

Array = NDArray[np.float64]


def spiral(n: int = 300, classes: int = 3, noise: float = 0.2, seed: Seed = 0) -> Dataset:
    """Arm j: r (sin t, cos t), r from 0 to 1, t from 4j to 4(j + 1) radians, t plus noise · N(0, 1).

    Interleaved arms, one a class: no straight line separates them. ``noise`` is in radians, and blurs the outer
    end of an arm more than the inner. Arms start 4 radians apart, so that from 12 classes on they begin to
    coincide (11 arms on, 44 radians are 7.003 turns).

    Source: the spiral of Stanford's CS231n notes, "Putting it together: Minimal Neural Network Case Study".
    """
    sizes, noise, rng = _checked(n, classes, noise, seed)
    arms = []
    for j, size in enumerate(sizes):
        r = np.linspace(0.0, 1.0, size)
        t = np.linspace(4.0 * j, 4.0 * (j + 1), size) + noise * rng.standard_normal(size)
        arms.append(np.column_stack([r * np.sin(t), r * np.cos(t)]))
    return _shuffled(arms, range(classes), rng)


def moons(n: int = 100, noise: float = 0.1, seed: Seed = 0) -> Dataset:
    """Class 0: (cos t, sin t). Class 1: (1 - cos t, 1/2 - sin t). t from 0 to π, plus noise · N(0, 1).

    Two interleaving half circles of radius 1. Source: the geometry of scikit-learn's `make_moons`.
    """
    sizes, noise, rng = _checked(n, 2, noise, seed)
    upper, lower = (np.linspace(0.0, math.pi, size) for size in sizes)
    halves = [
        np.column_stack([np.cos(upper), np.sin(upper)]),
        np.column_stack([1.0 - np.cos(lower), 0.5 - np.sin(lower)]),
    ]
    return _shuffled([_blurred(half, noise, rng) for half in halves], (0, 1), rng)


def circles(n: int = 100, noise: float = 0.05, factor: float = 0.5, seed: Seed = 0) -> Dataset:
    """Class 0: (cos t, sin t). Class 1: factor · (cos t, sin t). Both once around, plus noise · N(0, 1).

    A circle of radius ``factor`` (0 ≤ factor < 1) inside one of radius 1. Source: the geometry of
    scikit-learn's `make_circles`.
    """
    sizes, noise, rng = _checked(n, 2, noise, seed)
    factor = real("factor", factor, high=1.0)
    turns = [np.linspace(0.0, 2.0 * math.pi, size, endpoint=False) for size in sizes]
    rings = [radius * np.column_stack([np.cos(t), np.sin(t)]) for radius, t in zip((1.0, factor), turns, strict=True)]
    return _shuffled([_blurred(ring, noise, rng) for ring in rings], (0, 1), rng)


def xor(n: int = 200, noise: float = 0.2, seed: Seed = 0) -> Dataset:
    """y = (x₁ > 0) xor (x₂ > 0), from four clusters (±1, ±1) + noise · N(0, 1).

    The truth table of exclusive or, -1 standing for false and 1 for true: ``noise=0`` gives exactly its four
    rows. A label is that of the cluster a point was drawn from, also where noise carries it over an axis.
    """
    sizes, noise, rng = _checked(n, 4, noise, seed)
    corners = [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)]
    clusters = [np.tile(corner, (size, 1)) for corner, size in zip(corners, sizes, strict=True)]
    return _shuffled([_blurred(cluster, noise, rng) for cluster in clusters], (0, 1, 1, 0), rng)


def blobs(n: int = 300, classes: int = 3, noise: float = 1.0, seed: Seed = 0) -> Dataset:
    """Class j: R (cos t, sin t) + noise · N(0, 1), with t = 2πj / classes and R = 3 / sin(π / classes).

    One round cluster a class, the centres on a circle whose radius keeps neighbours 6 units apart however
    many there are: at the default noise, three standard deviations from a centre to the border.
    """
    sizes, noise, rng = _checked(n, classes, noise, seed)
    radius = 3.0 / math.sin(math.pi / classes)
    angles = [2.0 * math.pi * j / classes for j in range(classes)]
    centres = [(radius * math.cos(t), radius * math.sin(t)) for t in angles]
    clusters = [np.tile(centre, (size, 1)) for centre, size in zip(centres, sizes, strict=True)]
    return _shuffled([_blurred(cluster, noise, rng) for cluster in clusters], range(classes), rng)


TOY: dict[str, Callable[..., Dataset]] = {
    "spiral": spiral,
    "moons": moons,
    "circles": circles,
    "xor": xor,
    "blobs": blobs,
}
"""Every generator by its name; each runs without arguments and takes at least ``n``, ``noise`` and ``seed``."""


def _blurred(points: Array, noise: float, rng: np.random.Generator) -> Array:
    return points + noise * rng.standard_normal(points.shape)


def _shuffled(parts: Sequence[Array], labels: Sequence[int], rng: np.random.Generator) -> Dataset:
    X = np.concatenate(parts)
    y = np.repeat(np.array(labels, dtype=np.int64), [len(part) for part in parts])
    order = rng.permutation(len(X))
    return Dataset(X[order], y[order])


def _checked(n: int, groups: int, noise: float, seed: Seed) -> tuple[list[int], float, np.random.Generator]:
    """The number of points of each group, the noise and the generator; or the error that teaches."""
    groups = whole("classes", groups, least=2)
    n, rng = whole("n", n, least=groups), generator(seed)
    sizes = [n // groups + (j < n % groups) for j in range(groups)]
    return sizes, real("noise", noise), rng
