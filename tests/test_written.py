"""What is printed where an output cannot write every sign, and what is read and written in which encoding."""

import ast
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograd import Value
from autograd.viz import tree
from autograd.written import spelled, written

ROOT = Path(__file__).parents[1]
SOURCES = [path for part in ("autograd", "nn", "demos", "benchmarks") for path in sorted((ROOT / part).rglob("*.py"))]


def texts(path: Path) -> Iterator[str]:
    """The string literals of a file that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def test_every_sign_of_the_sources_has_a_stand_in() -> None:
    signs = {sign for path in SOURCES for text in texts(path) for sign in text if not sign.isascii()}
    assert len(signs) > 40
    for sign in sorted(signs):
        assert spelled(sign).isascii() and "\\u" not in spelled(sign) and "\\x" not in spelled(sign), hex(ord(sign))


@pytest.mark.parametrize(
    ("text", "in_ascii", "in_cp1252"),
    [
        ("∂L/∂a = −2 × 3", "dL/da = -2 * 3", "dL/da = -2 * 3"),
        ("2 → 1, 10⁻⁶ µs", "2 -> 1, 10^-6 us", "2 -> 1, 10^-6 us"),
        ("A⁻¹B, xᵀ", "A^-1B, x^T", "A^-1B, x^T"),
        ("é 損", "\\xe9 \\u640d", "é \\u640d"),
        ("plain", "plain", "plain"),
    ],
)
def test_stand_ins(text: str, in_ascii: str, in_cp1252: str) -> None:
    assert (spelled(text), spelled(text, "cp1252"), spelled(text, "utf-8")) == (in_ascii, in_cp1252, text)


def test_an_output_that_does_not_say_its_encoding_gets_every_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    assert written("−", io.StringIO()) == "−"
    assert written("−", io.TextIOWrapper(io.BytesIO(), encoding="ascii")) == "-"
    monkeypatch.setattr(sys, "stdout", None)  # as without a console
    assert tree(Value(-2.0)).endswith("data −2   grad –")


PROGRAM = """
import contextlib, sys
import numpy as np
import autograd, nn
from autograd import Tensor, Value
from autograd.viz import animate, draw, explain, step, trace, tree, widget
from autograd.viz.narration import formula_lines, narrate
from demos import command, expression
from pathlib import Path

ours = []
for σ in ("σ", "x"):
    x, w = Value(-2.0, label=σ), Value(3.0, label="w")
    y = (x * w - x).sigmoid() ** 2
    y.backward()
    ours += [x, y, tree(y), explain(y, x), draw(y), animate(y), step(y), widget(y)]
    seen = trace(y)
    ours += [text for i in range(len(seen.steps)) for text in (narrate(seen, i), *formula_lines(seen, i))]
    step(y).play()
t = Tensor([[-1.0, 2.0]], label="θ")
s = autograd.linalg.norm(t @ np.linalg.inv(np.eye(2)) @ t.T) if hasattr(autograd, "linalg") else (t @ t.T).sum()
s.backward()
ours += [t, tree(s), trace(s), y.op, s.op, autograd.logsumexp([x, y]).op, explain(y, x).paths]
for model in (nn.Neuron(2), nn.MLP(2, [3, 1]), nn.vectorized.MLP(2, [3, 1])):
    ours += [model, nn.Adam(model), nn.fit(model, ([[0.0, 1.0]] * 4, [0, 1, 1, 0]), loss="mse",
                                           optimizer=nn.Adam(model), epochs=2)]
model = nn.MLP(2, [3, 1])
compiled = autograd.compile(lambda x: model(x) ** 2)
loss = compiled.batch(np.ones((4, 2)))
ours += [loss, compiled.report(), compiled.program, nn.data.spiral(n=30)]
for each in ours:
    print(each, repr(each), str(each))
autograd.gradcheck(lambda x: x.relu().sum(), np.array([0.0, -1.0]))
from benchmarks import readme
sys.argv[1:] = ["--quick", "--out", sys.argv[1]]
command.run(expression.main, "∂ − →")
print(readme.line({"what": "µs → ∂", "peer": "", "ours": "×", "result": "²", "target": "", "reached": True}))
with contextlib.suppress(SystemExit):
    sys.argv[1:] = ["--help"]
    command.run(expression.main, "∂ − →")
"""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_nothing_that_is_printed_fails(encoding: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", PROGRAM, str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding=encoding,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "f = (x + y) * (x - y)" in done.stdout.replace("·", "*")
    assert "df/dx = 6" in done.stdout and "us -> d" in done.stdout.replace("µ", "u")
    assert "\\u2212" not in done.stdout + done.stderr and "\\u2202" not in done.stdout + done.stderr
    assert (tmp_path / "expression.svg").read_text(encoding="utf-8").count("∂") > 0


def test_files_of_text_are_read_and_written_in_an_encoding_that_is_named() -> None:
    """The default is the machine's own, so that a file of ours could not be read there."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            modes = [each.value for each in given if isinstance(each, ast.Constant)]
            binary = any(isinstance(mode, str) and "b" in mode for mode in modes)
            text = name in ("read_text", "write_text") or (name == "open" and not binary)
            module = getattr(getattr(node.func, "value", None), "id", "")
            if text and module not in ("os", "gzip"):
                assert "encoding" in {keyword.arg for keyword in node.keywords}, f"{path}:{node.lineno}"
