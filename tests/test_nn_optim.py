"""Optimisers against PyTorch's formulas written out by hand, on Values and Tensors; state, skipping, bad input."""

import copy
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, Value
from nn.checks import real

Array = np.ndarray[Any, Any]
Gradient = Callable[[Array], Array]
STEPS = 50
START = np.array([[1.5, -2.0], [0.25, 3.0]])

# ----- the formulas, as PyTorch's documentation has them: p, g, step t = 1, 2, …, memory -> p -----


def sgd(
    p: Array,
    g: Array,
    t: int,
    memory: dict[str, Array],
    lr: float = 0.01,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> Array:
    g = g + weight_decay * p
    if momentum:
        memory["b"] = g if t == 1 else momentum * memory["b"] + g
        g = g + momentum * memory["b"] if nesterov else memory["b"]
    return p - lr * g


def rmsprop(
    p: Array,
    g: Array,
    t: int,
    memory: dict[str, Array],
    lr: float = 0.01,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Array:
    g = g + weight_decay * p
    memory["v"] = alpha * memory.get("v", np.zeros_like(p)) + (1 - alpha) * g**2
    return p - lr * g / (np.sqrt(memory["v"]) + eps)


def adam(
    p: Array,
    g: Array,
    t: int,
    memory: dict[str, Array],
    lr: float = 0.001,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Array:
    g = g + weight_decay * p
    memory["m"] = betas[0] * memory.get("m", np.zeros_like(p)) + (1 - betas[0]) * g
    memory["v"] = betas[1] * memory.get("v", np.zeros_like(p)) + (1 - betas[1]) * g**2
    m, v = memory["m"] / (1 - betas[0] ** t), memory["v"] / (1 - betas[1] ** t)
    return p - lr * m / (np.sqrt(v) + eps)


def adamw(
    p: Array,
    g: Array,
    t: int,
    memory: dict[str, Array],
    lr: float = 0.001,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Array:
    return adam(p * (1 - lr * weight_decay), g, t, memory, lr, betas, eps)


CASES: list[tuple[Any, Callable[..., Array], dict[str, Any]]] = [
    (nn.SGD, sgd, {}),
    (nn.SGD, sgd, {"lr": 0.1, "weight_decay": 0.1}),
    (nn.SGD, sgd, {"lr": 0.05, "momentum": 0.9}),
    (nn.SGD, sgd, {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.1}),
    (nn.SGD, sgd, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    (nn.SGD, sgd, {"lr": 0.05, "momentum": 0.5, "nesterov": True, "weight_decay": 0.2}),
    (nn.RMSProp, rmsprop, {}),
    (nn.RMSProp, rmsprop, {"lr": 0.05, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    (nn.Adam, adam, {}),
    (nn.Adam, adam, {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3}),
    (nn.Adam, adam, {"lr": 0.1, "weight_decay": 0.1}),
    (nn.AdamW, adamw, {}),
    (nn.AdamW, adamw, {"lr": 0.1, "betas": (0.5, 0.7), "weight_decay": 0.3}),
]
EVERY_CASE = pytest.mark.parametrize(
    ("optimizer", "formula", "words"), CASES, ids=lambda x: getattr(x, "__name__", str(x))
)
EVERY_OPTIMIZER = pytest.mark.parametrize("optimizer", [nn.SGD, nn.RMSProp, nn.Adam, nn.AdamW])


def gradient(p: Array, t: int) -> Array:
    """Something that depends on the parameter and on the step, with signs that change."""
    return np.asarray(0.5 * p**3 - p + np.sin(np.arange(p.size).reshape(p.shape) + t))


def trace(formula: Callable[..., Array], words: dict[str, Any]) -> list[Array]:
    p, memory, track = START, {}, []  # type: ignore[var-annotated]
    for t in range(1, STEPS + 1):
        p = formula(p, gradient(p, t), t, memory, **words)
        track.append(p)
    return track


@EVERY_CASE
def test_tensors_follow_the_formula(optimizer: Any, formula: Callable[..., Array], words: dict[str, Any]) -> None:
    p = Tensor(START.copy())
    opt = optimizer([p], **words)
    for t, expected in enumerate(trace(formula, words), 1):
        p.grad = gradient(p.data, t)
        opt.step()
        np.testing.assert_allclose(p.data, expected, rtol=1e-12, atol=1e-12)
    assert opt.steps == STEPS


@EVERY_CASE
def test_values_follow_the_formula(optimizer: Any, formula: Callable[..., Array], words: dict[str, Any]) -> None:
    ps = [Value(x) for x in START.flat]
    opt = optimizer(ps, **words)
    for t, expected in enumerate(trace(formula, words), 1):
        now = np.array([p.data for p in ps]).reshape(START.shape)
        for p, g in zip(ps, gradient(now, t).flat, strict=True):
            p.grad = float(g)
        opt.step()
        np.testing.assert_allclose([p.data for p in ps], expected.ravel(), rtol=1e-12, atol=1e-12)
    assert {type(p.data) for p in ps} == {float}


@EVERY_CASE
def test_a_model_and_its_twin_move_alike(optimizer: Any, formula: Any, words: dict[str, Any]) -> None:
    slow = nn.MLP(2, [3, 2], activation="tanh", seed=1)
    fast = slow.vectorize()
    X, y = nn.data.blobs(8, classes=2, seed=0)
    for model, scores in (slow, lambda: [slow(row) for row in X.tolist()]), (fast, lambda: fast(X)):
        opt = optimizer(model, **words)
        for _ in range(5):
            opt.zero_grad()
            nn.cross_entropy(scores(), y).backward()
            opt.step()
    for a, b in zip(slow.vectorize().parameters(), fast.parameters(), strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-12, atol=1e-12)


# ----- going downhill -----


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        (nn.SGD, {"lr": 0.02}),
        (nn.SGD, {"lr": 0.01, "momentum": 0.9}),
        (nn.SGD, {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
        (nn.RMSProp, {"lr": 0.01}),
        (nn.Adam, {"lr": 0.05}),
        (nn.AdamW, {"lr": 0.05, "weight_decay": 0.0}),
    ],
)
def test_a_narrow_valley_is_descended(optimizer: Any, words: dict[str, Any]) -> None:
    p = Tensor([3.0, -2.0])
    opt = optimizer([p], **words)
    for _ in range(400):
        opt.zero_grad()
        (p * p * np.array([1.0, 20.0])).sum().backward()
        opt.step()
    assert np.abs(p.data).max() < 0.05


# ----- parameters and state -----


@EVERY_OPTIMIZER
def test_a_model_its_parameters_a_dict_and_an_iterator_are_all_taken(optimizer: Any) -> None:
    results = []
    for parameters in (
        lambda m: m,
        lambda m: m.parameters(),
        lambda m: dict(m.named_parameters()),
        lambda m: iter(m.parameters()),
        lambda m: tuple(m.parameters()),
    ):
        model = nn.vectorized.MLP(2, [3, 1], seed=0)
        opt = optimizer(parameters(model), lr=0.1)
        model([1.0, 2.0]).sum().backward()
        opt.step()
        results.append(np.concatenate([p.data.ravel() for p in model.parameters()]))
        opt.zero_grad()
        assert all(p.grad is None for p in model.parameters())
    assert all(np.array_equal(results[0], other) for other in results)
    assert not np.array_equal(results[0], np.zeros_like(results[0]))


def test_state_is_kept_by_the_parameters_names() -> None:
    model = nn.MLP(1, [1], seed=0)
    opt = nn.Adam(model)
    assert set(opt.state) == {"layers.0.neurons.0.w.0", "layers.0.neurons.0.b"}
    model([2.0]).backward()
    opt.step()
    assert opt.state["layers.0.neurons.0.w.0"]["mean"] == pytest.approx(0.1 * 2.0)
    assert opt.state["layers.0.neurons.0.b"] == pytest.approx({"t": 1, "mean": 0.1, "square": 0.001})
    assert set(nn.SGD([Value(1.0), Value(2.0)]).state) == {"0", "1"}
    assert set(nn.SGD({"gain": Value(1.0)}).state) == {"gain"}


@EVERY_OPTIMIZER
def test_parameters_without_a_gradient_stay_and_age_no_state(optimizer: Any) -> None:
    used, unused = Tensor([1.0]), Tensor([2.0])
    opt = optimizer([used, unused], weight_decay=0.5)
    before = unused.data
    used.grad = np.array([1.0])
    opt.step()
    assert used.data.tolist() != [1.0]
    assert unused.data is before
    assert opt.state["1"] == {}


@EVERY_OPTIMIZER
def test_float32_stays_float32_even_at_a_numpy_learning_rate(optimizer: Any) -> None:
    p = Tensor([1.0, 2.0], dtype=np.float32)
    opt = optimizer([p], weight_decay=0.1)
    opt.lr = np.float64(0.5)  # as np.linspace(0.5, 0.1, 10)[0] would be
    v = Value(1.0)
    scalar = optimizer([v])
    scalar.lr = np.float32(0.5)
    for _ in range(2):
        p.grad, v.grad = np.ones(2, np.float32), 1.0
        opt.step()
        scalar.step()
    assert p.dtype == np.float32
    assert {kept.dtype for kept in opt.state["0"].values() if isinstance(kept, np.ndarray)} <= {np.dtype(np.float32)}
    assert type(v.data) is float


@EVERY_OPTIMIZER
def test_the_learning_rate_may_be_changed_between_steps(optimizer: Any) -> None:
    p = Value(1.0)
    opt = optimizer([p])
    opt.lr = 0.0
    p.grad = 1.0
    opt.step()
    assert p.data == 1.0
    for wrong in -0.1, math.nan, None, "0.1":
        opt.lr = wrong
        with pytest.raises((TypeError, ValueError), match="lr must be"):
            opt.step()
        assert p.data == 1.0


@pytest.mark.parametrize("stepped", [False, True])
@pytest.mark.parametrize("kind", ["Value", "Tensor", "compiled"])
@pytest.mark.parametrize(
    ("optimizer", "name", "wrong", "said"),
    [
        (nn.SGD, "lr", None, "lr must be a number, got NoneType None"),
        (nn.SGD, "weight_decay", "a", "weight_decay must be a number, got str 'a'"),
        (nn.SGD, "weight_decay", np.ones(2), "weight_decay must be a number, got ndarray"),
        (nn.SGD, "momentum", 1.5, "momentum must be at least 0 and less than 1, got 1.5"),
        (nn.SGD, "nesterov", "no", "nesterov must be True or False, got str 'no'"),
        (nn.RMSProp, "alpha", None, "alpha must be a number, got NoneType None"),
        (nn.RMSProp, "eps", 0.0, "eps must be greater than 0 and finite, got 0.0"),
        (nn.Adam, "betas", 0.9, "betas must be a pair such as (0.9, 0.999), got 0.9"),
        (nn.Adam, "betas", (0.9, "b"), "betas[1] must be a number, got str 'b'"),
        (nn.Adam, "eps", math.nan, "eps must be greater than 0 and finite, got nan"),
        (nn.AdamW, "weight_decay", -1, "weight_decay must be at least 0 and finite, got -1"),
    ],
)
def test_a_setting_that_is_nonsense_moves_nothing(
    optimizer: Any, name: str, wrong: Any, said: str, kind: str, stepped: bool
) -> None:
    p, q = (Tensor([1.0]), Tensor([2.0])) if kind == "Tensor" else (Value(1.0), Value(2.0))
    opt = optimizer([p, q])
    loss = autograd.compile(lambda x: p * q * x) if kind == "compiled" else lambda x: p * q * x
    loss(1.0).backward()
    if stepped:
        opt.step()
    before = copy.deepcopy((p.data, q.data, opt.state, opt.steps))
    usual = getattr(opt, name)
    setattr(opt, name, wrong)
    with pytest.raises((TypeError, ValueError)) as caught:
        opt.step()
    assert str(caught.value).startswith(said)
    assert (p.data, q.data, opt.state, opt.steps) == before
    setattr(opt, name, usual)
    opt.step()
    assert p.data != before[0]


def test_clearing_a_gradient_in_place_does_not_reach_the_velocity() -> None:
    p = Tensor([1.0])
    opt = nn.SGD([p], lr=1.0, momentum=0.5)
    p.grad = np.array([1.0])
    opt.step()
    p.grad[:] = 0.0
    opt.step()
    assert p.data.tolist() == [1.0 - 1.0 - 0.5]


@pytest.mark.parametrize("optimizer", [nn.Adam, lambda parameters: nn.SGD(parameters, momentum=0.9)])
def test_the_mean_of_a_gradient_that_stays_zero_fades_to_zero(optimizer: Any) -> None:
    """And not to the smallest denormal numbers, with which every step would take several times as long."""
    w = Tensor(np.ones(3), dtype=np.float32)
    moving = optimizer([w])
    w.grad = np.ones(3, np.float32)
    moving.step()
    w.grad = np.zeros(3, np.float32)
    for _ in range(1100):
        moving.step()
    state = moving.state["0"]
    assert not state.get("mean", state.get("velocity")).any()


def test_a_gradient_with_a_graph_of_its_own_is_used_as_a_number() -> None:
    for p in Value(2.0), Tensor([2.0]):
        loss = p * p if isinstance(p, Value) else (p * p).sum()
        loss.backward(create_graph=True)
        nn.SGD([p], lr=0.25).step()
        assert float(p) == 1.0
        assert p.parents == ()


def test_a_step_that_raises_writes_nothing() -> None:
    class Choosy(nn.SGD):
        armed = False

        def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
            moved = super().update(p, g, state)
            if self.armed and p == 3.0:
                raise ArithmeticError("no threes")
            return moved

    ps = [Value(1.0), Value(2.0), Value(3.0)]
    opt = Choosy(ps, momentum=0.5)
    opt.lr = 0.0
    for p in ps:
        p.grad = 1.0
    opt.step()
    opt.lr, opt.armed = 0.1, True
    state = {name: dict(kept) for name, kept in opt.state.items()}
    with pytest.raises(ArithmeticError, match="no threes"):
        opt.step()
    assert [p.data for p in ps] == [1.0, 2.0, 3.0]
    assert opt.state == state
    assert opt.steps == 1


def test_an_optimizer_of_ones_own_needs_an_update() -> None:
    class Sign(nn.Optimizer):
        def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
            return p - self.lr * np.sign(g)

    p = Tensor([1.0, 1.0])
    p.grad = np.array([5.0, -7.0])
    Sign([p], lr=0.5).step()
    assert p.data.tolist() == [0.5, 1.5]
    with pytest.raises(NotImplementedError):
        nn.Optimizer([p], lr=0.1).step()


def test_repr_shows_the_settings() -> None:
    p = [Value(1.0)]
    assert repr(nn.SGD(p, 0.1, momentum=0.9)) == "SGD(lr=0.1, weight_decay=0.0, momentum=0.9, nesterov=False)"
    assert repr(nn.Adam(p)) == "Adam(lr=0.001, weight_decay=0.0, betas=(0.9, 0.999), eps=1e-08)"


# ----- bad input -----


@EVERY_OPTIMIZER
@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"lr": 0.0}, ValueError, "lr must be greater than 0 and finite, got 0.0"),
        ({"lr": -1}, ValueError, "lr must be greater than 0 and finite, got -1"),
        ({"lr": math.nan}, ValueError, "lr must be greater than 0 and finite, got nan"),
        ({"lr": math.inf}, ValueError, "lr must be greater than 0 and finite, got inf"),
        ({"lr": "0.1"}, TypeError, "lr must be a number, got str '0.1'"),
        ({"lr": True}, TypeError, "lr must be a number, got bool True"),
        ({"lr": None}, TypeError, "lr must be a number, got NoneType"),
        ({"weight_decay": -0.1}, ValueError, "weight_decay must be at least 0 and finite, got -0.1"),
        ({"weight_decay": None}, TypeError, "weight_decay must be a number, got NoneType"),
    ],
)
def test_bad_rates(optimizer: Any, words: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        optimizer([Value(1.0)], **words)


@pytest.mark.parametrize(
    ("optimizer", "words", "error", "message"),
    [
        (nn.SGD, {"momentum": 1.0}, ValueError, "momentum must be at least 0 and less than 1, got 1.0"),
        (nn.SGD, {"momentum": -0.1}, ValueError, "momentum must be at least 0"),
        (nn.SGD, {"momentum": "0.9"}, TypeError, "momentum must be a number"),
        (nn.SGD, {"nesterov": True}, ValueError, "nesterov=True looks ahead along the momentum; give momentum"),
        (nn.RMSProp, {"alpha": 1.0}, ValueError, "alpha must be at least 0 and less than 1"),
        (nn.RMSProp, {"eps": 0.0}, ValueError, "eps must be greater than 0"),
        (nn.Adam, {"betas": 0.9}, TypeError, r"betas must be a pair such as \(0.9, 0.999\), got 0.9"),
        (nn.Adam, {"betas": (0.9,)}, TypeError, "betas must be a pair"),
        (nn.Adam, {"betas": (1.0, 0.9)}, ValueError, r"betas\[0\] must be at least 0 and less than 1, got 1.0"),
        (nn.AdamW, {"betas": (0.9, math.nan)}, ValueError, r"betas\[1\] must be"),
        (nn.AdamW, {"eps": -1e-8}, ValueError, "eps must be greater than 0"),
    ],
)
def test_bad_settings(optimizer: Any, words: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        optimizer([Value(1.0)], **words)


@EVERY_OPTIMIZER
@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ([], ValueError, "at least one parameter"),
        (nn.ReLU(), ValueError, "at least one parameter; this model has none"),
        (3.0, TypeError, r"takes a model or its parameters\(\), got float"),
        ("weights", TypeError, r"takes a model or its parameters\(\), got str"),
        (np.ones(3), TypeError, r"takes a model or its parameters\(\), got ndarray"),
        (Value(1.0), TypeError, r"takes a model or its parameters\(\), got Value"),
        (Tensor([1.0]), TypeError, r"takes a model or its parameters\(\), got Tensor"),
        ([1.0, 2.0], TypeError, "parameter 0 must be a leaf Value or Tensor, got 1.0"),
        ({"w": Value(1.0), "n": 3}, TypeError, "parameter n must be a leaf Value or Tensor, got 3"),
        ([Value(1.0), Value(1.0) * 2.0], TypeError, "parameter 1 must be a leaf Value or Tensor"),
    ],
)
def test_bad_parameters(optimizer: Any, parameters: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        optimizer(parameters)


# ----- schedules -----


@pytest.mark.parametrize(
    ("schedule", "points"),
    [
        (nn.schedules.constant, {0.0: 1.0, 0.3: 1.0, 1.0: 1.0}),
        (nn.schedules.linear, {0.0: 1.0, 0.25: 0.75, 1.0: 0.0}),
        (nn.schedules.cosine, {0.0: 1.0, 0.5: 0.5, 1.0 / 3.0: 0.75, 1.0: 0.0}),
    ],
)
def test_schedules(schedule: Any, points: dict[float, float]) -> None:
    assert {done: schedule(done) for done in points} == pytest.approx(points)


def test_real_keeps_to_its_interval() -> None:
    assert real("x", np.float32(0.5)) == 0.5
    assert real("x", 0) == 0.0
    with pytest.raises(ValueError, match=r"x must be greater than 0 and less than 1, got 1.0"):
        real("x", 1.0, high=1.0, above_low=True)


@EVERY_OPTIMIZER
def test_a_gradient_of_another_shape_moves_nothing(optimizer: Any) -> None:
    first, second, value = Tensor([1.0, 2.0]), Tensor([3.0]), Value(4.0)
    opt = optimizer({"first": first, "second": second, "value": value})
    for spoilt, grad, shapes in (second, np.ones((2, 1)), r"\(1,\).*\(2, 1\)"), (value, np.ones(2), r"\(\).*\(2,\)"):
        first.grad, second.grad, value.grad = np.ones(2), np.ones(1), 1.0
        spoilt.grad = grad
        with pytest.raises(ValueError, match=f"parameter (second|value) has shape {shapes}; they must be equal"):
            opt.step()
        assert (first.data.tolist(), second.data.tolist(), value.data) == ([1.0, 2.0], [3.0], 4.0)
        assert opt.steps == 0 and not any(opt.state.values())


@EVERY_OPTIMIZER
def test_a_constant_is_no_parameter(optimizer: Any) -> None:
    constant = Value(1.0)
    constant.requires_grad = False
    with pytest.raises(TypeError, match="parameter 1 is a constant"):
        optimizer([Value(1.0), constant])


def test_nesterov_is_a_flag() -> None:
    with pytest.raises(TypeError, match="nesterov must be True or False, got str 'no'"):
        nn.SGD([Value(1.0)], momentum=0.9, nesterov="no")  # type: ignore[arg-type]


# ----- states that come from elsewhere -----

FORGED: list[Any] = [-1, 0.5, 1e308, 2**62, 2**70, math.nan, math.inf, -math.inf, "x", None, True, np.ones(3), [1.0]]


@EVERY_OPTIMIZER
@pytest.mark.parametrize("make", [Value, lambda x: Tensor([x, -x])], ids=["value", "tensor"])
def test_each_field_of_a_state_is_refused_or_works(optimizer: Any, make: Any) -> None:
    words = {"momentum": 0.9} if optimizer is nn.SGD else {}

    def stepped() -> tuple[Any, Any]:
        p = make(1.0)
        opt = optimizer({"p": p, "q": make(2.0)}, **words)
        for _ in range(2):
            for each in opt.parameters.values():
                each.grad = each.data * 0.5
            opt.step()
        return p, opt

    p, opt = stepped()
    state = {name: dict(own) for name, own in opt.state.items()}
    refused = 0
    for key in state["p"]:
        for forged in FORGED:
            if isinstance(p, Tensor) and isinstance(forged, float):
                forged = np.array([0.25, forged])
            before = copy.deepcopy(opt.state)
            p.grad = p.data * 0.5
            said = ""
            try:
                opt.state = state | {"p": state["p"] | {key: forged}}
            except ValueError as error:
                said = str(error)
            if said:
                refused += 1
                assert re.search(rf"state of p: {key} must be (a whole number|floats of shape)", said)
                assert repr(opt.state) == repr(before)
                continue
            with np.errstate(over="ignore"):  # as `fit` does
                for _ in range(10):
                    opt.step()
            assert not np.isnan(p.data).any() and isinstance(p.data, float | np.ndarray)
            opt.state = state
            p.data = p.data * 0.0 + 1.0
    assert refused >= 8 * len(state["p"])


def test_a_state_has_the_names_of_the_parameters() -> None:
    opt = nn.Adam({"a": Value(1.0), "b": Value(2.0)})
    for wrong in {}, {"a": {}}, {"a": {}, "c": {}}, [{}, {}], None:
        with pytest.raises(ValueError, match=r"state must be a dict by the names of the parameters, \['a', 'b'\]; got"):
            opt.state = wrong
    opt.state = {"a": {}, "b": {"t": 3, "mean": 0.5, "square": 0.25}}
    assert opt.state["b"]["t"] == 3


def test_a_state_of_an_optimiser_of_ones_own_may_hold_any_number() -> None:
    opt = nn.Optimizer({"a": Tensor([1.0, 2.0])}, lr=0.1)
    opt.state = {"a": {"norm": 0.5, "age": -3, "trace": np.ones((2, 2)), "top": math.inf}}
    for wrong in math.nan, np.array([math.nan]), "x", None, True, 2**60:
        with pytest.raises(
            ValueError, match=r"state of a: norm must be (a whole number, at least|floats of shape).*, got"
        ):
            opt.state = {"a": {"norm": wrong}}
