"""`python -m benchmarks`: every number that the README claims, measured in one run, beside its target."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from autograd.written import spell_output
from benchmarks import compiled, mnist, mnist_peers, pictures, readme, threads
from benchmarks.documents import check_agreement as check_documents
from demos import mnist as mnist_demo
from demos import spiral as spiral_demo


@dataclass
class Row:
    """One line of the table."""

    what: str
    peer: str
    ours: str
    result: str
    target: str
    reached: bool


def spread(seconds: list[float], unit: float = 1e3, name: str = "ms") -> str:
    """Median and range."""
    low, middle, high = min(seconds) * unit, statistics.median(seconds) * unit, max(seconds) * unit
    return f"{middle:.3g} {name} ({low:.3g} to {high:.3g})"


def worker(*command: str) -> list[float]:
    """The numbers that a fresh Python prints."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def beside(
    what: str, peer: str, theirs: list[float], ours: list[float], most: float, unit: float = 1.0, name: str = "s"
) -> Row:
    """How our time compares with that of a peer that took turns with us."""
    ratio = statistics.median(b / a for a, b in zip(theirs, ours, strict=True))
    texts = f"{peer} {spread(theirs, unit, name)}", spread(ours, unit, name), f"{ratio:.2f} times its time"
    return Row(what, *texts, f"at most {most:g}", ratio <= most)


def moons(rounds: int) -> list[Row]:
    """micrograd's demo step; each engine in its own process, in turn."""
    crowd = "matplotlib.pyplot", "IPython", "numba"  # 115,000 objects that the collector looks through
    kinds: list[tuple[str, tuple[str, ...], str, float]] = [
        ("", (), "fused neurons", 20.0),
        ("_written_out", (), "user-written w*x sums", 2.5),
        ("_written_out", crowd, "user-written w*x sums, beside Matplotlib, IPython and numba", 3.2),
    ]
    seconds: dict[Any, list[float]] = {}
    for _ in range(rounds):
        for suffix, modules, *_ in kinds:
            for engine in ("micrograd", "glassgrad"):
                taken = worker("-m", "benchmarks.moons", engine + suffix, "5", *modules)
                seconds.setdefault((engine, suffix, modules), []).extend(taken)
    rows = []
    for suffix, modules, title, target in kinds:
        theirs, ours = (seconds[engine, suffix, modules] for engine in ("micrograd", "glassgrad"))
        ratio = statistics.median(theirs) / statistics.median(ours)
        result, wanted = f"{ratio:.1f} times faster", f"at least {target:g}"
        peer = f"micrograd {spread(theirs)}"
        rows.append(Row(f"moons step, {title}", peer, spread(ours), result, wanted, ratio >= target))
    return rows


def mnist_epoch(rounds: int) -> list[Row]:
    """An epoch on the vectorized path beside hand-written NumPy, in turn."""
    seconds = mnist.measure(rounds)
    what = "MNIST epoch, 784-128-10, batch 64, float32"
    return [beside(what, "NumPy by hand", seconds["NumPy by hand"], seconds["glassgrad"], 1.3)]


def mnist_eager(rounds: int) -> list[Row]:
    """An epoch on the vectorized path beside PyTorch, on as many threads as suit it best, and JAX, in turn."""
    rows = []
    for method, peers in (("SGD", {"PyTorch": 0.75, "JAX": 1.2}), ("Adam", {"PyTorch": 0.5})):
        seconds = mnist_peers.measure(method, rounds)
        ours = seconds.pop("glassgrad")
        for library, target in peers.items():
            what = f"MNIST epoch, {method}, beside {library}"
            named = [name for name in seconds if name.startswith(library)]
            if not named:
                rows.append(Row(what, f"{library} is not installed", spread(ours, 1, "s"), "", "", True))
                continue
            best = min(named, key=lambda name: statistics.median(seconds[name]))
            rows.append(beside(what, best, seconds[best], ours, target))
    return rows


def compiling(rounds: int) -> list[Row]:
    """Scalar code as array programs, beside the same by hand and the same one number at a time; with the updates."""
    seconds = compiled.table(8 * rounds)
    demo, digits, spelling, tiny = seconds.values()
    micrograd = worker("-m", "benchmarks.moons", "micrograd_written_out", "5")
    spoken = worker("-m", "benchmarks.gpt", "5")
    first = [compiled.first_call(compiled.moons) for _ in range(rounds)]

    def by_hand(what: str, of: dict[str, list[float]], most: float) -> Row:
        return beside(what, "NumPy by hand", of["NumPy by hand"], of["compiled"], most, 1e6, "µs")

    def faster(what: str, peer: str, theirs: list[float], ours: list[float], least: int) -> Row:
        ratio = statistics.median(theirs) / statistics.median(ours)
        texts = f"{peer} {spread(theirs)}", spread(ours, 1e6, "µs"), f"{ratio:,.0f} times faster"
        return Row(what, *texts, f"at least {least:,}", ratio >= least)

    took = statistics.median(first)
    return [
        by_hand("moons step, compiled from w*x sums", demo, 1.0),
        faster("moons step, compiled from w*x sums", "micrograd", micrograd, demo["compiled"], 2000),
        Row("tracing and lifting it", "", spread(first, 1, "s"), f"{took:.2f} s", "at most 0.4 s", took <= 0.4),
        faster("scalar GPT, 7 tokens, Adam, compiled", "eager", spoken, spelling["compiled"], 300),
        by_hand("MNIST step, batch 64, float32, compiled from one sample", digits, 1.1),
        by_hand("step of an MLP 2-4-1 on one point, compiled", tiny, 2.5),
    ]


def documents(rounds: int) -> list[Row]:
    """A transformer that reads names of all lengths; each way in its own process, in turn."""
    most = {"by_length": ("traced for each length", 6.0), "padded": ("traced once, padded", 1.5)}
    seconds: dict[str, list[float]] = {way: [] for way in most}
    for _ in range(rounds):
        losses = {}
        for way, taken in seconds.items():
            took, *losses[way] = worker("-m", "benchmarks.documents", way, "1000")
            taken.append(took)
        check_documents(losses)
    rows = []
    for way, (title, target) in most.items():
        what = f"scalar GPT, 1,000 documents with Adam, tracing and lifting included, {title}"
        ours, took = spread(seconds[way], 1, "s"), statistics.median(seconds[way])
        rows.append(Row(what, "", ours, f"{took:.2f} s", f"at most {target:g} s", took <= target))
    return rows


def irregular(rounds: int) -> list[Row]:
    """Random graphs, in which nothing repeats: each engine in its own process."""
    rows = []
    if find_spec("numba"):  # whose kernels are made once, and kept on disk
        worker("-c", "from benchmarks import irregular as i; i.compiled(i.Irregular(1000), 'numba')()")
    for shape, most in (("shallow", {"numpy": 150.0, "numba": 30.0}), ("deep", {"numpy": 500.0, "numba": 30.0})):
        _, *eager = worker("-m", "benchmarks.irregular", shape, "eager", str(1 + rounds // 3))
        peer = f"eager {spread(eager, 1e6, 'µs a node')}"
        for backend, target in most.items():
            what = f"random graph of 350,000 nodes, {shape}, backend {backend}"
            if not find_spec(backend):
                rows.append(Row(what, peer, f"{backend} is not installed", "", "", True))
                continue
            first, *passes = worker("-m", "benchmarks.irregular", shape, backend, str(2 * rounds))
            took = statistics.median(passes) * 1e9
            ours = f"{spread(passes, 1e9, 'ns a node')}, after a first call of {first:.1f} s"
            rows.append(Row(what, peer, ours, f"{took:.0f} ns a node", f"at most {target:g}", took <= target))
    return rows


def mnist_accuracy(rounds: int) -> list[Row]:
    """The default demo, with three seeds."""
    rows = []
    for seed in range(3):
        _, history, accuracy = mnist_demo.train(seed)
        reached = accuracy >= 0.98 and history.seconds < 60
        ours = f"{history.seconds:.1f} s of training"
        rows.append(Row(f"MNIST demo, seed {seed}", "", ours, f"{accuracy:.2%}", "98 % in 60 s", reached))
    return rows


def spiral_accuracy(rounds: int) -> list[Row]:
    """The default demo, scalar Values only."""
    start = time.perf_counter()
    _, _, accuracy = spiral_demo.train()
    seconds = time.perf_counter() - start
    what = "spiral, 300 points, scalar Values only"
    return [Row(what, "", f"{seconds:.1f} s of training", f"{accuracy:.2%}", "98 %", accuracy >= 0.98)]


def memory(rounds: int) -> list[Row]:
    """Bytes of each node; each engine in its own process, once, for the count hardly varies."""
    theirs, ours = (worker("-m", "benchmarks.memory", engine) for engine in ("micrograd", "glassgrad"))
    rows = []
    for title, peer, own in zip(("forward", "with gradients"), theirs, ours, strict=True):
        what, result = f"bytes per node, user-written w*x sums, {title}", f"{peer / own:.1f} times smaller"
        rows.append(Row(what, f"micrograd {peer:.0f}", f"{own:.0f}", result, "", True))
    (grown,) = worker("-m", "benchmarks.memory", "replays")
    what = "memory after 100,000 compiled steps"
    rows.append(Row(what, "", "", f"{grown:.0f} bytes more", "under 1,000", grown < 1000))
    return rows


def seeing(rounds: int) -> list[Row]:
    """Pictures and pages: what somebody who looks at a graph has to wait for."""
    small, large = pictures.display_seconds(3 * rounds), pictures.summary_seconds(rounds)
    numbers, size = pictures.page_bytes()
    shown, summed = statistics.median(small), statistics.median(large)
    return [
        Row("a graph of 7 numbers shown", "", spread(small), f"{shown:.3f} s", "under 0.1 s", shown < 0.1),
        Row("a loss of 65,000 numbers summarised", "", spread(large), f"{summed:.2f} s", "under 5 s", summed < 5.0),
        Row(f"player's page, {numbers} numbers", "", f"{size / 1e3:.0f} kB", "", "under 100 kB", size < 100_000),
    ]


def blas_threads(rounds: int) -> list[Row]:
    """One BLAS thread against two, by the size of a training step; what `nn.fit` decides by."""
    rows = []
    for nouts, batch in threads.SIZES:
        seconds = threads.measure(nouts, batch, 3 * rounds)
        one, two = seconds[1], seconds[2]
        what = f"{threads.STEPS} steps of {threads.multiplications(nouts, batch):.0e} multiplications, two threads"
        result = f"{statistics.median(one) / statistics.median(two):.2f} times faster"
        rows.append(Row(what, f"one thread {spread(one)}", spread(two), result, "", True))
    return rows


def import_time(rounds: int) -> list[Row]:
    """`import autograd` in a fresh Python, beside `import numpy`, which it contains."""
    program = "import time; t = time.perf_counter(); import {0}; print(time.perf_counter() - t)"
    seconds: dict[str, list[float]] = {"numpy": [], "autograd": []}
    for _ in range(3 * rounds + 1):
        for name, times in seconds.items():
            times.extend(worker("-c", program.format(name)))
    theirs, ours = seconds["numpy"], seconds["autograd"]
    took = statistics.median(ours)
    peer = f"numpy alone {spread(theirs)}"
    return [Row("import autograd", peer, spread(ours), f"{took:.3f} s", "under 0.15 s", took < 0.15)]


SECTIONS: dict[str, Callable[[int], list[Row]]] = {
    function.__name__: function
    for function in (
        moons,
        mnist_epoch,
        mnist_eager,
        compiling,
        documents,
        irregular,
        mnist_accuracy,
        spiral_accuracy,
        import_time,
        memory,
        seeing,
        blas_threads,
    )
}


def machine() -> dict[str, Any]:
    """Where these numbers come from."""
    packages = ["numpy", "micrograd", "threadpoolctl", "glassgrad", *filter(find_spec, ("numba", "torch", "jax"))]
    model = next(
        (line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.processor()
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
        **{name: version(name) for name in packages},
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"some of: {', '.join(SECTIONS)}")
    parser.add_argument("--rounds", type=int, default=5, help="how often peers take turns (default: 5)")
    parser.add_argument("--json", type=Path, help="also write the rows and the machine to this file")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    if arguments.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {arguments.rounds}")

    spell_output()
    print(f"{readme.machine(machine())}\n\n{readme.HEAD}", flush=True)
    rows = []
    for name in arguments.sections or SECTIONS:
        for row in SECTIONS[name](arguments.rounds):
            rows.append(asdict(row))
            print(readme.line(rows[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
