"""MNIST and Fashion-MNIST: 70,000 images of 28 by 28 grey pixels in ten classes, checked on every load.

One table, `SOURCES`, holds all that differs between the two.
"""

import hashlib
import importlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nn.data.dataset import Dataset
from nn.data.idx import IDXError, as_path, read_idx

CHECKOUT = Path(__file__).resolve().parents[2] / "demos" / "data"
"""Where a checkout of the project keeps data: the folder beside the package `nn`."""


class ImageData(NamedTuple):
    """Images to train on, images to test on, what the classes are called; unpacks as ``train, test, classes``.

    train, test: X (n, 784) float32 in [0, 1], rows of 28 pixels one after the other, 0 the background;
                 y (n,) int64 in 0 … 9. n is 60,000 and 10,000.
    classes:     ten names; ``classes[y[i]]`` says what row i shows.
    """

    train: Dataset
    test: Dataset
    classes: tuple[str, ...]


class File(NamedTuple):
    """One of the four files of a set: its name, its shape, and the SHA-256 that tells it is genuine."""

    name: str
    shape: tuple[int, ...]
    packed: str  # of the .gz as published
    content: str | None  # of what is in it; None where nobody has published that


class Source(NamedTuple):
    """A data set: what it is called, where it may lie, and its files."""

    title: str
    variable: str  # of the environment: a folder that holds the files
    classes: tuple[str, ...]
    urls: tuple[str, ...]  # tried in turn
    files: tuple[File, File, File, File]  # images and labels to train on, images and labels to test on


SOURCES = {
    "mnist": Source(
        title="MNIST",
        variable="MNIST_DIR",
        classes=("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
        urls=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        files=(
            File(
                "train-images-idx3-ubyte",
                (60000, 28, 28),
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            File(
                "train-labels-idx1-ubyte",
                (60000,),
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            File(
                "t10k-images-idx3-ubyte",
                (10000, 28, 28),
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            File(
                "t10k-labels-idx1-ubyte",
                (10000,),
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
    ),
    "fashion-mnist": Source(
        title="Fashion-MNIST",
        variable="FASHION_MNIST_DIR",
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        urls=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        files=(
            File(
                "train-images-idx3-ubyte",
                (60000, 28, 28),
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                None,
            ),
            File(
                "train-labels-idx1-ubyte",
                (60000,),
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                None,
            ),
            File(
                "t10k-images-idx3-ubyte",
                (10000, 28, 28),
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                None,
            ),
            File(
                "t10k-labels-idx1-ubyte",
                (10000,),
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                None,
            ),
        ),
    ),
}


def mnist(folder: str | os.PathLike[str] | None = None) -> ImageData:
    """Handwritten digits: X = pixels / 255, (n, 784) float32, and y (n,) int64; n is 60,000 and 10,000.

    The files are looked for in the first of these that applies, and nowhere else:

    1. ``folder``, where given;
    2. the folder that the environment variable MNIST_DIR names, where it is set;
    3. ``demos/data/mnist/`` of the checkout this module lies in, where that has any of them;
    4. the user's cache, filled by download the first time (needs the extra: ``pip install "glassgrad[data]"``).

    Each may be ``train-images-idx3-ubyte.gz``, or unpacked ``train-images-idx3-ubyte`` or
    ``train-images.idx3-ubyte`` (the other three alike). The shape and the SHA-256 are checked on every load.

    Errors: FileNotFoundError where a file is missing; IDXError where one is damaged, cut short or not the
    genuine one; ConnectionError where the download fails, ImportError where it needs pooch and that is not
    installed. Each says which file, what was expected, what was found and what to do.

    Source: Yann LeCun, Corinna Cortes, Christopher J. C. Burges, http://yann.lecun.com/exdb/mnist/.
    """
    return _load("mnist", folder)


def fashion_mnist(folder: str | os.PathLike[str] | None = None) -> ImageData:
    """Articles of clothing, in the same shapes and files as `mnist`, and rather harder to tell apart.

    Looked for and refused as by `mnist`, in ``folder``, FASHION_MNIST_DIR, ``demos/data/fashion-mnist/``, the
    user's cache. Gzipped files are held to the SHA-256 of the published ones. For the unpacked files no
    checksum has been published: they are held to their shape, to labels 0 … 9, and to not being MNIST's.

    Source: Han Xiao, Kashif Rasul, Roland Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking
    Machine Learning Algorithms", 2017, https://arxiv.org/abs/1708.07747.
    """
    return _load("fashion-mnist", folder)


def _load(key: str, folder: str | os.PathLike[str] | None) -> ImageData:
    source = SOURCES[key]
    where = _locate(key, folder)
    X, y, X_test, y_test = (_read(source, file, where) for file in source.files)
    return ImageData(_dataset(X, y), _dataset(X_test, y_test), source.classes)


def _dataset(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Dataset:
    pixels = images.reshape(len(images), -1)
    return Dataset(np.divide(pixels, np.float32(255), dtype=np.float32), labels.astype(np.int64))


def _locate(key: str, folder: str | os.PathLike[str] | None) -> Path:
    source = SOURCES[key]
    if folder is not None:
        return as_path("folder", folder)
    if named := os.environ.get(source.variable):
        return as_path(source.variable, named)
    if any(_find(CHECKOUT / key, file) for file in source.files):
        return CHECKOUT / key
    return _download(key)


def _names(file: File) -> tuple[str, str, str]:
    return f"{file.name}.gz", file.name, file.name.replace("-idx", ".idx")


def _find(folder: Path, file: File) -> Path | None:
    return next((folder / name for name in _names(file) if (folder / name).is_file()), None)


def _read(source: Source, file: File, folder: Path) -> NDArray[np.uint8]:
    path = _find(folder, file)
    if path is None:
        found = "none of them" if folder.is_dir() else "no such folder"
        raise FileNotFoundError(
            f"{folder}: expected {' or '.join(_names(file))} of {source.title}, found {found}. "
            f"Put the file there, or name the folder that has it with folder= or {source.variable}."
        )
    array = read_idx(path, file.shape)
    remedy = f"Put in its place the file of {source.title}, from {source.urls[-1]}{file.name}.gz"
    if array.dtype != np.uint8:
        raise IDXError(path, "items of type ubyte (0x08)", f"{array.dtype}", remedy)

    # read_idx has made sure that the file is this header and these items, nothing else.
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    content = hashlib.sha256(header)
    content.update(array.data.cast("B"))
    with path.open("rb") as packed:  # not read_bytes(): gzip allows zeros without end behind what it holds
        digests = {content.hexdigest(), hashlib.file_digest(packed, "sha256").hexdigest()}
    known = {
        (owner.title, each.name)
        for owner in SOURCES.values()
        for each in owner.files
        if digests & {each.packed, each.content}
    }
    unverifiable = file.content is None and len(digests) == 1  # unpacked, and no published checksum of that
    if (source.title, file.name) not in known and (known or not unverifiable):
        whose = "".join(f" (it is {title}'s {name})" for title, name in known)
        expected = f"the {file.name} of {source.title}, SHA-256 {file.content or file.packed}"
        found = f"a well-formed file that is another: SHA-256 {' and '.join(sorted(digests))}{whose}"
        raise IDXError(path, expected, found, remedy)
    if array.ndim == 1 and array.max() > 9:
        raise IDXError(path, "labels 0 to 9", f"label {array.max()}", remedy)
    return array


def _download(key: str) -> Path:
    """The folder of the user's cache that holds the files, each fetched unless it is there and genuine."""
    source = SOURCES[key]
    aside = f"or put its files in a folder and name that with folder= or {source.variable}"
    try:
        pooch = importlib.import_module("pooch")
    except ImportError as error:
        raise ImportError(
            f"{source.title} is not on this machine, and to download it needs the package pooch: "
            f'pip install "glassgrad[data]", {aside}.'
        ) from error

    folder = Path(pooch.os_cache("glassgrad")) / key
    for file in source.files:
        name, failures = f"{file.name}.gz", []
        for url in source.urls:
            try:
                pooch.retrieve(url + name, f"sha256:{file.packed}", fname=name, path=folder)
                break
            except (OSError, ValueError) as error:  # no way there, or not what was to come from there
                failures.append(f"{url}{name}: {error}")
        else:
            raise ConnectionError(
                f"{source.title}: expected to download {name}, and every source failed. Try again, {aside}.\n"
                + "\n".join(failures)
            )
    return folder
