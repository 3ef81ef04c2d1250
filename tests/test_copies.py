"""Copies and pickles of results, of deep graphs, and of what keeps them: models, optimisers, compiled losses."""

import copy
import io
import multiprocessing
import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import GraphError, Tensor, Value, custom_op, grad
from autograd.array_ops import ARRAY_OPS
from autograd.compiler.take import ROWS as TAKEN
from autograd.numpy_rows import ROWS
from autograd.ops import OPS, REDUCTIONS

X = np.random.default_rng(0).normal(size=(20, 2))
Y = np.sign(X[:, 0])


def pickled(x: Any) -> Any:
    return pickle.loads(pickle.dumps(x))


def pickled_by_python(x: Any) -> Any:
    return pickle.loads(pickle._dumps(x))  # type: ignore[attr-defined]


DEEP = [copy.deepcopy, pickled, pickled_by_python]


def value_graph() -> Any:
    x, w = Value(0.7, label="x"), Value(-1.5, label="w")
    h = (x * w + 2.0).tanh()
    return x, h, autograd.logsumexp([h, x, h * x, Value(1.0).detach()])


def tensor_graph() -> Any:
    x, w = Tensor([[0.7, -0.2]], label="x"), Tensor([[-1.5], [0.3]], label="w")
    h = (x @ w + 2.0).tanh()
    return x, h, autograd.concatenate([h * x, x[:, ::-1]]).max(0).sum()


GRAPHS = pytest.mark.parametrize("graph", [value_graph, tensor_graph])


@pytest.mark.parametrize(
    "row",
    [row for table in (OPS, REDUCTIONS, ROWS, ARRAY_OPS, TAKEN) for row in table.values()],
    ids=lambda row: row.name,
)
def test_a_row_of_a_table_stays_itself(row: Any) -> None:
    assert copy.copy(row) is copy.deepcopy(row) is pickled(row) is row


@GRAPHS
@pytest.mark.parametrize("copied", DEEP)
def test_a_copy_of_a_result_is_a_graph_of_its_own_and_shares_as_the_original_does(graph: Any, copied: Any) -> None:
    x, h, y = graph()
    other_x, other_h, other = copied((x, h, y))
    other.backward(create_graph=True)
    assert np.all(np.asarray(x.grad or 0.0) == 0.0)
    y.backward(create_graph=True)
    for twin, node in ((other_x, x), (other_h, h)):
        assert twin is not node and twin.label == node.label
        np.testing.assert_array_equal(twin.data, node.data)
        np.testing.assert_array_equal(twin.grad.data, node.grad.data)
    made_by = [[n.op and n.op.name for n in autograd.topological_order(root)] for root in (other, y)]
    assert made_by[0] == made_by[1]
    again = copied((x, y))  # whose gradients have graphs that lead back to x
    again[0].grad.sum().backward() if graph is tensor_graph else again[0].grad.backward()


@GRAPHS
def test_a_shallow_copy_has_the_same_parents(graph: Any) -> None:
    x, _, y = graph()
    other = copy.copy(y)
    assert other is not y and other.parents == y.parents
    other.backward()
    assert np.any(np.asarray(x.grad) != 0.0)


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled, copy.copy])
@pytest.mark.parametrize("start", [Value(1.0), Tensor([1.0])], ids=["Value", "Tensor"])
def test_depth_is_no_limit(start: Any, copied: Callable[[Any], Any]) -> None:
    y = start
    for _ in range(3000):  # Python's limit is 1000
        y = y + 1.0
    kept = [y.parents[0], y]
    assert [float(node.data.item() if isinstance(node, Tensor) else node) for node in copied(kept)] == [3000.0, 3001.0]
    other = copied(y)
    other.backward()
    assert len(autograd.topological_order(other)) == len(autograd.topological_order(y))


@pytest.mark.parametrize("copied", DEEP)
@pytest.mark.parametrize("start", [Value(0.5), Tensor([0.5])], ids=["Value", "Tensor"])
def test_depth_is_no_limit_for_gradients_that_have_graphs(start: Any, copied: Callable[[Any], Any]) -> None:
    y = start
    for _ in range(3000):
        y = (y * 0.9999).sin()
    y.backward(np.ones(1), create_graph=True) if isinstance(y, Tensor) else y.backward(create_graph=True)
    other_start, other = copied((start, y))
    assert other_start.grad is not start.grad and len(autograd.topological_order(other)) == 6001 + 3000
    np.testing.assert_array_equal(other_start.grad.data, start.grad.data)
    np.testing.assert_array_equal(other.grad.data, y.grad.data)
    for x in (other_start, start):
        first, x.grad = x.grad, None
        first.backward(np.ones(1)) if isinstance(first, Tensor) else first.backward()
    np.testing.assert_array_equal(other_start.grad, start.grad)
    start.grad = None


def test_a_pickler_that_is_kept_keeps_nothing_from_the_next() -> None:
    x, _, y = value_graph()
    y.backward(create_graph=True)
    kept, once = pickle.Pickler(io.BytesIO()), io.BytesIO()
    kept.dump(y)
    pickle.Pickler(once).dump(x)
    assert pickle.loads(once.getvalue()).grad.data == x.grad.data
    assert len(autograd.topological_order(pickled(x).grad)) == len(autograd.topological_order(x.grad))


class Weight(Value):
    """What a user adds to a number."""

    __slots__ = ("moment",)


class Noted(Tensor):
    pass


@pytest.mark.parametrize("copied", [copy.copy, *DEEP])
def test_a_subclass_keeps_its_class_and_its_attributes(copied: Any) -> None:
    w, t = Weight(1.0), Noted([2.0])
    w.moment, t.seen = Value(3.0), [4.0]  # type: ignore[attr-defined]
    other, noted = copied(w), copied(t)
    assert type(other) is Weight and other.moment.data == 3.0
    assert type(noted) is Noted and noted.seen == [4.0]
    assert (other.moment is w.moment) == (copied is copy.copy)


@pytest.mark.parametrize("copied", [copy.copy, *DEEP])
def test_numbers_that_moved_before_the_copy_are_missed_in_it_too(copied: Any) -> None:
    w = Tensor([2.0])
    y, total = (w * w).sum(), w.sum()
    w.data *= 3.0
    with pytest.raises(GraphError, match="the data has been changed since"):
        copied(y).backward()
    copied(total).backward()  # which needs none of them
    other = copied((w * w).sum())
    other.backward()
    moved = copied((w, (w * w).sum()))
    moved[0].data *= 2.0
    with pytest.raises(GraphError, match="the data has been changed since"):
        moved[1].backward()


# ----- what keeps results -----


class Keeping(nn.Module):
    def __init__(self, build: Any) -> None:
        self.net, self.loss, self.seen = build(2, [4, 1], seed=0), None, []  # type: ignore[var-annotated]

    def __call__(self, x: Any) -> Any:
        out = self.net(x)
        self.seen.append(out)
        return out


def predictions(model: Any) -> Any:
    return [model(row) for row in X.tolist()] if isinstance(model.parameters()[0], Value) else model(X)


def step(model: Any, optimizer: Any) -> float:
    optimizer.zero_grad()
    loss = nn.hinge(predictions(model), Y)
    loss.backward()
    optimizer.step()
    return float(loss.item())


@pytest.mark.parametrize("build", [nn.MLP, nn.vectorized.MLP], ids=["scalar", "vectorized"])
@pytest.mark.parametrize("copied", DEEP[:2])
def test_a_model_that_keeps_its_loss(build: Any, copied: Any) -> None:
    model = Keeping(build)
    model.loss = nn.hinge(predictions(model), Y)
    twin = copied(model)
    assert twin.loss.data == model.loss.data
    twin.loss.backward()
    assert all(p.grad is None or not np.any(p.grad) for p in model.parameters())
    model.loss.backward()
    for mine, its in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(mine.grad, its.grad)


@pytest.mark.parametrize("build", [nn.MLP, nn.vectorized.MLP], ids=["scalar", "vectorized"])
@pytest.mark.parametrize("made", [nn.SGD, nn.RMSProp, nn.Adam, nn.AdamW])
@pytest.mark.parametrize("copied", DEEP[:2])
def test_a_copied_training_goes_on_as_the_original(build: Any, made: Any, copied: Any) -> None:
    model = build(2, [4, 1], seed=0)
    optimizer = made(model, lr=0.05, **({"momentum": 0.9} if made is nn.SGD else {}))
    if build is nn.MLP:  # whose optimiser then keeps its numbers in flat arrays
        compiled = autograd.compile(lambda x, t: (model(x) - t) ** 2)
        for _ in range(3):
            optimizer.zero_grad()
            compiled.batch(X, Y).backward()
            optimizer.step()
    else:
        step(model, optimizer)
    twin, other = copied((model, optimizer))
    assert [step(twin, other) for _ in range(3)] == [step(model, optimizer) for _ in range(3)]
    assert other.settings() == optimizer.settings() and other.steps == optimizer.steps


def square(x: Any) -> Any:
    return x * x


@pytest.mark.parametrize("copied", [copy.copy, *DEEP])
def test_a_copy_of_a_compiled_loss_has_its_numbers_and_says_that_it_has_no_program(copied: Any) -> None:
    x = Value(3.0)
    loss = autograd.compile(square)(x)
    twin = copied([loss])[0] if copied is not copy.copy else copied(loss)
    assert (type(twin), float(twin), twin.kept) == (type(loss), 9.0, {})
    for derivative in (twin.backward, twin.value_and_grad):
        with pytest.raises(GraphError, match=r"of a copy of a compiled loss.* on the loss itself"):
            derivative()
    loss.backward()
    assert x.grad == 6.0
    assert copied(autograd.compile(square))(4.0).data == 16.0


def test_an_operation_of_ones_own_is_copied_and_its_pickle_says_what_to_write() -> None:
    triple = custom_op(lambda m, y, x: 3.0)(lambda m, x: 3.0 * x)
    x = Value(2.0)
    y = triple(x) + 1.0
    twin = copy.deepcopy(y)
    twin.backward()
    assert (autograd.topological_order(twin)[0].grad, x.grad) == (3.0, 0.0)
    with pytest.raises(TypeError, match=r"operation of your own.* which is result.detach"):
        pickle.dumps(y)
    assert pickled(y.detach()).data == 7.0


def test_results_go_to_a_spawned_process_and_come_back() -> None:
    _, h, y = value_graph()
    model = nn.vectorized.MLP(2, [3], seed=0)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        other, twin, numbers = pool.apply(copy.copy, ([y, model, nn.History(loss=[0.5])],))
        nowhere = pool.apply(operator.attrgetter("parents"), (h,))
    other.backward()
    y.backward()
    leaves = [node for node in autograd.topological_order(other) if not node.parents and node.requires_grad]
    assert [leaf.grad for leaf in leaves] == [node.grad for node in autograd.topological_order(y) if node.label]
    assert numbers == nn.History(loss=[0.5])
    np.testing.assert_array_equal(twin(X).data, model(X).data)
    assert [float(parent) for parent in nowhere] == [float(parent) for parent in h.parents]


def test_derivatives_of_a_copy_inside_a_function() -> None:
    """A copy of a node is another leaf to its graph: it has a history of its own, and the gradient ends there."""
    assert grad(lambda x: x * copy.copy(x))(3.0) == 3.0
