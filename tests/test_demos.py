"""The demos and benchmarks as a user starts them: what they print, what they leave behind, how they fail."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def demo(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(f"demos.{name}", *arguments, **environment)


def run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("expression", {"expression.svg", "expression-backward.svg", "expression.html"}),
        ("spiral", {"spiral.png", "spiral-loss.png", "spiral-layers.svg"}),
        ("mnist", {"mnist.png", "mnist-loss.png"}),
    ],
)
def test_a_demo_leaves_its_pictures_and_names_them(name: str, pictures: set[str], tmp_path: Path) -> None:
    done = demo(name, "--quick", "--out", str(tmp_path / "new"))
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "new").iterdir()} == pictures
    assert all(f"wrote {tmp_path / 'new' / picture}" in done.stdout for picture in pictures)


def test_the_expression_needs_no_graphviz_of_the_system(tmp_path: Path) -> None:
    done = demo("expression", "--out", str(tmp_path), PATH="")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "expression.svg").read_text().startswith("<svg")


def test_a_missing_data_folder_is_a_sentence_and_not_a_traceback(tmp_path: Path) -> None:
    done = demo("mnist", "--quick", "--out", str(tmp_path), MNIST_DIR=str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    done = demo("expression", "--out", str(tmp_path / "taken"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr


def test_a_benchmark_prints_its_row_and_writes_it(tmp_path: Path) -> None:
    done = run("benchmarks", "import_time", "--rounds", "1", "--json", str(tmp_path / "rows.json"))
    assert done.returncode == 0, done.stderr
    assert "| import autograd | numpy alone " in done.stdout
    written = json.loads((tmp_path / "rows.json").read_text())
    assert written["rows"][0]["what"] == "import autograd"
    assert written["machine"]["numpy"]


@pytest.mark.parametrize(
    ("arguments", "message"), [(["moon"], "no section moon; there are moons"), (["--rounds", "0"], "at least 1, got 0")]
)
def test_a_mistyped_benchmark_is_a_sentence(arguments: list[str], message: str) -> None:
    done = run("benchmarks", *arguments)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("engine", ["micrograd", "glassgrad", "micrograd_written_out", "glassgrad_written_out"])
def test_the_engines_of_the_moons_benchmark_run(engine: str) -> None:
    done = run("benchmarks.moons", engine, "1")
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0
