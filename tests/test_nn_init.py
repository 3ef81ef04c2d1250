"""Initial weights: shapes, spreads, seeds, and refusing what does not fit."""

import math
import random
from typing import Any

import numpy as np
import pytest

import nn
from nn.init import INITIALIZERS, draw, generator

FAN_IN, FAN_OUT = 200, 100
SPREADS: dict[str, tuple[str, float]] = {
    "uniform": ("uniform", 1.0),
    "normal": ("normal", 0.01),
    "xavier_uniform": ("uniform", math.sqrt(6.0 / (FAN_IN + FAN_OUT))),
    "xavier_normal": ("normal", math.sqrt(2.0 / (FAN_IN + FAN_OUT))),
    "glorot_uniform": ("uniform", math.sqrt(6.0 / (FAN_IN + FAN_OUT))),
    "glorot_normal": ("normal", math.sqrt(2.0 / (FAN_IN + FAN_OUT))),
    "he_uniform": ("uniform", math.sqrt(6.0 / FAN_IN)),
    "he_normal": ("normal", math.sqrt(2.0 / FAN_IN)),
    "kaiming_uniform": ("uniform", math.sqrt(6.0 / FAN_IN)),
    "kaiming_normal": ("normal", math.sqrt(2.0 / FAN_IN)),
}
EVERY_INIT = pytest.mark.parametrize("name", list(INITIALIZERS))


@EVERY_INIT
def test_shape_and_spread(name: str) -> None:
    kind, size = SPREADS[name]
    weights = INITIALIZERS[name](FAN_IN, FAN_OUT, 0)
    assert weights.shape == (FAN_OUT, FAN_IN)
    assert weights.dtype == np.float64
    std = size if kind == "normal" else size / math.sqrt(3.0)
    assert abs(weights.mean()) < 4.0 * std / math.sqrt(weights.size)
    assert weights.std() == pytest.approx(std, rel=0.02)
    if kind == "uniform":
        assert -size <= weights.min() < -0.999 * size
        assert 0.999 * size < weights.max() < size
    else:  # about 4.55 % of a normal distribution lie beyond two deviations, and nothing is cut off
        assert np.mean(np.abs(weights) > 2.0 * std) == pytest.approx(0.0455, abs=0.006)
        assert np.abs(weights).max() > 3.5 * std


def test_the_arguments_of_uniform_and_normal() -> None:
    assert 0.49 < np.abs(nn.init.uniform(50, 50, 0, bound=0.5)).max() < 0.5
    assert nn.init.normal(100, 100, 0, std=3.0).std() == pytest.approx(3.0, rel=0.02)
    assert not nn.init.normal(3, 3, 0, std=0.0).any()


@EVERY_INIT
def test_an_explicit_seed_gives_the_same_bits(name: str) -> None:
    initializer = INITIALIZERS[name]
    random.seed(0)
    first = initializer(4, 3, 7)
    random.seed(1)
    assert np.array_equal(initializer(4, 3, 7), first)
    assert np.array_equal(initializer(4, 3, np.random.default_rng(7)), first)
    assert not np.array_equal(initializer(4, 3, 8), first)


def test_a_generator_is_drawn_on() -> None:
    rng = np.random.default_rng(7)
    assert generator(rng) is rng
    both = np.random.default_rng(7).uniform(-1.0, 1.0, (4, 3))
    assert np.array_equal(nn.init.uniform(3, 2, rng), both[:2])
    assert np.array_equal(nn.init.uniform(3, 2, rng), both[2:])
    shared = np.random.default_rng(0)
    one, two = (nn.Linear(2, 2, seed=shared) for _ in range(2))
    assert not np.array_equal(one.weight.data, two.weight.data)


def test_no_seed_follows_pythons_random() -> None:
    draws = []
    for seed in (1337, 1337, 1338):
        random.seed(seed)
        draws.append([nn.init.he_normal(3, 2), nn.init.he_normal(3, 2)])
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    assert not np.array_equal(*draws[0])


def test_numpys_global_seed_and_pythons_are_left_alone_by_explicit_seeds() -> None:
    random.seed(3)
    expected = random.random()
    random.seed(3)
    nn.MLP(3, [4, 1], seed=0)
    assert random.random() == expected


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "gelu", "silu", "softplus"])
def test_auto_is_he_before_a_relu_like_activation(activation: str) -> None:
    assert np.array_equal(draw("auto", activation, 5, 4, 1), nn.init.he_normal(5, 4, 1))


@pytest.mark.parametrize("activation", ["linear", "tanh", "sigmoid", "sin"])
def test_auto_is_xavier_before_any_other(activation: str) -> None:
    assert np.array_equal(draw("auto", activation, 5, 4, 1), nn.init.xavier_normal(5, 4, 1))


def test_activations_keep_their_size_through_many_layers() -> None:
    """What He and Xavier are for: ten layers on, the spread is within a factor of two of the input's."""
    X = np.random.default_rng(0).normal(size=(200, 100))
    for activation in "relu", "linear":
        model = nn.vectorized.MLP(100, [100] * 10, activation=activation, output=activation, seed=0)
        assert 0.5 < np.sqrt((model(X).data ** 2).mean()) / np.sqrt((X**2).mean()) < 2.0


def test_a_function_of_ones_own() -> None:
    calls: list[tuple[Any, ...]] = []

    def ones(fan_in: int, fan_out: int, seed: Any) -> Any:
        calls.append((fan_in, fan_out))
        return np.ones((fan_out, fan_in))

    for build in nn.MLP, nn.vectorized.MLP:
        model = build(2, [3, 1], init=ones, bias=False)
        assert nn.predict(model, [[1.0, 2.0]]).ravel().tolist() == [9.0]
    assert calls == [(2, 3), (3, 1)] * 2
    assert [w.data for w in nn.Neuron(2, init=ones).w] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (
            np.ones((2, 3)),
            ValueError,
            r"init must return finite weights of shape \(fan_out, fan_in\) = \(3, 2\), got \(2, 3\)",
        ),
        (np.ones(6), ValueError, r"\(3, 2\), got \(6,\)"),
        (1.0, ValueError, r"\(3, 2\), got \(\)"),
        (np.full((3, 2), math.nan), ValueError, "finite weights"),
        (np.array([[1.0, 2.0], [3.0, math.nan], [5.0, 6.0]]), ValueError, "finite weights"),
        (np.full((3, 2), math.inf), ValueError, "finite weights"),
        (None, TypeError, "what init returns must be plain numbers.*NoneType"),
        ([["a", "b"]] * 3, TypeError, "what init returns must be plain numbers"),
        ([[1.0], [1.0, 2.0], [3.0]], TypeError, "what init returns must be plain numbers.*equal length"),
    ],
)
def test_a_function_of_ones_own_is_checked(returned: Any, error: type[Exception], message: str) -> None:
    for build in nn.Layer, nn.Linear:
        with pytest.raises(error, match=message):
            build(2, 3, init=lambda *_: returned)


@EVERY_INIT
@pytest.mark.parametrize(
    ("fans", "error", "message"),
    [
        ((0, 3), ValueError, "fan_in must be at least 1, got 0"),
        ((3, 0), ValueError, "fan_out must be at least 1, got 0"),
        ((-1, 3), ValueError, "fan_in must be at least 1, got -1"),
        ((2.0, 3), TypeError, "fan_in must be an integer, got float 2.0"),
        ((3, "2"), TypeError, "fan_out must be an integer, got str '2'"),
    ],
)
def test_bad_sizes(name: str, fans: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        INITIALIZERS[name](*fans)


@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        (-1, ValueError, "seed must be at least 0, got -1"),
        (1.0, TypeError, "seed must be an integer, got float 1.0"),
        (True, TypeError, "seed must be an integer, got bool True"),
        ("1", TypeError, "seed must be an integer, got str '1'"),
    ],
)
def test_bad_seeds(seed: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        nn.init.uniform(2, 2, seed)


@pytest.mark.parametrize("size", [-1.0, math.nan, math.inf])
def test_bad_spreads(size: float) -> None:
    with pytest.raises(ValueError, match="bound must be at least 0 and finite"):
        nn.init.uniform(2, 2, bound=size)
    with pytest.raises(ValueError, match="std must be at least 0 and finite"):
        nn.init.normal(2, 2, std=size)
