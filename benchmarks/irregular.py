"""Random graphs of scalars without any structure to lift: what is left for a compiler when nothing repeats.

Each node takes its operands at random, from all before it (shallow) or from the last few hundred (deep); one second
operand in ten is a parameter, so that gradients come from everywhere. All numbers stay within −1 and 1.

Run as a worker, ``python -m benchmarks.irregular SHAPE ENGINE STEPS``, it prints the seconds of the first pass, with
all tracing and lifting, and then the seconds of each pass forward and backward, for each operation. Engines are
``eager`` and the backends of `compile`.
"""

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import autograd
import nn
from autograd import Value, compile

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


def compiled(program: Irregular, backend: str | None = None) -> Callable[[], float]:
    """The same as one step of a compiled function."""
    loss_of = compile(program, backend=backend)
    optimizer = nn.SGD(program.parameters)  # which forgets all gradients at once

    def step() -> float:
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        return float(loss)

    return step


if __name__ == "__main__":
    shape, engine, steps = sys.argv[1:]
    program = Irregular(window=SHAPES[shape])
    step = partial(eager_step, program) if engine == "eager" else compiled(program, engine)
    for i in range(int(steps) + 1):
        begin = time.perf_counter()
        step()
        seconds = time.perf_counter() - begin
        print(seconds / program.operations if i else seconds)
