"""The pictures of a training: what they show, how they are saved, and what they refuse."""

import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import nn
from nn.plots import Plot, decision_boundary, digit_sheet, loss_curve

HISTORY = nn.History(loss=[1.0, 0.5], accuracy=[0.6, 0.9], validation_loss=[1.1, 0.7], validation_accuracy=[0.5, 0.8])


def regions(plot: Plot) -> np.ndarray:
    return np.asarray(plot.axes[0].images[0].get_array())


def test_the_boundary_colours_each_point_by_what_the_model_says() -> None:
    """A single neuron that splits the plane at x₁ = 0: left class 0, right class 1."""
    neuron = nn.Neuron(2, "linear", weights=[1.0, 0.0])
    X = np.array([[-1.0, -1.0], [1.0, 1.0]])
    region = regions(decision_boundary(neuron, (X, np.array([0, 1])), resolution=10))
    assert (region[:, :5] == 0).all() and (region[:, 5:] == 1).all()


@pytest.mark.parametrize("vectorized", [False, True])
def test_the_boundary_takes_scalar_and_vectorized_models_of_several_classes(vectorized: bool) -> None:
    data = nn.data.spiral(30)
    model = nn.MLP(2, [4, 3], seed=0)
    plot = decision_boundary(model.vectorize() if vectorized else model, data, resolution=12, title="arms")
    assert regions(plot).shape == (12, 12)
    assert len(plot.axes[0].collections) == 3  # one marker for each class
    assert plot.axes[0].get_title() == "arms"


def test_scalar_and_vectorized_twins_have_one_boundary() -> None:
    data, model = nn.data.moons(20), nn.MLP(2, [5, 1], activation="tanh", seed=3)
    scalar, vectorized = (decision_boundary(m, data, resolution=15) for m in (model, model.vectorize()))
    assert (regions(scalar) == regions(vectorized)).all()


def test_the_loss_curve_draws_every_series_under_its_name() -> None:
    plot = loss_curve(HISTORY)
    lines = {str(line.get_label()): list(line.get_ydata()) for axes in plot.axes for line in axes.get_lines()}
    assert lines == {
        "loss": [1.0, 0.5],
        "validation loss": [1.1, 0.7],
        "accuracy": [0.6, 0.9],
        "validation accuracy": [0.5, 0.8],
    }


def test_the_digit_sheet_says_what_was_taken_for_what() -> None:
    X = np.zeros((3, 784))
    scores = np.zeros((3, 10))
    scores[[0, 1, 2], [7, 2, 1]] = 100.0
    plot = digit_sheet(X, np.array([7, 2, 4]), scores, columns=2)
    assert [axes.get_xlabel() for axes in plot.axes] == ["7  100%", "2  100%", "1, is 4"]


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "PNG"])
def test_a_plot_is_saved_by_its_suffix_and_shows_itself(tmp_path: Path, suffix: str) -> None:
    plot = loss_curve(HISTORY)
    path = plot.save(tmp_path / f"curve.{suffix}")
    assert path.stat().st_size > 1000
    assert plot._repr_png_().startswith(b"\x89PNG")


def test_a_plot_refuses_what_it_cannot_save(tmp_path: Path) -> None:
    plot = loss_curve(HISTORY)
    with pytest.raises(ValueError, match=r"a plot is saved as .*\.png.*; got 'curve\.xyz'"):
        plot.save(tmp_path / "curve.xyz")
    with pytest.raises(TypeError, match=r'path is a file name, as in save\("plot.png"\), not int 3'):
        plot.save(3)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        plot.save(tmp_path / "nowhere" / "curve.png")
    assert not list(tmp_path.iterdir())


def test_wrong_shapes_are_named() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    with pytest.raises(ValueError, match=r"X must have shape \(n, 2\).* got \(5, 3\)"):
        decision_boundary(nn.MLP(3, [1]), (np.zeros((5, 3)), np.zeros(5)))
    with pytest.raises(ValueError, match=r"y shape \(n,\), got \(5, 2\) and \(5, 1\)"):
        decision_boundary(model, (np.zeros((5, 2)), np.zeros((5, 1))))
    with pytest.raises(ValueError, match="resolution must be at least 2, got 1"):
        decision_boundary(model, nn.data.moons(10), resolution=1)
    with pytest.raises(ValueError, match="train for at least one epoch first"):
        loss_curve(nn.History())
    with pytest.raises(ValueError, match="n square images, n labels and n rows of scores"):
        digit_sheet(np.zeros((2, 784)), np.zeros(3), np.zeros((2, 10)))
    for X, labels, scores in [
        (np.zeros((0, 784)), np.zeros(0), np.zeros((0, 10))),
        (np.zeros((2, 784)), np.zeros(2), np.zeros((2, 0))),
        (3, 3, 3),
    ]:
        with pytest.raises(ValueError, match="n square images"):
            digit_sheet(X, labels, scores)
    with pytest.raises(TypeError, match=r"draws the History that nn.fit\(\) returns, got int"):
        loss_curve(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (3, TypeError, r"data must be a pair \(X, y\)"),
        ((np.zeros((0, 2)), []), ValueError, r"data\[0\] must have shape"),
        (([["a", "b"]], [0]), TypeError, r"data\[0\] must be plain numbers"),
        (([[0.0, 1.0]], ["a"]), TypeError, r"data\[1\] must be plain numbers"),
        (([[0.0, 1.0]], [0, 1]), ValueError, "1 rows of features and targets of shape"),
        (([[0.0, 1.0], [0.0, np.nan]], [0, 1]), ValueError, r"data\[0\] holds nan or inf, first at \[1, 1\]"),
        (([[0.0, 1.0], [1.0, 0.0]], [0, 3]), ValueError, r"labels must be 0 to 2 for 3 scores, got \[3\]"),
    ],
)
def test_the_boundary_refuses_what_it_cannot_draw(data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        decision_boundary(nn.MLP(2, [3], seed=0), data, resolution=5)


def test_a_lone_point_has_a_boundary_too() -> None:
    assert regions(decision_boundary(nn.MLP(2, [3], seed=0), ([[1.0, 2.0]], [0]), resolution=5)).shape == (5, 5)


def test_negative_losses_and_an_epoch_without_validation_are_drawn() -> None:
    axes = loss_curve(nn.History(loss=[-1.0, -2.0], validation_loss=[-0.5])).axes[0]
    assert axes.get_ylim()[0] < -2.0
    assert [len(line.get_ydata()) for line in axes.get_lines()] == [2, 1]


def test_plots_are_there_when_asked_for_and_not_before() -> None:
    program = "import sys, nn; assert 'matplotlib' not in sys.modules; print(nn.plots.loss_curve.__name__)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "loss_curve"
    program = "import sys, nn; sys.modules['matplotlib'] = None; nn.plots"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert 'install it by: pip install "glassgrad[plots]"' in done.stderr
    with pytest.raises(AttributeError, match="module 'nn' has no attribute 'plot'"):
        _ = nn.plot


@pytest.mark.parametrize(
    "title", ["\x00", "\x1b[31mred", "\ufffe", "a\x0bb", "\ud800", "--> <script>alert(1)</script>", "two\nlines"]
)
def test_a_hostile_title_leaves_the_svg_well_formed(title: str, tmp_path: Path) -> None:
    model, data = nn.vectorized.MLP(2, [4, 3], seed=0), nn.data.spiral(9, seed=0)
    sheet = digit_sheet(np.zeros((2, 4)), [0, 1], np.eye(2), title=title)
    for plot in (decision_boundary(model, data, resolution=5, title=title), loss_curve(HISTORY, title=title), sheet):
        page = plot.save(tmp_path / "plot.svg").read_text(encoding="utf-8")
        assert not [element for element in ElementTree.fromstring(page).iter() if element.tag.endswith("script")]


def test_the_images_of_a_digit_sheet_have_no_ticks() -> None:
    plot = digit_sheet(np.zeros((2, 784)), np.array([7, 2]), np.eye(10)[[7, 2]])
    assert all(len(axes.get_xticks()) == len(axes.get_yticks()) == 0 for axes in plot.axes)
