"""Moves: changes of an array in place. A graph that has saved such an array would mix old numbers and new.

A node keeps the ``clock`` at which it was recorded, and a move advances it: as long as both are equal, nothing that
the node has saved has moved. Otherwise its arrays are looked up by the memory that they lie in, which views share.
"""

from copy import deepcopy
from typing import Any, NoReturn
from weakref import ref

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from autograd.errors import GraphError
from autograd.modes import shown_operands

clock = 0
"""How many moves there have been."""
_last: dict[int, tuple["ref[Any]", int]] = {}
"""By the id of an array that owns memory: the array, and the clock after its last move."""


def note(array: NDArray[Any]) -> None:
    """Remember that ``array`` has been changed in place."""
    global clock
    clock += 1
    owner = _owner(array)
    key = id(owner)
    watched = _last[key][0] if key in _last else ref(owner, lambda _: _last.pop(key, None))
    _last[key] = watched, clock


def since(array: NDArray[Any], then: int) -> bool:
    """Whether the memory of ``array`` has been changed in place since the clock was at ``then``."""
    if isinstance(array, Moved):
        return False  # it has been noted already
    key = id(_owner(array))
    return key in _last and _last[key][1] > then


def _owner(array: NDArray[Any]) -> NDArray[Any]:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


class Moved(NDArrayOperatorsMixin):
    """Stands in a rule for numbers that are no longer those of the forward pass: only their shape can be asked for.

    So a rule that does without the numbers, such as that of a sum, still gives its gradient, which is right.
    """

    def __init__(self, node: Any, saved: Any, op: Any, remedy: str = "") -> None:
        before = np.asarray(saved)
        self.shape, self.ndim, self.size, self.dtype = before.shape, before.ndim, before.size, before.dtype
        self._made = node, op, remedy

    def _refuse(self, *args: Any, **options: Any) -> NoReturn:
        node, op, remedy = self._made
        raise GraphError(
            f"the derivative of {op.name} needs the number from the forward pass where now {shown_operands([node])}: "
            f"the data has been changed since, and the gradient would mix both; call backward() before you change it, "
            f"or compute the result again afterwards{remedy}"
        )

    def __reduce__(self) -> Any:
        node, op, remedy = self._made
        return Moved, (node, np.zeros(self.shape, self.dtype), op, remedy)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Moved":
        return Moved(*deepcopy(self.__reduce__()[1], memo))

    __array__ = __array_ufunc__ = __array_function__ = _refuse
    __getattr__ = __getitem__ = __len__ = __bool__ = __float__ = _refuse
