"""The programs that benchmarks time: that they compute what they say, and the same as their peers."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from helpers import error, slope

from autograd import Value, no_grad, topological_order
from benchmarks import by_hand, compiled, curves, documents, gpt, irregular, memory, mnist_peers, moons, readme
from nn.data import Dataset

ROOT = Path(__file__).parents[1]


def along(parameters: list[Value], function: Callable[[], Any]) -> tuple[float, float]:
    """(Σ grad·direction, the slope of ``function`` along it) for a random direction of all ``parameters``."""
    direction = np.random.default_rng(0).normal(size=len(parameters)).tolist()
    start = [p.data for p in parameters]

    def moved(t: float) -> float:
        for p, x, d in zip(parameters, start, direction, strict=True):
            p.data = x + t * d
        with no_grad():
            return float(function())

    function().backward()
    numeric = slope(moved, 0.0)
    moved(0.0)
    return sum(p.grad * d for p, d in zip(parameters, direction, strict=True)), numeric


def tiny_gpt() -> gpt.GPT:
    return gpt.GPT(width=4, context=5, layers=2, heads=2, vocabulary=6)


def test_the_gradient_of_the_scalar_gpt_is_that_of_differences() -> None:
    model, document = tiny_gpt(), [5, 0, 3, 3, 1, 5]
    analytic, numeric = along(model.parameters(), lambda: model.loss(document))
    assert error(analytic, numeric) < 1e-8


def test_each_kind_of_parameter_of_the_scalar_gpt_has_the_gradient_of_differences() -> None:
    model, document = tiny_gpt(), [5, 0, 3, 1]
    model.loss(document).backward()
    parameters = dict(model.named_parameters())
    for name in ("characters.3.1", "positions.2.0", "scores.1.2"):
        hold_slope(model, document, parameters[name])
    for layer in range(2):
        for kind in ("query", "key", "value", "mix", "up", "down"):
            hold_slope(model, document, parameters[f"blocks.{layer}.{kind}.1.2"])


def hold_slope(model: gpt.GPT, document: list[int], p: Value) -> None:
    start = p.data

    def moved(t: float) -> float:
        p.data = t
        with no_grad():
            return float(model.loss(document))

    numeric = slope(moved, start)
    p.data = start
    assert error(p.grad, numeric) < 1e-7


def test_the_scalar_gpt_does_not_look_ahead() -> None:
    model = tiny_gpt()
    short, long = model([5, 0, 3]), model([5, 0, 3, 1, 2])
    assert [[s.data for s in row] for row in short] == [[s.data for s in row] for row in long[:3]]


def test_the_scalar_gpt_says_that_its_context_is_full() -> None:
    with pytest.raises(ValueError, match=r"at most 5 tokens .* got 6"):
        tiny_gpt()([0] * 6)


def test_twenty_steps_of_the_scalar_gpt_lower_the_loss() -> None:
    model = gpt.GPT(width=8, context=8, heads=2)
    optimizer = gpt.adam(model)
    losses = [gpt.eager_step(model, optimizer, gpt.tokens(name)) for name in ["kamo", "kamo", "mako", "moka"] * 5]
    assert sum(losses[-4:]) < 0.6 * sum(losses[:4])


def test_marks_behind_a_padded_document_do_not_count() -> None:
    model = gpt.GPT(width=4, context=8, heads=2)
    given, weights = gpt.padded("kamo", 8)
    assert (len(given), len(weights)) == (9, 8)
    padded, plain = model.weighted(given, weights), model.loss(gpt.tokens("kamo"))
    assert error(padded.data, plain.data) < 1e-14


def test_made_up_names_fit_into_the_context_and_are_the_same_every_time() -> None:
    found = gpt.names(1000)
    assert found == gpt.names(1000) and len(set(found)) > 700
    assert {len(name) for name in found} >= set(range(2, 12))
    assert max(map(len, found)) < 16


@pytest.mark.parametrize("window", [None, 30])
def test_an_irregular_graph_has_the_operations_and_the_gradient_that_it_says(window: int | None) -> None:
    program = irregular.Irregular(nodes=2000, window=window)
    made = [node for node in topological_order(program()) if node.parents]
    assert len(made) == program.operations
    assert 1998 <= program.operations <= 2000
    analytic, numeric = along(program.parameters, lambda: smooth(program))
    assert error(analytic, numeric) < 1e-7


def smooth(program: irregular.Irregular) -> Any:
    """Without `maximum`, whose kinks a difference would step over."""
    program.rules[program.rules == 4] = 2
    return program()


def test_a_window_makes_an_irregular_graph_deep() -> None:
    shallow, deep = (depth(irregular.Irregular(nodes=2000, window=window)()) for window in (None, 30))
    assert shallow < 40 < 100 < deep


def depth(root: Value) -> int:
    """Operations on the longest way to ``root``."""
    depths: dict[Any, int] = {}
    for node in topological_order(root):
        depths[node] = 1 + max((depths[parent] for parent in node.parents), default=-1)
    return depths[root]


@pytest.mark.parametrize("backend", [None, "numpy", "numba"])
@pytest.mark.parametrize("window", [None, 30])
def test_a_compiled_irregular_graph_has_the_loss_and_the_gradient_of_values(
    window: int | None, backend: str | None
) -> None:
    if backend == "numba" and not find_spec("numba"):
        pytest.skip('no numba here; it comes with: pip install "glassgrad[fast]"')
    ours, theirs = (irregular.Irregular(nodes=2000, window=window) for _ in range(2))
    step = irregular.compiled(ours, backend)
    for _ in range(2):  # the second pass adds to no gradient of the first
        assert error(step(), irregular.eager_step(theirs)) < 1e-13
        for p, q in zip(ours.parameters, theirs.parameters, strict=True):
            assert abs(p.grad - q.grad) < 1e-13


def test_documents_have_the_same_losses_traced_by_length_or_padded() -> None:
    found = gpt.names(8)
    assert len({*map(len, found)}) > 4  # a fourth trace would warn, and here a warning is an error
    one, other = (documents.train(way, len(found), width=4, heads=2)[1] for way in documents.WAYS)
    assert len(one) == 8 and error(one, other) < 1e-12


def test_documents_have_the_losses_of_values() -> None:
    model = gpt.GPT(width=4, heads=2)
    optimizer = gpt.adam(model)
    eager = [gpt.eager_step(model, optimizer, gpt.tokens(name)) for name in gpt.names(4)]
    assert error(documents.train("padded", 4, width=4, heads=2)[1], eager) < 1e-12


def test_ways_of_reading_documents_that_differ_are_not_timed() -> None:
    documents.check_agreement({"a": [2.0, 1.0], "b": [2.0, 1.0001]})
    with pytest.raises(AssertionError, match="do not compute the same"):
        documents.check_agreement({"a": [2.0, 1.0], "b": [2.00001, 1.0]})


def test_compiled_steps_leave_nothing_behind() -> None:
    assert memory.bytes_grown(replays=1000) < 500  # Python's own counters and free lists come and go


def values_step() -> by_hand.Step:
    """The moons step on `Value`s."""
    model = moons.WrittenOut(Value, [matrix.tolist() for matrix in by_hand.start()])
    X, y = (array.tolist() for array in by_hand.points())

    def step() -> float:
        losses = [(1.0 - side * model(point)).relu() for point, side in zip(X, y, strict=True)]
        total = sum(losses) * (1.0 / len(losses)) + by_hand.L2 * sum(p * p for p in model.parameters())
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= by_hand.LEARNING_RATE * p.grad
        return float(total)

    return step


@pytest.mark.parametrize("name", list(by_hand.ENGINES))
def test_every_engine_takes_the_same_moons_steps(name: str) -> None:
    package, make = by_hand.ENGINES[name]
    if not find_spec(package):
        pytest.skip(f'no {package} here; it comes with: pip install "glassgrad[peers]"')
    by_hand.check_agreement({"NumPy": by_hand.numpy(), name: make()})


def test_the_moons_steps_by_hand_are_those_of_values() -> None:
    by_hand.check_agreement({"NumPy": by_hand.numpy(), "Values": values_step()}, rounds=3, tolerance=1e-12)


def test_an_engine_that_computes_something_else_is_not_timed() -> None:
    numbers = iter([1.0, 1.0, 0.5, 0.6])
    with pytest.raises(AssertionError, match=r"do not compute the same: losses in step 2 are .*'b': 0.6"):
        by_hand.check_agreement({"a": lambda: next(numbers), "b": lambda: next(numbers)})


def test_engines_take_turns() -> None:
    order: list[str] = []
    seconds = by_hand.in_turn({"a": lambda: order.append("a") or 0.0, "b": lambda: order.append("b") or 0.0}, 2, 3)
    assert "".join(order) == "aaaabbbb" * 2
    assert {name: len(each) for name, each in seconds.items()} == {"a": 2, "b": 2}


@pytest.mark.parametrize("method", list(mnist_peers.LEARNING_RATES))
def test_the_engines_of_the_mnist_table_learn_the_same(method: str) -> None:
    rng = np.random.default_rng(0)
    data = Dataset(rng.random((1280, 784), dtype=np.float32), rng.integers(0, 10, 1280))
    epochs = mnist_peers.engines(data, method)
    for _ in range(2):  # of 20 steps each
        losses = {name: epoch()[1] for name, epoch in epochs.items()}
        ours = losses.pop("glassgrad")
        assert all(error(loss, ours) < 1e-4 for loss in losses.values()), (ours, losses)


@pytest.mark.parametrize(("workload", "size"), [("network", 2000), ("graph", 1000), ("samples", 1), ("samples", 5)])
def test_the_engines_of_a_curve_take_the_same_steps(workload: str, size: int) -> None:
    _, steps = curves.WORKLOADS[workload].make(size)
    assert {curves.COMPILED, curves.EAGER} <= steps.keys()
    by_hand.check_agreement(steps, rounds=3)


def test_a_curve_has_as_many_nodes_as_it_says() -> None:
    for size in (1000, 5000):
        x, _ = curves.network(size)
        loss, _ = compiled.demo(round((x - curves.NODES_OF_NONE) / curves.NODES_OF_A_POINT))
        assert sum(bool(node.parents) for node in topological_order(loss())) == x


def test_stirring_is_as_deep_as_it_says_and_the_same_by_hand() -> None:
    roots = []

    def seen(loss: Callable[[], Any]) -> Callable[[], Any]:
        def function() -> Any:
            roots.append(loss())
            return roots[-1]

        return function

    steps = {"Values": curves.stirring(6, 5, seen), "NumPy": curves.stirring_by_hand(6, 5)}
    by_hand.check_agreement(steps, rounds=3, tolerance=1e-13)
    assert depth(roots[0]) == 3 * 5 + 2  # the squares, and their mean


def test_a_measurement_has_a_time_for_each_curve() -> None:
    point = curves.measured("samples", 3)
    assert point["x"] == 3 and point["peak_MB"] > 10
    assert point["seconds"].keys() == {curves.FIRST, curves.COMPILED, curves.BY_HAND, curves.EAGER}
    assert all(seconds > 0.0 for seconds in point["seconds"].values())


def drawn(path: Path, workload: str, name: str) -> tuple[list[float], list[float]]:
    """Where in the picture the points of a curve lie."""
    root = ElementTree.parse(path).getroot()
    (group,) = (element for element in root.iter() if element.get("id") == curves.curve_id(workload, name))
    pairs = re.findall(r"[ML] (\S+) (\S+)", next(iter(group)).get("d", ""))
    return [float(x) for x, _ in pairs], [float(y) for _, y in pairs]


def hold_picture(path: Path, points: dict[str, list[dict[str, Any]]]) -> None:
    """Each curve lies where the logarithms of its numbers do, on axes that all curves of a part share."""
    for workload, of in points.items():
        names = sorted({name for point in of for name in point["seconds"]})
        logs = np.log10(np.concatenate([curves.curve(of, name) for name in names], axis=1))
        places = np.concatenate([drawn(path, workload, name) for name in names], axis=1)
        for log, place in zip(logs, places, strict=True):
            line = np.polyfit(log, place, 1)
            assert abs(line[0]) > 10.0 and np.abs(np.polyval(line, log) - place).max() < 1e-3


def test_the_picture_of_the_curves_is_of_the_numbers_in_the_file() -> None:
    hold_picture(curves.PICTURE, json.loads(curves.CURVES.read_text(encoding="utf-8")))


def test_the_picture_of_the_curves_is_the_same_every_time(tmp_path: Path) -> None:
    points = json.loads(curves.CURVES.read_text(encoding="utf-8"))
    for name in ("one.svg", "two.svg"):
        curves.draw(points, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    points["depth"][0]["seconds"][curves.EAGER] *= 2.0
    curves.draw(points, tmp_path / "other.svg")
    hold_picture(tmp_path / "other.svg", points)
    with pytest.raises(AssertionError):
        hold_picture(tmp_path / "one.svg", points)


def test_the_readme_says_how_cost_grows_by_the_numbers_in_the_file() -> None:
    page = readme.README.read_text(encoding="utf-8")
    points = json.loads(curves.CURVES.read_text(encoding="utf-8"))
    assert readme.with_growth(page, points) == page
    points["network"][-1]["seconds"][curves.FIRST] = 1234.0
    assert "1,234 s" in readme.with_growth(page, points)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(76.46, "76 s"), (1.0, "1 s"), (0.09985, "100 ms"), (0.003715, "3.7 ms"), (4.7e-5, "47 µs"), (1234.0, "1,234 s")],
)
def test_a_duration_is_in_its_unit(seconds: float, text: str) -> None:
    assert curves.duration(seconds) == text


def test_a_section_of_the_table_is_measured_and_written(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "import_time",
        "--rounds",
        "1",
        "--json",
        str(tmp_path / "found.json"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    (row,) = found["rows"]
    assert row["what"] == "import autograd" and readme.line(row) in done.stdout
    assert readme.machine(found["machine"]) in done.stdout and "numpy" in found["machine"]


def test_an_unknown_section_is_refused() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks", "moon"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "no section moon; there are moons," in done.stderr
