"""The README's blocks run, and print what it says."""

from pathlib import Path

import pytest
from readme import run


def test_every_block_runs_and_prints_what_the_page_says() -> None:
    assert run() >= 5


def test_a_wrong_output_is_caught(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="printed\n2"):
        run(page)
