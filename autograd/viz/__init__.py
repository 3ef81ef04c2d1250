"""Pictures of a graph: `draw` for a page or a notebook, `tree` for a terminal, `trace` for the plain records."""

from autograd.viz.picture import Picture, draw
from autograd.viz.text import tree
from autograd.viz.trace import Trace, trace

__all__ = ["Picture", "Trace", "draw", "trace", "tree"]
