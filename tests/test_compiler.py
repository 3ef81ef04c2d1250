"""`compile` as a user meets it: arguments, batches, parameters that move, what it refuses, what it prints."""

import copy
import itertools
import math
import pickle
import random
import weakref
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import GraphError, Value, compile, custom_op, take
from autograd.compiler import lift as lift_module
from autograd.compiler.lift import Lifter
from autograd.compiler.normal import Normal
from autograd.compiler.trace import Leaf, closed_over, reachable, trace
from autograd.errors import TraceError

X, LABELS = nn.data.moons(30, noise=0.1, seed=1)
Y = 2 * LABELS - 1


def model_and_twin(**words: Any) -> tuple[nn.MLP, nn.MLP]:
    """Two models with the same weights: one to compile, one to compare with."""
    return nn.MLP(2, [8, 1], seed=0, **words), nn.MLP(2, [8, 1], seed=0, **words)


def gradients(model: Any) -> list[float]:
    return [p.grad for p in model.parameters()]


def difference(a: Any, b: Any) -> float:
    return float(np.max(np.abs(np.subtract(a, b))))


def agreement(compiled: Any, function: Any, parameters: list[Value], *numbers: float) -> tuple[float, float]:
    """Both losses, after the gradients were found to be the same ones."""
    sides: list[tuple[float, list[float]]] = []
    for run, args in ((compiled, numbers), (function, [Value(x) for x in numbers])):
        for p in parameters:
            p.grad = 0.0
        loss = run(*args)
        loss.backward()
        sides.append((loss.data, [p.grad for p in parameters]))
    (found, ours), (expected, theirs) = sides
    assert difference(ours, theirs) < 1e-12 * max(map(abs, theirs))
    return found, expected


# ----- calls, batches, arguments -----


def test_a_batch_is_the_mean_of_its_samples() -> None:
    model, twin = model_and_twin()

    @compile
    def loss(x: Any, t: Any) -> Any:
        return nn.hinge(model(x), t)

    found, expected = loss.batch(X, Y), nn.hinge([twin(x) for x in X.tolist()], Y)
    found.backward()
    expected.backward()
    assert abs(found.data - expected.data) < 1e-14
    assert difference(gradients(model), gradients(twin)) < 1e-14
    one = loss(X[3].tolist(), float(Y[3]))
    assert abs(float(one) - nn.hinge(twin(X[3].tolist()), [Y[3]]).data) < 1e-14
    assert loss.batch(X[:7], Y[:7]).data == pytest.approx(
        nn.hinge([twin(x) for x in X[:7].tolist()], Y[:7]).data, abs=1e-14
    )


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_a_sample_may_be_a_list_a_tuple_or_an_array(kind: Any) -> None:
    w = [Value(2.0), Value(-1.0)]
    loss = compile(lambda x: sum(w_i * x_i for w_i, x_i in zip(w, x, strict=True)))
    assert loss(kind([3.0, 4.0])).data == 2.0
    assert loss(kind([1.0, 1.0])).data == 1.0
    assert loss.batch(kind([[3.0, 4.0], [1.0, 1.0]])).data == 1.5


def test_arguments_may_be_trees_with_other_things_in_them() -> None:
    w = Value(2.0)

    @compile
    def loss(data: dict[str, Any], *, how: str = "sum", flip: bool = False) -> Any:
        x, (a, b) = data["x"], data["pair"]
        y = w * x[0][1] + a * b
        y = y + w if how == "sum" else y * w
        return -y if flip else y

    data = {"x": [[1.0, 5.0]], "pair": (3.0, 4)}
    assert loss(data).data == 24.0
    assert loss(data, how="product").data == 44.0
    assert loss(data, how="product", flip=True).data == -44.0
    assert loss({"x": [[1.0, 6.0]], "pair": (3.0, 4)}).data == 26.0


def test_a_value_that_is_an_argument_gets_its_gradient() -> None:
    w, x = Value(3.0), Value(2.0)
    loss = compile(lambda a, b: w * a * a + b)
    found = loss(x, 1.0)
    found.backward()
    found.backward()
    assert (found.data, x.grad, w.grad) == (13.0, 24.0, 8.0)
    frozen = Value(2.0)
    frozen.requires_grad = False
    loss(frozen, 1.0).backward()
    assert (frozen.grad, w.grad) == (0.0, 12.0)


def test_a_batch_may_shrink_and_grow() -> None:
    model, twin = model_and_twin()
    loss = compile(lambda x, t: nn.mse(model(x), t))
    for n in [*range(1, 14), 30, 3]:
        model.zero_grad()
        twin.zero_grad()
        loss.batch(X[:n], Y[:n]).backward()
        nn.mse([twin(x) for x in X[:n].tolist()], Y[:n].astype(float)).backward()
        assert difference(gradients(model), gradients(twin)) < 1e-14


def both_ways(loss: Any, samples: Any, parameters: list[Value]) -> tuple[Any, float, list[float], float, list[float]]:
    """The compiled function; its loss of a batch and the gradients; and those of the mean of eager losses."""
    compiled: Any = compile(loss)
    found = compiled.batch(samples)
    found.backward()
    ours = [p.grad for p in parameters]
    for p in parameters:
        p.grad = 0.0
    expected = autograd.mean([loss(rows) for rows in samples.tolist()])
    expected.backward()
    return compiled, found.data, ours, expected.data, [p.grad for p in parameters]


def test_attention_under_a_batch() -> None:
    rng = np.random.default_rng(0)
    d, T = 3, 4
    Wq, Wk, Wv = ([[Value(w) for w in row] for row in rng.normal(size=(d, d)).tolist()] for _ in range(3))
    parameters = [w for W in (Wq, Wk, Wv) for row in W for w in row]

    def loss(rows: Any) -> Any:
        q, k, v = ([[sum(w * x for w, x in zip(r, row, strict=True)) for r in W] for row in rows] for W in (Wq, Wk, Wv))
        total: Any = 0.0
        for t in range(T):
            scores = [sum(a * b for a, b in zip(q[t], k[u], strict=True)) for u in range(T)]
            top = autograd.logsumexp(scores)
            for j in range(d):
                total = total + sum((scores[u] - top).exp() * v[u][j] for u in range(T)) ** 2
        return total

    _, found, ours, expected, theirs = both_ways(loss, rng.normal(size=(5, T, d)), parameters)
    assert abs(found - expected) < 1e-12 * abs(expected)
    assert difference(ours, theirs) < 1e-12 * max(map(abs, ours))


def test_some_of_the_rows_of_each_sample() -> None:
    rng = np.random.default_rng(0)
    W = [[Value(w) for w in row] for row in rng.normal(size=(4, 5)).tolist()]

    def loss(rows: Any) -> Any:
        hidden = [[sum(w * x for w, x in zip(r, row, strict=True)).tanh() for r in W] for row in rows[:-1]]
        return sum(h for row in hidden for h in row)

    samples = rng.normal(size=(6, 3, 5))
    compiled, found, ours, expected, theirs = both_ways(loss, samples, [*itertools.chain(*W)])
    assert abs(found - expected) < 1e-14
    assert difference(ours, theirs) < 1e-14
    assert "(1 matrix product)" in compiled.report()


def test_a_convolution_under_a_batch() -> None:
    rng = np.random.default_rng(0)
    kernel = [[[Value(w) for w in row] for row in rows] for rows in rng.normal(size=(3, 2, 2)).tolist()]
    parameters = [w for rows in kernel for row in rows for w in row]

    def loss(image: Any) -> Any:
        places = [(y, x) for y in range(3) for x in range(3)]
        window = [(i, j) for i in range(2) for j in range(2)]
        sums = [sum(k[i][j] * image[y + i][x + j] for i, j in window) for k in kernel for y, x in places]
        return sum(s.tanh() ** 2 for s in sums) + sum(w * w for w in parameters)

    compiled, found, ours, expected, theirs = both_ways(loss, rng.normal(size=(5, 4, 4)), parameters)
    assert abs(found - expected) < 1e-13
    assert difference(ours, theirs) < 1e-13
    assert "v1 [1] = sum of 12 kernel²" in str(compiled.program)  # what depends on no sample is computed once


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((X, Y[:4]), "equally many rows, at least one; got [4, 30]"),
        ((X[:0], Y[:0]), "equally many rows, at least one; got [0]"),
        ((X, 1.0), "argument t: batch() takes arrays and lists with a row for each sample, got 1.0"),
        ((True, None), "equally many rows, at least one; got no array"),
    ],
)
def test_a_batch_that_is_none_is_refused(given: Any, message: str) -> None:
    model, _ = model_and_twin()
    loss = compile(lambda x, t: nn.mse(model(x), t))
    with pytest.raises((TypeError, ValueError)) as caught:
        loss.batch(*given)
    assert message in str(caught.value)


# ----- parameters -----


def test_parameters_are_right_whenever_they_are_looked_at() -> None:
    w = Value(3.0, label="w")
    loss = compile(lambda x: w * w * x)
    loss(1.0).backward()
    assert (w.data, w.grad, repr(w)) == (3.0, 6.0, "Value(data=3.0, grad=6.0, label='w')")
    w.data -= 0.5 * w.grad
    assert (w.data, loss(1.0).data) == (0.0, 0.0)
    w.data = 2
    assert (type(w.data), loss(5.0).data) == (float, 20.0)
    w.grad = 0.0
    loss(5.0).backward()
    loss(5.0).backward()
    assert w.grad == 40.0
    w.zero_grad()
    assert w.grad == 0.0
    (w * w * 7.0).backward()  # eagerly, and on top of that compiled
    loss(1.0).backward()
    assert w.grad == 32.0
    with pytest.raises(TypeError, match="a Value is one real number"):
        w.data = "3"
    assert w.data == 2.0


def test_a_gradient_of_a_gradient_can_be_taken_between_replays() -> None:
    w = Value(3.0)
    loss = compile(lambda: w * w * w)
    loss().backward()
    w.zero_grad()
    (w * w * w).backward(create_graph=True)
    assert w.grad.data == 27.0
    w.grad = None
    loss().backward()
    assert w.grad == 27.0


def test_a_compiled_function_may_be_a_part_of_another() -> None:
    w = Value(3.0)
    inner = compile(lambda x: w * x)
    outer = compile(lambda x: inner(x) * inner(x + 1.0))
    found = outer(2.0)
    found.backward()
    assert (found.data, w.grad, inner(2.0).data) == (54.0, 36.0, 6.0)
    assert outer.parameters == [w]


UNUSED = Value(5.0)


def test_what_a_function_can_reach_ends_at_what_its_code_names() -> None:
    w = Value(3.0)
    inner = compile(lambda x: w * x)
    held = np.array(w, dtype=object)  # of no dimension
    outer = compile(lambda x: inner(x) * held.item())
    assert list(closed_over(reachable(outer.function)).values()) == [w]
    assert UNUSED not in closed_over(reachable(outer)).values()


def test_a_parameter_still_knows_where_it_was_made() -> None:
    w = Value(2.0)
    before = w.code, w.instruction
    compile(lambda: w * w)().backward()
    assert (w.code, w.instruction) == before


def test_two_programs_share_their_parameters() -> None:
    a, b = Value(2.0), Value(3.0)
    first, second, both = compile(lambda: a * a), compile(lambda: b * b * b), compile(lambda: a * b)
    first().backward()
    second().backward()
    both().backward()  # which brings the two stores together
    assert (a.grad, b.grad) == (4.0 + 3.0, 27.0 + 2.0)
    a.data = 5.0
    assert (first().data, both().data, second().data) == (25.0, 15.0, 27.0)
    first().backward()
    assert a.grad == 17.0


def test_a_loss_that_does_not_depend_on_a_parameter_leaves_it_no_gradient() -> None:
    a, b = Value(2.0), Value(3.0)

    @compile
    def loss(which: str) -> Any:
        return {"a": a * a, "b": b * b}[which]

    loss("a").backward()
    found = loss("b").value_and_grad()[1]
    assert {p.data: g for p, g in zip(loss.parameters, found, strict=True)} == {2.0: 0.0, 3.0: 6.0}
    a.zero_grad()
    b.zero_grad()
    loss("b").backward()
    assert (a.grad, b.grad) == (0.0, 6.0)


def test_copies_and_pickles_of_a_compiled_model_are_plain() -> None:
    model, _ = model_and_twin()
    compile(lambda x: model(x))([1.0, 2.0]).backward()
    p = model.parameters()[0]
    for twin in (copy.deepcopy(p), pickle.loads(pickle.dumps(p)), copy.copy(p)):
        assert type(twin) is Value and (twin.data, twin.grad) == (p.data, p.grad)
        twin.data = 7.0
    assert p.data != 7.0


def test_value_and_grad_leaves_the_parameters_as_they_are() -> None:
    w = Value(3.0)
    loss = compile(lambda x: w * x)
    w.grad = 1.5
    value, gradient = loss.value_and_grad(4.0)
    assert (value, gradient.tolist(), w.grad) == (12.0, [4.0], 1.5)


def test_a_frozen_parameter_gets_no_gradient_and_may_be_thawed() -> None:
    a, b = Value(2.0), Value(3.0)
    loss = compile(lambda: a * b)
    loss().backward()
    a.requires_grad = False
    loss().backward()
    assert (a.grad, b.grad) == (3.0, 4.0)
    a.requires_grad = True
    loss().backward()
    assert (a.grad, b.grad) == (6.0, 6.0)


def test_parameters_that_are_frozen_may_be_among_others() -> None:
    model, twin = model_and_twin()
    for each in (model, twin):
        for p in (each.layers[0].neurons[0].w + each.layers[0].neurons[3].w)[::2]:
            p.requires_grad = False
    everything = [p for neuron in model.layers[0].neurons for p in neuron.w]
    loss = compile(lambda x, t: nn.mse(model(x), t) + sum(p * p for p in everything) + everything[0].exp())
    loss.batch(X, Y).backward()
    others = [p for neuron in twin.layers[0].neurons for p in neuron.w]
    total = nn.mse([twin(x) for x in X.tolist()], Y.astype(float)) + sum(p * p for p in others) + others[0].exp()
    total.backward()
    for p, q in zip(everything, others, strict=True):
        assert abs(p.grad - q.grad) < 1e-13
    assert everything[0].grad == 0.0 != everything[1].grad


def test_a_constant_around_the_function_may_change() -> None:
    w, scale = Value(2.0), Value(10.0)
    scale.requires_grad = False
    loss = compile(lambda: w * scale)
    assert loss().data == 20.0
    scale.data = 100.0
    loss().backward()
    assert (loss().data, w.grad, scale.grad) == (200.0, 100.0, 0.0)


def test_a_variable_around_the_function_may_be_assigned_anew() -> None:
    factor, w = 2.0, Value(3.0)
    loss = compile(lambda: w * factor)
    assert loss().data == 6.0
    factor, w = 5.0, Value(4.0)
    assert loss().data == 20.0


def test_parameters_are_found_behind_methods_partials_and_functions() -> None:
    class Scaled:
        def __init__(self) -> None:
            self.w = [Value(2.0)]

        def loss(self, x: Any) -> Any:
            return self.w[0] * x

        def __call__(self, x: Any) -> Any:
            return self.loss(x) + self.w[0]

    scaled = Scaled()
    outer = compile(lambda x: scaled.loss(x))
    assert (compile(scaled.loss)(3.0).data, compile(scaled)(3.0).data, outer(3.0).data) == (6.0, 8.0, 6.0)
    scaled.w[0].data = 10.0
    assert outer(3.0).data == 30.0


def test_a_parameter_that_hides_from_the_search_is_found_by_tracing() -> None:
    hidden = iter(itertools.repeat(Value(2.0)))
    loss = compile(lambda x: next(hidden) * x)
    assert loss(3.0).data == 6.0
    next(hidden).data = 5.0
    found = loss(3.0)
    found.backward()
    assert (found.data, next(hidden).grad) == (15.0, 3.0)


# ----- optimisers and training -----


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SGD", {}),
        ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
        ("RMSProp", {}),
        ("Adam", {}),
        ("AdamW", {}),
    ],
)
def test_two_hundred_steps_of_training_are_the_eager_ones(name: str, words: Any) -> None:
    model, twin = model_and_twin(activation="tanh")
    ours, theirs = (getattr(nn, name)(each, lr=0.01, **words) for each in (model, twin))
    loss = compile(lambda x, t: nn.hinge(model(x), t))
    for step in range(200):
        ours.zero_grad()
        loss.batch(X, Y).backward()
        ours.step()
        theirs.zero_grad()
        nn.hinge([twin(x) for x in X.tolist()], Y).backward()
        theirs.step()
        if step in (3, 150):
            assert list(ours.state) == list(theirs.state)
            for a, b in zip(ours.state.values(), theirs.state.values(), strict=True):
                assert a == pytest.approx(b, abs=1e-11)
                assert [type(x) for x in a.values()] == [type(x) for x in b.values()]
    largest = 1e-11 if name == "SGD" else 1e-8  # the others divide gradients that are nearly 0 by what is nearly 0
    assert difference([p.data for p in model.parameters()], [p.data for p in twin.parameters()]) < largest
    assert ours.steps == 200 and ours.settings() == theirs.settings()


def test_an_optimizer_of_some_of_the_parameters_moves_only_those() -> None:
    model, twin = model_and_twin()
    loss = compile(lambda x, t: nn.mse(model(x), t))
    for _ in range(3):
        for each, optimizer in (
            (model, nn.Adam(model.layers[0], lr=0.1)),
            (twin, nn.Adam(twin.layers[0], lr=0.1)),
        ):
            optimizer.zero_grad()
            total = loss.batch(X, Y) if each is model else nn.mse([twin(x) for x in X.tolist()], Y.astype(float))
            total.backward()
            optimizer.step()
    assert difference([p.data for p in model.parameters()], [p.data for p in twin.parameters()]) < 1e-12


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: nn.SGD(p, lr=0.1),
        lambda p: nn.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        lambda p: nn.RMSProp(p, weight_decay=0.01),
        nn.Adam,
        lambda p: nn.AdamW(p, weight_decay=0.1),
    ],
)
@pytest.mark.parametrize("some", [False, True])
def test_an_update_of_all_at_once_is_to_the_bit_that_of_an_array(optimizer: Any, some: bool) -> None:
    rng = np.random.default_rng(0)
    w = [Value(x) for x in rng.normal(size=7).tolist()]
    compile(lambda: sum(p * p for p in w))().backward()
    moved = w[1:6] if some else w
    array = autograd.Tensor([p.data for p in moved])
    ours, theirs = optimizer(moved), optimizer([array])
    for _ in range(3):
        array.grad = autograd.Tensor(rng.normal(size=len(moved))).data
        for p, g in zip(moved, array.grad.tolist(), strict=True):
            p.grad = g
        before = array.data.copy()
        ours.step()
        theirs.step()
        assert [p.data for p in moved] == array.data.tolist() != before.tolist()
        assert [p.grad for p in moved] == array.grad.tolist()


def test_an_update_of_ones_own_is_called_for_each_parameter() -> None:
    seen = []

    class Signed(nn.SGD):
        def update(self, p: Any, g: Any, state: Any) -> Any:
            seen.append(type(p))
            return p - self.lr * math.copysign(1.0, g)

    w = [Value(1.0), Value(-2.0)]
    optimizer = Signed(w, lr=0.5)
    compile(lambda: w[0] * w[0] + w[1] * w[1])().backward()
    optimizer.step()
    assert ([p.data for p in w], seen) == ([0.5, -1.5], [float, float])


@pytest.mark.parametrize(("loss", "outputs"), [("cross_entropy", 2), ("bce_with_logits", 1), ("mse", 1)])
def test_fit_compiled_is_fit(loss: str, outputs: int) -> None:
    histories, numbers = [], []
    for compiled in (False, True):
        model = nn.MLP(2, [6, outputs], activation="tanh", seed=0)
        words = {"epochs": 4, "batch_size": 8, "progress": False, "l2": 1e-3, "validation": (X, LABELS)}
        optimizer = nn.Adam(model, lr=0.05)
        histories.append(nn.fit(model, (X, LABELS), loss=loss, optimizer=optimizer, compile=compiled, **words))
        numbers.append([p.data for p in model.parameters()])
        assert {type(p) for p in model.parameters()} == {Value}
    assert difference(*numbers) < 1e-12
    for series in ("loss", "validation_loss"):
        assert difference(*(getattr(history, series) for history in histories)) < 1e-12
    assert histories[0].accuracy == histories[1].accuracy


def test_fit_compiled_refuses_what_it_cannot_trace_one_by_one() -> None:
    fast = nn.vectorized.MLP(2, [2], seed=0)
    words = {"epochs": 1, "progress": False, "compile": True}
    with pytest.raises(ValueError, match=r"compile=True trains a model of Values by a loss of the table"):
        nn.fit(fast, (X, LABELS), loss="cross_entropy", optimizer=nn.SGD(fast), **words)
    model, _ = model_and_twin()
    with pytest.raises(ValueError, match=r"write autograd\.compile around it"):
        nn.fit(model, (X, Y), loss=lambda p, t: p[0], optimizer=nn.SGD(model), **words)
    model.parameters()[0].data = 1e308
    with pytest.raises(nn.TrainingError, match="the loss became"):
        nn.fit(model, (X * 1e10, LABELS), loss="mse", optimizer=nn.SGD(model), **words)


# ----- what would be frozen is refused -----

W = Value(2.0, label="W")
OUTSIDE = Value(3.0) * 2.0


def branching(x: Any) -> Any:
    return x if x > 0.0 else W * x


REFUSED = {
    "if, and, or, not, in, min() or max()": branching,
    "max()": lambda x: max(x, W),
    "sin()": lambda x: W * math.sin(x),
    "float()": lambda x: W * float(x),
    "int()": lambda x: W * int(x),
    "complex()": lambda x: W * complex(x).real,
    "backward()": lambda x: (x * W).backward(),
    "The use as an index": lambda x: W * [1.0, 2.0][x],
    "round()": lambda x: W * round(x, 1),
    "math.floor()": lambda x: W * math.floor(x),
    "An assignment to .data": lambda x: setattr(W, "data", 1.0),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_freeze_a_number_is_refused_with_its_line(what: str) -> None:
    before = W.data, type(W), W.label
    with pytest.raises(TraceError) as caught:
        compile(REFUSED[what])(1.0)
    message = str(caught.value)
    assert message.startswith(f"{what} of a traced value: its number today would be frozen")
    assert "test_compiler.py:" in message
    remedies = (
        "autograd.where(x > 0, a, b)",
        "functools.reduce(autograd.maximum, xs)",
        "autograd.exp(x) for math.exp(x)",
        "autograd.sin(x) for math.sin(x)",
        "x.data for float(x)",
        "from a variable around the function",
        "autograd.take",
        "do it before the call",
        "outside of the",
        "call backward() on what",
    )
    assert any(remedy in message for remedy in remedies)
    assert (W.data, type(W), W.label) == before


@pytest.mark.parametrize("compare", [max, min, sorted, lambda xs: xs[0] in xs[1:]])
def test_deciding_by_a_comparison_is_refused(compare: Any) -> None:
    with pytest.raises(TraceError, match="its number today would be frozen into the compiled program"):
        compile(lambda x: W * compare([x, W])[0])(1.0)


def test_what_is_not_the_same_twice_is_refused() -> None:
    rng, calls = random.Random(0), itertools.count()
    drawn = (
        r"did not do the same twice: mul had the operand [\d.]+, and then [\d.]+\n  at .*test_compiler.py:\d+: .*rng"
    )
    with pytest.raises(TraceError, match=drawn):
        compile(lambda: W * rng.random())()
    with pytest.raises(TraceError, match="operations, and then"):
        compile(lambda: sum([W] * (2 + next(calls)), W * W))()
    with pytest.raises(TraceError, match=r"it computed exp, and then sin|it computed sin, and then exp"):
        compile(lambda: W.exp() if next(calls) % 2 else W.sin())()
    with pytest.raises(TraceError, match="operands of mul were others"):
        compile(lambda: (e := W.exp(), s := W.sin(), e * e if next(calls) % 2 else e * s)[2] + s)()
    with pytest.raises(TraceError, match=r"was of 3 numbers, and then of 2|was of 2 numbers, and then of 3"):
        compile(lambda: autograd.logsumexp([W] * (2 + next(calls) % 2)))()


def test_the_rest_of_what_cannot_be_compiled() -> None:
    with pytest.raises(TraceError, match="computed outside of it and would not be computed again"):
        compile(lambda: OUTSIDE * W)()
    with pytest.raises(TraceError, match=r"a compiled function returns one Value, the loss; \w+ returned NoneType"):
        compile(print)()
    with pytest.raises(TraceError, match="is an argument and closed over as well"):
        compile(lambda w: w * W)(W)
    with pytest.raises(TypeError, match="write compile\\(f\\), and not compile\\(f\\(x\\)\\)"):
        compile(3.0)
    with pytest.raises(TypeError, match="keep is a list of labels"):
        compile(branching, keep="score")
    with pytest.raises(TypeError, match="dtype is float64 or float32, got int64"):
        compile(branching, dtype=np.int64)
    with pytest.raises(TypeError, match=r"a compiled function is of single Values; pass the array in its \.data"):
        compile(branching)(autograd.Tensor([1.0]))
    with pytest.raises(TypeError, match=r"argument x was computed from other Values.*, or pass x\.detach\(\)"):
        compile(branching)(W * 2.0)
    with pytest.raises(GraphError, match="nothing has been traced so far"):
        print(compile(branching).program)


def test_a_loss_that_was_overwritten_has_no_gradient_any_more() -> None:
    loss = compile(lambda x: W * x)
    first = loss(1.0)
    second = loss(2.0)
    with pytest.raises(GraphError, match="call backward\\(\\) before the next call"):
        first.backward()
    with pytest.raises(GraphError, match="call backward\\(\\) before the next call"):
        first.value_and_grad()
    assert (first.data, second.value_and_grad()[1].tolist()) == (2.0, [2.0])


def test_a_fourth_structure_of_arguments_is_worth_a_warning() -> None:
    loss = compile(lambda xs: W * sum(xs))
    for n in range(1, 4):
        assert loss([1.0] * n).data == 2.0 * n
    with pytest.warns(UserWarning, match="traced for the 4th time, for arguments of another structure") as caught:
        loss([1.0] * 4)
    assert caught[0].filename == __file__
    assert loss([1.0] * 2).data == 4.0


def test_an_error_in_the_function_leaves_the_parameters_as_they_were() -> None:
    w = Value(2.0, label="w")

    def failing(x: Any) -> Any:
        return w * x * None

    with pytest.raises(TypeError):
        compile(failing)(1.0)
    assert type(w) is Value and (w * 3.0).data == 6.0
    assert not autograd.modes.MODE.tape


# ----- choices, gathers, own operations -----


def test_choices_are_made_anew_at_each_replay() -> None:
    def chosen(x: Any, y: Any) -> Any:
        return autograd.where(x > y, W * x, autograd.maximum(x * y, -x)) + autograd.where(x == y, 10.0, 0.0)

    compiled = compile(chosen)
    for x, y in itertools.product((-2.0, -0.5, 0.0, 1.5), repeat=2):
        assert compiled(x, y).data == chosen(x, y).data
        a, b = Value(x), Value(y)
        assert compiled(a, b).data == chosen(a, b).data  # of which == asks whether they are one node


def test_tokens_gather_rows_of_an_embedding() -> None:
    rng = np.random.default_rng(0)
    table = [[Value(x) for x in row] for row in rng.normal(size=(6, 3)).tolist()]

    def loss(tokens: Any) -> Any:
        rows = [take(table, token) for token in tokens]
        return sum((a * b).tanh() for one, two in itertools.pairwise(rows) for a, b in zip(one, two, strict=True))

    compiled = compile(loss)
    for tokens in ([0, 5, 5, 1], [2, 3, 2, 2]):
        for row in table:
            for p in row:
                p.grad = 0.0
        found = compiled(tokens)
        found.backward()
        ours = [[p.grad for p in row] for row in table]
        for row in table:
            for p in row:
                p.grad = 0.0
        expected = loss([Value(token) for token in tokens])
        expected.backward()
        assert abs(found.data - expected.data) < 1e-14
        assert difference(ours, [[p.grad for p in row] for row in table]) < 1e-14
    assert loss([0, 5, 5, 1]).data == pytest.approx(compiled([0, 5, 5, 1]).data, abs=1e-14)
    for wrong in (6, -1, 1.5, math.nan):
        with pytest.raises(IndexError, match=r"take\(\) of 6 entries needs a whole number from 0 to 5, got"):
            compiled([0, wrong, 5, 1])
        with pytest.raises(IndexError, match=r"take\(\) of 6 entries needs a whole number from 0 to 5, got"):
            loss([0, Value(wrong), 5, 1])


def test_entries_may_lie_anywhere() -> None:
    rng = np.random.default_rng(0)
    w = [Value(x) for x in rng.normal(size=12).tolist()]

    def loss(i: Any, j: Any) -> Any:
        h = [(2.0 * p).tanh() for p in w]
        taken = [
            take([h[5], h[0], h[7], h[0]], i),
            take([h[1], h[11], h[5], h[3]], j),
            take(h[::3], i),
            take(w[2:6], i),
        ]
        return taken[0] * taken[1] + taken[2].exp() * taken[3] + h[0] * h[5]

    compiled = compile(loss, backend="numpy")
    for i, j in itertools.product(range(4), repeat=2):
        found, expected = agreement(compiled, loss, w, i, j)
        assert abs(found - expected) < 1e-14


BIASES: dict[str, Any] = {
    "one for each neuron": lambda b, W, i, n: b[i],
    "the same for all": lambda b, W, i, n: b[0],
    "a weight": lambda b, W, i, n: W[i][0],
    "doubled": lambda b, W, i, n: 2.0 * b[i],
    "scaled in each sample": lambda b, W, i, n: (n + 1.0) * b[i],
    "the next one in each sample": lambda b, W, i, n: b[(i + n) % 5],
}


@pytest.mark.parametrize("bias", list(BIASES))
@pytest.mark.parametrize("seen", [4, 3])
def test_biases_of_layers_that_are_traced_sample_by_sample(bias: str, seen: int) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9, 3)).tolist()
    shapes = (4, 3), (5, seen), (5, seen), (3, 5)
    W1, W2, W3, b = ([[Value(x) for x in row] for row in rng.normal(size=shape).tolist()] for shape in shapes)
    own = BIASES[bias]

    def layer(W: Any, b: Any, x: Any, n: int) -> list[Any]:
        return [
            (sum(w * x_i for w, x_i in zip(row, x, strict=True)) + own(b, W, i, n)).tanh() for i, row in enumerate(W)
        ]

    def loss() -> Any:
        total: Any = 0.0
        for n, x in enumerate(X):
            h = layer(W1, b[0], x, n)
            two, three = (layer(W, own, h[:seen], n) for W, own in ((W2, b[1]), (W3, b[2])))
            total = total + sum(p * q for p, q in zip(two, three, strict=True)) + h[3]
        return total

    parameters = [p for matrix in (W1, W2, W3, b) for row in matrix for p in row]
    compiled = compile(loss, backend="numpy")
    for _ in range(2):
        found, expected = agreement(compiled, loss, parameters)
        assert abs(found - expected) < 1e-13 * abs(expected)
        for p in parameters:
            p.data -= 0.01 * p.grad
    folded = seen == 4 and bias in ("one for each neuron", "the same for all", "a weight")
    assert ("(v2 | 1) [9×5]" in str(compiled.program)) == folded


def test_a_gradient_that_never_changes_is_added_to_in_every_replay() -> None:
    rng = np.random.default_rng(0)
    w = [Value(x) for x in rng.normal(size=6).tolist()]

    def loss(i: Any) -> Any:
        h = [p.tanh() for p in w]
        total = sum(h)
        return total + total.exp() + 3.0 * take(h, i) + sum(a * b for a, b in itertools.pairwise(h)) - h[2] + w[0]

    compiled = compile(loss, backend="numpy")
    for i in (0, 2, 5):
        agreement(compiled, loss, w, i)
    x, b = Value(2.0), Value(1.0)
    plus = compile(lambda x: x + b, backend="numpy")
    for _ in range(3):
        plus(x).backward()
    assert (x.grad, b.grad) == (3.0, 3.0)


def test_a_new_row_compiles_as_it_is() -> None:
    @custom_op(
        lambda m, y, a, b: b / (1.0 + m.abs(a)) ** 2, lambda m, y, a, b: m.where(a > 0.0, y / b, m.minimum(y / b, 0.0))
    )
    def soft(m: Any, a: Any, b: Any) -> Any:
        return b * a / (1.0 + m.abs(a))

    w = [Value(0.3), Value(-0.7), Value(1.9)]

    def loss() -> Any:
        return sum(soft(a, b) for a, b in itertools.pairwise(w))

    compiled = compile(loss)()
    compiled.backward()
    ours = [p.grad for p in w]
    for p in w:
        p.grad = 0.0
    eager = loss()
    eager.backward()
    assert abs(compiled.data - eager.data) < 1e-15
    assert difference(ours, [p.grad for p in w]) < 1e-15


def test_a_reduction_of_ones_own_is_computed_one_by_one_and_the_report_says_so() -> None:
    def partials(m: Any, y: Any, xs: Any) -> Any:
        return [2.0 * x for x in xs]

    row = autograd.ops.Reduction("squares", "Σ²", lambda xs: sum(x * x for x in xs), partials, "x")
    squares = autograd.operation(row)
    w = [Value(1.0), Value(2.0), Value(3.0)]
    loss = compile(lambda: squares(w) * squares(w[:2]), backend="numpy")
    found = loss()
    found.backward()
    assert (found.data, [p.grad for p in w]) == (70.0, [38.0, 76.0, 30.0])
    assert "squares of 3 numbers has no array form: computed one by one" in loss.report()


def test_the_two_zeros_are_told_apart() -> None:
    loss = compile(lambda: autograd.where(W / 0.0 > 0.0, 1.0, 0.0) + autograd.where(W / -0.0 > 0.0, 10.0, 0.0) * W)
    assert loss().data == 1.0


def test_infinities_and_nans_are_ieee_s() -> None:
    x = Value(1.0)
    loss = compile(lambda: autograd.logsumexp([x, x * 2.0]) + 1.0 / x)
    for number in (math.inf, -math.inf, 0.0, math.nan, 1e308):
        x.data = number
        expected = (autograd.logsumexp([x, x * 2.0]) + 1.0 / x).data
        assert loss().data == pytest.approx(expected, nan_ok=True)


# ----- numbers in between, precision, memory, text -----


def test_a_loss_is_shown_as_a_number() -> None:
    loss = compile(lambda x: W * x / W)(0.125)
    assert (float(loss), loss.item(), f"{loss:.2f}", f"{loss}", repr(loss)) == (
        0.125, 0.125, "0.12", "Loss(data=0.125)", "Loss(data=0.125)",
    )  # fmt: skip


def test_large_batches_compute_with_single_numbers() -> None:
    model, twin = model_and_twin(activation="sigmoid")
    many = np.random.default_rng(0).normal(size=(5000, 2))
    found = compile(lambda x: model(x) ** 3 - 1.5).batch(many)
    found.backward()
    fast = twin.vectorize()
    total = (fast(many) ** 3 - 1.5).mean()
    total.backward()
    assert abs(found.data - total.item()) < 1e-12
    assert difference([p.grad for p in model.layers[1].parameters()][:8], fast.parameters()[2].grad[0]) < 1e-12


def test_an_optimizer_of_two_programs_parameters_moves_them_one_by_one() -> None:
    a, b, c = Value(1.0), Value(2.0), Value(3.0)
    compile(lambda: a * a)().backward()
    compile(lambda: b * b)().backward()
    c.grad = 1.0
    nn.SGD([a, b], lr=0.5).step()
    nn.SGD([a, c], lr=0.5).step()
    assert (a.data, b.data, c.data) == (-1.0, 0.0, 2.5)


def test_intermediate_results_are_kept_on_request() -> None:
    model, twin = model_and_twin()

    @compile(keep=["hidden", "score"])
    def loss(x: Any, t: Any) -> Any:
        hidden = model.layers[0](x)
        for h in hidden:
            h.label = "hidden"
        score = model.layers[1](hidden)
        score.label = "score"
        return nn.hinge(score, t)

    kept = loss.batch(X, Y).kept
    assert kept["hidden"].shape == (30, 8) and kept["score"].shape == (30,)
    assert difference(kept["score"], [twin(x).data for x in X.tolist()]) < 1e-14
    assert difference(kept["hidden"], [[h.data for h in twin.layers[0](x)] for x in X.tolist()]) < 1e-14
    one = loss(X[0].tolist(), 1.0).kept
    assert one["score"] == pytest.approx(kept["score"][0], abs=1e-14) and len(one["hidden"]) == 8
    loss.batch(X[::-1].copy(), Y)
    assert difference(kept["score"], [twin(x).data for x in X.tolist()]) < 1e-14
    with pytest.raises(
        TraceError, match=r"keep=\['logits'\] names no result of the compiled function, which has labels 'score'"
    ):
        compile(lambda: setattr(s := W * 2.0, "label", "score") or s, keep=["logits"])()


def test_in_single_precision_numbers_and_gradients_are_single() -> None:
    model, twin = model_and_twin(activation="tanh")
    loss = compile(lambda x, t: nn.mse(model(x), t), dtype=np.float32)
    found, expected = loss.batch(X, Y), nn.mse([twin(x) for x in X.tolist()], Y.astype(float))
    found.backward()
    expected.backward()
    assert 0.0 < abs(found.data - expected.data) < 1e-6
    assert 0.0 < difference(gradients(model), gradients(twin)) < 1e-6
    assert loss.program.memory.data.dtype == np.float32
    with pytest.raises(TypeError, match="compile both with the same dtype"):
        compile(lambda x: model(x))([1.0, 2.0])


def test_a_program_reads_well() -> None:
    model, _ = model_and_twin()

    @compile
    def loss(x: Any, t: Any) -> Any:
        return (1.0 - t * model(x)).relu() + 0.5 * sum(p * p for p in model.parameters())

    loss.batch(X, Y)
    lines = str(loss.program).splitlines()
    assert lines == [
        "v1 [1] = sum of 33 (model.layers.0…1.neurons.0…7.w | model.layers.0…1.neurons.0…7.b)²",
        "v2 [30×8] = x [30×2] @ model.layers.0.neurons.0…7.w [8×2]ᵀ + model.layers.0.neurons.0…7.b",
        "v3 [30×8] = relu(v2)",
        "v4 [1] = 0.5·v1",
        "v5 [30] = v3 [30×8] @ model.layers.1.neurons.0.w [1×8]ᵀ + model.layers.1.neurons.0.b",
        "v6 [30] = 1 - t·v5",
        "v7 [30] = relu(v6)",
        "v8 [30] = v7 + v4",
        "return v8",
    ]
    report = loss.report()
    assert "(2 matrix products)" in report and "everything lifted" in report and "float64" in report


def test_a_tape_prints() -> None:
    w = Value(2.0)
    tape = trace(
        lambda x: (w * x + 1.0).tanh().detach(),
        lambda xs: (xs, {}),
        [Leaf("w", None, w, True), Leaf("x", 0, None, False)],
    )
    assert str(tape).splitlines() == [
        "%0 = w", "%1 = x", "%2 = mul(%0, %1)", "%3 = add(%2, 1.0)", "%4 = tanh(%3)",
        "%5 = clone(%4) cut", "return %5",
    ]  # fmt: skip


def test_the_groups_check_themselves() -> None:
    w = Value(2.0)
    tape = trace(lambda: (w * w).exp() + w, lambda xs: (xs, {}), [Leaf("w", None, w, True)])
    lifted = Lifter(Normal(tape)).lifted()
    lifted.check()
    lifted.groups.reverse()
    with pytest.raises(RuntimeError, match="ordered its groups wrongly, a bug of glassgrad"):
        lifted.check()


def test_python_keeps_its_own_compile() -> None:
    world: dict[str, Any] = {}
    exec("from autograd import *\ncode = compile('1 + 1', '', 'eval')", world)
    assert eval(world["code"]) == 2
    assert {"compile", "take"} <= set(dir(autograd)) and "compile" not in autograd.__all__
    assert lift_module.Lifter is Lifter


def test_arrays_of_a_batch_are_read_anew_each_time_and_not_held() -> None:
    w = Value(2.0)
    loss = compile(lambda x, y: w * x * y)
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert loss.batch(x, y).data == 11.0
    assert loss.batch(y, y).data == 25.0
    x[:] = 10.0
    assert loss.batch(x, y).data == 70.0
    assert loss.batch(x.astype(int), y).data == 70.0
    assert loss.batch(x, y=y).data == 70.0
    assert loss.batch(np.array([1.0]), np.array([3.0])).data == 6.0
    alive = weakref.ref(x)
    del x
    assert alive() is None
    with pytest.raises(ValueError, match="arrays of equally many rows"):
        loss.batch(np.ones(2), np.ones(3))
    assert loss.batch(y, y).data == 25.0


def test_a_label_can_be_read_back_while_a_function_is_traced() -> None:
    p, seen = Value(3.0), []

    def loss() -> Any:
        y = p * p
        seen.append(y.label)
        y.label = "y"
        seen.append(y.label)
        return y

    compile(loss)()
    assert seen[:2] == ["", "y"]
