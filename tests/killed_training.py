"""What `test_nn_checkpoint_kills` trains, here and in processes to be killed.

`python -m tests.killed_training` forks one for each path that it reads, and writes its id, and how it ended.
"""

import os
import sys
from typing import Any

import numpy as np

import nn
from autograd import Tensor


class Laden(nn.Module):
    """A model that trains in no time and is long to save: most of it is not looked at."""

    def __init__(self) -> None:
        self.inner = nn.vectorized.MLP(2, [4, 2], seed=0)
        self.ballast = Tensor(np.zeros(500_000), "ballast", np.float32)

    def __call__(self, x: Any) -> Any:
        return self.inner(x)


def build() -> tuple[nn.Module, nn.Optimizer]:
    model = Laden()
    return model, nn.Adam(model, lr=0.01)


def train(**words: Any) -> Any:
    """All that comes out of a training, but for the time that it took."""
    model, optimizer = build()
    data = nn.data.moons(8, seed=0)
    history = nn.fit(model, data, loss="cross_entropy", optimizer=optimizer, batch_size=4, progress=False, **words)
    kept = [np.asarray(number).tobytes() for own in optimizer.state.values() for number in own.values()]
    past = {name: series for name, series in vars(history).items() if name != "seconds"}
    return [p.data.tobytes() for p in model.parameters()], kept, optimizer.steps, past


if __name__ == "__main__":
    train(epochs=1)  # whatever is imported at its first use is there then
    for line in sys.stdin:
        child = os.fork()
        if not child:
            train(epochs=10**9, checkpoint=line.strip())
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
