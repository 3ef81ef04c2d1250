"""How people write scalar code, compiled: each idiom gives what it gives uncompiled, or an error whose remedy does."""

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Tensor, TraceError, Value, compile, custom_op, no_grad

w, b = [Value(0.3), Value(-0.2), Value(0.9)], Value(0.1)
Function = Callable[..., Any]


def gradients() -> list[float]:
    found = [float(p.grad) for p in [*w, b]]
    for p in [*w, b]:
        p.grad = 0.0
    return found


def outcome(function: Function, args: tuple[Any, ...]) -> list[float]:
    """The number and the gradients."""
    gradients()
    loss = function(*args)
    loss.backward()
    return [loss.data, *gradients()]


def softmax_loss(highest: Any) -> Any:
    powers = [(v - highest).exp() for v in w]
    return -(powers[0] / sum(powers)).log()


@dataclass
class Point:
    x: float
    y: float


@custom_op(lambda m, y, x: -math.sin(x))
def cosine(m: Any, x: Any) -> Any:
    return math.cos(x)


@custom_op(lambda m, y, x: 1.0 if x > 0.0 else 0.5)
def bent(m: Any, x: Any) -> Any:
    return x if x > 0.0 else 0.5 * x


IDIOMS: dict[str, tuple[Any, ...]] = {
    "map(Value, row)": (lambda row: sum(a * x for a, x in zip(w, map(Value, row), strict=True)), [0.1, 0.2, 0.3]),
    "Value(x) with a label": (lambda x: w[0] * Value(x, "x") + Value(x, label="y"), 2.0),
    "a largest number by reduce": (lambda: softmax_loss(functools.reduce(autograd.maximum, [v.data for v in w])),),
    ".data": (lambda: w[0] * w[1].data + w[2],),
    ".item()": (lambda: w[0] * w[1].item() + w[2],),
    ".data of a result": (lambda: (w[0] * w[1]).data * w[2],),
    ".data of an argument": (lambda x: w[0] * x.data, Value(2.0)),
    ".detach()": (lambda: w[0] * w[1].detach(),),
    "no_grad": (lambda: w[0] * no_grad(lambda: w[1] * 2.0)(),),
    "sum with a start": (lambda: sum(w, b),),
    "reduce": (lambda: functools.reduce(lambda x, y: x * y, w),),
    "accumulate": (lambda xs: [*itertools.accumulate(xs, lambda s, x: 0.5 * s + w[0] * x)][-1], [1.0, 2.0, 3.0]),
    "enumerate and zip": (lambda xs: sum(i * x * v for i, (x, v) in enumerate(zip(xs, w, strict=False))), [1.0, 2.0]),
    "np.array(row)": (lambda row: (np.array(row) * np.array(w)).sum(), [0.1, 0.2, 0.3]),
    "np.dot": (lambda row: np.dot(w, row), np.array([0.1, 0.2, 0.3])),
    "np.exp": (lambda: np.exp(w[0]) * np.sqrt(w[2]),),
    "np.mean": (lambda: np.mean(w) + np.sum(w),),
    "np.linalg.norm": (lambda: np.linalg.norm(w),),
    "floats of NumPy": (lambda row: w[0] * row[0] + w[1] * row[1], [np.float64(1.0), np.float64(2.0)]),
    "a list of lists": (lambda rows: sum(w[0] * row[0] + w[1] * row[1] for row in rows), [[1.0, 2.0], [3.0, 4.0]]),
    "a dict": (lambda d: w[0] * d["x"], {"x": 2.0}),
    "None, True and text": (lambda a, c, s: w[0] if a is None and c and s == "on" else w[1], None, True, "on"),
    "a comparison as a number": (lambda x: w[0] * (x == 2.0) + w[1] * (x > 3.0), 2.0),
    "len": (lambda row: w[0] * len(row) * row[0], [1.0, 2.0]),
    "power of a number": (lambda x: 2.0 ** (w[0] * x) + (w[2] * x) ** 0.5, 2.0),
    "an attribute": (lambda: (setattr(w[0], "m", 1.0), w[0] * 2.0)[1],),
    "a label": (lambda: (setattr(w[0] * 2.0, "label", "double"), w[0] * 2.0)[1],),
    "membership and index": (lambda: w[w.index(w[1])] * (w[2] in w) * len({*w}),),
    "a black box of math": (lambda: cosine(w[0]) * w[1],),
    "a rule that decides": (lambda: bent(w[0]) * bent(w[1]),),
}  # fmt: skip


@pytest.mark.parametrize("backend", [None, "numpy", "python"])
@pytest.mark.parametrize("name", IDIOMS)
def test_an_idiom_is_compiled_as_it_is(name: str, backend: str | None) -> None:
    function, *args = IDIOMS[name]
    expected = outcome(function, (*args,))
    assert outcome(compile(function, backend=backend), (*args,)) == pytest.approx(expected, abs=1e-14)


def test_a_black_box_is_called_for_each_sample() -> None:
    loss = compile(lambda x: cosine(w[0] * x) * bent(w[1] * x), backend="numpy")
    X = np.linspace(-1.0, 1.0, 5)
    expected = np.mean([outcome(loss.function, (x,)) for x in X.tolist()], axis=0)
    assert outcome(loss.batch, (X,)) == pytest.approx(expected, abs=1e-14)


def test_what_was_read_by_data_is_read_again_in_each_call() -> None:
    p = Value(2.0)
    loss = compile(lambda: p * p.data)
    assert loss().data == 4.0
    p.data = 3.0
    total = loss()
    total.backward()
    assert (total.data, p.grad) == (9.0, 3.0)


class Refused:
    """A function that is refused, words of the remedy, the function with the remedy followed, and arguments."""

    def __init__(self, function: Function, words: str, remedied: Function, *args: Any, given: Any = None) -> None:
        self.function, self.words, self.remedied, self.args = function, words, remedied, args
        self.given = args if given is None else given


T = Tensor([1.0, 2.0])
MAXIMUM = "functools.reduce(autograd.maximum, values) for max(values)"
REFUSED = {
    "max of numbers": Refused(
        lambda: softmax_loss(max(v.data for v in w)), MAXIMUM,
        lambda: softmax_loss(functools.reduce(autograd.maximum, [v.data for v in w])),
    ),
    "max of Values": Refused(lambda: max(w) * 2.0, MAXIMUM, lambda: functools.reduce(autograd.maximum, w) * 2.0),
    "np.max": Refused(lambda: np.max(w) * 2.0, MAXIMUM, lambda: functools.reduce(autograd.maximum, w) * 2.0),
    "max of two": Refused(
        lambda: max(w[0], w[1]), "autograd.maximum(a, b) for max(a, b)", lambda: autograd.maximum(w[0], w[1])
    ),
    "if": Refused(
        lambda x: w[0] if x > 0.0 else w[1], "autograd.where(x > 0, a, b) for if",
        lambda x: autograd.where(x > 0.0, w[0], w[1]), 2.0,
    ),
    "np.where": Refused(
        lambda x: np.where(x > 0.0, w[0], w[1]), "autograd.where(x > 0, a, b)",
        lambda x: autograd.where(x > 0.0, w[0], w[1]), 2.0,
    ),
    "an index": Refused(lambda i: w[i] * 2.0, "autograd.take(list, index)", lambda i: autograd.take(w, i) * 2.0, 1),
    "math.exp": Refused(
        lambda: math.exp(w[0]) * w[1], "autograd.exp(x) for math.exp(x)", lambda: autograd.exp(w[0]) * w[1]
    ),
    "a Value of a Value": Refused(lambda: Value(w[0]) * 2.0, "write x for Value(x)", lambda: w[0] * 2.0),
    "a class": Refused(
        lambda x: w[0] * x if isinstance(x, float) else w[1], "pass what was decided, as True",
        lambda x, is_float: w[0] * x if is_float else w[1], 2.0, given=(2.0, True),
    ),
    "text": Refused(
        lambda: (f"{w[0].data:.2f}", w[0] * 2.0)[1], "Print what the function returns", lambda: w[0] * 2.0
    ),
    "a key": Refused(
        lambda x: w[0] * {2.0: 5.0}.get(x, 1.0), "autograd.where(x == 3.0, a, b)",
        lambda x: w[0] * autograd.where(x == 2.0, 5.0, 1.0), 2.0,
    ),
    "no return": Refused(lambda: None, "is a return missing? write return loss", lambda: w[0] * 2.0),
    "two results": Refused(lambda: (w[0] * 2.0, w[1]), "write return loss", lambda: w[0] * 2.0),
    "random numbers": Refused(
        lambda: w[0] * next(NUMBERS), "must be an argument", lambda x: w[0] * x, given=(0.5,)
    ),
}  # fmt: skip
NUMBERS = itertools.count(1.0)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_idiom_has_a_remedy_that_works(name: str) -> None:
    refused = REFUSED[name]
    with pytest.raises((TraceError, TypeError)) as error:
        compile(refused.function)(*refused.args)
    assert refused.words in " ".join(str(error.value).split())
    assert "site-packages" not in str(error.value)  # it names the user's line, and not NumPy's
    found, expected = (outcome(f, refused.given) for f in (compile(refused.remedied), refused.remedied))
    assert found == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda: (T * 2.0).sum(), "returned Tensor; a Tensor is computed in whole arrays as it is"),
        (lambda: autograd.grad(lambda x: x * x * w[0])(2.0), "no graph to go back through .* compiled.function"),
        (lambda: w[0] * w[0].grad, "do it with the function itself, which is compiled.function"),
    ],
)
def test_what_cannot_be_compiled_runs_as_the_function_itself(function: Function, words: str) -> None:
    compiled = compile(function)
    with pytest.raises(TraceError, match=f"(?s){words}"):
        compiled()
    assert compiled.function() is not None


def test_an_error_calls_a_parameter_by_the_users_class() -> None:
    compile(lambda: w[0] * 2.0)()
    with pytest.raises(TypeError, match=r"got a Value; take its \.data"):
        T * w[0]
