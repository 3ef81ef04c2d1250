"""Twins: the same function of the same parameters, or an error; for every way to change a model, in both directions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Tensor, Value, no_grad

Change = Callable[[Any], Any]
X = np.random.default_rng(0).normal(size=(5, 2))


def outputs(model: nn.Module, x: Any = X) -> Any:
    """A Tensor (n, outputs), or an array of Values of that shape."""
    if any(isinstance(leaf, Tensor) for _, leaf in model.named_state()):
        return model(x)
    rows = [model(row) for row in x.tolist()]
    return np.array([[row] if isinstance(row, Value) else row for row in rows], object)


def numbers(found: Any) -> Any:
    return found.data if isinstance(found, Tensor) else np.vectorize(lambda v: v.data, otypes=[float])(found)


def sizes(model: nn.Module) -> tuple[int, int]:
    """How many parameters there are, and how many numbers of state."""
    return (
        sum(np.size(p.data) for p in model.parameters()),
        sum(np.size(p.data) for _, p in model.named_state()),
    )


def trained(model: nn.Module) -> Any:
    """The outputs after some steps with decay and momentum, and the sum of squares of the first gradient."""
    optimizer = nn.SGD(model, lr=0.01, momentum=0.9, weight_decay=0.1)
    total = None
    for _ in range(3):
        optimizer.zero_grad()
        found = outputs(model)
        loss = (
            (found * found).mean() if isinstance(found, Tensor) else sum(v * v for v in found.flat) * (1 / found.size)
        )
        loss.backward()
        total = total or sum(float(np.sum(np.square(p.grad))) for p in model.parameters())
        optimizer.step()
    return numbers(outputs(model)), total


def check_twins(model: nn.Module, twin: nn.Module) -> None:
    assert sizes(twin) == sizes(model)
    np.testing.assert_allclose(numbers(outputs(twin)), numbers(outputs(model)), rtol=1e-12, atol=1e-12)
    if model.parameters():
        (after, gradient), (expected, wanted) = trained(twin), trained(model)
        np.testing.assert_allclose(after, expected, rtol=1e-10, atol=1e-12)
        assert gradient == pytest.approx(wanted, rel=1e-10)
    assert [m.training for m in twin.modules()][:1] == [m.training for m in model.modules()][:1]


def freeze(*leaves: Any) -> None:
    for leaf in leaves:
        leaf.requires_grad = False


def scalar() -> Any:
    """Three layers of two neurons."""
    return nn.MLP(2, [2, 2, 2], activation="tanh", bias=0.25, seed=4)


def array() -> Any:
    return scalar().vectorize()


# ----- classes of somebody's own -----


class Renamed(nn.Layer):
    """Only made otherwise, with more methods and attributes."""

    def __init__(self, n: int) -> None:
        super().__init__(n, n, "tanh", seed=n)
        self.note, self.rate = "mine", 0.5

    def loss(self, x: Any) -> Any:
        return sum(self(x))


class RenamedLinear(nn.Linear):
    def __init__(self, n: int) -> None:
        super().__init__(n, n, "tanh", seed=n, dtype=np.float64)
        self.note = {"kept": [1, 2]}


class RenamedMLP(nn.MLP):
    def __init__(self) -> None:
        super().__init__(2, [2, 2], seed=1)


class DoubledLayer(nn.Layer):
    def __call__(self, x: Any) -> Any:
        return [2.0 * out for out in super().__call__(x)]


class DoubledNeuron(nn.Neuron):
    def __call__(self, x: Any) -> Any:
        return 2.0 * super().__call__(x)


class DoubledLinear(nn.Linear):
    def __call__(self, x: Any) -> Any:
        return 2.0 * super().__call__(x)


class DoubledSequential(nn.Sequential):
    def __call__(self, x: Any) -> Any:
        return super().__call__(super().__call__(x))


class DoubledMLP(nn.MLP):
    def __call__(self, x: Any) -> Any:
        return super().__call__(super().__call__(x))


class DoubledActivation(nn.Tanh):
    def __call__(self, x: Any) -> Any:
        return super().__call__(super().__call__(x))


class Positive(nn.Neuron):
    """Whose weights are computed anew each time."""

    @property
    def w(self) -> Any:
        return [abs(value) for value in self.raw]

    @w.setter
    def w(self, values: Any) -> None:
        self.raw = values


class Unbiased(nn.Layer):
    """Which trains only a part of what it has."""

    def parameters(self) -> list[Any]:
        return [w for neuron in self.neurons for w in neuron.w]


class Residual(nn.Module):
    """A module of somebody's own, with twins of its own, for both worlds."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __call__(self, x: Any) -> Any:
        y = self.inner(x)
        return [a + b for a, b in zip(x, y, strict=True)] if isinstance(y, list) else y + x

    def vectorize(self) -> Any:
        return Residual(self.inner.vectorize())

    def to_values(self) -> Any:
        return Residual(self.inner.to_values())


class Scaled(nn.Layer):
    """A layer of somebody's own that asks for the twin of what it inherits."""

    def __init__(self) -> None:
        super().__init__(2, 2, "tanh", seed=3)
        self.gain = Value(1.5)

    def __call__(self, x: Any) -> Any:
        return [self.gain * y for y in super().__call__(x)]

    def vectorize(self) -> Any:
        return ScaledArrays(super().vectorize(), self.gain.data)


class ScaledArrays(nn.Module):
    def __init__(self, inner: Any, gain: float) -> None:
        self.inner, self.gain = inner, Tensor(gain)

    def __call__(self, x: Any) -> Any:
        return self.gain * self.inner(x)


class Untying(Residual):
    def vectorize(self) -> Any:
        return nn.Sequential(self.inner.vectorize(), nn.Layer(2, 2).vectorize())


class Losing(nn.Module):
    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __call__(self, x: Any) -> Any:
        return self.inner(x)

    def vectorize(self) -> Any:
        return nn.Tanh()


# ----- what is carried over -----


def set_all(name: str, value: Any) -> Change:
    def change(model: Any) -> None:
        for neuron in model.layers[0].neurons:
            setattr(neuron, name, value() if callable(value) else value)

    return change


def replaced(i: int, make: Callable[[], Any]) -> Change:
    return lambda model: model.layers.__setitem__(i, make())


def weights(layer: Any) -> list[Any]:
    return [w for neuron in layer.neurons for w in neuron.w]


def biases(layer: Any) -> list[Any]:
    return [neuron.b for neuron in layer.neurons]


def use_arrays(model: Any) -> None:
    for neuron in model.layers[1].neurons:
        neuron.w = np.array(neuron.w)
    model.layers[1].neurons = tuple(model.layers[1].neurons)


SCALAR_CARRIED: dict[str, Change] = {
    "nothing": lambda m: None,
    "numbers": lambda m: [setattr(p, "data", p.data + 0.5) for p in m.parameters()],
    "gradients": lambda m: [setattr(p, "grad", 3.0) for p in m.parameters()],
    "labels": lambda m: [setattr(p, "label", "w") for p in m.parameters()],
    "another Value": lambda m: setattr(m.layers[0].neurons[1], "b", Value(0.75)),
    "another activation": set_all("activation", "gelu"),
    "no bias": set_all("b", None),
    "expanded": set_all("expand", True),
    "eval": lambda m: m.eval(),
    "plain attributes": lambda m: m.layers[0].__dict__.update(note="n", rate=0.5, sizes=[1, 2], table=np.ones(3)),
    "arrays and tuples of Values": use_arrays,
    "fewer neurons": lambda m: [m.layers[0].neurons.pop(), m.layers.__setitem__(1, nn.Layer(1, 2, seed=0))],
    "another neuron": lambda m: m.layers[1].neurons.__setitem__(0, nn.Neuron(2, "tanh", seed=9)),
    "layers in a tuple": lambda m: setattr(m, "layers", tuple(m.layers)),
    "one layer less": lambda m: m.layers.pop(),
    "an activation in between": lambda m: m.layers.insert(1, nn.Activation("silu")),
    "a Sequential inside": replaced(1, lambda: nn.Sequential(nn.Layer(2, 2, seed=0), nn.Tanh())),
    "an MLP inside": replaced(1, lambda: nn.MLP(2, [3, 2], seed=0)),
    "a neuron at the end": lambda m: m.layers.append(nn.Neuron(2, seed=0)),
    "a shared layer": lambda m: m.layers.__setitem__(1, m.layers[0]),
    "a shared layer apart": lambda m: m.layers.__setitem__(2, m.layers[0]),
    "shared neurons": lambda m: setattr(m.layers[1], "neurons", m.layers[0].neurons),
    "shared weights": lambda m: [setattr(a, "w", b.w) for a, b in zip(m.layers[1].neurons, m.layers[0].neurons)],  # noqa: B905
    "shared biases": lambda m: [setattr(a, "b", b.b) for a, b in zip(m.layers[1].neurons, m.layers[0].neurons)],  # noqa: B905
    "a shared Sequential": lambda m: m.layers.extend([nn.Sequential(m.layers[0]), m.layers[0]]),
    "a shared activation": lambda m: m.layers.extend([nn.Tanh()] * 2),
    "frozen": lambda m: freeze(*m.parameters()),
    "a frozen layer": lambda m: freeze(*m.layers[0].parameters()),
    "frozen weights": lambda m: freeze(*weights(m.layers[1])),
    "frozen biases": lambda m: freeze(*biases(m.layers[1])),
    "frozen and shared": lambda m: [m.layers.__setitem__(1, m.layers[0]), freeze(*weights(m.layers[0]))],
    "detached biases": lambda m: [setattr(n, "b", n.b.detach()) for n in m.layers[0].neurons],
    "a subclass that computes alike": replaced(1, lambda: Renamed(2)),
    "an MLP of a subclass": replaced(1, RenamedMLP),
    "a module of one's own": lambda m: m.layers.insert(1, Residual(m.layers[2])),
    "a shared module of one's own": lambda m: m.layers.extend([Residual(m.layers[0])] * 2),
    "a twin of one's own that asks super()": replaced(1, Scaled),
    "a kept output": lambda m: _keep_output(m),
}  # fmt: skip


def _keep_output(model: Any) -> None:
    class Keeping(nn.Module):
        def __call__(self, x: Any) -> Any:
            model.layers[0].last = model.layers[0](x)
            return model.layers[0].last

    with no_grad():
        Keeping()([1.0, 2.0])


@pytest.mark.parametrize("change", SCALAR_CARRIED)
def test_a_changed_scalar_model_has_a_twin(change: str) -> None:
    model = scalar()
    SCALAR_CARRIED[change](model)
    check_twins(model, model.vectorize())
    if change != "a twin of one's own that asks super()":  # which has none that goes back
        model = scalar()
        SCALAR_CARRIED[change](model)
        check_twins(model, model.vectorize().to_values())


def share_weight(model: Any) -> None:
    model.layers[1].weight = model.layers[0].weight


ARRAY_CARRIED: dict[str, Change] = {
    "nothing": lambda m: None,
    "numbers": lambda m: [setattr(p, "data", p.data + 0.5) for p in m.parameters()],
    "gradients": lambda m: [setattr(p, "grad", np.ones_like(p.data)) for p in m.parameters()],
    "another Tensor": lambda m: setattr(m.layers[1], "weight", Tensor([[1.0, 2.0], [-0.5, 0.1]])),
    "another size": lambda m: [
        setattr(m.layers[0], "weight", Tensor(np.ones((3, 2)))), setattr(m.layers[0], "bias", Tensor(np.ones(3))),
        m.layers.__setitem__(1, nn.Linear(3, 2, seed=1, dtype=float)),
    ],
    "another activation": lambda m: setattr(m.layers[0], "activation", "gelu"),
    "no bias": lambda m: setattr(m.layers[0], "bias", None),
    "eval": lambda m: m.eval(),
    "plain attributes": lambda m: m.layers[0].__dict__.update(note="n", table=np.ones(3)),
    "an activation in between": lambda m: m.layers.insert(1, nn.Activation("silu")),
    "a Sequential inside": replaced(1, lambda: nn.Sequential(nn.Linear(2, 2, seed=0, dtype=float), nn.Tanh())),
    "a shared layer": lambda m: m.layers.__setitem__(1, m.layers[0]),
    "a shared weight": share_weight,
    "a shared bias": lambda m: setattr(m.layers[1], "bias", m.layers[0].bias),
    "frozen": lambda m: freeze(*m.parameters()),
    "a frozen weight": lambda m: freeze(m.layers[0].weight),
    "a frozen bias": lambda m: freeze(m.layers[1].bias),
    "frozen and shared": lambda m: [share_weight(m), freeze(m.layers[0].weight)],
    "a detached weight": lambda m: setattr(m.layers[0], "weight", m.layers[0].weight.detach()),
    "a subclass that computes alike": replaced(1, lambda: RenamedLinear(2)),
    "a module of one's own": lambda m: m.layers.insert(1, Residual(m.layers[2])),
}  # fmt: skip


@pytest.mark.parametrize("change", ARRAY_CARRIED)
def test_a_changed_array_model_has_a_twin(change: str) -> None:
    model = array()
    ARRAY_CARRIED[change](model)
    check_twins(model, model.to_values())
    model = array()
    ARRAY_CARRIED[change](model)
    check_twins(model, model.to_values().vectorize())


# ----- what is refused -----

OWN = r"of its own, which the twin of a \w+ would not have; give your class a (vectorize|to_values)\(\) that returns"
SHARED = "shares a Value with another place, and arrays can be shared only whole; give each place a Value of its own"
SCALAR_REFUSED: dict[str, tuple[Change, str]] = {
    "one neuron without bias": (lambda m: setattr(m.layers[0].neurons[0], "b", None), "all or none of them a bias"),
    "two activations": (
        lambda m: setattr(m.layers[0].neurons[0], "activation", "relu"),
        "these are relu, tanh; give all",
    ),
    "an unknown activation": (set_all("activation", "rellu"), "activation must be one of"),
    "a function for an activation": (set_all("activation", lambda: len), "activation must be one of"),
    "a number for a bias": (lambda m: setattr(m.layers[0].neurons[0], "b", 0.5), r"this is a float; write Value\("),
    "a number for a weight": (lambda m: m.layers[0].neurons[0].w.__setitem__(0, 0.5), r"a float; write Value\("),
    "a computed weight": (
        lambda m: m.layers[0].neurons[0].w.__setitem__(0, m.layers[0].neurons[0].w[0] * 2.0),
        "that are no results, and this is the result of a computation",
    ),
    "computed weights": (replaced(0, lambda: _layer_of(Positive)), r"Positive has a w of its own"),
    "a weight frozen": (
        lambda m: freeze(m.layers[0].neurons[0].w[0]),
        "w of a layer is frozen in part, and an array is",
    ),
    "a neuron frozen": (
        lambda m: freeze(*m.layers[0].neurons[0].parameters()),
        "frozen in part, and an array is frozen",
    ),
    "a bias frozen": (lambda m: freeze(m.layers[0].neurons[0].b), "b of a layer is frozen in part, and an array"),
    "one weight twice": (lambda m: m.layers[0].neurons[0].w.__setitem__(0, m.layers[0].neurons[0].w[1]), SHARED),
    "a weight of another neuron": (
        lambda m: m.layers[0].neurons[0].w.__setitem__(0, m.layers[0].neurons[1].w[0]),
        SHARED,
    ),
    "a weight of another layer": (
        lambda m: m.layers[0].neurons[0].w.__setitem__(0, m.layers[1].neurons[1].w[0]),
        SHARED,
    ),
    "a bias for two neurons": (set_all("b", Value(1.0)), SHARED),
    "a bias that is a weight": (lambda m: setattr(m.layers[0].neurons[0], "b", m.layers[0].neurons[0].w[0]), SHARED),
    "one neuron twice": (lambda m: m.layers[0].neurons.__setitem__(0, m.layers[0].neurons[1]), SHARED),
    "a neuron in two layers": (lambda m: m.layers[0].neurons.__setitem__(0, m.layers[1].neurons[1]), SHARED),
    "neurons in another order": (lambda m: setattr(m.layers[1], "neurons", m.layers[0].neurons[::-1]), SHARED),
    "no neurons": (lambda m: m.layers[0].neurons.clear(), "must be alike, and these are none"),
    "neurons of several widths": (
        lambda m: m.layers[0].neurons[0].w.pop(),
        "take 1 to 2 inputs; they must all take as many",
    ),
    "a layer for a neuron": (
        lambda m: m.layers[0].neurons.__setitem__(0, nn.Layer(2, 1)),
        "expects a Neuron here, got Layer",
    ),
    "a function for a neuron": (
        lambda m: m.layers[0].neurons.__setitem__(0, sum),
        "expects a Neuron here, got builtin",
    ),
    "a parameter more": (
        lambda m: setattr(m.layers[0], "gain", Value(1.0)),
        "holds layers.0.gain, which no layer of it",
    ),
    "a layer beside": (lambda m: setattr(m, "head", nn.Layer(2, 2)), r"holds head.neurons.0.w.0, which no layer of it"),
    "a frozen parameter more": (
        lambda m: (setattr(m, "gain", Value(1.0)), freeze(m.gain)),
        "holds gain, which no layer of it computes with",
    ),
    "a method replaced": (lambda m: setattr(m.layers[0], "parameters", list), f"Layer has a parameters {OWN}"),
    "a layer of one's own": (replaced(1, lambda: DoubledLayer(2, 2)), f"DoubledLayer has a __call__ {OWN}"),
    "a neuron of one's own": (replaced(1, lambda: _layer_of(DoubledNeuron)), f"DoubledNeuron has a __call__ {OWN}"),
    "a Sequential of one's own": (
        replaced(1, lambda: DoubledSequential(nn.Layer(2, 2))),
        f"DoubledSequential has a __call__ {OWN}",
    ),
    "an MLP of one's own": (replaced(1, lambda: DoubledMLP(2, [2, 2])), f"DoubledMLP has a __call__ {OWN}"),
    "an activation of one's own": (replaced(1, DoubledActivation), f"DoubledActivation has a __call__ {OWN}"),
    "parameters of one's own": (replaced(1, lambda: Unbiased(2, 2)), f"Unbiased has a parameters {OWN}"),
    "a module without a twin": (lambda m: m.layers.append(nn.Module()), r"Module has no vectorize\(\); give it one"),
    "a function for a layer": (lambda m: m.layers.append(abs), r"builtin_function_or_method has no vectorize\(\)"),
    "a Linear": (lambda m: m.layers.append(nn.Linear(2, 2)), r"Linear has no vectorize\(\)"),
    "a twin that unties": (
        replaced(1, lambda: Untying(nn.Layer(2, 2))),
        "18 parameters, and what .* made of it 24: a module of your own in it unties or leaves out",
    ),
    "a twin that loses": (
        replaced(1, lambda: Losing(nn.Layer(2, 2))),
        "18 parameters, and what .* made of it 12: a module",
    ),
}


def _layer_of(kind: type) -> nn.Layer:
    layer = nn.Layer(2, 2)
    layer.neurons = [kind(2), kind(2)]
    return layer


@pytest.mark.parametrize("change", SCALAR_REFUSED)
def test_what_has_no_vectorized_twin_is_refused(change: str) -> None:
    model = scalar()
    apply, message = SCALAR_REFUSED[change]
    apply(model)
    before = {id(leaf): np.copy(leaf.data) for _, leaf in model.named_state()}
    with pytest.raises((TypeError, ValueError), match=message):
        model.vectorize()
    assert all(np.array_equal(before[id(leaf)], leaf.data) for _, leaf in model.named_state())


ARRAY_REFUSED: dict[str, tuple[Change, str]] = {
    "an array for a bias": (lambda m: setattr(m.layers[0], "bias", np.ones(2)), r"this is a ndarray; write Tensor\("),
    "an array for a weight": (lambda m: setattr(m.layers[0], "weight", np.ones((2, 2))), r"a ndarray; write Tensor\("),
    "a computed weight": (
        lambda m: setattr(m.layers[0], "weight", m.layers[1].weight.T),
        "that are no results, and this is the result of a computation",
    ),
    "one bias for all": (
        lambda m: setattr(m.layers[0], "bias", Tensor([1.0])),
        "2 outputs has as many numbers, and this one 1",
    ),
    "a bias without an axis": (lambda m: setattr(m.layers[0], "bias", Tensor(1.0)), "has 1 dimension, and this one 0"),
    "a weight of three axes": (
        lambda m: setattr(m.layers[0], "weight", Tensor(np.ones((1, 2, 2)))),
        "of a Linear has 2 dimensions, and this one 3",
    ),
    "an unknown activation": (lambda m: setattr(m.layers[0], "activation", "rellu"), "activation must be one of"),
    "a parameter more": (
        lambda m: setattr(m.layers[0], "gain", Tensor(1.0)),
        "holds layers.0.gain, which no layer of it",
    ),
    "a method replaced": (lambda m: setattr(m.layers[0], "zero_grad", list), f"Linear has a zero_grad {OWN}"),
    "a layer of one's own": (replaced(1, lambda: DoubledLinear(2, 2)), f"DoubledLinear has a __call__ {OWN}"),
    "a Sequential of one's own": (
        replaced(1, lambda: DoubledSequential(nn.Linear(2, 2))),
        f"DoubledSequential has a __call__ {OWN}",
    ),
    "a scalar layer": (lambda m: m.layers.append(nn.Layer(2, 2)), r"Layer has no to_values\(\)"),
}


@pytest.mark.parametrize("change", ARRAY_REFUSED)
def test_what_has_no_scalar_twin_is_refused(change: str) -> None:
    model = array()
    apply, message = ARRAY_REFUSED[change]
    apply(model)
    with pytest.raises((TypeError, ValueError), match=message):
        model.to_values()


def test_the_remedies_work() -> None:
    """A class with a twin of its own; Values of their own; a layer frozen whole."""

    class Doubled(nn.Layer):
        def __call__(self, x: Any) -> Any:
            return [2.0 * out for out in super().__call__(x)]

        def vectorize(self) -> Any:
            return nn.Sequential(super().vectorize(), Double())

    class Double(nn.Module):
        def __call__(self, x: Any) -> Any:
            return x * 2.0

    layer = Doubled(2, 2, "tanh", seed=1)
    model = nn.Sequential(layer, layer)
    check_twins(model, model.vectorize())
    check_twins(layer, layer.vectorize())


@pytest.mark.parametrize("build", [scalar, array], ids=["scalar", "array"])
def test_twins_share_nothing_with_each_other(build: Any) -> None:
    model = build()
    model.layers.append(nn.Activation("tanh"))
    twin = model.vectorize() if build is scalar else model.to_values()
    before = model.state_dict()
    for p in twin.parameters():
        p.data = p.data + 1.0
    twin.eval()
    twin.layers[-1].name = "relu"
    assert model.training and all(m.training for m in model.modules())
    assert model.layers[-1].name == "tanh"
    for name, number in model.state_dict().items():
        np.testing.assert_array_equal(number, before[name])


# ----- random models -----


def random_model(seed: int) -> Any:
    """Some layers, activations and Sequentials, with parts shared, frozen, without bias and of other classes."""
    rng = np.random.default_rng(seed)
    parts: list[Any] = []
    for _ in range(rng.integers(1, 6)):
        kind = rng.choice(["layer", "layer", "activation", "again", "nested", "own", "tied"])
        if kind == "layer":
            activation = str(rng.choice(["linear", "relu", "tanh", "gelu"]))
            parts.append(nn.Layer(2, 2, activation, bias=bool(rng.integers(2)), seed=int(rng.integers(99))))
        elif kind == "activation":
            parts.append(nn.Activation(str(rng.choice(["tanh", "sigmoid"]))))
        elif kind == "again" and parts:
            parts.append(parts[rng.integers(len(parts))])
        elif kind == "nested":
            parts = [nn.Sequential(*parts)]
        elif kind == "own" and parts:
            parts.append(Residual(parts[rng.integers(len(parts))]))
        elif kind == "tied":
            parts += [nn.Layer(2, 2, "tanh", seed=1), nn.Layer(2, 2, "tanh", seed=2)]
            for a, b in zip(parts[-2].neurons, parts[-1].neurons, strict=True):
                b.w = a.w
    model = nn.Sequential(*parts, nn.Layer(2, int(rng.integers(1, 4)), "linear", seed=0))
    for layer in model.modules():
        if isinstance(layer, nn.Layer):
            if rng.random() < 0.2:
                freeze(*weights(layer))
            if rng.random() < 0.2:
                freeze(*[b for b in biases(layer) if b is not None])
    return model


@pytest.mark.parametrize("seed", range(40))
def test_random_models_have_twins_there_and_back(seed: int) -> None:
    check_twins(random_model(seed), random_model(seed).vectorize())
    model = random_model(seed).vectorize()
    values = model.to_values()
    check_twins(model, values)
    check_twins(random_model(seed), random_model(seed).vectorize().to_values())


def test_a_module_of_ones_own_may_convert_its_parts_one_by_one() -> None:
    class Pair(nn.Module):
        def __init__(self, left: nn.Module, right: nn.Module) -> None:
            self.left, self.right = left, right

        def __call__(self, x: Any) -> Any:
            return self.right(self.left(x))

        def vectorize(self) -> "Pair":
            return Pair(self.left.vectorize(), self.right.vectorize())  # type: ignore[attr-defined]

    layer = nn.Layer(2, 2, seed=0)
    layer.eval()
    model = nn.Sequential(Pair(layer, nn.Layer(2, 2, seed=1)), layer)
    twin = model.vectorize()
    found = twin(np.array([[0.5, -1.0]])).data[0]
    np.testing.assert_allclose(found, [value.data for value in model([0.5, -1.0])])
    left, right = twin.layers[0].left, twin.layers[0].right  # type: ignore[attr-defined]
    assert left is twin.layers[1] and (left.training, right.training) == (False, True)
