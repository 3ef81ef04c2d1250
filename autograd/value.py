"""`Value`: a Python float that remembers where it came from."""

import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce
from math import isfinite
from numbers import Real
from operator import add
from types import new_class
from typing import Any, ClassVar, Self

import numpy as np

from autograd.conversions import MIXED, data_message
from autograd.counted import COMPARED
from autograd.graph import Node, backward, marked_result, plain
from autograd.modes import MODE, check_forward, remember_place
from autograd.moves import Moved
from autograd.namespaces import SCALARS, ieee
from autograd.ops import Contributions, Mask, Op, Reduction, divided
from autograd.written import written


class _NoGradient(float):
    """0.0 to everybody but an optimiser, to whom it says that no backward pass has reached the Value so far."""

    __slots__ = ()

    def __reduce__(self) -> str:
        return "NO_GRADIENT"  # a copy is this one


NO_GRADIENT = _NoGradient()
"""The ``grad`` of a new Value, and after `zero_grad`: what None is to a Tensor. To assign 0.0 is to give a gradient."""


class Value(Node):
    """One real number in a computation: ``data``, and after `backward()` its derivative in ``grad``.

    requires_grad: False for a constant, as PyTorch has it from the start

    >>> a, b = Value(2.0), Value(-3.0)
    >>> (a * b).backward()
    >>> a.grad, b.grad
    (-3.0, 2.0)

    data:  a number, or an array of one
    label: its name in pictures; ``Value(2.0, "x")`` is short for ``Value(2.0, label="x")``

    Two Values are equal (``==``) if they are the same node, so that lists, sets and dicts of Values go by identity
    (``x != x`` asks for nan, as of a float); a Value equals a plain number by its data. To compare the numbers of two,
    write ``a.data == b.data``, and in a compiled function ``a - b == 0.0``. The order (``<``) is that of the numbers.

    Other attributes are the user's, as an optimizer's moments: ``p.m = 0.0``. A subclass keeps its class through
    arithmetic; as with NumPy and PyTorch, results are made without its ``__init__``.

    An operation of one's own can be written as for micrograd: ``Value(data, (x,), "tanh")`` with an ``out._backward``
    that adds to ``x.grad``, or ``Value(data, (a, b), (b.data, a.data))`` with a local gradient for each child.
    `custom_op` makes one that can do more: forward mode, higher derivatives, arrays, compiled functions.
    """

    __slots__ = ("__dict__",)
    is_scalar = True

    def __init__(
        self,
        data: Any,
        _children: Iterable["Value"] | str = (),
        _op: str | Iterable[Any] = "",
        label: str = "",
        *,
        requires_grad: bool = True,
        children: Iterable["Value"] = (),
        local_grads: Iterable[Any] = (),
    ) -> None:
        if not isinstance(label, str):
            raise TypeError(f"label is the name a picture shows, a str; got {type(label).__name__} {label!r}")
        if data.__class__ is not float:
            if MODE.tape is not None:
                name = label or (_children if isinstance(_children, str) else "")
                by_hand = children or local_grads or _op or (_children and not isinstance(_children, str))
                if MODE.tape.becomes(self, data, name, by_hand):
                    return
            data = as_float(data)
        self.data: float = data
        self.grad: Any = NO_GRADIENT
        self.label = label
        self.op = None
        self.parents = ()
        self.saved = None
        self.requires_grad = requires_grad
        self.code = None
        if (scope := MODE.scope) is not None:
            remember_place(self, _frame(1), scope)
        if _children or _op or children or local_grads:
            if isinstance(_children, str):
                self.label = _children
            else:
                from autograd.by_hand import write

                write(self, _children or children, _op or local_grads)

    @classmethod
    def _constant(cls, data: Any) -> Self:
        constant = _new(cls)
        constant.data = data if data.__class__ is float else as_float(data)
        constant.grad = NO_GRADIENT
        constant.label = ""
        constant.op = None
        constant.parents = ()
        constant.saved = None
        constant.requires_grad = False
        constant.code = None  # a number in an expression has no name
        return constant

    @classmethod
    def _lift(cls, operands: Iterable[Any]) -> tuple["Value", ...]:
        return tuple([x if isinstance(x, Value) else cls._constant(x) for x in operands])

    @classmethod
    def _apply(cls, op: Op, *args: Any) -> "Value":
        common = MODE.usual and len(args) == op.arity
        for a in args:
            if a.__class__ is not Value or not a.requires_grad:
                common = False
        if not common:
            try:
                if MODE.tape is not None:
                    return MODE.tape.apply(op, args)  # type: ignore[no-any-return]
                args = Value._lift(args if len(args) == op.arity else op.complete(args))
            except TypeError:
                if not has_array(args):
                    raise
                return over_arrays(cls, op, args)  # type: ignore[no-any-return]
        if len(args) == 2:
            a, b = args
            xs: tuple[float, ...] = (a.data, b.data)
        else:
            xs = tuple([p.data for p in args])
        try:
            y = op.forward(SCALARS, *xs)
        except (ArithmeticError, ValueError):  # Python raises where IEEE 754 has an answer
            y = ieee(op.forward, *xs)
        except TypeError:
            for x in xs:
                if not isinstance(x, Value):
                    as_float(x)  # which says of a p.data that is no number what to write
            raise
        if y.__class__ is not float:
            y, xs = _in_floats(op, y, xs)
        if common:
            return _node(op, y, args, (y, *xs))
        return _record(op, y, xs, args)

    @classmethod
    def _reduce(cls, op: Reduction, operands: tuple[Any, ...]) -> "Value":
        if not operands:
            raise ValueError(f"{op.name}() of no numbers; give it at least one")
        if MODE.usual:
            xs = tuple([x.data for x in operands if x.__class__ is Value and x.requires_grad])
            if len(xs) == len(operands):
                y = op.forward(xs)
                if y.__class__ is not float:
                    y, xs = _in_floats(op, y, xs)
                return _node(op, y, operands, (y, *xs))
        elif MODE.tape is not None:
            return MODE.tape.record(op, operands)  # type: ignore[no-any-return]
        parents = Value._lift(operands)
        xs = tuple([p.data for p in parents])
        return _record(op, *_in_floats(op, op.forward(xs), xs), parents)

    def add_grad(self, g: Any) -> None:
        fresh = not isinstance(self.grad, Node) and not self.grad
        self.grad = g if fresh else self.grad + g

    def zero_grad(self) -> None:
        self.grad = NO_GRADIENT

    def vjp(self, g: float) -> Contributions:
        """The rule of the row, on the numbers that this node saved: two halves of a closure.

        A function object that held both would be one more for the garbage collector to visit at every node; a
        tuple of numbers it does not even look at. That is a quarter of the time of a training step.
        """
        if self.saved[0].__class__ is tuple:  # with a mask, for there are constants among the parents
            return self.op.masked_vjp(self.saved, g)  # type: ignore[no-any-return]
        return self.op.scalar_vjp(self.saved, g)  # type: ignore[no-any-return]

    def jvp(self, tangents: Sequence[float | None]) -> float | None:
        """Σ ∂y/∂x_i t_i: the partials are what `vjp` sends for an upstream gradient of 1."""
        partials = [None if d == 0.0 and self.op.selects else d for d in self.vjp(1.0)]
        terms = [d * t for d, t in zip(partials, tangents, strict=True) if d is not None and t is not None]
        return sum(terms, 0.0) if terms else None

    def _recorded_vjp(self, g: Node) -> Sequence[Node | None]:
        wanted, op = self._wanted(), self.op
        if isinstance(op, Reduction) and op.radial and self.data == 0.0:
            from autograd.functions import NODES

            if (ratio := divided(NODES, g, self)) is not None:
                return [ratio * x if want else None for x, want in zip(self.parents, wanted, strict=True)]
        partials = self._recorded_partials(wanted)
        return [None if d is None else Value._constant(0.0) if self._unselected(d, g) else g * d for d in partials]

    def _recorded_jvp(self, tangents: Sequence[Node | None]) -> Node | None:
        wanted = tuple([want and t is not None for want, t in zip(self._wanted(), tangents, strict=True)])
        partials = self._recorded_partials(wanted)
        pairs = [(d, t) for d, t in zip(partials, tangents, strict=True) if d is not None and t is not None]
        terms: list[Node] = [d * t for d, t in pairs if not self._unselected(d, t)]
        return reduce(add, terms) if terms else None

    def _wanted(self) -> Mask:
        """Which of the parents were no constants when this was made."""
        masked = self.saved[0].__class__ is tuple
        return self.saved[1] if masked else (True,) * len(self.parents)

    def _recorded_partials(self, wanted: Mask) -> Sequence[Any]:
        from autograd.functions import NODES

        self._check_recorded()
        return self.op.node_partials(NODES, self, self.parents, wanted)  # type: ignore[no-any-return]

    def _check_recorded(self) -> None:
        """Refuse to compute on nodes a rule that needs numbers which its nodes no longer have."""
        masked = self.saved[0].__class__ is tuple
        before = self.saved[0] if masked else self.saved
        nodes = (self, *self.parents)
        if before != tuple([node.data for node in nodes]):
            pairs = zip(nodes, before, strict=True)
            saved = tuple([x if same(node.data, x) else Moved(node, x, self.op) for node, x in pairs])
            probe = _new(Value)
            probe.op, probe.saved = self.op, (saved, self.saved[1]) if masked else saved
            probe.vjp(1.0)

    def _unselected(self, d: Any, g: Node) -> bool:
        """Whether 0 is the product of partial ``d`` with ``g``; of one that can move only where the product is nan."""
        return self.op.selects and plain(d) == 0.0 and not (_varies(d) and isfinite(g.data))

    def backward(self, *, create_graph: bool = False, retain_graph: bool | None = None) -> None:
        """Put d(self)/d(node) into ``node.grad`` for every node that this one was made from.

        Interior nodes are set, leaves are added to: call it twice and the leaves double; start a new pass with
        ``leaf.grad = 0.0`` (or `Module.zero_grad`). With ``create_graph`` the gradients are `Value`s with a
        graph of their own, and can be differentiated again. PyTorch's ``retain_graph`` changes nothing: a graph
        lives as long as its result, and another pass may follow.
        """
        backward(self, Value._constant(1.0) if create_graph else 1.0, create_graph)

    def explain(self, leaf: "Value", *, most: int = 10) -> Any:
        """Every path from this number to ``leaf``, with the product of its local derivatives; see `viz.explain`."""
        from autograd.viz import explain

        return explain(self, leaf, most=most)

    # ----- a number among numbers -----

    @classmethod
    def _plain(cls, other: Any) -> Any:
        if has_array((other,)):
            return other  # each of it is compared
        return other.data if isinstance(other, Value) else as_float(other)

    def __eq__(self, other: object) -> Any:
        if isinstance(other, Value):
            return self is other and self.data == self.data  # nan is no number, not even this one
        COMPARED[0] += 1
        return NotImplemented if isinstance(other, Node | np.ndarray) else self.data == other

    def __ne__(self, other: object) -> Any:
        if isinstance(other, Value):
            return self is not other or self.data != self.data
        return NotImplemented if isinstance(other, Node | np.ndarray) else self.data != other

    __hash__ = Node.__hash__

    def item(self) -> float:
        return self.data if self.data.__class__ is float else as_float(self.data)

    def __bool__(self) -> bool:
        return self.data != 0.0

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return written(f"Value(data={self.data!r}, grad={plain(self.grad)!r}{label})")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from autograd.viz.picture import display_bundle

        return display_bundle(self)

    def _repr_svg_(self) -> str | None:  # for hosts that know no bundles
        return self._repr_mimebundle_().get("image/svg+xml")

    # ----- micrograd's names -----

    @property
    def _backward(self) -> Any:
        """Send this node's ``grad`` one step back to its parents: backpropagation by hand, as in the lecture.

        A function may be assigned to it, and takes the place of the rule.
        """
        return self._send

    @_backward.setter
    def _backward(self, closure: Any) -> None:
        from autograd.by_hand import assign

        assign(self, closure)

    def _send(self) -> None:
        if self.saved:
            for parent, d in zip(self.parents, self.vjp(plain(self.grad)), strict=True):
                if d is not None:
                    parent.grad += d

    @property
    def _children(self) -> tuple[Node, ...]:
        return self.parents

    @property
    def _local_grads(self) -> tuple[float | None, ...]:
        return tuple(self.vjp(1.0)) if self.saved else ()


class StandIn(Value):
    """A Value that behaves in another way, as while it is traced: a class to put on one, and to take off again.

    own: the class that it has for its user, whose methods and attributes it keeps
    """

    __slots__ = ()
    _own: ClassVar[type[Value]] = Value

    def __init_subclass__(cls) -> None:
        """The user's class has been told of itself, and need not be told of this."""

    @classmethod
    def over(cls, kind: type[Value]) -> type[Self]:
        """This stand-in for Values of class ``kind``."""
        return _over(cls, own_class(kind))  # type: ignore[arg-type, no-any-return]

    @classmethod
    def _constant(cls, data: Any) -> Any:
        return cls._own._constant(data)

    def _copied_as(self) -> tuple[Any, ...]:
        return (self._own,)


@lru_cache
def _over(role: Any, own: type[Value]) -> Any:
    if own is Value:
        return role
    body = {"__slots__": (), "__module__": own.__module__, "_own": own}
    return new_class(own.__name__, (role, own), {}, lambda namespace: namespace.update(body))


def own_class(kind: type[Value]) -> type[Value]:
    """The class that a Value of class ``kind`` has for its user."""
    return kind._own if issubclass(kind, StandIn) else kind


def common_class(nodes: Iterable[Value]) -> type[Value]:
    """The class of what is computed from ``nodes``: the user's subclass, of several the first or the most special."""
    found = Value
    for kind in dict.fromkeys(map(type, nodes)):
        if issubclass(own := own_class(kind), found):
            found = own
    return found


def has_array(args: Iterable[Any]) -> bool:
    """Whether there is an array among ``args`` that is not simply a number."""
    arrays = [a for a in args if isinstance(a, np.ndarray) and a.ndim]
    return any(a.dtype == object or a.size != 1 for a in arrays)


def over_arrays(cls: type[Value], op: Op, args: tuple[Any, ...]) -> Any:
    """Row ``op`` on each element of the arrays among ``args``, as NumPy does it: an array of Values."""
    return np.frompyfunc(lambda *xs: cls._apply(op, *xs), len(args), 1)(*args)


def _node(
    op: Op | Reduction, y: Any, parents: tuple[Value, ...], saved: tuple[Any, ...], kind: type[Value] = Value
) -> Value:
    out = _new(kind)
    out.data = y
    out.grad = 0.0
    out.label = ""
    out.op = op
    out.parents = parents
    out.saved = saved
    out.requires_grad = True
    if (scope := MODE.scope) is not None:
        remember_place(out, _frame(3), scope)
    else:
        out.code = None
    return out


def _varies(x: Any) -> bool:
    return isinstance(x, Node) and x.requires_grad


_new, _frame = Value.__new__, sys._getframe


def _in_floats(op: Op | Reduction, y: Any, xs: tuple[Any, ...]) -> tuple[float, tuple[float, ...]]:
    """A result and its operands as floats: a ``p.data`` was assigned another number, or a rule returned one.

    A NumPy float32 would round all that it meets, so ``y`` is computed again.
    """
    if isinstance(y, Node):  # by a rule on numbers: one of them was none
        raise TypeError(data_message(type(y).__name__))
    if any(x.__class__ is not float for x in xs):
        xs = tuple(map(as_float, xs))
        y = ieee(op.forward, *xs) if isinstance(op, Op) else op.forward(xs)
    return as_float(y), xs


def _record(op: Op | Reduction, y: Any, xs: tuple[float, ...], parents: tuple[Value, ...]) -> Value:
    """The result ``y`` where something is uncommon: constants among the parents, or a mode in force."""
    usual = MODE.usual
    wanted = tuple([p.requires_grad for p in parents]) if usual or MODE.recording else ()
    kind = Value
    for p in parents:
        if p.__class__ is not Value:
            kind = common_class(parents)
            break
    out = _node(op, y, parents, ((y, *xs), wanted), kind) if any(wanted) else marked_result(kind._constant(y))
    if not usual and MODE.anomaly:
        check_forward(out, op, parents)
    return out


_INSTEAD: tuple[tuple[Any, str], ...] = (
    (str, "convert it first: Value(float(text))"),
    ((complex, np.complexfloating), "take its .real or its abs()"),
    ((np.ndarray, list, tuple), "use a Tensor, or one Value for each element"),
    (Node, MIXED),
)


def same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)


def as_float(data: Any) -> float:
    """``data`` as a Python float, or a `TypeError` that says what to write instead."""
    number = data.item() if isinstance(data, np.ndarray) and data.size == 1 else data
    if isinstance(number, Real | np.bool_):
        try:
            return float(number)
        except OverflowError:
            raise OverflowError(f"a Value is at most 1.8e308, and this {type(number).__name__} is larger") from None
    instead = next((text for kinds, text in _INSTEAD if isinstance(data, kinds)), "give a float or an int")
    text = repr(data)
    text = text if len(text) <= 60 else text[:57] + "..."
    raise TypeError(f"a Value is one real number, not {type(data).__name__} {text}; {instead}")
