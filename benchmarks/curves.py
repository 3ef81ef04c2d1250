"""How the cost of a step grows with nodes, with samples and with depth: compiled, eager, and in NumPy by hand.

``python -m benchmarks.curves`` measures for some minutes, writes benchmarks/curves.json and draws docs/curves.svg from
it; ``--draw`` only draws. Each size has a process of its own, in which one engine after another is timed, on one BLAS
thread: ``python -m benchmarks.curves WORKLOAD SIZE`` prints its points.
"""

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import nn
from autograd import Value, compile, mean
from benchmarks import by_hand, compiled, irregular

ROOT = Path(__file__).parents[1]
CURVES, PICTURE = ROOT / "benchmarks" / "curves.json", ROOT / "docs" / "curves.svg"
EAGER, COMPILED, FIRST, BY_HAND = "eager", "compiled", "first call", "NumPy by hand"
NODES_OF_A_POINT, NODES_OF_NONE = 644, 677
"""Of micrograd's demo: nodes for each point, and those of the mean and of the penalty."""
NODES = 100_000
"""Of every program whose depth is what grows."""
MOST_EAGER = 150_000
"""Nodes; from here on an eager step takes seconds, and as much longer as there are more of them."""

Steps = dict[str, by_hand.Step]


def network(nodes: int) -> tuple[int, Steps]:
    """micrograd's demo, traced with all its points."""
    n = max(1, round((nodes - NODES_OF_NONE) / NODES_OF_A_POINT))
    nodes = NODES_OF_A_POINT * n + NODES_OF_NONE
    steps: Steps = {COMPILED: compiled.moons(n)[0], BY_HAND: by_hand.numpy(n)}
    return nodes, steps | (_eager(*compiled.demo(n)) if nodes <= MOST_EAGER else {})


def graph(nodes: int) -> tuple[int, Steps]:
    """A random graph, in which nothing repeats."""
    program = irregular.Irregular(nodes)
    steps: Steps = {COMPILED: irregular.compiled(program)}
    if nodes <= MOST_EAGER:
        steps[EAGER] = partial(irregular.eager_step, irregular.Irregular(nodes))
    return program.operations, steps


def samples(n: int) -> tuple[int, Steps]:
    """micrograd's demo, traced with one point, on a batch."""
    steps: Steps = {COMPILED: compiled.moons_of_one_sample(n)[0], BY_HAND: by_hand.numpy(n)}
    eager = _eager(*compiled.demo(n)) if n * NODES_OF_A_POINT <= MOST_EAGER else {}
    return n, steps | eager


def depth(nodes: int) -> tuple[int, Steps]:
    """x ← tanh(p·x + q·x backwards), again and again, on as many numbers as make a graph of 100,000 nodes."""
    rounds = nodes // 3  # a product, a sum and tanh, one upon another
    n = 2 * round(NODES / (8 * rounds))  # even: no number meets itself
    steps: Steps = {COMPILED: stirring(n, rounds, compile), BY_HAND: stirring_by_hand(n, rounds)}
    return 3 * rounds, steps | {EAGER: stirring(n, rounds, lambda loss: loss)}


def _eager(loss: Callable[[], Any], model: Any) -> Steps:
    return {EAGER: compiled.stepping(loss, nn.SGD(model.parameters(), lr=by_hand.LEARNING_RATE))}


START, RATE = (0.8, 0.2), 1e-6
"""p + q = 1: neither the numbers nor their gradients die out or explode."""


def stirring(n: int, rounds: int, made: Callable[[Any], Any]) -> by_hand.Step:
    """The step of `depth` by ``made``, a compiler or none."""
    first, parameters = np.linspace(0.0, 1.0, n).tolist(), [Value(x) for x in START]

    def loss() -> Any:
        x, (p, q) = first, parameters
        for _ in range(rounds):
            x = [(p * a + q * b).tanh() for a, b in zip(x, reversed(x), strict=True)]
        return mean([a * a for a in x])

    return compiled.stepping(made(loss), nn.SGD(parameters, lr=RATE))


def stirring_by_hand(n: int, rounds: int) -> by_hand.Step:
    """The same in NumPy."""
    first = np.linspace(0.0, 1.0, n)
    p, q = START

    def step() -> float:
        nonlocal p, q
        xs = [first]
        for _ in range(rounds):
            xs.append(np.tanh(p * xs[-1] + q * xs[-1][::-1]))
        loss = float(xs[-1] @ xs[-1]) / n
        g, dp, dq = xs[-1] * (2.0 / n), 0.0, 0.0
        for x, y in zip(xs[-2::-1], xs[:0:-1], strict=True):
            g *= 1.0 - y * y
            dp, dq = dp + float(g @ x), dq + float(g @ x[::-1])
            g = p * g + q * g[::-1]
        p, q = p - RATE * dp, q - RATE * dq
        return loss

    return step


@dataclass
class Workload:
    """One part of the picture."""

    make: Callable[[int], tuple[int, Steps]]
    sizes: tuple[int, ...]
    title: str
    axis: str


def _decades(first: int, last: int) -> tuple[int, ...]:
    return tuple(10**k for k in range(first, last + 1))


WORKLOADS = {
    "network": Workload(network, _decades(3, 7), "network, all samples traced", "nodes"),
    "graph": Workload(graph, _decades(3, 6), "random graph", "nodes"),
    "samples": Workload(samples, _decades(0, 5), "network, one sample traced", "samples in a batch"),
    "depth": Workload(depth, (10, 30, 100, 300, 1_000, 3_000, 10_000), "100,000 nodes", "depth"),
}


def measured(workload: str, size: int) -> dict[str, Any]:
    """One point of each curve: seconds of a step by engine, of the compiled one's first step, and megabytes in all."""
    x, steps = WORKLOADS[workload].make(size)
    once: list[dict[str, float]] = []
    with threadpool_limits(limits=1, user_api="blas"):
        for _ in range(2):  # the second loss tells whether the first gradient was right
            losses, taken = {}, {}
            for name, step in steps.items():
                begin = time.perf_counter()
                losses[name] = partial(float, step())
                taken[name] = time.perf_counter() - begin
            by_hand.check_agreement(losses, rounds=1)
            once.append(taken)
    seconds = {FIRST: once[0][COMPILED]}
    for name, step in steps.items():
        guess = once[1][name]
        (found,) = by_hand.in_turn({name: step}, 2 if guess > 0.5 else 5, math.ceil(0.02 / guess)).values()
        seconds[name] = statistics.median(found)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return {"x": x, "seconds": {name: float(f"{t:.4g}") for name, t in seconds.items()}, "peak_MB": round(peak)}


def table() -> dict[str, list[dict[str, Any]]]:
    """All points by workload, each size in a fresh Python; without a size for which the system kills that one."""
    points: dict[str, list[dict[str, Any]]] = {}
    for workload, of in WORKLOADS.items():
        points[workload] = []
        for size in of.sizes:
            command = [sys.executable, "-m", "benchmarks.curves", workload, str(size)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
            if done.returncode < 0:  # by a signal, as a process ends that wants more memory than there is
                print(f"{workload} {size:,}: ended with status {done.returncode}, left out", flush=True)
                continue
            done.check_returncode()
            points[workload].append(json.loads(done.stdout))
            print(workload, done.stdout.strip(), flush=True)
    return points


# ----- the picture -----

COLORS = {COMPILED: "#0877bd", FIRST: "#0877bd", EAGER: "#c65d00", BY_HAND: "#4d4d4d"}
"""Blue and orange: told apart by colour-blind readers too."""
STYLES: dict[str, dict[str, Any]] = {
    COMPILED: {"linewidth": 2.5, "marker": "o"},
    FIRST: {"linewidth": 1.5, "linestyle": ":", "marker": "o", "markersize": 3},
    EAGER: {"linewidth": 2.5, "marker": "s"},
    BY_HAND: {"linewidth": 1.5, "linestyle": "--"},
}


def curve(points: list[dict[str, Any]], name: str) -> tuple[list[float], list[float]]:
    """(x, seconds) of one curve."""
    found = [(point["x"], point["seconds"][name]) for point in points if name in point["seconds"]]
    return [x for x, _ in found], [seconds for _, seconds in found]


def curve_id(workload: str, name: str) -> str:
    return f"{workload}-{name}".replace(" ", "-")


def draw(points: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Write the picture of ``points``, the same bytes every time; each curve has an id, such as network-eager."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, NullLocator

    settings: Any = {"svg.hashsalt": "glassgrad", "svg.fonttype": "none", "font.size": 13, "font.family": "sans-serif"}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(8.5, 7), layout="constrained", facecolor="white")
        figure.supylabel("time of a step", fontsize="medium")
        parts = figure.subplots(2, 2, sharey=True).flat
        for axes, (workload, of) in zip(parts, WORKLOADS.items(), strict=True):
            names = {name for point in points[workload] for name in point["seconds"]}
            lower = min(names & {COMPILED, BY_HAND}, key=points[workload][0]["seconds"].__getitem__)
            for name in sorted(names):
                x, seconds = curve(points[workload], name)
                (line,) = axes.loglog(x, seconds, color=COLORS[name], label=name, **{"markersize": 5, **STYLES[name]})
                line.set_gid(curve_id(workload, name))
                at_end = name == FIRST or (name == COMPILED and BY_HAND not in names)
                below = name in (EAGER, lower) and not at_end
                end, side = (-1, "right") if at_end else (0, "left")
                axes.annotate(
                    name, (x[end], seconds[end]), (0, -5 if below else 5), textcoords="offset points",
                    ha=side, va="top" if below else "bottom", color=COLORS[name],
                )  # fmt: skip
            axes.set_title(of.title, loc="left", fontsize="medium", fontweight="bold")
            axes.set_xlabel(of.axis)
            axes.set_ylim(2e-6, 1e3)
            axes.xaxis.set_major_locator(FixedLocator([10.0**k for k in range(9)]))
            axes.xaxis.set_major_formatter(lambda x, _: power(x))
            axes.yaxis.set_major_locator(FixedLocator([10.0**k for k in range(-5, 4, 2)]))
            axes.yaxis.set_major_formatter(lambda y, _: duration(y))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_minor_locator(NullLocator())
            axes.grid(color="#e0e0e0")
            axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, metadata={"Date": None})


def power(x: float) -> str:
    """10⁵ for 100,000."""
    return "10" + str(round(math.log10(x))).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def duration(seconds: float) -> str:
    """As people say it: 3.2 ms, 47 µs."""
    unit, name = (1.0, "s") if seconds > 0.9995 else (1e-3, "ms") if seconds > 0.9995e-3 else (1e-6, "µs")
    number = seconds / unit
    return f"{number:,.0f} {name}" if number >= 9.95 else f"{number:.2g} {name}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.curves", description=__doc__)
    parser.add_argument("workload", nargs="?", choices=WORKLOADS)
    parser.add_argument("size", nargs="?", type=int)
    parser.add_argument("--draw", action="store_true", help="only draw what was measured before")
    arguments = parser.parse_args()
    if arguments.workload:
        print(json.dumps(measured(arguments.workload, arguments.size)))
    else:
        if not arguments.draw:
            CURVES.write_text(json.dumps(table(), indent=2) + "\n", encoding="utf-8")
        draw(json.loads(CURVES.read_text(encoding="utf-8")), PICTURE)
