"""Who computes a program: NumPy, loops in machine code, or plain Python, whichever is estimated to take least."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np

from autograd.compiler import program
from autograd.compiler.kernels import Each, add_at, take_elements
from autograd.compiler.lift import Lifted, Lifter, parameter_order
from autograd.compiler.loops import Loops
from autograd.compiler.memory import Ids, Memory
from autograd.compiler.normal import Normal
from autograd.compiler.program import Program
from autograd.compiler.straight import Straight
from autograd.ops import Op
from autograd.symbols import written
from autograd.threads import LARGE

BACKENDS = {"numpy": "NumPy", "numba": "numba", "python": "plain Python"}
"""By the word that asks for each: what reports call it."""
REPLAYS = 1000
"""So many replays are to pay for what it takes to begin."""
LARGEST = 20_000
"""Terms of a program that Python will compile straight through."""
GROUP = (1.5e-6, 3e-4)
"""Seconds that a group takes at least in NumPy, in each replay and to be built."""
CALL = 10e-6
"""Seconds of a call and its backward pass besides the program."""
SHARED = 2**18
"""Multiplications of a product that OpenBLAS leaves to one thread in any case."""


@dataclass(frozen=True)
class Estimate:
    """Seconds of a replay, forwards and backwards, and of what comes once before the first.

    least: whether these are lower bounds, for a program that was not built
    """

    replay: float
    once: float
    least: bool = False

    @property
    def total(self) -> float:
        return self.once + REPLAYS * self.replay


class Backends:
    """The programs of one tape in normal form, by backend.

    wanted: the backend that the user asked for; None leaves it to the estimates
    """

    def __init__(self, normal: Normal, wanted: str | None) -> None:
        self.normal, self.wanted = normal, wanted
        self._one_by_one_made: dict[str, Loops | Straight] = {}

    @cached_property
    def _lifter(self) -> Lifter:
        return Lifter(self.normal)

    @cached_property
    def lifted(self) -> Lifted:
        return self._lifter.lifted()

    @cached_property
    def _least(self) -> Estimate:
        """What NumPy takes at least, told without lifting the program, which takes long where little is alike."""
        groups = self._lifter.least_groups(self._lifter.levels())
        return Estimate(GROUP[0] * groups, GROUP[1] * groups, least=True)

    def _lifts(self, samples: int) -> bool:
        """Whether NumPy may be the fastest for so many samples."""
        if self.wanted is not None:
            return self.wanted == "numpy"
        others = self._one_by_one(samples or 1)
        return all(each.total > self._least.total for name, each in others.items() if self._is_open(name))

    def parameter_order(self, samples: int) -> list[int]:
        """The leaves in the order in which their numbers shall lie."""
        return parameter_order(self.lifted) if self._lifts(samples) else list(range(self.normal.leaves))

    def build(self, parameters: Memory, positions: Ids, samples: int, dtype: np.dtype[Any]) -> "Built":
        """The program for so many samples (0: no such axis), by the backend that was asked for, or else the best."""
        estimates = self._one_by_one(samples or 1)
        made = None
        if self._lifts(samples):
            made = program.build(self.lifted, parameters, positions, samples, dtype)
            estimates["numpy"] = _of_numpy(made)
        elif self.wanted is None:
            estimates["numpy"] = self._least
        chosen = self.wanted or min(filter(self._is_open, estimates), key=lambda name: estimates[name].total)
        if chosen != "numpy":
            if chosen not in self._one_by_one_made:
                self._one_by_one_made[chosen] = ONE_BY_ONE[chosen](self.normal)
            made = self._one_by_one_made[chosen].build(parameters, positions, samples, dtype)
        assert made is not None
        return Built(self, chosen, made, estimates)

    def _is_open(self, backend: str) -> bool:
        """Whether it may be chosen without having been asked for."""
        return {"numpy": True, "numba": find_spec("numba") is not None, "python": self._terms() < LARGEST}[backend]

    def _one_by_one(self, samples: int) -> dict[str, Estimate]:
        """Of the backends that compute one number after another."""
        terms, called = self._terms(), self._called
        return {
            "numba": Estimate(8e-6 + samples * (8e-9 * terms + 10e-6 * called), 1.0),
            "python": Estimate(3e-6 + samples * (1e-6 + 100e-9 * terms + 1.5e-6 * called), 40e-6 * terms),
        }

    @cached_property
    def _called(self) -> int:
        """How many numbers are made by calls of Python, for want of text or machine code for their row."""
        rows = Counter(self.normal.ops[i] for i in np.flatnonzero(self.normal.rows).tolist())
        return sum(n for row, n in rows.items() if not isinstance(row, Op) or not written(row))

    def _terms(self) -> int:
        """How many numbers are added or taken by an operation."""
        normal = self.normal
        return len(normal.owner) + int(normal.count[normal.rows].sum())


@dataclass(frozen=True)
class Built:
    """A program, and why it is computed as it is."""

    backends: Backends
    backend: str
    program: Program
    estimates: dict[str, Estimate]

    def by_one_thread(self) -> bool:
        """Whether BLAS would share out, by their size alone, products that one of its threads makes sooner."""
        work = [_multiplications(*call) for call in self.program.forward + self.program.backward]
        return max(work, default=0) > SHARED and sum(work) < LARGE

    def report(self) -> str:
        """How much became of how little, who computes it, and what did not lift."""
        normal, made = self.backends.normal, self.program
        steps = [f"{normal.n - normal.leaves:,} operations", f"{len(normal.nodes):,} numbers"]
        if self.backend == "numpy":
            groups = self.backends.lifted.groups
            products = sum(len(terms.products) for group in groups for terms in group.terms)
            made_of = f"{products} matrix product{'s' * (products != 1)}"
            steps.append(f"{len(groups):,} groups ({made_of})")
        steps.append(f"calls: {len(made.forward):,} forwards, {len(made.backward):,} backwards")
        copies = sum(function is take_elements for function, _ in made.forward)
        memory = f"{made.memory.data.nbytes * 2:,} bytes for numbers and gradients"
        copied = f"; {copies} operands are copied in each call" * (copies > 0)
        lines = [" → ".join(steps), memory + copied, self._reason()]
        return "\n".join([*lines, *(sorted(set(made.notes)) or ["everything lifted"] * (self.backend == "numpy"))])

    def _reason(self) -> str:
        """Who computes it, and why."""

        def text(name: str) -> str:
            estimate = self.estimates[name]
            start = f" and {estimate.once:.1g} s to begin with" if estimate.once >= 0.05 else ""
            least = "at least " * estimate.least
            return f"{BACKENDS[name]} {least}{1e6 * (CALL + estimate.replay):,.0f} µs{start}"

        chosen = f"{BACKENDS[self.backend]}, {self.program.memory.data.dtype}"
        seconds = f"{1e6 * (CALL + self.estimates[self.backend].replay):,.0f} µs for both passes"
        others = ", ".join(text(name) for name in self.estimates if name != self.backend)
        best = min(self.estimates, key=lambda name: self.estimates[name].total)
        if self.backends.wanted:
            return f"{chosen}, as asked for: an estimated {seconds}"
        missing = best == "numba" != self.backend and find_spec("numba") is None
        hint = '; pip install "glassgrad[fast]" for numba' if missing else ""
        return f"{chosen}: an estimated {seconds}; {others}{hint}"


def checked_backend(name: Any) -> str | None:
    """``name``, or an error that says what there is."""
    if name is not None and name not in BACKENDS:
        raise ValueError(f"backend is one of {', '.join(BACKENDS)}, or None to choose by estimate; got {name!r}")
    if name == "numba" and find_spec("numba") is None:
        raise ImportError(
            'backend="numba" needs the package numba; install it by: pip install "glassgrad[fast]", or leave the '
            "backend to compile, which does without"
        )
    return name  # type: ignore[no-any-return]


ONE_BY_ONE: dict[str, type[Loops] | type[Straight]] = {"numba": Loops, "python": Straight}


def _of_numpy(made: Program) -> Estimate:
    """By calls, by numbers that these make, and by multiplications of matrix products; what came once is over."""
    seconds = 0.0
    for function, args in made.forward + made.backward:
        seconds += 0.5e-6
        if function is add_at:
            seconds += 8e-9 * len(args[0])
        elif isinstance(function, Each):
            seconds += 1.5e-6 * args[-1].size
        elif args:
            seconds += 1e-9 * args[-1].size
        seconds += 1e-10 * _multiplications(function, args)
    return Estimate(seconds, 0.0)


def _multiplications(function: Any, args: tuple[Any, ...]) -> int:
    """Of a matrix product; 0 of another call."""
    return args[-1].size * args[0].shape[-1] if function in (np.matmul, np.dot) else 0
