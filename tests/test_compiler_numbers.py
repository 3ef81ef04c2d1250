"""What a number decides in Python: the same in a compiled function and in the function itself, or a TraceError."""

import copy
import decimal
import fractions
import functools
import json
import math
import numbers
import operator
import pickle
import statistics
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import GraphError, Tensor, TraceError, Value, compile, detect_anomaly, grad, no_grad

Decision = Callable[[Any], Any]
PLACES = 3.0, -2.5, 1.0
"""Where the function is called: what the first one decides must not decide for the others."""
TABLE = {3.0: 7.0, True: 8.0, "3.0": 9.0}


def matched(x: Any) -> float:
    match x:
        case 3.0:
            return 5.0
        case float():
            return 6.0
    return 7.0


def kind_of(x: Any) -> float:
    @functools.singledispatch
    def kind(x: Any) -> float:
        return 1.0

    kind.register(float, lambda x: 2.0)
    return kind(x)  # type: ignore[no-any-return]


DECISIONS: dict[str, Decision] = {
    "dict.get": lambda x: TABLE.get(x, 1.0),
    "dict[]": lambda x: {3.0: 2.0, -2.5: 3.0, 1.0: 4.0}[x],
    "in a set": lambda x: 2.0 if x in {3.0, 4.0} else 1.0,
    "in a tuple": lambda x: 2.0 if x in (3.0, 4.0) else 1.0,
    "of what is computed": lambda x: TABLE.get(x * 1.0 + 0.0, 1.0),
    "of a comparison": lambda x: TABLE.get(x > 0.0, 1.0),
    "a set": lambda x: float(len({x, 3.0})),
    "a counter": lambda x: float(Counter([x, 3.0])[3.0]),
    "a cache": lambda x: functools.cache(lambda x: x * 2.0)(x),
    "list.index": lambda x: float([3.0, -2.5, 1.0].index(x)),
    "list.count": lambda x: float([3.0, -2.5, 1.0].count(x)),
    "sorted": lambda x: sorted([x, 0.0])[0],
    "sorted by key": lambda x: sorted([1.0, 2.0], key=lambda y: y * x)[0],
    "max": lambda x: max(x, 0.0),
    "min by key": lambda x: min([1.0, 2.0], key=lambda y: y * x),
    "if": lambda x: 2.0 if x > 0.0 else 1.0,
    "if ==": lambda x: 2.0 if x == 3.0 else 1.0,
    "if x": lambda x: 2.0 if x else 1.0,
    "and": lambda x: x and 2.0,
    "not": lambda x: 2.0 if not x else 1.0,
    "chained": lambda x: 2.0 if 0.0 < x < 2.0 else 1.0,
    "any": lambda x: 2.0 if any([x > 2.0]) else 1.0,
    "== None": lambda x: 2.0 if x == None else 1.0,  # noqa: E711
    "!= text": lambda x: 2.0 if x != "3.0" else 1.0,
    "in texts": lambda x: 2.0 if x in ("mean", None) else 1.0,
    "comparison as a number": lambda x: (x > 0.0) + 1.0,
    "comparison & comparison": lambda x: autograd.where((x > 0.0) & (x < 2.0), 2.0, 1.0),
    "comparison | comparison": lambda x: autograd.where((x > 2.0) | (x < 0.0), 2.0, 1.0),
    "where": lambda x: autograd.where(x == 3.0, 2.0, 1.0),
    "where not equal to itself": lambda x: autograd.where(x != x, 2.0, 1.0),
    "isinstance float": lambda x: 2.0 if isinstance(x, float) else 1.0,
    "isinstance int": lambda x: 2.0 if isinstance(x, int) else 1.0,
    "isinstance Real": lambda x: 2.0 if isinstance(x, numbers.Real) else 1.0,
    "isinstance Tensor": lambda x: 2.0 if isinstance(x, Tensor) else 1.0,
    "isinstance bool": lambda x: 2.0 if isinstance(x > 0.0, bool) else 1.0,
    "isinstance of a result": lambda x: 2.0 if isinstance(x * 2.0, float) else 1.0,
    "__class__": lambda x: 2.0 if x.__class__ is float else 1.0,
    "match": matched,
    "singledispatch": kind_of,
    "hasattr": lambda x: 2.0 if hasattr(x, "is_integer") else 1.0,
    "hasattr shape": lambda x: 2.0 if hasattr(x, "shape") else 1.0,
    "f-string": lambda x: TABLE.get(f"{x}", 1.0),
    "f-string with a format": lambda x: float(f"{x:.1f}"),
    "f-string with !r": lambda x: TABLE.get(f"{x!r}", 1.0),
    "str": lambda x: TABLE.get(str(x), 1.0),
    "repr": lambda x: TABLE.get(repr(x), 1.0),
    "%": lambda x: float("%g" % x),  # noqa: UP031
    "% s": lambda x: TABLE.get("%s" % x, 1.0),  # noqa: UP031
    "str.format": lambda x: TABLE.get("{}".format(x), 1.0),  # noqa: UP032
    "text of a list": lambda x: float(len(str([x]))),
    "float": lambda x: float(x),
    "int": lambda x: float(int(x)),
    "complex": lambda x: complex(x).real,
    "bool": lambda x: float(bool(x)),
    "round": lambda x: float(round(x)),
    "round to digits": lambda x: round(x, 1),
    "divmod": lambda x: divmod(x, 2.0)[1],
    "modulo": lambda x: x % 2.0,
    "floor division": lambda x: 7.0 // x,
    "range": lambda x: float(len(range(int(x)))),
    "index": lambda x: [1.0, 2.0, 3.0, 4.0][operator.index(int(x))],
    "abs": abs,
    "pow": lambda x: pow(x, 2),
    "neg": operator.neg,
    "pos": operator.pos,
    "sum": lambda x: sum([x, x]),
    "math.exp": math.exp,
    "math.floor": lambda x: float(math.floor(x)),
    "math.ceil": lambda x: float(math.ceil(x)),
    "math.trunc": lambda x: float(math.trunc(x)),
    "math.isnan": lambda x: 2.0 if math.isnan(x) else 1.0,
    "math.isclose": lambda x: 2.0 if math.isclose(x, 3.0) else 1.0,
    "math.copysign": lambda x: math.copysign(1.0, x),
    "statistics": lambda x: statistics.mean([x, x]),
    "fractions": lambda x: float(fractions.Fraction(x)),
    "decimal": lambda x: float(decimal.Decimal(x)),
    "json": lambda x: float(json.dumps(x)),
    "copy": copy.copy,
    "deepcopy": lambda x: copy.deepcopy([x])[0],
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "NumPy float": lambda x: float(np.float64(x)),
    "NumPy array": lambda x: np.array([x, 2.0 * x])[1],
    "NumPy array of floats": lambda x: float(np.array([x], float)[0]),
    "NumPy where": lambda x: 2.0 if np.array([x])[0] > 0.0 else 1.0,
    "real": lambda x: x.real,
    "imag": lambda x: x.imag + 1.0,
    "conjugate": lambda x: x.conjugate(),
    "is_integer": lambda x: 2.0 if x.is_integer() else 1.0,
    "as_integer_ratio": lambda x: float(x.as_integer_ratio()[0]),
    "hex": lambda x: float.fromhex(x.hex()),
    "length": lambda x: float(len(x)),
    "iteration": lambda x: next(iter(x)),
    "item": lambda x: x[0],
}


def outcome(f: Any, x: Any) -> Any:
    """The number, or the kind of error."""
    try:
        return float(f(x).data)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("name", DECISIONS)
def test_what_a_number_decides_is_decided_in_each_call_or_refused(name: str) -> None:
    w, decide = Value(2.0), DECISIONS[name]

    def loss(x: Any) -> Any:
        return w * decide(x)

    compiled = compile(loss)
    for x in PLACES:
        found, expected = outcome(compiled, x), outcome(loss, x)
        if found is TraceError:
            with pytest.raises(TraceError, match=r"\n  at .*\.py:\d+: .*\n[A-Z]"):  # where, and what to write instead
                compiled(x)
        else:
            assert found in (expected, TypeError), x


@pytest.mark.parametrize("name", [name for name in dir(float) if name not in ("__class__", "__doc__", "__sizeof__")])
def test_every_attribute_of_a_float_gives_what_it_gives_eagerly_or_is_refused(name: str) -> None:
    w = Value(2.0)
    for operands in ((), (2.0,), ("",)):

        def loss(x: Any, operands: Any = operands) -> Any:
            found = getattr(x, name)
            found = found(*operands) if callable(found) else found
            return w * (found if isinstance(found, Value | float | int) else 5.0 + (found == (-2.5).__repr__()))

        compiled = compile(loss)
        for x in PLACES:
            expected = outcome(loss, x)
            if isinstance(expected, float):
                assert outcome(compiled, x) in (expected, TraceError, TypeError, AttributeError), (operands, x)


PARAMETER: dict[str, Decision] = {
    "a set": lambda w: float(len({w, w})) * w,
    "seen before": lambda w: sum({p: 2.0 * p for p in (w, w)}.values()),
    "in a list": lambda w: w * (2.0 if w in [w] else 1.0),
    "isinstance Value": lambda w: w * (2.0 if isinstance(w, Value) else 1.0),
    "isinstance float": lambda w: w * (2.0 if isinstance(w, float) else 1.0),
    "isinstance of a result": lambda w: w * (2.0 if isinstance(w * 2.0, float) else 1.0),
    "label": lambda w: w * (2.0 if w.label == "weight" else 1.0),
    "requires_grad": lambda w: w * (2.0 if w.requires_grad else 1.0),
    "requires_grad of a result": lambda w: w * (2.0 if (w * w).requires_grad else 1.0),
    "requires_grad of what is detached": lambda w: w * (2.0 if (w * w).detach().requires_grad else 1.0),
    "leaf": lambda w: w * (1.0 if w.parents else 2.0),
    "parents of a result": lambda w: w * float(len((w * w).parents)),
    "operation of a result": lambda w: w * (2.0 if (w * w)._op == "*" else 1.0),
    "grad": lambda w: w * (1.0 + w.grad),
    "zero_grad": lambda w: (w.zero_grad(), w * 2.0)[1],
    "copy": lambda w: copy.copy(w) * w,
    "data": lambda w: w * w.data,
    "== None": lambda w: w * (2.0 if w == None else 1.0),  # noqa: E711
    "where": lambda w: autograd.where(w, w * w, 1.0),
    "where with a constant": lambda w: autograd.where(Value(1.0), w * w, 1.0),
}


@pytest.mark.parametrize("name", PARAMETER)
def test_what_a_parameter_decides_is_what_it_decides_eagerly_or_refused(name: str) -> None:
    results = []
    for compiled in (False, True):
        w = Value(3.0, label="weight")

        def loss(w: Any = w) -> Any:
            return PARAMETER[name](w)

        try:
            total = compile(lambda: loss())() if compiled else loss()
            total.backward()
            results.append((total.data, w.grad))
        except TraceError:
            assert compiled
            return
    assert results[0] == results[1]


@pytest.mark.parametrize("forbidden", ["grad", "requires_grad"])
def test_a_parameter_is_not_changed_by_a_trace(forbidden: str) -> None:
    w = Value(3.0)
    loss = compile(lambda: (setattr(w, forbidden, 0.0), w * w)[1])
    with pytest.raises(TraceError, match=f"An assignment to .{forbidden} of a traced value"):
        loss()
    assert (w.grad, w.requires_grad, type(w)) == (0.0, True, Value)


# ----- modes -----


def test_no_grad_around_a_compiled_function_is_no_grad() -> None:
    w = Value(2.0)
    product = compile(lambda x: x * w)
    for _ in range(2):  # traced, and replayed
        with no_grad():
            silent, rows = product(3.0), product.batch([3.0, 5.0])
        assert (silent.data, rows.data, silent.requires_grad) == (6.0, 8.0, False)
        for each in (silent, rows):
            with pytest.raises(GraphError, match="nothing was recorded for it, because it was made under no_grad"):
                each.backward()
        assert w.grad == 0.0
    loss = product(3.0)
    with no_grad():
        loss.backward()  # as of a Value: what was recorded has a gradient
    assert (w.grad, loss.requires_grad) == (3.0, True)
    with no_grad():
        assert product.value_and_grad(3.0)[1].tolist() == [3.0]  # it asks for one, as autograd.value_and_grad does


@pytest.mark.parametrize("loss", [lambda w: (w * w).detach() * 2.0, lambda w: (w > 1.0) * 2.0], ids=["detach", ">"])
def test_a_loss_that_nothing_asks_a_gradient_of_has_none(loss: Any) -> None:
    w = Value(2.0)
    with pytest.raises(GraphError, match="nothing was recorded for it"):
        compile(lambda: loss(w))().backward()


@pytest.mark.parametrize("backend", ["numpy", "python"])
def test_a_row_under_no_grad_beside_an_equal_one_that_is_not(backend: str) -> None:
    for order in (1, -1):
        results = []
        for compiled in (False, True):
            w = Value(0.5)

            def silent(w: Any = w) -> Any:
                with no_grad():
                    return w.exp()

            def loss(w: Any = w, order: int = order, silent: Any = silent) -> Any:
                first, second = [lambda: w.exp() * w, lambda: silent() * w][::order]
                return first() + second()

            total = compile(lambda: loss(), backend=backend)() if compiled else loss()
            total.backward()
            results.append((total.data, w.grad))
        np.testing.assert_allclose(results[0], results[1], rtol=1e-14)
        assert results[1][1] == pytest.approx(math.exp(0.5) * 2.5, rel=1e-14)  # with the silent one's, 3


def test_backward_inside_detect_anomaly_is_refused_too() -> None:
    w = Value(2.0)
    loss = compile(lambda: w * w)()
    with detect_anomaly(), pytest.raises(GraphError, match="a compiled program has none; inside of it call"):
        loss.backward()
    assert w.grad == 0.0


def test_a_compiled_function_in_a_derivative_is_the_function() -> None:
    w = Value(2.0)
    cube = compile(lambda x: x * x * x * w)
    assert cube(3.0).data == 54.0
    assert grad(cube)(3.0) == 54.0
    assert grad(grad(lambda x: cube(x) * x))(3.0) == 12.0 * 9.0 * 2.0


DERIVATIVES: dict[str, Any] = {
    "grad": lambda f, x: grad(f)(x),
    "value_and_grad": lambda f, x: autograd.value_and_grad(f)(x)[1],
    "jvp": lambda f, x: autograd.jvp(f, (x,), (1.0,))[1],
    "vjp": lambda f, x: autograd.vjp(f, x)[1](1.0)[0],
    "jacobian": lambda f, x: autograd.jacobian(f)(x),
    "hessian": lambda f, x: autograd.hessian(f)(x),
    "hvp": lambda f, x: autograd.hvp(f, (x,), (1.0,))[0],
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_a_derivative_in_a_compiled_function_is_a_part_of_it(name: str) -> None:
    loss = compile(lambda x: DERIVATIVES[name](lambda y: y * y * x, x) * 1.0)
    for x in (2.0, 3.0):
        assert loss(x).data == float(loss.function(x)) == (2.0 * x * x if name not in ("hessian", "hvp") else 2.0 * x)


def test_a_batch_in_a_compiled_function_is_refused() -> None:
    w = Value(2.0)
    inner = compile(lambda x: x * w)
    inner(1.0)
    for wrong in (lambda x: w * inner.batch([1.0, 2.0]).data * x, lambda x: w * inner.value_and_grad(1.0)[0] * x):
        with pytest.raises(TraceError, match="its numbers today would be frozen into the program\n  at "):
            compile(wrong)(1.0)
    assert compile(lambda x: inner(x) * x)(3.0).data == 18.0
