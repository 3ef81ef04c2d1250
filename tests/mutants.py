"""Faults put into the code one at a time: which of them does the suite notice?

    python tests/mutants.py --faults 320 --seed 0        (or: make mutants)

Every fault is one edit of one expression or statement, in a copy of the tree. The tests that ran the edited line,
as a map made once says, are run against it until one fails. What no test notices is printed as a diff; those
that cannot be noticed stand with a reason in `mutants_lived.toml`. All results go to `out/mutants/`.
"""

import argparse
import hashlib
import itertools
import json
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from faults import KEY, ROOT, Fault, Finder, sample, sources

OUT = ROOT / "out" / "mutants"
PRELOADED = ["numpy", "pytest", "numba", "matplotlib.pyplot", "torch", "jax", "safetensors"]
"""What takes long to import, and is not under test: loaded once, in the process from which all others are forked."""
MEMORY = 6 << 30
TIMES = itertools.count(1_000)

# ----- in a child: a forked process that runs tests in one tree -----


def _enter(tree: Path, log: Path) -> None:
    """Make this process one that finds the packages in ``tree``, writes into ``log`` and cannot fill the memory."""
    os.setsid()
    os.chdir(tree)
    os.environ["PYTHONPATH"] = str(tree)
    sys.path[:] = [str(tree), *(entry for entry in sys.path if entry not in ("", str(ROOT), str(ROOT / "tests")))]
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)


def _load_all(tree: Path) -> None:
    """So that no line is taken for a test's that ran only because the test was the first to load the file."""
    for path in sources(tree):
        if not path.name.startswith("__"):
            import_module(".".join(path.relative_to(tree).with_suffix("").parts))


def _pytest(tree: Path, plugin: object, *arguments: str) -> int:
    import pytest

    options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--basetemp", f"{tree}.tmp")
    return int(pytest.main([*options, *arguments], plugins=[plugin]))


def map_tests(tree: Path, log: Path, test_file: str, result: Path) -> None:
    """Write for every test of ``test_file`` that passes: how long it takes, and which lines it runs, as bits."""
    _enter(tree, log)
    import coverage
    import pytest

    watch = coverage.Coverage(data_file=None, config_file=False, source=[str(tree / "autograd"), str(tree / "nn")])
    watch.start()
    _load_all(tree)
    seconds: dict[str, float] = {}

    class Plugin:
        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
            watch.switch_context(item.nodeid)
            try:
                return (yield)
            finally:
                watch.switch_context("")

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.passed:
                seconds[report.nodeid] = seconds.get(report.nodeid, 0.0) + report.duration
            else:
                seconds[report.nodeid] = float("inf")

    _pytest(tree, Plugin(), test_file)
    watch.stop()
    lines: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    data = watch.get_data()
    for file in data.measured_files():
        for line, tests in data.contexts_by_lineno(file).items():
            for test in tests:
                lines[test][Path(file).relative_to(tree).as_posix()] |= 1 << line
    found = {
        test: (round(took, 4), {file: hex(bits) for file, bits in lines[test].items()})
        for test, took in seconds.items()
        if took < float("inf")
    }
    result.write_text(json.dumps(found))


def run_tests(tree: Path, log: Path, tests: Sequence[str], result: Path) -> None:
    """Run ``tests`` until one fails, and write its name; an empty one if none does."""
    _enter(tree, log)
    order = {test: i for i, test in enumerate(tests)}
    failed: list[str] = []

    class Plugin:
        def pytest_collection_modifyitems(self, items: list[Any]) -> None:
            items[:] = sorted((item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid])

        def pytest_runtest_logreport(self, report: Any) -> None:
            if report.failed:
                failed.append(report.nodeid)

    _load_all(tree)
    code = _pytest(tree, Plugin(), "-x", *dict.fromkeys(test.partition("::")[0] for test in tests))
    result.write_text(failed[0] if failed else "" if code == 0 else "collection")


class Trees:
    """Copies of the tree, and a process for each piece of work in one of them."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(PRELOADED)
        self.pool = ThreadPoolExecutor(jobs)
        self.free: SimpleQueue[Path] = SimpleQueue()
        ignored = shutil.ignore_patterns(".*", "out", "build", "*.egg-info", "__pycache__")
        for job in range(jobs):
            tree = folder / f"tree{job}"
            shutil.copytree(ROOT, tree, ignore=ignored)
            self.free.put(tree)

    def map(self, work: Callable[[Path, Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return self.pool.map(partial(self._with_tree, work), items)

    def _with_tree(self, work: Callable[[Path, Any], Any], item: Any) -> Any:
        tree = self.free.get()
        try:
            return work(tree, item)
        finally:
            self.free.put(tree)

    def run(self, tree: Path, target: Callable[..., None], argument: Any, timeout: float) -> str | None:
        """What ``target`` wrote; None if it came to no end."""
        result, log = tree.with_suffix(".result"), tree.with_suffix(".log")
        result.unlink(missing_ok=True)
        process = self.context.Process(target=target, args=(tree, log, argument, result))
        process.start()
        process.join(timeout)
        with suppress(ProcessLookupError):  # also what the tests have started
            os.killpg(process.pid, signal.SIGKILL)
        process.join()
        return result.read_text() if result.exists() else None


# ----- the map -----

Test = tuple[float, dict[str, int]]


def test_map(trees: Trees, patterns: Sequence[str]) -> dict[str, Test]:
    """For every test how long it takes and what it runs; made again only for the files of tests that changed."""
    shared = [*sources(ROOT), *sorted(ROOT.glob("tests/[!t]*.py"))]
    own = (Path(__file__).name, "faults.py")
    common = hashlib.sha256(b"".join(path.read_bytes() for path in shared if path.name not in own))

    def mapped(tree: Path, path: Path) -> dict[str, Any]:
        digest = common.copy()
        digest.update(path.read_bytes())
        known = OUT / "map" / f"{path.stem}-{digest.hexdigest()[:12]}.json"
        if not known.exists():
            started = time.monotonic()
            text = trees.run(tree, map_tests, path.relative_to(ROOT).as_posix(), timeout=1200.0)
            if text is None:
                print(f"  {path.name}: came to no end: {tree.with_suffix('.log').read_text()[-300:]}")
                return {}
            for old in (OUT / "map").glob(f"{path.stem}-*.json"):
                old.unlink()
            known.write_text(text)
            print(f"  {path.name}: {len(json.loads(text))} tests, {time.monotonic() - started:.0f} s", flush=True)
        return dict(json.loads(known.read_text()))

    (OUT / "map").mkdir(parents=True, exist_ok=True)
    found = {path for pattern in patterns for path in ROOT.glob(f"tests/{pattern}")}
    files = sorted(found, key=lambda path: -path.stat().st_size)
    return {
        test: (seconds, {file: int(bits, 16) for file, bits in lines.items()})
        for tests in trees.map(mapped, files)
        for test, (seconds, lines) in tests.items()
    }


def choose(fault: Fault, tests: dict[str, Test], budget: float, done: Collection[str] = ()) -> list[str]:
    """Tests that run the line of the fault, or else its statement or function, ``budget`` seconds of them.

    They are from the files that have the most of those, for each file takes a while to load: of each function of tests
    the quickest first, then of each the next.
    """
    everywhere = (0, len(fault.source.splitlines()))
    for first, last in (*fault.spans, everywhere):
        bits = sum(1 << line for line in range(first, last + 1))
        found = [test for test, (_, lines) in tests.items() if lines.get(fault.file, 0) & bits]
        if found:
            break
    families: dict[str, list[str]] = defaultdict(list)
    for test in sorted(set(found) - set(done), key=lambda test: tests[test][0]):
        families[test.partition("[")[0]].append(test)
    files = Counter(name.partition("::")[0] for name in families).most_common(max(1, int(budget / 2.0)))
    nearest = [family for name, family in families.items() if name.partition("::")[0] in dict(files)]
    turns = [(turn, tests[test][0], test) for family in nearest for turn, test in enumerate(family)]
    chosen: list[str] = []
    for _, seconds, test in sorted(turns):
        budget -= seconds + 0.002
        if budget < 0.0 and chosen:
            break
        chosen.append(test)
    return chosen


# ----- the run -----


@dataclass
class Verdict:
    """noticed: the test that noticed the fault, or how it ended; empty while it lives. tests: those that were run."""

    fault: Fault
    noticed: str = ""
    tests: list[str] = field(default_factory=list)
    seconds: float = 0.0


def tried(trees: Trees, tests: dict[str, Test], budget: float, tree: Path, before: Verdict) -> Verdict:
    """Further tests of a fault that lived through those of ``before``."""
    fault, started = before.fault, time.monotonic()
    chosen = choose(fault, tests, budget, before.tests)
    if not chosen:
        return before
    path = tree / fault.file
    shutil.copy2(path, path.with_suffix(".whole"))
    path.write_text(fault.source)
    os.utime(path, (next(TIMES),) * 2)  # so that no compiled file is taken for this one's
    try:
        text = trees.run(tree, run_tests, chosen, timeout=30.0 + 3.0 * sum(tests[test][0] for test in chosen))
    finally:
        shutil.move(path.with_suffix(".whole"), path)
    noticed = "crash or no end" if text is None else text
    return Verdict(fault, noticed, before.tests + chosen, before.seconds + time.monotonic() - started)


def check_whole(trees: Trees, tests: dict[str, Test], budget: float, faults: Sequence[Fault]) -> None:
    """Leave out the tests that fail in a copy without a fault: nothing they say would be worth anything."""
    whole = [Verdict(replace(fault, source=(ROOT / fault.file).read_text())) for fault in faults]
    for verdict in trees.map(partial(tried, trees, tests, budget), whole):
        if verdict.noticed:
            print(f"without a fault fails {verdict.noticed}, with {verdict.fault.file}: left out", flush=True)
            tests.pop(verdict.noticed, None)


def reasons() -> dict[tuple[str, ...], str]:
    """Why faults may live: equivalent code, or a choice that no test should hold."""
    rows = tomllib.loads((ROOT / "tests" / "mutants_lived.toml").read_text()).get("lived", [])
    found = {tuple(row[part] for part in KEY): row["reason"] for row in rows}
    possible = {fault.key for path in sources(ROOT) for fault in Finder(path.relative_to(ROOT).as_posix()).found}
    for key in found.keys() - possible:
        print(f"a reason for a fault that the code can no longer have: {key}")
    return found


def last_noticed(seed: int) -> dict[tuple[str, ...], str]:
    """What the last run of this seed noticed, and by which test."""
    rows = json.loads((OUT / f"results-{seed}.json").read_text())
    return {tuple(row[part] for part in KEY): row["noticed"] for row in rows}


def report(verdicts: list[Verdict], seed: int) -> None:
    known = reasons()
    by_file: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_file[verdict.fault.file].append(verdict)
    for verdict in sorted(verdicts, key=lambda verdict: verdict.fault.key):
        if not verdict.noticed:
            reason = known.get(verdict.fault.key, "without a reason")
            print(f"\nlived through {len(verdict.tests)} tests: {reason}\n{verdict.fault.diff()}")
    print(f"\n{'file':36}{'faults':>8}{'noticed':>9}{'lived':>7}{'explained':>11}")
    for file, found in [*sorted(by_file.items()), ("together", verdicts)]:
        lived = [verdict for verdict in found if not verdict.noticed]
        explained = sum(verdict.fault.key in known for verdict in lived)
        print(f"{file:36}{len(found):8}{len(found) - len(lived):9}{len(lived):7}{explained:11}")
    print(f"noticed: {sum(bool(verdict.noticed) for verdict in verdicts) / len(verdicts):.1%}")
    rows = [
        {**dict(zip(KEY, v.fault.key, strict=True)), "noticed": v.noticed, "tests": len(v.tests), "seconds": v.seconds}
        for v in verdicts
    ]
    path = OUT / f"results-{seed}.json"
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    print(f"all results are in {path.relative_to(ROOT)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=320, help="how many; 0 only makes the map of tests")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="a part of the names of the files to put faults into")
    parser.add_argument("--tests", nargs="+", default=["test_*.py"], help="which files of tests")
    parser.add_argument(
        "--seconds",
        type=float,
        nargs="+",
        default=[10.0, 40.0],
        help="of tests for each fault, and again for each that lived",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--again", action="store_true", help="of the last run of this seed, those that lived")
    parser.add_argument("--controls", type=int, default=10, help="trials without a fault, none of which may fail")
    options = parser.parse_args()
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    try:
        trees = Trees(folder, options.jobs)
        print("which tests run which lines", flush=True)
        tests = test_map(trees, options.tests)
        print(f"{len(tests)} tests, {sum(seconds for seconds, _ in tests.values()):.0f} s", flush=True)
        faults = sample(options.seed, options.faults, options.only)
        if not faults:
            return
        check_whole(trees, tests, options.seconds[0], faults[: options.controls])
        noticed = last_noticed(options.seed) if options.again else {}
        verdicts = [Verdict(fault, noticed.get(fault.key, "")) for fault in faults]
        for budget in options.seconds:
            lived = [i for i, verdict in enumerate(verdicts) if not verdict.noticed]
            again = trees.map(partial(tried, trees, tests, budget), [verdicts[i] for i in lived])
            for i, verdict in zip(lived, again, strict=True):
                verdicts[i] = verdict
                print(f"{i + 1} {verdict.fault}: {verdict.seconds:.1f} s, {verdict.noticed or 'LIVED'}", flush=True)
        report(verdicts, options.seed)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
