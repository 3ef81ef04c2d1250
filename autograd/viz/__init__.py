"""What happens in a graph, to look at: `draw` and `tree` for the whole, `step` for the passes one step at a time,
`animate` for the backward pass as a film, `explain` for the paths behind one gradient; `trace` for the plain records
that all of them read."""

from autograd.viz.explain import Explanation, explain
from autograd.viz.film import Film, animate
from autograd.viz.picture import Picture, draw
from autograd.viz.player import Player, step
from autograd.viz.records import from_json, to_json
from autograd.viz.text import tree
from autograd.viz.trace import Trace, trace
from autograd.viz.widget import Widget, widget

__all__ = [
    "Explanation",
    "Film",
    "Picture",
    "Player",
    "Trace",
    "Widget",
    "animate",
    "draw",
    "explain",
    "from_json",
    "step",
    "to_json",
    "trace",
    "tree",
    "widget",
]
