"""Programs of models: one example traced, many computed at once, traced anew where the model has changed since."""

import reprlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

import autograd
from autograd import Tensor, Value, no_grad
from autograd.array_ops import Array
from autograd.compiler.store import release, store_of
from autograd.counted import CHANGES
from autograd.errors import DrawnError, GraphError, TraceError
from autograd.modes import MODE
from nn.losses import Loss, l2_penalty
from nn.module import Module
from nn.snapshot import Outside, Snapshot

OUTPUTS, LOSS = "nn.outputs", "nn.loss"
"""Labels under which a program keeps its results."""
FEW = 32
"""Fewer examples than these are computed before a program of them is made."""
CHECKED, WORK = 16, 100_000
"""At most so many examples check a program, and at most so many times parameters, but for the first two."""


class Programs:
    """The loss of one example of a model of Values, compiled; without a loss, its outputs.

    examples: (X, y), or (X,) without a loss; each program is held to the model itself on some of them
    wanted:   False for no program in any case
    strict:   an error that keeps the model from being traced is raised; otherwise there is no program then

    A context at whose end the parameters are plain Values again, unless they were bound before.
    """

    def __init__(
        self,
        model: Module,
        examples: tuple[Array, ...],
        criterion: Loss | None = None,
        l2: float = 0.0,
        wanted: bool = True,
        strict: bool = False,
    ) -> None:
        self.model, self.criterion, self.l2 = model, criterion, l2
        several = max(2, min(CHECKED, WORK // max(1, len(model.parameters()))))
        rows = np.linspace(0, len(examples[0]) - 1, min(several, len(examples[0]))).astype(int)
        self.examples = tuple(part[rows] for part in examples)
        self.wanted, self.strict = wanted, strict
        self._compiled: Any = None
        self._snapshot: Snapshot | None = None
        self._outside: Outside | None = None
        self._changes = 0
        self._bound = any(store_of(p) is not None for p in model.parameters())

    def __enter__(self) -> "Programs":
        return self

    def __exit__(self, *exception: Any) -> None:
        self._release()

    def current(self) -> Any:
        """The compiled function of the model as it is now; None, and all as it was, where it can not be traced."""
        if not self.wanted:
            return None
        if self._snapshot is None or (
            self._compiled is not None and (self._snapshot.changed() or self._reads_something_else())
        ):
            self._release()
            self._snapshot = Snapshot(self.model)
            function = partial(_of_one, self.model, self.criterion, self.l2)
            self._compiled = autograd.compile(function, keep=[OUTPUTS, LOSS][: len(self.examples)])
            try:
                self._check(self._snapshot)
            except BaseException as error:
                self._snapshot.restore()
                self._release()
                if self.strict or not isinstance(error, Exception):
                    raise
            self._outside = Outside(self.model) if self._compiled is not None else None
        self._changes = CHANGES[0]
        return self._compiled

    def may_have_changed(self) -> bool:
        """Whether `current` has to look again within an epoch: an attribute was set, or what the model reads."""
        return self._changes != CHANGES[0] or self._reads_something_else()

    def _reads_something_else(self) -> bool:
        return self._outside is not None and self._outside.changed()

    def _release(self) -> None:
        if self._compiled is not None:
            with suppress(GraphError):  # nothing was traced, and nothing bound
                release(() if self._bound else self._compiled.parameters)
            self._compiled = None

    def _check(self, snapshot: Snapshot) -> None:
        """Trace, and hold the program to the model itself."""
        impure = TraceError(
            f"{type(self.model).__name__} draws random numbers, or keeps something of what it is called with, and "
            f"a program would call it no more; train it with compile=False"
        )
        try:
            found = self._compiled.batch(*self.examples).kept[OUTPUTS]
        except DrawnError as error:
            raise impure from error
        with no_grad():
            expected = scores_of(forward_of(self.model)(self.examples[0]))
        if snapshot.changed():
            raise impure
        largest = np.abs(expected[np.isfinite(expected)]).max(initial=0.0)
        if not np.allclose(found.ravel(), expected.ravel(), 0.0, 1e-9 * largest, equal_nan=True):
            raise TraceError(
                f"{type(self.model).__name__} makes {reprlib.repr(found.tolist())} of traced examples, and of the same "
                f"in numbers {reprlib.repr(expected.tolist())}; train it with compile=False"
            )


def _of_one(model: Module, criterion: Loss | None, l2: float, x: Any, *target: Any) -> Any:
    """The loss of one example, or without a ``criterion`` something that is computed from all outputs."""
    outputs = model(x.tolist())
    several = outputs if isinstance(outputs, list | tuple) else [outputs]
    for output in several:
        output.label = OUTPUTS
    if criterion is None:
        return autograd.sum(several)
    loss = criterion([outputs], list(target))
    loss.label = LOSS
    return loss + l2_penalty(model.parameters(), l2) if l2 else loss


def worth_compiling(model: Module, rows: int) -> bool:
    """Whether outputs of so many rows come sooner by a program; not where somebody looks for anomalies, or traces."""
    return is_scalar(model) and rows >= FEW and not MODE.anomaly and MODE.tape is None


def is_scalar(model: Module) -> bool:
    """Whether the model is one of Values."""
    return isinstance(next((p for _, p in model.named_state()), None), Value)


def forward_of(model: Module) -> Callable[[Array], Any]:
    """Rows to outputs: a Tensor from a vectorized model, a list of outputs, one an example, from a scalar one."""
    return (lambda rows: [model(row) for row in rows.tolist()]) if is_scalar(model) else model


def scores_of(outputs: Any) -> Array:
    """Outputs as an array."""
    if isinstance(outputs, np.ndarray):
        return outputs
    if isinstance(outputs, Tensor):
        return outputs.data
    return np.array([[v.data for v in row] if isinstance(row, list | tuple) else row.data for row in outputs])
