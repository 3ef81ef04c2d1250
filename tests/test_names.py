"""Names and lines that nobody wrote down: from assignments, from models, from the source; and the passes as steps."""

import copy
import json
import math
import pickle
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from random_graphs import FUNCTIONS, run_backward, seeded

import autograd
import nn
from autograd import Tensor, Value, no_names
from autograd.viz import trace, tree
from autograd.viz.trace import Trace
from autograd.viz.view import view


def names(root: Any) -> list[str]:
    return [node.name for node in trace(root).nodes]


# ----- names -----


def test_a_node_is_called_by_the_variable_it_was_assigned_to() -> None:
    a = Value(2.0)
    b, c = Value(-3.0), Value(10.0)
    e = a * b
    d = f = e + c  # of two names the first
    half: Value = d / 2.0
    (last := half.tanh() * f).backward()
    last += a
    assert [name for name in names(last) if name] == ["a", "b", "e", "c", "d", "half", "last", "last"]


def test_a_label_wins_and_so_does_one_that_is_set_later() -> None:
    x = Value(2.0, label="input")
    y = x * 3.0
    y.label = "output"
    assert [name for name in names(y) if name] == ["input", "output"]


def test_names_from_functions_survive_them_and_attributes_count() -> None:
    class Unit:
        def __init__(self) -> None:
            self.gain = Value(3.0)

    def program(x: Value) -> Value:
        inside = x * Unit().gain
        return inside + 1.0

    x = Value(2.0)
    result = program(x)
    assert [name for name in names(result) if name] == ["x", "gain", "inside"]


def test_tensors_have_names_too() -> None:
    weight = Tensor([[1.0, 2.0]])
    product = weight @ [3.0, 4.0]
    total = product.sum()
    assert [name for name in names(total) if name] == ["weight", "product", "total"]


def test_what_an_expression_makes_on_the_way_does_not_bear_its_name() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    output = model([1.0, 2.0])
    made = [node for node in trace(output).nodes if node.op]
    assert [node.name for node in made if node.name] == ["output"]
    assert made[-1].name == "output"
    y = Value(1.0)
    for _ in range(3):
        y = y + 1.0
    assert [node.name for node in trace(y).nodes if node.op] == ["", "", "y"]


def test_parameters_are_called_as_the_model_calls_them() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            self.weights = [Value(1.0), Value(2.0)]

        def __call__(self, x: Any) -> Any:
            return autograd.dot(self.weights, x)

    pair = Pair()
    score = pair([3.0, 4.0])
    assert [name for name in names(score) if name] == ["weights.0", "weights.1"]
    assert [name for name in names(pair.weights[0] * 1.0) if name] == ["weights.0"]


def test_a_number_in_an_expression_has_no_name() -> None:
    y = 3.0 * Value(2.0)
    assert names(y) == ["", "", "y"]


def test_names_can_be_switched_off_and_are_while_fit_runs() -> None:
    with no_names():
        hidden = Value(2.0) * 3.0
        weights = Tensor([1.0, 2.0])
    assert names(hidden) == ["", "", ""]
    assert names(weights.sum())[0] == ""
    assert trace(hidden).lines == ()
    seen: list[Any] = []

    def loss(outputs: Any, targets: Any) -> Any:
        seen.append(outputs[0])
        return outputs[0] * outputs[0]

    model = nn.Neuron(1, "linear")
    nn.fit(model, ([[1.0]], [1.0]), loss=loss, optimizer=nn.SGD(model), epochs=1, progress=False)
    assert seen[0].code is None
    thread_saw: list[bool] = []
    with no_names():
        thread = threading.Thread(target=lambda: thread_saw.append((Value(1.0) * 2.0).code is not None))
        thread.start()
        thread.join()
    assert thread_saw == [True]


def test_without_the_source_there_are_no_names_and_no_error() -> None:
    scope: dict[str, Any] = {"Value": Value}
    exec(compile("x = Value(2.0)\ny = x * x", "nowhere.py", "exec"), scope)
    assert names(scope["y"]) == ["", ""]
    assert trace(scope["y"]).lines == ()
    assert tree(scope["y"])


def test_a_source_that_is_no_longer_python_gives_no_names(tmp_path: Path) -> None:
    path = tmp_path / "lesson.py"
    path.write_text("x = Value(2.0)\ny = x * x\n", encoding="utf-8")
    scope: dict[str, Any] = {"Value": Value}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), scope)
    path.write_text("%matplotlib inline\ny = x * x\n", encoding="utf-8")
    assert names(scope["y"]) == ["", ""]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda node: pickle.loads(pickle.dumps(node))])
def test_a_copy_is_drawn_without_the_place_it_came_from(copied: Callable[[Any], Any]) -> None:
    x = copied(Value(2.0, label="kept"))
    y = x * 3.0
    assert [name for name in names(y) if name] == ["kept", "y"]
    assert names(copied(Value(2.0))) == [""]


# ----- lines -----


def test_each_node_knows_its_line() -> None:
    x = Value(2.0)
    y = x * 3.0  # here
    z = y.exp()  # and there
    found = trace(z)
    lines = [None if node.line is None else found.lines[node.line] for node in found.nodes]
    assert [line and line.text for line in lines] == [
        "x = Value(2.0)", None, "y = x * 3.0  # here", "z = y.exp()  # and there",
    ]  # fmt: skip
    assert {line.file for line in found.lines} == {__file__}
    assert [line.number for line in found.lines] == sorted(line.number for line in found.lines)


def test_the_line_of_what_a_layer_makes_is_the_layers() -> None:
    model = nn.MLP(1, [1], seed=0)
    out = model([1.0])
    found = trace(out)
    line = found.lines[found.nodes[-1].line or 0]
    assert Path(line.file).name == "scalar.py"
    assert "REDUCTIONS" in line.text


# ----- steps -----


def gradients_by_steps(found: Trace) -> list[float | None]:
    """What the sends leave in each node."""
    gradients: list[float | None] = [None] * len(found.nodes)
    for step in found.steps:
        if step.kind == "seed":
            gradients[step.node] = 1.0
        for send in step.sends:
            edge = found.edges[send.edge]
            assert edge.child == step.node
            assert send.upstream == gradients[step.node]
            assert send.derivative == edge.derivative
            assert send.before == gradients[edge.parent]
            gradients[edge.parent] = send.after
    return gradients


def test_the_steps_of_the_lecture() -> None:
    a, b, c, f = Value(2.0), Value(-3.0), Value(10.0), Value(-2.0)
    e = a * b
    d = e + c
    L = d * f
    found = trace(L)
    steps = [(step.kind, found.nodes[step.node].name) for step in found.steps]
    assert steps == [
        ("forward", "e"), ("forward", "d"), ("forward", "L"), ("seed", "L"),
        ("backward", "L"), ("backward", "d"), ("backward", "e"),
    ]  # fmt: skip
    (to_a, to_b) = found.steps[-1].sends
    assert (to_a.upstream, to_a.derivative, to_a.contribution, to_a.before, to_a.after) == (-2.0, -3.0, 6.0, None, 6.0)
    assert to_b.contribution == -4.0
    assert a.grad == 0.0  # looking is not touching


def test_a_value_used_twice_shows_its_sum() -> None:
    x = Value(3.0)
    y = x * x
    (first, second) = trace(y).steps[-1].sends
    assert (first.before, first.after) == (None, 3.0)
    assert (second.before, second.after) == (3.0, 6.0)


def test_the_steps_are_those_of_the_engine_to_the_last_bit() -> None:
    for graph in seeded(5_000, 60):
        nodes = run_backward(graph, Value, FUNCTIONS[Value])
        found = gradients_by_steps(trace(nodes[-1]))
        for node, g in zip(autograd.topological_order(nodes[-1]), found, strict=True):
            assert (g or 0.0) == node.grad


def test_constants_and_what_is_cut_off_are_sent_nothing() -> None:
    x, c = Value(2.0), Value(5.0).detach()
    y = x * c
    (send,) = trace(y).steps[-1].sends
    assert trace(y).nodes[trace(y).edges[send.edge].parent].name == "x"
    assert trace(c * 2.0).steps == ()


def test_an_excerpt_has_the_steps_of_what_it_shows() -> None:
    y = Value(0.5)
    for _ in range(50):
        y = y * 1.1
    found = view(y, max_nodes=5, steps=True)
    assert len(found.nodes) == 5
    assert {step.node for step in found.steps} <= set(range(5))
    assert view(y, max_nodes=5).steps == ()
    (last,) = [step for step in found.steps if step.kind == "backward"][-1].sends or [None]
    assert last is None or last.upstream > 1.0


def test_tensors_have_steps_without_numbers() -> None:
    w = Tensor([1.0, 2.0])
    loss = (w * w).sum()
    found = trace(loss)
    assert [step.kind for step in found.steps] == ["forward", "forward", "seed", "backward", "backward"]
    assert all(step.sends == () for step in found.steps)


def test_the_record_is_plain_and_two_of_one_graph_are_equal() -> None:
    x = Value(math.nan)
    y = x * x + 1.0
    assert repr(trace(y)) == repr(trace(y))
    assert json.loads(json.dumps(asdict(trace(Value(2.0) * 3.0))))["nodes"][-1]["op"] == "mul"
