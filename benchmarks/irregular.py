"""Random graphs of scalars without any structure to lift: what is left for a compiler when nothing repeats.

Each node takes its operands at random, from all before it (shallow) or from the last few hundred (deep); one second
operand in ten is a parameter, so that gradients come from everywhere. All numbers stay within −1 and 1.

Run as a worker, ``python -m benchmarks.irregular SHAPE STEPS``, it prints the eager seconds of each pass forward and
backward, for each operation.
"""

import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
from autograd import Value

LEAVES = 1000
SHAPES = {"shallow": None, "deep": 300}
"""Name and window."""
RULES = 5
"""How many kinds of node there are; see `Irregular.__call__`."""


class Irregular:
    """A program of ``nodes`` operations on 1,000 parameters; call it for its result.

    window: how far back an operand may lie; None: anywhere
    """

    def __init__(self, nodes: int = 350_000, window: int | None = None, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.parameters = [Value(x) for x in rng.uniform(-1.0, 1.0, LEAVES).tolist()]
        rules = rng.integers(RULES, size=nodes)
        ends = np.cumsum(np.where(rules < 2, 2, 1))  # half a sum is two operations
        n = int(np.searchsorted(ends, nodes - 1, side="right"))
        self.rules = rules[:n]
        self.operations = int(ends[n - 1]) + 1
        """How many numbers a pass computes."""
        made = LEAVES + np.arange(n)[:, None]
        reach = made if window is None else np.minimum(made, window)
        self.operands = made - 1 - (rng.random((n, 2)) * reach).astype(int)
        leaf = rng.random(n) < 0.1
        self.operands[leaf, 1] = rng.integers(LEAVES, size=np.count_nonzero(leaf))

    def __call__(self) -> Any:
        """The mean of all results that nobody used."""
        results: list[Any] = [*self.parameters]
        for rule, (i, j) in zip(self.rules.tolist(), self.operands.tolist(), strict=True):
            a, b = results[i], results[j]
            if rule == 0:
                results.append((a + b) * 0.5)
            elif rule == 1:
                results.append((a - b) * 0.5)
            elif rule == 2:
                results.append(a * b)
            elif rule == 3:
                results.append(a.tanh())
            else:
                results.append(autograd.maximum(a, b))
        return autograd.mean([results[i] for i in self._unused()])

    def _unused(self) -> Sequence[int]:
        pairs = self.rules != 3  # tanh is of one number
        used = np.concatenate([self.operands[:, 0], self.operands[pairs, 1]])
        return np.setdiff1d(np.arange(LEAVES, LEAVES + len(self.rules)), used).tolist()  # type: ignore[no-any-return]


def eager_step(program: Irregular) -> float:
    """Forward and backward, on `Value`s as they are."""
    loss = program()
    for p in program.parameters:
        p.grad = 0.0
    loss.backward()
    return float(loss)


if __name__ == "__main__":
    program = Irregular(window=SHAPES[sys.argv[1]])
    for _ in range(int(sys.argv[2])):
        begin = time.perf_counter()
        eager_step(program)
        print((time.perf_counter() - begin) / program.operations)
