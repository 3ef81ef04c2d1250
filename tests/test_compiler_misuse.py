"""What goes wrong around a compiled function: never a wrong number without a word, never a half-changed parameter."""

import copy
import math
import threading
import weakref
from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np
import pytest
from test_compiler_backends import each_backend

import autograd
import nn
from autograd import GraphError, TraceError, Value, compile, custom_op, detect_anomaly

# ----- a traced value that outlives its trace -----


@pytest.mark.parametrize(
    "use",
    [
        lambda y: y * 2.0,
        lambda y: 2.0 - y,
        lambda y: Value(3.0) * y,
        lambda y: autograd.exp(y),
        lambda y: autograd.sum([Value(1.0), y]),
        lambda y: autograd.where(y, 1.0, 2.0),
        lambda y: y < 1.0,
        lambda y: y & y,
        lambda y: math.exp(y),
        lambda y: y.data,
        lambda y: y.detach(),
        lambda y: y.backward(),
        lambda y: setattr(y, "label", "y"),
        lambda y: f"{y:.2f}",
    ],
)
def test_a_traced_value_kept_after_its_trace_says_how_to_keep_a_number(use: Any) -> None:
    outside = []

    def function(x: Any) -> Any:
        y = x * x
        outside.append(y)
        return y + 1.0

    compile(function)(3.0)
    with pytest.raises(TraceError, match="after its trace ended: it has no number") as caught:
        use(outside[0])
    assert f"  at {__file__}:" in str(caught.value)
    assert 'write y.label = "y" in the function and compile(function, keep=["y"]), and read loss.kept["y"]' in str(
        caught.value
    )
    assert "or\ncall the function uncompiled, which is compiled.function" in str(caught.value)


def test_the_remedies_for_a_traced_value_give_its_number() -> None:
    def function(x: Any) -> Any:
        y = x * x
        y.label = "y"
        return y + 1.0

    assert compile(function, keep=["y"])(3.0).kept["y"] == 9.0
    assert compile(function).function(Value(3.0)).data == 10.0


# ----- parameters that move, freeze, and have gradients of their own -----


@each_backend
def test_backward_after_the_parameters_have_moved_is_refused(backend: str) -> None:
    p = Value(2.0)
    optimizer = nn.SGD([p], lr=0.1)
    square = compile(lambda x: p * p * x, backend=backend)
    cube = compile(lambda x: p * p * p * x, backend=backend)
    square(1.0), cube(1.0)
    first, second = square(1.0), cube(1.0)
    first.backward()
    optimizer.step()
    for move in (lambda: None, lambda: setattr(p, "data", 3.0)):
        move()
        with pytest.raises(GraphError, match="whose parameters have moved since it was computed"):
            second.backward()
    assert p.grad == 4.0
    p.grad = 0.0
    cube(1.0).backward()
    assert p.grad == 27.0


@each_backend
def test_a_gradient_that_was_none_or_a_node_is_where_the_next_one_is_added(backend: str) -> None:
    p = Value(2.0)
    loss = compile(lambda x: p * x, backend=backend)
    loss(3.0).backward()
    p.grad = None  # type: ignore[assignment]
    loss(3.0).backward()
    assert p.grad == 3.0
    p.zero_grad()
    (p * p).backward(create_graph=True)
    loss(3.0).backward()
    assert p.grad == 7.0


@each_backend
def test_a_parameter_is_frozen_or_thawed_for_every_program_that_uses_it(backend: str) -> None:
    p, q = Value(2.0), Value(3.0)
    single, both = compile(lambda x: p * x, backend=backend), compile(lambda x: p * q * x, backend=backend)
    single(1.0), both(1.0)
    p.requires_grad = False
    with pytest.raises(GraphError, match="nothing was recorded for it"):  # as of the function itself
        single(1.0).backward()
    both(1.0).backward()
    assert (p.grad, q.grad) == (0.0, 2.0)
    p.requires_grad = True
    single(1.0).backward()
    assert p.grad == 1.0


@each_backend
def test_no_gradient_goes_where_the_loss_does_not_reach(backend: str) -> None:
    w = [Value(0.0) for _ in range(5)]

    def loss(x: Any) -> Any:
        size = autograd.sqrt(autograd.sum([a * a for a in w]))  # whose slope is infinite
        size.label = "size"
        large = autograd.where(size > 1.0, 2.0, 1.0)
        return autograd.sum([a * x for a in w]) * large / (1.0 + size.detach())

    compile(loss, backend=backend, keep=["size"])(2.0).backward()
    assert [a.grad for a in w] == [2.0] * 5


@each_backend
@pytest.mark.parametrize("interrupted", ["backward", "value_and_grad"])
def test_an_interrupt_in_the_backward_pass_leaves_the_gradients_that_were_there(backend: str, interrupted: str) -> None:
    calls: list[int] = []

    def stop(m: Any, y: Any, xs: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return [1.0] * len(xs)

    summed = autograd.operation(autograd.ops.Reduction("summed", "s", lambda xs: float(sum(xs)), stop, "x"))
    p, q = Value(2.0), Value(3.0)
    loss = compile(lambda x: summed([p * x, q * x]) * q, backend=backend)
    loss(1.0).backward()
    before = p.grad, q.grad
    total = loss(1.0)
    with pytest.raises(KeyboardInterrupt):
        getattr(total, interrupted)()
    assert (p.grad, q.grad) == before
    total.backward()
    assert (p.grad, q.grad) == (2.0 * before[0], 2.0 * before[1])


def test_threads_wait_for_each_other() -> None:
    w = Value(2.0)
    loss = compile(lambda x: (w * x).tanh() + x * x, backend="numpy")
    expected = {x: loss.value_and_grad(x) for x in (0.25, 0.5, 0.75, 1.0)}
    wrong: list[Any] = []

    def work(x: float) -> None:
        for _ in range(300):
            value, gradient = loss.value_and_grad(x)
            if (value, gradient.tolist()) != (expected[x][0], expected[x][1].tolist()):
                wrong.append(value)
            if abs(loss.batch(np.full(3, x)).data - expected[x][0]) > 1e-14:
                wrong.append(x)

    threads = [threading.Thread(target=work, args=(x,)) for x in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and loss.value_and_grad(0.5)[0] == expected[0.5][0]


# ----- what lies around the function -----

SCALE = 1.0


def test_a_global_that_only_an_inner_function_reads_may_be_assigned_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    loss = compile(lambda xs: autograd.sum([SCALE * x for x in xs]))
    assert loss([1.0, 2.0]).data == 3.0
    monkeypatch.setattr("test_compiler_misuse.SCALE", 3.0)
    assert loss([1.0, 2.0]).data == 9.0


def test_the_sign_of_a_zero_around_the_function_counts() -> None:
    zero = 0.0
    w = Value(1.0)
    loss = compile(lambda: w / zero)
    assert loss().data == math.inf
    zero = -0.0
    assert loss().data == -math.inf


class Doubled(nn.Module):
    def __init__(self) -> None:
        self.w = Value(2.0)

    def __call__(self, x: Any) -> Any:
        return self.w * x * (2.0 if self.training else 1.0)

    def loss(self, x: Any) -> Any:
        return self(x)


def test_a_model_goes_from_train_to_eval_and_back() -> None:
    model = Doubled()
    for loss in (compile(lambda x: model(x)), compile(model.loss)):
        assert [loss(1.0).data, model.eval() and loss(1.0).data, model.train() and loss(1.0).data] == [4.0, 2.0, 4.0]


def test_a_variable_that_is_not_assigned_yet_is_python_s_error() -> None:
    def made() -> Any:
        loss = compile(lambda: later * 2.0)
        with pytest.raises(NameError, match="later"):
            loss()
        later = Value(3.0)
        return loss()

    assert made().data == 6.0


def test_a_traced_value_of_another_trace_is_refused() -> None:
    kept: list[Any] = []
    w = Value(3.0, label="w")

    def keeping(x: Any) -> Any:
        kept.extend([x * w, x, w * 1.0])
        return kept[-3].exp()

    compile(keeping)(1.0)
    before = w.code
    for stale in kept[-3:]:
        uses: list[Any] = [
            lambda x, y=stale: x.exp() * y,
            lambda x, y=stale: x + y.data,
            lambda x, y=stale: autograd.dot([x, w], [y, x]),
            lambda x, y=stale: y,
        ]
        for use in uses:
            with pytest.raises(TraceError, match=r"kept from a compiled function, after its trace ended"):
                compile(use)(2.0)
    assert (w.data, w.code) == (3.0, before)
    assert compile(lambda x: x * w)(2.0).data == 6.0


# ----- rules -----


@each_backend
def test_equality_in_a_rule_is_that_of_numbers(backend: str) -> None:
    @custom_op(lambda m, y, x: 1.0)
    def bumped(m: Any, x: Any) -> Any:
        return m.where(x == 0.5, 5.0, x)

    w = Value(0.5)
    assert compile(lambda: bumped(w), backend=backend)().data == 5.0


@each_backend
def test_truths_add_up_as_numbers(backend: str) -> None:
    @custom_op(lambda m, y, x: 0.0 * x)
    def steps(m: Any, x: Any) -> Any:
        return (x > 0.0) + (x > 0.5) + -(x > 2.0)

    w = Value(1.0)
    loss = compile(lambda x: steps(w * x), backend=backend)
    assert [loss(x).data for x in (0.25, 1.0, 3.0, -1.0)] == [1.0, 2.0, 1.0, 0.0]


@each_backend
def test_either_of_two_truths_may_choose(backend: str) -> None:
    w = Value(2.0)
    loss = compile(lambda x: autograd.where((x < 0.0) | (x > 1.0), w * x, w), backend=backend)
    assert [loss(x).data for x in (-1.0, 0.5, 3.0)] == [-2.0, 2.0, 6.0]


@each_backend
def test_a_norm_neither_overflows_nor_vanishes(backend: str) -> None:
    for size in (1e200, 1e-200):
        w = [Value(3.0 * size), Value(-4.0 * size)]
        loss = compile(lambda w=w: autograd.norm(w), backend=backend)()
        loss.backward()
        np.testing.assert_allclose([loss.data / size, w[0].grad, w[1].grad], [5.0, 0.6, -0.8], rtol=1e-14)


@each_backend
def test_an_infinite_gradient_that_is_not_selected_leaves_the_others_alone(backend: str) -> None:
    w = [Value(0.0), Value(4.0)]
    loss = compile(lambda: autograd.relu(w[0]).sqrt() + autograd.relu(w[1]).sqrt(), backend=backend)()
    loss.backward()
    assert [x.grad for x in w] == [0.0, 0.25]


@each_backend
def test_what_a_rule_makes_of_its_constants_is_computed_without_warnings(backend: str) -> None:
    @custom_op(lambda m, y, x, c: 1.0 / c, lambda m, y, x, c: -x / (c * c))
    def over(m: Any, x: Any, c: Any) -> Any:
        return x * (1.0 / c)

    w = Value(2.0)
    loss = compile(lambda: over(w, 0.0), backend=backend)()
    loss.backward()
    assert loss.data == w.grad == math.inf


@each_backend
def test_several_norms_are_computed_side_by_side(backend: str) -> None:
    w = [Value(x) for x in (3.0, 4.0, 6.0, 8.0)]
    loss = compile(lambda: autograd.norm(w[:2]) * autograd.norm(w[2:]), backend=backend)()
    loss.backward()
    np.testing.assert_allclose([loss.data, *(x.grad for x in w)], [50.0, 6.0, 8.0, 3.0, 4.0], rtol=1e-14)


@each_backend
def test_the_name_of_a_row_may_be_anything(backend: str) -> None:
    rows = [autograd.ops.Op(name, "s", lambda m, x: x * x, (lambda m, y, x: 2.0 * x,), "x") for name in ("{x}", "a\nb")]
    own = autograd.ops.Reduction("a\nb", "s", lambda xs: float(sum(xs)), lambda m, y, xs: [1.0] * len(xs), "x")
    first, second, summed = (autograd.operation(row) for row in [*rows, own])
    w = Value(2.0)
    loss = compile(lambda: summed([first(w), second(w)]), backend=backend)()
    loss.backward()
    assert (loss.data, w.grad) == (8.0, 8.0)


@each_backend
def test_a_division_by_a_chosen_zero_is_infinite(backend: str) -> None:
    w = Value(1.0)
    loss = compile(lambda: 1.0 / autograd.where(w > 0.0, 0.0, 1.0) + w, backend=backend)
    assert loss().data == math.inf


# ----- errors that teach -----


def test_a_loss_of_nothing_but_numbers_is_refused() -> None:
    with pytest.raises(TraceError, match="the loss is 3, whatever the parameters and arguments are"):
        compile(lambda: Value(3.0))()


def test_compile_above_a_method_says_where_to_write_it() -> None:
    class Model(nn.Module):
        @compile
        def loss(self, x: Any) -> Any:
            return x

    remedy = r"would compile it once for all instances; write self.loss = autograd.compile\(self._loss\) in __init__"
    with pytest.raises(TypeError, match=f"@compile above a method {remedy}"):
        Model().loss(1.0)


def test_an_argument_kept_from_the_trace_is_a_value_that_wants_no_gradient() -> None:
    kept: list[Any] = []
    w = Value(2.0)
    compile(lambda x: (kept.append(x), w * x)[1])(1.0)
    assert not kept[0].requires_grad
    assert isinstance(kept[0], Value)
    assert not isinstance(kept[0], str)
    assert kept[0] in set(kept)


def test_second_derivatives_and_sums_of_losses_are_refused() -> None:
    w = Value(2.0)
    loss = compile(lambda x: w * w * x)
    with pytest.raises(GraphError, match="for derivatives of derivatives call the function itself"):
        loss(1.0).backward(create_graph=True)
    for wrong in (lambda: loss(1.0) + loss(2.0), lambda: 0.5 * loss(1.0), lambda: loss(1.0) < 0.1, lambda: -loss(1.0)):
        with pytest.raises(TypeError, match="compute with it inside of the function, or with its number"):
            wrong()


def test_detect_anomaly_cannot_look_into_a_program() -> None:
    w = Value(0.0)
    loss = compile(lambda: w.log())
    message = (
        "looks at one operation after another, and a compiled program has none; inside of it call the function itself"
    )
    with detect_anomaly(), pytest.raises(GraphError, match=message):
        loss()


@pytest.mark.parametrize("rows", [[[1.0], [1.0, 2.0]], ["a", "b"], [None, None], [{}, {}], [10**400, 1]])
def test_rows_that_are_no_numbers_are_refused_with_the_name_of_the_argument(rows: Any) -> None:
    loss = compile(lambda x: autograd.sum([x]))
    with pytest.raises(TypeError, match="argument x: a list is one of numbers"):
        loss.batch(rows)
    with pytest.raises(TypeError, match="The gradient of a batch goes to parameters"):
        loss.batch([Value(1.0), Value(2.0)])


def test_dicts_of_every_kind_and_arrays_of_objects_are_arguments() -> None:
    w = Value(2.0)
    loss = compile(lambda d: w * d["a"])
    assert [loss(kind).data for kind in ({"a": 3.0}, OrderedDict(a=4.0), defaultdict(float, a=5.0))] == [6.0, 8.0, 10.0]
    first = compile(lambda xs: w * xs[0])
    mixed = np.array([1.0, "s"], object)
    assert first(mixed).data == 2.0
    mixed[0] = 5.0
    assert first(mixed).data == 10.0


def test_a_deep_copy_traces_for_itself() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.w = Value(2.0)
            self.loss = compile(self._loss)

        def _loss(self, x: Any) -> Any:
            return self.w * x

    model = Model()
    model.loss(1.0)
    other = copy.deepcopy(model)
    other.w.data = 10.0
    assert (other.loss(2.0).data, model.loss(2.0).data) == (20.0, 4.0)


def test_what_is_computed_from_constants_alone_may_decide() -> None:
    p = Value(3.0)
    for function, expected in (
        (lambda: p * (2.0 if Value(1.0) * 2.0 < 3.0 else 5.0), 6.0),
        (lambda: p * (2.0 if Value(1.0) * 1.0 > 1.0 else 5.0), 15.0),
        (lambda: p * (2.0 if Value(1.0) * 2.0 == Value(1.0) * 2.0 else 5.0), 15.0),  # they are two nodes
        (lambda: p * (2.0 if Value(1.0) * 1.0 == Value(1.0) * 1.0 else 5.0), 15.0),
        (lambda: p * Value(2), 6.0),
    ):
        assert float(function()) == compile(function)().data == expected


@each_backend
def test_a_comparison_is_joined_with_true_or_false(backend: str) -> None:
    p = Value(3.0)
    for function in (
        lambda: autograd.where((p < 4.0) & True, p, 1.0),
        lambda: autograd.where(True & (p < 4.0), p, 1.0),
        lambda: autograd.where((p > 4.0) | True, p, 1.0),
        lambda: autograd.where((p < 4.0) | False, p, 1.0),
    ):
        assert compile(function, backend=backend)().data == 3.0
    assert compile(lambda: autograd.where((p < 4.0) & False, p, 1.0), backend=backend)().data == 1.0


def test_what_a_user_keeps_on_a_parameter_is_no_parameter() -> None:
    p = Value(3.0)
    p.average = Value(5.0)  # type: ignore[attr-defined]
    compiled = compile(lambda: p * 2.0)
    compiled().backward()
    assert compiled.parameters == [p]


def test_the_arrays_of_a_batch_are_not_kept() -> None:
    p, X = Value(3.0), np.ones((5, 2))
    kept = weakref.ref(X)
    compiled = compile(lambda x: p * x[0])
    loss = compiled.batch(X)
    del X
    assert kept() is None and loss.data == 3.0


def test_an_argument_that_only_says_that_it_equals_another_is_another() -> None:
    class Setting:
        def __init__(self, k: float) -> None:
            self.k = k

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    p = Value(3.0)
    compiled = compile(lambda setting: p * setting.k)
    assert [compiled(Setting(k)).data for k in (2.0, 5.0)] == [6.0, 15.0]


@each_backend
def test_one_argument_may_have_an_infinite_gradient_that_is_not_selected(backend: str) -> None:
    """0 times an infinite derivative is nan in the first walk; the arguments are looked at one by one."""
    p = Value(3.0)
    compiled = compile(lambda a, b: p * b + a.relu().sqrt(), backend=backend)
    a, b = Value(-1.0), Value(2.0)
    compiled(a, b).backward()
    assert (a.grad, b.grad, p.grad) == (0.0, 3.0, 2.0)
