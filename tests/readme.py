"""Runs the README: every ``python`` block in order, in one namespace; a ``text`` block is what the one above prints."""

import contextlib
import io
import linecache
import os
import re
import tempfile
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(path: Path = README) -> int:
    """Run the blocks in an empty folder; returns how many there were."""
    namespace: dict[str, object] = {"__name__": "__readme__"}
    printed, blocks = "", 0
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for language, text in BLOCK.findall(path.read_text(encoding="utf-8")):
                if language == "python":
                    output, name = io.StringIO(), f"README block {blocks + 1}"
                    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
                    with contextlib.redirect_stdout(output):
                        exec(compile(text, name, "exec"), namespace)
                    printed, blocks = output.getvalue(), blocks + 1
                elif printed.rstrip() != text.rstrip():
                    raise AssertionError(f"README block {blocks} printed\n{printed}\nand the page says\n{text}")
        finally:
            os.chdir(before)
    return blocks


if __name__ == "__main__":
    print(f"README: {run()} blocks run")
