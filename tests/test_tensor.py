"""`Tensor`: every array operation against NumPy, its gradients against differences; memory, dtype, bad input."""

import copy
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from helpers import array_slopes, error, plain, same
from peers import pytorch

import autograd
from autograd import GraphError, Tensor, Value, concatenate, stack
from autograd.array_ops import ARRAY_OPS

INF, NAN = np.inf, np.nan


@dataclass(frozen=True)
class Case:
    """``ours`` on Tensors must be ``theirs`` on arrays, for operands of ``shapes``."""

    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...] = ((2, 3, 4),)
    widens: bool = False  # a float64 array is mixed in


def np_logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def np_softmax(x: Any, axis: int = -1) -> Any:
    return np.exp(x - np_logsumexp(x, axis, True))


AXES: list[Any] = [None, 0, 1, -1, (0, 2), (-1, 0), (0, 1, 2), ()]
COUNTED = [axis for axis in AXES if axis != ()]
ROWS_OF = np.array([[0, 2], [1, 1]])
MATRIX = np.arange(6.0).reshape(2, 3)
CHOSEN = np.array([True, False, True])

CASES: dict[str, Case] = {}

for _axis in AXES:
    CASES[f"sum {_axis}"] = Case(lambda x, a=_axis: x.sum(a), lambda x, a=_axis: x.sum(a))
    CASES[f"mean {_axis}"] = Case(lambda x, a=_axis: x.mean(a), lambda x, a=_axis: x.mean(a))
for _axis in COUNTED:
    CASES |= {
        f"sum {_axis} kept": Case(
            lambda x, a=_axis: x.sum(a, keepdims=True), lambda x, a=_axis: x.sum(a, keepdims=True)
        ),
        f"mean {_axis} kept": Case(lambda x, a=_axis: x.mean(a, True), lambda x, a=_axis: x.mean(a, keepdims=True)),
        f"max {_axis}": Case(lambda x, a=_axis: x.max(a), lambda x, a=_axis: x.max(a)),
        f"max {_axis} kept": Case(lambda x, a=_axis: x.max(a, True), lambda x, a=_axis: x.max(a, keepdims=True)),
        f"min {_axis}": Case(lambda x, a=_axis: x.min(a), lambda x, a=_axis: x.min(a)),
        f"var {_axis}": Case(lambda x, a=_axis: x.var(a), lambda x, a=_axis: x.var(a)),
        f"var {_axis} ddof kept": Case(
            lambda x, a=_axis: x.var(a, True, 1), lambda x, a=_axis: x.var(a, ddof=1, keepdims=True)
        ),
        f"logsumexp {_axis}": Case(lambda x, a=_axis: x.logsumexp(a), lambda x, a=_axis: np_logsumexp(x, a)),
        f"logsumexp {_axis} kept": Case(
            lambda x, a=_axis: x.logsumexp(a, keepdims=True), lambda x, a=_axis: np_logsumexp(x, a, True)
        ),
    }
for _axis in (0, 1, -1):
    CASES |= {
        f"softmax {_axis}": Case(lambda x, a=_axis: x.softmax(a), lambda x, a=_axis: np_softmax(x, a)),
        f"log_softmax {_axis}": Case(
            lambda x, a=_axis: x.log_softmax(a), lambda x, a=_axis: np.log(np_softmax(x, a))
        ),
        f"take {_axis}": Case(lambda x, a=_axis: x.take([1, 0, 1], a), lambda x, a=_axis: x.take([1, 0, 1], a)),
        f"take one {_axis}": Case(lambda x, a=_axis: x.take(1, a), lambda x, a=_axis: x.take(1, a)),
        f"concatenate {_axis}": Case(
            lambda x, y, a=_axis: concatenate([x, y, x], a), lambda x, y, a=_axis: np.concatenate([x, y, x], a),
            ((2, 3, 4), (2, 3, 4)),
        ),
        f"stack {_axis}": Case(
            lambda x, y, a=_axis: stack([x, y], a), lambda x, y, a=_axis: np.stack([x, y], a), ((2, 3), (2, 3))
        ),
        f"expand_dims {_axis}": Case(
            lambda x, a=_axis: x.expand_dims(a), lambda x, a=_axis: np.expand_dims(x, a)
        ),
    }  # fmt: skip
for _a, _b in [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (4, 3, 2)),
    ((1, 2, 3), (5, 3, 1)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 2)),
]:
    CASES[f"matmul {_a} {_b}"] = Case(lambda a, b: a @ b, lambda a, b: a @ b, (_a, _b))
for _index in (
    1, -1, np.int64(1), slice(None), slice(1, None), slice(None, None, -2), None, Ellipsis, (), (0, 2, 3), (0, ..., 1),
    (slice(None), 1), (..., None, slice(0, 2)), (None, 1, None), [0, 1, 1, 0], ROWS_OF % 2, (slice(None), ROWS_OF),
    ([0, 1, 0], [2, 2, 2]), (0, slice(None), [1, 1, 3]), ([0, 1], slice(None), [3, 3]), (slice(None), CHOSEN),
    (1, CHOSEN, slice(1, 3)), np.arange(24).reshape(2, 3, 4) % 3 == 0, (slice(None), np.zeros(3, bool)), slice(2, 2),
    (np.array(1), 2), (slice(None), -1, [-1, 3, -4]),
):  # fmt: skip
    CASES[f"index {_index}".replace("\n", "")] = Case(lambda x, i=_index: x[i], lambda x, i=_index: x[i])
CASES |= {
    "sum of no axes": Case(lambda x: x.sum(), lambda x: x.sum(), ((),)),
    "take flat": Case(lambda x: x.take([[3, 0], [3, 23]]), lambda x: x.take([[3, 0], [3, 23]])),
    "matmul method": Case(lambda a, b: a.matmul(b), lambda a, b: a @ b, ((2, 3), (3, 2))),
    "matmul array on the left": Case(lambda a: MATRIX @ a, lambda a: MATRIX @ a, ((3, 2),), widens=True),
    "matmul array on the right": Case(lambda a: a @ MATRIX, lambda a: a @ MATRIX, ((3, 2),), widens=True),
    "matmul with itself": Case(lambda a: a @ a.T, lambda a: a @ a.T, ((2, 3),)),
    "reshape": Case(lambda x: x.reshape(4, 6), lambda x: x.reshape(4, 6)),
    "reshape tuple": Case(lambda x: x.reshape((3, -1)), lambda x: x.reshape(3, -1)),
    "reshape list": Case(lambda x: x.reshape([24]), lambda x: x.reshape(24)),
    "reshape NumPy integer": Case(lambda x: x.reshape(np.int64(24)), lambda x: x.reshape(24)),
    "reshape to the same": Case(lambda x: x.reshape(2, 3, 4), lambda x: x),
    "transpose": Case(lambda x: x.transpose(), lambda x: x.transpose()),
    "transpose axes": Case(lambda x: x.transpose(1, 2, 0), lambda x: x.transpose(1, 2, 0)),
    "transpose tuple": Case(lambda x: x.transpose((2, 0, -2)), lambda x: x.transpose(2, 0, 1)),
    "T": Case(lambda x: x.T, lambda x: x.T),
    "squeeze": Case(lambda x: x.squeeze(), lambda x: x.squeeze(), ((1, 3, 1),)),
    "squeeze axis": Case(lambda x: x.squeeze(-1), lambda x: x.squeeze(-1), ((1, 3, 1),)),
    "expand_dims two": Case(lambda x: x.expand_dims((0, 2)), lambda x: np.expand_dims(x, (0, 2)), ((3, 2),)),
    "pad": Case(lambda x: x.pad(1), lambda x: np.pad(x, 1)),
    "pad pair": Case(lambda x: x.pad((0, 2)), lambda x: np.pad(x, (0, 2))),
    "pad pairs": Case(lambda x: x.pad(((0, 1), (2, 0), (1, 1))), lambda x: np.pad(x, ((0, 1), (2, 0), (1, 1)))),
    "pad nothing": Case(lambda x: x.pad(0), lambda x: x),
    "concatenate unequal": Case(
        lambda x, y: concatenate(iter([y, x, y])), lambda x, y: np.concatenate([y, x, y]), ((2, 3), (4, 3))
    ),
    "concatenate with a plain array": Case(
        lambda x: concatenate([np.ones((1, 3)), x]), lambda x: np.concatenate([np.ones((1, 3)), x]), ((2, 3),),
        widens=True,
    ),
    "astype": Case(lambda x: x._apply(ARRAY_OPS["astype"], x * 1.0, dtype=x.dtype) * 1.0, lambda x: x),
    "iteration": Case(lambda x: sum(row * i for i, row in enumerate(x)), lambda x: x[1]),
    "prod": Case(lambda x: x.prod(), lambda x: x.prod(), ((3, 2),)),
    "prod axis": Case(lambda x: x.prod(1), lambda x: x.prod(1), ((2, 5),)),
    "prod axes kept": Case(lambda x: x.prod((0, -1), keepdims=True), lambda x: x.prod((0, -1), keepdims=True)),
    "norm": Case(lambda x: x.norm(), np.linalg.norm, ((5,),)),
    "norm axis": Case(lambda x: x.norm(axis=0, keepdims=True), lambda x: np.linalg.norm(x, axis=0, keepdims=True)),
    "layer norm": Case(
        lambda x: (x - x.mean(-1, True)) / (x.var(-1, True) + 1e-3).sqrt(),
        lambda x: (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3),
        ((2, 4),),
    ),
    "attention": Case(
        lambda q, k, v: (q @ k.T / 2.0).softmax() @ v, lambda q, k, v: np_softmax(q @ k.T / 2.0) @ v,
        ((3, 4), (2, 4), (2, 5)),
    ),
}  # fmt: skip
for _spec, _shapes in {
    "ij,jk->ik": ((2, 3), (3, 2)), "ij->j": ((2, 3),), "ij->": ((2, 3),), "ii->i": ((3, 3),), "ii": ((2, 2),),
    "i,j,k->kij": ((2,), (3,), (2,)), "...ij,jk": ((2, 2, 3), (3, 2)), "bij,bkj->bik": ((2, 2, 3), (2, 1, 3)),
    "ij,ij->i": ((2, 3), (1, 3)), "ij,k->i": ((2, 3), (2,)),
}.items():  # fmt: skip
    CASES[f"einsum {_spec}"] = Case(
        lambda *xs, s=_spec: autograd.einsum(s, *xs), lambda *xs, s=_spec: np.einsum(s, *xs), _shapes
    )
for _axis in (None, 0, 1, -1):
    CASES[f"cumsum {_axis}"] = Case(lambda x, a=_axis: x.cumsum(a), lambda x, a=_axis: x.cumsum(a))


def definite(x: Any) -> Any:
    """A symmetric positive definite matrix, or a stack of them."""
    return np.matmul(x, np.swapaxes(x, -1, -2)) + np.eye(x.shape[-2], dtype=x.dtype)


def inverse(x: Any) -> Any:
    return np.linalg.inv(definite(x))


def log_determinant(x: Any) -> Any:
    return np.linalg.slogdet(definite(x))[1]


def solved(x: Any, y: Any) -> Any:
    return np.linalg.solve(definite(x) + np.tri(x.shape[-2], dtype=x.dtype), y)


def cholesky(x: Any) -> Any:
    return np.linalg.cholesky(definite(x))


for _f, *_several in [
    (inverse, ((2, 3),), ((2, 3, 2),)), (log_determinant, ((3, 3),), ((2, 2, 2),)), (cholesky, ((3, 2),), ((2, 2, 2),)),
    (solved, ((2, 2), (2, 3)), ((3, 2), (3,)), ((2, 2, 2), (2, 1)), ((2, 2), (3, 2, 1))),
    (np.linalg.det, ((3, 3),), ((2, 1, 1),), ((2, 2, 2),)),
]:  # fmt: skip
    CASES |= {f"{_f.__name__} {shapes}": Case(_f, _f, shapes) for shapes in _several}
CASES |= {
    "sort": Case(lambda x: x.sort(), np.sort), "sort 0": Case(lambda x: x.sort(0), lambda x: np.sort(x, 0)),
    "std": Case(lambda x: x.std(), np.std, ((4,),)),
    "std kept": Case(lambda x: x.std(0, True, 1), lambda x: np.std(x, 0, ddof=1, keepdims=True)),
    "dot": Case(lambda x, y: x.dot(y), np.dot, ((1, 2), (2, 2, 1))),
    "flatten": Case(lambda x: x.flatten(), np.ravel), "ravel": Case(lambda x: x.ravel(), np.ravel),
    "swapaxes": Case(lambda x: x.swapaxes(0, -1), lambda x: x.swapaxes(0, -1)),
}  # fmt: skip


def operands(case: Case) -> list[np.ndarray]:
    """Random arrays with elements well apart, so that no maximum is near a tie."""
    rng = np.random.default_rng(5)
    return [
        np.asarray(rng.permutation(int(np.prod(shape))).reshape(shape) * 0.11 - rng.uniform(0, 0.5))
        for shape in case.shapes
    ]


EVERY_CASE = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@EVERY_CASE
def test_values_are_those_of_numpy(case: Case) -> None:
    arrays = operands(case)
    y = case.ours(*map(Tensor, arrays))
    expected = case.theirs(*arrays)
    assert isinstance(y, Tensor)
    assert y.shape == np.shape(expected)
    np.testing.assert_allclose(y.data, expected, rtol=1e-12, atol=1e-13)


@EVERY_CASE
def test_gradients_agree_with_differences(case: Case) -> None:
    arrays = operands(case)
    upstream = np.random.default_rng(6).standard_normal(np.shape(case.theirs(*arrays)))
    numeric = array_slopes(lambda *xs: float(np.sum(case.theirs(*xs) * upstream)), arrays)
    for create_graph in (False, True):
        tensors = [Tensor(array) for array in arrays]
        case.ours(*tensors).backward(upstream, create_graph=create_graph)
        for tensor, expected in zip(tensors, numeric, strict=True):
            assert plain(tensor.grad).shape == tensor.shape
            assert error(plain(tensor.grad), expected) < 1e-7


@EVERY_CASE
def test_forward_and_reverse_mode_are_transposes(case: Case) -> None:
    """⟨g, J t⟩ = ⟨Jᵀ g, t⟩ for every operation, over arrays and over nodes."""
    arrays = operands(case)
    rng = np.random.default_rng(8)
    tangents = tuple(rng.standard_normal(array.shape) for array in arrays)
    y, moved = autograd.jvp(case.ours, tuple(arrays), tangents)
    recorded = autograd.jvp(case.ours, tuple(map(Tensor, arrays)), tangents)[1]
    g = rng.standard_normal(y.shape)
    sent = autograd.vjp(case.ours, *arrays)[1](g)
    assert moved.shape == y.shape
    assert moved.dtype == y.dtype
    np.testing.assert_allclose(recorded.data, moved, rtol=1e-12, atol=1e-13)
    products = [s * t for s, t in zip(sent, tangents, strict=True)]
    np.testing.assert_allclose(np.sum(g * moved), sum(map(np.sum, products)), rtol=1e-11, atol=1e-12)


def twice_forwards_and_forwards_over_backwards(f: Callable[..., Any], arrays: list[np.ndarray]) -> tuple[Any, Any]:
    """tᵀ H t by the tangent of a tangent, and by the tangent of a gradient."""
    rng = np.random.default_rng(9)
    primals, tangents = tuple(arrays), tuple(rng.standard_normal(array.shape) for array in arrays)
    forwards = autograd.jvp(lambda *xs: autograd.jvp(f, xs, tangents)[1], primals, tangents)[1]
    return forwards, sum(np.sum(h * t) for h, t in zip(autograd.hvp(f, primals, tangents), tangents, strict=True))


@EVERY_CASE
def test_a_tangent_of_a_tangent_is_that_of_a_gradient(case: Case) -> None:
    forwards, mixed = twice_forwards_and_forwards_over_backwards(lambda *xs: case.ours(*xs).sin().sum(), operands(case))
    np.testing.assert_allclose(forwards, mixed, rtol=1e-10, atol=1e-11)


@EVERY_CASE
def test_gradcheck_finds_nothing_wrong(case: Case) -> None:
    found = autograd.gradcheck(lambda *xs: case.ours(*xs).sin(), tuple(operands(case)), show=False)
    assert found, str(found)


SECOND_ORDER = [
    "sum (0, 2)", "mean 1", "var -1", "max 1", "min 0", "logsumexp 1", "softmax -1", "log_softmax 0",
    "matmul (3,) (3,)", "matmul (2, 3) (3,)", "matmul (3,) (3, 2)", "matmul (2, 3) (3, 4)",
    "matmul (5, 1, 2, 3) (4, 3, 2)", "reshape", "transpose axes", "T", "index (0, slice(None, None, None), [1, 1, 3])",
    "index [0, 1, 1, 0]", "concatenate 1", "stack 0", "pad pairs", "take -1", "squeeze", "prod axis", "norm axis",
    "layer norm", "attention",
]  # fmt: skip


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_second_derivatives_agree_with_differences(name: str) -> None:
    case = CASES[name]
    arrays = operands(case)
    rng = np.random.default_rng(7)
    upstream = rng.standard_normal(np.shape(case.theirs(*arrays)))
    directions = [rng.standard_normal(array.shape) for array in arrays]

    def slope_along(*xs: np.ndarray) -> tuple[Any, list[Tensor]]:
        """Σ direction · ∂/∂x of Σ upstream · sin(op(x)); the sine makes linear operations worth a second look."""
        tensors = [Tensor(x) for x in xs]
        (case.ours(*tensors).sin() * upstream).sum().backward(create_graph=True)
        total: Any = 0.0
        for tensor, direction in zip(tensors, directions, strict=True):
            total = total + (tensor.grad * direction).sum()
            tensor.grad = None
        return total, tensors

    total, tensors = slope_along(*arrays)
    total.backward()
    numeric = array_slopes(lambda *xs: float(slope_along(*xs)[0].data), arrays)
    for tensor, expected in zip(tensors, numeric, strict=True):
        assert error(tensor.grad, expected) < 1e-6


@pytest.mark.parametrize("create_graph", [False, True])
@EVERY_CASE
def test_float32_stays_float32(case: Case, create_graph: bool) -> None:
    tensors = [Tensor(array, dtype=np.float32) for array in operands(case)]
    y = case.ours(*tensors)
    y.backward(np.ones(y.shape), create_graph=create_graph)
    assert y.dtype == (np.float64 if case.widens else np.float32)
    assert [plain(tensor.grad).dtype for tensor in tensors] == [np.float32] * len(tensors)


@EVERY_CASE
def test_operands_are_not_written_and_leaf_gradients_are_not_shared(case: Case) -> None:
    arrays = operands(case)
    for array in arrays:
        array.flags.writeable = False
    tensors = [Tensor(array) for array in arrays]
    y = case.ours(*tensors)
    upstream = np.ones(y.shape)
    y.backward(upstream)
    others = [upstream, y.grad, *arrays, *[t.grad for t in tensors]]
    for i, tensor in enumerate(tensors):
        assert tensor.grad.flags.writeable
        mine = 2 + len(arrays) + i
        assert not [k for k, other in enumerate(others) if k != mine and np.shares_memory(other, tensor.grad)]


def test_gradients_of_two_leaves_of_one_sum_can_be_changed_in_place() -> None:
    a, b = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    ((a + b).reshape(2) + concatenate([a, b])[:2]).sum().backward()
    a.grad += 100.0
    assert a.grad.tolist() == [102.0, 102.0]
    assert b.grad.tolist() == [1.0, 1.0]


def test_every_array_operation_of_the_table_was_tried() -> None:
    """The fused ones have tests of their own, and two more appear when a gradient has a graph."""
    made = {"linear", "cross_entropy", "broadcast_to", "scatter"}
    for case in CASES.values():
        order = autograd.topological_order(case.ours(*map(Tensor, operands(case))))
        made |= {node.op.name for node in order if node.op}
    assert set(ARRAY_OPS) <= made


@pytest.mark.parametrize("rows", [(5,), (2, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_x_times_w_transposed_plus_b(rows: tuple[int, ...], bias: bool) -> None:
    rng = np.random.default_rng(8)
    arrays = [rng.standard_normal(shape) for shape in [(*rows, 3), (2, 3), (2,)]][: 2 + bias]
    upstream = rng.standard_normal((*rows, 2))

    def written_out(x: Any, w: Any, b: Any = 0.0) -> Any:
        return x @ w.T + b

    for create_graph in (False, True):
        fused, plainly = [Tensor(a) for a in arrays], [Tensor(a) for a in arrays]
        one, other = Tensor._apply(ARRAY_OPS["linear"], *fused), written_out(*plainly)
        one.backward(upstream, create_graph=create_graph)
        other.backward(upstream, create_graph=create_graph)
        assert same(one.data, other.data)
        for a, b in zip(fused, plainly, strict=True):
            np.testing.assert_allclose(plain(a.grad), plain(b.grad), rtol=1e-12, atol=1e-13)


def test_cross_entropy_is_the_mean_of_minus_the_labels_log_softmax() -> None:
    logits, labels = np.random.default_rng(9).standard_normal((4, 3)) * 3.0, np.array([2, 0, 2, 1])
    direction = np.random.default_rng(10).standard_normal((4, 3))

    def twice(loss: Callable[[Tensor], Tensor]) -> list[Any]:
        """The loss, its gradient, and the derivative of that along `direction`."""
        z = Tensor(logits)
        y = loss(z)
        y.backward(create_graph=True)
        first, z.grad = z.grad, None
        (first * direction).sum().backward()
        plainly = Tensor(logits)
        loss(plainly).backward()
        assert same(plainly.grad, first.data)
        return [y.data, first.data, z.grad]

    fused = twice(lambda z: Tensor._apply(ARRAY_OPS["cross_entropy"], z, labels=labels))
    written_out = twice(lambda z: -z.log_softmax(1)[np.arange(4), labels].mean())
    for a, b in zip(fused, written_out, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_a_tangent_of_a_tangent_of_cross_entropy_sees_the_softmax_move() -> None:
    labels, z = np.array([0, 2, 1]), np.linspace(-1.0, 1.0, 9).reshape(3, 3)
    loss = autograd.operation(ARRAY_OPS["cross_entropy"])
    forwards, mixed = twice_forwards_and_forwards_over_backwards(lambda z: loss(z, labels=labels), [z])
    np.testing.assert_allclose(forwards, mixed, rtol=1e-12)
    assert forwards > 0.0


@pytest.mark.parametrize("number", [Value, Tensor])
def test_a_second_pass_with_create_graph_doubles_leaves_and_not_the_interior(number: Any) -> None:
    x = number(2.0)
    square = x * x
    y = square * 3.0
    for passes in (1, 2):
        y.backward(create_graph=True)
        assert (x.grad.item(), square.grad.item()) == (passes * 12.0, 3.0)


def test_the_second_derivative_of_norm_at_zeros_is_zero() -> None:
    assert autograd.hessian(lambda v: v.norm())(np.zeros(2)).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_argmax_is_a_plain_index() -> None:
    array = np.random.default_rng(0).standard_normal((3, 4))
    for axis in (None, 0, 1, -1):
        index = Tensor(array).argmax(axis)
        assert not isinstance(index, Tensor)
        assert np.array_equal(index, array.argmax(axis))


def test_equal_maxima_share_the_gradient() -> None:
    x = Tensor([[2.0, 5.0, 5.0], [7.0, 7.0, 7.0]])
    x.max(axis=1).sum().backward()
    np.testing.assert_allclose(x.grad, [[0.0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-15)
    x.grad = None
    x.min().backward()
    np.testing.assert_allclose(x.grad, [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])


def test_prod_and_norm_at_zeros() -> None:
    x = Tensor([[2.0, 0.0, 5.0], [0.0, 0.0, 5.0]])
    x.prod(axis=1).sum().backward()
    assert x.grad.tolist() == [[0.0, 10.0, 0.0], [0.0, 0.0, 0.0]]
    x.grad = None
    Tensor([0.0, 0.0]).norm().backward()
    x = Tensor([[0.0, 0.0], [3.0, 4.0]])
    x.norm(axis=1).sum().backward()
    np.testing.assert_allclose(x.grad, [[0.0, 0.0], [0.6, 0.8]], rtol=1e-15)


# ----- IEEE -----


def test_nothing_warns_and_nothing_raises_at_the_edges() -> None:
    edges = np.array([0.0, -0.0, 1e-300, -1e300, 1e300, INF, -INF, NAN])
    grid = np.stack(np.broadcast_arrays(edges[:, None], edges), axis=-1)  # every pair
    functions: list[Callable[[Tensor], Tensor]] = [
        lambda x: x.sum(1), lambda x: x.mean(1), lambda x: x.var(1), lambda x: x.max(1), lambda x: x.min(1),
        lambda x: x.logsumexp(1), lambda x: x.softmax(1), lambda x: x.log_softmax(1), lambda x: x.prod(1),
        lambda x: x @ x.transpose(0, 2, 1), lambda x: x.norm(axis=1), lambda x: x.log() - x.log(),
        lambda x: x * x - x / x,
    ]  # fmt: skip
    for f in functions:
        found = []
        for create_graph in (False, True):
            x = Tensor(grid.reshape(8, 8, 2))
            f(x).sum().backward(create_graph=create_graph)
            found.append(plain(x.grad))
        assert same(*found)


def test_contributions_of_opposite_infinities_add_up_to_nan() -> None:
    x = Tensor([0.0])
    (x.log() - x.log()).sum().backward()
    assert np.isnan(x.grad).all()
    big = Tensor([1.0], dtype=np.float32)
    (big * 3e38 + big * 3e38).sum().backward()
    assert big.grad.tolist() == [INF]
    big.grad = np.array([3e38], np.float32)
    (big * 3e38).sum().backward()
    assert big.grad.tolist() == [INF]


def test_numbers_too_large_for_float32_are_infinite() -> None:
    x = Tensor([1.0], dtype=np.float32)
    assert (x * 1e300).data.tolist() == [INF]
    assert Tensor([1e300], dtype=np.float32).data.tolist() == [INF]


def test_logsumexp_and_softmax_do_not_overflow() -> None:
    x = Tensor([[1000.0, 1000.0], [-1000.0, 0.0], [-INF, 3.0], [INF, 3.0], [NAN, 3.0], [-INF, -INF]])
    assert same(x.logsumexp(1).data, [1000.0 + np.log(2.0), 0.0, 3.0, INF, NAN, -INF], 1e-15)
    assert same(x.softmax(1).data[:3], [[0.5, 0.5], [0.0, 1.0], [0.0, 1.0]], 1e-12)


# ----- what a tensor is -----


def test_dtypes_of_what_comes_in() -> None:
    for kept in (np.float32, np.float64, ">f4"):
        assert Tensor(np.ones(2, kept)).dtype == kept
    for plainly in ([1, 2], (True, False), 3, 2.5, np.arange(3), np.uint8([1]), np.bool_(True), [[]]):
        assert Tensor(plainly).dtype == np.float64
    assert Tensor([1, 2], dtype=np.float32).dtype == np.float32
    assert Tensor(np.float32(1.5)).dtype == np.float32


def test_an_array_is_copied() -> None:
    """Else ``w.data -= ...`` would change the array of whoever made the tensor."""
    array = np.array([1.0, 2.0])
    tensor = Tensor(array)
    tensor.data -= 1.0
    assert array.tolist() == [1.0, 2.0]


def test_the_plain_array_of_a_tensor_is_its_own() -> None:
    tensor = Tensor([1.0, 2.0])
    assert np.asarray(tensor.detach()) is tensor.data
    assert tensor.numpy() is tensor.data
    assert np.asarray(tensor.detach(), dtype=np.float32).dtype == np.float32


def test_astype() -> None:
    x = Tensor([1.0, 2.0], dtype=np.float32)
    y = x.astype(np.float64)
    assert y.dtype == np.float64
    assert x.astype("float32") is x
    (y * y).sum().backward()
    assert x.grad.dtype == np.float32
    assert x.grad.tolist() == [2.0, 4.0]
    with pytest.raises(TypeError, match="a Tensor has a floating dtype, got int64"):
        x.astype(np.int64)


def test_mixed_dtypes_widen_as_in_numpy_and_gradients_keep_each_leafs() -> None:
    for create_graph in (False, True):
        a, b = Tensor([1.0, 2.0], dtype=np.float32), Tensor([3.0, 4.0])
        y = (a * b).sum()
        y.backward(create_graph=create_graph)
        assert y.dtype == np.float64
        assert plain(a.grad).dtype == np.float32
        assert plain(b.grad).dtype == np.float64


def test_shape_size_len_and_items() -> None:
    x = Tensor(np.zeros((2, 3)), label="x")
    assert (x.shape, x.ndim, x.size, len(x)) == ((2, 3), 2, 6, 2)
    assert [row.shape for row in x] == [(3,), (3,)]
    assert Tensor([[4.0]]).item() == 4.0 == float(Tensor([[4.0]]))
    assert bool(Tensor(1.0))
    assert not Tensor([0.0])
    assert "label='x'" in repr(x)
    assert repr(Tensor([1.0, 2.0], dtype=np.float32)) == "Tensor([1., 2.], dtype=float32)"


def test_comparisons_are_plain_boolean_arrays() -> None:
    x = Tensor([1.0, 2.0, 3.0])
    for result, expected in [
        (x > 2.0, [False, False, True]),
        (x >= 2.0, [False, True, True]),
        (x < 2.0, [True, False, False]),
        (x <= Tensor([1.0, 1.0, 3.0]), [True, False, True]),
        (x == 2.0, [False, True, False]),
        (x != 2.0, [True, False, True]),
        (np.array([2.0, 2.0, 2.0]) < x, [False, False, True]),
    ]:
        assert isinstance(result, np.ndarray)
        assert result.tolist() == expected
    assert x[x > 1.5].data.tolist() == [2.0, 3.0]
    assert len({x, Tensor([1.0, 2.0, 3.0])}) == 2


def test_plain_operands_of_every_kind() -> None:
    x = Tensor([1.0, 2.0])
    for other in ([10.0, 20.0], (10, 20), np.array([10, 20]), np.array([10.0, 20.0])):
        assert (x + other).data.tolist() == [11.0, 22.0] == (other + x).data.tolist()
        assert (other - x).data.tolist() == [9.0, 18.0]
        assert (other / x).data.tolist() == [10.0, 10.0]
        assert isinstance(other * x, Tensor)


def test_backward_adds_to_leaves_and_gradient_is_not_kept() -> None:
    x = Tensor([1.0, 2.0])
    y = x * x
    upstream = np.array([1.0, 10.0])
    y.backward(upstream)
    y.backward(upstream)
    assert x.grad.tolist() == [4.0, 80.0]
    assert y.grad.tolist() == [1.0, 10.0]
    upstream[:] = 0.0
    assert y.grad.tolist() == [1.0, 10.0]


def test_backward_of_a_leaf_is_its_seed() -> None:
    x = Tensor(3.0)
    x.backward()
    x.backward()
    assert x.grad == 2.0


def test_copies_and_pickles_of_a_leaf() -> None:
    x = Tensor([1.0, 2.0], label="x")
    (x * x).sum().backward()
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert other.data.tolist() == [1.0, 2.0]
        assert other.grad.tolist() == [2.0, 4.0]
        assert (other.label, other.requires_grad, other.parents) == ("x", True, ())
        assert not np.shares_memory(other.data, x.data)
        assert not np.shares_memory(other.grad, x.grad)
        other.sum().backward()
        assert x.grad.tolist() == [2.0, 4.0]


# ----- bad input -----


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("1.0", r"got str of dtype <U3; give numbers"),
        (None, r"got NoneType of dtype object; give numbers"),
        (1j, r"real numbers, got complex of dtype complex128"),
        (np.array([1j]), r"real numbers, got ndarray of dtype complex128"),
        (np.array([None, 1.0]), r"got ndarray of dtype object"),
        ([[1.0], [1.0, 2.0]], r"rows of equal length"),
        (Value(1.0), r"got a Value; take its \.data"),
        (Tensor(1.0), r"got a Tensor; take its \.data"),
        ([Value(1.0), Value(2.0)], r"Value"),
        ([Tensor([1.0]), Tensor([2.0])], r"Tensor.*stack"),
        (["a", "b"], r"dtype <U1"),
        ({}, r"got dict"),
    ],
)
def test_what_a_tensor_is_not_made_from(bad: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Tensor(bad)
    with pytest.raises(TypeError):
        Tensor([1.0, 2.0]) + (bad if not isinstance(bad, Tensor) else Value(1.0))


@pytest.mark.parametrize("dtype", [int, np.int32, bool, complex, object, str])
def test_a_dtype_must_be_floating(dtype: Any) -> None:
    with pytest.raises(TypeError, match=r"floating dtype, got .*; use float32 or float64"):
        Tensor([1, 2], dtype=dtype)


def test_a_label_is_text() -> None:
    with pytest.raises(TypeError, match="label is the name a picture shows, a str; got int 3"):
        Tensor([1.0], label=3)  # type: ignore[arg-type]


def test_values_and_tensors_do_not_mix() -> None:
    v, t = Value(1.0), Tensor([1.0])
    mixtures: list[Callable[[], Any]] = [
        lambda: v + t, lambda: t + v, lambda: t @ v, lambda: autograd.maximum(t, v), lambda: autograd.dot([v], [t]),
        lambda: concatenate([t, v]), lambda: stack([t, v]), lambda: autograd.where(True, t, v), lambda: v / t,
    ]  # fmt: skip
    for mix in mixtures:
        with pytest.raises(TypeError, match="do not mix"):
            mix()


def test_backward_starts_from_one_number() -> None:
    with pytest.raises(GraphError, match=r"shape \(2, 3\).*loss\.sum\(\)\.backward\(\), or give backward\(gradient\)"):
        (Tensor(np.ones((2, 3))) * 2.0).backward()
    x = Tensor([[3.0]])
    (x * x).backward()  # one element is enough
    assert x.grad.tolist() == [[6.0]]


@pytest.mark.parametrize("gradient", [np.ones(2), np.ones((3, 2)), 1.0, np.ones((1, 2, 3))], ids=np.shape)
def test_the_upstream_gradient_has_the_tensors_shape(gradient: Any) -> None:
    x = Tensor(np.ones((2, 3)))
    y = x * 2.0
    with pytest.raises(GraphError, match=r"gradient has shape .*; it must have that of the tensor, \(2, 3\)"):
        y.backward(gradient)
    assert x.grad is None
    assert y.grad is None


def test_the_graph_of_the_gradient_is_asked_for_by_name() -> None:
    with pytest.raises(TypeError):
        Value(1.0).backward(2.0)  # type: ignore[misc]
    with pytest.raises(TypeError):
        Tensor(1.0).backward(2.0, True)  # type: ignore[misc]


def test_the_upstream_gradient_is_numbers() -> None:
    for bad in ("one", Value(1.0), [None]):
        with pytest.raises(TypeError):
            Tensor([1.0]).backward(bad)


def test_axes_that_do_not_exist() -> None:
    x = Tensor(np.ones((2, 3)))
    calls: list[Callable[[Any], Any]] = [
        x.sum, x.mean, x.max, x.min, x.var, x.argmax, x.logsumexp, x.softmax, x.log_softmax, x.prod,
        lambda axis: x.norm(axis=axis), lambda axis: x.take([0], axis), lambda axis: concatenate([x, x], axis),
        lambda axis: x.transpose((0, axis)),
    ]  # fmt: skip
    for call in calls:
        for axis in (2, -3):
            with pytest.raises(ValueError, match=rf"axis .*{axis}.* does not exist in a tensor of shape \(2, 3\)"):
                call(axis)
        for axis in (1.0, "rows"):  # type: ignore[assignment]
            with pytest.raises((TypeError, ValueError), match=rf"ax(i|e)s .*{axis}"):
                call(axis)
    for call in (x.squeeze, x.expand_dims):
        with pytest.raises(ValueError, match="axis"):
            call(7)
    with pytest.raises(ValueError, match="squeeze"):
        x.squeeze(0)
    with pytest.raises(ValueError, match="axes"):
        x.transpose(0)
    with pytest.raises(ValueError, match="names an axis twice"):
        x.sum((0, 0))
    with pytest.raises(ValueError, match="axis"):
        stack([x, x], axis=9)


def test_an_empty_index_takes_nothing_as_in_numpy() -> None:
    x = Tensor(np.ones((2, 3)))
    assert x[[]].shape == (0, 3)
    assert x.take([], axis=1).shape == (2, 0)


def test_a_tensor_of_one_element_is_a_number_among_numbers() -> None:
    x = Tensor([[2.5]])
    assert (float(x), int(x), f"{x:.2f}", f"{x}") == (2.5, 2, "2.50", repr(x))
    with pytest.raises(ValueError, match=r"item\(\) is for one element"):
        float(Tensor([1.0, 2.0]))


def test_shapes_that_do_not_fit() -> None:
    x, y = Tensor(np.ones((2, 3))), Tensor(np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"add of \(2, 3\) and \(2, 4\): axis by axis, from the last"):
        x + y
    with pytest.raises(ValueError, match=r"matmul of \(2, 3\) and \(2, 4\): .*is a \.T missing\?"):
        x @ y
    with pytest.raises(IndexError, match=r"getitem of \(2, 3\), index = 5: index 5 is out of bounds"):
        x[5]
    with pytest.raises(ValueError, match=r"argmax\(\) goes along one axis"):
        x.argmax((0,))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ddof must be an integer from 0 to 5"):
        x.var(ddof="a")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="real numbers, got str"):
        x < "a"  # noqa: B015
    with pytest.raises(TypeError, match=r"a tuple of integers such as \(0, 1\); got \[0, 1\]"):
        x.sum([0, 1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"matmul"):
        x @ 2.0
    with pytest.raises(ValueError, match=r"reshape of \(2, 3\), shape = \(4, 2\): the number of elements must stay"):
        x.reshape(4, 2)
    with pytest.raises(ValueError, match="concat"):
        concatenate([x, y])
    with pytest.raises(ValueError, match=r"one shape for all; got shapes \[\(2, 3\), \(2, 4\)\]"):
        stack([x, y])


@pytest.mark.parametrize("shape", [2.0, None, (2, 3.0), "23"])
def test_shapes_are_integers(shape: Any) -> None:
    with pytest.raises(TypeError, match=r"shape is integers, or one tuple of them; got"):
        Tensor(np.ones(6)).reshape(shape)


def test_nothing_to_join() -> None:
    with pytest.raises(ValueError, match=r"concatenate\(\) of no tensors"):
        concatenate([])
    with pytest.raises(ValueError, match=r"stack\(\) needs at least one tensor"):
        stack([])
    with pytest.raises(ValueError, match=r"axis 0 does not exist in a tensor of shape \(\)"):
        concatenate([Tensor(1.0), Tensor(2.0)])
    for join in (concatenate, stack):
        for bad in (3, None, "ab"):
            with pytest.raises(TypeError, match=rf"{join.__name__}\(\) takes a list of Tensors or arrays, got"):
                join(bad)  # type: ignore[arg-type]


def test_extremes_and_means_of_no_elements() -> None:
    empty = Tensor(np.zeros((0, 3)))
    for name in ("mean", "max", "min", "var", "argmax", "logsumexp"):
        with pytest.raises(ValueError, match=r"\(\) of no elements: shape \(0, 3\), axis 0"):
            getattr(empty, name)(0)
    assert empty.sum().item() == 0.0
    assert empty.prod().item() == 1.0
    assert empty.max(axis=1).shape == (0,)
    (empty * 2.0).sum().backward()
    assert empty.grad.shape == (0, 3)


@pytest.mark.parametrize("ddof", [-1, 3, 10])
def test_ddof_leaves_something_to_divide_by(ddof: int) -> None:
    with pytest.raises(ValueError, match=f"from 0 to 2, for 3 elements in each group; got {ddof}"):
        Tensor(np.ones((2, 3))).var(axis=1, ddof=ddof)


@pytest.mark.parametrize("widths", [-1, 1.5, ((1, 1), (1, 1), (1, 1)), (1, 2, 3), "one", None])
def test_pad_widths(widths: Any) -> None:
    with pytest.raises(ValueError, match="pad widths"):
        Tensor(np.ones((2, 3))).pad(widths)


def test_there_is_nothing_around_a_number_to_pad() -> None:
    assert Tensor(2.0).pad(1).shape == ()


def test_indices() -> None:
    x = Tensor(np.ones((2, 3)))
    for index in (Tensor([0.0]), (0, Tensor([1.0]))):
        with pytest.raises(TypeError, match=r"cannot be an index; use an integer or boolean NumPy array"):
            x[index]
    for bad in (5, (0, 3), (0, 0, 0), 1.5, "row", np.array([0.0])):
        with pytest.raises(IndexError):
            x[bad]
    with pytest.raises(IndexError):
        x.take([3], axis=1)
    with pytest.raises(TypeError, match=r"cannot be assigned into.*where\(condition, a, b\)"):
        x[0] = 1.0


def test_one_number_out_of_many() -> None:
    x = Tensor([1.0, 2.0])
    with pytest.raises(ValueError, match=r"item\(\) is for one element, this tensor has shape \(2,\)"):
        x.item()
    with pytest.raises(ValueError, match="one element"):
        float(x)
    with pytest.raises(ValueError, match=r"truth of a tensor of shape \(2,\) is ambiguous"):
        bool(x)
    with pytest.raises(TypeError, match=r"shape \(\) has no length"):
        len(Tensor(1.0))
    with pytest.raises(TypeError, match=r"no length"):
        list(Tensor(1.0))


def test_a_misspelt_attribute_is_refused() -> None:
    with pytest.raises(AttributeError):
        Tensor([1.0]).gradient = 2.0  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="softplu"):
        Tensor([1.0]).softplu()


def test_what_is_no_float32_or_float64_is_refused_wherever_it_comes_in_and_the_remedy_works() -> None:
    x = Tensor([1.0, 2.0])
    for kind in (np.float16, np.longdouble, np.complex64):
        other = np.array([1.5, 2.0], kind)
        ways: list[Callable[[Any], Any]] = [
            Tensor, lambda a: x * a, lambda a: a + x, lambda a: x @ a, lambda a: concatenate([x, a]), autograd.exp,
            autograd.sum, autograd.grad(lambda x: (x * x).sum()), lambda a: setattr(x, "data", a),
            lambda a: np.maximum(x, a),
        ]  # fmt: skip
        for way in ways:
            with pytest.raises(TypeError, match="real numbers" if kind is np.complex64 else "use float32 or float64"):
                way(other)
            way(other.real.astype(np.float64))
            way(other.real.astype(np.float32))
        for refused in (lambda: Tensor([1.0], dtype=kind), lambda: x.astype(kind), lambda: x.sum().astype(kind)):  # noqa: B023
            with pytest.raises(TypeError, match="use float32 or float64"):
                refused()
    assert Tensor(np.array([1.5], np.float16), dtype=np.float32).data.tolist() == [1.5]
    assert (x * np.float16(1.5)).data.tolist() == (x.data * 1.5).tolist()


def test_pytorchs_words_of_a_node_and_of_backward() -> None:
    for kind in (Value, Tensor):
        x, constant = kind(3.0), kind(2.0, requires_grad=False)
        y = x * constant
        y.backward(retain_graph=True)
        y.backward(retain_graph=False)
        assert float(x.grad) == 4.0 and not constant.grad
        assert not (constant * 2.0).requires_grad


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32")])
def test_a_number_beside_tensors_of_two_precisions_has_the_higher(dtypes: tuple[str, str]) -> None:
    """0.3 in float32 is 0.30000001192."""
    x, low = (Tensor([2.0], dtype=dtype) for dtype in dtypes)
    assert x.clip(low - 2.0, 0.3).data.tolist() == [0.3]
    assert autograd.clip(x, low - 2.0, 0.3).dtype == np.float64


def test_the_norm_of_nothing_is_0() -> None:
    assert autograd.norm(Tensor(np.zeros((0,)))).data == np.linalg.norm(np.zeros(0)) == 0.0
    np.testing.assert_array_equal(Tensor(np.zeros((2, 0))).norm(axis=1).data, [0.0, 0.0])


def test_a_list_of_rows_is_multiplied_from_the_left() -> None:
    x = Tensor([1.0, 2.0])
    y = [[1.0, 0.0], [3.0, 4.0]] @ x
    assert y.tolist() == [1.0, 11.0]
    y.sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]


def test_the_norm_of_a_tensor_is_pytorchs() -> None:
    torch = pytorch()
    rows = np.array([[1.0, -5.0], [7.0, 2.0], [0.5, 3.0]])
    for args, named in (
        ((), {}), ((2,), {}), ((1,), {}), ((math.inf,), {}), ((3,), {}), (("fro",), {}),
        ((), {"dim": 1}), ((1,), {"dim": 0}), ((), {"p": 1, "dim": 1, "keepdim": True}),
    ):  # fmt: skip
        x, peer = Tensor(rows), torch.tensor(rows, requires_grad=True)
        found, expected = x.norm(*args, **named), peer.norm(*args, **named)
        np.testing.assert_allclose(found.data, expected.detach().numpy())
        found.sum().backward()
        expected.sum().backward()
        np.testing.assert_allclose(x.grad, peer.grad.numpy())


@pytest.mark.parametrize("name", ["max", "min", "sort", "median", "std", "var"])
def test_what_pytorch_gives_for_dim_and_numpy_for_axis_are_not_mixed_up(name: str) -> None:
    x = Tensor([[1.0, 5.0], [7.0, 2.0], [0.0, 3.0]])
    for function in (getattr(x, name), lambda **named: getattr(autograd, name)(x, **named)):
        with pytest.raises(TypeError, match=rf"{name}\(\) with dim= is .* in PyTorch.*; write axis= "):
            function(dim=1)
        assert np.ndim(function(axis=1).data) in (1, 2)
    torch = pytorch()
    for word in ("amax", "amin", "sum", "mean", "logsumexp"):
        expected = getattr(torch.tensor(x.data), word)(dim=1)
        np.testing.assert_allclose(getattr(x, word)(dim=1).data, expected)
        np.testing.assert_allclose(getattr(autograd, word)(x, dim=1).data, expected)
    for word in ("std", "var"):
        expected = getattr(torch.tensor(x.data), word)(dim=1, correction=1)
        np.testing.assert_allclose(getattr(x, word)(dim=1, correction=1).data, expected)


def test_tensors_in_nested_lists_are_stacked() -> None:
    angle = Tensor(0.3)
    c, s = angle.cos(), angle.sin()
    for rotation in (autograd.stack([[c, -s], [s, c]]), autograd.stack([[c, -s], stack([s, c])])):
        np.testing.assert_allclose(rotation.data, [[math.cos(0.3), -math.sin(0.3)], [math.sin(0.3), math.cos(0.3)]])
    autograd.stack([[c, 1.0], [2.0, s]]).sum().backward()
    np.testing.assert_allclose(angle.grad, math.cos(0.3) - math.sin(0.3))
    assert autograd.stack([[1.0, 2.0], [3.0, 4.0]]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
