"""Checkpoints: what comes back, how a training goes on, and what is refused, with nothing changed."""

import contextlib
import io
import json
import os
import pickle
import random
import signal
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Tensor, Value
from nn import checkpoint as module

safetensors_numpy = pytest.importorskip("safetensors.numpy")
safe_open = pytest.importorskip("safetensors").safe_open

Array = np.ndarray[Any, Any]
X, Y = nn.data.moons(24, noise=0.1, seed=1)

OPTIMIZERS: dict[str, Callable[[Any], nn.Optimizer]] = {
    "sgd": lambda m: nn.SGD(m, lr=0.1),
    "momentum": lambda m: nn.SGD(m, lr=0.05, momentum=0.9, weight_decay=1e-3),
    "nesterov": lambda m: nn.SGD(m, lr=0.05, momentum=0.9, nesterov=True),
    "rmsprop": lambda m: nn.RMSProp(m, lr=0.01, alpha=0.9),
    "adam": lambda m: nn.Adam(m, lr=0.05, betas=(0.8, 0.95)),
    "adamw": lambda m: nn.AdamW(m, lr=0.05, weight_decay=0.1),
}
MODELS: dict[str, Callable[[int], nn.Module]] = {
    "scalar": lambda seed: nn.MLP(2, [3, 2], activation="tanh", seed=seed),
    "float32": lambda seed: nn.vectorized.MLP(2, [5, 2], seed=seed),
    "float64": lambda seed: nn.vectorized.MLP(2, [5, 2], activation="gelu", seed=seed, dtype=np.float64),
}
EVERY_MODEL = pytest.mark.parametrize("build", MODELS.values(), ids=MODELS.keys())
EVERY_OPTIMIZER = pytest.mark.parametrize("optimize", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())


def bits(number: Any) -> Any:
    """A number so that only the same bits, in the same dtype and the same order in memory, are equal to it."""
    array = np.asarray(number)
    return type(number).__name__, array.dtype.str, array.shape, array.tobytes(), array.strides


def state(model: nn.Module, optimizer: nn.Optimizer | None = None) -> Any:
    """All that a checkpoint of the two is about."""
    weights = {name: bits(p.data) for name, p in model.named_parameters()}
    if optimizer is None:
        return weights
    kept = {name: {key: bits(n) for key, n in own.items()} for name, own in optimizer.state.items()}
    return weights, kept, optimizer.steps, optimizer.settings()


def train(model: nn.Module, optimizer: nn.Optimizer, **words: Any) -> nn.History:
    words = {"loss": "cross_entropy", "epochs": 2, "batch_size": 8, "progress": False} | words
    return nn.fit(model, words.pop("data", (X, Y)), optimizer=optimizer, **words)


def past(history: nn.History) -> dict[str, Any]:
    """A History without the time that it took."""
    return {name: value for name, value in vars(history).items() if name != "seconds"}


def temporary_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(".tmp"))


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Where to save; no test may leave a temporary file."""
    yield tmp_path / "run.safetensors"
    assert temporary_files(tmp_path) == []


# ----- what comes back -----


@EVERY_MODEL
@EVERY_OPTIMIZER
def test_what_was_saved_comes_back_to_the_last_bit(build: Any, optimize: Any, path: Path) -> None:
    model, rng = build(0), np.random.default_rng(5)
    optimizer = optimize(model)
    train(model, optimizer)
    rng.random(3)
    assert nn.save(path, model, optimizer, generator=rng, extra={"epoch": 2, "best": 0.1}) == path
    twin, other = build(1), np.random.default_rng(6)
    fresh = optimize(twin)
    assert nn.load(path, twin, fresh, generator=other) == {"epoch": 2, "best": 0.1}
    assert state(twin, fresh) == state(model, optimizer)
    assert other.random(4).tolist() == rng.random(4).tolist()


@EVERY_MODEL
def test_weights_alone_need_no_optimiser(build: Any, path: Path) -> None:
    model, twin = build(0), build(1)
    nn.save(path, model)
    assert nn.load(str(path), twin) == {}
    assert state(twin) == state(model)
    optimizer = nn.Adam(model)
    train(model, optimizer)
    nn.save(path, model, optimizer, generator=np.random.default_rng(0))
    nn.load(path, twin)
    assert state(twin) == state(model)


def test_any_reader_of_safetensors_finds_the_arrays_by_name(path: Path) -> None:
    model = nn.Linear(3, 2, seed=0)
    assert model.weight.data.flags.f_contiguous  # the raw buffer would be another matrix
    optimizer = nn.SGD({"W": model.weight, "b": model.bias}, momentum=0.9)
    (model(np.ones((1, 3))) ** 2).sum().backward()
    optimizer.step()
    nn.save(path, model, optimizer)
    found = safetensors_numpy.load_file(path)
    assert sorted(found) == ["model.bias", "model.weight", "optimizer.W.velocity", "optimizer.b.velocity"]
    np.testing.assert_array_equal(found["model.weight"], model.weight.data)
    np.testing.assert_array_equal(found["optimizer.W.velocity"], optimizer.state["W"]["velocity"])
    neuron = nn.Neuron(2, weights=[0.1, -0.0])
    nn.save(path, neuron)
    found = safetensors_numpy.load_file(path)
    assert {name: (a.shape, a.dtype.name, float(a)) for name, a in found.items()} == {
        "model.w.0": ((), "float64", 0.1),
        "model.w.1": ((), "float64", -0.0),
        "model.b": ((), "float64", 0.0),
    }


class Holding(nn.Module):
    """A model of the parameters that it is given."""

    def __init__(self, **parameters: Any) -> None:
        vars(self).update(parameters)


BLOCK = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "array",
    [
        BLOCK, BLOCK.T, BLOCK.transpose(1, 0, 2), BLOCK[:, ::2, 1:3], BLOCK[::-1, :, ::-1], BLOCK[:, :1], BLOCK[:0],
        np.broadcast_to(BLOCK[:1], (2, 3, 4)), np.asfortranarray(BLOCK[0, :1]), np.array(2.5), BLOCK.astype(">f4"),
        np.array([5e-324, -0.0, 1.7976931348623157e308, 0.1]), np.array([1e-45, 3.4028235e38], np.float32),
    ],
    ids=lambda a: f"{a.dtype.str}{list(a.shape)}{list(a.strides)}",
)  # fmt: skip
def test_every_array_is_saved_as_it_is_seen(array: Array, path: Path) -> None:
    """Views, gaps, reversed and repeated axes: safetensors by itself would write the memory behind them."""
    tensor, other = Tensor(array), Tensor(np.zeros(array.shape), dtype=array.dtype.newbyteorder("="))
    tensor.data = array
    nn.save(path, Holding(t=tensor))
    nn.load(path, Holding(t=other))
    assert other.data.dtype == array.dtype.newbyteorder("=")
    assert other.data.tobytes() == array.astype(other.data.dtype).tobytes()
    if array.size and array.flags.forc and array.dtype.isnative:
        assert other.data.strides == array.strides


def test_a_parameter_that_is_in_two_places_is_one(path: Path) -> None:
    def build(seed: int) -> tuple[nn.Module, nn.Optimizer]:
        layer = nn.Linear(2, 2, seed=seed)
        model = nn.Sequential(layer, layer)
        return model, nn.Adam(model, lr=0.05)

    model, optimizer = build(0)
    train(model, optimizer)
    nn.save(path, model, optimizer)
    assert len(safetensors_numpy.load_file(path)) == 2 + 2 * 3
    twin, fresh = build(1)
    nn.load(path, twin, fresh)
    assert twin.layers[0] is twin.layers[1]
    assert state(twin, fresh) == state(model, optimizer)


def test_an_optimiser_may_move_a_part_by_names_of_its_own(path: Path) -> None:
    """The other part has no state; neither has a parameter that never had a gradient."""

    def build(seed: int) -> tuple[nn.Module, nn.Optimizer]:
        model = nn.vectorized.MLP(2, [3, 2], seed=seed)
        return model, nn.Adam(model.layers[1].parameters(), lr=0.05)

    model, optimizer = build(0)
    model.layers[1].bias.grad = np.ones(2, np.float32)
    optimizer.step()
    nn.save(path, model, optimizer)
    twin, fresh = build(1)
    nn.load(path, twin, fresh)
    assert state(twin, fresh) == state(model, optimizer)
    assert fresh.state["0"] == {}
    assert type(fresh.state["1"]["t"]) is int


@pytest.mark.parametrize("kind", ["PCG64", "MT19937", "Philox", "SFC64"])
def test_every_generator_goes_on_where_it_stood(kind: str, path: Path) -> None:
    model, rng = nn.Linear(1, 1), np.random.Generator(getattr(np.random, kind)(3))
    rng.random(7, np.float32)  # an odd number: half of a draw is kept for the next
    nn.save(path, model, generator=rng)
    other = np.random.Generator(getattr(np.random, kind)(4))
    nn.load(path, model, generator=other)
    assert other.random(5, np.float32).tolist() == rng.random(5, np.float32).tolist()


def test_extra_floats_come_back_exactly_also_those_that_are_none(path: Path) -> None:
    numbers = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, float("inf"), float("-inf"), float("nan"), 2**200]
    nn.save(path, nn.Linear(1, 1), extra={"numbers": numbers, "text": "μ 🙂", "numpy": np.float32(0.1)})
    found = nn.load(path, nn.Linear(1, 1))
    assert list(map(repr, found["numbers"])) == list(map(repr, numbers))
    assert (found["text"], found["numpy"]) == ("μ 🙂", float(np.float32(0.1)))


class Slow(nn.SGD):
    """An optimiser of somebody's own, with state, a setting and a counter of its own."""

    def __init__(self, parameters: Any, lr: float, warm: int = 3) -> None:
        super().__init__(parameters, lr)
        self.warm = warm
        self.pairs: Any = ((1, 2), [3, 4], None)

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        state["seen"] = state.get("seen", 0) + 1
        return p - self.lr * min(1.0, state["seen"] / self.warm) * g


@EVERY_MODEL
def test_an_optimiser_of_ones_own_is_saved_too(build: Any, path: Path) -> None:
    model, twin = build(0), build(1)
    optimizer, fresh = Slow(model, 0.1), Slow(twin, 0.1)
    train(model, optimizer)
    nn.save(path, model, optimizer)
    nn.load(path, twin, fresh)
    assert state(twin, fresh) == state(model, optimizer)


def test_saving_and_loading_do_not_step(path: Path) -> None:
    """`update` is asked what it keeps; an optimiser that counts there must not notice."""

    class Counting(nn.SGD):
        calls = 0

        def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
            self.calls += 1
            return super().update(p, g, state)

    model = nn.Linear(2, 2, seed=0)
    optimizer = Counting(model, lr=0.1, momentum=0.9)
    train(model, optimizer)
    before = state(model, optimizer)
    nn.save(path, model, optimizer)
    nn.load(path, model, optimizer)
    assert state(model, optimizer) == before
    assert optimizer.calls == 2 * 6


# ----- settings -----

CHANGES: list[tuple[str, Any]] = [
    ("lr", 0.01),
    ("betas", (0.8, 0.999)),
    ("eps", 1e-6),
    ("weight_decay", 0.1),
]


@pytest.mark.parametrize(("name", "setting"), CHANGES, ids=[name for name, _ in CHANGES])
def test_a_setting_that_differs_is_neither_replaced_nor_ignored(name: str, setting: Any, path: Path) -> None:
    model = nn.Linear(2, 2, seed=0)
    optimizer = nn.Adam(model, lr=0.05)
    train(model, optimizer)
    nn.save(path, model, optimizer)
    twin = nn.Linear(2, 2, seed=1)
    mine = nn.Adam(twin, **{"lr": 0.05, name: setting})
    before = state(twin, mine)
    yours, theirs = (json.dumps(each) for each in (setting, optimizer.settings()[name]))
    with pytest.raises(nn.CheckpointError) as caught:
        nn.load(path, twin, mine)
    assert f"{path}: optimizer.{name}: expected {yours} as in yours, found {theirs}. Make the optimiser" in str(
        caught.value
    )
    assert state(twin, mine) == before
    nn.load(path, twin, mine, restore_settings=True)
    assert state(twin, mine) == state(model, optimizer)


def test_settings_are_told_apart_also_where_they_say_what_is_kept(path: Path) -> None:
    """With momentum there is a velocity, and without it there is none."""
    for saved, given in (0.9, 0.0), (0.0, 0.9):
        model, twin = nn.Linear(2, 2, seed=0), nn.Linear(2, 2, seed=1)
        optimizer, mine = nn.SGD(model, momentum=saved), nn.SGD(twin, momentum=given)
        train(model, optimizer)
        nn.save(path, model, optimizer)
        with pytest.raises(
            nn.CheckpointError, match=rf"optimizer\.momentum: expected {given} as in yours, found {saved}"
        ):
            nn.load(path, twin, mine)
        nn.load(path, twin, mine, restore_settings=True)
        assert state(twin, mine) == state(model, optimizer)


def test_settings_that_no_step_can_be_taken_with_are_refused(path: Path) -> None:
    model = nn.Neuron(2, seed=0)
    optimizer = nn.Adam(model)
    optimizer.state["b"] = {"t": 1, "mean": 0.1, "square": 0.01}
    nn.save(path, model, optimizer)
    with safe_open(path, "np") as file:
        metadata = file.metadata()
    text = metadata["record"].replace("[0.9, 0.999]", "[1.0, 0.999]")
    arrays = safetensors_numpy.load_file(path)
    safetensors_numpy.save_file(arrays, path, metadata | {"record": text, "crc32": module._crc32(text, arrays)})
    with pytest.raises(nn.CheckpointError, match=r"expected settings to take a step with \(betas\[0\] must be"):
        nn.load(path, model, optimizer, restore_settings=True)
    assert optimizer.betas == (0.9, 0.999)


def test_a_rate_that_is_a_whole_number_is_a_rate(path: Path) -> None:
    for epochs in 2, 4:
        model = nn.Linear(2, 2, seed=0)
        optimizer = nn.SGD(model)
        optimizer.lr = 1
        train(model, optimizer, epochs=epochs, checkpoint=path)
    assert optimizer.lr == 1.0


def test_restore_settings_is_a_flag(path: Path) -> None:
    with pytest.raises(TypeError, match="restore_settings must be True or False, got str 'no'"):
        nn.load(path, nn.Linear(1, 1), restore_settings="no")  # type: ignore[arg-type]


# ----- a training goes on -----


@EVERY_MODEL
@EVERY_OPTIMIZER
def test_a_training_that_stopped_ends_as_if_it_had_not(build: Any, optimize: Any, path: Path) -> None:
    words: dict[str, Any] = {"validation": (X[:5], Y[:5]), "l2": 1e-3, "seed": 3}
    whole = build(0)
    optimizer = optimize(whole)
    history = train(whole, optimizer, epochs=5, **words)
    seconds = 0.0
    for epochs in (1, 3, 5):  # each time as in a new process: another model, another optimiser
        model = build(epochs)
        if epochs == 1:
            model.load_state_dict(build(0).state_dict())
        fresh = optimize(model)
        resumed = train(model, fresh, epochs=epochs, checkpoint=path, **words)
        assert resumed.seconds > seconds  # those of before count
        seconds = resumed.seconds
    assert state(model, fresh) == state(whole, optimizer)
    assert past(resumed) == past(history)


@EVERY_MODEL
def test_a_schedule_goes_on_where_it_was(build: Any, path: Path) -> None:
    def run(**words: Any) -> Any:
        model = build(0)
        optimizer = nn.Adam(model, lr=0.05)
        history = train(model, optimizer, epochs=4, schedule=nn.schedules.cosine, **words)
        return state(model, optimizer), past(history)

    def die(epoch: int, *_: Any) -> None:
        if epoch == 2:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(checkpoint=path, callbacks=[die])
    nn.load(path, model := build(1), optimizer := nn.Adam(model, lr=0.05))  # between epochs, the rate is the first one
    assert optimizer.steps == 6
    assert run(checkpoint=path) == run()


def test_a_training_without_shuffling_and_with_a_regression_goes_on(path: Path) -> None:
    def run(epochs: int, **words: Any) -> Any:
        model = nn.vectorized.MLP(2, [4, 1], seed=0)
        optimizer = nn.RMSProp(model)
        words = {
            "data": (X, X[:, 0] * 2),
            "loss": lambda p, t: nn.mse(p, t),
            "shuffle": False,
            "batch_size": None,
        } | words
        history = train(model, optimizer, epochs=epochs, **words)
        return state(model, optimizer), past(history)

    run(2, checkpoint=path)
    assert run(4, checkpoint=path) == run(4)


def test_a_weight_of_another_order_in_memory_keeps_it(path: Path) -> None:
    """The gradient of x @ W.T lies in the other order, and after a step so does W; the last bits hang on it."""

    class Product(nn.Module):
        def __init__(self) -> None:
            self.W = Tensor(np.random.default_rng(0).standard_normal((7, 2)), "W", np.float32)
            self.s = Tensor(1.0, "s", np.float32)

        def __call__(self, x: Any) -> Any:
            return x @ self.W.T * self.s

    def run(epochs: int, **words: Any) -> Any:
        model = Product()
        optimizer = nn.Adam(model, lr=0.05)
        history = train(model, optimizer, epochs=epochs, **words)
        return {name: bits(p.data)[1:] for name, p in model.named_parameters()}, past(history), model.W.data.flags

    weights, history, flags = run(6)
    run(2, checkpoint=path)
    again = run(6, checkpoint=path)
    assert again[:2] == (weights, history)
    assert again[2].c_contiguous == flags.c_contiguous


@EVERY_MODEL
def test_a_training_that_is_at_its_end_is_left_there(build: Any, path: Path) -> None:
    model = build(0)
    optimizer = nn.Adam(model, lr=0.05)
    history = train(model, optimizer, checkpoint=path)
    content, after = path.read_bytes(), state(model, optimizer)
    calls: list[int] = []
    twin = build(1)
    fresh = nn.Adam(twin, lr=0.05)
    again = train(twin, fresh, checkpoint=path, callbacks=[lambda epoch, *_: calls.append(epoch)])
    assert again == history  # the seconds, too, are those of the training
    assert state(twin, fresh) == after
    assert (calls, path.read_bytes()) == ([], content)


def test_a_training_that_a_callback_ended_stays_ended(path: Path) -> None:
    def run(epochs: int) -> nn.History:
        model = nn.Linear(2, 2, seed=0)
        return train(model, nn.SGD(model), epochs=epochs, checkpoint=path, callbacks=[lambda epoch, *_: epoch == 1])

    history = run(5)
    assert len(history.loss) == 2
    assert run(5) == run(9) == history


def test_the_first_numbers_are_saved_before_the_first_epoch(path: Path) -> None:
    """Who dies in the first epoch goes on with the model that was drawn then, seed or no seed."""

    def die(*_: Any) -> Any:
        raise ZeroDivisionError

    model = nn.Linear(2, 2)
    drawn = state(model)
    with pytest.raises(ZeroDivisionError):
        train(model, nn.SGD(model), checkpoint=path, loss=die)
    nn.load(path, twin := nn.Linear(2, 2))
    assert state(twin) == drawn


def test_a_file_that_cannot_be_written_is_met_before_the_training(tmp_path: Path) -> None:
    model = nn.Linear(2, 2, seed=0)
    optimizer = nn.SGD(model)
    before = state(model, optimizer)
    with pytest.raises(FileNotFoundError, match=r"run\.safetensors could not be written"):
        train(model, optimizer, checkpoint=tmp_path / "no folder" / "run.safetensors")
    with pytest.raises(IsADirectoryError, match="expected a file, found a folder"):
        train(model, optimizer, checkpoint=tmp_path)
    with pytest.raises(TypeError, match=r"checkpoint must be a str or a pathlib.Path, and 3 \(int\) came"):
        train(model, optimizer, checkpoint=3)
    assert state(model, optimizer) == before


def test_callbacks_go_on_counting_and_a_rate_that_one_sets_is_kept(path: Path) -> None:
    seen: list[Any] = []

    def run(epochs: int, lr: float = 0.4, **words: Any) -> Any:
        model = nn.Linear(2, 2, seed=0)
        optimizer = nn.SGD(model, lr=lr)

        def halve(epoch: int, _: nn.Module, history: nn.History) -> None:
            seen.append((epoch, len(history.loss)))
            optimizer.lr /= 2

        history = train(model, optimizer, epochs=epochs, callbacks=[halve], **words)
        return state(model, optimizer), past(history)

    whole = run(4)
    seen.clear()
    run(2, checkpoint=path)
    run(3, lr=0.1, checkpoint=path)  # the rate that the optimiser has by now
    assert run(4, checkpoint=path) == whole
    assert seen == [(0, 1), (1, 2), (2, 3), (3, 4)]
    with pytest.raises(nn.CheckpointError, match=r"optimizer\.lr: expected 0\.1, found a training with 0\.4"):
        run(4, lr=0.1, checkpoint=path)


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@EVERY_MODEL
@pytest.mark.parametrize("moment", ["loss", "last step", "callback"])
def test_after_ctrl_c_a_training_ends_as_if_nobody_had_pressed_it(build: Any, moment: str, path: Path) -> None:
    calls: list[int] = []
    when = {"loss": 4, "last step": 6}.get(moment)  # of three steps an epoch: inside the second, at its end

    def loss(scores: Any, labels: Any) -> Any:
        calls.append(len(calls))
        if len(calls) == when:
            press_ctrl_c()
        return nn.cross_entropy(scores, labels)

    def callback(epoch: int, *_: Any) -> None:
        if moment == "callback" and epoch == 1 and len(calls) == 6:
            press_ctrl_c()

    def run(**words: Any) -> Any:
        model = build(0)
        optimizer = nn.Adam(model, lr=0.05)
        history = train(model, optimizer, epochs=4, loss=loss, callbacks=[callback], **words)
        return history, state(model, optimizer)

    first, _ = run(checkpoint=path)
    assert first.interrupted
    second, resumed = run(checkpoint=path)
    assert not second.interrupted
    third, whole = run()
    assert (past(second), resumed) == (past(third), whole)


@pytest.mark.parametrize("moment", [9, 10], ids=["validation", "callback"])
def test_ctrl_c_after_the_last_step_is_forgotten(moment: int, path: Path) -> None:
    """What there is of the last epoch then is all of it: who starts again has nothing to do."""
    calls: list[int] = []

    def count(*_: Any) -> None:
        calls.append(len(calls) + 1)
        if calls[-1] == moment:  # an epoch is three steps, a validation and a callback
            press_ctrl_c()

    def loss(scores: Any, labels: Any) -> Any:
        count()
        return nn.cross_entropy(scores, labels)

    def run() -> nn.History:
        model = nn.Linear(2, 2, seed=0)
        words: dict[str, Any] = {"validation": (X, Y), "callbacks": [count]}
        return train(model, nn.SGD(model), loss=loss, checkpoint=path, **words)

    first = run()
    assert first.interrupted
    assert (len(first.validation_loss), calls[-1]) == (2, 10)
    again = run()
    assert vars(again) == vars(first) | {"interrupted": False}


def test_the_bar_begins_where_the_training_goes_on(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.Linear(2, 2, seed=0)
    for epochs in 2, 4:
        train(model, nn.SGD(model), epochs=epochs, checkpoint=path, progress=True)
    bar = capsys.readouterr().err.split("\r")
    assert "epoch 4/4" in bar[-1]
    assert "12/12" in bar[-1]


# ----- a file of another training -----

OTHERS: list[tuple[str, dict[str, Any], str]] = [
    ("data", {"data": (X + 1.0, Y)}, "data: expected 'float32 of shape (24, 2) and int64 of shape (24,), crc32 "),
    ("n", {"data": (X[:-1], Y[:-1])}, "data: expected 'float32 of shape (23, 2) and int64 of shape (23,), crc32 "),
    ("labels", {"data": (X, 1 - Y)}, "data: expected 'float32 of shape (24, 2) and int64 of shape (24,), crc32 "),
    ("validation", {"validation": (X, Y)}, "validation: expected 'float32 of shape (24, 2) and int64"),
    ("loss", {"loss": lambda s, t: nn.cross_entropy(s, t)}, "loss: expected '<lambda>', found a training with 'cross"),
    ("batch_size", {"batch_size": 6}, "batch_size: expected 6, found a training with 8"),
    ("seed", {"seed": 1}, "seed: expected 1, found a training with 0"),
    ("shuffle", {"shuffle": False}, "shuffle: expected False, found a training with True"),
    ("l2", {"l2": 0.1}, "l2: expected 0.1, found a training with 0.0"),
    ("schedule", {"schedule": nn.schedules.linear}, "schedule: expected 'linear', found a training with None"),
    ("fewer epochs", {"epochs": 1}, "epochs: expected at most 1, found a training of 2. Give epochs=2 or more"),
]


@pytest.mark.parametrize(("words", "message"), [c[1:] for c in OTHERS], ids=[c[0] for c in OTHERS])
def test_the_file_of_another_training_is_refused(words: dict[str, Any], message: str, path: Path) -> None:
    model = nn.vectorized.MLP(2, [2], seed=0)
    train(model, nn.Adam(model), checkpoint=path)
    content = path.read_bytes()
    twin = nn.vectorized.MLP(2, [2], seed=1)
    optimizer = nn.Adam(twin)
    before = state(twin, optimizer)
    with pytest.raises(nn.CheckpointError) as caught:
        train(twin, optimizer, checkpoint=path, **words)
    assert f"{path}: {message}" in str(caught.value)
    assert state(twin, optimizer) == before
    assert path.read_bytes() == content


def test_with_a_schedule_the_epochs_are_part_of_the_training(path: Path) -> None:
    model = nn.Linear(2, 2, seed=0)
    train(model, nn.SGD(model), checkpoint=path, schedule=nn.schedules.linear)
    with pytest.raises(nn.CheckpointError, match="epochs: expected 3, found a training with 2"):
        train(model, nn.SGD(model), checkpoint=path, schedule=nn.schedules.linear, epochs=3)


@pytest.mark.parametrize(
    ("model", "optimize", "message"),
    [
        (nn.Linear(2, 3), nn.Adam, "model.weight: expected float32 of shape (3, 2), found float32 of shape (2, 2)"),
        (nn.Linear(2, 2), nn.AdamW, "optimizer: expected AdamW, found 'Adam'. Make an optimiser of the class"),
        (nn.Linear(2, 2), lambda m: nn.Adam(m, eps=1.0), "optimizer.eps: expected 1.0, found a training with 1e-08"),
    ],
    ids=["model", "class", "settings"],
)
def test_the_file_of_another_model_or_optimiser_is_refused(model: Any, optimize: Any, message: str, path: Path) -> None:
    first = nn.Linear(2, 2)
    train(first, nn.Adam(first), checkpoint=path)
    optimizer = optimize(model)
    before = state(model, optimizer)
    with pytest.raises(nn.CheckpointError) as caught:
        train(model, optimizer, checkpoint=path)
    assert message in str(caught.value)
    assert state(model, optimizer) == before


def test_a_file_of_nn_save_is_no_training(path: Path) -> None:
    model = nn.Linear(2, 2)
    optimizer = nn.SGD(model)
    for extra, message in (
        ({}, "training: expected dict, found None"),
        ({"training": {}}, "terms: expected dict, found None"),
        (
            {"training": {"terms": {}, "history": {}, "stopped": False}},
            "data: expected 'float32 of shape (24, 2) and int64 of shape (24,), crc32 ",
        ),
    ):
        nn.save(path, model, optimizer, generator=np.random.default_rng(0), extra=extra)
        with pytest.raises(nn.CheckpointError) as caught:
            train(model, optimizer, checkpoint=path)
        assert f"{path}: {message}" in str(caught.value)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda past: past.update(loss=["a"]),
        lambda past: past.update(loss=0.5),
        lambda past: past.update(steps="6"),
        lambda past: past.update(steps=True),
        lambda past: past.pop("seconds"),
        lambda past: past.update(other=1),
    ],
)
def test_a_history_that_is_none_is_refused(spoil: Callable[[Any], Any], path: Path) -> None:
    model = nn.Linear(2, 2)
    train(model, nn.SGD(model), checkpoint=path)
    rng = np.random.default_rng(0)
    extra = nn.load(path, model, optimizer := nn.SGD(model), generator=rng)
    spoil(extra["training"]["history"])
    nn.save(path, model, optimizer, generator=rng, extra=extra)
    with pytest.raises(nn.CheckpointError, match="history: expected that of a training, found"):
        train(model, nn.SGD(model), checkpoint=path)


# ----- writing: the old file or the new one -----


def test_a_file_is_flushed_before_it_takes_its_place_and_its_folder_after(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(handle: int) -> None:
        folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        calls.append("fsync folder" if folder else f"fsync {os.fstat(handle).st_size > 0}")
        fsync(handle)

    def watched_replace(source: Any, target: Any) -> None:
        assert Path(source).parent == Path(target).parent
        calls.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    nn.save(path, nn.Linear(2, 2))
    assert calls == ["fsync True", "replace", *(["fsync folder"] if os.name == "posix" else [])]


class FullDisk:
    """A file whose ``write`` puts down half and then fails."""

    def __init__(self, file: Any, error: BaseException) -> None:
        self.file, self.error = file, error

    def __enter__(self) -> "FullDisk":
        return self

    def __exit__(self, *_: Any) -> None:
        self.file.close()

    def write(self, content: bytes) -> None:
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        raise self.error


FAULTS = [
    OSError(28, "No space left on device"),
    PermissionError(13, "Permission denied"),
    OSError("odd"),
    KeyboardInterrupt(),
]


@pytest.mark.parametrize("error", FAULTS, ids=repr)
@pytest.mark.parametrize("stage", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize("existed", [True, False], ids=["old file", "no file"])
def test_an_error_at_any_stage_leaves_the_old_file_alone(
    stage: str, error: BaseException, existed: bool, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = nn.Linear(2, 2, seed=0), nn.Linear(2, 2, seed=1)
    if existed:
        nn.save(path, old)
    opened = Path.open

    def fail(*_: Any) -> Any:
        raise error

    with monkeypatch.context() as patch:
        if stage in ("fsync", "replace"):
            patch.setattr(os, stage, fail)
        else:
            patch.setattr(Path, "open", lambda p, mode: fail() if stage == "open" else FullDisk(opened(p, mode), error))
        with pytest.raises(type(error)) as caught:
            nn.save(path, new)
    if isinstance(error, OSError):
        assert f"{path} could not be written (" in str(caught.value)
        assert (error.strerror or "odd") in str(caught.value)
        assert caught.value.errno == error.errno
    assert temporary_files(path.parent) == []
    assert path.exists() == existed
    if existed:
        nn.load(path, new)
        assert state(new) == state(old)


@pytest.mark.skipif(os.name != "posix", reason="only there are folders opened and flushed")
@pytest.mark.parametrize("error", [OSError(22, "Invalid argument"), KeyboardInterrupt()], ids=repr)
def test_a_folder_that_cannot_be_flushed_has_the_new_file_all_the_same(
    error: BaseException, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def fail(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise error
        fsync(handle)

    monkeypatch.setattr(os, "fsync", fail)
    model, twin = nn.Linear(2, 2, seed=0), nn.Linear(2, 2, seed=1)
    with contextlib.suppress(KeyboardInterrupt):
        nn.save(path, model)
    nn.load(path, twin)
    assert state(twin) == state(model)


def test_a_second_ctrl_c_inside_a_save_leaves_the_epoch_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Linear(2, 2, seed=0)
    replace, calls = os.replace, []

    def interrupt(*paths: Any) -> None:
        calls.append(paths)
        if len(calls) == 3:  # after the first numbers and the first epoch
            press_ctrl_c()
            press_ctrl_c()
        replace(*paths)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(model, nn.SGD(model), epochs=5, checkpoint=path)
    assert temporary_files(path.parent) == []
    optimizer = nn.SGD(twin := nn.Linear(2, 2, seed=1))
    assert len(nn.load(path, twin, optimizer)["training"]["history"]["loss"]) == 1
    train(twin, optimizer, epochs=5, checkpoint=path)
    train(whole := nn.Linear(2, 2, seed=0), nn.SGD(whole), epochs=5)
    assert state(twin) == state(whole)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes and asks for rights to make links")
def test_a_file_keeps_its_mode_and_a_link_its_target(path: Path, tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        nn.save(path, nn.Linear(1, 1))
        assert stat.S_IMODE(path.stat().st_mode) == 0o640  # as of any new file
    finally:
        os.umask(mask)
    path.chmod(0o600)
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "run.safetensors"
    path.rename(target)
    path.symlink_to(target)
    model, twin = nn.Linear(1, 1, seed=1), nn.Linear(1, 1, seed=2)
    nn.save(path, model)
    assert path.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    nn.load(target, twin)
    assert state(twin) == state(model)
    assert temporary_files(tmp_path / "elsewhere") == []


def test_a_protected_file_is_not_replaced(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nn.save(path, nn.Linear(1, 1))
    content = path.read_bytes()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # who runs the tests may be allowed all
    with pytest.raises(PermissionError, match=r"run\.safetensors: expected a file that may be written, found one"):
        nn.save(path, nn.Linear(1, 1))
    assert path.read_bytes() == content


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_neither_read_nor_replaced(path: Path) -> None:
    os.mkfifo(path)
    for call in nn.save, nn.load:
        with pytest.raises(OSError, match="expected a file, found a device or a pipe"):
            call(path, nn.Linear(1, 1))
    assert stat.S_ISFIFO(path.stat().st_mode)


# ----- what cannot be saved -----


class Odd(nn.SGD):
    """Keeps what the test says."""

    keeps: Any = None

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        state["kept"] = self.keeps
        return p


def with_state(keeps: Any) -> tuple[nn.Module, nn.Optimizer]:
    model = nn.Linear(2, 2, seed=0)
    optimizer = Odd(model)
    optimizer.keeps = keeps
    optimizer.state["bias"] = {"kept": keeps}
    return model, optimizer


def other_state() -> tuple[nn.Module, nn.Optimizer]:
    model = nn.Linear(2, 2, seed=0)
    optimizer = nn.SGD(model, momentum=0.9)
    optimizer.state["bias"] = {"velocity": np.zeros(2)}
    return model, optimizer


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: (Holding(w=Value(float("nan"))), None),
            "model.w: expected finite numbers, found nan or inf. The training",
        ),
        (lambda: (Holding(w=Tensor([1.0, float("inf")])), None), "model.w: expected finite numbers, found nan or inf"),
        (lambda: with_state("text"), "optimizer.bias.kept: expected one of float16"),
        (lambda: with_state({"a": 1}), "optimizer.bias.kept: expected one of float16"),
        (other_state, "optimizer.bias.velocity: expected float32 of shape (2,), found float64 of shape (2,)"),
    ],
    ids=["nan", "inf", "text state", "dict state", "wide state"],
)
def test_what_could_not_be_loaded_is_not_saved(build: Any, message: str, path: Path) -> None:
    nn.save(path, nn.Linear(1, 1))
    content = path.read_bytes()
    with pytest.raises(nn.CheckpointError) as caught:
        nn.save(path, *build())
    assert f"{path}: {message}" in str(caught.value)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"f": print}, "found builtin_function_or_method <built-in function print>. Leave out"),
        ({"s": {1, 2}}, "found set {1, 2}. Leave out"),
        ({(1, 2): 3}, "keys must be str"),
        ({"long": "a" * 101_000_000}, "header too large"),
    ],
    ids=["function", "set", "key", "long"],
)
def test_extra_is_what_json_can_hold(extra: Any, message: str, path: Path) -> None:
    circle: dict[str, Any] = {}
    circle["circle"] = circle
    for each in (extra, circle):
        with pytest.raises(nn.CheckpointError) as caught:
            nn.save(path, nn.Linear(1, 1), extra=each)
        assert f"{path}: record: expected names, settings and extra of numbers, text, lists" in str(caught.value)
        assert message in str(caught.value) or each is circle
    assert not path.exists()


def test_parameters_of_another_model_would_be_lost(path: Path) -> None:
    one, two = nn.Linear(2, 2), nn.Linear(2, 2)
    optimizer = nn.SGD([*one.parameters(), *two.parameters()])
    for call in nn.save, nn.load:
        with pytest.raises(ValueError, match="optimizer moves 2, 3, which are not parameters of this model"):
            call(path, one, optimizer)


def test_a_name_that_is_no_text_is_refused(path: Path) -> None:
    with pytest.raises(nn.CheckpointError, match="record: expected names, settings and extra"):
        nn.save(path, Holding(**{"\ud800": Value(1.0)}))
    assert not path.exists()


@pytest.mark.parametrize("call", [nn.save, nn.load])
@pytest.mark.parametrize(
    ("arguments", "words", "message"),
    [
        ((3, nn.Linear(1, 1)), {}, r"path must be a str or a pathlib.Path, and 3 \(int\) came"),
        (("x", 3), {}, r"model must be a module, e\.g\. nn\.MLP\(2, \[16, 1\]\); got 3"),
        (("x", None), {}, "model must be a module"),
        ((nn.Linear(1, 1), "x"), {}, "the path comes first, and then the model: write nn"),
        (("x", nn.Linear(1, 1), nn.Adam), {}, r"optimizer must be made first, e\.g\. nn\.Adam\(model, lr=0\.01\)"),
        (("x", nn.Linear(1, 1)), {"generator": 3}, "generator must be one of NumPy's, e.g. numpy"),
    ],
)
def test_wrong_arguments(call: Any, arguments: Any, words: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(*arguments, **words)


# ----- what is refused -----


def pair(seed: int) -> tuple[nn.Module, nn.Optimizer, np.random.Generator]:
    model = nn.Sequential(nn.Linear(2, 2, seed=seed), nn.Neuron(1, seed=seed))
    return model, nn.Adam(model, lr=0.05), np.random.default_rng(seed)


@pytest.fixture(scope="module")
def good() -> tuple[dict[str, Array], dict[str, str], bytes]:
    """The arrays, the metadata and the bytes of a file of ``pair(0)``."""
    model, optimizer, rng = pair(0)
    for p in model.parameters():
        p.grad = p.data * 0.5
    optimizer.step()
    with tempfile.TemporaryDirectory() as folder:
        path = nn.save(Path(folder) / "good", model, optimizer, generator=rng, extra={"n": 1})
        with safe_open(path, "np") as file:
            metadata = file.metadata()
        return safetensors_numpy.load_file(path), metadata, path.read_bytes()


def refused(path: Path, message: str = "") -> str:
    """What `load` says of the file, and that it has changed nothing."""
    model, optimizer, rng = pair(1)
    before = state(model, optimizer), rng.bit_generator.state
    with pytest.raises(nn.CheckpointError) as caught:
        nn.load(path, model, optimizer, generator=rng)
    assert (state(model, optimizer), rng.bit_generator.state) == before
    said = str(caught.value)
    assert f"{path}: {message}" in said
    assert "expected" in said
    assert "found" in said
    assert len(said) < 700 + 3 * len(str(path))
    return said


Arrays, Metadata = dict[str, Array], dict[str, str]


def dropped(a: Arrays, key: str) -> Arrays:
    return {k: v for k, v in a.items() if k != key}


W = "model.layers.0.weight"
SPOILT: list[tuple[str, Callable[[Arrays], Arrays], str]] = [
    ("shape", lambda a: a | {W: a[W][:1]}, f"{W}: expected float32 of shape (2, 2), found float32 of shape (1, 2)"),
    ("flat", lambda a: a | {W: a[W].ravel()}, f"{W}: expected float32 of shape (2, 2), found float32 of shape (4,)"),
    ("dtype", lambda a: a | {W: a[W].astype(float)}, f"{W}: expected float32 of shape (2, 2), found float64 of shape"),
    ("half", lambda a: a | {W: a[W].astype(np.float16)}, f"{W}: expected float32 of shape (2, 2), found float16"),
    ("integers", lambda a: a | {W: a[W].astype(int)}, f"{W}: expected float32 of shape (2, 2), found int64"),
    ("bytes", lambda a: a | {W: a[W].astype(np.uint8)}, f"{W}: expected one of F16, F32, F64, I64, found U8"),
    (
        "value as a row",
        lambda a: a | {"model.layers.1.b": np.ones(1)},
        "model.layers.1.b: expected float64 of shape ()",
    ),
    (
        "value float32",
        lambda a: a | {"model.layers.1.b": np.float32(1)},
        "model.layers.1.b: expected float64 of shape ()",
    ),
    ("missing", lambda a: dropped(a, W), f"{W}: expected float32 of shape (2, 2), found no such key. In all, missing"),
    (
        "renamed",
        lambda a: dropped(a, W) | {"model.W": a[W]},
        f"{W}: expected float32 of shape (2, 2), found no such key.",
    ),
    ("more", lambda a: a | {"model.more": a[W]}, "model.more: expected no such key, found float32 of shape (2, 2)"),
    ("foreign", lambda a: a | {"more": a[W]}, "more: expected no such key, found float32 of shape (2, 2)"),
    (
        "state shape",
        lambda a: a | {"optimizer.layers.0.bias.mean": np.float32(1.0)},
        "optimizer.layers.0.bias.mean: expected float32 of shape (2,), found float32 of shape ()",
    ),
    (
        "state dtype",
        lambda a: a | {"optimizer.layers.0.bias.mean": np.ones(2)},
        "optimizer.layers.0.bias.mean: expected float32 of shape (2,), found float64 of shape (2,)",
    ),
    (
        "counter",
        lambda a: a | {"optimizer.layers.0.bias.t": np.array(1.0)},
        "optimizer.layers.0.bias.t: expected int64 of shape (), found float64 of shape ()",
    ),
    (
        "state missing",
        lambda a: dropped(a, "optimizer.layers.0.bias.t"),
        "optimizer.layers.0.bias.t: expected int64 of shape (), found no such key",
    ),
    (
        "state renamed",
        lambda a: dropped(a, "optimizer.layers.0.bias.mean") | {"optimizer.layers.0.bias.men": np.ones(2, np.float32)},
        "optimizer.layers.0.bias.mean: expected float32 of shape (2,), found no such key",
    ),
    ("number", lambda a: a | {W: a[W] + 1.0}, "checksum: expected crc32 "),
]


@pytest.mark.parametrize(("spoil", "message"), [c[1:] for c in SPOILT], ids=[c[0] for c in SPOILT])
def test_arrays_that_do_not_fit_are_named(spoil: Any, message: str, good: Any, path: Path) -> None:
    arrays, metadata, _ = good
    changed = {key: np.ascontiguousarray(a).reshape(np.shape(a)) for key, a in spoil(arrays).items()}
    safetensors_numpy.save_file(changed, path, metadata)
    refused(path, message)


def test_all_state_of_a_parameter_can_not_vanish_unseen(good: Any, path: Path) -> None:
    arrays, metadata, _ = good
    fewer = {k: v for k, v in arrays.items() if not k.startswith("optimizer.layers.0.bias.")}
    safetensors_numpy.save_file(fewer, path, metadata)
    refused(path, "checksum: expected crc32")


def rewritten(good: Any, path: Path, arrays: Arrays | None = None, **changes: Any) -> None:
    """A file with changes in its record, and a checksum that is right."""
    arrays = good[0] if arrays is None else arrays
    record = json.loads(good[1]["record"])
    for key, change in changes.items():
        record[key] = record[key] | change if isinstance(change, dict) and record[key] else change
    text = json.dumps(record)
    metadata = good[1] | {"record": text, "crc32": module._crc32(text, arrays)}
    safetensors_numpy.save_file(arrays, path, metadata)


def test_the_rewritten_file_itself_is_right(good: Any, path: Path) -> None:
    rewritten(good, path)
    model, optimizer, rng = pair(1)
    assert nn.load(path, model, optimizer, generator=rng) == {"n": 1}
    assert optimizer.steps == 1


def test_an_optimizer_may_have_numbers_of_numpy_among_its_settings(path: Path) -> None:
    def made() -> tuple[nn.Module, nn.SGD]:
        model = nn.Linear(2, 2, seed=0)
        optimizer = nn.SGD(model, lr=0.25)
        optimizer.momentum = np.float32(0.5)
        return model, optimizer

    nn.save(path, *made())
    model, optimizer = made()
    nn.load(path, model, optimizer)
    assert optimizer.momentum == 0.5


def test_a_long_training_can_be_continued(path: Path) -> None:
    model = nn.Linear(1, 1, seed=0)
    optimizer = nn.Adam(model)
    optimizer.steps = 10_000
    nn.save(path, model, optimizer)
    again = nn.Adam(model)
    nn.load(path, model, again)
    assert again.steps == 10_000


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_parameters_that_are_not_finite_are_refused_also_where_the_checksum_is_right(
    bad: float, good: Any, path: Path
) -> None:
    rewritten(good, path, good[0] | {W: np.array([[1.0, bad], [0.0, 1.0]], np.float32)})
    refused(path, f"{W}: expected finite numbers, found nan or inf")


RECORDS: list[tuple[dict[str, Any], str]] = [
    ({"optimizer": None}, "optimizer: expected Adam, found none. Load it without one"),
    ({"optimizer": 3}, "optimizer: expected dict, found 3"),
    ({"optimizer": {"class": "SGD"}}, "optimizer: expected Adam, found 'SGD'"),
    ({"optimizer": {"class": None}}, "optimizer: expected Adam, found None"),
    ({"optimizer": {"steps": "7"}}, "steps: expected int, found '7'"),
    ({"optimizer": {"steps": True}}, "steps: expected int, found True"),
    ({"optimizer": {"steps": -1}}, "steps: expected a number of steps, found -1"),
    ({"optimizer": {"steps": 2**70}}, "steps: expected a number of steps, found 11805"),
    ({"optimizer": {"settings": None}}, "settings: expected dict, found None"),
    ({"optimizer": {"settings": {}}}, "optimizer: expected settings such as {"),
    ({"optimizer": {"settings": {"parameters": 1}}}, "optimizer: expected settings such as {"),
    ({"generator": None}, "generator: expected the state of a PCG64, found None"),
    ({"generator": {"bit_generator": "MT19937"}}, "generator: expected the state of a PCG64, found {"),
    ({"generator": {"state": 3}}, "generator: expected the state of a PCG64, found {"),
    ({"generator": {"state": {}}}, "generator: expected the state of a PCG64, found {"),
    ({"generator": {"state": {"state": -1, "inc": 1}}}, "generator: expected the state of a PCG64, found {"),
    ({"generator": {"state": {"state": 2**200, "inc": 1}}}, "generator: expected the state of a PCG64, found {"),
    ({"generator": {"state": {"state": "a", "inc": 1}}}, "generator: expected the state of a PCG64, found {"),
    ({"layout": None}, "layout: expected dict, found None"),
    ({"layout": {W: [0, 0]}}, f"layout of {W}: expected an order of its axes, found [0, 0]"),
    ({"layout": {W: [0, 1, 2]}}, f"layout of {W}: expected an order of its axes, found [0, 1, 2]"),
    ({"layout": {W: [True, False]}}, f"layout of {W}: expected an order of its axes, found [True, False]"),
    ({"layout": {W: "10"}}, f"layout of {W}: expected an order of its axes, found '10'"),
    ({"extra": [1]}, "extra: expected dict, found [1]"),
]


@pytest.mark.parametrize(("changes", "message"), RECORDS, ids=[json.dumps(r[0])[:40] for r in RECORDS])
def test_a_record_that_makes_no_sense_is_refused(changes: Any, message: str, good: Any, path: Path) -> None:
    rewritten(good, path, **changes)
    refused(path, message)


@pytest.mark.parametrize(
    "settings",
    [
        {"lr": "fast"},
        {"lr": None},
        {"lr": True},
        {"betas": 0.9},
        {"betas": [0.9]},
        {"betas": [0.9, "a"]},
        {"eps": [1e-8]},
    ],
    ids=repr,
)
def test_settings_of_another_kind_are_refused_also_where_they_would_be_restored(
    settings: Any, good: Any, path: Path
) -> None:
    own = json.loads(good[1]["record"])["optimizer"]["settings"]
    rewritten(good, path, optimizer={"settings": own | settings})
    model, optimizer, _ = pair(1)
    before = state(model, optimizer)
    with pytest.raises(nn.CheckpointError, match="optimizer: expected settings such as"):
        nn.load(path, model, optimizer, restore_settings=True)
    assert state(model, optimizer) == before


METADATA: list[tuple[dict[str, str | None], str]] = [
    (
        {"format": None},
        "format: expected 'glassgrad', found None. Give the name of a file that nn.save or nn.fit wrote",
    ),
    ({"format": "pt"}, "format: expected 'glassgrad', found 'pt'"),
    ({"version": None}, "version: expected '1', found None"),
    ({"version": "2"}, "version: expected '1', found '2'. Load it with a newer glassgrad."),
    ({"record": None}, "record: expected JSON, found something else"),
    ({"record": "{"}, "record: expected JSON, found something else"),
    ({"record": "[]"}, "record: expected dict, found []"),
    ({"record": "3"}, "record: expected dict, found 3"),
    ({"record": "[" * 100_000}, "record: expected JSON, found something else"),
    ({"record": "9" * 5000}, "record: expected JSON, found something else"),
    ({"record": "{}"}, "optimizer: expected Adam, found none"),
    ({"crc32": None}, "checksum: expected crc32 None as the file says, found "),
    ({"crc32": "00000000"}, "checksum: expected crc32 00000000 as the file says, found "),
]


@pytest.mark.parametrize(("changes", "message"), METADATA, ids=[str(m[0])[:30] for m in METADATA])
def test_metadata_that_makes_no_sense_is_refused(changes: Any, message: str, good: Any, path: Path) -> None:
    metadata = {key: text for key, text in (good[1] | changes).items() if text is not None}
    safetensors_numpy.save_file(good[0], path, metadata)
    refused(path, message)


class Bomb:
    """A pickle that would run."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("ran",)


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, w=np.ones(3))
    return buffer.getvalue()


FILES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda good: b"",
    "seven bytes": lambda good: good[:7],
    "pickle": lambda good: pickle.dumps(Bomb()),
    "PNG": lambda good: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(100),
    "npz": lambda good: npz(),
    "zeros": lambda good: bytes(1000),
    "text": lambda good: b"weights: 1 2 3\n" * 20,
    "header of 2^63 bytes": lambda good: (1 << 63).to_bytes(8, "little") + good[8:],
    "header of 200 MB": lambda good: (200_000_000).to_bytes(8, "little") + good[8:],
    "header that is longer than the file": lambda good: (len(good) * 2).to_bytes(8, "little") + good[8:],
    "header that is too short": lambda good: (int.from_bytes(good[:8], "little") - 1).to_bytes(8, "little") + good[8:],
    "a byte more": lambda good: good + b"\0",
    "twice": lambda good: good + good,
    "a byte less": lambda good: good[:-1],
    "huge array": lambda good: good.replace(b'"shape":[2,2]', b'"shape":[9,9]'),
    "overflowing shape": lambda good: good.replace(b'"shape":[2,2]', b'"shape":[9' + b"9" * 30 + b"]"),
}


@pytest.mark.parametrize("spoil", FILES.values(), ids=FILES.keys())
def test_a_file_that_is_something_else_is_refused(
    spoil: Any, good: Any, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path.write_bytes(spoil(good[2]))
    refused(path, "header: expected that of a safetensors file, found none: ")
    assert not (tmp_path / "ran").exists()


def test_a_safetensors_file_of_somebody_else_is_refused(path: Path) -> None:
    torch_style = {"fc1.weight": np.ones((2, 2), np.float32), "fc1.bias": np.ones(2, np.float32)}
    for metadata in None, {"format": "pt"}, {}:
        safetensors_numpy.save_file(torch_style, path, metadata)
        refused(path, "format: expected 'glassgrad', found ")


def test_a_missing_file_and_a_folder(path: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"run\.safetensors: expected a checkpoint, found nothing\. Correct"):
        nn.load(path, nn.Linear(1, 1))
    for call in nn.save, nn.load:
        with pytest.raises(IsADirectoryError, match=r"expected a file, found a folder\. Name a file in it"):
            call(tmp_path, nn.Linear(1, 1))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="who may do everything is refused nothing")
def test_a_file_that_may_not_be_read(path: Path) -> None:
    nn.save(path, nn.Linear(1, 1))
    path.chmod(0)
    with pytest.raises(PermissionError, match=r"run\.safetensors"):
        nn.load(path, nn.Linear(1, 1))


def test_every_length_that_is_too_short_is_refused(good: Any, path: Path) -> None:
    for length in range(len(good[2])):
        path.write_bytes(good[2][:length])
        model, optimizer, rng = pair(1)
        before = state(model, optimizer)
        with pytest.raises(nn.CheckpointError):
            nn.load(path, model, optimizer, generator=rng)
        assert state(model, optimizer) == before


def test_a_byte_that_flips_is_noticed_wherever_it_is(good: Any, path: Path) -> None:
    """It is refused, with nothing changed; or it is white space in the header, and all numbers are right."""
    content, draw = good[2], random.Random(0)
    path.write_bytes(content)
    right, right_optimizer, right_rng = pair(1)
    nn.load(path, right, right_optimizer, generator=right_rng)
    saved = state(right, right_optimizer), right_rng.bit_generator.state
    loaded = 0
    places = [*range(len(content)), *(draw.randrange(len(content)) for _ in range(1000))]
    for place in places:
        spoilt = bytearray(content)
        spoilt[place] ^= draw.randrange(1, 256)
        path.write_bytes(spoilt)
        model, optimizer, rng = pair(1)
        before = state(model, optimizer), rng.bit_generator.state
        try:
            nn.load(path, model, optimizer, generator=rng)
        except nn.CheckpointError:
            assert (state(model, optimizer), rng.bit_generator.state) == before
        else:
            loaded += 1
            assert (state(model, optimizer), rng.bit_generator.state) == saved
    print(f"{len(places)} files with a changed byte: {loaded} loaded, and rightly")
    assert loaded < 20


def test_a_damaged_file_does_not_start_a_training_anew(path: Path) -> None:
    model = nn.Linear(2, 2, seed=0)
    optimizer = nn.SGD(model)
    train(model, optimizer, checkpoint=path)
    path.write_bytes(spoilt := path.read_bytes()[:-3])
    after = state(model, optimizer)
    with pytest.raises(nn.CheckpointError, match=r"run\.safetensors: header: expected that of a safetensors file"):
        train(model, optimizer, epochs=5, checkpoint=path)
    assert state(model, optimizer) == after
    assert path.read_bytes() == spoilt


def test_without_safetensors_the_error_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Linear(2, 2, seed=0)
    nn.save(path, model)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for call in (
        lambda: nn.save(path, model),
        lambda: nn.load(path, model),
        lambda: train(model, nn.SGD(model), checkpoint=path),
    ):
        with pytest.raises(ImportError, match=r'pip install "glassgrad\[checkpoints\]"'):
            call()
    assert len(train(model, nn.SGD(model)).loss) == 2  # who saves nothing needs nothing


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not list what a process has open")
def test_a_checkpoint_leaves_nothing_open(tmp_path: Path) -> None:
    model, opened = nn.MLP(2, [1], seed=0), []
    for _ in range(3):
        nn.save(tmp_path / "a.safetensors", model)
        nn.load(tmp_path / "a.safetensors", model)
        opened.append(len(list(Path("/proc/self/fd").iterdir())))
    assert opened[0] == opened[1] == opened[2]


def test_a_file_that_lacks_nothing_is_not_said_to_lack(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    nn.save(path, nn.MLP(2, [3, 1], seed=0))
    with pytest.raises(nn.CheckpointError) as caught:
        nn.load(path, nn.MLP(2, [2, 1], seed=0))
    assert "where state is" not in str(caught.value)
