"""What a graph and a training are written to for other programs: pages, Mermaid, JSON, text, TensorBoard."""

import json
import math
import re
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import chromium
from test_hostile_labels import HOSTILE, Tags, labelled, shown
from test_viz import lecture, texts

import autograd
import nn
from autograd import Tensor, Value
from autograd.modes import scope
from autograd.viz import draw, from_json, step, to_json, trace, tree
from autograd.viz.picture import FORMS
from autograd.viz.tensorboard import TensorBoard, export_graph, export_history


def third() -> Value:
    """A graph with numbers that do not end: x/3 − 20 000."""
    x = Value(-1.0, label="x")
    y = x / 3.0 - 20_000.0
    y.label = "y"
    y.backward()
    return y


def network() -> Value:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    loss = autograd.sum([(model(x) - 1.0) ** 2 for x in ([0.5, -1.0], [1.0, 2.0])])
    loss.label = "loss"
    loss.backward()
    return loss


def arrays() -> Tensor:
    w = Tensor(np.array([[3.0, 4.0]], np.float32), label="w")
    loss = (w * w).tanh().mean()
    loss.backward()
    return loss


def born_nan() -> Value:
    x = Value(-1.0, label="x")
    y = x.log() * math.inf - math.inf
    y.backward()
    return y


GRAPHS = [lecture, third, network, arrays, born_nan, lambda: labelled(HOSTILE), lambda: Value(1.0)]

# ----- forms -----


@pytest.mark.parametrize("suffix", FORMS)
def test_a_picture_is_saved_in_the_form_that_its_name_asks_for(tmp_path: Path, suffix: str) -> None:
    picture = draw(lecture())
    content = picture.save(tmp_path / f"L{suffix}").read_bytes()
    begins = {
        ".svg": b"<svg ", ".png": b"\x89PNG", ".html": b"<!doctype html>", ".mmd": b"flowchart LR\n",
        ".dot": b"digraph", ".gv": b"digraph", ".txt": b"L = d * f ", ".json": b'{\n"nodes": [\n{"id": 0',
    }  # fmt: skip
    assert content.startswith(begins[suffix])
    assert picture.save(tmp_path / f"again{suffix.upper()}").read_bytes() == content


def test_text_is_that_of_tree(tmp_path: Path) -> None:
    saved = draw(lecture(), format=".1f").save(tmp_path / "L.txt").read_text(encoding="utf-8")
    assert saved == tree(lecture(), format=".1f") + "\n"


@pytest.mark.parametrize("suffix", FORMS)
def test_every_form_writes_cards_that_stand_for_many_nodes(tmp_path: Path, suffix: str) -> None:
    picture = draw(network(), group="neuron")
    assert any(node.kind == "group" for node in picture.trace.nodes)
    content = picture.save(tmp_path / f"net{suffix}").read_bytes()
    assert suffix == ".png" or "layers.0" in unescape(content.decode().replace("#46;", "."))


# ----- how numbers are written -----


@pytest.mark.parametrize(
    ("format", "data", "derivative"),
    [
        (".4g", "−2e+04", "0.3333"), (".2f", "−20000.33", "0.33"), (",.0f", "−20,000", "0"),
        (".1e", "−2.0e+04", "3.3e−01"), ("", "−20000.333333333332", "0.3333333333333333"),
    ],
)  # fmt: skip
def test_format_decides_how_numbers_are_written(format: str, data: str, derivative: str, tmp_path: Path) -> None:
    picture = draw(third(), format=format)
    written = texts(picture.svg())
    assert data in written and f"∂ = {derivative}" in written
    assert "−0" not in written
    assert f"data {data}" in tree(third(), format=format)
    page = Page(picture.save(tmp_path / "y.html").read_text(encoding="utf-8"))
    assert [data, f"∂/∂x = {derivative}"] == [page.table[5][1], page.table[3][-1]]
    chart = draw(third(), format=format).mermaid
    assert f"<br>data {data}<br>".replace("+", "#43;") in chart


def test_format_counts_for_the_numbers_in_headings_too() -> None:
    picture = draw(third(), format=".1f")
    assert "y = x / 3.0 - 20000.0" in texts(picture.svg())
    assert "y = x / 3.0 #45; 20000.0<br>" in picture.mermaid
    lines = tree(third(), format=".1f").splitlines()
    assert lines[0].startswith("y = x / 3.0 - 20000.0 ") and lines[-1] == "└─ 20000.0"


def test_tooltips_have_all_digits_whatever_the_format() -> None:
    assert "grad 0.3333333333333333" in draw(third(), format=".1f").svg()
    assert "data -20000.333333333332" in draw(third(), format=".1f").svg()


@pytest.mark.parametrize("format", ["%.3g", "{:.2f}", "d", "s", ".2%", ">9.2f", "+.2f", "\n.2f", ".500f", 3, None])
def test_a_format_that_is_none_is_explained_before_anything_is_drawn(format: Any) -> None:
    for shows in (draw, tree):
        with pytest.raises(ValueError, match=r'format says how numbers are written, as in f"\{x:\.3g\}"') as caught:
            shows(third(), format=format)
        assert str(caught.value).endswith(f"got {format!r}")


# ----- a page -----


class Page(HTMLParser):
    """The cells of the table of a page, row by row, and every attribute."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.table: list[list[str]] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag == "tr":
            self.table.append([])
        self.in_cell = tag in ("td", "th")
        if self.in_cell:
            self.table[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.in_cell = False

    def handle_data(self, data: str) -> None:
        if self.in_cell:
            self.table[-1][-1] += data


def test_a_page_has_the_picture_and_the_same_as_a_table(tmp_path: Path) -> None:
    picture = draw(lecture())
    text = picture.save(tmp_path / "L.html").read_text(encoding="utf-8")
    assert picture.svg() in text
    assert Page(text).table == [
        ["node", "data", "grad", "local derivatives"],
        ["a", "2", "6", ""],
        ["b", "−3", "−4", ""],
        ["e = a * b", "−6", "−2", "∂/∂a = −3, ∂/∂b = 2"],
        ["c", "10", "−2", ""],
        ["d = e + c", "4", "−2", "∂/∂e = 1, ∂/∂c = 1"],
        ["f", "−2", "4", ""],
        ["L = d * f", "−8", "1", "∂/∂d = −2, ∂/∂f = 4"],
    ]


def test_a_page_runs_nothing_and_shows_hostile_labels_as_text(tmp_path: Path) -> None:
    root = labelled(HOSTILE)
    root.label = "</title><script>"
    text = draw(root, max_nodes=400).save(tmp_path / "L.html").read_text(encoding="utf-8")
    tags = Tags(re.sub("<!doctype html>|<meta[^>]*>", "", text)).tags  # these have no end
    assert tags <= {
        "html", "head", "title", "style", "body", "figure", "svg", "g", "path", "polygon", "text", "details", "summary",
        "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    page = Page(text)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("href", "src", "id")]
    titles = [row[0] for row in page.table]
    assert [text for text in map(shown, HOSTILE) if not any(title.startswith(text[:12]) for title in titles)] == []


def test_a_page_opens_in_a_browser_in_both_themes_and_asks_for_nothing(tmp_path: Path) -> None:
    auto, dark = draw(lecture()).save(tmp_path / "L.html"), draw(lecture(), theme="dark").save(tmp_path / "dark.html")
    card = "getComputedStyle(document.querySelector('g.node polygon')).fill"
    grounds = {}
    with chromium() as browser:
        for scheme in ("light", "dark"):
            for path in (auto, dark):
                page = browser.new_page(color_scheme=scheme)
                asked: list[str] = []
                page.on("request", lambda request, asked=asked: asked.append(request.url))
                problems: list[str] = []
                page.on("console", lambda message, problems=problems: problems.append(message.text))
                page.goto(path.as_uri())
                ground = page.evaluate("getComputedStyle(document.documentElement).colorScheme")
                grounds[path.stem, scheme] = ground, page.evaluate(card)
                assert asked == [path.as_uri()] and problems == []
                page.locator("summary").click()
                assert page.get_by_role("row").count() == 8
                assert page.get_by_role("img", name="the graph of L = d * f, 7 nodes").count() == 1
    assert grounds["L", "light"][1] != grounds["L", "dark"][1] == grounds["dark", "light"][1]
    assert grounds["L", "light"][0] == "light dark" and grounds["dark", "light"][0] == "dark"


# ----- Mermaid -----


def test_mermaid_of_a_small_graph() -> None:
    x, two = Value(3.0, label="x"), Value(0.5, label="w.1")
    y = x * two + x * x * 0.25
    y.label = "y"
    y.backward()
    assert draw(y, rankdir="TB", max_nodes=6).mermaid.splitlines()[:3] == [
        "---", 'title: "showing 6 of 7 nodes: those nearest the result"', "---",
    ]  # fmt: skip
    assert [line for line in draw(y, rankdir="TB").mermaid.splitlines() if not line.startswith("classDef")] == [
        "flowchart TB",
        'n0("x<br>data 3<br>grad 2"):::leafCard',
        'n1("w#46;1<br>data 0.5<br>grad 3"):::leafCard',
        'n2["x #42; w#46;1<br>data 1.5<br>grad 1"]:::interiorCard',
        'n3["x #42; x<br>data 9<br>grad 0.25"]:::interiorCard',
        'n4("0.25"):::constantCard',
        'n5["x #42; x #42; 0.25<br>data 2.25<br>grad 1"]:::interiorCard',
        'n6[["y = x #42; w#46;1 #43; x #42; x #42; 0.25<br>data 3.75<br>grad 1"]]:::rootCard',
        'n0 -->|"∂ = 0.5"| n2',
        'n1 -->|"∂ = 3"| n2',
        'n0 -->|"∂ = 3"| n3',
        'n0 -->|"∂ = 3"| n3',
        'n3 -->|"∂ = 0.25"| n5',
        "n4 --> n5",
        'n2 -->|"∂ = 1"| n6',
        'n5 -->|"∂ = 1"| n6',
    ]
    assert "∂" not in draw(y, derivatives=False).mermaid


CARD = re.compile(r'n(\d+)(?:\("(.*)"\)|\["(.*)"\]|\[\["(.*)"\]\]):::\w+Card')
KEYWORDS = [
    "end", "1. one", "1) one", "2.", "+ a", "* a", "- a", "===", "# h", "> q", "www.example.com", "`code`",
    "style a:b#x", "classDef x:y#z", "%%{init: {'theme':'dark'}}%%", "%% c", "click n0 href", "a__b__c", "$$x^2$$",
    "fa:fa-car", "~~s~~", "#quot;", "#35;", "a;b", "::: x", "x@{shape: circle}", r"a\nb",
]  # fmt: skip


def test_mermaid_tells_what_was_left_out() -> None:
    lines = draw(lecture(), max_nodes=2).mermaid.splitlines()
    assert lines[1] == 'title: "showing 2 of 7 nodes: those nearest the result"'
    assert 'more1["1 more"]:::moreCard' in lines and "more1 -.-> n1" in lines


def test_mermaid_shows_labels_as_text() -> None:
    """No sign that Mermaid would take for its own, for HTML or for Markdown; by its codes the label is there."""
    labels = [*HOSTILE, *KEYWORDS]
    chart = draw(labelled(labels), max_nodes=400).mermaid
    found = [CARD.fullmatch(line) for line in chart.splitlines() if ":::" in line]
    cards = [re.sub("(<br>)?data 1<br>grad –$", "", "".join(card.groups("")[1:])) for card in found[:-1] if card]
    assert len(cards) == len(labels)
    for label, card in zip(labels, cards, strict=True):
        assert not re.search(r"""[!"$%&'*+:<>?@\\^_`{|}~\[\]-]|(?<!\d)\.|\d\)|#(?!\d+;)""", card)
        plain = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), card)
        assert plain.replace("\u2060", "") == shown(label)
        assert not re.search(r"\\n|\$\$|:fa-", plain)  # these Mermaid looks for at the very end


def test_a_caption_that_names_a_node_is_one_line(tmp_path: Path) -> None:
    x = Value(1.0, label='a\x00"b\n---\n\ud800')
    picture = draw(x * 2.0 + 1.0, around=x, up=0, down=0)
    assert picture.mermaid.splitlines()[1].endswith(r'above and 0 below a \"b ---"')
    assert "0 below a &quot;b ---" in picture.save(tmp_path / "x.svg").read_text(encoding="utf-8")


def test_a_chart_too_large_for_github_says_what_to_draw_instead(tmp_path: Path) -> None:
    x = Value(1.0, label="x")
    many = autograd.sum([x] * 501)
    with pytest.raises(ValueError, match="500 edges and 50,000 characters at most, and this one has 501 and") as caught:
        draw(many).save(tmp_path / "many.mmd")
    assert "draw(root, max_nodes=100)" in str(caught.value) and 'group="neuron"' in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    long = labelled(["&" * 24] * 330)
    with pytest.raises(ValueError, match=r"this one has 330 and 5\d,\d{3}; draw fewer nodes"):
        _ = draw(long).mermaid
    assert len(draw(autograd.sum([x] * 500)).mermaid) < 50_000


# ----- JSON -----


def strict(text: str) -> Any:
    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_trace_comes_back_from_json(graph: Any) -> None:
    for found in (trace(graph()), draw(graph()).trace):
        text = to_json(found)
        strict(text)
        again = from_json(text)
        assert to_json(again) == text
        assert again == found or "NaN" in text
        assert from_json(text.encode()).nodes[-1].kind == found.nodes[-1].kind


def test_json_keeps_steps_updates_and_groups() -> None:
    model = nn.Neuron(2, activation="tanh", seed=0)
    steps = trace(model([1.0, -2.0]), nn.SGD(model, lr=0.1))
    assert {each.kind for each in steps.steps} == {"forward", "seed", "backward", "update"}
    groups = draw(network(), group="layer").trace
    assert any(node.group for node in groups.nodes)
    for found in (steps, groups, step(lecture()).trace):
        assert from_json(to_json(found)) == found


def test_json_writes_what_is_not_finite_as_words() -> None:
    nodes = strict(to_json(trace(born_nan())))["nodes"]
    assert [node["data"] for node in nodes] == [-1.0, "NaN", "Infinity", "NaN", "Infinity", "NaN"]
    assert strict(to_json(trace(Value(-math.inf))))["nodes"][0]["data"] == "-Infinity"
    assert [math.isnan(node.data or 0) for node in from_json(to_json(trace(born_nan()))).nodes].count(True) == 3


def test_json_has_one_record_on_a_line_and_the_names_of_the_fields() -> None:
    text = to_json(draw(lecture()).trace)
    assert text.splitlines()[2].startswith('{"id": 0, "kind": "leaf", "name": "a", "op": "", "symbol": "", "data": 2.0')
    assert '{"parent": 0, "child": 2, "argument": 0, "derivative": -3.0},' in text.splitlines()


SMALL = to_json(draw(Value(2.0, label="x")).trace)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Expecting value"), ("[]", r"expected Trace, found \[\]"), ("{}", "missing"), (b"\xff", "decode"),
        (SMALL.replace('"total": 1', '"total": "1"'), "expected int, found '1'"),
        (SMALL.replace('"total": 1', '"total": true'), "expected int, found True"),
        (SMALL.replace('"kind": "leaf"', '"kind": "tree"'), r"expected typing\.Literal.*, found 'tree'"),
        (SMALL.replace('"data": 2.0', '"data": "many"'), "expected float, found 'many'"),
        (SMALL.replace('"data": 2.0', '"data": 2.0, "weight": 1'), "a NodeRecord has no 'weight'"),
        (SMALL.replace('"id": 0', '"id": 1'), 'the "id" of each node must be its place, from 0'),
        (SMALL.replace('"line": 0', '"line": 7'), "there is no node, edge or line 7"),
        (SMALL.replace('"edges": [\n', '"edges": [{"parent": -1, "child": 0, "argument": 0, "derivative": 1}'),
         "there is no node, edge or line -1"),
    ],
)  # fmt: skip
def test_what_is_no_trace_is_refused(text: str | bytes, said: str) -> None:
    assert text != SMALL
    with pytest.raises(ValueError, match=said) as caught:
        from_json(text)
    assert str(caught.value).startswith('this is no trace as draw(L).save("L.json") writes it: ')


# ----- TensorBoard -----


def graph_in(path: Path) -> Any:
    """The graph of an event file, as TensorBoard's own loader reads it."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.compat.proto.graph_pb2 import GraphDef

    (found,) = [event.graph_def for event in EventFileLoader(str(path)).Load() if event.graph_def]
    return GraphDef.FromString(found)


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """By tag the (step, value) pairs of a run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    run = EventAccumulator(str(folder))
    run.Reload()
    return {
        tag: [(event.step, float(make_ndarray(event.tensor_proto))) for event in run.Tensors(tag)]
        for tag in run.Tags()["tensors"]
    }


def attributes(node: Any) -> dict[str, str]:
    return {key: value.s.decode() or value.placeholder for key, value in node.attr.items() if key[0] != "_"}


def moons(logdir: Path, epochs: int = 3, **settings: Any) -> nn.History:
    data, rest = nn.data.moons(20, seed=0), nn.data.moons(10, seed=1)
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    optimizer = nn.Adam(model, lr=0.05)
    return nn.fit(
        model, data, loss="bce_with_logits", optimizer=optimizer, epochs=epochs, validation=rest, progress=False,
        callbacks=[TensorBoard(logdir)], **settings,
    )  # fmt: skip


def test_tensorboard_gets_the_graph_by_scopes_with_its_numbers(tmp_path: Path) -> None:
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    with scope("outer"):
        e = a * b
        with scope("inner"):
            d = e + 10.0
    L = d * d / b
    L.backward()
    path = export_graph(L, tmp_path / "new" / "runs")
    assert path.parent == tmp_path / "new" / "runs" and path.name.startswith("events.out.tfevents.")
    nodes = {node.name: node for node in graph_in(path).node}
    assert {name: (node.op, list(node.input)) for name, node in nodes.items()} == {
        "a": ("leaf", []),
        "b": ("leaf", []),
        "outer/e": ("mul", ["a", "b"]),
        "outer/inner/10": ("Const", []),
        "outer/inner/d": ("add", ["outer/e", "outer/inner/10"]),
        "mul": ("mul", ["outer/inner/d", "outer/inner/d"]),
        "L": ("div", ["mul", "b"]),
    }
    assert {key: text for key, text in attributes(nodes["L"]).items() if key != "line"} == {
        "data": repr(16.0 / -3.0), "grad": "1.0",
        "∂/∂mul, operand 1": repr(1 / -3.0), "∂/∂b, operand 2": repr(-16.0 / 9.0),
    }  # fmt: skip
    assert re.fullmatch(r"test_export\.py∶\d+∶ L = d \* d ∕ b", attributes(nodes["L"])["line"])
    assert attributes(nodes["mul"]).keys() >= {"∂/∂d, operand 1", "∂/∂d, operand 2"}


def test_tensorboard_folds_a_network_by_its_modules(tmp_path: Path) -> None:
    graph = graph_in(export_graph(network(), tmp_path))
    names = {node.name for node in graph.node}
    neuron = "MLP/layers.0/neurons.2/"
    assert {f"{neuron}{name}" for name in ("w.0", "w.1", "b", "dot", "tanh", "dot_1", "tanh_1")} <= names
    outside = {name for name in names if "/" not in name}
    assert outside == {"1", "1_1", "sub", "sub_1", "2", "2_1", "power", "power_1", "loss"}


def test_tensorboard_writes_shapes_on_the_edges_between_arrays(tmp_path: Path) -> None:
    w, product = graph_in(export_graph(arrays(), tmp_path)).node[:2]
    shape = w.attr["_output_shapes"].list.shape[0]
    assert [each.size for each in shape.dim] == [1, 2]
    assert attributes(w)["array"] == "(1, 2) float32" and float(attributes(w)["|grad|"]) > 0
    assert attributes(product).keys() == {"array", "|grad|", "line"}  # there is no one derivative between arrays


def test_tensorboard_gets_names_that_are_all_different_and_none_of_its_own_signs(tmp_path: Path) -> None:
    graph = graph_in(export_graph(labelled([*HOSTILE, "x", "x", "x_1", "x"]), tmp_path))
    names = [node.name for node in graph.node]
    assert len(set(names)) == len(names) == len(HOSTILE) + 5
    assert sorted(graph.node[-1].input) == sorted(names[:-1])
    assert not [name for name in names if re.search(r"""[/:^"'\\]""", name) or not name.isprintable()]
    assert names[-5:-1] == ["x", "x_1", "x_1_1", "x_2"]


def test_tensorboard_gets_the_curves_of_a_training_while_it_goes_on(tmp_path: Path) -> None:
    seen: list[int] = []
    data = nn.data.moons(20, seed=0)
    model = nn.MLP(2, [3, 1], seed=0)

    def look(epoch: int, model: nn.Module, history: nn.History) -> None:
        seen.append(len(curves(tmp_path / "train")["loss"]))

    nn.fit(
        model, data, loss="mse", optimizer=nn.SGD(model, lr=0.01), epochs=2, progress=False,
        callbacks=[TensorBoard(tmp_path), look],
    )  # fmt: skip
    assert seen == [1, 2]
    assert curves(tmp_path / "train").keys() == {"loss"}  # these targets are no classes
    assert [folder.name for folder in tmp_path.iterdir()] == ["train"]


def test_tensorboard_curves_are_those_of_the_history(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    history = moons(tmp_path / "live")
    (file,) = (tmp_path / "live" / "train").iterdir()
    versions = [event.file_version for event in EventFileLoader(str(file)).Load()]
    assert versions == ["brain.Event:2", *[""] * 6]
    assert export_history(history, tmp_path / "after") == tmp_path / "after"
    for folder in ("live", "after"):
        train, held_out = curves(tmp_path / folder / "train"), curves(tmp_path / folder / "validation")
        for tag, found, series in (
            ("loss", train, history.loss), ("accuracy", train, history.accuracy),
            ("loss", held_out, history.validation_loss), ("accuracy", held_out, history.validation_accuracy),
        ):  # fmt: skip
            assert [step for step, _ in found[tag]] == [1, 2, 3]
            assert [value for _, value in found[tag]] == pytest.approx(series, rel=1e-6)


def test_a_training_that_goes_on_goes_on_with_its_curves(tmp_path: Path) -> None:
    moons(tmp_path, checkpoint=tmp_path / "run.safetensors", epochs=2)
    history = moons(tmp_path, checkpoint=tmp_path / "run.safetensors", epochs=4)
    assert len(list((tmp_path / "train").iterdir())) == 2
    found = curves(tmp_path / "train")["loss"]
    assert [step for step, _ in found] == [1, 2, 3, 4]
    assert [value for _, value in found] == pytest.approx(history.loss, rel=1e-6)


def test_tensorboard_missing_is_told_before_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for export in (TensorBoard, lambda logdir: export_graph(lecture(), logdir)):
        with pytest.raises(ImportError, match=r'package tensorboard writes .* pip install "glassgrad\[tensorboard\]"'):
            export(tmp_path / "runs")  # type: ignore[operator]
    assert list(tmp_path.iterdir()) == []


def test_a_logdir_that_cannot_be_written_is_told_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        TensorBoard(tmp_path / "file")
    with pytest.raises(TypeError, match=r"history is what nn\.fit returned, with its losses by epoch; got list"):
        export_history([1.0, 0.5], tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def app(logdir: Path) -> Any:
    """TensorBoard's web application with everything loaded, as a client that needs no port."""
    from tensorboard import default, program
    from werkzeug.test import Client

    class Held(program.TensorBoardServer):
        """Where the program would listen to a port."""

        def __init__(self, wsgi: Any, flags: Any) -> None:
            self.client = Client(wsgi)
            held.append(self)

        def serve_forever(self) -> None:
            pass

        def get_url(self) -> str:
            return ""

    held: list[Held] = []
    board = program.TensorBoard(default.get_plugins(), server_class=Held)
    arguments = ["--logdir", str(logdir), "--load_fast", "false", "--reload_interval", "0", "--reload_task", "blocking"]
    board.configure(argv=["tensorboard", *arguments])
    board.launch()
    return held[0].client


@pytest.mark.filterwarnings("ignore:html5lib's sanitizer is deprecated:DeprecationWarning")
def test_tensorboard_itself_opens_what_was_written(tmp_path: Path) -> None:
    """Its own page in a browser, with the model as one box, and then the curves."""
    export_graph(network(), tmp_path)
    moons(tmp_path)
    client = app(tmp_path)
    assert client.get("/data/runs").json == [".", "train", "validation"]
    assert len(client.get("/data/plugin/scalars/scalars?run=train&tag=loss").json) == 3
    served = client.get("/data/plugin/graphs/graph?run=.&conceptual=false").get_data(as_text=True)
    assert served.count("node {") == len(trace(network()).nodes)
    assert f's: "{network().data!r}"' in served

    def answer(route: Any) -> None:
        request = route.request
        reply = client.open(request.url, method=request.method, data=request.post_data_buffer)
        route.fulfill(status=reply.status_code, headers=dict(reply.headers), body=reply.get_data())

    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.route("**/*", answer)
        page.goto("http://localhost/#graphs")
        page.set_default_timeout(120_000)
        page.wait_for_selector('g.node[data-name="loss"]')
        nodes = page.locator("g.node").evaluate_all("nodes => nodes.map(node => node.dataset.name)")
        assert {"MLP", "loss"} <= set(nodes) and not [name for name in nodes if "/" in name]
        page.goto("http://localhost/#scalars")
        page.get_by_text("tag: loss").wait_for()
        assert page.get_by_text("validation").count()
