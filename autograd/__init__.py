"""An autograd engine you can see through.

    from autograd import Value

    x, y = Value(3.0, label="x"), Value(2.0, label="y")
    f = (x + y) * (x - y)
    f.backward()                      # x.grad is 6.0, y.grad is -4.0

`Value` is a float that remembers where it came from, `Tensor` an array that does. Every operation is a row of
the table in `autograd.ops`; as functions they are `exp(x)`, `where(condition, a, b)`, `dot(ws, xs, b)` and so on.
"""

import importlib
import sys
from typing import Any

import numpy as np

from autograd.errors import AnomalyError, GraphError, TraceError
from autograd.functional import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from autograd.functions import FUNCTIONS, custom_op, numpy_function, operation
from autograd.gradcheck import GradCheck, gradcheck
from autograd.graph import Node, topological_order
from autograd.modes import detect_anomaly, no_grad, no_names, paused_gc, scope
from autograd.tensor import Tensor
from autograd.value import Value
from autograd.words import FUNCTION_ALIASES, missing

__version__ = "0.1.0"
__all__ = [
    "AnomalyError",
    "GradCheck",
    "GraphError",
    "Node",
    "Tensor",
    "TraceError",
    "Value",
    "custom_op",
    "detect_anomaly",
    "einsum",
    "grad",
    "gradcheck",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "no_grad",
    "no_names",
    "operation",
    "paused_gc",
    "scope",
    "topological_order",
    "value_and_grad",
    "vjp",
    *(FUNCTIONS.keys() - {"abs", "sum"}),  # `from autograd import *` shall not hide Python's own
]


_COMPILER = {"compile": "autograd.compiler.compiled", "take": "autograd.compiler.take"}
"""Loaded by who asks; not in __all__, for `compile` is Python's own as well."""


def __getattr__(name: str) -> Any:
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    if name in _COMPILER:
        return getattr(importlib.import_module(_COMPILER[name]), name)
    if not name.startswith("_"):
        ours = FUNCTION_ALIASES.get(name, name)
        if ours in FUNCTIONS:
            return FUNCTIONS[ours]
        if ours in _numpy_names():
            return numpy_function(ours)
    raise missing("module 'autograd'", name, __dir__, sys._getframe(1))


def _numpy_names() -> set[str]:
    """NumPy's functions that are differentiable here, or have no derivative: they are functions of this module too."""
    names: set[str] = importlib.import_module("autograd.numpy_protocol").NAMES
    return {name for name in names if hasattr(np, name)}


def __dir__() -> list[str]:
    return sorted({*__all__, *FUNCTIONS, *_COMPILER, *_numpy_names()})
