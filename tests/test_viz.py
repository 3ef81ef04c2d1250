"""Pictures: what they show, that they show it the same way twice, and that nothing a user writes breaks them."""

import doctest
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Tensor, Value, paused_gc
from autograd.modes import no_names
from autograd.ops import OPS, REDUCTIONS
from autograd.viz import draw, explain, layout, step, to_json, trace, tree
from autograd.viz.picture import display_bundle

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>", "</title></svg>", "a\"b'c&amp;", "two\nlines", r"\N \G \L \n", "{|} | <x>", "\\",
    "-->", "]]>", "\x00\x1b[31m", "\ud800", "x" * 10_000, "損失", "ε·σ̂", "   ", "%s {0}", "n0", "<b>bold</b>",
]  # fmt: skip


def lecture(backward: bool = True) -> Value:
    a, b, c, f = (Value(x, label=name) for x, name in ((2, "a"), (-3, "b"), (10, "c"), (-2, "f")))
    e = a * b
    e.label = "e"
    d = e + c
    d.label = "d"
    L = d * f
    L.label = "L"
    if backward:
        L.backward()
    return L


def shared() -> Value:
    x, y = Value(3.0, label="x"), Value(2.0, label="y")
    return (x + y) * (x - y)


def texts(svg: str) -> list[str]:
    """What is written in the picture; parsing it shows that it is well-formed."""
    return [(element.text or "").replace("\u00a0", " ").strip() for element in ET.fromstring(svg).iter(f"{SVG}text")]


def chain(n: int) -> Value:
    x = Value(1.0)
    with paused_gc():
        for _ in range(n):
            x = x + 1.0
    return x


@pytest.fixture
def no_graphviz(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))


# ----- the records -----


def test_trace_of_the_lecture() -> None:
    graph = trace(lecture())
    assert [node.name for node in graph.nodes] == ["a", "b", "e", "c", "d", "f", "L"]
    assert [node.kind for node in graph.nodes] == ["leaf", "leaf", "interior", "leaf", "interior", "leaf", "root"]
    assert [node.op for node in graph.nodes] == ["", "", "mul", "", "add", "", "mul"]
    assert [node.data for node in graph.nodes] == [2, -3, -6, 10, 4, -2, -8]
    assert [node.grad for node in graph.nodes] == [6, -4, -2, -2, -2, 4, 1]
    edges = [(edge.parent, edge.child, edge.argument, edge.derivative) for edge in graph.edges]
    assert edges == [(0, 2, 0, -3), (1, 2, 1, 2), (2, 4, 0, 1), (3, 4, 1, 1), (4, 6, 0, -2), (5, 6, 1, 4)]


def test_trace_is_json() -> None:
    for root in (lecture(), Tensor([[1.0, 2.0]], label="t").sum()):
        assert json.loads(json.dumps(asdict(trace(root))))["total"] == len(trace(root).nodes)


def test_an_operand_used_twice_has_two_edges() -> None:
    x = Value(3.0)
    assert [(e.argument, e.derivative) for e in trace(x * x).edges] == [(0, 3.0), (1, 3.0)]


def test_there_is_no_gradient_before_backward() -> None:
    assert {node.grad for node in trace(lecture(backward=False)).nodes} == {None}
    assert {node.norm for node in trace(Tensor([1.0, 2.0]).sum()).nodes} == {None}


def test_a_gradient_of_zero_after_backward_is_zero() -> None:
    x = Value(-1.0)
    y = x.relu()
    y.backward()
    assert [node.grad for node in trace(y).nodes] == [0.0, 1.0]


def test_a_leaf_keeps_the_gradient_of_an_earlier_pass() -> None:
    x = Value(3.0)
    (x * x).backward()
    assert [node.grad for node in trace(x + 1.0).nodes] == [6.0, None, None]


def test_gradients_that_are_values_are_read_as_numbers() -> None:
    x = Value(3.0)
    y = x * x
    y.backward(create_graph=True)
    assert [node.grad for node in trace(y).nodes] == [6.0, 1.0]


def test_a_constant_has_neither_gradient_nor_derivative() -> None:
    y = Value(3.0) * 2.0
    y.backward()
    graph = trace(y)
    assert [(node.kind, node.grad) for node in graph.nodes] == [("leaf", 2.0), ("constant", None), ("root", 1.0)]
    assert [edge.derivative for edge in graph.edges] == [2.0, None]


def test_trace_of_tensors() -> None:
    w = Tensor(np.array([3.0, 4.0], np.float32), label="w")
    y = (w * w).sum() * 0.5
    y.backward()
    graph = trace(y)
    assert graph.nodes[0].shape == (2,)
    assert graph.nodes[0].dtype == "float32"
    assert graph.nodes[0].data is None
    assert graph.nodes[0].norm == 5.0
    assert (graph.nodes[-1].shape, graph.nodes[-1].data, graph.nodes[-1].grad) == ((), 12.5, 1.0)


@pytest.mark.parametrize("name", [*OPS, *REDUCTIONS])
def test_local_derivatives_never_raise(name: str) -> None:
    numbers = [0.0, -0.0, 0.5, -1.0, 3.0, -1e-320, 1e-8, 1e15, -1e308, math.inf, -math.inf, math.nan]
    rng = random.Random(0)
    n = len(OPS[name].partials) if name in OPS else 3
    for _ in range(30):
        args = [Value(x) for x in rng.choices(numbers, k=n)]
        root = Value._apply(OPS[name], *args) if name in OPS else Value._reduce(REDUCTIONS[name], args)
        assert len(trace(root).edges) == n
        assert tree(root)


# ----- the picture -----


def test_picture_shows_names_operations_numbers_and_derivatives() -> None:
    written = texts(draw(lecture()).svg())
    for card in (["a", "data", "2", "grad", "6"], ["e = a * b", "data", "−6", "grad", "−2"]):
        at = written.index(card[0])
        assert written[at : at + 5] == card
    assert [text for text in written if text.startswith("∂")] == [
        "∂ = −3", "∂ = 2", "∂ = 1", "∂ = 1", "∂ = −2", "∂ = 4",
    ]  # fmt: skip


def test_the_sign_of_a_gradient_is_also_a_colour() -> None:
    cards = [g for g in ET.fromstring(draw(lecture()).svg()).iter(f"{SVG}g") if g.get("class") == "node"]
    lines = [list(card.iter(f"{SVG}text")) for card in cards]
    colours = {line[0].text: line[-1].get("fill") for line in lines}
    assert colours["a"] == colours["f"]  # both positive
    assert colours["b"] == colours["c"]  # both negative
    assert colours["a"] != colours["b"]


def test_derivatives_can_be_left_out() -> None:
    assert not [text for text in texts(draw(lecture(), derivatives=False).svg()) if "∂" in text]


def test_before_backward_the_gradient_is_a_dash() -> None:
    written = texts(draw(lecture(backward=False)).svg())
    after = [written[i + 1] for i, text in enumerate(written) if text == "grad"]
    assert after == ["–"] * 7


def test_leaf_constant_interior_and_result_differ_in_shape() -> None:
    source = draw((Value(1.0, label="x") + 2.0) * 3.0).dot
    attributes = [line for line in source.splitlines() if re.match(r"\tn\d+ \[", line)]
    outlines = [re.sub(r"(fillcolor|color|label)=(<<.*>>|\S+)", "", line.split("[", 1)[1]) for line in attributes]
    assert len(set(outlines)) == 4  # x; 2 and 3; x + 2; the product


def test_the_result_has_a_double_border() -> None:
    cards = [g for g in ET.fromstring(draw(lecture()).svg()).iter(f"{SVG}g") if g.get("class") == "node"]
    outlines = {next(card.iter(f"{SVG}text")).text: len(list(card.iter(f"{SVG}polygon"))) for card in cards}
    assert outlines == {"a": 0, "b": 0, "c": 0, "f": 0, "e = a * b": 1, "d = e + c": 1, "L = d * f": 2}


def test_there_is_no_negative_zero() -> None:
    assert tree(Value(-0.0)) == "leaf   data 0   grad –"


def test_directions() -> None:
    def size(**options: str) -> tuple[float, float]:
        svg = ET.fromstring(draw(lecture(), **options).svg())  # type: ignore[arg-type]
        return float(svg.attrib["width"]), float(svg.attrib["height"])

    assert size()[0] > size()[1]
    assert size(rankdir="TB")[0] < size(rankdir="TB")[1]


def test_svg_stands_alone() -> None:
    svg = draw(lecture()).svg()
    root = ET.fromstring(svg)
    assert svg.startswith("<svg ")
    assert root.attrib["viewBox"].split()[2:] == [f"{float(root.attrib[key]):.2f}" for key in ("width", "height")]
    assert root.attrib["aria-label"] == "the graph of L = d * f, 7 nodes"
    assert " id=" not in svg  # ids of two pictures on one page would collide
    assert not set(re.findall(r"<(\w+)", svg)) & {"use", "script", "image", "a", "foreignObject"}


def test_tooltips_have_all_digits() -> None:
    x = Value(1 / 3, label="third")
    titles = [element.text for element in ET.fromstring(draw(x * 3.0).svg()).iter(f"{SVG}title")]
    assert titles[0] == "third\ndata 0.3333333333333333"


def test_two_renders_are_identical() -> None:
    pictures = [draw(graph()) for graph in (lecture, lecture, shared, shared)]
    assert pictures[0] == pictures[1]
    assert pictures[2] == pictures[3]
    assert pictures[0].svg() == pictures[1].svg()
    assert pictures[0].png() == pictures[1].png()


def test_renders_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "from autograd import Value; from autograd.viz import draw, tree; x = Value(2.0, label='x');"
        "y = (x + 1) * (x - Value(3.0)) * x.tanh(); print(draw(y, max_nodes=5).dot, tree(y))"
    )
    command = [sys.executable, "-c", code]
    runs = {
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, cwd=Path(autograd.__file__).parents[1],
                       capture_output=True, check=True).stdout
        for seed in "12"
    }  # fmt: skip
    assert len(runs) == 1


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_labels_are_inert(label: str) -> None:
    root = Value(1.0, label=label) * 2.0
    root.label = label
    picture = draw(root)
    written = texts(picture.svg())
    assert set(re.findall(r"<(\w+)", picture.svg())) <= {"svg", "style", "g", "title", "polygon", "path", "text"}
    assert max(map(len, written)) < 60
    assert len(picture.dot) < 5_000
    assert display_bundle(root)["image/svg+xml"]
    assert len(tree(root).splitlines()) == 3


@pytest.mark.parametrize("label", [r"\N \G \L \n \\", "<b>&amp;</b>", 'a"b', "損失", "{|}"])
def test_a_label_is_shown_as_it_was_written(label: str) -> None:
    assert label in texts(draw(Value(1.0, label=label)).svg())


def test_unnamed_operands_are_spelled_out_or_left_to_the_symbol() -> None:
    x, y = Value(3.0, label="x"), Value(2.0, label="y")
    deep = -((x - (y - 1.0)) ** 2.0)
    assert tree(shared()).startswith("(x + y) * (x - y) ")
    assert tree(deep).startswith("deep = -(x - (y - 1)) ** 2 ")
    assert tree(x - (y - x)).startswith("x - (y - x) ")
    assert tree(x.tanh() * Value(1.0)).startswith("* ")
    assert tree((x**2.0) ** y).startswith("(x ** 2) ** y ")
    half = Value(1.0) / 2.0
    half.label = "half"
    assert tree(half).startswith("half = … / 2 ")


def test_one_leaf_can_be_drawn() -> None:
    assert "x" in texts(draw(Value(1.0, label="x")).svg())
    assert "–" in texts(draw(Value(1.0)).svg())
    assert repr(draw(Value(1.0))) == "Picture(the graph of a leaf, 1 node)"


def test_a_tensor_shows_shape_and_norm() -> None:
    w = Tensor([3.0, 4.0], label="w")
    (w * w).sum().backward()
    assert {"(2,) float64", "|grad|", "10"} <= set(texts(draw((w * w).sum()).svg()))


# ----- large graphs -----


def test_a_large_graph_is_cut_and_says_so() -> None:
    root = chain(32_500)
    picture = draw(root, group="scalar")
    assert len(picture.trace.nodes) == 30
    assert picture.trace.nodes[-1].data == 32_501.0
    caption = "showing 30 of 65,001 nodes: those nearest the result"
    written = texts(picture.svg())
    assert caption in written
    assert any(text.endswith(" more") for text in written)
    assert tree(root, group="scalar").endswith("of 65,001 nodes: those nearest the result")


def test_a_graph_of_400_is_whole() -> None:
    assert draw(chain(199)).trace.total == len(draw(chain(199)).trace.nodes) == 399
    assert len(draw(chain(200)).trace.nodes) == 4  # what it began with, the line of the loop, the last sum and its 1
    assert len(draw(chain(200), group="scalar").trace.nodes) == 30
    assert len(draw(chain(200), max_nodes=401).trace.nodes) == 401
    assert len(draw(chain(200), max_nodes=3).trace.nodes) == 3


def test_the_nearest_nodes_are_kept() -> None:
    a, b, c, d = (Value(1.0, label=name) for name in "abcd")
    root = (a * b) + (c * d)
    assert [node.op or node.name for node in draw(root, max_nodes=3).trace.nodes] == ["mul", "mul", "add"]
    assert [node.op or node.name for node in draw(root, max_nodes=4).trace.nodes] == ["a", "mul", "mul", "add"]


def test_a_node_of_many_operands_is_cut() -> None:
    root = autograd.sum([Value(float(i)) for i in range(1_000)])
    picture = draw(root, group="scalar")
    assert picture.trace.nodes[-1].hidden == 971
    assert "971 more" in texts(picture.svg())


def test_a_chain_of_100_000_does_not_recurse() -> None:
    root = chain(100_000)
    assert len(trace(root).nodes) == 200_001
    assert max(map(len, tree(root).splitlines())) < 120


# ----- text -----


def test_tree_of_the_lecture() -> None:
    assert tree(lecture()) == (
        "L = d * f         data −8   grad 1\n"
        "├─ d = e + c      data 4    grad −2\n"
        "│  ├─ e = a * b   data −6   grad −2\n"
        "│  │  ├─ a        data 2    grad 6\n"
        "│  │  └─ b        data −3   grad −4\n"
        "│  └─ c           data 10   grad −2\n"
        "└─ f              data −2   grad 4"
    )


def test_tree_names_a_shared_node_once() -> None:
    assert tree(shared()) == (
        "(x + y) * (x - y)   data 5   grad –\n"
        "├─ x + y            data 5   grad –\n"
        "│  ├─ x             data 3   grad –\n"
        "│  └─ y             data 2   grad –\n"
        "└─ x - y            data 1   grad –\n"
        "   ├─ x (above)\n"
        "   └─ y (above)"
    )
    with no_names():
        x = Value(2.0)
    assert tree(x * x).splitlines()[1:] == ["├─ leaf #0   data 2   grad –", "└─ leaf #0 (above)"]


def test_tree_in_ascii() -> None:
    x = Value(-2.0, label="ξ")
    assert tree(x.sigmoid() - 1.0, ascii=True) == (
        "sigmoid(\\u03be) - 1   data -0.8808   grad -\n"
        "|- sigmoid(\\u03be)    data 0.1192    grad -\n"
        "|  `- \\u03be          data -2        grad -\n"
        "`- 1"
    )


def test_tree_in_ascii_keeps_its_columns() -> None:
    y = Value(2.0, label="a name that is too long for one line") + Value(1.0, label="b")
    assert tree(y, ascii=True).splitlines()[1:] == [
        "|- a name that ...or one line   data 2   grad -",
        "`- b                            data 1   grad -",
    ]


@pytest.mark.parametrize("module", ["text", "picture"])
def test_examples_in_the_docstrings(module: str) -> None:
    results = doctest.testmod(sys.modules[f"autograd.viz.{module}"])
    assert results.attempted
    assert not results.failed


def test_tree_of_one_leaf() -> None:
    assert tree(Value(3.0, label="x")) == "x   data 3   grad –"
    assert tree(Value(3.0)) == "leaf   data 3   grad –"


# ----- files -----


@pytest.mark.parametrize("suffix", [".svg", ".SVG", ".png", ".dot", ".gv"])
def test_save_by_suffix(tmp_path: Path, suffix: str) -> None:
    picture = draw(lecture())
    path = tmp_path / f"graph{suffix}"
    path.write_text("old")
    assert picture.save(str(path)) == path
    whole = {".svg": picture.svg().encode(), ".png": picture.png()}.get(suffix.lower(), picture.dot.encode())
    assert path.read_bytes() == whole
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert suffix != ".png" or whole.startswith(b"\x89PNG")


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "graph.dot"
    path.write_text("old")

    def full_disk(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="no space"):
        draw(lecture()).save(path)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("graph.dot", "old")]


def test_mistakes_are_explained(tmp_path: Path) -> None:
    picture = draw(lecture())
    with pytest.raises(ValueError, match=r"a graph is saved as \.svg, \.png, \.html, .*, \.json; got 'graph\.pdf'"):
        picture.save(tmp_path / "graph.pdf")
    with pytest.raises(ValueError, match="got 'graph'"):
        picture.save(tmp_path / "graph")
    with pytest.raises(FileNotFoundError, match="make it before you save"):
        picture.save(tmp_path / "missing" / "graph.svg")
    with pytest.raises(TypeError, match="file name, as in save"):
        picture.save(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rankdir is one of LR, TB, RL, BT; got 'left'"):
        draw(lecture(), rankdir="left")
    for wrong in (0, -1, 2.5, True, "many"):
        with pytest.raises(ValueError, match="max_nodes is how many nodes to show"):
            draw(lecture(), max_nodes=wrong)  # type: ignore[arg-type]
    for function in (draw, tree, trace):
        with pytest.raises(TypeError, match=r"such as a loss; got float 3\.0"):
            function(3.0)  # type: ignore[operator]


# ----- notebooks, and no Graphviz -----


def test_notebook_display() -> None:
    for bundle in (draw(lecture())._repr_mimebundle_(), display_bundle(lecture())):
        assert bundle["image/svg+xml"] == draw(lecture()).svg() == draw(lecture())._repr_svg_()
        assert set(bundle) == {"image/svg+xml", "text/plain"}  # text/html would hide the SVG
    assert display_bundle(Value(3.0)) == {"text/plain": repr(Value(3.0))}


@pytest.mark.usefixtures("no_graphviz")
def test_without_graphviz_there_is_a_picture_of_our_own(tmp_path: Path) -> None:
    picture = draw(lecture(), derivatives=True)
    for bundle in (picture._repr_mimebundle_(), display_bundle(lecture())):
        assert set(bundle) == {"image/svg+xml", "text/plain"}
        assert bundle["image/svg+xml"] == picture.svg() == picture._repr_svg_() == draw(lecture()).svg()
    written = texts(picture.svg())
    for card in (["a", "data", "2", "grad", "6"], ["e = a * b", "data", "−6", "grad", "−2"]):
        at = written.index(card[0])
        assert written[at : at + 5] == card
    assert [text for text in written if "∂" in text] == ["∂ = −3", "∂ = 2", "∂ = 1", "∂ = 1", "∂ = −2", "∂ = 4"]
    assert "a\ndata 2.0\ngrad 6.0" in [title.text for title in ET.fromstring(picture.svg()).iter(f"{SVG}title")]
    assert picture.save(tmp_path / "graph.svg").read_text(encoding="utf-8") == picture.svg()
    with pytest.raises(layout.LayoutError, match="pip install graphviz-pure"):
        picture.save(tmp_path / "graph.png")
    assert picture.save(tmp_path / "graph.dot").read_text(encoding="utf-8") == picture.dot


@pytest.mark.usefixtures("no_graphviz")
def test_our_own_picture_follows_the_options_and_tells_what_is_missing() -> None:
    written = texts(draw(lecture(backward=False), derivatives=False, format=".1f").svg())
    assert {"−6.0", "–"} <= set(written)
    assert not [text for text in written if "∂" in text]
    written = texts(draw(chain(32_500), max_nodes=30).svg())
    assert {"showing 30 of 65,001 nodes: those nearest the result", "… 1 more"} <= set(written)
    svg = draw(lecture(), theme="dark").svg()
    assert 'fill="#161b22"' in svg and "#ffffff" not in svg and "<style>" not in svg


def test_where_our_own_picture_fails_too_the_text_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> str:
        raise RuntimeError("no room")

    monkeypatch.setattr(layout, "engine", lambda: None)
    monkeypatch.setattr("autograd.viz.picture.still", broken)
    assert draw(lecture())._repr_svg_() is None
    for bundle in (draw(lecture())._repr_mimebundle_(), display_bundle(lecture())):
        assert bundle == {"text/plain": f"{tree(lecture())}\n(no picture: no room)"}


def test_graphviz_pure_is_found_beside_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # as in a notebook whose kernel is another environment's
    found = layout.engine()
    assert found
    assert Path(found).parent == Path(sysconfig.get_path("scripts"))


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for Graphviz is a shell script")
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'out of memory' >&2; exit 3", "status 3: out of memory"),
        ("exit 0", "it wrote nothing"),
        ("exec tail -f /dev/null", r"did not finish within 0\.05 s; draw fewer nodes"),
    ],
)
def test_a_layout_that_fails_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, message: str
) -> None:
    program = tmp_path / "dot"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(layout, "SECONDS", 0.05 if "tail" in script else 20.0)
    with pytest.raises(layout.LayoutError, match=message):
        draw(lecture()).png()
    assert "e = a * b" in texts(display_bundle(lecture())["image/svg+xml"])


def test_display_survives_what_it_does_not_expect() -> None:
    x = Value(1.0)
    y = x * 2.0
    x.data = "not a number"  # type: ignore[assignment]
    assert "no picture" in display_bundle(y)["text/plain"]


def test_importing_autograd_does_not_import_graphviz() -> None:
    code = "import sys, autograd; assert 'graphviz' not in sys.modules and 'autograd.viz' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=Path(autograd.__file__).parents[1], check=True)


@pytest.mark.skipif(shutil.which("dot") is None, reason="the system has no Graphviz of its own")
def test_the_dot_source_is_plain_graphviz() -> None:
    subprocess.run(["dot", "-Tsvg"], input=draw(lecture()).dot.encode(), check=True, capture_output=True)


def test_a_transpose_is_written_as_one_and_a_constant_array_without_a_gradient() -> None:
    W = Tensor([[1.0, 2.0]], label="W")
    text = tree((W.T * np.array([[3.0], [4.0]])).sum())
    assert "Wᵀ" in text
    (constant,) = [line for line in text.splitlines() if "array" in line and "grad" not in line]
    assert "(2, 1)" in constant


# ----- a part of a large graph -----


def network() -> tuple[Value, list[Value], list[Value]]:
    """Σ tanh(w_i x_i), and the weights and the activations."""
    ws, xs = [Value(0.1 * i, label=f"w{i}") for i in range(300)], [Value(1.0 + i, label=f"x{i}") for i in range(300)]
    hidden = [(w * x).tanh() for w, x in zip(ws, xs, strict=True)]
    return autograd.sum(hidden) * 2.0, ws, hidden


def test_a_lens_shows_what_is_around_a_node() -> None:
    root, ws, hidden = network()
    picture = draw(root, around=hidden[7], up=2, down=1)
    assert [node.name or node.op for node in picture.trace.nodes] == ["w7", "x7", "mul", "tanh", "sum"]
    assert picture.trace.nodes[-1].hidden == 299
    assert "showing 5 of 1,203 nodes: those up to 2 above and 1 below the node" in picture.dot
    assert [node.name for node in draw(root, around=ws[3], up=0, down=0).trace.nodes] == ["w3"]
    assert len(draw(root, around=ws[3], up=9, down=99).trace.nodes) == 5


def test_a_lens_shows_what_lies_between_two_nodes() -> None:
    root, ws, _ = network()
    picture = draw(root, path=(ws[5], root))
    assert [node.name or node.op for node in picture.trace.nodes] == ["w5", "mul", "tanh", "sum", "mul"]
    assert "those on the paths between the two" in repr(picture)
    x = Value(2.0, label="x")
    y = x.exp() * x.sin() + x
    between = [node.op or node.name for node in draw(y, path=(x, y)).trace.nodes]
    assert between == ["x", "exp", "sin", "mul", "add"]
    with pytest.raises(
        ValueError, match=r"nothing leads from the first of path to the second; write path=\(operand, result\)"
    ):
        draw(y, path=[y, x])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"around": Value(1.0)}, r"is not in the graph of Value\(.*; give one of the nodes it was made from"),
        ({"path": (Value(1.0),)}, r"path is two nodes, an operand and a result, as in path=\(w, loss\); got \(Value"),
        ({"up": -1}, "up is how many operations to go from the node, an int of at least 0; got -1"),
        ({"down": True}, "down is how many operations .* got True"),
    ],
)
def test_a_lens_on_nothing_is_explained(options: dict[str, Any], said: str) -> None:
    x = Value(2.0)
    y = x * x
    with pytest.raises(ValueError, match=said):
        draw(y, **({"around": x} | options if "path" not in options else options))


def test_a_lens_too_wide_to_read_is_refused() -> None:
    root, _, _ = network()
    with pytest.raises(ValueError, match="takes in 1,203 nodes, and nobody reads a picture of more than 400"):
        draw(root, around=root, up=5)
    assert len(draw(root, around=root, up=1, down=0).trace.nodes) == 3


@pytest.mark.parametrize("number", [3, np.float32(3.0), np.float64(3.0), np.int64(3), np.array(3.0)], ids=repr)
def test_a_value_that_was_assigned_another_kind_of_number_is_drawn_as_a_value(number: Any) -> None:
    def drawn(number: Any) -> tuple[str, str, str, str]:
        a, b = Value(2.0, label="a"), Value(0.5, label="b")
        a.data = number
        c = a * b
        c.backward()
        return draw(c).svg(), repr(explain(c, a)), to_json(step(c).trace), repr(tree(c))

    assert drawn(number) == drawn(3.0)


def test_a_value_that_was_assigned_no_number_is_refused_by_pictures_too() -> None:
    a = Value(2.0)
    a.data = "3"  # type: ignore[assignment]
    with pytest.raises(TypeError, match=r"a Value is one real number, not str '3'; convert it first"):
        draw(a)
