"""Parameters of compiled programs: their numbers lie in one flat array, and the `Value`s look into it."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from autograd.graph import Node, plain
from autograd.value import NO_GRADIENT, StandIn, Value, as_float, own_class

Places = NDArray[np.int64] | slice
"""Of some parameters in the arrays of a store."""
_DATA, _GRAD, _WANTED = (vars(Node)[slot] for slot in ("data", "grad", "requires_grad"))


class Store:
    """The numbers of some parameters and their gradients, each one flat array.

    cleared: what every gradient is since all were cleared, `NO_GRADIENT` or 0.0, whatever stands in the arrays: to
             write zeros there takes time. None once another was written
    given:   then, which parameters have a gradient; None if all have
    current: False once the parameters have moved to another store, together with others
    changes: how often some ``requires_grad`` was set: programs made before are no longer right
    moves:   how often numbers were written: gradients of what was computed before would be a mixture
    """

    def __init__(self, values: Sequence[Value], dtype: np.dtype[Any]) -> None:
        self.values = [ref(value) for value in values]
        self.data: NDArray[Any] = np.array([value.data for value in values], dtype)
        self.buffer: NDArray[Any] = np.zeros(len(values), dtype)
        self.given: NDArray[np.bool_] | None = None
        self.cleared: float | None = NO_GRADIENT
        self.current, self.changes, self.moves = True, 0, 0
        self.apart: dict[int, Any] = {}
        """Gradients that are no numbers: None, or a node of a recorded backward pass."""
        gradients = [value.grad for value in values]
        for i, value in enumerate(values):
            if isinstance(value, Bound):
                _DATA.__get__(value)[0].current = False
            _DATA.__set__(value, (self, i))
            value.__class__ = Bound.over(type(value))
            value.grad = gradients[i]

    def clear(self, absent: bool = True) -> None:
        """Let no parameter have a gradient, or each a gradient of 0."""
        self.apart.clear()
        self.cleared = NO_GRADIENT if absent else 0.0

    @property
    def grad(self) -> NDArray[Any]:
        """All gradients, to be read and to be changed."""
        if self.cleared is not None:
            self.buffer.fill(0.0)
            self._give(slice(None), self.cleared is not NO_GRADIENT)
            self.cleared = None
        return self.buffer

    def _give(self, places: Places | int, given: bool) -> None:
        """Note that the parameters there have a gradient, or that they have none."""
        if isinstance(places, slice):
            self.given = None if given else np.zeros(len(self.data), bool)
        elif self.given is not None or not given:
            self.given = np.ones(len(self.data), bool) if self.given is None else self.given
            self.given[places] = given

    def assign(self, places: Places | int, gradient: Any, given: bool) -> None:
        """Write gradients, or that there are none."""
        self.grad[places] = gradient
        self._give(places, given)

    def places(self, where: NDArray[np.int64]) -> Places:
        """Some places in the arrays; a slice, which is faster, if they are all of them."""
        return slice(None) if len({*where.tolist()}) == len(self.data) else where

    def accumulate(self, backward: Callable[[], None], reached: Callable[[], Places]) -> None:
        """Add the gradients that ``backward`` writes into the buffer, whatever was there before.

        reached: the places of the parameters that it reaches; asked where others may be without a gradient
        """
        before = self.buffer.copy() if self.cleared is None else None
        try:
            backward()
        except BaseException:
            if before is not None:
                self.buffer[:] = before
            raise
        self.apart.clear()
        if before is not None:
            self.buffer += before
        else:
            self._give(slice(None), self.cleared is not NO_GRADIENT)
        self.cleared = None
        if self.given is not None:
            self._give(reached(), True)


class Bound(StandIn):
    """A parameter of a compiled program: ``data`` and ``grad`` are read from and written to its `Store`."""

    __slots__ = ()

    @property
    def data(self) -> float:
        store, i = _DATA.__get__(self)
        return store.data.item(i)  # type: ignore[no-any-return]

    @data.setter
    def data(self, number: Any) -> None:
        store, i = _DATA.__get__(self)
        store.data[i] = number if number.__class__ is float else as_float(number)
        store.moves += 1

    @property
    def grad(self) -> Any:
        store, i = _DATA.__get__(self)
        if i in store.apart:
            return store.apart[i]
        if store.cleared is not None:
            return store.cleared
        return store.buffer.item(i) if store.given is None or store.given[i] else NO_GRADIENT

    @grad.setter
    def grad(self, g: Any) -> None:
        store, i = _DATA.__get__(self)
        store.apart.pop(i, None)
        if store.cleared is NO_GRADIENT and g is NO_GRADIENT:
            return
        store.assign(i, 0.0 if g is None else plain(g), g is not None and g is not NO_GRADIENT)
        if g is None or isinstance(g, Node):
            store.apart[i] = g

    @property
    def requires_grad(self) -> bool:
        return _WANTED.__get__(self)  # type: ignore[no-any-return]

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        _WANTED.__set__(self, wanted)
        _DATA.__get__(self)[0].changes += 1


def bind(values: Sequence[Value], dtype: np.dtype[Any]) -> tuple[Store, NDArray[np.int64]]:
    """The store of ``values``, and where in it each lies. They get one, in this order, if they have none in common."""
    stores = {id(store): store for store in (store_of(value) for value in values) if store is not None}
    for store in stores.values():
        if store.data.dtype != dtype:
            raise TypeError(
                f"these parameters belong to a program compiled for {store.data.dtype}; a second one for {dtype} would "
                f"round them; compile both with the same dtype"
            )
    if len(stores) == 1 and all(isinstance(value, Bound) for value in values):
        (store,) = stores.values()
    else:
        together = dict.fromkeys(value for store in stores.values() for value in _alive(store))
        store = Store([*together, *[value for value in values if value not in together]], dtype)
    return store, np.array([_DATA.__get__(value)[1] for value in values], np.int64)


def release(values: Iterable[Value]) -> None:
    """Make plain Values again of parameters that are bound, with the numbers that they have."""
    for value in values:
        if isinstance(value, Bound):
            data, grad, store = value.data, value.grad, _DATA.__get__(value)[0]
            store.current = False
            value.__class__ = own_class(type(value))  # type: ignore[assignment]
            value.data, value.grad = data, grad


def store_of(value: Value) -> Store | None:
    """The store of a parameter, if a compiled program has made one."""
    return _DATA.__get__(value)[0] if isinstance(value, Bound) else None


def _alive(store: Store) -> Iterable[Value]:
    return [value for value in (each() for each in store.values) if value is not None]


class Gathered:
    """Some parameters of one store as flat arrays, for updates without a loop.

    where: for each parameter its place in these arrays
    """

    def __init__(self, store: Store, where: NDArray[np.int64]) -> None:
        self.store, self.changes = store, store.changes
        self.chosen = store.places(where)
        self.where = where if isinstance(self.chosen, slice) else np.arange(len(where))

    def current(self) -> bool:
        """Whether the parameters are still there, as they were, and each gradient is a number."""
        return self.store.current and not self.store.apart and self.store.changes == self.changes

    def given(self) -> NDArray[np.bool_] | None:
        """Which of the parameters have a gradient; None if all have."""
        if self.store.cleared is NO_GRADIENT:
            return np.zeros(len(self.where), bool)
        if self.store.cleared is not None or self.store.given is None:
            return None
        found = self.store.given[self.chosen]
        return found if b"\0" in found.tobytes() else None  # `all` takes five times as long for a few

    def data(self) -> NDArray[Any]:
        return self.store.data[self.chosen]

    def grad(self) -> NDArray[Any]:
        return self.store.grad[self.chosen]

    def move(self, kept: NDArray[Any], by: NDArray[Any]) -> None:
        """Let the parameters be the sum of both."""
        self.store.moves += 1
        if isinstance(self.chosen, slice):
            np.add(kept, by, self.store.data)
        else:
            self.store.data[self.chosen] = kept + by

    def zero_grad(self, absent: bool = True) -> None:
        if isinstance(self.chosen, slice):
            self.store.clear(absent)
        else:
            self.store.assign(self.chosen, 0.0, not absent)

    def arranged(self, numbers: list[Any]) -> Any:
        """Numbers of the parameters, one each, as an array beside `data`; one number, if they are all the same."""
        if numbers.count(numbers[0]) == len(numbers):
            return numbers[0]
        array = np.empty(len(numbers), np.asarray(numbers).dtype)
        array[self.where] = numbers
        return array

    def listed(self, array: Any) -> list[Any]:
        """The opposite of `arranged`."""
        return np.broadcast_to(array, len(self.where))[self.where].tolist()  # type: ignore[no-any-return]


class Group:
    """Some parameters that are often asked for together, as flat arrays as soon as a compiled program has made such.

    values: the parameters; a list or a view, which is read again each time
    """

    def __init__(self, values: Collection[Any]) -> None:
        self._values = values
        self._flat: Gathered | None = None

    def gathered(self) -> Gathered | None:
        """The flat arrays, or None."""
        if self._flat is None or not self._flat.current():
            self._flat = _gathered(self._values)
        return self._flat if self._flat is not None and self._flat.current() else None

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Take the gradients away, or make them 0."""
        if (flat := self.gathered()) is not None:
            flat.zero_grad(set_to_none)
            return
        for p in self._values:
            p.zero_grad()
            if not set_to_none:
                p.grad = 0.0 if isinstance(p, Value) else np.zeros_like(p.data)


def _gathered(values: Iterable[Any]) -> Gathered | None:
    """``values`` as flat arrays, if all of them belong to one compiled program and none is frozen."""
    index, store = [], None
    for value in values:
        if not isinstance(value, Bound) or not value.requires_grad:
            return None
        own, i = _DATA.__get__(value)
        if store is not None and own is not store:
            return None
        store = own
        index.append(i)
    return None if store is None else Gathered(store, np.array(index, np.int64))
