"""The checks of arguments that several parts share. Each says what came, what was expected, what to write."""

import math
import random
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from autograd.array_ops import Array
from autograd.tensor import as_array

T = TypeVar("T")
Seed = int | np.random.Generator | None


def whole(name: str, number: Any, least: int = 1) -> int:
    """``number`` as an int of at least ``least``."""
    if isinstance(number, bool) or not isinstance(number, Integral):
        raise TypeError(f"{name} must be an integer, got {type(number).__name__} {number!r}")
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return int(number)


def real(name: str, number: Any, low: float = 0.0, high: float = math.inf, *, above_low: bool = False) -> float:
    """``number`` as a finite float in [low, high), or in (low, high) with ``above_low``."""
    if type(number) is not float and (isinstance(number, bool) or not isinstance(number, Real)):
        raise TypeError(f"{name} must be a number, got {type(number).__name__} {number!r}")
    given = float(number)
    inside = (low < given if above_low else low <= given) and given < high
    if not (math.isfinite(given) and inside):
        bound = f"greater than {low:g}" if above_low else f"at least {low:g}"
        upper = f" and less than {high:g}" if math.isfinite(high) else " and finite"
        raise ValueError(f"{name} must be {bound}{upper}, got {number!r}")
    return given


def flag(name: str, given: Any) -> bool:
    """``given`` as True or False. Text is none of them: ``"no"`` counts as true in Python."""
    if not isinstance(given, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {type(given).__name__} {given!r}")
    return bool(given)


def generator(seed: Seed) -> np.random.Generator:
    """The random numbers of ``seed``: an integer, or a generator to go on drawing from.

    None takes the seed from Python's own `random`, so that ``random.seed(1337)`` fixes a model as it does in
    micrograd.
    """
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.default_rng(random.getrandbits(64) if seed is None else whole("seed", seed, least=0))


def numbers(name: str, data: Any, dtype: DTypeLike = float) -> Array:
    """``data`` as a floating array. Text, complex numbers, ragged rows and nodes are a `TypeError`."""
    try:
        return as_array(data, dtype)
    except TypeError as error:
        raise TypeError(f"{name} must be plain numbers: {error}") from None


def choice(name: str, key: Any, table: Mapping[str, T]) -> T:
    """What ``table`` has under ``key``."""
    if not isinstance(key, str) or key not in table:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, table))}; got {key!r}")
    return table[key]
