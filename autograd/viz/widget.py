"""`widget(L)`: the player in a notebook, joined to the running Python: who edits on one side changes the other."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any

from autograd.graph import Node, plain, topological_order
from autograd.viz.narration import Narrator, listed
from autograd.viz.player import asset, computed, content, placed, step
from autograd.viz.theme import Theme, check_theme
from autograd.viz.trace import NodeRecord, Trace
from autograd.viz.view import Level, view
from autograd.viz.wording import facts, name, omission
from autograd.written import written

if TYPE_CHECKING:
    from asyncio import TimerHandle

APART = 0.1  # seconds from one update of the page to the next: nobody reads faster


class Widget:
    """A player whose numbers the page and Python share. `widget` makes it.

    root: the result whose graph it shows
    view: the ``AnyWidget`` behind it, for layouts and hosts that want one
    """

    def __init__(
        self, root: Node, at: str | int | None, group: Level | None, quiz: bool, check: bool, theme: Theme
    ) -> None:
        check_theme(theme)
        self._group = group
        self._options = {"quiz": quiz, "check": check}
        self._observers: list[Callable[[Any], object]] = []
        self._timer: TimerHandle | None = None
        self._program: list[Any] = []
        self._shape: Any = None
        self._layout = 0
        self._take(root)
        self.view: Any = _shared()(graph=self._content(at), theme=theme)
        self.view.on_msg(self._received)
        self._sent = monotonic()

    # ----- from Python to the page -----

    def set(self, **numbers: Any) -> None:
        """Give leaves other numbers, by name: ``w.set(a=3.0, b=-1.0)``. All of them, or after an error none.

        The operations are computed anew from the data of all leaves, so ``root.data`` follows; every ``grad`` stays as
        it is until the next `backward`. Names that are no words of Python go as in ``w["layers.0.w"] = 3.0``.

        Errors: ValueError for what is no leaf of the graph, TypeError for what is no real number.
        """
        self._assign({self._leaf(key): number for key, number in numbers.items()})

    def __setitem__(self, key: str | Node, number: Any) -> None:
        """As `set`, for one leaf, by name or itself: ``w[a] = 3.0``."""
        self._assign({self._leaf(key): number})

    def __getitem__(self, key: str | Node) -> float:
        """The number of a leaf, by name or itself."""
        return float(self._leaf(key).data)

    def show(self, root: Node) -> None:
        """Show another result, such as the loss of the next training step.

        Of a graph of the same shape the numbers change in place, and the page stays at its step; another one replaces
        the player. The page gets at most ten updates a second, and always the last: what comes too soon is kept as it
        is, and goes out when the cell has ended. So a training loop may call this after every step.
        """
        self._take(root)
        self._refresh()

    def flush(self) -> None:
        """Send now what would go out when the cell has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.view.graph = self._content()
        self._sent = monotonic()

    # ----- from the page to Python -----

    def on_edit(self, observer: Callable[[Any], object]) -> Callable[[Any], object]:
        """Call ``observer(leaf)`` after every edit in the page, when all numbers have followed."""
        if not callable(observer):
            raise TypeError(f"on_edit takes a function of the leaf that was edited; got {observer!r}")
        self._observers.append(observer)
        return observer

    def _received(self, view: Any, message: Mapping[str, Any], buffers: object) -> None:
        """The page asks for an edit; meanwhile it may have been sent another graph, which this is not meant for."""
        if message["layout"] != self._layout:
            return
        leaf = self._order[message["node"]]
        try:
            self._assign({leaf: float(message["data"])})
            for observer in self._observers:
                observer(leaf)
        except Exception as error:
            view.send({"refused": f"{type(error).__name__}: {error}"})
            raise

    # ----- the numbers -----

    def _leaf(self, key: str | Node) -> Node:
        """The leaf that ``key`` names or is."""
        if isinstance(key, str):
            if key not in self._places:
                raise ValueError(f"no node is called {name(key)!r}; {self._editable()}")
            node = self._order[self._places[key]]
        elif isinstance(key, Node):
            if not any(key is node for node in self._order):
                raise ValueError(f"{key!r} is not in the graph of {self.root!r}; {self._editable()}")
            node = key
        else:
            raise TypeError(f"say which leaf by its name or by itself, not by {type(key).__name__} {key!r}")
        if not node.is_scalar:
            raise ValueError(
                f"{key!r} is an array, and a widget edits single numbers; give it new .data, compute the result again, "
                f"and show() that"
            )
        if node.parents:
            raise ValueError(f"{key!r} is computed by {node.op.name}; {self._editable()}")
        if not node.requires_grad:
            raise ValueError(
                f"{key!r} is a constant; where its number shall be edited, write Value({node.data!r}) in the expression"
            )
        return node

    def _editable(self) -> str:
        """What could be edited instead, for an error."""
        leaves = [key for key, i in self._places.items() if not self._order[i].parents and self._order[i].requires_grad]
        return f"edit one of the leaves {listed(leaves)}" if leaves else "give a leaf itself, as in w[a] = 3.0"

    def _assign(self, numbers: Mapping[Node, Any]) -> None:
        """New data for some leaves, and for all that is computed from them; on an error the old for all."""
        checked = {leaf: leaf._constant(plain(number)).data for leaf, number in numbers.items()}
        before = [(node, node.data, node.saved) for node in self._order]
        try:
            for leaf, number in checked.items():
                leaf.data = number
            for node in self._order:
                if node.op is not None:
                    _compute(node)
            self._take(self.root)
            self._refresh()
        except BaseException:
            for node, data, saved in before:
                node.data, node.saved = data, saved
            self._take(self.root)
            raise

    # ----- what the page gets -----

    def _take(self, root: Node) -> None:
        """Remember ``root`` and its numbers as they are now: when they are shown, an optimizer may have moved them.

        Names are looked up here too, among the variables of whoever calls; in a loop that makes one graph after the
        other they are looked up once.
        """
        order = topological_order(root)
        program = [
            (node.op, node.label, getattr(node, "code", None), getattr(node, "instruction", 0)) for node in order
        ]
        if program != self._program:
            shown = self._trace(root)
            self._named: tuple[NodeRecord, ...] = shown.nodes
            names = Narrator(shown).names if _is_whole(shown) else []
            self._places = {key: i for i, key in enumerate(names)}
            self._program = program
        self.root, self._order = root, order
        self._taken = [(node, node.data, node.grad) for node in order]

    def _refresh(self) -> None:
        """Send what was taken, now or when its time has come.

        A kernel runs its cells in an event loop, which comes to the timer after the cell; where no loop runs, nothing
        could send it later.
        """
        from asyncio import get_running_loop

        wait = self._sent + APART - monotonic()
        try:
            loop = get_running_loop()
        except RuntimeError:
            wait = 0.0
        if wait <= 0.0:
            self.flush()
        elif self._timer is None:
            self._timer = loop.call_later(wait, self.flush)

    def _trace(self, root: Node) -> Trace:
        return view(root, group=self._group, steps=True)

    def _content(self, at: str | int | None = None) -> dict[str, Any]:
        """The page's graph; its ``layout`` counts the shapes there have been, so equal ones fit on each other."""
        with _as_taken(self._taken):
            shown = self._trace(self.root)
            known: Sequence[NodeRecord] = self._named
            if len(known) != len(shown.nodes):  # models that only the loop's own variables hold are cards no more
                known = shown.nodes
            # marks of health come and go with the numbers, and a card has no place to spare for them
            nodes = [replace(n, name=k.name, scope=k.scope, health="") for n, k in zip(shown.nodes, known, strict=True)]
            shown = replace(shown, nodes=tuple(nodes))
            narrator = Narrator(shown)
            shape = _shape(shown)
            if shape != self._shape:
                self._shape, self._stage = shape, placed(shown, narrator)
                self._layout += 1
            opened = max(0, len(shown.steps) - 1) if at is None else narrator.find(at)
            graph = content(self.root, shown, narrator, self._stage, at=opened, **self._options)
        del graph["rows"]  # here it is Python that computes
        self._title = narrator.title(len(shown.nodes) - 1)
        return graph | {"layout": self._layout, "editable": _is_whole(shown) and self.root.is_scalar}

    def __repr__(self) -> str:
        return written(f"Widget({self._title}, {len(self._order):,} nodes)")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """The widget, and the finished picture for where there are none. No HTML: it would hide both."""
        bundle, _ = self.view._repr_mimebundle_()
        return {
            **bundle,
            **step(self.root, group=self._group, quiz=self._options["quiz"]).picture()._repr_mimebundle_(),
            "text/plain": repr(self),
        }


def widget(
    root: Node,
    *,
    at: str | int | None = None,
    group: Level | None = None,
    quiz: bool = False,
    check: bool = False,
    theme: Theme = "auto",
) -> Widget:
    """The player of ``root`` as a notebook's widget: leaves are edited from Python and in the page, losses shown live.

    ``w = widget(L)`` shows itself at the end of a cell. Then ``w.set(a=3.0)`` or ``w[a] = 3.0`` moves the page, at
    whatever step it is; a number typed into the page is ``a.data`` here, with ``L.data`` following, and is told to
    ``w.on_edit(f)``; and ``w.show(loss)`` in a training loop shows each new loss. Where there are no widgets, the
    notebook shows the picture of `draw`, with the numbers of when the cell ran.

    at: where to open, as in `step`; by default at the end, where all gradients are
    group, quiz, check, theme: as in `step`

    Needs the extra: ``pip install "glassgrad[widget]"``.
    """
    return Widget(root, at, group, quiz, check, theme)


def _compute(node: Node) -> None:
    """The operation of a `Value` again, on what its operands are now."""
    xs = tuple([parent.data for parent in node.parents])
    y = node._constant(computed(node.op, xs)).data
    masked = isinstance(node.saved[0], tuple)
    node.data, node.saved = y, ((y, *xs), node.saved[1]) if masked else (y, *xs)


@contextmanager
def _as_taken(taken: list[tuple[Node, Any, Any]]) -> Iterator[None]:
    """The nodes with the data and the gradients that they had then."""
    now = [(node, node.data, node.grad) for node, _, _ in taken]
    try:
        _put(taken)
        yield
    finally:
        _put(now)


def _put(numbers: Sequence[tuple[Node, Any, Any]]) -> None:
    for node, data, grad in numbers:
        if node.data is not data:  # to assign to a tensor the array that it has would tell of a change in place
            node.data = data
        node.grad = grad


def _is_whole(shown: Trace) -> bool:
    """Whether each node of the graph has a card of its own, so that the page's numbering is the graph's."""
    return len(shown.nodes) == shown.total and all(node.group is None for node in shown.nodes)


def _shape(shown: Trace) -> Any:
    """What two traces have in common where one can be shown in the cards of the other."""
    return (
        [(node.kind, node.op, node.shape, [what for what, _, _ in facts(node)]) for node in shown.nodes],
        [(edge.parent, edge.child, edge.derivative is None) for edge in shown.edges],
        [(step.kind, step.node, len(step.sends)) for step in shown.steps],
        bool(shown.lines),
        omission(shown),
    )


@cache
def _shared() -> type[Any]:
    """The class of what both sides share."""
    try:
        from anywidget import AnyWidget
        from traitlets import Dict, Unicode
    except ImportError as error:
        raise ImportError(
            'a widget is made with anywidget; install it by: pip install "glassgrad[widget]"; step(L) needs nothing'
        ) from error

    class Shared(AnyWidget):
        _esm = f"const ROWS = [], STYLE = {json.dumps(asset('player.css'))};\n{asset('player.js')}{asset('widget.js')}"
        graph = Dict().tag(sync=True)
        theme = Unicode().tag(sync=True)

    return Shared
