"""Every notebook runs from top to bottom, and what is committed is what it prints."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def shown(notebook: Any) -> list[Any]:
    """For each output its kind and text: pictures are compared by kind only, for fonts differ."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [
        (output.output_type, sorted(output.get("data", ())), output.get("text") or output["data"]["text/plain"])
        for output in outputs
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # zmq and asyncio, on some Pythons
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_prints_what_is_committed(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    committed = shown(notebook)
    assert committed, "the notebook is committed without its outputs"
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": ROOT}}).execute()
    assert shown(notebook) == committed


def test_the_quickstart_shows_a_graph_and_a_trained_spiral() -> None:
    notebook = nbformat.read(ROOT / "notebooks" / "quickstart.ipynb", as_version=4)
    assert len([cell for cell in notebook.cells if cell.cell_type == "code"]) == 10
    kinds = [kind for _, data, _ in shown(notebook) for kind in data]
    assert {"image/svg+xml", "image/png", "text/plain"} <= set(kinds)
