"""Films and themes: what a picture without a script shows, at every moment of the backward pass and in both themes."""

import itertools
import re
import xml.etree.ElementTree as ET
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browser import chromium
from test_hostile_labels import DRAWING, HOSTILE, LOOKS, SVG, Tags, shown
from test_narration import chain, interior
from test_player import GRAPHS, expression, fan_out, network, repeated_parent

import autograd
from autograd import Tensor, Value
from autograd.viz import animate, draw, layout
from autograd.viz.film import Film
from autograd.viz.narration import Narrator
from autograd.viz.stage import stage
from autograd.viz.theme import FILLS, PALETTE, THEMES
from autograd.viz.view import view
from autograd.viz.wording import facts, formulas, heading


def scalars() -> Value:
    """A 2-8-3 network of which every product and sum is a node of its own."""
    xs = [Value(1.0, label="x"), Value(-2.0, label="y")]
    for width in (8, 3):
        xs = [sum((Value(0.1 * i - 0.3) * x for x in xs), Value(0.1)).tanh() for i in range(width)]
    return autograd.sum([(x - 1.0) ** 2 for x in xs])


def matrices() -> Tensor:
    w, x = Tensor([1.0, 2.0], label="w"), Tensor([[3.0, 1.0], [1.0, 2.0]], label="x")
    result: Tensor = ((w * x).tanh() ** 2).mean()
    return result


def cards(film: Film, gradients: dict[int, float]) -> list[list[str]]:
    """What each card shows while these gradients are known, as the records and `wording` have it."""
    narrator = Narrator(film.trace)
    written = []
    for node in film.trace.nodes:
        grad = gradients.get(node.id) if node.shape is None else node.grad
        lines = [text for what, number, _ in facts(replace(node, grad=grad)) for text in (what, number)]
        title = narrator.title(node.id)
        more = [f"… {node.hidden:,} more"] if node.hidden else []
        written.append([*([title] if title else []), *lines, *more])
    return written


def moments(film: Film) -> list[dict[int, float]]:
    """The gradients that are known after each step."""
    known: dict[int, float] = {}
    found = []
    for step in film.trace.steps:
        if step.kind == "forward":
            continue
        if step.kind == "seed":
            known[step.node] = 1.0
        known |= {film.trace.edges[send.edge].parent: send.after for send in step.sends}
        known |= {arrival.node: arrival.after for arrival in step.arrivals if arrival.after is not None}
        found.append(dict(known))
    return found


def written(svg: str) -> list[list[str]]:
    """The texts of each card that are there without any style."""
    found = []
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        if group.find(f"{SVG}title") is not None:
            found.append([text.text or "" for text in group.findall(f"{SVG}text")])
    return found


# ----- the film as a file -----


@pytest.mark.parametrize("graph", GRAPHS)
def test_without_styles_a_film_is_the_finished_graph(graph: Callable[[], Value]) -> None:
    root = graph()
    film = animate(root)
    assert root.grad == 0.0
    assert written(film.svg()) == cards(film, moments(film)[-1])
    root.backward()
    assert [node.grad for node in film.trace.nodes if node.kind != "constant"] == pytest.approx(
        [node.grad for node in view(root).nodes if node.kind != "constant"], nan_ok=True
    )


@pytest.mark.parametrize("graph", [*GRAPHS, matrices])
def test_a_film_refers_to_nothing_and_collides_with_nothing(graph: Callable[[], Value]) -> None:
    film = animate(graph())
    picture = ET.fromstring(film.svg())
    assert film.svg() == animate(graph()).svg()
    assert {element.tag.removeprefix(SVG) for element in picture.iter()} <= DRAWING | {"tspan"}
    assert not [element for element in picture.iter() if {"id", "href"} & set(element.attrib)]
    (own,) = set(picture.attrib["class"].split()) - {"glassgrad-auto"}
    assert set(re.findall(r"@keyframes (\S+?)-\w+{", film.svg())) == {own}
    assert set(re.findall(r"(\.[\w-]+) \.", film.svg())) == {f".{own}"}
    assert own not in animate(graph(), seconds=2.0).svg()
    assert "url(" not in film.svg() and film.svg().count("http") == 1  # the name of the format


def test_the_sign_of_a_product_is_also_a_colour() -> None:
    film = animate(fan_out(), theme="light")
    colours = {"+": PALETTE["positive"][0], "−": PALETTE["negative"][0]}
    labels = re.findall(r'fill="(#\w+)"[^>]*>→ (.)', film.svg())
    assert {sign for _, sign in labels} == {"+", "−"}
    assert all(colours[sign] == colour for colour, sign in labels)
    products = {send.edge: send.contribution for step in film.trace.steps for send in step.sends}
    flows = re.findall(r'stroke="(#\w+)" stroke-width="[\d.]+" class="flow"', film.svg())
    assert flows == [colours["+" if products[edge] > 0 else "−"] for edge in sorted(products)]


def test_the_sign_of_a_derivative_is_also_a_colour() -> None:
    """A derivative of 0 and the letters of a card have the plain colour, which is the picture's own."""
    a, b, c = Value(2.0, label="a"), Value(-3.0, label="b"), Value(0.0, label="c")
    film = animate(a * b * c + a, theme="light")
    labels = re.findall(r'<text [^>]*?(?:fill="(#\w+)")?>∂ = ([^<]+)', film.svg())
    assert {number for _, number in labels} == {"−3", "2", "0", "−6", "1"}
    for colour, number in labels:
        sign = "negative" if number.startswith("−") else "positive"
        assert colour == ("" if number == "0" else PALETTE[sign][0]), number


def test_the_names_of_two_films_differ() -> None:
    names = [re.search(r"glassgrad-(\w{10})", animate(graph()).svg()) for graph in GRAPHS]
    assert len({name[1] for name in names if name}) == len(GRAPHS)


def test_hostile_labels_stay_text() -> None:
    plain = animate(autograd.sum([Value(1.0) for _ in HOSTILE]))
    root = autograd.sum([Value(1.0, label=label) for label in HOSTILE])
    root.label = "\" onload='a()'><b>&"
    film = animate(root)
    picture = ET.fromstring(film.svg())
    assert picture.attrib["aria-label"].startswith(f"the backward pass of {root.label}")
    assert Tags(film.svg()).tags <= DRAWING | {"tspan"}
    assert all(set(element.attrib) <= LOOKS | {"style", "visibility", "pathLength"} for element in picture.iter())
    for element in picture.iter():
        assert re.fullmatch(r"--t:[\d.]+(;--n:[\d.]+)?", element.get("style", "--t:0"))
    styles = [
        re.sub(r"glassgrad-\w{10}", "", svg.findtext(f"{SVG}style") or "")
        for svg in (picture, ET.fromstring(plain.svg()))
    ]
    assert styles[0].partition("\n")[2] == styles[1].partition("\n")[2]
    texts = {text for card in written(film.svg()) for text in card}
    labels = {shown(label) for label in HOSTILE}
    assert {label for label in labels if label and sum(shown(other) == label for other in HOSTILE) == 1} <= texts


def test_a_film_is_small() -> None:
    assert len(animate(expression()).svg().encode()) < 12_000
    film = animate(scalars())
    assert len(film.trace.nodes) > 140
    assert len(film.svg().encode()) < 300_000


def test_a_film_of_a_large_graph_shows_the_excerpt_and_says_so() -> None:
    root = Value(0.01, label="x")
    for _ in range(500):
        root = root.sin()
    film = animate(root)
    assert len(film.trace.nodes) == 30
    assert repr(film).endswith("showing 30 of 501 nodes: those nearest the result)")
    assert "showing 30 of 501 nodes: those nearest the result</text>" in film.svg()
    assert len(animate(root, max_nodes=5).trace.nodes) == 5
    assert "… 1 more</text>" in film.svg()


def test_what_nodes_that_are_not_shown_have_sent_is_counted() -> None:
    x = Value(2.0, label="x")
    shared = x * 3.0
    shared.label = "shared"
    deep = shared
    for _ in range(9):
        deep = deep * 2.0
    root = deep + shared
    film = animate(root, max_nodes=7)
    root.backward()
    assert {"shared": 513.0, "x": 1539.0}.items() <= {node.name: node.grad for node in film.trace.nodes}.items()
    assert "operations that are not shown send gradient to shared: 1 + 512 = 513" in re.sub("<.*?>", "", film.svg())


def test_a_film_of_arrays_ends_with_their_norms() -> None:
    root = matrices()
    root.backward()
    film = animate(root)
    assert written(film.svg()) == cards(film, {})
    assert any("|grad|" in card for card in written(film.svg()))
    assert film.svg().count('class="flow"') == 6  # all edges but those of the two constants


def test_without_graphviz_there_is_a_film_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograd.viz.stage.engine", lambda: None)
    film = animate(expression())
    assert written(film.svg()) == cards(film, moments(film)[-1])


def test_a_film_shows_itself_in_a_notebook() -> None:
    film = animate(expression())
    assert film._repr_mimebundle_() == {"image/svg+xml": film.svg(), "text/plain": repr(film)}
    assert film._repr_svg_() == film.svg()
    assert repr(film) == "Film(the backward pass of L = (e + c) * d, 4 steps)"
    assert repr(animate(Value(2.0, label="a"))) == "Film(the backward pass of a, 1 step)"


def test_a_film_is_saved_as_svg_or_not_at_all(tmp_path: Path) -> None:
    film = animate(expression())
    assert film.save(tmp_path / "film.svg").read_text(encoding="utf-8") == film.svg()
    with pytest.raises(TypeError, match=r'path is a file name, as in save\("film.svg"\), not int 3'):
        film.save(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"a film is saved as \.svg; got 'a\.gif'; for a page write step\(L\)"):
        film.save(tmp_path / "a.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["film.svg"]


def test_wrong_options_are_explained() -> None:
    for seconds in (0, -1.0, float("inf"), float("nan"), True, "slow"):
        with pytest.raises(ValueError, match="seconds is how long each step lasts, a number above 0; got"):
            animate(expression(), seconds=seconds)  # type: ignore[arg-type]
    for function in (animate, draw):
        with pytest.raises(ValueError, match="theme is one of auto, light, dark; got 'blue'"):
            function(expression(), theme="blue")  # type: ignore[operator]


# ----- places -----


def inside(curve: tuple[tuple[float, float], ...]) -> Iterator[tuple[float, float]]:
    """Points along the pieces of a Bézier curve."""
    for i in range(0, len(curve) - 4, 3):
        for t in (0.1, 0.3, 0.5, 0.7, 0.9):
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            piece = curve[i : i + 4]
            yield tuple(sum(w * p[axis] for w, p in zip(weights, piece, strict=True)) for axis in (0, 1))  # type: ignore[misc]


@pytest.mark.parametrize("graph", [*GRAPHS, scalars])
def test_in_our_own_layout_no_edge_runs_behind_a_card(graph: Callable[[], Value]) -> None:
    trace = view(graph())
    titles = [heading(node, by) for node, by in zip(trace.nodes, formulas(trace), strict=True)]
    place = stage(trace, titles, [2] * len(titles), by_graphviz=False)
    for edge, curve in zip(trace.edges, place.curves, strict=True):
        others = [box for i, box in enumerate(place.boxes) if i not in (edge.parent, edge.child)]
        for (x, y), box in itertools.product(inside(curve), others):
            assert not (box.x < x < box.x + box.width and box.y < y < box.y + box.height)


def test_a_graph_with_very_many_long_edges_is_laid_out_all_the_same() -> None:
    x = Value(1.0, label="x")
    y = x
    for _ in range(150):
        y = y * x
    place = stage(view(y), ["" for _ in range(151)], [2] * 151, by_graphviz=False)
    assert len(place.curves) == 300 and all(len(curve) == 5 for curve in place.curves)


# ----- themes -----


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    low, high = sorted([luminance(a), luminance(b)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_has_contrast_on_every_ground(dark: bool) -> None:
    grounds = {"ground", "lit", *FILLS.values()}
    for text, ground in itertools.product(("ink", "quiet", "positive", "negative"), grounds):
        if (text, ground) != ("quiet", "lit"):  # what is lit is a number
            assert contrast(PALETTE[text][dark], PALETTE[ground][dark]) >= 4.5, (text, ground)
    for line, ground in itertools.product(("line", "leaf-line", "focus"), ("ground", "page")):
        assert contrast(PALETTE[line][dark], PALETTE[ground][dark]) >= 3.0, (line, ground)


def test_the_page_of_the_player_has_the_same_palette() -> None:
    css = (Path(autograd.__file__).parent / "viz" / "assets" / "player.css").read_text(encoding="utf-8")
    found = re.findall(r"--([\w-]+): light-dark\((\S+), (\S+)\)", css)
    pairs = {name: (light, dark) for name, light, dark in found}
    assert {name: pairs[name] for name in PALETTE} == PALETTE


def colours_in(text: str) -> set[str]:
    return set(re.findall(r"#[0-9a-f]{6}\b", text))


@pytest.mark.parametrize("own", [False, True])
def test_a_picture_follows_its_theme(own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if own:
        monkeypatch.setattr(layout, "engine", lambda: None)
        monkeypatch.delattr("autograd.viz.stage.render")  # what has failed once is not waited for again
    root = fan_out()
    root.backward()
    light, dark = ({pair[i] for pair in PALETTE.values()} for i in (0, 1))
    assert colours_in(draw(root, theme="light").svg()) <= light
    assert colours_in(draw(root, theme="dark").svg()) <= dark
    svg = draw(root).svg()
    style = re.search(r"<style>(.*)</style>", svg)
    assert style and style[1].startswith("@media (prefers-color-scheme:dark){")
    used = {(what, colour) for what, colour in re.findall(r' (fill|stroke)="(#\w+)"', svg)}
    mapped = re.findall(r'\.glassgrad-auto \[(\w+)="(#\w+)"\]{(\w+):(#\w+)}', style[1])
    assert {(what, colour) for what, colour, _, _ in mapped} == used
    assert all(what == again and (colour, other) in PALETTE.values() for what, colour, again, other in mapped)


def test_dot_and_png_are_drawn_in_one_theme() -> None:
    root = expression()
    assert draw(root).dot == draw(root, theme="light").dot
    assert colours_in(draw(root, theme="dark").dot) <= {dark for _, dark in PALETTE.values()}
    assert draw(root, theme="dark").png() != draw(root, theme="light").png() == draw(root).png()


# ----- in a browser -----

SEEN = """() => {
  const opaque = (e) => e.tagName === 'svg' || (Number(getComputedStyle(e).opacity) > 0.99 && opaque(e.parentElement));
  const shown = (e) => getComputedStyle(e).visibility === 'visible' && opaque(e);
  const place = (e) => [Math.round(e.getAttribute('y')), e.getBBox().x];
  const order = (a, b) => { const [p, q] = [place(a), place(b)]; return p[0] - q[0] || p[1] - q[1]; };
  const texts = (g) => [...g.querySelectorAll('text')].filter(shown);
  const [graph, words] = document.querySelectorAll('svg > g');
  const cards = [...graph.querySelectorAll('g')].filter((g) => g.querySelector(':scope > title'));
  return {
    cards: cards.map((g) => texts(g).sort(order).map((t) => t.textContent)),
    focus: cards.flatMap((g, i) => [...g.querySelectorAll(':scope > g rect')].filter(shown).map(() => i)),
    products: texts(graph).map((t) => t.textContent).filter((t) => t.startsWith('→')),
    words: texts(words).map((t) => [...t.children].map((line) => line.textContent).join(' ')).filter(Boolean),
  };
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


class Screen:
    """A film in a page, to be stopped where one likes."""

    def __init__(self, browser: Any, *films: Film, **options: Any) -> None:
        self.page = browser.new_page(**options)
        self.page.set_content("".join(film.svg() for film in films))

    def at(self, seconds: float) -> dict[str, list[Any]]:
        self.page.evaluate(
            "(t) => document.getAnimations().forEach((a) => { a.pause(); a.currentTime = t; })", 1000 * seconds
        )
        found: dict[str, list[Any]] = self.page.evaluate(SEEN)
        return found


@pytest.mark.parametrize("graph", [*GRAPHS, chain, interior])
def test_after_every_step_the_film_shows_what_the_trace_says(browser: Any, graph: Callable[[], Value]) -> None:
    film = animate(graph(), seconds=0.5)
    narrator = Narrator(film.trace)
    screen = Screen(browser, film)
    steps = [(i, step) for i, step in enumerate(film.trace.steps) if step.kind != "forward"]
    sent = 0
    for k, ((i, step), known) in enumerate(zip(steps, moments(film), strict=True)):
        seen = screen.at(0.5 * (k + 1) - 0.001)
        assert seen["cards"] == cards(film, known)
        assert seen["focus"] == [step.node]
        sent += len(step.sends)
        crowded = len(film.trace.edges) > 60
        assert len(seen["products"]) == (len(step.sends) if crowded else sent)
        (words,) = seen["words"]
        count, _, said = words.partition("\u2003")
        assert count == f"{k + 1}/{len(steps)}"
        assert said == narrator.sentence(i) or narrator.sentence(i).startswith(said.removesuffix(" …"))
    end = screen.at(1e6)
    assert end["cards"] == cards(film, moments(film)[-1])
    assert end["focus"] == []
    screen.page.close()


def test_a_second_gradient_visibly_replaces_the_first(browser: Any) -> None:
    film = animate(repeated_parent(), seconds=1.0)  # x * x + x at 3: 1 from the sum, then 3 and 3 from the product
    screen = Screen(browser, film)
    seen = [screen.at(t / 20)["cards"][0][-1] for t in range(80)]
    assert [text for text, _ in itertools.groupby(seen)] == ["–", "1", "4", "grad", "7"]  # the last fades in
    screen.page.close()


def test_who_wants_no_motion_sees_the_finished_graph(browser: Any) -> None:
    film = animate(expression())
    screen = Screen(browser, film, reduced_motion="reduce")
    assert screen.page.evaluate("document.getAnimations().length") == 0
    seen = screen.page.evaluate(SEEN)
    assert seen["cards"] == cards(film, moments(film)[-1])
    assert seen["words"] == ["The gradient of each leaf: a 6, b −4, c −2, d 4"]
    screen.page.close()


def test_two_films_on_one_page_do_not_mix(browser: Any) -> None:
    a, b = animate(expression(), seconds=0.5), animate(repeated_parent(), seconds=3.0)
    screen = Screen(browser, a, b)
    slowest = """(i) => Math.max(...document.getAnimations()
      .filter((a) => document.querySelectorAll('svg')[i].contains(a.effect.target))
      .map((a) => a.effect.getComputedTiming().endTime))"""
    assert screen.page.evaluate(slowest, 0) < 2500 < 9000 < screen.page.evaluate(slowest, 1)
    screen.page.close()


GROUNDS = """() => {
  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const fill = (e) => getComputedStyle(e).fill;
  const light = (e) => {
    const [r, g, b] = fill(e).match(/[\\d.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const covers = (a, b) => a.left < b.left + 2 && a.top < b.top + 2 && a.right > b.right - 2 && a.bottom > b.bottom - 2;
  const all = [...document.querySelectorAll('svg *')].filter((e) => getComputedStyle(e).visibility === 'visible');
  const shapes = ['rect', 'path', 'polygon'];
  return all.filter((e) => e.tagName === 'text' && e.textContent.trim()).map((text) => {
    const box = text.getBoundingClientRect();
    const under = all.slice(0, all.indexOf(text))
      .filter((e) => shapes.includes(e.tagName) && fill(e) !== 'none' && covers(e.getBoundingClientRect(), box));
    return [under.length ? ratio(light(text), light(under.at(-1))) : 0, text.textContent];
  }).filter(([found]) => !(found >= 4.5));
}"""


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("way", ["graphviz", "own", "film"])
def test_every_text_lies_on_a_ground_with_contrast(
    browser: Any, theme: Any, scheme: Any, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the page around it: each text is within a card or a plate of the picture's own."""
    if way == "own":
        monkeypatch.setattr(layout, "engine", lambda: None)
    root = fan_out()
    root.backward()
    svg = animate(root, theme=theme).svg() if way == "film" else draw(root, theme=theme).svg()
    page = browser.new_page(color_scheme=scheme, reduced_motion="reduce")
    page.set_content(svg)
    assert page.evaluate(GROUNDS) == []
    is_dark = page.evaluate("getComputedStyle(document.querySelector('text')).fill") != "rgb(31, 35, 40)"
    assert is_dark == ((scheme if theme == "auto" else theme) == "dark")
    page.close()


def test_long_numbers_stay_on_their_cards(browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "engine", lambda: None)
    root = Value(-1 / 3, label="x") * Value(2 / 3e5, label="y")
    root.backward()
    page = browser.new_page()
    page.set_content(draw(root, format="", derivatives=False).svg())
    assert page.evaluate(GROUNDS) == []
    page.close()


BEYOND = """() => [...document.querySelectorAll('text')].filter((text) => {
  const box = text.getBBox(), page = text.ownerSVGElement.viewBox.baseVal;
  return text.querySelector('tspan') && (box.x < 0 || box.x + box.width > page.width);
}).map((text) => text.textContent)"""


@pytest.mark.parametrize("graph", [expression, fan_out, network, matrices])
def test_no_sentence_is_wider_than_the_film(browser: Any, graph: Callable[[], Any]) -> None:
    screen = Screen(browser, animate(graph()))
    assert screen.page.evaluate(BEYOND) == []
    screen.page.close()


PIXEL = """async ([source, x, y]) => {
  const image = new Image();
  image.src = source;
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight).getContext('2d');
  canvas.drawImage(image, 0, 0);
  return [...canvas.getImageData(x, y, 1, 1).data];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_as_an_image_it_follows_the_reader(browser: Any, scheme: str) -> None:
    svg = animate(Value(2.0, label="a")).svg()
    page = browser.new_page(color_scheme=scheme)
    source = f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
    (x, y), (right, top) = (map(int, place) for place in re.findall(r"translate\((\d+),(\d+)\)", svg)[:2])
    colour = PALETTE["leaf"][scheme == "dark"]
    assert page.evaluate(PIXEL, [source, x + right + 60, y + top + 5]) == [*bytes.fromhex(colour[1:]), 255]
    page.close()
