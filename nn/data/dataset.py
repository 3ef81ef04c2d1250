"""What every data set here comes as: inputs and labels, row by row."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Dataset(NamedTuple):
    """Points and their classes; unpacks as ``X, y``.

    X: (n, features) floating point, one point a row.
    y: (n,) int64, the class of each row: 0, 1, … classes - 1.
    """

    X: NDArray[np.floating[Any]]
    y: NDArray[np.int64]
