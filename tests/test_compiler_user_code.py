"""Idioms of people who wrote for micrograd and NumPy, in a compiled function: the right value, or a remedy that works.

Each idiom is a function and its arguments. Those that are computed have the loss and the gradients of the function
itself. Those that are refused name their remedy; it is written out here, and has what the idiom has eagerly.
"""

import copy
import functools
import itertools
import math
import operator
import statistics
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, TraceError, Value, compile, no_grad, take

W, B = Value(2.0, label="W"), Value(-0.5, label="B")
L = [Value(0.1), Value(0.2), Value(0.3)]
T = Tensor([1.0, 2.0])
SCALE, COUNT = 3.0, 3
ROW = [1.0, 2.0, 3.0]
Point = namedtuple("Point", "x y")


@dataclass
class Sample:
    x: float
    y: list[float] = field(default_factory=list)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Frozen:
    x: float


class Idiom(NamedTuple):
    """What somebody writes; of one that is refused what the error names, and what they write then."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    named: str
    remedy: Callable[..., Any] | None


IDIOMS: dict[str, Idiom] = {}


def idiom(*args: Any, named: str = "", instead: Callable[..., Any] | None = None) -> Callable[[Any], Any]:
    def kept(function: Any) -> Any:
        IDIOMS[function.__name__] = Idiom(function, args, named, instead)
        return function

    return kept


def products(row: Any) -> list[Any]:
    return [a * c for a, c in zip(L, row, strict=False)]


def result(function: Callable[..., Any], args: tuple[Any, ...]) -> list[float]:
    parameters = [W, B, *L]
    for p in parameters:
        p.grad = 0.0
    loss = function(*args)
    loss.backward()
    return [loss.data, *[p.grad for p in parameters]]


UNCOMPILED = "call the function itself, which is compiled.function"

# ----- Values of numbers, and numbers of Values -----


@idiom([0.1, 0.2], 1.0)
def map_value(row: Any, y: Any) -> Any:
    x = list(map(Value, row))
    return (1 + -y * (W * x[0] + x[1])).relu()


@idiom(1.5)
def value_with_a_label(x: Any) -> Any:
    return Value(x, label="x") * W


@idiom(1.5)
def value_unless_it_is_one(x: Any) -> Any:
    return W * (x if isinstance(x, Value) else Value(x))


@idiom(1.5)
def data_has_no_gradient(x: Any) -> Any:
    y = W * x
    return y - y.data + W * y.item()


@idiom()
def softmax_less_the_largest_by_reduce() -> Any:
    m = functools.reduce(autograd.maximum, [v.data for v in L])
    e = [(v - m).exp() for v in L]
    return -(e[0] / sum(e)).log()


@idiom(named="functools.reduce(autograd.maximum, xs)", instead=softmax_less_the_largest_by_reduce)
def softmax_less_the_largest_number() -> Any:
    m = max(v.data for v in L)
    e = [(v - m).exp() for v in L]
    return -(e[0] / sum(e)).log()


@idiom(named="softmax(xs)", instead=lambda: -autograd.softmax(L)[0].log())
def softmax_less_the_largest() -> Any:
    m = max(L)
    e = [(v - m).exp() for v in L]
    return -(e[0] / sum(e)).log()


@idiom(1.5, named="x for float(x)", instead=lambda x: W * x)
def float_of_a_number(x: Any) -> Any:
    return W * float(x)


@idiom(1.5, named="x.data for float(x) of a Value", instead=lambda x: W * x * (W * x).data)
def float_of_a_value(x: Any) -> Any:
    return W * x * float(W * x)


@idiom(3, named="from a variable around the function", instead=lambda _: W * COUNT)
def int_of_a_number(n: Any) -> Any:
    return W * int(n)


@idiom(3, named="from a variable around the function", instead=lambda _: sum(W for _ in range(COUNT)))
def as_often_as_a_number_says(n: Any) -> Any:
    return sum(W for _ in range(n))


@idiom(3, named="from a variable around the function", instead=lambda _: sum([W] * COUNT))
def a_list_times_a_number(n: Any) -> Any:
    return sum([W] * n)


@idiom(3, named=UNCOMPILED)
def bits_of_a_number(n: Any) -> Any:
    return W * (n & 1)


@idiom(3, named=UNCOMPILED)
def shifted(n: Any) -> Any:
    return W * (1 << n)


@idiom(1.5, named="x.detach()", instead=lambda x: W.detach() * x + W)
def deep_copy(x: Any) -> Any:
    return copy.deepcopy(W) * x + W


# ----- decisions -----


@idiom(1.5)
def where(x: Any) -> Any:
    return autograd.where((W * x > 0) & (W * x < 10), W, B)


@idiom(1.5)
def truth_as_a_number(x: Any) -> Any:
    return W * (x > 0)


@idiom(1.5, named="autograd.where(x > 0, a, b) for if", instead=lambda x: autograd.where(W * x > 0, W * x, -W * x))
def if_a_value(x: Any) -> Any:
    y = W * x
    return y if y > 0 else -y


@idiom(1.5, named="autograd.where(x > 0, a, b) for if", instead=lambda x: autograd.where((W * x).data > 0, W * x, B))
def if_its_number(x: Any) -> Any:
    return W * x if (W * x).data > 0 else B


@idiom(1.5, named="(x > 0) & (x < 1)", instead=where)
def chained_comparison(x: Any) -> Any:
    return W if 0 < W * x < 10 else B


@idiom(1.5, named="autograd.where", instead=lambda x: W * autograd.where(x >= 0, 1, -1))
def a_sign_by_if(x: Any) -> Any:
    return W * (1 if x >= 0 else -1)


@idiom(
    [1.0, -2.0, 3.0], named="autograd.where",
    instead=lambda row: sum(autograd.where(c > 0, a * c, 0.0) for a, c in zip(L, row, strict=True)),
)  # fmt: skip
def filtered(row: Any) -> Any:
    return sum(a * c for a, c in zip(L, row, strict=True) if c > 0)


@idiom(1, named="autograd.where", instead=lambda y: sum(autograd.where(y == i, -v.log(), 0.0) for i, v in enumerate(L)))
def the_one_with_the_label(label: Any) -> Any:
    return sum(-v.log() for i, v in enumerate(L) if i == label)


@idiom([1.0, 2.0], named="autograd.where", instead=lambda r: autograd.where((r[0] == 1.0) | (r[0] == 2.0), W, B))
def in_a_list(row: Any) -> Any:
    return W if row[0] in [1.0, 2.0] else B


@idiom(1.5, named="autograd.maximum(a, b) for max(a, b)", instead=lambda x: autograd.maximum(0, W * x))
def relu_by_max(x: Any) -> Any:
    return max(0, W * x)


@idiom(0.25, named="autograd.minimum(a, b) for min(a, b)", instead=lambda x: autograd.minimum(W * x, 1))
def at_most(x: Any) -> Any:
    return min(W * x, 1)


@idiom(ROW, named="functools.reduce(autograd.maximum, xs)", instead=lambda r: functools.reduce(autograd.maximum, r) * W)
def largest_number(row: Any) -> Any:
    return max(row) * W


@idiom(ROW, named="functools.reduce(autograd", instead=lambda row: functools.reduce(autograd.maximum, products(row)))
def largest_of_an_array(row: Any) -> Any:
    return (np.array(L) * np.array(row)).max()


@idiom(ROW, named="(a > 0) | (b > 0)", instead=lambda r: W * ((r[0] > 2) | (r[1] > 2) | (r[2] > 2)))
def any_of_them(row: Any) -> Any:
    return W * any([x > 2 for x in row])  # noqa: C419


@idiom(ROW, named="(a > 0) & (b > 0)", instead=lambda r: W * ((r[0] > 0) & (r[1] > 0) & (r[2] > 0)))
def all_of_them(row: Any) -> Any:
    return W * all([x > 0 for x in row])  # noqa: C419


@idiom(1.5, named="x != 0.0 for bool(x)", instead=lambda x: W * (x != 0.0))
def bool_of_a_number(x: Any) -> Any:
    return W * bool(x)


@idiom(1.5, named=UNCOMPILED)
def early_exit(x: Any) -> Any:
    y: Any = W
    for _ in range(10):
        y = y * x
        if abs(y) > 10:
            break
    return y


@idiom(1.5, named=UNCOMPILED)
def while_loop(x: Any) -> Any:
    y: Any = W
    while y < 10:
        y = y * x
    return y


@idiom(named=UNCOMPILED)
def argmax_by_key() -> Any:
    return L[max(range(3), key=lambda i: L[i].data)] * W


@idiom(named=UNCOMPILED)
def argmax_by_numpy() -> Any:
    return L[int(np.argmax([v.data for v in L]))] * W


@idiom(named=UNCOMPILED)
def sorted_by_key() -> Any:
    return sorted(L, key=lambda v: v.data)[0] * W


@idiom(named=UNCOMPILED)
def sorted_in_place() -> Any:
    xs = list(L)
    xs.sort()
    return xs[-1] * W


@idiom(ROW, named=UNCOMPILED)
def median(row: Any) -> Any:
    return W * statistics.median(row)


@idiom(1.5, named=UNCOMPILED)
def rounded(x: Any) -> Any:
    return round(W * x, 1) * W


@idiom(1.5, named=UNCOMPILED)
def whole_number(x: Any) -> Any:
    return W if x.is_integer() else B


@idiom(1.5, named="autograd.exp(x) for math.exp(x)", instead=lambda x: W * autograd.exp(x))
def an_error_that_is_caught(x: Any) -> Any:
    try:
        return W * math.exp(x)
    except Exception:
        return B


@idiom(1.5, named="as True or as text, in an argument of its own", instead=lambda x, is_float=True: W * x)
def by_class(x: Any) -> Any:
    return W * x if isinstance(x, float) else B


# ----- math, statistics and NumPy -----


@idiom(1.5, named="autograd.exp(x) for math.exp(x)", instead=lambda x: W * autograd.exp(x))
def math_function(x: Any) -> Any:
    return W * math.exp(x)


@idiom(1.5, named="autograd.log(x) / math.log(b)", instead=lambda x: W * autograd.log(x) / math.log(2.0))
def logarithm_to_a_base(x: Any) -> Any:
    return W * math.log(x, 2.0)


@idiom(1.5, named="x ** y", instead=lambda x: W * x**2)
def math_pow(x: Any) -> Any:
    return W * math.pow(x, 2)


@idiom(ROW, named="autograd.norm([x, y])", instead=lambda row: autograd.norm(row) * W)
def hypot(row: Any) -> Any:
    return math.hypot(*row) * W


@idiom(ROW, named="autograd.where(x != x, a, b)", instead=lambda row: autograd.where(row[0] != row[0], W, B))
def is_nan(row: Any) -> Any:
    return W if math.isnan(row[0]) else B


@idiom(1.5, named="abs(x) < math.inf", instead=lambda x: autograd.where(abs(x) < math.inf, W, B))
def is_finite(x: Any) -> Any:
    return W if math.isfinite(x) else B


@idiom(1.5, named="abs(x) == math.inf", instead=lambda x: autograd.where(abs(x) == math.inf, W, B))
def is_infinite(x: Any) -> Any:
    return W if math.isinf(x) else B


@idiom(1.5, named="abs(a - b) <= 1e-9", instead=lambda x: autograd.where(abs(x - 1.5) <= 1e-9, W, B))
def is_close(x: Any) -> Any:
    return W if math.isclose(x, 1.5) else B


@idiom(ROW)
def math_prod(row: Any) -> Any:
    return math.prod(products(row)) * W


@idiom(ROW, named="autograd.mean(xs)", instead=lambda row: W * autograd.mean(row))
def mean_of_numbers(row: Any) -> Any:
    return W * statistics.mean(row)


@idiom(ROW, named="autograd.mean(xs)", instead=lambda row: W * autograd.mean(row))
def fmean_of_numbers(row: Any) -> Any:
    return W * statistics.fmean(row)


@idiom(ROW)
def numpy_dot(row: Any) -> Any:
    return np.dot(np.array(L), row)


@idiom(ROW)
def numpy_mean(row: Any) -> Any:
    return np.mean(products(row)) + np.sum(products(row))


@idiom(np.array(ROW))
def array_argument(row: Any) -> Any:
    return (row * np.array(L)).mean()


@idiom(ROW)
def array_of_a_list(row: Any) -> Any:
    return np.array(row) @ np.array(L)


@idiom(ROW, named="numpy.array(xs)", instead=lambda row: np.array(row).sum() * W)
def array_of_floats(row: Any) -> Any:
    return np.asarray(row, dtype=float).sum() * W


@idiom(ROW, named="numpy.array(xs)", instead=lambda row: np.array(row).sum() * W)
def a_copy_as_floats(row: Any) -> Any:
    return np.array(row, float).sum() * W


@idiom(ROW, named="autograd.clip(x, low, high)", instead=lambda row: autograd.clip(W * row[0], 0.0, 1.5) * W)
def numpy_clip(row: Any) -> Any:
    return np.clip(W * row[0], 0.0, 1.5) * W


@idiom(
    ROW, named="autograd.maximum(a, b) for numpy.maximum(a, b), one by one",
    instead=lambda row: sum(autograd.maximum(x, 0.3) for x in products(row)),
)  # fmt: skip
def numpy_maximum(row: Any) -> Any:
    return np.maximum(np.array(products(row)), 0.3).sum()


@idiom(ROW)
def numpy_functions_of_arrays(row: Any) -> Any:
    xs = np.array(products(row))
    return np.tanh(xs).sum() + np.sqrt(xs).sum() + np.cumsum(xs)[-1] + (xs**2).prod()


# ----- micrograd's own loop -----


@idiom(np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([1.0, -1.0]))
def loss_of_a_lecture(X: Any, y: Any) -> Any:
    inputs = [list(map(Value, row)) for row in X]
    scores = [(W * a + L[0] * b + B).tanh() for a, b in inputs]
    losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores, strict=True)]
    accuracy = [(yi > 0) == (score.data > 0) for yi, score in zip(y, scores, strict=True)]
    penalty = 1e-4 * sum(p * p for p in (W, B, L[0]))
    return sum(losses) * (1.0 / len(losses)) + penalty + 0.0 * sum(accuracy)


@idiom(1.5)
def a_step_of_a_step(x: Any) -> Any:
    moved = W - 0.1 * autograd.grad(lambda w: (w * x - 1) ** 2)(W)
    return (moved * x - 2) ** 2


@idiom(1.5, named="Set gradients outside of the compiled function", instead=lambda x: W * x)
def gradients_cleared(x: Any) -> Any:
    for p in (W, B):
        p.grad = 0.0
    return W * x


# ----- ways to add up -----


@idiom(ROW)
def reduced(row: Any) -> Any:
    return functools.reduce(operator.add, products(row))


@idiom(ROW)
def sum_from_a_value(row: Any) -> Any:
    return sum(products(row), Value(0.0)) + sum(products(row), start=B)


@idiom(ROW)
def accumulated(row: Any) -> Any:
    return list(itertools.accumulate(products(row)))[-1]


@idiom([[1.0, 2.0], [3.0, 4.0]])
def transposed(rows: Any) -> Any:
    return sum(a * c for a, c in zip(*rows, strict=True)) * W


@idiom(1.5)
def set_of_values(x: Any) -> Any:
    return sum({W, B}, Value(0.0)) * x


@idiom(1.5)
def powers(x: Any) -> Any:
    return (W * x) ** 3 + W**x + x**W + 2**W


# ----- arguments of every kind -----


@idiom(Point(1.0, 2.0))
def named_tuple(p: Any) -> Any:
    return W * p.x + p.y


@idiom((1.0, 2.0))
def tuple_stays_one(pair: Any) -> Any:
    return W * pair[0] + pair[1] + isinstance(pair, tuple)


@idiom(Sample(1.5, [2.0], "a"))
def data_class(s: Any) -> Any:
    return W * s.x + s.y[0] + (s.name == "a")


@idiom(Frozen(1.5))
def frozen_data_class(s: Any) -> Any:
    return W * s.x


@idiom(None)
def none_as_argument(mask: Any) -> Any:
    return W * 2 if mask is None else W * mask


@idiom({"x": 1.0, "n": None, "name": "b"})
def dict_with_none_and_text(d: Any) -> Any:
    return W * d["x"] + (d["n"] is None) + {"a": W, "b": B}[d["name"]]


@idiom(SimpleNamespace(x=1.0))
def namespace(s: Any) -> Any:
    return W * s.x


@idiom(1.0, 2.0, 3.0)
def starred(*xs: Any) -> Any:
    return W * sum(xs)


@idiom({1.0, 2.0}, range(3), True)
def set_range_and_truth(s: Any, r: Any, flag: Any) -> Any:
    return W * sum(s) * sum(r) if flag else B


@idiom(np.float32(1.5), np.int64(2), [np.float64(1.0), 2])
def numpy_numbers(x: Any, n: Any, row: Any) -> Any:
    return W * x * n + row[0] + row[1]


@idiom(1, named="autograd.take(list, index)", instead=lambda i: take(L, i) * W)
def index_of_a_list(i: Any) -> Any:
    return L[i] * W


@idiom(1, named="autograd.take(list, index)", instead=lambda i: take([W, B], i))
def key_of_a_dict(k: Any) -> Any:
    return {0: W, 1: B}[k]


@idiom(1.5)
def global_number(x: Any) -> Any:
    return W * x * SCALE


@idiom([1.0])
def length_of_a_list(row: Any) -> Any:
    return W * len(row) if row else B


@idiom(1.5)
def without_gradient(x: Any) -> Any:
    with no_grad():
        m = W * x
    return W * m


# ----- text, Tensors, results -----


@idiom(1.5, named="Print what the function returns", instead=lambda x: W * x)
def text_of_a_result(x: Any) -> Any:
    y = W * x
    assert f"{y.data:.2f}"
    return y


@idiom(1.5, named="Print what the function returns", instead=lambda x: W * x)
def text_of_a_node(x: Any) -> Any:
    y = W * x
    assert str(y)
    return y


@idiom([1.0, 2.0], named="in lists or in numpy.array(xs)", instead=lambda row: np.array(row).sum() * W)
def tensor_of_an_argument(row: Any) -> Any:
    return Tensor(row).sum().item() * W


@idiom(np.ones((2, 2)), named=UNCOMPILED)
def tensor_times_an_argument(rows: Any) -> Any:
    return (T * rows).sum()


@idiom([1.0, 2.0], named=UNCOMPILED)
def tensor_as_loss(row: Any) -> Any:
    return (T * T).sum()


@idiom(1.5, named="take derivatives by autograd.grad(f)(x)", instead=lambda x: autograd.grad(lambda v: v * x)(W) * W)
def gradient_by_hand(x: Any) -> Any:
    return (W * x).vjp(1.0)[0] * W


COMPUTED = [name for name, each in IDIOMS.items() if not each.named]
REFUSED = [name for name, each in IDIOMS.items() if each.named]


@pytest.mark.parametrize("name", COMPUTED)
def test_what_is_computed_is_what_the_function_gives(name: str) -> None:
    function, args, _, _ = IDIOMS[name]
    compiled = compile(function)
    for _ in range(2):
        np.testing.assert_allclose(result(compiled, args), result(function, args), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_names_a_remedy_that_works(name: str) -> None:
    function, args, named, remedy = IDIOMS[name]
    refused = compile(function)
    with pytest.raises(TraceError) as caught:
        refused(*args)
    message = str(caught.value)
    assert named in message
    if named != UNCOMPILED:
        assert f"{__file__}:" in message
    eager = result(function, args)
    followed = refused.function if named == UNCOMPILED else compile(remedy)
    np.testing.assert_allclose(result(followed, args), eager, rtol=1e-12, atol=1e-12)


def test_there_are_many_of_both() -> None:
    assert len(COMPUTED) > 30 and len(REFUSED) > 40


# ----- what the table cannot say -----


def test_the_number_of_a_value_is_read_in_each_call() -> None:
    w = Value(2.0)
    loss = compile(lambda x: (w * x).data * x + w)
    assert loss(3.0).data == 20.0
    w.data = 1.0
    assert loss(3.0).data == 10.0
    loss(3.0).backward()
    assert w.grad == 1.0


def test_a_data_class_and_a_named_tuple_are_inputs_whose_numbers_may_change() -> None:
    w = Value(2.0)
    loss = compile(lambda s, p: w * s.x + s.y[0] * p.y)
    sample = Sample(1.0, [2.0])
    assert loss(sample, Point(1.0, 2.0)).data == 6.0
    sample.x, sample.y = 10.0, [20.0]
    assert loss(sample, Point(1.0, 3.0)).data == 80.0
    assert sample == Sample(10.0, [20.0])


def test_a_value_in_a_data_class_gets_its_gradient() -> None:
    v = Value(3.0)
    loss = compile(lambda s: s.x * s.x)(Sample(v))  # type: ignore[arg-type]
    loss.backward()
    assert (loss.data, v.grad) == (9.0, 6.0)


def test_a_model_that_is_a_data_class_is_a_model() -> None:
    @dataclass(eq=False)
    class Line(nn.Module):
        slope: Value
        scale: float = 3.0

        def __call__(self, x: Any) -> Any:
            return self.slope * x * self.scale

    model = Line(Value(2.0))
    loss = compile(lambda model, x: model(x))
    loss(model, 1.5).backward()
    assert model.slope.grad == 4.5
    assert loss.parameters == [model.slope]


def test_a_list_of_numpy_s_numbers_is_an_array_of_inputs_as_a_list_of_floats_is() -> None:
    w = Value(2.0)
    loss = compile(lambda xs: w * sum(xs))
    for kind in (float, np.float64, np.float32, int, np.int64):
        assert loss([kind(1), kind(2), kind(4)]).data == 14.0
    assert loss([np.float64(1.0), 2, np.float32(4.0)]).data == 14.0
    assert len(loss._entries) == 1
    assert not any(name.endswith("]]") for name in loss._names)


def test_a_name_that_a_value_has_not_is_the_error_of_a_value() -> None:
    with pytest.raises(AttributeError, match="'Value' object has no attribute 'foo'"):
        compile(lambda x: (W * x).foo())(1.5)
    assert compile(lambda x: W * (2.0 if hasattr(x, "foo") else x))(1.5).data == 3.0


def test_a_value_of_a_value_is_refused_as_it_is_eagerly() -> None:
    for run in (lambda: Value(W * 2.0), lambda: compile(lambda x: Value(W * x))(1.5)):
        with pytest.raises(TypeError, match="a Value is one real number"):
            run()


def test_a_label_of_a_value_of_an_argument_is_found_among_the_kept() -> None:
    w = Value(2.0)

    def loss(x: Any) -> Any:
        v = Value(x, label="input")
        return v * w

    assert compile(loss, keep=["input"])(1.5).kept["input"] == 1.5
