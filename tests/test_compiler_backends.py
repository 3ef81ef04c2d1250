"""Who computes a compiled program: NumPy, numba or plain Python; that they agree, and who is chosen."""

import itertools
import math
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import same, samples

import autograd
import nn
from autograd import Value, compile, custom_op, operation, take
from autograd.compiler import backends, loops
from autograd.compiler.lift import Lifter
from autograd.namespaces import ieee
from autograd.ops import OPS, REDUCTIONS, Op
from autograd.symbols import written

INSTALLED = [name for name in backends.BACKENDS if name != "numba" or find_spec("numba")]
each_backend = pytest.mark.parametrize("backend", INSTALLED)
needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="numba is in the extra fast")

EXTREMES = [0.0, 1.0, -1.0, 0.5, 40.0, -800.0, 800.0, math.inf, -math.inf, math.nan]


def points(op: Op) -> list[tuple[float, ...]]:
    """Inside the domain, at the kinks, and where the result may be infinite or no number."""
    far = itertools.product(EXTREMES, repeat=2) if op.arity == 2 else [(x, 1.0, 2.0)[: op.arity] for x in EXTREMES]
    return [*samples(op, 5), *(xs for xs, _ in op.kinks), *far]


def found_by(backend: str, function: Any, rows: list[tuple[float, ...]]) -> list[list[float]]:
    """The value and the partial derivatives of ``function`` for each row of numbers, by one program."""
    values = [Value(x) for x in rows[0]]
    loss = compile(lambda: function(*values), backend=backend)
    found = []
    for row in rows:
        for value, x in zip(values, row, strict=True):
            value.data, value.grad = x, 0.0
        result = loss()
        result.backward()
        found.append([result.data, *[value.grad for value in values]])
    return found


@each_backend
@pytest.mark.parametrize("name", OPS)
def test_every_row_of_the_table_is_ieee_s(backend: str, name: str) -> None:
    op = OPS[name]
    rows = points(op)
    if (backend, name) == ("numpy", "power"):
        rows = [xs for xs in rows if xs != (-math.inf, 0.5)]  # of which NumPy's arrays say nan, and its numbers inf
    for xs, found in zip(rows, found_by(backend, operation(op), rows), strict=True):
        y = ieee(op.forward, *xs)
        expected = [y, *(ieee(d, y, *xs) for d in op.partials)]
        usual = [x for x in expected if math.isfinite(x)] == expected and all(map(math.isfinite, xs))
        assert same(found[:1], expected[:1], 1e-12), (xs, found, expected)
        assert not usual or same(found, expected, 1e-12), (xs, found, expected)


@each_backend
@pytest.mark.parametrize("name", REDUCTIONS)
def test_every_reduction(backend: str, name: str) -> None:
    row = REDUCTIONS[name]
    rows = [(0.5, -1.5, 2.0, 0.25), (3.0, 3.0, 0.5, 4.0), (700.0, 710.0, -5.0, 1.0)]
    function = operation(row)
    for xs, found in zip(rows, found_by(backend, lambda *values: function(values), rows), strict=True):
        y = row.forward(xs)
        assert same(found, [y, *row.scalar_vjp((y, *xs), 1.0)], 1e-12)  # type: ignore[list-item]


# ----- what every backend does -----


def model_and_loss(backend: str, **words: Any) -> tuple[nn.MLP, Any]:
    model = nn.MLP(3, [4, 2], activation="tanh", seed=1)

    @compile(backend=backend, **words)
    def loss(x: Any, label: Any) -> Any:
        scores = model(x)
        for score in scores:
            score.label = "scores"
        return nn.cross_entropy([scores], [label])

    return model, loss


X, LABELS = np.random.default_rng(0).normal(size=(7, 3)), np.array([0, 1, 1, 0, 1, 0, 0])


@each_backend
def test_a_batch_has_the_mean_of_the_gradients_of_its_samples(backend: str) -> None:
    model, loss = model_and_loss(backend, keep=["scores"])
    total = loss.batch(X, LABELS)
    total.backward()
    found = [p.grad for p in model.parameters()]
    eager = nn.MLP(3, [4, 2], activation="tanh", seed=1)
    expected = nn.cross_entropy([eager(row) for row in X.tolist()], LABELS.tolist())
    expected.backward()
    assert abs(total.data - expected.data) < 1e-14
    np.testing.assert_allclose(found, [p.grad for p in eager.parameters()], rtol=0, atol=1e-14)
    scores = [[score.data for score in eager(row)] for row in X.tolist()]
    np.testing.assert_allclose(total.kept["scores"], scores, rtol=0, atol=1e-14)


@each_backend
def test_backward_twice_doubles_the_gradients_and_gradients_of_arguments_add_up_too(backend: str) -> None:
    w, x = Value(3.0), Value(-0.5)
    loss = compile(lambda x: (w * x).exp() * w, backend=backend)
    total = loss(x)
    total.backward()
    once = w.grad, x.grad
    total.backward()
    assert (w.grad, x.grad) == (2.0 * once[0], 2.0 * once[1])
    assert same(once, (math.exp(-1.5) * (1.0 - 1.5), 9.0 * math.exp(-1.5)), 1e-14)


@each_backend
def test_a_parameter_may_move_between_calls_and_one_that_is_frozen_gets_no_gradient(backend: str) -> None:
    w, frozen = Value(2.0), Value(5.0)
    frozen.requires_grad = False
    loss = compile(lambda x: w * frozen * x + frozen.exp().detach() * w, backend=backend)
    for number in (2.0, 0.5):
        w.data, w.grad = number, 0.0
        total = loss(3.0)
        total.backward()
        assert same([total.data, w.grad], [number * (15.0 + math.exp(5.0)), 15.0 + math.exp(5.0)], 1e-14)
        assert frozen.grad == 0.0


@each_backend
def test_float32_is_close(backend: str) -> None:
    model, loss = model_and_loss(backend, dtype=np.float32)
    total = loss.batch(X, LABELS)
    total.backward()
    found = [p.grad for p in model.parameters()]
    model, exact = model_and_loss("numpy")
    exact.batch(X, LABELS).backward()
    np.testing.assert_allclose(found, [p.grad for p in model.parameters()], rtol=1e-5, atol=1e-6)


@each_backend
def test_an_index_out_of_range_is_an_error(backend: str) -> None:
    table = [Value(1.0), Value(2.0)]
    loss = compile(lambda i: take(table, i), backend=backend)
    assert loss(1).data == 2.0
    with pytest.raises(IndexError, match="needs a whole number from 0 to 1, got 2"):
        loss(2)
    assert loss(0).data == 1.0


def bent(m: Any, x: Any) -> Any:
    return x if x > 0.0 else 0.5 * x


def ticks(m: Any, x: Any) -> Any:
    total = 0.0
    for _ in range(int(x)):
        total += 1.0
    return total * x


def cube_root(m: Any, x: Any) -> Any:
    """By bisection, as a solver finds it."""
    low, high = 0.0, 10.0
    for _ in range(80):
        middle = (low + high) / 2.0
        low, high = (middle, high) if middle**3 < x else (low, middle)
    return low


BOXES: dict[str, Any] = {
    "math": custom_op(lambda m, y, x: math.cos(x))(lambda m, x: math.sin(x)),
    "math forwards": custom_op(lambda m, y, x: m.cos(x))(lambda m, x: math.sin(x)),
    "math backwards": custom_op(lambda m, y, x: math.cos(x))(lambda m, x: m.sin(x)),
    "NumPy": custom_op(lambda m, y, x: np.cos(x))(lambda m, x: np.sin(x)),
    "float": custom_op(lambda m, y, x: 2.0 * x)(lambda m, x: float(x) ** 2),
    "if": custom_op(lambda m, y, x: 1.0 if x > 0.0 else 0.5)(bent),
    "a loop": custom_op(lambda m, y, x: float(int(x)))(ticks),
    "a solver": custom_op(lambda m, y, x: 1.0 / (3.0 * y * y))(cube_root),
    "a dict": custom_op(lambda m, y, x: {1: 2.0}.get(round(x), 3.0))(lambda m, x: {1: 2.0}.get(round(x), 3.0) * x),
    "two numbers": custom_op(lambda m, y, x, a: math.exp(x), lambda m, y, x, a: 2.0 * float(a))(
        lambda m, x, a=2.0: math.exp(x) + float(a) ** 2
    ),
}
"""Rules that need plain numbers."""


@each_backend
@pytest.mark.parametrize("name", BOXES)
def test_a_rule_of_plain_numbers_is_a_call(backend: str, name: str) -> None:
    box, w, v = BOXES[name], Value(1.3), Value(0.7)
    numbers = (3.0,) if name == "two numbers" else ()
    loss = lambda x: box(w * x, *numbers) * v  # noqa: E731
    rows = [0.5, 1.0, 2.5]
    compiled = compile(loss, backend=backend)
    found = compiled.batch(rows)
    found.backward()
    gradients, w.grad, v.grad = [w.grad, v.grad], 0.0, 0.0
    expected = sum(loss(x) for x in rows) / 3.0
    expected.backward()
    assert same([found.data, *gradients], [expected.data, w.grad, v.grad], 1e-13)
    assert backend != "numpy" or "has no array form: computed one by one" in compiled.report()


def test_of_a_rule_that_gives_up_half_way_nothing_is_left() -> None:
    def half_way(m: Any, x: Any) -> Any:
        return m.exp(x) * math.exp(x)

    box, x = custom_op(lambda m, y, x: 2.0 * m.exp(x) * m.exp(x))(half_way), Value(0.5)
    whole = custom_op(lambda m, y, x: 2.0 * m.exp(x) * m.exp(x))(lambda m, x: math.exp(x) ** 2)
    calls = []
    for function in (box, whole):
        loss = compile(lambda function=function: function(x) + x, backend="numpy")
        total = loss()
        x.grad = 0.0
        total.backward()
        assert same([total.data, x.grad], [math.exp(1.0) + 0.5, 2.0 * math.exp(1.0) + 1.0], 1e-14)
        calls.append(len(loss.program.forward))
    assert calls[0] == calls[1]


def test_an_error_in_a_rule_is_its_own() -> None:
    @custom_op(lambda m, y, x: 1.0)
    def wrong(m: Any, x: Any) -> Any:
        return {0.5: x}[x]

    w = Value(0.5)
    loss = compile(lambda: wrong(w) * w, backend="numpy")
    assert loss().data == 0.25
    w.data = 1.0
    with pytest.raises(KeyError):
        loss()


@each_backend
def test_a_rule_that_decides_by_if_at_both_sides(backend: str) -> None:
    box = BOXES["if"]
    assert found_by(backend, lambda x: box(box(x)) * x, [(-2.0,), (3.0,)]) == [[1.0, -1.0], [9.0, 6.0]]


@needs_numba
def test_a_row_of_ones_own_becomes_machine_code_and_one_that_cannot_is_named() -> None:
    @custom_op(lambda m, y, x: 2.0 * x)
    def squared(m: Any, x: Any) -> Any:
        return x * x

    w = [Value(0.5), Value(2.0)]
    loss = compile(lambda: autograd.logsumexp([squared(x) for x in w]), backend="numba")
    loss()
    assert "logsumexp has no machine code: computed by Python" in loss.report() and "squared" not in loss.report()
    assert found_by("numba", squared, [(3.0,)]) == [[9.0, 6.0]]


@pytest.mark.parametrize("name", OPS)
def test_every_row_of_the_table_can_be_written_as_text(name: str) -> None:
    assert written(OPS[name]) is not None


# ----- who is chosen -----


def irregular(n: int, window: int) -> Any:
    rng = np.random.default_rng(0)
    leaves = [Value(x) for x in rng.uniform(-1.0, 1.0, 50).tolist()]
    picks = [(i - 1 - (rng.random(2) * min(i, window)).astype(int)).tolist() for i in range(50, n)]

    def loss() -> Any:
        results: list[Any] = list(leaves)
        for i, (j, k) in enumerate(picks):
            a, b = results[j], results[k]
            results.append((a * b, (a - b).tanh(), autograd.maximum(a, b))[i % 3])
        return autograd.mean(results)

    return loss


def chosen(loss: Any, *args: Any) -> str:
    loss(*args)
    return loss.report().splitlines()[2].split()[0].rstrip(",")  # type: ignore[no-any-return]


def test_the_smallest_estimate_is_chosen_and_reported() -> None:
    x, y = Value(2.0), Value(3.0)
    tiny = compile(lambda: (x * y).tanh() + x)
    assert chosen(tiny) == "plain"
    model, _ = model_and_loss("numpy")
    regular = compile(lambda: nn.cross_entropy([model(row) for row in X.tolist()] * 20, LABELS.tolist() * 20))
    assert chosen(regular) == "NumPy"
    line = regular.report().splitlines()[2]
    assert line.startswith("NumPy, float64: an estimated ") and "; numba" in line and ", plain Python" in line
    asked = compile(lambda: x * y, backend="numpy")
    assert chosen(asked) == "NumPy" and "as asked for" in asked.report()
    assert "copied" not in asked.report()


def pendulum(angle: Any, steps: int = 100) -> Any:
    """Its angle after some steps of time, none of which is like another."""
    speed = 0.0
    for _ in range(steps):
        angle, speed = angle + 0.02 * speed, speed - 0.02 * (9.81 * angle.sin() + 0.2 * speed)
    return angle


def test_a_loop_over_time_is_not_lifted_for_one_sample_and_is_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Lifter] = []
    lifted = Lifter.lifted
    monkeypatch.setattr(Lifter, "lifted", lambda self: made.append(self) or lifted(self))
    k = Value(0.7)
    loss = compile(lambda x: (k * pendulum(x)) ** 2)
    assert chosen(loss, 1.0) == "plain" and not made
    assert "NumPy at least" in loss.report()
    starts = np.linspace(-1.0, 1.0, 3000)
    total = loss.batch(starts)
    assert loss.report().splitlines()[2].startswith("NumPy") and len(made) == 1
    total.backward()
    swung = np.array([pendulum(Value(x)).data for x in starts.tolist()])
    assert same([total.data, k.grad], [np.mean((0.7 * swung) ** 2), np.mean(2.0 * 0.7 * swung**2)], 1e-12)


@needs_numba
def test_an_irregular_program_is_computed_by_numba_and_by_numpy_where_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loss = irregular(25_000, 2_000)
    fast: Any = compile(loss)
    assert chosen(fast) == "numba"
    result = fast()
    result.backward()
    gradients = [p.grad for p in fast.parameters]
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    slow: Any = compile(loss)
    assert chosen(slow) == "NumPy" and 'pip install "glassgrad[fast]"' in slow.report()
    for p in slow.parameters:
        p.grad = 0.0
    other = slow()
    other.backward()
    assert abs(result.data - other.data) < 1e-13
    np.testing.assert_allclose([p.grad for p in fast.parameters], gradients, rtol=0, atol=1e-12)


def test_plain_python_is_not_made_of_a_large_program() -> None:
    assert chosen(compile(irregular(21_000, 20))) != "plain"


def test_a_backend_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"backend is one of numpy, numba, python, or None .* got 'fortran'"):
        compile(lambda: Value(1.0), backend="fortran")


def test_numba_that_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'needs the package numba; install it by: pip install "glassgrad\[fast\]"'):
        compile(lambda: Value(1.0), backend="numba")


# ----- what they look like, and what they leave behind -----


def test_a_small_program_prints_as_the_python_that_it_is() -> None:
    x, y = Value(2.0, label="x"), Value(3.0, label="y")
    loss = compile(lambda: (x * y).tanh() + x, backend="python")
    loss()
    assert str(loss.program).splitlines() == [
        "v0 = x", "v1 = y", "def replay(leaves, seed):", "    (v0, v1,) = leaves", "    v2 = v0 * v1",
        "    v3 = tanh(v2)", "    v5 = v3 + v0", "    yield (v5,)", "    while True:", "        g5 = seed",
        "        g3 = g5", "        g2 = g3 * (1.0 / cosh(v2) * (1.0 / cosh(v2)))",
        "        g0 = g5 + g2 * v1", "        g1 = g2 * v0",
        "        yield (g0, g1,)",
    ]  # fmt: skip


PROGRAM = """
from autograd import Value, compile
from autograd.compiler import loops
from autograd.ops import OPS
loops.TABLE = (OPS["tanh"],)  # to compile all rows takes half a minute
x = Value(0.5)
total = compile(lambda: x.tanh() * x, backend="numba")()
total.backward()
kernels = loops.kernels(loops.TABLE)
print(round(x.grad, 12), sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels))
"""


@needs_numba
def test_machine_code_is_kept_for_the_next_process(tmp_path: Path) -> None:
    folder = dict.fromkeys(("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"), str(tmp_path))

    def printed() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env={**os.environ, **folder}
        )  # fmt: skip
        return done.stdout.split()

    slope = repr(round(math.tanh(0.5) + 0.5 * (1.0 - math.tanh(0.5) ** 2), 12))
    assert printed() == [slope, "2"]
    assert printed() == [slope, "0"]
    assert list(tmp_path.rglob("*.nbc"))


@needs_numba
def test_the_kernels_are_compiled_once_for_programs_of_every_shape() -> None:
    x = Value(0.5)
    for function in (lambda: x * x, lambda: x.tanh() * x + x, irregular(200, 20)):
        compile(function, backend="numba")().backward()
    for kernel in loops.kernels(loops.TABLE):
        of_float64 = [types for types in kernel.signatures if "float32" not in str(types[7:])]
        assert len(of_float64) == 1, of_float64


@needs_numba
def test_a_cache_folder_that_cannot_be_written_costs_time_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(loops, "_cache_folder", lambda: tmp_path / "file" / "folder")
    forward, _ = loops.kernels.__wrapped__(())
    numbers = np.array([[2.0, 0.0]])
    one, term = np.array([0]), np.array([0], np.int32)
    forward(one, np.array([1]), one, np.array([1, 2]), np.array([3.0]), term, term, numbers)
    assert numbers[0, 1] == 6.0


# ----- small cases of what large random graphs would find -----


@each_backend
def test_programs_that_share_parameters_have_no_gradients_left_over(backend: str) -> None:
    """Each writes the gradients of its own parameters, and leaves none of another's in the store."""
    p, q = Value(2.0), Value(3.0)
    first, second = compile(lambda: p * q, backend=backend), compile(lambda: q * q, backend=backend)
    first(), second()  # from here on they share a store
    first().backward()
    assert (p.grad, q.grad) == (3.0, 2.0)
    autograd.compiler.store.Group([p, q]).zero_grad()  # which leaves the numbers in the buffer
    second().backward()
    assert (p.grad, q.grad) == (0.0, 6.0)
    assert second.value_and_grad()[1].tolist() == [6.0] and first.value_and_grad()[1].tolist() == [3.0, 2.0]
    assert (p.grad, q.grad) == (0.0, 6.0)


def test_the_choice_counts_what_comes_before_the_first_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 ms a replay, and 10 ms once, beat half of that with 10 s once: a user trains for some thousand steps."""
    made = {"numba": backends.Estimate(0.5e-3, 10.0), "python": backends.Estimate(1e-3, 0.01)}
    monkeypatch.setattr(backends.Backends, "_one_by_one", lambda self, samples: dict(made))
    monkeypatch.setattr(backends.Backends, "_is_open", lambda self, name: name != "numpy")
    x = Value(2.0)
    assert chosen(compile(lambda: x * x)) == "plain"
    made["numba"] = backends.Estimate(0.5e-3, 0.1)
    if "numba" in INSTALLED:
        assert chosen(compile(lambda: x * x)) == "numba"


@each_backend
@pytest.mark.parametrize("xs", [(math.inf, 1.0), (-math.inf, math.inf), (math.inf, math.nan), (math.nan, 1.0)], ids=str)
def test_a_norm_of_infinities_and_of_what_is_no_number(backend: str, xs: Any) -> None:
    values = [Value(x) for x in xs]
    eager = autograd.norm(values)
    eager.backward()
    expected = [eager.data, *[v.grad for v in values]]
    with np.errstate(invalid="ignore"):
        assert same([eager.data], [np.linalg.norm(xs)]) and same(expected[1:], np.array(xs) / eager.data)
    ((*found,),) = found_by(backend, lambda *values: autograd.norm(values), [xs])
    assert same(found, expected)
    tensor = autograd.Tensor(np.array(xs))
    total = tensor.norm()
    total.backward()
    assert same([total.item(), *tensor.grad], expected)


def test_an_estimate_of_a_program_that_was_built_is_no_bound() -> None:
    x = Value(2.0)
    loss = compile(lambda: x * x)
    loss()
    assert "plain Python" in loss.report() and "plain Python at least" not in loss.report()


@each_backend
def test_a_row_of_ones_own_may_come_last(backend: str) -> None:
    """What loops in machine code compute of the table's rows and of others are runs of their own."""

    @custom_op(lambda m, y, x: 3.0 * x * x)
    def cubed(m: Any, x: Any) -> Any:
        return x * x * x

    x = Value(2.0)
    loss = compile(lambda: cubed(x.sin() + x), backend=backend)()
    x.grad = 0.0
    loss.backward()
    y = math.sin(2.0) + 2.0
    assert (loss.data, x.grad) == pytest.approx((y**3, 3.0 * y**2 * (math.cos(2.0) + 1.0)))
