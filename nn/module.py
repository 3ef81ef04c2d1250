"""`Module`: whatever has parameters. They are found by looking at its attributes; nothing is registered."""

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any, Self

import numpy as np

from autograd import Node, Tensor, Value
from autograd.array_ops import Array
from autograd.modes import MODE
from nn import checks


class Module:
    """The base of layers and models.

    A parameter is a leaf `Value` or `Tensor` (no constant) in an attribute, or in lists, tuples, dicts and
    modules in attributes. Its name is the way to it: ``layers.0.neurons.3.w.1``. A parameter that can be
    reached in two ways counts once, under the first name.
    """

    training: bool = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__call__" in vars(cls):
            cls.__call__ = _in_scope(cls.__call__)  # type: ignore[method-assign]

    def __call__(self, x: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not say what it computes; give it a __call__(self, x)")

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Pairs of dotted name and parameter, in the order in which the attributes were made."""
        seen: set[int] = set()
        for name, item in _walk(self, ""):
            if isinstance(item, Node) and item.requires_grad and not item.parents and id(item) not in seen:
                seen.add(id(item))
                yield name, item

    def parameters(self) -> list[Any]:
        """The parameters: `Value`s or `Tensor`s."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_modules(self) -> Iterator[tuple[str, "Module"]]:
        """Pairs of dotted name and module: this one, called "", and all modules inside it."""
        return ((name, item) for name, item in _walk(self, "") if isinstance(item, Module))

    def modules(self) -> Iterator["Module"]:
        """This module and all modules inside it."""
        return (module for _, module in self.named_modules())

    def zero_grad(self) -> None:
        """Forget all gradients: `backward()` adds to what is there."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def train(self, mode: bool = True) -> Self:
        """Set ``training`` here and in every module inside."""
        mode = checks.flag("mode", mode)
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """``train(False)``."""
        return self.train(False)

    def state_dict(self) -> dict[str, Any]:
        """A copy of the numbers by parameter name: floats for `Value`s, arrays for `Tensor`s."""
        return {name: np.copy(p.data) if isinstance(p, Tensor) else p.data for name, p in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the numbers of another model of this shape. Everything is checked before anything is changed."""
        if not isinstance(state, Mapping):
            raise TypeError(f"load_state_dict() takes what state_dict() returned, a dict; got {type(state).__name__}")
        parameters = dict(self.named_parameters())
        missing, unexpected = parameters.keys() - state.keys(), state.keys() - parameters.keys()
        if missing or unexpected:
            raise ValueError(
                f"the state does not fit {type(self).__name__}: missing {_some(missing)}; unexpected "
                f"{_some(unexpected)}; build the model with the sizes that it was saved with"
            )
        checked = {name: _fitting(name, p, state[name]) for name, p in parameters.items()}
        for name, parameter in parameters.items():
            parameter.data = checked[name]

    def __repr__(self) -> str:
        return self._outline(())

    def _outline(self, above: tuple["Module", ...]) -> str:
        above = (*above, self)
        children = [(name, item) for name, item in _children(self, "") if isinstance(item, Module)]
        lines = [
            f"  ({name}) " + item._outline(above).replace("\n", "\n  ")
            for name, item in children
            if not any(item is each for each in above)
        ]
        return "\n".join([self._title(), *lines])

    def _title(self) -> str:
        n = sum(np.size(p.data) for p in self.parameters())
        title = f"{type(self).__name__}({self._summary()})"
        return f"{title}: {n:,} parameters" if n else title

    def _summary(self) -> str:
        """What a subclass wants said of it in its repr."""
        return ""


def _in_scope(call: Callable[..., Any]) -> Callable[..., Any]:
    """``call``, such that the nodes it makes know in which call of which module they were made."""

    @wraps(call)
    def called(self: Module, *args: Any, **kwargs: Any) -> Any:
        outer = MODE.scope
        if outer is None:
            return call(self, *args, **kwargs)
        MODE.scope = (outer, self)
        try:
            return call(self, *args, **kwargs)
        finally:
            MODE.scope = outer

    return called


def _children(item: Any, name: str) -> Iterator[tuple[str, Any]]:
    """What ``item`` holds, by name; lists and dicts are looked through."""
    if isinstance(item, Module):
        held: Any = vars(item).items()
    elif isinstance(item, dict):
        held = item.items()
    else:
        held = enumerate(item)
    for key, part in held:
        path = f"{name}.{key}" if name else str(key)
        if isinstance(part, list | tuple | dict):
            yield from _children(part, path)
        else:
            yield path, part


def _walk(module: Module, name: str, above: tuple[Module, ...] = ()) -> Iterator[tuple[str, Any]]:
    yield name, module
    for path, item in _children(module, name):
        if not isinstance(item, Module):
            yield path, item
        elif item not in above and item is not module:  # a reference back to a parent is no child
            yield from _walk(item, path, (*above, module))


def _some(names: Any) -> str:
    shown = sorted(map(str, names))
    return (", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")) or "nothing"


def _fitting(name: str, parameter: Value | Tensor, numbers: Any) -> float | Array:
    """``numbers`` as ``parameter`` would hold them, or an error."""
    shape = np.shape(parameter.data)
    array = np.array(checks.numbers(name, numbers, getattr(parameter.data, "dtype", float)))  # a copy
    if array.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: the state holds nan or inf; it was saved after the training had diverged")
    return array if isinstance(parameter, Tensor) else float(array)
