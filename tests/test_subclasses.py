"""A class of the user's over `Value`: kept through arithmetic, modes, tracing and compilation, copies and pickles."""

import copy
import pickle
from abc import ABCMeta
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, compile, detect_anomaly, grad, no_grad
from autograd.compiler.store import release
from autograd.ops import OPS, REDUCTIONS, Op


class Length(Value):
    """With an `__init__` of another signature, an attribute of its own, a default of it, and a method."""

    unit = "m"

    def __init__(self, data: float, unit: str) -> None:
        super().__init__(data)
        self.unit = unit

    def doubled(self) -> Any:
        return self * 2.0


class Slotted(Value):
    __slots__ = ("extra", "unset")

    def __init__(self, data: float) -> None:
        super().__init__(data)
        self.extra = "slot"

    def doubled(self) -> Any:
        return self * 2.0


class Longer(Length):
    pass


class Registered(Value, metaclass=ABCMeta):
    known: ClassVar[list[str]] = []

    def __init_subclass__(cls, name: str) -> None:
        cls.known.append(name)

    def doubled(self) -> Any:
        return self * 2.0


class Named(Registered, name="named"):
    pass


MAKERS: dict[type[Value], Callable[[float], Any]] = {
    Length: lambda x: Length(x, "km"),
    Longer: lambda x: Longer(x, "km"),
    Slotted: Slotted,
    Registered: Registered,
    Named: Named,
}
EACH_CLASS = pytest.mark.parametrize("kind", MAKERS, ids=lambda kind: kind.__name__)


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_each_operation_keeps_the_class_whichever_operand_has_it(op: Op) -> None:
    point = [low + 0.4 * (high - low) for low, high in op.domain]
    for i in range(op.arity):
        for others in (Value, float):
            xs: list[Any] = [others(x) for x in point]
            xs[i] = Length(point[i], "km")
            y = Value._apply(op, *xs)
            plain = Value._apply(op, *[Value(x.data) if isinstance(x, Value) else x for x in xs])
            assert type(y) is Length and type(plain) is Value
            y.backward()
            plain.backward()
            assert (y.data, y.unit, y._op) == (plain.data, "m", plain._op)
            assert [x.grad for x in y.parents] == [x.grad for x in plain.parents]


@pytest.mark.parametrize("name", REDUCTIONS)
def test_each_reduction_keeps_the_class(name: str) -> None:
    xs = [Value(0.5), Length(0.7, "km"), Value(0.9), Longer(1.1, "km")]
    y = Value._reduce(REDUCTIONS[name], tuple(xs))
    assert type(y) is Longer
    assert type(Value._reduce(REDUCTIONS[name], tuple(xs[:3]))) is Length


def test_of_two_classes_the_more_special_and_else_the_first() -> None:
    a, b, c = Length(2.0, "km"), Longer(3.0, "km"), Slotted(4.0)
    assert [type(y) for y in (a * b, b * a, a * c, c * a, c + b)] == [Longer, Longer, Length, Slotted, Slotted]


@EACH_CLASS
def test_everywhere_in_the_engine(kind: Any) -> None:
    x = MAKERS[kind](3.0)
    made = [x + 1.0, 1.0 - x, -x, x / x, x**2, 2.0**x, abs(x), x.detach(), autograd.where(True, x, 1.0), x.doubled()]
    with no_grad():
        made.append(x * x)
    with detect_anomaly():
        made.append(x * x)
    assert {type(y) for y in made} == {kind}
    assert grad(lambda v: v * v)(x).data == grad(grad(lambda v: v**3 / 3.0))(x).data == 6.0
    y = x.doubled().doubled() * x
    y.backward(create_graph=True)
    assert (type(x.grad), x.grad.data) == (kind, 24.0)


@EACH_CLASS
def test_a_parameter_of_the_class_is_trained_by_a_compiled_function(kind: Any) -> None:
    w, x = MAKERS[kind](3.0), Value(2.0)
    w.note = "kept"
    attributes = dict(vars(w))
    loss = compile(lambda k: (w * k).doubled() + (x * w).doubled())
    for _ in range(2):
        w.grad = 0.0
        total = loss(0.5)
        total.backward()
        assert (total.data, w.grad, x.grad) == (5.0 * w.data, 5.0, x.grad)
    assert isinstance(w, kind) and isinstance(w.doubled(), kind)
    assert dict(vars(w)) == attributes and (kind is not Slotted or w.extra == "slot")
    w.data -= 1.0
    assert loss(0.5).data == 10.0
    eager = loss.function(0.5)
    assert (type(eager), eager.data, type(w.detach()), type(w * x)) == (kind, 10.0, kind, kind)
    nn.SGD([w], lr=0.1).step()
    assert w.data == 1.5
    release([w])
    assert (type(w), w.data, dict(vars(w))) == (kind, 1.5, attributes)


@EACH_CLASS
def test_an_argument_of_the_class_keeps_it_in_a_compiled_function(kind: Any) -> None:
    w = Value(2.0)
    loss = compile(lambda v: (v * w).doubled() if isinstance(v, kind) else v * w)
    v = MAKERS[kind](3.0)
    total = loss(v)
    total.backward()
    assert (total.data, w.grad, v.grad) == (12.0, 6.0, 4.0)
    assert loss(Value(3.0)).data == 6.0  # of another class, and so another program


def test_a_value_made_in_a_compiled_function_keeps_its_class() -> None:
    w = Value(2.0)
    assert compile(lambda: (Length(3.0, "km") * w).doubled())().data == 12.0
    assert compile(lambda: (Length(3.0, "km") * 2.0).doubled() * w)().data == 24.0


@EACH_CLASS
@pytest.mark.parametrize("compiled", [False, True], ids=["free", "compiled"])
def test_copies_and_pickles_keep_class_and_attributes(kind: Any, compiled: bool) -> None:
    x = MAKERS[kind](3.0)
    x.m = [0.5]
    if compiled:
        compile(lambda: x * x)().backward()
        x.zero_grad()
    for other in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert (type(other), other.data, other.m) == (kind, 3.0, [0.5])
        assert vars(other).keys() == vars(x).keys()
        assert kind is not Slotted or (other.extra, hasattr(other, "unset")) == ("slot", False)
        (other * other).backward()
        assert (other.grad, x.grad) == (6.0, 0.0)
    y = copy.deepcopy((x * x).doubled())
    assert type(y) is kind


@EACH_CLASS
def test_an_operation_by_hand_on_the_class(kind: Any) -> None:
    x = MAKERS[kind](3.0)
    y = x * x
    y._backward = lambda: setattr(x, "grad", x.grad + 100.0 * y.grad)
    z = y.doubled()
    z.backward()
    assert (isinstance(y, kind), type(z), x.grad) == (True, kind, 200.0)
    assert Registered.known == ["named"]


class Own(Value):
    """With the constructor of micrograd's own class, and operations that call it."""

    def __init__(self, data: float, _children: Iterable[Value] = (), _op: str = "") -> None:
        super().__init__(data, _children, _op)
        self.made = len(tuple(_children))

    def cubed(self) -> "Own":
        out = Own(self.data**3, (self,), "cubed")

        def _backward() -> None:
            self.grad += 3 * self.data**2 * out.grad

        out._backward = _backward
        return out


def test_a_class_whose_operations_call_its_own_constructor() -> None:
    x = Own(2.0)
    y = x.cubed()
    z = (y * x).cubed()
    z.backward()
    assert (y._op, y.made, x.made, z.data, x.grad) == ("cubed", 1, 0, 4096.0, 12.0 * 2.0**11)


def test_an_array_of_the_class() -> None:
    xs = np.array([Length(1.0, "km"), Length(2.0, "km")], dtype=object)
    total = (xs * Value(2.0)).sum()
    assert (type(total), total.data) == (Length, 6.0)
