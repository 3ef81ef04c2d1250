"""Indexing that can be traced: an entry of a list by a number that is an input, such as a token or a label."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

from autograd.ops import Reduction
from autograd.trees import is_series
from autograd.value import Value


def whole_index(index: float, n: int) -> int:
    """``index`` as an integer, or an `IndexError` if it is none of ``n`` entries."""
    if index != index or index != int(index) or not 0 <= index < n:
        raise IndexError(f"take() of {n} entries needs a whole number from 0 to {n - 1}, got {index:g}")
    return int(index)


def _taken(xs: Sequence[float]) -> float:
    return xs[1 + whole_index(xs[0], len(xs) - 1)]


def _taken_partials(m: Any, y: Any, xs: Sequence[Any]) -> Sequence[Any]:
    return [0.0, *[m.where(m.equal(xs[0], float(i)), 1.0, 0.0) for i in range(len(xs) - 1)]]


def _shares(m: Any, y: Any, xs: Sequence[Any]) -> Sequence[float]:
    """What `maximum` of the first two, of that and the third, and so on, give to each: a half where two are equal."""
    shares: list[float] = []
    for x in xs:
        mine = (0.5 if any(shares) else 1.0) if x == y else 0.0
        shares = [share * (1.0 - mine) for share in shares] + [mine]
    return shares


MAX = Reduction("max", "max", max, _shares, r"\max_i x_i", selects=True)
MIN = Reduction("min", "min", min, _shares, r"\min_i x_i", selects=True)
"""Chains of `maximum` and of `minimum`, as the lifter finds them."""
TAKE = Reduction("take", "[ ]", _taken, _taken_partials, "x_i", selects=True)  # of the index, and then the entries
ROWS = {row.name: row for row in (MAX, MIN, TAKE)}


def take(entries: Sequence[Any], index: Any) -> Any:
    """entries[index], for an index that may be an input of a compiled function. It has no gradient.

    entries: Values or numbers; or lists of those, all equally long, as an embedding is: then a list is what is taken
    index:   a whole number from 0, or a Value that is one
    """
    if not is_series(entries) or not isinstance(index, Value | Real):
        came = f"{type(entries).__name__} and {type(index).__name__}"
        raise TypeError(f"take(entries, index) takes a list of Values or numbers, and a whole number; got {came}")
    if not isinstance(index, Value):
        return entries[whole_index(float(index), len(entries))]
    if isinstance(entries[0], list | tuple):
        return [take(column, index) for column in zip(*entries, strict=True)]
    return Value._reduce(TAKE, (index, *entries))
