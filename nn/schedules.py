"""Learning-rate schedules: a factor for the learning rate, from the part of the training that is done (0 to 1)."""

import math
from collections.abc import Callable

Schedule = Callable[[float], float]


def constant(done: float) -> float:
    """1 throughout."""
    return 1.0


def linear(done: float) -> float:
    """From 1 down to 0 in a straight line."""
    return 1.0 - done


def cosine(done: float) -> float:
    """½ (1 + cos π·done): slow at both ends (Loshchilov & Hutter 2017)."""
    return 0.5 * (1.0 + math.cos(math.pi * done))
