"""A node that wants a gradient becomes a plain number only by a word that says so: `float(x)`, formatting, rounding."""

import array
import builtins
import cmath
import copy
import fractions
import heapq
import json
import logging
import math
import pickle
import random
import statistics
import struct
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Tensor, Value, grad, no_grad
from autograd.conversions import INSTEAD
from autograd.ops import OPS
from tests.helpers import slopes

ROOT = Path(__file__).parents[1]
NAMES = {
    "array": array, "autograd": autograd, "builtins": builtins, "cmath": cmath, "copy": copy, "heapq": heapq,
    "fractions": fractions, "json": json, "logging": logging, "math": math, "np": np,
    "pickle": pickle, "random": random, "statistics": statistics, "struct": struct, "Decimal": Decimal, "Value": Value,
}  # fmt: skip


def run(program: str, **given: Any) -> Any:
    """What ``program``, an expression or statements, leaves: once as a module and once as the body of a function."""
    spaces = [{**NAMES, **given}, {**NAMES, **given}]
    try:
        compile(program, "<try>", "eval")
        program = f"found = {program}"
    except SyntaxError:
        pass
    lines = program.replace("\n", "\n    ")
    body = f"def f({', '.join(given)}):\n    found = None\n    {lines}\n    return found\nfound = f({', '.join(given)})"
    for space, source in zip(spaces, (program, body), strict=True):
        exec(compile(source, "<try>", "exec"), space)
    return spaces[0].get("found"), spaces[1]["found"]


# ----- what means it -----

QUIET = [
    "float(x)", "float( x if x else y )", "builtins.float(x)", "float(*[x])", "float(\n x\n)", "{'a': [float(x)]}",
    "convert = float\nfound = convert(x)", "float(x) if float(x) > 0 else float(y)", "str(float(x)) + repr(float(y))",
    "(float(x) +\n float(y))", "assert float(x) == 1.25", "try:\n pass\nfinally:\n float(x)", "lambda: float(x)",
    "[float(v) for v in xs]", "{v: float(v) for v in xs}", "sum(float(v) for v in xs)",
    "max(map(float, xs), default=0.0)",
    "list(map(float, xs))", "[*map(float, xs)]", "{*map(float, xs)}", "tuple(map(float, xs))", "a, b = map(float, xs)",
    "for v in map(float, xs): pass", "sum(map(float, xs))", "[v for v in map(float, xs)]",
    "print(*map(float, xs), end='')", "list([map(float, xs)][0])", "sum(*[map(float, xs)])",
    "[v for each in [map(float, xs)] for v in each]",
    "[v for i, v in enumerate(map(float, xs))]", "dict(zip('ab', map(float, xs)))", "np.array(list(map(float, xs)))",
    "np.fromiter(map(float, xs), float)", "statistics.mean(map(float, xs))", "math.fsum([float(v) for v in xs])",
    "sorted(xs, key=float)", "max(xs, key=float)", "min(x, y, key=float)", "xs[:].sort(key=float, reverse=True)",
    "heapq.nlargest(1, xs, key=float)",
    "f'{x:.2f} {x} {x!r}'", "'%.2f' % x", "'%d %s %5.1f%%' % (x, x, y)", "'{:.2f}'.format(x)", "format(x, '.3e')",
    "logging.makeLogRecord({'msg': '%.3f', 'args': (x,)}).getMessage()", "b'%.2f' % x",
    "round(x)", "round(x, 2)", "math.floor(x)", "math.ceil(x)", "math.trunc(x)", "int(x)", "bool(x)",
    "math.isnan(x)", "math.isinf(x)", "math.isfinite(x)", "math.isclose(x, y)",
    "cmath.isfinite(x)", "cmath.isclose(x, 1)",
    "x.item()", "x.data", "str(x)", "hash(x)", "x < y", "x == 1.25", "sorted(xs)",
    "copy.deepcopy(x)", "pickle.dumps(x)",
]  # fmt: skip


@pytest.mark.parametrize("program", QUIET)
def test_explicit_conversions_formatting_rounding_and_predicates_stay_quiet(program: str) -> None:
    x, y = Value(1.25), Value(2.0)
    run(program, x=x, y=y, xs=[x, y])


def test_rounding_is_that_of_the_number() -> None:
    for number in (-2.5, 1.25, 3.999):
        x = Value(number)
        assert (round(x), round(x, 1), type(round(x))) == (round(number), round(number, 1), int)
        assert [f(x) for f in (math.floor, math.ceil, math.trunc, int)] == [
            f(number) for f in (math.floor, math.ceil, math.trunc, int)
        ]
        assert round(Tensor([number]), 1) == round(number, 1)
    with pytest.raises(ValueError, match=r"item\(\) is for one element"):
        round(Tensor([1.0, 2.0]))


def test_pytest_rewrites_assertions_and_float_stays_quiet() -> None:
    x = Value(1.25)
    assert float(x) == 1.25
    assert [float(v) for v in [x]] == [*map(float, [x])]
    assert not math.isnan(x)
    assert x == pytest.approx(1.25)
    with pytest.raises(TypeError, match=r"write autograd\.exp\(x\) for math\.exp\(x\)"):
        assert math.exp(x) > 0.0


# ----- what does not -----

LOUD = [
    "math.exp(x)", "math.exp(float(y)) + math.exp(x)", "math.hypot(x, float(y))", "[math.exp(v) for v in xs]",
    "list(map(math.exp, xs))", "complex(x)", "cmath.exp(x)", "math.fsum(xs)", "math.fsum(v for v in xs)",
    "math.hypot(*map(float, xs), x)", "f = math.exp\nf(x)", "f'{math.exp(x):.2f}'", "'%f' % math.exp(x)",
    "float(math.exp(x))", "sorted(xs, key=math.exp)",
    "np.float64(x)", "np.float32(x)", "np.float16(x)", "np.longdouble(x)", "np.complex128(x)",
    "np.array(xs, dtype=float)", "np.asarray(xs, float)", "np.array([x, *map(float, xs)], dtype=float)",
    "np.array(xs).astype(float)", "np.array(xs).astype(np.float32, copy=False)", "np.full(2, x, dtype=float)",
    "np.array(sorted(xs, key=float), dtype=float)", "np.array([max(map(float, xs)), x], dtype=float)",
    "np.fromiter(xs, float)", "B = np.zeros(2)\nB[0] = x", "B = np.zeros(2)\nB[:] = xs", "B = np.zeros(2)\nB.fill(x)",
    "B = np.zeros(2)\nnp.copyto(B, np.array(xs), casting='unsafe')", "np.zeros(2).put(0, x)",
    "statistics.fmean(xs)", "statistics.mean(xs)", "statistics.stdev(xs)", "statistics.NormalDist(x, y)",
    "statistics.geometric_mean(xs)", "random.gammavariate(x, y)", "array.array('d', xs)", "x.as_integer_ratio()",
]  # fmt: skip


@pytest.mark.parametrize("program", LOUD)
def test_any_other_conversion_is_an_error_with_the_line_and_the_remedy(program: str) -> None:
    x, y = Value(1.25), Value(2.0)
    with pytest.raises(TypeError, match=r"would cut it off from the derivative\n  at <try>:\d+: .*\n.*x\.item\(\)"):
        run(program, x=x, y=y, xs=[x, y])
    with no_grad():
        run(program, x=x, y=y, xs=[x, y])
    constants = [v.detach() for v in (x, y)]
    run(program, x=constants[0], y=constants[1], xs=constants)


def test_a_tensor_of_one_element_is_held_to_the_same() -> None:
    v = Tensor([1.25])
    for program in ("float(v)", "round(v, 2)", "'%.2f' % v", "math.isnan(v)", "list(map(float, [v]))"):
        run(program, v=v)
    for program in ("math.exp(v)", "statistics.fmean([v])"):
        with pytest.raises(TypeError, match="a Tensor that wants a gradient"):
            run(program, v=v)


def test_the_error_names_the_users_line_and_not_a_librarys() -> None:
    with pytest.raises(TypeError, match=r"statistics\.fmean\(\) of a Value .*\n  at .*test_conversions\.py:\d+: stat"):
        statistics.fmean([Value(1.0)])
    with pytest.raises(TypeError, match=r"list\(\) of a Value .*\n  at .*test_conversions\.py:\d+: list\(map"):
        list(map(math.exp, [Value(1.0)]))


def test_inside_a_derivative_even_float_is_refused() -> None:
    for cut in (float, math.exp, np.float64):
        with pytest.raises(TypeError, match=rf"{cut.__name__}\(\) of a Value inside a function that is being"):
            grad(lambda x, cut=cut: cut(x) * x)(1.0)
    assert grad(lambda x: x * round(x.item()) * len(f"{x:.1f}"))(2.0) == 6.0
    assert grad(lambda x: x if math.isfinite(x) else 0.0 * x)(2.0) == 1.0
    with pytest.raises(TypeError, match="would cut it off from the derivative"):
        grad(lambda x: x * sum(map(float, [x])))(1.0)


# ----- every name of the modules -----


def members(module: ModuleType) -> list[str]:
    names = getattr(module, "__all__", [name for name in dir(module) if not name.startswith("_")])
    return [name for name in names if callable(getattr(module, name)) and name not in OTHER]


OTHER = {
    "StatisticsError", "LinearRegression", "seed", "setstate", "SystemRandom", "Random", "sample", "shuffle", "choice",
    "choices", "randrange", "randint",
}  # fmt: skip
"""What takes objects of any kind, or integers only."""


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module in (math, cmath, statistics, random) for name in members(module)],
    ids=lambda part: part if isinstance(part, str) else part.__name__,
)
def test_no_function_of_the_standard_library_drops_a_gradient(module: ModuleType, name: str) -> None:
    a, b, c = values = [Value(t) for t in (1.5, 1.25, 2.0)]
    for args in [(a,), (a, b), (a, b, c), (values,), (values, values), (a, 2), (2, a)]:
        try:
            found = getattr(module, name)(*args)
        except (TypeError, AttributeError, ValueError):
            continue
        parts = found if isinstance(found, list | tuple) else [found]
        assert any(isinstance(part, Value) for part in parts) or {type(part) for part in parts} <= {bool, int}, found


def test_what_python_itself_computes_stays_in_the_graph() -> None:
    x, y = Value(1.5), Value(2.0)
    for keep in (
        lambda: sum([x, y]), lambda: sum([x, y], 0.0), lambda: max(x, y), lambda: abs(x), lambda: pow(x, 2.0),
        lambda: math.prod([x, y]), lambda: random.uniform(x, y), lambda: random.gauss(x, y), lambda: -x,
        lambda: random.triangular(x, y), lambda: np.float64(2.0) * x, lambda: statistics.median([x, y, y]),
    ):  # fmt: skip
        assert isinstance(keep(), Value)
    for refused in (Decimal, fractions.Fraction, time.sleep, json.dumps):
        with pytest.raises(TypeError):
            refused(x)  # type: ignore[operator]
    with pytest.raises(struct.error):
        struct.pack("d", x)


# ----- the remedies work -----

ONE_NUMBER = {"acosh": 1.5, "asin": 0.3, "acos": 0.3, "atanh": 0.3}
TWO_NUMBERS = {"pow", "hypot", "atan2", "fmod", "remainder", "copysign"}
TWO_SERIES = {"dist", "sumprod"}
REMEDIES = [(module, name) for module in (math, statistics) for name in members(module) if name in {*OPS, *INSTEAD}]


@pytest.mark.parametrize(("module", "name"), REMEDIES, ids=[name for _, name in REMEDIES])
def test_what_the_error_says_to_write_computes_the_same_with_its_gradient(module: ModuleType, name: str) -> None:
    f = getattr(module, name)
    of_series = module is statistics or name == "fsum"
    point = [1.5, 2.0, 0.5, 0.25] if of_series or name in TWO_SERIES else [1.25, 2.0]
    if not of_series and name not in {*TWO_NUMBERS, *TWO_SERIES}:
        point = [ONE_NUMBER.get(name, 1.25)]

    def compute(*numbers: Any) -> Any:
        if of_series:
            return f(numbers)
        if name in TWO_SERIES:
            return f(numbers[:2], numbers[2:])
        return f(*numbers, 3) if name == "ldexp" else f(*numbers)

    values = [Value(number) for number in point]
    if name != "sumprod":  # which computes on the Values themselves
        with pytest.raises(TypeError) as error:
            compute(*values)
        assert _remedy(name) in str(error.value)
    given = {"xs": values, "x": values[0], "y": values[-1], "p": values[:2], "q": values[2:], "i": 3}
    y = eval(_remedy(name), {"autograd": autograd, **given})
    assert y.data == pytest.approx(compute(*point), rel=1e-12)
    y.backward()
    assert [v.grad for v in values] == pytest.approx(slopes(compute, point), rel=1e-7, abs=1e-9)


def _remedy(name: str) -> str:
    return INSTEAD.get(name, f"autograd.{name}(x)")


def test_without_an_operation_of_ours_the_remedy_is_the_bare_number() -> None:
    for f in (math.gamma, math.lgamma, np.float64, complex):
        with pytest.raises(TypeError, match=r"\nwrite x\.item\(\) if you mean the bare number"):
            f(Value(1.25))


# ----- a Value for a number -----


def test_data_that_is_no_number_is_named_by_the_next_operation() -> None:
    for operate in (lambda p: p * 2.0, lambda p: p.exp(), lambda p: p + p, lambda p: p.tanh()):
        p, g = Value(1.0), Value(2.0)
        p.data -= 0.1 * g
        with pytest.raises(
            TypeError, match=r"\.data of an operand is not a plain number but a Value.* 0\.1 \* g\.data"
        ):
            operate(p)
        p.data = 1.0
        p.data -= 0.1 * g.data
        assert isinstance(operate(p).data, float)


# ----- without a source, and without columns -----


@pytest.mark.parametrize("options", [[], ["-X", "no_debug_ranges"]], ids=["usual", "no columns"])
def test_a_command_without_a_source(options: list[str]) -> None:
    program = (
        "import math; from autograd import Value; x = Value(1.0)\n"
        "def f(x):\n  return float(x)\n"
        "def g(x):\n  return math.exp(x)\n"
        "assert f(x) == 1.0\n"
        "try: g(x)\n"
        "except TypeError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, *options, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "at <string>:5" in done.stdout
    assert "x.item() if you mean the bare number" in done.stdout
    assert ("autograd.exp(x)" in done.stdout) == (not options)
