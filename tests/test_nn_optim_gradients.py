"""What has no gradient is not moved: Values, compiled Values and Tensors beside PyTorch, through the same events."""

import copy
import pickle
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, Value, compile

OPTIMIZERS: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "sgd": (nn.SGD, "SGD", {"lr": 0.1, "weight_decay": 0.3}),
    "momentum": (nn.SGD, "SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.3}),
    "nesterov": (nn.SGD, "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.3}),
    "rmsprop": (nn.RMSProp, "RMSprop", {"lr": 0.01, "weight_decay": 0.3}),
    "adam": (nn.Adam, "Adam", {"lr": 0.1, "weight_decay": 0.3}),
    "adamw": (nn.AdamW, "AdamW", {"lr": 0.1, "weight_decay": 0.5}),
}
EVERY_OPTIMIZER = pytest.mark.parametrize("name", OPTIMIZERS)
START = [0.5, -1.25, 2.0, 0.75]
Event = tuple[Any, ...]


class Route:
    """Some parameters of one kind, and how each event happens to them."""

    def __init__(self, make: Callable[[float], Any], name: str) -> None:
        self.parameters = [make(x) for x in START]
        build, _, words = OPTIMIZERS[name]
        self.optimizer = build(self.parameters, **words)

    def happen(self, event: Event) -> None:
        kind, *rest = event
        getattr(self, kind)(*rest)

    def backward(self, used: Sequence[int]) -> None:
        loss = sum(p * p + p for p in (self.parameters[i] for i in used))
        loss.backward()

    def step(self) -> None:
        self.optimizer.step()

    def zero_grad(self) -> None:
        self.optimizer.zero_grad()

    def clear(self, i: int) -> None:
        self.parameters[i].zero_grad()

    def give(self, i: int, g: float) -> None:
        self.parameters[i].grad = g

    def freeze(self, i: int) -> None:
        self.parameters[i].requires_grad = False

    def thaw(self, i: int) -> None:
        self.parameters[i].requires_grad = True

    def numbers(self) -> list[float]:
        return [p.item() for p in self.parameters]


class Compiled(Route):
    """Values of several programs, which share their parameters."""

    def __init__(self, make: Callable[[float], Any], name: str) -> None:
        super().__init__(make, name)
        self.programs: dict[Any, Any] = {}
        autograd.compile(lambda: autograd.sum(self.parameters))()  # all of them in one store from the beginning

    def backward(self, used: Sequence[int]) -> None:
        if used not in self.programs:
            chosen = [self.parameters[i] for i in used]
            self.programs[used] = autograd.compile(lambda: autograd.sum([p * p + p for p in chosen]))
        self.programs[used]().backward()


class Arrays(Route):
    def give(self, i: int, g: float) -> None:
        self.parameters[i].grad = np.array([g])


class Torch(Route):
    def __init__(self, make: Callable[[float], Any], name: str) -> None:
        self.torch = pytest.importorskip("torch")
        self.parameters = [self.torch.tensor([x], dtype=self.torch.float64, requires_grad=True) for x in START]
        _, theirs, words = OPTIMIZERS[name]
        self.optimizer = getattr(self.torch.optim, theirs)(self.parameters, **words)

    def give(self, i: int, g: float) -> None:
        self.parameters[i].grad = self.torch.tensor([g], dtype=self.torch.float64)

    def clear(self, i: int) -> None:
        self.parameters[i].grad = None

    def freeze(self, i: int) -> None:
        self.parameters[i].requires_grad_(False)
        self.parameters[i].grad = None  # PyTorch would go on with an old gradient

    def thaw(self, i: int) -> None:
        self.parameters[i].requires_grad_(True)


ROUTES: dict[str, Callable[[str], Route]] = {
    "values": lambda name: Route(Value, name),
    "compiled": lambda name: Compiled(Value, name),
    "tensors": lambda name: Arrays(lambda x: Tensor([x]), name),
}


def events(seed: int, n: int = 60) -> list[Event]:
    """A story in which each parameter is used, cleared, given a gradient, frozen and thawed, at random."""
    rng, frozen = np.random.default_rng(seed), set[int]()
    story: list[Event] = [("step",)]  # before any gradient
    for _ in range(n):
        i = int(rng.integers(len(START)))
        kind = str(rng.choice(["backward", "backward", "step", "step", "zero_grad", "clear", "give", "freeze"]))
        if kind == "backward":
            used = tuple(sorted({*rng.integers(len(START), size=2).tolist()}))
            story += [("backward", used)] if {*used} - frozen else []
        elif kind == "give":
            story += [] if i in frozen else [("give", i, float(rng.choice([0.0, -0.0, 0.5])))]
        elif kind == "freeze":
            story += [("thaw", i)] if i in frozen else [("freeze", i), ("clear", i)]
            frozen ^= {i}
        else:
            story.append((kind, i) if kind == "clear" else (kind,))
    return story


@EVERY_OPTIMIZER
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("seed", range(3))
def test_every_route_skips_what_pytorch_skips(name: str, route: str, seed: int) -> None:
    ours, theirs = ROUTES[route](name), Torch(float, name)
    for n, event in enumerate(events(seed)):
        ours.happen(event)
        theirs.happen(event)
        assert ours.numbers() == pytest.approx(theirs.numbers(), rel=1e-9, abs=1e-12), (n, event)


@EVERY_OPTIMIZER
@pytest.mark.parametrize("route", ROUTES)
def test_a_step_before_any_gradient_moves_nothing_and_ages_no_state(name: str, route: str) -> None:
    ours = ROUTES[route](name)
    ours.step()
    ours.backward((0, 1))
    ours.zero_grad()
    ours.step()
    assert ours.numbers() == START
    assert not any(ours.optimizer.state.values())


@EVERY_OPTIMIZER
@pytest.mark.parametrize("route", ROUTES)
def test_a_frozen_parameter_is_not_moved_even_by_a_gradient_that_it_has(name: str, route: str) -> None:
    ours = ROUTES[route](name)
    for frozen in (), (1,), (1, 2):
        ours.zero_grad()
        ours.backward((0, 1, 2, 3))
        if not frozen:
            ours.step()
        for i in frozen:
            ours.freeze(i)
        before = ours.numbers()
        ours.step()
        assert [i for i in range(4) if ours.numbers()[i] != before[i]] == [i for i in range(4) if i not in frozen]


@EVERY_OPTIMIZER
def test_whole_models_decay_alike_and_only_what_a_loss_uses(name: str) -> None:
    build, _, words = OPTIMIZERS[name]
    slow = nn.MLP(2, [3, 3, 1], activation="relu", seed=3)
    fast, compiled = slow.vectorize(), slow.vectorize().to_values()
    hidden = autograd.compile(lambda x: autograd.sum(compiled.layers[0](x)))
    losses = {
        slow: lambda x: autograd.sum(slow.layers[0](x)),
        fast: lambda x: fast.layers[0](np.array(x)).sum(),
        compiled: hidden,
    }
    optimizers = {model: build(model, **words) for model in losses}
    for x in [None, [1.0, 2.0], [-3.0, 0.5], None, [0.1, -4.0]]:  # at some of them a neuron sleeps: 0 is a gradient
        for model, loss in losses.items():
            optimizers[model].zero_grad()
            if x is not None:
                loss(x).backward()
            optimizers[model].step()
    expected = fast.state_dict()
    for model in slow, compiled:
        for key, array in model.vectorize().state_dict().items():
            np.testing.assert_allclose(array, expected[key], rtol=1e-12)
    unused = nn.MLP(2, [3, 3, 1], seed=3).vectorize().layers[2].weight.data
    assert expected["layers.2.weight"].tolist() == unused.tolist()


def test_no_gradient_reads_as_zero_and_is_kept_by_copies() -> None:
    w = Value(2.0)
    assert (w.grad, repr(w.grad), w.grad + 1.0, repr(w)) == (0.0, "0.0", 1.0, "Value(data=2.0, grad=0.0)")
    optimizers = [nn.AdamW([w], weight_decay=0.5)]
    optimizers += [copy.deepcopy(optimizers[0]), pickle.loads(pickle.dumps(optimizers[0]))]
    for optimizer in optimizers:
        optimizer.step()
        (p,) = optimizer.parameters.values()
        assert p.data == 2.0
        p.grad = 0.0
        optimizer.step()
        assert p.data < 2.0


def test_a_backward_pass_that_fails_gives_no_gradient() -> None:
    w, other = Value(1.0), Value(2.0)
    part, whole = autograd.compile(lambda: w * w), autograd.compile(lambda: w * other)
    whole().backward()
    optimizer = nn.SGD([w, other], lr=0.1, weight_decay=0.5)
    for program in whole, part:
        optimizer.zero_grad()
        found = program()
        found._replay.backward = lambda: 1 / 0
        with pytest.raises(ZeroDivisionError):
            found.backward()
        optimizer.step()
        assert (w.data, other.data) == (1.0, 2.0)


# ----- several optimisers, several programs -----


@pytest.mark.parametrize("route", ROUTES)
def test_zero_grad_of_an_optimiser_leaves_the_gradients_of_others(route: str) -> None:
    ours = ROUTES[route]("sgd")
    ours.backward((0, 1, 2, 3))
    mine = nn.SGD(ours.parameters[1:3], lr=0.1, weight_decay=0.3)
    other = nn.SGD([ours.parameters[0], ours.parameters[3]], lr=0.1)
    before = ours.numbers()
    mine.zero_grad()
    mine.step()
    assert ours.numbers() == before and not any(np.any(ours.parameters[i].grad) for i in (1, 2))
    assert [float(np.sum(ours.parameters[i].grad)) for i in (0, 3)] == [2.0 * before[i] + 1.0 for i in (0, 3)]
    other.step()
    assert ours.numbers() == pytest.approx([x - 0.1 * (2.0 * x + 1.0) * (i in (0, 3)) for i, x in enumerate(before)])


@EVERY_OPTIMIZER
def test_an_optimiser_goes_on_after_its_parameters_moved_to_another_store(name: str) -> None:
    """Another program takes some of them in, in another order and beside parameters of its own."""
    eager, compiled = ROUTES["values"](name), ROUTES["compiled"](name)
    for route in eager, compiled:  # which counts them in another order than the program
        build, _, words = OPTIMIZERS[name]
        route.optimizer = build(route.parameters[::-1], **words)
    strangers = [Value(3.0), Value(-4.0)]
    order = [strangers[0], *reversed(compiled.parameters), strangers[1]]
    taking = autograd.compile(lambda: autograd.sum([p * q for p, q in pairwise(order)]))
    for n in range(12):
        if n == 5:
            taking()
        for route in eager, compiled:
            route.zero_grad()
            route.backward((0, 1, 2, 3))
            route.step()
        assert compiled.numbers() == pytest.approx(eager.numbers(), rel=1e-12)
    for key, kept in eager.optimizer.state.items():
        assert compiled.optimizer.state[key] == pytest.approx(kept, rel=1e-12)


def test_a_parameter_that_a_later_program_does_not_reach_stays_where_it_is() -> None:
    """The two programs keep their parameters in one store, which notes for each whether it has a gradient."""
    p, q = Value(1.0), Value(1.0)
    both, one = compile(lambda: p * q * 2.0), compile(lambda: p * p)
    optimizer = nn.SGD([p, q], lr=0.1, momentum=0.9, weight_decay=0.1)
    both().backward()
    optimizer.step()
    optimizer.zero_grad()
    one.value_and_grad()  # reads and restores all gradients
    one().backward()
    before = q.data
    optimizer.step()
    assert q.data == before and p.data != before
