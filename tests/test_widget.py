"""The widget: Python and the page share the numbers of a graph, whoever changes them."""

import asyncio
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser import chromium

import autograd
import nn
from autograd import Tensor, Value, custom_op
from autograd.functions import operation
from autograd.graph import topological_order
from autograd.ops import Op
from autograd.viz import Widget, step, widget
from autograd.viz.wording import number

widget_module = sys.modules[Widget.__module__]
pytest.importorskip("anywidget", reason="the widget is not tested: anywidget is not installed")


def expression(x: float = 2.0) -> Value:
    a, b, c = Value(x, label="a"), Value(-3.0, label="b"), Value(10.0, label="c")
    result = (a * b + c) * a.tanh()
    result.label = "L"
    return result


def several(x: float = 2.0) -> Value:
    """Fused operations, a constant, a leaf that is used more than once."""
    a, b = Value(x, label="a"), Value(0.5, label="b")
    y = autograd.dot([a, b], [b, a], Value(0.25)) / 3.0 + autograd.logsumexp([a, b, a * b])
    return y.maximum(b) ** 2.0


def born_nan(x: float = 2.0) -> Value:
    return (Value(x, label="a") - 3.0).log() * 2.0


@custom_op(lambda m, y, x: 3.0 * x * x)
def cubed(m: Any, x: Any) -> Any:
    return x * x * x


def own_rule(x: float = 2.0) -> Value:
    return cubed(Value(x, label="a")) + 1.0


def leaf(x: float = 2.0) -> Value:
    return Value(x, label="a")


FUNCTIONS: list[Callable[..., Value]] = [expression, several, born_nan, own_rule, leaf]


def named(root: Any, label: str) -> Any:
    return next(node for node in topological_order(root) if node.label == label)


def state(w: Widget) -> str:
    """All numbers on both sides, to the last digit."""
    nodes = [(node.data, node.grad, node.saved) for node in topological_order(w.root)]
    return repr((nodes, w.view.graph))


class Sent:
    """What the page of a widget has been sent."""

    def __init__(self, w: Widget, monkeypatch: pytest.MonkeyPatch) -> None:
        self.graphs: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        w.view.observe(lambda change: self.graphs.append(change["new"]), names="graph")
        monkeypatch.setattr(w.view, "send", self.messages.append)


def edited_in_the_page(w: Widget, label: str, text: str) -> None:
    """The message that the page sends for a number typed into it."""
    graph = w.view.graph
    node = graph["nodes"]["name"].index(label)
    w.view._handle_custom_msg({"layout": graph["layout"], "node": node, "data": text}, [])


# ----- edits from Python -----


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("x", [0.375, 3.5, math.inf, math.nan])
def test_an_edited_graph_is_the_graph_that_would_have_been_built(function: Callable[..., Value], x: float) -> None:
    edited, built = function(), function(x)
    w = widget(edited)
    w.set(a=x)
    for a, b in zip(topological_order(edited), topological_order(built), strict=True):
        assert repr((a.data, a.saved)) == repr((b.data, b.saved))
    fresh = widget(built).view.graph
    assert {key: w.view.graph[key] for key in ("nodes", "edges", "steps")} == {
        key: fresh[key] for key in ("nodes", "edges", "steps")
    }
    edited.backward()
    built.backward()
    assert repr(named(edited, "a").grad) == repr(named(built, "a").grad)


def test_a_leaf_is_edited_by_name_and_by_itself() -> None:
    root = expression()
    w, a = widget(root), named(root, "a")
    w["a"] = 3.0
    assert w["a"] == w[a] == a.data == 3.0
    w[a] += 1
    assert a.data == 4.0 and isinstance(a.data, float)
    w.set(a=Value(5.0), b=6)
    assert (a.data, w["b"]) == (5.0, 6.0)


def test_an_edit_leaves_every_gradient_until_the_next_backward() -> None:
    root = expression()
    root.backward()
    before = [node.grad for node in topological_order(root)]
    widget(root).set(a=-1.0)
    assert [node.grad for node in topological_order(root)] == before


def test_names_that_are_no_words_of_python_go_by_item() -> None:
    xs = [Value(1.0, label="layers.0.w"), Value(2.0, label="layers.0.w")]
    w = widget(xs[0] * xs[1])
    w["layers.0.w#1"] = 5.0
    assert [x.data for x in xs] == [1.0, 5.0]


WRONG: list[tuple[Any, Any, type[Exception], str]] = [
    ("z", 1.0, ValueError, "no node is called 'z'; edit one of the leaves a, b, c"),
    ("L", 1.0, ValueError, "'L' is computed by mul; edit one of the leaves a, b, c"),
    (0, 1.0, TypeError, "say which leaf by its name or by itself, not by int 0"),
    (Value(7.0), 1.0, ValueError, r"Value\(data=7.0, grad=0.0\) is not in the graph of .*label='L'"),
    ("a", "3", TypeError, r"a Value is one real number, not str '3'; convert it first"),
    ("a", None, TypeError, "a Value is one real number, not NoneType None"),
    ("a", 10**400, OverflowError, "a Value is at most 1.8e308"),
]


@pytest.mark.parametrize(("key", "number", "kind", "message"), WRONG)
def test_a_wrong_edit_says_what_to_write_and_changes_nothing(
    key: Any, number: Any, kind: type[Exception], message: str
) -> None:
    w = widget(expression())
    before = state(w)
    with pytest.raises(kind, match=message):
        w[key] = number
    assert state(w) == before


def test_of_several_edits_with_a_wrong_one_none_is_made() -> None:
    w = widget(expression())
    before = state(w)
    with pytest.raises(TypeError):
        w.set(a=1.0, b="two")
    with pytest.raises(ValueError, match="no node is called 'z'"):
        w.set(a=1.0, z=2.0)
    assert state(w) == before


def test_a_constant_an_array_and_a_graph_without_leaves_say_what_to_do_instead() -> None:
    w = widget(Value(1.0, label="a") * 2.0)
    with pytest.raises(ValueError, match=r"'2' is a constant; where its number shall be edited, write Value\(2.0\) in"):
        w["2"] = 3.0
    w = widget((Tensor([1.0, 2.0], label="v") * 3.0).sum())
    with pytest.raises(ValueError, match=r"'v' is an array, and a widget edits single numbers; give it new .data"):
        w["v"] = 1.0
    deep = Value(0.5, label="x")
    root = deep
    for _ in range(500):
        root = root.sin()
    w = widget(root)
    assert not w.view.graph["editable"]
    with pytest.raises(ValueError, match=r"no node is called 'x'; give a leaf itself, as in w\[a\] = 3.0"):
        w["x"] = 1.0
    w[deep] = 1.0
    assert root.data == step(root).trace.nodes[-1].data != 0.5


def failing_above_two() -> Any:
    def forward(m: Any, x: Any) -> Any:
        if x > 2.0:
            raise RuntimeError("too large")
        return x

    return operation(Op("guarded", "g", forward, (lambda m, y, x: 1.0,), "x"))


def test_a_rule_that_fails_halfway_leaves_the_graph_as_it_was() -> None:
    a = Value(1.0, label="a")
    w = widget(failing_above_two()(a * 2.0) + a)
    before = state(w)
    with pytest.raises(RuntimeError, match="too large"):
        w.set(a=1.5)
    assert state(w) == before
    w.set(a=0.5)
    assert w.root.data == 1.5


# ----- edits in the page -----


def test_a_number_typed_into_the_page_is_the_leafs_and_the_result_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    root = expression()
    w = widget(root)
    sent, seen = Sent(w, monkeypatch), []
    w.on_edit(lambda edited: seen.append((edited.label, edited.data, root.data)))
    edited_in_the_page(w, "a", "0.5")
    assert root.data == expression(0.5).data
    assert seen == [("a", 0.5, root.data)]
    assert [graph["nodes"]["data"][-1] for graph in sent.graphs] == [root.data]
    for text, data in (("NaN", "nan"), ("-Infinity", "-inf")):
        edited_in_the_page(w, "a", text)
        assert repr(w["a"]) == data
    w.set(a=1.0)
    assert len(seen) == 3  # who edits from Python knows already


def test_an_edit_that_fails_is_refused_in_the_page(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    a = Value(1.0, label="a")
    w = widget(failing_above_two()(a) * 1.0)
    sent = Sent(w, monkeypatch)
    before = state(w)
    edited_in_the_page(w, "a", "5")
    assert state(w) == before and sent.graphs == []
    assert sent.messages == [{"refused": "RuntimeError: too large"}]
    with pytest.raises(TypeError, match="on_edit takes a function of the leaf that was edited; got 3"):
        w.on_edit(3)  # type: ignore[arg-type]


def test_an_edit_meant_for_a_graph_that_is_no_longer_shown_is_left_out() -> None:
    w = widget(expression())
    old = {"layout": w.view.graph["layout"], "node": 0, "data": "7"}
    w.show(several())
    before = state(w)
    w.view._handle_custom_msg(old, [])
    assert state(w) == before


# ----- live -----


def loss_of(w: Value, x: float) -> Value:
    return (w * x - 1.0) ** 2.0


PLACES = ("x", "y", "width", "height")


def places(w: Widget) -> Any:
    graph = w.view.graph
    return [graph["size"], graph["edges"]["path"], *[graph["nodes"][key] for key in PLACES]]


def test_a_graph_of_the_same_shape_comes_in_the_same_places_and_another_in_its_own() -> None:
    weight = Value(0.5, label="w")
    w = widget(loss_of(weight, 2.0))
    layout, at = w.view.graph["layout"], places(w)
    w.show(loss_of(weight, -0.123456))
    assert w.view.graph["layout"] == layout and places(w) == at
    assert w.view.graph["nodes"]["title"][2] == "w * −0.1235"
    w.show(loss_of(weight, 2.0) + weight)
    assert w.view.graph["layout"] == layout + 1 and places(w) != at
    w.show(loss_of(weight, 2.0))
    assert w.view.graph["layout"] == layout + 2 and places(w) == at


def test_another_graph_of_the_same_shape_comes_with_its_own_names() -> None:
    a, b = Value(1.0), Value(2.0)
    w = widget(a * b)
    c, d = Value(3.0), Value(4.0)
    w.show(c * d)
    assert w.view.graph["nodes"]["name"][:2] == ["c", "d"]
    w.set(c=5.0)
    assert (c.data, a.data, w.root.data) == (5.0, 1.0, 20.0)


async def trained(w: Widget, weight: Value, steps: int) -> list[float]:
    """The data of the losses of a training loop that shows each and then moves the weight."""
    losses = []
    for _ in range(steps):
        loss = loss_of(weight, 2.0)
        weight.grad = 0.0
        loss.backward()
        w.show(loss)
        weight.data -= 0.05 * weight.grad
        losses.append(loss.data)
    return losses


def test_of_a_fast_loop_the_page_gets_the_first_and_the_last_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = Value(0.125, label="w")
    w = widget(loss_of(weight, 1.0))
    sent = Sent(w, monkeypatch)
    clock = [widget_module.monotonic() + 1.0]
    monkeypatch.setattr(widget_module, "monotonic", lambda: clock[0])

    async def cell() -> tuple[list[float], float]:
        arrived = asyncio.Event()
        losses = await trained(w, weight, 50)
        before = loss_of(weight, 2.0).data
        assert len(sent.graphs) == 1
        w.view.observe(lambda change: arrived.set(), names="graph")
        await asyncio.wait_for(arrived.wait(), 60)
        return losses, before

    losses, after = asyncio.run(cell())
    first, last = sent.graphs
    assert first["nodes"]["data"][-1] == pytest.approx(losses[0])
    assert last["nodes"]["data"][-1] == losses[-1] != after
    data = dict(zip(last["nodes"]["name"], last["nodes"]["data"], strict=True))
    assert (data["w"] * 2.0 - 1.0) ** 2.0 == losses[-1]  # the weight of that loss, not the one it was moved to
    assert weight.data != data["w"]


def test_ten_updates_a_second_reach_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = Value(0.125, label="w")
    w = widget(weight * 1.0)
    sent = Sent(w, monkeypatch)
    clock = [widget_module.monotonic()]
    monkeypatch.setattr(widget_module, "monotonic", lambda: clock[0])

    async def cell() -> None:
        for _ in range(200):  # two seconds
            clock[0] += 0.01
            weight.data += 1.0
            w.show(weight * 1.0)

    asyncio.run(cell())
    assert 18 <= len(sent.graphs) <= 20


def test_flush_sends_at_once_what_would_have_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = Value(0.125, label="w")
    w = widget(loss_of(weight, 1.0))
    clock = [widget_module.monotonic()]
    monkeypatch.setattr(widget_module, "monotonic", lambda: clock[0])
    sent = Sent(w, monkeypatch)

    async def cell() -> list[float]:
        losses = await trained(w, weight, 5)
        assert sent.graphs == []
        w.flush()
        return losses

    losses = asyncio.run(cell())
    assert [graph["nodes"]["data"][-1] for graph in sent.graphs] == losses[-1:]


def test_without_an_event_loop_nothing_is_left_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    w = widget(expression())
    sent = Sent(w, monkeypatch)
    for x in (1.0, 2.5, 3.0):
        w.set(a=x)
    assert [graph["nodes"]["data"][0] for graph in sent.graphs] == [1, 2.5, 3]


def test_tensors_are_shown_live_too(monkeypatch: pytest.MonkeyPatch) -> None:
    v = Tensor([1.0, 2.0], label="v")
    w = widget((v * v).sum())
    v.data = v.data * 2.0
    w.show((v * v).sum())
    assert w.view.graph["nodes"]["data"][-1] == 20.0
    assert w.view.graph["layout"] == 1


def test_a_network_is_shown_live_by_its_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.scalar.MLP(2, [3, 1])
    optimizer = nn.SGD(model, lr=0.1)
    w = widget(model([1.0, -2.0]) ** 2.0, group="layer")
    sent = Sent(w, monkeypatch)
    for _ in range(3):
        loss = model([1.0, -2.0]) ** 2.0
        w.show(loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert len({graph["layout"] for graph in sent.graphs}) == 1
    assert "group" in sent.graphs[-1]["nodes"]["kind"] and not sent.graphs[-1]["editable"]
    assert sent.graphs[0]["nodes"]["fixed"] != sent.graphs[-1]["nodes"]["fixed"]


def test_names_that_only_the_users_variables_tell_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    neuron = nn.scalar.Neuron(1)
    score = neuron([1.0])  # made by a layer: its name is that of the variable
    w = widget(score * 1.0)
    monkeypatch.setattr(widget_module, "monotonic", lambda: 0.0)

    async def cell() -> None:
        w.set(b=3.0)
        await asyncio.to_thread(w.flush)

    asyncio.run(cell())
    assert w.view.graph["nodes"]["name"][4] == "score"
    assert w.view.graph["nodes"]["data"][4] == score.data


def test_what_is_sent_when_the_loops_variables_are_out_of_sight_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """They tell which module a parameter belongs to, if the module itself was not called."""
    neuron = nn.scalar.Neuron(1)
    weight, bias = neuron.parameters()
    w = widget((weight * 1.0 + bias).tanh(), group="neuron")
    monkeypatch.setattr(widget_module, "monotonic", lambda: 0.0)

    async def cell() -> Value:
        root = (weight * 2.0 + bias).tanh()
        w.show(root)
        await asyncio.to_thread(w.flush)
        return root

    assert w.view.graph["nodes"]["name"][0] == "neuron"
    assert asyncio.run(cell()).data == w.view.graph["nodes"]["data"][-1]


# ----- the widget in a notebook -----


def test_a_notebook_gets_the_widget_and_the_finished_picture() -> None:
    w = widget(expression())
    bundle = w._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "image/svg+xml", "text/plain"}
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == w.view.model_id
    assert bundle["text/plain"] == repr(w) == "Widget(L = (a * b + c) * tanh(a), 7 nodes)"
    w.set(b=-1.5)
    assert number(w.root.data) in w._repr_mimebundle_()["image/svg+xml"]


def test_it_opens_at_the_end_or_where_it_is_asked_to() -> None:
    assert widget(expression()).view.graph["at"] == len(step(expression()).trace.steps) - 1
    assert widget(expression(), at="forward").view.graph["at"] == 0
    graph = widget(expression(), quiz=True, check=True, theme="dark").view
    assert graph.theme == "dark" and graph.graph["quiz"] and len(graph.graph["check"]) == 3
    with pytest.raises(ValueError, match="theme is one of auto, light, dark; got 'blue'"):
        widget(expression(), theme="blue")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="root is the Value or Tensor to start from, such as a loss; got int 3"):
        widget(3)  # type: ignore[arg-type]


def test_what_is_no_result_is_not_shown_and_changes_nothing() -> None:
    w = widget(expression())
    before = state(w)
    with pytest.raises(TypeError, match="root is the Value or Tensor to start from"):
        w.show([w.root])  # type: ignore[arg-type]
    assert state(w) == before


@pytest.mark.parametrize("package", ["anywidget", "traitlets"])
def test_without_the_extra_everything_else_works_and_the_error_names_it(package: str) -> None:
    program = f"""
import sys
sys.modules[{package!r}] = None
from autograd import Value
from autograd.viz import *
a = Value(2.0)
assert "glassgrad-player" in step(a * a).html
try:
    widget(a * a)
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        'a widget is made with anywidget; install it by: pip install "glassgrad[widget]"; step(L) needs nothing'
    )


def test_importing_the_pictures_loads_no_widgets() -> None:
    program = "import sys, autograd.viz; print({'anywidget', 'ipywidgets', 'asyncio', 'IPython'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# ----- the page, with a model that only remembers -----


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


MODEL = """
  (state) => {
    const handlers = {};
    window.model = {
      sent: [],
      get: (key) => structuredClone(state[key]),
      on: (event, f) => (handlers[event] ??= []).push(f),
      off: (event, f) => { handlers[event] = handlers[event].filter((g) => g !== f); },
      send: (message) => window.model.sent.push(message),
      set: (key, x) => { state[key] = x; (handlers[`change:${key}`] ?? []).forEach((f) => f()); },
      receive: (message) => (handlers["msg:custom"] ?? []).forEach((f) => f(message)),
    };
    window.leaked = [];
    document.addEventListener("keydown", (event) => leaked.push(event.key));
  }
"""
MOUNT = """
  async (text) => {
    const module = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
    window.close_widget = module.default.render({ model, el: document.getElementById("el") });
  }
"""


@pytest.fixture
def opened(browser: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Widget], "Page"]:
    """Pages that get every update at once, for Playwright's own event loop runs meanwhile."""
    monkeypatch.setattr(widget_module, "APART", 0.0)
    return lambda w: Page(browser, w)


class Page:
    """A page with a widget's view; the messages between it and Python go by hand."""

    def __init__(self, browser: Any, w: Widget) -> None:
        self.w = w
        self.page = browser.new_page(viewport={"width": 1280, "height": 900})
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.set_content("<!doctype html><div id=el></div>")
        self.page.evaluate(MODEL, {"graph": w.view.graph, "theme": w.view.theme})
        self.page.evaluate(MOUNT, w.view._esm)
        w.view.observe(lambda change: self.page.evaluate("(g) => model.set('graph', g)", change["new"]), names="graph")
        self.page.locator(".glassgrad-player").focus()

    def __enter__(self) -> "Page":
        return self

    def __exit__(self, *problem: object) -> None:
        self.page.close()
        assert self.errors == []

    def js(self, text: str) -> Any:
        return self.page.evaluate(
            f"() => {{ const h = document.querySelector('.glassgrad-player'), p = h.player, s = h.shadowRoot; {text} }}"
        )

    def deliver(self) -> None:
        """Give Python what the page has sent."""
        for message in self.page.evaluate("() => model.sent.splice(0)"):
            self.w.view._handle_custom_msg(message, [])

    def cards(self) -> list[list[str]]:
        found: list[list[str]] = self.js(
            "return p.cards.map(({ values: v }) => [v.title, v.data, v.grad].map((t) => t?.textContent ?? ''));"
        )
        return found


def finished(root: Any) -> list[list[str]]:
    """The cards as Python writes them, after the last step."""
    shown, names = step(root).picture().trace.nodes, widget(root).view.graph["nodes"]["title"]
    cards = []
    for node, title in zip(shown, names, strict=True):
        grad = "–" if node.grad is None else number(node.grad)
        numbers = [number(node.data), grad if node.kind != "constant" else ""] if node.data is not None else ["", ""]
        cards.append([title, *(numbers if node.kind != "constant" or node.name else ["", ""])])
    return cards


PLACED = "return [p.at, p.svg.getAttribute('height'), ...p.cards.map(({ group }) => group.getAttribute('transform'))];"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_edit_from_python_changes_the_cards_in_place(
    opened: Callable[[Widget], Page], function: Callable[..., Value]
) -> None:
    w = widget(function())
    with opened(w) as page:
        assert page.cards() == finished(w.root)
        placed = page.js(PLACED)
        page.js("window.first = p.cards.map(({ group }) => group);")
        for x in (0.375, -1.0, math.nan, 4.0):
            w.set(a=x)
            assert page.cards() == finished(w.root)
        assert page.js(PLACED) == placed
        assert page.js("return p.cards.every(({ group }, i) => group === first[i] && group.isConnected);")
        assert page.js("return p.say.textContent;") == (w.view.graph["steps"]["say"] or [""])[-1]


def test_the_step_stays_when_the_numbers_change(opened: Callable[[Widget], Page]) -> None:
    w = widget(expression(), at="forward")
    with opened(w) as page:
        page.page.keyboard.press("ArrowRight")
        w.set(a=7.0)
        assert page.js("return p.at;") == 1
        assert page.js("return p.say.textContent;") == w.view.graph["steps"]["say"][1]
        assert "7" in page.js("return p.cards[0].values.data.textContent;")
        page.page.keyboard.press("End")
        assert page.cards() == finished(w.root)


def test_an_edit_in_the_page_goes_to_python_and_comes_back(opened: Callable[[Widget], Page]) -> None:
    w = widget(own_rule())
    with opened(w) as page:
        page.js("p.select(0);")
        field = page.page.get_by_label("data of a")
        field.fill("−1.5")
        before = page.cards()
        field.press("Enter")
        assert page.cards() == before  # Python is asked first
        page.deliver()
        assert w.root.data == own_rule(-1.5).data and w["a"] == -1.5
        assert page.cards() == finished(w.root)
        assert field.input_value() == "-1.5"
        assert page.page.evaluate("() => document.activeElement.shadowRoot.activeElement.ariaLabel") == "data of a"
        assert page.page.evaluate("() => leaked") == []


def test_a_live_update_does_not_take_away_what_is_being_typed(opened: Callable[[Widget], Page]) -> None:
    weight = Value(0.5, label="w")
    w = widget(loss_of(weight, 2.0))
    with opened(w) as page:
        page.js("p.select(0);")
        page.page.get_by_label("data of w").fill("0.12")
        w.show(loss_of(weight, 3.0))
        assert page.cards() == finished(w.root)
        assert page.page.get_by_label("data of w").input_value() == "0.12"
        page.page.keyboard.type("5")
        page.page.keyboard.press("Enter")
        page.deliver()
        assert weight.data == 0.125 and w.root.data == loss_of(weight, 3.0).data


def test_a_graph_of_another_shape_replaces_the_player(opened: Callable[[Widget], Page]) -> None:
    w = widget(expression())
    with opened(w) as page:
        page.page.keyboard.press("Home")
        w.show(several())
        assert page.js("return p.at;") == 0
        page.page.keyboard.press("End")  # the focus has come along
        assert page.cards() == finished(w.root)
        w.show(expression())
        assert page.js("return p.at === p.last;")
        assert page.page.locator(".glassgrad-player").count() == 1


def test_a_refused_edit_says_why_in_the_page(opened: Callable[[Widget], Page]) -> None:
    w = widget(expression())
    with opened(w) as page:
        page.page.evaluate("() => model.receive({ refused: 'ValueError: no <b>' })")
        assert page.js("return p.say.textContent;") == "ValueError: no <b>"


def test_a_view_that_is_closed_hears_no_more(opened: Callable[[Widget], Page]) -> None:
    w = widget(expression())
    with opened(w) as page:
        before = page.cards()
        page.page.evaluate("() => close_widget()")
        w.set(a=9.0)
        assert page.cards() == before


def test_the_source_lines_are_those_of_the_graph_that_is_shown(opened: Callable[[Widget], Page]) -> None:
    a, b = Value(1.0), Value(2.0)
    w = widget(a * b)
    with opened(w) as page:
        w.show(b * a)
        assert page.js("return p.source.textContent;").endswith("w.show(b * a)")
        assert page.js("return s.querySelector('.source .lit').textContent;") == "w.show(b * a)"


def test_widgets_and_players_of_other_cells_leave_each_other_alone(opened: Callable[[Widget], Page]) -> None:
    """Both look for hosts that do not play yet, and only a player's own program has the rows of its graph."""
    w = widget(expression())
    waiting = step(expression()).html.replace("glassgrad-player", "glassgrad-player other", 1)
    with opened(w) as page:
        page.page.evaluate("(html) => document.body.insertAdjacentHTML('beforeend', html)", waiting)
        page.page.evaluate(MOUNT, w.view._esm)
        assert page.page.evaluate("() => document.querySelector('.other').player") is None
        run = "(html) => document.body.append(document.createRange().createContextualFragment(html))"
        page.page.evaluate(run, waiting)
        assert page.page.locator(".other .player").count() == 2
        w.set(a=3.0)
        assert page.cards() == finished(w.root)
