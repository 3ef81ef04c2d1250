"""`gradcheck` at many scales: right gradients to let pass, wrong ones to find, kinks and what is none."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import GradCheck, Tensor, custom_op, gradcheck
from autograd.array_ops import ARRAY_OPS
from autograd.ops import OPS, REDUCTIONS, Op

Case = tuple[Callable[..., Any], Any]
SEVERAL = np.random.default_rng(0).standard_normal(3000)


def checked(case: Case, **options: Any) -> GradCheck:
    f, inputs = case
    return gradcheck(f, inputs, show=False, **options)


# abs(…) of what is positive leaves the differences alone: the complex step cannot take their place
RIGHT: dict[str, Case] = {
    "fast": (lambda x: (x * 1e5).sin(), 1.0),
    "fast at 0": (lambda x: (x * 1e6).sin(), 0.0),
    "fast by differences": (lambda x: abs((x * 1e5).sin()), 1.2),
    "fast and large": (lambda x: abs((x * 30.0).cos()), 1e4),
    "slow": (lambda x: abs((x * 1e-5).sin()), 1.0),
    "exp(50x)": (lambda x: abs((x * 50.0).exp()), 1.0),
    "exp(-50x)": (lambda x: abs((x * -50.0).exp()), 1.0),
    "exp(700x)": (lambda x: abs((x * 700.0).exp()), 1.0),
    "exp(exp x)": (lambda x: abs(x.exp().exp()), 5.0),
    "beside a constant": (lambda x: abs(x) ** 2 + 1e8, 1.0),
    "small beside a constant": (lambda x: abs(x) ** 2 + 1e8, 1e-3),
    "1e-12 x": (lambda x: 1e-12 * abs(x), 1.0),
    "1e12 x": (lambda x: 1e12 * abs(x), 1.0),
    "1e-300 x": (lambda x: 1e-300 * abs(x), 1.0),
    "1e300 x": (lambda x: 1e300 * abs(x), 1.0),
    "a far valley": (lambda x: abs(x - 1e6) ** 2, 1e6 + 1.0),
    "near a far valley": (lambda x: abs(x - 1e6) ** 2, 1e6 + 1e-3),
    "in a far valley": (lambda x: (x - 1e6) ** 2, 1e6),
    "far from a valley": (lambda x: (x - 1e6) ** 2, 0.0),
    "log near 0": (lambda x: abs(x.log()), 1e-8),
    "log very near 0": (lambda x: abs(x.log()), 1e-100),
    "log near its edge": (lambda x: abs((x - 1.0).log()), 1.0 + 1e-6),
    "log of one small number": (lambda v: abs(v.log()).sum(), np.array([1e-8, 1.5, 3.0])),
    "sqrt near 0": (lambda x: x.sqrt().relu(), 1e-10),
    "sqrt near its edge": (lambda x: abs((x - 1.0).sqrt()), 1.0 + 1e-6),
    "asin near its edge": (lambda x: abs(x.asin()), 1.0 - 1e-6),
    "tan near its pole": (lambda x: abs(x.tan()), 1.57),
    "1 / x": (lambda x: abs(1.0 / x), 1e-6),
    "saturated tanh": (lambda x: abs(x.tanh()), 8.0),
    "saturated tanh, exactly": (lambda x: x.tanh(), 20.0),
    "saturated sigmoid": (lambda x: abs(x.sigmoid()), 30.0),
    "tail of sigmoid": (lambda x: abs(x.sigmoid()), -30.0),
    "steep sigmoid": (lambda x: abs((x * 1e4).sigmoid()), 1e-5),
    "middle of a steep sigmoid": (lambda x: abs((x * 1e8).sigmoid()), 0.0),
    "steep tanh": (lambda x: abs((x * 1e5).tanh() + 2.0), 1e-6),
    "steep atan": (lambda x: abs((x * 1e6).atan()), 1e-5),
    "cancellation": (lambda x: (abs(x) + 1e8) - 1e8, 1.0),
    "cancelling sums": (
        lambda v: ((v + 1e6) ** 2).sum() - (v * v).sum() - 2e6 * v.sum(), np.array([1.0, 2.0, 3.0])
    ),
    "variance of large numbers": (lambda v: abs(v).var(), np.array([1e6, 1e6 + 1.0, 1e6 + 3.0])),
    "relu at 1e-9": (lambda x: x.relu(), 1e-9),
    "relu at -1e-9": (lambda x: x.relu(), -1e-9),
    "beyond a kink": (lambda x: (x - 1.0).relu() + 1.0, 1.0 + 1e-6),
    "before a kink": (lambda x: (x - 1.0).relu() + 1.0, 1.0 - 1e-6),
    "1e-9 from a kink": (lambda x: (x - 1.0).relu(), 1.0 + 1e-9),
    "a small kink in a curve": (lambda x: (x - 1.0).relu() * 1e-3 + x * x * 100.0, 1.0 - 1e-6),
    "abs away from 0": (lambda x: abs(x - 3.0), 3.0 + 1e-6),
    "max near a tie": (lambda v: v.max(), np.array([1.0, 1.0 + 1e-6])),
    "clip near an edge": (lambda x: x.clip(-1.0, 1.0) * x, 1.0 - 1e-6),
    "clip beyond an edge": (lambda x: x.clip(-1.0, 1.0), 1.0 + 1e-6),
    "Huber's joint": (lambda x: autograd.where(abs(x) < 1.0, 0.5 * x * x, abs(x) - 0.5), 1.0),
    "x |x|": (lambda x: x * abs(x), 0.0),
    "x⁴ at 0": (lambda x: abs(x) ** 4, 0.0),
    "top of a hill": (lambda x: abs(x.cos()), 0.0),
    "dead": (lambda x: (x - 5.0).relu() + 1e3, 1.0),
    "waves in waves": (lambda x: abs(((x * 100.0).sin() * 30.0).cos()) + 1.0, 0.7),
    "a narrow peak": (lambda x: 1.0 / (1.0 + abs(x * 1e3) ** 2), 1e-3),
    "a narrow bell": (lambda x: abs((-((x * 1e3) ** 2)).exp()), 2e-3),
    "two scales": (lambda v: abs(v[0] * 1e6) + abs(v[1] * 1e-6).sin(), np.array([1e-6, 1e6])),
    "fast beside slow": (lambda v: abs((v[0] * 1e5).sin()) + v[1] ** 2, np.array([0.3, 2.0])),
    "large arrays": (lambda v: abs(v.tanh()).sum(), SEVERAL),
    "large arrays with kinks": (lambda v: v.relu().sum() + v.max(), SEVERAL),
    "logsumexp of a large array": (lambda v: v.logsumexp(), SEVERAL * 100.0),
    "float32": (lambda v: (v * 1e3).sin().sum() + v.relu().sum(), Tensor([0.3, -0.4], dtype=np.float32)),
    "norm of large numbers": (lambda v: v.norm(), np.array([3e8, 4e8])),
    "norm of small numbers": (lambda v: v.norm(), np.array([3e-8, 4e-8])),
    "product of many": (lambda v: abs(v).prod(), np.linspace(0.1, 5.0, 5)),
    "sure of the wrong class": (lambda v: abs(v.log_softmax()[1]), np.array([100.0, 1.0, -50.0])),
    "no number at all": (lambda v, w: (v * v).sum() + w.sum(), (np.ones(2), np.ones(0))),
}  # fmt: skip
NO_SECOND_DERIVATIVE = ("Huber's joint", "x |x|", "exp(700x)")


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_gradient_is_never_accused(name: str) -> None:
    order = 1 if name in NO_SECOND_DERIVATIVE else 2
    found = checked(RIGHT[name], order=order)
    assert found, f"{name}\n{found}"
    assert found.culprit == ""


@custom_op(lambda m, y, x: 1.001)
def nearly_same(m: Any, x: Any) -> Any:
    """x, with a derivative that is wrong by a thousandth."""
    return +x


BELOW_ROUNDING = ("saturated sigmoid", "saturated tanh, exactly", "small beside a constant")
"""Where a thousandth of the slope is less than the rounding of the result."""


@pytest.mark.parametrize("name", [name for name in RIGHT if name not in BELOW_ROUNDING])
def test_the_same_gradient_wrong_by_a_thousandth_is_found(name: str) -> None:
    f, inputs = RIGHT[name]
    right = gradcheck(f, inputs, show=False).comparisons[0].analytic
    found = gradcheck(lambda x, *others: f(nearly_same(x), *others), inputs, show=False)
    if np.any(right):
        assert found.comparisons[0].verdict == "DISAGREES", f"{name}\n{found}"
        assert "DISAGREES" in repr(found)


@custom_op(lambda m, y, x: -m.cos(x))
def turned_sin(m: Any, x: Any) -> Any:
    return m.sin(x)


@custom_op(lambda m, y, x: 2.0 * x * m.where(m.equal(x, 0.5), 1.001, 1.0))
def one_off(m: Any, x: Any) -> Any:
    return x * x


WRONG: dict[str, Case] = {
    "sign": (turned_sin, 0.5),
    "sign of something fast": (lambda x: turned_sin(x * 1e5), 1.0),
    "one of five": (lambda v: one_off(v).sum(), np.array([0.1, 0.2, 0.5, 1.0, 2.0])),
    "one of five thousand": (lambda v: one_off(v).sum(), np.array([*np.linspace(0.1, 1.0, 4999), 0.5])),
    "a small one beside a large one": (lambda v: one_off(v[0]) + 1e5 * (v[1] * v[1]), np.array([0.5, 1.0])),
    "a detached factor": (lambda x: x * x.detach(), 2.0),
    "a small detached term": (lambda x: x + (x * 1e-3).detach().sin(), 2.0),
    "a detached factor of something fast": (lambda x: (x * 1e5).sin() * x.detach() + x, 1.0),
    "a term that the graph does not see": (lambda x: x.sin() + 1e-3 * x.data, 1.0),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_gradient_is_found(name: str) -> None:
    found = checked(WRONG[name])
    assert found.comparisons[0].verdict == "DISAGREES", f"{name}\n{found}"


def _off(rule: Any) -> Any:
    return lambda *args: 1.001 * rule(*args)


ROWS = [(op, i) for op in OPS.values() for i in range(op.arity)]


@pytest.mark.parametrize(("op", "i"), ROWS, ids=[f"{op.name}.{i}" for op, i in ROWS])
def test_each_partial_of_each_row_wrong_by_a_thousandth_is_found(op: Op, i: int) -> None:
    rng = np.random.default_rng(i)
    xs = tuple(float(rng.uniform(low, high)) for low, high in op.domain)
    wrong = replace(op, partials=tuple(_off(d) if k == i else d for k, d in enumerate(op.partials)))
    right = checked((autograd.operation(op), xs))
    assert right, str(right)
    found = checked((autograd.operation(wrong), xs))
    assert bool(found) == (right.comparisons[i].analytic[0] == 0.0), str(found)
    assert [c.agrees for c in found.comparisons[:-1]] == [k != i or bool(found) for k in range(op.arity)]


@pytest.mark.parametrize("name", REDUCTIONS)
def test_each_reduction_wrong_by_a_thousandth_in_one_operand_is_found(name: str) -> None:
    row = REDUCTIONS[name]
    xs = [0.4, 1.1, -0.7, 0.9]
    for i in range(len(xs)):

        def partials(m: Any, y: Any, operands: Any, i: int = i) -> Any:
            return [1.001 * d if k == i else d for k, d in enumerate(row.partials(m, y, operands))]

        wrong = autograd.operation(replace(row, partials=partials))
        assert checked((lambda v, wrong=wrong: wrong(v), xs)).comparisons[0].verdict == "DISAGREES"


KINKS: dict[str, Case] = {
    "relu": (lambda x: x.relu(), 0.0),
    "relu elsewhere": (lambda x: (x - 1.0).relu() + x, 1.0),
    "a small relu": (lambda x: x.relu() * 1e-6 + 1.0, 0.0),
    "leaky_relu": (lambda x: x.leaky_relu(), 0.0),
    "abs": (lambda x: abs(x), 0.0),
    "abs in a steep line": (lambda x: abs(x) + 1e3 * x, 0.0),
    "max at a tie": (lambda v: v.max(), np.array([1.0, 1.0, 0.5])),
    "maximum": (lambda x: x.maximum(2.0 * x), 0.0),
    "clip": (lambda x: x.clip(-1.0, 1.0), 1.0),
    "one element of clip": (lambda v: v.clip(-1.0, 1.0).sum(), np.array([-1.0, 0.3])),
    "the corner of a cone": (lambda v: v.norm(), np.zeros(2)),
}


@pytest.mark.parametrize("name", KINKS)
def test_a_kink_is_called_so_and_is_not_decided(name: str) -> None:
    found = checked(KINKS[name])
    assert not found
    assert found.comparisons[0].verdict == "undecided", str(found)
    assert "The result has a kink here" in found.culprit
    assert repr(found).startswith("GradCheck(undecided")
    assert "<-- undecided" in str(found)


def test_a_gradient_outside_of_a_kink_is_wrong() -> None:
    """Between the slopes on both sides any number will do; another will not."""
    for slope, verdict in ((-0.5, "DISAGREES"), (0.0, "undecided"), (0.5, "undecided"), (1.5, "DISAGREES")):

        @custom_op(lambda m, y, x, slope=slope: slope)
        def rectified(m: Any, x: Any) -> Any:
            return m.maximum(x, 0.0)

        assert checked((rectified, 0.0)).comparisons[0].verdict == verdict


NO_KINKS: dict[str, Case] = {
    "an infinite slope": (lambda x: x.sqrt(), 0.0),
    "a cusp": (lambda x: abs(x).sqrt(), 0.0),
    "waves too fast for doubles": (lambda x: abs((x * 1e20).sin()), 1.0),
    "a jump": (lambda x: x if x > 1.0 else 2.0 * x, 1.0),
}


@pytest.mark.parametrize("name", NO_KINKS)
def test_what_is_no_kink_is_not_called_one(name: str) -> None:
    found = checked(NO_KINKS[name])
    assert not found
    assert "kink" not in found.culprit
    assert found.culprit


def test_an_infinite_slope_is_undecided_and_the_operation_is_named() -> None:
    found = checked((lambda x: x.sqrt() * 2.0, 0.0))
    assert found.comparisons[0].verdict == "undecided"
    assert "Differences do not settle here" in found.culprit
    assert "away from sqrt of" in found.culprit


def test_a_staircase_is_undecided() -> None:
    """Its steps have one slope, and what they climb along has another: the differences see both, and clearly."""

    @custom_op(lambda m, y, x: 1.0)
    def in_steps(m: Any, x: Any) -> Any:
        return (x * 1e6 - x * 1e6 % 1.0) * 1e-6 + 0.25 * x

    assert checked((in_steps, 0.3)).comparisons[0].verdict != "agrees"


@pytest.mark.parametrize("steps", [3.3e3, 4.1e4, 3.7e5])
@pytest.mark.parametrize("slope", [0.25, 0.75], ids=["of a step", "of the stairs"])
def test_neither_slope_of_a_staircase_is_accused(steps: float, slope: float) -> None:
    @custom_op(lambda m, y, x: slope)
    def in_steps(m: Any, x: Any) -> Any:
        return 0.5 * np.floor(np.real(x) * steps) / steps + 0.25 * x

    assert checked((in_steps, 1.31415)).comparisons[0].verdict == "undecided"


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "gelu", "silu"])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_models_with_saturated_units(loss: str, activation: str) -> None:
    model = nn.vectorized.MLP(2, [4, 3], activation=activation, dtype=float, seed=1)
    weight = model.parameters()[0]
    weight.data = weight.data * np.array([[1.0], [1e1], [3e1], [1e2]])
    data = (np.array([[0.3, -1.2], [1.1, 0.4], [-0.7, 0.9]]), [0, 2, 1])
    targets: Any = np.eye(3)[data[1]] if loss == "mse" else np.array(data[1])
    found = nn.gradcheck(model, (data[0], targets), loss, show=False)
    assert found, str(found)


@pytest.mark.parametrize("name", ["matmul", "sum", "max", "logsumexp", "norm", "linear", "concatenate"])
def test_array_operations_wrong_in_one_element_are_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: dict[str, Case] = {
        "matmul": (lambda a, b: a @ b, (np.ones((2, 3)), np.full((3, 2), 0.1))),
        "sum": (lambda v: v.sum(axis=0), np.ones((2, 3))),
        "max": (lambda v: v.max(axis=0), np.arange(6.0).reshape(2, 3)),
        "logsumexp": (lambda v: v.logsumexp(axis=0), np.arange(6.0).reshape(2, 3)),
        "norm": (lambda v: v.norm(axis=0), np.arange(6.0).reshape(2, 3)),
        "linear": (lambda a, b: Tensor._apply(ARRAY_OPS["linear"], a, b), (np.ones((2, 3)), np.full((4, 3), 0.1))),
        "concatenate": (lambda a, b: autograd.concatenate([a, b]), (np.ones((2, 3)), np.full((1, 3), 0.1))),
    }
    rule = ARRAY_OPS[name].vjp

    def wrong(i: int, m: Any, g: Any, *args: Any, **options: Any) -> Any:
        sent = np.array(rule(i, m, g, *args, **options))
        sent.flat[-1] *= 1.001
        return sent

    assert checked(calls[name])
    monkeypatch.setattr(ARRAY_OPS[name], "vjp", wrong)
    assert all(c.verdict == "DISAGREES" for c in checked(calls[name]).comparisons[:-1])
