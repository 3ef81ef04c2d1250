"""The gradient as a sum over paths: held to the engine's gradient, and to a listing of all paths."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pytest
from helpers import same
from test_hostile_labels import HOSTILE

import nn
from autograd import Tensor, Value, dot, no_grad
from autograd.graph import Node
from autograd.viz.explain import explain


def every_path(root: Node, leaf: Node) -> Iterator[float]:
    """The product along each path, by recursion: for small graphs."""
    if root is leaf:
        yield 1.0
        return
    if root.saved is not None:
        for d, parent in zip(root.vjp(1.0), root.parents, strict=True):
            if d is not None:
                yield from (d * rest for rest in every_path(parent, leaf))


def random_graph(seed: int, size: int = 14) -> tuple[Value, list[Value]]:
    """A few leaves, then operations on anything that came before, repeats and constants among it."""
    rng = np.random.default_rng(seed)
    leaves = [Value(float(rng.uniform(-2.0, 2.0)), f"x{i}") for i in range(3)]
    nodes = list(leaves)
    for _ in range(size):
        a, b = (nodes[int(rng.integers(max(0, len(nodes) - 5), len(nodes)))] for _ in range(2))
        ways = [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: (a - b).tanh(), lambda a, b: a.sin() * 0.7]
        nodes.append(ways[int(rng.integers(4))](a, b))
    return nodes[-1] + nodes[-2], leaves


def test_one_path_is_the_chain_rule() -> None:
    a, b, c, f = Value(2.0, "a"), Value(-3.0, "b"), Value(10.0, "c"), Value(-2.0, "f")
    e = a * b
    d = e + c
    L = d * f
    assert str(explain(L, a)) == (
        "∂L/∂a = 6\n"
        "  L ← d ← e ← a   −2 · 1 · −3 = 6\n"
        "  the only path: its product is 6, the gradient of the backward pass"
    )
    assert repr(explain(L, a)) == str(explain(L, a))
    assert str(explain(L, L)).startswith("∂L/∂L = 1\n  L   1\n")
    assert explain(L, e).paths[0].nodes == ("L", "d", "e")


def test_a_node_used_twice_by_one_operation_is_two_edges() -> None:
    x = Value(3.0, "x")
    y = x * x + x
    assert str(explain(y, x)).splitlines() == [
        "∂y/∂x = 7",
        "  y ← x * x ← x   1 · 3 = 3",
        "  y ← x * x ← x   1 · 3 = 3",
        "  y ← x           1",
        "  the 3 paths sum to 7, the gradient of the backward pass",
    ]


@pytest.mark.parametrize("seed", range(25))
def test_the_paths_are_all_paths_and_sum_to_the_gradient_of_the_engine(seed: int) -> None:
    root, leaves = random_graph(seed)
    root.backward()
    for leaf in leaves:
        products = list(every_path(root, leaf))
        found = explain(root, leaf, most=100_000)
        assert found.count == len(found.paths) == len(products)
        assert found.gradient == leaf.grad
        scale = max(1.0, math.fsum(map(abs, products)))
        assert abs(math.fsum(path.product for path in found.paths) - leaf.grad) <= 1e-12 * scale
        assert found.total == pytest.approx(math.fsum(map(abs, products)), rel=1e-12)
        assert same(sorted(path.product for path in found.paths), sorted(products))
        assert all(path.product == math.prod(path.derivatives) for path in found.paths)


@pytest.mark.parametrize("seed", range(25))
def test_the_few_listed_are_the_largest(seed: int) -> None:
    root, leaves = random_graph(seed, size=18)
    for leaf in leaves:
        sizes = sorted((abs(product) for product in every_path(root, leaf)), reverse=True)
        for most in (1, 3, 10):
            found = explain(root, leaf, most=most)
            assert same([abs(path.product) for path in found.paths], sizes[:most])
            assert found.count == len(sizes)


def test_exponentially_many_paths_are_counted_and_not_walked() -> None:
    x = Value(0.9, "x")
    h = x
    for i in range(400):
        h = h.tanh() + h * (0.5 + 0.001 * i)
    found = explain(h, x)
    assert found.count == 2**400
    assert len(found.paths) == 10
    h.backward()
    assert found.gradient == x.grad
    assert "10 of about 10^120 paths carry" in str(found)


def test_a_million_equal_paths_end_at_once_and_tell_their_share() -> None:
    x = Value(1.0, "x")
    h = x
    for _ in range(20):
        h = h + h
    found = explain(h, x, most=4)
    assert [path.product for path in found.paths] == [1.0] * 4
    assert str(found).endswith(
        "4 of 1,048,576 paths carry less than 0.1 % of Σ|product|; "
        "all of them sum to 1.049e+06, the gradient of the backward pass"
    )


def test_the_share_is_of_the_sum_of_sizes_and_not_of_the_gradient() -> None:
    x = Value(2.0, "x")
    y = 3.0 * x - 2.0 * x + x
    assert explain(y, x).gradient == 2.0
    assert "1 of 3 paths carry 50 % of Σ|product|; all of them sum to 2" in str(explain(y, x, most=1))
    assert "2 of 3 paths carry 83.3 %" in str(explain(y, x, most=2))


def test_a_share_is_rounded_down() -> None:
    x = Value(1.0, "x")
    assert "carry 99.9 %" in str(explain(x * 9999.0 + x, x, most=1))


def test_a_deep_chain_is_no_recursion_and_shows_its_ends() -> None:
    x = Value(1.0, "x")
    h = x
    for _ in range(5_000):
        h = h * 1.0
    found = explain(h, x)
    assert len(found.paths[0].derivatives) == 5_000
    line = str(found).splitlines()[1]
    assert "… 4,993 more …" in line and line.endswith("1 · 1 · 1 · 1 · … 4,992 more … · 1 · 1 · 1 · 1 = 1")


def test_the_time_box_keeps_what_was_found() -> None:
    x = Value(1.0, "x")
    found = explain(x * x + x, x, seconds=0.0)
    assert len(found.paths) == 1
    assert found.count == 3 and "1 of 3 paths" in str(found)


# ----- no paths -----


def test_what_does_not_depend_has_gradient_zero() -> None:
    a, b = Value(1.0, "a"), Value(2.0, "b")
    other = b * 2.0
    found = explain(a * 3.0, b)
    assert (found.gradient, found.count, found.paths) == (0.0, 0, ())
    assert "no gradient goes from" in str(found) and "to b:" in str(found)
    assert explain(b, other).count == 0


def test_constants_are_sent_nothing() -> None:
    a = Value(1.0, "a")
    constant = Value(2.0, "k").detach()
    with no_grad():
        result = a * 2.0
    for root, leaf in ((a * constant, constant), (result, a), (a.detach() * 2.0, a), (a * 2.0 + a.detach(), constant)):
        found = explain(root, leaf)
        assert (found.gradient, found.count, found.paths, found.total) == (0.0, 0, (), 0.0)


def test_a_path_through_a_constant_is_none() -> None:
    a = Value(3.0, "a")
    assert explain(a * (a * 1.0).detach(), a).count == 1


# ----- nan and inf -----


def test_nan_and_inf_go_first_and_are_said_plainly() -> None:
    x = Value(0.0, "x")
    y = x * 5.0 + x.log() * 0.0
    found = explain(y, x)
    assert math.isnan(found.paths[0].product) and found.paths[1].product == 5.0
    assert str(found).startswith("∂y/∂x = nan\n") and "= nan\n" in str(found)
    z = x.log() + x
    assert [path.product for path in explain(z, x).paths] == [math.inf, 1.0]
    assert "1 of 2 paths; all of them sum to inf" in str(explain(z, x, most=1))


def test_all_products_zero_is_no_division_by_zero() -> None:
    x = Value(1.0, "x")
    y = x * 0.0 + x * 0.0
    assert "1 of 2 paths; all of them sum to 0" in str(explain(y, x, most=1))


# ----- names, types -----


@pytest.mark.parametrize("label", HOSTILE[:60:3])
def test_hostile_labels_are_only_text(label: str) -> None:
    x = Value(1.0, label)
    assert all(line.isprintable() for line in str(explain(x * x.tanh(), x)).split("\n"))


def test_the_gradients_of_the_graph_are_left_alone() -> None:
    x = Value(2.0, "x")
    y = x * x
    explain(y, x)
    assert (x.grad, y.grad) == (0.0, 0.0)


def test_a_fused_dot_is_one_edge_for_each_operand() -> None:
    w, x = [Value(2.0, "w0"), Value(3.0, "w1")], Value(5.0, "x")
    n = dot(w, [x, x])
    assert sorted(path.product for path in explain(n, x).paths) == [2.0, 3.0]


def test_the_object_is_plain_records() -> None:
    x = Value(2.0, "x")
    y = x * 3.0
    assert json.loads(json.dumps(asdict(explain(y, x)))) == {
        "root": "y", "leaf": "x", "count": 1, "gradient": 3.0, "total": 3.0,
        "paths": [{"nodes": ["y", "x"], "derivatives": [3.0], "product": 3.0}],
    }  # fmt: skip


def test_a_tensor_is_refused_with_what_to_do_instead() -> None:
    x, t = Value(1.0), Tensor([1.0])
    for root, leaf, what in ((t, t, "root"), (x, t, "leaf")):
        with pytest.raises(TypeError, match=f"the {what} is a Tensor, whose derivatives are arrays. Build"):
            explain(root, leaf)
    with pytest.raises(TypeError, match=r"from one Value to another; got float 1\.0 as leaf"):
        explain(x, 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("most", [0, -1, True, 2.0, None])
def test_most_is_a_count(most: object) -> None:
    with pytest.raises(ValueError, match="most is how many paths"):
        explain(Value(1.0), Value(1.0), most=most)  # type: ignore[arg-type]


def test_what_a_neuron_makes_is_one_step_of_a_path_called_by_its_scope() -> None:
    model = nn.MLP(2, [3, 1], seed=1)
    found = explain(model([1.0, 2.0]) * 2.0, model.layers[0].neurons[0].w[1])
    assert found.paths[0].nodes[1:] == ("layers.1.neurons.0", "layers.0.neurons.0", "layers.0.neurons.0.w.1")
    assert math.prod(found.paths[0].derivatives) == pytest.approx(found.paths[0].product)
