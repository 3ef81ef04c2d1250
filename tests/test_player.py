"""The player: the page that steps through a graph shows, after every step, what the trace says."""

import io
import itertools
import json
import linecache
import math
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import chromium
from helpers import same, samples
from test_hostile_labels import HOSTILE
from test_narration import chain, interior, network_loss

import autograd
import nn
from autograd import Tensor, Value, custom_op
from autograd.functions import operation
from autograd.namespaces import ieee
from autograd.ops import OPS, REDUCTIONS, Op
from autograd.viz import layout
from autograd.viz import player as player_module
from autograd.viz.javascript import partial, row
from autograd.viz.layout import LayoutError
from autograd.viz.narration import Narrator
from autograd.viz.player import Player, step
from autograd.viz.stage import stage
from autograd.viz.trace import Trace
from autograd.viz.view import view
from autograd.viz.wording import facts, number


def leaves(*data: float, names: str = "abcdefgh") -> list[Value]:
    return [Value(x, label=label) for x, label in zip(data, names, strict=False)]


def expression() -> Value:
    a, b, c, f = leaves(2.0, -3.0, 10.0, -2.0)
    e = a * b
    e.label = "e"
    result = (e + c) * f
    result.label = "L"
    return result


def repeated_parent() -> Value:
    (x,) = leaves(3.0, names="x")
    return x * x + x


def fan_out() -> Value:
    (x,) = leaves(0.5, names="x")
    shared = x.tanh()
    return shared * 2.0 + shared.exp() + shared / 3.0 - x


def born_nan() -> Value:
    a, b = leaves(-1.0, 0.0)
    return a.log() * b + (b / b)


def infinite() -> Value:
    a, b = leaves(1000.0, 0.0)
    return a.exp() + 1.0 / b


def fused_dot() -> Value:
    w, x = leaves(0.1, -0.2, 0.3, names="uvw"), leaves(1.0, 2.0, 3.0, names="xyz")
    return autograd.dot(w, x, Value(0.25, label="bias")).tanh()


def network() -> Value:
    rng = random.Random(0)
    xs = leaves(1.0, -2.0, names="xy")
    for width in (8, 3):
        xs = [autograd.dot([Value(rng.uniform(-1, 1)) for _ in xs], xs, Value(0.1)).tanh() for _ in range(width)]
    return autograd.sum([(x - 1.0) ** 2 for x in xs])


def choices() -> Value:
    a, b = leaves(0.7, -0.4)
    return a.maximum(b).relu() + b.clip(-1.0, 1.0) * a.leaky_relu() + (a**3.0)


def reductions() -> Value:
    xs = leaves(0.5, -1.5, 2.0)
    return autograd.logsumexp(xs) * autograd.prod(xs) - autograd.norm(xs) + autograd.mean(xs)


def constants() -> Value:
    (x,) = leaves(1.5, names="x")
    return (2.0 * x + 1.0) * (3.0 - x.detach())


def leaf() -> Value:
    return Value(2.0, label="a")


def own_operation() -> Value:
    def forward(m: Any, x: Any) -> Any:
        return x * x if x > 0 else 0.0 * x  # an `if` on a number: no JavaScript

    square = Op("halfsquare", "hs", forward, (lambda m, y, x: 2.0 * x if x > 0 else 0.0,), "x^2")
    result: Value = operation(square)(Value(3.0, label="a")) * 2.0
    return result


GRAPHS: list[Callable[[], Value]] = [
    expression, repeated_parent, fan_out, born_nan, infinite, fused_dot, network, choices, reductions, constants, leaf,
    own_operation,
]  # fmt: skip


# ----- the page, without a browser -----


def graph_of(player: Player) -> dict[str, Any]:
    """The data in the page."""
    found = re.search(r'<script type="application/json">(.*?)</script>', player.html, re.DOTALL)
    assert found
    graph: dict[str, Any] = json.loads(found[1])
    return graph


def test_a_player_is_one_page_that_refers_to_nothing_outside_it(tmp_path: Path) -> None:
    page = step(expression()).save(tmp_path / "lesson.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    urls = set(re.findall(r"https?://[^\"'\s]+", page))
    assert urls == {"http://www.w3.org/2000/svg"}  # a name, not an address that anybody opens
    assert not re.search(r"\bimport\b|fetch\(|XMLHttpRequest|<link|src=", page)
    assert [path.name for path in tmp_path.iterdir()] == ["lesson.html"]


def test_a_page_of_150_values_is_below_100_kilobytes() -> None:
    rng = random.Random(1)
    xs = [Value(rng.uniform(-1, 1)) for _ in range(50)]
    root = xs[0]
    for x in xs[1:]:
        root = (root * x).tanh()
    player = step(root, check=True, optimizer=nn.Adam(xs))
    assert len(player.trace.nodes) >= 148
    assert len(player.page().encode()) < 100_000


@pytest.mark.parametrize("graph", GRAPHS)
def test_two_players_of_one_graph_are_the_same_and_leave_its_gradients_alone(graph: Callable[[], Value]) -> None:
    root = graph()
    assert step(root, check=True).html == step(root, check=True).html
    assert root.grad == 0.0


def test_the_player_opens_where_it_is_asked_to() -> None:
    root = expression()
    steps = step(root).trace.steps
    names = [node.name for node in step(root).trace.nodes]
    at = graph_of(step(root, at="e:backward"))["at"]
    assert steps[at].kind == "backward" and names[steps[at].node] == "e"
    assert graph_of(step(root, at=1))["at"] == 0
    with pytest.raises(ValueError, match="no step is called 'nobody'"):
        step(root, at="nobody")
    with pytest.raises(ValueError, match="theme is one of auto, light, dark; got 'blue'"):
        step(root, theme="blue")  # type: ignore[arg-type]


def test_a_player_is_saved_as_a_page_or_not_at_all(tmp_path: Path) -> None:
    player = step(expression())
    with pytest.raises(TypeError, match=r'path is a file name, as in save\("lesson.html"\), not int 3'):
        player.save(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"a player is saved as \.html; got 'a\.svg'"):
        player.save(tmp_path / "a.svg")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        player.save(tmp_path / "none" / "a.html")
    assert not list(tmp_path.iterdir())


def test_the_finite_differences_agree_with_the_gradients() -> None:
    for graph in (expression, repeated_parent, fan_out, fused_dot, choices, reductions, constants):
        player = step(graph(), check=True)
        finished = player.picture().trace.nodes
        checks = graph_of(player)["check"]
        assert len(checks) == sum(node.kind == "leaf" for node in finished)
        for i, numeric in checks.items():
            assert finished[int(i)].grad == pytest.approx(numeric, rel=1e-6, abs=1e-8)


def test_a_notebook_gets_the_finished_picture_and_then_the_player(monkeypatch: pytest.MonkeyPatch) -> None:
    display = pytest.importorskip("IPython.display")
    outputs: list[dict[str, str]] = []
    monkeypatch.setattr(display, "display", lambda bundle, raw: outputs.append(bundle))
    step(expression())._ipython_display_()
    picture, html = outputs
    assert set(picture) == {"image/svg+xml", "text/plain"} and "−6" in picture["image/svg+xml"]
    assert set(html) == {"text/html", "text/plain"}


def test_a_graphviz_that_fails_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise LayoutError("it took too long")

    monkeypatch.setattr("autograd.viz.stage.render", broken)
    x = Value(2.0)
    player = step(x * x + 1.0)
    assert player._repr_html_() == player.html
    assert "glassgrad-player" in player.html


def test_operations_that_have_no_javascript_leave_the_page_without_an_edit_field_and_rules() -> None:
    """Of arrays, and a rule with a constant that no JavaScript literal writes."""
    v = Tensor([1.0, 2.0])
    assert step((v * v).sum()).html

    @custom_op(lambda m, y, x: m.where(x > math.inf, 1.0, 2.0))
    def twice(m: Any, x: Any) -> Any:
        return m.where(x > math.inf, x, 2.0 * x)

    assert "Infinity" in step(twice(Value(3.0))).html


def test_without_graphviz_the_player_lays_out_its_graph_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "engine", lambda: None)
    monkeypatch.setattr("autograd.viz.stage.engine", lambda: None)
    player = step(network())
    assert "<svg" in str(player._repr_svg_())
    nodes = graph_of(player)["nodes"]
    assert len({*zip(nodes["x"], nodes["y"], strict=True)}) == len(nodes["x"])


@pytest.mark.parametrize("own", [False, True])
def test_no_two_cards_overlap_and_all_are_on_the_stage(own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if own:
        monkeypatch.setattr("autograd.viz.stage.engine", lambda: None)
    for graph in GRAPHS:
        trace = view(graph(), steps=True)
        place = stage(trace, [node.name for node in trace.nodes], [2] * len(trace.nodes))
        for a, b in itertools.combinations(place.boxes, 2):
            apart = a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
            assert apart, graph.__name__
        for box in place.boxes:
            assert box.x >= -1 and box.x + box.width <= place.width + 1
            assert box.y >= -1 and box.y + box.height <= place.height + 1
        assert all(len(curve) % 3 == 2 for curve in place.curves)


def test_of_a_large_graph_and_of_tensors_there_is_a_player_too() -> None:
    root = Value(0.01, label="x")
    for _ in range(500):
        root = root.sin()
    graph = graph_of(step(root, check=True))
    assert "501 nodes on 3 cards" in graph["caption"] and not graph["editable"] and "check" not in graph
    graph = graph_of(step(root, check=True, group="scalar"))
    assert "showing 30 of 501 nodes" in graph["caption"] and not graph["editable"] and "check" not in graph
    product = Tensor([[1.0, 2.0]], label="x") @ Tensor([[1.0], [2.0]], label="w")
    assert graph_of(step(product.sum()))["nodes"]["fixed"]["0"]["array"] == "(1, 2) float64"


def test_source_lines_stand_in_the_order_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook's cells are files whose names say nothing: the one that was used first comes first."""
    cells = {"z9.py": "x = Value(2.0)\nb = Value(3.0)\ny = x * b", "a1.py": "\nz = y + x\nw = y * z"}
    known: dict[str, Any] = {"Value": Value}
    for file, text in cells.items():
        lines = [f"{line}\n" for line in text.split("\n")]
        monkeypatch.setitem(linecache.cache, file, (len(text), None, lines, file))
        exec(compile(text, file, "exec"), known)
    monkeypatch.setattr("autograd.viz.names.file_name", lambda file: f"In[{list(cells).index(file) + 1}]")
    graph = graph_of(step(known["w"]))
    lines = [("In[1]:1", "x = Value(2.0)"), ("In[1]:2", "b = Value(3.0)"), ("In[1]:3", "y = x * b")]
    assert graph["lines"] == [list(line) for line in [*lines, ("In[2]:2", "z = y + x"), ("In[2]:3", "w = y * z")]]
    assert graph["nodes"]["line"] == [0, 1, 2, 3, 4]
    screen = io.StringIO()
    step(known["w"], at="z").play(input=lambda _: "q", output=screen, color=False)
    assert "In[2]:2   z = y + x" in screen.getvalue()


def test_hostile_names_end_no_element_of_the_page() -> None:
    root = autograd.sum([Value(1.0, label=label) for label in HOSTILE])
    root.label = "</script><script>alert(1)</script>\" onfocus='alert(1)"
    player = step(root, at="backward")
    assert [tag.lower() for tag in re.findall(r"</?script", player.html)] == ["<script", "</script"] * 2
    assert "onfocus='" not in player.html.split("<template>")[0]
    player.page().encode()


# ----- the rows in JavaScript -----

EXTREMES = [0.0, 1.0, -1.0, 0.5, 40.0, -800.0, 800.0, math.inf, -math.inf, math.nan]


def points(op: Op) -> list[tuple[float, ...]]:
    """Inside the domain, at the kinks, and where the result may be infinite or no number."""
    if op.arity == 1:
        far = [(x,) for x in EXTREMES]
    else:
        far = list(itertools.product(EXTREMES, repeat=2)) if op.arity == 2 else [(x, 1.0, 2.0) for x in EXTREMES]
    return [*samples(op, 20), *(xs for xs, _ in op.kinks), *far]


def all_rows() -> tuple[str, list[tuple[str, tuple[float, ...], list[float]]]]:
    """A program that computes every row at its points, and what Python has there: the value, then the partials."""
    calls, expected = [], []

    def call(name: str, pair: tuple[str, str] | None, xs: tuple[float, ...], numbers: list[float]) -> None:
        assert pair is not None
        text = ", ".join("NaN" if x != x else repr(x).replace("inf", "Infinity") for x in xs)
        calls.append(f"run({pair[0]}, {pair[1]}, [{text}])")
        expected.append((name, xs, numbers))

    for op in OPS.values():
        for xs in points(op):
            y = ieee(op.forward, *xs)
            call(op.name, row(op), xs, [y, *(ieee(d, y, *xs) for d in op.partials)])
    for name, reduction in REDUCTIONS.items():
        for xs in ((0.5, -1.5, 2.0, 0.25, 1.0), (3.0, 4.0), (2.0,), (0.0, 0.0), (700.0, 710.0, -5.0)):
            if name == "dot" and len(xs) < 2:
                continue
            y = reduction.forward(xs)
            call(name, row(reduction), xs, [y, *reduction.scalar_vjp((y, *xs), 1.0)])  # type: ignore[list-item]
    run = (
        "const run = (f, d, xs) => { const y = Number(f(...xs)); return [y, ...d(y, ...xs).map(Number)].map(String); };"
    )
    source = (Path(player_module.__file__).parent / "assets" / "player.js").read_text(encoding="utf-8")
    return f"{source}\n{run}\n[{', '.join(calls)}]", expected


def assert_rows(found: list[list[str]], expected: list[tuple[str, tuple[float, ...], list[float]]]) -> None:
    for texts, (name, xs, numbers) in zip(found, expected, strict=True):
        values = [float(text.replace("Infinity", "inf")) for text in texts]
        assert same(values, numbers, 1e-12), (name, xs, values, numbers)


def test_node_computes_every_row_as_python_does() -> None:
    program = shutil.which("node")
    if program is None:
        pytest.skip("there is no node on the PATH; the browser computes the rows in another test")
    text, expected = all_rows()
    script = f"const found = eval({json.dumps(text)}); console.log(JSON.stringify(found))"
    done = subprocess.run([program, "-"], input=script.encode(), capture_output=True, check=True)
    assert_rows(json.loads(done.stdout), expected)


def test_a_row_that_branches_in_python_has_no_javascript() -> None:
    own = OPS["exp"]
    assert row(replace(own, forward=lambda m, x: x if x > 0 else -x)) is None
    assert row(replace(own, forward=lambda m, x: math.exp(x))) is None
    assert row(replace(own, forward=lambda m, x: m.gamma(x))) is None
    assert row(replace(REDUCTIONS["sum"], forward=max)) is None
    assert not graph_of(step(own_operation()))["editable"]


def test_parentheses_keep_the_order_of_operations() -> None:
    op = replace(OPS["maximum"], forward=lambda m, a, b: a * (b * a) - (a - (b + 1.0)) / (0.0 - -b))
    assert row(op)[0] == "(x0, x1) => x0 * (x1 * x0) - (x0 - (x1 + 1)) / (0 - -x1)"  # type: ignore[index]


def test_a_derivative_reads_in_the_names_of_the_operands() -> None:
    assert partial(OPS["mul"], 0, "y", ["a", "b"]) == "b"
    assert partial(OPS["tanh"], 0, "t", ["x"]) == "sech2(x)"
    assert partial(OPS["div"], 1, "a / b", ["x0", "m.y-1"]) == "(−(a / b) / m.y-1)"


# ----- in a browser -----


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


class Page:
    """A page with players on it, and what went wrong on it."""

    def __init__(self, browser: Any, html: str, **options: Any) -> None:
        self.page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.errors.append(request.url))
        self.page.set_content(html)
        self.page.locator(".glassgrad-player").first.focus()

    def __enter__(self) -> "Page":
        return self

    def __exit__(self, *problem: object) -> None:
        self.page.close()
        assert self.errors == []

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def js(self, text: str) -> Any:
        """``text`` with the player as `p` and its shadow root as `s`."""
        return self.page.evaluate(
            f"() => {{ const h = document.querySelector('.glassgrad-player'), p = h.player, s = h.shadowRoot; {text} }}"
        )

    def cards(self) -> list[list[str]]:
        found: list[list[str]] = self.js(
            "return p.cards.map(({ values: v }) => [v.data?.textContent ?? '', v.grad?.textContent ?? '']);"
        )
        return found

    def at(self) -> int:
        found: int = self.js("return p.at;")
        return found


def opened(browser: Any, root: Any, **options: Any) -> Page:
    return Page(browser, step(root, **options).page())


def expected_cards(trace: Trace, at: int) -> list[list[str]]:
    """After step ``at`` each card's data and gradient, as Python writes them."""
    computed = {node.id for node in trace.nodes if not node.op}
    gradients: dict[int, float] = {}
    moved: dict[int, float] = {}
    for record in trace.steps[: at + 1]:
        if record.kind == "forward":
            computed.add(record.node)
        elif record.kind == "seed":
            gradients[record.node] = 1.0
        elif record.update is not None:
            moved[record.node] = record.update.after
        gradients |= {trace.edges[send.edge].parent: send.after for send in record.sends}
        gradients |= {arrival.node: arrival.after for arrival in record.arrivals if arrival.after is not None}
    cards = []
    for node in trace.nodes:
        data = number(moved.get(node.id, node.data)) if node.id in computed and node.data is not None else "–"
        grad = number(gradients[node.id]) if node.id in gradients else "–"
        if node.kind == "constant":
            data, grad = ("", "") if not node.name else (data, "")
        cards.append([data, grad])
    return cards


SENDS = """
  const text = (x) => (Object.is(x, -0) ? '-0' : String(x));
  return p.run.sends[p.at].map((s) => [s.edge, ...[s.upstream, s.contribution, s.after].map(text)]);
"""


def moving(root: Value, make: Callable[[list[Value]], nn.Optimizer]) -> nn.Optimizer:
    """An optimizer of all leaves that has made two steps already, forwards and back again."""
    leaves = [node for node in autograd.topological_order(root) if not node.parents and node.requires_grad]
    optimizer = make([*leaves])
    before = [leaf.data for leaf in leaves]
    for _ in range(2):
        root.backward()
        optimizer.step()
        optimizer.zero_grad()
    for leaf, data in zip(leaves, before, strict=True):
        leaf.data = data
    return optimizer


UPDATED: list[tuple[Callable[[], Value], Callable[[list[Value]], nn.Optimizer]]] = [
    (expression, lambda leaves: nn.SGD(leaves, lr=0.1)),
    (fan_out, lambda leaves: nn.SGD(leaves, lr=0.1, momentum=0.9)),
    (network, lambda leaves: nn.Adam(leaves, lr=0.01)),
    (born_nan, lambda leaves: nn.RMSProp(leaves)),
]


@pytest.mark.parametrize(("graph", "make"), [*[(graph, None) for graph in GRAPHS], *UPDATED])
def test_after_every_step_the_page_shows_what_the_trace_says(
    browser: Any, graph: Callable[[], Value], make: Callable[[list[Value]], nn.Optimizer] | None
) -> None:
    root = graph()
    player = step(root, optimizer=make and moving(root, make))
    trace = player.trace
    assert ("update" in [record.kind for record in trace.steps]) == (make is not None)
    with Page(browser, player.page()) as page:
        place = (
            "return p.cards.map(({ group }) => group.getAttribute('transform')).join() + p.svg.getAttribute('height');"
        )
        before = page.js(place)
        sentences = graph_of(player)["steps"]["say"]
        for i in range(len(trace.steps)):
            assert page.at() == i
            assert page.cards() == expected_cards(trace, i)
            assert page.js("return p.say.textContent;") == sentences[i]
            sends = page.js(SENDS)
            for send, (edge, *texts) in zip(trace.steps[i].sends, sends, strict=True):
                numbers = [float(text.replace("Infinity", "inf")) for text in texts]
                assert edge == send.edge
                assert repr(numbers) == repr([send.upstream, send.contribution, send.after])
            page.press("ArrowRight")
        assert page.at() == len(trace.steps) - 1
        assert page.js(place) == before


PARTS: list[tuple[Callable[[], Value], dict[str, Any]]] = [
    (chain, {"group": "scalar"}),
    (interior, {"max_nodes": 40}),
    *[(network_loss, {"sample": i}) for i in range(3)],
]


@pytest.mark.parametrize(("graph", "options"), PARTS)
def test_of_a_part_the_page_has_the_engines_gradients(
    browser: Any, graph: Callable[[], Value], options: dict[str, Any]
) -> None:
    root = graph()
    player = step(root, **options)
    trace = player.trace
    with Page(browser, player.page()) as page:
        for i, record in enumerate(trace.steps):
            assert page.cards() == expected_cards(trace, i)
            assert page.js("return p.say.textContent;") == Narrator(trace).sentence(i)
            for send, (edge, *texts) in zip(record.sends, page.js(SENDS), strict=True):
                numbers = [float(text) for text in texts]
                assert (edge, numbers) == (send.edge, [send.upstream, send.contribution, send.after])
            reached = page.js("return p.cards.flatMap(({ group }, i) => group.matches('.reached') ? [i] : []);")
            assert set(reached) == {come.node for come in record.arrivals} | {
                trace.edges[send.edge].parent for send in record.sends
            }
            page.press("ArrowRight")
        grads = page.js("return p.run.state(p.last).gradient;")
    root.backward()
    expected = view(root, **{"group": "scalar", **options}).nodes
    assert grads == [node.grad for node in expected]
    finished = replace(player, quiz=False).picture().trace.nodes
    assert [node.grad for node in finished] == [node.grad for node in expected]


def test_what_comes_from_outside_is_part_of_the_backward_pass(browser: Any) -> None:
    with opened(browser, chain(), group="scalar", at="x") as page:
        assert page.js("return [p.phase.textContent, p.phase.className];") == [
            f"backward · from outside · step {page.at() + 1} of {page.at() + 1}", "phase backward",
        ]  # fmt: skip
        assert page.js("return p.formula.textContent;") == "grad x = 1 + 1.35 = 2.35"
        assert page.js("return [...s.querySelectorAll('.passes i')].map((e) => e.className);") == [
            "forward", "seed", "backward",
        ]  # fmt: skip
        assert page.js(CONTRAST) == []
        at = page.at()
        page.page.locator("g.node.root").click()
        assert page.js("return p.graph.steps.kind[p.at];") == "backward" and page.at() < at
        page.page.locator("g.node.leaf").first.click()
        assert page.at() == at
        widths = "return [...s.querySelectorAll('.passes i')].map((e) => Number(getComputedStyle(e).flexGrow));"
        assert sum(page.js(widths)) == at + 1
    with opened(browser, network_loss(), sample=1) as page:
        page.press("End")
        at, node = page.at(), page.js("return p.graph.steps.node[p.at];")
        assert page.js("return p.graph.steps.kind.indexOf('unseen');") < at
        page.js(f"p.jump({node});")
        assert page.at() == at  # where the last was added, not the first
    with opened(browser, chain(), group="scalar", at="x", quiz=True) as page:
        assert page.cards()[0] == ["2", "2.35"] and page.js("return p.ask.textContent;") == ""


def test_of_arrays_it_is_told_that_a_gradient_came_from_outside(browser: Any) -> None:
    W = Tensor([[0.1, 0.2]], label="W")
    h = (W @ [1.0, 2.0]).tanh() * [1.0, 2.0]
    L = (h * h).sum()
    L.backward()
    norm = "return Object.values(p.cards.at(-1).values).at(-1).textContent;"
    with opened(browser, L, around=h, up=1, down=0) as page:
        assert page.js(norm) == "–"
        page.press("b", "ArrowLeft")
        assert page.js("return p.graph.steps.kind[p.at];") == "unseen"
        assert page.js(norm) == number(float(np.linalg.norm(h.grad))) and page.js("return p.formula.textContent;") == ""


def test_the_page_writes_numbers_as_python_does(browser: Any) -> None:
    rng = random.Random(2)
    numbers = [0.0, -0.0, 1.0, 1.0625, 1.1875, -10.125, 12345.0, 99995.0, 9999.5, 0.0001, 0.00009999, 1e-300, 2**0.5]
    numbers += [round(rng.uniform(-1, 1) * 10 ** rng.randint(-8, 8), rng.randint(1, 9)) for _ in range(500)]
    source = (Path(player_module.__file__).parent / "assets" / "player.js").read_text(encoding="utf-8")
    found = browser.new_page().evaluate(
        f"(xs) => eval({json.dumps(source + ' ;number')}) && xs.map(eval({json.dumps(source + ';number')}))", numbers
    )
    assert found == [number(x) for x in numbers]


def test_the_browser_computes_every_row_as_python_does(browser: Any) -> None:
    text, expected = all_rows()
    assert_rows(browser.new_page().evaluate("(text) => eval(text)", text), expected)


def test_the_keys_step_jump_and_walk(browser: Any) -> None:
    with opened(browser, expression()) as page:
        page.press("End")
        assert page.at() == 6
        page.press("ArrowLeft", "ArrowLeft")
        assert page.at() == 4
        page.press("f")
        assert page.at() == 0
        page.press("b")
        assert page.at() == 4
        page.press("Home", "ArrowLeft")
        assert page.at() == 0
        name = "return p.graph.nodes.name[p.selected];"
        page.press("End", "Shift+ArrowLeft")
        assert page.js(name) == "a"
        page.press("Shift+ArrowDown")
        assert page.js(name) == "b"
        page.press("Shift+ArrowRight")
        assert page.js(name) == "e"
        assert page.at() == 6
        page.press("f", "?")
        assert page.js("return p.help.hidden;") is False
        page.press("Escape")
        assert page.js("return p.help.hidden;") is True


def test_space_plays_to_the_end_and_a_second_one_pauses(browser: Any) -> None:
    with opened(browser, expression()) as page:
        page.js("p.speed.value = '2';")
        page.press("Space")
        page.page.wait_for_function("() => document.querySelector('.glassgrad-player').player.at === 1")
        page.press("Space")
        assert page.js("return p.playing;") == 0
        assert "play" in page.js("return p.play.getAttribute('aria-label');")


def test_the_buttons_and_the_slider_step(browser: Any) -> None:
    with opened(browser, expression()) as page:
        for label, at in (("step on (→)", 1), ("last step (End)", 6), ("step back (←)", 5), ("first step (Home)", 0)):
            page.page.get_by_role("button", name=label).click()
            assert page.at() == at
        page.page.get_by_role("slider", name="step").fill("3")
        assert page.at() == 3
        page.press("ArrowRight")  # with the focus on the slider: one step, not two
        assert page.at() == 4


def test_a_node_is_found_by_name_and_by_a_click(browser: Any) -> None:
    with opened(browser, expression(), at="backward") as page:
        page.press("/")
        page.page.keyboard.type("e")
        page.press("Enter")
        assert page.js("return p.graph.nodes.name[p.graph.steps.node[p.at]];") == "e"
        page.press("/")
        page.page.keyboard.type("nobody")
        page.press("Enter")
        assert page.js("return p.find.getAttribute('aria-invalid');") == "true"
        page.press("Escape", "f")
        page.page.locator("g.node.root").click()
        assert page.js("return [p.at, p.graph.steps.kind[p.at]];") == [2, "forward"]


def test_keys_stay_in_the_player_and_those_outside_do_nothing_to_it(browser: Any) -> None:
    page_text = step(expression()).page().replace("<body>", '<body><input id="other">')
    with Page(browser, page_text) as page:
        page.page.evaluate(
            "() => { window.leaks = []; document.addEventListener('keydown', (e) => leaks.push(e.key)); }"
        )
        page.press("ArrowRight", "b", "/", "x", "d", "Escape", "?", "Escape", "Space", "Space", "Enter", "a")
        assert page.page.evaluate("() => leaks") == []
        assert page.js("return h.hasAttribute('data-lm-suppress-shortcuts') && h.tabIndex === 0;")
        at = page.at()
        page.page.locator("#other").focus()
        page.press("ArrowRight", "b", "End")
        assert page.at() == at
        assert page.page.evaluate("() => leaks") == ["ArrowRight", "b", "End"]


def test_the_quiz_asks_before_it_shows(browser: Any) -> None:
    with opened(browser, expression(), quiz=True, at="e:backward") as page:
        trace = view(expression(), steps=True)
        assert page.cards() == expected_cards(trace, page.at() - 1)
        question = page.page.get_by_label("What does e send to a? Its gradient is −2, the local derivative −3.")
        question.fill("6")
        question.press("Enter")
        assert "Right: −2 × −3 = +6." in page.js("return p.ask.textContent;")
        question = page.page.get_by_label("What does e send to b?", exact=False)
        question.fill("-5")
        question.press("Enter")
        asked = page.js("return p.ask.textContent;")
        assert "Not −5: −2 × 2 = −4." in asked and "1 of 2 right" in asked
        assert page.cards() == expected_cards(trace, page.at())


def test_in_the_quiz_what_is_typed_is_the_answer(browser: Any) -> None:
    """Without a click, and though - and 0 are keys of the player."""
    with opened(browser, expression(), quiz=True, at="backward") as page:
        scale = page.js("return p.scale;")
        page.press("ArrowRight", "ArrowRight", "ArrowRight", "-", "2", "Enter")
        assert "Right: −2 × 1 = −2." in page.js("return p.ask.textContent;")
        page.press("Escape", "0", ".", "5", "Enter")
        assert "Not 0.5: −2 × 1 = −2." in page.js("return p.ask.textContent;")
        assert page.js("return p.scale;") == scale
        page.press("-")
        assert page.js("return p.scale;") < scale


def test_a_quiz_has_no_gradients_in_the_picture_above_it() -> None:
    player = step(expression(), quiz=True)
    assert all(node.grad is None for node in player.picture().trace.nodes)
    assert "−6" in str(player._repr_svg_()) and ">−4<" not in str(player._repr_svg_())
    assert ">−4<" in str(replace(player, quiz=False)._repr_svg_())


def test_in_the_quiz_an_arrow_reveals_one_answer_at_a_time(browser: Any) -> None:
    with opened(browser, expression(), quiz=True, at="e:backward") as page:
        at = page.at()
        for known in (0, 1, 2):
            assert page.js("return s.querySelectorAll('.formula li').length;") == known
            assert page.at() == at
            page.press("ArrowRight")
        page.press("ArrowLeft")
        assert page.at() == at - 1


def test_editing_a_leaf_recomputes_everything_as_python_would(browser: Any) -> None:
    for graph in (expression, repeated_parent, fan_out, fused_dot, network, choices, reductions, constants):
        root = graph()
        node = next(
            i for i, n in enumerate(autograd.graph.topological_order(root)) if not n.parents and n.requires_grad
        )
        changed = graph()
        order = autograd.graph.topological_order(changed)
        order[node].data = 0.375
        for n in order:  # the forward pass again, over the same graph
            if n.op is not None:
                xs = [p.data for p in n.parents]
                n.data = ieee(n.op.forward, *xs) if isinstance(n.op, Op) else n.op.forward(tuple(xs))
                saved = (n.data, *xs)
                n.saved = (saved, n.saved[1]) if isinstance(n.saved[0], tuple) else saved
        player = step(root, check=True)
        expected = step(changed).picture().trace.nodes
        with Page(browser, player.page()) as page:
            page.press("End")
            page.js(f"p.select({node});")
            page.page.get_by_label("data of ", exact=False).fill("0.375")
            page.press("Enter")
            found = page.js("const g = p.run.state(p.last).gradient; return p.run.data.map((x, i) => [x, g[i]]);")
            for (data, grad), wanted in zip(found, expected, strict=True):
                assert data == pytest.approx(wanted.data, rel=1e-13), graph.__name__
                assert wanted.kind == "constant" or grad == pytest.approx(wanted.grad, rel=1e-12, abs=1e-15)
            assert "✓" in page.js("return p.about.textContent;")
            page.page.get_by_role("button", name="reset").click()
            assert page.cards() == expected_cards(player.trace, len(player.trace.steps) - 1)


def test_an_update_stands_on_the_timeline_and_is_reached_by_key_and_by_click(browser: Any) -> None:
    root = expression()
    with opened(browser, root, optimizer=moving(root, UPDATED[0][1]), at="b:update") as page:
        assert page.js("return [...s.querySelectorAll('.passes i')].map((e) => e.className);") == [
            "forward", "seed", "backward", "update",
        ]  # fmt: skip
        assert page.js("return p.formula.textContent;") == "b = −3 − 0.1 × −4 = −2.6"
        assert "update · step 9 of 11" in page.js("return p.phase.textContent;")
        assert "data −2.6, gradient −4" in page.js("return p.cards[1].group.getAttribute('aria-label');")
        assert page.js("return p.about.querySelector('input');") is None  # it would show the number before
        page.press("b", "u")
        assert page.at() == 7
        page.page.locator("g.node.leaf").nth(1).click()
        assert page.at() == 8
        page.page.locator("g.node.root").click()
        assert page.js("return p.graph.steps.kind[p.at];") == "backward"
        page.page.locator("g.node.leaf").nth(1).click()
        assert page.js("return p.graph.steps.kind[p.at];") == "backward"


def test_the_formula_of_an_update_that_is_not_plain_is_the_sum_and_the_gradient(browser: Any) -> None:
    root = expression()
    with opened(browser, root, optimizer=moving(root, lambda leaves: nn.Adam(leaves, lr=0.01)), at="update") as page:
        assert page.js("return p.formula.textContent;") == "a = 2 − 0.01 = 1.99its gradient is 6"
        assert page.js("return p.say.textContent;") == "Adam moves a from 2 to 1.99, by −0.01, against its gradient +6"


def test_after_an_edit_the_update_is_marked_as_not_computed_anew(browser: Any) -> None:
    root = expression()
    with opened(browser, root, optimizer=moving(root, UPDATED[0][1]), at="a:backward") as page:
        page.js("p.select(0);")
        page.page.get_by_label("data of a").fill("5")
        page.press("Enter", "Escape", "u")
        said = "the update of a was computed in Python, before your edit"
        assert page.js("return [p.say.textContent, p.formula.textContent];") == [said, ""]
        assert page.cards()[0] == ["5", "6"]
        page.page.get_by_role("button", name="reset").click()
        assert page.cards()[0] == ["1.4", "6"]


BADGES = """
  const badges = p.cards.map(({ badge }) => badge);
  return badges.map((b) => b && [b.text.textContent, b.group.getAttribute('class'), b.tip.textContent]);
"""


def test_each_leaf_bears_the_verdict_of_the_finite_difference(browser: Any) -> None:
    player = step(expression(), check=True)
    player = replace(player, differences={**player.differences, 3: -5.0})
    places = "return p.cards.map(({ group }) => group.getAttribute('transform'));"
    with opened(browser, expression()) as page:
        plainly = page.js(places)
        assert page.js(BADGES) == [None] * 7
    with Page(browser, player.page()) as page:
        a, b, e, c, *_ = page.js(BADGES)
        assert a == ["✓", "badge good", "finite difference 6"] and b == ["✓", "badge good", "finite difference −4"]
        assert e is None and c == ["≠", "badge poor", "finite difference −5, gradient −2"]
        assert "finite difference −4" in page.js("return p.cards[1].group.getAttribute('aria-label');")
        assert page.js(places) == plainly
        page.js("p.select(3);")
        page.page.get_by_label("data of c").fill("20")
        page.press("Enter")
        assert page.js(BADGES)[3] == ["✓", "badge good", "finite difference −2"]
        page.js("p.select(5);")
        page.page.get_by_label("data of d").fill("3")
        page.press("Enter")
        assert page.js(BADGES)[3] == ["✓", "badge good", "finite difference 3"]


def test_in_the_quiz_no_badge_gives_an_answer_away(browser: Any) -> None:
    with opened(browser, expression(), check=True, quiz=True) as page:
        assert page.js(BADGES)[0] == ["", "badge none", ""]
        assert not page.page.locator(".badge").first.is_visible()
        page.press("End", "ArrowRight")
        assert page.js(BADGES)[0] == ["", "badge none", ""]
        page.press("ArrowRight")
        assert page.js(BADGES)[0] == ["✓", "badge good", "finite difference 6"]


def test_layers_are_stepped_through_with_their_ranges(browser: Any) -> None:
    loss = network_loss()
    loss.backward()
    player = step(loss, group="layer")
    (layer,) = [node for node in player.trace.nodes if node.name == "layers.1"]
    told = {what: text for what, text, _ in facts(layer)}
    shown = f"return ['nodes', 'data', 'grad'].map((what) => p.cards[{layer.id}].values[what].textContent);"
    with Page(browser, player.page()) as page:
        for i, record in enumerate(player.trace.steps):
            assert page.js("return p.say.textContent;") == graph_of(player)["steps"]["say"][i]
            computed = any(s.node == layer.id for s in player.trace.steps[: i + 1])
            users = {edge.child for edge in player.trace.edges if edge.parent == layer.id}
            reached = any(s.node in users and s.kind == "backward" for s in player.trace.steps[: i + 1])
            numbers = [told["data"] if computed else "–", told["grad"] if reached else "–"]
            assert page.js(shown) == [told["nodes"], *numbers], record
            page.press("ArrowRight")
        page.js(f"p.select({layer.id});")
        assert f"grad{told['grad']}" in page.js("return p.about.textContent;")
        assert page.js("return p.about.querySelector('input');") is None


def test_no_text_of_a_card_is_wider_than_the_card(browser: Any) -> None:
    loss = network_loss()
    loss.backward()
    x = Value(1e5, label="x")
    cube = x * x * x
    cube.backward()
    wide = Tensor(np.ones((100, 784))).sum()
    for player in (step(loss, group="neuron"), step(cube), step(wide), step(fused_dot(), check=True)):
        with Page(browser, player.page()) as page:
            page.press("End")
            outside = page.js(
                "return p.cards.flatMap(({ values }, i) => Object.values(values).filter((text) => {"
                " const box = text.getBBox(); return box.x + box.width > p.graph.nodes.width[i]; })"
                ".map((text) => text.textContent));"
            )
            assert outside == []
            touching = page.js(
                "return [...s.querySelectorAll('text.what')].filter((text) => { const box = text.getBBox();"
                " return box.x + box.width > Number(text.nextSibling.getAttribute('x')); })"
                ".map((text) => text.textContent);"
            )
            assert touching == []


def test_what_ails_a_node_is_on_its_card_and_in_a_sentence_beside(browser: Any) -> None:
    x = Value(1e5, label="x")
    cube = x * x * x
    cube.backward()
    with opened(browser, cube, at="x") as page:
        page.js("p.select(0);")
        assert page.js("return p.cards[0].values.health.textContent;") == "exploding"
        assert "exploding: its gradient reaches 3e+10, above 1,000" in page.js("return p.about.textContent;")
        assert "health exploding" in page.js("return p.cards[0].group.getAttribute('aria-label');")
        assert page.js(CONTRAST) == []


def test_an_optimizer_and_a_group_are_not_shown_together() -> None:
    loss = network_loss()
    with pytest.raises(ValueError, match="an optimizer moves single parameters, and the cards of a large graph show"):
        step(loss, group="layer", optimizer=moving(loss, lambda leaves: nn.SGD(leaves)))
    assert step(loss, group="scalar").trace == step(loss).trace


def test_a_number_that_is_none_is_not_taken(browser: Any) -> None:
    with opened(browser, expression()) as page:
        page.js("p.select(0);")
        field = page.page.get_by_label("data of a")
        field.fill("two")
        field.press("Enter")
        assert field.get_attribute("aria-invalid") == "true"
        assert page.js("return p.run.edited;") is False


@pytest.mark.parametrize("root", [Value(2.0).detach(), Tensor([[1.0, 2.0]]) @ Tensor([[1.0], [2.0]])])
def test_a_constant_and_a_tensor_have_players_that_take_every_key(browser: Any, root: Any) -> None:
    with opened(browser, root, quiz=True) as page:
        page.press(
            "ArrowRight", "End", "b", "Shift+ArrowLeft", "Shift+ArrowUp", "Enter", "Space", "Space", "Home", "0", "+"
        )
        assert page.at() <= len(step(root).trace.steps) - 1


def test_two_players_on_one_page_do_not_meet(browser: Any) -> None:
    two = step(expression()).html + step(repeated_parent(), at="backward").html
    with Page(browser, f"<body>{two}</body>") as page:
        hosts = "[...document.querySelectorAll('.glassgrad-player')].map((h) => h.player.at)"
        assert page.page.evaluate(hosts) == [0, 3]
        page.press("ArrowRight")
        assert page.page.evaluate(hosts) == [1, 3]


def test_hostile_labels_are_text_in_the_page(browser: Any) -> None:
    for chunk in (HOSTILE[:60], HOSTILE[60:]):
        with opened(browser, autograd.sum([Value(1.0, label=label) for label in chunk]), at="backward") as page:
            assert page.js("return s.querySelectorAll('script, img, iframe, [onload]').length;") == 0
            assert page.js("return p.cards.length;") == len(chunk) + 1


CONTRAST = """
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const light = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(channel);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((u, v) => v - u);
    return (x + 0.05) / (y + 0.05);
  };
  const ground = (e) => {
    const drawn = e.closest('g.node, g.label');
    if (drawn) return getComputedStyle(drawn.querySelector('rect:not(.rim)')).fill;
    while (getComputedStyle(e).backgroundColor === 'rgba(0, 0, 0, 0)') e = e.parentElement;
    return getComputedStyle(e).backgroundColor;
  };
  const ink = (e) => (e instanceof SVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color);
  return [...s.querySelectorAll('text, p, li, dt, dd, b, small, button, h3, code, input, select')]
    .filter((e) => e.textContent || e.value)
    .map((e) => [ratio(ink(e), ground(e)), e.tagName, e.textContent])
    .filter(([found]) => !(found >= 4.5));
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("chosen", [True, False])
def test_every_text_has_contrast_in_both_themes(browser: Any, theme: Any, chosen: bool) -> None:
    player = step(fan_out(), check=True, theme=theme if chosen else "auto")
    other = "light" if theme == "dark" else "dark"
    with Page(browser, player.page(), color_scheme=other if chosen else theme) as page:
        for keys in ([], ["b", "ArrowRight", "ArrowRight"], ["Shift+ArrowLeft"]):
            page.press(*keys)
            assert page.js(CONTRAST) == []
        dark = page.js("return getComputedStyle(s.querySelector('.left')).backgroundColor;") == "rgb(22, 27, 34)"
        assert dark == (theme == "dark")


def test_everything_to_press_has_a_name_and_each_step_is_announced(browser: Any) -> None:
    with opened(browser, expression(), check=True) as page:
        page.press("b")
        nameless = page.js(
            "return [...s.querySelectorAll('button, input, select, [role=button], [role=group], [role=dialog]')]"
            ".filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim())).map((e) => e.outerHTML);"
        )
        assert nameless == []
        assert page.js("return h.getAttribute('aria-label');").startswith("player of L")
        assert page.page.get_by_role("status").first.get_attribute("aria-live") == "polite"
        assert page.js("return p.cards.at(-1).group.getAttribute('aria-label');").endswith("data −8, gradient 1")
        assert page.js("return s.querySelectorAll('*').length;") == page.js(
            "p.go(0); p.go(4); return s.querySelectorAll('*').length;"
        )


def test_who_wants_no_motion_sees_none(browser: Any) -> None:
    with Page(browser, step(expression()).page(), reduced_motion="reduce") as page:
        assert page.js("return getComputedStyle(s.querySelector('.edge.active path')).animationName;") == "none"


@pytest.mark.parametrize("width", [1280, 700])
def test_no_step_moves_the_controls_and_nothing_is_wider_than_the_page(browser: Any, width: int) -> None:
    with Page(browser, step(network()).page(), viewport={"width": width, "height": 1000}) as page:
        where = "const r = s.querySelector('.controls').getBoundingClientRect(); return [r.top, r.height];"
        before = page.js(where)
        for key in ("b", "End", "ArrowLeft"):
            page.press(key)
            assert page.js(where) == before
        assert page.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
