"""The cyclic garbage collector, in a process that builds one large graph after another.

Python looks for cycles in everything that is there whenever a quarter more has come, and counts what has gone by
reference counting as if it were there still. So it walks all of a process over and over because of graphs, in which it
never finds anything: half of the time of a training step, where scikit-learn and matplotlib have been imported.
"""

import gc
from typing import Any

LARGE = 5_000
"""So many nodes of one graph, and its process is looked at."""
MOST = 8
"""Full collections may become so many times as rare."""


class _Rarer:
    """Sets the third of `gc.get_threshold`, after each full collection, for the time to the next one.

    It is doubled, up to `MOST` times what it was, where a good part of what came last was nodes and next to nothing was
    found; otherwise it is again what it was. So cycles wait a few steps longer, and where there are many, no longer
    than before. What somebody else sets is taken as what it was. The two other thresholds, and `gc.collect()`, stay as
    they are.
    """

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.usual = self.given = gc.get_threshold()[2]
        self.young, self.nodes = 0, 0

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        if info["generation"] < 2:
            return
        if phase == "start":
            young = gc.get_objects(0)
            self.young, self.nodes = len(young), sum(isinstance(each, self.kind) for each in young)
            return
        first, second, third = gc.get_threshold()
        if third != self.given:
            self.usual = third
        fruitless = 4 * self.nodes > self.young and info["collected"] < self.young
        self.given = min(2 * third, MOST * self.usual) if fruitless else self.usual
        gc.set_threshold(first, second, self.given)


_looking: list[_Rarer] = []


def look_on(kind: type) -> None:
    """From now on let full collections come more rarely while instances of ``kind`` are what is built."""
    if not _looking:
        _looking.append(_Rarer(kind))
        gc.callbacks.append(_looking[0])
