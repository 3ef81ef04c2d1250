"""The words for the steps of a trace, and how a step is found by name."""

import copy
import math
import random
import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from random_graphs import FUNCTIONS, leaves_of, nodes_of, seeded
from test_hostile_labels import HOSTILE

import autograd
import nn
from autograd import Tensor, Value, custom_op, dot
from autograd.viz.narration import Narrator, find_step, formula_lines, gradients, narrate
from autograd.viz.records import from_json, to_json
from autograd.viz.trace import Trace, trace, with_card_steps
from autograd.viz.view import view
from autograd.viz.wording import number


def lesson() -> Value:
    """L = (a b + c) f; b is used twice, in e and then in u."""
    a, b, c = Value(2.0, "a"), Value(-3.0, "b"), Value(10.0, "c")
    e = a * b
    u = e + b
    d = u + c
    f = Value(-2.0, "f")
    L = d * f
    for node, label in ((e, "e"), (u, "u"), (d, "d"), (L, "L")):
        node.label = label
    return L


def sentences(root: Value | Tensor) -> list[str]:
    steps = trace(root)
    return [narrate(steps, i) for i in range(len(steps.steps))]


def test_every_step_is_one_plain_sentence() -> None:
    assert sentences(lesson()) == [
        "e = a * b: 2 × −3 = −6",
        "u = e + b: −6 + −3 = −9",
        "d = u + c: −9 + 10 = 1",
        "L = d * f: 1 × −2 = −2",
        "the result L starts with gradient 1",
        "L = d * f has gradient 1. To d: × f = −2 gives −2. To f: × d = 1 gives +1.",
        "d = u + c has gradient −2. To u: × 1 gives −2. To c: × 1 gives −2.",
        "u = e + b has gradient −2. To e: × 1 gives −2. To b: × 1 gives −2.",
        "e = a * b has gradient −2. To a: × b = −3 gives +6. "
        "To b: × a = 2 gives −4, added to what came before: −2 + −4 = −6.",
    ]


def test_formula_lines_tell_the_first_gradient_from_those_added() -> None:
    steps = trace(lesson())
    assert formula_lines(steps, 8) == ["grad a  =  −2 × −3  =  +6", "grad b  +=  −2 × 2  =  −4"]
    assert all(formula_lines(steps, i) == [] for i in range(5))


def test_a_formula_stands_in_parentheses_on_a_formula_line() -> None:
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    steps = trace((a * b).tanh())
    assert formula_lines(steps, 3)[0].startswith("grad (a * b)  =  1 × ")


def test_a_constant_is_sent_nothing() -> None:
    steps = trace(Value(3.0, "x") * 2.0)
    assert formula_lines(steps, 2) == ["grad x  =  1 × 2  =  +2"]
    assert narrate(steps, 2) == "x * 2 has gradient 1. To x: × 2 gives +2."


def test_a_node_used_twice_by_one_operation_is_sent_to_twice() -> None:
    y = Value(3.0, "y")
    steps = trace(y * y)
    assert formula_lines(steps, 2) == ["grad y  =  1 × 3  =  +3", "grad y  +=  1 × 3  =  +3"]
    assert "To y: × y = 3 gives +3, added to what came before: 3 + 3 = 6." in narrate(steps, 2)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda x, y: x - y, "x - y: 2 − −3 = 5"),
        (lambda x, y: x / y, "x / y: 2 / −3 = −0.6667"),
        (lambda x, y: y**2, "y ** 2: (−3) ** 2 = 9"),
        (lambda x, y: -y, "-y: −(−3) = 3"),
        (lambda x, y: x.tanh(), "tanh(x): tanh(2) = 0.964"),
        (lambda x, y: x.maximum(y), "max(x, y): max(2, −3) = 2"),
        (lambda x, y: autograd.sum([x, y, x]), "Σ(x, y, x): 2 + −3 + 2 = 1"),
        (lambda x, y: autograd.prod([x, y, x]), "prod: 2 × −3 × 2 = −12"),
        (lambda x, y: dot([x, y], [y, y], x), "dot: 2 × −3 + −3 × −3 + 2 = 5"),
        (lambda x, y: y.log(), "log(y): log(−3) = nan, not a number"),
        (lambda x, y: x / 0.0, "x / 0: 2 / 0 = inf, infinite"),
    ],
)
def test_a_forward_step_is_the_operation_on_numbers(made: Callable[[Value, Value], Value], said: str) -> None:
    forward = sentences(made(Value(2.0, "x"), Value(-3.0, "y")))[0]
    assert re.sub(r"#\d+ \((\w+)\)", r"\1", forward) == said


def test_of_many_operands_the_three_largest_are_named() -> None:
    ws = [Value(float(i), f"w{i}") for i in range(1, 8)]
    xs = [Value(-10.0 * i, f"x{i}") for i in range(1, 8)]
    n = dot(ws, xs, Value(0.5, "b"))
    n.label = "n"
    forward, _, backward = sentences(n)
    assert forward == "n (dot): the largest terms are 7 × −70, 6 × −60, 5 × −50 and 5 more; the result is −1400"
    assert backward == (
        "n (dot) has gradient 1. It goes to 15 operands. To w7: × x7 = −70 gives −70. "
        "To w6: × x6 = −60 gives −60. To w5: × x5 = −50 gives −50. And 12 more."
    )
    assert len(formula_lines(trace(n), 2)) == 15


def test_a_nan_is_the_first_of_many_to_be_named() -> None:
    terms = [Value(math.nan if i == 5 else 1.0, f"x{i}") for i in range(9)]
    root = autograd.logsumexp(terms)
    assert "are nan, 1, 1 and 6 more" in sentences(root)[0]
    assert "gives nan, not a number" in sentences(root)[2]


def test_an_operation_of_ones_own_does_not_get_the_derivative_of_its_namesake() -> None:
    @custom_op(lambda m, y, x: 3.0)
    def tanh(m: Any, x: Any) -> Any:
        return 3.0 * x

    @custom_op(lambda m, y, a, b: b, lambda m, y, a, b: a)
    def exp(m: Any, a: Any, b: Any) -> Any:
        return a * b

    x, y = Value(0.5, "x"), Value(2.0, "y")
    assert sentences(tanh(x))[-1].endswith("To x: × 3 gives +3.")
    assert sentences(exp(x, y))[-1].endswith("To x: × 2 gives +2. To y: × 0.5 gives +0.5.")


def test_in_a_derivative_a_name_stays_as_it_is() -> None:
    x = Value(0.5, "m.x-1")
    y = x.sin()
    y.label = "x0"
    assert "To m.x-1: × cos(m.x-1) = 0.8776" in sentences(y)[-1]


def test_derivatives_are_spelled_with_the_names_of_the_operands() -> None:
    p, q = Value(0.5, "p"), Value(2.0, "q")
    y = (p / q).tanh()
    y.label = "y"
    tanh, division = sentences(y)[-2:]
    assert "To p / q: × sech2(p / q) = " in tanh
    assert "To p: × (1 / q) = 0.5" in division and "To q: × (−(p / q) / q) = −0.125" in division


def test_a_derivative_too_long_to_read_is_only_its_number() -> None:
    root = Value(4.0, "x").sqrt()
    root.label = "a_name_of_23_characters"
    assert sentences(root)[-1].endswith("To x: × 0.25 gives +0.25.")


def test_a_number_moved_after_the_forward_pass_is_not_called_the_derivative() -> None:
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    root = a * b
    b.data = 100.0
    assert "To a: × −3 gives −3." in narrate(trace(root), 2)


# ----- the optimizer -----


def fitted() -> tuple[Value, list[Value]]:
    """(w x + b)², and what an optimizer is to move."""
    w, b = Value(0.5, "w"), Value(-2.0, "b")
    L = (w * 3.0 + b) ** 2.0
    L.label = "L"
    return L, [w, b]


OPTIMIZERS: list[Callable[[Any], nn.Optimizer]] = [
    lambda ps: nn.SGD(ps, lr=0.1),
    lambda ps: nn.SGD(ps, lr=0.1, weight_decay=0.3),
    lambda ps: nn.SGD(ps, lr=0.1, momentum=0.9),
    lambda ps: nn.SGD(ps, lr=0.1, momentum=0.9, nesterov=True),
    lambda ps: nn.RMSProp(ps, lr=0.1),
    lambda ps: nn.Adam(ps, lr=0.1),
    lambda ps: nn.AdamW(ps, lr=0.1),
]


def told(L: Any, optimizer: Any) -> list[tuple[str, float, float, float]]:
    """The updates: the parameter's name, the number before, the gradient, the number after."""
    found = trace(L, optimizer)
    updates = [(found.nodes[step.node].name, step.update) for step in found.steps if step.update is not None]
    return [(name, update.before, update.gradient, update.after) for name, update in updates]


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("passes", [0, 1, 2])
def test_the_updates_are_those_that_the_optimizer_makes(make: Any, passes: int) -> None:
    """To the bit; before the first step and after others, whatever the gradients hold by then."""
    w, b = Value(0.5, "w"), Value(-2.0, "b")
    optimizer = make([w, b])
    for _ in range(4):
        L = (w * 3.0 + b) ** 2.0
        optimizer.zero_grad()
        for _ in range(passes):
            L.backward()
        state = copy.deepcopy((optimizer.state, optimizer.steps, optimizer.settings()))
        numbers = [(p.data, p.grad) for p in (w, b)]
        updates = told(L, optimizer)
        assert (optimizer.state, optimizer.steps, optimizer.settings()) == state
        assert [(p.data, p.grad) for p in (w, b)] == numbers
        optimizer.zero_grad()
        L.backward()
        expected = [("w", w.data, w.grad), ("b", b.data, b.grad)]
        optimizer.step()
        assert updates == [(*before, p.data) for before, p in zip(expected, (w, b), strict=True)]


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_a_model_of_tensors_is_told_by_norms(make: Any) -> None:
    model = nn.vectorized.MLP(2, [3, 1], seed=0)
    L = (model(np.array([[1.0, -2.0]])) ** 2.0).sum()
    optimizer = make(model)
    updates = told(L, optimizer)
    L.backward()
    before = {name: (p.data.copy(), p.grad) for name, p in model.named_parameters()}
    optimizer.step()
    after = dict(model.named_parameters())
    assert updates == [(name, size(x), size(g), size(after[name].data)) for name, (x, g) in before.items()]


def size(x: Any) -> float:
    return float(x.item() if x.size == 1 else np.linalg.norm(x))


def test_an_update_is_told_in_words_and_as_a_formula() -> None:
    L, ps = fitted()
    steps = trace(L, nn.SGD(ps, lr=0.1))
    assert [step.kind for step in steps.steps][-3:] == ["backward", "update", "update"]
    first = len(steps.steps) - 2
    assert narrate(steps, first) == "SGD moves w: 0.5 − 0.1 × −3 = 0.8"
    assert formula_lines(steps, first) == ["w  =  0.5 − 0.1 × −3  =  0.8"]
    steps = trace(L, nn.Adam(reversed(ps), lr=0.01))
    assert narrate(steps, first) == "Adam moves b from −2 to −1.99, by +0.01, against its gradient −1"
    assert formula_lines(steps, first + 1) == ["w  =  0.5 + 0.01  =  0.51"]
    W = Tensor([[3.0, 4.0]], label="W")
    steps = trace((W * W).sum(), nn.SGD([W], lr=0.1))
    said = "SGD moves W, an array of shape (1, 2): its gradient has norm 10, the change 1"
    assert (narrate(steps, 5), formula_lines(steps, 5)) == (said, [])
    moving = nn.SGD(ps, lr=0.1, momentum=0.9)
    moving.state["w"] = moving.state["0"] = {"velocity": 100.0}
    assert "by −8.7, along its gradient −3" in narrate(trace(L, moving), first)


def test_only_the_parameters_in_the_graph_move_and_of_an_excerpt_only_those_shown() -> None:
    L, (w, b) = fitted()
    sgd = nn.SGD({"other": Value(1.0, "other"), "b": b, "w": w})
    assert [name for name, *_ in told(L, sgd)] == ["b", "w"]
    shown = view(L, max_nodes=5, steps=True, optimizer=sgd)
    assert [shown.nodes[step.node].name for step in shown.steps if step.kind == "update"] == ["b"]


def test_a_parameter_that_the_pass_does_not_reach_stays_where_it_is() -> None:
    """After `zero_grad` it has no gradient, and the step leaves it alone, weight decay or not."""
    for w, one in ((Value(2.0, "w"), Value(1.0)), (Tensor([2.0], label="w"), Tensor([1.0]))):
        cut = w * 3.0
        cut.requires_grad = False
        sgd = nn.SGD([w], lr=0.1, weight_decay=0.5)
        L = (cut * one).sum() if isinstance(w, Tensor) else cut * one
        assert told(L, sgd) == []
        L.backward()
        sgd.step()
        assert w.data == 2.0


def test_what_is_no_optimizer_or_of_another_model_is_refused() -> None:
    L, ps = fitted()
    for wrong in (0.1, nn.MLP(1, [1]), ps, nn.SGD):
        with pytest.raises(
            TypeError, match=r"optimizer is one of nn's, as in optimizer=nn\.SGD\(model, lr=0\.1\); got "
        ):
            trace(L, wrong)
    with pytest.raises(
        ValueError, match=r"moves 1 parameters, and none of them is in this graph; make it from the model"
    ):
        trace(L, nn.SGD([Value(0.5)]))


def test_an_update_is_found_by_its_parameter() -> None:
    L, ps = fitted()
    steps = trace(L, nn.SGD(ps, lr=0.1))
    kinds = [step.kind for step in steps.steps]
    assert find_step(steps, "update") == find_step(steps, "w:update") == kinds.index("update")
    assert find_step(steps, "b : update") == len(kinds) - 1
    with pytest.raises(
        ValueError, match="L has no update step; there are 1 to 9, seed, forward, backward, update, and w"
    ):
        find_step(steps, "L:update")


# ----- names -----


def unnamed(steps: Trace) -> Trace:
    return replace(steps, nodes=tuple(replace(node, name="") for node in steps.nodes))


def test_nodes_without_a_name_are_called_by_formula_or_number() -> None:
    assert Narrator(unnamed(trace((Value(2.0) * 3.0).exp()))).names == ["#0", "3", "#2", "#3"]
    x = Value(2.0, "x")
    assert Narrator(trace((x * 3.0).exp() + x * 3.0)).names[:4] == ["x", "3", "#2", "exp(x * 3)"]


def test_nodes_of_one_name_are_told_apart() -> None:
    h = Value(0.5, "h")
    for _ in range(2):
        h = h.tanh()
        h.label = "h"
    steps = trace(h)
    assert Narrator(steps).names == ["h#0", "h#1", "h#2"]
    assert narrate(steps, 1) == "h#2 = tanh(h#1): tanh(0.4621) = 0.4318"
    with pytest.raises(ValueError, match=r"3 nodes are called 'h'; say which: h#0, h#1, h#2"):
        find_step(steps, "h")
    assert find_step(steps, "h#1") == 0


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_names_stay_on_one_printable_line(label: str) -> None:
    y = Value(1.0, label) * Value(2.0, label)
    y.label = label
    steps = trace(y)
    for i in range(len(steps.steps)):
        assert all(line.isprintable() for line in (narrate(steps, i), *formula_lines(steps, i)))


# ----- Tensors, excerpts, lone leaves -----


def test_a_tensor_is_told_by_shape_and_by_where_its_gradient_goes() -> None:
    W = Tensor(np.ones((2, 3)), label="W")
    y = W @ [1.0, 2.0, 3.0]
    y.label = "y"
    said = sentences(y.sum())
    assert "an array of shape (2,)" in said[0]
    assert said[-1].endswith("sends its gradient on to W.")
    assert formula_lines(trace(y.sum()), len(said) - 1) == []


def test_an_excerpt_says_what_it_does_not_show() -> None:
    L = lesson()
    steps = view(L, max_nodes=2, steps=True)
    assert narrate(steps, 0) == "d = u + c: 1, from operands that are not all shown"
    assert narrate(steps, 3) == "L = d * f has gradient 1. To d: × −2 gives −2. Operands not shown: 1."
    assert narrate(steps, 4) == "d = u + c sends its gradient on. Operands not shown: 2."


def chain() -> Value:
    """x goes to the result directly, and by a way that is too long to be shown."""
    x = Value(2.0, "x")
    y = x
    for _ in range(300):
        y = y * 1.001
    return y + x


def interior() -> Value:
    """Of what h sends to x, all but 2 has come from outside, by a long way and by sixteen short ones."""
    x = Value(0.5, "x")
    h = x.tanh()
    h.label = "h"
    y = h
    for _ in range(300):
        y = y * 1.001
    return y.exp() + autograd.sum([(h * (i * 0.1)).sin() for i in range(16)]) + h * 2.0


def test_what_comes_from_outside_is_a_step_of_its_own() -> None:
    steps = view(chain(), group="scalar", steps=True)
    words = Narrator(steps)
    last = len(steps.steps) - 1
    assert [step.kind for step in steps.steps].count("unseen") == 1 and steps.steps[last].kind == "unseen"
    assert words.sentence(last) == "operations that are not shown send gradient to x: 1 + 1.35 = 2.35"
    assert words.lines(last) == ["grad x  =  1 + 1.35  =  2.35"]
    assert words.find("x") == last and words.find("backward") == [s.kind for s in steps.steps].index("backward")


def test_what_comes_from_outside_is_told_before_it_is_sent_on() -> None:
    L = interior()
    (h,) = [node for node in autograd.topological_order(L) if node.label == "h"]
    steps = view(L, around=h, up=1, down=0, steps=True)
    words = Narrator(steps)
    L.backward()
    assert [step.kind for step in steps.steps] == ["forward", "unseen", "backward"]  # the result is not shown
    assert words.sentence(1) == f"operations that are not shown send +{number(h.grad)} to h"
    assert words.lines(1) == [f"grad h  =  +{number(h.grad)}"]
    assert words.sentence(2).startswith(f"h = tanh(x) has gradient {number(h.grad)}.")
    with pytest.raises(ValueError, match="there are 1 to 3, forward, backward, and x, h"):
        words.find("seed")


def test_of_many_gradients_from_outside_the_three_largest_are_named() -> None:
    steps = view(network_loss(), sample=1, steps=True)
    first, last = (i for i, step in enumerate(steps.steps) if step.kind == "unseen")
    said = narrate(steps, first)
    assert said.startswith("operations that are not shown send +2.314 to layers.0.neurons.0.w.0; −2.314 to layers.0.")
    assert said.endswith("; and to 10 more") and said.count(";") == 3
    assert "send gradient to layers.1.neurons.0.b: −1.645 + −0.4501 = −2.095; gradient to" in narrate(steps, last)
    assert len(formula_lines(steps, last)) == 13


def test_a_gradient_that_is_lost_outside_is_remarked() -> None:
    x = Value(-1.0, "x")
    y = x.log()
    for _ in range(40):
        y = y * 1.0
    steps = view(y + x, max_nodes=3, steps=True)
    said = narrate(steps, len(steps.steps) - 1)
    assert said == "operations that are not shown send gradient to x: 1 + −1 = 0"
    x.data = 0.0
    y = x.log()
    for _ in range(40):
        y = y * 1.0
    steps = view(y + x, max_nodes=3, steps=True)
    assert narrate(steps, len(steps.steps) - 1).endswith("to x: 1 + inf = inf, infinite")


def test_arrays_from_outside_are_told_without_numbers() -> None:
    W, b = Tensor([[1.0, 2.0]], label="W"), Tensor([1.0], label="b")
    h = (W @ [1.0, 2.0] + b).tanh()
    L = (h * h).sum()
    steps = view(L, around=h, up=1, down=0, steps=True)
    assert [step.kind for step in steps.steps] == ["forward", "forward", "unseen", "backward", "backward"]
    assert narrate(steps, 2) == "operations that are not shown send gradient to h"
    assert formula_lines(steps, 2) == []


def parts(root: Value, rng: random.Random) -> list[dict[str, Any]]:
    order = autograd.topological_order(root)
    some = rng.choice(order)
    return [
        {"max_nodes": rng.randint(1, 15)},
        {"around": some, "up": rng.randint(0, 3), "down": rng.randint(0, 3)},
        {"path": (next(node for node in order if not node.parents and node.requires_grad), root)},
        {"path": (some, some)},
    ]


def network_parts() -> list[tuple[Value, dict[str, Any]]]:
    loss = network_loss()
    return [(loss, {"sample": i}) for i in range(3)] + [(loss, {"max_nodes": count}) for count in range(1, 20)]


def random_parts() -> list[tuple[Value, dict[str, Any]]]:
    found = []
    for seed, graph in enumerate(seeded(0, 150)):
        root = nodes_of(graph, leaves_of(graph, Value), FUNCTIONS[Value])[-1]
        if isinstance(root, Value) and root.requires_grad:
            found += [(root, options) for options in parts(root, random.Random(seed))]
    return found


def assert_gradients_are_the_engines(root: Value, options: dict[str, Any]) -> int:
    """To the bit, after each step and at the end; how many came from outside."""
    order = autograd.topological_order(root)
    for i, node in enumerate(order):
        node.label = f"n{i}"
        node.grad = 0.0
    steps = view(root, group="scalar", steps=True, **options)
    root.backward()
    shown = [order[int(node.name[1:])] for node in steps.nodes]
    now: dict[int, float | None] = {}
    for step in steps.steps:
        if step.kind == "seed":
            now[step.node] = 1.0
        for arrival in step.arrivals:
            assert arrival.before == now.get(arrival.node)
            now[arrival.node] = arrival.after
        for send in step.sends:
            parent = steps.edges[send.edge].parent
            assert (send.upstream, send.before) == (now[step.node], now.get(parent))
            assert send.upstream == shown[step.node].grad
            now[parent] = send.after
    assert [now.get(i, 0.0) for i in range(len(shown))] == [node.grad for node in shown]
    assert gradients(steps) == now
    return sum(len(step.arrivals) for step in steps.steps)


def test_of_a_part_of_a_graph_every_gradient_is_the_engines() -> None:
    cases = [*random_parts(), *network_parts(), (chain(), {}), (interior(), {}), (interior(), {"max_nodes": 40})]
    assert sum(assert_gradients_are_the_engines(root, options) for root, options in cases) > 250


def test_steps_from_outside_are_read_back_from_json() -> None:
    steps = view(interior(), max_nodes=40, steps=True)
    text = to_json(steps)
    assert "unseen" in text and from_json(text) == steps
    arrival = re.search(r'"arrivals": \[\{"node": \d+', text)
    assert arrival is not None
    with pytest.raises(ValueError, match="there is no node, edge or line 40"):
        from_json(text.replace(arrival[0], '"arrivals": [{"node": 40', 1))


def test_of_a_whole_graph_nothing_comes_from_outside() -> None:
    assert all(step.arrivals == () and step.kind != "unseen" for step in trace(network_loss()).steps)


def test_a_lone_leaf_has_only_its_seed() -> None:
    assert sentences(Value(1.0, "x")) == ["the result x starts with gradient 1"]


# ----- cards that stand for many nodes -----


def network_loss() -> Value:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    loss = autograd.mean([(model([x, -x]) - 1.0) ** 2 for x in (0.5, 1.0, -2.0)])
    loss.label = "loss"
    return loss


def test_a_layer_computes_its_results_and_hands_its_gradients_back() -> None:
    loss = network_loss()
    steps = with_card_steps(view(loss, group="layer"))
    words = Narrator(steps)
    said = [words.sentence(i) for i in range(len(steps.steps))]
    assert [words.names[i] for i in (step.node for step in steps.steps if step.kind == "forward")][:2] == [
        "layers.0", "layers.1",
    ]  # fmt: skip
    assert re.fullmatch(r"layers\.0 × 3 computes its results from \S+ to \S+, the middle one \S+", said[0])
    assert "the result loss starts with gradient 1" in said
    assert said[-2:] == [
        "layers.1 × 3 has gradients, and sends them on to layers.0.",
        "layers.0 × 3 has gradients, and sends them on.",
    ]
    loss.backward()
    steps = with_card_steps(view(loss, group="layer"))
    said = [narrate(steps, i) for i in range(len(steps.steps))]
    assert re.search(r"^layers\.1 × 3 has gradients from \S+ to \S+, the middle one \S+, and sends", said[-2])
    assert [step.kind for step in steps.steps] == sorted(
        (step.kind for step in steps.steps), key=["forward", "seed", "backward"].index
    )


def test_every_step_of_every_level_has_words() -> None:
    loss = network_loss()
    for level in ("neuron", "layer", "model"):
        steps = with_card_steps(view(loss, group=level))
        assert all(narrate(steps, i) for i in range(len(steps.steps))) and len(steps.steps) > 3
        assert all(formula_lines(steps, i) == [] for i in range(len(steps.steps)))


def test_an_operation_on_a_card_is_told_by_its_result() -> None:
    """One edge stands for both operands, whose numbers are many."""
    out = nn.MLP(1, [1], activation="tanh", seed=0)([0.5])
    square = out * out
    square.label = "square"
    steps = with_card_steps(view(square, group="layer"))
    assert narrate(steps, 1) == f"square (mul): {number(square.data)}"


def test_a_constant_has_no_steps_at_any_level() -> None:
    assert with_card_steps(view(Value(1.0).detach(), group="layer")).steps == ()


def test_numbers_that_are_all_alike_are_one_number() -> None:
    loss = network_loss()
    loss.backward()
    steps = with_card_steps(view(loss, group="model"))
    said = [narrate(steps, i) for i in range(len(steps.steps))]
    assert any("has gradients of 0.3333, and sends" in text for text in said)


# ----- find_step -----


@pytest.mark.parametrize(
    ("at", "step"),
    [
        (None, 1), ("e", 1), ("e:forward", 1), ("e:backward", 9), ("b", 9), ("b:backward", 9), ("f", 6), ("seed", 5),
        ("forward", 1), ("backward", 6), (1, 1), (9, 9), ("7", 7), (" L : backward ", 6), ("a*b", 1), ("#3", 2),
        ("L:backward", 6),
    ],
)  # fmt: skip
def test_a_step_is_found(at: str | int | None, step: int) -> None:
    assert find_step(trace(lesson()), at) == step - 1


@pytest.mark.parametrize("at", ["x", "", "e:sideways", "x:backward", "10", 0, 10, -1, "a:forward"])
def test_what_is_not_found_is_told_with_what_there_is(at: str | int) -> None:
    with pytest.raises(ValueError, match=r"there are 1 to 9, seed, forward, backward, and a, b, e, u, c, d, f, L$"):
        find_step(trace(lesson()), at)


def test_no_more_than_twenty_names_are_listed() -> None:
    root = autograd.sum([Value(1.0, f"x{i}") for i in range(30)])
    root.label = "S"
    with pytest.raises(ValueError, match="x19 and 11 more"):
        find_step(trace(root), "nobody")


@pytest.mark.parametrize("at", [True, 1.0, SimpleNamespace()])
def test_what_is_no_name_and_no_number_is_a_type_error(at: object) -> None:
    with pytest.raises(TypeError, match='at="e:backward"'):
        find_step(trace(lesson()), at)  # type: ignore[arg-type]


def test_a_name_comes_before_a_word_of_ours() -> None:
    y = Value(1.0, "seed") * Value(2.0, "7")
    y.label = "y:backward"
    steps = trace(y)
    assert [find_step(steps, at) for at in ("seed", "7", "y:backward", "y:backward:backward")] == [2, 2, 0, 2]
