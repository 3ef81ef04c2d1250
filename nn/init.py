"""Initial weights. Each function draws a matrix of shape (fan_out, fan_in), one row for each neuron.

The scale keeps the size of activations, and of gradients, about the same from layer to layer:
Glorot & Bengio 2010 (Xavier) for tanh-like activations, He et al. 2015 (Kaiming) for relu-like ones.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.checks import Seed, choice, generator, numbers, real, whole

Matrix = NDArray[np.float64]
Initializer = Callable[[int, int, Seed], Matrix]


def uniform(fan_in: int, fan_out: int, seed: Seed = None, *, bound: float = 1.0) -> Matrix:
    """U(−bound, bound); with bound 1, micrograd's."""
    bound = real("bound", bound)
    return generator(seed).uniform(-bound, bound, (whole("fan_out", fan_out), whole("fan_in", fan_in)))


def normal(fan_in: int, fan_out: int, seed: Seed = None, *, std: float = 0.01) -> Matrix:
    """N(0, std²)."""
    return generator(seed).normal(0.0, real("std", std), (whole("fan_out", fan_out), whole("fan_in", fan_in)))


def xavier_uniform(fan_in: int, fan_out: int, seed: Seed = None) -> Matrix:
    """U(−a, a), a = √(6 / (fan_in + fan_out))."""
    return uniform(fan_in, fan_out, seed, bound=math.sqrt(6.0 / _fans(fan_in, fan_out)))


def xavier_normal(fan_in: int, fan_out: int, seed: Seed = None) -> Matrix:
    """N(0, 2 / (fan_in + fan_out))."""
    return normal(fan_in, fan_out, seed, std=math.sqrt(2.0 / _fans(fan_in, fan_out)))


def he_uniform(fan_in: int, fan_out: int, seed: Seed = None) -> Matrix:
    """U(−a, a), a = √(6 / fan_in)."""
    return uniform(fan_in, fan_out, seed, bound=math.sqrt(6.0 / _fans(fan_in)))


def he_normal(fan_in: int, fan_out: int, seed: Seed = None) -> Matrix:
    """N(0, 2 / fan_in)."""
    return normal(fan_in, fan_out, seed, std=math.sqrt(2.0 / _fans(fan_in)))


def _fans(fan_in: int, fan_out: int | None = None) -> int:
    return whole("fan_in", fan_in) + (0 if fan_out is None else whole("fan_out", fan_out))


INITIALIZERS: dict[str, Initializer] = {
    "uniform": uniform,
    "normal": normal,
    "xavier_uniform": xavier_uniform,
    "xavier_normal": xavier_normal,
    "glorot_uniform": xavier_uniform,
    "glorot_normal": xavier_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "kaiming_uniform": he_uniform,
    "kaiming_normal": he_normal,
}


def first_bias(bias: bool | float) -> float | None:
    """What a bias starts from: True means 0.0, and False that there is none."""
    if isinstance(bias, bool):
        return 0.0 if bias else None
    return real("bias", bias, low=-math.inf)


_RELU_LIKE = {"relu", "leaky_relu", "elu", "gelu", "silu", "softplus"}


def draw(init: str | Initializer, activation: str, fan_in: int, fan_out: int, seed: Seed) -> Matrix:
    """A layer's first weights: ``"auto"`` is He before a relu-like activation and Xavier before any other."""
    auto = he_normal if activation in _RELU_LIKE else xavier_normal
    initializer = init if callable(init) else choice("init", init, {"auto": auto, **INITIALIZERS})
    weights: Any = np.array(numbers("what init returns", initializer(fan_in, fan_out, seed)))  # a copy: nobody else's
    if weights.shape != (fan_out, fan_in) or not np.isfinite(weights).all():
        raise ValueError(
            f"init must return finite weights of shape (fan_out, fan_in) = {(fan_out, fan_in)}, got {weights.shape}"
        )
    return weights  # type: ignore[no-any-return]
