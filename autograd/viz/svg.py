"""A trace as SVG, written by ourselves: a still of the graph, or a film of its backward pass that needs no script.

Colours and places are attributes, and the finished graph is what stands there; motion is a style on top of it.
Time is counted in steps: an element says when it appears, ``--t``, and for how long, ``--n``, where it does not stay.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from textwrap import wrap
from unicodedata import east_asian_width

from autograd.viz.narration import signed
from autograd.viz.stage import LABELLED, LINE, MARGIN, Box, Point, stage
from autograd.viz.theme import FILLS, Theme, adaptive, colours, sign_colour
from autograd.viz.trace import NodeRecord, Trace
from autograd.viz.wording import DIGITS, NO_GRADIENT, facts, number, omission

FONT = "system-ui,'Helvetica Neue',Helvetica,Arial,sans-serif"
LETTER, DIGIT = 7.0, 8.4  # widths, in labels of 12 px and in cards
PAD = 8
NARROWEST = 480  # of a film: it has a sentence below
SENTENCE_LINES = 3
FLOWS, FADES = 0.4, 0.15  # of a step: how long a gradient takes along an edge, and a text to appear
DASHES = ' stroke-dasharray="4 3"'
MOTION = """
@media (prefers-reduced-motion:no-preference){{
.{0} .in{{animation:{0}-in {3:g}s calc(var(--t)*{1:g}s) backwards}}
.{0} .at{{animation:{0}-at calc(var(--n)*{1:g}s) calc(var(--t)*{1:g}s)}}
.{0} .flow{{animation:{0}-flow {2:g}s calc(var(--t)*{1:g}s) ease-out backwards}}
}}
@keyframes {0}-in{{from{{opacity:0}}}}
@keyframes {0}-at{{from,to{{visibility:visible}}}}
@keyframes {0}-flow{{from{{stroke-dasharray:1 1;stroke-dashoffset:1}}50%{{stroke-width:6}}to{{stroke-dasharray:1 1;stroke-dashoffset:0}}}}
"""  # noqa: E501


@dataclass(frozen=True)
class Score:
    """When what happens in a film, in steps from its beginning.

    seconds: that a step lasts
    sends:   by edge, when the gradient sets out along it, and the product that it brings (None between arrays)
    grads:   by node, when its gradient becomes which number; None is what the record has
    focus:   by step, the node that it is about
    words:   by step, what it says; the last are for the end
    """

    seconds: float
    sends: dict[int, tuple[float, float | None]]
    grads: list[list[tuple[float, float | None]]]
    focus: list[int]
    words: list[str]


def still(
    trace: Trace, titles: Sequence[str], label: str, theme: Theme, derivatives: bool = True, digits: str = DIGITS
) -> str:
    """The graph as an ``<svg>`` element, laid out without Graphviz; ``titles`` head the cards."""
    return _Sheet(trace, titles, theme, derivatives, digits, None).svg(label)


def film(trace: Trace, titles: Sequence[str], label: str, theme: Theme, score: Score) -> str:
    """The same, and how it came about; ``trace`` is of the finished graph."""
    return _Sheet(trace, titles, theme, True, DIGITS, score).svg(label)


def tooltip(title: str, node: NodeRecord) -> str:
    """A node's numbers with all their digits, and what ails it."""
    numbers = {"data": node.data, "grad": node.grad, "|grad|": node.norm if node.grad is None else None}
    lines = [title, *(f"{what} {x!r}" for what, x in numbers.items() if x is not None), node.health]
    return f"<title>{escape(chr(10).join(lines).strip())}</title>\n"


def _from(t: float, what: str = "in") -> str:
    """Attributes of what appears at ``t`` and stays."""
    return f' class="{what}" style="--t:{round(t, 3):g}"'


def _during(t: float, end: float) -> str:
    """Attributes of what is there from ``t`` to ``end`` only; it stands in a group that is hidden."""
    start = round(t, 3)
    return f' class="at" style="--t:{start:g};--n:{round(end, 3) - start:g}"'


def _group(parts: Iterable[str], **attributes: str) -> str:
    inside = "".join(parts)
    written = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f"<g{written}>{inside}</g>\n" if inside else ""


def _at(*points: Point) -> str:
    return " ".join(f"{round(x)},{round(y)}" for x, y in points)


class _Sheet:
    """What the parts of one picture share."""

    def __init__(
        self,
        trace: Trace,
        titles: Sequence[str],
        theme: Theme,
        derivatives: bool,
        digits: str,
        score: Score | None,
    ) -> None:
        self.trace, self.titles, self.derivatives, self.score = trace, titles, derivatives, score
        self.theme, self.colour, self.digits = theme, colours(theme), digits
        self.facts = [facts(node, digits) for node in trace.nodes]
        self.columns = [max([46.0, *(14 + 7.4 * len(what) for what, *_ in lines)]) for lines in self.facts]
        widths = [
            max([0.0, *(column + DIGIT * len(text) + MARGIN for _, text, _ in lines)])
            for column, lines in zip(self.columns, self.facts, strict=True)
        ]
        rows = [len(lines) + bool(node.hidden) for node, lines in zip(trace.nodes, self.facts, strict=True)]
        self.place = stage(trace, titles, rows, widths, by_graphviz=score is not None)
        self.width = max(self.place.width + 2 * PAD, NARROWEST if score else 0)
        self.size = min(40.0, max(14.0, self.width / 60))  # of the words below, and other things seen from afar

    def svg(self, label: str) -> str:
        edges = range(len(self.trace.edges))
        labels = {"text_anchor": "middle", "font_size": "12"}
        parts = [
            *_group(map(self._line, edges), fill="none", stroke=self.colour["line"], stroke_width="1.3"),
            *_group(map(self._flow, edges), fill="none"),
            *map(self._card, self.trace.nodes, self.place.boxes),
            *_group(map(self._label, edges), **labels, **({"visibility": "hidden"} if self._crowded else {})),
        ]
        below, tall = self._below()
        shift = round((self.width - self.place.width) / 2)
        height = math.ceil(self.place.height) + 2 * PAD
        ink = f'fill="{self.colour["ink"]}"'
        body = (
            f'<g transform="translate({shift},{PAD})" {ink}>\n{"".join(parts)}</g>\n'
            f'<g transform="translate(0,{height})" {ink}>\n{below}</g>\n'
        )
        style = adaptive(body) if self.theme == "auto" else ""
        classes = f"glassgrad-{self.theme}"
        if self.score:
            seconds = self.score.seconds
            own = f"glassgrad-{sha256(f'{seconds}{body}'.encode()).hexdigest()[:10]}"
            classes += f" {own}"
            style += MOTION.format(own, seconds, FLOWS * seconds, FADES * seconds)
        wide, high = math.ceil(self.width), height + math.ceil(tall)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{classes}" role="img" aria-label="{escape(label)}" '
            f'width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" font-family="{FONT}" font-size="13">\n'
            f"{f'<style>{style}</style>' if style else ''}\n{body}</svg>\n"
        )

    @property
    def _crowded(self) -> bool:
        """There is no room for the label of every edge: a film shows those of the step, a still none."""
        return len(self.trace.edges) > LABELLED

    def _text(self, x: float, y: float, text: str, colour: str, more: str = "") -> str:
        fill = "" if colour == self.colour["ink"] else f' fill="{colour}"'
        return f'<text x="{x:g}" y="{y:g}"{fill}{more}>{escape(text)}</text>'

    def _sign(self, x: float) -> str:
        return sign_colour(self.colour, x)

    # ----- edges -----

    def _path(self, i: int, head: float) -> str:
        """From the tip of the arrow back to the operand, as a gradient flows; then the arrow's two wings."""
        *curve, tip = self.place.curves[i]
        (x, y), end = tip, curve[-1]
        length = math.hypot(x - end[0], y - end[1]) or 1.0
        u, v = head * (x - end[0]) / length, head * (y - end[1]) / length
        wings = (x - u - v / 2, y - v + u / 2), (x - u + v / 2, y - v - u / 2)
        start, *rest = reversed(curve)
        return f"M{_at(tip)}L{_at(start)}C{_at(*rest)}M{_at(wings[0])}L{_at(tip)}L{_at(wings[1])}"

    def _line(self, i: int) -> str:
        return f'<path d="{self._path(i, 8)}"/>\n'

    def _flow(self, i: int) -> str:
        """The edge in colour, which grows from the result towards the operand."""
        if self.score is None or i not in self.score.sends:
            return ""
        when, product = self.score.sends[i]
        colour, weight = self.colour["ink"], 1.3
        if product is not None:
            colour = self._sign(product)
            size = abs(product) if math.isfinite(product) and product else 1e-3
            weight += min(3.0, max(0.0, math.log10(size) + 1.5))
        d, width = self._path(i, 7 + 2 * weight), f"{weight:.2g}"
        return f'<path d="{d}" pathLength="1" stroke="{colour}" stroke-width="{width}"{_from(when, "flow")}/>\n'

    def _label(self, i: int) -> str:
        """The derivative, and in a film below it the product that flows."""
        edge = self.trace.edges[i]
        when, product = (None, None) if self.score is None else self.score.sends.get(i, (None, None))
        if edge.derivative is None or not self.derivatives or (self._crowded and when is None):
            return ""
        parts = self._plate(f"∂ = {number(edge.derivative, self.digits)}", -15, self._sign(edge.derivative))
        attributes = ""
        if when is not None and product is not None:
            sent = self._plate(f"→ {signed(product)}", 0, self._sign(product), ' font-weight="600"')
            parts += sent if self._crowded else f"<g{_from(when)}>{sent}</g>"
            attributes = _during(when, math.floor(when) + 1) if self._crowded else ""
        return f'<g transform="translate({_at(self.place.labels[i])})"{attributes}>{parts}</g>\n'

    def _plate(self, text: str, y: float, colour: str, more: str = "") -> str:
        half = round(LETTER * len(text) / 2) + 4
        ground = f'<rect x="{-half}" y="{y:g}" width="{2 * half}" height="16" rx="3" fill="{self.colour["ground"]}"/>'
        return ground + self._text(0, y + 12, text, colour, more)

    # ----- cards -----

    def _card(self, node: NodeRecord, box: Box) -> str:
        width, height = round(box.width), round(box.height)
        outline = f'stroke="{self.colour["leaf-line" if node.kind == "leaf" else "line"]}" stroke-width="1.2"'
        shape = f'width="{width}" height="{height}" rx="{9 if node.kind == "leaf" else 2}"'
        fill = f'fill="{self.colour[FILLS[node.kind]]}"'
        behind = ""
        if node.kind == "root":
            wider = f'x="-3" y="-3" width="{width + 6}" height="{height + 6}" rx="4"'
            behind = f"<rect {wider} {fill} {outline}/>"
        if node.kind == "group":
            behind = f'<rect x="4" y="-4" {shape} {fill} {outline}/>'
        card = f"{behind}<rect {shape} {fill} {outline}{DASHES if node.kind == 'constant' else ''}/>"
        rim = f'fill="none" stroke="{self.colour["focus"]}" stroke-width="{self.size / 5:.2g}"'
        passing = [
            f"<rect {shape} {rim}{_during(t, t + 1)}/>"
            for t, current in enumerate(self.score.focus if self.score else ())
            if current == node.id
        ]
        y = MARGIN // 2 - 5
        texts = []
        if self.titles[node.id]:
            y += LINE
            texts.append(self._text(MARGIN, y, self.titles[node.id], self.colour["ink"], ' font-weight="600"'))
        for what, text, sign in self.facts[node.id]:
            y += LINE
            texts.append(self._text(MARGIN, y, what, self.colour["quiet"]))
            came = ""
            if self.score and self.score.grads[node.id] and "grad" in what and text != NO_GRADIENT:
                more, text, sign, came = self._gradient(node.id, y, width, text, sign)
                passing += more
            texts.append(self._text(self.columns[node.id], y, text, self._sign(sign), came))
        if node.hidden:
            texts.append(self._text(MARGIN, y + LINE, f"… {node.hidden:,} more", self.colour["quiet"]))
        passing_by = _group(passing, visibility="hidden")
        place = f"translate({_at((box.x, box.y))})"
        return _group([tooltip(self.titles[node.id], node), card, passing_by, *texts], transform=place)

    def _gradient(self, i: int, y: float, width: int, text: str, sign: float) -> tuple[list[str], str, float, str]:
        """What passes: one number after the other, lit in the step in which it came. And the last, which stays."""
        assert self.score is not None
        known = [(t, text, sign) if x is None else (t, number(x), x) for t, x in self.score.grads[i]]
        shown = [(0.0, NO_GRADIENT, 0.0), *known]
        left = self.columns[i] - 4
        lit = f'd="M{left:g},{y - 14}H{width - 6}v18H{left:g}z" fill="{self.colour["lit"]}"'
        passing = [f"<path {lit}{_during(t, math.floor(t) + 1)}/>" for t, _, _ in known]
        for (t, past, x), (end, _, _) in zip(shown, known, strict=False):
            if end > t:
                passing.append(self._text(self.columns[i], y, past, self._sign(x), _during(t, end)))
        when, last, x = known[-1]
        return passing, last, x, _from(when)

    # ----- words -----

    def _below(self) -> tuple[str, float]:
        """The sentences of a film and the caption of an excerpt, and how much height they take."""
        parts: list[str] = []
        y = 0.0
        if self.score:
            sentences = [self._lines(words) for words in self.score.words]
            line = 1.35 * self.size
            high = (max(map(len, sentences)) + 0.5) * line
            parts.append(self._ground(y, self.width - 2 * PAD, high))
            texts = [
                "".join(
                    f'<tspan x="{2 * PAD}" y="{k * line:.0f}">{escape(text)}</tspan>' for k, text in enumerate(lines, 1)
                )
                for lines in sentences
            ]
            size = {"font_size": f"{self.size:.3g}"}
            passing = [f"<text{_during(t, t + 1)}>{said}</text>\n" for t, said in enumerate(texts[:-1])]
            parts.append(_group(passing, visibility="hidden", **size))
            parts.append(_group([f"<text{_from(len(passing))}>{texts[-1]}</text>"], **size))
            y += high + PAD
        if caption := omission(self.trace):
            parts.append(self._ground(y, LETTER * len(caption) + 8, 20))
            parts.append(self._text(PAD + 4, round(y + 14), caption, self.colour["quiet"]))
            y += 20 + PAD
        return "".join(parts), y

    def _ground(self, y: float, width: float, height: float) -> str:
        size = f'width="{width:.0f}" height="{height:.0f}"'
        return f'<rect x="{PAD}" y="{y:.0f}" {size} rx="4" fill="{self.colour["ground"]}"/>\n'

    def _lines(self, words: str) -> list[str]:
        """``words`` in lines that fit, the last with an ellipsis where not all of them do."""
        em = 1.0 if any(east_asian_width(c) in "WF" for c in words) else 0.62
        room = (self.width - 4 * PAD) / (em * self.size)
        return wrap(words, int(room), max_lines=SENTENCE_LINES, placeholder=" …")
