"""`nn.Module`: finding parameters by looking, names, states, modes, and what it prints."""

import copy
import math
import pickle
from typing import Any, ClassVar

import numpy as np
import pytest

import nn
from autograd import Tensor, Value


class Bag(nn.Module):
    """A module with whatever attributes a test wants."""

    def __init__(self, **attributes: Any) -> None:
        for name, attribute in attributes.items():
            setattr(self, name, attribute)


def names(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_parameters()]


# ----- finding parameters -----


def test_names_are_the_way_to_the_parameter() -> None:
    model = nn.MLP(2, [4, 1])
    assert model.layers[0].neurons[3].w[1] is dict(model.named_parameters())["layers.0.neurons.3.w.1"]
    assert names(nn.MLP(1, [2, 1])) == [
        "layers.0.neurons.0.w.0",
        "layers.0.neurons.0.b",
        "layers.0.neurons.1.w.0",
        "layers.0.neurons.1.b",
        "layers.1.neurons.0.w.0",
        "layers.1.neurons.0.w.1",
        "layers.1.neurons.0.b",
    ]
    assert names(nn.vectorized.MLP(1, [2, 1])) == [
        "layers.0.weight",
        "layers.0.bias",
        "layers.1.weight",
        "layers.1.bias",
    ]


def test_order_is_that_in_which_the_attributes_were_made() -> None:
    b, a, c = Value(1.0), Value(2.0), Tensor([3.0])
    module = Bag(b=b, a=a)
    module.c = c
    assert names(module) == ["b", "a", "c"]
    assert [p is q for p, q in zip(module.parameters(), (b, a, c), strict=True)] == [True] * 3


def test_lists_tuples_and_dicts_are_looked_through_at_any_depth() -> None:
    module = Bag(
        table={"gain": Value(1.0), "inner": [Value(2.0), {"deep": Value(3.0)}], 7: Value(6.0)},
        pair=(Value(4.0), Bag(v=Value(5.0))),
    )
    assert {name: p.data for name, p in module.named_parameters()} == {
        "table.gain": 1.0,
        "table.inner.0": 2.0,
        "table.inner.1.deep": 3.0,
        "table.7": 6.0,
        "pair.0": 4.0,
        "pair.1.v": 5.0,
    }


def test_only_leaves_that_ask_for_a_gradient_are_parameters() -> None:
    w = Value(2.0)
    module = Bag(
        w=w, result=w * 3.0, constant=w.detach(), tensor=Tensor([1.0]).detach(), number=3.0, text="w", nothing=None
    )
    assert names(module) == ["w"]


def test_the_state_has_frozen_numbers_and_no_results_of_a_call() -> None:
    class Shifted(nn.Module):
        def __init__(self) -> None:
            self.w, self.offset = Value(2.0), Value(3.0).detach()

        def __call__(self, x: float) -> Value:
            self.last = self.w.detach()
            return self.w * x + self.offset

    model = Shifted()
    model(1.0)
    assert list(model.state_dict()) == ["w", "offset"]


def test_freezing_takes_a_parameter_out() -> None:
    model = nn.vectorized.MLP(2, [3, 1])
    model.layers[0].weight.requires_grad = False
    assert names(model) == ["layers.0.bias", "layers.1.weight", "layers.1.bias"]


def test_tied_parameters_count_once_under_the_first_name() -> None:
    shared = nn.Linear(3, 3)
    model = nn.Sequential(shared, nn.Tanh(), shared)
    assert names(model) == ["layers.0.weight", "layers.0.bias"]
    w = Value(2.0)
    assert names(Bag(first=w, again=[w], other=Value(2.0))) == ["first", "other"]  # equal numbers are not tied


def test_a_reference_to_a_parent_does_not_loop() -> None:
    parent = Bag(w=Value(1.0))
    parent.child = Bag(v=Value(2.0), parent=parent)
    parent.child.grandchild = Bag(top=[parent], u=Value(3.0))
    parent.me = parent
    assert names(parent) == ["w", "child.v", "child.grandchild.u"]
    assert [type(m) for m in parent.modules()] == [Bag, Bag, Bag]
    assert repr(parent) == ("Bag(): 3 parameters\n  (child) Bag(): 3 parameters\n    (grandchild) Bag(): 3 parameters")


def test_a_module_without_parameters() -> None:
    assert nn.Module().parameters() == []
    assert nn.Module().state_dict() == {}
    with pytest.raises(NotImplementedError, match=r"Bag does not say what it computes.*__call__"):
        Bag()(1.0)


# ----- gradients and modes -----


def test_zero_grad_forgets_every_gradient() -> None:
    scalar, fast = nn.MLP(2, [3, 1], seed=0), nn.vectorized.MLP(2, [3, 1], seed=0)
    for model in scalar, fast:
        loss = model([1.0, 2.0])
        (loss if model is scalar else loss.sum()).backward()
    assert any(p.grad for p in scalar.parameters())
    assert all(p.grad is not None for p in fast.parameters())
    scalar.zero_grad()
    fast.zero_grad()
    assert [p.grad for p in scalar.parameters()] == [0.0] * 13
    assert [p.grad for p in fast.parameters()] == [None] * 4


def test_train_and_eval_reach_every_module_and_return_the_model() -> None:
    model = nn.Sequential(nn.Linear(2, 3), Bag(inner={"a": [nn.Tanh()]}))
    assert all(m.training for m in model.modules())
    assert model.eval() is model
    assert [m.training for m in model.modules()] == [False] * 4
    assert model.train() is model
    assert [m.training for m in model.modules()] == [True] * 4
    assert nn.Linear(1, 1).training  # other models keep their own mode


# ----- what it prints -----


def test_repr_of_an_mlp() -> None:
    assert repr(nn.MLP(2, [16, 16, 1])) == (
        "MLP(3 layers): 337 parameters\n"
        "  (layers.0) Layer(2 → 16, relu): 48 parameters\n"
        "  (layers.1) Layer(16 → 16, relu): 272 parameters\n"
        "  (layers.2) Layer(16 → 1, linear): 17 parameters"
    )
    assert repr(nn.vectorized.MLP(784, [128, 10], activation="gelu")) == (
        "MLP(2 layers): 101,770 parameters\n"
        "  (layers.0) Linear(784 → 128, gelu, float32): 100,480 parameters\n"
        "  (layers.1) Linear(128 → 10, linear, float32): 1,290 parameters"
    )


def test_repr_of_small_and_nested_modules() -> None:
    assert repr(nn.Neuron(3, "tanh", bias=False)) == "Neuron(3 → 1, tanh): 3 parameters"
    assert repr(nn.Layer(2, 3)) == "Layer(2 → 3, relu): 9 parameters"
    assert repr(nn.Tanh()) == "Tanh()"
    assert repr(nn.Activation("gelu")) == "Activation('gelu')"
    nested = Bag(body=nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    assert repr(nested).splitlines()[2:] == [
        "    (layers.0) Linear(2 → 2, linear, float32): 6 parameters",
        "    (layers.1) ReLU()",
    ]


# ----- state -----


@pytest.mark.parametrize("build", [nn.MLP, nn.vectorized.MLP], ids=["scalar", "vectorized"])
def test_a_state_makes_another_model_the_same(build: Any) -> None:
    one, two = build(2, [3, 2], seed=0), build(2, [3, 2], seed=1)
    x = [0.5, -1.5]
    scores = [nn.predict(model, [x]) for model in (one, two)]
    assert not np.array_equal(*scores)
    parameters = two.parameters()
    two.load_state_dict(one.state_dict())
    assert np.array_equal(nn.predict(two, [x]), scores[0])
    assert all(p is q for p, q in zip(two.parameters(), parameters, strict=True))  # optimisers keep working


def test_state_dict_holds_floats_and_copies_of_arrays() -> None:
    model = Bag(v=Value(1.5), t=Tensor([1.0, 2.0], dtype=np.float32))
    state = model.state_dict()
    assert type(state["v"]) is float
    state["t"][:] = 9.0
    assert model.t.data.tolist() == [1.0, 2.0]
    saved = model.state_dict()
    model.t.data += 1.0
    assert saved["t"].tolist() == [1.0, 2.0]
    assert saved["t"].dtype == np.float32


def test_load_state_dict_copies_and_keeps_the_dtype() -> None:
    model = nn.Linear(2, 1)
    state = {"weight": np.array([[1.0, 2.0]]), "bias": np.array([3])}
    model.load_state_dict(state)
    state["weight"][:] = 9.0
    assert model.weight.data.tolist() == [[1.0, 2.0]]
    assert model.weight.dtype == model.bias.dtype == np.float32
    exact = nn.Linear(2, 1, bias=False, dtype=np.float64)
    state = {"weight": np.array([[1.0, 2.0]])}
    exact.load_state_dict(state)
    state["weight"][:] = 9.0
    assert exact.weight.data.tolist() == [[1.0, 2.0]]
    scalar = nn.Neuron(1)
    scalar.load_state_dict({"w.0": np.float32(2.0), "b": np.array(1)})
    assert [type(p.data) for p in scalar.parameters()] == [float, float]


BAD_STATES: list[tuple[str, Any, type[Exception], str]] = [
    ("missing", lambda s: {k: v for k, v in s.items() if k != "v"}, ValueError, "missing v; unexpected nothing"),
    ("unexpected", lambda s: {**s, "extra": 1.0}, ValueError, "missing nothing; unexpected extra"),
    ("renamed", lambda s: {("V" if k == "v" else k): v for k, v in s.items()}, ValueError, "missing v; unexpected V"),
    ("shape", lambda s: {**s, "t": np.ones(3)}, ValueError, r"t: expected shape \(2,\), got \(3,\)"),
    ("array for a number", lambda s: {**s, "v": np.ones(1)}, ValueError, r"v: expected shape \(\), got \(1,\)"),
    ("number for an array", lambda s: {**s, "t": 1.0}, ValueError, r"t: expected shape \(2,\), got \(\)"),
    ("nan", lambda s: {**s, "t": [1.0, math.nan]}, ValueError, "t: the state holds nan or inf"),
    ("inf", lambda s: {**s, "v": math.inf}, ValueError, "v: the state holds nan or inf"),
    ("too large for float32", lambda s: {**s, "t": [1.0, 1e300]}, ValueError, "t: the state holds nan or inf"),
    ("text", lambda s: {**s, "v": "3.0"}, TypeError, "v must be plain numbers.*str"),
    ("None", lambda s: {**s, "v": None}, TypeError, "v must be plain numbers.*NoneType"),
    ("complex", lambda s: {**s, "t": np.array([1j, 2.0])}, TypeError, "t must be plain numbers.*complex128"),
    ("ragged", lambda s: {**s, "t": [[1.0], [1.0, 2.0]]}, TypeError, "t must be plain numbers.*equal length"),
    ("a node", lambda s: {**s, "v": Value(1.0)}, TypeError, r"v must be plain numbers.*\.data"),
    ("not a dict", lambda s: list(s.items()), TypeError, "takes what state_dict.* returned, a dict; got list"),
]


@pytest.mark.parametrize(("spoil", "error", "message"), [c[1:] for c in BAD_STATES], ids=[c[0] for c in BAD_STATES])
def test_a_state_that_does_not_fit_changes_nothing(spoil: Any, error: type[Exception], message: str) -> None:
    model = Bag(u=Value(1.0), v=Value(2.0), t=Tensor([3.0, 4.0], dtype=np.float32), last=Value(5.0))
    good = Bag(u=Value(-1.0), v=Value(-2.0), t=Tensor([-3.0, -4.0]), last=Value(-5.0)).state_dict()
    arrays = [p.data for p in model.parameters()]
    with pytest.raises(error, match=message):
        model.load_state_dict(spoil(good))
    assert all(p.data is before for p, before in zip(model.parameters(), arrays, strict=True))
    assert model.t.data.tolist() == [3.0, 4.0]


def test_a_long_list_of_missing_names_is_cut() -> None:
    with pytest.raises(ValueError, match=r"missing layers\.0\.neurons\.0\.b, .* and 44 more; unexpected nothing"):
        nn.MLP(2, [12, 1]).load_state_dict({})


# ----- copies -----


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("build", [nn.MLP, nn.vectorized.MLP], ids=["scalar", "vectorized"])
def test_a_copy_is_independent(build: Any, copied: Any) -> None:
    model = build(2, [3, 2], seed=0)
    X, y = np.array([[1.0, -1.0], [0.5, 2.0]]), np.array([0, 1])
    before = nn.predict(model, X)
    twin = copied(model)
    assert names(twin) == names(model)
    nn.fit(twin, (X, y), loss="cross_entropy", optimizer=nn.SGD(twin, lr=0.5), epochs=2, progress=False)
    assert np.array_equal(nn.predict(model, X), before)
    assert not np.array_equal(nn.predict(twin, X), before)


def test_a_deep_copy_keeps_ties() -> None:
    shared = nn.Linear(2, 2)
    twin = copy.deepcopy(nn.Sequential(shared, shared))
    assert twin.layers[0] is twin.layers[1]
    assert twin.layers[0] is not shared


def test_parameters_in_a_dict_and_deep_in_lists_are_found_by_their_way() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            self.by_name = {"gain": Value(1.0), "more": [(Value(2.0),), nn.Neuron(1)]}
            self.text = "no parameter"

    names = [name for name, _ in Odd().named_parameters()]
    assert names == ["by_name.gain", "by_name.more.0.0", "by_name.more.1.w.0", "by_name.more.1.b"]


def test_a_module_may_have_another_base_that_asks_for_options() -> None:
    class Registered:
        names: ClassVar[list[str]] = []

        def __init_subclass__(cls, name: str = "", **options: Any) -> None:
            super().__init_subclass__(**options)
            cls.names.append(name)

    class Own(nn.Module, Registered, name="own"):
        pass

    assert Registered.names == ["own"]


def test_a_module_is_frozen_and_let_go_as_a_whole() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    model.layers[0].requires_grad_(False)
    assert len(model.parameters()) == 4
    assert model.requires_grad_() is model and len(model.parameters()) == 13
    assert not model.requires_grad_(False).parameters()


def test_pytorchs_name_for_what_a_module_computes() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            self.w = Value(2.0)

        def forward(self, x: Any, more: float = 0.0) -> Any:
            return self.w * x + more

    class Thrice(Twice):
        def forward(self, x: Any, more: float = 0.0) -> Any:
            return 1.5 * super().forward(x, more)

    assert float(Twice()(3.0)) == 6.0 and float(Thrice()(3.0, more=1.0)) == 10.5
    assert Twice()(3.0).scope[1].__class__ is Twice
