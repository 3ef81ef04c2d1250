"""NumPy's functions on object arrays of Values: a right gradient, or an error."""

import math
import operator
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Tensor, TraceError, Value, compile
from autograd.graph import plain
from autograd.numpy_rows import ROWS
from autograd.ops import OPS
from tests.helpers import slope, slopes

RAW = {"polydiv", "frombuffer", "memmap", "frompyfunc", "vectorize", "fromfile", "fromregex"}
"""Of memory, files and functions, not of numbers; and one that returns ragged lists."""
REFUSALS = (TypeError, ValueError, AttributeError, IndexError, BufferError, np.linalg.LinAlgError)


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """What computes with arrays in NumPy's public modules; ufuncs too."""
    modules: list[tuple[str, ModuleType]] = [("np", np), ("np.linalg", np.linalg), ("np.fft", np.fft)]
    for prefix, module in modules:
        for name in dir(module):
            f = getattr(module, name)
            settings = name.startswith(
                ("_", "save", "load", "gen", "set", "get", "show", "print", "info", "test", "err")
            )
            if callable(f) and not isinstance(f, type) and not settings and name not in RAW:
                yield f"{prefix}.{name}", f


def numbers(shape: tuple[int, ...]) -> np.ndarray:
    x = np.linspace(0.31, 0.83, int(np.prod(shape))).reshape(shape)
    return x + 0.1 * np.eye(*shape) if len(shape) == 2 else x


def of_values(array: np.ndarray) -> np.ndarray:
    found = np.empty(array.shape, object)
    found.flat = [Value(number) for number in array.flat]
    return found


def parts(found: Any) -> list[Any]:
    """The numbers and nodes in ``found``, in order."""
    if isinstance(found, np.ndarray):
        found = found.ravel().tolist() if found.dtype.names is None else []
    return [part for each in found for part in parts(each)] if isinstance(found, list | tuple) else [found]


LEFT_OUT = {
    "np.logical_or", "np.logical_and",  # Python's `a or b` and `a and b`, which are one of the two
    "np.gcd", "np.lcm",  # Euclid's remainders; of floats NumPy itself has none to compare with
}  # fmt: skip


@pytest.mark.parametrize(("name", "f"), [pytest.param(n, f, id=n) for n, f in functions() if n not in LEFT_OUT])
def test_numpy_keeps_the_gradient_of_values_or_refuses(name: str, f: Callable[..., Any]) -> None:
    outcomes = [_keeps(name, f, shape, arity) for shape in ((3,), (2, 2)) for arity in (1, 2, 3)]
    assert any(outcomes) or name not in KEEPING


def _keeps(name: str, f: Callable[..., Any], shape: tuple[int, ...], arity: int) -> bool:
    """Whether Values came out, all with the right gradient."""
    x = numbers(shape) + (1.0 if "cosh" in name else 0.0)
    values = of_values(x)

    def call(array: np.ndarray) -> list[Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parts(f(*[array if i == 0 else array[::-1] * 0.9 + 0.01 for i in range(arity)]))

    try:
        found = call(values)
    except REFUSALS:
        return False
    weights = [math.cos(i) if isinstance(part, Value) else 0.0 for i, part in enumerate(found)]
    for part, weight in zip(found, weights, strict=True):
        assert weight or not isinstance(part, float) or part in (0.0, 1.0)
    if not any(weights):
        return False
    root = sum((w * part for w, part in zip(weights, found, strict=True) if w), Value(0.0))
    root.backward()

    def total(t: float, index: tuple[int, ...]) -> float:
        moved = x.copy()
        moved[index] = t
        return sum(w * float(part) for w, part in zip(weights, call(moved), strict=True) if w)

    for index in np.ndindex(shape):
        expected = slope(partial(total, index=index), x[index])
        assert values[index].grad == pytest.approx(expected, rel=1e-6, abs=1e-6)
    return True


KEEPING = {
    "np.abs", "np.add", "np.arccos", "np.arccosh", "np.arcsin", "np.arcsinh", "np.arctan", "np.arctan2",
    "np.arctanh", "np.cbrt", "np.convolve", "np.cos", "np.cosh", "np.cross", "np.cumprod", "np.cumsum",
    "np.deg2rad", "np.degrees", "np.diag", "np.diff", "np.divide", "np.dot", "np.exp", "np.exp2", "np.expm1",
    "np.fabs", "np.flip", "np.fmod", "np.hypot", "np.inner", "np.kron", "np.log", "np.log10", "np.log1p",
    "np.log2", "np.max", "np.maximum", "np.mean", "np.min", "np.minimum", "np.multiply", "np.negative",
    "np.outer", "np.power", "np.prod", "np.rad2deg", "np.radians", "np.ravel", "np.reciprocal", "np.sin",
    "np.sinh", "np.sort", "np.sqrt", "np.square", "np.subtract", "np.sum", "np.tan", "np.tanh",
    "np.tensordot", "np.trace", "np.trapezoid", "np.vdot", "np.vecdot",
}  # fmt: skip
"""What people call most: it must not be refused."""


def test_functions_with_arguments_of_other_kinds() -> None:
    x = numbers((2, 2))
    programs: list[Callable[[Any], Any]] = [
        lambda a: np.einsum("ij,jk->ik", a, a), lambda a: np.clip(a, 0.4, 0.7), lambda a: np.where(a > 0.5, a * a,
        2.0 * a),
        lambda a: np.average(a, weights=a), lambda a: np.linalg.matrix_power(a, 3), lambda a: np.choose([0, 1], a),
        lambda a: np.concatenate([a, a * a], axis=1), lambda a: np.pad(a, 1, mode="edge"), lambda a: np.roll(a, 1) * a,
        lambda a: np.select([a > 0.5], [a * a], a), lambda a: np.apply_along_axis(np.sum, 0, a), lambda a: np.var(a,
        axis=0),
        lambda a: a @ np.ones(2) + np.ones(2) @ a, lambda a: [np.float64(2.0) * a[0, 0], *(np.ones(2) * a[0])],
        lambda a: np.array([a[0, 0], a[1, 1] * 2.0]), lambda a: np.take(a, [0, 3]) ** 2, lambda a: np.mean([*a[0]]),
    ]  # fmt: skip
    for program in programs:
        values = of_values(x)
        sum(parts(program(values))).backward()
        for index in np.ndindex(2, 2):

            def total(t: float, index: tuple[int, ...] = index, program: Callable[[Any], Any] = program) -> float:
                moved = x.copy()
                moved[index] = t
                return float(np.sum(program(moved)))

            assert values[index].grad == pytest.approx(slope(total, x[index]), rel=1e-7)


def test_order_and_choice_are_those_of_the_numbers() -> None:
    x = np.array([3.0, 1.0, 2.0])
    values = of_values(x)
    assert np.argmax(values) == 0
    assert np.argsort(values).tolist() == [1, 2, 0]
    assert np.max(values) is values[0]
    assert [v.data for v in np.sort(values)] == [1.0, 2.0, 3.0]
    assert (values > 1.5).tolist() == [True, False, True]
    assert np.floor(values * 1.5).tolist() == [4, 1, 3]
    assert np.sign(-values).tolist() == [-1, -1, -1]


def test_arrays_of_values_do_not_become_arrays_of_numbers() -> None:
    values = of_values(np.ones(2))
    floats = np.zeros(2)
    programs: list[Callable[[], Any]] = [
        lambda: values.astype(float), lambda: np.array(values, dtype=np.float32),
        lambda: floats.__setitem__(slice(None), values),
        lambda: floats.__iadd__(values), lambda: np.add(values, 1.0, out=floats),
        lambda: np.linalg.inv(values * np.eye(2)),
        lambda: np.isnan(values), lambda: np.float64(values[0]), lambda: np.sum(values, dtype=float),
        lambda: Tensor(values), lambda: Tensor([values[0]]), lambda: floats.__imul__(values[0]),
    ]  # fmt: skip
    for program in programs:
        with pytest.raises(TypeError):
            program()
    assert floats.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", [name for name in ROWS if name not in OPS and hasattr(Value, name)])
def test_the_methods_that_numpy_calls(name: str) -> None:
    ufunc = getattr(np, name)
    point = [1.3, 0.7][: ufunc.nin] if name not in ("arctanh", "arcsin", "arccos") else [0.3]
    values = [Value(number) for number in point]
    y = getattr(values[0], name)(*values[1:])
    y.backward()
    assert y.data == pytest.approx(float(ufunc(*point)), rel=1e-14)
    assert [v.grad for v in values] == pytest.approx(slopes(lambda *xs: float(ufunc(*xs)), point), rel=1e-7, abs=1e-9)
    assert {type(number) for number in (y.data, *[v.grad for v in values])} == {float}
    assert getattr(Tensor(point[:1]), name)(*point[1:]).data == pytest.approx(y.data, rel=1e-14)


def test_outside_the_domain_there_is_nan_and_no_warning() -> None:
    x = Value(-2.0)
    y = x.log2()
    y.backward()
    assert (math.isnan(y), x.grad, Value(0.0).log10().data) == (True, pytest.approx(-0.5 / math.log(2.0)), -math.inf)


@pytest.mark.parametrize("backend", ["numpy", "python"])
@pytest.mark.parametrize("name", [name for name in ROWS if name not in OPS and hasattr(Value, name)])
def test_a_compiled_function_computes_what_numpy_alone_computes(name: str, backend: str) -> None:
    row, x = ROWS[name], Value(1.25)
    others = [0.75] * (row.arity - 1)
    point = {"arccosh": 1.5, "arcsin": 0.4, "arccos": 0.4, "arctanh": 0.4}.get(name, 0.9)

    def loss(t: Any) -> Any:
        return getattr(t * x, name)(*others) * x

    compiled = compile(loss, backend=backend)
    found = compiled.batch([point, 1.1 * point])
    found.backward()
    slope, x.grad = x.grad, 0.0
    expected = (loss(point) + loss(1.1 * point)) / 2.0
    expected.backward()
    assert (found.data, slope) == pytest.approx((expected.data, x.grad), rel=1e-13)
    assert "one by one" not in compiled.report()


# ----- an array of Values, or of numbers, and one Value -----

OPERATORS: list[Callable[[Any, Any], Any]] = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.lt, operator.le, operator.gt,
    operator.ge, operator.eq, operator.ne,
]  # fmt: skip
IN_PLACE: list[Callable[[Any, Any], Any]] = [
    operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow,
]  # fmt: skip
BINARY: list[Callable[[Any, Any], Any]] = [
    np.add,
    np.subtract,
    np.multiply,
    np.divide,
    np.power,
    np.maximum,
    np.minimum,
]
ALSO_METHODS: list[Callable[[Any, Any], Any]] = [np.hypot, np.arctan2, np.fmod, np.fmax, np.fmin]
"""NumPy asks the first element for a method of this name, which a number has not."""


def _each_by_itself(f: Callable[[Any, Any], Any], made: Callable[[], tuple[Any, Any]], in_place: bool = False) -> None:
    """``f`` of an array and one Value is an array of what ``f`` makes of each, with the same gradients."""
    gradients = []
    for together in (True, False):
        a, b = made()
        leaves = [x for x in [*parts(a), *parts(b)] if isinstance(x, Value)]
        pairs = np.broadcast(np.asarray(a, object), np.asarray(b, object))
        found = f(a, b) if together else [f(x, y) for x, y in pairs]
        assert not in_place or not together or found is a
        assert not together or (isinstance(found, np.ndarray) and found.shape == pairs.shape)
        results = parts(found)
        nodes = [x for x in results if isinstance(x, Value)]
        if nodes:
            autograd.dot([math.cos(i) for i in range(len(nodes))], nodes).backward()
        gradients.append([[plain(x) for x in results], [x.grad for x in leaves]])
    assert gradients[0] == gradients[1]


@pytest.mark.parametrize("f", [*OPERATORS, *BINARY, *ALSO_METHODS], ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [(3,), (2, 2), (1,), (0,)], ids=str)
def test_an_array_of_values_and_a_value(f: Callable[[Any, Any], Any], shape: tuple[int, ...]) -> None:
    _each_by_itself(f, lambda: (of_values(numbers(shape)), Value(0.5)))
    _each_by_itself(f, lambda: (Value(0.5), of_values(numbers(shape))))

    def element() -> tuple[Any, Any]:  # as in x - x.max()
        values = of_values(numbers(shape))
        return values, values.flat[0] if values.size else Value(0.5)

    _each_by_itself(f, element)
    _each_by_itself(f, lambda: element()[::-1])


@pytest.mark.parametrize("f", [*OPERATORS, *BINARY], ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [(3,), (2, 2), (0,)], ids=str)
def test_an_array_of_numbers_and_a_value(f: Callable[[Any, Any], Any], shape: tuple[int, ...]) -> None:
    _each_by_itself(f, lambda: (numbers(shape), Value(0.5)))
    _each_by_itself(f, lambda: (Value(0.5), numbers(shape)))


@pytest.mark.parametrize("f", IN_PLACE, ids=lambda f: f.__name__)
def test_an_array_of_values_changed_in_place_by_a_value(f: Callable[[Any, Any], Any]) -> None:
    _each_by_itself(f, lambda: (of_values(numbers((2, 2))), Value(0.5)), in_place=True)


def test_an_array_and_a_value_in_a_compiled_function() -> None:
    def loss(x: Any, v: Any) -> Any:
        shifted = x - v
        shifted *= v
        scaled = [v * shifted, np.array([2.0, 3.0, 4.0]) * v, v**x, np.exp(x) / v]
        return np.concatenate(scaled).sum()

    outcomes = []
    for function in (loss, compile(loss)):
        x, v = of_values(numbers((3,))), Value(0.6)
        total = function(x, v)
        total.backward()
        outcomes.append([total.data, v.grad, *[each.grad for each in x]])
    assert outcomes[1] == pytest.approx(outcomes[0], rel=1e-14)
    for compared in (lambda x, v: (x < v).sum() * v, lambda x, v: (v > x).sum() * v):
        with pytest.raises(TraceError, match=r"write autograd\.where"):
            compile(compared)(x, v)


def test_an_array_of_one_number_is_a_number() -> None:
    for number in (np.array(2.0), np.array([2.0]), np.array([[2]]), np.array([True]) * 2, np.float32(2.0)):
        x = Value(number)
        assert type(x.data) is float and x.data == 2.0
        for y in (x * number, x + number, x.maximum(number), x**number):
            assert type(y) is Value and y.data in (4.0, 2.0)
        assert (x <= number) is True and (x < number) is False
        x.data = number
        assert (x * 1.0).data == 2.0
        assert autograd.sum([x, number]).data == 4.0
