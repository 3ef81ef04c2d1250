"""The IDX reader and the MNIST loader, on the genuine files and on every way they go wrong. No network."""

import gzip
import hashlib
import importlib
import math
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from nn.data import IDXError, ImageData, fashion_mnist, mnist, read_idx

pooch = importlib.import_module("pooch")  # it has no type hints
module = importlib.import_module("nn.data.mnist")  # `nn.data.mnist` itself is the function

HERE = Path(__file__).resolve().parents[1] / "demos" / "data" / "mnist"
FILES = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
]
SHAPES = dict(zip(FILES, [(60000, 28, 28), (60000,), (10000, 28, 28), (10000,)], strict=True))
CODES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}


def idx(array: npt.ArrayLike, code: int = 0x08) -> bytes:
    """The bytes of an IDX file, written out from the format's description."""
    array = np.asarray(array)
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(">" + CODES[code]).tobytes()


@pytest.fixture(autouse=True)
def nowhere_but_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests, and no way to the network."""
    for variable in ("MNIST_DIR", "FASHION_MNIST_DIR"):
        monkeypatch.delenv(variable, raising=False)

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a test went to the network")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", refuse)


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return mnist(HERE)


# --- the IDX format


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 2, 1, 3), (0,), (3, 0, 2)])
@pytest.mark.parametrize("code", CODES)
def test_every_item_type_and_shape_comes_back(tmp_path: Path, code: int, shape: tuple[int, ...], packed: bool) -> None:
    array = (np.arange(math.prod(shape)) - 1.5).astype(CODES[code]).reshape(shape)
    content = idx(array, code)
    path = tmp_path / "array"  # the name says nothing: gzip is told by content
    path.write_bytes(gzip.compress(content) if packed else content)
    read = read_idx(path)
    assert read.dtype == np.dtype(CODES[code]) and read.dtype.isnative
    assert read.shape == shape
    np.testing.assert_array_equal(read, array)
    read[...] = 0  # writable


def test_items_are_big_endian_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "array"
    path.write_bytes(bytes.fromhex("00000c01 00000002 00000001 fffffffe"))
    assert read_idx(str(path)).tolist() == [1, -2]


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path, packed: bool) -> None:
    whole = idx(np.arange(6).reshape(2, 3))
    whole = gzip.compress(whole) if packed else whole
    path = tmp_path / "array"
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(IDXError, match=r"array: expected .*, found "):
            read_idx(path)


@pytest.mark.parametrize("packed", [False, True])
def test_bytes_after_the_items_are_refused(tmp_path: Path, packed: bool) -> None:
    content = idx(np.arange(6)) + b"\0"
    path = tmp_path / "array"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(IDXError, match=r"expected 6 bytes of items.*\(6,\).*found more"):
        read_idx(path)


def test_a_damaged_gzip_byte_never_gives_a_wrong_array_or_another_error(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 255, 40)
    whole = gzip.compress(idx(array))
    path, refused = tmp_path / "array", 0
    for position in range(len(whole)):
        for flip in (0x01, 0x80, 0xFF):
            path.write_bytes(bytes(b ^ flip * (i == position) for i, b in enumerate(whole)))
            try:
                assert read_idx(path).tolist() == array.tolist()  # a time stamp, say
            except IDXError:
                refused += 1
    assert refused > 2.5 * len(array)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"\0\0", "00 00"),
        (b"PNG\x01rest", "50 4e 47 01"),
        (b"\x01\0\x08\x01\0\0\0\0", "01 00 08 01"),
        (b"\0\x01\x08\x01\0\0\0\0", "00 01 08 01"),
        (b"\0\0\x0a\x01\0\0\0\0", "00 00 0a 01"),  # no such item type
        (b"\0\0\x08\0\x07", "00 00 08 00"),  # no dimensions
    ],
)
def test_what_is_no_idx_file_is_refused_with_what_it_begins_with(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "array"
    path.write_bytes(content)
    with pytest.raises(IDXError, match=f"magic number.*found {found}"):
        read_idx(path)


def test_a_shape_no_array_can_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "array"
    for content in (
        b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"x",  # 255 dimensions
        b"\0\0\x08\x04" + b"\0\0\0\0" + b"\xff\xff\xff\xff" * 3,  # nothing, of astronomic size
    ):
        path.write_bytes(content)
        with pytest.raises(IDXError, match="a shape NumPy can hold"):
            read_idx(path)


@pytest.mark.parametrize("packed", [False, True])
def test_a_header_that_promises_terabytes_allocates_nothing(tmp_path: Path, packed: bool) -> None:
    content = b"\0\0\x0e\x02" + b"\xff\xff\xff\xff" * 2 + b"\0" * 1000
    path = tmp_path / "array"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert peak_of_refusal(path, "only 1,000") < 4e6


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "array"
    with gzip.open(path, "wb", compresslevel=1) as bomb:
        bomb.write(idx(np.zeros(10)))
        for _ in range(64):
            bomb.write(bytes(1 << 20))
    assert peak_of_refusal(path, "found more") < 4e6


def peak_of_refusal(path: Path, message: str) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(IDXError, match=message):
            read_idx(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_expected_shape_is_held_against_the_header_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "array"
    path.write_bytes(idx(np.arange(6).reshape(2, 3)))
    assert read_idx(path, shape=(2, 3)).shape == (2, 3)
    path.write_bytes(idx(np.zeros((2, 3)))[:12])  # a header and nothing else
    with pytest.raises(IDXError, match=r"expected shape \(3, 2\), found shape \(2, 3\)"):
        read_idx(path, shape=(3, 2))


def test_an_idx_error_is_a_value_error_and_a_missing_file_is_not(tmp_path: Path) -> None:
    assert issubclass(IDXError, ValueError)
    with pytest.raises(FileNotFoundError, match="nothing-here: expected an IDX file"):
        read_idx(tmp_path / "nothing-here")
    with pytest.raises(TypeError, match=r"path must be a str or a pathlib.Path, and 3"):
        read_idx(3)  # type: ignore[arg-type]


# --- the digits


def test_the_digits_are_there_scaled_and_labelled(digits: ImageData) -> None:
    train, test, classes = digits
    assert classes == tuple("0123456789")
    for data, n in ((train, 60000), (test, 10000)):
        X, y = data
        assert X.shape == (n, 784) and X.dtype == np.float32
        assert X.min() == 0.0 and X.max() == 1.0
        assert y.shape == (n,) and y.dtype == np.int64
        assert set(y.tolist()) == set(range(10))
    assert train.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.y[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    # the mean and the deviation that everybody normalises MNIST with
    assert train.X.mean(dtype=np.float64) == pytest.approx(0.1307, abs=1e-4)
    assert train.X.std(dtype=np.float64) == pytest.approx(0.3081, abs=1e-4)


def test_a_row_is_an_image_top_left_to_bottom_right(digits: ImageData) -> None:
    one = digits.train.X[3].reshape(28, 28)  # a 1: taller than wide
    rows, columns = (np.flatnonzero(one.any(axis=axis)) for axis in (1, 0))
    assert np.ptp(rows) > np.ptp(columns)
    assert one[0].max() == 0


def test_without_a_word_the_files_of_the_checkout_are_read(digits: ImageData) -> None:
    assert mnist().test.X.tobytes() == digits.test.X.tobytes()


def test_a_class_average_tells_digits_apart(digits: ImageData) -> None:
    """Labels belong to their images: the nearest class mean is right on four of five new digits."""
    (X, y), (X_test, y_test), _ = digits
    means = np.stack([X[y == digit].mean(axis=0) for digit in range(10)])
    nearest = (X_test @ means.T - (means**2).sum(axis=1) / 2).argmax(axis=1)
    assert (nearest == y_test).mean() > 0.8


def test_the_readme_beside_the_files_tells_the_truth() -> None:
    page = (HERE / "README.md").read_text(encoding="utf-8")
    assert "CC BY-SA 3.0" in page and "yann.lecun.com/exdb/mnist" in page
    for name, shape in SHAPES.items():
        packed = (HERE / f"{name}.gz").read_bytes()
        content = gzip.decompress(packed)
        sizes = " x ".join(map(str, shape))
        assert f"| `{name}.gz` | {len(packed):,} | {sizes} |" in page
        assert f"| `{name}.gz` | `{hashlib.sha256(packed).hexdigest()}` |" in page
        assert f"| `{name}` | {len(content):,} | `{hashlib.sha256(content).hexdigest()}` |" in page


# --- where it is looked for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of one's own with the four genuine files, to spoil."""
    (tmp_path / "own").mkdir()
    for name in FILES:
        (tmp_path / "own" / f"{name}.gz").symlink_to(HERE / f"{name}.gz")
    return tmp_path / "own"


def spoil(folder: Path, name: str, content: bytes) -> None:
    (folder / f"{name}.gz").unlink()
    (folder / name).write_bytes(content)


def test_unpacked_files_under_either_name_are_read_alike(folder: Path, digits: ImageData) -> None:
    for name in FILES:
        there = name.replace("-idx", ".idx") if "t10k" in name else name
        spoil(folder, name, b"")
        (folder / name).rename(folder / there)
        (folder / there).write_bytes(gzip.decompress((HERE / f"{name}.gz").read_bytes()))
    for ours, theirs in zip(mnist(str(folder))[:2], digits[:2], strict=True):
        assert ours.X.tobytes() == theirs.X.tobytes() and ours.y.tobytes() == theirs.y.tobytes()


def test_the_environment_names_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECKOUT", folder / "nothing")
    monkeypatch.setenv("MNIST_DIR", str(folder))
    assert len(mnist().train.X) == 60000


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_DIR", "")
    assert len(mnist().test.X) == 10000


def test_a_given_folder_goes_before_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_DIR", str(folder / "nothing"))
    assert len(mnist(folder).test.X) == 10000


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("way", ["folder", "environment", "checkout"])
def test_a_missing_file_is_named_and_nothing_else_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, name: str
) -> None:
    checkout = tmp_path / "mnist"
    checkout.mkdir()
    for other in FILES[: FILES.index(name)] or FILES[1:]:
        (checkout / f"{other}.gz").symlink_to(HERE / f"{other}.gz")
    if way == "environment":
        monkeypatch.setenv("MNIST_DIR", str(checkout))
    if way == "checkout":
        monkeypatch.setattr(module, "CHECKOUT", tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        mnist(checkout if way == "folder" else None)
    message = str(caught.value)
    assert str(checkout) in message and "none of them" in message and "MNIST_DIR" in message
    assert f"{name}.gz or {name} or {name.replace('-idx', '.idx')} of MNIST" in message


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing: expected .*no such folder"):
        mnist(tmp_path / "nothing")


def test_a_folder_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match=r"folder must be a str or a pathlib.Path, and 7"):
        mnist(7)  # type: ignore[arg-type]


# --- wrong files


@pytest.mark.parametrize("name", FILES)
def test_a_well_formed_file_that_is_another_is_refused(folder: Path, name: str) -> None:
    content = idx(np.ones(SHAPES[name], np.uint8))
    spoil(folder, name, content)
    with pytest.raises(IDXError) as caught:
        mnist(folder)
    message = str(caught.value)
    assert message.startswith(str(folder / name))
    assert "well-formed" in message and f"the {name} of MNIST" in message
    genuine = hashlib.sha256(gzip.decompress((HERE / f"{name}.gz").read_bytes())).hexdigest()
    assert genuine in message and hashlib.sha256(content).hexdigest() in message
    assert (
        f"Put in its place the file of MNIST, from https://storage.googleapis.com/cvdf-datasets/mnist/{name}.gz"
        in message
    )


def test_one_pixel_changed_is_refused(folder: Path) -> None:
    content = bytearray(gzip.decompress((HERE / f"{FILES[0]}.gz").read_bytes()))
    content[-1] ^= 1
    spoil(folder, FILES[0], bytes(content))
    with pytest.raises(IDXError, match="well-formed"):
        mnist(folder)


def test_a_file_of_the_other_set_is_recognised(folder: Path) -> None:
    with pytest.raises(IDXError, match=r"of Fashion-MNIST, .*well-formed.*it is MNIST's train-images-idx3-ubyte"):
        fashion_mnist(folder)


def test_images_and_labels_exchanged_are_refused_by_shape(folder: Path) -> None:
    spoil(folder, FILES[0], gzip.decompress((HERE / f"{FILES[1]}.gz").read_bytes()))
    with pytest.raises(IDXError, match=r"train-images.*expected shape \(60000, 28, 28\), found shape \(60000,\)"):
        mnist(folder)


def test_a_truncated_file_is_refused(folder: Path) -> None:
    whole = (HERE / f"{FILES[2]}.gz").read_bytes()
    spoil(folder, FILES[2], whole[: len(whole) // 2])  # gzip under a name without .gz is still gzip
    with pytest.raises(IDXError, match="t10k-images-idx3-ubyte: expected a whole gzip file, found a damaged one"):
        mnist(folder)


def test_items_of_another_type_are_refused(folder: Path) -> None:
    spoil(folder, FILES[3], idx(np.zeros(10000), 0x0B))
    with pytest.raises(IDXError, match=r"t10k-labels-idx1-ubyte: expected items of type ubyte.*int16"):
        mnist(folder)


# --- Fashion-MNIST


@pytest.fixture
def clothes(tmp_path: Path) -> Path:
    """Stand-ins of the right shapes, unpacked: no checksum of the genuine ones has been published."""
    for name, shape in SHAPES.items():
        (tmp_path / name).write_bytes(idx(np.resize(np.arange(10, dtype=np.uint8), shape)))
    return tmp_path


def test_unpacked_fashion_files_are_read(clothes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASHION_MNIST_DIR", str(clothes))
    train, test, classes = fashion_mnist()
    assert train.X.shape == (60000, 784) and test.y.shape == (10000,)
    assert train.y[:12].tolist() == [*range(10), 0, 1]
    assert len(classes) == 10 and classes[0] == "T-shirt/top" and classes[9] == "Ankle boot"


def test_unpacked_digits_are_no_clothes(clothes: Path) -> None:
    (clothes / FILES[1]).write_bytes(gzip.decompress((HERE / f"{FILES[1]}.gz").read_bytes()))
    with pytest.raises(IDXError, match=r"of Fashion-MNIST, .*it is MNIST's train-labels-idx1-ubyte"):
        fashion_mnist(clothes)


def test_labels_out_of_range_are_refused(clothes: Path) -> None:
    (clothes / FILES[1]).write_bytes(idx(np.full(60000, 10)))
    with pytest.raises(IDXError, match="train-labels-idx1-ubyte: expected labels 0 to 9, found label 10"):
        fashion_mnist(clothes)


def test_gzipped_fashion_files_are_held_to_the_published_checksum(clothes: Path) -> None:
    path = clothes / FILES[0]
    path.with_name(FILES[0] + ".gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    with pytest.raises(IDXError, match="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"):
        fashion_mnist(clothes)


# --- download


class Web:
    """Serves what is under its addresses, in place of HTTP; everything else of pooch is the real thing."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.asked: list[str] = []

    def __call__(self, url: str, output_file: Any, pooch: object, **options: object) -> None:
        self.asked.append(url)
        if url not in self.pages:
            raise OSError("404 not found")
        Path(output_file).write_bytes(self.pages[url])


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Web:
    """A machine without the files, an empty cache, and a web that has them under the second address only."""
    web = Web()
    source = module.SOURCES["mnist"]
    packed = [(HERE / f"{name}.gz").read_bytes() for name in FILES]
    # The files of this checkout were packed again, so the table is told the checksums they have packed.
    files = [
        file._replace(packed=hashlib.sha256(content).hexdigest())
        for file, content in zip(source.files, packed, strict=True)
    ]
    web.pages = {f"https://second/{name}.gz": content for name, content in zip(FILES, packed, strict=True)}
    changed = source._replace(files=tuple(files), urls=("https://first/", "https://second/"))
    monkeypatch.setitem(module.SOURCES, "mnist", changed)
    monkeypatch.setattr(module, "CHECKOUT", tmp_path / "no checkout")
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / project)
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", lambda self, *args, **options: web(*args, **options))
    return web


def test_the_files_are_fetched_once_from_the_first_address_that_has_them(
    web: Web, digits: ImageData, tmp_path: Path
) -> None:
    assert mnist().test.X.tobytes() == digits.test.X.tobytes()
    assert web.asked[:2] == [f"https://first/{FILES[0]}.gz", f"https://second/{FILES[0]}.gz"]
    assert sorted(path.name for path in (tmp_path / "glassgrad" / "mnist").iterdir()) == sorted(
        f"{name}.gz" for name in FILES
    )
    web.asked.clear()
    mnist()
    assert web.asked == []


def test_what_comes_with_a_wrong_checksum_is_not_kept(web: Web, tmp_path: Path) -> None:
    web.pages[f"https://first/{FILES[0]}.gz"] = b"<html>please log in</html>"
    assert len(mnist().train.X) == 60000
    web.pages[f"https://second/{FILES[3]}.gz"] = b"<html>please log in</html>"
    (tmp_path / "glassgrad" / "mnist" / f"{FILES[3]}.gz").write_bytes(b"spoilt on disk")
    with pytest.raises(ConnectionError) as caught:
        mnist()
    message = str(caught.value)
    assert f"MNIST: expected to download {FILES[3]}.gz" in message and "MNIST_DIR" in message
    assert f"https://first/{FILES[3]}.gz: 404 not found" in message
    assert f"https://second/{FILES[3]}.gz: " in message and "hash" in message


def test_without_pooch_the_error_names_the_extra(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r'pip install "glassgrad\[data\]".*folder= or MNIST_DIR'):
        mnist()


def test_with_the_files_at_hand_pooch_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert len(mnist().test.X) == 10000


def test_the_table_of_both_sets_is_whole() -> None:
    for source in module.SOURCES.values():
        assert [file.name for file in source.files] == FILES
        assert [file.shape for file in source.files] == list(SHAPES.values())
        assert len(source.classes) == 10
    digests = [d for s in module.SOURCES.values() for f in s.files for d in (f.packed, f.content) if d]
    assert len(set(digests)) == 12 and all(len(d) == 64 and int(d, 16) for d in digests)
