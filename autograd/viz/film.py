"""`animate(L)`: the backward pass as a picture that plays itself where no script runs, as in a README or on a slide."""

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path

from autograd.graph import Node
from autograd.hints import usage
from autograd.viz.narration import Narrator
from autograd.viz.picture import put
from autograd.viz.svg import Score, film
from autograd.viz.theme import Theme
from autograd.viz.trace import NodeRecord, Trace
from autograd.viz.view import view
from autograd.viz.wording import number, omission
from autograd.written import written

PASS = ("seed", "backward", "unseen")
# of a step: when its first gradient sets out, over how long the others follow, and how long each is on its way
START, SPREAD, TRAVEL = 0.1, 0.4, 0.3


@dataclass(frozen=True)
class Film:
    """A backward pass that plays once: ``trace`` holds the records."""

    trace: Trace
    title: str
    drawn: str

    def svg(self) -> str:
        """The film as an ``<svg>`` element, complete in itself. Where nothing moves, it is the finished graph."""
        return self.drawn

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the film to a file .svg, for an ``<img>``. Returns the path."""
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f'path is a file name, as in save("film.svg"), not {type(path).__name__} {path!r}')
        path = Path(path)
        if path.suffix.lower() != ".svg":
            raise ValueError(f'a film is saved as .svg; got {path.name!r}; for a page write step(L).save("L.html")')
        return put(path, self.drawn.encode)

    def __repr__(self) -> str:
        return written(f"Film({self.title})")

    def _repr_svg_(self) -> str:
        return self.drawn

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"image/svg+xml": self.drawn, "text/plain": repr(self)}


@usage("animate(loss)")
def animate(root: Node, *, seconds: float = 1.2, theme: Theme = "auto", max_nodes: int | None = None) -> Film:
    """The backward pass of ``root``'s graph as an SVG that plays it once, without a script.

    >>> from autograd import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> animate(a * b)
    Film(the backward pass of a * b, 2 steps)

    For each step in the engine's order: the node it is about, the local derivative times the upstream gradient on each
    edge, and the operand's gradient, where a second one adds to the first. It ends with the finished graph, and shows
    just that to a reader who wants no motion. It leaves every ``grad`` as it is.

    seconds:   for each step
    theme:     "light", "dark", or "auto" for what the reader's system has
    max_nodes: show only so many, those nearest the root; without it, all of up to 400, and 30 of a larger graph

    Displays itself in a notebook; ``.save("film.svg")``, ``.svg()``.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise ValueError(f"seconds is how long each step lasts, a number above 0; got {seconds!r}")
    shown = view(root, group="scalar", max_nodes=max_nodes, steps=True)
    narrator = Narrator(shown)
    titles = [narrator.title(node.id) for node in shown.nodes]
    said = [narrator.sentence(i) for i, step in enumerate(shown.steps) if step.kind in PASS]
    score = _score(shown, seconds, [f"{i}/{len(said)}\u2003{sentence}" for i, sentence in enumerate(said, 1)])
    last = [came[-1][1] if came else None for came in score.grads]
    ends = [replace(n, grad=x) if n.shape is None else n for n, x in zip(shown.nodes, last, strict=True)]
    finished = replace(shown, nodes=tuple(ends))
    leaves = [f"{narrator.names[n.id]} {number(n.grad)}" for n in ends if n.kind == "leaf" and n.grad is not None]
    score.words.append(f"The gradient of each leaf: {', '.join(leaves)}" if leaves else "The finished graph")
    size = omission(shown) or f"{len(said)} step{'s' * (len(said) != 1)}"
    title = f"the backward pass of {titles[-1]}, {size}"
    return Film(finished, title, film(finished, titles, title, theme, score))


def _score(trace: Trace, seconds: float, words: list[str]) -> Score:
    """When each gradient of the pass sets out and arrives."""
    operands = trace.operands()
    edges = {(edge.child, edge.argument): i for i, edge in enumerate(trace.edges)}
    score = Score(seconds, {}, [[] for _ in trace.nodes], [], words)
    for step in trace.steps:
        k = len(score.focus)
        if step.kind == "seed":
            score.grads[step.node].append((k, None if trace.nodes[step.node].shape else 1.0))
        elif step.kind not in PASS:
            continue
        score.focus.append(step.node)
        sent = {send.edge: send for send in step.sends}
        for arrival in step.arrivals:
            _come(score.grads[arrival.node], k + START + TRAVEL, arrival.after)
        into = [(edges[edge.child, edge.argument], edge.parent) for edge in operands[step.node]]
        going = [(i, parent) for i, parent in into if i in sent or _is_array(trace.nodes[parent])]
        for place, (i, parent) in enumerate(going if step.kind == "backward" else ()):
            when = k + START + SPREAD * place / len(going)
            send = sent.get(i)
            score.sends[i] = when, send.contribution if send else None
            _come(score.grads[parent], when + TRAVEL, send.after if send else None)
    return score


def _come(grads: list[tuple[float, float | None]], when: float, after: float | None) -> None:
    """Of numbers each is shown in its turn, of an array's gradient only that it came."""
    grads[:] = [*grads, (when, after)] if after is not None else [(when, None)]


def _is_array(node: NodeRecord) -> bool:
    """Of arrays there are no products: all that is told is that a gradient comes, and in the end its norm."""
    return node.shape is not None and node.kind != "constant"
