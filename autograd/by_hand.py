"""Nodes that somebody made by hand, as micrograd's programs do: ``Value(data, children, op)`` and a ``_backward``.

Their derivative is a closure that adds into the ``grad`` of the children, or one number for each child. So it is known
for one number and going backwards only: for the rest of what a row of the table can do, write a row.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, NoReturn

from autograd.errors import GraphError
from autograd.graph import marked_result, plain
from autograd.modes import MODE, check_forward, shown_operands
from autograd.ops import Contributions, Reduction
from autograd.value import StandIn, Value, as_float, same


class LocalGrads(NamedTuple):
    """∂(result)/∂(child) for each child: its number when the result was made, and what was given, perhaps a Value."""

    numbers: tuple[float, ...]
    given: tuple[Any, ...]


def write(node: Value, children: Any, op: Any) -> None:
    """Make of ``node``, just made, the result of an operation on ``children``; ``op``: its name, or local gradients."""
    parents = _parents(children)
    name = op if isinstance(op, str) else ""
    saved = None if isinstance(op, str) else _local_grads(op, len(parents))
    if not parents:
        return
    if MODE.recording and any(parent.requires_grad for parent in parents):
        node.parents = parents
        _put(node, name, saved)
    else:
        node.requires_grad = False
        marked_result(node)
    if MODE.anomaly:
        check_forward(node, _row(name), parents)


def assign(node: Value, closure: Any) -> None:
    """Let ``closure`` be what sends the gradient of ``node`` to its parents."""
    if not callable(closure):
        raise TypeError(
            f"_backward is a function without arguments, which adds to the grad of the children; got {closure!r}"
        )
    if node.parents:
        _put(node, node._op, closure)
    elif node.requires_grad:
        raise GraphError(
            f"_backward of {node!r}, which was made from nothing: no gradient goes through a leaf; name what it was "
            f"made from, as in out = Value(math.tanh(x.data), (x,), 'tanh')"
        )


def _put(node: Value, name: str, saved: Callable[[], object] | LocalGrads | None) -> None:
    node.op, node.saved = _row(name), saved
    node.__class__ = ByHand.over(type(node))


def _row(name: str) -> Reduction:
    def unknown(*args: Any) -> NoReturn:
        raise GraphError(f"{name or 'an operation'} was computed by hand, and cannot be computed again; {_REMEDY}")

    return Reduction(name or "by hand", name, unknown, unknown, name)


_REMEDY = "write the operation by autograd.custom_op, which takes its formula and one derivative for each argument"


def _parents(children: Any) -> tuple[Value, ...]:
    if not isinstance(children, Iterable):
        raise TypeError(
            f"after the number comes a label, as in Value(2.0, 'x'), or the Values that it was computed from, as in "
            f"Value(math.tanh(x.data), (x,), 'tanh'); got {children!r}"
        )
    parents = tuple(children)
    for parent in parents:
        if not isinstance(parent, Value):
            raise TypeError(
                f"the children are the Values that a number was computed from; got {parent!r} among them; write "
                f"Value(2.0) for a plain number"
            )
    return parents


def _local_grads(given: Any, count: int) -> LocalGrads:
    if not isinstance(given, Iterable):
        raise TypeError(
            f"after the children comes the name of the operation, or a local gradient for each of them, as in "
            f"Value(a.data * b.data, (a, b), (b.data, a.data)); got {given!r}"
        )
    grads = tuple(given)
    if len(grads) != count:
        raise ValueError(f"one local gradient for each child: got {len(grads)} for {count}")
    return LocalGrads(tuple([as_float(plain(d)) for d in grads]), grads)


class ByHand(StandIn):
    """A Value with the derivative that it was given; ``saved`` holds it, or None, and then nothing is sent."""

    __slots__ = ()

    @property
    def _backward(self) -> Any:
        return self.saved if callable(self.saved) else self._send

    @_backward.setter
    def _backward(self, closure: Any) -> None:
        assign(self, closure)

    def vjp(self, g: float) -> Contributions:
        wanted = self._wanted()
        if isinstance(self.saved, LocalGrads):
            return [g * d if want else None for d, want in zip(self.saved.numbers, wanted, strict=True)]
        if self.saved is None:
            self._refuse()
        sent = self._sent(g)
        return [sent.pop(id(p), 0.0) if want else None for p, want in zip(self.parents, wanted, strict=True)]

    def _sent(self, g: float) -> dict[int, float]:
        """What the closure adds to each parent, by its id: one that is there twice gets all of it at once."""
        before = [(node, node.grad) for node in (self, *self.parents)]
        try:
            for parent in self.parents:
                parent.grad = 0.0
            self.grad = g
            self.saved()
            return {id(parent): self._plain(parent.grad) for parent in self.parents}
        except TypeError as error:
            children = shown_operands(self.parents)
            error.add_note(f"In the _backward of {self!r}, which adds numbers to the grad of its children: {children}")
            raise
        finally:
            for node, grad in before:
                node.grad = grad

    def jvp(self, tangents: Sequence[float | None]) -> float | None:
        if not isinstance(self.saved, LocalGrads):
            self._refuse("a _backward goes backwards, and forward mode (jvp, or jacobian) forwards")
        return super().jvp(tangents)

    def _wanted(self) -> tuple[bool, ...]:
        return tuple([parent.requires_grad for parent in self.parents])

    def _recorded_partials(self, wanted: tuple[bool, ...]) -> Sequence[Any]:
        """The local gradients that are Values have derivatives of their own."""
        if not isinstance(self.saved, LocalGrads):
            self._refuse("the derivative of what a _backward computes with numbers is not known")
        numbers, given = self.saved
        for number, d, want in zip(numbers, given, wanted, strict=True):
            if want and not isinstance(d, Value):
                self._refuse(
                    f"the derivative of a local gradient that is a plain number, {number:g}, is not known",
                    "give Values, as in Value(a.data * b.data, (a, b), (b, a)), with Value(1.0).detach() for a "
                    "constant, or ",
                )
            if want and not same(plain(d), number):
                raise GraphError(f"{d!r} was a local gradient of {self!r} as {number:g}, and has been changed since")
        return [d if want else None for d, want in zip(given, wanted, strict=True)]

    def _refuse(self, why: str = "", instead: str = "") -> NoReturn:
        name = self._op or "this operation"
        if self.saved is None:
            why, instead = "was given neither a _backward nor local gradients", "give one of them, or "
        raise GraphError(f"{name} was made by hand, and {why}; {instead}{_REMEDY}")

    def _copied_as(self) -> tuple[Any, ...]:
        if callable(self.saved):
            raise TypeError(
                f"{self!r} has a _backward of its own, which knows the nodes that it was written for, and would send "
                f"gradients to those: copy the leaves, and compute it again, or {_REMEDY}"
            )
        return self._own, ByHand
