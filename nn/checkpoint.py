"""Checkpoints: a model, its optimiser and whatever a training needs to go on, in one safetensors file.

    nn.save("run.safetensors", model, optimizer)
    nn.load("run.safetensors", model, optimizer)

What is in the file:

    model.<name>                   a parameter or a frozen one: the array of a Tensor; of a Value, its float64, of
                                   shape ()
    optimizer.<parameter>.<key>    what the optimiser keeps for a parameter, such as its velocity
    metadata                       format and version; record: all the rest, as JSON; crc32 of everything

It holds numbers and text, and loading runs none of it. A file is written whole beside the old one and then takes
its place: whatever happens meanwhile, the name stands for the old file or for the new one.
"""

import copy
import json
import math
import os
import reprlib
import secrets
import shutil
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd import Tensor
from autograd.array_ops import Array
from autograd.hints import usage
from nn.checks import flag
from nn.data.idx import as_path
from nn.module import Module, _some, lacking
from nn.optim import MOST, Number, Optimizer

FORMAT, VERSION = "glassgrad", "1"

DTYPES = {"F16": "float16", "F32": "float32", "F64": "float64", "I64": "int64"}
"""What safetensors calls the dtypes that a checkpoint holds."""

HEADER_LIMIT = 100_000_000
"""How many bytes of names and metadata safetensors reads."""

Parts = tuple[Module, Optimizer | None, np.random.Generator | None]
"""What a checkpoint is of."""


class CheckpointError(ValueError):
    """What does not fit, in which file and under which key: what was expected, what was found, what to do."""

    def __init__(self, path: Path, key: str, expected: str, found: str, remedy: str) -> None:
        super().__init__(f"{path}: {key}: expected {expected}, found {found}. {remedy}")


@usage('nn.save("model.safetensors", model)')
def save(
    path: str | os.PathLike[str],
    model: Module,
    optimizer: Optimizer | None = None,
    *,
    generator: np.random.Generator | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Write the numbers of ``model``, the state of ``optimizer`` and of ``generator``, and ``extra``. Returns the path.

    generator: the random numbers of a training, to go on where they stand
    extra:     a dict of whatever JSON can hold, such as ``{"epoch": 3}``, for `load` to return

    A file of that name is replaced, whole and at once; after an error it is as it was. A process that is killed
    meanwhile can leave a hidden ``.<name>.<letters>.tmp`` beside it, which may be deleted.

    Frozen parameters are saved too, but not that they are frozen. Other constants are left out, see `nn.Module`.

    Errors: CheckpointError for what could not be loaded again, such as parameters that are nan; OSError where the
    file cannot be written; ImportError where safetensors is missing.
    """
    _check_path_first("save", path)
    path, safetensors = as_path("path", path), _safetensors()
    _check_parts(model, optimizer, generator)
    numbers = _parameters(model)
    if optimizer is not None:
        for name, state in optimizer.state.items():
            numbers |= {f"optimizer.{name}.{key}": number for key, number in state.items()}
    remedy = "A checkpoint holds float16, float32 and float64, and what the optimiser's update() keeps at every step."
    _compare(path, _wanted(model, optimizer, numbers), {key: _kind(number) for key, number in numbers.items()}, remedy)
    arrays = {key: _in_rows(number) for key, number in numbers.items()}
    _check_finite(path, arrays, "The training has diverged; no file was touched.")
    record = {
        "layout": {key: axes for key, number in numbers.items() if (axes := _axes(number)) != sorted(axes)},
        "optimizer": None if optimizer is None else _description(optimizer),
        "generator": None if generator is None else generator.bit_generator.state,
        "extra": {} if extra is None else dict(extra),
    }
    try:
        text = json.dumps(record, default=_unwrapped)
        metadata = {"format": FORMAT, "version": VERSION, "record": text, "crc32": _crc32(text, arrays)}
        content = safetensors.numpy.save(arrays, metadata)
        if (size := int.from_bytes(content[:8], "little")) > HEADER_LIMIT:  # not every safetensors looks
            raise ValueError(f"header too large, {size:,} bytes")
    except (TypeError, ValueError, RecursionError, safetensors.SafetensorError) as error:
        expected = "names, settings and extra of numbers, text, lists and dicts, 100 MB at most"
        raise CheckpointError(path, "record", expected, str(error), "Leave out what is none of these.") from error
    _write(path, content)
    return path


@usage('nn.load("model.safetensors", model)')
def load(
    path: str | os.PathLike[str],
    model: Module,
    optimizer: Optimizer | None = None,
    *,
    generator: np.random.Generator | None = None,
    restore_settings: bool = False,
) -> dict[str, Any]:
    """Put what `save` wrote into ``model``, and into the others where they are given. Returns the ``extra``.

    The model must have the names, shapes and dtypes that were saved, the optimiser its class, its parameters and
    its settings (lr, betas, …). ``restore_settings=True`` takes the settings from the file; without it a difference
    is an error, so that no learning rate is replaced unnoticed. To go on with another one, set it after loading.

    Everything is checked before anything is changed. Memory: that of the file once more.

    Errors: CheckpointError where the file is damaged, foreign or does not fit; FileNotFoundError where there is
    none.
    """
    _check_path_first("load", path)
    path, restore_settings = as_path("path", path), flag("restore_settings", restore_settings)
    _check_parts(model, optimizer, generator)
    parts = model, optimizer, generator
    checkpoint = _read(path, parts)
    if optimizer is not None and not restore_settings:
        saved = _as_json(checkpoint.optimizer.settings())
        for name, mine in _as_json(optimizer.settings()).items():
            if mine != (theirs := saved[name]):
                remedy = (
                    f"Make the optimiser with {name}={theirs!r}, or take all its settings from the file by "
                    f"restore_settings=True; to go on with another {name}, set it after loading."
                )
                raise CheckpointError(path, f"optimizer.{name}", f"{mine!r} as in yours", repr(theirs), remedy)
    checkpoint.restore(parts)
    return checkpoint.extra


class Run:
    """A training that is saved before its first epoch and after each, and goes on from where its file says.

    terms: by name, what must be the same for it to be the same training
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        model: Module,
        optimizer: Optimizer,
        generator: np.random.Generator,
        terms: Mapping[str, Any],
    ) -> None:
        self.path = as_path("checkpoint", path)
        self.parts = model, optimizer, generator
        self.terms: dict[str, Any] = {**terms, **_named_settings(optimizer)}

    def begin(self, history: Any, epochs: int, steps: int) -> range:
        """Bring everything to where the file says, or write the first file. Returns the epochs that are left.

        steps: those of an epoch
        """
        if not self.path.exists():
            self.save(history)
            return range(epochs)
        checkpoint = _read(self.path, self.parts)
        saved = _member(self.path, checkpoint.extra, "training", dict)
        terms, past, stopped = (
            _member(self.path, saved, key, kind)
            for key, kind in (("terms", dict), ("history", dict), ("stopped", bool))
        )
        # a callback may have set another rate since the start; an optimiser that has it already is right, too
        now = terms | _named_settings(checkpoint.optimizer)
        for name in self.terms | terms:
            if (mine := self.terms.get(name)) not in (theirs := terms.get(name), now.get(name)):
                remedy = "Give the same words to go on with that training, or another file name to begin one."
                raise CheckpointError(self.path, name, repr(mine), f"a training with {theirs!r}", remedy)
        if not _is_history(past, vars(history), steps):
            raise CheckpointError(self.path, "history", "that of a training", reprlib.repr(past), _FOREIGN)
        if (done := len(past["loss"])) > epochs:
            remedy = f"Give epochs={done} or more, or another file name to begin a training."
            raise CheckpointError(self.path, "epochs", f"at most {epochs}", f"a training of {done}", remedy)
        checkpoint.restore(self.parts)
        vars(history).update(past)
        self.terms = terms
        return range(0) if stopped else range(done, epochs)

    def save(self, history: Any, stopped: bool = False) -> None:
        """Replace the file; ``stopped`` says that a callback has ended the training."""
        model, optimizer, generator = self.parts
        past = vars(history) | {"interrupted": False}  # who goes on was not
        training = {"terms": self.terms, "history": past, "stopped": stopped}
        save(self.path, model, optimizer, generator=generator, extra={"training": training})


def fingerprint(*arrays: Array) -> str:
    """What tells one data set from another: dtypes, shapes and a checksum."""
    crc = 0
    for array in arrays:
        crc = zlib.crc32(_in_rows(array).data, crc)
    return f"{' and '.join(map(_kind, arrays))}, crc32 {crc:08x}"


# ----- what is saved -----


def _check_parts(model: Any, optimizer: Any, generator: Any) -> None:
    for name, part, kind, example in (
        ("model", model, Module, "a module, e.g. nn.MLP(2, [16, 1])"),
        ("optimizer", optimizer, Optimizer | None, "made first, e.g. nn.Adam(model, lr=0.01)"),
        ("generator", generator, np.random.Generator | None, "one of NumPy's, e.g. numpy.random.default_rng(0)"),
    ):
        if not isinstance(part, kind):
            raise TypeError(f"{name} must be {example}; got {reprlib.repr(part)}")
    held = {id(p) for _, p in model.named_state()}
    if optimizer is not None and (other := [n for n, p in optimizer.parameters.items() if id(p) not in held]):
        raise ValueError(
            f"optimizer moves {_some(other)}, which are not parameters of this model and would not be saved; put all "
            f"that it moves into one Module"
        )


def _parameters(model: Module) -> dict[str, Number]:
    return {f"model.{n}": p.data if isinstance(p, Tensor) else float(p.data) for n, p in model.named_state()}


def _wanted(model: Module, optimizer: Optimizer | None, found: Collection[str]) -> dict[str, Number]:
    """By key, a number of the kind that the file must hold there; ``found`` are the keys that it holds.

    An optimiser keeps nothing for a parameter that never had a gradient, and for others what one step makes.
    """
    wanted = _parameters(model)
    if optimizer is not None:
        for name in optimizer.parameters:
            kept = {f"optimizer.{name}.{key}": number for key, number in _kept(optimizer, name).items()}
            if any(key in found for key in kept):
                wanted |= kept
    return wanted


def _kept(optimizer: Optimizer, name: str) -> dict[str, Number]:
    """The state that the first step makes for a parameter, from a gradient of ones."""
    number, state = optimizer.parameters[name].data, dict[str, Number]()
    ones = np.ones_like(number) if isinstance(number, np.ndarray | np.generic) else 1.0
    with np.errstate(all="ignore"):
        copy.copy(optimizer).update(number, ones, state)
    return state


def _description(optimizer: Optimizer) -> dict[str, Any]:
    return {"class": type(optimizer).__name__, "steps": optimizer.steps, "settings": optimizer.settings()}


def _named_settings(optimizer: Optimizer) -> dict[str, Any]:
    return {f"optimizer.{name}": setting for name, setting in _as_json(optimizer.settings()).items()}


def _unwrapped(number: Any) -> Any:
    """NumPy's numbers as Python's, for JSON."""
    if isinstance(number, np.ndarray | np.generic):
        return number.tolist()
    raise TypeError(f"{type(number).__name__} {reprlib.repr(number)}")


def _as_json(settings: dict[str, Any]) -> Any:
    """What comes back of ``settings`` from a file: lists for tuples."""
    return json.loads(json.dumps(settings, default=_unwrapped))


def _kind(number: Number) -> str:
    array = np.asarray(number)
    return f"{_dtype_name(array.dtype)} of shape {array.shape}"


@cache
def _dtype_name(dtype: np.dtype[Any]) -> str:
    return dtype.name  # NumPy puts it together anew each time, and a scalar model has thousands of arrays


def _in_rows(number: Number) -> Array:
    """As safetensors takes arrays for granted: in row-major order, without gaps, in the machine's byte order."""
    array = np.asarray(number)
    return array.astype(array.dtype.newbyteorder("="), order="C", copy=False)


def _axes(number: Number) -> list[int]:
    """The axes in the order in which they lie in memory. It decides how BLAS multiplies, and so the last bits."""
    strides = np.asarray(number).strides
    return sorted(range(len(strides)), key=lambda axis: -abs(strides[axis]))


def _laid_out(array: Array, axes: list[int]) -> Array:
    out = np.empty([array.shape[axis] for axis in axes], array.dtype).transpose(np.argsort(axes))
    out[...] = array
    return out


def _crc32(text: str, arrays: Mapping[str, Array]) -> str:
    crc = zlib.crc32(text.encode())
    for key in sorted(arrays):
        crc = zlib.crc32(arrays[key].data, zlib.crc32(f"{key} {_kind(arrays[key])}".encode(), crc))
    return f"{crc:08x}"


def _check_finite(path: Path, arrays: Mapping[str, Array], remedy: str) -> None:
    """Of the parameters; what an optimiser keeps may overflow, and the training go on."""
    for key, array in arrays.items():
        if key.startswith("model.") and not np.isfinite(array).all():
            raise CheckpointError(path, key, "finite numbers", "nan or inf", remedy)


def _compare(path: Path, wanted: Mapping[str, Number], found: Mapping[str, str], remedy: str) -> None:
    """Refuse other keys, shapes and dtypes than those ``wanted``."""
    expected = {key: _kind(number) for key, number in wanted.items()}
    missing, unexpected = expected.keys() - found.keys(), found.keys() - expected.keys()
    if missing or unexpected:
        key, none = min(missing or unexpected), "no such key"
        remedy = f"In all, missing: {_some(missing)}; unexpected: {_some(unexpected)}. {remedy}"
        raise CheckpointError(path, key, expected.get(key, none), found.get(key, none), remedy)
    for key, kind in expected.items():
        if kind.partition(" ")[0] not in DTYPES.values():
            raise CheckpointError(path, key, f"one of {', '.join(DTYPES.values())}", kind, remedy)
        if kind != found[key]:
            raise CheckpointError(path, key, kind, found[key], remedy)


# ----- reading -----

_FOREIGN = "Give the name of a file that nn.save or nn.fit wrote, as it was written."


class _Checkpoint(NamedTuple):
    """A file that was read and found to fit."""

    numbers: dict[str, Number]
    optimizer: Any  # as the one given would be with the state, the steps and the settings of the file
    generator: Any
    extra: dict[str, Any]

    def restore(self, parts: Parts) -> None:
        model, optimizer, generator = parts
        model.load_state_dict({name: self.numbers[f"model.{name}"] for name, _ in model.named_state()})
        if optimizer is not None:
            vars(optimizer).update(vars(self.optimizer))
        if generator is not None:
            generator.bit_generator.state = self.generator


def _read(path: Path, parts: Parts) -> _Checkpoint:
    """What the file has for ``parts``, checked in all but one respect: the settings may have other values."""
    model, optimizer, generator = parts
    with _opened(path) as file:
        metadata = file.metadata() or {}
        record = _record(path, metadata)
        found = {key: _stored_kind(path, key, file.get_slice(key)) for key in file.keys()}  # noqa: SIM118 (no dict)
        saved = None if optimizer is None else _saved_optimizer(path, record, optimizer)
        try:
            wanted = _wanted(model, saved, found)
        except ArithmeticError as error:
            expected, settings = "settings to take a step with", reprlib.repr(saved and saved.settings())
            raise CheckpointError(path, "optimizer", expected, settings, _FOREIGN) from error
        looked_at = found if optimizer is not None else {k: v for k, v in found.items() if k.startswith("model.")}
        remedy = "Build the model and the optimiser with the sizes and dtypes of the file."
        _compare(path, wanted, looked_at, remedy + _lacking(model, found))
        arrays = {key: file.get_tensor(key) for key in found}
    checksum = _crc32(metadata["record"], arrays)
    if metadata.get("crc32") != checksum:
        expected = f"crc32 {metadata.get('crc32')} as the file says"
        raise CheckpointError(
            path, "checksum", expected, f"{checksum}: the file is damaged", "Take another copy of it."
        )
    _check_finite(path, arrays, _FOREIGN)
    numbers: dict[str, Number] = {}
    layout = _member(path, record, "layout", dict)
    for key, like in wanted.items():
        axes = layout.get(key, list(range(arrays[key].ndim)))
        if (
            not isinstance(axes, list)
            or any(type(a) is not int for a in axes)
            or sorted(axes) != [*range(arrays[key].ndim)]
        ):
            raise CheckpointError(path, f"layout of {key}", "an order of its axes", reprlib.repr(axes), _FOREIGN)
        numbers[key] = arrays[key].item() if type(like) in (int, float) else _laid_out(arrays[key], axes)
    if saved is not None:
        kept = {}
        for name in saved.parameters:
            entries = {key: f"optimizer.{name}.{key}" for key in _kept(saved, name)}
            kept[name] = {key: numbers[entry] for key, entry in entries.items() if entry in numbers}
            for key, number in kept[name].items():
                if expected := saved.misfit(name, key, kept[name]):
                    raise CheckpointError(path, entries[key], expected, reprlib.repr(number), _FOREIGN)
        saved.state = kept
    state = None if generator is None else _generator_state(path, record, generator)
    return _Checkpoint(numbers, saved, state, _member(path, record, "extra", dict))


def _lacking(model: Module, found: Collection[str]) -> str:
    said = lacking(model, {key.removeprefix("model.") for key in found})
    where = 'where state is {k[6:]: a for k, a in safetensors.numpy.load_file(path).items() if k[:6] == "model."}'
    return said and f"{said.removeprefix('.')}, {where}."


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    safetensors = _safetensors()
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected a checkpoint, found nothing. Correct the path.")
    _check_is_file(path)
    with path.open("rb"):  # for the error of the operating system, which names the file
        pass
    try:
        with safetensors.safe_open(path, framework="np") as file:
            yield file
    except safetensors.SafetensorError as error:
        raise CheckpointError(path, "header", "that of a safetensors file", f"none: {error}", _FOREIGN) from error


def _record(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The JSON in the metadata, of this format and version."""
    for key, expected, remedy in (
        ("format", FORMAT, _FOREIGN),
        ("version", VERSION, "Load it with a newer glassgrad."),
    ):
        if (came := metadata.get(key)) != expected:
            raise CheckpointError(path, key, repr(expected), reprlib.repr(came), remedy)
    try:
        record = json.loads(metadata.get("record", ""))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(path, "record", "JSON", f"something else ({error})", _FOREIGN) from error
    return _member(path, {"record": record}, "record", dict)  # type: ignore[no-any-return]


def _member(path: Path, holder: Mapping[str, Any], key: str, kind: type) -> Any:
    found = holder.get(key)
    if type(found) is not kind:
        raise CheckpointError(path, key, kind.__name__, reprlib.repr(found), _FOREIGN)
    return found


def _stored_kind(path: Path, key: str, entry: Any) -> str:
    if (code := entry.get_dtype()) not in DTYPES:
        raise CheckpointError(path, key, f"one of {', '.join(DTYPES)}", code, _FOREIGN)
    return f"{DTYPES[code]} of shape {tuple(entry.get_shape())}"


def _saved_optimizer(path: Path, record: dict[str, Any], optimizer: Optimizer) -> Optimizer:
    """``optimizer`` with the steps and settings of the file, and no state yet."""
    if record.get("optimizer") is None:
        remedy = "Load it without one: nn.load(path, model)."
        raise CheckpointError(path, "optimizer", type(optimizer).__name__, "none", remedy)
    saved = _member(path, record, "optimizer", dict)
    if saved.get("class") != type(optimizer).__name__:
        remedy = "Make an optimiser of the class that was saved, or load the model alone: nn.load(path, model)."
        raise CheckpointError(path, "optimizer", type(optimizer).__name__, reprlib.repr(saved.get("class")), remedy)
    steps, settings = _member(path, saved, "steps", int), _member(path, saved, "settings", dict)
    if not 0 <= steps <= MOST:
        raise CheckpointError(path, "steps", "a number of steps", reprlib.repr(steps), _FOREIGN)
    own = optimizer.settings()
    mine = _as_json(own)
    came = reprlib.repr(settings)
    if not _alike(settings, mine):
        raise CheckpointError(path, "optimizer", f"settings such as {reprlib.repr(mine)}", came, _FOREIGN)
    found = copy.copy(optimizer)
    found.steps, found.state = steps, {name: {} for name in found.parameters}
    for name, setting in settings.items():
        if setting != mine[name]:  # and where it is equal, tuples within stay tuples
            setattr(found, name, tuple(setting) if isinstance(own[name], tuple) else setting)
    try:
        found.check_settings()
    except (TypeError, ValueError) as error:
        raise CheckpointError(path, "optimizer", f"settings to take a step with ({error})", came, _FOREIGN) from error
    return found


def _alike(a: Any, b: Any) -> bool:
    """Whether two pieces of JSON differ in their numbers and texts only."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_alike(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_alike, a, b))
    return type(a) is type(b) or {type(a), type(b)} == {int, float}


def _is_history(found: dict[str, Any], like: dict[str, Any], steps: int) -> bool:
    """Whether a training of epochs of so many steps can have left it."""
    if found.keys() != like.keys() or any(type(found[key]) is not type(value) for key, value in like.items()):
        return False
    series = [value for value in found.values() if type(value) is list]
    numbers = [found["seconds"], *(number for each in series for number in each)]
    return (
        all(type(number) is float and math.isfinite(number) for number in numbers)
        and all(len(each) in (0, len(found["loss"])) for each in series)
        and found["steps"] == steps * len(found["loss"])
        and found["seconds"] >= 0.0
        and all(0.0 <= number <= 1.0 for number in found["accuracy"] + found["validation_accuracy"])
    )


def _generator_state(path: Path, record: dict[str, Any], generator: np.random.Generator) -> Any:
    """The state as such a generator itself takes it."""
    trial: Any = type(generator.bit_generator)(0)
    found = record.get("generator")
    try:
        trial.state = found
        fits = all(0 <= number <= most for number, most in _positions(trial.state))
    except (ArithmeticError, LookupError, TypeError, ValueError):
        fits = False
    if not fits:
        expected = f"the state of a {type(trial).__name__}"
        raise CheckpointError(path, "generator", expected, reprlib.repr(found), _FOREIGN)
    return trial.state


def _positions(state: dict[str, Any]) -> list[tuple[int, int]]:
    """Where in its buffers a generator stands, and how far they go: NumPy reads there unchecked."""
    known = {"has_uint32": 1, "buffer_pos": 4, "pos": 624}
    return [(number, known[key]) for key, number in {**state, **state["state"]}.items() if key in known]


# ----- writing -----


def _write(path: Path, content: bytes) -> None:
    """Put a file of ``content`` in the place of the one at ``path``, without a moment when there is half of one."""
    target = Path(os.path.realpath(path))  # a link stays, and what it points to is replaced
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    existed = target.exists()
    if existed:
        _check_is_file(path)
        if not os.access(target, os.W_OK):
            message = f"{path}: expected a file that may be written, found one that may not. Save under another name."
            raise PermissionError(message)
    try:
        with temporary.open("xb") as file:
            if existed:
                shutil.copymode(target, temporary)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            message = f"{path} could not be written ({error.strerror or error}); what was there before is as it was"
            raise type(error)(error.errno, message) from error
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the renaming last through a power cut, where the system can do that to a folder."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _check_path_first(function: str, path: Any) -> None:
    if isinstance(path, Module):
        raise TypeError(f'the path comes first, and then the model: write nn.{function}("model.safetensors", model)')


def _check_is_file(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(f"{path}: expected a file, found a folder. Name a file in it: run.safetensors")
    if not path.is_file():
        raise OSError(f"{path}: expected a file, found a device or a pipe. Give another path.")


def _safetensors() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        message = 'checkpoints are safetensors files; install what reads them by: pip install "glassgrad[checkpoints]"'
        raise ImportError(message) from error
    return safetensors
