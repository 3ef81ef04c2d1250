"""Data that moves between the forward and the derivative: the gradient is that of the forward pass, or an error.

Every way to move data × what is moved × every pass; what comes out is compared with a twin that nobody moved.
"""

import copy
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd import GraphError, Tensor, Value, grad, hessian, jacobian, jvp, no_grad, viz, vjp
from nn import optim

START = np.array([[0.3, 0.9], [1.4, 0.6]])

# ----- ways to move -----

AUGMENTED = ("+=", "-=", "*=", "/=", "//=", "%=", "**=", "@=")
OPTIMIZERS = {
    name: kind
    for name, kind in vars(optim).items()
    if inspect.isclass(kind) and issubclass(kind, optim.Optimizer) and kind is not optim.Optimizer
}


def _augmented(operator: str) -> Callable[[Tensor], None]:
    operand = np.full((2, 2), 0.7) if operator == "@=" else 0.7
    return lambda t: exec(f"t.data {operator} operand", {"t": t, "operand": operand})


def _step(kind: type[optim.Optimizer]) -> Callable[[Tensor], None]:
    def step(t: Tensor) -> None:
        before, t.grad = t.grad, np.ones(t.shape)
        kind({"t": t}, lr=0.1).step()
        t.grad = before

    return step


def _load(t: Tensor) -> None:
    model = nn.Linear(2, 2, bias=False, dtype=float)
    model.weight = t
    model.load_state_dict({"weight": t.data * 3.0})


def _assign(t: Tensor) -> None:
    t.data = t.data * 3.0


def _out(t: Tensor) -> None:
    t.data = np.multiply(t.data, 3.0, out=t.data)


IN_PLACE = {operator: _augmented(operator) for operator in AUGMENTED} | {"out=": _out}
REPLACING = {"assign": _assign}
LEAVES_ONLY = {name: _step(kind) for name, kind in OPTIMIZERS.items()} | {"load_state_dict": _load}
WAYS = IN_PLACE | REPLACING | LEAVES_ONLY

# ----- what is moved -----

RULES: dict[str, Callable[[Any], Any]] = {
    "x*x": lambda x: x * x,
    "1/x": lambda x: 1.0 / x,
    "x**1.5": lambda x: x**1.5,
    "exp": lambda x: x.exp(),
    "tanh": lambda x: x.tanh(),
    "sin": lambda x: x.sin(),
    "relu": lambda x: x.relu(),
    "x@x": lambda x: x @ x,
    "norm": lambda x: x.norm(axis=0),
    "max": lambda x: x.max(axis=0),
    "logsumexp": lambda x: x.logsumexp(axis=1),
    "prod": lambda x: x.prod(axis=1),
    "x+1": lambda x: x + 1.0,
    "-x": lambda x: -x,
    "sum": lambda x: x.sum(axis=0),
    "x[0]": lambda x: x[0],
}
LINEAR = ("x+1", "-x", "sum", "x[0]")
"""Rules that do without their operands' numbers."""

Made = tuple[Tensor, Tensor, Tensor]
"""The leaf, the result, and what shall be moved."""


def _leaf(f: Callable[[Any], Any]) -> Made:
    w = Tensor(START, label="w")
    return w, f(w), w


def _interior(f: Callable[[Any], Any]) -> Made:
    w = Tensor(START)
    h = w * 1.1
    return w, f(h), h


def _result(f: Callable[[Any], Any]) -> Made:
    w = Tensor(START)
    y = f(w)
    return w, y * 2.0, y


def _constant(f: Callable[[Any], Any]) -> Made:
    w, c = Tensor(START), Tensor(START).detach()
    return w, f(w * c), c


def _through(view: Callable[[Tensor], Tensor]) -> Callable[[Callable[[Any], Any]], Made]:
    def made(f: Callable[[Any], Any]) -> Made:
        w = Tensor(START)
        return w, f(w), view(w)

    return made


def _below(f: Callable[[Any], Any]) -> Made:
    w = Tensor(START)
    return w, f(w.T), w


ROLES = {
    "leaf": _leaf,
    "interior": _interior,
    "result": _result,
    "constant": _constant,
    "view": _through(lambda w: w.reshape(2, 2)),
    "transpose": _through(lambda w: w.T),
    "part": _through(lambda w: w[:2]),
    "detached": _through(lambda w: w.detach()),
    "base": _below,
}

# ----- passes -----


def _backward(w: Tensor, y: Tensor) -> Any:
    y.sum().backward()
    return w.grad


def _recorded(w: Tensor, y: Tensor) -> Any:
    y.sum().backward(create_graph=True)
    return w.grad.data


PASSES = {"backward": _backward, "create_graph": _recorded}


def _outcome(role: str, rule: str, run: Any, way: Any, twice: bool) -> Any:
    """The gradient of the leaf after the move, or the error."""
    w, y, moved = ROLES[role](RULES[rule])
    if twice:
        y.sum().backward()
        w.zero_grad()
    if way is not None:
        with np.errstate(all="ignore"):
            way(moved)
    try:
        return run(w, y)
    except GraphError as error:
        return error


@pytest.mark.parametrize("twice", [False, True], ids=["first", "second"])
@pytest.mark.parametrize("run", PASSES)
@pytest.mark.parametrize("role", ROLES)
def test_a_gradient_after_a_move_is_that_of_the_forward_pass_or_an_error(role: str, run: str, twice: bool) -> None:
    for rule in RULES:
        right = _outcome(role, rule, PASSES[run], None, twice)
        for name, way in WAYS.items():
            if (name in LEAVES_ONLY and role not in ("leaf", "base")) or (name == "@=" and role == "result"):
                continue
            found = _outcome(role, rule, PASSES[run], way, twice)
            if isinstance(found, GraphError):
                assert "has been changed since, and the gradient" in str(found)
                assert name in IN_PLACE or run == "create_graph", (rule, name, found)
            else:
                np.testing.assert_allclose(found, right, rtol=1e-14, err_msg=f"{rule} {name}")


@pytest.mark.parametrize("name", IN_PLACE)
@pytest.mark.parametrize("role", ["leaf", "interior", "view", "transpose", "part", "detached", "base"])
def test_a_change_in_place_is_an_error_where_the_numbers_are_needed(role: str, name: str) -> None:
    for rule in RULES:
        found = _outcome(role, rule, _backward, IN_PLACE[name], False)
        if rule in LINEAR:  # as in PyTorch: a sum does not save its operand
            assert not isinstance(found, GraphError), (rule, found)
        elif rule not in ("exp", "tanh", "prod"):  # which need their results, or other arrays made from the operand
            assert isinstance(found, GraphError), rule


@pytest.mark.parametrize("name", REPLACING | LEAVES_ONLY)
def test_a_recorded_pass_after_an_assignment_is_an_error_too(name: str) -> None:
    """It computes on the nodes, which are elsewhere by now."""
    for twice in (False, True):
        found = _outcome("leaf", "x*x", _recorded, WAYS[name], twice)
        assert isinstance(found, GraphError)
        assert "call backward() before you change it, or compute the result again" in str(found)


def test_the_error_names_the_tensor_and_a_remedy_that_works() -> None:
    w = Tensor([2.0], label="weight")
    y = (w * w).sum()
    w.data *= 3.0
    with pytest.raises(GraphError, match=r"mul needs the number .* where now weight = array\(\[6\.\]\)"):
        y.backward()
    assert w.grad is None and y.grad is None
    (w * w).sum().backward()
    np.testing.assert_array_equal(w.grad, [12.0])
    w.zero_grad()
    y = (w * w).sum()
    w.data = w.data * 3.0  # the other remedy: another array
    y.backward()
    np.testing.assert_array_equal(w.grad, [12.0])


def test_walks_later_than_their_forward_pass() -> None:
    w = Tensor([2.0, 3.0])
    _, pull = vjp(lambda x: x * w, np.ones(2))
    w.data += 1.0
    with pytest.raises(GraphError, match="the gradient would mix both"):
        pull(np.ones(2))


@pytest.mark.parametrize("derivative", [grad, jacobian, hessian, lambda f: lambda x: jvp(f, (x,), (x,))])
def test_a_move_inside_of_a_function_that_is_differentiated(derivative: Any) -> None:
    w = Tensor([2.0, 3.0])

    def f(x: Any) -> Any:
        y = (x * w * x).sum()
        w.data *= 2.0
        return y

    with pytest.raises(GraphError, match="the data has been changed since"):
        derivative(f)(np.ones(2))


def test_a_move_after_the_backward_pass_is_training() -> None:
    w, X = Tensor([2.0, -1.0]), np.array([[1.0, 2.0], [3.0, 4.0]])
    for _ in range(3):
        expected = 2.0 * X.T @ (X @ w.data)
        w.zero_grad()
        ((X @ w) ** 2).sum().backward()
        np.testing.assert_allclose(w.grad, expected)
        w.data -= 0.01 * w.grad


def test_a_move_of_another_tensor_changes_nothing() -> None:
    w, other = Tensor([2.0]), Tensor([5.0])
    y = (w * w).sum()
    other.data *= 3.0
    y.backward()
    np.testing.assert_array_equal(w.grad, [4.0])


def test_a_factor_that_moved_hinders_the_other_ones_gradient_only() -> None:
    a, b = Tensor([2.0]), Tensor([5.0]).detach()
    y = (a * b).sum()
    a.data *= 3.0
    y.backward()
    np.testing.assert_array_equal(a.grad, [5.0])


def test_a_copied_graph_has_moves_of_its_own() -> None:
    w = Tensor([2.0])
    y = (w * w).sum()
    twin = copy.deepcopy(y)
    w.data *= 3.0
    twin.backward()
    leaf = twin.parents[0].parents[0]
    np.testing.assert_array_equal(leaf.grad, [4.0])
    leaf.data *= 3.0
    with pytest.raises(GraphError, match="has been changed since"):
        twin.backward()


@pytest.mark.parametrize("constant", [False, True])
def test_a_value_moved_before_a_recorded_pass(constant: bool) -> None:
    """A plain pass works on saved numbers, and is right; a recorded one would mix."""

    def made() -> tuple[Value, Value]:
        v = Value(2.0)
        return v, (v * v).exp() * (Value(3.0).detach() if constant else v)

    v, z = made()
    z.backward()
    moved, y = made()
    moved.data = 0.5
    y.backward()
    assert moved.grad == v.grad
    moved, y = made()
    moved.data = 0.5
    with pytest.raises(GraphError, match="the data has been changed since"):
        y.backward(create_graph=True)
    moved.data = 2.0  # where it was
    moved.zero_grad()
    y.backward(create_graph=True)
    assert moved.grad.data == pytest.approx(v.grad)
    moved, y = made()
    (y + moved).data = 7.0  # of which nobody asks
    (moved + 1.0).backward(create_graph=True)


def test_a_value_of_nan_is_where_it_was() -> None:
    v = Value(float("nan"))
    y = v * v
    v.data = float("nan")
    y.backward(create_graph=True)
    assert np.isnan(v.grad.data)


def test_data_takes_what_a_tensor_can_hold() -> None:
    w = Tensor([1.0, 2.0])
    w.data = [3, 4]
    np.testing.assert_array_equal((w * w).data, [9.0, 16.0])
    with pytest.raises(TypeError, match="expected plain numbers, got a Tensor"):
        w.data = w * 2.0
    np.testing.assert_array_equal(w.data, [3.0, 4.0])


def test_pictures_of_a_graph_whose_data_moved() -> None:
    """They show the gradients that are there, and no pass."""
    model = nn.Linear(2, 3, "tanh")
    loss = (model(np.ones((4, 2))) ** 2).sum()
    loss.backward()
    with no_grad():
        for p in model.parameters():
            p.data -= 0.1 * p.grad
    assert viz.trace(loss).nodes
    for group in ("scalar", "layer"):
        assert "<svg" in str(viz.draw(loss, group=group)._repr_svg_())


def test_a_widget_of_tensors_moves_nothing() -> None:
    w = Tensor([2.0])
    y = (w * w).sum()
    viz.widget(y).show(y)
    y.backward()
    np.testing.assert_array_equal(w.grad, [4.0])


def test_a_value_that_moved_is_noticed_where_its_gradient_shall_have_a_graph() -> None:
    w = Value(2.0)
    y = w * w
    w.data = 5.0
    with pytest.raises(GraphError, match="changed"):
        y.backward(create_graph=True)
    w.data = 2.0
    y.backward(create_graph=True)
    assert w.grad.data == 4.0
