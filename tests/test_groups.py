"""Large graphs: scopes, cards for neurons, layers and lines, one sample of many, and what ails a layer."""

import gc
import math
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Tensor, Value, no_names, paused_gc, relu, scope, sigmoid, tanh, topological_order
from autograd.viz import draw, trace, tree
from autograd.viz.trace import NodeRecord, Trace
from autograd.viz.view import view

POINTS = [[0.5, -1.0], [2.0, 0.25], [-1.5, 1.0], [0.0, 3.0], [1.0, 1.0]]


def total_loss(model: Any, points: Any = POINTS) -> Any:
    inputs = [[Value(x) for x in point] for point in points]
    scores = [model(row) for row in inputs]
    losses = [(1.0 - score).relu() for score in scores]
    total = sum(losses) * (1.0 / len(losses))
    total.backward()
    return total


def cards(found: Trace) -> dict[str, NodeRecord]:
    return {node.name: node for node in found.nodes}


def arrows(found: Trace) -> set[tuple[str, str]]:
    return {(found.nodes[edge.parent].name, found.nodes[edge.child].name) for edge in found.edges}


# ----- scopes -----


def test_a_scope_names_what_is_made_in_it_and_scopes_nest() -> None:
    x = Value(2.0)
    with scope("encoder"):
        h = x * 3.0
        with scope("head"):
            y = h.tanh()
        z = y + h
    found = {node.name: node.scope for node in trace(z * 1.0).nodes if node.name}
    assert found == {"x": "", "h": "encoder", "y": "encoder/head", "z": "encoder"}


def test_models_make_scopes_by_themselves_even_inside_a_model_of_ones_own() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.body = nn.MLP(2, [2], seed=0)
            self.gain = Value(2.0)

        def __call__(self, x: Any) -> Any:
            first, second = self.body(x)
            return first * self.gain + second

    net = Net()
    with scope("test"):
        out = net([1.0, 2.0])
    scopes = {node.scope for node in trace(out).nodes if node.op}
    assert scopes == {"test/net", "test/net/body/layers.0/neurons.0", "test/net/body/layers.0/neurons.1"}
    named = {node.name: node.scope for node in trace(out).nodes if node.kind == "leaf"}
    assert named["gain"] == "net"
    assert named["body.layers.0.neurons.1.w.0"] == "net/body/layers.0/neurons.1"


def test_a_model_out_of_sight_has_the_name_of_its_class_and_its_parameters_have_theirs() -> None:
    models: list[Any] = [nn.MLP(2, [1], seed=0)]
    out = models[0]([1.0, 2.0])
    assert {node.scope for node in trace(out).nodes if node.op} == {"MLP/layers.0/neurons.0"}
    assert "layers.0.neurons.0.w.1" in {node.name for node in trace(out).nodes}


def test_a_class_of_the_users_that_names_its_parameters_only_is_no_model() -> None:
    class Own:
        def named_parameters(self) -> None:
            raise AssertionError("this is not asked")

    own = Own()
    assert trace(Value(1.0) * 2.0).nodes[-1].op == "mul" and own


def test_of_two_models_each_name_says_whose_it_is() -> None:
    encoder, decoder = nn.Neuron(1, "linear"), nn.Neuron(1, "linear")
    out = decoder([encoder([1.0])])
    leaves = [node.name for node in trace(out).nodes if node.kind == "leaf"]
    assert leaves == ["decoder.w.0", "encoder.w.0", "encoder.b", "decoder.b"]
    assert {"encoder", "decoder"} <= set(cards(view(out, group="model")))


def test_a_class_that_calls_its_parents_call_is_one_scope() -> None:
    class Scaled(nn.Neuron):
        def __call__(self, x: Any) -> Value:
            return super().__call__(x) * 2.0

    scaled = Scaled(1, "linear")
    out = scaled([1.0])
    assert {node.scope for node in trace(out).nodes if node.op} == {"scaled"}


def test_a_scope_ends_with_its_block_also_by_an_exception_and_is_of_one_thread() -> None:
    seen: list[str] = []

    def look() -> None:
        seen.append(trace(Value(1.0) * 2.0).nodes[-1].scope)

    with scope("block"):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    with pytest.raises(ZeroDivisionError), scope("broken"):
        Value(1.0) / (1 // 0)
    look()

    class Failing(nn.Module):
        def __call__(self, x: Any) -> Any:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Failing()(1.0)
    look()
    assert seen == ["", "", ""]


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_a_scope_needs_a_name(name: Any) -> None:
    with pytest.raises(TypeError, match=r'scope takes a name, as in scope\("encoder"\); got'):
        scope(name)


def test_without_names_there_are_no_scopes() -> None:
    model = nn.Neuron(1)
    with no_names(), scope("hidden"):
        out = model([1.0])
    assert {node.scope for node in trace(out).nodes if node.op} == {""}


def test_a_model_that_keeps_its_output_frees_the_one_before() -> None:
    class Keeping(nn.Module):
        def __init__(self) -> None:
            self.w = Value(2.0)

        def __call__(self, x: Any) -> Any:
            self.last = self.w * x
            return self.last

    with paused_gc():
        model = Keeping()
        probe = weakref.ref(model(3.0))
        model(4.0)
        assert probe() is None
    del model
    gc.collect()  # the model and the output that it keeps refer to each other


def test_a_model_that_nobody_else_holds_still_names_its_graph() -> None:
    def build() -> Value:
        return nn.Neuron(1, "linear")([1.0])

    assert trace(build()).nodes[-1].scope == "Neuron"
    assert draw(build(), group="neuron").svg()


# ----- cards -----


def test_layers_are_cards_with_the_arrows_of_the_network() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    loss = total_loss(model)
    found = view(loss, group="layer")
    there = cards(found)
    assert ("layers.0", "layers.1") in arrows(found)
    first = there["layers.0"].group
    assert first is not None
    assert (first.calls, first.parameters) == (len(POINTS), 9)
    assert found.total == len(topological_order(loss))
    assert sum(node.group.count if node.group else 1 for node in found.nodes) == found.total
    assert found.nodes[-1].kind == "root"
    assert found.nodes[-1].data == loss.data


def test_neurons_are_cards_whose_numbers_are_those_of_their_outputs() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    loss = total_loss(model)
    outputs = [node for node in topological_order(loss) if node.op and node.op.name == "relu"]
    mine = [node for node in outputs if node.parents[0].parents[0] is model.layers[0].neurons[1].w[0]]
    card = cards(view(loss, group="neuron"))["layers.0.neurons.1"]
    assert card.scope == "model/layers.0/neurons.1"
    assert card.group is not None
    assert card.group.calls == len(mine) == len(POINTS)
    data, gradients = [node.data for node in mine], [node.grad for node in mine]
    assert card.group.data == (min(data), float(np.median(data)), max(data))
    assert card.group.grad == (min(gradients), float(np.median(gradients)), max(gradients))
    assert "layers.0.neurons.1 × 5" in draw(loss, group="neuron").svg()


def test_before_the_backward_pass_a_card_claims_no_gradients() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    out = model([1.0, 2.0])
    assert all(node.group.grad is None for node in view(out, group="layer").nodes if node.group)


def test_a_model_that_repeats_over_time_has_no_arrow_to_itself() -> None:
    cell = nn.Neuron(2, "tanh", seed=0)
    h: Any = Value(0.0)
    for x in (1.0, 2.0, 3.0):
        h = cell([h, x])
    found = view(h * 1.0, group="neuron")
    assert ("cell", "cell") not in arrows(found)
    assert cards(found)["cell"].group.calls == 3  # type: ignore[union-attr]


def test_lines_of_a_loop_that_need_each_other_share_a_card() -> None:
    a, b = Value(0.5), Value(0.25)
    for _ in range(200):
        a = b.sin() + 0.5
        b = a.cos() * 0.5
    end = b * 1.0
    found = view(end)
    assert found.total > 400
    assert all(edge.parent < edge.child for edge in found.edges)
    assert sum(node.group.count if node.group else 1 for node in found.nodes) == found.total
    assert tree(end)


def test_a_graph_too_large_to_draw_groups_itself_and_says_so() -> None:
    model = nn.MLP(2, [16, 16, 1], seed=0)
    loss = total_loss(model, POINTS * 4)
    found = draw(loss)
    assert len(found.trace.nodes) < 20
    assert f"{found.trace.total:,} nodes on {len(found.trace.nodes)} cards: one for each layer" in found.svg()
    by_neuron = draw(loss, group="neuron").trace
    assert len([node for node in by_neuron.nodes if "neurons" in node.name]) == 33


def test_a_program_without_models_is_grouped_by_its_lines() -> None:
    w = [Value(0.1 * i) for i in range(40)]
    products = [w_i * 0.5 for w_i in w for _ in range(20)]
    loss = sum(products, Value(0.0)).tanh()
    found = draw(loss)
    names = [node.name for node in found.trace.nodes]
    assert names[0].startswith("w = [Value(")
    assert any(name.startswith("products = [") for name in names)
    assert "one for each line of the program" in found.svg()


def test_a_loss_of_ours_bears_its_name() -> None:
    model = nn.MLP(2, [3], seed=0)
    loss = nn.cross_entropy([model(point) for point in POINTS], [0, 1, 2, 0, 1])
    assert ("layers.0", "cross_entropy") in arrows(view(loss, group="layer"))


def test_a_program_without_names_is_grouped_by_its_operations() -> None:
    with no_names():
        x = Value(0.5)
        for _ in range(300):
            x = (x * 1.5).tanh()
    found = view(x)
    assert len(found.nodes) < 5
    assert draw(x).svg()


def test_what_is_too_fine_is_drawn_coarser_and_the_caption_says_so() -> None:
    model = nn.MLP(2, [50, 50, 1], seed=0)
    loss = total_loss(model, POINTS[:1])
    shown = draw(loss, group="neuron")
    assert "one for each layer (neuron by neuron they are too many)" in shown.svg()


def test_what_is_too_large_even_so_is_refused_with_advice() -> None:
    outs = []
    for i in range(401):
        with scope(f"part {i}"):
            outs.append(Value(1.0) * 2.0)
    with pytest.raises(
        ValueError, match=r"even by model this graph of 1,\d+ nodes has more than 400 cards; draw a part"
    ):
        draw(sum(outs[1:], outs[0]))
    assert sum(outs[1:], outs[0])._repr_mimebundle_()["text/plain"]


def test_arrays_are_grouped_by_the_same_words() -> None:
    model = nn.vectorized.MLP(2, [4, 3], seed=0)
    out = model(np.array(POINTS)).sum()
    out.backward()
    found = view(out, group="layer")
    assert ("layers.0", "layers.1") in arrows(found)
    group = cards(found)["layers.0"].group
    assert group is not None
    assert group.parameters == 12


def test_two_pictures_of_one_graph_are_equal_to_the_byte() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    loss = total_loss(model)
    assert draw(loss, group="neuron").svg() == draw(loss, group="neuron").svg()


@pytest.mark.parametrize("extension", ["svg", "dot", "png", "mmd", "json", "txt", "html"])
def test_a_grouped_picture_is_saved_in_every_form(extension: str, tmp_path: Any) -> None:
    loss = total_loss(nn.MLP(2, [3, 1], seed=0))
    path = draw(loss, group="layer").save(tmp_path / f"L.{extension}")
    assert path.stat().st_size > 500
    if extension != "png":
        assert "layers" in path.read_text(encoding="utf-8")


# ----- one sample -----


def test_a_sample_is_one_call_of_the_model_up_to_the_result() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    loss = total_loss(model)
    found = view(loss, sample=3)
    assert found.total == len(topological_order(loss))
    data = [node.data for node in found.nodes if node.kind == "leaf" and not node.scope]
    assert data[:2] == POINTS[3]
    assert len([node for node in found.nodes if node.op == "dot"]) == 4
    assert found.nodes[-1].data == loss.data
    assert any(node.hidden for node in found.nodes)  # the sum of all the losses
    assert "those of call 3 of the model" in draw(loss, sample=3).svg()


def test_blocks_of_ones_own_are_samples_too() -> None:
    w, losses = Value(0.5), []
    for x in (1.0, 2.0, 3.0):
        with scope("sample"):
            losses.append((w * x).tanh())
    total = sum(losses[1:], losses[0])
    found = view(total, sample=2)
    assert [node.data for node in found.nodes if node.kind == "constant"] == [3.0]


def test_a_sample_goes_on_through_other_models_and_stops_at_the_next_call_of_its_own() -> None:
    encoder, decoder = nn.MLP(2, [20, 20], seed=0), nn.MLP(20, [20, 1], seed=0)
    losses = [decoder(encoder(point)) ** 2 for point in POINTS]
    loss = sum(losses[1:], losses[0])
    found = view(loss, sample=1, group="model", steps=True)
    assert {"encoder", "decoder"} <= set(cards(found))
    assert cards(found)["encoder"].group.calls == 1  # type: ignore[union-attr]
    assert found.nodes[-1].data == loss.data
    cell = nn.Neuron(2, "tanh", seed=0)
    h: Any = Value(0.0)
    for x in (1.0, 2.0, 3.0):
        h = cell([h, x])
    first = view(h, sample=0, steps=True)
    assert [node.op for node in first.nodes if node.op] == ["dot", "tanh"]
    assert "seed" not in {step.kind for step in first.steps}
    assert "seed" not in {step.kind for step in view(h, sample=0, group="layer", steps=True).steps}


def test_a_lens_looks_into_one_sample_where_a_weight_is_used_once() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    loss = total_loss(model)
    w = model.layers[0].neurons[1].w[0]
    dots = [len([node for node in view(loss, around=w, down=1, **word).nodes if node.op == "dot"])
            for word in ({}, {"sample": 3})]  # fmt: skip
    assert dots == [len(POINTS), 1]


def test_a_grouped_sample_says_which_and_how_much_of_the_graph_it_is() -> None:
    loss = total_loss(nn.MLP(2, [3, 1], seed=0))
    found = draw(loss, sample=3, group="layer")
    there = sum(node.group.count if node.group else 1 for node in found.trace.nodes)
    assert there < found.trace.total
    assert f"{there:,} of {found.trace.total:,} nodes on" in found.svg()
    assert "those of call 3 of the model, one for each layer" in found.svg()


def test_a_long_row_of_cards_goes_from_top_to_bottom_as_a_page_does() -> None:
    loss = total_loss(nn.MLP(2, [3, 3, 3, 1], seed=0))
    assert draw(loss, group="layer").rankdir == "TB"
    assert draw(loss, group="layer", rankdir="LR").rankdir == "LR"
    assert draw(total_loss(nn.MLP(2, [9, 9, 9, 1], seed=0)), group="neuron").rankdir == "LR"


def test_a_sample_can_be_grouped() -> None:
    loss = total_loss(nn.MLP(2, [3, 1], seed=0))
    found = view(loss, sample=0, group="layer")
    assert cards(found)["layers.0"].group.calls == 1  # type: ignore[union-attr]
    with pytest.raises(ValueError, match=r"this takes in .* nodes, and nobody reads a picture of more than 400"):
        view(total_loss(nn.MLP(2, [20, 20, 1], seed=0)), sample=0, group="scalar")


@pytest.mark.parametrize("place", [5, -1, True, 1.0, "one"])
def test_a_sample_that_is_not_there_is_an_error_that_counts(place: Any) -> None:
    loss = total_loss(nn.MLP(2, [1], seed=0))
    with pytest.raises(
        ValueError, match=r"sample says which call of the model to show; got .* this graph has 5, from 0 to 4"
    ):
        draw(loss, sample=place)


def test_a_graph_without_calls_has_no_samples() -> None:
    with pytest.raises(ValueError, match=r"this graph has none: call an nn\.Module, or write `with scope"):
        draw(Value(1.0) * 2.0, sample=0)


def test_words_that_contradict_each_other_are_refused() -> None:
    x = Value(1.0)
    y = x * 2.0
    with pytest.raises(ValueError, match="around and path each choose a part of the graph; give one"):
        draw(y, path=(x, y), around=x)
    with pytest.raises(ValueError, match="sample and max_nodes each choose"):
        draw(y, sample=0, max_nodes=3)
    with pytest.raises(ValueError, match="group is one of scalar, neuron, layer, model; got 'neurons'"):
        draw(y, group="neurons")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="around= shows single nodes; leave group='layer' out"):
        draw(y, around=x, group="layer")
    with pytest.raises(ValueError, match="up and down are how far to look around a node; give it too"):
        draw(y, up=3)
    for wrong in ({"around": "x"}, {"path": ("x", y)}):
        with pytest.raises(TypeError, match=r"a lens looks at nodes, as in around=w or path=\(w, loss\); got 'x'"):
            draw(y, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"path is two nodes, an operand and a result, .* got Value"):
        draw(y, path=x)  # type: ignore[arg-type]


# ----- health -----


def marks(root: Any) -> dict[str, str]:
    return {node.op or node.name: node.health for node in trace(root).nodes if node.health}


def chain(slope: float, length: int) -> Value:
    x = Value(1.0, label="x")
    y: Any = x
    for _ in range(length):
        y = y * slope
    y.backward()
    return y  # type: ignore[no-any-return]


def test_a_gradient_that_vanishes_or_explodes_is_marked() -> None:
    assert marks(chain(0.1, 9))["x"].startswith("vanishing: its gradient is 1e-09, below 1e-08")
    assert marks(chain(0.1, 7)) == {}
    assert marks(chain(10.0, 4))["x"].startswith("exploding: its gradient reaches 1e+04, above 1,000")
    assert marks(chain(10.0, 3)) == {}


def test_a_gradient_that_nobody_computed_is_not_marked() -> None:
    x = Value(1.0)
    assert marks(x * 0.0) == {}


@pytest.mark.parametrize(
    ("function", "x", "mark"),
    [
        (relu, -1.0, "off: relu gives 0 here, and lets no gradient back"),
        (relu, 1.0, ""),
        (tanh, 3.0, "saturated: it lies where tanh is flat, with a derivative under 0.02"),
        (tanh, 2.0, ""),
        (sigmoid, -5.0, "saturated: it lies where sigmoid is flat"),
        (sigmoid, -3.0, ""),
    ],
)
def test_an_activation_that_stops_the_gradient_is_marked(function: Callable[[Any], Any], x: float, mark: str) -> None:
    for leaf in (Value(x), Tensor([x])):
        found = trace(function(leaf)).nodes[-1].health
        assert found.startswith(mark) if mark else not found


def test_a_number_that_is_none_is_marked() -> None:
    x = Value(-1.0)
    assert marks(x.log())["log"].startswith("not finite: its number or its gradient is nan or inf; compute within")
    y = Value(0.0, label="y")
    root = y.sqrt()
    root.backward()
    assert marks(root)["y"].startswith("not finite")
    assert trace(Tensor([1.0, math.nan]) * 1.0).nodes[-1].health.startswith("not finite: 1 of its numbers")


def test_a_layer_is_marked_by_the_shares_of_all_its_calls() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    for neuron in model.layers[0].neurons:
        neuron.b.data = -100.0
    card = cards(view(total_loss(model), group="layer"))["layers.0"]
    assert card.health == "dead: relu gives 0 for 100% of its 15 numbers, and lets no gradient back"
    assert "dead" in draw(total_loss(model), group="layer").svg()
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    model.layers[0].neurons[0].b.data = model.layers[0].neurons[1].b.data = 100.0
    card = cards(view(total_loss(model), group="layer"))["layers.0"]
    assert card.health.startswith("saturated: 67% of its 15 numbers lie where tanh is flat")


def test_a_layer_is_dead_where_one_of_its_neurons_is() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    model.layers[0].neurons[1].b.data = -100.0
    card = cards(view(total_loss(model), group="layer"))["layers.0"]
    assert card.health == "dead: 1 of its 3 neurons gives 0 for all 5 examples, and no gradient goes back"
    array = Tensor([[-1.0, 1.0, -2.0], [-3.0, -1.0, -2.0]]).relu()
    assert trace(array).nodes[-1].health.startswith("dead: 2 of its 3 neurons give 0 for all 2 examples")
    assert not trace(Tensor([[-1.0, 1.0]]).relu()).nodes[-1].health


def test_the_mark_is_in_the_picture_and_in_the_text() -> None:
    y = Value(-2.0).relu()
    assert ">off<" in draw(y).svg()
    assert "off: relu gives 0 here" in draw(y).svg()  # the sentence, in the tooltip
    assert "health off" in tree(y)
