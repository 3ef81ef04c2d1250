"""Data to train on: five two-dimensional toy sets drawn from a seed, the MNIST and Fashion-MNIST images, and
a reader for the IDX files those come in. Everything is plain NumPy and needs nothing else of this library:
`X, y = spiral()` and `train, test, classes = mnist()` are all there is to it.
"""

from .dataset import Dataset
from .idx import IDXError, read_idx
from .mnist import ImageData, fashion_mnist, mnist
from .toy import TOY, blobs, circles, moons, spiral, xor

__all__ = [
    "TOY",
    "Dataset",
    "IDXError",
    "ImageData",
    "blobs",
    "circles",
    "fashion_mnist",
    "mnist",
    "moons",
    "read_idx",
    "spiral",
    "xor",
]
