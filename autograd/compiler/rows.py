"""Numbers of samples as rows, for the backends that compute one number after another."""

from typing import Any

import numpy as np

from autograd.compiler.memory import Array, Ids, Memory, Place, View
from autograd.compiler.normal import Normal
from autograd.compiler.trace import inputs_by_argument


class Rows:
    """A row of ``width`` numbers for each sample, with its gradients: parameters, then inputs, then what is computed.

    places: where in a row the number of each node lies; leaves lie in their own order
    loss:   the result of each sample; seed: the gradient it begins with, so that the parameters get that of the mean
    """

    def __init__(
        self, normal: Normal, places: Ids, width: int, parameters: Memory, positions: Ids, batch: int, dtype: Any
    ) -> None:
        self.samples = batch or 1
        self.seed = 1.0 / self.samples
        size = self.samples * width
        self.memory = Memory(np.zeros(size, dtype), np.zeros(size, dtype))
        self.numbers, self.gradients = (self._in_rows(x) for x in (self.memory.data, self.memory.grad))
        self.places, self.steps = places, np.full(len(places), width)
        self.loss = self.numbers[:, places[normal.tape.root]]
        leaves = normal.tape.leaves
        self.inputs = {i: self._columns(columns) for i, columns in inputs_by_argument(leaves).items()}
        self.parameters, n = parameters, sum(leaf.argument is None for leaf in leaves)
        self.used, self.positions = slice(n), positions[:n]
        self.wanted = np.flatnonzero([leaf.wanted for leaf in leaves[:n]])
        self.moved = positions[self.wanted]

    def _in_rows(self, flat: Any) -> Array:
        return flat.reshape(self.samples, -1)  # type: ignore[no-any-return]

    def _columns(self, leaves: Ids) -> View:
        """Where the numbers of an argument are written, (samples, numbers)."""
        width = self.numbers.shape[1]
        place = Place(self.memory, leaves, width)
        return View(place, int(leaves[0]), (self.samples, len(leaves)), (width, 1))

    def load(self) -> None:
        """Read the parameters."""
        self.numbers[:, self.used] = self.parameters.data[self.positions]

    def store(self) -> None:
        """Write the gradients of the parameters that want one; those of a store's others are 0."""
        assert self.parameters.grad is not None
        self.parameters.grad.fill(0.0)
        found = self.gradients[:, self.wanted]
        self.parameters.grad[self.moved] = found[0] if self.samples == 1 else np.add.reduce(found)
