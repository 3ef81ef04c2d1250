"""`gradcheck`: what it lets pass, what it finds, whom it blames, and what it leaves as it was."""

import itertools
import math
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, Value, custom_op, detect_anomaly, gradcheck
from autograd.gradcheck import check


def quiet(f: Any, inputs: Any, **options: Any) -> Any:
    return gradcheck(f, inputs, show=False, **options)


def test_it_prints_a_table_of_argument_analytic_numeric_and_relative_error(capsys: pytest.CaptureFixture[str]) -> None:
    found = gradcheck(lambda x, weights: x * autograd.dot(weights, weights).sin(), (2.0, [0.5, 1.0]), order=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["argument", "analytic", "numeric", "relative", "error"]
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "x", "weights", "all, forwards", "order 2: x", "order 2: weights", "order 2: all, forwards",
    ]  # fmt: skip
    assert f"{math.sin(1.25):.9g}" in lines[1]
    assert str(found).splitlines() == lines
    assert found
    assert "agrees" in repr(found)
    assert len(found.comparisons) == 6
    assert found.worst < 1e-12


def test_the_error_is_the_difference_over_the_sum_of_the_lengths() -> None:
    @custom_op(lambda m, y, x: 3.0)
    def twice(m: Any, x: Any) -> Any:
        return 2.0 * x

    (wrong, forwards) = quiet(lambda v: autograd.sum([twice(x) for x in v]), [1.0, 2.0]).comparisons
    assert wrong.analytic.tolist() == [3.0, 3.0]
    np.testing.assert_allclose(wrong.numeric, [2.0, 2.0], rtol=1e-9)
    assert wrong.error == pytest.approx(1.0 / 5.0)  # ‖(1, 1)‖ / (‖(3, 3)‖ + ‖(2, 2)‖)
    assert not wrong.agrees
    assert forwards.agrees  # both modes read the same row


def test_the_complex_step_is_exact_where_everything_is_analytic() -> None:
    analytic = quiet(lambda x: (x.sin() * x.exp()).log1p() / x, 0.7)
    assert analytic.comparisons[0].method == "complex step"
    assert analytic.comparisons[0].error < 1e-14
    kinked = quiet(lambda x: x.gelu() * x.relu(), 0.7)
    assert kinked.comparisons[0].method == "differences"
    assert kinked
    rounded = quiet(lambda v: v.astype(np.longdouble).astype(float).sin().sum(), np.array([0.5]))
    assert rounded.comparisons[0].method == "differences"
    assert rounded


@pytest.mark.parametrize("x", [1e-6, 1e-3, 1.0, 700.0, 1e6, 1e100])
def test_the_step_follows_the_scale_of_the_input(x: float) -> None:
    for f in (lambda x: x.log() * x, lambda x: x.sqrt().relu(), lambda x: abs(x) * 1.5, lambda x: 1.0 / x.maximum(0.0)):
        found = quiet(f, x)
        assert found, f"{x} {found}"
        assert found.worst < 1e-8


def test_near_a_kink_is_not_at_it() -> None:
    for x in (1e-3, -1e-3, 0.05):
        assert quiet(lambda x: x.relu() * x + abs(x), x)
    assert quiet(lambda v: v.max() + v.clip(-1.0, 1.0).sum(), np.array([0.5, 0.501, -0.999]))


def test_many_inputs_are_checked_along_random_directions() -> None:
    calls = 0

    def f(v: Any) -> Any:
        nonlocal calls
        calls += 1
        return (v * v).sin().sum()

    found = quiet(f, np.linspace(0.1, 1.0, 1000), order=2)
    assert found
    assert len(found.comparisons[0].analytic) == 8
    assert calls < 1000

    @custom_op(lambda m, y, x: m.cos(x) + m.where(m.equal(x, 1.0), 1e-2, 0.0))
    def nearly_sin(m: Any, x: Any) -> Any:
        return m.sin(x)

    assert not quiet(lambda v: nearly_sin(v).sum(), np.linspace(0.1, 1.0, 1000))  # one of a thousand is wrong


def test_several_results_are_combined_at_random() -> None:
    assert quiet(lambda x: [x.sin(), {"a": x.exp(), "b": (x * x, x)}], 0.7, order=2)
    assert quiet(lambda v: v.softmax(), np.array([0.1, 0.7, -0.4]), order=2)

    @custom_op(lambda m, y, x: 2.0 * x + 1e-3)
    def square(m: Any, x: Any) -> Any:
        return x * x

    for at in range(3):
        assert not quiet(lambda x, at=at: [square(x) if i == at else x * x for i in range(3)], 0.7)


def test_arguments_without_names_are_numbered() -> None:
    for f in (lambda *xs: xs[0] * xs[1], autograd.operation(autograd.ops.OPS["mul"])):
        assert [c.what for c in quiet(f, (2.0, 3.0)).comparisons] == ["argument 0", "argument 1", "all, forwards"]

    class NoSignature:
        __signature__ = "none"

        def __call__(self, x: Any) -> Any:
            return x * x

    assert quiet(NoSignature(), 2.0).comparisons[0].what == "argument 0"


def test_results_that_do_not_depend_on_the_input() -> None:
    assert quiet(lambda x: Value(3.0) * 1.0, 2.0, order=2)
    assert quiet(lambda x, y: x * 2.0, (2.0, 5.0), order=2).worst < 1e-12


def test_values_and_tensors_may_be_given_and_are_left_as_they_were() -> None:
    x, v = Value(2.0, label="x"), Tensor([1.0, 2.0], dtype=np.float32)
    x.grad = 7.0
    before = v.data
    assert quiet(lambda x: x * x, x)
    assert quiet(lambda v: (v * v * v).sum(), v, order=2)  # in float64: float32 has too few digits for differences
    assert (x.data, x.grad, v.grad) == (2.0, 7.0, None)
    assert v.data is before
    assert v.dtype == np.float32


# ----- who is to blame -----


@custom_op(lambda m, y, x: 1.0001 * m.cos(x))
def almost_sin(m: Any, x: Any) -> Any:
    return m.sin(x)


def test_the_first_operation_that_disagrees_is_named_with_operands_and_line() -> None:
    def f(x: Any) -> Any:
        y = x.exp() * x
        y.label = "y"
        z = almost_sin(y)  # the culprit
        return (z * y).tanh() + almost_sin(z)

    found = quiet(f, 0.3)
    assert not found
    assert "DISAGREES" in repr(found)
    assert "<-- DISAGREES" in str(found)
    assert "first operation that disagrees with differences of its own is almost_sin of y = 0.40495" in found.culprit
    assert f"{__file__}:" in found.culprit
    assert "z = almost_sin(y)  # the culprit" in found.culprit
    assert "by its rule" in found.culprit


def test_a_kink_is_told_from_a_mistake() -> None:
    for f, x in ((lambda x: x.relu() * 2.0, 0.0), (lambda x: x.maximum(1.0).exp(), 1.0)):
        found = quiet(f, x)
        assert not found
        assert "The result has a kink here" in found.culprit
    tensor = quiet(lambda v: v.relu().sum(), np.array([1.0, 0.0]))
    assert "relu of argument = array([1., 0.])" in tensor.culprit
    assert "The result has a kink here" in tensor.culprit


def test_a_valley_is_no_kink() -> None:
    @custom_op(lambda m, y, x: 2.0 * x + 1e-3)
    def square(m: Any, x: Any) -> Any:
        return x * x

    for x in (0.0, 1e-7):
        found = quiet(square, x)
        assert not found
        assert "first operation that disagrees with differences of its own is square" in found.culprit


def test_the_number_that_is_furthest_off_is_pointed_at() -> None:
    weights = [1.0, 2.0, 3.0]
    found = quiet(lambda v: v[0] * v[1] + almost_sin(v[2]), weights)
    assert "  [2]" in str(found)
    assert "where they are furthest apart" in str(found)


def test_what_the_graph_does_not_see_is_told_from_a_wrong_rule() -> None:
    for f in (
        lambda x: x * x.detach(),
        lambda x: x * x.data,
        lambda x: x * x.item(),
        lambda x: x if x > 1.0 else 2.0 * x,  # jumps just here
    ):
        found = quiet(f, 1.0)
        assert not found
        assert "Every operation of the graph agrees with differences of its own" in found.culprit


def test_a_wrong_array_operation_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd.array_ops import ARRAY_OPS

    right = ARRAY_OPS["matmul"].vjp
    monkeypatch.setattr(ARRAY_OPS["matmul"], "vjp", lambda i, *args, **o: right(i, *args, **o) * (1.0 + 1e-6 * i))
    found = quiet(lambda a, b: (a @ b).tanh().sum(), (np.ones((2, 3)), np.full((3, 2), 0.1)))
    assert not found
    assert [c.agrees for c in found.comparisons] == [True, False, False]  # a, b, and forwards: only the vjp is wrong
    assert "matmul of argument = array" in found.culprit
    assert "operand 1" in found.culprit


def test_a_wrong_jvp_is_found_by_forward_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd.array_ops import ARRAY_OPS

    right = ARRAY_OPS["logsumexp"].jvp
    monkeypatch.setattr(ARRAY_OPS["logsumexp"], "jvp", lambda *args, **o: right(*args, **o) * (1.0 + 1e-6))
    found = quiet(lambda v: v.logsumexp(), np.array([0.3, 0.7]))
    assert [c.agrees for c in found.comparisons] == [True, False]
    assert "logsumexp" in found.culprit


def test_a_wrong_second_derivative_stops_at_its_order() -> None:
    @custom_op(lambda m, y, x: 3.0 * x.data * x.data if isinstance(x, Value) else 3.0 * x * x)
    def cube(m: Any, x: Any) -> Any:
        return x * x * x

    found = quiet(lambda x: cube(x) * x, 0.5, order=3)
    assert next(c.what for c in found.comparisons if not c.agrees) == "order 2: x"
    assert not any(c.what.startswith("order 3") for c in found.comparisons)
    assert "cube" in found.culprit


def test_an_anomaly_on_the_way_is_reported() -> None:
    found = quiet(lambda x: autograd.where(True, x * x.detach(), (x - 1.0).log()), 1.0)
    assert not found
    assert "On the way to the result, log made -inf" in found.culprit


# ----- bad input -----


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        (
            lambda: quiet(lambda x: x.log(), -1.0),
            ValueError,
            "needs a finite result to compare, got nan; move the inputs",
        ),
        (lambda: quiet(lambda x: x, 1.0, order=0), ValueError, "order is 1 for first derivatives, .* got 0"),
        (lambda: quiet(lambda x: x, 1.0, order=True), ValueError, "got True"),
        (lambda: quiet(lambda x: x, 1.0, tolerance=-1.0), ValueError, r"tolerance is .* got -1\.0"),
        (
            lambda: quiet(lambda x: Value(1.0), []),
            ValueError,
            "needs at least one number to move; the inputs hold none",
        ),
        (lambda: quiet(lambda x: x, "1"), TypeError, "x: a Value is one real number, not str '1'"),
        (lambda: quiet(lambda *xs: xs[0], (1.0, None)), TypeError, "argument 1: a Value is one real number"),
        (lambda: quiet(lambda x: x.data, 1.0), TypeError, "must return Values or Tensors"),
        (lambda: quiet(lambda x: math.sin(x), 1.0), TypeError, r"write autograd\.sin\(x\)"),
        (lambda: quiet(3.0, 1.0), TypeError, r"the first argument is the function to check, got 3\.0"),
    ],
)
def test_errors_teach(wrong: Any, kind: Any, said: str) -> None:
    with pytest.raises(kind, match=said):
        wrong()


def test_a_function_that_is_never_the_same_is_refused() -> None:
    numbers = itertools.count(1.0)
    with pytest.raises(ValueError, match=r"gave 2\.0 and then 3\.0 for the same inputs; fix its random numbers"):
        quiet(lambda x: x * next(numbers), 1.0)


def test_the_leaves_are_restored_when_the_program_fails() -> None:
    x = Tensor([1.0, 2.0], dtype=np.float32)
    before = x.data
    calls = itertools.count()

    def program() -> Any:
        if next(calls) == 10:
            raise KeyboardInterrupt
        return (x * x).sum()

    with pytest.raises(KeyboardInterrupt):
        check(program, {"x": [x]}, show=False)
    assert x.data is before


def test_it_leaves_the_modes_of_the_thread_alone() -> None:
    with detect_anomaly():
        assert quiet(lambda x: x * x, 1.0, order=2)
    assert math.sin(Value(1.0)) == math.sin(1.0)


# ----- models -----

X = np.array([[0.3, -1.2], [1.1, 0.4], [-0.7, 0.9]])
TARGETS: dict[str, Any] = {
    "mse": [[0.1], [0.2], [0.3]], "mae": [[5.0], [5.0], [-5.0]], "hinge": [-1.0, 1.0, 1.0],
    "bce_with_logits": [0.0, 1.0, 1.0], "cross_entropy": [0, 2, 1],
}  # fmt: skip


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
@pytest.mark.parametrize("loss", TARGETS)
def test_whole_models_with_every_loss(loss: str, activation: str) -> None:
    outputs = 3 if loss == "cross_entropy" else 1
    scalar = nn.MLP(2, [4, outputs], activation=activation, seed=1)
    if loss in ("mse", "mae"):
        targets: Any = np.array(TARGETS[loss])
        data: Any = (X, targets[:, 0])
    else:
        data = (X, np.array(TARGETS[loss]))
    found = nn.gradcheck(scalar, data, loss, order=2, show=False)
    assert found, str(found)
    assert [c.what for c in found.comparisons[:3]] == ["layers.0", "layers.1", "all, forwards"]
    if loss in ("mse", "mae"):
        data = (X, targets)
    fast = scalar.vectorize()
    found = nn.gradcheck(fast, data, loss, order=2, show=False)
    assert found, str(found)


def test_a_float32_model_is_checked_in_float64_and_left_as_it_was() -> None:
    model = nn.vectorized.MLP(2, [30, 3], activation="tanh", dtype="float32", seed=1)
    before = [(p.data, p.grad) for p in model.parameters()]
    found = nn.gradcheck(model, (X, TARGETS["cross_entropy"]), "cross_entropy", show=False)
    assert found, str(found)
    assert all(p.data is data and p.grad is g for p, (data, g) in zip(model.parameters(), before, strict=True))


def test_a_model_with_a_wrong_operation_is_caught_and_the_operation_named() -> None:
    class Wrong(nn.Module):
        def __init__(self) -> None:
            self.w = Value(0.7)

        def __call__(self, x: Any) -> Any:
            return almost_sin(self.w * x[0])

    found = nn.gradcheck(Wrong(), (X, [0.1, 0.2, 0.3]), "mse", show=False)
    assert not found
    assert "almost_sin" in found.culprit
