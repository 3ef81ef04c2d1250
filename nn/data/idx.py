"""The IDX format: one array a file, as MNIST is kept in.

    byte 0, 1    zero
    byte 2       what an item is (`ITEMS` below)
    byte 3       how many dimensions, d
    4 d bytes    the size of each dimension, unsigned 32 bits, big endian
    the rest     the items, big endian, the last dimension running fastest

Source: Yann LeCun, "The MNIST database of handwritten digits", section "The IDX file format".
"""

import gzip
import math
import os
import reprlib
import zlib
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

ITEMS = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""The third byte of a file, and the NumPy type of its items."""

CHUNK = 1 << 20  # bytes read at a time


class IDXError(ValueError):
    """A file that is not what it should be: says which, what was expected, what was found and what to do."""

    def __init__(self, path: Path, expected: str, found: str, remedy: str = "Fetch the file again.") -> None:
        super().__init__(f"{path}: expected {expected}, found {found}. {remedy}")


def read_idx(path: str | os.PathLike[str], shape: tuple[int, ...] | None = None) -> NDArray[Any]:
    """The array in an IDX file, gzipped or not, in the machine's own byte order, writable.

    Gzip is told by its first two bytes, not by the name of the file. With ``shape``, a header that names
    another shape is refused before anything behind it is read.

    Memory: no more than the items that are there *and* that the header announces. A header that promises
    terabytes, or a gzip file that unpacks to them, costs nothing.

    Errors: IDXError where the file is damaged, cut short, too long or no IDX file; FileNotFoundError where
    there is none.
    """
    path = as_path("path", path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected an IDX file, found nothing. Correct the path.")
    with path.open("rb") as file:
        if file.peek(2)[:2] != b"\x1f\x8b":
            return _parse(file, path, shape)
        try:
            with gzip.open(file) as unpacked:
                return _parse(cast(IO[bytes], unpacked), path, shape)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise IDXError(path, "a whole gzip file", f"a damaged one ({error})") from error


def as_path(name: str, value: object) -> Path:
    """``value`` as a path with ``~`` expanded, or a TypeError that names the argument."""
    if not isinstance(value, str | os.PathLike):
        came = f"{reprlib.repr(value)} ({type(value).__name__})"
        raise TypeError(f'{name} must be a str or a pathlib.Path, and {came} came: write {name}="some/place"')
    return Path(value).expanduser()


def _parse(stream: IO[bytes], path: Path, shape: tuple[int, ...] | None) -> NDArray[Any]:
    magic = _read(stream, 4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in ITEMS or magic[3] == 0:
        codes = ", ".join(f"{code:02x}" for code in ITEMS)
        expected = f"the IDX magic number (bytes 00 00, one of {codes}, the number of dimensions ≥ 1)"
        raise IDXError(path, expected, magic.hex(" ") or "an empty file", "Is this an IDX file at all?")
    item, rank = np.dtype(ITEMS[magic[2]]), magic[3]

    sizes = _read(stream, 4 * rank)
    if len(sizes) < 4 * rank:
        raise IDXError(path, f"a header of {4 + 4 * rank} bytes", f"only {4 + len(sizes)} bytes")
    found = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, 4 * rank, 4))
    if shape is not None and found != shape:
        raise IDXError(path, f"shape {shape}", f"shape {found}", "Is this another file under a wrong name?")

    promised = math.prod(found) * item.itemsize
    content = _read(stream, promised + 1)  # one byte more shows whether anything follows
    if len(content) != promised:
        surplus = "more" if len(content) > promised else f"only {len(content):,}"
        raise IDXError(path, f"{promised:,} bytes of items, as its header {found} says", surplus)
    try:
        array = np.frombuffer(content, item).reshape(found)
    except ValueError as error:  # a zero among sizes that are too many or too large
        raise IDXError(path, "a shape NumPy can hold", f"shape {found}") from error
    return array.astype(item.newbyteorder("="), copy=False)


def _read(stream: IO[bytes], size: int) -> bytearray:
    """Up to ``size`` bytes. In chunks: ``stream.read(size)`` allocates ``size`` before it knows they are there."""
    content = bytearray()
    while chunk := stream.read(min(CHUNK, size - len(content))):
        content += chunk
    return content
