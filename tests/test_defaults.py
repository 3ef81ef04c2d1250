"""What stands for an argument that is left out: numbers that other people's results depend on."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import nn
from autograd import Value

DEFAULTS: dict[Callable[..., Any], dict[str, Any]] = {
    nn.SGD: {"lr": 0.01, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0},
    nn.Adam: {"lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0},
    nn.AdamW: {"lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01},
    nn.RMSProp: {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0},
    nn.Neuron: {"activation": "relu", "bias": True, "init": "auto", "expand": False, "nonlin": True},
    nn.Layer: {"activation": "relu", "bias": True, "init": "auto", "expand": False, "nonlin": True},
    nn.MLP: {"activation": "relu", "output": "linear", "bias": True, "init": "auto", "expand": False},
    nn.fit: {"epochs": 10, "batch_size": 32, "shuffle": True, "seed": 0, "l2": 0.0, "callbacks": (), "progress": True},
    nn.predict: {"batch_size": 1000},
    Value.explain: {"most": 10},
    nn.gradcheck: {"order": 1, "tolerance": 1e-7, "seed": 0, "show": True},
    nn.load: {"restore_settings": False},
    nn.init.uniform: {"bound": 1.0},
    nn.init.normal: {"std": 0.01},
    nn.data.spiral: {"n": 300, "classes": 3, "noise": 0.2, "seed": 0},
    nn.data.moons: {"n": 100, "noise": 0.1, "seed": 0},
    nn.data.circles: {"n": 100, "noise": 0.05, "factor": 0.5, "seed": 0},
    nn.data.xor: {"n": 200, "noise": 0.2, "seed": 0},
    nn.data.blobs: {"n": 300, "classes": 3, "noise": 1.0, "seed": 0},
}


@pytest.mark.parametrize("function", DEFAULTS, ids=lambda function: function.__name__)
def test_what_is_left_out_is_this(function: Callable[..., Any]) -> None:
    parameters = inspect.signature(function).parameters.values()
    given = {p.name: p.default for p in parameters if p.default is not p.empty and p.default is not None}
    assert given == DEFAULTS[function]
    assert [type(x) for x in given.values()] == [type(x) for x in DEFAULTS[function].values()]
