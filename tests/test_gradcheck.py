"""`gradcheck`: what it lets pass, what it finds, whom it blames, and what it leaves as it was."""

import itertools
import math
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, Value, custom_op, detect_anomaly, gradcheck, no_grad, operation
from autograd.array_ops import ARRAY_OPS
from autograd.gradcheck import check
from autograd.ops import Reduction


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

    found = quiet(lambda v: autograd.sum([twice(x) for x in v]), [1.0, 2.0])
    assert found.worst == pytest.approx(1.0 / 5.0)
    wrong, forwards = found.comparisons
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
    rounded = quiet(lambda v: v._apply(ARRAY_OPS["astype"], v, dtype=v.dtype).sin().sum(), np.array([0.5]))
    assert rounded.comparisons[0].method == "differences"
    assert rounded


def test_several_results_are_analytic_together() -> None:
    found = quiet(lambda x: [x.sin(), x.exp()], 0.7)
    assert found.comparisons[0].method == "complex step"


def test_every_order_asked_for_is_checked() -> None:
    found = quiet(lambda x: x.sin(), 0.7, order=4)
    assert found
    assert [c.what for c in found.comparisons[::2]] == ["x", "order 2: x", "order 3: x", "order 4: x"]


def test_the_directions_are_those_of_the_seed_and_of_length_one() -> None:
    v = np.linspace(0.1, 1.0, 1000)
    first, again, other = (quiet(lambda v: v.sum(), v, seed=seed).comparisons[0].analytic for seed in (3, 3, 4))
    assert first.tolist() == again.tolist()
    assert not np.isin(first, other).any()
    assert 0.1 < np.abs(first).max() < 5.0  # of a gradient of length √1000: a standard normal deviate each


def test_up_to_24_numbers_are_moved_singly_whether_of_one_array_or_of_many_values() -> None:
    for numbers, looked_at in ((24, 24), (25, 8)):
        assert len(quiet(lambda v: (v * v).sum(), np.ones(numbers)).comparisons[0].analytic) == looked_at
        assert len(quiet(lambda v: autograd.dot(v, v), [1.0] * numbers).comparisons[0].analytic) == looked_at


def test_the_tolerance_is_the_callers() -> None:
    assert quiet(almost_sin, 0.5, tolerance=1e-3)
    assert not quiet(almost_sin, 0.5, tolerance=1e-5)


@pytest.mark.parametrize("constant", [1e3, -1e3])
def test_a_slope_next_to_a_large_constant_is_judged_by_what_rounding_lets_us_see(constant: float) -> None:
    assert quiet(lambda x: abs(x) * 1e-9 + constant, 0.5)
    assert quiet(lambda x: abs(x) * 1e-13 + constant, 0.5).worst == 0.0
    assert not quiet(lambda x: almost_sin(x) + 1e3 * constant, 0.5)


def test_a_wrong_slope_is_found_at_any_scale() -> None:
    @custom_op(lambda m, y, x: 1.0001)
    def same(m: Any, x: Any) -> Any:
        return +x

    for x in (1e-12, 1.0, 1e12):
        assert not quiet(same, x)


def test_numbers_of_different_scales_and_small_results() -> None:
    assert quiet(lambda v: v.log().sum(), np.array([1e-3, 1e6]))
    assert quiet(lambda x: x.log() * 1e-12, 1e-3)


def test_what_wiggles_faster_than_rounding_can_follow_is_undecided() -> None:
    found = quiet(lambda x: abs((x * 1e20).sin()), 1.0)
    assert not found
    assert found.comparisons[0].verdict == "undecided"
    assert "DISAGREES" not in str(found)


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


def test_a_result_given_twice_counts_twice() -> None:
    def f(x: Any) -> Any:
        y = x.sin()
        return [y, y, x]

    assert quiet(f, 0.7, order=2)


def test_it_records_under_no_grad_too() -> None:
    with no_grad():
        assert quiet(lambda x: x.sin(), 0.7, order=2)
        assert (
            "differences of its own is almost_sin" in quiet(lambda x: almost_sin(x).exp(), 0.7).culprit.splitlines()[0]
        )


def test_arguments_without_names_are_numbered() -> None:
    for f in (lambda *xs: xs[0] * xs[1], lambda *xs: autograd.mul(*xs)):
        assert [c.what for c in quiet(f, (2.0, 3.0)).comparisons] == ["argument 0", "argument 1", "all, forwards"]

    assert [c.what for c in quiet(autograd.mul, (2.0, 3.0)).comparisons[:2]] == ["a", "b"]

    class NoSignature:
        __signature__ = "none"

        def __call__(self, x: Any) -> Any:
            return x * x

    assert quiet(NoSignature(), 2.0).comparisons[0].what == "argument 0"


def test_a_gradient_that_vanishes_is_no_disagreement() -> None:
    """What is left of it is rounding, which no two ways of computing share."""
    for f in (
        lambda v: v.softmax().sum(),
        lambda v: (v - v).sum() + v.sum() * 0.0,
        lambda v: v.sin() ** 2 + v.cos() ** 2,
    ):
        found = quiet(f, np.array([0.1, 0.7, -0.4]), order=2)
        assert found, str(found)


def test_an_infinite_slope_is_an_infinite_error_without_warnings() -> None:
    for x in (0.0, np.array([0.0])):
        assert quiet(lambda x: x.sqrt(), x).worst == math.inf


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


@custom_op(lambda m, y, a, b: b, lambda m, y, a, b: 2.0 * a)
def half_wrong(m: Any, a: Any, b: Any) -> Any:
    return a * b


def test_a_partial_that_nobody_asked_for_is_not_blamed() -> None:
    assert quiet(lambda x: half_wrong(x, 3.0), 0.7)
    assert (
        "differences of its own is almost_sin"
        in quiet(lambda x: almost_sin(half_wrong(x, 3.0)), 0.7).culprit.splitlines()[0]
    )


def test_what_is_within_the_tolerance_is_not_blamed() -> None:
    found = quiet(lambda x, y: half_wrong(almost_sin(x), y), (0.7, 0.3), tolerance=1e-2)
    assert "differences of its own is half_wrong" in found.culprit


def test_reductions_are_put_to_the_test_like_other_operations() -> None:
    found = quiet(lambda v: almost_sin(autograd.dot(v, v) * autograd.mean(v)), [0.5, 1.0])
    assert "differences of its own is almost_sin" in found.culprit
    total = operation(Reduction("total", "Σ", math.fsum, lambda m, y, xs: [1.01 for _ in xs], "y"))
    assert "differences of its own is total" in quiet(lambda v: total(v).exp(), [0.5, 1.0]).culprit.splitlines()[0]


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
    assert "where they are furthest apart" not in str(quiet(almost_sin, 0.5))  # there is but one


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


def cut_off(x: Any) -> Any:
    return x.data


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        (
            lambda: quiet(lambda x: x.log(), -1.0),
            ValueError,
            "needs a finite result to compare, got nan; move the inputs",
        ),
        (lambda: quiet(lambda x: x.exp(), 1e3), ValueError, "needs a finite result to compare, got inf"),
        (lambda: quiet(lambda v: v.sum(), np.ones(0)), ValueError, "needs at least one number to move"),
        (lambda: quiet(cut_off, 1.0), TypeError, "^cut_off must return Values or Tensors"),
        (lambda: quiet(lambda x: x, 1.0, tolerance=1.0), ValueError, r"tolerance is .* got 1\.0"),
        (lambda: quiet(lambda x: x, 1.0, seed=-1), ValueError, "seed is an int of at least 0, .* got -1"),
        (lambda: quiet(lambda x: x, 1.0, seed=True), ValueError, "seed is an int of at least 0, .* got True"),
        (lambda: quiet(lambda x: x, 1.0, tolerance=0.0), ValueError, r"tolerance is .* got 0\.0"),
        (lambda: quiet(lambda x: x, 1.0, order=0), ValueError, "order is 1 for first derivatives, .* got 0"),
        (lambda: quiet(lambda x: x, 1.0, order=True), ValueError, "got True"),
        (lambda: quiet(lambda x: x, 1.0, tolerance=-1.0), ValueError, r"tolerance is .* got -1\.0"),
        (
            lambda: quiet(lambda x: Value(1.0), []),
            ValueError,
            "needs at least one number to move; the inputs hold none",
        ),
        (lambda: quiet(lambda x: x, "1"), TypeError, "x: a Value is one real number, not str '1'"),
        (lambda: quiet(lambda *xs: xs[0], (1.0, "a")), TypeError, "argument 1: a Value is one real number"),
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
    assert float(Value(1.0)) == 1.0


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


def test_a_model_is_checked_in_all_parameters_on_all_examples_and_named_by_layers() -> None:
    scalar = nn.MLP(2, [3, 1], seed=1)
    y = np.array([0.1, 0.2, 0.3])
    found = nn.gradcheck(scalar, (X, y), "mse", show=False)
    loss = autograd.mean([(scalar(list(x)) - t) ** 2 for x, t in zip(X, y, strict=True)])
    loss.backward()
    gradient = [p.grad for p in scalar.parameters()]
    np.testing.assert_allclose(np.concatenate([c.analytic for c in found.comparisons[:-1]]), gradient, rtol=1e-12)
    fast = nn.gradcheck(scalar.vectorize(), (X, y[:, None]), "mse", show=False)
    assert [c.what for c in fast.comparisons] == [
        *[name for name, _ in scalar.vectorize().named_parameters()],
        "all, forwards",
    ]


def test_a_model_is_checked_as_the_caller_asks(capsys: pytest.CaptureFixture[str]) -> None:
    class Model(nn.Module):
        def __init__(self, operation: Any) -> None:
            self.w, self.operation = Tensor(np.linspace(0.1, 1.0, 60).reshape(2, 30)), operation

        def __call__(self, x: Any) -> Any:
            return self.operation(x @ self.w).sum(-1, keepdims=True)

    data = (X, [[0.1], [0.2], [0.3]])
    first = nn.gradcheck(Model(autograd.sin), data, "mse", order=2, seed=1)
    assert capsys.readouterr().out == f"{first}\n"
    other = nn.gradcheck(Model(autograd.sin), data, "mse", seed=2, show=False)
    assert capsys.readouterr().out == ""
    assert [c.what for c in first.comparisons] == ["w", "all, forwards", "order 2: w", "order 2: all, forwards"]
    assert not np.isin(first.comparisons[0].analytic, other.comparisons[0].analytic).any()
    assert not nn.gradcheck(Model(almost_sin), data, "mse", show=False)
    assert nn.gradcheck(Model(almost_sin), data, "mse", tolerance=1e-2, show=False)
    with pytest.raises(ValueError, match="give one target for each row"):
        nn.gradcheck(Model(autograd.sin), (X, [[0.1]]), "mse", show=False)


def test_it_prints_nothing_where_nothing_is_to_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    gradcheck(lambda x: x * x, 3.0, show=False)
    assert capsys.readouterr().out == ""
