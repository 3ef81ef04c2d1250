"""Labels and symbols that try to be more than text: pictures stay well-formed and inert, a terminal gets only text."""

import json
import random
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import Tensor, Value
from autograd.ops import OPS
from autograd.viz import draw, layout, tree
from autograd.viz.picture import display_bundle

SVG = "{http://www.w3.org/2000/svg}"

HOSTILE = [
    # markup: of a page, of SVG, of Graphviz's own HTML-like labels
    "<script>alert(1)</script>", "</title><script>", "</text></svg><svg onload=alert(1)>", "<img src=x onerror=a()>",
    "<b>bold</b>", "<TABLE><TR><TD>", "</TABLE>>", "<<b>>", "<", ">", "&", "&amp;", "&#60;", "&#x202e;", "&nosuch;",
    "&#0;",
    "<![CDATA[x]]>", "]]>", "<!-- a", "-->", "--", "<?xml?>", "<!DOCTYPE a>", '<!ENTITY a "b">', "<title>n0</title>",
    '<g id="a">', '" onload="alert(1)', "' onclick='a()", "javascript:alert(1)", 'url("http://a")', "</style><style>",
    # the language of DOT
    r"\N", r"\G", r"\L", r"\E", r"\T", r"\H", r"\n", r"\l", r"\r", "\\", "\\\\", '\\"', '"', '""', "a\"b'c", "`",
    "{|}", "{a|b}", "<p>|<q>", "a:b", "n0:s", "a -> b", "n0 -> n1;", "]; n9 [label=x", '"]; n9; n0 [label="', "}",
    "digraph {",
    "/* a", "*/", "// a", "# a", "subgraph", "strict", "n0", "more0", "glassgrad", "%3", "%s {0}", "$x^2$", "${HOME}",
    "$(id)",
    # what a terminal, or XML, takes for a command or not at all
    "\x00", "\x01\x02", "\x07\x08", "\x1b[31mred", "\x1b]0;title\x07", "\x9b31m", "\x7f", "\x85", "a\rb", "a\nb",
    "a\r\nb",
    "a\tb", "\v\f", "\u2028\u2029", "\u200b\ufeff", "\u00ad", "\ufffe\uffff", "\U0001fffe", "\ue000", "\ud800",
    "\udfff\ud800",
    "\u202eevil", "\u202d\u2066\u2069", "\u200f\u061c", "\u00a0", "   ", " a  b ",
    # what people do write
    "損失", "x̂", "e\u0301" * 40, "\u0301", "שלום", "مرحبا", "ε·σ̂", "𝔏", "👩\u200d🔬", "🇨🇭", "x" * 10_000, "é" * 10_000,
    "損" * 10_000, "<" * 10_000, "a b " * 2_500, "x" * 24, "x" * 25,
]  # fmt: skip


def scrambled(n: int) -> list[str]:
    """Labels made from pieces of the hostile ones, the same in every run."""
    rng = random.Random(0)
    pieces = [label[:30] for label in HOSTILE]
    return ["".join(rng.choices(pieces, k=rng.randint(1, 4))) for _ in range(n)]


def shown(label: str) -> str:
    """What a picture writes for a label: one line, no control characters, 24 characters at most."""
    text = " ".join("".join(c if c.isprintable() else " " for c in label).split())
    return text if len(text) <= 24 else f"{text[:12]}…{text[-11:]}"


def labelled(labels: Sequence[str]) -> Value:
    """A graph with a leaf for each label."""
    return autograd.sum([Value(1.0, label=label) for label in labels])


class Tags(HTMLParser):
    """What a browser finds in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


DRAWING = {"svg", "style", "g", "title", "polygon", "path", "rect", "text"}
LOOKS = {
    "width", "height", "viewBox", "role", "aria-label", "class", "transform", "fill", "stroke", "stroke-width",
    "stroke-dasharray", "points", "d", "text-anchor", "font-family", "font-size", "font-weight", "x", "y", "rx",
    "xml:space", "{http://www.w3.org/XML/1998/namespace}space",
}  # fmt: skip


RULE = r'\.glassgrad-auto \[(fill|stroke)="#\w{6}"\]\{(fill|stroke):#\w{6}\}'
STYLE = re.compile(rf"@media \(prefers-color-scheme:dark\)\{{({RULE})*\}}")


def assert_inert(svg: str) -> ET.Element:
    """Well-formed as XML and as a part of a page; nothing in it that runs, fetches, or refers to elsewhere."""
    picture = ET.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in picture.iter()} <= DRAWING
    assert Tags(svg).tags <= DRAWING
    assert all(STYLE.fullmatch(style.text or "") for style in picture.iter(f"{SVG}style"))
    for element in picture.iter():
        assert set(element.attrib) <= LOOKS
        looks = [value for name, value in element.attrib.items() if name != "aria-label"]
        assert not [value for value in looks if "script" in value or "url(" in value or "//" in value]
    return picture


def leaves(picture: ET.Element) -> list[tuple[str, list[str]]]:
    """For each leaf of `labelled` its tooltip and its lines."""
    cards = [
        (g.findtext(f"{SVG}title") or "", [(t.text or "").replace("\u00a0", " ") for t in g.iter(f"{SVG}text")])
        for g in picture.iter(f"{SVG}g")
        if g.get("class") == "node"
    ]
    return sorted(card for card in cards if card[0].endswith("data 1.0"))


def leaf(label: str) -> tuple[str, list[str]]:
    """What `leaves` finds for a label that was shown as text, and nothing else."""
    text = shown(label)
    return f"{text}\ndata 1.0".strip(), [*([text] if text else []), "data  ", "1", "grad  ", "–"]


def assert_graph(source: str, nodes: int, edges: int) -> None:
    """Graphviz reads the DOT source as a graph of just these nodes."""
    program = layout.engine()
    assert program is not None
    read = subprocess.run([program, "-Tdot_json"], input=source.encode(), capture_output=True, check=True)
    graph = json.loads(read.stdout)
    assert [node["name"] for node in graph["objects"]] == [f"n{i}" for i in range(nodes)]
    assert len(graph["edges"]) == edges


def assert_plain(text: str, lines: int) -> None:
    """So many lines of characters that stand for themselves: no escape, no bell, nothing that turns a line around."""
    assert len(text.split("\n")) == lines
    assert all(line.isprintable() for line in text.split("\n"))


def assert_harmless(labels: Sequence[str]) -> None:
    """On every way that a graph can be shown."""
    root = labelled(labels)
    n = len(labels)
    picture = draw(root, max_nodes=n + 1)
    assert leaves(assert_inert(picture.svg())) == sorted(map(leaf, labels))
    assert_graph(picture.dot, n + 1, n)
    assert_plain(tree(root, max_nodes=n + 1), n + 1)
    in_ascii = tree(root, max_nodes=n + 1, ascii=True)
    assert_plain(in_ascii, n + 1)
    assert in_ascii.isascii()


# ----- labels -----

LABELS = [*HOSTILE, *scrambled(400)]


@pytest.mark.parametrize("start", range(0, len(LABELS), 60))
def test_hostile_labels_are_shown_as_text_on_every_way(start: int) -> None:
    assert_harmless([*LABELS[start : start + 60], "x"])


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(st.text(st.characters(), max_size=40), min_size=2, max_size=40))
def test_any_text_is_shown_as_text_on_every_way(labels: list[str]) -> None:
    assert_harmless(labels)


@pytest.mark.parametrize(("label", "text"), [(None, "x"), (3, "3"), (["<b>"], "['<b>']")])
def test_a_label_that_is_no_text_is_shown_as_text(label: Any, text: str) -> None:
    x = Value(1.0)
    x.label = label
    assert tree(x).startswith(f"{text} ")
    assert_inert(draw(x * x).svg())


@pytest.mark.parametrize("number", [Value, Tensor])
def test_what_a_notebook_shows_is_inert_and_plain(number: type[Value] | type[Tensor]) -> None:
    for label in HOSTILE[:: 1 if number is Value else 4]:
        x = number(2.0, label=label)
        y = x * x
        y.label = label
        bundle = display_bundle(y)
        assert bundle["text/plain"].isprintable()
        assert assert_inert(bundle["image/svg+xml"]).get("aria-label") == f"the graph of {title(label)}, 2 nodes"
        assert draw(y)._repr_mimebundle_() == {"image/svg+xml": bundle["image/svg+xml"], "text/plain": repr(draw(y))}
        assert repr(draw(y)) == f"Picture(the graph of {title(label)}, 2 nodes)"
        assert display_bundle(x)["text/plain"].isprintable()


def title(label: str) -> str:
    """The heading of a square that is called like its operand."""
    text = shown(label)
    factor = f"({text})" if " " in text else text
    formula = f"{factor} * {factor}" if text and len(f"{factor} * {factor}") <= 24 else "… * …" if not text else "*"
    return f"{text} = {formula}" if text else formula


def test_without_graphviz_a_hostile_label_is_still_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "engine", lambda: None)
    for label in HOSTILE:
        bundle = display_bundle(Value(1.0, label=label) * 2.0)
        assert bundle["text/plain"].isprintable()
        written = [element.text or "" for element in assert_inert(bundle["image/svg+xml"]).iter(f"{SVG}text")]
        assert shown(label) in written or not shown(label)


def test_a_saved_picture_is_the_inert_one(tmp_path: Path) -> None:
    picture = draw(labelled(HOSTILE), max_nodes=400)
    saved = picture.save(tmp_path / "graph.svg").read_text(encoding="utf-8")
    assert leaves(assert_inert(saved)) == sorted(map(leaf, HOSTILE))
    assert_graph(picture.save(tmp_path / "graph.dot").read_text(encoding="utf-8"), len(HOSTILE) + 1, len(HOSTILE))


# ----- symbols of operations -----


@pytest.mark.parametrize("field", ["symbol", "name"])
def test_hostile_symbols_are_shown_as_text_on_every_way(field: str) -> None:
    """An operation is a row that anybody may write."""
    ways = [(row, symbol) for row in ("mul", "neg", "exp") for symbol in HOSTILE]
    root = Value(1.0)
    for name, text in ways:
        row = replace(OPS[name], **{"symbol": "\x00", field: text})  # with nothing to show but its name
        root = Value._apply(row, root, *[Value(1.0)] * (row.arity - 1))
    picture = draw(root, max_nodes=1_000)
    written = [element.text for element in assert_inert(picture.svg()).iter(f"{SVG}text")]
    assert {shown(text) for text in HOSTILE if shown(text)} <= set(written)
    assert_graph(picture.dot, len(picture.trace.nodes), len(picture.trace.edges))
    for ascii in (False, True):
        text = tree(root, max_nodes=1_000, ascii=ascii)
        assert all(line.isprintable() for line in text.split("\n"))
        assert not ascii or text.isascii()
