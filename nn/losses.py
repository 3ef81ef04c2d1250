"""Losses, each one formula for both paths: predictions are Values (one for each example, or a list of one list
for each) or a Tensor (one row for each). All are means over what they are given, so 1/n comes in once.

Each looks at its targets before it computes. ``checked=True`` says that somebody has: `fit` looks at all of them once,
and not again in every step.
"""

import reprlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

import autograd
from autograd import Node, Tensor, Value
from autograd.array_ops import ARRAY_OPS, Array
from autograd.modes import MODE
from nn.checks import numbers, real

Loss = Callable[..., Any]
"""A function of predictions and targets."""


def mse(predictions: Any, targets: Any, *, checked: bool = False) -> Any:
    """Mean squared error, mean (p − t)²."""
    return _mean_of(_squared_error, "mse", predictions, targets, checked)


def mae(predictions: Any, targets: Any, *, checked: bool = False) -> Any:
    """Mean absolute error, mean |p − t|."""
    return _mean_of(lambda p, t: abs(p - t), "mae", predictions, targets, checked)


def hinge(scores: Any, targets: Any, *, checked: bool = False) -> Any:
    """Hinge loss of a support vector machine, mean max(0, 1 − t s); targets are −1 or +1."""
    return _mean_of(lambda s, t: (1.0 - t * s).relu(), "hinge", scores, targets, checked, allowed=(-1.0, 1.0))


def bce_with_logits(logits: Any, targets: Any, *, checked: bool = False) -> Any:
    """Binary cross-entropy of σ(z), mean ln(1 + eᶻ) − t z, which never overflows; targets are 0 … 1."""
    formula, most = (lambda z, t: z.softplus() - t * z), (0.0, 1.0)
    return _mean_of(formula, "bce_with_logits", logits, targets, checked, allowed=most, between=True)


def cross_entropy(logits: Any, labels: Any, *, checked: bool = False) -> Any:
    """Cross-entropy of softmax(z), mean ln Σ eᶻ − z_label, which never overflows.

    logits: (n, classes): a Tensor, or a list of n lists of Values
    labels: (n,) integers, 0 … classes − 1; or (n, classes) probabilities p, as PyTorch takes them, for the mean of
            Σ p (ln Σ eᶻ − z)
    """
    rows = logits if isinstance(logits, Tensor) else _table("cross_entropy", logits)
    shape = rows.shape
    if len(shape) != 2 or shape[1] < 2:
        raise ValueError(
            f"cross_entropy: logits must have shape (n, classes) with at least 2 classes, got {shape}; "
            f"a model with a single output takes bce_with_logits"
        )
    if _is_traced(labels):
        table = np.array(labels, dtype=object)
        if table.ndim == 2 and table.shape[1] > 1:
            return _soft_cross_entropy(rows.tolist(), table.tolist())
        pairs = zip(rows.tolist(), table.ravel().tolist(), strict=True)
        return autograd.mean([autograd.logsumexp(row) - autograd.take(row, i) for row, i in pairs])
    labels = labels if checked else _labels(labels, *shape)
    if labels.ndim == 2 and np.isin(labels, (0, 1)).all():
        labels = labels.argmax(axis=1)
    if labels.ndim == 2 and isinstance(rows, Tensor):
        return -(rows.log_softmax(axis=1) * labels.astype(rows.dtype)).sum() / len(labels)
    if labels.ndim == 2:
        return _soft_cross_entropy(rows.tolist(), labels.tolist())
    if isinstance(rows, Tensor):
        return Tensor._apply(ARRAY_OPS["cross_entropy"], rows, labels=labels)
    pairs = zip(rows.tolist(), labels.tolist(), strict=True)
    return autograd.mean([autograd.logsumexp(row) - row[i] for row, i in pairs])


def _soft_cross_entropy(rows: list[Any], probabilities: list[Any]) -> Any:
    losses = []
    for row, p in zip(rows, probabilities, strict=True):
        total = autograd.logsumexp(row)
        losses.append(autograd.dot(p, [total - z for z in row]))
    return autograd.mean(losses)


def l2_penalty(parameters: Iterable[Any], strength: float) -> Any:
    """strength · Σ p² over all parameters (a model's ``parameters()``): weight decay as part of the loss."""
    parameters = list(parameters) if isinstance(parameters, Iterable) else []
    strength = real("strength", strength)
    if not parameters or not all(isinstance(p, Node) for p in parameters):
        raise TypeError("l2_penalty() takes the Values or Tensors of model.parameters(), and at least one")
    if isinstance(parameters[0], Value):
        return strength * autograd.dot(parameters, parameters)
    return strength * sum((p * p).sum() for p in parameters)


LOSSES: dict[str, Loss] = {loss.__name__: loss for loss in (mse, mae, hinge, bce_with_logits, cross_entropy)}


def _squared_error(p: Any, t: Any) -> Any:
    error = p - t
    return error * error


def _mean_of(
    formula: Callable[[Any, Any], Any],
    name: str,
    predictions: Any,
    targets: Any,
    checked: bool,
    allowed: Sequence[float] = (),
    between: bool = False,
) -> Any:
    """The mean of ``formula`` over pairs of prediction and target, in either path."""
    given = predictions if isinstance(predictions, Tensor) else _table(name, predictions)
    if _is_traced(targets):
        expected = _table(name, np.ravel(targets).tolist())
    else:
        expected = np.asarray(targets, dtype=float) if checked else _targets(name, targets, allowed, between)
    if _without_column(given.shape) != _without_column(expected.shape):
        raise ValueError(
            f"{name}: predictions have shape {given.shape} and targets {expected.shape}; they must be equal, "
            f"but for a last axis of length 1"
        )
    expected = expected.reshape(given.shape)  # a column beside a plain row would broadcast to a square
    if isinstance(given, Tensor):
        return formula(given, expected.astype(given.dtype)).mean()
    return autograd.mean([formula(p, t) for p, t in zip(given.flat, expected.reshape(-1).tolist(), strict=True)])


def _table(name: str, predictions: Any) -> Array:
    """Values as an array of objects: (n,) of one for each example, (n, k) of k for each."""
    rows = [predictions] if isinstance(predictions, Value) else predictions
    try:
        table = np.array(rows if isinstance(rows, list | tuple) else [None], dtype=object)
    except TypeError:  # Tensors do not become elements of an array
        table = np.empty(0)
    if not table.size or not all(isinstance(each, Value) for each in table.flat):
        raise TypeError(
            f"{name}: predictions must be a Tensor, or a list of Values or of equally long lists of them, "
            f"one an example; got {reprlib.repr(predictions)}"
        )
    return table


def _is_traced(targets: Any) -> bool:
    """Whether the targets are inputs of a function that is being compiled, and have no numbers to be looked at."""
    return MODE.tape is not None and any(isinstance(t, Value) for t in np.array(targets, dtype=object).flat)


def _without_column(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape or (1,)


def _targets(name: str, targets: Any, allowed: Sequence[float], between: bool) -> Array:
    """Targets as a floating array, finite and, if there are ``allowed`` ones, one of those or ``between`` them."""
    array = numbers(f"{name}: targets", targets.data if isinstance(targets, Tensor) else targets)
    if isinstance(targets, Tensor):
        remedy = _two_classes(targets, array, allowed) or (
            "; write targets.data, or your own formula where they want a gradient too, as in ((p - t) ** 2).mean()"
        )
        raise TypeError(f"{name}: targets must be plain numbers, got a Tensor{remedy}")
    if not array.size:
        raise ValueError(f"{name}: there are no targets")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: targets must be finite, got nan or inf")
    if not allowed:
        return array
    low, high = allowed
    fits = (array >= low) & (array <= high) if between else np.isin(array, allowed)
    if not fits.all():
        raise ValueError(
            f"{name}: targets must be {low:g} {'to' if between else 'or'} {high:g}, got "
            f"{np.unique(array[~fits])[:3].tolist()}{_two_classes(targets, array, allowed)}"
        )
    return array


def _two_classes(targets: Any, array: Array, allowed: Sequence[float]) -> str:
    """What to write for targets that name two classes by other numbers than the ``allowed`` ones."""
    found = np.unique(array)
    if not allowed or np.isin(found, allowed).all() or not (found == np.rint(found)).all():
        return ""
    pairs = [
        pair for pair in ([0, 1], [-1, 1], [1, 2], found.tolist()) if len(pair) == 2 and np.isin(found, pair).all()
    ]
    if not pairs:
        return ""
    is_second = f"({_as_array('targets', targets)} == {pairs[0][1]:g})"
    return f"; write {is_second if allowed[0] == 0.0 else f'2 * {is_second} - 1'}"


def _labels(labels: Any, n: int, classes: int) -> Array:
    try:
        array = np.atleast_1d(labels.data if isinstance(labels, Tensor) else labels)
    except ValueError:
        array = numbers("cross_entropy: labels", labels)  # raises: the rows have unequal lengths
    remedy = partial(_integer_labels, labels, array, n, classes)
    if not array.size:
        raise ValueError("cross_entropy: there are no labels")
    if isinstance(labels, Tensor) or array.dtype.kind not in "biuf":
        if not remedy():
            numbers("cross_entropy: labels", labels)  # raises, and says why they are none
        raise TypeError(f"cross_entropy: labels must be plain numbers, got a {type(labels).__name__}{remedy()}")
    if array.shape == (n, classes):
        return _probabilities(array)
    if array.shape != (n,):
        raise ValueError(
            f"cross_entropy: {n} examples need labels of shape ({n},), or probabilities of shape ({n}, {classes}), got "
            f"{array.shape}{remedy()}"
        )
    if array.dtype.kind not in "iu":
        raise TypeError(f"cross_entropy: labels must be integers, got {array.dtype}{remedy()}")
    if np.maximum.reduce(array.astype(np.uint64)) >= classes:  # where a negative number is a large one
        found = f"{array.min()} to {array.max()}"
        raise ValueError(
            f"cross_entropy: labels must be 0 to {classes - 1} for {classes} logits, got {found}{remedy()}"
        )
    return array


def _integer_labels(labels: Any, array: Array, n: int, classes: int) -> str:
    """All that is to be written for labels that name the classes in another way, at once."""
    code = _as_array("labels", labels)
    if array.size != n or max(array.shape) != n:
        return ""
    if array.ndim > 1:
        code += ".ravel()"
    if array.dtype.kind in "US" and len(np.unique(array)) <= classes:
        return f"; write np.unique({code}, return_inverse=True)[1]"
    if array.dtype.kind not in "biuf" or not (array == np.rint(array)).all():
        return ""
    if array.dtype.kind not in "iu":
        code += ".astype(int)"
    low, high = array.min(), array.max()
    if (low, high) == (1, classes):
        code += " - 1"
    elif (low, high) == (-1, 1) and classes == 2:
        code = f"({code} + 1) // 2"
    elif low < 0 or high >= classes:
        return ""
    return f"; write {code}"


def _as_array(name: str, given: Any) -> str:
    """The expression that makes an array of the argument ``name``."""
    if isinstance(given, np.ndarray):
        return name
    return f"{name}.data" if isinstance(given, Tensor) else f"np.array({name})"


def _probabilities(array: Array) -> Array:
    totals = array.sum(axis=1)
    wrong = ~(np.isfinite(array) & (array >= 0.0)).all(axis=1) | (abs(totals - 1.0) > 1e-5)
    if wrong.any():
        raise ValueError(
            f"cross_entropy: probabilities are none below 0 and sum to 1 in each row, got {array[wrong][0].tolist()}; "
            f"write labels / labels.sum(axis=1, keepdims=True) for counts, and labels.argmax(axis=1) for scores"
        )
    return array
