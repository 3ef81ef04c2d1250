"""Networks over arrays: a row is an example, a layer is a matrix product. The twins of `nn.scalar`."""

import reprlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from autograd import Tensor
from autograd.array_ops import ARRAY_OPS
from autograd.hints import usage
from nn.activations import activate, check_activation
from nn.checks import Seed, generator, numbers, whole
from nn.convert import Twins, blank, converted
from nn.init import Initializer, draw, first_bias
from nn.module import Module

if TYPE_CHECKING:
    from nn import scalar


class Linear(Module):
    """activation(x Wᵀ + b): (…, nin) to (…, nout). The twin of `nn.Layer`.

    weight: Tensor (nout, nin), row i being neuron i;  bias: Tensor (nout,), or None
    dtype:  float32 (for training) or float64 (for checks)

    Further words as in `nn.Neuron`, but the activation is "linear" unless said otherwise, and not "relu".
    An input that is a plain array takes the layer's dtype.
    """

    @usage("nn.Linear(2, 16)")
    def __init__(
        self,
        nin: int,
        nout: int,
        activation: str = "linear",
        bias: bool | float = True,
        init: str | Initializer = "auto",
        seed: Seed = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        nin, nout = whole("nin", nin), whole("nout", nout)
        self.activation = check_activation(activation)
        # held column by column (Fortran order): x Wᵀ then reads W in the order in which it lies, a third faster
        self.weight = Tensor(np.asfortranarray(draw(init, activation, nin, nout, seed)), dtype=dtype)
        start = first_bias(bias)
        self.bias = None if start is None else Tensor(np.full(nout, start), dtype=dtype)

    def __call__(self, x: Any) -> Tensor:
        weight = self.weight.data
        rows = x.data if isinstance(x, Tensor) else numbers("x", x, weight.dtype)
        if rows.shape[-1:] != weight.shape[1:]:
            nout, nin = weight.shape
            raise ValueError(f"Linear({nin}, {nout}) takes rows of {nin} numbers, got an array of shape {rows.shape}")
        bias = () if self.bias is None else (self.bias,)
        y = Tensor._apply_array_op(ARRAY_OPS["linear"], (x if isinstance(x, Tensor) else rows, self.weight, *bias))
        return activate(self.activation, y)  # type: ignore[no-any-return]

    def to_values(self) -> "scalar.Layer":
        """The same layer made of `Value`s, with copies of these weights; see `nn.convert`."""
        return converted(self, "to_values", Linear, ["weight", "bias", "activation"], self._layer)

    def _layer(self, twins: Twins) -> "scalar.Layer":
        from nn.scalar import Layer

        rows = twins.values("weight", self.weight, 2)
        biases = [None] * len(rows) if self.bias is None else twins.values("bias", self.bias, 1)
        if len(biases) != len(rows):
            raise TypeError(f"bias of a Linear of {len(rows)} outputs has as many numbers, and this one {len(biases)}")
        layer = Layer(len(rows[0]), len(rows), self.activation, init=blank)
        for neuron, row, bias in zip(layer.neurons, rows, biases, strict=True):
            neuron.w, neuron.b, neuron.training = row, bias, self.training
        return layer

    def _summary(self) -> str:
        nout, nin = self.weight.shape
        return f"{nin} → {nout}, {self.activation}, {self.weight.dtype}"


class Sequential(Module):
    """Modules one after the other; scalar or vectorized, as they are."""

    def __init__(self, *layers: Module) -> None:
        for layer in layers:
            if not isinstance(layer, Module):
                remedy = (
                    "nn.Sequential(*layers)"
                    if isinstance(layer, list | tuple)
                    else "a class Own(nn.Module) with a __call__(self, x), or nn.Activation(name) for an operation"
                )
                raise TypeError(
                    f"Sequential takes modules, got {type(layer).__name__} {reprlib.repr(layer)}; write {remedy}"
                )
        self.layers = list(layers)

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int | slice) -> Module:
        """A layer, or a `Sequential` of some: the same modules, and no copies."""
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]

    def _summary(self) -> str:
        return f"{len(self.layers)} layers"

    def vectorize(self) -> "Sequential":
        """The same modules over arrays, with copies of the weights; see `nn.convert`."""
        return converted(self, "vectorize", Sequential, ["layers"], self._twin)

    def to_values(self) -> "Sequential":
        """The same modules made of `Value`s, with copies of the weights; see `nn.convert`."""
        return converted(self, "to_values", Sequential, ["layers"], self._twin)

    def _twin(self, twins: Twins) -> "Sequential":
        return Sequential(*map(twins.of, self.layers))


def mlp_layers(nin: int, nouts: Sequence[int], activation: str, output: str) -> list[tuple[int, int, str]]:
    """(fan_in, fan_out, activation) of each layer of an MLP, checked."""
    if isinstance(nouts, str) or not isinstance(nouts, Sequence) or not nouts:
        raise TypeError(f"nouts must be a list of layer sizes such as [16, 16, 1], got {reprlib.repr(nouts)}")
    sizes = [whole("nin", nin), *(whole("each of nouts", n) for n in nouts)]
    hidden, last = check_activation(activation), check_activation(output, "output")
    return list(zip(sizes[:-1], sizes[1:], [hidden] * (len(sizes) - 2) + [last], strict=True))


class MLP(Sequential):
    """A multi-layer perceptron over arrays. The twin of `nn.MLP`, with the same words.

    nin:    how many inputs;  nouts: the sizes of the layers, the last being the outputs
    output: the activation of the last layer
    """

    @usage("nn.vectorized.MLP(2, [16, 16, 1])")
    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        activation: str = "relu",
        output: str = "linear",
        bias: bool | float = True,
        init: str | Initializer = "auto",
        seed: Seed = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        layers, rng = mlp_layers(nin, nouts, activation, output), generator(seed)
        super().__init__(*(Linear(*layer, bias, init, rng, dtype) for layer in layers))
