"""The graph: nodes, their order, and the backward pass. Scalars and arrays share every line of it.

A node knows its parents; a parent does not know its children. So dropping the result of a computation frees the
whole graph by reference counting, without waiting for the garbage collector.
"""

import math
import reprlib
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from operator import getitem
from types import CodeType
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar
from weakref import WeakSet

import numpy as np

from autograd.collector import LARGE, look_on
from autograd.conversions import check_conversion, class_name
from autograd.errors import GraphError
from autograd.masked import has_nan, repeated
from autograd.modes import MODE, Scope, check_derivative, setting
from autograd.ops import OPS
from autograd.words import there

N = TypeVar("N", bound="Node")


class Node:
    """A number (`Value`) or an array of them (`Tensor`) that remembers where it came from.

    data:          what it is
    grad:          d(root)/d(this), left here by `backward`
    label:         a name for pictures
    parents:       the operands, in order and with repeats: ``x * x`` has two
    op:            the row of the table that made it; None for a leaf
    saved:         what `vjp`, the local-gradient closure, needs of the forward pass; None for a leaf
    requires_grad: False for a constant: a plain number mixed into an expression, a `detach`ed node, anything
                   made under `no_grad`
    result:        set, and True, on a constant that was computed while a model ran: it is no part of the model's state
    code, instruction, scope: where in the user's program it was made, for pictures to find its name and line, and
                   in which call of which model; code is None where `no_names` was in force
    is_scalar:     True of a `Value`, False of a `Tensor`, also of one without axes
    """

    __slots__ = (
        "__weakref__", "code", "data", "grad", "instruction", "label", "op", "parents", "requires_grad", "result",
        "saved", "scope",
    )  # fmt: skip

    data: Any
    grad: Any
    label: str
    op: Any
    parents: tuple["Node", ...]
    requires_grad: bool
    saved: Any
    result: bool
    code: CodeType | None
    instruction: int
    scope: Scope
    is_scalar: ClassVar[bool]

    # ----- what `Value` and `Tensor` provide -----

    @classmethod
    def _apply(cls, op: Any, *args: Any) -> Self:
        """Compute row ``op`` on ``args``, nodes or plain numbers, and record it."""
        raise NotImplementedError

    @classmethod
    def _constant(cls, data: Any) -> Self:
        """A leaf that asks for no gradient."""
        raise NotImplementedError

    def add_grad(self, g: Any) -> None:
        """Add the gradient of one backward pass to ``grad``; for leaves."""
        raise NotImplementedError

    def zero_grad(self) -> None:
        """Forget the gradient, so that the next backward pass starts anew."""
        raise NotImplementedError

    def vjp(self, g: Any) -> Sequence[Any]:
        """The local-gradient closure: upstream gradient in, one contribution for each parent out.

        None for a parent that is a constant. It works on the numbers `saved` in the forward pass, not on the
        parents: it keeps no node alive, and whoever moves a parent's data afterwards does not change it. A `Tensor`
        whose array was changed in place raises a `GraphError`, if the rule needs its numbers.
        """
        raise NotImplementedError

    def jvp(self, tangents: Sequence[Any]) -> Any:
        """The same rule forwards: a tangent for each parent in, this node's tangent out. None: it does not move."""
        raise NotImplementedError

    def _recorded_vjp(self, g: "Node") -> Sequence["Node | None"]:
        """What `vjp` computes, but on nodes: the contributions can be differentiated again."""
        raise NotImplementedError

    def _recorded_jvp(self, tangents: Sequence["Node | None"]) -> "Node | None":
        """What `jvp` computes, but on nodes."""
        raise NotImplementedError

    def detach(self) -> Self:
        """The same number as a constant: gradients stop here."""
        return marked_result(self._constant(self.data))

    def draw(self, **options: Any) -> Any:
        """The graph that this was made from, as a picture to show or to save; options as in `viz.draw`."""
        from autograd.viz import draw

        return draw(self, **options)

    # ----- arithmetic -----

    def __add__(self, other: Any) -> Self:
        return self._apply(OPS["add"], self, other)

    def __radd__(self, other: Any) -> Self:  # other + self
        return self._apply(OPS["add"], other, self)

    # ----- x += y: a new node as x + y is, and no change of x -----

    def __iadd__(self, other: Any) -> Self:
        if not self.parents:
            self._check_in_place("+=")
        return self._apply(OPS["add"], self, other)

    def __isub__(self, other: Any) -> Self:
        if not self.parents:
            self._check_in_place("-=")
        return self._apply(OPS["sub"], self, other)

    def _check_in_place(self, sign: str) -> None:
        """Refuse PyTorch's ``p -= lr * p.grad`` under `no_grad`, which would leave the parameter as it is."""
        if not MODE.recording and self.requires_grad and self.grad is not None and np.any(plain(self.grad)):
            kind = class_name(self)
            raise GraphError(
                f"p {sign} … makes a new {kind} and leaves the parameter as it is; write p.data {sign} … to move it, "
                f"or q = p {sign[0]} … for a new {kind}"
            )

    def __sub__(self, other: Any) -> Self:
        return self._apply(OPS["sub"], self, other)

    def __rsub__(self, other: Any) -> Self:  # other - self
        return self._apply(OPS["sub"], other, self)

    def __mul__(self, other: Any) -> Self:
        return self._apply(OPS["mul"], self, other)

    def __rmul__(self, other: Any) -> Self:  # other * self
        return self._apply(OPS["mul"], other, self)

    def __truediv__(self, other: Any) -> Self:
        return self._apply(OPS["div"], self, other)

    def __rtruediv__(self, other: Any) -> Self:  # other / self
        return self._apply(OPS["div"], other, self)

    def __mod__(self, other: Any) -> Self:
        return self._apply(OPS["remainder"], self, other)

    def __rmod__(self, other: Any) -> Self:  # other % self
        return self._apply(OPS["remainder"], other, self)

    def __floordiv__(self, other: Any) -> Self:
        return self._apply(OPS["floor_divide"], self, other)

    def __rfloordiv__(self, other: Any) -> Self:  # other // self
        return self._apply(OPS["floor_divide"], other, self)

    def __divmod__(self, other: Any) -> tuple[Self, Self]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Self, Self]:  # divmod(other, self)
        return other // self, other % self

    def __pow__(self, other: Any) -> Self:
        return self._apply(OPS["power"], self, other)

    def __rpow__(self, other: Any) -> Self:  # other ** self
        return self._apply(OPS["power"], other, self)

    def __neg__(self) -> Self:
        return self._apply(OPS["neg"], self)

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Self:
        return self._apply(OPS["abs"], self)

    if TYPE_CHECKING:  # the other operations of the table are attached by `autograd.functions`

        def __getattr__(self, name: str) -> Callable[..., Self]: ...

    def __dir__(self) -> list[str]:
        return there(type(self), object.__dir__(self))

    # ----- a number among numbers -----

    @classmethod
    def _plain(cls, other: Any) -> Any:
        """The number or array that ``other`` is, or holds; a `TypeError` if it is none."""
        raise NotImplementedError

    def item(self) -> float:
        """The plain number, as in NumPy and PyTorch."""
        raise NotImplementedError

    def __float__(self) -> float:
        if self.requires_grad and (MODE.differentiating or MODE.recording):
            check_conversion(self, sys._getframe(1))
        return self.item()

    def as_integer_ratio(self) -> tuple[int, int]:  # `statistics` asks for it, and `Fraction`
        if self.requires_grad and (MODE.differentiating or MODE.recording):
            check_conversion(self, sys._getframe(1))
        return self.item().as_integer_ratio()

    def __int__(self) -> int:
        return int(self.item())

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.item(), digits)

    def __trunc__(self) -> int:
        return math.trunc(self.item())

    def __floor__(self) -> int:
        return math.floor(self.item())

    def __ceil__(self) -> int:
        return math.ceil(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    def __lt__(self, other: Any) -> Any:
        return self.data < self._plain(other)

    def __le__(self, other: Any) -> Any:
        return self.data <= self._plain(other)

    def __gt__(self, other: Any) -> Any:
        return self.data > self._plain(other)

    def __ge__(self, other: Any) -> Any:
        return self.data >= self._plain(other)

    def __eq__(self, other: object) -> Any:
        return self.data == plain(other)

    def __ne__(self, other: object) -> Any:
        return self.data != plain(other)

    __hash__ = object.__hash__  # by identity: two equal numbers are still two nodes

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let a leaf want a gradient, or be a constant; returns it, as in PyTorch."""
        if self.parents and not requires_grad:
            raise GraphError(
                "what was computed from others has a gradient if they have; write x = x.detach() to cut it off"
            )
        self.requires_grad = requires_grad
        return self

    # ----- copies and pickles: of a result they have the graph, which may be of any depth -----

    def _copied_as(self) -> tuple[Any, ...]:
        """The class of a copy; and where that is one of several at work, the stand-in over it."""
        return (type(self),)

    def __getstate__(self) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """For copies and pickles: the user's attributes, and all but the place in a program that need not be there."""
        state: Any = super().__getstate__()
        attributes, kept = state
        return attributes, {slot: kept[slot] for slot in kept if slot not in ("code", "instruction", "scope", "_array")}

    def __setstate__(self, state: tuple[dict[str, Any] | None, dict[str, Any]]) -> None:
        attributes, kept = state
        for name, item in {**(attributes or {}), **kept}.items():
            setattr(self, name, item)

    def __reduce_ex__(self, protocol: Any) -> Any:
        kind, state = self._copied_as(), self.__getstate__()
        if any(self in written.known for written in _WRITTEN.all):
            attributes, kept = state
            return _blank, (kind,), (attributes, kept if not isinstance(self.grad, Node) else {**kept, "grad": None})
        nodes, place = _with_gradients(self)
        return (getitem, (_Written(nodes), place)) if len(nodes) > 1 else (_blank, (kind,), state)

    def __copy__(self) -> Any:
        copied = _blank(self._copied_as())
        copied.__setstate__(self.__getstate__())
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        nodes = [node for node in _with_gradients(self)[0] if id(node) not in memo]
        for node in nodes:
            memo[id(node)] = _blank(node._copied_as())
        for node in nodes:
            memo[id(node)].__setstate__(deepcopy(node.__getstate__(), memo))
        return memo[id(self)]

    # ----- micrograd's names for the same things -----

    @property
    def _prev(self) -> set["Node"]:
        return set(self.parents)

    @property
    def _op(self) -> str:
        return self.op.symbol if self.op else ""


def _blank(kind: tuple[Any, ...]) -> Node:
    """A node of which nothing is known yet; ``kind``: what `_copied_as` says."""
    own, *stand_in = kind
    return object.__new__(stand_in[0].over(own) if stand_in else own)  # type: ignore[no-any-return]


def _with_gradients(root: Node) -> tuple[list[Node], int]:
    """All that a copy of ``root`` has, parents before children, and the place of ``root`` there.

    A gradient may be a node too, made from the nodes that have it.
    """
    seen: set[Node] = set()
    order = _walk([root], seen)
    place = len(order) - 1
    for node in order:  # which grows
        if isinstance(node.grad, Node):
            order += _walk([node.grad], seen)
    return order, place


class _Written:
    """Nodes, parents before children, as a pickler writes them: no deeper for a long graph than for a short one.

    It meets each after its parents. Gradients that are nodes follow when all nodes are there.

    known: those that are being written now
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes, self.known = nodes, set(nodes)
        _WRITTEN.all.add(self)

    def __reduce__(self) -> Any:
        return list, (self.nodes,), _Gradients(self), None, None, _give


class _Gradients:
    """What the pickler meets after all nodes."""

    def __init__(self, written: _Written) -> None:
        self.written = written

    def __reduce__(self) -> Any:
        self.written.known = set()
        return list, ([(node, node.grad) for node in self.written.nodes if isinstance(node.grad, Node)],)


def _give(nodes: Sequence[Node], gradients: Sequence[tuple[Node, Node]]) -> None:
    for node, gradient in gradients:
        node.grad = gradient


class _InThread(threading.local):
    def __init__(self) -> None:
        self.all: WeakSet[_Written] = WeakSet()


_WRITTEN = _InThread()


def plain(x: Any) -> Any:
    """What ``x`` holds if it is a node; ``x`` itself if it is a number or an array."""
    return x.data if isinstance(x, Node) else x


def marked_result(constant: N) -> N:
    """``constant``, just computed, with the mark of a `result` if a model runs, or one of `nn`'s loops."""
    if MODE.scope != ():
        constant.result = True
    return constant


# ----- order -----


def topological_order(root: Node) -> list[Node]:
    """Every node that ``root`` was made from, parents before children, ``root`` last. No recursion.

    A depth-first walk that takes the left operand first, so that an expression comes out in the order in which
    Python evaluated it.
    """
    if not isinstance(root, Node):
        raise TypeError(
            f"root is the Value or Tensor to start from, such as a loss; got {type(root).__name__} {reprlib.repr(root)}"
        )
    return _walk([root], set())


def _walk(roots: Sequence[Node], seen: set[Node]) -> list[Node]:
    """The topological order of ``roots``; the nodes in ``seen`` are left out, and what is behind them."""
    order: list[Node] = []
    stack: list[Any] = [*reversed(roots)]
    while stack:
        node = stack.pop()
        if node is None:  # marks a node whose parents are all in the order by now
            order.append(stack.pop())
        elif node not in seen:
            seen.add(node)
            if node.parents:
                stack += (node, None)
                stack += [parent for parent in node.parents[::-1] if parent not in seen]
            else:
                order.append(node)
    return order


def between(inputs: Iterable[Node], outputs: Sequence[Node]) -> list[Node]:
    """The nodes by which ``outputs`` depend on ``inputs``, in topological order, the inputs left out."""
    return dependent(inputs, behind(inputs, outputs))


def behind(inputs: Iterable[Node], outputs: Sequence[Node]) -> list[Node]:
    """Every node that ``outputs`` were made from, in topological order, up to the inputs, which are left out."""
    return _walk(outputs, set(inputs))


def dependent(inputs: Iterable[Node], order: Sequence[Node]) -> list[Node]:
    """The nodes of ``order`` that depend on ``inputs``."""
    found = set(inputs)
    kept = []
    for node in order:
        if node.requires_grad and not found.isdisjoint(node.parents):
            found.add(node)
            kept.append(node)
    return kept


# ----- the chain rule, backwards and forwards -----


def backward(root: Node, seed: Any, create_graph: bool = False) -> None:
    """Leave d(root)/d(node) in the ``grad`` of every node that ``root`` was made from.

    Interior nodes get this pass's gradient; leaves add it to what they have, so that a second call doubles the
    leaves exactly. A pass that fails leaves every gradient as it was.
    """
    if not root.requires_grad:
        raise unrecorded(root)
    order = topological_order(root)
    if len(order) > LARGE:
        look_on(Node)
    of_arrays = root.data.__class__ is not float
    if create_graph:
        found = pullback(order, {root: seed}, True)
        if of_arrays and has_nan(found.get(node) for node in order if not node.parents):
            found = repeated(pullback, order, {root: seed}, True)
        for node, g in found.items():
            if node.parents:
                node.grad = g
            else:
                node.add_grad(g)
        return
    before = [node.grad for node in order]
    anomaly = MODE.anomaly
    try:  # as `pullback`, but in the slots of the nodes: an eighth faster than in a dictionary
        for node in order:
            node.grad = None
        root.grad = seed
        for node in reversed(order):
            g = node.grad
            if node.saved is None or g is None:  # a leaf; or cut off, by requires_grad = False on an interior node
                continue
            contributions = node.vjp(g)
            if anomaly:
                check_derivative(node, "gradient", "upstream", g, contributions)
            for parent, d in zip(node.parents, contributions):  # noqa: B905 (the hottest line there is)
                if parent.grad is None:
                    parent.grad = d
                elif d is not None:
                    parent.grad = parent.grad + d
        if of_arrays and has_nan(node.grad for node in order if not node.parents):
            found = repeated(pullback, order, {root: seed}, False)
            for node in order:
                node.grad = found.get(node)
    except BaseException:
        for node, old in zip(order, before, strict=True):
            node.grad = old
        raise
    for node, old in zip(order, before, strict=True):
        g = node.grad
        if g is None:  # a constant: nobody sends it anything
            node.grad = old
        elif not node.parents:
            node.grad = old
            node.add_grad(g)


def unrecorded(root: Any) -> GraphError:
    """What is said of a result without a graph."""
    return GraphError(
        f"backward() on {root!r}: nothing was recorded for it, because it was made under no_grad(), "
        f"detached, or computed from plain numbers only; build it from Values or Tensors outside no_grad()"
    )


def pullback(order: Sequence[Node], gradients: Mapping[Node, Any], recorded: bool) -> dict[Node, Any]:
    """Reverse mode: from the gradients of some nodes to those of all nodes that these were made from.

    order:    the nodes to go through, in topological order
    recorded: compute on nodes, so that what comes out can be differentiated again
    """
    found = dict(gradients)
    with setting(differentiating=MODE.differentiating or recorded):
        for node in reversed(order):
            g = found.get(node)
            if g is None or node.saved is None:
                continue
            contributions = node._recorded_vjp(g) if recorded else node.vjp(g)
            if MODE.anomaly:
                check_derivative(node, "gradient", "upstream", g, [plain(d) for d in contributions])
            for parent, d in zip(node.parents, contributions, strict=True):
                if d is not None:
                    found[parent] = found[parent] + d if parent in found else d
    return found


def pushforward(order: Sequence[Node], tangents: Mapping[Node, Any], recorded: bool) -> dict[Node, Any]:
    """Forward mode: from the tangents of some nodes to those of all nodes in ``order``, which are made from them.

    A tangent belongs to this walk and to its node, which are the tag that keeps it apart from every other
    perturbation: a derivative inside a derivative goes over nodes of its own.
    """
    found = dict(tangents)
    with setting(differentiating=MODE.differentiating or recorded):
        for node in order:
            moved = [found.get(parent) for parent in node.parents]
            if all(t is None for t in moved):
                continue
            tangent = node._recorded_jvp(moved) if recorded else node.jvp(moved)
            if MODE.anomaly:
                moving = [plain(t) for t in moved if t is not None]
                check_derivative(node, "tangent", "tangents", moving, [plain(tangent)])
            if tangent is not None:
                found[node] = tangent
    return found
