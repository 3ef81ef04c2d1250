"""The player in a terminal: what is typed, what is shown, what is right in the quiz; when it plays by itself."""

import io
import os
import select
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from test_hostile_labels import HOSTILE, labelled
from test_narration import chain, interior, lesson, network_loss

import autograd
import nn
from autograd import Tensor, Value
from autograd.viz.narration import Narrator, narrate
from autograd.viz.player import step
from autograd.viz.terminal import at_a_keyboard, is_right
from autograd.viz.trace import trace
from autograd.viz.wording import number


@pytest.fixture(autouse=True)
def _a_plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("LINES", "50")


class Screen(io.StringIO):
    """A terminal that keeps what was written to it."""

    def __init__(self, is_terminal: bool = True, encoding: str = "utf-8") -> None:
        super().__init__()
        self.is_terminal = is_terminal
        self.written_in = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.written_in

    def isatty(self) -> bool:
        return self.is_terminal

    def write(self, text: str) -> int:
        text.encode(self.written_in)  # as a real stream does
        return super().write(text)


def played(
    root: Value | Tensor, *typed: str, screen: Screen | None = None, color: bool | None = None, **options: object
) -> str:
    """What is on the screen after these lines were typed and the input ended."""
    screen = screen or Screen(is_terminal=False)
    lines = iter(typed)

    def ask(prompt: str) -> str:
        screen.write(prompt)
        try:
            answer = next(lines)
        except StopIteration:
            raise EOFError from None
        screen.write(f"{answer}\n")
        return answer

    step(root, **options).play(input=ask, output=screen, color=color)  # type: ignore[arg-type]
    assert next(lines, None) is None, "the player ended before all was typed"
    return screen.getvalue()


def visited(text: str) -> list[int]:
    return [int(line.split()[1]) for line in text.splitlines() if line.startswith("step ")]


# ----- moving -----


@pytest.mark.parametrize(
    ("typed", "steps"),
    [
        ([], [1]),
        (["n", "", " n ", "p"], [1, 2, 3, 4, 3]),
        (["b", "f"], [1, 6, 1]),
        (["j e:backward", "j d", "j seed", "j 3"], [1, 9, 3, 5, 3]),
        (["9", "1"], [1, 9, 1]),
        (["9", "n", ""], [1, 9]),
        (["p"], [1]),
        (["0", "10", "-1", "j nobody", "j", "x", "nn", "?", "q"], [1]),
    ],
)
def test_every_command_goes_where_it_says(typed: list[str], steps: list[int]) -> None:
    text = played(lesson(), *typed).replace("step> ", "\n")
    assert visited(text) == steps


def test_at_says_where_to_begin() -> None:
    assert visited(played(lesson(), at="e:backward", screen=Screen())) == [9]
    with pytest.raises(ValueError, match="no step is called 'nobody'; there are 1 to 9"):
        played(lesson(), at="nobody")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("p", "this is the first step"),
        ("x", "'x' is no command. There are:\nEnter or n"),
        ("\x1b[31m", "'[31m' is no command"),
        ("j", 'as in "j e"'),
        ("j nobody", "no step is called 'nobody'; there are 1 to 9, seed"),
        ("99", "there is no step 99; there are 1 to 9"),
        ("?", "j NAME       the step of a node"),
        ("u", "no step is called 'update'"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_can(typed: str, said: str) -> None:
    assert said in played(lesson(), typed)


def test_the_last_step_says_that_it_is() -> None:
    assert "this is the last step; p goes back, q ends" in played(lesson(), "9", "n")


def test_q_ends_and_nothing_more_is_read() -> None:
    with pytest.raises(AssertionError, match="ended before"):
        played(lesson(), "q", "n")


def test_ctrl_c_ends_without_a_traceback() -> None:
    screen = Screen()

    def ask(prompt: str) -> str:
        raise KeyboardInterrupt

    step(lesson()).play(input=ask, output=screen)
    assert screen.getvalue().endswith("\n\n")


# ----- what is shown -----


def cells(text: str) -> dict[str, list[str]]:
    """The last table on the screen: by name, data and gradient."""
    lines = text.splitlines()
    start = max(i for i, line in enumerate(lines) if line.startswith("  name"))
    columns = [lines[start].index(title) for title in ("name", "made by", "data", "grad")]
    found = {}
    for line in lines[start + 1 :]:
        if not line.startswith(("  ", "▶ ")) or line[columns[0] : columns[0] + 1] in ("", " ") or ":" in line:
            break
        name, _, *rest = [line[a:b].strip() for a, b in zip(columns, [*columns[1:], None], strict=True)]
        found[name] = rest
    return found


def test_numbers_arrive_step_by_step() -> None:
    before = cells(played(lesson(), "1"))
    assert before["e"] == ["−6", "–"] and before["L"] == ["–", "–"] and before["a"] == ["2", "–"]
    seeded = cells(played(lesson(), "5"))
    assert seeded["L"] == ["−2", "1"] and seeded["d"] == ["1", "–"]
    assert cells(played(lesson(), "8"))["b"] == ["−3", "−2"]
    assert cells(played(lesson(), "9"))["b"] == ["−3", "−6"]


def test_a_constant_waits_for_no_gradient() -> None:
    found = cells(played(Value(3.0, "x") * 2.0))
    assert found["2"] == ["2", ""] and found["x"] == ["3", "–"]


def test_at_the_end_stand_the_gradients_of_the_engine() -> None:
    L = lesson()
    found = cells(played(L, "9"))
    L.backward()
    for node in autograd.topological_order(L):
        assert found[node.label] == [number(node.data), number(node.grad)]


def test_the_current_node_is_marked_and_the_line_of_the_program_shown() -> None:
    text = played(lesson())
    assert [line.split()[1] for line in text.splitlines() if line.startswith("▶")] == ["e"]
    assert "test_narration.py:" in text and "e = a * b" in text


def test_without_source_there_is_no_line_and_all_the_rest() -> None:
    made: dict[str, Value] = {"x": Value(2.0, "x")}
    exec("y = x * 3.0", made)
    text = played(made["y"])
    assert "x * 3: 2 × 3 = 6" in text and "<string>" not in text


def test_the_words_are_those_of_the_trace() -> None:
    steps = trace(lesson())
    for i in range(len(steps.steps)):
        text = " ".join(played(lesson(), at=i + 1).split())
        assert narrate(steps, i) in text
        assert all(" ".join(line.split()) in text for line in Narrator(steps).lines(i))


def test_of_a_long_table_there_is_as_much_as_the_terminal_is_high(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "24")
    h = Value(0.5, "x")
    for _ in range(50):
        h = h.tanh()
    text = played(h, at=25)
    assert len(text.splitlines()) < 24
    assert "… 19 above" in text and "… 20 below" in text


def test_no_line_of_the_table_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    text = played(lesson(), *[""] * 8)
    assert max(map(len, text.splitlines())) <= 30


def test_of_a_large_graph_the_nearest_part_is_played_and_that_is_said() -> None:
    h = Value(0.5, "x")
    for _ in range(500):
        h = h.tanh()
    assert "showing 30 of 501 nodes" in played(h, group="scalar")
    assert "501 nodes on 3 cards" in played(h)


def test_what_operations_that_are_not_shown_have_sent_is_a_step() -> None:
    y = chain()
    before, after = (played(y, at=at, group="scalar") for at in ("#1:backward", "x"))
    assert cells(before)["x"] == ["2", "1"] and cells(after)["x"] == ["2", "2.35"]
    assert "· backward · from outside · showing 30 of" in after
    assert "  operations that are not shown send gradient to x: 1 + 1.35 = 2.35\n    grad x  =  1 + 1.35  =" in after
    y.backward()
    assert number(next(node for node in autograd.topological_order(y) if node.label == "x").grad) == "2.35"
    assert "\x1b[36m    grad x" in played(y, at="x", group="scalar", color=True)


def test_an_array_that_gets_its_gradient_from_outside_is_marked() -> None:
    W = Tensor([[1.0, 2.0]], label="W")
    h = (W @ [1.0, 2.0]).tanh()
    h.label = "h"
    L = (h * h).sum()
    assert cells(played(L, at=2, around=h, up=2, down=0))["h"][1] == "–"
    assert cells(played(L, at=3, around=h, up=2, down=0))["h"][1] == "arrived"


def test_a_tree_has_all_that_is_shown_even_where_the_result_is_not() -> None:
    L = interior()
    (h,) = [node for node in autograd.topological_order(L) if node.label == "h"]
    text = played(L, "t", around=h, up=1, down=1)
    shown = step(L, around=h, up=1, down=1).trace.nodes
    tree = text.split("step> ")[1]
    assert all(name in tree for name in Narrator(step(L, around=h, up=1, down=1).trace).names) and len(shown) == 20


def test_a_tensor_is_played_with_shapes_and_norms() -> None:
    W = Tensor(np.ones((2, 3)), label="W")
    y = (W @ [1.0, 2.0, 3.0]).sum()
    y.label = "y"
    text = played(y, "5", quiz=True)
    assert "(2, 3) float64" in text and cells(text)["W"][1] == "arrived"
    y.backward()
    assert cells(played(y, "5"))["W"][1] == f"norm {number(float(np.linalg.norm(W.grad)))}"


def test_a_constant_has_nothing_to_step_through() -> None:
    assert "nothing to step through" in played(Value(1.0).detach())


def test_an_update_is_a_step_that_moves_a_number() -> None:
    L = lesson()
    a, b = (node for node in autograd.topological_order(L) if node.label in ("a", "b"))
    sgd = nn.SGD([b, a], lr=0.1)
    text = played(L, "u", optimizer=sgd)
    assert visited(text.replace("step> ", "\n")) == [1, 10] and "step 10 of 11 · update" in text
    assert "SGD moves b: −3 − 0.1 × −6 = −2.4" in text and "    b  =  −3 − 0.1 × −6  =  −2.4" in text
    assert cells(text)["b"] == ["−2.4", "−6"] and cells(text)["a"] == ["2", "6"]
    assert cells(played(L, "j a:update", optimizer=sgd))["a"] == ["1.4", "6"]
    assert cells(played(L, "u", "p", optimizer=sgd))["b"] == ["−3", "−6"]
    assert visited(played(L, optimizer=sgd, at="update")) == [10]


def test_t_shows_a_tree_with_the_current_node_marked_and_t_again_the_table() -> None:
    text = played(lesson(), "t", "n", "t", at=3)
    table, tree, later, again = text.split("step> ")[:4]
    rows = tree[tree.index("  name") :].splitlines()[1:10]
    assert [row.replace(' (above)', '')[:15].rstrip() for row in rows] == [
        "  L", "▶ ├─ d", "  │  ├─ u", "  │  │  ├─ e", "  │  │  │  ├─ a", "  │  │  │  └─ b",
        "  │  │  └─ b", "  │  └─ c", "  └─ f",
    ]  # fmt: skip
    assert "b (above)" in tree and "▶ L" in later and "└─" not in again and "└─" not in table
    assert cells(again)["L"] == ["−2", "–"]


def test_a_deep_tree_stays_on_the_screen() -> None:
    h = Value(0.5, "x")
    for _ in range(50):
        h = h.tanh()
    text = played(h, "t", at=1)
    tree = text.split("step> ")[1]
    (marked,) = [line for line in tree.splitlines() if line.startswith("▶")]
    assert marked.startswith("▶ …") and "└─ tanh(" in marked and "above" in tree
    assert max(map(len, tree.splitlines())) <= 120


def test_finite_differences_stand_beside_the_gradients_and_give_no_quiz_away() -> None:
    assert cells(played(lesson(), check=True))["b"][1].split() == ["–", "−6", "✓"]
    wrong = replace(step(lesson(), check=True), differences={1: -5.5})
    screen = Screen(is_terminal=False)
    wrong.play(input=lambda _: "q", output=screen)
    assert cells(screen.getvalue())["b"][1].split() == ["–", "−5.5", "≠"]
    asked = played(lesson(), "9", "", "", "9", check=True, quiz=True).split("step> ")
    assert ["finite difference" in text for text in asked] == [False, False, True, False]


def test_layers_are_played_with_their_ranges() -> None:
    loss = network_loss()
    before = played(loss, group="layer")
    assert "cards: one for each layer" in before and cells(before)["layers.1"] == ["–", "–"]
    after = cells(played(loss, at="layers.0:backward", group="layer"))
    assert all(len(text.split(" · ")) == 3 for text in after["layers.1"]) and after["loss"][1] == "1"
    loss.backward()  # the gradients told are those of the pass that is played, and these are the same
    assert cells(played(loss, at="layers.0:backward", group="layer")) == after


def test_what_ails_a_node_is_said_at_its_steps() -> None:
    x = Value(1e5, "x")
    cube = x * x * x
    cube.backward()
    assert "exploding: its gradient reaches 1e+05, above 1,000" in played(cube, at=1)


# ----- where nobody can type -----


def test_without_a_terminal_to_type_at_all_steps_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("q\n"))
    for options in ({}, {"quiz": True}):
        screen = Screen(is_terminal=False)
        step(lesson(), **options).play(output=screen)  # type: ignore[arg-type]
        assert visited(screen.getvalue()) == list(range(1, 10))
        assert cells(screen.getvalue())["b"] == ["−3", "−6"]


def test_the_default_is_the_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    step(lesson(), at=9).play()
    assert visited(capsys.readouterr().out) == [9]


# ----- colour, encodings, hostile labels -----


@pytest.mark.parametrize(
    ("is_terminal", "environment", "color", "colored"),
    [
        (True, {}, None, True),
        (False, {}, None, False),
        (True, {"NO_COLOR": "1"}, None, False),
        (True, {"NO_COLOR": ""}, None, True),
        (True, {"TERM": "dumb"}, None, False),
        (True, {}, False, False),
        (False, {}, True, True),
    ],
)
def test_colour_only_where_it_is_wanted(
    is_terminal: bool, environment: dict[str, str], color: bool | None, colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    text = played(lesson(), "9", screen=Screen(is_terminal), color=color)
    assert ("\x1b" in text) == colored


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_the_output_is_spelled_in_signs_that_it_can_write(encoding: str) -> None:
    y = (Value(1.0, "損") * Value(-2.0, "é")).sigmoid()
    text = played(y, "n", "4", "?", screen=Screen(encoding=encoding), color=False, quiz=True)  # writing would raise
    assert ("▶ " in text, "\n> " in text) == (encoding == "utf-8", encoding != "utf-8")
    assert ("1 × −2 = −2" in text, "1 * -2 = -2" in text) == (encoding == "utf-8", encoding != "utf-8")
    assert ("é" in text) == (encoding != "ascii")


def test_in_ascii_operations_have_their_names_and_columns_stay_columns() -> None:
    y = (Value(1.0, "損") * 2.0).sigmoid()
    y.label = "y"
    text = played(y, "5", screen=Screen(encoding="ascii"), color=False)
    assert "sigmoid(" in text and "\\u03c3" not in text
    header, leaf = (next(line for line in text.splitlines() if word in line) for word in ("made by", "leaf"))
    assert leaf.startswith("  \\u640d") and leaf.index("leaf") == header.index("made by")


def test_hostile_labels_are_only_text() -> None:
    text = played(labelled(HOSTILE), "b", "p", *(f"j {label}" for label in HOSTILE[:40] if "\n" not in label))
    output = text.replace("step> ", "\n")
    for line in output.split("\n"):
        typed = any(line.startswith(f"j {label}"[:8]) for label in HOSTILE)
        assert typed or line.isprintable(), repr(line)


# ----- the quiz -----


def test_the_quiz_asks_for_each_contribution_and_keeps_the_score() -> None:
    text = played(lesson(), "", "−2", "5", "", "-2", "-2.01", quiz=True, at="seed")
    asked = [line for line in text.splitlines() if line.startswith("  What does")]
    assert asked == [
        "  What does L send to d? −2",
        "  What does L send to f? 5",
        "  What does d send to u? -2",
        "  What does d send to c? -2.01",
    ]
    assert "No: 1 × 1 = +1." in text and text.count("Right: −2 × 1 = −2.") == 2
    assert text.endswith("3 of 4 right.\n")


def test_the_answer_is_not_on_the_screen_before_it_is_given() -> None:
    screen = Screen(is_terminal=False)
    seen: list[str] = []

    def ask(prompt: str) -> str:
        seen.append(screen.getvalue())
        return "6"

    with pytest.raises(StopIteration):
        step(lesson(), quiz=True, at="e:backward").play(input=stopping(ask, 2), output=screen)
    assert cells(seen[0])["a"] == ["2", "–"] and "× b" not in seen[0] and "+6" not in seen[0]
    assert cells(screen.getvalue())["b"] == ["−3", "−2"]


def stopping(ask: Callable[[str], str], after: int) -> Callable[[str], str]:
    turns = iter(range(after))

    def limited(prompt: str) -> str:
        next(turns)
        return ask(prompt)

    return limited


def test_what_is_no_number_is_asked_again_and_nothing_shows_the_answer() -> None:
    text = played(lesson(), "six", "6", "", quiz=True, at="e:backward")
    assert "A number, please" in text and "Right: −2 × −3 = +6." in text
    assert "It is −2 × 2 = −4." in text
    assert text.endswith("1 of 2 right.\n")


def test_a_step_is_asked_once_and_q_ends_in_a_question_too() -> None:
    text = played(lesson(), "1", "1", "p", "n", "n", "q", quiz=True, at="backward")
    assert text.count("What does L send to d") == 1
    assert text.count("What does d send") == 1
    assert text.endswith("1 of 2 right.\n")


def test_a_node_used_twice_is_asked_for_by_operand() -> None:
    x = Value(3.0, "x")
    text = played(x * x, "3", "3", quiz=True, at="backward")
    assert "send to x, as operand 1? 3" in text and "send to x, as operand 2? 3" in text


def test_of_many_operands_the_three_largest_are_asked_for() -> None:
    root = autograd.logsumexp([Value(float(i), f"x{i}") for i in range(9)])
    text = played(root, "", "", "", quiz=True, at="backward")
    assert [line.split("to ")[1] for line in text.splitlines() if "What does" in line] == ["x8? ", "x7? ", "x6? "]


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        (-4.0, -4.0, True), (-4.03, -4.0, True), (-4.05, -4.0, False), (4.0, -4.0, False), (0.0, 0.0, True),
        (0.001, 0.0, False), (0.3333, 1 / 3, True), (float("nan"), float("nan"), True), (1.0, float("nan"), False),
        (float("inf"), float("inf"), True), (1e9, float("inf"), False), (float("inf"), 1.0, False),
        (float("nan"), 1.0, False), (-float("inf"), float("inf"), False),
    ],
)  # fmt: skip
def test_right_is_right_to_one_percent(answer: float, expected: float, right: bool) -> None:
    assert is_right(answer, expected) is right


# ----- when a step plays by itself -----

ROOT = Path(__file__).parents[1]
PROGRAM = """
from autograd import Value
from autograd.viz import step
a, b = Value(2.0, "a"), Value(-3.0, "b")
L = a * b
"""


class Terminal:
    """A program at a terminal of its own."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
        self.screen, keyboard = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, *arguments], stdin=keyboard, stdout=keyboard, stderr=keyboard, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "NO_COLOR": "1", **environment},
        )  # fmt: skip
        os.close(keyboard)
        self.text = ""

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *problem: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.screen)

    def read(self) -> bool:
        ready, _, _ = select.select([self.screen], [], [], 60)
        assert ready, f"nothing more was written after {self.text!r}"
        try:
            found = os.read(self.screen, 65536)
        except OSError:  # Linux says so at the end
            found = b""
        self.text += found.decode(errors="replace")
        return bool(found)

    def until(self, text: str) -> str:
        """What is written until ``text`` has come."""
        while text not in self.text:
            assert self.read(), f"{text!r} was not written, but {self.text!r}"
        before, _, self.text = self.text.partition(text)
        return before

    def type(self, line: str) -> None:
        os.write(self.screen, f"{line}\n".encode())

    def rest(self) -> str:
        while self.read():
            pass
        assert self.process.wait() == 0
        return self.text


@pytest.mark.parametrize("statement", ["step(L, at='seed')", "for x in [L]:\n    step(x, at='seed')"])
def test_a_step_on_a_line_of_its_own_plays_and_then_the_program_goes_on(statement: str) -> None:
    with Terminal("-c", f"{PROGRAM}{statement}\nprint('the ' + 'end')") as terminal:
        assert "step 2 of 3 · seed" in terminal.until("step> ")
        terminal.type("n")
        assert "step 3 of 3 · backward" in terminal.until("step> ")
        terminal.type("q")
        assert "the end" in terminal.rest()


@pytest.mark.parametrize(
    "statement",
    [
        "step(L).save('lesson.html')",
        "p = step(L)",
        "print(step(L))",
        "(lambda: step(L))()",
        "[step(L)]",
        "step(L).html",
    ],
)
def test_a_step_that_somebody_takes_asks_for_nothing(statement: str, tmp_path: Path) -> None:
    with Terminal("-c", f"{PROGRAM}import os; os.chdir({str(tmp_path)!r})\n{statement}\nprint('the ' + 'end')") as it:
        text = it.rest()
    assert "the end" in text and "step>" not in text


def test_without_a_terminal_a_step_on_a_line_of_its_own_is_silent() -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{PROGRAM}step(L)\nprint(input())"],
        input="mine\n", capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout == "mine\n"


def test_at_the_prompt_of_python_a_step_plays_and_an_assignment_does_not() -> None:
    with Terminal("-i", "-q", "-c", PROGRAM) as terminal:
        terminal.until(">>> ")
        terminal.type("step(L)")
        terminal.until("step> ")
        terminal.type("q")
        assert "Player(a * b, 3 steps)" in terminal.until(">>> ")
        terminal.type("p = step(L)")
        assert "step>" not in terminal.until(">>> ")
        terminal.type("exit()")
        terminal.rest()


def test_at_the_prompt_of_ipython_a_step_plays_and_shows_itself_once(tmp_path: Path) -> None:
    pytest.importorskip("IPython")
    prompt = ("--simple-prompt", "--no-banner", "--no-confirm-exit", "--no-term-title", "--colors=NoColor")
    with Terminal("-m", "IPython", *prompt, "-i", "-c", PROGRAM, IPYTHONDIR=str(tmp_path)) as terminal:
        terminal.until("In [1]: ")
        terminal.type("step(L)")
        terminal.until("step> ")
        terminal.type("q")
        assert terminal.until("In [2]: ").count("Player(L = a * b, 3 steps)") == 1
        terminal.type("p = step(L)")
        assert "step>" not in terminal.until("In [3]: ")
        terminal.type("exit()")
        terminal.rest()


def test_in_a_kernel_nobody_sits_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Screen())
    monkeypatch.setattr(sys, "stdout", Screen())
    assert at_a_keyboard()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1)))
    assert not at_a_keyboard()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert at_a_keyboard()
    monkeypatch.setattr(sys, "stdin", None)
    assert not at_a_keyboard()
