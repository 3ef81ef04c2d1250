"""Losses: one formula for both paths, equal to NumPy's, stable, and strict about targets."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, Value
from nn.losses import LOSSES

Array = np.ndarray[Any, Any]


def log_sum_exp(z: Array) -> Array:
    top = z.max(axis=1)
    return np.asarray(np.log(np.exp(z - top[:, None]).sum(axis=1)) + top)


FORMULAS: dict[str, Callable[[Array, Array], Any]] = {
    "mse": lambda p, t: ((p - t) ** 2).mean(),
    "mae": lambda p, t: np.abs(p - t).mean(),
    "hinge": lambda p, t: np.maximum(0.0, 1.0 - t * p).mean(),
    "bce_with_logits": lambda p, t: -(t * np.log(1 / (1 + np.exp(-p))) + (1 - t) * np.log(1 / (1 + np.exp(p)))).mean(),
    "cross_entropy": lambda z, y: (log_sum_exp(z) - z[np.arange(len(z)), y]).mean(),
}
SLOPES: dict[str, Callable[[Array, Array], Array]] = {
    "mse": lambda p, t: 2.0 * (p - t) / p.size,
    "mae": lambda p, t: np.sign(p - t) / p.size,
    "hinge": lambda p, t: np.where(1.0 - t * p > 0.0, -t, 0.0) / p.size,
    "bce_with_logits": lambda p, t: (1.0 / (1.0 + np.exp(-p)) - t) / p.size,
    "cross_entropy": lambda z, y: (np.exp(z - log_sum_exp(z)[:, None]) - np.eye(z.shape[1])[y]) / len(z),
}
EVERY_LOSS = pytest.mark.parametrize("name", list(LOSSES))
ELEMENTWISE = pytest.mark.parametrize("name", [name for name in LOSSES if name != "cross_entropy"])


def targets(name: str, shape: tuple[int, ...]) -> Array:
    rng = np.random.default_rng(5)
    if name == "cross_entropy":
        return rng.integers(0, shape[1], shape[0])
    if name == "hinge":
        return rng.choice([-1.0, 1.0], shape)
    return rng.choice([0.0, 1.0], shape) if name == "bce_with_logits" else rng.normal(size=shape)


def scalar(name: str, predictions: Array, t: Any) -> tuple[float, Array]:
    """The loss on `Value`s, and its gradient."""
    leaves = np.array([Value(p) for p in predictions.flat], dtype=object).reshape(predictions.shape)
    loss = LOSSES[name](leaves.tolist(), t)
    loss.backward()
    return loss.data, np.array([v.grad for v in leaves.flat]).reshape(predictions.shape)


def vectorized(name: str, predictions: Array, t: Any) -> tuple[float, Array]:
    """The same on a `Tensor`."""
    leaf = Tensor(predictions)
    loss = LOSSES[name](leaf, t)
    loss.backward()
    return loss.item(), leaf.grad


PATHS = pytest.mark.parametrize("path", [scalar, vectorized])


def close(a: Any, b: Any) -> bool:
    return bool(np.allclose(np.asarray(a, float), np.asarray(b, float), rtol=1e-12, atol=1e-12))


# ----- value and gradient -----


def test_every_loss_has_its_formula_here() -> None:
    assert set(FORMULAS) == set(SLOPES) == set(LOSSES)
    assert all(getattr(nn, name) is loss for name, loss in LOSSES.items())


@PATHS
@EVERY_LOSS
@pytest.mark.parametrize("shape", [(7,), (7, 1), (4, 3), (1,), (1, 1)], ids=str)
def test_value_and_gradient_are_those_of_the_formula(name: str, path: Any, shape: tuple[int, ...]) -> None:
    if name == "cross_entropy" and (len(shape) == 1 or shape[1] == 1):
        shape = (shape[0], 5)
    predictions = np.random.default_rng(4).normal(scale=2.0, size=shape)
    t = targets(name, shape)
    value, gradient = path(name, predictions, t)
    assert close(value, FORMULAS[name](predictions, t))
    assert close(gradient, SLOPES[name](predictions, t))
    assert close(path(name, predictions, t.tolist())[0], value)  # targets may be a list


@PATHS
@ELEMENTWISE
def test_a_column_and_a_plain_row_never_broadcast(name: str, path: Any) -> None:
    column = np.random.default_rng(4).normal(size=(6, 1))
    t = targets(name, (6,))
    expected, slope = FORMULAS[name](column[:, 0], t), SLOPES[name](column[:, 0], t)
    for predictions, given in [(column, t), (column[:, 0], t[:, None]), (column, t[:, None])]:
        value, gradient = path(name, predictions, given)
        assert close(value, expected)
        assert gradient.shape == predictions.shape
        assert close(gradient.ravel(), slope)


@EVERY_LOSS
def test_float32_stays_float32(name: str) -> None:
    leaf = Tensor(np.ones((4, 2)), dtype=np.float32)
    loss = LOSSES[name](leaf, targets(name, (4, 2)))
    loss.backward()
    assert loss.dtype == leaf.grad.dtype == np.float32


def test_a_single_value_is_a_prediction_for_one_example() -> None:
    p = Value(3.0)
    loss = nn.mse(p, 1.0)
    loss.backward()
    assert (loss.data, p.grad) == (4.0, 4.0)
    assert nn.mse([p], [1.0]).data == nn.mse((p,), np.float32(1.0)).data == 4.0


def test_cross_entropys_gradient_is_softmax_minus_one_hot_over_n() -> None:
    z = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    softmax = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    onehot = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    for path in scalar, vectorized:
        value, gradient = path("cross_entropy", z, np.array([2, 0]))
        assert close(gradient, (softmax - onehot) / 2)
        assert close(value, (-math.log(softmax[1, 0]) - math.log(softmax[0, 2])) / 2)


def test_integer_labels_of_any_width_are_classes() -> None:
    z = Tensor(np.eye(3))
    answers = {nn.cross_entropy(z, np.arange(3).astype(kind)).item() for kind in ("int8", "uint8", "int64", "uint64")}
    assert len(answers) == 1


# ----- far out and at the kinks -----

EXTREMES: list[tuple[str, Any, Any, float, Any]] = [
    ("bce_with_logits", [1000.0], [1], 0.0, [0.0]),
    ("bce_with_logits", [1000.0], [0], 1000.0, [1.0]),
    ("bce_with_logits", [-1000.0], [0], 0.0, [0.0]),
    ("bce_with_logits", [-1000.0], [1], 1000.0, [-1.0]),
    ("bce_with_logits", [0.0], [1], math.log(2.0), [-0.5]),
    ("cross_entropy", [[1000.0, -1000.0]], [0], 0.0, [[0.0, 0.0]]),
    ("cross_entropy", [[1000.0, -1000.0]], [1], 2000.0, [[1.0, -1.0]]),
    ("cross_entropy", [[-1000.0, -1000.0]], [1], math.log(2.0), [[0.5, -0.5]]),
    ("hinge", [-1000.0], [1], 1001.0, [-1.0]),
    ("hinge", [1.0], [1], 0.0, [0.0]),  # at the margin: relu'(0) = 0
    ("hinge", [-1.0], [-1], 0.0, [0.0]),
    ("hinge", [1.0], [-1], 2.0, [1.0]),
    ("mae", [2.0], [2.0], 0.0, [0.0]),  # |x|' at 0 is 0
    ("mse", [2.0], [2.0], 0.0, [0.0]),
]


@PATHS
@pytest.mark.parametrize(("name", "predictions", "t", "value", "gradient"), EXTREMES)
def test_extremes_and_kinks(path: Any, name: str, predictions: Any, t: Any, value: float, gradient: Any) -> None:
    found, slope = path(name, np.array(predictions), np.array(t))
    assert found == pytest.approx(value, rel=1e-12)
    assert slope == pytest.approx(np.array(gradient), abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_logits_are_stable_in_both_dtypes(dtype: Any) -> None:
    for name, t in ("bce_with_logits", np.array([[0, 1], [1, 0]])), ("cross_entropy", np.array([0, 1])):
        z = Tensor(np.array([[1000.0, -1000.0], [-1000.0, 1000.0]]), dtype=dtype)
        loss = LOSSES[name](z, t)
        loss.backward()
        assert np.isfinite(loss.item())
        assert np.isfinite(z.grad).all()


# ----- the penalty -----


def test_l2_penalty_in_both_paths() -> None:
    slow = nn.MLP(2, [3, 2], seed=0)
    fast = slow.vectorize()
    penalties = [nn.l2_penalty(model.parameters(), 0.1) for model in (slow, fast)]
    for penalty in penalties:
        penalty.backward()
    w = np.array([p.data for p in slow.parameters()])
    assert close(float(penalties[0]), 0.1 * (w**2).sum())
    assert close(float(penalties[1]), 0.1 * (w**2).sum())
    assert close([p.grad for p in slow.parameters()], 0.2 * w)
    assert all(close(p.grad, 0.2 * p.data) for p in fast.parameters())
    assert float(nn.l2_penalty(slow.parameters(), 0)) == 0.0
    assert float(nn.l2_penalty(iter([Value(3.0)]), 2)) == 18.0


@pytest.mark.parametrize(
    ("parameters", "strength", "error", "message"),
    [
        ([], 0.1, TypeError, "model.parameters.*at least one"),
        (nn.MLP(1, [1]), 0.1, TypeError, "takes the Values or Tensors of model.parameters"),
        ([Value(1.0), 2.0], 0.1, TypeError, "takes the Values or Tensors of model.parameters"),
        (5, 0.1, TypeError, "takes the Values or Tensors of model.parameters"),
        ([Value(1.0)], -0.1, ValueError, "strength must be at least 0 and finite, got -0.1"),
        ([Value(1.0)], math.nan, ValueError, "strength must be at least 0 and finite, got nan"),
        ([Value(1.0)], "0.1", TypeError, "strength must be a number, got str '0.1'"),
    ],
)
def test_l2_penalty_says_what_is_wrong(parameters: Any, strength: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        nn.l2_penalty(parameters, strength)


# ----- bad input -----


def both(predictions: Array) -> list[Any]:
    """The same predictions on either path."""
    return [
        [Value(p) for p in predictions] if predictions.ndim == 1 else [[Value(p) for p in row] for row in predictions],
        Tensor(predictions),
    ]


@ELEMENTWISE
@pytest.mark.parametrize(
    ("predictions", "given", "error", "message"),
    [
        (np.zeros(3), [1.0, 1.0], ValueError, r"predictions have shape \(3,\) and targets \(2,\)"),
        (np.zeros(3), 1.0, ValueError, r"predictions have shape \(3,\) and targets \(\)"),
        (np.zeros((2, 3)), np.ones((3, 2)), ValueError, r"predictions have shape \(2, 3\) and targets \(3, 2\)"),
        (np.zeros((2, 3)), np.ones(6), ValueError, r"predictions have shape \(2, 3\) and targets \(6,\)"),
        (np.zeros((3, 1)), np.ones((1, 3)), ValueError, r"predictions have shape \(3, 1\) and targets \(1, 3\)"),
        (np.zeros(2), [], ValueError, "there are no targets"),
        (np.zeros(2), [1.0, math.nan], ValueError, "targets must be finite, got nan or inf"),
        (np.zeros(2), [1.0, math.inf], ValueError, "targets must be finite, got nan or inf"),
        (np.zeros(2), ["1", "1"], TypeError, "targets must be plain numbers.*list"),
        (np.zeros(2), None, TypeError, "targets must be plain numbers.*NoneType"),
        (np.zeros(2), [1.0, None], TypeError, "targets must be plain numbers"),
        (np.zeros(2), np.array([1j, 1.0]), TypeError, "targets must be plain numbers.*complex128"),
        (np.zeros(2), [[1.0], [1.0, 1.0]], TypeError, "targets must be plain numbers.*equal length"),
        (np.zeros(2), Tensor([1.0, 1.0]), TypeError, r"targets must be plain numbers.*\.data"),
        (np.zeros(2), [Value(1.0), Value(1.0)], TypeError, r"targets must be plain numbers.*\.data"),
    ],
)
def test_bad_targets(name: str, predictions: Array, given: Any, error: type[Exception], message: str) -> None:
    for each in both(predictions):
        with pytest.raises(error, match=rf"{name}: {message}"):
            LOSSES[name](each, given)


@pytest.mark.parametrize(("given", "found"), [([0, 1], "0.0"), ([1, 2], "2.0"), ([-1.0, 0.5], "0.5")])
def test_hinge_wants_plus_and_minus_one(given: Any, found: str) -> None:
    for each in both(np.zeros(2)):
        with pytest.raises(ValueError, match=rf"hinge: targets must be -1 or 1, got \[{found}\]"):
            nn.hinge(each, given)


@pytest.mark.parametrize(("given", "found"), [([-1, 1], "-1.0"), ([1, 2], "2.0"), ([0.0, 1.5], "1.5")])
def test_binary_cross_entropy_wants_zero_to_one(given: Any, found: str) -> None:
    for each in both(np.zeros(2)):
        said = rf"bce_with_logits: targets must be 0 to 1, got \[{found}\]"
        with pytest.raises(ValueError, match=said):
            nn.bce_with_logits(each, given)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 3], ValueError, "labels must be 0 to 2 for 3 logits, got 0 to 3"),
        ([-1, 0], ValueError, "labels must be 0 to 2 for 3 logits, got -1 to 0"),
        ([0.0, 1.0], TypeError, r"labels must be integers, got float64; write np.array\(labels\).astype\(int\)"),
        ([True, False], TypeError, "labels must be integers, got bool"),
        (["a", "b"], TypeError, "labels must be plain numbers"),
        ([[1], [0, 1]], TypeError, "labels must be plain numbers.*equal length"),
        ([0], ValueError, r"2 examples need labels of shape \(2,\), or probabilities of shape \(2, 3\), got \(1,\)$"),
        ([[0], [1]], ValueError, r"2 examples need labels .* got \(2, 1\); write np.array\(labels\)\.ravel\(\)"),
        ([1, 3], ValueError, r"labels must be 0 to 2 for 3 logits, got 1 to 3; write np.array\(labels\) - 1"),
        (
            [[1.0, 2.0, 1.0]] * 2,
            ValueError,
            r"probabilities .* got \[1.0, 2.0, 1.0\]; write labels / labels.sum\(axis=1",
        ),
        ([[0.3334, 0.3333, 0.3334]] * 2, ValueError, r"probabilities are none below 0 and sum to 1 in each row"),
        ([[1.5, -0.5, 0.0]] * 2, ValueError, r"probabilities are none below 0 and sum to 1 in each row"),
        ([], ValueError, "there are no labels"),
        (np.zeros(0, int), ValueError, "there are no labels"),
    ],
)
def test_bad_labels(labels: Any, error: type[Exception], message: str) -> None:
    for each in both(np.zeros((2, 3))):
        with pytest.raises(error, match=f"cross_entropy: {message}"):
            nn.cross_entropy(each, labels)


LABELS = [0, 1, 1]
OTHER_LABELS = {
    "column": [[0], [1], [1]],
    "row": [[0, 1, 1]],
    "from 1": [1, 2, 2],
    "floating column from 1": [[1.0], [2.0], [2.0]],
    "signs": [-1, 1, 1],
    "floating signs in a column": [[-1.0], [1.0], [1.0]],
    "bool": [False, True, True],
    "float": [0.0, 1.0, 1.0],
    "text": ["cat", "dog", "dog"],
    "column of text": [["cat"], ["dog"], ["dog"]],
}
"""`LABELS` as other libraries and files have them."""


def followed(error: Exception, **names: Any) -> Any:
    """What the code after "write" gives."""
    code = re.search(r"; write (.*)$", str(error))
    assert code, error
    return eval(code[1], {"np": np} | names)


@pytest.mark.parametrize("made", [list, tuple, np.array, Tensor], ids=lambda made: made.__name__)
@pytest.mark.parametrize("way", OTHER_LABELS)
def test_the_remedy_for_other_labels_gives_the_loss_in_one_step(way: str, made: Callable[[Any], Any]) -> None:
    if "text" in way and made is Tensor:
        return
    labels = made(OTHER_LABELS[way])
    for scores in both(np.array([[0.3, -0.7], [1.1, 0.2], [0.0, 2.0]])):
        with pytest.raises((TypeError, ValueError)) as caught:
            nn.cross_entropy(scores, labels)
        assert float(nn.cross_entropy(scores, followed(caught.value, labels=labels))) == pytest.approx(
            float(nn.cross_entropy(scores, LABELS)), rel=1e-15
        )


@pytest.mark.parametrize("made", [list, np.array, Tensor], ids=lambda made: made.__name__)
@pytest.mark.parametrize(
    ("loss", "targets", "right"),
    [
        (nn.hinge, [0, 1, 1], [-1, 1, 1]),
        (nn.hinge, [1, 2, 2], [-1, 1, 1]),
        (nn.hinge, [0, 0, 0], [-1, -1, -1]),
        (nn.hinge, [2.0, 2.0, 2.0], [1, 1, 1]),
        (nn.hinge, [3, 7, 3], [-1, 1, -1]),
        (nn.bce_with_logits, [-1, 1, 1], [0, 1, 1]),
        (nn.bce_with_logits, [1, 2, 1], [0, 1, 0]),
        (nn.bce_with_logits, [-1.0, -1.0, -1.0], [0, 0, 0]),
    ],
)
def test_the_remedy_for_other_numbers_of_two_classes_gives_the_loss(
    loss: Any, targets: list[float], right: list[float], made: Callable[[Any], Any]
) -> None:
    given = made(targets)
    for scores in both(np.array([0.3, -0.7, 1.1])):
        with pytest.raises((TypeError, ValueError)) as caught:
            loss(scores, given)
        assert float(loss(scores, followed(caught.value, targets=given))) == float(loss(scores, right))


def test_targets_in_a_tensor_are_taken_out_by_the_remedy() -> None:
    for loss in nn.mse, nn.mae, nn.bce_with_logits:
        with pytest.raises(
            TypeError, match=r"targets must be plain numbers, got a Tensor; write targets.data, or your own formula"
        ):
            loss(Tensor([0.3, 0.7]), Tensor([0.0, 1.0]))


@pytest.mark.parametrize("targets", [[3, 3], [1, 5], [0.5, -0.5]])
def test_targets_that_may_mean_anything_have_no_remedy(targets: list[float]) -> None:
    given = np.array([*targets, 0.25])
    with pytest.raises(ValueError, match=r"must be -1 or 1, got \[.*\]$"):
        nn.hinge(Tensor(np.zeros(3)), given)


def test_cross_entropy_wants_a_row_of_logits_for_each_example() -> None:
    for logits in [Value(1.0), Value(2.0)], [[Value(1.0)]], Tensor([1.0, 2.0, 3.0]), Tensor([[1.0], [2.0]]):
        with pytest.raises(ValueError, match=r"logits must have shape \(n, classes\) with at least 2.*bce_with_logits"):
            nn.cross_entropy(logits, [0, 1])
    with pytest.raises(TypeError, match="equally long lists"):
        nn.cross_entropy([[Value(1.0)], [Value(2.0), Value(3.0)]], [0, 0])


@EVERY_LOSS
@pytest.mark.parametrize(
    "predictions",
    [[], [1.0, 2.0], 1.0, None, "ab", np.zeros((2, 2)), [[Value(1.0)], 2.0], [Tensor([1.0]), Tensor([1.0])]],
    ids=["empty", "floats", "float", "None", "text", "array", "mixed", "Tensors"],
)
def test_predictions_are_nodes(name: str, predictions: Any) -> None:
    with pytest.raises(TypeError, match=rf"{name}: predictions must be a Tensor, or a list of Values"):
        LOSSES[name](predictions, [1, 1])


def test_an_empty_tensor_has_no_loss() -> None:
    with pytest.raises(ValueError, match="there are no targets"):
        nn.mse(Tensor(np.zeros((0, 1))), np.zeros((0, 1)))
    with pytest.raises(ValueError, match="there are no labels"):
        nn.cross_entropy(Tensor(np.zeros((0, 3))), np.zeros(0, int))


@pytest.mark.parametrize("name", LOSSES)
def test_targets_that_were_checked_before_are_not_checked_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`fit` checks all targets once, then says so in every step; the number is the same."""
    scores = np.array([[0.3, -0.7], [1.1, 0.2]]) if name == "cross_entropy" else np.array([0.3, -0.7])
    targets = np.array([1, 1])
    expected = float(LOSSES[name](Tensor(scores), targets))
    monkeypatch.setattr("nn.losses._targets", None)
    monkeypatch.setattr("nn.losses._labels", None)
    assert float(LOSSES[name](Tensor(scores), targets, checked=True)) == expected
    with pytest.raises(TypeError):
        LOSSES[name](Tensor(scores), targets)


# ----- probabilities for labels -----

SCORES = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]])


@pytest.mark.parametrize("labels", [np.eye(3, dtype=int)[[2, 0]], np.eye(3)[[2, 0]], np.eye(3)[[2, 0]] > 0.5], ids=str)
def test_one_hot_labels_are_labels(labels: Any) -> None:
    for each in both(SCORES):
        loss, same = nn.cross_entropy(each, labels), nn.cross_entropy(each, [2, 0])
        assert float(loss.data) == float(same.data)
    assert nn.accuracy(SCORES, labels) == nn.accuracy(SCORES, [2, 0]) == 1.0


def test_soft_labels_are_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    p = np.array([[0.2, 0.3, 0.5], [0.0, 0.9, 0.1]])
    z = torch.tensor(SCORES, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(z, torch.tensor(p))
    expected.backward()
    tensor = Tensor(SCORES)
    loss = nn.cross_entropy(tensor, p)
    loss.backward()
    assert float(loss.data) == pytest.approx(expected.item(), rel=1e-14)
    assert tensor.grad == pytest.approx(z.grad.numpy(), rel=1e-13)
    rows = [[Value(x) for x in row] for row in SCORES.tolist()]
    for labels in (p, p.tolist()):
        total = nn.cross_entropy(rows, labels)
        assert total.data == pytest.approx(expected.item(), rel=1e-14)
    total.backward()
    assert [[v.grad for v in row] for row in rows] == [pytest.approx(row) for row in z.grad.tolist()]
    compiled = autograd.compile(lambda row, q: nn.cross_entropy([row], [q])).batch(SCORES, p)
    assert compiled.data == pytest.approx(expected.item(), rel=1e-14)
    soft = np.array([0.3, 0.9])
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(torch.tensor([0.5, -1.0]), torch.tensor(soft))
    assert float(nn.bce_with_logits(Tensor([0.5, -1.0]), soft).data) == pytest.approx(theirs.item(), rel=1e-6)


@pytest.mark.parametrize("compiled", [None, False])
def test_training_by_one_hot_labels_is_training_by_labels(compiled: bool | None) -> None:
    data = nn.data.moons(20, seed=0)
    ends = []
    for y in (data.y, np.eye(2)[data.y], 0.98 * np.eye(2)[data.y] + 0.01):
        model = nn.MLP(2, [4, 2], seed=0)
        history = nn.fit(
            model, (data.X, y), loss="cross_entropy", optimizer=nn.SGD(model, lr=0.1), epochs=2, progress=False,
            batch_size=10, compile=compiled,
        )  # fmt: skip
        ends.append((history.accuracy, [p.data for p in model.parameters()]))
    assert ends[0][0] == ends[1][0] and ends[0][1] == pytest.approx(ends[1][1], rel=1e-12)
    assert len(ends[2][0]) == 2 and ends[2][1] == pytest.approx(ends[1][1], abs=0.02)
