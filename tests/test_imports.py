"""What importing costs, and which way the imports run."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
AUTOGRAD = sorted((ROOT / "autograd").rglob("*.py"))

HEAVY = [
    "matplotlib", "graphviz", "graphviz_pure", "tqdm", "threadpoolctl", "pooch", "numba", "IPython", "ipykernel",
    "scipy", "sklearn", "hypothesis", "pytest", "micrograd", "nn", "asyncio", "unittest",
]  # fmt: skip


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after ``statement``, and had not before."""
    program = f"import sys, json; old = set(sys.modules); {statement}; print(json.dumps(list(set(sys.modules) - old)))"
    output = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return {name.partition(".")[0] for name in json.loads(output)}


def test_import_autograd_loads_numpy_and_nothing_heavier() -> None:
    loaded = loaded_by("import autograd")
    assert {"autograd", "numpy"} <= loaded
    assert loaded & set(HEAVY) == set()
    others = loaded - loaded_by("import numpy") - sys.stdlib_module_names
    assert others == {"autograd"}


def test_using_the_engine_loads_no_more() -> None:
    scalars = "(Value(2.0) ** 2).exp().backward()"
    arrays = "(Tensor([1.0]) @ Tensor([1.0])).backward(create_graph=True)"
    assert loaded_by(f"from autograd import Tensor, Value; {scalars}; {arrays}") & set(HEAVY) == set()


# ----- which way the imports run -----


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, top_level_only: bool = False) -> Iterator[str]:
    """Every module that ``path`` imports, with a dotted name; those inside functions too unless told otherwise."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module_name(path).split(".")
            if path.name != "__init__.py":
                package = package[:-1]
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def reaches(path: Path, *targets: str, top_level_only: bool = False) -> list[str]:
    found = imports(path, top_level_only)
    return [name for name in found if any(name == target or name.startswith(target + ".") for target in targets)]


LAYERS = [
    "words", "errors", "namespaces", "written", "ops", "array_ops", "modes", "collector", "conversions", "masked",
    "graph",
]  # fmt: skip
"""Bottom up: each imports only those before it, anywhere in the file; but a node asks for its picture when shown."""


@pytest.mark.parametrize("layer", LAYERS)
def test_the_core_imports_downwards_only(layer: str) -> None:
    path = ROOT / "autograd" / f"{layer}.py"
    below = {f"autograd.{name}" for name in LAYERS[: LAYERS.index(layer)]}

    def modules(top_level_only: bool) -> set[str]:
        ours = reaches(path, "autograd", "nn", top_level_only=top_level_only)
        return {".".join(name.split(".")[:2]) for name in ours} - {"autograd"}

    assert modules(top_level_only=True) <= below
    assert modules(top_level_only=False) <= below | {"autograd.viz"}


def test_ops_and_namespaces_know_nothing_of_the_graph() -> None:
    for layer in ("ops", "namespaces", "array_ops"):
        upward = ["graph", "value", "tensor", "functions", "viz"]
        assert reaches(ROOT / "autograd" / f"{layer}.py", *[f"autograd.{name}" for name in upward]) == []


def test_graph_knows_neither_values_nor_tensors() -> None:
    upward = ["autograd.value", "autograd.tensor", "autograd.functions", "autograd.array_ops"]
    assert reaches(ROOT / "autograd" / "graph.py", *upward) == []


def test_value_and_tensor_do_not_know_each_other() -> None:
    assert reaches(ROOT / "autograd" / "value.py", "autograd.tensor") == []
    assert reaches(ROOT / "autograd" / "tensor.py", "autograd.value") == []


def test_derivatives_of_functions_stand_on_the_engine_and_not_the_engine_on_them() -> None:
    for layer in ("array_ops", "value", "tensor", "functions", "trees"):
        above = ["autograd.functional", "autograd.gradcheck"]
        assert reaches(ROOT / "autograd" / f"{layer}.py", *above) == []
    assert reaches(ROOT / "autograd" / "functional.py", "autograd.gradcheck") == []


@pytest.mark.parametrize("path", AUTOGRAD, ids=module_name)
def test_autograd_never_imports_nn(path: Path) -> None:
    assert reaches(path, "nn", "demos", "benchmarks", "tests") == []


@pytest.mark.parametrize("path", [path for path in AUTOGRAD if "viz" in path.parts], ids=module_name)
def test_pictures_read_records_only(path: Path) -> None:
    assert reaches(path, "autograd.value", "autograd.tensor", "autograd.functions", top_level_only=True) == []


MADE_UP = """
import nn.data
from . import records

def f():
    from nn import Module
    from ..value import Value
"""


def test_the_walk_sees_every_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test is tested: imports of a submodule, relative ones, and those inside a function."""
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: MADE_UP)
    path = ROOT / "autograd" / "viz" / "made_up.py"
    assert set(imports(path)) >= {"nn.data", "autograd.viz.records", "nn.Module", "autograd.value.Value"}
    assert reaches(path, "nn") == ["nn.data", "nn", "nn.Module"]
    assert reaches(path, "nn", top_level_only=True) == ["nn.data"]
    assert reaches(path, "autograd.value", top_level_only=True) == []
