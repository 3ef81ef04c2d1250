"""A function of the namespace, or a method, is found by its name: to be pickled, read about and called."""

import inspect
import multiprocessing
import pickle
import pydoc
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Tensor, Value
from autograd.functions import FUNCTIONS
from autograd.graph import Node
from autograd.numpy_rows import ROWS
from autograd.ops import OPS
from autograd.words import FUNCTION_ALIASES, there

PUBLIC = [name for name in dir(autograd) if inspect.isroutine(getattr(autograd, name))]
METHODS = [
    (kind, name)
    for kind in (Node, Value, Tensor)
    for name in there(kind, dir(kind))
    if inspect.isfunction(getattr(kind, name)) and not name.startswith("_")
]


@autograd.custom_op(lambda m, y, x: 2.0 * x)
def squared(m: Any, x: Any) -> Any:
    return x * x


@pytest.mark.parametrize("name", PUBLIC)
def test_a_function_is_pickled_by_its_name(name: str) -> None:
    function = getattr(autograd, name)
    assert pickle.loads(pickle.dumps(function)) is function
    assert function.__name__ == FUNCTION_ALIASES.get(name, name)
    assert not function.__qualname__.count("<")


@pytest.mark.parametrize(("kind", "name"), METHODS, ids=[f"{kind.__name__}.{name}" for kind, name in METHODS])
def test_a_method_is_pickled_by_its_name(kind: Any, name: str) -> None:
    method = getattr(kind, name)
    assert pickle.loads(pickle.dumps(method)) is method


def test_there_are_many_of_them() -> None:
    assert len(PUBLIC) > len(FUNCTIONS) and {"tanh", "where", "clip", "dot", "softmax", "sum"} <= set(PUBLIC)
    assert {name for _, name in METHODS} > (ROWS.keys() | OPS.keys()) - {"where"}


def test_an_operation_of_ones_own_is_pickled_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(squared)) is squared
    assert (squared.__module__, squared.__qualname__) == (__name__, "squared")


def test_other_processes_can_call_them() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(autograd.tanh, [0.0]) == [0.0]
        assert pool.map(autograd.sum, [[1.0, 2.0]]) == [3.0]
        assert pool.map(np.ndarray.tolist, pool.map(autograd.exp, [[0.0, 0.0]])) == [[1.0, 1.0]]


def test_help_and_signature_tell_the_arguments() -> None:
    assert str(inspect.signature(autograd.leaky_relu)) == "(x, slope=0.01)"
    assert str(inspect.signature(Value.leaky_relu)) == "(x, slope=0.01)"
    assert str(inspect.signature(Value(1.0).leaky_relu)) == "(slope=0.01)"
    assert str(inspect.signature(autograd.power)) == "(a, b)"
    assert "leaky_relu(x, slope=0.01)" in pydoc.render_doc(autograd.leaky_relu, renderer=pydoc.plaintext)
    assert "tanh(x)" in pydoc.render_doc(Value.tanh, renderer=pydoc.plaintext)


@pytest.mark.parametrize("name", ["arctan2", "hypot", "copysign", "fmod", "logaddexp", "fmax"])
def test_a_number_may_come_first_beside_a_value(name: str) -> None:
    function = getattr(autograd, name)
    for a, b in ((1.5, Value(2.0)), (Value(1.5), 2.0), (Value(1.5), Value(2.0))):
        y = function(a, b)
        assert isinstance(y, Value) and y.data == pytest.approx(float(getattr(np, name)(1.5, 2.0)))
    assert float(function(1.5, 2.0)) == pytest.approx(float(getattr(np, name)(1.5, 2.0)))
