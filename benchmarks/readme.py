"""`python -m benchmarks.readme`: writes the table of the last `python -m benchmarks --json` into the README."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RESULTS = ROOT / "benchmarks" / "results.json"
HEAD = "| what | peer | glassgrad | result | target | |\n| --- | --- | --- | --- | --- | --- |"
BEGIN, END = "<!-- the table: make bench -->\n", "<!-- its end -->"


def line(row: dict[str, Any]) -> str:
    """A row of results as Markdown."""
    verdict = ("reached" if row["reached"] else "missed") if row["target"] else ""
    return f"| {' | '.join([*(row[key] for key in ('what', 'peer', 'ours', 'result', 'target')), verdict])} |"


def machine(facts: dict[str, Any]) -> str:
    """Where numbers come from, in one line."""
    return ", ".join(f"{name} {what}" for name, what in facts.items())


def with_table(text: str, results: dict[str, Any]) -> str:
    """``text`` with the table of ``results`` between its two marks."""
    table = "\n".join([HEAD, *map(line, results["rows"]), "", f"({machine(results['machine'])})", ""])
    before, rest = text.split(BEGIN)
    return before + BEGIN + table + END + rest.split(END)[1]


if __name__ == "__main__":
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    README.write_text(with_table(README.read_text(encoding="utf-8"), found), encoding="utf-8")
    print(f"wrote the table of {RESULTS.relative_to(ROOT)} into {README.name}")
