"""`python -m benchmarks.readme`: writes into the README what was measured last: the table, and how cost grows."""

import json
import textwrap
from pathlib import Path
from typing import Any

from benchmarks.curves import BY_HAND, COMPILED, CURVES, EAGER, FIRST, NODES, duration

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RESULTS = ROOT / "benchmarks" / "results.json"
HEAD = "| what | peer | glassgrad | result | target | |\n| --- | --- | --- | --- | --- | --- |"
BEGIN, GROWTH, END = "<!-- the table: make bench -->\n", "<!-- how cost grows: make bench -->\n", "<!-- its end -->"


def line(row: dict[str, Any]) -> str:
    """A row of results as Markdown."""
    verdict = ("reached" if row["reached"] else "missed") if row["target"] else ""
    return f"| {' | '.join([*(row[key] for key in ('what', 'peer', 'ours', 'result', 'target')), verdict])} |"


def machine(facts: dict[str, Any]) -> str:
    """Where numbers come from, in one line."""
    return ", ".join(f"{name} {what}" for name, what in facts.items())


def growth(points: dict[str, list[dict[str, Any]]]) -> str:
    """The picture of `benchmarks.curves` in words."""
    largest, most, shallow, deep = points["network"][-1], points["samples"][-1], points["depth"][0], points["depth"][-1]
    both = max((point for point in points["network"] if EAGER in point["seconds"]), key=lambda point: point["x"])
    text = (
        f"A step of a network whose samples are all traced, {both['x']:,} nodes, takes {_took(both, EAGER)} eager and "
        f"{_took(both, COMPILED)} compiled. With {largest['x']:,} nodes it takes {_took(largest, COMPILED)}, and NumPy "
        f"by hand {_took(largest, BY_HAND)}; the first call, which traces and lifts, takes {_took(largest, FIRST)} and "
        f"{largest['peak_MB'] / 1e3:.1f} GB. Traced from one sample, a batch of {most['x']:,} takes "
        f"{_took(most, COMPILED)}, and the first call {_took(most, FIRST)}. {NODES:,} nodes take "
        f"{_took(shallow, COMPILED)} compiled and {_took(shallow, BY_HAND)} by hand if they are {shallow['x']} deep, "
        f"{_took(deep, COMPILED)} and {_took(deep, BY_HAND)} if they are {deep['x']:,} deep."
    )
    return textwrap.fill(text, 128, break_on_hyphens=False) + "\n"


def _took(point: dict[str, Any], name: str) -> str:
    return duration(point["seconds"][name])


def with_table(text: str, results: dict[str, Any]) -> str:
    """``text`` with the table of ``results`` between its two marks."""
    table = "\n".join([HEAD, *map(line, results["rows"]), "", f"({machine(results['machine'])})", ""])
    return _between(text, BEGIN, table)


def with_growth(text: str, points: dict[str, list[dict[str, Any]]]) -> str:
    """``text`` with `growth` between its two marks."""
    return _between(text, GROWTH, growth(points))


def _between(text: str, begin: str, part: str) -> str:
    before, rest = text.split(begin)
    return before + begin + part + END + rest.split(END, 1)[1]


if __name__ == "__main__":
    results, points = (json.loads(path.read_text(encoding="utf-8")) for path in (RESULTS, CURVES))
    page = with_growth(with_table(README.read_text(encoding="utf-8"), results), points)
    README.write_text(page, encoding="utf-8")
    print(f"wrote what {RESULTS.name} and {CURVES.name} have into {README.name}")
