"""`Module`: whatever has parameters. They are found by looking at its attributes; nothing is registered."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import cache, partial, wraps
from itertools import chain
from operator import is_
from types import CellType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, NamedTuple, Self
from weakref import ref

import numpy as np

from autograd import Node, Tensor, Value
from autograd.array_ops import Array
from autograd.compiler.store import Group
from autograd.counted import Counted
from autograd.hints import began, instead
from autograd.modes import MODE
from autograd.written import written
from nn import checks


class Module(Counted):
    """The base of layers and models.

    A parameter is a leaf `Value` or `Tensor` (no constant) in an attribute. Looked through are modules, lists, tuples,
    deques, dicts, arrays of objects, and the attributes of objects of other classes. Its name is the way to it:
    ``layers.0.neurons.3.w.1``, ``table.gain``, ``W.0.2``. A parameter that can be reached in two ways counts once,
    under the first name. Where it would have no name, or none that lasts, it is a `TypeError`: in a set, as the key of
    a dict, in the closure of a function, in an attribute of the class. Iterators are not looked into.

    Its state is the parameters and the frozen ones (``p.requires_grad = False``): every leaf, but for constants that
    were computed while a model ran, such as outputs that it keeps. Plain numbers and arrays are no part of it.
    """

    training: bool = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "forward" in vars(cls) and "__call__" not in vars(cls):  # PyTorch's name for it
            cls.__call__ = lambda self, *args, **named: self.forward(*args, **named)  # type: ignore[method-assign]
        if "__call__" in vars(cls):
            cls.__call__ = _in_scope(cls.__call__)  # type: ignore[method-assign]

    def __call__(self, x: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not say what it computes; give it a __call__(self, x)")

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Pairs of dotted name and parameter, in the order in which the attributes were made."""
        return ((name, p) for name, p in checked_leaves(self) if p.requires_grad)

    def named_state(self) -> Iterator[tuple[str, Any]]:
        """Pairs of dotted name and leaf: the parameters, and those that are frozen."""
        return ((name, p) for name, p in checked_leaves(self) if p.requires_grad or not hasattr(p, "result"))

    def parameters(self) -> list[Any]:
        """The parameters: `Value`s or `Tensor`s. Frozen ones are left out; see `requires_grad_` and `named_state`."""
        return [parameter for _, parameter in self.named_parameters()]

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze all parameters with False; let them be trained, also those that were frozen, with True."""
        for _, p in list(self.named_state()):
            p.requires_grad = checks.flag("requires_grad", requires_grad)
        return self

    def named_modules(self) -> Iterator[tuple[str, "Module"]]:
        """Pairs of dotted name and module: this one, called "", and all modules inside it, each once."""
        return ((name, item) for name, item in _walk(self) if isinstance(item, Module))

    def modules(self) -> Iterator["Module"]:
        """This module and all modules inside it."""
        return (module for _, module in self.named_modules())

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients: `backward()` adds to what is there. ``set_to_none=False`` makes them 0 instead."""
        set_to_none = checks.flag("set_to_none", set_to_none)
        _found(self).group.zero_grad(set_to_none)

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
        """A copy of the numbers by name, frozen ones too: floats for `Value`s, arrays for `Tensor`s."""
        return {name: np.copy(p.data) if isinstance(p, Tensor) else p.data for name, p in self.named_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the numbers of another model of this shape; what is frozen here stays frozen.

        Everything is checked before anything is changed.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"load_state_dict() takes what state_dict() returned, a dict; got {type(state).__name__}")
        parameters = dict(self.named_state())
        missing, unexpected = parameters.keys() - state.keys(), state.keys() - parameters.keys()
        if missing or unexpected:
            raise ValueError(
                f"the state does not fit {type(self).__name__}: missing {_some(missing)}; unexpected "
                f"{_some(unexpected)}; build the model with the sizes that it was saved with{lacking(self, state)}"
            )
        checked = {name: _fitting(name, p, state[name]) for name, p in parameters.items()}
        for name, parameter in parameters.items():
            parameter.data = checked[name]

    def __repr__(self) -> str:
        return written(self._outline(()))

    def _outline(self, above: tuple["Module", ...]) -> str:
        above = (*above, self)
        lines = [
            f"  ({name}) " + item._outline(above).replace("\n", "\n  ")
            for name, item in _walk(self, deep=False)[1:]
            if isinstance(item, Module) and not any(item is each for each in above)
        ]
        return "\n".join([self._title(), *lines])

    def _title(self) -> str:
        n = sum(np.size(p.data) for _, p in _leaves(_walked([("", self)], {})) if p.requires_grad)
        title = f"{type(self).__name__}({self._summary()})"
        return f"{title}: {n:,} parameters" if n else title

    def _summary(self) -> str:
        """What a subclass wants said of it in its repr."""
        return ""


instead(
    Module,
    {
        "forward": "a model is called: write model(x)",
        "backward": "a loss has it: write loss = nn.mse(model(x), y), and then loss.backward()",
        "fit": 'write nn.fit(model, (X, y), loss="mse", optimizer=nn.Adam(model))',
        "predict predict_proba": "write nn.predict(model, X)",
        "evaluate score": 'write nn.evaluate(model, (X, y), "mse")',
        "save save_weights": 'write nn.save("model.safetensors", model)',
        "load load_weights": 'write nn.load("model.safetensors", model)',
        "summary": "write print(model)",
        "weights params trainable_variables": "write model.parameters()",
        "children": "write model.modules()",
        "step": "an optimizer has it: write optimizer = nn.SGD(model), and then optimizer.step()",
        "cuda cpu to": "everything is computed on the CPU: leave it out",
        "float half double": "the dtype is chosen before: write nn.vectorized.MLP(2, [16, 1], dtype=np.float64)",
    },
)


def _in_scope(call: Callable[..., Any]) -> Callable[..., Any]:
    """``call``, such that the nodes it makes know in which call of which module they were made."""

    @wraps(call)
    def called(self: Module, *args: Any, **kwargs: Any) -> Any:
        outer = MODE.scope
        if outer is not None:
            MODE.scope = (outer, self)
        try:
            return call(self, *args, **kwargs)
        except TypeError as error:
            if began(error):
                raise
            raise TypeError(
                f"{error}; write model(x), where x is all that goes in, such as a list of numbers, or else what the "
                f"__call__ of {type(self).__name__} takes"
            ) from None
        finally:
            MODE.scope = outer

    return called


# ----- where parameters are -----

_NUMBERS = frozenset({float, int, str, bytes, bool, type(None), complex, np.float64, np.float32})
"""What a model may hold many of, and what holds nothing."""
_SERIES = frozenset({list, tuple, deque})
_CLOSED = (type, ModuleType, logging.Logger)
"""What is not looked into."""
_OURS = ("autograd", "nn")
_CALLS = (FunctionType, MethodType, partial)


class _Walk(NamedTuple):
    """What a module holds.

    found:    names and items: modules and nodes
    nameless: places where a parameter has no name: the way there, what to call them, and what they hold
    """

    found: list[tuple[str, Any]]
    nameless: list[tuple[str, str, list[Any]]]


class _Found:
    """The leaves that a walk through ``module`` found, and whether another one would find them again.

    Most steps of a training change no container, and to compare all of them takes a small part of the walk.
    """

    def __init__(self, module: Module) -> None:
        self.module = ref(module, partial(_forget, id(module)))
        seen: dict[int, Any] = {}
        self.leaves = _checked_leaves(module, seen)
        self.group = Group([leaf for _, leaf in self.leaves])
        parts = [_contents(item) for item in seen.values()]
        self.known = None not in parts
        self.parts = [part for each in parts for part in each or ()]
        self.lengths, self.items = [*map(len, self.parts)], [*chain.from_iterable(self.parts)]

    def again(self, module: Module) -> bool:
        same = self.known and self.module() is module and [*map(len, self.parts)] == self.lengths
        return same and all(map(is_, chain.from_iterable(self.parts), self.items))


_LATEST: dict[int, _Found] = {}
"""By the id of a module that is alive. Of few, for what was found may lead back to the module and keep it alive."""


def _forget(key: int, died: Any) -> None:
    _LATEST.pop(key, None)


def _found(module: Module) -> _Found:
    found = _LATEST.pop(id(module), None)
    if found is None or not found.again(module):
        found = _Found(module)
    while len(_LATEST) >= 8:
        del _LATEST[next(iter(_LATEST))]
    _LATEST[id(module)] = found
    return found


def _contents(item: Any) -> list[Any] | None:
    """Views of what ``item`` holds; None where that takes more than to look at a list or a dict."""
    kind: Any = type(item)
    if isinstance(item, (Node, *_CLOSED)) or kind is tuple or (kind is np.ndarray and item.dtype.kind in "biufc"):
        return []
    if kind in (list, deque):
        return [item]
    plain = isinstance(item, Module) and not isinstance(item, (Mapping, list, tuple, deque)) and not _slots(kind)
    held: Any = item if kind is dict else vars(item) if plain else None
    return None if held is None else [held.keys(), held.values()]


def checked_leaves(module: Module) -> list[tuple[str, Any]]:
    """Names and leaves of ``module``, in order; an error if it holds a parameter that has no name of its own."""
    return _found(module).leaves


def _checked_leaves(module: Module, seen: dict[int, Any]) -> list[tuple[str, Any]]:
    """The same, without looking at what was found before; ``seen`` is filled with all that was looked at."""
    walk = _walked([("", module)], seen)
    leaves = _leaves(walk)
    if len({name for name, _ in leaves}) < len(leaves):
        ((twice, _),) = Counter([name for name, _ in leaves]).most_common(1)
        raise TypeError(
            f"two parameters of {type(module).__name__} have the name {twice}; give attributes, and the keys of dicts, "
            f"names that differ, without dots"
        )
    for name, place, held in walk.nameless:
        inside = _walked([(name, part) for part in held], seen)
        walk.nameless.extend(inside.nameless)
        if lost := [each for each, leaf in _leaves(inside) if leaf.requires_grad]:
            raise TypeError(
                f"{type(module).__name__} has a parameter in {place} ({lost[0]}), where it can be neither trained nor "
                f"saved; keep it in a list as well, such as self.parts = [value] in __init__"
            )
    return leaves


def _walk(module: Module, deep: bool = True) -> list[tuple[str, Any]]:
    """Names and items in ``module``; unless ``deep`` not those in modules in it, but these each time they come."""
    return _walked([("", module)], {}, deep).found


def _walked(roots: list[tuple[str, Any]], seen: dict[int, Any], deep: bool = True) -> _Walk:
    """``seen`` is all that was looked at, by id, and grows."""
    walk, top = _Walk([], []), {id(item) for _, item in roots}
    stack = roots[::-1]
    while stack:
        name, item = stack.pop()
        is_node = isinstance(item, Node)
        inner = not deep and id(item) not in top and isinstance(item, Module)
        if id(item) in seen and not inner:
            continue
        seen[id(item)] = item
        if is_node or isinstance(item, Module):
            walk.found.append((name, item))
        if is_node or inner or isinstance(item, _CLOSED):
            continue
        if (place := _nameless(item)) is not None:
            walk.nameless.append((name, *place))
        prefix = name and f"{name}."
        parts = [(f"{prefix}{key}", part) for key, part in _held(item) if part.__class__ not in _NUMBERS]
        stack += parts[::-1]
    return walk


def _leaves(walk: _Walk) -> list[tuple[str, Any]]:
    """Those of the nodes that are leaves."""
    return [(name, item) for name, item in walk.found if isinstance(item, Node) and _is_leaf(item)]


def _is_leaf(node: Node) -> bool:
    """A result that a model kept while it was traced has no parents at all, and refuses to be asked for them."""
    try:
        return bool(object.__getattribute__(node, "parents") == ())
    except AttributeError:
        return False


def _held(item: Any) -> Iterable[tuple[Any, Any]]:
    """Key and part of what ``item`` holds: elements, and attributes."""
    if item.__class__ in _SERIES:
        return enumerate(item)
    if _wrapped(item) is not None:
        return ()
    held: list[tuple[Any, Any]] = []
    kind: Any = type(item)
    if isinstance(item, np.ndarray):
        held += _elements(item)
    elif isinstance(item, Mapping):
        held += item.items()
    elif isinstance(item, (list, tuple, deque)):
        held += enumerate(item)
    if isinstance(item, Module) or not _is_ours(kind):
        held += [(name, getattr(item, name)) for name in _slots(kind) if hasattr(item, name)]
        held += getattr(item, "__dict__", {}).items()
    return held


def _elements(array: Any) -> Iterator[tuple[str, Any]]:
    """Of an array of objects, in any number of dimensions, or of one with fields of them."""
    for field in array.dtype.names or ():
        for key, part in _elements(array[field]):
            yield f"{field}.{key}", part
    if array.dtype == object:
        for place, part in zip(np.ndindex(array.shape), array.view(np.ndarray).ravel().tolist(), strict=True):
            yield ".".join(map(str, place)), part


def _nameless(item: Any) -> tuple[str, list[Any]] | None:
    """A place in ``item`` where a parameter would have no name, or none that lasts, and what is there."""
    if item.__class__ in _SERIES:
        return None
    if (function := _wrapped(item)) is not None:
        return "a function", _around(function)
    if isinstance(item, (set, frozenset)):
        return "a set, which has no order", list(item)
    if isinstance(item, Mapping):
        return "a dict, as a key", [key for key in item if key.__class__ not in _NUMBERS]
    kind: Any = type(item)
    own, kinds = getattr(item, "__dict__", {}), (Node, Module, list, tuple, dict, np.ndarray)
    shared = [
        part
        for each in _classes(kind)
        for name, part in vars(each).items()
        if isinstance(part, kinds) and name not in own and not name.startswith("__")
    ]
    return ("its class, of which no copy is made", shared) if shared else None


def _wrapped(item: Any) -> Any:
    """The function that ``item`` is, or wraps, as a compiled one does; None for anything else."""
    return item if isinstance(item, _CALLS) else getattr(item, "__dict__", {}).get("__wrapped__")


def _around(function: Any) -> list[Any]:
    """What a function closes over."""
    if isinstance(function, MethodType):
        return [function.__self__, function.__func__]
    if isinstance(function, partial):
        return [function.func, *function.args, *function.keywords.values()]
    if not isinstance(function, FunctionType):
        return [function]
    cells = [cell.cell_contents for cell in function.__closure__ or () if cell != CellType()]
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return cells + defaults + list(vars(function).values())


@cache
def _slots(kind: type) -> tuple[str, ...]:
    """Names of the attributes that lie beside the dict of an object."""
    parts = [pair for each in kind.__mro__ for pair in vars(each).items()]
    return tuple([name for name, part in parts if isinstance(part, MemberDescriptorType)])


@cache
def _classes(kind: type) -> tuple[type, ...]:
    """A class and its bases, but for those of Python and of this library."""
    return tuple([each for each in kind.__mro__ if _package(each) not in (*_OURS, "builtins")])


@cache
def _is_ours(kind: type) -> bool:
    """Whether a class, or a base of it, is one of this library, such as an optimiser: no part of a model."""
    return any(_package(each) in _OURS for each in kind.__mro__)


def _package(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def lacking(module: Module, names: Container[str]) -> str:
    """What to add to a message where frozen parameters of ``module`` are not among ``names``."""
    lost = [name for name, leaf in module.named_state() if not leaf.requires_grad and name not in names]
    return (
        ""
        if not lost
        else (
            f". What earlier versions saved lacks frozen weights, here {_some(lost)}; to keep those of this model "
            f"write model.load_state_dict(model.state_dict() | state)"
        )
    )


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
