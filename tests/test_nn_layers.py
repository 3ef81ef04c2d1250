"""Layers: the scalar ones, their vectorized twins, and that the two never disagree."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Tensor, Value, no_grad, topological_order
from autograd.ops import OPS, REAL
from autograd.viz import trace
from nn.activations import ACTIVATIONS, activate

EVERY_ACTIVATION = pytest.mark.parametrize("activation", list(ACTIVATIONS))
BIAS = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
rng = np.random.default_rng(7)


def close(a: Any, b: Any, tolerance: float = 1e-12) -> bool:
    return bool(np.allclose(np.asarray(a, float), np.asarray(b, float), rtol=tolerance, atol=tolerance))


def scalar_gradients(linear_like: Sequence[Any]) -> tuple[np.ndarray, np.ndarray | None]:
    """What backward() left in neurons, shaped as a `Linear` has it."""
    weight = np.array([[w.grad for w in neuron.w] for neuron in linear_like])
    bias = [neuron.b.grad for neuron in linear_like if neuron.b is not None]
    return weight, np.array(bias) if bias else None


def numbers(model: nn.Module) -> list[Any]:
    return [p.data if isinstance(p, Value) else p.data.tolist() for p in model.parameters()]


# ----- the two paths are one -----


@EVERY_ACTIVATION
@BIAS
@pytest.mark.parametrize("nout", [1, 3])
def test_layer_and_linear_agree_in_value_and_gradient(activation: str, bias: bool, nout: int) -> None:
    fast = nn.Linear(3, nout, activation, bias=bias, seed=1, dtype=np.float64)
    signed = activation == "linear" or OPS[activation].domain[0] == REAL
    if signed:
        X = np.random.default_rng(2).normal(size=(4, 3))
    else:  # keep every w·x inside (0, 0.9), where log, asin and so on are defined
        fast.weight.data = np.abs(fast.weight.data) / np.abs(fast.weight.data).sum()
        X = np.random.default_rng(2).uniform(0.2, 0.8, size=(4, 3))
    if bias:
        fast.bias.data[:] = np.linspace(0.01, 0.05, nout)  # type: ignore[union-attr]
    slow = fast.to_values()
    leaves = [[Value(x) for x in row] for row in X]
    outputs = [slow(row) for row in leaves]
    rows = [[out] if nout == 1 else out for out in outputs]
    inputs = Tensor(X)
    result = fast(inputs)
    assert result.shape == (4, nout)
    assert np.isfinite(result.data).all()
    assert close([[v.data for v in row] for row in rows], result.data)
    coefficients = np.random.default_rng(3).normal(size=(4, nout))
    sum(
        c * v for row, cs in zip(rows, coefficients.tolist(), strict=True) for v, c in zip(row, cs, strict=True)
    ).backward()
    (result * coefficients).sum().backward()
    weight, offset = scalar_gradients(slow.neurons)
    assert close(weight, fast.weight.grad)
    assert close([[x.grad for x in row] for row in leaves], inputs.grad)
    if bias:
        assert close(offset, fast.bias.grad)  # type: ignore[union-attr]
    else:
        assert fast.bias is None
        assert offset is None


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("init", ["auto", "uniform", "kaiming_uniform", "glorot_normal"])
def test_the_same_seed_gives_twins_the_same_weights(seed: int, init: str) -> None:
    words: dict[str, Any] = {"activation": "tanh", "output": "sigmoid", "init": init, "seed": seed}
    slow, fast = nn.MLP(3, [4, 2], **words), nn.vectorized.MLP(3, [4, 2], dtype=np.float64, **words)
    x = [0.3, -1.0, 2.0]
    assert numbers(slow.vectorize()) == numbers(fast)
    assert close([v.data for v in slow(x)], fast(x).data)
    assert numbers(nn.MLP(3, [4, 2], **(words | {"seed": seed + 1}))) != numbers(slow)


def test_weights_of_an_mlp_are_drawn_afresh_for_every_layer() -> None:
    first, second = nn.vectorized.MLP(3, [3, 3], activation="tanh", seed=0).layers
    assert not np.array_equal(first.weight.data, second.weight.data)


@BIAS
def test_vectorize_and_to_values_go_there_and_back(bias: bool) -> None:
    slow = nn.MLP(2, [3, 1], activation="gelu", output="tanh", bias=bias, seed=3)
    for p in slow.parameters():
        p.data += 0.125  # biases too, so that one left behind would be seen
    fast = slow.vectorize()
    again = fast.to_values()
    assert numbers(again) == numbers(slow)
    assert numbers(again.vectorize()) == numbers(fast)
    X = rng.normal(size=(5, 2))
    assert close(nn.predict(slow, X), nn.predict(fast, X)[:, 0])
    assert close(nn.predict(slow, X), nn.predict(again, X))


def test_twins_hold_copies() -> None:
    slow = nn.Layer(2, 2, seed=0)
    fast = slow.vectorize()
    fast.weight.data += 1.0
    fast.bias.data += 1.0  # type: ignore[union-attr]
    again = fast.to_values()
    again.neurons[0].w[0].data += 1.0
    assert numbers(slow) == numbers(nn.Layer(2, 2, seed=0))
    assert fast.weight.data[0, 0] == slow.neurons[0].w[0].data + 1.0


def test_whole_models_agree_in_loss_and_gradients() -> None:
    slow = nn.MLP(2, [5, 4, 3], activation="tanh", seed=2)
    fast = slow.vectorize()
    X, y = nn.data.spiral(12)
    losses = [
        nn.cross_entropy([slow(row) for row in X.tolist()], y),
        nn.cross_entropy(fast(X), y),
    ]
    for loss in losses:
        loss.backward()
    assert math.isclose(losses[0].data, losses[1].item(), rel_tol=1e-12)
    for layer, linear in zip(slow.layers, fast.layers, strict=True):
        weight, bias = scalar_gradients(layer.neurons)
        assert close(weight, linear.weight.grad)
        assert close(bias, linear.bias.grad)


def test_sequential_runs_in_both_worlds() -> None:
    slow = nn.Sequential(
        nn.Layer(2, 3, "linear", seed=0), nn.Tanh(), nn.Layer(3, 2, "linear", seed=1), nn.Activation("gelu")
    )
    fast = slow.vectorize()
    x = [0.5, -2.0]
    assert [type(layer).__name__ for layer in fast.layers] == ["Linear", "Tanh", "Linear", "Activation"]
    assert close([v.data for v in slow(x)], fast(x).data)
    assert [type(layer).__name__ for layer in fast.to_values().layers] == ["Layer", "Tanh", "Layer", "Activation"]
    assert nn.Sequential()(x) == x


def test_a_sequential_is_a_series_of_its_layers() -> None:
    model = nn.MLP(2, [3, 4, 1], seed=0)
    assert len(model) == 3
    assert list(model) == model.layers
    assert model[0] is model.layers[0]
    assert model[-1] is model.layers[2]
    body = model[:-1]
    assert type(body) is nn.Sequential
    assert body.layers == model.layers[:2]
    with pytest.raises(IndexError):
        model[3]


def test_a_sequential_may_begin_with_an_activation() -> None:
    slow = nn.Sequential(nn.ReLU(), nn.Layer(2, 2, "linear", seed=0))
    fast = slow.vectorize()
    X = np.array([[-1.0, 2.0], [3.0, -4.0]])
    assert close(nn.predict(slow, X), nn.predict(fast, X))
    assert close(fast(X).data, fast.layers[1](np.maximum(X, 0.0)).data)


def test_layers_of_ones_own_can_take_part() -> None:
    class Double(nn.Module):
        def __call__(self, x: Any) -> Any:
            return x * 2.0

    model = nn.Sequential(nn.Linear(1, 1, init=lambda *_: [[3.0]]), Double())
    assert model([[1.0]]).data.tolist() == [[6.0]]
    with pytest.raises(TypeError, match=r"Double has no to_values\(\); give it one that returns its twin"):
        model.to_values()


# ----- the scalar ones -----


@EVERY_ACTIVATION
@BIAS
def test_an_expanded_neuron_equals_the_fused_one(activation: str, bias: bool) -> None:
    weights, x = [0.2, 0.1, 0.3], [0.5, 0.9, 0.4]
    found = []
    for expand in False, True:
        neuron = nn.Neuron(3, activation, bias=0.05 if bias else False, expand=expand, weights=weights)
        inputs = [Value(n) for n in x]
        out = neuron(inputs)
        out.backward()
        found.append([out.data, *(n.grad for n in (*neuron.parameters(), *inputs))])
    assert close(*found)


def test_an_expanded_neuron_builds_single_products_and_sums() -> None:
    fused, expanded = (
        topological_order(nn.Neuron(3, "tanh", expand=expand, weights=[1.0, 2.0, 3.0])([Value(1.0)] * 3))
        for expand in (False, True)
    )
    assert [n._op for n in fused if n.parents] == ["w·x", "tanh"]
    assert [n._op for n in expanded if n.parents] == ["*", "*", "+", "*", "+", "+", "tanh"]


def test_expand_goes_down_from_an_mlp() -> None:
    fused, expanded = (nn.MLP(2, [2, 1], seed=0, expand=expand) for expand in (False, True))
    assert all(n._op != "w·x" for n in topological_order(expanded([1.0, 2.0])))
    assert close(expanded([1.0, 2.0]).data, fused([1.0, 2.0]).data)


def test_the_lectures_neuron() -> None:
    """o = tanh(x1 w1 + x2 w2 + b) with the numbers of the nn-zero-to-hero lecture."""
    x1, x2 = Value(2.0), Value(0.0)
    neuron = nn.Neuron(2, "tanh", weights=[-3.0, 1.0], bias=6.8813735870195432)
    o = neuron([x1, x2])
    o.backward()
    assert close(o.data, math.sqrt(0.5))
    assert close([x1.grad, neuron.w[0].grad, x2.grad, neuron.w[1].grad], [-1.5, 1.0, 0.5, 0.0])
    assert neuron.b is not None
    assert close(neuron.b.grad, 0.5)


def test_one_output_is_a_value_and_several_are_a_list() -> None:
    assert isinstance(nn.MLP(2, [3, 1])([1.0, 2.0]), Value)
    assert isinstance(nn.Layer(2, 1)(np.array([1.0, 2.0])), Value)
    scores = nn.MLP(2, [3, 2])((Value(1.0), 2))
    assert isinstance(scores, list)
    assert [type(v) for v in scores] == [Value, Value]
    assert isinstance(nn.Layer(1, 1)(Value(2.0)), Value)  # as a layer of one neuron feeds the next


def test_a_bias_may_start_from_a_number_in_both_worlds() -> None:
    for model in nn.MLP(2, [2, 1], bias=0.5), nn.vectorized.MLP(2, [2, 1], bias=0.5):
        state = model.state_dict()
        biases = [np.ravel(number) for name, number in state.items() if name.endswith(("b", "bias"))]
        assert np.concatenate(biases).tolist() == [0.5] * 3
    assert nn.Linear(1, 1, bias=0).bias is not None
    assert nn.Neuron(1, bias=0).b is not None


def test_an_explicit_weight_list_is_not_drawn_over() -> None:
    assert [w.data for w in nn.Neuron(2, weights=np.array([1, 2])).w] == [1.0, 2.0]


# ----- the vectorized ones -----


def test_linear_is_a_matrix_product() -> None:
    layer = nn.Linear(2, 3, init=lambda *_: [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], bias=10.0)
    assert layer([[1.0, 2.0], [3.0, 4.0]]).data.tolist() == [[11.0, 12.0, 13.0], [13.0, 14.0, 17.0]]
    assert layer([1.0, 2.0]).data.tolist() == [11.0, 12.0, 13.0]  # one example, without a batch
    assert layer(np.ones((4, 5, 2))).shape == (4, 5, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", [nn.SGD, nn.RMSProp, nn.Adam, nn.AdamW])
def test_a_linear_keeps_its_dtype_through_forward_backward_and_update(dtype: Any, optimizer: Any) -> None:
    model = nn.vectorized.MLP(2, [3, 2], activation="gelu", seed=0, dtype=dtype)
    step = optimizer(model, lr=0.1, weight_decay=0.1)
    for _ in range(2):
        scores = model(np.ones((4, 2)))  # float64 data
        loss = nn.cross_entropy(scores, np.array([0, 1, 1, 0])) + nn.l2_penalty(model.parameters(), 1e-3)
        model.zero_grad()
        loss.backward()
        step.step()
        kinds = [
            scores.dtype,
            loss.dtype,
            *(p.grad.dtype for p in model.parameters()),
            *(p.dtype for p in model.parameters()),
        ]
        assert set(kinds) == {np.dtype(dtype)}


def test_a_linear_does_not_share_the_array_that_init_returned() -> None:
    shared = np.ones((2, 2), order="F")  # the order in which a Linear holds its weights
    one, two = (nn.Linear(2, 2, init=lambda *_: shared, dtype=np.float64) for _ in range(2))
    one.weight.data += 1.0  # `p.data -= lr * p.grad` works in place
    assert shared.tolist() == two.weight.data.tolist() == [[1.0, 1.0], [1.0, 1.0]]


# ----- activations -----


@EVERY_ACTIVATION
def test_an_activation_layer_takes_nodes_lists_arrays_and_numbers(activation: str) -> None:
    layer = nn.Activation(activation)
    x = [0.25, 0.5]
    expected = [x] if activation == "linear" else [[getattr(Value(n), activation)().data for n in x]]
    for given in ([Value(n) for n in x], Tensor(x), np.array(x), x):
        answer = layer(given)
        found = [float(v) for v in answer] if isinstance(answer, list) else np.asarray(getattr(answer, "data", answer))
        assert close(found, expected[0])


@pytest.mark.parametrize(
    ("layer", "name"), [(nn.ReLU, "relu"), (nn.Tanh, "tanh"), (nn.Sigmoid, "sigmoid"), (nn.GELU, "gelu")]
)
def test_the_named_activations(layer: Any, name: str) -> None:
    assert layer()(Value(-0.7)).data == activate(name, Value(-0.7)).data


def test_every_activation_has_a_formula() -> None:
    assert {"linear", "relu", "tanh", "sigmoid", "gelu", "silu", "elu", "leaky_relu", "softplus", "exp", "sin"} <= set(
        ACTIVATIONS
    )
    assert all(ACTIVATIONS.values())
    assert not {"add", "where", "clip", "power"} & set(ACTIVATIONS)


# ----- bad input -----


@pytest.mark.parametrize(
    "model",
    [nn.Neuron(2), nn.Neuron(2, expand=True), nn.Layer(2, 3), nn.MLP(2, [3, 1])],
    ids=["neuron", "expanded", "layer", "mlp"],
)
@pytest.mark.parametrize("x", [[1.0], [1.0, 2.0, 3.0], []], ids=["short", "long", "empty"])
def test_a_scalar_model_refuses_rows_of_another_width(model: nn.Module, x: list[float]) -> None:
    with pytest.raises(ValueError, match=rf"2 (weights|inputs).* (got )?{len(x)}"):
        model(x)


@pytest.mark.parametrize(("x", "shape"), [([1.0], r"\(1,\)"), (np.ones((4, 3)), r"\(4, 3\)"), (5.0, r"\(\)")])
def test_a_linear_refuses_rows_of_another_width(x: Any, shape: str) -> None:
    with pytest.raises(ValueError, match=rf"Linear\(2, 3\) takes rows of 2 numbers, got an array of shape {shape}"):
        nn.Linear(2, 3)(x)


@pytest.mark.parametrize(
    "x",
    [["1", "2"], "ab", [1j, 2.0], None, [[1.0], [1.0, 2.0]], [Value(1.0), Value(2.0)]],
    ids=["numbers as text", "text", "complex", "None", "ragged", "Values"],
)
def test_a_linear_refuses_what_is_no_number(x: Any) -> None:
    with pytest.raises(TypeError, match="x must be plain numbers"):
        nn.Linear(2, 3)(x)


@pytest.mark.parametrize("x", ["ab", [None, 1.0], ["1", "2"], [1j, 2.0], 3.0], ids=str)
def test_a_scalar_model_refuses_what_is_no_number(x: Any) -> None:
    with pytest.raises(TypeError, match=r"a Value is one real number|takes a list of Values"):
        nn.MLP(2, [3, 1])(x)


CONSTRUCTORS: list[tuple[str, Any]] = [
    ("Neuron", lambda **k: nn.Neuron(**{"nin": 2, **k})),
    ("Layer", lambda **k: nn.Layer(**{"nin": 2, "nout": 3, **k})),
    ("Linear", lambda **k: nn.Linear(**{"nin": 2, "nout": 3, **k})),
    ("MLP", lambda **k: nn.MLP(**{"nin": 2, "nouts": [3, 1], **k})),
    ("vectorized.MLP", lambda **k: nn.vectorized.MLP(**{"nin": 2, "nouts": [3, 1], **k})),
]


@pytest.mark.parametrize("build", [c[1] for c in CONSTRUCTORS], ids=[c[0] for c in CONSTRUCTORS])
@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"activation": "rellu"}, ValueError, "activation must be one of 'linear'.*'relu'.*got 'rellu'"),
        ({"activation": None}, ValueError, "activation must be one of .*got None"),
        ({"activation": "add"}, ValueError, "activation must be one of .*got 'add'"),
        ({"nin": 0}, ValueError, "nin must be at least 1, got 0"),
        ({"nin": 2.0}, TypeError, "nin must be an integer, got float 2.0"),
        ({"nin": True}, TypeError, "nin must be an integer, got bool True"),
        ({"init": "he"}, ValueError, "init must be one of 'auto'.*'he_normal'.*got 'he'"),
        ({"init": np.ones((3, 2))}, ValueError, "init must be one of 'auto'"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": "0"}, TypeError, "seed must be an integer, got str '0'"),
        ({"bias": "yes"}, TypeError, "bias must be a number, got str 'yes'"),
        ({"bias": math.nan}, ValueError, "bias must be .*finite, got nan"),
    ],
    ids=lambda words: str(words) if isinstance(words, dict) else "",
)
def test_constructors_say_what_is_wrong(
    build: Any, words: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        build(**words)


@pytest.mark.parametrize("build", [nn.MLP, nn.vectorized.MLP], ids=["scalar", "vectorized"])
@pytest.mark.parametrize(
    ("nouts", "error", "message"),
    [
        ([], TypeError, r"nouts must be a list of layer sizes such as \[16, 16, 1\], got \[\]"),
        (3, TypeError, "nouts must be a list of layer sizes.*got 3"),
        ("16", TypeError, "nouts must be a list of layer sizes.*got '16'"),
        ([3, 0], ValueError, "each of nouts must be at least 1, got 0"),
        ([3, 1.0], TypeError, "each of nouts must be an integer, got float 1.0"),
    ],
)
def test_an_mlp_says_what_is_wrong_with_its_sizes(build: Any, nouts: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build(2, nouts)
    with pytest.raises(ValueError, match=r"output must be one of .*got 'softmax'"):
        build(2, [3], output="softmax")


@pytest.mark.parametrize("nout", [0, -1, 1.5, None])
def test_layers_say_what_is_wrong_with_nout(nout: Any) -> None:
    for build in nn.Layer, nn.Linear:
        with pytest.raises((TypeError, ValueError), match="nout must be"):
            build(2, nout)


@pytest.mark.parametrize(
    ("weights", "error"),
    [
        ([1.0], ValueError),
        ([[1.0, 2.0]], ValueError),
        (3.0, ValueError),
        ([1.0, math.nan], ValueError),
        (["a", "b"], TypeError),
    ],
)
def test_a_neuron_says_what_is_wrong_with_its_weights(weights: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"weights must be (2 finite numbers, one for each input|plain numbers)"):
        nn.Neuron(2, weights=weights)


@pytest.mark.parametrize("dtype", [int, complex, np.int64])
def test_a_linear_has_a_floating_dtype(dtype: Any) -> None:
    with pytest.raises(TypeError, match=r"a Tensor has a floating dtype.*use float32 or float64"):
        nn.Linear(2, 1, dtype=dtype)


def test_sequential_takes_modules_only() -> None:
    with pytest.raises(TypeError, match=r"Sequential takes modules, got list"):
        nn.Sequential([nn.Linear(1, 1)])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Sequential takes modules, got function"):
        nn.Sequential(nn.Linear(1, 1), activate)  # type: ignore[arg-type]


def test_under_no_grad_a_model_records_nothing() -> None:
    with no_grad():
        outputs = [nn.MLP(2, [3, 1])([1.0, 2.0]), nn.vectorized.MLP(2, [3, 1])([1.0, 2.0])]
    assert [out.parents for out in outputs] == [(), ()]


@pytest.mark.parametrize("expand", [False, True])
def test_a_neuron_says_how_many_inputs_it_takes(expand: bool) -> None:
    for model in nn.Neuron(2, expand=expand), nn.MLP(2, [3], expand=expand):
        with pytest.raises(ValueError, match=r"Neuron\(2\) takes 2 inputs, got 3"):
            model([1, 2, 3])
        for x in 3.0, None, "ab", Tensor([1.0, 2.0]):
            with pytest.raises(TypeError, match=r"list of Values or numbers, one for each input.* got \w+"):
                model(x)


@pytest.mark.parametrize("expand", [False, True])
def test_an_iterator_is_read_once_for_all_neurons(expand: bool) -> None:
    model = nn.MLP(2, [3, 2], seed=0, expand=expand)
    expected = [y.data for y in model([1.0, 2.0])]
    assert [y.data for y in model(iter([1.0, 2.0]))] == [y.data for y in model(np.array([1.0, 2.0]))] == expected


def test_parameters_have_names_for_pictures() -> None:
    neuron, linear = nn.Neuron(3), nn.Linear(2, 2)
    assert [node.name for node in trace(neuron([1.0, 2.0, 3.0])).nodes if node.kind == "leaf"] == [
        "w.0", "w.1", "w.2", "b",
    ]  # fmt: skip
    assert [node.name for node in trace(linear([1.0, 2.0])).nodes if node.kind == "leaf"] == ["weight", "bias"]
    assert [*neuron.state_dict(), *linear.state_dict()] == ["w.0", "w.1", "w.2", "b", "weight", "bias"]


def test_expand_and_train_take_flags() -> None:
    with pytest.raises(TypeError, match="expand must be True or False, got str 'no'"):
        nn.MLP(2, [1], expand="no")  # type: ignore[arg-type]
    model = nn.MLP(2, [1])
    with pytest.raises(TypeError, match="mode must be True or False, got str 'a'"):
        model.train("a")  # type: ignore[arg-type]
    assert model.training is True


def test_a_neuron_has_a_twin_too() -> None:
    neuron = nn.Neuron(2, "tanh", seed=0)
    fast = neuron.vectorize()
    assert float(fast(np.array([[0.3, -0.7]])).data[0, 0]) == pytest.approx(neuron([0.3, -0.7]).data, rel=1e-14)
