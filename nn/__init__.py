"""Neural networks on `autograd`: made of single `Value`s to be read, or of `Tensor`s to be fast.

    import nn

    model = nn.MLP(2, [16, 16, 3])                          # scalar, as in micrograd
    data = nn.data.spiral()
    nn.fit(model, data, loss="cross_entropy", optimizer=nn.Adam(model, lr=0.01))
    fast = model.vectorize()                                # the same weights over arrays

`nn.vectorized.MLP` has the words of `nn.MLP`. Pictures of a training are in `nn.plots`.
"""

import importlib
import sys
from typing import Any

from autograd.words import missing
from nn import data, init, losses, schedules, vectorized
from nn.activations import GELU, Activation, ReLU, Sigmoid, Tanh
from nn.checkpoint import CheckpointError, load, save
from nn.gradcheck import gradcheck
from nn.losses import bce_with_logits, cross_entropy, hinge, l2_penalty, mae, mse
from nn.module import Module
from nn.optim import SGD, Adam, AdamW, Optimizer, RMSProp
from nn.scalar import MLP, Layer, Neuron
from nn.training import History, TrainingError, accuracy, evaluate, fit, predict
from nn.vectorized import Linear, Sequential

__all__ = [
    "GELU",
    "MLP",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "CheckpointError",
    "History",
    "Layer",
    "Linear",
    "Module",
    "Neuron",
    "Optimizer",
    "RMSProp",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "TrainingError",
    "accuracy",
    "bce_with_logits",
    "cross_entropy",
    "data",
    "evaluate",
    "fit",
    "gradcheck",
    "hinge",
    "init",
    "l2_penalty",
    "load",
    "losses",
    "mae",
    "mse",
    "predict",
    "save",
    "schedules",
    "vectorized",
]


def __getattr__(name: str) -> Any:
    """`nn.plots`, imported when it is first asked for: only pictures need matplotlib."""
    if name == "plots":
        return importlib.import_module("nn.plots")
    raise missing("module 'nn'", name, lambda: __all__, sys._getframe(1))
