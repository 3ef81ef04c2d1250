"""`play(L)`: step through a graph in a terminal, forward and then backward, one operation at a time."""

import builtins
import os
import shutil
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from typing import TextIO

from autograd.graph import Node
from autograd.viz.narration import MANY, Narrator, largest, signed
from autograd.viz.trace import NodeRecord, Send, Trace, excerpt
from autograd.viz.wording import NO_GRADIENT, number, omission, one_line

HELP = """\
Enter or n   the next step
p            the step before
f, b         the first step of the forward pass, of the backward pass
j NAME       the step of a node: j e, j e:forward, j e:backward, j seed
7            step 7
q            end
?            this list"""

SIGNS = {"▶": ">", "×": "*", "−": "-", "–": "-", "…": "...", "·": "-", "∂": "d", "∑": "sum", "√": "sqrt"}
BOLD, QUIET, NEGATIVE, POSITIVE, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[36m", "\x1b[0m"


def play(
    root: Node,
    *,
    at: str | int | None = None,
    quiz: bool = False,
    input: Callable[[str], str] | None = None,
    output: TextIO | None = None,
    color: bool | None = None,
) -> None:
    """Show the steps of ``root``'s graph, one for each line of input; ``?`` lists what can be typed.

    Each step is a table of the nodes (gradients "–" until they arrive), the line of the program, and the step in words.
    Where nobody can type, all steps are written one after the other. Of a large graph the part nearest the result.

    at:     where to begin: "e:backward", "e", "seed", or the number of a step; `ValueError` if there is none
    quiz:   before each step of the backward pass ask what it sends; right is right to 1 %
    input:  asks for a line, as Python's own `input` does, which it is by default
    output: where to write; standard output by default
    color:  by default only on a terminal, unless NO_COLOR is set or TERM is "dumb"
    """
    Player(excerpt(root, steps=True), at, quiz, input, output, color).run()


class Player:
    """A terminal that shows a trace."""

    def __init__(
        self,
        trace: Trace,
        at: str | int | None,
        quiz: bool,
        ask: Callable[[str], str] | None,
        output: TextIO | None,
        color: bool | None,
    ) -> None:
        self.output = sys.stdout if output is None else output
        self.ask = ask or builtins.input
        self.interactive = ask is not None or (sys.stdin is not None and sys.stdin.isatty())
        is_terminal = self.output.isatty() and os.environ.get("TERM") != "dumb"
        self.color = is_terminal and not os.environ.get("NO_COLOR") if color is None else color
        self.encoding = getattr(self.output, "encoding", None) or "utf-8"
        self.signs = {} if _can_write("".join(SIGNS), self.encoding) else str.maketrans(SIGNS)
        if self.signs:
            spelled = [node if node.symbol.isascii() else replace(node, symbol=node.op) for node in trace.nodes]
            trace = replace(trace, nodes=tuple(spelled))
        self.trace = trace
        self.words = Narrator(trace)
        self.here = self.words.find(at)
        self.quiz = quiz
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
        elif command in ("f", "b"):
            self.jump("forward" if command == "f" else "backward")
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
        return f"step {i + 1} of {len(self.trace.steps)} · {step.kind}" + (f" · {left_out}" if left_out else "")

    def explain(self, i: int) -> None:
        """The line of the program, the step in words, what it does to each gradient."""
        step = self.trace.steps[i]
        line = self.trace.nodes[step.node].line
        if line is not None:
            source = self.trace.lines[line]
            where = f"{os.path.basename(source.file)}:{source.number}"
            self.say(self.cut(f"  {one_line(where)}   {one_line(source.text)}"), QUIET)
        self.say(textwrap.fill(self.words.sentence(i), self.width(), initial_indent="  ", subsequent_indent="  "))
        lines = self.words.lines(i)
        shown = lines if len(lines) <= MANY else []  # the sentence has named the largest
        for text, send in zip(shown, step.sends, strict=False):
            self.say(self.cut(f"    {text}"), self.sign(send.contribution))

    def table(self, i: int, current: int | None = None) -> None:
        """The nodes as they are after step ``i``, as many around the current one as the terminal is high."""
        data, grads = self.state(i)
        marked = self.trace.steps[i if current is None else current].node
        rows = []
        for node in self.trace.nodes:
            title, formula = self.words.names[node.id], self.words.formulas[node.id]
            made_by = formula if formula and formula != title else one_line(node.symbol) if node.op else node.kind
            grad = "" if node.kind == "constant" else grads.get(node.id, NO_GRADIENT)
            row = [title, made_by, data.get(node.id, NO_GRADIENT), grad]
            rows.append([self.written(text) for text in row])
        widths = [max(map(len, column)) for column in zip(*rows, ["name", "made by", "data", "grad"], strict=True)]
        room = max(5, shutil.get_terminal_size().lines - 12) if self.interactive else len(rows)
        first = max(0, min(marked - room // 2, len(rows) - room))
        last = min(len(rows), first + room)
        self.say(self.cut("  " + _row(["name", "made by", "data", "grad"], widths)), QUIET)
        if first:
            self.say(f"  … {first:,} above", QUIET)
        for node, row in list(zip(self.trace.nodes, rows, strict=True))[first:last]:
            is_here = node.id == marked
            self.say(self.cut(("▶ " if is_here else "  ") + _row(row, widths)), BOLD if is_here else "")
        if last < len(rows):
            self.say(f"  … {len(rows) - last:,} below", QUIET)

    def state(self, i: int) -> tuple[dict[int, str], dict[int, str]]:
        """What has been computed and what gradients have arrived after step ``i``, as text by node."""
        ahead = {step.node for step in self.trace.steps[i + 1 :] if step.kind == "forward"}
        data = {node.id: _data(node) for node in self.trace.nodes if node.id not in ahead}
        grads: dict[int, str] = {}
        for step in self.trace.steps[: i + 1]:
            if step.kind == "seed":
                grads[step.node] = number(1.0)
            for send in step.sends:
                grads[self.trace.edges[send.edge].parent] = number(send.after)
            if step.kind == "backward" and self.trace.nodes[step.node].shape is not None:
                for edge in self.words.operands[step.node]:
                    norm = self.trace.nodes[edge.parent].norm
                    grads[edge.parent] = "arrived" if norm is None else f"norm {number(norm)}"
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
        return text.translate(self.signs).encode(self.encoding, "backslashreplace").decode(self.encoding)

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
    return number(node.data) if node.data is not None else f"{node.shape} {node.dtype}"


def _row(texts: list[str], widths: list[int]) -> str:
    return "   ".join(text.ljust(width) for text, width in zip(texts, widths, strict=True)).rstrip()


def _can_write(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
