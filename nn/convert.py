"""Twins: from `Value`s to arrays and back, with the weights, with what is shared, and with what is frozen.

A twin computes the same function with the same parameters, or there is none: whatever could not be carried over is a
`TypeError` that says what to write instead. What is left behind computes nothing: gradients, labels, plain attributes.
"""

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from autograd import Node, Tensor, Value
from nn.module import Module

M = TypeVar("M", bound=Module)


class Twins:
    """One conversion: what has its twin so far, so that what is shared stays shared.

    way: "vectorize" or "to_values", the method that asks for a twin
    """

    def __init__(self, way: str) -> None:
        self.way = way
        self._modules: dict[Any, tuple[Module, Any]] = {}
        self._weights: dict[Any, Any] = {}
        self._carried: dict[int, Any] = {}

    def of(self, module: Any) -> Any:
        """The twin of a part, which the part itself makes, once."""
        if not hasattr(module, self.way):
            raise TypeError(f"{type(module).__name__} has no {self.way}(); give it one that returns its twin")
        if id(module) not in self._modules:
            convert = getattr(module, self.way)
            self._modules[id(module)] = module, convert()
            if convert.__module__.partition(".")[0] != "nn":  # somebody's own method answers for what the part holds
                self._carried |= {id(leaf): leaf for _, leaf in module.named_state()}
        return self._modules[id(module)][1]

    def made(self, module: Module, base: type, make: Callable[["Twins"], M]) -> M:
        """What ``make`` makes of a module of our own class ``base``, once."""
        key = id(module), base
        if key not in self._modules:
            made = make(self)
            if "training" in vars(module):
                made.training = module.training
            self._modules[key] = module, made
        return self._modules[key][1]  # type: ignore[no-any-return]

    def tensor(self, name: str, values: Sequence[Any]) -> Tensor:
        """The Tensor for numbers of a layer: a list of Values, or a list of equally long lists of them."""
        table = np.empty(_shape(values), object)
        table[...] = values
        for value in table.flat:
            _check_leaf(name, value, Value)
        key = table.shape, tuple(map(id, table.flat))
        if key not in self._weights:
            if len(set(key[1])) < table.size or any(each in self._carried for each in key[1]):
                raise TypeError(
                    f"{name} of a layer shares a Value with another place, and arrays can be shared only whole; give "
                    f"each place a Value of its own, or use one layer in several places"
                )
            wanted = {value.requires_grad for value in table.flat}
            if len(wanted) > 1:
                raise TypeError(
                    f"{name} of a layer is frozen in part, and an array is frozen whole; set requires_grad alike for "
                    f"all its weights, and alike for all its biases"
                )
            numbers = np.array([value.data for value in table.flat]).reshape(table.shape)
            self._weights[key] = Tensor(np.asfortranarray(numbers))
            self._weights[key].requires_grad = wanted.pop()
            self._carried |= {id(value): value for value in table.flat}
        return self._weights[key]  # type: ignore[no-any-return]

    def values(self, name: str, tensor: Any, ndim: int) -> Any:
        """The Values for a Tensor of a layer: a list, or a list of lists."""
        _check_leaf(name, tensor, Tensor)
        if tensor.ndim != ndim:
            raise TypeError(f"{name} of a Linear has {ndim} dimension{'s' * (ndim > 1)}, and this one {tensor.ndim}")
        if id(tensor) not in self._weights:
            values = np.frompyfunc(Value, 1, 1)(np.array(tensor.data, object))
            for value in values.flat:
                value.requires_grad = tensor.requires_grad
            self._weights[id(tensor)] = values.tolist()
            self._carried[id(tensor)] = tensor
        return self._weights[id(tensor)]

    def check(self, module: Module, twin: Module) -> None:
        """Whether every parameter has been carried over, and none twice."""
        left = [name for name, leaf in module.named_state() if id(leaf) not in self._carried]
        if left:
            raise TypeError(
                f"{type(module).__name__} holds {left[0]}, which no layer of it computes with and its twin would lack; "
                f"{_own(self.way)}"
            )
        (before, after) = (sum(np.size(p.data) for p in each.parameters()) for each in (module, twin))
        if before != after:
            raise TypeError(
                f"{type(module).__name__} has {before} parameters, and what {self.way}() made of it {after}: a module "
                f"of your own in it unties or leaves out some; make the twins of its parts by their {self.way}()"
            )


_CURRENT: ContextVar[Twins | None] = ContextVar("twins", default=None)


def converted(module: Module, way: str, base: type, fields: Iterable[str], make: Callable[[Twins], M]) -> M:
    """The twin of a module of our own class ``base``, which has ``fields``: a part of the conversion that runs, if any.

    Called by the method ``way`` of that class; ``make`` does the work.
    """
    plain = getattr(type(module), way) is getattr(base, way)  # else a method of its own asks, and does the rest
    if plain:
        check_plain(module, way, base, fields)
    twins = _CURRENT.get()
    if twins is not None and twins.way == way:
        return twins.made(module, base, make)
    twins = Twins(way)
    outer = _CURRENT.set(twins)
    try:
        made = twins.made(module, base, make)
    finally:
        _CURRENT.reset(outer)
    if plain:
        twins.check(module, made)
    return made


def check_plain(module: Any, way: str, base: type, fields: Iterable[str]) -> None:
    """Refuse a module that computes or trains otherwise than ``base`` does."""
    if not isinstance(module, base):
        raise TypeError(f"{way}() expects a {base.__name__} here, got {type(module).__name__}; {_own(way)}")
    names = {name for name in dir(base) if not name.startswith("_")} - {"training", "vectorize", "to_values"}
    names |= {"__call__", "__getattr__", "__getattribute__"}
    kinds = type(module).__mro__[: type(module).__mro__.index(base)]
    own = {name for kind in kinds for name in vars(kind)} & (names | {*fields}) | vars(module).keys() & names
    if own:
        raise TypeError(
            f"{type(module).__name__} has a {min(own)} of its own, which the twin of a {base.__name__} would not have; "
            f"{_own(way)}"
        )


def blank(fan_in: int, fan_out: int, seed: Any = None) -> Any:
    """An `Initializer` for weights that are replaced at once."""
    return np.zeros((fan_out, fan_in))


def _own(way: str) -> str:
    return f"give your class a {way}() that returns its twin"


def _check_leaf(name: str, leaf: Any, kind: type[Node]) -> None:
    if not isinstance(leaf, kind) or leaf.parents:
        came = f"a {type(leaf).__name__}" if not isinstance(leaf, kind) else "the result of a computation"
        raise TypeError(
            f"{name} of a layer must be made of {kind.__name__}s that are no results, and this is {came}; write "
            f"{kind.__name__}(…), and .requires_grad = False for one that stays as it is"
        )


def _shape(values: Sequence[Any]) -> tuple[int, ...]:
    rows = [len(row) for row in values if isinstance(row, list)]
    if len({*rows}) > 1:
        raise TypeError(f"the neurons of a layer take {min(rows)} to {max(rows)} inputs; they must all take as many")
    return (len(values), rows[0]) if rows else (len(values),)
