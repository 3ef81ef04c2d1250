"""The loaders against files that are broken in every way at hand: they return the truth or say what is wrong.

What a file holds is decided here a second time, from the format's description and by `gzip.decompress`.
"""

import gzip
import hashlib
import importlib
import math
import random
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import nn
from nn.data import IDXError, ImageData, fashion_mnist, mnist, read_idx

module = importlib.import_module("nn.data.mnist")  # `nn.data.mnist` itself is the function

CODES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}
EXTREMES = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
ALLOWANCE = 4_000_000  # bytes: what any read may take, for its buffers


def content_of(data: bytes) -> np.ndarray | None:
    """The array in the bytes of an IDX file, gzipped or not; None if they are no such file."""
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            return None
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in CODES or not data[3]:
        return None
    start, dtype = 4 + 4 * data[3], np.dtype(CODES[data[2]])
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, start, 4)]
    if len(data) < start or len(data) - start != math.prod(shape) * dtype.itemsize:
        return None
    try:
        return np.frombuffer(data[start:], dtype.newbyteorder(">")).reshape(shape).astype(dtype)
    except ValueError:  # more dimensions or a larger shape than NumPy has
        return None


# ----- mutations -----


def well_formed(rng: random.Random) -> tuple[bytearray, bytes]:
    """A header and its items."""
    code = rng.choice(list(CODES))
    rank = rng.choice((1, 1, 2, 3, 4, 32, 33, 64, 65, 255))
    shape = [rng.randrange(4) if rank < 5 and rng.random() < 0.7 else 1 for _ in range(rank)]
    header = bytearray([0, 0, code, rank])
    for size in shape:
        header += size.to_bytes(4, "big")
    return header, rng.randbytes(math.prod(shape) * np.dtype(CODES[code]).itemsize)


def lie(rng: random.Random, header: bytearray, items: bytes) -> bytes:
    """A field of the header, or the number of items, is another."""
    way = rng.randrange(6)
    if way == 0:
        header[rng.randrange(2)] = rng.randrange(256)
    elif way == 1:
        header[2] = rng.choice((0, 0x0A, 0x0F, 0xFF, *CODES))
    elif way == 2:
        header[3] = rng.choice((0, 255, header[3] - 1, min(255, header[3] + 1)))
    elif way == 3:
        for _ in range(rng.randint(1, header[3])):
            at = 4 + 4 * rng.randrange(header[3])
            header[at : at + 4] = rng.choice(EXTREMES).to_bytes(4, "big")
    elif way == 4:
        items = items[: rng.randrange(len(items) + 1)]
    else:
        items += bytes(rng.choice(EXTREMES[:9]))
    return bytes(header) + items


def damage(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Bytes flipped, overwritten, inserted, deleted, doubled, cut off, or taken from another file."""
    out = bytearray(data)
    at, end = sorted(rng.randrange(len(out) + 1) for _ in range(2))
    way = rng.randrange(7)
    if way == 0 and out:
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    elif way == 1:
        out[at : at + 4] = rng.choice(EXTREMES).to_bytes(4, rng.choice(("big", "little")))
    elif way == 2:
        out[at:at] = rng.randbytes(rng.randint(1, 9))
    elif way == 3:
        del out[at:end]
    elif way == 4:
        out[at:at] = out[at:end]
    elif way == 5:
        del out[at:]
    else:
        out[at:] = other[rng.randrange(len(other) + 1) :]
    return bytes(out)


def packed(rng: random.Random, data: bytes) -> bytes:
    """One gzip member or several, with every optional field, or with zeros or rubbish behind."""
    way = rng.randrange(4)
    if way == 0:
        at = rng.randrange(len(data) + 1)
        return b"".join(gzip.compress(part, 1) for part in (data[:at], b"", data[at:]))
    member = gzip.compress(data, rng.choice((0, 1, 9)))
    if way == 1:  # all flags: checksum of the header, extra field, name, comment
        header = member[:3] + b"\x1e" + member[4:10] + b"\x05\0extra" + b"name\0" + b"comment\0"
        return header + (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little") + member[10:]
    if way == 2:
        return member + rng.choice((b"\0" * 9, b"\0x", b"x", b"\x1f\x8b", member))
    return member


def mutants(seed: int, n: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    earlier = b"\0"
    for _ in range(n):
        header, items = well_formed(rng)
        data = lie(rng, header, items) if rng.random() < 0.4 else bytes(header) + items
        if rng.random() < 0.3:
            data = damage(rng, data, earlier)
        if rng.random() < 0.5:
            data = packed(rng, data)
            for _ in range(rng.choice((0, 1, 1, 3))):
                data = damage(rng, data, earlier)
        earlier = data
        yield data


def bombs() -> Iterator[tuple[bytes, int]]:
    """A few kilobytes of gzip that unpack to megabytes, and how many bytes their header lets them keep."""
    zeros = bytes(1 << 20)
    for shape, kept in (((10,), 10), ((0,), 0), ((0xFFFFFFFF, 0xFFFFFFFF), 8 << 20), ((3 << 20,), 3 << 20)):
        header = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
        squeeze = zlib.compressobj(9, wbits=31)
        yield squeeze.compress(header) + b"".join(squeeze.compress(zeros) for _ in range(8)) + squeeze.flush(), kept
    yield gzip.compress(b"") * 20_000, 0
    yield gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 0])) + bytes(1 << 20), 0  # padding that gzip allows
    yield b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * (1 << 20), 0  # a name without an end


# ----- the reader -----


@contextmanager
def allocations() -> Iterator[Callable[[], int]]:
    """A function that tells how many bytes were allocated at most since its last call."""
    before = 0

    def since() -> int:
        nonlocal before
        current, most = tracemalloc.get_traced_memory()
        grown, before = most - before, current
        tracemalloc.reset_peak()
        return grown

    tracemalloc.start()
    try:
        yield since
    finally:
        tracemalloc.stop()


@pytest.fixture
def peak() -> Iterator[Callable[[], int]]:
    with allocations() as peak:
        yield peak


def read(path: Path, data: bytes) -> np.ndarray | None:
    """What `read_idx` makes of a file with this content; None where it refuses it, with nothing but an IDXError."""
    path.write_bytes(data)
    try:
        return read_idx(path)
    except IDXError as error:
        message = str(error)
    assert message.startswith(f"{path}: expected ")
    return None


@pytest.mark.parametrize("seed", range(2))
def test_ten_thousand_mutants_are_read_rightly_or_refused_in_little_memory(tmp_path: Path, seed: int) -> None:
    taken = 0
    files = list(mutants(seed, 10_000))
    with allocations() as peak:  # nothing else in here: everything takes several times as long
        read_and_peaks = [(read(tmp_path / "array", data), peak()) for data in files]
    for data, (found, most) in zip(files, read_and_peaks, strict=True):
        assert most < ALLOWANCE, data
        expected = content_of(data)
        assert (found is None) == (expected is None), data
        if found is not None and expected is not None:
            assert found.dtype == expected.dtype and found.dtype.isnative and found.flags.writeable
            assert found.shape == expected.shape
            assert found.tobytes() == expected.tobytes()
            taken += 1
    assert 1_000 < taken < 9_000  # else they would all be of one kind, and show little


def test_a_bomb_costs_what_its_header_asks_for_and_no_more(tmp_path: Path, peak: Callable[[], int]) -> None:
    for data, kept in bombs():
        peak()
        found = read(tmp_path / "array", data)
        assert peak() < 1.5 * kept + ALLOWANCE, data[:30]
        assert found is None or found.nbytes == kept


# ----- the folders of images -----

SMALL = {
    "train-images-idx3-ubyte": (3, 2, 2),
    "train-labels-idx1-ubyte": (3,),
    "t10k-images-idx3-ubyte": (2, 2, 2),
    "t10k-labels-idx1-ubyte": (2,),
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Files of a few bytes, which the tables of both sets take for the genuine ones."""
    files, known = {}, []
    for name, shape in SMALL.items():
        items = bytes(i % 10 for i in range(math.prod(shape)))
        plain = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape) + items
        files[name] = gzip.compress(plain, mtime=0)
        digests = [hashlib.sha256(content).hexdigest() for content in (files[name], plain)]
        known.append(module.File(name, shape, *digests))
    mnist_files = tuple(known)
    fashion_files = tuple(file._replace(packed="", content=None) for file in known)
    monkeypatch.setitem(module.SOURCES, "mnist", module.SOURCES["mnist"]._replace(files=mnist_files))
    monkeypatch.setitem(module.SOURCES, "fashion-mnist", module.SOURCES["fashion-mnist"]._replace(files=fashion_files))
    return files


def as_bytes(data: ImageData) -> list[bytes]:
    return [array.tobytes() for part in (data.train, data.test) for array in part]


def test_a_folder_with_a_mutant_gives_the_genuine_images_or_an_error(tmp_path: Path, small: dict[str, bytes]) -> None:
    rng = random.Random(0)
    for name, data in small.items():
        (tmp_path / f"{name}.gz").write_bytes(data)
    genuine, taken = as_bytes(mnist(tmp_path)), 0
    for _ in range(1_000):
        name, other = rng.choice(list(small)), rng.choice(list(small.values()))
        path, whole = tmp_path / f"{name}.gz", small[name]
        data = damage(rng, whole if rng.random() < 0.5 else gzip.decompress(whole), other)
        path.write_bytes(data)
        try:
            found = as_bytes(mnist(tmp_path))
        except IDXError:
            pass
        else:
            assert found == genuine, data
            taken += 1
        path.write_bytes(whole)
    assert 10 < taken < 500


def test_padding_behind_a_genuine_file_takes_no_memory(
    tmp_path: Path, small: dict[str, bytes], peak: Callable[[], int]
) -> None:
    for name, data in small.items():
        (tmp_path / f"{name}.gz").write_bytes(data)
    genuine = as_bytes(mnist(tmp_path))
    with (tmp_path / f"{name}.gz").open("ab") as file:
        file.truncate(2 * ALLOWANCE)
    peak()
    assert as_bytes(mnist(tmp_path)) == genuine
    assert peak() < ALLOWANCE


def test_unpacked_fashion_images_whose_checksum_nobody_knows_come_as_they_are_or_not_at_all(
    tmp_path: Path, small: dict[str, bytes]
) -> None:
    rng = random.Random(1)
    plain = {name: bytearray(gzip.decompress(data)) for name, data in small.items()}
    for data in plain.values():
        data[-1] ^= 1  # no longer MNIST's, whose files the loader would recognise
    for name, data in plain.items():
        (tmp_path / name).write_bytes(data)
    taken = 0
    for _ in range(1_000):
        name = rng.choice(list(plain))
        data = damage(rng, bytes(plain[name]), bytes(rng.choice(list(plain.values()))))
        (tmp_path / name).write_bytes(data)
        expected = content_of(data)
        try:
            X, y = fashion_mnist(tmp_path)["train" not in name]
        except IDXError:
            pass
        else:
            assert expected is not None and expected.dtype == np.uint8 and expected.shape == SMALL[name]
            found = y if "labels" in name else np.rint(X * 255).reshape(SMALL[name])
            np.testing.assert_array_equal(found, expected)
            assert set(y.tolist()) <= set(range(10))
            taken += 1
        (tmp_path / name).write_bytes(plain[name])
    assert 50 < taken < 750


# ----- checkpoints -----


@pytest.mark.parametrize("number", ["scalar", "array"])
def test_a_mutant_of_a_checkpoint_is_refused_or_loaded_whole(
    tmp_path: Path, peak: Callable[[], int], number: str
) -> None:
    pytest.importorskip("safetensors")
    rng = random.Random(2)
    build = nn.MLP if number == "scalar" else nn.vectorized.MLP
    model, other = build(2, [3, 1], seed=0), build(2, [3, 1], seed=1)
    optimizer = nn.Adam(model, lr=0.01)
    saved = nn.save(tmp_path / "good", model, optimizer, extra={"epoch": 3}).read_bytes()
    foreign = nn.save(tmp_path / "foreign", other).read_bytes()
    mine = weights(model)
    for p in model.parameters():
        p.data = p.data + 1.0
    before, path, taken = weights(model), tmp_path / "mutant", 0
    for _ in range(1_500):
        path.write_bytes(damage(rng, saved, foreign))
        peak()
        try:
            extra = nn.load(path, model, optimizer)
        except nn.CheckpointError as error:
            message = str(error)
        else:
            assert (weights(model), extra) == (mine, {"epoch": 3})
            taken += 1
            for p in model.parameters():
                p.data = p.data + 1.0
            continue
        assert peak() < ALLOWANCE
        assert message.startswith(f"{path}: ")
        assert weights(model) == before
    assert taken < 100


def weights(model: nn.Module) -> list[bytes]:
    return [np.asarray(p.data).tobytes() for p in model.parameters()]
