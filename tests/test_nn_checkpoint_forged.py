"""Files that are well formed and hold what no training left: each field in turn, refused at once or harmless."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from nn import checkpoint as module

safetensors_numpy = pytest.importorskip("safetensors.numpy")
safe_open = pytest.importorskip("safetensors").safe_open

X, Y = nn.data.moons(16, noise=0.1, seed=1)
FORGED: list[Any] = [-1, 0.5, 1e308, 2**62, 2**70, float("nan"), float("inf"), "x", None, True, [], {}]
MODELS: dict[str, Any] = {
    "scalar": lambda: nn.MLP(2, [2], seed=0),
    "float32": lambda: nn.vectorized.MLP(2, [2], seed=0),
}
OPTIMIZERS: dict[str, Any] = {
    "nesterov": lambda m: nn.SGD(m, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "rmsprop": lambda m: nn.RMSProp(m, lr=0.01),
    "adamw": lambda m: nn.AdamW(m, lr=0.05),
}


def train(model: nn.Module, optimizer: nn.Optimizer, epochs: int, path: Path) -> nn.History:
    words: dict[str, Any] = {"loss": "cross_entropy", "batch_size": 8, "progress": False, "checkpoint": path}
    return nn.fit(model, (X, Y), optimizer=optimizer, epochs=epochs, **words)


def everything(model: nn.Module, optimizer: nn.Optimizer) -> str:
    return repr((model.state_dict(), optimizer.state, optimizer.steps, optimizer.settings()))


def scalars(record: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all numbers, texts and flags in some JSON, and to its lists and dicts."""
    if way:
        yield way
    parts = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    for key, part in parts:
        yield from scalars(part, (*way, key))


def replaced(record: Any, way: tuple[Any, ...], value: Any) -> Any:
    copied = json.loads(json.dumps(record))
    at = copied
    for key in way[:-1]:
        at = at[key]
    at[way[-1]] = value
    return copied


def write(path: Path, arrays: Any, metadata: Any, record: Any) -> None:
    text = json.dumps(record)
    safetensors_numpy.save_file(arrays, path, metadata | {"record": text, "crc32": module._crc32(text, arrays)})


def refused_or_works(path: Path, model_name: str, optimizer_name: str, restore: bool) -> bool:
    """Whether a load or a training from the file is refused, with nothing changed; else ten steps are taken."""
    model = MODELS[model_name]()
    optimizer = OPTIMIZERS[optimizer_name](model)
    before = everything(model, optimizer)
    said = ""
    try:
        if restore:
            nn.load(path, model, optimizer, generator=np.random.default_rng(0), restore_settings=True)
        else:
            train(model, optimizer, 3, path)
    except nn.CheckpointError as error:
        said = str(error)
    except nn.TrainingError:  # settings as wild as a rate of 1e308 are nobody's fault but the user's
        return False
    if said:
        assert "expected" in said and everything(model, optimizer) == before
        return True
    for _ in range(10):
        for p in model.parameters():
            p.grad = p.data * 0.5
        with np.errstate(all="ignore"):
            optimizer.step()
    return False


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[Any, Any]:
    """By names of model and optimiser: arrays, metadata and record of a training of two epochs."""
    found = {}
    for pair in (("scalar", "adamw"), ("float32", "nesterov"), ("float32", "rmsprop"), ("float32", "adamw")):
        path = tmp_path_factory.mktemp("good") / "run.safetensors"
        model = MODELS[pair[0]]()
        train(model, OPTIMIZERS[pair[1]](model), 2, path)
        with safe_open(path, "np") as file:
            metadata = file.metadata()
        found[pair] = safetensors_numpy.load_file(path), metadata, json.loads(metadata["record"])
    return found


HARMLESS: dict[tuple[Any, ...], Any] = {
    ("layout",): lambda x: x == {},
    ("optimizer", "steps"): lambda x: type(x) is int and 0 <= x <= 2**53,
    ("optimizer", "settings", "lr"): lambda x: x >= 0.0,
    ("optimizer", "settings", "weight_decay"): lambda x: x >= 0.0,
    ("optimizer", "settings", "betas", 0): lambda x: 0.0 <= x < 1.0,
    ("optimizer", "settings", "betas", 1): lambda x: 0.0 <= x < 1.0,
    ("optimizer", "settings", "eps"): lambda x: x > 0.0,
    ("generator", "state", "state"): lambda x: x >= 0,
    ("generator", "state", "inc"): lambda x: x >= 0,
    ("generator", "has_uint32"): lambda x: x < 2,
    ("generator", "uinteger"): lambda x: x < 2,
    ("extra", "training", "stopped"): lambda x: x is True,
    ("extra", "training", "history", "interrupted"): lambda x: x is True,
    ("extra", "training", "history", "accuracy"): lambda x: x == [],
    ("extra", "training", "history", "validation_loss"): lambda x: x == [],
    ("extra", "training", "history", "validation_accuracy"): lambda x: x == [],
    ("extra", "training", "history", "seconds"): lambda x: type(x) is float,
    ("extra", "training", "history", "loss", 0): lambda x: type(x) is float,
    ("extra", "training", "history", "loss", 1): lambda x: type(x) is float,
    ("extra", "training", "history", "accuracy", 0): lambda x: type(x) is float and x <= 1.0,
    ("extra", "training", "history", "accuracy", 1): lambda x: type(x) is float and x <= 1.0,
}
"""What may be in a field besides what was there; everything else is refused."""


def test_every_field_of_a_record_is_refused_or_harmless(files: Any, tmp_path: Path) -> None:
    """But for the terms that a training began with, which are only compared."""
    arrays, metadata, record = files["float32", "adamw"]
    path = tmp_path / "forged.safetensors"
    seen = set()
    for way in [way for way in scalars(record) if "terms" not in way[:-1]]:
        seen.add(way)
        for forged in FORGED:
            write(path, arrays, metadata, replaced(record, way, forged))
            refused = refused_or_works(path, "float32", "adamw", restore=way[0] != "extra")
            assert refused or HARMLESS[way](forged), (way, forged)
    assert HARMLESS.keys() <= seen


@pytest.mark.parametrize("pair", [("scalar", "adamw"), ("float32", "nesterov"), ("float32", "rmsprop")], ids="-".join)
def test_every_array_of_a_state_is_refused_or_harmless(pair: Any, files: Any, tmp_path: Path) -> None:
    arrays, metadata, record = files[pair]
    path = tmp_path / "forged.safetensors"
    expected = {"t": {-1, 2**62}, "square": {-1.0}, "mean": set(), "velocity": set()}
    for key in [key for key in arrays if key.startswith("optimizer.")]:
        for forged in [f for f in FORGED if isinstance(f, int | float) and f is not True]:
            if arrays[key].dtype.kind == "i" and not (isinstance(forged, int) and forged < 2**63):
                continue
            with np.errstate(over="ignore"):
                spoilt = np.full(arrays[key].shape, float(forged) if arrays[key].dtype.kind == "f" else forged)
                write(path, arrays | {key: spoilt.astype(arrays[key].dtype)}, metadata, record)
            refused = refused_or_works(path, *pair, True)
            kind = key.rpartition(".")[2]
            wrong = forged in expected[kind] or forged != forged
            assert refused or not wrong, (key, forged)
            if kind in ("mean", "velocity") and forged == float("inf"):
                assert refused, (key, forged)


@pytest.mark.parametrize("kind", ["PCG64", "MT19937", "Philox", "SFC64"])
def test_a_generator_stands_within_its_numbers(kind: str, tmp_path: Path) -> None:
    path, model = tmp_path / "run.safetensors", nn.Linear(1, 1)
    rng = np.random.Generator(getattr(np.random, kind)(3))
    rng.random(5, np.float32)
    nn.save(path, model, generator=rng)
    with safe_open(path, "np") as file:
        metadata = file.metadata()
    arrays, record = safetensors_numpy.load_file(path), json.loads(metadata["record"])
    for way in scalars(record["generator"]):
        for forged in (-1, 0.5, 1, 5, 700, 2**40, 2**70, "x", None, [], {}):
            if way[-1] in range(1, 1000):  # one word of many like it
                continue
            write(path, arrays, metadata, replaced(record, ("generator", *way), forged))
            other = np.random.Generator(getattr(np.random, kind)(4))
            before, said = repr(other.bit_generator.state), ""
            try:
                nn.load(path, model, generator=other)
            except nn.CheckpointError as error:
                said = str(error)
            if said:
                assert "generator: expected the state of a" in said and repr(other.bit_generator.state) == before
                continue
            assert way[-1] not in ("pos", "buffer_pos", "has_uint32") or 0 <= forged <= 624
            assert np.isfinite(other.random(2000)).all()
