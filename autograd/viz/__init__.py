"""What happens in a graph, to look at: `draw` and `tree` for the whole, `step` and `play` for the passes one step at a
time, `explain` for the paths behind one gradient; `trace` for the plain records that all of them read."""

from autograd.viz.explain import Explanation, explain
from autograd.viz.picture import Picture, draw
from autograd.viz.player import Player, step
from autograd.viz.terminal import play
from autograd.viz.text import tree
from autograd.viz.trace import Trace, trace

__all__ = ["Explanation", "Picture", "Player", "Trace", "draw", "explain", "play", "step", "trace", "tree"]
