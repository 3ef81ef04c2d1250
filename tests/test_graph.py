"""The graph itself: its order, its backward pass, its memory, its modes, its errors."""

import gc
import math
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import (
    AnomalyError,
    GraphError,
    Tensor,
    Value,
    concatenate,
    detect_anomaly,
    dot,
    no_grad,
    paused_gc,
    stack,
    topological_order,
)
from autograd.modes import user_line
from autograd.ops import OPS

EITHER = pytest.mark.parametrize("number", [Value, Tensor])

# ----- order -----


def test_an_expression_is_ordered_as_python_evaluated_it() -> None:
    made: list[Value] = []

    def note(x: Value, label: str) -> Value:
        x.label = label
        made.append(x)
        return x

    a, b, c = note(Value(1.0), "a"), note(Value(2.0), "b"), Value(3.0)
    product = note(a * b, "ab")
    total = note(product + note(c, "c"), "ab+c")
    root = note(total * note(a.exp(), "eᵃ"), "root")
    assert [x.label for x in topological_order(root)] == [x.label for x in made]


# ----- a backward pass -----


@EITHER
def test_several_contributions_to_one_leaf_double_exactly(number: Any) -> None:
    x = number(0.1)
    y = x * x + x.exp() * 3.0 - x / 7.0 + autograd.maximum(x, 0.0) ** 3
    y.backward()
    once = float(x.grad)
    y.backward()
    assert float(x.grad) == 2.0 * once
    y.backward()
    assert float(x.grad) == 2.0 * once + once


@EITHER
def test_the_interior_holds_the_gradient_of_the_last_pass(number: Any) -> None:
    x = number(2.0)
    square = x * x
    (square * 3.0).backward()
    (square * 5.0).backward()
    assert (float(square.grad), float(x.grad)) == (5.0, 32.0)


@EITHER
def test_nodes_outside_the_root_are_left_alone(number: Any) -> None:
    x = number(2.0)
    beside = x * 10.0
    before = beside.grad
    (x * x).backward()
    assert beside.grad is before or beside.grad == before
    assert x.grad == 4.0


@EITHER
def test_constants_get_no_gradient(number: Any) -> None:
    x, c = number(2.0), number(5.0).detach()
    before = c.grad
    y = x * c * 3.0
    y.backward()
    assert x.grad == 15.0
    for node in topological_order(y):
        assert node.requires_grad or node.grad == before or node.grad is before


@EITHER
def test_detach_stops_the_gradient(number: Any) -> None:
    x = number(3.0)
    still = (x * x).detach()
    assert still.data == 9.0
    assert still.parents == ()
    assert not still.requires_grad
    (still * x).backward()
    assert x.grad == 9.0


@EITHER
def test_a_leaf_can_be_made_a_constant(number: Any) -> None:
    frozen, x = number(3.0), number(2.0)
    frozen.requires_grad = False
    before = frozen.grad
    (frozen * x).backward()
    assert x.grad == 3.0
    assert frozen.grad is before or frozen.grad == before
    with pytest.raises(GraphError, match="nothing was recorded"):
        (frozen * 2.0).backward()


@EITHER
def test_a_constant_can_be_made_a_leaf_later(number: Any) -> None:
    """It counts where it was used since, and not where it was still a constant."""
    c, x = number(3.0).detach(), number(2.0)
    before = c * x
    c.requires_grad = True
    for total in (before + c * 5.0, c * 5.0 + before):
        for create_graph in (False, True):
            c.zero_grad()
            x.zero_grad()
            total.backward(create_graph=create_graph)
            assert (float(c.grad), float(x.grad)) == (5.0, 3.0)


@EITHER
def test_an_interior_node_can_be_made_a_constant(number: Any) -> None:
    x = number(2.0)
    frozen = x * x
    frozen.requires_grad = False
    before = frozen.grad
    y = frozen * x
    for create_graph in (False, True):
        x.zero_grad()
        y.backward(create_graph=create_graph)
        assert float(x.grad) == 4.0
        assert frozen.grad is before or frozen.grad == before


@EITHER
def test_an_interrupted_backward_leaves_every_gradient_as_it_was(number: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    vjp = number.vjp

    def interrupted(g: Any) -> Any:
        raise KeyboardInterrupt

    x = number(2.0)
    (x * 3.0).backward()
    square = x * x
    root = square.exp() * x
    root.backward()
    before = [node.grad for node in topological_order(root)]
    monkeypatch.setattr(number, "vjp", lambda node, g: interrupted(g) if node is square else vjp(node, g))
    with pytest.raises(KeyboardInterrupt):
        root.backward()
    assert [node.grad for node in topological_order(root)] == before


def test_a_failing_backward_leaves_every_gradient_as_it_was() -> None:
    for number in (Value, Tensor):
        x, w = number(0.0), number(2.0)
        (w * 3.0).backward()
        root = x.sqrt() * w
        nodes = topological_order(root)
        before = [node.grad for node in nodes]
        with detect_anomaly(), pytest.raises(AnomalyError):
            root.backward()
        assert [node.grad for node in nodes] == before
        assert w.grad == 3.0


# ----- size and memory -----


def test_a_chain_of_a_million_additions() -> None:
    """Without recursion: neither the passes, nor the destruction of the graph."""
    x = Value(1.0)
    y = x
    with paused_gc():
        for _ in range(1_000_000):
            y = y + 1.0
        y.backward()
        assert (y.data, x.grad) == (1_000_001.0, 1.0)
        probe = weakref.ref(y.parents[0].parents[0])
        del y
        assert probe() is None


def test_a_long_chain_of_tensors_and_of_gradients_with_graphs() -> None:
    depth = 5 * sys.getrecursionlimit()
    for number, kind in ((Value, True), (Tensor, False), (Tensor, True)):
        x = number(1.0)
        y = x
        for _ in range(depth):
            y = y + x
        y.backward(create_graph=kind)
        assert float(x.grad) == depth + 1


@contextmanager
def collector_off() -> Iterator[None]:
    was = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def every_row(number: Any) -> Any:
    """A loss with every operation of the table in it."""
    x = number(0.5)
    total = x * 0.0
    for op in OPS.values():
        args = [number(max(low, min(0.5, high))) for low, high in op.domain]
        total = total + getattr(autograd, op.name)(*args[:-1], args[-1] * x)
    return total


def every_reduction() -> Value:
    xs = [Value(0.5), Value(1.5), Value(2.0)]
    total = dot(xs, xs, Value(1.0)) + dot(autograd.softmax(xs), autograd.log_softmax(xs))
    for name in ("sum", "mean", "prod", "logsumexp", "norm"):
        total = total * getattr(autograd, name)([*xs, 1.0])
    return total


def every_array_operation() -> Tensor:
    x, w = Tensor(np.arange(1.0, 7.0).reshape(2, 3)), Tensor(np.ones((3, 4)))
    y = concatenate([(x @ w).relu(), x @ w]).T.reshape(2, 8)[:, [0, 1, 1, 5]]
    y = stack([y, y]).squeeze().pad(1).take([1, 2], axis=-1).expand_dims(0).log_softmax(2)
    return y.sum(0).max(0).var(0).prod() + y.mean() + y.norm() + y.logsumexp() + y.min() + y.transpose(3, 0, 1, 2).sum()


LOSSES: dict[str, Callable[[], Any]] = {
    "every row on Values": lambda: every_row(Value),
    "every row on Tensors": lambda: every_row(Tensor),
    "every reduction": every_reduction,
    "every array operation": every_array_operation,
}


@pytest.mark.parametrize("after", ["forward", "backward", "two backwards", "anomaly"])
@pytest.mark.parametrize("make", LOSSES.values(), ids=LOSSES.keys())
def test_a_dropped_loss_is_freed_without_the_collector(make: Callable[[], Any], after: str) -> None:
    with collector_off():
        if after == "anomaly":
            with detect_anomaly():
                loss = make()
                loss.backward()
        else:
            loss = make()
            for _ in range({"backward": 1, "two backwards": 2}.get(after, 0)):
                loss.backward()
        probes = [weakref.ref(node) for node in topological_order(loss)]
        assert len(probes) > 10
        del loss
        assert [probe() for probe in probes if probe() is not None] == []


@EITHER
def test_leaves_outlive_the_loss_and_the_rest_does_not(number: Any) -> None:
    with collector_off():
        x = number(2.0)
        square = x * x
        loss = square.exp()
        loss.backward()
        kept, dropped = weakref.ref(x), weakref.ref(square)
        del loss, square
        assert kept() is x
        assert dropped() is None
        assert x.grad is not None


def test_paused_gc_restores_what_it_found() -> None:
    was = gc.isenabled()
    try:
        for enabled in (True, False):
            (gc.enable if enabled else gc.disable)()
            with paused_gc():
                assert not gc.isenabled()
                with paused_gc():
                    assert not gc.isenabled()
                assert not gc.isenabled()
            assert gc.isenabled() == enabled
            with pytest.raises(ZeroDivisionError), paused_gc():
                1 / 0  # noqa: B018
            assert gc.isenabled() == enabled
    finally:
        (gc.enable if was else gc.disable)()


# ----- modes -----


def records(number: Any = Value) -> bool:
    return bool((number(2.0) * 3.0).requires_grad)


@EITHER
def test_no_grad_records_nothing(number: Any) -> None:
    x = number(2.0)
    with no_grad():
        y = (x * x).exp()
        fresh = number(1.0)
    assert y.parents == ()
    assert y.saved is None
    assert not y.requires_grad
    assert float(y.data) == math.exp(4.0)
    assert fresh.requires_grad  # a leaf is a leaf wherever it is made
    assert records(number)


def test_no_grad_holds_for_reductions_and_array_operations() -> None:
    with no_grad():
        for y in (*autograd.softmax([Value(1.0)]), dot([Value(1.0)], [2.0]), Tensor([[1.0]]) @ Tensor([[1.0]])):
            assert y.parents == ()
            assert not y.requires_grad


def test_no_grad_nests_and_is_restored_after_exceptions() -> None:
    with no_grad():
        with no_grad():
            assert not records()
        assert not records()
        with pytest.raises(KeyError), no_grad():
            raise KeyError
        assert not records()
        with detect_anomaly():
            assert not records()
        assert not records()
    assert records()
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert records()


def test_no_grad_decorates_a_function() -> None:
    @no_grad()
    def evaluate(x: Value) -> Value:
        return x * 2.0

    for _ in range(2):
        assert not evaluate(Value(1.0)).requires_grad
        assert records()


def finds_anomalies() -> bool:
    try:
        Value(0.0).log()
    except AnomalyError:
        return True
    return False


def test_detect_anomaly_nests_and_is_restored_after_exceptions() -> None:
    assert not finds_anomalies()
    with detect_anomaly():
        assert finds_anomalies()
        assert records()
        with detect_anomaly(), no_grad():
            assert finds_anomalies()
            assert not records()
        assert finds_anomalies()
        assert records()
        with pytest.raises(AnomalyError), detect_anomaly():
            Value(0.0).log()
        assert finds_anomalies()
    assert not finds_anomalies()


def test_each_thread_has_its_own_modes() -> None:
    seen: list[bool] = []
    entered, leave = threading.Event(), threading.Event()

    def quiet() -> None:
        with no_grad(), detect_anomaly():
            entered.set()
            assert leave.wait(10.0)
            seen.extend([records(), finds_anomalies()])

    thread = threading.Thread(target=quiet)
    thread.start()
    assert entered.wait(10.0)
    seen.extend([records(), finds_anomalies()])  # while the other is inside
    with no_grad():
        leave.set()
        thread.join()
    assert seen == [True, False, False, True]


# ----- anomalies -----


@EITHER
def test_a_forward_anomaly_names_operation_operands_label_and_line(number: Any) -> None:
    x = number(-1.0, label="speed")
    with detect_anomaly(), pytest.raises(AnomalyError) as caught:
        x.log()  # the culprit
    message = str(caught.value)
    assert "log made" in message
    assert "nan" in message
    assert "speed = " in message
    assert "-1." in message
    assert f"{__file__}:" in message
    assert "x.log()  # the culprit" in message
    assert "clip()" in message
    assert isinstance(caught.value, ArithmeticError)


@EITHER
def test_a_backward_anomaly_names_operation_operands_label_and_line(number: Any) -> None:
    x = number(0.0, label="variance")
    with detect_anomaly():
        deviation = x.sqrt()  # the culprit
        loss = deviation * 2.0
        with pytest.raises(AnomalyError) as caught:
            loss.backward()
    message = str(caught.value)
    assert "gradient of sqrt made" in message
    assert "inf" in message
    assert "variance = " in message
    assert "0." in message
    assert f"{__file__}:" in message
    assert "deviation = x.sqrt()  # the culprit" in message


def test_a_backward_anomaly_in_many_numbers_names_its_line_too() -> None:
    """Found by looking lines up by equality: an array is equal to itself element by element, and nan never is."""
    x = Tensor([0.0, 4.0, 9.0], label="variances")
    with detect_anomaly():
        deviations = x.sqrt()  # the culprit
        with pytest.raises(AnomalyError, match=r"deviations = x\.sqrt"):
            deviations.sum().backward()


@EITHER
def test_a_backward_anomaly_says_where_to_put_the_forward_pass(number: Any) -> None:
    loss = number(0.0).sqrt() * 2.0
    with detect_anomaly(), pytest.raises(AnomalyError, match=r"put the forward pass inside to see it here"):
        loss.backward()


@EITHER
def test_an_anomaly_of_a_gradient_with_a_graph(number: Any) -> None:
    x = number(0.0, label="variance")
    with detect_anomaly():
        loss = x.sqrt() * 2.0
        with pytest.raises(AnomalyError, match=f"{Path(__file__).name}:.*loss.backward") as caught:
            loss.backward(create_graph=True)
    assert "div made" in str(caught.value)


def test_anomalies_of_reductions_and_array_operations() -> None:
    xs = [Value(1e308, label=f"x{i}") for i in range(5)]
    with detect_anomaly():
        for make, found in [
            (lambda: autograd.sum(xs), r"sum made inf from x0 = 1e\+308, .*x3 = 1e\+308, …"),
            (lambda: dot(xs, xs), "dot made inf"),
            (lambda: Tensor([[1e200]]) @ Tensor([[1e200]]), "matmul made array"),
            (lambda: Tensor([1.0, -1.0]).log().sum(), r"log made array\(\[ 0., nan\]\)"),
            (lambda: Tensor([[-np.inf, 1.0]])[0, 0], "getitem made"),
        ]:
            with pytest.raises(AnomalyError, match=found):
                make()
        w = Tensor(np.zeros((2, 3)), label="w")
        loss = (w + 1.0).sum() + w.norm().sqrt()
        with pytest.raises(AnomalyError, match="gradient of sqrt made"):
            loss.backward()


def test_a_label_in_an_anomaly_is_printable_and_short() -> None:
    with detect_anomaly(), pytest.raises(AnomalyError) as caught:
        Value(0.0, label="\x1b[31m\n\u202e" + "a" * 10_000).log()
    first = str(caught.value).splitlines()[0]
    assert first.startswith("log made -inf from  [31m  aaa")
    assert len(first) < 100


def test_an_anomaly_in_a_large_array_is_told_briefly() -> None:
    x = Tensor(np.zeros((30, 30)))
    with detect_anomaly(), pytest.raises(AnomalyError) as caught:
        x / 0.0
    assert len(str(caught.value)) < 1000


def test_the_order_of_what_is_no_node() -> None:
    with pytest.raises(TypeError, match=r"root is the Value or Tensor to start from, such as a loss; got float 3\.0"):
        topological_order(3.0)  # type: ignore[arg-type]


def test_constants_do_not_hide_an_anomaly() -> None:
    with detect_anomaly(), no_grad(), pytest.raises(AnomalyError, match=r"div made inf from x = 1\.0, argument = 0\.0"):
        Value(1.0, label="x") / 0.0


def test_finite_work_inside_detect_anomaly_is_the_same_work() -> None:
    plainly, watched = Value(0.3), Value(0.3)
    (plainly.exp() * plainly).backward()
    with detect_anomaly():
        (watched.exp() * watched).backward()
    assert watched.grad == plainly.grad


def test_without_detect_anomaly_nothing_is_raised() -> None:
    x = Value(0.0)
    (x.sqrt() * 2.0).backward()
    assert x.grad == math.inf


@pytest.mark.parametrize("name", ["autograd_notes.py", "nn_experiment.py", "autograd-course/lesson.py"])
def test_a_file_whose_name_begins_like_a_package_is_the_users(name: str) -> None:
    """The source line is looked for outside of glassgrad's folders, not outside of everything spelt alike."""
    path = str(Path(autograd.__file__).parents[1] / name)
    scope: dict[str, Any] = {"user_line": user_line}
    exec(compile("line = user_line()", path, "exec"), scope)
    assert scope["line"].startswith(f"{path}:1:")


def test_an_anomaly_says_that_an_operand_was_broken_already() -> None:
    with detect_anomaly(), pytest.raises(AnomalyError, match="An operand was nan or inf already"):
        Tensor([math.inf, 1.0])[0]
