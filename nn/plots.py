"""Pictures of a training, with matplotlib: decision boundary, loss curve, a sheet of digits with predictions.

Each function returns a `Plot`, which shows itself in a notebook and is written by ``plot.save("picture.png")``
(or .svg, .pdf). No window and no global state of matplotlib is touched.
"""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from autograd.modes import printable
from nn.checks import numbers, whole
from nn.module import Module
from nn.training import History, check_labels, checked_examples, predict

try:
    from matplotlib.axes import Axes
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator
except ImportError as error:
    raise ImportError('nn.plots draws with matplotlib; install it by: pip install "glassgrad[plots]"') from error

CLASS_COLORS = (
    "#0877bd", "#f59322", "#6a3d9a", "#2e8b57", "#b2182b", "#8c8c8c", "#c2a500", "#17a2b8", "#d6579e", "#444444",
)  # fmt: skip
"""Blue and orange first: told apart by colour-blind readers too. Every class has its own marker besides."""
MARKERS = "o^sDvP*Xph"


class Plot(Figure):
    """A figure that shows itself in a notebook, and saves itself by name."""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture in the form that the name asks for, such as .png, .svg or .pdf. Returns the path."""
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f'path is a file name, as in save("plot.png"), not {type(path).__name__} {path!r}')
        path = Path(path)
        suffixes = [f".{name}" for name in sorted(self.canvas.get_supported_filetypes())]
        if path.suffix.lower() not in suffixes:
            raise ValueError(f"a plot is saved as {', '.join(suffixes[:-1])} or {suffixes[-1]}; got {path.name!r}")
        if not path.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {str(path.parent)!r}; make it before you save {path.name!r}")
        self.savefig(path)
        return path

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def decision_boundary(model: Module, data: tuple[Any, Any], *, title: str = "", resolution: int = 300) -> Plot:
    """Where in the plane the model decides for which class, with the points of ``data`` = (X, y) upon it.

    model: two features in; one score for each class out, or a single score whose sign decides
    """
    X, y = checked_examples(model, data, "data")
    if X.ndim != 2 or X.shape[1] != 2 or y.ndim != 1:
        raise ValueError(
            f"decision_boundary() draws a plane: X must have shape (n, 2) and y shape (n,), got {X.shape} and {y.shape}"
        )
    resolution = whole("resolution", resolution, least=2)
    margin = 0.08 * np.ptp(X, axis=0).max() or 1.0
    (left, bottom), (right, top) = X.min(axis=0) - margin, X.max(axis=0) + margin
    xs, ys = np.linspace(left, right, resolution), np.linspace(bottom, top, resolution)
    scores = predict(model, np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2))
    check_labels("decision_boundary", y, scores)
    several = scores.ndim == 2 and scores.shape[1] > 1
    region = (scores.argmax(axis=1) if several else (scores.reshape(-1) > 0)).reshape(resolution, resolution)
    classes = range(scores.shape[1]) if several else range(2)
    labels = y if several else (y > 0)

    plot = Plot(figsize=(5.4, 5.0), dpi=110, layout="constrained")
    axes = plot.add_subplot()
    colors = [CLASS_COLORS[c % len(CLASS_COLORS)] for c in classes]
    axes.imshow(
        region, origin="lower", extent=(left, right, bottom, top), cmap=ListedColormap(colors),
        vmin=0, vmax=len(colors) - 1, alpha=0.28, interpolation="nearest", aspect="equal",
    )  # fmt: skip
    for c, color in zip(classes, colors, strict=True):
        points = X[labels == c]
        axes.scatter(
            points[:, 0], points[:, 1], s=22, color=color, marker=MARKERS[c % len(MARKERS)],
            edgecolors="white", linewidths=0.5, label=f"class {c}",
        )  # fmt: skip
    axes.legend(loc="upper right", fontsize=8, framealpha=0.9)
    axes.set(xlabel="$x_1$", ylabel="$x_2$", title=_printable(title))
    return plot


def loss_curve(history: History, *, title: str = "") -> Plot:
    """Loss, and accuracy if there is one, by epoch."""
    if not isinstance(history, History):
        raise TypeError(f"loss_curve() draws the History that nn.fit() returns, got {type(history).__name__}")
    if not history.loss:
        raise ValueError("loss_curve() of an empty history: train for at least one epoch first")
    plot = Plot(figsize=(6.0, 3.8), dpi=110, layout="constrained")
    axes = plot.add_subplot()
    _by_epoch(axes, history, "loss", CLASS_COLORS[0])
    axes.set(xlabel="epoch", ylabel="loss")
    if min(history.loss + history.validation_loss) >= 0:
        axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    if history.accuracy:
        right = axes.twinx()
        _by_epoch(right, history, "accuracy", CLASS_COLORS[1])
        right.set_ylabel("accuracy")
        right.set_ylim(top=1.005)
    lines = [line for each in plot.axes for line in each.get_lines()]
    axes.legend(handles=lines, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, fontsize=8, frameon=False)
    axes.set_title(_printable(title), pad=24)  # over the legend, which stands above the lines and never upon them
    return plot


def _by_epoch(axes: Axes, history: History, name: str, color: str) -> None:
    """One series and that of the validation set, which lacks an epoch that was interrupted."""
    for series, line in ((name, "-"), (f"validation_{name}", "--")):
        if y := getattr(history, series):
            axes.plot(np.arange(1, len(y) + 1), y, color=color, linestyle=line, label=series.replace("_", " "))


def digit_sheet(X: Any, labels: Any, scores: Any, *, columns: int = 10, title: str = "") -> Plot:
    """Images with what the model takes them for; a wrong one is framed and also says the right answer.

    X: (n, 784) or (n, 28, 28) grey values;  labels: (n,);  scores: (n, classes), as `predict` returns them
    """
    X, scores, columns = numbers("X", X), numbers("scores", scores), whole("columns", columns)
    labels = np.asarray(labels)
    n = len(X) if X.ndim else 0
    side = round((X.size / max(n, 1)) ** 0.5)
    if not scores.size or X.size != n * side * side or labels.shape != (n,) or scores.shape[:-1] != (n,):
        raise ValueError(
            f"digit_sheet() takes n square images, n labels and n rows of scores, n at least 1; "
            f"got shapes {X.shape}, {labels.shape} and {scores.shape}"
        )
    guesses = scores.argmax(axis=1)
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    certainty = odds.max(axis=1) / odds.sum(axis=1)
    rows = -(-n // columns)
    plot = Plot(figsize=(columns * 0.95, rows * 1.2 + 0.4 * bool(title)), dpi=110, layout="constrained")
    for i in range(n):
        axes = plot.add_subplot(rows, columns, i + 1)
        axes.imshow(X[i].reshape(side, side), cmap="gray_r")
        axes.set(xticks=[], yticks=[])
        right = guesses[i] == labels[i]
        text = f"{guesses[i]}  {certainty[i]:.0%}" if right else f"{guesses[i]}, is {labels[i]}"
        axes.set_xlabel(text, fontsize=8, color="black" if right else "#b34700", labelpad=2)
        for spine in axes.spines.values():
            spine.set(color="#cccccc" if right else "#b34700", linewidth=0.6 if right else 2.0)
    if title:
        plot.suptitle(_printable(title))
    return plot


def _printable(title: str) -> str:
    """``title`` without control characters, which matplotlib would copy into an SVG that no reader accepts."""
    return "\n".join(map(printable, str(title).split("\n")))
