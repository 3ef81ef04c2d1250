"""What the pages and docstrings show is true: examples run, links lead somewhere, the table is in the README."""

import doctest
import importlib
import json
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest
from helpers import error, samples, slopes, tensor_partials, value_partials

import autograd
import nn
from autograd.namespaces import SCALARS
from autograd.ops import Op
from benchmarks import readme

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "demos" / "data" / "mnist" / "README.md", ROOT / "notebooks" / "README.md"]


def modules(package: ModuleType) -> list[str]:
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [package.__name__, *(module.name for module in found)]


@pytest.mark.parametrize("name", [*modules(autograd), *modules(nn)])
def test_the_examples_in_docstrings_come_out_as_shown(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples_in_docstrings() -> None:
    finder = doctest.DocTestFinder()
    found = [test for name in modules(autograd) for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(found) >= 4


def test_the_row_in_contributing_is_an_operation() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(Op\(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    op = eval(block.strip().rstrip(","), {"Op": Op})
    for xs in samples(op):
        expected = slopes(lambda *xs: op.forward(SCALARS, *xs), xs)
        assert error(value_partials(op, xs)[1], expected) < 1e-7
        assert error([g[0] for g in tensor_partials(op, [[x] for x in xs])[1]], expected) < 1e-7


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    assert all((page.parent / target).exists() for target in targets), targets


def test_the_readme_has_the_table_that_the_benchmarks_print() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "| what | peer | glassgrad | result | target | |" in text
    for what in ("moons step", "MNIST epoch", "MNIST demo, seed 2", "spiral", "import autograd"):
        assert re.search(rf"^\| {what}.*\| (reached|missed) \|$", text, re.MULTILINE), what
    assert "| bytes per node" in text


def test_the_table_of_speeds_is_that_of_the_last_run() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    results = json.loads(readme.RESULTS.read_text(encoding="utf-8"))
    assert readme.with_table(page, results) == page
    results["rows"][0]["result"] = "another"
    assert "another" in readme.with_table(page, results)
