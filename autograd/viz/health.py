"""What ails a node or a layer, in one sentence: "vanishing: the middle of its gradients is 3e-12, below 1e-08"."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd.errors import GraphError
from autograd.graph import Node

EXPLODING = 1e3  # |gradient|
VANISHING = 1e-8  # |gradient|; one of exactly 0 did not vanish, it was cut off
FLAT = 0.02  # |derivative| of tanh beyond ±0.99, and of sigmoid outside of 0.02 to 0.98
SATURATED = 0.5  # share of the numbers of an operation that are where it is flat
DEAD = 0.95  # share of the numbers of relu that are 0
SQUASHING = ("tanh", "sigmoid", "erf")


def health(nodes: Sequence[Node], gradients: Iterable[Any], unit_of: Callable[[Node], Any] | None = None) -> str:
    """The worst that is the matter with ``nodes`` together, a mark, a colon and why; "" if nothing is.

    gradients: theirs, as far as they are known; floats or arrays
    unit_of:   which neuron of a layer a `Value` belongs to

    not finite: a number or gradient is nan or inf
    exploding:  a gradient is larger than 1,000
    vanishing:  the middle one of the gradients, apart from zeros, is smaller than 1e-8
    dead:       relu gives 0 for 95 % of its numbers and more, or some neuron gives 0 for all examples, and lets no
                gradient back
    off:        the same of one number, as is well for many: only what is off for all examples is dead
    saturated:  half of the results of tanh, sigmoid or erf and more lie where its derivative is under 0.02
    """
    gradients = list(gradients)
    if len(nodes) == 1 and _is_plainly_well(nodes[0], gradients):
        return ""
    data, known = _numbers(node.data for node in nodes), _numbers(gradients)
    wrong = int(np.count_nonzero(~np.isfinite(data)) + np.count_nonzero(~np.isfinite(known)))
    if wrong:
        count = f"{wrong:,} of its numbers and gradients are" if len(data) > 1 else "its number or its gradient is"
        return f"not finite: {count} nan or inf; compute within detect_anomaly() to find where that begins"
    sizes = np.abs(known[known != 0.0])
    if sizes.size and sizes.max() > EXPLODING:
        return f"exploding: its gradient reaches {sizes.max():.3g}, above {EXPLODING:,.0f}"
    if sizes.size and np.median(sizes) < VANISHING:
        what = "the middle one of its gradients" if sizes.size > 1 else "its gradient"
        return f"vanishing: {what} is {np.median(sizes):.3g}, below {VANISHING:g}"
    rectified = [node for node in nodes if _is_made_by(node, ("relu",))]
    off = _numbers(node.data for node in rectified)
    share = np.mean(off == 0.0) if off.size else 0.0
    if share >= DEAD and off.size == 1:
        return "off: relu gives 0 here, and lets no gradient back"
    if share >= DEAD:
        return f"dead: relu gives 0 for {share:.0%} of its {off.size:,} numbers, and lets no gradient back"
    units = list(_units(rectified, unit_of))
    idle = sum(not np.any(unit) for unit in units)
    if idle and units[0].size > 1:
        give = "of its {:,} neurons {}".format(len(units), "gives" if idle == 1 else "give")
        return f"dead: {idle:,} {give} 0 for all {units[0].size:,} examples, and no gradient goes back"
    for name in SQUASHING:
        slopes = _numbers(_slope(node) for node in nodes if _is_made_by(node, (name,)))
        share = np.mean(np.abs(slopes) < FLAT) if slopes.size else 0.0
        if share >= SATURATED:
            where = f"{share:.0%} of its {slopes.size:,} numbers lie" if slopes.size > 1 else "it lies"
            return f"saturated: {where} where {name} is flat, with a derivative under {FLAT:g}"
    return ""


def _units(nodes: Sequence[Node], unit_of: Callable[[Node], Any] | None) -> Iterator[Any]:
    """The numbers of each neuron for all examples: the columns of arrays, and what belongs together of `Value`s."""
    together: dict[Any, list[float]] = {}
    for node in nodes:
        if node.is_scalar:
            together.setdefault(unit_of(node) if unit_of else None, []).append(node.data)
        elif np.ndim(node.data) == 2:
            yield from np.transpose(node.data)
    yield from map(np.array, together.values())


def _is_plainly_well(node: Node, gradients: Sequence[Any]) -> bool:
    """Whether one look is enough, as for most numbers of a large graph: arrays of one number take long."""
    if not node.is_scalar or _is_made_by(node, ("relu", *SQUASHING)):
        return False
    return math.isfinite(node.data) and all(g == 0.0 or VANISHING <= abs(g) <= EXPLODING for g in gradients)


def _is_made_by(node: Node, names: Sequence[str]) -> bool:
    return node.op is not None and node.op.name in names


def _slope(node: Node) -> Any:
    """The derivative of an operation of one operand; nothing where it is lost, for data was changed in place."""
    try:
        return node.vjp(1.0 if node.is_scalar else np.ones_like(node.data))[0]
    except GraphError:
        return np.zeros(0)


def _numbers(items: Iterable[Any]) -> Any:
    """Floats and arrays as one flat array."""
    found = list(items)
    if all(isinstance(item, float) for item in found):
        return np.array(found)
    return np.concatenate([np.ravel(item) for item in found]) if found else np.zeros(0)
