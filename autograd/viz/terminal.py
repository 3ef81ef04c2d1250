"""A player in a terminal: the steps of a trace, one for each line that is typed."""

import builtins
import dis
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import TextIO

from autograd.modes import ipython_shell
from autograd.viz.narration import MANY, PHASES, Narrator, agree, gradients, largest, signed
from autograd.viz.trace import NodeRecord, Send, Trace
from autograd.viz.wording import NO_GRADIENT, facts, in_signs_of, number, omission, one_line
from autograd.written import encoding_of, spelled

HELP = """\
Enter or n   the next step
p            the step before
f, b, u      the first step of the forward pass, of the backward pass, of the optimizer's update
j NAME       the step of a node: j e, j e:forward, j e:backward, j w:update, j seed
7            step 7
t            a tree of the nodes instead of the table, and back
q            end
?            this list"""

PASSES = {"f": "forward", "b": "backward", "u": "update"}

DEEPEST = 24  # characters of lines before a node of the tree

BOLD, QUIET, NEGATIVE, POSITIVE, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[36m", "\x1b[0m"


def at_a_keyboard() -> bool:
    """Whether somebody sits at a terminal, to read and to type; in a notebook nobody does."""
    is_kernel = getattr(ipython_shell(), "kernel", None) is not None
    return not is_kernel and all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def is_dropped(frame: FrameType) -> bool:
    """Whether the call that ``frame`` is in stands on a line of its own: nobody takes what it returns."""
    after = next(found for found in dis.get_instructions(frame.f_code) if found.offset > frame.f_lasti)
    is_printed = after.opname == "PRINT_EXPR" or (after.opname == "CALL_INTRINSIC_1" and after.arg == 1)
    return after.opname == "POP_TOP" or is_printed


class TextPlayer:
    """A terminal that shows a trace.

    start:       the step to begin with, from 0
    quiz:        before each step of the backward pass ask what it sends; right is right to 1 %
    differences: for leaves by id, the finite difference to set beside the gradient
    ask:         asks for a line, as Python's own `input` does, which it is by default
    output:      where to write; standard output by default
    color:       by default only on a terminal, unless NO_COLOR is set or TERM is "dumb"
    """

    def __init__(
        self,
        trace: Trace,
        start: int,
        quiz: bool,
        differences: Mapping[int, float],
        ask: Callable[[str], str] | None,
        output: TextIO | None,
        color: bool | None,
    ) -> None:
        self.output = sys.stdout if output is None else output
        self.ask = ask or builtins.input
        self.interactive = ask is not None or (sys.stdin is not None and sys.stdin.isatty())
        is_terminal = self.output.isatty() and os.environ.get("TERM") != "dumb"
        self.color = is_terminal and not os.environ.get("NO_COLOR") if color is None else color
        self.encoding = encoding_of(self.output)
        self.trace = trace = in_signs_of(trace, self.encoding)
        self.words = Narrator(trace)
        self.here = start
        self.quiz = quiz
        found = gradients(trace)
        self.checks = {
            i: f"{x:.9g} {'✓' if agree(x, found.get(i, 0.0)) else '≠'}".replace("-", "−")
            for i, x in differences.items()
        }
        self.as_tree = False
        self.asked: set[int] = set()
        self.right = self.questions = 0

    def run(self) -> None:
        if not self.trace.steps:
            self.say(f"{self.words.title(len(self.trace.nodes) - 1)} is a constant: there is nothing to step through.")
            return
        if not self.interactive:
            for i in range(self.here, len(self.trace.steps)):
                self.say(self.header(i))
                self.explain(i)
            self.table(len(self.trace.steps) - 1)
            return
        try:
            self.show()
            while self.obey(self.question("step> ")):
                pass
        except (EOFError, KeyboardInterrupt):
            self.say("")
        if self.questions:
            self.say(f"{self.right} of {self.questions} right.")

    # ----- what is typed -----

    def obey(self, line: str) -> bool:
        """Do what ``line`` says; False if it was to end."""
        command, _, rest = line.strip().partition(" ")
        if command == "q":
            return False
        if command in ("", "n"):
            self.go(self.here + 1, "this is the last step; p goes back, q ends")
        elif command == "p":
            self.go(self.here - 1, "this is the first step; n goes on, q ends")
        elif command in PASSES:
            self.jump(PASSES[command])
        elif command == "t":
            self.as_tree = not self.as_tree
            self.show()
        elif command == "j" and rest.strip():
            self.jump(rest.strip())
        elif command == "j":
            self.say('j goes to a node by its name, as in "j e" or "j e:backward"')
        elif command == "?":
            self.say(HELP)
        elif command.removeprefix("-").isdecimal():
            self.jump(int(command))
        else:
            self.say(f"{one_line(command)!r} is no command. There are:\n{HELP}")
        return True

    def jump(self, at: str | int) -> None:
        try:
            self.go(self.words.find(at), "")
        except ValueError as error:
            self.say(str(error))

    def go(self, i: int, otherwise: str) -> None:
        if 0 <= i < len(self.trace.steps):
            self.here = i
            self.show()
        else:
            self.say(otherwise)

    def question(self, text: str) -> str:
        self.output.flush()
        return self.ask(self.written(text))

    # ----- what is shown -----

    def show(self) -> None:
        i = self.here
        self.say("")
        self.say(self.header(i))
        sends = [] if i in self.asked or not self.quiz else list(self.trace.steps[i].sends)
        self.table(i - 1 if sends else i, i)
        if sends:
            self.asked.add(i)
            self.say(f"  {self.words.title(self.trace.steps[i].node)} has gradient {number(sends[0].upstream)}.")
            for send in sends if len(sends) <= MANY else largest(sends):
                self.examine(send)
        self.explain(i)

    def header(self, i: int) -> str:
        step = self.trace.steps[i]
        left_out = omission(self.trace)
        phase = PHASES.get(step.kind, step.kind)
        return f"step {i + 1} of {len(self.trace.steps)} · {phase}" + (f" · {left_out}" if left_out else "")

    def explain(self, i: int) -> None:
        """The line of the program, the step in words, what it does to each gradient."""
        step = self.trace.steps[i]
        line = self.trace.nodes[step.node].line
        if line is not None:
            source = self.trace.lines[line]
            self.say(self.cut(f"  {one_line(source.place)}   {one_line(source.text)}"), QUIET)
        self.say(textwrap.fill(self.words.sentence(i), self.width(), initial_indent="  ", subsequent_indent="  "))
        lines = self.words.lines(i)
        if health := self.trace.nodes[step.node].health:
            self.say(textwrap.fill(f"{health}", self.width(), initial_indent="  ", subsequent_indent="  "), NEGATIVE)
        changes = [send.contribution for send in step.sends] if step.update is None else [step.update.change]
        changes += [come.contribution for come in step.arrivals if come.contribution is not None]
        shown = lines if len(lines) <= MANY else []  # the sentence has named the largest
        for text, change in zip(shown, changes, strict=False):
            self.say(self.cut(f"    {text}"), self.sign(change))

    def table(self, i: int, current: int | None = None) -> None:
        """The nodes as they are after step ``i``, as many around the current one as the terminal is high."""
        data, grads = self.state(i)
        current_node = self.trace.steps[i if current is None else current].node
        titles = ["name", "made by", "data", "grad"]
        checks = {} if self.quiz and i < len(self.trace.steps) - 1 else self.checks  # they would give answers away
        if checks:
            titles.append("finite difference")
        rows: list[list[str]] = []
        marked = 0
        for branch, node, is_above in self.branches() if self.as_tree else [("", n, False) for n in self.trace.nodes]:
            title, formula = self.words.names[node.id], self.words.formulas[node.id]
            if is_above:
                row = [f"{branch}{title} (above)", *[""] * (len(titles) - 1)]
            else:
                made_by = formula if formula and formula != title else one_line(node.symbol) if node.op else node.kind
                grad = "" if node.kind == "constant" else grads.get(node.id, NO_GRADIENT)
                row = [f"{branch}{title}", made_by, data.get(node.id, NO_GRADIENT), grad]
                row += [checks.get(node.id, "")] if checks else []
                marked = len(rows) if node.id == current_node else marked
            rows.append([self.written(text) for text in row])
        widths = [max(map(len, column)) for column in zip(*rows, titles, strict=True)]
        room = max(5, shutil.get_terminal_size().lines - 12) if self.interactive else len(rows)
        first = max(0, min(marked - room // 2, len(rows) - room))
        last = min(len(rows), first + room)
        self.say(self.cut("  " + _row(titles, widths)), QUIET)
        if first:
            self.say(f"  … {first:,} above", QUIET)
        for place, row in enumerate(rows[first:last], first):
            self.say(self.cut(("▶ " if place == marked else "  ") + _row(row, widths)), BOLD if place == marked else "")
        if last < len(rows):
            self.say(f"  … {len(rows) - last:,} below", QUIET)

    def branches(self) -> Iterator[tuple[str, NodeRecord, bool]]:
        """The tree, from the result and what else no shown node uses: the lines that lead to a node, the node, and
        whether it stands above already."""
        seen: set[int] = set()
        used = {edge.parent for edge in self.trace.edges}
        stack = [("", "", node.id) for node in self.trace.nodes if node.id not in used]
        while stack:
            branch, indent, i = stack.pop()
            yield (branch if len(branch) <= DEEPEST else f"…{branch[-DEEPEST:]}"), self.trace.nodes[i], i in seen
            for place, edge in enumerate([] if i in seen else reversed(self.words.operands[i])):
                stack.append((indent + ("├─ " if place else "└─ "), indent + ("│  " if place else "   "), edge.parent))
            seen.add(i)

    def state(self, i: int) -> tuple[dict[int, str], dict[int, str]]:
        """What has been computed and what gradients have arrived after step ``i``, as text by node."""
        ahead = {step.node for step in self.trace.steps[i + 1 :] if step.kind == "forward"}
        data = {node.id: _data(node) for node in self.trace.nodes if node.id not in ahead}
        grads: dict[int, str] = {}
        for step in self.trace.steps[: i + 1]:
            if step.kind == "seed":
                grads[step.node] = number(1.0)
            if step.update is not None and self.trace.nodes[step.node].data is not None:
                data[step.node] = number(step.update.after)
            for send in step.sends:
                grads[self.trace.edges[send.edge].parent] = number(send.after)
            for come in step.arrivals:
                known = come.after
                grads[come.node] = _gradient(self.trace.nodes[come.node]) if known is None else number(known)
            if step.kind == "backward" and not step.sends:
                for edge in self.words.operands[step.node]:
                    grads[edge.parent] = _gradient(self.trace.nodes[edge.parent])
        return data, grads

    # ----- quiz -----

    def examine(self, send: Send) -> None:
        """Ask for one contribution, until the answer is a number or nothing."""
        edge = self.trace.edges[send.edge]
        child, parent = self.words.names[edge.child], self.words.names[edge.parent]
        product = f"{number(send.upstream)} × {number(send.derivative)} = {signed(send.contribution)}"
        where = f", as operand {edge.argument + 1}" if self.is_repeated(send) else ""
        while True:
            answer = self.question(f"  What does {child} send to {parent}{where}? ").strip()
            if answer == "q":
                raise EOFError
            if not answer:
                self.questions += 1
                self.say(f"  It is {product}.")
                return
            try:
                found = float(answer.replace("−", "-").replace("–", "-"))
            except ValueError:
                self.say("  A number, please, such as -1.5; Enter shows it, q ends.")
                continue
            self.questions += 1
            if is_right(found, send.contribution):
                self.right += 1
                self.say(f"  Right: {product}.", POSITIVE)
            else:
                self.say(f"  No: {product}.", NEGATIVE)
            return

    def is_repeated(self, send: Send) -> bool:
        edge = self.trace.edges[send.edge]
        return [other.parent for other in self.words.operands[edge.child]].count(edge.parent) > 1

    # ----- writing -----

    def say(self, text: str, style: str = "") -> None:
        text = self.written(text)
        self.output.write(f"{style}{text}{PLAIN}\n" if style and self.color else f"{text}\n")

    def written(self, text: str) -> str:
        """The text in signs that the output can write."""
        return spelled(text, self.encoding)

    def sign(self, x: float) -> str:
        return "" if not x else NEGATIVE if x < 0 else POSITIVE

    def width(self) -> int:
        return max(20, shutil.get_terminal_size().columns)

    def cut(self, text: str) -> str:
        return text if len(text) <= self.width() else text[: self.width() - 1] + "…"


def is_right(answer: float, expected: float) -> bool:
    """To 1 %, or to the digits that are shown."""
    return number(answer) == number(expected) or abs(answer - expected) <= 0.01 * abs(expected) < float("inf")


def _data(node: NodeRecord) -> str:
    if node.group is not None:
        return dict(line[:2] for line in facts(node)).get("data", "")
    return number(node.data) if node.data is not None else f"{node.shape} {node.dtype}"


def _gradient(node: NodeRecord) -> str:
    """Of many numbers, once they have arrived."""
    if node.norm is not None:
        return f"norm {number(node.norm)}"
    return dict(line[:2] for line in facts(node)).get("grad", "arrived") if node.group is not None else "arrived"


def _row(texts: list[str], widths: list[int]) -> str:
    return "   ".join(text.ljust(width) for text, width in zip(texts, widths, strict=True)).rstrip()
