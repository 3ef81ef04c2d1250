"""The graph: nodes, their order, and the backward pass. Scalars and arrays share every line of it.

A node knows its parents; a parent does not know its children. So dropping the result of a computation frees the
whole graph by reference counting, without waiting for the garbage collector.
"""

import gc
import linecache
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakKeyDictionary

import numpy as np

from autograd.errors import AnomalyError, GraphError
from autograd.ops import OPS

Vjp = Callable[[Any], Sequence[Any]]


class Node:
    """A number (`Value`) or an array of them (`Tensor`) that remembers where it came from.

    data:          what it is
    grad:          d(root)/d(this), left here by `backward`
    label:         a name for pictures
    parents:       the operands, in order and with repeats: ``x * x`` has two
    op:            the row of the table that made it; None for a leaf
    vjp:           the local-gradient closure: upstream gradient in, one contribution for each parent out
                   (None for a parent that is a constant)
    requires_grad: False for a constant: a plain number mixed into an expression, a `detach`ed node, anything
                   made under `no_grad`
    """

    __slots__ = ("__weakref__", "data", "grad", "label", "op", "parents", "requires_grad", "vjp")
    __array_ufunc__ = None  # so that `numpy_number * node` asks the node's __rmul__

    data: Any
    grad: Any
    label: str
    op: Any
    parents: tuple["Node", ...]
    requires_grad: bool
    vjp: Vjp | None

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

    def _recorded_vjp(self, g: "Node") -> Sequence["Node | None"]:
        """What `vjp` computes, but on nodes: the contributions can be differentiated again."""
        raise NotImplementedError

    def detach(self) -> Self:
        """The same number as a constant: gradients stop here."""
        return self._constant(self.data)

    def draw(self, **options: Any) -> Any:
        """The graph that this was made from, as a picture to show or to save; options as in `viz.draw`."""
        from autograd.viz import draw

        return draw(self, **options)

    # ----- arithmetic -----

    def __add__(self, other: Any) -> Self:
        return self._apply(OPS["add"], self, other)

    def __radd__(self, other: Any) -> Self:  # other + self
        return self._apply(OPS["add"], other, self)

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

    # ----- micrograd's names for the same things -----

    @property
    def _prev(self) -> tuple["Node", ...]:
        return self.parents

    @property
    def _op(self) -> str:
        return self.op.symbol if self.op else ""


# ----- modes, each thread with its own -----


class _Mode(threading.local):
    recording: bool = True
    anomaly: bool = False
    usual: bool = True
    """Recording and not looking for anomalies: one look decides the common case."""
    quiet: bool = False
    """NumPy has already been told to follow IEEE 754 without a word."""
    origins: "WeakKeyDictionary[Node, str] | None" = None
    """Where each node was made; kept only inside `detect_anomaly`."""


MODE = _Mode()


@contextmanager
def _mode(**settings: Any) -> Iterator[None]:
    before = {name: getattr(MODE, name) for name in settings}
    try:
        _set_mode(settings)
        yield
    finally:
        _set_mode(before)


def _set_mode(settings: dict[str, Any]) -> None:
    for name, setting in settings.items():
        setattr(MODE, name, setting)
    MODE.usual = MODE.recording and not MODE.anomaly


def no_grad() -> Any:
    """``with no_grad():`` record nothing; results are constants. For evaluation and parameter updates."""
    return _mode(recording=False)


def detect_anomaly() -> Any:
    """``with detect_anomaly():`` the first operation that makes a nan or an inf raises `AnomalyError`.

    The error names the operation, its operands and the source line that wrote it. Forward operations are
    checked as they happen; `backward` called inside the block checks every contribution it sends.
    """
    return _mode(anomaly=True, origins=WeakKeyDictionary())


@contextmanager
def ieee_arithmetic() -> Iterator[None]:
    """Let NumPy answer as IEEE 754 does, without warnings: once for a whole loop, else for each operation."""
    with np.errstate(all="ignore"), _mode(quiet=True):
        yield


_PACKAGES = tuple(str(Path(__file__).parents[1] / name) + os.sep for name in ("autograd", "nn"))


def user_line() -> str:
    """The innermost source line that is not glassgrad's own, as ``file:line: text``."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGES):
        frame = frame.f_back
    name, line = frame.f_code.co_filename, frame.f_lineno
    return f"{name}:{line}: {linecache.getline(name, line).strip()}"


def _short(data: Any) -> str:
    with np.printoptions(threshold=20, edgeitems=2):
        return repr(data)


def _operands(nodes: Sequence[Node]) -> str:
    shown = [f"{node.label or 'argument'} = {_short(node.data)}" for node in nodes[:4]]
    return ", ".join(shown + ["…"] * (len(nodes) > 4))


def check_forward(node: Node, op: Any, operands: Sequence[Node]) -> None:
    """Raise if ``node``, just made inside `detect_anomaly`, is nan or inf; else remember where it was made."""
    line = user_line()
    if not np.all(np.isfinite(node.data)):
        raise AnomalyError(
            f"{op.name} made {_short(node.data)} from {_operands(operands)}\n  at {line}\n"
            f"Keep the operands inside the domain of {op.name} there, for example by clip() or a small constant."
        )
    if MODE.origins is not None:
        MODE.origins[node] = line


def _check_backward(node: Node, g: Any, contributions: Sequence[Any]) -> None:
    for d in contributions:
        if d is not None and not np.all(np.isfinite(getattr(d, "data", d))):
            outside = "a line outside detect_anomaly(): put the forward pass inside to see it here"
            line = outside if MODE.origins is None else MODE.origins.get(node, outside)
            raise AnomalyError(
                f"the gradient of {node.op.name} made {_short(d)} from upstream {_short(g)} "
                f"and {_operands(node.parents)}\n  at {line}"
            )


# ----- order and backward -----


def topological_order(root: Node) -> list[Node]:
    """Every node that ``root`` was made from, parents before children, ``root`` last. No recursion.

    A depth-first walk that takes the left operand first, so that an expression comes out in the order in which
    Python evaluated it.
    """
    if not isinstance(root, Node):
        raise TypeError(f"root is the Value or Tensor to start from, not {type(root).__name__}")
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[Any] = [root]
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


def backward(root: Node, seed: Any, create_graph: bool = False) -> None:
    """Leave d(root)/d(node) in the ``grad`` of every node that ``root`` was made from.

    Interior nodes get this pass's gradient; leaves add it to what they have, so that a second call doubles the
    leaves exactly. A pass that fails leaves every gradient as it was.
    """
    if not root.requires_grad:
        raise GraphError(
            f"backward() on {root!r}: nothing was recorded for it, because it was made under no_grad(), "
            f"detached, or computed from plain numbers only; build it from Values or Tensors outside no_grad()"
        )
    order = topological_order(root)
    before = [node.grad for node in order]
    anomaly = MODE.anomaly
    try:
        for node in order:
            node.grad = None
        root.grad = seed
        for node in reversed(order):
            g = node.grad
            if node.vjp is None or g is None:  # a leaf; or cut off, by requires_grad = False on an interior node
                continue
            contributions = node._recorded_vjp(g) if create_graph else node.vjp(g)
            if anomaly:
                _check_backward(node, g, contributions)
            for parent, d in zip(node.parents, contributions):  # noqa: B905 (the hottest line there is)
                if parent.grad is None:
                    parent.grad = d
                elif d is not None:
                    parent.grad = parent.grad + d
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


@contextmanager
def paused_gc() -> Iterator[None]:
    """Keep the cyclic collector from searching graphs, which have no cycles; for loops that build many."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
