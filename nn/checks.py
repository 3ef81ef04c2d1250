"""The checks of arguments that several parts share. Each says what came, what was expected, what to write."""

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, TypeVar

from numpy.typing import DTypeLike

from autograd.array_ops import Array
from autograd.tensor import as_array

T = TypeVar("T")


def whole(name: str, number: Any, least: int = 1) -> int:
    """``number`` as an int of at least ``least``."""
    if isinstance(number, bool) or not isinstance(number, Integral):
        raise TypeError(f"{name} must be an integer, got {type(number).__name__} {number!r}")
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return int(number)


def real(name: str, number: Any, low: float = 0.0, high: float = math.inf, *, above_low: bool = False) -> float:
    """``number`` as a finite float in [low, high), or in (low, high) with ``above_low``."""
    if isinstance(number, bool) or not isinstance(number, Real):
        raise TypeError(f"{name} must be a number, got {type(number).__name__} {number!r}")
    given = float(number)
    inside = (low < given if above_low else low <= given) and given < high
    if not (math.isfinite(given) and inside):
        bound = f"greater than {low:g}" if above_low else f"at least {low:g}"
        upper = f" and less than {high:g}" if math.isfinite(high) else " and finite"
        raise ValueError(f"{name} must be {bound}{upper}, got {number!r}")
    return given


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
