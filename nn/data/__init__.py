"""Data to train on: five two-dimensional toy sets drawn from a seed, the MNIST and Fashion-MNIST images, and
a reader for the IDX files those come in. Everything comes as plain NumPy arrays, for any library:
``X, y = spiral()`` and ``train, test, classes = mnist()`` are all there is to it.
"""

from nn.data.dataset import Dataset
from nn.data.idx import IDXError, read_idx
from nn.data.mnist import ImageData, fashion_mnist, mnist
from nn.data.toy import TOY, blobs, circles, moons, spiral, xor

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
