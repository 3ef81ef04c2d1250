"""The training loop, for models of `Value`s and of `Tensor`s alike."""

import math
import os
import reprlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from autograd import Tensor, Value, no_grad, paused_gc
from autograd.array_ops import Array
from autograd.hints import instead, usage
from autograd.modes import MODE, ieee_arithmetic, no_names, setting
from autograd.threads import LARGE, one_blas_thread
from nn.checkpoint import Run, fingerprint
from nn.checks import choice, flag, numbers, real, whole
from nn.losses import LOSSES, Loss, bce_with_logits, cross_entropy, hinge, l2_penalty
from nn.module import Module
from nn.optim import Optimizer
from nn.programs import LOSS, OUTPUTS, Programs, forward_of, is_scalar, scores_of, worth_compiling
from nn.schedules import Schedule

_CLASSIFYING = (hinge, bce_with_logits, cross_entropy)
"""The losses whose targets are classes, so that accuracy means something."""


class TrainingError(ArithmeticError):
    """The loss is nan or inf: going on would only spoil the parameters."""


@dataclass
class History:
    """What a training did, one entry an epoch: mean loss and accuracy over its batches, and of the validation set.

    An epoch that Ctrl-C cut short has none of the validation set.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    def __repr__(self) -> str:
        last = "".join(
            f", {name.replace('_', ' ')} {series[-1]:.4g}"
            for name in ("loss", "accuracy", "validation_loss", "validation_accuracy")
            if (series := getattr(self, name))
        )
        stopped = ", interrupted" if self.interrupted else ""
        return f"History({len(self.loss)} epochs, {self.steps} steps, {self.seconds:.1f} s{last}{stopped})"


instead(
    History,
    {
        "losses history train_loss": "write history.loss",
        "val_loss": "write history.validation_loss",
        "val_accuracy": "write history.validation_accuracy",
        "epochs epoch": "write len(history.loss)",
    },
)


Callback = Callable[[int, Module, History], Any]
Step = Callable[[Array, Array, float, History], tuple[Any, float]]
"""Of features, targets, strength of the L2 penalty and history so far: outputs, and the loss without the penalty."""


@usage('nn.fit(model, (X, y), loss="mse", optimizer=nn.Adam(model, lr=0.01))')
def fit(
    model: Module,
    data: tuple[Any, Any],
    *,
    loss: str | Loss,
    optimizer: Optimizer,
    epochs: int = 10,
    batch_size: int | None = 32,
    shuffle: bool = True,
    seed: int = 0,
    l2: float = 0.0,
    schedule: Schedule | None = None,
    validation: tuple[Any, Any] | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
    checkpoint: str | os.PathLike[str] | None = None,
    compile: bool | None = None,
) -> History:
    """Train ``model`` on ``data`` and return what happened.

    model:      a `Module` of Values (called with one example) or of Tensors (called with a batch)
    data:       (X, y): n rows of features, n targets. Integers, such as tokens to look up in a table, stay integers
    loss:       a name in `nn.losses.LOSSES`, or a function of predictions and targets
    optimizer:  made for this model, e.g. ``nn.Adam(model, lr=0.01)``
    batch_size: examples a step; 1 is stochastic descent, None takes all of them at once
    shuffle:    draw a new order for every epoch, from ``seed``: two runs with one seed are bit-identical
    l2:         adds l2 · Σ p² over all parameters to the loss
    schedule:   factor for the learning rate by the part that is done, such as `nn.schedules.cosine`; it owns
                ``optimizer.lr`` until the end, which puts back the first one. Without it, a callback may set that
    validation: (X, y) to be evaluated after every epoch
    callbacks:  each called as ``callback(epoch, model, history)`` after an epoch; one that returns True stops
    progress:   show a progress bar with loss and accuracy
    checkpoint: a file, such as "run.safetensors", that is saved after every epoch. Where it is there already, the
                training goes on from it, to the same last bit as if it had never stopped
    compile:    trace a model of Values once, and train it by array operations (`autograd.compile`): tens to thousands
                of times faster, and equal but for the rounding of sums. Unless told, `fit` does so where it can: where
                the loss is one of the table, no `detect_anomaly` looks on, and the model does the same for every
                example, without deciding by numbers, drawing random ones, or keeping anything. False: one Value after
                another in any case; True: where it cannot, an error says why

    The model trains in ``train()``, and is left in the mode that it came in. A loss that is nan or inf raises
    `TrainingError` before it can touch the parameters. Ctrl-C ends the training after the current step, with
    everything learnt so far kept; a second one ends it at once.

    A checkpoint is written after the callbacks of an epoch, when that is finished: what Ctrl-C cuts short is trained
    anew by who goes on. It has the model, optimiser, History and random numbers, and not what callbacks, or modules
    of yours, keep or draw for themselves. The file of a training with other data, loss, optimiser, batch size, seed,
    shuffle, l2 or schedule is a `nn.CheckpointError`; with another ``compile`` the last bits are others. ``epochs``
    may be more than before, and that many are trained in all; with a schedule, which depends on them, they may not. A
    training that is at its end, or that a callback has ended, is left there: its History is returned.
    """
    X, y = checked_examples(model, data, "data")
    held_out = None if validation is None else checked_examples(model, validation, "validation")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be made first, e.g. nn.Adam(model, lr=0.01); got {reprlib.repr(optimizer)}")
    if not {id(p) for p in optimizer.parameters.values()} & {id(p) for p in model.parameters()}:
        raise ValueError("optimizer holds none of this model's parameters; make it anew: nn.Adam(model, lr=0.01)")
    if not isinstance(callbacks, list | tuple) or not all(map(callable, callbacks)):
        came = reprlib.repr(callbacks)
        raise TypeError(f"callbacks must be a list of functions of (epoch, model, history), got {came}")
    if not (schedule is None or callable(schedule)):
        raise TypeError(f"schedule must be a function such as nn.schedules.cosine, got {reprlib.repr(schedule)}")
    n, epochs, l2 = len(y), whole("epochs", epochs), real("l2", l2)
    shuffle, progress = flag("shuffle", shuffle), flag("progress", progress)
    size = n if batch_size is None else min(n, whole("batch_size", batch_size))
    criterion = _loss(loss)
    for examples in filter(None, [(X, y), held_out]):
        _check_targets(model, examples, criterion)
    objective = partial(criterion, checked=True) if criterion in LOSSES.values() else criterion
    objective = usage("a loss as a function of predictions and targets")(objective)
    callbacks = [usage("a callback as a function of (epoch, model, history)")(callback) for callback in callbacks]
    eager: Step = partial(_step, model, forward_of(model), optimizer, objective)
    wanted = _compiling(compile, model, criterion)
    training = Programs(model, (X, y), criterion, l2, wanted, strict=bool(compile))
    validating = Programs(model, (X, y), criterion, wanted=wanted)
    rng = np.random.default_rng(whole("seed", seed, least=0))
    steps_an_epoch = math.ceil(n / size)
    history, epochs_left, run = History(), range(epochs), None
    if checkpoint is not None:
        terms = {
            "data": fingerprint(X, y), "validation": None if held_out is None else fingerprint(*held_out),
            "loss": _name(criterion), "batch_size": size, "seed": int(seed), "shuffle": shuffle, "l2": l2,
            "schedule": _name(schedule), "epochs": None if schedule is None else epochs,
        }  # fmt: skip
        run = Run(checkpoint, model, optimizer, rng, terms)
        epochs_left = run.begin(history, epochs, steps_an_epoch)
    base_lr = optimizer.lr
    start = time.perf_counter() - history.seconds
    with ExitStack() as stack:
        stack.enter_context(paused_gc())
        stack.enter_context(no_names())
        stack.enter_context(ieee_arithmetic())
        stack.enter_context(_mode(model, training=True))
        stack.enter_context(_blas_threads(model, size, wanted or not is_scalar(model)))
        stop = stack.enter_context(_polite_interrupt())
        if schedule is not None:
            stack.callback(setattr, optimizer, "lr", base_lr)
        for programs in (training, validating):
            stack.enter_context(programs)
        bar = stack.enter_context(_Bar(epochs, steps_an_epoch, progress, history.steps))
        for epoch in epochs_left:
            compiled = training.current()
            step = eager if compiled is None else partial(_compiled_step, model, compiled, optimizer)
            order = rng.permutation(n) if shuffle else np.arange(n)
            totals = _Totals(criterion)
            for rows in np.array_split(order, range(size, n, size)):
                if schedule is not None:
                    factor = schedule(history.steps / (epochs * steps_an_epoch))
                    optimizer.lr = base_lr * real("the schedule's factor", factor)
                    if training.may_have_changed():  # by the schedule
                        compiled = training.current()
                        step = eager if compiled is None else partial(_compiled_step, model, compiled, optimizer)
                targets = y[rows]
                inputs = X.take(rows, axis=0)
                outputs, batch_loss = step(inputs, targets, l2, history)
                totals.add(batch_loss, outputs, targets)
                history.steps += 1
                bar.advance(epoch, totals)
                if stop():
                    break
            if not all(map(_is_finite, optimizer.parameters.values())):
                raise _diverged(model, "the parameters became nan or inf", optimizer, history)
            totals.append_to(history.loss, history.accuracy)
            finished = not stop()
            if held_out is not None and finished:
                seen = _evaluate(model, held_out, criterion, validating)
                seen.append_to(history.validation_loss, history.validation_accuracy)
            history.seconds = time.perf_counter() - start
            history.interrupted = stop()
            with setting(scope=()):  # a callback is outside of the model, and what it computes has names
                answers = [callback(epoch, model, history) for callback in callbacks]
            ended = any(isinstance(a, bool | np.bool_) and a for a in answers)
            if schedule is not None:
                optimizer.lr = base_lr
            if run is not None and finished:
                run.save(history, ended)
            history.interrupted = stop()  # Ctrl-C may have come in a callback
            if history.interrupted or ended:
                break
    return history


@usage('nn.evaluate(model, (X, y), "mse")')
def evaluate(model: Module, data: tuple[Any, Any], loss: str | Loss) -> tuple[float, float]:
    """(mean loss, accuracy) of ``model`` on ``data``; the accuracy is nan where targets are no classes.

    Many examples of a model of Values are computed by a program (`autograd.compile`), if there can be one.
    """
    criterion = _loss(loss)
    X, y = checked_examples(model, data, "data")
    wanted = worth_compiling(model, len(y)) and criterion in LOSSES.values()
    with Programs(model, (X, y), criterion, wanted=wanted) as programs:
        totals = _evaluate(model, (X, y), criterion, programs)
    return totals.loss(), totals.accuracy()


@usage("nn.predict(model, X)")
def predict(model: Module, X: Any, batch_size: int = 1000) -> Array:
    """The outputs of ``model`` for the rows of ``X``, as a plain array (n, outputs), or (n,) from scalars' one.

    Integers stay integers, as in `fit`.
    Many rows of a model of Values are computed by a program (`autograd.compile`), if there can be one.
    """
    rows = _rows(model, X, "X")
    size = whole("batch_size", batch_size)
    forward = forward_of(model)
    with Programs(model, (rows,), wanted=worth_compiling(model, len(rows))) as programs, _inference(model, size):
        compiled = programs.current()
        parts = [rows[i : i + size] for i in range(0, len(rows), size)]
        outputs = [forward(part) if compiled is None else compiled.batch(part).kept[OUTPUTS] for part in parts]
        return np.concatenate([scores_of(part) for part in outputs])


def accuracy(scores: Any, labels: Any) -> float:
    """The fraction of rows whose largest score is that of the label; for one score a row, whose sign is right.

    scores: (n, classes) with labels 0 … classes − 1, or (n, classes) probabilities, of which the largest counts;
            or (n,) or (n, 1) with labels 0 and 1, or −1 and +1

    A single score of exactly 0 decides for the lower label, as in `decision_boundary`; of equal scores the first counts
    as the largest.
    """
    scores = numbers("scores", scores.data if isinstance(scores, Tensor) else scores)
    labels = _classes(numbers("labels", labels), scores.shape)
    if not scores.size or scores.ndim not in (1, 2) or labels.shape != scores.shape[:1]:
        raise ValueError(
            f"accuracy: scores must have shape (n,) or (n, classes) and labels shape (n,), n at least 1; "
            f"got {scores.shape} and {labels.shape}"
        )
    if np.isnan(scores).any():
        raise ValueError(f"accuracy: scores hold nan, first at {np.argwhere(np.isnan(scores))[0].tolist()}")
    check_labels("accuracy", labels, scores)
    return _count_hits(scores, labels) / len(labels)


# ----- one step -----


def _step(
    model: Module,
    forward: Callable[[Array], Any],
    optimizer: Optimizer,
    criterion: Loss,
    X: Array,
    y: Array,
    l2: float,
    history: History,
) -> tuple[Any, float]:
    """Forward, backward and update on one batch. Returns the outputs, and the loss without the penalty."""
    outputs = forward(X)
    objective = criterion(outputs, y)
    if not isinstance(objective, Value | Tensor):
        raise TypeError(f"loss must return a Value or a Tensor of one element, got {reprlib.repr(objective)}")
    batch_loss = total = objective.item()
    if l2:
        objective = objective + l2_penalty(model.parameters(), l2)
        total = objective.item()
    if not math.isfinite(total):
        raise _diverged(model, f"the loss became {total}", optimizer, history)
    optimizer.zero_grad()
    objective.backward()
    optimizer.step()
    return outputs, batch_loss


def _compiling(compile: bool | None, model: Module, criterion: Loss) -> bool:
    """Whether to try; an error if it was asked for and there is nothing to try."""
    if compile is None:
        return is_scalar(model) and criterion in LOSSES.values() and MODE.usual
    if not flag("compile", compile):
        return False
    if not is_scalar(model) or criterion not in LOSSES.values():
        raise ValueError(
            f"compile=True trains a model of Values by a loss of the table, {', '.join(LOSSES)}; got "
            f"{type(model).__name__} and {_name(criterion)}. For a loss of your own write "
            f"autograd.compile around it"
        )
    if MODE.anomaly:
        raise ValueError("detect_anomaly() looks at one operation after another; inside it, leave compile=True out")
    return True


def _compiled_step(
    model: Module, compiled: Any, optimizer: Optimizer, X: Array, y: Array, l2: float, history: History
) -> tuple[Any, float]:
    """What `_step` does, by a program."""
    total = compiled.batch(X, y)
    if not math.isfinite(total.data):
        raise _diverged(model, f"the loss became {total.data}", optimizer, history)
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
    return _kept(total)


def _kept(total: Any) -> tuple[Array, float]:
    """The outputs of a batch, and their mean loss without the penalty."""
    losses = total.kept[LOSS]
    return total.kept[OUTPUTS], float(np.add.reduce(losses)) / len(losses)


def _diverged(model: Module, what: str, optimizer: Optimizer, history: History) -> TrainingError:
    spoilt = [name for name, p in model.named_parameters() if not _is_finite(p)]
    state = (
        f"{', '.join(spoilt[:3])} {'hold' if len(spoilt) > 1 else 'holds'} nan or inf, from a gradient that overflowed"
        if spoilt
        else "the parameters are as they were before this step"
    )
    return TrainingError(
        f"{what} in epoch {len(history.loss) + 1}, step {history.steps + 1}, at learning rate {optimizer.lr:g}; "
        f"{state}. Lower the learning rate, or call fit inside `with autograd.detect_anomaly():`, without "
        f"compile=True, to see which operation made it"
    )


def _is_finite(p: Value | Tensor) -> bool:
    return math.isfinite(p.data) if isinstance(p, Value) else bool(np.isfinite(p.data).all())


def _name(function: Callable[..., Any] | None) -> str | None:
    return None if function is None else getattr(function, "__qualname__", type(function).__qualname__)


def _loss(loss: str | Loss) -> Loss:
    return loss if callable(loss) else choice("loss", loss, LOSSES)


def _count_hits(scores: Array, labels: Array) -> float:
    if scores.ndim == 2 and scores.shape[1] > 1 and labels.ndim == 1:
        return int(np.count_nonzero(scores.argmax(axis=1) == labels))
    right = (scores > 0) == (labels.reshape(scores.shape) > 0.5)
    return float(right.reshape(len(scores), -1).mean(axis=1).sum())  # of several labels a row, the fraction


def _classes(labels: Array, shape: tuple[int, ...]) -> Array:
    """The most probable class of each row, where ``labels`` are probabilities."""
    return labels.argmax(axis=1) if labels.shape == shape and labels.ndim == 2 and shape[1] > 1 else labels


def check_labels(name: str, labels: Array, scores: Array) -> None:
    """Refuse labels of classes that ``scores`` say nothing of."""
    several = scores.ndim == 2 and scores.shape[1] > 1
    known = np.isin(labels, np.arange(scores.shape[1]) if several else (-1, 0, 1))
    if not known.all():
        expected = f"0 to {scores.shape[1] - 1} for {scores.shape[1]} scores" if several else "0 and 1, or -1 and 1"
        raise ValueError(f"{name}: labels must be {expected}, got {np.unique(labels[~known])[:3].tolist()}")


def _evaluate(
    model: Module, examples: tuple[Array, Array], criterion: Loss, programs: Programs, size: int = 1000
) -> "_Totals":
    X, y = examples
    totals, forward = _Totals(criterion), forward_of(model)
    with _inference(model, size):
        compiled = programs.current()
        for i in range(0, len(y), size):
            rows, targets = X[i : i + size], y[i : i + size]
            if compiled is not None:
                outputs, loss = _kept(compiled.batch(rows, targets))
            else:
                outputs = forward(rows)
                loss = float(criterion(outputs, targets))
            totals.add(loss, outputs, targets)
    return totals


class _Totals:
    """Mean loss and accuracy of the examples seen so far.

    Hits are counted some batches at a time: counting them in each would cost as much as a small layer.
    """

    def __init__(self, criterion: Loss) -> None:
        self.classifying, self.of_classes = criterion in _CLASSIFYING, criterion is cross_entropy
        self.n = 0
        self._loss = 0.0
        self._hits = 0.0
        self._uncounted: list[tuple[Array, Array]] = []

    def add(self, mean_loss: float, outputs: Any, targets: Array) -> None:
        self.n += len(targets)
        self._loss += mean_loss * len(targets)
        if self.classifying:
            self._uncounted.append((scores_of(outputs), targets))
            if len(self._uncounted) == 64:
                self._count()

    def _count(self) -> None:
        if self._uncounted:
            scores, targets = zip(*self._uncounted, strict=True)
            found, labels = np.concatenate(scores), np.concatenate(targets)
            self._hits += _count_hits(found, _classes(labels, found.shape) if self.of_classes else labels)
            self._uncounted.clear()

    def loss(self) -> float:
        return self._loss / self.n

    def accuracy(self) -> float:
        """nan where the targets are no classes."""
        self._count()
        return self._hits / self.n if self.classifying else math.nan

    def append_to(self, losses: list[float], accuracies: list[float]) -> None:
        losses.append(self.loss())
        if self.classifying:
            accuracies.append(self.accuracy())


# ----- examples -----


def checked_examples(model: Module, data: Any, name: str) -> tuple[Array, Array]:
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(f"{name} must be a pair (X, y) of features and targets, got {type(data).__name__}")
    X, targets = _rows(model, data[0], f"{name}[0]"), numbers(f"{name}[1]", data[1])
    if targets.shape[:1] != X.shape[:1]:
        raise ValueError(
            f"{name} has {len(X)} rows of features and targets of shape {targets.shape}; give one target for each row"
        )
    if not np.isfinite(targets).all():
        raise ValueError(f"{name}[1] holds nan or inf, first at {_first_bad(targets)}; clean the data first")
    return X, np.asarray(data[1])


def _check_targets(model: Module, examples: tuple[Array, Array], criterion: Loss) -> None:
    """Meet targets that a loss of the table refuses before the training, and not in the middle of it."""
    if criterion not in LOSSES.values():
        return
    X, y = examples
    with _inference(model, 1):
        first = forward_of(model)(X[:1])
        criterion(first[np.zeros(len(y), int)] if isinstance(first, Tensor) else first * len(y), y)


def _first_bad(array: Array) -> list[int]:
    return np.argwhere(~np.isfinite(array))[0].tolist()  # type: ignore[no-any-return]


def _rows(model: Module, X: Any, name: str) -> Array:
    """``X`` as rows of finite numbers: integers stay such, for they may be indices; others get the model's dtype."""
    if not isinstance(model, Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}; e.g. nn.MLP(2, [16, 1])")
    first = next((p for _, p in model.named_state()), None)
    rows = numbers(name, X, first.dtype if isinstance(first, Tensor) else float)
    if (given := np.asarray(X)).dtype.kind in "iu" and np.can_cast(given.dtype, np.int64):
        rows = given.astype(np.int64)
    if rows.ndim < 2 or not rows.size:
        raise ValueError(f"{name} must have shape (n, features) with n at least 1, got {rows.shape}")
    with np.errstate(all="ignore"):
        total = rows.sum()  # three times faster than to look at each, and finite nearly always
    if not np.isfinite(total) and not np.isfinite(rows).all():
        raise ValueError(f"{name} holds nan or inf, first at {_first_bad(rows)}; clean the data first")
    return rows


# ----- surroundings of the loop -----


@contextmanager
def _mode(model: Module, training: bool) -> Iterator[None]:
    """Every module in ``train()`` or in ``eval()``, and at the end in what it was in before."""
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode


@contextmanager
def _inference(model: Module, size: int) -> Iterator[None]:
    """Outputs only: no graph, and ``eval()``."""
    with (
        _mode(model, training=False),
        no_grad(),
        paused_gc(),
        no_names(),
        _blas_threads(model, size, not is_scalar(model)),
    ):
        yield


def _blas_threads(model: Module, batch: int, multiplying: bool) -> AbstractContextManager[None]:
    """One BLAS thread for small products: two would spend more time meeting than multiplying."""
    few = 3.0 * batch * sum(np.size(p.data) for p in model.parameters()) <= LARGE
    return one_blas_thread() if multiplying and few else nullcontext()


@contextmanager
def _polite_interrupt() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a wish, asked for between steps, so that no step is left half done."""
    asked = threading.Event()

    def on_interrupt(number: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    if threading.current_thread() is not threading.main_thread():  # signals go to the main thread only
        yield asked.is_set
        return
    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)  # None: it was set by C code


class _Bar:
    """A tqdm bar over all steps, or nothing."""

    def __init__(self, epochs: int, steps_an_epoch: int, shown: bool, done: int) -> None:
        from tqdm import tqdm

        self.epochs = epochs
        total = epochs * steps_an_epoch
        self.tqdm = tqdm(total=total, initial=done, disable=not shown, unit="step", mininterval=0.2)
        self.now: tuple[int, _Totals] | None = None

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *exception: Any) -> None:
        self._describe()
        self.tqdm.close()

    def advance(self, epoch: int, totals: _Totals) -> None:
        self.now = epoch, totals
        if self.tqdm.update():  # it was drawn just now, so the next time it is drawn is some steps away
            self._describe()

    def _describe(self) -> None:
        if self.now is None or self.tqdm.disable:
            return
        epoch, totals = self.now
        self.tqdm.set_description(f"epoch {epoch + 1}/{self.epochs}", refresh=False)
        shown = {"loss": f"{totals.loss():.4f}"}
        if totals.classifying:
            shown["accuracy"] = f"{totals.accuracy():.2%}"
        self.tqdm.set_postfix(shown, refresh=False)
