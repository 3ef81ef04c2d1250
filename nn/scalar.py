"""Networks made of single `Value`s, one for each weight: to be read, drawn and stepped through.

Each class has a vectorized twin with the same constructor words, and from the same seed the same weights.
`vectorize()` and `to_values()` carry weights across.
"""

import reprlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from autograd import Tensor, Value
from autograd.hints import usage
from autograd.ops import REDUCTIONS
from autograd.trees import is_series
from nn.activations import activate, check_activation
from nn.checks import Seed, flag, generator, numbers, whole
from nn.convert import Twins, blank, check_plain, converted
from nn.init import Initializer, draw, first_bias
from nn.module import Module
from nn.vectorized import Linear, Sequential, mlp_layers


class Neuron(Module):
    """activation(Σ w_i x_i + b): one number from ``nin``.

    nin:        how many inputs
    activation: an operation of one argument ("relu", "tanh", "sigmoid", …), or "linear"
    bias:       whether there is a b; a number is what it starts from, True means 0.0
    init:       how the weights are drawn: a name in `nn.init.INITIALIZERS`, a function like those, or "auto"
    seed:       an integer, a NumPy generator to go on drawing from, or None for Python's own `random`
    expand:     build every product and sum as a node of its own, for drawing, instead of one fused `dot`
    weights:    the numbers to start from, instead of drawing
    nonlin:     micrograd's word: False for no activation, whatever the other says
    """

    @usage("nn.Neuron(2)")
    def __init__(
        self,
        nin: int,
        activation: str | bool = "relu",
        bias: bool | float = True,
        init: str | Initializer = "auto",
        seed: Seed = None,
        expand: bool = False,
        weights: Sequence[float] | None = None,
        nonlin: bool = True,
    ) -> None:
        nin = whole("nin", nin)
        self.activation = activation = _activation(activation, nonlin)
        self.expand = flag("expand", expand)
        start = draw(init, activation, nin, 1, seed)[0] if weights is None else numbers("weights", weights)
        if start.shape != (nin,) or not np.isfinite(start).all():
            raise ValueError(f"weights must be {nin} finite numbers, one for each input; got {reprlib.repr(weights)}")
        self.w = [Value(w) for w in start.tolist()]
        first = first_bias(bias)
        self.b = None if first is None else Value(first)

    def __call__(self, x: Any) -> Value:
        inputs = _listed(x)
        if len(inputs) != len(self.w):
            of_many = "; for many examples write [model(x) for x in X]" if inputs and np.ndim(inputs[0]) else ""
            raise ValueError(f"Neuron({len(self.w)}) takes {len(self.w)} inputs, got {len(inputs)}{of_many}")
        if self.expand:
            total = self.w[0] * inputs[0]
            for w, x_i in zip(self.w[1:], inputs[1:], strict=True):
                total = total + w * x_i
            total = total if self.b is None else total + self.b
        else:
            bias = () if self.b is None else (self.b,)
            total = Value._reduce(REDUCTIONS["dot"], (*self.w, *inputs, *bias))
        return activate(self.activation, total)  # type: ignore[no-any-return]

    def vectorize(self) -> Linear:
        """This neuron as a `Linear` of one output, in float64; see `nn.convert`."""
        return converted(self, "vectorize", Neuron, _FIELDS, partial(_linear, [self]))

    def _summary(self) -> str:
        return f"{len(self.w)} → 1, {self.activation}"


class Layer(Module):
    """``nout`` neurons over the same ``nin`` inputs. The words are those of `Neuron`; the twin is `Linear`.

    Its activation is "relu" unless said otherwise, and that of a `Linear` is "linear".

    Returns a list of Values, or the Value itself from a layer of one neuron.
    """

    @usage("nn.Layer(2, 16)")
    def __init__(
        self,
        nin: int,
        nout: int,
        activation: str | bool = "relu",
        bias: bool | float = True,
        init: str | Initializer = "auto",
        seed: Seed = None,
        expand: bool = False,
        nonlin: bool = True,
    ) -> None:
        activation = _activation(activation, nonlin)
        weights = draw(init, activation, whole("nin", nin), whole("nout", nout), seed)
        self.neurons = [Neuron(nin, activation, bias, expand=expand, weights=row) for row in weights.tolist()]

    def __call__(self, x: Any) -> Any:
        inputs = _listed(x)
        outputs = [neuron(inputs) for neuron in self.neurons]
        return outputs[0] if len(outputs) == 1 else outputs

    def vectorize(self) -> Linear:
        """The same layer over arrays, in float64, with copies of the weights; see `nn.convert`."""
        return converted(self, "vectorize", Layer, ["neurons"], partial(_linear, self.neurons))

    def _summary(self) -> str:
        first = self.neurons[0]
        return f"{len(first.w)} → {len(self.neurons)}, {first.activation}"

    def _outline(self, above: tuple[Module, ...]) -> str:
        return self._title()  # the neurons one by one would say nothing more


def _activation(activation: str | bool, nonlin: bool) -> str:
    if isinstance(activation, bool):  # micrograd's Neuron(2, False)
        return "relu" if activation else "linear"
    return check_activation(activation) if flag("nonlin", nonlin) else "linear"


def _listed(x: Any) -> list[Any]:
    """An example as a list: an iterator, too, can then be read by every neuron."""
    if x.__class__ is list:
        return x
    if isinstance(x, Value):
        return [x]
    if isinstance(x, Tensor) or not is_series(x):
        raise TypeError(
            f"a scalar model takes a list of Values or numbers, one for each input, as in model([1.0, 2.0]); "
            f"got {type(x).__name__} {reprlib.repr(x)}"
        )
    return list(x)


_FIELDS = ("w", "b", "activation")


def _linear(neurons: Sequence[Neuron], twins: Twins) -> Linear:
    for neuron in neurons:
        check_plain(neuron, "vectorize", Neuron, _FIELDS)
    kinds = {(neuron.activation, neuron.b is None) for neuron in neurons}
    if len(kinds) != 1:
        shown = ", ".join(f"{activation}{' without bias' * bare}" for activation, bare in sorted(kinds)) or "none"
        raise TypeError(
            f"the neurons of a Layer to vectorize must be alike, and these are {shown}; give all of them one "
            f"activation, and all or none of them a bias"
        )
    ((activation, bare),) = kinds
    linear = Linear(len(neurons[0].w), len(neurons), activation, not bare, init=blank, dtype=np.float64)
    linear.weight = twins.tensor("w", [list(neuron.w) for neuron in neurons])
    if not bare:
        linear.bias = twins.tensor("b", [neuron.b for neuron in neurons])
    return linear


class MLP(Sequential):
    """A multi-layer perceptron of `Value`s: ``MLP(2, [16, 16, 1])`` is micrograd's.

    nin:    how many inputs;  nouts: the sizes of the layers, the last being the outputs
    output: the activation of the last layer

    Further words as in `Neuron`. Takes a list of numbers or Values; returns a list of Values, or the Value itself
    if there is one output.
    """

    @usage("nn.MLP(2, [16, 16, 1])")
    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        activation: str = "relu",
        output: str = "linear",
        bias: bool | float = True,
        init: str | Initializer = "auto",
        seed: Seed = None,
        expand: bool = False,
    ) -> None:
        layers, rng = mlp_layers(nin, nouts, activation, output), generator(seed)
        super().__init__(*(Layer(*layer, bias, init, rng, expand) for layer in layers))
