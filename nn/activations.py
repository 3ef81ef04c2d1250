"""Activations: every operation of one argument in the table is one, under its own name."""

from copy import copy
from typing import Any

import autograd
from autograd import Node
from autograd.hints import usage
from autograd.ops import OPS
from nn.checks import choice
from nn.convert import converted
from nn.module import Module

ACTIVATIONS: dict[str, str] = {
    "linear": "x",
    **{name: op.latex for name, op in OPS.items() if op.arity - len(op.defaults) == 1},
}
"""Name and formula of each."""


def check_activation(name: str, argument: str = "activation") -> str:
    """``name`` if it is an activation, else an error that lists them."""
    choice(argument, name, ACTIVATIONS)
    return name


def activate(name: str, x: Any) -> Any:
    """The activation ``name`` of a node, of a plain array or number, or of each in a list."""
    if name == "linear":
        return x
    if isinstance(x, Node):
        return x._apply(OPS[name], x)
    if isinstance(x, list | tuple):
        return [activate(name, each) for each in x]
    return getattr(autograd, name)(x)


class Activation(Module):
    """A layer without parameters, for use in `Sequential`: ``Activation("gelu")``. Scalar and vectorized alike."""

    @usage('nn.Activation("tanh")')
    def __init__(self, name: str) -> None:
        self.name = check_activation(name, "name")

    def __call__(self, x: Any) -> Any:
        return activate(self.name, x)

    def vectorize(self) -> "Activation":
        """A copy: there are no weights to carry."""
        return converted(self, "vectorize", Activation, ["name"], lambda twins: copy(self))

    def to_values(self) -> "Activation":
        """A copy: there are no weights to carry."""
        return converted(self, "to_values", Activation, ["name"], lambda twins: copy(self))

    def _summary(self) -> str:
        return repr(self.name) if type(self) is Activation else ""


class ReLU(Activation):
    """max(x, 0)."""

    def __init__(self) -> None:
        super().__init__("relu")


class Tanh(Activation):
    """tanh x."""

    def __init__(self) -> None:
        super().__init__("tanh")


class Sigmoid(Activation):
    """1 / (1 + e^-x)."""

    def __init__(self) -> None:
        super().__init__("sigmoid")


class GELU(Activation):
    """x Φ(x)."""

    def __init__(self) -> None:
        super().__init__("gelu")
