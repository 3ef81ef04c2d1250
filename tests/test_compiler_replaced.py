"""A Value that takes the place of a parameter: the compiled function is traced anew, or says that it was late."""

import array
import functools
import pickle
import random
import types
from collections import deque
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import GraphError, TraceError, Value, compile
from autograd.compiler import watch

W = Value(1.0)


def by_global(x: Any) -> Any:
    return W * x


class Holder:
    def __init__(self, w: Any) -> None:
        self.w = w

    def __call__(self, x: Any) -> Any:
        return self.w * x


class Slotted:
    __slots__ = ("w",)

    def __init__(self, w: Any) -> None:
        self.w = w


class ByClass:
    w = Value(1.0)


class Layers(nn.Module):
    def __init__(self, w: Any) -> None:
        self.inner = Holder(w)
        self.calls = 0

    def __call__(self, x: Any) -> Any:
        return self.inner(x)


def attribute() -> tuple[Any, Any]:
    holder = Holder(Value(1.0))
    return lambda x: holder.w * x, lambda w: setattr(holder, "w", w)


def attribute_of_a_module() -> tuple[Any, Any]:
    model = Layers(Value(1.0))
    return lambda x: model(x), lambda w: setattr(model.inner, "w", w)


def whole_object() -> tuple[Any, Any]:
    model = Layers(Value(1.0))
    return model, lambda w: setattr(model, "inner", Holder(w))


def bound_method() -> tuple[Any, Any]:
    holder = Holder(Value(1.0))
    return holder.__call__, lambda w: setattr(holder, "w", w)


def slot() -> tuple[Any, Any]:
    holder = Slotted(Value(1.0))
    return lambda x: holder.w * x, lambda w: setattr(holder, "w", w)


def entry_of_a_dict() -> tuple[Any, Any]:
    parts = {"w": Value(1.0), "n": 3}
    return lambda x: parts["w"] * x, lambda w: parts.update(w=w)


def entry_that_is_new() -> tuple[Any, Any]:
    parts = {"w": Value(0.0)}
    return lambda x: sum(parts.values()) * x, lambda w: parts.update(w=Value(0.0), v=w)


def nested_list() -> tuple[Any, Any]:
    rows = [[Value(1.0), 2.0], [Value(0.0)]]

    def replace(w: Any) -> None:
        rows[0][0] = w

    return lambda x: sum(p * x for row in rows for p in row) - 2.0 * x, replace


def list_that_grows() -> tuple[Any, Any]:
    parts = [Value(0.5)]

    def replace(w: Any) -> None:
        parts[:] = [w - 0.5 if w.parents else Value(w.data - 0.5), Value(0.5)]

    return lambda x: sum(parts) * x, replace


def swapped() -> tuple[Any, Any]:
    pair, other = [Value(1.0), Value(7.0)], []

    def replace(w: Any) -> None:
        other[:] = [pair[0]]
        pair[0] = w

    return lambda x: pair[0] * x, replace


def tuple_in_a_list() -> tuple[Any, Any]:
    pairs = [(Value(1.0), "name")]

    def replace(w: Any) -> None:
        pairs[0] = (w, "name")

    return lambda x: pairs[0][0] * x, replace


def queue() -> tuple[Any, Any]:
    parts = deque([Value(1.0)])
    return lambda x: parts[0] * x, lambda w: parts.__setitem__(0, w)


def array_of_objects() -> tuple[Any, Any]:
    parts = np.array([[Value(1.0), Value(0.0)]], object)
    return lambda x: parts[0, 0] * x + parts[0, 1], lambda w: parts.__setitem__((0, 0), w)


def variable_of_an_inner_function() -> tuple[Any, Any]:
    w = Value(1.0)

    def model(x: Any) -> Any:
        return w * x

    def replace(new: Any) -> None:
        nonlocal w
        w = new

    return lambda x: model(x), replace


def variable_around() -> tuple[Any, Any]:
    w = Value(1.0)

    def replace(new: Any) -> None:
        nonlocal w
        w = new

    return lambda x: w * x, replace


def global_of_an_inner_function() -> tuple[Any, Any]:
    return lambda x: by_global(x), lambda w: globals().__setitem__("W", w)


def attribute_of_a_python_module() -> tuple[Any, Any]:
    module = types.ModuleType("parameters")
    module.w = Value(1.0)  # type: ignore[attr-defined]
    return lambda x: module.w * x, lambda w: setattr(module, "w", w)


def slot_behind_a_python_module() -> tuple[Any, Any]:
    module = types.ModuleType("parameters")
    module.holder = Slotted(Value(1.0))  # type: ignore[attr-defined]
    return lambda x: module.holder.w * x, lambda w: setattr(module.holder, "w", w)


def attribute_of_a_class() -> tuple[Any, Any]:
    return lambda x: ByClass.w * x, lambda w: setattr(ByClass, "w", w)


def default() -> tuple[Any, Any]:
    parts = [Value(1.0)]

    def loss(x: Any, *, held: Any = parts) -> Any:
        return held[0] * x

    return loss, lambda w: parts.__setitem__(0, w)


WAYS: list[Callable[[], tuple[Any, Any]]] = [
    attribute, attribute_of_a_module, whole_object, bound_method, slot, entry_of_a_dict, entry_that_is_new, nested_list,
    list_that_grows, swapped, tuple_in_a_list, queue, array_of_objects, variable_of_an_inner_function, variable_around,
    global_of_an_inner_function, attribute_of_a_python_module, slot_behind_a_python_module, attribute_of_a_class,
    default,
]  # fmt: skip
EVERY_WAY = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


@EVERY_WAY
@pytest.mark.parametrize("number", [1.0, 5.0], ids=["equal", "another"])
def test_a_value_that_replaces_a_parameter_is_the_parameter(way: Any, number: float) -> None:
    function, replace = way()
    replace(Value(1.0))
    loss = compile(function)
    assert loss(2.0).data == 2.0
    new = Value(number)
    replace(new)
    again = loss(2.0)
    again.backward()
    assert again.data == 2.0 * number
    assert new.grad == 2.0 or way is list_that_grows
    assert loss(3.0).data == 3.0 * number


@EVERY_WAY
def test_a_result_that_replaces_a_parameter_is_refused(way: Any) -> None:
    function, replace = way()
    replace(Value(1.0))
    loss = compile(function)
    loss(2.0)
    replace(Value(1.0) * Value(5.0))
    with pytest.raises(TraceError, match="was computed outside of it and would not be computed again"):
        loss(2.0)


def test_a_set_may_lose_a_parameter_and_gain_one() -> None:
    first, second = Value(1.0), Value(5.0)
    parts = {first, second}
    loss = compile(lambda x: sum(parts) * x)
    assert loss(2.0).data == 12.0
    parts.remove(second)
    assert loss(2.0).data == 2.0
    parts.add(Value(3.0))
    assert loss(2.0).data == 8.0


@pytest.mark.parametrize("kind", [list, dict], ids=lambda kind: kind.__name__)
def test_a_number_and_an_equal_parameter_take_each_others_place(kind: Any) -> None:
    """They are equal, and yet only one of them is trained."""
    parts: Any = [Value(1.0), 2.0] if kind is list else {0: Value(1.0), 1: 2.0}
    loss = compile(lambda x: (parts[0] + parts[1]) * x)
    assert loss(3.0).data == 9.0
    first, parts[1] = parts[0], Value(2.0)
    loss(3.0).backward()
    assert (first.grad, parts[1].grad) == (3.0, 3.0)
    parts[0] = 1.0
    loss(3.0).backward()
    assert (first.grad, parts[1].grad) == (3.0, 6.0)


def test_descent_by_new_values_is_that_of_the_eager_engine() -> None:
    losses = []
    for compiled in (False, True):
        line = Holder(Value(1.0))

        def squared(x: Any, line: Any = line) -> Any:
            return (line(x) - 3.0) ** 2

        loss = compile(squared) if compiled else squared
        for _ in range(3):
            total = loss(1.0)
            total.backward()
            line.w = Value(line.w.data - 0.1 * line.w.grad)
        losses.append(loss(1.0).data)
    assert losses[0] == losses[1] == pytest.approx(1.048576, abs=1e-14)


def test_the_fourth_replacement_is_worth_a_warning() -> None:
    line = Holder(Value(1.0))
    loss = compile(lambda x: line(x))

    def replaced(number: float) -> Any:
        line.w = Value(number)
        return loss(1.0).data

    assert [replaced(x) for x in (1.0, 2.0, 3.0, 4.0)] == [1.0, 2.0, 3.0, 4.0]
    with pytest.warns(UserWarning, match="takes the place of a parameter, now for the 4th time; assign to"):
        assert replaced(5.0) == 5.0
    assert replaced(6.0) == 6.0


def test_what_does_not_lead_to_a_parameter_may_change_without_a_new_trace() -> None:
    traced = []
    model = Layers(Value(2.0))
    model.last = None

    def loss(x: Any) -> Any:
        traced.append(1)
        return model(x)

    compiled = compile(loss)
    for _ in range(5):
        total = compiled(3.0)
        total.backward()
        model.calls += 1
        model.last = total
        model.history = [model.calls, np.zeros(3)]
    assert len(traced) == 2 and model.inner.w.grad == 15.0


def test_a_large_program_says_that_it_was_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "ITEMS", 10)
    rows = [[Value(1.0) for _ in range(11)] for _ in range(3)]
    loss = compile(lambda x: autograd.sum([p * x for row in rows for p in row]))
    assert loss(1.0).data == 33.0
    rows[1][4] = Value(5.0)
    with pytest.raises(GraphError, match="and the losses since then are those of the old one; assign to"):
        [loss(1.0) for _ in range(4)]
    assert loss(1.0).data == 37.0


# ----- modes, variables and arguments that change -----


class Halving(nn.Module):
    """Halves in training."""

    def __init__(self) -> None:
        self.w = Value(2.0)

    def __call__(self, x: Any) -> Any:
        return self.w * x * (0.5 if self.training else 1.0)


WAYS: dict[str, Callable[[Any], Callable[[], Any]]] = {
    "itself": lambda model: partial(compile(model), 1.0),
    "an argument": lambda model: partial(compile(lambda m, x: m(x)), model, 1.0),
    "in a list": lambda model: partial(compile(lambda ms, x: ms[0](x)), [model], 1.0),
    "in a partial": lambda model: partial(compile(partial(lambda m, x: m(x), model)), 1.0),
    "a default": lambda model: partial(compile(lambda x, m=model: m(x)), 1.0),
    "in a container": lambda model: partial(compile(lambda x, ms=(model,): ms[0](x)), 1.0),
    "within another": lambda model: partial(compile(nn.Sequential(model)), 1.0),
    "a bound method": lambda model: partial(compile(model.__call__), 1.0),
}


@pytest.mark.parametrize("way", WAYS)
def test_train_and_eval_count_however_the_model_is_reached(way: str) -> None:
    model = Halving()
    compiled = WAYS[way](model)
    for mode, expected in ((True, 1.0), (False, 2.0), (True, 1.0)):
        model.train(mode)
        assert compiled().data == expected


def test_variables_of_an_object_that_is_called_and_of_a_wrapped_function_are_looked_up() -> None:
    w, factor = Value(2.0), 2.0

    class Called:
        def __call__(self) -> Any:
            return w * factor

    def decorated(f: Any) -> Any:
        @functools.wraps(f)
        def inner() -> Any:
            return f()

        return inner

    @decorated
    def wrapped() -> Any:
        return w * factor

    programs = [compile(Called()), compile(wrapped)]
    assert [program().data for program in programs] == [4.0, 4.0]
    factor = 3.0
    assert [program().data for program in programs] == [6.0, 6.0]


@pytest.mark.parametrize(
    "draw", [random.random, np.random.rand, np.random.default_rng(0).random, random.Random(0).random]
)
def test_random_numbers_drawn_inside_are_refused_however_rarely_they_count(draw: Any) -> None:
    w = Value(2.0)
    with pytest.raises(TraceError, match=r"draws random numbers[^§]*pass them as arguments"):
        compile(lambda: w * (0.0 if draw() < 1e-9 else 1.0))()
    assert compile(lambda r: w * r)(draw()).data <= 2.0


@pytest.mark.parametrize(
    ("argument", "change", "total"),
    [
        (deque([1.0, 2.0], maxlen=2), lambda d: d.append(5.0), sum),
        ({1.0, 2.0}, lambda d: d.add(5.0), sum),
        (bytearray([1, 2]), lambda d: d.append(5), sum),
        (array.array("d", [1.0, 2.0]), lambda d: d.append(5.0), sum),
        (SimpleNamespace(k=2.0), lambda d: setattr(d, "k", 5.0), lambda d: d.k),
    ],
    ids=["deque", "set", "bytearray", "array", "namespace"],
)
def test_an_argument_that_was_changed_in_place_is_another(argument: Any, change: Any, total: Any) -> None:
    w = Value(2.0)
    compiled = compile(lambda a: w * total(a))
    assert compiled(argument).data == 2.0 * total(argument)
    change(argument)
    assert compiled(argument).data == 2.0 * total(argument)


def test_a_compiled_loss_is_compared_as_a_value_is() -> None:
    w = Value(2.0)
    zero, six = compile(lambda: w * 0.0)(), compile(lambda: w * 3.0)()
    assert zero == 0.0 and six == 6 and six != 5.0 and six != zero and six == six and six in [zero, six]
    assert not zero and six and (int(six), round(six, 1), len({six, six})) == (6, 6.0, 1)
    six.backward(retain_graph=True)
    assert w.grad == 3.0


def test_a_dict_whose_attributes_are_its_keys() -> None:
    class Settings(dict[str, Any]):
        __getattr__ = dict.__getitem__

    settings, w = Settings(k=3.0), Value(2.0)
    assert compile(lambda: w * settings.k)().data == 6.0


@compile
def decorated_loss(x: Any) -> Any:
    return PARAMETER * x


PARAMETER = Value(3.0)


def test_a_decorated_function_of_a_module_is_pickled_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(decorated_loss)) is decorated_loss
