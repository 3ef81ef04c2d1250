"""Where a Module may keep a parameter: found there by every user of them, or an error; what is frozen is state."""

import copy
import gc
import logging
import pickle
import queue
import types
import weakref
from collections import ChainMap, OrderedDict, UserDict, UserList, defaultdict, deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial, wraps
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, Value, no_grad
from autograd.value import NO_GRADIENT
from autograd.viz import draw


class Keeping(nn.Module):
    """A module with whatever attributes a test wants, that computes the sum of its parameters' squares."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)

    def __call__(self, x: Any) -> Any:
        return autograd.sum([p * p for p in self.parameters()]) * (x[0] * 0.0 + 1.0)


class Plain:
    """Of no base class, as micrograd's users write their layers."""

    def __init__(self, *values: Any) -> None:
        self.w, self.b = list(values[:-1]), values[-1]


class Slotted:
    __slots__ = ("__hidden", "value")

    def __init__(self, value: Any, hidden: Any) -> None:
        self.value, self.__hidden = value, hidden


@dataclass
class Record:
    gain: Any
    offset: Any


@dataclass(slots=True, frozen=True)
class Sealed:
    gain: Any
    offset: Any


class Pair(NamedTuple):
    a: Any
    b: Any


class Rows(list[Any]):
    """A list with attributes."""


class SlottedModule(nn.Module):
    __slots__ = ("w",)

    def __init__(self, w: Any) -> None:
        self.w = w


class Cached(Keeping):
    @cached_property
    def late(self) -> Any:
        return self.parts[1]


OldPair = namedtuple("OldPair", ["a", "b"])


def rows(a: Any, b: Any) -> Rows:
    made = Rows([a])
    made.extra = b  # type: ignore[attr-defined]
    return made


def structured(a: Any, b: Any) -> Any:
    array = np.empty(2, [("w", object), ("n", int)])
    array["w"] = [a, b]
    return array


FOUND: dict[str, Callable[[Any, Any], Any]] = {
    "list": lambda a, b: [a, b],
    "tuple": lambda a, b: (a, b),
    "nested lists": lambda a, b: [[a], [[b]]],
    "dict": lambda a, b: {"a": a, 1: b},
    "OrderedDict": lambda a, b: OrderedDict(a=a, b=b),
    "defaultdict": lambda a, b: defaultdict(list, a=[a], b=[b]),
    "mapping proxy": lambda a, b: types.MappingProxyType({"a": a, "b": b}),
    "ChainMap": lambda a, b: ChainMap({"a": a}, {"b": b}),
    "UserDict": lambda a, b: UserDict(a=a, b=b),
    "UserList": lambda a, b: UserList([a, b]),
    "deque": lambda a, b: deque([a, b]),
    "queue": lambda a, b: _queue(a, b),
    "named tuple": Pair,
    "namedtuple": OldPair,
    "array": lambda a, b: np.array([a, b], object),
    "matrix": lambda a, b: np.array([[a, None], ["text", b]], object),
    "array of three axes": lambda a, b: np.array([a, b], object).reshape(1, 2, 1),
    "array without axes": lambda a, b: [np.array(a, object), np.array(b, object)],
    "masked array": lambda a, b: np.ma.array([a, b], mask=[False, True], dtype=object),
    "array in column order": lambda a, b: np.asfortranarray(np.array([[a, b]], object)),
    "array of lists": lambda a, b: _array_of([a], {"b": b}),
    "array of modules": lambda a, b: _array_of(Keeping(w=a), Keeping(w=b)),
    "array with fields": structured,
    "view of an array": lambda a, b: np.array([a, None, b, None], object)[::2],
    "module": lambda a, b: Keeping(w=a, b=b),
    "modules in a list": lambda a, b: [Keeping(w=a), Keeping(w=b)],
    "module with slots": lambda a, b: [SlottedModule(a), SlottedModule(b)],
    "object": Plain,
    "objects in a list": lambda a, b: [Plain(a, None), Plain(b, None)],
    "object with slots": Slotted,
    "dataclass": Record,
    "frozen dataclass": Sealed,
    "namespace": lambda a, b: types.SimpleNamespace(a=a, inner=types.SimpleNamespace(b=b)),
    "list with attributes": rows,
    "function beside": lambda a, b: [a, b, lambda: a * b],
    "method beside": lambda a, b: [a, b, Plain(a, b).__init__],
    "set beside": lambda a, b: [a, b, {a, b}],
    "keys beside": lambda a, b: [a, b, {a: 1, b: 2}],
    "itself": lambda a, b: _cyclic(a, b),
    "frozen beside": lambda a, b: [a, b, {_frozen(3.0)}],
    "optimizer beside": lambda a, b: [nn.SGD([Value(1.0)]), a, b],
    "compiled beside": lambda a, b: [autograd.compile(lambda: a * b), a, b],
    "logger beside": lambda a, b: [logging.getLogger("nn"), np, Value, a, b],
}  # fmt: skip


def _queue(a: Any, b: Any) -> Any:
    made: Any = queue.Queue()
    made.put(a)
    made.put(b)
    return made


def _array_of(a: Any, b: Any) -> Any:
    array = np.empty(2, object)
    array[:] = [a, b]
    return array


def _cyclic(a: Any, b: Any) -> Any:
    made: list[Any] = [a, {"b": b}]
    made[1]["me"] = made
    made.append(made)
    return made


def _frozen(x: float) -> Value:
    value = Value(x)
    value.requires_grad = False
    return value


@pytest.mark.parametrize("place", FOUND)
def test_a_parameter_is_found_wherever_it_is_kept(place: str, tmp_path: Path) -> None:
    def build(x: float, y: float) -> tuple[Keeping, Value, Value]:
        a, b = Value(x), Value(y)
        return Keeping(parts=FOUND[place](a, b)), a, b

    model, a, b = build(1.0, 2.0)
    assert {id(p) for p in model.parameters()} == {id(a), id(b)}
    names = [name for name, _ in model.named_parameters()]
    assert len({*names}) == 2 and all(name.startswith("parts") for name in names)
    assert sorted(model.state_dict().values()) == [1.0, 2.0]
    assert f"{model!r}".startswith("Keeping(): 2 parameters")

    model([1.0]).backward()
    nn.SGD(model, lr=0.25).step()
    assert (a.data, b.data) == (0.5, 1.0)
    model.zero_grad()
    assert (a.grad, b.grad) == (0.0, 0.0)

    trained = [build(1.0, 2.0) for _ in range(2)]
    for (each, *_), compiled in zip(trained, (None, False), strict=True):
        data = [[1.0]] * 4, [0.0] * 4
        nn.fit(each, data, loss="mse", optimizer=nn.SGD(each, lr=0.01), epochs=2, progress=False, compile=compiled)
    moved = [[p.data for p in found] for _, *found in trained]
    assert moved[0] == pytest.approx(moved[1], rel=1e-12)
    assert max(moved[0]) < 2.0

    pytest.importorskip("safetensors")
    other, c, d = build(3.0, 4.0)
    nn.save(tmp_path / "w.safetensors", model)
    nn.load(tmp_path / "w.safetensors", other)
    assert (c.data, d.data) == (a.data, b.data)


def _closure(value: Value) -> Any:
    return lambda x: value * x


def _closure_over(values: Any) -> Any:
    return lambda x, ws=values: ws[0] * x


def _decorated(value: Value) -> Any:
    def scaled(f: Any) -> Any:
        @wraps(f)
        def g(x: Any) -> Any:
            return value * f(x)

        return g

    return scaled(lambda x: x)


class Shared(nn.Module):
    w = Value(1.0)


class SharedList(nn.Module):
    layers: list[Any] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.layers.append(nn.Neuron(1))


class SharedPlain:
    w = Value(1.0)


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "set": (lambda: Keeping(w={Value(1.0)}), "in a set, which has no order"),
    "frozenset": (lambda: Keeping(w=[frozenset([Value(1.0)])]), r"in a set, which has no order \(w.0"),
    "set of modules": (lambda: Keeping(w={nn.Neuron(1)}), r"in a set, which has no order \(w.w.0\)"),
    "key": (lambda: Keeping(w={Value(1.0): "w"}), "in a dict, as a key"),
    "key in a tuple": (lambda: Keeping(w={(Value(1.0), 2): "w"}), "in a dict, as a key"),
    "closure": (lambda: Keeping(f=_closure(Value(1.0))), r"in a function \(f"),
    "closure over a list": (lambda: Keeping(f=[_closure_over([Value(1.0)])]), "in a function"),
    "decorator": (lambda: Keeping(f=_decorated(Value(1.0))), "in a function"),
    "partial": (lambda: Keeping(f=partial(max, Value(1.0))), "in a function"),
    "partial by keyword": (lambda: Keeping(f=partial(max, key=Value(1.0))), "in a function"),
    "method": (lambda: Keeping(f=Plain(Value(1.0), None).__init__), "in a function"),
    "cached function": (lambda: Keeping(f=lru_cache(_closure(Value(1.0)))), "in a function"),
    "compiled": (lambda: Keeping(f=autograd.compile(_closure(Value(1.0)))), "in a function"),
    "class": (Shared, "Shared has a parameter in its class, of which no copy is made"),
    "list of the class": (SharedList, "SharedList has a parameter in its class, of which no copy is made"),
    "class of an object": (lambda: Keeping(part=SharedPlain()), "in its class, of which no copy is made"),
}


@pytest.mark.parametrize("place", REFUSED)
def test_a_parameter_without_a_name_is_refused(place: str) -> None:
    build, message = REFUSED[place]
    model = build()
    uses: list[Callable[[], Any]] = [
        model.parameters, model.state_dict, model.zero_grad, lambda: dict(model.named_parameters()),
        lambda: model.load_state_dict({}), lambda: nn.SGD(model, lr=0.1),
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(TypeError, match=message):
            use()
    assert "Keeping" in repr(model) or "Shared" in repr(model)
    assert draw(Value(1.0) * 2.0)  # a picture looks at the models in sight, and shows them all the same


@pytest.mark.parametrize(
    "build",
    [
        lambda: Keeping(**{"a.b": Value(1.0), "a": {"b": Value(2.0)}}),
        lambda: Keeping(a={1: Value(1.0), "1": Value(2.0)}),
    ],
)
def test_two_parameters_of_one_name_are_refused(build: Any) -> None:
    message = r"two parameters of Keeping have the name a\.[b1]; give attributes, and the keys of dicts, names"
    with pytest.raises(TypeError, match=message):
        build().state_dict()


def test_the_remedies_work() -> None:
    value = Value(1.0)
    model = Keeping(parts=[value], f=_closure(value), chosen={value})
    assert model.parameters() == [value]
    assert len(SharedPlain.__dict__) and Keeping(part=SharedPlain(), parts=[SharedPlain.w]).parameters() == [
        SharedPlain.w
    ]


def test_a_property_that_remembers_does_not_rename() -> None:
    model = Cached(parts=[Value(1.0), Value(2.0)])
    before = list(model.state_dict())
    assert model.late.data == 2.0
    assert list(model.state_dict()) == before == ["parts.0", "parts.1"]


def test_names_of_arrays_are_places_in_them() -> None:
    model = Keeping(W=np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]), s=np.array(Value(5.0), object))
    assert list(model.state_dict()) == ["W.0.0", "W.0.1", "W.1.0", "W.1.1", "s."]
    model.W[0, 1] = Value(9.0)
    assert model.state_dict()["W.0.1"] == 9.0


def test_copies_of_arrays_of_values_are_independent() -> None:
    model = Keeping(W=np.array([Value(1.0), Value(2.0)]))
    for twin in copy.deepcopy(model), pickle.loads(pickle.dumps(model)):
        twin.W[0].data = 7.0
        assert model.state_dict() == {"W.0": 1.0, "W.1": 2.0}
        assert len(twin.parameters()) == 2


def test_a_value_replaced_in_an_array_counts_from_the_next_epoch() -> None:
    def at_first(epoch: int, model: Any, history: Any) -> None:
        if epoch == 0:
            model.W[0, 0] = Value(5.0)

    found = []
    for compiled in None, False:
        model = Keeping(W=np.array([[Value(1.0), Value(2.0)]]))
        words: dict[str, Any] = {"loss": "mse", "epochs": 3, "progress": False, "callbacks": [at_first]}
        data = [[1.0]] * 4, [0.0] * 4
        found.append(nn.fit(model, data, optimizer=nn.SGD(model, lr=1e-3), compile=compiled, **words).loss)
        assert model.W[0, 0].data == 5.0  # the optimiser knows the old one only
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_a_module_in_an_array_is_watched_too() -> None:
    class Scale(nn.Module):
        by = 1.0

        def __call__(self, x: Any) -> Any:
            return self.by * x

    def at_first(epoch: int, model: Any, history: Any) -> None:
        model.parts[0].by = 3.0

    class Net(nn.Module):
        def __init__(self) -> None:
            self.parts, self.w = _array_of(Scale(), None), Value(1.0)

        def __call__(self, x: Any) -> Any:
            return self.parts[0](self.w * x[0])

    found = []
    for compiled in None, False:
        model = Net()
        words: dict[str, Any] = {"loss": "mse", "epochs": 3, "progress": False, "callbacks": [at_first]}
        data = [[1.0]] * 4, [0.0] * 4
        found.append(nn.fit(model, data, optimizer=nn.SGD(model, lr=1e-3), compile=compiled, **words).loss)
    assert found[0] == pytest.approx(found[1], rel=1e-12)
    assert found[0][1] > 5.0


# ----- state -----


@pytest.mark.parametrize("build", [nn.MLP, nn.vectorized.MLP], ids=["scalar", "vectorized"])
@pytest.mark.parametrize("frozen", ["nothing", "first", "all", "detached"])
def test_a_model_that_was_frozen_is_loaded_as_it_was(build: Any, frozen: str, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")

    def made(seed: int) -> Any:
        model = build(2, [3, 1], seed=seed)
        if frozen == "detached":
            part = model.layers[0].neurons[0] if build is nn.MLP else model.layers[0]
            name = "b" if build is nn.MLP else "bias"
            setattr(part, name, getattr(part, name).detach())
        else:
            for p in model.parameters()[: {"nothing": 0, "first": 2, "all": None}[frozen]]:
                p.requires_grad = False
        return model

    n = 40 if frozen == "all" else 8  # so many are computed by a program
    x = [[1.0, -2.0]] * n
    one, two, three = made(0), made(1), made(2)
    flags = [p.requires_grad for _, p in two.named_state()]
    nn.save(tmp_path / "w.safetensors", one)
    nn.load(tmp_path / "w.safetensors", two)
    three.load_state_dict(one.state_dict())
    for other in two, three:
        assert np.array_equal(nn.predict(other, x), nn.predict(one, x))
        assert nn.evaluate(other, (x, np.zeros(n)), "mse") == pytest.approx(
            nn.evaluate(one, (x, np.zeros(n)), "mse"), nan_ok=True
        )
    assert [p.requires_grad for _, p in two.named_state()] == flags  # flags are no state, as in PyTorch
    plain = build(2, [3, 1], seed=3)
    nn.load(tmp_path / "w.safetensors", plain)
    assert np.array_equal(nn.predict(plain, x), nn.predict(one, x))
    assert len(plain.parameters()) == len(build(2, [3, 1]).parameters())


def test_a_state_without_frozen_weights_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    """Such as versions wrote that left them out."""
    numpy = pytest.importorskip("safetensors.numpy")
    model, other = nn.Linear(2, 1, seed=0), nn.Linear(2, 1, seed=1)
    model.weight.requires_grad = False
    old = {name: number for name, number in model.state_dict().items() if name != "weight"}
    with pytest.raises(
        ValueError, match=r"missing weight;.*lacks frozen weights, here weight; to keep those of this model"
    ):
        model.load_state_dict(old)
    model.load_state_dict(model.state_dict() | old)

    path = tmp_path / "old.safetensors"
    part = Keeping(bias=other.bias)
    nn.save(path, part)
    before = model.state_dict()
    with pytest.raises(nn.CheckpointError, match="lacks frozen weights, here weight; to keep those of") as caught:
        nn.load(path, model)
    assert all(np.array_equal(before[name], number) for name, number in model.state_dict().items())
    remedy = str(caught.value).partition("write ")[2]
    code, _, state = remedy.partition(", where state is ")
    exec(f"state = {state.rstrip('.')}\n{code}", {"model": model, "path": path, "safetensors": _with_numpy(numpy)})
    assert model.bias.data == other.bias.data  # type: ignore[union-attr]


def _with_numpy(numpy: Any) -> Any:
    return types.SimpleNamespace(numpy=numpy)


class Remembering(nn.Module):
    """Keeps its last output, a running mean and an input."""

    def __init__(self) -> None:
        self.inner, self.last, self.mean, self.seen = nn.MLP(2, [2], seed=0), None, 0.0, []

    def __call__(self, x: Any) -> Any:
        self.last = self.inner(x)
        self.mean = self.last[0].detach() * 0.1 + 0.9 * self.mean
        return self.last


def test_what_a_model_keeps_of_its_calls_is_no_state(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    model, keys = Remembering(), list(nn.MLP(2, [2]).state_dict())
    expected = [f"inner.{key}" for key in keys]
    assert list(model.state_dict()) == expected
    model([1.0, 2.0])
    assert list(model.state_dict()) == expected
    with no_grad():
        model([1.0, 2.0])
    assert list(model.state_dict()) == expected
    nn.predict(model, [[1.0, 2.0]])
    assert list(model.state_dict()) == expected
    nn.save(tmp_path / "w.safetensors", model)
    assert list(copy.deepcopy(model).state_dict()) == expected
    nn.load(tmp_path / "w.safetensors", Remembering())


@pytest.mark.parametrize("build", [lambda: Value(2.0), lambda: Tensor([2.0])], ids=["value", "tensor"])
def test_a_weight_that_was_computed_outside_of_a_model_is_state(build: Any) -> None:
    """Such as a pruned one: it is no parameter any more, and the function depends on it."""

    class Pruning(nn.Module):
        def __init__(self) -> None:
            self.w, self.b = build(), build()

        def __call__(self, x: Any) -> Any:
            return self.w * x[0] + self.b

    def prune(*_: Any) -> None:
        with no_grad():
            model.w = model.w * 0.5

    model = Pruning()
    prune()
    assert [name for name, _ in model.named_parameters()] == ["b"]
    assert float(np.sum(model.state_dict()["w"])) == 1.0
    model = Pruning()
    optimizer = nn.SGD({"b": model.b}, lr=0.1)
    if isinstance(model.w, Value):
        words: dict[str, Any] = {"loss": "mse", "epochs": 2, "progress": False, "callbacks": [prune], "compile": False}
        nn.fit(model, ([[1.0]] * 2, [1.0] * 2), optimizer=optimizer, **words)
        assert model.state_dict()["w"] == 0.5


@pytest.mark.parametrize("build", [nn.MLP, nn.vectorized.MLP], ids=["scalar", "vectorized"])
def test_a_training_with_frozen_weights_goes_on_from_its_file(build: Any, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    X, y = nn.data.moons(16, noise=0.1, seed=1)

    def trained(seed: int, epochs: int, file: str, before: bool) -> Any:
        model = build(2, [3, 2], seed=seed)
        optimizer = nn.AdamW(model, lr=0.05, weight_decay=0.3) if before else None
        for p in model.layers[0].parameters():
            p.requires_grad = False
        optimizer = optimizer or nn.AdamW(model, lr=0.05, weight_decay=0.3)
        words: dict[str, Any] = {"loss": "cross_entropy", "progress": False, "checkpoint": tmp_path / file}
        nn.fit(model, (X, y), optimizer=optimizer, epochs=epochs, **words)
        return model.state_dict()

    for before in True, False:
        whole = trained(0, 4, f"whole{before}", before)
        trained(0, 2, f"half{before}", before)
        resumed = trained(9, 4, f"half{before}", before)  # other weights, frozen ones too: the file has the right ones
        first = build(2, [3, 2], seed=0).state_dict()
        for name, number in whole.items():
            np.testing.assert_array_equal(resumed[name], number)
            assert np.array_equal(number, first[name]) == name.startswith("layers.0.")


def test_zero_grad_of_a_model_forgets_gradients_of_what_was_frozen_since() -> None:
    for p in Value(1.0), Tensor(1.0):
        model = Keeping(p=p)
        (p * p).backward()
        p.requires_grad = False
        model.zero_grad()
        assert not p.grad


# ----- routes -----

FREEZING: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda m: None,
    "a weight": lambda m: setattr(m.layers[0].neurons[0].w[0], "requires_grad", False),
    "a layer": lambda m: [setattr(p, "requires_grad", False) for p in m.layers[1].parameters()],
    "a shared layer": lambda m: m.layers.__setitem__(1, m.layers[0]),
    "a shared and frozen one": lambda m: [
        m.layers.__setitem__(1, m.layers[0]), *[setattr(p, "requires_grad", False) for p in m.layers[0].parameters()],
    ],
    "a replaced Value": lambda m: m.layers[0].neurons[0].w.__setitem__(0, Value(0.5)),
    "a replaced constant": lambda m: m.layers[0].neurons[0].w.__setitem__(0, Value(0.5).detach()),
    "one more": lambda m: setattr(m, "unused", Value(3.0)),
}  # fmt: skip


@pytest.mark.parametrize("change", FREEZING)
@pytest.mark.parametrize("before", [True, False], ids=["before the optimiser", "after"])
def test_every_way_to_train_a_changed_model_gives_one_answer(change: str, before: bool) -> None:
    """By hand, by a program of one's own, by `fit` with and without one, and as a vectorized twin."""
    optimize: Any = nn.AdamW if before else partial(nn.SGD, momentum=0.9)
    X, y = nn.data.moons(8, noise=0.1, seed=1)

    def made() -> tuple[Any, Any]:
        model = nn.MLP(2, [2, 2, 2], activation="tanh", seed=0)
        if before:
            FREEZING[change](model)
        optimizer = optimize(model, lr=0.05, weight_decay=0.2)
        if not before:
            FREEZING[change](model)
        return model, optimizer

    def by_hand(model: Any, optimizer: Any, loss: Callable[[], Any]) -> None:
        for _ in range(4):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()

    found = []
    for compiled in False, None:
        model, optimizer = made()
        words: dict[str, Any] = {"loss": "cross_entropy", "epochs": 4, "batch_size": None, "progress": False}
        nn.fit(model, (X, y), optimizer=optimizer, compile=compiled, shuffle=False, **words)
        found.append(model)
    model, optimizer = made()
    by_hand(model, optimizer, lambda: nn.cross_entropy([model(x) for x in X.tolist()], y))
    found.append(model)
    model, optimizer = made()
    program = autograd.compile(lambda x, t: nn.cross_entropy([model(x)], [t]))
    by_hand(model, optimizer, lambda: program.batch(X, y))
    found.append(model)
    for other in found[1:]:
        for name, number in found[0].state_dict().items():
            assert other.state_dict()[name] == pytest.approx(number, rel=1e-9, abs=1e-12), name
    scores = [nn.predict(model, np.tile(X, (5, 1))) for model in found]  # by a program, of so many rows
    for other, model in zip(scores, found, strict=True):
        np.testing.assert_allclose(other[:8], [[v.data for v in model(x)] for x in X.tolist()], rtol=1e-12)
    if before and change in ("nothing", "a layer", "a shared layer", "a shared and frozen one"):
        fresh, _ = made()
        twin = fresh.vectorize()
        by_hand(twin, optimize(twin, lr=0.05, weight_decay=0.2), lambda: nn.cross_entropy(twin(X), y))
        np.testing.assert_allclose(nn.predict(twin, X), scores[0][:8], rtol=1e-9)


# ----- what was found before is not taken for what is there now -----


class Several(nn.Module):
    def __init__(self) -> None:
        self.rows = [[Value(1.0), Value(2.0)], [Value(3.0)]]
        self.table = {"gain": Value(4.0)}
        self.inner = nn.Neuron(1, seed=0)
        self.queue = deque([Value(5.0)])

    def __call__(self, x: Any) -> Any:
        return x


def replace_by_an_equal_one(model: Several) -> None:
    model.rows[0][1] = Value(2.0)


CHANGES: dict[str, tuple[Callable[[Several], Any], list[str]]] = {
    "another Value, of the same number": (replace_by_an_equal_one, []),
    "appended": (lambda model: model.rows[1].append(Value(6.0)), ["rows.1.1"]),
    "moved to the next list": (lambda model: model.rows[1].insert(0, model.rows[0].pop()), ["rows.1.1", "-rows.0.1"]),
    "under another key": (lambda model: model.table.update(new=model.table.pop("gain")), ["table.new", "-table.gain"]),
    "a new attribute": (lambda model: setattr(model, "extra", Value(6.0)), ["extra"]),
    "past the setter": (lambda model: vars(model).update(extra=Value(6.0)), ["extra"]),
    "in a module inside": (lambda model: setattr(model.inner, "b", None), ["-inner.b"]),
    "in a queue": (lambda model: model.queue.append(Value(6.0)), ["queue.1"]),
    "deleted": (lambda model: delattr(model, "table"), ["-table.gain"]),
}  # fmt: skip


@pytest.mark.parametrize("way", CHANGES)
def test_a_change_between_two_looks_is_seen(way: str) -> None:
    model = Several()
    before = dict(model.named_parameters())
    change, difference = CHANGES[way]
    change(model)
    after = dict(model.named_parameters())
    gone = {name[1:] for name in difference if name.startswith("-")}
    assert after.keys() == before.keys() - gone | {name for name in difference if not name.startswith("-")}
    for p in after.values():
        p.grad = 1.0
    model.zero_grad()
    assert all(p.grad == 0.0 for p in after.values())
    assert (after.get("rows.0.1") is before["rows.0.1"]) == (way not in (next(iter(CHANGES)), "moved to the next list"))


def test_a_model_that_was_looked_at_is_freed_without_the_collector() -> None:
    gc.disable()
    try:
        models = [nn.MLP(2, [3, 1], seed=0) for _ in range(20)]
        died = [weakref.ref(each) for model in models for each in (model, *model.parameters())]
        del models
        assert not any(each() for each in died)
    finally:
        gc.enable()


def test_gradients_of_a_compiled_model_are_cleared_as_one_array() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    loss = autograd.compile(lambda x: model(x) ** 2)
    for set_to_none in (True, False):
        loss([1.0, 2.0]).backward()
        assert any(p.grad for p in model.parameters())
        model.zero_grad(set_to_none)
        assert {(p.grad, p.grad is NO_GRADIENT) for p in model.parameters()} == {(0.0, set_to_none)}


def test_a_parameter_that_is_the_default_of_a_function_is_not_missed() -> None:
    class Scaled(nn.Module):
        def __init__(self, f: Any) -> None:
            self.f = f

    w = Value(2.0)
    for f in (lambda x, w=w: w * x, lambda x, *, w=w: w * x):
        with pytest.raises(TypeError, match=r"Scaled has a parameter in a function \(f\)"):
            Scaled(f).parameters()
