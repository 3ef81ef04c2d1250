"""A step of a trace in words: what a player says, whether on a page or in a terminal."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from autograd.namespaces import ieee
from autograd.ops import OPS
from autograd.viz.javascript import partial
from autograd.viz.trace import Arrival, EdgeRecord, Send, Spread, StepRecord, Trace, Update
from autograd.viz.wording import LONGEST_FORMULA, formulas, heading, name, number
from autograd.written import written

MANY = 6  # operands that a sentence names one by one; of more, only the LARGEST
LARGEST = 3
MOST_NAMES = 20  # in an error
PASSES: tuple[str, ...] = ("forward", "backward", "update")
PHASES = {"unseen": "backward · from outside"}
"""What a kind of step is called, where that is not its own word."""

Sent = TypeVar("Sent", Send, Arrival)

INFIX = {"add": "+", "sub": "−", "mul": "×", "div": "/", "power": "**", "sum": "+", "prod": "×"}


def narrate(trace: Trace, i: int) -> str:
    """Step ``i`` of the trace (from 0) in one line: ``e = a * b: 2 × −3 = −6``.

    For many steps of one trace make a `Narrator` once: names are worked out for the whole graph.
    """
    return written(Narrator(trace).sentence(i))


def formula_lines(trace: Trace, i: int) -> list[str]:
    """What step ``i`` (from 0) does to each gradient: ``grad a  =  −2 × −3  =  +6``, or ``+=`` where one was already.

    Of what is not shown only the sum is told, ``grad x  =  1 + 1.35  =  2.35``, and of an update the new number,
    ``w  =  0.5 − 0.1 × 6  =  −0.1``. Nothing for a forward step, for the seed, and between `Tensor`s.
    """
    return [written(line) for line in Narrator(trace).lines(i)]


def find_step(trace: Trace, at: str | int | None) -> int:
    """The index from 0 of the step that ``at`` asks for; None is the first.

    ``"e:forward"`` computes e, ``"e:backward"`` sends its gradient on, or, where e is a leaf, completes it;
    ``"w:update"`` moves the parameter w, and ``"e"`` is the first of these that there is. ``"seed"``, ``"forward"``,
    ``"backward"`` and ``"update"`` begin a pass, and a number counts the steps from 1. `ValueError` if there is no
    such step.
    """
    return Narrator(trace).find(at)


class Narrator:
    """The words for one trace.

    names: what each node is called: its name, its formula or "#5"; and "h#5" where several are called h
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.operands = trace.operands()
        self.on_cards = any(node.group for node in trace.nodes)
        self.bare = [name(node.name) for node in trace.nodes]
        shared = Counter(self.bare)
        self.nodes = [
            replace(node, name=f"{title}#{node.id}" if title and shared[title] > 1 else title)
            for node, title in zip(trace.nodes, self.bare, strict=True)
        ]
        made_by = formulas(replace(trace, nodes=tuple(self.nodes)))
        lone = [name(node.symbol) or name(node.op) for node in self.nodes]
        self.formulas = [text if text != sign else "" for text, sign in zip(made_by, lone, strict=True)]
        repeated = Counter(self.formulas)
        self.names = []
        for node, formula in zip(self.nodes, self.formulas, strict=True):
            if node.name:
                self.names.append(name(node.name))
            elif node.kind == "constant" and node.data is not None:
                self.names.append(number(node.data))
            else:
                self.names.append(formula if formula and repeated[formula] == 1 else f"#{node.id}")

    def title(self, i: int) -> str:
        """The node with what made it: ``e = a * b``; ``n (dot)`` where there is no room for a formula."""
        node, formula = self.nodes[i], self.formulas[i]
        if node.op and not formula:
            return f"{self.names[i]} ({name(node.op)})"
        return heading(node if node.name or self.names[i] == formula else replace(node, name=self.names[i]), formula)

    def sentence(self, i: int) -> str:
        """As `narrate`."""
        step = self.trace.steps[i]
        if step.kind == "forward":
            return self._forward(step.node)
        if step.kind == "seed":
            return f"the result {self.names[step.node]} starts with gradient 1"
        if step.kind == "unseen":
            return self._unseen(step.arrivals)
        return self._backward(step) if step.update is None else self._update(step.node, step.update)

    # ----- forward -----

    def _forward(self, i: int) -> str:
        node, title = self.nodes[i], self.title(i)
        if node.group is not None:
            results = "" if node.group.data is None else f" {_spread(node.group.data)}"
            return f"{title} computes its results{results}"
        if node.shape is not None or node.data is None:
            result = "" if node.data is None else f", {number(node.data)}"
            return f"{title}: an array of shape {node.shape}{result}"
        numbers = [self.nodes[edge.parent].data for edge in self.operands[i]]
        result = f"{number(node.data)}{_remark(node.data)}"
        if node.hidden:
            return f"{title}: {result}, from operands that are not all shown"
        if self.on_cards:  # one edge stands for many, and one operand
            return f"{title}: {result}"
        return f"{title}: {_computed(node.op, node.symbol, [x for x in numbers if x is not None], result)}"

    # ----- backward -----

    def _backward(self, step: StepRecord) -> str:
        node, sends = self.nodes[step.node], list(step.sends)
        upstream = sends[0].upstream if sends else None
        title = self.title(step.node)
        if upstream is None:
            operands = [edge.parent for edge in self.operands[step.node]]
            to = listed([self.names[i] for i in operands if self.nodes[i].kind != "constant"])
            parts = [f"{title} sends its gradient on{to and ' to '}{to}."]
            if node.group is not None:
                known = "" if node.group.grad is None else f" {_spread(node.group.grad)}"
                parts = [f"{title} has gradients{known}, and sends them on{to and ' to '}{to}."]
        else:
            parts = [f"{title} has gradient {number(upstream)}{_remark(upstream)}."]
        many = len(sends) > MANY
        if many:
            parts.append(f"It goes to {len(sends)} operands.")
            sends = largest(sends)
        parts += [self._send(send) for send in sends]
        if many:
            parts.append(f"And {len(step.sends) - LARGEST} more.")
        if node.hidden:
            parts.append(f"Operands not shown: {node.hidden:,}.")
        return " ".join(parts)

    def _send(self, send: Send) -> str:
        edge = self.trace.edges[send.edge]
        gives = f"To {self.names[edge.parent]}: × {self._derivative(edge, send.derivative)} gives "
        gives += f"{signed(send.contribution)}{_remark(send.contribution)}"
        if send.before is None:
            return f"{gives}."
        before, after = number(send.before), number(send.after)
        return f"{gives}, added to what came before: {before} + {number(send.contribution)} = {after}."

    def _derivative(self, edge: EdgeRecord, derivative: float) -> str:
        """``b = −3``: the local derivative in terms of the operands where that is short, and its number."""
        rule = self.rule(edge)
        return f"{rule} = {number(derivative)}" if rule else number(derivative)

    def rule(self, edge: EdgeRecord) -> str:
        """The derivative in terms of the operands, ``b`` or ``(1 − t * t)``; "" where that is no help, or not so.

        It is not so where an operation bears the name of another, or somebody assigned to data after the forward pass.
        """
        node = self.nodes[edge.child]
        operands = [operand.parent for operand in self.operands[edge.child]]
        half = len(operands) // 2
        if edge.derivative is None or node.hidden or self.on_cards:
            return ""
        if node.op == "dot" and edge.argument < 2 * half:
            other = operands[(edge.argument + half) % (2 * half)]
            text, there = _whole(self.names[other]), self.nodes[other].data
        elif node.op in OPS and OPS[node.op].arity == len(operands):
            op = OPS[node.op]
            numbers = [x for i in (node.id, *operands) if (x := self.nodes[i].data) is not None]
            text = partial(op, edge.argument, self.names[edge.child], [self.names[i] for i in operands])
            there = ieee(op.partials[edge.argument], *numbers)
        else:
            return ""
        is_bare = text.strip("()") == number(edge.derivative)  # "2 = 2" says nothing
        return "" if is_bare or there != edge.derivative or len(text) > LONGEST_FORMULA else text

    # ----- from outside -----

    def _unseen(self, arrivals: Sequence[Arrival]) -> str:
        many = len(arrivals) > MANY
        parts = [self._arrival(arrival) for arrival in (largest(arrivals) if many else arrivals)]
        if many:
            parts.append(f"and to {len(arrivals) - LARGEST:,} more")
        return f"operations that are not shown send {'; '.join(parts)}"

    def _arrival(self, arrival: Arrival) -> str:
        """``+1.35 to x``, or where something was already ``gradient to x: 1 + 1.35 = 2.35``."""
        called, come = self.names[arrival.node], _come(arrival)
        if come and arrival.before is None:
            return f"{come} to {called}"
        return f"gradient to {called}{come and ': '}{come}"

    def lines(self, i: int) -> list[str]:
        """As `formula_lines`."""
        lines = []
        step = self.trace.steps[i]
        if step.update is not None and self.nodes[step.node].data is not None:
            lines.append(f"{_atom(self.names[step.node])}  =  {_moved(step.update)}  =  {number(step.update.after)}")
        for send in step.sends:
            parent = _atom(self.names[self.trace.edges[send.edge].parent])
            sign = "=" if send.before is None else "+="
            product = f"{number(send.upstream)} × {number(send.derivative)}"
            lines.append(f"grad {parent}  {sign}  {product}  =  {signed(send.contribution)}")
        for arrival in step.arrivals:
            if come := _come(arrival):
                lines.append(f"grad {_atom(self.names[arrival.node])}  =  {come.replace(' = ', '  =  ')}")
        return lines

    # ----- the optimizer -----

    def _update(self, i: int, update: Update) -> str:
        moves = f"{name(update.optimizer)} moves {self.names[i]}"
        result = f"{number(update.after)}{_remark(update.after)}"
        if self.nodes[i].data is None:
            array = f"an array of shape {self.nodes[i].shape}"
            return (
                f"{moves}, {array}: its gradient has norm {number(update.gradient)}, the change {number(update.change)}"
            )
        if update.rate is not None:
            return f"{moves}: {_moved(update)} = {result}"
        way = update.change * update.gradient
        where = "against its gradient" if way < 0 else "along its gradient" if way > 0 else "at gradient"
        before, change, gradient = number(update.before), signed(update.change), signed(update.gradient)
        return f"{moves} from {before} to {result}, by {change}, {where} {gradient}"

    # ----- finding -----

    def find(self, at: str | int | None) -> int:
        """As `find_step`."""
        steps = self.trace.steps
        if at is None:
            return 0
        if isinstance(at, bool) or not isinstance(at, str | int):
            kind = f"{type(at).__name__} {at!r}"
            raise TypeError(f'at is a name, as in at="e:backward", or the number of a step from 1; got {kind}')
        if isinstance(at, int):
            if 1 <= at <= len(steps):
                return at - 1
            raise ValueError(f"there is no step {at}; {self._what_there_is()}")
        passes = PASSES
        wanted = at.strip()
        nodes = self._called(wanted)
        if not nodes and ":" in wanted and wanted.rpartition(":")[2].strip() in passes:
            wanted, _, only = wanted.rpartition(":")
            passes = (only.strip(),)
            nodes = self._called(wanted)
        if len(nodes) > 1:
            them = listed([self.names[i] for i in nodes])
            raise ValueError(f"{len(nodes)} nodes are called {name(wanted)!r}; say which: {them}")
        if nodes:
            found = [step for kind in passes if (step := self._step_of(nodes[0], kind)) is not None]
            if not found:
                raise ValueError(f"{self.names[nodes[0]]} has no {' or '.join(passes)} step; {self._what_there_is()}")
            return found[0]
        starts = [i for i, step in enumerate(steps) if step.kind == wanted]
        if starts:
            return starts[0]
        if wanted.isdecimal() and wanted.isascii():
            return self.find(int(wanted))
        raise ValueError(f"no step is called {name(at)!r}; {self._what_there_is()}")

    def _called(self, wanted: str) -> list[int]:
        """The nodes by this name: the one that sentences call so, else those that pictures do."""
        wanted = name(wanted).replace(" ", "")
        for titles in (self.names, [f"#{node.id}" for node in self.nodes], self.formulas, self.bare):
            found = [i for i, title in enumerate(titles) if wanted and title.replace(" ", "") == wanted]
            if found:
                return found
        return []

    def _step_of(self, i: int, kind: str) -> int | None:
        """The step that computes node ``i``, or that sends its gradient on; for a leaf, the last that adds to it."""
        last = None
        for place, step in enumerate(self.trace.steps):
            if step.node == i and step.kind == kind:
                return place
            sent = any(self.trace.edges[send.edge].parent == i for send in step.sends)
            sent = sent or any(arrival.node == i for arrival in step.arrivals)
            if kind == "backward" and (sent or (step.kind == "seed" and step.node == i)):
                last = place
        return last

    def _what_there_is(self) -> str:
        wanting = [title for title, node in zip(self.names, self.nodes, strict=True) if node.kind != "constant"]
        there = {step.kind for step in self.trace.steps}
        starts = "".join(f", {kind}" for kind in ("seed", *PASSES) if kind in there)
        return f"there are 1 to {len(self.trace.steps)}{starts}, and {listed(wanting)}"


def listed(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def signed(x: float) -> str:
    """As `number`, with the plus written: ``+6``."""
    return f"+{number(x)}" if x > 0 else number(x)


def largest(sends: Sequence[Sent]) -> list[Sent]:
    """The few that matter most."""
    return sorted(sends, key=lambda send: magnitude(send.contribution or 0.0), reverse=True)[:LARGEST]


def gradients(trace: Trace) -> dict[int, float]:
    """What the backward pass leaves at each node that it reaches, by id; of a `Tensor` only the seed."""
    found: dict[int, float] = {}
    for step in trace.steps:
        if step.kind == "seed":
            found[step.node] = 1.0
        found |= {trace.edges[send.edge].parent: send.after for send in step.sends}
        found |= {arrival.node: arrival.after for arrival in step.arrivals if arrival.after is not None}
    return found


def agree(difference: float, gradient: float) -> bool:
    """Whether a finite difference confirms a gradient."""
    return abs(difference - gradient) <= 1e-5 * max(1.0, abs(gradient))


def _come(arrival: Arrival) -> str:
    """What an arrival makes of a gradient: ``1 + 1.35 = 2.35``, or ``+1.35`` of none; "" of an array."""
    if arrival.after is None or arrival.contribution is None:
        return ""
    if arrival.before is None:
        return f"{signed(arrival.after)}{_remark(arrival.after)}"
    added = f"{number(arrival.before)} + {number(arrival.contribution)}"
    return f"{added} = {number(arrival.after)}{_remark(arrival.after)}"


def _moved(update: Update) -> str:
    """The new number as a sum: ``0.5 − 0.1 × 6``, or ``0.5 − 0.01`` where the change is not just rate × gradient."""
    if update.rate is not None:
        return f"{number(update.before)} − {number(update.rate)} × {number(update.gradient)}"
    return f"{number(update.before)} {'−' if update.change < 0 else '+'} {number(abs(update.change))}"


def _spread(spread: Spread) -> str:
    least, middle, greatest = map(number, spread)
    return f"from {least} to {greatest}, the middle one {middle}" if least != greatest else f"of {least}"


def _remark(x: float) -> str:
    return ", not a number" if math.isnan(x) else ", infinite" if math.isinf(x) else ""


def _whole(text: str) -> str:
    return f"({text})" if " " in text else text


def _atom(text: str) -> str:
    return text if re.fullmatch(r"[^\W\d][\w.#]*|#?[\d.]+", text) else f"({text})"


def magnitude(x: float) -> float:
    """|x|; a nan goes before everything, as the first thing to look at."""
    return math.inf if math.isnan(x) else abs(x)


def _computed(op: str, symbol: str, xs: Sequence[float], result: str) -> str:
    """The operation on numbers: ``2 × −3 = −6`` or ``tanh(0.5) = 0.4621``."""
    if op in ("dot", "sum", "prod"):
        half = len(xs) // 2
        terms = [(number(x), x) for x in xs]
        if op == "dot":
            pairs = zip(xs[:half], xs[half : 2 * half], strict=True)
            terms = [(f"{number(w)} × {number(x)}", w * x) for w, x in pairs] + terms[2 * half :]
        sign = INFIX["sum" if op == "dot" else op]
        if len(xs) <= MANY:
            return f"{f' {sign} '.join(text for text, _ in terms)} = {result}"
        return f"the largest terms are {_largest(terms)}; the result is {result}"
    if len(xs) > MANY:
        return f"the largest operands are {_largest([(number(x), x) for x in xs])}; the result is {result}"
    if op in INFIX:
        left, right = map(number, xs)
        return f"{f'({left})' if op == 'power' and xs[0] < 0 else left} {INFIX[op]} {right} = {result}"
    if op == "neg":
        return f"−({number(xs[0])}) = {result}"
    return f"{name(symbol if symbol.isalnum() else op)}({', '.join(map(number, xs))}) = {result}"


def _largest(terms: Sequence[tuple[str, float]]) -> str:
    first = sorted(terms, key=lambda term: magnitude(term[1]), reverse=True)[:LARGEST]
    return f"{', '.join(text for text, _ in first)} and {len(terms) - LARGEST:,} more"
